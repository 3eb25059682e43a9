//! What can be done with a result: it is compared with another one, and run again from what it holds.
//!
//! The worlds are small and the documents real: each is printed by `run --json`, and tampered with here.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A server that waits for a database, with a promise that it keeps and samples in a file.
const SCENARIO: &str = r#"version = 1
title = "A small site"

[run]
length = "20s"
replications = 4

[machine]
cores = 2

[world.threads]
worker = "uwsgi-threads"
threads = 8

[world.gevent]
worker = "uwsgi-gevent"
greenlets = 100
processes = 1

[client.users]
rate = "60/s"

[peer.db]

[request.page]
steps = [{ burn = "1ms" }, { call = "db", takes = "empirical(samples.csv)" }]
"#;

/// A folder with the scenario, and results in it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().expect("there is room for a temporary folder"));
        desk.write("site.toml", SCENARIO);
        desk.write("samples.csv", "ms\n10\n20\n35\n90\n");
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a file can be written");
    }

    fn tailback(&self, args: &str) -> Output {
        let mut command = Command::new(crate::common::process::program());
        command.current_dir(self.path()).args(args.split_whitespace()).output().expect("the program can be started")
    }

    /// Runs the scenario with these arguments, and keeps the document under a name.
    fn result(&self, name: &str, args: &str) -> String {
        let output = self.tailback(&format!("run site.toml --json {args}"));
        let text = String::from_utf8(output.stdout).expect("the program writes UTF-8");
        assert!(text.starts_with('{'), "{args}: {}", String::from_utf8_lossy(&output.stderr));
        self.write(name, &text);
        text
    }

    /// Exit code and all that is printed.
    fn says(&self, args: &str) -> (i32, String) {
        let output = self.tailback(args);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().expect("it ends by itself"), String::from_utf8(text).expect("the program writes UTF-8"))
    }

    fn json(&self, args: &str) -> Value {
        serde_json::from_slice(&self.tailback(args).stdout).expect("the program prints JSON")
    }
}

/// The text with one place changed, which must be there.
fn tampered(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} does not occur");
    text.replacen(from, to, 1)
}

#[test]
fn every_kind_of_result_is_verified_from_what_it_holds() {
    for args in [
        "",
        "--replications 1",
        "--seed 18446744073709551615 --replications 2",
        "--set run.warm_up=auto --set run.length=60s --replications 2",
        "--precision 20% --precision-of throughput_rps,latency_p50_ns",
        "--precision 0.1% --max-replications 11",
        "--set slo.p99=<1us --set slo.errors=<1% --replications 2",
        "--set request.page.steps.0.burn=2ms --set world.threads.threads=3 --set title='x=y' --replications 2",
    ] {
        let desk = Desk::new();
        let text = desk.result("result.json", args);
        let document: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(document["source"]["scenario"], SCENARIO);
        assert_eq!(document["source"]["files"][0]["text"], "ms\n10\n20\n35\n90\n");
        // Whoever gets the result has no other file.
        fs::remove_file(desk.path().join("site.toml")).expect("it is there");
        fs::remove_file(desk.path().join("samples.csv")).expect("it is there");
        let (code, said) = desk.says("verify result.json");
        assert_eq!(code, 0, "{args}\n{said}");
        let events: u64 = document["worlds"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|world| world["events"].as_array().unwrap())
            .filter_map(Value::as_u64)
            .sum();
        let replications = document["replications"].as_u64().unwrap();
        let plural = if replications == 1 { "" } else { "s" };
        let start = format!("Verified: 2 worlds, {replications} replication{plural}, ");
        assert!(
            said.starts_with(&start) && said.ends_with(" events: every fingerprint and figure agrees.\n"),
            "{said}"
        );
        let counted: String =
            said[start.len()..].chars().take_while(|c| *c != ' ').filter(char::is_ascii_digit).collect();
        assert_eq!(counted, events.to_string());
    }
}

#[test]
fn what_was_tampered_with_is_found_and_named() {
    let desk = Desk::new();
    let text = desk.result("result.json", "--replications 2");
    let document: Value = serde_json::from_str(&text).unwrap();
    let world = &document["worlds"][1];
    let of = |key: &str| world[key][1].to_string();
    let p99 = &document["worlds"][0]["figures"]["latency_p99_ns"]["values"][1];
    let low = document["worlds"][0]["figures"]["latency_p99_ns"]["low"].to_string();
    // (what stands there, what somebody wrote instead, what is said of it)
    let cases = [
        (
            of("fingerprints"),
            "\"0123456789abcdef\"".to_owned(),
            "world `gevent`, replication 1, fingerprint: the document says \"0123456789abcdef\"",
        ),
        (
            of("births_fingerprints"),
            "\"0123456789abcdef\"".to_owned(),
            "world `threads`, replication 1, births: the document says",
        ),
        (
            format!("{p99}]}}"),
            "7]}".to_owned(),
            "world `threads`, replication 1, latency_p99_ns: the document says 7, the run came to",
        ),
        (low, "1".to_owned(), "world `threads`, latency_p99_ns.low: the document says 1, the run came to"),
        (of("events"), "12".to_owned(), "world `gevent`, replication 1, events: the document says 12, the run came to"),
        ("rate = \\\"60/s\\\"".to_owned(), "rate = \\\"61/s\\\"".to_owned(), "world `threads`, replication 0, births"),
        ("threads = 8".to_owned(), "threads = 9".to_owned(), "world `threads`, replication 0, fingerprint"),
        ("ms\\n10\\n20".to_owned(), "ms\\n10\\n21".to_owned(), "world `threads`, replication 0, births"),
        ("\"seed\": 1,\n    ".to_owned(), "\"seed\": 2,\n    ".to_owned(), "world `threads`, replication 0, births"),
        (
            "\"set\": []".to_owned(),
            "\"set\": [\"world.gevent.greenlets=3\"]".to_owned(),
            "world `gevent`, replication 0, fingerprint",
        ),
        (
            "\"scenario\": \"A small site\"".to_owned(),
            "\"scenario\": \"A large site\"".to_owned(),
            "scenario: the document says \"A large site\"",
        ),
    ];
    for (from, to, said) in cases {
        desk.write("tampered.json", &tampered(&text, &from, &to));
        let (code, told) = desk.says("verify tampered.json");
        assert!(code == 1 && told.starts_with(&format!("Not verified: {said}")), "{from}: {code} {told}");
    }
}

#[test]
fn another_version_is_said_and_another_layout_is_no_difference() {
    let desk = Desk::new();
    let text = desk.result("result.json", "--replications 2");
    let own = env!("CARGO_PKG_VERSION");
    desk.write("other.json", &tampered(&text, &format!("\"tailback\": \"{own}\""), "\"tailback\": \"0.0.9\""));
    let (code, said) = desk.says("verify other.json --threads 1");
    assert!(
        code == 0 && said.starts_with(&format!("Tailback 0.0.9 wrote this, and {own} runs it again.\nVerified: ")),
        "{said}"
    );
    let document: Value = serde_json::from_str(&text).unwrap();
    desk.write("flat.json", &document.to_string());
    assert_eq!(desk.says("verify flat.json").0, 0);
}

#[test]
fn a_result_whose_source_cannot_be_run_is_bad_input() {
    let desk = Desk::new();
    let text = desk.result("result.json", "--replications 1");
    desk.write("broken.json", &tampered(&text, "threads = 8", "thread = 8"));
    let (code, said) = desk.says("verify broken.json");
    assert!(code == 2 && said.contains("site.toml") && said.contains("did you mean `threads`?"), "{said}");
    desk.write("without.json", &tampered(&text, "\"name\": \"samples.csv\"", "\"name\": \"other.csv\""));
    let (code, said) = desk.says("verify without.json");
    assert!(code == 2 && said.contains("its text is not in the document"), "{said}");
    let precise = desk.result("precise.json", "--precision 50% --precision-of throughput_rps");
    desk.write("unknown.json", &tampered(&precise, "\"throughput_rps\"\n", "\"throughput_rp\"\n"));
    let (code, said) = desk.says("verify unknown.json");
    assert!(code == 2 && said.contains("did you mean `throughput_rps`?"), "{said}");
}

#[test]
fn what_cannot_be_read_is_told_in_a_sentence_by_both_commands() {
    let desk = Desk::new();
    let text = desk.result("result.json", "--replications 2");
    desk.write("empty.json", "");
    desk.write("cut.json", &text[..text.len() / 2]);
    desk.write("broken.json", &tampered(&text, "\"format\": 1", "\"format\": one"));
    desk.write("newer.json", &tampered(&text, "\"format\": 1", "\"format\": 2"));
    desk.write("older.json", &tampered(&text, "  \"format\": 1,\n", ""));
    desk.write("without.json", &text.replace("\"values\":[", "\"numbers\":["));
    desk.write("foreign.json", "{\"name\": \"somebody's\"}");
    desk.write(
        "colourful.json",
        &tampered(&text, "\"tailback\": \"0", "\"tailback\": \"\\u001b[31m0").replace("\"format\": 1", "\"format\": 9"),
    );
    fs::write(desk.path().join("binary.json"), [0xff, 0xfe, 0]).unwrap();
    let compared = desk.tailback("compare site.toml --json --replications 2").stdout;
    fs::write(desk.path().join("compared.json"), compared).unwrap();
    let cases = [
        ("gone.json", "cannot read gone.json"),
        ("empty.json", "the file is empty"),
        ("cut.json", "the document ends in the middle, so it was cut off"),
        ("broken.json", "broken.json: line 3, column 13: this is not JSON: expected value"),
        ("newer.json", "its format is 2, and this tailback reads 1"),
        ("older.json", "wrote this without the values of each replication; run the scenario again with --json"),
        ("without.json", "has no `values` of requests_sent: run the scenario again with --json"),
        ("foreign.json", "this is JSON, but it is not tailback's; pass what `tailback run FILE --json` prints"),
        ("compared.json", "this is JSON, but another command of tailback wrote it"),
        ("colourful.json", "read it with tailback \\u{1b}[31m0"),
        ("binary.json", "it is not even text in UTF-8"),
    ];
    for (file, said) in cases {
        for command in
            [format!("verify {file}"), format!("diff result.json {file}"), format!("diff {file} result.json")]
        {
            let (code, told) = desk.says(&command);
            assert!(code == 2 && told.contains(said) && told.starts_with("error: "), "{command}: {code} {told}");
            assert!(!told.contains('\x1b'), "{told:?}");
        }
    }
}

#[test]
fn diff_and_compare_come_to_the_same() {
    let desk = Desk::new();
    desk.result("a.json", "");
    desk.result("b.json", "--set world.threads.threads=4 --set world.gevent.greenlets=4");
    let diff = desk.json("diff a.json b.json --json");
    let set = "--set-b world.threads.threads=4 --set-b world.gevent.greenlets=4";
    let compare = desk.json(&format!("compare site.toml site.toml {set} --replications 4 --json"));
    assert_eq!(diff["tests"], compare["tests"]);
    for (at, world) in ["threads", "gevent"].iter().enumerate() {
        let (of_diff, of_compare) = (&diff["pairs"][at], &compare["pairs"][at]);
        assert_eq!((&of_diff["a"], &of_diff["method"]), (&Value::from(*world), &Value::from("paired")));
        assert_eq!(of_diff["equal"], of_compare["equal"]);
        let rows = of_compare["figures"].as_object().unwrap();
        assert!(rows.len() > 5, "{rows:?}");
        for (name, row) in rows {
            let other = &of_diff["figures"][name];
            assert_eq!(other["verdict"], row["verdict"], "{name}");
            for path in ["/difference/mean", "/difference/low", "/relative/high", "/p", "/p_holm"] {
                let (one, two) =
                    (other.pointer(path).and_then(Value::as_f64), row.pointer(path).and_then(Value::as_f64));
                let close =
                    one.zip(two).map_or(one == two, |(one, two)| (one - two).abs() <= 1e-6 * two.abs().max(1e-9));
                assert!(close, "{world} {name} {path}: {one:?} is not {two:?}");
            }
        }
    }
}

#[test]
fn settings_are_compared_key_by_key_and_blanks_are_none() {
    let desk = Desk::new();
    desk.result("a.json", "--replications 2");
    desk.write("site.toml", &SCENARIO.replace("cores = 2", "# A comment.\ncores   =   2  # two"));
    desk.result("blank.json", "--replications 2");
    let same = desk.json("diff a.json blank.json --json");
    assert_eq!(same["settings"], Value::Array(Vec::new()));
    assert_eq!(
        same["summary"],
        "threads: nothing differs in any replication; gevent: nothing differs in any replication."
    );
    desk.write(
        "site.toml",
        &SCENARIO.replace("processes = 1\n", "").replace("[peer.db]", "[peer.db]\nnetwork = \"1ms\""),
    );
    desk.write("samples.csv", "ms\n10\n20\n35\n91\n");
    desk.result("b.json", "--replications 2 --set world.threads.threads=9 --seed 5");
    let changed = desk.json("diff a.json b.json --json");
    let change = |at: usize| {
        let change = &changed["settings"][at];
        (change["key"].as_str().unwrap_or_default(), change["a"].as_str(), change["b"].as_str())
    };
    assert_eq!(change(0), ("world.threads.threads", Some("8"), Some("9")));
    assert_eq!(change(1), ("world.gevent.processes", Some("1"), None));
    assert_eq!(change(2), ("run.seed", Some("1"), Some("5")));
    assert_eq!(change(3), ("peer.db.network", None, Some("\"1ms\"")));
    assert_eq!(change(4), ("file samples.csv", Some("5 lines, 15 bytes"), Some("5 lines, 15 bytes, others")));
    assert_eq!(change(5), ("", None, None));
}

#[test]
fn results_that_share_no_chance_are_samples_and_one_replication_claims_nothing() {
    let desk = Desk::new();
    desk.result("a.json", "--replications 4");
    desk.result("other-seed.json", "--replications 6 --seed 9 --set world.threads.threads=3");
    let (code, said) = desk.says("diff a.json other-seed.json");
    assert_eq!(code, 0, "{said}");
    for part in
        ["The seeds differ", "independent samples (Welch)", "Means of 4 and 6 replications", "run.replications: 4 → 6"]
    {
        assert!(said.contains(part), "{part} is missing:\n{said}");
    }
    desk.result("more.json", "--replications 6 --set world.threads.threads=3");
    let said = desk.says("diff a.json more.json").1;
    assert!(said.contains("pairs are made of the first 4") && said.contains("Births are equal in all 4"), "{said}");
    desk.result("one.json", "--replications 1 --set world.threads.threads=3");
    let (code, said) = desk.says("diff a.json one.json");
    let said = said.replace('\n', " ");
    assert_eq!(code, 0);
    for part in [
        "which one replication cannot tell from chance",
        "What is significant takes two replications of each side at least.",
    ] {
        assert!(said.contains(part), "{part} is missing:\n{said}");
    }
    assert!(!said.contains(" better") && !said.contains(" worse"), "{said}");
}

#[test]
fn worlds_stand_against_each_other_by_name_by_place_or_as_somebody_says() {
    let desk = Desk::new();
    desk.result("a.json", "--replications 2");
    desk.write("site.toml", &SCENARIO.replace("[world.threads]", "[world.pool]"));
    desk.result("b.json", "--replications 2");
    let said = desk.says("diff a.json b.json").1;
    assert!(said.contains("threads of A and pool of B are compared because of their places"), "{said}");
    let pairs = |args: &str| -> Vec<String> {
        let document = desk.json(&format!("diff a.json b.json --json {args}"));
        let pairs = document["pairs"].as_array().unwrap().clone();
        pairs.iter().map(|pair| format!("{}={}", pair["a"].as_str().unwrap(), pair["b"].as_str().unwrap())).collect()
    };
    assert_eq!(pairs(""), ["threads=pool", "gevent=gevent"]);
    assert_eq!(pairs("--worlds threads=gevent"), ["threads=gevent"]);
    let said = desk.says("diff a.json b.json --worlds threads=gevent").1;
    assert!(said.contains("Not compared: gevent of A") && said.contains("Not compared: pool of B"), "{said}");
    let (code, said) = desk.says("diff a.json b.json --worlds threads=poll");
    assert!(code == 2 && said.contains("b.json has no world `poll`; did you mean `pool`?"), "{said}");
    assert_eq!(desk.says("diff a.json b.json --worlds threads").0, 2);
    let (code, said) = desk.says("diff a.json b.json --out plots");
    assert!(code == 0 && said.contains("Plots in plots: differences, differences-gevent"), "{said}");
    for name in ["differences.svg", "differences.png", "differences-gevent.svg", "differences-gevent.png"] {
        assert!(desk.path().join("plots").join(name).is_file(), "{name} is missing");
    }
}

#[test]
fn a_hostile_document_neither_paints_a_terminal_nor_leaves_its_folder() {
    let desk = Desk::new();
    let text = desk.result("a.json", "--replications 2");
    assert!(text.contains("\"scenario\": \"A small site\""), "{text}");
    let evil = text
        .replace("\"name\": \"threads\"", "\"name\": \"../../\\u001b]0;owned\\u0007\"")
        .replace("\"name\": \"gevent\"", "\"name\": \"/\\u009b31m\\u202e\\nB is better\"")
        .replace("\"scenario\": \"A small site\"", "\"scenario\": \"\\u001b[2J\\u001b[31mA red site\"")
        .replace("\"file\": \"site.toml\"", "\"file\": \"\\u001b[31m.toml\"")
        .replace("\"set\": []", "\"set\": [\"title=\\u001b[5m\"]");
    desk.write("evil.json", &evil);
    let commands = [
        "diff a.json evil.json",
        "diff evil.json a.json --out plots",
        "diff evil.json evil.json --json",
        "verify evil.json",
    ];
    for command in commands {
        let (code, said) = desk.says(command);
        let obeyed = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!said.contains(obeyed) && !said.contains("\nB is better"), "{command}: {said:?}");
        assert_eq!(code, i32::from(command.starts_with("verify")), "{command}: {said}");
    }
    desk.write("nowhere.json", &tampered(&text, "\"set\": []", "\"set\": [\"\\u001b[2J\"]"));
    let deep = "[".repeat(9_000) + &"]".repeat(9_000);
    desk.write("deep.json", &tampered(&text, "\"format\": 1", &format!("\"format\": 1, \"x\": {deep}")));
    let cases = [
        ("verify nowhere.json", "--set \\u{1b}[2J: write it as KEY=VALUE"),
        ("diff nowhere.json a.json", "--set \\u{1b}[2J: write it as KEY=VALUE"),
        ("verify deep.json", "deep.json: line 3, column 147: this is not JSON: recursion limit exceeded"),
    ];
    for (command, part) in cases {
        let (code, said) = desk.says(command);
        assert!(code == 2 && said.contains(part) && !said.contains('\x1b'), "{command}: {code} {said:?}");
    }
    let mut names: Vec<String> = fs::read_dir(desk.path().join("plots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "differences-__31m__B_is_better.png",
            "differences-__31m__B_is_better.svg",
            "differences.png",
            "differences.svg"
        ]
    );
}

/// The documents of the examples and of the README. `TAILBACK_BLESS=1 cargo test --test main results::` writes them anew; a change of their
/// figures says that the model changed.
#[test]
fn the_results_of_the_examples_are_what_the_program_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd/results.in");
    for (name, args) in [("before.json", &[][..]), ("after.json", &["--set", "world.threads.threads=12"])] {
        let mut command = Command::new(crate::common::process::program());
        let output = command.current_dir(&folder).args(["run", "site.toml", "--json"]).args(args).output();
        let written = output.expect("the program can be started").stdout;
        let path = folder.join(name);
        if std::env::var_os("TAILBACK_BLESS").is_some() {
            fs::write(&path, &written).expect("the documents can be written");
        }
        let expected = fs::read(&path).expect("the documents can be read");
        assert!(expected == written, "{name} is not what `run site.toml --json` with {args:?} writes now");
    }
}
