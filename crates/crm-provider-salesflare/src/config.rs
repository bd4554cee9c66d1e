//! Settings of a connection, and how the facade finds this room.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{ErrorKind, ProviderError, Result, SharedProvider, stages};
use crm_http::{Authorizer, Registration, Setup, Variable};
use secrecy::SecretString;
use serde::Deserialize;

use crate::Salesflare;

const HOST: &str = "https://api.salesflare.com";
const KEY_HINT: &str = "set SALESFLARE_API_KEY to a key of the account (Salesflare: Settings, \
                        API keys)";

/// How the facade lists and opens this room.
pub const REGISTRATION: Registration = Registration {
    name: "salesflare",
    title: "Salesflare",
    variables: &[
        Variable {
            env: "SALESFLARE_API_KEY",
            key: "api_key",
            secret: true,
            doc: "API key of a user who sees everything.",
        },
        Variable {
            env: "SALESFLARE_BASE_URL",
            key: "base_url",
            secret: false,
            doc: "Another host, for a sandbox.",
        },
    ],
    keys: &["api_key", "base_url", "stages"],
    open,
};

fn open(setup: Setup) -> Result<SharedProvider> {
    Ok(Arc::new(Salesflare::open(setup)?))
}

/// The settings of one connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    api_key: Option<SecretString>,
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

    /// Returns what signs requests.
    pub(crate) fn authorizer(self) -> Result<Authorizer> {
        let key = self.api_key.ok_or_else(|| {
            ProviderError::new(ErrorKind::Auth, "no credentials are configured").with_hint(KEY_HINT)
        })?;
        Ok(Authorizer::bearer(&key).expired_hint(KEY_HINT))
    }
}
