//! A request is born: the person's next row of every stream is drawn, whoever will serve it.

use crate::client::{Beginning, Site};
use crate::kit::id::{ConnId, RequestId, TaskId, ThreadId};
use crate::kit::rng::mix;
use crate::kit::time::{Span, Time};
use crate::program::op::Pc;
use crate::program::request::{Link, NO_LISTENER, NO_MEMBER, NO_RESIDENT, Request, Stage, TRIES_MAX, Why};
use crate::program::wait::Wait;
use crate::watch::probe::Probe;
use crate::world::World;

/// Rows of refreshes and retries lie far behind those of first requests, so that no world's refreshes move another's draws.
pub(super) const ATTEMPT_ROWS: u32 = 40;
/// Set in the attempt of a second copy, whose rows lie behind all of those.
pub(crate) const COPY: u16 = 1 << 15;

/// Whose request it is, and the how manieth of that person.
#[derive(Clone, Copy)]
pub(super) struct Person {
    /// Index of the client.
    pub(super) client: usize,
    /// Place of the class among those of the client.
    pub(super) class: usize,
    /// Row of the client's draws.
    pub(super) row: u64,
    /// Row of the class's draws.
    pub(super) class_row: u64,
    /// Requests of this person before.
    pub(super) attempt: u16,
    /// Why it is sent.
    pub(super) why: Why,
}

impl<P: Probe> World<'_, P> {
    /// A person is born, with all of its draws.
    #[inline(always)]
    pub(super) fn new_request(&mut self, index: usize, pause: Span) -> RequestId {
        let row = self.clients[index].born;
        self.clients[index].born += 1;
        let class = self.pick_class(index, row);
        let class_row = self.clients[index].class_rows[class];
        self.clients[index].class_rows[class] += 1;
        self.birth(Person { client: index, class, row, class_row, attempt: 0, why: Why::First }, pause)
    }

    /// A balancer's own request. Its rows are those of second copies, which count for no births.
    pub(crate) fn new_check(&mut self, index: usize) -> RequestId {
        let row = self.clients[index].born;
        self.clients[index].born += 1;
        let person = Person { client: index, class: 0, row, class_row: row, attempt: COPY, why: Why::Check };
        self.birth(person, Span::ZERO)
    }

    /// The person behind a request, about to send another one.
    pub(super) fn person_of(&self, request: &Request, attempt: u16, why: Why) -> Person {
        let client = usize::from(request.client);
        let classes = &self.model.clients[client].classes;
        let class = classes.iter().position(|&id| id as usize == usize::from(request.class));
        let class = class.expect("a request's class is one of its client's");
        let (row, class_row) = (request.row & u64::from(u32::MAX), request.row >> 32);
        Person { client, class, row, class_row, attempt, why }
    }

    fn pick_class(&mut self, index: usize, row: u64) -> usize {
        if self.clients[index].class_rows.len() == 1 {
            return 0;
        }
        let Beginning { clients, class: beginning } = self.clients[index].beginning;
        if row < clients {
            return beginning;
        }
        let bits = u128::from(self.draw(index, Site::Class, row));
        let mut left = ((bits * u128::from(self.clients[index].weights)) >> 64) as u64;
        let classes = &self.model.clients[index].classes;
        for (at, &class) in classes.iter().enumerate().filter(|(at, _)| *at != beginning) {
            let weight = u64::from(self.model.classes[class as usize].weight);
            if left < weight {
                return at;
            }
            left -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }

    /// Makes a request and draws its fate.
    pub(super) fn birth(&mut self, person: Person, pause: Span) -> RequestId {
        let Person { client: index, class, row, class_row, attempt, why } = person;
        let model = self.model;
        let spec = &model.clients[index];
        let shift = u64::from(attempt) << ATTEMPT_ROWS;
        let key = self.draw(index, Site::Key, row + shift);
        let born = self.now + pause;
        let leaves_at = match &spec.patience {
            Some(law) => born + law.sample(self.draw(index, Site::Patience, row + shift)),
            None => Time::NEVER,
        };
        let (first, count) = self.clients[index].class_sites[class];
        let class_id = spec.classes[class];
        let fate = self.fates.take(count);
        let sites = &model.classes[class_id as usize].sites;
        let mut births = mix(self.births ^ born.as_ns(), key ^ u64::from(class_id));
        for ((column, value), spec) in self.fates.row_mut(fate, count).iter_mut().enumerate().zip(sites) {
            *value = spec.law.sample(self.streams.bits(first + column, class_row + shift)).as_ns();
            births = mix(births, *value);
        }
        if attempt == 0 {
            self.births = births;
        }
        self.requests.insert(Request {
            born,
            since: born,
            bill: [Span::ZERO; Wait::KINDS],
            key,
            row: row | class_row << 32,
            leaves_at,
            limit_at: Time::NEVER,
            hop_at: Time::NEVER,
            hedge_at: Time::NEVER,
            begun: Time::ZERO,
            fate,
            task: TaskId::NONE,
            linger: ThreadId::NONE,
            twin: RequestId::NONE,
            conn: ConnId::NONE,
            tried: [NO_LISTENER; TRIES_MAX],
            tries: 0,
            why,
            resident: NO_RESIDENT,
            member: NO_MEMBER,
            client: index as u16,
            class: class_id as u16,
            listener: NO_LISTENER,
            attempt,
            syns: 0,
            wait: Wait::Network,
            op: Pc(0),
            stage: Stage::Pausing,
            ending: None,
            failed: false,
            again: false,
            link: Link::default(),
        })
    }
}
