//! What the tasks of a process share: the GIL, locks, pools, queues and events, values and connections, breakers; and who holds what.

pub(crate) mod breaker;
pub(crate) mod gil;
pub(crate) mod ledger;
pub(crate) mod linkable;
pub(crate) mod sharing;
pub(crate) mod sync;
