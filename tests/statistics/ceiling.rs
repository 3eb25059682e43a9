//! The ceiling on a world's throughput: what binds is named, it is reached where load enough comes, and no random world exceeds it.

use engine::model::Arrivals;
use engine::record::Ending;
use engine::rng::{Replication, Seed, mix};
use engine::{Model, RunError, RunRecord};
use lab::theory::{Ceiling, StationKind, ceiling};
use scenario::Override;

fn models(text: &str, set: &[(&str, String)]) -> Vec<Model> {
    let overrides: Vec<Override> =
        set.iter().map(|(key, value)| Override { key: (*key).to_owned(), value: value.clone() }).collect();
    let compiled = scenario::parse(text, "s.toml", &overrides)
        .and_then(|scenario| scenario::compile(&scenario, &mut |_| Err("no file".to_owned())));
    let shown = |list: Vec<scenario::Diagnostic>| list.iter().map(|one| one.plain(text)).collect::<String>();
    compiled.map_err(shown).unwrap_or_else(|wrong| panic!("{wrong}\n{text}")).models
}

fn run(model: &Model) -> RunRecord {
    engine::run(model, Seed(1), Replication(0)).unwrap_or_else(|error| panic!("{error}"))
}

/// Good responses that came within the measured window, and its length in seconds. Points of the series are a second.
fn answered(model: &Model, record: &RunRecord) -> (f64, f64) {
    let second = |span: engine::time::Span| span.as_secs_f64().round() as usize;
    let (from, to) = (second(model.run.warm_up), second(model.run.length.expect("the run has a length")));
    let good = record.series.endings[Ending::Ok as usize].iter().take(to).skip(from);
    (good.map(|count| *count as f64).sum(), (to - from) as f64)
}

const HEAD: &str = "version = 1\ntitle = \"t\"\n[run]\nlength = \"40s\"\ndrain = \"0s\"\nwarm_up = \"10s\"\n\
                    [machine]\ncores = 4\ncold_percent = 100\nsomaxconn = 100000\n";
const GEVENT: &str = "[world.w]\nworker = \"gunicorn-gevent\"\ngreenlets = 5000\nlisten = 100000\n";

/// A world in which one thing binds: it is named, and an overload comes up to it.
fn binds(rest: &str, kind: &StationKind, said: &str, most: f64) {
    let model = &models(&format!("{HEAD}{rest}"), &[])[0];
    let bound = ceiling(model).expect("it is bounded");
    assert_eq!((&bound.binds, bound.why.as_str()), (kind, said), "{rest}");
    assert!((bound.most / most - 1.0).abs() < 0.01, "{} is not {most}\n{rest}", bound.most);
    let (good, seconds) = answered(model, &run(model));
    let rate = good / seconds;
    // Chance, and what was inside when the window began, make up a twentieth at most: hundreds of requests.
    assert!(rate < bound.most * 1.05 && rate > bound.most * 0.9, "{rate} of {}\n{rest}", bound.most);
}

#[test]
fn what_binds_is_named_and_an_overload_comes_up_to_it() {
    let client = |rate: u32| format!("[client.u]\nrate = \"{rate}/s\"\n");
    let pool = format!("{GEVENT}{}[pool.db]\nunits = 2\n", client(80));
    let steps = "[request.p]\nsteps = [{ sleep = \"10ms\" }, { with = \"db\", steps = [{ sleep = \"40ms\" }] }]\n";
    binds(&(pool + steps), &StationKind::Pool("db".into()), "pool db: 2 units, each held 40.000 ms a request", 50.0);

    let lock = format!("{GEVENT}{}[lock.l]\n", client(80));
    let steps =
        "[request.p]\nsteps = [{ acquire = \"l\" }, { sleep = \"25ms\" }, { release = \"l\" }, { sleep = \"1s\" }]\n";
    binds(&(lock + steps), &StationKind::Lock("l".into()), "lock l: held 25.000 ms a request", 40.0);

    let queue = format!("{GEVENT}{}[queue.q]\nsize = 2\n", client(80));
    let steps = "[request.p]\nsteps = [{ put = \"q\" }, { sleep = \"50ms\" }, { get = \"q\" }]\n";
    binds(&(queue + steps), &StationKind::Queue("q".into()), "queue q: 2 places, each taken 50.000 ms a request", 40.0);

    let peer = format!("{GEVENT}{}[peer.db]\ncapacity = 3\nnetwork = \"5ms\"\n", client(80));
    let steps = "[request.p]\nsteps = [{ call = \"db\", takes = \"60ms\" }]\n";
    binds(&(peer + steps), &StationKind::Peer("db".into()), "peer db: 3 calls at once, each 60.000 ms a request", 50.0);

    let offload =
        format!("{GEVENT}{}[offload]\nthreads = 2\n[request.p]\nsteps = [{{ offload = \"50ms\" }}]\n", client(80));
    binds(&offload, &StationKind::NativeThreads, "offload: 2 threads, busy for 50.000 ms a request", 40.0);

    let uplink = format!(
        "{GEVENT}{}[request.p]\nresponse = {{ header = 100, body = 900 }}\nsteps = [{{ sleep = \"1ms\" }}]\n",
        client(80)
    );
    let uplink = uplink.replace("[world.w]", "uplink = 50000\n[world.w]");
    binds(&uplink, &StationKind::Uplink, "uplink: 50,000 bytes a second, 1,000 bytes a response", 50.0);

    // Who waits for answers before he asks again: else connecting takes the time in which answers would be read.
    let sender =
        format!("{GEVENT}[client.u]\nclients = 20\ncost = \"20ms\"\n[request.p]\nsteps = [{{ sleep = \"1ms\" }}]\n");
    let said = "the program that sends for client u: one process, busy for 20.000 ms a request";
    binds(&sender, &StationKind::Sender("u".into()), said, 50.0);

    // Ports: 300 in all, each taken for a second and 50 ms; at first they are all free, so the window begins later.
    let ports = format!(
        "{GEVENT}{}ports = {{ first = 10001, last = 10300, closes = \"client\", tcp_tw_reuse = true }}\n\
         [request.p]\nsteps = [{{ sleep = \"200ms\" }}]\n",
        client(400)
    );
    let model = &models(&format!("{HEAD}{ports}"), &[])[0];
    let bound = ceiling(model).expect("it is bounded");
    assert_eq!(bound.binds, StationKind::ClientPorts("u".into()));
    let (good, seconds) = answered(model, &run(model));
    assert!(good / seconds < bound.most * 1.01 && good / seconds > bound.most * 0.9, "{good} of {bound:?}");
}

#[test]
fn a_sync_worker_holds_its_slot_until_its_client_has_closed() {
    let world = "[world.w]\nworker = \"gunicorn-sync\"\nprocesses = 4\nlisten = 100000\n\
                 costs = { accept = \"0s\", request = \"0s\", respond = \"0s\" }\n\
                 [client.u]\nrate = \"80/s\"\nnetwork = \"40ms\"\n[request.p]\nsteps = [{ sleep = \"20ms\" }]\n";
    binds(world, &StationKind::Slots, "4 slots, busy for 100.000 ms a request", 40.0);
    let pool = "[world.w]\nworker = \"gunicorn-gthread\"\nthreads = 30\nlisten = 100000\n\
                costs = { accept = \"0s\", request = \"0s\", respond = \"0s\", handoff = \"0s\", close = \"0s\" }\n\
                [client.u]\nrate = \"40/s\"\nnetwork = \"25ms\"\n[request.p]\nsteps = [{ sleep = \"20ms\" }]\n";
    binds(pool, &StationKind::Acceptors, "1 accepting thread, busy for 50.000 ms a request", 20.0);
}

#[test]
fn groups_and_kinds_of_request_are_mixed_by_how_often_they_come() {
    let text = format!(
        "{HEAD}{GEVENT}[pool.db]\nunits = 2\n[client.a]\nrate = \"30/s\"\nrequests = [\"light\"]\n\
         [client.b]\nrate = \"10/s\"\n[request.light]\nshare = 1\nsteps = [{{ sleep = \"1ms\" }}]\n\
         [request.heavy]\nshare = 1\nsteps = [{{ with = \"db\", steps = [{{ sleep = \"400ms\" }}] }}]\n"
    );
    let bound = ceiling(&models(&text, &[])[0]).expect("it is bounded");
    // Of 40 a second 5 are heavy: 50 ms of a unit each.
    assert_eq!(bound.why, "pool db: 2 units, each held 50.000 ms a request");
    assert!((bound.most - 40.0).abs() < 1e-6 && bound.offered == Some(40.0), "{bound:?}");
}

#[test]
fn what_is_cut_short_counts_with_what_it_takes_at_least() {
    let text = |steps: &str| {
        format!("{HEAD}{GEVENT}[pool.db]\nunits = 1\n[client.a]\nrate = \"30/s\"\n[request.p]\nsteps = [{steps}]\n")
    };
    let most = |steps: &str| ceiling(&models(&text(steps), &[])[0]).map(|bound| (bound.binds, bound.most));
    let whole = most("{ with = \"db\", steps = [{ sleep = \"lognormal(10ms, 1s)\" }] }").expect("bounded");
    let cut =
        most("{ timeout = \"30ms\", steps = [{ with = \"db\", steps = [{ sleep = \"lognormal(10ms, 1s)\" }] }] }");
    let cut = cut.expect("bounded");
    assert!(whole.0 == StationKind::Pool("db".into()) && cut.1 > 1.5 * whole.1, "{whole:?} {cut:?}");
    // Behind something that can fail, those who are answered may all be those who did not go there.
    let chance =
        "{ chance = 0.5, steps = [{ acquire = \"db\", timeout = \"1s\" }, { sleep = \"1s\" }, { release = \"db\" }] }";
    assert_ne!(most(chance).map(|(kind, _)| kind), Some(StationKind::Pool("db".into())));
}

#[test]
fn who_goes_another_way_is_not_held_up_by_a_pool_that_is_short() {
    // Half of them want a pool of which one a second is free; the others come and go.
    let steps = "{ chance = 0.5, steps = [{ with = \"db\", steps = [{ sleep = \"1s\" }] }] }";
    let client = "[client.u]\nrate = \"100/s\"\n";
    let text = format!("{HEAD}[pool.db]\nunits = 1\n{GEVENT}{client}[request.p]\nsteps = [{steps}]\n");
    let model = models(&text, &[]).remove(0);
    let bound = ceiling(&model).expect("it is bounded");
    assert!(bound.binds == StationKind::Pool("db".into()) && (bound.most - 2.0).abs() < 1e-9, "{bound:?}");
    let (good, seconds) = answered(&model, &run(&model));
    let rate = good / seconds;
    assert!(rate > 40.0 && rate <= above(&model, &bound, seconds), "{rate}, {bound:?}");
}

/// Picks numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, many: u64) -> u64 {
        self.0 = mix(self.0, 1);
        self.0 % many
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }

    fn law(&mut self) -> String {
        let ms = 1 + self.below(60);
        match self.below(5) {
            0 | 1 => format!("{ms}ms"),
            2 => format!("exp({ms}ms)"),
            3 => format!("uniform({ms}ms, {}ms)", 2 * ms),
            _ => format!("lognormal({ms}ms, {}ms)", 4 * ms),
        }
    }

    fn step(&mut self, depth: u64) -> String {
        let law = self.law();
        match self.below(if depth == 0 { 16 } else { 9 }) {
            0 => format!("{{ burn = \"{}ms\" }}", 1 + self.below(8)),
            1 => format!("{{ native = \"{}ms\" }}", 1 + self.below(8)),
            2 => format!("{{ sleep = \"{law}\" }}"),
            3 => format!("{{ sleep = \"{}ms\", blocking = true }}", 1 + self.below(15)),
            4 => format!("{{ call = \"{}\", takes = \"{law}\" }}", self.of(&["a", "b"])),
            5 => format!("{{ call = \"a\", takes = \"{law}\", timeout = \"{}ms\" }}", 20 + self.below(200)),
            6 => format!("{{ offload = \"{law}\" }}"),
            7 => "{ yield = true }".to_owned(),
            8 => format!("{{ burn = \"{}ms\", yield_every = \"2ms\" }}", 1 + self.below(8)),
            9 | 10 => format!("{{ with = \"db\", steps = [{}, {}] }}", self.step(1), self.step(1)),
            11 => format!("{{ with = \"l\", timeout = \"{}ms\", steps = [{}] }}", 50 + self.below(500), self.step(1)),
            12 => format!("{{ put = \"q\" }}, {}, {{ get = \"q\" }}", self.step(1)),
            13 => format!("{{ chance = 0.{}, steps = [{}] }}", 1 + self.below(9), self.step(1)),
            14 => format!("{{ repeat = {}, steps = [{}] }}", 2 + self.below(3), self.step(1)),
            _ if self.one_in(2) => {
                format!("{{ timeout = \"{}ms\", steps = [{}] }}", 30 + self.below(300), self.step(1))
            }
            _ => format!("{{ fan = {}, steps = [{{ sleep = \"{law}\" }}, {{ burn = \"1ms\" }}] }}", 2 + self.below(3)),
        }
    }

    fn steps(&mut self) -> String {
        let steps: Vec<String> = (0..1 + self.below(4)).map(|_| self.step(0)).collect();
        steps.join(", ")
    }

    fn server(&mut self) -> String {
        let worker = self.of(&[
            "uwsgi-threads",
            "uwsgi-gevent",
            "uwsgi-router-threads",
            "gunicorn-sync",
            "gunicorn-gthread",
            "gunicorn-gevent",
            "pywsgi",
            "paste",
        ]);
        let mut text =
            format!("[world.w]\nworker = \"{worker}\"\nlisten = 100000\nprocesses = {}\n", 1 + self.below(3));
        match worker {
            "gunicorn-sync" => {}
            "uwsgi-gevent" | "gunicorn-gevent" | "pywsgi" => text += &format!("greenlets = {}\n", 2 + self.below(60)),
            _ => text += &format!("threads = {}\n", 1 + self.below(8)),
        }
        if worker == "gunicorn-gthread" && self.one_in(3) {
            text += &format!("connections = {}\n", 1 + self.below(20));
        }
        if self.one_in(4) {
            text += "gil = false\n";
        }
        if self.one_in(8) {
            text += "kernel = { nf_conntrack_max = 200, nf_conntrack_tcp_timeout_time_wait = \"1s\" }\n";
        }
        text
    }

    fn client(&mut self, name: &str, closed: bool, plain: bool) -> String {
        let mut text = format!("[client.{name}]\n");
        text += &if closed {
            format!("clients = {}\nthink = \"{}\"\n", 1 + self.below(80), self.law())
        } else {
            format!("rate = \"1/s\"\n{}", self.of(&["", "arrivals = \"fixed\"\n"]))
        };
        let extras = [
            "keep_alive = {}\n",
            "patience = \"exp(400ms)\"\n",
            "read_timeout = \"300ms\"\n",
            "download = 4000\n",
            "cost = \"3ms\"\n",
            "ports = { first = 10001, last = 10040, closes = \"client\", tcp_tw_reuse = true }\n",
            "retry = { times = 2, on = [\"error\", \"timeout\"] }\n",
        ];
        for extra in extras {
            if !plain && self.one_in(7) {
                text += extra;
            }
        }
        text + &format!("network = \"{}ms\"\n", self.below(2) * self.below(15))
    }

    /// A world, and whether its clients wait for answers before they ask again; `plain`: they do, and do nothing else.
    fn scenario(&mut self, plain: bool) -> (String, bool) {
        let mut text = "version = 1\ntitle = \"t\"\n[run]\nlength = \"20s\"\ndrain = \"0s\"\n".to_owned();
        text += if self.one_in(2) { "warm_up = \"5s\"\n" } else { "" };
        text += &format!("[machine]\nsomaxconn = 100000\ncores = {}\n", 1 + self.below(4));
        text += if self.one_in(3) { "cold_percent = 100\n" } else { "" };
        text += &if self.one_in(5) { format!("uplink = {}\n", 5_000 + self.below(50_000)) } else { String::new() };
        text += &self.server();
        let closed = plain || self.one_in(2);
        text += &self.client("u", closed, plain);
        if !plain && self.one_in(4) {
            text += &self.client("v", closed, plain);
        }
        // Behind a proxy nobody keeps connections to the servers.
        let proxied = !text.contains("keep_alive") && self.one_in(8);
        text += if proxied { "[proxy]\nnetwork = \"1ms\"\n" } else { "" };
        text += &format!("[peer.a]\nnetwork = \"{}ms\"\n", self.below(3));
        text += &format!("[peer.b]\ncapacity = {}\n", 1 + self.below(6));
        text +=
            &format!("[pool.db]\nunits = {}\n[lock.l]\n[queue.q]\nsize = {}\n", 1 + self.below(6), 1 + self.below(4));
        text += &format!("[request.p]\nsteps = [{}]\n", self.steps());
        if self.one_in(2) {
            text += &format!("[request.q]\nshare = {}\nsteps = [{}]\n", 1 + self.below(3), self.steps());
        }
        (text, closed)
    }
}

/// Requests a second that a world with open clients is offered so that something binds, or just does not.
fn loads(dice: &mut Dice, model: &Model, bound: &Ceiling) -> Vec<(&'static str, String)> {
    let factor = [0.7, 1.5, 3.0][dice.below(3) as usize];
    let each = (bound.most * factor / model.clients.len() as f64).clamp(0.5, 3_000.0);
    let paths = ["client.u.rate", "client.v.rate"];
    paths.iter().take(model.clients.len()).map(|path| (*path, format!("\"{each:.3}/s\""))).collect()
}

/// How far above its ceiling chance may bring a run: five standard errors of what a request takes, and a request.
fn above(model: &Model, bound: &Ceiling, seconds: f64) -> f64 {
    let requests = (bound.in_this_run * seconds).max(1.0);
    // Where those are answered who need less of what binds, it is a matter of chance how many of them come.
    let comes = if bound.in_this_run > bound.most * 1.001 { 1.0 } else { 0.0 };
    let closed = model.clients.iter().any(|client| matches!(client.arrivals, Arrivals::Closed { .. }));
    let spread = bound.variation + if closed { 0.0 } else { comes };
    bound.in_this_run * (1.0 + 5.0 * spread / requests.sqrt()) + 1.0 / seconds
}

#[test]
fn no_random_world_serves_more_than_its_ceiling_or_answers_faster_than_its_floor() {
    let (mut near, mut floors) = (0, 0);
    // The last are plain: few of the others have a floor.
    for seed in 0..240 {
        let mut dice = Dice(mix(20_261_130, seed));
        let (text, closed) = dice.scenario(seed >= 160);
        let mut model = models(&text, &[]).remove(0);
        let Some(bound) = ceiling(&model) else { continue };
        if !closed {
            let set = loads(&mut dice, &model, &bound);
            model = models(&text, &set).remove(0);
        }
        let bound = ceiling(&model).expect("it was bounded before");
        let record = match engine::run(&model, Seed(1), Replication(0)) {
            Ok(record) => record,
            // Who failed between its put and its get has left a full queue behind: nobody is served any more.
            Err(RunError::Deadlock { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}\n{text}"),
        };
        let (good, seconds) = answered(&model, &record);
        let rate = good / seconds;
        let most = above(&model, &bound, seconds);
        assert!(rate <= most, "seed {seed}: {rate} /s, at most {most} ({bound:?})\n{text}");
        near += u32::from(rate > 0.9 * bound.most);
        let (Some(floor), Some(mean)) = (&bound.latency, record.latency.mean()) else { continue };
        let Arrivals::Closed { clients, .. } = model.clients[0].arrivals else { continue };
        let (requests, clients) = (record.latency.count() as f64, f64::from(clients));
        if requests < 20.0 * clients || requests < 400.0 {
            continue;
        }
        floors += 1;
        // Those who are still waiting at the end are missing in the mean: at most all clients.
        let slack = clients / requests + 5.0 * bound.variation.max(0.1) / requests.sqrt();
        let mean = mean.as_secs_f64();
        assert!(mean >= floor.least * (1.0 - slack), "seed {seed}: {mean} s, at least {floor:?}\n{text}");
    }
    // A ceiling that is never near would hold too.
    assert!(near >= 30 && floors >= 15, "{near} worlds came near their ceilings, {floors} had floors");
}
