//! The recorder: turns facts into the record of a run. It only watches; the world never reads it back.

use crate::kit::few::Few;
use crate::kit::hist::Hist;
use crate::kit::time::{Span, Time};
use crate::model::{Arrivals, Model};
use crate::program::request::{Request, Why};
use crate::program::wait::{Ending, Wait};
use crate::watch::blame::{BlameRows, WorstList};
use crate::watch::books::Areas;
use crate::watch::fairness::Fairness;
use crate::watch::hub_blame::Holds;
use crate::watch::probe::{Fact, Gauge, Probe};
use crate::watch::record::{
    Apart, ClassRecord, ConnectionRecord, GroupRecord, Resilience, Series, Slowdown, Throttling, Users, ValueRecord,
    Waiting, Wasted,
};
use crate::watch::starved::StarvedRequests;
use crate::watch::steps::Steps;

/// What a run has shown so far.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// See [`crate::watch::record::RunRecord`] for all of these.
    pub(crate) endings: [u64; Ending::COUNT],
    pub(crate) apart: Apart,
    pub(crate) users: Users,
    pub(crate) wasted: Wasted,
    pub(crate) resilience: Resilience,
    pub(crate) values: Vec<ValueRecord>,
    pub(crate) connections: Vec<ConnectionRecord>,
    pub(crate) syn_drops: u64,
    pub(crate) throttling: Throttling,
    pub(crate) classes: Vec<ClassRecord>,
    pub(crate) latency: Hist,
    pub(crate) hub_lag: Hist,
    pub(crate) hub_hold: Hist,
    pub(crate) join_lag: Hist,
    pub(crate) groups: Vec<GroupRecord>,
    pub(crate) fairness: Fairness,
    pub(crate) steps: Steps,
    pub(crate) holds: Holds,
    pub(crate) finished: Time,
    /// Slots' area after the warm-up until the last request ended: in a run without a length servers may work on after that.
    slots_until_finished: u128,
    pub(crate) series: Series,
    gauges: [Level; Gauge::COUNT],
    areas: Areas,
    /// Busy core time by step, ns.
    cpu: Vec<u64>,
    step_latency: Few,
    step_edge: Time,
    /// The last edge, and the next one: of the step, or of the window.
    edge: Time,
    next_edge: Time,
    /// First instant that counts, and the first one after them.
    window: (Time, Time),
    cores: u64,
    slots: u64,
    /// Requests between click and answer.
    inside: u64,
    /// Whether anybody asks without waiting for an answer first.
    open: bool,
}

/// A level over time: its area in the current step, and in the window of the run.
///
/// The area since an instant is the value at its end times its length, less each change times how late it came; so a change costs
/// one product, and areas are added up at edges only: the end of a step, and the ends of the window.
#[derive(Clone, Copy, Default, Debug)]
struct Level {
    value: u64,
    /// Sum of the changes since the last edge, each times how long after the edge it came.
    moment: i128,
    step_area: u128,
    window_area: u128,
    /// Over the whole run.
    area: u128,
}

impl Level {
    #[inline(always)]
    fn change(&mut self, after: Span, change: i64) {
        self.value = self.value.checked_add_signed(change).expect("a gauge never falls below zero");
        self.moment += i128::from(change) * i128::from(after.as_ns());
    }

    /// The area since the last edge, so long ago.
    #[inline(always)]
    fn since_edge(&self, length: Span) -> u128 {
        let area = u128::from(self.value) * u128::from(length.as_ns());
        area.checked_add_signed(-self.moment).expect("an area is never negative")
    }

    /// Adds up the area since the last edge, so long ago.
    fn close(&mut self, length: Span, counted: bool) {
        let area = self.since_edge(length);
        self.moment = 0;
        self.step_area += area;
        self.area += area;
        self.window_area += if counted { area } else { 0 };
    }
}

impl Recorder {
    /// A recorder for a run of `model`.
    pub fn new(model: &Model, cores: u64, slots: u64) -> Recorder {
        let class = |name: &str| ClassRecord {
            name: name.to_owned(),
            endings: [0; Ending::COUNT],
            apart: Apart::default(),
            unfinished: Hist::new(),
            latency: Hist::new(),
            blame: [Span::ZERO; Wait::KINDS],
            blame_rows: BlameRows::default(),
            worst: WorstList::default(),
            starved: StarvedRequests::default(),
            lost: [Span::ZERO; Wait::KINDS],
            waiting: Waiting::default(),
            slowdown: Slowdown::default(),
            bytes: 0,
            body_bytes: 0,
        };
        let window =
            (Time::ZERO + model.run.warm_up, model.run.length.map_or(Time::NEVER, |length| Time::ZERO + length));
        let step_edge = Time::ZERO + model.run.step;
        Recorder {
            endings: [0; Ending::COUNT],
            apart: Apart::default(),
            users: Users::default(),
            wasted: Wasted::default(),
            resilience: Resilience::default(),
            values: model.values.iter().map(|name| ValueRecord { name: name.clone(), ..Default::default() }).collect(),
            connections: model
                .connections
                .iter()
                .map(|name| ConnectionRecord { name: name.clone(), ..Default::default() })
                .collect(),
            syn_drops: 0,
            throttling: Throttling::default(),
            classes: model.classes.iter().map(|spec| class(&spec.name)).collect(),
            latency: Hist::new(),
            hub_lag: Hist::new(),
            hub_hold: Hist::new(),
            join_lag: Hist::new(),
            groups: model.clients.iter().map(GroupRecord::new).collect(),
            fairness: Fairness::new(model),
            steps: Steps::new(model),
            holds: Holds::new(model.processes.len()),
            finished: Time::ZERO,
            slots_until_finished: 0,
            series: Series {
                step: model.run.step,
                measured: model.run.length.map(|length| steps_in(length, model.run.step)),
                ..Series::default()
            },
            gauges: [Level::default(); Gauge::COUNT],
            areas: Areas::default(),
            cpu: Vec::new(),
            step_latency: Few::default(),
            step_edge,
            edge: Time::ZERO,
            next_edge: next_edge(Time::ZERO, step_edge, window),
            window,
            cores,
            slots,
            inside: 0,
            open: model.clients.iter().any(|client| !matches!(client.arrivals, Arrivals::Closed { .. })),
        }
    }

    /// Busy slots over slots after the warm-up, over a window that ends when the run has its length or its last request ended.
    pub(crate) fn slots_ppm(&self, window: Span) -> u64 {
        let open = self.window.1 == Time::NEVER;
        let area = if open { self.slots_until_finished } else { self.gauges[Gauge::Slots as usize].window_area };
        ratio(area, u128::from(window.as_ns()) * u128::from(self.slots.max(1)), 1_000_000)
    }

    /// What must balance at the end.
    pub(crate) fn areas(&self) -> Areas {
        let mut areas = self.areas.settled();
        areas.gauges = self.gauges.map(|gauge| gauge.area);
        areas
    }

    /// Busy core time over core time after the warm-up, parts per million.
    ///
    /// Busy time is known by whole points of the series. Where none lies in the window, it is that of the whole run; if servers
    /// were busy for longer than the window lasts, over the whole run up to `end` too.
    pub(crate) fn cpu_ppm(&self, until: Time, end: Time) -> u64 {
        let step = self.series.step.as_ns();
        let first = self.window.0.as_ns().div_ceil(step);
        let last = until.as_ns() / step;
        let busy: u128 = (first..last).map(|at| u128::from(self.cpu.get(at as usize).copied().unwrap_or(0))).sum();
        if last <= first {
            let busy: u128 = self.cpu.iter().copied().map(u128::from).sum();
            let of = |until: Time| u128::from(until.as_ns()) * u128::from(self.cores);
            return ratio(busy, if busy <= of(until) { of(until) } else { of(end) }, 1_000_000);
        }
        ratio(busy, u128::from((last - first) * step) * u128::from(self.cores), 1_000_000)
    }

    /// Ends the time series at `end`.
    pub(crate) fn close(&mut self, end: Time) {
        self.roll(end);
        if end < self.window.0 {
            self.begin_counting();
        }
        if end + self.series.step > self.step_edge {
            self.close_levels(end);
            self.close_step();
        }
        let mut latency = Hist::new();
        self.classes.iter().for_each(|class| latency.merge(&class.latency));
        self.latency = latency;
        self.classes.iter_mut().for_each(|class| class.blame = class.blame_rows.total());
        self.fairness.close(end.min(self.window.1), &mut self.groups);
        let steps = self.series.sent.len();
        self.cpu.resize(steps.max(self.cpu.len()), 0);
        let capacity = u128::from(self.series.step.as_ns()) * u128::from(self.cores);
        self.series.cpu_ppm = self.cpu.iter().map(|&busy| ratio(u128::from(busy), capacity, 1_000_000)).collect();
        self.series.cpu_ppm.truncate(steps);
    }

    /// Passes all edges up to `at`.
    #[cold]
    #[inline(never)]
    fn roll(&mut self, at: Time) {
        while at >= self.next_edge {
            let edge = self.next_edge;
            self.close_levels(edge);
            if edge == self.window.0 {
                self.begin_counting();
            }
            if edge == self.step_edge {
                self.close_step();
                self.step_edge += self.series.step;
            }
            self.next_edge = next_edge(edge, self.step_edge, self.window);
        }
    }

    /// The warm-up is over: what is counted as it happens counts from now on. Who is counted, and over what, stands elsewhere.
    fn begin_counting(&mut self) {
        self.resilience = Resilience::default();
        self.wasted = Wasted::default();
        self.users.refreshes = 0;
        self.classes.iter_mut().for_each(|class| (class.bytes, class.body_bytes) = (0, 0));
        self.syn_drops = 0;
        self.throttling = Throttling::default();
        self.values.iter_mut().for_each(|value| (value.reads, value.writes, value.lost_updates) = (0, 0, 0));
        self.connections.iter_mut().for_each(|connection| (connection.uses, connection.conflicts) = (0, 0));
        self.steps.begin_counting();
        self.holds.begin_counting();
        self.hub_lag.clear();
        self.hub_hold.clear();
    }

    /// Adds up all levels at an edge.
    fn close_levels(&mut self, at: Time) {
        let counted = self.edge >= self.window.0 && at <= self.window.1;
        for gauge in &mut self.gauges {
            gauge.close(at - self.edge, counted);
        }
        self.edge = at;
    }

    fn close_step(&mut self) {
        let (step, slots) = (u128::from(self.series.step.as_ns()), u128::from(self.slots));
        let area = self.gauges.each_mut().map(|gauge| std::mem::take(&mut gauge.step_area));
        self.column();
        let series = &mut self.series;
        series.in_flight_milli.push(ratio(area[Gauge::InFlight as usize], step, 1000));
        series.queued_milli.push(ratio(area[Gauge::Queued as usize], step, 1000));
        series.retrying_milli.push(ratio(area[Gauge::Retrying as usize], step, 1000));
        series.slots_ppm.push(ratio(area[Gauge::Slots as usize], step * slots, 1_000_000));
        let [p50, p90, p99] = self.step_latency.take([0.5, 0.9, 0.99]);
        series.latency_p50.push(p50);
        series.latency_p90.push(p90);
        series.latency_p99.push(p99);
        if self.open {
            series.inside.push(self.inside);
        }
    }

    /// Makes sure that the counting columns have an entry for the current step.
    fn column(&mut self) -> usize {
        let at = self.series.in_flight_milli.len();
        if self.series.sent.len() <= at {
            self.series.sent.push(0);
            self.series.refreshes.push(0);
            self.series.syn_drops.push(0);
            self.series.endings.iter_mut().for_each(|column| column.push(0));
        }
        at
    }

    fn ended(&mut self, at: Time, request: &Request, ending: Ending) {
        let column = self.column();
        if ending != Ending::Unfinished {
            self.series.endings[ending as usize][column] += 1;
        }
        let latency = at - request.born();
        self.inside -= 1;
        self.areas.ended(at, request, ending);
        let bucket = Hist::bucket(latency);
        if ending == Ending::Ok {
            self.step_latency.add_in(bucket, latency);
        }
        if at < self.window.0 {
            return;
        }
        self.users.came += u64::from(!request.again());
        let class = &mut self.classes[usize::from(request.class())];
        let after = at > self.window.1 && ending != Ending::Unfinished;
        let stuck =
            request.born() <= self.window.0 && (after || ending == Ending::Unfinished && self.window.1 != Time::NEVER);
        for (endings, apart) in [(&mut self.endings, &mut self.apart), (&mut class.endings, &mut class.apart)] {
            endings[ending as usize] += 1;
            apart.drained[ending as usize] += u64::from(after);
            apart.stuck += u64::from(stuck);
        }
        let group = &mut self.groups[usize::from(request.client())];
        let ideal = request.ideal();
        let waited = latency.saturating_sub(ideal);
        if self.fairness.ended(request, waited, [&mut class.waiting, &mut group.waiting]) {
            class.starved.note(request, waited, ending);
        }
        if ending == Ending::Unfinished {
            class.unfinished.add_in(bucket, latency);
            return;
        }
        self.finished = at;
        if self.window.1 == Time::NEVER {
            let slots = &self.gauges[Gauge::Slots as usize];
            self.slots_until_finished = slots.window_area + slots.since_edge(at - self.edge);
        }
        if ending != Ending::Ok {
            class.lost.iter_mut().zip(request.bill()).for_each(|(sum, part)| *sum += *part);
            return;
        }
        self.users.served += 1;
        group.served += 1;
        class.latency.add_in(bucket, latency);
        class.blame_rows.add(latency, request.bill());
        class.slowdown.add(latency, ideal);
        class.worst.note(request, latency);
        self.fairness.served(at, request);
    }

    /// Clients, breakers or balancers do something about trouble.
    #[cold]
    fn trouble(&mut self, fact: Fact<'_>) {
        match fact {
            Fact::FailedFast => self.resilience.failed_fast += 1,
            Fact::RetryRefused => self.resilience.retries_refused += 1,
            Fact::Hedged => {
                self.resilience.hedges += 1;
                self.areas.hedged = true;
            }
            Fact::HedgeWon => self.resilience.hedges_won += 1,
            Fact::Ejected => self.resilience.ejections += 1,
            _ => {}
        }
    }

    /// A CPU limit did something.
    #[cold]
    fn limit(&mut self, at: Time, fact: Fact<'_>) {
        match fact {
            Fact::Throttled { from } => self.throttling.time += at.since(from.max(self.window.0)),
            Fact::QuotaPeriod { throttled } => {
                self.throttling.periods += 1;
                self.throttling.throttled_periods += u64::from(throttled);
            }
            _ => {}
        }
    }

    /// A core was busy. Most spans lie within the current step; only those that do not need to divide.
    #[inline]
    fn core_busy(&mut self, from: Time, to: Time) {
        let current = self.series.in_flight_milli.len();
        match self.cpu.get_mut(current) {
            Some(cpu) if from + self.series.step >= self.step_edge => *cpu += (to - from).as_ns(),
            _ => self.core_busy_for_long(from, to),
        }
    }

    #[inline(never)]
    fn core_busy_for_long(&mut self, from: Time, to: Time) {
        let step = self.series.step.as_ns();
        let mut from = from.as_ns();
        while from < to.as_ns() {
            let index = (from / step) as usize;
            let edge = ((from / step + 1) * step).min(to.as_ns());
            if self.cpu.len() <= index {
                self.cpu.resize(index + 1, 0);
            }
            self.cpu[index] += edge - from;
            from = edge;
        }
    }
}

impl Slowdown {
    fn add(&mut self, latency: Span, ideal: Span) {
        let ideal = ideal.as_ns().max(1);
        // A division of 128 bits is dear, and only latencies of half a year need one.
        let milli = match latency.as_ns().checked_mul(1000) {
            Some(thousand) => thousand / ideal,
            None => (u128::from(latency.as_ns()) * 1000 / u128::from(ideal)) as u64,
        };
        self.count += 1;
        self.sum_milli += u128::from(milli);
        self.square_micro += u128::from(milli) * u128::from(milli);
        self.max_milli = self.max_milli.max(milli);
    }
}

impl Probe for Recorder {
    // Inlined, so that whoever tells a fact runs only what that fact takes.
    #[inline(always)]
    fn on(&mut self, at: Time, fact: Fact<'_>) {
        if at >= self.next_edge {
            self.roll(at);
        }
        match fact {
            Fact::Sent(request) => {
                self.inside += 1;
                self.areas.sent(request.born());
                let column = self.column();
                self.series.sent[column] += 1;
                if request.attempt() > 0 {
                    self.series.refreshes[column] += 1;
                }
                if request.why() == Why::Refresh {
                    self.users.refreshes += 1;
                }
                if request.why() == Why::Retry {
                    self.resilience.retries += 1;
                }
            }
            Fact::Ended(request, ending) => self.ended(at, request, ending),
            Fact::Bytes { class, head, body } => {
                self.classes[class].bytes += u64::from(head) + u64::from(body);
                self.classes[class].body_bytes += u64::from(body);
            }
            Fact::Gauge(gauge, change) => {
                self.gauges[gauge as usize].change(at - self.edge, change);
            }
            Fact::CoreBusy { from } => self.core_busy(from, at),
            Fact::Throttled { .. } | Fact::QuotaPeriod { .. } => self.limit(at, fact),
            Fact::HubRan { hub, program, ready, now } => {
                self.hub_lag.add(now.since(ready));
                self.holds.ran(hub as usize, program, ready, now);
            }
            Fact::HubMet { hub, program, ready, now } => self.holds.ran(hub as usize, program, ready, now),
            Fact::HubHeld { hub, step, from, to } => {
                self.hub_hold.add(to.since(from));
                self.holds.held(hub as usize, step, from, to);
            }
            Fact::Waited { class, op, wait, span } => self.steps.waited(class, op, wait, span),
            Fact::JoinLag(lag) => self.join_lag.add(lag),
            Fact::SynDropped => {
                let column = self.column();
                self.syn_drops += 1;
                self.series.syn_drops[column] += 1;
            }
            Fact::Read(touch) => self.values[usize::from(touch.value)].reads += 1,
            Fact::Wrote { touch, lost } => {
                let value = &mut self.values[usize::from(touch.value)];
                value.writes += 1;
                value.lost_updates += u64::from(lost);
            }
            Fact::Used { connection, conflict } => {
                let connection = &mut self.connections[usize::from(connection)];
                connection.uses += 1;
                connection.conflicts += u64::from(conflict);
            }
            Fact::FailedFast | Fact::RetryRefused | Fact::Hedged | Fact::HedgeWon | Fact::Ejected => self.trouble(fact),
            Fact::Born(_) | Fact::Said { .. } | Fact::Detail(_) => {}
            Fact::Wasted { held } => {
                self.wasted.requests += 1;
                self.wasted.slot_time += held;
            }
        }
    }
}

/// Whole steps within a length, and one at least.
fn steps_in(length: Span, step: Span) -> usize {
    usize::try_from(length.as_ns() / step.as_ns().max(1)).unwrap_or(usize::MAX).max(1)
}

/// The first edge after `at`.
fn next_edge(at: Time, step_edge: Time, window: (Time, Time)) -> Time {
    [window.0, window.1].into_iter().filter(|&edge| edge > at).fold(step_edge, Time::min)
}

/// `part / whole` in `unit`s, rounded; 0 of 0 is 0.
fn ratio(part: u128, whole: u128, unit: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from((part * u128::from(unit) + whole / 2) / whole).unwrap_or(u64::MAX)
}
