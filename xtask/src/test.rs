//! `cargo xtask test`: all tests, by nextest where it is installed.

use std::env;

use crate::failure::Outcome;
use crate::screen;
use crate::shell::{self, Workspace};

/// Runs the tests of the whole workspace; `extra` goes to the runner as it is.
pub(crate) fn run(workspace: &Workspace, extra: &[String]) -> Outcome {
    let nextest = shell::works(&mut workspace.cargo(&["nextest", "--version"]));
    if !nextest {
        screen::note("nextest is not installed: running `cargo test` (the same tests, slower)");
    }
    let continuous = env::var_os("CI").is_some_and(|value| !value.is_empty());
    let words = command_line(nextest, continuous);
    shell::run(workspace.cargo(&words).args(extra))
}

fn command_line(nextest: bool, continuous: bool) -> Vec<&'static str> {
    let mut words = if nextest { vec!["nextest", "run"] } else { vec!["test"] };
    words.extend(["--workspace", "--all-features"]);
    match (nextest, continuous) {
        (true, true) => words.extend(["--profile", "ci"]),
        // Only nextest leaves doc tests out by itself; they have a gate of their own.
        (false, _) => words.push("--all-targets"),
        (true, false) => {}
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_of_ci_is_used_only_there_and_only_by_nextest() {
        assert_eq!(
            command_line(true, true).join(" "),
            "nextest run --workspace --all-features --profile ci"
        );
        assert_eq!(command_line(true, false).join(" "), "nextest run --workspace --all-features");
        assert_eq!(
            command_line(false, true).join(" "),
            "test --workspace --all-features --all-targets"
        );
    }
}
