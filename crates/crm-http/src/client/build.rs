//! What a client is made of.

use std::sync::Arc;

use crm_core::{Clock, ProviderId, Result};
use http::HeaderMap;
use tokio::sync::Semaphore;

use super::{Client, Inner};
use crate::address;
use crate::auth::Authorizer;
use crate::pacer::{Pacer, Window};
use crate::retry::{Budget, Jitter, RetryPolicy};
use crate::transport::Transport;

/// The largest body that is read: a page of 2,000 records is about 4 MB.
const BODY_MAX: usize = 32 * 1024 * 1024;
const USER_AGENT: &str = concat!("crm-sync/", env!("CARGO_PKG_VERSION"));
const REQUEST_ID_HEADERS: &[&str] = &["x-request-id"];

/// Reads quota headers: the lane of the request, the headers of its reply, and the pacer to
/// correct. Called for every reply, whatever its status.
pub type Observer = fn(&str, &HeaderMap, &Pacer);

/// Makes a [`Client`].
#[derive(Debug)]
pub struct ClientBuilder {
    id: ProviderId,
    base_url: String,
    clock: Arc<dyn Clock>,
    authorizer: Authorizer,
    windows: Vec<Window>,
    observer: Observer,
    policy: RetryPolicy,
    seed: u64,
    user_agent: &'static str,
    request_id_headers: &'static [&'static str],
    body_max: usize,
    in_flight_max: Option<usize>,
}

impl ClientBuilder {
    pub(super) fn new(id: &ProviderId, base_url: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            id: id.clone(),
            base_url: base_url.to_owned(),
            clock,
            authorizer: Authorizer::none(),
            windows: Vec::new(),
            observer: |_lane, _headers, _pacer| {},
            policy: RetryPolicy::default(),
            seed: 0,
            user_agent: USER_AGENT,
            request_id_headers: REQUEST_ID_HEADERS,
            body_max: BODY_MAX,
            in_flight_max: None,
        }
    }

    /// Sets who we are.
    #[must_use]
    pub fn authorizer(mut self, authorizer: Authorizer) -> Self {
        self.authorizer = authorizer;
        self
    }

    /// Sets the quota windows.
    #[must_use]
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows = windows.into_iter().collect();
        self
    }

    /// Sets who reads the quota headers.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Sets how requests are repeated.
    #[must_use]
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets where jitter comes from.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how the client calls itself.
    #[must_use]
    pub const fn user_agent(mut self, user_agent: &'static str) -> Self {
        self.user_agent = user_agent;
        self
    }

    /// Names the headers that carry the vendor's id of a request, the first one found counts.
    #[must_use]
    pub const fn request_id_headers(mut self, names: &'static [&'static str]) -> Self {
        self.request_id_headers = names;
        self
    }

    /// Sets the largest body that is read, in bytes.
    #[must_use]
    pub const fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }

    /// Sets how many requests may be under way at once, where the vendor counts that.
    #[must_use]
    pub const fn in_flight_max(mut self, count: usize) -> Self {
        self.in_flight_max = Some(count);
        self
    }

    /// Makes the client; refuses a base URL to which credentials must not be sent.
    pub fn build(self) -> Result<Client> {
        let id = self.id;
        let name = |error: crm_core::ProviderError| error.with_provider(&id);
        let base = address::parse(&self.base_url, "base_url").map_err(name)?;
        let transport = Transport::new(
            &base,
            self.user_agent,
            Arc::clone(&self.clock),
            self.policy.attempt_max,
            self.body_max,
        )
        .map_err(name)?;
        let inner = Inner {
            base,
            transport,
            authorizer: self.authorizer,
            pacer: Pacer::new(self.clock, self.windows, self.policy.wait_max),
            observer: self.observer,
            policy: self.policy,
            jitter: Jitter::new(self.seed),
            budget: Budget::new(&self.policy),
            request_id_headers: self.request_id_headers,
            in_flight: self.in_flight_max.map(|count| Semaphore::new(count.max(1))),
            id,
        };
        Ok(Client(Arc::new(inner)))
    }
}
