//! Load tests, and what their clients saw.

mod measured;

pub use measured::measured;

/// Who sent requests, as a scenario's clients.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum LoadClients {
    /// At a rate, whatever happens.
    Open {
        /// A second.
        rate: f64,
        /// Whether at random rather than evenly spaced.
        poisson: bool,
    },
    /// So many, each of which waits for its response before it asks again.
    Closed(u32),
    /// The file does not say.
    Unknown,
}

/// Latencies as a report of a load test has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadLatency {
    /// Good responses.
    pub n: u64,
    /// Nanoseconds.
    pub mean_ns: Option<f64>,
    /// Shares, each with its quantile in nanoseconds, ascending.
    pub quantiles: Vec<(f64, f64)>,
}

impl LoadLatency {
    /// The median, if it is reported.
    pub fn median_ns(&self) -> Option<f64> {
        self.quantiles.iter().find(|(share, _)| (share - 0.5).abs() < 1e-6).map(|(_, ns)| *ns)
    }
}

/// A load test.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadTest {
    /// Which program.
    pub tool: &'static str,
    /// The file.
    pub file: String,
    /// Who sent.
    pub clients: LoadClients,
    /// Requests that were sent.
    pub sent: u64,
    /// Those without a good response.
    pub failed: u64,
    /// How long it took.
    pub seconds: Option<f64>,
    /// Longest wait for a response.
    pub timeout_s: Option<f64>,
    /// Whether connections were used again.
    pub keeps_alive: bool,
    /// Latencies of all.
    pub all: LoadLatency,
    /// By route or name.
    pub classes: Vec<(String, LoadLatency)>,
    /// CPU time of all server processes.
    pub server_cpu_s: Option<f64>,
    /// What must be known of how it measures, a sentence.
    pub note: Option<&'static str>,
}
