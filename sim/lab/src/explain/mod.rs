//! Explaining a run: where the time of the mean, the median, the tail and the slowest requests went, who held hubs meanwhile, what
//! was waited for at which step, and what would change it.
//!
//! What would change it is a guess until it is tried: each change is one setting, and is run against the same people.

mod change;
mod split;
mod starved;

pub use change::{Change, Checked, How, changes};
pub use engine::names::{culprit_name, step_name};
pub use split::{Column, HeldShare, Slowest, Split, StepShare, shares};
pub use starved::Starved;

#[cfg(test)]
mod tests;
