//! Who was starved: the requests and the clients that had to do without for longest, by name rather than by number.

use crate::kit::time::{Span, Time};
use crate::program::request::Request;
use crate::program::wait::{Ending, Wait};

/// Requests of a class, and clients of a group, that are kept at most.
pub const STARVED_MAX: usize = 16;

/// A request that was starved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StarvedRequest {
    /// Index of its class.
    pub class: u16,
    /// Index of the group of its client.
    pub group: u16,
    /// When its sender asked.
    pub born: Time,
    /// How long it waited: its latency without what it would take on an empty system.
    pub waited: Span,
    /// How it ended.
    pub ending: Ending,
    /// Where its time went by [`Wait`], in [`Wait::ALL`] order.
    pub bill: [Span; Wait::KINDS],
}

/// A client that was starved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StarvedClient {
    /// Its number in its group, from zero.
    pub number: u32,
    /// Good responses that it had.
    pub served: u64,
    /// The longest that it went without one.
    pub longest: Span,
    /// Since when.
    pub since: Time,
}

/// Those with the largest numbers, the largest first; of equals the one that came first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Longest<T>(Vec<T>);

impl<T> Default for Longest<T> {
    fn default() -> Self {
        Longest(Vec::new())
    }
}

/// The requests of a class that were starved for longest.
pub type StarvedRequests = Longest<StarvedRequest>;
/// The clients of a group that were starved for longest.
pub type StarvedClients = Longest<StarvedClient>;

impl<T> Longest<T> {
    fn insert(&mut self, one: T, by: impl Fn(&T) -> Span) {
        let at = self.0.partition_point(|other| by(other) >= by(&one));
        if at < STARVED_MAX {
            self.0.truncate(STARVED_MAX - 1);
            self.0.insert(at, one);
        }
    }

    /// All of them.
    pub fn all(&self) -> &[T] {
        &self.0
    }
}

impl StarvedRequests {
    #[cold]
    #[inline(never)]
    pub(crate) fn note(&mut self, request: &Request, waited: Span, ending: Ending) {
        let (class, group, born, bill) = (request.class(), request.client(), request.born(), *request.bill());
        self.insert(StarvedRequest { class, group, born, waited, ending, bill }, |one| one.waited);
    }
}

impl StarvedClients {
    pub(crate) fn note(&mut self, client: StarvedClient) {
        self.insert(client, |one| one.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_are_kept_and_of_equals_the_first() {
        let mut list = StarvedClients::default();
        let client =
            |number, secs| StarvedClient { number, served: 0, longest: Span::from_secs(secs), since: Time::ZERO };
        (0..40).for_each(|number| list.note(client(number, u64::from(number % 20))));
        let kept: Vec<(u32, u64)> =
            list.all().iter().map(|one| (one.number, one.longest.as_ns() / 1_000_000_000)).collect();
        assert_eq!(kept.len(), STARVED_MAX);
        assert_eq!(&kept[..4], &[(19, 19), (39, 19), (18, 18), (38, 18)]);
    }
}
