//! What one request takes of everything at least, for each one that is answered well: read off its program.
//!
//! Whoever is answered well has begun and finished every op of its program. So of each op at least as many were begun as requests were
//! answered well, and how long an op takes is known to nobody when it begins: what all of them took together is at least the answered
//! times the op's mean, whatever failed before or after. Two things ask for care. An op that may be stopped in the middle counts with
//! what it takes at least (`least.rs`). And what hangs on a chance counts only up to the first thing behind it that can fail: those
//! who are answered may all be those who did not go there. The ways that chance may send a request are told apart, for where
//! something is short they are answered at different rates.
//! Waits in queues count as nothing.

use std::ops::Range;

use engine::law::Law;
use engine::model::{ClassSpec, Model, PeerSpec, SyncKind, WorkerKind};
use engine::op::{DrawKind, Limit, OnError, Op, Patching, Program};

use super::least::{EarlyEnd, Use, taken};
use super::needs::passes;

/// What a request takes of everything, in its steps.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Uses {
    /// Time in its steps, while it holds its slot.
    pub wall: Use,
    /// The same as its client sees it, who may leave.
    pub seen: Use,
    /// CPU time, that under the GIL, and time for which a hub stands still.
    pub cpu: Use,
    pub gil: Use,
    pub hub: Use,
    /// Of each lock, pool, queue or pool of native threads: time for which it has a unit.
    pub syncs: Vec<Use>,
    /// Of each peer: calls, what they take there, and how long each is open.
    pub calls: Vec<f64>,
    pub served: Vec<Use>,
    pub open: Vec<Use>,
    /// Whether something in its steps may fail.
    pub fails: bool,
    /// Locks, pools and queues that are not taken and given back in one piece: nothing is known of them.
    pub strange: Vec<bool>,
}

/// What may stop a request in the middle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Interruptions {
    /// Its process may be killed.
    pub killed: bool,
    /// Its client may leave.
    pub left: bool,
    /// It runs on a hub.
    pub hub: bool,
}

impl Interruptions {
    pub fn of(model: &Model) -> Interruptions {
        let hub =
            model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_)));
        let leaves = |client: &engine::model::ClientSpec| {
            let limits = [client.read_timeout, client.connect_timeout, client.silence];
            client.patience.is_some() || client.hedge.is_some() || limits.iter().any(Option::is_some)
        };
        let left = model.clients.iter().any(leaves) || model.proxy.is_some();
        let mut around = Interruptions { killed: false, left, hub };
        around.killed = killed(model, around);
        around
    }
}

/// The chance beyond which nothing is taken to last.
const BEYOND: f64 = 1e-6;
/// Processes live if their limits are so many times longer than anything that happens in them.
const WIDE: f64 = 2.0;

/// Whether a process may be killed with requests in it.
fn killed(model: &Model, around: Interruptions) -> bool {
    let worker = &model.workers[0];
    if model.kernel.memory.is_some() || model.kernel.descriptors.is_some() && worker.life.is_some() {
        return true;
    }
    let Some(life) = &worker.life else { return false };
    let graceful = life.max_requests.map(|_| life.graceful_timeout);
    let silent = life.timeout.filter(|_| matches!(worker.kind, WorkerKind::Threads { .. }));
    let limit = [life.harakiri, silent, graceful].into_iter().flatten().min();
    // Elsewhere only a main loop that stands still for so long is killed.
    let stuck = life.timeout.filter(|_| silent.is_none());
    let longest = |of: fn(&Op) -> bool, sharing: f64| {
        let programs = model.classes.iter().map(|class| longest(model, class, of) * sharing);
        programs.fold(0.0, f64::max)
    };
    let waits = |op: &Op| matches!(op, Op::Acquire { .. } | Op::Put { .. } | Op::Get { .. } | Op::Await { .. });
    let queues = model.programs.iter().any(|program| program.code.iter().any(waits))
        || model.peers.iter().any(|peer| peer.capacity.is_some() || !peer.windows.is_empty());
    let cores: u32 = model.hosts.iter().map(|host| host.cores).sum();
    let slots = if around.hub { 1.0 } else { (model.slots() as f64 / f64::from(cores)).max(1.0) };
    let age = longest(|_| true, 1.0) + longest(burns, slots);
    limit.is_some_and(|limit| queues || WIDE * age > limit.as_secs_f64())
        || stuck.is_some_and(|limit| WIDE * longest(holds, slots) > limit.as_secs_f64())
}

fn burns(op: &Op) -> bool {
    matches!(op, Op::Burn(_) | Op::BurnYielding { .. } | Op::Native(_))
}

fn holds(op: &Op) -> bool {
    burns(op) || matches!(op, Op::Sleep(Patching::Blocking, _) | Op::Call { patching: Patching::Blocking, .. })
}

/// About the longest that the ops of a request take together.
fn longest(model: &Model, class: &ClassSpec, of: fn(&Op) -> bool) -> f64 {
    let program = &model.programs[class.program as usize];
    let ops = program.code.iter().zip(passes(program)).filter(|(op, _)| of(op));
    let span = |op: &Op| match *op {
        Op::Burn(draw)
        | Op::BurnYielding { span: draw, .. }
        | Op::Native(draw)
        | Op::Sleep(_, draw)
        | Op::Apply { takes: draw, .. }
        | Op::Call { takes: draw, .. } => law_of(program, Some(class), draw.0).quantile(1.0 - BEYOND).as_secs_f64(),
        Op::Fan { program, count, .. } => {
            let run = &model.programs[usize::from(program)];
            let spans = run.draws.iter().enumerate().map(|(at, _)| law_of(run, None, at as u16));
            f64::from(count) * spans.map(|law| law.quantile(1.0 - BEYOND).as_secs_f64()).sum::<f64>()
        }
        _ => 0.0,
    };
    ops.map(|(op, times)| span(op) * times.max(1.0)).sum()
}

/// The law of a draw.
pub(crate) fn law_of(program: &Program, class: Option<&ClassSpec>, draw: u16) -> Law {
    match &program.draws[usize::from(draw)] {
        DrawKind::Constant(span) => Law::Fixed(*span),
        DrawKind::Fate(column) => {
            class.map_or(Law::Fixed(engine::time::Span::ZERO), |class| class.sites[usize::from(*column)].law.clone())
        }
        DrawKind::PerPass { law, .. } => law.clone(),
        DrawKind::Stretched { of, percent } => crate::scaled::law(&law_of(program, class, of.0), *percent),
        DrawKind::Chance { .. } => Law::Fixed(engine::time::Span::ZERO),
    }
}

/// Branches that hang on a chance of which all combinations are told apart; later ones are in the mean of each.
const APART: usize = 6;

/// Requests of a class that go one way where chance decides.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Way {
    /// Its part of the requests of its class.
    pub share: f64,
    pub uses: Uses,
}

/// What the steps of a class take, by the ways that chance may send a request: each way queues on its own, and those that need
/// nothing of what is short are answered whatever becomes of the others.
pub(crate) fn ways(model: &Model, class: &ClassSpec, around: Interruptions) -> Vec<Way> {
    let program = &model.programs[class.program as usize];
    let mut ways = vec![(1.0, passes(program))];
    for (branch, odds) in branches(program).into_iter().take(APART) {
        let split = |(share, times): (f64, Vec<f64>)| {
            let (mut there, mut past) = (times.clone(), times);
            there[branch.clone()].iter_mut().for_each(|times| *times /= odds);
            past[branch.clone()].iter_mut().for_each(|times| *times = 0.0);
            [(share * odds, there), (share * (1.0 - odds), past)]
        };
        ways = ways.into_iter().flat_map(split).collect();
    }
    let walk = |(share, times)| Way { share, uses: Walk::of(model, program, Some(class), around, times) };
    ways.into_iter().map(walk).collect()
}

/// Branches that a request comes to once and may or may not take, with their odds.
fn branches(program: &Program) -> Vec<(Range<usize>, f64)> {
    let code = program.code.iter().enumerate();
    let inside = code.clone().filter_map(|(at, op)| match *op {
        Op::Loop { back, .. } => Some(usize::from(back.0)..at + 1),
        Op::Chance { skip, .. } => Some(at + 1..usize::from(skip.0)),
        _ => None,
    });
    let inside: Vec<_> = inside.collect();
    let branch = |(at, op): (usize, &Op)| {
        let Op::Chance { odds, skip } = *op else { return None };
        let DrawKind::Chance { ppm, .. } = program.draws[usize::from(odds.0)] else { return None };
        let once = !inside.iter().any(|range| range.contains(&at));
        (once && (1..1_000_000).contains(&ppm)).then(|| (at + 1..usize::from(skip.0), f64::from(ppm) / 1e6))
    };
    code.filter_map(branch).collect()
}

/// A program on its way from the first op to the last.
struct Walk<'a> {
    model: &'a Model,
    program: &'a Program,
    class: Option<&'a ClassSpec>,
    around: Interruptions,
    places: Vec<Place>,
    /// Locks, pools and queues of which a unit is held, each with the loop or branch in which it was taken.
    held: Vec<(u16, usize)>,
    /// Whether it is in a native thread, and not on its hub or loop.
    away: bool,
    /// Whether the response has left.
    answered: bool,
    uses: Uses,
}

/// Where an op stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// How often it runs on average; 0 for what cannot be counted on.
    times: f64,
    /// The loop or branch around it, by its first op.
    inside: usize,
    /// Whether it hangs on a chance, and whether in a timeout block.
    chance: bool,
    guarded: bool,
}

impl<'a> Walk<'a> {
    fn of(
        model: &'a Model,
        program: &'a Program,
        class: Option<&'a ClassSpec>,
        around: Interruptions,
        times: Vec<f64>,
    ) -> Uses {
        let (syncs, peers) = (model.syncs.len(), model.peers.len());
        let uses = Uses {
            syncs: vec![Use::default(); syncs],
            strange: vec![false; syncs],
            calls: vec![0.0; peers],
            served: vec![Use::default(); peers],
            open: vec![Use::default(); peers],
            ..Uses::default()
        };
        let mut walk = Walk {
            model,
            program,
            class,
            around,
            places: Vec::new(),
            held: Vec::new(),
            away: false,
            answered: false,
            uses,
        };
        walk.places = walk.places(times);
        for at in 0..program.code.len() {
            walk.op(at);
        }
        for (sync, _) in std::mem::take(&mut walk.held) {
            walk.uses.strange[usize::from(sync)] = true;
        }
        walk.uses
    }

    /// Where the ops stand, each run so many times.
    fn places(&self, times: Vec<f64>) -> Vec<Place> {
        let code = &self.program.code;
        let place = |times| Place { times, inside: usize::MAX, chance: false, guarded: false };
        let mut places: Vec<Place> = times.into_iter().map(place).collect();
        let mut widths = vec![usize::MAX; code.len()];
        let mut chances = Vec::new();
        for (at, op) in code.iter().enumerate() {
            let range = match *op {
                Op::Loop { back, .. } => usize::from(back.0)..at + 1,
                Op::Chance { skip, .. } => at + 1..usize::from(skip.0),
                Op::Guard { end, .. } => {
                    places[at..usize::from(end.0)].iter_mut().for_each(|place| place.guarded = true);
                    continue;
                }
                _ => continue,
            };
            if let Op::Chance { .. } = op {
                places[range.clone()].iter_mut().for_each(|place| place.chance = true);
                chances.push(range.clone());
            }
            for inner in range.clone() {
                if range.len() < widths[inner] {
                    (widths[inner], places[inner].inside) = (range.len(), range.start);
                }
            }
        }
        for range in chances {
            let first = range.clone().find(|&at| self.fails(&code[at], places[at]));
            let Some(first) = first else { continue };
            // In a loop the op that can fail comes before all others of its next pass.
            let loops = range.clone().filter_map(|at| match code[at] {
                Op::Loop { back, .. } if at > first && usize::from(back.0) <= first => Some(usize::from(back.0)),
                _ => None,
            });
            let from = loops.min().unwrap_or(first + 1);
            places[from.max(range.start)..range.end].iter_mut().for_each(|place| place.times = 0.0);
        }
        places
    }

    /// Whether an op can be the last of its request.
    fn fails(&self, op: &Op, place: Place) -> bool {
        let limited = |limit: Limit| limit != Limit::NONE;
        let waits = !matches!(op, Op::Burn(_) | Op::Native(_) | Op::Set { .. } | Op::Loop { .. } | Op::Chance { .. });
        if self.around.killed || place.guarded && waits {
            return true;
        }
        match *op {
            Op::Call { peer, limit, .. } => limited(limit) || self.call_fails(&self.model.peers[usize::from(peer)]),
            Op::Acquire { limit, block, .. } => limited(limit) || !block,
            Op::Put { limit, .. } | Op::Get { limit, .. } | Op::Await { limit, .. } => limited(limit),
            Op::Occupy { .. } => self.around.hub,
            Op::Fan { program, .. } => {
                let run = &self.model.programs[usize::from(program)];
                let place = Place { times: 1.0, inside: usize::MAX, chance: false, guarded: false };
                // The format has no fan inside a fan.
                let mut inner = run.code.iter().filter(|op| !matches!(op, Op::Fan { .. }));
                inner.any(|op| matches!(op, Op::Guard { .. }) || self.fails(op, place))
            }
            _ => false,
        }
    }

    fn call_fails(&self, peer: &PeerSpec) -> bool {
        let fails = peer.windows.iter().any(|window| window.fail_ppm > 0);
        fails || peer.breaker.is_some() || peer.ports.is_some() || self.model.kernel.descriptors.is_some()
    }

    fn op(&mut self, at: usize) {
        let (op, place) = (self.program.code[at], self.places[at]);
        self.uses.fails |= self.fails(&op, place);
        match op {
            Op::Burn(draw) | Op::Native(draw) | Op::BurnYielding { span: draw, .. } => {
                let law = law_of(self.program, self.class, draw.0);
                // Only what gives way can be stopped by a timeout block.
                let guarded = place.guarded && matches!(op, Op::BurnYielding { .. });
                let takes = self.takes(&law, Place { guarded, ..place }, Limit::NONE);
                self.uses.cpu = self.uses.cpu.and(takes);
                if !self.away {
                    self.uses.hub = self.uses.hub.and(takes);
                }
                if !matches!(op, Op::Native(_)) {
                    self.uses.gil = self.uses.gil.and(takes);
                }
                self.pass(takes, self.seen(&law, place));
            }
            Op::Sleep(patching, draw) => {
                let law = law_of(self.program, self.class, draw.0);
                let takes = self.takes(&law, place, Limit::NONE);
                self.stops_hub(patching, takes);
                self.pass(takes, self.seen(&law, place));
            }
            Op::Apply { sync, takes } => {
                let law = law_of(self.program, self.class, takes.0);
                let takes = self.takes(&law, place, Limit::NONE);
                let unit = &mut self.uses.syncs[usize::from(sync)];
                *unit = unit.and(takes);
                self.pass(takes, self.seen(&law, place));
            }
            Op::Call { patching, peer, takes, limit } => self.call(place, patching, usize::from(peer), takes.0, limit),
            Op::Respond => self.answered = true,
            Op::ToThread { sync } => {
                self.away = true;
                self.held.push((sync, place.inside));
            }
            Op::FromThread { sync } => {
                self.away = false;
                self.give(sync, place.inside);
            }
            Op::Acquire { sync, .. } => self.held.push((sync, place.inside)),
            Op::Release { sync } => self.give(sync, place.inside),
            Op::Put { sync, .. } => self.through_queue(sync, place.inside, false),
            Op::Get { sync, .. } => self.through_queue(sync, place.inside, true),
            Op::Fan { program, count, errors } => self.fan(place, usize::from(program), f64::from(count), errors),
            Op::Start { program, native, .. } => self.starts(place, usize::from(program), native),
            _ => {}
        }
    }

    /// What an op takes for each time that it is begun, so often.
    fn takes(&self, law: &Law, place: Place, limit: Limit) -> Use {
        let cut = match (self.around.killed || place.guarded, limit) {
            (true, _) if place.chance => return Use::default(),
            (true, _) => EarlyEnd::Anytime,
            (false, Limit::NONE) => EarlyEnd::Never,
            (false, limit) => EarlyEnd::After(self.program.spans[usize::from(limit.0)].as_secs_f64()),
        };
        taken(law, cut).times(place.times)
    }

    /// The same for a client, who may leave meanwhile.
    fn seen(&self, law: &Law, place: Place) -> Use {
        let guarded = place.guarded || self.around.left;
        self.takes(law, Place { guarded, ..place }, Limit::NONE)
    }

    /// Time passes in the request, and with it in all that it holds.
    fn pass(&mut self, takes: Use, seen: Use) {
        self.uses.wall = self.uses.wall.and(takes);
        if !self.answered {
            self.uses.seen = self.uses.seen.and(if seen.mean < takes.mean { seen } else { takes });
        }
        for (sync, _) in &self.held {
            let unit = &mut self.uses.syncs[usize::from(*sync)];
            *unit = unit.and(takes);
        }
    }

    /// A wait that gevent could not patch stops the hub.
    fn stops_hub(&mut self, patching: Patching, takes: Use) {
        if self.around.hub && patching == Patching::Blocking && !self.away {
            self.uses.hub = self.uses.hub.and(takes);
        }
    }

    fn call(&mut self, place: Place, patching: Patching, peer: usize, draw: u16, limit: Limit) {
        let spec = &self.model.peers[peer];
        let quickest = spec.windows.iter().map(|window| f64::from(window.factor_milli) / 1e3).fold(1.0, f64::min);
        let law = law_of(self.program, self.class, draw);
        let network = Use::fixed(2.0 * spec.network.as_secs_f64()).times(place.times);
        let network = if place.chance && place.guarded { Use::default() } else { network };
        let times = |takes: Use, factor: f64| Use { mean: takes.mean * factor, ..takes };
        // In a quick window a limit cuts less, so how long it is says nothing.
        let limited = if quickest < 1.0 && limit != Limit::NONE {
            self.takes(&law, Place { guarded: true, ..place }, Limit::NONE)
        } else {
            self.takes(&law, place, limit)
        };
        let takes = times(limited, quickest).and(network);
        let seen = times(self.seen(&law, place), quickest).and(network);
        // What a peer has begun it finishes, whoever still waits.
        let whole = times(taken(&law, EarlyEnd::Never).times(place.times), quickest);
        let made = if place.chance && place.guarded { 0.0 } else { place.times };
        self.uses.calls[peer] += made;
        self.uses.served[peer] = self.uses.served[peer].and(if made > 0.0 { whole } else { Use::default() });
        self.uses.open[peer] = self.uses.open[peer].and(takes);
        self.stops_hub(patching, takes);
        self.pass(takes, seen);
    }

    fn give(&mut self, sync: u16, inside: usize) {
        match self.held.iter().rposition(|(held, _)| *held == sync) {
            Some(at) if self.held[at].1 == inside => {
                self.held.remove(at);
            }
            // Taken on one way and given back on another.
            Some(at) => {
                self.held.remove(at);
                self.uses.strange[usize::from(sync)] = true;
            }
            None => self.uses.strange[usize::from(sync)] = true,
        }
    }

    /// A queue of a size is a pool of tokens: a put takes one, and a get gives it back; of a filled one the other way round.
    fn through_queue(&mut self, sync: u16, inside: usize, gets: bool) {
        let SyncKind::Queue { filled, .. } = self.model.syncs[usize::from(sync)].kind else { return };
        if gets == filled { self.held.push((sync, inside)) } else { self.give(sync, inside) }
    }

    /// A thread that nobody waits for: its CPU time is its process's, whose hub it keeps as a greenlet.
    fn starts(&mut self, place: Place, program: usize, native: bool) {
        let around = Interruptions { killed: self.around.killed, ..self.around };
        let program = &self.model.programs[program];
        let one = Walk::of(self.model, program, None, around, passes(program));
        let times = if place.chance && place.guarded { 0.0 } else { place.times };
        let on_hub = matches!(self.model.workers[0].kind, WorkerKind::Hub { .. }) && !native;
        let sum = |into: &mut Use, one: Use| *into = into.and(one.times(times));
        let uses = &mut self.uses;
        sum(&mut uses.cpu, one.cpu);
        sum(&mut uses.gil, one.gil);
        if on_hub {
            sum(&mut uses.hub, one.hub);
        }
        uses.syncs.iter_mut().zip(&one.syncs).for_each(|(into, &one)| sum(into, one));
        uses.served.iter_mut().zip(&one.served).for_each(|(into, &one)| sum(into, one));
        uses.open.iter_mut().zip(&one.open).for_each(|(into, &one)| sum(into, one));
        uses.calls.iter_mut().zip(&one.calls).for_each(|(into, one)| *into += one * times);
        uses.strange.iter_mut().zip(&one.strange).for_each(|(into, one)| *into |= one);
    }

    /// Runs side by side: together they take so many times as much, and time for the longest way through them.
    fn fan(&mut self, place: Place, program: usize, count: f64, errors: OnError) {
        if self.class.is_none() {
            return;
        }
        let model = self.model;
        let program = &model.programs[program];
        let errors = errors.on(matches!(model.workers[0].kind, WorkerKind::Loop(_)));
        let run =
            |killed: bool| Walk::of(model, program, None, Interruptions { killed, ..self.around }, passes(program));
        let cut = self.around.killed || place.guarded;
        let mut one = run(cut);
        // An error in one of them may end the others early, or the wait for them.
        let early = one.fails && errors != OnError::Wait;
        if early && errors == OnError::Cancel && !cut {
            one = run(true);
        }
        let around = Interruptions { killed: cut || early && errors == OnError::Cancel, ..self.around };
        let all = if place.chance && around.killed { 0.0 } else { place.times } * count;
        let mut longest = one.wall;
        if self.around.hub {
            longest = longest.or(one.hub.times(count));
        } else if model.workers[0].gil {
            longest = longest.or(one.gil.times(count));
        }
        for (at, sync) in model.syncs.iter().enumerate() {
            let SyncKind::Semaphore { units, .. } = sync.kind else { continue };
            longest = longest.or(if one.strange[at] {
                Use::default()
            } else {
                one.syncs[at].times(count / f64::from(units))
            });
        }
        for (peer, spec) in model.peers.iter().enumerate() {
            let Some(capacity) = spec.capacity else { continue };
            longest = longest.or(one.served[peer].times(count / f64::from(capacity)));
        }
        let sum = |into: &mut Use, one: Use| *into = into.and(one.times(all));
        let uses = &mut self.uses;
        sum(&mut uses.cpu, one.cpu);
        sum(&mut uses.gil, one.gil);
        sum(&mut uses.hub, one.hub);
        uses.syncs.iter_mut().zip(&one.syncs).for_each(|(into, &one)| sum(into, one));
        uses.served.iter_mut().zip(&one.served).for_each(|(into, &one)| sum(into, one));
        uses.open.iter_mut().zip(&one.open).for_each(|(into, &one)| sum(into, one));
        uses.calls.iter_mut().zip(&one.calls).for_each(|(into, one)| *into += one * all);
        uses.strange.iter_mut().zip(&one.strange).for_each(|(into, one)| *into |= one);
        let takes = if early { Use::default() } else { longest.times(all / count) };
        let seen = if self.around.left { one.seen.times(all / count) } else { takes };
        self.pass(takes, seen);
    }
}
