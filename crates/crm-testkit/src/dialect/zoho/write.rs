//! Creates, updates, upserts and deletes: one answer for each record, in order.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::desk::{Bound, Desk};
use super::module::{Field, Module};
use super::problem::{Problem, with};
use super::{Zoho, time};
use crate::fake::Call;
use crate::world::{Source, World};

/// The most records of one call.
pub(super) const RECORDS_MAX: usize = 100;

/// What is done to the records of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Insert,
    Update,
    Upsert,
}

/// What became of one record: the key and what an upsert adds, or the refusal.
type Done = Result<(u64, Map<String, Value>), Problem>;

/// Returns the records of a body.
pub(super) fn records(call: &Call<'_>) -> Result<(Map<String, Value>, Vec<Value>), Problem> {
    let Ok(Value::Object(mut body)) = call.json() else {
        return Err(Problem::body_not_json());
    };
    match body.remove("data") {
        Some(Value::Array(data)) if data.len() > RECORDS_MAX => Err(Problem::too_many(RECORDS_MAX)),
        Some(Value::Array(data)) if !data.is_empty() => Ok((body, data)),
        Some(_) | None => Err(Problem::body_not_json()),
    }
}

/// Returns the version that a write is bound to.
fn bound(call: &Call<'_>) -> Result<Bound, Problem> {
    let Some(text) = call.header("if-unmodified-since") else { return Ok(None) };
    time::read(text).map(Some).ok_or_else(|| Problem::param("If-Unmodified-Since"))
}

impl Zoho {
    fn desk<'a>(&'a self, world: &'a mut World, module: &Module) -> Desk<'a> {
        Desk {
            catalog: &self.catalog,
            users: &self.users,
            world,
            source: Source::Integration,
            module_name: module.name,
        }
    }

    /// Writes the records of a body; `only` is the record that the address names.
    pub(super) fn write(
        &self,
        world: &mut World,
        call: &Call<'_>,
        module: &Module,
        (deed, only): (Deed, Option<&str>),
    ) -> Result<Answer, Problem> {
        let (body, data) = records(call)?;
        let bound = bound(call)?;
        if deed == Deed::Upsert && !module.has_upsert() {
            let message = "upsert is not supported for this module";
            return Err(Problem::new("NOT_SUPPORTED", json!({}), message));
        }
        let checks = checks(module, &body)?;
        let spoiled = call.spoiled(data.len());
        let mut done: Vec<Done> = Vec::new();
        for (index, values) in data.iter().enumerate() {
            let empty = Map::new();
            let values = values.as_object().unwrap_or(&empty);
            if spoiled == Some(index) {
                done.push(Err(Problem::internal()));
                continue;
            }
            let mut desk = self.desk(world, module);
            let at = (index, bound);
            done.push(match deed {
                Deed::Insert => desk.create(module, values, index).map(|key| (key, Map::new())),
                Deed::Update => key_of(values, only, index)
                    .and_then(|key| desk.update(module, key, values, at))
                    .map(|key| (key, Map::new())),
                Deed::Upsert => desk.upsert(module, values, &checks, at).map(|upserted| {
                    let action = if upserted.found_by.is_some() { "update" } else { "insert" };
                    let told = json!({
                        "duplicate_field": upserted.found_by, "action": action,
                    });
                    (upserted.key, told.as_object().cloned().unwrap_or_default())
                }),
            });
        }
        Ok(self.told(world, module, &done, deed))
    }

    fn told(&self, world: &World, module: &Module, done: &[Done], deed: Deed) -> Answer {
        let view = self.view(world);
        let rows = done.iter().map(|one| match one {
            Err(problem) => problem.body(),
            Ok((key, extra)) => {
                let record = world.table(module.name).and_then(|table| table.get(*key));
                let asked = ["Modified_Time", "Modified_By", "Created_Time", "id", "Created_By"];
                let mut details =
                    record.map_or_else(|| json!({}), |r| view.record(module, r, &asked));
                for by in ["Modified_By", "Created_By"] {
                    if let Some(user) = details.get_mut(by).and_then(Value::as_object_mut) {
                        user.remove("email");
                    }
                }
                let details = with(details, "$approval_state", json!("approved"));
                let is_new = match deed {
                    Deed::Insert => true,
                    Deed::Update => false,
                    Deed::Upsert => extra.get("action") == Some(&json!("insert")),
                };
                let mut row = json!({
                    "code": "SUCCESS",
                    "details": details,
                    "message": if is_new { "record added" } else { "record updated" },
                    "status": "success",
                });
                if let Some(members) = row.as_object_mut() {
                    members.extend(extra.clone());
                }
                row
            }
        });
        let rows: Vec<Value> = rows.collect();
        let refusals: Vec<&Problem> = done.iter().filter_map(|one| one.as_ref().err()).collect();
        let success = if deed == Deed::Insert { StatusCode::CREATED } else { StatusCode::OK };
        Answer::json(status(&refusals, done.len(), success), json!({ "data": rows }))
    }

    /// Deletes the records that the address or the query names.
    pub(super) fn remove(
        &self,
        world: &mut World,
        call: &Call<'_>,
        module: &Module,
        only: Option<&str>,
    ) -> Result<Answer, Problem> {
        let ids: Vec<String> = match only {
            Some(id) => vec![id.to_owned()],
            None => call.query_list("ids").into_iter().map(str::to_owned).collect(),
        };
        if ids.is_empty() {
            return Err(Problem::param_missing("ids"));
        }
        if ids.len() > RECORDS_MAX {
            return Err(Problem::too_many(RECORDS_MAX));
        }
        let spoiled = call.spoiled(ids.len());
        let mut refusals = Vec::new();
        let mut rows = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            let mut desk = self.desk(world, module);
            let problem = if spoiled == Some(index) {
                Some(Problem::internal())
            } else {
                let gone = id.parse().is_ok_and(|key| desk.delete(key));
                (!gone).then(|| Problem::id_in_query(id))
            };
            rows.push(match &problem {
                Some(problem) => problem.body(),
                None => json!({
                    "code": "SUCCESS", "details": { "id": id }, "message": "record deleted",
                    "status": "success",
                }),
            });
            refusals.extend(problem);
        }
        let refusals: Vec<&Problem> = refusals.iter().collect();
        let status = status(&refusals, ids.len(), StatusCode::OK);
        Ok(Answer::json(status, json!({ "data": rows })))
    }
}

/// Returns the status of an answer: that of the refusal where there is only one record, else that
/// of several, whatever became of each.
fn status(refusals: &[&Problem], count: usize, success: StatusCode) -> StatusCode {
    match refusals {
        [] => success,
        [only] if count == 1 => only.status,
        _ => StatusCode::MULTI_STATUS,
    }
}

fn key_of(values: &Map<String, Value>, only: Option<&str>, index: usize) -> Result<u64, Problem> {
    let held = values.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let Some(id) = only.map(str::to_owned).or(held) else {
        return Err(Problem::mandatory(index, "id"));
    };
    id.parse().map_err(|_not_a_number: std::num::ParseIntError| Problem::id_in_body(index))
}

/// Returns the fields that an upsert compares.
fn checks<'m>(module: &'m Module, body: &Map<String, Value>) -> Result<Vec<&'m Field>, Problem> {
    let Some(named) = body.get("duplicate_check_fields").and_then(Value::as_array) else {
        return Ok(module.duplicate_check());
    };
    let by_name: BTreeMap<&str, &Field> =
        module.fields.iter().map(|field| (field.name.as_str(), field)).collect();
    let fields = named.iter().map(|name| {
        let field = name.as_str().and_then(|name| by_name.get(name).copied());
        field.ok_or_else(|| {
            let details = json!({ "api_name": name, "json_path": "$.duplicate_check_fields" });
            Problem::new("INVALID_DATA", details, "the field name given seems to be invalid")
        })
    });
    fields.collect()
}
