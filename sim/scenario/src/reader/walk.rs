//! The walker: holds a TOML tree against the key tables and reports everything that does not fit.
//!
//! It knows types, ranges, units and names, and nothing about servers; what only makes sense of several keys
//! together is checked where those keys are read (`tables/`, `whole/`).

use engine::time::Span;

use crate::reader::bound::Bound;
use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, TableKey};
use crate::reader::law_text::LawText;
use crate::reader::node::{Field, Node, Value};
use crate::reader::raw::{self, Item, Raw, RawValue};
use crate::reader::unit::{self, short};
use crate::reader::vocabulary::Vocabulary;
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name, Sources};
use crate::words::{limits, suggest};

/// Names that the file defines, by group: what a reference is held against.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<(NameGroup, String)>);

impl Names {
    /// The names that a document defines.
    pub(crate) fn of(root: &Raw) -> Names {
        let groups = [
            NameGroup::World,
            NameGroup::Client,
            NameGroup::Peer,
            NameGroup::Sync,
            NameGroup::Queue,
            NameGroup::Event,
            NameGroup::Value,
            NameGroup::Connection,
            NameGroup::Executor,
            NameGroup::Request,
        ];
        let mut names = Vec::new();
        for group in groups {
            for items in group.roots().iter().filter_map(|key| root.get(key)?.items()) {
                names.extend(items.iter().map(|item| (group, item.key.clone())));
            }
        }
        Names(names)
    }

    pub(crate) fn of_group(&self, group: NameGroup) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().filter(move |(owner, _)| *owner == group).map(|(_, name)| name.as_str())
    }
}

/// Reads tables, collecting mistakes.
pub(crate) struct Walker<'a> {
    pub(super) vocabulary: &'static Vocabulary,
    pub(super) sources: &'a Sources,
    pub(super) names: &'a Names,
    pub(super) findings: &'a mut Findings,
    steps: usize,
}

impl<'a> Walker<'a> {
    /// A walker over texts whose names are known.
    pub(crate) fn new(
        vocabulary: &'static Vocabulary,
        sources: &'a Sources,
        names: &'a Names,
        findings: &'a mut Findings,
    ) -> Walker<'a> {
        Walker { vocabulary, sources, names, findings, steps: 0 }
    }

    /// Reads a whole file.
    pub(crate) fn file(&mut self, document: &Raw) -> Node {
        self.table_at_depth(self.vocabulary.root, document.at, "", document.items().unwrap_or(&[]), 0)
    }

    /// Reads a table's items; `path` is what messages call it, `at` its heading.
    fn table_at_depth(&mut self, table: &'static KeyTable, at: At, path: &str, items: &[Item], depth: usize) -> Node {
        let mut misspelt: Vec<(&'static str, &Item)> = Vec::new();
        for item in items.iter().filter(|item| table.key(&item.key).is_none()) {
            misspelt.extend(self.unknown_key(table, path, item).map(|name| (name, item)));
        }
        let mut fields = Vec::new();
        for key in table.keys {
            let item = items.iter().find(|item| item.key == key.name);
            if let Some(item) = item {
                self.check_beside(table, key, item, items);
                let inner = match path {
                    "" => key.name.to_owned(),
                    _ if matches!(key.kind, KeyKind::Steps) && depth > 0 => path.to_owned(),
                    _ => format!("{path}.{}", key.name),
                };
                let value = self.value(key, item, &inner, depth);
                let sound = value.is_some();
                let value = value.unwrap_or_else(|| stand_in(key.kind));
                let field = Field { name: key.name, key_at: item.at, at: item.raw.at, given: true, sound, value };
                fields.push(field);
                continue;
            }
            if let Some((_, item)) = misspelt.iter().find(|(name, _)| *name == key.name) {
                let value = stand_in(key.kind);
                let (key_at, at) = (item.at, item.raw.at);
                let field = Field { name: key.name, key_at, at, given: true, sound: false, value };
                fields.push(field);
                continue;
            }
            let value = match key.need {
                Presence::Required => {
                    self.missing(key, table, path, at);
                    Some((false, stand_in(key.kind)))
                }
                Presence::Default(text) => Some((true, self.default(key, text))),
                Presence::Else(_) => None,
            };
            fields.extend(value.map(|(sound, value)| Field {
                name: key.name,
                key_at: at,
                at,
                given: false,
                sound,
                value,
            }));
        }
        Node { at, table, fields }
    }

    /// Reports a key that the table does not have; returns the one that was meant, if that is clear.
    fn unknown_key(&mut self, table: &'static KeyTable, path: &str, item: &Item) -> Option<&'static str> {
        let what = match path {
            "" => format!("unknown key `{}`", short(&item.key)),
            _ => format!("unknown key `{}` in {}", short(&item.key), place(path)),
        };
        let known = table.keys.iter().map(|key| key.name);
        let near = suggest::nearest(&item.key, known.clone());
        let elsewhere = (self.vocabulary.elsewhere)(table, &item.key);
        let help = match self.vocabulary.owner(&item.key).filter(|_| near.is_none()) {
            _ if elsewhere.is_some() => elsewhere.unwrap_or_default().to_owned(),
            Some("") => format!("`{}` belongs to the top of the file, before the first [table]", item.key),
            Some(heading) => format!("`{}` belongs to {heading}", item.key),
            None => suggest::help(&item.key, known, &format!("keys of {}", table.noun)),
        };
        self.findings.error(item.at, what).label(format!("not a key of {}", table.noun)).help(help);
        near.filter(|_| elsewhere.is_none())
    }

    fn missing(&mut self, key: &TableKey, table: &KeyTable, path: &str, at: At) {
        let what = match path {
            "" => format!("`{}` is missing", key.name),
            _ => format!("{} needs `{}`", place(path), key.name),
        };
        let help = match key.kind {
            KeyKind::Named(inner, _) => format!("write a table {}: {}", inner.heading, key.doc),
            _ => format!("write `{} = {}`: {}", key.name, key.example, key.doc),
        };
        let label = format!("{} without `{}`", table.noun, key.name);
        self.findings.error(at, what).label(label).help(help).echo();
    }

    fn check_beside(&mut self, table: &KeyTable, key: &TableKey, item: &Item, entries: &[Item]) {
        let fits = |other: &str| entries.iter().any(|item| item.key == other);
        if key.beside.is_empty() || key.beside.iter().any(|other| fits(other)) {
            return;
        }
        let others: Vec<String> = key.beside.iter().map(|other| format!("`{other}`")).collect();
        let others = others.join(" or ");
        let what = format!("`{}` makes sense only beside {others}", key.name);
        let examples = key.beside.iter().filter_map(|other| table.key(other));
        let examples: Vec<String> = examples.map(|other| format!("`{} = {}`", other.name, other.example)).collect();
        let help = format!("write {} beside it, or remove `{}`", examples.join(" or "), key.name);
        self.findings.error(item.at, what).label(format!("no {others} here")).help(help).echo();
    }

    fn default(&mut self, key: &TableKey, text: &str) -> Value {
        let raw = raw::read_single(&format!("x = {text}")).expect("a default in a key table is TOML");
        let item = Item { key: key.name.to_owned(), at: At::default(), raw };
        self.value(key, &item, key.name, 0).expect("a default in a key table fits its key")
    }

    /// The value of a key, or `None` after reporting why not.
    fn value(&mut self, key: &TableKey, item: &Item, path: &str, depth: usize) -> Option<Value> {
        let raw = &item.raw;
        match (key.kind, &raw.value) {
            (KeyKind::Text | KeyKind::File, RawValue::Text(text)) => Some(Value::Text(text.clone())),
            // On the command line a title may be a number: `--set title=2026`.
            (KeyKind::Text, RawValue::Integer(_) | RawValue::Float(_) | RawValue::Flag(_)) if raw.at.source > 0 => {
                Some(Value::Text(self.sources.slice(raw.at).to_owned()))
            }
            (KeyKind::Flag | KeyKind::FlagOrName(_), RawValue::Flag(flag)) => Some(Value::Flag(*flag)),
            (KeyKind::Count(low, high), RawValue::Integer(number)) => self.count(key, raw, *number, low, high),
            (KeyKind::Counts(many, low, high), RawValue::Array(array)) => {
                self.counts(key, raw, array, many, (low, high))
            }
            (KeyKind::Number(low, high), RawValue::Integer(number)) => self.number(key, raw, *number as f64, low, high),
            (KeyKind::Number(low, high), RawValue::Float(number)) => self.number(key, raw, *number, low, high),
            (KeyKind::Duration | KeyKind::Positive, RawValue::Text(text)) => self.duration(key, raw, text),
            (KeyKind::DurationOr(word), RawValue::Text(text)) => self.duration_or(word, raw, text),
            (KeyKind::Law, RawValue::Text(text)) => self.law(raw, text),
            (KeyKind::Rate | KeyKind::Profile(_), RawValue::Text(text)) => {
                let rate = unit::rate(text);
                self.or_report(raw.at, rate).map(Value::Number)
            }
            (KeyKind::CpuTime, RawValue::Text(text)) => {
                let cores = unit::cpu_time(text);
                self.or_report(raw.at, cores).map(Value::Number)
            }
            (KeyKind::CpuTime, RawValue::Integer(number)) => self.cpu_limit(raw, *number as f64),
            (KeyKind::CpuTime, RawValue::Float(number)) => self.cpu_limit(raw, *number),
            (KeyKind::OneOf(words), RawValue::Text(text)) => self.word(key, raw, text, &words()),
            (KeyKind::SomeOf(words), RawValue::Array(array)) => self.word_list(key, array, &words()),
            (KeyKind::Name(group) | KeyKind::FlagOrName(group), RawValue::Text(text)) => {
                self.name(group, raw, text).map(|name| Value::Names(vec![name]))
            }
            (KeyKind::Names(group), RawValue::Array(array)) => self.name_list(key, group, array),
            (KeyKind::Table(table), RawValue::Table(items)) => {
                Some(Value::Table(self.table_at_depth(table, item.at, path, items, depth)))
            }
            (KeyKind::Bound(goal), RawValue::Text(text)) => {
                let bound = goal.read(text);
                self.or_report(raw.at, bound).map(Value::Bound)
            }
            (KeyKind::Ranges, RawValue::Table(items)) => self.ranges(items).map(Value::Ranges),
            (KeyKind::Named(table, group), RawValue::Table(items)) => self.named(table, group, path, items),
            (KeyKind::Each(table, group), RawValue::Table(items)) => self.each(table, group, path, items),
            (KeyKind::List(table) | KeyKind::Profile(table), RawValue::Array(array)) => {
                self.list(table, path, array, depth)
            }
            (KeyKind::Steps, RawValue::Array(array)) => self.step_list(raw.at, array, depth),
            _ => {
                self.wrong_type(key, raw);
                None
            }
        }
    }

    fn named(&mut self, table: &'static KeyTable, group: NameGroup, path: &str, items: &[Item]) -> Option<Value> {
        let most = if group == NameGroup::World { limits::WORLDS } else { limits::NAMED };
        if let Some(item) = items.get(most) {
            let what = format!("{} {} are more than the limit", items.len(), group.nouns());
            self.findings.error(item.at, what).label("one too many").help(format!("the limit is {most}"));
        }
        let mut named = Vec::new();
        for item in items.iter().take(most) {
            self.check_name(group, item);
            let Some(inner) = item.raw.items() else {
                let what = format!("`{path}.{}` cannot be {}", short(&item.key), item.raw.kind());
                let help = format!("{} is a table: {}", group.one(), table.heading);
                self.findings.error(item.at, what).label(item.raw.kind()).help(help);
                continue;
            };
            let path = format!("{path}.{}", short(&item.key));
            let node = self.table_at_depth(table, item.at, &path, inner, 0);
            named.push((Name { text: item.key.clone(), at: item.at }, node));
        }
        Some(Value::Named(named))
    }

    /// Tables whose names stand for things of the file.
    fn each(&mut self, table: &'static KeyTable, group: NameGroup, path: &str, items: &[Item]) -> Option<Value> {
        let mut named = Vec::new();
        for item in items {
            let key = Raw { at: item.at, value: RawValue::Text(item.key.clone()) };
            let name = self.name(group, &key, &item.key);
            let Some(inner) = item.raw.items() else {
                let what = format!("`{path}.{}` cannot be {}", short(&item.key), item.raw.kind());
                self.findings.error(item.at, what).label(item.raw.kind()).help(format!("write {}", table.heading));
                continue;
            };
            let path = format!("{path}.{}", short(&item.key));
            let node = self.table_at_depth(table, item.at, &path, inner, 0);
            named.extend(name.map(|name| (name, node)));
        }
        Some(Value::Named(named))
    }

    fn check_name(&mut self, group: NameGroup, item: &Item) {
        let length = item.key.chars().count();
        let bad = item.key.chars().find(|c| c.is_control() || matches!(c, '/' | '#'));
        let what = if length == 0 || length > limits::NAME_CHARS {
            format!("a name has 1 to {} characters, not {length}", limits::NAME_CHARS)
        } else if let Some(bad) = bad {
            format!("a name cannot contain {bad:?}")
        } else {
            return;
        };
        let help = format!("choose another name for this {}: it becomes a label in tables and plots", group.noun());
        self.findings.error(item.at, what).label("this name").help(help);
    }

    fn list(&mut self, table: &'static KeyTable, path: &str, array: &[Raw], depth: usize) -> Option<Value> {
        if let Some(raw) = array.get(limits::POINTS) {
            let what = format!("`{path}` has {} entries, more than the limit", array.len());
            self.findings.error(raw.at, what).label("one too many").help(format!("the limit is {}", limits::POINTS));
        }
        let mut nodes = Vec::new();
        for raw in array.iter().take(limits::POINTS) {
            match raw.items() {
                Some(items) => nodes.push(self.table_at_depth(table, raw.at, path, items, depth)),
                None => {
                    let what = format!("an entry of `{path}` cannot be {}", raw.kind());
                    let keys: Vec<&str> = table.keys.iter().map(|key| key.name).collect();
                    let help = format!("write a table {{ … }} with the keys {}", keys.join(", "));
                    self.findings.error(raw.at, what).label(raw.kind()).help(help);
                }
            }
        }
        Some(Value::List(nodes))
    }

    fn step_list(&mut self, at: At, array: &[Raw], depth: usize) -> Option<Value> {
        if depth >= limits::NESTING {
            let what = "steps are nested deeper than the limit".to_owned();
            self.findings.error(at, what).label("too deep").help(format!("the limit is {} levels", limits::NESTING));
            return None;
        }
        let mut nodes = Vec::new();
        for raw in array {
            self.steps += 1;
            if self.steps > limits::STEPS {
                if self.steps == limits::STEPS + 1 {
                    let help =
                        format!("the limit is {} in all requests together", limits::grouped(limits::STEPS as u64));
                    self.findings.error(raw.at, "there are more steps than the limit").label("one too many").help(help);
                }
                break;
            }
            let Some(items) = raw.items() else {
                let what = format!("a step cannot be {}", raw.kind());
                self.findings.error(raw.at, what).label(raw.kind()).help("write a table such as { burn = \"2ms\" }");
                continue;
            };
            if let Some(table) = self.step_table(raw.at, items) {
                nodes.push(self.table_at_depth(table, raw.at, table.noun, items, depth + 1));
            }
        }
        Some(Value::List(nodes))
    }

    /// Which step this is: the one whose verb is among the keys.
    fn step_table(&mut self, at: At, items: &[Item]) -> Option<&'static KeyTable> {
        let vocabulary = self.vocabulary;
        let verb = |item: &Item| vocabulary.step(&item.key).filter(|_| !vocabulary.is_detail(&item.key));
        let mut found = items.iter().filter_map(|item| verb(item).zip(Some(item)));
        match (found.next(), found.next()) {
            (Some((table, _)), None) => Some(table),
            (Some((_, first)), Some((_, second))) => {
                let what = format!("a step does one thing, and this one has `{}` and `{}`", first.key, second.key);
                self.findings
                    .error(second.at, what)
                    .label("a second step")
                    .help("write two steps, one after the other");
                None
            }
            (None, _) => {
                let table = step_of_detail(vocabulary, items);
                if table.is_none() {
                    self.unknown_step(at, items);
                }
                table
            }
        }
    }

    fn unknown_step(&mut self, at: At, items: &[Item]) {
        let all = self.vocabulary.verbs().collect::<Vec<_>>().join(", ");
        let near = items.iter().find_map(|item| Some((item, near_verb(self.vocabulary, item)?)));
        match (near, items.first()) {
            (Some((item, near)), _) => {
                let what = format!("unknown step `{}`", short(&item.key));
                let help = format!("did you mean `{near}`? steps are {all}");
                self.findings.error(item.at, what).label("not a step").help(help);
            }
            (None, Some(item)) => {
                let what = format!("unknown step `{}`", short(&item.key));
                self.findings.error(item.at, what).label("not a step").help(format!("steps are {all}"));
            }
            (None, None) => {
                let finding = self.findings.error(at, "this step does nothing");
                finding.label("empty").help(format!("steps are {all}"));
            }
        }
    }
}

/// The step whose verb is a detail of other steps: `timeout`, unless another key is a slip of the hand for their verb.
fn step_of_detail(vocabulary: &Vocabulary, items: &[Item]) -> Option<&'static KeyTable> {
    let table = items.iter().find_map(|item| vocabulary.step(&item.key))?;
    let slip = |item: &Item| table.key(&item.key).is_none() && near_verb(vocabulary, item).is_some();
    (!items.iter().any(slip)).then_some(table)
}

/// The verb that a key is near to, if it is not nearer to the key for the steps inside.
fn near_verb(vocabulary: &Vocabulary, item: &Item) -> Option<&'static str> {
    let steps = "steps";
    suggest::nearest(&item.key, vocabulary.verbs().chain([steps])).filter(|near| *near != steps)
}

/// A path for a message; a step has none, and its noun stands in.
fn place(path: &str) -> String {
    if path.starts_with("a ") || path.starts_with("an ") { path.to_owned() } else { format!("`{path}`") }
}

/// A harmless value in place of a wrong or missing one, so that reading can go on.
fn stand_in(kind: KeyKind) -> Value {
    match kind {
        KeyKind::Text | KeyKind::File => Value::Text(String::new()),
        KeyKind::Flag | KeyKind::FlagOrName(_) => Value::Flag(false),
        KeyKind::Count(low, _) => Value::Count(low),
        KeyKind::Counts(many, low, _) => Value::Counts(vec![low; many]),
        KeyKind::Number(low, _) => Value::Number(low),
        KeyKind::Duration | KeyKind::Positive | KeyKind::DurationOr(_) => Value::Duration(Span::from_ms(1)),
        KeyKind::Law => Value::Law(LawText::Fixed(Span::from_ms(1))),
        KeyKind::Rate | KeyKind::Profile(_) | KeyKind::CpuTime => Value::Number(1.0),
        KeyKind::OneOf(words) => Value::Text(words().first().copied().unwrap_or("").to_owned()),
        KeyKind::Name(_) | KeyKind::Names(_) | KeyKind::SomeOf(_) => Value::Names(Vec::new()),
        KeyKind::Table(table) => {
            let field = |key: &TableKey| Field {
                name: key.name,
                key_at: At::default(),
                at: At::default(),
                given: false,
                sound: false,
                value: stand_in(key.kind),
            };
            Value::Table(Node { at: At::default(), table, fields: table.keys.iter().map(field).collect() })
        }
        // It is never looked at: a scenario with a mistake leaves no objective behind.
        KeyKind::Bound(goal) => Value::Bound(Bound { side: goal.side, inclusive: true, value: 0.5 }),
        KeyKind::Ranges => Value::Ranges(Vec::new()),
        KeyKind::Named(..) | KeyKind::Each(..) => Value::Named(Vec::new()),
        KeyKind::List(_) | KeyKind::Steps => Value::List(Vec::new()),
    }
}
