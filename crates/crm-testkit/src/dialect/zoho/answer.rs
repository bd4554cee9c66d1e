//! Answers: JSON with the vendor's headers, or nothing at all.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

/// An answer before it becomes bytes.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Option<Value>,
}

impl Answer {
    pub(super) const fn json(status: StatusCode, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    pub(super) const fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// Nothing was found: no body at all.
    pub(super) const fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: None }
    }

    /// Nothing changed since.
    pub(super) const fn unchanged() -> Self {
        Self { status: StatusCode::NOT_MODIFIED, headers: Vec::new(), body: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let text = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.body.is_some() {
            let json = HeaderValue::from_static("application/json;charset=UTF-8");
            headers.insert(header::CONTENT_TYPE, json);
            let file = HeaderValue::from_static("attachment; filename=response.json");
            headers.insert(header::CONTENT_DISPOSITION, file);
        }
        headers.insert(header::SERVER, HeaderValue::from_static("ZGS"));
        let never = HeaderValue::from_static("no-cache, no-store, must-revalidate");
        headers.insert(header::CACHE_CONTROL, never);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }
}
