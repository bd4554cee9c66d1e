//! What Zoho's refusals mean.

use crm_core::{
    Action, Applied, ErrorKind, Field, Mapping, Operation, ProviderError, RemoteId, Write,
};
use crm_http::{Failure, Verdict, redact};
use std::time::Duration;

use crate::table::column;
use crate::wire::{Outcomes, Problem};

const UID_HINT: &str = "run `crm check --fix`, which creates the field";
const SCOPE_HINT: &str = "authorise the client again with the scopes ZohoCRM.modules.ALL, \
                          ZohoCRM.settings.ALL, ZohoCRM.users.READ, ZohoCRM.org.READ and \
                          ZohoCRM.coql.READ";
const RIGHTS_HINT: &str = "give the user's profile the right (Setup, Security Control, Profiles)";
const STATE_HINT: &str = "unlock, approve or finish the record in Zoho";
const DAY_HINT: &str = "the organisation counts its credits over 24 hours; it goes on by itself \
                        when earlier ones drop out";
/// What is left of the credits, once half are used.
pub(crate) const CREDITS_LEFT: &str = "x-api-credits-remaining";
/// How long to wait where a refusal does not say: calls under way are soon answered.
const PAUSE: Duration = Duration::from_secs(5);

/// The code of a query with a column that does not exist.
pub(crate) const INVALID_QUERY: &str = "INVALID_QUERY";
/// Our own code for an answer that says that nothing changed: it has no body, and is no error.
pub(crate) const UNCHANGED: &str = "304";

/// What is known of the connection when a failure is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading<'a> {
    /// The table, to name the field at fault.
    pub(crate) mapping: Option<&'static Mapping>,
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
        if failure.status().as_u16() == 304 {
            return Verdict::new(ErrorKind::Permanent, "nothing changed").code(UNCHANGED);
        }
        let whole = failure.json::<Problem>().filter(|problem| !problem.code.is_empty());
        let first = || {
            let outcomes: Outcomes = failure.json()?;
            outcomes.data.into_iter().next().map(|outcome| outcome.problem)
        };
        let (problem, what) = match whole {
            Some(problem) => (problem, Refused::Request(failure.applied())),
            None => match first() {
                Some(problem) => (problem, Refused::Record),
                None => return failure.by_status(),
            },
        };
        if problem.code == "TOO_MANY_REQUESTS" {
            return too_many(failure);
        }
        match self.by_code(&problem, what) {
            Some(error) => error.into(),
            None => failure.by_status().code(problem.code),
        }
    }

    /// Returns why one record was not written.
    pub(crate) fn record(self, problem: &Problem) -> ProviderError {
        let error = self.by_code(problem, Refused::Record).unwrap_or_else(|| {
            let message = format!("the record is not accepted: {}", problem.said());
            ProviderError::new(ErrorKind::Permanent, message).with_code(&*problem.code)
        });
        error.with_operation(Operation::Apply)
    }

    /// Returns what a code means; `None` if only the status tells.
    fn by_code(self, problem: &Problem, what: Refused) -> Option<ProviderError> {
        let error = match problem.code.as_str() {
            "INVALID_TOKEN" | "AUTHENTICATION_FAILURE" => {
                ProviderError::new(ErrorKind::Auth, "the access token has expired or is not valid")
            }
            // Its status is the one of an expired token, and no renewal helps.
            "OAUTH_SCOPE_MISMATCH" => {
                ProviderError::new(ErrorKind::Forbidden, "the token lacks a scope")
                    .with_hint(SCOPE_HINT)
            }
            "NO_PERMISSION" => {
                let message = format!("a right is missing: {}", problem.said());
                // The rights of one record are no reason to hold the others back.
                let kind = match what {
                    Refused::Request(_) => ErrorKind::Forbidden,
                    Refused::Record => ErrorKind::Permanent,
                };
                ProviderError::new(kind, message).with_hint(RIGHTS_HINT)
            }
            "RECORD_MODIFIED" => {
                ProviderError::new(ErrorKind::Stale, "the record changed since it was read")
            }
            "DUPLICATE_DATA" => {
                let existing = problem.duplicate().map(RemoteId::from);
                let message = "another record holds a value that must be unique";
                ProviderError::new(ErrorKind::Conflict { existing }, message)
            }
            "RECORD_LOCKED" | "RECORD_IN_BLUEPRINT" | "NOT_APPROVED" | "CONVERTED_RECORD" => {
                let message = format!("the record does not take changes: {}", problem.said());
                ProviderError::new(ErrorKind::Permanent, message).with_hint(STATE_HINT)
            }
            "INTERNAL_ERROR" => {
                let applied = match what {
                    Refused::Request(applied) => applied,
                    Refused::Record => Applied::No,
                };
                ProviderError::new(ErrorKind::Transient { applied }, "Zoho failed")
            }
            "INVALID_MODULE" => {
                ProviderError::new(ErrorKind::Permanent, "the user may not see this module")
                    .with_hint(RIGHTS_HINT)
            }
            INVALID_QUERY | "SYNTAX_ERROR" => {
                let message = format!("the query is not accepted: {}", problem.said());
                ProviderError::new(ErrorKind::Permanent, message)
                    .with_hint("run `crm check`, which names a field that is missing")
            }
            "STORAGE_SPACE_EXCEEDED" => {
                ProviderError::new(ErrorKind::Permanent, "the organisation's storage is full")
                    .with_hint("delete data or buy storage (Setup, Data Administration, Storage)")
            }
            "INVALID_DATA" if problem.is_of_id() => {
                ProviderError::new(ErrorKind::NotFound, "there is no such record")
            }
            "INVALID_DATA"
            | "MANDATORY_NOT_FOUND"
            | "DEPENDENT_FIELD_MISSING"
            | "EXPECTED_FIELD_MISSING"
            | "MAPPING_MISMATCH"
            | "PATTERN_NOT_MATCHED"
            | "DATA_MISMATCH" => self.invalid(problem),
            _ => return None,
        };
        Some(error.with_code(&*problem.code))
    }

    /// Returns the error of a value that is not accepted.
    fn invalid(self, problem: &Problem) -> ProviderError {
        let name = problem.detail("api_name").unwrap_or_default();
        if self.mapping.is_some_and(|mapping| mapping.uid == Some(name)) {
            let message = "our unique id cannot be written to its field";
            return ProviderError::new(ErrorKind::Permanent, message).with_hint(UID_HINT);
        }
        // The module of a tie is not there without the tie.
        let name = if name == crate::table::KIN { crate::table::WHAT } else { name };
        let field = self.field(name);
        let place = if name.is_empty() { String::new() } else { format!(" (`{name}`)") };
        let message = format!("a value is not accepted: {}{place}", problem.said());
        ProviderError::new(ErrorKind::Validation { field }, message)
    }

    /// Returns the field that a column holds; of several, the one that was written.
    fn field(self, name: &str) -> Option<Field> {
        let rules = self.mapping.into_iter().flat_map(|mapping| mapping.rules);
        let fields = rules.filter(|rule| column(rule) == Some(name)).map(|rule| rule.field);
        let fields: Vec<Field> = fields.collect();
        let written = fields.iter().find(|field| {
            self.written.is_some_and(|write| match &write.action {
                Action::Create { fields, .. } => fields.get(**field).is_some(),
                Action::Update { patch, .. } => {
                    patch.iter().any(|(known, value)| known == **field && value.is_some())
                }
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

    /// Returns whether what is wrong is the id of the record itself.
    fn is_of_id(&self) -> bool {
        let names_id = self.detail("api_name") == Some("id");
        names_id || (!self.has("api_name") && (self.has("id") || self.has("resource_path_index")))
    }
}

/// Too many credits, or too many calls at once: the two have one code.
fn too_many(failure: &Failure<'_>) -> Verdict {
    let left = failure.headers().get(CREDITS_LEFT).and_then(|value| value.to_str().ok());
    let verdict = if left.is_some_and(|left| left.trim() == "0") {
        let message = "the organisation's credits of 24 hours are used up";
        Verdict::new(ErrorKind::QuotaExhausted { until: None }, message).hint(DAY_HINT)
    } else {
        let retry_after = failure.retry_after();
        let message = "too many calls are under way at once";
        Verdict::new(ErrorKind::RateLimited { retry_after }, message).wait_min(PAUSE)
    };
    verdict.code("TOO_MANY_REQUESTS")
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

/// Returns the error of a write that was not sent, since the record was changed meanwhile.
pub(crate) fn stale() -> ProviderError {
    ProviderError::new(ErrorKind::Stale, "the record changed since it was read")
        .with_operation(Operation::Apply)
}

/// Rows are only read, so nothing was applied.
pub(crate) fn unreadable(message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Malformed { applied: Applied::No }, message)
}
