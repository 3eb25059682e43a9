//! A task: a 64-byte cursor into a program. A thread's job in one world, a greenlet in the other.
//!
//! A task knows where it is in its program and what it waits for; what it has cost its sender so far is in its
//! request (`request.rs`), so that a request's bill survives the task and a task without a request costs nothing more.

use crate::kit::id::{GreenId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::program::op::{Pc, Program};

/// A cursor into a program, with its loop counters.
#[derive(Clone, Debug)]
pub struct Task {
    /// When it became ready, while it is: how long a hub or GIL keeps it waiting is measured from here.
    pub(super) ready_since: Time,
    /// CPU time that a yielding burn still has to do.
    pub(super) piece: Span,
    /// When the limit of what it waits for passes; [`Time::NEVER`] without one.
    pub(super) limit_at: Time,
    /// The request it serves.
    pub(super) request: RequestId,
    /// The operating-system thread that carries it.
    pub(super) thread: ThreadId,
    /// Who waits for it, if it is one run of a fan-out.
    pub(super) parent: TaskId,
    /// Its greenlet, if it has more to it than a request's program: a name, links, timeout blocks.
    pub(super) green: GreenId,
    /// Index of the timer, socket, call or linkable it waits for; what it means depends on `parked`.
    pub(super) handle: u32,
    /// Index of the hub timer of its limit.
    pub(super) limit_timer: u32,
    /// Loop counters.
    pub(super) registers: [u32; Program::REGISTERS],
    /// Index of its program.
    pub(super) program: u16,
    /// The next op.
    pub(super) pc: Pc,
    /// What it waits for.
    pub(super) parked: Parked,
    /// What it finds when it goes on.
    pub(super) news: News,
    /// Whether it is on its way out after a failure, giving back what it holds.
    pub(super) unwinding: bool,
}

const _: () = assert!(size_of::<Task>() == 64);

/// What a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parked {
    /// Nothing: it runs or could run.
    No,
    /// A sleep.
    Timer,
    /// The pause of a resident client before its next request.
    Thinking,
    /// A peer's reply.
    Peer,
    /// A unit of a lock or pool.
    Unit,
    /// Its turn, after `sleep(0)`.
    Turn,
    /// An event or result, or a unit that it will not take.
    Readiness,
    /// Nothing else being left to do.
    Idle,
    /// An item.
    Item,
    /// Room for an item.
    Room,
    /// Data on a socket.
    Data,
    /// The death of a greenlet.
    Death,
    /// The deaths of several.
    Deaths,
    /// Those whom it kills to be thrown into.
    Kill,
    /// The runs of a fan-out; `handle` counts those that are not done.
    Children,
}

/// What a task finds when it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// It was just begun: the server's own Python comes first.
    Begun,
    /// Nothing special: what it waited for is there, or worth trying again.
    None,
    /// A unit was handed to it.
    Granted,
    /// Its limit passed, or the call failed: the request fails.
    Failed,
}

impl Task {
    /// A task at the first op of a program.
    pub fn new(request: RequestId, thread: ThreadId, program: u16) -> Task {
        Task {
            ready_since: Time::ZERO,
            piece: Span::ZERO,
            limit_at: Time::NEVER,
            request,
            thread,
            parent: TaskId::NONE,
            green: GreenId::NONE,
            handle: u32::MAX,
            limit_timer: u32::MAX,
            registers: [0; Program::REGISTERS],
            program,
            pc: Pc(0),
            parked: Parked::No,
            news: News::Begun,
            unwinding: false,
        }
    }

    /// When it became ready, while it is: how long a hub or GIL keeps it waiting is measured from here.
    #[inline(always)]
    pub fn ready_since(&self) -> Time {
        self.ready_since
    }

    /// CPU time that a yielding burn still has to do.
    #[inline(always)]
    pub fn piece(&self) -> Span {
        self.piece
    }

    /// When the limit of what it waits for passes; [`Time::NEVER`] without one.
    #[inline(always)]
    pub fn limit_at(&self) -> Time {
        self.limit_at
    }

    /// The request it serves.
    #[inline(always)]
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// The operating-system thread that carries it.
    #[inline(always)]
    pub fn thread(&self) -> ThreadId {
        self.thread
    }

    /// Who waits for it, if it is one run of a fan-out.
    #[inline(always)]
    pub fn parent(&self) -> TaskId {
        self.parent
    }

    /// Its greenlet, if it has more to it than a request's program: a name, links, timeout blocks.
    #[inline(always)]
    pub fn green(&self) -> GreenId {
        self.green
    }

    /// Index of the timer, socket, call or linkable it waits for; what it means depends on `parked`.
    #[inline(always)]
    pub fn handle(&self) -> u32 {
        self.handle
    }

    /// Index of its program.
    #[inline(always)]
    pub fn program(&self) -> u16 {
        self.program
    }

    /// The next op.
    #[inline(always)]
    pub fn pc(&self) -> Pc {
        self.pc
    }

    /// What it waits for.
    #[inline(always)]
    pub fn parked(&self) -> Parked {
        self.parked
    }

    /// What it finds when it goes on.
    #[inline(always)]
    pub fn news(&self) -> News {
        self.news
    }

    /// Whether it is on its way out after a failure, giving back what it holds.
    #[inline(always)]
    pub fn unwinding(&self) -> bool {
        self.unwinding
    }

    /// A loop counter.
    #[inline(always)]
    pub fn register(&self, register: usize) -> u32 {
        self.registers[register]
    }

    /// All loop counters.
    #[inline(always)]
    pub(crate) fn registers(&self) -> [u32; Program::REGISTERS] {
        self.registers
    }

    /// A loop counter begins with a value.
    pub(crate) fn load(&mut self, register: usize, value: u32) {
        self.registers[register] = value;
    }

    /// It begins in the middle of its program.
    pub(crate) fn from(self, pc: Pc, registers: [u32; Program::REGISTERS]) -> Task {
        Task { pc, registers, ..self }
    }

    /// It begins a program for another request, as if it had just been made for that.
    pub(crate) fn start_over(&mut self, request: RequestId, program: u16) {
        (self.request, self.program, self.pc) = (request, program, Pc(0));
        (self.news, self.unwinding, self.piece) = (News::None, false, Span::ZERO);
        self.registers = [0; Program::REGISTERS];
    }

    /// It goes on at another op.
    pub(crate) fn jump_to(&mut self, pc: Pc) {
        self.pc = pc;
    }

    /// The op that it has just met will be met once more.
    #[inline(always)]
    pub(crate) fn meet_again(&mut self) {
        self.pc.0 -= 1;
    }

    /// It is one run of a fan-out of `parent`'s.
    pub(crate) fn branch_off(&mut self, parent: TaskId) {
        self.parent = parent;
    }

    /// Nobody waits for it any more, and its request goes on without it: it is its own parent.
    pub(crate) fn is_left_to_itself(&mut self, me: TaskId) {
        (self.parent, self.request) = (me, RequestId::NONE);
    }

    /// Another thread carries it.
    pub(crate) fn move_to(&mut self, thread: ThreadId) {
        self.thread = thread;
    }

    /// It waits for something.
    #[inline(always)]
    pub(crate) fn park(&mut self, parked: Parked) {
        self.parked = parked;
    }

    /// It waits no longer: what it waited for.
    #[inline(always)]
    pub(crate) fn unpark(&mut self) -> Parked {
        std::mem::replace(&mut self.parked, Parked::No)
    }

    /// It will find this when it goes on.
    #[inline(always)]
    pub(crate) fn hear(&mut self, news: News) {
        self.news = news;
    }

    /// It goes on: what it finds.
    #[inline(always)]
    pub(crate) fn take_news(&mut self) -> News {
        std::mem::replace(&mut self.news, News::None)
    }

    /// It has been ready since `at`.
    #[inline(always)]
    pub(crate) fn ready_from(&mut self, at: Time) {
        self.ready_since = at;
    }

    /// What it waits for is this timer, socket, call or linkable, or so many runs.
    #[inline(always)]
    pub(crate) fn wait_for(&mut self, handle: u32) {
        self.handle = handle;
    }

    /// It waits for no thing any longer: which one that was.
    #[inline(always)]
    pub(crate) fn take_handle(&mut self) -> u32 {
        std::mem::replace(&mut self.handle, u32::MAX)
    }

    /// One of the runs that it waits for is done. True if it was the last.
    pub(crate) fn lose_run(&mut self) -> bool {
        self.handle -= 1;
        self.handle == 0
    }

    /// The limit of its wait passes at `at`.
    #[inline(always)]
    pub(crate) fn give_up_at(&mut self, at: Time) {
        self.limit_at = at;
    }

    /// The limit of its wait passes at `at`, which a timer of its hub says.
    #[inline(always)]
    pub(crate) fn give_up_by(&mut self, timer: u32, at: Time) {
        (self.limit_timer, self.limit_at) = (timer, at);
    }

    /// No timer stands for its limit any longer: which one did.
    #[inline(always)]
    pub(crate) fn take_limit_timer(&mut self) -> u32 {
        std::mem::replace(&mut self.limit_timer, u32::MAX)
    }

    /// It has a greenlet of its own.
    pub(crate) fn become_greenlet(&mut self, green: GreenId) {
        self.green = green;
    }

    /// Its greenlet is given up: which one it was.
    pub(crate) fn leave_greenlet(&mut self) -> GreenId {
        std::mem::replace(&mut self.green, GreenId::NONE)
    }
}
