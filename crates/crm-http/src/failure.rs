//! What a failed request looks like to a room, and what the room makes of it.

use std::time::Duration;

use crm_core::{Applied, ErrorKind, Operation, ProviderError};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use crate::reply::Reply;
use crate::request::Effect;
use crate::retry::retry_after;

/// A room's reading of its vendor's failures.
pub type Classify<'a> = &'a (dyn Fn(&Failure<'_>) -> Verdict + Sync);

/// An answer that is not a success.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    pub(crate) reply: &'a Reply,
    pub(crate) now: Timestamp,
}

impl<'a> Failure<'a> {
    /// Returns the status.
    pub const fn status(&self) -> StatusCode {
        self.reply.status
    }

    /// Returns the headers.
    pub const fn headers(&self) -> &'a HeaderMap {
        &self.reply.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &'a [u8] {
        &self.reply.body
    }

    /// Returns the body as JSON, if it is that; edges of the network answer with HTML.
    pub fn json<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_slice(&self.reply.body).ok()
    }

    /// Returns how long the provider asks us to wait, at most an hour.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.reply.headers, self.now)
    }

    /// Returns the provider's clock.
    pub fn date(&self) -> Option<Timestamp> {
        self.reply.date()
    }

    /// Returns the vendor's id of the request.
    pub fn request_id(&self) -> Option<&'a str> {
        self.reply.request_id()
    }

    /// Returns what was being done.
    pub const fn operation(&self) -> Operation {
        self.reply.operation
    }

    /// Returns what the request was to do.
    pub const fn effect(&self) -> Effect {
        self.reply.effect
    }

    /// Returns whether the request may have been applied, if the failure itself does not tell.
    pub const fn applied(&self) -> Applied {
        self.reply.effect.applied()
    }

    /// Returns what the status alone says; rooms fall back to it.
    pub fn by_status(&self) -> Verdict {
        let applied = self.applied();
        let (kind, message) = match self.status().as_u16() {
            401 => (ErrorKind::Auth, "the credentials were refused"),
            403 => (ErrorKind::Forbidden, "a right or scope is missing"),
            404 | 410 => (ErrorKind::NotFound, "there is no such record or address"),
            409 => (
                ErrorKind::Conflict { existing: None },
                "another record holds a value that must be unique",
            ),
            412 => (ErrorKind::Stale, "the record changed since it was read"),
            429 => (
                ErrorKind::RateLimited { retry_after: self.retry_after() },
                "the provider asks us to slow down",
            ),
            400 | 422 => {
                (ErrorKind::Validation { field: None }, "the provider does not accept the request")
            }
            // 408 and 425: not read in time, not read on purpose; neither says "not applied".
            408 | 425 | 500..=599 => {
                (ErrorKind::Transient { applied }, "the provider failed or is not reachable")
            }
            _ => (ErrorKind::Permanent, "the provider refused the request"),
        };
        Verdict::new(kind, message)
    }
}

/// What a room makes of a failure.
#[derive(Debug)]
pub struct Verdict {
    pub(crate) error: ProviderError,
    pub(crate) wait_min: Option<Duration>,
}

impl Verdict {
    /// Makes a verdict with a message for people: lower case, one line, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        ProviderError::new(kind, message).into()
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error = self.error.with_hint(hint);
        self
    }

    /// Adds the vendor's own code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.error = self.error.with_code(code);
        self
    }

    /// Says how long to wait at least before the request is repeated.
    #[must_use]
    pub const fn wait_min(mut self, wait: Duration) -> Self {
        self.wait_min = Some(wait);
        self
    }

    /// Returns the error.
    pub fn into_error(self) -> ProviderError {
        self.error
    }
}

impl From<ProviderError> for Verdict {
    fn from(error: ProviderError) -> Self {
        Self { error, wait_min: None }
    }
}
