//! Waits at steps: how long requests waited at each step of their programs for a lock, a pool, a queue or a peer.

use crate::model::Model;
use crate::op::Pc;
use crate::record::Wait;
use crate::time::Span;

/// The waits of one class at one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepWait {
    /// Index of the class.
    pub class: u16,
    /// Op of its program.
    pub op: Pc,
    /// What for.
    pub wait: Wait,
    /// How many waits there were after the warm-up.
    pub count: u64,
    /// Their sum.
    pub sum: Span,
    /// The longest.
    pub longest: Span,
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

    #[inline]
    pub(crate) fn waited(&mut self, class: u16, op: Pc, wait: Wait, span: Span) {
        let place = self.first[usize::from(class)] + usize::from(op.0);
        // A fan-out's branch may wait at an op of another program: it is its own.
        let Some(place) = self.places.get_mut(place) else { return };
        let new = StepWait { class, op, wait, count: 0, sum: Span::ZERO, longest: Span::ZERO };
        let step = place.get_or_insert(new);
        step.count += 1;
        step.sum += span;
        step.longest = step.longest.max(span);
    }

    /// The steps at which anybody waited, by class and op.
    pub(crate) fn into_list(self) -> Vec<StepWait> {
        self.places.into_iter().flatten().collect()
    }
}
