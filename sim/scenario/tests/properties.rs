//! No input panics: a good file under arbitrary changes, arbitrary text, arbitrary overrides.

use proptest::prelude::*;
use scenario::{Diagnostic, Override};

const GOOD: &str = include_str!("mistakes/base.toml");

/// Reads and compiles, and holds every diagnostic against the text it is about.
fn survive(text: &str, overrides: &[Override]) {
    let check = |list: &[Diagnostic]| {
        for diagnostic in list {
            let source = diagnostic.source.as_deref().unwrap_or(text);
            assert!(source.get(diagnostic.span.clone()).is_some(), "{diagnostic:?}");
            assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
            assert!(diagnostic.plain(text).lines().count() >= 4);
        }
        let places: Vec<(bool, usize)> = list.iter().map(|d| (d.source.is_some(), d.span.start)).collect();
        assert!(places.iter().filter(|place| !place.0).is_sorted(), "sorted by position");
    };
    match scenario::parse(text, "s.toml", overrides) {
        Err(list) => {
            assert!(!list.is_empty());
            check(&list);
        }
        Ok(scenario) => {
            check(scenario.warnings());
            match scenario::compile(&scenario, &mut |_| Ok("1ms\n2ms\n".into())) {
                Ok(compiled) => assert!(!compiled.models.is_empty()),
                Err(list) => check(&list),
            }
        }
    }
}

/// Pieces that hit the reader where it is interesting.
const PIECES: [&str; 44] = [
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "#",
    "\n",
    "\t",
    "-",
    "0",
    "-1",
    "1e309",
    "nan",
    "inf",
    "99999999999999999999999999",
    "true",
    "1979-05-27",
    "\"8ms\"",
    "\"-8ms\"",
    "\"8\"",
    "\"exp(5ms)\"",
    "\"exp((\"",
    "\"lognormal(,)\"",
    "\"empirical(x)\"",
    "\"1e9/s\"",
    "\"300/s\"",
    "\"\"",
    "\"\\u00e9\"",
    "é",
    "日本",
    "\u{feff}",
    "\0",
    "steps = [",
    "{ repeat = 4000000000, steps = [",
    "[world.x]\n",
    "world",
    "threads = 10000000\n",
    "\"\"\"",
    "processes = 100000\n",
    "\r\n",
];

#[derive(Clone, Debug)]
enum Change {
    Insert(usize, usize),
    Delete(usize, usize),
    Copy(usize, usize, usize),
    Byte(usize, char),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..GOOD.len();
    prop_oneof![
        (at.clone(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (at.clone(), 1..40_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (at.clone(), 1..80_usize, at.clone()).prop_map(|(from, length, to)| Change::Copy(from, length, to)),
        (at, any::<char>()).prop_map(|(at, to)| Change::Byte(at, to)),
    ]
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn changed(changes: &[Change]) -> String {
    let mut text = GOOD.to_owned();
    for change in changes {
        match change {
            Change::Insert(at, piece) => text.insert_str(boundary(&text, *at), PIECES[*piece]),
            Change::Delete(at, length) => {
                let (start, end) = (boundary(&text, *at), boundary(&text, at + length));
                text.replace_range(start..end.max(start), "");
            }
            Change::Copy(from, length, to) => {
                let (start, end) = (boundary(&text, *from), boundary(&text, from + length));
                let piece = text[start..end.max(start)].to_owned();
                text.insert_str(boundary(&text, *to), &piece);
            }
            Change::Byte(at, to) => text.insert(boundary(&text, *at), *to),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_good_file_under_any_changes_never_panics(changes in prop::collection::vec(change(), 1..6)) {
        survive(&changed(&changes), &[]);
    }

    #[test]
    fn any_pieces_in_any_order_never_panic(pieces in prop::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        survive(&text, &[]);
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,200}") {
        survive(&text, &[]);
    }

    #[test]
    fn any_override_never_panics(
        key in prop_oneof![
            Just("world.threads.threads".to_owned()),
            Just("client.users.rate".to_owned()),
            Just("request.page.steps.0".to_owned()),
            "[a-z.\"0-9 =\\[\\]]{0,30}",
        ],
        value in prop_oneof!["\\PC{0,30}", (0..PIECES.len()).prop_map(|piece| PIECES[piece].to_owned())],
    ) {
        survive(GOOD, &[Override { key, value }]);
    }
}

#[test]
fn hostile_files_are_refused_quickly() {
    let head = "version = 1\ntitle = \"T\"\n";
    let hostile = [
        format!("{head}x = {}", "[".repeat(300_000)),
        format!("{head}{}= 1", "a.".repeat(200_000)),
        format!("{head}{}", "[[a]]\n".repeat(100_000)),
        format!("{head}x = \"{}\"", "é".repeat(400_000)),
        format!("{head}{}", (0..60_000).map(|n| format!("k{n} = 1\n")).collect::<String>()),
        format!("{head}[request.r]\nsteps = [{}]", "{ burn = \"1ms\" },".repeat(50_000)),
        format!("{head}[request.r]\nsteps = [{}]", "{ acquire = \"db\" }, { chance = 0.5, steps = [] },".repeat(4_900))
            + "\n[lock.db]\n",
        "a".repeat((1 << 20) + 1),
    ];
    for text in hostile {
        survive(&text, &[]);
        let list = scenario::parse(&text, "s.toml", &[]).expect_err("hostile");
        assert!(list.len() <= 100, "{} diagnostics", list.len());
    }
}
