//! The environment: variables of the process, files of variables, settings without a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crm_core::{ObjectKind, ProviderId, Region};
use crm_sync::{Deletes, Direction, FirstSync, Guard, Policy, Records};
use serde_json::{Map, Value};

use super::{
    ConfigError, ConnectionSettings, DATABASE, Faster, FlowSettings, Origin, Problem, SWEEP_DAYS,
    Settings, Strategy,
};
use crate::{registry, variables};

/// Settings that say where a provider is; alone they make no connection.
const ADDRESSES: [&str; 3] = ["base_url", "instance_url", "login_url"];

/// Variables: those of files come before those of the process.
#[derive(Clone, Debug)]
pub(super) struct Env {
    extra: BTreeMap<String, String>,
    process: Process,
}

/// Whether the environment of the process counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Counts,
    Ignored,
}

impl Env {
    pub(super) fn new(extra: &[(String, String)]) -> Self {
        Self { extra: extra.iter().cloned().collect(), process: Process::Counts }
    }

    /// Takes these variables and no others.
    pub(super) fn closed(variables: &[(String, String)]) -> Self {
        Self { process: Process::Ignored, ..Self::new(variables) }
    }

    /// Returns a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let set = |value: &String| !value.trim().is_empty();
        let given = self.extra.get(name).cloned();
        let process = || match self.process {
            Process::Counts => std::env::var(name).ok(),
            Process::Ignored => None,
        };
        given.or_else(process).filter(set)
    }

    /// Returns the database where no file names one.
    pub(super) fn database(&self) -> PathBuf {
        self.get("CRM_DATABASE").map_or_else(|| PathBuf::from(DATABASE), PathBuf::from)
    }

    /// Returns whether a variable is set, be it to nothing.
    fn is_set(&self, name: &str) -> bool {
        let process = self.process == Process::Counts && std::env::var_os(name).is_some();
        self.extra.contains_key(name) || process
    }

    /// Returns the variables that count for a room: a file of variables with credentials of any
    /// of its accounts shuts the process's own out, or those of a real account would be sent to a
    /// sandbox.
    fn of(&self, room: &crate::Registration) -> Self {
        let credentials = || room.variables.iter().filter(|v| !ADDRESSES.contains(&v.key));
        let given = variables::connections(room).any(|name| {
            credentials()
                .any(|v| self.extra.contains_key(&variables::of_connection(v, room, &name)))
        });
        let process = if given { Process::Ignored } else { self.process };
        Self { extra: self.extra.clone(), process }
    }
}

/// Reads a file of variables: `NAME=value` or `export NAME='value'`, `#` begins a comment.
pub fn read_env_file(path: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(
            format!("the file of variables {} cannot be read: {error}", path.display()),
            "name a file that exists; `crm sandbox` writes `sandbox.env`",
        )
    })?;
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(ConfigError::from(Problem {
                place: Some(format!("{}:{}", path.display(), number + 1)),
                message: "the line is not NAME=value".to_owned(),
                hint: "write NAME='value', or begin a comment with #".to_owned(),
            }));
        };
        pairs.push((name.trim().to_owned(), unquote(value.trim())));
    }
    Ok(pairs)
}

/// Undoes shell quoting: `'it'\''s'` and `"two words"`.
fn unquote(value: &str) -> String {
    let inner = |quote: char| {
        value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).map(str::to_owned)
    };
    match inner('\'') {
        Some(text) => text.replace("'\\''", "'"),
        None => inner('"').unwrap_or_else(|| value.to_owned()),
    }
}

/// Returns the settings of a connection that variables give; none if no variable is set.
fn connection(env: &Env, room: &crate::Registration, name: &str) -> Map<String, Value> {
    room.variables
        .iter()
        .filter_map(|variable| {
            let value = env.get(&variables::of_connection(variable, room, name))?;
            Some((variable.key.to_owned(), Value::String(value)))
        })
        .collect()
}

/// Returns all connections that variables give.
pub(super) fn connections(env: &Env) -> BTreeMap<ProviderId, ConnectionSettings> {
    let mut connections = BTreeMap::new();
    for room in registry() {
        let env = env.of(room);
        for name in variables::connections(room) {
            let settings = connection(&env, room, &name);
            if settings.keys().any(|key| !ADDRESSES.contains(&key.as_str())) {
                let provider = room.name.to_owned();
                let quotas = BTreeMap::new();
                let origin = Origin::Variables;
                let quota_reserve = None;
                let connection =
                    ConnectionSettings { provider, settings, quotas, quota_reserve, origin };
                connections.insert(ProviderId::from(name), connection);
            }
        }
    }
    connections
}

/// Returns the kinds that are kept in step where no file says which: a variable's, else people.
pub(super) fn kinds(env: &Env, problems: &mut Vec<Problem>) -> Vec<ObjectKind> {
    let Some(text) = env.get("CRM_KINDS") else { return vec![ObjectKind::Contact] };
    let mut kinds = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match ObjectKind::from_name(name) {
            Some(kind) if !kinds.contains(&kind) => kinds.push(kind),
            Some(_) => {}
            None => problems.push(Problem::new(
                format!("CRM_KINDS names `{name}`, which is no kind of record"),
                "name company, contact, deal or activity, with commas between them",
            )),
        }
    }
    kinds
}

/// Returns how time runs, which only a sandbox with faults changes.
pub(super) fn time(env: &Env, problems: &mut Vec<Problem>) -> Option<Faster> {
    let hint = "leave it unset, unless a sandbox runs with faults";
    let scale = env.get("CRM_TIME_SCALE")?;
    let factor = scale.parse().ok().filter(|scale| (1..=1_000).contains(scale));
    if factor.is_none() {
        let message =
            format!("CRM_TIME_SCALE is `{scale}`, which is not a whole number from 1 to 1000");
        problems.push(Problem::new(message, hint));
    }
    let origin = env.get("CRM_TIME_ORIGIN").and_then(|text| {
        let origin = text.parse().ok();
        if origin.is_none() {
            let message = format!("CRM_TIME_ORIGIN is `{text}`, which is no instant");
            problems.push(Problem::new(message, hint));
        }
        origin
    });
    factor.map(|factor| Faster { factor, origin })
}

/// Returns what published quotas are divided by.
pub(super) fn quota_divisor(env: &Env, problems: &mut Vec<Problem>) -> u64 {
    let Some(text) = env.get("CRM_QUOTA_DIVISOR") else { return 1 };
    text.parse().ok().filter(|divisor| (1..=1_000).contains(divisor)).unwrap_or_else(|| {
        let message =
            format!("CRM_QUOTA_DIVISOR is `{text}`, which is not a whole number from 1 to 1000");
        problems.push(Problem::new(message, "leave it unset, unless a sandbox has small quotas"));
        1
    })
}

/// Builds settings from variables alone.
pub(super) fn settings(env: &Env) -> Result<Settings, ConfigError> {
    let mut problems = Vec::new();
    let connections = connections(env);
    for room in
        registry().iter().filter(|room| !connections.contains_key(&ProviderId::new(room.name)))
    {
        let empty = room.variables.iter().find(|v| v.secret && env.is_set(v.env));
        if let Some(variable) = empty {
            problems.push(Problem::new(
                format!("{} is set to nothing", variable.env),
                format!("give it a value ({}), or unset it", variable.doc.trim_end_matches('.')),
            ));
        }
    }
    if connections.is_empty() && problems.is_empty() {
        problems.push(nothing());
    }
    let time = time(env, &mut problems);
    let quota_divisor = quota_divisor(env, &mut problems);
    let kinds = kinds(env, &mut problems);
    let primary = match env.get("CRM_PRIMARY").map(ProviderId::from) {
        Some(name) if !connections.contains_key(&name) && !connections.is_empty() => {
            let known: Vec<&str> = connections.keys().map(ProviderId::as_str).collect();
            problems.push(Problem::new(
                format!("CRM_PRIMARY names `{name}`, and no variable of it is set"),
                format!("set it to one of: {}", known.join(", ")),
            ));
            name
        }
        Some(name) => name,
        None => first_choice(&connections),
    };
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    let secondary = connections.keys().filter(|name| **name != primary).cloned().collect();
    Ok(Settings {
        primary,
        secondary,
        strategy: Strategy::Manual,
        sync_interval_ms: 300_000,
        retry_attempts: None,
        batch_size: None,
        enable_webhooks: false,
        default_region: Region::default(),
        first_sync: FirstSync::Preview,
        guard: Guard::default(),
        sweep_days: SWEEP_DAYS,
        erase_records: Records::default(),
        database: env.database(),
        connections,
        flows: kinds.into_iter().map(default_flow).collect(),
        time,
        quota_divisor,
        notes: Vec::new(),
    })
}

/// Returns the connection that is primary where nobody says so.
pub(super) fn first_choice(connections: &BTreeMap<ProviderId, ConnectionSettings>) -> ProviderId {
    let hubspot = ProviderId::new("hubspot");
    if connections.contains_key(&hubspot) {
        return hubspot;
    }
    connections.keys().next().cloned().unwrap_or(hubspot)
}

/// Returns the flow that a configuration without a word about a kind means.
pub(super) fn default_flow(kind: ObjectKind) -> FlowSettings {
    FlowSettings {
        kind,
        enabled: true,
        direction: Direction::Bidirectional,
        fields: None,
        allow_clear: Vec::new(),
        policy: Policy::default(),
        field_policy: BTreeMap::new(),
        field_direction: BTreeMap::new(),
        required_default: BTreeMap::new(),
        deletes: Deletes::default(),
        company_to_record: false,
    }
}

fn nothing() -> Problem {
    let names: Vec<String> = registry().iter().map(variables::usual).collect();
    Problem::new(
        "no connection is configured",
        format!(
            "set the variables of two CRMs ({}), or write crm.toml; without an account, try \
             `crm demo`",
            names.join("; ")
        ),
    )
}

/// Returns the address that a variable gives: it comes before the file's, so that a
/// configuration can be pointed at a sandbox as it is. A connection without a variable of its own
/// goes where the others of its provider go, never past a sandbox to a real account.
pub(super) fn address(env: &Env, room: &crate::Registration, name: &str) -> Map<String, Value> {
    let base = room.variables.iter().find(|variable| variable.key == "base_url");
    let value = base.and_then(|variable| {
        let own = env.get(&variables::of_connection(variable, room, name));
        own.or_else(|| env.get(variable.env))
    });
    value.map(|url| ("base_url".to_owned(), Value::String(url))).into_iter().collect()
}
