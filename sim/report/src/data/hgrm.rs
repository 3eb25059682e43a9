//! A histogram as HdrHistogram prints its percentile distribution, for the plotters that read such files (`.hgrm`).
//!
//! Follows `AbstractHistogram.outputPercentileDistribution` and `PercentileIterator` of HdrHistogram 2.2 for Java, with five lines
//! for each halving of the distance to 100 %. Values are milliseconds; the format has no place to say so, so the file's name does.

use std::fmt::Write;

use engine::hist::Hist;

/// Lines for each halving of the distance to 100 %: what its own tools print.
const TICKS_PER_HALF: f64 = 5.0;
/// Our histograms count in units of 100 ns.
const UNIT_NS: u64 = 100;
/// Such units of a millisecond.
const UNITS_PER_MS: f64 = 10_000.0;
/// Buckets of a power of two that have a count each; what HdrHistogram takes for three significant digits.
const SUB_BUCKETS: u64 = 2048;

/// The file's text.
pub fn hgrm(hist: &Hist) -> String {
    let buckets: Vec<(u64, u64)> = hist.buckets().map(|(edge, count)| (edge.as_ns() / UNIT_NS, count)).collect();
    let all = hist.count();
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let (mut level, mut total) = (0.0, 0);
    for &(edge, count) in &buckets {
        total += count;
        while total < all && 100.0 * total as f64 / all as f64 >= level {
            line(&mut text, edge, level, total);
            level = next(level);
        }
    }
    if let Some(&(last, _)) = buckets.last() {
        // The largest value has one line below 100 %, and then that of 100 %.
        line(&mut text, last, level, all);
        line(&mut text, last, 100.0, all);
    }
    footer(&mut text, &buckets, all);
    text
}

/// One line; the last has no number of nines.
fn line(text: &mut String, edge: u64, level: f64, total: u64) {
    let share = level / 100.0;
    let value = edge as f64 / UNITS_PER_MS;
    let rest = if level == 100.0 { String::new() } else { format!(" {:14.2}", 1.0 / (1.0 - share)) };
    writeln!(text, "{value:12.3} {share:2.12} {total:10}{rest}").expect("a string takes everything");
}

/// The percentile after this one.
fn next(level: f64) -> f64 {
    let halvings = libm::floor(libm::log(100.0 / (100.0 - level)) / libm::log(2.0)) + 1.0;
    level + 100.0 / (TICKS_PER_HALF * libm::exp2(halvings))
}

/// Mean and deviation are those of the buckets' middles, as there.
fn footer(text: &mut String, buckets: &[(u64, u64)], all: u64) {
    let count = all.max(1) as f64;
    let mean = buckets.iter().map(|&(edge, count)| middle(edge) * count as f64).sum::<f64>() / count;
    let square = |&(edge, count): &(u64, u64)| (middle(edge) - mean) * (middle(edge) - mean) * count as f64;
    let deviation = (buckets.iter().map(square).sum::<f64>() / count).sqrt();
    let [mean, deviation] = [mean, deviation].map(|units| units / UNITS_PER_MS);
    let max = buckets.last().map_or(0.0, |&(edge, _)| edge as f64 / UNITS_PER_MS);
    let octaves = octaves();
    let lines = [
        format!("#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]"),
        format!("#[Max     = {max:12.3}, Total count    = {all:12}]"),
        format!("#[Buckets = {octaves:12}, SubBuckets     = {SUB_BUCKETS:12}]"),
    ];
    *text += &(lines.join("\n") + "\n");
}

/// The middle of the bucket that ends with this unit.
fn middle(edge: u64) -> f64 {
    let size = if edge < SUB_BUCKETS { 1 } else { 1 << (edge.ilog2() - SUB_BUCKETS.ilog2() + 1) };
    (edge + 1 - size + size / 2) as f64
}

/// Powers of two that it takes to reach the longest span.
fn octaves() -> u32 {
    let longest = Hist::CAP.as_ns() / UNIT_NS;
    longest.ilog2() + 1 - SUB_BUCKETS.ilog2() + 1
}

#[cfg(test)]
mod tests {
    use engine::time::Span;

    use super::*;

    fn of(ms: impl IntoIterator<Item = u64>) -> String {
        let mut hist = Hist::new();
        ms.into_iter().for_each(|ms| hist.add(Span::from_ms(ms)));
        hgrm(&hist)
    }

    #[test]
    fn a_few_values_come_out_as_the_original_prints_them() {
        // Worked out by hand after the original's loops: units of 100 ns, of which 10,000 are in a bucket of 8 that ends with 10,007.
        let expected = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n       \
                        1.001 0.000000000000          2           1.00\n       \
                        1.001 0.100000000000          2           1.11\n       \
                        1.001 0.200000000000          2           1.25\n       \
                        1.001 0.300000000000          2           1.43\n       \
                        1.001 0.400000000000          2           1.67\n       \
                        1.001 0.500000000000          2           2.00\n       \
                        2.002 0.550000000000          3           2.22\n       \
                        2.002 0.600000000000          3           2.50\n       \
                        2.002 0.650000000000          3           2.86\n       \
                        2.002 0.700000000000          3           3.33\n       \
                        2.002 0.750000000000          3           4.00\n       \
                        5.002 0.775000000000          4           4.44\n       \
                        5.002 1.000000000000          4\n\
                        #[Mean    =        2.250, StdDeviation   =        1.639]\n\
                        #[Max     =        5.002, Total count    =            4]\n\
                        #[Buckets =           30, SubBuckets     =         2048]\n";
        assert_eq!(of([1, 1, 2, 5]), expected);
    }

    #[test]
    fn lines_agree_with_the_published_histogram() {
        let mut hist = Hist::new();
        let highest = Hist::CAP.as_ns() / UNIT_NS;
        let mut twin = hdrhistogram::Histogram::<u64>::new_with_bounds(1, highest, 3).unwrap();
        let mut ns: u64 = 40_000;
        // So many that no count of them is a round percentage: the published one takes such levels in other floats than the original.
        for turn in 0..4_993_u64 {
            ns = ns.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let span = 50_000 + (ns >> 38) * (1 + turn % 7);
            hist.add(Span::from_ns(span));
            twin.record(span / UNIT_NS).unwrap();
        }
        let text = hgrm(&hist);
        let theirs: Vec<(u64, f64)> =
            twin.iter_quantiles(5).map(|step| (step.value_iterated_to(), step.quantile_iterated_to())).collect();
        let ours: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        assert_eq!(ours.len(), theirs.len(), "{text}");
        for (ours, (value, share)) in ours.iter().zip(theirs) {
            assert!(
                (ours[0] - value as f64 / UNITS_PER_MS).abs() < 6e-4 && (ours[1] - share).abs() < 1e-11,
                "{ours:?}"
            );
        }
        let [mean, deviation] = [twin.mean(), twin.stdev()].map(|units| format!("{:.3}", units / UNITS_PER_MS));
        assert!(text.contains(&mean) && text.contains(&deviation), "{mean} {deviation} {text}");
    }

    #[test]
    fn nothing_at_all_is_a_file_too() {
        assert!(
            of([]).ends_with(
                "Total count    =            0]\n#[Buckets =           30, SubBuckets     =         2048]\n"
            )
        );
    }
}
