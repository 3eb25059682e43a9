//! The timer wheel of a kernel: timers go off late, and many of them together.
//!
//! After Linux 4.8 and later (`kernel/time/timer.c`, `calc_wheel_index`): a timer that is less than 63 jiffies away goes off at a
//! jiffy, one that is up to eight times as far away at every eighth jiffy, and so on; always at the next such instant after its time.
//! With 250 jiffies a second a SYN that is repeated after a second has instants 32 ms apart, and all that were sent within 32 ms are
//! repeated in one go. Where in its wheel a kernel is when a run begins is drawn for each run.

use crate::kit::rng::Streams;
use crate::kit::time::{Span, Time};

/// A jiffy: Linux, `kernel/Kconfig.hz`, `HZ_250`, which is the default.
const JIFFY: u64 = 4_000_000;
/// Timers of the wheel's first level, less one: `LVL_SIZE - 1`.
const LEVEL: u64 = 63;
/// Levels that there are (`LVL_DEPTH`).
const LEVELS: u32 = 9;
/// Name of the stream that it draws from.
pub(crate) const STREAM: &str = "kernel/jiffies";
/// Rows of an instant before the run: 512 jiffies, which is the distance of the instants for a timer of half a minute.
const ROUND: u64 = 512 * JIFFY;

/// A kernel's timer wheel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wheel {
    /// How long it had been turning when the run began.
    before: u64,
}

impl Wheel {
    /// The wheel of a run, which had been turning for some time; `stream`: index of [`STREAM`].
    pub(super) fn draw(streams: &mut Streams, stream: usize) -> Wheel {
        let bits = u128::from(streams.bits(stream, 0));
        Wheel { before: ((bits * u128::from(ROUND)) >> 64) as u64 }
    }

    /// When a timer goes off that is set now.
    pub(super) fn expires(self, now: Time, pause: Span) -> Time {
        let jiffies = (now.as_ns() + self.before) / JIFFY;
        let away = pause.as_ns().div_ceil(JIFFY);
        let level = (1..LEVELS).take_while(|level| away >= LEVEL << (3 * (level - 1))).count() as u32;
        let instant = (((jiffies + away) >> (3 * level)) + 1) << (3 * level);
        Time::from_ns(instant * JIFFY - self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Time {
        Time::from_ns(ms * 1_000_000)
    }

    #[test]
    fn syns_of_one_instant_of_32_ms_are_repeated_together() {
        let wheel = Wheel { before: 0 };
        let second = Span::from_secs(1);
        for sent in [24, 30, 50, 55] {
            assert_eq!(wheel.expires(ms(sent), second), ms(1056), "sent at {sent} ms");
        }
        assert_eq!(wheel.expires(ms(56), second), ms(1088));
    }

    #[test]
    fn a_timer_of_200_ms_goes_off_at_a_jiffy_and_one_of_25_seconds_at_any_of_two_seconds() {
        let wheel = Wheel { before: 0 };
        assert_eq!(wheel.expires(ms(3), Span::from_ms(200)), ms(204));
        assert_eq!(wheel.expires(ms(0), Span::from_ms(25_600)), ms(26_624));
    }

    #[test]
    fn no_timer_goes_off_early() {
        for before in [0, 1, 3_999_999, ROUND - 1] {
            for pause in [1, 200, 251, 252, 1000, 2016, 40_000] {
                let (now, pause) = (ms(1234), Span::from_ms(pause));
                let at = Wheel { before }.expires(now, pause);
                assert!(at + Span::from_ms(4) > now + pause, "{pause} after {now}: {at}");
            }
        }
    }
}
