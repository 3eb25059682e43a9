//! What an interpreter has of its own: the GIL of its process, what its tasks share, and the things that waiters link themselves to.

use crate::model::{Policy, SyncSpec};
use crate::python::gil::Gil;
use crate::python::linkable::{LinkId, Linkable};
use crate::python::sync::{self, Sync};

/// The interpreter of one process.
#[derive(Debug, Default)]
pub(crate) struct Interpreter {
    pub(super) gil: Option<Gil>,
    syncs: Vec<Sync>,
    /// What waiters link themselves to, in `syncs` and for the length of a wait.
    links: Vec<Linkable>,
    /// How many of the links belong to `syncs`.
    own_links: u32,
    /// Links of waits that are over.
    free_links: Vec<LinkId>,
}

impl Interpreter {
    /// One whose threads run one at a time, if it has a GIL.
    pub(crate) fn new(gil: Option<Gil>) -> Interpreter {
        Interpreter { gil, ..Interpreter::default() }
    }

    /// Whether its threads have to take turns.
    #[inline(always)]
    pub(crate) fn has_gil(&self) -> bool {
        self.gil.is_some()
    }

    /// That of the process that takes this one's place: it shares nothing yet.
    pub(crate) fn start_anew(&mut self) {
        *self = Interpreter::new(self.gil.take().map(Gil::anew));
    }

    /// Its instances of what tasks share; sockets come from `open`.
    pub(crate) fn build_syncs(&mut self, specs: &[SyncSpec], open: &mut dyn FnMut() -> u32) {
        for spec in specs {
            let sync = sync::build(spec, &mut self.links, open);
            self.syncs.push(sync);
        }
        self.own_links = u32::try_from(self.links.len()).expect("a process has under 2^32 linkables");
    }

    /// What its tasks share under this index.
    #[inline(always)]
    pub(crate) fn shared(&self, sync: u16) -> &Sync {
        &self.syncs[usize::from(sync)]
    }

    /// The same, to be changed.
    #[inline(always)]
    pub(crate) fn shared_mut(&mut self, sync: u16) -> &mut Sync {
        &mut self.syncs[usize::from(sync)]
    }

    /// All that its tasks share, in the model's order.
    pub(crate) fn all_shared(&self) -> impl Iterator<Item = &Sync> {
        self.syncs.iter()
    }

    /// What waiters link themselves to.
    #[inline(always)]
    pub(crate) fn link(&self, link: LinkId) -> &Linkable {
        &self.links[link as usize]
    }

    /// The same, to be changed.
    #[inline(always)]
    pub(crate) fn link_mut(&mut self, link: LinkId) -> &mut Linkable {
        &mut self.links[link as usize]
    }

    /// All that waiters may be linked to.
    pub(crate) fn links(&self) -> &[Linkable] {
        &self.links
    }

    /// Links of waits that are over.
    pub(crate) fn free_links(&self) -> &[LinkId] {
        &self.free_links
    }

    /// A linkable that lives as long as one wait.
    pub(crate) fn link_for_a_wait(&mut self, linkable: Linkable) -> LinkId {
        if let Some(index) = self.free_links.pop() {
            self.links[index as usize] = linkable;
            return index;
        }
        self.links.push(linkable);
        LinkId::try_from(self.links.len() - 1).expect("a process has under 2^32 linkables")
    }

    /// The wait that a linkable was for is over.
    pub(crate) fn free_link(&mut self, link: LinkId) {
        self.free_links.push(link);
    }

    /// Whether a linkable is one that lives as long as a wait.
    pub(crate) fn is_of_a_wait(&self, link: LinkId) -> bool {
        link >= self.own_links
    }

    /// Whether units of a lock or pool go straight to who waits.
    #[inline]
    pub(crate) fn is_handed_off(&self, sync: u16) -> bool {
        matches!(self.shared(sync), Sync::Semaphore { policy: Policy::HandOff, .. })
    }

    /// The shelf of a lock or pool that requests use, and its policy.
    #[inline]
    pub(crate) fn shelf(&self, sync: u16) -> (LinkId, Policy) {
        match self.shared(sync) {
            Sync::Semaphore { link, policy } => (*link, *policy),
            Sync::Lock(lock) => (lock.link, Policy::Barging),
            // Its jobs begin first come, first served.
            Sync::Threads(link) => (*link, Policy::HandOff),
            Sync::Event(_)
            | Sync::Result(_)
            | Sync::Queue(_)
            | Sync::Standard(_)
            | Sync::Channel(_)
            | Sync::Pool(_)
            | Sync::Pair { .. }
            | Sync::Remote(_)
            | Sync::Aio => unreachable!("only locks and semaphores have units"),
        }
    }
}
