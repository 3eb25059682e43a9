//! What a task does next: the instructions of a request, and the programs made of them.
//!
//! A scenario's steps are compiled once into a flat [`Program`]; a task is a cursor into it.
//! The same program runs in both worlds: an op says what the application does, never how a thread or a greenlet does it.
//! Which op turns into which effect is `advance.rs`; what a carrier makes of the effect is `thread.rs` and `hub.rs`.
//! Left out on purpose: values. A program computes nothing; it only takes time and things.

use crate::law::Law;
use crate::time::Span;

/// Index of a duration in [`Program::draws`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw(pub u16);

/// Position of an op in [`Program::code`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    /// Take one unit of a lock or pool; wait while there is none.
    Acquire {
        /// Index into `Model::syncs`; each process has its own instance.
        sync: u16,
        /// Longest wait; the request fails when it passes.
        limit: Limit,
    },
    /// Give a unit back.
    Release {
        /// Index into `Model::syncs`.
        sync: u16,
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
    /// Go on with the next op with probability `odds / 10^6`, else jump.
    Chance {
        /// Parts per million.
        odds: u32,
        /// Where to go otherwise.
        skip: Pc,
    },
    /// The end of the program: the response is sent and the task is done.
    End,
}

const _: () = assert!(size_of::<Op>() == 8);

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
}

impl Program {
    /// Loop registers of a task: how deep `repeat` may nest.
    pub const REGISTERS: usize = 3;
    /// Longest program, in ops.
    pub const CODE_MAX: usize = 65_535;
}
