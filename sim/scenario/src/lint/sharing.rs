//! Values that are read and written with somebody in between, and connections that two may use at once.
//!
//! The steps of every request are followed once (the body of a `repeat` twice, so that a pass meets the one before). Under a hub only
//! steps that give way let others run; threads can be interrupted wherever time passes. A lock helps if it is held from the read to the
//! write, and if every other writer holds it too. Nothing outside a `fan` protects its runs from each other.

use std::collections::{BTreeMap, BTreeSet};

use engine::model::{SyncKind, WorkerKind};
use engine::op::{Patching, Per};

use crate::tables::sharing::Connection;
use crate::tables::step::{Act, TypedStep};
use crate::tables::sync::TypedSync;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::doubt::Doubt;
use crate::words::source::At;

/// What the worlds allow.
struct Worlds {
    /// Some world has greenlets that run in turns.
    hub: bool,
    /// Some world has threads that run side by side.
    threads: bool,
    /// Some hub has its heavy work yield.
    yields: bool,
}

/// Names of locks, or of pools of one.
type Locks<'s> = BTreeSet<&'s str>;

/// A value since a task last saw it.
#[derive(Clone)]
struct Window<'s> {
    /// The first step since then that gives way to other greenlets.
    gave: Option<&'static str>,
    /// Whether time has passed, in which a thread may be interrupted.
    passed: bool,
    /// Locks held since then.
    locks: Locks<'s>,
}

/// A `write`, with what may have happened before it.
struct Writer<'s> {
    request: &'s str,
    at: At,
    window: Option<Window<'s>>,
    held: Locks<'s>,
}

/// A call over a connection.
struct Use<'s> {
    at: At,
    blocking: bool,
    /// Whether several runs of a fan make it.
    fan: bool,
    held: Locks<'s>,
    /// Whether the task or its request holds a unit of the connection's pool.
    has_unit: bool,
}

/// What all requests do to values and connections, by name.
#[derive(Default)]
struct Found<'s> {
    writers: BTreeMap<&'s str, Vec<Writer<'s>>>,
    uses: BTreeMap<&'s str, Vec<Use<'s>>>,
    /// Writes inside a `fan` of what was read outside, by place.
    apart: Vec<(At, &'s str)>,
}

/// One task on its way through its steps.
struct Walk<'a, 's> {
    worlds: &'a Worlds,
    exclusive: &'a Locks<'s>,
    connections: &'s [Connection],
    request: &'s str,
    windows: BTreeMap<&'s str, Window<'s>>,
    /// Units held by this task, and by whoever waits for it in a `fan`.
    held: Vec<&'s str>,
    outside: Vec<&'s str>,
    /// Values that were read before the `fan` that this is a run of.
    read_outside: Vec<&'s str>,
    fan: bool,
    found: &'a mut Found<'s>,
}

/// Looks for updates that may be lost and connections that two may use.
pub(super) fn check(scenario: &Scenario, findings: &mut Findings) {
    let of = |wanted: fn(&WorkerKind) -> bool| scenario.worlds.iter().filter(move |world| wanted(&world.worker.kind));
    let hubs = || of(|kind| matches!(kind, WorkerKind::Hub { greenlets: 2.., .. }));
    let threads = |kind: &WorkerKind| {
        matches!(kind, WorkerKind::Threads { threads: 2.. } | WorkerKind::Pool { threads: 2.., .. })
    };
    let worlds = Worlds {
        hub: hubs().next().is_some(),
        threads: of(threads).next().is_some(),
        yields: hubs().any(|world| world.yield_every.is_some()),
    };
    let is_one = |sync: &&TypedSync| matches!(sync.kind, SyncKind::Semaphore { units: 1, .. });
    let exclusive: Locks = scenario.syncs.iter().filter(is_one).map(|sync| sync.name.text.as_str()).collect();
    let mut found = Found::default();
    for request in &scenario.requests {
        let mut walk = Walk {
            worlds: &worlds,
            exclusive: &exclusive,
            connections: &scenario.connections,
            request: &request.name.text,
            windows: BTreeMap::new(),
            held: Vec::new(),
            outside: Vec::new(),
            read_outside: Vec::new(),
            fan: false,
            found: &mut found,
        };
        walk.steps(&request.steps);
    }
    for (value, writers) in &found.writers {
        tell_writers(value, writers, &worlds, findings);
    }
    for (at, value) in &found.apart {
        let what = format!("this run of the fan writes `{value}`, which only the request outside has read");
        let help = format!("write {{ read = \"{value}\" }} inside the `fan`: each of its runs has a copy of its own");
        findings.doubt(Doubt::LostUpdate, *at, what).label("never read here").help(help);
    }
    for connection in &scenario.connections {
        let uses = found.uses.get(connection.name.text.as_str()).map_or(&[][..], Vec::as_slice);
        tell_uses(connection, uses, &worlds, findings);
    }
}

impl<'s> Walk<'_, 's> {
    fn steps(&mut self, steps: &'s [TypedStep]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &'s TypedStep) {
        self.pass(&step.act);
        match &step.act {
            Act::Read { value } => {
                let window = self.window();
                self.windows.insert(value, window);
            }
            Act::Write { value } => self.write(step.at, value),
            Act::Call { over: Some(over), patching, .. } => self.call(step.at, over, *patching),
            Act::Acquire { sync, .. } => self.held.push(sync),
            Act::Release { sync } => self.release(sync),
            Act::With { sync, steps, .. } => {
                self.held.push(sync);
                self.steps(steps);
                self.release(sync);
            }
            Act::Thread { wait: false, steps, .. } => self.fan(1, steps),
            Act::Within { steps, .. } | Act::Thread { steps, .. } | Act::Background { steps } => self.steps(steps),
            Act::Repeat { times, steps } => (0..(*times).min(2)).for_each(|_| self.steps(steps)),
            Act::Chance { steps, .. } => self.perhaps(steps),
            Act::Fan { count, steps, .. } => self.fan(*count, steps),
            _ => {}
        }
    }

    /// Time goes by for all values that were read, and others may run.
    fn pass(&mut self, act: &Act) {
        let (gives_way, takes_time) = passes(act, self.worlds.yields);
        let verb = act.verb();
        for window in self.windows.values_mut() {
            window.passed |= takes_time;
            if gives_way && window.gave.is_none() {
                window.gave = Some(verb);
            }
        }
    }

    /// The locks that are held now.
    fn locks(&self) -> Locks<'s> {
        self.held.iter().copied().filter(|sync| self.exclusive.contains(sync)).collect()
    }

    fn window(&self) -> Window<'s> {
        Window { gave: None, passed: false, locks: self.locks() }
    }

    fn write(&mut self, at: At, value: &'s str) {
        let seen = self.windows.insert(value, self.window());
        if seen.is_none() && self.read_outside.contains(&value) && !self.found.apart.contains(&(at, value)) {
            self.found.apart.push((at, value));
        }
        let writer = Writer { request: self.request, at, window: seen, held: self.locks() };
        let writers = self.found.writers.entry(value).or_default();
        // The second pass of a loop may show what the first did not.
        match writers.iter_mut().find(|known| known.at == at) {
            Some(known) if known.window.as_ref().is_none_or(|window| window.gave.is_none()) => *known = writer,
            Some(_) => {}
            None => writers.push(writer),
        }
    }

    fn call(&mut self, at: At, over: &'s str, patching: Patching) {
        let pool = self.connections.iter().find(|one| one.name.text == over).and_then(|one| one.pool.as_deref());
        let has_unit = pool.is_none_or(|pool| self.held.contains(&pool) || self.outside.contains(&pool));
        // A unit that a run of a fan holds is its own connection.
        let fan = self.fan && !pool.is_some_and(|pool| self.held.contains(&pool));
        let one = Use { at, blocking: patching == Patching::Blocking, fan, held: self.locks(), has_unit };
        let uses = self.found.uses.entry(over).or_default();
        if !uses.iter().any(|known| known.at == at) {
            uses.push(one);
        }
    }

    fn release(&mut self, sync: &str) {
        if let Some(at) = self.held.iter().rposition(|held| *held == sync) {
            self.held.remove(at);
        }
        if !self.held.contains(&sync) {
            self.windows.values_mut().for_each(|window| {
                window.locks.remove(sync);
            });
        }
    }

    /// Steps that not every request runs: what holds afterwards holds whether they ran or not.
    fn perhaps(&mut self, steps: &'s [TypedStep]) {
        let (before, held) = (self.windows.clone(), self.held.clone());
        self.steps(steps);
        self.held = held;
        for (value, window) in &mut self.windows {
            if let Some(other) = before.get(value) {
                window.gave = window.gave.or(other.gave);
                window.passed |= other.passed;
                window.locks.retain(|lock| other.locks.contains(lock));
            }
        }
    }

    fn fan(&mut self, count: u32, steps: &'s [TypedStep]) {
        let several = count > 1;
        let mut walk = Walk {
            worlds: self.worlds,
            exclusive: self.exclusive,
            connections: self.connections,
            request: self.request,
            windows: BTreeMap::new(),
            held: if several { Vec::new() } else { self.held.clone() },
            outside: self.held.clone(),
            read_outside: self.windows.keys().copied().collect(),
            fan: several,
            found: self.found,
        };
        walk.steps(steps);
    }
}

/// Whether a step gives way to other greenlets, and whether time passes in it.
fn passes(act: &Act, yields: bool) -> (bool, bool) {
    match act {
        Act::Burn { yield_every, .. } => (yields || yield_every.is_some(), true),
        Act::Native(_) | Act::Sleep(Patching::Blocking, _) => (false, true),
        Act::Call { patching: Patching::Blocking, .. } => (false, true),
        Act::Sleep(Patching::Patched, _) | Act::Yield | Act::Offload(_) => (true, true),
        Act::Acquire { patching: Patching::Blocking, .. } | Act::With { patching: Patching::Blocking, .. } => {
            (false, true)
        }
        Act::Call { .. } | Act::Acquire { .. } | Act::With { .. } | Act::Thread { .. } => (true, true),
        Act::Put { .. } | Act::Get { .. } | Act::Wait { .. } | Act::Fan { .. } => (true, true),
        Act::Release { .. } | Act::Set { .. } | Act::Clear { .. } | Act::Read { .. } | Act::Write { .. } => {
            (false, false)
        }
        // What is inside is looked at by itself.
        Act::Repeat { .. } | Act::Chance { .. } | Act::Within { .. } | Act::Background { .. } => (false, false),
    }
}

/// The locks that are held in every place.
fn common<'s, 'a>(places: impl Iterator<Item = &'a Locks<'s>>) -> Locks<'s>
where
    's: 'a,
{
    places.cloned().reduce(|all, held| &all & &held).unwrap_or_default()
}

fn expect(doubt: Doubt) -> String {
    format!("if the file is about that, write `expect = [\"{}\"]` at its top", doubt.name())
}

fn tell_writers(value: &str, writers: &[Writer], worlds: &Worlds, findings: &mut Findings) {
    const KIND: Doubt = Doubt::LostUpdate;
    let common = common(writers.iter().map(|writer| &writer.held));
    let mut told: Vec<At> = Vec::new();
    for writer in writers {
        let Some(window) = &writer.window else { continue };
        let gave = window.gave.filter(|_| worlds.hub);
        let others = match gave {
            Some(_) => "greenlet",
            None if worlds.threads && window.passed => "thread",
            None => continue,
        };
        if !window.locks.is_disjoint(&common) {
            continue;
        }
        if let Some(lock) = window.locks.first() {
            let careless = writers.iter().find(|other| !other.held.contains(lock)).expect("some writer lacks it");
            if !told.contains(&careless.at) {
                told.push(careless.at);
                let what = format!(
                    "request `{}` writes `{value}` without `{lock}`, which request `{}` holds while it has it",
                    careless.request, writer.request
                );
                let help = format!("write {{ with = \"{lock}\", steps = [ … ] }} around it; {}", expect(KIND));
                findings.doubt(KIND, careless.at, what).label(format!("without `{lock}`")).help(help);
            }
            continue;
        }
        let what = format!("another {others} may write `{value}` between this request's read and this write");
        let label = match gave {
            Some(verb) => format!("after `{verb}`, which gives way"),
            None => "threads can be interrupted in between".to_owned(),
        };
        let way_out = if gave.is_some() { ", or read it after the last step that gives way" } else { "" };
        let help = format!(
            "write {{ with = \"LOCK\", steps = [ … ] }} around all three, with a table [lock.LOCK]{way_out}; {}",
            expect(KIND)
        );
        findings.doubt(KIND, writer.at, what).label(label).help(help);
    }
}

fn tell_uses(connection: &Connection, uses: &[Use], worlds: &Worlds, findings: &mut Findings) {
    const KIND: Doubt = Doubt::SharedConnection;
    let name = &connection.name.text;
    // A call that blocks a hub has nobody beside it there.
    let meets = |one: &Use| worlds.threads || worlds.hub && !one.blocking;
    let common = common(uses.iter().map(|one| &one.held));
    for one in uses.iter().filter(|one| meets(one)) {
        if let Some(pool) = connection.pool.as_ref().filter(|_| !one.has_unit) {
            let what = format!("this call goes over `{name}` without holding a unit of pool `{pool}`");
            let help = format!("write {{ with = \"{pool}\", steps = [ … ] }} around it");
            findings.doubt(KIND, one.at, what).label("no unit").help(help);
            continue;
        }
        let shared = connection.per == Per::Process || one.fan;
        if !shared || !common.is_empty() {
            continue;
        }
        let (what, label) = if connection.per != Per::Process {
            (format!("the runs of this `fan` share their request's connection `{name}`"), "side by side")
        } else if one.held.is_empty() {
            let who = if worlds.hub { "greenlet" } else { "thread" };
            (format!("another {who} may use connection `{name}` while this one waits on it"), "no lock around it")
        } else {
            (format!("the calls over connection `{name}` are not all under one lock"), "under another lock than others")
        };
        let cure = match connection.per {
            Per::Process => format!(
                "write {{ with = \"LOCK\", steps = [ … ] }} around each call over it, or `pool = \"POOL\"` or \
                 `per = \"request\"` in [connection.{name}]"
            ),
            _ => format!("take a unit of a pool inside the `fan`, with `pool = \"POOL\"` in [connection.{name}]"),
        };
        let help = format!("{cure}; {}", expect(KIND));
        findings.doubt(KIND, one.at, what).label(label).help(help);
    }
}
