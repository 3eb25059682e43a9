//! Whatever a kernel limits, nobody is lost, every bill adds up, and the same run is the same run.

use crate::common::world;
use crate::common::world::*;
use engine::kernel::{Conntrack, Handshake, Kernel, Memory, Outage, Ports, TcpMem, Wakes};
use engine::law::Law;
use engine::model::{ListenerSpec, Model, ProcessSpec, Refresh, WhenFull, WorkerKind, WorkerSpec};
use engine::record::Ending;
use engine::time::{Span, Time};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn any_worker() -> impl Strategy<Value = WorkerSpec> {
    let pool = |count| {
        let mut worker = threads(1);
        worker.kind = WorkerKind::Pool { threads: count, connections: count * 3, closes: true };
        worker
    };
    let spin = |count| {
        let mut worker = hub(1);
        worker.kind = WorkerKind::Hub { greenlets: count, accepts: 1, full: WhenFull::Spin };
        worker
    };
    prop_oneof![
        (1..30u32).prop_map(threads),
        (1..30u32).prop_map(hub),
        (1..30u32).prop_map(pool),
        (1..30u32).prop_map(spin)
    ]
}

fn any_kernel() -> impl Strategy<Value = Kernel> {
    let handshake = (1..40u32, any::<bool>(), any::<bool>()).prop_map(|(max_syn_backlog, syncookies, abort)| {
        Handshake { max_syn_backlog, syncookies, abort_on_overflow: abort, defer_accept: false }
    });
    let outage = (0..2_000u64, 1..500u64).prop_map(|(from, length)| {
        let from = Time::ZERO + ms(from);
        vec![Outage { from, to: from + ms(length), server: None }]
    });
    let wakes = prop_oneof![Just(Wakes::Usual), Just(Wakes::All), Just(Wakes::One)];
    let conntrack = (1..200u32, 1..500u64).prop_map(|(max, linger)| Conntrack { max, time_wait: ms(linger) });
    let memory = (20..60u64).prop_map(|host| Memory { host: host * MIB, process: 5 * MIB, thread: 0, request: MIB });
    (
        proptest::option::of(handshake),
        proptest::option::of(outage),
        wakes,
        proptest::option::of(conntrack),
        proptest::option::of(11..40u32),
        proptest::option::of(memory),
        any::<bool>(),
        proptest::option::of((0..100u64, 0..100u64, 0..100u64)),
    )
        .prop_map(|(handshake, down, wakes, conntrack, descriptors, memory, own, tcp_mem)| Kernel {
            handshake,
            down: down.unwrap_or_default(),
            syn_linear_timeouts: 4,
            sockets: if own { 3 } else { 0 },
            wakes,
            conntrack,
            descriptors,
            memory,
            tcp_mem: tcp_mem.map(|(low, more, most)| TcpMem { low, pressure: low + more, high: low + more + most }),
            ..Kernel::default()
        })
}

#[derive(Clone, Debug)]
struct World {
    worker: WorkerSpec,
    kernel: Kernel,
    rate: u32,
    backlog: u32,
    network: u64,
    patience: Option<u64>,
    ports: Option<(u32, bool)>,
    /// Processes of the program that sends, and whether they are on the server's cores.
    generators: Option<(u32, bool)>,
    uplink: Option<u64>,
}

fn any_world() -> impl Strategy<Value = World> {
    let people = (1..300u32, 0..10u32, prop_oneof![Just(0), 1..30_000u64], proptest::option::of(20..2_000u64));
    let sends = (proptest::option::of((1..4u32, any::<bool>())), proptest::option::of(10_000..1_000_000u64));
    (any_worker(), any_kernel(), people, proptest::option::of((1..200u32, any::<bool>())), sends).prop_map(
        |(worker, kernel, (rate, backlog, network, patience), ports, (generators, uplink))| World {
            worker,
            kernel,
            rate,
            backlog,
            network,
            patience,
            ports,
            generators,
            uplink,
        },
    )
}

fn model(world: &World) -> Model {
    let mut worker = world.worker.clone();
    worker.costs.poll = Span::from_us(50);
    let steps = Steps::new().burn(Law::Fixed(ms(1))).call(0, exponential(ms(20)), Some(ms(60)));
    let mut model = world::world(worker, 2, steps, poisson(f64::from(world.rate)));
    let sockets = world.kernel.sockets.max(1);
    model.listeners = vec![ListenerSpec { host: 0, backlog: world.backlog }; sockets as usize];
    model.processes = (0..3).map(|process| ProcessSpec { listener: process % sockets, worker: 0 }).collect();
    model.kernel = world.kernel.clone();
    // Through a narrow uplink so much would take longer than the run.
    if model.kernel.tcp_mem.is_some() && world.uplink.is_none() {
        let mut class = model.classes[0].clone();
        class.body_bytes = 150_000;
        model.classes = [class].into();
    }
    model.hosts[0].uplink = world.uplink;
    let ports = world.ports.map(|(count, closes_first)| Ports {
        count,
        closes_first,
        lingers: ms(700),
        lingering_most: Ports::TIME_WAIT_MOST,
    });
    model.peers[0].ports = ports;
    model.run.length = Some(secs(3));
    model.run.drain = secs(200);
    edit_client(&mut model, |client| {
        client.network = Span::from_us(world.network);
        client.ports = ports;
        if let Some((generators, beside)) = world.generators {
            client.cost = Some(exponential(ms(2)));
            (client.generators, client.beside_servers) = (generators, beside);
        }
        client.patience = world.patience.map(|mean| exponential(ms(mean)));
        client.refresh = Some(Refresh { ppm: 500_000, pause: exponential(ms(50)), times: 3 });
    });
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_lost_whatever_runs_out(world in any_world()) {
        let model = model(&world);
        let record = run(&model);
        let sent: u64 = record.series.sent.iter().sum();
        prop_assert_eq!(sent, record.endings.iter().sum::<u64>());
        prop_assert_eq!(record.endings[Ending::Unfinished as usize], 0, "everybody is told, or gives up, in the end");
        for class in &record.classes {
            let billed: u128 = class.blame.iter().map(|span| u128::from(span.as_ns())).sum();
            prop_assert_eq!(billed, class.latency.sum_ns());
        }
        if let Some((count, _)) = world.ports {
            prop_assert!(record.kernel.ports_peak <= u64::from(count));
        }
        if let Some(conntrack) = world.kernel.conntrack {
            prop_assert!(record.kernel.conntrack_peak <= u64::from(conntrack.max));
        }
        prop_assert_eq!(run(&model).fingerprint, record.fingerprint);
    }
}
