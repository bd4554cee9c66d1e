//! From a write to what Pipedrive takes. Members that are replaced as a whole are made from what
//! the record holds; what cannot be said there is refused before anything is sent.

use crm_core::{
    Action, ErrorKind, Field, Metadata, Operation, Patch, ProviderError, Ref, Result, Value, Wire,
    Write, mapping, normal,
};
use serde_json::{Map, Value as Json, json};

use crate::Pipedrive;
use crate::directory::{LOST, WON};
use crate::table::{NAME_LABEL, NAME_SPLIT, Table, joined, people, place};
use crate::wire::{Object, number};

/// Returns whether a change of a field needs to know what the record holds.
pub(crate) fn needs_row(table: &Table, field: Field) -> bool {
    let Some(rule) = table.rule(field) else { return false };
    let whole = rule.remote.split('.').next().unwrap_or_default();
    matches!(rule.wire, Wire::Stage | Wire::Related | Wire::Variant)
        || matches!(whole, "first_name" | "last_name" | "emails" | "phones" | "address")
}

impl Pipedrive {
    /// Translates a write; `held` is what the record holds, empty for a new one.
    pub(crate) async fn body(&self, table: &Table, write: &Write, held: &Object) -> Result<Object> {
        let (changes, uid): (Patch, _) = match &write.action {
            Action::Create { fields, uid } => (
                fields.iter().map(|(field, value)| (field, Some(value.clone()))).collect(),
                Some(uid),
            ),
            Action::Update { patch, .. } => (patch.clone(), None),
            Action::Delete { .. } => return Ok(Object::new()),
        };
        let mut body = Object::new();
        let mut customs = Map::new();
        for (field, value) in changes.iter() {
            let Some(rule) = table.rule(field) else { continue };
            match rule.wire {
                Wire::Owner => {
                    let Some(email) = value.and_then(Value::as_str) else {
                        return Err(refusal(field, "every record of Pipedrive has an owner"));
                    };
                    body.insert("owner_id".to_owned(), json!(self.owner_id(email).await?));
                }
                Wire::Stage => {
                    let metadata = self.with_pipelines().await?;
                    put_stage(&metadata, &changes, value, held, &mut body)?;
                }
                Wire::Related => put_people(rule.remote, field, &changes, held, &mut body)?,
                Wire::Variant => put_type(table, field, value, uid.is_some(), held, &mut body)?,
                Wire::Text
                | Wire::Number
                | Wire::NumberText
                | Wire::Bool
                | Wire::BoolText
                | Wire::Date
                | Wire::Instant
                | Wire::Choice(_)
                | Wire::Day
                | Wire::Id => {
                    let mapping = table.mappings.iter().find(|known| known.rule(field).is_some());
                    let mut one = Patch::new();
                    one.set(field, value.cloned());
                    let member = mapping.map(|mapping| mapping::encode(mapping, &one));
                    let member = member.and_then(|members| members.into_iter().next());
                    let Some((name, json)) = member else { continue };
                    if rule.custom {
                        let Some(code) = table.codes.get(&name) else {
                            let message = format!("the field `{name}` is missing in Pipedrive");
                            return Err(refusal(field, message)
                                .with_hint("run `crm check --fix`, which creates it"));
                        };
                        customs.insert(code.clone(), json);
                    } else {
                        put_member(&name, json, held, &mut body);
                    }
                }
            }
        }
        put_name(table, &changes, uid.is_some(), held, (&mut body, &mut customs));
        if let Some(uid) = uid {
            put_uid(table, uid.as_str(), &mut body, &mut customs)?;
        }
        if !customs.is_empty() {
            body.insert("custom_fields".to_owned(), Json::Object(customs));
        }
        Ok(body)
    }
}

fn put_uid(
    table: &Table,
    uid: &str,
    body: &mut Object,
    customs: &mut Map<String, Json>,
) -> Result<()> {
    let Some(code) = table.uid_code() else {
        let message = "the company has no field for our unique id";
        return Err(ProviderError::new(ErrorKind::Permanent, message)
            .with_hint("run `crm check --fix`, which creates the field"));
    };
    // Activities have no fields of the company's own.
    let place = if table.codes.is_empty() { body } else { customs };
    place.insert(code.to_owned(), json!(uid));
    Ok(())
}

/// Puts a plain member where Pipedrive has it, in the form that it takes.
fn put_member(name: &str, json: Json, held: &Object, body: &mut Object) {
    let (whole, part) = name.split_once('.').unwrap_or((name, ""));
    let before = body.get(whole).or_else(|| held.get(whole));
    let value = match whole {
        // Written with the rest of the name.
        "first_name" | "last_name" => return,
        "emails" | "phones" => lines(before, part == "mobile", &json),
        "address" => address(before, part, json),
        "org_id" | "deal_id" | "pipeline_id" => match json.as_str() {
            None => Json::Null,
            Some(text) => json!(text.parse::<u64>().ok()),
        },
        "value" if json.is_null() => json!(0),
        "done" => json!(json.as_str() == Some("true")),
        "duration" => clock(&json),
        "due_date" => {
            let at = json.as_str().and_then(normal::instant);
            let text = at.map(|at| format!("{at:.0}"));
            let parts = text.as_deref().and_then(|text| text.split_once('T'));
            let time = parts.and_then(|(_, time)| time.get(..8));
            body.insert("due_time".to_owned(), json!(time));
            json!(parts.map(|(day, _)| day))
        }
        _ => json,
    };
    body.insert(whole.to_owned(), value);
}

/// Returns a list with one line replaced; those of others stay.
fn lines(before: Option<&Json>, mobile: bool, value: &Json) -> Json {
    let mut rows = before.and_then(Json::as_array).cloned().unwrap_or_default();
    let label = if mobile { "mobile" } else { "work" };
    match (place(&rows, mobile), value.as_str().filter(|text| !text.is_empty())) {
        (Some(place), Some(text)) => {
            if let Some(Json::Object(row)) = rows.get_mut(place) {
                row.insert("value".to_owned(), json!(text));
            }
        }
        (Some(place), None) => {
            rows.remove(place);
        }
        (None, Some(text)) => {
            let primary = !mobile || rows.is_empty();
            if primary {
                for row in rows.iter_mut().filter_map(Json::as_object_mut) {
                    row.insert("primary".to_owned(), json!(false));
                }
            }
            rows.push(json!({ "value": text, "primary": primary, "label": label }));
        }
        (None, None) => {}
    }
    Json::Array(rows)
}

/// Returns an address with one part replaced; the whole text is made of its parts.
fn address(before: Option<&Json>, part: &str, value: Json) -> Json {
    let mut parts = before.and_then(Json::as_object).cloned().unwrap_or_default();
    parts.insert(part.to_owned(), value);
    let known = ["route", "postal_code", "locality", "admin_area_level_1", "country"];
    let words: Vec<&str> = known.iter().filter_map(|name| parts.get(*name)?.as_str()).collect();
    if words.is_empty() {
        return Json::Null;
    }
    let whole = json!(words.join(", "));
    parts.insert("value".to_owned(), whole);
    parts.remove("formatted_address");
    Json::Object(parts)
}

/// Writes seconds as `HH:MM:SS`.
fn clock(json: &Json) -> Json {
    let seconds: Option<u64> = json.as_str().and_then(|text| text.parse().ok());
    let text = |s: u64| format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60);
    json!(seconds.map(text))
}

fn put_name(
    table: &Table,
    changes: &Patch,
    create: bool,
    held: &Object,
    (body, customs): (&mut Object, &mut Map<String, Json>),
) {
    let named = [Field::FIRST_NAME, Field::LAST_NAME];
    let is_person = table.rule(Field::FIRST_NAME).is_some();
    if !is_person || (!create && !named.iter().any(|field| changes.contains(*field))) {
        return;
    }
    let (first, last) = table.names(held);
    let part = |field: Field, before: Option<&str>| {
        let change = changes.iter().find(|(known, _)| *known == field);
        let text = match change {
            Some((_, value)) => value.and_then(Value::as_str),
            None => before,
        };
        text.unwrap_or_default().to_owned()
    };
    let (first, last) = (part(Field::FIRST_NAME, first), part(Field::LAST_NAME, last));
    let mut row = held.clone();
    row.extend(body.clone());
    body.insert("name".to_owned(), json!(joined(&first, &last, &row)));
    if let Some(code) = table.codes.get(NAME_LABEL) {
        customs.insert(code.clone(), json!(format!("{first}{NAME_SPLIT}{last}")));
    }
}

fn put_type(
    table: &Table,
    field: Field,
    value: Option<&Value>,
    create: bool,
    held: &Object,
    body: &mut Object,
) -> Result<()> {
    let form = value.and_then(Value::as_str);
    let known =
        table.mappings.iter().find(|known| known.variant.is_some() && known.variant == form);
    let Some(known) = known else {
        return Err(refusal(field, "Pipedrive has no such type of activity"));
    };
    if create {
        for (name, value) in known.fixed {
            body.insert((*name).to_owned(), json!(value));
        }
        return Ok(());
    }
    if table.mapping_of(held).variant == known.variant {
        return Ok(());
    }
    Err(refusal(field, "an activity stays what it is"))
}

fn put_people(
    remote: &str,
    field: Field,
    changes: &Patch,
    held: &Object,
    body: &mut Object,
) -> Result<()> {
    let id = |value: &Value| match value.as_reference() {
        Some(Ref::Remote(_, id)) => Ok(id.as_str().to_owned()),
        Some(Ref::Entity(_)) | None => {
            Err(refusal(field, format!("`{field}` does not name a record of Pipedrive")))
        }
    };
    let (come, go) = changes.members(field);
    let come: Vec<String> = come.into_iter().map(id).collect::<Result<_>>()?;
    let go: Vec<String> = go.into_iter().map(id).collect::<Result<_>>()?;
    let cleared = changes.iter().any(|(known, value)| known == field && value.is_none());
    let stays = people(held).into_iter().filter(|id| !go.contains(id) && !come.contains(id));
    let stays: Vec<String> = stays.collect();
    let to_number = |id: &String| json!(id.parse::<u64>().ok());
    if remote == "participants" {
        let all = stays.iter().chain(&come).enumerate();
        let row = |(place, id)| json!({ "person_id": to_number(id), "primary": place == 0 });
        let rows: Vec<Json> = all.map(row).collect();
        body.insert(remote.to_owned(), json!(rows));
        return Ok(());
    }
    let kept = stays.first().filter(|_| !cleared);
    let one = come.first().or(kept).map_or(Json::Null, to_number);
    body.insert(remote.to_owned(), one);
    Ok(())
}

fn put_stage(
    metadata: &Metadata,
    changes: &Patch,
    value: Option<&Value>,
    held: &Object,
    body: &mut Object,
) -> Result<()> {
    let Some(ours) = value.and_then(Value::as_str) else {
        return Err(refusal(Field::STAGE, "every deal of Pipedrive has a stage"));
    };
    let present = held.get("pipeline_id").and_then(number);
    let status = held.get("status").and_then(Json::as_str);
    let stage = match status {
        Some(end) if end == WON || end == LOST => Some(end.to_owned()),
        Some(_) | None => held.get("stage_id").and_then(number),
    };
    let wanted = changes.iter().find(|(field, _)| *field == Field::PIPELINE);
    let wanted = wanted.and_then(|(_, value)| value).and_then(Value::as_str);
    let moves = wanted.is_some_and(|wanted| present.as_deref() != Some(wanted));
    let pipeline = wanted.or(present.as_deref());
    let is_ours = stage.and_then(|id| metadata.stage(pipeline, &id)?.ours.clone());
    if !moves && is_ours.as_deref() == Some(ours) {
        return Ok(());
    }
    let Some(stage) = metadata.stage_for(pipeline, ours) else {
        let pipeline = pipeline.unwrap_or("the first one");
        let message = format!("no stage of the pipeline {pipeline} stands for `{ours}`");
        return Err(refusal(Field::STAGE, message));
    };
    if &*stage.id == WON || &*stage.id == LOST {
        body.insert("status".to_owned(), json!(stage.id));
    } else {
        body.insert("stage_id".to_owned(), json!(stage.id.parse::<u64>().ok()));
        if status.is_some_and(|status| status != "open") {
            body.insert("status".to_owned(), json!("open"));
        }
    }
    Ok(())
}

fn refusal(field: Field, message: impl Into<String>) -> ProviderError {
    let kind = ErrorKind::Validation { field: Some(field) };
    ProviderError::new(kind, message).with_operation(Operation::Apply)
}
