//! A bound on something measured, as it stands in quotes: `"< 500ms"`, `"< 1%"`, `"> 280/s"`, `"> 0.9"`.
//!
//! A key knows which way its bound goes and what it bounds, so a bound that could not be meant is a mistake with the right form as
//! its suggestion.

use crate::reader::unit::{self, UnitMistake, short};

/// What a bound is about, and which side of it is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Goal {
    /// Which side is good.
    pub(crate) side: BoundSide,
    /// What it is measured in.
    pub(crate) of: Of,
}

/// Which side of a bound is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoundSide {
    /// Less: the bound is a ceiling.
    Below,
    /// More: the bound is a floor.
    Above,
}

/// What a bound is measured in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Of {
    /// A duration, in nanoseconds.
    Time,
    /// A part of a whole, 0 to 1, written in per cent.
    Share,
    /// Per second.
    Rate,
    /// An index from 0 to 1.
    Index,
}

/// A bound as it was typed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bound {
    /// Which side is good.
    pub side: BoundSide,
    /// Whether the bound itself is good: `<=` and `>=`.
    pub inclusive: bool,
    /// Nanoseconds, a share from 0 to 1, per second, or an index from 0 to 1.
    pub value: f64,
}

impl Goal {
    /// A ceiling.
    pub(crate) const fn below(of: Of) -> Goal {
        Goal { side: BoundSide::Below, of }
    }

    /// A floor.
    pub(crate) const fn above(of: Of) -> Goal {
        Goal { side: BoundSide::Above, of }
    }

    fn sign(self) -> char {
        match self.side {
            BoundSide::Below => '<',
            BoundSide::Above => '>',
        }
    }

    /// How it is written, for help texts and the reference.
    pub(crate) fn form(self) -> String {
        let (what, unit) = match self.of {
            Of::Time => ("a duration", "500ms"),
            Of::Share => ("per cent", if self.side == BoundSide::Below { "1%" } else { "99%" }),
            Of::Rate => ("a rate", "280/s"),
            Of::Index => ("an index from 0 to 1", "0.9"),
        };
        format!("{} or {}= and {what} in quotes, such as \"{} {unit}\"", self.sign(), self.sign(), self.sign())
    }

    /// What it takes, for the reference and the schema.
    pub(crate) fn words(self) -> &'static str {
        match (self.side, self.of) {
            (BoundSide::Below, Of::Time) => "ceiling: `<` or `<=` and a duration",
            (BoundSide::Below, Of::Share) => "ceiling: `<` or `<=` and per cent",
            (BoundSide::Below, Of::Rate) => "ceiling: `<` or `<=` and a rate",
            (BoundSide::Below, Of::Index) => "ceiling: `<` or `<=` and an index from 0 to 1",
            (BoundSide::Above, Of::Time) => "floor: `>` or `>=` and a duration",
            (BoundSide::Above, Of::Share) => "floor: `>` or `>=` and per cent",
            (BoundSide::Above, Of::Rate) => "floor: `>` or `>=` and a rate",
            (BoundSide::Above, Of::Index) => "floor: `>` or `>=` and an index from 0 to 1",
        }
    }

    /// The schema's pattern.
    pub(crate) fn pattern(self) -> String {
        const NUMBER: &str = r"[0-9]+(\.[0-9]*)?";
        let value = match self.of {
            Of::Time => format!(r"{NUMBER}\s*(ns|us|µs|μs|ms|s|m|min|h)"),
            Of::Share => format!(r"{NUMBER}\s*%"),
            Of::Rate => format!(r"{NUMBER}\s*/\s*(s|m|min|h)"),
            Of::Index => NUMBER.to_owned(),
        };
        format!(r"^\s*{}=?\s*{value}\s*$", self.sign())
    }

    /// Reads a bound.
    pub(crate) fn read(self, text: &str) -> Result<Bound, UnitMistake> {
        let trimmed = text.trim();
        let operator: String = trimmed.chars().take_while(|c| "<>=!≤≥".contains(*c)).collect();
        let rest = trimmed[operator.len()..].trim();
        let inclusive = match operator.as_str() {
            "<" | ">" => false,
            "<=" | ">=" | "≤" | "≥" => true,
            "" => {
                let what = format!("the bound `{}` does not say on which side it is good", short(trimmed));
                return Err(UnitMistake::new(
                    what,
                    "no < or >",
                    format!("write \"{} {}\"", self.sign(), short(trimmed)),
                ));
            }
            other => {
                let what = format!("`{other}` bounds nothing");
                return Err(UnitMistake::new(what, "neither < nor >", format!("write {}", self.form())));
            }
        };
        let below = operator.starts_with(['<', '≤']);
        if below != (self.side == BoundSide::Below) {
            let (is, means) = match self.side {
                BoundSide::Below => ("a ceiling", "less is better here"),
                BoundSide::Above => ("a floor", "more is better here"),
            };
            let help = format!("{means}: write \"{} {}\"", self.sign(), short(rest));
            return Err(UnitMistake::new(
                format!("this bound is {is}, so `{operator}` cannot be meant"),
                "turned round",
                help,
            ));
        }
        let value = self.value(rest)?;
        self.possible(Bound { side: self.side, inclusive, value }, rest)
    }

    fn value(self, text: &str) -> Result<f64, UnitMistake> {
        let shown = short(text);
        match self.of {
            Of::Time => match unit::decimal(text) {
                Some(_) => Err(UnitMistake::new(
                    format!("the duration `{shown}` has no unit"),
                    "a bare number",
                    format!("write \"{} {shown}ms\" or \"{} {shown}s\"", self.sign(), self.sign()),
                )),
                None => unit::duration(text).map(|span| span.as_ns() as f64),
            },
            Of::Rate => unit::rate(text),
            Of::Share => self.share(text, &shown),
            Of::Index => match unit::decimal(text).filter(|index| *index <= 1.0) {
                Some(index) => Ok(index),
                None => Err(UnitMistake::new(
                    format!("`{shown}` is not an index from 0 to 1"),
                    "not an index",
                    format!("write {}", self.form()),
                )),
            },
        }
    }

    fn share(self, text: &str, shown: &str) -> Result<f64, UnitMistake> {
        let Some(number) = text.strip_suffix('%') else {
            return Err(match unit::decimal(text) {
                Some(share) if share < 1.0 => UnitMistake::new(
                    format!("the share `{shown}` has no unit"),
                    "a bare number",
                    format!("shares are in per cent: write \"{} {}%\"", self.sign(), percent(share * 100.0)),
                ),
                Some(_) => UnitMistake::new(
                    format!("the share `{shown}` has no unit"),
                    "a bare number",
                    format!("write \"{} {shown}%\"", self.sign()),
                ),
                None => UnitMistake::new(
                    format!("`{shown}` is not a share"),
                    "not a share",
                    format!("write {}", self.form()),
                ),
            });
        };
        match unit::decimal(number) {
            Some(number) if number <= 100.0 => Ok(number / 100.0),
            Some(_) => Err(UnitMistake::new(
                format!("`{shown}` is more than the whole"),
                "above 100 %",
                format!("write {}", self.form()),
            )),
            None => Err(UnitMistake::new(
                format!("`{shown}` is not a share"),
                "not a share",
                format!("write {}", self.form()),
            )),
        }
    }

    /// Refuses bounds that nothing can meet.
    fn possible(self, bound: Bound, rest: &str) -> Result<Bound, UnitMistake> {
        let whole = matches!(self.of, Of::Share | Of::Index) && bound.value == 1.0;
        let never = match self.side {
            BoundSide::Below => bound.value == 0.0 && !bound.inclusive,
            BoundSide::Above => whole && !bound.inclusive,
        };
        if never {
            let than = if self.side == BoundSide::Below { "less than nothing" } else { "more than all" };
            let what = format!("no run can meet this: it asks for {than}");
            let help = format!("write \"{}= {}\"", self.sign(), short(rest));
            return Err(UnitMistake::new(what, "never met", help));
        }
        Ok(bound)
    }
}

/// A number of per cent without idle decimals.
fn percent(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Goal = Goal::below(Of::Time);
    const ERRORS: Goal = Goal::below(Of::Share);
    const SERVED: Goal = Goal::above(Of::Share);
    const JAIN: Goal = Goal::above(Of::Index);

    fn said(goal: Goal, text: &str) -> String {
        let mistake = goal.read(text).expect_err("not a bound");
        format!("{} | {}", mistake.what, mistake.help)
    }

    #[test]
    fn a_bound_has_a_side_and_a_value_in_base_units() {
        let bound = |side, inclusive, value| Ok(Bound { side, inclusive, value });
        assert_eq!(LATENCY.read("< 500ms"), bound(BoundSide::Below, false, 5e8));
        assert_eq!(LATENCY.read("<=1.5s"), bound(BoundSide::Below, true, 1.5e9));
        assert_eq!(ERRORS.read(" < 1 % "), bound(BoundSide::Below, false, 0.01));
        assert_eq!(ERRORS.read("<= 0%"), bound(BoundSide::Below, true, 0.0));
        assert_eq!(SERVED.read("> 99.5%"), bound(BoundSide::Above, false, 0.995));
        assert_eq!(Goal::above(Of::Rate).read("≥ 90/m"), bound(BoundSide::Above, true, 1.5));
        assert_eq!(JAIN.read(">0.9"), bound(BoundSide::Above, false, 0.9));
    }

    #[test]
    fn a_bound_that_cannot_be_meant_is_told_with_the_right_form() {
        assert_eq!(
            said(LATENCY, "> 500ms"),
            "this bound is a ceiling, so `>` cannot be meant | less is better here: write \"< 500ms\""
        );
        assert_eq!(
            said(LATENCY, "500ms"),
            "the bound `500ms` does not say on which side it is good | write \"< 500ms\""
        );
        assert_eq!(said(LATENCY, "< 500"), "the duration `500` has no unit | write \"< 500ms\" or \"< 500s\"");
        assert!(said(LATENCY, "== 5ms").starts_with("`==` bounds nothing"));
        assert_eq!(said(ERRORS, "< 0.01"), "the share `0.01` has no unit | shares are in per cent: write \"< 1%\"");
        assert_eq!(said(ERRORS, "< 5"), "the share `5` has no unit | write \"< 5%\"");
        assert!(said(ERRORS, "< 101%").starts_with("`101%` is more than the whole"));
        assert!(said(JAIN, "> 90%").starts_with("`90%` is not an index from 0 to 1"));
    }

    #[test]
    fn a_bound_that_nothing_can_meet_is_refused() {
        assert_eq!(said(ERRORS, "< 0%"), "no run can meet this: it asks for less than nothing | write \"<= 0%\"");
        assert_eq!(said(SERVED, "> 100%"), "no run can meet this: it asks for more than all | write \">= 100%\"");
    }
}
