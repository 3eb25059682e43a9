//! What people and programs get to see, against goldens. One program, so that it links once.

mod goldens;
mod planner;
mod versus;
