//! The layers in their one order.

use std::sync::Arc;
use std::time::Duration;

use crm_core::{Clock, SharedProvider};

use crate::breaker::{Breaker, BreakerPolicy};
use crate::deadline::Deadline;
use crate::guard::guard;
use crate::layered::layer;
use crate::meter::Meter;
use crate::span::Span;

/// How long an operation may take: a page or a few hundred records, with all its waiting.
const OPERATION_MAX: Duration = Duration::from_mins(10);

/// Puts all layers around a room, outside in: span, meter, guard, breaker, deadline.
///
/// The meter sees also what the guard refuses; the breaker does not, and it sees what the
/// deadline ended.
#[derive(Clone, Debug)]
pub struct Stack {
    clock: Arc<dyn Clock>,
    breaker: BreakerPolicy,
    deadline: Duration,
}

/// A provider with all layers, and the handles on what they know.
#[derive(Clone, Debug)]
pub struct Stacked {
    /// The provider.
    pub provider: SharedProvider,
    /// What its operations cost.
    pub meter: Meter,
    /// Whether it is called at all.
    pub breaker: Breaker,
}

impl Stack {
    /// The layers, outside in.
    pub const ORDER: [&'static str; 5] = ["span", "meter", "guard", "breaker", "deadline"];

    /// Makes a stack with the usual limits.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, breaker: BreakerPolicy::default(), deadline: OPERATION_MAX }
    }

    /// Sets when the breaker opens.
    #[must_use]
    pub const fn breaker(mut self, policy: BreakerPolicy) -> Self {
        self.breaker = policy;
        self
    }

    /// Sets how long an operation may take.
    #[must_use]
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// Puts the layers around a room.
    pub fn wrap(&self, room: SharedProvider) -> Stacked {
        let meter = Meter::new(Arc::clone(&self.clock));
        let breaker = Breaker::new(Arc::clone(&self.clock), self.breaker);
        let bounded = layer(room, Deadline::new(Arc::clone(&self.clock), self.deadline));
        let guarded = guard(layer(bounded, breaker.clone()));
        let provider = layer(layer(guarded, meter.clone()), Span);
        Stacked { provider, meter, breaker }
    }
}
