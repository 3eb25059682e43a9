//! The deployments that may be chosen, and the cheapest of them that meets.
//!
//! A deployment is a place in a grid: one value of every setting that may vary.
//! The search asks for one in the middle of all whose fate is open, by cost. If it meets, everything as dear or dearer is out, which
//! needs no assumption. If it clearly misses, so does every deployment that has less of the settings of which more never hurts and is
//! the same otherwise; that is the assumption, and [`MORE_HELPS`] names the settings. One that misses by little is out alone.

/// Settings of which more is taken never to make a missed objective a met one when it is taken away.
///
/// More servers and more cores are more room. More processes, threads, greenlets, connections, units and queue are more places to wait
/// in; theory makes no promise for them where the CPU is what is short, so the answer is checked one step down in each of them.
pub const MORE_HELPS: [&str; 8] =
    ["servers", "cores", "processes", "threads", "greenlets", "connections", "units", "listen"];

/// A setting that varies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GridAxis {
    /// Its path in the scenario.
    pub path: String,
    /// What it may be; numbers ascend.
    pub values: Vec<String>,
}

impl GridAxis {
    /// The last part of the path.
    pub fn setting(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// Whether more of it never hurts.
    pub fn more_helps(&self) -> bool {
        MORE_HELPS.contains(&self.setting()) && self.values.iter().all(|value| value.parse::<u64>().is_ok())
    }
}

/// All deployments of a world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grid {
    /// What varies.
    pub axes: Vec<GridAxis>,
}

impl Grid {
    /// How many deployments there are.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of a deployment on every axis; the last axis turns fastest.
    pub fn place(&self, mut index: usize) -> Vec<usize> {
        let mut place = vec![0; self.axes.len()];
        for (at, axis) in self.axes.iter().enumerate().rev() {
            place[at] = index % axis.values.len();
            index /= axis.values.len();
        }
        place
    }

    /// The deployment at a place.
    pub fn index(&self, place: &[usize]) -> usize {
        self.axes.iter().zip(place).fold(0, |index, (axis, at)| index * axis.values.len() + at)
    }

    /// What every setting is in a deployment: path and value.
    pub fn settings(&self, index: usize) -> Vec<(&str, &str)> {
        let place = self.place(index);
        self.axes.iter().zip(place).map(|(axis, at)| (axis.path.as_str(), axis.values[at].as_str())).collect()
    }

    /// The deployments with one step less of one setting.
    pub fn steps_down(&self, index: usize) -> Vec<usize> {
        let place = self.place(index);
        let less = (0..place.len()).filter(|at| place[*at] > 0 && self.axes[*at].more_helps());
        let step = |at: usize| {
            let mut less = place.clone();
            less[at] -= 1;
            self.index(&less)
        };
        less.map(step).collect()
    }

    /// Whether `less` has no more of anything that helps than `more`, and is the same otherwise.
    fn is_below(&self, less: usize, more: usize) -> bool {
        let (less, more) = (self.place(less), self.place(more));
        self.axes.iter().zip(less.iter().zip(&more)).all(
            |(axis, (less, more))| {
                if axis.more_helps() { less <= more } else { less == more }
            },
        )
    }
}

/// What is known of a deployment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeploymentFate {
    /// It meets.
    Meets,
    /// It misses, perhaps by chance.
    Misses,
    /// It misses by so much that what has less of what helps misses too.
    MissesByFar,
}

/// The cheapest deployment that meets; of equally cheap ones the first. `first` is asked for first.
///
/// # Errors
/// What `fate` fails with.
pub fn cheapest<E>(
    grid: &Grid,
    costs: &[f64],
    first: Option<usize>,
    fate: &mut dyn FnMut(usize) -> Result<DeploymentFate, E>,
) -> Result<Option<usize>, E> {
    let mut open: Vec<usize> = (0..grid.len()).collect();
    open.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
    let mut best = None;
    let mut asked = first;
    while !open.is_empty() {
        let at = asked.take().and_then(|first| open.iter().position(|other| *other == first));
        let at = at.unwrap_or((open.len() - 1) / 2);
        let candidate = open[at];
        match fate(candidate)? {
            DeploymentFate::Meets => {
                best = Some(candidate);
                open.truncate(at);
            }
            DeploymentFate::Misses => {
                open.remove(at);
            }
            DeploymentFate::MissesByFar => open.retain(|other| !grid.is_below(*other, candidate)),
        }
    }
    Ok(best)
}

/// The same by asking for every deployment from the cheapest on.
///
/// # Errors
/// What `meets` fails with.
pub fn cheapest_by_force<E>(
    grid: &Grid,
    costs: &[f64],
    meets: &mut dyn FnMut(usize) -> Result<bool, E>,
) -> Result<Option<usize>, E> {
    let mut all: Vec<usize> = (0..grid.len()).collect();
    all.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
    for candidate in all {
        if meets(candidate)? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn grid(sizes: &[usize]) -> Grid {
        let names = ["world.a.processes", "world.a.threads", "world.a.worker"];
        let axis = |(path, size): (&&str, &usize)| GridAxis {
            path: (*path).to_owned(),
            values: (1..=*size)
                .map(|value| if path.ends_with("worker") { format!("w{value}") } else { value.to_string() })
                .collect(),
        };
        Grid { axes: names.iter().zip(sizes).map(axis).collect() }
    }

    #[test]
    fn a_place_and_its_index_are_each_others_inverse() {
        let grid = grid(&[3, 4, 2]);
        assert_eq!(grid.len(), 24);
        for index in 0..24 {
            assert_eq!(grid.index(&grid.place(index)), index);
        }
        assert_eq!(grid.settings(23), [("world.a.processes", "3"), ("world.a.threads", "4"), ("world.a.worker", "w2")]);
        assert_eq!(grid.steps_down(23).len(), 2, "there is no less of a worker");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..Default::default() })]

        /// Whatever is needed of the settings that help, per kind of worker, and whatever things cost: the search finds what
        /// trying everything finds, and tries less.
        #[test]
        fn it_finds_the_cheapest_that_brute_force_finds(
            sizes in (1_usize..9, 1_usize..9, 1_usize..4),
            needs in proptest::collection::vec((0_usize..10, 0_usize..10, 0_usize..18), 3),
            prices in proptest::collection::vec(0_u32..50, 3),
            noise in proptest::collection::vec(0_u32..4, 256),
            first in 0_usize..300,
        ) {
            let grid = grid(&[sizes.0, sizes.1, sizes.2]);
            // What meets goes on meeting with more of processes or threads; costs need not even grow with them.
            let meets = |index: usize| {
                let place = grid.place(index);
                let (processes, threads, sum) = needs[place[2]];
                place[0] >= processes && place[1] >= threads && place[0] + place[1] >= sum
            };
            let costs: Vec<f64> = (0..grid.len()).map(|index| {
                let place = grid.place(index);
                let sum: u32 = place.iter().zip(&prices).map(|(at, price)| *at as u32 * price).sum();
                f64::from(sum + noise[index % noise.len()])
            }).collect();
            let mut tries = 0;
            // Some misses are by chance: what meets in truth misses now and then, and rules out nothing then.
            let unlucky = |index: usize| noise[(index * 7 + 3) % noise.len()] == 0;
            let meets = |index: usize| meets(index) && !unlucky(index);
            let found = cheapest(&grid, &costs, Some(first), &mut |index| {
                tries += 1;
                let fate = match (meets(index), unlucky(index)) {
                    (true, _) => DeploymentFate::Meets,
                    (false, true) => DeploymentFate::Misses,
                    (false, false) => DeploymentFate::MissesByFar,
                };
                Ok::<DeploymentFate, Infallible>(fate)
            });
            let brute = cheapest_by_force(&grid, &costs, &mut |index| Ok::<bool, Infallible>(meets(index)));
            prop_assert_eq!(found, brute);
            prop_assert!(tries <= grid.len());
        }
    }

    #[test]
    fn a_long_range_takes_few_tries() {
        let grid = grid(&[1_000]);
        let costs: Vec<f64> = (0..1_000).map(f64::from).collect();
        for edge in [0, 1, 499, 998, 1_000] {
            let mut tries = 0;
            let found = cheapest(&grid, &costs, None, &mut |index| {
                tries += 1;
                Ok::<DeploymentFate, Infallible>(if index >= edge {
                    DeploymentFate::Meets
                } else {
                    DeploymentFate::MissesByFar
                })
            });
            assert_eq!(found, Ok((edge < 1_000).then_some(edge)));
            assert!(tries <= 11, "{tries} tries for {edge}");
        }
    }
}
