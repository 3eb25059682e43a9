//! Steps of a request out of the way that its traces went: CPU time, calls, a pool's units, and what no span has.

use crate::numbers::{Moments, Sample, duration, plain};
use crate::traces::{ItemKey, ItemRole, ItemStats, RequestShape, is_database, role_of};

use super::laws::LawFiles;

/// A gap with less waiting than this is CPU time.
const GAP_WAIT_MIN: f64 = 20_000.0;
/// Share of a gap that must be waiting to be written as such.
const GAP_WAIT_SHARE: f64 = 0.3;
/// CPU time below which its spread is of no matter.
const SMALL_BURN: f64 = 30_000.0;

/// A line of a list of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepLine {
    /// Steps around it.
    pub depth: usize,
    /// As TOML.
    pub toml: String,
    /// What is said beside it.
    pub says: String,
}

/// Steps of a request, and what they name.
#[derive(Clone, Debug, Default)]
pub struct StepsWritten {
    /// Lines in order.
    pub lines: Vec<StepLine>,
    /// Peers that are called.
    pub peers: Vec<String>,
    /// Whether it takes a unit of the pool.
    pub uses_pool: bool,
    /// How long units were waited for.
    pub pool_waits: Option<Sample>,
}

struct StepWriter<'a> {
    out: StepsWritten,
    laws: &'a mut LawFiles,
    class: &'a str,
    depth: usize,
    at: usize,
}

/// Steps of a way of a class; `scale` is what CPU times are multiplied by where the server's own count says otherwise.
pub fn steps_of(class: &str, shape: &RequestShape, laws: &mut LawFiles) -> StepsWritten {
    let roles: Vec<ItemRole> = shape.items.iter().map(|(key, stats)| role_of(key.name(), stats)).collect();
    let gap_cpu = shape.gap_cpu();
    let mut writer = StepWriter { out: StepsWritten::default(), laws, class, depth: 0, at: 0 };
    let pool = roles.iter().position(|role| *role == ItemRole::Pool);
    let last_call = pool.and_then(|pool| {
        let calls = |role: &ItemRole| matches!(role, ItemRole::Call { peer } if is_database(peer));
        let database = roles.iter().rposition(calls);
        database
            .or_else(|| roles.iter().rposition(|role| matches!(role, ItemRole::Call { .. })))
            .filter(|last| *last > pool)
    });
    let mut before: Option<String> = None;
    for (slot, (key, stats)) in shape.items.iter().enumerate() {
        writer.gap(slot, shape, gap_cpu.as_deref(), before.as_deref());
        if slot > 0 && last_call == Some(slot - 1) {
            writer.end_pool();
        }
        before = match &roles[slot] {
            ItemRole::Pool => {
                writer.pool(stats, last_call.is_some() && pool == Some(slot));
                None
            }
            ItemRole::Call { peer } => {
                writer.call(key, stats, peer);
                Some(peer.clone())
            }
            ItemRole::Work => {
                writer.work(key, stats);
                None
            }
        };
    }
    writer.gap(shape.items.len(), shape, gap_cpu.as_deref(), before.as_deref());
    writer.end_pool();
    writer.out
}

impl StepWriter<'_> {
    fn line(&mut self, toml: String, says: String) {
        self.out.lines.push(StepLine { depth: self.depth, toml, says });
    }

    fn name(&mut self, what: &str) -> String {
        self.at += 1;
        let word: String =
            what.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let word: Vec<&str> = word.split('-').filter(|part| !part.is_empty()).take(4).collect();
        let name = format!("{}-{:02}-{}", self.class, self.at, word.join("-"));
        name.chars().take(60).collect()
    }

    fn burn(&mut self, ns: f64, says: String) {
        if ns >= 500.0 {
            self.line(format!("{{ burn = \"{}\" }}", duration(ns)), says);
        }
    }

    /// What lies between steps: CPU time as far as it was counted, and a wait where there is more.
    fn gap(&mut self, slot: usize, shape: &RequestShape, cpu: Option<&[f64]>, before: Option<&str>) {
        let gap = &shape.gaps[slot];
        let wall = gap.moments().mean();
        let Some(cpu) = cpu.map(|cpu| cpu[slot]) else {
            // Without CPU times all of it may be waiting for the GIL or a core; the smallest quarter is closest to the work itself.
            let least = gap.quantile(0.25);
            return self.burn(
                least,
                format!("between spans; no CPU time is known: the 25th percentile of {} gaps", gap.count()),
            );
        };
        self.burn(
            cpu,
            format!("between spans: a share of {} of the request's CPU time that no step has", mean(&shape.own_cpu)),
        );
        let wait = gap.map(|wall| (wall - cpu).max(0.0));
        let waits = wait.moments().mean();
        if waits < GAP_WAIT_MIN || waits < GAP_WAIT_SHARE * wall {
            return;
        }
        let name = self.name("between");
        let Some(law) = self.laws.law(&name, &wait) else { return };
        match before.filter(|peer| is_database(peer)) {
            Some(peer) => {
                let toml = format!("{{ call = \"{peer}\", takes = {} }}", law.text);
                self.line(
                    toml,
                    format!("no span has it: after a call to {peer}, so a commit, a rollback or a reset; {}", law.says),
                );
            }
            None => self.line(format!("{{ sleep = {} }}", law.text), format!("waits that no span has; {}", law.says)),
        }
    }

    fn pool(&mut self, stats: &ItemStats, opens: bool) {
        let sample = if stats.wait.count() > 0 { &stats.wait } else { &stats.wall };
        self.out.pool_waits = Some(sample.clone());
        self.out.uses_pool |= opens;
        self.burn(stats.cpu.moments().mean(), format!("takes a connection: CPU time, {}", mean(stats.cpu.moments())));
        if opens {
            self.line("{ with = \"db\", steps = [".to_owned(), "held until after the last call to it".to_owned());
            self.depth += 1;
        }
    }

    fn end_pool(&mut self) {
        if self.depth > 0 {
            self.depth -= 1;
            self.line("] }".to_owned(), String::new());
        }
    }

    fn call(&mut self, key: &ItemKey, stats: &ItemStats, peer: &str) {
        let peer = peer_name(peer);
        let (cpu, name) = (stats.cpu.moments().mean(), self.name(key.name()));
        let sample = if stats.wait.count() > 0 { &stats.wait } else { &stats.wall };
        let Some(law) = self.laws.law(&name, sample) else {
            return self.burn(cpu, format!("`{}`: CPU time, {}", key.name(), mean(stats.cpu.moments())));
        };
        let what = if stats.wait.count() > 0 { "waits" } else { "takes, its own CPU time included" };
        let call = format!("{{ call = \"{peer}\", takes = {} }}", law.text);
        let says = format!("`{}` {what}: {}", key.name(), law.says);
        if !self.out.peers.contains(&peer) {
            self.out.peers.push(peer);
        }
        let half = format!("`{}`: half of its CPU time, {}", key.name(), mean(stats.cpu.moments()));
        let (open, close) = match key {
            ItemKey::Once(_) => (None, None),
            ItemKey::Repeated(_) => {
                let runs = libm::round(stats.runs.mean()).max(1.0) as u64;
                let says = format!("one after the other, {} times in the mean", plain(stats.runs.mean()));
                (Some((format!("{{ repeat = {runs}, steps = ["), says)), Some("] }"))
            }
            ItemKey::SideBySide(runs, _) => (
                Some((format!("{{ fan = {runs}, steps = ["), "side by side; all of them by one law".to_owned())),
                Some("] }"),
            ),
        };
        if let Some((toml, says)) = open {
            self.line(toml, says);
            self.depth += 1;
        }
        self.burn(cpu / 2.0, half.clone());
        self.line(call, says);
        self.burn(cpu / 2.0, half);
        if let Some(toml) = close {
            self.depth -= 1;
            self.line(toml.to_owned(), String::new());
        }
    }

    fn work(&mut self, key: &ItemKey, stats: &ItemStats) {
        let (sample, what) = if stats.cpu.count() > 0 {
            (&stats.cpu, "CPU time")
        } else {
            (&stats.wall, "taken for CPU time, for no CPU time is known")
        };
        let runs = stats.runs.mean().max(1.0);
        let mean_ns = sample.moments().mean();
        if mean_ns < SMALL_BURN || runs > 1.0 {
            return self.burn(mean_ns * runs, format!("`{}`: {what}, {}", key.name(), mean(sample.moments())));
        }
        let name = self.name(key.name());
        if let Some(law) = self.laws.law(&name, sample) {
            self.line(
                format!("{{ burn = {} }}", law.text),
                format!("`{}`: {what}, {}{}", key.name(), law.says, two_speeds(sample)),
            );
        }
    }
}

/// A peer's name as a scenario may have it.
pub fn peer_name(peer: &str) -> String {
    let clean: String = peer
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' })
        .collect();
    let clean: String = clean.trim_matches('-').chars().take(40).collect();
    if clean.is_empty() { "peer".to_owned() } else { clean }
}

fn mean(moments: &Moments) -> String {
    format!("mean {} +- {} (n={})", duration(moments.mean()), duration(moments.error()), moments.count())
}

/// Says so if work that should be always the same has two speeds, as a machine that is not alone has: the best split in two explains
/// most of the spread of the middle nine tenths.
pub fn two_speeds(sample: &Sample) -> String {
    let sorted = sample.sorted();
    let middle = &sorted[sorted.len() / 20..sorted.len() - sorted.len() / 20];
    if middle.len() < 30 {
        return String::new();
    }
    let all: f64 = middle.iter().sum();
    let mean_all = all / middle.len() as f64;
    let total: f64 = middle.iter().map(|value| (value - mean_all) * (value - mean_all)).sum();
    let (mut below, mut best) = (0.0, (0.0, 0));
    for (at, value) in middle.iter().enumerate().take(middle.len() - 1) {
        below += value;
        let (n, m) = ((at + 1) as f64, (middle.len() - at - 1) as f64);
        let between = below * below / n + (all - below) * (all - below) / m - all * mean_all;
        if between > best.0 {
            best = (between, at + 1);
        }
    }
    let share = best.1 as f64 / middle.len() as f64;
    let (slow, fast) = (
        (all - middle[..best.1].iter().sum::<f64>()) / (middle.len() - best.1).max(1) as f64,
        middle[..best.1].iter().sum::<f64>() / best.1.max(1) as f64,
    );
    if best.0 < 0.8 * total || !(0.1..=0.9).contains(&share) || slow < 1.25 * fast {
        return String::new();
    }
    format!(
        "; two speeds: {} of them about {}, the others {}",
        crate::numbers::percent(libm::round(share * 100.0) / 100.0),
        duration(fast),
        duration(slow)
    )
}
