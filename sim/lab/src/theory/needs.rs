//! What a request needs on average: CPU time and waiting, read off its program and the costs of its server.

use engine::law::Law;
use engine::model::{ClassSpec, Model, WorkerKind};
use engine::op::{DrawKind, Op, Patching, Program};
use engine::time::Span;

use super::Refusal;

/// What one request needs, in seconds. Waits of unknown length count as nothing, so that the means bound a capacity from above.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Needs {
    /// Mean CPU time, the server's own work included.
    pub cpu: f64,
    /// The part of it under the GIL.
    pub gil: f64,
    /// Mean time of calls and sleeps.
    pub wait: f64,
    /// Mean of the CPU time that the server adds around the steps.
    pub own: f64,
    /// Variance of the whole; `None` where it is infinite or not known.
    pub variance: Option<f64>,
    /// Whether all that varies is one exponential draw, and the rest is next to nothing.
    pub exponential: bool,
    /// Separate pieces of CPU time in the steps.
    pub bursts: u32,
    /// Waits, each of which costs switches, timers and wake-ups that no law counts.
    pub waits: f64,
    /// What varies, and how often each request draws it.
    pub laws: Vec<(Law, f64)>,
}

impl Needs {
    /// Mean time in service when nobody is in the way.
    pub fn whole(&self) -> f64 {
        self.cpu + self.wait
    }
}

/// What is next to nothing beside a service: a thousandth.
const NOTHING: f64 = 1e-3;

/// Mean and variance, in seconds; `None` for what is infinite.
pub(super) fn moments(law: &Law) -> (Option<f64>, Option<f64>) {
    let second = |span: &Span| span.as_secs_f64();
    let mean = law.mean().map(|ns| ns / 1e9);
    let variance = match law {
        Law::Fixed(_) => Some(0.0),
        Law::Uniform { low, high } => Some((second(high) - second(low)).powi(2) / 12.0),
        Law::Exponential { mean } => Some(second(mean).powi(2)),
        Law::Lognormal { sigma, .. } => mean.map(|mean| mean * mean * ((sigma * sigma).exp() - 1.0)),
        Law::Pareto { minimum, alpha } => {
            (*alpha > 2.0).then(|| second(minimum).powi(2) * alpha / ((alpha - 1.0).powi(2) * (alpha - 2.0)))
        }
        Law::Empirical(samples) => mean
            .map(|mean| samples.iter().map(|span| (second(span) - mean).powi(2)).sum::<f64>() / samples.len() as f64),
    };
    (mean, variance)
}

/// What the requests of a world need, over all classes by their weights, and the first reason why no law knows them.
pub(super) fn needs(model: &Model, classes: &[u32]) -> (Needs, Option<Refusal>) {
    let chosen: Vec<&ClassSpec> = classes.iter().map(|&class| &model.classes[class as usize]).collect();
    let weight: f64 = chosen.iter().map(|class| f64::from(class.weight)).sum();
    let mut refusal = None;
    let mut all = Needs::default();
    let mut squares = Some(0.0);
    for class in &chosen {
        let share = f64::from(class.weight) / weight.max(1.0);
        let mut walk = Walk::of(model, &model.programs[class.program as usize], class);
        walk.add_own(model);
        let one = walk.needs;
        refusal = refusal.or(walk.refusal);
        all.waits += share * one.waits;
        all.laws.extend(one.laws.iter().map(|(law, times)| (law.clone(), share * times)));
        all.cpu += share * one.cpu;
        all.gil += share * one.gil;
        all.wait += share * one.wait;
        all.own += share * one.own;
        all.bursts = all.bursts.max(one.bursts);
        let square = one.variance.map(|variance| variance + one.whole().powi(2));
        all.exponential = one.exponential && chosen.len() == 1;
        squares = squares.zip(square).map(|(sum, square)| sum + share * square);
    }
    all.variance = squares.map(|squares: f64| (squares - all.whole().powi(2)).max(0.0));
    (all, refusal)
}

/// A program on its way from the first op to the last.
struct Walk<'a> {
    program: &'a Program,
    class: &'a ClassSpec,
    needs: Needs,
    refusal: Option<Refusal>,
    /// Means of the draws that vary, and whether each is exponential.
    varying: Vec<(f64, bool)>,
    /// Open timeout blocks: what they may cut short is no part of a lower bound.
    guards: u32,
}

/// What a draw takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Burn,
    Native,
    Wait,
}

impl<'a> Walk<'a> {
    fn of(model: &Model, program: &'a Program, class: &'a ClassSpec) -> Walk<'a> {
        let needs = Needs { variance: Some(0.0), ..Needs::default() };
        let mut walk = Walk { program, class, needs, refusal: None, varying: Vec::new(), guards: 0 };
        for (op, times) in program.code.iter().zip(passes(program)) {
            walk.op(model, op, times);
        }
        walk
    }

    /// The first reason counts; the others would only repeat that it is complicated.
    fn refuse(&mut self, refusal: Refusal) {
        self.refusal.get_or_insert(refusal);
    }

    fn op(&mut self, model: &Model, op: &Op, times: f64) {
        match *op {
            Op::Burn(draw) => self.draw(draw.0, times, Takes::Burn),
            Op::Native(draw) => self.draw(draw.0, times, Takes::Native),
            Op::BurnYielding { span, .. } => {
                self.draw(span.0, times, Takes::Burn);
                self.refuse(Refusal::Yields);
            }
            Op::Yield => self.refuse(Refusal::Yields),
            Op::Sleep(patching, draw) => {
                self.blocking(model, patching);
                self.draw(draw.0, times, Takes::Wait);
            }
            Op::Call { patching, peer, takes, limit } => {
                self.blocking(model, patching);
                self.call(model, usize::from(peer), takes.0, limit != engine::op::Limit::NONE, times);
            }
            Op::Chance { .. } => self.refuse(Refusal::Chance),
            Op::Fan { .. } => self.refuse(Refusal::FanOut),
            Op::Start { .. } => self.refuse(Refusal::LeftAlone),
            Op::Guard { .. } => {
                self.guards += 1;
                self.refuse(Refusal::TimeLimit);
            }
            Op::Unguard => self.guards = self.guards.saturating_sub(1),
            Op::Set { .. } | Op::Loop { .. } | Op::End => {}
            // Reading and writing takes no time; who may use a connection is another matter.
            Op::Read { .. } | Op::Write { .. } => {}
            _ => self.refuse(Refusal::Shared),
        }
    }

    /// A wait that gevent could not patch stops the hub.
    fn blocking(&mut self, model: &Model, patching: Patching) {
        if patching == Patching::Patched {
            return;
        }
        if model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Loop(_))) {
            self.refuse(Refusal::BlockingLoop);
        } else if model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Hub { .. })) {
            self.refuse(Refusal::Blocking);
        }
    }

    fn call(&mut self, model: &Model, peer: usize, draw: u16, limited: bool, times: f64) {
        let spec = &model.peers[peer];
        let name = || spec.name.clone();
        if spec.capacity.is_some() {
            self.refuse(Refusal::PeerCapacity(name()));
        }
        if !spec.windows.is_empty() {
            self.refuse(Refusal::PeerWindows(name()));
        }
        if spec.breaker.is_some() {
            self.refuse(Refusal::Breaker);
        }
        if limited {
            self.refuse(Refusal::TimeLimit);
        }
        self.needs.wait += if self.guards > 0 { 0.0 } else { 2.0 * spec.network.as_secs_f64() * times };
        // What may be cut short, or shortened, is no part of a lower bound.
        if !limited && spec.windows.is_empty() {
            self.draw(draw, times, Takes::Wait);
        }
    }

    fn draw(&mut self, index: u16, times: f64, takes: Takes) {
        let constant;
        let stretched;
        let law = match &self.program.draws[usize::from(index)] {
            DrawKind::Constant(span) => {
                constant = Law::Fixed(*span);
                &constant
            }
            DrawKind::Fate(column) => &self.class.sites[usize::from(*column)].law,
            DrawKind::PerPass { law, .. } => law,
            DrawKind::Stretched { .. } => {
                stretched = super::uses::law_of(self.program, Some(self.class), index);
                &stretched
            }
            DrawKind::Chance { .. } => return,
        };
        let (mean, variance) = moments(law);
        let Some(mean) = mean else {
            self.needs.variance = None;
            return self.refuse(Refusal::InfiniteMean);
        };
        let whole = mean * times;
        if self.guards > 0 {
            return;
        }
        match takes {
            Takes::Wait => {
                self.needs.wait += whole;
                self.needs.waits += times;
            }
            Takes::Burn | Takes::Native => {
                self.needs.cpu += whole;
                self.needs.gil += if takes == Takes::Burn { whole } else { 0.0 };
                self.needs.bursts += 1;
            }
        }
        self.needs.variance = self.needs.variance.zip(variance).map(|(sum, variance)| sum + variance * times);
        if variance != Some(0.0) {
            self.needs.laws.push((law.clone(), times));
            self.varying.push((whole, matches!(law, Law::Exponential { .. }) && times == 1.0));
        }
    }

    /// What the server adds around the steps.
    fn add_own(&mut self, model: &Model) {
        let worker = &model.workers[0];
        let costs = &worker.costs;
        let around = costs.accept + costs.request + costs.respond;
        let kind = match worker.kind {
            WorkerKind::Threads { .. } => Span::ZERO,
            WorkerKind::Pool { .. } => costs.handoff + costs.take + costs.close,
            WorkerKind::Hub { .. } => costs.spawn,
            // Its connections take a task and their handles, and so does the request.
            WorkerKind::Loop(_) => costs.handoff + costs.spawn * 2 + costs.socket + costs.close + costs.switch * 4,
        };
        let own = (around + kind).as_secs_f64();
        self.needs.own = own;
        self.needs.cpu += own;
        self.needs.gil += costs.request.as_secs_f64();
        let rest = self.needs.whole() - self.varying.iter().map(|(mean, _)| mean).sum::<f64>();
        let one = matches!(self.varying.as_slice(), [(_, true)]);
        self.needs.exponential = one && rest <= NOTHING * self.needs.whole();
    }
}

/// How often each op runs on average: loops count their passes, what hangs on a chance counts its share.
pub(crate) fn passes(program: &Program) -> Vec<f64> {
    let mut passes = vec![1.0; program.code.len()];
    for (at, op) in program.code.iter().enumerate() {
        match *op {
            Op::Loop { register, back } => {
                let back = usize::from(back.0);
                let set = program.code[..back].iter().rev().find_map(|before| match before {
                    Op::Set { register: other, times } if *other == register => Some(*times),
                    _ => None,
                });
                let times = f64::from(set.unwrap_or(1));
                passes[back..=at].iter_mut().for_each(|pass| *pass *= times);
            }
            Op::Chance { odds, skip } => {
                let DrawKind::Chance { ppm, .. } = program.draws[usize::from(odds.0)] else { continue };
                let share = f64::from(ppm) / 1e6;
                passes[at + 1..usize::from(skip.0)].iter_mut().for_each(|pass| *pass *= share);
            }
            _ => {}
        }
    }
    passes
}

#[cfg(test)]
mod tests {
    use engine::op::{Draw, Pc};

    use super::*;

    #[test]
    fn moments_are_those_of_textbooks() {
        let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-9, "{a:?} is not {b}");
        let ms = Span::from_ms;
        let cases = [
            (Law::Fixed(ms(20)), 0.02, 0.0),
            (Law::Uniform { low: ms(10), high: ms(40) }, 0.025, 0.03 * 0.03 / 12.0),
            (Law::Exponential { mean: ms(100) }, 0.1, 0.01),
            (Law::Pareto { minimum: ms(100), alpha: 3.0 }, 0.15, 0.01 * 3.0 / 4.0),
            (Law::Empirical([ms(100), ms(300)].into()), 0.2, 0.01),
        ];
        for (law, mean, variance) in cases {
            let found = moments(&law);
            close(found.0, mean);
            close(found.1, variance);
        }
        // Of a lognormal law with sigma^2 = ln 2 the deviation is the mean.
        let sigma = 2.0_f64.ln().sqrt();
        let (mean, variance) = moments(&Law::Lognormal { mu: (1e8_f64).ln(), sigma });
        close(variance, mean.unwrap().powi(2));
        assert_eq!(moments(&Law::Pareto { minimum: ms(1), alpha: 1.0 }).0, None);
        assert_eq!(moments(&Law::Pareto { minimum: ms(1), alpha: 2.0 }).1, None);
    }

    #[test]
    fn loops_and_chances_multiply() {
        let code = [
            Op::Set { register: 0, times: 3 },
            Op::Burn(Draw(0)),
            Op::Chance { odds: Draw(1), skip: Pc(4) },
            Op::Burn(Draw(0)),
            Op::Loop { register: 0, back: Pc(1) },
            Op::End,
        ];
        let draws = [DrawKind::Constant(Span::from_ms(1)), DrawKind::Chance { site: 0, ppm: 250_000 }];
        let program = Program::new("page", code, draws, []);
        assert_eq!(passes(&program), [1.0, 3.0, 3.0, 0.75, 3.0, 1.0]);
    }
}
