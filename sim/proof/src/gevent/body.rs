//! From the steps of one body to a program.

use engine::asyncio::AioStep;
use engine::model::{AioKind, SyncKind};
use engine::op::{Draw, DrawKind, Limit, Op, Patching, Pc, Program, Spawn};
use engine::time::Span;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::OracleError;
use super::compile::Tables;
use super::grammar::{Action, NotifyCount};

/// Longest duration of a step, in milliseconds: eleven days, so that no sum of them overflows.
const MS_MAX: f64 = 1e9;

/// Compiles the steps of a body.
pub(super) fn compile(tables: &mut Tables, name: &str, steps: &[Value]) -> Result<Program, OracleError> {
    let mut body = Body::new(tables);
    body.steps(steps, &format!("bodies.{name}"), 0)?;
    Ok(body.finish(name, Vec::new()))
}

/// A program that is being written.
pub(crate) struct Body<'t> {
    pub(crate) tables: &'t mut Tables,
    pub(crate) code: Vec<Op>,
    draws: Vec<Span>,
    spans: Vec<Span>,
    pub(crate) spawns: Vec<Spawn>,
    targets: Vec<Box<[u16]>>,
}

/// What a step became: its op, unless it has written several already, and whether it has an outcome to tell.
type Written = (Option<Op>, bool);

impl<'t> Body<'t> {
    pub(crate) fn new(tables: &'t mut Tables) -> Body<'t> {
        Body { tables, code: vec![], draws: vec![], spans: vec![], spawns: vec![], targets: vec![] }
    }

    /// The program, with what only asyncio's have.
    pub(crate) fn finish(mut self, name: &str, asyncio: Vec<AioStep>) -> Program {
        self.code.push(Op::End);
        Program {
            name: name.to_owned(),
            code: self.code.into(),
            draws: self.draws.into_iter().map(DrawKind::Constant).collect(),
            spans: self.spans.into(),
            spawns: self.spawns.into(),
            targets: self.targets.into(),
            asyncio: asyncio.into(),
            fails: false,
            alone: false,
            gives_unheld: false,
        }
    }
}

impl Body<'_> {
    /// Writes steps; `depth` counts the loops around them.
    fn steps(&mut self, steps: &[Value], place: &str, depth: usize) -> Result<(), OracleError> {
        for (at, step) in steps.iter().enumerate() {
            let place = format!("{place}[{at}]");
            let (tag, action) = read_step(step, &place)?;
            let (op, told) = self.action(&action, &place, depth)?;
            if let Some(op) = op {
                self.emit(op, &place)?;
            }
            if let Some(tag) = tag {
                let tag = self.tables.tag(&tag, &place)?;
                self.emit(Op::Mark { tag, outcome: told }, &place)?;
            } else if matches!(action, Action::Mark {}) {
                return Err(OracleError::part(&place, "a mark needs a tag"));
            }
        }
        Ok(())
    }

    fn action(&mut self, action: &Action, place: &str, depth: usize) -> Result<Written, OracleError> {
        Ok(match action {
            Action::Mark {} => (None, false),
            Action::Burn { ms } => (Some(Op::Burn(self.draw(*ms, place)?)), false),
            Action::Sleep { ms } if *ms == 0.0 => (Some(Op::Yield), false),
            Action::Sleep { ms } => (Some(Op::Sleep(Patching::Patched, self.draw(*ms, place)?)), false),
            Action::Idle {} => (Some(Op::Idle), false),
            Action::Repeat { times, steps } => {
                self.repeat(*times, steps, place, depth)?;
                (None, false)
            }
            Action::Timeout { ms, steps } => {
                self.timeout(*ms, steps, place, depth)?;
                (None, true)
            }
            Action::Spawn { body, name, after_ms, pool } => {
                let name = name.as_ref().unwrap_or(body);
                (Some(self.spawn(body, name, *after_ms, pool.as_deref(), place)?), false)
            }
            Action::Make { body, name } => {
                let program = self.tables.body(body, place)?;
                let name = self.tables.made(name.as_ref().unwrap_or(body), place)?;
                let spawn = Spawn { program, name, after: None, pool: None, bare: true };
                (Some(Op::Spawn { spawn: index_of(&mut self.spawns, spawn, place)? }), false)
            }
            Action::Switch { target } => {
                let [target] = target.as_slice() else {
                    return Err(OracleError::part(place, "a switch goes to one"));
                };
                let names = [self.tables.switched_to(target, place)?].into();
                (Some(Op::SwitchTo { targets: index_of(&mut self.targets, names, place)? }), false)
            }
            Action::Link { target, note } => {
                let targets = self.targets(target, place)?;
                (Some(Op::Link { targets, note: self.tables.tag(note, place)? }), false)
            }
            Action::Join { target, on, count, timeout_ms } => {
                let limit = self.limit(*timeout_ms, place)?;
                (Some(self.join(target.as_deref(), on.as_deref(), *count, limit, place)?), true)
            }
            Action::Kill { target, block } => {
                (Some(Op::Kill { targets: self.targets(target, place)?, block: *block }), false)
            }
            Action::Acquire { .. }
            | Action::Release { .. }
            | Action::Wait { .. }
            | Action::Notify { .. }
            | Action::Set { .. }
            | Action::Clear { .. } => self.synchronise(action, place)?,
            Action::Put { .. } | Action::Get { .. } | Action::TaskDone { .. } => self.hand_over(action, place)?,
            Action::Send { .. } | Action::Recv { .. } | Action::Request { .. } | Action::Apply { .. } => {
                self.reach_out(action, place)?
            }
        })
    }

    /// Semaphores, locks, events, results and conditions.
    fn synchronise(&mut self, action: &Action, place: &str) -> Result<Written, OracleError> {
        Ok(match action {
            Action::Acquire { on, block, timeout_ms } => {
                let sync = self.sync("acquire", on, is_lock, place)?.0;
                let limit = self.limit(*timeout_ms, place)?;
                (Some(Op::Acquire { sync, limit, block: *block, patching: Patching::Patched }), true)
            }
            Action::Release { on } => (Some(Op::Release { sync: self.sync("release", on, is_lock, place)?.0 }), false),
            Action::Wait { on, timeout_ms } => {
                let (sync, kind) = self.sync("wait", on, is_awaited, place)?;
                let limit = self.limit(*timeout_ms, place)?;
                let is_condition = is_condition(&kind);
                (Some(if is_condition { Op::WaitCondition { sync, limit } } else { Op::Await { sync, limit } }), true)
            }
            Action::Notify { on, n } => {
                let sync = self.sync("notify", on, is_condition, place)?.0;
                let count = match n {
                    NotifyCount::Word(_) => u16::MAX,
                    NotifyCount::Number(0 | u16::MAX) => {
                        return Err(OracleError::part(place, "`n` is 1 to 65534 or \"all\""));
                    }
                    NotifyCount::Number(count) => *count,
                };
                (Some(Op::Notify { sync, count }), false)
            }
            Action::Set { on, item } => {
                let sync = self.sync("set", on, is_set, place)?.0;
                // Without a value, a result gets the name of the greenlet that sets it; an event has no use for either.
                let item = item.as_ref().map_or(Ok(u16::MAX), |item| self.tables.item(item, place))?;
                (Some(Op::Signal { sync, item }), false)
            }
            Action::Clear { on } => (Some(Op::Clear { sync: self.sync("clear", on, is_event, place)?.0 }), false),
            _ => unreachable!("the caller chose"),
        })
    }

    /// Queues, channels and results.
    fn hand_over(&mut self, action: &Action, place: &str) -> Result<Written, OracleError> {
        Ok(match action {
            Action::Put { on, item, block, timeout_ms } => {
                let sync = self.sync("put", on, takes_items, place)?.0;
                let item = self.tables.item(item, place)?;
                let limit = self.limit(*timeout_ms, place)?;
                (Some(Op::Put { sync, item, limit, block: *block }), true)
            }
            Action::Get { on, block, timeout_ms } => {
                let sync = self.sync("get", on, gives_items, place)?.0;
                let limit = self.limit(*timeout_ms, place)?;
                (Some(Op::Get { sync, limit, block: *block }), true)
            }
            Action::TaskDone { on } => {
                (Some(Op::TaskDone { sync: self.sync("task_done", on, is_queue, place)?.0 }), false)
            }
            _ => unreachable!("the caller chose"),
        })
    }

    /// Sockets, remote peers and native threads.
    fn reach_out(&mut self, action: &Action, place: &str) -> Result<Written, OracleError> {
        Ok(match action {
            Action::Send { on, bytes } => {
                let (sync, end) = self.end("send", on, place)?;
                (Some(Op::Send { sync, end, bytes: at_least_one("bytes", *bytes, place)? }), false)
            }
            Action::Recv { on, bytes } if on.contains('.') => {
                let (sync, end) = self.end("recv", on, place)?;
                let bytes = bytes.ok_or_else(|| OracleError::part(place, "missing field `bytes`"))?;
                (Some(Op::Receive { sync, end, bytes: at_least_one("bytes", bytes, place)? }), true)
            }
            Action::Recv { on, .. } => {
                let (sync, kind) = self.sync("recv", on, |kind| is_remote(kind) || is_pair(kind), place)?;
                if is_pair(&kind) {
                    return Err(OracleError::part(place, format!("`{on}` is a pair: say `{on}.a` or `{on}.b`")));
                }
                (Some(Op::Answer { sync }), false)
            }
            Action::Request { on, ms } => {
                let sync = self.sync("request", on, is_remote, place)?.0;
                (Some(Op::Ask { sync, takes: self.draw(*ms, place)? }), false)
            }
            Action::Apply { on, ms } => {
                let sync = self.sync("apply", on, is_threads, place)?.0;
                (Some(Op::Apply { sync, takes: self.draw(*ms, place)? }), false)
            }
            _ => unreachable!("the caller chose"),
        })
    }

    /// A loop by a register; there are few of them, so what is nested deeper is written out.
    fn repeat(&mut self, times: u32, steps: &[Value], place: &str, depth: usize) -> Result<(), OracleError> {
        let times = at_least_one("times", times, place)?;
        let place = format!("{place}.steps");
        let Some(register) = u8::try_from(depth).ok().filter(|_| depth < Program::REGISTERS) else {
            for _ in 0..times {
                let before = self.code.len();
                self.steps(steps, &place, depth)?;
                if self.code.len() == before {
                    break;
                }
            }
            return Ok(());
        };
        self.emit(Op::Set { register, times }, &place)?;
        let back = self.here();
        self.steps(steps, &place, depth + 1)?;
        if self.here() == back {
            self.code.pop();
            return Ok(());
        }
        self.emit(Op::Loop { register, back }, &place)
    }

    fn timeout(&mut self, ms: f64, steps: &[Value], place: &str, depth: usize) -> Result<(), OracleError> {
        let limit = self.limit(Some(ms), place)?;
        let guard = self.code.len();
        self.emit(Op::Guard { limit, end: Pc(0) }, place)?;
        self.steps(steps, &format!("{place}.steps"), depth)?;
        self.emit(Op::Unguard, place)?;
        self.code[guard] = Op::Guard { limit, end: self.here() };
        Ok(())
    }

    fn spawn(
        &mut self,
        body: &str,
        name: &str,
        after_ms: Option<f64>,
        pool: Option<&str>,
        place: &str,
    ) -> Result<Op, OracleError> {
        let program = self.tables.body(body, place)?;
        let name = self.tables.spawned(name, place)?;
        let pool = match pool {
            Some(pool) if after_ms.is_none() => Some(self.sync("spawn in a pool", pool, is_pool, place)?.0),
            Some(_) => return Err(OracleError::part(place, "a pool cannot spawn later: `pool` or `after_ms`")),
            None => None,
        };
        let after = after_ms.map(|ms| span(ms, place)).transpose()?;
        let spawn = index_of(&mut self.spawns, Spawn { program, name, after, pool, bare: false }, place)?;
        Ok(Op::Spawn { spawn })
    }

    fn join(
        &mut self,
        target: Option<&[String]>,
        on: Option<&str>,
        count: Option<u16>,
        limit: Limit,
        place: &str,
    ) -> Result<Op, OracleError> {
        match (target, on, count) {
            (Some(target @ [_]), None, None) => Ok(Op::Join { targets: self.targets(target, place)?, limit, count: 0 }),
            (Some(target), None, count) => {
                let most = u16::try_from(target.len()).map_err(|_| OracleError::part(place, "too many targets"))?;
                let count = count.unwrap_or(most).min(most);
                if count == 0 {
                    return Err(OracleError::part(place, "`count` must be at least 1, and there must be a target"));
                }
                Ok(Op::Join { targets: self.targets(target, place)?, limit, count })
            }
            (None, Some(on), None) => {
                let (sync, kind) = self.sync("join", on, |kind| is_pool(kind) || is_queue(kind), place)?;
                if matches!(kind, SyncKind::Queue { standard: true, .. }) && limit != Limit::NONE {
                    return Err(OracleError::part(place, "the join of a standard queue has no `timeout_ms`"));
                }
                Ok(Op::JoinAll { sync, limit })
            }
            (None, Some(_), Some(_)) => Err(OracleError::part(place, "`count` goes with `target`")),
            (Some(_), Some(_), _) | (None, None, _) => {
                Err(OracleError::part(place, "`join` needs `target` or `on`, not both"))
            }
        }
    }

    pub(crate) fn emit(&mut self, op: Op, place: &str) -> Result<(), OracleError> {
        // One op is left for the end.
        if self.code.len() + 1 >= Program::CODE_MAX {
            return Err(OracleError::part(
                place,
                "the body is too long; loops nested deeper than three are written out",
            ));
        }
        self.code.push(op);
        Ok(())
    }

    /// Where the next op will be.
    pub(crate) fn here(&self) -> Pc {
        Pc(u16::try_from(self.code.len()).expect("the length is checked at each op"))
    }

    pub(crate) fn draw(&mut self, ms: f64, place: &str) -> Result<Draw, OracleError> {
        index_of(&mut self.draws, span(ms, place)?, place).map(Draw)
    }

    pub(crate) fn limit(&mut self, ms: Option<f64>, place: &str) -> Result<Limit, OracleError> {
        match ms {
            None => Ok(Limit::NONE),
            Some(ms) => index_of(&mut self.spans, span(ms, place)?, place).map(Limit),
        }
    }

    pub(crate) fn targets(&mut self, names: &[String], place: &str) -> Result<u16, OracleError> {
        if names.is_empty() {
            return Err(OracleError::part(place, "there must be a target"));
        }
        let names = names.iter().map(|name| self.tables.aimed(name, place)).collect::<Result<Box<[u16]>, _>>()?;
        index_of(&mut self.targets, names, place)
    }

    /// The object `on`, if it is one that this can be done to.
    pub(crate) fn sync(
        &self,
        what: &str,
        on: &str,
        fits: fn(&SyncKind) -> bool,
        place: &str,
    ) -> Result<(u16, SyncKind), OracleError> {
        let (sync, kind) = self.tables.object(on, place)?;
        if fits(&kind) {
            return Ok((sync, kind));
        }
        Err(OracleError::part(place, format!("cannot {what}: `{on}` is a {}", word(&kind))))
    }

    /// One end of a pair: `p.a` or `p.b`.
    fn end(&self, what: &str, on: &str, place: &str) -> Result<(u16, u8), OracleError> {
        let (name, end) = match on.split_once('.') {
            Some((name, "a")) => (name, 0),
            Some((name, "b")) => (name, 1),
            Some(_) | None => {
                return Err(OracleError::part(place, format!("`{on}` is no end of a pair: say `NAME.a` or `NAME.b`")));
            }
        };
        Ok((self.sync(what, name, is_pair, place)?.0, end))
    }
}

/// The tag and the action of a step.
pub(crate) fn read_step<A: DeserializeOwned>(step: &Value, place: &str) -> Result<(Option<String>, A), OracleError> {
    let Value::Object(fields) = step else {
        return Err(OracleError::part(place, "a step is an object"));
    };
    let mut fields = fields.clone();
    let tag = match fields.remove("tag") {
        Some(Value::String(tag)) => Some(tag),
        Some(_) => return Err(OracleError::part(place, "a tag is a text")),
        None => None,
    };
    let action = A::deserialize(Value::Object(fields));
    Ok((tag, action.map_err(|error| OracleError::part(place, error.to_string()))?))
}

/// Milliseconds as whole nanoseconds, the nearest.
pub(crate) fn span(ms: f64, place: &str) -> Result<Span, OracleError> {
    if !(0.0..=MS_MAX).contains(&ms) {
        return Err(OracleError::part(place, format!("{ms} ms: a duration is between 0 and {MS_MAX} ms")));
    }
    // The bounds above make the cast exact.
    Ok(Span::from_ns((ms * 1e6).round() as u64))
}

pub(crate) fn at_least_one(field: &str, count: u32, place: &str) -> Result<u32, OracleError> {
    if count > 0 { Ok(count) } else { Err(OracleError::part(place, format!("`{field}` must be at least 1"))) }
}

/// The index of an entry in its table, which it joins if it is new.
pub(crate) fn index_of<T: PartialEq>(table: &mut Vec<T>, entry: T, place: &str) -> Result<u16, OracleError> {
    let at = table.iter().position(|known| *known == entry).unwrap_or_else(|| {
        table.push(entry);
        table.len() - 1
    });
    let index = u16::try_from(at).ok().filter(|index| *index < u16::MAX);
    index.ok_or_else(|| OracleError::part(place, "too many different values in one body"))
}

fn is_lock(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Semaphore { .. } | SyncKind::RLock | SyncKind::Condition { .. })
}

fn is_awaited(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Event | SyncKind::Semaphore { .. } | SyncKind::Condition { .. })
}

pub(crate) fn is_condition(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Condition { .. })
}

pub(crate) fn is_set(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Event | SyncKind::AsyncResult)
}

pub(crate) fn is_event(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Event)
}

fn takes_items(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Queue { .. } | SyncKind::Channel)
}

fn gives_items(kind: &SyncKind) -> bool {
    takes_items(kind) || matches!(kind, SyncKind::AsyncResult)
}

fn is_queue(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Queue { .. })
}

fn is_pool(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Pool { .. })
}

pub(crate) fn is_pair(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Pair)
}

fn is_remote(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Remote)
}

fn is_threads(kind: &SyncKind) -> bool {
    matches!(kind, SyncKind::Threads { .. })
}

/// What program files call an object.
fn word(kind: &SyncKind) -> &'static str {
    match kind {
        SyncKind::Semaphore { .. } => "semaphore",
        SyncKind::Lock => "lock",
        SyncKind::RLock => "rlock",
        SyncKind::Event => "event",
        SyncKind::AsyncResult => "result",
        SyncKind::Condition { .. } => "condition",
        SyncKind::Queue { .. } | SyncKind::Aio(AioKind::PriorityQueue { .. }) => "queue",
        SyncKind::Aio(AioKind::Barrier { .. }) => "barrier",
        SyncKind::Aio(AioKind::Stream) => "stream",
        SyncKind::Channel => "channel",
        SyncKind::Pool { .. } => "pool",
        SyncKind::Pair => "pair",
        SyncKind::Remote => "remote",
        SyncKind::Threads { .. } => "pool of threads",
    }
}
