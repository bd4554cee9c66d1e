//! Refusals, in the vendor's three dialects: a top-level array with `errorCode`, an element's
//! list with `statusCode`, and the text of a bulk result.

use std::ops::{Deref, DerefMut};

use http::StatusCode;
use serde_json::{Value, json};

use crate::soql;

/// Why something was refused; boxed, because it travels through every `Result`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem(Box<Parts>);

/// What a refusal says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The fields at fault; `None` leaves the key out of a top-level answer.
    pub(super) fields: Option<Vec<String>>,
    /// What a duplicate rule found.
    pub(super) duplicates: Option<Value>,
    /// The records that an ambiguous key stands for: the answer is their addresses.
    pub(super) choices: Vec<String>,
}

impl Deref for Problem {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl Problem {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
            fields: None,
            duplicates: None,
            choices: Vec::new(),
        }))
    }

    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn fields<T: Into<String>>(mut self, fields: impl IntoIterator<Item = T>) -> Self {
        self.fields = Some(fields.into_iter().map(Into::into).collect());
        self
    }

    pub(super) fn not_found() -> Self {
        Self::new("NOT_FOUND", "The requested resource does not exist")
            .status(StatusCode::NOT_FOUND)
    }

    /// The refusal of a value for a key that does not name a record.
    pub(super) fn no_such_key(value: &str) -> Self {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {value}");
        Self::new("NOT_FOUND", message).status(StatusCode::NOT_FOUND)
    }

    pub(super) fn deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted")
            .status(StatusCode::NOT_FOUND)
            .fields::<String>([])
    }

    pub(super) fn method(method: &http::Method) -> Self {
        let message = format!("HTTP Method '{method}' not allowed. Look at the Allow header.");
        Self::new("METHOD_NOT_ALLOWED", message).status(StatusCode::METHOD_NOT_ALLOWED)
    }

    pub(super) fn json(message: impl Into<String>) -> Self {
        Self::new("JSON_PARSER_ERROR", message)
    }

    pub(super) fn session() -> Self {
        Self::new("INVALID_SESSION_ID", "Session expired or invalid")
            .status(StatusCode::UNAUTHORIZED)
    }

    pub(super) fn locked(id: &str) -> Self {
        let message =
            format!("unable to obtain exclusive access to this record or 1 records: {id}");
        Self::new("UNABLE_TO_LOCK_ROW", message).fields::<String>([])
    }

    pub(super) fn rolled_back() -> Self {
        let message = "Record rolled back because not all records were valid and the request was \
                       using AllOrNone header";
        Self::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", message)
    }

    pub(super) fn bad_reference() -> Self {
        Self::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").fields::<String>([])
    }

    /// Returns the body of an answer that consists of this refusal alone.
    pub(super) fn body(&self) -> Value {
        if !self.choices.is_empty() {
            return json!(self.choices);
        }
        let mut entry = json!({ "message": self.message, "errorCode": self.code });
        if let Some(fields) = &self.fields {
            set(&mut entry, "fields", json!(fields));
        }
        if let Some(found) = &self.duplicates {
            // The vendor's spelling: the "l" is missing.
            set(&mut entry, "duplicateResut", found.clone());
        }
        json!([entry])
    }

    /// Returns the entry of an element's `errors`.
    pub(super) fn element(&self) -> Value {
        json!({
            "statusCode": self.code,
            "message": self.message,
            "fields": self.fields.clone().unwrap_or_default(),
        })
    }

    /// Returns the text in a bulk result.
    pub(super) fn bulk(&self) -> String {
        let fields = self.fields.clone().unwrap_or_default().join(",");
        format!("{}:{}:{fields} --", self.code, self.message)
    }
}

fn set(entry: &mut Value, key: &str, value: Value) {
    if let Some(map) = entry.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

impl From<soql::Problem> for Problem {
    fn from(problem: soql::Problem) -> Self {
        Self::new(problem.code, problem.message)
    }
}
