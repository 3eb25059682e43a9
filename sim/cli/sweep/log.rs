//! The log of a sweep: which runs are done, and what came of them, so that a sweep that was killed goes on where it was.
//!
//! A log is only ever appended to. Its first line says which sweep and which shard of it it is of; every other line is one finished
//! run. Each line begins with a checksum of the rest, so a line that was cut off by a crash, and all after it, is known
//! for what it is and done again. The order of the lines is that in which the runs ended, and means nothing.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lab::sweep::run::Outcome;
use lab::sweep::study::{Shard, Study};

use crate::problem::Problem;

/// What the first line begins with, with the version of the log's own form.
const MAGIC: &str = "tailback-sweep-log 1";
/// Longest time that finished runs may be lost by if the machine itself fails; a killed process loses none.
const SYNC_EVERY: Duration = Duration::from_secs(1);

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

/// A log as it was found.
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Its first line.
    pub header: Header,
    /// Finished runs by number.
    pub outcomes: BTreeMap<usize, Outcome>,
    /// Bytes up to the last line that is whole.
    whole: u64,
}

/// A log that is being written.
pub struct Log {
    path: PathBuf,
    file: File,
    synced: Instant,
}

/// The name of a shard's log.
pub fn name(shard: Shard) -> String {
    match shard {
        Shard::WHOLE => "sweep.log".to_owned(),
        Shard { index, of } => format!("sweep-{index}-of-{of}.log"),
    }
}

/// Whether a file's name is that of a log.
pub fn is_log(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name == "sweep.log" || name.starts_with("sweep-") && name.ends_with(".log")
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

fn sealed(line: &str) -> String {
    format!("{:016x} {line}\n", hash(line.bytes()) as u64)
}

/// What a line says, if it is whole.
fn unsealed(line: &[u8]) -> Option<&str> {
    let (seal, text) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (seal == format!("{:016x}", hash(text.bytes()) as u64)).then_some(text)
}

/// A finished run as a line: its number and its numbers, `-` for one that it has not, or `!` and why it failed.
fn run_line(number: usize, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Numbers(kept) => {
            let words = kept.iter().map(|value| value.map_or("-".to_owned(), |value| value.to_string()));
            format!("{number} {}", words.collect::<Vec<_>>().join(" "))
        }
        Outcome::Failed(why) => format!("{number} ! {why}"),
    }
}

fn read_run(line: &str) -> Option<(usize, Outcome)> {
    let (number, rest) = line.split_once(' ')?;
    let outcome = match rest.strip_prefix("! ") {
        Some(why) => Outcome::Failed(why.to_owned()),
        None => {
            let value = |word: &str| if word == "-" { Some(None) } else { word.parse().ok().map(Some) };
            Outcome::Numbers(rest.split(' ').map(value).collect::<Option<Vec<_>>>()?)
        }
    };
    Some((number.parse().ok()?, outcome))
}

/// Reads a log; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<Found>, Problem> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Problem::Read { path: path.to_owned(), source }),
    }
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').map_while(|line| line.strip_suffix(b"\n"));
    let no_log = || {
        let path = path.display();
        Problem::Usage(format!("{path} is not the log of a sweep of this program; remove it, or choose another --out"))
    };
    let first = lines.next().ok_or_else(no_log)?;
    let header = unsealed(first).and_then(|text| text.strip_prefix(MAGIC)).ok_or_else(no_log)?;
    let header: Header = serde_json::from_str(header).map_err(|_| no_log())?;
    let columns = lab::sweep::numbers::numbers(&header.study).len();
    let runs = header.study.places().len();
    let mut outcomes = BTreeMap::new();
    let mut whole = first.len() as u64 + 1;
    for line in lines {
        let Some((number, outcome)) = unsealed(line).and_then(read_run) else { break };
        let fits = !matches!(&outcome, Outcome::Numbers(kept) if kept.len() != columns);
        if number >= runs || !fits {
            break;
        }
        outcomes.insert(number, outcome);
        whole += line.len() as u64 + 1;
    }
    Ok(Some(Found { path: path.to_owned(), header, outcomes, whole }))
}

impl Log {
    /// Opens the log of a shard for writing, and says what is done already; another sweep's log is refused.
    pub fn open(folder: &Path, header: &Header) -> Result<(Log, BTreeMap<usize, Outcome>), Problem> {
        let path = folder.join(name(header.shard));
        if !path.exists() {
            begin(folder, &path, header)?;
        }
        let problem = |source| Problem::Write { path: Some(path.clone()), source };
        let mut file = OpenOptions::new().write(true).open(&path).map_err(problem)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text =
                    format!("another tailback is at work on {}; wait for it, or choose another --out", path.display());
                return Err(Problem::Usage(text));
            }
            Err(TryLockError::Error(source)) => return Err(problem(source)),
        }
        let found = read(&path)?.ok_or_else(|| problem(io::ErrorKind::NotFound.into()))?;
        if found.header != *header {
            return Err(Problem::Usage(format!(
                "{}\n  remove it to begin anew, or choose another --out",
                foreign(&found, header)
            )));
        }
        file.set_len(found.whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(problem)?;
        Ok((Log { path, file, synced: Instant::now() }, found.outcomes))
    }

    /// Appends a finished run.
    pub fn append(&mut self, number: usize, outcome: &Outcome) -> Result<(), Problem> {
        let line = sealed(&run_line(number, outcome));
        self.file.write_all(line.as_bytes()).map_err(|source| self.problem(source))?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Makes sure that everything is on the disk.
    pub fn sync(&mut self) -> Result<(), Problem> {
        self.file.sync_data().map_err(|source| self.problem(source))?;
        self.synced = Instant::now();
        Ok(())
    }

    fn problem(&self, source: io::Error) -> Problem {
        Problem::Write { path: Some(self.path.clone()), source }
    }
}

/// Makes a log with its first line, whole or not at all: without that line it would be nobody's. Whoever else was quicker keeps theirs.
fn begin(folder: &Path, path: &Path, header: &Header) -> Result<(), Problem> {
    let first = serde_json::to_string(header).unwrap_or_default();
    let begin = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".tailback-").tempfile_in(folder)?;
        file.write_all(sealed(&format!("{MAGIC}{first}")).as_bytes())?;
        file.as_file().sync_all()?;
        // As a result: for everybody whom the folder is for.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        match file.persist_noclobber(path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
            Ok(_) | Err(_) => Ok(()),
        }
    };
    begin().map_err(|source| Problem::Write { path: Some(path.to_owned()), source })
}

/// In what a log that was found differs from the one that is wanted, in a sentence.
pub fn foreign(found: &Found, wanted: &Header) -> String {
    let (theirs, ours) = (&found.header.study, &wanted.study);
    let path = found.path.display();
    let keys = |study: &Study| study.settings.iter().map(|column| column.key.as_str()).collect::<Vec<_>>().join(", ");
    let why = if theirs.version != ours.version {
        format!("it was made by version {} of the program, and this is {}", theirs.version, ours.version)
    } else if theirs.title != ours.title {
        format!("it is of `{}`, and this is `{}`", theirs.title, ours.title)
    } else if theirs.mode != ours.mode {
        "it asks another question (a grid, --tornado or --hysteresis, and their options)".to_owned()
    } else if theirs.settings != ours.settings {
        format!("it sets `{}`, and this sets `{}`", keys(theirs), keys(ours))
    } else if theirs.points != ours.points {
        "its settings have other values, or its runs another seed or number of replications".to_owned()
    } else if found.header.shard != wanted.shard {
        let Shard { index, of } = found.header.shard;
        format!("it is shard {index}/{of}")
    } else {
        "the scenario, or a file that it names, has changed since".to_owned()
    };
    format!("{path} is the log of another sweep: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_back_bit_for_bit() {
        let numbers = vec![Some(0.1 + 0.2), None, Some(1e22), Some(5e-324), Some(-0.0), Some(1.0 / 3.0)];
        for outcome in [Outcome::Numbers(numbers), Outcome::Failed("a: 3 of 4 - ! stuck".to_owned())] {
            let line = sealed(&run_line(42, &outcome));
            let read = read_run(unsealed(line.trim_end_matches('\n').as_bytes()).unwrap()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{:?}", (42, outcome)));
        }
    }

    #[test]
    fn a_line_that_lost_or_changed_a_byte_is_known() {
        let line = sealed(&run_line(7, &Outcome::Numbers(vec![Some(1.5), None])));
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
            mode: lab::sweep::study::Mode::Grid,
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
