//! What tasks do: the ops of a program, a task on its way through them, and what it asks of whoever carries it.

pub(crate) mod advance;
pub mod op;
pub mod step_names;
pub(crate) mod task;
