//! The vendor's error bodies: the same three members always, and what is wrong with a request.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An answer other than success.
#[derive(Debug)]
pub(super) struct Fail {
    pub(super) status: u16,
    pub(super) message: Box<str>,
    validation: Option<Box<Value>>,
}

/// Which part of a request is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Payload,
    Query,
    Params,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Query => "query",
            Self::Params => "params",
        }
    }
}

impl Fail {
    /// Returns an error that says no more than its status.
    pub(super) fn of(status: u16) -> Self {
        let message = match status {
            500 => "An internal server error occurred",
            other => title(other),
        };
        Self { status, message: message.into(), validation: None }
    }

    /// Returns a 400 about one member; `says` goes on after its name.
    pub(super) fn invalid(part: Part, path: &str, constraint: &str, says: &str) -> Self {
        let label = path.rsplit('.').next().filter(|label| !label.is_empty()).unwrap_or("value");
        let message = format!("\"{label}\" {says}");
        let ty = if path.is_empty() { "object" } else { "any" };
        let validation = json!({
            "source": part.name(),
            "errors": [{
                "path": path,
                "message": message,
                "type": ty,
                "constraint": constraint,
                "label": label,
            }],
        });
        Self { status: 400, message: message.into(), validation: Some(Box::new(validation)) }
    }

    /// Returns a 400 about a member of the body.
    pub(super) fn payload(path: &str, constraint: &str, says: &str) -> Self {
        Self::invalid(Part::Payload, path, constraint, says)
    }

    /// Returns a 400 about a parameter of the query.
    pub(super) fn query(name: &str, says: &str) -> Self {
        Self::invalid(Part::Query, name, "invalid", says)
    }

    /// Returns the HTTP answer.
    pub(super) fn response(self) -> Response<Bytes> {
        let mut body = json!({
            "statusCode": self.status,
            "error": title(self.status),
            "message": self.message,
        });
        if let (Some(validation), Some(members)) = (self.validation, body.as_object_mut()) {
            members.insert("validation".to_owned(), *validation);
        }
        json_response(self.status, &body)
    }
}

const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

/// Returns an answer with a JSON body.
pub(super) fn json_response(status: u16, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
