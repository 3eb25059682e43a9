//! Pauses of Python's cyclic garbage collector: a full collection looks at every container of the process, with the GIL.
//!
//! After CPython 3.11, `Modules/gcmodule.c`: `gc_alloc`, `PyObject_GC_Del`, `gc_collect_generations`, `gc_collect_main`. A container
//! that is made counts up, one that is freed counts down to zero; past 700 the young are collected, at the eleventh time the middle
//! ones with them, and at the eleventh of those all, unless what has grown old since the last time is less than a quarter of what
//! was old then. What a request holds is allocated when it comes and freed when it is answered, so a queue of requests that wait in
//! the process makes collections frequent, and each longer than the one before.
//! Left out: collections of the young and the middle ones, which are a part of what a request costs; that a collection in pieces of
//! owed work lets go of the GIL between them; what steps allocate; collectors of other versions (3.12 runs them between bytecodes).

use crate::kit::id::{LoopId, TaskId};
use crate::kit::time::Span;
use crate::model::asyncio::CollectorSpec;
use crate::watch::probe::Probe;
use crate::world::World;

/// `gc.get_threshold()`: allocations until the young are collected, and collections of a generation until the next one's.
const THRESHOLDS: (u64, u32, u32) = (700, 10, 10);
/// What has grown old must be this part of what was old before everything is looked at.
const PENDING_PART: u64 = 4;

/// Where the collector of a process is.
#[derive(Clone, Default, Debug)]
pub(super) struct Collector {
    /// Containers made and not freed since the last collection.
    young: u64,
    /// Collections of the young since the last of the middle ones, and of those since the last of all.
    collections: (u32, u32),
    /// Collections of the middle ones so far.
    epoch: u32,
    /// Requests in service that came since the last of these.
    fresh: u64,
    /// `long_lived_pending`.
    pending: u64,
    /// `long_lived_total`; zero until the first full collection, for what there is while nothing is served.
    total: u64,
}

impl Collector {
    /// A request has come, and with it there are so many. How long everything stands still.
    fn meets(&mut self, spec: CollectorSpec, requests: u32) -> Span {
        let each = u64::from(spec.request);
        self.fresh += 1;
        self.young += each;
        if self.young <= THRESHOLDS.0 {
            return Span::ZERO;
        }
        self.young = 0;
        let old = if self.total == 0 { u64::from(spec.objects) } else { self.total };
        if self.collections.1 > THRESHOLDS.2 && self.pending >= old / PENDING_PART {
            self.collections = (0, 0);
            (self.pending, self.fresh, self.epoch) = (0, 0, self.epoch + 1);
            self.total = u64::from(spec.objects) + each * u64::from(requests);
            return Span::from_ns(
                (spec.full.as_ns() as u128 * u128::from(self.total) / u128::from(spec.objects)) as u64,
            );
        }
        if self.collections.0 > THRESHOLDS.1 {
            self.collections = (0, self.collections.1 + 1);
            self.pending += self.fresh * each;
            (self.fresh, self.epoch) = (0, self.epoch + 1);
        } else {
            self.collections.0 += 1;
        }
        Span::ZERO
    }

    /// A request that came after so many collections of the middle ones is over.
    fn misses(&mut self, spec: CollectorSpec, epoch: u32) {
        self.young = self.young.saturating_sub(u64::from(spec.request));
        self.fresh -= u64::from(epoch == self.epoch);
    }
}

impl<P: Probe> World<'_, P> {
    /// A request has its task: what it allocates may begin a collection.
    #[inline]
    pub(super) fn collector_meets(&mut self, id: LoopId, task: TaskId) {
        let Some(spec) = self.loop_spec(id).collector else { return };
        let on = &mut self.carriers.loops[id];
        let epoch = on.server.collector.epoch;
        on.now += on.server.collector.meets(spec, on.server.tasks);
        self.served(task).epoch = epoch;
    }

    /// A request is over.
    #[inline]
    pub(super) fn collector_misses(&mut self, id: LoopId, task: TaskId) {
        let Some(spec) = self.loop_spec(id).collector else { return };
        let epoch = self.served(task).epoch;
        self.carriers.loops[id].server.collector.misses(spec, epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: CollectorSpec = CollectorSpec { objects: 10_000, request: 100, full: Span::from_ms(10) };

    #[test]
    fn requests_that_stay_make_each_full_collection_longer() {
        // Eight requests of 100 are more than 700; 11 + 1 such collections are one of the middle ones, and 11 + 1 of those one of all.
        let (mut collector, mut pauses) = (Collector::default(), Vec::new());
        for requests in 1..=4_000 {
            let pause = collector.meets(SPEC, requests);
            if pause > Span::ZERO {
                pauses.push((requests, pause));
            }
        }
        assert_eq!(pauses.first(), Some(&(1_064, Span::from_us(116_400))));
        assert!(pauses.windows(2).all(|pair| pair[1].1 > pair[0].1), "{pauses:?}");
    }

    #[test]
    fn requests_that_come_and_go_one_by_one_never_begin_one() {
        let mut collector = Collector::default();
        for _ in 0..10_000 {
            assert_eq!(collector.meets(SPEC, 1), Span::ZERO);
            collector.misses(SPEC, collector.epoch);
        }
        assert_eq!((collector.young, collector.fresh, collector.pending), (0, 0, 0));
    }
}
