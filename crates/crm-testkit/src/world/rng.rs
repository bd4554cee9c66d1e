//! A small seeded random source (splitmix64), so that a seed gives the same run everywhere.

/// A seeded source of random numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// Returns the source of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns a source of its own for one purpose, so that drawing from one does not move another.
    pub fn fork(&self, purpose: &str) -> Self {
        let mixed =
            purpose.bytes().fold(self.state, |acc, byte| mix(acc.wrapping_add(u64::from(byte))));
        Self { state: mixed }
    }

    /// Returns the next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// Returns a number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is far below what a test could notice.
        self.bits().checked_rem(bound).unwrap_or(0)
    }

    /// Returns whether an event of `rate` in 10,000 happens.
    pub fn happens(&mut self, rate: u32) -> bool {
        self.below(10_000) < u64::from(rate)
    }

    /// Returns one of the choices.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).ok()?;
        choices.get(usize::try_from(self.below(count)).ok()?)
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
