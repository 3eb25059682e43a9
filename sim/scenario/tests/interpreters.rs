//! Which interpreter, loop, pool and executor a world has, and what follows.

use crate::text;

use engine::Model;
use engine::model::asyncio::{LoopKind, Python};
use engine::model::{Policy, SyncKind, WorkerKind};
use engine::op::{DrawKind, Op};
use engine::time::Span;

/// The policy of the pool `db` in each world, with this in its table.
fn policies(worlds: &str, pool: &str) -> Vec<Policy> {
    let text = format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n{worlds}\n[client.c]\nrate = \"1/s\"\n\
         [pool.db]\nunits = 1\n{pool}\n[request.page]\nsteps = [{{ with = \"db\", steps = [{{ sleep = \"1ms\" }}] }}]\n"
    );
    let compiled = text::compile(&text).unwrap_or_else(|said| panic!("{said}"));
    let of = |model: &Model| match model.syncs[0].kind {
        SyncKind::Semaphore { policy, .. } => policy,
        kind => panic!("{kind:?}"),
    };
    compiled.models.iter().map(of).collect()
}

#[test]
fn a_pool_is_what_its_library_has_for_the_carrier_and_version_of_each_world() {
    let worlds = "[world.threads]\nworker = \"gunicorn-gthread\"\nthreads = 4\n[world.gevent]\nworker = \"gunicorn-gevent\"\n\
                  [world.old]\nworker = \"uvicorn\"\npython = \"3.8\"\n[world.new]\nworker = \"uvicorn\"\npython = \"3.13\"\n\
                  [world.views]\nworker = \"uvicorn\"\nin_thread = true";
    let (barging, hand_off) = (Policy::Barging, Policy::HandOff);
    let semaphore = policies(worlds, "primitive = \"asyncio.Semaphore\"");
    assert_eq!(semaphore, [barging, barging, barging, hand_off, barging]);
    assert_eq!(policies(worlds, "primitive = \"sqlalchemy.QueuePool\""), [barging; 5]);
    assert_eq!(policies(worlds, "primitive = \"psycopg_pool.ConnectionPool\""), [hand_off; 5]);
    assert_eq!(policies(worlds, ""), [barging; 5]);
}

#[test]
fn a_free_threaded_build_needs_more_time_for_python_and_for_nothing_else() {
    let world = |python: &str| {
        let text = format!(
            "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.w]\nworker = \"gunicorn-gthread\"\n\
             threads = 4\n{python}\n[client.c]\nrate = \"1/s\"\n[request.page]\nsteps = [{{ burn = \"10ms\" }}, {{ burn = \"exp(10ms)\" }}, \
             {{ native = \"10ms\" }}]\n"
        );
        text::compile(&text).unwrap_or_else(|said| panic!("{said}")).models.remove(0)
    };
    let (usual, free) = (world(""), world("python = \"3.13t\""));
    assert!(usual.workers[0].gil && !free.workers[0].gil);
    let (before, after) = (usual.workers[0].costs, free.workers[0].costs);
    assert_eq!((after.request, after.accept, after.poll), (before.request * 14 / 10, before.accept, before.poll));
    let draws = &free.programs[0].draws;
    assert!(
        draws.contains(&DrawKind::Constant(Span::from_ms(14)))
            && draws.contains(&DrawKind::Constant(Span::from_ms(10)))
    );
    assert!(draws.iter().any(|draw| matches!(draw, DrawKind::Stretched { percent: 140, .. })));
    assert_eq!(usual.classes, free.classes, "everybody has the same needs");
}

#[test]
fn requests_of_a_world_run_in_the_executor_that_it_names() {
    let text = "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.one]\nworker = \"uvicorn\"\n\
                in_thread = \"views\"\n[world.none]\nworker = \"uvicorn\"\n[client.c]\nrate = \"1/s\"\n\
                [executor.views]\nprimitive = \"asgiref.sync_to_async\"\n[request.page]\nsteps = [{ sleep = \"1ms\" }]\n";
    let compiled = text::compile(text).unwrap_or_else(|said| panic!("{said}"));
    let lends = |model: &Model| model.programs[0].code.iter().any(|op| matches!(op, Op::ToThread { sync: 0 }));
    assert_eq!(compiled.models.iter().map(lends).collect::<Vec<_>>(), [true, false]);
    assert_eq!(compiled.models[0].syncs[0].kind, SyncKind::Threads { size: 1 });
}

#[test]
fn a_loop_is_the_presets_unless_the_world_says_whose() {
    let kind = |line: &str| {
        let text = format!(
            "version = 1\ntitle = \"T\"\n[run]\nlength = \"10s\"\n[machine]\ncores = 2\n[world.w]\nworker = \"uvicorn\"\n{line}\n\
             [client.c]\nrate = \"1/s\"\n[request.page]\nsteps = [{{ sleep = \"1ms\" }}]\n"
        );
        match text::compile(&text).unwrap_or_else(|said| panic!("{said}")).models[0].workers[0].kind {
            WorkerKind::Loop(spec) => (spec.kind, spec.python),
            kind => panic!("{kind:?}"),
        }
    };
    assert_eq!(kind(""), (LoopKind::Asyncio, Python::V3_11));
    assert_eq!(kind("loop = \"uvloop\"\npython = \"3.13\""), (LoopKind::Uvloop, Python::V3_13));
}
