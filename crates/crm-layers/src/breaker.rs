//! Stops calling a provider that is down, and tries from time to time whether it is back.
//!
//! Reads and writes fail apart: a vendor in maintenance often still answers reads. What counts
//! as a failure is only what says that the provider is down or talks nonsense; refused
//! credentials, full quotas and rejected records do not.

mod gate;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crm_core::{Clock, ErrorKind, ProviderError, Result};
use jiff::Timestamp;

use crate::layered::{Call, Class, Policy};
use crate::outcome::Outcome;
use gate::{Pass, Sign, State};

/// When a breaker opens, and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// How much of the past counts.
    pub window: Duration,
    /// How many calls there must be in it.
    pub calls_min: u32,
    /// How many percent of them must have failed.
    pub failed_percent_min: u32,
    /// How long an open breaker waits between two attempts.
    pub probe_every: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            calls_min: 20,
            failed_percent_min: 50,
            probe_every: Duration::from_secs(10),
        }
    }
}

/// Whether calls of one class are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// They are.
    Closed,
    /// They are not, before that instant.
    Open {
        /// When the next attempt is due.
        until: Timestamp,
    },
    /// One is under way; the others are not, before that instant.
    HalfOpen {
        /// When another attempt is due, if the one under way does not end.
        until: Timestamp,
    },
}

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether reads are let through.
    pub read: Gate,
    /// Whether writes are let through.
    pub write: Gate,
}

/// A breaker; clones share its state.
#[derive(Clone, Debug)]
pub struct Breaker {
    clock: Arc<dyn Clock>,
    policy: BreakerPolicy,
    gates: Arc<Gates>,
}

#[derive(Debug, Default)]
struct Gates {
    read: Mutex<State>,
    write: Mutex<State>,
}

impl Breaker {
    /// Makes a closed breaker.
    pub fn new(clock: Arc<dyn Clock>, policy: BreakerPolicy) -> Self {
        Self { clock, policy, gates: Arc::default() }
    }

    /// Returns what is let through at present.
    pub fn health(&self) -> Health {
        let now = self.clock.now();
        Health {
            read: self.state(Class::Read).gate(now),
            write: self.state(Class::Write).gate(now),
        }
    }

    fn state(&self, class: Class) -> MutexGuard<'_, State> {
        let state = match class {
            Class::Read => &self.gates.read,
            Class::Write => &self.gates.write,
        };
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, call: Call<'_>) -> Result<Pass> {
        let now = self.clock.now();
        let admitted = self.state(call.class()).admit(&self.policy, now);
        admitted.map_err(|until| {
            let what = match call.class() {
                Class::Read => "reads",
                Class::Write => "writes",
            };
            let message = format!("{what} are held back until {until}: too many failed");
            ProviderError::new(ErrorKind::Suspended { until }, message)
                .with_hint("the provider seems to be down; its status page may tell more")
                .with_operation(call.operation)
                .with_provider(call.provider)
        })
    }
}

impl Policy for Breaker {
    async fn run<'a, T: Outcome + 'a>(
        &'a self,
        call: Call<'a>,
        inner: impl Future<Output = Result<T>> + Send + 'a,
    ) -> Result<T> {
        let pass = self.admit(call)?;
        let outcome = inner.await;
        let now = self.clock.now();
        let sign = sign_of(&outcome);
        self.state(call.class()).note(&self.policy, now, pass, sign);
        outcome
    }
}

/// Returns what an outcome says of the provider.
fn sign_of<T: Outcome>(outcome: &Result<T>) -> Sign {
    match outcome {
        Err(error) => sign_of_error(error.kind()),
        Ok(answer) if answer.succeeded() > 0 => Sign::Alive,
        Ok(answer) => answer.failures().map(sign_of_error).max().unwrap_or(Sign::Alive),
    }
}

fn sign_of_error(kind: &ErrorKind) -> Sign {
    match kind {
        ErrorKind::Transient { .. } | ErrorKind::Malformed { .. } => Sign::Failing,
        ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Conflict { .. }
        | ErrorKind::Stale
        | ErrorKind::Validation { .. }
        | ErrorKind::RateLimited { .. }
        | ErrorKind::Permanent => Sign::Alive,
        // Not sent, or a matter of credentials: says nothing about the provider's health.
        ErrorKind::Auth
        | ErrorKind::QuotaExhausted { .. }
        | ErrorKind::Suspended { .. }
        | ErrorKind::Unsupported
        | _ => Sign::Silent,
    }
}
