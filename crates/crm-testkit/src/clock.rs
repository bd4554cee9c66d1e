//! A clock that stands still until somebody moves it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crm_core::Clock;
use jiff::{SignedDuration, Timestamp};

/// A clock moved by hand. Moving it wakes the sleepers whose time has come, the earliest first
/// and those of one instant in the order in which they lay down.
#[derive(Debug)]
pub struct ManualClock {
    inner: Mutex<Inner>,
}

/// When a sleeper is due, and which one of that instant it is.
type Alarm = (Timestamp, u64);

#[derive(Debug)]
struct Inner {
    now: Timestamp,
    last: u64,
    sleepers: BTreeMap<Alarm, Option<Waker>>,
}

impl ManualClock {
    /// Makes a clock that stands at `start`.
    pub const fn new(start: Timestamp) -> Self {
        let inner = Inner { now: start, last: 0, sleepers: BTreeMap::new() };
        Self { inner: Mutex::new(inner) }
    }

    /// Moves to an instant; one that is past moves nothing.
    pub fn advance_to(&self, instant: Timestamp) {
        let mut inner = self.inner();
        inner.now = inner.now.max(instant);
        let now = inner.now;
        let due = inner.sleepers.range_mut(..=(now, u64::MAX));
        let wakers: Vec<Waker> = due.filter_map(|(_, waker)| waker.take()).collect();
        drop(inner);
        for waker in wakers {
            waker.wake();
        }
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.advance_to(later(self.now(), by));
    }

    /// Returns when the next sleeper is due; `None` if nobody sleeps.
    pub fn next_alarm(&self) -> Option<Timestamp> {
        self.inner().sleepers.first_key_value().map(|((at, _), _)| *at)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.inner().now
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut inner = self.inner();
        inner.last += 1;
        let alarm = (later(inner.now, duration), inner.last);
        inner.sleepers.insert(alarm, None);
        Box::pin(Sleep { clock: self, alarm })
    }
}

/// A sleeper; one that is dropped is forgotten.
struct Sleep<'c> {
    clock: &'c ManualClock,
    alarm: Alarm,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.clock.inner();
        if inner.now >= self.alarm.0 {
            return Poll::Ready(());
        }
        inner.sleepers.insert(self.alarm, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.clock.inner().sleepers.remove(&self.alarm);
    }
}

/// Returns an instant that is so much later.
pub fn later(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Returns an instant that is so much earlier.
pub fn earlier(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}
