//! The `data_flow` tables: what is kept in step, and how conflicts are decided.

use std::collections::BTreeMap;

use crm_core::{Field, FieldType, Normalizer, ObjectKind};
use crm_sync::{Direction, Policy};
use toml::{Table, Value};

use super::FlowSettings;
use super::env;
use super::keys::{advice, canonical};
use super::value::Reader;

const FLOW: &[&str] =
    &["enabled", "direction", "fields", "allow_clear", "policy", "required_default"];
/// Rules that hold for every field anyway, by the names that people give them as policies.
const ALWAYS: &[(&str, &str)] = &[
    ("merged", "different fields of one record are always merged"),
    ("merge_fields", "different fields of one record are always merged"),
    ("never_blank", "a blank never beats a value, except in allow_clear"),
    ("prefer_non_blank", "a blank never beats a value, except in allow_clear"),
];

/// Reads all flows; without a word about any, contacts flow both ways.
pub(super) fn flows(reader: &mut Reader<'_>, top: &mut Table, policy: Policy) -> Vec<FlowSettings> {
    let Some(table) = reader.table(top, "data_flow") else {
        return vec![FlowSettings { policy, ..env::default_flow(ObjectKind::Contact) }];
    };
    let plurals: Vec<&str> = ObjectKind::ALL.iter().map(|kind| kind.plural()).collect();
    let mut flows = Vec::new();
    let mut seen: BTreeMap<ObjectKind, String> = BTreeMap::new();
    for (name, value) in table {
        "data_flow".clone_into(&mut reader.section);
        let Some(kind) = ObjectKind::from_name(&canonical(&name)) else {
            let message = format!("unknown key `{name}` in [data_flow]");
            reader.refuse(&name, message, advice(&name, &plurals));
            continue;
        };
        if let Some(other) = seen.insert(kind, name.clone()) {
            let message =
                format!("[data_flow.{other}] and [data_flow.{name}] are about the same kind");
            reader.refuse_again([&other, &name], message);
        }
        let Value::Table(table) = value else {
            let message = format!("`data_flow.{name}` is not a table");
            reader.refuse(&name, message, format!("write [data_flow.{name}]"));
            continue;
        };
        let flow = flow(reader, kind, &name, table, policy);
        if flow.enabled && kind != ObjectKind::Contact {
            reader.note(format!("data_flow.{name} is read; this release keeps contacts in step"));
        }
        flows.push(flow);
    }
    if !flows.iter().any(|flow| flow.enabled) {
        reader.note("nothing is enabled in [data_flow]".to_owned());
    }
    flows
}

/// Reads one flow, by the name that the file gives it.
fn flow(
    reader: &mut Reader<'_>,
    kind: ObjectKind,
    name: &str,
    table: Table,
    policy: Policy,
) -> FlowSettings {
    let section = format!("data_flow.{name}");
    let mut table = reader.known(&section, table, FLOW);
    let mut flow = FlowSettings { policy, ..env::default_flow(kind) };
    flow.enabled = reader.flag(&mut table, "enabled").unwrap_or(true);
    if let Some(text) = reader.text(&mut table, "direction") {
        let known = [
            ("bidirectional", Direction::Bidirectional),
            ("to_primary", Direction::ToPrimary),
            ("from_primary", Direction::FromPrimary),
        ];
        flow.direction = reader.one_of("direction", &text, &known).unwrap_or_default();
    }
    let names = reader.list(&mut table, "fields");
    flow.fields = names.map(|names| fields(reader, kind, "fields", &names));
    let names = reader.list(&mut table, "allow_clear").unwrap_or_default();
    flow.allow_clear = fields(reader, kind, "allow_clear", &names);
    match table.remove("policy") {
        Some(Value::String(text)) => {
            flow.policy = policy_named(reader, "policy", &text).unwrap_or(policy);
        }
        Some(Value::Table(mut table)) => {
            let names: Vec<String> = table.keys().cloned().collect();
            for name in names {
                let field = fields(reader, kind, "policy", std::slice::from_ref(&name));
                let text = reader.text(&mut table, &name);
                let policy = text.and_then(|text| policy_named(reader, &name, &text));
                flow.field_policy.extend(field.first().copied().zip(policy));
            }
        }
        Some(_) => reader.refuse(
            "policy",
            "`policy` is neither a word nor a table",
            "write policy = \"latest_wins\", or a table with one policy for each field",
        ),
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
        if let Some(spec) = specs.iter().find(|spec| spec.name == snake) {
            fields.push(spec.field);
        } else {
            let message = format!("`{key}` names `{name}`, which is no field of a {kind}");
            reader.refuse(key, message, advice(&snake, &known));
        }
    }
    fields
}

/// Reads a policy's name.
pub(super) fn policy_named(reader: &mut Reader<'_>, key: &str, text: &str) -> Option<Policy> {
    let snake = canonical(text);
    if let Some((_, rule)) = ALWAYS.iter().find(|(name, _)| *name == snake) {
        reader.note(format!("`{key}` = \"{text}\": {rule}; what remains goes to the primary"));
        return Some(Policy::PrimaryWins);
    }
    if let Ok(policy) = snake.parse() {
        return Some(policy);
    }
    let known: Vec<&str> = Policy::ALL.iter().map(|policy| policy.name()).collect();
    let message = format!("`{key}` cannot be `{text}`");
    reader.refuse(key, message, advice(&snake, &known));
    None
}
