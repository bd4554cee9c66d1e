//! The simulation: one seed gives one world, one run of events and one verdict.

pub mod executor;
