//! The life of the process under test, which may end at every step.
//!
//! A step is one side of a commit or of a call that writes. Where the process dies, the step
//! never returns; the executor sees that and drops the engine's future, as the operating system
//! drops a process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::world::Rng;

/// Counts steps and says where the process dies.
#[derive(Debug)]
pub struct Life {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    rng: Rng,
    /// Deaths in 10,000 steps.
    rate: u32,
    dead: bool,
    under_way: u32,
    counts: Counts,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Steps at which the process could have died.
    pub steps: u64,
    /// Commits that the store accepted.
    pub commits: u64,
    /// Calls of providers.
    pub calls: u64,
    /// Deaths.
    pub crashes: u64,
}

/// While a write is under way, death is so much likelier: that is where it hurts.
const BIAS: u32 = 10;

impl Life {
    /// Makes a life that ends `rate` times in 10,000 steps.
    pub const fn new(rng: Rng, rate: u32) -> Self {
        let counts = Counts { steps: 0, commits: 0, calls: 0, crashes: 0 };
        Self { inner: Mutex::new(Inner { rng, rate, dead: false, under_way: 0, counts }) }
    }

    /// Takes a step; returns whether the process is dead.
    pub fn step(&self) -> bool {
        let mut inner = self.inner();
        if inner.dead {
            return true;
        }
        inner.counts.steps += 1;
        let bias = if inner.under_way > 0 { BIAS } else { 1 };
        let rate = inner.rate.saturating_mul(bias);
        if inner.rng.happens(rate) {
            inner.dead = true;
            inner.counts.crashes += 1;
        }
        inner.dead
    }

    /// Returns whether the process is dead.
    pub fn is_dead(&self) -> bool {
        self.inner().dead
    }

    /// Notes that a write begins.
    pub fn begin(&self) {
        self.inner().under_way += 1;
    }

    /// Notes that a write was answered.
    pub fn end(&self) {
        let mut inner = self.inner();
        inner.under_way = inner.under_way.saturating_sub(1);
    }

    /// Notes a commit.
    pub fn committed(&self) {
        self.inner().counts.commits += 1;
    }

    /// Notes a call.
    pub fn called(&self) {
        self.inner().counts.calls += 1;
    }

    /// Begins a new life.
    pub fn revive(&self) {
        let mut inner = self.inner();
        inner.dead = false;
        inner.under_way = 0;
    }

    /// Lets nobody die any more.
    pub fn spare(&self) {
        self.inner().rate = 0;
    }

    /// Returns what happened so far.
    pub fn counts(&self) -> Counts {
        self.inner().counts
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
