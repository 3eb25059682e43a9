//! One request on an empty system: how long it takes at least, what of, and whether it fails there already.
//!
//! Its draws are the engine's: streams by the names of the sites, and numbers mixed from its key inside loops and chances. Nobody waits
//! for anybody here, so no queue, unit or core takes time; caches are warm and switches are free, which is less than any server takes.

use engine::law::Law;
use engine::model::{ClassSpec, ClientSpec, HedgeAfter, Model, WorkerKind};
use engine::op::{DrawKind, Limit, Op, Patching, Program};
use engine::rng::{Replication, Seed, Streams, happens, mix, stable_hash};
use engine::time::{Span, Time};

use crate::theory::passes;

/// Why a request fails on an empty system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failing {
    /// The peer of this index fails.
    Peer(usize),
    /// A call to it takes longer than its time limit.
    Slow(usize),
    /// A timeout block ends first.
    Block,
    /// Its client has left, or waits no longer.
    Left,
}

/// What a request spends its time on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdealPart {
    /// Calls to the peer of this index.
    Peer(usize),
    /// Sleeps.
    Sleep,
    /// CPU time of its steps.
    Cpu,
    /// Work in native threads.
    Offload,
}

/// A request on an empty system.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Ideal {
    /// From its sending to its response, in ns.
    pub took: u64,
    /// Why it is not answered well.
    pub failing: Option<Failing>,
    /// The longest of its parts: which, and how long in ns.
    pub parts: Vec<u64>,
}

/// Ops that the longest request of a model runs, about.
pub(super) fn ops(model: &Model) -> f64 {
    let of = |program: &Program| passes(program).iter().sum::<f64>();
    let with_runs = |program: &Program| {
        let run = |(op, times): (&Op, f64)| match *op {
            Op::Fan { program, count, .. } => times * f64::from(count) * of(&model.programs[usize::from(program)]),
            _ => 0.0,
        };
        of(program) + program.code.iter().zip(passes(program)).map(run).sum::<f64>()
    };
    model.classes.iter().map(|class| with_runs(&model.programs[class.program as usize])).fold(1.0, f64::max)
}

/// Places of [`IdealPart`]s: the peers, then the others.
pub(super) fn part_at(model: &Model, place: usize) -> IdealPart {
    match place.checked_sub(model.peers.len()) {
        None => IdealPart::Peer(place),
        Some(0) => IdealPart::Sleep,
        Some(1) => IdealPart::Cpu,
        Some(_) => IdealPart::Offload,
    }
}

/// Parts that there are.
pub(super) fn parts(model: &Model) -> usize {
    model.peers.len() + 3
}

/// Requests of one class of one group of clients, one after the other.
pub(super) struct IdealSource<'a> {
    model: &'a Model,
    client: &'a ClientSpec,
    class: &'a ClassSpec,
    streams: Streams,
    key: u64,
    /// What lies around the steps, in ns.
    around: u64,
    hub: bool,
}

/// Keeps the copy of a request apart from itself.
const COPY: u64 = 1 << 40;

impl<'a> IdealSource<'a> {
    /// `around` are seconds of network and server around the steps.
    pub fn new(model: &'a Model, group: usize, class: usize, around: f64) -> IdealSource<'a> {
        let (client, class) = (&model.clients[group], &model.classes[class]);
        let names: Vec<String> = class.sites.iter().map(|site| format!("{}/{}", client.name, site.name)).collect();
        let streams = Streams::new(Seed(1), Replication(0), names.iter().map(String::as_str));
        let key = stable_hash(&format!("{}/{}", client.name, class.name));
        let hub =
            model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_)));
        IdealSource { model, client, class, streams, key, around: (around * 1e9) as u64, hub }
    }

    /// The request of a number, with its second copy, sent at an instant.
    pub fn request(&mut self, number: u64, at: Time) -> Ideal {
        let mut one = self.copy(number, at);
        if let Some(hedge) = self.client.hedge {
            // Nobody knows yet what percentile it will be: at best a copy leaves at once.
            let after = if let HedgeAfter::Delay(after) = hedge.after { after.as_ns() } else { 0 };
            let mut other = self.copy(number | COPY, at);
            other.took = other.took.saturating_add(after);
            let sent = one.took > after;
            if sent && other.failing.is_none() && (one.failing.is_some() || other.took < one.took) {
                one = other;
            }
        }
        let bits = mix(self.key ^ 0x9A71_E9CE, number);
        let patience = self.client.patience.as_ref().map(|law| law.sample(bits));
        let limit = [patience, self.client.read_timeout.filter(|_| self.model.proxy.is_none())];
        // From the click for patience; from the connection, which is later, for the other: longer than both is certain to be late.
        let waits = limit.into_iter().flatten().map(Span::as_ns).min();
        let connecting = self.client.network.as_ns().saturating_mul(3);
        if one.failing.is_none() && waits.is_some_and(|waits| one.took > waits.saturating_add(connecting)) {
            one.failing = Some(Failing::Left);
        }
        one
    }

    fn copy(&mut self, number: u64, at: Time) -> Ideal {
        let laws = self.class.sites.iter().enumerate();
        let row: Vec<u64> = laws.map(|(site, spec)| spec.law.sample(self.streams.bits(site, number)).as_ns()).collect();
        let key = mix(self.key, number);
        let program = &self.model.programs[self.class.program as usize];
        let mut walk = Walk::new(self.model, program, (&row, key), (at, self.around), self.hub);
        walk.run([0; Program::REGISTERS]);
        Ideal { took: walk.now, failing: walk.failing, parts: walk.parts }
    }
}

/// A program on its way.
struct Walk<'a> {
    model: &'a Model,
    program: &'a Program,
    row: &'a [u64],
    key: u64,
    at: Time,
    hub: bool,
    /// Whether it is in a native thread, and not on its hub or loop.
    away: bool,
    now: u64,
    cpu: u64,
    failing: Option<Failing>,
    parts: Vec<u64>,
    /// Ends of the timeout blocks around it.
    ends: Vec<u64>,
    registers: [u32; Program::REGISTERS],
    /// Whether it is a run of a fan, in which the format has no other.
    is_run: bool,
}

impl<'a> Walk<'a> {
    fn new(
        model: &'a Model,
        program: &'a Program,
        (row, key): (&'a [u64], u64),
        (at, now): (Time, u64),
        hub: bool,
    ) -> Walk<'a> {
        let (parts, registers) = (vec![0; parts(model)], [0; Program::REGISTERS]);
        Walk {
            model,
            program,
            row,
            key,
            at,
            hub,
            away: false,
            now,
            cpu: 0,
            failing: None,
            parts,
            ends: Vec::new(),
            registers,
            is_run: false,
        }
    }

    fn span(&self, draw: u16) -> u64 {
        let span = match &self.program.draws[usize::from(draw)] {
            DrawKind::Constant(span) => *span,
            DrawKind::Fate(column) => Span::from_ns(self.row[usize::from(*column)]),
            DrawKind::PerPass { site, law } => law.sample(mix(self.key ^ site, self.pass())),
            DrawKind::Stretched { of, percent } => Span::from_ns(self.span(of.0)) * u64::from(*percent) / 100,
            DrawKind::Chance { .. } => Span::ZERO,
        };
        span.min(Law::CAP).as_ns()
    }

    fn pass(&self) -> u64 {
        let [a, b] = self.registers;
        u64::from(a) ^ u64::from(b) << 32
    }

    fn run(&mut self, registers: [u32; Program::REGISTERS]) {
        self.registers = registers;
        let mut pc = 0;
        let peers = self.model.peers.len();
        while self.failing.is_none() {
            let op = self.program.code[pc];
            pc += 1;
            match op {
                Op::End | Op::Respond => return,
                Op::Burn(draw) | Op::Native(draw) | Op::BurnYielding { span: draw, .. } => {
                    let span = self.span(draw.0);
                    (self.now, self.cpu) = (self.now.saturating_add(span), self.cpu.saturating_add(span));
                    self.parts[peers + 1] = self.parts[peers + 1].saturating_add(span);
                }
                Op::Sleep(patching, draw) => self.wait(self.span(draw.0), peers, patching),
                Op::Apply { takes, .. } => self.wait(self.span(takes.0), peers + 2, Patching::Patched),
                Op::Call { patching, peer, takes, limit } => self.call(pc, patching, usize::from(peer), takes.0, limit),
                Op::Set { register, times } => self.registers[usize::from(register)] = times,
                Op::Loop { register, back } => {
                    let left = &mut self.registers[usize::from(register)];
                    *left -= 1;
                    if *left > 0 {
                        pc = usize::from(back.0);
                    }
                }
                Op::Chance { odds, skip } => {
                    let DrawKind::Chance { site, ppm } = self.program.draws[usize::from(odds.0)] else { continue };
                    if !happens(mix(self.key ^ site, self.pass()), ppm) {
                        pc = usize::from(skip.0);
                    }
                }
                Op::Guard { limit, .. } => {
                    let limit = self.program.spans[usize::from(limit.0)].as_ns();
                    self.ends.push(self.now.saturating_add(limit));
                }
                Op::Unguard => drop(self.ends.pop()),
                Op::ToThread { .. } => self.away = true,
                Op::FromThread { .. } => self.away = false,
                Op::Fan { program, count, .. } => self.fan(usize::from(program), u32::from(count)),
                // Nobody else is there: a unit is free, a queue has room, an event is set.
                _ => {}
            }
        }
    }

    fn wait(&mut self, span: u64, part: usize, patching: Patching) {
        // A hub that stands still cannot look at the clock.
        let blind = self.hub && !self.away && patching == Patching::Blocking;
        let end = self.ends.iter().copied().min().filter(|_| !blind);
        if let Some(end) = end.filter(|&end| self.now.saturating_add(span) > end) {
            self.now = self.now.max(end);
            self.failing = Some(Failing::Block);
            return;
        }
        self.now = self.now.saturating_add(span);
        self.parts[part] = self.parts[part].saturating_add(span);
    }

    fn call(&mut self, pc: usize, patching: Patching, peer: usize, draw: u16, limit: Limit) {
        let spec = &self.model.peers[peer];
        let there = self.at.saturating_add(Span::from_ns(self.now)).saturating_add(spec.network);
        let window = spec.windows.iter().find(|window| window.from <= there && there < window.to);
        let factor = window.map_or(1000, |window| window.factor_milli);
        let takes = Span::from_ns(self.span(draw)).scaled(factor).as_ns();
        let whole = takes.saturating_add(2 * spec.network.as_ns());
        let limit = (limit != Limit::NONE).then(|| self.program.spans[usize::from(limit.0)].as_ns());
        if let Some(limit) = limit.filter(|&limit| whole > limit) {
            self.wait(limit, peer, patching);
            self.failing = self.failing.or(Some(Failing::Slow(peer)));
            return;
        }
        self.wait(whole, peer, patching);
        let luck = mix(self.key ^ 0x00CA_11ED, pc as u64 ^ u64::from(self.registers[0]) << 16);
        if window.is_some_and(|window| happens(luck, window.fail_ppm)) {
            self.failing = self.failing.or(Some(Failing::Peer(peer)));
        }
    }

    /// Runs side by side: as long as the longest, and on a hub as all that they compute.
    fn fan(&mut self, program: usize, count: u32) {
        if self.is_run {
            return;
        }
        let begun = self.now;
        let (mut longest, mut cpu, mut failing) = (begun, 0, None);
        let mut parts = vec![0; self.parts.len()];
        for number in 0..count {
            let program = &self.model.programs[program];
            let mut run = Walk::new(self.model, program, (&[], self.key), (self.at, begun), self.hub);
            run.is_run = true;
            let mut registers = [0; Program::REGISTERS];
            registers[0] = number;
            run.run(registers);
            cpu = run.cpu.saturating_add(cpu);
            failing = failing.or(run.failing);
            if run.now >= longest {
                (longest, parts) = (run.now, run.parts);
            }
        }
        self.cpu = self.cpu.saturating_add(cpu);
        if self.hub {
            longest = longest.max(begun.saturating_add(cpu));
        }
        let before = std::mem::replace(&mut self.now, begun);
        debug_assert_eq!(before, begun);
        let spent = longest - begun;
        match self.ends.iter().copied().min().filter(|&end| longest > end) {
            Some(end) => (self.now, self.failing) = (end.max(begun), Some(Failing::Block)),
            None => self.now = self.now.saturating_add(spent),
        }
        self.parts.iter_mut().zip(parts).for_each(|(sum, part)| *sum = sum.saturating_add(part));
        self.failing = self.failing.or(failing);
    }
}
