//! What a write asks for, checked as strictly as version 2 does.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use serde_json::{Map, Value, json};

use super::Pipedrive;
use super::fail::Fail;
use super::kind::{Kind, Set, Shape};
use super::office::{CURRENCIES, SELF, TYPES};
use crate::world::World;

/// Values by column: the vendor's names, and the codes of the company's fields.
pub(super) type Asked = BTreeMap<String, Value>;

/// Whether a write makes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Create,
    Update,
}

const ADDRESS: [&str; 11] = [
    "value",
    "country",
    "admin_area_level_1",
    "admin_area_level_2",
    "locality",
    "sublocality",
    "route",
    "street_number",
    "subpremise",
    "postal_code",
    "formatted_address",
];
/// What only companies with Contact Sync may set.
const SYNCED: [&str; 5] = ["notes", "im", "birthday", "job_title", "postal_address"];

impl Pipedrive {
    /// Checks the members of a write. What the vendor does not know is not looked at.
    pub(super) fn check(
        &self,
        world: &World,
        kind: &'static Kind,
        body: &Map<String, Value>,
        deed: Deed,
    ) -> Result<Asked, Fail> {
        let mut asked = Asked::new();
        for (name, value) in body {
            if kind.plural == "persons" && SYNCED.contains(&name.as_str()) {
                return Err(Fail::new(403, format!("{name} needs Contact Sync")));
            }
            if name == "custom_fields" && kind.has_custom_fields {
                self.check_customs(kind, value, &mut asked)?;
                continue;
            }
            let Some(member) = kind.member(name) else { continue };
            match member.set {
                Set::Never => continue,
                Set::Always => {}
            }
            self.check_shape(world, name, member.shape, value)?;
            asked.insert(name.clone(), value.clone());
        }
        if deed == Deed::Update && asked.is_empty() {
            return Err(Fail::invalid("Please provide at least one field to update"));
        }
        let lacks = |name: &str| !asked.get(name).is_some_and(Value::is_string);
        if let Some(name) = kind.needs.filter(|name| deed == Deed::Create && lacks(name)) {
            return Err(Fail::invalid(format!("{name}: Required")));
        }
        Ok(asked)
    }

    fn check_customs(&self, kind: &Kind, value: &Value, asked: &mut Asked) -> Result<(), Fail> {
        let Some(members) = value.as_object() else {
            return Err(Fail::invalid("custom_fields: Expected object"));
        };
        for (code, value) in members {
            let Some(custom) = self.office.custom(kind, code) else {
                return Err(Fail::invalid(format!("custom_fields.{code}: Unknown field")));
            };
            let known =
                |id: &Value| custom.options.iter().any(|(known, _)| id.as_u64() == Some(*known));
            let fits = value.is_null()
                || match custom.ty.as_str() {
                    "double" => value.is_number(),
                    "enum" => known(value),
                    "set" => {
                        value.as_array().is_some_and(|ids| !ids.is_empty() && ids.iter().all(known))
                    }
                    "text" => value.is_string(),
                    _ => value.as_str().is_some_and(|text| text.chars().count() <= 255),
                };
            if !fits {
                return Err(Fail::invalid(format!("custom_fields.{code}: Invalid value")));
            }
            asked.insert(code.clone(), value.clone());
        }
        Ok(())
    }

    fn check_shape(
        &self,
        world: &World,
        name: &str,
        shape: Shape,
        value: &Value,
    ) -> Result<(), Fail> {
        if value.is_null() {
            return match shape {
                Shape::User | Shape::Status | Shape::Stage | Shape::Pipeline | Shape::Currency => {
                    Err(Fail::invalid(format!("{name}: Expected a value, received null")))
                }
                Shape::Text
                | Shape::Long
                | Shape::Integer
                | Shape::Number
                | Shape::Bool
                | Shape::Date
                | Shape::Clock
                | Shape::Stamp
                | Shape::Ref(_)
                | Shape::Lines
                | Shape::Address
                | Shape::Participants
                | Shape::Numbers
                | Shape::ActivityType => Ok(()),
            };
        }
        let text = value.as_str();
        let number = value.as_u64();
        let fits = match shape {
            Shape::Text => text.is_some_and(|text| text.chars().count() <= 255),
            Shape::Long => text.is_some(),
            Shape::Integer => value.is_i64() || value.is_u64(),
            Shape::Number => value.is_number(),
            Shape::Bool => value.is_boolean(),
            Shape::Date => text.is_some_and(|text| text.parse::<Date>().is_ok()),
            Shape::Clock => text.is_some_and(is_clock),
            Shape::Stamp => text.is_some_and(is_stamp),
            Shape::User => number.is_some_and(|id| self.office.may_own(id)),
            Shape::Ref(kind) => number.is_some_and(|id| is_live(world, kind, id)),
            Shape::Lines => value.as_array().is_some_and(|lines| {
                lines.iter().all(|line| line.get("value").is_some_and(Value::is_string))
            }),
            Shape::Address => value.get("value").is_some_and(Value::is_string),
            Shape::Participants => value.as_array().is_some_and(|rows| {
                let id = |row: &Value| row.get("person_id").and_then(Value::as_u64);
                rows.iter().all(|row| id(row).is_some_and(|id| is_live(world, "persons", id)))
            }),
            Shape::Numbers => {
                value.as_array().is_some_and(|ids| ids.iter().all(|id| id.as_u64().is_some()))
            }
            Shape::Status => text.is_some_and(|text| matches!(text, "open" | "won" | "lost")),
            Shape::Stage => number.is_some_and(|id| self.office.pipeline_of(id).is_some()),
            Shape::Pipeline => {
                number.is_some_and(|id| self.office.pipelines.iter().any(|row| row.0 == id))
            }
            Shape::Currency => text.is_some_and(|text| CURRENCIES.contains(&text)),
            Shape::ActivityType => {
                text.is_some_and(|text| TYPES.iter().any(|known| known.0 == text))
            }
        };
        if fits { Ok(()) } else { Err(Fail::invalid(format!("{name}: Invalid value"))) }
    }

    /// Completes what a write asks for by what follows from it.
    pub(super) fn derive(
        &self,
        kind: &Kind,
        asked: &mut Asked,
        held: &Asked,
        deed: Deed,
        now: &str,
    ) {
        let create = deed == Deed::Create;
        if create {
            asked.entry("owner_id".to_owned()).or_insert(json!(SELF));
        }
        for (name, shape) in kind.members.iter().map(|member| (member.name, member.shape)) {
            let Some(value) = asked.get_mut(name) else { continue };
            if shape == Shape::Lines {
                *value = lines(value);
            } else if shape == Shape::Address {
                *value = address(value);
            } else if shape == Shape::Participants {
                let rows = participants(value);
                let first = rows.first().and_then(|row| row.get("person_id")).cloned();
                *value = json!(rows);
                asked.insert("person_id".to_owned(), first.unwrap_or(Value::Null));
            }
        }
        match kind.plural {
            "persons" => name_person(asked),
            "deals" => self.derive_deal(asked, held, create, now),
            "activities" if create => {
                asked.entry("type".to_owned()).or_insert(json!("call"));
                asked.entry("done".to_owned()).or_insert(json!(false));
                asked.insert("creator_user_id".to_owned(), json!(SELF));
            }
            _ => {}
        }
    }

    fn derive_deal(&self, asked: &mut Asked, held: &Asked, create: bool, now: &str) {
        if asked.get("value").is_some_and(Value::is_null) {
            asked.insert("value".to_owned(), json!(0));
        }
        let number = |asked: &Asked, name: &str| asked.get(name).and_then(Value::as_u64);
        if let Some(stage) = number(asked, "stage_id") {
            asked.insert("pipeline_id".to_owned(), json!(self.office.pipeline_of(stage)));
        } else if let Some(pipeline) = number(asked, "pipeline_id")
            && number(held, "pipeline_id") != Some(pipeline)
        {
            asked.insert("stage_id".to_owned(), json!(self.office.first_stage(pipeline)));
        }
        if create {
            let stage = self.office.first_stage(1);
            asked.entry("stage_id".to_owned()).or_insert(json!(stage));
            asked.entry("pipeline_id".to_owned()).or_insert(json!(1));
            asked.entry("value".to_owned()).or_insert(json!(0));
            asked.entry("currency".to_owned()).or_insert(json!("EUR"));
            asked.entry("status".to_owned()).or_insert(json!("open"));
            asked.entry("origin".to_owned()).or_insert(json!("API"));
            asked.entry("is_archived".to_owned()).or_insert(json!(false));
            asked.insert("creator_user_id".to_owned(), json!(SELF));
        }
        if asked.contains_key("stage_id") && asked.get("stage_id") != held.get("stage_id") {
            asked.insert("stage_change_time".to_owned(), json!(now));
        }
        let before = held.get("status").and_then(Value::as_str);
        let status = asked.get("status").and_then(Value::as_str).map(str::to_owned);
        if let Some(status) = status.filter(|status| before != Some(status)) {
            let time = |wanted: bool| if wanted { json!(now) } else { Value::Null };
            asked.insert("won_time".to_owned(), time(status == "won"));
            asked.insert("lost_time".to_owned(), time(status == "lost"));
            asked.insert("close_time".to_owned(), time(status != "open"));
        }
    }
}

/// The first word is the given name, the rest the family name; *chosen here*.
fn name_person(asked: &mut Asked) {
    let Some(name) = asked.get("name") else { return };
    let name = name.as_str().unwrap_or_default().trim();
    let (first, last) = match name.split_once(' ') {
        Some((first, last)) => (json!(first), json!(last)),
        None if name.is_empty() => (Value::Null, Value::Null),
        None => (json!(name), Value::Null),
    };
    asked.insert("first_name".to_owned(), first);
    asked.insert("last_name".to_owned(), last);
}

fn lines(value: &Value) -> Value {
    let rows = value.as_array().into_iter().flatten();
    let mut rows: Vec<Value> = rows
        .map(|row| {
            let label = row.get("label").and_then(Value::as_str).unwrap_or("work");
            let primary = row.get("primary").and_then(Value::as_bool).unwrap_or_default();
            json!({ "value": row.get("value"), "primary": primary, "label": label })
        })
        .collect();
    let is_primary = |row: &Value| row.get("primary") == Some(&json!(true));
    if !rows.iter().any(is_primary)
        && let Some(Value::Object(first)) = rows.first_mut()
    {
        first.insert("primary".to_owned(), json!(true));
    }
    json!(rows)
}

fn address(value: &Value) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    let part = |name: &&str| {
        let held = value.get(*name).cloned().unwrap_or(Value::Null);
        ((*name).to_owned(), held)
    };
    Value::Object(ADDRESS.iter().map(part).collect())
}

fn participants(value: &Value) -> Vec<Value> {
    let mut seen = Vec::new();
    for row in value.as_array().into_iter().flatten() {
        let id = row.get("person_id").and_then(Value::as_u64);
        let primary = row.get("primary").and_then(Value::as_bool).unwrap_or_default();
        if !seen.iter().any(|(known, _)| *known == id) {
            seen.push((id, primary));
        }
    }
    seen.sort_by_key(|(_, primary)| !primary);
    let row = |(place, (id, _)): (usize, (Option<u64>, bool))| json!({ "person_id": id, "primary": place == 0 });
    seen.into_iter().enumerate().map(row).collect()
}

fn is_live(world: &World, kind: &str, id: u64) -> bool {
    world.table(kind).is_some_and(|table| table.live(id).is_some())
}

fn is_clock(text: &str) -> bool {
    text.parse::<Time>().is_ok() && !text.contains('.') && !text.starts_with('T')
}

/// Fractions of a second and blanks are refused.
fn is_stamp(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}
