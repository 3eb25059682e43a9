//! What runs requests side by side on one thread is a hub under gevent and a loop under asyncio: the word for it in a text.

use engine::Model;
use engine::model::WorkerKind;
use lab::Summary;

/// What the worlds of a text run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CarrierWord {
    Hub,
    Loop,
    /// Some a hub, some a loop.
    Either,
}

impl CarrierWord {
    /// The word for one world.
    pub(crate) fn of_model(model: &Model) -> CarrierWord {
        CarrierWord::of(model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Loop(_))))
    }

    /// The word for a world that runs loops, or does not.
    pub(crate) fn of(loops: bool) -> CarrierWord {
        if loops { CarrierWord::Loop } else { CarrierWord::Hub }
    }

    /// The word for several worlds side by side; those on threads have no say.
    pub(crate) fn of_worlds(worlds: &[Summary]) -> CarrierWord {
        let loops = worlds.iter().any(|world| world.loops);
        let hubs = worlds.iter().any(|world| !world.loops && world.mean("hub_hold_max_ns").is_some());
        match (loops, hubs) {
            (true, true) => CarrierWord::Either,
            (loops, _) => CarrierWord::of(loops),
        }
    }

    /// The same, by their models.
    pub(crate) fn of_models(models: &[Model]) -> CarrierWord {
        let runs =
            |of: fn(&WorkerKind) -> bool| models.iter().flat_map(|model| &model.workers).any(|worker| of(&worker.kind));
        match (runs(|kind| matches!(kind, WorkerKind::Loop(_))), runs(|kind| matches!(kind, WorkerKind::Hub { .. }))) {
            (true, true) => CarrierWord::Either,
            (loops, _) => CarrierWord::of(loops),
        }
    }

    /// The word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            CarrierWord::Hub => "hub",
            CarrierWord::Loop => "loop",
            CarrierWord::Either => "hub or loop",
        }
    }

    /// A label that begins with "hub", told in that word; others as they are.
    pub(crate) fn told(self, label: &str) -> String {
        match label.strip_prefix("hub") {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => format!("{}{rest}", self.word()),
            _ => label.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_begins_with_hub_is_told_in_the_word_of_its_worlds() {
        assert_eq!(CarrierWord::Loop.told("hub lag p50"), "loop lag p50");
        assert_eq!(CarrierWord::Either.told("hub"), "hub or loop");
        assert_eq!(CarrierWord::Hub.told("hub held, longest"), "hub held, longest");
        assert_eq!(CarrierWord::Loop.told("hubris"), "hubris");
        assert_eq!(CarrierWord::Loop.told("GIL"), "GIL");
    }
}
