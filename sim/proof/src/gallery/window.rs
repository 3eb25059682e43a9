//! A window of a run as a number: what a column of the time series was between two instants.

use engine::record::{Ending, RunRecord, Series};
use engine::time::Span;

use lab::figure::Unit;

/// A stretch of a run, in seconds from its start, and what to take of a column there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// What to take.
    pub take: Extract,
    /// First second.
    pub from: u32,
    /// The first second after it.
    pub to: u32,
}

/// What to take of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extract {
    /// Its mean.
    Mean,
    /// The smallest mean of ten seconds in a row.
    Least,
    /// The instant from which on it is half as large again as in the minute before the window, for ten seconds on the mean.
    Rise,
}

/// A column of the series that windows look at.
struct WindowColumn {
    name: &'static str,
    unit: Unit,
    values: fn(&Series) -> Vec<Option<f64>>,
}

const TEN: usize = 10;
const MINUTE: usize = 60;
/// What counts as a rise, times what was before.
const RISEN: f64 = 1.5;

static COLUMNS: [WindowColumn; 4] = [
    WindowColumn { name: "sent_rps", unit: Unit::PerSecond, values: |series| rates(series, &series.sent) },
    WindowColumn {
        name: "ok_rps",
        unit: Unit::PerSecond,
        values: |series| rates(series, &series.endings[Ending::Ok as usize]),
    },
    WindowColumn { name: "latency_p50_ns", unit: Unit::Nanoseconds, values: |series| spans(&series.latency_p50) },
    WindowColumn { name: "latency_p90_ns", unit: Unit::Nanoseconds, values: |series| spans(&series.latency_p90) },
];

fn rates(series: &Series, counts: &[u64]) -> Vec<Option<f64>> {
    counts.iter().map(|&count| Some(count as f64 / series.step.as_secs_f64())).collect()
}

fn spans(column: &[Option<Span>]) -> Vec<Option<f64>> {
    column.iter().map(|span| span.map(|span| span.as_ns() as f64)).collect()
}

fn column(name: &str) -> Option<&'static WindowColumn> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// Mean of what is known.
fn mean(values: &[Option<f64>]) -> Option<f64> {
    let (count, sum) = values.iter().flatten().fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

impl Stretch {
    /// What the number is measured in; `None` if no column has that name.
    pub fn unit(&self, name: &str) -> Option<Unit> {
        column(name).map(|column| match self.take {
            Extract::Mean | Extract::Least => column.unit,
            Extract::Rise => Unit::Nanoseconds,
        })
    }

    /// The number of a run; `None` if the run is shorter, nothing is known there, or what is looked for does not happen.
    ///
    /// # Panics
    /// If the series has steps other than seconds.
    pub fn of(&self, name: &str, record: &RunRecord) -> Option<f64> {
        assert!(record.series.step == Span::from_secs(1), "windows count steps of a second");
        let values = (column(name)?.values)(&record.series);
        let (from, to) = (self.from as usize, self.to as usize);
        let window = values.get(from..to)?;
        match self.take {
            Extract::Mean => mean(window),
            Extract::Least => window.windows(TEN).filter_map(mean).min_by(f64::total_cmp),
            Extract::Rise => {
                let before = mean(values.get(from.checked_sub(MINUTE)?..from)?)?;
                let at = window.windows(TEN).position(|ten| mean(ten).is_some_and(|mean| mean >= before * RISEN))?;
                Some((from + at) as f64 * 1e9)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::fixtures;

    fn record(sent: impl Fn(u64) -> u64) -> RunRecord {
        let mut record = fixtures::empty("threads", 0);
        record.series.step = Span::from_secs(1);
        record.series.sent = (0..200).map(sent).collect();
        record
    }

    fn take(take: Extract, from: u32, to: u32, record: &RunRecord) -> Option<f64> {
        Stretch { take, from, to }.of("sent_rps", record)
    }

    #[test]
    fn a_window_has_a_mean_and_a_trough() {
        let record = record(|at| if (100..110).contains(&at) { 0 } else { 30 });
        assert_eq!(take(Extract::Mean, 0, 100, &record), Some(30.0));
        assert_eq!(take(Extract::Least, 60, 150, &record), Some(0.0));
        assert_eq!(take(Extract::Mean, 100, 120, &record), Some(15.0));
        assert_eq!(take(Extract::Mean, 150, 201, &record), None, "the run is shorter");
    }

    #[test]
    fn a_rise_begins_where_ten_seconds_are_half_as_large_again() {
        let jump = record(|at| if at >= 120 { 20 } else { 10 });
        // Five of the ten seconds from 115 on are twice as large.
        assert_eq!(take(Extract::Rise, 90, 190, &jump), Some(115e9));
        assert_eq!(take(Extract::Rise, 90, 190, &record(|_| 10)), None, "nothing rises");
        assert_eq!(take(Extract::Rise, 30, 190, &jump), None, "there is no minute before");
    }

    #[test]
    fn what_is_no_column_has_no_unit() {
        let window = Stretch { take: Extract::Rise, from: 0, to: 1 };
        assert_eq!(window.unit("sent_rps"), Some(Unit::Nanoseconds));
        assert_eq!(window.unit("throughput_rps"), None);
    }
}
