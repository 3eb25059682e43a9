//! What a step of a request is: a wait for a pool, a call to a peer, or work of its own.
//!
//! Attributes decide where there are any (the semantic conventions' `db.system`, `peer.service` and their like); then names; then how much
//! of its time a step waits.

use super::shape::ItemStats;
use super::span::SpanKindSeen;

/// Below this share of waiting a step is CPU time that somebody else was in the way of.
const WAITS_SHARE: f64 = 0.25;

/// What a step is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ItemRole {
    /// A unit of a pool is waited for.
    Pool,
    /// Somebody else works, and it waits.
    Call {
        /// Who.
        peer: String,
    },
    /// It works itself.
    Work,
}

/// Words of SQL that begin the name of a step.
const SQL: [&str; 10] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK", "WITH", "CALL", "UPSERT"];
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"];
const POOLS: [&str; 6] = ["pool", "acquire", "checkout connection", "getconn", "get_connection", "wait for connection"];
const STORES: [&str; 8] =
    ["redis", "postgres", "postgresql", "mysql", "mongodb", "memcached", "elasticsearch", "kafka"];

/// What a step is, by what is known of it.
pub fn role_of(name: &str, stats: &ItemStats) -> ItemRole {
    let lower = name.to_ascii_lowercase();
    if POOLS.iter().any(|pool| {
        lower == *pool
            || lower.ends_with(&format!(" {pool}"))
            || lower.starts_with(&format!("{pool} "))
            || lower.ends_with(&format!(".{pool}"))
    }) {
        return ItemRole::Pool;
    }
    let waits = stats.cpu.count() == 0 || stats.wait.moments().mean() > WAITS_SHARE * stats.wall.moments().mean();
    let named = by_name(name, &lower);
    match (&stats.peer, named) {
        (Some(peer), _) if waits => ItemRole::Call { peer: peer.clone() },
        (None, Some(peer)) if waits => ItemRole::Call { peer },
        (None, None) if stats.kind == SpanKindSeen::Client || (waits && stats.cpu.count() > 0) => {
            ItemRole::Call { peer: lower }
        }
        _ => ItemRole::Work,
    }
}

/// Whom a step calls by its name: SQL means a database, a method before a word the word.
fn by_name(name: &str, lower: &str) -> Option<String> {
    if let Some(store) = STORES.iter().find(|store| lower.split([' ', '.', ':', '-', '_']).any(|word| word == **store))
    {
        return Some((*store).to_owned());
    }
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    if METHODS.contains(&first) && !rest.is_empty() && first != "DELETE" {
        return Some(rest.split(['/', '?']).find(|word| !word.is_empty()).unwrap_or("http").to_ascii_lowercase());
    }
    if SQL.contains(&first) {
        return Some("database".to_owned());
    }
    (lower.starts_with("http") || lower.starts_with("requests.")).then(|| "http".to_owned())
}

/// Whether a peer is one whose calls go over a connection of a pool.
pub fn is_database(peer: &str) -> bool {
    ["database", "postgres", "mysql", "maria", "oracle", "mssql", "sqlite", "mongo"]
        .iter()
        .any(|known| peer.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(wall: f64, cpu: f64) -> ItemStats {
        let mut stats = ItemStats::default();
        stats.wall.add(wall);
        stats.cpu.add(cpu);
        stats.wait.add(wall - cpu);
        stats
    }

    #[test]
    fn names_and_waits_say_what_a_step_is() {
        let call = |peer: &str| ItemRole::Call { peer: peer.to_owned() };
        assert_eq!(role_of("pool", &stats(0.1, 0.1)), ItemRole::Pool);
        assert_eq!(role_of("redis GET", &stats(1.0, 0.3)), call("redis"));
        assert_eq!(role_of("SELECT item", &stats(1.0, 0.3)), call("database"));
        assert_eq!(role_of("POST partner", &stats(70.0, 1.5)), call("partner"));
        assert_eq!(role_of("render", &stats(0.45, 0.44)), ItemRole::Work);
        assert_eq!(role_of("lookup", &stats(5.0, 0.4)), call("lookup"));
    }

    #[test]
    fn attributes_are_believed_before_names() {
        let with = ItemStats { peer: Some("stock".into()), ..stats(5.0, 0.1) };
        assert_eq!(role_of("SELECT x", &with), ItemRole::Call { peer: "stock".into() });
    }
}
