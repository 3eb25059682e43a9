//! Typed indices of the world's tables, and [`Slab`], the table whose rows come and go.
//!
//! An id is a `u32` that knows which table it points into, so the compiler refuses the wrong table;
//! the largest `u32` means "none". Ids carry no generation: a slab hands a freed id out again at
//! once, and whoever keeps one beyond its row's life must notice by the row's own contents. Using
//! the id of a freed row is a bug of the engine and panics with the id in its text.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{Index, IndexMut};

/// An id of some table: what [`Slab`] asks of its keys.
pub trait Id: Copy + Eq + fmt::Debug {
    /// The id that points to nothing.
    const NONE: Self;

    /// The id of row `index`.
    ///
    /// # Panics
    /// If `index` is `u32::MAX`, which means "none", or more.
    fn from_index(index: usize) -> Self;

    /// The row this id points to.
    fn index(self) -> usize;
}

/// Defines an id type: its name and what it is the id of.
macro_rules! define_id {
    ($($name:ident, $doc:literal;)+) => {$(
        #[doc = $doc]
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The id that points to nothing.
            pub const NONE: $name = $name(u32::MAX);

            /// The id of row `index`.
            ///
            /// # Panics
            /// If `index` is `u32::MAX`, which means "none", or more.
            #[inline]
            pub const fn from_index(index: usize) -> $name {
                assert!(index < u32::MAX as usize, "a table has more rows than ids");
                $name(index as u32)
            }

            /// The row this id points to; [`NONE`](Self::NONE) gives a row that no table has.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// Whether it points to nothing.
            #[inline]
            pub const fn is_none(self) -> bool {
                self.0 == u32::MAX
            }

            /// Whether it points to a row.
            #[inline]
            pub const fn is_some(self) -> bool {
                !self.is_none()
            }
        }

        impl Id for $name {
            const NONE: $name = $name::NONE;

            #[inline]
            fn from_index(index: usize) -> $name {
                $name::from_index(index)
            }

            #[inline]
            fn index(self) -> usize {
                self.index()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.is_none() {
                    write!(f, concat!(stringify!($name), "(none)"))
                } else {
                    write!(f, concat!(stringify!($name), "({})"), self.0)
                }
            }
        }
    )+};
}

define_id! {
    HostId, "A machine that servers run on.";
    CoreId, "A core of a machine.";
    ProcessId, "An operating-system process of a server.";
    ThreadId, "An operating-system thread: what the scheduler puts on a core.";
    HubId, "A gevent hub: the event loop of one thread.";
    LoopId, "An event loop of asyncio: that of one thread.";
    TaskId, "A task: a cursor into a program, carried by a thread or a greenlet.";
    RequestId, "A request alive somewhere between its client and a server.";
    ProgramId, "A compiled program: what the requests of a class do.";
    ClassId, "A class of requests.";
    ClientId, "A group of alike clients.";
    ListenerId, "A listening socket with its accept queue.";
    OutageId, "A span of time in which nobody listens.";
    GeneratorId, "A process of a program that sends requests, on the cores of a server.";
    RouterId, "The HTTP router in front of a server's processes.";
    SockId, "A socket as a process sees it.";
    ConnId, "A connection between a client and a server.";
    CallId, "A call to a peer that is under way.";
    PeerId, "A thing that requests call: a database, a cache, a third party.";
    SyncId, "A lock or a pool within one process.";
    LawId, "A law of random durations.";
    WorldId, "A world of a scenario: the same clients before another server.";
    GreenId, "A greenlet with a name, links or timeout blocks.";
}

/// A table whose rows come and go, indexed by its own id type.
///
/// A freed row is the next to be used again (last in, first out), so the table stays as short as the
/// largest number of rows alive at once and its hot end stays in the cache. Inserting and removing
/// take constant time; memory is never given back. A row of a type with a spare bit pattern (a
/// `bool`, an enum, a reference) costs no more than in a plain `Vec`.
#[derive(Clone, Debug)]
pub struct Slab<I, T> {
    entries: Vec<Entry<I, T>>,
    /// The row freed last, or none.
    free: I,
    live: usize,
}

#[derive(Clone, Debug)]
enum Entry<I, T> {
    Live(T),
    /// The row freed before this one, or none.
    Free(I),
}

impl<I: Id, T> Slab<I, T> {
    /// An empty table.
    pub const fn new() -> Self {
        Slab { entries: Vec::new(), free: I::NONE, live: 0 }
    }

    /// An empty table with room for `rows` rows.
    pub fn with_capacity(rows: usize) -> Self {
        Slab { entries: Vec::with_capacity(rows), ..Slab::new() }
    }

    /// Makes room for so many more rows.
    pub fn reserve(&mut self, rows: usize) {
        self.entries.reserve_exact(rows);
    }

    /// Adds a row and says where: in the row freed last, or at the end if none is free.
    ///
    /// # Panics
    /// If the table would hold more rows than there are ids (2^32 - 1).
    #[inline]
    pub fn insert(&mut self, row: T) -> I {
        self.live += 1;
        if self.free == I::NONE {
            let id = I::from_index(self.entries.len());
            self.entries.push(Entry::Live(row));
            return id;
        }
        let id = self.free;
        let entry = &mut self.entries[id.index()];
        match entry {
            Entry::Free(next) => self.free = *next,
            Entry::Live(_) => unreachable!("a row is alive and listed as free"),
        }
        *entry = Entry::Live(row);
        id
    }

    /// Takes a row out; its id may be given to the next one inserted.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[track_caller]
    pub fn remove(&mut self, id: I) -> T {
        let Some(entry @ Entry::Live(_)) = self.entries.get_mut(id.index()) else { no_such_row(id) };
        match std::mem::replace(entry, Entry::Free(self.free)) {
            Entry::Live(row) => {
                self.free = id;
                self.live -= 1;
                row
            }
            Entry::Free(_) => no_such_row(id),
        }
    }

    /// The row, if it is alive.
    #[inline]
    pub fn get(&self, id: I) -> Option<&T> {
        match self.entries.get(id.index()) {
            Some(Entry::Live(row)) => Some(row),
            Some(Entry::Free(_)) | None => None,
        }
    }

    /// The row, if it is alive.
    #[inline]
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        match self.entries.get_mut(id.index()) {
            Some(Entry::Live(row)) => Some(row),
            Some(Entry::Free(_)) | None => None,
        }
    }

    /// Whether the row is alive.
    #[inline]
    pub fn contains(&self, id: I) -> bool {
        self.get(id).is_some()
    }

    /// Rows alive.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no row is alive.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The largest number of rows that were alive at once; every id so far is below it.
    pub fn high_water(&self) -> usize {
        self.entries.len()
    }

    /// The rows alive with their ids, in the order of the ids.
    pub fn iter(&self) -> impl FusedIterator<Item = (I, &T)> {
        let rows = self.entries.iter().enumerate();
        rows.filter_map(|(index, entry)| match entry {
            Entry::Live(row) => Some((I::from_index(index), row)),
            Entry::Free(_) => None,
        })
    }

    /// The rows alive with their ids, in the order of the ids, to be changed.
    pub fn iter_mut(&mut self) -> impl FusedIterator<Item = (I, &mut T)> {
        let rows = self.entries.iter_mut().enumerate();
        rows.filter_map(|(index, entry)| match entry {
            Entry::Live(row) => Some((I::from_index(index), row)),
            Entry::Free(_) => None,
        })
    }
}

impl<I: Id, T> Default for Slab<I, T> {
    fn default() -> Self {
        Slab::new()
    }
}

/// # Panics
/// If there is no such row.
impl<I: Id, T> Index<I> for Slab<I, T> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn index(&self, id: I) -> &T {
        match self.get(id) {
            Some(row) => row,
            None => no_such_row(id),
        }
    }
}

/// # Panics
/// If there is no such row.
impl<I: Id, T> IndexMut<I> for Slab<I, T> {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, id: I) -> &mut T {
        match self.get_mut(id) {
            Some(row) => row,
            None => no_such_row(id),
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn no_such_row<I: fmt::Debug>(id: I) -> ! {
    panic!("{id:?} is used, but its row is free or never was")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn ids(slab: &Slab<TaskId, char>) -> Vec<(usize, char)> {
        slab.iter().map(|(id, &row)| (id.index(), row)).collect()
    }

    #[test]
    fn an_id_shows_its_table_and_its_row() {
        assert_eq!(format!("{:?}", TaskId::from_index(3)), "TaskId(3)");
        assert_eq!(format!("{:?}", HubId::NONE), "HubId(none)");
        assert!(TaskId::NONE.is_none() && TaskId::from_index(0).is_some());
        assert!(TaskId::from_index(1) < TaskId::from_index(2));
        assert_eq!(size_of::<TaskId>(), 4);
    }

    #[test]
    #[should_panic(expected = "more rows than ids")]
    fn the_index_that_means_none_is_refused() {
        let _ = TaskId::from_index(u32::MAX as usize);
    }

    #[test]
    fn the_row_freed_last_is_used_first() {
        let mut slab = Slab::<TaskId, char>::with_capacity(4);
        let [a, b, c] = ['a', 'b', 'c'].map(|row| slab.insert(row));
        assert_eq!(slab.remove(a), 'a');
        assert_eq!(slab.remove(c), 'c');
        assert_eq!((slab.len(), slab.high_water()), (1, 3));
        assert_eq!(slab.insert('x'), c);
        assert_eq!(slab.insert('y'), a);
        assert_eq!(slab.insert('z').index(), 3);
        slab[b] = 'B';
        assert_eq!(ids(&slab), [(0, 'y'), (1, 'B'), (2, 'x'), (3, 'z')]);
        for (_, row) in slab.iter_mut() {
            row.make_ascii_uppercase();
        }
        assert_eq!(ids(&slab), [(0, 'Y'), (1, 'B'), (2, 'X'), (3, 'Z')]);
    }

    #[test]
    fn a_row_is_found_while_it_lives_only() {
        let mut slab = Slab::<HubId, u64>::default();
        let id = slab.insert(7);
        assert_eq!((slab.get(id), slab[id]), (Some(&7), 7));
        *slab.get_mut(id).expect("it lives") += 1;
        assert!(slab.contains(id) && !slab.is_empty());
        assert_eq!(slab.remove(id), 8);
        assert!(slab.get(id).is_none() && slab.get_mut(id).is_none());
        assert!(!slab.contains(HubId::NONE) && slab.is_empty());
    }

    #[test]
    #[should_panic(expected = "TaskId(1) is used, but its row is free")]
    fn using_a_freed_id_names_it() {
        let mut slab = Slab::<TaskId, char>::new();
        slab.insert('a');
        let freed = slab.insert('b');
        slab.remove(freed);
        let _ = slab[freed];
    }

    #[test]
    #[should_panic(expected = "TaskId(none) is used")]
    fn using_no_id_is_refused_too() {
        let mut slab = Slab::<TaskId, char>::new();
        slab[TaskId::NONE] = 'a';
    }

    #[test]
    #[should_panic(expected = "TaskId(0) is used, but its row is free")]
    fn a_row_is_not_freed_twice() {
        let mut slab = Slab::<TaskId, char>::new();
        let id = slab.insert('a');
        slab.remove(id);
        slab.remove(id);
    }

    #[test]
    fn a_row_with_a_spare_bit_pattern_costs_nothing_extra() {
        struct Row {
            _words: [u64; 7],
            _small: u32,
            _flag: bool,
        }
        assert_eq!(size_of::<Entry<TaskId, Row>>(), size_of::<Row>());
    }

    proptest! {
        #[test]
        fn a_slab_agrees_with_a_map(steps in prop::collection::vec((any::<bool>(), any::<u16>()), 0..400)) {
            let mut slab = Slab::<TaskId, u16>::new();
            let mut map = BTreeMap::new();
            for (insert, value) in steps {
                if insert || map.is_empty() {
                    let id = slab.insert(value);
                    prop_assert!(map.insert(id, value).is_none(), "an id in use is given out");
                } else {
                    let nth = usize::from(value) % map.len();
                    let id = *map.keys().nth(nth).expect("it is below the length");
                    prop_assert_eq!(Some(slab.remove(id)), map.remove(&id));
                }
                prop_assert_eq!(slab.len(), map.len());
            }
            let left: Vec<_> = slab.iter().map(|(id, &row)| (id, row)).collect();
            prop_assert_eq!(left, map.into_iter().collect::<Vec<_>>());
        }
    }
}
