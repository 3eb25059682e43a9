//! Laws of random durations as they are written: `"8ms"`, `"exp(5ms)"`, `"lognormal(200ms, 600ms)"`.
//!
//! What is read here is what was typed; the engine's [`Law`] is made at compile time, when the samples of
//! an empirical law have been loaded.

use std::ops::Range;

use engine::law::Law;
use engine::time::Span;

use crate::reader::unit::{self, UnitMistake};
use crate::words::suggest;

/// The accepted forms: form, meaning.
pub(crate) const FORMS: [(&str, &str); 6] = [
    ("8ms", "always that"),
    ("exp(5ms)", "exponential with this mean"),
    ("uniform(1ms, 3ms)", "anything between the two, equally likely"),
    ("lognormal(200ms, 600ms)", "log-normal with this median and this 99th percentile"),
    ("pareto(1ms, 1.5)", "Pareto with this minimum and this exponent (above 1, else the mean is infinite)"),
    ("empirical(samples.csv)", "one of the samples in a file beside the scenario, equally likely"),
];

/// The accepted forms in one line.
pub(crate) fn forms() -> String {
    let forms: Vec<String> = FORMS.iter().map(|(form, _)| format!("\"{form}\"")).collect();
    format!("accepted: {}", forms.join(", "))
}

/// A law as it was typed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum LawText {
    /// Always the same.
    Fixed(Span),
    /// Exponential by its mean.
    Exponential(Span),
    /// Uniform between low and high.
    Uniform(Span, Span),
    /// Log-normal by median and 99th percentile.
    Lognormal(Span, Span),
    /// Pareto by minimum and exponent.
    Pareto(Span, f64),
    /// A sample of a file.
    Empirical(String),
}

/// A mistake in bytes of the law's text.
pub(crate) type Located = (Range<usize>, UnitMistake);

impl LawText {
    /// Reads a law; all mistakes at once.
    pub(crate) fn read(text: &str) -> Result<LawText, Vec<Located>> {
        let whole = 0..text.len();
        let Some(open) = text.find('(') else {
            return unit::duration(text).map(LawText::Fixed).map_err(|mistake| vec![no_form(text, mistake)]);
        };
        let name = text[..open].trim();
        let Some(inner) = text.trim_end().strip_suffix(')') else {
            let mistake = UnitMistake::new("the law's bracket is not closed", "no `)`", forms());
            return Err(vec![(whole, mistake)]);
        };
        let args = split_args(inner, open + 1);
        let form = match name {
            "exp" => "exp(mean)",
            "uniform" => "uniform(low, high)",
            "lognormal" => "lognormal(median, 99th percentile)",
            "pareto" => "pareto(minimum, exponent)",
            "empirical" => "empirical(file)",
            other => return Err(vec![unknown_law(other, open)]),
        };
        let wanted = form.matches(',').count() + 1;
        if args.len() != wanted || args.iter().any(|arg| arg.1.is_empty()) {
            let values = if wanted == 1 { "value" } else { "values" };
            let what = format!("`{name}` takes {wanted} {values}, not {}", given(&args));
            return Err(vec![(whole, UnitMistake::new(what, "wrong number of values", format!("write \"{form}\"")))]);
        }
        LawText::from_args(name, &args)
    }

    fn from_args(name: &str, args: &[(Range<usize>, &str)]) -> Result<LawText, Vec<Located>> {
        let span = |index: usize| unit::duration(args[index].1).map_err(|mistake| (args[index].0.clone(), mistake));
        let all = args[0].0.start..args[args.len() - 1].0.end;
        let impossible = |what: String, help: &str| Err(vec![(all, UnitMistake::new(what, "impossible", help))]);
        match name {
            "exp" => match span(0).map_err(|mistake| vec![mistake])? {
                Span::ZERO => impossible("an exponential law has a mean above zero".into(), &forms()),
                mean => Ok(LawText::Exponential(mean)),
            },
            "pareto" => {
                let exponent = unit::decimal(args[1].1).filter(|alpha| *alpha > 1.0 && *alpha <= 100.0);
                let exponent = exponent.ok_or_else(|| {
                    let what = format!("`{}` is not an exponent of a Pareto law", unit::short(args[1].1));
                    let help = "write a number above 1 (else the mean is infinite) and at most 100, such as 1.5";
                    (args[1].0.clone(), UnitMistake::new(what, "not an exponent", help))
                });
                match both(span(0), exponent)? {
                    (Span::ZERO, _) => impossible("a Pareto law has a minimum above zero".into(), &forms()),
                    (minimum, exponent) => Ok(LawText::Pareto(minimum, exponent)),
                }
            }
            "uniform" => match both(span(0), span(1))? {
                (low, high) if low > high => impossible(
                    format!("the low end {low} lies above the high end {high}"),
                    "write \"uniform(low, high)\"",
                ),
                (low, high) => Ok(LawText::Uniform(low, high)),
            },
            "lognormal" => match both(span(0), span(1))? {
                (Span::ZERO, _) => impossible("a log-normal law has a median above zero".into(), &forms()),
                (median, p99) if p99 <= median => impossible(
                    format!("the 99th percentile {p99} does not lie above the median {median}"),
                    "write \"lognormal(median, 99th percentile)\"",
                ),
                (median, p99) => match Law::lognormal(median, p99) {
                    Ok(_) => Ok(LawText::Lognormal(median, p99)),
                    Err(error) => impossible(error.to_string(), &forms()),
                },
            },
            _ => Ok(LawText::Empirical(args[0].1.trim_matches('\'').to_owned())),
        }
    }

    /// The engine's law; `samples` are those of an empirical one.
    pub(crate) fn law(&self, samples: impl FnOnce(&str) -> Vec<Span>) -> Law {
        match self {
            LawText::Fixed(span) => Law::Fixed(*span),
            LawText::Exponential(mean) => Law::Exponential { mean: *mean },
            LawText::Uniform(low, high) => Law::Uniform { low: *low, high: *high },
            LawText::Lognormal(median, p99) => Law::lognormal(*median, *p99).expect("a law is tried when it is read"),
            LawText::Pareto(minimum, alpha) => Law::Pareto { minimum: *minimum, alpha: *alpha },
            LawText::Empirical(path) => Law::empirical(samples(path)).expect("an empty file has been reported"),
        }
    }
}

fn both<A, B>(a: Result<A, Located>, b: Result<B, Located>) -> Result<(A, B), Vec<Located>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(a.err().into_iter().chain(b.err()).collect()),
    }
}

/// The arguments between the brackets with their places; `base` is where the first begins.
fn split_args(inner: &str, base: usize) -> Vec<(Range<usize>, &str)> {
    let list = inner.get(base..).unwrap_or("");
    let mut start = base;
    let mut args = Vec::new();
    for part in list.split(',') {
        let lead = part.len() - part.trim_start().len();
        let arg = part.trim();
        args.push((start + lead..start + lead + arg.len(), arg));
        start += part.len() + 1;
    }
    args
}

fn given(args: &[(Range<usize>, &str)]) -> String {
    match args.iter().filter(|arg| !arg.1.is_empty()).count() {
        0 => "none".to_owned(),
        count => count.to_string(),
    }
}

/// A text without brackets that is no duration: perhaps the name of a law.
fn no_form(text: &str, mut mistake: UnitMistake) -> Located {
    let word: String = text.trim().chars().take_while(char::is_ascii_alphabetic).collect();
    if !word.is_empty() {
        let known = FORMS.iter().filter(|(form, _)| form.contains('('));
        let near = known.clone().find(|(form, _)| form.starts_with(&word.to_lowercase()));
        mistake.help = near.map_or_else(forms, |(form, meaning)| format!("write \"{form}\": {meaning}"));
    }
    (0..text.len(), mistake)
}

fn unknown_law(name: &str, open: usize) -> Located {
    const OTHERS: [(&str, &str); 7] = [
        ("exponential", "exp(5ms)"),
        ("poisson", "exp(5ms)"),
        ("normal", "lognormal(200ms, 600ms)"),
        ("gauss", "lognormal(200ms, 600ms)"),
        ("fixed", "8ms"),
        ("constant", "8ms"),
        ("samples", "empirical(samples.csv)"),
    ];
    let folded = name.to_lowercase();
    let known = ["exp", "uniform", "lognormal", "pareto", "empirical"];
    let meant = OTHERS.iter().find(|(other, _)| *other == folded).map(|(_, form)| (*form).to_owned());
    let meant = meant.or_else(|| suggest::nearest(name, known).map(|near| format!("{near}(…)")));
    let help = match meant {
        Some(meant) => format!("did you mean \"{meant}\"? {}", forms()),
        None => forms(),
    };
    (0..open, UnitMistake::new(format!("`{}` is not a law", unit::short(name)), "unknown law", help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Span {
        Span::from_ms(ms)
    }

    #[test]
    fn every_form_that_is_promised_is_read() {
        let read: Vec<LawText> = FORMS.iter().map(|(form, _)| LawText::read(form).expect("a promised form")).collect();
        let expected = vec![
            LawText::Fixed(ms(8)),
            LawText::Exponential(ms(5)),
            LawText::Uniform(ms(1), ms(3)),
            LawText::Lognormal(ms(200), ms(600)),
            LawText::Pareto(ms(1), 1.5),
            LawText::Empirical("samples.csv".into()),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_wrong_law_says_where_and_what_instead() {
        let said = |text: &str| -> Vec<(Range<usize>, String)> {
            LawText::read(text)
                .expect_err("not a law")
                .into_iter()
                .map(|(range, mistake)| (range, mistake.what))
                .collect()
        };
        assert_eq!(said("normal(5ms)"), [(0..6, "`normal` is not a law".into())]);
        assert_eq!(said("exp()"), [(0..5, "`exp` takes 1 value, not none".into())]);
        assert_eq!(said("exp(5ms"), [(0..7, "the law's bracket is not closed".into())]);
        assert_eq!(
            said("uniform( 5 , x)"),
            [(9..10, "the duration `5` has no unit".into()), (13..14, "`x` is not a duration".into())]
        );
        assert_eq!(
            said("lognormal(600ms, 200ms)"),
            [(10..22, "the 99th percentile 200ms does not lie above the median 600ms".into())]
        );
        assert_eq!(said("uniform(3ms, 1ms)"), [(8..16, "the low end 3ms lies above the high end 1ms".into())]);
        for text in ["pareto(1ms, 1)", "pareto(1ms, nan)", "pareto(1ms, 1e9)", "pareto(0s, 2)", "exp(0s)", "("] {
            assert!(LawText::read(text).is_err(), "{text}");
        }
    }
}
