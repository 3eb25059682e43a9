//! The run loop, its limits and its record.

use crate::carrier::Carriers;
use crate::kit::id::{ProcessId, RequestId, ThreadId};
use crate::kit::rng::{Replication, Seed, mix};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::machine::process::Process;
use crate::machine::{Role, Thread};
use crate::model::step_names::{NAMELESS, step_name};
use crate::model::{Model, WorkerKind};
use crate::program::op::Pc;
use crate::program::request::{Stage, Why};
use crate::program::wait::Ending;
use crate::watch::books::{self, Areas};
use crate::watch::door::{DoorRecord, Doorkeeper};
use crate::watch::probe::{Fact, Onlooker, Probe, Watched};
use crate::watch::record::{Evenness, RunRecord};
use crate::watch::recorder::Recorder;
use crate::world::{Event, RunError, World};

impl<P: Probe> World<'_, P> {
    /// Runs until nobody is left, or until the time is up; a deadlock that is left behind is an error.
    pub(crate) fn run(&mut self) -> Result<(), RunError> {
        self.go_to(self.arrivals_end.saturating_add(self.model.run.drain))?;
        if let Some(deadlock) = self.deadlock_left() {
            return Err(deadlock);
        }
        self.end_the_rest();
        Ok(())
    }

    /// Runs until nobody is left, or until this instant.
    pub(crate) fn run_to(&mut self, end: Time) -> Result<(), RunError> {
        self.go_to(end)?;
        self.end_the_rest();
        Ok(())
    }

    /// What is under way when a run is over ends with it.
    fn end_the_rest(&mut self) {
        self.stop_cores();
        self.abandon_the_rest();
    }

    fn go_to(&mut self, end: Time) -> Result<(), RunError> {
        self.dispatch_pending();
        self.open_clients();
        self.start_checks();
        self.dispatch_pending();
        let series = self.model.run.step.as_ns().saturating_mul(self.model.limits.points);
        let series_end = Time::ZERO.saturating_add(Span::from_ns(series));
        let stop = end.min(series_end);
        // Before the window begins, the loop stops for it too.
        let mut warms_up = self.warm_up_end > Time::ZERO;
        let mut pause = if warms_up { Time::from_ns(self.warm_up_end.as_ns() - 1).min(stop) } else { stop };
        loop {
            let Some((at, event)) = self.next_event() else {
                if self.requests.is_empty() {
                    break;
                }
                return Err(self.deadlock_left().unwrap_or_else(|| self.deadlock()));
            };
            if at > pause {
                if at > stop {
                    if stop < end {
                        return Err(self.long_series(at));
                    }
                    self.now = end;
                    break;
                }
                self.open_window(self.warm_up_end);
                (warms_up, pause) = (false, stop);
            }
            self.step_to(at, event)?;
            self.handle(event);
            self.dispatch_pending();
            if self.requests.is_empty() && self.clients_are_done() {
                break;
            }
        }
        if warms_up {
            // Nothing has happened since the warm-up.
            self.open_window(self.warm_up_end.min(self.now));
        }
        Ok(())
    }

    /// Runs until an instant, or until nothing is left that could happen.
    pub(crate) fn run_until(&mut self, end: Time) -> Result<(), RunError> {
        self.dispatch_pending();
        while let Some((at, event)) = self.next_event().filter(|&(at, _)| at <= end) {
            self.step_to(at, event)?;
            self.handle(event);
            self.dispatch_pending();
        }
        Ok(())
    }

    /// Runs until nothing is left that could happen, and shows the world after every so many events.
    #[cfg(test)]
    pub(crate) fn run_shown(&mut self, every: u64, show: impl Fn(&Self)) -> Result<(), RunError> {
        self.dispatch_pending();
        self.open_clients();
        self.dispatch_pending();
        while let Some((at, event)) = self.next_event() {
            self.step_to(at, event)?;
            self.handle(event);
            self.dispatch_pending();
            if self.events.is_multiple_of(every) {
                show(self);
            }
        }
        Ok(())
    }

    /// Events so far, and the hash over them.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.events, self.fingerprint)
    }

    #[inline(always)]
    fn step_to(&mut self, at: Time, event: Event) -> Result<(), RunError> {
        if at > self.now {
            self.now = at;
            self.steps = 0;
        }
        self.steps += 1;
        self.events += 1;
        self.fingerprint = mix(self.fingerprint ^ at.as_ns(), event.code());
        if P::EVENTS {
            self.probe.event(at, &event, self.fingerprint);
        }
        let limits = &self.model.limits;
        let within = self.events <= limits.events
            && self.steps <= limits.events_per_instant
            && self.requests.len() <= limits.requests as usize;
        if within && !self.stuck { Ok(()) } else { Err(self.limit_of_run(at)) }
    }

    #[cold]
    #[inline(never)]
    fn long_series(&self, at: Time) -> RunError {
        RunError::LongSeries { world: self.model.name.clone(), points: self.model.limits.points, at }
    }

    /// Which limit the run has passed.
    #[cold]
    #[inline(never)]
    fn limit_of_run(&self, at: Time) -> RunError {
        let limits = &self.model.limits;
        let world = self.model.name.clone();
        if self.events > limits.events {
            return RunError::EventBudget { world, events: limits.events, at, program: self.running() };
        }
        if self.stuck && self.carriers.left_alone() <= limits.requests || self.steps > limits.events_per_instant {
            return RunError::Livelock { world, steps: limits.events_per_instant, at, program: self.running() };
        }
        if self.carriers.left_alone() > limits.requests {
            return RunError::TooManyThreads { world, threads: limits.requests, at };
        }
        RunError::TooManyRequests { world, requests: limits.requests, at }
    }

    /// A program that runs, and at which step, as far as that has a name.
    fn running(&self) -> String {
        let running = self.carriers.tasks_on_threads();
        let Some(task) = running.filter_map(|task| self.tasks.get(task)).next() else { return "the server".to_owned() };
        let name = &self.model.programs[usize::from(task.program())].name;
        let step = step_name(self.model, task.program(), Pc(task.pc().0.saturating_sub(1)));
        if step.starts_with(NAMELESS) { format!("`{name}`") } else { format!("`{name}`, at its step \"{step}\",") }
    }

    #[inline]
    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive(client) => self.arrive_event(client),
            Event::Send(request) => self.send(request),
            Event::Syn(request) => self.syn_event(request),
            Event::NoRoute(request) => self.no_route_event(request),
            Event::Established(request) => self.established_event(request),
            Event::Response(request) => self.response_event(request),
            Event::Limit(request) => self.limit_event(request),
            Event::Core(core) => self.core_event(core),
            Event::Wake(thread) => self.wake_event(thread),
            Event::Gil(process) => self.gil_event(process),
            Event::AtPeer(call) => self.at_peer_event(call),
            Event::Served(call) => self.served_event(call),
            Event::Reply(call) => self.reply_event(call),
            Event::Refusal(request) => self.refusal_event(request),
            Event::Retransmit(request) => self.retransmit_event(request),
            Event::Outage(outage) => self.outage_event(outage),
            Event::Master(process) => self.master_event(process),
            Event::RelaySyn(request) => self.relay_syn_event(request),
            Event::Data(request) => self.data_event(request),
            Event::RelayLimit(request) => self.relay_limit_event(request),
            Event::AcceptAgain(hub) => self.accept_again_event(hub),
            Event::Hedge(request) => self.hedge_event(request),
            Event::Again(request) => self.again_event(request),
            Event::Idle(conn) => self.idle_event(conn),
            Event::AtProxy(request) => self.at_proxy_event(request),
            Event::Upstream(request) => self.upstream_event(request),
            Event::Check(listener) => self.check_event(listener),
            Event::Silence(client) => self.silence_event(client),
            Event::Period(host) => self.period_event(host),
            Event::Slack(host) => self.slack_event(host),
        }
    }

    /// Lets disturbed hosts dispatch, once everything has arrived that arrives at this instant.
    #[inline(always)]
    fn dispatch_pending(&mut self) {
        if self.machine.is_disturbed() && !self.has_more_now() {
            self.dispatch_disturbed();
        }
    }

    fn deadlock(&self) -> RunError {
        let (_, oldest) = self.requests.iter().min_by_key(|(_, request)| request.born()).expect("there is one");
        RunError::Deadlock {
            world: self.model.name.clone(),
            at: self.now,
            requests: self.requests.len(),
            class: self.model.classes[usize::from(oldest.class())].name.clone(),
            waiting_for: oldest.wait().label(),
        }
    }

    /// The time is up: what is still on its way ends unfinished.
    fn abandon_the_rest(&mut self) {
        let left: Vec<RequestId> = self.requests.iter().map(|(id, _)| id).collect();
        for id in left {
            let request = &self.requests[id];
            let stands_alone = request.why() != Why::Check && (request.why() != Why::Hedge || request.twin().is_none());
            if request.ending().is_none() && request.stage() != Stage::Pausing && stands_alone {
                self.end_unfinished(id);
            }
        }
    }

    fn end_unfinished(&mut self, id: RequestId) {
        let now = self.now;
        let request = &mut self.requests[id];
        // Who waits at a step for ever has waited at it: else a pool would look fair because the starved are not in its books.
        request.turn_from_step(now, request.wait(), now, &mut self.probe);
        request.end_as(Ending::Unfinished);
        self.probe.on(now, Fact::Ended(&self.requests[id], Ending::Unfinished));
    }
}

/// Runs one world of a model with nobody watching: the number of events and the fingerprint, which are those of [`run`].
///
/// For measuring what watching costs.
///
/// # Errors
/// As [`run`].
pub fn run_unwatched(model: &Model, seed: Seed, replication: Replication) -> Result<(u64, u64), RunError> {
    let mut world = World::new(model, seed, replication, ());
    world.run()?;
    Ok(world.counted())
}

/// Runs one world of a model and returns what the recorder saw.
///
/// Same `model`, `seed` and `replication`: same record, on every platform.
///
/// # Errors
/// [`RunError`] when a limit of the model is reached or requests wait for ever.
pub fn run(model: &Model, seed: Seed, replication: Replication) -> Result<RunRecord, RunError> {
    let mut world = World::new(model, seed, replication, recorder(model));
    world.run()?;
    record(world, seed, replication, |recorder| recorder)
}

/// [`run`] with somebody who looks on.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_with(
    model: &Model,
    seed: Seed,
    replication: Replication,
    onlooker: &mut dyn Onlooker,
) -> Result<RunRecord, RunError> {
    let watched = Watched::<false>::new(Some(recorder(model)), onlooker);
    let mut world = World::new(model, seed, replication, watched);
    world.run()?;
    record(world, seed, replication, Watched::into_recorder)
}

/// [`run`] with somebody at the doors, who sees what workers do while connections wait for them: [`RunRecord::door`]. All else is
/// the same.
///
/// # Errors
/// As [`run`].
pub fn run_at_the_door(model: &Model, seed: Seed, replication: Replication) -> Result<RunRecord, RunError> {
    let mut keeper = Doorkeeper::new(model);
    let watched = Watched::<true>::new(Some(recorder(model)), &mut keeper);
    let mut world = World::new(model, seed, replication, watched);
    world.run()?;
    let end = world.now;
    let record = record(world, seed, replication, Watched::into_recorder)?;
    Ok(RunRecord { door: keeper.finish(end), ..record })
}

/// [`run`] with ties shuffled: of things that happen at one instant and have nothing to do with each other, chance takes the next.
/// The same people come and need the same; `ties` is where that other chance begins.
///
/// For tests of conclusions, which may not rest on the order of ties.
///
/// # Errors
/// As [`run`].
pub fn run_shuffled(model: &Model, seed: Seed, replication: Replication, ties: u64) -> Result<RunRecord, RunError> {
    let mut nobody = ();
    let watched = Watched::<false>::new(Some(recorder(model)), &mut nobody);
    let mut world = World::new(model, seed, replication, watched);
    world.shuffle_ties(mix(ties, u64::from(replication.0)));
    world.run()?;
    record(world, seed, replication, Watched::into_recorder)
}

fn cores(model: &Model) -> u64 {
    model.hosts.iter().map(|host| u64::from(host.cores)).sum()
}

fn recorder(model: &Model) -> Recorder {
    Recorder::new(model, cores(model), model.slots())
}

/// What a run leaves behind.
fn record<P: Probe>(
    world: World<'_, P>,
    seed: Seed,
    replication: Replication,
    recorder: impl FnOnce(P) -> Recorder,
) -> Result<RunRecord, RunError> {
    let (end, cores, slots) = (world.now, cores(world.model), world.model.slots());
    let residents = world.has_residents();
    let process_cpu =
        (0..world.model.processes.len()).map(|at| world.cpu_in_window(ProcessId::from_index(at))).collect();
    let hub_hold_max = world.carriers.longest_hold();
    let World { model, probe, processes, threads, carriers, .. } = world;
    let mut recorder = recorder(probe);
    let World { fingerprint, births, events, net, masters, peer, .. } = world;
    recorder.close(end);
    let areas = recorder.areas();
    note_generators(&mut recorder, model, &carriers);
    let warm_up = Time::ZERO + model.run.warm_up;
    let until = match model.run.length {
        Some(length) => Time::ZERO + length,
        None => recorder.finished,
    };
    let window = until.since(warm_up);
    let record = RunRecord {
        world: model.name.clone(),
        loops: model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Loop(_))),
        seed: seed.0,
        replication: replication.0,
        finished: recorder.finished,
        window,
        warm_up: model.run.warm_up,
        events,
        fingerprint,
        births_fingerprint: births,
        endings: recorder.endings,
        apart: recorder.apart,
        users: recorder.users,
        wasted: recorder.wasted,
        resilience: recorder.resilience,
        residents: residents.then(|| recorder.fairness.residents()),
        calls_peak: peer.calls_peak(),
        syn_drops: recorder.syn_drops,
        throttling: recorder.throttling,
        kernel: net.counts(),
        workers: masters.counts,
        cpu_ppm: recorder.cpu_ppm(until.min(end), end),
        slots_ppm: recorder.slots_ppm(window),
        slots,
        os_threads: model.os_threads(),
        hub_hold_max,
        cores,
        process_cpu,
        thread_requests: thread_requests(&threads),
        process_requests: processes.iter().take(model.processes.len()).map(Process::begun).collect(),
        groups: recorder.groups,
        pools: recorder.steps.pools(model),
        steps: recorder.steps.into_list(),
        hub_blame: recorder.holds.blame(),
        door: DoorRecord::default(),
        values: recorder.values,
        connections: recorder.connections,
        classes: recorder.classes,
        latency: recorder.latency,
        hub_lag: recorder.hub_lag,
        hub_hold: recorder.hub_hold,
        join_lag: recorder.join_lag,
        series: recorder.series,
    };
    balanced(model, record, &areas)
}

/// What the programs that send requests needed.
fn note_generators(recorder: &mut Recorder, model: &Model, carriers: &Carriers) {
    for ((group, worked), spec) in recorder.groups.iter_mut().zip(carriers.work_of_senders()).zip(model.clients.iter())
    {
        if spec.cost.is_some() {
            (group.generator_cpu, group.generators) = (worked, spec.generators);
        }
    }
}

/// How evenly requests went to the threads that serve.
fn thread_requests(threads: &Table<ThreadId, Thread>) -> Evenness {
    let serves = |thread: &&Thread| matches!(thread.role(), Role::Server | Role::PoolServer);
    Evenness::of(threads.iter().filter(serves).map(|thread| u64::from(thread.served())))
}

/// The record, if its books balance.
fn balanced(model: &Model, record: RunRecord, areas: &Areas) -> Result<RunRecord, RunError> {
    match books::fault(model, &record, areas) {
        Some(what) => {
            let (world, seed, replication) = (record.world, record.seed, record.replication);
            Err(RunError::Unbalanced { world, what, seed, replication })
        }
        None => Ok(record),
    }
}
