//! An answer: status, headers and a bounded body that JSON is read from without copying.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use crm_core::{Applied, ErrorKind, Operation, ProviderError, Result};
use http::header::DATE;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::error::Category;

use crate::request::Effect;

/// An answer of a provider.
#[derive(Clone)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) request_id: Option<String>,
    pub(crate) operation: Operation,
    pub(crate) effect: Effect,
}

impl Reply {
    /// Returns the status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the provider's clock, as the `Date` header tells it.
    pub fn date(&self) -> Option<Timestamp> {
        date(&self.headers)
    }

    /// Returns the vendor's id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the body.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Reads the body as JSON; texts may be borrowed from it.
    pub fn json<'de, T: Deserialize<'de>>(&'de self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| self.malformed(not_json(&error)))
    }

    /// Makes the error of an answer that cannot be understood; it says whether the request may
    /// have been applied all the same.
    pub fn malformed(&self, message: impl Into<String>) -> ProviderError {
        let applied = self.effect.applied();
        let error = ProviderError::new(ErrorKind::Malformed { applied }, message)
            .with_operation(self.operation)
            .with_status(self.status.as_u16());
        match &self.request_id {
            Some(id) => error.with_request_id(id.as_str()),
            None => error,
        }
    }

    /// Returns what a failure of this request means for what it was to do.
    pub const fn applied(&self) -> Applied {
        self.effect.applied()
    }
}

impl fmt::Debug for Reply {
    /// Shows no body: it is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status.as_u16())
            .field("request_id", &self.request_id)
            .field("headers", &crate::redact::headers(&self.headers))
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Reads the `Date` header.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// Reads a date in any of the three forms of HTTP.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    Timestamp::try_from(time).ok()
}

/// Says where JSON went wrong. The library's own message quotes values, which may be personal.
fn not_json(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Syntax => format!("the answer is not JSON ({place})"),
        Category::Eof | Category::Io => format!("the answer ends too early ({place})"),
        Category::Data => {
            let text = error.to_string();
            let missing =
                text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
            match missing {
                Some((field, _)) => format!("the answer lacks `{field}` ({place})"),
                None => format!("the answer has another shape than expected ({place})"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, http_date};
    use crate::Effect;
    use crm_core::{Applied, ErrorKind, Operation};

    fn reply(body: &'static str, effect: Effect) -> Reply {
        Reply {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: body.into(),
            request_id: Some("r-1".to_owned()),
            operation: Operation::Get,
            effect,
        }
    }

    #[derive(Debug, serde::Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        email: &'a str,
    }

    #[test]
    fn json_borrows_from_the_body() {
        let reply = reply(r#"{"email":"ada@people.example"}"#, Effect::Read);
        let row: Row<'_> = reply.json().unwrap();
        let body = reply.body().as_ptr_range();
        assert!(body.contains(&row.email.as_ptr()));
    }

    #[test]
    fn an_unreadable_answer_to_a_write_leaves_its_fate_open() {
        let cases = [
            (Effect::Read, Applied::No),
            (Effect::IdempotentWrite, Applied::Unknown),
            (Effect::Write, Applied::Unknown),
        ];
        for (effect, applied) in cases {
            let reply = reply("<html>", effect);
            let error = reply.json::<Row<'_>>().unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Malformed { applied });
            assert_eq!(error.request_id(), Some("r-1"));
        }
    }

    #[test]
    fn errors_quote_no_values() {
        let wrong = reply(r#"{"email":5550100}"#, Effect::Read);
        let error = wrong.json::<Row<'_>>().unwrap_err();
        assert!(!error.to_string().contains("5550100"), "{error}");
        let lacking = reply(r#"{"name":"Ada"}"#, Effect::Read);
        let error = lacking.json::<Row<'_>>().unwrap_err();
        assert!(error.to_string().contains("lacks `email`"), "{error}");
        let cut = reply(r#"{"email":"ada"#, Effect::Read);
        let error = cut.json::<Row<'_>>().unwrap_err();
        assert!(error.to_string().contains("ends too early"), "{error}");
    }

    #[test]
    fn dates_of_http_are_read_in_all_three_forms() {
        let expected = "1994-11-06T08:49:37Z".parse().unwrap();
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(http_date(text), Some(expected), "{text}");
        }
        assert_eq!(http_date("soon"), None);
    }
}
