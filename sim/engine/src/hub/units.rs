//! Locks and pools under a hub: gevent's notifier.
//!
//! After `_abstract_linkable.py` and `_semaphore.py` (gevent 26.9). A release puts the unit on the shelf and, if somebody waits and
//! no notifier is queued or running, queues one callback. The callback goes through the waiters in order, switching into each
//! directly, and stops after the one that was last when it began or as soon as the shelf is empty; at its end, if units and waiters
//! are left, it queues itself anew. Whoever acquires before the notifier runs takes the unit, the releaser included.

use super::Callback;
use crate::id::{HubId, TaskId};
use crate::model::Policy;
use crate::probe::Probe;
use crate::record::Wait;
use crate::world::World;

/// A pass through the waiters of a lock or pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notifier {
    sync: u16,
    /// The waiter that was last when the pass began.
    last: TaskId,
    /// Whether that one has had its turn.
    done: bool,
}

impl<P: Probe> World<'_, P> {
    /// The current greenlet gives a unit back; it does not switch.
    pub(super) fn give_back_on_hub(&mut self, id: HubId, sync: u16) {
        let process = self.hubs[id.index()].process;
        let shelf = &mut self.processes[process.index()].syncs[usize::from(sync)];
        match shelf.policy {
            Policy::Barging => {
                shelf.units += 1;
                if shelf.head.is_some() && !std::mem::replace(&mut shelf.notifying, true) {
                    self.hub(id).callbacks.push_back(Callback::Notify(sync));
                }
            }
            Policy::HandOff => {
                if let Some(waiter) = self.give_back(process, sync) {
                    self.stop_limit(id, waiter);
                    self.tasks[waiter].ready_since = self.local(id);
                    self.bill(waiter, self.now, Wait::Hub);
                    self.hub(id).callbacks.push_back(Callback::Switch(waiter));
                }
            }
        }
    }

    /// The notifier's callback runs.
    pub(super) fn begin_notify(&mut self, id: HubId, sync: u16) {
        let process = self.hubs[id.index()].process;
        let last = self.processes[process.index()].syncs[usize::from(sync)].tail;
        self.hub(id).notifier = Some(Notifier { sync, last, done: false });
    }

    /// The pass goes on with the next waiter, or ends.
    pub(super) fn notify_on(&mut self, id: HubId) {
        let process = self.hubs[id.index()].process;
        let Some(notifier) = self.hub(id).notifier else { return };
        let shelf = &self.processes[process.index()].syncs[usize::from(notifier.sync)];
        if notifier.done || shelf.units == 0 || shelf.head.is_none() {
            self.end_notify(id, notifier.sync);
            return;
        }
        let waiter = self.next_waiter(process, notifier.sync).expect("the queue has a head");
        self.hub(id).notifier = Some(Notifier { done: waiter == notifier.last, ..notifier });
        self.stop_limit(id, waiter);
        self.tasks[waiter].ready_since = self.local(id);
        self.switch_to(id, waiter);
    }

    fn end_notify(&mut self, id: HubId, sync: u16) {
        let process = self.hubs[id.index()].process;
        self.hub(id).notifier = None;
        let shelf = &mut self.processes[process.index()].syncs[usize::from(sync)];
        shelf.notifying = shelf.units > 0 && shelf.head.is_some();
        if shelf.notifying {
            self.hub(id).callbacks.push_back(Callback::Notify(sync));
        }
    }
}
