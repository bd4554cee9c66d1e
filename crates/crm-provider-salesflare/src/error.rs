//! What Salesflare's refusals mean.

use crm_core::{ErrorKind, Field, Mapping, ProviderError};
use crm_http::{Failure, Verdict, redact};

use crate::wire::Problem;

pub(crate) const RIGHTS_HINT: &str =
    "use the API key of a user who sees the records of everybody (Salesflare: Settings, API keys)";
pub(crate) const UID_HINT: &str = "run `crm check --fix`, which creates the field";

/// What is known of the connection when a failure is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// The table, to name the field at fault.
    pub(crate) mapping: Option<&'static Mapping>,
}

impl Reading {
    /// Returns what a failed request means.
    pub(crate) fn classify(self, failure: &Failure<'_>) -> Verdict {
        match failure.status().as_u16() {
            400 | 422 => self.invalid(&failure.json().unwrap_or_default()).into(),
            401 => Verdict::new(ErrorKind::Auth, "the API key was refused"),
            403 => Verdict::new(ErrorKind::Forbidden, "the key's user may not do that")
                .hint(RIGHTS_HINT),
            404 => Verdict::new(ErrorKind::NotFound, "there is no such record"),
            _ => failure.by_status(),
        }
    }

    fn invalid(self, problem: &Problem) -> ProviderError {
        let said = problem.message.as_deref().map(redact::message).unwrap_or_default();
        let path = problem.path();
        let uid = self.mapping.and_then(|mapping| mapping.uid);
        // The unique value of tasks stands in a field that has other uses.
        if path.is_some() && path == uid.filter(|uid| uid.starts_with("custom.")) {
            let message = "the account has no field for our unique id";
            return ProviderError::new(ErrorKind::Permanent, message).with_hint(UID_HINT);
        }
        let field = path.and_then(|path| self.field(path));
        let message = match path {
            Some(path) => format!("the value of `{path}` is not accepted: {said}"),
            None => format!("the request is not accepted: {said}"),
        };
        let error = ProviderError::new(ErrorKind::Validation { field }, message);
        match problem.constraint() {
            Some(constraint) => error.with_code(constraint),
            None => error,
        }
    }

    fn field(self, path: &str) -> Option<Field> {
        let rules = self.mapping?.rules;
        let whole = rules.iter().find(|rule| rule.remote == path);
        // Of a list the first row is ours: `assignees.0`.
        let first = || rules.iter().find(|rule| path.split('.').next() == Some(rule.remote));
        whole.or_else(first).map(|rule| rule.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::mapping;
    use crm_core::ObjectKind;

    fn refused(path: &str) -> ProviderError {
        let json = serde_json::json!({
            "statusCode": 400,
            "message": "not accepted",
            "validation": { "source": "payload", "errors": [{ "path": path, "constraint": "base" }] },
        });
        let reading = Reading { mapping: mapping::of(ObjectKind::Contact) };
        reading.invalid(&serde_json::from_value(json).unwrap())
    }

    #[test]
    fn a_refused_value_names_the_field() {
        let kind = |field| ErrorKind::Validation { field };
        assert_eq!(*refused("3.email").kind(), kind(Some(Field::EMAIL)));
        assert_eq!(*refused("address.country").kind(), kind(Some(Field::COUNTRY)));
        assert_eq!(*refused("files").kind(), kind(None));
    }

    #[test]
    fn the_missing_field_for_our_id_is_not_the_records_fault() {
        let error = refused("custom.crm_sync_uid");
        assert_eq!(*error.kind(), ErrorKind::Permanent);
        assert!(error.hint().unwrap().contains("--fix"));
    }
}
