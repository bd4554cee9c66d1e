//! One file for each command.

pub(crate) mod check;
pub(crate) mod conflicts;
pub(crate) mod demo;
mod demo_accounts;
pub(crate) mod plan;
pub(crate) mod sandbox;
pub(crate) mod status;
pub(crate) mod sync;
mod told;
