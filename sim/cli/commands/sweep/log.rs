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

use lab::sweep::log as text;
pub use lab::sweep::log::{Header, fingerprint};
use lab::sweep::run::PointOutcome;
use lab::sweep::study::{Shard, Study};

use crate::files::shown;
use crate::problem::Problem;

/// Longest time that finished runs may be lost by if the machine itself fails; a killed process loses none.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// A log as it was found.
pub struct FoundLog {
    pub path: PathBuf,
    /// Its first line.
    pub header: Header,
    /// Finished runs by number.
    pub outcomes: BTreeMap<usize, PointOutcome>,
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

/// Reads a log; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<FoundLog>, Problem> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Problem::Read { path: path.to_owned(), source }),
    }
    let no_log = || {
        let path = shown(path);
        Problem::Usage(format!("{path} is not the log of a sweep of this program; remove it, or choose another --out"))
    };
    let text::Read { header, outcomes, whole } = text::read(&bytes).ok_or_else(no_log)?;
    Ok(Some(FoundLog { path: path.to_owned(), header, outcomes, whole }))
}

impl Log {
    /// Opens the log of a shard for writing, and says what is done already; another sweep's log is refused.
    pub fn open(folder: &Path, header: &Header) -> Result<(Log, BTreeMap<usize, PointOutcome>), Problem> {
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
                    format!("another tailback is at work on {}; wait for it, or choose another --out", shown(&path));
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
    pub fn append(&mut self, number: usize, outcome: &PointOutcome) -> Result<(), Problem> {
        let line = text::sealed(&text::run_line(number, outcome));
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
    let begin = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".tailback-").tempfile_in(folder)?;
        file.as_file_mut().write_all(header.line().as_bytes())?;
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
pub fn foreign(found: &FoundLog, wanted: &Header) -> String {
    let (theirs, ours) = (&found.header.study, &wanted.study);
    let path = shown(&found.path);
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
