//! What server software does besides serving: the router in front of its processes, and how it ends and replaces them.
//!
//! Plain data, like all of the model. The defaults are software without a router that never replaces a process.

use crate::kit::time::Span;

/// A process in front of the workers that accepts everything and relays it (uWSGI's `--http`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouterSpec {
    /// What its work costs.
    pub costs: RouterCosts,
    /// How long a session may be silent: it is closed then, whatever the worker does (uWSGI: `--http-timeout`, 60 s).
    pub timeout: Span,
}

/// CPU time of a router for one request, by what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RouterCosts {
    /// One `epoll_wait`.
    pub poll: Span,
    /// Accepting a connection.
    pub accept: Span,
    /// Reading and parsing the request, and beginning to connect to the workers' socket.
    pub connect: Span,
    /// Learning that it is connected, and sending the request on.
    pub forward: Span,
    /// Reading the response.
    pub answer: Span,
    /// Sending it to the client, and closing both connections.
    pub close: Span,
}

/// How a master watches its worker processes and replaces them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LifeSpec {
    /// Silence of a main loop that is its process's death (gunicorn: `--timeout`).
    pub timeout: Option<Span>,
    /// Age of a request that is its process's death (uWSGI: `--harakiri`).
    pub harakiri: Option<Span>,
    /// Requests after which a process is replaced, and how many more at random at most (`--max-requests`, `--max-requests-jitter`).
    pub max_requests: Option<(u32, u32)>,
    /// How long a process that is to be replaced may take to finish what it has (gunicorn: `--graceful-timeout`).
    pub graceful_timeout: Span,
    /// CPU time of a new process before it serves: the fork, and the application's imports.
    pub boot: Span,
    /// Age below which a process goes on after its `max_requests` (uWSGI: `--min-worker-lifetime`).
    pub lifetime_least: Span,
    /// How long the master sleeps when processes die too fast (uWSGI: `--forkbomb-delay`).
    pub forkbomb_delay: Span,
    /// How often the master looks at its processes.
    pub looks: Span,
    /// How often it looks for processes that have ended; zero: it is told at once (SIGCHLD, a sentinel).
    pub reaps: Span,
    /// Whether a process ends when it has no descriptor for a connection (gunicorn's sync and gthread workers).
    pub dies_of_emfile: bool,
}
