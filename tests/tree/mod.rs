//! The tree itself: the sources, the book, the shipped scenarios.

mod book;
mod code_map;
mod doors;
mod names;
mod rooms;
mod scenarios;
mod tidy;
