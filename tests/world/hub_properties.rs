//! The hub under random scheduling programs: whatever greenlets do to each other, nobody is lost and nothing is counted wrong.
//!
//! A program is made from numbers, so that a failing one shrinks: each step is four of them. It is written as JSON and read as any
//! other (docs/conform.md). At the end of every run the engine itself audits its lists of waiters (`hub/audit.rs`) and asserts at
//! every switch that a hub runs one greenlet at a time.

use std::collections::HashMap;

use engine::transcript::{self, Said, Transcript};
use proof::gevent::{self as oracle, Oracle, TraceLine as Entry};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a step is made of: what, on what, and two numbers more.
type Numbers = (u8, u8, u8, u8);

/// Bodies beside `main`; a body spawns only later ones, so that a program ends.
const BODIES: usize = 4;
/// Events of a run: far more than such a program can need.
const EVENTS: u64 = 2_000_000;
/// Units of the semaphore, and bound of the bounded one.
const UNITS: i32 = 1;
const BOUND: i32 = 2;

fn objects() -> Value {
    json!({
        "sem": {"type": "semaphore", "value": UNITS},
        "bounded": {"type": "semaphore", "value": BOUND, "bounded": true},
        "rlock": {"type": "rlock"},
        "event": {"type": "event"},
        "result": {"type": "result"},
        "cond": {"type": "condition"},
        "plain": {"type": "condition", "lock": "lock"},
        "queue": {"type": "queue"},
        "full": {"type": "queue", "maxsize": 1, "order": "lifo"},
        "standard": {"type": "queue", "impl": "stdlib"},
        "narrow": {"type": "queue", "impl": "stdlib", "maxsize": 1},
        "channel": {"type": "channel"},
        "pool": {"type": "pool", "size": 1},
        "group": {"type": "pool"},
        "pair": {"type": "pair"},
        "remote": {"type": "remote"},
        "threads": {"type": "threads", "size": 1},
    })
}

/// Writes a body.
struct Writer<'n> {
    body: usize,
    numbers: std::slice::Iter<'n, Numbers>,
    /// How often each tag may be said by one greenlet.
    most: HashMap<String, u32>,
    /// How often the step being written runs at most.
    times: u32,
}

fn pick<'w>(words: &[&'w str], number: u8) -> &'w str {
    words[usize::from(number) % words.len()]
}

fn ms(number: u8) -> f64 {
    [0.0, 1.0, 1.0, 2.0, 2.5, 4.0, 5.0, 10.0][usize::from(number % 8)]
}

impl Writer<'_> {
    /// So many steps, or all that are left.
    fn steps(&mut self, most: usize) -> Vec<Value> {
        let mut steps = Vec::new();
        for _ in 0..most {
            let Some(&numbers) = self.numbers.next() else { break };
            for mut step in self.step(numbers) {
                let tag = format!("{}.{}.{}", step["op"].as_str().expect("a word"), self.body, self.most.len());
                self.most.insert(tag.clone(), self.times);
                step["tag"] = json!(tag);
                steps.push(step);
            }
        }
        steps
    }

    fn target(&self, a: u8) -> String {
        match usize::from(a) % (BODIES + 2) {
            0 => "main".to_owned(),
            at => format!("b{}", (at - 1).min(BODIES - 1)),
        }
    }

    fn spawn(&self, a: u8, b: u8, c: u8) -> Value {
        // Inside a loop, or in the last body, nobody is spawned.
        if self.body == BODIES || self.times > 1 {
            return json!({"op": "sleep", "ms": 0});
        }
        let body = format!("b{}", self.body + usize::from(a) % (BODIES - self.body));
        match b % 4 {
            0 => json!({"op": "spawn", "body": body}),
            1 => json!({"op": "spawn", "body": body, "after_ms": ms(c)}),
            2 => json!({"op": "spawn", "body": body, "pool": "pool"}),
            _ => json!({"op": "spawn", "body": body, "pool": "group"}),
        }
    }

    fn step(&mut self, (what, a, b, c): Numbers) -> Vec<Value> {
        // A wait has a limit as often as not.
        let limited = |mut step: Value| {
            match b % 4 {
                0 | 1 => {}
                2 => step["timeout_ms"] = json!(ms(c)),
                _ => step["block"] = json!(false),
            }
            step
        };
        let timed = |mut step: Value| {
            if b % 2 == 1 {
                step["timeout_ms"] = json!(ms(c));
            }
            step
        };
        let lock = pick(&["sem", "bounded", "rlock"], a);
        let queue = pick(&["queue", "full", "standard", "narrow", "channel"], a);
        vec![match what % 26 {
            0 => json!({"op": "sleep", "ms": ms(a)}),
            1 => json!({"op": "sleep", "ms": 0}),
            2 => json!({"op": "burn", "ms": ms(a)}),
            3 => json!({"op": "idle"}),
            4 | 5 => limited(json!({"op": "acquire", "on": lock})),
            6 | 7 => json!({"op": "release", "on": lock}),
            8 => timed(json!({"op": "wait", "on": pick(&["event", "sem"], a)})),
            9 => json!({"op": "set", "on": pick(&["event", "result"], a)}),
            10 => json!({"op": "clear", "on": "event"}),
            11 => limited(json!({"op": "get", "on": "result"})),
            12 | 13 => limited(json!({"op": "put", "on": queue, "item": "it"})),
            14 | 15 => limited(json!({"op": "get", "on": queue})),
            16 | 17 => return self.condition(pick(&["cond", "plain"], a), b, c),
            18 => json!({"op": "task_done", "on": pick(&["queue", "standard"], a)}),
            19 => match a % 4 {
                0 => json!({"op": "join", "on": "standard"}),
                at => timed(json!({"op": "join", "on": pick(&["queue", "pool", "group"], at)})),
            },
            20 => self.spawn(a, b, c),
            21 => match a % 2 {
                0 => timed(json!({"op": "join", "target": [self.target(a / 2)]})),
                _ => {
                    let target = [self.target(a / 2), self.target(c), self.target(a / 4)];
                    timed(json!({"op": "join", "target": target, "count": 1 + c % 3}))
                }
            },
            22 => match a % 2 {
                0 => json!({"op": "kill", "target": [self.target(a / 2)], "block": b % 2 == 0}),
                _ => json!({"op": "kill", "target": [self.target(a / 2), self.target(c)], "block": b % 2 == 0}),
            },
            23 => {
                let steps = self.steps(1 + usize::from(b % 4));
                json!({"op": "timeout", "ms": ms(a), "steps": steps})
            }
            24 => {
                let (before, times) = (self.times, 1 + u32::from(a % 3));
                self.times *= times;
                let steps = self.steps(1 + usize::from(b % 3));
                self.times = before;
                json!({"op": "repeat", "times": times, "steps": steps})
            }
            _ => match a % 5 {
                0 => json!({"op": "send", "on": "pair.a", "bytes": 1 + b % 3}),
                1 => json!({"op": "recv", "on": "pair.b", "bytes": 2}),
                2 => json!({"op": "request", "on": "remote", "ms": ms(b)}),
                3 => json!({"op": "recv", "on": "remote"}),
                _ => json!({"op": "apply", "on": "threads", "ms": ms(b)}),
            },
        }]
    }

    fn condition(&self, on: &str, b: u8, c: u8) -> Vec<Value> {
        let inside = match b % 4 {
            0 => json!({"op": "wait", "on": on}),
            1 => json!({"op": "wait", "on": on, "timeout_ms": ms(c)}),
            2 => json!({"op": "notify", "on": on}),
            _ => json!({"op": "notify", "on": on, "n": "all"}),
        };
        vec![json!({"op": "acquire", "on": on}), inside, json!({"op": "release", "on": on})]
    }
}

/// A program, and how often a greenlet may say each tag.
fn write(bodies: &[Vec<Numbers>]) -> (String, HashMap<String, u32>) {
    let mut written = serde_json::Map::new();
    let mut most = HashMap::new();
    for (body, numbers) in bodies.iter().enumerate() {
        let mut writer = Writer { body, numbers: numbers.iter(), most: HashMap::new(), times: 1 };
        let mut steps = writer.steps(usize::MAX);
        most.extend(writer.most);
        if body == 0 {
            steps.splice(0..0, (0..BODIES).map(|at| json!({"op": "spawn", "body": format!("b{at}")})));
        }
        written.insert(if body == 0 { "main".to_owned() } else { format!("b{}", body - 1) }, json!(steps));
    }
    let file = json!({"version": 1, "name": "random", "objects": objects(), "bodies": written});
    (file.to_string(), most)
}

fn parse(text: &str) -> Oracle {
    let mut oracle = oracle::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    oracle.model.limits.events = EVENTS;
    oracle.model.limits.events_per_instant = EVENTS;
    oracle
}

/// The transcript and its entries with names and tags.
fn run(oracle: &Oracle) -> (Transcript, Vec<Entry>) {
    let transcript = transcript::run(&oracle.model, oracle.main, oracle.main_name).expect("the program ends");
    let entries = oracle::entries(oracle, &transcript);
    (transcript, entries)
}

fn programs() -> impl Strategy<Value = Vec<Vec<Numbers>>> {
    let step = || (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    prop::collection::vec(prop::collection::vec(step(), 0..12), BODIES + 1)
}

/// The greenlet and the steps of a tag, without its number: `acquire.2.5=true` is `acquire`, and whether it came to something.
fn read(entry: &Entry) -> (&str, bool) {
    let (step, outcome) = entry.tag.split_once('=').unwrap_or((&entry.tag, "true"));
    (step, outcome == "true")
}

/// Units on the shelf of `on` after each step of the run, from what was said.
fn shelf(oracle: &str, entries: &[Entry], on: &str, units: i32) -> Vec<i32> {
    let file: Value = serde_json::from_str(oracle).expect("it was written so");
    let mut steps = HashMap::new();
    file["bodies"].as_object().expect("bodies").values().for_each(|body| collect(body, &mut steps));
    let mut units = units;
    let mut after = Vec::new();
    for entry in entries {
        let (tag, yes) = read(entry);
        match steps.get(tag) {
            Some((op, of)) if of == on && op == "acquire" && yes => units -= 1,
            Some((op, of)) if of == on && op == "release" => units += 1,
            _ => continue,
        }
        after.push(units);
    }
    after
}

/// Op and object of every step, by tag.
fn collect(steps: &Value, found: &mut HashMap<String, (String, String)>) {
    for step in steps.as_array().into_iter().flatten() {
        let word = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        found.insert(word("tag"), (word("op"), word("on")));
        collect(&step["steps"], found);
    }
}

fn config() -> ProptestConfig {
    // Failures become tests with a name, not seeds in a file.
    ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_program_ends_twice_the_same_and_the_engine_finds_nobody_lost(bodies in programs()) {
        let (text, _) = write(&bodies);
        let oracle = parse(&text);
        prop_assert_eq!(run(&oracle).0, run(&oracle).0);
    }

    #[test]
    fn the_same_holds_where_timed_waits_poll(bodies in programs()) {
        let mut oracle = parse(&write(&bodies).0);
        oracle.model.workers[0].timed_waits = engine::model::TimedWaits::Polled;
        prop_assert_eq!(run(&oracle).0, run(&oracle).0);
    }

    #[test]
    fn no_greenlet_is_resumed_twice_or_after_its_end(bodies in programs()) {
        let (text, most) = write(&bodies);
        let (transcript, entries) = run(&parse(&text));
        let mut said: HashMap<(u32, &str), u32> = HashMap::new();
        let mut ended = vec![false; transcript.born.len()];
        for (line, entry) in transcript.lines.iter().zip(&entries) {
            let who = line.who as usize;
            prop_assert!(!ended[who], "{entry} after its end\n{text}");
            let is_end = matches!(line.said, Said::Killed | Said::Error(_) | Said::Blocked);
            ended[who] = is_end;
            if !is_end {
                let tag = entry.tag.split('=').next().expect("a tag");
                let times = said.entry((line.who, tag)).or_default();
                *times += 1;
                prop_assert!(*times <= most[tag], "{entry} once too often\n{text}");
            }
        }
        prop_assert!(transcript.lines.is_sorted_by_key(|line| line.at));
    }

    #[test]
    fn no_shelf_holds_less_than_nothing_or_more_than_its_bound(bodies in programs()) {
        let (text, _) = write(&bodies);
        let (_, entries) = run(&parse(&text));
        let bounded = shelf(&text, &entries, "bounded", BOUND);
        prop_assert!(bounded.iter().all(|units| (0..=BOUND).contains(units)), "{bounded:?}\n{text}");
        let free = shelf(&text, &entries, "sem", UNITS);
        prop_assert!(free.iter().all(|&units| units >= 0), "{free:?}\n{text}");
    }

    #[test]
    fn who_waits_for_a_semaphore_gets_it_in_the_order_of_asking(
        units in 1_usize..4,
        workers in prop::collection::vec((0_u8..60, 0_u8..4, 0_u8..5), 1..12),
    ) {
        // All ask while nothing is there; each takes one unit, does something with it, and gives it back.
        let mut main: Vec<Value> = Vec::new();
        let mut bodies = serde_json::Map::new();
        for (at, &(asks, holds, how_long)) in workers.iter().enumerate() {
            main.push(json!({"op": "spawn", "body": format!("w{at}")}));
            let hold = match holds {
                0 => json!({"op": "mark"}),
                1 => json!({"op": "sleep", "ms": 0}),
                2 => json!({"op": "sleep", "ms": how_long}),
                _ => json!({"op": "burn", "ms": how_long}),
            };
            let mut hold = hold;
            hold["tag"] = json!("held");
            bodies.insert(format!("w{at}"), json!([
                {"op": "sleep", "ms": asks}, {"op": "mark", "tag": "asks"}, {"op": "acquire", "on": "s", "tag": "got"},
                hold, {"op": "release", "on": "s"}
            ]));
        }
        main.push(json!({"op": "sleep", "ms": 100}));
        main.extend((0..units).map(|_| json!({"op": "release", "on": "s"})));
        bodies.insert("main".to_owned(), json!(main));
        let objects = json!({"s": {"type": "semaphore", "value": 0}});
        let file = json!({"version": 1, "name": "order", "objects": objects, "bodies": bodies});
        let (_, entries) = run(&parse(&file.to_string()));
        let order = |tag: &str| {
            entries.iter().filter(|entry| entry.tag == tag).map(|entry| entry.who.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(order("asks").len(), workers.len());
        prop_assert_eq!(order("asks"), order("got=true"));
    }
}
