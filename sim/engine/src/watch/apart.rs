//! Where the endings of requests lie: within the window that is measured, in the drain after it, or nowhere.
//!
//! Whoever is alive within the window is in its books, whenever it was born. Rates are of what ends within the window, over that
//! window: what servers still get done while a run drains is no throughput. Who is inside through all of it is stuck, and counts as badly
//! served; of all others that the end of a run cuts off nobody knows what would have become.

use serde::Serialize;

use crate::program::wait::Ending;

/// Which of the endings of a record lie outside of its window.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Apart {
    /// Those after the window, while the run drained, by ending; without the unfinished.
    pub drained: [u64; Ending::COUNT],
    /// Those that were inside through all of the window, however they ended after it, or never.
    pub stuck: u64,
}

impl Apart {
    /// Those of a kind that lie within the window.
    pub fn within(&self, endings: &[u64; Ending::COUNT], ending: Ending) -> u64 {
        endings[ending as usize] - self.drained[ending as usize]
    }

    /// Those that ended within the window in any way, and those that are stuck.
    pub fn settled(&self, endings: &[u64; Ending::COUNT]) -> u64 {
        let ended = Ending::ALL.into_iter().filter(|&ending| ending != Ending::Unfinished);
        ended.map(|ending| self.within(endings, ending)).sum::<u64>() + self.stuck
    }

    /// Good responses over all that ended at all, while the run drained too; `None` if none did.
    pub fn in_the_end(endings: &[u64; Ending::COUNT]) -> Option<f64> {
        let ended = endings.iter().sum::<u64>() - endings[Ending::Unfinished as usize];
        (ended > 0).then(|| endings[Ending::Ok as usize] as f64 / ended as f64)
    }

    /// Those that were not good over all that were settled within the window; `None` if none was.
    pub fn errors(&self, endings: &[u64; Ending::COUNT]) -> Option<f64> {
        let settled = self.settled(endings);
        (settled > 0).then(|| (settled - self.within(endings, Ending::Ok)) as f64 / settled as f64)
    }

    /// Good responses over all that were settled within the window; `None` if none was.
    pub fn success(&self, endings: &[u64; Ending::COUNT]) -> Option<f64> {
        let settled = self.settled(endings);
        (settled > 0).then(|| self.within(endings, Ending::Ok) as f64 / settled as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drains_is_no_success_of_the_window_and_who_is_stuck_is_a_failure_of_it() {
        let mut endings = [0; Ending::COUNT];
        (endings[Ending::Ok as usize], endings[Ending::Failed as usize]) = (90, 20);
        endings[Ending::Unfinished as usize] = 500;
        let mut apart = Apart { stuck: 10, ..Apart::default() };
        (apart.drained[Ending::Ok as usize], apart.drained[Ending::Failed as usize]) = (50, 10);
        assert_eq!((apart.settled(&endings), apart.success(&endings)), (60, Some(40.0 / 60.0)));
        assert_eq!(Apart::default().success(&[0; Ending::COUNT]), None);
    }
}
