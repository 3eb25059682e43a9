//! The walker's leaves: numbers, durations, laws, words and names, each held against its key.

use crate::reader::key::{KeyKind, NameGroup, TableKey, one_of};
use crate::reader::law_text::LawText;
use crate::reader::node::Value;
use crate::reader::raw::{Raw, RawValue};
use crate::reader::unit::{self, UnitMistake, short};
use crate::reader::walk::Walker;
use crate::words::source::{At, Name};
use crate::words::{limits, suggest};

impl Walker<'_> {
    pub(crate) fn wrong_type(&mut self, key: &TableKey, raw: &Raw) {
        let typed = short(self.sources.slice(raw.at));
        let number = matches!(raw.value, RawValue::Integer(_) | RawValue::Float(_));
        let (what, help) = match key.kind {
            KeyKind::Duration | KeyKind::Positive | KeyKind::DurationOr(_) | KeyKind::Law if number => {
                let forms = if matches!(key.kind, KeyKind::Law) { "; or a law such as \"exp(5ms)\"" } else { "" };
                (
                    format!("the duration `{}` has no unit", key.name),
                    format!("write \"{typed}ms\" or \"{typed}s\", in quotes; units are ns, us, ms, s, m, h{forms}"),
                )
            }
            KeyKind::Rate | KeyKind::Profile(_) if number => (
                format!("the rate `{}` has no unit", key.name),
                format!("write \"{typed}/s\", in quotes; units are /s, /m, /h"),
            ),
            KeyKind::Count(..) if number && key.name == "cores" => (
                format!("`cores` is a whole number, not {typed}"),
                format!("a CPU limit is a key of its own: write `cores = 1` and `cpu_limit = {typed}`"),
            ),
            kind @ KeyKind::Count(..) if number => {
                (format!("`{}` is a whole number, not {typed}", key.name), kind.expected(key.example))
            }
            kind => (format!("`{}` cannot be {}", key.name, raw.kind()), kind.expected(key.example)),
        };
        self.findings.error(raw.at, what).label(raw.kind()).help(help);
    }

    pub(crate) fn or_report<T>(&mut self, at: At, read: Result<T, UnitMistake>) -> Option<T> {
        read.map_err(|mistake| {
            self.findings.error(at, mistake.what).label(mistake.label).help(mistake.help);
        })
        .ok()
    }

    /// A number of cores.
    pub(crate) fn cpu_limit(&mut self, raw: &Raw, cores: f64) -> Option<Value> {
        let typed = short(self.sources.slice(raw.at));
        self.or_report(raw.at, unit::cores(cores, &typed)).map(Value::Number)
    }

    pub(crate) fn count(&mut self, key: &TableKey, raw: &Raw, number: i128, low: u64, high: u64) -> Option<Value> {
        if number < i128::from(low) || number > i128::from(high) {
            let typed = short(self.sources.slice(raw.at));
            let what = format!("`{}` cannot be {typed}", key.name);
            let help = match low == high {
                true => format!("write {low}"),
                false => format!("write a whole number from {low} to {}", limits::grouped(high)),
            };
            self.findings.error(raw.at, what).label("out of range").help(help);
            return None;
        }
        u64::try_from(number).ok().map(Value::Count)
    }

    /// So many whole numbers, none smaller than the one before.
    pub(crate) fn counts(
        &mut self,
        key: &TableKey,
        raw: &Raw,
        array: &[Raw],
        many: usize,
        (low, high): (u64, u64),
    ) -> Option<Value> {
        let mut counts: Vec<u64> = Vec::new();
        for one in array {
            let count = match one.value {
                RawValue::Integer(number) => self.count(key, one, number, low, high),
                _ => {
                    let typed = short(self.sources.slice(one.at));
                    let what = format!("`{}` has whole numbers, not {typed}", key.name);
                    self.findings.error(one.at, what).label(one.kind()).help(key.kind.expected(key.example));
                    None
                }
            };
            let Some(Value::Count(count)) = count else { continue };
            if let Some(&before) = counts.last().filter(|&&before| before > count) {
                let what = format!("`{}` falls from {before} to {count}", key.name);
                self.findings
                    .error(one.at, what)
                    .label("less than the one before")
                    .help("write them in ascending order");
            }
            counts.push(count);
        }
        if array.len() != many {
            let what = format!("`{}` has {} numbers, not {many}", key.name, array.len());
            self.findings.error(raw.at, what).label("too many or too few").help(key.kind.expected(key.example));
        }
        (array.len() == many && counts.len() == many && counts.is_sorted()).then_some(Value::Counts(counts))
    }

    pub(crate) fn number(&mut self, key: &TableKey, raw: &Raw, number: f64, low: f64, high: f64) -> Option<Value> {
        // Not-a-number compares false and so is out of range too.
        if number >= low && number <= high {
            return Some(Value::Number(number));
        }
        let typed = short(self.sources.slice(raw.at));
        let what = format!("`{}` cannot be {typed}", key.name);
        let help = format!("write a number from {low} to {high}");
        self.findings.error(raw.at, what).label("out of range").help(help);
        None
    }

    pub(crate) fn duration(&mut self, key: &TableKey, raw: &Raw, text: &str) -> Option<Value> {
        let span = self.or_report(raw.at, unit::duration(text))?;
        if matches!(key.kind, KeyKind::Positive) && span.is_zero() {
            let what = format!("`{}` cannot be zero", key.name);
            self.findings
                .error(raw.at, what)
                .label("zero")
                .help(format!("write a duration above zero, such as {}", key.example));
            return None;
        }
        Some(Value::Duration(span))
    }

    pub(crate) fn duration_or(&mut self, word: &str, raw: &Raw, text: &str) -> Option<Value> {
        if text == word {
            return Some(Value::Text(text.to_owned()));
        }
        let span = unit::duration(text).map_err(|mistake| {
            let help = format!("{}; or write \"{word}\"", mistake.help);
            UnitMistake { help, ..mistake }
        });
        self.or_report(raw.at, span).map(Value::Duration)
    }

    pub(crate) fn law(&mut self, raw: &Raw, text: &str) -> Option<Value> {
        match LawText::read(text) {
            Ok(law) => Some(Value::Law(law)),
            Err(mistakes) => {
                for (part, mistake) in mistakes {
                    let at = self.sources.inside(raw.at, text, part);
                    self.findings.error(at, mistake.what).label(mistake.label).help(mistake.help);
                }
                None
            }
        }
    }

    pub(crate) fn word(&mut self, key: &TableKey, raw: &Raw, text: &str, words: &[&'static str]) -> Option<Value> {
        if words.contains(&text) {
            return Some(Value::Text(text.to_owned()));
        }
        let what = format!("unknown {} `{}`", key.name, short(text));
        let help = match suggest::nearest(text, words.iter().copied()) {
            _ if key.name == "worker" && suggest::instead(text).is_some() => {
                let nearest = suggest::instead(text).unwrap_or_default();
                format!("`{}` is not simulated; {nearest}. {}", short(text), one_of(words))
            }
            Some(near) => format!("did you mean `{near}`? {}", one_of(words)),
            None => one_of(words),
        };
        self.findings.error(raw.at, what).label("not one of them").help(help);
        None
    }

    /// The text of the next word of a list, unless it is none or stands there already.
    fn unlisted<'r>(&mut self, key: &TableKey, raw: &'r Raw, listed: &[Name], sound: &mut bool) -> Option<&'r str> {
        let Some(text) = raw.text() else {
            self.wrong_type(key, raw);
            *sound = false;
            return None;
        };
        if listed.iter().any(|name| name.text == text) {
            let what = format!("`{}` is listed twice", short(text));
            self.findings.error(raw.at, what).label("again").help("keep one");
            return None;
        }
        Some(text)
    }

    /// A list of words of which each may stand once.
    pub(crate) fn word_list(&mut self, key: &TableKey, array: &[Raw], words: &[&'static str]) -> Option<Value> {
        let mut listed: Vec<Name> = Vec::new();
        let mut sound = true;
        for raw in array {
            let Some(text) = self.unlisted(key, raw, &listed, &mut sound) else { continue };
            sound &= self.word(key, raw, text, words).is_some();
            listed.push(Name { text: text.to_owned(), at: raw.at });
        }
        sound.then_some(Value::Names(listed))
    }

    pub(crate) fn name(&mut self, group: NameGroup, raw: &Raw, text: &str) -> Option<Name> {
        let known = self.names.of_group(group);
        if !known.clone().any(|name| name == text) {
            let noun = group.noun();
            let other = [NameGroup::Peer, NameGroup::Sync, NameGroup::Queue, NameGroup::Event]
                .into_iter()
                .find(|other| self.names.of_group(*other).any(|name| name == text));
            if let Some(other) = other {
                let what = format!("`{}` is {}, not {}", short(text), other.one(), group.one());
                let help = format!("steps for {}: {}", other.nouns(), self.vocabulary.verbs_for(other));
                self.findings.error(raw.at, what).label(other.one()).help(help).echo();
                return None;
            }
            let help = suggest::help(text, known, &format!("{} of this file", group.nouns()));
            let what = format!("unknown {noun} `{}`", short(text));
            self.findings.error(raw.at, what).label(format!("no {noun} has this name")).help(help).echo();
            return None;
        }
        Some(Name { text: text.to_owned(), at: raw.at })
    }

    pub(crate) fn name_list(&mut self, key: &TableKey, group: NameGroup, array: &[Raw]) -> Option<Value> {
        let mut names: Vec<Name> = Vec::new();
        let mut sound = true;
        for raw in array {
            let Some(text) = self.unlisted(key, raw, &names, &mut sound) else { continue };
            let name = self.name(group, raw, text);
            sound &= name.is_some();
            names.extend(name);
        }
        sound.then_some(Value::Names(names))
    }
}
