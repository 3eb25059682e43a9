//! Sweeps through kills, interruptions and shards: whatever happens on the way, the results are those of one quiet run, byte for byte.

use crate::common::shipped;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output};

use crate::common::place::Place;

/// A small site that runs in milliseconds.
const SCENARIO: &str = r#"
version = 1
title = "A small site"
[run]
length = "5s"
replications = 2
[machine]
cores = 2
[world.threads]
worker = "uwsgi-threads"
threads = 4
[world.gevent]
worker = "uwsgi-gevent"
greenlets = 50
[client.users]
rate = "50/s"
[peer.backend]
network = "200us"
[request.page]
steps = [{ burn = "2ms" }, { call = "backend", takes = "exp(20ms)" }]
"#;

/// The points of the sweep: 4 x 6 of them, 96 runs.
const SETTINGS: [&str; 2] = ["world.threads.threads=1..4", "client.users.rate=40/s..400/s:6"];

impl Place {
    /// The sweep of this test, with more arguments.
    fn sweep(&self, out: &str, more: &[&str]) -> Command {
        let set = SETTINGS.iter().flat_map(|setting| ["--set", setting]);
        let args: Vec<&str> =
            ["sweep", "site.toml", "--out", out].into_iter().chain(set).chain(more.iter().copied()).collect();
        self.command(&args)
    }

    fn swept(&self, out: &str, more: &[&str]) -> Output {
        let output = self.sweep(out, more).output().expect("the program can be started");
        assert!(output.status.success(), "{}", text(&output.stderr));
        output
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every result file of a folder, by name; logs are no results.
fn results(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder can be listed").map(|entry| entry.expect("an entry").path());
    let files = entries.filter(|path| path.extension().is_none_or(|ending| ending != "log"));
    files
        .map(|path| {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            let bytes = fs::read(&path).expect("the file can be read");
            (name, bytes)
        })
        .collect()
}

fn assert_same(wanted: &Path, found: &Path) {
    let (wanted, found) = (results(wanted), results(found));
    assert_eq!(wanted.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (name, bytes) in wanted {
        assert!(bytes == found[&name], "{name} differs");
    }
}

/// Numbers that look like chance and are the same in every run of the test.
struct Dice(u64);

impl Dice {
    /// A number below `limit` (Knuth's MMIX generator; its upper bits).
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Bytes of the log so far.
fn log_length(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |metadata| metadata.len())
}

/// Waits until the log has so many bytes, or the process has ended; says whether it has ended.
fn wait_for(child: &mut Child, log: &Path, bytes: u64) -> bool {
    loop {
        if child.try_wait().expect("the child can be asked").is_some() {
            return true;
        }
        if log_length(log) >= bytes {
            return false;
        }
        std::thread::yield_now();
    }
}

/// A sweep is killed again and again, at moments that the dice choose, and begun again with the same command.
#[test]
fn a_sweep_killed_at_any_moment_goes_on_to_the_same_bytes() {
    let kills: u64 = std::env::var("TAILBACK_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let place = Place::of(SCENARIO);
    place.swept("quiet", &[]);
    let whole = log_length(&place.path("quiet/sweep.log"));
    let (mut dice, mut killed, mut round) = (Dice(2026), 0, 0);
    while killed < kills {
        let out = format!("killed-{round}");
        round += 1;
        let log = place.path(&out).join("sweep.log");
        loop {
            let mut child = place.sweep(&out, &[]).spawn().expect("the program can be started");
            // Ten kills or so on the way from nothing to the end; some before the first run is done, some while results are written.
            let target = log_length(&log) + dice.below(whole / 5);
            let ended = wait_for(&mut child, &log, target);
            (0..dice.below(2_000)).for_each(|_| std::thread::yield_now());
            if !ended && killed < kills {
                child.kill().expect("a child can be killed");
                killed += 1;
            }
            let status = child.wait().expect("a child ends");
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "it was killed, and nothing else went wrong");
        }
        assert_same(&place.path("quiet"), &place.path(&out));
    }
}

/// A crash of the machine may cut the log anywhere, or leave anything behind its end.
#[test]
fn a_log_with_a_torn_end_is_continued_from_its_last_whole_line() {
    let place = Place::of(SCENARIO);
    place.swept("quiet", &[]);
    let log = fs::read(place.path("quiet/sweep.log")).expect("there is a log");
    let first = log.iter().position(|&byte| byte == b'\n').expect("it has a first line") + 1;
    let mut dice = Dice(7);
    for round in 0..4 {
        let out = format!("torn-{round}");
        fs::create_dir(place.path(&out)).expect("a folder can be made");
        let cut = first + usize::try_from(dice.below((log.len() - first) as u64)).expect("it fits");
        let rubbish: &[u8] = [b"".as_slice(), b"\0\0\0\0\n\0\0", b"\n", b"17 3 4 5\n"][round];
        fs::write(place.path(&out).join("sweep.log"), [&log[..cut], rubbish].concat()).expect("a file can be written");
        place.swept(&out, &[]);
        assert_same(&place.path("quiet"), &place.path(&out));
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_keeps_what_is_done_and_says_how_to_go_on() {
    let place = Place::of(SCENARIO);
    place.swept("quiet", &[]);
    let log = place.path("stopped/sweep.log");
    let mut child = place.sweep("stopped", &["--threads", "1"]).spawn().expect("the program can be started");
    let whole = log_length(&place.path("quiet/sweep.log"));
    assert!(!wait_for(&mut child, &log, whole / 8), "the sweep ended before it could be stopped");
    let pid = child.id().to_string();
    let told = Command::new("kill").args(["-INT", &pid]).status().expect("kill can be started");
    assert!(told.success());
    let output = child.wait_with_output().expect("a child ends");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("of 96 runs are done and kept in stopped/sweep.log"), "{said}");
    assert!(said.contains("The same command goes on with the other"), "{said}");
    assert_eq!(results(&place.path("stopped")).len(), 0, "no results before all runs are done");
    place.swept("stopped", &[]);
    assert_same(&place.path("quiet"), &place.path("stopped"));
}

#[test]
fn threads_change_no_byte_and_a_finished_sweep_runs_nothing_again() {
    let place = Place::of(SCENARIO);
    place.swept("one", &["--threads", "1"]);
    let first = place.swept("two", &["--threads", "2"]);
    assert_same(&place.path("one"), &place.path("two"));
    let log = fs::read(place.path("two/sweep.log")).expect("there is a log");
    let again = place.swept("two", &[]);
    assert_eq!(text(&first.stdout), text(&again.stdout));
    assert!(log == fs::read(place.path("two/sweep.log")).expect("there is a log"), "nothing was run again");
}

#[test]
fn shards_of_separate_processes_join_in_any_order_to_the_bytes_of_one() {
    let place = Place::of(SCENARIO);
    place.swept("whole", &[]);
    let shards: Vec<Child> = (1..=3)
        .map(|index| {
            let shard = format!("{index}/3");
            let out = if index == 3 { "b" } else { "a" };
            place.sweep(out, &["--shard", &shard, "--threads", "1"]).spawn().expect("the program can be started")
        })
        .collect();
    for shard in shards {
        let output = shard.wait_with_output().expect("a child ends");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert_eq!(results(&place.path("a")).len(), 0, "a shard writes no results of its own");
    for (out, order) in [("ab", ["a", "b"]), ("ba", ["b", "a"])] {
        let output = place.run(&["merge", order[0], order[1], "--out", out]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_same(&place.path("whole"), &place.path(out));
    }
}

#[test]
fn shards_that_are_missing_twice_there_foreign_or_unfinished_are_named() {
    let place = Place::of(SCENARIO);
    let shard = |out: &str, shard: &str, more: &[&str]| {
        let args = [["--shard", shard].as_slice(), more].concat();
        place.swept(out, &args);
    };
    shard("a", "1/4", &[]);
    shard("again", "1/4", &[]);
    shard("other", "2/4", &["--seed", "99"]);
    shard("c", "3/4", &[]);
    shard("thirds", "2/3", &[]);
    let torn = place.path("c/sweep-3-of-4.log");
    let log = fs::read(&torn).expect("there is a log");
    fs::write(&torn, &log[..log.len() / 2]).expect("a file can be written");
    let output = place.run(&["merge", "a", "again", "other", "c", "thirds", "--out", "joined"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let wanted = [
        "again/sweep-1-of-4.log is shard 1/4, and so is a/sweep-1-of-4.log",
        "other/sweep-2-of-4.log is the log of another sweep: its settings have other values, or its runs another seed",
        "thirds/sweep-2-of-3.log is one of 3 shards, and a/sweep-1-of-4.log is one of 4",
        "c/sweep-3-of-4.log is not finished",
        "shard 2/4 is missing; make it with --shard 2/4",
        "shard 4/4 is missing",
    ];
    for line in wanted {
        assert!(said.contains(line), "{line}\nis not in\n{said}");
    }
    assert!(!place.path("joined").exists(), "nothing is half-written");
}

#[test]
fn the_log_of_another_sweep_is_refused_and_says_why() {
    let place = Place::of(SCENARIO);
    place.swept("out", &[]);
    let before = results(&place.path("out"));
    let refused = |args: &[&str]| {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    let said = refused(&["sweep", "site.toml", "--out", "out", "--set", "world.threads.threads=1,2"]);
    assert!(
        said.contains("it sets `world.threads.threads, client.users.rate`, and this sets `world.threads.threads`"),
        "{said}"
    );
    fs::write(place.path("site.toml"), SCENARIO.replace("exp(20ms)", "exp(21ms)")).expect("a file can be written");
    let output = place.sweep("out", &[]).output().expect("the program can be started");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the scenario, or a file that it names, has changed since"), "{said}");
    fs::write(place.path("out/sweep.log"), "dear diary\n").expect("a file can be written");
    let output = place.sweep("out", &[]).output().expect("the program can be started");
    assert!(text(&output.stderr).contains("is not the log of a sweep of this program"));
    assert_eq!(text(&fs::read(place.path("out/sweep.log")).expect("it is there")), "dear diary\n", "and is left alone");
    assert!(before == results(&place.path("out")), "results of before are left alone");
}

#[test]
fn hysteresis_and_tornado_go_on_from_a_torn_log_too() {
    let place = Place::of(SCENARIO);
    let modes: [&[&str]; 2] = [
        &["--tornado", "--set", "world.threads.threads", "--set", "client.users.rate", "--replications", "2"],
        &["--hysteresis", "--set", "client.users.rate=50/s..300/s:3", "--hold", "4s", "--replications", "3"],
    ];
    for (at, mode) in modes.iter().enumerate() {
        let run = |out: &str| {
            let args = [["sweep", "site.toml", "--out", out].as_slice(), mode].concat();
            let output = place.run(&args);
            assert!(output.status.success(), "{}", text(&output.stderr));
        };
        let (quiet, torn) = (format!("quiet-{at}"), format!("torn-{at}"));
        run(&quiet);
        let log = fs::read(place.path(&quiet).join("sweep.log")).expect("there is a log");
        fs::create_dir(place.path(&torn)).expect("a folder can be made");
        fs::write(place.path(&torn).join("sweep.log"), &log[..log.len() * 2 / 3]).expect("a file can be written");
        run(&torn);
        assert_same(&place.path(&quiet), &place.path(&torn));
    }
}

/// What makes it right to run a world once for all values of another world's settings.
#[test]
fn settings_of_one_world_leave_the_models_of_the_others_alone() {
    let mut compared = 0;
    for shipped in shipped::scenarios() {
        let folder = shipped.path.parent().expect("a file lies in a folder").to_owned();
        let models = |set: &[(&str, &str)]| {
            let over =
                |(key, value): &(&str, &str)| scenario::Override { key: (*key).to_owned(), value: (*value).to_owned() };
            let overrides: Vec<scenario::Override> = set.iter().map(over).collect();
            let mut load = |file: &str| fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
            let parsed = scenario::parse(&shipped.text, &shipped.name, &overrides).ok()?;
            Some(scenario::compile(&parsed, &mut load).ok()?.models)
        };
        let before = models(&[]).expect("a shipped scenario compiles");
        for changed in &before {
            for setting in ["processes", "listen", "cores"] {
                let key = format!("world.{}.{setting}", changed.name);
                let Some(after) = models(&[(&key, "3")]) else { continue };
                for (before, after) in before.iter().zip(&after).filter(|(before, _)| before.name != changed.name) {
                    assert_eq!(format!("{before:?}"), format!("{after:?}"), "{}: {key}", shipped.name);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 50, "only {compared} models were compared");
}

/// Goal: the load goes up past what the site can do and down again; with retries the site stays down at loads that it carried
/// before, and without them (a budget of nothing) it does not.
#[test]
fn retries_make_a_load_metastable_and_without_them_it_is_not() {
    let place = Place::of(SCENARIO);
    let shipped = shipped::root().join("scenarios/patterns/comeback.toml");
    fs::copy(shipped, place.path("comeback.toml")).expect("a file can be copied");
    let metastable = |budget: &str| {
        let budget = format!("client.users.retry.budget={budget}");
        let out = format!("storm-{}", budget.len());
        let load = ["--set", "client.users.rate=6/s,10/s,14/s,40/s", "--hold", "2m", "--format", "csv"];
        let args = ["sweep", "comeback.toml", "--hysteresis", "--set", &budget, "--out", &out].into_iter().chain(load);
        let output = place.run(&args.collect::<Vec<_>>());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let summary = fs::read_to_string(place.path(&out).join("summary.csv")).expect("there is a summary");
        let mut lines = summary.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().expect("a line of names");
        let column = |name: &str| head.iter().position(|other| *other == name).expect("the column is there");
        let zone = lines.filter(|row| row[column("direction")] == "up" && row[column("metastable")] == "yes");
        zone.map(|row| row[column("offered_rps")].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(metastable("10"), ["6", "10", "14", "6", "10", "14"], "in both worlds");
    assert_eq!(metastable("0"), Vec::<String>::new());
}
