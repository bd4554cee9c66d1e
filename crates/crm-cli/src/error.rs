//! What ends a command: one `error:` line and a `hint:` that says what to do.

use std::path::{Path, PathBuf};

use crm::core::{ProviderError, Region};
use crm::store::StoreError;
use crm::sync::EngineError;
use crm::{ConfigError, OpenError, Settings};

/// The exit code of a command that failed.
const FAILED: u8 = 1;
/// The exit code of a command that was asked for in a way that cannot be.
pub(crate) const USAGE: u8 = 2;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// One pair of message and hint for each thing that is wrong.
    pub(crate) lines: Vec<(String, Option<String>)>,
}

impl Failure {
    /// Makes a failure of one thing.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::of(vec![(message.into(), Some(hint.into()))])
    }

    /// Makes a failure of several things.
    pub(crate) const fn of(lines: Vec<(String, Option<String>)>) -> Self {
        Self { code: FAILED, lines }
    }

    /// Makes the failure of a command line that cannot be.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message, hint) }
    }

    /// Makes the failure of a program that went wrong itself.
    pub(crate) fn bug(panic: &std::panic::PanicHookInfo<'_>) -> Self {
        let what = panic.payload_as_str().unwrap_or("something unexpected");
        let place = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
        Self::new(
            format!("crm stopped: {what}{}", place.unwrap_or_default()),
            "this is a bug, please report it; what was stored is safe, so run the command again",
        )
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let line = |problem: crm::Problem| {
            let message = match problem.place {
                Some(place) => format!("{place}: {}", problem.message),
                None => problem.message,
            };
            (message, Some(problem.hint))
        };
        Self::of(error.problems.into_iter().map(line).collect())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::of(error.problems())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::of(vec![(error.to_string(), error.hint())])
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(vec![(error.to_string(), error.hint().map(str::to_owned))])
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::of(vec![(error.to_string(), error.hint().map(str::to_owned))])
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("the report cannot be written as JSON: {error}"), "leave out --json")
    }
}

/// Loads the settings.
pub(crate) fn settings(config: Option<&Path>, env_files: &[PathBuf]) -> Result<Settings, Failure> {
    let settings = Settings::load(config, &variables(env_files)?)?;
    for note in &settings.notes {
        crate::output::note(note);
    }
    Ok(settings)
}

/// Returns where the store is, without a look at connections and credentials.
pub(crate) fn database(config: Option<&Path>, env_files: &[PathBuf]) -> Result<PathBuf, Failure> {
    Ok(Settings::database_of(config, &variables(env_files)?)?)
}

/// Returns the country of phone numbers without one: the usual one where no settings can be read.
pub(crate) fn region(config: Option<&Path>, env_files: &[PathBuf]) -> Region {
    let settings = variables(env_files).ok().and_then(|vars| Settings::load(config, &vars).ok());
    settings.map(|settings| settings.default_region).unwrap_or_default()
}

fn variables(env_files: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut variables = Vec::new();
    for file in env_files {
        variables.extend(crm::read_env_file(file)?);
    }
    Ok(variables)
}
