//! What answers questions: capacities, plans, and what `explain` names as the cause.

mod attainable;
mod cures;
mod doors;
mod planner_properties;
mod planner_trust;
