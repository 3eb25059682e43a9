//! The book in `docs/`, and the README: every command in them is run, and every scenario that the book shows is a file that runs.
//!
//! A document shows a command at a prompt (`$ `) in a `console` block, below it what it prints (`...` stands for any lines),
//! and its exit code by `$ echo $?`. A command in running text is only held against the program's flags.
//! Figures are held as letters are. When a number of the model moves, the words around most figures still hold: all such places make
//! one failure, and `TAILBACK_BLESS=1 cargo test --test main book::` puts in what is printed now. Where words, units or verdicts
//! differ it does so as far as lines still begin with the same words, and fails all the same: read the difference, and the text around
//! it. The table in which the tutorial decides is drawn from what its commands print.

use crate::common::cores::on_all_cores;
use crate::common::decision;
use crate::common::prompts;
use crate::common::shipped;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::prompts::Shown;

/// How documents call the program; the rest of the line is for it.
const NAMES: [&str; 2] = ["tailback", "cargo run --release --"];

/// Commands at a prompt that are not run here, each with the reason.
const NOT_RUN: [(&str, &str); 15] = [
    ("cargo test --workspace", "this is one of its tests"),
    ("cargo install --path .", "CI builds and installs nothing else while tests run"),
    ("cargo run --release -p workload -- mmc 1000000", "measures time: tests/world/workloads.rs has it shorter"),
    ("cargo run --release -p workload -- timers 1000 5000000", "the same"),
    ("cargo run --release -p workload -- pool 60", "the same"),
    ("cargo run --release -p workload -- bare pool 60", "the same"),
    ("cargo run --release -p workload -- ratio timers 100000 3000000 --rounds 5", "the same"),
    ("cargo run --release -p workload -- ratio page gevent 60", "the same"),
    ("cargo run --release -p workload -- growth out/growth", "measures time, and takes minutes"),
    ("cargo bench -p workload", "measures time"),
    (
        "tailback sweep scenarios/pinterest/cpu-hog.toml --replications 1 --set world.threads.threads=20..200:10 \
         --set client.users.rate=20/s..105/s:20",
        "takes 42 s of a release build, which is what the page is about",
    ),
    (
        "tests/oracle/asyncio/differential.sh --python 3.11 --seed 7 --count 10000",
        "wants that Python, and takes minutes",
    ),
    ("tests/oracle/asyncio/differential.sh --uvloop", "takes minutes"),
    ("tests/oracle/differential.sh --seed 7", "installs gevent"),
    ("tests/oracle/differential.sh --seed 7 --count 10000", "installs gevent"),
];

/// The page with a plot, the plot, and where the page's command draws it.
const PLOT_PAGE: &str = "README.md";
const PLOT: &str = "docs/images/slow-third-party-throughput.svg";
const PLOT_DRAWN: &str = "out/slow-third-party/throughput.svg";

/// A page of the book: its path from the root, and its text.
struct Page {
    path: String,
    text: String,
}

/// All pages, by path.
fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join("docs"), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.push(shipped::root().join("README.md"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a page can be read");
        let path = path.strip_prefix(shipped::root()).expect("it was found there").display().to_string();
        Page { path: path.replace('\\', "/"), text }
    };
    paths.into_iter().map(read).collect()
}

/// What a command gives to the program, if it calls it.
fn args(command: &str) -> Option<&str> {
    let after = NAMES.iter().find_map(|name| command.strip_prefix(name))?;
    (after.is_empty() || after.starts_with(' ')).then(|| after.trim())
}

fn is_not_run(command: &str) -> bool {
    NOT_RUN.iter().any(|(listed, _)| *listed == command)
}

/// How a page is wrong about what a command prints.
#[derive(PartialEq, Debug)]
enum Wrong {
    /// Figures are others, and all words are the same.
    Figures(String),
    Words(String),
}

/// Runs a command of a page in a folder and says what it prints, and what is wrong with what the page says of it.
fn trial(page: &Page, shown: &Shown, folder: &Path) -> (String, Option<Wrong>) {
    let place = format!("{}:{}: {}", page.path, shown.line, shown.command);
    let Some(args) = args(&shown.command) else {
        let wrong = format!("{place}\nis not a command of the program, and not listed in NOT_RUN");
        return (String::new(), Some(Wrong::Words(wrong)));
    };
    let output = prompts::tailback(folder, args);
    let printed = prompts::text(&output.stdout) + &prompts::text(&output.stderr);
    if output.status.code() != Some(shown.code) {
        let wrong = format!("{place}\nends with {:?} and not with {}:\n{printed}", output.status.code(), shown.code);
        return (printed, Some(Wrong::Words(wrong)));
    }
    // A page may show a command and say nothing of what it prints.
    let wrong = if shown.output.is_empty() { None } else { wrong_output(&place, &shown.output, &printed) };
    (printed, wrong)
}

/// What is wrong with what a page shows of an output.
fn wrong_output(place: &str, shown: &[String], printed: &str) -> Option<Wrong> {
    let missing = prompts::missing(shown, printed)?;
    let fresh = prompts::redrawn(shown, printed);
    if prompts::missing(&fresh, printed).is_none() && prompts::only_figures_differ(shown, &fresh) {
        let moved = shown.iter().filter(|line| !fresh.contains(line)).count();
        Some(Wrong::Figures(format!("{place}: {moved} of {} lines", shown.len())))
    } else {
        Some(Wrong::Words(format!("{place}\ndoes not print\n{missing}\nbut\n{printed}")))
    }
}

/// What is wrong with the commands at the prompts of a page, which are run one after the other.
fn trials(page: &Page) -> Vec<Wrong> {
    let mut shown = prompts::commands(&page.text);
    shown.retain(|shown| shown.at_prompt && !is_not_run(&shown.command));
    let folder = prompts::copy_for(&shown);
    let trials: Vec<_> = shown.iter().map(|shown| trial(page, shown, folder.path())).collect();
    let is_wrong = trials.iter().any(|(_, wrong)| wrong.is_some());
    let undecided = page.path == decision::PAGE && decision::redrawn(&page.text) != page.text;
    if (is_wrong || undecided) && is_blessed() {
        let mut lines: Vec<String> = page.text.lines().map(str::to_owned).collect();
        let stale = shown.iter().zip(&trials).filter(|(shown, (_, wrong))| wrong.is_some() && !shown.output.is_empty());
        // From the end on, so that the lines above keep their numbers.
        for (shown, (printed, _)) in stale.rev() {
            lines.splice(shown.lines.clone(), prompts::redrawn(&shown.output, printed));
        }
        let mut text = lines.join("\n") + "\n";
        if page.path == decision::PAGE {
            text = decision::redrawn(&text);
        }
        fs::write(shipped::root().join(&page.path), text).expect("a page can be written");
    }
    let plot = (page.path == PLOT_PAGE).then(|| wrong_plot(folder.path())).flatten();
    trials.into_iter().filter_map(|(_, wrong)| wrong).chain(plot).collect()
}

/// What is wrong with the plot that a page shows, after its command was run in a folder.
fn wrong_plot(folder: &Path) -> Option<Wrong> {
    let shown = shipped::root().join(PLOT);
    let drawn = fs::read(folder.join(PLOT_DRAWN)).expect("the command of the page draws it");
    if fs::read(&shown).is_ok_and(|shown| shown == drawn) {
        return None;
    }
    if is_blessed() {
        fs::write(&shown, drawn).expect("a plot can be written");
    }
    Some(Wrong::Figures(format!("{PLOT_PAGE}: {PLOT} is not the plot that its command draws")))
}

fn is_blessed() -> bool {
    std::env::var_os("TAILBACK_BLESS").is_some()
}

fn none(what: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{} {what}:\n\n{}", offenders.len(), offenders.join("\n\n"));
}

#[test]
fn every_command_at_a_prompt_prints_what_the_page_says() {
    let pages = pages();
    let (mut figures, mut words) = (Vec::new(), Vec::new());
    for wrong in on_all_cores(&pages, trials).into_iter().flatten() {
        match wrong {
            Wrong::Figures(place) => figures.push(place),
            Wrong::Words(said) => words.push(said),
        }
    }
    none("commands are not as the book says", &words);
    assert!(
        figures.is_empty() || is_blessed(),
        "only figures moved, in {} commands of the book; TAILBACK_BLESS=1 cargo test --test main book:: puts them in:\n{}",
        figures.len(),
        figures.join("\n")
    );
}

/// Lines of one text that another does not have, one below the other.
fn differences(page: &str, wanted: &str) -> String {
    let pairs = page.lines().zip(wanted.lines()).filter(|(page, wanted)| page != wanted);
    pairs.map(|(page, wanted)| format!("the page has  {page}\nits commands  {wanted}\n")).collect()
}

#[test]
fn the_tutorial_decides_by_what_its_commands_print() {
    let text = fs::read_to_string(shipped::root().join(decision::PAGE)).expect("the tutorial can be read");
    let wanted = decision::redrawn(&text);
    assert!(
        text == wanted,
        "TAILBACK_BLESS=1 cargo test --test main book:: puts it in:\n{}",
        differences(&text, &wanted)
    );
}

#[test]
fn a_decision_that_its_commands_do_not_bear_out_is_drawn_anew() {
    let text = fs::read_to_string(shipped::root().join(decision::PAGE)).expect("the tutorial can be read");
    let right = decision::redrawn(&text);
    assert_eq!(decision::redrawn(&right), right);
    // The second is the sale's, which the table has.
    let success = right.lines().filter(|line| line.starts_with("  success")).nth(1).expect("two commands show it");
    let stale = right.replacen(success, &success.replace(" %", "9 %"), 1);
    assert_ne!(decision::redrawn(&stale), stale, "a number of the output moved, and the table did not");
}

#[test]
fn every_exception_stands_in_a_page() {
    let all: Vec<Shown> = pages().iter().flat_map(|page| prompts::commands(&page.text)).collect();
    let stands = |command: &str| all.iter().any(|shown| shown.at_prompt && shown.command == command);
    let stale = NOT_RUN.iter().filter(|(command, _)| !stands(command)).map(|(command, _)| (*command).to_owned());
    none("exceptions without a command", &stale.collect::<Vec<_>>());
}

#[test]
fn commands_in_running_text_have_flags_that_exist() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for shown in prompts::commands(&page.text).iter().filter(|shown| !shown.at_prompt) {
            let Some(args) = args(&shown.command) else { continue };
            let args = args.split(" > ").next().unwrap_or_default();
            // Flags are read in order, so a wrong one is met before the help is asked for.
            let output = prompts::tailback(shipped::root(), &format!("{args} --help"));
            seen += 1;
            if !output.status.success() {
                let said = prompts::text(&output.stderr);
                wrong.push(format!("{}:{}: {}\n{said}", page.path, shown.line, shown.command));
            }
        }
    }
    assert!(seen > 30, "only {seen} commands in running text");
    none("commands have flags that do not exist", &wrong);
}

/// The blocks of one language in a text.
fn blocks<'text>(text: &'text str, language: &str) -> Vec<&'text str> {
    let parts = text.split("```").collect::<Vec<_>>();
    let begins = format!("{language}\n");
    parts.iter().skip(1).step_by(2).filter_map(|block| block.strip_prefix(begins.as_str())).collect()
}

/// The scenario files of a folder, by name, as text.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join(folder), &mut paths);
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a file has a name").display().to_string();
        (name, fs::read_to_string(&path).expect("a file can be read"))
    };
    let files: Vec<(String, String)> = paths.into_iter().map(read).collect();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

/// Pages, and the folder that has the files of which they show parts.
const SHOWN_FILES: [(&str, &str); 3] =
    [("docs/tutorial.md", "docs/tutorial"), ("docs/steps.md", "docs/examples"), ("docs/servers.md", "docs/examples")];

#[test]
fn scenarios_that_pages_show_are_parts_of_files_that_run() {
    let mut wrong = Vec::new();
    for (page, folder) in SHOWN_FILES {
        let text = fs::read_to_string(shipped::root().join(page)).expect("a page can be read");
        let files = files(folder);
        let blocks = blocks(&text, "toml");
        assert!(!blocks.is_empty(), "{page} shows no scenario");
        for block in blocks {
            if !files.iter().any(|(_, file)| file.contains(block)) {
                wrong.push(format!("{page}, in no file of {folder}:\n{block}"));
            }
        }
    }
    none("blocks are not in the files", &wrong);
}

#[test]
fn every_scenario_of_the_book_is_valid_says_what_it_asks_and_stands_in_a_page() {
    let pages = pages();
    for folder in ["docs/examples", "docs/tutorial"] {
        for (name, text) in files(folder) {
            let path = format!("{folder}/{name}");
            assert!(
                text.starts_with("# Question: ") && text.contains("\n# Source: "),
                "{path} does not say what it asks"
            );
            assert!(pages.iter().any(|page| page.text.contains(&path)), "no page names {path}");
            let output = prompts::tailback(shipped::root(), &format!("check {path}"));
            assert!(output.status.success(), "{path}:\n{}", prompts::text(&output.stderr));
        }
    }
}

#[test]
fn the_tutorial_shows_every_line_of_its_files() {
    let page = fs::read_to_string(shipped::root().join("docs/tutorial.md")).expect("the tutorial can be read");
    let shown: Vec<&str> = blocks(&page, "toml").iter().flat_map(|block| block.lines()).collect();
    for (name, file) in files("docs/tutorial") {
        let hidden: Vec<&str> = file.lines().filter(|line| !line.is_empty() && !shown.contains(line)).collect();
        assert!(hidden.is_empty(), "docs/tutorial.md does not show of {name}:\n{}", hidden.join("\n"));
        assert!(page.contains(&format!("docs/tutorial/{name}")), "docs/tutorial.md does not run {name}");
    }
}

#[test]
fn every_step_and_every_worker_has_a_section_of_its_own() {
    let read = |path: &str| fs::read_to_string(shipped::root().join(path)).expect("a page can be read");
    let (steps, servers) = (read("docs/steps.md"), read("docs/servers.md"));
    let schema = scenario::schema();
    let kinds = schema["$defs"]["step"]["oneOf"].as_array().expect("the schema lists the steps");
    for kind in kinds {
        let name = kind["$ref"].as_str().and_then(|path| path.rsplit('/').next()).expect("a step is a reference");
        let required = schema["$defs"][name]["required"].as_array().expect("a step has a verb");
        let mut verbs = required.iter().filter_map(|verb| verb.as_str());
        assert!(verbs.any(|verb| steps.contains(&format!("\n## {verb}\n"))), "docs/steps.md says nothing of {name}");
    }
    let workers = schema["$defs"]["world"]["properties"]["worker"]["enum"].as_array().expect("the schema lists them");
    for worker in workers.iter().map(|worker| worker.as_str().expect("a name is a text")) {
        assert!(servers.contains(&format!("\n## {worker}\n")), "docs/servers.md says nothing of {worker}");
    }
}

#[test]
fn what_a_page_shows_is_found_in_order_and_whole() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let printed = "one\ntwo  \nthree\nfour\n";
    for right in ["one\n...", "...\ntwo\nthree\n...", "...\nfour", "one\n...\nthree\nfour", "one\ntwo\nthree\nfour"] {
        assert_eq!(prompts::missing(&shown(right), printed), None, "{right}");
    }
    for wrong in ["two\n...", "...\nthree\n...\ntwo\n...", "...\nthree", "one\nthree\n...", "one\ntwo"] {
        assert!(prompts::missing(&shown(wrong), printed).is_some(), "{wrong}");
    }
}

#[test]
fn figures_that_moved_are_told_from_words_that_changed() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let page = shown("...\n  p99  1.26 s   (-0.2 %)\n...\nB is better: 5 of 7,\nso take B\n...");
    let said = |printed: &str| wrong_output("page", &page, printed);
    let figures = Some(Wrong::Figures("page: 2 of 6 lines".to_owned()));
    assert_eq!(said("a\n  p99  1.26 s   (-0.2 %)\nb\nB is better: 5 of 7,\nso take B\nc\n"), None);
    // Columns are wider, a sign turned, and a sentence breaks elsewhere.
    assert_eq!(said("a\n  p99  11.3 s   (+0.1 %)\nb\nB is better: 1,005 of 1,007,\nso take B\nc\n"), figures);
    for (what, printed) in [
        ("a unit", "a\n  p99  900 ms   (-0.2 %)\nb\nB is better: 5 of 7,\nso take B\nc\n"),
        ("a verdict", "a\n  p99  1.26 s   (-0.2 %)\nb\nB is worse: 5 of 7,\nso take B\nc\n"),
        ("a verdict after a figure", "a\n  p99  1.26 s   (-0.2 %)\nb\nB is better: 6 of 7,\nso take A\nc\n"),
        ("an order", "a\nB is better: 5 of 7,\nso take B\nb\n  p99  1.26 s   (-0.2 %)\nc\n"),
        ("a bracket", "a\n  p99  1.26 s   -0.2 %\nb\nB is better: 5 of 7,\nso take B\nc\n"),
        ("a line that is gone", "a\n  p99  1.26 s   (-0.2 %)\nb\n"),
    ] {
        assert!(matches!(said(printed), Some(Wrong::Words(_))), "{what}: {:?}", said(printed));
    }
}

#[test]
fn stale_output_is_drawn_anew_piece_by_piece() {
    let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let printed =
        "head\n  p50  3 ms\n  p95  3 ms\n  p99  4 ms\n\ngood: 99 %, which is\nmore than before\nand enough\n\nend 7\n";
    let stale = "...\n  p99  2 ms\n...\ngood: 5 %,\nwhich is less\n...\ngone 1";
    let fresh = "...\n  p99  4 ms\n...\ngood: 99 %, which is\nmore than before\nand enough\n...\ngone 1";
    assert_eq!(prompts::redrawn(&shown(stale), printed), shown(fresh));
}

#[test]
fn commands_are_read_with_their_quotes_and_their_exit_codes() {
    let page =
        "```console\n$ tailback run a \\\n    --set 'b=\"c d\"'\nsaid\n$ echo $?\n1\n```\nIt is `tailback new x`.\n";
    let found = prompts::commands(page);
    assert_eq!(found.len(), 2);
    assert_eq!(prompts::words(&found[0].command), ["tailback", "run", "a", "--set", "b=\"c d\""]);
    assert_eq!((found[0].code, &found[0].output[..]), (1, &["said".to_owned()][..]));
    assert_eq!(found[0].lines, 3..4);
    assert_eq!((found[1].at_prompt, found[1].command.as_str()), (false, "tailback new x"));
}
