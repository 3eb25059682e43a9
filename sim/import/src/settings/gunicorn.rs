//! gunicorn's settings, from its command line and from `gunicorn.conf.py`, after gunicorn 27 (config.py).

use super::python::{PythonModule, PythonValue, evaluate};
use super::world::{ServingWorld, seconds};

/// Names of a configuration file by which it is known.
const TELLING: [&str; 12] = [
    "workers",
    "worker_class",
    "threads",
    "bind",
    "worker_connections",
    "timeout",
    "keepalive",
    "max_requests",
    "access_log_format",
    "graceful_timeout",
    "preload_app",
    "accesslog",
];

/// A `gunicorn.conf.py`, if it sets at least two of gunicorn's names.
pub fn gunicorn_conf(source: &str, file: &str, cores: Option<u32>) -> Option<ServingWorld> {
    let module = evaluate(source, cores);
    let telling = TELLING.iter().filter(|name| module.names.contains_key(**name)).count();
    let named = file.contains("gunicorn") && telling >= 1;
    (telling >= 2 || named).then(|| of_module(&module, file))
}

fn of_module(module: &PythonModule, file: &str) -> ServingWorld {
    let mut world = ServingWorld { name: "today".to_owned(), ..ServingWorld::default() };
    for (name, (value, line)) in &module.names {
        let source = format!("{file}:{line}");
        let text = match value {
            PythonValue::Number(number) => crate::numbers::plain(*number),
            PythonValue::Text(text) => text.clone(),
            PythonValue::Flag(_) | PythonValue::Nothing => continue,
            PythonValue::Unknown(why) => {
                if TELLING.contains(&name.as_str()) && !["bind", "accesslog"].contains(&name.as_str()) {
                    world.ask(format!("{source}: {name} is not known without running the file: {why}"));
                }
                continue;
            }
        };
        option(&mut world, name, &text, &source);
    }
    for assumed in &module.assumed {
        world.ask(format!("{file}: {assumed}"));
    }
    world
}

/// The worker of a class, as presets name it.
pub fn worker_of(class: &str) -> Option<&'static str> {
    let class = class.rsplit('.').next().unwrap_or(class).to_ascii_lowercase();
    Some(match class.as_str() {
        "sync" | "syncworker" => "gunicorn-sync",
        "gthread" | "threadworker" => "gunicorn-gthread",
        "gevent" | "geventworker" | "gevent_pywsgi" | "geventpywsgiworker" | "gevent_wsgi" => "gunicorn-gevent",
        "uvicornworker" | "uvicornh11worker" | "asgi" => "gunicorn-uvicorn",
        _ => return None,
    })
}

/// One setting by the name that it has in a configuration file.
pub fn option(world: &mut ServingWorld, name: &str, text: &str, source: &str) {
    let whole = || text.trim().parse::<u64>().ok();
    let number = |world: &mut ServingWorld, key: &'static str, least: u64| match whole() {
        Some(value) if value >= least => world.set(key, value, source),
        Some(_) => {}
        None => world.ask(format!("{source}: {name} = {text} is no whole number")),
    };
    match name {
        "workers" => number(world, "processes", 1),
        "threads" => number(world, "threads", 1),
        "worker_connections" => {
            number(world, "greenlets", 1);
            number(world, "connections", 1);
        }
        "backlog" => number(world, "listen", 1),
        "max_requests" => number(world, "max_requests", 1),
        "max_requests_jitter" => number(world, "max_requests_jitter", 0),
        "timeout" | "graceful_timeout" | "keepalive" => {
            let key = match name {
                "timeout" => "timeout",
                "graceful_timeout" => "graceful_timeout",
                _ => "keepalive",
            };
            match seconds(text) {
                Some(value) if value != "\"0s\"" || key == "timeout" => world.set(key, value, source),
                Some(_) => world.ask(format!("{source}: {name} = 0: connections are not kept")),
                None => world.ask(format!("{source}: {name} = {text} is no number of seconds")),
            }
        }
        "worker_class" => match worker_of(text) {
            Some(worker) => world.worker = worker,
            None => {
                world.ask(format!("{source}: no preset knows the worker class {text}; choose the nearest `worker`"))
            }
        },
        "access_log_format" => world.log_format = Some(text.to_owned()),
        _ => {}
    }
}

/// Lays a configuration file under what a command line says.
pub fn apply_conf(world: &mut ServingWorld, conf: &ServingWorld) {
    if !conf.worker.is_empty() && world.worker == "gunicorn-sync" && world.get("worker").is_none() {
        world.worker = conf.worker;
    }
    world.fill_from(conf);
    world.settle();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_file_is_a_world_with_places() {
        let source = "bind = '0.0.0.0:8000'\nworkers = 2 * 2\nworker_class = 'gthread'\nthreads = 8\ntimeout = 30\nkeepalive = 5\n\
                      access_log_format = '%(t)s \"%(r)s\" %(s)s %(b)s %(D)s'\n";
        let world = gunicorn_conf(source, "gunicorn.conf.py", None).unwrap();
        assert_eq!(world.worker, "gunicorn-gthread");
        assert_eq!(
            (world.get("processes"), world.get("threads"), world.get("keepalive")),
            (Some("4"), Some("8"), Some("\"5s\""))
        );
        assert_eq!(world.keys.iter().find(|key| key.key == "threads").unwrap().source, "gunicorn.conf.py:4");
        assert!(world.log_format.is_some() && world.asked.is_empty());
    }

    #[test]
    fn cores_that_nobody_said_are_asked_for() {
        let source =
            "import multiprocessing\nworkers = multiprocessing.cpu_count() * 2 + 1\nworker_class = 'eventlet'\n";
        let world = gunicorn_conf(source, "gunicorn.conf.py", None).unwrap();
        assert_eq!(world.get("processes"), None);
        assert_eq!(world.asked.len(), 2, "{:?}", world.asked);
        let world = gunicorn_conf(source, "gunicorn.conf.py", Some(2)).unwrap();
        assert_eq!(world.get("processes"), Some("5"));
    }
}
