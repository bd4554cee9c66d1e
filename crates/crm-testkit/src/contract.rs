//! Suites that every implementation of a trait runs. No case skips: where something is not
//! declared, the case asserts the refusal instead.

pub mod provider;
pub mod store;
