//! The Tooling API, as far as custom fields go.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::describe::{ACTIVITY, Catalog};
use super::ids;
use super::problem::Problem;
use super::room::Room;

impl Salesforce {
    /// Answers below `/tooling`.
    pub(super) fn tooling(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        path: &[&str],
    ) -> Result<Answer, Problem> {
        match (path, &ask.method) {
            (["sobjects", "CustomField"], &Method::POST) => self.add_field(room, ask),
            (["sobjects", "CustomField"], _) => Err(Problem::method(&ask.method)),
            _ => Err(Problem::not_found()),
        }
    }

    fn add_field(&mut self, room: &mut Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let body = ask.object()?;
        let name = body.get("FullName").and_then(Value::as_str).unwrap_or_default();
        let Some(metadata) = body.get("Metadata").and_then(Value::as_object) else {
            return Err(refused("Required fields are missing: [Metadata]", "Metadata"));
        };
        let Some((kind, field)) = name.split_once('.') else {
            return Err(refused("FullName must name the object and the field", "FullName"));
        };
        let place = if kind == ACTIVITY { Some(ACTIVITY) } else { self.place(kind) };
        let place = place.ok_or_else(|| {
            let message = format!("Entity Enumeration Or ID: bad value for {kind}");
            Problem::new("FIELD_INTEGRITY_EXCEPTION", message).fields(["FullName"])
        })?;
        if !field.ends_with("__c") {
            return Err(refused("The name of a custom field ends in __c", "FullName"));
        }
        if self.catalog.defines(place, field) {
            let message = format!(
                "There is already a field named {} on {place}.",
                field.trim_end_matches("__c"),
            );
            return Err(Problem::new("DUPLICATE_DEVELOPER_NAME", message).fields(["FullName"]));
        }
        if place == ACTIVITY && metadata.get("unique") == Some(&Value::Bool(true)) {
            return Err(refused("A field of activities cannot be unique", "unique"));
        }
        let line = format!("{field} {}", compact(metadata)?);
        self.catalog.add(room.world, place, &line);
        let id = ids::long("00N", room.world.next_key());
        let body = json!({ "id": id, "success": true, "errors": [], "warnings": [], "infos": [] });
        Ok(Answer::json(StatusCode::CREATED, &body))
    }
}

impl Salesforce {
    /// Returns the name of a type that custom fields can be added to.
    fn place(&self, kind: &str) -> Option<&'static str> {
        let kind = self.catalog.kind(kind)?.name;
        (!Catalog::is_defined_elsewhere(kind)).then_some(kind)
    }
}

/// Returns type, length and flags of a new field in the compact form.
fn compact(metadata: &Map<String, Value>) -> Result<String, Problem> {
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| metadata.get(name).and_then(Value::as_u64);
    let is = |name: &str| metadata.get(name) == Some(&Value::Bool(true));
    if text("label").is_empty() {
        return Err(refused("Required fields are missing: [label]", "label"));
    }
    let figures = || {
        let scale = number("scale").unwrap_or(0);
        format!("{}.{scale}", number("precision").unwrap_or(18))
    };
    let (kind, length) = match text("type") {
        "Text" => match number("length") {
            Some(length @ 1..=255) => ("string", length.to_string()),
            Some(_) | None => {
                return Err(refused("A text field needs a length of 1 to 255", "length"));
            }
        },
        "TextArea" => ("textarea", "255".to_owned()),
        "LongTextArea" => ("textarea", number("length").unwrap_or(32_768).to_string()),
        "Email" => ("email", "80".to_owned()),
        "Phone" => ("phone", "40".to_owned()),
        "Url" => ("url", "255".to_owned()),
        "Checkbox" => ("boolean", "0".to_owned()),
        "Date" => ("date", "0".to_owned()),
        "DateTime" => ("datetime", "0".to_owned()),
        "Number" => ("double", figures()),
        "Currency" => ("currency", figures()),
        "Percent" => ("percent", figures()),
        other => {
            let message = format!("bad value for restricted picklist field: {other}");
            let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
            return Err(Problem::new(code, message).fields(["type"]));
        }
    };
    let keyed = is("externalId") || is("unique");
    if keyed && !matches!(kind, "string" | "email" | "double") {
        return Err(refused("A field of this type cannot be an external id", "externalId"));
    }
    let mut flags = String::from("cu");
    let optional = [
        (kind != "boolean", 'n'),
        (kind == "boolean", 'd'),
        (keyed, 'i'),
        (is("unique"), 'q'),
        (is("externalId"), 'x'),
        (kind != "textarea", 's'),
        (kind != "textarea", 'f'),
        (!matches!(kind, "textarea" | "double" | "currency" | "percent"), 'g'),
    ];
    flags.extend(optional.iter().filter(|flag| flag.0).map(|flag| flag.1));
    Ok(format!("{kind} {length} {flags}"))
}

fn refused(message: &str, field: &str) -> Problem {
    Problem::new("FIELD_INTEGRITY_EXCEPTION", message).fields([field])
}
