//! Settings of a connection, and how the facade finds this room.

use std::sync::Arc;

use crm_core::{ErrorKind, ProviderError, Result, SharedProvider};
use crm_http::{Authorizer, Grant, OAuth, Registration, Setup, Variable};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::Salesforce;
use crate::stages::StageMap;

const LOGIN: &str = "https://login.salesforce.com";
const NOTHING_HINT: &str = "set SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET of an External \
                            Client App that allows the client credentials flow, and \
                            SALESFORCE_LOGIN_URL to your My Domain address";
const TOKEN_HINT: &str = "an access token alone lasts until it expires: set \
                          SALESFORCE_ACCESS_TOKEN to a new one, or SALESFORCE_CLIENT_ID and \
                          SALESFORCE_CLIENT_SECRET so that it is renewed";
const CLIENT_HINT: &str = "check SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, set \
                           SALESFORCE_LOGIN_URL to your My Domain address, and let the External \
                           Client App run the client credentials flow as a user";
const REFRESH_HINT: &str = "authorise the app again and set SALESFORCE_REFRESH_TOKEN to the \
                            refresh token that it gives";
const JWT_HINT: &str = "check SALESFORCE_CLIENT_ID, SALESFORCE_USERNAME and the clock of this \
                        machine, upload the certificate of SALESFORCE_PRIVATE_KEY_FILE to the \
                        app and approve the user for it; a sandbox org needs \
                        SALESFORCE_LOGIN_URL";

/// How the facade lists and opens this room.
pub const REGISTRATION: Registration = Registration {
    name: "salesforce",
    title: "Salesforce",
    variables: &[
        variable("SALESFORCE_CLIENT_ID", "client_id", "Consumer key of an External Client App."),
        secret("SALESFORCE_CLIENT_SECRET", "client_secret", "Consumer secret of the app."),
        secret("SALESFORCE_ACCESS_TOKEN", "access_token", "An access token, until it expires."),
        variable(
            "SALESFORCE_INSTANCE_URL",
            "instance_url",
            "Address of the org, where no token answer tells it.",
        ),
        secret("SALESFORCE_REFRESH_TOKEN", "refresh_token", "Refresh token that a user gave."),
        variable("SALESFORCE_USERNAME", "username", "User for whom a JWT is signed."),
        variable("SALESFORCE_PRIVATE_KEY_FILE", "private_key_file", "RSA key (PEM) that signs it."),
        variable("SALESFORCE_LOGIN_URL", "login_url", "Login host, or your My Domain address."),
        variable("SALESFORCE_BASE_URL", "base_url", "Another host for all calls, for a sandbox."),
    ],
    keys: &[
        "client_id",
        "client_secret",
        "access_token",
        "instance_url",
        "refresh_token",
        "username",
        "private_key",
        "private_key_file",
        "login_url",
        "base_url",
        "stages",
    ],
    open,
};

const fn variable(env: &'static str, key: &'static str, doc: &'static str) -> Variable {
    Variable { env, key, secret: false, doc }
}

const fn secret(env: &'static str, key: &'static str, doc: &'static str) -> Variable {
    Variable { env, key, secret: true, doc }
}

fn open(setup: Setup) -> Result<SharedProvider> {
    Ok(Arc::new(Salesforce::open(setup)?))
}

/// The settings of one connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    access_token: Option<SecretString>,
    instance_url: Option<String>,
    refresh_token: Option<SecretString>,
    username: Option<String>,
    private_key: Option<SecretString>,
    /// The name of a file, or the key itself.
    private_key_file: Option<SecretString>,
    login_url: Option<String>,
    base_url: Option<String>,
    /// Which of ours each stage of deals stands for, where that is not as usual.
    #[serde(default)]
    pub(crate) stages: StageMap,
}

/// Where calls go and what signs them.
#[derive(Debug)]
pub(crate) struct Access {
    /// The host of calls until a token answer names another one.
    pub(crate) base_url: String,
    pub(crate) authorizer: Authorizer,
}

/// The hosts, checked.
struct Hosts {
    /// Replaces every other host.
    base: Option<String>,
    login: Option<String>,
    instance: Option<String>,
}

impl Hosts {
    fn of(config: &Config) -> Result<Self> {
        let check = |url: &Option<String>, key: &str| {
            url.as_deref().map(|text| crm_http::base_url(text, key)).transpose()
        };
        Ok(Self {
            base: check(&config.base_url, "base_url")?,
            login: check(&config.login_url, "login_url")?,
            instance: check(&config.instance_url, "instance_url")?,
        })
    }

    fn login(&self) -> &str {
        self.base.as_deref().or(self.login.as_deref()).unwrap_or(LOGIN)
    }

    /// The client credentials flow is served by the org's own address only.
    fn own_login(&self) -> &str {
        let own = self.login.as_deref().or(self.instance.as_deref());
        self.base.as_deref().or(own).unwrap_or(LOGIN)
    }

    fn org(&self) -> Option<&str> {
        self.base.as_deref().or(self.instance.as_deref())
    }
}

impl Config {
    /// Returns where calls go and what signs them.
    pub(crate) fn access(mut self) -> Result<Access> {
        let hosts = Hosts::of(&self)?;
        let access_token = self.access_token.take();
        let grant = self.grant(&hosts, access_token.is_some())?;
        let Some((login, grant, hint)) = grant else {
            let token = access_token.ok_or_else(|| refused("no credentials are configured"))?;
            let org = hosts.org().ok_or_else(no_instance)?;
            let authorizer = Authorizer::bearer(&token).expired_hint(TOKEN_HINT);
            return Ok(Access { base_url: org.to_owned(), authorizer });
        };
        let mut oauth = OAuth::new(format!("{login}/services/oauth2/token"), grant);
        oauth = oauth.refused_hint(hint).identity_from("id");
        if hosts.base.is_none() {
            oauth = oauth.instance_from("instance_url");
        }
        // Without its org's address a token that is there already is of no use.
        if let (Some(token), Some(_)) = (access_token, hosts.org()) {
            oauth = oauth.access_token(token);
        }
        let base_url = hosts.org().unwrap_or_else(|| hosts.login()).to_owned();
        Ok(Access { base_url, authorizer: Authorizer::oauth(oauth) })
    }

    /// Returns the login host, the grant and what to do when it is refused; `None` if nothing is
    /// configured that fetches a token.
    fn grant(
        self,
        hosts: &Hosts,
        has_token: bool,
    ) -> Result<Option<(String, Grant, &'static str)>> {
        let key = self.private_key.is_some() || self.private_key_file.is_some();
        // A user name alone is no wish for JWT where the other settings are complete.
        let other = self.client_id.is_some()
            && (self.client_secret.is_some() || self.refresh_token.is_some());
        if key || (self.username.is_some() && !other && !has_token) {
            let lacking = lacking(&[
                (self.client_id.is_none(), "client_id"),
                (self.username.is_none(), "username"),
                (!key, "private_key_file"),
            ]);
            let (Some(issuer), Some(subject), true) = (self.client_id, self.username, key) else {
                return Err(incomplete("JWT", &lacking));
            };
            let audience = hosts.login().to_owned();
            let key_pem = key_pem(self.private_key, self.private_key_file)?;
            let grant = Grant::JwtBearer { issuer, subject, audience, key_pem };
            return Ok(Some((hosts.login().to_owned(), grant, JWT_HINT)));
        }
        let client_secret = self.client_secret;
        match (self.client_id, client_secret, self.refresh_token) {
            (Some(client_id), client_secret, Some(refresh_token)) => {
                let grant = Grant::RefreshToken { client_id, client_secret, refresh_token };
                Ok(Some((hosts.login().to_owned(), grant, REFRESH_HINT)))
            }
            (Some(client_id), Some(client_secret), None) => {
                let grant = Grant::ClientCredentials { client_id, client_secret };
                Ok(Some((hosts.own_login().to_owned(), grant, CLIENT_HINT)))
            }
            (None, None, None) => Ok(None),
            // With a token that works by itself the id alone does no harm.
            (Some(_), None, None) if has_token => Ok(None),
            (id, secret, token) => {
                let lacking = lacking(&[
                    (id.is_none(), "client_id"),
                    (secret.is_none() && token.is_none(), "client_secret"),
                ]);
                Err(incomplete("OAuth", &lacking))
            }
        }
    }
}

fn key_pem(inline: Option<SecretString>, file: Option<SecretString>) -> Result<SecretString> {
    let Some(named) = inline.or(file) else {
        return Err(refused("no private key is configured"));
    };
    if named.expose_secret().trim_start().starts_with("-----BEGIN") {
        return Ok(named);
    }
    let key = std::fs::read_to_string(named.expose_secret()).map_err(|error| {
        ProviderError::new(ErrorKind::Auth, "the file of `private_key_file` cannot be read")
            .with_hint("set SALESFORCE_PRIVATE_KEY_FILE to a readable file with an RSA key (PEM)")
            .with_source(error)
    })?;
    Ok(key.into())
}

fn lacking(parts: &[(bool, &'static str)]) -> String {
    let names: Vec<_> = parts.iter().filter(|part| part.0).map(|part| part.1).collect();
    names.join(" and ")
}

fn refused(message: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Auth, message).with_hint(NOTHING_HINT)
}

fn no_instance() -> ProviderError {
    let message = "an access token alone does not say where its org is";
    ProviderError::new(ErrorKind::Auth, message)
        .with_hint("set SALESFORCE_INSTANCE_URL to the org's address")
}

fn incomplete(what: &str, lacking: &str) -> ProviderError {
    let message = format!("the {what} settings are incomplete: {lacking} is missing");
    ProviderError::new(ErrorKind::Auth, message).with_hint(
        "set client_id with client_secret, or with refresh_token, or with username and \
         private_key_file; or only access_token with instance_url",
    )
}
