//! What a person does inside the CRM, and what the control interface shows. Values are texts by
//! the vendor's names; `phones.mobile` and `address.locality` are parts of a member, `stage` is a
//! stage's number, `won` or `lost`, and the company's own fields go by their labels.

use http::Method;
use serde_json::{Map, Value, json};

use super::Pipedrive;
use super::body::{Asked, Deed};
use super::desk::{Author, iso, merge_records, row, write};
use super::fail::Fail;
use super::kind::{Kind, Shape};
use super::office::{Stage, User};
use crate::fake::{Bin, Fields, Refusal, Touch};
use crate::people::Person;
use crate::world::{Record, Source, State, World};

fn kind(name: &str) -> Result<&'static Kind, Refusal> {
    Kind::named(name).ok_or_else(|| Refusal::missing(format!("pipedrive has no kind {name:?}")))
}

fn refusal(fail: Fail) -> Refusal {
    Refusal { status: fail.status, message: fail.error }
}

fn absent(kind: &Kind, id: &str) -> Refusal {
    Refusal::missing(format!("pipedrive has no record {id:?} among its {}", kind.plural))
}

fn live(world: &World, kind: &Kind, id: &str) -> Result<u64, Refusal> {
    let table = world.table(kind.plural);
    let key = id.parse().ok().filter(|key| table.is_some_and(|table| table.live(*key).is_some()));
    key.ok_or_else(|| absent(kind, id))
}

/// Deletes a record.
pub(super) fn delete(world: &mut World, name: &str, id: &str) -> Result<(), Refusal> {
    let kind = kind(name)?;
    let key = live(world, kind, id)?;
    let stamp = world.stamp(Source::User);
    world.table_mut(kind.plural).archive(key, &stamp);
    Ok(())
}

/// Returns a person's values.
pub(super) fn person(person: &Person) -> Fields {
    let pairs = [
        ("first_name", &person.first_name),
        ("last_name", &person.last_name),
        ("emails", &person.email),
        ("phones", &person.phone),
        ("Job title", &person.job_title),
        ("Street", &person.street),
        ("City", &person.city),
        ("State", &person.region),
        ("Postal code", &person.postal_code),
        ("Country", &person.country),
    ];
    let held = pairs.into_iter().filter(|pair| !pair.1.is_empty());
    held.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

impl Pipedrive {
    pub(super) fn shown_records(
        &self,
        world: &World,
        name: &str,
        bin: Bin,
    ) -> Result<Vec<Value>, Refusal> {
        let kind = kind(name)?;
        let Some(table) = world.table(kind.plural) else { return Ok(Vec::new()) };
        let row = |record: &Record| self.flat(world, kind, record);
        Ok(match bin {
            Bin::Live => table.live_after(0).map(row).collect(),
            Bin::Archived => table.archived_after(0).map(row).collect(),
        })
    }

    pub(super) fn shown_record(
        &self,
        world: &World,
        name: &str,
        id: &str,
    ) -> Result<Value, Refusal> {
        let kind = kind(name)?;
        let record = world.table(kind.plural).and_then(|table| table.get(id.parse().ok()?));
        let record = record.filter(|record| !matches!(record.state(), State::Merged { .. }));
        let record = record.ok_or_else(|| absent(kind, id))?;
        Ok(self.flat(world, kind, record))
    }

    fn flat(&self, world: &World, kind: &Kind, record: &Record) -> Value {
        let held = row(world, kind, record);
        let mut fields = Map::new();
        for (name, value) in &held {
            for (name, text) in self.texts(kind, name, value) {
                fields.insert(name, json!(text));
            }
        }
        if kind.plural == "deals" {
            let status = held.get("status").and_then(Value::as_str).unwrap_or("open");
            let stage = held.get("stage_id").map(Value::to_string).unwrap_or_default();
            let stage = if status == "open" { stage } else { status.to_owned() };
            fields.insert("stage".to_owned(), json!(stage));
        }
        json!({
            "id": record.key().to_string(),
            "modified": iso(record.modified_ms()),
            "archived": matches!(record.state(), State::Archived { .. }),
            "fields": fields,
        })
    }

    fn texts(&self, kind: &Kind, name: &str, value: &Value) -> Vec<(String, String)> {
        if let Some(custom) = self.office.custom(kind, name) {
            return vec![(custom.name.clone(), plain(value))];
        }
        match kind.member(name).map(|member| member.shape) {
            Some(Shape::Lines) => {
                let line = |mobile: bool| {
                    let rows = value.as_array()?;
                    let row = rows.iter().find(|row| (row["label"] == "mobile") == mobile)?;
                    Some(plain(&row["value"]))
                };
                let usual = line(false).map(|text| (name.to_owned(), text));
                let mobile = line(true).map(|text| (format!("{name}.mobile"), text));
                usual.into_iter().chain(mobile).collect()
            }
            Some(Shape::Address) => {
                let parts = value.as_object().into_iter().flatten();
                parts.map(|(part, value)| (format!("{name}.{part}"), plain(value))).collect()
            }
            Some(Shape::Number) if name == "value" && value.as_f64() == Some(0.0) => Vec::new(),
            Some(_) | None => vec![(name.to_owned(), plain(value))],
        }
    }

    /// Puts what a user enters into the form of the API; the names of a person are apart.
    fn entered(&self, kind: &Kind, fields: &Fields, held: &Asked) -> Map<String, Value> {
        let mut body = Map::new();
        let mut customs = Map::new();
        for (name, value) in fields {
            let text = plain(value);
            let blank = text.is_empty();
            if let Some(custom) = self.office.custom_named(kind, name) {
                let value = if blank { Value::Null } else { json!(text) };
                customs.insert(custom.code.clone(), value);
                continue;
            }
            let (whole, part) = name.split_once('.').unwrap_or((name, ""));
            let shape = kind.member(whole).map(|member| member.shape);
            let before = body.get(whole).or_else(|| held.get(whole)).cloned().unwrap_or_default();
            let value = match shape {
                _ if name == "stage" => {
                    let open = text.parse::<u64>().ok();
                    if let Some(stage) = open {
                        body.insert("stage_id".to_owned(), json!(stage));
                    }
                    let status = if open.is_some() { "open" } else { &text };
                    body.insert("status".to_owned(), json!(status));
                    continue;
                }
                Some(Shape::Lines) => line(&before, part, &text),
                Some(Shape::Address) => address(&before, part, &text),
                Some(Shape::Date) if text.contains('T') => {
                    let (day, time) = text.split_once('T').unwrap_or_default();
                    body.insert("due_time".to_owned(), json!(time.get(..8)));
                    json!(day)
                }
                Some(Shape::Clock) if !blank && !text.contains(':') => {
                    let seconds = text.parse::<u64>().unwrap_or_default();
                    let (minutes, rest) = (seconds / 60, seconds % 60);
                    json!(format!("{:02}:{:02}:{rest:02}", minutes / 60, minutes % 60))
                }
                _ if blank => Value::Null,
                Some(
                    Shape::Text
                    | Shape::Long
                    | Shape::Status
                    | Shape::Currency
                    | Shape::ActivityType
                    | Shape::Date
                    | Shape::Clock
                    | Shape::Stamp,
                )
                | None => json!(text),
                Some(_) => serde_json::from_str(&text).unwrap_or_else(|_| json!(text)),
            };
            body.insert(whole.to_owned(), value);
        }
        if !customs.is_empty() {
            body.insert("custom_fields".to_owned(), Value::Object(customs));
        }
        body
    }

    /// Sets the two names that a user can enter apart.
    fn names(world: &mut World, kind: &'static Kind, key: u64, fields: &Fields) {
        let parts = ["first_name", "last_name"];
        if kind.plural != "persons" || !parts.iter().any(|name| fields.contains_key(*name)) {
            return;
        }
        let table = world.table(kind.plural);
        let held = table.and_then(|table| Some(row(world, kind, table.get(key)?)));
        let held = held.unwrap_or_default();
        let mut asked = Asked::new();
        for name in parts {
            let value = fields.get(name).or_else(|| held.get(name)).cloned();
            asked.insert(name.to_owned(), value.filter(|v| v != "").unwrap_or_default());
        }
        let words = parts.iter().filter_map(|name| asked.get(*name)?.as_str());
        let name = words.collect::<Vec<_>>().join(" ");
        asked.insert("name".to_owned(), json!(name));
        write(world, kind, key, &asked, Author::User);
    }

    pub(super) fn user_create(
        &self,
        world: &mut World,
        name: &str,
        fields: &Fields,
    ) -> Result<String, Refusal> {
        let kind = kind(name)?;
        let body = self.entered(kind, fields, &Asked::new());
        let key = self.create_record(world, kind, &body, Author::User).map_err(refusal)?;
        Self::names(world, kind, key, fields);
        Ok(key.to_string())
    }

    pub(super) fn user_patch(
        &self,
        world: &mut World,
        name: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        let kind = kind(name)?;
        let key = live(world, kind, id)?;
        let table = world.table(kind.plural);
        let held = table.and_then(|table| Some(row(world, kind, table.get(key)?)));
        let body = self.entered(kind, fields, &held.unwrap_or_default());
        let names = fields.contains_key("first_name") || fields.contains_key("last_name");
        match self.check(world, kind, &body, Deed::Update) {
            Ok(_) => self.change_record(world, kind, key, &body, Author::User).map_err(refusal)?,
            // The names alone are no member of the API.
            Err(_) if names && body.keys().all(|name| name.ends_with("_name")) => {}
            Err(fail) => return Err(refusal(fail)),
        }
        Self::names(world, kind, key, fields);
        Ok(())
    }

    pub(super) fn user_merge(
        world: &mut World,
        name: &str,
        winner: &str,
        loser: &str,
    ) -> Result<String, Refusal> {
        let kind = kind(name)?;
        let (winner, loser) = (live(world, kind, winner)?, live(world, kind, loser)?);
        let done = merge_records(world, kind, winner, loser, Author::User);
        done.map(|()| winner.to_string()).map_err(refusal)
    }

    pub(super) fn user_touch(&self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        let kind = kind(&touch.kind)?;
        let keys: Vec<u64> = match &touch.ids {
            None => {
                let table = world.table_mut(kind.plural);
                table.live_after(0).map(Record::key).collect()
            }
            Some(ids) => ids.iter().map(|id| live(world, kind, id)).collect::<Result<_, _>>()?,
        };
        let mut count = 0;
        for key in keys {
            if !touch.fields.is_empty() {
                self.user_patch(world, &touch.kind, &key.to_string(), &touch.fields)?;
            }
            let at_ms = touch.at_ms.unwrap_or_else(|| world.now_ms());
            // Stamps have whole seconds.
            let at_ms = at_ms - at_ms.rem_euclid(1_000);
            world.table_mut(kind.plural).touch(key, at_ms);
            count += 1;
        }
        Ok(count)
    }

    pub(super) fn pull(
        &mut self,
        method: &Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| {
            let value = body.get(name).and_then(Value::as_u64);
            value.ok_or_else(|| Refusal::invalid(format!("{name} must be a whole number")))
        };
        match (method.as_str(), path) {
            ("GET", ["owners"]) => Ok(Some(self.office.users_json())),
            ("POST", ["owners"]) => {
                let (name, email) = (text("name").to_owned(), text("email").to_owned());
                let id = number("id")?;
                self.office.users.retain(|user| user.id != id);
                self.office.users.push(User { id, name, email, active: true });
                Ok(Some(json!({ "id": id })))
            }
            ("DELETE", ["owners", id]) => {
                let user = self.office.users.iter_mut().find(|user| user.id.to_string() == *id);
                user.map(|user| user.active = false)
                    .map(|()| None)
                    .ok_or_else(|| Refusal::missing(format!("pipedrive has no user {id}")))
            }
            ("POST", ["pipelines"]) => {
                let id = number("id")?;
                self.office.pipelines.push((id, text("name").to_owned()));
                Ok(Some(json!({ "id": id })))
            }
            ("POST", ["stages"]) => {
                let (id, pipeline) = (number("id")?, number("pipeline_id")?);
                self.office.stages.push(Stage { id, name: text("name").to_owned(), pipeline });
                Ok(Some(json!({ "id": id })))
            }
            _ => Err(Refusal::missing(format!("pipedrive has no lever {}", path.join("/")))),
        }
    }
}

/// Returns a value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Replaces one line of a list of addresses or numbers; the others stay.
fn line(before: &Value, part: &str, text: &str) -> Value {
    let mobile = part == "mobile";
    let rows = before.as_array().cloned().unwrap_or_default();
    let (mut same, other): (Vec<Value>, Vec<Value>) =
        rows.into_iter().partition(|row| (row["label"] == "mobile") == mobile);
    if !same.is_empty() {
        same.remove(0);
    }
    if !text.is_empty() {
        let label = if mobile { "mobile" } else { "work" };
        same.insert(0, json!({ "value": text, "primary": !mobile, "label": label }));
    }
    let (first, second) = if mobile { (other, same) } else { (same, other) };
    json!(first.into_iter().chain(second).collect::<Vec<_>>())
}

fn address(before: &Value, part: &str, text: &str) -> Value {
    let mut whole = before.as_object().cloned().unwrap_or_default();
    let value = if text.is_empty() { Value::Null } else { json!(text) };
    whole.insert(part.to_owned(), value);
    let known = ["route", "locality", "country"];
    let words: Vec<&str> = known.iter().filter_map(|name| whole.get(*name)?.as_str()).collect();
    let value = json!(words.join(", "));
    whole.insert("value".to_owned(), value);
    Value::Object(whole)
}
