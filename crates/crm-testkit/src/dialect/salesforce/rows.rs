//! One record at a time.

use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::describe::{Field, Kind, Type};
use super::desk::{Mode, Upsert};
use super::ids;
use super::problem::Problem;
use super::render;
use super::room::Room;
use super::schema::Found;

/// Since this version an upsert that updates answers 200 with a body; before it was 204.
const BODY_SINCE: u32 = 46;

impl Salesforce {
    pub(super) fn create_row(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        kind: &str,
    ) -> Result<Answer, Problem> {
        let mut desk = self.desk(room, ask);
        let kind = desk.kind(kind)?;
        let values = ask.object()?;
        let mark = desk.journal.mark();
        let id = desk.create(kind, &values).inspect_err(|_| desk.roll_back(mark))?;
        let location = format!("{}/sobjects/{}/{id}", ask.base(), kind.name);
        let body = json!({ "id": id, "success": true, "errors": [] });
        Ok(Answer::json(StatusCode::CREATED, &body).with(header::LOCATION, location))
    }

    pub(super) fn row(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        kind: &str,
        id: &str,
    ) -> Result<Answer, Problem> {
        let kind = self.catalog.kind(kind).ok_or_else(Problem::not_found)?;
        let long = ids::lengthened(id).ok_or_else(|| Problem::no_such_key(id))?;
        match ask.method {
            Method::GET | Method::HEAD => {
                let view = self.view(room.world);
                let found = view.record(kind, &long).ok_or_else(Problem::not_found)?;
                self.shown(ask, found)
            }
            Method::PATCH => {
                let mut desk = self.desk(room, ask);
                let kind = desk.kind(kind.name)?;
                let values = ask.object()?;
                desk.update(kind, &long, &values).map_err(own_id)?;
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            Method::DELETE => {
                let mut desk = self.desk(room, ask);
                let kind = desk.kind(kind.name)?;
                desk.delete(kind, &long).map_err(own_id)?;
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(Problem::method(&ask.method)),
        }
    }

    /// Answers for the record whose key field holds a value.
    pub(super) fn keyed_row(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        (kind, key, value): (&str, &str, &str),
    ) -> Result<Answer, Problem> {
        let kind = self.catalog.kind(kind).ok_or_else(Problem::not_found)?;
        let key = key_field(kind, key)?;
        if ask.method == Method::PATCH {
            return self.upsert_row(room, ask, (kind, key, value));
        }
        let ids = self.desk(room, ask).holders(kind, key, value);
        let id = match ids.as_slice() {
            [id] => id,
            [] => return Err(Problem::no_such_key(value)),
            several => return Err(choices(ask, kind, several)),
        };
        match ask.method {
            Method::GET | Method::HEAD => {
                let found = self.view(room.world).record(kind, id);
                self.shown(ask, found.ok_or_else(Problem::not_found)?)
            }
            Method::DELETE => {
                self.desk(room, ask).delete(kind, id)?;
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(Problem::method(&ask.method)),
        }
    }

    fn upsert_row(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        (kind, key, value): (&Kind, &Field, &str),
    ) -> Result<Answer, Problem> {
        let values = ask.object()?;
        if values.keys().any(|name| name.eq_ignore_ascii_case(&key.name)) {
            let message =
                format!("The {} field should not be specified in the sobject data.", key.name);
            return Err(Problem::new("INVALID_FIELD", message));
        }
        let only = ask.query("updateOnly").is_some_and(|only| only.eq_ignore_ascii_case("true"));
        let upsert = if only { Upsert::UpdateOnly } else { Upsert::CreateOrUpdate };
        let mut desk = self.desk(room, ask);
        let kind = desk.kind(kind.name)?;
        let key = key_field(kind, &key.name)?;
        let mark = desk.journal.mark();
        let done = desk.upsert(kind, key, value, &values, upsert).map_err(|mut problem| {
            desk.roll_back(mark);
            if problem.choices.is_empty() {
                return problem;
            }
            problem.choices = addresses(ask, kind, &problem.choices);
            problem
        })?;
        let created = done.mode == Mode::Create;
        if !created && ask.version < BODY_SINCE {
            return Ok(Answer::empty(StatusCode::NO_CONTENT));
        }
        let status = if created { StatusCode::CREATED } else { StatusCode::OK };
        let body = json!({ "id": done.id, "success": true, "errors": [], "created": created });
        let location = format!("{}/sobjects/{}/{}", ask.base(), kind.name, done.id);
        Ok(Answer::json(status, &body).with(header::LOCATION, location))
    }

    /// Returns a record with all of its fields, or with those that the request names.
    fn shown(&self, ask: &Ask, found: Found<'_>) -> Result<Answer, Problem> {
        if found.is_deleted() {
            return Err(Problem::deleted());
        }
        let names = ask.query("fields").map(|names| names.split(',').collect::<Vec<_>>());
        let fields = chosen_fields(found.kind, names.as_deref())?;
        let mut body = Vec::new();
        render::flat(&self.users, &ask.base(), found, &fields, &mut body);
        let modified = jiff::Timestamp::from_millisecond(found.record.modified_ms());
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        let modified = modified.ok().and_then(|at| printer.timestamp_to_rfc9110_string(&at).ok());
        let answer = Answer::raw(StatusCode::OK, body);
        Ok(answer.with(header::LAST_MODIFIED, modified.unwrap_or_default()))
    }
}

/// Returns the named fields with the id in front, or all fields.
pub(super) fn chosen_fields<'a>(
    kind: &'a Kind,
    names: Option<&[&str]>,
) -> Result<Vec<&'a Field>, Problem> {
    let Some(names) = names else {
        return Ok(kind.fields.iter().collect());
    };
    let mut fields: Vec<&Field> = Vec::with_capacity(names.len() + 1);
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let field = kind.field(name).ok_or_else(|| {
            let message = format!("No such column '{name}' on sobject of type {}", kind.name);
            Problem::new("INVALID_FIELD", message)
        })?;
        if !fields.iter().any(|known| known.name == field.name) {
            fields.push(field);
        }
    }
    if let Some(id) = kind.field("Id").filter(|_| !fields.iter().any(|f| f.kind == Type::Id)) {
        fields.push(id);
    }
    Ok(fields)
}

/// Returns the key field of that name.
pub(super) fn key_field<'a>(kind: &'a Kind, name: &str) -> Result<&'a Field, Problem> {
    let field = kind.field(name).filter(|field| field.has('i') || field.has('x'));
    field.ok_or_else(|| Problem::no_such_key(name))
}

fn addresses(ask: &Ask, kind: &Kind, ids: &[String]) -> Vec<String> {
    let base = ask.base();
    ids.iter().map(|id| format!("{base}/sobjects/{}/{id}", kind.name)).collect()
}

fn choices(ask: &Ask, kind: &Kind, ids: &[String]) -> Problem {
    let mut problem = Problem::new("DUPLICATE_EXTERNAL_ID", "more than one record found");
    problem.status = StatusCode::MULTIPLE_CHOICES;
    problem.choices = addresses(ask, kind, ids);
    problem
}

/// The path's own id is not a cross reference: one that names nothing is simply not found.
fn own_id(problem: Problem) -> Problem {
    if problem.code == "INVALID_CROSS_REFERENCE_KEY" && problem.fields == Some(Vec::new()) {
        return Problem::not_found();
    }
    problem
}

/// Returns the type named in a record's attributes.
pub(super) fn type_of(values: &Map<String, Value>) -> Option<&str> {
    values.get("attributes")?.get("type")?.as_str()
}
