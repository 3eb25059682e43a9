//! [`Arena`]: rows that come and go, named by keys that notice when their row is gone.
//!
//! A [`Slab`](super::id::Slab) hands a freed id out again at once, and whoever kept it must notice by the row's contents. A key of an
//! arena carries the row's generation, so it finds nothing once its row is freed: what refers to a callback, a future or a timer that
//! is over needs no list of who refers to it.

use std::fmt;
use std::marker::PhantomData;

/// The name of a row.
pub(crate) struct ArenaKey<T> {
    at: u32,
    life: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for ArenaKey<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ArenaKey<T> {}

impl<T> PartialEq for ArenaKey<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.life) == (other.at, other.life)
    }
}

impl<T> Eq for ArenaKey<T> {}

impl<T> fmt::Debug for ArenaKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at, self.life)
    }
}

impl<T> ArenaKey<T> {
    /// As two numbers, for whoever must not know what it names.
    pub(crate) fn raw(self) -> (u32, u32) {
        (self.at, self.life)
    }

    /// From [`Key::raw`].
    pub(crate) fn from_raw((at, life): (u32, u32)) -> ArenaKey<T> {
        ArenaKey { at, life, of: PhantomData }
    }
}

/// Rows that come and go. A freed row is the next to be used again.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    rows: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { rows: Vec::new(), free: Vec::new() }
    }
}

impl<T> Arena<T> {
    /// Adds a row.
    pub(crate) fn insert(&mut self, row: T) -> ArenaKey<T> {
        let at = self.free.pop().unwrap_or_else(|| {
            self.rows.push((0, None));
            u32::try_from(self.rows.len() - 1).expect("an arena has under 2^32 rows")
        });
        let (life, place) = &mut self.rows[at as usize];
        *place = Some(row);
        ArenaKey { at, life: *life, of: PhantomData }
    }

    /// The row, if it is still there.
    pub(crate) fn get(&self, key: ArenaKey<T>) -> Option<&T> {
        let (life, row) = &self.rows[key.at as usize];
        if *life == key.life { row.as_ref() } else { None }
    }

    /// The row, if it is still there.
    pub(crate) fn get_mut(&mut self, key: ArenaKey<T>) -> Option<&mut T> {
        let (life, row) = &mut self.rows[key.at as usize];
        if *life == key.life { row.as_mut() } else { None }
    }

    /// Takes a row out, if it is still there; its key finds nothing from now on.
    pub(crate) fn remove(&mut self, key: ArenaKey<T>) -> Option<T> {
        let (life, place) = &mut self.rows[key.at as usize];
        if *life != key.life {
            return None;
        }
        let row = place.take()?;
        *life = life.wrapping_add(1);
        self.free.push(key.at);
        Some(row)
    }

    /// Takes all rows out; no key finds anything from now on.
    pub(crate) fn clear(&mut self) {
        for at in 0..self.rows.len() {
            let key = ArenaKey { at: at as u32, life: self.rows[at].0, of: PhantomData };
            self.remove(key);
        }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_freed_row_finds_nothing_even_when_the_row_is_used_again() {
        let mut arena = Arena::default();
        let first = arena.insert("first");
        assert_eq!(arena.remove(first), Some("first"));
        let second = arena.insert("second");
        assert_eq!((arena.get(first), arena.get(second)), (None, Some(&"second")));
        assert_eq!((arena.remove(first), arena.len()), (None, 1));
    }
}
