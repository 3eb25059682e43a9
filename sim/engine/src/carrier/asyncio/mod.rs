//! The carrier of coroutines: an event loop of asyncio.
//!
//! One operating-system thread runs a loop, and the loop runs handles in turns: poll, then everything that is queued (`turn.rs`). A task
//! is a future that drives a coroutine; it runs until it awaits something that is not done, and goes on a turn after that is. So which
//! of two comes first is a matter of counting turns, and nothing here knows an order: it follows from what each coroutine does.
//! Built after the sources of CPython 3.8 to 3.14, `Lib/asyncio`, and uvloop 0.23 over libuv; a version is a set of rules
//! (`model/asyncio.rs`).
//!
//! `handle.rs` the queue and the timers, `future.rs` futures, `task.rs` tasks and cancellation, `frame.rs` coroutines as small machines;
//! those of the library are in `locks.rs`, `semaphore.rs`, `queues.rs`, `limit.rs`, `gather.rs`, `group.rs`, `sockets.rs`
//! and `threads.rs`. `steps.rs` says what a program's steps become, `say.rs` what is told of them.
//! `server/` is a loop that serves requests.
//!
//! The loop's state touches no other table of the world: what it costs is added to its own clock, and what shall happen outside is handed
//! out when it stops to think. A burn keeps the whole loop.

mod frame;
mod future;
mod gather;
mod group;
mod handle;
mod limit;
mod locks;
mod objects;
mod queues;
mod say;
mod semaphore;
mod server;
mod sockets;
mod spawn;
mod steps;
mod task;
mod threads;
mod turn;
mod work;

use std::collections::VecDeque;

use crate::kit::arena::{Arena, ArenaKey};
use crate::kit::id::{TaskId, ThreadId};
use crate::kit::time::Time;
use crate::model::SyncSpec;
use crate::model::asyncio::{LoopCosts, LoopKind, LoopSpec, Rules};
use crate::program::said::Said;
use future::Fut;
use gather::{Completions, GatherCall, WaitCall};
use group::Group;
use handle::{Handle, Timer};
use limit::Timeout;
use locks::Locks;
use objects::LoopObject;
use queues::AioQueue;
use semaphore::Semaphore;
pub(in crate::carrier) use server::Served;
use server::Server;
use sockets::{LoopSockets, LoopStream};
use task::{Aio, AioKey, RunningTask};
use threads::{Executor, Job};
use turn::TurnPhase;

/// One event loop at run time.
#[derive(Debug)]
pub(crate) struct EventLoop {
    pub(in crate::carrier) thread: ThreadId,
    /// Whether the thread is blocked in the poll.
    pub(in crate::carrier) polling: bool,
    kind: LoopKind,
    rules: Rules,
    /// `eager_task_factory`.
    eager: bool,
    costs: LoopCosts,
    /// Its own time: the world's, and what its thread has not paid yet.
    now: Time,
    /// libuv's cached clock.
    cached: Time,
    /// When it last had something to do.
    active_at: Time,
    phase: TurnPhase,
    ready: VecDeque<ArenaKey<Handle>>,
    /// uvloop: handles that run inside the poll, or right after it.
    batch: VecDeque<ArenaKey<Handle>>,
    /// What a poll has found; empty between polls.
    found: Vec<ArenaKey<Handle>>,
    handles: Arena<Handle>,
    /// A heap.
    timers: Vec<Timer>,
    /// `_timer_cancelled_count`.
    cancelled_timers: usize,
    /// uvloop: timers started so far.
    started: u64,
    futures: Arena<Fut>,
    /// Lists of callbacks that are free for another future.
    spare: Vec<Vec<future::DoneCallback>>,
    /// Gatherings that are being cancelled within each other.
    depth: u32,
    tasks: Arena<Aio>,
    /// Who runs: usually one task, several if they begin inside each other.
    running: Vec<RunningTask>,
    /// Tasks with a name, in spawn order, once they are made; and the newest of each name.
    names: Vec<Option<AioKey>>,
    newest: Vec<Option<AioKey>>,
    objects: Vec<LoopObject>,
    locks: Locks,
    semaphores: Vec<Semaphore>,
    queues: Arena<AioQueue>,
    timeouts: Arena<Timeout>,
    gathers: Arena<GatherCall>,
    waits: Arena<WaitCall>,
    completions: Arena<Completions>,
    groups: Arena<Group>,
    /// The newest group of each name.
    group_names: Vec<(u16, ArenaKey<Group>)>,
    sockets: LoopSockets,
    streams: Vec<LoopStream>,
    pools: Vec<Executor>,
    jobs: Arena<Job>,
    outside: Arena<Outside>,
    out: Out,
    server: Server,
}

/// Something outside that will happen by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outside {
    /// A remote peer answers this question at this descriptor.
    Answer(u32, u32),
    /// A native thread is done with its job.
    Job(ArenaKey<Job>),
    /// One is done with what it does for a request's task.
    Native(TaskId),
    /// A request's task begins to run in one.
    GoesOver(TaskId),
}

/// What a loop hands out when it stops to think.
#[derive(Debug, Default)]
struct Out {
    /// Names of tasks that are about to be made.
    born: Vec<u16>,
    /// What was said, when and by whom.
    said: Vec<(Time, u32, Said)>,
    /// What shall happen outside, and when.
    later: Vec<(Time, ArenaKey<Outside>)>,
    /// Cursors of tasks that have ended.
    over: Vec<TaskId>,
}

impl EventLoop {
    pub(crate) fn new(thread: ThreadId, spec: &LoopSpec, syncs: &[SyncSpec]) -> EventLoop {
        let mut on = EventLoop {
            thread,
            polling: false,
            kind: spec.kind,
            rules: spec.python.rules(),
            eager: spec.eager,
            costs: spec.costs,
            now: Time::ZERO,
            cached: Time::ZERO,
            active_at: Time::ZERO,
            phase: TurnPhase::Begin,
            ready: VecDeque::new(),
            batch: VecDeque::new(),
            found: Vec::new(),
            handles: Arena::default(),
            timers: Vec::new(),
            cancelled_timers: 0,
            started: 0,
            futures: Arena::default(),
            spare: Vec::new(),
            depth: 0,
            tasks: Arena::default(),
            running: Vec::new(),
            names: Vec::new(),
            newest: Vec::new(),
            objects: Vec::new(),
            locks: Locks::default(),
            semaphores: Vec::new(),
            queues: Arena::default(),
            timeouts: Arena::default(),
            gathers: Arena::default(),
            waits: Arena::default(),
            completions: Arena::default(),
            groups: Arena::default(),
            group_names: Vec::new(),
            sockets: LoopSockets::default(),
            streams: Vec::new(),
            pools: Vec::new(),
            jobs: Arena::default(),
            outside: Arena::default(),
            out: Out::default(),
            server: Server::default(),
        };
        on.build_objects(syncs);
        on
    }

    /// The cursor of the task that runs.
    pub(crate) fn current(&self) -> TaskId {
        match self.running.last() {
            Some(RunningTask::Task(task)) => self.tasks.get(*task).map_or(TaskId::NONE, |task| task.cursor),
            Some(RunningTask::Birth(..)) | None => TaskId::NONE,
        }
    }

    /// Says something under a task's name.
    fn say(&mut self, who: u32, said: Said) {
        self.out.said.push((self.now, who, said));
    }

    /// Something shall happen outside.
    fn happens_at(&mut self, at: Time, what: Outside) {
        let key = self.outside.insert(what);
        self.out.later.push((at, key));
    }

    /// Tasks with a name that have not ended, in spawn order.
    pub(crate) fn blocked(&self) -> Vec<u32> {
        let lives = |name: &Option<AioKey>| name.is_some_and(|task| !self.has_ended(task));
        (0_u32..).zip(&self.names).filter(|(_, name)| lives(name)).map(|(who, _)| who).collect()
    }

    /// When it last had something to do.
    pub(crate) fn active_at(&self) -> Time {
        self.active_at
    }
}
