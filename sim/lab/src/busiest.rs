//! The busiest minute of a run: how full the servers were when it mattered, which a mean over the run hides.

use engine::record::RunRecord;
use engine::time::Span;

/// The minute in which most slots were busy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BusiestMinute {
    /// Busy slots over slots in that minute.
    pub slots_share: f64,
    /// Busy core time over core time in the same minute.
    pub cpu_share: f64,
}

impl BusiestMinute {
    /// Its length.
    pub const LENGTH: Span = Span::from_secs(60);

    /// The first of the minutes that are equally busy, to the step; `None` for a run shorter than a minute.
    pub fn of(record: &RunRecord) -> Option<BusiestMinute> {
        let series = &record.series;
        if series.step.is_zero() {
            return None;
        }
        let width =
            usize::try_from(Self::LENGTH.as_ns().div_ceil(series.step.as_ns())).expect("a minute has few steps");
        let total = |column: &[u64]| column.iter().sum::<u64>();
        let mut best: Option<(u64, u64)> = None;
        for (slots, cpu) in series.slots_ppm.windows(width).zip(series.cpu_ppm.windows(width)) {
            let slots = total(slots);
            if best.is_none_or(|(most, _)| slots > most) {
                best = Some((slots, total(cpu)));
            }
        }
        let mean = |total: u64| total as f64 / width as f64 / 1e6;
        best.map(|(slots, cpu)| BusiestMinute { slots_share: mean(slots), cpu_share: mean(cpu) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn record(step_s: u64, slots_ppm: Vec<u64>, cpu_ppm: Vec<u64>) -> RunRecord {
        let mut record = fixtures::empty("threads", 0);
        record.series.step = Span::from_secs(step_s);
        record.series.slots_ppm = slots_ppm;
        record.series.cpu_ppm = cpu_ppm;
        record
    }

    #[test]
    fn it_is_the_fullest_window_and_the_cpu_is_of_that_window() {
        let record =
            record(20, vec![100_000, 900_000, 960_000, 990_000, 50_000], vec![500_000, 60_000, 70_000, 50_000, 0]);
        let minute = BusiestMinute::of(&record).unwrap();
        assert!((minute.slots_share - 0.95).abs() < 1e-9);
        assert!((minute.cpu_share - 0.06).abs() < 1e-9);
    }

    #[test]
    fn a_run_shorter_than_a_minute_has_none() {
        assert_eq!(BusiestMinute::of(&record(1, vec![1; 59], vec![1; 59])), None);
        assert!(BusiestMinute::of(&record(1, vec![1; 60], vec![1; 60])).is_some());
        assert_eq!(BusiestMinute::of(&record(0, vec![], vec![])), None);
    }
}
