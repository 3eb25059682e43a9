//! The two sides of a comparison: what they are called, and by how much the second is off the first.

use lab::Estimate;
use lab::versus::VersusRow;

use super::number;

/// What the two sides of a comparison are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sides {
    /// The first, in a word.
    pub a: String,
    /// The second.
    pub b: String,
    /// What each of them is, where a word does not say it.
    pub legend: Option<String>,
}

/// A relative difference, or that there was nothing before or is nothing left.
pub(crate) fn relative_words(row: &VersusRow) -> String {
    match &row.relative {
        Some(estimate) => relative(estimate),
        None if row.a.mean == 0.0 => "from none".to_owned(),
        None => "to none".to_owned(),
    }
}

/// A relative difference and its interval.
pub(crate) fn relative(relative: &Estimate) -> String {
    let ends = relative.low.zip(relative.high).filter(|(low, high)| low < high);
    let interval = ends.map_or(String::new(), |(low, high)| format!(" ({} to {})", bare(low), bare(high)));
    format!("{} %{interval}", bare(relative.mean))
}

/// A signed share in per cent, without the sign for it.
fn bare(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent.abs() >= 99.95 { 0 } else { 1 };
    let text = number::grouped(percent, decimals);
    if percent > 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) { format!("+{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_their_sign_and_a_fitting_precision() {
        let cases =
            [(0.162, "+16.2"), (-0.05, "-5.0"), (0.0, "0.0"), (0.000_1, "0.0"), (12.5, "+1,250"), (-1.0, "-100")];
        for (share, text) in cases {
            assert_eq!(bare(share), text);
        }
    }

    #[test]
    fn an_interval_of_no_width_is_not_written() {
        let estimate = Estimate { mean: 0.1, low: Some(0.1), high: Some(0.1), n: 3 };
        assert_eq!(relative(&estimate), "+10.0 %");
    }
}
