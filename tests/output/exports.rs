//! Results on their way out: every form of `run` and every file of `export` says the same, and shells and `man` read what is for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::place::Place;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

/// A site whose people lose patience and come again, some of them for ever in vain; two classes, and names that need care.
const SCENARIO: &str = r#"
version = 1
title = "A <b>busy</b> site | with \"names\""
[run]
length = "20s"
warm_up = "2s"
replications = 3
[machine]
cores = 1
[world.threads]
worker = "uwsgi-threads"
threads = 3
[world.gevent]
worker = "uwsgi-gevent"
greenlets = 50
[client.users]
rate = "50/s"
patience = "400ms"
refresh = { chance = 0.5, pause = "100ms" }
[peer.backend]
network = "200us"
[request.page]
share = 4
steps = [{ burn = "2ms" }, { call = "backend", takes = "exp(60ms)" }]
[request.heavy]
share = 1
steps = [{ burn = "30ms" }]
"#;

impl Place {
    /// The program with the words of a line.
    fn line(&self, args: &str) -> Command {
        self.command(&args.split_whitespace().collect::<Vec<_>>())
    }

    fn run_line(&self, args: &str) -> Output {
        self.line(args).output().expect("the program can be started")
    }

    /// What a command prints that goes well.
    fn says(&self, args: &str) -> String {
        let output = self.run_line(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args}\n{errors}");
        String::from_utf8(output.stdout).expect("the program writes UTF-8")
    }
}

type Rows = Vec<BTreeMap<String, Option<String>>>;

/// The values of a record of CSV, of which none has a line feed.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().expect("there is one").push(c),
        }
    }
    fields
}

fn csv_rows(text: &str) -> Rows {
    let mut lines = text.lines();
    let names = fields(lines.next().expect("a line of names"));
    let row = |line: &str| {
        let values = fields(line).into_iter().map(|value| Some(value).filter(|value| !value.is_empty()));
        names.iter().cloned().zip(values).collect()
    };
    lines.map(row).collect()
}

fn json_row(row: &Value) -> BTreeMap<String, Option<String>> {
    let value = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        // Whole numbers of a column of numbers are written as such in CSV.
        Value::Number(number) => {
            Some(number.as_f64().filter(|_| number.is_f64()).map_or(number.to_string(), |n| n.to_string()))
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => panic!("no cell: {value}"),
    };
    row.as_object().expect("a row is an object").iter().map(|(name, cell)| (name.clone(), value(cell))).collect()
}

fn parquet_rows(path: &Path) -> Rows {
    let file = SerializedFileReader::new(fs::File::open(path).expect("it was written")).expect("it is a Parquet file");
    let value = |field: &Field| match field {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        Field::Long(number) => Some(number.to_string()),
        Field::Double(number) => Some(number.to_string()),
        other => panic!("no column is of {other}"),
    };
    let rows = file.get_row_iter(None).expect("rows can be read");
    let row =
        |row: parquet::record::Row| row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect();
    rows.map(|one| row(one.expect("a row can be read"))).collect()
}

/// A table of the folder, as CSV has it.
fn table(place: &Place, path: &str) -> Rows {
    csv_rows(&fs::read_to_string(place.path(path)).expect("it was written"))
}

fn text<'a>(row: &'a BTreeMap<String, Option<String>>, name: &str) -> &'a str {
    row[name].as_deref().unwrap_or("")
}

fn number(row: &BTreeMap<String, Option<String>>, name: &str) -> u64 {
    text(row, name).parse().unwrap_or_else(|_| panic!("{name} is no whole number: {row:?}"))
}

#[test]
fn every_kind_of_file_holds_the_same_rows() {
    let place = Place::of(SCENARIO);
    place.says("export site.toml --out o --format csv,json,jsonl,parquet");
    for name in ["requests", "series", "summary"] {
        let rows = table(&place, &format!("o/{name}.csv"));
        assert!(rows.len() > 20, "{name} has {} rows", rows.len());
        let read =
            |ending: &str| fs::read_to_string(place.path(&format!("o/{name}.{ending}"))).expect("it was written");
        let array: Value = serde_json::from_str(&read("json")).expect("it is JSON");
        let json: Rows = array.as_array().expect("it is an array").iter().map(json_row).collect();
        assert_eq!(json, rows, "{name}.json");
        let parse = |line: &str| json_row(&serde_json::from_str(line).expect("a line is JSON"));
        assert_eq!(read("jsonl").lines().map(parse).collect::<Rows>(), rows, "{name}.jsonl");
        assert_eq!(parquet_rows(&place.path(&format!("o/{name}.parquet"))), rows, "{name}.parquet");
    }
}

#[test]
fn the_bill_of_every_request_adds_up_and_their_number_is_the_summarys() {
    let place = Place::of(SCENARIO);
    place.says("export site.toml --out o --replications 1");
    let requests = table(&place, "o/requests.csv");
    let header = fs::read_to_string(place.path("o/requests.csv")).expect("it was written");
    let names = fields(header.lines().next().expect("a line of names"));
    let bill = names.iter().skip_while(|name| *name != "outcome").skip(1);
    let bill: Vec<&String> = bill.collect();
    assert_eq!(bill.len(), engine::record::Wait::KINDS, "{bill:?}");
    let mut counts: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    // What ended while the run drained is told apart.
    let mut apart = counts.clone();
    let mut known = BTreeSet::new();
    for row in &requests {
        let sum: u64 = bill.iter().map(|name| number(row, name)).sum();
        assert_eq!(sum, number(row, "latency_ns"), "{row:?}");
        assert_eq!(sum, number(row, "finished_ns") - number(row, "arrival_ns"), "{row:?}");
        let drained = number(row, "finished_ns") > 20_000_000_000 && text(row, "outcome") != "unfinished";
        let counts = if drained { &mut apart } else { &mut counts };
        let key = |class: &str| (text(row, "world").to_owned(), class.to_owned(), text(row, "outcome").to_owned());
        *counts.entry(key("")).or_default() += 1;
        *counts.entry(key(text(row, "class"))).or_default() += 1;
        let person = (text(row, "world").to_owned(), number(row, "person"));
        assert!(known.insert((person, number(row, "attempt"))), "one person, one attempt: {row:?}");
        assert_eq!(text(row, "why") == "first", number(row, "attempt") == 0, "{row:?}");
    }
    assert!(requests.iter().any(|row| text(row, "why") == "refresh"), "nobody came again");
    assert!(requests.iter().any(|row| text(row, "outcome") == "gave_up"), "nobody left");
    let summary = table(&place, "o/summary.csv");
    let mut compared = 0;
    for row in summary.iter().filter(|row| matches!(text(row, "scope"), "all" | "class")) {
        let outcome = match text(row, "figure") {
            "requests_ok" => "ok",
            "requests_gave_up" => "gave_up",
            "requests_unfinished" => "unfinished",
            "requests_failed" => "failed",
            _ => continue,
        };
        let key = (text(row, "world").to_owned(), text(row, "name").to_owned(), outcome.to_owned());
        assert_eq!(counts.get(&key).copied().unwrap_or(0), number(row, "mean"), "{key:?}");
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
    let sent = summary.iter().filter(|row| text(row, "scope") == "all" && text(row, "figure") == "requests_sent");
    assert_eq!(sent.map(|row| number(row, "mean")).sum::<u64>(), requests.len() as u64);
}

#[test]
fn an_export_is_the_same_bytes_on_any_number_of_threads_and_the_same_runs_as_run() {
    let place = Place::of(SCENARIO);
    let all = "--format csv,json,jsonl,parquet --max-rows 3000";
    place.says(&format!("export site.toml --out one --threads 1 {all}"));
    place.says(&format!("export site.toml --out three --threads 3 {all}"));
    let mut names: Vec<_> = fs::read_dir(place.path("one")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 3 * 4 + 2 * 3, "{names:?}");
    for name in names {
        let read = |folder: &str| fs::read(place.path(folder).join(&name)).expect("both have it");
        assert!(read("one") == read("three"), "{} differs", name.display());
    }
    let summary = fs::read_to_string(place.path("one/summary.csv")).expect("it was written");
    assert_eq!(place.says("run site.toml --format csv"), summary);
}

#[test]
fn too_many_requests_are_cut_evenly_and_that_is_said() {
    let place = Place::of(SCENARIO);
    let said = place.says("export site.toml --out o --max-rows 60 --of requests");
    let rows = table(&place, "o/requests.csv");
    assert_eq!(rows.len(), 60);
    let mut runs: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for row in &rows {
        let seen = runs.entry((text(row, "world"), text(row, "replication"))).or_default();
        *seen += 1;
        assert_eq!(number(row, "request"), *seen, "the first of every run");
    }
    assert!(runs.len() == 6 && runs.values().all(|&count| count == 10), "{runs:?}");
    assert!(said.contains("requests.csv   60 rows, one for each request"), "{said}");
    assert!(said.contains("Cut: requests has 60 of "), "{said}");
    assert!(!place.says("export site.toml --out p --of requests").contains("Cut"));
}

#[test]
fn an_export_that_cannot_be_written_leaves_nothing_behind() {
    let place = Place::of(SCENARIO);
    fs::create_dir(place.path("o")).unwrap();
    // A folder has the name of the last file: all others are whole, and only then it shows.
    fs::create_dir(place.path("o/summary.csv")).unwrap();
    let output = place.run_line("export site.toml --out o --replications 1 --of summary");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: cannot write o/summary.csv"), "{said}");
    let left: Vec<_> = fs::read_dir(place.path("o")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["summary.csv"], "only the folder");
    assert_eq!(place.run_line("export site.toml --out site.toml/o").status.code(), Some(2));
}

#[test]
fn markdown_keeps_hostile_titles_in_their_cells() {
    let place = Place::of(SCENARIO);
    let text = place.says("run site.toml --format markdown --replications 2 --set client.users.rate=30/s");
    assert!(text.starts_with("### A &lt;b&gt;busy&lt;/b&gt; site &#124; with \"names\"\n"), "{text}");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20 && rows.iter().all(|row| row.matches('|').count() == 4), "{text}");
    let command = "tailback run site.toml --seed 1 --replications 2 --set client.users.rate=30/s --format markdown";
    assert!(text.contains(command), "{text}");
    let again = place.says(&command["tailback ".len()..]);
    assert_eq!(again, text, "the command in it makes it again");
}

#[test]
fn plots_are_ascii_where_the_locale_is_not_utf_8() {
    let place = Place::of(SCENARIO);
    let plots = |locale: [(&str, &str); 3]| {
        let mut command = place.line("run site.toml --no-plots --plot --replications 1");
        let output = command.envs(locale).output().expect("the program can be started");
        let text = String::from_utf8(output.stdout).expect("the program writes UTF-8");
        text[text.find("Requests per second:").expect("the plots are there")..].to_owned()
    };
    let plain = plots([("LC_ALL", ""), ("LC_CTYPE", "C"), ("LANG", "en_US.UTF-8")]);
    assert!(plain.is_ascii() && plain.contains('#'), "{plain}");
    let fine = plots([("LC_ALL", "C.utf8"), ("LC_CTYPE", "C"), ("LANG", "C")]);
    assert!(fine.contains('█') && fine.contains('┤'), "{fine}");
    assert_eq!(fine.matches("threads").count(), 3, "a panel in each of three plots\n{fine}");
}

/// The names of all commands, from the help.
fn commands(place: &Place) -> Vec<String> {
    let help = place.says("--help");
    let list = help.split("Commands:\n").nth(1).expect("there is a list").split("\n\n").next().expect("it ends");
    let name = |line: &str| {
        line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split(' ').next().map(str::to_owned)
    };
    list.lines().filter_map(name).filter(|name| name != "help").collect()
}

#[test]
fn every_command_has_a_manual_page_that_groff_reads_without_a_word() {
    let place = Place::of(SCENARIO);
    let commands = commands(&place);
    assert!(commands.len() > 15 && commands.contains(&"export".to_owned()), "{commands:?}");
    place.says("man --out pages");
    let pages = fs::read_dir(place.path("pages")).unwrap().count();
    assert_eq!(pages, commands.len() + 1);
    assert_eq!(place.says("man"), fs::read_to_string(place.path("pages/tailback.1")).unwrap());
    for name in std::iter::once("tailback".to_owned()).chain(commands.iter().map(|name| format!("tailback-{name}"))) {
        let path = place.path(&format!("pages/{name}.1"));
        assert!(fs::read_to_string(&path).expect("every command has a page").contains(".SH NAME"), "{name}");
        // Not every machine has groff.
        let Ok(output) = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&path).output() else {
            continue;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
    }
}

#[test]
fn shells_take_their_completions() {
    let place = Place::of(SCENARIO);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.says(&format!("completions {shell}"));
        assert!(commands(&place).iter().all(|command| script.contains(command.as_str())), "{shell}");
        assert!(script.contains("max-rows"), "{shell}");
        // Those that are there read it without running it.
        let path = place.path(shell);
        fs::write(&path, script).unwrap();
        let parser = if matches!(shell, "bash" | "zsh" | "fish") { shell } else { continue };
        let Ok(output) = Command::new(parser).arg("-n").arg(&path).output() else { continue };
        assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn help_fits_a_window_of_80_columns() {
    let place = Place::of(SCENARIO);
    for command in commands(&place) {
        let mut help = place.line(&format!("{command} --help"));
        let text = String::from_utf8(help.env("COLUMNS", "80").output().expect("it starts").stdout).unwrap();
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(!text.is_empty() && long.is_empty(), "{command}: {long:#?}");
    }
}
