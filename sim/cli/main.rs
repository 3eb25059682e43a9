//! The command line of tailback.
fn main() {}
