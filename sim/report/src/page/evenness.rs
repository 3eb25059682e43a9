//! How evenly waiting was spread: Lorenz curves of latencies, exact to the width of a histogram's bucket, and of what each client got
//! of those that ask again and again.

use engine::hist::Hist;
use engine::record::{Evenness, LORENZ_PARTS};
use lab::{Unit, WorldResult};

use super::PageTable;
use super::plot::{Along, Plot, PlotLine, PlotValue};
use super::tail::merged;
use crate::figures::scale::Quantity;
use crate::words::number;

/// Classes that have a curve, at most.
const CLASSES_MAX: usize = 5;

/// A plot for each class: which share of all the time the luckiest part of the responses took.
pub(crate) fn curves(results: &[WorldResult]) -> Vec<Plot> {
    let classes = results.first().and_then(|world| world.records.first()).map_or(&[][..], |record| &record.classes);
    let plot = |(at, class): (usize, &engine::record::ClassRecord)| {
        let point = |world: &WorldResult| {
            let hist = merged(&world.records, &|record| &record.classes[at].latency);
            move |part| lorenz(&hist, place(part))
        };
        Plot {
            id: format!("lorenz-{at}"),
            title: if classes.len() > 1 { format!("Class {}", class.name) } else { "All good responses".to_owned() },
            measures: "share of all latency".to_owned(),
            along: Along::Share("Share of good responses, the fastest first"),
            ..blank(results, point)
        }
    };
    classes.iter().enumerate().take(CLASSES_MAX).map(plot).filter(Plot::has_values).collect()
}

/// A plot for each group of clients that ask again and again: which share of all good responses the poorest part of them got.
pub(crate) fn client_curves(results: &[WorldResult]) -> Vec<Plot> {
    let groups = results.first().and_then(|world| world.records.first()).map_or(&[][..], |record| &record.groups);
    let plot = |(at, group): (usize, &engine::record::GroupRecord)| Plot {
        id: format!("lorenz-clients-{at}"),
        title: format!("Clients of {}", group.name),
        measures: "share of all good responses".to_owned(),
        along: Along::Share("Share of clients, those that got least first"),
        ..blank(results, |world| move |part| mean(world, at, part))
    };
    let several = |(_, group): &(usize, &engine::record::GroupRecord)| group.clients.count > 1;
    groups.iter().enumerate().filter(several).take(CLASSES_MAX).map(plot).filter(Plot::has_values).collect()
}

/// Where a part of a curve ends, 0 to 1.
fn place(part: usize) -> f64 {
    part as f64 / LORENZ_PARTS as f64
}

/// A Lorenz curve of every world, yet without a name; `point` gives the values of a world by part.
fn blank<'a, F: Fn(usize) -> Option<f64>>(results: &'a [WorldResult], point: impl Fn(&'a WorldResult) -> F) -> Plot {
    let parts = || 0..=LORENZ_PARTS as usize;
    let line = |(index, world): (usize, &'a WorldResult)| {
        let point = point(world);
        let values = parts().map(|part| Some(PlotValue { mean: point(part)?, interval: None }));
        PlotLine { world: index, name: world.name.clone(), dashed: false, values: values.collect() }
    };
    Plot {
        id: String::new(),
        title: String::new(),
        measures: String::new(),
        along: Along::Share(""),
        lines: results.iter().enumerate().map(line).collect(),
        at: parts().map(place).collect(),
        tabled: parts().step_by(5).collect(),
        quantity: Quantity::Share,
        unit: Unit::Share,
        diagonal: true,
    }
}

/// A point of the Lorenz curve of a group's clients, in the mean of the replications where any client got anything.
fn mean(world: &WorldResult, group: usize, part: usize) -> Option<f64> {
    let share = |record: &engine::RunRecord| {
        let curve = &record.groups[group].lorenz;
        let all = *curve.last().filter(|&&all| all > 0)?;
        Some(curve[part] as f64 / all as f64)
    };
    let shares: Vec<f64> = world.records.iter().filter_map(share).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// The share of the sum that the smallest `share` of the values have; `None` without a value.
fn lorenz(hist: &Hist, share: f64) -> Option<f64> {
    let wanted = share * hist.count() as f64;
    let (mut seen, mut sum, mut all) = (0.0, 0.0, 0.0);
    for (edge, count) in hist.buckets() {
        let (size, count) = (edge.as_ns() as f64, count as f64);
        let within = (wanted - seen).clamp(0.0, count);
        sum += within * size;
        all += count * size;
        seen += count;
    }
    (all > 0.0).then(|| sum / all)
}

/// Clients that wait for a response before they ask again, and what each of them got; `None` where there are none.
pub(crate) fn clients(results: &[WorldResult]) -> Option<PageTable> {
    let count = |value: u64| number::value(Unit::Count, value as f64);
    let mut rows = Vec::new();
    for world in results {
        let groups = world.records.first().map_or(&[][..], |record| &record.groups);
        for (at, group) in groups.iter().enumerate() {
            let all = world.records.iter().map(|record| record.groups[at].clients);
            let all = all.fold(Evenness::default(), Evenness::merged);
            if all.count < 2 {
                continue;
            }
            let starved: u64 = world.records.iter().map(|record| record.groups[at].starved_clients).sum();
            let mean = number::value(Unit::Count, all.sum as f64 / all.count as f64);
            let alike = all.jain().map_or("–".to_owned(), |jain| {
                let sharers = count((jain * all.count as f64).round() as u64);
                format!("{} ({sharers})", number::value(Unit::Index, jain))
            });
            let cells = vec![count(all.count), count(all.min), mean, count(all.max), alike, count(starved)];
            rows.push((format!("{}, {}", world.name, group.name), cells));
        }
    }
    let head = ["", "clients", "least", "mean", "most", "Jain's index (as if so many shared alike)", "starved"]
        .map(str::to_owned)
        .to_vec();
    let caption = "Good responses by client, of clients that ask again and again, all replications together".to_owned();
    (!rows.is_empty()).then_some(PageTable { caption, head, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::time::Span;

    #[test]
    fn a_curve_of_equal_latencies_is_the_diagonal_and_one_of_a_single_victim_lies_below() {
        let mut even = Hist::new();
        (0..100).for_each(|_| even.add(Span::from_ms(10)));
        assert!((lorenz(&even, 0.3).unwrap() - 0.3).abs() < 1e-12);
        let mut odd = even.clone();
        odd.add(Span::from_secs(1));
        // 100 of 101 responses have half of the time; a bucket is at most 0.1 % wide.
        let most = lorenz(&odd, 100.0 / 101.0).unwrap();
        assert!((most - 0.5).abs() < 0.001, "{most}");
        assert_eq!((lorenz(&odd, 1.0), lorenz(&Hist::new(), 0.5)), (Some(1.0), None));
    }
}
