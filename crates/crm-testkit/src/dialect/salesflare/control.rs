//! What a person does inside the CRM, and what the control interface shows.

use serde_json::{Map, Value, json};

use super::Salesflare;
use super::body::Flat;
use super::desk::Desk;
use super::fail::Fail;
use super::kind::{Kind, Type};
use super::render::View;
use super::time::{self, iso};
use crate::fake::{Bin, Fields, Refusal, Touch};
use crate::people::Person;
use crate::world::{Record, Source, State, World};

/// Returns the kind of a name.
pub(super) fn kind(name: &str) -> Result<&'static Kind, Refusal> {
    Kind::named(name).ok_or_else(|| Refusal::missing(format!("salesflare has no kind {name:?}")))
}

/// Returns a vendor's refusal as the control interface words it.
fn refusal(fail: Fail) -> Refusal {
    Refusal { status: fail.status, message: fail.message.into() }
}

/// Returns a person's values by column.
pub(super) fn person(person: &Person) -> Fields {
    let pairs = [
        ("firstname", &person.first_name),
        ("lastname", &person.last_name),
        ("email", &person.email),
        ("phone_number", &person.phone),
        ("position.organisation", &person.company),
        ("position.role", &person.job_title),
        ("address.street", &person.street),
        ("address.city", &person.city),
        ("address.state_region", &person.region),
        ("address.zip", &person.postal_code),
        ("address.country", &person.country),
    ];
    let held = pairs.into_iter().filter(|pair| !pair.1.is_empty());
    held.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

/// Lists records.
pub(super) fn records(world: &World, name: &str, bin: Bin) -> Result<Vec<Value>, Refusal> {
    let kind = kind(name)?;
    let Some(table) = world.table(kind.name) else { return Ok(Vec::new()) };
    let row = |record: &Record| shown(world, kind, record);
    Ok(match bin {
        Bin::Live => table.live_after(0).map(row).collect(),
        Bin::Archived => table.archived_after(0).map(row).collect(),
    })
}

/// Shows one record.
pub(super) fn record(world: &World, name: &str, id: &str) -> Result<Value, Refusal> {
    let kind = kind(name)?;
    let found = world.table(kind.name).and_then(|table| table.get(id.parse().ok()?));
    let found = found.filter(|record| !matches!(record.state(), State::Merged { .. }));
    found.map(|record| shown(world, kind, record)).ok_or_else(|| absent(kind, id))
}

fn shown(world: &World, kind: &Kind, record: &Record) -> Value {
    let columns = world.table(kind.name).map(crate::world::Table::columns);
    let values = record.row().iter();
    let fields: Map<String, Value> = values
        .filter_map(|(column, value)| Some((columns?.name(column).to_owned(), json!(value))))
        .collect();
    json!({
        "id": record.key().to_string(),
        "modified": iso(record.modified_ms()),
        "archived": matches!(record.state(), State::Archived { .. }),
        "fields": fields,
    })
}

fn absent(kind: &Kind, id: &str) -> Refusal {
    Refusal::missing(format!("salesflare has no {} {id:?}", kind.name))
}

/// Reads what a person enters, by column.
fn flat(kind: &Kind, fields: &Fields) -> Flat {
    let value = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Some(value.to_string())
            }
        };
        let ty = kind.member(name).map(|member| member.ty);
        let text = text.map(|text| match ty {
            Some(Type::Email) => text.trim().to_lowercase(),
            Some(Type::Instant) => time::parse(&text).map_or(text, iso),
            _ => text,
        });
        (name.clone(), text)
    };
    fields.iter().map(value).collect()
}

impl Salesflare {
    fn user_desk<'a>(&'a mut self, world: &'a mut World) -> Desk<'a> {
        Desk { world, office: &mut self.office, source: Source::User }
    }

    /// Makes a record as a user would.
    pub(super) fn user_create(
        &mut self,
        world: &mut World,
        name: &str,
        fields: &Fields,
    ) -> Result<String, Refusal> {
        let kind = kind(name)?;
        let mut flat = flat(kind, fields);
        let me = self.office.me().map(|user| user.id.to_string());
        let usual: &[&str] = match kind.name {
            "tasks" => &["assignees"],
            "opportunities" => &["owner", "assignee", "creator"],
            _ => &["owner"],
        };
        for name in usual {
            flat.entry((*name).to_owned()).or_insert_with(|| me.clone());
        }
        if kind.name == "opportunities" {
            let stage = self.office.stages.first().map(|stage| stage.id.to_string());
            flat.entry("stage".to_owned()).or_insert(stage);
        }
        Ok(self.user_desk(world).make(kind, flat).to_string())
    }

    /// Changes a record as a user would.
    pub(super) fn user_patch(
        &mut self,
        world: &mut World,
        name: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        let kind = kind(name)?;
        let mut desk = self.user_desk(world);
        let key = desk.live(kind, id).map_err(refusal)?;
        desk.write(kind, key, flat(kind, fields));
        Ok(())
    }

    /// Deletes a record as a user would.
    pub(super) fn user_delete(
        &mut self,
        world: &mut World,
        name: &str,
        id: &str,
    ) -> Result<(), Refusal> {
        let kind = kind(name)?;
        self.user_desk(world).delete(kind, id).map_err(refusal)
    }

    /// Merges two records as a user would.
    pub(super) fn user_merge(
        &mut self,
        world: &mut World,
        name: &str,
        (winner, loser): (&str, &str),
    ) -> Result<String, Refusal> {
        let kind = kind(name)?;
        if !kind.merges || winner == loser {
            return Err(Refusal::invalid(format!("{name} cannot be merged like that")));
        }
        self.user_desk(world).merge(kind, winner, loser).map_err(refusal)?;
        Ok(winner.to_owned())
    }

    /// Changes many records at once.
    pub(super) fn user_touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        let kind = kind(&touch.kind)?;
        let all = world.table_mut(kind.name).live_after(0).map(|r| r.key().to_string());
        let ids: Vec<String> = touch.ids.clone().unwrap_or_else(|| all.collect());
        let mut count = 0;
        for id in ids {
            let mut desk = self.user_desk(world);
            let key = desk.live(kind, &id).map_err(|_none| absent(kind, &id))?;
            if !touch.fields.is_empty() {
                desk.write(kind, key, flat(kind, &touch.fields));
            }
            let at_ms = touch.at_ms.unwrap_or_else(|| world.now_ms());
            let at_ms = at_ms - at_ms.rem_euclid(world.granularity_ms.max(1));
            world.table_mut(kind.name).touch(key, at_ms);
            count += 1;
        }
        Ok(count)
    }

    /// Does what only this vendor has a word for: users, stages, fields.
    pub(super) fn user_lever(
        &mut self,
        world: &World,
        method: &http::Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        let text = |name: &str| {
            let found = body.get(name).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| Refusal::invalid(format!("`{name}` is missing")))
        };
        match (method.as_str(), path) {
            ("GET", ["users"]) => {
                let users = self.office.users.iter();
                let at = self.opened_ms;
                Ok(Some(users.map(|user| self.office.shown_user(user, at)).collect()))
            }
            ("POST", ["users"]) => {
                let (name, email) = (text("name")?, text("email")?);
                let id = self.office.fresh();
                self.office.users.push(super::office::User { id, name, email, disabled: false });
                Ok(Some(json!({ "id": id.to_string() })))
            }
            ("DELETE", ["users", id]) => {
                let mut users = self.office.users.iter_mut();
                let user = users.find(|user| user.id.to_string() == *id);
                let missing = || Refusal::missing(format!("salesflare has no user {id:?}"));
                user.ok_or_else(missing)?.disabled = true;
                Ok(None)
            }
            ("POST", ["stages"]) => {
                let name = text("name")?;
                let id = self.office.fresh();
                let pipeline = self.office.pipelines.first().map_or(0, |first| first.id);
                let stage = super::office::Stage { id, name, fixed: 0, probability: 50, pipeline };
                self.office.stages.push(stage);
                Ok(Some(json!({ "id": id.to_string() })))
            }
            ("GET", ["rows", name, id]) => {
                let kind = kind(name)?;
                let view = View { world, office: &self.office };
                let record = view.live(kind.name, id).ok_or_else(|| absent(kind, id))?;
                Ok(Some(view.row(kind, record, super::render::Depth::Alone)))
            }
            _ => Err(Refusal::missing(format!("salesflare has no lever {}", path.join("/")))),
        }
    }
}
