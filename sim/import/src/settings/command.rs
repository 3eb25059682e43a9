//! Command lines of servers, wherever they stand: alone, in a Procfile, in a manifest.
//!
//! After gunicorn 27 (config.py), uWSGI 2.0 (core/uwsgi.c), uvicorn 0.54 (main.py), hypercorn 0.17 and granian 2 (their CLI).

use super::gunicorn;
use super::uwsgi::uwsgi_options;
use super::world::{ServingWorld, seconds};

/// Shells inside of shells that are looked into.
const SHELLS_MAX: usize = 3;

/// The worlds of a text with a command on some of its lines: a Procfile, or the command alone.
pub fn commands_of(text: &str, file: &str) -> Vec<ServingWorld> {
    let mut worlds = Vec::new();
    for (number, line) in (1_u64..).zip(text.lines()).take(1_000) {
        let line = line.trim().trim_start_matches("$ ");
        if line.starts_with('#') || line.len() > 8_192 {
            continue;
        }
        let (name, command) = match line.split_once(':') {
            Some((name, command)) if is_process_name(name) => (name, command),
            Some(_) | None => ("", line),
        };
        if let Some(mut world) = world_of_command(command, &format!("{file}:{number}")) {
            world.name = if name.is_empty() { "today".to_owned() } else { name.to_owned() };
            worlds.push(world);
        }
    }
    worlds
}

fn is_process_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The world of a command, if it starts a server that presets know.
pub fn world_of_command(command: &str, source: &str) -> Option<ServingWorld> {
    let words = shlex::split(command)?;
    of_words(&words, source, 0)
}

fn of_words(words: &[String], source: &str, depth: usize) -> Option<ServingWorld> {
    let base = |word: &String| word.rsplit('/').next().unwrap_or(word).to_owned();
    let known = ["gunicorn", "uwsgi", "uvicorn", "hypercorn", "granian"];
    for (at, word) in words.iter().enumerate() {
        let name = base(word);
        if let Some(server) = known.iter().find(|server| **server == name) {
            let options = options(&words[at + 1..]);
            let environment = &words[..at];
            return Some(of_options(server, &options, environment, source));
        }
        let is_shell = ["sh", "bash", "dash"].contains(&name.as_str()) && depth < SHELLS_MAX;
        if let Some(inner) = words.get(at + 2).filter(|_| is_shell && words[at + 1].ends_with('c')) {
            return of_words(&shlex::split(inner)?, source, depth + 1);
        }
    }
    None
}

/// Options with their values: `--name value`, `--name=value`, `-n value`, `-n4`; an option without a value has an empty one.
fn options(words: &[String]) -> Vec<(String, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let word = &words[at];
        at += 1;
        if ["&&", "||", ";", "|"].contains(&word.as_str()) {
            break;
        }
        let next = words.get(at).filter(|next| !next.starts_with('-') || next.parse::<f64>().is_ok());
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=') {
                Some((name, value)) => found.push((name.to_owned(), value.to_owned())),
                None => {
                    at += usize::from(next.is_some());
                    found.push((long.to_owned(), next.cloned().unwrap_or_default()));
                }
            }
        } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
            let mut letters = short.chars();
            let name = letters.next().map(String::from).unwrap_or_default();
            let glued = letters.as_str();
            if glued.is_empty() {
                at += usize::from(next.is_some());
                found.push((name, next.cloned().unwrap_or_default()));
            } else {
                found.push((name, glued.to_owned()));
            }
        }
    }
    found
}

fn of_options(server: &str, options: &[(String, String)], environment: &[String], source: &str) -> ServingWorld {
    match server {
        "gunicorn" => of_gunicorn(options, environment, source),
        "uwsgi" => uwsgi_options(options, &|_| source.to_owned()),
        _ => of_asgi(server, options, environment, source),
    }
}

/// gunicorn's letters, each with the name of the setting.
const GUNICORN: [(&str, &str); 6] = [
    ("w", "workers"),
    ("k", "worker_class"),
    ("t", "timeout"),
    ("b", "bind"),
    ("c", "config"),
    ("access-logformat", "access_log_format"),
];

fn of_gunicorn(options: &[(String, String)], environment: &[String], source: &str) -> ServingWorld {
    let mut world = ServingWorld { worker: "gunicorn-sync", ..ServingWorld::default() };
    for variable in environment {
        match variable.split_once('=') {
            Some(("WEB_CONCURRENCY", value)) => gunicorn::option(&mut world, "workers", value, source),
            Some(("GUNICORN_CMD_ARGS", value)) => {
                for (name, value) in self::options(&shlex::split(value).unwrap_or_default()) {
                    gunicorn_option(&mut world, &name, &value, source);
                }
            }
            Some(_) | None => {}
        }
    }
    for (name, value) in options {
        gunicorn_option(&mut world, name, value, source);
    }
    world.settle();
    world
}

fn gunicorn_option(world: &mut ServingWorld, name: &str, value: &str, source: &str) {
    let setting = GUNICORN.iter().find(|(option, _)| *option == name).map_or(name, |(_, setting)| *setting);
    let setting = match setting {
        "keep-alive" => "keepalive".to_owned(),
        setting => setting.replace('-', "_"),
    };
    if value.starts_with('$') {
        world.ask(format!("{source}: --{name} comes from the environment ({value}); write the number"));
    } else {
        gunicorn::option(world, &setting, value, source);
    }
}

fn of_asgi(server: &str, options: &[(String, String)], environment: &[String], source: &str) -> ServingWorld {
    let mut world = ServingWorld { worker: "uvicorn-standard", ..ServingWorld::default() };
    match server {
        "hypercorn" => world.worker = "hypercorn",
        "granian" => world.worker = "granian",
        _ => {
            let is = |option: &str, wanted: &str| options.iter().any(|(name, value)| name == option && value == wanted);
            world.worker = match (is("loop", "asyncio"), is("http", "h11")) {
                (true, true) => "uvicorn",
                (true, false) => "uvicorn-httptools",
                (false, true) => "uvicorn-uvloop",
                (false, false) => "uvicorn-standard",
            };
        }
    }
    let concurrency = environment.iter().find_map(|variable| variable.strip_prefix("WEB_CONCURRENCY="));
    if let Some(value) = concurrency {
        gunicorn::option(&mut world, "workers", value, source);
    }
    for (name, value) in options {
        match name.as_str() {
            "workers" | "w" => gunicorn::option(&mut world, "workers", value, source),
            "backlog" => gunicorn::option(&mut world, "backlog", value, source),
            "limit-max-requests" => gunicorn::option(&mut world, "max_requests", value, source),
            "limit-concurrency" => match value.parse::<u64>() {
                Ok(limit) if limit > 0 => world.set("limit_concurrency", limit, source),
                Ok(_) | Err(_) => world.ask(format!("{source}: --{name} {value} is no whole number above zero")),
            },
            "timeout-keep-alive" => match seconds(value) {
                Some(value) => world.set("keepalive", value, source),
                None => world.ask(format!("{source}: --{name} {value} is no number of seconds")),
            },
            _ => {}
        }
    }
    world
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(command: &str) -> ServingWorld {
        world_of_command(command, "x:1").unwrap()
    }

    #[test]
    fn gunicorns_options_are_known_long_short_and_glued() {
        for command in [
            "gunicorn -w 2 -k gthread --threads 8 app:app",
            "exec /usr/bin/gunicorn --workers=2 --threads=8 app:app",
            "WEB_CONCURRENCY=7 python -m gunicorn -w2 --threads 8 app:app",
            "sh -c 'cd /srv && gunicorn -w 2 --threads 8 app:app'",
        ] {
            let world = world(command);
            assert_eq!(
                (world.worker, world.get("processes"), world.get("threads")),
                ("gunicorn-gthread", Some("2"), Some("8")),
                "{command}"
            );
        }
        let world = world("gunicorn -k gevent --worker-connections 500 -t 60 app");
        assert_eq!(
            (world.worker, world.get("greenlets"), world.get("timeout")),
            ("gunicorn-gevent", Some("500"), Some("\"60s\""))
        );
    }

    #[test]
    fn other_servers_are_known_too() {
        let uwsgi = world("uwsgi --http-socket :1 --processes 2 --threads 8 --listen 128");
        assert_eq!((uwsgi.worker, uwsgi.get("listen")), ("uwsgi-threads", Some("128")));
        let uvicorn = world("uvicorn app:app --loop asyncio --http h11 --workers 4");
        assert_eq!((uvicorn.worker, uvicorn.get("processes")), ("uvicorn", Some("4")));
        assert_eq!(world_of_command("nginx -g 'daemon off;'", "x"), None);
        assert_eq!(world_of_command("gunicorn 'unfinished", "x"), None);
    }

    #[test]
    fn a_procfile_names_its_worlds() {
        let worlds =
            commands_of("web: gunicorn -w 3 app\nworker: celery -A app worker\napi: uvicorn api:app\n", "Procfile");
        let names: Vec<&str> = worlds.iter().map(|world| world.name.as_str()).collect();
        assert_eq!(names, ["web", "api"]);
        assert_eq!(worlds[0].keys[0].source, "Procfile:1");
    }
}
