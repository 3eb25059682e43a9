//! Facts, and those who watch them. A probe is chosen at compile time; `()` watches nothing and costs nothing.

use std::fmt::Debug;

use crate::kit::id::{ProcessId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::op::Pc;
use crate::program::request::Request;
use crate::program::said::Said;
use crate::program::wait::StepOf;
use crate::program::wait::{Ending, Wait};
use crate::watch::recorder::Recorder;
use crate::watch::trace::Detail;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    /// A client sent a request.
    Sent(&'a Request),
    /// A request ended for its sender; its bill is complete.
    Ended(&'a Request, Ending),
    /// Bytes of a good response.
    Bytes {
        /// Index of its class.
        class: usize,
        /// Head.
        head: u32,
        /// Body.
        body: u32,
    },
    /// A level changed.
    Gauge(Gauge, i64),
    /// A core was busy from then until now.
    CoreBusy {
        /// Since when.
        from: Time,
    },
    /// A greenlet runs on its hub.
    HubRan {
        /// On which.
        hub: u32,
        /// Its program.
        program: u16,
        /// Since when it was ready, by the hub's own time.
        ready: Time,
        /// That time now.
        now: Time,
    },
    /// A hub accepts a connection that waited in the accept queue, the hub having room for it, since then.
    HubMet {
        /// Which.
        hub: u32,
        /// The program of its request.
        program: u16,
        /// Since when it waited.
        ready: Time,
        /// The hub's own time now.
        now: Time,
    },
    /// A greenlet gave its hub back.
    HubHeld {
        /// Which.
        hub: u32,
        /// What took most of it.
        step: StepOf,
        /// Since when it ran, by the hub's own time.
        from: Time,
        /// That time now.
        to: Time,
    },
    /// A request waited at a step for a lock, a pool, a queue or a peer, and does not any longer.
    Waited {
        /// Index of its class.
        class: u16,
        /// At which op of its program.
        op: Pc,
        /// What for.
        wait: Wait,
        /// For how long.
        span: Span,
    },
    /// A core stood still under a CPU limit.
    Throttled {
        /// Since when.
        from: Time,
    },
    /// A period of a CPU limit is over.
    QuotaPeriod {
        /// Whether a core stood still at its end.
        throttled: bool,
    },
    /// A timeout of a resident main greenlet was due so long before its turn came.
    JoinLag(Span),
    /// A SYN met a full queue or table.
    SynDropped,
    /// A greenlet was spawned under a name.
    Born(u16),
    /// A greenlet said something.
    Said {
        /// Which, counted in spawn order.
        who: u32,
        /// What.
        said: &'a Said,
    },
    /// A breaker was open, and something failed at once.
    FailedFast,
    /// A retry found the bucket of its group empty.
    RetryRefused,
    /// A second copy of a request was sent.
    Hedged,
    /// A second copy was answered first.
    HedgeWon,
    /// A balancer leaves a server alone from now on.
    Ejected,
    /// A task read a shared value.
    Read(Touch),
    /// A task wrote a shared value.
    Wrote {
        /// Who, and which.
        touch: Touch,
        /// Whether another task's write was overwritten unseen.
        lost: bool,
    },
    /// A task began to use a connection.
    Used {
        /// Which.
        connection: u16,
        /// Whether another task was waiting on it.
        conflict: bool,
    },
    /// A server finished a request whose sender had left.
    Wasted {
        /// How long it held its slot.
        held: Span,
    },
    /// What only a trace wants to know; told to those who ask for it ([`Probe::DETAIL`]).
    Detail(Detail),
}

/// Who did something to which shared value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Touch {
    /// Whose value.
    pub process: ProcessId,
    /// Who.
    pub task: TaskId,
    /// Which.
    pub value: u16,
}

/// A level that is averaged over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gauge {
    /// Requests that a thread or greenlet has taken, until their connection is closed.
    InFlight,
    /// Requests in accept queues, and accepted ones that no thread serves yet.
    Queued,
    /// Clients waiting to repeat a dropped SYN.
    Retrying,
    /// Threads or greenlets that serve a request.
    Slots,
}

impl Gauge {
    /// How many there are.
    pub const COUNT: usize = 4;
}

/// Somebody who watches a run, and is compiled into it.
pub trait Probe {
    /// Whether it wants details, of which there are many; the others do not pay for telling them.
    const DETAIL: bool = false;
    /// Whether it wants to see every event ([`Probe::event`]).
    const EVENTS: bool = false;
    /// Whether ties may be shuffled in the runs that it watches (`world/ties.rs`).
    const SHUFFLES: bool = false;

    /// Sees a fact; facts come in order of time.
    fn on(&mut self, at: Time, fact: Fact<'_>);

    /// Sees an event before it happens, with the fingerprint of all until it; only told where [`Probe::EVENTS`] says so.
    fn event(&mut self, _at: Time, _event: &dyn Debug, _fingerprint: u64) {}
}

impl Probe for () {
    #[inline(always)]
    fn on(&mut self, _at: Time, _fact: Fact<'_>) {}
}

/// Somebody who looks on, in a run that is compiled once for all of them ([`Watched`]).
pub trait Onlooker {
    /// Sees a fact, as [`Probe::on`].
    fn on(&mut self, at: Time, fact: Fact<'_>);

    /// Sees an event, as [`Probe::event`].
    fn event(&mut self, _at: Time, _event: &dyn Debug, _fingerprint: u64) {}
}

impl Onlooker for () {
    fn on(&mut self, _at: Time, _fact: Fact<'_>) {}
}

/// The probe of a run that is looked at: with all details and every event, or with neither. A world is compiled anew for each
/// kind of probe, which takes longer than all else in the engine; so onlookers share two, and are asked by a call.
pub(crate) struct Watched<'w, const DETAILS: bool> {
    recorder: Option<Recorder>,
    onlooker: &'w mut dyn Onlooker,
}

impl<'w, const DETAILS: bool> Watched<'w, DETAILS> {
    /// A run with an onlooker, and with a record if it is to leave one.
    pub(crate) fn new(recorder: Option<Recorder>, onlooker: &'w mut dyn Onlooker) -> Watched<'w, DETAILS> {
        Watched { recorder, onlooker }
    }

    /// What was recorded.
    ///
    /// # Panics
    /// If nothing was to be.
    pub(crate) fn into_recorder(self) -> Recorder {
        self.recorder.expect("the run is recorded")
    }
}

impl<const DETAILS: bool> Probe for Watched<'_, DETAILS> {
    const DETAIL: bool = DETAILS;
    const EVENTS: bool = DETAILS;
    const SHUFFLES: bool = !DETAILS;

    #[inline(never)]
    fn on(&mut self, at: Time, fact: Fact<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.on(at, fact);
        }
        self.onlooker.on(at, fact);
    }

    fn event(&mut self, at: Time, event: &dyn Debug, fingerprint: u64) {
        self.onlooker.event(at, event, fingerprint);
    }
}

/// Tells a detail to who wants details. To the others it compiles to nothing.
#[inline(always)]
pub(crate) fn tell<P: Probe>(probe: &mut P, now: Time, detail: Detail) {
    if P::DETAIL {
        probe.on(now, Fact::Detail(detail));
    }
}
