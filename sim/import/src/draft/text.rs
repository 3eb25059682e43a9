//! The text of a draft: tables in the order in which people read a scenario, comments beside every value.

use std::collections::BTreeMap;

use super::classes::{DraftClass, classes};
use super::clients::write_clients;
use super::laws::LawFiles;
use super::steps::{StepLine, StepsWritten, steps_of};
use super::worlds::{worlds_of, write_worlds};
use crate::error::ImportError;
use crate::intake::Intake;
use crate::numbers::{LatencySketch, Sample, TomlText, count, duration, percent, plain};

/// Columns of a comment.
const COLUMNS: usize = 150;
/// Quantiles by which a log's latencies are handed on.
const POINTS: u64 = 1_000;

/// What is chosen for a draft beside what the files say.
#[derive(Clone, Debug, Default)]
pub struct DraftOptions {
    /// The title.
    pub title: String,
    /// Which service of a distributed trace it is about.
    pub service: Option<String>,
    /// Connections of a process's pool.
    pub pool: Option<u32>,
    /// How names of files beside it begin.
    pub prefix: String,
    /// CPU seconds of all server processes over the time of the log.
    pub server_cpu_s: Option<f64>,
}

/// What runs of the draft itself say: by how much it needs less CPU and time than was measured.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// Own CPU time of a request, beside what presets have and spans show.
    pub framework_ns: f64,
    /// Where that is from.
    pub framework_says: String,
    /// What presets have, by worker.
    pub request_costs: BTreeMap<&'static str, f64>,
    /// One way to the server and back: what clients saw and the server did not.
    pub network_ns: f64,
    /// Where that is from.
    pub network_says: String,
    /// The rate that is asked about, if it is another one than was measured.
    pub rate: Option<f64>,
}

/// What a run of the first world should show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileTargets {
    /// CPU time of a request, nanoseconds, and where it is from.
    pub cpu_ns: Option<(f64, String)>,
    /// What the server's log has beyond the spans of the same requests: mean, nanoseconds, and where it is from.
    pub path_ns: Option<(f64, String)>,
    /// The median that clients saw, nanoseconds, and where it is from.
    pub p50_ns: Option<(f64, String)>,
    /// The rate at which both were measured, a second.
    pub rate: Option<f64>,
    /// Round trips of a request, two if it opens a connection.
    pub round_trips: f64,
}

/// A scenario, and files that lie beside it.
#[derive(Clone, Debug, Default)]
pub struct ScenarioDraft {
    /// The scenario.
    pub text: String,
    /// Names and texts.
    pub files: BTreeMap<String, String>,
    /// What runs should show.
    pub targets: ProfileTargets,
    /// The software of each world, in their order.
    pub workers: Vec<&'static str>,
    /// Requests of the files.
    pub requests: u64,
}

/// Lines of a scenario.
#[derive(Default)]
pub struct ScenarioWriter {
    out: Vec<String>,
}

impl ScenarioWriter {
    /// An empty line.
    pub fn blank(&mut self) {
        self.out.push(String::new());
    }

    /// The head of a table.
    pub fn table(&mut self, name: &str) {
        self.out.push(format!("[{name}]"));
    }

    /// A comment, broken into lines.
    pub fn comment(&mut self, text: &str) {
        let mut line = "#".to_owned();
        for word in clean(text).split_ascii_whitespace() {
            if line.len() + word.len() >= COLUMNS && line.len() > 1 {
                self.out.push(std::mem::replace(&mut line, "#".to_owned()));
            }
            line.push(' ');
            line += word;
        }
        self.out.push(line);
    }

    /// A line with what is said beside it.
    pub fn line(&mut self, toml: &str, says: &str) {
        self.out.push(beside(toml, says));
    }

    /// Puts another rate in the place of the one that was written.
    pub fn replace_rate(&mut self, toml: &str, says: &str) {
        if let Some(line) = self.out.iter_mut().rev().find(|line| line.starts_with("rate = ")) {
            *line = beside(toml, says);
        }
    }

    fn finish(self) -> String {
        self.out.join("\n") + "\n"
    }
}

fn beside(toml: &str, says: &str) -> String {
    if says.is_empty() { toml.to_owned() } else { format!("{toml:<32} # {}", clean(says)) }
}

/// Text of strangers in a comment: one line, no control characters.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Writes a draft.
///
/// # Errors
/// If no file says what is asked for.
pub fn draft(intake: &Intake, options: &DraftOptions, calibration: &Calibration) -> Result<ScenarioDraft, ImportError> {
    let service = options
        .service
        .clone()
        .or_else(|| intake.traces.services().first().map(|(name, _)| name.clone()))
        .unwrap_or_default();
    let (classes, left_out) = classes(intake, &service);
    if classes.is_empty() {
        return Err(ImportError::TooLittle {
            what: "no file says what is asked for".to_owned(),
            hint: "an access log or traces are needed; configuration and load tests only say how it is served and by how many".to_owned(),
        });
    }
    let mut laws = LawFiles::beginning(&options.prefix);
    let targets = targets(intake, options, &classes);
    let written: Vec<StepsWritten> =
        classes.iter().map(|class| steps_for(class, &mut laws, targets.cpu_ns.as_ref())).collect();
    let mut out = ScenarioWriter::default();
    head(&mut out, intake, options, &left_out, &service);
    machine(&mut out, intake, calibration, &targets);
    write_worlds(&mut out, &worlds_of(intake), calibration);
    write_clients(&mut out, intake, calibration);
    proxy(&mut out, intake);
    peers_and_pool(&mut out, intake, options, &written);
    for (class, steps) in classes.iter().zip(&written) {
        write_class(&mut out, class, steps);
    }
    let requests = intake.access.count().max(intake.traces.arrivals.count());
    let workers = worlds_of(intake).iter().map(|world| world.worker).collect();
    Ok(ScenarioDraft { text: out.finish(), files: laws.files, targets, workers, requests })
}

/// What was measured of all requests together.
fn targets(intake: &Intake, options: &DraftOptions, classes: &[DraftClass]) -> ProfileTargets {
    let requests = intake.access.count().max(intake.traces.arrivals.count());
    let said = options.server_cpu_s.filter(|_| requests > 0).map(|cpu| {
        (cpu * 1e9 / requests as f64, format!("--server-cpu: {} s for {} requests", plain(cpu), count(requests)))
    });
    let tested = intake.loads.iter().find_map(|load| {
        let cpu = load.server_cpu_s? * 1e9 / load.sent.max(1) as f64;
        Some((cpu, format!("{}: {} s for {} requests", load.file, plain(load.server_cpu_s?), count(load.sent))))
    });
    let counted = intake.facts.cpu_per_request();
    let p50 = intake.loads.iter().find_map(|load| Some((load.all.median_ns()?, load.file.clone())));
    let keeps_alive = intake.loads.first().is_some_and(|load| load.keeps_alive);
    let rate = intake.access.arrivals.rate().or_else(|| intake.traces.arrivals.rate());
    ProfileTargets {
        path_ns: beyond_spans(classes),
        cpu_ns: said.or(tested).or(counted),
        p50_ns: p50,
        rate,
        round_trips: if keeps_alive { 1.0 } else { 2.0 },
    }
}

/// Requests of which log and spans are compared, at least.
const COMPARED_MIN: u64 = 30;

/// By how much the log's durations are longer than the spans of the same kinds, over all of them.
fn beyond_spans(classes: &[DraftClass]) -> Option<(f64, String)> {
    let (mut sum, mut of) = (0.0, 0);
    for class in classes {
        let Some((logged, shape)) = class.logged.as_ref().zip(class.shape.as_ref()) else { continue };
        // A log of whole milliseconds or seconds is too coarse to say.
        if logged.took.count() == 0 || shape.count * 10 < logged.took.count() * 9 || shape.count > logged.took.count() {
            continue;
        }
        sum += (logged.took.mean()? - shape.wall.moments().mean()) * shape.count as f64;
        of += shape.count;
    }
    let mean = sum / of.max(1) as f64;
    (of >= COMPARED_MIN && mean > 0.0)
        .then(|| (mean, format!("mean of {} requests that are in the log and in the traces", count(of))))
}

fn head(out: &mut ScenarioWriter, intake: &Intake, options: &DraftOptions, left_out: &[String], service: &str) {
    let names: Vec<&str> = intake.files.iter().map(|file| file.file.as_str()).collect();
    out.comment("Question: what will this service do at other loads, and on other servers?");
    // The second line is the source, however many files there are.
    out.out.push(format!("# Source: imported from {}", clean(&names.join(", "))));
    out.comment("");
    out.comment("Every value says where it is from, out of how many, and how far it may be off (95 %). What no file says is called a guess.");
    for file in &intake.files {
        out.comment(&format!(
            "{}: {}, {} of {} lines used",
            file.file,
            file.nature,
            count(file.used),
            count(file.lines)
        ));
        for (reason, kind) in file.spoilt.reasons() {
            out.comment(&format!(
                "{} not used: {reason}; the first is line {}: `{}`",
                count(kind.count),
                kind.first_line,
                kind.excerpt
            ));
        }
    }
    if intake.traces.by_time > 0 {
        out.comment(&format!(
            "{} of {} spans say no trace and no parent: they were put together by time; {} belong to no request",
            count(intake.traces.by_time),
            count(intake.traces.spans),
            count(intake.traces.orphans)
        ));
    } else if intake.traces.orphans > 0 {
        out.comment(&format!("{} spans belong to no request that was seen", count(intake.traces.orphans)));
    }
    for (from, to, ahead, n) in intake.traces.skewed() {
        let sign = if ahead < 0.0 { "behind" } else { "ahead" };
        out.comment(&format!(
            "The clock of {to} is {} {sign} of {from}'s, by {n} calls; times of calls are the caller's",
            duration(ahead.abs())
        ));
    }
    let others: Vec<String> = intake
        .traces
        .services()
        .into_iter()
        .filter(|(name, _)| name != service)
        .map(|(name, n)| format!("{name} ({n})"))
        .collect();
    if !others.is_empty() {
        out.comment(&format!(
            "It is about `{service}`; the traces have {} as well: choose with --service",
            others.join(", ")
        ));
    }
    for left in left_out {
        out.comment(left);
    }
    for line in intake.facts.told() {
        out.comment(&line);
    }
    out.line("version = 1", "");
    out.line(&format!("title = {}", TomlText(&options.title)), "");
    out.blank();
    out.table("run");
    out.line("length = \"60s\"", "");
}

fn machine(out: &mut ScenarioWriter, intake: &Intake, calibration: &Calibration, targets: &ProfileTargets) {
    out.blank();
    if let Some((cpu, source)) = &targets.cpu_ns {
        out.comment(&format!(
            "Measured: {} of CPU time a request, all server processes together ({source}).",
            duration(*cpu)
        ));
    }
    if calibration.framework_ns > 0.0 {
        out.comment(&format!("{}: written as the server's own cost of a request.", calibration.framework_says));
    }
    out.table("machine");
    match intake.options.cores {
        Some(cores) => out.line(&format!("cores = {cores}"), "--cores"),
        None => out.line("cores = 1", "a guess: no file says how many cores the server has; say it with --cores"),
    }
    let servers = intake.nginx.upstreams.first().filter(|upstream| upstream.servers > 1);
    if let Some(upstream) = servers {
        out.line(
            &format!("servers = {}", upstream.servers),
            &format!("{}: servers of upstream {}, each taken for a machine", upstream.source, upstream.name),
        );
        out.blank();
        out.table("balancer");
        out.line(&format!("policy = \"{}\"", upstream.policy), &upstream.source);
    }
}

fn proxy(out: &mut ScenarioWriter, intake: &Intake) {
    let upstream = intake.nginx.upstreams.first();
    if upstream.is_none() && intake.nginx.limits.is_empty() {
        return;
    }
    out.blank();
    out.table("proxy");
    for (key, value, source) in &intake.nginx.limits {
        out.line(&format!("{key} = \"{value}\""), source);
    }
    if let Some((kept, upstream)) = upstream.and_then(|upstream| Some((upstream.keepalive?, upstream))) {
        out.line(
            &format!("keep_alive = {{ connections = {kept} }}"),
            &format!("{}: keepalive of each nginx worker", upstream.source),
        );
    }
}

fn peers_and_pool(out: &mut ScenarioWriter, intake: &Intake, options: &DraftOptions, written: &[StepsWritten]) {
    let mut peers: Vec<&String> = written.iter().flat_map(|steps| &steps.peers).collect();
    peers.sort_unstable();
    peers.dedup();
    for peer in peers {
        out.blank();
        out.table(&format!("peer.{peer}"));
        out.comment("Its answers get no slower with load: no file says how many calls it serves at once (`capacity`).");
    }
    if !written.iter().any(|steps| steps.uses_pool) {
        return;
    }
    out.blank();
    let waits: Vec<&Sample> = written.iter().filter_map(|steps| steps.pool_waits.as_ref()).collect();
    for sample in waits.iter().take(3) {
        out.comment(&format!("Waits for a connection that were seen: {}", super::laws::told(sample)));
    }
    out.table("pool.db");
    let threads = worlds_of(intake)[0].get("threads").and_then(|threads| threads.parse::<u32>().ok());
    match (options.pool, threads) {
        (Some(units), _) => out.line(&format!("units = {units}"), "--pool: connections of each process"),
        (None, Some(threads)) => {
            let says = "a guess: as many as the first world's threads, for no file says it; say it with --pool";
            out.line(&format!("units = {threads}"), says);
        }
        (None, None) => out.line(
            "units = 5",
            "a guess: SQLAlchemy's default without overflow, for no file says it; say it with --pool",
        ),
    }
}

/// Steps by traces; without them, what the log alone can tell.
fn steps_for(class: &DraftClass, laws: &mut LawFiles, cpu: Option<&(f64, String)>) -> StepsWritten {
    if let Some(shape) = &class.shape {
        return steps_of(&class.name, shape, laws);
    }
    let mut written = StepsWritten::default();
    let Some(logged) = class.logged.as_ref().filter(|logged| logged.took.count() > 0) else {
        let says = "a guess: nothing says how long it takes; put your own".to_owned();
        written.lines.push(StepLine { depth: 0, toml: "{ burn = \"5ms\" }".to_owned(), says });
        return written;
    };
    let mut rest = sample_of(&logged.took);
    if let Some((cpu, source)) = cpu {
        let burn = cpu.min(rest.quantile(0.1));
        let says = format!("CPU time of any request ({source}), at most a tenth percentile of this one's time");
        written.lines.push(StepLine { depth: 0, toml: format!("{{ burn = \"{}\" }}", duration(burn)), says });
        rest = rest.map(|ns| (ns - burn).max(0.0));
    }
    if let Some(law) = laws.law(&format!("{}-took", class.name), &rest) {
        written.peers.push("elsewhere".to_owned());
        let says = format!(
            "no traces: all the time that the log shows, of {} requests, is taken for waiting; {}",
            count(logged.took.count()),
            law.says
        );
        written.lines.push(StepLine {
            depth: 0,
            toml: format!("{{ call = \"elsewhere\", takes = {} }}", law.text),
            says,
        });
    }
    written
}

/// A sample with the quantiles of a sketch.
fn sample_of(sketch: &LatencySketch) -> Sample {
    let n = sketch.count().min(POINTS);
    let mut sample = Sample::default();
    for at in 0..n {
        sample.add(sketch.quantile((at as f64 + 0.5) / n as f64).unwrap_or(0.0));
    }
    sample
}

fn write_class(out: &mut ScenarioWriter, class: &DraftClass, steps: &StepsWritten) {
    out.blank();
    if let Some(shape) = &class.shape {
        let cpu = if shape.cpu.count() > 0 {
            format!("; CPU time: {}", super::laws::told(&shape.cpu))
        } else {
            String::new()
        };
        out.comment(&format!("`{}`, traced from begin to end: {}{cpu}", class.route, super::laws::told(&shape.wall)));
    }
    if let Some(logged) = class.logged.as_ref().filter(|logged| logged.took.count() > 0) {
        let at = |share: f64| duration(logged.took.quantile(share).unwrap_or(0.0));
        let interval = logged
            .took
            .quantile_interval(0.5)
            .map_or(String::new(), |(low, high)| format!(" ({} to {})", duration(low), duration(high)));
        out.comment(&format!(
            "`{}`, in the log: n={}, median {}{interval}, p90 {}, p99 {}, longest {}; {} with a status of 500 and more",
            class.route,
            count(logged.took.count()),
            at(0.5),
            at(0.9),
            at(0.99),
            duration(logged.took.max() as f64),
            count(logged.errors)
        ));
    }
    out.table(&format!("request.{}", class.name));
    let share = class.count as f64 / class.of.max(1) as f64;
    let error = 1.96 * libm::sqrt(share * (1.0 - share) / class.of.max(1) as f64);
    out.line(
        &format!("share = {}", class.count),
        &format!("{}: {} +- {} of {} requests", class.source, percent(share), percent(error), count(class.of)),
    );
    if let Some(logged) = class.logged.as_ref().filter(|logged| logged.bytes.count() > 0 && logged.bytes.mean() >= 1.0)
    {
        let body = libm::round(logged.bytes.mean()).min(1e9) as u64;
        out.line(
            &format!("response = {{ body = {body} }}"),
            &format!("mean of {}, +- {}", count(logged.bytes.count()), plain(logged.bytes.error())),
        );
    }
    if steps.lines.is_empty() {
        return out.line("steps = []", "nothing was seen that takes time");
    }
    out.line("steps = [", "");
    for step in &steps.lines {
        // What opens a list goes on in the next line.
        let comma = if step.toml.ends_with('[') { "" } else { "," };
        out.line(&format!("{}{}{comma}", "  ".repeat(step.depth + 1), step.toml), &step.says);
    }
    out.line("]", "");
}
