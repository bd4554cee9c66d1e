//! One file for each command.

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod conflicts;
pub(crate) mod demo;
mod demo_accounts;
pub(crate) mod erase;
pub(crate) mod explain;
pub(crate) mod plan;
mod plan_file;
pub(crate) mod problems;
pub(crate) mod runs;
pub(crate) mod sandbox;
pub(crate) mod status;
mod stored;
pub(crate) mod sync;
mod told;
pub(crate) mod undo;
pub(crate) mod verify;
