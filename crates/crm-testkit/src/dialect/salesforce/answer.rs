//! An answer before it becomes bytes, so that composite requests can embed it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::problem::Problem;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(Vec<u8>),
    Csv(String),
    Text(String),
    Xml(String),
}

impl Answer {
    pub(super) fn json(status: StatusCode, value: &Value) -> Self {
        Self::raw(status, value.to_string().into_bytes())
    }

    pub(super) fn ok(value: &Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// Returns an answer whose JSON is written already.
    pub(super) fn raw(status: StatusCode, json: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(json) }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the body as JSON text, for an answer inside another.
    pub(super) fn embedded(&self) -> String {
        match &self.body {
            Body::Empty => "null".to_owned(),
            Body::Json(json) => String::from_utf8_lossy(json).into_owned(),
            Body::Csv(text) | Body::Text(text) | Body::Xml(text) => {
                Value::from(text.as_str()).to_string()
            }
        }
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let (kind, bytes) = match self.body {
            Body::Empty => (None, Bytes::new()),
            Body::Json(json) => (Some("application/json;charset=UTF-8"), json.into()),
            Body::Csv(text) => (Some("text/csv;charset=UTF-8"), text.into()),
            Body::Text(text) => (Some("text/plain;charset=UTF-8"), text.into()),
            Body::Xml(text) => (Some("text/xml;charset=UTF-8"), text.into()),
        };
        let mut response = Response::new(bytes);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache,must-revalidate,max-age=0,no-store,private"),
        );
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self::json(problem.status, &problem.body())
    }
}
