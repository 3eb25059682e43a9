//! A request put together from its spans: what it did in which order, flat, with what it spent outside of any span.
//!
//! Where spans say their parents, those are followed. Where they say nothing but a name and a time, a span belongs to the request around
//! it in time; if several are, to the one whose kind does this next, as requests that were alone did.

use std::collections::BTreeMap;

use super::span::{SpanKindSeen, SpanSeen};

/// A step of a request: a span without parts of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct VisitItem {
    /// What it is.
    pub name: String,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
    /// CPU time of its thread meanwhile.
    pub cpu: Option<u64>,
    /// Which side of a call.
    pub kind: SpanKindSeen,
    /// What is called.
    pub peer: Option<String>,
}

/// A request to a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceVisit {
    /// What was asked for.
    pub class: String,
    /// Of which service.
    pub service: String,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
    /// CPU time of its thread, that of its steps included.
    pub cpu: Option<u64>,
    /// What it did, in order.
    pub items: Vec<VisitItem>,
}

fn item(span: &SpanSeen) -> VisitItem {
    VisitItem {
        name: span.name.clone(),
        start: span.start,
        end: span.end,
        cpu: span.cpu,
        kind: span.kind,
        peer: span.peer.clone(),
    }
}

fn visit(root: &SpanSeen, items: Vec<VisitItem>) -> ServiceVisit {
    let class = root.route.clone().unwrap_or_else(|| root.name.clone());
    ServiceVisit { class, service: root.service.clone(), start: root.start, end: root.end, cpu: root.cpu, items }
}

/// A clock of one service held against another's: nanoseconds that the second one is ahead.
pub struct ClockOffset {
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// Nanoseconds.
    pub ahead: f64,
    /// Whether the call that was served seems to lie outside of the call that was made.
    pub outside: bool,
}

/// All requests of one trace whose spans say their parents, and clocks that were seen to differ. Spans whose parents are missing count
/// as orphans unless they are served requests.
pub fn of_trace(spans: &[SpanSeen]) -> (Vec<ServiceVisit>, Vec<ClockOffset>, u64) {
    let by_id: BTreeMap<u64, usize> = spans.iter().enumerate().map(|(at, span)| (span.id, at)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let (mut roots, mut orphans, mut clocks) = (Vec::new(), 0, Vec::new());
    for (at, span) in spans.iter().enumerate() {
        let parent = by_id.get(&span.parent).copied().filter(|parent| span.parent != 0 && *parent != at);
        match parent {
            Some(parent) if span.kind != SpanKindSeen::Server && spans[parent].service == span.service => {
                children[parent].push(at)
            }
            Some(parent) => {
                roots.push(at);
                clocks.extend(offset(&spans[parent], span));
            }
            None if span.parent == 0 || span.kind == SpanKindSeen::Server => roots.push(at),
            None => orphans += 1,
        }
    }
    let visits = roots.into_iter().map(|root| {
        let mut items = Vec::new();
        leaves(root, spans, &mut children, &mut items);
        items.sort_by(|a, b| (a.start, a.end, &a.name).cmp(&(b.start, b.end, &b.name)));
        visit(&spans[root], items)
    });
    (visits.collect(), clocks, orphans)
}

/// Everything below a span that has nothing below itself; each span is walked once, whatever a hostile file says of parents.
fn leaves(root: usize, spans: &[SpanSeen], children: &mut [Vec<usize>], items: &mut Vec<VisitItem>) {
    let mut open = std::mem::take(&mut children[root]);
    while let Some(at) = open.pop() {
        let below = std::mem::take(&mut children[at]);
        if below.is_empty() || spans[at].kind == SpanKindSeen::Client {
            items.push(item(&spans[at]));
        } else {
            open.extend(below);
        }
    }
}

fn offset(client: &SpanSeen, server: &SpanSeen) -> Option<ClockOffset> {
    if client.service == server.service {
        return None;
    }
    let ahead = ((server.start as f64 - client.start as f64) + (server.end as f64 - client.end as f64)) / 2.0;
    let outside = !client.holds(server);
    Some(ClockOffset { from: client.service.clone(), to: server.service.clone(), ahead, outside })
}

/// Requests out of spans without identity, which must be sorted by their start, and spans that belong to none.
///
/// A root is a span that lies in no other, or whose name is a route: a method and a path.
pub fn of_times(spans: &[SpanSeen]) -> (Vec<ServiceVisit>, u64) {
    let names_a_route = |span: &SpanSeen| {
        span.kind == SpanKindSeen::Server
            || span.name.split_once(' ').is_some_and(|(method, path)| {
                path.starts_with('/') && method.bytes().all(|byte| byte.is_ascii_uppercase())
            })
    };
    let any_route = spans.iter().any(names_a_route);
    let mut roots: Vec<usize> = Vec::new();
    let mut latest_end = 0;
    for (at, span) in spans.iter().enumerate() {
        let is_root = if any_route { names_a_route(span) } else { span.end > latest_end };
        if is_root {
            roots.push(at);
            latest_end = latest_end.max(span.end);
        }
    }
    let owners = owners(spans, &roots);
    let mut items: Vec<Vec<VisitItem>> = vec![Vec::new(); roots.len()];
    let (mut lost, mut is_root) = (0, vec![false; spans.len()]);
    roots.iter().for_each(|root| is_root[*root] = true);
    for (at, span) in spans.iter().enumerate().filter(|(at, _)| !is_root[*at]) {
        match owners[at] {
            Some(owner) => items[owner].push(item(span)),
            None => lost += 1,
        }
    }
    let flat = |mut items: Vec<VisitItem>| {
        items.sort_by_key(|item| (item.start, item.end));
        without_wholes(items)
    };
    (roots.iter().zip(items).map(|(root, items)| visit(&spans[*root], flat(items))).collect(), lost)
}

/// Steps of a request beyond which nobody looks for those that have others inside.
const NESTED_MAX: usize = 1_000;
/// Requests at once among which the owner of a span is looked for: the latest.
const AROUND_MAX: usize = 256;

/// Steps without those that have others inside.
fn without_wholes(items: Vec<VisitItem>) -> Vec<VisitItem> {
    if items.len() > NESTED_MAX {
        return items;
    }
    let inside = |whole: &VisitItem, part: &VisitItem| {
        whole.start <= part.start && part.end <= whole.end && (whole.start, whole.end) != (part.start, part.end)
    };
    let is_whole: Vec<bool> = items.iter().map(|whole| items.iter().any(|part| inside(whole, part))).collect();
    items.into_iter().zip(is_whole).filter(|(_, whole)| !whole).map(|(item, _)| item).collect()
}

/// For every span the request that it belongs to, by number.
fn owners(spans: &[SpanSeen], roots: &[usize]) -> Vec<Option<usize>> {
    let mut owners: Vec<Option<usize>> = vec![None; spans.len()];
    let mut around: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let (mut open, mut next): (Vec<usize>, usize) = (Vec::new(), 0);
    for (at, span) in spans.iter().enumerate() {
        while next < roots.len() && roots[next] <= at {
            open.push(next);
            next += 1;
        }
        open.retain(|root| spans[roots[*root]].end >= span.start);
        open.drain(..open.len().saturating_sub(AROUND_MAX));
        // A request may begin at the instant of its first step and stand behind it.
        let later = (next..roots.len()).take(AROUND_MAX).take_while(|root| spans[roots[*root]].start == span.start);
        around[at] = open
            .iter()
            .copied()
            .chain(later)
            .filter(|root| spans[roots[*root]].holds(span) && roots[*root] != at)
            .collect();
    }
    // What follows what in a kind of request, learnt from spans that only one request can have.
    let mut follows: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    let mut last: Vec<&str> = vec![""; roots.len()];
    for (at, span) in spans.iter().enumerate() {
        if let [root] = around[at][..] {
            *follows.entry((&spans[roots[root]].name, last[root], &span.name)).or_default() += 1;
            last[root] = &span.name;
        }
    }
    let (mut last, mut ends) =
        (vec![""; roots.len()], roots.iter().map(|root| spans[*root].start).collect::<Vec<u64>>());
    for (at, span) in spans.iter().enumerate() {
        let known = |root: &usize| {
            let seen = follows
                .get(&(spans[roots[*root]].name.as_str(), last[*root], span.name.as_str()))
                .copied()
                .unwrap_or(0);
            // A thread does one thing after the other: who is still at its last step does not begin the next one.
            (ends[*root] <= span.start, seen.min(3), std::cmp::Reverse(span.start.abs_diff(ends[*root])))
        };
        owners[at] = around[at].iter().copied().max_by_key(known);
        if let Some(owner) = owners[at] {
            last[owner] = &span.name;
            ends[owner] = span.end;
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, start: u64, end: u64) -> SpanSeen {
        SpanSeen { name: name.into(), start, end, ..SpanSeen::default() }
    }

    #[test]
    fn spans_without_identity_belong_to_the_request_around_them() {
        let spans = [
            span("GET /a", 0, 10),
            span("redis", 1, 2),
            span("render", 3, 4),
            span("GET /a", 20, 30),
            span("redis", 21, 22),
            span("render", 23, 24),
        ];
        let (visits, lost) = of_times(&spans);
        let names: Vec<Vec<&str>> =
            visits.iter().map(|visit| visit.items.iter().map(|item| item.name.as_str()).collect()).collect();
        assert_eq!((names, lost), (vec![vec!["redis", "render"], vec!["redis", "render"]], 0));
    }

    #[test]
    fn where_two_requests_are_around_a_span_it_is_whose_kind_does_this_next() {
        let mut spans = vec![
            span("GET /slow", 0, 100),
            span("partner", 1, 90),
            span("json", 91, 95),
            span("GET /fast", 200, 210),
            span("redis", 201, 203),
            span("GET /slow", 300, 400),
            span("partner", 301, 380),
            span("GET /fast", 320, 340),
            span("redis", 322, 330),
            span("json", 390, 395),
        ];
        spans.sort_by_key(|span| span.start);
        let (visits, lost) = of_times(&spans);
        let last: Vec<(&str, Vec<&str>)> = visits[2..]
            .iter()
            .map(|visit| (visit.class.as_str(), visit.items.iter().map(|item| item.name.as_str()).collect()))
            .collect();
        assert_eq!(last, [("GET /slow", vec!["partner", "json"]), ("GET /fast", vec!["redis"])]);
        assert_eq!(lost, 0);
    }

    #[test]
    fn a_call_to_another_service_tells_how_far_its_clock_is_ahead() {
        let of = |service: &str, id, parent, kind, start, end| SpanSeen {
            service: service.into(),
            id,
            parent,
            kind,
            ..span("x", start, end)
        };
        let spans = [
            of("shop", 1, 0, SpanKindSeen::Server, 1_000, 2_000),
            of("shop", 2, 1, SpanKindSeen::Client, 1_100, 1_900),
            of("stock", 3, 2, SpanKindSeen::Server, 6_200, 6_800),
        ];
        let (visits, clocks, orphans) = of_trace(&spans);
        assert_eq!((visits.len(), orphans), (2, 0));
        assert_eq!((clocks[0].ahead, clocks[0].outside), (5_000.0, true));
        assert_eq!(visits[0].items.len(), 1);
    }

    #[test]
    fn a_trace_whose_spans_are_each_others_parents_ends() {
        let spans = [
            SpanSeen { id: 1, parent: 2, ..span("a", 0, 1) },
            SpanSeen { id: 2, parent: 1, ..span("b", 0, 1) },
            SpanSeen { id: 3, parent: 3, ..span("c", 0, 1) },
            SpanSeen { id: 4, parent: 99, ..span("d", 0, 1) },
        ];
        let (_, _, orphans) = of_trace(&spans);
        assert_eq!(orphans, 2);
    }
}
