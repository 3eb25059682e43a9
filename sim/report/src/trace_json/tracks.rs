//! Where things are drawn: a "process" of the format for each class, host, server process and peer, and in it a "thread" for each
//! track. Where several requests are at one place at a time, each gets a lane that is free.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use engine::Model;
use engine::time::Time;
use engine::trace::{Counter, Trace, Track};
use serde_json::json;

use super::names::TraceNames;

/// A track of the format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TrackPlace {
    pub(super) pid: u32,
    pub(super) tid: u32,
}

/// Tracks that belong together; lanes of one kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Group {
    Requests(u16),
    Core(u32),
    Accept(u32),
    Hub(u32),
    Thread(u32),
    Gil(u32),
    Greenlets(u32),
    Holders(u32, u16),
    Waiters(u32, u16),
    Calls(u16),
}

/// From when to when anything is on a track.
type Stretch = (Time, Time, Track);

/// All of a trace.
pub(super) struct Tracks {
    places: BTreeMap<Track, TrackPlace>,
    /// Slices of each track by their beginnings, each with the latest end so far.
    busy: BTreeMap<Track, Vec<(Time, Time)>>,
    processes: BTreeMap<u32, String>,
    threads: BTreeMap<TrackPlace, String>,
    pids: Pids,
}

/// Which numbers processes of the format have: the world, classes, hosts, server processes, peers.
#[derive(Clone, Copy)]
struct Pids {
    classes: u32,
    hosts: u32,
    processes: u32,
    peers: u32,
}

impl Pids {
    const WORLD: u32 = 1;

    fn of(model: &Model, trace: &Trace) -> Pids {
        let classes = Self::WORLD + 1;
        let hosts = classes + model.classes.len() as u32;
        let processes = hosts + model.hosts.len() as u32;
        Pids { classes, hosts, processes, peers: processes + trace.layout.processes.len() as u32 }
    }

    fn of_group(self, trace: &Trace, model: &Model, group: Group) -> u32 {
        let layout = &trace.layout;
        match group {
            Group::Requests(class) => self.classes + u32::from(class),
            Group::Core(core) => self.hosts + layout.cores[core as usize],
            Group::Accept(listener) => self.hosts + host_of(trace, model, listener),
            Group::Hub(hub) | Group::Greenlets(hub) => self.processes + layout.hubs[hub as usize],
            Group::Thread(thread) => self.processes + layout.threads[thread as usize].0,
            Group::Gil(process) | Group::Holders(process, _) | Group::Waiters(process, _) => self.processes + process,
            Group::Calls(peer) => self.peers + u32::from(peer),
        }
    }
}

/// The host of a listening socket; those in front of the model's own are routers', one a server.
fn host_of(trace: &Trace, model: &Model, listener: u32) -> u32 {
    let own = model.listeners.get(listener as usize).map(|spec| spec.host);
    let front = (listener as usize).checked_sub(model.listeners.len());
    let router = front.and_then(|at| {
        let routers = trace.layout.processes.iter().filter(|(_, kind)| *kind == engine::trace::ProcessKind::Router);
        routers.map(|(host, _)| *host).nth(at)
    });
    own.or(router).unwrap_or(0)
}

impl Tracks {
    /// The tracks of what happens until `to`.
    pub(super) fn of(model: &Model, trace: &Trace, to: Time) -> Tracks {
        let mut busy: BTreeMap<Track, Vec<(Time, Time)>> = BTreeMap::new();
        for slice in trace.slices.iter().filter(|slice| slice.from < to && slice.to > trace.from) {
            busy.entry(slice.track).or_default().push((slice.from, slice.to.min(to)));
        }
        for spans in busy.values_mut() {
            spans.sort();
            let mut latest = Time::ZERO;
            for (_, end) in spans.iter_mut() {
                latest = latest.max(*end);
                *end = latest;
            }
        }
        let pids = Pids::of(model, trace);
        let (places, threads, processes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut tracks = Tracks { places, busy, processes, threads, pids };
        tracks.settle(model, trace);
        tracks
    }

    /// Gives every track a lane of its group, and every lane a place.
    fn settle(&mut self, model: &Model, trace: &Trace) {
        let mut groups: BTreeMap<(u32, Group), Vec<Stretch>> = BTreeMap::new();
        for (&track, spans) in &self.busy {
            let (from, to) = (spans[0].0, spans[spans.len() - 1].1);
            let group = group_of(trace, track);
            groups.entry((self.pids.of_group(trace, model, group), group)).or_default().push((from, to, track));
        }
        let names = TraceNames { model, trace };
        let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
        self.processes.insert(Pids::WORLD, format!("load of {}", model.name));
        self.threads.insert(TrackPlace { pid: Pids::WORLD, tid: 0 }, "levels".to_owned());
        for level in &trace.levels {
            self.name_process(&names, self.counter_place(trace, level.counter).pid);
        }
        for ((pid, group), mut members) in groups {
            members.sort();
            let first = *taken.entry(pid).or_insert(0) + 1;
            let lanes = lanes(&members);
            for (&(_, _, track), &lane) in members.iter().zip(&lanes) {
                self.places.insert(track, TrackPlace { pid, tid: first + lane });
            }
            let count = lanes.iter().max().map_or(0, |last| last + 1);
            for lane in 0..count {
                let name = group_name(&names, group, lane);
                self.threads.insert(TrackPlace { pid, tid: first + lane }, name);
            }
            self.name_process(&names, pid);
            taken.insert(pid, first + count - 1);
        }
    }

    fn name_process(&mut self, names: &TraceNames<'_>, pid: u32) {
        let Pids { classes, hosts, processes, peers } = self.pids;
        let name = if pid >= peers {
            format!("peer `{}`", names.model.peers[(pid - peers) as usize].name)
        } else if pid >= processes {
            names.process(pid - processes)
        } else if pid >= hosts {
            format!("host {}", names.host(pid - hosts))
        } else if pid >= classes {
            format!("requests: {}", names.model.classes[(pid - classes) as usize].name)
        } else {
            return;
        };
        self.processes.insert(pid, name);
        self.threads.entry(TrackPlace { pid, tid: 0 }).or_insert_with(|| "levels".to_owned());
    }

    /// Where a track is drawn, if anything is on it.
    pub(super) fn place(&self, track: Track) -> Option<TrackPlace> {
        self.places.get(&track).copied()
    }

    /// Whether a slice is on a track at an instant.
    pub(super) fn is_busy(&self, track: Track, at: Time) -> bool {
        let Some(spans) = self.busy.get(&track) else { return false };
        let begun = spans.partition_point(|&(from, _)| from <= at);
        begun > 0 && spans[begun - 1].1 > at
    }

    /// Where a counter is drawn.
    pub(super) fn counter_place(&self, trace: &Trace, counter: Counter) -> TrackPlace {
        let pid = match counter {
            Counter::InFlight | Counter::Queued | Counter::Retrying | Counter::Slots | Counter::Accept(_) => {
                Pids::WORLD
            }
            Counter::Runnable(host) => self.pids.hosts + host,
            Counter::Waiting(hub) => self.pids.processes + trace.layout.hubs[hub as usize],
        };
        TrackPlace { pid, tid: 0 }
    }

    /// Tracks that have a name.
    pub(super) fn count(&self) -> usize {
        self.threads.len()
    }

    /// Events that names take.
    pub(super) fn names(&self) -> usize {
        2 * (self.processes.len() + self.threads.len())
    }

    /// Names and order of processes and threads, as lines.
    pub(super) fn metadata(&self) -> Vec<String> {
        let meta = |what: &str, place: TrackPlace, args: serde_json::Value| {
            let TrackPlace { pid, tid } = place;
            format!("{{\"ph\":\"M\",\"name\":\"{what}\",\"pid\":{pid},\"tid\":{tid},\"ts\":0.000,\"args\":{args}}}")
        };
        let mut lines = Vec::new();
        for (&pid, name) in &self.processes {
            let place = TrackPlace { pid, tid: 0 };
            lines.push(meta("process_name", place, json!({ "name": name })));
            lines.push(meta("process_sort_index", place, json!({ "sort_index": pid })));
        }
        for (&place, name) in &self.threads {
            lines.push(meta("thread_name", place, json!({ "name": name })));
            lines.push(meta("thread_sort_index", place, json!({ "sort_index": place.tid })));
        }
        lines
    }
}

fn group_of(trace: &Trace, track: Track) -> Group {
    match track {
        Track::Request(key) => Group::Requests(trace.requests[key as usize].class),
        Track::Core(core) => Group::Core(core),
        Track::Thread(thread) => Group::Thread(thread),
        Track::Hub(hub) => Group::Hub(hub),
        Track::Greenlet(hub, _) => Group::Greenlets(hub),
        Track::Gil(process) => Group::Gil(process),
        Track::Holder(process, sync, _) => Group::Holders(process, sync),
        Track::Waiter(process, sync, _) => Group::Waiters(process, sync),
        Track::Accept(listener, _) => Group::Accept(listener),
        Track::Peer(peer, _) => Group::Calls(peer),
    }
}

fn group_name(names: &TraceNames<'_>, group: Group, lane: u32) -> String {
    let nth = lane + 1;
    match group {
        Group::Requests(_) => format!("in flight {nth}"),
        Group::Core(core) => {
            let cores = &names.trace.layout.cores;
            let number = cores[..core as usize].iter().filter(|&&host| host == cores[core as usize]).count();
            format!("core {number}")
        }
        Group::Accept(listener) => format!("accept queue {} place {nth}", listener + 1),
        Group::Hub(_) => "hub".to_owned(),
        Group::Thread(thread) => names.thread(thread),
        Group::Gil(_) => "GIL".to_owned(),
        Group::Greenlets(_) => format!("greenlet {nth}"),
        Group::Holders(_, sync) => format!("{}: unit {nth}", names.sync(sync)),
        Group::Waiters(_, sync) => format!("{}: waiter {nth}", names.sync(sync)),
        Group::Calls(_) => format!("call {nth}"),
    }
}

/// The lane of each, which come by their beginnings: the lowest that is free.
fn lanes(members: &[Stretch]) -> Vec<u32> {
    let mut free: BTreeSet<u32> = BTreeSet::new();
    let mut busy: BinaryHeap<Reverse<(Time, u32)>> = BinaryHeap::new();
    let mut next = 0;
    let mut lanes = Vec::with_capacity(members.len());
    for &(from, to, _) in members {
        while let Some(&Reverse((end, lane))) = busy.peek()
            && end <= from
        {
            busy.pop();
            free.insert(lane);
        }
        let lane = free.pop_first().unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        busy.push(Reverse((to, lane)));
        lanes.push(lane);
    }
    lanes
}
