//! A loop that serves requests: what it knows of its connections and tasks, and what its handles want of the world.
//!
//! After uvicorn 0.54 over `selector_events.py` (CPython 3.11): one protocol a connection, one task a request. A request's task goes
//! its way through the same program as on threads and hubs; what it waits for is a future of the loop (`wait.rs`), so it goes on a turn
//! after that is done. `accept.rs` connections and their handles, `run.rs` what becomes of a task's effects, `shared.rs` what tasks
//! share, `collect.rs` pauses of the garbage collector, `life.rs` how a loop ends with its process.
//! What a handle does outside of the loop is an [`Ask`], which the world answers before the next handle runs.
//! Left out: pipelined requests, what a tick of 0.1 s costs (`world/spent.rs` has what it finds), bodies that come in pieces, `drain`.

mod accept;
mod collect;
mod life;
mod run;
mod shared;
mod wait;

use super::handle::{Callback, Handle};
use super::sockets::Reader;
use super::task::AioKey;
use super::{EventLoop, Outside};
use crate::carrier::above::LifeForCarrier;
use crate::kit::arena::ArenaKey;
use crate::kit::id::{ConnId, LoopId, ProcessId, RequestId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::op::Pc;
use crate::python::linkable::LinkId;
use crate::watch::probe::Probe;
use crate::world::World;

/// No descriptor.
const NO_SOCK: u32 = u32::MAX;

/// What a loop knows of what it serves.
#[derive(Debug)]
pub(super) struct Server {
    process: ProcessId,
    /// The descriptor of its listening socket; [`NO_SOCK`] if it serves nobody.
    listener: u32,
    /// Connections by descriptor.
    lines: Vec<Line>,
    /// Requests that have a task.
    tasks: u32,
    /// Connections that are accepted and not yet made.
    unmade: u32,
    /// Whether it has as many connections as it takes, and waits for one to end.
    is_full: bool,
    /// Since when it has had room for another.
    room_from: Time,
    /// What the handle that has just run wants of the world, and whether all is paid before.
    asks: Option<Ask>,
    pays: bool,
    /// Who keeps the loop.
    hold: Option<Hold>,
    held_max: Span,
    collector: collect::Collector,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            process: ProcessId::NONE,
            listener: NO_SOCK,
            lines: Vec::new(),
            tasks: 0,
            unmade: 0,
            is_full: false,
            room_from: Time::ZERO,
            asks: None,
            pays: false,
            hold: None,
            held_max: Span::ZERO,
            collector: collect::Collector::default(),
        }
    }
}

/// A connection.
#[derive(Clone, Debug)]
struct Line {
    /// The request whose bytes came with it.
    request: RequestId,
    /// What it is to its client once it has outlived a request.
    conn: ConnId,
    /// The timer of `timeout_keep_alive`.
    idle: Option<ArenaKey<Handle>>,
}

impl Line {
    const NEW: Line = Line { request: RequestId::NONE, conn: ConnId::NONE, idle: None };
}

/// What a handle wants of the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    /// `_accept_connection`: the listener is readable; so many accepts are left, and 0 is all that one readiness may bring.
    Accept(u32),
    /// `_accept_connection2`: the transport of a connection is made.
    Setup(u32),
    /// `connection_made`.
    Made(u32),
    /// `_add_reader` of a new transport.
    Watch(u32),
    /// `data_received`.
    Ready(u32),
    /// `timeout_keep_alive_handler`.
    Idle(u32),
    /// The limit of a task's wait, or of a block around it, has passed.
    Limit(TaskId),
    /// `_call_connection_lost` of the connection with this descriptor, whose request this task has answered.
    Close(TaskId, Option<u32>),
    /// `_start_serving` after an accept that failed, or once there is room for a connection.
    Listen,
    /// The server's `on_tick`, where that ends it.
    Tick,
}

/// A task that keeps the loop.
#[derive(Clone, Copy, Debug)]
struct Hold {
    from: Time,
    /// What took most of it so far.
    heaviest: Span,
    pc: Option<Pc>,
    program: u16,
}

/// What a loop knows of a request's task, or of a branch of one.
#[derive(Clone, Default, Debug)]
pub(in crate::carrier) struct Served {
    task: Option<AioKey>,
    /// The descriptor of its connection, if it is a request's.
    line: Option<u32>,
    /// The descriptor of a call.
    call: Option<u32>,
    /// The timer of its wait.
    limit: Option<ArenaKey<Handle>>,
    /// Those of the blocks it is in.
    guards: Vec<ArenaKey<Handle>>,
    native: Native,
    /// The tokens of the pool that it has one of, or waits for.
    tokens: LinkId,
    /// Middle collections before it came.
    epoch: u32,
}

/// Where a task is with its work in a native thread.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Native {
    #[default]
    No,
    /// It wants a thread for so long.
    Wants(Span),
    /// It wants to go on in one.
    WantsToGo,
    /// A thread works for it.
    Runs,
    /// It is in one.
    Away,
    /// The same, and its limit has passed meanwhile.
    AwayTooLong,
    /// It has been handed a thread and does not want it any more.
    Declines,
}

impl EventLoop {
    /// Begins to watch a listening socket: it serves requests from now on.
    pub(crate) fn listen(&mut self, process: ProcessId) {
        let listener = self.sockets.open();
        (self.server.process, self.server.listener) = (process, listener);
        self.add_reader(listener, Reader::Server(Ask::Accept(0)));
        self.sockets.tell();
        self.now = Time::ZERO;
    }

    /// Whether it serves requests.
    pub(super) fn serves(&self) -> bool {
        self.server.listener != NO_SOCK
    }

    /// The longest time that a task kept it.
    pub(crate) fn held_max(&self) -> Span {
        self.server.held_max
    }

    /// Forgets how long it was kept.
    pub(crate) fn begin_counting(&mut self) {
        self.server.held_max = Span::ZERO;
    }

    fn line_at(&mut self, sock: u32) -> &mut Line {
        let at = sock as usize;
        if self.server.lines.len() <= at {
            self.server.lines.resize(at + 1, Line::NEW);
        }
        &mut self.server.lines[at]
    }

    /// A handle's callback that the world runs.
    pub(super) fn ask(&mut self, ask: Ask) {
        // The outside sees a connection close.
        self.server.pays |= matches!(ask, Ask::Close(..));
        self.server.asks = Some(ask);
    }

    /// What the last handle wants of the world.
    pub(super) fn asked(&mut self) -> Option<Ask> {
        self.server.asks.take()
    }

    /// Whether it pays before the world does what it wants.
    pub(super) fn pays_first(&mut self) -> bool {
        std::mem::take(&mut self.server.pays)
    }

    pub(super) fn soon(&mut self, ask: Ask) {
        self.call_soon(Callback::Server(ask));
    }

    /// A task goes over to a native thread, as soon as the world is where the loop is.
    fn sends_over(&mut self, task: TaskId) {
        self.happens_at(self.now, Outside::GoesOver(task));
    }

    /// Something outside happens at `at` that a task waits for.
    fn works_until(&mut self, at: Time, task: TaskId) {
        self.happens_at(at, Outside::Native(task));
    }
}

impl<P: Probe> World<'_, P> {
    /// The loop of a process that has one.
    pub(crate) fn loop_of(&self, process: ProcessId) -> Option<LoopId> {
        let main = self.carriers.pools[process].acceptor();
        if main.is_none() {
            return None;
        }
        match self.threads[main].role() {
            crate::machine::Role::Loop(on) => Some(on),
            crate::machine::Role::Server
            | crate::machine::Role::Acceptor
            | crate::machine::Role::PoolServer
            | crate::machine::Role::Helper
            | crate::machine::Role::Native(_)
            | crate::machine::Role::Hub(_)
            | crate::machine::Role::Router(_)
            | crate::machine::Role::Generator(_) => None,
        }
    }

    fn served(&mut self, task: TaskId) -> &mut Served {
        let at = task.index();
        if self.carriers.served.len() <= at {
            self.carriers.served.resize_with(at + 1, Served::default);
        }
        &mut self.carriers.served[at]
    }

    /// What a handle wants.
    pub(super) fn run_ask(&mut self, id: LoopId, ask: Ask) {
        match ask {
            Ask::Accept(0) => self.accept_on_loop(id, self.loop_spec(id).accepts),
            Ask::Accept(left) => self.accept_on_loop(id, left),
            Ask::Setup(sock) => self.set_up(id, sock),
            Ask::Made(_) => {
                let process = self.carriers.loops[id].server.process;
                self.carriers.loops[id].server.unmade -= 1;
                self.carriers.pools[process].counts_connection();
            }
            Ask::Tick => self.tick_finds_it_spent(self.carriers.loops[id].server.process),
            Ask::Watch(sock) => self.watch_line(id, sock),
            Ask::Ready(sock) => self.data_received(id, sock),
            Ask::Idle(sock) => self.idle_too_long(id, sock),
            Ask::Limit(task) => self.limit_on_loop(id, task),
            Ask::Close(task, line) => self.close_with_response(id, task, line),
            Ask::Listen => {
                let on = &mut self.carriers.loops[id];
                let listener = on.server.listener;
                if !self.is_stopping(self.carriers.loops[id].server.process) {
                    self.carriers.loops[id].add_reader(listener, Reader::Server(Ask::Accept(0)));
                }
            }
        }
    }
}
