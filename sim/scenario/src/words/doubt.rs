//! The kinds of doubt about a scenario. `lint/` says when there is one; a file lists the kinds that it is about in `expect`.

/// A kind of doubt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Doubt {
    /// A value is read, others may run, and it is written: what they wrote is lost.
    LostUpdate,
    /// Two tasks may use one connection at a time.
    SharedConnection,
    /// A C library blocks a hub and the steps do not say so, or they say so of one that gives way.
    BlockingLibrary,
    /// A library has an event loop of its own inside gevent's.
    SecondLoop,
    /// gevent patches too early or too late.
    PatchOrder,
    /// A part of the standard library is used that gevent does not patch.
    Unpatched,
    /// The resolver of names stops the hub, or does not survive a fork.
    Resolver,
    /// A key that no run differs by.
    NoEffect,
    /// A backlog that the kernel caps.
    CappedBacklog,
    /// A pool with more units than whoever could hold one.
    IdlePool,
    /// An objective that idle cores keep.
    DilutedCpu,
    /// Connections that one process gets and keeps.
    OneProcess,
    /// A world cannot carry the load that comes. Only the models show it.
    Overload,
    /// An empty system misses an objective already. Only the models show it.
    Unattainable,
}

impl Doubt {
    const ALL: [Doubt; 14] = [
        Doubt::LostUpdate,
        Doubt::SharedConnection,
        Doubt::BlockingLibrary,
        Doubt::SecondLoop,
        Doubt::PatchOrder,
        Doubt::Unpatched,
        Doubt::Resolver,
        Doubt::NoEffect,
        Doubt::CappedBacklog,
        Doubt::IdlePool,
        Doubt::DilutedCpu,
        Doubt::OneProcess,
        Doubt::Overload,
        Doubt::Unattainable,
    ];

    /// As files and messages call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Doubt::LostUpdate => "lost-update",
            Doubt::SharedConnection => "shared-connection",
            Doubt::BlockingLibrary => "blocking-library",
            Doubt::SecondLoop => "second-loop",
            Doubt::PatchOrder => "patch-order",
            Doubt::Unpatched => "unpatched",
            Doubt::Resolver => "resolver",
            Doubt::NoEffect => "no-effect",
            Doubt::CappedBacklog => "capped-backlog",
            Doubt::IdlePool => "idle-pool",
            Doubt::DilutedCpu => "diluted-cpu",
            Doubt::OneProcess => "one-process",
            Doubt::Overload => "overload",
            Doubt::Unattainable => "unattainable",
        }
    }

    /// Whether only the models show it (`compile/places.rs`).
    pub(crate) fn is_late(self) -> bool {
        matches!(self, Doubt::Overload | Doubt::Unattainable)
    }
}

/// Names of all kinds, for `expect`.
pub(crate) fn names() -> Vec<&'static str> {
    Doubt::ALL.iter().map(|doubt| doubt.name()).collect()
}

/// Names of the kinds that only the models show.
pub(crate) fn late_names() -> impl Iterator<Item = &'static str> {
    Doubt::ALL.into_iter().filter(|doubt| doubt.is_late()).map(Doubt::name)
}
