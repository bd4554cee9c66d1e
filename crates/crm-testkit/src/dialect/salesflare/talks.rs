//! Meetings, calls and notes: made, read and deleted one by one; only notes have a list, that of
//! their account.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fail::Fail;
use super::{Salesflare, time};
use crate::fake::Call;
use crate::world::World;

/// What was said and written.
#[derive(Debug, Default)]
pub(super) struct Talks {
    meetings: BTreeMap<u64, Map<String, Value>>,
    notes: BTreeMap<u64, Map<String, Value>>,
}

const MEETING: [&str; 9] = [
    "date",
    "participants",
    "end_date",
    "subject",
    "description",
    "notes",
    "minutes",
    "phone_type",
    "type",
];
const SUBJECT_MAX: usize = 200;

impl Salesflare {
    /// Logs meetings or calls.
    pub(super) fn log(
        &mut self,
        world: &mut World,
        bodies: &[&Map<String, Value>],
        ty: &str,
    ) -> Result<Vec<u64>, Fail> {
        for (place, body) in bodies.iter().enumerate() {
            let at = if bodies.len() == 1 { String::new() } else { format!("{place}.") };
            check_meeting(world, body, &at)?;
        }
        let now = time::iso(world.now_ms());
        let made = bodies.iter().map(|body| {
            let key = world.next_key();
            let mut meeting = (*body).clone();
            if let Some(minutes) = meeting.remove("minutes") {
                meeting.insert("notes".to_owned(), minutes);
            }
            meeting.insert("id".to_owned(), json!(key));
            meeting.entry("type").or_insert_with(|| json!(ty));
            meeting.insert("creation_date".to_owned(), json!(now));
            meeting.insert("modification_date".to_owned(), json!(now));
            self.talks.meetings.insert(key, meeting);
            key
        });
        Ok(made.collect())
    }

    /// Answers what is asked of one meeting or call.
    pub(super) fn meeting(
        &mut self,
        world: &World,
        call: &Call<'_>,
        id: &str,
    ) -> Result<Value, Fail> {
        let id: u64 = id.parse().map_err(|_not| Fail::of(404))?;
        match call.method().as_str() {
            "GET" => {
                let meeting = self.talks.meetings.get(&id).ok_or_else(|| Fail::of(404))?;
                Ok(Value::Object(meeting.clone()))
            }
            "DELETE" => {
                self.talks.meetings.remove(&id).ok_or_else(|| Fail::of(404))?;
                Ok(json!({ "success": true }))
            }
            _ => {
                let body = super::route::object(call)?;
                for name in ["calendar_id", "external_id", "notes"] {
                    if !body.contains_key(name) {
                        return Err(Fail::payload(name, "required", "is required"));
                    }
                }
                let meeting = self.talks.meetings.get_mut(&id).ok_or_else(|| Fail::of(404))?;
                if let Some(notes) = body.get("notes") {
                    meeting.insert("notes".to_owned(), notes.clone());
                }
                let now = json!(time::iso(world.now_ms()));
                meeting.insert("modification_date".to_owned(), now);
                Ok(json!({ "success": true }))
            }
        }
    }

    /// Writes a note about an account.
    pub(super) fn note(&mut self, world: &mut World, call: &Call<'_>) -> Result<Value, Fail> {
        let body = super::route::object(call)?;
        for name in ["account", "body"] {
            if !body.contains_key(name) {
                return Err(Fail::payload(name, "required", "is required"));
            }
        }
        let key = world.next_key();
        let mut note = body;
        note.insert("id".to_owned(), json!(key));
        let now = json!(time::iso(world.now_ms()));
        note.entry("date").or_insert(now);
        self.talks.notes.insert(key, note);
        Ok(json!({ "id": key }))
    }

    /// Answers what is asked of one note.
    pub(super) fn one_note(&mut self, call: &Call<'_>, id: &str) -> Result<Value, Fail> {
        let id: u64 = id.parse().map_err(|_not| Fail::of(404))?;
        if call.method() == http::Method::DELETE {
            self.talks.notes.remove(&id).ok_or_else(|| Fail::of(404))?;
        } else {
            let body = super::route::object(call)?;
            let note = self.talks.notes.get_mut(&id).ok_or_else(|| Fail::of(404))?;
            note.extend(body);
        }
        Ok(json!({ "success": true }))
    }

    /// Lists the notes of an account, the newest first.
    pub(super) fn notes_of(&self, call: &Call<'_>, account: &str) -> Result<Value, Fail> {
        let limit = super::list::count(call, "limit", 10)?;
        let account = account.parse().ok();
        let own = self
            .talks
            .notes
            .values()
            .rev()
            .filter(|note| note.get("account").and_then(Value::as_u64) == account);
        Ok(own.take(limit).cloned().map(Value::Object).collect())
    }
}

fn check_meeting(world: &World, body: &Map<String, Value>, at: &str) -> Result<(), Fail> {
    for name in ["date", "participants"] {
        if !body.contains_key(name) {
            return Err(Fail::payload(&format!("{at}{name}"), "required", "is required"));
        }
    }
    if let Some(unknown) = body.keys().find(|name| !MEETING.contains(&name.as_str())) {
        return Err(Fail::payload(&format!("{at}{unknown}"), "unknown", "is not allowed"));
    }
    let date = body.get("date").and_then(Value::as_str).and_then(time::parse);
    if date.is_none() {
        return Err(Fail::payload(&format!("{at}date"), "base", "must be a valid date"));
    }
    let subject = body.get("subject").and_then(Value::as_str).unwrap_or_default();
    if subject.chars().count() > SUBJECT_MAX {
        let says = "length must be less than or equal to 200 characters long";
        return Err(Fail::payload(&format!("{at}subject"), "max", says));
    }
    let people = body.get("participants").and_then(Value::as_array);
    let Some(people) = people else {
        return Err(Fail::payload(&format!("{at}participants"), "base", "must be an array"));
    };
    let known = |id: &Value| {
        let key = id.as_u64();
        key.is_some_and(|key| world.table("contacts").is_some_and(|t| t.live(key).is_some()))
    };
    if people.iter().all(known) {
        return Ok(());
    }
    Err(Fail::payload(&format!("{at}participants"), "exists", "does not exist"))
}
