//! From a measured setting to the scenario that says the same: one mapping for all entries, without a number of its own.
//!
//! The machine is the measurements': the server pinned to one core, the load generator on another, loopback between.
//! `docs/validation.md` has the mapping as a table.

use std::fmt::Write;

use super::entry::{MeasuredEntry, MeasuredLoad, MeasuredServer};
use super::shop::{self, Route};
use super::steps::MeasuredStep;

/// CPU time of the load generator a request, all its clients sharing one core.
///
/// The median is from `calib/uwsgi-threads/c32`, where it is the client that saturates (the server's core is 38 % busy), at 22,431
/// requests a second; the spread from `calib/uwsgi-threads/c1`, where the 99th percentile of a round trip is 1.7 times the median.
const CLIENT_COST: &str = "lognormal(44us, 75us)";

/// The same of the shop's load generator, Python under gevent.
///
/// Measured apart, with the same software on another machine: it needs 320 to 400 us of CPU time a request, and a round trip to a
/// server that answers at once takes 370 to 440 us. What the request itself waits for is estimated from these.
const SHOP_CLIENT_COST: &str = "lognormal(300us, 510us)";

/// The kernel's slice on the measuring machine, which had two cores wherever the server was pinned.
const SLICE: &str = "1.4ms";

/// Name of the lock that `lock` steps hold.
const LOCK: &str = "process";

/// How long greenlets that loop run before anything is counted, as the script that was measured resets its counters.
const LOOP_WARM_UP_S: f64 = 2.0;

/// A ping through redis-py's `BlockingConnectionPool`: its Python before and after each step, and what Redis takes.
///
/// Not from an entry: measured with the same software on another machine beside `sleep(0)`, which the preset has from the measuring
/// machine. Ten greenlets with ten connections take the CPU time of 25.9 `sleep(0)` a ping, 42.4 us, and the simulated hub 4.4 us
/// of it. How the rest splits is estimated. Redis takes nothing: its answer is there before redis-py's Python after sending is over.
const PING: &str = "{ burn = \"8us\" }, { get = \"pool\", timeout = \"WAIT\" }, { burn = \"13us\" }, \
                    { call = \"redis\", takes = \"0us\" }, { burn = \"14us\" }, { put = \"pool\" }, { burn = \"3us\" }";

/// Why an entry cannot be said as a scenario.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotMapped {
    /// A pool of connections over a queue that is none of those measured.
    #[error("nothing is known of a pool over the queue {0:?}")]
    Queue(String),
    /// The shop on software whose costs of a request are not known.
    #[error("what the shop costs on {0} is not known")]
    Shop(String),
}

/// The scenario of an entry, as the text of a file.
///
/// # Errors
/// [`NotMapped`] if the language of scenarios has no words for it.
///
/// # Panics
/// If the entry was not read by [`MeasuredEntry::read`], which refuses steps that are none.
pub fn scenario_text(entry: &MeasuredEntry) -> Result<String, NotMapped> {
    let mut text = format!(
        "# Question: what does the simulation say to {0}?\n# Source: the measurement of that name.\nversion = 1\ntitle = \"{0}\"\n",
        quotable(&entry.name)
    );
    text += &run(&entry.load);
    if let MeasuredLoad::Loop { .. } = entry.load {
        return Ok(text + &pool_loop(&entry.deployment)?);
    }
    text += &world(&entry.deployment, entry.backlog());
    let routes = routes(entry);
    if let Some(pool) = entry.deployment.db_pool {
        let server = &entry.deployment.server;
        text += &shop::world_keys(server, &routes).ok_or_else(|| NotMapped::Shop(server.clone()))?;
        text += &shop::tables(&routes, pool);
    }
    text += &clients(entry);
    let classes = entry.mix.iter().map(|class| (class.weight, class.steps().expect("`Entry::read` checked the steps")));
    let classes: Vec<(f64, Vec<MeasuredStep>)> = classes.collect();
    if classes.iter().flat_map(|(_, steps)| steps).any(|step| matches!(step, MeasuredStep::Lock(_))) {
        text += &format!("\n[lock.{LOCK}]\n");
    }
    for (index, (weight, steps)) in classes.iter().enumerate() {
        let server = &entry.deployment.server;
        let steps: Vec<String> = steps.iter().map(|one| step(one, server)).collect();
        text += &format!("\n[request.class{index}]\nshare = {weight}\nsteps = [{}]\n", steps.join(", "));
    }
    Ok(text)
}

/// Files beside the scenario of an entry, name and text: instants at which requests came, and laws of what they wait for.
///
/// # Panics
/// As [`scenario_text`].
pub fn scenario_files(entry: &MeasuredEntry) -> Vec<(String, String)> {
    let mut files = shop::files(&routes(entry));
    for (class, instants) in known_arrivals(entry).unwrap_or_default().iter().enumerate() {
        let lines: String = instants.iter().map(|at| format!("{at:.9}s\n")).collect();
        files.push((trace_name(class), lines));
    }
    files
}

fn trace_name(class: usize) -> String {
    format!("class{class}.csv")
}

/// Routes of the shop that are asked for.
fn routes(entry: &MeasuredEntry) -> Vec<Route> {
    let steps = entry.mix.iter().flat_map(|class| class.steps().expect("`MeasuredEntry::read` checked the steps"));
    steps.filter_map(|step| if let MeasuredStep::Route(route) = step { Some(route) } else { None }).collect()
}

/// The very arrivals of a load whose seed is known, by class; `None` if the seed does not give as many as were sent.
fn known_arrivals(entry: &MeasuredEntry) -> Option<Vec<Vec<f64>>> {
    let MeasuredLoad::Open { rate, seconds, seed: Some(seed), .. } = entry.load else { return None };
    let weights: Vec<f64> = entry.mix.iter().map(|class| class.weight).collect();
    let arrivals = shop::arrivals(seed, rate, seconds, &weights);
    let count: usize = arrivals.iter().map(Vec::len).sum();
    (entry.runs.first()?.sent == Some(count as u64) && arrivals.iter().all(|class| !class.is_empty()))
        .then_some(arrivals)
}

/// What may stand between quotes.
fn quotable(text: &str) -> String {
    text.replace(['"', '\\'], "'")
}

fn run(load: &MeasuredLoad) -> String {
    match load {
        MeasuredLoad::Open { seconds, .. } => format!("\n[run]\nlength = \"{seconds}s\"\n"),
        MeasuredLoad::Loop { seconds } => {
            let length = LOOP_WARM_UP_S + seconds;
            format!("\n[run]\nwarm_up = \"{LOOP_WARM_UP_S}s\"\nlength = \"{length}s\"\ndrain = \"2s\"\n")
        }
        MeasuredLoad::Closed { .. } | MeasuredLoad::Ab { .. } => String::new(),
    }
}

/// Greenlets of one process that ping through a pool, again and again.
fn pool_loop(deployment: &MeasuredServer) -> Result<String, NotMapped> {
    let kind = deployment.queue.as_deref().unwrap_or_default();
    let (waits, standard) = match kind {
        "gevent" => ("notified", false),
        "stdlib" => ("notified", true),
        "polling" => ("polled", true),
        other => return Err(NotMapped::Queue(other.to_owned())),
    };
    let wait = format!("{}s", deployment.wait_timeout_s.unwrap_or(1.0));
    Ok(format!(
        "\n[machine]\ncores = 1\nslice = \"{SLICE}\"\n\n[world.server]\nworker = \"gevent-loop\"\ntimed_waits = \"{waits}\"\n\
         \n[client.load]\nclients = {}\n\n[peer.redis]\ncapacity = 1\n\
         \n[queue.pool]\nsize = {}\nfilled = true\nlifo = true\nstandard = {standard}\n\
         \n[request.ping]\nsteps = [{}]\n",
        deployment.greenlets.unwrap_or(1),
        deployment.connections.unwrap_or(1),
        PING.replace("WAIT", &wait),
    ))
}

/// The server, with as many cores as it might use.
fn world(deployment: &MeasuredServer, backlog: u32) -> String {
    let worker = match deployment.server.as_str() {
        "paste-threads" => "paste",
        other if deployment.db_pool.is_some() => shop::preset_of(other).unwrap_or(other),
        other => other,
    };
    // The measuring machine had two cores; a server that was not pinned shared both with the client.
    let cores = if deployment.cpus.as_ref().is_none_or(|cpus| cpus == "0") { 1 } else { 2 };
    let mut text = format!(
        "\n[machine]\ncores = {cores}\nslice = \"{SLICE}\"\n\n[world.server]\nworker = \"{}\"\n",
        quotable(worker)
    );
    let keys = [
        ("processes", deployment.processes),
        ("threads", deployment.threads),
        ("greenlets", deployment.greenlets),
        ("listen", Some(backlog)),
    ];
    for (key, value) in keys {
        if let Some(value) = value {
            writeln!(text, "{key} = {value}").expect("writing to a string cannot fail");
        }
    }
    text
}

/// Requests a second that an open load really sent, in the middle of the runs: chance makes it differ from the rate that was asked for,
/// and near saturation that difference is most of the latency.
fn sent_rate(entry: &MeasuredEntry, seconds: f64) -> Option<f64> {
    let mut sent: Vec<u64> = entry.runs.iter().filter_map(|run| run.sent).collect();
    sent.sort_unstable();
    let (low, high) = (sent.get(sent.len().saturating_sub(1) / 2)?, sent.get(sent.len() / 2)?);
    Some((low + high) as f64 / 2.0 / seconds)
}

/// The load generator; a group for each class where the arrivals of each are known.
fn clients(entry: &MeasuredEntry) -> String {
    let Some(arrivals) = known_arrivals(entry) else { return client(entry, "load", None) };
    let group = |class: usize| client(entry, &format!("class{class}"), Some(class));
    (0..arrivals.len()).map(group).collect()
}

fn client(entry: &MeasuredEntry, name: &str, traced: Option<usize>) -> String {
    let load = &entry.load;
    let mut text = format!("\n[client.{name}]\n");
    let mut line = |key: &str, value: &str| {
        writeln!(text, "{key} = {value}").expect("writing to a string cannot fail");
    };
    match load {
        MeasuredLoad::Closed { clients, requests, .. } | MeasuredLoad::Ab { clients, requests } => {
            line("clients", &clients.to_string());
            line("total", &requests.to_string());
        }
        MeasuredLoad::Open { rate, seconds, .. } => match traced {
            Some(class) => {
                line("trace", &format!("\"{}\"", trace_name(class)));
                line("requests", &format!("[\"class{class}\"]"));
            }
            None => line("rate", &format!("\"{}/s\"", sent_rate(entry, *seconds).unwrap_or(*rate))),
        },
        MeasuredLoad::Loop { .. } => unreachable!("greenlets that loop have no generator"),
    }
    if let MeasuredLoad::Ab { .. } = load {
        // Today's `ab` sends its first request alone (httpd, support/ab.c, worker_test).
        line("first_alone", "true");
    }
    if let MeasuredLoad::Closed { timeout_s, .. } | MeasuredLoad::Open { timeout_s, .. } = load {
        line("connect_timeout", &format!("\"{timeout_s}s\""));
        line("read_timeout", &format!("\"{timeout_s}s\""));
    }
    let cost = if entry.is_of_shop() { SHOP_CLIENT_COST } else { CLIENT_COST };
    line("cost", &format!("\"{cost}\""));
    text
}

fn step(step: &MeasuredStep, server: &str) -> String {
    match step {
        MeasuredStep::Cpu(ms) => format!("{{ burn = \"{ms}ms\" }}"),
        MeasuredStep::Sleep(ms) => format!("{{ sleep = \"{ms}ms\" }}"),
        MeasuredStep::Exp(ms) => format!("{{ sleep = \"exp({ms}ms)\" }}"),
        MeasuredStep::Block(ms) => format!("{{ sleep = \"{ms}ms\", blocking = true }}"),
        MeasuredStep::Hog { ms, every_ms } => format!("{{ burn = \"{ms}ms\", yield_every = \"{every_ms}ms\" }}"),
        MeasuredStep::Lock(ms) => format!("{{ with = \"{LOCK}\", steps = [{{ sleep = \"{ms}ms\" }}] }}"),
        MeasuredStep::Route(route) => route.steps(server),
        MeasuredStep::Fan { runs, ms } => format!("{{ fan = {runs}, steps = [{{ sleep = \"{ms}ms\" }}] }}"),
    }
}
