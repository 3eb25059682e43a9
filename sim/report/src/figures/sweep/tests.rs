//! The figures of sweeps whose numbers are known.
