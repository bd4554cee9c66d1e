//! The clock on a fake CRM's wall: real time sped up and shifted, or moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A clock that several fakes may share; clones show the same time.
#[derive(Clone, Debug)]
pub struct FakeClock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
enum Inner {
    /// Stands still until advanced.
    Manual { now_ms: AtomicI64 },
    /// Runs `scale` times as fast as real time since `anchor_ms`.
    Running { anchor_ms: i64, scale: u32, offset_ms: AtomicI64 },
}

impl FakeClock {
    /// Returns a clock that stands at `start` until it is advanced.
    pub fn manual(start: Timestamp) -> Self {
        let now_ms = AtomicI64::new(start.as_millisecond());
        Self { inner: Arc::new(Inner::Manual { now_ms }) }
    }

    /// Returns a clock that starts at the real time and runs `scale` times as fast.
    pub fn running(scale: u32) -> Self {
        let inner = Inner::Running {
            anchor_ms: real_ms(),
            scale: scale.max(1),
            offset_ms: AtomicI64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the time in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        match &*self.inner {
            Inner::Manual { now_ms } => now_ms.load(Ordering::SeqCst),
            Inner::Running { anchor_ms, scale, offset_ms } => {
                let passed = real_ms().saturating_sub(*anchor_ms).saturating_mul((*scale).into());
                anchor_ms.saturating_add(passed).saturating_add(offset_ms.load(Ordering::SeqCst))
            }
        }
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let counter = match &*self.inner {
            Inner::Manual { now_ms } => now_ms,
            Inner::Running { offset_ms, .. } => offset_ms,
        };
        counter.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Returns the moment from which on it runs faster, if it does.
    pub fn origin(&self) -> Option<Timestamp> {
        match &*self.inner {
            Inner::Manual { .. } => None,
            Inner::Running { anchor_ms, .. } => Timestamp::from_millisecond(*anchor_ms).ok(),
        }
    }

    /// Returns how many times as fast as real time the clock runs; 1 for one moved by hand.
    pub fn scale(&self) -> u32 {
        match &*self.inner {
            Inner::Manual { .. } => 1,
            Inner::Running { scale, .. } => *scale,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the fakes meet real time")]
fn real_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
