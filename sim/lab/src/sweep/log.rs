//! The text of a sweep's log: which runs are done, and what came of them. Where it lies and who writes it is not known here.
//!
//! The first line says which sweep and which shard of it the log is of; every other line is one finished run. Each line begins with
//! a checksum of the rest, so a line that was cut off by a crash, and all after it, is known for what it is. A header that could
//! not have been written, with more runs than [`RUNS_MAX`] for example, is no header: what is read back is not trusted.

use std::collections::BTreeMap;

use super::numbers;
use super::run::PointOutcome;
use super::study::{RUNS_MAX, Shard, Study};

/// What the first line begins with, with the version of the log's own form.
const MAGIC: &str = "tailback-sweep-log 1";

/// No number of a run is larger: beyond it, means and variances would not be numbers any more.
const VALUE_MAX: f64 = 1e100;

/// The first line.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Header {
    /// Of all that decides the results: scenario, settings, seeds, version.
    pub fingerprint: String,
    /// Whose runs these are.
    pub shard: Shard,
    /// The sweep.
    pub study: Study,
}

/// What a log says.
#[derive(Clone, PartialEq, Debug)]
pub struct Read {
    /// Its first line.
    pub header: Header,
    /// Finished runs by number.
    pub outcomes: BTreeMap<usize, PointOutcome>,
    /// Bytes up to the last line that is whole.
    pub whole: u64,
}

impl Header {
    /// The first line of a log.
    pub fn line(&self) -> String {
        sealed(&format!("{MAGIC}{}", serde_json::to_string(self).unwrap_or_default()))
    }

    /// Whether a sweep could have begun with it.
    fn can_be(&self) -> bool {
        let Header { shard, study, .. } = self;
        let points = study.points.iter().all(|point| point.values.len() == study.settings.len());
        points && study.runs() <= RUNS_MAX && (1..=shard.of).contains(&shard.index) && shard.of as u64 <= RUNS_MAX
    }
}

/// FNV-1a with 128 bits: for telling accidents apart, not enemies.
fn hash(parts: impl Iterator<Item = u8>) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    parts.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// The fingerprint of a sweep and the texts it is made of.
pub fn fingerprint(study: &Study, texts: &[String]) -> String {
    let study = serde_json::to_string(study).unwrap_or_default();
    // The length before each text keeps two texts from being taken for one.
    let parts = std::iter::once(&study).chain(texts);
    let bytes = parts.flat_map(|text| text.len().to_le_bytes().into_iter().chain(text.bytes()));
    format!("{:032x}", hash(bytes))
}

/// A line with its checksum and its end.
pub fn sealed(line: &str) -> String {
    format!("{:016x} {line}\n", hash(line.bytes()) as u64)
}

/// What a line says, if it is whole.
pub fn unsealed(line: &[u8]) -> Option<&str> {
    let (seal, text) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (seal == format!("{:016x}", hash(text.bytes()) as u64)).then_some(text)
}

/// A finished run as a line: its number and its numbers, `-` for one that it has not, or `!` and why it failed.
pub fn run_line(number: usize, outcome: &PointOutcome) -> String {
    match outcome {
        PointOutcome::Numbers(kept) => {
            let words = kept.iter().map(|value| value.map_or("-".to_owned(), |value| value.to_string()));
            format!("{number} {}", words.collect::<Vec<_>>().join(" "))
        }
        PointOutcome::Failed(why) => format!("{number} ! {why}"),
    }
}

/// The run of a line, if it is one.
pub fn read_run(line: &str) -> Option<(usize, PointOutcome)> {
    let (number, rest) = line.split_once(' ')?;
    let outcome = match rest.strip_prefix("! ") {
        Some(why) => PointOutcome::Failed(why.to_owned()),
        None => {
            let possible = |value: &f64| value.abs() <= VALUE_MAX;
            let value = |word: &str| match word {
                "-" => Some(None),
                word => word.parse().ok().filter(possible).map(Some),
            };
            PointOutcome::Numbers(rest.split(' ').map(value).collect::<Option<Vec<_>>>()?)
        }
    };
    Some((number.parse().ok()?, outcome))
}

/// Reads a log up to the first line that is not whole, or that no run of its sweep could have written; `None` if it is none.
pub fn read(bytes: &[u8]) -> Option<Read> {
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').map_while(|line| line.strip_suffix(b"\n"));
    let first = lines.next()?;
    let header = unsealed(first)?.strip_prefix(MAGIC)?;
    let header: Header = serde_json::from_str(header).ok().filter(Header::can_be)?;
    let columns = numbers::numbers(&header.study).len();
    let runs = header.study.runs();
    let mut outcomes = BTreeMap::new();
    let mut whole = first.len() as u64 + 1;
    for line in lines {
        let Some((number, outcome)) = unsealed(line).and_then(read_run) else { break };
        let fits = !matches!(&outcome, PointOutcome::Numbers(kept) if kept.len() != columns);
        if number as u64 >= runs || !fits {
            break;
        }
        outcomes.insert(number, outcome);
        whole += line.len() as u64 + 1;
    }
    Some(Read { header, outcomes, whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_back_bit_for_bit() {
        let numbers = vec![Some(0.1 + 0.2), None, Some(1e22), Some(5e-324), Some(-0.0), Some(1.0 / 3.0)];
        for outcome in [PointOutcome::Numbers(numbers), PointOutcome::Failed("a: 3 of 4 - ! stuck".to_owned())] {
            let line = sealed(&run_line(42, &outcome));
            let read = read_run(unsealed(line.trim_end_matches('\n').as_bytes()).unwrap()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{:?}", (42, outcome)));
        }
    }

    #[test]
    fn a_number_that_no_run_gives_is_none() {
        for word in ["inf", "-inf", "NaN", "1e101", "1e999", "x", ""] {
            assert_eq!(read_run(&format!("3 1.5 {word}")), None, "{word}");
        }
    }

    #[test]
    fn a_header_that_no_sweep_begins_with_is_none() {
        let study = || Study {
            version: String::new(),
            title: "t".to_owned(),
            mode: crate::sweep::study::Mode::Grid,
            settings: vec![],
            points: vec![crate::sweep::study::StudyPoint { values: vec![], seed: 1, replications: 3 }],
            worlds: vec!["w".to_owned()],
            classes: vec![],
            open: true,
        };
        let header = |index: u32, of: u32, study: Study| Header {
            fingerprint: "f".to_owned(),
            shard: Shard { index, of },
            study,
        };
        let is_read = |header: &Header| read(header.line().as_bytes()).is_some();
        assert!(is_read(&header(1, 1, study())) && is_read(&header(3, 3, study())));
        assert!(
            !is_read(&header(0, 1, study()))
                && !is_read(&header(4, 3, study()))
                && !is_read(&header(1, u32::MAX, study()))
        );
        let mut many = study();
        many.points[0].replications = u32::MAX;
        assert!(!is_read(&header(1, 1, many)), "more runs than a study can have");
        let mut odd = study();
        odd.points[0].values.push("7".to_owned());
        assert!(!is_read(&header(1, 1, odd)), "a value of no setting");
    }

    #[test]
    fn a_line_that_lost_or_changed_a_byte_is_known() {
        let line = sealed(&run_line(7, &PointOutcome::Numbers(vec![Some(1.5), None])));
        let line = line.trim_end_matches('\n').as_bytes();
        assert!(unsealed(line).is_some());
        for cut in 0..line.len() {
            assert_eq!(unsealed(&line[..cut]), None);
            let mut changed = line.to_vec();
            changed[cut] ^= 1;
            assert_eq!(unsealed(&changed), None);
        }
    }

    #[test]
    fn two_texts_are_not_one() {
        let study = |title: &str| Study {
            version: String::new(),
            title: title.to_owned(),
            mode: crate::sweep::study::Mode::Grid,
            settings: vec![],
            points: vec![],
            worlds: vec![],
            classes: vec![],
            open: true,
        };
        let of =
            |texts: &[&str]| fingerprint(&study("a"), &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), fingerprint(&study("b"), &["ab".to_owned()]));
        assert_eq!(of(&["ab"]), of(&["ab"]));
    }
}
