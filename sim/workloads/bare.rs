//! The three workloads as hand-written loops over the engine's own event queue: as fast as this queue and these draws allow.
//!
//! No programs, tasks, hubs, bills or probes; the streams, the laws and the queue are the engine's, so that a ratio to the engine
//! says what all of that costs.

use std::collections::VecDeque;

use engine::event::EventQueue;
use engine::law::Law;
use engine::rng::{Replication, Seed, Streams};
use engine::time::{Span, Time};

use super::{
    ARRIVALS_A_SECOND, HOLD, PATIENCE, POOL_CLIENTS, POOL_UNITS, SERVERS, SERVICE, SLEEP, THINK, WorkloadOutcome,
    mmc_length,
};

fn exponential(mean: Span) -> Law {
    Law::Exponential { mean }
}

/// M/M/8 at 0.9: `customers` come, take one of the servers first come first served, and leave.
pub fn mmc(customers: u64, seed: u64) -> WorkloadOutcome {
    #[derive(Clone, Copy)]
    enum Event {
        Arrives,
        Leaves,
    }
    let names = ["client.users/gap", "client.users/hold"];
    let mut streams = Streams::new(Seed(seed), Replication(0), names.into_iter());
    let (unit, service) = (exponential(Span::from_secs(1)), exponential(SERVICE));
    let mut queue = EventQueue::new();
    let (mut waiting, mut free) = (VecDeque::new(), SERVERS);
    let (mut came, mut begun, mut due, mut waited) = (0, 0, 0.0, 0_u64);
    let end = Time::ZERO + mmc_length(customers);
    let mut arrive = |streams: &mut Streams, queue: &mut EventQueue<Event>, row: u64| {
        due += unit.sample(streams.bits(0, row)).as_secs_f64();
        let at = Time::from_ns((due / ARRIVALS_A_SECOND * 1e9).round() as u64);
        if at < end {
            queue.push(at, Event::Arrives);
        }
    };
    arrive(&mut streams, &mut queue, 0);
    while let Some((now, event)) = queue.pop() {
        match event {
            Event::Arrives => {
                came += 1;
                arrive(&mut streams, &mut queue, came);
                waiting.push_back((now, service.sample(streams.bits(1, came - 1))));
            }
            Event::Leaves => free += 1,
        }
        if free > 0
            && let Some((since, span)) = waiting.pop_front()
        {
            free -= 1;
            begun += 1;
            waited += (now - since).as_ns();
            queue.push(now + span, Event::Leaves);
        }
    }
    WorkloadOutcome { events: 3 * begun, check: waited as f64 / begun as f64 / SERVICE.as_ns() as f64 }
}

/// `processes` sleepers, each of which sleeps again and again, until so many sleeps are over.
pub fn timers(processes: u32, events: u64, seed: u64) -> WorkloadOutcome {
    let mut streams = Streams::new(Seed(seed), Replication(0), ["sleep"].into_iter());
    let law = exponential(SLEEP);
    let mut queue = EventQueue::new();
    let (mut row, mut slept) = (0, 0_u64);
    let mut sleep = |queue: &mut EventQueue<u32>, now: Time, process: u32| {
        let span = law.sample(streams.bits(0, row));
        row += 1;
        queue.push(now + span, process);
        span.as_ns()
    };
    for process in 0..processes {
        sleep(&mut queue, Time::ZERO, process);
    }
    for _ in 0..events {
        let (now, process) = queue.pop().expect("everybody sleeps");
        slept += sleep(&mut queue, now, process);
    }
    WorkloadOutcome { events, check: slept as f64 / events as f64 / SLEEP.as_ns() as f64 }
}

/// Closed clients that share a pool: wait for a connection, a second at most, hold it, give it back, think.
pub fn pool(seconds: u64, seed: u64) -> WorkloadOutcome {
    #[derive(Clone, Copy)]
    enum Event {
        Asks(u32),
        GivesUp(u32, u16),
        GivesBack(u32),
    }
    let mut streams = Streams::new(Seed(seed), Replication(0), ["hold", "think"].into_iter());
    let (hold, think) = (exponential(HOLD), exponential(THINK));
    let (mut holds, mut thinks) = (0, 0);
    let mut queue = EventQueue::new();
    let mut free = POOL_UNITS;
    let mut waiting: VecDeque<(u32, u16, Time)> = VecDeque::new();
    // The number of each client's present wait, and whether it still waits.
    let mut waits = vec![(0_u16, false); POOL_CLIENTS as usize];
    (0..POOL_CLIENTS).for_each(|client| queue.push(Time::ZERO, Event::Asks(client)));
    let end = Time::ZERO + Span::from_secs(seconds);
    let (mut served, mut reneged) = (0_u64, 0_u64);
    while let Some((now, event)) = queue.pop().filter(|&(now, _)| now < end) {
        let mut takes = None;
        match event {
            Event::Asks(client) if free > 0 => {
                free -= 1;
                takes = Some(client);
            }
            Event::Asks(client) => {
                let wait = &mut waits[client as usize];
                *wait = (wait.0.wrapping_add(1), true);
                waiting.push_back((client, wait.0, now));
                queue.push(now + PATIENCE, Event::GivesUp(client, wait.0));
            }
            Event::GivesUp(client, number) if waits[client as usize] == (number, true) => {
                waits[client as usize].1 = false;
                reneged += 1;
                thinks += 1;
                queue.push(now + think.sample(streams.bits(1, thinks)), Event::Asks(client));
            }
            Event::GivesUp(..) => {}
            Event::GivesBack(client) => {
                served += 1;
                thinks += 1;
                queue.push(now + think.sample(streams.bits(1, thinks)), Event::Asks(client));
                takes = loop {
                    let Some((next, number, _)) = waiting.pop_front() else {
                        free += 1;
                        break None;
                    };
                    if waits[next as usize] == (number, true) {
                        waits[next as usize].1 = false;
                        break Some(next);
                    }
                };
            }
        }
        if let Some(client) = takes {
            holds += 1;
            queue.push(now + hold.sample(streams.bits(0, holds)), Event::GivesBack(client));
        }
    }
    WorkloadOutcome { events: 3 * served + 2 * reneged, check: reneged as f64 / (served + reneged).max(1) as f64 }
}

/// A ring of tasks that only yield to each other.
pub fn ring(tasks: u32, switches: u64) -> WorkloadOutcome {
    let mut ready: VecDeque<u32> = (0..tasks).collect();
    let mut seen = 0_u64;
    for _ in 0..switches {
        if let Some(task) = ready.pop_front() {
            seen = seen.wrapping_add(u64::from(task));
            ready.push_back(task);
        }
    }
    let mean = seen as f64 / switches as f64;
    WorkloadOutcome { events: switches, check: mean / (f64::from(tasks) - 1.0) * 2.0 }
}
