//! Steps: what a request does, one after the other.
//!
//! Each step is three things beside each other in this file: its table (the words), its arm in [`Step::read`]
//! (the meaning) and its arm in [`Builder::step`] (the ops). A step that is a phrase of others is lowered to them.

use engine::law::Law;
use engine::model::SiteSpec;
use engine::op::{Draw, DrawKind, Limit, Op, Patching, Pc, Program};
use engine::rng::stable_hash;
use engine::time::Span;

use crate::client::ppm;
use crate::diagnostic::{At, Findings};
use crate::key::{Group, Key, Kind, Need, Table, key};
use crate::law_text::LawText;
use crate::limits;
use crate::node::{Name, Node};

const fn patching(doc: &'static str) -> Key {
    key("blocking", Kind::Flag, Need::Default("false"), "true", doc)
}

const fn timeout(doc: &'static str) -> Key {
    key("timeout", Kind::Positive, Need::Else("it waits"), "\"1s\"", doc)
}

const INNER: Key = key("steps", Kind::Steps, Need::Required, "[{ burn = \"1ms\" }]", "The steps inside.");

macro_rules! step {
    ($name:ident, $heading:literal, $noun:literal, $doc:literal, $keys:expr) => {
        static $name: Table = Table { heading: $heading, noun: $noun, doc: $doc, keys: $keys };
    };
}

step!(
    BURN,
    "{ burn = \"2ms\" }",
    "a burn",
    "CPU time of Python code, which holds the GIL and never gives way to the hub.",
    &[
        key("burn", Kind::Law, Need::Required, "\"2ms\"", "CPU time."),
        key(
            "yield_every",
            Kind::Positive,
            Need::Else("the world's, or never"),
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
    &[key("native", Kind::Law, Need::Required, "\"5ms\"", "CPU time."),]
);
step!(
    SLEEP,
    "{ sleep = \"1s\" }",
    "a sleep",
    "Waits without CPU time: time.sleep.",
    &[
        key("sleep", Kind::Law, Need::Required, "\"1s\"", "How long."),
        patching("Sleeps in native code that gevent cannot patch: a hub stands still."),
    ]
);
step!(
    YIELD,
    "{ yield = true }",
    "a yield",
    "sleep(0): whoever else is ready goes first.",
    &[key("yield", Kind::Flag, Need::Required, "true", "Always true."),]
);
step!(
    CALL,
    "{ call = \"redis\", takes = \"lognormal(1ms, 9ms)\" }",
    "a call",
    "Calls a peer and waits for its reply. Without a reply in time, or when the peer fails, the request fails.",
    &[
        key("call", Kind::Name(Group::Peer), Need::Required, "\"redis\"", "Name of the peer."),
        key(
            "takes",
            Kind::Law,
            Need::Required,
            "\"lognormal(1ms, 9ms)\"",
            "Service time at a healthy peer, network not included."
        ),
        timeout("Longest wait for the reply."),
        patching("Calls through a C library that gevent cannot patch: a hub stands still."),
    ]
);
step!(
    ACQUIRE,
    "{ acquire = \"db\" }",
    "an acquire",
    "Takes one unit of a pool or lock and waits while there is none.",
    &[
        key("acquire", Kind::Name(Group::Sync), Need::Required, "\"db\"", "Name of the pool or lock."),
        timeout("Longest wait; the request fails when it passes."),
    ]
);
step!(
    RELEASE,
    "{ release = \"db\" }",
    "a release",
    "Gives the unit back.",
    &[key("release", Kind::Name(Group::Sync), Need::Required, "\"db\"", "Name of the pool or lock."),]
);
step!(
    WITH,
    "{ with = \"db\", steps = [{ burn = \"1ms\" }] }",
    "a with",
    "Acquire, the steps inside, release.",
    &[
        key("with", Kind::Name(Group::Sync), Need::Required, "\"db\"", "Name of the pool or lock."),
        timeout("Longest wait; the request fails when it passes."),
        INNER,
    ]
);
step!(
    REPEAT,
    "{ repeat = 3, steps = [{ burn = \"1ms\" }] }",
    "a repeat",
    "The steps inside, several times; their random durations are drawn anew in every pass.",
    &[key("repeat", Kind::Count(1, limits::REPEAT), Need::Required, "3", "Passes."), INNER,]
);
step!(
    CHANCE,
    "{ chance = 0.3, steps = [{ burn = \"1ms\" }] }",
    "a chance",
    "The steps inside, for a share of the requests.",
    &[key("chance", Kind::Number(0.0, 1.0), Need::Required, "0.3", "Probability, 0 to 1."), INNER,]
);

/// All steps; the first key of each is its verb.
pub(crate) static STEPS: [&Table; 10] =
    [&BURN, &NATIVE, &SLEEP, &YIELD, &CALL, &ACQUIRE, &RELEASE, &WITH, &REPEAT, &CHANCE];

/// A step and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Step {
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
    Call { peer: String, takes: Takes, timeout: Option<Span>, patching: Patching },
    Acquire { sync: String, timeout: Option<Span> },
    Release { sync: String },
    With { sync: String, timeout: Option<Span>, steps: Vec<Step> },
    Repeat { times: u32, steps: Vec<Step> },
    Chance { odds: u32, steps: Vec<Step> },
}

/// A duration or law and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Takes {
    pub(crate) law: LawText,
    pub(crate) at: At,
}

impl Step {
    /// Reads a list of steps; `loops` is how many `repeat`s are around it.
    pub(crate) fn read_all(nodes: &[Node], loops: usize, findings: &mut Findings) -> Vec<Step> {
        nodes.iter().filter_map(|node| Step::read(node, loops, findings)).collect()
    }

    /// Reads a step; `None` for one whose verb is wrong, which has been reported.
    fn read(node: &Node, loops: usize, findings: &mut Findings) -> Option<Step> {
        let takes = |key: &str| Takes { law: node.get::<&LawText>(key).clone(), at: node.at(key) };
        let name = |key: &str| Some(node.get::<&[Name]>(key).first()?.text.clone());
        let inner = |loops: usize, findings: &mut Findings| Step::read_all(node.get("steps"), loops, findings);
        let limit = || node.find::<Span>("timeout");
        let patching = || {
            if node.get("blocking") { Patching::Blocking } else { Patching::Patched }
        };
        let act = match node.table.keys[0].name {
            "burn" => Act::Burn { takes: takes("burn"), yield_every: node.find("yield_every") },
            "native" => Act::Native(takes("native")),
            "sleep" => Act::Sleep(patching(), takes("sleep")),
            "yield" => {
                if !node.get::<bool>("yield") && node.sound(&["yield"]) {
                    let finding = findings.error(node.at("yield"), "`yield` is always true");
                    finding.label("false").help("write { yield = true }, or remove the step");
                }
                Act::Yield
            }
            "call" => Act::Call { peer: name("call")?, takes: takes("takes"), timeout: limit(), patching: patching() },
            "acquire" => Act::Acquire { sync: name("acquire")?, timeout: limit() },
            "release" => Act::Release { sync: name("release")? },
            "with" => {
                let steps = inner(loops, findings);
                Act::With { sync: name("with")?, timeout: limit(), steps }
            }
            "repeat" => {
                if loops == Program::REGISTERS {
                    let what = "`repeat` is nested deeper than the limit";
                    let help = format!("the limit is {} inside each other", Program::REGISTERS);
                    findings.error(node.key_at("repeat"), what).label("too deep").help(help);
                    return None;
                }
                Act::Repeat { times: node.get("repeat"), steps: inner(loops + 1, findings) }
            }
            _ => Act::Chance { odds: ppm(node.get("chance")), steps: inner(loops, findings) },
        };
        Some(Step { at: node.at, act })
    }

    /// The steps inside.
    pub(crate) fn inner(&self) -> &[Step] {
        match &self.act {
            Act::With { steps, .. } | Act::Repeat { steps, .. } | Act::Chance { steps, .. } => steps,
            _ => &[],
        }
    }
}

/// What a builder needs to know of the rest of the scenario.
pub(crate) struct Tables<'a> {
    /// Names of the peers, in model order.
    pub(crate) peers: &'a [&'a str],
    /// Names of the pools and locks, in model order.
    pub(crate) syncs: &'a [&'a str],
    /// Samples by file name.
    pub(crate) samples: &'a dyn Fn(&str) -> Vec<Span>,
    /// The world's `sleep(0)` in heavy work.
    pub(crate) yield_every: Option<Span>,
}

/// Compiles the steps of one request into a program.
pub(crate) struct Builder<'a> {
    class: &'a str,
    tables: Tables<'a>,
    code: Vec<Op>,
    draws: Vec<DrawKind>,
    spans: Vec<Span>,
    sites: Vec<SiteSpec>,
    labels: Vec<(String, u32)>,
    loops: u8,
}

impl<'a> Builder<'a> {
    /// The program of request `class`, and what is drawn at its birth.
    pub(crate) fn build(class: &'a str, steps: &[Step], tables: Tables<'a>) -> (Program, Vec<SiteSpec>) {
        let mut builder = Builder {
            class,
            tables,
            code: Vec::new(),
            draws: Vec::new(),
            spans: Vec::new(),
            sites: Vec::new(),
            labels: Vec::new(),
            loops: 0,
        };
        builder.steps(steps);
        builder.code.push(Op::End);
        assert!(builder.code.len() <= Program::CODE_MAX, "the limit on steps keeps programs short");
        let program = Program::new(class, builder.code, builder.draws, builder.spans);
        (program, builder.sites)
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match &step.act {
            Act::Burn { takes, yield_every } => {
                let site = self.site("burn", "");
                let span = self.draw(takes, site);
                let op = match yield_every.or(self.tables.yield_every) {
                    Some(every) => Op::BurnYielding { span, every: self.limit(Some(every)) },
                    None => Op::Burn(span),
                };
                self.code.push(op);
            }
            Act::Native(takes) => {
                let site = self.site("native", "");
                let op = Op::Native(self.draw(takes, site));
                self.code.push(op);
            }
            Act::Sleep(patching, takes) => {
                let site = self.site("sleep", "");
                let op = Op::Sleep(*patching, self.draw(takes, site));
                self.code.push(op);
            }
            Act::Yield => self.code.push(Op::Yield),
            Act::Call { peer, takes, timeout, patching } => {
                let site = self.site(peer, "/takes");
                let takes = self.draw(takes, site);
                let limit = self.limit(*timeout);
                let peer = index(self.tables.peers, peer);
                self.code.push(Op::Call { patching: *patching, peer, takes, limit });
            }
            Act::Acquire { sync, timeout } => self.acquire(sync, *timeout),
            Act::Release { sync } => self.release(sync),
            Act::With { sync, timeout, steps } => {
                self.acquire(sync, *timeout);
                self.steps(steps);
                self.release(sync);
            }
            Act::Repeat { times, steps } => {
                let register = self.loops;
                self.code.push(Op::Set { register, times: *times });
                let back = self.here();
                self.loops += 1;
                self.steps(steps);
                self.loops -= 1;
                self.code.push(Op::Loop { register, back });
            }
            Act::Chance { odds, steps } => {
                let site = stable_hash(&self.site("chance", "/odds"));
                self.draws.push(DrawKind::Chance { site, ppm: *odds });
                let odds = Draw(small(self.draws.len() - 1));
                let branch = self.code.len();
                self.code.push(Op::Chance { odds, skip: Pc(0) });
                self.steps(steps);
                let skip = self.here();
                self.code[branch] = Op::Chance { odds, skip };
            }
        }
    }

    fn acquire(&mut self, sync: &str, timeout: Option<Span>) {
        let limit = self.limit(timeout);
        self.code.push(Op::Acquire { sync: index(self.tables.syncs, sync), limit, block: true });
    }

    fn release(&mut self, sync: &str) {
        self.code.push(Op::Release { sync: index(self.tables.syncs, sync) });
    }

    fn here(&self) -> Pc {
        Pc(small(self.code.len()))
    }

    /// The name of a draw site: stable while steps of other names come and go.
    fn site(&mut self, label: &str, tail: &str) -> String {
        let count = match self.labels.iter_mut().find(|(known, _)| known == label) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.labels.push((label.to_owned(), 0));
                0
            }
        };
        format!("{}/{label}#{count}{tail}", self.class)
    }

    fn draw(&mut self, takes: &Takes, name: String) -> Draw {
        let kind = match takes.law.law(|path| (self.tables.samples)(path)) {
            Law::Fixed(span) => DrawKind::Constant(span),
            law if self.loops > 0 => DrawKind::PerPass { site: stable_hash(&name), law },
            law => {
                self.sites.push(SiteSpec { name, law });
                DrawKind::Fate(small(self.sites.len() - 1))
            }
        };
        self.draws.push(kind);
        Draw(small(self.draws.len() - 1))
    }

    fn limit(&mut self, span: Option<Span>) -> Limit {
        let Some(span) = span else { return Limit::NONE };
        let known = self.spans.iter().position(|known| *known == span);
        Limit(small(known.unwrap_or_else(|| {
            self.spans.push(span);
            self.spans.len() - 1
        })))
    }
}

fn index(names: &[&str], name: &str) -> u16 {
    small(names.iter().position(|known| *known == name).expect("the walker has checked the name"))
}

fn small(index: usize) -> u16 {
    u16::try_from(index).expect("the limits keep every table of a program short")
}
