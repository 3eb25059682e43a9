//! Laws of durations as a scenario writes them, with what is said beside each, and the files of those that no formula fits.

use std::collections::BTreeMap;

use crate::numbers::{LawFit, Sample, duration, fit_law, plain};

/// Files of laws, by name.
#[derive(Clone, Debug, Default)]
pub struct LawFiles {
    /// Their texts.
    pub files: BTreeMap<String, String>,
    prefix: String,
}

/// A law as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawWritten {
    /// With its quotes.
    pub text: String,
    /// What is said beside it.
    pub says: String,
}

impl LawFiles {
    /// Files whose names begin so.
    pub fn beginning(prefix: &str) -> LawFiles {
        LawFiles { files: BTreeMap::new(), prefix: prefix.to_owned() }
    }

    /// The law of a sample of nanoseconds; none if there is no time in it.
    pub fn law(&mut self, name: &str, sample: &Sample) -> Option<LawWritten> {
        let says = |fit: String| format!("{}; {fit}", told(sample));
        Some(match fit_law(sample) {
            LawFit::Nothing => return None,
            LawFit::Constant(ns) => {
                LawWritten { text: format!("\"{}\"", duration(ns)), says: says("always about that".into()) }
            }
            LawFit::LogNormal { median, p99, distance } => LawWritten {
                text: format!("\"lognormal({}, {})\"", duration(median), duration(p99)),
                says: says(format!("log-normal, off by {} at most", plain(distance))),
            },
            LawFit::Empirical { values, distance } => {
                let file = format!("{}{name}.csv", self.prefix);
                let lines: String = values.iter().map(|ns| format!("{:.3}\n", ns.max(0.0) / 1e3)).collect();
                let comment = format!("# {}: {}\nus\n", name, told(sample));
                self.files.insert(file.clone(), comment.clone() + &lines);
                let fit = if distance < 1.0 {
                    format!("no log-normal (off by {})", plain(distance))
                } else {
                    "no log-normal".to_owned()
                };
                LawWritten { text: format!("\"empirical({file})\""), says: says(fit) }
            }
        })
    }
}

/// What a sample is, in short: how many, median and its interval, 99th percentile.
pub fn told(sample: &Sample) -> String {
    let sorted = sample.sorted();
    let at = |share: f64| duration(crate::numbers::of_sorted(&sorted, share).max(0.0));
    let spread = 0.98 / libm::sqrt(sorted.len().max(1) as f64);
    format!(
        "n={}, median {} (95 %: {} to {}), p99 {}",
        sample.count(),
        at(0.5),
        at(0.5 - spread),
        at(0.5 + spread),
        at(0.99)
    )
}
