//! The world: all tables, and one `match` over [`Event`].
//!
//! Nothing happens but through the event queue. An event is a hint: the entity it names decides by its own state whether it still
//! means anything, so nothing is ever taken out of the queue.

mod build;
pub(crate) mod deadlock;
mod error;
pub mod fingerprint_windows;
pub mod floor;
pub mod idle_greenlets;
pub(crate) mod process_life;
pub mod requests;
mod run;
pub mod size;
mod spent;
pub(crate) mod startup;
mod ties;
pub(crate) mod traced;
pub mod transcript;
mod window;

pub use error::RunError;
pub(crate) use run::run_with;
pub use run::{run, run_at_the_door, run_shuffled, run_unwatched};

use crate::carrier::Carriers;
use crate::client::breaker::Breakers;
use crate::client::{self, Client};
use crate::front::balance::Balancer;
use crate::kit::event::EventQueue;
use crate::kit::fate::Fates;
use crate::kit::id::{
    CallId, ClientId, ConnId, CoreId, HostId, HubId, ListenerId, OutageId, ProcessId, RequestId, Slab, TaskId, ThreadId,
};
use crate::kit::rng::{Replication, Seed, Streams};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::machine::process::Process;
use crate::machine::{Machine, Thread};
use crate::model::Model;
use crate::net::{self, Net};
use crate::peer::Peers;
use crate::program::request::Request;
use crate::program::task::Task;
use crate::python::interpreter::Interpreter;
use crate::python::ledger::{self, Ledgers};
use crate::python::sharing::Sharing;
use crate::watch::probe::Probe;
use crate::world::process_life::{Life, Masters};
use crate::world::startup::Startup;
use crate::world::ties::Ties;
use crate::world::window::Before;

/// Something that will happen, or may have been overtaken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// An open client's next request.
    Arrive(ClientId),
    /// A request is sent after a pause.
    Send(RequestId),
    /// A SYN reaches its listener.
    Syn(RequestId),
    /// The kernel gives up on a connection.
    NoRoute(RequestId),
    /// A connection is established.
    Established(RequestId),
    /// A response reaches its client.
    Response(RequestId),
    /// A client's patience or timeout passes.
    Limit(RequestId),
    /// A core's thread has had what it asked for, or its slice.
    Core(CoreId),
    /// A parked thread's own time has come.
    Wake(ThreadId),
    /// A waiter asks for the GIL.
    Gil(ProcessId),
    /// A call reaches a peer with a capacity.
    AtPeer(CallId),
    /// A peer with a capacity has served a call.
    Served(CallId),
    /// A reply arrives.
    Reply(CallId),
    /// A client learns that it is not connected, or not any more.
    Refusal(RequestId),
    /// A request whose handshake was ignored at its end is sent again.
    Retransmit(RequestId),
    /// An outage begins.
    Outage(OutageId),
    /// A master looks at a process.
    Master(ProcessId),
    /// A router's SYN reaches the workers' socket.
    RelaySyn(RequestId),
    /// The bytes of a request are written, or reach a socket that waits for them.
    Data(RequestId),
    /// A session of a router may have been silent for too long.
    RelayLimit(RequestId),
    /// A hub that could not accept tries again.
    AcceptAgain(HubId),
    /// A request has taken so long that a second copy of it is sent.
    Hedge(RequestId),
    /// The bytes of a request arrive over a connection that was kept.
    Again(RequestId),
    /// The time of an idle connection is over.
    Idle(ConnId),
    /// A request reaches the proxy.
    AtProxy(RequestId),
    /// A server's response reaches the proxy.
    Upstream(RequestId),
    /// A balancer asks a server whether it still answers.
    Check(ListenerId),
    /// A program that sends may have heard nothing for too long.
    Silence(ClientId),
    /// A period of a server's CPU limit begins.
    Period(HostId),
    /// CPU time that an idle core gave back is handed out.
    Slack(HostId),
}

const _: () = assert!(size_of::<Event>() == 8);

impl Event {
    /// A number that differs between events, for the fingerprint.
    fn code(self) -> u64 {
        let (kind, index) = match self {
            Event::Arrive(id) => (0, id.index()),
            Event::Send(id) => (1, id.index()),
            Event::Syn(id) => (2, id.index()),
            Event::NoRoute(id) => (3, id.index()),
            Event::Established(id) => (4, id.index()),
            Event::Response(id) => (5, id.index()),
            Event::Limit(id) => (6, id.index()),
            Event::Core(id) => (7, id.index()),
            Event::Wake(id) => (8, id.index()),
            Event::Gil(id) => (9, id.index()),
            Event::AtPeer(id) => (10, id.index()),
            Event::Served(id) => (11, id.index()),
            Event::Reply(id) => (12, id.index()),
            Event::Refusal(id) => (20, id.index()),
            Event::Retransmit(id) => (21, id.index()),
            Event::Outage(id) => (22, id.index()),
            Event::AcceptAgain(id) => (23, id.index()),
            Event::RelaySyn(id) => (30, id.index()),
            Event::RelayLimit(id) => (31, id.index()),
            Event::Master(id) => (32, id.index()),
            Event::Data(id) => (33, id.index()),
            Event::Hedge(id) => (40, id.index()),
            Event::Again(id) => (41, id.index()),
            Event::Idle(id) => (42, id.index()),
            Event::AtProxy(id) => (43, id.index()),
            Event::Upstream(id) => (44, id.index()),
            Event::Check(id) => (45, id.index()),
            Event::Silence(id) => (46, id.index()),
            Event::Period(id) => (47, id.index()),
            Event::Slack(id) => (48, id.index()),
        };
        (kind << 32) | index as u64
    }
}

/// All tables of a run.
pub(crate) struct World<'m, P> {
    pub(crate) model: &'m Model,
    pub(crate) now: Time,
    pub(crate) queue: EventQueue<Event>,
    pub(crate) probe: P,
    pub(crate) streams: Streams,
    pub(crate) fates: Fates,
    pub(crate) machine: Machine,
    pub(crate) processes: Table<ProcessId, Process>,
    /// What processes have of Python.
    pub(crate) interpreters: Table<ProcessId, Interpreter>,
    pub(crate) breakers: Breakers,
    /// The lives of processes.
    lives: Table<ProcessId, Life>,
    pub(crate) threads: Table<ThreadId, Thread>,
    pub(crate) balancer: Balancer,
    masters: Masters,
    pub(crate) carriers: Carriers,
    pub(crate) net: Net,
    pub(crate) peer: Peers,
    pub(crate) sharing: Sharing,
    pub(crate) ledgers: Ledgers,
    pub(crate) clients: Vec<Client>,
    pub(crate) requests: Slab<RequestId, Request>,
    pub(crate) tasks: Slab<TaskId, Task>,
    before: Before,
    pub(crate) arrivals_end: Time,
    pub(crate) warm_up_end: Time,
    /// Running hash over births.
    pub(crate) births: u64,
    fingerprint: u64,
    events: u64,
    /// Steps and events since time last moved.
    pub(crate) steps: u64,
    /// Whether a task made more steps at one instant than are allowed.
    pub(crate) stuck: bool,
    ties: Ties,
    /// Main threads that create others; empty but for the simulation of a start.
    pub(crate) startups: Vec<Startup>,
}

impl<'m, P: Probe> World<'m, P> {
    /// A world at time zero, with its servers idle.
    pub(crate) fn new(model: &'m Model, seed: Seed, replication: Replication, probe: P) -> World<'m, P> {
        let mut world = World::bare(model, seed, replication, probe);
        world.schedule_outages();
        world.owe_from_startup();
        world
    }

    /// A world whose servers have not been started, and to which nothing will happen by itself.
    pub(crate) fn bare(model: &'m Model, seed: Seed, replication: Replication, probe: P) -> World<'m, P> {
        ledger::assert_runs_keep_their_number(model);
        let names = client::site_names(&model.clients, &model.classes);
        let streams =
            Streams::new(seed, replication, names.iter().map(String::as_str).chain([process_life::JITTER, net::WHEEL]));
        let length = model.run.length.unwrap_or(Span::MAX);
        let mut world = World {
            model,
            now: Time::ZERO,
            queue: EventQueue::new(),
            probe,
            streams,
            fates: Fates::default(),
            machine: Machine::new(),
            processes: Table::new(),
            interpreters: Table::new(),
            breakers: Breakers::new(),
            lives: Table::new(),
            threads: Table::new(),
            balancer: Balancer::new(&model.balancer, model.listeners.len() / model.kernel.sockets.max(1) as usize),
            masters: Masters::new(names.len(), model.hosts.len()),
            carriers: Carriers::new(model),
            net: Net::new(model),
            peer: Peers::new(model.peers.len()),
            sharing: Sharing::new(model),
            ledgers: Ledgers::default(),
            clients: client::of_model(model),
            requests: Slab::new(),
            tasks: Slab::new(),
            before: Before::default(),
            arrivals_end: Time::ZERO.saturating_add(length),
            warm_up_end: Time::ZERO + model.run.warm_up,
            births: 0,
            fingerprint: 0,
            events: 0,
            steps: 0,
            stuck: false,
            ties: Ties::default(),
            startups: Vec::new(),
        };
        world.build_hosts();
        world.build_processes();
        world.build_routers();
        world.build_generators();
        world.net.size(world.processes.len(), world.carriers.processes_of_hubs().len());
        world.start_wheel(names.len() + 1);
        world
    }
}
