//! What is said to the author of a scenario: findings and their places, kinds of doubt, limits, suggestions.

pub(crate) mod diagnostic;
pub(crate) mod doubt;
pub(crate) mod limits;
pub(crate) mod source;
pub(crate) mod suggest;
