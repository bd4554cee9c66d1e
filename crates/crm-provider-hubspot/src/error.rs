//! What HubSpot's refusals mean.

use std::time::Duration;

use crm_core::{Applied, ErrorKind, Field, Mapping, ProviderError, RemoteId};
use crm_http::{Failure, Verdict, redact};
use jiff::{SignedDuration, Timestamp};

use crate::wire::Problem;

/// A locked record is worked on in bulk; the vendor asks for at least two seconds.
const LOCKED_WAIT: Duration = Duration::from_secs(2);
/// The vendor asks for "a few seconds" after errors of its edge.
const EDGE_WAIT: Duration = Duration::from_secs(3);
const SECOND: Duration = Duration::from_secs(1);
const TEN_SECONDS: Duration = Duration::from_secs(10);
const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) const SCOPES_HINT: &str = "give the app the scopes crm.objects and crm.schemas of all kinds that are kept in step, .read \
     and .write (HubSpot: the app, Scopes)";
const UID_HINT: &str = "run `crm check --fix`, which creates the property";

/// The code of a value for a property that the account does not have.
pub(crate) const UNKNOWN_PROPERTY: &str = "PROPERTY_DOESNT_EXIST";

/// What is known of the connection when a failure is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// The table, to name the field at fault.
    pub(crate) mapping: Option<&'static Mapping>,
    /// How far the account's clock is ahead of UTC: its day's quota is renewed at midnight.
    pub(crate) utc_offset: Option<SignedDuration>,
}

impl Reading {
    /// Returns what a failed request means.
    pub(crate) fn classify(self, failure: &Failure<'_>) -> Verdict {
        let problem: Problem<'_> = failure.json().unwrap_or_default();
        let verdict = match failure.status().as_u16() {
            400 | 401 | 403 | 404 | 409 | 422 => {
                self.refused(&problem, failure.status().as_u16()).into()
            }
            // The record or the account is busy; nothing was done.
            423 => transient(Applied::No, "the record is locked", LOCKED_WAIT),
            429 => return self.limited(&problem, failure),
            477 => {
                let retry_after = failure.retry_after();
                let kind = ErrorKind::RateLimited { retry_after };
                Verdict::new(kind, "the account is moving to another data centre")
            }
            // The edge answers so to a token that is no token.
            530 => Verdict::new(ErrorKind::Auth, "the access token is malformed"),
            502..=504 | 520..=529 => {
                let message = "HubSpot's edge reports an error";
                transient(failure.applied(), message, EDGE_WAIT)
            }
            _ => failure.by_status(),
        };
        match problem.code() {
            Some(code) => verdict.code(code),
            None => verdict,
        }
    }

    /// Returns what a refusal means, of a whole request or of one item of a batch.
    pub(crate) fn refused(self, problem: &Problem<'_>, status: u16) -> ProviderError {
        let said = problem.message.as_deref().map(redact::message).unwrap_or_default();
        let category = problem.category.as_deref().unwrap_or_default();
        let error = match (category, status) {
            ("CONFLICT" | "OBJECT_ALREADY_EXISTS", _) | (_, 409) => {
                let existing = existing(problem);
                let message = "another record holds a value that must be unique";
                ProviderError::new(ErrorKind::Conflict { existing }, message)
            }
            ("OBJECT_NOT_FOUND", _) | (_, 404) => {
                ProviderError::new(ErrorKind::NotFound, "there is no such record")
            }
            ("MISSING_SCOPES", _) | (_, 403) => {
                let message = format!("a scope is missing: {said}");
                ProviderError::new(ErrorKind::Forbidden, message).with_hint(SCOPES_HINT)
            }
            ("INVALID_AUTHENTICATION" | "EXPIRED_AUTHENTICATION", _) | (_, 401) => {
                let message = if category == "EXPIRED_AUTHENTICATION" {
                    "the access token has expired"
                } else {
                    "the access token was refused"
                };
                ProviderError::new(ErrorKind::Auth, message)
            }
            ("RATE_LIMITS", _) => {
                let kind = ErrorKind::RateLimited { retry_after: None };
                ProviderError::new(kind, "HubSpot asks us to slow down")
            }
            ("VALIDATION_ERROR", _) | (_, 400 | 422) => self.invalid(problem, &said),
            // An item that failed for a reason of HubSpot's own was not written.
            _ => {
                let kind = ErrorKind::Transient { applied: Applied::No };
                ProviderError::new(kind, format!("HubSpot failed: {said}"))
            }
        };
        match problem.code() {
            Some(code) => error.with_code(code),
            None => error,
        }
    }

    fn invalid(self, problem: &Problem<'_>, said: &str) -> ProviderError {
        let property = problem.property();
        let name = property.as_deref();
        let uid = self.mapping.and_then(|mapping| mapping.uid);
        let lacks_uid = uid.is_some_and(|uid| match name {
            Some(name) => name == uid && problem.code() == Some(UNKNOWN_PROPERTY),
            // As a key it is named only in the text.
            None => said.contains(uid),
        });
        if lacks_uid {
            let message = "the account has no property for our unique id";
            return ProviderError::new(ErrorKind::Permanent, message).with_hint(UID_HINT);
        }
        let field = name.and_then(|name| self.field(name));
        let message = match name {
            Some(name) => format!("the value of `{name}` is not accepted: {said}"),
            None => format!("the request is not accepted: {said}"),
        };
        ProviderError::new(ErrorKind::Validation { field }, message)
    }

    fn field(self, property: &str) -> Option<Field> {
        Some(self.mapping?.rule_of_remote(property)?.field)
    }

    fn limited(self, problem: &Problem<'_>, failure: &Failure<'_>) -> Verdict {
        let message = problem.message.as_deref().unwrap_or_default();
        let policy = problem.policy_name.as_deref().unwrap_or_default();
        let says = |name: &str| policy == name || message.contains(&name.to_lowercase());
        if says("DAILY") {
            let until = failure.date().and_then(|now| self.midnight_after(now));
            let kind = ErrorKind::QuotaExhausted { until };
            return Verdict::new(kind, "the day's requests of the account are used up")
                .hint("it goes on by itself at midnight of the account's time zone")
                .code("DAILY");
        }
        // "ten_secondly_rolling" contains "secondly": the longer name is looked for first.
        let by_policy = if says("TEN_SECONDLY_ROLLING") {
            Some(TEN_SECONDS)
        } else {
            says("SECONDLY").then_some(SECOND)
        };
        let retry_after = failure.retry_after().or(by_policy);
        let kind = ErrorKind::RateLimited { retry_after };
        let verdict = Verdict::new(kind, "HubSpot asks us to slow down");
        if policy.is_empty() { verdict } else { verdict.code(policy) }
    }

    /// Returns when the account's day ends.
    pub(crate) fn midnight_after(self, now: Timestamp) -> Option<Timestamp> {
        let offset = self.utc_offset?;
        let local = now.checked_add(offset).ok()?.as_second();
        let into_day = SignedDuration::from_secs(local.rem_euclid(DAY.as_secs()));
        now.checked_add(DAY.checked_sub(into_day)?).ok()
    }
}

fn transient(applied: Applied, message: &str, wait: Duration) -> Verdict {
    Verdict::new(ErrorKind::Transient { applied }, message).wait_min(wait)
}

/// Returns the record that a conflict names, in its context or at the end of its message.
fn existing(problem: &Problem<'_>) -> Option<RemoteId> {
    if let Some(id) = problem.context_texts("existingId").next() {
        return Some(id.into());
    }
    let (_, rest) = problem.message.as_deref()?.split_once("Existing ID: ")?;
    let id: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!id.is_empty()).then(|| id.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::mapping;
    use crm_core::ObjectKind;

    fn refused(json: &str, status: u16) -> ProviderError {
        let mapping = mapping::of(ObjectKind::Contact);
        let reading = Reading { mapping, utc_offset: None };
        reading.refused(&serde_json::from_str(json).unwrap(), status)
    }

    #[test]
    fn a_conflict_names_the_record_from_context_or_message() {
        let item = r#"{"category":"CONFLICT","message":"Contact already exists. Existing ID: 71",
                       "context":{"objectWriteTraceId":["0"],"existingId":["72"]}}"#;
        let whole =
            r#"{"category":"CONFLICT","message":"Contact already exists. Existing ID: 71"}"#;
        let bare = r#"{"message":"Contact already exists"}"#;
        let kind = |id: Option<&str>| ErrorKind::Conflict { existing: id.map(RemoteId::from) };
        assert_eq!(*refused(item, 409).kind(), kind(Some("72")));
        assert_eq!(*refused(whole, 409).kind(), kind(Some("71")));
        assert_eq!(*refused(bare, 409).kind(), kind(None));
    }

    #[test]
    fn a_refused_value_names_the_field_also_from_inside_the_message() {
        let listed = r#"{"category":"VALIDATION_ERROR","message":"bad","errors":[
            {"message":"no","code":"INVALID_EMAIL","context":{"propertyName":["email"]}}]}"#;
        let told = r#"{"category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"no\",\"error\":\"INVALID_EMAIL\",\"name\":\"email\"}]"}"#;
        for json in [listed, told] {
            let error = refused(json, 400);
            let field = Some(Field::EMAIL);
            assert_eq!(*error.kind(), ErrorKind::Validation { field });
            assert_eq!(error.code(), Some("INVALID_EMAIL"));
        }
    }

    #[test]
    fn the_missing_uid_property_is_not_the_records_fault() {
        let json = r#"{"category":"VALIDATION_ERROR","errors":[{"code":"PROPERTY_DOESNT_EXIST",
                       "context":{"propertyName":["crm_sync_uid"]}}]}"#;
        let error = refused(json, 400);
        assert_eq!(*error.kind(), ErrorKind::Permanent);
        assert!(error.hint().unwrap().contains("--fix"));
    }

    #[test]
    fn the_day_ends_at_midnight_of_the_account() {
        let utc_offset = Some(SignedDuration::from_hours(-5));
        let reading = Reading { mapping: None, utc_offset };
        let now = "2026-11-24T03:30:00Z".parse().unwrap();
        let midnight = "2026-11-24T05:00:00Z".parse().unwrap();
        assert_eq!(reading.midnight_after(now), Some(midnight));
        let next = "2026-11-25T05:00:00Z".parse().unwrap();
        assert_eq!(reading.midnight_after(midnight), Some(next));
    }
}
