//! The tree itself: sizes, openings, names that must not occur, and whether every mechanism is written about.
//!
//! Text is searched as text. That is crude, and enough for a tree that `cargo fmt` has been over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{calls, rooms};
use crate::common::shipped;

/// Lines of a source file.
const FILE_LINES_MAX: usize = 600;
/// Lines of a function, signature and closing brace included.
const FUNCTION_LINES_MAX: usize = 70;

/// Files of a folder that a person looks into.
const FOLDER_FILES_MAX: usize = 20;

/// Folders below `sim/` and `tests/` that have as many and more, each with the reason.
const FULL_FOLDERS: [(&str, &str); 5] = [
    ("tests/cmd", "command lines, by name, and what they print: data"),
    ("tests/corpus", "recorded traces, two files each: data"),
    ("tests/corpus/asyncio", "recorded traces, a file for each version that has another: data"),
    ("tests/measured", "measured servers, a file each: data"),
    ("sim/report/src/text", "a file for each text"),
];

/// A file of the tree: its path from the root, and what is in it.
struct File {
    path: String,
    text: String,
}

/// The files under version control that a person wrote: no build output, no pictures, no lock file.
fn tree() -> Vec<File> {
    let mut paths = Vec::new();
    for part in ["sim", "tests", "scenarios", "docs", "reports", ".ci"] {
        shipped::files_below(&shipped::root().join(part), &mut paths);
    }
    let entries = fs::read_dir(shipped::root()).expect("the root can be listed");
    let top = entries.map(|entry| entry.expect("the root can be listed").path()).filter(|path| path.is_file());
    paths.extend(top.filter(|path| !path.ends_with("Cargo.lock")));
    let read = |path: std::path::PathBuf| {
        let name = path.strip_prefix(shipped::root()).expect("it was found there").display().to_string();
        // Pictures are no text and are left out.
        fs::read_to_string(&path).ok().map(|text| File { path: name.replace('\\', "/"), text })
    };
    let mut files: Vec<File> = paths.into_iter().filter_map(read).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn sources() -> Vec<File> {
    tree().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// A file without its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\n").next().unwrap_or(text)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a line opens a function's body or signature.
fn begins_function(line: &str) -> bool {
    let words = ["pub", "pub(crate)", "pub(super)", "const", "async"];
    let mut rest = line.split_whitespace().skip_while(|word| words.contains(word));
    rest.next() == Some("fn")
}

/// (first line, lines) of the functions of a formatted file: a function ends where a brace stands below its beginning.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| begins_function(line)) {
        let is_end = |end: &&str| indent(end) == indent(line) && (*end).trim() == "}";
        let one_line = line.ends_with('}') || line.ends_with(';');
        let length = if one_line { 1 } else { 1 + lines[at..].iter().position(is_end).unwrap_or(0) };
        found.push((at + 1, length));
    }
    found
}

fn none(what: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{what}:\n{}", offenders.join("\n"));
}

#[test]
fn files_and_functions_fit_a_screen() {
    let mut offenders = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        if lines >= FILE_LINES_MAX {
            offenders.push(format!("{}: {lines} lines", file.path));
        }
        for (at, lines) in functions(&file.text) {
            if lines > FUNCTION_LINES_MAX {
                offenders.push(format!("{}:{at}: a function of {lines} lines", file.path));
            }
        }
    }
    none("too long", &offenders);
}

#[test]
fn folders_fit_a_screen() {
    let mut files = Vec::new();
    for part in ["sim", "tests"] {
        shipped::files_below(&shipped::root().join(part), &mut files);
    }
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let folder = file.parent().and_then(|folder| folder.strip_prefix(shipped::root()).ok());
        let folder = folder.expect("a file lies in a folder of the tree").display().to_string().replace('\\', "/");
        // What fuzzers and Python leave behind is not of the tree.
        if !["target", "__pycache__", "sim/fuzz/corpus", "sim/fuzz/artifacts"].iter().any(|left| folder.contains(left))
        {
            *folders.entry(folder).or_default() += 1;
        }
    }
    folders.retain(|_, files| *files >= FOLDER_FILES_MAX);
    let is_known = |folder: &str| FULL_FOLDERS.iter().any(|(known, _)| *known == folder);
    let full = folders.iter().filter(|(folder, _)| !is_known(folder));
    none("too many files", &full.map(|(folder, files)| format!("{folder}: {files} files")).collect::<Vec<_>>());
    let stale = FULL_FOLDERS.iter().filter(|(folder, _)| !folders.contains_key(*folder));
    none("not full, and need no exception", &stale.map(|(folder, _)| (*folder).to_owned()).collect::<Vec<_>>());
}

#[test]
fn sources_that_are_named_are_there() {
    let mut offenders = Vec::new();
    for file in tree() {
        for (at, line) in file.text.lines().enumerate() {
            let starts = ["tests/", "sim/"].into_iter().flat_map(|root| line.match_indices(root));
            // What follows a letter or a slash is the end of another path.
            let starts = starts.filter(|&(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '/'));
            let after = starts.map(|(at, _)| &line[at..]);
            let paths =
                after.map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && !"/_.-".contains(c)).next());
            for path in paths.flatten().filter(|path| path.ends_with(".rs")) {
                // A crate's own tests lie beside its sources.
                if !shipped::root().join(path).is_file() && !file.path.starts_with("sim/report/tests") {
                    offenders.push(format!("{}:{}: {path}", file.path, at + 1));
                }
            }
        }
    }
    none("no such source", &offenders);
}

#[test]
fn functions_are_measured_to_their_closing_brace() {
    let text = "fn one() {}\nimpl X {\n    pub(crate) fn two(\n    ) {\n        if a {\n        }\n    }\n}\n";
    assert_eq!(functions(text), [(1, 1), (3, 5)]);
}

#[test]
fn every_source_begins_with_what_it_is_about() {
    let silent = sources().into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path);
    none("no //! line at the top", &silent.collect::<Vec<_>>());
}

/// Every line of the tree in which one of the words stands.
fn lines_with(files: &[File], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (at, line) in file.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", file.path, at + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_to_do() {
    // Written in two parts, so that this file does not find itself.
    let words = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("TO", "DO"), concat!("FIX", "ME")];
    none("left to do", &lines_with(&tree(), &words));
}

#[test]
fn no_file_knows_where_it_was_written() {
    let places = [
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/t", "mp/"),
        concat!("/Us", "ers/"),
        concat!("sha", "red/"),
    ];
    none("paths of one machine", &lines_with(&tree(), &places));
}

#[test]
fn the_engine_knows_no_outside_and_no_platform() {
    let words = [
        "HashMap",
        "HashSet",
        "Instant",
        "SystemTime",
        "std::thread",
        "std::fs",
        "std::env",
        "std::net",
        "std::process",
        "println!",
        ".ln()",
        ".exp()",
        ".powf(",
        ".sin()",
        ".cos()",
    ];
    let mut offenders = Vec::new();
    for file in sources().iter().filter(|file| file.path.starts_with("sim/engine/src/")) {
        for (at, line) in without_tests(&file.text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            let whole = |word: &&&str| {
                let parts: Vec<&str> = code.split(**word).collect();
                // `Instantiate` is not `Instant`.
                parts.len() > 1 && parts[1..].iter().any(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
            };
            if let Some(word) = words.iter().find(whole) {
                offenders.push(format!("{}:{}: {word}", file.path, at + 1));
            }
        }
    }
    none("not in the engine", &offenders);
}

#[test]
fn only_the_command_line_touches_the_machine() {
    let words = ["std::fs", "std::env", "std::io", "std::net", "std::process", "println!"];
    let mut offenders = Vec::new();
    for file in sources() {
        let is_library = file.path.starts_with("sim/") && file.path.contains("/src/");
        let code = without_tests(&file.text);
        let is_test = file.path.ends_with("/tests.rs");
        if is_library && !is_test && words.iter().any(|word| code.contains(word)) {
            offenders.push(file.path);
        }
    }
    none("I/O below the command line", &offenders);
}

/// Fails if a room of the crate in `src` imports from one above it; `rooms` begins with the lowest.
fn rooms_import_one_way(src: &str, rooms: &[&str]) {
    let sources = sources();
    let below = |file: &'_ File| file.path.strip_prefix(src).and_then(|path| path.strip_prefix('/')).map(str::to_owned);
    let files: Vec<(String, &str)> =
        sources.iter().filter_map(|file| Some((below(file)?, file.text.as_str()))).collect();
    let files: Vec<rooms::Source<'_>> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    assert!(!files.is_empty(), "there is no crate in {src}");
    none("arrows upward", &rooms::upward(&files, rooms));
}

#[test]
fn the_rooms_of_the_scenario_crate_import_one_way() {
    rooms_import_one_way("sim/scenario/src", &rooms::SCENARIO);
}

/// The engine's sources below `src/`, without imports of the world's tables: the methods of all rooms are on these.
fn engine_sources() -> Vec<(String, String)> {
    let names_tables = |line: &str| {
        let names = line.strip_prefix("use crate::world::").map(|names| names.trim_matches(['{', '}', ';']));
        names.is_some_and(|names| names.split(", ").all(|name| ["Event", "World"].contains(&name)))
    };
    let without = |text: &str| -> String {
        text.lines().map(|line| if names_tables(line) { "\n".to_owned() } else { format!("{line}\n") }).collect()
    };
    let below = |file: File| Some((file.path.strip_prefix("sim/engine/src/")?.to_owned(), without(&file.text)));
    sources().into_iter().filter_map(below).collect()
}

#[test]
fn the_rooms_of_the_engine_import_one_way() {
    let files = engine_sources();
    let files: Vec<rooms::Source<'_>> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    none("arrows upward", &rooms::upward(&files, &rooms::ENGINE));
}

#[test]
fn no_room_of_the_engine_calls_one_above_but_by_what_it_asks_itself() {
    let files = engine_sources();
    let files: Vec<rooms::Source<'_>> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let found: Vec<String> = calls::calls(&files, &rooms::ENGINE).into_iter().collect();
    none("calls upward; let the room below return what it found, or say in its above.rs what it asks", &found);
}

#[test]
#[should_panic(expected = "report/src/lib.rs: in no room")]
fn a_file_in_no_room_is_told() {
    rooms_import_one_way("sim", &["engine", "scenario", "lab", "cli", "fuzz", "workloads"]);
}

#[test]
fn no_crate_may_use_unsafe_code() {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let root = read(&shipped::root().join("Cargo.toml"));
    assert!(root.contains("unsafe_code = \"forbid\""), "the workspace allows unsafe code");
    let members = root.lines().find_map(|line| line.strip_prefix("members = ")).expect("the members stand in one line");
    let members = members.split('"').skip(1).step_by(2).chain([""]);
    for member in members {
        let manifest = read(&shipped::root().join(member).join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member} has lints of its own");
    }
}

#[test]
fn every_scenario_says_what_it_asks_and_where_it_comes_from_and_is_in_the_list() {
    let list = fs::read_to_string(shipped::root().join("scenarios/README.md")).expect("the list can be read");
    for shipped in shipped::scenarios() {
        let mut lines = shipped.text.lines();
        let question = lines.next().is_some_and(|line| line.starts_with("# Question: "));
        let source = lines.next().is_some_and(|line| line.starts_with("# Source: "));
        assert!(question && source, "{} does not begin with its question and its source", shipped.name);
        let file = format!("{}.toml", shipped.name);
        assert!(list.contains(&file), "scenarios/README.md does not list {file}");
    }
}

#[test]
fn every_step_has_a_section_in_the_reference() {
    let reference = fs::read_to_string(shipped::root().join("docs/scenario-reference.md")).expect("it can be read");
    let schema = scenario::schema();
    let steps = schema["$defs"]["step"]["oneOf"].as_array().expect("the schema lists the steps");
    assert!(steps.len() >= 10, "steps are missing");
    for step in steps {
        let name = step["$ref"].as_str().and_then(|path| path.rsplit('/').next()).expect("a step is a reference");
        let required = schema["$defs"][name]["required"].as_array().expect("a step has a verb");
        let mut headings = required.iter().filter_map(Value::as_str).map(|verb| format!("\n### `{{ {verb} = "));
        assert!(headings.any(|heading| reference.contains(&heading)), "the reference says nothing of {name}");
    }
}

/// The documents, by their paths below `docs/`; the table of contents of the book is none.
fn documents() -> Vec<String> {
    let below = |file: File| file.path.strip_prefix("docs/").map(str::to_owned);
    let mut names: Vec<String> = tree().into_iter().filter_map(below).collect();
    names.retain(|name| name.ends_with(".md") && name != "SUMMARY.md");
    names
}

#[test]
fn every_document_is_in_an_index() {
    let index = fs::read_to_string(shipped::root().join("docs/README.md")).expect("the index can be read");
    for name in documents() {
        assert!(name == "README.md" || index.contains(&format!("({name})")), "docs/README.md does not list {name}");
    }
}

#[test]
fn every_document_is_a_page_of_the_book_once() {
    let contents = fs::read_to_string(shipped::root().join("docs/SUMMARY.md")).expect("the contents can be read");
    let mut pages: Vec<&str> = contents.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    pages.sort_unstable();
    let mut documents = documents();
    documents.sort_unstable();
    assert_eq!(pages, documents, "docs/SUMMARY.md on the left, docs/ on the right");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut offenders = Vec::new();
    for file in tree().iter().filter(|file| file.path.ends_with(".md")) {
        let folder = shipped::root().join(&file.path);
        let folder = folder.parent().expect("a file lies in a folder");
        for link in file.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or(link);
            let outside = link.starts_with("http") || target.is_empty();
            if !outside && !folder.join(target).exists() {
                offenders.push(format!("{}: {link}", file.path));
            }
        }
    }
    none("broken links", &offenders);
}

#[test]
fn the_rooms_of_lab_import_one_way() {
    let rooms = [
        "estimate",
        "welch",
        "busiest",
        "overload",
        "figure",
        "summary",
        "fixtures",
        "run",
        "series",
        "comparison",
        "versus",
        "precision",
        "warm_up",
        "slo",
        "scaled",
        "theory",
        "attainable",
        "capacity",
        "plan",
        "explain",
        "sweep",
    ];
    rooms_import_one_way("sim/lab/src", &rooms);
}

#[test]
fn the_rooms_of_report_import_one_way() {
    let rooms =
        ["sweep_fixture", "fixtures", "words", "figures", "text", "json", "data", "markdown", "page", "trace_json"];
    rooms_import_one_way("sim/report/src", &rooms);
}

#[test]
fn the_rooms_of_proof_import_one_way() {
    rooms_import_one_way("sim/proof/src", &["gevent", "asyncio", "measured", "gallery"]);
}

#[test]
fn the_rooms_of_import_import_one_way() {
    let rooms =
        ["error", "lines", "numbers", "logs", "traces", "settings", "loads", "reports", "nature", "intake", "draft"];
    rooms_import_one_way("sim/import/src", &rooms);
}

#[test]
fn the_commands_stand_on_what_they_share() {
    let rooms = [
        "problem",
        "terminal",
        "files",
        "arguments",
        "objectives",
        "laws",
        "warm_up_pilots",
        "session",
        "drawings",
        "page",
        "result_file",
        "run_output",
        "commands",
    ];
    rooms_import_one_way("sim/cli", &rooms);
}
