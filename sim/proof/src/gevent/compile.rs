//! From a program file to a model: objects, names, and the hub that everything runs on.

use std::collections::BTreeSet;

use engine::Model;
use engine::model::{HostSpec, Limits, Policy, RunSpec, SyncKind, SyncSpec, WhenFull, WorkerKind, WorkerSpec};
use engine::time::Span;
use scenario::did_you_mean;
use serde::Deserialize;
use serde_json::Value;

use super::body;
use super::grammar::{File, LockKind, Object, Ordered, QueueMaker, QueueOrder};
use super::{OWN_NAME, Oracle, OracleError};

/// The body that the first greenlet runs.
pub(crate) const MAIN: &str = "main";
/// Events of a run: a program is a few hundred; this one would be mistaken.
const EVENTS_MAX: u64 = 50_000_000;
/// Longer than any program runs.
const FOREVER: Span = Span::from_secs(365 * 86_400);

/// Words by index; the same word has the same index.
#[derive(Default)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl Words {
    /// The index of a word; `None` if there are more than `most`.
    fn index(&mut self, word: &str, most: u16) -> Option<u16> {
        let at = self.0.iter().position(|known| known == word).unwrap_or_else(|| {
            self.0.push(word.to_owned());
            self.0.len() - 1
        });
        u16::try_from(at).ok().filter(|at| *at < most)
    }
}

/// What the bodies of a program share.
pub(crate) struct Tables {
    pub(crate) objects: Vec<(String, SyncKind)>,
    bodies: Vec<String>,
    pub(crate) names: Words,
    pub(crate) tags: Words,
    pub(crate) items: Words,
    /// Names that some step spawns.
    spawned: BTreeSet<u16>,
    /// Names of bare greenlets, which are made and not spawned.
    made: BTreeSet<u16>,
    /// Names that steps are aimed at, and where.
    aimed: Vec<(String, u16)>,
    /// Names that are switched to, and where.
    switched_to: Vec<(String, u16)>,
}

impl Tables {
    /// Of a program with these objects and bodies.
    pub(crate) fn new(objects: Vec<(String, SyncKind)>, bodies: Vec<String>) -> Tables {
        let (names, tags, items) = (Words::default(), Words::default(), Words::default());
        let (spawned, made) = (BTreeSet::new(), BTreeSet::new());
        let (aimed, switched_to) = (Vec::new(), Vec::new());
        Tables { objects, bodies, names, tags, items, spawned, made, aimed, switched_to }
    }

    /// The name of a greenlet that is spawned.
    pub(crate) fn spawned(&mut self, name: &str, place: &str) -> Result<u16, OracleError> {
        check_name(name, place)?;
        let index = self.name(name, place)?;
        self.spawned.insert(index);
        Ok(index)
    }

    /// The name of a bare greenlet that is made.
    pub(crate) fn made(&mut self, name: &str, place: &str) -> Result<u16, OracleError> {
        check_name(name, place)?;
        let index = self.name(name, place)?;
        self.made.insert(index);
        Ok(index)
    }

    /// The name of a bare greenlet that is switched to.
    pub(crate) fn switched_to(&mut self, name: &str, place: &str) -> Result<u16, OracleError> {
        let index = self.name(name, place)?;
        self.switched_to.push((place.to_owned(), index));
        Ok(index)
    }

    /// The name of a greenlet that something is done to; whether one is ever spawned is known at the end.
    pub(crate) fn aimed(&mut self, name: &str, place: &str) -> Result<u16, OracleError> {
        let index = self.name(name, place)?;
        self.aimed.push((place.to_owned(), index));
        Ok(index)
    }

    fn name(&mut self, name: &str, place: &str) -> Result<u16, OracleError> {
        self.names.index(name, u16::MAX).ok_or_else(|| OracleError::part(place, "too many different names"))
    }

    /// A tag or a note.
    pub(crate) fn tag(&mut self, tag: &str, place: &str) -> Result<u16, OracleError> {
        self.tags.index(tag, u16::MAX).ok_or_else(|| OracleError::part(place, "too many different tags"))
    }

    /// An item.
    pub(crate) fn item(&mut self, item: &str, place: &str) -> Result<u16, OracleError> {
        self.items.index(item, OWN_NAME).ok_or_else(|| OracleError::part(place, "too many different items"))
    }

    /// The program of a body.
    pub(crate) fn body(&self, body: &str, place: &str) -> Result<u16, OracleError> {
        let at = self.bodies.iter().position(|known| known == body).ok_or_else(|| {
            let help = did_you_mean(body, self.bodies.iter().map(String::as_str), "bodies of this program");
            OracleError::part(place, format!("unknown body `{body}`; {help}"))
        })?;
        Ok(u16::try_from(at).expect("the number of bodies is checked"))
    }

    /// The index and the kind of an object.
    pub(crate) fn object(&self, on: &str, place: &str) -> Result<(u16, SyncKind), OracleError> {
        let at = self.objects.iter().position(|(known, _)| known == on).ok_or_else(|| {
            let known = self.objects.iter().map(|(name, _)| name.as_str());
            let help = did_you_mean(on, known, "objects of this program");
            OracleError::part(place, format!("unknown object `{on}`; {help}"))
        })?;
        Ok((u16::try_from(at).expect("the number of objects is checked"), self.objects[at].1))
    }
}

impl Tables {
    /// Everything that a step is aimed at is spawned or made somewhere, and is of the kind that this can be done to.
    pub(crate) fn check_aims(&self) -> Result<(), OracleError> {
        let word = |name: &u16| self.names.0[usize::from(*name)].as_str();
        if let Some(name) = self.made.intersection(&self.spawned).next() {
            return Err(OracleError::part("bodies", format!("`{}` is both spawned and made", word(name))));
        }
        let known = [
            (&self.aimed, &self.spawned, "no greenlet is ever spawned as", "names that are spawned"),
            (&self.switched_to, &self.made, "no bare greenlet is ever made as", "names that are made"),
        ];
        for (aimed, born, what, which) in known {
            if let Some((place, name)) = aimed.iter().find(|(_, name)| !born.contains(name)) {
                let help = did_you_mean(word(name), born.iter().map(word), which);
                return Err(OracleError::part(place, format!("{what} `{}`; {help}", word(name))));
            }
        }
        Ok(())
    }
}

/// Compiles a file.
pub(super) fn compile(file: File) -> Result<Oracle, OracleError> {
    if file.version != 1 {
        return Err(OracleError::part("version", format!("must be 1, not {}", file.version)));
    }
    let objects = objects(&file.objects, kind)?;
    let bodies: Vec<String> = file.bodies.0.iter().map(|(name, _)| name.clone()).collect();
    for (name, place) in bodies.iter().map(|name| (name, format!("bodies.{name}"))) {
        check_name(name, &place)?;
    }
    check_count(bodies.len(), "bodies")?;
    let mut tables = Tables::new(objects, bodies);
    let main = tables.body(MAIN, "bodies")?;
    let main_name = tables.spawned(MAIN, "bodies")?;
    let mut programs = Vec::new();
    for (name, steps) in &file.bodies.0 {
        programs.push(body::compile(&mut tables, name, steps)?);
    }
    tables.check_aims()?;
    let syncs = tables.objects.into_iter().map(|(name, kind)| SyncSpec { name, pool: false, kind }).collect();
    Ok(Oracle {
        model: Model { programs: programs.into(), syncs, ..empty_hub(&file.name) },
        name: file.name,
        about: file.about,
        rules: file.rules,
        exact: file.exact,
        main,
        main_name,
        names: tables.names.0,
        tags: tables.tags.0,
        items: tables.items.0,
    })
}

/// One process with one gevent hub, on a machine of its own, where only the clock costs something.
fn empty_hub(name: &str) -> Model {
    let kind = WorkerKind::Hub { greenlets: 0, accepts: 0, full: WhenFull::Stop };
    alone(name, WorkerSpec::plain("gevent", kind))
}

/// One process of this software, on a machine of its own.
pub(crate) fn alone(name: &str, worker: WorkerSpec) -> Model {
    let host = HostSpec { slice: FOREVER, tick: FOREVER, ..HostSpec::plain(1) };
    let run =
        RunSpec { length: None, drain: FOREVER, warm_up: Span::ZERO, step: Span::from_secs(1), starved_after: FOREVER };
    Model {
        name: name.to_owned(),
        limits: Limits { events: EVENTS_MAX, ..Limits::default() },
        ..Model::plain(host, worker, run)
    }
}

/// The objects of a program, each by its grammar and its kind.
pub(crate) fn objects<O: for<'a> Deserialize<'a>>(
    declared: &Ordered<Value>,
    kind: impl Fn(&O, &str) -> Result<SyncKind, OracleError>,
) -> Result<Vec<(String, SyncKind)>, OracleError> {
    check_count(declared.0.len(), "objects")?;
    let one = |(name, value): &(String, Value)| {
        let place = format!("objects.{name}");
        check_name(name, &place)?;
        let object = O::deserialize(value).map_err(|error| OracleError::part(&place, error.to_string()))?;
        Ok((name.clone(), kind(&object, &place)?))
    };
    declared.0.iter().map(one).collect()
}

fn kind(object: &Object, place: &str) -> Result<SyncKind, OracleError> {
    Ok(match object {
        Object::Semaphore { value, bounded } => {
            SyncKind::Semaphore { units: *value, policy: Policy::Barging, bounded: *bounded }
        }
        Object::Rlock {} => SyncKind::RLock,
        Object::Event {} => SyncKind::Event,
        Object::Result {} => SyncKind::AsyncResult,
        Object::Condition { lock } => SyncKind::Condition { reentrant: *lock == LockKind::Rlock },
        Object::Queue { order, maxsize, made_by } => SyncKind::Queue {
            filled: false,
            lifo: *order == QueueOrder::Lifo,
            max: maxsize.map(|max| body::at_least_one("maxsize", max, place)).transpose()?,
            standard: *made_by == QueueMaker::Stdlib,
        },
        Object::Channel {} => SyncKind::Channel,
        Object::Pool { size } => {
            SyncKind::Pool { size: size.map(|size| body::at_least_one("size", size, place)).transpose()? }
        }
        Object::Pair {} => SyncKind::Pair,
        Object::Remote {} => SyncKind::Remote,
        Object::Threads { size } => SyncKind::Threads { size: body::at_least_one("size", *size, place)? },
    })
}

pub(crate) fn check_count(count: usize, place: &str) -> Result<(), OracleError> {
    if count < usize::from(u16::MAX) { Ok(()) } else { Err(OracleError::part(place, "too many")) }
}

/// A name is a word; `#` would collide with the numbers that tell greenlets of one name apart.
pub(crate) fn check_name(name: &str, place: &str) -> Result<(), OracleError> {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if begins && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-') {
        return Ok(());
    }
    Err(OracleError::part(place, format!("`{name}` is no name: letters, digits, `_` and `-`, no digit or `-` first")))
}
