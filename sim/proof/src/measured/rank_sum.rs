//! The rank-sum test of Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically larger".
//!
//! Exact for the handful of runs that we have: the distribution of the statistic is counted, not approximated.

/// Chance that two samples of one population differ at least as much as these, in either direction; 1 for an empty one.
///
/// Equal values count as half, and a half is rounded down, towards calling the samples different.
pub fn two_sided_p(left: &[f64], right: &[f64]) -> f64 {
    let wins = |a: &f64, b: &f64| if a < b { 2 } else { u64::from(a == b) };
    let halves: u64 = left.iter().flat_map(|a| right.iter().map(move |b| wins(a, b))).sum();
    let pairs = (left.len() * right.len()) as u64;
    let statistic = halves.min(2 * pairs - halves) / 2;
    let ways = ways(left.len(), right.len());
    let total: f64 = ways.iter().sum();
    let tail: f64 = ways.iter().take(statistic as usize + 1).sum();
    (2.0 * tail / total).min(1.0)
}

/// How many orders of two samples of these sizes give each value of the statistic, from 0 to their product.
fn ways(left: usize, right: usize) -> Vec<f64> {
    // An order ends with a value of one sample or of the other; if of the right one, that beats all of the left.
    let mut row: Vec<Vec<f64>> = vec![vec![1.0]; left + 1];
    for size in 1..=right {
        let mut next: Vec<Vec<f64>> = vec![vec![1.0]];
        for a in 1..=left {
            let mut counts = vec![0.0; a * size + 1];
            for (value, count) in next[a - 1].iter().enumerate() {
                counts[value] += count;
            }
            for (value, count) in row[a].iter().enumerate() {
                counts[value + a] += count;
            }
            next.push(counts);
        }
        row = next;
    }
    row.swap_remove(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_those_of_the_published_table() {
        assert_eq!(ways(2, 2), [1.0, 1.0, 2.0, 1.0, 1.0]);
        // 3 and 4: 35 orders; P(U <= 0) = 0.028, P(U <= 3) = 0.200 (Mann and Whitney, table I).
        let counts = ways(4, 3);
        assert_eq!(counts.iter().sum::<f64>(), 35.0);
        assert_eq!(counts[..4].iter().sum::<f64>(), 7.0);
    }

    #[test]
    fn samples_apart_differ_and_mixed_ones_do_not() {
        let low: Vec<f64> = (0..10).map(f64::from).collect();
        let high: Vec<f64> = (20..28).map(f64::from).collect();
        assert!((two_sided_p(&low, &high) - 2.0 / 43_758.0).abs() < 1e-12);
        assert_eq!(two_sided_p(&low, &low), 1.0);
        assert_eq!(two_sided_p(&[1.0], &[2.0]), 1.0);
        assert_eq!(two_sided_p(&[], &[2.0]), 1.0);
    }
}
