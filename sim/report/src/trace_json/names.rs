//! What things are called in a trace.

use engine::Model;
use engine::record::Wait;
use engine::trace::{
    ArrowKind, Counter, Doing, Key, LoopPhase, ProcessKind, Slice, StepOf, ThreadKind, Trace, Track, What, Why,
};
use lab::explain::step_name;
use serde_json::{Value, json};

/// Names in one trace.
pub(super) struct TraceNames<'a> {
    pub(super) model: &'a Model,
    pub(super) trace: &'a Trace,
}

impl TraceNames<'_> {
    /// A slice's name, its kind, and what is told of it when it is selected.
    pub(super) fn of(&self, slice: &Slice) -> (String, &'static str, Value) {
        let none = || json!({});
        match slice.what {
            What::Stay(key) => (self.request(key), "request", self.about(key, slice.track)),
            What::Wait(wait, step) => (self.wait(wait, step), "wait", json!({ "wait": wait.label() })),
            What::Run { request, branch, step } => {
                let who = match (request, branch) {
                    (Some(key), false) => self.request(key),
                    (Some(key), true) => format!("{}, a branch", self.request(key)),
                    (None, _) => self.program(step.program),
                };
                let what = self.step(step);
                let inside = matches!(slice.track, Track::Greenlet(..));
                (if inside { what } else { format!("{what} ({who})") }, "greenlet", none())
            }
            What::Ready => ("ready, the hub runs others".to_owned(), "wait", json!({ "wait": Wait::Hub.label() })),
            What::Doing(doing) => (doing_name(doing).to_owned(), "thread", none()),
            What::Phase(phase) => (phase_name(phase).to_owned(), "hub", none()),
            What::By { thread, request } => {
                let name = self.thread(thread);
                let process = self.process(self.trace.layout.threads[thread as usize].0);
                let name = request.map_or(name.clone(), |key| format!("{name}: {}", self.request(key)));
                (name, "thread", json!({ "process": process }))
            }
            What::Call { request, failed } => {
                let who = request.map_or("a call".to_owned(), |key| self.request(key));
                (who, "call", if failed { json!({ "failed": true }) } else { none() })
            }
        }
    }

    /// `quick #812`.
    pub(super) fn request(&self, key: Key) -> String {
        let request = &self.trace.requests[key as usize];
        let class = &self.model.classes[usize::from(request.class)].name;
        let number = request.number;
        match request.why {
            Why::First => format!("{class} #{number}"),
            Why::Refresh => format!("{class} #{number}, asked again"),
            Why::Retry => format!("{class} #{number}, a retry"),
            Why::Hedge => format!("{class} #{number}, a second copy"),
            Why::Check => format!("health check #{number}"),
        }
    }

    /// What is told of a request where its whole stay is drawn.
    fn about(&self, key: Key, track: Track) -> Value {
        let request = &self.trace.requests[key as usize];
        let Track::Request(_) = track else { return json!({}) };
        let ending = request.ended.map_or("goes on", |(_, ending)| ending.label());
        let latency = request.ended.map(|(at, _)| at.since(request.born).to_string());
        json!({ "sent": request.born.to_string(), "ending": ending, "latency": latency })
    }

    fn wait(&self, wait: Wait, step: StepOf) -> String {
        let label = wait.label();
        match step.pc {
            None => label.to_owned(),
            Some(pc) => {
                let name = step_name(self.model, step.program, pc);
                if name.starts_with(label) { name } else { format!("{label}: {name}") }
            }
        }
    }

    fn step(&self, step: StepOf) -> String {
        step.pc.map_or("Python around its steps".to_owned(), |pc| step_name(self.model, step.program, pc))
    }

    fn program(&self, program: u16) -> String {
        self.model.programs[usize::from(program)].name.clone()
    }

    /// `thread 3`, counted within its process and its kind.
    pub(super) fn thread(&self, thread: u32) -> String {
        let threads = &self.trace.layout.threads;
        let (process, kind) = threads[thread as usize];
        let number = threads[..=thread as usize].iter().filter(|&&other| other == (process, kind)).count();
        match kind {
            ThreadKind::Server => format!("thread {number}"),
            ThreadKind::Acceptor => "accepting thread".to_owned(),
            ThreadKind::Helper => format!("branch thread {number}"),
            ThreadKind::Hub => "hub thread".to_owned(),
            ThreadKind::Router => "router's thread".to_owned(),
            ThreadKind::Generator => "sending thread".to_owned(),
        }
    }

    /// `uwsgi-gevent 1`, counted over all hosts; the host is named if there are several.
    pub(super) fn process(&self, process: u32) -> String {
        let processes = &self.trace.layout.processes;
        let (host, kind) = processes[process as usize];
        let number = processes[..=process as usize].iter().filter(|&&(_, other)| other == kind).count();
        let name = match kind {
            ProcessKind::Worker(worker) => format!("{} process", self.model.workers[worker as usize].name),
            ProcessKind::Router => "router".to_owned(),
            ProcessKind::Generator => "load generator".to_owned(),
        };
        let several = self.model.hosts.len() > 1;
        let place = if several { format!(" on {}", self.host(host)) } else { String::new() };
        format!("{name} {number}{place}")
    }

    pub(super) fn host(&self, host: u32) -> &str {
        &self.model.hosts[host as usize].name
    }

    /// A lock or pool.
    pub(super) fn sync(&self, sync: u16) -> String {
        let spec = &self.model.syncs[usize::from(sync)];
        format!("{} `{}`", if spec.pool { "pool" } else { "lock" }, spec.name)
    }

    pub(super) fn counter(&self, counter: Counter) -> String {
        match counter {
            Counter::InFlight => "requests in flight".to_owned(),
            Counter::Queued => "requests waiting to be served".to_owned(),
            Counter::Retrying => "clients repeating a SYN".to_owned(),
            Counter::Slots => "busy slots".to_owned(),
            Counter::Runnable(_) => "runnable threads".to_owned(),
            Counter::Waiting(_) => "callbacks and watchers waiting".to_owned(),
            Counter::Accept(listener) => format!("accept queue {}", listener + 1),
        }
    }
}

fn doing_name(doing: Doing) -> &'static str {
    match doing {
        Doing::Waiting => "waits",
        Doing::WaitingGil => "waits for the GIL",
        Doing::Runnable => "runnable, no core is free",
        Doing::Running => "runs",
        Doing::Throttled => "stands still under the CPU limit",
    }
}

fn phase_name(phase: LoopPhase) -> &'static str {
    match phase {
        LoopPhase::Callbacks => "callbacks",
        LoopPhase::Poll => "poll",
        LoopPhase::Watchers => "watchers",
    }
}

pub(super) fn link_name(link: ArrowKind) -> &'static str {
    match link {
        ArrowKind::Connect => "connects",
        ArrowKind::Accept => "is taken",
        ArrowKind::Call => "calls",
        ArrowKind::Reply => "replies",
        ArrowKind::Respond => "responds",
        ArrowKind::HeldHub => "held the hub meanwhile",
        ArrowKind::HeldGil => "held the GIL meanwhile",
    }
}
