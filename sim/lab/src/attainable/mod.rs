//! Objectives that no server can meet: what an empty system already misses, and throughput that nobody asks for or nothing can serve.
//!
//! No load is simulated. A request's time on an empty system is drawn many times over (`ideal.rs`), and an objective is called
//! unattainable only if chance would show so many misses less than once in three million times (five standard deviations).
//! What is not looked at: fairness and CPU time, which only come with a load, and what kernels and masters do.

mod ideal;

use engine::model::{Arrivals, Model, Profile};
use engine::rng::mix;
use engine::time::{Span, Time};

pub use ideal::{Failing, IdealPart};

use crate::slo::{GoodSide, Measure, Objective, Slo};
use crate::theory::{StationKind, ceiling, offered, stations};
use ideal::{Ideal, IdealSource, part_at, parts};

/// Requests that are drawn for each world, unless they are so long that it would take long.
const DRAWS: u64 = 100_000;
/// Ops that all of them run at most, and requests without which nothing is claimed.
const OPS_MAX: f64 = 1e8;
const DRAWS_MIN: u64 = 1_000;
/// Standard deviations by which an objective must be missed.
const SURE: f64 = 5.0;
/// Latencies are recorded in bins of this width (engine, `hist.rs`): nearer to a bound nothing is claimed.
const BIN: f64 = 2e-3;

/// An objective that a world misses however little it has to do.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct Unattainable {
    pub world: String,
    /// Place of the objective among those of the scenario.
    pub at: usize,
    pub objective: Objective,
    /// The best value that is attainable, in the objective's unit.
    pub best: f64,
    /// Between which values it lies for certain.
    pub between: (f64, f64),
    pub why: WhyUnattainable,
}

/// Why an objective cannot be met.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub enum WhyUnattainable {
    /// One kind of step alone takes longer than the bound for this share of the requests.
    Alone {
        of: String,
        /// For what share of them.
        share: f64,
    },
    /// All steps of a kind of request together do.
    Together {
        /// The kind of request that does most often.
        class: String,
        /// For what share of all requests.
        share: f64,
    },
    /// This fails for a share of the requests.
    Fails {
        of: Failing,
        /// The name of the peer, if it is one.
        peer: Option<String>,
        /// For what share of them.
        share: f64,
    },
    /// So many a second are asked for, and no more.
    Asked,
    /// No more can be served.
    Ceiling {
        /// What binds.
        binds: StationKind,
        /// In words.
        why: String,
    },
}

/// The objectives of a scenario that a world cannot meet, in their order.
pub fn unattainable(model: &Model, slo: &Slo) -> Vec<Unattainable> {
    if !slo.binds(&model.name) || model.workers.len() != 1 || model.hosts.is_empty() {
        return Vec::new();
    }
    let drawn = slo.objectives.iter().any(|one| is_drawn(model, one)).then(|| Drawn::of(model));
    let found = |(at, objective): (usize, &Objective)| {
        let (best, between, why) = match objective.measure {
            Measure::Throughput => throughput(model, objective)?,
            _ => drawn.as_ref().filter(|_| is_drawn(model, objective))?.misses(model, objective)?,
        };
        Some(Unattainable { world: model.name.clone(), at, objective: objective.clone(), best, between, why })
    };
    slo.objectives.iter().enumerate().filter_map(found).collect()
}

/// Whether what a request takes and how it ends says something about an objective.
fn is_drawn(model: &Model, objective: &Objective) -> bool {
    let tried_again = |model: &Model| {
        let again = |client: &engine::model::ClientSpec| client.retry.is_some() || client.refresh.is_some();
        model.clients.iter().any(again)
    };
    // A proxy that asks the next server makes good what failed.
    let made_good = model.proxy.is_some_and(|proxy| proxy.tries > 1);
    match objective.measure {
        Measure::Latency(_) => true,
        Measure::Errors => !made_good,
        Measure::Served => !made_good && !tried_again(model),
        _ => false,
    }
}

/// A value, the range in which it lies for certain, and why it is not better.
type Found = (f64, (f64, f64), WhyUnattainable);

/// Requests on an empty system.
struct Drawn {
    /// Each with its class.
    all: Vec<(usize, Ideal)>,
}

impl Drawn {
    fn of(model: &Model) -> Drawn {
        let needed = stations::needed(model);
        let rates = offered(model);
        let total: f64 = rates.iter().sum();
        let mut sources = Vec::new();
        let mut up_to = 0.0;
        for flow in &needed.flows {
            let part = if total > 0.0 { rates[flow.group] / total * flow.share } else { 0.0 };
            up_to += part;
            if part > 0.0 {
                let source = IdealSource::new(model, flow.group, flow.class, flow.around);
                sources.push((up_to, flow.group, flow.class, source));
            }
        }
        let last = sources.len().saturating_sub(1);
        let draw = |number: u64| {
            let point = mix(0x0B5E_55ED, number) as f64 / u64::MAX as f64;
            let at = sources.iter().position(|(up_to, ..)| point < *up_to).unwrap_or(last);
            let (_, group, class, source) = sources.get_mut(at)?;
            let at = sent_at(model, *group, number);
            Some((*class, source.request(number, at)))
        };
        let draws = ((OPS_MAX / ideal::ops(model)) as u64).min(DRAWS);
        Drawn { all: (0..if draws < DRAWS_MIN { 0 } else { draws }).map_while(draw).collect() }
    }

    fn misses(&self, model: &Model, objective: &Objective) -> Option<Found> {
        let class = |class: usize| objective.class.as_ref().is_none_or(|name| model.classes[class].name == *name);
        let of_class: Vec<&(usize, Ideal)> = self.all.iter().filter(|(at, _)| class(*at)).collect();
        match objective.measure {
            Measure::Latency(milli) => latency(model, objective, f64::from(milli) / 1e3, &of_class),
            Measure::Errors => failing(model, objective, objective.bound, &of_class),
            Measure::Served => failing(model, objective, 1.0 - objective.bound, &of_class),
            _ => None,
        }
    }
}

/// When the request of a number is sent: in the measured part of a run, as often as people come then.
fn sent_at(model: &Model, group: usize, number: u64) -> Time {
    let from = model.run.warm_up;
    let Some(length) = model.run.length else { return Time::ZERO };
    let profile: Option<&Profile> = match &model.clients[group].arrivals {
        Arrivals::Poisson(profile) | Arrivals::Fixed(profile) => Some(profile),
        Arrivals::Trace(_) | Arrivals::Closed { .. } => None,
    };
    let highest = profile.map_or(1.0, |profile| profile.points.iter().map(|point| point.1).fold(0.0, f64::max));
    let mut bits = mix(0x7135_AB1E ^ group as u64, number);
    // So often that nobody is turned away every time who comes at all.
    for _ in 0..64 {
        let share = bits as f64 / u64::MAX as f64;
        let at = from + Span::from_ns(((length.saturating_sub(from)).as_ns() as f64 * share) as u64);
        bits = mix(bits, 1);
        let keep = bits as f64 / u64::MAX as f64 * highest;
        if profile.is_none_or(|profile| keep < rate_at(profile, at.as_secs_f64())) {
            return Time::ZERO + at;
        }
        bits = mix(bits, 2);
    }
    Time::ZERO + from
}

fn rate_at(profile: &Profile, at: f64) -> f64 {
    let points: Vec<(f64, f64)> = profile.points.iter().map(|(at, rate)| (at.as_secs_f64(), *rate)).collect();
    let after = points.iter().position(|point| point.0 > at);
    match after {
        None => points.last().map_or(0.0, |point| point.1),
        Some(0) => points[0].1,
        Some(next) => {
            let ((start, rate), (end, then)) = (points[next - 1], points[next]);
            rate + (then - rate) * (at - start) / (end - start).max(f64::MIN_POSITIVE)
        }
    }
}

/// Whether so many of so many are more than a share, for certain.
fn surely_more(seen: usize, of: usize, share: f64) -> bool {
    let (seen, of) = (seen as f64, of as f64);
    seen > 0.0 && seen - share * of > SURE * (share * (1.0 - share) * of).sqrt()
}

fn latency(model: &Model, objective: &Objective, p: f64, of: &[&(usize, Ideal)]) -> Option<Found> {
    let good: Vec<&(usize, Ideal)> = of.iter().copied().filter(|(_, ideal)| ideal.failing.is_none()).collect();
    let bound = objective.bound * (1.0 + BIN);
    let late = |ns: u64| ns as f64 > bound;
    let missed = good.iter().filter(|(_, ideal)| late(ideal.took)).count();
    if objective.side != GoodSide::Below || !surely_more(missed, good.len(), 1.0 - p) {
        return None;
    }
    let mut took: Vec<u64> = good.iter().map(|(_, ideal)| ideal.took).collect();
    took.sort_unstable();
    let count = took.len() as f64;
    let spread = SURE * (p * (1.0 - p) * count).sqrt();
    let rank = |rank: f64| took[(rank.ceil().max(1.0) as usize - 1).min(took.len() - 1)] as f64;
    let between = (rank(p * count - spread), rank(p * count + spread));
    let share = |missed: usize| missed as f64 / count;
    let alone = (0..parts(model)).map(|part| (part, good.iter().filter(|(_, one)| late(one.parts[part])).count()));
    let (part, often) = alone.max_by_key(|(_, often)| *often)?;
    let why = if surely_more(often, good.len(), 1.0 - p) {
        let of = match part_at(model, part) {
            IdealPart::Peer(peer) => model.peers[peer].name.clone(),
            IdealPart::Sleep => "sleep".to_owned(),
            IdealPart::Cpu => "CPU time".to_owned(),
            IdealPart::Offload => "offload".to_owned(),
        };
        WhyUnattainable::Alone { of, share: share(often) }
    } else {
        let of_class = |class: usize| good.iter().filter(|(at, one)| *at == class && late(one.took)).count();
        let worst = (0..model.classes.len()).max_by_key(|&class| of_class(class))?;
        WhyUnattainable::Together { class: model.classes[worst].name.clone(), share: share(missed) }
    };
    Some((rank(p * count), between, why))
}

/// Shares of requests that fail, against what may fail at most; told as the objective tells it.
fn failing(model: &Model, objective: &Objective, most: f64, of: &[&(usize, Ideal)]) -> Option<Found> {
    let failed = of.iter().filter(|(_, ideal)| ideal.failing.is_some()).count();
    let (count, errors) = (of.len() as f64, failed as f64 / of.len().max(1) as f64);
    if !surely_more(failed, of.len(), most.clamp(0.0, 1.0)) {
        return None;
    }
    let mut kinds: Vec<(Failing, usize)> = Vec::new();
    for kind in of.iter().filter_map(|(_, ideal)| ideal.failing) {
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, often)) => *often += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let (kind, often) = kinds.into_iter().max_by_key(|(_, often)| *often)?;
    let peer = match kind {
        Failing::Peer(peer) | Failing::Slow(peer) => Some(model.peers[peer].name.clone()),
        Failing::Block | Failing::Left => None,
    };
    let spread = SURE * (errors * (1.0 - errors) / count).sqrt();
    let told = |errors: f64| if objective.measure == Measure::Served { 1.0 - errors } else { errors };
    let (low, high) = (told(errors - spread), told(errors + spread));
    let why = WhyUnattainable::Fails { of: kind, peer, share: often as f64 / count };
    Some((told(errors), (low.min(high).max(0.0), low.max(high).min(1.0)), why))
}

fn throughput(model: &Model, objective: &Objective) -> Option<Found> {
    let window = model.run.length?.saturating_sub(model.run.warm_up).as_secs_f64();
    if window <= 0.0 || objective.side != GoodSide::Above {
        return None;
    }
    let needed = stations::needed(model);
    let rates = offered(model);
    let open = model.clients.iter().all(|client| !matches!(client.arrivals, Arrivals::Closed { .. }));
    let wanted = |class: usize| objective.class.as_ref().is_none_or(|name| model.classes[class].name == *name);
    let flows = needed.flows.iter().filter(|flow| wanted(flow.class));
    let asked: f64 = flows.map(|flow| rates[flow.group] * flow.share).sum();
    // How many come is a matter of chance too.
    if open && asked > 0.0 && objective.bound > asked + SURE * (asked / window).sqrt() {
        return Some((asked, (asked, asked), WhyUnattainable::Asked));
    }
    let bound = ceiling(model).filter(|_| objective.class.is_none())?;
    let chance = 1.0 + SURE * bound.variation / (bound.most * window).sqrt().max(1.0);
    if objective.bound <= bound.in_this_run * chance {
        return None;
    }
    let best = bound.most;
    Some((best, (best, best), WhyUnattainable::Ceiling { binds: bound.binds, why: bound.why }))
}

/// Whether two models of one scenario have the same requests on an empty system.
pub fn alike(one: &Model, other: &Model) -> bool {
    let worker = |model: &Model| {
        let worker = &model.workers[0];
        (worker.costs, std::mem::discriminant(&worker.kind), worker.resident)
    };
    let uplinks = |model: &Model| model.hosts.iter().map(|host| host.uplink).min();
    one.programs == other.programs
        && one.classes == other.classes
        && one.clients == other.clients
        && one.peers == other.peers
        && one.proxy == other.proxy
        && one.run == other.run
        && worker(one) == worker(other)
        && uplinks(one) == uplinks(other)
}
