//! Whether a program gives back what it may not hold.

use crate::program::op::{Op, Pc};

/// Whether a task may come to a release of what it does not hold on some way through these ops.
pub(crate) fn gives_unheld(code: &[Op]) -> bool {
    // The fewest that are held here, by lock or pool, on any way; and on the ways that come in further on.
    let mut held: Vec<(u16, u32)> = Vec::new();
    let mut skips: Vec<(Pc, Vec<(u16, u32)>)> = Vec::new();
    let mut bodies: Vec<(Pc, Vec<(u16, u32)>)> = Vec::new();
    let units = |held: &[(u16, u32)], sync: u16| held.iter().find(|known| known.0 == sync).map_or(0, |known| known.1);
    for (at, &op) in (0..=u16::MAX).map(Pc).zip(code) {
        while let Some(skip) = skips.iter().position(|&(to, _)| to == at) {
            let (_, other) = skips.swap_remove(skip);
            held.iter_mut().for_each(|(sync, least)| *least = (*least).min(units(&other, *sync)));
        }
        match op {
            Op::Acquire { sync, .. } => match held.iter_mut().find(|known| known.0 == sync) {
                Some((_, least)) => *least += 1,
                None => held.push((sync, 1)),
            },
            Op::Release { sync } => match held.iter_mut().find(|known| known.0 == sync) {
                Some((_, least)) if *least > 0 => *least -= 1,
                _ => return true,
            },
            Op::Chance { skip, .. } => skips.push((skip, held.clone())),
            // A loop's body begins after it.
            Op::Set { .. } => bodies.push((Pc(at.0 + 1), held.clone())),
            Op::Loop { back, .. } => {
                let Some(body) = bodies.iter().rposition(|&(begin, _)| begin == back) else { return true };
                let (_, before) = bodies.swap_remove(body);
                // A pass that gives back more than it takes may find less than the first one did.
                if before.iter().any(|&(sync, least)| units(&held, sync) < least) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}
