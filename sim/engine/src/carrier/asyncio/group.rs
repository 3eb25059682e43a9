//! `asyncio.TaskGroup`.
//!
//! After `taskgroups.py` (CPython 3.11.7, 3.13.0, 3.14). The block's end waits for a future that the last task's callback sets (N1). An
//! error cancels all others and the block, and all errors are raised together when the last has ended (N2). In which order the members
//! are cancelled asyncio leaves open; here it is the order in which they were made.

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{DoneCallback, Exc, FutKey, FutureValue, Kind, State};
use super::task::{AioKey, TaskInput};
use crate::kit::arena::ArenaKey;
use crate::program::op::Pc;
use crate::program::said::Outcome;

/// A group of tasks, entered.
#[derive(Debug)]
pub(crate) struct Group {
    parent: AioKey,
    tasks: Vec<FutKey>,
    errors: Vec<Exc>,
    exiting: bool,
    aborting: bool,
    parent_cancel_requested: bool,
    on_completed: Option<FutKey>,
}

impl EventLoop {
    /// `async with asyncio.TaskGroup()`, the way in.
    pub(super) fn enter_group(&mut self, me: AioKey, name: u16, end: Pc) -> CoroutineFrame {
        let group = self.groups.insert(Group {
            parent: me,
            tasks: Vec::new(),
            errors: Vec::new(),
            exiting: false,
            aborting: false,
            parent_cancel_requested: false,
            on_completed: None,
        });
        self.group_names.retain(|&(known, _)| known != name);
        self.group_names.push((name, group));
        CoroutineFrame::Group(GroupBlock { group, end, at: AtGroup::Body })
    }

    /// Whether a task may be made in the group of this name.
    pub(super) fn open_group(&self, name: u16) -> Result<ArenaKey<Group>, Exc> {
        let found = self.group_names.iter().find(|&&(known, _)| known == name);
        let &(_, group) = found.ok_or(Exc::KEY)?;
        let Some(state) = self.groups.get(group) else { return Err(Exc::RUNTIME) };
        if state.exiting && state.tasks.is_empty() || state.aborting { Err(Exc::RUNTIME) } else { Ok(group) }
    }

    /// A task was made in a group. One that is done already counts at once, or by its callback (N4).
    pub(super) fn join_group(&mut self, group: ArenaKey<Group>, task: FutKey) {
        if self.rules.group_counts_done && self.is_done(task) {
            self.on_task_done(group, task);
            return;
        }
        if let Some(state) = self.groups.get_mut(group) {
            state.tasks.push(task);
        }
        self.add_done_callback(task, DoneCallback::Grouped(group));
    }

    /// `_on_task_done`.
    pub(super) fn on_task_done(&mut self, group: ArenaKey<Group>, task: FutKey) {
        let Some(state) = self.groups.get_mut(group) else { return };
        state.tasks.retain(|&other| other != task);
        let completed = state.on_completed.filter(|_| state.tasks.is_empty());
        let parent = state.parent;
        if let Some(completed) = completed {
            self.set_result(completed, FutureValue::Bool(true));
        }
        let State::Done(Err(error)) = self.state(task) else { return };
        let parent_is_done = self.has_ended(parent);
        let Some(state) = self.groups.get_mut(group) else { return };
        state.errors.push(error);
        if parent_is_done || state.aborting || state.parent_cancel_requested {
            return;
        }
        self.abort_group(group);
        if let Some(state) = self.groups.get_mut(group) {
            state.parent_cancel_requested = true;
        }
        self.cancel_task(parent);
    }

    /// `_abort`: cancels all that have not ended.
    fn abort_group(&mut self, group: ArenaKey<Group>) {
        let Some(state) = self.groups.get_mut(group) else { return };
        state.aborting = true;
        for task in state.tasks.clone() {
            if let Some(Kind::Task(task)) = self.futures.get(task).map(|future| future.kind) {
                self.cancel_task(task);
            }
        }
    }

    fn group(&mut self, group: ArenaKey<Group>) -> &mut Group {
        self.groups.get_mut(group).expect("a group is there until its block is over")
    }
}

/// A group's block in a program.
#[derive(Debug)]
pub(super) struct GroupBlock {
    group: ArenaKey<Group>,
    end: Pc,
    at: AtGroup,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
enum AtGroup {
    Body,
    /// `__aexit__`: what the body raised, and whether a cancellation goes on after it.
    Exit(Option<Exc>, bool),
}

impl GroupBlock {
    pub(super) fn step(&mut self, on: &mut EventLoop, me: AioKey, input: TaskInput) -> FrameFlow {
        match self.at {
            AtGroup::Body => match input {
                TaskInput::Start | TaskInput::Ok(_) => FrameFlow::Program(None),
                TaskInput::Leave => self.exit(on, me, None),
                TaskInput::Err(error) => self.exit(on, me, Some(error)),
            },
            AtGroup::Exit(raised, mut propagates) => {
                if let TaskInput::Err(Exc::Cancelled) = input
                    && !on.group(self.group).aborting
                {
                    propagates = true;
                    on.abort_group(self.group);
                }
                if let Some(completed) = on.group(self.group).on_completed.take() {
                    on.forget(completed);
                }
                self.wait(on, me, raised, propagates)
            }
        }
    }

    /// The body is over.
    fn exit(&mut self, on: &mut EventLoop, me: AioKey, raised: Option<Exc>) -> FrameFlow {
        on.group(self.group).exiting = true;
        let mut propagates = raised == Some(Exc::Cancelled);
        if !on.rules.group_keeps_cancellation {
            self.take_back(on, me, &mut propagates);
        }
        if raised.is_some() && !on.group(self.group).aborting {
            on.abort_group(self.group);
        }
        self.wait(on, me, raised, propagates)
    }

    /// The cancellation that the group itself asked for is none from outside.
    fn take_back(&self, on: &mut EventLoop, me: AioKey, propagates: &mut bool) {
        if on.group(self.group).parent_cancel_requested && on.uncancel(me) == 0 {
            *propagates = false;
        }
    }

    /// Waits for all tasks; then the block is over.
    fn wait(&mut self, on: &mut EventLoop, me: AioKey, raised: Option<Exc>, propagates: bool) -> FrameFlow {
        if !on.group(self.group).tasks.is_empty() {
            let completed = on.create_future();
            on.group(self.group).on_completed = Some(completed);
            self.at = AtGroup::Exit(raised, propagates);
            return FrameFlow::Await(completed);
        }
        let mut propagates = propagates;
        if on.rules.group_keeps_cancellation {
            self.take_back(on, me, &mut propagates);
        }
        let mut errors = std::mem::take(&mut on.group(self.group).errors);
        on.groups.remove(self.group);
        if propagates && errors.is_empty() {
            return FrameFlow::Raise(Exc::Cancelled);
        }
        errors.extend(raised.filter(|&error| error != Exc::Cancelled));
        if errors.is_empty() {
            return match raised {
                Some(error) => FrameFlow::Raise(error),
                None => FrameFlow::Done(Some(Outcome::Ok), Some(self.end)),
            };
        }
        // A cancellation from outside strikes again at the next wait (N3).
        if on.rules.group_keeps_cancellation && on.task(me).cancels > 0 {
            on.uncancel(me);
            on.cancel_task(me);
        }
        FrameFlow::Done(Some(Outcome::Words(errors.into_iter().map(Exc::name).collect(), '+')), Some(self.end))
    }
}
