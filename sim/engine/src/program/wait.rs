//! What a request waits for, at which step, and how it ends.

use serde::Serialize;

use crate::program::op::Pc;

/// How a request ended for the one who sent it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// A good response in time.
    Ok,
    /// The server answered with an error, because a call failed or a wait inside it timed out.
    Failed,
    /// No connection within the connect timeout.
    ConnectTimeout,
    /// Connected, but no response within the read timeout.
    ReadTimeout,
    /// The user lost patience and left; the server may still work on it.
    GaveUp,
    /// Nobody listened where it wanted to connect (ECONNREFUSED).
    Refused,
    /// The connection broke before the response was there (ECONNRESET, or an end of file).
    Reset,
    /// The client had no local port left to connect from (EADDRNOTAVAIL).
    NoPort,
    /// The run ended first.
    Unfinished,
}

impl Ending {
    /// All endings, in column order.
    pub const ALL: [Ending; 9] = [
        Ending::Ok,
        Ending::Failed,
        Ending::ConnectTimeout,
        Ending::ReadTimeout,
        Ending::GaveUp,
        Ending::Refused,
        Ending::Reset,
        Ending::NoPort,
        Ending::Unfinished,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Words for a table.
    pub fn label(self) -> &'static str {
        match self {
            Ending::Ok => "ok",
            Ending::Failed => "failed (5xx)",
            Ending::ConnectTimeout => "connect timeout",
            Ending::ReadTimeout => "read timeout",
            Ending::GaveUp => "gave up",
            Ending::Refused => "refused",
            Ending::Reset => "reset",
            Ending::NoPort => "no local port",
            Ending::Unfinished => "unfinished",
        }
    }
}

/// What a request was doing or waiting for. Every nanosecond of a latency belongs to one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Travelling between client and server.
    Network,
    /// SYN dropped at a full accept queue; waiting to try again.
    SynRetry,
    /// Connected, but the kernel ignored the end of the handshake; waiting to send the request again.
    Retransmit,
    /// In the kernel's accept queue.
    Backlog,
    /// Accepted, but waiting for a thread or greenlet of the server.
    Slot,
    /// Ready, but the hub runs something else.
    Hub,
    /// Ready, but another thread holds the GIL.
    Gil,
    /// Ready, but no core is free.
    Core,
    /// On a core, but the CPU limit of the server is used up.
    Throttled,
    /// Running Python, or the server's own code, on a core.
    Cpu,
    /// Running native code on a core that needs no GIL.
    Native,
    /// Waiting for a lock, a queue or an event.
    Lock,
    /// Waiting for a unit of a pool.
    Pool,
    /// Waiting for a peer's reply.
    Peer,
    /// Sleeping.
    Timer,
}

impl Wait {
    /// All, in column order.
    pub const ALL: [Wait; 15] = [
        Wait::Network,
        Wait::SynRetry,
        Wait::Retransmit,
        Wait::Backlog,
        Wait::Slot,
        Wait::Hub,
        Wait::Gil,
        Wait::Core,
        Wait::Throttled,
        Wait::Cpu,
        Wait::Native,
        Wait::Lock,
        Wait::Pool,
        Wait::Peer,
        Wait::Timer,
    ];
    /// How many there are.
    pub const KINDS: usize = Self::ALL.len();

    /// Words for a table.
    pub fn label(self) -> &'static str {
        match self {
            Wait::Network => "network",
            Wait::SynRetry => "SYN retry",
            Wait::Retransmit => "retransmission",
            Wait::Backlog => "accept queue",
            Wait::Slot => "waiting for a slot",
            Wait::Hub => "hub",
            Wait::Gil => "GIL",
            Wait::Core => "core",
            Wait::Throttled => "CPU limit",
            Wait::Cpu => "own CPU",
            Wait::Native => "native code",
            Wait::Lock => "lock or queue",
            Wait::Pool => "pool",
            Wait::Peer => "dependency",
            Wait::Timer => "sleep",
        }
    }

    /// Whether it is a step of the program that waits, for something that other requests want too.
    #[inline(always)]
    pub fn is_at_step(self) -> bool {
        matches!(self, Wait::Lock | Wait::Pool | Wait::Peer)
    }

    /// Whether this is part of what the request would take on an empty system (its ideal time).
    pub fn is_service(self) -> bool {
        matches!(self, Wait::Network | Wait::Cpu | Wait::Native | Wait::Peer | Wait::Timer)
    }
}

/// A step of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepOf {
    /// Index of the program.
    pub program: u16,
    /// Its op; `None`: no step in particular, but the Python between them and the server's own.
    pub pc: Option<Pc>,
}
