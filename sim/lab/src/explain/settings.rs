//! The settings themselves: what each would be instead of what it is, where it means something.

use engine::Model;
use engine::kernel::Wakes;
use engine::model::{Balancing, Policy, SyncKind, WorkerKind};
use engine::op::{Op, Pc};
use engine::record::{StepOf, Wait};
use engine::time::Span;
use engine::worker::LifeSpec;

use super::change::{Change, How, On, Setting};
use super::cures::{StepText, has_hubs};
use super::split::{Split, StepShare};

/// A step that held hubs for less of the time is not worth a yield.
const CULPRIT_MIN: f64 = 0.2;
/// Steps of a kind that are changed.
const STEPS_MAX: usize = 2;
/// A time limit is twice the mean of the waits, and is worth trying where some last this many times the mean.
const LONG_WAITS: f64 = 3.0;

/// A world that is to be changed.
pub(super) struct WorldToChange<'a> {
    pub(super) model: &'a Model,
    pub(super) split: &'a Split,
    pub(super) steps: &'a [StepText],
}

fn change(on: On, settings: impl IntoIterator<Item = (String, String)>, what: String) -> Change {
    let settings = settings.into_iter().map(|(key, value)| Setting { key, value }).collect();
    Change { on, what, how: How::Set(settings), backlog: None }
}

fn set(on: On, key: String, value: impl ToString, what: String) -> Change {
    change(on, [(key, value.to_string())], what)
}

/// So many times a number of things, in words.
fn more(on: On, key: String, (number, times): (u64, u64), thing: &str) -> Change {
    let plural = if thing.ends_with('s') { format!("{thing}es") } else { format!("{thing}s") };
    let more = times * number;
    set(on, key, more, format!("{more} {plural} instead of {number}"))
}

/// A name as a part of a key: in quotes where TOML would not take it bare.
fn bare(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if bare { name.to_owned() } else { format!("{name:?}") }
}

/// A duration with two digits.
fn rounded(span: Span) -> Span {
    let mut unit = 1;
    while span.as_ns() / unit >= 100 {
        unit *= 10;
    }
    Span::from_ns((span.as_ns() + unit / 2) / unit * unit)
}

impl WorldToChange<'_> {
    fn key(&self, key: &str) -> String {
        format!("world.{}.{key}", bare(&self.model.name))
    }

    fn kind(&self) -> Option<WorkerKind> {
        self.model.workers.first().map(|worker| worker.kind)
    }

    fn life(&self) -> Option<LifeSpec> {
        self.model.workers.first().and_then(|worker| worker.life)
    }

    /// Processes of a server.
    fn processes_each(&self) -> u64 {
        (self.model.processes.len() / self.model.hosts.len().max(1)) as u64
    }

    /// Whether several processes of a server wait for the same connections.
    fn shares_sockets(&self) -> bool {
        self.processes_each() > 1 && self.model.kernel.sockets <= 1
    }

    pub(super) fn processes(&self, on: On) -> Change {
        more(on, self.key("processes"), (self.processes_each(), 2), "process")
    }

    /// The same with a core for each, where cores would be too few.
    pub(super) fn processes_with_cores(&self, on: On) -> Vec<Change> {
        let (each, cores) = (self.processes_each(), self.model.hosts.first().map_or(1, |host| host.cores));
        if u64::from(cores) >= 2 * each {
            return Vec::new();
        }
        let what = format!("{} processes on {} cores instead of {each} on {cores}", 2 * each, 2 * cores);
        let settings = [("processes", 2 * each), ("cores", 2 * u64::from(cores))];
        vec![change(on, settings.map(|(key, value)| (self.key(key), value.to_string())), what)]
    }

    /// A second process where there is one, so that one serves while the other does not.
    pub(super) fn another_process(&self, on: On) -> Vec<Change> {
        if self.processes_each() > 1 { Vec::new() } else { vec![self.processes(on)] }
    }

    pub(super) fn cores(&self, on: On) -> Change {
        let cores = self.model.hosts.first().map_or(1, |host| host.cores);
        more(on, self.key("cores"), (u64::from(cores), 2), "core")
    }

    /// Cures for a server that stands still under its CPU limit: twice of it, one that no core reaches, and fewer who use it up at once.
    pub(super) fn cpu_limit(&self, on: On) -> Vec<Change> {
        let Some(host) = self.model.hosts.first() else { return Vec::new() };
        let Some(limit) = host.cpu_limit else { return Vec::new() };
        let milli = |cores: f64| format!("{}m", (cores * 1000.0).round());
        let now = limit.cores();
        let twice = milli((2.0 * now).min(f64::from(host.cores)));
        let none = milli(f64::from(host.cores));
        let value = |of: &str| format!("{of:?}");
        let mut changes = vec![set(
            on,
            self.key("cpu_limit"),
            value(&twice),
            format!("a CPU limit of {twice} instead of {}", milli(now)),
        )];
        if none != twice {
            changes.push(set(on, self.key("cpu_limit"), value(&none), "no CPU limit".to_owned()));
        }
        if limit.burst < limit.quota {
            let quota = rounded(limit.quota);
            let what = format!("a burst of {quota} on top of the CPU limit");
            changes.push(set(on, self.key("cpu_burst"), value(&quota.to_string()), what));
        }
        changes
    }

    pub(super) fn slots(&self, on: On) -> Vec<Change> {
        let (key, thing, number) = match self.kind() {
            Some(WorkerKind::Threads { threads } | WorkerKind::Pool { threads, .. }) => ("threads", "thread", threads),
            Some(WorkerKind::Hub { greenlets, .. }) => ("greenlets", "greenlet", greenlets),
            Some(WorkerKind::Loop(spec)) => match spec.limit {
                Some(limit) => ("limit_concurrency", "connection", limit),
                None => return Vec::new(),
            },
            None => return Vec::new(),
        };
        vec![more(on, self.key(key), (u64::from(number), 2), thing)]
    }

    /// Connections that a pool server takes in.
    pub(super) fn connections(&self, on: On) -> Vec<Change> {
        match self.kind() {
            Some(WorkerKind::Pool { connections, .. }) => {
                vec![more(on, self.key("connections"), (u64::from(connections), 2), "connection")]
            }
            Some(WorkerKind::Threads { .. } | WorkerKind::Hub { .. } | WorkerKind::Loop(_)) | None => Vec::new(),
        }
    }

    pub(super) fn listen(&self, on: On) -> Change {
        let now = self.model.listeners.first().map_or(1, |listener| listener.backlog).max(1);
        let wanted = now.saturating_mul(8).min(1_000_000);
        let what = format!("an accept queue of {wanted} instead of {now}");
        Change { backlog: Some(wanted), ..set(on, self.key("listen"), wanted, what) }
    }

    /// The same where the queue was so full that connections were dropped.
    pub(super) fn listen_if_full(&self, on: On) -> Vec<Change> {
        if self.split.counts.dropped > 0 { vec![self.listen(on)] } else { Vec::new() }
    }

    /// One connection for a readiness, so that the next one goes to whichever hub is free.
    pub(super) fn accepts(&self, on: On) -> Vec<Change> {
        match self.kind() {
            Some(WorkerKind::Hub { accepts, .. }) if accepts > 1 && self.shares_sockets() => {
                let what = format!("a hub accepts 1 connection at a time instead of {accepts}");
                vec![set(on, self.key("accepts"), 1, what)]
            }
            Some(WorkerKind::Loop(spec)) if spec.accepts > 1 && self.shares_sockets() => {
                let what = format!("a loop accepts 1 connection at a time instead of {}", spec.accepts);
                vec![set(on, self.key("accepts"), 1, what)]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn reuse_port(&self, on: On) -> Vec<Change> {
        if self.processes_each() <= 1 || self.model.workers.iter().any(|worker| worker.resident) {
            return Vec::new();
        }
        let (value, what) = match self.model.kernel.sockets > 1 {
            false => (true, "a listening socket for every process"),
            true => (false, "one listening socket for all processes of a server"),
        };
        vec![set(on, self.key("reuse_port"), value, what.to_owned())]
    }

    pub(super) fn wakes(&self, on: On) -> Vec<Change> {
        if !self.shares_sockets() {
            return Vec::new();
        }
        let (value, what) = match self.model.kernel.wakes {
            Wakes::Usual if has_hubs(self.model) => ("one", "a connection wakes one process instead of all"),
            Wakes::All => ("one", "a connection wakes one process instead of all"),
            Wakes::Usual | Wakes::One => ("all", "a connection wakes all processes instead of one"),
        };
        vec![set(on, self.key("wakes"), value, what.to_owned())]
    }

    pub(super) fn graceful_timeout(&self, on: On) -> Vec<Change> {
        let Some(life) = self.life().filter(|life| life.graceful_timeout > Span::from_secs(1)) else {
            return Vec::new();
        };
        let less = rounded(life.graceful_timeout / 10).max(Span::from_secs(1));
        let what = format!(
            "a process that is to be replaced is given {less} instead of {} to finish what it has",
            life.graceful_timeout
        );
        vec![set(on, self.key("graceful_timeout"), less, what)]
    }

    /// A shorter patience with idle connections, where any are kept.
    pub(super) fn keepalive(&self, on: On) -> Vec<Change> {
        let kept = self.model.clients.iter().any(|client| client.keep_alive.is_some())
            || self.model.proxy.is_some_and(|proxy| proxy.keep_alive.is_some());
        let keeps = self.model.workers.first().and_then(|worker| worker.keep_alive);
        let Some(keeps) = keeps.filter(|&keeps| kept && keeps > Span::from_secs(1)) else { return Vec::new() };
        let less = rounded(keeps / 10).max(Span::from_secs(1));
        vec![set(on, self.key("keepalive"), less, format!("idle connections kept for {less} instead of {keeps}"))]
    }

    /// Replacements that are rarer, or do not come together.
    pub(super) fn recycling(&self, on: On) -> Vec<Change> {
        let Some(life) = self.life() else { return Vec::new() };
        let Some((max, jitter)) = life.max_requests else { return Vec::new() };
        let mut all = Vec::new();
        if jitter < max && self.processes_each() > 1 {
            let what =
                format!("a jitter of {max} requests instead of {jitter}, so that processes are not replaced together");
            all.push(set(on, self.key("max_requests_jitter"), max, what));
        }
        let rarer = max.saturating_mul(4).min(1_000_000_000);
        let what = format!("a process replaced after {rarer} requests instead of {max}");
        all.push(set(on, self.key("max_requests"), rarer, what));
        all
    }

    pub(super) fn boot(&self, on: On) -> Vec<Change> {
        let Some(life) = self.life().filter(|life| life.boot >= Span::from_ms(100)) else { return Vec::new() };
        let half = rounded(life.boot / 2);
        let what = format!("an application that needs {half} instead of {} to start, as with --preload", life.boot);
        vec![set(on, self.key("boot"), half, what)]
    }

    pub(super) fn forkbomb_delay(&self, on: On) -> Vec<Change> {
        let naps = self.life().is_some_and(|life| !life.forkbomb_delay.is_zero());
        let what = "a master that does not sleep when processes die too fast".to_owned();
        if naps { vec![set(on, self.key("forkbomb_delay"), "0s", what)] } else { Vec::new() }
    }

    /// Masters that wait for longer before they kill; where they did.
    pub(super) fn longer_timeouts(&self, on: On) -> Vec<Change> {
        let Some(life) = self.life().filter(|_| self.split.counts.killed > 0) else { return Vec::new() };
        let of = |limit: Option<Span>, key: &str, who: &str| {
            limit.map(|limit| {
                let longer = limit * 4;
                set(on, self.key(key), longer, format!("{who} killed after {longer} instead of {limit}"))
            })
        };
        let heart = of(life.timeout, "timeout", "a worker whose loop is silent is");
        let request = of(life.harakiri, "harakiri", "a process with a request that takes too long is");
        heart.into_iter().chain(request).collect()
    }

    /// Another way to choose a server, where there are several.
    pub(super) fn policy(&self, on: On) -> Vec<Change> {
        if self.model.hosts.len() <= 1 {
            return Vec::new();
        }
        let (value, what) = match self.model.balancer.policy {
            Balancing::LeastConnections => ("round-robin", "one server after the other"),
            Balancing::RoundRobin | Balancing::Random | Balancing::TwoChoices | Balancing::Hash { .. } => {
                ("least-connections", "to the server with the fewest open connections")
            }
        };
        vec![set(on, "balancer.policy".to_owned(), value, format!("connections go {what}"))]
    }

    pub(super) fn fewer_retries(&self, on: On) -> Vec<Change> {
        let mut all = Vec::new();
        for client in self.model.clients.iter() {
            let Some(retry) = &client.retry else { continue };
            let name = &client.name;
            if retry.budget_ppm.is_none() {
                let what = format!("`{name}` may retry one in ten of their requests");
                all.push(set(on, format!("client.{}.retry.budget", bare(name)), "0.1", what));
            }
            if retry.times > 1 {
                let what = format!("`{name}` retry once instead of {} times", retry.times);
                all.push(set(on, format!("client.{}.retry.times", bare(name)), 1, what));
            }
        }
        all
    }

    /// Burns that hold the hub give way every 100 us, if a burn is what holds it.
    pub(super) fn yields(&self, on: On) -> Vec<Change> {
        let burns = |step: &StepOf| matches!(self.op(*step), Some(Op::Burn(_) | Op::BurnYielding { .. }));
        let worth = self.split.held.iter().filter(|held| held.share >= CULPRIT_MIN);
        let Some(step) = worth.filter_map(|held| held.culprit).find(burns).filter(|_| has_hubs(self.model)) else {
            return Vec::new();
        };
        let program = &self.model.programs[usize::from(step.program)].name;
        let what = format!("sleep(0) after every 100 us of CPU, in `{program}` and elsewhere");
        vec![set(on, self.key("yield_every"), "100us", what)]
    }

    /// Steps that block a hub: in native threads of its own, or in a version that gives way.
    pub(super) fn blocking(&self, on: On) -> Vec<Change> {
        if !has_hubs(self.model) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for step in self.steps.iter().filter(|step| step.blocking).take(STEPS_MAX) {
            if step.verb == "sleep" {
                let what = format!("the blocking sleep of `{}` moved to the hub's native threads", step.request);
                all.push(set(on, step.key.clone(), format!("{{ offload = \"{}\" }}", step.says), what));
            }
            let what = match step.verb.as_str() {
                "call" => format!(
                    "calls of `{}` in `{}` through a library that gives way to the hub",
                    step.says, step.request
                ),
                _ => format!("the blocking {} of `{}` in a version that gives way to the hub", step.verb, step.request),
            };
            all.push(set(on, format!("{}.blocking", step.key), false, what));
        }
        all
    }

    fn op(&self, StepOf { program, pc }: StepOf) -> Option<Op> {
        let Pc(pc) = pc?;
        self.model.programs[usize::from(program)].code.get(usize::from(pc)).copied()
    }

    fn op_of(&self, step: &StepShare) -> Option<Op> {
        let program = self.model.classes[usize::from(step.class)].program;
        self.model.programs[program as usize].code.get(usize::from(step.op.0)).copied()
    }

    /// The lock or pool that is waited for most: more of it, and the other way to hand it on.
    pub(super) fn shared(&self, on: On, wait: Wait) -> Vec<Change> {
        let most = self.split.steps_of(wait).find_map(|step| self.op_of(step)?.waits_at());
        let Some(spec) = most.map(|sync| &self.model.syncs[usize::from(sync)]) else { return Vec::new() };
        let name = &spec.name;
        match spec.kind {
            SyncKind::Semaphore { units, policy, .. } => {
                let mut all = Vec::new();
                if spec.pool {
                    for more in [2, 4].map(|times| times * u64::from(units)) {
                        let what = format!("{more} units of pool `{name}` instead of {units}");
                        all.push(set(on, format!("pool.{}.units", bare(name)), more, what));
                    }
                } else {
                    // Every process has a lock of its own.
                    all.push(self.processes(on));
                }
                if policy == Policy::Barging {
                    let table = if spec.pool { "pool" } else { "lock" };
                    let what = format!("`{name}` handed to whoever has waited longest");
                    all.push(set(on, format!("{table}.{}.policy", bare(name)), "hand-off", what));
                }
                all
            }
            SyncKind::Queue { max: Some(size), .. } => {
                let what = format!("queue `{name}` of {} instead of {size}", 2 * size);
                vec![set(on, format!("queue.{}.size", bare(name)), 2 * size, what)]
            }
            SyncKind::Threads { size } => {
                // What no table of the file names is `[offload]`.
                let (key, whose) = match name.as_str() {
                    "hub threadpool" => ("offload.threads".to_owned(), "of a hub for `offload`".to_owned()),
                    "threads of the loop" => ("offload.threads".to_owned(), "of the loop".to_owned()),
                    named => (format!("executor.{}.threads", bare(named)), format!("of `{named}`")),
                };
                let more = |times: u64| {
                    let threads = u64::from(size) * times;
                    let what = format!("{threads} native threads {whose} instead of {size}");
                    set(on, key.clone(), threads, what)
                };
                vec![more(2), more(4)]
            }
            _ => Vec::new(),
        }
    }

    /// The peer that is waited for most, and where.
    fn called(&self) -> Option<(&StepShare, u16)> {
        self.split.steps_of(Wait::Peer).find_map(|step| match self.op_of(step) {
            Some(Op::Call { peer, .. }) => Some((step, peer)),
            _ => None,
        })
    }

    /// A time limit for the call that is waited for most, where some calls take far longer than others.
    pub(super) fn timeout(&self, on: On) -> Vec<Change> {
        let Some((step, peer)) = self.called() else { return Vec::new() };
        if (step.longest.as_ns() as f64) < LONG_WAITS * step.mean_ns {
            return Vec::new();
        }
        let Some(text) = self.written(step).filter(|text| !text.limited) else { return Vec::new() };
        let limit = rounded(Span::from_ns((2.0 * step.mean_ns) as u64).max(Span::from_us(1)));
        let name = &self.model.peers[usize::from(peer)].name;
        let what = format!("calls of `{name}` in `{}` given up after {limit}: those requests fail", text.request);
        vec![set(on, format!("{}.timeout", text.key), limit, what)]
    }

    /// The text of a call: as many calls come before it in its program as in the file.
    fn written(&self, step: &StepShare) -> Option<&StepText> {
        let program = &self.model.programs[self.model.classes[usize::from(step.class)].program as usize];
        let before = program.code.iter().take(usize::from(step.op.0)).filter(|op| matches!(op, Op::Call { .. }));
        let is_call = |text: &&StepText| text.request == program.name && text.verb == "call" && !text.in_fan;
        self.steps.iter().filter(is_call).nth(before.count())
    }

    pub(super) fn capacity(&self, on: On) -> Vec<Change> {
        let Some((_, peer)) = self.called() else { return Vec::new() };
        let spec = &self.model.peers[usize::from(peer)];
        let capacity = spec.capacity.map(|capacity| {
            let what = format!("`{}` serving {} calls at once instead of {capacity}", spec.name, 2 * capacity);
            set(on, format!("peer.{}.capacity", bare(&spec.name)), 2 * capacity, what)
        });
        capacity.into_iter().collect()
    }

    /// A breaker around calls that can fail.
    pub(super) fn breaker(&self, on: On) -> Vec<Change> {
        let Some((_, peer)) = self.called() else { return Vec::new() };
        let spec = &self.model.peers[usize::from(peer)];
        let limited = |text: &&StepText| text.verb == "call" && text.says == spec.name && text.limited;
        let fails =
            spec.windows.iter().any(|window| window.fail_ppm > 0) || self.steps.iter().any(|text| limited(&text));
        if !fails || spec.breaker.is_some() {
            return Vec::new();
        }
        let what =
            format!("a breaker around calls of `{}`: after 5 failures in a row none is made for a while", spec.name);
        vec![set(on, format!("peer.{}.breaker.failures", bare(&spec.name)), 5, what)]
    }

    pub(super) fn faster_peer(&self, on: On) -> Vec<Change> {
        let Some((_, peer)) = self.called() else { return Vec::new() };
        let what = format!("`{}` answering in half the time", self.model.peers[usize::from(peer)].name);
        vec![Change { on, what, how: How::PeerTwiceAsFast(peer), backlog: None }]
    }
}
