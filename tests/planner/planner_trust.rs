//! Whether a capacity and a plan can be trusted: cases in which they were wrong with confidence, and brute force over files at random.
//!
//! What takes minutes is ignored: `cargo test --release --test main -- planner_trust:: --ignored --nocapture` makes the figures of
//! `docs/planning.md`.

use std::fmt::Write;

use engine::model::Model;
use engine::time::Span;
use engine::{Replication, Seed};
use lab::capacity::{
    Assumed, Capacity, JudgedLoad, Ladder, SearchSettings, Vitals, WorldCapacity, assumed, at_load, measure,
};
use lab::plan::{Grid, GridAxis, Prices, Question, Space, make};
use lab::slo::{GoodSide, Measure, Objective, Slo};

fn models(text: &str) -> Vec<Model> {
    let parsed = scenario::parse(text, "s.toml", &[]).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
    scenario::compile(&parsed, &mut |_| Err(String::new())).expect("the text compiles").models
}

fn below(measure: Measure, bound: f64) -> Objective {
    Objective { measure, class: None, side: GoodSide::Below, inclusive: false, bound }
}

fn p99_and_errors(p99: Span) -> Slo {
    let objectives = vec![below(Measure::Latency(990), p99.as_ns() as f64), below(Measure::Errors, 0.01)];
    Slo { objectives, worlds: None }
}

fn plan(seed: u64, replications: u32) -> SearchSettings {
    SearchSettings { seed: Seed(seed), replications, threads: None, tolerance: 0.05, curve: false, longer: true }
}

fn capacity(models: &[Model], slo: &Slo, plan: &SearchSettings) -> Capacity {
    measure(models, slo, plan, &|_| {}).expect("the runs come to their end")
}

fn with_length(models: &[Model], length: Span) -> Vec<Model> {
    let longer = |model: &Model| {
        let mut model = model.clone();
        model.run.length = Some(length);
        model
    };
    models.iter().map(longer).collect()
}

/// The loads between which the capacity lies.
fn interval(world: &WorldCapacity) -> (f64, f64) {
    let estimate = world.estimate.expect("some load meets");
    (estimate.low.expect("a lower end"), estimate.high.expect("an upper end"))
}

/// A queue of eight behind eight threads, and twenty clients who think half a second.
const HERD: &str = r#"
version = 1
title = "herd"
[run]
length = "60s"
replications = 5
[machine]
cores = 4
[world.b]
worker = "uwsgi-threads"
threads = 8
listen = 8
[client.u]
clients = 20
think = "exp(500ms)"
[request.p]
steps = [{ burn = "2ms" }, { sleep = "exp(40ms)" }]
"#;

#[test]
fn a_crowd_that_comes_at_one_instant_is_no_measure_of_the_clients_that_a_server_can_have() {
    let models = models(HERD);
    let slo = p99_and_errors(Span::from_ms(400));
    let (short, long) = (Span::from_secs(30), Span::from_secs(120));
    let of = |length| capacity(&with_length(&models, length), &slo, &plan(1, 3)).worlds.remove(0);
    let (short, long) = (of(short), of(long));
    // When all begin at once, the half minute finds 19 clients and the whole one 73.
    let (mean, other) = (short.estimate.expect("it meets").mean, long.estimate.expect("it meets").mean);
    assert!((mean / other - 1.0).abs() < 0.2, "{mean} and {other} times the clients");
    let (a, b) = (interval(&short), interval(&long));
    assert!(a.0 <= b.1 && b.0 <= a.1, "{a:?} and {b:?} say different things");
}

/// A server that is seldom asked and finds its caches cold.
fn cold(rate: &str) -> Vec<Model> {
    models(&format!(
        r#"
version = 1
title = "cold"
[run]
length = "20s"
[machine]
cores = 1
[world.w]
worker = "gunicorn-sync"
processes = 1
[client.u]
rate = "{rate}"
[request.p]
steps = [{{ burn = "10us" }}]
"#
    ))
}

#[test]
fn a_server_that_is_slow_when_seldom_asked_meets_from_a_load_on_whatever_the_load_of_its_file() {
    let slo = p99_and_errors(Span::from_us(400));
    let of = |rate: &str, unit: f64| {
        let world = capacity(&cold(rate), &slo, &plan(1, 3)).worlds.remove(0);
        let floor = world.floor.as_ref().expect("a light load misses");
        assert!(floor.misses < floor.holds);
        (world.estimate.expect("some load meets").mean * unit, floor.holds * unit)
    };
    let (few, many) = (of("20/s", 20.0), of("500/s", 500.0));
    assert!((few.0 / many.0 - 1.0).abs() < 0.15, "{few:?} and {many:?} requests a second");
    assert!((few.1 / many.1 - 1.0).abs() < 0.3, "{few:?} and {many:?} requests a second");
    assert!(many.1 > 20.0, "the load of one file is too light");
}

/// A tenth of the time nobody is served, and how many come then is a matter of chance.
const OUTAGE: &str = r#"
version = 1
title = "outage"
[run]
length = "40s"
drain = "10s"
replications = 3
[machine]
cores = 2
[world.threads]
worker = "uwsgi-threads"
threads = 40
listen = 4096
[client.users]
rate = "100/s"
network = "200us"
read_timeout = "1s"
retry = { times = 3, backoff = "100ms", factor = 2, jitter = "full", on = ["connect", "timeout", "error"] }
[peer.database]
network = "200us"
slow = [{ from = "15s", to = "20s", factor = 400 }]
[request.page]
steps = [{ burn = "5ms" }, { call = "database", takes = "5ms", timeout = "5s" }]
"#;

#[test]
fn what_chance_decides_is_no_capacity() {
    let models = models(OUTAGE);
    let worlds: Vec<WorldCapacity> = (1..=4)
        .map(|seed| {
            let plan = SearchSettings { longer: false, ..plan(seed, 3) };
            let Assumed { slo, .. } = assumed(None, &models, &plan, &|_| {}).expect("light load runs");
            capacity(&models, &slo, &plan).worlds.remove(0)
        })
        .collect();
    // Either it is told, and then all seeds tell about the same, or it is said not to be.
    let told: Vec<(f64, f64)> = worlds.iter().filter(|world| world.told).map(interval).collect();
    for (at, a) in told.iter().enumerate() {
        for b in &told[at + 1..] {
            assert!(a.0 <= b.1 * 1.1 && b.0 <= a.1 * 1.1, "{told:?} by seed, each with confidence");
        }
    }
}

/// Numbers at random, always the same.
struct Dice(u64);

/// Settings of a deployment; none if no deployment meets.
type Chosen = Option<Vec<(String, String)>>;

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.next() as usize % all.len()]
    }
}

/// A file to plan: threads that share GILs and cores, a pool, a queue, and requests of two kinds.
struct Drawn {
    rate: u32,
    burn_ms: u32,
    call_ms: u32,
    heavy_ms: u32,
    units: u32,
    hub: bool,
    patience: &'static str,
    host: f64,
    bound_ms: u64,
}

impl Drawn {
    fn of(dice: &mut Dice) -> Drawn {
        Drawn {
            rate: dice.of(&[40, 80, 150, 250]),
            burn_ms: dice.of(&[1, 3, 6]),
            call_ms: dice.of(&[10, 30]),
            heavy_ms: dice.of(&[20, 40]),
            units: dice.of(&[3, 5, 20]),
            hub: dice.next().is_multiple_of(3),
            patience: dice.of(&["1s", "2s"]),
            host: dice.of(&[0.0, 0.5, 2.0]),
            bound_ms: dice.of(&[150, 300, 500]),
        }
    }

    fn text(&self, cores: u32, processes: u32, threads: u32, listen: u32) -> String {
        let Drawn { rate, burn_ms, call_ms, heavy_ms, units, hub, patience, .. } = self;
        let worker = if *hub { "uwsgi-gevent\"\ngreenlets" } else { "uwsgi-threads\"\nthreads" };
        let mut text = String::from("version = 1\ntitle = \"plan\"\n[run]\nlength = \"8s\"\n");
        write!(
            text,
            "[machine]\ncores = {cores}\n[world.w]\nworker = \"{worker} = {threads}\nprocesses = {processes}\nlisten = {listen}\n\
             [client.u]\nrate = \"{rate}/s\"\npatience = \"{patience}\"\n[peer.db]\n[pool.db]\nunits = {units}\n\
             [request.p]\nsteps = [{{ burn = \"{burn_ms}ms\" }}, {{ with = \"db\", steps = [{{ call = \"db\", takes = \"exp({call_ms}ms)\" }}] }}]\n\
             [request.q]\nshare = 0.1\nsteps = [{{ burn = \"exp({heavy_ms}ms)\" }}]\n"
        )
        .expect("a string takes it");
        text
    }

    fn space(&self) -> Space {
        let values: [(&str, &[u32]); 4] = [
            ("machine.cores", &[1, 2, 3]),
            ("world.w.processes", &[1, 2, 3]),
            ("world.w.threads", &[2, 5, 20]),
            ("world.w.listen", &[16, 128]),
        ];
        let axis = |(path, values): &(&str, &[u32])| GridAxis {
            path: (*path).to_owned(),
            values: values.iter().map(u32::to_string).collect(),
        };
        let grid = Grid { axes: values.iter().map(axis).collect() };
        let model = |index: usize| {
            let place = grid.place(index);
            let value = |at: usize| values[at].1[place[at]];
            models(&self.text(value(0), value(1), value(2), value(3))).remove(0)
        };
        Space { world: "w".to_owned(), models: (0..grid.len()).map(model).collect(), grid }
    }

    /// The settings that the search chooses, and those that trying everything chooses, with the deployments that it left unseen.
    fn both(&self) -> [(Chosen, usize); 2] {
        let space = self.space();
        let slo = p99_and_errors(Span::from_ms(self.bound_ms));
        let (core, gib, host) = (1.0, 0.5, self.host);
        let prices = Prices { core, gib, host, process_mib: 60.0, thread_kib: 16.0, greenlet_kib: 8.0 };
        [false, true].map(|by_force| {
            let question = Question { seed: Seed(1), replications: 2, threads: None, prices, by_force, off: false };
            let plan =
                make(std::slice::from_ref(&space), &slo, &question, &|_| {}).expect("the runs come to their end");
            (plan.answer().map(|found| found.settings.clone()), plan.worlds[0].unchecked)
        })
    }
}

/// Plans so many files, and says how many have another answer than brute force without a caveat.
fn wrong_plans(files: u32, seed: u64) -> u32 {
    let mut dice = Dice(seed);
    let mut wrong = 0;
    for file in 0..files {
        let drawn = Drawn::of(&mut dice);
        let [(found, unchecked), (forced, _)] = drawn.both();
        if found != forced && unchecked == 0 {
            println!("file {file}: {found:?} instead of {forced:?}");
            wrong += 1;
        }
    }
    wrong
}

#[test]
fn a_plan_of_a_file_at_random_is_the_one_that_trying_everything_makes() {
    // Of mistakes that one file in three brings to light these find seven in ten; fifty files are below.
    assert_eq!(wrong_plans(3, 7), 0);
}

#[test]
#[ignore = "minutes: fifty files"]
fn fifty_plans_are_those_that_trying_everything_makes() {
    assert_eq!(wrong_plans(50, 11), 0);
}

/// Ten files whose capacity is known by running them for long: queues, hubs, GILs, pools, closed clients, cold caches.
fn ten_files() -> Vec<(String, Slo)> {
    let head = "version = 1\ntitle = \"x\"\n[run]\nlength = \"30s\"\n[machine]\ncores = 2\n";
    let threads = "[world.w]\nworker = \"uwsgi-threads\"\nthreads = 10\n";
    let hub = "[world.w]\nworker = \"uwsgi-gevent\"\ngreenlets = 200\n";
    let open = "[client.u]\nrate = \"100/s\"\n";
    let closed = "[client.u]\nclients = 20\nthink = \"exp(500ms)\"\n";
    let waits = "[request.p]\nsteps = [{ burn = \"1ms\" }, { sleep = \"exp(40ms)\" }]\n";
    let burns = "[request.p]\nsteps = [{ burn = \"exp(4ms)\" }]\n";
    let mixed = "[request.p]\nshare = 95\nsteps = [{ burn = \"1ms\" }, { sleep = \"20ms\" }]\n[request.q]\nshare = 5\nsteps = [{ burn = \"50ms\" }]\n";
    let pooled =
        "[pool.db]\nunits = 5\n[request.p]\nsteps = [{ with = \"db\", steps = [{ sleep = \"exp(20ms)\" }] }]\n";
    let heavy = "[request.p]\nsteps = [{ sleep = \"lognormal(20ms, 400ms)\" }]\n";
    let file = |parts: [&str; 3], ms: u64| (head.to_owned() + &parts.concat(), p99_and_errors(Span::from_ms(ms)));
    vec![
        file([threads, open, waits], 300),
        file([threads, open, burns], 80),
        file([threads, open, mixed], 400),
        file([threads, open, pooled], 250),
        file([threads, open, heavy], 900),
        file([threads, closed, waits], 400),
        file([hub, open, waits], 250),
        file([hub, open, burns], 80),
        file([hub, open, mixed], 300),
        file([hub, closed, burns], 80),
    ]
}

/// The highest load, as a factor, at which many long runs meet on average: loads are tried from above, until one meets.
fn by_force(model: &Model, slo: &Slo, near: (f64, f64)) -> f64 {
    let ladder = Ladder::of(&model.clients, 0.05);
    let (low, high) = (ladder.nearest(near.0 / 1.5), ladder.nearest(near.1 * 1.5));
    let meets = |factor: f64| {
        let mut scaled = at_load(model, factor, true);
        scaled.run.length = scaled.run.length.map(|length| length * 5);
        let runs: Vec<Vitals> = (0..8)
            .map(|number| {
                let record = engine::run(&scaled, Seed(99), Replication(number)).expect("the run comes to its end");
                Vitals::of(&record, &scaled, slo)
            })
            .collect();
        JudgedLoad::of(slo, &runs.iter().collect::<Vec<_>>()).holds
    };
    (low..=high).rev().map(|rung| ladder.factor(rung)).find(|&factor| meets(factor)).unwrap_or(0.0)
}

/// How many of the capacities of these files under so many seeds have intervals that cover brute force, how many do not, and how many
/// were not told.
fn covered(files: &[(String, Slo)], seeds: std::ops::Range<u64>) -> (u32, u32, u32) {
    let (mut cover, mut miss, mut open) = (0, 0, 0);
    for (file, (text, slo)) in files.iter().enumerate() {
        let model = models(text);
        let found: Vec<WorldCapacity> =
            seeds.clone().map(|seed| capacity(&model, slo, &plan(seed, 3)).worlds.remove(0)).collect();
        let ends: Vec<(f64, f64)> = found.iter().filter(|world| world.told).map(interval).collect();
        open += u32::try_from(found.len() - ends.len()).expect("few");
        let near = (
            ends.iter().map(|one| one.0).fold(f64::INFINITY, f64::min),
            ends.iter().map(|one| one.1).fold(0.0, f64::max),
        );
        let truth = by_force(&model[0], slo, near);
        let inside = ends.iter().filter(|(low, high)| (*low..=*high).contains(&truth)).count();
        println!("file {file}: brute force {truth:.3}, {inside} of {} intervals cover it, {near:.3?}", ends.len());
        cover += u32::try_from(inside).expect("few");
        miss += u32::try_from(ends.len() - inside).expect("few");
    }
    (cover, miss, open)
}

#[test]
#[ignore = "minutes: twenty seeds of ten files"]
fn nine_of_ten_intervals_of_a_capacity_cover_a_long_brute_force() {
    let (cover, miss, open) = covered(&ten_files(), 0..20);
    println!("{cover} cover, {miss} do not, {open} were not told");
    assert!(f64::from(cover) >= 0.9 * f64::from(cover + miss), "{cover} of {}", cover + miss);
}

#[test]
fn intervals_of_the_capacity_of_a_pool_cover_a_long_brute_force() {
    let files = ten_files();
    let (cover, miss, open) = covered(&files[3..4], 0..6);
    assert!(cover + open >= 5 && miss <= 1, "{cover} cover, {miss} do not, {open} were not told");
}
