//! The program that sends requests has cores of its own, or shares those of a server, and a request costs it CPU time too.
//!
//! Half of that goes into connecting and sending, over a kept connection too, and half into reading the response. A load generator
//! that is busy sees a response late: its latency and, with closed clients, its next request are late by as much. People have a
//! computer each; their cost is zero.
//! One process of it has one core's worth of work. With several, whichever is free first does the next piece.
//! Beside the servers each is a thread in the run queue of the first server, with its slices and switches: what it needs, nobody else
//! gets. Like `ab` it connects before it reads.
//! Clients that waited for the first response of all connect one after the other, each after half of that cost.
//! Left out: what a poll of the program's own costs, and the memory that it needs.

use std::collections::VecDeque;

use crate::carrier::above::LifeForCarrier;
use crate::client::above::SenderForClient;
use crate::kit::id::{GeneratorId, HostId, RequestId, ThreadId};
use crate::kit::law::Law;
use crate::kit::rng::mix;
use crate::kit::time::{Span, Time};
use crate::machine::{Demand, Role};
use crate::model::ClientSpec;
use crate::net::above::SenderForNet;
use crate::program::request::Stage;
use crate::watch::probe::Probe;
use crate::world::{Event, World};

/// Tells the two draws of a request apart.
const CONNECTING: u64 = 0x636f_6e6e;
const READING: u64 = 0x7265_6164;

/// Half of a request's cost, in eighths of it.
const HALF: u64 = 4;
/// What of that half is connecting, the rest being the writing of the request.
///
/// Measured, `ab` of httpd 2.4 with 1,000 clients: 34 us a connection until all are begun, then 13 us each to learn that it is
/// connected and to write.
const CONNECT: u64 = 3;

/// A process beside the servers that sends requests.
#[derive(Debug)]
pub(crate) struct Generator {
    thread: ThreadId,
    connects: VecDeque<RequestId>,
    reads: VecDeque<RequestId>,
    /// What it has paid for and does next.
    doing: Option<(RequestId, Step)>,
}

/// What the program of one client group has done, wherever its cores are.
#[derive(Debug)]
pub(in crate::carrier) struct SendingProgram {
    /// The first of its generators that run beside servers; none if that lies beyond their table.
    first: usize,
    /// CPU time that it has spent.
    worked: Span,
    /// Until when its cores have work to do.
    busy_until: Box<[Time]>,
    /// When it has connected for all that began together, and polls.
    polls_at: Time,
}

impl SendingProgram {
    pub(in crate::carrier) fn new(spec: &ClientSpec) -> SendingProgram {
        let busy_until = vec![Time::ZERO; spec.generators.max(1) as usize].into();
        SendingProgram { first: usize::MAX, worked: Span::ZERO, busy_until, polls_at: Time::ZERO }
    }

    /// CPU time that it has spent since the window began.
    pub(in crate::carrier) fn worked(&self) -> Span {
        self.worked
    }

    /// The window begins.
    pub(in crate::carrier) fn begin_counting(&mut self) {
        self.worked = Span::ZERO;
    }
}

/// One of the two pieces of its work on a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Connect,
    Read,
}

impl Generator {
    pub(crate) fn new(thread: ThreadId) -> Generator {
        Generator { thread, connects: VecDeque::new(), reads: VecDeque::new(), doing: None }
    }

    /// Pieces of work that it has.
    fn load(&self) -> usize {
        self.connects.len() + self.reads.len() + usize::from(self.doing.is_some())
    }
}

impl<P: Probe> World<'_, P> {
    /// The processes of programs that send requests from the cores of the first server.
    pub(crate) fn build_generators(&mut self) {
        for (index, client) in self.model.clients.iter().enumerate() {
            if !client.beside_servers || client.cost.is_none() {
                continue;
            }
            self.carriers.senders[index].first = self.carriers.generators.len();
            for _ in 0..client.generators {
                let host = HostId::from_index(self.model.listeners[0].host as usize);
                let process = self.add_process(host, 0, 0);
                let id = self.carriers.generators.next_id();
                self.carriers.generators.push(Generator::new(self.threads.next_id()));
                self.start_thread(process, Role::Generator(id));
            }
        }
    }

    /// How long the sender's core needs until it has done so many eighths of a request's work, after what it has to do already.
    fn busy_for(&mut self, index: usize, bits: u64, eighths: u64) -> Span {
        let Some(law) = &self.model.clients[index].cost else { return Span::ZERO };
        let work = law.sample(bits) * eighths / 8;
        let now = self.now;
        // The first of those that are free first.
        let Some(busy_until) = self.carriers.senders[index].busy_until.iter_mut().min() else { return Span::ZERO };
        *busy_until = (*busy_until).max(now) + work;
        let after = *busy_until - now;
        self.carriers.senders[index].worked += work;
        after
    }

    /// Gives a piece of work to the process beside the servers that has least to do; false if its client has none.
    #[inline(always)]
    fn queue_work(&mut self, id: RequestId, step: Step) -> bool {
        let index = usize::from(self.requests[id].client());
        let (first, count) = (self.carriers.senders[index].first, self.model.clients[index].generators as usize);
        let Some(all) = self.carriers.generators.get_mut(first..).and_then(|rest| rest.get_mut(..count)) else {
            return false;
        };
        let Some(generator) = all.iter_mut().min_by_key(|generator| generator.load()) else { return false };
        match step {
            Step::Connect => generator.connects.push_back(id),
            Step::Read => generator.reads.push_back(id),
        }
        let thread = generator.thread;
        if self.threads[thread].is_parked() {
            self.make_ready(thread);
        }
        true
    }

    /// What the thread of a process beside the servers wants next.
    #[inline(never)]
    pub(crate) fn generator_demand(&mut self, id: GeneratorId) -> Demand {
        let generator = &mut self.carriers.generators[id];
        let thread = generator.thread;
        if let Some((request, step)) = generator.doing.take() {
            self.work_done(request, step);
        }
        let generator = &mut self.carriers.generators[id];
        let connects = generator.connects.pop_front().map(|request| (request, Step::Connect));
        let Some((request, step)) = connects.or_else(|| generator.reads.pop_front().map(|id| (id, Step::Read))) else {
            return self.pay_or_wait(thread);
        };
        generator.doing = Some((request, step));
        let state = &self.requests[request];
        let key = mix(state.key(), if step == Step::Connect { CONNECTING } else { READING });
        let cost = self.model.clients[usize::from(state.client())].cost.as_ref();
        let cost = cost.map_or(Span::ZERO, |law| law.sample(key) / 2);
        self.carriers.senders[usize::from(state.client())].worked += cost;
        self.threads[thread].owe(cost);
        Demand::PAY
    }

    fn work_done(&mut self, id: RequestId, step: Step) {
        match step {
            // Whoever gave up meanwhile has not been connected for.
            Step::Connect if self.requests[id].ending().is_some() => self.forget(id),
            Step::Connect => self.set_sail(id),
            Step::Read => self.queue.push(self.now, Event::Response(id)),
        }
    }
}

impl<P: Probe> SenderForClient for World<'_, P> {
    fn polls_after(&mut self, index: usize, turns: u32) {
        self.carriers.senders[index].polls_at = self.now + self.turn_of(index, turns);
    }

    fn send_held(&mut self, index: usize) {
        let held = self.clients[index].release_held();
        for turn in 1..=held {
            let pause = self.turn_of(index, turn);
            self.send_next(index, turn, pause);
        }
        if held > 0 {
            self.polls_after(index, held);
        }
    }

    fn turn_of(&self, index: usize, turn: u32) -> Span {
        let spec = &self.model.clients[index];
        if spec.beside_servers {
            // Its work queues for the cores of the server.
            return Span::ZERO;
        }
        let eighths = if self.defers() { CONNECT } else { HALF };
        let median = |law: &Law| law.quantile(0.5) * eighths / 8;
        spec.cost.as_ref().map_or(Span::ZERO, median) * u64::from(turn / spec.generators.max(1))
    }
}

impl<P: Probe> SenderForNet for World<'_, P> {
    #[inline(always)]
    fn connects_later(&mut self, id: RequestId) -> bool {
        self.queue_work(id, Step::Connect)
    }

    #[inline]
    fn connects_after(&mut self, id: RequestId) -> Span {
        let request = &self.requests[id];
        let index = usize::from(request.client());
        let client = &self.model.clients[index];
        if client.cost.is_none() || client.beside_servers {
            return Span::ZERO;
        }
        let key = mix(request.key(), CONNECTING);
        let eighths = if self.sends_later(id) { CONNECT } else { HALF };
        self.busy_for(index, key, eighths)
    }

    fn sends_later(&self, id: RequestId) -> bool {
        let client = &self.model.clients[usize::from(self.requests[id].client())];
        self.defers() && client.cost.is_some() && !client.beside_servers && self.model.proxy.is_none()
    }

    fn polls_at(&self, id: RequestId) -> Time {
        self.carriers.senders[usize::from(self.requests[id].client())].polls_at
    }

    fn sends_after(&mut self, id: RequestId) -> Span {
        let request = &self.requests[id];
        let (index, key) = (usize::from(request.client()), mix(request.key(), CONNECTING));
        self.busy_for(index, key, HALF - CONNECT)
    }

    #[inline(always)]
    fn reads_later(&mut self, id: RequestId) -> bool {
        let request = &mut self.requests[id];
        let index = usize::from(request.client());
        if self.model.clients[index].cost.is_none() || request.stage() == Stage::Read || request.ending().is_some() {
            return false;
        }
        request.be_read();
        if self.queue_work(id, Step::Read) {
            return true;
        }
        let key = mix(self.requests[id].key(), READING);
        let done = self.now + self.busy_for(index, key, HALF);
        self.queue.push(done, Event::Response(id));
        true
    }
}
