//! What queues, events, fans, timeout blocks and offloading become.

use crate::text;

use std::sync::Arc;

use engine::law::Law;
use engine::model::{Model, Policy, SyncKind, SyncSpec};
use engine::op::{Draw, DrawKind, Limit, OnError, Op, Patching, Pc};
use engine::rng::stable_hash;
use engine::time::Span;
use scenario::Compiled;

/// A scenario around the steps of two requests; the second of its worlds yields in heavy work.
fn around(page: &str, report: &str) -> String {
    format!(
        "version = 1\ntitle = \"T\"\nrun = {{ length = \"10s\" }}\nmachine = {{ cores = 2 }}\n\
         world = {{ w = {{ worker = \"uwsgi-threads\", threads = 2 }}, y = {{ worker = \"pywsgi\", greenlets = 9, yield_every = \"5ms\" }} }}\n\
         client = {{ c = {{ rate = \"1/s\" }} }}\npeer = {{ redis = {{}} }}\npool = {{ db = {{ units = 2 }} }}\nlock = {{ l = {{}} }}\n\
         queue = {{ jobs = {{ size = 3 }}, log = {{ lifo = true, standard = true }} }}\nevent = {{ ready = {{}} }}\n\
         request = {{ page = {{ steps = [{page}] }}, report = {{ steps = [{report}] }} }}\n"
    )
}

fn compile(text: &str) -> Compiled {
    text::compile(text).unwrap_or_else(|said| panic!("{said}"))
}

fn model(page: &str) -> Model {
    compile(&around(page, "")).models[0].clone()
}

fn ms(ms: u64) -> Span {
    Span::from_ms(ms)
}

fn exp(mean: u64) -> Law {
    Law::Exponential { mean: ms(mean) }
}

#[test]
fn pools_locks_queues_and_events_stand_in_one_table() {
    let syncs = model("{ yield = true }").syncs;
    let semaphore = |units| SyncKind::Semaphore { units, policy: Policy::Barging, bounded: false };
    let expected = [
        ("db", semaphore(2)),
        ("l", semaphore(1)),
        ("jobs", SyncKind::Queue { lifo: false, max: Some(3), standard: false, filled: false }),
        ("log", SyncKind::Queue { lifo: true, max: None, standard: true, filled: false }),
        ("ready", SyncKind::Event),
    ];
    let found: Vec<(&str, SyncKind)> = syncs.iter().map(|sync| (sync.name.as_str(), sync.kind)).collect();
    assert_eq!(found, expected);
}

#[test]
fn steps_with_queues_and_events_become_ops_one_by_one() {
    let model = model(
        "{ put = \"jobs\", timeout = \"1s\" }, { get = \"jobs\", timeout = \"2s\" }, { put = \"log\" }, { get = \"log\" }, \
         { set = \"ready\" }, { wait = \"ready\", timeout = \"2s\" }, { clear = \"ready\" }, { wait = \"ready\" }",
    );
    let expected = [
        Op::Put { sync: 2, item: 0, limit: Limit(0), block: true },
        Op::Get { sync: 2, limit: Limit(1), block: true },
        Op::Put { sync: 3, item: 0, limit: Limit::NONE, block: true },
        Op::Get { sync: 3, limit: Limit::NONE, block: true },
        Op::Signal { sync: 4, item: 0 },
        Op::Await { sync: 4, limit: Limit(1) },
        Op::Clear { sync: 4 },
        Op::Await { sync: 4, limit: Limit::NONE },
        Op::End,
    ];
    assert_eq!(model.programs[0].code[..], expected);
    assert_eq!(model.programs[0].spans[..], [ms(1000), ms(2000)]);
}

#[test]
fn a_timeout_beside_steps_is_a_block_around_them() {
    let model = model(
        "{ timeout = \"2s\", steps = [{ timeout = \"1s\", steps = [{ acquire = \"db\", timeout = \"2s\" }] }, { release = \"db\" }] }, \
         { yield = true }",
    );
    let expected = [
        Op::Guard { limit: Limit(0), end: Pc(6) },
        Op::Guard { limit: Limit(1), end: Pc(4) },
        Op::Acquire { sync: 0, limit: Limit(0), block: true, patching: Patching::Patched },
        Op::Unguard,
        Op::Release { sync: 0 },
        Op::Unguard,
        Op::Yield,
        Op::End,
    ];
    assert_eq!(model.programs[0].code[..], expected);
    assert_eq!(model.programs[0].spans[..], [ms(2000), ms(1000)]);
}

#[test]
fn the_programs_of_fans_stand_behind_those_of_requests() {
    let fan = |steps: &str| format!("{{ fan = 2, steps = [{steps}] }}");
    let page = format!("{}, {}, {{ burn = \"exp(1ms)\" }}", fan("{ yield = true }"), fan("{ burn = \"1ms\" }"));
    let compiled = compile(&around(&page, &fan("{ sleep = \"1ms\" }")));
    let model = &compiled.models[0];
    let names: Vec<&str> = model.programs.iter().map(|program| program.name.as_str()).collect();
    assert_eq!(names, ["page", "report", "page/fan#0", "page/fan#1", "report/fan#0"]);
    assert!(model.programs.iter().all(|program| program.fails && program.code.last() == Some(&Op::End)));
    assert_eq!(model.classes.iter().map(|class| class.program).collect::<Vec<_>>(), [0, 1]);
    let page = [
        Op::Fan { program: 2, count: 2, errors: OnError::Usual },
        Op::Fan { program: 3, count: 2, errors: OnError::Usual },
        Op::Burn(Draw(0)),
        Op::End,
    ];
    assert_eq!(model.programs[0].code[..], page);
    assert_eq!(model.programs[1].code[..], [Op::Fan { program: 4, count: 2, errors: OnError::Usual }, Op::End]);
}

#[test]
fn what_is_random_in_a_fan_is_drawn_by_every_run_whose_number_is_in_its_first_register() {
    let model = model(
        "{ call = \"redis\", takes = \"exp(1ms)\" }, { fan = 3, steps = [{ call = \"redis\", takes = \"exp(2ms)\", timeout = \"9ms\" }, \
         { repeat = 5, steps = [{ burn = \"exp(3ms)\" }] }, { chance = 0.5, steps = [{ sleep = \"4ms\" }] }] }",
    );
    let [page, _, fan] = &model.programs[..] else { panic!("two requests and a fan") };
    assert_eq!(page.draws[..], [DrawKind::Fate(0)]);
    assert_eq!(model.classes[0].sites.len(), 1, "nothing of the fan is drawn at birth");
    let site = |name: &str| stable_hash(&format!("page/fan#0/{name}"));
    let draws = [
        DrawKind::PerPass { site: site("redis#0/takes"), law: exp(2) },
        DrawKind::PerPass { site: site("burn#0"), law: exp(3) },
        DrawKind::Chance { site: site("chance#0/odds"), ppm: 500_000 },
        DrawKind::Constant(ms(4)),
    ];
    assert_eq!(fan.draws[..], draws);
    assert_eq!(fan.spans[..], [ms(9)]);
    assert_eq!(fan.code[1], Op::Set { register: 1, times: 5 });
    assert_eq!(fan.code[3], Op::Loop { register: 1, back: Pc(2) });
}

#[test]
fn a_world_that_yields_yields_in_fans_too() {
    let compiled = compile(&around("{ fan = 3, steps = [{ burn = \"7ms\" }] }", ""));
    let [plain, yielding] = &compiled.models[..] else { panic!("two worlds") };
    assert!(!Arc::ptr_eq(&plain.programs, &yielding.programs));
    assert_eq!(plain.programs[0], yielding.programs[0]);
    assert_eq!(plain.programs[2].code[0], Op::Burn(Draw(0)));
    assert_eq!(yielding.programs[2].code[0], Op::BurnYielding { span: Draw(0), every: Limit(0) });
    assert_eq!(yielding.programs[2].spans[..], [ms(5)]);
}

#[test]
fn the_hubs_native_threads_are_there_if_a_step_uses_them() {
    let idle = "{ yield = true }";
    assert_eq!(model(idle).syncs.len(), 5);
    let steps = "{ offload = \"20ms\" }, { fan = 2, steps = [{ offload = \"exp(1ms)\" }] }, { offload = \"exp(3ms)\" }";
    let usual = model(steps);
    let pool = |size| SyncSpec { name: "hub threadpool".to_owned(), pool: true, kind: SyncKind::Threads { size } };
    assert_eq!(usual.syncs[5..], [pool(10)]);
    let apply = |draw| Op::Apply { sync: 5, takes: Draw(draw) };
    assert_eq!(
        usual.programs[0].code[..],
        [apply(0), Op::Fan { program: 2, count: 2, errors: OnError::Usual }, apply(1), Op::End]
    );
    assert_eq!(usual.programs[0].draws[..], [DrawKind::Constant(ms(20)), DrawKind::Fate(0)]);
    assert_eq!(usual.classes[0].sites[0].name, "page/offload#1");
    let site = stable_hash("page/fan#0/offload#0");
    assert_eq!(usual.programs[2].draws[..], [DrawKind::PerPass { site, law: exp(1) }]);
    let own = compile(&(around(steps, "") + "offload = { threads = 3 }\n"));
    assert_eq!(own.models[1].syncs[5..], [pool(3)]);
    // A file may say how many there are and not use them; that is a doubt.
    let unused = compile(&(around(idle, "") + "offload = { threads = 3 }\n"));
    assert_eq!(unused.models[0].syncs.len(), 5);
    assert!(unused.warnings.iter().any(|doubt| doubt.what == "no request offloads anything"));
}

#[test]
fn steps_in_a_thread_stand_between_two_ops_and_an_executor_has_threads_of_its_own() {
    let there = |sync| [Op::ToThread { sync }, Op::Yield, Op::FromThread { sync }];
    let of_pool = model("{ thread = [{ yield = true }] }");
    assert_eq!(of_pool.programs[0].code[..], [&there(5)[..], &[Op::End]].concat());
    let own = "executor = { views = { threads = 1 } }\n";
    let named = compile(&(around("{ thread = [{ yield = true }], executor = \"views\" }", "") + own));
    let model = &named.models[0];
    assert_eq!(model.syncs[5..].iter().map(|sync| sync.kind).collect::<Vec<_>>(), [SyncKind::Threads { size: 1 }]);
    assert_eq!(model.programs[0].code[..], [&there(5)[..], &[Op::End]].concat());
    let twice =
        text::compile(&around("{ thread = [{ thread = [{ yield = true }] }] }", "")).expect_err("inside itself");
    assert!(twice.contains("`thread` inside a `thread`"), "{twice}");
}

#[test]
fn a_request_in_a_thread_has_its_response_and_what_follows_on_the_loop() {
    let steps = "{ yield = true }, { background = [{ sleep = \"1s\" }] }";
    let text = around(steps, "").replace("page = { steps", "page = { in_thread = true, steps");
    let code = &compile(&text).models[0].programs[0].code;
    let there = [Op::ToThread { sync: 5 }, Op::Yield, Op::FromThread { sync: 5 }];
    let then = [Op::Respond, Op::Sleep(Patching::Patched, Draw(0)), Op::End];
    assert_eq!(code[..], [&there[..], &then[..]].concat());
    let early = text::compile(&around("{ background = [] }, { yield = true }", "")).expect_err("not the last");
    assert!(early.contains("a `background` with steps after it"), "{early}");
}

#[test]
fn a_unit_taken_in_a_timeout_block_may_be_given_back_behind_it_but_not_one_taken_in_a_fan() {
    let doubts = |page: &str| -> Vec<String> {
        let warnings = compile(&around(page, "")).warnings;
        warnings.into_iter().map(|doubt| doubt.what).filter(|what| what.contains("given back")).collect()
    };
    let nothing: [&str; 0] = [];
    let timeout = "{ timeout = \"1s\", steps = [{ acquire = \"db\" }] }, { release = \"db\" }";
    assert_eq!(doubts(&format!("{timeout}, {{ call = \"redis\", takes = \"1ms\" }}")), nothing);
    let fan = "{ fan = 2, steps = [{ acquire = \"db\" }] }, { call = \"redis\", takes = \"1ms\" }";
    assert_eq!(doubts(fan), ["`db` is not given back in the list of steps that takes it"]);
}
