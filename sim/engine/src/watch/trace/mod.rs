//! A trace: who did what when, in a window of a run, as plain data.
//!
//! A probe follows every request, thread, hub, lock and call from the start of the run, and keeps what touches the window. Times within
//! a hub are the hub's own: what its loop did, and when that was paid for. The world is the same with and without it.
//! What becomes of it for people is in `report`.

mod carriers;
mod detail;
mod hubs;
mod keep;
pub(crate) mod tracer;

pub use detail::{Detail, Doing, DoorState, Greenlet, LoopPhase};

use crate::kit::time::Time;
pub use crate::program::request::Why;
pub use crate::program::wait::StepOf;
use crate::program::wait::{Ending, Wait};

/// What to keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceWindow {
    /// From this instant on.
    pub from: Time,
    /// Until this instant.
    pub to: Time,
    /// At most about so many slices, levels and arrows; what is longer ends earlier.
    pub events_max: usize,
}

/// What was kept.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Where it begins.
    pub from: Time,
    /// Where it ends: that of the window, of the run, or where it was full.
    pub to: Time,
    /// Whether it was full there.
    pub full: bool,
    /// When the run came to its end; `None` if it goes on after the window.
    pub run_ended: Option<Time>,
    /// Events simulated until then, and the hash over them.
    pub counted: (u64, u64),
    /// Who lives where.
    pub layout: Layout,
    /// The requests that slices speak of.
    pub requests: Vec<Traced>,
    /// What lasted, in the order of its end. The first and the last may reach beyond the window.
    pub slices: Vec<Slice>,
    /// How levels changed, each in order of time.
    pub levels: Vec<Level>,
    /// What led to what.
    pub arrows: Vec<Arrow>,
}

/// A request that a slice speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Traced {
    /// Index of its class.
    pub class: u16,
    /// Which of its class, in the order of sending, from 1.
    pub number: u64,
    /// How many requests its sender sent before.
    pub attempt: u16,
    /// Why it was sent.
    pub why: Why,
    /// When its sender asked.
    pub born: Time,
    /// When and how it ended for its sender, if it has.
    pub ended: Option<(Time, Ending)>,
}

/// Index of a request among those of a trace.
pub type Key = u32;

/// Where something is drawn. Several requests at one place are told apart by their keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Track {
    /// A request from its birth to its ending.
    Request(Key),
    /// A core.
    Core(u32),
    /// A thread.
    Thread(u32),
    /// A hub's loop.
    Hub(u32),
    /// A greenlet of a hub that serves a request.
    Greenlet(u32, Key),
    /// A process's GIL.
    Gil(u32),
    /// A process's lock or pool, and who has a unit.
    Holder(u32, u16, Key),
    /// A process's lock or pool, and who waits.
    Waiter(u32, u16, Key),
    /// A listening socket's accept queue, and who waits.
    Accept(u32, Key),
    /// A peer, and which of its calls.
    Peer(u16, u32),
}

/// What lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A request is there.
    Stay(Key),
    /// A request waits, or is served, at a step if there is one.
    Wait(Wait, StepOf),
    /// A greenlet runs; the step took most of it.
    Run {
        /// For whom, if it serves a request.
        request: Option<Key>,
        /// Whether it is one of several that work for it side by side.
        branch: bool,
        /// What ran.
        step: StepOf,
    },
    /// A greenlet is ready and the hub runs others.
    Ready,
    /// What a thread does.
    Doing(Doing),
    /// What a loop is at.
    Phase(LoopPhase),
    /// A thread has it: a core, or the GIL.
    By {
        /// Which.
        thread: u32,
        /// For whom, if it serves a request.
        request: Option<Key>,
    },
    /// A call.
    Call {
        /// For whom.
        request: Option<Key>,
        /// Whether it failed.
        failed: bool,
    },
}

/// Something that lasted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice {
    /// Where.
    pub track: Track,
    /// What.
    pub what: What,
    /// From when on.
    pub from: Time,
    /// Until when.
    pub to: Time,
}

/// A level that is drawn over time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Counter {
    /// Requests accepted and not yet answered.
    InFlight,
    /// Requests in accept queues, and accepted ones that no thread serves yet.
    Queued,
    /// Clients waiting to repeat a dropped SYN.
    Retrying,
    /// Threads or greenlets that serve a request.
    Slots,
    /// Threads of a host that wait for a core.
    Runnable(u32),
    /// Callbacks and watchers of a hub whose turn is still to come.
    Waiting(u32),
    /// Connections in an accept queue.
    Accept(u32),
}

/// A level from an instant on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// Which.
    pub counter: Counter,
    /// From when on.
    pub at: Time,
    /// How high.
    pub value: i64,
}

/// How one thing leads to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ArrowKind {
    /// A connection reaches an accept queue.
    Connect,
    /// A thread or greenlet takes a request.
    Accept,
    /// A call leaves for a peer.
    Call,
    /// Its reply wakes the caller.
    Reply,
    /// The response goes back.
    Respond,
    /// A greenlet held the hub, and another was ready.
    HeldHub,
    /// A thread held the GIL, and another waited.
    HeldGil,
}

/// What led to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrow {
    /// How.
    pub link: ArrowKind,
    /// From where, and when.
    pub from: (Track, Time),
    /// Where to, and when.
    pub to: (Track, Time),
}

/// Who lives where.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The host of each process, and what it is.
    pub processes: Vec<(u32, ProcessKind)>,
    /// The process of each thread, and what it is for.
    pub threads: Vec<(u32, ThreadKind)>,
    /// The process of each hub.
    pub hubs: Vec<u32>,
    /// The host of each core.
    pub cores: Vec<u32>,
}

/// What a process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessKind {
    /// A worker of a server, of this software.
    Worker(u32),
    /// A router in front of a server.
    Router,
    /// A program that sends requests.
    Generator,
}

/// What a thread is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadKind {
    /// It serves requests.
    Server,
    /// It accepts for a pool.
    Acceptor,
    /// It runs one branch of a fan-out.
    Helper,
    /// It runs a hub.
    Hub,
    /// It runs the loop of a router.
    Router,
    /// It sends requests.
    Generator,
}
