//! The arrivals of the shop's load generator, as its seed makes them.
//!
//! `load.py` draws from `random.Random(seed)`: an exponential gap and then a class for each request. A queue that grows for 20 s is made
//! of these very arrivals, so a prediction is of them too. After CPython 3.11, `Modules/_randommodule.c` (Matsumoto and Nishimura's
//! MT19937) and `random.py:expovariate`.

const N: usize = 624;
const M: usize = 397;

/// Python's generator of random numbers.
struct Mersenne {
    state: [u32; N],
    next: usize,
}

impl Mersenne {
    /// `random.Random(seed)`: `init_by_array` of one word.
    fn seeded(seed: u32) -> Mersenne {
        let mut state = [0; N];
        state[0] = 19_650_218_u32;
        for i in 1..N {
            state[i] = mixed(1_812_433_253, state[i - 1]).wrapping_add(i as u32);
        }
        let mut i = 1;
        for _ in 0..N {
            state[i] = (state[i] ^ mixed(1_664_525, state[i - 1])).wrapping_add(seed);
            i = following(&mut state, i);
        }
        for _ in 1..N {
            state[i] = (state[i] ^ mixed(1_566_083_941, state[i - 1])).wrapping_sub(i as u32);
            i = following(&mut state, i);
        }
        state[0] = 0x8000_0000;
        Mersenne { state, next: N }
    }

    fn word(&mut self) -> u32 {
        if self.next == N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let twist = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// `random()`: 53 bits, below one.
    fn random(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }
}

fn mixed(factor: u32, word: u32) -> u32 {
    (word ^ (word >> 30)).wrapping_mul(factor)
}

fn following(state: &mut [u32; N], i: usize) -> usize {
    if i + 1 < N {
        return i + 1;
    }
    state[0] = state[N - 1];
    1
}

/// When requests of each class come, seconds from the start of the load.
pub(in crate::measured) fn arrivals(seed: u32, rate: f64, seconds: f64, weights: &[f64]) -> Vec<Vec<f64>> {
    let (mut random, mut at) = (Mersenne::seeded(seed), 0.0);
    let mut of_class = vec![Vec::new(); weights.len()];
    let total: f64 = weights.iter().sum();
    loop {
        at += -libm::log(1.0 - random.random()) / rate;
        if at > seconds {
            return of_class;
        }
        let mut left = random.random() * total;
        let class = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        of_class[class.unwrap_or(weights.len() - 1)].push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pythons() {
        // python3 -c "import random; r = random.Random(100); print([r.random() for _ in range(3)])"
        let mut random = Mersenne::seeded(100);
        let first: Vec<f64> = (0..3).map(|_| random.random()).collect();
        assert_eq!(first, [0.1456692551041303, 0.45492700451402135, 0.7707838056590222]);
        let later: Vec<f64> = (3..1_000).map(|_| random.random()).collect();
        assert_eq!(later[996], 0.04888852516767639);
    }

    #[test]
    fn as_many_come_as_were_measured() {
        let counts = |rate, seconds, weights: &[f64]| -> Vec<usize> {
            arrivals(100, rate, seconds, weights).iter().map(Vec::len).collect()
        };
        assert_eq!(counts(12.0, 20.0, &[1.0]), [235]);
        assert_eq!(counts(60.0, 25.0, &[8.0, 1.0, 1.0]), [1_138, 144, 146]);
    }
}
