//! Random numbers: one stream of uniform bits per draw site, addressed by row.
//!
//! A draw site is a named place of the model where something random is decided ("client.shop/gap",
//! "web.page/redis#0/takes"). Its stream is ChaCha8 with a key made of seed and replication and with
//! the hash of the site's *name* as stream number, so adding, removing or reordering sites moves no
//! draw of any other site. Row `k` of a site is one 64-bit number that depends on nothing but seed,
//! replication, name and `k`: two worlds that ask for the same row get the same bits, whatever either
//! asked for before. That is what makes their difference a difference of servers, not of luck.
//!
//! Bits become durations in `law.rs`; this file knows no distributions. Numbers for repeated steps
//! come from a row by [`mix`]. Nothing here is meant to be secret.

use std::fmt;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The number a whole experiment starts from: same seed, same results, on every platform.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// Which of the independent repetitions under one seed, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Replication(pub u32);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The random streams of one run, one per draw site.
///
/// A draw of the row after the last one takes about 3 ns, of any other row about 90 ns.
#[derive(Clone, Debug)]
pub struct Streams {
    sites: Vec<Site>,
}

#[derive(Clone, Debug)]
struct Site {
    rng: ChaCha8Rng,
    /// The row that the generator gives next.
    next_row: u64,
}

impl Streams {
    /// Streams for the sites of these names; site `i` is the `i`-th name.
    ///
    /// # Panics
    /// If two sites have the same name, for they would draw the same numbers.
    pub fn new<'a>(seed: Seed, replication: Replication, names: impl Iterator<Item = &'a str>) -> Streams {
        let key = key(seed, replication);
        let mut seen = Vec::new();
        let site = |name: &'a str| {
            let stream = stable_hash(name);
            seen.push((stream, name));
            let mut rng = ChaCha8Rng::from_seed(key);
            rng.set_stream(stream);
            Site { rng, next_row: 0 }
        };
        let sites = names.map(site).collect();
        seen.sort_unstable();
        for pair in seen.windows(2) {
            let [(stream, name), (other_stream, other)] = [pair[0], pair[1]];
            assert!(stream != other_stream, "draw sites \"{name}\" and \"{other}\" share a random stream");
        }
        Streams { sites }
    }

    /// Row `row` of site `site`: 64 uniform bits.
    ///
    /// # Panics
    /// If there is no such site.
    #[inline]
    pub fn bits(&mut self, site: usize, row: u64) -> u64 {
        let site = &mut self.sites[site];
        // Row 0 always seeks: `next_row` is 0 both at the start and after the very last row.
        if row != site.next_row || row == 0 {
            site.rng.set_word_pos(u128::from(row) * WORDS_PER_ROW);
        }
        site.next_row = row.wrapping_add(1);
        site.rng.next_u64()
    }

    /// Number of sites.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether there are no sites.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }
}

/// ChaCha counts 32-bit words.
const WORDS_PER_ROW: u128 = 2;

/// The ChaCha key: seed, replication and a constant that keeps these streams apart from any other
/// use of the same seed.
fn key(seed: Seed, replication: Replication) -> [u8; 32] {
    let mut key = *b"............tailback draw site 1";
    key[..8].copy_from_slice(&seed.0.to_le_bytes());
    key[8..12].copy_from_slice(&replication.0.to_le_bytes());
    key
}

/// The 64-bit hash of a name: FNV-1a, then [`mix`] to spread its last bytes over all bits.
///
/// Part of what a seed means, therefore fixed for good and written out here.
pub fn stable_hash(name: &str) -> u64 {
    const OFFSET_BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let fnv = name.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    mix(fnv, 0)
}

/// The `counter`-th of the numbers that derive from `bits`: draws inside repeated steps.
///
/// SplitMix64 (Steele, Lea and Flood, 2014) started at `bits`: its output number `counter`. For one
/// `counter` it is a bijection of `bits`.
#[inline]
pub const fn mix(bits: u64, counter: u64) -> u64 {
    const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
    let z = bits.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Whether something with a chance of `ppm` parts per million happens, given uniform bits.
pub const fn happens(bits: u64, ppm: u32) -> bool {
    ((bits >> 32) * 1_000_000) >> 32 < ppm as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn streams(replication: u32, names: &[&str]) -> Streams {
        Streams::new(Seed(7), Replication(replication), names.iter().copied())
    }

    #[test]
    fn adding_a_site_moves_no_draw_of_another() {
        let mut few = streams(0, &["gap", "takes"]);
        let mut more = streams(0, &["patience", "takes", "gap"]);
        for row in 0..100 {
            assert_eq!(few.bits(0, row), more.bits(2, row));
            assert_eq!(few.bits(1, row), more.bits(1, row));
        }
        assert_eq!((more.len(), more.is_empty()), (3, false));
    }

    #[test]
    fn seed_replication_and_name_each_give_other_numbers() {
        let mut draws = vec![
            streams(0, &["gap"]).bits(0, 0),
            streams(1, &["gap"]).bits(0, 0),
            streams(0, &["gap "]).bits(0, 0),
            streams(0, &["gap"]).bits(0, 1),
            Streams::new(Seed(8), Replication(0), ["gap"].into_iter()).bits(0, 0),
        ];
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), 5);
    }

    #[test]
    fn the_numbers_are_the_same_on_every_platform_for_good() {
        let mut site = streams(3, &["web.page/redis#0/takes"]);
        let rows = [0, 1, 2, 1 << 40, u64::MAX];
        assert_eq!(rows.map(|row| site.bits(0, row)), ROWS);
        assert_eq!(stable_hash(""), 0xC381_7C01_6BA4_FF30);
        assert_eq!(stable_hash("client.shop/gap"), 0xC605_5428_9138_B58A);
        assert_eq!([mix(0, 0), mix(0, 1)], SPLITMIX_FROM_0);
        assert_eq!([mix(1_234_567, 0), mix(1_234_567, 1)], SPLITMIX_FROM_1234567);
    }

    /// Computed by a ChaCha8 and an FNV-1a written independently in Python.
    const ROWS: [u64; 5] = [
        0x8D27_3F3F_FC40_14AB,
        0x7ACF_D9BC_D702_0AD8,
        0x4C0B_C2A9_AEBC_57C9,
        0x32D4_7812_47DA_A4CA,
        0x6C3F_A3EE_1664_A947,
    ];

    /// Outputs of the published SplitMix64 from these states.
    const SPLITMIX_FROM_0: [u64; 2] = [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4];
    const SPLITMIX_FROM_1234567: [u64; 2] = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];

    #[test]
    fn the_row_after_the_last_row_is_not_the_first() {
        let mut fresh = streams(0, &["gap"]);
        let mut used = streams(0, &["gap"]);
        used.bits(0, u64::MAX);
        assert_eq!(used.bits(0, 0), fresh.bits(0, 0));
    }

    #[test]
    fn half_of_the_bits_are_set() {
        let mut site = streams(0, &["gap"]);
        let ones: u32 = (0..10_000).map(|row| site.bits(0, row).count_ones()).sum();
        // 640,000 fair coins: the standard deviation is 400.
        assert!(ones.abs_diff(320_000) < 4 * 400, "{ones}");
    }

    #[test]
    #[should_panic(expected = "draw sites \"gap\" and \"gap\" share a random stream")]
    fn two_sites_of_one_name_are_refused() {
        let _ = streams(0, &["gap", "takes", "gap"]);
    }

    proptest! {
        #[test]
        fn a_row_is_the_same_whatever_was_read_before(
            reads in prop::collection::vec((0..2_usize, prop_oneof![0..200_u64, any::<u64>()], 1..40_u64), 1..60),
        ) {
            let mut site = streams(0, &["gap", "takes"]);
            for (index, first, count) in reads {
                for row in first..first.saturating_add(count) {
                    let alone = streams(0, &["gap", "takes"]).bits(index, row);
                    prop_assert_eq!(site.bits(index, row), alone);
                }
            }
        }
    }
}
