//! Fields and patches to wire JSON, by table.

use serde_json::{Map, Value as Json};

use super::{Clear, FieldRule, Mapping, Wire};
use crate::{Fields, Patch, Ref, Value, normal};

/// Writes the members for a patch. Fields that the table does not know or may not write are
/// left out: the caller's plan never contains them.
pub fn encode(mapping: &Mapping, patch: &Patch) -> Map<String, Json> {
    let mut members = Map::new();
    for (field, value) in patch.iter() {
        if let Some(rule) = mapping.rule(field).filter(|rule| is_plain(rule)) {
            let json = value.map_or_else(|| blank(mapping.clear), |value| member(rule, value));
            members.insert(rule.remote.to_owned(), json);
        }
    }
    members
}

/// Writes the members for a new record.
pub fn encode_fields(mapping: &Mapping, fields: &Fields) -> Map<String, Json> {
    let mut members = Map::new();
    for (field, value) in fields.iter() {
        if let Some(rule) = mapping.rule(field).filter(|rule| is_plain(rule)) {
            members.insert(rule.remote.to_owned(), member(rule, value));
        }
    }
    members
}

/// What the room translates is not a plain member.
const fn is_plain(rule: &FieldRule) -> bool {
    rule.writable && !rule.wire.is_translated()
}

fn blank(clear: Clear) -> Json {
    match clear {
        Clear::EmptyString => Json::String(String::new()),
        Clear::Null => Json::Null,
    }
}

fn member(rule: &FieldRule, value: &Value) -> Json {
    let text = match value {
        // Both vendors are given NFC without surrounding white space, whatever the source had.
        Value::Text(text) => normal::text(text.raw()).into_owned(),
        Value::Choice(name) => vendor_choice(rule.wire, name).to_owned(),
        Value::Integer(number) => return number_member(rule.wire, &number.to_string()),
        Value::Decimal(number) => return number_member(rule.wire, &number.to_string()),
        Value::Bool(yes) => {
            return if rule.wire == Wire::Bool {
                Json::Bool(*yes)
            } else {
                Json::String(yes.to_string())
            };
        }
        Value::Date(date) => date.to_string(),
        Value::Instant(instant) if rule.wire == Wire::Day => normal::day(*instant).to_string(),
        Value::Instant(instant) => format!("{instant:.3}"),
        Value::List(members) => members.iter().map(Value::display).collect::<Vec<_>>().join(";"),
        Value::Ref(Ref::Remote(_, id)) => id.to_string(),
        Value::Ref(Ref::Entity(id)) => id.to_string(),
    };
    Json::String(text)
}

/// A number's own text becomes the JSON number, so that no float rounds it.
fn number_member(wire: Wire, text: &str) -> Json {
    if wire == Wire::Number {
        serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
    } else {
        Json::String(text.to_owned())
    }
}

fn vendor_choice(wire: Wire, name: &str) -> &str {
    let Wire::Choice(table) = wire else {
        return name;
    };
    table.iter().find(|(canonical, _)| *canonical == name).map_or(name, |(_, remote)| remote)
}
