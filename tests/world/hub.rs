//! The hub: what field reports say of it, retold as small programs.
//!
//! Programs are in the format of docs/conform.md; what that format has no word for is built by hand.

use engine::model::TimedWaits;
use engine::op::{Op, Program, Spawn};
use engine::transcript::{self, Said, Transcript};
use proof::gevent::{self as oracle, Oracle};

/// A program of these objects and bodies.
fn program(objects: &str, bodies: &str) -> Oracle {
    let text = format!(r#"{{"version": 1, "name": "hub", "objects": {{{objects}}}, "bodies": {{{bodies}}}}}"#);
    oracle::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn run(oracle: &Oracle) -> Transcript {
    transcript::run(&oracle.model, oracle.main, oracle.main_name).expect("the program ends")
}

/// A program under an interpreter whose timed waits are such.
fn run_with(mut oracle: Oracle, timed_waits: TimedWaits) -> (Oracle, Transcript) {
    oracle.model.workers[0].timed_waits = timed_waits;
    let transcript = run(&oracle);
    (oracle, transcript)
}

/// (milliseconds, greenlet, what it said) of a trace.
fn told((oracle, transcript): &(Oracle, Transcript)) -> Vec<(u64, String, String)> {
    let entries = oracle::entries(oracle, transcript);
    entries.into_iter().map(|entry| (entry.ms, entry.who, entry.tag)).collect()
}

const BOTH: [TimedWaits; 2] = [TimedWaits::Notified, TimedWaits::Polled];

/// How often the greenlets of a program are switched into.
fn switches(objects: &str, bodies: &str, timed_waits: TimedWaits) -> u64 {
    run_with(program(objects, bodies), timed_waits).1.switches
}

const STANDARD: &str = r#""q": {"type": "queue", "order": "lifo", "impl": "stdlib"}"#;

#[test]
fn a_polling_wait_of_one_second_wakes_25_times_and_a_notified_one_once() {
    // The start is one switch, and another is the yield with which a plain lock is asked whether it is held.
    const BEFORE: u64 = 2;
    let main = r#""main": [{"op": "get", "on": "q", "timeout_ms": 1000, "tag": "got"}]"#;
    assert_eq!(switches(STANDARD, main, TimedWaits::Polled), BEFORE + 25);
    assert_eq!(switches(STANDARD, main, TimedWaits::Notified), BEFORE + 1);
}

#[test]
fn waits_without_a_limit_or_of_gevents_own_things_never_poll() {
    let own = r#""q": {"type": "queue", "order": "lifo"}"#;
    let main = r#""main": [{"op": "get", "on": "q", "timeout_ms": 1000, "tag": "got"}]"#;
    let for_ever = r#""main": [{"op": "get", "on": "q", "tag": "got"}]"#;
    for timed_waits in BOTH {
        assert_eq!(switches(own, main, timed_waits), 2, "the start and the limit");
        assert_eq!(switches(STANDARD, for_ever, timed_waits), 2, "the start and the yield");
    }
}

#[test]
fn a_polling_wait_learns_of_its_item_at_its_next_look() {
    // It looks after 1, 3, 7, 15, 31, 63 ms and every 50 ms from then on; each sleep is a twentieth of a millisecond late.
    let main = r#""main": [{"op": "spawn", "body": "getter"}, {"op": "sleep", "ms": 120},
                           {"op": "put", "on": "q", "item": "it", "tag": "put"}],
                  "getter": [{"op": "get", "on": "q", "timeout_ms": 1000, "tag": "got"}]"#;
    let lines = |timed_waits| told(&run_with(program(STANDARD, main), timed_waits));
    let expected =
        |ms| vec![(120, "main".to_owned(), "put=ok".to_owned()), (ms, "getter".to_owned(), "got=it".to_owned())];
    assert_eq!(lines(TimedWaits::Polled), expected(163));
    assert_eq!(lines(TimedWaits::Notified), expected(120));
}

#[test]
fn a_polling_wait_of_a_condition_ends_when_its_time_is_up_or_at_its_first_look_after_the_notification() {
    let objects = r#""c": {"type": "condition"}"#;
    let bodies = r#""main": [{"op": "spawn", "body": "waiter", "as": "first"}, {"op": "spawn", "body": "waiter", "as": "second"},
                             {"op": "sleep", "ms": 40}, {"op": "acquire", "on": "c"}, {"op": "notify", "on": "c"},
                             {"op": "release", "on": "c", "tag": "notified"}],
                    "waiter": [{"op": "acquire", "on": "c"}, {"op": "wait", "on": "c", "timeout_ms": 100, "tag": "woken"},
                               {"op": "release", "on": "c"}]"#;
    let lines = |timed_waits| {
        let told = told(&run_with(program(objects, bodies), timed_waits));
        told.into_iter().map(|(ms, who, tag)| format!("{ms} {who} {tag}")).collect::<Vec<_>>()
    };
    assert_eq!(lines(TimedWaits::Polled), ["40 main notified", "63 first woken=true", "100 second woken=false"]);
    assert_eq!(lines(TimedWaits::Notified), ["40 main notified", "40 first woken=true", "100 second woken=false"]);
}

#[test]
fn what_is_thrown_into_a_polling_wait_ends_it() {
    let killed = r#""main": [{"op": "spawn", "body": "getter"}, {"op": "sleep", "ms": 20}, {"op": "kill", "target": ["getter"]},
                             {"op": "put", "on": "q", "item": "it", "tag": "put"}, {"op": "get", "on": "q", "tag": "got"}],
                    "getter": [{"op": "get", "on": "q", "timeout_ms": 1000, "tag": "got"}]"#;
    let limited = r#""main": [{"op": "timeout", "ms": 20, "tag": "block", "steps": [{"op": "get", "on": "q", "timeout_ms": 1000}]},
                              {"op": "put", "on": "q", "item": "it", "tag": "put"}, {"op": "get", "on": "q", "tag": "got"}]"#;
    let tags = |bodies| {
        let told = told(&run_with(program(STANDARD, bodies), TimedWaits::Polled));
        told.into_iter().map(|(_, who, tag)| format!("{who} {tag}")).collect::<Vec<_>>()
    };
    assert_eq!(tags(killed), ["getter !killed", "main put=ok", "main got=it"]);
    assert_eq!(tags(limited), ["main block=timeout", "main put=ok", "main got=it"]);
}

#[test]
fn a_bare_switch_goes_there_and_back_and_the_first_to_end_returns_to_main() {
    // greenlet's own first example: 78 is never said, because nobody switches back into test2.
    let mut oracle = program("", r#""main": []"#);
    let bare = |name: &str, code: &[Op], targets: &[u16], spawns: &[Spawn]| Program {
        spawns: spawns.into(),
        targets: targets.iter().map(|&target| [target].into()).collect(),
        fails: false,
        ..Program::new(name, code, [], [])
    };
    let mark = |tag| Op::Mark { tag, outcome: false };
    let switch = Op::SwitchTo { targets: 0 };
    let spawn = |program| Spawn { program, name: program, after: None, pool: None, bare: true };
    let main = [Op::Spawn { spawn: 0 }, Op::Spawn { spawn: 1 }, switch, mark(0), Op::End];
    oracle.model.programs = [
        bare("main", &main, &[1], &[spawn(1), spawn(2)]),
        bare("test1", &[mark(12), switch, mark(34), Op::End], &[2], &[]),
        bare("test2", &[mark(56), switch, mark(78), Op::End], &[1], &[]),
    ]
    .into();
    let transcript = run(&oracle);
    let said: Vec<(u32, Said)> = transcript.lines.into_iter().map(|line| (line.who, line.said)).collect();
    let tag = |who, tag| (who, Said::Tag { tag, outcome: None });
    assert_eq!(said, [tag(1, 12), tag(2, 56), tag(1, 34), tag(0, 0), (2, Said::Blocked)]);
}

#[test]
fn who_comes_late_to_an_event_whose_only_waiter_then_gives_up_is_forgotten() {
    // Recorded under gevent 26.9: `b` sets the event and waits for it while the notifier for `a` is queued; the limit of `a`, due in
    // the same poll, runs first and stops the notifier. No later `set` wakes `b`.
    let objects = r#""e": {"type": "event"}"#;
    let bodies = r#""main": [{"op": "spawn", "body": "a"}, {"op": "spawn", "body": "b"}, {"op": "sleep", "ms": 100},
                             {"op": "set", "on": "e"}, {"op": "clear", "on": "e"}, {"op": "spawn", "body": "c"},
                             {"op": "sleep", "ms": 20}, {"op": "set", "on": "e", "tag": "set again"}],
                    "a": [{"op": "wait", "on": "e", "timeout_ms": 10, "tag": "a"}],
                    "b": [{"op": "sleep", "ms": 9.5}, {"op": "burn", "ms": 10}, {"op": "set", "on": "e", "tag": "b set"},
                          {"op": "wait", "on": "e", "tag": "b waited"}],
                    "c": [{"op": "wait", "on": "e", "tag": "c"}]"#;
    let told = told(&run_with(program(objects, bodies), TimedWaits::Notified));
    let tags: Vec<String> = told.into_iter().map(|(_, who, tag)| format!("{who} {tag}")).collect();
    assert_eq!(tags, ["b b set", "a a=false", "main set again", "c c=true", "b !blocked"]);
}

/// "greenlet tag" of each line of a program on a standard queue `q` and a condition `c` over a plain lock.
fn lines(bodies: &str) -> Vec<String> {
    let objects = r#""q": {"type": "queue", "impl": "stdlib"}, "c": {"type": "condition", "lock": "lock"}"#;
    let told = told(&run_with(program(objects, bodies), TimedWaits::Notified));
    told.into_iter().map(|(_, who, tag)| format!("{who} {tag}")).collect()
}

#[test]
fn a_getter_killed_in_its_wait_gives_the_mutex_back() {
    let bodies = r#""main": [{"op": "spawn", "body": "getter"}, {"op": "sleep", "ms": 20}, {"op": "kill", "target": ["getter"]},
                             {"op": "put", "on": "q", "item": "it", "tag": "put"}, {"op": "get", "on": "q", "tag": "got"}],
                    "getter": [{"op": "get", "on": "q", "tag": "got"}]"#;
    assert_eq!(lines(bodies), ["getter !killed", "main put=ok", "main got=it"]);
}

#[test]
fn who_is_killed_while_it_waits_for_the_mutex_does_not_give_it_back() {
    // The putter yields with the mutex held; `second` waits for the mutex and is killed; `third` must wait for it all the same.
    let bodies = r#""main": [{"op": "spawn", "body": "putter"}, {"op": "spawn", "body": "second"},
                             {"op": "spawn", "body": "third"}, {"op": "sleep", "ms": 0}, {"op": "kill", "target": ["second"]}],
                    "putter": [{"op": "put", "on": "q", "item": "a", "tag": "put"}],
                    "second": [{"op": "put", "on": "q", "item": "b", "tag": "put"}],
                    "third": [{"op": "get", "on": "q", "tag": "got"}]"#;
    assert_eq!(lines(bodies), ["putter put=ok", "second !killed", "third got=a"]);
}

#[test]
fn who_is_killed_while_it_asks_whether_the_lock_is_held_has_not_let_go_of_it() {
    // Seen in a random program: it took the condition's lock back a second time, and waited for itself.
    let bodies = r#""main": [{"op": "spawn", "body": "waiter"}, {"op": "sleep", "ms": 1}, {"op": "acquire", "on": "c",
                              "timeout_ms": 5, "tag": "lock"}],
                    "waiter": [{"op": "kill", "target": ["waiter"], "block": false}, {"op": "acquire", "on": "c"},
                               {"op": "wait", "on": "c", "tag": "woken"}]"#;
    assert_eq!(lines(bodies), ["waiter !killed", "main lock=false"]);
}

#[test]
fn steps_may_be_aimed_at_the_first_greenlet() {
    let bodies = r#""main": [{"op": "spawn", "body": "other"}, {"op": "sleep", "ms": 5, "tag": "slept"}],
                    "other": [{"op": "kill", "target": ["main"], "tag": "killed it"}]"#;
    assert_eq!(lines(bodies), ["main !killed", "other killed it"]);
}
