//! `[request.NAME]`: kinds of request, and whether they give back what they take.

use std::collections::BTreeMap;

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, key};
use crate::reader::node::Node;
use crate::tables::step::{Act, TypedStep};
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

static RESPONSE: KeyTable = KeyTable {
    heading: "response = { header, body }",
    noun: "a response",
    doc: "The size of a response.",
    keys: &[
        key("header", KeyKind::Count(0, 1_000_000_000), Presence::Default("0"), "79", "Bytes of its head."),
        key("body", KeyKind::Count(0, 1_000_000_000), Presence::Default("0"), "12", "Bytes of its body."),
    ],
};

pub(crate) static REQUEST: KeyTable = KeyTable {
    heading: "[request.NAME]",
    noun: "a request",
    doc: "A kind of request: how frequent it is and what it does, step by step.",
    keys: &[
        key(
            "share",
            KeyKind::Number(0.0, 1e9),
            Presence::Default("1"),
            "95",
            "How frequent it is, in proportion to the shares of the client's other requests; need not add up to anything.",
        ),
        key(
            "response",
            KeyKind::Table(&RESPONSE),
            Presence::Default("{}"),
            "{ header = 79, body = 12 }",
            "The size of its response.",
        ),
        key(
            "in_thread",
            KeyKind::FlagOrName(NameGroup::Executor),
            Presence::Default("false"),
            "true",
            "All its steps run in a native thread of `[offload]`, or of the executor named: a sync endpoint of FastAPI (`def`), or a \
             sync view of Django under a loop. On a threaded server they run in a thread anyway.",
        ),
        key(
            "steps",
            KeyKind::Steps,
            Presence::Default("[]"),
            "[{ burn = \"2ms\" }]",
            "What it does between the server's own work before and after, in order.",
        ),
    ],
};

/// Whether all steps of a request run in native threads of a hub or loop, and in whose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum InThread {
    /// They run where the request does.
    #[default]
    No,
    /// In those of `[offload]`.
    Offload,
    /// In those of `[executor.NAME]`.
    Executor(String),
}

impl InThread {
    /// Reads `in_thread` of a world or request.
    pub(crate) fn read(node: &Node) -> InThread {
        match (node.find::<bool>("in_thread"), node.find::<&[Name]>("in_thread").and_then(|names| names.first())) {
            (Some(true), _) => InThread::Offload,
            (_, Some(name)) => InThread::Executor(name.text.clone()),
            _ => InThread::No,
        }
    }

    /// Whether a native thread runs them.
    pub(crate) fn lends(&self) -> bool {
        *self != InThread::No
    }

    /// The executor, if it has a name.
    pub(crate) fn executor(&self) -> Option<&str> {
        match self {
            InThread::Executor(name) => Some(name),
            InThread::No | InThread::Offload => None,
        }
    }
}

/// A kind of request.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedRequest {
    pub(crate) name: Name,
    pub(crate) share: f64,
    pub(crate) header: u32,
    pub(crate) body: u32,
    /// The native threads of a hub or loop that its steps run in.
    pub(crate) in_thread: InThread,
    pub(crate) steps: Vec<TypedStep>,
}

impl TypedRequest {
    /// Reads one `[request.NAME]`.
    pub(crate) fn read((name, node): &(Name, Node), findings: &mut Findings) -> TypedRequest {
        let response: &Node = node.get("response");
        let in_thread = InThread::read(node);
        let steps = TypedStep::read_all(node.get("steps"), in_thread.lends(), findings);
        let mut held = Held::new();
        balance(&steps, &mut held, &name.text, findings);
        for (sync, (_, at)) in held {
            let what = format!("request `{}` takes `{sync}` and never gives it back", name.text);
            let help =
                format!("write {{ release = \"{sync}\" }}, or {{ with = \"{sync}\", steps = [ … ] }} around the steps");
            findings.warning(at, what).label("never released").help(help);
        }
        TypedRequest {
            name: name.clone(),
            share: node.get("share"),
            header: response.get("header"),
            body: response.get("body"),
            in_thread,
            steps,
        }
    }

    /// Calls `see` with every step, inner ones included.
    pub(crate) fn each_step<'s>(&'s self, see: &mut dyn FnMut(&'s TypedStep)) {
        TypedStep::each(&self.steps, see);
    }
}

/// Whether a step of any of them does this.
pub(crate) fn any_step(requests: &[TypedRequest], does: impl Fn(&Act) -> bool) -> bool {
    let mut found = false;
    for request in requests {
        request.each_step(&mut |step| found |= does(&step.act));
    }
    found
}

/// Units held by pool or lock, and the step that took the last one.
type Held<'s> = BTreeMap<&'s str, (u32, At)>;

/// What is held at the end of a list of steps; doubts on the way are reported.
fn balance<'s>(steps: &'s [TypedStep], held: &mut Held<'s>, request: &str, findings: &mut Findings) {
    for step in steps {
        match &step.act {
            Act::Acquire { sync, .. } => {
                let (units, at) = held.entry(sync).or_default();
                (*units, *at) = (*units + 1, step.at);
            }
            Act::Release { sync } => match held.get_mut(sync.as_str()) {
                Some((units, _)) if *units > 1 => *units -= 1,
                Some(_) => {
                    held.remove(sync.as_str());
                }
                None => {
                    let what = format!("request `{request}` releases `{sync}` without holding it");
                    let help = format!("write {{ acquire = \"{sync}\" }} before it; who holds no unit gives none back");
                    findings.warning(step.at, what).label("not held here").help(help);
                }
            },
            Act::With { steps, .. }
            | Act::Within { steps, .. }
            | Act::Thread { wait: true, steps, .. }
            | Act::Background { steps } => {
                balance(steps, held, request, findings);
            }
            Act::Repeat { steps, .. }
            | Act::Chance { steps, .. }
            | Act::Fan { steps, .. }
            | Act::Thread { wait: false, steps, .. } => {
                // A run of a fan is a task of its own, and so is a thread that is left alone: it holds nothing of what is held around it.
                let outer =
                    if matches!(step.act, Act::Fan { .. } | Act::Thread { .. }) { Held::new() } else { held.clone() };
                let mut inner = outer.clone();
                balance(steps, &mut inner, request, findings);
                let units = |held: &Held, sync: &str| held.get(sync).map_or(0, |(units, _)| *units);
                let both = outer.keys().chain(inner.keys());
                if let Some(sync) = both.copied().find(|sync| units(&outer, sync) != units(&inner, sync)) {
                    let what = format!("`{sync}` is not given back in the list of steps that takes it");
                    let help = "acquire and release in the same list of steps: not every request runs this one once";
                    findings.warning(step.at, what).label("uneven").help(help);
                }
            }
            _ => {}
        }
    }
}
