//! What kernels do to connections, as clients feel it: refused, reset, ignored, out of ports, descriptors or memory.

use crate::common::world::*;
use engine::RunRecord;
use engine::kernel::{Conntrack, Handshake, Memory, Outage, Ports, TcpMem, Wakes};
use engine::law::Law;
use engine::model::{Arrivals, ListenerSpec, Model, ProcessSpec};
use engine::record::{Ending, Wait};
use engine::time::{Span, Time};

const LINUX: Handshake =
    Handshake { max_syn_backlog: 4096, syncookies: true, abort_on_overflow: false, defer_accept: false };

fn at(instants: &[Span]) -> Arrivals {
    Arrivals::Trace(instants.iter().map(|&instant| Time::ZERO + instant).collect())
}

fn ended(record: &RunRecord, ending: Ending) -> u64 {
    record.endings[ending as usize]
}

/// One request after another, `every` apart, the first after that time.
fn steady(every: Span, count: u64) -> Arrivals {
    at(&(1..=count).map(|turn| every * turn).collect::<Vec<Span>>())
}

fn down(from: Span, to: Span) -> Vec<Outage> {
    vec![Outage { from: Time::ZERO + from, to: Time::ZERO + to, server: None }]
}

fn sleeping(worker: engine::model::WorkerSpec, takes: Span, arrivals: Arrivals) -> Model {
    world(worker, 1, Steps::new().sleep(Law::Fixed(takes)), arrivals)
}

#[test]
fn while_nobody_listens_who_connects_is_refused_one_round_trip_later() {
    for worker in [threads(4), hub(4)] {
        let mut model = sleeping(worker, ms(10), steady(ms(100), 10));
        model.kernel.down = down(ms(250), ms(650));
        edit_client(&mut model, |client| client.network = ms(5));
        let record = run(&model);
        assert_eq!((ended(&record, Ending::Refused), ended(&record, Ending::Ok)), (4, 6));
        assert_eq!(record.syn_drops, 0, "a refused client is told so, a dropped SYN is not");
    }
}

#[test]
fn a_closing_listener_resets_who_waits_and_serves_who_is_inside() {
    // Two are inside from 0 on, two wait in the accept queue when the socket is closed.
    let mut model = sleeping(threads(2), secs(1), at(&[ms(0), ms(0), ms(100), ms(200), secs(2)]));
    model.kernel.down = down(ms(500), ms(1500));
    let record = run(&model);
    assert_eq!((ended(&record, Ending::Reset), ended(&record, Ending::Ok)), (2, 3));
}

#[test]
fn a_server_that_is_down_alone_does_not_concern_the_other() {
    let mut model = sleeping(threads(4), ms(10), steady(ms(100), 10));
    let host = model.hosts[0].clone();
    model.hosts.push(host);
    model.listeners.push(ListenerSpec { host: 1, backlog: 100 });
    model.processes.push(ProcessSpec { listener: 1, worker: 0 });
    model.kernel.down = vec![Outage { from: Time::ZERO, to: Time::ZERO + secs(10), server: Some(1) }];
    let record = run(&model);
    assert_eq!((ended(&record, Ending::Refused), ended(&record, Ending::Ok)), (5, 5), "they take turns");
}

#[test]
fn an_impatient_client_of_a_dead_port_does_not_stop_time() {
    // A closed client without a pause, on the same machine: each attempt costs it 100 us.
    let mut model = sleeping(threads(1), ms(1), closed(1, 1_000));
    model.kernel.down = down(Span::ZERO, ms(50));
    let record = run(&model);
    assert_eq!((ended(&record, Ending::Refused), ended(&record, Ending::Ok)), (500, 500));
}

/// Three requests at once for one busy slot and a backlog of 0: one is in the queue, the third meets a full one.
fn three_at_a_door_for_one() -> Model {
    let mut model = sleeping(threads(1), ms(500), at(&[ms(0), ms(100), ms(100), ms(100)]));
    model.listeners[0].backlog = 1;
    edit_client(&mut model, |client| client.network = ms(20));
    model
}

#[test]
fn a_handshake_that_reserves_its_place_is_never_ignored() {
    let record = run(&three_at_a_door_for_one());
    assert_eq!((record.syn_drops, record.kernel.ack_drops), (1, 0));
    assert_eq!(
        record.latency.max().map(Span::as_ns).map(|ns| ns / 1_000_000),
        Some(1_980),
        "its SYN comes again after 1 s"
    );
}

#[test]
fn the_end_of_a_handshake_at_a_full_queue_is_ignored_and_the_request_comes_again() {
    let mut model = three_at_a_door_for_one();
    model.kernel.handshake = Some(LINUX);
    let record = run(&model);
    assert_eq!(record.syn_drops, 0, "all SYNs came while the queue was empty");
    // Ignored at 160 ms, and again 240 ms later: room is from 560 ms on. It is heard after 480 ms.
    assert_eq!(record.kernel.ack_drops, 2);
    let waited = record.classes[0].blame[Wait::Retransmit as usize];
    assert_eq!(waited, ms(480));
    assert_eq!(ended(&record, Ending::Ok), 4);
}

#[test]
fn with_abort_on_overflow_it_is_reset_at_once() {
    let mut model = three_at_a_door_for_one();
    model.kernel.handshake = Some(Handshake { abort_on_overflow: true, ..LINUX });
    let record = run(&model);
    assert_eq!((ended(&record, Ending::Reset), ended(&record, Ending::Ok)), (1, 3));
}

#[test]
fn a_server_forgets_an_ignored_client_after_a_minute_and_resets_it() {
    let mut model = three_at_a_door_for_one();
    model.kernel.handshake = Some(LINUX);
    let (program, _) = Steps::new().sleep(Law::Fixed(secs(300))).compile();
    model.programs = [program].into();
    let record = run(&model);
    assert_eq!((ended(&record, Ending::Reset), ended(&record, Ending::Ok)), (1, 3));
}

#[test]
fn syn_cookies_admit_whom_the_queue_of_handshakes_cannot_remember() {
    // Twenty SYNs within a round trip; the queue of incomplete handshakes is as long as the backlog, four.
    let outcome = |syncookies: bool| {
        let mut model = sleeping(threads(20), ms(1), at(&[ms(0); 20]));
        model.listeners[0].backlog = 4;
        edit_client(&mut model, |client| client.network = ms(50));
        model.kernel.handshake = Some(Handshake { syncookies, ..LINUX });
        let record = run(&model);
        (record.syn_drops, record.kernel.cookies, ended(&record, Ending::Ok))
    };
    assert_eq!(outcome(true), (0, 16, 20));
    let (drops, cookies, ok) = outcome(false);
    assert!(drops >= 16 && cookies == 0 && ok == 20, "{drops} drops: who is dropped comes again in fours");
}

#[test]
fn without_cookies_the_last_quarter_of_the_queue_is_not_used() {
    let mut model = sleeping(threads(20), ms(1), at(&[ms(0); 20]));
    edit_client(&mut model, |client| {
        client.network = ms(50);
        client.connect_timeout = Some(ms(500));
    });
    model.kernel.handshake = Some(Handshake { syncookies: false, max_syn_backlog: 16, ..LINUX });
    let record = run(&model);
    // Room of 4 = 16 / 4 or more: the 13th is the last.
    assert_eq!((ended(&record, Ending::Ok), ended(&record, Ending::ConnectTimeout)), (13, 7));
}

#[test]
fn on_one_machine_a_handshake_takes_no_time_and_only_syns_are_dropped() {
    let mut model = sleeping(threads(2), ms(100), closed(50, 200));
    model.listeners[0].backlog = 5;
    let reserved = run(&model);
    model.kernel.handshake = Some(LINUX);
    let linux = run(&model);
    assert!(reserved.syn_drops > 0 && reserved.kernel.ack_drops == 0);
    assert!(linux.kernel.ack_drops < linux.syn_drops, "{} of {}", linux.kernel.ack_drops, linux.syn_drops);
}

#[test]
fn a_connection_wakes_every_hub_at_a_shared_socket_and_one_thread() {
    let extra = |worker: engine::model::WorkerSpec, wakes: Wakes| {
        let mut model = sleeping(worker, ms(1), steady(ms(100), 10));
        model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; 4];
        model.hosts[0].cores = 4;
        model.kernel.wakes = wakes;
        let record = run(&model);
        (record.kernel.extra_wakes, record.process_requests)
    };
    // Who waits in turn serves in turn.
    assert_eq!(extra(threads(1), Wakes::Usual), (0, vec![3, 3, 2, 2]));
    // epoll: all four run, the last to register first.
    assert_eq!(extra(hub(10), Wakes::Usual), (30, vec![0, 0, 0, 10]));
    // EPOLLEXCLUSIVE: the first to register, as long as it is idle.
    assert_eq!(extra(hub(10), Wakes::One), (0, vec![10, 0, 0, 0]));
    let (woken, _) = extra(threads(1), Wakes::All);
    assert_eq!(woken, 30, "select wakes all threads");
}

#[test]
fn who_is_woken_for_nothing_has_cost_the_machine_a_turn() {
    let cpu = |wakes: Wakes| {
        let mut model = sleeping(hub(10), ms(1), steady(ms(10), 100));
        model.hosts[0].switch = Span::from_us(3);
        model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; 8];
        model.kernel.wakes = wakes;
        run(&model).process_cpu.iter().copied().sum::<Span>()
    };
    let (herd, one) = (cpu(Wakes::Usual), cpu(Wakes::One));
    // Seven of eight come to a core, look at the queue and sleep on.
    assert!(herd >= one + Span::from_us(3) * (7 * 100), "{herd} against {one}");
}

fn four_processes(reuse_port: bool) -> Model {
    let mut model = sleeping(threads(1), ms(20), poisson(120.0));
    let sockets = if reuse_port { 4 } else { 1 };
    model.listeners = vec![ListenerSpec { host: 0, backlog: 1_000 }; sockets];
    model.processes = (0..4).map(|process| ProcessSpec { listener: process % sockets as u32, worker: 0 }).collect();
    model.kernel.sockets = sockets as u32;
    model.hosts[0].cores = 4;
    model.run.length = Some(secs(60));
    model
}

#[test]
fn with_a_socket_each_a_request_queues_behind_a_busy_process_beside_an_idle_one() {
    let (shared, own) = (run(&four_processes(false)), run(&four_processes(true)));
    let wait = |record: &RunRecord| record.classes[0].blame[Wait::Backlog as usize].as_ns() / record.latency.count();
    // 60 % busy: one queue of four servers (M/D/4) against four queues of one (M/D/1: 0.6 x 20 ms / 2 / 0.4 = 15 ms).
    assert!(wait(&own) > 5 * wait(&shared), "{} ns against {} ns", wait(&own), wait(&shared));
    assert!((12_000_000..18_000_000).contains(&wait(&own)), "{} ns", wait(&own));
    assert_eq!(shared.births_fingerprint, own.births_fingerprint);
}

#[test]
fn the_hash_gives_connections_to_all_processes_but_not_evenly() {
    let record = run(&four_processes(true));
    let (least, most) = (record.process_requests.iter().min().unwrap(), record.process_requests.iter().max().unwrap());
    assert!(*least > 1_600 && *most < 2_000 && most > least, "{:?}", record.process_requests);
}

/// Ten ports, each kept for a second after a connection that the client closed.
fn ten_ports(closes_first: bool) -> Ports {
    Ports { count: 10, closes_first, lingers: secs(1), lingering_most: Ports::TIME_WAIT_MOST }
}

#[test]
fn a_client_that_closes_first_runs_out_of_ports_at_ports_over_time_wait() {
    // 20 a second from ten ports that linger for a second: ten each second find one.
    let outcome = |closes_first: bool| {
        let mut model = sleeping(threads(4), ms(1), steady(ms(50), 200));
        edit_client(&mut model, |client| client.ports = Some(ten_ports(closes_first)));
        let record = run(&model);
        (ended(&record, Ending::NoPort), ended(&record, Ending::Ok), record.kernel.ports_peak)
    };
    let (no_port, ok, peak) = outcome(true);
    assert!((90..=100).contains(&no_port), "{no_port}");
    assert_eq!((ok, peak), (200 - no_port, 10));
    assert_eq!(outcome(false), (0, 200, 1), "a server that closes first keeps TIME_WAIT to itself");
}

#[test]
fn who_gives_up_on_a_response_closes_first_whatever_the_server_does() {
    let mut model = sleeping(threads(100), secs(5), steady(ms(50), 40));
    edit_client(&mut model, |client| {
        client.ports = Some(ten_ports(false));
        client.read_timeout = Some(ms(10));
    });
    let record = run(&model);
    assert!(ended(&record, Ending::NoPort) >= 15, "{:?}", record.endings);
}

#[test]
fn a_server_that_connects_anew_for_every_call_runs_out_of_ports_to_its_peer() {
    for worker in [threads(4), hub(4)] {
        let steps = Steps::new().call(0, Law::Fixed(ms(1)), None);
        let mut model = world(worker, 1, steps, steady(ms(50), 200));
        model.peers[0].ports = Some(ten_ports(true));
        let record = run(&model);
        let failed = ended(&record, Ending::Failed);
        assert!((90..=100).contains(&failed), "{failed}");
        assert_eq!(record.kernel.port_failures, failed);
    }
}

#[test]
fn a_caller_that_gives_up_closes_first() {
    for worker in [threads(4), hub(4)] {
        let steps = Steps::new().call(0, Law::Fixed(ms(40)), Some(ms(10)));
        let mut model = world(worker, 1, steps, steady(ms(50), 200));
        model.peers[0].ports = Some(ten_ports(false));
        let record = run(&model);
        // All fail: about half after 10 ms without a reply, the others at once without a port.
        assert_eq!(ended(&record, Ending::Failed), 200);
        assert!((90..=100).contains(&record.kernel.port_failures), "{}", record.kernel.port_failures);
    }
}

#[test]
fn a_full_table_of_tracked_connections_drops_syns_until_entries_are_forgotten() {
    let mut model = sleeping(threads(4), ms(1), steady(ms(10), 30));
    model.kernel.conntrack = Some(Conntrack { max: 20, time_wait: secs(2) });
    let record = run(&model);
    // Ten SYNs come too early, at 0.21 to 0.3 s, and again a second later; the 3rd try, at 3.2 s, finds room.
    assert_eq!((record.kernel.conntrack_drops, record.syn_drops, record.kernel.conntrack_peak), (20, 20, 20));
    assert_eq!(ended(&record, Ending::Ok), 30);
}

#[test]
fn a_refused_connection_leaves_no_entry_behind() {
    let mut model = sleeping(threads(4), ms(1), steady(ms(10), 100));
    model.kernel.conntrack = Some(Conntrack { max: 1, time_wait: secs(1_000) });
    model.kernel.down = down(Span::ZERO, secs(100));
    let record = run(&model);
    assert_eq!((ended(&record, Ending::Refused), record.syn_drops), (100, 0));
}

/// Twenty at once for a process that may have fourteen connections open.
fn twenty_for_fourteen(worker: engine::model::WorkerSpec) -> Model {
    let mut model = sleeping(worker, ms(100), at(&[ms(10); 20]));
    model.kernel.descriptors = Some(24);
    model
}

#[test]
fn a_gevent_server_out_of_descriptors_looks_away_for_10_20_40_ms() {
    let record = run(&twenty_for_fourteen(hub(1_000)));
    // It fails at 10, 20, 40 and 80 ms; at 160 ms there is room.
    assert_eq!((record.kernel.descriptor_failures, ended(&record, Ending::Ok)), (4, 20));
    let last = record.latency.max().expect("all were served");
    assert!((ms(250)..ms(252)).contains(&last), "{last}");
}

#[test]
fn a_server_that_loops_around_accept_spins_while_it_is_out_of_descriptors() {
    let mut worker = hub(1_000);
    worker.kind = engine::model::WorkerKind::Hub { greenlets: 1_000, accepts: 1, full: engine::model::WhenFull::Spin };
    worker.costs.poll = Span::from_us(10);
    let spin = run(&twenty_for_fourteen(worker));
    let back_off = run(&twenty_for_fourteen(hub(1_000)));
    let mut pool = threads(1);
    pool.kind = engine::model::WorkerKind::Pool { threads: 1_000, connections: 1_000, closes: false };
    pool.costs.poll = Span::from_us(10);
    let pool = run(&twenty_for_fourteen(pool));
    for record in [&spin, &pool] {
        assert!(record.kernel.descriptor_failures > 2_000, "{}", record.kernel.descriptor_failures);
        assert!(record.process_cpu[0] > ms(90), "{}", record.process_cpu[0]);
        assert_eq!(ended(record, Ending::Ok), 20);
    }
    assert!(back_off.process_cpu[0] < ms(1), "{}", back_off.process_cpu[0]);
}

#[test]
fn a_hub_accepts_first_and_then_lacks_descriptors_for_calls_a_thread_finishes_what_it_began() {
    let outcome = |worker: engine::model::WorkerSpec| {
        let steps = Steps::new().call(0, Law::Fixed(ms(100)), None);
        let mut model = world(worker, 1, steps, at(&[ms(10); 8]));
        // Twelve, beside the process's own ten.
        model.kernel.descriptors = Some(22);
        let record = run(&model);
        (ended(&record, Ending::Failed), ended(&record, Ending::Ok))
    };
    // Eight connections and four calls: the other four calls fail at once.
    assert_eq!(outcome(hub(8)), (4, 4));
    // Six threads with a connection and a call each; two connections wait until descriptors come back.
    assert_eq!(outcome(threads(8)), (0, 8));
}

const MIB: u64 = 1 << 20;

#[test]
fn memory_is_what_runs_and_what_is_served() {
    let mut model = sleeping(threads(4), ms(100), at(&[ms(10); 3]));
    model.kernel.memory = Some(Memory { host: 1_000 * MIB, process: 50 * MIB, thread: MIB, request: 2 * MIB });
    let record = run(&model);
    assert_eq!((record.kernel.memory_peak, record.kernel.oom_kills), (Some((50 + 4 + 3 * 2) * MIB), 0));
}

#[test]
fn without_memory_the_largest_process_is_killed_and_its_connections_break() {
    let mut model = sleeping(hub(1_000), secs(1), at(&[ms(10); 30]));
    model.processes.push(ProcessSpec { listener: 0, worker: 0 });
    model.kernel.memory = Some(Memory { host: 120 * MIB, process: 50 * MIB, thread: 0, request: MIB });
    let record = run(&model);
    let reset = ended(&record, Ending::Reset);
    assert_eq!(record.kernel.oom_kills, 1);
    assert!((11..=21).contains(&reset) && reset + ended(&record, Ending::Ok) == 30, "{reset}");
    assert_eq!(record.kernel.memory_peak, Some(120 * MIB));
}

#[test]
fn a_killed_process_resets_who_waits_inside_it_and_at_its_own_socket() {
    // Room for one request in service: whenever a second begins, the kernel kills.
    let mut worker = threads(1);
    worker.kind = engine::model::WorkerKind::Pool { threads: 2, connections: 5, closes: false };
    let outcome = |sockets: u32| {
        let mut arrivals = vec![ms(10); 10];
        arrivals.push(secs(5));
        let mut model = sleeping(worker.clone(), secs(1), at(&arrivals));
        model.kernel.sockets = sockets;
        model.listeners = vec![ListenerSpec { host: 0, backlog: 100 }; sockets as usize];
        model.processes = (0..sockets).map(|listener| ProcessSpec { listener, worker: 0 }).collect();
        let fixed = 50 * MIB * u64::from(sockets);
        model.kernel.memory = Some(Memory { host: fixed + MIB, process: 50 * MIB, thread: 0, request: MIB });
        let record = run(&model);
        (record.kernel.oom_kills, ended(&record, Ending::Reset), ended(&record, Ending::Ok))
    };
    // With one process, those who waited outside are taken in later, and it is killed again.
    assert_eq!(outcome(1), (2, 10, 1));
    // With two, those at a killed process's own door go with it.
    assert_eq!(outcome(2), (2, 10, 1));
}

#[test]
fn a_server_whose_threads_the_kernel_does_not_start_refuses_everybody() {
    for (limit, ok) in [(4, 10), (3, 0)] {
        let mut model = sleeping(threads(4), ms(10), steady(ms(100), 10));
        model.kernel.threads = Some(limit);
        let record = run(&model);
        assert_eq!((ended(&record, Ending::Ok), ended(&record, Ending::Refused)), (ok, 10 - ok), "{limit} threads");
    }
    // A hub is one thread, whatever it carries.
    let mut model = sleeping(hub(1000), ms(10), steady(ms(100), 10));
    model.kernel.threads = Some(1);
    assert_eq!(ended(&run(&model), Ending::Ok), 10);
}

#[test]
fn the_threads_of_all_processes_of_a_server_count() {
    let mut model = sleeping(threads(4), ms(10), steady(ms(100), 10));
    model.processes.push(ProcessSpec { listener: 0, worker: 0 });
    model.kernel.threads = Some(7);
    assert_eq!(ended(&run(&model), Ending::Refused), 10);
}

#[test]
fn responses_share_an_uplink_one_after_the_other() {
    // A megabyte each, a megabyte a second: the fourth of four is there after four seconds, though each is read at once.
    for worker in [threads(4), hub(4)] {
        let mut model = sleeping(worker, Span::ZERO, at(&[ms(0), ms(0), ms(0), ms(0)]));
        let mut classes = model.classes.to_vec();
        classes[0].body_bytes = 1_000_000;
        model.classes = classes.into();
        model.hosts[0].uplink = Some(1_000_000);
        let record = run(&model);
        assert_eq!(ended(&record, Ending::Ok), 4);
        let (finished, sum) = (record.finished.as_secs_f64(), record.latency.sum_ns() as f64 / 1e9);
        assert!((finished - 4.0).abs() < 1e-3 && (sum - 10.0).abs() < 1e-2, "{finished} {sum}");
    }
}

#[test]
fn a_kernel_of_2010_repeats_a_syn_after_3_6_and_12_seconds() {
    // One is served for 20 s, one waits in the queue of one; the third is dropped at 0, 3 and 9 s, and finds room at 21 s.
    let mut model = sleeping(threads(1), secs(20), at(&[ms(0), ms(1), ms(2), ms(3)]));
    model.listeners[0].backlog = 1;
    (model.kernel.syn_timeout, model.kernel.syn_retries) = (secs(3), 5);
    let record = run(&model);
    assert_eq!((ended(&record, Ending::Ok), record.syn_drops), (4, 3));
    // It leaves at 3 ms and comes through at 21 s and 3 ms, when the first is done, and is the last of four.
    assert_eq!(record.finished.as_secs_f64().round(), 80.0);
}

/// A page of so many bytes for somebody 20 ms away, who asks ten times, on a server with so much socket memory.
fn page_of(worker: engine::model::WorkerSpec, bytes: u32, tcp_mem: Option<TcpMem>) -> Model {
    let mut model = sleeping(worker, ms(10), steady(secs(10), 10));
    let mut class = model.classes[0].clone();
    (class.header_bytes, class.body_bytes) = (0, bytes);
    model.classes = [class].into();
    model.kernel.tcp_mem = tcp_mem;
    edit_client(&mut model, |client| client.network = ms(20));
    model
}

const AMPLE: TcpMem = TcpMem { low: 6_144, pressure: 8_192, high: 12_288 };
/// TCP is always short of memory, and ten pages are all.
const SHORT: TcpMem = TcpMem { low: 0, pressure: 0, high: 10 };

#[test]
fn with_ample_socket_memory_a_response_that_fits_a_send_buffer_takes_as_long_as_without_a_limit() {
    for worker in [threads(4), hub(4)] {
        let free = run(&page_of(worker.clone(), 80_000, None));
        let ample = run(&page_of(worker, 80_000, Some(AMPLE)));
        assert_eq!((free.latency.max(), free.latency.sum_ns()), (ample.latency.max(), ample.latency.sum_ns()));
        let counts = ample.kernel.sockets.expect("it is looked at");
        assert_eq!((counts.peak, counts.refused, counts.aborted), (20 * 4_096, 0, 0));
        assert_eq!(free.kernel.sockets, None);
    }
}

#[test]
fn without_socket_memory_a_response_takes_a_round_trip_for_every_send_buffer_and_nobody_is_told() {
    // 64 KiB fit the first time, then 32 KiB each: 400,000 bytes are 12 times, of which the last needs no acknowledgement.
    for worker in [threads(4), hub(4)] {
        let free = run(&page_of(worker.clone(), 400_000, None));
        let short = run(&page_of(worker, 400_000, Some(SHORT)));
        assert_eq!((ended(&short, Ending::Ok), ended(&free, Ending::Ok)), (10, 10));
        let longest = |record: &RunRecord| record.latency.max().expect("responses");
        let more = longest(&short) - longest(&free);
        // A thread needs 50 us to wake up each time.
        assert!((ms(11 * 40)..ms(11 * 40) + Span::from_us(11 * 50 + 1)).contains(&more), "{more}");
        assert!(short.slots_ppm > free.slots_ppm, "its writer is held");
        assert!(short.kernel.sockets.is_some_and(|counts| counts.refused >= 10 && counts.aborted == 0));
    }
}

#[test]
fn a_reader_who_leaves_gives_socket_memory_back() {
    for worker in [threads(4), hub(4)] {
        let mut model = page_of(worker, 400_000, Some(TcpMem { high: 1_000, ..SHORT }));
        edit_client(&mut model, |client| {
            (client.read_timeout, client.download) = (Some(secs(1)), Some(10_000));
        });
        let record = run(&model);
        assert_eq!(ended(&record, Ending::ReadTimeout), 10);
        // The next one finds nobody else in memory.
        assert_eq!(record.kernel.sockets.expect("it is looked at").peak, 24 * 4_096);
        assert!(record.slots_ppm < 50_000, "four slots, one of them for a second of ten: {}", record.slots_ppm);
    }
}

#[test]
fn beyond_the_last_limit_a_connection_that_is_closed_with_much_unsent_is_reset() {
    let none = TcpMem { low: 0, pressure: 0, high: 0 };
    for worker in [threads(4), hub(4)] {
        let outcome = |bytes| {
            let record = run(&page_of(worker.clone(), bytes, Some(none)));
            (ended(&record, Ending::Ok), ended(&record, Ending::Reset))
        };
        // 4,608 bytes are the least send buffer.
        assert_eq!((outcome(4_608), outcome(4_609)), ((10, 0), (0, 10)));
    }
}

#[test]
fn a_process_that_dies_while_it_writes_leaves_no_socket_memory_behind() {
    for worker in [threads(4), hub(4)] {
        let mut model = page_of(worker, 400_000, Some(SHORT));
        edit_client(&mut model, |client| client.arrivals = at(&[ms(10), ms(100), ms(200), secs(10)]));
        model.kernel.memory = Some(Memory { host: 52 * MIB, process: 50 * MIB, thread: 0, request: MIB });
        let record = run(&model);
        assert_eq!(record.kernel.oom_kills, 1);
        assert_eq!((ended(&record, Ending::Ok), ended(&record, Ending::Reset)), (1, 3));
    }
}

#[test]
fn servers_that_work_on_for_people_who_left_are_busy_all_the_time_and_no_more() {
    let mut model = world(threads(4), 1, Steps::new().sleep(Law::Fixed(secs(30))), closed(4, 4));
    edit_client(&mut model, |client| client.patience = Some(Law::Fixed(secs(1))));
    let record = run(&model);
    assert_eq!(record.window, secs(1), "the run is over for its clients when the last of them leaves");
    assert!((990_000..=1_000_000).contains(&record.slots_ppm), "{}", record.slots_ppm);
}
