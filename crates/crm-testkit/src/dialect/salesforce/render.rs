//! Writes records as JSON, field by field, into one buffer.

use serde_json::{Value, json};

use super::describe::{Field, Kind, Origin};
use super::schema::{Found, Users, View};
use super::text;
use crate::soql::bind::{Output, Select};
use crate::soql::cell::Cell;
use crate::soql::run::children;
use crate::soql::schema::{Reach, Source};

/// Renders records for one API version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pen<'a> {
    pub(super) view: View<'a>,
    /// `/services/data/v67.0`
    pub(super) base: &'a str,
    pub(super) reach: Reach,
}

impl<'a> Pen<'a> {
    /// Writes the selected fields of a record.
    pub(super) fn selected(self, found: Found<'a>, outputs: &[Output], into: &mut Vec<u8>) {
        attributes(self.base, found, into);
        for output in outputs {
            into.push(b',');
            match output {
                Output::Field(column) => {
                    if let Some(field) = found.kind.fields.get(usize::from(column.index)) {
                        named(self.view.users, found, field, into);
                    }
                }
                Output::Parent { name, column, entity, outputs } => {
                    string(name, into);
                    into.push(b':');
                    let id = self.view.cell(found, *column).as_text();
                    match id.and_then(|id| self.view.find(entity, id, self.reach)) {
                        Some(parent) => self.selected(parent, outputs, into),
                        None => into.extend_from_slice(b"null"),
                    }
                }
                Output::Child { name, column, plan } => {
                    string(name, into);
                    into.push(b':');
                    let rows = children(&self.view, plan, *column, &found.id(), self.reach);
                    let Select::Rows(outputs) = &plan.select else {
                        into.extend_from_slice(b"null");
                        continue;
                    };
                    self.list(&rows, outputs, into);
                }
            }
        }
        into.push(b'}');
    }

    /// Writes the rows of a child query; none are `null`.
    fn list(self, rows: &[Found<'a>], outputs: &[Output], into: &mut Vec<u8>) {
        if rows.is_empty() {
            into.extend_from_slice(b"null");
            return;
        }
        let head = format!(r#"{{"totalSize":{},"done":true,"records":["#, rows.len());
        into.extend_from_slice(head.as_bytes());
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                into.push(b',');
            }
            self.selected(*row, outputs, into);
        }
        into.extend_from_slice(b"]}");
    }
}

/// Writes fields of a record that need no other record.
pub(super) fn flat(
    users: &Users,
    base: &str,
    found: Found<'_>,
    fields: &[&Field],
    into: &mut Vec<u8>,
) {
    attributes(base, found, into);
    for field in fields {
        into.push(b',');
        named(users, found, field, into);
    }
    into.push(b'}');
}

fn attributes(base: &str, found: Found<'_>, into: &mut Vec<u8>) {
    let (kind, id) = (found.kind.name, found.id());
    let head = format!(r#"{{"attributes":{{"type":"{kind}","url":"{base}/sobjects/{kind}/{id}"}}"#);
    into.extend_from_slice(head.as_bytes());
}

fn named(users: &Users, found: Found<'_>, field: &Field, into: &mut Vec<u8>) {
    string(&field.name, into);
    into.push(b':');
    if field.origin == Origin::Parts {
        let parts = address(found, field);
        into.extend_from_slice(parts.to_string().as_bytes());
    } else {
        cell(users.value(found, field), into);
    }
}

/// Returns the value of a field as JSON.
pub(super) fn value(users: &Users, found: Found<'_>, field: &Field) -> Value {
    if field.origin == Origin::Parts {
        return address(found, field);
    }
    let mut text = Vec::new();
    cell(users.value(found, field), &mut text);
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}

/// Writes one value.
pub(super) fn cell(cell: Cell<'_>, into: &mut Vec<u8>) {
    match cell {
        Cell::Null => into.extend_from_slice(b"null"),
        Cell::Flag(flag) => into.extend_from_slice(if flag { b"true" } else { b"false" }),
        Cell::Text(text) => string(text, into),
        Cell::Int(number) => into.extend_from_slice(number.to_string().as_bytes()),
        Cell::Real(number) => into.extend_from_slice(json!(number).to_string().as_bytes()),
        Cell::Day(day) => string(&day.to_string(), into),
        Cell::Moment(moment) => string(&text::moment(moment), into),
    }
}

fn string(text: &str, into: &mut Vec<u8>) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        into.push(b'"');
        into.extend_from_slice(text.as_bytes());
        into.push(b'"');
    } else {
        into.extend_from_slice(Value::from(text).to_string().as_bytes());
    }
}

/// Puts an address together from its parts; null if all of them are empty.
fn address(found: Found<'_>, field: &Field) -> Value {
    let prefix = field.name.trim_end_matches("Address");
    let part = |kind: &Kind, name: &str| -> Option<String> {
        let field = kind.field(&format!("{prefix}{name}"))?;
        found.record.get(field.column).map(str::to_owned)
    };
    let text = |name| part(found.kind, name).map_or(Value::Null, Value::from);
    let number = |name| {
        let number = part(found.kind, name).and_then(|text| text.parse::<f64>().ok());
        number.map_or(Value::Null, Value::from)
    };
    let address = json!({
        "city": text("City"),
        "country": text("Country"),
        "geocodeAccuracy": text("GeocodeAccuracy"),
        "latitude": number("Latitude"),
        "longitude": number("Longitude"),
        "postalCode": text("PostalCode"),
        "state": text("State"),
        "street": text("Street"),
    });
    let empty = address.as_object().is_some_and(|parts| parts.values().all(Value::is_null));
    if empty { Value::Null } else { address }
}
