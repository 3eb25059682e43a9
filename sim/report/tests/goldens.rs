//! What people and programs get to see, letter for letter.
//!
//! `TAILBACK_BLESS=1 cargo test -p report` writes the files anew; a change of them wants a reason in its commit.

use std::path::PathBuf;

use lab::{Comparison, WorldResult, fixtures};
use report::json::{About, results_json};
use report::text::{Style, ab::ab_block, table::comparison_table};

const PLAIN: Style = Style { bold: false, width: 120 };

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden files can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file can be read");
    assert!(text == expected, "{name} differs; it is now:\n{text}");
}

/// A world whose servers are full: some requests fail, the rest wait for a slot.
fn full(name: &str, replications: u32) -> WorldResult {
    let records = (0..replications).map(|replication| fixtures::record(name, replication)).collect();
    WorldResult { name: name.to_owned(), records }
}

/// A world in which all goes well, with a hub that is `lag_us` late at most.
fn well(name: &str, replications: u32, lag_us: u64) -> WorldResult {
    let records = (0..replications).map(|replication| {
        let shift = u64::from(replication);
        let page: Vec<u64> = (0..800).map(|k| 35 + k % 7 + shift).collect();
        let export: Vec<u64> = (0..200).map(|k| 420 + k + 3 * shift).collect();
        let classes = vec![fixtures::class("page", &page, 30), fixtures::class("export", &export, 400)];
        let mut record = fixtures::with_classes(name, replication, classes);
        (1..=50).for_each(|part| record.hub_lag.add(engine::time::Span::from_us(lag_us * part / 50)));
        record.slots = 16_000;
        record.series.slots_ppm.iter_mut().for_each(|ppm| *ppm /= 25);
        record
    });
    WorldResult { name: name.to_owned(), records: records.collect() }
}

#[test]
fn table_of_one_world() {
    let comparison = Comparison::of(&[full("threads", 1)]);
    golden("one-world.txt", &comparison_table(&comparison, PLAIN));
}

#[test]
fn table_of_two_worlds_with_intervals() {
    let comparison = Comparison::of(&[full("threads", 5), well("gevent", 5, 4_000)]);
    golden("two-worlds.txt", &comparison_table(&comparison, PLAIN));
}

#[test]
fn table_of_four_worlds() {
    let worlds =
        [well("gevent", 3, 4_000), well("gevent, slow hub", 3, 90_000), full("threads", 3), full("gthread pool", 3)];
    golden("four-worlds.txt", &comparison_table(&Comparison::of(&worlds), PLAIN));
}

#[test]
fn a_narrow_terminal_gets_a_block_per_world() {
    let comparison = Comparison::of(&[full("threads", 5), well("gevent", 5, 4_000)]);
    let text = comparison_table(&comparison, Style { width: 48, ..PLAIN });
    assert!(text.lines().all(|line| line.chars().count() <= 48), "{text}");
    golden("two-worlds-narrow.txt", &text);
}

#[test]
fn only_a_terminal_gets_bold_and_nothing_else_differs() {
    let comparison = Comparison::of(&[full("threads", 5), well("gevent", 5, 4_000)]);
    let plain = comparison_table(&comparison, PLAIN);
    let bold = comparison_table(&comparison, Style { bold: true, ..PLAIN });
    assert!(!plain.contains('\x1b'));
    assert_eq!(bold.replace("\x1b[1m", "").replace("\x1b[0m", ""), plain);
    let line = |start: &str| bold.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
    assert!(line("success").contains("\x1b[1m100 %\x1b[0m"), "the better share is bold");
    assert!(!line("p99").contains('\x1b'), "with so many requests missing in one world, no latency is the best");
    assert!(!line("slots").contains('\x1b'), "a description has no best");
}

#[test]
fn equal_worlds_have_no_best_and_no_difference() {
    let comparison = Comparison::of(&[full("threads", 4), full("the same", 4)]);
    let text = comparison_table(&comparison, Style { bold: true, width: 200 });
    assert!(!text.contains('\x1b'), "{text}");
    assert!(text.contains("the same had as many good responses as threads."), "{text}");
    assert!(text.contains("the same had the same p99 latency as threads."), "{text}");
}

#[test]
fn a_difference_that_replications_do_not_tell_is_not_claimed() {
    let mut noisy = well("noisy", 3, 4_000);
    let mut calm = well("calm", 3, 4_000);
    for (index, ok) in [900, 1_000, 1_100].into_iter().enumerate() {
        noisy.records[index].endings = [ok, 0, 0, 0, 0, 0, 0, 0, 0];
        calm.records[index].endings = [1_000, 0, 0, 0, 0, 0, 0, 0, 0];
    }
    let text = comparison_table(&Comparison::of(&[calm, noisy]), Style { bold: false, width: 10_000 });
    assert!(text.contains("3 replications cannot tell noisy from calm in good responses."), "{text}");
}

#[test]
fn a_world_without_requests_says_so() {
    let nothing = WorldResult { name: "idle".to_owned(), records: vec![fixtures::empty("idle", 0)] };
    let text = comparison_table(&Comparison::of(&[nothing]), PLAIN);
    assert!(text.ends_with("idle: no request was sent.\n"), "{text}");
}

#[test]
fn document_of_results() {
    let results = [full("threads", 2), well("gevent", 2, 4_000)];
    let about = About { version: "0.1.0", title: "A slow third party", seed: 7, replications: 2 };
    let text = results_json(&about, &results, &Comparison::of(&results), None);
    golden("results.json", &text);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["worlds"][1]["figures"]["hub_lag_max_ns"]["mean"], 4_000_000);
    assert_eq!(document["worlds"][0]["figures"]["hub_lag_max_ns"]["mean"], serde_json::Value::Null);
    assert_eq!(document["worlds"][0]["fingerprints"][0], "0123456789abcdef");
}

#[test]
fn a_single_replication_has_no_intervals_in_the_document() {
    let results = [full("threads", 1), well("gevent", 1, 4_000)];
    let about = About { version: "0.1.0", title: "A slow third party", seed: 7, replications: 1 };
    let text = results_json(&about, &results, &Comparison::of(&results), None);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let difference = &document["differences"][0]["figures"]["success_share"];
    assert_eq!(difference["low"], serde_json::Value::Null);
    assert_eq!(difference["excludes_zero"], serde_json::Value::Null);
    assert!((difference["mean"].as_f64().unwrap() - 0.11).abs() < 1e-9);
}

#[test]
fn apache_bench_block() {
    let mut record = fixtures::with_classes("threads", 0, vec![fixtures::class("hello", &[1_005; 100], 1)]);
    record.finished = engine::time::Time::from_ns(10_097_510_000);
    golden("ab.txt", &ab_block(&record, 10));
}
