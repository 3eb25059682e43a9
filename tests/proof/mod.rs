//! The model against the world: recorded traces of gevent and asyncio, published incidents, measured servers.

mod asyncio;
mod corpus;
mod gallery;
mod shop;
mod validation;
