//! What is said before anything else: which worlds get more to do than they get done.

use lab::{Comparison, Summary, Unit};

use crate::words::number;
use crate::words::wrap;

/// What marks a latency that grows with the length of the run.
pub(crate) const GROWS: &str = "↑";

/// A sentence for each overloaded world; it begins with the world's name.
pub fn notices(comparison: &Comparison) -> Vec<String> {
    comparison.worlds.iter().filter_map(notice).collect()
}

/// The same as lines; nothing if no world is overloaded.
pub fn overload_text(comparison: &Comparison, width: usize) -> String {
    notices(comparison).iter().map(|notice| wrap(notice, width)).collect()
}

fn notice(world: &Summary) -> Option<String> {
    let growth = number::value(Unit::PerSecond, world.overload?.growth_rps);
    Some(format!(
        "{} is OVERLOADED: the number of requests inside grows by {growth} for as long as the run lasts, and its latencies \
         ({GROWS}) grow with it.",
        world.world
    ))
}
