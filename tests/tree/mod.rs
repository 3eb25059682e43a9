//! The tree itself: the sources, the book, the shipped scenarios.

mod book;
mod calls;
mod code_map;
mod names;
mod owners;
mod rooms;
mod scenarios;
mod tidy;
