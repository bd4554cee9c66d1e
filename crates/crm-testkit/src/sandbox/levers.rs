//! What the control interface does besides records: clock, weather, bulk changes.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::control::Answer;
use super::{Account, Yard};
use crate::fake::{Fake, Refusal, Touch};
use crate::fault::{Aim, Fault, Profile, RetryAfter};

type Body = Map<String, Value>;

/// Returns the fake of an account's name.
pub(super) fn fake<'a>(yard: &'a Yard, name: &str) -> Result<&'a Arc<dyn Fake>, Refusal> {
    let running = Account::named(name).and_then(|account| yard.fakes.get(&account));
    running.ok_or_else(|| Refusal::missing(format!("no fake called {name:?} runs here")))
}

/// Moves the clock forward: `{"advance_ms": 60000}`.
pub(super) fn clock(yard: &Yard, body: &Body) -> Answer {
    let by = body.get("advance_ms").and_then(Value::as_u64);
    let by = by.ok_or_else(|| Refusal::invalid("advance_ms must be a number of milliseconds"))?;
    yard.clock.advance(Duration::from_millis(by));
    Ok(Some(json!({ "now": yard.clock.now().to_string() })))
}

/// Sets the weather: `{"profile": "rough"}`, or adds one fault: `{"script": {"fault": …}}`.
///
/// Both take `provider` for one fake only, and a profile takes `seed`.
pub(super) fn faults(yard: &Yard, body: &Body) -> Answer {
    let fakes: Vec<&Arc<dyn Fake>> = match body.get("provider").and_then(text) {
        Some(name) => vec![fake(yard, &name)?],
        None => yard.fakes.values().collect(),
    };
    match (body.get("profile").and_then(text), body.get("script").and_then(Value::as_object)) {
        (Some(name), None) => {
            let profile = Profile::named(&name).ok_or_else(|| {
                let names = Profile::ALL.map(Profile::name).join(", ");
                Refusal::invalid(format!("no profile is called {name:?}; there are {names}"))
            })?;
            let seed = body.get("seed").and_then(Value::as_u64).unwrap_or(yard.options.seed);
            for fake in fakes {
                fake.set_faults(profile.rates(), seed);
            }
        }
        (None, Some(script)) => {
            let (aim, fault) = scripted(script)?;
            for fake in fakes {
                fake.script(aim.clone(), fault);
            }
        }
        _ => return Err(Refusal::invalid("give either profile or script")),
    }
    Ok(None)
}

/// Ends all faults.
pub(super) fn calm(yard: &Yard) -> Option<Value> {
    for fake in yard.fakes.values() {
        fake.set_faults(Profile::Calm.rates(), yard.options.seed);
    }
    None
}

/// Changes many records: `{"kind", "ids": […] or "all", "at", "fields"}`.
pub(super) fn touch(fake: &dyn Fake, body: &Body) -> Answer {
    let kind = body.get("kind").and_then(text);
    let kind = kind.ok_or_else(|| Refusal::invalid("kind must be a kind of record"))?;
    let ids = match body.get("ids") {
        Some(Value::String(all)) if all == "all" => None,
        Some(Value::Array(ids)) => {
            let ids: Option<Vec<String>> = ids.iter().map(text).collect();
            Some(ids.ok_or_else(|| Refusal::invalid("ids must be texts"))?)
        }
        None if body.get("all") == Some(&Value::Bool(true)) => None,
        None | Some(_) => {
            return Err(Refusal::invalid("ids must be a list of ids, or \"all\""));
        }
    };
    let at_ms = body.get("at").map(instant).transpose()?;
    let fields = body.get("fields").and_then(Value::as_object).cloned().unwrap_or_default();
    let touched = fake.touch(&Touch { kind, ids, at_ms, fields })?;
    Ok(Some(json!({ "touched": touched })))
}

/// Returns a JSON text or number as text.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
}

fn instant(value: &Value) -> Result<i64, Refusal> {
    let parsed = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let at_ms = value.as_i64().or_else(|| parsed.map(Timestamp::as_millisecond));
    at_ms.ok_or_else(|| Refusal::invalid("at must be an ISO time or milliseconds since 1970"))
}

fn scripted(script: &Body) -> Result<(Aim, Fault), Refusal> {
    let number = |name: &str| script.get(name).and_then(Value::as_u64);
    let small = |name: &str| number(name).and_then(|value| u32::try_from(value).ok());
    let status = number("status").and_then(|value| u16::try_from(value).ok()).unwrap_or(503);
    let method = script.get("method").and_then(Value::as_str).map(|name| {
        Method::from_bytes(name.as_bytes())
            .map_err(|error| Refusal::invalid(format!("{name:?} is not a method: {error}")))
    });
    let aim = Aim {
        method: method.transpose()?,
        path: script.get("path").and_then(text),
        skip: small("skip").unwrap_or(0),
    };
    let after = match (small("retry_after_s"), script.get("retry_after_as").and_then(Value::as_str))
    {
        (None, _) => RetryAfter::Silent,
        (Some(seconds), Some("date")) => RetryAfter::Date(seconds),
        (Some(seconds), _) => RetryAfter::Seconds(seconds),
    };
    let name = script.get("fault").and_then(Value::as_str).unwrap_or_default();
    let fault = match name {
        "cut_before" => Fault::CutBefore,
        "cut_after" => Fault::CutAfter,
        "rate_limited" => Fault::RateLimited(after),
        "status" => Fault::Status(status),
        "status_after" => Fault::StatusAfter(status),
        "garbled" => Fault::Garbled,
        "html" => Fault::Html(status),
        "token_expired" => Fault::TokenExpired,
        "batch_item" => {
            Fault::BatchItem(number("item").and_then(|v| usize::try_from(v).ok()).unwrap_or(0))
        }
        "slow" => Fault::Slow(Duration::from_millis(number("ms").unwrap_or(1_000))),
        _ => return Err(Refusal::invalid(format!("no fault is called {name:?}"))),
    };
    Ok((aim, fault))
}
