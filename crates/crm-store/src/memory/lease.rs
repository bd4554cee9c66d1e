//! Leases and fences. They live in memory in every store: a store is open for writing in one
//! process at a time, and the end of that process ends its leases.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::Seq;

/// The leases of an open store.
///
/// A commit that carries an entity's fence and touches its mark *settles* the lease: the entity
/// may be leased again, and the fence stays good until then. A commit without the fence that
/// touches the mark *withdraws* the lease: whoever holds it decided without knowing of that
/// change, so what it commits next is refused.
#[derive(Debug, Default)]
pub struct Leases {
    last: u64,
    held: BTreeMap<Seq, Held>,
}

#[derive(Debug)]
struct Held {
    fence: u64,
    /// `None` once the lease was settled.
    until: Option<Timestamp>,
}

impl Leases {
    /// Leases an entity and returns the fence, which is greater than all before.
    pub fn take(&mut self, seq: Seq, until: Timestamp) -> u64 {
        self.last += 1;
        self.held.insert(seq, Held { fence: self.last, until: Some(until) });
        self.last
    }

    /// Returns when an entity's lease is over; `None` if it is not leased. The time may be past.
    pub fn until(&self, seq: Seq) -> Option<Timestamp> {
        self.held.get(&seq)?.until
    }

    /// Returns whether an entity is leased at that time.
    pub fn is_leased(&self, seq: Seq, now: Timestamp) -> bool {
        self.until(seq).is_some_and(|until| now < until)
    }

    /// Returns whether a fence is an entity's current one.
    pub fn is_current(&self, seq: Seq, fence: u64) -> bool {
        self.held.get(&seq).is_some_and(|held| held.fence == fence)
    }

    /// Ends a lease by the hand that holds it.
    pub fn settle(&mut self, seq: Seq) {
        if let Some(held) = self.held.get_mut(&seq) {
            held.until = None;
        }
    }

    /// Ends a lease, if there is one, behind the back of whoever holds it.
    pub fn withdraw(&mut self, seq: Seq) {
        self.held.remove(&seq);
    }

    /// Ends all leases. Fences go on growing.
    pub fn forget(&mut self) {
        self.held.clear();
    }
}
