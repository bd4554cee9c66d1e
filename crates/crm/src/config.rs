//! Settings: one TOML file, or the environment alone.
//!
//! Every problem is found at once, each with what to do about it. Keys may be written in camel
//! case (`syncInterval`), as the original guide does, and known other names are accepted.

mod env;
mod file;
mod flow;
mod keys;
mod lines;
mod policy;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crm_core::{Field, ObjectKind, ProviderId, Region, Value};
use crm_sync::{Deletes, Direction, FirstSync, Guard, Policy, Records};
use jiff::Timestamp;

pub use env::read_env_file;

/// The file that is looked for where none is named.
const FILE: &str = "crm.toml";
/// After how many days everything is read again, unless it is said.
const SWEEP_DAYS: u64 = 7;
/// The database where none is named.
const DATABASE: &str = "crm.db";

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The connection of the highest rank.
    pub primary: ProviderId,
    /// The others, by rank.
    pub secondary: Vec<ProviderId>,
    /// When a sync runs.
    pub strategy: Strategy,
    /// Milliseconds between two polls of `crm serve`.
    pub sync_interval_ms: u64,
    /// How often a request is repeated at most, if not as usual.
    pub retry_attempts: Option<u32>,
    /// How many records go into one batch at most, if fewer than the vendor takes.
    pub batch_size: Option<u16>,
    /// Whether webhooks are wanted.
    pub enable_webhooks: bool,
    /// The country of phone numbers that are written without one.
    pub default_region: Region,
    /// Whether the first sync needs an approved plan.
    pub first_sync: FirstSync,
    /// How much a run may do before it stops and asks.
    pub guard: Guard,
    /// After how many days everything is read again; 0 is never.
    pub sweep_days: u64,
    /// What becomes of the records of somebody who is erased.
    pub erase_records: Records,
    /// The database file.
    pub database: PathBuf,
    /// The connections by name.
    pub connections: BTreeMap<ProviderId, ConnectionSettings>,
    /// What is kept in step.
    pub flows: Vec<FlowSettings>,
    /// How much faster than real time the clock runs: only for a sandbox with faults.
    pub time: Option<Faster>,
    /// What the quotas that vendors publish are divided by, for accounts that have less.
    pub quota_divisor: u64,
    /// What is accepted and does nothing yet, for people to know.
    pub notes: Vec<String>,
}

/// Time that runs faster than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faster {
    /// How many times as fast.
    pub factor: u32,
    /// Since when, for all who share this time; `None` = since the clock was made.
    pub origin: Option<Timestamp>,
}

/// When a sync runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// When a change is told, with a poll as a safety net. Needs `crm serve`.
    RealTime,
    /// Every interval. Needs `crm serve`.
    Scheduled,
    /// When somebody runs `crm sync`.
    #[default]
    Manual,
}

/// One connection.
#[derive(Clone)]
pub struct ConnectionSettings {
    /// Which provider it is.
    pub provider: String,
    /// The provider's own settings; credentials among them.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Limits of quotas by name, where they are not what the vendor publishes.
    pub quotas: BTreeMap<String, u64>,
    /// How many percent of a daily quota are left to others, if not as usual.
    pub quota_reserve: Option<u8>,
    /// What makes it.
    pub origin: Origin,
}

/// What makes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A table of a file.
    File,
    /// A table of a file, but its address is that of a variable.
    FileWithAddress,
    /// Variables alone.
    Variables,
}

impl fmt::Debug for ConnectionSettings {
    /// Shows the keys of the settings, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("provider", &self.provider)
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .field("quotas", &self.quotas)
            .field("quota_reserve", &self.quota_reserve)
            .field("origin", &self.origin)
            .finish()
    }
}

/// How one kind is kept in step.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSettings {
    /// The kind.
    pub kind: ObjectKind,
    /// Whether it is kept in step at all.
    pub enabled: bool,
    /// Where changes go.
    pub direction: Direction,
    /// Only these fields.
    pub fields: Option<Vec<Field>>,
    /// Fields in which a blank may beat a value.
    pub allow_clear: Vec<Field>,
    /// Who wins.
    pub policy: Policy,
    /// Who wins, where it differs.
    pub field_policy: BTreeMap<Field, Policy>,
    /// Where changes of a field go, where it differs.
    pub field_direction: BTreeMap<Field, Direction>,
    /// Fillers for fields that a connection requires.
    pub required_default: BTreeMap<Field, Value>,
    /// What becomes of the other records when one was deleted.
    pub deletes: Deletes,
    /// Whether the company that a contact names in a text becomes a record of its own.
    pub company_to_record: bool,
}

impl Settings {
    /// Loads the settings: from `file`, else from `CRM_CONFIG`, else from `crm.toml` in the
    /// current folder, else from the environment alone. `extra` are variables that come before
    /// those of the process (from `--env-file`); where they have credentials of a provider, those
    /// of the process do not count for that provider.
    pub fn load(file: Option<&Path>, extra: &[(String, String)]) -> Result<Self, ConfigError> {
        let env = env::Env::new(extra);
        match file_of(file, &env) {
            Some(path) => file::load(&path, &env),
            None => env::settings(&env),
        }
    }

    /// Returns where the store of these settings is, without a look at anything else: a store
    /// can be read where there are no credentials.
    pub fn database_of(
        file: Option<&Path>,
        extra: &[(String, String)],
    ) -> Result<PathBuf, ConfigError> {
        let env = env::Env::new(extra);
        match file_of(file, &env) {
            Some(path) => file::database_of(&path, &env),
            None => Ok(env.database()),
        }
    }

    /// Makes settings from these variables alone, whatever the environment of the process says.
    pub fn from_variables(variables: &[(String, String)]) -> Result<Self, ConfigError> {
        env::settings(&env::Env::closed(variables))
    }
}

/// Returns the file that settings come from, if they come from one.
fn file_of(file: Option<&Path>, env: &env::Env) -> Option<PathBuf> {
    let named = file.map(Path::to_owned).or_else(|| env.get("CRM_CONFIG").map(PathBuf::from));
    named.or_else(|| Path::new(FILE).is_file().then(|| PathBuf::from(FILE)))
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Every problem, at least one.
    pub problems: Vec<Problem>,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `crm.toml:12`, or a variable.
    pub place: Option<String>,
    /// What is wrong, one line.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Problem {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), hint: hint.into() }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            if let Some(place) = &problem.place {
                write!(f, "{place}: ")?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
