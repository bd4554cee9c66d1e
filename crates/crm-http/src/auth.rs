//! Who we are to the provider: a fixed token, a header, or OAuth with renewal.

pub(crate) mod oauth;

use std::fmt;
use std::sync::Arc;

use crm_core::{ErrorKind, ProviderError, Result};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::transport::Transport;
use oauth::OAuth;

/// Adds credentials to requests and renews them.
#[derive(Debug)]
pub struct Authorizer {
    kind: Kind,
    expired_hint: Option<&'static str>,
}

enum Kind {
    None,
    Fixed(HeaderName, SecretString),
    OAuth(Box<OAuth>),
}

/// What authorises one request.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    header: Option<(HeaderName, HeaderValue)>,
    /// The address that came with the token and replaces the base URL.
    pub(crate) instance: Option<Url>,
    /// On whose behalf it is, as the token answer said.
    pub(crate) identity: Option<Arc<str>>,
    /// Which token it is; a renewal that somebody else made shows by another number.
    pub(crate) serial: u64,
}

impl Credential {
    const fn none() -> Self {
        Self { header: None, instance: None, identity: None, serial: 0 }
    }

    fn new(name: &HeaderName, value: &str) -> Result<Self> {
        let Ok(mut value) = HeaderValue::from_str(value) else {
            let error = ProviderError::new(
                ErrorKind::Auth,
                "the credentials contain characters that cannot be sent",
            );
            return Err(error.with_hint("copy the token again, without line breaks"));
        };
        value.set_sensitive(true);
        Ok(Self { header: Some((name.clone(), value)), ..Self::none() })
    }

    /// Adds the credential to a request.
    pub(crate) fn apply(&self, request: &mut reqwest::Request) {
        if let Some((name, value)) = &self.header {
            request.headers_mut().insert(name.clone(), value.clone());
        }
    }
}

impl Authorizer {
    /// Adds nothing.
    pub const fn none() -> Self {
        Self::of(Kind::None)
    }

    /// Adds `Authorization: Bearer …`.
    pub fn bearer(token: &SecretString) -> Self {
        let value = format!("Bearer {}", token.expose_secret());
        Self::of(Kind::Fixed(AUTHORIZATION, value.into()))
    }

    /// Adds a header of that name, in lower case (`x-api-key`, or `authorization` with a scheme
    /// of the vendor's own).
    pub const fn header(name: &'static str, value: SecretString) -> Self {
        Self::of(Kind::Fixed(HeaderName::from_static(name), value))
    }

    /// Adds a bearer token that is fetched and renewed.
    pub fn oauth(oauth: OAuth) -> Self {
        Self::of(Kind::OAuth(Box::new(oauth)))
    }

    /// Says what to configure when the credentials are refused and cannot be renewed.
    #[must_use]
    pub const fn expired_hint(mut self, hint: &'static str) -> Self {
        self.expired_hint = Some(hint);
        self
    }

    const fn of(kind: Kind) -> Self {
        Self { kind, expired_hint: None }
    }

    pub(crate) const fn hint(&self) -> Option<&'static str> {
        self.expired_hint
    }

    /// Returns what authorises the next request; may fetch a token.
    pub(crate) async fn credential(&self, transport: &Transport) -> Result<Credential> {
        match &self.kind {
            Kind::None => Ok(Credential::none()),
            Kind::Fixed(name, value) => Credential::new(name, value.expose_secret()),
            Kind::OAuth(oauth) => oauth.credential(transport).await,
        }
    }

    /// Renews what the provider refused; `None` if there is nothing to renew with.
    pub(crate) async fn renew(
        &self,
        refused: &Credential,
        transport: &Transport,
    ) -> Option<Result<Credential>> {
        match &self.kind {
            Kind::None | Kind::Fixed(..) => None,
            Kind::OAuth(oauth) => Some(oauth.renew(refused.serial, transport).await),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Fixed(name, _secret) => write!(f, "Fixed({name})"),
            Self::OAuth(oauth) => fmt::Debug::fmt(oauth, f),
        }
    }
}
