//! What Salesforce's refusals mean. Two dialects, one list of codes.

use crm_core::{Applied, ErrorKind, Field, Mapping, ProviderError, RemoteId};
use crm_http::{Failure, Verdict, redact};

use crate::wire::Problem;

const RIGHTS_HINT: &str =
    "give the user that the app runs as read and edit access to the object and its fields";
const UID_HINT: &str = "run `crm check --fix`, which creates the field";

/// What is known when a failure is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// The table, to name the field at fault.
    pub(crate) mapping: Option<&'static Mapping>,
}

impl Reading {
    /// Returns what a failed request means.
    pub(crate) fn classify(self, failure: &Failure<'_>) -> Verdict {
        let problems: Vec<Problem<'_>> = failure.json().unwrap_or_default();
        let Some(problem) = problems.first() else { return failure.by_status() };
        let code = &*problem.code;
        match code {
            "INVALID_SESSION_ID" => {
                Verdict::new(ErrorKind::Auth, "the access token has expired or is not valid")
                    .code(code)
            }
            "SERVER_UNAVAILABLE" | "UNKNOWN_EXCEPTION" | "QUERY_TIMEOUT" => {
                let kind = ErrorKind::Transient { applied: failure.applied() };
                Verdict::new(kind, said(problem)).code(code)
            }
            _ => self.refused(problem).into(),
        }
    }

    /// Returns what a refusal means, of a whole request or of one record.
    pub(crate) fn refused(self, problem: &Problem<'_>) -> ProviderError {
        let code = &*problem.code;
        let (kind, message) = match code {
            "REQUEST_LIMIT_EXCEEDED" if problem.message.contains("Concurrent") => (
                ErrorKind::RateLimited { retry_after: None },
                "too many long requests run at the same time".to_owned(),
            ),
            "REQUEST_LIMIT_EXCEEDED" | "LIMIT_EXCEEDED" => (
                ErrorKind::QuotaExhausted { until: None },
                "the org's API calls of the last 24 hours are used up".to_owned(),
            ),
            "UNABLE_TO_LOCK_ROW" => (
                ErrorKind::Transient { applied: Applied::No },
                "another change holds the record".to_owned(),
            ),
            "ENTITY_IS_DELETED" | "NOT_FOUND" | "INVALID_CROSS_REFERENCE_KEY" => {
                (ErrorKind::NotFound, "there is no such record".to_owned())
            }
            "DUPLICATE_VALUE" | "DUPLICATE_EXTERNAL_ID" => (
                ErrorKind::Conflict { existing: named_in(&problem.message) },
                "another record holds a value that must be unique".to_owned(),
            ),
            "DUPLICATES_DETECTED" => return duplicates(problem),
            "API_DISABLED_FOR_ORG"
            | "INSUFFICIENT_ACCESS"
            | "INSUFFICIENT_ACCESS_OR_READONLY"
            | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" => {
                let message = format!("a right is missing: {}", said(problem));
                return error(ErrorKind::Forbidden, message, code).with_hint(RIGHTS_HINT);
            }
            "INVALID_FIELD" if self.names_uid(problem) => {
                let message = "the org has no field for our unique id";
                return error(ErrorKind::Permanent, message, code).with_hint(UID_HINT);
            }
            "REQUIRED_FIELD_MISSING"
            | "STRING_TOO_LONG"
            | "INVALID_EMAIL_ADDRESS"
            | "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
            | "FIELD_CUSTOM_VALIDATION_EXCEPTION"
            | "FIELD_INTEGRITY_EXCEPTION"
            | "FIELD_FILTER_VALIDATION_EXCEPTION"
            | "INVALID_FIELD"
            | "INVALID_FIELD_FOR_INSERT_UPDATE"
            | "INVALID_TYPE_ON_FIELD_IN_RECORD"
            | "JSON_PARSER_ERROR" => (
                ErrorKind::Validation { field: self.field(problem) },
                format!("a value is not accepted: {}", said(problem)),
            ),
            _ => (ErrorKind::Permanent, format!("Salesforce refused it: {}", said(problem))),
        };
        error(kind, message, code)
    }

    fn field(self, problem: &Problem<'_>) -> Option<Field> {
        let mapping = self.mapping?;
        let listed = problem.fields.iter().find_map(|name| mapping.rule_of_remote(name));
        // On writes of unknown columns the name stands only in the message.
        let told = || mapping.rules.iter().find(|rule| names(&problem.message, rule.remote));
        listed.or_else(told).map(|rule| rule.field)
    }

    fn names_uid(self, problem: &Problem<'_>) -> bool {
        let uid = self.mapping.and_then(|mapping| mapping.uid);
        uid.is_some_and(|uid| names(&problem.message, uid))
    }
}

fn error(kind: ErrorKind, message: impl Into<String>, code: &str) -> ProviderError {
    ProviderError::new(kind, message).with_code(code)
}

fn said(problem: &Problem<'_>) -> String {
    redact::message(&problem.message).to_string()
}

fn names(message: &str, name: &str) -> bool {
    message.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

/// Returns the record that the message names: "… on record with id: 003…".
fn named_in(message: &str) -> Option<RemoteId> {
    let (_, rest) = message.rsplit_once("id: ")?;
    let id: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    matches!(id.len(), 15 | 18).then(|| id.into())
}

/// A duplicate rule stopped the write. One record that it names may be the same person; of
/// several nobody can tell which.
fn duplicates(problem: &Problem<'_>) -> ProviderError {
    let found = problem.duplicates.iter().flat_map(|found| &found.results);
    let mut ids: Vec<&str> =
        found.flat_map(|rule| &rule.records).map(|matched| matched.record.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let message = "a duplicate rule of the org found the same person";
    let kind = match ids.as_slice() {
        [id] => ErrorKind::Conflict { existing: Some((*id).into()) },
        _ => ErrorKind::Permanent,
    };
    error(kind, message, &problem.code)
        .with_hint("merge the records in Salesforce, or let the rule pass for the app's user")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::mapping;

    fn refused(json: &str) -> ProviderError {
        let reading = Reading { mapping: mapping::of(crm_core::ObjectKind::Contact) };
        reading.refused(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_taken_unique_value_names_its_record() {
        let error = refused(
            r#"{"statusCode":"DUPLICATE_VALUE","fields":[],
                "message":"duplicate value found: Crm_Sync_Uid__c duplicates value on record with id: 003dM00003kRs59"}"#,
        );
        let existing = Some("003dM00003kRs59".into());
        assert_eq!(*error.kind(), ErrorKind::Conflict { existing });
    }

    #[test]
    fn a_duplicate_rule_is_believed_only_if_it_names_one_record() {
        let rule = |ids: &[&str]| {
            let records: Vec<String> =
                ids.iter().map(|id| format!(r#"{{"record":{{"Id":"{id}"}}}}"#)).collect();
            format!(
                r#"{{"errorCode":"DUPLICATES_DETECTED","message":"no",
                    "duplicateResut":{{"matchResults":[{{"matchRecords":[{}]}}]}}}}"#,
                records.join(",")
            )
        };
        let one = ErrorKind::Conflict { existing: Some("003a".into()) };
        assert_eq!(*refused(&rule(&["003a"])).kind(), one);
        assert_eq!(*refused(&rule(&["003a", "003b"])).kind(), ErrorKind::Permanent);
        assert_eq!(*refused(&rule(&[])).kind(), ErrorKind::Permanent);
    }

    #[test]
    fn the_field_at_fault_is_named_from_list_or_message() {
        let listed = r#"{"statusCode":"STRING_TOO_LONG","message":"too long","fields":["Title"]}"#;
        let told = r#"{"errorCode":"INVALID_FIELD","message":"No such column 'Title' on sobject"}"#;
        for json in [listed, told] {
            let field = Some(Field::JOB_TITLE);
            assert_eq!(*refused(json).kind(), ErrorKind::Validation { field });
        }
        let uid = r#"{"errorCode":"INVALID_FIELD","message":"No such column 'Crm_Sync_Uid__c'"}"#;
        assert!(refused(uid).hint().unwrap().contains("--fix"));
    }
}
