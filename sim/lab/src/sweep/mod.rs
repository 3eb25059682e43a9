//! Sweeps: a scenario at many combinations of settings.
//!
//! [`values`] reads what the settings are to be, [`study`] numbers the runs that this makes, [`run`] makes them, and [`numbers`]
//! says what is kept of each. [`results`] has the kept numbers by point and world, and writes tables of them; [`usl`], [`tornado`] and [`updown`] are what can be
//! read from them. [`log`] is how finished runs are written down and read back.

pub mod log;
pub mod numbers;
pub mod results;
pub mod run;
pub mod study;
pub mod table;
mod tables;
pub mod tornado;
pub mod updown;
pub mod usl;
pub mod values;
