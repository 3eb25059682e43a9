//! A greenlet and its connection beyond one request: waiting for the next one, and writing to a slow reader.
//!
//! After gunicorn's `base_async.py` (`handle`: `while True: req = next(parser)` inside `timeout_ctx()`) and gevent's `pywsgi.py`: the
//! greenlet of a kept connection stays and waits on its socket, so it takes a place in the pool while nobody asks for anything.
//! `sendall` to a full socket waits for it to be writable, which for the hub is a wait like any other.

use super::timers::Purpose;
use crate::kit::id::{ConnId, HubId, TaskId};
use crate::program::task::Parked;
use crate::watch::probe::{Fact, Gauge, Probe};
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// A greenlet has answered and waits on its connection for the next request, with a timeout.
    pub(super) fn wait_for_next(&mut self, id: HubId, conn: ConnId) {
        let costs = *self.hub_costs(id);
        self.owe(id, costs.socket + costs.timer);
        if self.net.conn(conn).hub().is_none() {
            let sockets = &mut self.hub(id).sockets;
            let sock = sockets.open(TaskId::NONE);
            sockets.set_conn(sock, conn);
            self.net.conn_mut(conn).waits_on_hub(id, sock);
        }
        let sock = self.net.conn(conn).sock();
        self.hub(id).sockets.watch(sock, true);
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, 1));
    }

    /// Something is to be read from a kept connection: a request, or its end.
    #[inline(never)]
    pub(super) fn on_kept(&mut self, id: HubId, sock: u32, conn: ConnId) {
        let sockets = &mut self.hub(id).sockets;
        sockets.watch(sock, false);
        sockets.drain(sock);
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
        let request = self.net.conn_mut(conn).take_request();
        if request.is_none() {
            self.owe(id, self.hub_costs(id).switch);
            self.hub(id).sockets.close(sock);
            self.server_forgets(conn);
            return self.free_greenlet(id);
        }
        let came = self.requests[request].since();
        let task = self.begin(request, self.carriers.hubs[id].thread);
        self.tasks[task].ready_from(came);
        self.enrich(task, false);
        self.switch_to(id, task);
    }

    /// Parks the current greenlet while a slow client reads. False: there is nothing to wait for.
    pub(super) fn write_slowly(&mut self, id: HubId, task: TaskId) -> bool {
        let Some(hold) = self.hold_for_write(task) else { return false };
        self.owe(id, self.hub_costs(id).socket);
        let at = self.local(id) + hold;
        let timer = self.hub(id).timers.start(at, Purpose::Wake, task);
        self.tasks[task].wait_for(timer);
        self.park_as(id, task, Parked::Timer);
        true
    }

    /// The reader has left: the greenlet's write fails in the next turn of the loop.
    pub(crate) fn stop_writing_on_hub(&mut self, id: HubId, task: TaskId) {
        let timer = self.tasks[task].take_handle();
        if self.tasks[task].parked() != Parked::Timer || timer == u32::MAX {
            return;
        }
        self.hub(id).timers.stop(timer);
        self.queue_turn(id, task);
        self.wake_poll(id);
    }
}
