//! The universal scalability law: how throughput grows with a number of things that work side by side, and when it falls again.
//!
//! X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)): lambda is what one does alone, sigma the part that has to queue, and
//! kappa what each does to every other (Gunther, Guerrilla Capacity Planning, 2007). The fit is by least squares of X itself.
//! With a = 1/lambda, b = sigma a, c = kappa a the law is N / (a + b (N - 1) + c N (N - 1)), whose denominator is linear, so a
//! few damped Gauss-Newton steps from the linear fit find the smallest sum of squares. There is no chance in it and nothing
//! but basic arithmetic, so every machine finds the same.

/// Parameters, and therefore points that the law passes through whatever they are.
const PARAMETERS: usize = 3;
/// Fewest points that can contradict the law.
const POINTS_MIN: usize = PARAMETERS + 1;
/// Least share of the variance that the law must explain to be called a fit: below it the curve visibly misses the points.
pub const R2_MIN: f64 = 0.95;
/// Largest miss of a point, as a share of the largest throughput: a curve may explain the variance and still miss a knee.
pub const MISS_MAX: f64 = 0.1;
/// Share of what is sent from which on the senders, not the servers, bound the throughput.
const OFFERED_SHARE: f64 = 0.98;
/// Damped Gauss-Newton steps; the sum of squares stops changing after about ten.
const STEPS: usize = 200;

/// One measured point.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ScalabilitySample {
    /// How many work side by side.
    pub n: f64,
    /// Good responses per second.
    pub throughput: f64,
    /// Requests sent per second, if senders do not wait for responses.
    pub sent: Option<f64>,
}

/// The law's parameters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ScalabilityLaw {
    /// Throughput of one alone, per second.
    pub lambda: f64,
    /// Contention: the part of the work that queues.
    pub sigma: f64,
    /// Coherency: what each costs every other.
    pub kappa: f64,
}

impl ScalabilityLaw {
    /// The throughput of `n`.
    pub fn at(&self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// Where throughput is largest; `None` if it never falls.
    pub fn peak(&self) -> Option<f64> {
        (self.kappa > 0.0).then(|| ((1.0 - self.sigma).max(0.0) / self.kappa).sqrt().max(1.0))
    }
}

/// How well a law describes points.
#[derive(Clone, PartialEq, Debug)]
pub struct Fit {
    /// The parameters.
    pub law: ScalabilityLaw,
    /// Coefficient of determination.
    pub r2: f64,
    /// Largest distance of a point from the law, as a share of the largest throughput.
    pub miss: f64,
    /// Largest number that was tried.
    pub tried: f64,
    /// Why it is no fit; empty if it is one.
    pub doubts: Vec<Misfit>,
}

/// Why the law does not describe points.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Misfit {
    /// It explains too little.
    R2,
    /// A point lies far from it.
    Miss,
    /// The senders bound the throughput at this many of the points.
    Offered(usize),
}

/// Why there is no law at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoFit {
    /// Fewer points than could contradict it.
    TooFewPoints(usize),
    /// Throughput is zero or the same everywhere: there is nothing to explain.
    Flat,
}

/// Fits the law to points, in whatever order they come.
///
/// # Errors
/// [`NoFit`] where no law can be told from another.
pub fn fit(samples: &[ScalabilitySample]) -> Result<Fit, NoFit> {
    let mut points: Vec<ScalabilitySample> =
        samples.iter().copied().filter(|sample| sample.n >= 1.0 && sample.throughput > 0.0).collect();
    points.sort_by(|a, b| a.n.total_cmp(&b.n).then(a.throughput.total_cmp(&b.throughput)));
    let mut different: Vec<f64> = points.iter().map(|point| point.n).collect();
    different.dedup();
    if different.len() < POINTS_MIN {
        return Err(NoFit::TooFewPoints(different.len()));
    }
    let mean = points.iter().map(|point| point.throughput).sum::<f64>() / points.len() as f64;
    let total: f64 = points.iter().map(|point| (point.throughput - mean).powi(2)).sum();
    let largest = points.iter().map(|point| point.throughput).fold(0.0, f64::max);
    if total <= (1e-9 * largest).powi(2) {
        return Err(NoFit::Flat);
    }
    let law = best(&points).ok_or(NoFit::Flat)?;
    let miss = points.iter().map(|point| (law.at(point.n) - point.throughput).abs()).fold(0.0, f64::max) / largest;
    let r2 = 1.0 - squares(&law, &points) / total;
    let bound = |point: &&ScalabilitySample| point.sent.is_some_and(|sent| point.throughput >= sent * OFFERED_SHARE);
    let offered = points.iter().filter(bound).count();
    let doubts = [(r2 < R2_MIN, Misfit::R2), (miss > MISS_MAX, Misfit::Miss), (offered > 0, Misfit::Offered(offered))];
    let doubts = doubts.into_iter().filter(|(is, _)| *is).map(|(_, doubt)| doubt).collect();
    Ok(Fit { law, r2, miss, tried: points.last().map_or(1.0, |point| point.n), doubts })
}

fn squares(law: &ScalabilityLaw, points: &[ScalabilitySample]) -> f64 {
    points.iter().map(|point| (law.at(point.n) - point.throughput).powi(2)).sum()
}

/// The law with the smallest sum of squares among those whose parameters are not negative.
///
/// The smallest lies inside or on an edge, where a parameter is zero; each edge is searched for itself.
fn best(points: &[ScalabilitySample]) -> Option<ScalabilityLaw> {
    let subsets: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
    let laws = subsets.into_iter().filter_map(|free| descend(points, free));
    laws.min_by(|a, b| squares(a, points).total_cmp(&squares(b, points)))
}

/// What the denominator is made of: one, N - 1, N (N - 1).
fn basis(n: f64) -> [f64; PARAMETERS] {
    [1.0, n - 1.0, n * (n - 1.0)]
}

fn law_of(theta: &[f64; PARAMETERS]) -> Option<ScalabilityLaw> {
    let [a, b, c] = *theta;
    let sound = theta.iter().all(|value| value.is_finite()) && a > 0.0 && b >= 0.0 && c >= 0.0;
    sound.then(|| ScalabilityLaw { lambda: 1.0 / a, sigma: b / a, kappa: c / a })
}

/// Damped Gauss-Newton over the free parameters; the others are zero. `None` if they leave the law's bounds.
fn descend(points: &[ScalabilitySample], free: &[usize]) -> Option<ScalabilityLaw> {
    let mut theta = start(points, free)?;
    let mut law = law_of(&theta)?;
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let (matrix, side) = normal(points, &theta, free, damping);
        let step = solve(matrix, side, free)?;
        let mut next = theta;
        free.iter().for_each(|&at| next[at] += step[at]);
        match law_of(&next) {
            Some(better) if squares(&better, points) < squares(&law, points) => {
                (theta, law) = (next, better);
                damping /= 4.0;
            }
            _ => damping *= 4.0,
        }
        if damping > 1e12 {
            break;
        }
    }
    Some(law)
}

/// The linear fit of N / X, each point weighted as its miss counts in X.
fn start(points: &[ScalabilitySample], free: &[usize]) -> Option<[f64; PARAMETERS]> {
    let mut matrix = [[0.0; PARAMETERS]; PARAMETERS];
    let mut side = [0.0; PARAMETERS];
    for point in points {
        let weight = (point.throughput * point.throughput / point.n).powi(2);
        let basis = basis(point.n);
        for &row in free {
            side[row] += weight * basis[row] * point.n / point.throughput;
            free.iter().for_each(|&column| matrix[row][column] += weight * basis[row] * basis[column]);
        }
    }
    let mut theta = solve(matrix, side, free)?;
    // A start outside the bounds is moved to the nearest inside; the steps may still leave the edge.
    theta[1..].iter_mut().for_each(|value| *value = value.max(0.0));
    (theta[0] > 0.0).then_some(theta)
}

/// The normal equations of one step, with a damped diagonal.
fn normal(
    points: &[ScalabilitySample],
    theta: &[f64; PARAMETERS],
    free: &[usize],
    damping: f64,
) -> ([[f64; PARAMETERS]; PARAMETERS], [f64; PARAMETERS]) {
    let mut matrix = [[0.0; PARAMETERS]; PARAMETERS];
    let mut side = [0.0; PARAMETERS];
    for point in points {
        let basis = basis(point.n);
        let denominator: f64 = theta.iter().zip(basis).map(|(theta, basis)| theta * basis).sum();
        let slope = basis.map(|basis| -point.n * basis / (denominator * denominator));
        let miss = point.throughput - point.n / denominator;
        for &row in free {
            side[row] += slope[row] * miss;
            free.iter().for_each(|&column| matrix[row][column] += slope[row] * slope[column]);
        }
    }
    free.iter().for_each(|&at| matrix[at][at] *= 1.0 + damping);
    (matrix, side)
}

/// Gaussian elimination over the free rows; zero for the others.
fn solve(
    mut matrix: [[f64; PARAMETERS]; PARAMETERS],
    mut side: [f64; PARAMETERS],
    free: &[usize],
) -> Option<[f64; PARAMETERS]> {
    // The matrix is symmetric and not negative, so its diagonal serves as pivots.
    for (done, &pivot) in free.iter().enumerate() {
        if matrix[pivot][pivot].abs() < f64::MIN_POSITIVE {
            return None;
        }
        for &row in &free[done + 1..] {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            for &column in free {
                matrix[row][column] -= factor * matrix[pivot][column];
            }
            side[row] -= factor * side[pivot];
        }
    }
    let mut solution = [0.0; PARAMETERS];
    for (at, &row) in free.iter().enumerate().rev() {
        let known: f64 = free[at + 1..].iter().map(|&column| matrix[row][column] * solution[column]).sum();
        solution[row] = (side[row] - known) / matrix[row][row];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(law: ScalabilityLaw, numbers: &[f64], noise: impl Fn(usize) -> f64) -> Vec<ScalabilitySample> {
        let sample =
            |(at, &n): (usize, &f64)| ScalabilitySample { n, throughput: law.at(n) * (1.0 + noise(at)), sent: None };
        numbers.iter().enumerate().map(sample).collect()
    }

    const NUMBERS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

    proptest::proptest! {
        /// Points of a law lead back to the law.
        #[test]
        fn the_law_is_found_from_its_own_points(lambda in 1.0_f64..1e4, sigma in 0.0_f64..0.5, kappa in 0.0_f64..0.05) {
            let law = ScalabilityLaw { lambda, sigma, kappa };
            let found = fit(&samples(law, &NUMBERS, |_| 0.0)).unwrap();
            proptest::prop_assert!(found.r2 > 1.0 - 1e-9 && found.doubts.is_empty(), "{:?}", found);
            proptest::prop_assert!((found.law.lambda / lambda - 1.0).abs() < 1e-3, "{:?}", found);
            proptest::prop_assert!((found.law.sigma - sigma).abs() < 1e-3 && (found.law.kappa - kappa).abs() < 1e-4);
        }

        /// No law nearby does better: what is found is a smallest sum of squares.
        #[test]
        fn no_neighbour_fits_better(seed in 0_u64..1000) {
            let noise = |at: usize| ((seed * 31 + at as u64 * 7919) % 97) as f64 / 97.0 * 0.1 - 0.05;
            let points = samples(ScalabilityLaw { lambda: 100.0, sigma: 0.05, kappa: 0.001 }, &NUMBERS, noise);
            let found = fit(&points).unwrap().law;
            let least = squares(&found, &points);
            for (by_l, by_s, by_k) in [(1.01, 0.0, 0.0), (0.99, 0.0, 0.0), (1.0, 1e-3, 0.0), (1.0, -1e-3, 0.0), (1.0, 0.0, 1e-5), (1.0, 0.0, -1e-5)] {
                let other = ScalabilityLaw { lambda: found.lambda * by_l, sigma: found.sigma + by_s, kappa: found.kappa + by_k };
                if other.sigma >= 0.0 && other.kappa >= 0.0 {
                    proptest::prop_assert!(squares(&other, &points) >= least * (1.0 - 1e-9));
                }
            }
        }
    }

    #[test]
    fn the_peak_is_where_throughput_is_largest() {
        let law = ScalabilityLaw { lambda: 10.0, sigma: 0.04, kappa: 0.0015 };
        let peak = law.peak().unwrap();
        assert!((peak - (0.96_f64 / 0.0015).sqrt()).abs() < 1e-9);
        assert!(law.at(peak) > law.at(peak * 1.05) && law.at(peak) > law.at(peak * 0.95));
        assert_eq!(ScalabilityLaw { kappa: 0.0, ..law }.peak(), None);
    }

    #[test]
    fn what_has_another_shape_is_said_not_to_fit() {
        // Throughput that grows ever faster contradicts the law, whose parameters are not negative.
        let growing: Vec<ScalabilitySample> =
            NUMBERS.iter().map(|&n| ScalabilitySample { n, throughput: n * n, sent: None }).collect();
        assert!(!fit(&growing).unwrap().doubts.is_empty());
        // A saw has no trend to explain.
        let saw: Vec<ScalabilitySample> = NUMBERS
            .iter()
            .enumerate()
            .map(|(at, &n)| ScalabilitySample { n, throughput: if at % 2 == 0 { 10.0 } else { 100.0 }, sent: None })
            .collect();
        let found = fit(&saw).unwrap();
        assert!(found.doubts.contains(&Misfit::R2) && found.doubts.contains(&Misfit::Miss), "{found:?}");
    }

    #[test]
    fn a_throughput_that_is_all_that_was_asked_for_says_nothing_of_the_servers() {
        let law = ScalabilityLaw { lambda: 10.0, sigma: 0.0, kappa: 0.001 };
        let mut points = samples(law, &NUMBERS, |_| 0.0);
        points.iter_mut().for_each(|point| point.sent = Some(law.at(16.0)));
        assert_eq!(fit(&points).unwrap().doubts, [Misfit::Offered(3)]);
    }

    #[test]
    fn too_few_points_or_nothing_to_explain_is_no_fit() {
        let law = ScalabilityLaw { lambda: 10.0, sigma: 0.1, kappa: 0.001 };
        assert_eq!(fit(&samples(law, &[1.0, 2.0, 3.0], |_| 0.0)), Err(NoFit::TooFewPoints(3)));
        let flat: Vec<ScalabilitySample> =
            NUMBERS.iter().map(|&n| ScalabilitySample { n, throughput: 5.0, sent: None }).collect();
        assert_eq!(fit(&flat), Err(NoFit::Flat));
    }
}
