//! What means no good: hostile files, full disks, sizes that nobody could run.

mod crashes;
mod disk;
mod hostile;
mod limits;
mod terminal;
