//! The first place in which a document is not what its own source leads to.
//!
//! Documents are compared as values, not as bytes: a document that somebody indented otherwise says the same. What tells most comes first:
//! births, then fingerprints and events, replication by replication; then figures; then everything else.

use std::fmt;

use serde_json::{Map, Value};

use super::{ResultError, mistake};
use crate::words::printable;

/// Characters of a value that are shown.
const SHOWN: usize = 80;
/// What stands for each replication, in the order in which it is looked at.
const HASHES: [(&str, &str); 3] =
    [("births_fingerprints", "births"), ("fingerprints", "fingerprint"), ("events", "events")];

/// A place in which two documents differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deviation {
    /// Where: world, replication, what.
    pub place: String,
    /// What the document says.
    pub claimed: String,
    /// What the run came to.
    pub came: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Deviation { place, claimed, came } = self;
        write!(f, "{place}: the document says {claimed}, the run came to {came}")
    }
}

/// Where two documents first differ; `None` if they say the same.
///
/// # Errors
/// Where one of them is not JSON, in a part that [`super::read`] does not look into: nested too deeply, or a number beyond all numbers.
pub fn first_deviation(claimed: &str, came: &str) -> Result<Option<Deviation>, ResultError> {
    let read = |text| serde_json::from_str::<Value>(text).map_err(|error| mistake(&error, text));
    let (claimed, came) = (read(claimed)?, read(came)?);
    let path = in_hashes(&claimed, &came).or_else(|| in_figures(&claimed, &came)).or_else(|| first(&claimed, &came));
    let at = |document: &Value, path: &[PathStep]| {
        path.iter().try_fold(document, |value, step| step.of(value)).map_or_else(nothing, shown)
    };
    Ok(path.map(|path| Deviation { place: words(&path, &came), claimed: at(&claimed, &path), came: at(&came, &path) }))
}

/// One step into a document.
#[derive(Clone, PartialEq, Eq, Debug)]
enum PathStep {
    Key(String),
    Index(usize),
}

impl PathStep {
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match self {
            PathStep::Key(key) => value.get(key),
            PathStep::Index(at) => value.get(at),
        }
    }
}

fn world_at(world: usize, key: &str) -> Vec<PathStep> {
    vec![PathStep::Key("worlds".to_owned()), PathStep::Index(world), PathStep::Key(key.to_owned())]
}

/// The worlds that both have at the same place; another number or name of worlds is left to [`first`].
fn worlds<'a>(claimed: &'a Value, came: &'a Value) -> impl Iterator<Item = (usize, &'a Value, &'a Value)> {
    let of = |document: &'a Value| document["worlds"].as_array().map_or(&[][..], Vec::as_slice);
    let named = |(_, a, b): &(usize, &Value, &Value)| a["name"] == b["name"];
    of(claimed).iter().zip(of(came)).enumerate().map(|(at, (a, b))| (at, a, b)).filter(named)
}

fn in_hashes(claimed: &Value, came: &Value) -> Option<Vec<PathStep>> {
    for (world, a, b) in worlds(claimed, came) {
        let replications = HASHES.iter().filter_map(|(key, _)| b[key].as_array()).map(Vec::len).max().unwrap_or(0);
        for replication in 0..replications {
            let differs = |(key, _): &&(&str, &str)| !same(&a[key][replication], &b[key][replication]);
            if let Some((key, _)) = HASHES.iter().find(differs) {
                return Some([world_at(world, key), vec![PathStep::Index(replication)]].concat());
            }
        }
    }
    None
}

fn in_figures(claimed: &Value, came: &Value) -> Option<Vec<PathStep>> {
    for (world, a, b) in worlds(claimed, came) {
        for (name, figure) in b["figures"].as_object().into_iter().flatten() {
            let other = &a["figures"][name];
            let start = || [world_at(world, "figures"), vec![PathStep::Key(name.clone())]].concat();
            // The values of replications tell more than the mean that follows from them.
            if let Some(below) = other.get("values").and_then(|values| first(values, &figure["values"])) {
                return Some([start(), vec![PathStep::Key("values".to_owned())], below].concat());
            }
            if let Some(below) = first(other, figure) {
                return Some([start(), below].concat());
            }
        }
    }
    None
}

/// The way to the first difference of two values; empty if they differ as wholes.
fn first(claimed: &Value, came: &Value) -> Option<Vec<PathStep>> {
    match (claimed, came) {
        (Value::Object(a), Value::Object(b)) => {
            let missing =
                |a: &Map<String, Value>, b: &Map<String, Value>| a.keys().find(|key| !b.contains_key(*key)).cloned();
            for (key, of_b) in b {
                let Some(of_a) = a.get(key) else { return Some(vec![PathStep::Key(key.clone())]) };
                if let Some(below) = first(of_a, of_b) {
                    return Some([vec![PathStep::Key(key.clone())], below].concat());
                }
            }
            missing(a, b).map(|key| vec![PathStep::Key(key)])
        }
        (Value::Array(a), Value::Array(b)) => {
            for (at, (of_a, of_b)) in a.iter().zip(b).enumerate() {
                if let Some(below) = first(of_a, of_b) {
                    return Some([vec![PathStep::Index(at)], below].concat());
                }
            }
            (a.len() != b.len()).then(|| vec![PathStep::Index(a.len().min(b.len()))])
        }
        _ => (!same(claimed, came)).then(Vec::new),
    }
}

/// Whether two values are the same; 5 and 5.0 are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(of_a), Value::Number(of_b)) => {
            of_a == of_b || (!(of_a.is_u64() && of_b.is_u64()) && of_a.as_f64() == of_b.as_f64())
        }
        (Value::Array(of_a), Value::Array(of_b)) => {
            of_a.len() == of_b.len() && of_a.iter().zip(of_b).all(|(a, b)| same(a, b))
        }
        _ => a == b,
    }
}

fn nothing() -> String {
    "nothing".to_owned()
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut cut: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        cut.push('…');
    }
    printable(&cut)
}

/// A way through a document in words; worlds and replications are named.
fn words(path: &[PathStep], document: &Value) -> String {
    let mut parts = Vec::new();
    let mut rest = path;
    if let [PathStep::Key(worlds), PathStep::Index(at), below @ ..] = rest
        && worlds == "worlds"
    {
        let name = document["worlds"][at]["name"].as_str().map_or(at.to_string(), |name| format!("`{name}`"));
        parts.push(format!("world {}", printable(&name)));
        rest = below;
    }
    if let [PathStep::Key(key), PathStep::Index(replication)] = rest
        && let Some((_, word)) = HASHES.iter().find(|(hash, _)| hash == key)
    {
        parts.push(format!("replication {replication}"));
        parts.push((*word).to_owned());
        return parts.join(", ");
    }
    if let [above @ .., PathStep::Key(values), PathStep::Index(replication)] = rest
        && values == "values"
    {
        parts.push(format!("replication {replication}"));
        rest = above;
    }
    let below: Vec<String> = rest
        .iter()
        .map(|step| match step {
            PathStep::Key(key) => printable(key),
            PathStep::Index(at) => at.to_string(),
        })
        .collect();
    let below = below.join(".");
    // Whoever reads of a world's figure knows that it is one of its figures.
    parts.push(below.strip_prefix("figures.").unwrap_or(&below).to_owned());
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { "the document".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAME: &str = r#"{"tailback": "1", "seed": 7, "worlds": [
        {"name": "a", "figures": {"p99": {"mean": 2, "values": [1, 3]}}, "blame": {"gil": {"mean": 1.5, "values": [1, 2]}},
         "fingerprints": ["0a", "0b"], "births_fingerprints": ["1a", "1b"], "events": [10, 11]}]}"#;

    fn told(from: &str, to: &str) -> String {
        let claimed = CAME.replacen(from, to, 1);
        assert_ne!(claimed, CAME);
        first_deviation(&claimed, CAME).unwrap().map_or_else(String::new, |deviation| deviation.to_string())
    }

    #[test]
    fn the_first_thing_that_differs_is_named_with_its_world_and_replication() {
        assert_eq!(
            told("0b", "0c"),
            "world `a`, replication 1, fingerprint: the document says \"0c\", the run came to \"0b\""
        );
        assert_eq!(
            told("1a", "1c"),
            "world `a`, replication 0, births: the document says \"1c\", the run came to \"1a\""
        );
        assert_eq!(
            told("[10, 11]", "[10, 12]"),
            "world `a`, replication 1, events: the document says 12, the run came to 11"
        );
        assert_eq!(told("[1, 3]", "[1, 4]"), "world `a`, replication 1, p99: the document says 4, the run came to 3");
        assert_eq!(told("\"mean\": 2", "\"mean\": 3"), "world `a`, p99.mean: the document says 3, the run came to 2");
        assert_eq!(
            told("[1, 2]", "[9, 2]"),
            "world `a`, replication 0, blame.gil: the document says 9, the run came to 1"
        );
        assert_eq!(told("\"seed\": 7", "\"seed\": 8"), "seed: the document says 8, the run came to 7");
        assert_eq!(told("\"seed\": 7,", ""), "seed: the document says nothing, the run came to 7");
        assert_eq!(told("\"seed\": 7,", "\"seed\": 7, \"x\": 1,"), "x: the document says 1, the run came to nothing");
        assert_eq!(
            told("[\"0a\", \"0b\"]", "[\"0a\"]"),
            "world `a`, replication 1, fingerprint: the document says nothing, the run came to \"0b\""
        );
    }

    #[test]
    fn births_tell_more_than_fingerprints_and_these_more_than_figures() {
        let claimed = CAME.replace("0a", "0x").replace("1a", "1x").replace("[1, 3]", "[2, 3]");
        assert_eq!(first_deviation(&claimed, CAME).unwrap().unwrap().place, "world `a`, replication 0, births");
        let claimed = CAME.replace("0a", "0x").replace("[1, 3]", "[2, 3]");
        assert_eq!(first_deviation(&claimed, CAME).unwrap().unwrap().place, "world `a`, replication 0, fingerprint");
    }

    #[test]
    fn another_layout_is_no_difference() {
        assert_eq!(told("\"seed\": 7", "\n\n  \"seed\":7.0"), "");
        assert_eq!(first_deviation(CAME, CAME), Ok(None));
    }

    #[test]
    fn what_a_document_says_cannot_paint_a_terminal() {
        let text = told("\"name\": \"a\"", "\"name\": \"a\\u001b[2J\\u009b\"");
        assert!(text.starts_with("world `a`, name: ") && !text.contains(char::is_control), "{text}");
    }
}
