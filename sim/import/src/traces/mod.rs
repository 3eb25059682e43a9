//! Traces: requests out of spans.

mod json;
mod open;
mod parts;
mod shape;
mod span;
mod visit;

pub use json::{TraceForm, spans_of};
pub use open::TraceEvidence;
pub use parts::{ItemRole, is_database, role_of};
pub use shape::{ClassTraces, ItemKey, ItemStats, RequestShape};
pub use span::{SpanKindSeen, SpanSeen};
pub use visit::{ServiceVisit, VisitItem};
