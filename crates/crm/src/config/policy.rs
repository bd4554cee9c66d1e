//! Policies and directions in the words of a configuration.

use crm_core::{Field, FieldType, ObjectKind};
use crm_sync::{Direction, Join, Policy, Preset};
use toml::{Table, Value};

use super::FlowSettings;
use super::flow::fields;
use super::keys::{advice, canonical, nearest};
use super::value::Reader;

/// Rules that hold for every field anyway, by the names that people give them as policies.
const ALWAYS: &[(&str, &str)] = &[
    ("merge_fields", "different fields of one record are always merged"),
    ("never_blank", "a blank never beats a value, except in allow_clear"),
    ("prefer_non_blank", "a blank never beats a value, except in allow_clear"),
];

const DIRECTIONS: [(&str, Direction); 4] = [
    ("bidirectional", Direction::Bidirectional),
    ("to_primary", Direction::ToPrimary),
    ("from_primary", Direction::FromPrimary),
    ("none", Direction::Nowhere),
];

/// Reads a word about conflicts: the name of a policy, or one that users know.
pub(super) fn preset_named(
    reader: &mut Reader<'_>,
    key: &str,
    text: &str,
    connections: &[&str],
) -> Option<Preset> {
    let snake = canonical(text);
    if let Some((_, rule)) = ALWAYS.iter().find(|(name, _)| *name == snake) {
        reader.note(format!("`{key}` = \"{text}\": {rule}; what remains goes to the primary"));
    }
    let Ok(preset) = text.parse::<Preset>().or_else(|_| snake.parse()) else {
        let message = format!("`{key}` cannot be `{text}`");
        reader.refuse(key, message, advice(&snake, &Policy::NAMES));
        return None;
    };
    if let Policy::Owner(owner) = &preset.policy
        && !connections.contains(&owner.as_str())
    {
        let message = format!("`{key}` = \"{text}\" names `{owner}`, which is no connection");
        let hint = match nearest(owner.as_str(), connections.iter().copied()) {
            Some(name) => format!("did you mean `owner:{name}`?"),
            None => format!("connections here: {}", connections.join(", ")),
        };
        reader.refuse(key, message, hint);
        return None;
    }
    Some(preset)
}

/// Reads what is said of a whole kind: its fields cannot take no part all together.
pub(super) fn preset_of_kind(
    reader: &mut Reader<'_>,
    key: &str,
    text: &str,
    connections: &[&str],
) -> Option<Preset> {
    let preset = preset_named(reader, key, text, connections)?;
    if preset.direction == Some(Direction::Nowhere) {
        let message = format!("`{key}` = \"{text}\" is about single fields");
        reader.refuse(key, message, "write enabled = false to leave a kind alone");
        return None;
    }
    if let Policy::Merged(join @ (Join::Union | Join::Sum | Join::Max | Join::Longest)) =
        preset.policy
    {
        let named = Policy::Merged(join);
        reader.note(format!("`{key}`: fields that {named} cannot join go to the primary"));
    }
    Some(preset)
}

/// Reads where changes of a kind go; `None` if nothing is said.
pub(super) fn direction(
    reader: &mut Reader<'_>,
    table: &mut Table,
    flow: &mut FlowSettings,
) -> Option<Direction> {
    let text = reader.text(table, "direction")?;
    flow.direction = reader.one_of("direction", &text, &DIRECTIONS).unwrap_or_default();
    if flow.direction == Direction::Nowhere {
        flow.enabled = false;
    }
    Some(flow.direction)
}

/// Reads the policy of a kind, or those of its fields.
pub(super) fn policies(
    reader: &mut Reader<'_>,
    table: &mut Table,
    flow: &mut FlowSettings,
    (said, connections): (Option<Direction>, &[&str]),
) {
    match table.remove("policy") {
        Some(Value::String(text)) => {
            let Some(preset) = preset_of_kind(reader, "policy", &text, connections) else { return };
            flow.policy = preset.policy;
            match preset.direction {
                Some(direction) if said.is_some_and(|said| said != direction) => {
                    let message = format!("`policy` = \"{text}\" and `direction` contradict");
                    reader.refuse("policy", message, "leave one of them out");
                }
                Some(direction) => flow.direction = direction,
                None => {}
            }
        }
        Some(Value::Table(mut table)) => {
            let names: Vec<String> = table.keys().cloned().collect();
            for name in names {
                if let Some(text) = reader.text(&mut table, &name) {
                    field_policy(reader, flow, &name, &text, connections);
                }
            }
        }
        Some(_) => reader.refuse(
            "policy",
            "`policy` is neither a word nor a table",
            "write policy = \"latest_wins\", or a table with one policy for each field",
        ),
        None => {}
    }
}

fn field_policy(
    reader: &mut Reader<'_>,
    flow: &mut FlowSettings,
    name: &str,
    text: &str,
    connections: &[&str],
) {
    let field = fields(reader, flow.kind, "policy", std::slice::from_ref(&name.to_owned()));
    let (Some(field), Some(preset)) =
        (field.first().copied(), preset_named(reader, name, text, connections))
    else {
        return;
    };
    if let Policy::Merged(join) = preset.policy
        && let Some(ty) = type_of(flow.kind, field)
        && join.of(ty).is_none()
    {
        let message = format!("`{name}` cannot be `{text}`: such values cannot be joined so");
        reader.refuse(name, message, joins_of(ty));
        return;
    }
    flow.field_policy.insert(field, preset.policy);
    flow.field_direction.extend(preset.direction.map(|direction| (field, direction)));
}

fn type_of(kind: ObjectKind, field: Field) -> Option<FieldType> {
    crm_core::schema::spec(kind, field).map(|spec| spec.ty)
}

/// Says how values of a type can be joined.
fn joins_of(ty: FieldType) -> String {
    let joins = [Join::Union, Join::Sum, Join::Max, Join::Longest];
    let able = joins.into_iter().filter(|join| join.of(ty).is_some());
    let names: Vec<String> = able.map(|join| Policy::Merged(join).to_string()).collect();
    if names.is_empty() {
        "choose a policy by which one side wins, or manual".to_owned()
    } else {
        format!("write {}", names.join(" or "))
    }
}

/// Reads where changes of single fields go.
pub(super) fn field_directions(
    reader: &mut Reader<'_>,
    table: &mut Table,
    flow: &mut FlowSettings,
) {
    let mut directions = reader.table(table, "field_direction").unwrap_or_default();
    let section = format!("{}.field_direction", reader.section);
    let section = std::mem::replace(&mut reader.section, section);
    let names: Vec<String> = directions.keys().cloned().collect();
    for name in names {
        let field = fields(reader, flow.kind, "field_direction", std::slice::from_ref(&name));
        let Some(text) = reader.text(&mut directions, &name) else { continue };
        let direction = reader.one_of(&name, &text, &DIRECTIONS);
        let Some((field, direction)) = field.first().copied().zip(direction) else { continue };
        if let Some(other) = flow.field_direction.insert(field, direction)
            && other != direction
        {
            let message = format!("`policy` of `{name}` and its `field_direction` contradict");
            reader.refuse(&name, message, "leave one of them out");
        }
    }
    reader.section = section;
}
