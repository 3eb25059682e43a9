//! Tests of what programs for asyncio become, and of what is refused.

use engine::asyncio::AioStep;
use engine::model::asyncio::{LoopCosts, LoopKind, Python};
use engine::model::{AioKind, SyncKind, WorkerKind};
use engine::op::{Op, Pc};
use engine::time::Span;

use super::{AsyncioProgram, is_meant, parse};
use crate::gevent::{entries, print};

/// A program with these objects and these steps of main; there is a body `w` to spawn.
fn text(objects: &str, main: &str) -> String {
    format!(r#"{{"version": 1, "name": "test", "objects": {{{objects}}}, "bodies": {{"main": [{main}], "w": []}}}}"#)
}

fn program(objects: &str, main: &str) -> AsyncioProgram {
    parse(&text(objects, main)).unwrap()
}

/// What is said of a program that is refused.
fn refusal(objects: &str, main: &str) -> String {
    parse(&text(objects, main)).unwrap_err().to_string()
}

/// What a program says, on this loop.
fn said(program: &AsyncioProgram, python: Python, kind: LoopKind) -> Vec<String> {
    let oracle = program.on(python, kind).expect("the loop can run it");
    let transcript = engine::transcript::run(&oracle.model, oracle.main, oracle.main_name).expect("it ends");
    entries(&oracle, &transcript).into_iter().map(|line| format!("{}:{}", line.who, line.tag)).collect()
}

#[test]
fn the_world_of_a_program_is_one_loop_where_only_the_clock_costs() {
    let program = program("", "");
    let [worker] = program.oracle.model.workers.as_slice() else { panic!("one worker") };
    let WorkerKind::Loop(spec) = worker.kind else { panic!("a loop") };
    assert_eq!((spec.python, spec.kind, spec.eager), (Python::V3_13, LoopKind::Asyncio, false));
    assert_eq!(spec.costs, LoopCosts { clock: Span::from_ns(1), ..LoopCosts::default() });
}

#[test]
fn objects_become_syncs_in_the_order_of_the_file() {
    let program = program(
        r#""z": {"type": "queue", "order": "priority", "maxsize": 2}, "l": {"type": "lock"}, "s": {"type": "stream"},
           "b": {"type": "barrier", "parties": 2}, "t": {"type": "threads"}"#,
        "",
    );
    let kinds: Vec<SyncKind> = program.oracle.model.syncs.iter().map(|sync| sync.kind).collect();
    assert_eq!(
        kinds,
        [
            SyncKind::Aio(AioKind::PriorityQueue { max: Some(2) }),
            SyncKind::Lock,
            SyncKind::Aio(AioKind::Stream),
            SyncKind::Aio(AioKind::Barrier { parties: 2 }),
            SyncKind::Threads { size: 6 },
        ]
    );
}

#[test]
fn the_first_step_of_a_block_knows_where_the_program_goes_on() {
    let program = program(
        "",
        r#"{"op": "try", "steps": [{"op": "raise", "error": "KeyError"}], "finally": [{"op": "burn", "ms": 1}], "tag": "t"}"#,
    );
    let main = &program.oracle.model.programs[usize::from(program.oracle.main)];
    let steps = [
        AioStep::Try { catch: true, last: Some(Pc(3)), end: Pc(5) },
        AioStep::Raise("KeyError"),
        AioStep::Leave,
        AioStep::Leave,
    ];
    assert_eq!(*main.asyncio, steps);
    assert!(matches!(main.code[5], Op::Mark { outcome: true, .. }), "{:?}", main.code);
}

#[test]
fn items_are_numbered_in_the_order_of_their_texts() {
    let put = |item: &str| format!(r#"{{"op": "put", "on": "q", "item": "{item}"}}"#);
    let steps = ["b", "c", "a"].map(put).join(", ");
    let program = program(r#""q": {"type": "queue"}"#, &steps);
    assert_eq!(program.oracle.items, ["a", "b", "c"]);
}

#[test]
fn a_version_that_is_too_old_cannot_run_a_program_and_uvloop_has_no_eager_tasks() {
    let since = |head: &str| format!(r#"{{"version": 1, "name": "t", {head}, "bodies": {{"main": []}}}}"#);
    let later = parse(&since(r#""since": "3.11""#)).unwrap();
    assert!(
        later.on(Python::V3_10, LoopKind::Asyncio).is_none() && later.on(Python::V3_11, LoopKind::Asyncio).is_some()
    );
    let eager = parse(&since(r#""since": "3.12", "eager": true"#)).unwrap();
    assert!(
        eager.on(Python::V3_13, LoopKind::Uvloop).is_none() && eager.on(Python::V3_13, LoopKind::Asyncio).is_some()
    );
    let wrong = parse(&since(r#""since": "2.7""#)).unwrap_err().to_string();
    assert_eq!(wrong, "since: `2.7` is none of 3.8, 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, 3.15");
}

#[test]
fn what_only_asyncio_has_tells_its_programs_from_gevents() {
    let meant = |objects: &str, main: &str| is_meant(&text(objects, main));
    assert!(!meant(r#""s": {"type": "semaphore"}"#, r#"{"op": "acquire", "on": "s"}, {"op": "burn", "ms": 1}"#));
    assert!(!meant(r#""q": {"type": "queue", "order": "lifo"}"#, r#"{"op": "timeout", "ms": 1, "steps": []}"#));
    assert!(meant(r#""l": {"type": "lock"}"#, ""));
    assert!(meant(r#""q": {"type": "queue", "order": "priority"}"#, ""));
    assert!(meant("", r#"{"op": "repeat", "times": 2, "steps": [{"op": "try", "steps": []}]}"#));
    assert!(meant("", r#"{"op": "spawn", "body": "w", "eager": true}"#));
    assert!(!is_meant("[]") && !is_meant("no JSON"));
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let place = |objects: &str, main: &str, said: &str| assert_eq!(refusal(objects, main), said);
    place("", r#"{"op": "mark"}"#, "bodies.main[0]: a mark needs a tag");
    place("", r#"{"op": "cancel"}"#, "bodies.main[0]: `cancel` needs `target` or `on`, not both");
    place("", r#"{"op": "await", "target": ["main", "main"]}"#, "bodies.main[0]: there must be one target");
    place(
        r#""e": {"type": "event"}"#,
        r#"{"op": "try", "steps": [{"op": "acquire", "on": "e"}]}"#,
        "bodies.main[0].steps[0]: cannot acquire: `e` is a event",
    );
    place(
        r#""s": {"type": "stream"}"#,
        r#"{"op": "recv", "on": "s"}"#,
        "bodies.main[0]: `s` has two ends: say `s.a` or `s.b`",
    );
    place(r#""b": {"type": "barrier", "parties": 0}"#, "", "objects.b: `parties` must be at least 1");
    assert!(refusal("", r#"{"op": "link", "target": ["x"], "note": "n"}"#).contains("spawned as `x`"));
}

#[test]
fn a_task_that_awaits_itself_gets_an_error_and_a_circle_of_tasks_can_be_cancelled() {
    let own = program("", r#"{"op": "try", "steps": [{"op": "await", "target": ["main"]}], "tag": "t"}"#);
    assert_eq!(said(&own, Python::V3_13, LoopKind::Asyncio), ["main:t=RuntimeError"]);
    for op in ["await", "gather"] {
        let circle = parse(&format!(
            r#"{{"version": 1, "name": "t", "bodies": {{
                "main": [{{"op": "spawn", "body": "a"}}, {{"op": "spawn", "body": "b"}}, {{"op": "sleep", "ms": 0}},
                         {{"op": "sleep", "ms": 0}}, {{"op": "cancel", "target": ["a"], "tag": "c"}}],
                "a": [{{"op": "{op}", "target": ["b"]}}], "b": [{{"op": "{op}", "target": ["a"]}}]}}}}"#
        ));
        let said = said(&circle.unwrap(), Python::V3_13, LoopKind::Asyncio);
        assert!(said[0].starts_with("main:c="), "{said:?}");
    }
}

#[test]
fn a_trace_is_printed_as_the_reference_interpreter_prints_it() {
    let program = program("", r#"{"op": "mark", "tag": "a"}, {"op": "sleep", "ms": 10, "tag": "b"}"#);
    let oracle = program.oracle;
    let transcript = engine::transcript::run(&oracle.model, oracle.main, oracle.main_name).expect("it ends");
    assert_eq!(print(&oracle, &transcript), "[\n  [0, \"main\", \"a\"],\n  [10, \"main\", \"b\"]\n]");
}
