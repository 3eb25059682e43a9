//! What this room asks of those above it: they do it, and the room does not know who they are.

use crate::kit::id::{ConnId, ProcessId, RequestId, RouterId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};

/// Whoever listens and reads, whatever kind of carrier it is.
pub(crate) trait CarrierForNet {
    /// A listener has something to accept; whether a thread that polls it, a hub's or a loop's, wakes for it.
    fn listener_readable(&mut self, poller: ThreadId) -> bool;

    /// The bytes of a request have arrived over a connection that was kept: a greenlet, a loop or a pool's poller hears of it.
    fn conn_readable(&mut self, conn: ConnId, id: RequestId);

    /// The server's side of a connection that is kept has ended: a greenlet that reads from it wakes to end. False if none does.
    fn conn_ended(&mut self, conn: ConnId) -> bool;

    /// The server closes a connection with the response to its request: the socket of its greenlet goes with it.
    fn conn_closed(&mut self, conn: ConnId);

    /// A server knows nothing more of a connection; a loop drops what it kept of it.
    fn conn_forgotten(&mut self, conn: ConnId);

    /// The process of a connection is gone; the greenlet that waited at it has left its place.
    fn conn_orphaned(&mut self, conn: ConnId);

    /// A connection of a process is over; who waits for that before it accepts another goes on.
    fn connection_over(&mut self, process: ProcessId);

    /// Takes the oldest request that has come over a kept connection and that its process has not seen.
    fn unread(&mut self, process: ProcessId) -> Option<RequestId>;

    /// Takes the oldest request that a process has accepted and no thread has taken, and with it its connection.
    fn untaken(&mut self, process: ProcessId) -> Option<RequestId>;

    /// How many requests have come to a process that no thread has taken.
    fn unserved(&self, process: ProcessId) -> usize;

    /// Whether the carrier of a process closes idle connections by timers of its own.
    fn times_idle_itself(&self, process: ProcessId) -> bool;

    /// The reader of a response has left: whoever writes to it goes on.
    fn reader_left(&mut self, task: TaskId);

    /// A client closes its connection: whoever waits for that goes on once it has heard of it.
    fn client_closed(&mut self, id: RequestId);
}

/// Routers between the clients and the workers.
pub(crate) trait RouterForNet {
    /// A connection waits at a router's socket.
    fn front_readable(&mut self, id: RouterId);

    /// The bytes of a request have come to its router.
    fn session_readable(&mut self, request: RequestId);

    /// A router has connected to the workers' socket.
    fn session_connected(&mut self, request: RequestId);

    /// Something happened in a session: it may be silent for the whole timeout again.
    fn watch_session(&mut self, id: RequestId);

    /// A worker has died that had accepted a connection whose bytes its router is about to write.
    fn drop_session(&mut self, request: RequestId);

    /// A session that was closed before its request reached a worker: nobody has it any more.
    fn abandon_relay(&mut self, id: RequestId);

    /// A worker has written its response: the router can read it.
    fn relay_response(&mut self, id: RequestId);
}

/// Programs that send from cores of their own.
pub(crate) trait SenderForNet {
    /// Whether a process beside the servers has to work before a request leaves; if so, it goes on when that is done.
    fn connects_later(&mut self, id: RequestId) -> bool;

    /// How long until the sender's core has connected for a request.
    fn connects_after(&mut self, id: RequestId) -> Span;

    /// Whether a sender writes its request when it next polls, and not with the end of the handshake.
    ///
    /// That makes a difference to sockets that wait for data, and to no others.
    fn sends_later(&self, id: RequestId) -> bool;

    /// When the sender of a request polls for the first time, having connected for all that began together.
    fn polls_at(&self, id: RequestId) -> Time;

    /// How long until the sender's core has written a request.
    fn sends_after(&mut self, id: RequestId) -> Span;

    /// Whether the sender must still work on the response; if so, it has seen it when that is done.
    fn reads_later(&mut self, id: RequestId) -> bool;
}

/// What stands in front of the servers.
pub(crate) trait FrontForNet {
    /// The server for a request; `None` if there is none that it may go to.
    fn server_for(&mut self, id: RequestId) -> Option<usize>;

    /// A server does not answer the proxy, which asks another one if it may; the request lives on for nobody.
    fn server_failed(&mut self, id: RequestId, again: bool);
}

/// The lives of processes.
pub(crate) trait LifeForNet {
    /// A process has accepted a connection.
    fn life_accepts(&mut self, id: ProcessId);

    /// A process begins to serve a request.
    fn life_begins(&mut self, id: ProcessId);

    /// A request was answered.
    fn life_idles(&mut self, id: ProcessId);

    /// A connection is closed.
    fn life_closes(&mut self, id: ProcessId);

    /// A connection over which nobody asks is closed.
    fn life_drops(&mut self, id: ProcessId);

    /// The process ends within this instant, by itself or by the kernel's hand, and its master hears of it. Whether there is one.
    fn crash(&mut self, id: ProcessId) -> bool;

    /// The process ends if its software does not survive an accept without a descriptor.
    fn dies_of_emfile(&mut self, id: ProcessId) -> bool;

    /// Whether a process accepts no more.
    fn accepts_no_more(&self, id: ProcessId) -> bool;
}
