//! Every bound on what a scenario may say, each with its name, its value and its reason.
//!
//! A file beyond a limit is refused with a message that names the limit; nothing is cut silently.

/// Largest scenario file in bytes: a hundred times a long one.
pub const FILE_BYTES: usize = 1 << 20;
/// Depth of steps inside steps: deeper ones cannot be read.
pub(crate) const NESTING: usize = 8;
/// Worlds of a file: more do not fit a table or a plot.
pub(crate) const WORLDS: usize = 16;
/// Peers, pools, locks, queues, events, values, connections, clients or requests of a file.
pub(crate) const NAMED: usize = 256;
/// Steps of all requests together: a program has at most 65,535 ops.
pub(crate) const STEPS: usize = 10_000;
/// Passes of a `repeat`.
pub(crate) const REPEAT: u64 = 4_000_000_000;
/// Runs of a `fan`: each is a greenlet or a thread.
pub(crate) const FAN: u64 = 1_000;
/// Server processes of a world.
pub(crate) const PROCESSES: u64 = 100_000;
/// Servers times processes times threads or greenlets: all would be in memory.
pub(crate) const TASKS: u64 = 10_000_000;
/// A duration in seconds (eleven days): sums of durations stay far below the 584 years of the engine.
pub(crate) const DURATION_S: u64 = 1_000_000;
/// A rate in requests a second.
pub(crate) const RATE: f64 = 1e7;
/// Cores of a machine.
pub(crate) const CORES: u64 = 1_024;
/// The lowest CPU limit, in cores: the kernel takes no quota under 1 ms (`min_cfs_quota_period`).
pub(crate) const CPU_LEAST: f64 = 0.01;
/// Points of a rate's profile, windows of a peer.
pub(crate) const POINTS: usize = 1_000;
/// Points of the time series: `(length + drain) / step`.
pub(crate) const SERIES: u64 = 1_000_000;
/// Replications of a run.
pub(crate) const REPLICATIONS: u64 = 10_000;
/// Lines of a CSV file, and samples of all empirical laws together, counted once for every use.
pub(crate) const SAMPLES: usize = 10_000_000;
/// Characters of a name that ends up in tables and plots.
pub(crate) const NAME_CHARS: usize = 48;
/// Events of a run: some twenty minutes of real time. A file may say another number, up to [`EVENTS_MAX`].
pub(crate) const EVENTS: &str = "20_000_000_000";
/// Events that a file may allow a run.
pub(crate) const EVENTS_MAX: u64 = 1_000_000_000_000_000;
/// Requests alive at once in a run; a file may say another number, up to [`ALIVE_MAX`].
pub(crate) const ALIVE: &str = "20_000_000";
/// Requests that a file may allow to be alive at once: they have ids of 32 bits.
pub(crate) const ALIVE_MAX: u64 = 1_000_000_000;
/// Estimated memory of one run, and of all results together, MiB; a file may say another number, up to [`MEMORY_MIB_MAX`].
pub(crate) const MEMORY_MIB: &str = "4096";
/// MiB that a file may allow.
pub(crate) const MEMORY_MIB_MAX: u64 = 1 << 24;
/// Bytes of a file beside a scenario: longer lines than anybody writes, [`SAMPLES`] of them.
pub const BESIDE_BYTES: u64 = 256 << 20;
/// Mistakes reported at once: a page of them.
pub(crate) const DIAGNOSTICS: usize = 100;

/// The limits as the reference lists them: name, value, what it bounds.
pub fn listed() -> Vec<(&'static str, String, &'static str)> {
    let count = |n: u64| grouped(n);
    vec![
        ("file size", count(FILE_BYTES as u64), "bytes of a scenario file"),
        ("nesting", count(NESTING as u64), "steps inside steps"),
        ("loops", count(engine::op::Program::REGISTERS as u64), "`repeat` inside `repeat`; one less inside a `fan`"),
        ("worlds", count(WORLDS as u64), "worlds of a file"),
        (
            "names",
            count(NAMED as u64),
            "clients, peers, pools, locks, queues, events, values, connections or requests of a file",
        ),
        ("steps", count(STEPS as u64), "steps of all requests together"),
        ("repeat", count(REPEAT), "passes of one `repeat`"),
        ("fan", count(FAN), "runs of one `fan`"),
        ("processes", count(PROCESSES), "server processes of a world"),
        ("tasks", count(TASKS), "servers x processes x threads (or greenlets) of a world"),
        ("duration", count(DURATION_S), "seconds in any duration"),
        ("rate", count(RATE as u64), "requests a second"),
        ("points", count(POINTS as u64), "points of a rate's profile, windows of a peer"),
        ("series", count(SERIES), "points of the time series, (length + drain) / step"),
        ("replications", count(REPLICATIONS), "replications of a run"),
        ("samples", count(SAMPLES as u64), "lines of a CSV file"),
        ("CSV file", count(BESIDE_BYTES), "bytes of a file beside a scenario"),
        ("events", EVENTS.replace('_', ","), "events of a run, unless `run.max_events` says otherwise"),
        ("alive", ALIVE.replace('_', ","), "requests alive at once in a run, unless `run.max_alive` says otherwise"),
        (
            "memory",
            format!("{MEMORY_MIB} MiB"),
            "estimated memory of a run, and of all results together, unless `run.max_memory_mib` says otherwise",
        ),
        ("instant", count(engine::model::Limits::default().events_per_instant), "steps of a run without time passing"),
        ("range", count(VALUES), "values of a setting of a plan"),
        ("name", count(NAME_CHARS as u64), "characters of a name"),
    ]
}

/// Values of one range of a plan.
pub(crate) const VALUES: u64 = 1_000;

/// `10000000` as `10,000,000`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
