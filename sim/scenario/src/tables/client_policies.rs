//! What clients do beyond one request: bursts and spikes, retries, second copies, breakers, kept connections.

use engine::law::Law;
use engine::model::{Backoff, BreakerSpec, Bursts, Hedge, HedgeAfter, Jitter, KeepAlive, Profile, Retry};
use engine::time::{Span, Time};

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::law_text::LawText;
use crate::reader::node::Node;
use crate::reader::unit::ppm;
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

pub(crate) static BURSTS: KeyTable = KeyTable {
    heading: "bursts = { factor, on, off }",
    noun: "a burst",
    doc: "Times of many arrivals between quiet ones; the run begins quiet. With exponential laws this is a two-state \
          Markov-modulated Poisson process.",
    keys: &[
        key("factor", KeyKind::Number(0.0, 10_000.0), Presence::Required, "10", "The rate in a burst, times `rate`."),
        key("on", KeyKind::Law, Presence::Required, "\"exp(2s)\"", "How long a burst lasts."),
        key("off", KeyKind::Law, Presence::Required, "\"exp(18s)\"", "How long it is quiet between bursts."),
    ],
};

pub(crate) static SPIKE: KeyTable = KeyTable {
    heading: "spikes = [{ at, factor, length, ramp }]",
    noun: "a spike",
    doc: "A time in which the rate is a multiple of what it would be; it rises and falls in straight lines. Spikes do not overlap.",
    keys: &[
        key(
            "at",
            KeyKind::Duration,
            Presence::Required,
            "\"60s\"",
            "When it begins to rise, from the start of the run.",
        ),
        key("factor", KeyKind::Number(0.0, 10_000.0), Presence::Required, "5", "The rate at its height, times `rate`."),
        key("length", KeyKind::Positive, Presence::Required, "\"30s\"", "How long it stays at its height."),
        key("ramp", KeyKind::Duration, Presence::Default("\"0s\""), "\"5s\"", "How long it rises, and then falls."),
    ],
};

/// What can go wrong with a request, for who may try again.
pub(crate) fn went_wrong() -> Vec<&'static str> {
    vec!["connect", "refused", "timeout", "error"]
}

pub(crate) static RETRY: KeyTable = KeyTable {
    heading: "retry = { times, backoff, budget }",
    noun: "a retry",
    doc: "What a client does with a request that went wrong: it sends another one, with draws of its own.",
    keys: &[
        key("times", KeyKind::Count(1, 100), Presence::Default("1"), "3", "New requests at most."),
        key("backoff", KeyKind::Duration, Presence::Default("\"0s\""), "\"100ms\"", "Pause before the first of them."),
        key(
            "factor",
            KeyKind::Number(1.0, 100.0),
            Presence::Default("2"),
            "2",
            "Each further pause is longer by this.",
        ),
        key("max", KeyKind::Positive, Presence::Else("pauses have no bound"), "\"10s\"", "The longest pause."),
        key(
            "jitter",
            KeyKind::OneOf(|| vec!["none", "full", "equal"]),
            Presence::Default("\"none\""),
            "\"full\"",
            "What chance does to a pause: nothing, anything from zero to it, or from half of it to it.",
        ),
        key(
            "on",
            KeyKind::SomeOf(went_wrong),
            Presence::Default("[\"connect\", \"refused\", \"timeout\"]"),
            "[\"timeout\", \"error\"]",
            "What is tried again: no connection, one that is refused, breaks or finds no port, no response in time, an error as the \
             response.",
        ),
        key(
            "budget",
            KeyKind::Number(0.0, 10.0),
            Presence::Else("every retry is sent"),
            "0.1",
            "Part of a token that every first request of the group adds to a bucket; a retry takes a whole one.",
        ),
        key(
            "reserve",
            KeyKind::Count(1, 1_000_000),
            Presence::Default("10"),
            "100",
            "Tokens that the bucket holds, and has at the start.",
        )
        .beside(&["budget"]),
    ],
};

pub(crate) static HEDGE: KeyTable = KeyTable {
    heading: "hedge = { after }",
    noun: "a hedge",
    doc: "A second copy of a request that takes long; the first good answer counts, the other copy is left to the server.",
    keys: &[
        key(
            "after",
            KeyKind::Positive,
            Presence::Else("see `percentile`"),
            "\"50ms\"",
            "When it is sent, from the first.",
        ),
        key(
            "percentile",
            KeyKind::Number(1.0, 99.99),
            Presence::Else("see `after`"),
            "95",
            "It is sent after the time in which this share of the group's good responses came so far, in percent.",
        ),
    ],
};

pub(crate) static BREAKER: KeyTable = KeyTable {
    heading: "breaker = { failures, window, open }",
    noun: "a breaker",
    doc: "Counts failures; after too many it lets nothing pass for a while, then one to try. What it stops fails at once.",
    keys: &[
        key("failures", KeyKind::Count(1, 100_000), Presence::Default("5"), "10", "Failures that open it."),
        key(
            "window",
            KeyKind::Positive,
            Presence::Else("failures in a row count"),
            "\"10s\"",
            "Time within which they must happen, whatever succeeds between them.",
        ),
        key(
            "open",
            KeyKind::Positive,
            Presence::Default("\"60s\""),
            "\"5s\"",
            "How long it stays open before it lets one try.",
        ),
    ],
};

pub(crate) static KEEP_ALIVE: KeyTable = KeyTable {
    heading: "keep_alive = { requests, timeout, connections }",
    noun: "a kept connection",
    doc: "Connections are used again; what an idle one takes in the server depends on the worker.",
    keys: &[
        key(
            "requests",
            KeyKind::Count(2, 1_000_000),
            Presence::Default("1000"),
            "100",
            "Requests over one connection at most.",
        ),
        key(
            "timeout",
            KeyKind::Positive,
            Presence::Default("\"60s\""),
            "\"5s\"",
            "How long an idle one is kept by who asks.",
        ),
        key(
            "connections",
            KeyKind::Count(1, 1_000_000),
            Presence::Default("100"),
            "32",
            "Idle ones kept at most by the whole group.",
        ),
    ],
};

/// Bursts as they were typed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct BurstText {
    factor: f64,
    pub(crate) on: (LawText, At),
    pub(crate) off: (LawText, At),
}

impl BurstText {
    pub(crate) fn read(node: &Node) -> BurstText {
        let law = |key: &str| (node.get::<&LawText>(key).clone(), node.at(key));
        BurstText { factor: node.get("factor"), on: law("on"), off: law("off") }
    }

    /// With its laws.
    pub(crate) fn bursts(&self, law: impl Fn(&LawText) -> Law) -> Bursts {
        Bursts { factor: self.factor, on: law(&self.on.0), off: law(&self.off.0) }
    }
}

/// What a client does beyond one request, but for its bursts.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct ClientPolicies {
    pub(crate) retry: Option<Retry>,
    pub(crate) hedge: Option<Hedge>,
    pub(crate) breaker: Option<BreakerSpec>,
    pub(crate) keep_alive: Option<KeepAlive>,
}

impl ClientPolicies {
    /// Reads those keys of a client.
    pub(crate) fn read(name: &Name, node: &Node, findings: &mut Findings) -> ClientPolicies {
        let table = |key: &str| node.find::<&Node>(key);
        ClientPolicies {
            retry: table("retry").map(retry),
            hedge: table("hedge").and_then(|hedge| read_hedge(name, hedge, findings)),
            breaker: table("breaker").map(breaker),
            keep_alive: table("keep_alive").map(keep_alive),
        }
    }
}

/// Reads a breaker.
pub(crate) fn breaker(node: &Node) -> BreakerSpec {
    BreakerSpec { failures: node.get("failures"), window: node.find("window"), open: node.get("open") }
}

/// Reads how connections are kept.
pub(crate) fn keep_alive(node: &Node) -> KeepAlive {
    KeepAlive { requests: node.get("requests"), timeout: node.get("timeout"), connections: node.get("connections") }
}

/// Whether a list of words has one.
pub(crate) fn says(node: &Node, key: &str, word: &str) -> bool {
    node.get::<&[Name]>(key).iter().any(|name| name.text == word)
}

fn retry(node: &Node) -> Retry {
    let jitter = match node.get::<&str>("jitter") {
        "full" => Jitter::Full,
        "equal" => Jitter::Equal,
        _ => Jitter::None,
    };
    let backoff = Backoff {
        first: node.get("backoff"),
        factor_milli: (node.get::<f64>("factor") * 1e3).round() as u32,
        max: node.find("max").unwrap_or(Span::from_secs(crate::words::limits::DURATION_S)),
        jitter,
    };
    Retry {
        times: node.get("times"),
        backoff,
        on_connect: says(node, "on", "connect"),
        on_refused: says(node, "on", "refused"),
        on_timeout: says(node, "on", "timeout"),
        on_error: says(node, "on", "error"),
        budget_ppm: node.find::<f64>("budget").map(|part| (part.clamp(0.0, 10.0) * 1e6).round() as u32),
        reserve: node.get("reserve"),
    }
}

fn read_hedge(name: &Name, node: &Node, findings: &mut Findings) -> Option<Hedge> {
    let after = match (node.find::<Span>("after"), node.find::<f64>("percentile")) {
        (Some(delay), None) => HedgeAfter::Delay(delay),
        (None, Some(percentile)) => HedgeAfter::Quantile(ppm(percentile / 100.0)),
        (both, _) => {
            let word = if both.is_some() { "has both `after` and `percentile`" } else { "does not say when" };
            let what = format!("the hedge of client `{}` {word}", name.text);
            let help = "write one of `after = \"50ms\"` and `percentile = 95`";
            findings.error(node.at, what).label("when is the second copy sent?").help(help);
            return None;
        }
    };
    Some(Hedge { after })
}

/// A profile with its spikes: each is a multiple of what the rate was, in straight lines between its corners.
pub(crate) fn with_spikes(base: Profile, nodes: &[Node], findings: &mut Findings) -> Profile {
    let mut points = base.points.clone();
    let mut last_end = Time::ZERO;
    for node in nodes.iter().filter(|node| node.sound(&["at", "length", "ramp", "factor"])) {
        let (at, ramp, length): (Span, Span, Span) = (node.get("at"), node.get("ramp"), node.get("length"));
        let factor: f64 = node.get("factor");
        let begins = Time::ZERO + at;
        let corners = [begins, begins + ramp, begins + ramp + length, begins + ramp + length + ramp];
        if begins < last_end {
            let what = format!("a spike begins at {begins}, before the one before it has ended at {last_end}");
            findings.error(node.at("at"), what).label("overlaps").help("sort the spikes, or move one of them");
            continue;
        }
        last_end = corners[3];
        // What lies inside is lifted, and the corners are put in: with a ramp in a line, else as a jump.
        let inside = |at: Time| corners[0] < at && at < corners[3];
        let height = |at: Time| {
            let part = |from: Time, to: Time| (at - from).as_secs_f64() / (to - from).as_secs_f64().max(1e-9);
            let share = if at < corners[1] {
                part(corners[0], corners[1])
            } else if at > corners[2] {
                1.0 - part(corners[2], corners[3])
            } else {
                1.0
            };
            1.0 + (factor - 1.0) * share
        };
        let mut lifted: Vec<(Time, f64)> = points.iter().copied().filter(|&(at, _)| at <= corners[0]).collect();
        lifted.push((corners[0], rate_at(&base, corners[0])));
        lifted.push((corners[1], rate_at(&base, corners[1]) * factor));
        lifted.extend(base.points.iter().filter(|(at, _)| inside(*at)).map(|&(at, rate)| (at, rate * height(at))));
        lifted.push((corners[2], rate_at(&base, corners[2]) * factor));
        lifted.push((corners[3], rate_at(&base, corners[3])));
        lifted.extend(points.iter().copied().filter(|&(at, _)| at >= corners[3]));
        lifted.sort_by_key(|&(at, _)| at);
        points = lifted;
    }
    Profile { points }
}

/// The rate of a profile at an instant; at a jump, what comes after it.
fn rate_at(profile: &Profile, at: Time) -> f64 {
    let next = profile.points.partition_point(|&(point, _)| point <= at);
    let Some(&(from, rate)) = next.checked_sub(1).and_then(|last| profile.points.get(last)) else { return 0.0 };
    match profile.points.get(next) {
        Some(&(to, end)) => rate + (end - rate) * ((at - from).as_secs_f64() / (to - from).as_secs_f64()),
        None => rate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_between_its_points_and_after_a_jump() {
        let at = |s| Time::ZERO + Span::from_secs(s);
        let profile = Profile { points: vec![(at(0), 10.0), (at(10), 30.0), (at(10), 100.0)] };
        assert_eq!([0, 5, 10, 99].map(|s| rate_at(&profile, at(s))), [10.0, 20.0, 100.0, 100.0]);
    }
}
