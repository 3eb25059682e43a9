//! What other software calls the keys of a world and of the machine: gunicorn, uWSGI, uvicorn, Docker and Kubernetes.
//!
//! A key with such a name is an error like any unknown one; the help says what it is called here, or that it is not simulated.

use crate::reader::key::KeyTable;
use crate::tables::slo;
use crate::tables::world::{MACHINE, WORLD};

/// Names as they are written elsewhere, in lower case with `_` for `-`, and what to write here.
const NAMES: [(&[&str], &str); 18] = [
    (&["workers"], "write `processes`: gunicorn's, uvicorn's and granian's workers are processes"),
    (&["worker_class"], "write `worker`, such as `worker = \"gunicorn-gevent\"`"),
    (&["worker_connections"], "write `greenlets` for gevent, and `connections` for gthread"),
    (&["backlog"], "write `listen`; the kernel caps it by `somaxconn` in [machine]"),
    (&["keep_alive", "keepalive_timeout", "timeout_keep_alive", "http_keepalive"], "write `keepalive`"),
    (&["limit_max_requests"], "write `max_requests`"),
    (&["worker_reload_mercy", "timeout_graceful_shutdown"], "write `graceful_timeout`"),
    (&["reuse_socket", "so_reuseport"], "write `reuse_port`"),
    (&["cpus"], "write `cpu_limit`, such as `cpu_limit = 1.5`"),
    (&["cpu", "limits.cpu"], "write `cpu_limit`, such as `cpu_limit = \"500m\"`"),
    (&["limits", "resources"], "Kubernetes' `limits.cpu` is `cpu_limit`, such as `cpu_limit = \"500m\"`"),
    (
        &["cpu_quota", "cfs_quota_us", "cpu.max"],
        "write `cpu_limit`, the quota over its period: 20 ms in 100 ms are \"200m\"",
    ),
    (&["requests.cpu"], "a share of a crowded node is not simulated; a limit is `cpu_limit`"),
    (&["replicas"], "write `servers`: each is a machine, or a container, of its own behind the balancer"),
    (&["bind", "http", "socket"], "a world has no address: whoever asks is a [client.NAME]"),
    (
        &["cheaper", "cheaper_initial"],
        "uWSGI's cheaper is not simulated: a server has `processes` from its beginning to its end",
    ),
    (&["reload"], "reloading on a change of the code is not simulated"),
    (
        &["preload", "preload_app", "lazy_apps"],
        "preloading is not simulated; what a new process does before it serves is `boot`",
    ),
];

/// What to write for a name that other software has for a key of `table`.
pub(crate) fn elsewhere(table: &'static KeyTable, name: &str) -> Option<&'static str> {
    if !(std::ptr::eq(table, &WORLD) || std::ptr::eq(table, &MACHINE)) {
        return slo::elsewhere(table, name);
    }
    let name = name.trim().trim_start_matches("--").to_lowercase().replace('-', "_");
    NAMES.iter().find(|(others, _)| others.contains(&name.as_str())).map(|(_, here)| *here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_key_here_is_not_foreign() {
        for name in NAMES.iter().flat_map(|(names, _)| *names) {
            assert!(WORLD.key(name).is_none() && MACHINE.key(name).is_none(), "{name}");
        }
    }

    #[test]
    fn what_is_to_be_written_instead_is_a_key() {
        for (names, help) in NAMES {
            let Some(rest) = help.strip_prefix("write `") else { continue };
            let key = &rest[..rest.find('`').expect("it ends")];
            assert!(WORLD.key(key).is_some() || MACHINE.key(key).is_some(), "{names:?}: {key}");
        }
    }

    #[test]
    fn options_are_known_as_they_are_typed() {
        assert!(elsewhere(&WORLD, "--worker-class").is_some_and(|help| help.contains("`worker`")));
        assert!(elsewhere(&MACHINE, "limits.cpu").is_some_and(|help| help.contains("cpu_limit")));
        assert_eq!(elsewhere(&WORLD, "procesess"), None);
    }
}
