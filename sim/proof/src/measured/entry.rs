//! A measured entry: a server, what was asked of it, and what its runs gave. The format is in `docs/validation.md`.
//!
//! Read strictly: an unknown field is a mistake, so that nothing that was measured is passed over in silence.

use serde::Deserialize;

use super::shop::{ShopFile, is_bare};
use super::steps::{self, MeasuredStep, StepError};

/// One setting of a real server, measured in one or more runs.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredEntry {
    /// Family, server and setting, parted by slashes.
    pub name: String,
    /// The server.
    pub deployment: MeasuredServer,
    /// What requests do; empty for a [`MeasuredLoad::Loop`].
    #[serde(default)]
    pub mix: Vec<Class>,
    /// Who asks.
    pub load: MeasuredLoad,
    /// What came of it, each time on a fresh server.
    pub runs: Vec<Run>,
}

/// A server and its settings.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredServer {
    /// Kind of server.
    pub server: String,
    /// Worker processes; one if not given.
    pub processes: Option<u32>,
    /// Threads of a process.
    pub threads: Option<u32>,
    /// Greenlets of a process.
    pub greenlets: Option<u32>,
    /// Length of the listen queue, connections; 1,024 if not given.
    pub backlog: Option<u32>,
    /// Processors that the server may use: "0" for the first alone (the default), else all of them.
    pub cpus: Option<String>,
    /// Of a pool of connections: what kind of queue hands them out.
    pub queue: Option<String>,
    /// Of a pool of connections: how many there are.
    pub connections: Option<u32>,
    /// Of a pool of connections: the longest wait for one, seconds.
    pub wait_timeout_s: Option<f64>,
    /// Of the shop: connections to its database of each process.
    pub db_pool: Option<u32>,
}

/// One kind of request.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// How frequent it is, in proportion to the others.
    pub weight: f64,
    /// What it does, as written: see [`MeasuredStep`].
    pub steps: String,
}

impl Class {
    /// What it does, in order.
    ///
    /// # Errors
    /// The first step that is none.
    pub fn steps(&self) -> Result<Vec<MeasuredStep>, StepError> {
        steps::parse(&self.steps)
    }
}

/// Who asks, and when.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub enum MeasuredLoad {
    /// Clients that each ask again as soon as they have their response, on a new connection.
    Closed {
        clients: u32,
        /// Requests of all of them together.
        requests: u64,
        /// Longest wait for a connection, and for a response, seconds.
        timeout_s: f64,
    },
    /// Poisson arrivals, whatever happens.
    Open {
        /// Requests a second.
        rate: f64,
        /// For how long, seconds.
        seconds: f64,
        /// Longest wait for a connection, and for a response, seconds.
        timeout_s: f64,
        /// What the first run's arrivals were drawn from, if that is known: of Python's `random.Random`, a gap and a class each.
        #[serde(default)]
        seed: Option<u32>,
    },
    /// ApacheBench: closed clients without a time limit.
    Ab {
        clients: u32,
        /// Requests of all of them together.
        requests: u64,
    },
    /// Greenlets of one process in a loop, with no server at all.
    Loop {
        /// For how long, seconds.
        seconds: f64,
    },
}

/// What one run gave. Fields beyond the count of good responses depend on the load.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Requests sent.
    pub sent: Option<u64>,
    /// Good responses.
    pub ok: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Requests that failed in another way.
    pub errors: u64,
    /// From the first request to the last response, seconds.
    pub wall_s: Option<f64>,
    /// Good responses a second of `wall_s`.
    pub rps: Option<f64>,
    /// Latency of the good responses.
    pub all: Option<MeasuredLatency>,
    /// The same of the first class of the mix.
    pub class0: Option<MeasuredLatency>,
    /// The same of the second.
    pub class1: Option<MeasuredLatency>,
    /// The same of the third.
    pub class2: Option<MeasuredLatency>,
    /// The same of the fourth.
    pub class3: Option<MeasuredLatency>,
    /// CPU time of all server processes, seconds.
    pub server_cpu_s: Option<f64>,
    /// That over `wall_s`.
    pub server_cpu_util: Option<f64>,
    /// Share of the server's core that other work took.
    pub foreign_cpu0: Option<f64>,
    /// Share of the client's core that other work took.
    pub foreign_cpu1: Option<f64>,
    /// Of a loop: passes that failed.
    pub fail: Option<u64>,
    /// Of a loop: good passes a second.
    pub ok_per_s: Option<f64>,
    /// Of a loop: failed passes a second.
    pub fail_per_s: Option<f64>,
    /// Of a loop: share of good passes, per cent.
    pub success_rate_percent: Option<f64>,
    /// Of a loop: Jain's index of fairness between greenlets.
    pub jain: Option<f64>,
    /// Of a loop: greenlets with any success at all.
    pub winners: Option<u64>,
    /// Of a loop: CPU time over wall time.
    pub cpu_util: Option<f64>,
}

/// Latencies of one run, milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct MeasuredLatency {
    /// Good responses.
    pub n: u64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Why a file is no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It is no JSON, or not of this shape.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// A text that stands in tables is empty, too long or holds control characters.
    #[error("`name` must be 1 to {NAME_MAX} characters of text, parted by slashes")]
    Name,
    /// Nothing was measured, or more than can be.
    #[error("`runs` must hold 1 to {RUNS_MAX} runs")]
    Runs,
    /// Nothing is asked for.
    #[error("`mix` is empty: only a load of kind \"loop\" goes without requests")]
    NoMix,
    /// A number that must be above zero is not.
    #[error("`{0}` must be above zero")]
    NotAboveZero(&'static str),
    /// A number is larger than anything that was ever measured; sums of such numbers would not be numbers.
    #[error("run {run} has a number that is larger than {NUMBER_MAX:e}: `{field}`")]
    TooLarge {
        /// Which run, counted from 1.
        run: usize,
        /// Which number.
        field: &'static str,
    },
    /// The load asks for more than anybody could measure.
    #[error("`{0}` of the load is larger than {NUMBER_MAX:e}")]
    TooMuch(&'static str),
    /// A run lacks a number that its load calls for.
    #[error("run {run} has no `{field}`")]
    Missing {
        /// Which run, counted from 1.
        run: usize,
        /// What is missing.
        field: &'static str,
    },
    /// A class has steps that are none.
    #[error("`mix[{class}].steps`: {error}")]
    Step {
        /// Which class, counted from 0.
        class: usize,
        /// What is wrong.
        error: StepError,
    },
}

/// Characters of a name.
const NAME_MAX: usize = 120;
/// Any number of a run, and requests, rates and seconds of a load.
const NUMBER_MAX: f64 = 1e15;
/// Runs of an entry: a rank-sum test counts orders, whose number grows with them.
const RUNS_MAX: usize = 20;

impl MeasuredEntry {
    /// Reads an entry.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(text: &str) -> Result<MeasuredEntry, EntryError> {
        let entry = parse(text)?;
        if entry.name.is_empty() || entry.name.chars().count() > NAME_MAX || entry.name.contains(char::is_control) {
            return Err(EntryError::Name);
        }
        if entry.runs.is_empty() || entry.runs.len() > RUNS_MAX {
            return Err(EntryError::Runs);
        }
        entry.check_load()?;
        for (class, kind) in entry.mix.iter().enumerate() {
            kind.steps().map_err(|error| EntryError::Step { class, error })?;
        }
        for (at, run) in entry.runs.iter().enumerate() {
            entry.check_run(at + 1, run)?;
        }
        Ok(entry)
    }

    fn check_load(&self) -> Result<(), EntryError> {
        let positive = |what: &'static str, value: f64| match value {
            value if value > NUMBER_MAX => Err(EntryError::TooMuch(what)),
            value if value > 0.0 => Ok(()),
            _ => Err(EntryError::NotAboveZero(what)),
        };
        if self.mix.is_empty() && !matches!(self.load, MeasuredLoad::Loop { .. }) {
            return Err(EntryError::NoMix);
        }
        for class in &self.mix {
            positive("weight", class.weight)?;
        }
        match self.load {
            MeasuredLoad::Closed { clients, requests, timeout_s } => {
                positive("clients", f64::from(clients))?;
                positive("requests", requests as f64)?;
                positive("timeout_s", timeout_s)
            }
            MeasuredLoad::Open { rate, seconds, timeout_s, .. } => {
                positive("rate", rate)?;
                positive("seconds", seconds)?;
                positive("timeout_s", timeout_s)
            }
            MeasuredLoad::Ab { clients, requests } => {
                positive("clients", f64::from(clients))?;
                positive("requests", requests as f64)
            }
            MeasuredLoad::Loop { seconds } => positive("seconds", seconds),
        }
    }

    fn check_run(&self, run: usize, numbers: &Run) -> Result<(), EntryError> {
        if let Some((field, _)) = numbers.all_numbers().find(|(_, value)| value.abs() > NUMBER_MAX) {
            return Err(EntryError::TooLarge { run, field });
        }
        let needed = match self.load {
            MeasuredLoad::Loop { .. } => [("ok_per_s", numbers.ok_per_s), ("cpu_util", numbers.cpu_util)],
            MeasuredLoad::Closed { .. } | MeasuredLoad::Open { .. } | MeasuredLoad::Ab { .. } => {
                [("wall_s", numbers.wall_s), ("rps", numbers.rps)]
            }
        };
        for (field, value) in needed {
            let value = value.ok_or(EntryError::Missing { run, field })?;
            if value <= 0.0 {
                return Err(EntryError::NotAboveZero(field));
            }
        }
        let timed = matches!(self.load, MeasuredLoad::Closed { .. } | MeasuredLoad::Open { .. });
        if timed && numbers.ok > 0 && numbers.all.is_none() {
            return Err(EntryError::Missing { run, field: "all" });
        }
        match numbers.all {
            Some(all) if all.p50_ms <= 0.0 || all.p99_ms <= 0.0 => Err(EntryError::NotAboveZero("p50_ms and p99_ms")),
            Some(_) | None => Ok(()),
        }
    }

    /// What the entry is about: the first part of its name.
    pub fn family(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    /// Whether it is there to calibrate a server's own cost of a request, or an application's, so that nothing can be learnt from
    /// meeting it.
    pub fn is_calibration(&self) -> bool {
        matches!(self.family(), "calib" | "profile") || is_bare(&self.mix)
    }

    /// Whether it is one of the shop's, whose throughput has a band of its own.
    pub fn is_of_shop(&self) -> bool {
        self.deployment.db_pool.is_some()
    }

    /// Listen queue asked for, connections.
    pub fn backlog(&self) -> u32 {
        self.deployment.backlog.unwrap_or(1_024)
    }

    /// Whether chance decides the outcome of a run: a herd of ab's clients larger than the listen queue.
    ///
    /// Who finds no room there repeats the SYN after seconds that double (Linux, `tcp_syn_retries`), and how many have to
    /// depends on a race of microseconds between the herd and the server.
    pub fn is_by_chance(&self) -> bool {
        matches!(self.load, MeasuredLoad::Ab { clients, .. } if clients > self.backlog())
    }
}

/// An entry in either form: the shop's names the server where all others have a `deployment`.
fn parse(text: &str) -> Result<MeasuredEntry, serde_json::Error> {
    let known: serde_json::Value = serde_json::from_str(text)?;
    if known.get("server").is_some() && known.get("deployment").is_none() {
        return serde_json::from_str::<ShopFile>(text).map(ShopFile::entry);
    }
    serde_json::from_str(text)
}

impl Run {
    /// Every number that was measured, with its field.
    fn all_numbers(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let counts = [
            ("sent", self.sent),
            ("ok", Some(self.ok)),
            ("timeouts", Some(self.timeouts)),
            ("errors", Some(self.errors)),
            ("fail", self.fail),
            ("winners", self.winners),
        ];
        let numbers = [
            ("wall_s", self.wall_s),
            ("rps", self.rps),
            ("server_cpu_s", self.server_cpu_s),
            ("server_cpu_util", self.server_cpu_util),
            ("foreign_cpu0", self.foreign_cpu0),
            ("foreign_cpu1", self.foreign_cpu1),
            ("ok_per_s", self.ok_per_s),
            ("fail_per_s", self.fail_per_s),
            ("success_rate_percent", self.success_rate_percent),
            ("jain", self.jain),
            ("cpu_util", self.cpu_util),
        ];
        let counts = counts.into_iter().filter_map(|(field, count)| Some((field, count? as f64)));
        let numbers = numbers.into_iter().filter_map(|(field, number)| Some((field, number?)));
        let latencies = [self.all, self.class0, self.class1, self.class2, self.class3].into_iter().flatten();
        counts.chain(numbers).chain(latencies.flat_map(|latency| latency.all_numbers()))
    }
}

impl MeasuredLatency {
    fn all_numbers(self) -> [(&'static str, f64); 7] {
        [
            ("n", self.n as f64),
            ("mean_ms", self.mean_ms),
            ("p50_ms", self.p50_ms),
            ("p90_ms", self.p90_ms),
            ("p95_ms", self.p95_ms),
            ("p99_ms", self.p99_ms),
            ("max_ms", self.max_ms),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"name": "io/x/c1", "deployment": {"server": "pywsgi", "greenlets": 4},
        "mix": [{"weight": 1, "steps": "cpu:1,sleep:20"}],
        "load": {"kind": "ab", "clients": 10, "requests": 100},
        "runs": [{"wall_s": 10.1, "ok": 100, "errors": 0, "rps": 9.9, "server_cpu_s": 0.1}]}"#;

    fn error_of(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        MeasuredEntry::read(&GOOD.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn an_entry_is_read_with_its_defaults() {
        let entry = MeasuredEntry::read(GOOD).unwrap();
        assert_eq!((entry.family(), entry.backlog(), entry.is_by_chance()), ("io", 1_024, false));
        assert_eq!(entry.load, MeasuredLoad::Ab { clients: 10, requests: 100 });
        assert_eq!(entry.runs[0].rps, Some(9.9));
    }

    #[test]
    fn only_a_herd_larger_than_the_listen_queue_is_a_matter_of_chance() {
        let with = |backlog: &str| GOOD.replace("\"greenlets\": 4", &format!("\"backlog\": {backlog}"));
        assert!(MeasuredEntry::read(&with("9")).unwrap().is_by_chance());
        assert!(!MeasuredEntry::read(&with("10")).unwrap().is_by_chance());
    }

    #[test]
    fn mistakes_are_named() {
        assert!(error_of("\"greenlets\"", "\"greenlet\"").contains("unknown field `greenlet`"));
        assert!(error_of("\"requests\": 100", "\"requests\": 100, \"rate\": 3").contains("unknown field `rate`"));
        assert!(error_of("\"ab\"", "\"wrk\"").contains("unknown variant `wrk`"));
        assert_eq!(error_of("cpu:1", "cpu:x"), "`mix[0].steps`: \"cpu:x\" is no step; steps look like \"cpu:2\"");
        assert_eq!(error_of("\"clients\": 10", "\"clients\": 0"), "`clients` must be above zero");
        assert_eq!(error_of("\"rps\": 9.9, ", ""), "run 1 has no `rps`");
        assert_eq!(error_of("io/x/c1", ""), "`name` must be 1 to 120 characters of text, parted by slashes");
        let far = error_of("\"errors\": 0", "\"errors\": 18446744073709551615");
        assert_eq!(far, "run 1 has a number that is larger than 1e15: `errors`");
        assert_eq!(
            error_of("\"requests\": 100", "\"requests\": 9000000000000000000"),
            "`requests` of the load is larger than 1e15"
        );
        let run = GOOD.split_once("\"runs\": [").unwrap().1.strip_suffix("]}").unwrap();
        let runs = |count: usize| GOOD.replace(run, &vec![run; count].join(", "));
        assert!(MeasuredEntry::read(&runs(20)).is_ok());
        assert_eq!(MeasuredEntry::read(&runs(21)).unwrap_err().to_string(), "`runs` must hold 1 to 20 runs");
        assert_eq!(MeasuredEntry::read(&runs(0)).unwrap_err().to_string(), "`runs` must hold 1 to 20 runs");
        assert!(MeasuredEntry::read("[").unwrap_err().to_string().contains("line 1"));
    }
}
