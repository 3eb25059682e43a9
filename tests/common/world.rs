//! Small worlds for tests, built by words that read like a scenario.

use std::sync::Arc;

use engine::law::Law;
use engine::model::asyncio::{LoopKind, LoopSpec, Python};
use engine::model::*;
use engine::op::{Draw, DrawKind, Limit, OnError, Op, Patching, Pc, Per, Program};
use engine::time::{Span, Time};
use engine::{Model, Replication, RunRecord, Seed};

pub fn ms(ms: u64) -> Span {
    Span::from_ms(ms)
}

pub fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

pub fn exponential(mean: Span) -> Law {
    Law::Exponential { mean }
}

/// A list of steps that is being compiled.
#[derive(Default)]
pub struct Steps {
    code: Vec<Op>,
    draws: Vec<DrawKind>,
    spans: Vec<Span>,
    sites: Vec<SiteSpec>,
}

impl Steps {
    pub fn new() -> Steps {
        Steps::default()
    }

    fn draw(&mut self, law: Law) -> Draw {
        let kind = match law {
            Law::Fixed(span) => DrawKind::Constant(span),
            law => {
                self.sites.push(SiteSpec { name: format!("step#{}", self.code.len()), law });
                DrawKind::Fate(self.sites.len() as u16 - 1)
            }
        };
        self.draws.push(kind);
        Draw(self.draws.len() as u16 - 1)
    }

    fn limit(&mut self, span: Option<Span>) -> Limit {
        let Some(span) = span else { return Limit::NONE };
        self.spans.push(span);
        Limit(self.spans.len() as u16 - 1)
    }

    pub fn burn(mut self, law: Law) -> Steps {
        let draw = self.draw(law);
        self.code.push(Op::Burn(draw));
        self
    }

    pub fn native(mut self, law: Law) -> Steps {
        let draw = self.draw(law);
        self.code.push(Op::Native(draw));
        self
    }

    pub fn hog(mut self, law: Law, every: Span) -> Steps {
        let span = self.draw(law);
        let every = self.limit(Some(every));
        self.code.push(Op::BurnYielding { span, every });
        self
    }

    pub fn sleep(mut self, law: Law) -> Steps {
        let draw = self.draw(law);
        self.code.push(Op::Sleep(Patching::Patched, draw));
        self
    }

    pub fn block(mut self, law: Law) -> Steps {
        let draw = self.draw(law);
        self.code.push(Op::Sleep(Patching::Blocking, draw));
        self
    }

    pub fn yields(mut self) -> Steps {
        self.code.push(Op::Yield);
        self
    }

    pub fn call(mut self, peer: u16, law: Law, limit: Option<Span>) -> Steps {
        let takes = self.draw(law);
        let limit = self.limit(limit);
        self.code.push(Op::Call { patching: Patching::Patched, peer, takes, limit });
        self
    }

    pub fn acquire(mut self, sync: u16, limit: Option<Span>) -> Steps {
        let limit = self.limit(limit);
        self.code.push(Op::Acquire { sync, limit, block: true, patching: Patching::Patched });
        self
    }

    pub fn acquire_blocking(mut self, sync: u16, limit: Option<Span>) -> Steps {
        let limit = self.limit(limit);
        self.code.push(Op::Acquire { sync, limit, block: true, patching: Patching::Blocking });
        self
    }

    /// The steps inside in a native thread of the pool `sync`.
    pub fn in_thread(mut self, sync: u16, inside: impl FnOnce(Steps) -> Steps) -> Steps {
        self.code.push(Op::ToThread { sync });
        self = inside(self);
        self.code.push(Op::FromThread { sync });
        self
    }

    /// The response leaves here.
    pub fn respond(mut self) -> Steps {
        self.code.push(Op::Respond);
        self
    }

    pub fn put(mut self, sync: u16, limit: Span) -> Steps {
        let limit = self.limit(Some(limit));
        self.code.push(Op::Put { sync, item: 0, limit, block: true });
        self
    }

    pub fn get(mut self, sync: u16, limit: Span) -> Steps {
        let limit = self.limit(Some(limit));
        self.code.push(Op::Get { sync, limit, block: true });
        self
    }

    pub fn set(mut self, sync: u16) -> Steps {
        self.code.push(Op::Signal { sync, item: 0 });
        self
    }

    pub fn clear(mut self, sync: u16) -> Steps {
        self.code.push(Op::Clear { sync });
        self
    }

    pub fn wait(mut self, sync: u16, limit: Span) -> Steps {
        let limit = self.limit(Some(limit));
        self.code.push(Op::Await { sync, limit });
        self
    }

    pub fn offload(mut self, sync: u16, law: Law) -> Steps {
        let takes = self.draw(law);
        self.code.push(Op::Apply { sync, takes });
        self
    }

    pub fn fan(self, program: u16, count: u16) -> Steps {
        self.fan_on(program, count, OnError::Usual)
    }

    pub fn fan_on(mut self, program: u16, count: u16, errors: OnError) -> Steps {
        self.code.push(Op::Fan { program, count, errors });
        self
    }

    /// A thread is started that runs a program, and left alone.
    pub fn start(mut self, program: u16, executor: u16) -> Steps {
        self.code.push(Op::Start { program, executor, native: false });
        self
    }

    /// The steps of such a thread, of an executor or of none.
    pub fn started(executor: u16, inside: impl FnOnce(Steps) -> Steps) -> Program {
        let mut steps = Steps::new();
        steps.code.push(Op::Started);
        let steps = match executor {
            Op::NO_EXECUTOR => inside(steps),
            executor => inside(steps.acquire(executor, None)).release(executor),
        };
        steps.compile().0.left_alone()
    }

    pub fn within(mut self, limit: Span, inside: impl FnOnce(Steps) -> Steps) -> Steps {
        let limit = self.limit(Some(limit));
        let at = self.code.len();
        self.code.push(Op::Guard { limit, end: Pc(0) });
        self = inside(self);
        self.code.push(Op::Unguard);
        self.code[at] = Op::Guard { limit, end: Pc(self.code.len() as u16) };
        self
    }

    pub fn read(mut self, value: u16) -> Steps {
        self.code.push(Op::Read { value });
        self
    }

    pub fn write(mut self, value: u16) -> Steps {
        self.code.push(Op::Write { value });
        self
    }

    pub fn over(mut self, connection: u16, call: impl FnOnce(Steps) -> Steps) -> Steps {
        let per = Per::Process;
        self.code.push(Op::Occupy { connection, per, patching: Patching::Patched });
        self = call(self);
        self.code.push(Op::Vacate { connection, per });
        self
    }

    pub fn release(mut self, sync: u16) -> Steps {
        self.code.push(Op::Release { sync });
        self
    }

    pub fn compile(mut self) -> (Program, Vec<SiteSpec>) {
        self.code.push(Op::End);
        let program = Program::new("page", self.code, self.draws, self.spans);
        (program, self.sites)
    }
}

/// Threads that cost nothing, on cores that switch for nothing.
pub fn threads(count: u32) -> WorkerSpec {
    worker("threads", WorkerKind::Threads { threads: count })
}

/// A hub whose own work costs nothing but a nanosecond for reading the clock.
pub fn hub(greenlets: u32) -> WorkerSpec {
    worker("gevent", WorkerKind::Hub { greenlets, accepts: 100, full: WhenFull::Stop })
}

fn worker(name: &str, kind: WorkerKind) -> WorkerSpec {
    WorkerSpec { gil: true, ..WorkerSpec::plain(name, kind) }
}

/// A world of one class on one host with one process; fields may be changed before it runs.
/// A process whose thread runs an event loop of asyncio, or of uvloop.
pub fn event_loop(uvloop: bool, limit: Option<u32>) -> WorkerSpec {
    let kind = if uvloop { LoopKind::Uvloop } else { LoopKind::Asyncio };
    let spec = LoopSpec { limit, ..LoopSpec::plain(Python::V3_11, kind) };
    WorkerSpec { gil: true, keep_alive: Some(Span::from_secs(5)), ..WorkerSpec::plain("loop", WorkerKind::Loop(spec)) }
}

pub fn world(worker: WorkerSpec, cores: u32, steps: Steps, arrivals: Arrivals) -> Model {
    let (program, sites) = steps.compile();
    let class = ClassSpec { name: "page".into(), weight: 1, program: 0, sites, header_bytes: 79, body_bytes: 12 };
    let run = RunSpec { length: None, drain: secs(10_000), warm_up: Span::ZERO, step: secs(1), starved_after: secs(1) };
    let mut model = Model::plain(HostSpec::plain(cores), worker, run);
    model.listeners[0].backlog = 1_000_000;
    model.peers = vec![PeerSpec {
        name: "peer".into(),
        network: Span::ZERO,
        ports: None,
        capacity: None,
        windows: vec![],
        breaker: None,
    }];
    model.syncs = vec![
        pool(1, Policy::Barging),
        SyncSpec {
            name: "queue".into(),
            pool: false,
            kind: SyncKind::Queue { lifo: false, max: Some(2), standard: false, filled: false },
        },
        SyncSpec {
            name: "standard".into(),
            pool: false,
            kind: SyncKind::Queue { lifo: true, max: Some(1), standard: true, filled: false },
        },
        SyncSpec { name: "event".into(), pool: false, kind: SyncKind::Event },
        SyncSpec { name: "native".into(), pool: true, kind: SyncKind::Threads { size: 2 } },
    ];
    model.values = vec!["value".into()];
    model.connections = vec!["connection".into()];
    model.classes = Arc::new([class]);
    model.programs = Arc::new([program]);
    model.clients = Arc::new([ClientSpec::plain("users", vec![0], arrivals)]);
    model
}

/// A pool of connections.
pub fn pool(units: u32, policy: Policy) -> SyncSpec {
    SyncSpec { name: "pool".into(), pool: true, kind: SyncKind::Semaphore { units, policy, bounded: false } }
}

pub fn closed(clients: u32, requests: u64) -> Arrivals {
    Arrivals::Closed { clients, requests: Some(requests), think: Law::Fixed(Span::ZERO) }
}

pub fn poisson(rate: f64) -> Arrivals {
    Arrivals::Poisson(Profile { points: vec![(Time::ZERO, rate)] })
}

pub fn edit_client(model: &mut Model, edit: impl FnOnce(&mut ClientSpec)) {
    let mut clients = model.clients.to_vec();
    edit(&mut clients[0]);
    model.clients = clients.into();
}

pub fn run(model: &Model) -> RunRecord {
    run_seed(model, 1)
}

pub fn run_seed(model: &Model, replication: u32) -> RunRecord {
    engine::run(model, Seed(1), Replication(replication)).expect("the world runs to its end")
}
