//! Settings of a connection, and how the facade finds this room.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{ErrorKind, ProviderError, Result, SharedProvider, stages};
use crm_http::{Authorizer, Grant, OAuth, Registration, Setup, Variable};
use secrecy::SecretString;
use serde::Deserialize;

use crate::{API_VERSION, HubSpot};

const HOST: &str = "https://api.hubapi.com";
const TOKEN_HINT: &str = "set HUBSPOT_API_KEY to the access token of a private app or a service \
                          key (HubSpot: Settings, Integrations)";
const GRANT_HINT: &str = "connect the app to the account again and set HUBSPOT_REFRESH_TOKEN to \
                          the refresh token that it gives";

/// How the facade lists and opens this room.
pub const REGISTRATION: Registration = Registration {
    name: "hubspot",
    title: "HubSpot",
    variables: &[
        Variable {
            env: "HUBSPOT_API_KEY",
            key: "access_token",
            secret: true,
            doc: "Access token of a private app, or a service key.",
        },
        Variable {
            env: "HUBSPOT_CLIENT_ID",
            key: "client_id",
            secret: false,
            doc: "Client id of an OAuth app.",
        },
        Variable {
            env: "HUBSPOT_CLIENT_SECRET",
            key: "client_secret",
            secret: true,
            doc: "Client secret of an OAuth app.",
        },
        Variable {
            env: "HUBSPOT_REFRESH_TOKEN",
            key: "refresh_token",
            secret: true,
            doc: "Refresh token that the account gave to the OAuth app.",
        },
        Variable {
            env: "HUBSPOT_BASE_URL",
            key: "base_url",
            secret: false,
            doc: "Another host, for a sandbox.",
        },
    ],
    keys: &["access_token", "client_id", "client_secret", "refresh_token", "base_url", "stages"],
    open,
};

fn open(setup: Setup) -> Result<SharedProvider> {
    Ok(Arc::new(HubSpot::open(setup)?))
}

/// The settings of one connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    access_token: Option<SecretString>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    refresh_token: Option<SecretString>,
    #[serde(default = "host")]
    base_url: String,
    /// Which of our stages each stage of the account stands for, by its id or name.
    #[serde(default)]
    stages: BTreeMap<String, String>,
}

fn host() -> String {
    HOST.to_owned()
}

impl Config {
    /// Returns the checked base URL.
    pub(crate) fn base_url(&self) -> Result<String> {
        crm_http::base_url(&self.base_url, "base_url")
    }

    /// Returns which of our stages each stage of the account stands for, checked.
    pub(crate) fn stages(&self) -> Result<BTreeMap<String, String>> {
        stages::check(&self.stages)?;
        Ok(self.stages.clone())
    }

    /// Returns what signs requests: a refresh token with its app if there is one, else the
    /// access token alone.
    pub(crate) fn authorizer(self, base_url: &str) -> Result<Authorizer> {
        match (self.client_id, self.client_secret, self.refresh_token) {
            (Some(client_id), Some(client_secret), Some(refresh_token)) => {
                let url = format!("{base_url}/oauth/{API_VERSION}/token");
                let grant = Grant::RefreshToken {
                    client_id,
                    client_secret: Some(client_secret),
                    refresh_token,
                };
                let mut oauth = OAuth::new(url, grant).refused_hint(GRANT_HINT);
                if let Some(token) = self.access_token {
                    oauth = oauth.access_token(token);
                }
                Ok(Authorizer::oauth(oauth))
            }
            (None, None, None) => {
                let token = self.access_token.ok_or_else(no_credentials)?;
                Ok(Authorizer::bearer(&token).expired_hint(TOKEN_HINT))
            }
            (id, secret, token) => {
                let parts = [
                    (id.is_none(), "client_id"),
                    (secret.is_none(), "client_secret"),
                    (token.is_none(), "refresh_token"),
                ];
                let lacking: Vec<_> =
                    parts.into_iter().filter_map(|(lacks, key)| lacks.then_some(key)).collect();
                Err(incomplete(&lacking.join(" and ")))
            }
        }
    }
}

fn no_credentials() -> ProviderError {
    ProviderError::new(ErrorKind::Auth, "no credentials are configured").with_hint(TOKEN_HINT)
}

fn incomplete(lacking: &str) -> ProviderError {
    let message = format!("the OAuth settings are incomplete: {lacking} is missing");
    let hint = "set client_id, client_secret and refresh_token together, or only access_token";
    ProviderError::new(ErrorKind::Auth, message).with_hint(hint)
}
