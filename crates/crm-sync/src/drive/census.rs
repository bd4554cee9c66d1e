//! Who was seen: one bit for each entity, which is all of a sweep that is kept in memory.

use crm_store::Seq;

/// A set of entities by their place in the order of insertion.
#[derive(Clone, Debug, Default)]
pub(super) struct Census {
    bits: Vec<u64>,
    seen: u64,
}

impl Census {
    /// Adds an entity; returns whether it was not there.
    pub(super) fn add(&mut self, seq: Seq) -> bool {
        let Some((word, bit)) = place(seq) else { return false };
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let Some(bits) = self.bits.get_mut(word) else { return false };
        let new = *bits & bit == 0;
        *bits |= bit;
        self.seen += u64::from(new);
        new
    }

    /// Returns whether an entity is there.
    pub(super) fn has(&self, seq: Seq) -> bool {
        let found = place(seq).and_then(|(word, bit)| Some((self.bits.get(word)?, bit)));
        found.is_some_and(|(bits, bit)| bits & bit != 0)
    }

    /// Returns how many there are.
    pub(super) const fn len(&self) -> u64 {
        self.seen
    }
}

fn place(Seq(number): Seq) -> Option<(usize, u64)> {
    let number = usize::try_from(number).ok()?;
    Some((number / 64, 1 << (number % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_counted_once() {
        let mut census = Census::default();
        assert!(census.add(Seq(0)) && census.add(Seq(64)) && census.add(Seq(1_000)));
        assert!(!census.add(Seq(64)));
        assert!(census.has(Seq(64)) && !census.has(Seq(63)) && !census.has(Seq(5_000)));
        assert_eq!(census.len(), 3);
    }
}
