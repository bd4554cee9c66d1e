//! Refusals: of a request as a bare object, of a record inside the list of answers.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;

/// A refusal; boxed, since every result may be one.
#[derive(Clone, Debug)]
pub(super) struct Problem(Box<Words>);

/// A refusal in the vendor's words.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) details: Value,
    pub(super) message: String,
}

impl std::ops::Deref for Problem {
    type Target = Words;

    fn deref(&self) -> &Words {
        &self.0
    }
}

impl Problem {
    pub(super) fn new(code: &'static str, details: Value, message: impl Into<String>) -> Self {
        let (status, message) = (StatusCode::BAD_REQUEST, message.into());
        Self(Box::new(Words { status, code, details, message }))
    }

    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "code": self.code,
            "details": self.details,
            "message": self.message,
            "status": "error",
        })
    }

    pub(super) fn token() -> Self {
        Self::new("INVALID_TOKEN", json!({}), "invalid oauth token")
            .status(StatusCode::UNAUTHORIZED)
    }

    pub(super) fn no_token() -> Self {
        Self::new("AUTHENTICATION_FAILURE", json!({}), "Authentication failed")
            .status(StatusCode::UNAUTHORIZED)
    }

    pub(super) fn scope() -> Self {
        Self::new("OAUTH_SCOPE_MISMATCH", json!({}), "invalid oauth scope to access this URL")
            .status(StatusCode::UNAUTHORIZED)
    }

    pub(super) fn permission() -> Self {
        Self::new("NO_PERMISSION", json!({ "permissions": [] }), "permission denied")
            .status(StatusCode::FORBIDDEN)
    }

    pub(super) fn module(place: usize) -> Self {
        let message = "the module name given seems to be invalid";
        Self::new("INVALID_MODULE", json!({ "resource_path_index": place }), message)
    }

    pub(super) fn url() -> Self {
        let message = "Please check if the URL trying to access is a correct one";
        Self::new("INVALID_URL_PATTERN", json!({}), message).status(StatusCode::NOT_FOUND)
    }

    pub(super) fn method() -> Self {
        let message = "The http request method type is not a valid one";
        Self::new("INVALID_REQUEST_METHOD", json!({}), message)
            .status(StatusCode::METHOD_NOT_ALLOWED)
    }

    pub(super) fn param_missing(name: &str) -> Self {
        let message = "One of the expected parameter is missing";
        Self::new("REQUIRED_PARAM_MISSING", json!({ "param_name": name }), message)
    }

    pub(super) fn param(name: &str) -> Self {
        let message = "the value given seems to be invalid";
        Self::new("INVALID_DATA", json!({ "param_name": name }), message)
    }

    pub(super) fn id_in_path(place: usize) -> Self {
        let message = "the id given seems to be invalid";
        Self::new("INVALID_DATA", json!({ "resource_path_index": place }), message)
    }

    /// An id in a body that no live record has.
    pub(super) fn id_in_body(index: usize) -> Self {
        let details = json!({ "api_name": "id", "json_path": format!("$.data[{index}].id") });
        Self::new("INVALID_DATA", details, "the id given seems to be invalid")
    }

    /// An id in a query that no live record has.
    pub(super) fn id_in_query(id: &str) -> Self {
        Self::new("INVALID_DATA", json!({ "id": id }), "record not deleted")
    }

    pub(super) fn mandatory(index: usize, name: &str) -> Self {
        Self::new("MANDATORY_NOT_FOUND", place(index, name), "required field not found")
    }

    pub(super) fn body_not_json() -> Self {
        let message = "The body is not a valid JSON, or has no list of data";
        Self::new("INVALID_DATA", json!({ "expected_data_type": "jsonobject" }), message)
    }

    pub(super) fn too_many(limit: usize) -> Self {
        Self::new("LIMIT_EXCEEDED", json!({ "limit": limit }), "too many records in one call")
    }

    pub(super) fn modified() -> Self {
        let message = "The record was modified after the time specified.";
        Self::new("RECORD_MODIFIED", json!({}), message).status(StatusCode::PRECONDITION_FAILED)
    }

    pub(super) fn internal() -> Self {
        Self::new("INTERNAL_ERROR", json!({}), "Internal Server Error")
            .status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn slow_down() -> Self {
        let message = "too many requests. please try again after some time";
        Self::new("TOO_MANY_REQUESTS", json!({}), message).status(StatusCode::TOO_MANY_REQUESTS)
    }
}

/// Where a value stands in the body of a write.
pub(super) fn place(index: usize, name: &str) -> Value {
    json!({ "api_name": name, "json_path": format!("$.data[{index}].{name}") })
}

/// Adds a member to an object.
pub(super) fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    object
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self::json(problem.status, problem.body())
    }
}
