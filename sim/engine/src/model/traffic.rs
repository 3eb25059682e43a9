//! How people and proxies behave beyond one request: bursts, retries, hedges, breakers, kept connections, balancers.

use super::{Balancing, ClientSpec};
use crate::kit::law::Law;
use crate::kit::time::Span;

/// A rate that is switched between two levels (a two-state Markov-modulated Poisson process when both laws are exponential).
#[derive(Clone, PartialEq, Debug)]
pub struct Bursts {
    /// The rate during a burst over the rate of the profile.
    pub factor: f64,
    /// How long a burst lasts.
    pub on: Law,
    /// How long it is quiet between bursts; the run begins quiet.
    pub off: Law,
}

/// What a client does with a request that went wrong: it sends another one.
#[derive(Clone, PartialEq, Debug)]
pub struct Retry {
    /// New requests at most.
    pub times: u32,
    /// Pause before each of them.
    pub backoff: Backoff,
    /// Whether a request without connection is repeated.
    pub on_connect: bool,
    /// Whether one is whose connection was refused, broke, or found no port.
    pub on_refused: bool,
    /// Whether one without response in time is.
    pub on_timeout: bool,
    /// Whether one with an error as its response is.
    pub on_error: bool,
    /// Tokens that each first request adds to the group's bucket, parts per million; a retry takes a whole one. `None`: no bucket.
    pub budget_ppm: Option<u32>,
    /// Whole tokens that the bucket holds, and has at the start.
    pub reserve: u32,
}

/// A pause that grows with every attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The first pause.
    pub first: Span,
    /// Each further one is longer by this many thousandths.
    pub factor_milli: u32,
    /// The longest.
    pub max: Span,
    /// What chance does to it.
    pub jitter: Jitter,
}

/// What chance does to a pause (Amazon's "Exponential Backoff and Jitter").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Jitter {
    /// Nothing.
    None,
    /// It lies anywhere between zero and the pause.
    Full,
    /// It lies anywhere between half the pause and the pause.
    Equal,
}

/// A second copy of a request that takes long; the first good answer counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hedge {
    /// When it is sent.
    pub after: HedgeAfter,
}

/// When a second copy is sent, counted from the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HedgeAfter {
    /// After a set time.
    Delay(Span),
    /// After the time in which this share of the group's good responses came so far, parts per million.
    Quantile(u32),
}

/// A breaker: it counts failures, and after too many lets nothing pass for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerSpec {
    /// Failures that open it, within `window`.
    pub failures: u32,
    /// Within which time; `None`: without a success between them.
    pub window: Option<Span>,
    /// How long it stays open before it lets one through to try.
    pub open: Span,
}

/// How long connections are used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepAlive {
    /// Requests over one connection at most.
    pub requests: u32,
    /// How long an idle connection is kept by who asks.
    pub timeout: Span,
    /// Idle connections kept at most.
    pub connections: u32,
}

/// How a connection chooses among the listeners, and which of them it may choose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BalancerSpec {
    /// The rule.
    pub policy: Balancing,
    /// What each listener is to get relative to the others; empty: all alike.
    pub weights: Vec<u32>,
    /// Requests that it sends to look after the listeners.
    pub check: Option<HealthCheck>,
}

impl Default for BalancerSpec {
    fn default() -> Self {
        BalancerSpec { policy: Balancing::RoundRobin, weights: Vec::new(), check: None }
    }
}

impl From<Balancing> for BalancerSpec {
    fn from(policy: Balancing) -> Self {
        BalancerSpec { policy, ..BalancerSpec::default() }
    }
}

/// Requests that a balancer sends by itself to see which servers answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthCheck {
    /// Pause between two of one listener.
    pub interval: Span,
    /// Longest wait for an answer.
    pub timeout: Span,
    /// Good ones in a row that bring a listener back.
    pub rise: u32,
    /// Bad ones in a row that take it out.
    pub fall: u32,
    /// Index of the class that is asked for.
    pub class: u32,
}

/// After how many failures a proxy leaves an upstream alone, and for how long (nginx `max_fails`, `fail_timeout`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ejection {
    /// Failures within `period`.
    pub fails: u32,
    /// In which the failures are counted, and for which the upstream is then left alone.
    pub period: Span,
}

/// A proxy in front of the listeners: it takes a request whole, asks a listener, and gives the response on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProxySpec {
    /// What it adds to every request.
    pub latency: Span,
    /// One way over the network to the servers.
    pub network: Span,
    /// Longest wait for a connection to a server.
    pub connect_timeout: Span,
    /// Longest wait for a response of a server.
    pub read_timeout: Span,
    /// Whether it takes in a response at once, however slow the client reads.
    pub buffer: bool,
    /// How it keeps connections to the servers.
    pub keep_alive: Option<KeepAlive>,
    /// Servers that a request is sent to at most.
    pub tries: u8,
    /// Whether the next server is asked when there is no connection.
    pub on_connect: bool,
    /// Whether it is when the connection was refused, or broke.
    pub on_refused: bool,
    /// Whether it is when no response comes in time.
    pub on_timeout: bool,
    /// Whether it is when the response is an error.
    pub on_error: bool,
    /// When a server is left alone.
    pub ejection: Option<Ejection>,
}

impl ClientSpec {
    /// The classes that it chooses among by weight: all but the one that it begins with.
    pub fn chosen(&self) -> impl Iterator<Item = u32> {
        let begins = self.begins.map(usize::from);
        self.classes.iter().enumerate().filter(move |(place, _)| Some(*place) != begins).map(|(_, &class)| class)
    }
}
