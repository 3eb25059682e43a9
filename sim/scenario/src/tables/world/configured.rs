//! The software of a world in its configuration: the preset's worker, and what the file says over it.

use engine::model::asyncio::{LoopCosts, LoopKind, LoopSpec};
use engine::model::{WhenFull, WorkerKind, WorkerSpec};
use engine::worker::RouterSpec;

use super::build::{self, Build};
use crate::reader::node::Node;
use crate::tables::collector;
use crate::tables::life;
use crate::tables::preset::python;
use crate::tables::preset::worker::{self, Carrier, Worker};
use crate::words::diagnostic::Findings;
use crate::words::source::Name;

/// Keys of a world that speak of its server, and mean nothing where greenlets are the clients themselves.
const SERVER_KEYS: [&str; 10] =
    ["greenlets", "listen", "accepts", "full", "down", "reuse_port", "wakes", "nofile", "kernel", "memory"];

/// The preset's worker, and what the file says over it.
pub(super) fn configured(
    worker: &Worker,
    (name, node): (&Name, &Node),
    processes: u32,
    slower: u64,
    findings: &mut Findings,
) -> WorkerSpec {
    let usual = &worker.prototype;
    let mut kind = carrier(&name.text, node, worker, processes, findings);
    let mut costs = Build::read(node).costs(usual.costs.scaled(slower), worker.carrier);
    if let Some(own) = node.find::<&Node>("costs") {
        for cost in &worker::COSTS {
            if let Some(span) = own.find(cost.name) {
                *(cost.of)(&mut costs) = span;
            }
        }
    }
    if let WorkerKind::Loop(spec) = &mut kind {
        spec.costs = LoopCosts::of(&costs);
    }
    let timeout = node.find("http_timeout");
    let router = usual
        .router
        .map(|router| RouterSpec { timeout: timeout.unwrap_or(router.timeout), costs: router.costs.scaled(slower) });
    WorkerSpec {
        kind,
        costs,
        router,
        gil: build::gil(node, usual.gil, findings),
        switch_interval: node.find("switch_interval").unwrap_or(usual.switch_interval),
        timed_waits: node.find("timed_waits").map_or(usual.timed_waits, python::timed_waits),
        lock_yields: node.get("lock_yields"),
        zero_timers: node.get::<&str>("zero_sleep") == "timer",
        keep_alive: node.find("keepalive").or(usual.keep_alive),
        life: life::read(node, worker.name(), worker.master.as_ref(), processes, findings),
        ..usual.clone()
    }
}

/// Reports keys that mean nothing to the software.
fn refuse_foreign(node: &Node, worker: &Worker, findings: &mut Findings) {
    let software = worker.name();
    let mut refuse = |key: &str, why: &str| node.refuse(key, software, why, findings);
    if worker.prototype.keep_alive.is_none() {
        refuse("keepalive", "this server closes every connection after its response");
    }
    let hub = worker.carrier == Carrier::Hub;
    if worker.prototype.resident {
        for key in SERVER_KEYS {
            refuse(
                key,
                "its greenlets are the clients themselves: nobody connects, and `clients` says how many there are",
            );
        }
    }
    match worker.carrier {
        Carrier::Hub => refuse("threads", "a hub carries requests in greenlets: write `greenlets`"),
        Carrier::Loop => {
            for key in ["threads", "greenlets"] {
                refuse(
                    key,
                    "an event loop carries requests in tasks, as many as come: `limit_concurrency` bounds them",
                );
            }
        }
        Carrier::Sync => {
            refuse("threads", "a sync worker has one thread; raise `processes`, or take gunicorn-gthread");
            refuse("greenlets", "a sync worker has one thread; take gunicorn-gevent");
        }
        Carrier::Threads | Carrier::Pool => {
            refuse("greenlets", "this server carries requests in threads: write `threads`")
        }
    }
    let on_loop = worker.carrier == Carrier::Loop;
    if !on_loop {
        refuse("limit_concurrency", "it is uvicorn's");
        refuse("backpressure", "it is granian's");
        refuse(
            "collector",
            "its pauses are simulated on event loops alone, where what waits in the process has no bound",
        );
        refuse("loop", "it runs no event loop of asyncio: take uvicorn, or its like");
    }
    if on_loop && !worker.has_backpressure {
        refuse("backpressure", "it is granian's; `limit_concurrency` answers with 503 beyond a limit");
    }
    if !(on_loop || hub) {
        refuse("in_thread", "its requests run in threads anyway");
    }
    if !hub {
        if !on_loop {
            refuse("accepts", "only a hub or an event loop accepts several connections at once");
        }
        refuse("zero_sleep", "only a hub has a loop that goes round");
        refuse("full", "only a hub can leave its listener unwatched or spin");
    }
    if worker.prototype.router.is_none() {
        refuse("http_timeout", "it has no router in front: take uwsgi-router-threads or uwsgi-router-gevent");
    }
    if worker.carrier != Carrier::Pool {
        refuse("connections", "only a pool server queues connections inside");
    }
}

fn carrier(world: &str, node: &Node, worker: &Worker, processes: u32, findings: &mut Findings) -> WorkerKind {
    refuse_foreign(node, worker, findings);
    let software = worker.name();
    let mut needed = |key: &str, known: Option<u32>| {
        node.find(key).or(known).unwrap_or_else(|| {
            let what = format!("world `{world}` needs `{key}`");
            let help = format!("write `{key} = 40`: how many requests a process of {software} carries at once");
            findings.error(node.at, what).label(format!("how many {key}?")).help(help).echo();
            1
        })
    };
    match worker.prototype.kind {
        WorkerKind::Loop(spec) => WorkerKind::Loop(LoopSpec {
            accepts: node.find("accepts").unwrap_or(spec.accepts),
            limit: node.find("limit_concurrency"),
            backpressure: worker.has_backpressure.then(|| {
                // granian 2.8 `server/common.py`: max(1, backpressure or backlog // workers).
                let backlog: u32 = node.find("listen").unwrap_or(worker.listen);
                node.find("backpressure").unwrap_or((backlog / processes.max(1)).max(1))
            }),
            collector: collector::read(node),
            python: Build::read(node).version,
            kind: match node.find::<&str>("loop") {
                Some("uvloop") => LoopKind::Uvloop,
                Some(_) => LoopKind::Asyncio,
                None => spec.kind,
            },
            ..spec
        }),
        WorkerKind::Threads { .. } if worker.carrier == Carrier::Sync => WorkerKind::Threads { threads: 1 },
        WorkerKind::Threads { .. } => WorkerKind::Threads { threads: needed("threads", None) },
        WorkerKind::Pool { connections, closes, .. } => WorkerKind::Pool {
            threads: needed("threads", None),
            connections: node.find("connections").unwrap_or(connections),
            closes,
        },
        WorkerKind::Hub { accepts, full, .. } => {
            let usual = if processes > 1 { worker.accepts_shared } else { accepts };
            let said =
                node.find::<&str>("full").map(|word| if word == "spin" { WhenFull::Spin } else { WhenFull::Stop });
            WorkerKind::Hub {
                greenlets: needed("greenlets", worker.greenlets),
                accepts: node.find("accepts").unwrap_or(usual),
                full: said.unwrap_or(full),
            }
        }
    }
}
