//! `cargo xtask bench`: the benchmark, always in a release build.

use crate::failure::Outcome;
use crate::shell::{self, Workspace};

/// The example refuses a development build itself; this only spares the typing.
const COMMAND: &[&str] = &["run", "--release", "-p", "crm-cli", "--example", "bench", "--"];

/// Runs the benchmark; `extra` goes to it as it is.
pub(crate) fn run(workspace: &Workspace, extra: &[String]) -> Outcome {
    shell::run(workspace.cargo(COMMAND).args(extra))
}
