//! The system's clock: the only place that reads the machine's time and sleeps.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crm_core::Clock;
use jiff::{SignedDuration, Timestamp};

/// The machine's time, or time that runs faster from the moment of creation.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    factor: u32,
    began: Timestamp,
    started: Instant,
}

impl SystemClock {
    /// Returns a clock that shows the machine's time.
    pub fn new() -> Self {
        Self::scaled(1)
    }

    /// Returns a clock that runs `factor` times faster from now on; sleeps are as much shorter.
    /// A factor of 0 counts as 1.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes")]
    pub fn scaled(factor: u32) -> Self {
        Self { factor: factor.max(1), began: Timestamp::now(), started: Instant::now() }
    }

    /// Returns a clock that runs `factor` times faster since `origin`: all processes that share
    /// both show the same time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes")]
    pub fn scaled_since(origin: Timestamp, factor: u32) -> Self {
        let factor = factor.max(1);
        let now = Timestamp::now();
        let began = later(origin, until(origin, now).saturating_mul(factor));
        Self { factor, began, started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes")]
    fn now(&self) -> Timestamp {
        if self.factor == 1 {
            // Not by elapsed time: the machine may have slept, or its time been set.
            return Timestamp::now();
        }
        later(self.began, self.started.elapsed().saturating_mul(self.factor))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes")]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration / self.factor))
    }
}

/// Returns the instant that is `by` after another one, at most the last instant there is.
pub(crate) fn later(instant: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| instant.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Returns how long it is from one instant to another, zero if that one is over.
pub(crate) fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
