//! Ledgers against shelves, in random worlds whose programs overlap, go round, fail and are killed, and in small ones.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::kit::id::ProcessId;
use crate::kit::law::Law;
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::{Span, Time};
use crate::model::asyncio::{LoopKind, LoopSpec, Python};
use crate::model::worker::LifeSpec;
use crate::model::*;
use crate::program::op::{Draw, DrawKind, Limit, OnError, Patching};
use crate::program::wait::Ending;
use crate::python::linkable::Notifier;
use crate::watch::probe::{Fact, Onlooker, Watched};
use crate::watch::record::RunRecord;
use crate::watch::trace::Detail;
use crate::world::run;

/// Units of the pools, by index; the native threads come after them.
const UNITS: [u32; 3] = [1, 2, 3];
const NATIVE: u16 = 3;

/// A step of a random program.
#[derive(Clone, Debug)]
enum Piece {
    Acquire(u16, Wish),
    Release(u16),
    Sleep(u64),
    Burn(u64),
    Yield,
    Block(u64),
    Apply(u64),
    Call(u64, Option<u64>),
    Over(u64, Option<u64>),
    Fan(u16),
    Repeat(u32, Vec<Piece>),
    Chance(u32, Vec<Piece>),
    Within(u64, Vec<Piece>),
}

/// How long an acquire waits: so long at most, or not at all. For ever would be a deadlock now and then.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Limit(u64),
    Now,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let limit = || proptest::option::of(0..20u64);
    let wish = prop_oneof![4 => (0..40u64).prop_map(Wish::Limit), 1 => Just(Wish::Now)];
    let leaf = prop_oneof![
        6 => (0..3u16, wish).prop_map(|(sync, wish)| Piece::Acquire(sync, wish)),
        4 => (0..3u16).prop_map(Piece::Release),
        2 => (0..9u64).prop_map(Piece::Sleep),
        1 => (0..4u64).prop_map(Piece::Burn),
        1 => Just(Piece::Yield),
        1 => (0..4u64).prop_map(Piece::Block),
        1 => (0..6u64).prop_map(Piece::Apply),
        2 => (0..20u64, limit()).prop_map(|(takes, limit)| Piece::Call(takes, limit)),
        1 => (0..9u64, limit()).prop_map(|(takes, limit)| Piece::Over(takes, limit)),
        2 => (1..4u16).prop_map(Piece::Fan),
    ];
    let piece = leaf.prop_recursive(3, 12, 4, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            (1..4u32, some()).prop_map(|(times, pieces)| Piece::Repeat(times, pieces)),
            (0..1_000_000u32, some()).prop_map(|(ppm, pieces)| Piece::Chance(ppm, pieces)),
            (0..30u64, some()).prop_map(|(limit, pieces)| Piece::Within(limit, pieces)),
        ]
    });
    proptest::collection::vec(piece, 1..8)
}

/// Writes a program.
struct Writer {
    code: Vec<Op>,
    draws: Vec<DrawKind>,
    spans: Vec<Span>,
    /// Registers that loops around this place use.
    loops: u8,
    /// Whether this is a run of a fan-out, which has none in it.
    run: bool,
    /// Whether every release is of what is held on every way; else anything is written, and gives back all at its end.
    sound: bool,
    /// Units held here by sound programs.
    held: [u32; 3],
}

impl Writer {
    fn new(run: bool, sound: bool) -> Writer {
        Writer { code: vec![], draws: vec![], spans: vec![], loops: u8::from(run), run, sound, held: [0; 3] }
    }

    fn draw(&mut self, ms: u64) -> Draw {
        self.draws.push(DrawKind::Constant(Span::from_ms(ms)));
        Draw(self.draws.len() as u16 - 1)
    }

    fn limit(&mut self, ms: u64) -> Limit {
        self.spans.push(Span::from_ms(ms));
        Limit(self.spans.len() as u16 - 1)
    }

    fn all(&mut self, pieces: &[Piece]) {
        pieces.iter().for_each(|piece| self.piece(piece));
    }

    fn acquire(&mut self, sync: u16, wish: Wish) {
        self.held[usize::from(sync)] += 1;
        let (limit, block) = match wish {
            Wish::Limit(ms) => (self.limit(ms), true),
            Wish::Now => (Limit::NONE, false),
        };
        self.code.push(Op::Acquire { sync, limit, block, patching: Patching::Patched });
    }

    fn release(&mut self, sync: u16) {
        let held = &mut self.held[usize::from(sync)];
        if *held > 0 || !self.sound {
            *held = held.saturating_sub(1);
            self.code.push(Op::Release { sync });
        }
    }

    /// Steps that do not run once: what sound programs take there, they give back there.
    fn apart(&mut self, pieces: &[Piece]) {
        let outside = std::mem::take(&mut self.held);
        self.all(pieces);
        if self.sound {
            self.give_back_the_rest();
            self.held = outside;
        }
    }

    fn give_back_the_rest(&mut self) {
        for sync in 0..3 {
            while self.held[usize::from(sync)] > 0 {
                self.release(sync);
            }
        }
    }

    fn piece(&mut self, piece: &Piece) {
        let patching = Patching::Patched;
        match *piece {
            Piece::Acquire(sync, wish) => self.acquire(sync, wish),
            Piece::Release(sync) => self.release(sync),
            Piece::Yield => self.code.push(Op::Yield),
            Piece::Fan(count) if !self.run => self.code.push(Op::Fan { program: 1, count, errors: OnError::Usual }),
            Piece::Fan(_) => {}
            Piece::Sleep(ms) | Piece::Burn(ms) | Piece::Block(ms) | Piece::Apply(ms) => {
                let takes = self.draw(ms);
                self.code.push(match piece {
                    Piece::Sleep(_) => Op::Sleep(patching, takes),
                    Piece::Burn(_) => Op::Burn(takes),
                    Piece::Block(_) => Op::Sleep(Patching::Blocking, takes),
                    _ => Op::Apply { sync: NATIVE, takes },
                });
            }
            Piece::Call(ms, limit) | Piece::Over(ms, limit) => {
                let takes = self.draw(ms);
                let limit = limit.map_or(Limit::NONE, |ms| self.limit(ms));
                let over = matches!(piece, Piece::Over(..));
                if over {
                    self.code.push(Op::Occupy { connection: 0, per: Per::Process, patching });
                }
                self.code.push(Op::Call { patching, peer: 0, takes, limit });
                if over {
                    self.code.push(Op::Vacate { connection: 0, per: Per::Process });
                }
            }
            Piece::Repeat(times, ref pieces) if usize::from(self.loops) < Program::REGISTERS => {
                let register = self.loops;
                self.code.push(Op::Set { register, times });
                let back = Pc(self.code.len() as u16);
                self.loops += 1;
                self.apart(pieces);
                self.loops -= 1;
                self.code.push(Op::Loop { register, back });
            }
            Piece::Repeat(_, ref pieces) => self.all(pieces),
            Piece::Chance(ppm, ref pieces) => {
                self.draws.push(DrawKind::Chance { site: self.code.len() as u64, ppm });
                let odds = Draw(self.draws.len() as u16 - 1);
                let branch = self.code.len();
                self.code.push(Op::End);
                self.apart(pieces);
                self.code[branch] = Op::Chance { odds, skip: Pc(self.code.len() as u16) };
            }
            Piece::Within(ms, ref pieces) => {
                let limit = self.limit(ms);
                let guard = self.code.len();
                self.code.push(Op::End);
                self.all(pieces);
                self.code.push(Op::Unguard);
                self.code[guard] = Op::Guard { limit, end: Pc(self.code.len() as u16) };
            }
        }
    }

    /// At its end a program gives back all that it has.
    fn finish(mut self, pieces: &[Piece]) -> Program {
        self.all(pieces);
        if self.sound {
            self.give_back_the_rest();
        } else {
            let register = Program::REGISTERS as u8 - 1;
            self.code.push(Op::Set { register, times: 60 });
            let back = Pc(self.code.len() as u16);
            self.code.extend((0..3).map(|sync| Op::Release { sync }));
            self.code.push(Op::Loop { register, back });
        }
        self.code.push(Op::End);
        let program = Program::new("page", self.code, self.draws, self.spans);
        assert_eq!(program.gives_unheld, !self.sound, "{:?}", program.code);
        program
    }
}

#[derive(Clone, Copy, Debug)]
enum Carrier {
    Threads,
    Pool,
    Hub,
    Residents,
    Loop,
    Uvloop,
}

fn carriers() -> impl Strategy<Value = Carrier> {
    prop_oneof![
        Just(Carrier::Threads),
        Just(Carrier::Pool),
        Just(Carrier::Hub),
        Just(Carrier::Residents),
        Just(Carrier::Loop),
        Just(Carrier::Uvloop)
    ]
}

fn worker(carrier: Carrier, dies: bool) -> WorkerSpec {
    let kind = match carrier {
        Carrier::Threads => WorkerKind::Threads { threads: 6 },
        Carrier::Pool => WorkerKind::Pool { threads: 6, connections: 20, closes: false },
        Carrier::Loop => WorkerKind::Loop(LoopSpec::plain(Python::REFERENCE, LoopKind::Asyncio)),
        Carrier::Uvloop => WorkerKind::Loop(LoopSpec::plain(Python::REFERENCE, LoopKind::Uvloop)),
        Carrier::Hub | Carrier::Residents => WorkerKind::Hub { greenlets: 6, accepts: 100, full: WhenFull::Stop },
    };
    let life = LifeSpec {
        looks: Span::from_secs(1),
        reaps: Span::ZERO,
        timeout: None,
        harakiri: None,
        max_requests: Some((15, 5)),
        graceful_timeout: Span::ZERO,
        boot: Span::from_ms(50),
        lifetime_least: Span::ZERO,
        forkbomb_delay: Span::ZERO,
        dies_of_emfile: false,
    };
    let resident = matches!(carrier, Carrier::Residents);
    let life = (dies && !resident).then_some(life);
    let mut worker = WorkerSpec { gil: true, resident, life, ..WorkerSpec::plain("worker", kind) };
    if matches!(carrier, Carrier::Hub | Carrier::Residents) {
        worker.costs.poll = Span::from_us(5);
    }
    worker
}

fn model(worker: WorkerSpec, programs: &[Program], policy: Policy) -> Model {
    let run = RunSpec {
        length: Some(Span::from_secs(2)),
        drain: Span::from_secs(60),
        warm_up: Span::ZERO,
        step: Span::from_secs(1),
        starved_after: Span::from_secs(1),
    };
    let resident = worker.resident;
    let mut model = Model::plain(HostSpec::plain(2), worker, run);
    let class = ClassSpec { name: "page".into(), weight: 1, program: 0, sites: vec![], header_bytes: 0, body_bytes: 0 };
    model.classes = [class].into();
    model.programs = Arc::from(programs);
    let arrivals = if resident {
        Arrivals::Closed { clients: 5, requests: None, think: Law::Fixed(Span::from_ms(20)) }
    } else {
        Arrivals::Poisson(Profile { points: vec![(Time::ZERO, 60.0)] })
    };
    model.clients = [ClientSpec::plain("users", vec![0], arrivals)].into();
    if !resident {
        model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; 2];
    }
    model.listeners[0].backlog = 1_000;
    let peer = PeerSpec {
        name: "peer".into(),
        network: Span::ZERO,
        ports: None,
        capacity: None,
        windows: vec![],
        breaker: None,
    };
    model.peers = vec![peer];
    let pool = |units| SyncSpec {
        name: format!("pool of {units}"),
        pool: true,
        kind: SyncKind::Semaphore { units, policy, bounded: false },
    };
    model.syncs = UNITS.map(pool).to_vec();
    model.syncs.push(SyncSpec { name: "native".into(), pool: true, kind: SyncKind::Threads { size: 2 } });
    model.connections = vec!["shared".into()];
    model
}

/// Units by process and pool.
type Units = BTreeMap<(ProcessId, u16), u32>;

/// Who has how many units of what, from what is told as it happens.
#[derive(Default)]
struct Told(Rc<RefCell<Units>>);

impl Onlooker for Told {
    fn on(&mut self, at: Time, fact: Fact<'_>) {
        let mut all = self.0.borrow_mut();
        match fact {
            Fact::Detail(Detail::Unit { process, sync, taken, .. }) => {
                let held = all.entry((process, sync)).or_default();
                *held = if taken { Some(*held + 1) } else { held.checked_sub(1) }.expect("who gives back has taken");
                assert!(*held <= UNITS[usize::from(sync)], "{held} hold pool {sync} at {at:?}");
            }
            Fact::Detail(Detail::Died { process, .. }) => all.retain(|&(of, _), _| of != process),
            _ => {}
        }
    }
}

/// Shelves, ledgers and what was told agree, and nobody waits for what is there unless somebody is on the way to it.
fn audit(world: &World<'_, impl Probe>, told: &Units) {
    let mut ledgers = Units::new();
    for (_, task) in world.tasks.iter() {
        for thing in world.held_by(task) {
            if let Thing::Unit(sync) = thing {
                *ledgers.entry((world.threads[task.thread()].process(), sync)).or_default() += 1;
            }
        }
    }
    for id in (0..world.model.processes.len()).map(ProcessId::from_index) {
        for (sync, units) in (0..).zip(UNITS) {
            let interpreter = &world.interpreters[id];
            let (link, _) = interpreter.shelf(sync);
            let shelf = interpreter.link(link);
            let of = |held: &Units| held.get(&(id, sync)).copied().unwrap_or_default();
            let held = of(&ledgers);
            assert_eq!(held, of(told), "of pool {sync} at {:?}", world.now);
            assert_eq!(held + shelf.units(), units, "of pool {sync} at {:?}", world.now);
            let on_the_way = shelf.notifier != Notifier::None
                || world.tasks.iter().any(|(at, task)| {
                    let thread = &world.threads[task.thread()];
                    (thread.process(), task.parked(), task.handle()) == (id, Parked::Unit, link)
                        // A blocking wait keeps the thread of a loop from going on with whom it has woken.
                        && (!thread.is_parked() || world.is_woken_on_loop(at))
                });
            let idle = shelf.is_ready() && !shelf.waiters.is_empty() && !on_the_way;
            assert!(!idle, "somebody waits for pool {sync}, of which there is a unit, at {:?}", world.now);
        }
    }
}

/// Runs a world, audits it after every third event, and finds everything in its place when everybody has left.
fn audited(model: &Model) {
    let mut told = Told::default();
    let units = Rc::clone(&told.0);
    let mut world = World::new(model, Seed(5), Replication(0), Watched::<true>::new(None, &mut told));
    world.run_shown(3, |world| audit(world, &units.borrow())).expect("it ends");
    let left: Vec<_> = world.tasks.iter().map(|(_, task)| task).take(2).collect();
    assert!(world.requests.is_empty() && left.is_empty(), "everybody has left but {left:?}");
    assert!(units.borrow().values().all(|&held| held == 0), "every unit is back");
    assert!(world.sharing.nobody_waits(), "every connection is free");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_more_holders_than_units_and_every_unit_comes_back(
        page in pieces(), run in pieces(), carrier in carriers(), hand_off in any::<bool>(), sound in any::<bool>(),
        dies in any::<bool>(),
    ) {
        let programs = [Writer::new(false, sound).finish(&page), Writer::new(true, sound).finish(&run)];
        let policy = if hand_off { Policy::HandOff } else { Policy::Barging };
        audited(&model(worker(carrier, dies), &programs, policy));
    }
}

const FOR_EVER: Limit = Limit::NONE;

fn acquire(sync: u16, limit: Limit) -> Op {
    Op::Acquire { sync, limit, block: true, patching: Patching::Patched }
}

/// A page whose calls take 400 ms and whose limit 0 is 100 ms.
fn page(code: &[Op], gives_unheld: bool) -> Program {
    let half = DrawKind::Chance { site: 7, ppm: 500_000 };
    let draws = [DrawKind::Constant(Span::from_ms(400)), half];
    let program = Program::new("page", code, draws, [Span::from_ms(100)]);
    assert_eq!(program.gives_unheld, gives_unheld);
    program
}

const CALL: Op = Op::Call { patching: Patching::Patched, peer: 0, takes: Draw(0), limit: FOR_EVER };

/// What a task has taken and gives back, if it fails when it stands before the op at `pc`.
fn given_back(program: &Program, pc: u16, registers: [u32; 2]) -> Vec<Thing> {
    let mut task = Task::new(crate::kit::id::RequestId::NONE, crate::kit::id::ThreadId::NONE, 0);
    for (register, value) in registers.into_iter().enumerate() {
        task.load(register, value);
    }
    let mut ledger = Ledger::default();
    ledger.follow(&task, Pc(pc), program, 0);
    std::iter::from_fn(|| ledger.give_newest()).collect()
}

fn units(syncs: &[u16]) -> Vec<Thing> {
    syncs.iter().copied().map(Thing::Unit).collect()
}

#[test]
fn a_failed_task_gives_back_what_it_holds_and_nothing_else() {
    let nested = [acquire(0, FOR_EVER), acquire(1, FOR_EVER), CALL, acquire(2, FOR_EVER), Op::Release { sync: 2 }];
    let nested = page(&[&nested[..], &[Op::Release { sync: 1 }, Op::Release { sync: 0 }, Op::End]].concat(), false);
    assert_eq!(given_back(&nested, 3, [0, 0]), units(&[1, 0]));
    // Hand over hand: it stands before the acquire of 1, or after the release of 0.
    let over = [acquire(0, FOR_EVER), acquire(1, Limit(0)), Op::Release { sync: 0 }, CALL, Op::Release { sync: 1 }];
    let over = page(&[&over[..], &[Op::End]].concat(), false);
    assert_eq!(given_back(&over, 1, [0, 0]), units(&[0]));
    assert_eq!(given_back(&over, 2, [0, 0]), units(&[1, 0]));
    assert_eq!(given_back(&over, 4, [0, 0]), units(&[1]));
}

#[test]
fn what_loops_have_taken_is_held_once_for_each_pass() {
    let (set, back) = (Op::Set { register: 0, times: 3 }, Op::Loop { register: 0, back: Pc(1) });
    let program = page(&[set, acquire(2, FOR_EVER), CALL, back, CALL, Op::End], false);
    assert_eq!(given_back(&program, 3, [2, 0]), units(&[2, 2]));
    assert_eq!(given_back(&program, 5, [0, 0]), units(&[2, 2, 2]));
    // A pass that gives back what was taken before the loop may be one too many.
    let give = [acquire(2, FOR_EVER), set, Op::Release { sync: 2 }, Op::Loop { register: 0, back: Pc(2) }, Op::End];
    assert_eq!(given_back(&page(&give, true), 4, [0, 0]), []);
}

#[test]
fn what_may_be_held_by_chance_is_given_back_by_chance() {
    let odds = Draw(1);
    let code = [Op::Chance { odds, skip: Pc(2) }, acquire(0, FOR_EVER), CALL, Op::Release { sync: 0 }, Op::End];
    let held = (0..100).filter(|&key| {
        let mut ledger = Ledger::default();
        let task = Task::new(crate::kit::id::RequestId::NONE, crate::kit::id::ThreadId::NONE, 0);
        ledger.follow(&task, Pc(3), &page(&code, true), key);
        ledger.holds(Thing::Unit(0))
    });
    assert!((30..70).contains(&held.count()));
}

fn ran(carrier: Carrier, programs: &[Program], policy: Policy) -> RunRecord {
    let model = model(worker(carrier, false), programs, policy);
    audited(&model);
    run(&model, Seed(5), Replication(0)).expect("it ends")
}

const CARRIERS: [Carrier; 4] = [Carrier::Threads, Carrier::Pool, Carrier::Hub, Carrier::Residents];

#[test]
fn who_times_out_hand_over_hand_never_lets_two_into_a_pool_of_one() {
    let code = [acquire(1, FOR_EVER), acquire(0, Limit(0)), Op::Release { sync: 1 }, CALL, Op::Release { sync: 0 }];
    let program = page(&[&code[..], &[Op::End]].concat(), false);
    for carrier in CARRIERS {
        let record = ran(carrier, std::slice::from_ref(&program), Policy::Barging);
        let of_process = if matches!(carrier, Carrier::Residents) { 1 } else { 2 };
        assert_eq!(record.calls_peak, of_process, "{carrier:?}");
        assert!(record.endings[Ending::Failed as usize] > 5, "{carrier:?}: {:?}", record.endings);
    }
}

#[test]
fn a_timeout_around_a_wait_for_a_unit_gives_back_no_unit() {
    let within = [Op::Guard { limit: Limit(0), end: Pc(5) }, acquire(0, FOR_EVER), CALL, Op::Release { sync: 0 }];
    let program = page(&[&within[..], &[Op::Unguard, Op::End]].concat(), false);
    for carrier in CARRIERS {
        for policy in [Policy::Barging, Policy::HandOff] {
            // No call of 400 ms is done within 100 ms.
            let record = ran(carrier, std::slice::from_ref(&program), policy);
            assert_eq!(record.endings[Ending::Ok as usize], 0, "{carrier:?}");
        }
    }
}

#[test]
fn who_holds_no_unit_gives_none_back() {
    // Half of them take it, and all give it back.
    let code =
        [Op::Chance { odds: Draw(1), skip: Pc(2) }, acquire(0, FOR_EVER), CALL, Op::Release { sync: 0 }, Op::End];
    for carrier in CARRIERS {
        ran(carrier, &[page(&code, true)], Policy::Barging);
    }
}
