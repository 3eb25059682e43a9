//! The highest rung that meets, in few runs.
//!
//! It relies on one thing: a load that is too much stays too much when it grows. From where it starts it goes up while objectives are
//! met, or down while they are missed, and then halves the distance between the highest that met and the lowest that missed.

/// How far the search moves before it has both ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stride {
    /// So many rungs each time: nothing is known yet, and too large a load is dear.
    Even(usize),
    /// 1, 2, 4, ... rungs: the answer is expected nearby.
    Growing,
}

/// What a search found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bracket {
    /// The highest rung that meets; `None`: not even the lowest does.
    pub meets: Option<usize>,
    /// The rung above it, which misses; `None`: the highest of all meets.
    pub misses: Option<usize>,
}

/// Searches `rungs` rungs from `start` on for the highest that meets.
///
/// # Errors
/// What `meets` fails with.
///
/// # Panics
/// If `start` is no rung.
pub fn search<E>(
    rungs: usize,
    start: usize,
    stride: Stride,
    meets: &mut dyn FnMut(usize) -> Result<bool, E>,
) -> Result<Bracket, E> {
    assert!(start < rungs, "rung {start} of {rungs}");
    let (mut low, mut high) = (None, None);
    let mut at = start;
    let mut moved = 0;
    loop {
        if meets(at)? {
            low = Some(at)
        } else {
            high = Some(at)
        }
        let step = match stride {
            Stride::Even(step) => step.max(1),
            Stride::Growing => 1 << moved.min(usize::BITS - 2),
        };
        moved += 1;
        match (low, high) {
            (Some(_), None) if at + 1 == rungs => return Ok(Bracket { meets: low, misses: None }),
            (Some(_), None) => at = at.saturating_add(step).min(rungs - 1),
            (None, Some(0)) => return Ok(Bracket { meets: None, misses: Some(0) }),
            (None, _) => at = at.saturating_sub(step),
            (Some(low), Some(high)) => return halve(low, high, meets),
        }
    }
}

/// Between a rung that meets and a higher one that misses.
fn halve<E>(mut low: usize, mut high: usize, meets: &mut dyn FnMut(usize) -> Result<bool, E>) -> Result<Bracket, E> {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if meets(middle)? { low = middle } else { high = middle }
    }
    Ok(Bracket { meets: Some(low), misses: Some(high) })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Wherever the edge is and wherever the search begins: it finds what trying every rung would find, in few tries.
        #[test]
        fn it_finds_what_brute_force_finds(
            rungs in 1_usize..200,
            start in 0_usize..200,
            edge in 0_usize..201,
            even in 0_usize..40,
        ) {
            let (start, edge) = (start % rungs, edge % (rungs + 1));
            let stride = if even == 0 { Stride::Growing } else { Stride::Even(even) };
            let mut tries = 0;
            let found = search(rungs, start, stride, &mut |rung| {
                tries += 1;
                Ok::<bool, Infallible>(rung < edge)
            });
            let brute = Bracket { meets: edge.checked_sub(1), misses: (edge < rungs).then_some(edge) };
            prop_assert_eq!(found, Ok(brute));
            if stride == Stride::Growing {
                prop_assert!(tries <= 18, "{} tries", tries);
            }
        }
    }
}
