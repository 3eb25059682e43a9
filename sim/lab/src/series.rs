//! Time series of one world over its replications: a mean and a 95 % interval per step.
//!
//! The counts of a step become rates, so worlds with different steps can share an axis.
//! A replication that ended early counts as zero requests afterwards, but has no gauge there: nobody looked.

use engine::record::{Ending, RunRecord};
use engine::time::Span;
use serde::Serialize;

use crate::estimate::Estimate;
use crate::overload::overload_of;

/// Mean over replications with a 95 % interval, per step. `None` where no replication had a value.
///
/// The interval is also `None` where only one replication had a value, and never reaches below zero: nothing here can.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Band {
    /// Mean over the replications that had a value.
    pub mean: Vec<Option<f64>>,
    /// Lower end of the interval.
    pub low: Vec<Option<f64>>,
    /// Upper end of the interval.
    pub high: Vec<Option<f64>>,
}

/// Everything that is followed over time, for one world.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct WorldSeries {
    /// Name of the world.
    pub world: String,
    /// Whether its queue grows for as long as the runs last.
    pub overloaded: bool,
    /// Width of a step, seconds.
    pub step_s: f64,
    /// Middle of each step, seconds from the start of the run.
    pub start_s: Vec<f64>,
    /// Median latency of the good responses that arrived in the step, seconds.
    pub p50_s: Band,
    /// 90th percentile of the same, seconds.
    pub p90_s: Band,
    /// 99th percentile of the same, seconds.
    pub p99_s: Band,
    /// Requests inside the servers.
    pub in_flight: Band,
    /// Connections in accept queues and in-server queues.
    pub queued: Band,
    /// Clients waiting to repeat a dropped SYN.
    pub retrying: Band,
    /// Requests sent, per second.
    pub sent_rps: Band,
    /// Good responses, per second.
    pub ok_rps: Band,
    /// All bad endings together, per second.
    pub failed_rps: Band,
    /// Each ending in [`Ending::ALL`] order, per second.
    pub by_ending_rps: [Band; Ending::COUNT],
    /// New requests by users who had lost patience, per second.
    pub refresh_rps: Band,
    /// Busy slots over slots, 0 to 1.
    pub slots: Band,
    /// Busy core time over core time, 0 to 1.
    pub cpu: Band,
    /// SYNs dropped at full accept queues, per second.
    pub syn_drops_rps: Band,
}

impl WorldSeries {
    /// Its name in a plot, with what is to be known before its lines are read.
    pub fn label(&self) -> String {
        if self.overloaded { format!("{} (OVERLOADED)", self.world) } else { self.world.clone() }
    }
}

/// Puts the replications of one world on one time axis, as long as the longest of them, and without what drains after their length:
/// who is answered there came long before, and few are.
///
/// # Panics
/// If there is no record, or if the records differ in world or step: then they are not replications of each other.
pub fn world_series(records: &[RunRecord]) -> WorldSeries {
    let first = records.first().expect("a series needs at least one replication");
    let step = first.series.step;
    for record in records {
        assert!(record.world == first.world, "series of two worlds: {} and {}", first.world, record.world);
        assert!(record.series.step == step, "replications of {} differ in step", record.world);
    }
    let steps = records.iter().map(steps_of).max().unwrap_or(0);
    let step_s = step.as_secs_f64();
    let rate = |column: &dyn Fn(&RunRecord, usize) -> u64| {
        band(records, steps, |record, at| Some(column(record, at) as f64 / step_s))
    };
    let gauge = |column: fn(&RunRecord) -> &[u64], scale: f64| {
        band(records, steps, |record, at| column(record).get(at).map(|&value| value as f64 / scale))
    };
    let latency = |column: fn(&RunRecord) -> &[Option<Span>]| {
        band(records, steps, |record, at| column(record).get(at).copied().flatten().map(Span::as_secs_f64))
    };
    WorldSeries {
        world: first.world.clone(),
        overloaded: overload_of(records.iter()).is_some(),
        step_s,
        start_s: (0..steps).map(|at| (at as f64 + 0.5) * step_s).collect(),
        p50_s: latency(|record| &record.series.latency_p50),
        p90_s: latency(|record| &record.series.latency_p90),
        p99_s: latency(|record| &record.series.latency_p99),
        in_flight: gauge(|record| &record.series.in_flight_milli, 1e3),
        queued: gauge(|record| &record.series.queued_milli, 1e3),
        retrying: gauge(|record| &record.series.retrying_milli, 1e3),
        sent_rps: rate(&|record, at| count_at(&record.series.sent, at)),
        ok_rps: rate(&|record, at| count_at(&record.series.endings[Ending::Ok as usize], at)),
        failed_rps: rate(&bad_endings_at),
        by_ending_rps: Ending::ALL
            .map(|ending| rate(&|record, at| count_at(&record.series.endings[ending as usize], at))),
        refresh_rps: rate(&|record, at| count_at(&record.series.refreshes, at)),
        slots: gauge(|record| &record.series.slots_ppm, 1e6),
        cpu: gauge(|record| &record.series.cpu_ppm, 1e6),
        syn_drops_rps: rate(&|record, at| count_at(&record.series.syn_drops, at)),
    }
}

/// One band from what each replication had in each step.
fn band(records: &[RunRecord], steps: usize, value: impl Fn(&RunRecord, usize) -> Option<f64>) -> Band {
    let mut band =
        Band { mean: Vec::with_capacity(steps), low: Vec::with_capacity(steps), high: Vec::with_capacity(steps) };
    let mut values = Vec::with_capacity(records.len());
    for at in 0..steps {
        values.clear();
        values.extend(records.iter().filter_map(|record| value(record, at)));
        let estimate = Estimate::of(&values);
        band.mean.push(estimate.map(|estimate| estimate.mean));
        band.low.push(estimate.and_then(|estimate| estimate.low).map(|low| low.max(0.0)));
        band.high.push(estimate.and_then(|estimate| estimate.high));
    }
    band
}

/// The longest column, as far as it lies within the length of the run.
fn steps_of(record: &RunRecord) -> usize {
    let series = &record.series;
    let endings = series.endings.iter().map(Vec::len).max().unwrap_or(0);
    series.sent.len().max(endings).max(series.in_flight_milli.len()).min(series.measured.unwrap_or(usize::MAX))
}

fn count_at(column: &[u64], at: usize) -> u64 {
    column.get(at).copied().unwrap_or(0)
}

fn bad_endings_at(record: &RunRecord, at: usize) -> u64 {
    Ending::ALL
        .into_iter()
        .filter(|&ending| ending != Ending::Ok)
        .map(|ending| count_at(&record.series.endings[ending as usize], at))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    /// A replication with two-second steps and one good response per step, as long as `slots_ppm`.
    fn replication(number: u32, slots_ppm: &[u64]) -> RunRecord {
        let mut record = fixtures::empty("threads", number);
        record.series.step = Span::from_secs(2);
        record.series.slots_ppm = slots_ppm.to_vec();
        record.series.in_flight_milli = vec![1_500; slots_ppm.len()];
        record.series.sent = vec![10; slots_ppm.len()];
        record.series.endings[Ending::Ok as usize] = vec![4; slots_ppm.len()];
        record.series.endings[Ending::Failed as usize] = vec![1; slots_ppm.len()];
        record.series.endings[Ending::GaveUp as usize] = vec![5; slots_ppm.len()];
        record.series.latency_p50 = vec![Some(Span::from_ms(20)), None];
        record
    }

    #[test]
    fn a_shorter_replication_counts_as_zero_but_has_no_gauge() {
        let series = world_series(&[replication(0, &[100_000, 500_000]), replication(1, &[300_000])]);
        assert_eq!(series.start_s, [1.0, 3.0]);
        assert_eq!(series.sent_rps.mean, [Some(5.0), Some(2.5)]);
        assert_eq!(series.slots.mean[1], Some(0.5), "the mean of the one that is left");
        assert_eq!((series.slots.low[1], series.slots.high[1]), (None, None));
        // t(0.975) at one degree is 12.7: two values that far apart allow everything above zero.
        let first = (series.slots.mean[0], series.slots.low[0], series.slots.high[0]);
        assert!((first.0.unwrap() - 0.2).abs() < 1e-12 && first.1 == Some(0.0) && first.2.unwrap() > 1.0, "{first:?}");
    }

    #[test]
    fn bad_endings_are_shown_apart_and_together() {
        let series = world_series(&[replication(0, &[1, 2])]);
        assert_eq!(series.failed_rps.mean, [Some(3.0); 2]);
        assert_eq!(series.by_ending_rps[Ending::GaveUp as usize].mean, [Some(2.5); 2]);
        assert_eq!(series.ok_rps.mean, [Some(2.0); 2]);
        assert_eq!(series.by_ending_rps[Ending::Unfinished as usize].mean, [Some(0.0); 2]);
    }

    #[test]
    fn a_step_without_responses_has_no_latency() {
        let series = world_series(&[replication(0, &[1, 2]), replication(1, &[1, 2])]);
        assert_eq!(series.p50_s.mean, [Some(0.02), None]);
        assert_eq!(series.p50_s.low, [Some(0.02), None]);
        assert_eq!(series.p99_s.mean, [None, None]);
        assert_eq!(series.in_flight.mean, [Some(1.5); 2]);
    }

    #[test]
    fn one_replication_has_no_interval() {
        let series = world_series(&[replication(0, &[1, 2])]);
        assert_eq!(series.sent_rps, Band { mean: vec![Some(5.0); 2], low: vec![None; 2], high: vec![None; 2] });
    }

    #[test]
    #[should_panic(expected = "differ in step")]
    fn replications_share_their_step() {
        let mut other = replication(1, &[1]);
        other.series.step = Span::from_secs(1);
        world_series(&[replication(0, &[1]), other]);
    }
}
