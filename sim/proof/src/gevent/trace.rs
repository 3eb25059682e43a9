//! Traces: what the reference interpreter prints, what we print, and what tells them apart.

use std::fmt::{self, Write as _};

use engine::time::Time;
use engine::transcript::{Outcome, Said, Transcript};

use super::{OWN_NAME, Oracle, OracleError};

/// How far a time may be from the recorded one: so many milliseconds ...
const TOLERANCE_MS: u64 = 8;
/// ... and so many hundredths of it.
const TOLERANCE_PERCENT: u64 = 10;
/// Entries shown before the first difference.
const SHOWN_BEFORE: usize = 3;
/// Entries shown from it on, of each side.
const SHOWN_AFTER: usize = 2;

/// One entry of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceLine {
    /// Milliseconds since the first greenlet was spawned.
    pub ms: u64,
    /// The greenlet's unique name.
    pub who: String,
    /// What it said: a tag, with its outcome if the step has one.
    pub tag: String,
}

/// As Python's `json.dumps` writes the list of the three.
impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}, {}]", self.ms, quoted(&self.who), quoted(&self.tag))
    }
}

/// A transcript as the reference interpreter (run_gevent.py, `show`) prints it.
pub fn print(oracle: &Oracle, transcript: &Transcript) -> String {
    let lines: Vec<String> = entries(oracle, transcript).iter().map(|entry| format!("  {entry}")).collect();
    format!("[\n{}\n]", lines.join(",\n"))
}

/// A transcript with its names and tags.
///
/// # Panics
/// If the transcript is not one of this oracle's model.
pub fn entries(oracle: &Oracle, transcript: &Transcript) -> Vec<TraceLine> {
    let unique = unique_names(oracle, transcript);
    let tag = |tag: u16| oracle.tags[usize::from(tag)].as_str();
    let said = |said: &Said| match said {
        Said::Tag { tag: at, outcome: None } => tag(*at).to_owned(),
        Said::Tag { tag: at, outcome: Some(outcome) } => format!("{}={}", tag(*at), told(oracle, &unique, outcome)),
        Said::Note(note) => tag(*note).to_owned(),
        Said::Killed => "!killed".to_owned(),
        Said::Error(error) => format!("!{error}"),
        Said::Blocked => "!blocked".to_owned(),
    };
    let entry = |line: &engine::transcript::Line| TraceLine {
        ms: rounded_ms(line.at),
        who: unique[line.who as usize].clone(),
        tag: said(&line.said),
    };
    transcript.lines.iter().map(entry).collect()
}

/// `base`, `base#2`, `base#3`, ... in spawn order.
fn unique_names(oracle: &Oracle, transcript: &Transcript) -> Vec<String> {
    let mut used = vec![0_u32; oracle.names.len()];
    let unique = |name: &u16| {
        let (base, used) = (&oracle.names[usize::from(*name)], &mut used[usize::from(*name)]);
        *used += 1;
        if *used == 1 { base.clone() } else { format!("{base}#{used}") }
    };
    transcript.born.iter().map(unique).collect()
}

fn told(oracle: &Oracle, unique: &[String], outcome: &Outcome) -> String {
    match outcome {
        Outcome::Bool(yes) => yes.to_string(),
        Outcome::Count(count) => count.to_string(),
        Outcome::Item(item) if *item >= OWN_NAME => unique[usize::from(item - OWN_NAME)].clone(),
        Outcome::Item(item) => oracle.items[usize::from(*item)].clone(),
        Outcome::Ok => "ok".to_owned(),
        Outcome::Full => "full".to_owned(),
        Outcome::Empty => "empty".to_owned(),
        Outcome::Timeout => "timeout".to_owned(),
        Outcome::Word(word) => (*word).to_owned(),
        Outcome::Words(words, sign) => words.join(&sign.to_string()),
        Outcome::Names(ready) => {
            let names: Vec<&str> = ready.iter().map(|who| unique[*who as usize].as_str()).collect();
            names.join(",")
        }
    }
}

/// Milliseconds, halves to the even neighbour as Python's `round` has them.
fn rounded_ms(at: Time) -> u64 {
    const MS: u64 = 1_000_000;
    let (whole, rest) = (at.as_ns() / MS, at.as_ns() % MS);
    let up = rest > MS / 2 || rest == MS / 2 && whole % 2 == 1;
    whole + u64::from(up)
}

/// A JSON string with everything beyond ASCII escaped, as Python writes it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

/// Reads a recorded trace.
///
/// # Errors
/// If the text is no list of `[milliseconds, greenlet, tag]`.
pub fn read_trace(text: &str) -> Result<Vec<TraceLine>, OracleError> {
    let entries: Vec<(u64, String, String)> = serde_json::from_str(text)?;
    Ok(entries.into_iter().map(|(ms, who, tag)| TraceLine { ms, who, tag }).collect())
}

/// `None` if two traces match, else a few lines around the first difference.
///
/// The order of greenlets and tags is the contract; with `times`, an entry must also lie within 8 ms and 10 % of the recorded
/// time.
pub fn difference(got: &[TraceLine], want: &[TraceLine], times: bool) -> Option<String> {
    let alike = |got: &TraceLine, want: &TraceLine| {
        got.who == want.who && got.tag == want.tag && (!times || near(got.ms, want.ms))
    };
    let at = got.iter().zip(want).position(|(got, want)| !alike(got, want)).unwrap_or(got.len().min(want.len()));
    if at == got.len() && at == want.len() {
        return None;
    }
    let mut lines: Vec<String> =
        want[at.saturating_sub(SHOWN_BEFORE)..at].iter().map(|entry| format!("    {entry}")).collect();
    let mut side = |sign: char, entries: &[TraceLine], what: &str| {
        let shown = &entries[at..entries.len().min(at + SHOWN_AFTER)];
        lines.extend(shown.iter().map(|entry| format!("  {sign} {entry}   {what}")));
        if shown.is_empty() {
            lines.push(format!("  {sign} the end"));
        }
    };
    side('-', want, &format!("expected, entry {at}"));
    side('+', got, "got");
    Some(lines.join("\n"))
}

fn near(got: u64, want: u64) -> bool {
    // A trace is a file, and its times are any numbers.
    let of = |share: u64, ms: u64| u128::from(share) * u128::from(ms);
    of(100, got.abs_diff(want)) <= of(100, TOLERANCE_MS) + of(TOLERANCE_PERCENT, want)
}
