//! The books of a run: what must balance, whatever was simulated. A run whose books do not is an error, not a result.
//!
//! - Conservation: everybody who was sent has ended in some way.
//! - Waits: what good responses waited for adds up to their latencies, to the nanosecond, also by latency.
//! - Utilisation: cores and slots are busy for no more than all of the time.
//! - Little's law, number = rate x time, as areas: the area under a number of requests is the sum of their times. For the requests
//!   between click and answer, and for the clients that wait to repeat a SYN, that is exact. For queues it is as long as nobody leaves:
//!   where senders leave and servers go on, the area is larger.

use crate::kit::time::{Span, Time};
use crate::model::{Model, WorkerKind, WorkerSpec};
use crate::program::request::Request;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::Gauge;
use crate::watch::record::{ClassRecord, RunRecord};

/// Areas and sums over a whole run, warm-up included.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Areas {
    /// Under the gauges, ns times requests.
    pub(crate) gauges: [u128; Gauge::COUNT],
    /// Under the number of requests between click and answer: instants of the ends less instants of the clicks.
    pub(crate) inside: i128,
    /// Sum of the times of all that ended, checks left out.
    pub(crate) latencies: u128,
    /// Sum of all their bills.
    pub(crate) bill: [u128; Wait::KINDS],
    /// The last of them, which are not yet in `bill`: no sum of theirs is above `recent_sum`, so none of 64 bits can overflow.
    recent: [u64; Wait::KINDS],
    recent_sum: u64,
    /// Whether a second copy of a request was ever sent.
    pub(crate) hedged: bool,
    /// Requests sent.
    pub(crate) sent: u64,
    /// Requests that ended for their senders.
    pub(crate) ended: u64,
    /// Those among them that ended before the server was done with them.
    pub(crate) left: u64,
}

impl Areas {
    #[inline]
    pub(crate) fn sent(&mut self, at: Time) {
        self.sent += 1;
        self.inside -= i128::from(at.as_ns());
    }

    #[inline]
    pub(crate) fn ended(&mut self, at: Time, request: &Request, ending: Ending) {
        let (latency, bill) = (at - request.born(), request.bill());
        self.ended += 1;
        self.left += u64::from(!matches!(ending, Ending::Ok | Ending::Failed));
        self.inside += i128::from(at.as_ns());
        self.latencies += u128::from(latency.as_ns());
        if self.recent_sum.checked_add(latency.as_ns()).is_none() {
            self.add_until_now();
        }
        self.recent_sum += latency.as_ns();
        self.recent.iter_mut().zip(bill).for_each(|(sum, part)| *sum = sum.wrapping_add(part.as_ns()));
    }

    /// Adds the recent bills to all of them.
    #[cold]
    fn add_until_now(&mut self) {
        self.bill.iter_mut().zip(&self.recent).for_each(|(sum, &part)| *sum += u128::from(part));
        (self.recent, self.recent_sum) = ([0; Wait::KINDS], 0);
    }

    /// These, with everything added up.
    pub(crate) fn settled(mut self) -> Areas {
        self.add_until_now();
        self
    }
}

/// What does not balance; `None` if all does.
pub(crate) fn fault(model: &Model, record: &RunRecord, areas: &Areas) -> Option<String> {
    let shares = [("cores", record.cpu_ppm), ("slots", record.slots_ppm)];
    shares
        .into_iter()
        .find(|&(_, ppm)| ppm > 1_000_000)
        .map(|(what, ppm)| format!("{what} are busy for {ppm} parts per million of the time"))
        .or_else(|| conservation(record, areas))
        .or_else(|| record.classes.iter().find_map(waits))
        .or_else(|| little(model, areas))
}

fn conservation(record: &RunRecord, areas: &Areas) -> Option<String> {
    if areas.sent != areas.ended {
        return Some(format!("{} requests were sent and {} ended", areas.sent, areas.ended));
    }
    let by_class = |ending: usize| record.classes.iter().map(|class| class.endings[ending]).sum::<u64>();
    let differs = |&ending: &usize| by_class(ending) != record.endings[ending];
    let ending = (0..Ending::COUNT).find(differs)?;
    let (all, sum) = (record.endings[ending], by_class(ending));
    Some(format!("{all} requests ended as \"{}\", and {sum} by class", Ending::ALL[ending].label()))
}

fn waits(class: &ClassRecord) -> Option<String> {
    let (good, counted) = (class.endings[Ending::Ok as usize], class.latency.count());
    if good != counted {
        return Some(format!("{good} good responses of `{}` have {counted} latencies", class.name));
    }
    let billed = class.blame.iter().copied().map(|span: Span| u128::from(span.as_ns())).sum::<u128>();
    let latency = class.latency.sum_ns();
    (billed != latency).then(|| format!("waits of `{}` add up to {billed} ns, latencies to {latency} ns", class.name))
}

fn little(model: &Model, areas: &Areas) -> Option<String> {
    let Areas { inside, latencies, bill, gauges, .. } = areas;
    let billed: u128 = bill.iter().sum();
    if u128::try_from(*inside) != Ok(*latencies) || *latencies != billed {
        return Some(format!(
            "Little's law: the number of requests inside has an area of {inside} ns, their times add up to {latencies} ns and \
             their bills to {billed} ns"
        ));
    }
    if areas.hedged {
        // Two copies of a request have one bill until they part, and are two in the queues.
        return None;
    }
    let (retrying, area) = (bill[Wait::SynRetry as usize], gauges[Gauge::Retrying as usize]);
    if retrying != area {
        return Some(format!(
            "Little's law: clients waited {retrying} ns to repeat SYNs, their number has an area of {area} ns"
        ));
    }
    let (queued, area) = (queued(model, bill), gauges[Gauge::Queued as usize]);
    let balances = if is_left_by_nobody(model, areas) { queued == area } else { queued <= area };
    (!balances).then(|| format!("Little's law: requests waited {queued} ns in queues, whose area is {area} ns"))
}

/// What bills say of waits in accept queues, and for slots where nothing else is billed so.
fn queued(model: &Model, bill: &[u128; Wait::KINDS]) -> u128 {
    let closes = model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Pool { closes: true, .. }));
    // There an answered request waits once more, for the thread that closes it.
    bill[Wait::Backlog as usize] + if closes { 0 } else { bill[Wait::Slot as usize] }
}

/// Whether whoever is in a queue stays there until a server takes it, and nothing else is in there.
fn is_left_by_nobody(model: &Model, areas: &Areas) -> bool {
    // On a loop a connection is accepted some turns before its request has a task, and waits for the loop then.
    let takes_turns = |kind: WorkerKind| matches!(kind, WorkerKind::Pool { closes: true, .. } | WorkerKind::Loop(_));
    let plain = |worker: &WorkerSpec| worker.router.is_none() && !takes_turns(worker.kind);
    areas.left == 0
        && model.proxy.is_none()
        && model.workers.iter().all(plain)
        && model.balancer.check.is_none()
        && model.clients.iter().all(|client| client.keep_alive.is_none())
}
