//! `/composite/tree/X`: records with their children, all or none.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::desk::Desk;
use super::problem::Problem;
use super::room::Room;
use super::rows::type_of;

/// The most records of a call.
const RECORDS_MAX: usize = 200;
/// How deep children may be nested.
const DEPTH_MAX: usize = 5;

/// The parent that new records point to: their field and its id.
type Parent<'p> = Option<(&'p str, &'p str)>;

/// The records so far, or the first refusal with the record that it concerns.
type Made = Result<Vec<Value>, (String, Problem)>;

impl Salesforce {
    pub(super) fn tree(
        &self,
        room: &mut Room<'_>,
        ask: &Ask,
        kind: &str,
    ) -> Result<Answer, Problem> {
        let body = ask.object()?;
        let Some(Value::Array(records)) = body.get("records") else {
            return Err(Problem::json("The HTTP entity body must hold a list called records"));
        };
        let mut desk = self.desk(room, ask);
        let mark = desk.journal.mark();
        match plant(&mut desk, kind, records, None, 1) {
            Ok(results) if results.len() <= RECORDS_MAX => {
                let body = json!({ "hasErrors": false, "results": results });
                Ok(Answer::json(StatusCode::CREATED, &body))
            }
            Ok(_too_many) => {
                desk.roll_back(mark);
                let message = "record limit reached. cannot submit more than 200 records";
                Err(Problem::new("EXCEEDED_ID_LIMIT", message))
            }
            Err((reference, problem)) => {
                desk.roll_back(mark);
                let results = json!([{
                    "referenceId": reference,
                    "errors": [problem.element()],
                }]);
                let body = json!({ "hasErrors": true, "results": results });
                Ok(Answer::json(StatusCode::BAD_REQUEST, &body))
            }
        }
    }
}

fn plant(
    desk: &mut Desk<'_>,
    kind: &str,
    records: &[Value],
    parent: Parent<'_>,
    depth: usize,
) -> Made {
    let mut made = Vec::with_capacity(records.len());
    for record in records {
        let empty = Map::new();
        let values = record.as_object().unwrap_or(&empty);
        let reference = values
            .get("attributes")
            .and_then(|attributes| attributes.get("referenceId")?.as_str())
            .unwrap_or_default();
        let refused = |problem: Problem| (reference.to_owned(), problem);
        if depth > DEPTH_MAX {
            let message = "a tree may be five levels deep";
            return Err(refused(Problem::new("INVALID_INPUT", message)));
        }
        let kind = desk.kind(type_of(values).unwrap_or(kind)).map_err(refused)?;
        let mut own = Map::new();
        let mut below = Vec::new();
        for (name, value) in values {
            match value.get("records").and_then(Value::as_array) {
                Some(list) => below.push((name, list)),
                None => {
                    own.insert(name.clone(), value.clone());
                }
            }
        }
        if let Some((field, id)) = parent {
            own.insert(field.to_owned(), Value::from(id));
        }
        let id = desk.create(kind, &own).map_err(refused)?;
        made.push(json!({ "referenceId": reference, "id": id }));
        for (name, list) in below {
            let named = |known: &str| known.eq_ignore_ascii_case(name);
            let children = kind.children.iter().find(|row| row.name.is_some_and(named));
            let Some(children) = children else {
                let message = format!("No such relationship '{name}' on sobject {}", kind.name);
                return Err(refused(Problem::new("INVALID_FIELD", message)));
            };
            made.extend(plant(desk, children.kind, list, Some((children.field, &id)), depth + 1)?);
        }
    }
    Ok(made)
}
