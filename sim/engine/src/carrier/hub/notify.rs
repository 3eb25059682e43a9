//! Notifiers, links and unlocks: callbacks that switch into several greenlets, one after the other.
//!
//! Each is a small state machine: the hub lets it make one step whenever no greenlet runs, so that a greenlet it switched into has
//! the whole hub until it parks, as in gevent.

use super::Callback;
use crate::carrier::hub::greenlet::{DeathLink, GreenletLife};
use crate::kit::id::{GreenId, HubId, TaskId};
use crate::program::said::Said;
use crate::program::task::Parked;
use crate::program::wait::Wait;
use crate::python::linkable::{LinkId, Notifier};
use crate::python::sync::Sync;
use crate::watch::probe::Probe;
use crate::world::World;

/// A callback that is under way.
#[derive(Clone, Debug)]
pub(crate) enum Underway {
    /// A notifier's pass: which list, and who is the last of it.
    Notify { link: LinkId, late: bool, last: u32, done: bool },
    /// The links of a dead greenlet.
    Links(GreenId),
    /// A queue serves putters and getters in turn; whether the getter's half comes next, and whether anything moved.
    Unlock { sync: u16, getter_next: bool, moved: bool },
    /// A channel pairs them: the putter to be told next.
    Pair { sync: u16, putter: Option<(TaskId, u32)> },
    /// Victims of a kill still to be thrown into, those who survived, and who waits for it.
    Kill { victims: Vec<GreenId>, at: usize, diehards: Vec<GreenId>, killer: Option<(TaskId, u32)> },
}

impl<P: Probe> World<'_, P> {
    /// Queues the notifier of a linkable if it is needed.
    pub(crate) fn check_and_notify(&mut self, id: HubId, link: LinkId) {
        let process = self.carriers.hubs[id].process;
        if !self.link(process, link).wants_notifier() {
            return;
        }
        let serial = self.carriers.hubs[id].next_serial();
        self.link(process, link).notifier = Notifier::Queued(serial);
        self.hub(id).callbacks.push_back(Callback::Notify(link, serial));
    }

    /// The notifier's callback runs, unless it was stopped.
    #[inline(never)]
    pub(super) fn begin_notify(&mut self, id: HubId, link: LinkId, serial: u32) {
        let process = self.carriers.hubs[id].process;
        let state = self.link(process, link);
        if state.notifier != Notifier::Queued(serial) {
            return;
        }
        let Some(&(last, _)) = state.waiters.back() else {
            // A native thread has served the last of them meanwhile.
            state.notifier = Notifier::None;
            return;
        };
        state.notifier = Notifier::Running;
        self.hub(id).underway = Some(Underway::Notify { link, late: false, last, done: false });
    }

    /// One step of what is under way. No greenlet runs.
    #[inline(never)]
    pub(super) fn go_on(&mut self, id: HubId) {
        match self.hub(id).underway.take() {
            None => {}
            Some(Underway::Notify { link, late, last, done }) => self.notify_on(id, link, late, last, done),
            Some(Underway::Links(green)) => self.call_links(id, green),
            Some(Underway::Unlock { sync, getter_next, moved }) => self.unlock_on(id, sync, getter_next, moved),
            Some(Underway::Pair { sync, putter }) => self.pair_on(id, sync, putter),
            Some(Underway::Kill { victims, at, diehards, killer }) => self.kill_on(id, victims, at, diehards, killer),
        }
    }

    /// The pass goes on with the next waiter, with those who came late, or ends.
    fn notify_on(&mut self, id: HubId, link: LinkId, late: bool, last: u32, done: bool) {
        let process = self.carriers.hubs[id].process;
        let state = self.link(process, link);
        let ready = state.wakes_all || state.is_ready();
        let list = if late { &mut state.late } else { &mut state.waiters };
        if !done
            && ready
            && let Some((came, task)) = list.pop_front()
        {
            self.hub(id).underway = Some(Underway::Notify { link, late, last, done: came == last });
            self.wake_linked(id, task);
            return;
        }
        if !late && let Some(&(last, _)) = state.late.back() {
            self.hub(id).underway = Some(Underway::Notify { link, late: true, last, done: false });
            return;
        }
        let left = std::mem::take(&mut state.late);
        state.waiters.extend(left);
        state.notifier = Notifier::None;
        self.check_and_notify(id, link);
    }

    fn wake_linked(&mut self, id: HubId, task: TaskId) {
        if self.wakes_away(task, self.carriers.hubs[id].thread) {
            return;
        }
        self.stop_limit(id, task);
        let now = self.local(id);
        self.tasks[task].ready_from(now);
        self.switch_to(id, task);
    }

    /// Queues the callback that calls a dead greenlet's links, if there are any.
    pub(super) fn notify_death(&mut self, id: HubId, green: GreenId) {
        let state = &mut self.carriers.greens[green];
        if state.links.is_empty() || std::mem::replace(&mut state.notifying, true) {
            return;
        }
        self.hub(id).callbacks.push_back(Callback::Links(green));
    }

    fn call_links(&mut self, id: HubId, green: GreenId) {
        let Some(link) = self.carriers.greens[green].links.pop_front() else {
            self.carriers.greens[green].notifying = false;
            return;
        };
        self.hub(id).underway = Some(Underway::Links(green));
        match link {
            DeathLink::Join(task) => self.wake_linked(id, task),
            DeathLink::Gather(waiter) => self.gathered(id, waiter, Some(green)),
            DeathLink::Discard(sync) => self.discard(id, sync),
            // The linked function runs in a greenlet of its own that is switched to at once.
            DeathLink::Note(note) => self.say(id, green, Said::Note(note)),
        }
    }

    /// A value for one that waits for several; it goes on if it is waiting at this moment.
    #[inline(never)]
    pub(super) fn gathered(&mut self, id: HubId, waiter: GreenId, value: Option<GreenId>) {
        let state = &mut self.carriers.greens[waiter];
        let Some(gather) = &mut state.gather else { return };
        gather.values.push_back(value);
        let task = state.task;
        if self.tasks[task].parked() == Parked::Deaths {
            self.wake_linked(id, task);
        }
    }

    /// A member leaves its pool.
    fn discard(&mut self, id: HubId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let Sync::Pool(pool) = self.interpreters[process].shared_mut(sync) else {
            unreachable!("members are members of pools")
        };
        pool.members -= 1;
        let (empty, room, is_empty) = (pool.empty, pool.room, pool.members == 0);
        if is_empty {
            self.link(process, empty).set();
            self.check_and_notify(id, empty);
        }
        if let Some(room) = room {
            self.link(process, room).give();
            self.check_and_notify(id, room);
        }
    }

    #[inline(never)]
    pub(super) fn begin_unlock(&mut self, id: HubId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        self.hub(id).underway = Some(match *self.interpreters[process].shared(sync) {
            Sync::Channel(_) => Underway::Pair { sync, putter: None },
            _ => Underway::Unlock { sync, getter_next: false, moved: false },
        });
    }

    /// A queue: while it has room the oldest putter's item is stored and the putter woken, while it has items the oldest getter.
    fn unlock_on(&mut self, id: HubId, sync: u16, getter_next: bool, moved: bool) {
        let process = self.carriers.hubs[id].process;
        let queue = self.queue_mut(process, sync);
        if getter_next {
            if !queue.items.is_empty()
                && let Some(getter) = queue.getters.pop_front()
            {
                self.hub(id).underway = Some(Underway::Unlock { sync, getter_next: false, moved: false });
                self.wake_linked(id, getter);
            } else if moved {
                self.hub(id).underway = Some(Underway::Unlock { sync, getter_next: false, moved: false });
            } else {
                queue.unlocking = false;
            }
            return;
        }
        let room = queue.has_room();
        if room && let Some((putter, item)) = queue.putters.pop_front() {
            self.store(process, sync, item);
            self.hub(id).underway = Some(Underway::Unlock { sync, getter_next: true, moved: true });
            self.wake_linked(id, putter);
            return;
        }
        self.hub(id).underway = Some(Underway::Unlock { sync, getter_next: true, moved: false });
    }

    /// A channel: the oldest getter gets the oldest putter's item, then the putter is told.
    fn pair_on(&mut self, id: HubId, sync: u16, putter: Option<(TaskId, u32)>) {
        if let Some((task, ticket)) = putter {
            self.hub(id).underway = Some(Underway::Pair { sync, putter: None });
            if self.is_waiting(task, ticket) {
                self.wake_linked(id, task);
            }
            return;
        }
        let process = self.carriers.hubs[id].process;
        let channel = self.channel_mut(process, sync);
        if channel.getters.is_empty() || channel.putters.is_empty() {
            channel.unlocking = false;
            return;
        }
        let getter = channel.getters.pop_front().expect("just looked");
        let (putter, item) = channel.putters.pop_front().expect("just looked");
        let ticket = self.carriers.greens[self.tasks[putter].green()].ticket;
        self.carriers.greens[self.tasks[getter].green()].item = item;
        self.hub(id).underway = Some(Underway::Pair { sync, putter: Some((putter, ticket)) });
        self.wake_linked(id, getter);
    }

    /// Whether a task is still in the wait that had this ticket.
    pub(super) fn is_waiting(&self, task: TaskId, ticket: u32) -> bool {
        let state = &self.tasks[task];
        state.green().is_none()
            || (self.carriers.greens[state.green()].ticket == ticket && state.parked() != Parked::No)
    }

    /// Throws `GreenletExit` into the next victim; at the end the killer goes on, in the same callback.
    fn kill_on(
        &mut self,
        id: HubId,
        victims: Vec<GreenId>,
        at: usize,
        mut diehards: Vec<GreenId>,
        killer: Option<(TaskId, u32)>,
    ) {
        if at > 0 && !self.carriers.greens[victims[at - 1]].is_dead() {
            diehards.push(victims[at - 1]);
        }
        if let Some(&victim) = victims.get(at) {
            let state = &self.carriers.greens[victim];
            let (dead, task) = (state.is_dead(), state.task);
            let begun = state.life == GreenletLife::Begun;
            self.hub(id).underway = Some(Underway::Kill { victims, at: at + 1, diehards, killer });
            if !dead && begun {
                self.throw(id, task, crate::carrier::hub::greenlet::Exception::Exit);
            }
            return;
        }
        let Some((task, ticket)) = killer else { return };
        if self.is_waiting(task, ticket) {
            let green = self.tasks[task].green();
            self.carriers.greens[green].gather = (!diehards.is_empty()).then(|| super::life::survivors(diehards));
            self.bill(task, self.now, Wait::Hub);
            self.wake_linked(id, task);
        }
    }
}
