//! What requests of a kind have in common: the order of their steps, which of them run side by side, and how long each takes.
//!
//! Requests of a kind that take different ways (a cache that hits or misses) are kept apart, each way with its share. Equal steps one
//! after the other are one step that is repeated.

use std::collections::BTreeMap;

use super::span::SpanKindSeen;
use super::visit::{ServiceVisit, VisitItem};
use crate::numbers::{Moments, Sample};

/// Ways of a kind of request that are kept apart.
const SHAPES_MAX: usize = 64;
/// Steps of a way; a request with more is counted and not looked at.
const ITEMS_MAX: usize = 64;

/// A step of a way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ItemKey {
    /// Once.
    Once(String),
    /// Several times, one after the other.
    Repeated(String),
    /// So many side by side; all of their names.
    SideBySide(u32, String),
}

impl ItemKey {
    /// The name of the step.
    pub fn name(&self) -> &str {
        match self {
            ItemKey::Once(name) | ItemKey::Repeated(name) | ItemKey::SideBySide(_, name) => name,
        }
    }
}

/// What was seen of a step; nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct ItemStats {
    /// From begin to end.
    pub wall: Sample,
    /// CPU time of its thread.
    pub cpu: Sample,
    /// The rest, where the CPU time is known.
    pub wait: Sample,
    /// How often it ran in a request.
    pub runs: Moments,
    /// Which side of a call.
    pub kind: SpanKindSeen,
    /// What is called.
    pub peer: Option<String>,
}

impl ItemStats {
    fn add(&mut self, item: &VisitItem) {
        let wall = (item.end - item.start) as f64;
        self.wall.add(wall);
        if let Some(cpu) = item.cpu {
            self.cpu.add(cpu as f64);
            self.wait.add((wall - cpu as f64).max(0.0));
        }
        self.kind = item.kind;
        if self.peer.is_none() {
            self.peer.clone_from(&item.peer);
        }
    }
}

/// A way that requests of a kind go.
#[derive(Clone, Debug, Default)]
pub struct RequestShape {
    /// Requests that went it.
    pub count: u64,
    /// From begin to end.
    pub wall: Sample,
    /// CPU time of the thread, where it is known.
    pub cpu: Sample,
    /// Of that what no step has.
    pub own_cpu: Moments,
    /// Its steps, in order.
    pub items: Vec<(ItemKey, ItemStats)>,
    /// Times before each step, and after the last.
    pub gaps: Vec<Sample>,
}

/// A kind of request.
#[derive(Clone, Debug, Default)]
pub struct ClassTraces {
    /// Requests of all ways.
    pub count: u64,
    /// Requests of ways that were too many or too long.
    pub passed_over: u64,
    shapes: BTreeMap<Vec<ItemKey>, RequestShape>,
}

impl ClassTraces {
    /// Adds a request.
    pub fn add(&mut self, visit: &ServiceVisit) {
        self.count += 1;
        let groups = grouped(&visit.items);
        let full = self.shapes.len() >= SHAPES_MAX;
        let keys: Vec<ItemKey> = groups.iter().map(|group| group.key.clone()).collect();
        if groups.len() > ITEMS_MAX || (full && !self.shapes.contains_key(&keys)) {
            self.passed_over += 1;
            return;
        }
        self.shapes.entry(keys).or_default().add(visit, &groups);
    }

    /// Ways, the most frequent first.
    pub fn shapes(&self) -> Vec<&RequestShape> {
        let mut shapes: Vec<(&Vec<ItemKey>, &RequestShape)> = self.shapes.iter().collect();
        shapes.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
        shapes.into_iter().map(|(_, shape)| shape).collect()
    }
}

/// Steps that stand for one of a way.
struct ItemGroup<'a> {
    key: ItemKey,
    items: &'a [VisitItem],
    start: u64,
    end: u64,
}

/// Steps in groups: those that overlap run side by side, equal ones in a row are one.
fn grouped(items: &[VisitItem]) -> Vec<ItemGroup<'_>> {
    let mut groups: Vec<ItemGroup<'_>> = Vec::new();
    let mut from = 0;
    while from < items.len() {
        let (mut to, mut end) = (from + 1, items[from].end);
        while to < items.len() && overlaps(end, &items[to]) {
            end = end.max(items[to].end);
            to += 1;
        }
        let side_by_side = to - from > 1;
        if !side_by_side {
            while to < items.len()
                && items[to].name == items[from].name
                && !items.get(to + 1).is_some_and(|next| overlaps(items[to].end, next))
            {
                end = end.max(items[to].end);
                to += 1;
            }
        }
        let slice = &items[from..to];
        let key = match slice.len() {
            1 => ItemKey::Once(items[from].name.clone()),
            n if side_by_side => ItemKey::SideBySide(u32::try_from(n).unwrap_or(u32::MAX), names(slice)),
            _ => ItemKey::Repeated(items[from].name.clone()),
        };
        groups.push(ItemGroup { key, items: slice, start: items[from].start, end });
        from = to;
    }
    groups
}

/// Whether a step began well before others had ended: a clock's grain is no overlap.
fn overlaps(end: u64, next: &VisitItem) -> bool {
    let grain = ((next.end - next.start) / 10).min(50_000);
    next.start.saturating_add(grain) < end
}

fn names(items: &[VisitItem]) -> String {
    let mut names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" | ")
}

impl RequestShape {
    fn add(&mut self, visit: &ServiceVisit, groups: &[ItemGroup<'_>]) {
        if self.gaps.is_empty() {
            self.items = groups.iter().map(|group| (group.key.clone(), ItemStats::default())).collect();
            self.gaps = vec![Sample::default(); groups.len() + 1];
        }
        self.count += 1;
        self.wall.add((visit.end - visit.start) as f64);
        let mut at = visit.start;
        let mut inside = 0;
        for (slot, group) in groups.iter().enumerate() {
            self.gaps[slot].add(group.start.saturating_sub(at) as f64);
            at = group.end;
            let stats = &mut self.items[slot].1;
            group.items.iter().for_each(|item| stats.add(item));
            stats.runs.add(group.items.len() as f64);
            inside += group.items.iter().filter_map(|item| item.cpu).fold(0_u64, u64::saturating_add);
        }
        self.gaps[groups.len()].add(visit.end.saturating_sub(at) as f64);
        if let Some(cpu) = visit.cpu {
            self.cpu.add(cpu as f64);
            self.own_cpu.add(cpu.saturating_sub(inside) as f64);
        }
    }

    /// The mean CPU time of each gap: what no step has is shared among them by the time that each always takes, and never more than it.
    pub fn gap_cpu(&self) -> Option<Vec<f64>> {
        if self.own_cpu.count() == 0 {
            return None;
        }
        let always: Vec<f64> = self.gaps.iter().map(|gap| gap.quantile(0.25)).collect();
        let sum: f64 = always.iter().sum();
        let scale = if sum > 0.0 { self.own_cpu.mean() / sum } else { 0.0 };
        Some(always.iter().zip(&self.gaps).map(|(always, gap)| (always * scale).min(gap.moments().mean())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, start: u64, end: u64) -> VisitItem {
        VisitItem {
            name: name.into(),
            start,
            end,
            cpu: Some((end - start) / 2),
            kind: SpanKindSeen::Client,
            peer: None,
        }
    }

    fn visit(items: Vec<VisitItem>) -> ServiceVisit {
        ServiceVisit {
            class: "GET /".into(),
            service: String::new(),
            start: 0,
            end: 10_000_000,
            cpu: Some(2_000_000),
            items,
        }
    }

    fn keys(items: Vec<VisitItem>) -> Vec<ItemKey> {
        grouped(&items).into_iter().map(|group| group.key).collect()
    }

    #[test]
    fn equal_steps_in_a_row_are_repeated_and_overlapping_ones_run_side_by_side() {
        let ms = 1_000_000;
        let serial =
            vec![item("a", 0, ms), item("b", ms, 2 * ms), item("b", 2 * ms, 3 * ms), item("c", 4 * ms, 5 * ms)];
        let wanted = [ItemKey::Once("a".into()), ItemKey::Repeated("b".into()), ItemKey::Once("c".into())];
        assert_eq!(keys(serial), wanted);
        let parallel = vec![item("x", 0, 5 * ms), item("y", ms, 4 * ms), item("x", 6 * ms, 7 * ms)];
        assert_eq!(keys(parallel), [ItemKey::SideBySide(2, "x | y".into()), ItemKey::Once("x".into())]);
    }

    #[test]
    fn ways_of_a_kind_are_kept_apart_and_gaps_add_up_to_the_rest() {
        let mut class = ClassTraces::default();
        for _ in 0..3 {
            class.add(&visit(vec![item("redis", 1_000_000, 2_000_000)]));
        }
        class.add(&visit(vec![item("redis", 1_000_000, 2_000_000), item("SELECT", 3_000_000, 9_000_000)]));
        let shapes = class.shapes();
        assert_eq!(shapes.iter().map(|shape| shape.count).collect::<Vec<_>>(), [3, 1]);
        let gaps: f64 = shapes[0].gaps.iter().map(|gap| gap.moments().mean()).sum();
        assert_eq!(gaps + 1_000_000.0, 10_000_000.0);
        let cpu: f64 = shapes[0].gap_cpu().unwrap().iter().sum();
        assert!((cpu - 1_500_000.0).abs() < 1.0, "{cpu}");
    }

    #[test]
    fn ways_have_a_bound() {
        let mut class = ClassTraces::default();
        for at in 0..=SHAPES_MAX {
            class.add(&visit(vec![item(&format!("s{at}"), 0, 1)]));
        }
        assert_eq!((class.shapes().len(), class.passed_over), (SHAPES_MAX, 1));
    }
}
