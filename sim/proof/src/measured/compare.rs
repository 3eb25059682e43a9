//! One entry: measured runs beside simulated ones, and whether they agree within the bands.

use report::json::{number, number_or_null};
use serde::Serialize;

use super::bands::Bands;
use super::entry::MeasuredEntry;
use super::outcome::ServerOutcome;
use super::rank_sum::two_sided_p;

/// How an entry counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryPart {
    /// Not at all: a server's own cost of a request was taken from it.
    Calibration,
    /// Its numbers are held against the bands.
    Judged,
    /// Its throughput is held against the spread of the simulation, because chance decides a run.
    ByChance,
}

/// Whether a quantity is in its band.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InBand {
    /// It is.
    Within,
    /// It is not.
    Outside,
    /// It has none, or the entry is not judged.
    NotJudged,
}

/// How many requests went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regime {
    /// None at all.
    None,
    /// At most half of them.
    Some,
    /// More than half.
    Most,
}

impl Regime {
    /// The regime of a share of bad endings.
    pub fn of(bad_share: f64) -> Regime {
        if bad_share <= 0.0 {
            Regime::None
        } else if bad_share <= 0.5 {
            Regime::Some
        } else {
            Regime::Most
        }
    }

    /// A word for a table.
    pub fn label(self) -> &'static str {
        match self {
            Regime::None => "none",
            Regime::Some => "some",
            Regime::Most => "most",
        }
    }
}

/// A quantity over the measured runs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct MeasuredQuantity {
    #[serde(serialize_with = "number")]
    pub min: f64,
    #[serde(serialize_with = "number")]
    pub median: f64,
    #[serde(serialize_with = "number")]
    pub max: f64,
    /// Runs that had it.
    pub runs: u32,
}

/// A quantity over the simulated runs, each as long as a measured one.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct Predicted {
    #[serde(serialize_with = "number")]
    pub min: f64,
    /// Median: what is held against the measured median.
    #[serde(serialize_with = "number")]
    pub median: f64,
    #[serde(serialize_with = "number")]
    pub max: f64,
    /// Lower end of the 95 % interval of the median; `None` below six runs, which are too few for one.
    #[serde(serialize_with = "number_or_null")]
    pub low: Option<f64>,
    /// Its upper end.
    #[serde(serialize_with = "number_or_null")]
    pub high: Option<f64>,
    #[serde(serialize_with = "number")]
    pub mean: f64,
    /// Runs that had it.
    pub runs: u32,
}

/// One quantity of an entry.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ComparedQuantity {
    /// In the real server.
    pub measured: MeasuredQuantity,
    /// In the simulation.
    pub predicted: Predicted,
    /// Predicted over measured median, less one.
    #[serde(serialize_with = "number")]
    pub error: f64,
    /// Whether that is in the band.
    pub verdict: InBand,
}

/// An entry that was simulated.
#[derive(Clone, PartialEq, Debug)]
pub struct EntryComparison {
    /// Good responses a second.
    pub ok_rps: ComparedQuantity,
    /// Median latency of good responses, milliseconds.
    pub p50_ms: Option<ComparedQuantity>,
    /// 90th percentile, milliseconds.
    pub p90_ms: Option<ComparedQuantity>,
    /// 99th percentile, milliseconds.
    pub p99_ms: Option<ComparedQuantity>,
    /// CPU time of the server over wall time, cores.
    pub cpu_cores: Option<ComparedQuantity>,
    /// How many requests went wrong in the real server.
    pub regime_measured: Regime,
    /// And in the simulation.
    pub regime_predicted: Regime,
    /// Whether these are the same.
    pub regime: InBand,
}

/// What became of an entry.
#[derive(Clone, PartialEq, Debug)]
pub enum EntryFate {
    /// It was simulated.
    Compared(Box<EntryComparison>),
    /// No scenario says it; with the reason. Counts as outside of every band.
    NotMapped(String),
    /// Its runs did not come to their end; with the reason. Counts as outside of every band.
    Failed(String),
}

/// An entry and what became of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Validated {
    /// Its name.
    pub name: String,
    /// Kind of server.
    pub server: String,
    /// How it counts.
    pub part: EntryPart,
    /// What became of it.
    pub fate: EntryFate,
}

impl Validated {
    /// An entry and its fate.
    pub fn new(entry: &MeasuredEntry, fate: EntryFate) -> Validated {
        Validated {
            name: entry.name.clone(),
            server: entry.deployment.server.clone(),
            part: EntryPart::of(entry),
            fate,
        }
    }

    /// The numbers of an entry that was simulated.
    pub fn comparison(&self) -> Option<&EntryComparison> {
        match &self.fate {
            EntryFate::Compared(found) => Some(found),
            EntryFate::NotMapped(_) | EntryFate::Failed(_) => None,
        }
    }

    /// Whether it was simulated and nothing is outside of its band.
    pub fn is_within(&self) -> bool {
        self.comparison().is_some_and(EntryComparison::is_within)
    }
}

impl EntryPart {
    /// How an entry counts.
    pub fn of(entry: &MeasuredEntry) -> EntryPart {
        if entry.is_calibration() {
            EntryPart::Calibration
        } else if entry.is_by_chance() {
            EntryPart::ByChance
        } else {
            EntryPart::Judged
        }
    }
}

impl EntryComparison {
    /// Holds an entry's measured runs against simulated ones.
    ///
    /// # Panics
    /// If there is not at least one simulated run.
    pub fn of(entry: &MeasuredEntry, simulated: &[ServerOutcome]) -> EntryComparison {
        let measured: Vec<ServerOutcome> =
            entry.runs.iter().map(|run| ServerOutcome::measured(run, &entry.load)).collect();
        let part = EntryPart::of(entry);
        let quantity = |pick: fn(&ServerOutcome) -> Option<f64>, judge: fn(&ComparedQuantity) -> bool| {
            let pick_all = |runs: &[ServerOutcome]| -> Vec<f64> { runs.iter().filter_map(pick).collect() };
            let mut quantity = ComparedQuantity::of(&pick_all(&measured), &pick_all(simulated))?;
            if part != EntryPart::Calibration {
                quantity.verdict = verdict(judge(&quantity));
            }
            Some(quantity)
        };
        let unjudged =
            |pick| quantity(pick, |_| true).map(|known| ComparedQuantity { verdict: InBand::NotJudged, ..known });
        let rps = |runs: &[ServerOutcome]| -> Vec<f64> { runs.iter().map(|run| run.ok_rps).collect() };
        let each = if entry.is_of_shop() {
            |known: &ComparedQuantity| known.error.abs() <= Bands::THROUGHPUT_SHOP
        } else {
            |known: &ComparedQuantity| known.error.abs() <= Bands::THROUGHPUT_NINE_IN_TEN
        };
        let mut ok_rps =
            quantity(|run| Some(run.ok_rps), each).expect("there is a run, and every run has a throughput");
        if part == EntryPart::ByChance {
            let same = ok_rps.verdict == InBand::Within || indistinguishable(&rps(&measured), &rps(simulated));
            ok_rps.verdict = verdict(same);
        }
        let bad =
            |runs: &[ServerOutcome]| Regime::of(median(&runs.iter().map(|run| run.bad_share).collect::<Vec<_>>()));
        let (regime_measured, regime_predicted) = (bad(&measured), bad(simulated));
        let same = verdict(regime_measured == regime_predicted);
        EntryComparison {
            ok_rps,
            p50_ms: quantity(|run| run.p50_ms, |known| known.error.abs() <= Bands::P50),
            p90_ms: unjudged(|run| run.p90_ms),
            p99_ms: quantity(|run| run.p99_ms, |known| known.error.abs() <= Bands::P99 || known.in_spread()),
            cpu_cores: unjudged(|run| run.cpu_cores),
            regime_measured,
            regime_predicted,
            regime: if part == EntryPart::Calibration { InBand::NotJudged } else { same },
        }
    }

    /// Whether nothing is outside of its band.
    pub fn is_within(&self) -> bool {
        let quantities = [Some(&self.ok_rps), self.p50_ms.as_ref(), self.p99_ms.as_ref()];
        let outside = |quantity: &&ComparedQuantity| quantity.verdict == InBand::Outside;
        !quantities.into_iter().flatten().any(|quantity| outside(&quantity)) && self.regime != InBand::Outside
    }
}

impl ComparedQuantity {
    /// Not judged yet; `None` if either side lacks it.
    fn of(measured: &[f64], predicted: &[f64]) -> Option<ComparedQuantity> {
        if measured.is_empty() || predicted.is_empty() {
            return None;
        }
        let (seen, told) = (sorted(measured), sorted(predicted));
        let runs = |values: &[f64]| u32::try_from(values.len()).expect("runs are counted by u32");
        let measured =
            MeasuredQuantity { min: seen[0], median: median(&seen), max: seen[seen.len() - 1], runs: runs(&seen) };
        let interval = interval_of_median(&told);
        let predicted = Predicted {
            min: told[0],
            median: median(&told),
            max: told[told.len() - 1],
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            mean: told.iter().sum::<f64>() / told.len() as f64,
            runs: runs(&told),
        };
        let error = if measured.median > 0.0 { predicted.median / measured.median - 1.0 } else { 0.0 };
        Some(ComparedQuantity { measured, predicted, error, verdict: InBand::NotJudged })
    }

    /// Whether the prediction lies between the measured runs.
    fn in_spread(&self) -> bool {
        self.measured.min <= self.predicted.median && self.predicted.median <= self.measured.max
    }
}

fn verdict(within: bool) -> InBand {
    if within { InBand::Within } else { InBand::Outside }
}

/// Whether measured runs could be simulated ones.
///
/// Several: the ranges overlap and a rank-sum test at [`Bands::RANK_SUM_P`] finds no difference. One: it lies where the next
/// simulated run would lie with 99 % chance, were the logarithms normal.
fn indistinguishable(measured: &[f64], simulated: &[f64]) -> bool {
    let (seen, told) = (sorted(measured), sorted(simulated));
    let ([first, .., last], [low, .., high]) = (&seen[..], &told[..]) else {
        return seen.first().is_some_and(|&one| in_next_run(&told, one));
    };
    first <= high && low <= last && two_sided_p(&seen, &told) >= Bands::RANK_SUM_P
}

/// Whether `value` is in the 99 % prediction interval of one more run.
fn in_next_run(simulated: &[f64], value: f64) -> bool {
    let Ok(n) = u32::try_from(simulated.len()) else { return false };
    if n < 2 || value <= 0.0 || simulated[0] <= 0.0 {
        return false;
    }
    let logarithms: Vec<f64> = simulated.iter().map(|value| value.ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / f64::from(n);
    let squares: f64 = logarithms.iter().map(|logarithm| (logarithm - mean).powi(2)).sum();
    let deviation = (squares / f64::from(n - 1) * (1.0 + 1.0 / f64::from(n))).sqrt();
    (value.ln() - mean).abs() <= lab::estimate::student_t_at(0.995, n - 1) * deviation
}

/// Ascending.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let (half, count) = (sorted.len() / 2, sorted.len());
    if count % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// The 95 % interval of the median that needs no law: two of the sorted values, the innermost that cover it often enough.
///
/// The median lies outside of the k-th values from either end if fewer than k of n coins show heads, or fewer than k tails.
fn interval_of_median(sorted: &[f64]) -> Option<(f64, f64)> {
    let n = sorted.len();
    let (mut coins, mut below) = (0.5_f64.powi(i32::try_from(n).ok()?), 0.0);
    let mut rank = 0;
    while rank < n / 2 && 2.0 * (below + coins) <= 1.0 - lab::estimate::CONFIDENCE {
        below += coins;
        coins *= (n - rank) as f64 / (rank + 1) as f64;
        rank += 1;
    }
    (rank > 0).then(|| (sorted[rank - 1], sorted[n - rank]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(ok_rps: f64, p99_ms: f64) -> ServerOutcome {
        let latency = Some(p99_ms);
        ServerOutcome {
            ok_rps,
            p50_ms: Some(10.0),
            p90_ms: latency,
            p99_ms: latency,
            bad_share: 0.0,
            cpu_cores: Some(0.5),
        }
    }

    fn entry(family: &str, clients: u32, runs: &[(f64, f64)]) -> MeasuredEntry {
        let run = |&(rps, p99): &(f64, f64)| {
            format!(
                r#"{{"ok": 5, "wall_s": 1, "rps": {rps}, "server_cpu_util": 0.4, "all": {{"n": 5, "mean_ms": 1,
                    "p50_ms": 10.5, "p90_ms": 11, "p95_ms": 12, "p99_ms": {p99}, "max_ms": 99}}}}"#
            )
        };
        let runs: Vec<String> = runs.iter().map(run).collect();
        let text = format!(
            r#"{{"name": "{family}/x", "deployment": {{"server": "pywsgi", "backlog": 100}},
                "mix": [{{"weight": 1, "steps": ""}}],
                "load": {{"kind": "ab", "clients": {clients}, "requests": 9}}, "runs": [{}]}}"#,
            runs.join(", ")
        );
        MeasuredEntry::read(&text).unwrap()
    }

    #[test]
    fn medians_are_compared_and_a_wide_spread_excuses_the_tail_only() {
        let simulated = [outcome(95.0, 30.0), outcome(99.0, 31.0), outcome(90.0, 29.0)];
        let entry = entry("io", 1, &[(100.0, 20.0), (108.0, 22.0), (99.0, 40.0)]);
        let found = EntryComparison::of(&entry, &simulated);
        assert_eq!((found.ok_rps.measured.median, found.ok_rps.predicted.median), (100.0, 95.0));
        assert!((found.ok_rps.error + 0.05).abs() < 1e-12);
        let p99 = found.p99_ms.unwrap();
        assert!(p99.error > 0.2 && p99.verdict == InBand::Within);
        assert!(found.is_within() && found.p90_ms.unwrap().verdict == InBand::NotJudged);

        let far = EntryComparison::of(&entry, &[outcome(80.0, 41.0)]);
        assert_eq!((far.ok_rps.verdict, far.p99_ms.unwrap().verdict), (InBand::Outside, InBand::Outside));
        assert!(!far.is_within());
    }

    #[test]
    fn a_calibration_is_shown_and_not_judged() {
        let found = EntryComparison::of(&entry("calib", 1, &[(100.0, 20.0)]), &[outcome(1.0, 1.0)]);
        assert!(found.is_within() && found.ok_rps.error < -0.9);
    }

    #[test]
    fn what_chance_decides_is_held_against_the_spread_of_the_simulation() {
        let simulated: Vec<ServerOutcome> = (0..10).map(|at| outcome(100.0 + 10.0 * f64::from(at), 20.0)).collect();
        let found = |runs: &[(f64, f64)]| EntryComparison::of(&entry("herd", 101, runs), &simulated).ok_rps.verdict;
        assert_eq!(found(&[(110.0, 20.0), (120.0, 20.0), (200.0, 20.0)]), InBand::Within);
        assert_eq!(found(&[(60.0, 20.0), (70.0, 20.0), (80.0, 20.0), (101.0, 20.0)]), InBand::Outside);
        assert_eq!((found(&[(230.0, 20.0)]), found(&[(400.0, 20.0)])), (InBand::Within, InBand::Outside));
    }

    #[test]
    fn the_interval_of_a_median_needs_six_runs() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(interval_of_median(&values[..5]), None);
        assert_eq!(interval_of_median(&values[..6]), Some((1.0, 6.0)));
        assert_eq!(interval_of_median(&values), Some((2.0, 9.0)));
    }

    #[test]
    fn regimes_are_none_some_and_most() {
        assert_eq!([0.0, 0.5, 0.51].map(Regime::of), [Regime::None, Regime::Some, Regime::Most]);
    }
}
