//! Tests of what programs become, of what is refused, and of traces.

use engine::model::{SyncKind, WorkerKind};
use engine::op::{Draw, DrawKind, Limit, Op, Patching, Pc, Program};
use engine::time::{Span, Time};
use engine::transcript::{Line, Outcome, Said, Transcript};

use super::{Oracle, OracleError, TraceLine, difference, entries, parse, print, read_trace};

/// A program with these objects and these steps of main; there is a body `w` to spawn.
fn text(objects: &str, main: &str) -> String {
    format!(r#"{{"version": 1, "name": "test", "objects": {{{objects}}}, "bodies": {{"main": [{main}], "w": []}}}}"#)
}

fn oracle(objects: &str, main: &str) -> Oracle {
    parse(&text(objects, main)).unwrap()
}

fn main_of(oracle: &Oracle) -> &Program {
    &oracle.model.programs[usize::from(oracle.main)]
}

/// What is said of a program that is refused.
fn refusal(objects: &str, main: &str) -> String {
    parse(&text(objects, main)).unwrap_err().to_string()
}

#[test]
fn the_world_of_a_program_is_one_hub_where_only_the_clock_costs() {
    let oracle = oracle("", "");
    let model = &oracle.model;
    let [worker] = model.workers.as_slice() else { panic!("one worker") };
    assert!(matches!(worker.kind, WorkerKind::Hub { .. }) && !worker.gil);
    assert_eq!(worker.costs, engine::model::Costs { clock: Span::from_ns(1), ..Default::default() });
    assert_eq!((model.hosts.len(), model.processes.len(), model.clients.len()), (1, 1, 0));
    assert_eq!((oracle.names[usize::from(oracle.main_name)].as_str(), main_of(&oracle).fails), ("main", false));
}

#[test]
fn objects_become_syncs_in_the_order_of_the_file() {
    let oracle = oracle(
        r#""z": {"type": "queue", "order": "lifo", "maxsize": 2, "impl": "stdlib"}, "s": {"type": "semaphore"},
           "c": {"type": "condition", "lock": "lock"}, "a": {"type": "threads"}, "g": {"type": "pool"}"#,
        "",
    );
    let syncs: Vec<(&str, SyncKind)> = oracle.model.syncs.iter().map(|sync| (sync.name.as_str(), sync.kind)).collect();
    let policy = engine::model::Policy::Barging;
    assert_eq!(
        syncs,
        [
            ("z", SyncKind::Queue { lifo: true, max: Some(2), standard: true, filled: false }),
            ("s", SyncKind::Semaphore { units: 1, policy, bounded: false }),
            ("c", SyncKind::Condition { reentrant: false }),
            ("a", SyncKind::Threads { size: 10 }),
            ("g", SyncKind::Pool { size: None }),
        ]
    );
}

#[test]
fn a_tag_is_said_after_its_step_with_the_outcome_if_the_step_has_one() {
    let oracle = oracle(
        r#""s": {"type": "semaphore"}, "r": {"type": "remote"}, "p": {"type": "pair"}"#,
        r#"{"op": "acquire", "on": "s", "tag": "a"}, {"op": "release", "on": "s", "tag": "b"}, {"op": "mark", "tag": "a"},
           {"op": "request", "on": "r", "ms": 2.5}, {"op": "recv", "on": "r", "tag": "b"},
           {"op": "recv", "on": "p.b", "bytes": 7, "tag": "b"}, {"op": "sleep", "ms": 0}"#,
    );
    let mark = |tag, outcome| Op::Mark { tag, outcome };
    assert_eq!(
        main_of(&oracle).code.to_vec(),
        [
            Op::Acquire { sync: 0, limit: Limit::NONE, block: true, patching: Patching::Patched },
            mark(0, true),
            Op::Release { sync: 0 },
            mark(1, false),
            mark(0, false),
            Op::Ask { sync: 1, takes: Draw(0) },
            Op::Answer { sync: 1 },
            mark(1, false),
            Op::Receive { sync: 2, end: 1, bytes: 7 },
            mark(1, true),
            Op::Yield,
            Op::End,
        ]
    );
    assert_eq!(main_of(&oracle).draws.to_vec(), [DrawKind::Constant(Span::from_us(2_500))]);
    assert_eq!(oracle.tags, ["a", "b"]);
}

#[test]
fn no_limit_is_none_and_a_limit_of_zero_is_one() {
    let oracle = oracle(
        r#""q": {"type": "queue"}, "c": {"type": "condition"}, "e": {"type": "event"}"#,
        r#"{"op": "get", "on": "q", "timeout_ms": 0, "block": false}, {"op": "wait", "on": "c", "timeout_ms": 4},
           {"op": "wait", "on": "e"}, {"op": "notify", "on": "c", "n": "all"}, {"op": "notify", "on": "c"},
           {"op": "put", "on": "q", "item": "x", "timeout_ms": 0}, {"op": "join", "on": "q"}"#,
    );
    assert_eq!(
        main_of(&oracle).code[..7],
        [
            Op::Get { sync: 0, limit: Limit(0), block: false },
            Op::WaitCondition { sync: 1, limit: Limit(1) },
            Op::Await { sync: 2, limit: Limit::NONE },
            Op::Notify { sync: 1, count: u16::MAX },
            Op::Notify { sync: 1, count: 1 },
            Op::Put { sync: 0, item: 0, limit: Limit(0), block: true },
            Op::JoinAll { sync: 0, limit: Limit::NONE },
        ]
    );
    assert_eq!(main_of(&oracle).spans.to_vec(), [Span::ZERO, Span::from_ms(4)]);
}

#[test]
fn greenlets_are_spawned_by_name_and_aimed_at_by_name() {
    let oracle = oracle(
        r#""g": {"type": "pool", "size": 1}"#,
        r#"{"op": "spawn", "body": "w"}, {"op": "spawn", "body": "w", "as": "x", "after_ms": 0},
           {"op": "spawn", "body": "w", "as": "x", "pool": "g"}, {"op": "link", "target": ["x"], "note": "gone"},
           {"op": "join", "target": ["x"]}, {"op": "join", "target": ["x"], "count": 3}, {"op": "join", "target": ["x", "w"]},
           {"op": "join", "target": ["x", "w"], "count": 1}, {"op": "kill", "target": ["w"], "block": false}"#,
    );
    let main = main_of(&oracle);
    let spawns: Vec<_> = main.spawns.iter().map(|spawn| (spawn.program, spawn.name, spawn.after, spawn.pool)).collect();
    assert_eq!(oracle.names, ["main", "w", "x"]);
    assert_eq!(spawns, [(1, 1, None, None), (1, 2, Some(Span::ZERO), None), (1, 2, None, Some(0))]);
    let counts: Vec<(u16, u16)> = main.code.iter().filter_map(count_of).collect();
    assert_eq!(counts, [(0, 0), (0, 1), (1, 2), (1, 1)], "one joined by itself is 0; a count is at most the targets");
    assert_eq!(main.targets.iter().map(|names| names.to_vec()).collect::<Vec<_>>(), [vec![2], vec![2, 1], vec![1]]);
}

fn count_of(op: &Op) -> Option<(u16, u16)> {
    match op {
        Op::Join { targets, count, .. } => Some((*targets, *count)),
        _ => None,
    }
}

#[test]
fn a_timeout_block_ends_where_its_tag_is_said() {
    let steps = r#"{"op": "timeout", "ms": 5, "tag": "t", "steps": [{"op": "sleep", "ms": 9}]}"#;
    let expected = [
        Op::Guard { limit: Limit(0), end: Pc(3) },
        Op::Sleep(Patching::Patched, Draw(0)),
        Op::Unguard,
        Op::Mark { tag: 0, outcome: true },
        Op::End,
    ];
    assert_eq!(main_of(&oracle("", steps)).code.to_vec(), expected);
}

#[test]
fn loops_use_registers_and_those_nested_too_deep_are_written_out() {
    let nest = |times: &[u32]| {
        let inner = r#"{"op": "idle"}"#.to_owned();
        times.iter().rfold(inner, |steps, times| format!(r#"{{"op": "repeat", "times": {times}, "steps": [{steps}]}}"#))
    };
    let idles = |oracle: &Oracle| main_of(oracle).code.iter().filter(|op| **op == Op::Idle).count();
    let two = oracle("", &nest(&[2, 3]));
    let set = |register, times| Op::Set { register, times };
    assert_eq!(main_of(&two).code[..3], [set(0, 2), set(1, 3), Op::Idle]);
    assert_eq!(
        main_of(&two).code[3..],
        [Op::Loop { register: 1, back: Pc(2) }, Op::Loop { register: 0, back: Pc(1) }, Op::End]
    );
    assert_eq!((idles(&oracle("", &nest(&[9, 9]))), idles(&oracle("", &nest(&[9, 9, 5])))), (1, 5));
    let too_long = parse(&text("", &nest(&[1, 1, 1, 1_000, 1_000]))).unwrap_err().to_string();
    assert!(too_long.contains("the body is too long"), "{too_long}");
    let nothing = nest(&[1, 1, 1, u32::MAX, u32::MAX]).replace(r#"{"op": "idle"}"#, "");
    assert_eq!(main_of(&oracle("", &nothing)).code.to_vec(), [Op::End], "loops around nothing are nothing");
}

#[test]
fn a_program_that_cannot_be_is_refused_with_its_place() {
    let queue = r#""q": {"type": "queue"}, "p": {"type": "pair"}"#;
    for (step, said) in [
        (r#"{"op": "get", "on": "qq"}"#, "bodies.main[0]: unknown object `qq`; did you mean `q`?"),
        (r#"{"op": "acquire", "on": "q"}"#, "bodies.main[0]: cannot acquire: `q` is a queue"),
        (
            r#"{"op": "spawn", "body": "other"}"#,
            "bodies.main[0]: unknown body `other`; bodies of this program: `main`, `w`",
        ),
        (r#"{"op": "mark"}"#, "bodies.main[0]: a mark needs a tag"),
        (
            r#"{"op": "idle"}, {"op": "slep", "ms": 1}"#,
            "bodies.main[1]: unknown variant `slep`, expected one of `mark`",
        ),
        (r#"{"op": "sleep", "mss": 1}"#, "bodies.main[0]: unknown field `mss`, expected `ms`"),
        (r#"{"op": "sleep"}"#, "bodies.main[0]: missing field `ms`"),
        (r#"{"op": "sleep", "ms": -1}"#, "bodies.main[0]: -1 ms: a duration is between 0 and 1000000000 ms"),
        (r#"{"op": "idle", "tag": 7}"#, "bodies.main[0]: a tag is a text"),
        (r#"{"op": "recv", "on": "p", "bytes": 1}"#, "bodies.main[0]: `p` is a pair: say `p.a` or `p.b`"),
        (r#"{"op": "recv", "on": "p.a"}"#, "bodies.main[0]: missing field `bytes`"),
        (r#"{"op": "send", "on": "p.c", "bytes": 1}"#, "bodies.main[0]: `p.c` is no end of a pair"),
        (r#"{"op": "join"}"#, "bodies.main[0]: `join` needs `target` or `on`, not both"),
        (r#"{"op": "kill", "target": []}"#, "bodies.main[0]: there must be a target"),
        (r#"{"op": "kill", "target": ["w"]}"#, "bodies.main[0]: no greenlet is ever spawned as `w`"),
        (r#"{"op": "spawn", "body": "w", "as": "w#2"}"#, "bodies.main[0]: `w#2` is no name"),
        (
            r#"{"op": "timeout", "ms": 1, "steps": [{"op": "repeat", "times": 0, "steps": []}]}"#,
            "bodies.main[0].steps[0]: `times` must be at least 1",
        ),
    ] {
        let refusal = refusal(queue, step);
        assert!(refusal.starts_with(said), "{step}\n  said: {refusal}");
    }
    assert_eq!(refusal(r#""q": {"type": "queue", "maxsize": 0}"#, ""), "objects.q: `maxsize` must be at least 1");
    assert!(refusal(r#""q": {"type": "heap"}"#, "").starts_with("objects.q: unknown variant `heap`"));
    assert!(refusal(r#""q": {"type": "event"}, "q": {"type": "event"}"#, "").contains("`q` is there twice"));
}

#[test]
fn a_text_that_is_no_program_is_refused_with_line_and_column() {
    let said = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(said("{\n]"), "line 2, column 1: key must be a string");
    assert_eq!(said(r#"{"version": 2, "name": "x", "bodies": {"main": []}}"#), "version: must be 1, not 2");
    assert!(said(r#"{"version": 1, "name": "x", "bodies": {}}"#).starts_with("bodies: unknown body `main`"));
    assert!(said(r#"{"version": 1, "nane": "x"}"#).starts_with("line 1, column 21: unknown field `nane`"));
    assert!(matches!(parse(""), Err(OracleError::Shape { line: 1, .. })));
}

/// A transcript of greenlets called main, w, w and x, with one greenlet's words.
fn told(said: impl IntoIterator<Item = (u64, u32, Said)>) -> (Oracle, Transcript) {
    let steps = r#"{"op": "spawn", "body": "w"}, {"op": "spawn", "body": "w", "as": "x"}, {"op": "mark", "tag": "t"},
                   {"op": "link", "target": ["w"], "note": "dead"}, {"op": "put", "on": "q", "item": "apple"}"#;
    let lines = said.into_iter().map(|(ns, who, said)| Line { at: Time::from_ns(ns), who, said }).collect();
    (oracle(r#""q": {"type": "channel"}"#, steps), Transcript { born: vec![0, 1, 1, 2], lines, switches: 0 })
}

#[test]
fn a_transcript_is_printed_as_the_reference_interpreter_prints_it() {
    let tag = |outcome| Said::Tag { tag: 0, outcome };
    let (oracle, transcript) = told([
        (0, 0, tag(None)),
        (500_000, 1, tag(Some(Outcome::Bool(true)))),
        (1_500_000, 2, tag(Some(Outcome::Count(12)))),
        (1_500_001, 3, tag(Some(Outcome::Item(0)))),
        (2_500_000, 3, tag(Some(Outcome::Item(0x8000 | 2)))),
        (2_500_001, 0, tag(Some(Outcome::Names(vec![2, 0])))),
        (3_000_000, 0, tag(Some(Outcome::Names(vec![])))),
        (3_000_000, 1, tag(Some(Outcome::Timeout))),
        (3_000_000, 1, Said::Note(1)),
        (3_000_000, 1, Said::Killed),
        (3_000_000, 2, Said::Error("ValueError")),
        (3_000_000, 3, Said::Blocked),
    ]);
    let expected = r#"[
  [0, "main", "t"],
  [0, "w", "t=true"],
  [2, "w#2", "t=12"],
  [2, "x", "t=apple"],
  [2, "x", "t=w#2"],
  [3, "main", "t=w#2,main"],
  [3, "main", "t="],
  [3, "w", "t=timeout"],
  [3, "w", "dead"],
  [3, "w", "!killed"],
  [3, "w#2", "!ValueError"],
  [3, "x", "!blocked"]
]"#;
    assert_eq!(print(&oracle, &transcript), expected);
    assert_eq!(read_trace(expected).unwrap(), entries(&oracle, &transcript));
    let (oracle, silence) = told([]);
    assert_eq!(print(&oracle, &silence), "[\n\n]");
}

#[test]
fn only_what_is_made_can_be_switched_to_and_nothing_else_be_done_to_it() {
    let made = oracle("", r#"{"op": "make", "body": "w"}, {"op": "switch", "target": ["w"]}"#);
    let main = main_of(&made);
    assert!(main.spawns[0].bare && main.code.contains(&Op::SwitchTo { targets: 0 }));
    let said = refusal("", r#"{"op": "spawn", "body": "w"}, {"op": "switch", "target": ["w"]}"#);
    assert!(said.contains("no bare greenlet is ever made as `w`"), "{said}");
    let said = refusal("", r#"{"op": "make", "body": "w"}, {"op": "join", "target": ["w"]}"#);
    assert!(said.contains("no greenlet is ever spawned as `w`"), "{said}");
    let said = refusal("", r#"{"op": "make", "body": "w"}, {"op": "spawn", "body": "w"}"#);
    assert!(said.contains("`w` is both spawned and made"), "{said}");
    let said = refusal("", r#"{"op": "make", "body": "w"}, {"op": "switch", "target": ["w", "w"]}"#);
    assert!(said.contains("a switch goes to one"), "{said}");
}

#[test]
fn texts_are_quoted_as_python_quotes_them() {
    let entry = TraceLine { ms: 1, who: "a\"\\\n\u{1}\u{7f}".into(), tag: "é𝄞".into() };
    assert_eq!(entry.to_string(), r#"[1, "a\"\\\n\u0001\u007f", "\u00e9\ud834\udd1e"]"#);
}

fn trace(ms: &[u64]) -> Vec<TraceLine> {
    ms.iter().enumerate().map(|(at, ms)| TraceLine { ms: *ms, who: "main".into(), tag: format!("t{at}") }).collect()
}

#[test]
fn times_may_be_eight_milliseconds_and_a_tenth_off() {
    assert_eq!(difference(&trace(&[8, 118, 102]), &trace(&[0, 100, 122]), true), None);
    assert!(difference(&trace(&[9]), &trace(&[0]), true).is_some());
    assert!(difference(&trace(&[119]), &trace(&[100]), true).is_some());
    assert!(difference(&trace(&[101]), &trace(&[122]), true).is_some());
    assert_eq!(difference(&trace(&[900]), &trace(&[0]), false), None);
}

#[test]
fn a_difference_is_shown_with_what_was_before_it() {
    let want = trace(&[0; 6]);
    let mut got = want.clone();
    got[4].tag = "other".into();
    let expected = r#"    [0, "main", "t1"]
    [0, "main", "t2"]
    [0, "main", "t3"]
  - [0, "main", "t4"]   expected, entry 4
  - [0, "main", "t5"]   expected, entry 4
  + [0, "main", "other"]   got
  + [0, "main", "t5"]   got"#;
    assert_eq!(difference(&got, &want, true).as_deref(), Some(expected));
    let cut = "    [0, \"main\", \"t0\"]\n  - [0, \"main\", \"t1\"]   expected, entry 1\n  + the end";
    assert_eq!(difference(&want[..1], &want[..2], true).as_deref(), Some(cut));
    assert!(difference(&want[..2], &want[..1], true).unwrap().contains("  - the end\n  + [0"));
    assert_eq!(difference(&[], &[], true), None);
}
