//! A program that sends requests and ends when it has heard nothing for too long.
//!
//! After `ab` (httpd, `support/ab.c`, `test`): it polls all of its connections together, and a poll in which nothing happens for the
//! whole of its timeout (30 s; `-s` since httpd 2.4) ends the program: "The timeout specified has expired". A connection that is made
//! and an answer of any kind are something, and so is sending, after which it polls anew; a SYN that is repeated in vain is not. What
//! is under way then has failed for its sender, whatever becomes of it, and nothing more is sent.

use crate::kit::id::ClientId;
use crate::program::request::{Request, Stage};
use crate::watch::probe::Probe;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// The first poll of a program that ends when it hears nothing.
    pub(super) fn listen_for_silence(&mut self, index: usize) {
        if let Some(silence) = self.model.clients[index].silence {
            self.queue.push(self.now + silence, Event::Silence(ClientId::from_index(index)));
        }
    }

    /// Something has happened at a connection of the group, so its next poll begins.
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
        let due = self.clients[index].heard + silence;
        if self.now < due {
            return self.queue.push(due, Event::Silence(client));
        }
        let is_alive = |request: &Request| usize::from(request.client()) == index && request.ending().is_none();
        let alive = self.requests.iter().filter(|(_, request)| is_alive(request));
        let (pausing, waiting): (Vec<_>, Vec<_>) =
            alive.map(|(id, request)| (id, request.stage())).partition(|(_, stage)| *stage == Stage::Pausing);
        if waiting.is_empty() {
            // Nobody was asked, so nothing could be heard.
            if !pausing.is_empty() {
                self.queue.push(self.now + silence, Event::Silence(client));
            }
            return;
        }
        // Who pauses has sent nothing: `send` forgets it.
        self.clients[index].ended = true;
        for (id, _) in waiting {
            if self.requests.get(id).is_some_and(is_alive) {
                self.time_out(id);
            }
        }
    }
}
