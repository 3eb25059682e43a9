//! Requests on their way from runs that go on side by side to tables that are written one after the other: each run has a file of
//! its own without a name, with rows of one size, which is gone with the program however that ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use engine::record::{Ending, Wait};
use engine::requests::{Told, Why, run_telling};
use engine::time::{Span, Time};
use engine::{Model, Replication, RunError, RunRecord, Seed};
use lab::{LabError, Progress, RunSettings, WorldResult, run_all_with};

use crate::problem::Problem;

/// Numbers of a row, eight bytes each.
const NUMBERS: usize = 10 + Wait::KINDS;
/// Bytes of a row.
const ROW: usize = NUMBERS * 8;
/// What stands for nothing.
const NONE: u64 = u64::MAX;
/// Every reason, by number.
const WHY: [Why; 5] = [Why::First, Why::Refresh, Why::Retry, Why::Hedge, Why::Check];

/// The spill of every run, by world and replication.
pub type OfRuns = BTreeMap<(String, u32), Spill>;

/// The requests of one run, but for those beyond the limit.
#[derive(Default)]
pub struct Spill {
    file: Option<File>,
    /// Requests of the run, those beyond the limit included.
    pub seen: u64,
}

/// Where runs spill to.
pub struct Spills {
    folder: PathBuf,
    /// Rows of a run at most.
    rows_max: u64,
    done: Mutex<Result<OfRuns, io::Error>>,
}

impl Spills {
    /// Files are made in this folder, with so many rows each at most.
    pub fn new(folder: &Path, rows_max: u64) -> Spills {
        Spills { folder: folder.to_owned(), rows_max, done: Mutex::new(Ok(OfRuns::new())) }
    }

    /// As [`lab::run_all`]; what becomes of the requests is in [`Spills::of_runs`].
    pub fn run_all(
        &self,
        models: &[Model],
        settings: &RunSettings,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<WorldResult>, LabError> {
        run_all_with(models, settings, progress, &|model, seed, replication| self.run(model, seed, replication))
    }

    fn run(&self, model: &Model, seed: Seed, replication: Replication) -> Result<RunRecord, RunError> {
        let mut seen = 0;
        let mut spilled = tempfile::tempfile_in(&self.folder).map(BufWriter::new);
        let record = run_telling(model, seed, replication, |told| {
            seen += 1;
            if let Ok(file) = &mut spilled
                && seen <= self.rows_max
                && let Err(error) = file.write_all(&row(told))
            {
                spilled = Err(error);
            }
        })?;
        let file = spilled.and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        match (file, done.as_mut()) {
            (Ok(file), Ok(runs)) => {
                runs.insert((model.name.clone(), replication.0), Spill { file: Some(file), seen });
            }
            (Err(error), Ok(_)) => *done = Err(error),
            (_, Err(_)) => {}
        }
        Ok(record)
    }

    /// All of them, once the runs are done.
    pub fn of_runs(&self) -> Result<OfRuns, Problem> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *done, Ok(OfRuns::new()))
            .map_err(|source| Problem::Write { path: Some(self.folder.clone()), source })
    }
}

impl Spill {
    /// Its requests, in the order in which they ended.
    pub fn read(self, folder: &Path) -> Result<impl Iterator<Item = io::Result<Told>>, Problem> {
        let mut file = self.file;
        let rewound = file.as_mut().map_or(Ok(()), |file| file.rewind());
        rewound.map_err(|source| Problem::Read { path: folder.to_owned(), source })?;
        let mut reader = file.map(BufReader::new);
        Ok(std::iter::from_fn(move || {
            let mut bytes = [0; ROW];
            match reader.as_mut()?.read_exact(&mut bytes) {
                Ok(()) => Some(Ok(told(&bytes))),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
                Err(error) => Some(Err(error)),
            }
        }))
    }
}

fn row(told: &Told) -> [u8; ROW] {
    let why = WHY.iter().position(|why| *why == told.why).expect("every reason is in the list");
    let mut numbers = [0; NUMBERS];
    let lead = [
        u64::from(told.class),
        u64::from(told.client),
        told.person,
        told.member.map_or(NONE, u64::from),
        u64::from(told.attempt),
        why as u64,
        told.born.as_ns(),
        told.begun.map_or(NONE, Time::as_ns),
        told.ended.as_ns(),
        told.ending as u64,
    ];
    numbers[..lead.len()].copy_from_slice(&lead);
    numbers[lead.len()..].iter_mut().zip(&told.bill).for_each(|(number, span)| *number = span.as_ns());
    let mut bytes = [0; ROW];
    bytes.chunks_exact_mut(8).zip(numbers).for_each(|(place, number)| place.copy_from_slice(&number.to_le_bytes()));
    bytes
}

fn told(bytes: &[u8; ROW]) -> Told {
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at * 8 + byte]));
    let small = |at: usize| u16::try_from(number(at)).expect("it was written from a u16");
    let member = Some(number(3)).filter(|&member| member != NONE);
    Told {
        class: small(0),
        client: small(1),
        person: number(2),
        member: member.map(|member| u32::try_from(member).expect("it was written from a u32")),
        attempt: small(4),
        why: WHY[usize::from(small(5))],
        born: Time::from_ns(number(6)),
        begun: Some(number(7)).filter(|&begun| begun != NONE).map(Time::from_ns),
        ended: Time::from_ns(number(8)),
        ending: Ending::ALL[usize::from(small(9))],
        bill: std::array::from_fn(|wait| Span::from_ns(number(10 + wait))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_back_as_it_was() {
        for (number, (&why, ending)) in WHY.iter().zip(Ending::ALL).enumerate() {
            let request = Told {
                class: 3,
                client: u16::MAX,
                person: u64::MAX - 1,
                member: (number > 2).then_some(u32::MAX - 1),
                attempt: 7,
                why,
                born: Time::from_ns(5),
                begun: (number > 1).then_some(Time::from_ns(9)),
                ended: Time::from_ns(u64::MAX - 1),
                ending,
                bill: std::array::from_fn(|wait| Span::from_ns(wait as u64 * 1_000_003)),
            };
            assert_eq!(told(&row(&request)), request);
        }
    }
}
