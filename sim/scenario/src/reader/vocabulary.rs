//! What one kind of file may say: where its tables begin, and which steps there are.

use super::key::{KeyKind, KeyTable, NameGroup};

/// All that the walker knows of a kind of file.
pub(crate) struct Vocabulary {
    /// The table of the whole file.
    pub(crate) root: &'static KeyTable,
    /// All steps; the first key of each is its verb.
    pub(crate) steps: &'static [&'static KeyTable],
    /// What to write in a table for a name that another tool has for one of its keys.
    pub(crate) elsewhere: fn(&'static KeyTable, &str) -> Option<&'static str>,
}

impl Vocabulary {
    /// Verbs of steps.
    pub(crate) fn verbs(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.steps.iter().map(|table| table.keys[0].name)
    }

    /// The step with this verb.
    pub(crate) fn step(&self, verb: &str) -> Option<&'static KeyTable> {
        self.steps.iter().find(|table| table.keys[0].name == verb).copied()
    }

    /// Verbs of the steps that go with a group of names.
    pub(crate) fn verbs_for(&self, group: NameGroup) -> String {
        let fits = |table: &&&KeyTable| matches!(table.keys[0].kind, KeyKind::Name(owner) if owner == group);
        let verbs = self.steps.iter().filter(fits).map(|table| format!("`{}`", table.keys[0].name));
        verbs.collect::<Vec<_>>().join(", ")
    }

    /// Whether a key is the verb of a step and also says a detail of others: `timeout`.
    pub(crate) fn is_detail(&self, verb: &str) -> bool {
        self.steps.iter().any(|table| table.keys[1..].iter().any(|key| key.name == verb))
    }

    /// The heading of the first table of the format that has a key of this name.
    pub(crate) fn owner(&self, key: &str) -> Option<&'static str> {
        fn search(table: &'static KeyTable, key: &str) -> Option<&'static str> {
            // Tables that stand in braces are of no help: many have keys of these names.
            if table.key(key).is_some() && (table.heading.is_empty() || table.heading.starts_with('[')) {
                return Some(table.heading);
            }
            table.keys.iter().find_map(|inner| match inner.kind {
                KeyKind::Table(inner) | KeyKind::Named(inner, _) | KeyKind::Each(inner, _) => search(inner, key),
                _ => None,
            })
        }
        search(self.root, key)
    }
}
