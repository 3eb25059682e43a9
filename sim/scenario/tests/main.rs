//! What a file says, and what is said of it. One program, so that it links once.

mod compile;
mod first_request;
mod interpreters;
mod kernel;
mod limits;
mod mistakes;
mod overrides;
mod polled;
mod properties;
mod shared;
mod shipped;
mod silence;
mod text;
mod traffic;
mod workers;
