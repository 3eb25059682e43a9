//! What a setting may be in a plan: `"1..16"`, `"2..16/2"`, or a list; and the path of the setting, held against the key tables.

use crate::reader::key::{KeyKind, KeyTable, TableKey};
use crate::reader::node::Range;
use crate::reader::overrides;
use crate::reader::raw::{Item, Raw, RawValue};
use crate::reader::unit::{UnitMistake, short};
use crate::reader::walk::Walker;
use crate::words::{limits, suggest};

/// How a range is written, for help texts.
const FORM: &str = "\"1..16\", \"2..16/2\" for every second, or a list such as [10, 20, 40]";

impl Walker<'_> {
    /// Settings and what each may be; `None` if any of them is wrong.
    pub(crate) fn ranges(&mut self, items: &[Item]) -> Option<Vec<Range>> {
        let mut ranges = Vec::new();
        let mut sound = true;
        for item in items {
            let range = self.range(item);
            sound &= range.is_some();
            ranges.extend(range);
        }
        sound.then_some(ranges)
    }

    fn range(&mut self, item: &Item) -> Option<Range> {
        if matches!(item.raw.value, RawValue::Table(_)) {
            let what = format!("`{}` is only a part of a path", short(&item.key));
            let help = "write the whole path in quotes, such as \"world.gevent.processes\" = \"1..16\"";
            self.findings.error(item.at, what).label("a table").help(help);
            return None;
        }
        let path = self.setting(&item.key);
        self.or_report(item.at, path)?;
        let values = match &item.raw.value {
            RawValue::Text(text) => self.or_report(item.raw.at, numbers(text))?,
            RawValue::Array(array) => self.listed(array)?,
            _ => {
                let what = format!("`{}` cannot vary over {}", short(&item.key), item.raw.kind());
                self.findings.error(item.raw.at, what).label(item.raw.kind()).help(format!("write {FORM}"));
                return None;
            }
        };
        if values.is_empty() {
            let what = format!("`{}` has nothing to be", short(&item.key));
            self.findings.error(item.raw.at, what).label("empty").help(format!("write {FORM}"));
            return None;
        }
        Some(Range { path: item.key.clone(), values })
    }

    /// Whether a path leads to a key that the file can have.
    fn setting(&self, path: &str) -> Result<(), UnitMistake> {
        let Some(segments) = overrides::segments(path) else {
            return Err(UnitMistake::new(
                format!("`{}` is not the path of a key", short(path)),
                "not a path",
                "write it as in TOML, such as \"world.gevent.processes\"",
            ));
        };
        let mut table: &'static KeyTable = self.vocabulary.root;
        let mut rest = segments.iter();
        while let Some(segment) = rest.next() {
            let Some(key) = table.key(segment) else { return Err(unknown(table, segment)) };
            match key.kind {
                KeyKind::Table(inner) => table = inner,
                KeyKind::Named(inner, group) | KeyKind::Each(inner, group) => {
                    let Some(name) = rest.next() else { return Err(whole(path)) };
                    let known = self.names.of_group(group);
                    if !known.clone().any(|known| known == name) {
                        let what = format!("the file has no {} `{}`", group.noun(), short(name));
                        let help = suggest::help(name, known, &format!("{} of this file", group.nouns()));
                        return Err(UnitMistake::new(what, "no such name", help));
                    }
                    table = inner;
                }
                // What is inside a list is left to the overrides themselves.
                KeyKind::List(_) | KeyKind::Profile(_) | KeyKind::Steps => return Ok(()),
                _ => return if rest.next().is_none() { Ok(()) } else { Err(deeper(key)) },
            }
        }
        Err(whole(path))
    }

    /// The values of a list, as they would be typed after `--set KEY=`.
    fn listed(&mut self, array: &[Raw]) -> Option<Vec<String>> {
        let mut values = Vec::new();
        for raw in array {
            let value = match &raw.value {
                RawValue::Table(_) | RawValue::Array(_) | RawValue::Date => {
                    let what = format!("a setting cannot vary over {}", raw.kind());
                    self.findings.error(raw.at, what).label(raw.kind()).help(format!("write {FORM}"));
                    return None;
                }
                RawValue::Text(text) => text.clone(),
                RawValue::Integer(_) | RawValue::Float(_) | RawValue::Flag(_) => self.sources.slice(raw.at).to_owned(),
            };
            if values.contains(&value) {
                let what = format!("`{}` is listed twice", short(&value));
                self.findings.error(raw.at, what).label("again").help("keep one");
                return None;
            }
            values.push(value);
        }
        // A search from less to more wants them so; what is no number stays where it is.
        let number = |value: &String| value.parse::<f64>().ok();
        if values.iter().all(|value| number(value).is_some()) {
            values.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
        }
        Some(values)
    }
}

fn unknown(table: &'static KeyTable, segment: &str) -> UnitMistake {
    let known = table.keys.iter().map(|key| key.name);
    let help = suggest::help(segment, known, &format!("keys of {}", table.noun));
    UnitMistake::new(format!("{} has no key `{}`", table.noun, short(segment)), "leads nowhere", help)
}

fn whole(path: &str) -> UnitMistake {
    let what = format!("`{}` is a table, and only a single key can vary", short(path));
    UnitMistake::new(what, "stops too early", "write the whole path, such as \"world.gevent.processes\"")
}

fn deeper(key: &TableKey) -> UnitMistake {
    UnitMistake::new(format!("`{}` is no table", key.name), "goes too deep", "shorten the path")
}

/// The whole numbers of `1..16` or `2..16/2`.
fn numbers(text: &str) -> Result<Vec<String>, UnitMistake> {
    let form = || UnitMistake::new(format!("`{}` is not a range", short(text)), "not a range", format!("write {FORM}"));
    let (ends, step) = match text.split_once('/') {
        Some((ends, step)) => (ends, step.trim().parse::<u64>().ok().filter(|step| *step > 0).ok_or_else(form)?),
        None => (text, 1),
    };
    let (low, high) = ends.split_once("..").ok_or_else(form)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| form());
    let (low, high) = (number(low)?, number(high.trim_start_matches('='))?);
    if low > high {
        let what = format!("the range `{}` runs backwards", short(text));
        return Err(UnitMistake::new(what, "nothing in it", format!("write \"{high}..{low}\"")));
    }
    let count = (high - low) / step + 1;
    if count > limits::VALUES {
        let what = format!("the range `{}` has {} values, more than the limit", short(text), limits::grouped(count));
        let help = format!(
            "the limit is {}; write a wider step, such as \"{low}..{high}/{}\"",
            limits::VALUES,
            count.div_ceil(limits::VALUES) * step
        );
        return Err(UnitMistake::new(what, "too many", help));
    }
    Ok((0..count).map(|at| (low + at * step).to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_of_its_ends() {
        assert_eq!(numbers("1..4").unwrap(), ["1", "2", "3", "4"]);
        assert_eq!(numbers("2..16/4").unwrap(), ["2", "6", "10", "14"]);
        assert_eq!(numbers("7..7").unwrap(), ["7"]);
    }

    #[test]
    fn a_range_at_the_limit_is_read_and_one_beyond_is_refused() {
        let limit = limits::VALUES;
        assert_eq!(numbers(&format!("1..{limit}")).unwrap().len() as u64, limit);
        let beyond = numbers(&format!("1..{}", limit + 1)).unwrap_err();
        assert!(beyond.help.ends_with(&format!("such as \"1..{}/2\"", limit + 1)), "{}", beyond.help);
    }

    #[test]
    fn what_is_no_range_says_how_to_write_one() {
        for text in ["4", "a..b", "1..", "1..4/0", "-1..4"] {
            assert!(numbers(text).unwrap_err().what.ends_with("is not a range"), "{text}");
        }
        assert_eq!(numbers("9..3").unwrap_err().help, "write \"3..9\"");
    }
}
