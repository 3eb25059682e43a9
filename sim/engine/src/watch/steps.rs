//! Waits at steps: how long requests waited at each step of their programs for a lock, a pool, a queue or a peer.

use serde::Serialize;

use crate::kit::time::Span;
use crate::model::Model;
use crate::program::op::{Op, Pc};
use crate::program::wait::Wait;
use crate::watch::fairness::Evenness;

/// The waits of one class at one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepWait {
    /// Index of the class.
    pub class: u16,
    /// Op of its program.
    pub op: Pc,
    /// What for.
    pub wait: Wait,
    /// The waits that ended after the warm-up, ns.
    pub spans: Evenness,
}

/// How those waited who had to wait for a pool, in one run after the warm-up, over all processes.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct PoolRecord {
    /// Its name.
    pub name: String,
    /// Their waits, ns: of those who got a unit and of those who gave up.
    pub waits: Evenness,
}

/// The recorder's part of it: a place for each op of each class.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    first: Vec<usize>,
    places: Vec<Option<StepWait>>,
}

impl Steps {
    pub(crate) fn new(model: &Model) -> Steps {
        let mut places = 0;
        let mut place = |class: &crate::model::ClassSpec| {
            let first = places;
            places += model.programs[class.program as usize].code.len();
            first
        };
        let first = model.classes.iter().map(&mut place).collect();
        Steps { first, places: vec![None; places] }
    }

    /// What waited until now does not count.
    pub(crate) fn begin_counting(&mut self) {
        self.places.fill(None);
    }

    #[inline]
    pub(crate) fn waited(&mut self, class: u16, op: Pc, wait: Wait, span: Span) {
        let place = self.first[usize::from(class)] + usize::from(op.0);
        // A fan-out's branch may wait at an op of another program: it is its own.
        let Some(place) = self.places.get_mut(place) else { return };
        let step = place.get_or_insert(StepWait { class, op, wait, spans: Evenness::default() });
        step.spans.add(span.as_ns());
    }

    /// The pools of a model, in its order, with the waits of all steps that take a unit.
    pub(crate) fn pools(&self, model: &Model) -> Vec<PoolRecord> {
        let takes = |step: &&StepWait, pool: usize| {
            let program = &model.programs[model.classes[usize::from(step.class)].program as usize];
            let op = &program.code[usize::from(step.op.0)];
            let taken = matches!(op, Op::Acquire { sync, .. } | Op::Get { sync, .. } | Op::Apply { sync, .. } | Op::ToThread { sync } if usize::from(*sync) == pool);
            step.wait == Wait::Pool && taken
        };
        let waits = |pool| {
            let steps = self.places.iter().flatten().filter(|step| takes(step, pool));
            steps.fold(Evenness::default(), |all, step| all.merged(step.spans))
        };
        let pools = model.syncs.iter().enumerate().filter(|(_, sync)| sync.pool);
        pools.map(|(at, sync)| PoolRecord { name: sync.name.clone(), waits: waits(at) }).collect()
    }

    /// The steps at which anybody waited, by class and op.
    pub(crate) fn into_list(self) -> Vec<StepWait> {
        self.places.into_iter().flatten().collect()
    }
}
