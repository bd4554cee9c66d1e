//! The TOML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crm_core::{Field, FieldType, Normalizer, ObjectKind, ProviderId, Region};
use crm_sync::{Direction, FirstSync, Policy};
use serde_json::Value as Json;
use toml::{Table, Value};

use super::env::{self, Env};
use super::keys::{advice, canonical};
use super::value::Reader;
use super::{ConfigError, ConnectionSettings, DATABASE, FlowSettings, Problem, Settings, Strategy};
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
    "store",
    "connections",
    "data_flow",
];
const FLOW: &[&str] =
    &["enabled", "direction", "fields", "allow_clear", "policy", "required_default"];
/// The guide's names of rate limits, and the vendors' windows that they set.
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
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(
            format!("the configuration {name} cannot be read: {error}"),
            "name an existing file with --config, or leave it out to use the environment",
        )
    })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default());
        let line = line.map_or(1, |before| before.matches('\n').count() + 1);
        Problem {
            place: Some(format!("{name}:{line}")),
            message: format!("not TOML: {}", error.message().lines().next().unwrap_or_default()),
            hint: "docs/configuration.md shows a whole file".to_owned(),
        }
    })?;
    let mut reader = Reader { name, text: &text, env, problems: Vec::new() };
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let settings = settings(&mut reader, table, folder);
    match settings {
        Some(settings) if reader.problems.is_empty() => Ok(settings),
        _ => Err(ConfigError { problems: reader.problems }),
    }
}

fn settings(reader: &mut Reader<'_>, table: Table, folder: &Path) -> Option<Settings> {
    let mut top = reader.known("", table, TOP);
    let connections = connections(reader, &mut top);
    let primary = reader.text(&mut top, "primary").map(ProviderId::from);
    let secondary = reader.list(&mut top, "secondary");
    let (primary, secondary) = ranks(reader, &connections, primary, secondary)?;
    let policy = reader.text(&mut top, "conflict_resolution");
    let policy = policy.and_then(|text| word::<Policy>(reader, "conflict_resolution", &text));
    let flows = flows(reader, &mut top, policy.unwrap_or_default());
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
        one_of(reader, "first_sync", &text, &known)
    });
    let mut notes = Vec::new();
    let strategy = strategy(reader, &mut top, &mut notes);
    let enable_webhooks = reader.flag(&mut top, "enable_webhooks").unwrap_or_default();
    if enable_webhooks {
        notes.push("enable_webhooks needs `crm serve`; `crm sync` polls".to_owned());
    }
    let sync_interval_ms = reader.number(&mut top, "sync_interval_ms", 1_000, 86_400_000);
    let retry_attempts = reader.number(&mut top, "retry_attempts", 0, 20);
    let batch_size = reader.number(&mut top, "batch_size", 1, 2_000);
    let database = database(reader, &mut top, folder);
    let time_scale = env::time_scale(reader.env).unwrap_or_else(|problem| {
        reader.problems.push(problem);
        1
    });
    Some(Settings {
        primary,
        secondary,
        strategy,
        sync_interval_ms: sync_interval_ms.unwrap_or(300_000),
        retry_attempts: retry_attempts.and_then(|number| u32::try_from(number).ok()),
        batch_size: batch_size.and_then(|number| u16::try_from(number).ok()),
        enable_webhooks,
        default_region: region.unwrap_or_default(),
        first_sync: first_sync.unwrap_or_default(),
        database,
        connections,
        flows,
        time_scale,
        notes,
    })
}

fn strategy(reader: &mut Reader<'_>, top: &mut Table, notes: &mut Vec<String>) -> Strategy {
    let Some(text) = reader.text(top, "sync_strategy") else { return Strategy::Manual };
    let known = [
        ("real-time", Strategy::RealTime),
        ("scheduled", Strategy::Scheduled),
        ("manual", Strategy::Manual),
    ];
    let text = if text == "real_time" { "real-time".to_owned() } else { text };
    let strategy = one_of(reader, "sync_strategy", &text, &known).unwrap_or_default();
    if strategy != Strategy::Manual {
        notes.push(format!(
            "sync_strategy = \"{text}\" needs `crm serve`; until then, `crm sync` runs once"
        ));
    }
    strategy
}

fn database(reader: &mut Reader<'_>, top: &mut Table, folder: &Path) -> PathBuf {
    let store = reader.table(top, "store").unwrap_or_default();
    let mut store = reader.known("store", store, &["sqlite"]);
    let file = reader.text(&mut store, "sqlite");
    folder.join(file.unwrap_or_else(|| DATABASE.to_owned()))
}

/// Finds out who is primary, and that all names are those of connections.
fn ranks(
    reader: &mut Reader<'_>,
    connections: &BTreeMap<ProviderId, ConnectionSettings>,
    primary: Option<ProviderId>,
    secondary: Option<Vec<String>>,
) -> Option<(ProviderId, Vec<ProviderId>)> {
    let names: Vec<&str> = connections.keys().map(ProviderId::as_str).collect();
    if names.is_empty() {
        if reader.problems.is_empty() {
            let hint = "add [connections.hubspot] and another, or set their variables";
            reader.refuse("connections", "no connection is configured", hint);
        }
        return None;
    }
    let hubspot = names.iter().find(|name| **name == "hubspot").or_else(|| names.first());
    let primary = primary.or_else(|| hubspot.map(|name| ProviderId::new(*name)))?;
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
    Some((primary, secondary))
}

fn connections(
    reader: &mut Reader<'_>,
    top: &mut Table,
) -> BTreeMap<ProviderId, ConnectionSettings> {
    let mut connections = BTreeMap::new();
    for (name, value) in reader.table(top, "connections").unwrap_or_default() {
        let Value::Table(table) = value else {
            let message = format!("`connections.{name}` is not a table");
            reader.refuse(&name, message, format!("write [connections.{name}]"));
            continue;
        };
        if let Some(connection) = connection(reader, &name, table) {
            connections.insert(ProviderId::from(name), connection);
        }
    }
    if !top.contains_key("connections") && connections.is_empty() {
        for room in registry() {
            let settings = env::connection(reader.env, room);
            if !settings.is_empty() {
                let provider = room.name.to_owned();
                let quotas = BTreeMap::new();
                let connection = ConnectionSettings { provider, settings, quotas };
                connections.insert(ProviderId::new(room.name), connection);
            }
        }
    }
    connections
}

fn connection(reader: &mut Reader<'_>, name: &str, mut table: Table) -> Option<ConnectionSettings> {
    let provider = reader.text(&mut table, "provider").unwrap_or_else(|| name.to_owned());
    let rooms: Vec<&str> = registry().iter().map(|room| room.name).collect();
    let Some(room) = registry().iter().find(|room| room.name == provider) else {
        let message = format!("`{provider}` is no provider of this build");
        reader.refuse(name, message, advice(&provider, &rooms));
        return None;
    };
    let mut keys: Vec<&str> = room.keys.to_vec();
    keys.extend(["api_key", "rate_limits", "environment"]);
    let mut table = reader.known(&format!("connections.{name}"), table, &keys);
    let limits = reader.table(&mut table, "rate_limits").unwrap_or_default();
    let mut limits = reader.known(&format!("connections.{name}.rate_limits"), limits, LIMITS);
    let mut quotas = BTreeMap::new();
    for key in LIMITS {
        if let Some(limit) = reader.number(&mut limits, key, 1, 100_000_000) {
            quotas.insert((*key).to_owned(), limit);
        }
    }
    table.remove("environment");
    let mut settings = env::address(reader.env, room);
    let known: Vec<String> = table.keys().cloned().collect();
    for key in known {
        if let Some(text) = reader.text(&mut table, &key) {
            // The guide calls every secret an API key.
            let key = if key == "api_key" { "access_token".to_owned() } else { key };
            settings.entry(key).or_insert(Json::String(text));
        }
    }
    Some(ConnectionSettings { provider, settings, quotas })
}

fn flows(reader: &mut Reader<'_>, top: &mut Table, policy: Policy) -> Vec<FlowSettings> {
    let Some(table) = reader.table(top, "data_flow") else {
        return vec![FlowSettings { policy, ..env::default_flow(ObjectKind::Contact) }];
    };
    let plurals: Vec<&str> = ObjectKind::ALL.iter().map(|kind| kind.plural()).collect();
    let mut flows = Vec::new();
    for (name, value) in table {
        let Some(kind) = ObjectKind::from_name(&canonical(&name)) else {
            let message = format!("unknown key `{name}` in [data_flow]");
            reader.refuse(&name, message, advice(&name, &plurals));
            continue;
        };
        let Value::Table(table) = value else {
            let message = format!("`data_flow.{name}` is not a table");
            reader.refuse(&name, message, format!("write [data_flow.{name}]"));
            continue;
        };
        flows.push(flow(reader, kind, table, policy));
    }
    flows
}

fn flow(reader: &mut Reader<'_>, kind: ObjectKind, table: Table, policy: Policy) -> FlowSettings {
    let section = format!("data_flow.{}", kind.plural());
    let mut table = reader.known(&section, table, FLOW);
    let mut flow = FlowSettings { policy, ..env::default_flow(kind) };
    flow.enabled = reader.flag(&mut table, "enabled").unwrap_or(true);
    if let Some(text) = reader.text(&mut table, "direction") {
        let known = [
            ("bidirectional", Direction::Bidirectional),
            ("to_primary", Direction::ToPrimary),
            ("from_primary", Direction::FromPrimary),
        ];
        flow.direction = one_of(reader, "direction", &text, &known).unwrap_or_default();
    }
    let names = reader.list(&mut table, "fields");
    flow.fields = names.map(|names| fields(reader, kind, "fields", &names));
    let names = reader.list(&mut table, "allow_clear").unwrap_or_default();
    flow.allow_clear = fields(reader, kind, "allow_clear", &names);
    match table.remove("policy") {
        Some(Value::String(text)) => {
            flow.policy = word(reader, "policy", &text).unwrap_or_default();
        }
        Some(Value::Table(mut table)) => {
            let names: Vec<String> = table.keys().cloned().collect();
            for name in names {
                let field = fields(reader, kind, "policy", std::slice::from_ref(&name));
                let text = reader.text(&mut table, &name);
                let policy = text.and_then(|text| word::<Policy>(reader, &name, &text));
                flow.field_policy.extend(field.first().copied().zip(policy));
            }
        }
        Some(_) => reader.refuse("policy", "`policy` is neither a word nor a table", "see docs"),
        None => {}
    }
    required_default(reader, kind, &mut table, &mut flow);
    flow
}

fn required_default(
    reader: &mut Reader<'_>,
    kind: ObjectKind,
    table: &mut Table,
    flow: &mut FlowSettings,
) {
    let mut defaults = reader.table(table, "required_default").unwrap_or_default();
    let names: Vec<String> = defaults.keys().cloned().collect();
    for name in names {
        let field = fields(reader, kind, "required_default", std::slice::from_ref(&name));
        let text = reader.text(&mut defaults, &name);
        let value = text.and_then(|text| Normalizer::default().text(FieldType::Text, &text));
        flow.required_default.extend(field.first().copied().zip(value));
    }
}

fn fields(reader: &mut Reader<'_>, kind: ObjectKind, key: &str, names: &[String]) -> Vec<Field> {
    let specs = crm_core::schema::fields(kind);
    let known: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    let mut fields = Vec::with_capacity(names.len());
    for name in names {
        let snake = canonical(name);
        match specs.iter().find(|spec| spec.name == snake) {
            Some(spec) => fields.push(spec.field),
            None => {
                let message = format!("`{key}` names `{name}`, which is no field of a {kind}");
                reader.refuse(key, message, advice(&snake, &known));
            }
        }
    }
    fields
}

fn word<T: FromStr>(reader: &mut Reader<'_>, key: &str, text: &str) -> Option<T>
where
    T::Err: std::fmt::Display,
{
    match text.parse() {
        Ok(word) => Some(word),
        Err(error) => {
            let known: Vec<&str> = Policy::ALL.iter().map(|policy| policy.name()).collect();
            reader.refuse(key, error.to_string(), advice(text, &known));
            None
        }
    }
}

fn one_of<T: Copy>(
    reader: &mut Reader<'_>,
    key: &str,
    text: &str,
    known: &[(&str, T)],
) -> Option<T> {
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let message = format!("`{key}` is `{text}`, which is none of: {}", words.join(", "));
        reader.refuse(key, message, advice(text, &words));
    }
    found
}
