//! Access logs.

mod arrivals;
mod clock;
mod evidence;
mod format;
mod json;
mod line;
mod routes;

pub use arrivals::{ArrivalBins, BurstFit, PoissonVerdict};
pub use clock::instant;
pub use evidence::{AccessEvidence, RouteStats};
pub use format::AccessFormat;
pub use json::{DurationUnit, NO_UNIT, json_line};
pub use line::{AccessLine, LineStyleFound, style_of};
pub use routes::{RouteBook, folded};

/// A decimal number times a scale, in whole units; `None` for anything else or what does not fit.
pub fn decimal(text: &str, scale: u64) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let mut unit = scale;
    for digit in part.bytes() {
        unit /= 10;
        value = value.checked_add(u64::from(digit - b'0') * unit)?;
    }
    Some(value)
}
