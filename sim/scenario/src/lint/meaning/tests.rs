//! The table of meanings against the key tables, and against runs: what is said to change nothing changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Replication, Seed};

use super::{Needs, table};
use crate::reader::key::{KeyKind, KeyTable};
use crate::reader::overrides::Override;
use crate::tables::preset;
use crate::whole::root;

/// Tables in which no key can be idle.
const LEFT_OUT: [&str; 4] = ["[run]", "[slo]", "[plan]", "[request.NAME]"];

fn tables_below(table: &'static KeyTable, found: &mut Vec<&'static KeyTable>) {
    if LEFT_OUT.contains(&table.heading) || found.iter().any(|known| known.heading == table.heading) {
        return;
    }
    found.push(table);
    for key in table.keys {
        match key.kind {
            KeyKind::Table(inner) | KeyKind::Named(inner, _) | KeyKind::Each(inner, _) => tables_below(inner, found),
            KeyKind::List(inner) | KeyKind::Profile(inner) => tables_below(inner, found),
            _ => {}
        }
    }
}

fn tables() -> Vec<&'static KeyTable> {
    let mut found = Vec::new();
    tables_below(&root::ROOT, &mut found);
    found
}

#[test]
fn every_key_says_once_what_it_needs() {
    for known in tables() {
        let rows: Vec<_> = table::TABLES.iter().filter(|(heading, _)| *heading == known.heading).collect();
        assert_eq!(rows.len(), 1, "lint/meaning/table.rs has no rows of `{}`", known.heading);
        let said: Vec<&str> = rows[0].1.iter().flat_map(|(keys, _)| keys.split(' ')).collect();
        let keys: Vec<&str> = known.keys.iter().map(|key| key.name).collect();
        for key in &keys {
            let times = said.iter().filter(|other| *other == key).count();
            assert_eq!(times, 1, "lint/meaning/table.rs must say once what `{key}` of `{}` needs", known.heading);
        }
        assert_eq!(said.len(), keys.len(), "`{}` has rows of keys that it does not have", known.heading);
    }
    assert_eq!(table::TABLES.len(), tables().len(), "there are rows of a table that is not there");
}

/// A world of each kind of server; what it is served with is `SHARED`.
fn worlds() -> Vec<(String, String)> {
    let of = |name: &str| {
        let threads = ["uwsgi-threads", "uwsgi-router-threads", "gunicorn-gthread", "paste"].contains(&name);
        let size = if threads { "threads = 3\n" } else { "" };
        let processes = if name == "gunicorn-gevent" { "processes = 2\n" } else { "" };
        (name.to_owned(), format!("[world.w]\nworker = \"{name}\"\n{size}{processes}"))
    };
    preset::worker_names().into_iter().filter(|name| *name != "gevent-loop").map(of).collect()
}

/// Files of which one has what another lacks.
const BARE: &str = "[client.c]\nrate = \"80/s\"\nread_timeout = \"1s\"\nretry = { times = 1 }\n\
                    [request.r]\nsteps = [{ sleep = \"20ms\" }]\n";
const BURNS: &str = "[client.c]\nrate = \"80/s\"\nread_timeout = \"1s\"\nretry = { times = 1 }\n[queue.q]\n\
                     [request.r]\nresponse = { header = 200, body = 200000 }\n\
                     steps = [{ burn = \"9ms\" }, { sleep = \"20ms\" }, { put = \"q\" }, { get = \"q\" }]\n";
const RICH: &str = "[client.c]\nclients = 20\nread_timeout = \"200ms\"\ndownload = 500000\n\
                    retry = { times = 3, backoff = \"20ms\" }\nkeep_alive = {}\n\
                    [queue.s]\nstandard = true\n[proxy]\ntries = 2\nread_timeout = \"100ms\"\n\
                    [request.r]\nresponse = { header = 200, body = 200000 }\nshare = 3\n\
                    steps = [{ burn = \"9ms\" }, { fan = 2, steps = [{ burn = \"1ms\" }] }, { yield = true }, { put = \"s\" }]\n\
                    [request.g]\nsteps = [{ get = \"s\", timeout = \"150ms\" }, { burn = \"9ms\" }]\n";

fn file(world: &str, rest: &str) -> String {
    let rest = if rest.contains("[proxy]") { rest.replace("keep_alive = {}\n", "") } else { rest.to_owned() };
    format!(
        "version = 1\ntitle = \"meaning\"\n[run]\nlength = \"500ms\"\nmax_events = 200000\n[machine]\ncores = 2\n{world}{rest}"
    )
}

/// What a run comes to, figure by figure; `None` for a file with a mistake.
fn outcome(text: &str, overrides: &[Override]) -> Option<(bool, String)> {
    let parsed = crate::parse(text, "m.toml", overrides).ok()?;
    let idle = |said: &crate::Diagnostic| said.doubt == Some("no-effect") && said.source.is_some();
    let doubted = parsed.warnings().iter().any(idle);
    let compiled = crate::compile(&parsed, &mut |_| Err("no files".to_owned())).ok()?;
    let runs = compiled.models.iter().map(|model| match engine::run(model, Seed(7), Replication(0)) {
        Ok(record) => serde_json::to_string(&record).expect("a record is a document"),
        Err(error) => format!("{error:?}"),
    });
    Some((doubted, runs.collect()))
}

/// Keys to be laid over a file: table by table, with the path that its keys have there.
const PATHS: [(&str, &str); 10] = [
    ("[world.NAME]", "world.w."),
    ("[world.NAME.costs]", "world.w.costs."),
    ("[world.NAME.kernel]", "world.w.kernel."),
    ("[machine]", "machine."),
    ("[client.NAME]", "client.c."),
    ("retry = { times, backoff, budget }", "client.c.retry."),
    ("[queue.NAME]", "queue.q."),
    ("[balancer]", "balancer."),
    ("[proxy]", "proxy."),
    ("", ""),
];

/// Those of these tables that a file may lack.
const PARENTS: [&str; 4] = ["proxy", "balancer", "world.w.kernel", "world.w.costs"];

/// Values that differ from what is there anyway, where the example of the reference does not.
fn value(key: &str, example: &str) -> String {
    match key {
        "reuse_port" | "filled" | "standard" => "true".to_owned(),
        "next_upstream" => "[\"error\"]".to_owned(),
        "offload" => "{ threads = 3 }".to_owned(),
        "software" => "{ uses = [\"files\"] }".to_owned(),
        "check" | "begins" | "trace" => String::new(),
        _ => example.to_owned(),
    }
}

#[test]
fn a_key_that_is_said_to_change_nothing_changes_nothing() {
    let mut idle: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut acts: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for (worker, world) in worlds() {
        for rest in [BARE, BURNS, RICH] {
            let text = file(&world, rest);
            for (heading, path) in PATHS {
                let known = tables().into_iter().find(|table| table.heading == heading).expect("it is a table");
                // A table that is not there does something by itself.
                let parent = path.trim_end_matches('.');
                let absent = PARENTS.contains(&parent) && !text.contains(&format!("[{parent}]"));
                let base = absent.then(|| Override { key: parent.to_owned(), value: "{}".to_owned() });
                let base: Vec<Override> = base.into_iter().collect();
                let Some((_, before)) = outcome(&text, &base) else { continue };
                for key in known.keys {
                    let needs = table::needs(known, key.name).expect("every key has a row");
                    let value = value(key.name, key.example);
                    if needs == Needs::Nothing || value.is_empty() {
                        continue;
                    }
                    let laid = Override { key: format!("{path}{}", key.name), value: value.clone() };
                    let Some((doubted, after)) = outcome(&text, &[base.clone(), vec![laid]].concat()) else { continue };
                    if doubted {
                        idle.insert((heading, key.name));
                        assert!(
                            before == after,
                            "{worker}: `{path}{} = {value}` changes something in\n{text}",
                            key.name
                        );
                    } else {
                        *acts.entry((heading, key.name)).or_default() |= before != after;
                    }
                }
            }
        }
    }
    assert!(idle.len() >= 30, "only {} keys were ever idle: {idle:?}", idle.len());
    let never: Vec<_> = acts.iter().filter(|(_, acts)| !**acts).map(|(key, _)| key).collect();
    println!("idle: {idle:?}\nnever seen to act: {never:?}");
    let acting = acts.values().filter(|acts| **acts).count();
    assert!(acting >= 15, "only {acting} keys were seen to act; never: {never:?}");
}
