//! From the steps of one body to a program of an event loop.
//!
//! What all worlds have becomes an op that they share; the rest becomes [`AioStep`]s beside the program. A block's first step knows where
//! the program goes on after it, so it is written anew when the block is complete.

use engine::asyncio::{AioStep, Until};
use engine::model::{AioKind, SyncKind};
use engine::op::{Op, Patching, Pc, Program, Spawn};
use engine::time::Span;
use serde_json::Value;

use super::grammar::{AsyncioAction, UntilWord};
use crate::gevent::OracleError;
use crate::gevent::body::{Body, at_least_one, index_of, is_condition, is_event, is_pair, is_set, read_step, span};
use crate::gevent::compile::{Tables, check_name};
use crate::gevent::grammar::NotifyCount;

/// Bytes of a read that does not say how many.
const READ: u32 = 65_536;
/// Bytes that one step sends at most.
const SEND_MAX: u32 = 65_536;

/// Compiles the steps of a body.
pub(super) fn compile(tables: &mut Tables, name: &str, steps: &[Value]) -> Result<Program, OracleError> {
    let mut body = Coroutine { body: Body::new(tables), asyncio: Vec::new() };
    body.steps(steps, &format!("bodies.{name}"), 0)?;
    Ok(body.body.finish(name, body.asyncio))
}

/// A program that is being written.
struct Coroutine<'t> {
    body: Body<'t>,
    asyncio: Vec<AioStep>,
}

/// Whether a step may have an outcome.
type Told = bool;

impl Coroutine<'_> {
    /// Writes steps; `depth` counts the loops around them.
    fn steps(&mut self, steps: &[Value], place: &str, depth: usize) -> Result<(), OracleError> {
        for (at, step) in steps.iter().enumerate() {
            let place = format!("{place}[{at}]");
            let (tag, action) = read_step::<AsyncioAction>(step, &place)?;
            let outcome = self.action(&action, &place, depth)?;
            if let Some(tag) = tag {
                let tag = self.body.tables.tag(&tag, &place)?;
                self.body.emit(Op::Mark { tag, outcome }, &place)?;
            } else if matches!(action, AsyncioAction::Mark {}) {
                return Err(OracleError::part(&place, "a mark needs a tag"));
            }
        }
        Ok(())
    }

    fn action(&mut self, action: &AsyncioAction, place: &str, depth: usize) -> Result<Told, OracleError> {
        match action {
            AsyncioAction::Mark {} => return Ok(false),
            AsyncioAction::Burn { ms } => {
                let op = Op::Burn(self.body.draw(*ms, place)?);
                self.body.emit(op, place)?;
                return Ok(false);
            }
            AsyncioAction::Sleep { ms } if *ms == 0.0 => self.body.emit(Op::Yield, place)?,
            AsyncioAction::Sleep { ms } => {
                let op = Op::Sleep(Patching::Patched, self.body.draw(*ms, place)?);
                self.body.emit(op, place)?;
            }
            AsyncioAction::Repeat { times, steps } => {
                self.repeat(*times, steps, place, depth)?;
                return Ok(false);
            }
            AsyncioAction::Timeout { .. }
            | AsyncioAction::WaitFor { .. }
            | AsyncioAction::Try { .. }
            | AsyncioAction::Group { .. } => {
                self.block(action, place, depth)?;
            }
            AsyncioAction::Raise { error } => self.aio(AioStep::Raise(error.word()), place)?,
            AsyncioAction::Call { note, after_ms } => {
                let note = self.body.tables.tag(note, place)?;
                let after = limit(*after_ms, place)?;
                self.aio(AioStep::Call { note, after }, place)?;
            }
            AsyncioAction::Spawn { .. } => self.spawn(action, place)?,
            AsyncioAction::Link { .. }
            | AsyncioAction::Cancel { .. }
            | AsyncioAction::Await { .. }
            | AsyncioAction::Shield { .. }
            | AsyncioAction::Gather { .. }
            | AsyncioAction::Join { .. }
            | AsyncioAction::AsCompleted { .. } => self.among_tasks(action, place)?,
            AsyncioAction::Acquire { .. }
            | AsyncioAction::Release { .. }
            | AsyncioAction::Wait { .. }
            | AsyncioAction::Notify { .. }
            | AsyncioAction::Set { .. }
            | AsyncioAction::Clear { .. } => self.synchronise(action, place)?,
            AsyncioAction::Put { .. }
            | AsyncioAction::Get { .. }
            | AsyncioAction::TaskDone { .. }
            | AsyncioAction::Shutdown { .. } => {
                self.hand_over(action, place)?;
            }
            AsyncioAction::Send { .. }
            | AsyncioAction::Recv { .. }
            | AsyncioAction::Request { .. }
            | AsyncioAction::Watch { .. }
            | AsyncioAction::Unwatch { .. }
            | AsyncioAction::Apply { .. } => self.reach_out(action, place)?,
        }
        Ok(true)
    }

    /// Writes a step of asyncio's own and says where it is among them.
    fn write(&mut self, step: AioStep, place: &str) -> Result<usize, OracleError> {
        let at = u16::try_from(self.asyncio.len());
        let step_at = at.map_err(|_| OracleError::part(place, "the body is too long"))?;
        self.asyncio.push(step);
        self.body.emit(Op::Aio { step: step_at }, place)?;
        Ok(usize::from(step_at))
    }

    fn aio(&mut self, step: AioStep, place: &str) -> Result<(), OracleError> {
        self.write(step, place).map(|_| ())
    }

    /// A loop by a register; there are few of them, so what is nested deeper is written out.
    fn repeat(&mut self, times: u32, steps: &[Value], place: &str, depth: usize) -> Result<(), OracleError> {
        let times = at_least_one("times", times, place)?;
        let place = format!("{place}.steps");
        let Some(register) = u8::try_from(depth).ok().filter(|_| depth < Program::REGISTERS) else {
            for _ in 0..times {
                let before = self.body.code.len();
                self.steps(steps, &place, depth)?;
                if self.body.code.len() == before {
                    break;
                }
            }
            return Ok(());
        };
        self.body.emit(Op::Set { register, times }, &place)?;
        let back = self.body.here();
        self.steps(steps, &place, depth + 1)?;
        self.body.emit(Op::Loop { register, back }, &place)
    }

    /// A block: its first step, what is in it, and its end.
    fn block(&mut self, action: &AsyncioAction, place: &str, depth: usize) -> Result<(), OracleError> {
        let inside = format!("{place}.steps");
        match action {
            AsyncioAction::Timeout { ms, steps } => {
                let limit = self.body.limit(Some(*ms), place)?;
                let guard = self.body.code.len();
                self.body.emit(Op::Guard { limit, end: Pc(0) }, place)?;
                self.steps(steps, &inside, depth)?;
                self.body.emit(Op::Unguard, place)?;
                self.body.code[guard] = Op::Guard { limit, end: self.body.here() };
            }
            AsyncioAction::WaitFor { ms, steps } => {
                let limit = span(*ms, place)?;
                let at = self.write(AioStep::Limit { limit, end: Pc(0) }, place)?;
                self.steps(steps, &inside, depth)?;
                self.aio(AioStep::Leave, place)?;
                self.asyncio[at] = AioStep::Limit { limit, end: self.body.here() };
            }
            AsyncioAction::Group { name, steps } => {
                let name = self.group(name, place)?;
                let at = self.write(AioStep::Group { name, end: Pc(0) }, place)?;
                self.steps(steps, &inside, depth)?;
                self.aio(AioStep::Leave, place)?;
                self.asyncio[at] = AioStep::Group { name, end: self.body.here() };
            }
            AsyncioAction::Try { steps, last, catch } => {
                let at = self.write(AioStep::Try { catch: *catch, last: None, end: Pc(0) }, place)?;
                self.steps(steps, &inside, depth)?;
                self.aio(AioStep::Leave, place)?;
                let mut clause = None;
                if let Some(steps) = last {
                    clause = Some(self.body.here());
                    self.steps(steps, &format!("{place}.finally"), depth)?;
                    self.aio(AioStep::Leave, place)?;
                }
                self.asyncio[at] = AioStep::Try { catch: *catch, last: clause, end: self.body.here() };
            }
            _ => unreachable!("the caller chose"),
        }
        Ok(())
    }

    /// The number of a group's name.
    fn group(&mut self, name: &str, place: &str) -> Result<u16, OracleError> {
        check_name(name, place)?;
        self.body.tables.tag(&format!("group {name}"), place)
    }

    fn spawn(&mut self, action: &AsyncioAction, place: &str) -> Result<(), OracleError> {
        let AsyncioAction::Spawn { body, name, after_ms, group, eager } = action else {
            unreachable!("the caller chose")
        };
        let program = self.body.tables.body(body, place)?;
        let name = self.body.tables.spawned(name.as_ref().unwrap_or(body), place)?;
        let spawn = Spawn { program, name, after: limit(*after_ms, place)?, pool: None, bare: false };
        let group = group.as_ref().map(|group| self.group(group, place)).transpose()?;
        if group.is_some() || *eager {
            return self.aio(AioStep::Spawn { spawn, group, eager: *eager }, place);
        }
        let spawn = index_of(&mut self.body.spawns, spawn, place)?;
        self.body.emit(Op::Spawn { spawn }, place)
    }

    fn among_tasks(&mut self, action: &AsyncioAction, place: &str) -> Result<(), OracleError> {
        let one = |target: &[String]| match target {
            [_] => Ok(()),
            _ => Err(OracleError::part(place, "there must be one target")),
        };
        let step = match action {
            AsyncioAction::Link { target, note } => {
                let targets = self.body.targets(target, place)?;
                let note = self.body.tables.tag(note, place)?;
                return self.body.emit(Op::Link { targets, note }, place);
            }
            AsyncioAction::Cancel { target: Some(target), on: None } => {
                AioStep::Cancel { targets: self.body.targets(target, place)? }
            }
            AsyncioAction::Cancel { target: None, on: Some(on) } => {
                AioStep::CancelResult { sync: self.body.sync("cancel", on, is_result, place)?.0 }
            }
            AsyncioAction::Cancel { .. } => {
                return Err(OracleError::part(place, "`cancel` needs `target` or `on`, not both"));
            }
            AsyncioAction::Await { target } => {
                one(target)?;
                AioStep::Await { targets: self.body.targets(target, place)? }
            }
            AsyncioAction::Shield { target } => {
                one(target)?;
                AioStep::Shield { targets: self.body.targets(target, place)? }
            }
            AsyncioAction::Gather { target, exceptions } => {
                AioStep::Gather { targets: self.body.targets(target, place)?, exceptions: *exceptions }
            }
            AsyncioAction::AsCompleted { target, note, timeout_ms } => {
                let targets = self.body.targets(target, place)?;
                let note = self.body.tables.tag(note, place)?;
                AioStep::Completed { targets, note, limit: limit(*timeout_ms, place)? }
            }
            AsyncioAction::Join { target: Some(target), on: None, until, timeout_ms } => {
                let targets = self.body.targets(target, place)?;
                let until = match until.unwrap_or_default() {
                    UntilWord::All => Until::All,
                    UntilWord::First => Until::First,
                    UntilWord::Error => Until::Error,
                };
                AioStep::Wait { targets, limit: limit(*timeout_ms, place)?, until }
            }
            AsyncioAction::Join { target: None, on: Some(on), until: None, timeout_ms } => {
                let sync = self.body.sync("join", on, is_queue, place)?.0;
                let limit = self.body.limit(*timeout_ms, place)?;
                return self.body.emit(Op::JoinAll { sync, limit }, place);
            }
            AsyncioAction::Join { target: None, on: Some(_), until: Some(_), .. } => {
                return Err(OracleError::part(place, "`until` goes with `target`"));
            }
            AsyncioAction::Join { .. } => {
                return Err(OracleError::part(place, "`join` needs `target` or `on`, not both"));
            }
            _ => unreachable!("the caller chose"),
        };
        self.aio(step, place)
    }

    /// Locks, events, results, conditions and barriers.
    fn synchronise(&mut self, action: &AsyncioAction, place: &str) -> Result<(), OracleError> {
        let op = match action {
            AsyncioAction::Acquire { on, timeout_ms } => {
                let sync = self.body.sync("acquire", on, is_lock, place)?.0;
                Op::Acquire {
                    sync,
                    limit: self.body.limit(*timeout_ms, place)?,
                    block: true,
                    patching: Patching::Patched,
                }
            }
            AsyncioAction::Release { on } => Op::Release { sync: self.body.sync("release", on, is_lock, place)?.0 },
            AsyncioAction::Wait { on, timeout_ms } => {
                let (sync, kind) = self.body.sync("wait", on, is_awaited, place)?;
                let limit = self.body.limit(*timeout_ms, place)?;
                let is_condition = is_condition(&kind);
                if is_condition { Op::WaitCondition { sync, limit } } else { Op::Await { sync, limit } }
            }
            AsyncioAction::Notify { on, n } => {
                let sync = self.body.sync("notify", on, is_condition, place)?.0;
                let count = match n {
                    NotifyCount::Word(_) => u16::MAX,
                    NotifyCount::Number(0 | u16::MAX) => {
                        return Err(OracleError::part(place, "`n` is 1 to 65534 or \"all\""));
                    }
                    NotifyCount::Number(count) => *count,
                };
                Op::Notify { sync, count }
            }
            AsyncioAction::Set { on, item: None, error: Some(error) } => {
                let sync = self.body.sync("set an error of", on, is_result, place)?.0;
                return self.aio(AioStep::Fail { sync, error: error.word() }, place);
            }
            AsyncioAction::Set { item: Some(_), error: Some(_), .. } => {
                return Err(OracleError::part(place, "`item` or `error`, not both"));
            }
            AsyncioAction::Set { on, item, .. } => {
                let sync = self.body.sync("set", on, is_set, place)?.0;
                // Without a value, a result gets the name of the task that sets it; an event has no use for either.
                let item = item.as_ref().map_or(Ok(u16::MAX), |item| self.body.tables.item(item, place))?;
                Op::Signal { sync, item }
            }
            AsyncioAction::Clear { on } => Op::Clear { sync: self.body.sync("clear", on, is_event, place)?.0 },
            _ => unreachable!("the caller chose"),
        };
        self.body.emit(op, place)
    }

    /// Queues and results.
    fn hand_over(&mut self, action: &AsyncioAction, place: &str) -> Result<(), OracleError> {
        let op = match action {
            AsyncioAction::Put { on, item, block, timeout_ms } => {
                let sync = self.body.sync("put", on, is_queue, place)?.0;
                let item = self.body.tables.item(item, place)?;
                Op::Put { sync, item, limit: self.body.limit(*timeout_ms, place)?, block: *block }
            }
            AsyncioAction::Get { on, block, timeout_ms } => {
                let (sync, kind) = self.body.sync("get", on, |kind| is_queue(kind) || is_result(kind), place)?;
                if is_result(&kind) && !block {
                    return Err(OracleError::part(place, "a result is got by waiting for it"));
                }
                Op::Get { sync, limit: self.body.limit(*timeout_ms, place)?, block: *block }
            }
            AsyncioAction::TaskDone { on } => {
                Op::TaskDone { sync: self.body.sync("task_done", on, is_queue, place)?.0 }
            }
            AsyncioAction::Shutdown { on, immediate } => {
                let sync = self.body.sync("shut down", on, is_queue, place)?.0;
                return self.aio(AioStep::Shutdown { sync, immediate: *immediate }, place);
            }
            _ => unreachable!("the caller chose"),
        };
        self.body.emit(op, place)
    }

    /// Sockets, remote peers and native threads.
    fn reach_out(&mut self, action: &AsyncioAction, place: &str) -> Result<(), OracleError> {
        let op = match action {
            AsyncioAction::Send { on, bytes } => {
                let (sync, end) = self.end("send", on, has_ends, place)?;
                if *bytes > SEND_MAX {
                    return Err(OracleError::part(place, format!("`bytes` is {SEND_MAX} at most")));
                }
                Op::Send { sync, end, bytes: at_least_one("bytes", *bytes, place)? }
            }
            AsyncioAction::Recv { on, bytes, timeout_ms } if on.contains('.') => {
                let (sync, end) = self.end("recv", on, has_ends, place)?;
                let bytes = at_least_one("bytes", bytes.unwrap_or(READ), place)?;
                return self.aio(AioStep::Receive { sync, end, bytes, limit: limit(*timeout_ms, place)? }, place);
            }
            AsyncioAction::Recv { on, timeout_ms, .. } => {
                let (sync, kind) = self.body.sync("recv", on, |kind| is_remote(kind) || has_ends(kind), place)?;
                if has_ends(&kind) {
                    return Err(OracleError::part(place, format!("`{on}` has two ends: say `{on}.a` or `{on}.b`")));
                }
                return self.aio(AioStep::Answer { sync, limit: limit(*timeout_ms, place)? }, place);
            }
            AsyncioAction::Request { on, ms } => {
                let sync = self.body.sync("request", on, is_remote, place)?.0;
                Op::Ask { sync, takes: self.body.draw(*ms, place)? }
            }
            AsyncioAction::Watch { on, note, bytes } => {
                let (sync, end) = self.end("watch", on, is_pair, place)?;
                let note = self.body.tables.tag(note, place)?;
                let bytes = at_least_one("bytes", bytes.unwrap_or(READ), place)?;
                return self.aio(AioStep::Watch { sync, end, note, bytes }, place);
            }
            AsyncioAction::Unwatch { on } => {
                let (sync, end) = self.end("unwatch", on, is_pair, place)?;
                return self.aio(AioStep::Unwatch { sync, end }, place);
            }
            AsyncioAction::Apply { on, ms } => {
                let sync = self.body.sync("apply", on, is_threads, place)?.0;
                Op::Apply { sync, takes: self.body.draw(*ms, place)? }
            }
            _ => unreachable!("the caller chose"),
        };
        self.body.emit(op, place)
    }

    /// One end of a pair or a stream: `p.a` or `p.b`.
    fn end(&self, what: &str, on: &str, fits: fn(&SyncKind) -> bool, place: &str) -> Result<(u16, u8), OracleError> {
        let (name, end) = match on.split_once('.') {
            Some((name, "a")) => (name, 0),
            Some((name, "b")) => (name, 1),
            Some(_) | None => {
                return Err(OracleError::part(place, format!("`{on}` is no end: say `NAME.a` or `NAME.b`")));
            }
        };
        Ok((self.body.sync(what, name, fits, place)?.0, end))
    }
}

/// A limit or a delay, if there is one.
fn limit(ms: Option<f64>, place: &str) -> Result<Option<Span>, OracleError> {
    ms.map(|ms| span(ms, place)).transpose()
}

fn is_lock(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Semaphore { .. } | SyncKind::Lock | SyncKind::Condition { .. })
}

fn is_awaited(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Event | SyncKind::Condition { .. } | SyncKind::Aio(AioKind::Barrier { .. }))
}

fn is_result(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::AsyncResult)
}

fn is_queue(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Queue { .. } | SyncKind::Aio(AioKind::PriorityQueue { .. }))
}

fn has_ends(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Pair | SyncKind::Aio(AioKind::Stream))
}

fn is_remote(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Remote)
}

fn is_threads(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Threads { .. })
}
