//! Queueing theory: where a law gives the answer, the engine must meet it within three standard errors.
//!
//! Every test runs 20 replications of 200,000 simulated service times and more after a warm-up of a tenth, and compares the mean over
//! replications with theory. Three standard errors of 20 independent means: a right engine fails one run in about 150, and the
//! seeds are fixed, so a test that passes passes always.

use crate::common::cores::on_all_cores;
use crate::common::world::*;
use engine::RunRecord;
use engine::law::Law;
use engine::model::Model;
use engine::record::{Ending, Wait};
use engine::time::Span;

const REPLICATIONS: u32 = 20;
const SERVICE: Span = Span::from_ms(100);

fn run_long(model: &mut Model, rate: f64) -> Vec<RunRecord> {
    // 200,000 services at full load; at lower load the run is as long in time.
    let length = secs(20_000 * model.slots().min(10) / model.slots());
    run_for(model, rate, length)
}

fn run_for(model: &mut Model, rate: f64, length: Span) -> Vec<RunRecord> {
    model.run.length = Some(length);
    model.run.warm_up = length / 10;
    model.run.step = secs(1000);
    edit_client(model, |client| client.arrivals = poisson(rate));
    let replications: Vec<u32> = (0..REPLICATIONS).collect();
    on_all_cores(&replications, |&replication| run_seed(model, replication))
}

/// Mean wait in the accept queue, in seconds.
fn mean_wait(record: &RunRecord) -> f64 {
    record.classes[0].blame[Wait::Backlog as usize].as_secs_f64() / record.latency.count() as f64
}

fn assert_mean(what: &str, samples: &[f64], expected: f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let error = (samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    assert!(
        (mean - expected).abs() <= 3.0 * error,
        "{what}: simulated {mean:.6} +- {error:.6}, theory {expected:.6}, {:.2} standard errors off",
        (mean - expected) / error
    );
}

/// Erlang's C: the probability that an M/M/c customer waits. `load` is the offered load in servers.
fn erlang_c(servers: u32, load: f64) -> f64 {
    let blocking = erlang_b(servers, load);
    let rho = load / f64::from(servers);
    blocking / (1.0 - rho * (1.0 - blocking))
}

/// Erlang's B by its recursion.
fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |b, n| load * b / (f64::from(n) + load * b))
}

fn mmc_wait(servers: u32, utilisation: f64) -> (f64, f64) {
    let service = SERVICE.as_secs_f64();
    let load = utilisation * f64::from(servers);
    let wait = erlang_c(servers, load) * service / (f64::from(servers) - load);
    (load / service, wait)
}

#[test]
fn mm1_mean_wait_is_rho_over_one_minus_rho() {
    let (rate, wait) = mmc_wait(1, 0.8);
    assert!((wait - 0.4).abs() < 1e-12, "Erlang C with one server is the M/M/1 law");
    let mut model = world(threads(1), 1, Steps::new().sleep(exponential(SERVICE)), poisson(rate));
    let waits: Vec<f64> = run_long(&mut model, rate).iter().map(mean_wait).collect();
    assert_mean("M/M/1 at 0.8", &waits, wait);
}

#[test]
fn mmc_mean_wait_is_erlangs() {
    for servers in [2, 8, 40] {
        let (rate, wait) = mmc_wait(servers, 0.9);
        let mut model = world(threads(servers), 1, Steps::new().sleep(exponential(SERVICE)), poisson(rate));
        let waits: Vec<f64> = run_long(&mut model, rate).iter().map(mean_wait).collect();
        assert_mean(&format!("M/M/{servers} at 0.9"), &waits, wait);
    }
}

#[test]
fn a_hub_with_c_greenlets_is_the_same_mmc_queue() {
    // Sleeps end up to a millisecond late (epoll counts in milliseconds) plus 50 us of slack, so the service is longer by
    // 0.5 ms + 50 us in the mean; sleeping 50 ms +- 0.5 % keeps the law within the error, if the mean is corrected for it.
    let (rate, _) = mmc_wait(8, 0.8);
    let mut model = world(hub(8), 1, Steps::new().sleep(exponential(SERVICE)), poisson(rate));
    let records = run_long(&mut model, rate);
    let waits: Vec<f64> = records.iter().map(mean_wait).collect();
    let late = Span::from_us(550).as_secs_f64();
    let service = SERVICE.as_secs_f64() + late;
    let load = rate * service;
    assert_mean("M/M/8 of greenlets", &waits, erlang_c(8, load) * service / (8.0 - load));
}

#[test]
fn mg1_mean_wait_is_pollaczek_and_khinchines() {
    let law = Law::lognormal(Span::from_ms(60), Span::from_ms(600)).expect("the median is below the p99");
    let Law::Lognormal { mu, sigma } = law else { panic!("a lognormal law is lognormal") };
    let (mean, square) = ((mu + sigma * sigma / 2.0).exp() / 1e9, (2.0 * mu + 2.0 * sigma * sigma).exp() / 1e18);
    let rate = 0.7 / mean;
    let expected = rate * square / (2.0 * (1.0 - rate * mean));
    let mut model = world(threads(1), 1, Steps::new().sleep(law), poisson(rate));
    let waits: Vec<f64> = run_long(&mut model, rate).iter().map(mean_wait).collect();
    assert_mean("M/G/1 lognormal at 0.7", &waits, expected);
}

#[test]
fn mmck_loses_what_theory_says() {
    // Linux admits one more than the backlog, so K = servers + backlog + 1; who finds it full gives up before the SYN retry.
    let (servers, backlog) = (4, 3);
    let places = servers + backlog + 1;
    let load: f64 = 3.6;
    let weight = |n: u32| match n {
        n if n <= servers => load.powi(n as i32) / (1..=n).map(f64::from).product::<f64>(),
        n => {
            load.powi(n as i32)
                / ((1..=servers).map(f64::from).product::<f64>() * f64::from(servers).powi((n - servers) as i32))
        }
    };
    let lost = weight(places) / (0..=places).map(weight).sum::<f64>();
    let rate = load / SERVICE.as_secs_f64();
    let mut model = world(threads(servers), 1, Steps::new().sleep(exponential(SERVICE)), poisson(rate));
    model.listeners[0].backlog = backlog;
    edit_client(&mut model, |client| client.connect_timeout = Some(Span::from_us(1)));
    let shares: Vec<f64> = run_long(&mut model, rate)
        .iter()
        .map(|record| {
            let lost = record.endings[Ending::ConnectTimeout as usize] as f64;
            lost / record.endings.iter().sum::<u64>() as f64
        })
        .collect();
    assert_mean("M/M/4/8 losses", &shares, lost);
}

#[test]
fn littles_law_holds_for_what_is_inside() {
    let (rate, _) = mmc_wait(8, 0.9);
    let mut model = world(threads(8), 1, Steps::new().sleep(exponential(SERVICE)), poisson(rate));
    // An identity needs no long runs, only edges that are short beside them: 200,000 services, and not as many for each of the servers.
    let length = secs(20_000 / model.slots());
    for record in run_for(&mut model, rate, length) {
        let busy = record.slots_ppm as f64 / 1e6 * 8.0;
        let served = record.latency.count() as f64 / record.window.as_secs_f64();
        let service = record.classes[0].blame[Wait::Timer as usize].as_secs_f64() / record.latency.count() as f64;
        // Not a law of averages but an identity, up to the requests at the edges of the window: 8 of 100,000.
        assert!((busy / (served * service) - 1.0).abs() < 2e-3, "L = {busy}, lambda W = {}", served * service);
    }
}

#[test]
fn machine_repairman_throughput_is_as_theory_has_it() {
    // 20 clients that think 200 ms, 2 servers of 50 ms: the finite-source queue.
    let (clients, servers, think, service) = (20_u32, 2_u32, 0.2, 0.05);
    let ratio = service / think;
    let mut weights = vec![1.0];
    for n in 1..=clients {
        let before = weights[n as usize - 1];
        weights.push(before * f64::from(clients - n + 1) * ratio / f64::from(n.min(servers)));
    }
    let total: f64 = weights.iter().sum();
    let busy: f64 = weights.iter().enumerate().map(|(n, w)| (n as f64).min(f64::from(servers)) * w / total).sum();
    let steps = Steps::new().sleep(exponential(Span::from_ms(50)));
    let mut model = world(threads(servers), 1, steps, closed(clients, 1));
    edit_client(&mut model, |client| {
        client.arrivals =
            engine::model::Arrivals::Closed { clients, requests: None, think: exponential(Span::from_ms(200)) };
    });
    model.run.length = Some(secs(2000));
    model.run.warm_up = secs(100);
    let rates: Vec<f64> = (0..REPLICATIONS)
        .map(|replication| {
            let record = run_seed(&model, replication);
            record.latency.count() as f64 / record.window.as_secs_f64()
        })
        .collect();
    assert_mean("machine repairman", &rates, busy / service);
}

#[test]
fn threads_that_share_a_core_are_a_processor_sharing_queue() {
    // M/G/1-PS: the mean sojourn is E[S] / (1 - rho), whatever the law of the service. Slices are a hundredth of a service.
    let short = Law::lognormal(Span::from_ms(60), Span::from_ms(600)).expect("the median is below the p99");
    for law in [exponential(SERVICE), Law::Fixed(SERVICE), short] {
        let mean = law.mean().expect("these have a mean") / 1e9;
        let rate = 0.6 / mean;
        let mut model = world(threads(1000), 1, Steps::new().burn(law.clone()), poisson(rate));
        model.workers[0].gil = false;
        for host in &mut model.hosts {
            (host.slice, host.tick) = (ms(1), ms(1));
        }
        model.run.length = Some(secs(2_000));
        model.run.warm_up = secs(200);
        let sojourns: Vec<f64> = (0..REPLICATIONS)
            .map(|replication| run_seed(&model, replication).latency.mean().expect("some were served").as_secs_f64())
            .collect();
        assert_mean(&format!("M/G/1-PS at 0.6 with {law:?}"), &sojourns, mean / (1.0 - 0.6));
    }
}
