//! What the kernels of a run remember beside their listening sockets.

use crate::model::Model;
use crate::record::KernelCounts;

/// Tables of the kernels, and how often their limits were met.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) counts: KernelCounts,
}

impl Net {
    /// Empty tables for a model.
    pub(crate) fn new(_model: &Model) -> Net {
        Net { counts: KernelCounts::default() }
    }
}
