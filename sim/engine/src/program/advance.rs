//! The interpreter: turns a task's next ops into the next [`Effect`]. The same for threads and greenlets.
//!
//! `advance` knows neither hub nor thread nor clock. It reads the program and the request's fate, moves the cursor and
//! says what the task wants; the carrier says what that means.

use crate::kit::rng::{happens, mix};
use crate::kit::time::Span;
use crate::program::op::{Draw, DrawKind, Limit, Op, Patching, Pc, Program};
use crate::program::task::{News, Task};

/// What a task wants next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// CPU time under the GIL.
    Burn(Span),
    /// CPU time outside the GIL.
    Native(Span),
    /// To wait.
    Wait {
        /// For what.
        need: Need,
        /// Whether a hub gets control meanwhile.
        patching: Patching,
        /// At most so long; then the request fails.
        limit: Option<Span>,
    },
    /// To let others run.
    Yield,
    /// To give a unit back.
    GiveBack {
        /// Index of the lock or pool.
        sync: u16,
    },
    /// Something with tasks, messages or notices that takes no time by itself.
    Do(Op),
    /// To give back all that it holds: it has failed, and its program is over.
    Leave,
    /// Nothing more: its program is done.
    Exit,
}

/// What a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Time to pass.
    Timer(Span),
    /// A peer's reply.
    Reply {
        /// Index of the peer.
        peer: u16,
        /// Service time while the peer is healthy.
        takes: Span,
    },
    /// A unit of a lock or pool. The op is tried again when the task goes on.
    Unit {
        /// Index of the lock or pool.
        sync: u16,
    },
}

/// The draws of one request: its fate row and the key from which draws inside loops and chances are made.
#[derive(Clone, Copy, Debug)]
pub struct Fate<'a> {
    /// Spans in ns, by column.
    pub row: &'a [u64],
    /// The request's own random bits.
    pub key: u64,
}

/// Runs ops until one needs the carrier.
///
/// A task with [`News::Failed`] does no more of its ops: it leaves, and then exits.
#[inline(always)]
pub fn advance(task: &mut Task, program: &Program, fate: Fate<'_>) -> Effect {
    if task.news == News::Failed {
        task.unwinding = true;
        task.piece = Span::ZERO;
        return Effect::Leave;
    }
    loop {
        let pc = task.pc;
        let op = program.code[usize::from(pc.0)];
        task.pc = Pc(pc.0.saturating_add(1));
        match op {
            Op::Burn(draw) => return Effect::Burn(span(task, program, fate, draw)),
            Op::BurnYielding { span: draw, every } => {
                if let Some(effect) = burn_a_piece(task, program, fate, pc, draw, every) {
                    return effect;
                }
            }
            Op::Native(draw) => return Effect::Native(span(task, program, fate, draw)),
            Op::Sleep(patching, draw) => {
                let need = Need::Timer(span(task, program, fate, draw));
                return Effect::Wait { need, patching, limit: None };
            }
            Op::Yield => return Effect::Yield,
            Op::Call { patching, peer, takes, limit } => {
                let need = Need::Reply { peer, takes: span(task, program, fate, takes) };
                return Effect::Wait { need, patching, limit: limit_of(program, limit) };
            }
            Op::Acquire { .. } if !program.fails => return Effect::Do(op),
            Op::Acquire { sync, limit, block, patching } => {
                let limit = if block { limit_of(program, limit) } else { Some(Span::ZERO) };
                return Effect::Wait { need: Need::Unit { sync }, patching, limit };
            }
            // Who may hold none is looked at more closely.
            Op::Release { .. } if program.gives_unheld => return Effect::Do(op),
            Op::Release { sync } => return Effect::GiveBack { sync },
            Op::Set { register, times } => task.registers[usize::from(register)] = times,
            Op::Loop { register, back } => {
                if goes_round(&mut task.registers, register) {
                    task.pc = back;
                }
            }
            Op::Chance { odds, skip } => {
                if !comes_to_pass(program, odds, fate.key, task.registers) {
                    task.pc = skip;
                }
            }
            Op::End => {
                task.pc = pc;
                return Effect::Exit;
            }
            // Everything between tasks is the carrier's business.
            other => return Effect::Do(other),
        }
    }
}

/// The next piece of a burn that yields: burn, yield, burn, ..., burn. `None` when all of it is done.
///
/// `task.piece` is what is left, zero before the op has begun; its top bit says that a yield is due when the op is met again.
#[inline(never)]
fn burn_a_piece(
    task: &mut Task,
    program: &Program,
    fate: Fate<'_>,
    pc: Pc,
    draw: Draw,
    every: Limit,
) -> Option<Effect> {
    const YIELD_NEXT: u64 = 1 << 63;
    let state = task.piece.as_ns();
    if state & YIELD_NEXT != 0 {
        task.piece = Span::from_ns(state & !YIELD_NEXT);
        task.pc = pc;
        return Some(Effect::Yield);
    }
    let left = if state == 0 { span(task, program, fate, draw) } else { Span::from_ns(state) };
    let every = program.spans[usize::from(every.0)].max(Span::from_ns(1));
    if left.is_zero() {
        return None;
    }
    if left <= every {
        task.piece = Span::ZERO;
        return Some(Effect::Burn(left));
    }
    task.piece = Span::from_ns((left - every).as_ns() | YIELD_NEXT);
    task.pc = pc;
    Some(Effect::Burn(every))
}

#[inline(always)]
fn limit_of(program: &Program, limit: Limit) -> Option<Span> {
    (limit != Limit::NONE).then(|| program.spans[usize::from(limit.0)])
}

/// Loop registers of a task at its first op: a run of a fan-out, or a thread that was started, has its number in the first.
pub(crate) fn registers_at_birth(task: &Task, program: &Program) -> [u32; Program::REGISTERS] {
    let [number, ..] = task.registers;
    [if task.parent.is_some() || program.alone { number } else { 0 }, 0]
}

/// A pass through a loop is over: whether another follows.
#[inline(always)]
pub(crate) fn goes_round(registers: &mut [u32; Program::REGISTERS], register: u8) -> bool {
    let left = &mut registers[usize::from(register)];
    *left -= 1;
    *left > 0
}

/// Whether a chance comes to pass, in this pass through the loops.
#[inline(always)]
pub(crate) fn comes_to_pass(program: &Program, odds: Draw, key: u64, registers: [u32; Program::REGISTERS]) -> bool {
    let DrawKind::Chance { site, ppm } = program.draws[usize::from(odds.0)] else {
        unreachable!("a chance's odds are a chance")
    };
    happens(mix(key ^ site, pass(registers)), ppm)
}

/// Which pass through its loops a task is in.
#[inline(always)]
fn pass([a, b]: [u32; Program::REGISTERS]) -> u64 {
    u64::from(a) ^ u64::from(b) << 32
}

/// The value of a draw for this task, in this pass.
#[inline(always)]
pub fn span(task: &Task, program: &Program, fate: Fate<'_>, draw: Draw) -> Span {
    match &program.draws[usize::from(draw.0)] {
        DrawKind::Constant(span) => *span,
        DrawKind::Fate(column) => Span::from_ns(fate.row[usize::from(*column)]),
        DrawKind::PerPass { site, law } => law.sample(mix(fate.key ^ site, pass(task.registers))),
        DrawKind::Stretched { of, percent } => span(task, program, fate, *of) * u64::from(*percent) / 100,
        DrawKind::Chance { .. } => unreachable!("a chance is no span"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::id::{RequestId, ThreadId};

    const FATE: Fate<'static> = Fate { row: &[7, 8], key: 3 };

    fn program(code: &[Op]) -> Program {
        let draws = [DrawKind::Constant(Span::from_ms(12)), DrawKind::Fate(1)];
        Program::new("test", code, draws, [Span::from_ms(5)])
    }

    fn all(program: &Program) -> Vec<Effect> {
        let mut task = Task::new(RequestId::NONE, ThreadId::NONE, 0);
        let mut effects = Vec::new();
        while effects.last() != Some(&Effect::Exit) {
            effects.push(advance(&mut task, program, FATE));
        }
        effects
    }

    #[test]
    fn a_loop_runs_its_body_as_often_as_it_says() {
        let ops = [Op::Set { register: 0, times: 3 }, Op::Yield, Op::Loop { register: 0, back: Pc(1) }, Op::End];
        assert_eq!(all(&program(&ops)), [Effect::Yield, Effect::Yield, Effect::Yield, Effect::Exit]);
    }

    #[test]
    fn a_yielding_burn_yields_between_its_pieces_and_not_after_the_last() {
        let ops = [Op::BurnYielding { span: Draw(0), every: Limit(0) }, Op::End];
        let [five, two] = [5, 2].map(|ms| Effect::Burn(Span::from_ms(ms)));
        assert_eq!(all(&program(&ops)), [five, Effect::Yield, five, Effect::Yield, two, Effect::Exit]);
    }

    #[test]
    fn a_fated_span_is_the_one_drawn_at_birth() {
        let ops = [Op::Sleep(Patching::Patched, Draw(1)), Op::End];
        let need = Need::Timer(Span::from_ns(8));
        assert_eq!(all(&program(&ops))[0], Effect::Wait { need, patching: Patching::Patched, limit: None });
    }
}
