//! What Salesforce's refusals mean.

use crm_core::{
    Action, Applied, ErrorKind, Field, Mapping, Operation, ProviderError, RemoteId, Write,
};
use crm_http::{Failure, Verdict, redact};

use crate::table::column;
use crate::wire::Problem;

const UID_HINT: &str = "run `crm check --fix`, which creates the field and makes it visible";
const RIGHTS_HINT: &str = "give the user the API Enabled permission and Read, Create, Edit and \
                           Delete on what is synchronised (Setup, Permission Sets)";
const RECORD_HINT: &str = "give the user access to this record (Setup, Sharing Settings)";
const RULE_HINT: &str = "merge the duplicates in Salesforce, or change the duplicate rule";
const DAY_HINT: &str = "the org counts its API requests over 24 hours; it goes on by itself when \
                        earlier ones drop out";

/// The code for a column that does not exist, or that the user may not see.
pub(crate) const INVALID_FIELD: &str = "INVALID_FIELD";
/// The code for a record that a duplicate rule refuses.
pub(crate) const DUPLICATES_DETECTED: &str = "DUPLICATES_DETECTED";

/// What is known of the connection when a failure is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading<'a> {
    /// The tables, to name the field at fault.
    pub(crate) mappings: &'a [&'static Mapping],
    /// The write, where it is known which one failed.
    pub(crate) written: Option<&'a Write>,
}

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// A whole request; this is whether it may have been applied if the code does not tell.
    Request(Applied),
    /// One record, which therefore was not written.
    Record,
}

impl Reading<'_> {
    /// Returns what a failed request means.
    pub(crate) fn classify(self, failure: &Failure<'_>) -> Verdict {
        let problems: Vec<Problem> = failure.json().unwrap_or_default();
        let Some(problem) = problems.first() else {
            return silent(failure);
        };
        if problem.error_code == "REQUEST_LIMIT_EXCEEDED" && problem.is_concurrency() {
            let retry_after = failure.retry_after();
            let message = "too many long requests are under way at once";
            return Verdict::new(ErrorKind::RateLimited { retry_after }, message)
                .code("REQUEST_LIMIT_EXCEEDED");
        }
        let what = Refused::Request(failure.applied());
        match self.by_code(problem, what, failure.operation()) {
            Some(error) => error.into(),
            None => failure.by_status().code(problem.error_code.clone()),
        }
    }

    /// Returns why one record of a collection was not written.
    pub(crate) fn record(self, problems: &[Problem]) -> ProviderError {
        let Some(problem) = problems.first() else {
            let kind = ErrorKind::Malformed { applied: Applied::No };
            return ProviderError::new(kind, "a record was refused without a reason")
                .with_operation(Operation::Apply);
        };
        let error = self.by_code(problem, Refused::Record, Operation::Apply);
        let error = error.unwrap_or_else(|| {
            let message = format!("the record is not accepted: {}", problem.said());
            ProviderError::new(ErrorKind::Permanent, message).with_code(&*problem.error_code)
        });
        error.with_operation(Operation::Apply)
    }

    /// Returns what a code means; `None` if only the status tells.
    fn by_code(
        self,
        problem: &Problem,
        what: Refused,
        operation: Operation,
    ) -> Option<ProviderError> {
        let error = match problem.error_code.as_str() {
            "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" => {
                ProviderError::new(ErrorKind::Auth, "the access token has expired or is not valid")
            }
            "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" | "TXN_SECURITY_METERING_ERROR" => {
                forbidden(problem)
            }
            "INSUFFICIENT_ACCESS"
            | "INSUFFICIENT_ACCESS_OR_READONLY"
            | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY" => match what {
                Refused::Request(_) => forbidden(problem),
                // The rights of one record are no reason to hold the others back.
                Refused::Record => {
                    let message = format!("the user may not change the record: {}", problem.said());
                    ProviderError::new(ErrorKind::Permanent, message).with_hint(RECORD_HINT)
                }
            },
            "REQUEST_LIMIT_EXCEEDED" => {
                let kind = ErrorKind::QuotaExhausted { until: None };
                let message = "the org's API requests of 24 hours are used up";
                ProviderError::new(kind, message).with_hint(DAY_HINT)
            }
            "UNABLE_TO_LOCK_ROW" => transient(Applied::No, "the record is locked"),
            "SERVER_UNAVAILABLE" | "UNKNOWN_EXCEPTION" | "QUERY_TIMEOUT" => {
                let applied = match what {
                    Refused::Request(applied) => applied,
                    Refused::Record => Applied::No,
                };
                transient(applied, &format!("Salesforce failed: {}", problem.said()))
            }
            "ALL_OR_NONE_OPERATION_ROLLED_BACK" | "PROCESSING_HALTED" => {
                transient(Applied::No, "the record was not written because of another one")
            }
            "DUPLICATE_VALUE" | "DUPLICATE_EXTERNAL_ID" => {
                let existing = problem.named_record();
                let message = "another record holds a value that must be unique";
                ProviderError::new(ErrorKind::Conflict { existing }, message)
            }
            DUPLICATES_DETECTED => duplicate(problem),
            "NOT_FOUND" if problem.lacks_key_field() && operation == Operation::Apply => {
                no_uid_field()
            }
            "ENTITY_IS_DELETED" => {
                ProviderError::new(ErrorKind::NotFound, "the record lies in the recycle bin")
            }
            "NOT_FOUND" | "MALFORMED_ID" | "INVALID_CROSS_REFERENCE_KEY" => {
                ProviderError::new(ErrorKind::NotFound, "there is no such record")
            }
            // The rights to one type are no reason to hold the others back.
            "INVALID_TYPE" => {
                let message = "the user may not see records of this type";
                ProviderError::new(ErrorKind::Permanent, message).with_hint(RIGHTS_HINT)
            }
            "STORAGE_LIMIT_EXCEEDED" => {
                ProviderError::new(ErrorKind::Permanent, "the org's storage is full")
                    .with_hint("delete data or buy storage (Setup, Storage Usage)")
            }
            code => return self.invalid(code, problem, operation),
        };
        Some(error.with_code(&*problem.error_code))
    }

    /// Returns the error of a value that is not accepted.
    fn invalid(self, code: &str, problem: &Problem, operation: Operation) -> Option<ProviderError> {
        let is_value = code.starts_with("FIELD_")
            || matches!(
                code,
                INVALID_FIELD
                    | "REQUIRED_FIELD_MISSING"
                    | "STRING_TOO_LONG"
                    | "INVALID_EMAIL_ADDRESS"
                    | "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
                    | "INVALID_FIELD_FOR_INSERT_UPDATE"
                    | "INVALID_TYPE_ON_FIELD_IN_RECORD"
                    | "NUMBER_OUTSIDE_VALID_RANGE"
                    | "JSON_PARSER_ERROR"
            );
        if !is_value {
            return None;
        }
        let names = problem.names();
        let uid = self.mappings.first().and_then(|mapping| mapping.uid);
        let error = if names.iter().any(|name| Some(*name) == uid) {
            let message = "our unique id cannot be written to its field";
            ProviderError::new(ErrorKind::Permanent, message).with_hint(UID_HINT)
        } else if code == INVALID_FIELD && operation != Operation::Apply {
            let message = format!("the org lacks a field: {}", problem.said());
            ProviderError::new(ErrorKind::Permanent, message)
                .with_hint("run `crm check`, which names it")
        } else {
            let field = names.iter().find_map(|name| self.field(name));
            let message = format!("a value is not accepted: {}", problem.said());
            ProviderError::new(ErrorKind::Validation { field }, message)
        };
        Some(error.with_code(code))
    }

    /// Returns the field that a column holds; of several, the one that was written.
    fn field(self, name: &str) -> Option<Field> {
        let rules = self.mappings.iter().flat_map(|mapping| mapping.rules);
        let fields = rules.filter(|rule| column(rule) == Some(name)).map(|rule| rule.field);
        let fields: Vec<Field> = fields.collect();
        let written = fields.iter().find(|field| {
            self.written.is_some_and(|write| match &write.action {
                Action::Create { fields, .. } => fields.get(**field).is_some(),
                Action::Update { patch, .. } => patch.contains(**field),
                Action::Delete { .. } => false,
            })
        });
        written.or(fields.first()).copied()
    }
}

impl Problem {
    fn said(&self) -> String {
        redact::message(&self.message)
    }

    fn is_concurrency(&self) -> bool {
        self.message.contains("ConcurrentRequests")
    }

    fn lacks_key_field(&self) -> bool {
        self.message.contains("external ID field does not exist")
    }

    /// Returns the record that stands at the end of the message about a value that is taken.
    fn named_record(&self) -> Option<RemoteId> {
        let (_, rest) = self.message.rsplit_once("record with id: ")?;
        let id: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        matches!(id.len(), 15 | 18).then(|| id.into())
    }
}

/// Returns the error of a version list without one that we know.
pub(crate) fn no_version() -> ProviderError {
    let message =
        format!("the org offers no version of the interface up to {}", crate::API_VERSION);
    ProviderError::new(ErrorKind::Permanent, message).with_hint("update crm-sync")
}

/// Returns the error of a create where the org has no field for our unique id.
pub(crate) fn no_uid_field() -> ProviderError {
    let message = "the org has no field for our unique id";
    ProviderError::new(ErrorKind::Permanent, message).with_hint(UID_HINT)
}

/// Returns the error of a write to something that is no record's id.
pub(crate) fn no_record() -> ProviderError {
    ProviderError::new(ErrorKind::NotFound, "there is no such record")
        .with_operation(Operation::Apply)
}

fn forbidden(problem: &Problem) -> ProviderError {
    let message = format!("a right is missing: {}", problem.said());
    ProviderError::new(ErrorKind::Forbidden, message).with_hint(RIGHTS_HINT)
}

fn transient(applied: Applied, message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Transient { applied }, message)
}

/// One matched record may be the same person; several are for a person to sort out.
fn duplicate(problem: &Problem) -> ProviderError {
    let message = "a duplicate rule of the org refuses the record";
    let kind = match problem.duplicates().as_slice() {
        [only] => ErrorKind::Conflict { existing: Some((*only).into()) },
        _ => ErrorKind::Permanent,
    };
    ProviderError::new(kind, message).with_hint(RULE_HINT)
}

/// The edge of the network answers without JSON; whatever the status, it is a matter of time.
fn silent(failure: &Failure<'_>) -> Verdict {
    match failure.status().as_u16() {
        406 | 420 => {
            let applied = failure.applied();
            let message = "the network in front of Salesforce refused the request";
            Verdict::new(ErrorKind::Transient { applied }, message)
        }
        _ => failure.by_status(),
    }
}

#[cfg(test)]
mod tests;
