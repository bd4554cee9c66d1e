//! One exchange over the wire: bounded in time and size, nothing repeated, nothing followed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crm_core::{Applied, Clock, ErrorKind, ProviderError, Result, timeout};
use http::{HeaderMap, StatusCode};
use reqwest::Url;
use reqwest::redirect::Policy;

use crate::address::{is_loopback, origin};
use crate::request::Effect;
use crate::usage::Counters;

/// How long a connection may take to come about. Real time: it passes before anything was said,
/// so running out of it is the one time-out after which nothing was certainly applied.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// What a client and its authoriser send through.
pub(crate) struct Transport {
    http: reqwest::Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Counters,
    attempt_max: Duration,
    body_max: usize,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There was no connection: nothing was sent.
    NotConnected(reqwest::Error),
    /// The connection ended before the answer did.
    Cut(reqwest::Error),
    /// The time was over first.
    TooSlow(Duration),
    /// The body is larger than the bound.
    TooLarge(usize),
}

impl Transport {
    pub(crate) fn new(
        base: &Url,
        user_agent: &str,
        clock: Arc<dyn Clock>,
        attempt_max: Duration,
        body_max: usize,
    ) -> Result<Self> {
        // No redirects: they would carry credentials to an address that nobody configured.
        let mut builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(CONNECT_MAX)
            .redirect(Policy::none())
            .retry(reqwest::retry::never());
        if is_loopback(base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| {
            let message = format!("the HTTP client cannot be set up: {}", cause(&error));
            ProviderError::new(ErrorKind::Permanent, message).with_source(error)
        })?;
        Ok(Self { http, clock, counters: Counters::default(), attempt_max, body_max })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&self, request: reqwest::Request) -> Result<Answer, Trouble> {
        let exchange = self.unbounded(request);
        match timeout(&*self.clock, self.attempt_max, exchange).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Trouble::TooSlow(self.attempt_max)),
        }
    }

    async fn unbounded(&self, request: reqwest::Request) -> Result<Answer, Trouble> {
        let sent = self.http.execute(request).await;
        let mut response = sent.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Trouble::NotConnected(error.without_url())
            } else {
                Trouble::Cut(error.without_url())
            }
        })?;
        let announced = response.content_length().unwrap_or(0);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > self.body_max {
            return Err(Trouble::TooLarge(self.body_max));
        }
        let mut body = Vec::with_capacity(announced);
        loop {
            let chunk = response.chunk().await;
            let Some(chunk) = chunk.map_err(|error| Trouble::Cut(error.without_url()))? else {
                break;
            };
            // After decompression, so that a small archive of a large body counts as large.
            if body.len() + chunk.len() > self.body_max {
                return Err(Trouble::TooLarge(self.body_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.into(),
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("attempt_max", &self.attempt_max)
            .field("body_max", &self.body_max)
            .finish_non_exhaustive()
    }
}

impl Trouble {
    /// Returns the error, with what it means for a request of that effect.
    pub(crate) fn into_error(self, url: &Url, effect: Effect) -> ProviderError {
        let host = origin(url);
        let applied = effect.applied();
        match self {
            Self::NotConnected(error) => {
                let kind = ErrorKind::Transient { applied: Applied::No };
                let message = format!("cannot connect to {host}: {}", cause(&error));
                ProviderError::new(kind, message)
                    .with_hint("check the address and the network; is the service running?")
                    .with_source(error)
            }
            Self::Cut(error) => {
                let message = format!("{host} ended the connection: {}", cause(&error));
                ProviderError::new(ErrorKind::Transient { applied }, message).with_source(error)
            }
            Self::TooSlow(limit) => {
                let message = format!("{host} did not answer within {} s", limit.as_secs());
                ProviderError::new(ErrorKind::Transient { applied }, message)
            }
            Self::TooLarge(limit) => {
                let message = format!("the answer of {host} is larger than {limit} bytes");
                let kind = match effect {
                    // It would be as large again.
                    Effect::Read => ErrorKind::Permanent,
                    Effect::IdempotentWrite | Effect::Write => ErrorKind::Malformed { applied },
                };
                ProviderError::new(kind, message)
            }
        }
    }
}

/// Returns the innermost cause, which names the fault; the outer ones only say "error".
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
