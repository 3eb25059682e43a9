//! Full disks, places that cannot be written to, and readers that have read enough: one clear line, and old results stay whole.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::place::Place;

const SCENARIO: &str = r#"version = 1
title = "A small site"
[run]
length = "3s"
replications = 1
[machine]
cores = 2
[world.threads]
worker = "uwsgi-threads"
threads = 4
[world.gevent]
worker = "uwsgi-gevent"
greenlets = 50
[client.users]
rate = "20/s"
[request.page]
steps = [{ burn = "2ms" }]
[slo]
p99 = "< 500ms"
[plan]
vary = { "world.threads.processes" = "1..2" }
"#;

/// Commands that write results, each with `OUT` where it says where to. The gallery takes too long to be run to its end here.
const WRITERS: [&str; 7] = [
    "run site.toml --out OUT",
    "report site.toml --out OUT",
    "trace site.toml --out OUT/trace.json",
    "sweep site.toml --set world.threads.threads=1,2 --out OUT",
    "capacity site.toml --out OUT",
    "plan site.toml --out OUT",
    "compare site.toml --worlds threads,gevent --out OUT",
];

/// Commands that print.
const PRINTERS: [&str; 11] = [
    "run site.toml --no-plots",
    "run site.toml --json",
    "explain site.toml",
    "capacity site.toml",
    "plan site.toml",
    "compare site.toml --worlds threads,gevent",
    "check site.toml",
    "schema",
    "sweep --template slurm",
    "trace site.toml",
    "report site.toml",
];

impl Place {
    /// A command line of ours with `before` in front of it and `after` behind it, in a shell.
    fn shell(&self, before: &str, line: &str, after: &str) -> Output {
        let line = format!("{before} \"$0\" {line} {after}");
        let mut command = Command::new("sh");
        command.current_dir(self.folder()).args(["-c", &line, env!("CARGO_BIN_EXE_tailback")]);
        command.output().expect("a shell can be started")
    }
}

/// The files of a folder with what is in them.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    paths.map(|path| (path.clone(), fs::read(path).expect("it can be read"))).collect()
}

/// One line on standard error that begins so, and exit code 2.
fn one_line(line: &str, output: &Output, begins: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{line}: {:?}\n{said}", output.status);
    assert!(said.lines().count() == 1 && said.starts_with(begins), "{line}: {said}");
}

#[test]
fn a_full_disk_leaves_old_results_whole() {
    for line in WRITERS {
        let place = Place::of(SCENARIO);
        let line = line.replace("OUT", "out");
        let good = place.shell("", &line, "");
        assert!(good.status.success(), "{line}: {}", String::from_utf8_lossy(&good.stderr));
        let mut before = contents(&place.path("out"));
        assert!(!before.is_empty(), "{line}: wrote nothing");
        let other = line.replace("world.threads.threads=1,2", "world.threads.threads=3,4");
        if line.starts_with("sweep") {
            // The log of another sweep would be refused before anything is written.
            fs::remove_file(place.path("out/sweep.log")).expect("the log is there");
            before.remove(&place.path("out/sweep.log"));
        }
        // No file may grow beyond one block; without the trap the signal would end the program.
        let full = place.shell("trap '' XFSZ; ulimit -f 1; exec", &other, "--seed 7");
        one_line(&line, &full, "error: cannot write out/");
        assert!(!String::from_utf8_lossy(&full.stderr).contains(".tailback-"), "{line}: names a file of ours");
        let mut after = contents(&place.path("out"));
        after.remove(&place.path("out/sweep.log"));
        assert!(before == after, "{line}: old results have changed, or something is left behind");
    }
}

#[test]
fn a_sweep_goes_on_when_there_is_room_again() {
    let place = Place::of(SCENARIO);
    let line = "sweep site.toml --set world.threads.threads=1..3 --replications 2";
    let full = place.shell("trap '' XFSZ; ulimit -f 2; exec", line, "--out out");
    one_line(line, &full, "error: cannot write out/");
    for out in ["out", "quiet"] {
        let good = place.shell("", line, &format!("--out {out}"));
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    }
    for name in ["runs.csv", "summary.csv"] {
        let read = |folder: &str| fs::read(place.path(folder).join(name)).expect("it was written");
        assert_eq!(read("out"), read("quiet"), "{name} shows that the disk was full");
    }
}

#[test]
fn a_file_in_place_of_a_folder_is_said_before_long_work() {
    let place = Place::of(SCENARIO);
    fs::write(place.path("file"), "mine").expect("a file can be written");
    let gallery = format!("gallery --scenarios {}/scenarios --out OUT", env!("CARGO_MANIFEST_DIR"));
    for line in WRITERS.into_iter().chain([gallery.as_str()]) {
        let line = line.replace("OUT", "file/below");
        one_line(&line, &place.shell("exec", &line, ""), "error: cannot write file/below");
    }
    assert_eq!(fs::read(place.path("file")).expect("it is there"), b"mine");
}

#[test]
fn a_folder_that_nobody_may_write_to_is_said_before_long_work() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::of(SCENARIO);
    fs::create_dir(place.path("locked")).expect("a folder can be made");
    let allow = |mode: u32| fs::set_permissions(place.path("locked"), fs::Permissions::from_mode(mode));
    allow(0o555).expect("a folder can be locked");
    // Root may write anywhere, and then there is nothing to try.
    if fs::write(place.path("locked/probe"), "").is_ok() {
        eprintln!("skipped: this user may write to a folder without write permission");
        return;
    }
    for line in WRITERS {
        let line = line.replace("OUT", "locked/below");
        one_line(&line, &place.shell("exec", &line, ""), "error: cannot write locked/below");
    }
    allow(0o755).expect("a folder can be unlocked");
}

#[test]
fn a_device_without_room_for_the_output_is_an_error() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full");
        return;
    }
    let place = Place::of(SCENARIO);
    for line in PRINTERS {
        one_line(line, &place.shell("exec", line, "> /dev/full"), "error: cannot write the output: ");
    }
}

#[test]
fn a_reader_that_has_read_enough_changes_nothing() {
    let place = Place::of(SCENARIO);
    for line in PRINTERS {
        // The status of the command itself, which a pipe would hide, goes another way.
        let piped = place.shell("{", line, "; echo $? > status; } | true");
        let status = fs::read_to_string(place.path("status")).expect("it was written");
        assert_eq!((status.trim(), String::from_utf8_lossy(&piped.stderr).as_ref()), ("0", ""), "{line}");
    }
    // What was to be written is written.
    place.shell("", "run site.toml --out piped", "| true");
    let piped = contents(&place.path("piped"));
    place.shell("", "run site.toml --out whole", "");
    let strip = |files: BTreeMap<PathBuf, Vec<u8>>| -> Vec<Vec<u8>> { files.into_values().collect() };
    assert_eq!(strip(piped), strip(contents(&place.path("whole"))));
}
