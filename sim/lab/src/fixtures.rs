//! Hand-made records for tests, here and in the crates above: small, whole and without a simulator.

use engine::hist::Hist;
use engine::model::{HostSpec, Model, RunSpec, WorkerKind, WorkerSpec};
use engine::record::{ClassRecord, Ending, KernelCounts, Resilience, RunRecord, Series, Slowdown, Users, Wait, Wasted};
use engine::time::{Span, Time};

/// A server of four threads on one core, that nobody asks for anything in a minute.
pub fn model() -> Model {
    let length = Some(Span::from_secs(60));
    let (drain, warm_up, step, starved_after) = (Span::ZERO, Span::ZERO, Span::from_secs(1), Span::MAX);
    let run = RunSpec { length, drain, warm_up, step, starved_after };
    Model::plain(HostSpec::plain(1), WorkerSpec::plain("server", WorkerKind::Threads { threads: 4 }), run)
}

/// A run in which nothing happened.
pub fn empty(world: &str, replication: u32) -> RunRecord {
    RunRecord {
        world: world.to_owned(),
        loops: false,
        seed: 7,
        replication,
        finished: Time::ZERO,
        window: Span::ZERO,
        events: 0,
        fingerprint: 0,
        births_fingerprint: 0,
        warm_up: Span::ZERO,
        endings: [0; Ending::COUNT],
        apart: Default::default(),
        users: Users::default(),
        wasted: Wasted::default(),
        resilience: Resilience::default(),
        residents: None,
        groups: Vec::new(),
        pools: Vec::new(),
        steps: Vec::new(),
        hub_blame: Default::default(),
        door: Default::default(),
        values: Vec::new(),
        connections: Vec::new(),
        calls_peak: 0,
        syn_drops: 0,
        throttling: Default::default(),
        kernel: KernelCounts::default(),
        workers: Default::default(),
        classes: Vec::new(),
        latency: Hist::new(),
        hub_lag: Hist::new(),
        hub_hold: Hist::new(),
        join_lag: Hist::new(),
        cpu_ppm: 0,
        slots_ppm: 0,
        slots: 0,
        os_threads: 0,
        hub_hold_max: None,
        cores: 0,
        process_cpu: Vec::new(),
        process_requests: Vec::new(),
        thread_requests: Default::default(),
        series: Series::default(),
    }
}

/// A run of two minutes with two classes, 1,000 requests and some of every kind of bad luck.
///
/// Replications differ a little, as real ones do.
pub fn record(world: &str, replication: u32) -> RunRecord {
    let shift = u64::from(replication) * 3;
    let page: Vec<u64> = (0..800).map(|k| 40 + k % 50 + shift).collect();
    let export: Vec<u64> = (0..90 + shift).map(|k| 900 + 10 * k + shift).collect();
    let good = u64::try_from(page.len() + export.len()).expect("a few hundred");
    let mut record = with_classes(world, replication, vec![class("page", &page, 30), class("export", &export, 400)]);
    record.endings = [good, 20, 30, 15, 1_000 - 65 - good, 0, 0, 0, 0];
    record.classes[1].endings = record.endings;
    record.classes[1].endings[Ending::Ok as usize] = good - 800;
    record.users = Users { came: 950, served: good - 5, refreshes: 50 };
    record.wasted = Wasted { requests: 12, slot_time: Span::from_ms(5_400) };
    record.syn_drops = 40 + shift;
    record
}

/// A run of two minutes whose counts and histograms follow from its classes.
pub fn with_classes(world: &str, replication: u32, classes: Vec<ClassRecord>) -> RunRecord {
    let mut latency = Hist::new();
    let mut endings = [0; Ending::COUNT];
    for class in &classes {
        latency.merge(&class.latency);
        for (sum, count) in endings.iter_mut().zip(class.endings) {
            *sum += count;
        }
    }
    let good = endings[Ending::Ok as usize];
    RunRecord {
        finished: Time::ZERO + Span::from_secs(120),
        window: Span::from_secs(120),
        events: 123_456 + u64::from(replication),
        fingerprint: 0x0123_4567_89ab_cdef ^ u64::from(replication),
        births_fingerprint: 0xfeed,
        users: Users { came: good, served: good, refreshes: 0 },
        cpu_ppm: 61_000,
        slots_ppm: 420_000,
        slots: 640,
        cores: 16,
        endings,
        classes,
        latency,
        series: series(good),
        ..empty(world, replication)
    }
}

/// A class of good responses with the given latencies, of which `ideal_ms` were needed and the rest was spent in
/// [`Wait::Slot`].
pub fn class(name: &str, latencies_ms: &[u64], ideal_ms: u64) -> ClassRecord {
    let mut latency = Hist::new();
    let mut blame = [Span::ZERO; Wait::KINDS];
    let mut slowdown = Slowdown::default();
    for &ms in latencies_ms {
        latency.add(Span::from_ms(ms));
        blame[Wait::Peer as usize] += Span::from_ms(ideal_ms);
        blame[Wait::Slot as usize] += Span::from_ms(ms - ideal_ms);
        let milli = ms * 1_000 / ideal_ms;
        slowdown.count += 1;
        slowdown.sum_milli += u128::from(milli);
        slowdown.square_micro += u128::from(milli) * u128::from(milli);
        slowdown.max_milli = slowdown.max_milli.max(milli);
    }
    let mut endings = [0; Ending::COUNT];
    endings[Ending::Ok as usize] = latency.count();
    let bytes = 91 * latency.count();
    let name = name.to_owned();
    ClassRecord {
        name,
        endings,
        apart: Default::default(),
        unfinished: Hist::new(),
        latency,
        blame,
        blame_rows: Default::default(),
        worst: Default::default(),
        starved: Default::default(),
        lost: [Span::ZERO; Wait::KINDS],
        waiting: Default::default(),
        slowdown,
        bytes,
        body_bytes: 12 * bytes / 91,
    }
}

/// Twelve steps of ten seconds over which `good` responses are spread evenly.
fn series(good: u64) -> Series {
    let steps = 12;
    let per_step = good / 12;
    Series {
        step: Span::from_secs(10),
        measured: Some(steps),
        sent: vec![per_step; steps],
        endings: Ending::ALL.map(|ending| vec![if ending == Ending::Ok { per_step } else { 0 }; steps]),
        refreshes: vec![0; steps],
        latency_p50: vec![Some(Span::from_ms(60)); steps],
        latency_p90: vec![Some(Span::from_ms(80)); steps],
        latency_p99: vec![Some(Span::from_ms(900)); steps],
        in_flight_milli: vec![270_000; steps],
        queued_milli: vec![1_500; steps],
        retrying_milli: vec![0; steps],
        slots_ppm: (0..12).map(|step| 300_000 + 60_000 * step).collect(),
        cpu_ppm: (0..12).map(|step| 120_000 - 5_000 * step).collect(),
        syn_drops: vec![0; steps],
        inside: vec![270; steps],
    }
}
