//! A sweep as plain data: what is varied, which runs that makes, in which order they are numbered, and whose they are.
//!
//! It is all that the result files are made of beside the numbers of the runs, so whoever has the two can write them.

use serde::{Deserialize, Serialize};

use super::values::ValueKind;

/// Runs of a study: each has its row in the results.
pub const RUNS_MAX: u64 = 10_000_000;

/// What the points of a sweep are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// All combinations of the settings' values.
    Grid,
    /// The file as it is, and each setting moved down and up.
    Tornado {
        /// By how much settings are moved, such as `20%`.
        around: String,
    },
    /// One point whose load goes up in steps and down again.
    Hysteresis(LoadSteps),
}

/// A load that goes up in steps and down again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LoadSteps {
    /// The client whose rate it is.
    pub client: String,
    /// The rates on the way up, as a scenario has them; the last is held once.
    pub rates: Vec<String>,
    /// How long each is held, nanoseconds; what is measured is its second half.
    pub hold_ns: u64,
}

/// A setting that has a column of its own in the results.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SettingColumn {
    /// Its path in the file.
    pub key: String,
    /// What its values are.
    pub kind: ValueKind,
}

/// One combination of values.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StudyPoint {
    /// The value of each setting, as a scenario has it.
    pub values: Vec<String>,
    /// Seed of its runs.
    pub seed: u64,
    /// Replications of each world.
    pub replications: u32,
}

/// A sweep, without any number that a run has made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Study {
    /// Version of the program.
    pub version: String,
    /// Title of the scenario.
    pub title: String,
    /// What the points are.
    pub mode: Mode,
    /// What is set, in the order of the command.
    pub settings: Vec<SettingColumn>,
    /// The points, in their order.
    pub points: Vec<StudyPoint>,
    /// Names of the worlds, in the order of the file.
    pub worlds: Vec<String>,
    /// Names of the classes of requests, in the order of the file.
    pub classes: Vec<String>,
    /// Whether somebody sends requests whether the servers answer or not.
    pub open: bool,
}

/// One run of a study.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct StudyRun {
    /// Its number among all runs of the study.
    pub number: usize,
    pub point: usize,
    pub replication: u32,
    pub world: usize,
}

/// A part of a study: every `of`-th run, from run `index` on, counted from 1 as people do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub index: u32,
    /// Parts in all.
    pub of: u32,
}

impl Shard {
    /// The only part.
    pub const WHOLE: Shard = Shard { index: 1, of: 1 };

    /// Whether a run belongs to it. Neighbours go to different parts, so that parts take about equally long.
    pub fn has(self, number: usize) -> bool {
        let (index, of) = (self.index as usize, self.of as usize);
        number % of.max(1) == index.saturating_sub(1)
    }
}

impl Study {
    /// Runs of all points, replications and worlds.
    pub fn runs(&self) -> u64 {
        let replications = self.points.iter().map(|point| u64::from(point.replications));
        replications.fold(0, u64::saturating_add).saturating_mul(self.worlds.len() as u64)
    }

    /// Every run in its order: point by point, replication by replication, so that the worlds of a pair are run close together.
    pub fn places(&self) -> Vec<StudyRun> {
        let mut places = Vec::new();
        for (point, spec) in self.points.iter().enumerate() {
            for replication in 0..spec.replications {
                let worlds = 0..self.worlds.len();
                places.extend(worlds.map(|world| StudyRun { number: 0, point, replication, world }));
            }
        }
        places.iter_mut().enumerate().for_each(|(number, place)| place.number = number);
        places
    }

    /// What decides a run: two runs for which it is the same are the same run.
    ///
    /// A world's own settings matter to that world only: nothing but the worlds differs between the models of a scenario.
    pub fn decided_by(&self, place: &StudyRun) -> (Vec<&str>, usize, u32, u64) {
        let point = &self.points[place.point];
        let world = &self.worlds[place.world];
        let matters = |key: &str| {
            let of_world = key.strip_prefix("world.");
            let mut names = self.worlds.iter().filter(|name| of_world.is_some_and(|rest| is_below(rest, name)));
            // A key that names no world, or names it in another way, may matter to all.
            names.next().is_none_or(|name| name == world)
        };
        let values = self.settings.iter().zip(&point.values);
        let values = values.map(|(column, value)| if matters(&column.key) { value.as_str() } else { "" }).collect();
        (values, place.world, place.replication, point.seed)
    }

    /// The settings that take more than one value, by position.
    pub fn varied(&self) -> Vec<usize> {
        let differs = |&setting: &usize| {
            let first = self.points.first().map(|point| &point.values[setting]);
            self.points.iter().any(|point| Some(&point.values[setting]) != first)
        };
        (0..self.settings.len()).filter(differs).collect()
    }

    /// The different values of a setting, in the order of the points.
    pub fn values_of(&self, setting: usize) -> Vec<&str> {
        let mut values: Vec<&str> = Vec::new();
        for point in &self.points {
            let value = point.values[setting].as_str();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}

/// Whether a path lies below a name, as it stands or in quotes.
fn is_below(path: &str, name: &str) -> bool {
    let rest = path.strip_prefix(name).or_else(|| path.strip_prefix(&format!("{name:?}")));
    rest.is_some_and(|rest| rest.starts_with('.'))
}

/// All combinations, the last setting fastest.
pub fn combinations(values: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut points = vec![Vec::new()];
    for of_setting in values {
        let longer = |point: &Vec<String>| {
            let point = point.clone();
            of_setting.iter().map(move |value| [point.clone(), vec![value.clone()]].concat())
        };
        points = points.iter().flat_map(longer).collect();
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(points: usize, replications: u32) -> Study {
        let point = |at: usize| StudyPoint { values: vec![at.to_string(), "7".to_owned()], seed: 1, replications };
        let column = |key: &str| SettingColumn { key: key.to_owned(), kind: ValueKind::Count };
        Study {
            version: "1".to_owned(),
            title: "t".to_owned(),
            mode: Mode::Grid,
            settings: vec![column("a"), column("b")],
            points: (0..points).map(point).collect(),
            worlds: vec!["x".to_owned(), "y".to_owned()],
            classes: vec![],
            open: true,
        }
    }

    #[test]
    fn the_last_setting_changes_fastest() {
        let values = vec![vec!["1".to_owned(), "2".to_owned()], vec!["a".to_owned(), "b".to_owned()]];
        let points: Vec<String> = combinations(&values).iter().map(|point| point.join("")).collect();
        assert_eq!(points, ["1a", "1b", "2a", "2b"]);
        assert_eq!(combinations(&[]), [Vec::<String>::new()]);
    }

    #[test]
    fn shards_share_out_every_run_once() {
        let places = study(5, 3).places();
        assert_eq!(places.len(), 30);
        assert!(places.iter().enumerate().all(|(number, place)| place.number == number));
        for of in 1..9 {
            let shards: Vec<Shard> = (1..=of).map(|index| Shard { index, of }).collect();
            assert!(places.iter().all(|place| shards.iter().filter(|shard| shard.has(place.number)).count() == 1));
        }
    }

    #[test]
    fn a_setting_of_one_world_makes_no_new_runs_of_another() {
        let mut study = study(3, 1);
        let different = |study: &Study| {
            let places = study.places();
            let mut keys: Vec<_> = places.iter().map(|place| study.decided_by(place)).collect();
            keys.sort();
            keys.dedup();
            keys.len()
        };
        assert_eq!(different(&study), 6, "`a` may matter to both worlds");
        for key in ["world.x.threads", "world.\"x\".threads"] {
            study.settings[0].key = key.to_owned();
            assert_eq!(different(&study), 4, "three of x and one of y");
        }
        for key in ["world.xx.threads", "world.x", "client.x.rate"] {
            study.settings[0].key = key.to_owned();
            assert_eq!(different(&study), 6, "{key}");
        }
        study.points[2].seed = 9;
        study.settings[0].key = "world.x.threads".to_owned();
        assert_eq!(different(&study), 5, "another seed is another run");
    }

    #[test]
    fn a_setting_with_one_value_is_set_and_not_varied() {
        let study = study(3, 1);
        assert_eq!(study.varied(), [0]);
        assert_eq!((study.values_of(0), study.values_of(1)), (vec!["0", "1", "2"], vec!["7"]));
    }
}
