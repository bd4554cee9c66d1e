//! What calls about associations send and are answered with.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::association::Directed;
use super::fail::{Fail, empty_response, json_response};
use super::kind::Kind;
use super::time::iso;
use super::{body, text};
use crate::fake::Call;
use crate::world::World;

/// Returns the inputs of a batch.
pub(super) fn inputs(call: &Call<'_>, most: usize) -> Result<Vec<Value>, Fail> {
    let body = body(call)?;
    let inputs = body.get("inputs").and_then(Value::as_array).cloned();
    let inputs = inputs.ok_or_else(|| Fail::invalid("Invalid input JSON: inputs is required"))?;
    if inputs.len() > most {
        let count = inputs.len();
        return Err(Fail::invalid(format!(
            "The maximum number of inputs is {most}, but {count} came"
        )));
    }
    Ok(inputs)
}

/// Returns the id at one end of an input.
pub(super) fn end(input: &Value, name: &str) -> String {
    input.get(name).and_then(|end| end.get("id")).and_then(text).unwrap_or_default()
}

/// Returns the numbers of types.
pub(super) fn type_ids(types: Option<&Value>) -> Vec<u32> {
    let rows = types.and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| row.get("associationTypeId").and_then(text)?.parse().ok()).collect()
}

/// Returns what tells the client which pair an error is about.
pub(super) fn pair(from: &str, to: &str) -> Map<String, Value> {
    let ids = [("fromObjectId", from), ("toObjectId", to)];
    ids.into_iter().map(|(name, id)| (name.to_owned(), json!([id]))).collect()
}

/// Returns an id as the version of the path writes it: as a number in v4, else as text.
pub(super) fn number(call: &Call<'_>, id: &str) -> Value {
    let old = call.path().starts_with("/crm/v4/");
    let number = id.parse::<u64>().ok().filter(|_| old);
    number.map_or_else(|| json!(id), |number| json!(number))
}

/// Returns the row of a tie that was made.
pub(super) fn made_row(call: &Call<'_>, from: (&Kind, &str), to: (&Kind, &str)) -> Value {
    json!({
        "fromObjectTypeId": from.0.type_id,
        "fromObjectId": number(call, from.1),
        "toObjectTypeId": to.0.type_id,
        "toObjectId": number(call, to.1),
        "labels": [],
    })
}

/// Returns the rows of a tie that was made without a label, one for each direction.
pub(super) fn both_ways(from: (&Kind, &str), to: (&Kind, &str), with: &Directed) -> Vec<Value> {
    let row = |from: &str, to: &str, id: u32| {
        json!({
            "from": { "id": from },
            "to": { "id": to },
            "associationSpec": {
                "associationCategory": "HUBSPOT_DEFINED",
                "associationTypeId": id,
            },
        })
    };
    vec![row(from.1, to.1, with.id), row(to.1, from.1, with.back)]
}

/// Returns the answer to a batch that took ties away.
pub(super) fn archived(world: &World, call: &Call<'_>) -> http::Response<bytes::Bytes> {
    if call.path().starts_with("/crm/v4/") {
        return empty_response(StatusCode::NO_CONTENT);
    }
    json_response(200, batch_body(world, Vec::new(), Vec::new()))
}

/// Returns the body of a batch.
pub(super) fn batch_body(world: &World, rows: Vec<Value>, errors: Vec<Value>) -> String {
    let now = iso(world.now_ms());
    let mut body = json!({ "completedAt": now, "status": "COMPLETE", "startedAt": now });
    if let Some(map) = body.as_object_mut() {
        map.insert("results".to_owned(), Value::Array(rows));
    }
    if let (false, Some(map)) = (errors.is_empty(), body.as_object_mut()) {
        map.insert("numErrors".to_owned(), json!(errors.len()));
        map.insert("errors".to_owned(), Value::Array(errors));
    }
    body.to_string()
}
