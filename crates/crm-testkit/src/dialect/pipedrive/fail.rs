//! Refusals in the vendor's words.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

const INFO: &str = "Please check developers.pipedrive.com";

/// A refusal.
#[derive(Debug)]
pub(super) struct Fail {
    pub(super) status: u16,
    pub(super) error: String,
    info: &'static str,
    /// The gateway's refusals have a code and no data.
    gateway: bool,
}

impl Fail {
    pub(super) fn new(status: u16, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), info: INFO, gateway: false }
    }

    pub(super) fn gateway(status: u16, error: impl Into<String>) -> Self {
        Self { gateway: true, ..Self::new(status, error) }
    }

    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self::new(400, error)
    }

    pub(super) fn no_record() -> Self {
        Self { info: "Object was not found.", ..Self::new(404, "Entity was not found") }
    }

    pub(super) fn unauthorized() -> Self {
        Self::gateway(401, "unauthorized access")
    }

    pub(super) fn response(&self) -> Response<Bytes> {
        let mut body = json!({ "success": false, "error": self.error, "error_info": self.info });
        if let Value::Object(members) = &mut body {
            if self.gateway {
                members.insert("errorCode".to_owned(), json!(self.status));
            } else {
                members.insert("data".to_owned(), Value::Null);
                members.insert("additional_data".to_owned(), Value::Null);
            }
        }
        let mut response = json_response(self.status, &body);
        if self.status == 401 {
            response.headers_mut().insert("x-401-by-gw", HeaderValue::from_static("true"));
        }
        response
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

/// Returns the answer about one thing, in the envelope of version 2.
pub(super) fn one(data: &Value) -> Response<Bytes> {
    json_response(200, &json!({ "success": true, "data": data }))
}
