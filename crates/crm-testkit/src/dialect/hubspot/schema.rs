//! Property definitions over HTTP: list, read, create, change, archive, batches, groups.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::fail::{Fail, empty_response, json_response};
use super::kind::Kind;
use super::property::{Access, Choice, Group, Origin, Property, Uniqueness, Values};
use super::time::iso;
use super::{Answer, HubSpot, body, text};
use crate::fake::Call;
use crate::world::World;

/// The most unique properties of an account's own per type.
const UNIQUE_MAX: usize = 10;
const TYPES: [&str; 7] =
    ["bool", "date", "datetime", "enumeration", "number", "phone_number", "string"];
const FIELDS: [&str; 12] = [
    "booleancheckbox",
    "calculation_equation",
    "checkbox",
    "date",
    "file",
    "html",
    "number",
    "phonenumber",
    "radio",
    "select",
    "text",
    "textarea",
];

impl HubSpot {
    /// Answers calls about property definitions.
    pub(super) fn schema(&mut self, world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
        let [kind, rest @ ..] = rest else {
            return Err(Fail::not_found());
        };
        let kind = Kind::in_path(kind)?;
        let now_ms = world.now_ms();
        match (call.method(), rest) {
            (&Method::GET, []) => Ok(self.property_list(call, kind)),
            (&Method::POST, []) => {
                let property = self.define(world, kind, &body(call)?)?;
                Ok(json_response(201, property.to_string()))
            }
            (&Method::POST, ["batch", action]) => self.property_batch(world, call, kind, action),
            (_, ["groups", rest @ ..]) => self.property_groups(call, kind, rest),
            (&Method::GET, [name]) => {
                let archived = call.query("archived") == Some("true");
                let all = self.properties.get(kind.plural);
                let found = all.and_then(|all| all.get(*name));
                let found = found.filter(|found| found.archived_ms.is_some() == archived);
                let found = found.ok_or_else(|| no_property(name))?;
                Ok(json_response(200, found.to_json().to_string()))
            }
            (&Method::PATCH, [name]) => {
                let change = body(call)?;
                let property = self.own_property(kind, name)?;
                amend(property, &change, now_ms)?;
                Ok(json_response(200, property.to_json().to_string()))
            }
            (&Method::DELETE, [name]) => {
                if self.property(kind, name).is_some() {
                    self.own_property(kind, name)?.archived_ms = Some(now_ms);
                }
                Ok(empty_response(StatusCode::NO_CONTENT))
            }
            _ => Err(Fail::new(405, "Method Not Allowed")),
        }
    }

    fn property_list(&self, call: &Call<'_>, kind: &Kind) -> http::Response<bytes::Bytes> {
        let archived = call.query("archived") == Some("true");
        let all = self.properties.get(kind.plural).into_iter().flat_map(|all| all.values());
        let rows: Vec<Value> = all
            .filter(|property| property.archived_ms.is_some() == archived)
            .map(Property::to_json)
            .collect();
        json_response(200, json!({ "results": rows }).to_string())
    }

    fn own_property(&mut self, kind: &Kind, name: &str) -> Result<&mut Property, Fail> {
        let all = self.properties.get_mut(kind.plural);
        let found = all.and_then(|all| all.get_mut(name)).ok_or_else(|| no_property(name))?;
        match found.origin {
            Origin::Account => Ok(found),
            Origin::Vendor => {
                let message = format!("Property {name} is defined by HubSpot and read only");
                Err(Fail::invalid(message))
            }
        }
    }

    fn define(
        &mut self,
        world: &mut World,
        kind: &Kind,
        body: &Map<String, Value>,
    ) -> Result<Value, Fail> {
        let property = definition(body, world.now_ms())?;
        let groups = self.groups.entry(kind.plural).or_default();
        if !groups.contains_key(&property.group) {
            let message = format!("The property group {} does not exist", property.group);
            return Err(Fail::invalid(message));
        }
        let all = self.properties.entry(kind.plural).or_default();
        if all.get(&property.name).is_some_and(|held| held.archived_ms.is_none()) {
            // Chosen here; the vendor does not say which status it is.
            let message = format!("A property named '{}' already exists.", property.name);
            return Err(Fail::of(409, "OBJECT_ALREADY_EXISTS", message));
        }
        if property.unique == Uniqueness::Unique {
            let held = all.values().filter(|held| held.unique == Uniqueness::Unique).count();
            if held >= UNIQUE_MAX {
                let message = format!("Only {UNIQUE_MAX} properties may have unique values");
                return Err(Fail::invalid(message));
            }
            let name = property.name.as_str();
            world.table_mut(kind.plural).add_index(name, &[name], None);
        }
        let row = property.to_json();
        all.insert(property.name.clone(), property);
        Ok(row)
    }

    fn property_batch(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &Kind,
        action: &str,
    ) -> Answer {
        let body = body(call)?;
        let inputs = body.get("inputs").and_then(Value::as_array).cloned().unwrap_or_default();
        let now_ms = world.now_ms();
        let mut rows = Vec::new();
        let mut errors = Vec::new();
        for input in &inputs {
            let name = input.get("name").and_then(text).unwrap_or_default();
            let done = match action {
                "read" => self
                    .property(kind, &name)
                    .map(Property::to_json)
                    .ok_or_else(|| no_property(&name)),
                "create" => match input.as_object() {
                    Some(input) => self.define(world, kind, input).map(undated),
                    None => Err(Fail::invalid("every input must be an object")),
                },
                "archive" => {
                    if self.property(kind, &name).is_some() {
                        self.own_property(kind, &name)?.archived_ms = Some(now_ms);
                    }
                    continue;
                }
                _ => return Err(Fail::not_found()),
            };
            match done {
                Ok(row) => rows.push(row),
                Err(fail) => {
                    let context = [("name".to_owned(), json!([name]))].into_iter().collect();
                    errors.push(fail.into_row(context));
                }
            }
        }
        if action == "archive" {
            return Ok(empty_response(StatusCode::NO_CONTENT));
        }
        let now = iso(now_ms);
        let mut answer = json!({
            "completedAt": now,
            "status": "COMPLETE",
            "startedAt": now,
            "results": rows,
        });
        let mut status = if action == "create" { 201 } else { 200 };
        if let (false, Some(map)) = (errors.is_empty(), answer.as_object_mut()) {
            map.insert("numErrors".to_owned(), json!(errors.len()));
            map.insert("errors".to_owned(), Value::Array(errors));
            status = 207;
        }
        Ok(json_response(status, answer.to_string()))
    }

    fn property_groups(&mut self, call: &Call<'_>, kind: &Kind, rest: &[&str]) -> Answer {
        let groups = self.groups.entry(kind.plural).or_default();
        match (call.method(), rest) {
            (&Method::GET, []) => {
                let rows: Vec<Value> = groups.values().map(Group::to_json).collect();
                Ok(json_response(200, json!({ "results": rows }).to_string()))
            }
            (&Method::POST, []) => {
                let body = body(call)?;
                let name = body.get("name").and_then(text).unwrap_or_default();
                if name.is_empty() {
                    return Err(Fail::invalid("name is required"));
                }
                if groups.contains_key(&name) {
                    let message = format!("A property group named '{name}' already exists.");
                    return Err(Fail::of(409, "OBJECT_ALREADY_EXISTS", message));
                }
                let mut group = Group { label: name.clone(), name, display_order: -1 };
                rename(&mut group, &body);
                let row = group.to_json();
                groups.insert(group.name.clone(), group);
                Ok(json_response(201, row.to_string()))
            }
            (&Method::GET, [name]) => {
                let group = groups.get(*name).ok_or_else(Fail::not_found)?;
                Ok(json_response(200, group.to_json().to_string()))
            }
            (&Method::PATCH, [name]) => {
                let body = body(call)?;
                let group = groups.get_mut(*name).ok_or_else(Fail::not_found)?;
                rename(group, &body);
                Ok(json_response(200, group.to_json().to_string()))
            }
            (&Method::DELETE, [name]) => {
                groups.remove(*name);
                Ok(empty_response(StatusCode::NO_CONTENT))
            }
            _ => Err(Fail::new(405, "Method Not Allowed")),
        }
    }
}

/// The rows of a batch create carry no times.
fn undated(mut row: Value) -> Value {
    if let Some(map) = row.as_object_mut() {
        for key in ["createdAt", "updatedAt", "archived"] {
            map.remove(key);
        }
    }
    row
}

fn rename(group: &mut Group, body: &Map<String, Value>) {
    if let Some(label) = body.get("label").and_then(text) {
        group.label = label;
    }
    if let Some(order) = body.get("displayOrder").and_then(Value::as_i64) {
        group.display_order = order;
    }
}

fn no_property(name: &str) -> Fail {
    Fail::of(404, "OBJECT_NOT_FOUND", format!("Property with name '{name}' does not exist."))
        .with("context", json!({ "name": [name] }))
}

fn definition(body: &Map<String, Value>, now_ms: i64) -> Result<Property, Fail> {
    let field = |name: &str| body.get(name).and_then(text).unwrap_or_default();
    let missing: Vec<&str> = ["groupName", "name", "label", "type", "fieldType"]
        .into_iter()
        .filter(|name| field(name).is_empty())
        .collect();
    if !missing.is_empty() {
        let message = format!("Invalid input JSON: {} must be set", missing.join(", "));
        return Err(Fail::invalid(message));
    }
    let name = field("name");
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        let message = format!("{name} must begin with a letter and be lower case, digits and _");
        return Err(Fail::invalid(message));
    }
    let (kind, form) = (field("type"), field("fieldType"));
    if !TYPES.contains(&kind.as_str()) || !FIELDS.contains(&form.as_str()) {
        return Err(Fail::invalid(format!("{kind} with {form} is not a type of property")));
    }
    let choices = choices(body.get("options"));
    if kind == "enumeration" && choices.is_empty() {
        return Err(Fail::invalid("options must be set for an enumeration"));
    }
    let truth = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(false);
    Ok(Property {
        name,
        label: field("label"),
        kind,
        field: form,
        group: field("groupName"),
        description: field("description"),
        choices,
        access: Access::Open,
        values: Values::Own,
        origin: Origin::Account,
        unique: if truth("hasUniqueValue") { Uniqueness::Unique } else { Uniqueness::Shared },
        display_order: body.get("displayOrder").and_then(Value::as_i64).unwrap_or(-1),
        form_field: truth("formField"),
        created_ms: now_ms,
        updated_ms: now_ms,
        archived_ms: None,
    })
}

fn amend(property: &mut Property, change: &Map<String, Value>, now_ms: i64) -> Result<(), Fail> {
    if change.contains_key("hasUniqueValue") {
        return Err(Fail::invalid("hasUniqueValue can only be set when a property is created"));
    }
    let set = |target: &mut String, name: &str| {
        if let Some(value) = change.get(name).and_then(text) {
            *target = value;
        }
    };
    set(&mut property.label, "label");
    set(&mut property.description, "description");
    set(&mut property.group, "groupName");
    set(&mut property.field, "fieldType");
    if change.contains_key("options") {
        property.choices = choices(change.get("options"));
    }
    property.updated_ms = now_ms;
    Ok(())
}

fn choices(options: Option<&Value>) -> Vec<Choice> {
    let rows = options.and_then(Value::as_array).into_iter().flatten().zip(0..);
    rows.filter_map(|(row, place)| {
        let value = row.get("value").and_then(text)?;
        Some(Choice {
            label: row.get("label").and_then(text).unwrap_or_else(|| value.clone()),
            value,
            display_order: row.get("displayOrder").and_then(Value::as_i64).unwrap_or(place),
            hidden: row.get("hidden").and_then(Value::as_bool).unwrap_or(false),
        })
    })
    .collect()
}
