//! Predictions held against the measured servers in `tests/measured/`: what `reports/validation/validation.json` says of them.
//!
//! `.ci/run` proves that this document is what `tailback validate` writes, in a release build; here one entry is predicted anew, so
//! that a stale document is not taken for a good one.

use crate::common::shipped;
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};

use proof::measured::{MeasuredEntry, scenario_files, scenario_text};
use serde_json::Value;

/// What is predicted anew: a hub with blocking calls, of which every part of the model has its share, and quick to run.
const ANEW: &str = "mixed/uwsgi-gevent-40/c10";

/// Every measured entry, by file name.
fn entries() -> Vec<MeasuredEntry> {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join("tests/measured"), &mut paths);
    let read = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).expect("an entry can be read");
        MeasuredEntry::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let json = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "json");
    paths.into_iter().filter(json).map(read).collect()
}

/// `tailback validate tests/measured`, its files written to a folder that is gone afterwards.
fn validate(args: &[&str]) -> Output {
    let out = tempfile::tempdir().expect("there is room for a temporary folder");
    Command::new(crate::common::process::program())
        .current_dir(shipped::root())
        .args(["validate", "tests/measured", "--out"])
        .arg(out.path())
        .args(args)
        .output()
        .expect("the program can be started")
}

/// The document that stands in the tree.
fn committed() -> Value {
    let text = fs::read_to_string(shipped::root().join("reports/validation/validation.json"));
    serde_json::from_str(&text.expect("the document can be read")).expect("the document is JSON")
}

fn names_of(document: &Value) -> Vec<&str> {
    let entries = document["entries"].as_array().expect("entries are a list");
    entries.iter().map(|entry| entry["name"].as_str().expect("entries have names")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const EDGE: &str = "at 94 to 99 % of a core the last per cent of CPU time decides, and what a request costs beside a hundred is not known so well";

/// Costs of a profile that was taken while the machine was slower and other work ran beside.
const PROFILED: &str =
    "the profile has waits above 1 ms and JSON work of both of the machine's speeds; this run had its core to itself";

/// Forty threads that wait for the GIL.
const TURNS: &str =
    "threads get the GIL more evenly than measured, and waits of 5.1 ms instead of 5 do not change that: not known why";

/// What is outside of its band today, and the mechanism that is believed to be missing. Nothing may join this list, and what meets
/// its band must leave it. Once it was broken: with EEVDF's run queue the errors are smaller in the mean, and yet five joined.
const OUTSIDE: [(&str, &str, &str); 20] = [
    (
        "fan/uwsgi-threads-40",
        "p99_ms",
        "the first requests of a fresh server take 17 ms longer: lazy imports, first stacks",
    ),
    (
        "herd/uwsgi-gevent/T1000-n2000-listen100",
        "ok_rps",
        "the one measured run is long: workers that share a core with what they serve let the queue fill more often than here",
    ),
    (
        "herd/uwsgi-router-gevent/T1000-n2000-listen100-unpinned",
        "ok_rps",
        "the same, and an unpinned server shares both cores with ab",
    ),
    (
        "hog/uwsgi-gevent-100/cpu_100",
        "p99_ms",
        "chance: the two measured runs had the same arrivals for all servers, and simulated runs span them",
    ),
    ("hog/uwsgi-gevent-100/hog_100_5", "p99_ms", "the same two lists of arrivals"),
    (
        "mixed/gunicorn-gthread-40/c40",
        "p99_ms",
        "who is signalled next for the GIL is too random when the main thread competes too",
    ),
    ("mixed/uwsgi-threads-40/c100", "p99_ms", TURNS),
    ("mixed/uwsgi-threads-40/c40", "p99_ms", TURNS),
    (
        "mixpanel/paste-threads/c10",
        "p50_ms",
        "ten threads that share one core's slices serve out of order; here one drains the queue",
    ),
    ("mixpanel/paste-threads/c10", "p99_ms", "the same"),
    ("mixpanel/paste-threads/c100", "p99_ms", "ten threads again: who is passed over is passed over for too long"),
    ("mixpanel/paste-threads/c500", "p50_ms", "throughput is 16 % too high, and so all wait less"),
    ("open/gunicorn-gevent-100/r300", "p50_ms", EDGE),
    ("open/gunicorn-gevent-100/r300", "p99_ms", EDGE),
    ("open/gunicorn-gthread-100/r250", "p50_ms", EDGE),
    ("open/gunicorn-gthread-100/r300", "p50_ms", EDGE),
    ("open/gunicorn-gthread-100/r300", "p99_ms", EDGE),
    ("open/uwsgi-gevent-100/r300", "p50_ms", EDGE),
    ("hot/uvicorn-1x0-pool8/r180", "p50_ms", PROFILED),
    ("shop/uvicorn-uvloop-1/r110", "p50_ms", PROFILED),
];

/// The bands of `docs/validation.md`: throughput within 5 % for the median entry and 10 % for nine in ten; every p50 within 10 %; every
/// p99 within 20 % or between the measured runs; errors none, some or most as measured; herds within the spread of the simulation.
#[test]
fn predictions_are_within_the_bands_of_what_was_measured() {
    let document = committed();
    let summary = &document["summary"];
    let error = |name: &str| summary[name].as_f64().expect("the summary has the errors of throughput");
    assert!(error("throughput_error_median") <= 0.05, "{summary}");
    assert!(error("throughput_error_p90") <= 0.10, "{summary}");
    assert_eq!((&summary["failed"], &summary["regime"]["met"]), (&Value::from(0), &summary["regime"]["of"]));
    let mut outside = Vec::new();
    for entry in document["entries"].as_array().expect("entries are a list") {
        let name = entry["name"].as_str().expect("entries have names");
        for quantity in ["ok_rps", "p50_ms", "p99_ms"] {
            // The throughput of single entries is judged where chance decides, and of the shop; elsewhere nine in ten are.
            let of_shop = ["fastapi/", "shop/", "hot/"].iter().any(|family| name.starts_with(family));
            let judged = quantity != "ok_rps" || entry["part"] == "by-chance" || of_shop;
            if judged && entry["part"] != "calibration" && entry[quantity]["verdict"] == "outside" {
                outside.push(format!(
                    "{name} {quantity} {:+.1} %",
                    entry[quantity]["error"].as_f64().unwrap_or(f64::NAN) * 100.0
                ));
            }
        }
    }
    let known = |line: &str| OUTSIDE.iter().any(|(name, what, _)| line.starts_with(&format!("{name} {what} ")));
    let fresh: Vec<&String> = outside.iter().filter(|line| !known(line)).collect();
    assert!(fresh.is_empty(), "newly outside of their bands: {fresh:#?}\nof all: {outside:#?}");
    assert_eq!(outside.len(), OUTSIDE.len(), "some of the list meet their bands now; outside are {outside:#?}");
}

#[test]
fn the_committed_document_has_every_entry_and_is_what_is_predicted_now() {
    let document = committed();
    let mut names = names_of(&document);
    names.sort_unstable();
    let measured = entries();
    let mut known: Vec<&str> = measured.iter().map(|entry| entry.name.as_str()).collect();
    known.sort_unstable();
    assert_eq!(names, known, "on the left the document, on the right tests/measured");
    let now = validate(&["--json", "--only", ANEW]);
    let now: Value = serde_json::from_slice(&now.stdout).unwrap_or_else(|_| panic!("{}", text(&now.stderr)));
    let said = document["entries"].as_array().expect("entries are a list");
    let of_it: Vec<&Value> =
        said.iter().filter(|entry| entry["name"].as_str().is_some_and(|name| name.starts_with(ANEW))).collect();
    let fresh = now["entries"].as_array().expect("entries are a list");
    assert_eq!(
        of_it,
        fresh.iter().collect::<Vec<_>>(),
        "write it anew: cargo run --release -- validate tests/measured"
    );
}

#[test]
fn every_measured_server_is_said_as_a_scenario() {
    let entries = entries();
    assert!(entries.len() >= 112, "entries are missing");
    for entry in entries {
        let said = scenario_text(&entry).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let files: BTreeMap<String, String> = scenario_files(&entry).into_iter().collect();
        let mut beside = |file: &str| files.get(file).cloned().ok_or_else(|| format!("no file {file}"));
        let compiled =
            scenario::parse(&said, &entry.name, &[]).and_then(|parsed| scenario::compile(&parsed, &mut beside));
        let compiled = compiled.unwrap_or_else(|wrong| panic!("{}: {wrong:?}\n{said}", entry.name));
        // What was measured is said whole, with what changes nothing there; some of it was overload.
        let idle = ["no-effect", "capped-backlog", "idle-pool", "overload"].map(Some);
        let doubts: Vec<_> = compiled.warnings.iter().filter(|doubt| !idle.contains(&doubt.doubt)).collect();
        assert!(doubts.is_empty(), "{}: {doubts:?}\n{said}", entry.name);
    }
}

#[test]
fn threads_and_greenlets_that_only_wait_are_predicted() {
    // No mechanism but slots and sleeps: whatever is being built, this holds.
    let output = validate(&["--replications", "3", "--only", "io/uwsgi"]);
    assert_eq!(output.status.code(), Some(0), "\n{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn the_document_is_the_same_on_one_thread_and_on_two_and_as_it_is_written() {
    let out = tempfile::tempdir().expect("there is room for a temporary folder");
    let folder = out.path().display().to_string();
    let args = ["--replications", "3", "--only", "mixed/uwsgi-gevent", "--json"];
    let one = validate(&[&args[..], &["--threads", "1"]].concat());
    let two = Command::new(crate::common::process::program())
        .current_dir(shipped::root())
        .args(["validate", "tests/measured", "--threads", "2", "--out", &folder])
        .args(args)
        .output()
        .expect("the program can be started");
    assert!(one.stdout == two.stdout, "{}\n{}", text(&one.stdout), text(&two.stdout));
    let written = fs::read(out.path().join("validation.json")).expect("the document is written");
    assert!(written == two.stdout, "the file is not what was printed");
    let document: Value = serde_json::from_slice(&two.stdout).expect("the document is JSON");
    assert_eq!(document["entries"].as_array().map(Vec::len), Some(2));
    for name in ["predicted-vs-measured.svg", "predicted-vs-measured.png"] {
        assert!(out.path().join(name).is_file(), "{name} is missing");
    }
}
