//! Decorators over a provider: what is true of every operation, said once.
//!
//! A [`Policy`] is one generic method around an operation; [`Layered`] does the forwarding. The
//! guard needs the arguments, so it is a provider of its own. [`Stack`] fixes the order:
//! span → meter → guard → breaker → deadline → room. The breaker stands outside the room's own
//! repetitions: it counts failures that repeating did not cure.

mod breaker;
mod deadline;
mod guard;
mod layered;
mod meter;
mod outcome;
mod span;
mod stack;

pub use breaker::{Breaker, BreakerPolicy, Gate, Health};
pub use deadline::Deadline;
pub use guard::guard;
pub use layered::{Call, Class, Layered, Policy, layer};
pub use meter::{Measured, Meter};
pub use outcome::Outcome;
pub use span::Span;
pub use stack::{Stack, Stacked};
