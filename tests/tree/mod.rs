//! The tree itself: the sources, the book, the shipped scenarios.

mod book;
mod scenarios;
mod tidy;
