//! The bands that predictions have to be in.

/// The bands, chosen before any of the results: relative errors of predicted against measured medians.
#[derive(Clone, Copy, Debug)]
pub struct Bands;

impl Bands {
    /// Throughput of the median entry.
    pub const THROUGHPUT_MEDIAN: f64 = 0.05;
    /// Throughput of nine entries in ten.
    pub const THROUGHPUT_NINE_IN_TEN: f64 = 0.10;
    /// Throughput of every entry of the shop.
    pub const THROUGHPUT_SHOP: f64 = 0.05;
    /// Median latency of every entry.
    pub const P50: f64 = 0.10;
    /// 99th percentile of every entry that does not lie between its measured runs.
    pub const P99: f64 = 0.20;
    /// Where chance decides: how unlikely a difference must be to count.
    pub const RANK_SUM_P: f64 = 0.01;
}
