//! Cores, slices, the GIL, cold caches and closing connections, as sentences about the world.

use std::sync::Arc;

use crate::common::world::*;
use engine::RunRecord;
use engine::law::Law;
use engine::model::*;
use engine::record::Ending;
use engine::time::Span;

fn fixed(span: Span) -> Law {
    Law::Fixed(span)
}

/// A world in which clients that burn CPU without an end stand beside one client that asks for `other`, again and again.
fn beside_hogs(hogs: u32, cores: u32, gil: bool, other: Steps) -> Model {
    let endless = |clients| Arrivals::Closed { clients, requests: None, think: fixed(Span::ZERO) };
    let mut model = world(threads(hogs + 1), cores, Steps::new().burn(fixed(secs(100))), endless(hogs));
    model.workers[0].gil = gil;
    let (program, sites) = other.compile();
    let class = ClassSpec { name: "other".into(), program: 1, sites, ..model.classes[0].clone() };
    let client =
        ClientSpec { name: "other".into(), classes: vec![1], arrivals: endless(1), ..model.clients[0].clone() };
    model.programs = Arc::new([model.programs[0].clone(), program]);
    model.classes = Arc::new([model.classes[0].clone(), class]);
    model.clients = Arc::new([model.clients[0].clone(), client]);
    model.run.length = Some(secs(20));
    model.run.drain = Span::ZERO;
    model
}

/// Mean latency of the requests that are not hogs.
fn latency(record: &RunRecord) -> Span {
    record.classes[1].latency.mean().expect("some were served")
}

fn io() -> Steps {
    Steps::new().sleep(fixed(ms(1))).burn(fixed(Span::from_us(10)))
}

#[test]
fn an_io_thread_beside_a_cpu_bound_one_waits_a_switch_interval_for_each_wake_up() {
    // Measured with CPython 3.11: 5.135 ms (5.127 to 5.160).
    let waits = latency(&run(&beside_hogs(1, 2, true, io()))) - ms(1);
    assert!((Span::from_us(5000)..Span::from_us(5200)).contains(&waits), "{waits}");
}

#[test]
fn beside_four_cpu_bound_threads_it_waits_for_its_turn() {
    // Measured: 14.8 ms in the median, from 5.2 to 28.4.
    let waits = latency(&run(&beside_hogs(4, 2, true, io()))) - ms(1);
    assert!((Span::from_us(8000)..Span::from_us(28_400)).contains(&waits), "{waits}");
}

#[test]
fn a_shorter_switch_interval_shortens_the_convoy() {
    let mut model = beside_hogs(1, 2, true, io());
    model.workers[0].switch_interval = ms(1);
    let waits = latency(&run(&model)) - ms(1);
    assert!((Span::from_us(1000)..Span::from_us(1200)).contains(&waits), "{waits}");
}

#[test]
fn without_a_gil_nobody_waits_while_a_core_is_free() {
    assert_eq!(latency(&run(&beside_hogs(1, 2, false, io()))), Span::from_us(1010));
}

#[test]
fn who_waits_for_the_gil_costs_the_holder_a_turn_on_the_core_in_each_interval() {
    // On one core a waiter whose interval ends takes the core for a moment: 200 times a second, two switches each time.
    let cpu_of_switches = |hogs| {
        let mut model = beside_hogs(hogs, 1, true, io());
        model.hosts[0].switch = Span::from_us(5);
        let record = run(&model);
        record.latency.count()
    };
    assert!(cpu_of_switches(1) > cpu_of_switches(20) * 5, "twenty waiters are in each other's way");
}

#[test]
fn a_thread_beside_busy_ones_is_as_late_as_on_linux() {
    // Measured on Linux 6.18 (250 ticks a second, two processors, all of this on one of them): a process that sleeps and then burns
    // CPU, beside busy ones; mean time that a round takes beyond its sleep and its burn, of which a wake-up is 70 to 120 us.
    let measured = [
        (1, Span::from_us(10), ms(7), Span::from_us(183)),
        (1, Span::from_us(10), ms(1), Span::from_us(82)),
        (3, Span::from_us(10), ms(7), Span::from_us(169)),
        (1, Span::from_us(1000), ms(7), Span::from_us(995)),
        (1, Span::from_us(1000), ms(2), Span::from_us(931)),
        (3, Span::from_us(1000), ms(7), Span::from_us(3171)),
        (1, Span::from_us(3000), ms(7), Span::from_us(3109)),
        (1, Span::from_us(3000), ms(3), Span::from_us(3145)),
        (3, Span::from_us(3000), ms(7), Span::from_us(9209)),
        // Measured after the rule was written.
        (1, Span::from_us(200), ms(7), Span::from_us(384)),
        (7, Span::from_us(1000), ms(7), Span::from_us(7591)),
        (1, Span::from_us(10_000), ms(7), Span::from_us(10_262)),
    ];
    for (hogs, burn, sleep, late) in measured {
        let mut model = beside_hogs(hogs, 1, false, Steps::new().sleep(fixed(sleep)).burn(fixed(burn)));
        (model.hosts[0].slice, model.hosts[0].tick) = (Span::from_us(1400), ms(4));
        let simulated = latency(&run(&model)) - sleep - burn;
        let apart = simulated.as_ns().abs_diff(late.as_ns());
        assert!(
            apart < 200_000 || apart < late.as_ns() / 10,
            "{hogs} hogs, {sleep} of sleep, {burn} of CPU: {simulated}, measured {late}"
        );
    }
}

#[test]
fn a_thread_that_wakes_up_waits_for_the_slice_of_one_that_has_had_no_more_than_it() {
    // Two threads that burn more than a slice at a time: neither is behind the other, so nobody makes way before a tick.
    let late = |slice| {
        let mut model = beside_hogs(1, 1, false, Steps::new().sleep(fixed(ms(7))).burn(fixed(ms(40))));
        (model.hosts[0].slice, model.hosts[0].tick) = (slice, ms(4));
        latency(&run(&model)) - ms(47)
    };
    for slice in [ms(1), ms(20)] {
        assert!((ms(30)..ms(50)).contains(&late(slice)), "{slice}: {}", late(slice));
    }
}

#[test]
fn cpu_bound_threads_take_turns_by_ticks() {
    // Two hogs that want 40 ms each on one core, slice 1 ms, tick 4 ms: the first is done after 76 ms, the second after 80.
    let mut model = world(threads(2), 1, Steps::new().burn(fixed(ms(40))), closed(2, 2));
    model.workers[0].gil = false;
    (model.hosts[0].slice, model.hosts[0].tick) = (ms(1), ms(4));
    let record = run(&model);
    assert_eq!((record.latency.min(), record.latency.max()), (Some(ms(76)), Some(ms(80))));
}

#[test]
fn a_request_after_a_pause_costs_more_cpu_time_than_one_in_a_stream() {
    let cpu_of = |gap: Span| {
        let mut model = world(threads(1), 1, Steps::new().burn(fixed(Span::from_ns(1))), closed(1, 100));
        model.hosts[0].cooling = Cooling { cold_percent: 400, half: ms(8) };
        model.workers[0].costs.request = Span::from_us(100);
        edit_client(&mut model, |client| {
            client.arrivals = Arrivals::Closed { clients: 1, requests: Some(100), think: fixed(gap) };
        });
        run(&model).process_cpu[0] / 100
    };
    let (stream, rare) = (cpu_of(Span::ZERO), cpu_of(ms(100)));
    assert!((Span::from_us(100)..Span::from_us(110)).contains(&stream), "{stream}");
    assert!((Span::from_us(390)..Span::from_us(401)).contains(&rare), "{rare}");
}

#[test]
fn a_worker_that_closes_gracefully_is_gone_until_its_client_has_closed() {
    let time_of = |lingers| {
        let mut model = world(threads(1), 1, Steps::new().burn(fixed(ms(1))), closed(8, 200));
        model.workers[0].lingers = lingers;
        edit_client(&mut model, |client| client.network = ms(5));
        run(&model).finished.as_secs_f64()
    };
    // One request at a time: 1 ms of work, and 10 ms for the response to arrive and the client's end to come back.
    assert!(time_of(false) < 0.6, "{}", time_of(false));
    assert!((time_of(true) - 2.2).abs() < 0.05, "{}", time_of(true));
}

#[test]
fn a_pool_whose_main_thread_closes_is_bounded_by_it() {
    // Serving takes nothing, closing 1 ms in the main thread: a thousand a second, however many threads serve.
    let kind = WorkerKind::Pool { threads: 16, connections: 1000, closes: true };
    let mut model = world(threads(1), 4, Steps::new().sleep(fixed(ms(1))), closed(100, 2000));
    model.workers[0].kind = kind;
    model.workers[0].costs.close = ms(1);
    let record = run(&model);
    assert!((record.finished.as_secs_f64() - 2.0).abs() < 0.05, "{}", record.finished);
}

#[test]
fn a_load_generator_sends_no_faster_than_its_own_core_allows() {
    let mut model = world(threads(100), 8, Steps::new().sleep(fixed(Span::from_us(10))), closed(100, 5000));
    edit_client(&mut model, |client| client.cost = Some(fixed(ms(1))));
    let record = run(&model);
    assert!((record.finished.as_secs_f64() - 5.0).abs() < 0.05, "{}", record.finished);
}

#[test]
fn several_processes_of_a_load_generator_send_as_many_times_as_fast() {
    let mut model = world(threads(100), 8, Steps::new().sleep(fixed(Span::from_us(10))), closed(100, 5000));
    edit_client(&mut model, |client| (client.cost, client.generators) = (Some(fixed(ms(1))), 4));
    let record = run(&model);
    assert!((record.finished.as_secs_f64() - 1.25).abs() < 0.02, "{}", record.finished);
}

/// When 1,000 requests of 1 ms by 10 clients are done, whose program needs 1 ms for each, on so many cores of the server.
fn done_beside(worker: WorkerSpec, cores: u32, generators: u32) -> f64 {
    let mut model = world(worker, cores, Steps::new().burn(fixed(ms(1))), closed(10, 1000));
    edit_client(&mut model, |client| {
        (client.cost, client.generators, client.beside_servers) = (Some(fixed(ms(1))), generators, true);
    });
    let record = run(&model);
    assert_eq!(record.endings[Ending::Ok as usize], 1000);
    record.finished.as_secs_f64()
}

#[test]
fn a_load_generator_beside_the_server_takes_its_cores() {
    for worker in [|| threads(10), || hub(10)] {
        let (one, two) = (done_beside(worker(), 1, 1), done_beside(worker(), 2, 1));
        assert!((one - 2.0).abs() < 0.02, "on one core both take turns: {one}");
        assert!((two - 1.0).abs() < 0.03, "on two each has one: {two}");
        // A thread of the server and two of the program, on three cores: the hub has one, threads have what is left.
        let three = done_beside(worker(), 3, 2);
        assert!(three < 1.03, "{three}");
    }
}

#[test]
fn who_gives_up_before_the_generator_has_connected_is_forgotten() {
    // One core for a program that connects for a second: of ten clients nine are gone before it is their turn.
    let mut model = world(threads(10), 1, Steps::new().burn(fixed(ms(1))), closed(10, 10));
    edit_client(&mut model, |client| {
        (client.cost, client.beside_servers) = (Some(fixed(secs(2))), true);
        client.connect_timeout = Some(ms(1500));
    });
    let record = run(&model);
    assert_eq!(record.endings[Ending::ConnectTimeout as usize], 9);
    assert_eq!(record.endings[Ending::Ok as usize], 1);
}

#[test]
fn every_call_of_a_greenlet_costs_its_hub_a_socket_and_every_timeout_its_expiry() {
    let of = |costs: Costs| {
        let steps = Steps::new().call(0, Law::Fixed(ms(5)), Some(ms(2)));
        let model = world(WorkerSpec { costs, ..hub(10) }, 1, steps, closed(1, 100));
        run(&model).process_cpu[0]
    };
    let (free, us) = (Costs { clock: Span::from_ns(1), ..Costs::default() }, Span::from_us(700));
    let extra = |costs| (of(costs) - of(free)).as_ns();
    assert_eq!(extra(Costs { socket: us, ..free }), 100 * us.as_ns());
    assert_eq!(extra(Costs { expire: us, ..free }), 100 * us.as_ns());
}
