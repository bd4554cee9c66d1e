//! OAuth tokens: three grants, one renewal at a time, before expiry where that is known.
//!
//! The lock around the token is held while a token request is under way: whoever needs a token
//! meanwhile needs that one. A failed renewal is the answer to all who waited for it.

mod answer;
mod grant;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crm_core::{ErrorKind, ProviderError, Result};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::Credential;
use crate::BoxError;
use crate::address;
use crate::clock::later;
use crate::request::{Effect, form};
use crate::transport::Transport;
pub use grant::Grant;

/// A token is renewed so long before it expires, or a tenth of its life if that is less.
const EARLY_MAX: Duration = Duration::from_mins(1);
const BEARER: &str = "Bearer";

/// Keeps a new refresh token; called before the access token that came with it is used.
pub type Rotation = Arc<dyn Fn(&SecretString) -> std::result::Result<(), BoxError> + Send + Sync>;

/// Fetches and renews access tokens.
pub struct OAuth {
    token_url: String,
    grant: Grant,
    instance_key: Option<&'static str>,
    identity_key: Option<&'static str>,
    on_rotation: Option<Rotation>,
    refused_hint: Option<&'static str>,
    scheme: &'static str,
    state: Mutex<State>,
    /// How many token requests have failed, readable without the lock.
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The number of the newest token.
    serial: u64,
    /// A refresh token that replaced the configured one.
    rotated: Option<SecretString>,
    failure: Option<ProviderError>,
}

#[derive(Clone)]
struct Token {
    access: SecretString,
    instance: Option<Url>,
    identity: Option<Arc<str>>,
    /// When it is renewed and when it dies, where that is known.
    renew_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    serial: u64,
}

impl OAuth {
    /// Makes an authoriser that fetches tokens from that address.
    pub fn new(token_url: impl Into<String>, grant: Grant) -> Self {
        Self {
            token_url: token_url.into(),
            grant,
            instance_key: None,
            identity_key: None,
            on_rotation: None,
            refused_hint: None,
            scheme: BEARER,
            state: Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// Starts with a token that is there already; it is used until it is refused.
    #[must_use]
    pub fn access_token(mut self, access: SecretString) -> Self {
        let state = self.state.get_mut();
        state.serial = 1;
        state.token = Some(Token {
            access,
            instance: None,
            identity: None,
            renew_at: None,
            expires_at: None,
            serial: 1,
        });
        self
    }

    /// Names what stands before the token in the header, where that is not `Bearer`.
    #[must_use]
    pub const fn scheme(mut self, scheme: &'static str) -> Self {
        self.scheme = scheme;
        self
    }

    /// Names the member of the token answer that replaces the client's base URL.
    #[must_use]
    pub const fn instance_from(mut self, key: &'static str) -> Self {
        self.instance_key = Some(key);
        self
    }

    /// Names the member of the token answer that says on whose behalf the token is.
    #[must_use]
    pub const fn identity_from(mut self, key: &'static str) -> Self {
        self.identity_key = Some(key);
        self
    }

    /// Hands over each new refresh token before it is used. Without this it is used by this
    /// process only.
    #[must_use]
    pub fn on_rotation(mut self, keep: Rotation) -> Self {
        self.on_rotation = Some(keep);
        self
    }

    /// Says what to configure when the grant is refused.
    #[must_use]
    pub const fn refused_hint(mut self, hint: &'static str) -> Self {
        self.refused_hint = Some(hint);
        self
    }

    /// Returns the token in force, fetching or renewing it where due.
    pub(super) async fn credential(&self, transport: &Transport) -> Result<Credential> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = transport.clock.now();
        if let Some(token) = &state.token
            && token.renew_at.is_none_or(|due| now < due)
        {
            return token.credential(self.scheme);
        }
        let alive = state.token.clone().filter(|token| {
            let expires_at = token.expires_at;
            expires_at.is_some_and(|expires_at| now < expires_at)
        });
        match (self.next(&mut state, failures, transport).await, alive) {
            (Ok(token), _) => token.credential(self.scheme),
            // The old one is still good for a while; the next request tries again.
            (Err(_early), Some(alive)) => alive.credential(self.scheme),
            (Err(error), None) => Err(error),
        }
    }

    /// Returns a token other than the refused one.
    pub(super) async fn renew(&self, refused: u64, transport: &Transport) -> Result<Credential> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && token.serial != refused
        {
            return token.credential(self.scheme);
        }
        state.token = None;
        self.next(&mut state, failures, transport).await?.credential(self.scheme)
    }

    /// Fetches a token, unless a fetch failed while the caller waited for its turn.
    async fn next(&self, state: &mut State, failures: u64, transport: &Transport) -> Result<Token> {
        if self.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = &state.failure
        {
            return Err(failure.copy());
        }
        match self.fetch(state, transport).await {
            Ok(token) => {
                state.failure = None;
                state.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => {
                state.failure = Some(error.copy());
                self.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    async fn fetch(&self, state: &mut State, transport: &Transport) -> Result<Token> {
        let url = address::parse(&self.token_url, "token URL")?;
        let asked_at = transport.clock.now();
        let form_pairs = self.grant.form(state.rotated.as_ref(), asked_at)?;
        let pairs: Vec<_> =
            form_pairs.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
        let mut request = reqwest::Request::new(Method::POST, url.clone());
        let content = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, content);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json);
        *request.body_mut() = Some(form(&pairs).into());
        transport.counters.count_other(&format!("POST {}", url.path()));
        // A token request writes nothing that a repetition could double.
        let answer = transport.exchange(request).await;
        let answer = answer.map_err(|trouble| trouble.into_error(&url, Effect::Read))?;
        let granted = answer::read(&answer, asked_at, self.hint())?;
        self.keep(state, granted.refresh_token.as_ref())?;
        let instance = match self.instance_key {
            Some(key) => granted.member(key).map(|text| address::parse(text, key)),
            None => None,
        };
        let identity = self.identity_key.and_then(|key| granted.member(key)).map(Arc::from);
        let life = granted.expires_in;
        state.serial += 1;
        Ok(Token {
            access: granted.access_token,
            instance: instance.transpose()?,
            identity,
            renew_at: life.map(|life| {
                let early = EARLY_MAX.min(life / 10);
                later(asked_at, life.saturating_sub(early))
            }),
            expires_at: life.map(|life| later(asked_at, life)),
            serial: state.serial,
        })
    }

    /// Keeps a refresh token that replaces the one we used.
    fn keep(&self, state: &mut State, refresh: Option<&SecretString>) -> Result<()> {
        let in_use = state.rotated.as_ref();
        let Some(refresh) = refresh.filter(|new| self.grant.is_replaced(in_use, new)) else {
            return Ok(());
        };
        state.rotated = Some(refresh.clone());
        let Some(keep) = &self.on_rotation else {
            tracing::warn!(
                token_url = %self.token_url,
                "the refresh token was replaced, and the new one is known to this process only: \
                 turn refresh token rotation off in the app, or authorise it again next time"
            );
            return Ok(());
        };
        keep(refresh).map_err(|error| {
            let message = format!("the new refresh token could not be kept: {error}");
            ProviderError::new(ErrorKind::Auth, message)
                .with_hint("make the place where tokens are kept writable, then run again")
        })
    }

    fn hint(&self) -> &'static str {
        self.refused_hint.unwrap_or("check the credentials of the connection")
    }
}

impl Token {
    fn credential(&self, scheme: &str) -> Result<Credential> {
        let value = format!("{scheme} {}", self.access.expose_secret());
        Ok(Credential {
            instance: self.instance.clone(),
            identity: self.identity.clone(),
            serial: self.serial,
            ..Credential::new(&AUTHORIZATION, &value)?
        })
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("token_url", &self.token_url)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}
