//! Many runs of many worlds: replications side by side, estimates with intervals, paired comparison.
//!
//! Knows nothing of files or terminals, and simulates nothing itself: it runs [`engine`] and counts.

pub mod attainable;
pub mod busiest;
pub mod capacity;
pub mod comparison;
pub mod estimate;
pub mod explain;
pub mod figure;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod overload;
pub mod plan;
pub mod precision;
pub mod run;
pub mod scaled;
pub mod series;
pub mod slo;
pub mod summary;
pub mod sweep;
pub mod theory;
pub mod versus;
pub mod warm_up;
pub mod welch;

pub use comparison::{ClassDifference, Comparison, Difference, WorldDifference};
pub use estimate::Estimate;
pub use figure::{Better, Figure, FigureGroup, FigureSpec, Unit};
pub use overload::Overload;
pub use precision::{Precision, Target};
pub use run::{FailedRun, LabError, OfModel, Progress, RunSettings, run_all, run_all_from, run_all_with, run_each};
pub use series::{Band, WorldSeries, world_series};
pub use summary::{ClassSummary, SharedSummary, Summary, WorldResult};
pub use versus::Versus;
pub use warm_up::WarmUp;
