//! What is known of a request, and what becomes of it: the stages that it goes through, who carries it, and how it ends.

use crate::kit::id::{RequestId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::op::Pc;
use crate::program::request::{NO_LISTENER, Request, Stage, Why};
use crate::program::wait::{Ending, Wait};

impl Request {
    /// When its sender asked.
    #[inline(always)]
    pub fn born(&self) -> Time {
        self.born
    }

    /// Since when it is in `wait`.
    #[inline(always)]
    pub fn since(&self) -> Time {
        self.since
    }

    /// Time so far by [`Wait`].
    #[inline(always)]
    pub fn bill(&self) -> &[Span; Wait::KINDS] {
        &self.bill
    }

    /// Its own random bits, for draws inside loops and chances.
    #[inline(always)]
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Which of its client's people it belongs to; also the row of its draws.
    #[inline(always)]
    pub fn row(&self) -> u64 {
        self.row
    }

    /// When its sender loses patience.
    #[inline(always)]
    pub fn leaves_at(&self) -> Time {
        self.leaves_at
    }

    /// When its sender gives up connecting, or waiting for the response.
    #[inline(always)]
    pub fn limit_at(&self) -> Time {
        self.limit_at
    }

    /// When the proxy does not wait for the server any longer.
    #[inline(always)]
    pub fn hop_at(&self) -> Time {
        self.hop_at
    }

    /// When its second copy is sent.
    #[inline(always)]
    pub fn hedge_at(&self) -> Time {
        self.hedge_at
    }

    /// When a slot took it.
    #[inline(always)]
    pub fn begun(&self) -> Time {
        self.begun
    }

    /// Where its drawn spans begin in the arena.
    #[inline(always)]
    pub fn fate(&self) -> u32 {
        self.fate
    }

    /// The task that serves it.
    #[inline(always)]
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The other copy of it, while there are two.
    #[inline(always)]
    pub fn twin(&self) -> RequestId {
        self.twin
    }

    /// How many of them there are.
    #[inline(always)]
    pub fn tries(&self) -> u8 {
        self.tries
    }

    /// Why it was sent.
    #[inline(always)]
    pub fn why(&self) -> Why {
        self.why
    }

    /// Which of the run's resident clients it belongs to; [`NO_RESIDENT`] for everybody else.
    #[inline(always)]
    pub fn resident(&self) -> u32 {
        self.resident
    }

    /// Which of the clients that ask again and again it belongs to, counted over all groups; [`NO_MEMBER`] for everybody else.
    #[inline(always)]
    pub fn member(&self) -> u32 {
        self.member
    }

    /// Index of its client.
    #[inline(always)]
    pub fn client(&self) -> u16 {
        self.client
    }

    /// Index of its class.
    #[inline(always)]
    pub fn class(&self) -> u16 {
        self.class
    }

    /// Index of the listener it was sent to; [`NO_LISTENER`] before.
    #[inline(always)]
    pub fn listener(&self) -> u16 {
        self.listener
    }

    /// How many requests this person sent before.
    #[inline(always)]
    pub fn attempt(&self) -> u16 {
        self.attempt
    }

    /// What it is doing.
    #[inline(always)]
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// The op of its program that it waits at, while it waits for a lock, a pool, a queue or a peer.
    #[inline(always)]
    pub fn op(&self) -> Pc {
        self.op
    }

    /// Where it is between client and server.
    #[inline(always)]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// How it ended for its sender.
    #[inline(always)]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Whether the server's answer is an error.
    #[inline(always)]
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Whether an earlier request of its person ended after the warm-up: then the person is in the books.
    #[inline(always)]
    pub fn again(&self) -> bool {
        self.again
    }

    /// Whether the proxy has tried a server for it.
    #[inline(always)]
    pub fn was_tried_at(&self, server: u16) -> bool {
        self.tries > 0 && self.tried.contains(&server)
    }
}

impl Request {
    /// Who sends it, what for, the how manieth of its person it is, and how long that waits.
    #[inline(always)]
    pub(crate) fn sent_by(self, client: u16, class: u16, attempt: u16, why: Why, leaves_at: Time) -> Request {
        Request { client, class, attempt, why, leaves_at, ..self }
    }

    /// It is at this stage already.
    #[inline(always)]
    pub(crate) fn at(self, stage: Stage) -> Request {
        Request { stage, ..self }
    }

    /// The same for its sender, about to be sent to another server, with its own row of draws.
    pub(crate) fn for_another_server(&self, fate: u32) -> Request {
        let (task, listener, failed) = (TaskId::NONE, NO_LISTENER, false);
        let (stage, hop_at) = (Stage::Proxied, Time::NEVER);
        Request { fate, task, listener, failed, stage, hop_at, ..self.clone() }
    }

    /// It is a second copy of a request that goes on: its sender has waited for as long, and will for as long.
    pub(crate) fn be_copy_of(&mut self, id: RequestId, request: &Request) {
        (self.born, self.bill, self.leaves_at) = (request.born, request.bill, request.leaves_at);
        (self.again, self.twin, self.member) = (request.again, id, request.member);
    }

    /// There is another copy of it.
    pub(crate) fn pair_with(&mut self, copy: RequestId) {
        self.twin = copy;
    }

    /// It goes on alone: the other copy of it, if there was one.
    #[inline(always)]
    pub(crate) fn lose_twin(&mut self) -> RequestId {
        std::mem::replace(&mut self.twin, RequestId::NONE)
    }

    /// Its second copy is sent at `at`.
    pub(crate) fn send_copy_at(&mut self, at: Time) {
        self.hedge_at = at;
    }

    /// It belongs to one of the clients that ask again and again.
    #[inline(always)]
    pub(crate) fn belong_to(&mut self, member: u32) {
        self.member = member;
    }

    /// It belongs to a resident client.
    pub(crate) fn belong_to_resident(&mut self, resident: u32) {
        (self.resident, self.member) = (resident, resident);
    }

    /// Its person has asked before, and is in the books if an earlier request of theirs ended after the warm-up.
    pub(crate) fn come_again(&mut self, member: u32, after_warm_up: bool) {
        (self.member, self.again) = (member, after_warm_up);
    }

    /// Its sender loses patience at `at`.
    pub(crate) fn leave_at(&mut self, at: Time) {
        self.leaves_at = at;
    }

    /// Its sender waits until `at` for what it waits for now: the connection, or the response.
    #[inline(always)]
    pub(crate) fn wait_until(&mut self, at: Time) {
        self.limit_at = at;
    }

    /// It has ended so for its sender.
    #[inline(always)]
    pub(crate) fn end_as(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }
}

impl Request {
    /// It goes to a server.
    #[inline(always)]
    pub(crate) fn aim_at(&mut self, server: u16) {
        self.listener = server;
    }

    /// The proxy tries a server for it.
    pub(crate) fn try_server(&mut self, server: u16) {
        self.tried[usize::from(self.tries)] = server;
        self.tries += 1;
    }

    /// The proxy waits for the server until `at`.
    #[inline(always)]
    pub(crate) fn proxy_waits_until(&mut self, at: Time) {
        self.hop_at = at;
    }

    /// Its sender connects.
    #[inline(always)]
    pub(crate) fn begin_connecting(&mut self) {
        self.stage = Stage::Connecting;
    }

    /// The proxy has it, and no server's answer yet.
    pub(crate) fn reach_proxy(&mut self) {
        self.stage = Stage::Proxied;
    }

    /// Its sender is connected, and the server does not know yet.
    #[inline(always)]
    pub(crate) fn stay_unheard(&mut self) {
        self.stage = Stage::Unheard;
    }

    /// It comes into an accept queue.
    #[inline(always)]
    pub(crate) fn join_queue(&mut self) {
        self.stage = Stage::Queued;
    }

    /// A server has accepted it.
    #[inline(always)]
    pub(crate) fn be_accepted(&mut self) {
        self.stage = Stage::Accepted;
    }

    /// A slot takes it.
    #[inline(always)]
    pub(crate) fn be_served(&mut self, at: Time) {
        (self.stage, self.begun) = (Stage::Served, at);
    }

    /// Its response leaves, and its writer is not done: the proxy waits no longer for the server to begin.
    #[inline(always)]
    pub(crate) fn be_written(&mut self) {
        (self.stage, self.hop_at) = (Stage::Writing, Time::NEVER);
    }

    /// All of its response is in the kernel, and who wrote it goes on.
    pub(crate) fn be_written_no_more(&mut self) {
        self.stage = Stage::Served;
    }

    /// Its response is on its way, or nothing more becomes of it.
    #[inline(always)]
    pub(crate) fn be_over(&mut self) {
        self.stage = Stage::Answered;
    }

    /// Its sender reads the response.
    pub(crate) fn be_read(&mut self) {
        self.stage = Stage::Read;
    }

    /// The server's answer will be an error.
    #[inline(always)]
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// A task serves it.
    #[inline(always)]
    pub(crate) fn be_carried_by(&mut self, task: TaskId) {
        self.task = task;
    }

    /// No task serves it any longer.
    #[inline(always)]
    pub(crate) fn lose_task(&mut self) {
        self.task = TaskId::NONE;
    }

    /// It waits at an op of its program.
    #[inline(always)]
    pub(crate) fn wait_at(&mut self, op: Pc) {
        self.op = op;
    }

    /// What it waits for has a better name; the account is the same.
    #[inline(always)]
    pub(crate) fn name_wait(&mut self, wait: Wait) {
        self.wait = wait;
    }
}
