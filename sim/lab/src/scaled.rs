//! The same scenario with more of something: people, waiting, or work.
//!
//! Everybody keeps their luck: an arrival process draws the same gaps and compresses them, a law gives a multiple of what it gave.
//! So two runs that differ in a factor alone are compared on common random numbers.
//! Recorded instants cannot be scaled, because there is nobody between them to come more often, nor can clients that are greenlets
//! of the server.

use std::sync::Arc;

use engine::law::Law;
use engine::model::{Arrivals, ClientSpec, Costs, Model, Profile, SiteSpec};
use engine::op::{Draw, DrawKind, Op, Program};
use engine::time::Span;

/// Why a scenario's load cannot be scaled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CannotScale {
    /// A client comes at recorded instants.
    #[error(
        "client `{0}` comes at recorded instants, which no factor can scale: give it a `rate` to ask for its capacity"
    )]
    Trace(String),
    /// Clients are greenlets of the server.
    #[error("the clients of world `{0}` are greenlets of its server: there is no load from outside to scale")]
    Resident(String),
}

/// What of a scenario can be off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// How many come.
    Rates,
    /// How long calls to peers take.
    Latencies,
    /// How much CPU time the application and the server's own work need.
    Cpu,
}

impl Input {
    /// All.
    pub const ALL: [Input; 3] = [Input::Rates, Input::Latencies, Input::Cpu];

    /// Words for a table.
    pub fn label(self) -> &'static str {
        match self {
            Input::Rates => "rates",
            Input::Latencies => "latencies of peers",
            Input::Cpu => "CPU time",
        }
    }

    /// The model with so many per cent of it.
    pub fn scale(self, model: &Model, percent: u32) -> Model {
        match self {
            Input::Rates => with_load(model, f64::from(percent) / 100.0),
            Input::Latencies => with_takes(model, percent, is_call),
            Input::Cpu => {
                let mut scaled = with_takes(model, percent, is_work);
                for worker in &mut scaled.workers {
                    worker.costs = costs(worker.costs, percent);
                    if let Some(router) = &mut worker.router {
                        router.costs = router.costs.scaled(u64::from(percent));
                    }
                }
                scaled
            }
        }
    }
}

/// Whether the load of a world can be scaled.
///
/// # Errors
/// [`CannotScale`] names the first client that cannot come more often.
pub fn can_scale(model: &Model) -> Result<(), CannotScale> {
    if model.workers.iter().any(|worker| worker.resident) {
        return Err(CannotScale::Resident(model.name.clone()));
    }
    let recorded = |client: &&ClientSpec| matches!(&client.arrivals, Arrivals::Trace(instants) if !instants.is_empty());
    match model.clients.iter().find(recorded) {
        Some(client) => Err(CannotScale::Trace(client.name.clone())),
        None => Ok(()),
    }
}

/// The model with so many times the load: the rates of open clients, the number of closed ones.
pub fn with_load(model: &Model, factor: f64) -> Model {
    let client = |client: &ClientSpec| ClientSpec { arrivals: arrivals(&client.arrivals, factor), ..client.clone() };
    Model { clients: model.clients.iter().map(client).collect(), ..model.clone() }
}

fn arrivals(arrivals: &Arrivals, factor: f64) -> Arrivals {
    let profile =
        |profile: &Profile| Profile { points: profile.points.iter().map(|&(at, rate)| (at, rate * factor)).collect() };
    match arrivals {
        Arrivals::Poisson(rate) => Arrivals::Poisson(profile(rate)),
        Arrivals::Fixed(rate) => Arrivals::Fixed(profile(rate)),
        Arrivals::Trace(instants) => Arrivals::Trace(Arc::clone(instants)),
        Arrivals::Closed { clients, requests, think } => {
            Arrivals::Closed { clients: closed(*clients, factor), requests: *requests, think: think.clone() }
        }
    }
}

/// So many times the clients, at least one.
pub fn closed(clients: u32, factor: f64) -> u32 {
    (f64::from(clients) * factor).round().clamp(1.0, f64::from(u32::MAX)) as u32
}

/// Whether a duration of the op is what a peer takes.
fn is_call(op: &Op) -> Option<Draw> {
    match op {
        Op::Call { takes, .. } | Op::Ask { takes, .. } => Some(*takes),
        _ => None,
    }
}

/// Whether a duration of the op is CPU time.
fn is_work(op: &Op) -> Option<Draw> {
    match op {
        Op::Burn(span) | Op::Native(span) | Op::BurnYielding { span, .. } => Some(*span),
        _ => None,
    }
}

/// The model with so many per cent of the durations that `wanted` ops take.
fn with_takes(model: &Model, percent: u32, wanted: fn(&Op) -> Option<Draw>) -> Model {
    let mut scaled = model.clone();
    let mut columns: Vec<Vec<u16>> = vec![Vec::new(); model.programs.len()];
    let program = |(program, columns): (&Program, &mut Vec<u16>)| {
        let mut program = program.clone();
        let mut draws: Vec<usize> = program.code.iter().filter_map(wanted).map(|draw| usize::from(draw.0)).collect();
        draws.sort_unstable();
        draws.dedup();
        for draw in draws {
            match &mut program.draws[draw] {
                DrawKind::Constant(takes) => *takes = span(*takes, percent),
                DrawKind::PerPass { law: takes, .. } => *takes = law(takes, percent),
                DrawKind::Fate(column) => columns.push(*column),
                DrawKind::Stretched { percent: stretched, .. } => *stretched = *stretched * percent / 100,
                DrawKind::Chance { .. } => {}
            }
        }
        program
    };
    scaled.programs = model.programs.iter().zip(&mut columns).map(program).collect();
    let site = |(column, site): (usize, &SiteSpec), columns: &[u16]| {
        let drawn = columns.iter().any(|wanted| usize::from(*wanted) == column);
        SiteSpec { name: site.name.clone(), law: if drawn { law(&site.law, percent) } else { site.law.clone() } }
    };
    let classes = model.classes.iter().map(|class| {
        let columns = &columns[class.program as usize];
        let sites = class.sites.iter().enumerate().map(|at| site(at, columns)).collect();
        engine::model::ClassSpec { sites, ..class.clone() }
    });
    scaled.classes = classes.collect();
    scaled
}

fn span(span: Span, percent: u32) -> Span {
    span * u64::from(percent) / 100
}

/// The law of so many per cent of what a law gives.
pub(crate) fn law(law: &Law, percent: u32) -> Law {
    match law {
        Law::Fixed(takes) => Law::Fixed(span(*takes, percent)),
        Law::Uniform { low, high } => Law::Uniform { low: span(*low, percent), high: span(*high, percent) },
        Law::Exponential { mean } => Law::Exponential { mean: span(*mean, percent) },
        // Through the law's own constructor, whose logarithm is the same on every platform.
        Law::Lognormal { .. } => {
            let (median, p99) = (law.quantile(0.5), law.quantile(0.99));
            Law::lognormal(span(median, percent), span(p99, percent)).unwrap_or_else(|_| law.clone())
        }
        Law::Pareto { minimum, alpha } => Law::Pareto { minimum: span(*minimum, percent), alpha: *alpha },
        Law::Empirical(samples) => Law::Empirical(samples.iter().map(|sample| span(*sample, percent)).collect()),
    }
}

/// The server's own work; a look at the clock stays what it is, because it also tells equal sleeps apart.
fn costs(costs: Costs, percent: u32) -> Costs {
    Costs { clock: costs.clock, ..costs.scaled(u64::from(percent)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_law_gives_a_multiple_of_what_it_gave() {
        let ms = Span::from_ms;
        let laws = [
            Law::Fixed(ms(10)),
            Law::uniform(ms(5), ms(20)).unwrap(),
            Law::Exponential { mean: ms(30) },
            Law::lognormal(ms(20), ms(90)).unwrap(),
            Law::pareto(ms(3), 1.5).unwrap(),
            Law::empirical(vec![ms(1), ms(7)]).unwrap(),
        ];
        for old in laws {
            let new = law(&old, 120);
            for bits in [1_u64 << 62, 1 << 63, 0xf000_0000_0000_0000] {
                let (was, is) = (old.sample(bits).as_ms_f64(), new.sample(bits).as_ms_f64());
                // A lognormal law goes through its quantiles, which are whole nanoseconds.
                assert!((is - 1.2 * was).abs() <= 1e-5 * was, "{old:?}: {was} became {is}");
            }
        }
    }

    #[test]
    fn there_is_always_a_closed_client() {
        assert_eq!([0.001, 0.5, 1.0, 2.04].map(|factor| closed(10, factor)), [1, 5, 10, 20]);
    }
}
