//! Event loops, and the native threads that hubs and loops let steps run in.

mod asyncio;
mod errors;
mod leaving;
mod native_threads;
mod started;
