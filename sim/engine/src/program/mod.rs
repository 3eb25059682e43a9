//! What tasks do: the ops of a program, a task on its way through them, the request that it serves, and what it waits for.

pub(crate) mod advance;
pub mod asyncio;
pub mod op;
pub mod request;
pub mod said;
mod stages;
pub(crate) mod task;
mod unheld;
pub mod wait;
