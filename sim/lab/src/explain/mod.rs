//! Explaining a run: where the time of the mean, the median, the tail and the slowest requests went, what workers did while they were
//! waited for, who held hubs meanwhile, what was waited for at which step, and what would change it.
//!
//! What would change it is a guess until it is tried: each change is run by itself against the same people.

mod causes;
mod change;
mod cures;
mod processes;
mod settings;
mod split;
mod starved;

pub use causes::{SHARE_MIN, SKEW_MIN, causes};
pub use change::{Change, ChangeOutcome, Checked, How, On, Setting};
pub use cures::{CHANGES_MAX, StepText, changes};
pub use engine::step_names::{culprit_name, step_name};
pub use processes::ProcessShare;
pub use split::{BillColumn, Counts, HeldShare, Slowest, Split, StepShare, shares};
pub use starved::Starved;

#[cfg(test)]
mod tests;
