//! Kept connections, proxies, retries and slow readers where servers are killed, do not listen, or run out of something.

use crate::common::world::*;
use engine::kernel::{Conntrack, Handshake, Kernel, Memory, Outage, Ports};
use engine::law::Law;
use engine::model::*;
use engine::record::Ending;
use engine::time::{Span, Time};
use engine::worker::{LifeSpec, RouterCosts, RouterSpec};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

/// What a random world has, bit by bit, so that a failure names few of them.
#[derive(Clone, Copy, Debug)]
struct Has {
    worker: u8,
    traffic: u8,
    kernel: u8,
    life: u8,
}

fn any_world() -> impl Strategy<Value = Has> {
    (0..6u8, any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(worker, traffic, kernel, life)| Has {
        worker,
        traffic,
        kernel,
        life,
    })
}

fn bit(bits: u8, at: u8) -> bool {
    bits >> at & 1 == 1
}

fn worker(has: Has) -> WorkerSpec {
    let pool = |closes| WorkerKind::Pool { threads: 4, connections: 9, closes };
    let (kind, lingers, routed) = match has.worker {
        0 => (WorkerKind::Threads { threads: 4 }, true, false),
        1 => (WorkerKind::Threads { threads: 4 }, false, true),
        2 => (pool(true), true, false),
        3 => (pool(true), false, false),
        4 => (pool(false), false, false),
        _ => (WorkerKind::Hub { greenlets: 6, accepts: 4, full: WhenFull::Stop }, false, false),
    };
    let us = Span::from_us;
    let costs = Costs { accept: us(20), handoff: us(30), close: us(60), poll: us(20), respond: us(40), ..hub(1).costs };
    let relay = RouterCosts { poll: us(1), accept: us(9), connect: us(9), forward: us(9), answer: us(6), close: us(9) };
    let router = routed.then_some(RouterSpec { costs: relay, timeout: ms(250) });
    let life = (!has.life.is_multiple_of(4)).then_some(LifeSpec {
        looks: Span::from_secs(1),
        reaps: Span::ZERO,
        timeout: bit(has.life, 0).then_some(secs(1)),
        // Whatever is being served at a whole second is killed.
        harakiri: bit(has.life, 2).then_some(ms(1)),
        max_requests: bit(has.life, 1).then_some((25, 10)),
        graceful_timeout: ms(700),
        boot: ms(30),
        lifetime_least: Span::ZERO,
        forkbomb_delay: if bit(has.life, 3) { ms(400) } else { Span::ZERO },
        dies_of_emfile: bit(has.life, 4),
    });
    let keep_alive = (!routed).then_some(ms(300));
    WorkerSpec { kind, costs, lingers, router, life, keep_alive, ..hub(1) }
}

fn kernel(bits: u8) -> Kernel {
    let at = |ms| Time::ZERO + Span::from_ms(ms);
    Kernel {
        handshake: bit(bits, 0).then_some(Handshake { max_syn_backlog: 8, ..Handshake::LINUX }),
        down: if bit(bits, 1) { vec![Outage { from: at(900), to: at(1_400), server: Some(0) }] } else { vec![] },
        sockets: if bit(bits, 2) { 2 } else { 0 },
        conntrack: bit(bits, 3).then_some(Conntrack { max: 60, time_wait: ms(300) }),
        descriptors: bit(bits, 4).then_some(22),
        memory: bit(bits, 5).then_some(Memory { host: 21 * MIB, process: 5 * MIB, thread: 0, request: MIB }),
        syn_linear_timeouts: 4,
        ..Kernel::default()
    }
}

fn model(has: Has) -> Model {
    let steps = Steps::new().burn(Law::Fixed(ms(1))).call(0, exponential(ms(40)), Some(ms(150)));
    let mut model = world(worker(has), 2, steps, poisson(90.0));
    model.kernel = kernel(has.kernel);
    let sockets = model.kernel.sockets.max(1);
    model.hosts.push(model.hosts[0].clone());
    let hosts = (0..2).chain((1..sockets).flat_map(|_| 0..2));
    model.listeners = hosts.map(|host| ListenerSpec { host, backlog: 5 }).collect();
    let socket = |server: u32, process: u32| if sockets == 1 || process == 0 { server } else { server + 2 };
    model.processes = (0..2)
        .flat_map(|server| (0..2).map(move |process| ProcessSpec { listener: socket(server, process), worker: 0 }))
        .collect();
    model.peers[0].windows = vec![DegradedSpan {
        from: Time::ZERO + ms(500),
        to: Time::ZERO + secs(1),
        factor_milli: 3_000,
        fail_ppm: 300_000,
    }];
    model.run.length = Some(secs(4));
    model.run.drain = secs(300);
    let keep = KeepAlive { requests: 7, timeout: ms(350), connections: 20 };
    let proxied = bit(has.traffic, 0);
    model.proxy = proxied.then_some(ProxySpec {
        latency: Span::from_us(100),
        network: ms(1),
        connect_timeout: ms(400),
        read_timeout: ms(180),
        buffer: bit(has.traffic, 1),
        keep_alive: bit(has.traffic, 2).then_some(keep),
        tries: 3,
        on_connect: true,
        on_refused: true,
        on_timeout: true,
        on_error: true,
        ejection: Some(Ejection { fails: 3, period: ms(400) }),
    });
    let mut class = model.classes[0].clone();
    class.body_bytes = 100_000;
    model.classes = [class].into();
    edit_client(&mut model, |client| {
        let backoff = Backoff { first: ms(40), factor_milli: 2_000, max: secs(1), jitter: Jitter::Equal };
        let retry = Retry {
            times: 3,
            backoff,
            on_connect: true,
            on_refused: true,
            on_timeout: true,
            on_error: true,
            budget_ppm: None,
            reserve: 10,
        };
        client.network = ms(1);
        client.keep_alive = (bit(has.traffic, 2) && !proxied).then_some(keep);
        client.hedge = bit(has.traffic, 3).then_some(Hedge { after: HedgeAfter::Delay(ms(70)) });
        client.retry = bit(has.traffic, 4).then_some(retry);
        client.download = bit(has.traffic, 5).then_some(200_000);
        client.read_timeout = Some(ms(900));
        client.patience = bit(has.traffic, 6).then(|| exponential(ms(600)));
        client.cost = bit(has.traffic, 7).then_some(Law::Fixed(ms(1)));
        client.ports = bit(has.kernel, 6).then_some(Ports {
            count: 25,
            closes_first: bit(has.kernel, 7),
            lingers: ms(200),
            lingering_most: Ports::TIME_WAIT_MOST,
        });
    });
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everybody_ends_once_whatever_stands_between_and_whatever_breaks(has in any_world()) {
        let model = model(has);
        let record = run(&model);
        let sent: u64 = record.series.sent.iter().sum();
        prop_assert_eq!(sent, record.endings.iter().sum::<u64>());
        prop_assert_eq!(record.endings[Ending::Unfinished as usize], 0);
        for class in &record.classes {
            let billed: u128 = class.blame.iter().map(|span| u128::from(span.as_ns())).sum();
            prop_assert_eq!(billed, class.latency.sum_ns());
        }
        if bit(has.kernel, 6) {
            prop_assert!(record.kernel.ports_peak <= 25);
        }
        if bit(has.kernel, 3) {
            prop_assert!(record.kernel.conntrack_peak <= 60);
        }
        prop_assert_eq!(record.fingerprint, run(&model).fingerprint);
    }
}
