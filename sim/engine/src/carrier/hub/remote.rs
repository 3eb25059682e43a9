//! What comes into a hub from outside: socket pairs, remote peers, native threads.
//!
//! After `_socket3.py` and `threadpool.py` (gevent 26.9). A call is tried first and waits only if it would block, so data that is
//! already there costs no switch. A native thread that is done signals an async watcher; its callback frees the thread's slot and
//! sets the result, so the waiter goes on in the batch after.

use super::Pending;
use crate::carrier::hub::greenlet::Exception;
use crate::kit::id::{HubId, TaskId};
use crate::kit::time::{Span, Time};
use crate::peer::Caller;
use crate::program::said::Outcome;
use crate::program::task::Parked;
use crate::program::wait::Wait;
use crate::python::linkable::{LinkId, Linkable};
use crate::python::sync::Sync;
use crate::watch::probe::Probe;
use crate::world::World;

/// A sleep in a native thread, or a task that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Native {
    /// The slot it gives back.
    room: LinkId,
    /// The result that its greenlet waits for.
    result: LinkId,
    serial: u32,
    /// The task that is in the thread, if one is.
    guest: TaskId,
    /// Whether that has yet to begin there.
    waits: bool,
    /// Whether it is done and has signalled.
    pub(super) sent: bool,
}

impl<P: Probe> World<'_, P> {
    /// Bytes go from one end to the other; they are there at once.
    pub(super) fn send_bytes(&mut self, id: HubId, sync: u16, end: u8, bytes: u32) {
        let process = self.carriers.hubs[id].process;
        let Sync::Pair { socks, waiting } = self.interpreters[process].shared_mut(sync) else {
            unreachable!("bytes go through pairs")
        };
        let other = usize::from(1 - end);
        waiting[other] += bytes;
        let sock = socks[other];
        self.arrived(id, sock);
    }

    pub(super) fn receive(&mut self, id: HubId, task: TaskId, sync: u16, end: u8, bytes: u32) {
        let process = self.carriers.hubs[id].process;
        let Sync::Pair { socks, waiting } = self.interpreters[process].shared_mut(sync) else {
            unreachable!("bytes come through pairs")
        };
        let end = usize::from(end);
        let (sock, got) = (socks[end], waiting[end].min(bytes));
        waiting[end] -= got;
        let empty = waiting[end] == 0;
        if got > 0 {
            if empty {
                self.hub(id).sockets.drain(sock);
            }
            self.carriers.greens[self.tasks[task].green()].outcome = Some(Outcome::Count(got));
            return;
        }
        self.wait_for_data(id, task, sock);
    }

    fn wait_for_data(&mut self, id: HubId, task: TaskId, sock: u32) {
        if self.hub(id).sockets.sock(sock).wanted {
            return self.unwind(id, task, Exception::Error("ConcurrentObjectUseError"));
        }
        let sockets = &mut self.hub(id).sockets;
        sockets.set_reader(sock, task);
        sockets.watch(sock, true);
        self.tasks[task].wait_for(sock);
        self.park_as(id, task, Parked::Data);
    }

    /// A new question replaces one that was not answered.
    pub(super) fn ask_remote(&mut self, id: HubId, sync: u16, takes: Span) {
        let process = self.carriers.hubs[id].process;
        let due = self.local(id) + takes;
        let Sync::Remote(remote) = self.interpreters[process].shared_mut(sync) else {
            unreachable!("remotes are asked")
        };
        remote.number += 1;
        remote.due = due;
        let (sock, number) = (remote.sock, remote.number);
        self.hub(id).sockets.drain(sock);
        self.later(due, Caller::Remote { hub: id, sync, number: u32::try_from(number).expect("under 2^32 questions") });
    }

    pub(super) fn await_answer(&mut self, id: HubId, task: TaskId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let now = self.local(id);
        let Sync::Remote(remote) = self.interpreters[process].shared_mut(sync) else { unreachable!("remotes answer") };
        let sock = remote.sock;
        if remote.due <= now {
            remote.due = Time::NEVER;
            self.hub(id).sockets.drain(sock);
            return;
        }
        self.wait_for_data(id, task, sock);
    }

    /// An answer arrives, unless another question was asked meanwhile.
    pub(crate) fn answered(&mut self, id: HubId, sync: u16, number: u32) {
        let process = self.carriers.hubs[id].process;
        let Sync::Remote(remote) = self.interpreters[process].shared(sync) else { unreachable!("remotes answer") };
        if remote.number == u64::from(number) && remote.due != Time::NEVER {
            self.arrived(id, remote.sock);
        }
    }

    /// A native thread takes the sleep; the greenlet waits for its result.
    pub(super) fn apply_now(&mut self, id: HubId, task: TaskId, span: Span) {
        let process = self.carriers.hubs[id].process;
        let room = self.carriers.greens[self.tasks[task].green()].native_room;
        let result = self.new_link(process, Linkable::event(false));
        let serial = self.carriers.hubs[id].next_serial();
        let (guest, waits) = (TaskId::NONE, false);
        self.hub(id).natives.push(Native { room, result, serial, guest, waits, sent: false });
        self.later(self.local(id) + span, Caller::Native { hub: id, serial });
        self.park_for_readiness(id, task, result, None);
        // Until the thread is done it works for the request, as a thread server's own would while it sleeps.
        self.name_wait_as(task, Wait::Timer);
    }

    /// The current greenlet's steps go on in a native thread; what waits for their result is the greenlet, once it is home.
    pub(super) fn lend(&mut self, id: HubId, task: TaskId) {
        let process = self.carriers.hubs[id].process;
        let room = self.carriers.greens[self.tasks[task].green()].native_room;
        let result = self.new_link(process, Linkable::event(false));
        let serial = self.carriers.hubs[id].next_serial();
        self.hub(id).natives.push(Native { room, result, serial, guest: task, waits: true, sent: false });
        self.later(self.local(id), Caller::Native { hub: id, serial });
        self.tasks[task].wait_for(result);
        self.park_as(id, task, Parked::Readiness);
    }

    /// A task is back from its native thread, which signals.
    pub(in crate::carrier) fn is_home_on_hub(&mut self, id: HubId, task: TaskId) {
        let process = self.carriers.hubs[id].process;
        let native = self.hub(id).natives.iter().find(|native| native.guest == task).copied();
        let native = native.expect("it was lent");
        self.queue_for_unit(process, native.result, task);
        self.tasks[task].park(Parked::Readiness);
        self.native_done(id, native.serial);
    }

    /// A native thread is done: it signals. One that is to begin gets its task.
    pub(crate) fn native_done(&mut self, id: HubId, serial: u32) {
        let native = self.hub(id).natives.iter_mut().find(|native| native.serial == serial);
        if let Some(&mut Native { guest, waits: ref mut waits @ true, .. }) = native {
            *waits = false;
            let home = self.carriers.hubs[id].thread;
            return self.go_over(guest, home);
        }
        // Nobody, if the process died meanwhile.
        if let Some(native) = native {
            native.sent = true;
            let result = native.result;
            let process = self.carriers.hubs[id].process;
            // Nobody waits for it whose time limit has passed.
            if let Some(&(_, task)) = self.link(process, result).waiters.front() {
                self.bill(task, self.now, Wait::Hub);
            }
        }
        self.wake_poll(id);
    }

    /// Signalled watchers become pending above all others, the oldest on top.
    pub(super) fn feed_natives(&mut self, id: HubId) {
        let hub = self.hub(id);
        for native in hub.natives.iter_mut().rev() {
            if std::mem::take(&mut native.sent) {
                hub.pending.push(Pending::Native(native.serial));
            }
        }
    }

    /// The callback of a native thread's watcher.
    #[inline(never)]
    pub(super) fn deliver(&mut self, id: HubId, serial: u32) {
        let now = self.local(id);
        let hub = self.hub(id);
        hub.active_at = now;
        let at = hub.natives.iter().position(|native| native.serial == serial).expect("it was pending");
        let native = hub.natives.swap_remove(at);
        let process = hub.process;
        self.release_link(id, native.room);
        let result = self.link(process, native.result);
        result.set();
        if result.waiters.is_empty() {
            self.free_link(process, native.result);
        } else {
            self.check_and_notify(id, native.result);
        }
    }

    /// Whether a linkable is the result of a native sleep: such a wait says nothing.
    pub(super) fn is_native_result(&mut self, id: HubId, link: LinkId) -> bool {
        let process = self.carriers.hubs[id].process;
        if !self.interpreters[process].is_of_a_wait(link) {
            return false;
        }
        self.free_link(process, link);
        true
    }
}
