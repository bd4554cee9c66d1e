//! Which grant the settings mean.
//!
//! Salesforce names no lifetime of a token, so one is renewed when it is refused. A token alone
//! cannot be renewed: it works until it expires, and then says what to set.

use crm_core::{ErrorKind, ProviderError, Result};
use crm_http::{Authorizer, Grant, OAuth};
use secrecy::SecretString;

use crate::config::Config;

const EXPIRED_HINT: &str = "an access token alone cannot be renewed: set SALESFORCE_CLIENT_ID and \
                            SALESFORCE_CLIENT_SECRET (client credentials), or a refresh token";
const REFUSED_HINT: &str = "check SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, and that the \
                            app allows this flow and has a user to run as; client credentials \
                            need SALESFORCE_LOGIN_URL to be the org's My Domain";

/// Returns what signs requests.
pub(crate) fn authorizer(config: Config) -> Result<Authorizer> {
    let login = config.login_url()?;
    let fixed = config.base_url.is_some();
    let Some(grant) = grant(&config, &login)? else {
        let token = config.access_token.ok_or_else(no_credentials)?;
        return Ok(Authorizer::bearer(&token).expired_hint(EXPIRED_HINT));
    };
    let mut oauth =
        OAuth::new(format!("{login}/services/oauth2/token"), grant).refused_hint(REFUSED_HINT);
    if !fixed {
        oauth = oauth.instance_from("instance_url");
    }
    // A configured token is only good where its org is known.
    if let Some(token) = config.access_token.filter(|_| fixed || config.instance_url.is_some()) {
        oauth = oauth.access_token(token);
    }
    Ok(Authorizer::oauth(oauth))
}

fn grant(config: &Config, login: &str) -> Result<Option<Grant>> {
    let client_id = config.client_id.clone();
    if let Some(refresh_token) = config.refresh_token.clone() {
        let client_id = client_id.ok_or_else(|| incomplete("client_id"))?;
        let client_secret = config.client_secret.clone();
        return Ok(Some(Grant::RefreshToken { client_id, client_secret, refresh_token }));
    }
    if let Some(subject) = config.username.clone() {
        let issuer = client_id.ok_or_else(|| incomplete("client_id"))?;
        let key_pem = private_key(config)?;
        let audience = login.to_owned();
        return Ok(Some(Grant::JwtBearer { issuer, subject, audience, key_pem }));
    }
    Ok(match (client_id, config.client_secret.clone()) {
        (Some(client_id), Some(client_secret)) => {
            Some(Grant::ClientCredentials { client_id, client_secret })
        }
        (None, Some(_)) => return Err(incomplete("client_id")),
        (_, None) => None,
    })
}

fn private_key(config: &Config) -> Result<SecretString> {
    if let Some(key) = config.private_key.clone() {
        return Ok(key);
    }
    let path = config.private_key_file.as_ref().ok_or_else(|| incomplete("private_key_file"))?;
    std::fs::read_to_string(path).map(SecretString::from).map_err(|error| {
        ProviderError::new(ErrorKind::Auth, format!("the private key file `{path}` cannot be read"))
            .with_hint("set SALESFORCE_PRIVATE_KEY_FILE to the PEM file of the app's RSA key")
            .with_source(error)
    })
}

fn no_credentials() -> ProviderError {
    ProviderError::new(ErrorKind::Auth, "no credentials are configured").with_hint(
        "set SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, or SALESFORCE_ACCESS_TOKEN",
    )
}

fn incomplete(key: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Auth, format!("the settings are incomplete: {key} is missing"))
        .with_hint(format!("set `{key}`, or its variable in the environment"))
}
