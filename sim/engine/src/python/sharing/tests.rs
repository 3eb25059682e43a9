//! Lost updates and conflicts against a naive replay, in random worlds and in small ones.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::{Span, Time};
use crate::model::*;
use crate::program::op::{Draw, DrawKind, Limit, OnError, Program};
use crate::program::wait::Ending;
use crate::watch::probe::{Onlooker, Watched};
use crate::watch::record::ConnectionRecord;
use crate::world::run;

/// What was done to values, in order: process, task, value, and for a write whether the detector saw a loss.
#[derive(Default)]
struct Trace(Vec<(ProcessId, TaskId, u16, Option<bool>)>);

impl Onlooker for Trace {
    fn on(&mut self, _: Time, fact: Fact<'_>) {
        match fact {
            Fact::Read(Touch { process, task, value }) => self.0.push((process, task, value, None)),
            Fact::Wrote { touch: Touch { process, task, value }, lost } => {
                self.0.push((process, task, value, Some(lost)))
            }
            _ => {}
        }
    }
}

impl Trace {
    /// Whether the write at `at` overwrites what somebody else wrote after the writer's last look, by going back over the trace.
    fn loses(&self, at: usize) -> bool {
        let (process, task, value, _) = self.0[at];
        let same = self.0[..at].iter().rev().filter(|(where_, _, which, _)| (*where_, *which) == (process, value));
        let since_own_look: Vec<_> = same.take_while(|(_, who, _, _)| *who != task).collect();
        since_own_look.iter().any(|(_, _, _, lost)| lost.is_some())
    }
}

/// Who shares the two connections.
const PER: [Per; 2] = [Per::Process, Per::Request];

#[derive(Clone, Copy, Debug)]
enum Step {
    Read(u16),
    Write(u16),
    Burn(u64),
    Sleep(u64),
    Yield,
    Call(u64, Option<u64>),
    Over(u16, u64, Option<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    let limit = || proptest::option::of(0..20u64);
    prop_oneof![
        3 => (0..2u16).prop_map(Step::Read),
        3 => (0..2u16).prop_map(Step::Write),
        2 => (0..12u64).prop_map(Step::Burn),
        1 => (0..20u64).prop_map(Step::Sleep),
        1 => Just(Step::Yield),
        1 => (0..20u64, limit()).prop_map(|(takes, limit)| Step::Call(takes, limit)),
        2 => (0..2u16, 0..20u64, limit()).prop_map(|(which, takes, limit)| Step::Over(which, takes, limit)),
    ]
}

/// The steps as a program in which a task reads every value before it writes it; all of it under the lock if `locked`.
fn program(steps: &[Step], locked: bool) -> Program {
    let mut draws = Vec::new();
    let mut spans = Vec::new();
    let mut code: Vec<Op> = (0..2).map(|value| Op::Read { value }).collect();
    if locked {
        code.insert(0, Op::Acquire { sync: 0, limit: Limit::NONE, block: true, patching: Patching::Patched });
    }
    for step in steps {
        let mut draw = |ms| {
            draws.push(DrawKind::Constant(Span::from_ms(ms)));
            Draw(draws.len() as u16 - 1)
        };
        let mut limit = |ms: Option<u64>| {
            ms.map_or(Limit::NONE, |ms| {
                spans.push(Span::from_ms(ms));
                Limit(spans.len() as u16 - 1)
            })
        };
        let patching = Patching::Patched;
        match *step {
            Step::Read(value) => code.push(Op::Read { value }),
            Step::Write(value) => code.push(Op::Write { value }),
            Step::Burn(ms) => code.push(Op::Burn(draw(ms))),
            Step::Sleep(ms) => code.push(Op::Sleep(patching, draw(ms))),
            Step::Yield => code.push(Op::Yield),
            Step::Call(takes, ms) => code.push(Op::Call { patching, peer: 0, takes: draw(takes), limit: limit(ms) }),
            Step::Over(connection, takes, ms) => code.extend([
                Op::Occupy { connection, per: PER[usize::from(connection)], patching },
                Op::Call { patching, peer: 0, takes: draw(takes), limit: limit(ms) },
                Op::Vacate { connection, per: PER[usize::from(connection)] },
            ]),
        }
    }
    if locked {
        code.push(Op::Release { sync: 0 });
    }
    code.push(Op::End);
    Program::new("page", code, draws, spans)
}

fn threads() -> WorkerSpec {
    WorkerSpec { gil: true, ..WorkerSpec::plain("threads", WorkerKind::Threads { threads: 8 }) }
}

fn hub() -> WorkerSpec {
    let kind = WorkerKind::Hub { greenlets: 8, accepts: 100, full: WhenFull::Stop };
    let mut worker = WorkerSpec::plain("gevent", kind);
    worker.costs.poll = Span::from_us(5);
    worker
}

fn model(worker: WorkerSpec, programs: &[Program], processes: usize) -> Model {
    let run = RunSpec {
        length: Some(Span::from_secs(2)),
        drain: Span::from_secs(600),
        warm_up: Span::ZERO,
        step: Span::from_secs(1),
        starved_after: Span::from_secs(1),
    };
    let mut model = Model::plain(HostSpec::plain(2), worker, run);
    let class =
        |program| ClassSpec { name: "page".into(), weight: 1, program, sites: vec![], header_bytes: 0, body_bytes: 0 };
    model.classes = [class(0)].into();
    model.programs = Arc::from(programs);
    let arrivals = Arrivals::Poisson(Profile { points: vec![(Time::ZERO, 60.0)] });
    model.clients = [ClientSpec::plain("users", vec![0], arrivals)].into();
    model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; processes];
    model.listeners[0].backlog = 1_000;
    let peer = PeerSpec {
        name: "peer".into(),
        network: Span::from_us(100),
        ports: None,
        capacity: None,
        windows: vec![],
        breaker: None,
    };
    model.peers = vec![peer];
    let kind = SyncKind::Semaphore { units: 1, policy: Policy::Barging, bounded: false };
    model.syncs = vec![SyncSpec { name: "lock".into(), pool: false, kind }];
    model.values = vec!["a".into(), "b".into()];
    model.connections = vec!["shared".into(), "own".into()];
    model
}

fn traced(model: &Model) -> Trace {
    let mut trace = Trace::default();
    let mut world = World::new(model, Seed(5), Replication(0), Watched::<false>::new(None, &mut trace));
    world.run().expect("it ends");
    assert!(world.sharing.nobody_waits(), "all have left");
    drop(world);
    trace
}

fn page(steps: &[Step], locked: bool, worker: WorkerSpec) -> crate::watch::record::RunRecord {
    run(&model(worker, &[program(steps, locked)], 1), Seed(5), Replication(0)).expect("it ends")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lost_updates_are_those_of_a_naive_replay(
        steps in proptest::collection::vec(step(), 1..8), cooperative in any::<bool>(), processes in 1..3usize,
    ) {
        let worker = if cooperative { hub() } else { threads() };
        let model = model(worker, &[program(&steps, false)], processes);
        let trace = traced(&model);
        for (at, &(.., lost)) in trace.0.iter().enumerate() {
            if let Some(lost) = lost {
                prop_assert_eq!(lost, trace.loses(at), "entry {} of the trace", at);
            }
        }
        let record = run(&model, Seed(5), Replication(0)).expect("it ends");
        for (value, counted) in (0..).zip(&record.values) {
            let of = |wanted: &dyn Fn(Option<bool>) -> bool| {
                trace.0.iter().filter(|(_, _, which, kind)| *which == value && wanted(*kind)).count() as u64
            };
            prop_assert_eq!(counted.reads, of(&|kind| kind.is_none()));
            prop_assert_eq!(counted.writes, of(&|kind| kind.is_some()));
            prop_assert_eq!(counted.lost_updates, of(&|kind| kind == Some(true)));
        }
    }

    #[test]
    fn under_a_lock_nothing_is_lost_and_nobody_meets(steps in proptest::collection::vec(step(), 1..8)) {
        for worker in [threads(), hub()] {
            let record = page(&steps, true, worker);
            prop_assert!(record.values.iter().all(|value| value.lost_updates == 0), "{:?}", record.values);
            prop_assert!(record.connections.iter().all(|one| one.conflicts == 0), "{:?}", record.connections);
        }
    }

    #[test]
    fn a_greenlet_that_does_not_give_way_loses_nothing(steps in proptest::collection::vec(step(), 1..8)) {
        let stays = |step: &&Step| matches!(step, Step::Read(_) | Step::Write(_) | Step::Burn(_));
        let steps: Vec<Step> = steps.iter().filter(stays).copied().collect();
        prop_assert!(page(&steps, false, hub()).values.iter().all(|value| value.lost_updates == 0));
    }
}

#[test]
fn a_yield_between_read_and_write_loses_updates_in_both_worlds() {
    let steps = [Step::Read(0), Step::Call(15, None), Step::Write(0)];
    for worker in [threads(), hub()] {
        let record = page(&steps, false, worker);
        assert!(record.values[0].lost_updates > 10, "{:?}", record.values);
        assert_eq!(record.values[1].writes, 0);
    }
}

#[test]
fn a_thread_can_be_preempted_where_a_greenlet_cannot() {
    let steps = [Step::Read(0), Step::Burn(12), Step::Write(0)];
    assert!(page(&steps, false, threads()).values[0].lost_updates > 0);
    assert_eq!(page(&steps, false, hub()).values[0].lost_updates, 0);
}

#[test]
fn two_greenlets_on_a_socket_fail_and_two_threads_get_anything() {
    let steps = [Step::Over(0, 30, None)];
    let greenlets = page(&steps, false, hub());
    let [shared, own] = &greenlets.connections[..] else { panic!("two connections") };
    assert!(shared.conflicts > 10 && own.uses == 0, "{:?}", greenlets.connections);
    assert_eq!(greenlets.endings[Ending::Failed as usize], shared.conflicts, "gevent raises in the second");
    let threaded = page(&steps, false, threads());
    assert!(threaded.connections[0].conflicts > 10);
    assert_eq!(threaded.endings[Ending::Failed as usize], 0, "nobody notices");
}

#[test]
fn a_connection_for_each_request_is_met_by_nobody_but_runs_of_a_fan() {
    let steps = [Step::Over(1, 30, None)];
    assert_eq!(page(&steps, false, hub()).connections[1].conflicts, 0);
    let fan = Program::new("page", [Op::Fan { program: 1, count: 3, errors: OnError::Usual }, Op::End], [], []);
    let record = run(&model(hub(), &[fan, program(&steps, false)], 1), Seed(5), Replication(0)).expect("it ends");
    let ConnectionRecord { uses, conflicts, .. } = record.connections[1];
    assert_eq!(conflicts * 3, uses * 2, "of three runs the first gets through");
}

#[test]
fn what_another_task_in_the_same_place_has_read_is_forgotten() {
    let model = model(hub(), &[program(&[], false)], 1);
    let mut sharing = Sharing::new(&model);
    let (process, [one, two]) = (ProcessId::from_index(0), [0, 1].map(TaskId::from_index));
    sharing.read(process, one, 1);
    sharing.read(process, two, 1);
    assert!(!sharing.write(process, two, 1));
    assert!(!sharing.write(process, two, 1), "its own write is no surprise");
    sharing.begin_task(one);
    assert!(!sharing.write(process, one, 1), "who has not read cannot lose");
    assert!(sharing.write(process, two, 1));
    assert!(!sharing.write(process, two, 0), "the other value is another");
}

#[test]
fn a_call_over_a_shared_connection_opens_none() {
    let mut model = model(threads(), &[program(&[Step::Over(0, 5, None), Step::Over(1, 5, None)], false)], 1);
    model.peers[0].ports =
        Some(crate::model::kernel::Ports { count: 10, closes_first: true, lingers: Span::ZERO, lingering_most: 9 });
    let record = run(&model, Seed(5), Replication(0)).expect("it ends");
    assert!(record.kernel.ports_peak > 0 && record.kernel.ports_peak <= 8, "only the requests' own");
}
