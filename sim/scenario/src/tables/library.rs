//! What is known of client libraries under gevent: whether a call through one gives way to the hub, and what to use instead.
//!
//! A library in pure Python over `socket` gives way once the standard library is patched. One around a C library waits where gevent
//! cannot see it, unless it has a hook. One with an event loop of its own waits in that loop.

/// A client library.
#[derive(PartialEq, Debug)]
pub(crate) struct Library {
    /// As it is called on the package index, or was in its time.
    pub(crate) name: &'static str,
    pub(crate) waits: Waits,
    /// Where that is said.
    pub(crate) source: &'static str,
}

/// How a library waits for its peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waits {
    /// In the standard library's sockets, which gevent patches.
    Patched,
    /// In C; what does the same in Python.
    InC {
        /// What to write instead.
        instead: &'static str,
    },
    /// In C, unless this library has put its callback into the hook for waiting.
    Hooked {
        /// The library that does.
        by: &'static str,
    },
    /// It makes another library wait in gevent.
    Hook,
    /// In an event loop of its own.
    OwnLoop,
}

const PINTEREST: &str = "Pinterest, \"How we use gevent to go fast\"";
const MIXPANEL: &str = "Mixpanel, \"gevent: the Good, the Bad, the Ugly\"";
const WAYFAIR: &str = "Wayfair, blocking I/O in gevent; confluent-kafka-python issue 612";
const PSYCOGREEN: &str = "psycogreen's page on the package index";

const fn patched(name: &'static str, source: &'static str) -> Library {
    Library { name, waits: Waits::Patched, source }
}

const fn in_c(name: &'static str, instead: &'static str, source: &'static str) -> Library {
    Library { name, waits: Waits::InC { instead }, source }
}

const fn own_loop(name: &'static str, source: &'static str) -> Library {
    Library { name, waits: Waits::OwnLoop, source }
}

/// The libraries that a file may name.
pub(crate) static LIBRARIES: [Library; 20] = [
    in_c("MySQL-python", "pymysql", PINTEREST),
    in_c("mysqlclient", "pymysql", "the fork of MySQL-python; a wrapper of libmysqlclient"),
    patched("pymysql", PINTEREST),
    in_c("pylibmc", "python-memcached", PINTEREST),
    patched("python-memcached", PINTEREST),
    in_c("zc.zk", "kazoo", PINTEREST),
    patched("kazoo", PINTEREST),
    in_c("confluent-kafka", "kafka-python", WAYFAIR),
    patched("kafka-python", "pure Python over `socket`"),
    Library { name: "psycopg2", waits: Waits::Hooked { by: "psycogreen" }, source: PSYCOGREEN },
    Library { name: "psycogreen", waits: Waits::Hook, source: PSYCOGREEN },
    patched("psycopg", "psycogreen's page: Psycopg 3 supports gevent from 3.1.14 on"),
    in_c("pycurl", "requests", "a wrapper of libcurl"),
    patched("requests", "pure Python over `socket`"),
    patched("redis", "\"10x faster gevent Redis connection pool\""),
    patched("pymongo", "PyMongo's documentation: Gevent"),
    own_loop("eventlet", MIXPANEL),
    own_loop("twisted", "its reactor"),
    own_loop("tornado", "its IOLoop"),
    own_loop("asyncio", "its event loop"),
];

/// Names of all of them.
pub(crate) fn names() -> Vec<&'static str> {
    LIBRARIES.iter().map(|library| library.name).collect()
}

/// The library of that name.
pub(crate) fn named(name: &str) -> Option<&'static Library> {
    LIBRARIES.iter().find(|library| library.name == name)
}
