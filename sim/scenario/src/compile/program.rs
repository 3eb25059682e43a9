//! From steps to ops: the programs of a request and of the fans inside it.
//!
//! A fan's steps become a program of their own, run several times side by side; `CLASS/fan#0` is its name, and the
//! sites of what is random in it begin with that.

use engine::law::Law;
use engine::model::SiteSpec;
use engine::op::{Draw, DrawKind, Limit, Op, Patching, Pc, Per, Program};
use engine::rng::stable_hash;
use engine::time::Span;

use crate::tables::request::{InThread, TypedRequest};
use crate::tables::sharing::Connection;
use crate::tables::step::{Act, Takes, TypedStep};

/// What a builder needs to know of the rest of the scenario.
pub(crate) struct ModelTables<'a> {
    /// Names of the peers, in model order.
    pub(crate) peers: &'a [&'a str],
    /// Names of the pools, locks, queues and events, in model order; the threads that `offload` uses come after them.
    pub(crate) syncs: &'a [&'a str],
    /// Names of the executors whose threads are native even where `threading` is patched.
    pub(crate) native: &'a [&'a str],
    /// Names of the shared values, in model order.
    pub(crate) values: &'a [&'a str],
    /// The connections, in model order.
    pub(crate) connections: &'a [Connection],
    /// Samples by file name.
    pub(crate) samples: &'a dyn Fn(&str) -> Vec<Span>,
    /// The world's `sleep(0)` in heavy work.
    pub(crate) yield_every: Option<Span>,
    /// Per cent of the CPU time that the world's interpreter needs for the same Python.
    pub(crate) python_percent: u32,
}

/// What the steps of a request have become.
pub(crate) struct Built {
    /// The request's own program.
    pub(crate) program: Program,
    /// What is drawn at its birth.
    pub(crate) sites: Vec<SiteSpec>,
    /// The programs of its fans, which stand behind those of all requests.
    pub(crate) fans: Vec<Program>,
}

/// Compiles the steps of one request, or of one fan inside it, into a program.
struct Builder<'a> {
    name: &'a str,
    tables: &'a ModelTables<'a>,
    /// Index of the first of its fans in the model.
    first_fan: usize,
    fans: Vec<Program>,
    code: Vec<Op>,
    draws: Vec<DrawKind>,
    spans: Vec<Span>,
    sites: Vec<SiteSpec>,
    labels: Vec<(String, u32)>,
    loops: u8,
    /// Whether this is a run of a fan.
    fan: bool,
    /// Pools and locks of which a unit is held here, by name.
    held: Vec<String>,
}

/// Compiles the steps of request `class`; `first_fan` is the model's index of the first fan in them.
pub(crate) fn build(class: &TypedRequest, in_thread: &InThread, tables: &ModelTables<'_>, first_fan: usize) -> Built {
    let mut builder = Builder::new(&class.name.text, tables, first_fan);
    if in_thread.lends() {
        let goes_on = class.steps.last().filter(|step| matches!(step.act, Act::Background { .. }));
        let (inside, after) = class.steps.split_at(class.steps.len() - usize::from(goes_on.is_some()));
        builder.in_thread(in_thread.executor(), inside);
        return builder.finish(after);
    }
    builder.finish(&class.steps)
}

impl<'a> Builder<'a> {
    fn new(name: &'a str, tables: &'a ModelTables<'a>, first_fan: usize) -> Builder<'a> {
        Builder {
            name,
            tables,
            first_fan,
            fans: Vec::new(),
            code: Vec::new(),
            draws: Vec::new(),
            spans: Vec::new(),
            sites: Vec::new(),
            labels: Vec::new(),
            loops: 0,
            fan: false,
            held: Vec::new(),
        }
    }

    fn finish(mut self, steps: &[TypedStep]) -> Built {
        self.steps(steps);
        self.code.push(Op::End);
        assert!(self.code.len() <= Program::CODE_MAX, "the limit on steps keeps programs short");
        let program = Program::new(self.name, self.code, self.draws, self.spans);
        Built { program, sites: self.sites, fans: self.fans }
    }

    fn steps(&mut self, steps: &[TypedStep]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &TypedStep) {
        match &step.act {
            Act::Burn { takes, yield_every } => {
                let span = self.draw_at("burn", takes);
                let span = self.in_python(span);
                let op = match yield_every.or(self.tables.yield_every) {
                    Some(every) => Op::BurnYielding { span, every: self.limit(Some(every)) },
                    None => Op::Burn(span),
                };
                self.code.push(op);
            }
            Act::Native(takes) => {
                let op = Op::Native(self.draw_at("native", takes));
                self.code.push(op);
            }
            Act::Sleep(patching, takes) => {
                let op = Op::Sleep(*patching, self.draw_at("sleep", takes));
                self.code.push(op);
            }
            Act::Offload(takes) => {
                let takes = self.draw_at("offload", takes);
                self.code.push(Op::Apply { sync: small(self.tables.syncs.len()), takes });
            }
            Act::Yield => self.code.push(Op::Yield),
            Act::Call { .. } => self.call(&step.act),
            Act::Read { value } => self.code.push(Op::Read { value: index(self.tables.values, value) }),
            Act::Write { value } => self.code.push(Op::Write { value: index(self.tables.values, value) }),
            Act::Acquire { sync, timeout, patching } => self.acquire(sync, *timeout, *patching),
            Act::Release { sync } => self.release(sync),
            Act::Put { queue, timeout } => {
                let (sync, limit) = (self.sync(queue), self.limit(*timeout));
                self.code.push(Op::Put { sync, item: 0, limit, block: true });
            }
            Act::Get { queue, timeout } => {
                let (sync, limit) = (self.sync(queue), self.limit(*timeout));
                self.code.push(Op::Get { sync, limit, block: true });
            }
            Act::Set { event } => self.code.push(Op::Signal { sync: self.sync(event), item: 0 }),
            Act::Clear { event } => self.code.push(Op::Clear { sync: self.sync(event) }),
            Act::Wait { event, timeout } => {
                let (sync, limit) = (self.sync(event), self.limit(*timeout));
                self.code.push(Op::Await { sync, limit });
            }
            Act::Thread { executor, wait: true, steps } => self.in_thread(executor.as_deref(), steps),
            Act::Thread { executor, wait: false, steps } => self.leave_alone(executor.as_deref(), steps),
            Act::Background { steps } => {
                self.code.push(Op::Respond);
                self.steps(steps);
            }
            Act::With { .. } | Act::Repeat { .. } | Act::Chance { .. } | Act::Fan { .. } | Act::Within { .. } => {
                self.outer(step);
            }
        }
    }

    /// A call; one over a connection begins and ends its use.
    fn call(&mut self, act: &Act) {
        let Act::Call { peer, takes, timeout, patching, over } = act else { unreachable!("only calls come here") };
        let patching = *patching;
        let site = self.site(peer, "/takes");
        let takes = self.draw(takes, site);
        let limit = self.limit(*timeout);
        let peer = index(self.tables.peers, peer);
        let over = over.as_deref().map(|over| self.connection(over));
        if let Some((connection, per)) = over {
            self.code.push(Op::Occupy { connection, per, patching });
        }
        self.code.push(Op::Call { patching, peer, takes, limit });
        if let Some((connection, per)) = over {
            self.code.push(Op::Vacate { connection, per });
        }
    }

    /// A connection and who shares it: a unit of a pool that a run of a fan holds itself is its alone.
    fn connection(&self, name: &str) -> (u16, Per) {
        let known = self.tables.connections;
        let at = known.iter().position(|one| one.name.text == name).expect("the walker has checked the name");
        let alone = known[at].pool.as_ref().is_some_and(|pool| self.fan && self.held.contains(pool));
        (small(at), if alone { Per::Task } else { known[at].per })
    }

    /// A step with steps inside.
    fn outer(&mut self, step: &TypedStep) {
        match &step.act {
            Act::With { sync, timeout, patching, steps } => {
                self.acquire(sync, *timeout, *patching);
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
                self.code[branch] = Op::Chance { odds, skip: self.here() };
            }
            Act::Fan { count, errors, steps } => {
                let name = self.site("fan", "");
                let program = self.first_fan + self.fans.len();
                let mut run = Builder::new(&name, self.tables, program);
                // The first register holds the run's number: what is random inside is drawn anew in every run.
                run.loops = 1;
                run.fan = true;
                let run = run.finish(steps);
                assert!(run.sites.is_empty() && run.fans.is_empty(), "a run draws nothing at birth and has no fans");
                self.fans.push(run.program);
                let count = u16::try_from(*count).expect("a limit keeps it small");
                self.code.push(Op::Fan { program: small(program), count, errors: *errors });
            }
            Act::Within { limit, steps } => {
                let limit = self.limit(Some(*limit));
                let guard = self.code.len();
                self.code.push(Op::Guard { limit, end: Pc(0) });
                self.steps(steps);
                self.code.push(Op::Unguard);
                self.code[guard] = Op::Guard { limit, end: self.here() };
            }
            _ => unreachable!("only these have steps inside"),
        }
    }

    /// Steps in a native thread.
    fn in_thread(&mut self, executor: Option<&str>, steps: &[TypedStep]) {
        let sync = executor.map_or(small(self.tables.syncs.len()), |executor| self.sync(executor));
        self.code.push(Op::ToThread { sync });
        self.steps(steps);
        self.code.push(Op::FromThread { sync });
    }

    /// Steps in a thread that nobody waits for: a program of its own, which takes a thread of its executor first.
    fn leave_alone(&mut self, executor: Option<&str>, steps: &[TypedStep]) {
        let name = self.site("started", "");
        let program = self.first_fan + self.fans.len();
        let mut own = Builder::new(&name, self.tables, program);
        // The first register tells it apart from others: what is random inside is drawn anew in every one.
        own.loops = 1;
        own.fan = true;
        own.code.push(Op::Started);
        if let Some(executor) = executor {
            own.acquire(executor, None, Patching::Patched);
        }
        own.steps(steps);
        if let Some(executor) = executor {
            own.release(executor);
        }
        let own = own.finish(&[]);
        assert!(
            own.sites.is_empty() && own.fans.is_empty(),
            "a thread draws nothing at its request's birth and has no fans"
        );
        self.fans.push(own.program.left_alone());
        let native = executor.is_some_and(|executor| self.tables.native.contains(&executor));
        let executor = executor.map_or(Op::NO_EXECUTOR, |executor| self.sync(executor));
        self.code.push(Op::Start { program: small(program), executor, native });
    }

    fn acquire(&mut self, sync: &str, timeout: Option<Span>, patching: Patching) {
        self.held.push(sync.to_owned());
        let limit = self.limit(timeout);
        self.code.push(Op::Acquire { sync: self.sync(sync), limit, block: true, patching });
    }

    fn release(&mut self, sync: &str) {
        if let Some(at) = self.held.iter().rposition(|held| held == sync) {
            self.held.remove(at);
        }
        self.code.push(Op::Release { sync: self.sync(sync) });
    }

    fn sync(&self, name: &str) -> u16 {
        index(self.tables.syncs, name)
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
        format!("{}/{label}#{count}{tail}", self.name)
    }

    fn draw_at(&mut self, label: &str, takes: &Takes) -> Draw {
        let site = self.site(label, "");
        self.draw(takes, site)
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

    /// What the world's interpreter makes of so much Python.
    fn in_python(&mut self, span: Draw) -> Draw {
        let percent = self.tables.python_percent;
        match &mut self.draws[usize::from(span.0)] {
            _ if percent == 100 => span,
            DrawKind::Constant(takes) => {
                *takes = *takes * u64::from(percent) / 100;
                span
            }
            _ => {
                self.draws.push(DrawKind::Stretched { of: span, percent });
                Draw(small(self.draws.len() - 1))
            }
        }
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
