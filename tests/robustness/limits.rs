//! What nobody could run is refused at once: in a second of CPU time and 200 MB of address space, with the line or the name.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const BASE: &str = r#"version = 1
title = "T"
[run]
length = "10s"
[machine]
cores = 2
[world.w]
worker = "uwsgi-gevent"
greenlets = 10
[client.c]
rate = "10/s"
[request.page]
steps = [{ burn = "1ms" }]
"#;

/// Address space of a run that is refused, KiB.
const SPACE_KIB: u64 = 200 << 10;

/// Runs `tailback run` on a file under hard limits: the kernel ends it with a signal beyond them, which is no exit code.
fn run(folder: &Path, file: &str, space_kib: u64) -> Output {
    let limited = format!("ulimit -v {space_kib}; ulimit -t 1; exec \"$0\" run \"$1\" --no-plots --threads 1");
    let mut command = Command::new("sh");
    command.current_dir(folder).args(["-c", limited.as_str(), env!("CARGO_BIN_EXE_tailback"), file]);
    command.output().expect("the program can be started")
}

/// Holds that a text is refused with exit code 2, and that the message has these words.
fn refused(what: &str, text: &str, words: &[&str]) {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    fs::write(folder.path().join("s.toml"), text).expect("a file can be written");
    let output = run(folder.path(), "s.toml", SPACE_KIB);
    let said = String::from_utf8_lossy(&output.stderr);
    let shown: String = said.chars().take(600).collect();
    assert_eq!(output.status.code(), Some(2), "{what}: {:?}\n{shown}", output.status);
    for word in words {
        assert!(said.contains(word), "{what}: no {word:?} in:\n{shown}");
    }
}

fn with(from: &str, to: &str) -> String {
    assert!(BASE.contains(from), "{from}");
    BASE.replace(from, to)
}

#[test]
fn numbers_beyond_all_bounds_are_refused_at_their_line() {
    for (from, to, line, why) in [
        ("greenlets = 10", "greenlets = 1000000000000", 9, "write a whole number from 1 to 10,000,000"),
        ("greenlets = 10", "greenlets = -1", 9, "cannot be -1"),
        ("greenlets = 10", "greenlets = nan", 9, "greenlets"),
        ("10/s", "nan/s", 11, "is not a rate"),
        ("10/s", "inf/s", 11, "is not a rate"),
        ("10/s", "-10/s", 11, "is negative"),
        ("10/s", "1e300/s", 11, "1e300/s"),
        ("10/s", "1000000000/s", 11, "the limit is 10,000,000 requests a second"),
        ("rate = \"10/s\"", "clients = 1\ntotal = 1000000000000000000", 12, "write a whole number from 1 to"),
        ("\"10s\"", "\"18446744074s\"", 4, "the limit is 1,000,000 s"),
        ("\"10s\"", "\"99999999999999999999999999ns\"", 4, "duration"),
        ("\"10s\"", "\"-1s\"", 4, "duration"),
        ("\"10s\"", "\"10s\"\nstep = \"1ns\"", 5, "the time series has"),
        ("1ms", "1e400ms", 13, "1e400ms"),
        ("{ burn = \"1ms\" }", "{ repeat = 99999999999999999999, steps = [] }", 13, "cannot be"),
    ] {
        refused(to, &with(from, to), &[&format!("s.toml:{line}:"), why]);
    }
}

#[test]
fn a_client_that_sends_more_than_a_run_may_handle_is_refused_by_name() {
    let text = with("10/s", "10000000/s").replace("\"10s\"", "\"1000000s\"\nstep = \"10s\"");
    let help = "raise `run.max_events`";
    refused("10^13 requests", &text, &["s.toml:11:9", "client `c` sends about 10,000,000,000,000 requests", help]);
    let one = |most: u64| with("\"10s\"", &format!("\"10s\"\nmax_events = {most}"));
    refused("100 requests in 299 events", &one(299), &["client `c` sends about 100 requests"]);
}

#[test]
fn what_does_not_fit_the_memory_is_refused_by_name() {
    let fleet = with("\"10s\"", "\"10s\"\nmax_memory_mib = 8").replace("gevent", "threads");
    let fleet = fleet.replace("greenlets = 10", "threads = 100000");
    refused("a fleet", &fleet, &["s.toml:8:", "world `w` takes about", "raise `run.max_memory_mib`"]);
    let runs = with("\"10s\"", "\"10s\"\nstep = \"200us\"\nreplications = 10000\ndrain = \"0s\"");
    refused("all results", &runs, &["the results of all runs take about", "raise `run.max_memory_mib`"]);
}

#[test]
fn a_backlog_that_never_ends_runs_into_its_limit_and_says_so() {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let text = with("10/s", "1000000/s").replace("\"10s\"", "\"10s\"\nmax_memory_mib = 64");
    fs::write(folder.path().join("s.toml"), text).expect("a file can be written");
    // Threads reserve address space that they never touch.
    let output = run(folder.path(), "s.toml", 3 * SPACE_KIB);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{:?}\n{said}", output.status);
    assert!(said.contains("requests alive at once by") && said.contains("`run.max_memory_mib`"), "{said}");
}

#[test]
fn texts_that_nest_for_ever_are_refused() {
    let nested =
        |open: &str, close: &str, times: usize| format!("{BASE}x = {}1{}\n", open.repeat(times), close.repeat(times));
    refused("lists", &nested("[", "]", 1_000), &["s.toml:14:"]);
    refused("tables", &nested("{a=", "}", 1_000), &["s.toml:14:"]);
    refused("open lists", &nested("[", "", 400_000), &["s.toml:14:"]);
    refused("a path", &format!("{BASE}{} = 1\n", ["a"; 100_000].join(".")), &["s.toml:"]);
    refused("a heading", &format!("{BASE}[{}]\n", ["a"; 100_000].join(".")), &["s.toml:"]);
    let (open, close) = ("{ repeat = 2, steps = [".repeat(1_000), "] }".repeat(1_000));
    refused("steps", &with("{ burn = \"1ms\" }", &format!("{open}{close}")), &["s.toml:13:"]);
    refused("mistakes", &format!("{BASE}{}", "a =\n".repeat(250_000)), &["100 mistakes"]);
}

#[test]
fn files_that_are_too_large_or_no_files_are_refused() {
    let large = |bytes: usize| format!("{BASE}#{}\n", "x".repeat(bytes));
    refused("two megabytes", &large(2_000_000), &["more than the limit"]);
    refused("a hundred megabytes", &large(100_000_000), &["error: cannot read s.toml", "more than 4194304 bytes"]);
    for (name, why) in [
        ("../s.toml", "does not lie beside the scenario"),
        ("/dev/zero", "does not lie beside the scenario"),
        ("below/../../s.toml", "does not lie beside the scenario"),
        (".", "it is no file"),
        ("missing.csv", "cannot read missing.csv"),
    ] {
        let law = with("1ms", &format!("empirical({name})"));
        refused(name, &law, &["s.toml:13:", why]);
        refused(name, &with("rate = \"10/s\"", &format!("trace = {name:?}")), &["s.toml:11:", why]);
    }
}

#[test]
fn a_sample_file_without_an_end_is_refused() {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    fs::write(folder.path().join("s.toml"), with("1ms", "empirical(large.csv)")).expect("a file can be written");
    // A file with a hole takes no room on the disk.
    let file = fs::File::create(folder.path().join("large.csv")).expect("a file can be made");
    file.set_len(300 << 20).expect("a file can have a hole");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tailback"));
    let output = command.current_dir(folder.path()).args(["check", "s.toml"]).output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot read large.csv: it has more than 268435456 bytes"), "{said}");
}
