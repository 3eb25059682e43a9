//! What carriers hear from outside: a connection to accept, bytes of a request, an end of a connection, a reader that has left.
//!
//! The net and the peers tell it here, and do not know who listens: each function has a line for each kind of carrier.

use crate::front::above::CarrierForFront;
use crate::kit::id::{ConnId, ProcessId, RequestId, TaskId, ThreadId};
use crate::machine::Role;
use crate::net::above::CarrierForNet;
use crate::peer::Caller;
use crate::peer::above::CarrierForPeer;
use crate::program::wait::Wait;
use crate::watch::probe::{Fact, Gauge, Probe};
use crate::world::World;

impl<P: Probe> CarrierForNet for World<'_, P> {
    #[inline]
    fn listener_readable(&mut self, poller: ThreadId) -> bool {
        match self.threads[poller].role() {
            Role::Hub(hub) => self.hub_listens(hub),
            Role::Loop(on) => self.loop_listens(on),
            Role::Server
            | Role::PoolServer
            | Role::Acceptor
            | Role::Helper
            | Role::Native(_)
            | Role::Router(_)
            | Role::Generator(_) => {
                unreachable!("hubs and loops poll listeners")
            }
        }
    }

    fn conn_readable(&mut self, conn: ConnId, id: RequestId) {
        let state = self.net.conn(conn);
        let (hub, sock, process, polled) = (state.hub(), state.sock(), state.process(), state.is_polled());
        if hub.is_some() {
            self.requests[id].turn_told(id, Wait::Hub, self.now, &mut self.probe);
            self.arrived(hub, sock);
        } else if let Some(on) = self.loop_of(process) {
            self.requests[id].turn_told(id, Wait::Hub, self.now, &mut self.probe);
            self.loop_reads(on, sock);
        } else {
            self.requests[id].turn_told(id, Wait::Slot, self.now, &mut self.probe);
            if polled {
                self.carriers.pools[process].has_read(id);
                self.wake_acceptor(process);
            }
        }
    }

    fn conn_ended(&mut self, conn: ConnId) -> bool {
        let state = self.net.conn(conn);
        let (hub, sock) = (state.hub(), state.sock());
        if hub.is_some() {
            self.arrived(hub, sock);
        }
        hub.is_some()
    }

    fn conn_closed(&mut self, conn: ConnId) {
        let state = self.net.conn_mut(conn);
        let hub = state.leaves_hub();
        if hub.is_some() {
            let sock = state.sock();
            self.carriers.hubs[hub].sockets.close(sock);
        }
    }

    fn conn_forgotten(&mut self, conn: ConnId) {
        let state = self.net.conn(conn);
        let (process, sock, polled) = (state.process(), state.sock(), state.is_polled());
        if let Some(on) = self.loop_of(process) {
            self.loop_forgets(on, sock);
        } else if polled {
            self.carriers.pools[process].keeps_one_less();
        }
    }

    fn conn_orphaned(&mut self, conn: ConnId) {
        if self.net.conn_mut(conn).leaves_hub().is_some() {
            self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
        }
    }

    #[inline]
    fn connection_over(&mut self, process: ProcessId) {
        if let Some(stalled) = self.carriers.pools[process].connection_over() {
            self.make_ready(stalled);
        }
        if self.carriers.has_permits {
            self.permit_is_free(process);
        }
    }

    fn unread(&mut self, process: ProcessId) -> Option<RequestId> {
        self.carriers.pools[process].unread()
    }

    fn untaken(&mut self, process: ProcessId) -> Option<RequestId> {
        self.carriers.pools[process].untaken()
    }

    fn unserved(&self, process: ProcessId) -> usize {
        self.carriers.pools[process].unserved()
    }

    #[inline]
    fn times_idle_itself(&self, process: ProcessId) -> bool {
        self.loop_of(process).is_some()
    }

    #[cold]
    fn reader_left(&mut self, task: TaskId) {
        let thread = self.tasks[task].thread();
        match self.threads[thread].role() {
            Role::Hub(hub) => self.stop_writing_on_hub(hub, task),
            Role::Loop(on) => self.stop_writing_on_loop(on, task),
            Role::Server
            | Role::PoolServer
            | Role::Acceptor
            | Role::Helper
            | Role::Native(_)
            | Role::Router(_)
            | Role::Generator(_) => {
                if self.threads[thread].is_parked() {
                    self.make_ready(thread);
                }
            }
        }
    }

    #[inline(always)]
    fn client_closed(&mut self, id: RequestId) {
        self.client_closes(id)
    }
}

impl<P: Probe> CarrierForPeer for World<'_, P> {
    #[inline]
    fn hears(&mut self, caller: Caller) -> bool {
        match caller {
            Caller::Remote { hub, sync, number } => self.answered(hub, sync, number),
            Caller::Native { hub, serial } => self.native_done(hub, serial),
            Caller::Loop { on, what } => self.loop_hears(on, what),
            Caller::Thread(_) | Caller::Socket(..) | Caller::Coroutine(..) => return false,
        }
        true
    }

    #[inline]
    fn replied(&mut self, caller: Caller, task: TaskId) {
        match caller {
            Caller::Thread(thread) => {
                self.bill(task, self.now, Wait::Core);
                self.make_ready(thread);
            }
            Caller::Socket(hub, sock) => {
                self.tasks[task].ready_from(self.now);
                self.bill(task, self.now, Wait::Hub);
                self.carriers.hubs[hub].sockets.answered(sock);
                self.arrived(hub, sock);
            }
            Caller::Coroutine(on, sock) => self.loop_replied(on, sock, task),
            Caller::Remote { .. } | Caller::Native { .. } | Caller::Loop { .. } => unreachable!("they have heard"),
        }
    }
}
