//! Counts and durations of operations.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_core::{Clock, ObjectKind, Operation, Result};

use crate::layered::{Call, Policy};
use crate::outcome::Outcome;

/// Measures operations; clones share what is measured.
#[derive(Clone, Debug)]
pub struct Meter {
    clock: Arc<dyn Clock>,
    measured: Arc<Mutex<BTreeMap<Key, Measured>>>,
}

type Key = (Operation, Option<ObjectKind>);

/// What was measured of one operation on one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// How often it was called.
    pub calls: u64,
    /// How many records were asked for or written.
    pub items: u64,
    /// How often it succeeded: writes count singly, other operations as one.
    pub succeeded: u64,
    /// How often it failed, by the name of the error's kind; counted in the same way.
    pub failed: BTreeMap<&'static str, u64>,
    /// How long the calls took together.
    pub took: Duration,
    /// How long the longest one took.
    pub took_max: Duration,
}

impl Meter {
    /// Makes a meter.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, measured: Arc::default() }
    }

    /// Returns what was measured so far, by operation and kind.
    pub fn measured(&self) -> BTreeMap<(Operation, Option<ObjectKind>), Measured> {
        self.lock().clone()
    }

    fn note<T: Outcome>(&self, call: Call<'_>, outcome: &Result<T>, took: Duration) {
        let mut all = self.lock();
        let measured = all.entry((call.operation, call.kind)).or_default();
        measured.calls += 1;
        measured.items += count(call.items);
        measured.took += took;
        measured.took_max = measured.took_max.max(took);
        let mut fail = |name| *measured.failed.entry(name).or_default() += 1;
        match outcome {
            Ok(answer) => {
                answer.failures().for_each(|kind| fail(kind.name()));
                measured.succeeded += count(answer.succeeded());
            }
            Err(error) => fail(error.kind().name()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Measured>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policy for Meter {
    async fn run<'a, T: Outcome + 'a>(
        &'a self,
        call: Call<'a>,
        inner: impl Future<Output = Result<T>> + Send + 'a,
    ) -> Result<T> {
        let began = self.clock.now();
        let outcome = inner.await;
        let took = self.clock.now().duration_since(began);
        let took = Duration::try_from(took).unwrap_or_default();
        self.note(call, &outcome, took);
        outcome
    }
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
