//! How requests and CPU time went to the processes of a world.

use engine::RunRecord;

/// One process's parts of what all did, 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ProcessShare {
    /// Of the requests begun.
    pub requests: f64,
    /// Of the CPU time.
    pub cpu: f64,
}

/// The processes by how many requests they began, the busiest first; each place is the mean of the replications.
pub fn process_shares(records: &[RunRecord]) -> Vec<ProcessShare> {
    let of_record = |record: &RunRecord| {
        let requests: u64 = record.process_requests.iter().sum();
        let cpu: f64 = record.process_cpu.iter().map(|span| span.as_ns() as f64).sum();
        let share = |(&begun, span): (&u64, &engine::time::Span)| ProcessShare {
            requests: begun as f64 / requests.max(1) as f64,
            cpu: if cpu > 0.0 { span.as_ns() as f64 / cpu } else { 0.0 },
        };
        let mut shares: Vec<ProcessShare> =
            record.process_requests.iter().zip(&record.process_cpu).map(share).collect();
        shares.sort_by(|a, b| b.requests.total_cmp(&a.requests));
        shares
    };
    let all: Vec<Vec<ProcessShare>> = records.iter().map(of_record).collect();
    let places = all.iter().map(Vec::len).max().unwrap_or(0);
    let mean = |of: &dyn Fn(&ProcessShare) -> f64, place: usize| {
        all.iter().filter_map(|shares| shares.get(place)).map(of).sum::<f64>() / all.len().max(1) as f64
    };
    (0..places)
        .map(|place| ProcessShare { requests: mean(&|one| one.requests, place), cpu: mean(&|one| one.cpu, place) })
        .collect()
}

/// The busiest process's part of the requests; 0 without requests.
pub fn busiest_share(records: &[RunRecord]) -> f64 {
    process_shares(records).first().map_or(0.0, |busiest| busiest.requests)
}
