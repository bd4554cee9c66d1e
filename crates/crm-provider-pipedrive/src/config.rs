//! Settings of a connection, and how the facade finds this room.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{ErrorKind, ProviderError, Result, SharedProvider, stages};
use crm_http::{Authorizer, Registration, Setup, Variable};
use secrecy::SecretString;
use serde::Deserialize;

use crate::Pipedrive;

const HOST: &str = "https://api.pipedrive.com";
const TOKEN_HINT: &str = "set PIPEDRIVE_API_TOKEN to the API token of an administrator \
                          (Pipedrive: Personal preferences, API)";

/// How the facade lists and opens this room.
pub const REGISTRATION: Registration = Registration {
    name: "pipedrive",
    title: "Pipedrive",
    variables: &[
        Variable {
            env: "PIPEDRIVE_API_TOKEN",
            key: "api_token",
            secret: true,
            doc: "API token of a user, best of an administrator.",
        },
        Variable {
            env: "PIPEDRIVE_BASE_URL",
            key: "base_url",
            secret: false,
            doc: "The company's own host, or that of a sandbox.",
        },
    ],
    keys: &["api_token", "base_url", "stages"],
    open,
};

fn open(setup: Setup) -> Result<SharedProvider> {
    Ok(Arc::new(Pipedrive::open(setup)?))
}

/// The settings of one connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    api_token: Option<SecretString>,
    #[serde(default = "host")]
    base_url: String,
    /// Which of our stages each stage of the company stands for, by its id or name.
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

    /// Returns which of our stages each stage of the company stands for, checked.
    pub(crate) fn stages(&self) -> Result<BTreeMap<String, String>> {
        stages::check(&self.stages)?;
        Ok(self.stages.clone())
    }

    /// Returns what signs requests.
    pub(crate) fn authorizer(self) -> Result<Authorizer> {
        let token = self.api_token.ok_or_else(|| {
            ProviderError::new(ErrorKind::Auth, "no credentials are configured")
                .with_hint(TOKEN_HINT)
        })?;
        Ok(Authorizer::header("x-api-token", token).expired_hint(TOKEN_HINT))
    }
}
