//! Answers of token endpoints. An error may come with any status, also 200.

use std::time::Duration;

use crm_core::{Applied, ErrorKind, ProviderError, Result};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::redact;
use crate::retry::retry_after;
use crate::transport::Answer;

/// How long a vendor gives no tokens that says so in words alone.
const BLOCKED: Duration = Duration::from_mins(10);

/// A granted token.
pub(super) struct Granted {
    pub(super) access_token: SecretString,
    pub(super) refresh_token: Option<SecretString>,
    pub(super) expires_in: Option<Duration>,
    rest: Map<String, Value>,
}

impl Granted {
    /// Returns another text of the answer.
    pub(super) fn member(&self, key: &str) -> Option<&str> {
        self.rest.get(key)?.as_str()
    }
}

/// Reads a granted token, or the error.
pub(super) fn read(answer: &Answer, now: Timestamp, hint: &str) -> Result<Granted> {
    let mut rest: Map<String, Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(error) = rest.get("error") {
        let code = error.as_str().unwrap_or("error").to_owned();
        return Err(refusal(answer, now, hint, &rest).with_code(redact::message(&code)));
    }
    let access = rest.remove("access_token");
    let Some(Value::String(access_token)) = access.filter(|_| answer.status.is_success()) else {
        return Err(refusal(answer, now, hint, &rest));
    };
    let refresh_token = match rest.remove("refresh_token") {
        Some(Value::String(token)) if !token.is_empty() => Some(token.into()),
        Some(_) | None => None,
    };
    Ok(Granted { access_token: access_token.into(), refresh_token, expires_in: life(&rest), rest })
}

/// Some vendors tell seconds under a name of their own; `expires_in` is in milliseconds then.
fn life(body: &Map<String, Value>) -> Option<Duration> {
    let named = body.get("expires_in_sec").or_else(|| body.get("expires_in"));
    named.and_then(seconds)
}

/// A number, or a number in quotes.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(Duration::from_secs(seconds))
}

fn refusal(
    answer: &Answer,
    now: Timestamp,
    hint: &str,
    body: &Map<String, Value>,
) -> ProviderError {
    let status = answer.status.as_u16();
    let why = ["error_description", "message"]
        .iter()
        .find_map(|key| body.get(*key)?.as_str())
        .map_or_else(String::new, |text| format!(": {}", redact::message(text)));
    let applied = Applied::No;
    // Some say in words alone that tokens are asked for too often, and then refuse for minutes.
    let too_often = why.contains("too many requests");
    let error = match status {
        400..=499 if too_often && status != 429 => ProviderError::new(
            ErrorKind::RateLimited {
                retry_after: Some(retry_after(&answer.headers, now).unwrap_or(BLOCKED)),
            },
            format!("no access token was granted{why}"),
        ),
        429 => ProviderError::new(
            ErrorKind::RateLimited { retry_after: retry_after(&answer.headers, now) },
            format!("the token endpoint asks us to slow down{why}"),
        ),
        408 | 500..=599 => ProviderError::new(
            ErrorKind::Transient { applied },
            format!("the token endpoint failed{why}"),
        ),
        200..=299 if body.is_empty() => ProviderError::new(
            ErrorKind::Malformed { applied },
            "the token endpoint did not answer with JSON",
        ),
        _ => ProviderError::new(ErrorKind::Auth, format!("no access token was granted{why}"))
            .with_hint(hint),
    };
    error.with_status(status)
}
