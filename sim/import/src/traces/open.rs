//! Traces that are still open, in bounded memory: spans of a trace may be spread over files, and the oldest trace is closed first.

use std::collections::{BTreeMap, VecDeque};

use super::shape::ClassTraces;
use super::span::SpanSeen;
use super::visit::{ClockOffset, ServiceVisit, of_times, of_trace};
use crate::logs::{ArrivalBins, folded};
use crate::numbers::Sample;

/// Spans of open traces, at most.
const OPEN_MAX: usize = 200_000;
/// Spans without identity that are put together at once.
const LOOSE_MAX: usize = 65_536;
/// Kinds of request that are kept apart.
const CLASSES_MAX: usize = 2_000;

/// What traces say.
#[derive(Clone, Debug, Default)]
pub struct TraceEvidence {
    /// When requests came.
    pub arrivals: ArrivalBins,
    /// Spans that were read.
    pub spans: u64,
    /// Spans that belong to no request that was seen.
    pub orphans: u64,
    /// Spans that did not say which request they are a part of: they were put together by time.
    pub by_time: u64,
    /// The names of the files.
    pub files: Vec<String>,
    classes: BTreeMap<(String, String), ClassTraces>,
    clocks: BTreeMap<(String, String), (Sample, u64)>,
    open: BTreeMap<u128, Vec<SpanSeen>>,
    order: VecDeque<u128>,
    held: usize,
    loose: Vec<SpanSeen>,
}

impl TraceEvidence {
    /// Adds a span.
    pub fn add(&mut self, span: SpanSeen) {
        self.spans += 1;
        if span.trace == 0 || span.id == 0 {
            self.by_time += 1;
            self.loose.push(span);
            if self.loose.len() >= LOOSE_MAX {
                self.assemble_loose();
            }
            return;
        }
        let trace = span.trace;
        let order = &mut self.order;
        self.open
            .entry(trace)
            .or_insert_with(|| {
                order.push_back(trace);
                Vec::new()
            })
            .push(span);
        self.held += 1;
        while self.held > OPEN_MAX {
            self.close_oldest();
        }
    }

    /// Puts everything together that is still open.
    pub fn close(&mut self) {
        while !self.order.is_empty() {
            self.close_oldest();
        }
        self.assemble_loose();
    }

    fn close_oldest(&mut self) {
        let Some(spans) = self.order.pop_front().and_then(|trace| self.open.remove(&trace)) else { return };
        self.held -= spans.len();
        let (visits, clocks, orphans) = of_trace(&spans);
        self.orphans += orphans;
        visits.iter().for_each(|visit| self.visit(visit));
        clocks.into_iter().for_each(|clock| self.clock(clock));
    }

    fn assemble_loose(&mut self) {
        let mut spans = std::mem::take(&mut self.loose);
        // The longer of two that begin together is around the other.
        spans.sort_by(|a, b| (a.start, b.end, &a.name).cmp(&(b.start, a.end, &b.name)));
        let (visits, lost) = of_times(&spans);
        self.orphans += lost;
        visits.iter().for_each(|visit| self.visit(visit));
    }

    fn visit(&mut self, visit: &ServiceVisit) {
        self.arrivals.add(visit.start);
        let class = match visit.class.split_once(' ') {
            Some((method, path)) if path.starts_with('/') => format!("{method} {}", folded(path)),
            Some(_) | None => visit.class.clone(),
        };
        let key = (visit.service.clone(), class);
        if self.classes.len() < CLASSES_MAX || self.classes.contains_key(&key) {
            self.classes.entry(key).or_default().add(visit);
        } else {
            self.orphans += 1 + visit.items.len() as u64;
        }
    }

    fn clock(&mut self, clock: ClockOffset) {
        let entry = self.clocks.entry((clock.from, clock.to)).or_default();
        entry.0.add(clock.ahead);
        entry.1 += u64::from(clock.outside);
    }

    /// Services with the requests that each served, the busiest first.
    pub fn services(&self) -> Vec<(String, u64)> {
        let mut services: BTreeMap<&str, u64> = BTreeMap::new();
        for ((service, _), class) in &self.classes {
            *services.entry(service).or_default() += class.count;
        }
        let mut services: Vec<(String, u64)> = services.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
        services.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        services
    }

    /// The kinds of request of a service, the most frequent first.
    pub fn classes_of(&self, service: &str) -> Vec<(&str, &ClassTraces)> {
        let own = self.classes.iter().filter(|((of, _), _)| of == service);
        let mut classes: Vec<(&str, &ClassTraces)> = own.map(|((_, name), class)| (name.as_str(), class)).collect();
        classes.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
        classes
    }

    /// Pairs of services whose clocks differ by more than a call can explain: who calls, who is called, nanoseconds that the second is
    /// ahead in the median, and calls.
    pub fn skewed(&self) -> Vec<(&str, &str, f64, u64)> {
        let skewed = self.clocks.iter().filter(|(_, (ahead, outside))| *outside * 10 > ahead.count());
        skewed
            .map(|((from, to), (ahead, _))| (from.as_str(), to.as_str(), ahead.quantile(0.5), ahead.count()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::SpanKindSeen;

    #[test]
    fn open_traces_have_a_bound_and_every_span_is_accounted_for() {
        let mut evidence = TraceEvidence::default();
        let n = OPEN_MAX as u64 + 10;
        for at in 1..=n {
            evidence.add(SpanSeen {
                trace: u128::from(at),
                id: at,
                name: "GET /".into(),
                kind: SpanKindSeen::Server,
                start: at * 1_000_000,
                end: at * 1_000_000 + 5,
                ..SpanSeen::default()
            });
        }
        assert!(evidence.held <= OPEN_MAX);
        evidence.close();
        assert_eq!(evidence.services(), [(String::new(), n)]);
        assert_eq!(evidence.classes_of("")[0].1.count, n);
    }
}
