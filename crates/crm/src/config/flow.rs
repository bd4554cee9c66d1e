//! The `data_flow` tables: what is kept in step, and how conflicts are decided.

use std::collections::BTreeMap;

use crm_core::{Field, FieldType, Normalizer, ObjectKind};
use crm_sync::{Deletes, Preset};
use toml::{Table, Value};

use super::FlowSettings;
use super::env;
use super::keys::{advice, canonical};
use super::policy::{direction, field_directions, policies};
use super::value::Reader;

const FLOW: &[&str] = &[
    "enabled",
    "direction",
    "fields",
    "allow_clear",
    "policy",
    "field_direction",
    "required_default",
    "deletes",
    "company_to_record",
];

/// Reads all flows; without a word about any, those kinds flow both ways that a variable names,
/// else contacts.
pub(super) fn flows(
    reader: &mut Reader<'_>,
    top: &mut Table,
    usual: &Preset,
    connections: &[&str],
) -> Vec<FlowSettings> {
    let Some(table) = reader.table(top, "data_flow") else {
        let mut problems = Vec::new();
        let kinds = env::kinds(reader.env, &mut problems);
        reader.problems.extend(problems.into_iter().map(|problem| (None, problem)));
        return kinds.into_iter().map(|kind| usual_flow(kind, usual)).collect();
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
        let flow = flow(reader, &name, table, usual_flow(kind, usual), connections);
        flows.push(flow);
    }
    let companies = flows.iter().any(|flow| flow.enabled && flow.kind == ObjectKind::Company);
    if flows.iter().any(|flow| flow.enabled && flow.company_to_record) && !companies {
        reader.note("company_to_record does nothing without [data_flow.companies]".to_owned());
    }
    if !flows.iter().any(|flow| flow.enabled) {
        reader.note("nothing is enabled in [data_flow]".to_owned());
    }
    flows
}

/// Returns the flow of a kind of which nothing is said.
fn usual_flow(kind: ObjectKind, usual: &Preset) -> FlowSettings {
    let flow = env::default_flow(kind);
    let direction = usual.direction.unwrap_or(flow.direction);
    FlowSettings { policy: usual.policy.clone(), direction, ..flow }
}

/// Reads one flow, by the name that the file gives it.
fn flow(
    reader: &mut Reader<'_>,
    name: &str,
    table: Table,
    mut flow: FlowSettings,
    connections: &[&str],
) -> FlowSettings {
    let kind = flow.kind;
    let section = format!("data_flow.{name}");
    let mut table = reader.known(&section, table, FLOW);
    flow.enabled = reader.flag(&mut table, "enabled").unwrap_or(true);
    let says = direction(reader, &mut table, &mut flow);
    policies(reader, &mut table, &mut flow, (says, connections));
    field_directions(reader, &mut table, &mut flow);
    let names = reader.list(&mut table, "fields");
    flow.fields = names.map(|names| fields(reader, kind, "fields", &names));
    let names = reader.list(&mut table, "allow_clear").unwrap_or_default();
    flow.allow_clear = fields(reader, kind, "allow_clear", &names);
    if let Some(text) = reader.text(&mut table, "deletes") {
        let known = [
            ("unlink", Deletes::Unlink),
            ("archive", Deletes::Archive),
            ("propagate", Deletes::Propagate),
        ];
        flow.deletes = reader.one_of("deletes", &text, &known).unwrap_or_default();
    }
    if let Some(wanted) = reader.flag(&mut table, "company_to_record") {
        if wanted && kind != ObjectKind::Contact {
            let message = format!("`company_to_record` in [{section}] is about contacts");
            let hint = "move it to [data_flow.contacts]".to_owned();
            reader.refuse("company_to_record", message, hint);
        }
        flow.company_to_record = wanted;
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

pub(super) fn fields(
    reader: &mut Reader<'_>,
    kind: ObjectKind,
    key: &str,
    names: &[String],
) -> Vec<Field> {
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
