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

use crate::reader::node::Node;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::source::Name;

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
    let late = &scenario.expected_late;
    let expected: Vec<Name> = root
        .get::<&[Name]>("expect")
        .iter()
        .filter(|name| !late.iter().any(|other| other.at == name.at))
        .cloned()
        .collect();
    findings.acknowledge(&expected);
}
