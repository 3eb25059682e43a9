//! The cooperative carrier: a gevent hub. One thread, one loop, greenlets that run until they let go.
//!
//! After gevent 26.9 over libev 4.33. The files: `turn.rs` one iteration of the loop, `common_turns.rs` the turns that most turns are,
//! `timers.rs` libev's heap, `poll.rs` sockets and epoll, `waits.rs` parking and throwing, `notify.rs` callbacks that wake several,
//! `ops.rs` locks, events and queues, `stdlib_ops.rs` what CPython makes of conditions and its own queues, `life.rs` birth and death,
//! `remote.rs` socket pairs, remotes and native threads, `server.rs` accepting, `resident.rs` greenlets that ask for themselves,
//! `audit.rs` what must hold at the end.
//!
//! What the loop's own work costs is owed by its thread and paid before anything outside can see a result: the loop's clock is
//! the world's plus what is owed. A burn keeps the whole hub; a call that gevent could not patch parks the whole thread.

pub(crate) mod audit;
pub(crate) mod common_turns;
pub(crate) mod greenlet;
mod kept_connections;
mod life;
mod notify;
mod ops;
pub(crate) mod poll;
mod remote;
mod resident;
mod server;
mod started;
mod stdlib_ops;
pub(crate) mod timers;
mod turn;
mod waits;

use std::collections::VecDeque;

use crate::carrier::hub::greenlet::Then;
use crate::kit::id::{GreenId, HubId, ProcessId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::Demand;
use crate::model::{Batch, Costs};
use crate::peer::Caller;
use crate::program::advance::{Effect, Need};
use crate::program::op::{Op, Patching, Pc};
use crate::program::task::Parked;
use crate::program::wait::Wait;
use crate::watch::probe::Probe;
use crate::world::World;
use notify::Underway;
use poll::{LISTENER, Sockets};
use remote::Native;
use timers::Timers;
pub(in crate::carrier) use turn::Phase;

/// One hub at run time.
#[derive(Debug)]
pub(in crate::carrier) struct Hub {
    pub(in crate::carrier) process: ProcessId,
    pub(in crate::carrier) thread: ThreadId,
    /// The greenlet that runs; none while the loop itself does.
    pub(in crate::carrier) current: TaskId,
    /// Whether the thread is blocked in the poll.
    pub(in crate::carrier) polling: bool,
    pub(in crate::carrier) sockets: Sockets,
    /// Greenlets that may still be started for requests.
    free: u32,
    callbacks: VecDeque<Callback>,
    timers: Timers,
    /// Pending watchers of priority 0.
    pending: Vec<Pending>,
    /// Due timeouts, of priority -1.
    limits: Vec<u32>,
    /// Greenlets that wait for the loop to be idle.
    idles: Vec<TaskId>,
    natives: Vec<Native>,
    /// A callback that wakes several greenlets and is not done.
    underway: Option<Underway>,
    /// The loop's cached clock.
    clock: Time,
    /// What its work costs, how long a batch of callbacks may take, and what ends one: copies of its worker's.
    costs: Costs,
    interval: Span,
    batch: Batch,
    /// Callbacks of the list under way, and how many more may run in this batch, where they are counted.
    listed: u32,
    left: u32,
    /// When it last had something to do.
    pub(in crate::carrier) active_at: Time,
    /// The longest time that a greenlet kept it without giving way, as a monitor would see it.
    pub(in crate::carrier) held_max: Span,
    /// Since when it has had room for another connection, if it has.
    room_since: Time,
    /// What took most of the current hold.
    heaviest: Heaviest,
    /// When the main greenlet's timeout is due next, and whether the poll found it due; never without resident clients.
    bell: Time,
    rings: bool,
    phase: Phase,
    serial: u32,
    /// What the current greenlet does once its thread has paid.
    deferred: Option<Effect>,
}

/// What took most of a hold so far.
#[derive(Clone, Copy, Default, Debug)]
struct Heaviest {
    span: Span,
    /// Its op; none as long as only Python between the steps ran.
    pc: Option<Pc>,
    /// The program of the greenlet.
    program: u16,
}

/// Something that the loop will do in its next batch.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Callback {
    /// Switch to a greenlet, for the first time or after `sleep(0)`, if it still waits under this ticket.
    Turn(TaskId, u32),
    /// Go through the waiters of a linkable, if this notifier was not stopped.
    Notify(u32, u32),
    /// Call the links of a dead greenlet.
    Links(GreenId),
    /// Serve the putters and getters of a queue or channel.
    Unlock(u16),
    /// Throw `GreenletExit` into greenlets, then go on with the killer.
    Kill(Box<Kill>),
}

const _: () = assert!(size_of::<Callback>() <= 16);

/// Whom a callback throws `GreenletExit` into, and who waits for that.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Kill {
    victims: Vec<GreenId>,
    killer: Option<(TaskId, u32)>,
}

/// A watcher whose turn comes in step 6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrier) enum Pending {
    Sock(u32),
    Timer(u32),
    Idle(TaskId),
    Native(u32),
}

impl Hub {
    pub(in crate::carrier) fn new(
        process: ProcessId,
        thread: ThreadId,
        greenlets: u32,
        (costs, interval, batch): (Costs, Span, Batch),
    ) -> Hub {
        let mut sockets = Sockets::new();
        sockets.watch(LISTENER, true);
        Hub {
            process,
            thread,
            current: TaskId::NONE,
            polling: false,
            sockets,
            free: greenlets,
            callbacks: VecDeque::new(),
            timers: Timers::default(),
            pending: Vec::new(),
            limits: Vec::new(),
            idles: Vec::new(),
            natives: Vec::new(),
            underway: None,
            clock: Time::ZERO,
            costs,
            interval,
            batch,
            listed: 0,
            left: 0,
            active_at: Time::ZERO,
            held_max: Span::ZERO,
            room_since: Time::ZERO,
            heaviest: Heaviest::default(),
            bell: Time::NEVER,
            rings: false,
            phase: Phase::Reify,
            serial: 0,
            deferred: None,
        }
    }

    /// The hub of the process that takes this one's place. Its serials go on, so that what was under way finds nobody.
    pub(in crate::carrier) fn anew(&self, greenlets: u32) -> Hub {
        Hub {
            serial: self.serial,
            held_max: self.held_max,
            ..Hub::new(self.process, self.thread, greenlets, (self.costs, self.interval, self.batch))
        }
    }

    /// It has room for connections from now on: before, there was no process.
    pub(in crate::carrier) fn has_room_from(&mut self, now: Time) {
        self.room_since = now;
    }

    /// Stops watching the listening socket.
    pub(in crate::carrier) fn close_listener(&mut self) {
        self.sockets.watch(LISTENER, false);
    }

    /// Callbacks and watchers whose turn is still to come.
    #[inline(always)]
    fn waiting(&self) -> u32 {
        (self.callbacks.len() + self.pending.len() + self.limits.len()) as u32
    }

    fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    /// An idle watcher stops; libev puts the last one into its place.
    fn stop_idle(&mut self, task: TaskId) {
        if let Some(at) = self.idles.iter().position(|&idle| idle == task) {
            self.idles.swap_remove(at);
        }
        self.pending.retain(|&pending| pending != Pending::Idle(task));
    }
}

impl<P: Probe> World<'_, P> {
    fn hub(&mut self, id: HubId) -> &mut Hub {
        &mut self.carriers.hubs[id]
    }

    fn hub_costs(&self, id: HubId) -> &Costs {
        &self.carriers.hubs[id].costs
    }

    fn owe(&mut self, id: HubId, cost: Span) {
        let thread = &mut self.threads[self.carriers.hubs[id].thread];
        thread.owe(cost);
    }

    /// The hub's own time: the world's, and what its thread has not paid yet.
    fn local(&self, id: HubId) -> Time {
        self.now + self.threads[self.carriers.hubs[id].thread].owed()
    }

    /// Runs the current greenlet to its next effect.
    #[inline(never)]
    fn run_greenlet(&mut self, id: HubId) -> Option<Demand> {
        let hub = &self.carriers.hubs[id];
        let (thread, task) = (hub.thread, hub.current);
        if hub.deferred.is_some() {
            return self.perform_deferred(id, thread, task);
        }
        let state = &mut self.tasks[task];
        if state.green().is_none() && state.parked() != Parked::Thinking {
            // A request, or an idle greenlet: it goes on as soon as its wait is complete.
            let parked = state.unpark();
            if parked != Parked::No {
                self.complete_plain(id, task, parked);
            }
        } else if self.tasks[task].green().is_some() && self.run_before_op(id, task) {
            return None;
        } else if self.tasks[task].parked() != Parked::No {
            self.complete(id, task);
            return None;
        }
        let effect = self.advance_task(task);
        self.make_of(id, thread, task, effect)
    }

    /// What was deferred until all that the hub owed was paid.
    fn perform_deferred(&mut self, id: HubId, thread: ThreadId, task: TaskId) -> Option<Demand> {
        match self.carriers.hubs[id].deferred.take()? {
            Effect::Exit => {
                if !self.write_slowly(id, task) {
                    self.end_request(id, task);
                }
                None
            }
            Effect::Wait { need, limit, .. } => self.wait_on_thread(thread, task, need, limit),
            Effect::Do(Op::Respond) => {
                self.answer_early(task);
                None
            }
            Effect::Do(op @ Op::Start { .. }) => {
                self.perform_on_hub(id, task, op);
                None
            }
            Effect::Burn(_)
            | Effect::Native(_)
            | Effect::Yield
            | Effect::GiveBack { .. }
            | Effect::Do(_)
            | Effect::Leave => {
                unreachable!("a hub defers only what the outside sees")
            }
        }
    }

    /// What a greenlet does before its next op: sees what was thrown, goes on with its op's steps. False if there is nothing.
    fn run_before_op(&mut self, id: HubId, task: TaskId) -> bool {
        let green = &mut self.carriers.greens[self.tasks[task].green()];
        if let Some(exception) = green.thrown.take() {
            self.raise_in_wait(id, task, exception);
            return true;
        }
        if self.tasks[task].parked() != Parked::No {
            return false;
        }
        if let Some(exception) = green.flying {
            // A `finally` clause: it runs, then the exception flies on, to the clauses further out.
            if std::mem::replace(&mut green.clause_done, true) {
                self.unwind(id, task, exception);
            } else {
                let micro = green.micros.pop().expect("an exception flies to a clause");
                self.step(id, task, micro);
            }
            return true;
        }
        if let Some(micro) = green.micros.pop() {
            self.step(id, task, micro);
            return true;
        }
        false
    }

    /// What the hub makes of an effect: the cooperative column of the table.
    #[inline(always)]
    fn make_of(&mut self, id: HubId, thread: ThreadId, task: TaskId, effect: Effect) -> Option<Demand> {
        match effect {
            Effect::Burn(span) | Effect::Native(span) => {
                self.threads[thread].computes_natively(matches!(effect, Effect::Native(_)));
                self.note_heaviest(id, task, span);
                return Some(Demand::Cpu { span, gil: true });
            }
            Effect::Wait { need, patching: Patching::Blocking, limit } => {
                let patching = Patching::Blocking;
                self.note_heaviest(id, task, Span::MAX);
                self.carriers.hubs[id].deferred = Some(Effect::Wait { need, patching, limit });
                return Some(Demand::PAY);
            }
            Effect::Wait { need, limit, .. } => self.park(id, task, need, limit),
            Effect::Yield => self.yield_turn(id, task),
            Effect::GiveBack { sync } if self.fails_as_a_whole(task) => self.give_back_on_hub(id, sync),
            Effect::GiveBack { sync } => self.perform_on_hub(id, task, Op::Release { sync }),
            Effect::Do(Op::Release { sync }) => {
                if self.holds_unit(task, sync) {
                    self.give_back_on_hub(id, sync);
                }
            }
            Effect::Do(Op::Respond) => return Some(self.responds_on_hub(id, task, effect)),
            // What a native thread does, the outside sees.
            Effect::Do(Op::Start { native: true, .. }) if !self.threads[thread].is_paid_up() => {
                self.carriers.hubs[id].deferred = Some(effect);
                return Some(Demand::PAY);
            }
            Effect::Do(op) => self.perform_on_hub(id, task, op),
            Effect::Leave => self.give_back_all(task, |world, op| match op {
                Op::Release { sync } => world.give_back_on_hub(id, sync),
                op => world.share(world.carriers.hubs[id].process, task, op, true),
            }),
            Effect::Exit if self.tasks[task].parent().is_some() => self.end_branch_on_hub(id, task),
            Effect::Exit if self.is_left_alone(task) => self.end_left_alone_on_hub(id, task),
            Effect::Exit if self.tasks[task].request().is_none() && self.tasks[task].green().is_none() => {
                self.tasks.remove(task);
                self.switch_to_loop(id);
            }
            Effect::Exit if self.tasks[task].request().is_none() => self.die(id, task, None),
            Effect::Exit if self.is_answered(task) => {
                if !self.write_slowly(id, task) {
                    self.end_request(id, task);
                }
            }
            Effect::Exit => return Some(self.responds_on_hub(id, task, effect)),
        }
        None
    }

    /// The response is written before what comes then.
    #[inline(always)]
    fn responds_on_hub(&mut self, id: HubId, task: TaskId, then: Effect) -> Demand {
        let thread = self.carriers.hubs[id].thread;
        let respond = self.respond_work(task);
        let sends = self.worker(self.threads[thread].process()).releases.after;
        self.makes_system_calls(thread, sends);
        self.owe(id, respond);
        self.carriers.hubs[id].deferred = Some(then);
        Demand::PAY
    }

    /// A step that takes so long keeps the hub.
    fn note_heaviest(&mut self, id: HubId, task: TaskId, span: Span) {
        let pc = self.op_of(task);
        let heaviest = &mut self.hub(id).heaviest;
        if span >= heaviest.span {
            (heaviest.span, heaviest.pc) = (span, Some(pc));
        }
    }

    /// Parks the current greenlet for what it needs; the loop goes on.
    fn park(&mut self, id: HubId, task: TaskId, need: Need, limit: Option<Span>) {
        match need {
            Need::Timer(span) if span.is_zero() => self.yield_turn(id, task),
            Need::Timer(span) => self.sleep(id, task, span),
            Need::Reply { peer, .. } if !self.may_call(task, peer) => {}
            Need::Reply { peer, takes } => {
                self.owe(id, self.hub_costs(id).socket);
                let sock = self.hub(id).sockets.open(task);
                self.hub(id).sockets.watch(sock, true);
                let call = self.call(peer, takes, task, Caller::Socket(id, sock), self.local(id));
                self.hub(id).sockets.ask(sock, call);
                self.tasks[task].wait_for(sock);
                self.start_limit(id, task, limit);
                self.park_as(id, task, Parked::Peer);
            }
            Need::Unit { sync } => {
                let process = self.carriers.hubs[id].process;
                let (link, _) = self.shelf(process, sync);
                if !self.take_unit(process, link) {
                    self.park_for_unit(id, task, link, limit, Then::Say);
                } else {
                    self.tell_unit(process, sync, task, true);
                }
            }
        }
    }

    /// A request gives a unit back; it does not switch.
    fn give_back_on_hub(&mut self, id: HubId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let (link, policy) = self.shelf(process, sync);
        let current = self.carriers.hubs[id].current;
        if policy == crate::model::Policy::Barging {
            self.tell_unit(process, sync, current, false);
            self.link(process, link).give();
            self.check_and_notify(id, link);
            return;
        }
        if let Some(waiter) = self.give_back(process, sync, current)
            && !self.wakes_away(waiter, self.carriers.hubs[id].thread)
        {
            self.end_wait_on_hub(id, waiter);
        }
    }

    /// A greenlet has been handed a unit: it has its turn.
    pub(in crate::carrier) fn end_wait_on_hub(&mut self, id: HubId, waiter: TaskId) {
        self.stop_limit(id, waiter);
        self.bill(waiter, self.now, Wait::Hub);
        self.queue_turn(id, waiter);
    }
}
