//! What an access log comes to: arrivals, and for every route how often, how large, how long.

use std::collections::BTreeMap;

use super::arrivals::ArrivalBins;
use super::line::AccessLine;
use super::routes::RouteBook;
use crate::numbers::{LatencySketch, Moments};

/// What was seen of a route.
#[derive(Clone, Debug, Default)]
pub struct RouteStats {
    /// Requests.
    pub count: u64,
    /// Those with a status of 500 and more.
    pub errors: u64,
    /// How long the server took.
    pub took: LatencySketch,
    /// How long what stands behind a proxy took.
    pub upstream: LatencySketch,
    /// Bytes of the body.
    pub bytes: Moments,
}

impl RouteStats {
    /// Adds all of another one; of sizes the mean is all that is kept.
    fn mix(&mut self, other: &RouteStats) {
        self.count += other.count;
        self.errors += other.errors;
        self.took.mix(&other.took);
        self.upstream.mix(&other.upstream);
        if other.bytes.count() > self.bytes.count() {
            self.bytes = other.bytes;
        }
    }
}

/// What access logs say.
#[derive(Clone, Debug, Default)]
pub struct AccessEvidence {
    /// When requests came.
    pub arrivals: ArrivalBins,
    /// Requests without a time.
    pub undated: u64,
    /// Requests before which a line says a later time by more than a minute: files of several servers, one after the other.
    pub out_of_order: u64,
    /// The names of the files.
    pub files: Vec<String>,
    book: RouteBook,
    stats: Vec<RouteStats>,
    latest_ns: u64,
}

impl AccessEvidence {
    /// Adds a request.
    pub fn add(&mut self, line: &AccessLine) {
        let id = self.book.id(&line.method, &line.path);
        if self.stats.len() <= id {
            self.stats.resize_with(id + 1, RouteStats::default);
        }
        let stats = &mut self.stats[id];
        stats.count += 1;
        stats.errors += u64::from(line.status.is_some_and(|status| status >= 500));
        if let Some(took) = line.took_ns {
            stats.took.add(took);
        }
        if let Some(upstream) = line.upstream_ns {
            stats.upstream.add(upstream);
        }
        if let Some(bytes) = line.bytes {
            stats.bytes.add(bytes as f64);
        }
        match line.end_ns {
            Some(end) => {
                self.out_of_order += u64::from(end + 60_000_000_000 < self.latest_ns);
                self.latest_ns = self.latest_ns.max(end);
                self.arrivals.add(end.saturating_sub(line.took_ns.unwrap_or(0)));
            }
            None => self.undated += 1,
        }
    }

    /// Requests of all routes.
    pub fn count(&self) -> u64 {
        self.stats.iter().map(|stats| stats.count).sum()
    }

    /// Every route, the most frequent first.
    pub fn routes(&self) -> Vec<(String, RouteStats)> {
        let mut routes: BTreeMap<String, RouteStats> = BTreeMap::new();
        for (name, stats) in self.book.names().into_iter().zip(&self.stats) {
            routes.entry(name).or_default().mix(stats);
        }
        let mut routes: Vec<(String, RouteStats)> = routes.into_iter().collect();
        routes.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0)));
        routes
    }

    /// How long all requests took.
    pub fn took(&self) -> LatencySketch {
        let mut all = LatencySketch::default();
        self.stats.iter().for_each(|stats| all.mix(&stats.took));
        all
    }
}
