//! How a master watches and replaces its workers: the keys of a world, and what a preset knows of it.

use engine::time::Span;
use engine::worker::LifeSpec;

use crate::reader::key::{KeyKind, Presence, TableKey, key};
use crate::reader::node::Node;
use crate::words::diagnostic::Findings;

const MAX_REQUESTS: u64 = 1_000_000_000;

/// gunicorn's heartbeat.
pub(crate) const TIMEOUT: TableKey = key(
    "timeout",
    KeyKind::Duration,
    Presence::Else("the preset's for gunicorn"),
    "\"60s\"",
    "Silence of a worker's main loop after which gunicorn kills and replaces it (--timeout); \"0s\" for never. A sync worker is silent for as long as its request takes.",
);

/// uWSGI's deadline.
pub(crate) const HARAKIRI: TableKey = key(
    "harakiri",
    KeyKind::Positive,
    Presence::Else("requests may take as long as they like"),
    "\"60s\"",
    "Age of a request at which uWSGI kills and replaces the whole process (--harakiri); one clock a process, which every request sets anew and clears.",
);

/// When a process is replaced.
pub(crate) const MAX_REQUESTS_KEY: TableKey = key(
    "max_requests",
    KeyKind::Count(1, MAX_REQUESTS),
    Presence::Else("a process is never replaced"),
    "1000",
    "Requests after which a process finishes what it has and is replaced (gunicorn, uWSGI, hypercorn: --max-requests; uvicorn: --limit-max-requests).",
);

/// And by how much later.
pub(crate) const JITTER: TableKey = key(
    "max_requests_jitter",
    KeyKind::Count(0, MAX_REQUESTS),
    Presence::Default("0"),
    "100",
    "As many requests more at random at most, drawn anew for each process (gunicorn, hypercorn: --max-requests-jitter; uvicorn: --limit-max-requests-jitter).",
)
.beside(&["max_requests"]);

/// How long it may take then.
pub(crate) const GRACEFUL_TIMEOUT: TableKey = key(
    "graceful_timeout",
    KeyKind::Duration,
    Presence::Else("the preset's"),
    "\"10s\"",
    "How long a process that is to be replaced may take to finish what it has, before it is killed (gunicorn, hypercorn: --graceful-timeout, uWSGI: --worker-reload-mercy, uvicorn: --timeout-graceful-shutdown).",
);

/// What a new one costs.
pub(crate) const BOOT: TableKey = key(
    "boot",
    KeyKind::Duration,
    Presence::Else("the preset's, of an application that imports nothing"),
    "\"2s\"",
    "CPU time of a new process before it serves: the fork, and the application's imports where the master does not make them.",
);

/// How old a process gets at least.
pub(crate) const LIFETIME_LEAST: TableKey = key(
    "min_worker_lifetime",
    KeyKind::Duration,
    Presence::Else("the preset's for uWSGI"),
    "\"0s\"",
    "Age below which a process goes on after its `max_requests` (uWSGI: --min-worker-lifetime).",
);

/// What a master does about a fork bomb.
pub(crate) const FORKBOMB_DELAY: TableKey = key(
    "forkbomb_delay",
    KeyKind::Duration,
    Presence::Else("the preset's for uWSGI"),
    "\"0s\"",
    "How long uWSGI's master sleeps, and looks after nobody, when more processes than it has died within a second of each other (--forkbomb-delay).",
);

const ALL: [&str; 8] = [
    "timeout",
    "harakiri",
    "max_requests",
    "max_requests_jitter",
    "graceful_timeout",
    "boot",
    "min_worker_lifetime",
    "forkbomb_delay",
];

/// Whose master it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Overseer {
    Gunicorn,
    Uwsgi,
    /// `supervisors/multiprocess.py`, where there are several processes.
    Uvicorn,
    /// `run.py`.
    Hypercorn,
}

impl Overseer {
    /// As a preset's `overseer` calls them.
    pub(crate) fn names() -> Vec<&'static str> {
        vec!["gunicorn", "uwsgi", "uvicorn", "hypercorn"]
    }

    fn named(name: &str) -> Overseer {
        match name {
            "gunicorn" => Overseer::Gunicorn,
            "uvicorn" => Overseer::Uvicorn,
            "hypercorn" => Overseer::Hypercorn,
            _ => Overseer::Uwsgi,
        }
    }

    /// Whether it stands above its processes even if none of them is ever replaced.
    pub(crate) fn is_always_there(self) -> bool {
        matches!(self, Overseer::Gunicorn | Overseer::Uwsgi)
    }

    /// How often it looks at its processes: gunicorn 27 `arbiter.py` (`sleep`: select for 1.0 s), uWSGI 2.0 `master.c` (a cycle). The
    /// others leave it to their processes, which look at the clock themselves.
    fn looks(self) -> Span {
        if self.is_always_there() { Span::from_secs(1) } else { Span::from_ns(1) }
    }

    /// How often it looks for those that have ended; zero: it is told (SIGCHLD; hypercorn 0.18 `run.py`, `wait` on the sentinels).
    /// uvicorn 0.54 `multiprocess.py`, `run`: `should_exit.wait(0.5)`.
    fn reaps(self) -> Span {
        if self == Overseer::Uvicorn { Span::from_ms(500) } else { Span::ZERO }
    }

    /// Requests that a process begins beyond its `max_requests`: hypercorn 0.18 `worker_context.py`, `mark_request`, compares with `>`.
    fn beyond(self) -> u32 {
        u32::from(self == Overseer::Hypercorn)
    }
}

/// A preset's worker and the master above it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Master {
    pub(crate) overseer: Overseer,
    /// gunicorn's heartbeat.
    pub(crate) timeout: Option<Span>,
    pub(crate) graceful_timeout: Span,
    pub(crate) boot: Span,
    /// uWSGI's.
    pub(crate) lifetime_least: Span,
    /// uWSGI's.
    pub(crate) forkbomb_delay: Span,
    /// gunicorn's.
    pub(crate) dies_of_emfile: bool,
}

/// What a preset says of a worker's master; `None` if it has none.
pub(crate) fn master(node: &Node) -> Option<Master> {
    let span = |name: &str| node.find::<&Node>(name).map(|value| value.get::<Span>("value"));
    let (graceful_timeout, boot) = (span("graceful_timeout")?, span("boot")?);
    let or_none = |name: &str| span(name).unwrap_or(Span::ZERO);
    let usual = if span("timeout").is_some() { Overseer::Gunicorn } else { Overseer::Uwsgi };
    let overseer = node.find::<&Node>("overseer").map_or(usual, |whose| Overseer::named(whose.get("value")));
    Some(Master {
        overseer,
        timeout: span("timeout"),
        graceful_timeout,
        boot,
        lifetime_least: or_none("min_worker_lifetime"),
        forkbomb_delay: or_none("forkbomb_delay"),
        dies_of_emfile: node.find::<&Node>("dies_of_emfile").is_some_and(|value| value.get("value")),
    })
}

/// What a world says of it; `None` if nobody replaces its processes.
pub(crate) fn read(
    node: &Node,
    software: &str,
    master: Option<&Master>,
    processes: u32,
    findings: &mut Findings,
) -> Option<LifeSpec> {
    let mut refuse = |key: &str, why: &str| node.refuse(key, software, why, findings);
    let Some(master) = master else {
        for key in ALL {
            refuse(key, "it has no master process that would replace workers");
        }
        return None;
    };
    match master.overseer {
        Overseer::Gunicorn => refuse("harakiri", "gunicorn has heartbeats instead: write `timeout`"),
        Overseer::Uwsgi => {
            refuse("timeout", "uWSGI has no heartbeats: write `harakiri`");
            refuse("max_requests_jitter", "it is gunicorn's");
        }
        Overseer::Uvicorn | Overseer::Hypercorn => {
            for key in ["timeout", "harakiri"] {
                refuse(
                    key,
                    "its master replaces processes that have ended, and kills none for what its event loop does",
                );
            }
        }
    }
    if master.overseer != Overseer::Uwsgi {
        refuse("min_worker_lifetime", "it is uWSGI's");
        refuse("forkbomb_delay", "it is uWSGI's");
    }
    if master.overseer == Overseer::Uvicorn && processes < 2 {
        let why = "with one process it has no master: the server ends, and is up again when somebody starts it; raise `processes`";
        for key in ["max_requests", "max_requests_jitter", "graceful_timeout", "boot"] {
            refuse(key, why);
        }
        return None;
    }
    if !master.overseer.is_always_there() && !node.given("max_requests") {
        return None;
    }
    let timeout =
        master.timeout.map(|usual| node.find("timeout").unwrap_or(usual)).filter(|timeout| !timeout.is_zero());
    let harakiri: Option<Span> = node.find("harakiri");
    let jitter = node.get("max_requests_jitter");
    let max_requests = node.find("max_requests").map(|max: u32| (max.saturating_add(master.overseer.beyond()), jitter));
    Some(LifeSpec {
        timeout,
        harakiri,
        max_requests,
        graceful_timeout: node.find("graceful_timeout").unwrap_or(master.graceful_timeout),
        boot: node.find("boot").unwrap_or(master.boot),
        lifetime_least: node.find("min_worker_lifetime").unwrap_or(master.lifetime_least),
        forkbomb_delay: node.find("forkbomb_delay").unwrap_or(master.forkbomb_delay),
        looks: master.overseer.looks(),
        reaps: master.overseer.reaps(),
        dies_of_emfile: master.dies_of_emfile,
    })
}
