//! From a write to what Salesflare takes: nested rows with what is in them already, users, stages
//! and currencies by number. What cannot be said there is refused before anything is sent.

use std::collections::BTreeMap;

use crm_core::{
    Action, ErrorKind, Field, Operation, Patch, ProviderError, Ref, Result, Value, Wire, Write,
    mapping,
};
use serde_json::{Map, Value as Json, json};

use crate::Salesflare;
use crate::table::Table;
use crate::wire::{Object, nested_id, signed};

/// Rows by id, as they are at the moment.
pub(crate) type Present = BTreeMap<String, Object>;

/// The members of rows that an address and a position have.
const ADDRESS: [&str; 6] = ["id", "street", "city", "zip", "state_region", "country"];
const POSITION: [&str; 3] = ["id", "organisation", "role"];

impl Salesflare {
    /// Reads the records that a change cannot be written for without knowing what they hold.
    pub(crate) async fn present(&self, table: &Table, writes: &[&Write]) -> Result<Present> {
        let asked = writes.iter().filter_map(|write| match &write.action {
            Action::Update { id, patch, .. } => {
                let needs = |(field, _): (Field, _)| needs_present(table, field);
                patch.iter().any(needs).then_some(id.as_str())
            }
            Action::Create { .. } | Action::Delete { .. } => None,
        });
        let ids: Vec<&str> = asked.filter(|id| Table::is_id(id)).collect();
        let rows = self.rows(table, Operation::Apply, &ids).await?;
        let id = |row: Object| Some((crate::wire::id_of(&row)?.to_string(), row));
        Ok(rows.into_iter().filter_map(id).collect())
    }

    /// Translates a write into the members of its body.
    pub(crate) async fn plan(
        &self,
        table: &Table,
        write: &Write,
        present: &Present,
    ) -> Result<Map<String, Json>> {
        let empty = Object::new();
        let (mut flat, changes, row) = match &write.action {
            Action::Create { fields, uid } => {
                let mut flat = mapping::encode_fields(table.mapping, fields);
                if let Some(name) = table.mapping.uid.filter(|name| name.contains('.')) {
                    flat.insert(name.to_owned(), json!(uid.as_str()));
                }
                if let Some(text) = flat.get("description").and_then(Json::as_str)
                    && table.mapping.uid == Some("description")
                {
                    flat.insert("description".to_owned(), json!(signed(text, uid)));
                }
                let all = fields.iter().map(|(field, value)| (field, Some(value.clone())));
                (flat, all.collect::<Patch>(), &empty)
            }
            Action::Update { id, patch, .. } => {
                let row = present.get(id.as_str()).unwrap_or(&empty);
                let mut flat = mapping::encode(table.mapping, patch);
                if let Some(text) = flat.get("description").and_then(Json::as_str)
                    && table.mapping.uid == Some("description")
                    && let Some(uid) = table.uid(row)
                {
                    flat.insert("description".to_owned(), json!(signed(text, &uid)));
                }
                (flat, patch.clone(), row)
            }
            Action::Delete { .. } => return Ok(Map::new()),
        };
        let is_new = matches!(write.action, Action::Create { .. });
        for (field, value) in changes.iter() {
            self.translate(table, &mut flat, (field, value), row, is_new).await?;
        }
        numbers(table, &mut flat)?;
        Ok(nested(flat, row))
    }

    async fn translate(
        &self,
        table: &Table,
        flat: &mut Map<String, Json>,
        (field, value): (Field, Option<&Value>),
        row: &Object,
        is_new: bool,
    ) -> Result<()> {
        let Some(rule) = table.mapping.rule(field) else { return Ok(()) };
        let text = value.and_then(Value::as_str);
        let member = match rule.wire {
            Wire::Variant if text == table.mapping.variant => return Ok(()),
            Wire::Variant => return Err(refusal(field, "a task stays a task".to_owned())),
            Wire::Owner => {
                let id = match text {
                    Some(email) => Some(self.owner_id(email).await?),
                    None => None,
                };
                owner(rule.remote, id, row)
            }
            Wire::Stage => match stage(table, text, row)? {
                Some(id) => json!(id),
                None => return Ok(()),
            },
            Wire::Related => {
                let id = value.and_then(|value| value.members().first()).map(|member| {
                    remote_id(member)
                        .ok_or_else(|| refusal(field, format!("`{field}` names no record")))
                });
                json!(id.transpose()?)
            }
            Wire::Text if field == Field::CURRENCY => {
                flat.remove(rule.remote);
                match self.currency(text.unwrap_or_default(), row, is_new).await? {
                    Some(id) => json!(id),
                    None => return Ok(()),
                }
            }
            Wire::Text
            | Wire::Number
            | Wire::NumberText
            | Wire::Bool
            | Wire::BoolText
            | Wire::Date
            | Wire::Instant
            | Wire::Choice(_)
            | Wire::Day
            | Wire::Id => return Ok(()),
        };
        flat.insert(rule.remote.to_owned(), member);
        Ok(())
    }

    /// Returns the number of a new opportunity's currency; `None` if the record has it already.
    async fn currency(&self, code: &str, row: &Object, is_new: bool) -> Result<Option<i64>> {
        let held = row.get("currency").and_then(|held| held.get("iso")?.as_str());
        if held.is_some_and(|held| held.eq_ignore_ascii_case(code)) {
            return Ok(None);
        }
        if !is_new {
            let message = "Salesflare cannot change the currency of an opportunity";
            return Err(refusal(Field::CURRENCY, message.to_owned()));
        }
        let known = self.with_currencies().await?;
        let id = known.get(&code.to_uppercase()).copied();
        let message = || format!("Salesflare does not know the currency {code}");
        Ok(Some(id.ok_or_else(|| refusal(Field::CURRENCY, message()))?))
    }
}

/// Returns whether a change of a field needs to know what the record holds.
fn needs_present(table: &Table, field: Field) -> bool {
    let rule = table.mapping.rule(field);
    rule.is_some_and(|rule| {
        let list = rule.remote == "assignees" || rule.remote == "currency";
        let signed = table.mapping.uid == Some(rule.remote);
        rule.remote.contains('.') || rule.wire == Wire::Stage || list || signed
    })
}

/// Returns the owner's member: of the users of a task the first one is replaced, the others stay.
fn owner(remote: &str, id: Option<i64>, row: &Object) -> Json {
    if remote != "assignees" {
        return json!(id);
    }
    let held = row.get(remote).and_then(Json::as_array).into_iter().flatten();
    let others = held.skip(1).filter_map(|user| user.get("id")?.as_i64());
    let others = others.filter(|other| Some(*other) != id);
    json!(id.into_iter().chain(others).collect::<Vec<i64>>())
}

/// Returns the stage to write; `None` if the record is in one already that stands for ours.
fn stage(table: &Table, ours: Option<&str>, row: &Object) -> Result<Option<u64>> {
    let Some(ours) = ours else {
        return Err(refusal(Field::STAGE, "an opportunity is always in a stage".to_owned()));
    };
    let pipeline = row.get("pipeline").and_then(nested_id);
    let held = row.get("stage").and_then(nested_id);
    let held = held.and_then(|id| table.metadata.stage(pipeline.as_deref(), &id));
    if held.is_some_and(|held| held.ours.as_deref() == Some(ours)) {
        return Ok(None);
    }
    let stage = table.metadata.stage_for(pipeline.as_deref(), ours);
    let id = stage.and_then(|stage| stage.id.parse().ok()).ok_or_else(|| {
        let pipeline = pipeline.as_deref().unwrap_or("that is the first");
        let message = format!("no stage of the pipeline {pipeline} stands for `{ours}`");
        refusal(Field::STAGE, message)
    })?;
    Ok(Some(id))
}

fn remote_id(value: &Value) -> Option<u64> {
    match value.as_reference() {
        Some(Ref::Remote(_, id)) => id.as_str().parse().ok(),
        Some(Ref::Entity(_)) | None => None,
    }
}

/// Writes ids as the numbers that they are, and whether a task is done as a boolean.
fn numbers(table: &Table, flat: &mut Map<String, Json>) -> Result<()> {
    for rule in table.mapping.rules {
        let Some(text) = flat.get(rule.remote).and_then(Json::as_str) else { continue };
        let member = match rule.wire {
            Wire::Id => {
                let message = || format!("`{}` names no record of Salesflare", rule.field);
                let id = text.parse::<u64>().ok();
                json!(id.ok_or_else(|| refusal(rule.field, message()))?)
            }
            Wire::Choice(_) => json!(text == "true"),
            Wire::Text
            | Wire::Number
            | Wire::NumberText
            | Wire::Bool
            | Wire::BoolText
            | Wire::Date
            | Wire::Instant
            | Wire::Day
            | Wire::Related
            | Wire::Variant
            | Wire::Owner
            | Wire::Stage => continue,
        };
        flat.insert(rule.remote.to_owned(), member);
    }
    Ok(())
}

/// Puts dotted names into nested rows. What such a row holds is sent along, since nothing says
/// whether it would stay otherwise.
fn nested(flat: Map<String, Json>, row: &Object) -> Map<String, Json> {
    let mut members = Map::new();
    for (name, value) in flat {
        let Some((group, name)) = name.split_once('.') else {
            members.insert(name, value);
            continue;
        };
        let held = || match group {
            "address" => row_of(row.get("addresses"), &ADDRESS),
            "position" => row_of(row.get("positions"), &POSITION),
            _ => customs(row.get(group)),
        };
        let inner = members.entry(group.to_owned()).or_insert_with(|| Json::Object(held()));
        if let Some(inner) = inner.as_object_mut() {
            inner.insert(name.to_owned(), value);
        }
    }
    members
}

fn row_of(rows: Option<&Json>, names: &[&str]) -> Map<String, Json> {
    let first = rows.and_then(|rows| rows.get(0)).and_then(Json::as_object);
    let held = first
        .into_iter()
        .flatten()
        .filter(|(name, value)| names.contains(&name.as_str()) && !value.is_null());
    held.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Returns the values of the account's own fields as they are written: of a choice its number.
fn customs(held: Option<&Json>) -> Map<String, Json> {
    let number = |value: &Json| value.get("id").cloned().unwrap_or_else(|| value.clone());
    let written = |value: &Json| match value.as_array() {
        Some(several) => several.iter().map(number).collect(),
        None => number(value),
    };
    let held = held.and_then(Json::as_object).into_iter().flatten();
    held.map(|(name, value)| (name.clone(), written(value))).collect()
}

fn refusal(field: Field, message: String) -> ProviderError {
    let kind = ErrorKind::Validation { field: Some(field) };
    ProviderError::new(kind, message).with_operation(Operation::Apply)
}
