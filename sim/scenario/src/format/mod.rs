//! What can be told of the format and of a file without compiling it: schema, reference, a first file, and what a file types.

pub(crate) mod reference;
pub(crate) mod schema;
pub(crate) mod settings;
pub(crate) mod starter;
pub(crate) mod typed_numbers;
pub(crate) mod written_steps;
