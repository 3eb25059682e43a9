//! Two worlds against each other, letter for letter.
//!
//! `TAILBACK_BLESS=1 cargo test -p report` writes the files anew; a change of them wants a reason in its commit.

use std::path::PathBuf;

use lab::versus::{Versus, compare};
use lab::{WorldResult, fixtures};
use report::figures::draw_versus;
use report::json::{TwoSides, versus_json};
use report::text::Style;
use report::text::versus::versus_text;
use report::words::sides::Sides;

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden files can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file can be read");
    assert!(text == expected, "{name} differs; it is now:\n{text}");
}

/// A world whose latencies are about `ms`, `spread` more or less from replication to replication.
fn world(name: &str, ms: u64, spread: [u64; 4]) -> WorldResult {
    let records = (0..).zip(spread).map(|(number, more)| {
        let page: Vec<u64> = (0..1_000).map(|k| ms + k % 50 + more).collect();
        let mut record = fixtures::with_classes(name, number, vec![fixtures::class("page", &page, 10)]);
        record.cpu_ppm += 1_000 * more;
        record
    });
    WorldResult { name: name.to_owned(), records: records.collect() }
}

/// The same with so many requests that failed.
fn failing(mut world: WorldResult, failed: [u64; 4]) -> WorldResult {
    for (record, failed) in world.records.iter_mut().zip(failed) {
        record.endings[1] = failed;
        record.endings[0] = 1_000 - failed;
    }
    world
}

fn versus(a: &WorldResult, b: &WorldResult) -> Vec<Versus> {
    compare(&[(a, b)])
}

fn sides() -> Vec<Sides> {
    vec![Sides { a: "threads".to_owned(), b: "gevent".to_owned(), legend: None }]
}

fn shown(versus: &[Versus], width: usize) -> String {
    versus_text(versus, &sides(), Style { bold: false, width })
}

#[test]
fn a_better_world_is_told_with_its_intervals() {
    let versus = versus(&world("threads", 60, [3, 8, 1, 5]), &world("gevent", 40, [4, 10, 1, 7]));
    golden("versus.txt", &shown(&versus, 120));
    let narrow = shown(&versus, 60);
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    golden("versus-narrow.txt", &narrow);
    let about = TwoSides {
        version: "0.1.0",
        seed: 7,
        sides: ["one.toml".to_owned(), "two.toml".to_owned()],
        unpaired: &[("a".to_owned(), "spare".to_owned())],
    };
    golden("versus.json", &versus_json(&about, &versus));
}

#[test]
fn worlds_that_differ_by_chance_are_not_told_apart() {
    let text = shown(&versus(&world("threads", 60, [3, 8, 1, 5]), &world("gevent", 60, [6, 2, 4, 3])), 10_000);
    assert!(text.contains("4 replications show no significant difference between threads and gevent."), "{text}");
    assert!(!text.contains("better"), "{text}");
}

#[test]
fn equal_worlds_have_no_rows() {
    let text = shown(&versus(&world("threads", 60, [3, 8, 1, 5]), &world("gevent", 60, [3, 8, 1, 5])), 10_000);
    assert!(text.contains("No figure differs in any replication."), "{text}");
    assert!(text.contains("Equal in every replication: success, throughput, mean latency"), "{text}");
}

#[test]
fn latencies_of_fewer_good_responses_are_shown_and_not_judged() {
    let gevent = failing(world("gevent", 40, [4, 10, 1, 7]), [100, 120, 90, 80]);
    let text = shown(&versus(&world("threads", 60, [3, 8, 1, 5]), &gevent), 10_000);
    assert!(text.contains("Their latencies are not compared, because gevent answered fewer requests well"), "{text}");
    assert!(
        text.contains("gevent is significantly worse than threads in failed (5xx) (97.5 instead of 0), success"),
        "{text}"
    );
}

#[test]
fn the_plot_has_a_line_for_each_row_and_fits_its_sheet() {
    let versus =
        versus(&world("threads", 60, [3, 8, 1, 5]), &failing(world("gevent", 40, [4, 10, 1, 7]), [1, 2, 3, 4]));
    let drawing = draw_versus("A title", &versus[0], &sides()[0]).expect("it can be drawn");
    assert_eq!(drawing.name, "differences");
    for label in ["p50", "p99.9", "failed (5xx)", "from none", "gevent is better", "CPU busy"] {
        assert!(drawing.svg.contains(label), "{label} is missing");
    }
    assert!(drawing.png.starts_with(b"\x89PNG"));
    assert_eq!(draw_versus("A title", &versus[0], &sides()[0]).expect("again").svg, drawing.svg);
}
