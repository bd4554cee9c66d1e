//! Which request goes where, and how it is counted.

use http::Method;
use serde_json::{Map, Value, json};

use super::desk::Desk;
use super::fail::{Fail, Part};
use super::kind::{KINDS, Kind};
use super::office::{CLASSES, Office, TYPES, shown_stage};
use super::render::{Depth, View};
use super::{BURST, Salesflare, query};
use crate::fake::{Call, Lane};
use crate::world::{Source, World};

/// Returns how a request is counted: ids are left out.
pub(super) fn lane(call: &Call<'_>) -> Lane {
    let id = |part: &&str| {
        if part.parse::<u64>().is_ok() { "{id}".to_owned() } else { (*part).to_owned() }
    };
    let path: Vec<String> = call.segments().iter().map(id).collect();
    let endpoint = format!("{} /{}", call.method(), path.join("/"));
    Lane { endpoint, windows: &[BURST], cost: 1 }
}

/// Returns the body, which must be an object.
pub(super) fn object(call: &Call<'_>) -> Result<Map<String, Value>, Fail> {
    match call.json() {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Fail::payload("", "base", "must be an object")),
        Err(_) => Err(Fail::payload("", "base", "is not valid JSON")),
    }
}

/// Returns the objects of a body that is one or an array of them.
fn objects(body: &Value) -> Result<Vec<&Map<String, Value>>, Fail> {
    let wrong = || Fail::payload("", "base", "must be an array");
    let rows = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
    if rows.is_empty() {
        return Err(wrong());
    }
    rows.iter().map(|row| row.as_object().ok_or_else(wrong)).collect()
}

/// What was made: an object for one, an array for several.
fn made(ids: &[u64]) -> Value {
    match ids {
        [id] => json!({ "id": id }),
        several => several.iter().map(|id| json!({ "id": id })).collect(),
    }
}

fn done() -> Value {
    json!({ "success": true })
}

impl Salesflare {
    /// Carries out a request.
    pub(super) fn dispatch(&mut self, world: &mut World, call: &Call<'_>) -> Result<Value, Fail> {
        if !call.bearer().is_some_and(|key| self.keys.iter().any(|known| known == key)) {
            return Err(Fail::of(401));
        }
        let segments = call.segments();
        let (get, post) = (call.method() == Method::GET, call.method() == Method::POST);
        let put = call.method() == Method::PUT;
        match segments.as_slice() {
            [name] if Kind::named(name).is_some() && (get || post) => {
                let kind = Kind::named(name).ok_or_else(|| Fail::of(404))?;
                if get { self.view(world).list(kind, call) } else { self.post(world, kind, call) }
            }
            [name, id] if KINDS.iter().any(|kind| kind.name == *name) => {
                let kind = Kind::named(name).ok_or_else(|| Fail::of(404))?;
                self.one(world, kind, call, id)
            }
            ["accounts", id, "contacts" | "users"] if post || put => self.members(world, call, id),
            ["accounts", id, "messages"] if get => self.notes_of(call, id),
            ["accounts", _, "feed"] if get => Ok(json!([])),
            ["meetings" | "calls"] if post => {
                let body = call.json().map_err(|_not| Fail::payload("", "base", "is not JSON"))?;
                let ty = if segments == ["calls"] { "meeting-phone" } else { "meeting-live" };
                Ok(made(&self.log(world, &objects(&body)?, ty)?))
            }
            ["meetings", id] if !post => self.meeting(world, call, id),
            ["calls", id] if put => self.meeting(world, call, id),
            ["messages"] if post => self.note(world, call),
            ["messages", id] if put || call.method() == Method::DELETE => self.one_note(call, id),
            _ if get => self.settings(world, call, &segments),
            ["tags", ..] => self.tags(call, &segments),
            ["customfields", class, rest @ ..] if CLASSES.contains(class) => {
                self.custom_fields(call, class, rest)
            }
            _ => Err(Fail::of(404)),
        }
    }

    /// Returns the reading side.
    pub(super) fn view<'a>(&'a self, world: &'a World) -> View<'a> {
        View { world, office: &self.office }
    }

    /// Returns the writing side for programs.
    fn desk<'a>(&'a mut self, world: &'a mut World) -> Desk<'a> {
        Desk { world, office: &mut self.office, source: Source::Integration }
    }

    fn post(&mut self, world: &mut World, kind: &Kind, call: &Call<'_>) -> Result<Value, Fail> {
        let body = call.json().map_err(|_not| Fail::payload("", "base", "is not valid JSON"))?;
        let bodies = objects(&body)?;
        if !kind.arrays && body.is_array() {
            return Err(Fail::payload("", "base", "must be an object"));
        }
        if kind.name == "accounts"
            && call.query("update_if_exists") == Some("true")
            && let [body] = bodies.as_slice()
            && let Some(id) = self.same_account(world, body)
        {
            let known = |name: &&String| *name != "owner" && *name != "customers";
            let body: Map<String, Value> = body
                .iter()
                .filter(|(name, _)| known(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            self.desk(world).put(kind, &id.to_string(), &body)?;
            return Ok(json!({ "id": id }));
        }
        Ok(made(&self.desk(world).post(kind, &bodies)?))
    }

    /// Returns the account that has the domain of a body, else its name.
    fn same_account(&self, world: &World, body: &Map<String, Value>) -> Option<u64> {
        let kind = Kind::named("accounts")?;
        let view = self.view(world);
        ["domain", "name"].into_iter().find_map(|name| {
            let wanted = body.get(name).and_then(Value::as_str)?;
            let table = world.table(kind.name)?;
            let mut all = table.live_after(0);
            let found = all.find(|record| {
                view.text(kind, record, name).is_some_and(|held| held.eq_ignore_ascii_case(wanted))
            });
            found.map(crate::world::Record::key)
        })
    }

    fn one(
        &mut self,
        world: &mut World,
        kind: &Kind,
        call: &Call<'_>,
        id: &str,
    ) -> Result<Value, Fail> {
        if id.parse::<u64>().is_err() {
            return Err(Fail::invalid(Part::Params, "id", "base", "must be a number"));
        }
        match call.method().as_str() {
            // A task is found in the list alone.
            "GET" if kind.name != "tasks" => {
                let view = self.view(world);
                let record = view.live(kind.name, id).ok_or_else(|| Fail::of(404))?;
                Ok(view.row(kind, record, Depth::Alone))
            }
            "PUT" => {
                let body = object(call)?;
                self.desk(world).put(kind, id, &body)?;
                Ok(done())
            }
            "DELETE" => {
                self.desk(world).delete(kind, id)?;
                Ok(done())
            }
            _ => Err(Fail::of(404)),
        }
    }

    fn members(&mut self, world: &mut World, call: &Call<'_>, id: &str) -> Result<Value, Fail> {
        let kind = Kind::named("accounts").ok_or_else(|| Fail::of(404))?;
        self.desk(world).live(kind, id)?;
        let body = call.json().map_err(|_not| Fail::payload("", "base", "is not valid JSON"))?;
        let rows = objects(&body)?;
        let contacts = Kind::named("contacts").filter(|_| call.path().ends_with("/contacts"));
        let Some(contacts) = contacts else { return Ok(done()) };
        for row in rows {
            let person = row.get("id").and_then(Value::as_u64).unwrap_or_default();
            let leaves = row.get("_deleted") == Some(&Value::Bool(true));
            let account = (!leaves).then(|| id.to_owned());
            let mut desk = self.desk(world);
            let key = desk.live(contacts, &person.to_string())?;
            desk.write(contacts, key, [("account".to_owned(), account)].into());
        }
        Ok(done())
    }

    fn settings(&self, world: &World, call: &Call<'_>, segments: &[&str]) -> Result<Value, Fail> {
        let (office, at) = (&self.office, self.opened_ms);
        let missing = || Fail::of(404);
        Ok(match segments {
            ["me"] => office.shown_me(at),
            ["me", "contacts"] => {
                self.view(world).list(Kind::named("contacts").ok_or_else(missing)?, call)?
            }
            ["users"] => {
                let enabled = call.query("onlyEnabled") == Some("true");
                let all = office.users.iter().filter(|user| !enabled || !user.disabled);
                let offset = super::list::count(call, "offset", 0)?;
                let limit = super::list::count(call, "limit", usize::MAX)?;
                all.skip(offset).take(limit).map(|user| office.shown_user(user, at)).collect()
            }
            ["users", id] => {
                office.user(id).map(|user| office.shown_user(user, at)).ok_or_else(missing)?
            }
            ["pipelines"] => {
                office.pipelines.iter().map(|known| office.shown_pipeline(known, at)).collect()
            }
            ["stages"] => {
                office.stages.iter().zip(1..).map(|(stage, n)| shown_stage(stage, n)).collect()
            }
            ["stages", id] => {
                office.stage(id).map(|stage| shown_stage(stage, 1)).ok_or_else(missing)?
            }
            ["currencies"] => Office::shown_currencies(),
            ["groups"] => json!([]),
            ["customfields", "types"] => TYPES
                .iter()
                .map(|(id, name, label, ty)| {
                    json!({ "id": id, "name": name, "displayName": label, "type": ty })
                })
                .collect(),
            ["customfields", class] if CLASSES.contains(class) => {
                let disabled = call.query("includeDisabled") == Some("true");
                let all = office.customs.iter().filter(|field| field.class == *class);
                let shown = all.filter(|field| disabled || (field.enabled && !field.archived));
                shown.map(super::office::Custom::definition).collect()
            }
            ["customfields", class, id] => {
                let own = |field: &&super::office::Custom| {
                    field.class == *class && field.id.to_string() == *id
                };
                office.customs.iter().find(own).ok_or_else(missing)?.definition()
            }
            ["customfields", class, name, "options"] => {
                let field = office.custom(class, name).ok_or_else(missing)?;
                field.definition().get("options").cloned().unwrap_or_default()
            }
            ["tags"] => {
                let shown = |(id, name): &(u64, String)| {
                    json!({ "id": id, "team": office.team, "name": name, "automated": false })
                };
                office.tags.iter().map(shown).collect()
            }
            // Broken at the vendor's too.
            ["tags", _] => return Err(Fail::of(500)),
            ["persons"] => self.persons(world, call)?,
            ["filterfields", name] => {
                let plural = match *name {
                    "account" => "accounts",
                    "contact" => "contacts",
                    "opportunity" => "opportunities",
                    "task" => "tasks",
                    _ => return Err(Fail::invalid(Part::Params, "entity", "base", "is not valid")),
                };
                query::fields(office, Kind::named(plural).ok_or_else(missing)?)
            }
            _ => return Err(missing()),
        })
    }

    fn persons(&self, world: &World, call: &Call<'_>) -> Result<Value, Fail> {
        let search = call.query("search").map(str::to_lowercase);
        let ids = call.query_list("id");
        if search.is_none() && ids.is_empty() {
            return Err(Fail::of(500));
        }
        let kind = Kind::named("contacts").ok_or_else(|| Fail::of(404))?;
        let view = self.view(world);
        let all = world.table(kind.name).into_iter().flat_map(|table| table.live_after(0));
        let fits = |record: &&crate::world::Record| {
            let text = format!(
                "{} {}",
                view.cell(kind, record, "name").unwrap_or_default(),
                view.cell(kind, record, "email").unwrap_or_default()
            );
            let found = search.as_ref().is_none_or(|part| text.to_lowercase().contains(part));
            found && (ids.is_empty() || ids.contains(&record.key().to_string().as_str()))
        };
        Ok(all.filter(fits).map(|record| view.row(kind, record, Depth::Row)).collect())
    }

    fn tags(&mut self, call: &Call<'_>, segments: &[&str]) -> Result<Value, Fail> {
        let name = |call: &Call<'_>| {
            let body = object(call)?;
            let name = body.get("name").and_then(Value::as_str).map(str::to_owned);
            name.ok_or_else(|| Fail::payload("name", "required", "is required"))
        };
        match (call.method().as_str(), segments) {
            ("POST", ["tags"]) => {
                let name = name(call)?;
                Ok(json!({ "id": self.office.tag(&name) }))
            }
            ("PUT", ["tags", id]) => {
                let name = name(call)?;
                let mut tags = self.office.tags.iter_mut();
                let tag = tags.find(|(known, _)| known.to_string() == *id);
                tag.ok_or_else(|| Fail::of(404))?.1 = name;
                Ok(done())
            }
            ("DELETE", ["tags", id]) => {
                let before = self.office.tags.len();
                self.office.tags.retain(|(known, _)| known.to_string() != *id);
                if self.office.tags.len() == before { Err(Fail::of(404)) } else { Ok(done()) }
            }
            _ => Err(Fail::of(404)),
        }
    }

    fn custom_fields(
        &mut self,
        call: &Call<'_>,
        class: &str,
        rest: &[&str],
    ) -> Result<Value, Fail> {
        let fresh = self.office.fresh();
        let position = |office: &Office, id: &str| {
            office
                .customs
                .iter()
                .position(|field| field.class == class && field.id.to_string() == id)
        };
        match (call.method().as_str(), rest) {
            ("POST", []) => {
                let body = object(call)?;
                let name = body.get("name").and_then(Value::as_str);
                let name = name.ok_or_else(|| Fail::payload("name", "required", "is required"))?;
                let ty = body.get("type").and_then(Value::as_u64);
                let ty = ty.filter(|ty| TYPES.iter().any(|known| known.0 == *ty));
                let ty = ty.ok_or_else(|| Fail::payload("type", "base", "must be a number"))?;
                if self.office.customs.iter().any(|f| f.class == class && f.name == name) {
                    return Err(Fail::payload("name", "unique", "is already in use"));
                }
                let id = self.office.add_custom(class, name, ty);
                if let Some(field) = self.office.customs.last_mut() {
                    field.change(&body, fresh.saturating_mul(100));
                }
                Ok(json!({ "id": id }))
            }
            ("PUT", [id]) => {
                let body = object(call)?;
                let place = position(&self.office, id).ok_or_else(|| Fail::of(404))?;
                if let Some(field) = self.office.customs.get_mut(place) {
                    field.change(&body, fresh.saturating_mul(100));
                }
                Ok(done())
            }
            ("DELETE", [id]) => {
                let place = position(&self.office, id).ok_or_else(|| Fail::of(404))?;
                self.office.customs.remove(place);
                Ok(done())
            }
            _ => Err(Fail::of(404)),
        }
    }
}
