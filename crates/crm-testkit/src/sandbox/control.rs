//! The control interface over HTTP: paths and JSON around the levers.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{Account, Yard, levers};
use crate::fake::{Bin, Call, Fake, Fields, Outcome, Refusal};

/// What a lever answers: a body, or nothing but that it is done.
pub(super) type Answer = Result<Option<Value>, Refusal>;

/// Answers one request to the control port.
pub(super) fn answer(yard: &Yard, request: &Request<Bytes>) -> Outcome {
    let call = Call::new(request);
    let answered = route(yard, &call);
    Outcome::Reply(match answered {
        Ok(Some(body)) => {
            let created = call.method() == Method::POST && body.get("id").is_some();
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            reply(status, Some(&body))
        }
        Ok(None) => reply(StatusCode::NO_CONTENT, None),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            reply(status, Some(&json!({ "error": refusal.message })))
        }
    })
}

fn route(yard: &Yard, call: &Call<'_>) -> Answer {
    let segments = call.segments();
    let ["_sandbox", rest @ ..] = segments.as_slice() else {
        return Err(Refusal::missing("the control interface begins at /_sandbox"));
    };
    match (call.method(), rest) {
        (&Method::GET, []) => Ok(Some(overview(yard))),
        (&Method::POST, ["clock"]) => levers::clock(yard, &body(call)?),
        (&Method::PUT, ["faults"]) => levers::faults(yard, &body(call)?),
        (&Method::DELETE, ["faults"]) => Ok(levers::calm(yard)),
        (&Method::POST, ["reset"]) => match yard.reset() {
            Ok(()) => Ok(None),
            Err(error) => Err(Refusal::conflict(error.to_string())),
        },
        (_, [vendor, rest @ ..]) => {
            let fake = levers::fake(yard, vendor)?;
            vendor_route(fake.as_ref(), call, rest)
        }
        _ => Err(nowhere(call)),
    }
}

fn vendor_route(fake: &dyn Fake, call: &Call<'_>, rest: &[&str]) -> Answer {
    match (call.method(), rest) {
        (&Method::GET, ["counters"]) => Ok(Some(fake.counters().to_json())),
        (&Method::POST, ["touch"]) => levers::touch(fake, &body(call)?),
        (&Method::GET, ["records"]) => Ok(Some(json!(fake.kinds()))),
        (&Method::GET, ["records", kind]) => {
            let archived = call.query("archived").is_some_and(|value| value != "false");
            let bin = if archived { Bin::Archived } else { Bin::Live };
            fake.records(kind, bin).map(|rows| Some(Value::Array(rows)))
        }
        (&Method::POST, ["records", kind, "merge"]) => {
            let body = body(call)?;
            let id = |name: &str| {
                let id = body.get(name).and_then(levers::text);
                id.ok_or_else(|| Refusal::invalid(format!("{name} must be an id")))
            };
            let merged = fake.merge(kind, &id("winner")?, &id("loser")?)?;
            Ok(Some(json!({ "id": merged })))
        }
        (&Method::POST, ["records", kind]) => {
            let id = fake.create(kind, &fields(call)?)?;
            Ok(Some(json!({ "id": id })))
        }
        (&Method::GET, ["records", kind, id]) => fake.record(kind, id).map(Some),
        (&Method::PATCH, ["records", kind, id]) => {
            fake.patch(kind, id, &fields(call)?)?;
            fake.record(kind, id).map(Some)
        }
        (&Method::DELETE, ["records", kind, id]) => fake.delete(kind, id).map(|()| None),
        (_, ["records" | "counters" | "touch", ..] | []) => Err(nowhere(call)),
        (method, path) => fake.lever(method, path, &body(call)?),
    }
}

fn overview(yard: &Yard) -> Value {
    let running = |name: &str| Account::named(name).is_some();
    let providers: Vec<Value> = yard
        .urls()
        .iter()
        .filter(|row| running(&row.0))
        .map(|(name, url)| json!({ "name": name, "url": url }))
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "providers": providers,
        "now": yard.clock.now().to_string(),
        "time_scale": yard.clock.scale(),
    })
}

/// Returns the body as a JSON object; an empty body is an empty object.
fn body(call: &Call<'_>) -> Result<Map<String, Value>, Refusal> {
    if call.body().is_empty() {
        return Ok(Map::new());
    }
    match call.json() {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Refusal::invalid("the body must be a JSON object")),
        Err(error) => Err(Refusal::invalid(format!("the body is not JSON: {error}"))),
    }
}

/// Returns the values of a write, given bare or as `fields`.
fn fields(call: &Call<'_>) -> Result<Fields, Refusal> {
    let mut body = body(call)?;
    match body.remove("fields") {
        Some(Value::Object(fields)) if body.is_empty() => Ok(fields),
        Some(other) => {
            body.insert("fields".to_owned(), other);
            Ok(body)
        }
        None => Ok(body),
    }
}

fn nowhere(call: &Call<'_>) -> Refusal {
    Refusal::missing(format!("nothing answers {} {}", call.method(), call.path()))
}

fn reply(status: StatusCode, body: Option<&Value>) -> Response<Bytes> {
    let text = body.map(Value::to_string).unwrap_or_default();
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
