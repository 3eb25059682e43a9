//! Local ports: one for each connection to one destination, and TIME_WAIT.
//!
//! After Linux (`__inet_hash_connect`, `tcp_time_wait`). `connect` takes a port of `net.ipv4.ip_local_port_range` (32768 to 60999,
//! 28,232 of them) that no other connection to the same address and port uses; without one it fails at once with EADDRNOTAVAIL.
//! Who closes a connection first keeps it for 60 s in TIME_WAIT (`TCP_TIMEWAIT_LEN`). All servers of the presets close first when
//! they answer with `Connection: close`, so the ports of their clients are free again at once; the server's own TIME_WAIT entries are
//! under its listening port and stand in nobody's way (`tcp_timewait_state_process` lets a new SYN through). A client that closes
//! first, or gives up, keeps its port: 28,232 / 60 s is 470 connections a second to one address. `net.ipv4.tcp_tw_reuse` frees it
//! after a second (`tcp_twsk_unique`). With `net.ipv4.tcp_max_tw_buckets` sockets in TIME_WAIT the next is destroyed instead
//! (`tcp_time_wait`, "time wait bucket table overflow"), counted here for each client group or server and peer. A connection that was reset, refused or never made leaves nothing behind.
//! Left out: which port it is, and what looking for one of the last free ones costs.

use super::Net;
use crate::kit::id::{ProcessId, RequestId};
use crate::kit::time::Time;
use crate::model::Model;
use crate::program::request::{Request, Stage};
use crate::program::wait::Ending;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// Takes a local port for a request; false if its client has none left.
    pub(super) fn take_port(&mut self, id: RequestId) -> bool {
        let client = usize::from(self.requests[id].client());
        let Some(ports) = &self.model.clients[client].ports else { return true };
        let places = &mut self.net.client_ports[client];
        let link = &mut self.net.links[id];
        link.port = places.take(ports.count, self.now);
        self.net.counts.ports_peak = self.net.counts.ports_peak.max(places.taken());
        link.port
    }

    /// Opens the socket of a call to a peer; false if the process has no descriptor or its server no port for it.
    pub(crate) fn open_socket(&mut self, process: ProcessId, peer: u16) -> bool {
        let peer = usize::from(peer);
        let ports = self.model.peers[peer].ports;
        if !self.take_descriptor(process) {
            return false;
        }
        let Some(ports) = ports else { return true };
        let index = self.peer_index(process, peer);
        let places = &mut self.net.peer_ports[index];
        let taken = places.take(ports.count, self.now);
        self.net.counts.ports_peak = self.net.counts.ports_peak.max(places.taken());
        if !taken {
            self.net.counts.port_failures += 1;
            self.give_descriptor(process);
        }
        taken
    }

    /// Closes the socket of a call: its reply was read, or its caller gave up.
    pub(crate) fn close_socket(&mut self, process: ProcessId, peer: u16, gave_up: bool) {
        let peer = usize::from(peer);
        self.give_descriptor(process);
        let Some(ports) = self.model.peers[peer].ports else { return };
        let index = self.peer_index(process, peer);
        let lingers = (ports.closes_first || gave_up).then(|| self.now + ports.lingers);
        self.net.peer_ports[index].give(lingers, ports.lingering_most, self.now);
    }

    fn peer_index(&self, process: ProcessId, peer: usize) -> usize {
        self.processes[process].host().index() * self.model.peers.len() + peer
    }
}

impl Net {
    /// Gives a request's port back, now that it has ended for its sender; who keeps the connection keeps the port (`conn.rs`).
    pub(super) fn give_port(&mut self, model: &Model, id: RequestId, request: &Request, ending: Ending, now: Time) {
        if !std::mem::take(&mut self.links[id].port) {
            return;
        }
        let client = usize::from(request.client());
        let closes_first = model.clients[client].ports.is_some_and(|ports| ports.closes_first);
        let first = match ending {
            Ending::Ok | Ending::Failed => closes_first,
            Ending::ReadTimeout | Ending::GaveUp => request.stage() != Stage::Connecting,
            Ending::ConnectTimeout | Ending::Refused | Ending::Reset | Ending::NoPort | Ending::Unfinished => false,
        };
        self.give_kept_port(model, client, first, now);
    }

    /// Gives the port of an idle connection back, which its client has closed first or not.
    pub(crate) fn give_kept_port(&mut self, model: &Model, client: usize, first: bool, now: Time) {
        let Some(ports) = &model.clients[client].ports else { return };
        self.client_ports[client].give(first.then(|| now + ports.lingers), ports.lingering_most, now);
    }
}
