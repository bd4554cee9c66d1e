//! The simulation: one seed gives one world, one run of events and one verdict.
//!
//! Several CRMs with their users ([`memory`](crate::memory)), a store, one clock that is moved by
//! hand, and an engine whose process may die at every step. After a hostile time the weather
//! calms, the engine runs a few times more, and the [`oracle`] compares its ledger with what
//! really happened. The engine itself is reached through a [`Pilot`], since this crate must not
//! know it.

pub mod batch;
pub mod crowd;
pub mod executor;
pub mod life;
pub mod mortal;
pub mod oracle;
pub mod run;
pub mod scenario;
pub mod trace;

pub use batch::{Batch, story};
pub use run::{Base, Done, Errand, Flight, Pilot, Report, Scene, run};
pub use scenario::{MORE_KINDS, Mood, PEOPLE_ONLY, Rule, Scenario};
pub use trace::Keep;
