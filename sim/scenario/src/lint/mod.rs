//! Doubts about what a scenario describes rather than about how it is written: the checker of `tailback check`.
//!
//! Each doubt has a kind, which stands in its message. A file that shows such a mistake on purpose lists the kind in
//! `expect`: then it is not told, and it is told if nothing of that kind is there. `sharing.rs` follows values and
//! connections through the steps, `software.rs` looks at what `[software]` and the peers say of libraries and patching, `meaning/` at
//! keys that nothing depends on, `bounds.rs` at numbers that something else bounds.

mod bounds;
mod crowd;
mod meaning;
mod sharing;
mod software;

use crate::diagnostic::Findings;
use crate::node::{Name, Node};
use crate::root::Scenario;

/// A kind of doubt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Doubt {
    /// A value is read, others may run, and it is written: what they wrote is lost.
    LostUpdate,
    /// Two tasks may use one connection at a time.
    SharedConnection,
    /// A C library blocks a hub and the steps do not say so, or they say so of one that gives way.
    BlockingLibrary,
    /// A library has an event loop of its own inside gevent's.
    SecondLoop,
    /// gevent patches too early or too late.
    PatchOrder,
    /// A part of the standard library is used that gevent does not patch.
    Unpatched,
    /// The resolver of names stops the hub, or does not survive a fork.
    Resolver,
    /// A key that no run differs by.
    NoEffect,
    /// A backlog that the kernel caps.
    CappedBacklog,
    /// A pool with more units than whoever could hold one.
    IdlePool,
    /// An objective that idle cores keep.
    DilutedCpu,
    /// Connections that one process gets and keeps.
    OneProcess,
    /// A world cannot carry the load that comes. Only the models show it.
    Overload,
    /// An empty system misses an objective already. Only the models show it.
    Unattainable,
}

impl Doubt {
    const ALL: [Doubt; 14] = [
        Doubt::LostUpdate,
        Doubt::SharedConnection,
        Doubt::BlockingLibrary,
        Doubt::SecondLoop,
        Doubt::PatchOrder,
        Doubt::Unpatched,
        Doubt::Resolver,
        Doubt::NoEffect,
        Doubt::CappedBacklog,
        Doubt::IdlePool,
        Doubt::DilutedCpu,
        Doubt::OneProcess,
        Doubt::Overload,
        Doubt::Unattainable,
    ];

    /// As files and messages call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Doubt::LostUpdate => "lost-update",
            Doubt::SharedConnection => "shared-connection",
            Doubt::BlockingLibrary => "blocking-library",
            Doubt::SecondLoop => "second-loop",
            Doubt::PatchOrder => "patch-order",
            Doubt::Unpatched => "unpatched",
            Doubt::Resolver => "resolver",
            Doubt::NoEffect => "no-effect",
            Doubt::CappedBacklog => "capped-backlog",
            Doubt::IdlePool => "idle-pool",
            Doubt::DilutedCpu => "diluted-cpu",
            Doubt::OneProcess => "one-process",
            Doubt::Overload => "overload",
            Doubt::Unattainable => "unattainable",
        }
    }
}

/// What the file expects of the doubts that only its models show (`place.rs`).
pub(crate) fn expected_late(root: &Node) -> Vec<Name> {
    let late = |name: &&Name| [Doubt::Overload, Doubt::Unattainable].iter().any(|doubt| doubt.name() == name.text);
    root.get::<&[Name]>("expect").iter().filter(late).cloned().collect()
}

/// Names of all kinds, for `expect`.
pub(crate) fn names() -> Vec<&'static str> {
    Doubt::ALL.iter().map(|doubt| doubt.name()).collect()
}

/// Looks for all kinds of doubt in a scenario without mistakes, and holds them against what the file expects.
pub(crate) fn check(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    // Beside a mistake every doubt may be its echo.
    if findings.failed() {
        return;
    }
    sharing::check(scenario, findings);
    software::check(scenario, root, findings);
    meaning::check(scenario, root, findings);
    bounds::check(scenario, root, findings);
    crowd::check(scenario, root, findings);
    let late = expected_late(root);
    let expected: Vec<Name> = root
        .get::<&[Name]>("expect")
        .iter()
        .filter(|name| !late.iter().any(|other| other.at == name.at))
        .cloned()
        .collect();
    findings.acknowledge(&expected);
}
