//! Where the drawn spans of requests lie while they are alive: one arena, a row per request, rows of one length used again.

use crate::kit::id::TaskId;

/// Rows of drawn values.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    values: Vec<u64>,
    /// Free rows by length.
    free: Vec<Vec<u32>>,
    /// Random bits of requests that are gone, for tasks that outlive them.
    left: Vec<(TaskId, u64)>,
}

impl Fates {
    /// A row of `count` values; its contents are undefined.
    pub(crate) fn take(&mut self, count: usize) -> u32 {
        if let Some(row) = self.free.get_mut(count).and_then(Vec::pop) {
            return row;
        }
        let row = u32::try_from(self.values.len()).expect("the limit on live requests keeps the arena below 2^32");
        self.values.resize(self.values.len() + count, 0);
        row
    }

    /// A row with the same values as another.
    pub(crate) fn copy(&mut self, row: u32, count: usize) -> u32 {
        let copy = self.take(count);
        self.values.copy_within(row as usize..row as usize + count, copy as usize);
        copy
    }

    /// Gives a row back.
    pub(crate) fn give(&mut self, row: u32, count: usize) {
        if self.free.len() <= count {
            self.free.resize(count + 1, Vec::new());
        }
        self.free[count].push(row);
    }

    /// A task outlives its request, whose random bits it goes on with.
    pub(crate) fn leave(&mut self, task: TaskId, key: u64) {
        self.left.push((task, key));
    }

    /// A task that has outlived its request is over.
    pub(crate) fn forget(&mut self, task: TaskId) {
        self.left.retain(|&(known, _)| known != task);
    }

    /// The random bits of a task without a request: its late request's, or none.
    pub(crate) fn key_left_to(&self, task: TaskId) -> u64 {
        self.left.iter().find(|&&(known, _)| known == task).map_or(0, |&(_, key)| key)
    }

    /// A row and what lies behind it, for who knows the columns.
    #[inline]
    pub(crate) fn row_from(&self, row: u32) -> &[u64] {
        &self.values[row as usize..]
    }

    pub(crate) fn row_mut(&mut self, row: u32, count: usize) -> &mut [u64] {
        &mut self.values[row as usize..row as usize + count]
    }
}
