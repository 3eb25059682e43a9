//! Who was starved, as tables: those requests and clients of each world that had to do without for longest.

use engine::Model;
use lab::explain::{Starved, shares};
use lab::{Unit, WorldResult};

use super::PageTable;
use crate::text::explain::parts;
use crate::text::starved::end;
use crate::words::carriers::CarrierWord;
use crate::words::number;

/// A table of requests and one of clients, each only if there are any.
pub(crate) fn tables(models: &[Model], results: &[WorldResult]) -> Vec<PageTable> {
    let worlds = models.iter().zip(results);
    let starved: Vec<(&Model, Starved)> =
        worlds.map(|(model, world)| (model, Starved::of(&world.records, |_| true))).collect();
    [requests(&starved), clients(&starved)].into_iter().flatten().collect()
}

fn requests(starved: &[(&Model, Starved)]) -> Option<PageTable> {
    let mut rows = Vec::new();
    for (model, starved) in starved {
        for (replication, one) in &starved.longest {
            let end = end(one.ending);
            let of = model.classes[usize::from(one.class)].name.clone();
            let cells =
                vec![of, one.born.to_string(), replication.to_string(), time(one.waited.as_ns()), end.to_owned()];
            rows.push((
                model.name.clone(),
                [cells, vec![parts(CarrierWord::of_model(model), &shares(&one.bill))]].concat(),
            ));
        }
    }
    let head = ["", "class", "sent at", "replication", "waited", "end", "mostly for"].map(str::to_owned).to_vec();
    let caption = "Starved requests that waited longest: later ones were answered meanwhile".to_owned();
    (!rows.is_empty()).then_some(PageTable { caption, head, rows })
}

fn clients(starved: &[(&Model, Starved)]) -> Option<PageTable> {
    let mut rows = Vec::new();
    for (model, starved) in starved {
        for (replication, group, one) in &starved.clients_longest {
            let of = format!("{} of {}", one.number + 1, model.clients[usize::from(*group)].name);
            let served = number::value(Unit::Count, one.served as f64);
            let cells = vec![of, replication.to_string(), time(one.longest.as_ns()), one.since.to_string(), served];
            rows.push((model.name.clone(), cells));
        }
    }
    let head = ["", "client", "replication", "longest without", "from", "good responses in all"];
    let caption = "Starved clients that went longest without a good response".to_owned();
    (!rows.is_empty()).then_some(PageTable { caption, head: head.map(str::to_owned).to_vec(), rows })
}

fn time(ns: u64) -> String {
    number::value(Unit::Nanoseconds, ns as f64)
}
