//! Job files for clusters that run a sweep in shards.

/// A cluster's scheduler.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Scheduler {
    /// A Slurm array job
    Slurm,
    /// A Kubernetes Indexed Job
    Kubernetes,
}

impl Scheduler {
    /// Its job file.
    pub fn template(self) -> &'static str {
        match self {
            Scheduler::Slurm => include_str!("../../../../docs/cluster/sweep.sbatch"),
            Scheduler::Kubernetes => include_str!("../../../../docs/cluster/sweep-job.yaml"),
        }
    }
}
