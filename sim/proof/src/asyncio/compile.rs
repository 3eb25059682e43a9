//! From a program file to a model: objects, names, and the loop that everything runs on.

use std::collections::BTreeSet;

use engine::model::asyncio::{LoopKind, LoopSpec, Python};
use engine::model::{AioKind, Model, Policy, SyncKind, SyncSpec, WorkerKind, WorkerSpec};
use serde_json::Value;

use super::grammar::{AsyncioFile, AsyncioObject, AsyncioQueueOrder};
use super::{AsyncioProgram, body};
use crate::gevent::body::at_least_one;
use crate::gevent::compile::{MAIN, Tables, alone, check_count, check_name, objects};
use crate::gevent::{Oracle, OracleError};

/// Compiles a file.
pub(super) fn compile(file: AsyncioFile) -> Result<AsyncioProgram, OracleError> {
    if file.version != 1 {
        return Err(OracleError::part("version", format!("must be 1, not {}", file.version)));
    }
    let since = since(file.since.as_deref())?;
    let objects = objects(&file.objects, kind)?;
    let bodies: Vec<String> = file.bodies.0.iter().map(|(name, _)| name.clone()).collect();
    for (name, place) in bodies.iter().map(|name| (name, format!("bodies.{name}"))) {
        check_name(name, &place)?;
    }
    check_count(bodies.len(), "bodies")?;
    let mut tables = Tables::new(objects, bodies);
    // A queue that is ordered by its items is ordered by their text: so are their numbers.
    let mut items = BTreeSet::new();
    file.bodies.0.iter().flat_map(|(_, steps)| steps).for_each(|step| find_items(step, &mut items));
    for item in items {
        tables.item(item, "bodies")?;
    }
    let main = tables.body(MAIN, "bodies")?;
    let main_name = tables.spawned(MAIN, "bodies")?;
    let mut programs = Vec::new();
    for (name, steps) in &file.bodies.0 {
        programs.push(body::compile(&mut tables, name, steps)?);
    }
    tables.check_aims()?;
    let syncs = tables.objects.into_iter().map(|(name, kind)| SyncSpec { name, pool: false, kind }).collect();
    let spec = LoopSpec { eager: file.eager, ..LoopSpec::plain(Python::REFERENCE, LoopKind::Asyncio) };
    let model = alone(&file.name, WorkerSpec::plain("asyncio", WorkerKind::Loop(spec)));
    let oracle = Oracle {
        model: Model { programs: programs.into(), syncs, ..model },
        name: file.name,
        about: file.about,
        rules: file.rules,
        exact: file.exact,
        main,
        main_name,
        names: tables.names.0,
        tags: tables.tags.0,
        items: tables.items.0,
    };
    Ok(AsyncioProgram { oracle, since, eager: file.eager })
}

/// The first version that can run it.
fn since(label: Option<&str>) -> Result<Python, OracleError> {
    let Some(label) = label else { return Ok(Python::V3_8) };
    Python::named(label).ok_or_else(|| {
        let all = Python::ALL.map(Python::label).join(", ");
        OracleError::part("since", format!("`{label}` is none of {all}"))
    })
}

/// Every item that is put or set somewhere below.
fn find_items<'v>(value: &'v Value, items: &mut BTreeSet<&'v str>) {
    match value {
        Value::Array(all) => all.iter().for_each(|value| find_items(value, items)),
        Value::Object(fields) => {
            items.extend(fields.get("item").and_then(Value::as_str));
            fields.values().for_each(|value| find_items(value, items));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn kind(object: &AsyncioObject, place: &str) -> Result<SyncKind, OracleError> {
    Ok(match object {
        AsyncioObject::Lock {} => SyncKind::Lock,
        AsyncioObject::Event {} => SyncKind::Event,
        AsyncioObject::Condition {} => SyncKind::Condition { reentrant: false },
        AsyncioObject::Semaphore { value, bounded } => {
            SyncKind::Semaphore { units: *value, policy: Policy::HandOff, bounded: *bounded }
        }
        AsyncioObject::Barrier { parties } => {
            SyncKind::Aio(AioKind::Barrier { parties: at_least_one("parties", *parties, place)? })
        }
        AsyncioObject::Result {} => SyncKind::AsyncResult,
        AsyncioObject::Queue { order, maxsize } => {
            let max = maxsize.map(|max| at_least_one("maxsize", max, place)).transpose()?;
            match order {
                AsyncioQueueOrder::Priority => SyncKind::Aio(AioKind::PriorityQueue { max }),
                AsyncioQueueOrder::Fifo => SyncKind::Queue { lifo: false, max, standard: false, filled: false },
                AsyncioQueueOrder::Lifo => SyncKind::Queue { lifo: true, max, standard: false, filled: false },
            }
        }
        AsyncioObject::Pair {} => SyncKind::Pair,
        AsyncioObject::Stream {} => SyncKind::Aio(AioKind::Stream),
        AsyncioObject::Remote {} => SyncKind::Remote,
        AsyncioObject::Threads { size } => SyncKind::Threads { size: at_least_one("size", *size, place)? },
    })
}
