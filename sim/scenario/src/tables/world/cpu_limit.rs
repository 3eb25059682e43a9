//! How much CPU time the processes of a server may have: the keys that a machine and a world share.

use engine::model::CpuLimit;
use engine::time::Span;

use crate::reader::key::{KeyKind, Presence, TableKey, key};
use crate::reader::node::Node;

/// The limit of CPU time that a container has; the same on a machine and on a world.
pub(super) const CPU_LIMIT: TableKey = key(
    "cpu_limit",
    KeyKind::CpuTime,
    Presence::Else("as much as the cores give"),
    "\"200m\"",
    "CPU time that the processes of a server may have together: 1.5 or \"1500m\" is 1.5 cores (Kubernetes `limits.cpu`, Docker `--cpus`, ECS `cpu`). Once it is used up they stand still until the next period.",
);
pub(super) const CPU_PERIOD: TableKey = key(
    "cpu_period",
    KeyKind::Positive,
    Presence::Else("100 ms"),
    "\"50ms\"",
    "How often the time of a CPU limit is filled up (cpu.max; kubelet --cpu-cfs-quota-period).",
);
pub(super) const CPU_BURST: TableKey = key(
    "cpu_burst",
    KeyKind::Duration,
    Presence::Else("none"),
    "\"20ms\"",
    "Unused CPU time of earlier periods that may be used on top of a limit (cpu.max.burst).",
);

/// The limit of a world's servers: its own, or the machine's.
pub(super) fn read(node: &Node, machine: &Node) -> Option<CpuLimit> {
    let period = node.find("cpu_period").or_else(|| machine.find("cpu_period")).unwrap_or(Span::from_ms(100));
    let burst = node.find("cpu_burst").or_else(|| machine.find("cpu_burst")).unwrap_or(Span::ZERO);
    let cores: f64 = node.find("cpu_limit").or_else(|| machine.find("cpu_limit"))?;
    Some(CpuLimit { quota: Span::from_ns((cores * period.as_ns() as f64).round() as u64), period, burst })
}
