//! What the tasks of a process share: locks, pools, events, queues and the like. Every process has its own instances.
//!
//! Here are their states. Who is woken when is the carrier's business: a futex wake-up on threads (the end of this file), callbacks
//! and notifiers in `hub/`.

use std::collections::VecDeque;

use crate::kit::id::{ProcessId, RequestId, TaskId};
use crate::kit::time::Time;
use crate::model::{Policy, SyncKind, SyncSpec};
use crate::program::op::{Op, Pc};
use crate::program::task::{News, Parked};
use crate::program::wait::Wait;
use crate::python::linkable::{LinkId, Linkable};
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::Detail;
use crate::world::World;

/// One shared thing.
#[derive(Debug)]
pub(crate) enum Sync {
    /// Units on a shelf.
    Semaphore {
        link: LinkId,
        policy: Policy,
    },
    /// A plain lock or an owned one, alone or under a condition with its waiters.
    Lock(Lock),
    Event(LinkId),
    Result(LinkId),
    Queue(Queue),
    Standard(Standard),
    Channel(Channel),
    Pool(Pool),
    /// Indices of its two sockets in the hub, and the bytes that wait at each.
    Pair {
        socks: [u32; 2],
        waiting: [u32; 2],
    },
    Remote(Remote),
    /// A slot for each native thread.
    Threads(LinkId),
    /// What only asyncio has, and its loops have themselves.
    Aio,
}

/// A lock.
#[derive(Debug)]
pub(crate) struct Lock {
    pub(crate) link: LinkId,
    /// Whether its owner may take it again.
    pub(crate) reentrant: bool,
    /// Whether a failed attempt without waiting yields (the patched `threading.Lock`).
    pub(crate) yields: bool,
    pub(crate) owner: TaskId,
    pub(crate) count: u32,
    /// Locks of those who wait for the condition over it, oldest first.
    pub(crate) waiters: VecDeque<LinkId>,
}

/// gevent's queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) items: VecDeque<u16>,
    pub(crate) lifo: bool,
    pub(crate) max: Option<u32>,
    pub(crate) getters: VecDeque<TaskId>,
    pub(crate) putters: VecDeque<(TaskId, u16)>,
    /// Whether the callback that serves them is queued or running.
    pub(crate) unlocking: bool,
    pub(crate) unfinished: u32,
    /// Set while nothing is unfinished.
    pub(crate) done: LinkId,
}

/// The standard library's queue.
#[derive(Debug)]
pub(crate) struct Standard {
    pub(crate) items: VecDeque<u16>,
    pub(crate) lifo: bool,
    pub(crate) max: Option<u32>,
    pub(crate) mutex: LinkId,
    /// Bare threads that wait for an item, and for room.
    pub(crate) getters: VecDeque<TaskId>,
    pub(crate) putters: VecDeque<(TaskId, u16)>,
    /// Locks of those greenlets that wait for an item, for room, for all to be done.
    pub(crate) waiters: [VecDeque<LinkId>; 3],
    pub(crate) unfinished: u32,
}

/// gevent's channel.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    pub(crate) getters: VecDeque<TaskId>,
    pub(crate) putters: VecDeque<(TaskId, u16)>,
    pub(crate) unlocking: bool,
}

/// A group of greenlets.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Free places; none in a group without limit.
    pub(crate) room: Option<LinkId>,
    pub(crate) members: u32,
    /// Set while it is empty.
    pub(crate) empty: LinkId,
}

/// A peer that answers at a set time.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) sock: u32,
    /// When the answer to the last question is there.
    pub(crate) due: Time,
    /// Questions asked.
    pub(crate) number: u64,
}

impl Queue {
    pub(crate) fn has_room(&self) -> bool {
        self.max.is_none_or(|max| self.items.len() < max as usize)
    }

    pub(crate) fn take(&mut self) -> u16 {
        take_item(&mut self.items, self.lifo)
    }
}

impl Standard {
    pub(crate) fn has_room(&self) -> bool {
        self.max.is_none_or(|max| self.items.len() < max as usize)
    }

    pub(crate) fn take(&mut self) -> u16 {
        take_item(&mut self.items, self.lifo)
    }
}

fn take_item(items: &mut VecDeque<u16>, lifo: bool) -> u16 {
    let item = if lifo { items.pop_back() } else { items.pop_front() };
    item.expect("somebody looked before taking")
}

/// What a queue holds at the start.
fn first_items(max: Option<u32>, filled: bool) -> VecDeque<u16> {
    let count = max.filter(|_| filled).unwrap_or(0);
    (0..count).map(|_| 0).collect()
}

/// Builds a process's instance; sockets come from `open`.
pub(crate) fn build(spec: &SyncSpec, links: &mut Vec<Linkable>, open: &mut dyn FnMut() -> u32) -> Sync {
    let mut link = |linkable: Linkable| {
        links.push(linkable);
        LinkId::try_from(links.len() - 1).expect("a process has under 2^32 linkables")
    };
    let mut lock = |reentrant, yields| {
        let link = link(Linkable::semaphore(1, Some(1)));
        Lock { link, reentrant, yields, owner: TaskId::NONE, count: 0, waiters: VecDeque::new() }
    };
    match spec.kind {
        SyncKind::Lock => return Sync::Lock(lock(false, true)),
        SyncKind::RLock => return Sync::Lock(lock(true, false)),
        SyncKind::Condition { reentrant } => return Sync::Lock(lock(reentrant, !reentrant)),
        _ => {}
    }
    match spec.kind {
        SyncKind::Lock | SyncKind::RLock | SyncKind::Condition { .. } => unreachable!("locks are built above"),
        SyncKind::Semaphore { units, policy, bounded } => {
            Sync::Semaphore { link: link(Linkable::semaphore(units, bounded.then_some(units))), policy }
        }
        SyncKind::Event => Sync::Event(link(Linkable::event(false))),
        SyncKind::AsyncResult => Sync::Result(link(Linkable::event(false))),
        SyncKind::Queue { lifo, max, standard: false, filled } => Sync::Queue(Queue {
            items: first_items(max, filled),
            lifo,
            max,
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            unlocking: false,
            unfinished: 0,
            done: link(Linkable::event(true)),
        }),
        SyncKind::Queue { lifo, max, standard: true, filled } => Sync::Standard(Standard {
            items: first_items(max, filled),
            lifo,
            max,
            mutex: link(Linkable::semaphore(1, Some(1))),
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            waiters: Default::default(),
            unfinished: 0,
        }),
        SyncKind::Channel => Sync::Channel(Channel::default()),
        SyncKind::Pool { size } => Sync::Pool(Pool {
            room: size.map(|size| link(Linkable::semaphore(size, None))),
            members: 0,
            empty: link(Linkable::event(true)),
        }),
        SyncKind::Pair => Sync::Pair { socks: [open(), open()], waiting: [0, 0] },
        SyncKind::Remote => Sync::Remote(Remote { sock: open(), due: Time::NEVER, number: 0 }),
        SyncKind::Threads { size } => Sync::Threads(link(Linkable::semaphore(size, None))),
        SyncKind::Aio(_) => Sync::Aio,
    }
}

impl<P: Probe> World<'_, P> {
    /// Tells that a task has taken a unit, or gives one back.
    #[inline(always)]
    pub(crate) fn tell_unit(&mut self, process: ProcessId, sync: u16, task: TaskId, taken: bool) {
        if P::DETAIL {
            let request = self.tasks.get(task).map_or(RequestId::NONE, |state| state.request());
            tell(&mut self.probe, self.now, Detail::Unit { process, sync, request, taken });
        }
    }

    /// Tells that a task has taken a unit for which it has waited: its step says what it was.
    #[inline(always)]
    pub(crate) fn tell_unit_of_step(&mut self, process: ProcessId, task: TaskId) {
        if P::DETAIL
            && let Some(sync) = self.sync_of_step(task)
        {
            self.tell_unit(process, sync, task, true);
        }
    }

    /// The shelf of a lock or pool that requests use, and its policy.
    pub(crate) fn shelf(&self, process: ProcessId, sync: u16) -> (LinkId, Policy) {
        self.interpreters[process].shelf(sync)
    }

    pub(crate) fn link(&mut self, process: ProcessId, link: LinkId) -> &mut Linkable {
        self.interpreters[process].link_mut(link)
    }

    /// Takes a unit if there is one.
    pub(crate) fn take_unit(&mut self, process: ProcessId, link: LinkId) -> bool {
        self.link(process, link).take()
    }

    /// Puts a task at the end of the waiters.
    pub(crate) fn queue_for_unit(&mut self, process: ProcessId, link: LinkId, task: TaskId) {
        self.link(process, link).push(task);
        self.tasks[task].wait_for(link);
    }

    /// The op that a task has just met.
    pub(crate) fn op_of(&self, task: TaskId) -> Pc {
        let state = &self.tasks[task];
        // A burn that yields is met again after every piece but the last.
        let again = !state.piece().is_zero();
        if again { state.pc() } else { Pc(state.pc().0.wrapping_sub(1)) }
    }

    /// The lock or pool whose unit a task has just met.
    pub(crate) fn sync_of_step(&self, task: TaskId) -> Option<u16> {
        let state = &self.tasks[task];
        let code = &self.model.programs[usize::from(state.program())].code;
        match code.get(usize::from(state.pc().0.wrapping_sub(1))) {
            Some(Op::Acquire { sync, .. }) => Some(*sync),
            _ => None,
        }
    }

    /// What a request waits for that has just met something shared: a unit of a pool, or anything else.
    pub(crate) fn wait_of_step(&self, task: TaskId) -> Wait {
        let state = &self.tasks[task];
        let code = &self.model.programs[usize::from(state.program())].code;
        let op = code.get(usize::from(state.pc().0.wrapping_sub(1)));
        let sync = op.and_then(|op| op.waits_at());
        sync.map_or(Wait::Lock, |sync| self.model.syncs[usize::from(sync)].wait())
    }

    /// A unit comes back. Says whom to wake; under hand-off that task owns the unit already.
    pub(crate) fn give_back(&mut self, process: ProcessId, sync: u16, giver: TaskId) -> Option<TaskId> {
        self.tell_unit(process, sync, giver, false);
        let (link, policy) = self.shelf(process, sync);
        let shelf = self.link(process, link);
        let waiter = match policy {
            Policy::HandOff => shelf.hand_off(),
            Policy::Barging => {
                shelf.give();
                shelf.waiters.pop_front().map(|(_, task)| task)
            }
        };
        if policy == Policy::HandOff
            && let Some(waiter) = waiter
        {
            self.tasks[waiter].hear(News::Granted);
            self.tell_unit(process, sync, waiter, true);
        }
        waiter
    }

    /// A task whose limit passed leaves the queue; its acquire has failed.
    pub(crate) fn leave_queue(&mut self, process: ProcessId, task: TaskId) {
        debug_assert_eq!(self.tasks[task].parked(), Parked::Unit);
        let link = self.tasks[task].handle();
        self.link(process, link).unlink(task);
        self.fail_acquire(task);
    }

    /// The acquire that a task stands behind did not succeed: it holds nothing of it.
    pub(crate) fn fail_acquire(&mut self, task: TaskId) {
        let state = &mut self.tasks[task];
        state.meet_again();
        self.fail_task(task);
    }
}
