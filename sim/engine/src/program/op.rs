//! What a task does next: the instructions of a request, and the programs made of them.
//!
//! A scenario's steps are compiled once into a flat [`Program`]; a task is a cursor into it.
//! The same program runs in both worlds: an op says what the application does, never how a thread or a greenlet does it.
//! Which op turns into which effect is `advance.rs`; what a carrier makes of the effect is in `carrier/`.
//! Left out on purpose: values. A program computes nothing; it only takes time and things, and says when it reads and writes.

use crate::kit::law::Law;
use crate::kit::time::Span;
use crate::program::asyncio::AioStep;
use crate::program::unheld::gives_unheld;

/// Index of a duration in [`Program::draws`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw(pub u16);

/// Position of an op in [`Program::code`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Pc(pub u16);

/// Index of a span in [`Program::spans`]; [`Limit::NONE`] means "no limit".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit(pub u16);

impl Limit {
    /// Wait for ever.
    pub const NONE: Limit = Limit(u16::MAX);
}

/// Whether the runtime's patched, cooperative version of a call is used.
///
/// On a bare thread both park the thread. Under a hub, [`Patching::Patched`] parks the greenlet and
/// [`Patching::Blocking`] stops the whole process: a C library's call that gevent could not patch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patching {
    /// The call gives way to the hub.
    Patched,
    /// The call blocks the operating-system thread (it lets go of the GIL).
    Blocking,
}

/// Who shares a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    /// All tasks of a process.
    Process,
    /// The tasks of a request, whose own it is: the runs of a fan-out.
    Request,
    /// Nobody: it belongs to the task.
    Task,
}

/// What becomes of a fan-out when one of its runs fails.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum OnError {
    /// What the carrier's own way of waiting for several does: an event loop's raises (`asyncio.gather`), all others wait.
    #[default]
    Usual,
    /// All runs come to their ends first (`gather(return_exceptions=True)`, `gevent.joinall`, `futures.wait`).
    Wait,
    /// Who waits goes on with the first error at once; the others go on too, and nobody knows of them.
    Raise,
    /// The first error cancels the others, and who waits goes on when they have ended (`asyncio.TaskGroup`); threads cannot be
    /// cancelled, and are waited for.
    Cancel,
}

impl OnError {
    /// What it is where the carrier's own way is that of a loop, or not.
    pub fn on(self, is_loop: bool) -> OnError {
        match self {
            OnError::Usual if is_loop => OnError::Raise,
            OnError::Usual => OnError::Wait,
            said => said,
        }
    }
}

/// One instruction. Eight bytes, `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// Burn CPU time, holding the GIL.
    Burn(Draw),
    /// Burn CPU time with a `sleep(0)` after every `every` of it (the last piece is followed by none).
    BurnYielding {
        /// All of the CPU time.
        span: Draw,
        /// CPU time between two yields.
        every: Limit,
    },
    /// Burn CPU time in native code that lets go of the GIL.
    Native(Draw),
    /// Sleep; [`Patching`] says whether the hub gets control meanwhile.
    Sleep(Patching, Draw),
    /// `sleep(0)`: go to the tail of whoever is ready.
    Yield,
    /// Call a peer and wait for its reply.
    Call {
        /// Whether the client library gives way to the hub.
        patching: Patching,
        /// Index into `Model::peers`.
        peer: u16,
        /// Service time of this call at a healthy peer.
        takes: Draw,
        /// Longest wait for the reply; the request fails when it passes.
        limit: Limit,
    },
    /// Take one unit of a lock or pool; wait while there is none. Outcome: whether it was taken.
    Acquire {
        /// Index into `Model::syncs`; each process has its own instance.
        sync: u16,
        /// Longest wait.
        limit: Limit,
        /// Whether to wait at all.
        block: bool,
        /// Whether a hub or loop gets control meanwhile: a lock of native code, or of threads, keeps it.
        patching: Patching,
    },
    /// Give a unit back. A request that holds none does nothing.
    Release {
        /// Index into `Model::syncs`.
        sync: u16,
    },
    /// Wait until an event is set or a semaphore has a unit, without taking it. Outcome: whether it came to that.
    Await {
        /// Index into `Model::syncs`.
        sync: u16,
        /// Longest wait.
        limit: Limit,
    },
    /// Set an event, or give a result its value.
    Signal {
        /// Index into `Model::syncs`.
        sync: u16,
        /// The value of a result.
        item: u16,
    },
    /// Clear an event.
    Clear {
        /// Index into `Model::syncs`.
        sync: u16,
    },
    /// Put an item into a queue or channel. Outcome: `ok` or `full`.
    Put {
        /// Index into `Model::syncs`.
        sync: u16,
        /// The item.
        item: u16,
        /// Longest wait for room.
        limit: Limit,
        /// Whether to wait at all.
        block: bool,
    },
    /// Get an item from a queue, channel or result. Outcome: the item or `empty`.
    Get {
        /// Index into `Model::syncs`.
        sync: u16,
        /// Longest wait for an item.
        limit: Limit,
        /// Whether to wait at all.
        block: bool,
    },
    /// Say that an item got from a queue is dealt with.
    TaskDone {
        /// Index into `Model::syncs`.
        sync: u16,
    },
    /// Wait until a queue's items are all dealt with, or a pool is empty. Outcome: whether it came to that.
    JoinAll {
        /// Index into `Model::syncs`.
        sync: u16,
        /// Longest wait.
        limit: Limit,
    },
    /// Wait for a notification of a condition, with its lock let go meanwhile. Outcome: whether it came.
    WaitCondition {
        /// Index into `Model::syncs`.
        sync: u16,
        /// Longest wait.
        limit: Limit,
    },
    /// Wake waiters of a condition.
    Notify {
        /// Index into `Model::syncs`.
        sync: u16,
        /// How many at most; [`u16::MAX`] means all.
        count: u16,
    },
    /// Start a greenlet.
    Spawn {
        /// Index into [`Program::spawns`].
        spawn: u16,
    },
    /// Run a program several times side by side, for the same request, and wait until all runs are done: fan-out and join.
    Fan {
        /// Index into `Model::programs`. Random durations in it are [`DrawKind::PerPass`]; the pass tells the runs apart.
        program: u16,
        /// How many runs.
        count: u16,
        /// What becomes of the others when a run fails.
        errors: OnError,
    },
    /// Have a note traced when greenlets die.
    Link {
        /// Index into [`Program::targets`].
        targets: u16,
        /// What the trace says then.
        note: u16,
    },
    /// Wait for greenlets: one (outcome: whether it is dead) or several (outcome: those that were ready, in order).
    Join {
        /// Index into [`Program::targets`].
        targets: u16,
        /// Longest wait.
        limit: Limit,
        /// How many must be ready; 0 for one target that is joined by itself.
        count: u16,
    },
    /// Throw `GreenletExit` into greenlets.
    Kill {
        /// Index into [`Program::targets`].
        targets: u16,
        /// Whether to wait for their death.
        block: bool,
    },
    /// Switch to a bare greenlet ([`Spawn::bare`]) without the hub: `greenlet.switch()`.
    SwitchTo {
        /// Index into [`Program::targets`].
        targets: u16,
    },
    /// Begin a `gevent.Timeout` block.
    Guard {
        /// After how long.
        limit: Limit,
        /// The first op after the block. Outcome there: `ok` or `timeout`.
        end: Pc,
    },
    /// End the innermost timeout block in good time.
    Unguard,
    /// Wait until the loop has nothing else to do.
    Idle,
    /// Send bytes into one end of a socket pair.
    Send {
        /// Index into `Model::syncs` of the pair.
        sync: u16,
        /// The end that sends: 0 or 1.
        end: u8,
        /// How many.
        bytes: u32,
    },
    /// Receive at one end of a pair. Outcome: how many bytes came.
    Receive {
        /// Index into `Model::syncs` of the pair.
        sync: u16,
        /// The end that receives: 0 or 1.
        end: u8,
        /// At most so many.
        bytes: u32,
    },
    /// Ask a remote peer.
    Ask {
        /// Index into `Model::syncs` of the remote.
        sync: u16,
        /// When it answers.
        takes: Draw,
    },
    /// Wait for the answer of a remote peer.
    Answer {
        /// Index into `Model::syncs` of the remote.
        sync: u16,
    },
    /// Sleep in a native thread of a thread pool, and wait for it.
    Apply {
        /// Index into `Model::syncs` of the pool.
        sync: u16,
        /// How long.
        takes: Draw,
    },
    /// Go on in a native thread of a pool, under the process's GIL; wait for one while all are taken. A bare thread is one already.
    ToThread {
        /// Index into `Model::syncs` of the pool.
        sync: u16,
    },
    /// Go back from there to the hub or loop.
    FromThread {
        /// Index into `Model::syncs` of the pool.
        sync: u16,
    },
    /// Start a thread that runs a program, and go on: `threading.Thread(...).start()`, or `executor.submit(...)`.
    Start {
        /// Index into `Model::programs`; it is one whose tasks are left alone.
        program: u16,
        /// Index into `Model::syncs` of the executor; [`Op::NO_EXECUTOR`]: a thread of its own.
        executor: u16,
        /// Whether it is a native thread even where the runtime has patched `threading`.
        native: bool,
    },
    /// The first op of a started thread: whoever waits for its start goes on.
    Started,
    /// Send the response; what follows, nobody waits for.
    Respond,
    /// Trace a tag.
    Mark {
        /// What the trace says.
        tag: u16,
        /// Whether it says the outcome of the op before.
        outcome: bool,
    },
    /// Load a loop counter.
    Set {
        /// Loop register, below [`Program::REGISTERS`].
        register: u8,
        /// How often the body runs, at least 1.
        times: u32,
    },
    /// Count down and jump back while passes remain.
    Loop {
        /// Loop register.
        register: u8,
        /// First op of the body.
        back: Pc,
    },
    /// Go on with the next op by chance, else jump.
    Chance {
        /// A [`DrawKind::Chance`].
        odds: Draw,
        /// Where to go otherwise.
        skip: Pc,
    },
    /// Read a value that the tasks of a process share.
    Read {
        /// Index into `Model::values`.
        value: u16,
    },
    /// Write it back. An update is lost if another task has written it since this one read it.
    Write {
        /// Index into `Model::values`.
        value: u16,
    },
    /// Begin to use a connection, for the call that follows. A conflict if another task waits on it; under a hub the request fails.
    Occupy {
        /// Index into `Model::connections`.
        connection: u16,
        /// Who shares it.
        per: Per,
        /// Whether gevent watches its socket.
        patching: Patching,
    },
    /// The call over a connection is over.
    Vacate {
        /// Index into `Model::connections`.
        connection: u16,
        /// Who shares it.
        per: Per,
    },
    /// A step that only tasks of an asyncio loop do.
    Aio {
        /// Index into [`Program::asyncio`].
        step: u16,
    },
    /// The end of the program: the response is sent and the task is done.
    End,
}

const _: () = assert!(size_of::<Op>() == 8);

impl Op {
    /// A thread that is started is of no executor.
    pub const NO_EXECUTOR: u16 = u16::MAX;

    /// The lock, pool, queue or threads of which a task takes or gives a unit or item here, and may wait for it.
    pub fn waits_at(self) -> Option<u16> {
        match self {
            Op::Acquire { sync, .. }
            | Op::Get { sync, .. }
            | Op::Put { sync, .. }
            | Op::Apply { sync, .. }
            | Op::ToThread { sync } => Some(sync),
            _ => None,
        }
    }
}

/// Where a duration comes from.
#[derive(Clone, PartialEq, Debug)]
pub enum DrawKind {
    /// The same for every request.
    Constant(Span),
    /// Drawn at the request's birth: column of its fate row.
    Fate(u16),
    /// Inside a repeated step: a fresh value per pass, from the request's key, the site and the pass.
    PerPass {
        /// Stable hash of the site's name.
        site: u64,
        /// The law.
        law: Law,
    },
    /// So many per cent of another draw: the same Python on a build of CPython that needs more time for it.
    Stretched {
        /// The draw.
        of: Draw,
        /// Per cent.
        percent: u32,
    },
    /// A chance: a fresh one per request and pass, from the request's key, the site and the pass.
    Chance {
        /// Stable hash of the site's name.
        site: u64,
        /// Parts per million.
        ppm: u32,
    },
}

/// A compiled list of steps.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    /// What it is called in messages: the class's name.
    pub name: String,
    /// The instructions; the last one is [`Op::End`].
    pub code: Box<[Op]>,
    /// Durations by [`Draw`].
    pub draws: Box<[DrawKind]>,
    /// Constant spans by [`Limit`].
    pub spans: Box<[Span]>,
    /// What [`Op::Spawn`] starts.
    pub spawns: Box<[Spawn]>,
    /// Names of greenlets by what [`Op::Join`] and its like say: the newest greenlet of each name is meant.
    pub targets: Box<[Box<[u16]>]>,
    /// What [`Op::Aio`] does.
    pub asyncio: Box<[AioStep]>,
    /// What an unsuccessful acquire, get or put does: fails the task, as an exception that nobody catches would (requests), or
    /// just has an outcome (scheduling programs).
    pub fails: bool,
    /// Whether a task of it may come to a release of what it does not hold, on some way through chances and loops. A request's does
    /// nothing then.
    pub gives_unheld: bool,
    /// Whether its tasks are threads that somebody started and left alone: they serve no request.
    pub alone: bool,
}

/// What an [`Op::Spawn`] starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spawn {
    /// Index of its program.
    pub program: u16,
    /// The name it is known by.
    pub name: u16,
    /// After how long; `None` starts it with the next callbacks.
    pub after: Option<Span>,
    /// Index into `Model::syncs` of the pool that it belongs to.
    pub pool: Option<u16>,
    /// Whether it is a bare `greenlet.greenlet`: it only runs when it is switched to, and its maker is its parent, which goes on when it
    /// ends.
    pub bare: bool,
}

impl Program {
    /// A request's program: it starts no greenlets of its own, and what it cannot get makes it fail.
    pub fn new(
        name: &str,
        code: impl Into<Box<[Op]>>,
        draws: impl Into<Box<[DrawKind]>>,
        spans: impl Into<Box<[Span]>>,
    ) -> Program {
        let (code, draws, spans) = (code.into(), draws.into(), spans.into());
        let gives_unheld = gives_unheld(&code);
        let (spawns, targets, asyncio) = ([].into(), [].into(), [].into());
        let name = name.to_owned();
        Program { name, code, draws, spans, spawns, targets, asyncio, fails: true, gives_unheld, alone: false }
    }

    /// One whose tasks are threads that are started and left alone. Random durations in it are [`DrawKind::PerPass`]; the first
    /// register tells the threads apart.
    pub fn left_alone(self) -> Program {
        Program { alone: true, ..self }
    }

    /// Loop registers of a task: how deep `repeat` may nest.
    pub const REGISTERS: usize = 2;

    /// Whether a task of it is more than a request on a hub, a greenlet with a life of its own: whether it does anything but burn, wait, call and take units.
    pub(crate) fn is_rich(&self) -> bool {
        let plain = |op: &Op| {
            matches!(
                op,
                Op::Burn(_)
                    | Op::BurnYielding { .. }
                    | Op::Native(_)
                    | Op::Sleep(..)
                    | Op::Yield
                    | Op::Call { .. }
                    | Op::Acquire { .. }
                    | Op::Release { .. }
                    | Op::Set { .. }
                    | Op::Loop { .. }
                    | Op::Chance { .. }
                    | Op::Fan { .. }
                    | Op::Respond
                    | Op::Read { .. }
                    | Op::Write { .. }
                    | Op::Occupy { .. }
                    | Op::Vacate { .. }
                    | Op::End
            )
        };
        !self.code.iter().all(plain)
    }

    /// Longest program, in ops.
    pub const CODE_MAX: usize = 65_535;
}
