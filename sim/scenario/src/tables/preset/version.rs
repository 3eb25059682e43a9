//! `version` of a world: which release of its server runs, and what older ones do otherwise.
//!
//! A preset describes one release, and says under `before` what earlier ones did: an entry holds for all releases before its own.
//! What a release did is read off its source (gunicorn's tags 19.9.0 to 26.1.0). Costs are measured of the preset's release alone.

use std::borrow::Cow;
use std::fmt;

use engine::model::{Looks, WorkerKind};

use crate::reader::key::{KeyKind, KeyTable, Presence, TableKey, key};
use crate::reader::node::Node;
use crate::tables::preset::sourced::{self, COUNT, FLAG, NO, SMALL, SourcedValue};
use crate::tables::preset::worker::Worker;
use crate::words::diagnostic::Findings;
use crate::words::doubt::Doubt;

/// Numbers of a release as people write it: `23` is the first of them, `20.0.4` is one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Numbers(Vec<u32>);

impl Numbers {
    /// Reads `23`, `20.1` or `20.0.4`.
    pub(crate) fn parse(text: &str) -> Option<Numbers> {
        let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        numbers.filter(|numbers| numbers.len() <= 4).map(Numbers)
    }

    /// Those of a text of ours.
    pub(crate) fn of(text: &str) -> Numbers {
        Numbers::parse(text).expect("a test reads every shipped preset")
    }

    /// Whether this is the other one, or a word for it: 27 is 27.0.1.
    fn means(&self, other: &Numbers) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&words.join("."))
    }
}

/// A release of a product.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) product: String,
    pub(crate) text: String,
    numbers: Numbers,
}

impl Release {
    pub(crate) fn of(product: &str, text: &str) -> Release {
        Release { product: product.to_owned(), text: text.to_owned(), numbers: Numbers::of(text) }
    }
}

/// What releases before one do otherwise; `None` where they do as the next one did.
#[derive(Clone, Debug)]
pub(crate) struct Older {
    before: Numbers,
    lingers: Option<bool>,
    closes: Option<bool>,
    looks_while_room: Option<bool>,
    reads_first: Option<bool>,
    accepts_shared: Option<u32>,
    releases: [Option<u8>; 4],
}

pub(crate) static OLDER: KeyTable = KeyTable {
    heading: "[[worker.NAME.before]]",
    noun: "what older releases do",
    doc: "What all releases before one do otherwise.",
    keys: &[
        key("version", KeyKind::Text, Presence::Required, "\"26\"", "the first release that does not"),
        key("lingers", FLAG, NO, "{}", "whether it waits for clients to close"),
        key("closes", FLAG, NO, "{}", "whether a pool server's accepting thread closes connections"),
        key("looks_while_room", FLAG, NO, "{}", "whether that thread looks at nothing while it is full"),
        key("reads_first", FLAG, NO, "{}", "whether it waits for bytes before it hands a connection over"),
        key("accepts_shared", COUNT, NO, "{}", "connections for one readiness, several processes at one listener"),
        key("releases_before", SMALL, NO, "{}", "system calls without the GIL before the application"),
        key("releases_after", SMALL, NO, "{}", "system calls without the GIL after it"),
        key("releases_accept", SMALL, NO, "{}", "system calls without the GIL around a hand-over"),
        key("releases_close", SMALL, NO, "{}", "system calls without the GIL around closing"),
    ],
};

/// The key of a world.
pub(crate) const VERSION: TableKey = key(
    "version",
    KeyKind::Text,
    Presence::Else("the preset's release"),
    "\"23.0\"",
    "The release of the server, such as 23.0 or 20.0.4; 23 stands for 23.0. What it does otherwise than the preset's follows from it \
     (gunicorn: how it closes, what gthread looks at while it is full, how many connections a gevent worker accepts at once; gevent's own \
     servers: as `gevent` of [software]); costs stay the preset's.",
);

const RELEASES: [&str; 4] = ["releases_before", "releases_after", "releases_accept", "releases_close"];

/// What the older releases of a preset's worker do, newest first.
pub(crate) fn older(node: &Node) -> Vec<Older> {
    let mut all: Vec<Older> = node.find::<&[Node]>("before").unwrap_or_default().iter().map(read).collect();
    all.sort_by(|a, b| b.before.cmp(&a.before));
    all
}

fn read(node: &Node) -> Older {
    let is = |key: &str| node.find::<&Node>(key).map(|value| value.get::<bool>("value"));
    Older {
        before: Numbers::of(node.get("version")),
        lingers: is("lingers"),
        closes: is("closes"),
        looks_while_room: is("looks_while_room"),
        reads_first: is("reads_first"),
        accepts_shared: node.find::<&Node>("accepts_shared").map(|value| value.get("value")),
        releases: RELEASES.map(|key| node.find::<&Node>(key).map(|value| value.get("value"))),
    }
}

/// What the reference prints about them.
pub(super) fn facts(node: &Node) -> Vec<SourcedValue> {
    let of = |older: &Node| sourced::facts(older, &format!("before {}: ", older.get::<&str>("version")));
    node.find::<&[Node]>("before").unwrap_or_default().iter().flat_map(of).collect()
}

impl Older {
    /// Makes a worker as releases before this one are.
    fn apply(&self, worker: &mut Worker) {
        let spec = &mut worker.prototype;
        spec.lingers = self.lingers.unwrap_or(spec.lingers);
        if let (Some(closing), WorkerKind::Pool { closes, .. }) = (self.closes, &mut spec.kind) {
            *closes = closing;
        }
        if let Some(while_room) = self.looks_while_room {
            spec.looks = if while_room { Looks::WhileRoom { reads_first: false } } else { Looks::Always };
        }
        if let (Some(reads), Looks::WhileRoom { reads_first }) = (self.reads_first, &mut spec.looks) {
            *reads_first = reads;
        }
        worker.accepts_shared = self.accepts_shared.unwrap_or(worker.accepts_shared);
        let releases = &mut spec.releases;
        let places = [&mut releases.before, &mut releases.after, &mut releases.accept, &mut releases.close];
        for (place, other) in places.into_iter().zip(self.releases) {
            *place = other.unwrap_or(*place);
        }
    }
}

/// What is taken for granted of the release of a world.
pub(crate) fn assumed(worker: &Worker, node: &Node) -> Option<String> {
    let Release { product, text, .. } = &worker.release;
    if worker.older.is_empty() {
        None
    } else if node.given("version") {
        let other = worker.prototype.software != format!("{product} {text}");
        other.then(|| format!("its own work costs what that of {product} {text} does"))
    } else {
        Some(format!("it is {product} {text}, the newest that is known (`version` says another)"))
    }
}

/// The worker of a world in the release that it names.
pub(crate) fn of_world<'w>(node: &Node, worker: &'w Worker, findings: &mut Findings) -> Cow<'w, Worker> {
    let Some(text) = node.find::<&str>("version") else { return Cow::Borrowed(worker) };
    let (at, known) = (node.at("version"), &worker.release);
    let Some(numbers) = Numbers::parse(text) else {
        let what = format!("`{text}` is no release of {}", known.product);
        let help = format!("write its numbers, such as `version = \"{}\"`", known.text);
        findings.error(at, what).label("not a version").help(help).echo();
        return Cow::Borrowed(worker);
    };
    let older: Vec<&Older> = worker.older.iter().filter(|older| numbers < older.before).collect();
    // What gevent's releases do otherwise is the same under every server (`tables/software.rs`).
    if older.is_empty() && !numbers.means(&known.numbers) && known.product != "gevent" {
        let (product, release) = (&known.product, &known.text);
        let what = if numbers > known.numbers {
            format!("{product} {text} is newer than what is known here: it is simulated as {release}")
        } else if worker.older.is_empty() {
            format!("nothing is known of other releases of {product}: {text} is simulated as {release}")
        } else {
            format!("{product} {text} does here what {release} does: `version` changes nothing")
        };
        findings.doubt(Doubt::NoEffect, at, what).label("no effect").help("remove it");
    }
    let mut worker = worker.clone();
    older.into_iter().for_each(|older| older.apply(&mut worker));
    worker.prototype.software = format!("{} {text}", worker.release.product);
    Cow::Owned(worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_by_their_numbers() {
        let of = Numbers::of;
        assert!(of("9") < of("23") && of("23") < of("23.0") && of("25.3.0") < of("26") && of("26") < of("26.1.0"));
        assert!(of("27").means(&of("27.0.1")) && !of("27.1").means(&of("27.0.1")));
        assert_eq!([Numbers::parse(""), Numbers::parse("23.x"), Numbers::parse("v23")], [None, None, None]);
    }
}
