//! Who was starved, over all replications: how many, and those who had to do without for longest.

use std::cmp::Reverse;

use engine::record::{RunRecord, StarvedClient, StarvedRequest};

/// Of each list, so many at most.
const SHOWN: usize = 5;

/// Who was starved in one world, of one class or of all.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Starved {
    /// How many requests were.
    pub requests: u64,
    /// Those of them that waited longest, with their replications; the longest first.
    pub longest: Vec<(u32, StarvedRequest)>,
    /// How many clients were, of those that ask again and again; of all classes.
    pub clients: u64,
    /// Those of them that went longest without a good response, with their replications and groups; the longest first.
    pub clients_longest: Vec<(u32, u16, StarvedClient)>,
}

impl Starved {
    /// In these replications; of the classes that are meant.
    pub fn of(records: &[RunRecord], is_meant: impl Fn(usize) -> bool) -> Starved {
        let mut all = Starved::default();
        for record in records {
            let replication = record.replication;
            for (_, class) in record.classes.iter().enumerate().filter(|(class, _)| is_meant(*class)) {
                all.requests += class.waiting.starved;
                all.longest.extend(class.starved.all().iter().map(|one| (replication, *one)));
            }
            for (at, group) in (0..).zip(&record.groups) {
                all.clients += group.starved_clients;
                all.clients_longest.extend(group.starved_longest.all().iter().map(|one| (replication, at, *one)));
            }
        }
        all.longest.sort_by_key(|(replication, one)| (Reverse(one.waited), *replication));
        all.longest.truncate(SHOWN);
        all.clients_longest.sort_by_key(|(replication, _, one)| (Reverse(one.longest), *replication));
        all.clients_longest.truncate(SHOWN);
        all
    }
}
