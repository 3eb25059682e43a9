//! Fairness: how evenly service and waiting were spread, over classes, client groups, clients, threads and processes.
//!
//! A request is starved if it waited for longer than [`crate::model::RunSpec::starved_after`] while two or more that came later were
//! answered. A client that asks again and again is, if it waited for so long in all since its last good response while some other one
//! got two. What a request needs by itself, and the pauses between requests, are no waits.

use serde::Serialize;

use crate::kit::time::{Span, Time};
use crate::model::{Arrivals, ClientSpec, Model};
use crate::program::request::{NO_MEMBER, Request};
use crate::watch::starved::{StarvedClient, StarvedClients};

/// Moments of a number over members of a group, in exact integers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Evenness {
    /// Members.
    pub count: u64,
    /// Sum over them.
    pub sum: u128,
    /// Sum of the squares.
    pub square: u128,
    /// The least of a member.
    pub min: u64,
    /// The most of a member.
    pub max: u64,
}

impl Evenness {
    /// Of these numbers, one for each member.
    pub fn of(numbers: impl IntoIterator<Item = u64>) -> Evenness {
        let mut all = Evenness::default();
        numbers.into_iter().for_each(|number| all.add(number));
        all
    }

    /// One member more.
    pub fn add(&mut self, number: u64) {
        self.min = if self.count == 0 { number } else { self.min.min(number) };
        self.max = self.max.max(number);
        self.count += 1;
        self.sum += u128::from(number);
        self.square += u128::from(number) * u128::from(number);
    }

    /// Both groups as one.
    pub fn merged(self, other: Evenness) -> Evenness {
        let (least, most) = (self.min.min(other.min), self.max.max(other.max));
        let (min, max) = match (self.count, other.count) {
            (0, _) => (other.min, other.max),
            (_, 0) => (self.min, self.max),
            _ => (least, most),
        };
        let (count, sum, square) = (self.count + other.count, self.sum + other.sum, self.square + other.square);
        Evenness { count, sum, square, min, max }
    }

    /// Jain's fairness index, (sum x)^2 / (n sum x^2): 1 when all have as much, 1/n when one has all. `None` if nobody has anything.
    pub fn jain(&self) -> Option<f64> {
        jain(self.count, self.sum, self.square)
    }

    /// The least over the mean.
    pub fn min_share(&self) -> Option<f64> {
        (self.sum > 0).then(|| self.min as f64 * self.count as f64 / self.sum as f64)
    }

    /// The most over the mean: the skew of a load.
    pub fn max_share(&self) -> Option<f64> {
        (self.sum > 0).then(|| self.max as f64 * self.count as f64 / self.sum as f64)
    }
}

/// Parts that a [`lorenz`] curve is divided into.
pub const LORENZ_PARTS: u64 = 50;

/// A Lorenz curve of numbers, exactly: what the poorest 0, 1/50, 2/50... of them have together, in fiftieths. Where a part ends within
/// a member, it has its part of the member. Empty without numbers.
pub fn lorenz(mut numbers: Vec<u64>) -> Vec<u64> {
    if numbers.is_empty() {
        return Vec::new();
    }
    numbers.sort_unstable();
    let count = numbers.len() as u64;
    let (mut at, mut sum) = (0, 0);
    let mut point = |part: u64| {
        let (whole, rest) = (part * count / LORENZ_PARTS, part * count % LORENZ_PARTS);
        while at < whole {
            sum += numbers[at as usize];
            at += 1;
        }
        sum * LORENZ_PARTS + numbers.get(at as usize).map_or(0, |number| number * rest)
    };
    (0..=LORENZ_PARTS).map(&mut point).collect()
}

/// Jain's fairness index of so many numbers, of which the sum and the sum of the squares are known.
pub(crate) fn jain(count: u64, sum: u128, square: u128) -> Option<f64> {
    let sum = sum as f64;
    (square > 0).then(|| sum * sum / (count as f64 * square as f64))
}

/// How the requests of a class, or of a client group, waited.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Waiting {
    /// The longest that one waited: its latency without what it would take on an empty system. However it ended.
    pub longest: Span,
    /// Requests that were starved.
    pub starved: u64,
}

/// A group of clients in one run.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct GroupRecord {
    /// Its name.
    pub name: String,
    /// Its good responses.
    pub served: u64,
    /// How its requests waited.
    pub waiting: Waiting,
    /// Good responses by client, where clients ask again and again.
    pub clients: Evenness,
    /// Its clients that were starved.
    pub starved_clients: u64,
    /// Those of them that went without for longest.
    #[serde(skip)]
    pub starved_longest: StarvedClients,
    /// What the poorest of its clients have, see [`lorenz`].
    #[serde(skip)]
    pub lorenz: Vec<u64>,
    /// CPU time of the program that sends its requests, after the warm-up; of so many processes.
    pub generator_cpu: Span,
    /// Processes of that program; zero where a request costs its sender nothing.
    pub generators: u32,
}

impl GroupRecord {
    pub(crate) fn new(spec: &ClientSpec) -> GroupRecord {
        GroupRecord { name: spec.name.clone(), ..GroupRecord::default() }
    }
}

/// How good responses went to clients that ask again and again.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Residents {
    /// How many there are.
    pub clients: u64,
    /// How many of them had any good pass.
    pub served: u64,
    /// Good passes.
    pub passes: u64,
    /// Sum of the squares of their numbers of good passes.
    pub passes_square: u128,
    /// The longest time that one of them went without a good pass.
    pub longest_without: Span,
}

impl Residents {
    /// Jain's fairness index of good passes: 1 when all have as many, 1/n when one has all.
    pub fn jain(&self) -> Option<f64> {
        jain(self.clients, u128::from(self.passes), self.passes_square)
    }
}

/// One client that asks again and again.
#[derive(Clone, Copy, Debug)]
struct Member {
    group: u16,
    starved: bool,
    passes: u64,
    /// When its last good response came, or the window began.
    last: Time,
    /// How long its requests have waited since then.
    waited: Span,
    /// The longest that it went without one, and since when.
    longest: Span,
    since: Time,
}

impl Member {
    /// A time without a good response ends.
    #[inline]
    fn gap(&mut self, end: Time, after: Span, pair: Time) {
        let gap = end.since(self.last);
        self.starved |= std::mem::take(&mut self.waited) > after && pair > self.last;
        if gap > self.longest {
            (self.longest, self.since) = (gap, self.last);
        }
    }
}

/// Who waits while others are served; the recorder's part of it.
#[derive(Clone, Debug)]
pub(crate) struct Fairness {
    after: Span,
    members: Vec<Member>,
    /// When the two youngest of those answered so far were born, the youngest first.
    youngest: [Time; 2],
    /// The latest of all spans between two good responses of one client: when it began.
    latest_pair: Time,
}

impl Fairness {
    pub(crate) fn new(model: &Model) -> Fairness {
        let last = Time::ZERO + model.run.warm_up;
        let member = |group| Member {
            group,
            starved: false,
            passes: 0,
            last,
            waited: Span::ZERO,
            longest: Span::ZERO,
            since: last,
        };
        let members = (0..).zip(model.clients.iter()).flat_map(|(group, client)| match client.arrivals {
            Arrivals::Closed { clients, .. } => std::iter::repeat_n(member(group), clients as usize),
            Arrivals::Poisson(_) | Arrivals::Fixed(_) | Arrivals::Trace(_) => std::iter::repeat_n(member(group), 0),
        });
        Fairness {
            after: model.run.starved_after,
            members: members.collect(),
            youngest: [Time::ZERO; 2],
            latest_pair: Time::ZERO,
        }
    }

    /// A request ended for its sender, or with the run. Whether it was starved.
    #[inline]
    pub(crate) fn ended(&mut self, request: &Request, waited: Span, of: [&mut Waiting; 2]) -> bool {
        let starved = waited > self.after && self.youngest[1] > request.born();
        if request.member() != NO_MEMBER {
            self.members[request.member() as usize].waited += waited;
        }
        for waiting in of {
            waiting.longest = waiting.longest.max(waited);
            waiting.starved += u64::from(starved);
        }
        starved
    }

    /// A good response.
    #[inline]
    pub(crate) fn served(&mut self, at: Time, request: &Request) {
        if request.born() > self.youngest[0] {
            self.youngest = [request.born(), self.youngest[0]];
        } else if request.born() > self.youngest[1] {
            self.youngest[1] = request.born();
        }
        if request.member() != NO_MEMBER {
            self.pass(at, request);
        }
    }

    fn pass(&mut self, at: Time, request: &Request) {
        let (after, pair) = (self.after, self.latest_pair);
        let member = &mut self.members[request.member() as usize];
        member.gap(at, after, pair);
        self.latest_pair = pair.max(if member.passes > 0 { member.last } else { Time::ZERO });
        member.passes += 1;
        member.last = at;
    }

    /// Fills in what clients got, of each group; the window closes at `end`.
    pub(crate) fn close(&mut self, end: Time, groups: &mut [GroupRecord]) {
        for members in self.members.chunk_by_mut(|a, b| a.group == b.group) {
            let group = &mut groups[usize::from(members[0].group)];
            for (number, member) in (0..).zip(&mut *members) {
                member.gap(end, self.after, self.latest_pair);
                group.clients.add(member.passes);
                group.starved_clients += u64::from(member.starved);
                if member.starved {
                    let (served, longest, since) = (member.passes, member.longest, member.since);
                    group.starved_longest.note(StarvedClient { number, served, longest, since });
                }
            }
            group.lorenz = lorenz(members.iter().map(|member| member.passes).collect());
        }
    }

    /// How resident clients fared, after the close.
    pub(crate) fn residents(&self) -> Residents {
        let mut all = Residents { clients: self.members.len() as u64, ..Residents::default() };
        for one in &self.members {
            all.served += u64::from(one.passes > 0);
            all.passes += one.passes;
            all.passes_square += u128::from(one.passes) * u128::from(one.passes);
            all.longest_without = all.longest_without.max(one.longest);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_poorest_part_has_its_part_of_all() {
        let equals = lorenz(vec![3; 10]);
        assert_eq!(equals.len() as u64, LORENZ_PARTS + 1);
        assert!((0..=50).all(|part| equals[part as usize] == part * 30));
        let winner = lorenz(vec![100, 0, 0, 0]);
        assert_eq!((winner[37], winner[38], winner[44], winner[50]), (0, 200, 2_600, 5_000));
        assert_eq!(lorenz(Vec::new()), Vec::<u64>::new());
    }

    #[test]
    fn evenness_is_one_for_equals_and_one_over_n_for_a_winner() {
        let equals = Evenness::of([5; 8]);
        assert_eq!((equals.jain(), equals.min_share(), equals.max_share()), (Some(1.0), Some(1.0), Some(1.0)));
        let winner = Evenness::of([0, 12, 0]);
        assert_eq!(winner.jain(), Some(1.0 / 3.0));
        assert_eq!((winner.min_share(), winner.max_share()), (Some(0.0), Some(3.0)));
        assert_eq!(Evenness::of([]).jain(), None);
    }
}
