//! What is made of documents as they should be, and of those that somebody or something has been at.

use lab::versus::{Method, compare_sides};
use lab::{Comparison, WorldResult, fixtures};

use super::*;
use crate::json::{About, Beside, results_json_with};

fn world(name: &str, replications: u32) -> WorldResult {
    let records = (0..replications).map(|number| fixtures::record(name, number)).collect();
    WorldResult { name: name.to_owned(), records }
}

fn source() -> ResultSource {
    ResultSource {
        file: "first.toml".to_owned(),
        set: vec!["run.length=5m".to_owned()],
        seed: 7,
        replications: 2,
        precision: Some(AskedPrecision {
            share: 0.02,
            figures: vec!["throughput_rps".to_owned()],
            max_replications: 9,
        }),
        scenario: "version = 1\ntitle = \"A \u{1b}[31mred one\"\n".to_owned(),
        files: vec![FileBeside { name: "replay.csv".to_owned(), text: "1ms\n".to_owned() }],
    }
}

fn document() -> String {
    let results = [world("threads", 2), world("gevent", 2)];
    let about = About { version: "0.1.0", title: "A slow third party", seed: 7, replications: 2 };
    let source = source();
    let told = Beside { source: Some(&source), ..Beside::default() };
    results_json_with(&about, &results, &Comparison::of(&results), &told)
}

fn why(text: &str) -> String {
    read(text).expect_err("it cannot be read").to_string()
}

#[test]
fn what_is_written_is_read_again() {
    let read = read(&document()).unwrap();
    assert_eq!(read.source, source());
    assert_eq!((read.version.as_str(), read.title.as_str(), read.replications), ("0.1.0", "A slow third party", 2));
    let names: Vec<&str> = read.worlds.iter().map(|world| world.name.as_str()).collect();
    assert_eq!(names, ["threads", "gevent"]);
    let side = ComparedWorld::of(&world("threads", 2));
    assert_eq!(read.worlds[0].births, side.births);
    let specs = |figures: &[Figure]| figures.iter().map(|figure| figure.spec.name).collect::<Vec<_>>();
    assert_eq!(specs(&read.worlds[0].figures), specs(&side.figures));
    for (read, run) in read.worlds[0].figures.iter().zip(&side.figures) {
        for (read, run) in read.values.iter().zip(&run.values) {
            let close = read.zip(*run).is_none_or(|(read, run)| (read - run).abs() <= 1e-11 * run.abs());
            assert!(close && read.is_some() == run.is_some(), "{read:?} is not {run:?}");
        }
    }
}

#[test]
fn every_figure_of_a_document_has_the_values_of_its_replications() {
    let document: serde_json::Value = serde_json::from_str(&document()).unwrap();
    let mut figures = 0;
    for world in document["worlds"].as_array().unwrap() {
        let classes = world["classes"].as_array().unwrap().iter();
        let parts = classes.flat_map(|class| [&class["figures"], &class["blame"]]);
        for map in parts.chain([&world["figures"], &world["blame"]]) {
            for (name, figure) in map.as_object().unwrap() {
                let values = figure["values"].as_array().unwrap_or_else(|| panic!("{name} has no values"));
                let known = values.iter().filter(|value| !value.is_null()).count();
                assert_eq!((values.len(), known as u64), (2, figure["n"].as_u64().unwrap()), "{name}");
                figures += 1;
            }
        }
    }
    assert!(figures > 100, "only {figures} figures");
}

#[test]
fn what_is_no_document_is_told_apart() {
    assert_eq!(why(" \n"), ResultError::Empty.to_string());
    assert_eq!(why("{\"a\":\n  x}"), "line 2, column 3: this is not JSON: expected value");
    assert!(why("[1, 2]").starts_with("this is JSON, but it is not tailback's"));
    assert!(why("[\"0.1.0\", 1, [], []]").starts_with("this is JSON, but it is not tailback's"));
    assert!(why("{\"tailback\": \"0.1.0\", \"pairs\": []}").contains("another command of tailback"));
    assert!(
        why("{\"tailback\": \"0.0.9\", \"worlds\": [], \"differences\": []}").contains("tailback 0.0.9 wrote this")
    );
    let newer = document().replacen("\"format\": 1", "\"format\": 2", 1).replacen("0.1.0", "0.2.0", 1);
    assert_eq!(why(&newer), "its format is 2, and this tailback reads 1; read it with tailback 0.2.0 or a newer one");
}

#[test]
fn parts_that_do_not_fit_each_other_are_named() {
    let document = document();
    let without = document.replacen("\"values\":[1000,1000]", "\"value\":[1000,1000]", 1);
    assert_ne!(without, document);
    assert!(why(&without).contains("world `threads` has no `values` of requests_sent"), "{}", why(&without));
    let fewer = document.replacen("\"values\":[1000,1000]", "\"values\":[1000]", 1);
    assert!(why(&fewer).contains("world `threads` has 1 values of requests_sent for 2 replications"));
    let huge = document.replacen("\"values\":[1000,1000]", "\"values\":[1000,1e300]", 1);
    assert!(why(&huge).contains("for requests_sent, which no run has"), "{}", why(&huge));
    let beyond = document.replacen("\"values\":[1000,1000]", "\"values\":[1000,1e999]", 1);
    assert!(why(&beyond).contains("not JSON: number out of range"), "{}", why(&beyond));
    let other = document.replacen("0123456789abcdef", "0123456789abcdeg", 1);
    assert!(why(&other).contains("has no fingerprint in `0123456789abcdeg`"));
    let missing = document.replacen("\"events\"", "\"event\"", 1);
    assert!(why(&missing).contains("missing field `events`"), "{}", why(&missing));
    let many = document.replacen("\"replications\": 2", "\"replications\": 10001", 1);
    assert!(why(&many).contains("10001 replications"));
}

#[test]
fn a_document_may_be_as_long_as_the_limit_and_no_longer() {
    let document = document();
    let fill = |bytes: usize| document.clone() + &" ".repeat(bytes - document.len());
    assert!(read(&fill(DOCUMENT_BYTES)).is_ok());
    assert_eq!(read(&fill(DOCUMENT_BYTES + 1)), Err(ResultError::TooLarge));
}

#[test]
fn a_document_that_was_cut_off_is_called_so_wherever_it_ends() {
    let document = document();
    let end = document.trim_end().len();
    for cut in (1..end).step_by(97).filter(|&cut| document.is_char_boundary(cut)) {
        let error = read(&document[..cut]).expect_err("something is missing");
        assert!(matches!(error, ResultError::CutOff { .. }), "{cut}: {error}");
    }
}

/// Whatever is made of a document, reading it and comparing it ends with an answer or a sentence.
#[test]
fn no_mutation_of_a_document_makes_anybody_panic() {
    let document = document().into_bytes();
    let original = read(std::str::from_utf8(&document).unwrap()).unwrap();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let snippets =
        ["-1e29", "1e-29", "null", "0", "[]", "{}", "\"\\u001b[2J\"", "9", ",", "-", "e", "18446744073709551615"];
    let mut survivors = 0;
    for _ in 0..3_000 {
        let mut mutant = document.clone();
        for _ in 0..=random(3) {
            let at = random(mutant.len());
            match random(3) {
                0 => drop(mutant.drain(at..(at + random(40)).min(mutant.len()))),
                1 => mutant[at] = b"0123456789-.,:[]{}\"entrufals \\"[random(29)],
                _ => drop(mutant.splice(at..at, snippets[random(snippets.len())].bytes())),
            }
        }
        let Ok(text) = std::str::from_utf8(&mutant) else { continue };
        let Ok(mutant) = read(text) else { continue };
        survivors += 1;
        // Its answer is another matter: most mutations change what a document says.
        drop(first_deviation(text, std::str::from_utf8(&document).unwrap()));
        let pairs = original.worlds.iter().zip(&mutant.worlds);
        for method in [Method::Paired, Method::Welch] {
            compare_sides(pairs.clone().map(|(a, b)| (a.side(), b.side(), method)).collect());
        }
    }
    assert!(survivors > 100, "only {survivors} mutants could be read at all");
}

#[test]
fn what_nobody_looks_into_may_not_be_nested_without_end() {
    let document = document();
    let nested = |depth: usize| {
        let value = "[".repeat(depth) + &"]".repeat(depth);
        document.replacen("\"format\": 1", &format!("\"format\": 1, \"x\": {value}"), 1)
    };
    assert!(read(&nested(100_000)).is_ok());
    let error = first_deviation(&nested(100_000), &document).unwrap_err();
    assert!(error.to_string().contains("recursion limit exceeded"), "{error}");
    let beyond = document.replacen("\"format\": 1", "\"format\": 1, \"x\": 1e999", 1);
    assert!(first_deviation(&beyond, &document).unwrap_err().to_string().contains("number out of range"));
}

#[test]
fn what_is_only_written_and_what_nobody_knows_may_say_anything() {
    let document = document();
    let expected = read(&document).unwrap();
    let others = ["\"classes\"", "\"blame\"", "\"differences\"", "\"mean\"", "\"unit\""];
    let mut changed = document.clone();
    for key in others {
        changed = changed.replace(&format!("{key}:"), &format!("\"x\":[{{}}],{key}:"));
    }
    let changed = changed.replace("\"unit\":\"", "\"unit\":7,\"y\":\"");
    let changed = changed.replace("\"figures\": {", "\"figures\": {\"of_tomorrow\": {}, ");
    assert_ne!(changed, document);
    assert_eq!(read(&changed).unwrap(), expected);
    let twice = document.replace("\"figures\": {", "\"figures\": {\"requests_sent\": {}, ");
    assert_eq!(read(&twice).unwrap(), expected, "the last one counts");
}
