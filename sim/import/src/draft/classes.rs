//! Kinds of request out of logs and traces: a route of the log and the traces of it are one, and ways of a route are kinds of their own.

use std::collections::BTreeSet;

use crate::intake::Intake;
use crate::logs::RouteStats;
use crate::traces::{ClassTraces, RequestShape};

/// Kinds that a scenario has at most; the rest is told.
const CLASSES_MAX: usize = 24;
/// Ways with a smaller part of a route are told and not written.
const WAY_SHARE_MIN: f64 = 0.03;
/// And those that fewer requests went.
const WAY_COUNT_MIN: f64 = 5.0;
/// Characters of a name.
const NAME_MAX: usize = 40;

/// A kind of request.
#[derive(Clone, Debug)]
pub struct DraftClass {
    /// As the scenario names it.
    pub name: String,
    /// As logs and traces name it.
    pub route: String,
    /// Requests.
    pub count: u64,
    /// Of how many in all.
    pub of: u64,
    /// What the log says.
    pub logged: Option<RouteStats>,
    /// What its traces say.
    pub shape: Option<RequestShape>,
    /// Where the share is from.
    pub source: String,
}

/// Kinds of request, the most frequent first; and what was left out, each a sentence.
pub fn classes(intake: &Intake, service: &str) -> (Vec<DraftClass>, Vec<String>) {
    let traced = intake.traces.classes_of(service);
    let mut left_out = Vec::new();
    let mut routes: Vec<(String, u64, Option<RouteStats>, Option<&ClassTraces>)> = Vec::new();
    let mut matched: BTreeSet<&str> = BTreeSet::new();
    for (route, stats) in intake.access.routes() {
        let found = traced.iter().find(|(name, _)| same_route(name, &route));
        matched.extend(found.map(|(name, _)| *name));
        routes.push((route, stats.count, Some(stats), found.map(|(_, class)| *class)));
    }
    let from_log = !routes.is_empty();
    for (name, class) in traced {
        if !from_log {
            routes.push((name.to_owned(), class.count, None, Some(class)));
        } else if !matched.contains(name) {
            left_out.push(format!("{} traced requests `{name}` have no route in the log", class.count));
        }
    }
    let of: u64 = routes.iter().map(|(_, count, _, _)| count).sum();
    routes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rest: u64 = routes.iter().skip(CLASSES_MAX).map(|(_, count, _, _)| count).sum();
    if rest > 0 {
        let share = crate::numbers::percent(rest as f64 / of.max(1) as f64);
        left_out.push(format!(
            "{} routes with {share} of the requests are left out: only the {CLASSES_MAX} most frequent are written",
            routes.len() - CLASSES_MAX
        ));
    }
    let source = if from_log { intake.access.files.join(", ") } else { intake.traces.files.join(", ") };
    let (mut classes, mut names) = (Vec::new(), BTreeSet::new());
    for (route, count, logged, traces) in routes.into_iter().take(CLASSES_MAX) {
        let ways = ways(&route, traces, &mut left_out);
        let all: u64 = ways.iter().map(|shape| shape.count).sum();
        for at in 0..ways.len().max(1) {
            let shape = ways.get(at).copied().cloned();
            let part = shape.as_ref().map_or(1.0, |shape| shape.count as f64 / all.max(1) as f64);
            let count = libm::round(count as f64 * part).max(1.0) as u64;
            let name = unique(&name_of(&route), &mut names);
            let logged = if at == 0 { logged.clone() } else { None };
            classes.push(DraftClass { name, route: route.clone(), count, of, logged, shape, source: source.clone() });
        }
    }
    (classes, left_out)
}

/// Ways of a route that are frequent enough.
fn ways<'a>(route: &str, traces: Option<&'a ClassTraces>, left_out: &mut Vec<String>) -> Vec<&'a RequestShape> {
    let Some(traces) = traces else { return Vec::new() };
    let shapes = traces.shapes();
    let least = (WAY_SHARE_MIN * traces.count as f64).max(WAY_COUNT_MIN.min(traces.count as f64 / 2.0));
    let (kept, rare): (Vec<&RequestShape>, Vec<&RequestShape>) =
        shapes.into_iter().partition(|shape| shape.count as f64 >= least);
    let rare = rare.iter().map(|shape| shape.count).sum::<u64>() + traces.passed_over;
    if rare > 0 {
        left_out.push(format!(
            "{rare} of {} traces of `{route}` go ways that are rarer than {} or {WAY_COUNT_MIN} times",
            traces.count,
            crate::numbers::percent(WAY_SHARE_MIN)
        ));
    }
    kept
}

/// Whether two names mean one route, whatever they call what stands for an identifier.
fn same_route(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

fn normal(route: &str) -> String {
    let is_slot = |part: &str| part.starts_with([':', '<', '{']) || part == "*";
    let parts = route.trim_end_matches('/').split('/').map(|part| if is_slot(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// A name for a scenario: the path, and the method where it is not GET.
fn name_of(route: &str) -> String {
    let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    if name.is_empty() {
        name = if path == "/" { "root".to_owned() } else { "other".to_owned() };
    }
    if method != "GET" && !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        name = format!("{}-{name}", method.to_ascii_lowercase());
    }
    name.chars().take(NAME_MAX).collect::<String>().trim_end_matches('-').to_owned()
}

fn unique(name: &str, names: &mut BTreeSet<String>) -> String {
    let mut unique = name.to_owned();
    let mut at = 2;
    while !names.insert(unique.clone()) {
        unique = format!("{name}-{at}");
        at += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_differ() {
        assert_eq!(name_of("GET /product"), "product");
        assert_eq!(name_of("POST /users/:number/orders"), "post-users-number-orders");
        assert_eq!(name_of("GET /"), "root");
        assert_eq!(name_of("(other)"), "other");
        let mut names = BTreeSet::new();
        assert_eq!((unique("a", &mut names), unique("a", &mut names)), ("a".to_owned(), "a-2".to_owned()));
    }

    #[test]
    fn a_route_of_the_log_and_a_template_of_the_framework_are_one() {
        assert!(same_route("GET /users/<int:id>/orders", "GET /users/:number/orders"));
        assert!(same_route("GET /users/{id}", "GET /users/:uuid"));
        assert!(!same_route("GET /users", "POST /users"));
    }
}
