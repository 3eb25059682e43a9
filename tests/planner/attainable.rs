//! Objectives that are out of reach: what an empty system misses is said, with the best that is attainable, and nothing else is.

use std::io::Write as _;
use std::process::{Command, Stdio};

use engine::rng::{Replication, Seed};
use engine::{Model, RunRecord};
use lab::attainable::{Failing, Unattainable, WhyUnattainable, unattainable};
use lab::slo::{GoodSide, Measure, Objective, Slo};

fn model(client: &str, rest: &str) -> Model {
    let text = format!(
        "version = 1\ntitle = \"t\"\n[run]\nlength = \"200s\"\ndrain = \"0s\"\n[machine]\ncores = 4\n[world.w]\n\
         worker = \"uwsgi-threads\"\nthreads = 200\n[client.u]\n{client}\n{rest}\n"
    );
    let compiled = scenario::parse(&text, "s.toml", &[])
        .and_then(|scenario| scenario::compile(&scenario, &mut |_| Err("no file".to_owned())));
    let shown = |list: Vec<scenario::Diagnostic>| list.iter().map(|one| one.plain(&text)).collect::<String>();
    compiled.map_err(shown).unwrap_or_else(|wrong| panic!("{wrong}")).models.remove(0)
}

fn objective(measure: &str, bound: f64) -> Objective {
    let measure = Measure::named(measure).expect("it has that name");
    let above = matches!(measure, Measure::Throughput | Measure::Served);
    Objective {
        measure,
        class: None,
        side: if above { GoodSide::Above } else { GoodSide::Below },
        inclusive: false,
        bound,
    }
}

fn missed(model: &Model, objective: Objective) -> Option<Unattainable> {
    unattainable(model, &Slo { objectives: vec![objective], worlds: None }).pop()
}

fn run(model: &Model) -> RunRecord {
    engine::run(model, Seed(1), Replication(0)).expect("it runs to its end")
}

const SHOP: &str = "[peer.payments]\n[peer.db]\n[request.page]\nshare = 4\nsteps = [{ call = \"db\", takes = \"exp(20ms)\" }]\n\
                    [request.buy]\nsteps = [{ call = \"db\", takes = \"exp(20ms)\" }, { call = \"payments\", takes = \"lognormal(200ms, 1100ms)\" }]\n";

#[test]
fn an_empty_system_that_is_too_slow_already_is_said_to_be() {
    let model = model("rate = \"100/s\"", SHOP);
    let found = missed(&model, objective("p99", 5e8)).expect("payments alone takes longer in more than 1 of 100");
    let WhyUnattainable::Alone { of, share } = &found.why else { panic!("{found:?}") };
    // P(lognormal > 500 ms), of every fifth request: the normal law beyond ln(2.5) / (ln(5.5) / 2.326).
    assert!(of == "payments" && (share / (0.1059 / 5.0) - 1.0).abs() < 0.1, "{found:?}");
    // Hardly any load: what is simulated there is the best that is attainable, but for chance (20,000 requests).
    let simulated = run(&model).latency.quantile(0.99).expect("there are responses").as_ns() as f64;
    assert!((found.best / simulated - 1.0).abs() < 0.1, "{} is not {simulated}", found.best);
    assert!(found.between.0 < found.best && found.best < found.between.1, "{found:?}");
    // What is attainable is not called unattainable, however narrowly.
    assert_eq!(missed(&model, objective("p99", found.between.1)), None);
    assert_eq!(missed(&model, objective("p50", 5e8)), None);
    let of_page = Objective { class: Some("page".to_owned()), ..objective("p99", 5e8) };
    assert_eq!(missed(&model, of_page), None);
}

#[test]
fn several_steps_together_or_the_network_can_be_too_slow_too() {
    let steps = "[request.p]\nsteps = [{ sleep = \"60ms\" }, { burn = \"50ms\" }]\n";
    let found = missed(&model("rate = \"1/s\"", steps), objective("p50", 1e8)).expect("110 ms");
    assert_eq!(found.why, WhyUnattainable::Together { class: "p".to_owned(), share: 1.0 });
    let far = missed(&model("rate = \"1/s\"\nnetwork = \"30ms\"", steps), objective("p50", 2.2e8)).expect("230 ms");
    assert!((far.best / 2.3e8 - 1.0).abs() < 0.01 && far.between.0 == far.between.1, "{far:?}");
}

#[test]
fn a_dependency_that_fails_by_itself_is_named() {
    let client = "rate = \"50/s\"";
    let shop =
        SHOP.replace("[peer.payments]", "[peer.payments]\nslow = [{ from = \"0s\", to = \"900s\", fail = 0.25 }]");
    let model = model(client, &shop);
    let found = missed(&model, objective("errors", 0.01)).expect("a quarter of a fifth fails");
    assert!(
        matches!(&found.why, WhyUnattainable::Fails { of: Failing::Peer(_), peer: Some(name), .. } if name == "payments")
    );
    assert!((found.best - 0.05).abs() < 0.005 && found.between.0 < 0.05 && found.between.1 > 0.05, "{found:?}");
    assert_eq!(missed(&model, objective("errors", 0.06)), None);
    let served = missed(&model, objective("served", 0.99)).expect("nobody asks again");
    assert!((served.best - 0.95).abs() < 0.005, "{served:?}");
    // For a tenth of the time it is a tenth of that.
    let shop =
        SHOP.replace("[peer.payments]", "[peer.payments]\nslow = [{ from = \"20s\", to = \"40s\", fail = 0.25 }]");
    let found = missed(&self::model(client, &shop), objective("errors", 0.001)).expect("0.5 % fail");
    assert!((found.best - 0.005).abs() < 0.002, "{found:?}");
}

#[test]
fn a_time_limit_that_its_own_call_exceeds_fails_it() {
    let steps = "[peer.db]\n[request.p]\nsteps = [{ call = \"db\", takes = \"exp(100ms)\", timeout = \"300ms\" }]\n";
    let model = model("rate = \"20/s\"", steps);
    let found = missed(&model, objective("errors", 0.01)).expect("exp(-3) of them fail");
    assert!(matches!(found.why, WhyUnattainable::Fails { of: Failing::Slow(0), .. }), "{found:?}");
    assert!((found.best - (-3.0_f64).exp()).abs() < 0.004, "{found:?}");
    // And whoever is answered is so within it.
    assert_eq!(missed(&model, objective("p99", 3.05e8)), None);
}

#[test]
fn more_than_is_asked_for_or_can_be_served_is_out_of_reach() {
    let asked = model("rate = \"50/s\"", SHOP);
    assert_eq!(missed(&asked, objective("throughput", 80.0)).expect("50 /s come").why, WhyUnattainable::Asked);
    assert_eq!(missed(&asked, objective("throughput", 50.5)), None);
    let pool = "[pool.db]\nunits = 2\n[request.p]\nsteps = [{ with = \"db\", steps = [{ sleep = \"100ms\" }] }]\n";
    let found = missed(&model("rate = \"50/s\"", pool), objective("throughput", 40.0)).expect("20 /s can be served");
    assert!(
        matches!(&found.why, WhyUnattainable::Ceiling { why, .. } if why.starts_with("pool db: 2 units")),
        "{found:?}"
    );
    let shut = model("clients = 10\nthink = \"1s\"", "[request.p]\nsteps = [{ sleep = \"1s\" }]\n");
    assert!(
        missed(&shut, objective("throughput", 6.0)).is_some() && missed(&shut, objective("throughput", 4.9)).is_none()
    );
}

/// What the command line says of a text: what it prints, and its warnings.
fn told(args: &[&str], text: &str) -> (String, String) {
    let mut command = Command::new(crate::common::process::program());
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    child.stdin.take().expect("it reads").write_all(text.as_bytes()).expect("it reads all of it");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    (text(output.stdout), text(output.stderr))
}

const DROWNING: &str = "version = 1\ntitle = \"t\"\n[run]\nlength = \"5s\"\nreplications = 1\n[machine]\ncores = 4\n\
    [slo]\np99 = \"< 800ms\"\n[world.few]\nworker = \"uwsgi-threads\"\nthreads = 4\n[client.u]\nrate = \"60/s\"\n\
    [request.p]\nsteps = [{ sleep = \"1s\" }]\n";

#[test]
fn check_doubts_what_is_out_of_reach_at_its_place_unless_the_file_expects_it() {
    let (out, err) = told(&["check", "-"], DROWNING);
    assert!(out.contains("2 doubts"), "{out}");
    assert!(err.contains("-:9:7: warning[unattainable]: p99 < 800 ms cannot be met in few"), "{err}");
    assert!(err.contains("because `sleep` alone takes over 800 ms in every request"), "{err}");
    assert!(err.contains("-:10:8: warning[overload]: world `few` cannot carry its load: 60.0 /s come"), "{err}");
    assert!(err.contains("60.0 /s x 1.00 s want 60 slots; there are 4"), "{err}");
    let (out, err) = told(&["check", "-"], &format!("expect = [\"overload\", \"unattainable\"]\n{DROWNING}"));
    assert!(out.contains("fine") && err.is_empty(), "{out}{err}");
    let calm = DROWNING.replace("60/s", "1/s").replace("800ms", "2s");
    let (out, err) = told(&["check", "-"], &format!("expect = [\"overload\"]\n{calm}"));
    assert!(out.contains("one doubt") && err.contains("there is no `overload` here to expect"), "{out}{err}");
}

#[test]
fn run_says_first_what_is_out_of_reach_and_its_document_has_it() {
    let (out, _) = told(&["run", "-", "--no-plots"], DROWNING);
    let (reach, outcome) = (out.find("Out of reach"), out.find("Outcome"));
    assert!(reach.is_some() && reach < outcome, "{out}");
    assert!(out.contains("slots run out: 60.0 /s x ") && out.contains(" slots; there are 4"), "{out}");
    let (out, _) = told(&["run", "-", "--json"], DROWNING);
    let document: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    let missed = &document["unattainable"][0];
    assert_eq!((missed["objective"].as_str(), missed["world"].as_str()), (Some("p99"), Some("few")));
    assert!(missed["best"].as_f64().is_some_and(|best| (best / 1e9 - 1.0).abs() < 0.01), "{missed}");
    assert_eq!(document["theory"][0]["littles_law"]["of"], "slots");
    let (out, _) = told(&["capacity", "-", "--no-plots"], DROWNING);
    assert!(out.find("Out of reach").is_some_and(|at| Some(at) < out.find("Objectives")), "{out}");
}
