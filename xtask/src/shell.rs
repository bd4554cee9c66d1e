//! Running other programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};

/// The workspace, and how it is built.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    build: Build,
}

/// Whether a build is worth preparing for the next one.
#[derive(Clone, Copy, Debug)]
enum Build {
    /// As cargo is configured.
    Usual,
    /// Incremental files only cost disk in a build that runs once.
    Once,
}

impl Workspace {
    /// Finds the workspace: the folder above this crate's.
    pub(crate) fn find() -> Outcome<Self> {
        let here = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        match here.parent() {
            Some(root) => Ok(Self { root: root.to_path_buf(), build: Build::Usual }),
            None => Err(Failure::new("the workspace has no root folder", "run `cargo xtask`")),
        }
    }

    /// Returns the same workspace, built without incremental files.
    pub(crate) fn built_once(&self) -> Self {
        Self { root: self.root.clone(), build: Build::Once }
    }

    /// Starts a command line of `cargo`, the same one that runs us.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.current_dir(&self.root).args(arguments).stdin(Stdio::null());
        match self.build {
            Build::Usual => {}
            Build::Once => {
                command.env("CARGO_INCREMENTAL", "0");
            }
        }
        command
    }
}

/// Runs a command with its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let shown = show(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("`{shown}` ended with {status}"), shown)),
        Err(error) => Err(cannot_start(&shown, &error)),
    }
}

/// Runs a command and returns what it printed.
pub(crate) fn read(command: &mut Command) -> Outcome<String> {
    let shown = show(command);
    let output = command.output().map_err(|error| cannot_start(&shown, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(Failure::new(format!("`{shown}` failed: {reason}"), shown))
}

/// Says whether a command can be run at all, without showing what it prints.
pub(crate) fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Writes a command the way a person would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(shown: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("`{shown}` could not be started: {error}"),
        "install the Rust toolchain named in rust-toolchain.toml, with rustfmt and clippy",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["fmt", "--all"]);
        assert_eq!(show(&command), "cargo fmt --all");
    }

    #[test]
    fn a_missing_program_is_an_error_with_a_hint() {
        let failure = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(failure.error.contains("could not be started"), "{}", failure.error);
        assert!(!works(&mut Command::new("no-such-program-here")));
    }

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        assert!(Workspace::find().unwrap().root.join("Cargo.lock").is_file());
    }
}
