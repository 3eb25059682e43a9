//! A program that sends requests and ends when it has heard nothing for too long.
//!
//! After `ab` (httpd, `support/ab.c`, `test`): it polls all of its connections together, and a poll in which nothing happens for the
//! whole of its timeout (30 s; `-s` since httpd 2.4) ends the program: "The timeout specified has expired". A connection that is made
//! and an answer of any kind are something; a SYN that is repeated in vain is not. What is under way then has failed for its sender,
//! whatever becomes of it, and nothing more is sent.

use crate::id::{ClientId, RequestId};
use crate::probe::Probe;
use crate::record::Ending;
use crate::request::Stage;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// The first poll of a program that ends when it hears nothing.
    pub(super) fn listen_for_silence(&mut self, index: usize) {
        if let Some(silence) = self.model.clients[index].silence {
            self.queue.push(self.now + silence, Event::Silence(ClientId::from_index(index)));
        }
    }

    /// Something has happened at a connection of the group.
    #[inline(always)]
    pub(crate) fn hear(&mut self, index: usize) {
        self.clients[index].heard = self.now;
    }

    /// A poll may have lasted too long.
    #[cold]
    #[inline(never)]
    pub(crate) fn silence_event(&mut self, client: ClientId) {
        let index = client.index();
        let Some(silence) = self.model.clients[index].silence else { return };
        let of_group = |(_, request): &(RequestId, &crate::request::Request)| {
            usize::from(request.client) == index && request.ending.is_none()
        };
        let alive: Vec<(RequestId, Stage)> =
            self.requests.iter().filter(of_group).map(|(id, request)| (id, request.stage)).collect();
        if alive.is_empty() {
            return;
        }
        let waits = alive.iter().any(|(_, stage)| *stage != Stage::Pausing);
        let heard = if waits { self.clients[index].heard } else { self.now };
        if self.now < heard + silence {
            self.queue.push(heard + silence, Event::Silence(client));
            return;
        }
        self.clients[index].ended = true;
        for (id, stage) in alive {
            let is_open = self.requests.get(id).is_some_and(|request| request.ending.is_none());
            match stage {
                // It is not sent; `send` forgets it when its pause is over.
                Stage::Pausing => {}
                Stage::Connecting if is_open => self.end(id, Ending::ConnectTimeout),
                _ if is_open => self.end(id, Ending::ReadTimeout),
                _ => {}
            }
        }
    }
}
