//! Steps of programs in the words of a scenario file.

use crate::kit::law::Law;
use crate::kit::time::Span;
use crate::model::Model;
use crate::program::op::{Draw, DrawKind, Op, Patching, Pc, Program};
use crate::program::wait::StepOf;

/// What a step is called that has no name of its own.
pub(crate) const NAMELESS: &str = "a step";

/// A step of a program in words, such as "burn 200ms" or "call of `backend`"; of several alike it says which.
pub fn step_name(model: &Model, program: u16, pc: Pc) -> String {
    let program = &model.programs[usize::from(program)];
    let at = usize::from(pc.0);
    let Some(op) = program.code.get(at) else { return "its end".to_owned() };
    let name = op_name(model, program, op);
    let alike = |op: &&Op| std::mem::discriminant(*op) == std::mem::discriminant(&program.code[at]);
    let same = |op: &&Op| alike(op) && op_name(model, program, op) == name;
    let count = |code: &[Op]| code.iter().filter(same).count();
    match count(&program.code) {
        0 | 1 => name,
        all => format!("{name} ({} of {all})", count(&program.code[..=at])),
    }
}

fn op_name(model: &Model, program: &Program, op: &Op) -> String {
    let sync = |sync: u16| &model.syncs[usize::from(sync)].name;
    let takes = |draw| takes(model, program, draw);
    match *op {
        Op::Burn(draw) => format!("burn {}", takes(draw)),
        Op::BurnYielding { span, .. } => format!("burn {}, yielding", takes(span)),
        Op::Native(draw) => format!("native code of {}", takes(draw)),
        Op::Sleep(Patching::Patched, draw) => format!("sleep {}", takes(draw)),
        Op::Sleep(Patching::Blocking, draw) => format!("blocking sleep of {}", takes(draw)),
        Op::Call { peer, patching, .. } => {
            let blocking = if patching == Patching::Blocking { "blocking " } else { "" };
            format!("{blocking}call of `{}`", model.peers[usize::from(peer)].name)
        }
        Op::Acquire { sync: at, .. } => format!("{} `{}`", kind_of(model, at), sync(at)),
        Op::Get { sync: at, .. } => format!("get from `{}`", sync(at)),
        Op::Put { sync: at, .. } => format!("put into `{}`", sync(at)),
        Op::Await { sync: at, .. } => format!("wait for `{}`", sync(at)),
        Op::Fan { count, .. } => format!("{count} runs side by side"),
        Op::Apply { takes: draw, .. } => format!("offload {}", takes(draw)),
        Op::Start { program, .. } => format!("start of `{}`", model.programs[usize::from(program)].name),
        Op::Respond => "response".to_owned(),
        Op::ToThread { sync: at } => format!("a thread of `{}`", sync(at)),
        Op::Yield => "yield".to_owned(),
        _ => NAMELESS.to_owned(),
    }
}

fn kind_of(model: &Model, sync: u16) -> &'static str {
    if model.syncs[usize::from(sync)].pool { "pool" } else { "lock" }
}

/// What held a hub, in words; `None` is the loop itself.
pub fn culprit_name(model: &Model, culprit: Option<StepOf>) -> String {
    let Some(step) = culprit else { return "the loop itself, or no core".to_owned() };
    let program = &model.programs[usize::from(step.program)].name;
    match step.pc {
        Some(pc) => format!("`{program}`: {}", step_name(model, step.program, pc)),
        None => format!("`{program}`: Python around its steps"),
    }
}

/// A random duration in words: itself, or its mean.
fn takes(model: &Model, program: &Program, draw: Draw) -> String {
    let of_law = |law: &Law| match law {
        Law::Fixed(span) => span.to_string(),
        law => law.mean().map_or("without a mean".to_owned(), |mean| format!("{} in the mean", rounded(mean))),
    };
    match &program.draws[usize::from(draw.0)] {
        DrawKind::Constant(span) => span.to_string(),
        DrawKind::PerPass { law, .. } => of_law(law),
        DrawKind::Fate(column) => {
            let at = model.programs.iter().position(|other| std::ptr::eq(other, program));
            let class = model.classes.iter().find(|class| Some(class.program as usize) == at);
            let site = class.and_then(|class| class.sites.get(usize::from(*column)));
            site.map_or("a random time".to_owned(), |site| of_law(&site.law))
        }
        DrawKind::Stretched { of, percent } => format!("{percent} % of {}", takes(model, program, *of)),
        DrawKind::Chance { .. } => "by chance".to_owned(),
    }
}

/// A mean with three digits.
fn rounded(ns: f64) -> Span {
    let ns = ns as u64;
    let mut unit = 1;
    while ns / unit >= 1_000 {
        unit *= 10;
    }
    Span::from_ns(ns.saturating_add(unit / 2) / unit * unit)
}
