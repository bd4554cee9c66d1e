//! Answers of token endpoints. An error may come with any status, also 200.

use std::time::Duration;

use crm_core::{Applied, ErrorKind, ProviderError, Result};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::redact;
use crate::retry::retry_after;
use crate::transport::Answer;

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
    Ok(Granted {
        access_token: access_token.into(),
        refresh_token,
        expires_in: rest.get("expires_in").and_then(seconds),
        rest,
    })
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
    let error = match status {
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
