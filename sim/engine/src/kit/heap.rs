//! Python's `heapq`, step by step: which of two equal entries comes out first follows from how it moves them.
//!
//! After `Modules/_heapqmodule.c` and `Lib/heapq.py` (CPython 3.13), which do the same.

/// `heappush`.
pub(crate) fn push<T>(heap: &mut Vec<T>, entry: T, less: fn(&T, &T) -> bool) {
    heap.push(entry);
    let last = heap.len() - 1;
    sift_down(heap, 0, last, less);
}

/// `heappop`.
pub(crate) fn pop<T>(heap: &mut Vec<T>, less: fn(&T, &T) -> bool) -> Option<T> {
    let last = heap.len().checked_sub(1)?;
    heap.swap(0, last);
    let entry = heap.pop();
    if !heap.is_empty() {
        sift_up(heap, 0, less);
    }
    entry
}

/// `heapify`.
pub(crate) fn heapify<T>(heap: &mut [T], less: fn(&T, &T) -> bool) {
    for at in (0..heap.len() / 2).rev() {
        sift_up(heap, at, less);
    }
}

/// `_siftdown`: towards the root, as long as it is less than its parent.
fn sift_down<T>(heap: &mut [T], start: usize, mut at: usize, less: fn(&T, &T) -> bool) {
    while at > start {
        let parent = (at - 1) / 2;
        if !less(&heap[at], &heap[parent]) {
            break;
        }
        heap.swap(at, parent);
        at = parent;
    }
}

/// `_siftup`: to a leaf, past its lesser child each time, and from there back up.
fn sift_up<T>(heap: &mut [T], start: usize, less: fn(&T, &T) -> bool) {
    let mut at = start;
    loop {
        let (left, right) = (2 * at + 1, 2 * at + 2);
        if left >= heap.len() {
            break;
        }
        let child = if right < heap.len() && !less(&heap[left], &heap[right]) { right } else { left };
        heap.swap(at, child);
        at = child;
    }
    sift_down(heap, start, at, less);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In which order so many equal entries come out.
    fn order(count: u32) -> Vec<u32> {
        let mut heap: Vec<u32> = Vec::new();
        let never: fn(&u32, &u32) -> bool = |_, _| false;
        (1..=count).for_each(|at| push(&mut heap, at, never));
        std::iter::from_fn(|| pop(&mut heap, never)).collect()
    }

    #[test]
    fn equal_entries_come_out_as_they_do_of_pythons_heap() {
        // As CPython 3.11 gives them, for entries of which none is less than another.
        assert_eq!(order(3), [1, 2, 3]);
        assert_eq!(order(5), [1, 3, 5, 2, 4]);
    }

    #[test]
    fn entries_come_out_in_their_order_after_heapify() {
        let less: fn(&u32, &u32) -> bool = |a, b| a < b;
        let mut heap = vec![5, 3, 8, 1, 9, 2];
        heapify(&mut heap, less);
        let all: Vec<u32> = std::iter::from_fn(|| pop(&mut heap, less)).collect();
        assert_eq!(all, [1, 2, 3, 5, 8, 9]);
    }
}
