//! Which library's pool, lock, queue or executor something is: its policy follows from that, from the carrier of the world, and from
//! the version of CPython.
//!
//! Read in SQLAlchemy 2.1.9, asyncpg 0.32.0, redis-py 8.1.0, psycopg_pool 3.3.3, gevent 26.9.0, asgiref 3.13.0, anyio 4.16.0, and
//! CPython 3.8.18 to 3.13.0; for 3.14 its pull request 125110. `docs/shared-state.md` has the rows as a table.
//! Left out: that a lock of CPython 3.14 hands itself over only to who has waited for more than a millisecond (`lock.c`,
//! `TIME_TO_BE_FAIR_NS`), and that CPython 3.9's semaphore, which lets nobody in while a waiter is woken, wakes one at a time.

use engine::model::Policy;
use engine::model::asyncio::{Python, SemaphoreRule};

/// What carries the requests that wait for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CarrierSetting {
    Threads,
    Hub,
    Loop,
}

impl CarrierSetting {
    /// In messages.
    pub(crate) fn words(self) -> &'static str {
        match self {
            CarrierSetting::Threads => "on threads",
            CarrierSetting::Hub => "under a hub",
            CarrierSetting::Loop => "on a loop",
        }
    }
}

/// Who gets what comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gives {
    Barging,
    HandOff,
    /// As the version's `asyncio.Semaphore` does.
    Semaphore,
    /// As the version's `threading.Lock` does.
    ThreadLock,
}

impl Gives {
    fn policy(self, python: Python) -> Policy {
        let hands_over = match self {
            Gives::Barging => false,
            Gives::HandOff => true,
            Gives::Semaphore => python.rules().semaphore != SemaphoreRule::Barging,
            Gives::ThreadLock => python >= Python::V3_14,
        };
        if hands_over { Policy::HandOff } else { Policy::Barging }
    }
}

/// A pool, lock or queue of a library.
#[derive(PartialEq, Debug)]
pub(crate) struct Primitive {
    pub(crate) name: &'static str,
    /// The root keys of the tables that can be one.
    tables: &'static [&'static str],
    /// The carriers under which it exists; under the others its twin is meant.
    homes: &'static [CarrierSetting],
    /// On threads, under a hub, on a loop.
    gives: [Gives; 3],
    /// As a queue: whether the youngest item comes out first, and whether it is the standard library's.
    pub(crate) lifo: bool,
    pub(crate) standard: bool,
}

const EVERYWHERE: &[CarrierSetting] = &[CarrierSetting::Threads, CarrierSetting::Hub, CarrierSetting::Loop];
const BLOCKS: &[CarrierSetting] = &[CarrierSetting::Threads, CarrierSetting::Hub];
const HUB: &[CarrierSetting] = &[CarrierSetting::Hub];
const LOOP: &[CarrierSetting] = &[CarrierSetting::Loop];
const BARGING: [Gives; 3] = [Gives::Barging; 3];

const fn pool(name: &'static str, homes: &'static [CarrierSetting], gives: [Gives; 3]) -> Primitive {
    Primitive { name, tables: &["pool"], homes, gives, lifo: false, standard: false }
}

const fn queue(name: &'static str, homes: &'static [CarrierSetting], (lifo, standard): (bool, bool)) -> Primitive {
    Primitive { name, tables: &["pool", "queue"], homes, gives: BARGING, lifo, standard }
}

const fn lock(name: &'static str, homes: &'static [CarrierSetting], gives: [Gives; 3]) -> Primitive {
    Primitive { name, tables: &["lock"], homes, gives, lifo: false, standard: false }
}

const SEMAPHORE: [Gives; 3] = [Gives::Barging, Gives::Barging, Gives::Semaphore];
const LOCK: [Gives; 3] = [Gives::ThreadLock, Gives::Barging, Gives::HandOff];

static PRIMITIVES: [Primitive; 18] = [
    pool("sqlalchemy.QueuePool", EVERYWHERE, BARGING),
    pool("psycopg_pool.ConnectionPool", EVERYWHERE, [Gives::HandOff; 3]),
    pool("asyncpg.Pool", LOOP, BARGING),
    queue("redis.BlockingConnectionPool", EVERYWHERE, (true, true)),
    pool("asyncio.Semaphore", LOOP, SEMAPHORE),
    pool("asyncio.BoundedSemaphore", LOOP, SEMAPHORE),
    lock("asyncio.Lock", LOOP, LOCK),
    queue("asyncio.Queue", LOOP, (false, false)),
    queue("asyncio.LifoQueue", LOOP, (true, false)),
    pool("threading.Semaphore", BLOCKS, SEMAPHORE),
    pool("threading.BoundedSemaphore", BLOCKS, SEMAPHORE),
    lock("threading.Lock", BLOCKS, LOCK),
    queue("queue.Queue", BLOCKS, (false, true)),
    queue("queue.LifoQueue", BLOCKS, (true, true)),
    pool("gevent.lock.Semaphore", HUB, BARGING),
    pool("gevent.pool.Pool", HUB, BARGING),
    queue("gevent.queue.Queue", HUB, (false, false)),
    queue("gevent.queue.LifoQueue", HUB, (true, false)),
];

/// Names of those that a table below this root key can be.
fn names_of(table: &str) -> Vec<&'static str> {
    PRIMITIVES.iter().filter(|one| one.tables.contains(&table)).map(|one| one.name).collect()
}

/// What a pool can be.
pub(crate) fn pools() -> Vec<&'static str> {
    names_of("pool")
}

/// What a lock can be.
pub(crate) fn locks() -> Vec<&'static str> {
    names_of("lock")
}

/// What a queue can be.
pub(crate) fn queues() -> Vec<&'static str> {
    names_of("queue")
}

impl Primitive {
    /// The one called so.
    pub(crate) fn named(name: &str) -> Option<&'static Primitive> {
        PRIMITIVES.iter().find(|one| one.name == name)
    }

    /// Whether it exists there.
    pub(crate) fn is_at_home(&self, setting: CarrierSetting) -> bool {
        self.homes.contains(&setting)
    }

    /// In words: where it exists.
    pub(crate) fn homes(&self) -> String {
        self.homes.iter().map(|home| home.words()).collect::<Vec<_>>().join(" and ")
    }

    /// Who gets a unit of it that comes back.
    pub(crate) fn policy(&self, setting: CarrierSetting, python: Python) -> Policy {
        self.gives[setting as usize].policy(python)
    }
}

/// Whose threads an executor has.
#[derive(PartialEq, Debug)]
pub(crate) struct ThreadSource {
    pub(crate) name: &'static str,
    many: ThreadCount,
}

/// How many threads an executor has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ThreadCount {
    Fixed(u32),
    /// So many more than cores, up to a limit.
    Beside {
        cores: u32,
        most: u32,
    },
    /// As many as requests: more than any process serves at once.
    OneARequest,
}

static THREAD_SOURCES: [ThreadSource; 5] = [
    // anyio 4.16, `_backends/_asyncio.py`, `current_default_thread_limiter`.
    ThreadSource { name: "anyio.to_thread", many: ThreadCount::Fixed(40) },
    // CPython 3.11 to 3.13, `concurrent/futures/thread.py`: min(32, cores + 4).
    ThreadSource { name: "concurrent.futures.ThreadPoolExecutor", many: ThreadCount::Beside { cores: 4, most: 32 } },
    // asgiref 3.13, `sync.py`, `SyncToAsync.single_thread_executor`.
    ThreadSource { name: "asgiref.sync_to_async", many: ThreadCount::Fixed(1) },
    // The same, `ThreadSensitiveContext`: an executor of one thread for each context, and Django enters one for each request since
    // 4.0 (`core/handlers/asgi.py`, `ASGIHandler.__call__`).
    ThreadSource { name: "asgiref.ThreadSensitiveContext", many: ThreadCount::OneARequest },
    // gevent 26.9, `Hub.threadpool_size`.
    ThreadSource { name: "gevent.threadpool.ThreadPool", many: ThreadCount::Fixed(10) },
];

/// What an executor can be.
pub(crate) fn executors() -> Vec<&'static str> {
    THREAD_SOURCES.iter().map(|one| one.name).collect()
}

impl ThreadSource {
    /// The one called so.
    pub(crate) fn named(name: &str) -> Option<&'static ThreadSource> {
        THREAD_SOURCES.iter().find(|one| one.name == name)
    }

    /// Whether they are native threads even where `threading` is patched.
    pub(crate) fn are_gevents(&self) -> bool {
        self.name == "gevent.threadpool.ThreadPool"
    }

    /// How many, on so many cores.
    pub(crate) fn threads(&self, cores: u32) -> u32 {
        match self.many {
            ThreadCount::Fixed(threads) => threads,
            ThreadCount::Beside { cores: more, most } => cores.saturating_add(more).min(most),
            ThreadCount::OneARequest => 1_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, setting: CarrierSetting, python: Python) -> Policy {
        Primitive::named(name).expect("it is known").policy(setting, python)
    }

    #[test]
    fn a_semaphore_of_asyncio_barges_in_3_8_alone_and_that_of_threads_always() {
        for python in Python::ALL {
            let own = if python == Python::V3_8 { Policy::Barging } else { Policy::HandOff };
            assert_eq!(policy("asyncio.Semaphore", CarrierSetting::Loop, python), own, "{python}");
            assert_eq!(policy("asyncio.Semaphore", CarrierSetting::Threads, python), Policy::Barging, "{python}");
            assert_eq!(policy("threading.Semaphore", CarrierSetting::Loop, python), own, "its twin, {python}");
        }
    }

    #[test]
    fn a_lock_of_threads_is_handed_over_since_3_14() {
        assert_eq!(policy("threading.Lock", CarrierSetting::Threads, Python::V3_13), Policy::Barging);
        assert_eq!(policy("threading.Lock", CarrierSetting::Threads, Python::V3_14), Policy::HandOff);
        assert_eq!(policy("threading.Lock", CarrierSetting::Hub, Python::V3_14), Policy::Barging, "gevent's own");
    }

    #[test]
    fn a_pool_of_psycopg_hands_its_connections_over_and_one_of_sqlalchemy_does_not() {
        for setting in [CarrierSetting::Threads, CarrierSetting::Hub, CarrierSetting::Loop] {
            assert_eq!(policy("psycopg_pool.ConnectionPool", setting, Python::V3_11), Policy::HandOff);
            assert_eq!(policy("sqlalchemy.QueuePool", setting, Python::V3_11), Policy::Barging);
        }
    }

    #[test]
    fn an_executor_has_the_threads_of_its_library() {
        let threads = |name: &str, cores| ThreadSource::named(name).expect("it is known").threads(cores);
        assert_eq!(threads("concurrent.futures.ThreadPoolExecutor", 8), 12);
        assert_eq!(threads("concurrent.futures.ThreadPoolExecutor", 64), 32);
        assert_eq!((threads("asgiref.sync_to_async", 8), threads("anyio.to_thread", 8)), (1, 40));
    }
}
