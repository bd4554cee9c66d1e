//! The TOML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crm_core::{ProviderId, Region};
use crm_sync::{FirstSync, Guard, Policy, Preset, Records};
use serde_json::Value as Json;
use toml::{Table, Value};

use super::env::{self, Env};
use super::flow::flows;
use super::keys::advice;
use super::lines::Lines;
use super::policy::preset_of_kind;
use super::value::Reader;
use super::{
    ConfigError, ConnectionSettings, DATABASE, Origin, Problem, SWEEP_DAYS, Settings, Strategy,
};
use crate::registry;

const TOP: &[&str] = &[
    "primary",
    "secondary",
    "sync_strategy",
    "sync_interval_ms",
    "retry_attempts",
    "batch_size",
    "enable_webhooks",
    "conflict_resolution",
    "default_region",
    "first_sync",
    "guard",
    "sweep_days",
    "erase",
    "store",
    "connections",
    "data_flow",
    "notifications",
];
const GUARD: &[&str] = &["max_deletes", "max_creates", "max_updates_per_field"];
/// The guide's names of rate limits, and those of the vendors' own windows.
const LIMITS: &[&str] = &[
    "requests_per_second",
    "requests_per_minute",
    "requests_per_hour",
    "burst",
    "daily",
    "search",
];

/// Loads a file.
pub(super) fn load(path: &Path, env: &Env) -> Result<Settings, ConfigError> {
    read(path, env, settings)
}

/// Returns where the store is that a file names.
pub(super) fn database_of(path: &Path, env: &Env) -> Result<PathBuf, ConfigError> {
    read(path, env, |reader, mut table, folder| database(reader, &mut table, folder))
}

fn read<T>(
    path: &Path,
    env: &Env,
    take: impl FnOnce(&mut Reader<'_>, Table, &Path) -> T,
) -> Result<T, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(
            format!("the configuration {name} cannot be read: {error}"),
            "name an existing file with --config, or leave it out to use the environment",
        )
    })?;
    let table = parse(path, &name, &text)?;
    let mut reader = Reader {
        name,
        lines: Lines::read(&text),
        section: String::new(),
        env,
        problems: Vec::new(),
        notes: Vec::new(),
    };
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let taken = take(&mut reader, table, folder);
    let mut problems = reader.problems;
    if problems.is_empty() {
        return Ok(taken);
    }
    // As the file is read from top to bottom; what is about no line of it comes last.
    problems.sort_by_key(|(line, _)| line.unwrap_or(usize::MAX));
    Err(ConfigError { problems: problems.into_iter().map(|(_, problem)| problem).collect() })
}

/// Reads TOML, or the guide's JSON where the file's name says so.
fn parse(path: &Path, name: &str, text: &str) -> Result<Table, ConfigError> {
    let problem = |line: usize, message: String| {
        ConfigError::from(Problem {
            place: Some(format!("{name}:{line}")),
            message,
            hint: "docs/configuration.md shows a whole file".to_owned(),
        })
    };
    if path.extension().is_some_and(|extension| extension == "json") {
        return serde_json::from_str(text)
            .map_err(|error| problem(error.line(), format!("not JSON: {error}")));
    }
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().map(|span| text.get(..span.start).unwrap_or_default());
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message().lines().next().unwrap_or_default();
        problem(line, format!("not TOML: {message}"))
    })
}

fn settings(reader: &mut Reader<'_>, table: Table, folder: &Path) -> Settings {
    let mut top = reader.known("", table, TOP);
    let connections = connections(reader, &mut top);
    let primary = reader.text(&mut top, "primary").map(ProviderId::from);
    let secondary = reader.list(&mut top, "secondary");
    let (primary, secondary) = ranks(reader, &connections, primary, secondary);
    let policy = reader.text(&mut top, "conflict_resolution");
    let names: Vec<&str> = connections.keys().map(ProviderId::as_str).collect();
    let policy =
        policy.and_then(|text| preset_of_kind(reader, "conflict_resolution", &text, &names));
    let usual = policy.unwrap_or(Preset { policy: Policy::default(), direction: None });
    let flows = flows(reader, &mut top, &usual, &names);
    let region = reader.text(&mut top, "default_region");
    let region = region.and_then(|text| match text.parse::<Region>() {
        Ok(region) => Some(region),
        Err(error) => {
            reader.refuse("default_region", error.to_string(), "use two letters (ISO 3166-1)");
            None
        }
    });
    let first_sync = reader.text(&mut top, "first_sync");
    let first_sync = first_sync.and_then(|text| {
        let known = [("preview", FirstSync::Preview), ("auto", FirstSync::Auto)];
        reader.one_of("first_sync", &text, &known)
    });
    let guard = guard(reader, &mut top);
    let sweep_days = reader.number(&mut top, "sweep_days", 0, 365);
    let erase_records = erase(reader, &mut top);
    let strategy = strategy(reader, &mut top);
    let enable_webhooks = reader.flag(&mut top, "enable_webhooks").unwrap_or_default();
    if enable_webhooks {
        reader.note("enable_webhooks needs `crm serve`; `crm sync` polls".to_owned());
    }
    if top.remove("notifications").is_some() {
        reader.note("notifications need `crm serve`; `crm sync` tells here".to_owned());
    }
    let sync_interval_ms = reader.number(&mut top, "sync_interval_ms", 1_000, 86_400_000);
    let retry_attempts = reader.number(&mut top, "retry_attempts", 0, 20);
    let batch_size = reader.number(&mut top, "batch_size", 1, 2_000);
    let database = database(reader, &mut top, folder);
    let mut problems = Vec::new();
    let time = env::time(reader.env, &mut problems);
    let quota_divisor = env::quota_divisor(reader.env, &mut problems);
    reader.problems.extend(problems.into_iter().map(|problem| (None, problem)));
    Settings {
        primary,
        secondary,
        strategy,
        sync_interval_ms: sync_interval_ms.unwrap_or(300_000),
        retry_attempts: retry_attempts.and_then(|number| u32::try_from(number).ok()),
        batch_size: batch_size.and_then(|number| u16::try_from(number).ok()),
        enable_webhooks,
        default_region: region.unwrap_or_default(),
        first_sync: first_sync.unwrap_or_default(),
        guard,
        sweep_days: sweep_days.unwrap_or(SWEEP_DAYS),
        erase_records,
        database,
        connections,
        flows,
        time,
        quota_divisor,
        notes: std::mem::take(&mut reader.notes),
    }
}

/// Reads how much a run may do before it stops and asks.
fn guard(reader: &mut Reader<'_>, top: &mut Table) -> Guard {
    let Some(table) = reader.table(top, "guard") else { return Guard::default() };
    let mut table = reader.known("guard", table, GUARD);
    let mut most = |key| reader.number(&mut table, key, 0, i64::MAX);
    Guard {
        deletes: most("max_deletes"),
        creates: most("max_creates"),
        updates_per_field: most("max_updates_per_field"),
    }
}

/// Reads what becomes of the records of somebody who is erased.
fn erase(reader: &mut Reader<'_>, top: &mut Table) -> Records {
    let Some(table) = reader.table(top, "erase") else { return Records::default() };
    let mut table = reader.known("erase", table, &["records"]);
    let Some(text) = reader.text(&mut table, "records") else { return Records::default() };
    let known = [("delete", Records::Delete), ("keep", Records::Keep)];
    reader.one_of("records", &text, &known).unwrap_or_default()
}

fn strategy(reader: &mut Reader<'_>, top: &mut Table) -> Strategy {
    let Some(text) = reader.text(top, "sync_strategy") else { return Strategy::Manual };
    let known = [
        ("real-time", Strategy::RealTime),
        ("scheduled", Strategy::Scheduled),
        ("manual", Strategy::Manual),
    ];
    let strategy = reader.one_of("sync_strategy", &text, &known).unwrap_or_default();
    if strategy != Strategy::Manual {
        reader.note(format!(
            "sync_strategy = \"{text}\" needs `crm serve`; until then, `crm sync` runs once"
        ));
    }
    strategy
}

fn database(reader: &mut Reader<'_>, top: &mut Table, folder: &Path) -> PathBuf {
    let store = reader.table(top, "store").unwrap_or_default();
    let mut store = reader.known("store", store, &["sqlite"]);
    let file = reader.text(&mut store, "sqlite");
    match file {
        Some(file) => folder.join(file),
        None => reader.env.get("CRM_DATABASE").map_or_else(|| folder.join(DATABASE), PathBuf::from),
    }
}

/// Finds out who is primary, and that all names are those of connections.
fn ranks(
    reader: &mut Reader<'_>,
    connections: &BTreeMap<ProviderId, ConnectionSettings>,
    primary: Option<ProviderId>,
    secondary: Option<Vec<String>>,
) -> (ProviderId, Vec<ProviderId>) {
    let names: Vec<&str> = connections.keys().map(ProviderId::as_str).collect();
    let wish = primary.or_else(|| reader.env.get("CRM_PRIMARY").map(ProviderId::from));
    let primary = wish.unwrap_or_else(|| env::first_choice(connections));
    if names.is_empty() {
        if reader.problems.is_empty() {
            let hint = "add [connections.hubspot] and another, or set their variables";
            reader.refuse("connections", "no connection is configured", hint);
        }
        return (primary, Vec::new());
    }
    if !connections.contains_key(&primary) {
        let message = format!("`primary` names `{primary}`, which is no connection");
        reader.refuse("primary", message, advice(primary.as_str(), &names));
    }
    let secondary: Vec<ProviderId> = match secondary {
        Some(list) => list.into_iter().map(ProviderId::from).collect(),
        None => connections.keys().filter(|name| **name != primary).cloned().collect(),
    };
    for (index, name) in secondary.iter().enumerate() {
        if *name == primary {
            let message = format!("`secondary` names the primary `{name}`");
            reader.refuse("secondary", message, "leave it out of the list");
        } else if !connections.contains_key(name) {
            let message = format!("`secondary` names `{name}`, which is no connection");
            reader.refuse("secondary", message, advice(name.as_str(), &names));
        } else if secondary.iter().take(index).any(|known| known == name) {
            let message = format!("`secondary` names `{name}` twice");
            reader.refuse("secondary", message, "name each connection once");
        }
    }
    (primary, secondary)
}

fn connections(
    reader: &mut Reader<'_>,
    top: &mut Table,
) -> BTreeMap<ProviderId, ConnectionSettings> {
    let Some(tables) = reader.table(top, "connections") else {
        return env::connections(reader.env);
    };
    let mut connections = BTreeMap::new();
    for (name, value) in tables {
        let Value::Table(table) = value else {
            "connections".clone_into(&mut reader.section);
            let message = format!("`connections.{name}` is not a table");
            reader.refuse(&name, message, format!("write [connections.{name}]"));
            continue;
        };
        if let Some(connection) = connection(reader, &name, table) {
            connections.insert(ProviderId::from(name), connection);
        }
    }
    connections
}

fn connection(reader: &mut Reader<'_>, name: &str, mut table: Table) -> Option<ConnectionSettings> {
    format!("connections.{name}").clone_into(&mut reader.section);
    let provider = reader.text(&mut table, "provider").unwrap_or_else(|| name.to_owned());
    let rooms: Vec<&str> = registry().iter().map(|room| room.name).collect();
    let Some(room) = registry().iter().find(|room| room.name == provider) else {
        let message = format!("`{provider}` is no provider of this build");
        let key = format!("connections.{name}");
        reader.refuse(&key, message, advice(&provider, &rooms));
        return None;
    };
    let mut keys: Vec<&str> = room.keys.to_vec();
    keys.extend(["api_key", "rate_limits", "quota_reserve", "environment"]);
    let section = format!("connections.{name}");
    let mut table = reader.known(&section, table, &keys);
    let limits = reader.table(&mut table, "rate_limits").unwrap_or_default();
    let mut limits = reader.known(&format!("{section}.rate_limits"), limits, LIMITS);
    let mut quotas = BTreeMap::new();
    for key in LIMITS {
        if let Some(limit) = reader.number(&mut limits, key, 1, 100_000_000) {
            quotas.insert((*key).to_owned(), limit);
        }
    }
    section.clone_into(&mut reader.section);
    let quota_reserve = reader.number(&mut table, "quota_reserve", 0, 90);
    let quota_reserve = quota_reserve.and_then(|percent| u8::try_from(percent).ok());
    if let Some(text) = reader.text(&mut table, "environment")
        && text != "production"
    {
        reader.note(format!("{section}.environment does nothing: base_url says where to go"));
    }
    let mut settings = env::address(reader.env, room, name);
    let origin = if settings.is_empty() { Origin::File } else { Origin::FileWithAddress };
    let known: Vec<String> = table.keys().cloned().collect();
    for key in known {
        if matches!(table.get(&key), Some(Value::Table(_))) {
            // A table of texts, such as which stage stands for which.
            let mut inner = reader.table(&mut table, &key).unwrap_or_default();
            let names: Vec<String> = inner.keys().cloned().collect();
            let pairs = names.into_iter().filter_map(|name| {
                let text = reader.text(&mut inner, &name)?;
                Some((name, Json::String(text)))
            });
            let pairs: serde_json::Map<String, Json> = pairs.collect();
            settings.insert(key, Json::Object(pairs));
        } else if let Some(text) = reader.text(&mut table, &key) {
            // The guide calls every secret an API key.
            let key = if key == "api_key" { "access_token".to_owned() } else { key };
            settings.entry(key).or_insert(Json::String(text));
        }
    }
    Some(ConnectionSettings { provider, settings, quotas, quota_reserve, origin })
}
