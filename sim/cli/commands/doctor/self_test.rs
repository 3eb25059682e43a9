//! Small scenarios inside the program, and what they come to wherever tailback runs.
//!
//! Together they go through threads, hubs, pools, locks, queues, accept queues, kept connections, timeouts and retries. What is expected
//! stands in `expected.txt`; `TAILBACK_BLESS=1 cargo test --test main doctor::` writes it anew, and a change of it says that the model changed.

use std::fmt;

use engine::Seed;
use lab::{RunSettings, run_all};
use serde::Serialize;

use crate::files;
use crate::problem::Problem;

/// Name and text of each scenario.
const SCENARIOS: [(&str, &str); 3] = [
    ("threads", include_str!("threads.toml")),
    ("gevent", include_str!("gevent.toml")),
    ("sockets", include_str!("sockets.toml")),
];

/// A line for each run: scenario, world, fingerprint, births, events.
const EXPECTED: &str = include_str!("expected.txt");

/// One run of the self-test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Tested {
    scenario: &'static str,
    world: String,
    found: String,
    /// `null` if nobody knows what it should come to.
    expected: Option<String>,
}

impl Tested {
    /// Whether it came to what it should.
    pub fn is_ok(&self) -> bool {
        self.expected.as_ref() == Some(&self.found)
    }
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tested { scenario, world, found, expected } = self;
        let written = if self.is_ok() { "OK".to_owned() } else { format!("DIFFERS: {found}") };
        write!(f, "{scenario}, world {world}: {written}")?;
        match expected {
            Some(expected) if !self.is_ok() => write!(f, ", expected {expected} (fingerprint, births, events)"),
            None => write!(f, ", and nothing is expected of it"),
            Some(_) => Ok(()),
        }
    }
}

/// Runs everything once, on as many threads as there are cores.
pub fn run() -> Result<Vec<Tested>, Problem> {
    let mut tested = Vec::new();
    for (scenario, text) in SCENARIOS {
        let mut load = |_: &str| Err("the self-test reads no files".to_owned());
        let (compiled, _) = files::compile_loading(&format!("{scenario}.toml"), text, &[], &mut load)?;
        let settings = RunSettings { seed: Seed(compiled.seed), replications: 1, threads: None };
        for world in run_all(&compiled.models, &settings, &|_| {}).map_err(Problem::Runs)? {
            let record = &world.records[0];
            let (fingerprint, births) = (record.fingerprint, record.births_fingerprint);
            let found = format!("{fingerprint:016x} {births:016x} {}", record.events);
            tested.push(against(EXPECTED, scenario, world.name, found));
        }
    }
    Ok(tested)
}

/// What was found beside what is expected of that world.
fn against(expected: &str, scenario: &'static str, world: String, found: String) -> Tested {
    let start = format!("{scenario} {world} ");
    let expected = expected.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned);
    Tested { scenario, world, found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_comes_to_something_else_is_shown_with_both() {
        let expected = "# A comment.\nthreads uwsgi 01 02 300\n";
        let of = |world: &str, found: &str| against(expected, "threads", world.to_owned(), found.to_owned());
        assert_eq!(of("uwsgi", "01 02 300").to_string(), "threads, world uwsgi: OK");
        let differs = of("uwsgi", "01 02 301");
        assert!(!differs.is_ok());
        let text = "threads, world uwsgi: DIFFERS: 01 02 301, expected 01 02 300 (fingerprint, births, events)";
        assert_eq!(differs.to_string(), text);
        let unknown = of("gthread", "01 02 300");
        assert!(!unknown.is_ok() && unknown.to_string().ends_with("nothing is expected of it"));
    }
}
