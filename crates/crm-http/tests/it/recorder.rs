//! A clock that runs a thousand times faster and notes for what it was asked to sleep.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crm_core::Clock;
use crm_http::{RetryPolicy, SystemClock};
use jiff::Timestamp;

/// Ten hours are 36 real seconds: a loaded machine does not run out of them.
pub(crate) const ATTEMPT_MAX: Duration = Duration::from_hours(10);

#[derive(Debug)]
pub(crate) struct Recorder {
    clock: SystemClock,
    sleeps: Mutex<Vec<Duration>>,
}

impl Recorder {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self { clock: SystemClock::scaled(1_000), sleeps: Mutex::default() })
    }

    /// The waits between attempts, in order.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        let sleeps = self.sleeps.lock().unwrap();
        let waits = sleeps.iter().filter(|sleep| **sleep != ATTEMPT_MAX);
        waits.copied().collect()
    }
}

impl Clock for Recorder {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleeps.lock().unwrap().push(duration);
        self.clock.sleep(duration)
    }
}

pub(crate) fn policy() -> RetryPolicy {
    RetryPolicy { retries_max: 3, attempt_max: ATTEMPT_MAX, ..RetryPolicy::default() }
}
