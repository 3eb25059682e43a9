//! What one needs to make the same page again: the command, the seed, and the fingerprint of every run; and how to
//! read plots.

use lab::{Unit, WorldResult, WorldSeries};

use super::PageAbout;
use super::over_time::steps_per_point;
use super::svg::AREAS_MAX;
use crate::figures::scale::decimal;
use crate::words::number;

pub(crate) struct Fingerprint {
    /// Index of its world.
    pub hue: String,
    pub world: String,
    pub replication: u32,
    /// Events simulated.
    pub events: String,
    /// The hash over them.
    pub run: String,
    /// The hash over who came and with what needs.
    pub births: String,
}

/// The command that makes the page again, where the scenario's file lies.
pub(crate) fn command(about: &PageAbout<'_>) -> String {
    let (seed, replications) = (about.seed, about.replications);
    let mut text = format!("tailback report {} --seed {seed} --replications {replications}", quoted(about.file));
    for one in &about.overrides {
        text += &format!(" --set {}", quoted(one));
    }
    text
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The fingerprints of all runs.
pub(crate) fn fingerprints(results: &[WorldResult]) -> Vec<Fingerprint> {
    let of_world = |(index, world): (usize, &WorldResult)| {
        let one = |record: &engine::RunRecord| Fingerprint {
            hue: super::look::hue(index),
            world: world.name.clone(),
            replication: record.replication,
            events: number::value(Unit::Count, record.events as f64),
            run: format!("{:016x}", record.fingerprint),
            births: format!("{:016x}", record.births_fingerprint),
        };
        world.records.iter().map(one).collect::<Vec<_>>()
    };
    results.iter().enumerate().flat_map(of_world).collect()
}

/// What a point of a plot over time is.
pub(crate) fn steps(series: &[WorldSeries], replications: u32) -> String {
    let every = steps_per_point(series);
    let step = series.first().map_or(1.0, |world| world.step_s);
    let mut text = match every {
        1 => format!("A point is a step of {} s", decimal(step)),
        _ => format!("A point is the mean of {every} steps of {} s", decimal(step)),
    };
    text += match replications {
        1 => ".",
        _ if series.len() <= AREAS_MAX => " and of all replications; the pale band is the 95 % interval.",
        _ => " and of all replications; their 95 % intervals stand in the numbers.",
    };
    text
}

/// What a point of a distribution is.
pub(crate) fn together(replications: u32) -> String {
    let all = if replications > 1 { " The replications are counted together." } else { "" };
    format!(
        "Latency by percentile: one response in ten lies to the right of 90 %, one in a hundred to the right of \
         99 %, and each further nine is as wide as the one before.{all}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_anything_special_is_quoted_for_the_shell() {
        assert_eq!(quoted("world.threads.threads=80"), "world.threads.threads=80");
        assert_eq!(quoted("client.users.patience=lognormal(4s, 10s)"), "'client.users.patience=lognormal(4s, 10s)'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
