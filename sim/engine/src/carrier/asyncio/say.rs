//! What a step of a program makes of what it awaited: its outcome, and which exceptions it catches.
//!
//! After the reference interpreter of scheduling programs (docs/conform.md): a limit that passes is an outcome and no error.

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{Exc, FutureValue, State};
use super::gather::GatherCall;
use super::task::{AioKey, TaskInput};
use crate::kit::arena::ArenaKey;
use crate::program::op::Pc;
use crate::program::said::Outcome;

/// What a step makes of what it awaited.
#[derive(Debug)]
pub(super) enum Say {
    /// Nothing is told.
    Nothing,
    /// `ok`.
    Done,
    /// What came, or false when the time was up.
    Flag,
    /// `ok`, or `full`.
    Put,
    /// The item, or `empty`.
    Get,
    /// How many bytes, or `timeout`.
    Received,
    /// Nothing, or `timeout`.
    Answered,
    /// `ok`, or `timeout`; the program goes on there.
    Block(Pc),
    /// What became of each member.
    Gathered(ArenaKey<GatherCall>),
}

/// The outcome that a value is.
fn told(value: FutureValue) -> Outcome {
    match value {
        FutureValue::Bool(yes) => Outcome::Bool(yes),
        FutureValue::Item(item) => Outcome::Item(item),
        FutureValue::Who(who) => Outcome::Names(vec![who]),
        FutureValue::Count(count) => Outcome::Count(count),
        FutureValue::None | FutureValue::Future(_) => Outcome::Word("None"),
    }
}

impl Say {
    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let missed = match self {
            Say::Flag => Some(Outcome::Bool(false)),
            Say::Put => Some(Outcome::Full),
            Say::Get => Some(Outcome::Empty),
            Say::Received | Say::Answered | Say::Block(_) => Some(Outcome::Timeout),
            Say::Nothing | Say::Done | Say::Gathered(_) => None,
        };
        let end = if let Say::Block(end) = self { Some(*end) } else { None };
        let outcome = match (input, missed) {
            (TaskInput::Ok(value), _) => match self {
                Say::Nothing | Say::Answered => None,
                Say::Done | Say::Put | Say::Block(_) => Some(Outcome::Ok),
                Say::Flag | Say::Get | Say::Received => Some(told(value)),
                Say::Gathered(gather) => Some(on.told_of_each(*gather)),
            },
            (TaskInput::Err(Exc::Timeout), Some(missed)) => Some(missed),
            (TaskInput::Err(Exc::Error("QueueFull")), Some(missed)) if matches!(self, Say::Put) => Some(missed),
            (TaskInput::Err(Exc::Error("QueueEmpty")), Some(missed)) if matches!(self, Say::Get) => Some(missed),
            (TaskInput::Err(error), _) => {
                self.forget(on);
                return FrameFlow::Raise(error);
            }
            (TaskInput::Start | TaskInput::Leave, _) => unreachable!("it is called into, and is no block"),
        };
        self.forget(on);
        FrameFlow::Done(outcome, end)
    }

    /// Its gathering is over.
    fn forget(&self, on: &mut EventLoop) {
        if let Say::Gathered(gather) = self {
            on.forget_gather(*gather);
        }
    }
}

impl EventLoop {
    /// `ok` or an error's name for each member, in order.
    fn told_of_each(&self, gather: ArenaKey<GatherCall>) -> Outcome {
        let children = self.gathers.get(gather).map_or(&[][..], |gather| &gather.children);
        let word = |state: State| match state {
            State::Cancelled => Exc::Cancelled.name(),
            State::Done(Err(error)) => error.name(),
            State::Done(Ok(_)) | State::Pending => "ok",
        };
        Outcome::Words(children.iter().map(|&child| word(self.state(child))).collect(), ',')
    }

    /// A step of a task's program awaits something.
    pub(super) fn await_step(&mut self, me: AioKey, say: Say, frame: CoroutineFrame) {
        let task = self.task(me);
        task.frames.push(CoroutineFrame::Say(say));
        task.frames.push(frame);
        task.input = TaskInput::Start;
    }
}
