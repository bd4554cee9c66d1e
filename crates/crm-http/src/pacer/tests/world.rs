//! Time in the hand: a clock that moves only when nothing else can happen, and what runs on it.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crm_core::Clock;
use jiff::Timestamp;

#[derive(Debug, Default)]
pub(super) struct ManualClock(Mutex<Timers>);

#[derive(Debug, Default)]
struct Timers {
    now: i64,
    next_id: u64,
    waiting: BTreeMap<(i64, u64), Waker>,
}

impl ManualClock {
    /// Microseconds since the beginning.
    pub(super) fn micros(&self) -> i64 {
        self.0.lock().unwrap().now
    }

    /// Moves to the earliest timer; `false` if there is none.
    fn advance(&self) -> bool {
        let mut timers = self.0.lock().unwrap();
        let Some(((at, _), waker)) = timers.waiting.pop_first() else {
            return false;
        };
        timers.now = timers.now.max(at);
        drop(timers);
        waker.wake();
        true
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.micros()).unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut timers = self.0.lock().unwrap();
        let at = timers.now + i64::try_from(duration.as_micros()).unwrap();
        let key = (at, timers.next_id);
        timers.next_id += 1;
        Box::pin(poll_fn(move |context| {
            let mut timers = self.0.lock().unwrap();
            if timers.now >= at {
                timers.waiting.remove(&key);
                return Poll::Ready(());
            }
            timers.waiting.insert(key, context.waker().clone());
            Poll::Pending
        }))
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs a future to its end; time moves only while nothing can be polled.
pub(super) fn run<T>(clock: &ManualClock, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&flag));
    loop {
        while flag.0.swap(false, Ordering::SeqCst) {
            let mut context = Context::from_waker(&waker);
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
        assert!(clock.advance(), "deadlock: nothing to poll and no timer");
    }
}
