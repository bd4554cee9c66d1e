//! The vendor's error bodies.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

/// An answer other than success.
#[derive(Debug)]
pub(super) struct Fail {
    pub(super) status: u16,
    pub(super) body: Map<String, Value>,
}

/// What is wrong with the value of one property.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) name: Box<str>,
    pub(super) code: &'static str,
    pub(super) message: Box<str>,
}

impl Fail {
    /// Returns an error without a category.
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        let mut body = Map::new();
        body.insert("status".to_owned(), json!("error"));
        body.insert("message".to_owned(), Value::String(message.into()));
        Self { status, body }
    }

    /// Adds a key to the body.
    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        self.body.insert(key.to_owned(), value);
        self
    }

    /// Returns an error with a category.
    pub(super) fn of(status: u16, category: &str, message: impl Into<String>) -> Self {
        Self::new(status, message).with("category", json!(category))
    }

    /// Returns a 400 about the request as a whole.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::of(400, "VALIDATION_ERROR", message)
    }

    /// Returns a 404 of a read: no category.
    pub(super) fn not_found() -> Self {
        Self::new(404, "resource not found")
    }

    /// Returns a 404 of a write.
    pub(super) fn no_object(id: &str) -> Self {
        // Two spaces, as the vendor writes it.
        Self::of(404, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.")
            .with("context", json!({ "id": [id] }))
    }

    /// Returns a 400 that lists values that are not valid.
    pub(super) fn values(problems: &[Problem]) -> Self {
        let rows: Vec<Value> = problems
            .iter()
            .map(|problem| {
                json!({
                    "isValid": false,
                    "message": problem.message,
                    "error": problem.code,
                    "name": problem.name,
                })
            })
            .collect();
        let errors: Vec<Value> = problems
            .iter()
            .map(|problem| {
                json!({
                    "message": problem.message,
                    "code": problem.code,
                    "context": { "propertyName": [problem.name] },
                })
            })
            .collect();
        Self::invalid(format!("Property values were not valid: {}", Value::Array(rows)))
            .with("errors", Value::Array(errors))
    }

    /// Returns the error as one row of a batch's `errors`.
    pub(super) fn into_row(self, context: Map<String, Value>) -> Value {
        let mut row = self.body;
        let mut merged = match row.remove("context") {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        merged.extend(context);
        row.insert("context".to_owned(), Value::Object(merged));
        Value::Object(row)
    }

    /// Returns the HTTP answer.
    pub(super) fn response(mut self, correlation: &str) -> Response<Bytes> {
        self.body.insert("correlationId".to_owned(), json!(correlation));
        json_response(self.status, Value::Object(self.body).to_string())
    }
}

/// Returns an answer with a JSON body.
pub(super) fn json_response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/json;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Returns an answer without a body.
pub(super) fn empty_response(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
