//! The text of sweeps whose numbers are known.
