//! sObject Collections: up to 200 records a call, with an answer for each.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::describe::{Field, Kind, Type};
use super::desk::{Desk, Mode, Upsert};
use super::ids;
use super::problem::Problem;
use super::room::{Room, text_of};
use super::rows::{chosen_fields, key_field, type_of};

/// The most records of a write.
const WRITE_MAX: usize = 200;
/// The most records of a read.
const READ_MAX: usize = 2_000;

/// Whether one failure undoes all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AllOrNone {
    All,
    Some,
}

impl AllOrNone {
    pub(super) fn of(value: Option<&Value>) -> Self {
        if value == Some(&Value::Bool(true)) { Self::All } else { Self::Some }
    }
}

/// What became of one element.
type Done = Result<(String, Option<Mode>), Problem>;

impl Salesforce {
    /// Answers below `/composite/sobjects`.
    pub(super) fn collections(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        path: &[&str],
    ) -> Result<Answer, Problem> {
        match (path, &ask.method) {
            ([], &Method::POST) => {
                let (records, all) = records(ask)?;
                let run = |desk: &mut Desk<'_>, at: usize| create(desk, element(&records, at)?);
                Ok(self.elements(room, ask, records.len(), all, &run))
            }
            ([], &Method::PATCH) => {
                let (records, all) = records(ask)?;
                let run = |desk: &mut Desk<'_>, at: usize| update(desk, element(&records, at)?);
                Ok(self.elements(room, ask, records.len(), all, &run))
            }
            ([], &Method::DELETE) => {
                let ids: Vec<&str> = ask.query("ids").unwrap_or_default().split(',').collect();
                let ids: Vec<&str> = ids.into_iter().filter(|id| !id.is_empty()).collect();
                let all = ask.query("allOrNone").is_some_and(|all| all == "true");
                let all = if all { AllOrNone::All } else { AllOrNone::Some };
                bounded(ids.len())?;
                let run = |desk: &mut Desk<'_>, at: usize| {
                    let id = ids.get(at).copied().unwrap_or_default();
                    delete(desk, id)
                };
                Ok(self.elements(room, ask, ids.len(), all, &run))
            }
            ([kind], &Method::GET | &Method::POST) => self.retrieve(room, ask, kind),
            ([kind, key], &Method::PATCH) => self.upsert_all(room, ask, kind, key),
            _ => Err(Problem::method(&ask.method)),
        }
    }

    fn upsert_all(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        kind: &str,
        key: &str,
    ) -> Result<Answer, Problem> {
        let kind = self.catalog.kind(kind).ok_or_else(Problem::not_found)?;
        let key = key_field(kind, key)?;
        let (records, all) = records(ask)?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for record in &records {
            if let Some(value) = record.as_object().and_then(|map| text_of(map, &key.name)) {
                *counts.entry(value.to_lowercase()).or_default() += 1;
            }
        }
        let run = |desk: &mut Desk<'_>, at: usize| {
            let values = element(&records, at)?;
            if type_of(values).is_some_and(|given| !given.eq_ignore_ascii_case(kind.name)) {
                let message = "Specified type does not match the type in the address";
                return Err(Problem::new("INVALID_TYPE", message));
            }
            let value = text_of(values, &key.name);
            if let Some(value) = value
                && counts.get(&value.to_lowercase()).is_some_and(|count| *count > 1)
            {
                let message = format!("Duplicate external id specified: {value}");
                return Err(Problem::new("DUPLICATE_VALUE", message).fields([key.name.as_str()]));
            }
            upsert(desk, (kind.name, &key.name), value, values)
        };
        Ok(self.elements(room, ask, records.len(), all, &run))
    }

    /// Runs a write for each element and answers in the order of the request.
    fn elements(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        count: usize,
        all: AllOrNone,
        run: &dyn Fn(&mut Desk<'_>, usize) -> Done,
    ) -> Answer {
        let spoiled = room.call.spoiled(count);
        let mut desk = self.desk(room, ask);
        let whole = desk.journal.mark();
        let mut done: Vec<Done> = Vec::with_capacity(count);
        for at in 0..count {
            let mark = desk.journal.mark();
            let mut result = run(&mut desk, at);
            if let (true, Ok((id, _))) = (spoiled == Some(at), &result) {
                result = Err(Problem::locked(id.get(..15).unwrap_or(id)));
            }
            if result.is_err() {
                desk.roll_back(mark);
            }
            done.push(result);
        }
        if all == AllOrNone::All && done.iter().any(Result::is_err) {
            desk.roll_back(whole);
            for result in done.iter_mut().filter(|result| result.is_ok()) {
                *result = Err(Problem::rolled_back());
            }
        }
        let is_upsert = ask.method == Method::PATCH && ask.path.len() > 2;
        Answer::ok(&done.into_iter().map(|result| shown(result, is_upsert)).collect())
    }

    fn retrieve(&self, room: &mut Room<'_>, ask: &Ask, kind: &str) -> Result<Answer, Problem> {
        let kind = self.catalog.kind(kind).ok_or_else(Problem::not_found)?;
        let (ids, names) = if ask.method == Method::POST {
            let body = ask.object()?;
            (texts(body.get("ids")), texts(body.get("fields")))
        } else {
            let list = |name| ask.query(name).unwrap_or_default().split(',');
            let owned = |part: &str| part.trim().to_owned();
            let filled = |part: &String| !part.is_empty();
            (list("ids").map(owned).collect(), list("fields").map(owned).filter(filled).collect())
        };
        if ids.len() > READ_MAX {
            return Err(limit(READ_MAX));
        }
        if names.is_empty() {
            let message = "The fields parameter is required";
            return Err(Problem::new("REQUIRED_FIELD_MISSING", message));
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let fields: Vec<&Field> = chosen_fields(kind, Some(&names))?;
        let view = self.view(room.world);
        let keys: Vec<Option<u64>> = ids
            .iter()
            .map(|id| {
                let found = view.record(kind, &ids::lengthened(id)?)?;
                (!found.is_deleted()).then(|| found.record.key())
            })
            .collect();
        let mut body = vec![b'['];
        self.flat_rows(room.world, &ask.base(), kind, &fields, keys.into_iter(), &mut body);
        body.push(b']');
        Ok(Answer::raw(StatusCode::OK, body))
    }
}

fn shown(done: Done, is_upsert: bool) -> Value {
    match done {
        Ok((id, mode)) => {
            let mut entry = json!({ "id": id, "success": true, "errors": [] });
            if let (Some(mode), Some(map)) = (mode, entry.as_object_mut()) {
                map.insert("created".to_owned(), Value::from(mode == Mode::Create));
            }
            entry
        }
        Err(problem) => {
            let mut entry = json!({ "success": false, "errors": [problem.element()] });
            if let (true, Some(map)) = (is_upsert, entry.as_object_mut()) {
                map.insert("created".to_owned(), Value::from(false));
            }
            entry
        }
    }
}

/// Returns the records of a body and whether one failure undoes all.
fn records(ask: &Ask) -> Result<(Vec<Value>, AllOrNone), Problem> {
    let mut body = ask.object()?;
    let all = AllOrNone::of(body.get("allOrNone"));
    let Some(Value::Array(records)) = body.remove("records") else {
        return Err(Problem::json("The HTTP entity body must hold a list called records"));
    };
    bounded(records.len())?;
    Ok((records, all))
}

fn bounded(count: usize) -> Result<(), Problem> {
    match count {
        0 => Err(Problem::new("REQUIRED_FIELD_MISSING", "At least 1 record is required")),
        1..=WRITE_MAX => Ok(()),
        _ => Err(limit(WRITE_MAX)),
    }
}

fn limit(max: usize) -> Problem {
    let message =
        format!("record limit reached. cannot submit more than {max} records into this call");
    Problem::new("EXCEEDED_ID_LIMIT", message)
}

fn element(records: &[Value], at: usize) -> Result<&Map<String, Value>, Problem> {
    let object = records.get(at).and_then(Value::as_object);
    object.ok_or_else(|| Problem::json("A record must be a JSON object"))
}

fn named_kind<'a>(desk: &Desk<'a>, values: &Map<String, Value>) -> Result<&'a Kind, Problem> {
    let name = type_of(values).ok_or_else(|| {
        let message = "Include an object type in the attributes field of the entity";
        Problem::new("INVALID_INPUT", message)
    })?;
    desk.kind(name).map_err(|problem| {
        if problem.code != "NOT_FOUND" {
            return problem;
        }
        Problem::new("INVALID_TYPE", format!("sObject type '{name}' is not supported."))
    })
}

fn create(desk: &mut Desk<'_>, values: &Map<String, Value>) -> Done {
    let kind = named_kind(desk, values)?;
    Ok((desk.create(kind, values)?, None))
}

fn update(desk: &mut Desk<'_>, values: &Map<String, Value>) -> Done {
    let kind = named_kind(desk, values)?;
    let Some(id) = text_of(values, "id") else {
        let message = "Id not specified in an update call";
        return Err(Problem::new("MISSING_ARGUMENT", message));
    };
    Ok((desk.update(kind, id, &without(values, "id"))?, None))
}

fn delete(desk: &mut Desk<'_>, id: &str) -> Done {
    let Some(long) = ids::lengthened(id) else {
        return Err(Problem::new("MALFORMED_ID", format!("malformed id {id}")).fields(["Id"]));
    };
    let kind = desk.catalog.of_id(&long).ok_or_else(Problem::bad_reference)?;
    let kind = desk.kind(kind.name)?;
    Ok((desk.delete(kind, &long)?, None))
}

fn upsert(
    desk: &mut Desk<'_>,
    (kind, key): (&str, &str),
    value: Option<&str>,
    values: &Map<String, Value>,
) -> Done {
    let kind = desk.kind(kind)?;
    let key = key_field(kind, key)?;
    let rest = without(values, &key.name);
    let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
        if key.kind == Type::Id {
            return Ok((desk.create(kind, &rest)?, Some(Mode::Create)));
        }
        let message = format!("{} not specified", key.name);
        return Err(Problem::new("MISSING_ARGUMENT", message).fields([key.name.as_str()]));
    };
    let done = desk.upsert(kind, key, value, &rest, Upsert::CreateOrUpdate)?;
    Ok((done.id, Some(done.mode)))
}

fn without(values: &Map<String, Value>, key: &str) -> Map<String, Value> {
    let kept = values.iter().filter(|pair| !pair.0.eq_ignore_ascii_case(key));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.map(|entry| entry.as_str().unwrap_or_default().to_owned()).collect()
}
