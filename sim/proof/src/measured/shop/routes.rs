//! What the shop's routes do on FastAPI, as steps, with the costs of bare requests and of the profile.
//!
//! What FastAPI itself costs is a part of the server's own work, which costs more for a request that comes alone. Where what comes after a
//! wait decides (`/wait-...`), two thirds of it are burnt after that.

use std::fmt::Write;

use super::Route;

/// CPU time of a request in FastAPI and uvicorn, without what the preset has for connections and turns.
struct Framework {
    server: &'static str,
    /// All of it, as a part of the server's own work.
    whole: &'static str,
    /// The third of it that comes before the endpoint.
    before: &'static str,
    /// The rest: the response is made and sent.
    after: &'static str,
}

/// Either way the simulated server needs the CPU time of `fastapi/bare/r500` and `fastapi-uvloop/bare/r500`, 5.29 s and 2.47 s for 7,450
/// requests. The parts were measured apart, in the same software: 79 us and 156 us beyond what the preset has.
const FRAMEWORK: [Framework; 2] = [
    Framework { server: "uvicorn", whole: "410us", before: "161us", after: "308us" },
    Framework { server: "uvicorn-uvloop", whole: "184us", before: "72us", after: "140us" },
];

/// The garbage collector of the FastAPI application.
///
/// Objects: counted, `len(gc.get_objects())` of the same software at rest, and with 200 and 400 requests in `/wait-sync` (112 each).
/// A full collection: in `profile/uvicorn-1/r10` a report that meets one takes 52 to 57 ms longer than the median report.
/// The other routes do not have it here: what they allocate between waits is `/report`'s, and its law has the pauses.
const COLLECTOR: &str = "{ objects = 73000, request = 112, full = \"54ms\" }";

/// Files of laws: spans of `profile/gthread-1x8/r10`, their end less their begin and less their CPU time, or that CPU time alone; 50
/// quantiles where there are more.
const LAWS: [(&str, &str); 6] = [
    ("redis.csv", include_str!("redis.csv")),
    ("select.csv", include_str!("select.csv")),
    ("insert.csv", include_str!("insert.csv")),
    ("report.csv", include_str!("report.csv")),
    ("render.csv", include_str!("render.csv")),
    ("crunch.csv", include_str!("crunch.csv")),
];

impl Route {
    /// Its steps.
    ///
    /// A call of asyncpg is a round trip, and so are `begin`, `commit` and the reset when a connection goes back to its pool; `SELECT
    /// item` of the spans is two of them, as psycopg2 begins a transaction with it. Of the CPU time of `profile/uvicorn-1/r10` what
    /// neither FastAPI nor these steps explain is given to `/checkout` (httpx; 5 ms) and `/report` (2 ms, which is also what its median
    /// lacks); nothing is left for `/product`.
    pub(in crate::measured) fn steps(self, server: &str) -> String {
        let after = framework(server).map(|known| format!("{{ burn = \"{}\" }}", known.after)).unwrap_or_default();
        let call = |peer: &str, law: &str| format!("{{ call = \"{peer}\", takes = \"{law}\" }}");
        let burn = |span: &str| format!("{{ burn = \"{span}\" }}");
        let (select, insert) = (call("postgres", "empirical(select.csv)"), call("postgres", "empirical(insert.csv)"));
        match self {
            Route::Bare => after,
            Route::WaitSync => format!("{{ thread = [{{ sleep = \"100ms\" }}] }}, {after}"),
            Route::WaitAsync => format!("{{ sleep = \"100ms\" }}, {after}"),
            Route::WaitBlocking => format!("{{ sleep = \"100ms\", blocking = true }}, {after}"),
            Route::Product => {
                let redis = call("redis", "empirical(redis.csv)");
                format!("{redis}, {}, {}", with(&[select]), burn("empirical(render.csv)"))
            }
            Route::Checkout => {
                // The partner's own law: lognormal, 60 ms in the median and 250 ms at the 99th percentile.
                let partner = call("partner", "lognormal(60ms, 250ms)");
                let ends = [insert.clone(), insert.clone(), insert];
                let steps =
                    [vec![burn("500us"), select, burn("2ms"), partner, burn("2ms")], ends.into(), vec![burn("500us")]];
                format!("{}, {}", with(&steps.concat()), burn("68us"))
            }
            Route::Report => {
                let query = call("postgres", "empirical(report.csv)");
                let steps = [burn("500us"), query, burn("1ms"), insert, burn("500us")];
                format!("{}, {}", with(&steps), burn("empirical(crunch.csv)"))
            }
        }
    }

    fn uses_parts(self) -> bool {
        matches!(self, Route::Product | Route::Checkout | Route::Report)
    }
}

/// Under a connection of the pool.
fn with(steps: &[String]) -> String {
    format!("{{ with = \"db\", steps = [{}] }}", steps.join(", "))
}

fn framework(server: &str) -> Option<&'static Framework> {
    FRAMEWORK.iter().find(|known| known.server == server)
}

/// Keys of the world beyond those of any server; `None` for software whose costs are not known.
pub(in crate::measured) fn world_keys(server: &str, routes: &[Route]) -> Option<String> {
    let known = framework(server)?;
    let of_shop = routes.iter().any(|route| route.uses_parts());
    let mut keys = format!("costs = {{ request = \"{}\" }}\n", if of_shop { known.whole } else { known.before });
    if !of_shop {
        writeln!(keys, "collector = {COLLECTOR}").expect("writing to a string cannot fail");
    }
    Some(keys)
}

/// What the routes call.
pub(in crate::measured) fn tables(routes: &[Route], pool: u32) -> String {
    if !routes.iter().any(|route| route.uses_parts()) {
        return String::new();
    }
    format!("\n[peer.redis]\n\n[peer.postgres]\n\n[peer.partner]\n\n[pool.db]\nunits = {pool}\n")
}

/// Files of the laws that the routes name.
pub(in crate::measured) fn files(routes: &[Route]) -> Vec<(String, String)> {
    let text: String = routes.iter().map(|route| route.steps("")).collect();
    let named = LAWS.iter().filter(|(name, _)| text.contains(name));
    named.map(|(name, law)| ((*name).to_owned(), (*law).to_owned())).collect()
}
