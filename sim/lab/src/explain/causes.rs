//! What a tail waits for, as far as a setting could act on it.

use engine::Model;
use engine::door::Meanwhile;
use engine::record::Wait;

use super::change::On;
use super::split::Split;

/// A cause is worth a change from this part of the tail on.
pub const SHARE_MIN: f64 = 0.05;
/// The busiest process has this many times the mean of all before they count as uneven.
pub const SKEW_MIN: f64 = 1.5;
/// Requests that each process must have had in the mean before that says anything.
const REQUESTS_MIN: f64 = 20.0;
/// Retries over requests from which on they are a load of their own.
const RETRIES_MIN: f64 = 0.05;

/// The causes that are worth a change, the largest first, each with its part of the time: of the p99, of the slowest requests, or of those
/// that ended badly, whichever is larger.
pub fn causes(model: &Model, split: &Split) -> Vec<(On, f64)> {
    let mut all: Vec<(On, f64)> = Vec::new();
    for wait in Wait::ALL {
        // Who looked at the doors knows better what was waited for there.
        if !(split.looked && matches!(wait, Wait::Backlog | Wait::Slot)) {
            all.push((On::Wait(wait), weight(split, |bill| bill.wait(wait))));
        }
    }
    for meanwhile in Meanwhile::all() {
        all.push((On::Door(meanwhile), weight(split, |bill| bill.door(meanwhile))));
    }
    all.retain(|&(_, share)| share >= SHARE_MIN);
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    // What is no wait stands behind those that are.
    if split.skew() >= SKEW_MIN && split.counts.begun >= REQUESTS_MIN * model.processes.len() as f64 {
        all.push((On::Uneven, SHARE_MIN));
    }
    if split.counts.retries as f64 >= RETRIES_MIN * split.counts.sent.max(1) as f64 {
        all.push((On::Retries, SHARE_MIN));
    }
    if split.counts.killed > 0 {
        all.push((On::Kills, SHARE_MIN));
    }
    all
}

/// A bill, with what is known of the doors.
struct Bill<'a> {
    waits: &'a [f64; Wait::KINDS],
    doors: &'a [f64; Meanwhile::KINDS],
}

impl Bill<'_> {
    fn wait(&self, wait: Wait) -> f64 {
        self.waits[wait as usize]
    }

    fn door(&self, meanwhile: Meanwhile) -> f64 {
        self.doors[meanwhile.index()]
    }
}

/// The largest part that something has of any bill that is looked at.
fn weight(split: &Split, part: impl Fn(&Bill<'_>) -> f64) -> f64 {
    let tail = split.column("p99");
    let tail = part(&Bill { waits: &tail.shares, doors: &tail.door });
    let slowest = split.slowest.iter().map(|one| part(&Bill { waits: &one.shares, doors: &one.door }));
    let lost = part(&Bill { waits: &super::shares(&split.lost.1), doors: &split.lost_door });
    slowest.fold(tail.max(lost), f64::max)
}
