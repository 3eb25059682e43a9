//! The shop: a real application measured on several servers, its entries, and the scenario that says the same.
//!
//! Its files have a form of their own (`tests/measured/README.md`), which is read as any entry; what a route does is said here. All
//! numbers are those of bare requests and of two profiles under a light load, or were measured apart; `docs/validation.md` has each.

mod arrivals;
mod file;
mod routes;

pub(super) use arrivals::arrivals;
pub(super) use file::{ShopFile, is_bare};
pub(super) use routes::{files, tables, world_keys};

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// Redis, a row of PostgreSQL, a template.
    Product,
    /// A row, the partner's answer, an insert, under one connection.
    Checkout,
    /// A query of 42 ms, and JSON work.
    Report,
    /// Nothing.
    Bare,
    /// `def` with `time.sleep(0.1)`, in one of anyio's threads.
    WaitSync,
    /// `async def` with `asyncio.sleep(0.1)`.
    WaitAsync,
    /// `async def` with `time.sleep(0.1)`, which keeps the loop.
    WaitBlocking,
}

impl Route {
    const ALL: [(&'static str, Route); 7] = [
        ("/product", Route::Product),
        ("/checkout", Route::Checkout),
        ("/report", Route::Report),
        ("/bare", Route::Bare),
        ("/wait-sync", Route::WaitSync),
        ("/wait-async", Route::WaitAsync),
        ("/wait-blocking", Route::WaitBlocking),
    ];

    /// The route of a path.
    pub(super) fn of(path: &str) -> Option<Route> {
        Route::ALL.iter().find(|(known, _)| *known == path).map(|&(_, route)| route)
    }
}

/// Software of the measurements by the name of its preset.
pub(super) fn preset_of(server: &str) -> Option<&'static str> {
    Some(match server {
        // `--loop asyncio --http h11`, and `--loop uvloop --http httptools`.
        "uvicorn" => "uvicorn",
        "uvicorn-uvloop" => "uvicorn-standard",
        "gthread" => "gunicorn-gthread",
        "gevent" => "gunicorn-gevent",
        "sync" => "gunicorn-sync",
        "uwsgi" => "uwsgi-threads",
        _ => return None,
    })
}
