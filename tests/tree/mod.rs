//! The tree itself: the sources, the book, the shipped scenarios.

mod book;
mod rooms;
mod scenarios;
mod tidy;
