//! What a file sets, key by key: two of these tell what was changed, and no blank or comment is a change.

use crate::reader::overrides::{self, Override};
use crate::reader::raw::{self, Raw, RawValue};
use crate::whole::root::SCENARIO;
use crate::words::diagnostic::{Diagnostic, Findings};
use crate::words::limits;
use crate::words::source::{At, Sources};

/// Every key that a file and what is laid over it set, in the order of the file: its path as `--set` takes it, and its value as TOML.
///
/// Tables and lists of tables are gone into; a list of plain values is one value. Whether the keys mean anything is not asked.
///
/// # Errors
/// Where the text is no TOML, or an override has no place in it.
pub fn settings(text: &str, file: &str, overrides: &[Override]) -> Result<Vec<(String, String)>, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    if text.len() > limits::FILE_BYTES {
        let help = format!("the limit is {} bytes", limits::grouped(limits::FILE_BYTES as u64));
        findings.error(At::default(), "the file is larger than the limit").label("too large").help(help);
        return Err(findings.finish(&Sources::new(file, "")));
    }
    let mut sources = Sources::new(file, text);
    let mut document = raw::read(0, &sources, &mut findings);
    overrides::apply(&mut document, SCENARIO.root, overrides, &mut sources, &mut findings);
    if findings.failed() {
        return Err(findings.finish(&sources));
    }
    let mut found = Vec::new();
    for item in document.items().unwrap_or_default() {
        flatten(&segment(&item.key), &item.raw, &mut found);
    }
    Ok(found)
}

fn flatten(path: &str, raw: &Raw, found: &mut Vec<(String, String)>) {
    match &raw.value {
        RawValue::Table(items) if !items.is_empty() => {
            for item in items {
                flatten(&format!("{path}.{}", segment(&item.key)), &item.raw, found);
            }
        }
        RawValue::Array(entries) if entries.iter().any(|entry| entry.items().is_some()) => {
            for (at, entry) in entries.iter().enumerate() {
                flatten(&format!("{path}.{at}"), entry, found);
            }
        }
        RawValue::Table(_)
        | RawValue::Array(_)
        | RawValue::Text(_)
        | RawValue::Integer(_)
        | RawValue::Float(_)
        | RawValue::Flag(_)
        | RawValue::Date => found.push((path.to_owned(), shown(raw))),
    }
}

/// A key as it stands in a path: in quotes where it is not bare.
fn segment(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") }
}

fn shown(raw: &Raw) -> String {
    match &raw.value {
        RawValue::Table(items) => {
            let items: Vec<String> =
                items.iter().map(|item| format!("{} = {}", segment(&item.key), shown(&item.raw))).collect();
            if items.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", items.join(", ")) }
        }
        RawValue::Array(entries) => format!("[{}]", entries.iter().map(shown).collect::<Vec<_>>().join(", ")),
        RawValue::Text(text) => format!("{text:?}"),
        RawValue::Integer(number) => number.to_string(),
        RawValue::Float(number) => format!("{number:?}"),
        RawValue::Flag(flag) => flag.to_string(),
        RawValue::Date => "a date".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, set: &[(&str, &str)]) -> Vec<String> {
        let lay = |&(key, value): &(&str, &str)| Override { key: key.to_owned(), value: value.to_owned() };
        let set: Vec<Override> = set.iter().map(lay).collect();
        let found = settings(text, "s.toml", &set).unwrap();
        found.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn keys_are_paths_that_can_be_laid_over() {
        let text = "title = \"x\"\n[world.a]\nthreads = 4\n[lock.l]\n[request.r]\n\
                    steps = [{ burn = \"1ms\" }, { repeat = 2, steps = [] }]\n[slo]\nworlds = [\"a\", \"b\"]\n";
        let expected = [
            "title=\"x\"",
            "world.a.threads=4",
            "lock.l={}",
            "request.r.steps.0.burn=\"1ms\"",
            "request.r.steps.1.repeat=2",
            "request.r.steps.1.steps=[]",
            "slo.worlds=[\"a\", \"b\"]",
        ];
        assert_eq!(of(text, &[]), expected);
        let laid = of(text, &[("request.r.steps.0.burn", "2ms"), ("world.a.threads", "8")]);
        assert_eq!((laid[1].as_str(), laid[3].as_str()), ("world.a.threads=8", "request.r.steps.0.burn=\"2ms\""));
    }

    #[test]
    fn blanks_comments_and_the_form_of_a_table_are_no_settings() {
        let one = "# A comment.\n[world.a]\nthreads = 4  # four\n[run]\nseed=7\n";
        let other = "world = { a = { threads = 4 } }\n\n\nrun.seed = 7";
        assert_eq!(of(one, &[]), of(other, &[]));
    }

    #[test]
    fn what_is_no_toml_and_what_has_no_place_is_told() {
        assert!(settings("a = [", "s.toml", &[]).is_err());
        let nowhere = Override { key: "world.b.threads".to_owned(), value: "8".to_owned() };
        assert!(settings("[world.a]\nthreads = 4\n", "s.toml", &[nowhere]).is_err());
        assert!(settings(&" ".repeat(limits::FILE_BYTES), "s.toml", &[]).is_ok());
        assert!(settings(&" ".repeat(limits::FILE_BYTES + 1), "s.toml", &[]).is_err());
    }

    #[test]
    fn names_with_odd_letters_stay_one_segment_and_cannot_paint_a_terminal() {
        assert_eq!(of("[world.\"a.b\"]\nx = \"\\u001b[2J\"\n", &[]), ["world.\"a.b\".x=\"\\u{1b}[2J\""]);
    }
}
