//! What a measured request does, in the words of the measurements: `cpu:2,sleep:50,cpu:1`.

use super::shop::Route;

/// One step; durations are milliseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum MeasuredStep {
    /// Burns CPU time of Python code without yielding.
    Cpu(f64),
    /// `time.sleep`, cooperative under gevent.
    Sleep(f64),
    /// Sleeps an exponential time of this mean.
    Exp(f64),
    /// Sleeps in a call that lets the GIL go and never yields to a hub.
    Block(f64),
    /// Burns CPU time with a `sleep(0)` after every piece.
    Hog {
        /// In all.
        ms: f64,
        /// A piece.
        every_ms: f64,
    },
    /// Holds one lock of the process while sleeping.
    Lock(f64),
    /// Starts sub-tasks that sleep, and joins them.
    Fan {
        /// How many.
        runs: u32,
        /// How long each sleeps.
        ms: f64,
    },
    /// What a route of the shop does.
    Route(Route),
}

/// A text that is no step.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StepError {
    /// The word before the first colon is none of ours.
    #[error("unknown step {0:?}; there are cpu, sleep, exp, block, hog, lock and fan")]
    Unknown(String),
    /// It is none of the shop's routes.
    #[error("the shop has no route {0:?}")]
    Route(String),
    /// The numbers are missing, too many or no positive numbers.
    #[error("{text:?} is no step; steps look like {like:?}")]
    Numbers {
        /// What was written.
        text: String,
        /// What could have been.
        like: &'static str,
    },
}

/// The steps of a comma-separated text; none of an empty one.
///
/// # Errors
/// The first step that is none.
pub fn parse(text: &str) -> Result<Vec<MeasuredStep>, StepError> {
    text.split(',').map(str::trim).filter(|step| !step.is_empty()).map(step).collect()
}

fn step(text: &str) -> Result<MeasuredStep, StepError> {
    if text.starts_with('/') {
        return Route::of(text).map(MeasuredStep::Route).ok_or_else(|| StepError::Route(text.to_owned()));
    }
    let (verb, rest) = text.split_once(':').unwrap_or((text, ""));
    let numbers: Option<Vec<f64>> = rest.split(':').map(positive).collect();
    let numbers = numbers.unwrap_or_default();
    let wrong = |like| StepError::Numbers { text: text.to_owned(), like };
    let one = |like| if let [ms] = numbers[..] { Ok(ms) } else { Err(wrong(like)) };
    let two = |like| if let [first, second] = numbers[..] { Ok((first, second)) } else { Err(wrong(like)) };
    match verb {
        "cpu" => one("cpu:2").map(MeasuredStep::Cpu),
        "sleep" => one("sleep:50").map(MeasuredStep::Sleep),
        "exp" => one("exp:50").map(MeasuredStep::Exp),
        "block" => one("block:50").map(MeasuredStep::Block),
        "lock" => one("lock:20").map(MeasuredStep::Lock),
        "hog" => two("hog:100:5").map(|(ms, every_ms)| MeasuredStep::Hog { ms, every_ms }),
        "fan" => {
            let (runs, ms) = two("fan:3:60")?;
            if runs.fract() != 0.0 || runs > f64::from(u32::MAX) {
                return Err(wrong("fan:3:60"));
            }
            Ok(MeasuredStep::Fan { runs: runs as u32, ms })
        }
        other => Err(StepError::Unknown(other.to_owned())),
    }
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_read() {
        let steps = parse("cpu:0.2, sleep:50,exp:5,block:7,hog:100:5,lock:20,fan:3:60").unwrap();
        let expected = [
            MeasuredStep::Cpu(0.2),
            MeasuredStep::Sleep(50.0),
            MeasuredStep::Exp(5.0),
            MeasuredStep::Block(7.0),
            MeasuredStep::Hog { ms: 100.0, every_ms: 5.0 },
            MeasuredStep::Lock(20.0),
            MeasuredStep::Fan { runs: 3, ms: 60.0 },
        ];
        assert_eq!(steps, expected);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_path_is_a_route_of_the_shop() {
        assert_eq!(parse("/wait-sync").unwrap(), [MeasuredStep::Route(Route::WaitSync)]);
        assert_eq!(parse("/pay").unwrap_err().to_string(), "the shop has no route \"/pay\"");
    }

    #[test]
    fn what_is_no_step_is_refused() {
        for text in ["cpu", "cpu:", "cpu:-1", "cpu:1:2", "hog:5", "fan:1.5:60", "fan:3", "cpu:inf", "cpu:nan", "nap:3"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
