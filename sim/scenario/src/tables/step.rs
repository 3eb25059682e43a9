//! Steps: what a request does, one after the other.
//!
//! Each step is three things: its table (the words) and its arm in [`TypedStep::read`] (the meaning) in this file, and its
//! arm in `compile/program.rs` (the ops). A step that is a phrase of others is lowered to them there.

use engine::op::{OnError, Patching, Program};
use engine::time::Span;

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, TableKey, key};
use crate::reader::law_text::LawText;
use crate::reader::node::Node;
use crate::reader::unit::ppm;
use crate::words::diagnostic::Findings;
use crate::words::limits;
use crate::words::source::{At, Name};

const fn patching(doc: &'static str) -> TableKey {
    key("blocking", KeyKind::Flag, Presence::Default("false"), "true", doc)
}

/// What `blocking` means for a wait for a unit.
const KEEPS: &str =
    "Waits in the thread's own lock, as a synchronous pool does: a hub or event loop stands still meanwhile.";

const fn timeout(doc: &'static str) -> TableKey {
    key("timeout", KeyKind::Positive, Presence::Else("it waits"), "\"1s\"", doc)
}

const INNER: TableKey = key("steps", KeyKind::Steps, Presence::Required, "[{ burn = \"1ms\" }]", "The steps inside.");

macro_rules! step {
    ($name:ident, $heading:literal, $noun:literal, $doc:literal, $keys:expr) => {
        static $name: KeyTable = KeyTable { heading: $heading, noun: $noun, doc: $doc, keys: $keys };
    };
}

step!(
    BURN,
    "{ burn = \"2ms\" }",
    "a burn",
    "CPU time of Python code, which holds the GIL and never gives way to the hub.",
    &[
        key("burn", KeyKind::Law, Presence::Required, "\"2ms\"", "CPU time."),
        key(
            "yield_every",
            KeyKind::Positive,
            Presence::Else("the world's, or never"),
            "\"5ms\"",
            "A sleep(0) after that much of it."
        ),
    ]
);
step!(
    NATIVE,
    "{ native = \"5ms\" }",
    "a native step",
    "CPU time of native code that lets go of the GIL; a hub stands still all the same.",
    &[key("native", KeyKind::Law, Presence::Required, "\"5ms\"", "CPU time."),]
);
step!(
    SLEEP,
    "{ sleep = \"1s\" }",
    "a sleep",
    "Waits without CPU time: time.sleep.",
    &[
        key("sleep", KeyKind::Law, Presence::Required, "\"1s\"", "How long."),
        patching("Sleeps in native code that gevent cannot patch: a hub stands still."),
    ]
);
step!(
    YIELD,
    "{ yield = true }",
    "a yield",
    "sleep(0): whoever else is ready goes first.",
    &[key("yield", KeyKind::Flag, Presence::Required, "true", "Always true."),]
);
step!(
    CALL,
    "{ call = \"redis\", takes = \"lognormal(1ms, 9ms)\" }",
    "a call",
    "Calls a peer and waits for its reply. Without a reply in time, or when the peer fails, the request fails.",
    &[
        key("call", KeyKind::Name(NameGroup::Peer), Presence::Required, "\"redis\"", "Name of the peer."),
        key(
            "takes",
            KeyKind::Law,
            Presence::Required,
            "\"lognormal(1ms, 9ms)\"",
            "Service time at a healthy peer, network not included."
        ),
        timeout("Longest wait for the reply."),
        patching("Calls through a C library that gevent cannot patch: a hub stands still."),
        key(
            "over",
            KeyKind::Name(NameGroup::Connection),
            Presence::Else("a connection of its own"),
            "\"cache\"",
            "The connection that it goes over.",
        ),
    ]
);
step!(
    ACQUIRE,
    "{ acquire = \"db\" }",
    "an acquire",
    "Takes one unit of a pool or lock and waits while there is none.",
    &[
        key("acquire", KeyKind::Name(NameGroup::Sync), Presence::Required, "\"db\"", "Name of the pool or lock."),
        timeout("Longest wait; the request fails when it passes."),
        patching(KEEPS),
    ]
);
step!(
    RELEASE,
    "{ release = \"db\" }",
    "a release",
    "Gives the unit back. A request that holds none does nothing; one that fails gives back all that it holds by itself.",
    &[key("release", KeyKind::Name(NameGroup::Sync), Presence::Required, "\"db\"", "Name of the pool or lock."),]
);
step!(
    WITH,
    "{ with = \"db\", steps = [{ burn = \"1ms\" }] }",
    "a with",
    "Acquire, the steps inside, release.",
    &[
        key("with", KeyKind::Name(NameGroup::Sync), Presence::Required, "\"db\"", "Name of the pool or lock."),
        timeout("Longest wait; the request fails when it passes."),
        patching(KEEPS),
        INNER,
    ]
);
step!(
    REPEAT,
    "{ repeat = 3, steps = [{ burn = \"1ms\" }] }",
    "a repeat",
    "The steps inside, several times; their random durations are drawn anew in every pass.",
    &[key("repeat", KeyKind::Count(1, limits::REPEAT), Presence::Required, "3", "Passes."), INNER,]
);
step!(
    CHANCE,
    "{ chance = 0.3, steps = [{ burn = \"1ms\" }] }",
    "a chance",
    "The steps inside, for a share of the requests.",
    &[key("chance", KeyKind::Number(0.0, 1.0), Presence::Required, "0.3", "Probability, 0 to 1."), INNER,]
);

step!(
    PUT,
    "{ put = \"jobs\" }",
    "a put",
    "Puts an item into a queue and waits while there is no room.",
    &[
        key("put", KeyKind::Name(NameGroup::Queue), Presence::Required, "\"jobs\"", "Name of the queue."),
        timeout("Longest wait for room; the request fails when it passes."),
    ]
);
step!(
    GET,
    "{ get = \"jobs\" }",
    "a get",
    "Gets an item from a queue and waits while there is none.",
    &[
        key("get", KeyKind::Name(NameGroup::Queue), Presence::Required, "\"jobs\"", "Name of the queue."),
        timeout("Longest wait for an item; the request fails when it passes."),
    ]
);
step!(
    SET,
    "{ set = \"ready\" }",
    "a set",
    "Sets an event: all who wait for it go on, and it stays set.",
    &[key("set", KeyKind::Name(NameGroup::Event), Presence::Required, "\"ready\"", "Name of the event.")]
);
step!(
    CLEAR,
    "{ clear = \"ready\" }",
    "a clear",
    "Clears an event: who waits for it from now on waits for the next `set`.",
    &[key("clear", KeyKind::Name(NameGroup::Event), Presence::Required, "\"ready\"", "Name of the event.")]
);
step!(
    WAIT,
    "{ wait = \"ready\" }",
    "a wait",
    "Waits until an event is set; goes on at once if it is.",
    &[
        key("wait", KeyKind::Name(NameGroup::Event), Presence::Required, "\"ready\"", "Name of the event."),
        timeout("Longest wait; the request fails when it passes."),
    ]
);
step!(
    FAN,
    "{ fan = 3, steps = [{ burn = \"1ms\" }] }",
    "a fan",
    "The steps inside, several times side by side, each run in a greenlet or thread of its own; the request goes on when all runs \
     are done, and fails if one fails. Every run draws its random durations anew. A fan inside a fan is a mistake.",
    &[
        key("fan", KeyKind::Count(1, limits::FAN), Presence::Required, "3", "Runs."),
        key(
            "on_error",
            KeyKind::OneOf(|| vec!["raise", "wait", "cancel"]),
            Presence::Else("`\"raise\"` on an event loop, `\"wait\"` elsewhere"),
            "\"cancel\"",
            "What follows when a run fails. `raise`: the request fails at once, and the other runs go on unknown to it (asyncio.gather, \
             gevent.joinall with raise_error). `wait`: it fails when all have ended (gather with return_exceptions, futures.wait). \
             `cancel`: the others are cancelled, and it fails when they have ended (asyncio.TaskGroup); threads cannot be.",
        ),
        INNER,
    ]
);
step!(
    WITHIN,
    "{ timeout = \"2s\", steps = [{ burn = \"1ms\" }] }",
    "a timeout",
    "gevent.Timeout around the steps inside: the request fails when it passes. On threads, which cannot be interrupted, it bounds \
     the waits inside.",
    &[key("timeout", KeyKind::Positive, Presence::Required, "\"2s\"", "Longest time for the steps inside."), INNER,]
);
step!(
    OFFLOAD,
    "{ offload = \"20ms\" }",
    "an offload",
    "Blocking work in the hub's pool of native threads (`[offload]`), which the greenlet waits for while others go on. A thread of \
     a threaded server just waits for it.",
    &[key(
        "offload",
        KeyKind::Law,
        Presence::Required,
        "\"20ms\"",
        "How long a native thread is busy; it burns no CPU time."
    )]
);

step!(
    THREAD,
    "{ thread = [{ call = \"db\", takes = \"20ms\" }] }",
    "a thread",
    "The steps inside, in a native thread: asyncio's to_thread and run_in_executor, anyio's run_sync, gevent's threadpool.apply. Hub or \
     loop go on, and contend with the thread for the GIL. A thread of a threaded server runs them itself. With `wait = false` on any \
     server: threading.Thread(...).start(), or executor.submit(...) without result().",
    &[
        key("thread", KeyKind::Steps, Presence::Required, "[{ burn = \"1ms\" }]", "The steps inside."),
        key(
            "executor",
            KeyKind::Name(NameGroup::Executor),
            Presence::Else("the threads of `[offload]`; without `wait`, a thread of its own"),
            "\"sync\"",
            "The pool of threads.",
        ),
        key(
            "wait",
            KeyKind::Flag,
            Presence::Default("true"),
            "false",
            "false: the thread is started and left alone, and the request goes on; what it does afterwards, and whether it fails, nobody \
             knows. Under gevent it is a greenlet, as `threading` is patched, unless it is of an executor of gevent's own threads.",
        ),
    ]
);

step!(
    BACKGROUND,
    "{ background = [{ sleep = \"1s\" }] }",
    "a background step",
    "The response leaves, and then the steps inside run in the same thread, greenlet or task, whose place stays taken: Starlette's \
     background tasks, dependencies with `yield`, a WSGI response's `close()`. Only as the last step of a request.",
    &[key("background", KeyKind::Steps, Presence::Required, "[{ burn = \"1ms\" }]", "What nobody waits for.")]
);

step!(
    READ,
    "{ read = \"counter\" }",
    "a read",
    "Reads a shared value, to write it back later.",
    &[key("read", KeyKind::Name(NameGroup::Value), Presence::Required, "\"counter\"", "Name of the value.")]
);
step!(
    WRITE,
    "{ write = \"counter\" }",
    "a write",
    "Writes a shared value. An update is lost if another task has written the value since this one read or wrote it.",
    &[key("write", KeyKind::Name(NameGroup::Value), Presence::Required, "\"counter\"", "Name of the value.")]
);

/// All steps; the first key of each is its verb.
pub(crate) static STEPS: [&KeyTable; 22] = [
    &BURN,
    &NATIVE,
    &SLEEP,
    &YIELD,
    &CALL,
    &ACQUIRE,
    &RELEASE,
    &WITH,
    &PUT,
    &GET,
    &SET,
    &CLEAR,
    &WAIT,
    &READ,
    &WRITE,
    &REPEAT,
    &CHANCE,
    &FAN,
    &WITHIN,
    &OFFLOAD,
    &THREAD,
    &BACKGROUND,
];

/// A step and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedStep {
    pub(crate) at: At,
    pub(crate) act: Act,
}

/// What a step does.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Act {
    Burn { takes: Takes, yield_every: Option<Span> },
    Native(Takes),
    Sleep(Patching, Takes),
    Yield,
    Call { peer: String, takes: Takes, timeout: Option<Span>, patching: Patching, over: Option<String> },
    Acquire { sync: String, timeout: Option<Span>, patching: Patching },
    Release { sync: String },
    With { sync: String, timeout: Option<Span>, patching: Patching, steps: Vec<TypedStep> },
    Put { queue: String, timeout: Option<Span> },
    Get { queue: String, timeout: Option<Span> },
    Set { event: String },
    Clear { event: String },
    Wait { event: String, timeout: Option<Span> },
    Read { value: String },
    Write { value: String },
    Repeat { times: u32, steps: Vec<TypedStep> },
    Chance { odds: u32, steps: Vec<TypedStep> },
    Fan { count: u32, errors: OnError, steps: Vec<TypedStep> },
    Within { limit: Span, steps: Vec<TypedStep> },
    Offload(Takes),
    Thread { executor: Option<String>, wait: bool, steps: Vec<TypedStep> },
    Background { steps: Vec<TypedStep> },
}

impl Act {
    /// The verb and the name of what the step names, if it names something.
    pub(crate) fn named(&self) -> Option<(&'static str, &str)> {
        Some(match self {
            Act::Call { peer, .. } => ("call", peer),
            Act::Acquire { sync, .. } => ("acquire", sync),
            Act::Release { sync } => ("release", sync),
            Act::With { sync, .. } => ("with", sync),
            Act::Put { queue, .. } => ("put", queue),
            Act::Get { queue, .. } => ("get", queue),
            Act::Set { event } => ("set", event),
            Act::Clear { event } => ("clear", event),
            Act::Wait { event, .. } => ("wait", event),
            Act::Read { value } => ("read", value),
            Act::Write { value } => ("write", value),
            Act::Thread { executor: Some(executor), .. } => ("executor", executor),
            _ => return None,
        })
    }

    /// The verb of the step.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Act::Burn { .. } => "burn",
            Act::Native(_) => "native",
            Act::Sleep(..) => "sleep",
            Act::Yield => "yield",
            Act::Repeat { .. } => "repeat",
            Act::Chance { .. } => "chance",
            Act::Fan { .. } => "fan",
            Act::Within { .. } => "timeout",
            Act::Offload(_) => "offload",
            Act::Thread { .. } => "thread",
            Act::Background { .. } => "background",
            named => named.named().map_or("", |(verb, _)| verb),
        }
    }
}

/// A duration or law and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Takes {
    pub(crate) law: LawText,
    pub(crate) at: At,
}

/// What is around a step.
#[derive(Clone, Copy, Default)]
struct Around {
    /// Loop registers that are taken: `repeat`s around it, and the number of a run of a `fan`.
    loops: usize,
    /// Whether a `fan` is around it.
    fan: bool,
    /// Whether a `thread` is, or the whole request is in one.
    thread: bool,
    /// Whether a `thread` that nobody waits for is.
    alone: bool,
    /// Whether any step is.
    inside: bool,
}

impl TypedStep {
    /// Reads the steps of a request.
    pub(crate) fn read_all(nodes: &[Node], in_thread: bool, findings: &mut Findings) -> Vec<TypedStep> {
        let steps = TypedStep::read_list(nodes, Around { thread: in_thread, ..Around::default() }, findings);
        for early in steps.iter().rev().skip(1).filter(|step| matches!(step.act, Act::Background { .. })) {
            let finding = findings.error(early.at, "a `background` with steps after it");
            finding
                .label("not the last")
                .help("the response has left by then: put the other steps before it, or inside");
        }
        steps
    }

    fn read_list(nodes: &[Node], around: Around, findings: &mut Findings) -> Vec<TypedStep> {
        nodes.iter().filter_map(|node| TypedStep::read(node, around, findings)).collect()
    }

    /// Reads a step; `None` for one whose verb is wrong, which has been reported.
    fn read(node: &Node, around: Around, findings: &mut Findings) -> Option<TypedStep> {
        let verb = node.table.keys[0].name;
        if verb == "background" && around.inside {
            let finding = findings.error(node.key_at(verb), "a `background` inside another step");
            finding.label("inside").help("write it as the last step of the request: the response leaves there");
            return None;
        }
        let at_end = verb == "background";
        let around = Around { inside: true, thread: around.thread && !at_end, ..around };
        let left_alone = verb == "thread" && !node.get::<bool>("wait");
        if left_alone && (around.fan || around.alone) {
            let what = format!(
                "a `thread` with `wait = false` inside a {}",
                if around.alone { "`thread` like it" } else { "`fan`" }
            );
            let help = "start it from the request itself, before or after this step";
            findings.error(node.key_at(verb), what).label("not here").help(help);
            return None;
        }
        if around.thread && !left_alone && !runs_in_thread(verb) {
            let what = format!("`{verb}` inside a `thread`");
            let help = "a native thread burns, sleeps, calls, and takes units: write this step before or after, where the loop is";
            findings.error(node.key_at(verb), what).label("not in a thread").help(help);
            return None;
        }
        let takes = |key: &str| Takes { law: node.get::<&LawText>(key).clone(), at: node.at(key) };
        let name = || Some(node.get::<&[Name]>(verb).first()?.text.clone());
        let timeout = || node.find::<Span>("timeout");
        let patching = || {
            if node.get("blocking") { Patching::Blocking } else { Patching::Patched }
        };
        let act = match verb {
            "burn" => Act::Burn { takes: takes(verb), yield_every: node.find("yield_every") },
            "native" => Act::Native(takes(verb)),
            "sleep" => Act::Sleep(patching(), takes(verb)),
            "offload" => Act::Offload(takes(verb)),
            "yield" => {
                if !node.get::<bool>("yield") && node.sound(&["yield"]) {
                    let finding = findings.error(node.at("yield"), "`yield` is always true");
                    finding.label("false").help("write { yield = true }, or remove the step");
                }
                Act::Yield
            }
            "call" => {
                let over = node.find::<&[Name]>("over").and_then(|names| names.first()).map(|over| over.text.clone());
                Act::Call { peer: name()?, takes: takes("takes"), timeout: timeout(), patching: patching(), over }
            }
            "acquire" => Act::Acquire { sync: name()?, timeout: timeout(), patching: patching() },
            "release" => Act::Release { sync: name()? },
            "put" => Act::Put { queue: name()?, timeout: timeout() },
            "get" => Act::Get { queue: name()?, timeout: timeout() },
            "set" => Act::Set { event: name()? },
            "clear" => Act::Clear { event: name()? },
            "wait" => Act::Wait { event: name()?, timeout: timeout() },
            "read" => Act::Read { value: name()? },
            "write" => Act::Write { value: name()? },
            _ => TypedStep::read_outer(verb, node, around, findings)?,
        };
        Some(TypedStep { at: node.at, act })
    }

    /// Reads a step with steps inside.
    fn read_outer(verb: &str, node: &Node, around: Around, findings: &mut Findings) -> Option<Act> {
        let steps = if matches!(verb, "thread" | "background") { verb } else { "steps" };
        let inner = |around: Around, findings: &mut Findings| TypedStep::read_list(node.get(steps), around, findings);
        Some(match verb {
            "with" => {
                let steps = inner(around, findings);
                let sync = node.get::<&[Name]>("with").first()?.text.clone();
                let patching = if node.get("blocking") { Patching::Blocking } else { Patching::Patched };
                Act::With { sync, timeout: node.find("timeout"), patching, steps }
            }
            "repeat" => {
                if around.loops == Program::REGISTERS {
                    let what = "`repeat` is nested deeper than the limit";
                    let help = format!("the limit is {} inside each other", Program::REGISTERS);
                    let less = if around.fan { ", and one less inside a `fan`" } else { "" };
                    findings.error(node.key_at("repeat"), what).label("too deep").help(help + less);
                    return None;
                }
                let around = Around { loops: around.loops + 1, ..around };
                Act::Repeat { times: node.get("repeat"), steps: inner(around, findings) }
            }
            "fan" => {
                if around.fan {
                    let finding = findings.error(node.key_at("fan"), "a `fan` inside a `fan`");
                    finding.label("inside another").help("write one `fan` with more runs, or one after the other");
                    return None;
                }
                // The first register of a run holds its number.
                Act::Fan {
                    count: node.get("fan"),
                    errors: match node.find::<&str>("on_error") {
                        Some("raise") => OnError::Raise,
                        Some("cancel") => OnError::Cancel,
                        Some(_) => OnError::Wait,
                        None => OnError::Usual,
                    },
                    steps: inner(Around { loops: 1, fan: true, thread: false, alone: false, inside: true }, findings),
                }
            }
            "thread" => {
                let executor = node.find::<&[Name]>("executor").and_then(|names| names.first());
                let executor = executor.map(|executor| executor.text.clone());
                let wait = node.get("wait");
                // The first register of one that is left alone tells it apart.
                let own = Around { loops: 1, fan: false, thread: true, alone: true, inside: true };
                let around = if wait { Around { thread: true, ..around } } else { own };
                Act::Thread { executor, wait, steps: inner(around, findings) }
            }
            "background" => Act::Background { steps: inner(around, findings) },
            "timeout" => Act::Within { limit: node.get("timeout"), steps: inner(around, findings) },
            _ => Act::Chance { odds: ppm(node.get("chance")), steps: inner(around, findings) },
        })
    }

    /// The steps inside.
    pub(crate) fn inner(&self) -> &[TypedStep] {
        match &self.act {
            Act::With { steps, .. }
            | Act::Repeat { steps, .. }
            | Act::Chance { steps, .. }
            | Act::Fan { steps, .. }
            | Act::Within { steps, .. }
            | Act::Thread { steps, .. }
            | Act::Background { steps } => steps,
            _ => &[],
        }
    }

    /// The random duration of it, if it has one.
    pub(crate) fn takes(&self) -> Option<&Takes> {
        match &self.act {
            Act::Burn { takes, .. }
            | Act::Native(takes)
            | Act::Sleep(_, takes)
            | Act::Call { takes, .. }
            | Act::Offload(takes) => Some(takes),
            _ => None,
        }
    }

    /// Calls `see` with every step of a list, inner ones included.
    pub(crate) fn each<'s>(steps: &'s [TypedStep], see: &mut dyn FnMut(&'s TypedStep)) {
        for step in steps {
            see(step);
            TypedStep::each(step.inner(), see);
        }
    }
}

/// Whether a native thread of a hub or loop does such a step: queues, events and fan-outs are the loop's.
pub(crate) fn runs_in_thread(verb: &str) -> bool {
    !matches!(verb, "put" | "get" | "set" | "clear" | "wait" | "fan" | "offload" | "thread")
}
