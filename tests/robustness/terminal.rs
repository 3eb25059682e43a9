//! What others wrote, shown on a terminal or read from a disk: it gives no orders, and leads nowhere else.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::process::program;

const SCENARIO: &str = r#"
version = 1
title = "a\u001b]0;pwned\u0007"
question = "b\u001b[31m"
source = "c\u001b[31m"
[run]
length = "1s"
replications = 1
[machine]
cores = 2
[world.a]
worker = "uwsgi-threads"
threads = 4
[client.u]
rate = "20/s"
[request.p]
steps = [{ burn = "2ms" }]
"#;

fn tailback(folder: &Path, args: &[&str]) -> Output {
    Command::new(program()).current_dir(folder).args(args).output().expect("the program can be started")
}

fn holds(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("the folder can be written to");
}

/// Whether a terminal would obey something in it.
fn gives_orders(output: &Output) -> bool {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).chars().any(|c| c.is_control() && c != '\n')
}

#[test]
fn titles_mistakes_and_files_give_a_terminal_no_orders() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let name = "x\u{1b}[31m.toml";
    holds(folder.path(), name, SCENARIO);
    let commands = [
        &["check", name][..],
        &["run", name, "--no-plots"],
        &["run", name],
        &["explain", name],
        &["trace", name, "--out", "t\u{1b}.json"],
        &["report", name, "--out", "r\u{1b}.html"],
        &["export", name, "--out", "e\u{1b}[1m"],
        &["capacity", name, "--no-plots"],
        &["fingerprint", name],
    ];
    for args in commands {
        let output = tailback(folder.path(), args);
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{args:?}");
        assert!(!gives_orders(&output), "{args:?}: {:?}", String::from_utf8_lossy(&output.stdout));
    }
    let mistakes = [
        ("20/s", "\\u001b[31m"),
        ("[world.a]", "[world.\"a\\u001b[2J\"]"),
        ("[request.p]", "[request.\"p\\u009b1m\"]"),
    ];
    for (right, wrong) in mistakes {
        holds(folder.path(), name, &SCENARIO.replace(right, wrong));
        let output = tailback(folder.path(), &["check", name]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(!gives_orders(&output), "{:?}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_link_that_leads_out_of_the_folder_is_not_read() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (inside, outside) = (folder.path().join("mine"), folder.path().join("secret.csv"));
    fs::create_dir(&inside).expect("the folder can be written to");
    fs::write(&outside, "12345ms\n").expect("the folder can be written to");
    std::os::unix::fs::symlink(&outside, inside.join("key.csv")).expect("links can be made");
    let text = SCENARIO.replace("burn = \"2ms\"", "burn = \"empirical(key.csv)\"");
    holds(&inside, "s.toml", &text);
    let output = tailback(&inside, &["check", "s.toml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("leads out of the scenario's folder") && !said.contains("12345"), "{said}");
    // One that stays is a file like any other.
    fs::write(inside.join("own.csv"), "\u{feff}ms\n1e1\n").expect("the folder can be written to");
    fs::remove_file(inside.join("key.csv")).expect("it is there");
    std::os::unix::fs::symlink("own.csv", inside.join("key.csv")).expect("links can be made");
    assert_eq!(tailback(&inside, &["check", "s.toml"]).status.code(), Some(0));
}

#[test]
fn who_does_not_listen_changes_no_exit_code() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    holds(folder.path(), "bad.toml", "version = 1\nnonsense = 1\n");
    let mut child = Command::new(program());
    child.current_dir(folder.path()).args(["check", "bad.toml"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the program can be started");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(2));
}

#[test]
fn a_pipe_is_no_scenario() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let made = Command::new("mkfifo").arg(folder.path().join("pipe.toml")).status();
    if !made.is_ok_and(|status| status.success()) {
        return;
    }
    let output = tailback(folder.path(), &["check", "pipe.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("to read from a pipe, write -"), "{output:?}");
}
