//! How tasks are made by a program: at once, by a timer, in a group, eagerly.
//!
//! After `base_events.py:create_task`, `tasks.py:Task.__init__`, `__eager_start`, `taskgroups.py:create_task` (CPython 3.13, 3.14).

use super::EventLoop;
use super::frame::FrameFlow;
use super::future::Exc;
use super::group::Group;
use super::handle::Callback;
use super::task::{AioKey, RunningTask, TaskInput, TaskOrigin};
use crate::kit::arena::ArenaKey;
use crate::kit::time::Span;
use crate::program::op::{Pc, Program, Spawn};

/// A task that is about to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    program: u16,
    /// The name that it is known by, and which task that is, counted in spawn order.
    name: u16,
    who: u32,
    group: Option<u16>,
    eager: bool,
}

/// A task makes a task.
#[derive(Debug)]
pub(super) struct Birthing {
    birth: Birth,
    made: Option<Made>,
}

/// A task that was made: it has no name yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    task: AioKey,
    group: Option<ArenaKey<Group>>,
}

impl Birthing {
    pub(super) fn new(birth: Birth) -> Birthing {
        Birthing { birth, made: None }
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        if let Some(made) = self.made {
            debug_assert!(matches!(input, TaskInput::Ok(_)), "nothing is thrown into one that runs");
            on.enter_names(self.birth, made);
            return FrameFlow::Done(None, None);
        }
        match on.make(self.birth) {
            Err(error) => FrameFlow::Raise(error),
            Ok((made, true)) => {
                self.made = Some(made);
                FrameFlow::Nested
            }
            Ok((made, false)) => {
                on.enter_names(self.birth, made);
                FrameFlow::Done(None, None)
            }
        }
    }
}

impl EventLoop {
    /// The task that a spawn is about: from now on its name is taken.
    pub(super) fn birth(&mut self, spawn: Spawn, group: Option<u16>, eager: bool) -> Birth {
        let who = u32::try_from(self.names.len()).expect("under 2^32 tasks have names");
        self.names.push(None);
        self.out.born.push(spawn.name);
        Birth { program: spawn.program, name: spawn.name, who, group, eager }
    }

    /// The first task, which is never eager: the loop does not run yet.
    pub(super) fn make_main(&mut self, spawn: Spawn) {
        let birth = self.birth(spawn, None, false);
        let task = self.new_program_task(birth);
        self.begin_task(task, false);
        self.enter_names(birth, Made { task, group: None });
    }

    fn new_program_task(&mut self, birth: Birth) -> AioKey {
        let origin = TaskOrigin { program: birth.program, pc: Pc(0), registers: [0; Program::REGISTERS] };
        self.new_task(Some(origin), Vec::new(), birth.who, true)
    }

    /// Makes a task; whether it begins at once (G1, G2).
    fn make(&mut self, birth: Birth) -> Result<(Made, bool), Exc> {
        let group = birth.group.map(|name| self.open_group(name)).transpose()?;
        let task = self.new_program_task(birth);
        let eager = self.begin_task(task, birth.eager || self.eager);
        Ok((Made { task, group }, eager))
    }

    /// It was made, and has run as far as it runs at once.
    fn enter_names(&mut self, birth: Birth, made: Made) {
        if let Some(group) = made.group {
            let fut = self.fut_of(made.task);
            self.join_group(group, fut);
        }
        let made = made.task;
        self.names[birth.who as usize] = Some(made);
        let name = usize::from(birth.name);
        if self.newest.len() <= name {
            self.newest.resize(name + 1, None);
        }
        self.newest[name] = Some(made);
    }

    /// A timer makes a task. What goes wrong is told to the loop's handler of exceptions, which says nothing.
    pub(super) fn spawn_from_timer(&mut self, birth: Birth) {
        match self.make(birth) {
            Ok((made, false)) => self.enter_names(birth, made),
            Ok((made, true)) => {
                let task = self.running.pop();
                self.running.push(RunningTask::Birth(birth, made));
                self.running.extend(task);
            }
            Err(_) => {}
        }
    }

    /// A task that a timer made has paused.
    pub(super) fn after_birth(&mut self, birth: Birth, made: Made) {
        self.running.pop();
        self.enter_names(birth, made);
    }

    /// `call_soon` or `call_later` of a spawn.
    pub(super) fn spawn_later(&mut self, birth: Birth, after: Span) {
        self.call_later(after, Callback::Spawn(birth));
    }
}
