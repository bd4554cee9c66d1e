//! Runs one future under a clock that is moved by hand.
//!
//! No runtime, no thread, no random choice: the future is polled; when it waits, the clock jumps
//! to the earliest sleeper. A future that waits while nobody sleeps would wait for ever, which is
//! an error of the program under test.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::clock::ManualClock;

/// The most polls of one future: more than any run needs, so that one which never ends fails.
const POLLS_MAX: u32 = 200_000;

/// Drives futures under one clock.
#[derive(Debug)]
pub struct Executor<'c> {
    clock: &'c ManualClock,
}

/// How a future ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// It was ready.
    Done(T),
    /// It was dropped because its process died.
    Died,
    /// It waits, and no clock will wake it.
    Deadlock,
    /// It was polled too often.
    Endless,
}

/// Whether somebody asked for another poll without a clock.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<'c> Executor<'c> {
    /// Makes an executor that moves this clock.
    pub const fn new(clock: &'c ManualClock) -> Self {
        Self { clock }
    }

    /// Runs a future to its end, or until `died` says that its process is no more.
    pub fn run<F: Future>(&self, future: F, died: impl Fn() -> bool) -> Ended<F::Output> {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        for _ in 0..POLLS_MAX {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ended::Done(output);
            }
            if died() {
                return Ended::Died;
            }
            if woken.0.swap(false, Ordering::SeqCst) {
                continue;
            }
            let Some(alarm) = self.clock.next_alarm() else {
                return Ended::Deadlock;
            };
            self.clock.advance_to(alarm);
            woken.0.store(false, Ordering::SeqCst);
        }
        Ended::Endless
    }
}
