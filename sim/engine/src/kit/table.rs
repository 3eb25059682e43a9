//! [`Table`]: rows that stay, indexed by the table's own id type.
//!
//! A plain `Vec` whose index is an id: the compiler refuses the wrong table, and nobody writes `.index()`. Rows are only ever added.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Index, IndexMut};

use super::id::Id;

/// Rows that stay, indexed by their own id type; as a slice it is its rows in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct Table<I, T> {
    rows: Vec<T>,
    id: PhantomData<I>,
}

impl<I: Id, T> Table<I, T> {
    pub(crate) const fn new() -> Table<I, T> {
        Table { rows: Vec::new(), id: PhantomData }
    }

    /// Adds a row and says where.
    pub(crate) fn push(&mut self, row: T) -> I {
        let id = self.next_id();
        self.rows.push(row);
        id
    }

    /// Sets the row of an id whose table has at most one row more than this one, as a slab's does.
    #[inline(always)]
    pub(crate) fn place(&mut self, id: I, row: T) {
        match self.rows.get_mut(id.index()) {
            Some(old) => *old = row,
            None => {
                debug_assert_eq!(self.rows.len(), id.index(), "rows are placed in their order");
                self.rows.push(row);
            }
        }
    }

    /// The id that the next row will have.
    pub(crate) fn next_id(&self) -> I {
        I::from_index(self.rows.len())
    }

    /// All ids, in their order.
    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.rows.len()).map(I::from_index)
    }
}

impl<I: Id, T> FromIterator<T> for Table<I, T> {
    fn from_iter<R: IntoIterator<Item = T>>(rows: R) -> Table<I, T> {
        Table { rows: rows.into_iter().collect(), id: PhantomData }
    }
}

impl<I, T> Deref for Table<I, T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<I, T> DerefMut for Table<I, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.rows
    }
}

/// # Panics
/// If there is no such row.
impl<I: Id, T> Index<I> for Table<I, T> {
    type Output = T;

    #[inline(always)]
    #[track_caller]
    fn index(&self, id: I) -> &T {
        &self.rows[id.index()]
    }
}

/// # Panics
/// If there is no such row.
impl<I: Id, T> IndexMut<I> for Table<I, T> {
    #[inline(always)]
    #[track_caller]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.rows[id.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::id::HubId;

    #[test]
    fn rows_have_their_ids_in_order() {
        let mut table: Table<HubId, char> = Table::new();
        assert_eq!((table.push('a').index(), table.push('b').index(), table.next_id().index()), (0, 1, 2));
        table[HubId::from_index(1)] = 'c';
        assert_eq!((table.to_vec(), table.ids().count()), (vec!['a', 'c'], 2));
    }
}
