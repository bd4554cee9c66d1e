//! `cargo xtask tidy`: the rules of the house that the compiler does not know.
//!
//! A check takes what it looks at as a value and returns findings; only this file reads the disk
//! and runs cargo. So every check can fail in a test.

mod crates;
mod decide;
mod dependencies;
mod files;
mod fixtures;
mod graph;
mod leftovers;
mod licence;
mod links;
mod rooms;

use std::fmt;

use crate::failure::{Failure, Outcome};
use crate::screen;
use crate::shell::{self, Workspace};
use crate::tree::Tree;

/// Runs every check and fails if one finds an error.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let tree = Tree::read(&workspace.root).map_err(|error| {
        Failure::new(format!("the workspace cannot be read: {error}"), "check its permissions")
    })?;
    let mut found = check_files(&tree);
    found.extend(check_packages(workspace, &tree)?);
    found.sort();
    for finding in &found {
        screen::line(&finding.to_string());
    }
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
    match errors {
        0 => Ok(()),
        1 => Err(Failure::new("tidy found 1 error", "the line above says how to mend it")),
        many => Err(Failure::new(
            format!("tidy found {many} errors"),
            "the lines above say how to mend them",
        )),
    }
}

fn check_files(tree: &Tree) -> Vec<Finding> {
    let mut found = rooms::check(tree);
    found.extend(files::check(tree));
    found.extend(fixtures::check(tree));
    found.extend(links::check(tree));
    found.extend(leftovers::check(tree));
    found.extend(decide::check(tree));
    found.extend(dependencies::check(tree));
    found
}

fn check_packages(workspace: &Workspace, tree: &Tree) -> Outcome<Vec<Finding>> {
    let metadata =
        shell::read(&mut workspace.cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let mut found = crates::check(&crates::parse(&metadata)?, tree);
    let policy = graph::Policy::parse(tree.get("deny.toml").unwrap_or_default())?;
    let built = shell::read(&mut workspace.cargo(&graph::tree_command("normal,build")))?;
    found.extend(graph::check_bans(&graph::parse(&built)?, &policy));
    let all = shell::read(&mut workspace.cargo(&graph::tree_command("normal,build,dev")))?;
    found.extend(graph::check_licences(&graph::parse(&all)?, &policy));
    Ok(found)
}

/// Whether a finding stops the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Warning,
    Error,
}

/// One thing that is not as the house wants it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    severity: Severity,
    path: String,
    line: usize,
    what: String,
    mend: String,
}

impl Finding {
    fn error(path: &str, line: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let (what, mend) = (what.into(), mend.into());
        Self { severity: Severity::Error, path: path.to_owned(), line, what, mend }
    }

    fn warning(path: &str, line: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, line, what, mend) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, path, line, what, mend } = self;
        let prefix = match severity {
            Severity::Warning => "warning: ",
            Severity::Error => "",
        };
        write!(out, "{prefix}{path}:{line}: {what}; {mend}")
    }
}

/// Returns the number of the first line that begins with `start`, or 1.
fn line_of(text: &str, start: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(start)).map_or(1, |at| at + 1)
}

/// Shows findings the way they are printed, for tests.
#[cfg(test)]
fn shown(found: &[Finding]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}
