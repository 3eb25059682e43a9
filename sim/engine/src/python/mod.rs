//! What the tasks of a process share: the GIL, locks, pools, queues and events, values and connections; and who holds what.

pub(crate) mod gil;
pub(crate) mod interpreter;
pub(crate) mod ledger;
pub(crate) mod linkable;
pub(crate) mod sharing;
pub(crate) mod sync;
pub(crate) mod tasks;
