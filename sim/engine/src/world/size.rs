//! How large a run is, estimated before it begins: requests, memory at its start, memory of each request, memory of its record.
//!
//! The estimates are sums of the sizes of what the tables hold, rounded up a little; they are there to refuse what cannot work, not
//! to account for every byte. Left out: what waits for locks and queues, and what the allocator keeps for itself.

use crate::carrier::Carriers;
use crate::client::Client;
use crate::client::breaker::Breaker;
use crate::kit::event;
use crate::kit::hist::Hist;
use crate::kit::time::{Span, Time};
use crate::machine::process::Process;
use crate::machine::{Core, Thread};
use crate::model::{Arrivals, ClientSpec, Model, Profile, RunSpec, SyncKind, WorkerKind};
use crate::net::Listener;
use crate::net::conn::Conn;
use crate::net::link::Link;
use crate::peer::Call;
use crate::program::request::Request;
use crate::program::task::Task;
use crate::program::wait::Ending;
use crate::python::interpreter::Interpreter;
use crate::python::linkable::Linkable;
use crate::python::sync::Sync;
use crate::watch::steps::StepWait;
use crate::world::Event;

/// Events that a request has ahead of it at once: its own, its timeouts, those of its connection.
const EVENTS_AHEAD: u64 = 8;
/// Members of a closed client have a place in a queue of arrivals and in the count of who was served.
const MEMBER_BYTES: u64 = 64;
/// Numbers of one point of the time series beside its endings: shares and quantiles.
const COLUMNS: u64 = 16;

fn of<T>(count: u64) -> u64 {
    count.saturating_mul(size_of::<T>() as u64)
}

fn sum(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}

/// Bytes that a world takes before its first request: hosts, processes, threads, hubs, what they share, who asks, and the time series.
pub fn bytes_at_start(model: &Model) -> u64 {
    let hubs = model
        .processes
        .iter()
        .filter(|process| matches!(model.workers[process.worker as usize].kind, WorkerKind::Hub { .. }));
    let processes = model.processes.len() as u64;
    let each = of::<Process>(1) + of::<Interpreter>(1) + of::<Breaker>(model.peers.len() as u64) + shared_bytes(model);
    let members = model.clients.iter().map(|client| match client.arrivals {
        Arrivals::Closed { clients, .. } => u64::from(clients),
        Arrivals::Poisson(_) | Arrivals::Fixed(_) | Arrivals::Trace(_) => 0,
    });
    sum([
        of::<Core>(sum(model.hosts.iter().map(|host| u64::from(host.cores)))),
        of::<Thread>(model.os_threads()),
        model.os_threads().saturating_mul(Carriers::BYTES_OF_A_THREAD as u64),
        (hubs.count() as u64).saturating_mul(Carriers::BYTES_OF_A_HUB as u64),
        of::<Listener>(model.listeners.len() as u64),
        processes.saturating_mul(each),
        of::<Client>(model.clients.len() as u64),
        sum(members).saturating_mul(MEMBER_BYTES),
        record_bytes(model),
    ])
}

/// Bytes of one process's locks, pools, queues and shared things.
fn shared_bytes(model: &Model) -> u64 {
    let things = model.syncs.iter().map(|spec| {
        let items = match spec.kind {
            SyncKind::Queue { max, filled: true, .. } => u64::from(max.unwrap_or(0)),
            _ => 0,
        };
        size_of::<Sync>() as u64 + of::<Linkable>(4) + of::<u16>(items)
    });
    sum(things).saturating_add(of::<[u64; 8]>((model.values.len() + model.connections.len()) as u64))
}

/// Bytes of the record that a run leaves behind: histograms as far as a request can take, the time series, waits at steps.
pub fn record_bytes(model: &Model) -> u64 {
    let longest = model.run.length.map_or(Hist::CAP, |length| length.saturating_add(model.run.drain));
    let histograms = (model.classes.len() + model.clients.len()) as u64 + 6;
    let ops = model.classes.iter().map(|class| model.programs[class.program as usize].code.len() as u64);
    sum([
        histograms.saturating_mul(of::<u64>(Hist::buckets_to(longest))),
        of::<u64>(model.run.points()).saturating_mul(COLUMNS + Ending::COUNT as u64),
        of::<StepWait>(sum(ops)),
    ])
}

/// Bytes that each live request takes: itself, its task, its connection, a call, its draws, and what it has in the event queue.
pub fn bytes_per_request(model: &Model) -> u64 {
    let draws = model.classes.iter().map(|class| class.sites.len() as u64).max().unwrap_or(0);
    sum([
        of::<Request>(1),
        of::<Link>(1),
        of::<Task>(1),
        of::<Conn>(1),
        of::<Call>(1),
        of::<u64>(draws),
        EVENTS_AHEAD * event::bytes_of::<Event>(),
    ])
}

/// Requests that a client sends on its own, in the mean; those that are asked again come on top. `None`: as many as are answered.
pub fn requests_of(client: &ClientSpec, length: Option<Span>) -> Option<f64> {
    match &client.arrivals {
        Arrivals::Poisson(profile) | Arrivals::Fixed(profile) => Some(births(profile, length?)),
        Arrivals::Trace(instants) => {
            let end = length.map_or(Time::NEVER, |length| Time::ZERO + length);
            Some(instants.partition_point(|at| *at < end) as f64)
        }
        Arrivals::Closed { requests, .. } => requests.filter(|_| length.is_none()).map(|requests| requests as f64),
    }
}

/// The area under a rate until the end of arrivals.
fn births(profile: &Profile, length: Span) -> f64 {
    let end = length.as_secs_f64();
    let points: Vec<(f64, f64)> = profile.points.iter().map(|(at, rate)| (at.as_secs_f64(), *rate)).collect();
    let Some(&(last_at, last_rate)) = points.last() else { return 0.0 };
    let piece = |pair: &[(f64, f64)]| {
        let ((from, low), (to, high)) = (pair[0], pair[1]);
        let until = end.clamp(from, to);
        let there = if to > from { low + (high - low) * (until - from) / (to - from) } else { high };
        (until - from) * (low + there) / 2.0
    };
    points.windows(2).map(piece).sum::<f64>() + (end - last_at).max(0.0) * last_rate
}

impl RunSpec {
    /// Points of the time series of a run that goes on to its very end; zero if nobody knows when that is.
    pub fn points(&self) -> u64 {
        let length = self.length.map_or(0, |length| length.saturating_add(self.drain).as_ns());
        length.div_ceil(self.step.as_ns().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_of_a_rate_are_the_area_under_it() {
        let at = |s: u64, rate: f64| (Time::ZERO + Span::from_secs(s), rate);
        let profile = Profile { points: vec![at(0, 10.0), at(10, 20.0), at(10, 5.0)] };
        for (length, requests) in [(0, 0.0), (5, 62.5), (10, 150.0), (20, 200.0)] {
            assert_eq!(births(&profile, Span::from_secs(length)), requests, "after {length} s");
        }
    }
}
