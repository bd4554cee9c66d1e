//! How urgent a call is: who goes first where a quota is short, and who stops early.
//!
//! The calls of a future carry the priority of the [`Priority::scope`] that they are polled in, so
//! that no signature between the engine and the quota windows need speak of it.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How urgent a call is. What was said nothing about is interactive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// A change is carried on.
    Realtime,
    /// A first sync, a sweep, an audit: it may take a day.
    Background,
}

thread_local! {
    static CURRENT: Cell<Priority> = const { Cell::new(Priority::Interactive) };
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Realtime, Self::Background];

    /// Returns the priority of the scope that is being polled.
    pub fn current() -> Self {
        CURRENT.get()
    }

    /// Makes all calls of a future as urgent as this.
    pub fn scope<F: Future>(self, future: F) -> Scope<F> {
        Scope { priority: self, inner: Box::pin(future) }
    }
}

/// A future whose calls have a priority.
pub struct Scope<F> {
    priority: Priority,
    inner: Pin<Box<F>>,
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _outside = Outside(CURRENT.replace(self.priority));
        self.inner.as_mut().poll(context)
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("priority", &self.priority).finish_non_exhaustive()
    }
}

/// Brings back the priority outside a scope, also after a panic.
struct Outside(Priority);

impl Drop for Outside {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::Priority;

    #[test]
    fn a_scope_holds_across_awaits_and_ends_with_its_future() {
        let mut polls = 0;
        let twice = || {
            poll_fn(move |_| {
                polls += 1;
                if polls == 2 { Poll::Ready(Priority::current()) } else { Poll::Pending }
            })
        };
        let inner = twice();
        let future = Priority::Background.scope(async move {
            let outer = inner.await;
            let inner = Priority::Realtime.scope(async { Priority::current() }).await;
            (outer, inner, Priority::current())
        });
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert_eq!(Priority::current(), Priority::Interactive);
        let Poll::Ready(seen) = future.as_mut().poll(&mut context) else { panic!("it is ready") };
        assert_eq!(seen, (Priority::Background, Priority::Realtime, Priority::Background));
        assert_eq!(Priority::current(), Priority::Interactive);
    }
}
