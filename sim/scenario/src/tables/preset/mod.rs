//! Presets: what servers, hubs and machines of an age cost, each value with its source.
//!
//! A preset is a TOML file like a scenario, shipped inside the program and read by the same walker.
//! A preset holds costs; a scenario holds situations.

pub(crate) mod python;
pub(crate) mod sourced;
pub(crate) mod version;
pub(crate) mod worker;

use std::sync::OnceLock;

use engine::kernel::Kernel;
use engine::model::Cooling;
use engine::time::Span;

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, key};
use crate::reader::node::Node;
use crate::reader::raw;
use crate::reader::vocabulary::Vocabulary;
use crate::reader::walk::{Names, Walker};
use crate::tables::kernel::Syn;
use crate::tables::preset::python::PYTHON;
use crate::tables::preset::sourced::{COUNT, DURATION, NO, SMALL, SourcedValue};
use crate::tables::preset::worker::{HUB, WORKER, Worker};
use crate::words::diagnostic::{Diagnostic, Findings};
use crate::words::source::{Name, Sources};

/// What a preset's file may say.
static PRESET_FILE: Vocabulary = Vocabulary { root: &PRESET, steps: &[], elsewhere: |_, _| None };

/// The shipped presets, newest first: name and text.
const FILES: [(&str, &str); 2] = [
    ("2026-py3.11", include_str!("../../../../../scenarios/presets/2026-py3.11.toml")),
    ("2010-py2.7", include_str!("../../../../../scenarios/presets/2010-py2.7.toml")),
];

/// Names of the shipped presets, newest first.
pub(crate) fn names() -> Vec<&'static str> {
    FILES.iter().map(|(name, _)| *name).collect()
}

/// The shipped presets, newest first: name, and what software of which version it has the costs of.
pub fn presets() -> Vec<(&'static str, &'static str)> {
    all().iter().map(|preset| (preset.name.as_str(), preset.title.as_str())).collect()
}

/// Names of the workers of all presets.
pub(crate) fn worker_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for worker in all().iter().flat_map(|preset| &preset.workers) {
        if !names.contains(&worker.name()) {
            names.push(worker.name());
        }
    }
    names
}

/// The shipped presets, newest first.
pub(crate) fn all() -> &'static [Preset] {
    static PRESETS: OnceLock<Vec<Preset>> = OnceLock::new();
    PRESETS.get_or_init(|| {
        let read = |(name, text): &(&str, &str)| Preset::read(name, text).expect("a test reads every shipped preset");
        FILES.iter().map(read).collect()
    })
}

/// Costs of an age.
#[derive(Clone, Debug)]
pub(crate) struct Preset {
    pub(crate) name: String,
    pub(crate) title: String,
    /// The slice on one core.
    pub(crate) base_slice: Span,
    pub(crate) tick: Span,
    pub(crate) cooling: Cooling,
    pub(crate) switch: Span,
    pub(crate) wake: Span,
    pub(crate) somaxconn: u32,
    pub(crate) syn: Syn,
    pub(crate) workers: Vec<Worker>,
    /// What the reference prints about machine, interpreter and hub.
    pub(crate) facts: Vec<SourcedValue>,
}

static MACHINE: KeyTable = KeyTable {
    heading: "[machine]",
    noun: "the machine",
    doc: "How the operating system schedules.",
    keys: &[
        key("slice", DURATION, Presence::Required, "{}", "for how long a running thread is safe, on one core"),
        key("tick", DURATION, Presence::Required, "{}", "how often the kernel looks"),
        key("cold_percent", COUNT, Presence::Required, "{}", "cost of work after a long pause"),
        key("cooling", DURATION, Presence::Required, "{}", "the pause after which half of the difference is there"),
        key("switch", DURATION, Presence::Required, "{}", "CPU time of putting another thread on a core"),
        key("wake", DURATION, Presence::Required, "{}", "time from a wake-up to the thread being runnable"),
        key("somaxconn", COUNT, Presence::Required, "{}", "longest accept queue"),
        key("syn_timeout", DURATION, NO, "{}", "first pause before a SYN is repeated"),
        key("syn_retries", SMALL, NO, "{}", "how often it is repeated"),
        key("syn_linear_timeouts", SMALL, NO, "{}", "SYNs repeated every second before the pauses double"),
    ],
};

static PRESET: KeyTable = KeyTable {
    heading: "",
    noun: "a preset",
    doc: "A preset.",
    keys: &[
        key("version", KeyKind::Count(1, 1), Presence::Required, "1", "the format"),
        key("title", KeyKind::Text, Presence::Required, "\"CPython 3.11\"", "what was measured"),
        key("machine", KeyKind::Table(&MACHINE), Presence::Required, "{}", "the machine"),
        key("python", KeyKind::Table(&PYTHON), Presence::Required, "{}", "the interpreter"),
        key("hub", KeyKind::Table(&HUB), Presence::Required, "{}", "every hub"),
        key("worker", KeyKind::Named(&WORKER, NameGroup::Worker), Presence::Required, "{}", "server software"),
    ],
};

impl Preset {
    /// The shipped preset called `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Preset> {
        all().iter().find(|preset| preset.name == name)
    }

    /// Its worker called `name`.
    pub(crate) fn worker(&self, name: &str) -> Option<&Worker> {
        self.workers.iter().find(|worker| worker.name() == name)
    }

    /// Reads a preset's text.
    pub(crate) fn read(name: &str, text: &str) -> Result<Preset, Vec<Diagnostic>> {
        let sources = Sources::new(name, text);
        let mut findings = Findings::default();
        let root = raw::read(0, &sources, &mut findings);
        let names = Names::default();
        let node = Walker::new(&PRESET_FILE, &sources, &names, &mut findings).file(&root);
        if findings.failed() {
            return Err(findings.finish(&sources));
        }
        let machine: &Node = node.get("machine");
        let hub: &Node = node.get("hub");
        let span = |name: &str| machine.get::<&Node>(name).get::<Span>("value");
        let workers = node.get::<&[(Name, Node)]>("worker");
        let python: &Node = node.get("python");
        let mut facts = sourced::facts(machine, "machine.");
        facts.extend(sourced::facts(python, "python."));
        facts.extend(sourced::facts(hub, "hub."));
        Ok(Preset {
            name: name.to_owned(),
            title: node.get::<&str>("title").to_owned(),
            base_slice: span("slice"),
            tick: span("tick"),
            cooling: Cooling { cold_percent: machine.get::<&Node>("cold_percent").get("value"), half: span("cooling") },
            switch: span("switch"),
            wake: span("wake"),
            somaxconn: machine.get::<&Node>("somaxconn").get("value"),
            syn: Syn {
                timeout: machine.find::<&Node>("syn_timeout").map_or(Kernel::SYN_TIMEOUT, |value| value.get("value")),
                retries: machine.find::<&Node>("syn_retries").map_or(Kernel::SYN_RETRIES, |value| value.get("value")),
                linear_timeouts: machine.find::<&Node>("syn_linear_timeouts").map_or(0, |value| value.get("value")),
            },
            workers: workers.iter().map(|(name, node)| Worker::read(&name.text, node, hub, python)).collect(),
            facts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::worker::Carrier;
    use super::*;
    use crate::tables::router;
    use engine::model::{WorkerKind, WorkerSpec};

    #[test]
    fn every_shipped_preset_is_read_without_a_mistake() {
        for (name, text) in FILES {
            let read = Preset::read(name, text);
            let said = read.err().unwrap_or_default().iter().map(|d| d.plain(text)).collect::<String>();
            assert_eq!(said, "", "{name}");
        }
    }

    /// CPU time of a bare request under load, put together from its parts; `thread` is one change of thread.
    ///
    /// A busy thread takes the next connection itself; a pool hands over to another thread.
    /// A hub polls, accepts, spawns, and switches into the greenlet and back once.
    fn bare_request(worker: &Worker, thread: Span) -> Span {
        let WorkerSpec { costs, kind, router, resident, .. } = &worker.prototype;
        let common = costs.accept + costs.request + costs.respond;
        let common = common + router.as_ref().map_or(Span::ZERO, router::request);
        match worker.carrier {
            Carrier::Sync | Carrier::Threads => common,
            // One change to the serving thread, and one back to the accepting one if that closes.
            Carrier::Pool if matches!(kind, WorkerKind::Pool { closes: true, .. }) => {
                common + costs.handoff + costs.take + costs.close + thread * 2
            }
            Carrier::Pool => common + costs.handoff + costs.take + thread,
            // No server, so no request: a pass costs what its steps cost.
            // A request over a connection that is kept: a poll, two handles and a step, the task, and the timer of the connection.
            Carrier::Loop => {
                let handles = costs.switch + costs.switch / 2;
                costs.poll + handles + costs.socket + costs.handoff + costs.spawn + costs.timer + common - costs.accept
            }
            Carrier::Hub if *resident => common,
            Carrier::Hub => common + costs.poll + costs.spawn + costs.switch,
        }
    }

    #[test]
    fn the_parts_of_a_bare_request_add_up_to_what_was_measured() {
        for preset in all() {
            for worker in &preset.workers {
                let measured = worker.facts.iter().find(|fact| fact.key == "measured");
                let sum = bare_request(worker, preset.switch).to_string();
                assert_eq!(Some(sum), measured.map(|fact| fact.value.clone()), "{}", worker.name());
            }
        }
    }

    #[test]
    fn every_worker_that_the_field_compares_is_there() {
        let expected = [
            "uwsgi-threads",
            "uwsgi-gevent",
            "uwsgi-router-threads",
            "uwsgi-router-gevent",
            "gunicorn-sync",
            "gunicorn-gthread",
            "gunicorn-gevent",
            "pywsgi",
            "paste",
            "gevent-loop",
            "uvicorn",
            "uvicorn-httptools",
            "uvicorn-uvloop",
            "uvicorn-standard",
            "gunicorn-uvicorn",
            "hypercorn",
            "granian",
            "gevent-wsgi",
        ];
        assert_eq!(worker_names(), expected);
    }

    #[test]
    fn a_wrong_preset_says_where() {
        let wrong = "version = 1\ntitle = \"x\"\n[machine]\nslice = { value = \"4\", source = \"s\" }\n";
        let said = Preset::read("wrong", wrong).expect_err("wrong");
        assert_eq!(said[0].what, "`python` is missing");
        assert!(said.iter().any(|d| d.what == "the duration `4` has no unit" && d.line == 4), "{said:?}");
    }
}
