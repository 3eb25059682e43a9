//! Birth, death, joining and killing of greenlets.
//!
//! After `greenlet.py`, `pool.py` and `_hub_primitives.py` (gevent 26.9).

use super::notify::Underway;
use super::timers::Purpose;
use super::{Callback, Heaviest, Kill, Phase};
use crate::carrier::hub::greenlet::{DeathLink, Exception, Gather, Green, GreenletLife, Then};
use crate::kit::id::{GreenId, HubId, RequestId, TaskId};
use crate::kit::time::Span;
use crate::program::op::{OnError, Spawn};
use crate::program::said::{Outcome, Said};
use crate::program::task::{News, Parked, Task};
use crate::program::wait::StepOf;
use crate::program::wait::Wait;
use crate::python::sync::Sync;
use crate::watch::probe::{Fact, Probe};
use crate::world::World;

/// A wait for those who survived a kill.
pub(super) fn survivors(objects: Vec<GreenId>) -> Gather {
    let left = objects.len();
    Gather { objects, left, values: Default::default(), results: Vec::new(), timer: None, silent: true }
}

impl<P: Probe> World<'_, P> {
    /// A greenlet that serves nobody: a task and its place in the queue of callbacks, nothing else.
    pub(crate) fn add_idle_greenlet(&mut self, hub: HubId, program: u16, member: u32) {
        let mut task = Task::new(RequestId::NONE, self.carriers.hubs[hub].thread, program);
        task.hear(News::None);
        task.load(1, member);
        let task = self.tasks.insert(task);
        self.queue_turn(hub, task);
    }

    /// A new greenlet, known to the trace from now on; it is not started.
    pub(crate) fn new_greenlet(&mut self, id: HubId, program: u16, name: u16) -> GreenId {
        let thread = self.carriers.hubs[id].thread;
        let mut task = Task::new(RequestId::NONE, thread, program);
        let green = self.carriers.greens.next_id();
        task.become_greenlet(green);
        task.hear(News::None);
        let task = self.tasks.insert(task);
        self.carriers.greens.push(Green::new(task));
        self.probe.on(self.now, Fact::Born(name));
        green
    }

    /// What a task of a rich program needs to be more than a request; the place of one that is gone is used again.
    pub(super) fn enrich(&mut self, task: TaskId, always: bool) {
        if !always && !self.carriers.rich[usize::from(self.tasks[task].program())] {
            return;
        }
        let mut green = Green::new(task);
        (green.life, green.alive) = (GreenletLife::Begun, false);
        let id = match self.carriers.free_greens.pop() {
            Some(id) => {
                // Tickets go on, so that a callback for the one before finds that it is gone.
                green.ticket = self.carriers.greens[id].ticket + 1;
                self.carriers.greens[id] = green;
                id
            }
            None => {
                self.carriers.greens.push(green);
                GreenId::from_index(self.carriers.greens.len() - 1)
            }
        };
        self.tasks[task].become_greenlet(id);
    }

    /// A task of a request is over: its timeouts are stopped, its place is free.
    pub(super) fn impoverish(&mut self, id: HubId, task: TaskId) {
        if self.tasks[task].green().is_some() {
            self.stop_guards(id, task);
            let green = self.tasks[task].leave_greenlet();
            self.carriers.free_greens.push(green);
        }
    }

    /// Queues a task's switch, under its present ticket.
    pub(crate) fn queue_turn(&mut self, id: HubId, task: TaskId) {
        let green = self.tasks[task].green();
        let ticket = if green.is_some() { self.carriers.greens[green].ticket } else { 0 };
        let now = self.local(id);
        self.tasks[task].ready_from(now);
        self.hub(id).callbacks.push_back(Callback::Turn(task, ticket));
    }

    /// A greenlet for each branch; this one waits for all of them.
    pub(super) fn fan_out(&mut self, id: HubId, task: TaskId, program: u16, count: u16) {
        let thread = self.carriers.hubs[id].thread;
        for number in 0..count {
            self.owe(id, self.hub_costs(id).spawn);
            let branch = self.new_branch(task, program, number, thread);
            self.enrich(branch, true);
            self.queue_turn(id, branch);
        }
        self.tasks[task].wait_for(u32::from(count));
        self.park_as(id, task, Parked::Children);
    }

    /// A timeout fires around a fan-out: its branches are killed, and the parent fails when they are gone.
    pub(super) fn kill_branches(&mut self, id: HubId, parent: TaskId) {
        self.fail_task(parent);
        let branches = self.tasks.iter().filter(|(_, task)| task.parent() == parent);
        let victims: Vec<GreenId> = branches.map(|(_, task)| task.green()).collect();
        self.begin_kill(id, victims, None);
    }

    /// The process is killed while a greenlet holds its hub: the hold ends with it, and has a culprit like any other.
    pub(crate) fn tell_last_hold(&mut self, id: HubId) {
        let (now, hub) = (self.now, self.hub(id));
        if hub.current.is_none() || hub.active_at >= now {
            return;
        }
        hub.held_max = hub.held_max.max(now - hub.active_at);
        let Heaviest { program, pc, .. } = hub.heaviest;
        let from = hub.active_at;
        let (hub, step) = (id.index() as u32, StepOf { program, pc });
        self.probe.on(now, Fact::HubHeld { hub, step, from, to: now });
    }

    /// A branch is done; the last one's death wakes the parent.
    pub(super) fn end_branch_on_hub(&mut self, id: HubId, task: TaskId) {
        let parent = self.tasks[task].parent();
        if self.fails_first(task) && self.on_error(parent) == OnError::Cancel {
            let others = self.other_runs(task).into_iter().map(|other| self.tasks[other].green()).collect();
            self.begin_kill(id, others, None);
        }
        self.impoverish(id, task);
        self.switch_to_loop(id);
        if self.end_branch(task) {
            self.bill(parent, self.now, Wait::Hub);
            self.queue_turn(id, parent);
        }
    }

    /// `spawn`: in a pool it may have to wait for room.
    pub(super) fn spawn(&mut self, id: HubId, task: TaskId, spawn: Spawn) {
        let green = self.new_greenlet(id, spawn.program, spawn.name);
        if spawn.bare {
            self.owe(id, self.hub_costs(id).spawn);
            self.carriers.greens[green].parent = task;
            return self.call_it(spawn.name, green);
        }
        let process = self.carriers.hubs[id].process;
        let room = spawn.pool.and_then(|pool| match self.interpreters[process].shared(pool) {
            Sync::Pool(pool) => pool.room,
            _ => unreachable!("greenlets are spawned in pools"),
        });
        let Some(room) = room else { return self.spawn_now(id, spawn, green) };
        if self.take_unit(process, room) {
            return self.spawn_now(id, spawn, green);
        }
        self.park_for_unit(id, task, room, None, Then::Spawn(spawn, green));
    }

    /// The greenlet joins its pool and is started.
    pub(super) fn spawn_now(&mut self, id: HubId, spawn: Spawn, green: GreenId) {
        let process = self.carriers.hubs[id].process;
        if let Some(pool) = spawn.pool {
            self.carriers.greens[green].links.push_back(DeathLink::Discard(pool));
            let Sync::Pool(pool) = self.interpreters[process].shared_mut(pool) else {
                unreachable!("greenlets are spawned in pools")
            };
            pool.members += 1;
            let empty = pool.empty;
            self.link(process, empty).clear();
        }
        self.owe(id, self.hub_costs(id).spawn);
        match spawn.after.filter(|_| spawn.pool.is_none()) {
            Some(after) => {
                self.refresh_in_batch(id);
                let task = self.carriers.greens[green].task;
                let hub = self.hub(id);
                let at = hub.clock + after;
                let timer = hub.timers.start(at, Purpose::Start, task);
                self.carriers.greens[green].life = GreenletLife::Timed(timer);
            }
            None => self.start_green(id, green),
        }
        self.call_it(spawn.name, green);
    }

    /// A name means this greenlet from now on.
    pub(crate) fn call_it(&mut self, name: u16, green: GreenId) {
        let name = usize::from(name);
        if self.carriers.newest.len() <= name {
            self.carriers.newest.resize(name + 1, GreenId::NONE);
        }
        self.carriers.newest[name] = green;
    }

    /// Queues the first switch.
    pub(crate) fn start_green(&mut self, id: HubId, green: GreenId) {
        let state = &mut self.carriers.greens[green];
        state.life = GreenletLife::Queued;
        let (task, ticket) = (state.task, state.ticket);
        self.tasks[task].park(Parked::Turn);
        self.hub(id).callbacks.push_back(Callback::Turn(task, ticket));
    }

    /// A plain timer's start reads the clock only inside a batch of callbacks.
    #[inline]
    pub(super) fn refresh_in_batch(&mut self, id: HubId) {
        if matches!(self.hub(id).phase, Phase::Callbacks { .. }) {
            self.refresh_clock(id);
        }
    }

    /// The body of a greenlet is at its end.
    pub(super) fn die(&mut self, id: HubId, task: TaskId, how: Option<Exception>) {
        let green = self.tasks[task].green();
        let said = match how {
            None | Some(Exception::Timeout(_)) => None,
            Some(Exception::Exit) => Some(Said::Killed),
            Some(Exception::Error(name)) => Some(Said::Error(name)),
        };
        if let Some(said) = said {
            self.say(id, green, said);
        }
        self.stop_guards(id, task);
        let state = &mut self.carriers.greens[green];
        (state.life, state.alive) = (GreenletLife::Dead, false);
        state.ticket += 1;
        let parent = state.parent;
        self.switch_to_loop(id);
        self.notify_death(id, green);
        self.switch_into(id, parent);
    }

    /// The bare `greenlet.switch()`: the other runs now, and this one when somebody switches back or the other ends.
    pub(super) fn switch_bare(&mut self, id: HubId, task: TaskId, other: GreenId) {
        let other = self.living(self.carriers.greens[other].task);
        if other != task {
            self.switch_to_loop(id);
            self.switch_into(id, other);
        }
    }

    /// The task, or if it is dead the next of its parents that is not: who a switch to it reaches.
    fn living(&self, mut task: TaskId) -> TaskId {
        while task.is_some() && self.carriers.greens[self.tasks[task].green()].is_dead() {
            task = self.carriers.greens[self.tasks[task].green()].parent;
        }
        task
    }

    /// Goes on with a greenlet that was made or has switched away; without one the loop goes on.
    /// One that waits for something sees that this is not it (gevent 26.9, `_hub_primitives.py`, `wait_on_watcher`).
    fn switch_into(&mut self, id: HubId, task: TaskId) {
        let task = self.living(task);
        if task.is_none() {
            return;
        }
        let state = &mut self.carriers.greens[self.tasks[task].green()];
        if state.life == GreenletLife::Unborn {
            state.life = GreenletLife::Begun;
        }
        if self.tasks[task].parked() != Parked::No {
            return self.throw(id, task, Exception::Error("InvalidSwitchError"));
        }
        let now = self.local(id);
        self.tasks[task].ready_from(now);
        self.switch_to(id, task);
    }

    pub(super) fn say(&mut self, id: HubId, green: GreenId, said: Said) {
        let at = self.local(id);
        self.probe.on(at, Fact::Said { who: green.index() as u32, said: &said });
    }

    /// The newest greenlets of these names.
    pub(super) fn targets(&self, task: TaskId, targets: u16) -> Option<Vec<GreenId>> {
        let program = &self.model.programs[usize::from(self.tasks[task].program())];
        program.targets[usize::from(targets)]
            .iter()
            .map(|&name| self.carriers.newest.get(usize::from(name)).copied().filter(|green| green.is_some()))
            .collect()
    }

    pub(super) fn link_note(&mut self, id: HubId, greens: &[GreenId], note: u16) {
        for &green in greens {
            let state = &mut self.carriers.greens[green];
            state.links.push_back(DeathLink::Note(note));
            if state.is_dead() {
                self.notify_death(id, green);
            }
        }
    }

    /// `join` of one: at once if it is dead.
    pub(super) fn join_one(&mut self, id: HubId, task: TaskId, other: GreenId, limit: Option<Span>) {
        let me = self.tasks[task].green();
        if self.carriers.greens[other].is_dead() {
            self.carriers.greens[me].outcome = Some(Outcome::Bool(true));
            return;
        }
        self.carriers.greens[other].links.push_back(DeathLink::Join(task));
        self.tasks[task].wait_for(other.index() as u32);
        self.start_limit(id, task, limit);
        self.park_as(id, task, Parked::Death);
    }

    /// `joinall`: a link on each, collected in the order of their deaths.
    pub(super) fn join_several(
        &mut self,
        id: HubId,
        task: TaskId,
        others: Vec<GreenId>,
        count: u16,
        limit: Option<Span>,
    ) {
        let left = usize::from(count).min(others.len());
        let gather = Gather {
            objects: others,
            left,
            values: Default::default(),
            results: Vec::new(),
            timer: None,
            silent: false,
        };
        self.begin_gather(id, task, gather, limit);
    }

    pub(super) fn begin_gather(&mut self, id: HubId, task: TaskId, mut gather: Gather, limit: Option<Span>) {
        let me = self.tasks[task].green();
        for &other in &gather.objects {
            let state = &mut self.carriers.greens[other];
            state.links.push_back(DeathLink::Gather(me));
            if state.is_dead() {
                self.notify_death(id, other);
            }
        }
        if let Some(limit) = limit {
            self.refresh_in_batch(id);
            let hub = self.hub(id);
            let at = hub.clock + limit;
            gather.timer = Some(hub.timers.start(at, Purpose::Gather, task));
        }
        self.carriers.greens[me].gather = Some(gather);
        self.gather_on(id, task);
    }

    /// Takes what has come; parks for more, or is done.
    pub(super) fn gather_on(&mut self, id: HubId, task: TaskId) {
        let me = self.tasks[task].green();
        loop {
            let gather = self.carriers.greens[me].gather.as_mut().expect("it gathers");
            if gather.left == 0 {
                break;
            }
            match gather.values.pop_front() {
                None => {
                    self.park_as(id, task, Parked::Deaths);
                    return;
                }
                Some(None) => break,
                Some(Some(other)) => {
                    gather.left -= 1;
                    gather.results.push(other.index() as u32);
                }
            }
        }
        let gather = self.end_gather(id, me);
        if !gather.silent {
            self.carriers.greens[me].outcome = Some(Outcome::Names(gather.results));
        } else {
            self.killed_are_gone(&gather.objects);
        }
    }

    /// Stops the timer and takes the links off again.
    pub(super) fn end_gather(&mut self, id: HubId, me: GreenId) -> Gather {
        let mut gather = self.carriers.greens[me].gather.take().expect("it gathers");
        if let Some(timer) = gather.timer.take() {
            self.hub(id).timers.stop(timer);
        }
        for &other in &gather.objects {
            let links = &mut self.carriers.greens[other].links;
            if let Some(at) = links.iter().position(|&link| link == DeathLink::Gather(me)) {
                links.remove(at);
            }
        }
        gather
    }

    /// `kill`, `killall`.
    pub(super) fn kill(&mut self, id: HubId, task: TaskId, victims: &[GreenId], block: bool) {
        let mut left = Vec::new();
        for &victim in victims {
            if !self.kill_before_start(id, victim) {
                left.push(victim);
            }
        }
        if left.is_empty() {
            self.killed_are_gone(victims);
            return;
        }
        let me = self.tasks[task].green();
        self.carriers.greens[me].gather = None;
        self.carriers.greens[me].killing = victims.to_vec();
        let mut killer = None;
        if block {
            self.park_as(id, task, Parked::Kill);
            killer = Some((task, self.carriers.greens[me].ticket));
        } else {
            self.killed_are_gone(victims);
        }
        self.hub(id).callbacks.push_back(Callback::Kill(Box::new(Kill { victims: left, killer })));
    }

    /// Whether the greenlet is dead: it was, or its start could still be stopped.
    fn kill_before_start(&mut self, id: HubId, victim: GreenId) -> bool {
        match self.carriers.greens[victim].life {
            GreenletLife::Dead => return true,
            GreenletLife::Begun => return false,
            GreenletLife::Timed(timer) => self.hub(id).timers.stop(timer),
            GreenletLife::Queued | GreenletLife::Unborn => self.carriers.greens[victim].ticket += 1,
        }
        self.carriers.greens[victim].life = GreenletLife::Dead;
        self.notify_death(id, victim);
        true
    }

    /// The trace does not count them as alive any more.
    fn killed_are_gone(&mut self, victims: &[GreenId]) {
        for &victim in victims {
            let state = &mut self.carriers.greens[victim];
            state.alive &= !state.is_dead();
        }
    }

    /// The killer goes on: it waits for those who are not dead yet.
    pub(super) fn after_kill(&mut self, id: HubId, task: TaskId) {
        let me = self.tasks[task].green();
        let victims = std::mem::take(&mut self.carriers.greens[me].killing);
        let diehards = self.carriers.greens[me].gather.take();
        match diehards {
            Some(gather) if victims.len() > 1 => {
                self.killed_are_gone(&victims);
                self.begin_gather(id, task, gather, None);
            }
            Some(gather) => {
                self.join_one(id, task, gather.objects[0], None);
                self.killed_are_gone(&victims);
            }
            None => self.killed_are_gone(&victims),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn begin_kill(&mut self, id: HubId, victims: Vec<GreenId>, killer: Option<(TaskId, u32)>) {
        self.hub(id).underway = Some(Underway::Kill { victims, at: 0, diehards: Vec::new(), killer });
    }
}
