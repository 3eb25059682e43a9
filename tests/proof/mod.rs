//! The model against the world: recorded traces of gevent, published incidents, measured servers.

mod corpus;
mod gallery;
mod validation;
