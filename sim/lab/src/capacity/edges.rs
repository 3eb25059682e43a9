//! The loads at which a world meets its objectives: how far they reach, how surely, and where they begin.
//!
//! More load is not always worse: where caches are cold, a light load is slow. So loads are tried from the lightest that brings
//! requests enough to one that is too much, and only between two of them is it taken for granted that nothing turns twice.

use engine::model::Model;

use super::judged::Judged;
use super::search::Found;
use super::tried::Tried;
use super::vitals::Vitals;
use crate::run::FailedRun;
use crate::slo::Verdict;

/// Runs that only look where to begin are so many times shorter.
const SCOUT: u64 = 6;
/// Loads that miss in a row before heavier ones are given up, each twice the one before, though nothing is full.
const MISSING: usize = 6;
/// Twice the load that brings less than so many times as much is too much.
const GROWS: f64 = 1.2;
/// Busy from here on is full.
const FULL: f64 = 0.97;
/// A run with fewer requests tells nothing of lighter loads.
const FEWEST: u64 = 300;
/// An interval that reaches from a load to more than so many times that load wants more replications.
const WIDE: f64 = 1.25;
/// One that reaches so far is no answer.
const TOO_WIDE: f64 = 2.0;
/// So many times the replications at most.
const MORE: u32 = 4;

/// What was found, as rungs.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Edges {
    /// The highest load whose means meet, and the next one, whose means miss.
    pub(crate) centre: Found,
    /// The highest load that surely meets; `None`: none does, or not without one between that surely misses.
    pub(crate) surely: Option<usize>,
    /// The lowest load above, that surely misses.
    pub(crate) surely_not: Option<usize>,
    /// The lowest load that meets, and a lighter one that surely misses; `None`: no lighter load was seen to.
    pub(crate) floor: Option<(usize, usize)>,
}

/// The loads that were looked at first.
struct Scan {
    /// Ascending, each with whether one run met.
    loads: Vec<(usize, bool)>,
}

impl Edges {
    /// Looks for the edges of a world, with more replications where it takes them.
    pub(crate) fn find(tried: &mut Tried<'_>) -> Result<Edges, FailedRun> {
        let scan = scan(tried)?;
        let mut starts: Vec<usize> = scan.loads.iter().rev().filter(|(_, met)| *met).map(|(rung, _)| *rung).collect();
        if starts.is_empty() {
            starts.push(tried.ladder.base().max(tried.lowest));
        }
        let most = tried.replications * MORE;
        loop {
            let edges = around(tried, &starts, &scan)?;
            let Some(at) = edges.centre.meets else { return Ok(edges) };
            let alone = tried.replications == 1;
            if alone || edges.is_narrow(tried, WIDE) || tried.replications >= most {
                return Ok(edges);
            }
            tried.replications = (tried.replications * 2).min(most);
            starts = vec![at];
        }
    }

    /// Whether the answer is told from others closely enough to be one; that there is none, if every load that was judged surely misses.
    pub(crate) fn is_told(&self, tried: &mut Tried<'_>) -> Result<bool, FailedRun> {
        if tried.replications == 1 {
            return Ok(true);
        }
        if self.centre.meets.is_some() {
            return Ok(self.is_narrow(tried, TOO_WIDE));
        }
        for rung in tried.judged_between(0, tried.ladder.len() - 1) {
            if tried.judged(rung)?.verdict != Verdict::Missed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_narrow(&self, tried: &Tried<'_>, times: f64) -> bool {
        match (self.surely, self.surely_not) {
            (Some(low), Some(high)) => tried.ladder.factor(high) <= times * tried.ladder.factor(low),
            (Some(_), None) => self.centre.misses.is_none(),
            (None, _) => false,
        }
    }
}

/// The edges around the highest of these loads that meets.
fn around(tried: &mut Tried<'_>, starts: &[usize], scan: &Scan) -> Result<Edges, FailedRun> {
    let mut centre = Found { meets: None, misses: None };
    for &start in starts {
        centre = tried.search(start, |judged| judged.holds)?;
        if centre.meets.is_some() {
            break;
        }
    }
    let Some(at) = centre.meets else { return Ok(Edges { centre, surely: None, surely_not: None, floor: None }) };
    let met = |judged: &Judged| judged.verdict == Verdict::Met;
    let mut surely = tried.search(at, met)?.meets;
    let surely_not = match centre.misses {
        Some(misses) => tried.search(misses, |judged| judged.verdict != Verdict::Missed)?.misses,
        None => None,
    };
    if let Some(low) = surely {
        for rung in tried.judged_between(low, at) {
            if tried.judged(rung)?.verdict == Verdict::Missed {
                surely = None;
            }
        }
    }
    let floor = floor(tried, surely.unwrap_or(at), scan)?;
    Ok(Edges { centre, surely, surely_not, floor })
}

/// Where a load that is too light ends, if there is one beneath a load that meets.
fn floor(tried: &mut Tried<'_>, meets: usize, scan: &Scan) -> Result<Option<(usize, usize)>, FailedRun> {
    let lighter = scan.loads.iter().rev().filter(|(rung, met)| *rung < meets && !met);
    for &(rung, _) in lighter {
        if tried.judged(rung)?.verdict != Verdict::Missed {
            continue;
        }
        let (mut low, mut high) = (rung, meets);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if tried.judged(middle)?.holds { high = middle } else { low = middle }
        }
        return Ok(Some((high, low)));
    }
    Ok(None)
}

/// Looks at loads far and wide, one run each: heavier ones until they are too much, lighter ones until they bring too few requests.
fn scan(tried: &mut Tried<'_>) -> Result<Scan, FailedRun> {
    let short = shorter(tried.model);
    let (ladder, base) = (tried.ladder, tried.ladder.base());
    let (step, top) = (ladder.doubling(), ladder.len() - 1);
    let mut loads = Vec::new();
    let mut scout = Tried::new(&short, ladder, tried.slo, tried.runner, tried.longer);
    let (mut rung, mut missing, mut carried) = (base, 0, 0.0);
    loop {
        let vitals = scout.one(rung, 0)?;
        loads.push((rung, vitals.holds));
        missing = if vitals.holds { 0 } else { missing + 1 };
        let full = is_full(vitals) || vitals.throughput_rps < GROWS * carried;
        carried = vitals.throughput_rps;
        if rung == top || missing > 0 && (full || missing > MISSING) {
            break;
        }
        rung = (rung + step).min(top);
    }
    let mut ended = tried.one(base, 0)?.ended;
    let few = FEWEST.min(ended / 4);
    (rung, tried.lowest) = (base, base);
    let mut met = loads.iter().any(|(_, met)| *met);
    while rung > 0 {
        let leap = if met { 2 * step } else { step };
        rung = rung.saturating_sub(leap);
        let vitals = tried.one(rung, 0)?;
        if vitals.ended < few {
            // Half of what was enough may be enough, if that was leapt over.
            let half = rung + step;
            tried.lowest = if ended / 2 >= few { half.min(tried.lowest) } else { tried.lowest };
            break;
        }
        ended = vitals.ended;
        met |= vitals.holds;
        loads.push((rung, vitals.holds));
        tried.lowest = rung;
    }
    loads.sort_unstable();
    Ok(Scan { loads })
}

/// The same world for a sixth of the time, where it has one.
fn shorter(model: &Model) -> Model {
    let mut short = model.clone();
    short.run.length = model.run.length.map(|length| model.run.warm_up + (length - model.run.warm_up) / SCOUT);
    short
}

/// Whether more load cannot bring more.
fn is_full(vitals: &Vitals) -> bool {
    vitals.slots_share >= FULL || vitals.cpu_share >= FULL || vitals.process_share >= FULL || vitals.errors > 0.5
}
