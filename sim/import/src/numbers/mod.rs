//! Many numbers in little memory, and laws.

mod fit;
mod histogram;
mod sample;
mod words;

pub use fit::{LawFit, fit_law};
pub use histogram::LatencySketch;
pub use sample::{Moments, Sample, of_sorted};
pub use words::{TomlText, count, duration, percent, plain};
