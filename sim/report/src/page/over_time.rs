//! Plots over time: latencies, what was asked and answered, what was under way, and how full the servers were.

use lab::Unit;
use lab::series::{Band, WorldSeries};

use super::plot::{Along, Plot, PlotLine, PlotValue};
use crate::figures::scale::{Quantity, TimeAxis};

/// Points of all lines of a plot together, about: more are not seen at its width, and the page would grow.
const POINTS: usize = 1_600;
/// Points of a line.
const POINTS_MAX: usize = 240;
/// Points of a line, however many lines there are.
const POINTS_MIN: usize = 60;

/// Steps that are drawn as one point.
pub(crate) fn steps_per_point(series: &[WorldSeries]) -> usize {
    let steps = series.iter().map(|world| world.start_s.len()).max().unwrap_or(0);
    steps.div_ceil((POINTS / series.len().max(1)).clamp(POINTS_MIN, POINTS_MAX)).max(1)
}

/// How one quantity is shown.
struct PlottedColumn {
    id: &'static str,
    title: &'static str,
    measures: &'static str,
    quantity: Quantity,
    unit: Unit,
    pick: fn(&WorldSeries) -> &Band,
}

const fn latency(id: &'static str, title: &'static str, pick: fn(&WorldSeries) -> &Band) -> PlottedColumn {
    let measures = "latency";
    PlottedColumn { id, title, measures, quantity: Quantity::Latency, unit: Unit::Nanoseconds, pick }
}

const fn rate(id: &'static str, title: &'static str, pick: fn(&WorldSeries) -> &Band) -> PlottedColumn {
    PlottedColumn { id, title, measures: "requests a second", quantity: Quantity::Count, unit: Unit::PerSecond, pick }
}

const fn count(id: &'static str, title: &'static str, pick: fn(&WorldSeries) -> &Band) -> PlottedColumn {
    PlottedColumn { id, title, measures: "requests", quantity: Quantity::Count, unit: Unit::Count, pick }
}

const LATENCY: [PlottedColumn; 3] = [
    latency("p50", "Median (p50)", |world| &world.p50_s),
    latency("p90", "90th percentile (p90)", |world| &world.p90_s),
    latency("p99", "99th percentile (p99)", |world| &world.p99_s),
];

const TRAFFIC: [PlottedColumn; 3] = [
    rate("sent", "Sent, refreshes included", |world| &world.sent_rps),
    rate("good", "Good responses", |world| &world.ok_rps),
    rate("bad", "Errors, timeouts, given up", |world| &world.failed_rps),
];

const UNDER_WAY: [PlottedColumn; 3] = [
    count("in-flight", "In flight: inside the servers", |world| &world.in_flight),
    count("queued", "Queued before them", |world| &world.queued),
    count("retrying", "Waiting to repeat a SYN", |world| &world.retrying),
];

/// Latency percentiles of all worlds.
pub(crate) fn latencies(series: &[WorldSeries]) -> Vec<Plot> {
    LATENCY.iter().map(|column| compared(column, series)).collect()
}

/// What was asked, what came back, and what did not.
pub(crate) fn traffic(series: &[WorldSeries]) -> Vec<Plot> {
    TRAFFIC.iter().map(|column| compared(column, series)).filter(is_ever_above_zero).collect()
}

/// Requests inside the servers and before them.
pub(crate) fn under_way(series: &[WorldSeries]) -> Vec<Plot> {
    UNDER_WAY.iter().map(|column| compared(column, series)).filter(is_ever_above_zero).collect()
}

/// Slots beside processors, a plot for each world.
pub(crate) fn utilisation(series: &[WorldSeries]) -> Vec<Plot> {
    let every = steps_per_point(series);
    let of_world = |(index, world): (usize, &WorldSeries)| {
        let line = |name: &str, dashed: bool, band: &Band| PlotLine {
            world: index,
            name: name.to_owned(),
            dashed,
            values: thinned(band, every),
        };
        Plot {
            id: format!("use-{index}"),
            title: world.label(),
            measures: "share in use".to_owned(),
            along: Along::Clock(clock(series)),
            at: places(std::slice::from_ref(world), every),
            tabled: Vec::new(),
            quantity: Quantity::Share,
            unit: Unit::Share,
            lines: vec![line("slots", false, &world.slots), line("CPU", true, &world.cpu)],
            diagonal: false,
        }
    };
    series.iter().enumerate().map(of_world).collect()
}

/// One quantity of all worlds.
fn compared(column: &PlottedColumn, series: &[WorldSeries]) -> Plot {
    let every = steps_per_point(series);
    let at = places(series, every);
    let line = |(index, world): (usize, &WorldSeries)| {
        let mut values = thinned((column.pick)(world), every);
        values.resize(at.len(), None);
        PlotLine { world: index, name: world.label(), dashed: false, values }
    };
    Plot {
        id: column.id.to_owned(),
        title: column.title.to_owned(),
        measures: column.measures.to_owned(),
        along: Along::Clock(clock(series)),
        lines: series.iter().enumerate().map(line).collect(),
        at,
        tabled: Vec::new(),
        quantity: column.quantity,
        unit: column.unit,
        diagonal: false,
    }
}

/// A plot of nothing but zeros tells that nothing happened, which its absence does too.
fn is_ever_above_zero(plot: &Plot) -> bool {
    plot.lines.iter().any(|line| line.values.iter().flatten().any(|value| value.mean > 0.0))
}

fn clock(series: &[WorldSeries]) -> TimeAxis {
    let end = |world: &WorldSeries| world.start_s.len() as f64 * world.step_s;
    let end_s = series.iter().map(end).fold(0.0, f64::max);
    TimeAxis { end_s: if end_s > 0.0 { end_s } else { 1.0 } }
}

/// The middles of the points, from the longest series; all worlds of a scenario have the same steps.
fn places(series: &[WorldSeries], every: usize) -> Vec<f64> {
    let longest = series.iter().max_by_key(|world| world.start_s.len());
    let middle = |chunk: &[f64]| (chunk[0] + chunk[chunk.len() - 1]) / 2.0;
    longest.map_or(Vec::new(), |world| world.start_s.chunks(every).map(middle).collect())
}

/// So many steps to a point: the means of their means and of the ends of their intervals.
fn thinned(band: &Band, every: usize) -> Vec<Option<PlotValue>> {
    let point = |at: usize| -> Option<PlotValue> {
        let end = (at + every).min(band.mean.len());
        let mean = |column: &[Option<f64>]| {
            let known: Vec<f64> = column[at..end].iter().copied().flatten().filter(|value| value.is_finite()).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let interval = mean(&band.low).zip(mean(&band.high)).filter(|(low, high)| low < high);
        Some(PlotValue { mean: mean(&band.mean)?, interval })
    };
    (0..band.mean.len()).step_by(every).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_the_mean_of_its_steps_and_of_those_only_that_have_a_value() {
        let band = Band {
            mean: vec![Some(1.0), Some(3.0), None, Some(5.0), None],
            low: vec![Some(0.0), Some(2.0), None, None, None],
            high: vec![Some(2.0), Some(4.0), None, None, None],
        };
        let points = thinned(&band, 2);
        let expected = [
            Some(PlotValue { mean: 2.0, interval: Some((1.0, 3.0)) }),
            Some(PlotValue { mean: 5.0, interval: None }),
            None,
        ];
        assert_eq!(points, expected);
    }
}
