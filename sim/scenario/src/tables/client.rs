//! `[client.NAME]`: who sends requests, and what they do when it takes too long.

use engine::kernel::Ports;
use engine::model::Profile;
use engine::time::{Span, Time};

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, key};
use crate::reader::law_text::LawText;
use crate::reader::node::Node;
use crate::reader::unit::ppm;
use crate::tables::client_policies::{
    self, BREAKER, BURSTS, BurstText, ClientPolicies, HEDGE, KEEP_ALIVE, RETRY, SPIKE,
};
use crate::tables::{first_request, kernel};
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

const OPEN: &[&str] = &["rate"];
const CLOSED: &[&str] = &["clients"];

static POINT: KeyTable = KeyTable {
    heading: "{ at, rate, step }",
    noun: "a point of a rate",
    doc: "The rate runs in straight lines from point to point and stays at the last; the first point is at \"0s\".",
    keys: &[
        key("at", KeyKind::Duration, Presence::Required, "\"60s\"", "When, from the start of the run."),
        key("rate", KeyKind::Rate, Presence::Required, "\"300/s\"", "The rate there, requests a unit of time."),
        key(
            "step",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "The rate jumps here instead of having risen or fallen in a line.",
        ),
    ],
};

static REFRESH: KeyTable = KeyTable {
    heading: "refresh = { chance, pause, times }",
    noun: "a refresh",
    doc: "What a user does who has lost patience; the old request lives on in the server.",
    keys: &[
        key("chance", KeyKind::Number(0.0, 1.0), Presence::Required, "0.8", "Chance of asking again, 0 to 1."),
        key("pause", KeyKind::Law, Presence::Default("\"0s\""), "\"500ms\"", "Pause before the new request."),
        key("times", KeyKind::Count(1, 1_000), Presence::Default("1"), "5", "New requests of a user at most."),
    ],
};

pub(crate) static CLIENT: KeyTable = KeyTable {
    heading: "[client.NAME]",
    noun: "a client",
    doc: "A group of alike people. One of `rate` (they come at a rate, whatever happens), `clients` (a fixed number, each waits \
          for its response and asks again) or `trace` (they come at recorded instants) says when requests are sent.",
    keys: &[
        key(
            "rate",
            KeyKind::Profile(&POINT),
            Presence::Else("see `clients`, `trace`"),
            "\"300/s\"",
            "Requests a unit of time, or a list of points between which the rate runs straight.",
        ),
        key(
            "arrivals",
            KeyKind::OneOf(|| vec!["poisson", "fixed"]),
            Presence::Default("\"poisson\""),
            "\"fixed\"",
            "Whether requests come at random or evenly spaced.",
        )
        .beside(OPEN),
        key(
            "bursts",
            KeyKind::Table(&BURSTS),
            Presence::Else("the rate is as it is said"),
            "{ factor = 10, on = \"exp(2s)\", off = \"exp(18s)\" }",
            "Random times of many arrivals.",
        )
        .beside(OPEN),
        key(
            "spikes",
            KeyKind::List(&SPIKE),
            Presence::Default("[]"),
            "[{ at = \"60s\", factor = 5, length = \"30s\" }]",
            "Set times of many arrivals.",
        )
        .beside(OPEN),
        key("trace", KeyKind::File, Presence::Else("see `rate`"), "\"arrivals.csv\"", "File of arrival instants, one a line."),
        key(
            "clients",
            KeyKind::Count(1, 1_000_000),
            Presence::Else("see `rate`"),
            "10",
            "Clients that each wait for their response.",
        ),
        key(
            "total",
            KeyKind::Count(1, 1_000_000_000),
            Presence::Else("they go on until the end of the run"),
            "100",
            "Requests of all clients together.",
        )
        .beside(CLOSED),
        key(
            "think",
            KeyKind::Law,
            Presence::Default("\"0s\""),
            "\"exp(2s)\"",
            "Pause between a response and the next request.",
        )
        .beside(CLOSED),
        key(
            "first_alone",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "Whether the first request runs alone and the other clients begin when its response is there, as today's `ab` does to learn which address works (httpd, support/ab.c, worker_test); older ones begin with all of them.",
        )
        .beside(CLOSED),
        key(
            "begins",
            KeyKind::Name(NameGroup::Request),
            Presence::Else("they choose at once"),
            "\"login\"",
            "What each of them asks for once, before all else; nobody chooses it by `share` who does not list it in `requests`.",
        )
        .beside(CLOSED),
        key(
            "requests",
            KeyKind::Names(NameGroup::Request),
            Presence::Else("all"),
            "[\"page\"]",
            "What they ask for, chosen by `share`.",
        ),
        key(
            "cost",
            KeyKind::Law,
            Presence::Else("people need none"),
            "\"lognormal(44us, 75us)\"",
            "CPU time that the program that sends the requests needs for one. All its clients share one core, or one for each of `generators`, so it bounds their rate and is part of the latency.",
        ),
        key(
            "generators",
            KeyKind::Count(1, 1_024),
            Presence::Default("1"),
            "4",
            "Processes of that program, each with the work of one core; whichever is free first does the next piece.",
        )
        .beside(&["cost"]),
        key(
            "on",
            KeyKind::OneOf(|| vec!["own", "server"]),
            Presence::Default("\"own\""),
            "\"server\"",
            "Where that program runs: on cores of its own, or on those of the first server, where it takes turns with its threads.",
        )
        .beside(&["cost"]),
        key(
            "network",
            KeyKind::Duration,
            Presence::Default("\"0s\""),
            "\"200us\"",
            "One way over the network to the servers.",
        ),
        key(
            "ports",
            KeyKind::Table(&kernel::PORTS),
            Presence::Else("as many as they want"),
            "{ closes = \"client\" }",
            "Local ports that they connect from.",
        ),
        key(
            "connect_timeout",
            KeyKind::Positive,
            Presence::Else("the kernel gives up after 127 s"),
            "\"5s\"",
            "Longest wait for a connection.",
        ),
        key(
            "read_timeout",
            KeyKind::Positive,
            Presence::Else("they wait"),
            "\"60s\"",
            "Longest wait for the response once connected.",
        ),
        key(
            "silence",
            KeyKind::Positive,
            Presence::Else("the program goes on"),
            "\"30s\"",
            "Longest time in which nothing happens at any of their connections; then the program that sends ends, and what it still waits for has failed (ab: -s, 30 s: \"The timeout specified has expired\").",
        )
        .beside(CLOSED),
        key(
            "patience",
            KeyKind::Law,
            Presence::Else("they wait"),
            "\"lognormal(4s, 10s)\"",
            "How long a user looks at a blank page before leaving.",
        ),
        key(
            "refresh",
            KeyKind::Table(&REFRESH),
            Presence::Else("who leaves is gone"),
            "{ chance = 0.8, pause = \"500ms\", times = 5 }",
            "What a user who lost patience does.",
        )
        .beside(&["patience"]),
        key(
            "retry",
            KeyKind::Table(&RETRY),
            Presence::Else("what went wrong is over"),
            "{ times = 3, backoff = \"100ms\", jitter = \"full\", budget = 0.1 }",
            "What the client does with a request that went wrong.",
        ),
        key(
            "hedge",
            KeyKind::Table(&HEDGE),
            Presence::Else("one copy of a request is sent"),
            "{ percentile = 95 }",
            "When a second copy of a request is sent.",
        ),
        key(
            "breaker",
            KeyKind::Table(&BREAKER),
            Presence::Else("all requests are sent"),
            "{ failures = 5, open = \"10s\" }",
            "The breaker around all requests of the group.",
        ),
        key(
            "keep_alive",
            KeyKind::Table(&KEEP_ALIVE),
            Presence::Else("a connection a request"),
            "{ timeout = \"5s\" }",
            "How connections are used again.",
        ),
        key(
            "download",
            KeyKind::Count(1, 1_000_000_000_000),
            Presence::Else("as fast as it comes"),
            "50000",
            "What the client reads of a response, bytes a second; a slow reader holds its writer.",
        ),
    ],
};

/// A group of alike people.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedClient {
    pub(crate) name: Name,
    pub(crate) when: When,
    /// Names of requests; `None`: all.
    pub(crate) requests: Option<Vec<Name>>,
    /// Name of the request that each makes first.
    pub(crate) begins: Option<Name>,
    pub(crate) first_alone: bool,
    pub(crate) network: Span,
    pub(crate) ports: Option<Ports>,
    pub(crate) cost: Option<(LawText, At)>,
    pub(crate) generators: u32,
    pub(crate) beside_servers: bool,
    pub(crate) connect_timeout: Option<Span>,
    pub(crate) read_timeout: Option<Span>,
    pub(crate) silence: Option<Span>,
    pub(crate) patience: Option<(LawText, At)>,
    pub(crate) refresh: Option<TypedRefresh>,
    pub(crate) bursts: Option<BurstText>,
    pub(crate) policies: ClientPolicies,
    pub(crate) download: Option<u64>,
}

/// When requests are sent.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum When {
    Poisson(Profile),
    Fixed(Profile),
    Trace { path: String, at: At },
    Closed { clients: u32, total: Option<u64>, think: (LawText, At) },
}

/// What a user who lost patience does.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedRefresh {
    pub(crate) ppm: u32,
    pub(crate) pause: (LawText, At),
    pub(crate) times: u32,
}

impl TypedClient {
    /// Reads one `[client.NAME]`.
    pub(crate) fn read((name, node): &(Name, Node), findings: &mut Findings) -> TypedClient {
        let law = |node: &Node, key: &str| (node.get::<&LawText>(key).clone(), node.at(key));
        let refresh = node.find::<&Node>("refresh").map(|refresh| TypedRefresh {
            ppm: ppm(refresh.get("chance")),
            pause: law(refresh, "pause"),
            times: refresh.get("times"),
        });
        TypedClient {
            name: name.clone(),
            when: When::read(name, node, findings),
            requests: node.find::<&[Name]>("requests").filter(|_| node.sound(&["requests"])).map(<[Name]>::to_vec),
            begins: first_request::read(name, node, findings),
            first_alone: node.get("first_alone"),
            network: node.get("network"),
            ports: kernel::ports(node, findings),
            cost: node.find::<&LawText>("cost").map(|law| (law.clone(), node.at("cost"))),
            generators: node.get("generators"),
            beside_servers: node.get::<&str>("on") == "server",
            connect_timeout: node.find("connect_timeout"),
            read_timeout: node.find("read_timeout"),
            silence: node.find("silence"),
            patience: node.find::<&LawText>("patience").map(|law| (law.clone(), node.at("patience"))),
            refresh,
            bursts: node.find::<&Node>("bursts").map(BurstText::read),
            policies: ClientPolicies::read(name, node, findings),
            download: node.find("download"),
        }
    }

    /// Whether it may choose the request called `name`.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.requests.as_ref().is_none_or(|list| list.iter().any(|listed| listed.text == name))
    }

    /// Whether it begins with the request called `name`.
    pub(crate) fn begins_with(&self, name: &str) -> bool {
        self.begins.as_ref().is_some_and(|begins| begins.text == name)
    }

    /// Whether it stops by itself.
    pub(crate) fn ends(&self) -> bool {
        matches!(self.when, When::Closed { total: Some(_), .. })
    }
}

impl When {
    fn read(name: &Name, node: &Node, findings: &mut Findings) -> When {
        let ways: Vec<&str> = ["rate", "clients", "trace"].into_iter().filter(|key| node.given(key)).collect();
        if let [first, second, ..] = ways[..] {
            let what = format!("client `{}` has both `{first}` and `{second}`", name.text);
            let help = "keep one: `rate` for people who come whatever happens, `clients` for a fixed number who wait, `trace` for recorded instants";
            findings.error(node.key_at(second), what).label(format!("beside `{first}`")).help(help);
        }
        match ways.first() {
            Some(&"clients") => When::Closed {
                clients: node.get("clients"),
                total: node.find("total"),
                think: (node.get::<&LawText>("think").clone(), node.at("think")),
            },
            Some(&"trace") => When::Trace { path: node.get::<&str>("trace").to_owned(), at: node.at("trace") },
            Some(_) => {
                let profile = profile(name, node, findings);
                let profile = client_policies::with_spikes(profile, node.get("spikes"), findings);
                if node.get::<&str>("arrivals") == "fixed" { When::Fixed(profile) } else { When::Poisson(profile) }
            }
            None => {
                let what = format!("client `{}` never asks for anything", name.text);
                let help =
                    "write `rate = \"300/s\"`, or `clients = 10` with `total = 100`, or `trace = \"arrivals.csv\"`";
                findings.error(name.at, what).label("no `rate`, `clients` or `trace`").help(help).echo();
                When::Poisson(constant(1.0))
            }
        }
    }
}

fn constant(rate: f64) -> Profile {
    Profile { points: vec![(Time::ZERO, rate)] }
}

fn profile(name: &Name, node: &Node, findings: &mut Findings) -> Profile {
    if let Some(rate) = node.find::<f64>("rate") {
        if rate <= 0.0 && node.sound(&["rate"]) {
            let finding =
                findings.error(node.at("rate"), format!("at a rate of zero client `{}` never comes", name.text));
            finding.label("zero").help("write a rate above zero, or remove this client");
        }
        return constant(rate);
    }
    let nodes: &[Node] = node.get("rate");
    let mut points: Vec<(Time, f64)> = Vec::new();
    for (index, point) in nodes.iter().enumerate() {
        let at = Time::ZERO + point.get::<Span>("at");
        let rate: f64 = point.get("rate");
        let last = points.last().copied();
        if index == 0 && !at.is_zero() && point.sound(&["at"]) {
            let finding = findings.error(point.at("at"), "the first point of a rate is at \"0s\"");
            finding.label("not the start").help("write { at = \"0s\", rate = … } before it");
        }
        if let Some((before, _)) = last.filter(|(before, _)| *before >= at)
            && point.sound(&["at"])
        {
            let what = format!("the points of a rate go forward in time, and {at} does not come after {before}");
            let help = "sort the points; for a jump write { at, rate, step = true }";
            findings.error(point.at("at"), what).label("not later").help(help);
            continue;
        }
        if let Some((_, level)) = last.filter(|_| point.get("step")) {
            points.push((at, level));
        }
        points.push((at, rate));
    }
    if points.iter().all(|(_, rate)| *rate <= 0.0) {
        let what = format!("at a rate of zero client `{}` never comes", name.text);
        findings
            .error(node.at("rate"), what)
            .label("zero all the time")
            .help("give one point a rate above zero")
            .echo();
        return constant(1.0);
    }
    Profile { points }
}
