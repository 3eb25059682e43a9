//! Interim streams.
/// Seed
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub u64);
/// Replication
#[derive(Clone, Copy, Debug)]
pub struct Replication(pub u32);
/// mix
pub fn mix(bits: u64, counter: u64) -> u64 { let mut z = bits.wrapping_add(counter.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15); z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9); z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB); z ^ (z >> 31) }
/// hash
pub fn stable_hash(name: &str) -> u64 { name.bytes().fold(7, |h, b| mix(h, u64::from(b))) }
/// Streams
#[derive(Debug)]
pub struct Streams { keys: Vec<u64> }
impl Streams { /// new
 pub fn new<'a>(seed: Seed, replication: Replication, names: impl Iterator<Item = &'a str>) -> Self { Streams { keys: names.map(|n| mix(mix(stable_hash(n), seed.0), u64::from(replication.0))).collect() } }
 /// bits
 pub fn bits(&mut self, site: usize, row: u64) -> u64 { mix(self.keys[site], row) } }
