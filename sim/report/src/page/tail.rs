//! Distributions with their tails: a value for each percentile, on an axis on which every nine is as wide as the one
//! before.

use engine::hist::Hist;
use engine::record::RunRecord;
use lab::{Unit, WorldResult};

use super::plot::{Along, Plot, PlotLine, PlotValue};
use crate::figures::scale::Quantity;
use crate::words::carriers::CarrierWord;

/// Points in the width of a nine.
const PER_NINE: u32 = 24;
/// Nines at most: beyond p99.99 a run of minutes has a handful of requests.
const NINES_MAX: u32 = 4;
/// Classes that have a plot of their own, at most.
const CLASSES_MAX: usize = 5;
/// The percentiles that stand in tables.
const TABLED: [f64; 10] = [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999];

/// Latency of good responses, of all and of each class.
pub(crate) fn latencies(results: &[WorldResult]) -> Vec<Plot> {
    let measures = "latency";
    let mut plots = vec![plot("tail", "All good responses", measures, results, &|record| &record.latency)];
    let classes = results.first().and_then(|world| world.records.first()).map_or(&[][..], |record| &record.classes);
    for (at, class) in classes.iter().enumerate().take(CLASSES_MAX).filter(|_| classes.len() > 1) {
        let title = format!("Class {}", class.name);
        plots.push(plot(&format!("tail-{at}"), &title, measures, results, &|record| &record.classes[at].latency));
    }
    plots.retain(Plot::has_values);
    plots
}

/// What greenlets wait for their hub, and how long they keep it; nothing where there is no hub.
pub(crate) fn hubs(results: &[WorldResult], word: CarrierWord) -> Vec<Plot> {
    let titled = |what: &str| {
        let on = match word {
            CarrierWord::Hub => "Hub",
            CarrierWord::Loop => "Loop",
            CarrierWord::Either => "Hub or loop",
        };
        format!("{on} {what}")
    };
    let ready = "from ready to running";
    let run = "from a switch to the next";
    let plots = [
        plot("hub-lag", &titled("lag"), ready, results, &|record| &record.hub_lag),
        plot("hub-hold", &titled("hold"), run, results, &|record| &record.hub_hold),
    ];
    plots.into_iter().filter(Plot::has_values).collect()
}

/// The distribution that `pick` finds, of every world that has it, its replications together.
fn plot(id: &str, title: &str, measures: &str, results: &[WorldResult], pick: &dyn Fn(&RunRecord) -> &Hist) -> Plot {
    let hists: Vec<(usize, &str, Hist)> = results
        .iter()
        .enumerate()
        .map(|(index, world)| (index, world.name.as_str(), merged(&world.records, pick)))
        .filter(|(_, _, hist)| hist.count() > 0)
        .collect();
    let nines = nines(hists.iter().map(|(_, _, hist)| hist.count()).max().unwrap_or(0));
    let places = places(nines);
    let line = |(world, name, hist): &(usize, &str, Hist)| {
        let value = |&(_, p): &(f64, f64)| {
            // Ranks beyond the last response would repeat the largest.
            let known = (1.0 - p) * hist.count() as f64 >= 1.0 - 1e-6;
            let span = hist.quantile(p).filter(|_| known)?;
            Some(PlotValue { mean: span.as_secs_f64(), interval: None })
        };
        PlotLine { world: *world, name: (*name).to_owned(), dashed: false, values: places.iter().map(value).collect() }
    };
    Plot {
        id: id.to_owned(),
        title: title.to_owned(),
        measures: measures.to_owned(),
        along: Along::Nines(f64::from(nines)),
        tabled: (0..places.len()).filter(|&place| TABLED.contains(&places[place].1)).collect(),
        lines: hists.iter().map(line).collect(),
        at: places.iter().map(|&(nines, _)| nines).collect(),
        quantity: Quantity::Latency,
        unit: Unit::Nanoseconds,
        diagonal: false,
    }
}

/// Places on the axis with their percentiles as shares: evenly, and the named ones exactly.
fn places(nines: u32) -> Vec<(f64, f64)> {
    let place = |p: f64| if p == 0.0 { (0.0, p) } else { (-libm::log10(1.0 - p), p) };
    let mut places: Vec<(f64, f64)> = TABLED.into_iter().map(place).collect();
    places.retain(|(at, _)| *at <= f64::from(nines) + 1e-9);
    let named = places.clone();
    for step in 0..=nines * PER_NINE {
        let at = f64::from(step) / f64::from(PER_NINE);
        if named.iter().all(|(named, _)| (named - at).abs() > 1e-6) {
            places.push((at, 1.0 - libm::pow(10.0, -at)));
        }
    }
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    places
}

/// All replications together.
pub(crate) fn merged(records: &[RunRecord], pick: &dyn Fn(&RunRecord) -> &Hist) -> Hist {
    let mut all = Hist::new();
    records.iter().for_each(|record| all.merge(pick(record)));
    all
}

/// Nines that so many responses can tell apart.
fn nines(count: u64) -> u32 {
    count.max(1).ilog10().clamp(1, NINES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::time::Span;
    use lab::fixtures;

    #[test]
    fn the_named_percentiles_are_those_of_the_histogram() {
        let results = [WorldResult { name: "threads".to_owned(), records: vec![fixtures::record("threads", 0)] }];
        let plot = &latencies(&results)[0];
        let hist = &results[0].records[0].latency;
        assert_eq!(hist.count(), 890);
        assert!(plot.along == Along::Nines(2.0), "890 responses know nothing of p99.9");
        let p99 = plot.at.iter().rposition(|&at| (at - 2.0).abs() < 1e-9).expect("there is a p99");
        assert_eq!(plot.lines[0].values[p99].map(|value| value.mean), hist.quantile(0.99).map(Span::as_secs_f64));
        assert!(plot.tabled.len() == 7 && plot.at.is_sorted());
    }

    #[test]
    fn a_world_without_hubs_has_no_plot_of_them() {
        let results = [WorldResult { name: "threads".to_owned(), records: vec![fixtures::record("threads", 0)] }];
        assert!(hubs(&results, CarrierWord::Hub).is_empty());
        assert_eq!(latencies(&results).len(), 3, "all, and two classes");
    }
}
