//! What a scenario means: models, programs, shared tables, files.

use std::sync::Arc;

use engine::law::Law;
use engine::model::{Arrivals, Balancing, Model, Policy, SyncKind, TimedWaits, WhenFull, WorkerKind};
use engine::op::{Draw, DrawKind, Limit, Op, Patching, Pc};
use engine::rng::stable_hash;
use engine::time::{Span, Time};
use scenario::{Compiled, Diagnostic};

fn no_files(_: &str) -> Result<String, String> {
    Err("there are no files here".to_owned())
}

fn compile_with(text: &str, load: &mut dyn FnMut(&str) -> Result<String, String>) -> Result<Compiled, Vec<Diagnostic>> {
    let scenario = scenario::parse(text, "s.toml", &[]).unwrap_or_else(|list| panic!("{}", plain(text, &list)));
    scenario::compile(&scenario, load)
}

fn compile(text: &str) -> Compiled {
    compile_with(text, &mut no_files).unwrap_or_else(|list| panic!("{}", plain(text, &list)))
}

fn plain(text: &str, list: &[Diagnostic]) -> String {
    list.iter().map(|diagnostic| diagnostic.plain(text)).collect()
}

/// A scenario around one request's steps, with a peer and a pool.
fn around(steps: &str) -> String {
    format!(
        "version = 1\ntitle = \"T\"\nrun = {{ length = \"10s\" }}\nmachine = {{ cores = 2 }}\n\
         world = {{ w = {{ worker = \"uwsgi-threads\", threads = 2 }}, y = {{ worker = \"pywsgi\", greenlets = 9, yield_every = \"5ms\" }} }}\n\
         client = {{ c = {{ rate = \"1/s\" }} }}\npeer = {{ redis = {{}}, mail = {{}} }}\npool = {{ db = {{ units = 2 }} }}\n\
         request = {{ page = {{ steps = [{steps}] }} }}\n"
    )
}

fn program(steps: &str) -> engine::op::Program {
    compile(&around(steps)).models[0].programs[0].clone()
}

fn ms(ms: u64) -> Span {
    Span::from_ms(ms)
}

#[test]
fn steps_become_ops_one_by_one() {
    let page = program(
        "{ burn = \"1ms\" }, { native = \"2ms\" }, { sleep = \"3ms\" }, { sleep = \"4ms\", blocking = true }, { yield = true }, \
         { call = \"mail\", takes = \"5ms\", timeout = \"6ms\", blocking = true }, { acquire = \"db\" }, { release = \"db\" }, \
         { burn = \"7ms\", yield_every = \"6ms\" }",
    );
    let expected = [
        Op::Burn(Draw(0)),
        Op::Native(Draw(1)),
        Op::Sleep(Patching::Patched, Draw(2)),
        Op::Sleep(Patching::Blocking, Draw(3)),
        Op::Yield,
        Op::Call { patching: Patching::Blocking, peer: 1, takes: Draw(4), limit: Limit(0) },
        Op::Acquire { sync: 0, limit: Limit::NONE, block: true, patching: Patching::Patched },
        Op::Release { sync: 0 },
        Op::BurnYielding { span: Draw(5), every: Limit(0) },
        Op::End,
    ];
    assert_eq!(page.code[..], expected);
    assert_eq!(page.draws[..], [1, 2, 3, 4, 5, 7].map(|n| DrawKind::Constant(ms(n))));
    assert_eq!(page.spans[..], [ms(6)]);
    assert_eq!(page.name, "page");
}

#[test]
fn with_repeat_and_chance_wrap_their_steps() {
    let page = program(
        "{ repeat = 3, steps = [{ with = \"db\", timeout = \"1s\", steps = [{ chance = 0.25, steps = [{ yield = true }] }] }] }, \
         { repeat = 2, steps = [{ repeat = 5, steps = [{ yield = true }] }] }",
    );
    let expected = [
        Op::Set { register: 0, times: 3 },
        Op::Acquire { sync: 0, limit: Limit(0), block: true, patching: Patching::Patched },
        Op::Chance { odds: Draw(0), skip: Pc(4) },
        Op::Yield,
        Op::Release { sync: 0 },
        Op::Loop { register: 0, back: Pc(1) },
        Op::Set { register: 0, times: 2 },
        Op::Set { register: 1, times: 5 },
        Op::Yield,
        Op::Loop { register: 1, back: Pc(8) },
        Op::Loop { register: 0, back: Pc(7) },
        Op::End,
    ];
    assert_eq!(page.code[..], expected);
}

#[test]
fn random_durations_are_drawn_at_birth_and_inside_a_loop_per_pass() {
    let text = around(
        "{ burn = \"exp(1ms)\" }, { call = \"redis\", takes = \"exp(2ms)\" }, { call = \"mail\", takes = \"exp(3ms)\" }, \
         { call = \"redis\", takes = \"exp(4ms)\" }, { repeat = 2, steps = [{ sleep = \"exp(5ms)\" }, { sleep = \"6ms\" }] }",
    );
    let model = &compile(&text).models[0];
    let sites: Vec<(&str, &Law)> = model.classes[0].sites.iter().map(|site| (site.name.as_str(), &site.law)).collect();
    let exp = |n: u64| Law::Exponential { mean: ms(n) };
    let expected = [
        ("page/burn#0", &exp(1)),
        ("page/redis#0/takes", &exp(2)),
        ("page/mail#0/takes", &exp(3)),
        ("page/redis#1/takes", &exp(4)),
    ];
    assert_eq!(sites, expected);
    let site = stable_hash("page/sleep#0");
    let drawn = [
        DrawKind::Fate(0),
        DrawKind::Fate(1),
        DrawKind::Fate(2),
        DrawKind::Fate(3),
        DrawKind::PerPass { site, law: exp(5) },
        DrawKind::Constant(ms(6)),
    ];
    assert_eq!(model.programs[0].draws[..], drawn);
}

#[test]
fn a_world_that_yields_differs_in_its_burns_only() {
    let text = around("{ burn = \"exp(1ms)\" }, { native = \"1ms\" }, { burn = \"2ms\", yield_every = \"1ms\" }");
    let compiled = compile(&text);
    let [plain, yielding] = &compiled.models[..] else { panic!("two worlds") };
    assert!(Arc::ptr_eq(&plain.classes, &yielding.classes));
    assert!(Arc::ptr_eq(&plain.clients, &yielding.clients));
    let (plain, yielding) = (&plain.programs[0], &yielding.programs[0]);
    assert_eq!(plain.draws, yielding.draws);
    assert_eq!(plain.code[0], Op::Burn(Draw(0)));
    assert_eq!(yielding.code[0], Op::BurnYielding { span: Draw(0), every: Limit(0) });
    assert_eq!(yielding.spans[..], [ms(5), ms(1)]);
    assert_eq!(plain.code[1..2], yielding.code[1..2]);
    assert_eq!(yielding.code[2], Op::BurnYielding { span: Draw(2), every: Limit(1) });
    assert_eq!(plain.code.len(), yielding.code.len());
}

#[test]
fn worlds_of_one_file_share_everything_but_the_servers() {
    let compiled = compile(include_str!("../../../scenarios/startup/slow-third-party.toml"));
    let [threads, gevent] = &compiled.models[..] else { panic!("two worlds") };
    assert!(Arc::ptr_eq(&threads.programs, &gevent.programs));
    assert!(Arc::ptr_eq(&threads.classes, &gevent.classes));
    assert!(Arc::ptr_eq(&threads.clients, &gevent.clients));
    assert_eq!(threads.run, gevent.run);
    assert_eq!(threads.peers, gevent.peers);
    assert_eq!(threads.hosts.len(), 2);
    assert_eq!(threads.hosts[0].cores, 8);
    assert_eq!(threads.processes.len(), 16);
    assert_eq!(threads.processes[15].listener, 1);
    assert_eq!(threads.listeners[1].host, 1);
    assert_eq!(threads.listeners[1].backlog, 1024);
    assert_eq!(threads.workers[0].kind, WorkerKind::Threads { threads: 40 });
    assert_eq!(gevent.workers[0].kind, WorkerKind::Hub { greenlets: 1000, accepts: 1, full: WhenFull::Spin });
    let minute = |n: u64| Time::ZERO + Span::from_secs(60 * n);
    assert_eq!(compiled.shaded, [(minute(5), minute(8), "third-party x4.2".to_owned())]);
    assert_eq!(compiled.concurrency, None);
    assert_eq!(compiled.warnings, []);
}

fn world(world: &str) -> Model {
    let text = format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\nsomaxconn = 1000\n[world.w]\n{world}\n\
         [client.c]\nrate = \"1/s\"\n[request.page]\n"
    );
    compile(&text).models[0].clone()
}

#[test]
fn each_worker_is_carried_in_its_own_way() {
    let kind = |text: &str| world(text).workers[0].kind;
    assert_eq!(kind("worker = \"gunicorn-sync\""), WorkerKind::Threads { threads: 1 });
    assert_eq!(
        kind("worker = \"gunicorn-gthread\"\nthreads = 4"),
        WorkerKind::Pool { threads: 4, connections: 1000, closes: true }
    );
    assert_eq!(
        kind("worker = \"paste\"\nthreads = 4"),
        WorkerKind::Pool { threads: 4, connections: 1_000_000, closes: false }
    );
    let hub = |greenlets, accepts, full| WorkerKind::Hub { greenlets, accepts, full };
    assert_eq!(kind("worker = \"gunicorn-gevent\""), hub(1000, 100, WhenFull::Stop));
    assert_eq!(kind("worker = \"gunicorn-gevent\"\nprocesses = 2"), hub(1000, 1, WhenFull::Stop));
    assert_eq!(kind("worker = \"uwsgi-gevent\"\ngreenlets = 5"), hub(5, 1, WhenFull::Spin));
    assert_eq!(kind("worker = \"uwsgi-gevent\"\ngreenlets = 5\nfull = \"stop\""), hub(5, 1, WhenFull::Stop));
    assert_eq!(kind("worker = \"pywsgi\"\ngreenlets = 7\nprocesses = 2"), hub(7, 100, WhenFull::Stop));
}

#[test]
fn a_world_may_say_its_own_machine_backlog_and_costs() {
    let usual = world("worker = \"uwsgi-threads\"\nthreads = 2");
    assert_eq!(usual.listeners[0].backlog, 100);
    assert!(usual.workers[0].gil);
    let own = world(
        "worker = \"uwsgi-threads\"\nthreads = 2\nlisten = 2000\nservers = 3\ncores = 5\ngil = false\n\
         switch_interval = \"1ms\"\ntimed_waits = \"polled\"\ncosts = { request = \"300us\" }",
    );
    assert_eq!(own.listeners.iter().map(|listener| listener.backlog).collect::<Vec<_>>(), [1000; 3]);
    assert_eq!(own.hosts[2].cores, 5);
    let worker = &own.workers[0];
    assert!(!worker.gil);
    assert_eq!(worker.switch_interval, ms(1));
    assert_eq!(worker.timed_waits, TimedWaits::Polled);
    assert_eq!(usual.workers[0].timed_waits, TimedWaits::Notified);
    assert_eq!(worker.costs.request, Span::from_us(300));
    assert_eq!(worker.costs.accept, usual.workers[0].costs.accept);
}

#[test]
fn closed_clients_run_until_they_are_done() {
    let compiled = compile(include_str!("../../../scenarios/startup/ab-waves.toml"));
    let model = &compiled.models[0];
    assert_eq!(compiled.concurrency, Some(10));
    assert_eq!(model.run.length, None);
    let think = Law::Fixed(Span::ZERO);
    assert_eq!(model.clients[0].arrivals, Arrivals::Closed { clients: 10, requests: Some(100), think });
    assert_eq!((model.classes[0].header_bytes, model.classes[0].body_bytes), (79, 12));
}

#[test]
fn shares_become_whole_weights_in_the_same_proportion() {
    let weights = |shares: [&str; 3]| -> Vec<u32> {
        let text = format!(
            "{}request = {{ a = {{ share = {} }}, b = {{ share = {} }}, c = {{ share = {} }} }}\n",
            around("").split("request =").next().expect("a start"),
            shares[0],
            shares[1],
            shares[2],
        );
        compile(&text).models[0].classes.iter().map(|class| class.weight).collect()
    };
    assert_eq!(weights(["95", "5", "0"]), [95, 5, 0]);
    assert_eq!(weights(["0.5", "0.25", "0.25"]), [500_000_000, 250_000_000, 250_000_000]);
    assert_eq!(weights(["1e9", "1e9", "1e9"]), [333_333_333; 3]);
    assert_eq!(weights(["1e9", "0.0000001", "0"])[1], 1, "what is asked for at all keeps a weight");
    assert_eq!(weights(["0.1", "0", "0"])[1..], [0, 0]);
}

#[test]
fn a_client_asks_for_what_it_lists_and_what_has_a_share() {
    let text = "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.w]\nworker = \"gunicorn-sync\"\n\
                [client.all]\nrate = \"1/s\"\n[client.one]\nclients = 2\nrequests = [\"b\"]\n\
                [request.a]\n[request.b]\n[request.c]\nshare = 0\n";
    let model = &compile(text).models[0];
    assert_eq!(model.clients[0].classes, [0, 1]);
    assert_eq!(model.clients[1].classes, [1]);
    assert_eq!(compile(text).warnings.len(), 1);
    assert_eq!(compile(text).concurrency, None, "an open client too");
}

#[test]
fn a_rate_runs_straight_between_points_and_jumps_at_steps() {
    let text = around("").replace(
        "rate = \"1/s\"",
        "arrivals = \"fixed\", rate = [{ at = \"0s\", rate = \"60/m\" }, { at = \"5s\", rate = \"3/s\" }, { at = \"8s\", rate = \"9/s\", step = true }]",
    );
    let Arrivals::Fixed(profile) = &compile(&text).models[0].clients[0].arrivals else { panic!("fixed") };
    let at = |n: u64| Time::ZERO + Span::from_secs(n);
    assert_eq!(profile.points, [(at(0), 1.0), (at(5), 3.0), (at(8), 3.0), (at(8), 9.0)]);
}

#[test]
fn policies_and_windows_arrive_in_the_model() {
    let text = around("{ call = \"redis\", takes = \"1ms\" }, { with = \"db\", steps = [] }")
        .replace("redis = {}", "redis = { capacity = 3, network = \"1ms\", slow = [{ from = \"6s\", to = \"7s\", fail = 0.5 }, { from = \"1s\", to = \"6s\", factor = 2.5 }] }")
        .replace("units = 2", "units = 2, policy = \"hand-off\"")
        + "balancer = { policy = \"least-connections\" }\nlock = { l = {} }\n";
    let compiled = compile(&text);
    let model = &compiled.models[0];
    assert_eq!(model.balancer.policy, Balancing::LeastConnections);
    assert_eq!((model.peers[0].capacity, model.peers[0].network), (Some(3), ms(1)));
    let windows: Vec<(u32, u32)> =
        model.peers[0].windows.iter().map(|window| (window.factor_milli, window.fail_ppm)).collect();
    assert_eq!(windows, [(2500, 0), (1000, 500_000)]);
    let labels: Vec<&str> = compiled.shaded.iter().map(|(_, _, label)| label.as_str()).collect();
    assert_eq!(labels, ["redis x2.5", "redis fails 50 %"]);
    let syncs: Vec<(&str, SyncKind)> = model.syncs.iter().map(|sync| (sync.name.as_str(), sync.kind)).collect();
    let semaphore = |units, policy| SyncKind::Semaphore { units, policy, bounded: false };
    assert_eq!(syncs, [("db", semaphore(2, Policy::HandOff)), ("l", semaphore(1, Policy::Barging))]);
}

#[test]
fn samples_and_traces_come_from_files_each_loaded_once() {
    let text = around("{ burn = \"empirical(samples.csv)\" }, { sleep = \"empirical(samples.csv)\" }")
        .replace("rate = \"1/s\"", "trace = \"arrivals.csv\"");
    let mut asked = Vec::new();
    let compiled = compile_with(&text, &mut |name| {
        asked.push(name.to_owned());
        Ok(match name {
            "samples.csv" => "ms\n1\n2.5 # a comment\n\n3us\n".to_owned(),
            _ => "# when\n0s\n1.5s\n1.5s\n".to_owned(),
        })
    })
    .expect("files without a mistake");
    assert_eq!(asked, ["samples.csv", "arrivals.csv"]);
    let samples = Law::empirical(vec![ms(1), Span::from_us(2500), Span::from_us(3)]).expect("samples");
    assert_eq!(compiled.models[0].classes[0].sites[1].law, samples);
    let at = |ms: u64| Time::ZERO + Span::from_ms(ms);
    let Arrivals::Trace(instants) = &compiled.models[0].clients[0].arrivals else { panic!("a trace") };
    assert_eq!(instants[..], [at(0), at(1500), at(1500)]);
}

#[test]
fn a_mistake_in_a_file_is_reported_where_the_scenario_names_it() {
    let text = around("{ burn = \"empirical(samples.csv)\" }, { sleep = \"empirical(missing.csv)\" }")
        .replace("rate = \"1/s\"", "trace = \"arrivals.csv\"");
    let list = compile_with(&text, &mut |name| match name {
        "samples.csv" => Ok("1ms\n2\n-3ms\n".to_owned()),
        "arrivals.csv" => Ok("2s\n1s\n".to_owned()),
        _ => Err("no such file".to_owned()),
    })
    .expect_err("three wrong files");
    let what: Vec<(usize, &str)> = list.iter().map(|d| (d.line, d.what.as_str())).collect();
    let expected = [
        (6, "arrivals.csv: entry 2 is earlier than the one before it"),
        (9, "samples.csv, line 2: the duration `2` has no unit"),
        (9, "samples.csv, line 3: the duration `-3ms` is negative"),
        (9, "cannot read missing.csv: no such file"),
    ];
    assert_eq!(what, expected);
}

#[test]
fn the_cost_of_a_generator_may_be_a_file_of_samples() {
    let text = around("").replace("rate = \"1/s\"", "rate = \"1/s\", cost = \"empirical(cost.csv)\"");
    let compiled = compile_with(&text, &mut |_| Ok("100us\n200us\n".to_owned())).expect("a file without a mistake");
    let samples = Law::empirical(vec![Span::from_us(100), Span::from_us(200)]).expect("samples");
    assert_eq!(compiled.models[0].clients[0].cost, Some(samples));
    let list = compile_with(&text, &mut |_| Err("no such file".to_owned())).expect_err("a missing file");
    assert_eq!(list[0].what, "cannot read cost.csv: no such file");
}
