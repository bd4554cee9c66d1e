//! Settings of a connection, and how the facade finds this room.

use std::sync::Arc;

use crm_core::stages::StageMap;
use crm_core::{ErrorKind, ProviderError, Result, SharedProvider};
use crm_http::{Authorizer, Grant, OAuth, Registration, Setup, Variable};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::Zoho;

/// What stands before the token in the header.
const SCHEME: &str = "Zoho-oauthtoken";
const NOTHING_HINT: &str = "set ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN of a \
                            client of the API console (api-console.zoho.com), and \
                            ZOHO_DATA_CENTER unless the account is in the US";
const TOKEN_HINT: &str = "an access token alone lasts an hour: set ZOHO_ACCESS_TOKEN to a new \
                          one, or ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN so \
                          that it is renewed";
const REFRESH_HINT: &str = "check ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_REFRESH_TOKEN; they \
                            work only in the data centre of the account: set ZOHO_DATA_CENTER";
/// How many calls of an organisation may be under way at once, in the smallest edition.
const CONCURRENCY: u16 = 5;

/// A data centre: its name, its accounts server, and where calls go until a token answer says.
const CENTERS: &[(&str, &str, &str)] = &[
    ("us", "https://accounts.zoho.com", "https://www.zohoapis.com"),
    ("eu", "https://accounts.zoho.eu", "https://www.zohoapis.eu"),
    ("in", "https://accounts.zoho.in", "https://www.zohoapis.in"),
    ("au", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au"),
    ("jp", "https://accounts.zoho.jp", "https://www.zohoapis.jp"),
    ("cn", "https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn"),
    ("ca", "https://accounts.zohocloud.ca", "https://www.zohoapis.ca"),
    ("sa", "https://accounts.zoho.sa", "https://www.zohoapis.sa"),
];

/// How the facade lists and opens this room.
pub const REGISTRATION: Registration = Registration {
    name: "zoho",
    title: "Zoho",
    variables: &[
        variable("ZOHO_CLIENT_ID", "client_id", "Client id of a client of the API console."),
        secret("ZOHO_CLIENT_SECRET", "client_secret", "Its secret."),
        secret("ZOHO_REFRESH_TOKEN", "refresh_token", "Refresh token that a user gave to it."),
        secret("ZOHO_ACCESS_TOKEN", "access_token", "An access token, for an hour."),
        variable(
            "ZOHO_DATA_CENTER",
            "data_center",
            "Where the account is: us, eu, in, au, jp, cn, ca or sa; us if not said.",
        ),
        variable(
            "ZOHO_API_DOMAIN",
            "api_domain",
            "Where calls go, where no token answer tells it (a sandbox or developer org).",
        ),
        variable("ZOHO_BASE_URL", "base_url", "Another host for all calls, for a sandbox."),
    ],
    keys: &[
        "client_id",
        "client_secret",
        "refresh_token",
        "access_token",
        "data_center",
        "accounts_url",
        "api_domain",
        "base_url",
        "concurrency",
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
    Ok(Arc::new(Zoho::open(setup)?))
}

/// The settings of one connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    refresh_token: Option<SecretString>,
    access_token: Option<SecretString>,
    data_center: Option<String>,
    accounts_url: Option<String>,
    api_domain: Option<String>,
    base_url: Option<String>,
    /// How many calls may be under way at once.
    concurrency: Option<u16>,
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

impl Config {
    /// Returns how many calls may be under way at once.
    pub(crate) fn concurrency(&self) -> usize {
        self.concurrency.unwrap_or(CONCURRENCY).into()
    }

    /// Returns where calls go and what signs them.
    pub(crate) fn access(self) -> Result<Access> {
        let (accounts, api) = self.hosts()?;
        let has_base = self.base_url.is_some();
        match (self.client_id, self.client_secret, self.refresh_token) {
            (Some(client_id), Some(client_secret), Some(refresh_token)) => {
                let client_secret = Some(client_secret);
                let grant = Grant::RefreshToken { client_id, client_secret, refresh_token };
                let mut oauth = OAuth::new(format!("{accounts}/oauth/v2/token"), grant)
                    .scheme(SCHEME)
                    .refused_hint(REFRESH_HINT);
                if !has_base {
                    oauth = oauth.instance_from("api_domain");
                }
                if let Some(token) = self.access_token {
                    oauth = oauth.access_token(token);
                }
                Ok(Access { base_url: api, authorizer: Authorizer::oauth(oauth) })
            }
            (None, None, None) => {
                let token = self.access_token.ok_or_else(no_credentials)?;
                let value = format!("{SCHEME} {}", token.expose_secret());
                let authorizer = Authorizer::header("authorization", value.into());
                Ok(Access { base_url: api, authorizer: authorizer.expired_hint(TOKEN_HINT) })
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

    /// Returns the accounts server and the host of calls, checked.
    fn hosts(&self) -> Result<(String, String)> {
        let check = |url: &Option<String>, key: &str| {
            url.as_deref().map(|text| crm_http::base_url(text, key)).transpose()
        };
        let base = check(&self.base_url, "base_url")?;
        let accounts = check(&self.accounts_url, "accounts_url")?;
        let api = check(&self.api_domain, "api_domain")?;
        let name = self.data_center.as_deref().unwrap_or("us");
        let center = CENTERS.iter().find(|row| row.0.eq_ignore_ascii_case(name));
        let (_, usual_accounts, usual_api) = center.ok_or_else(|| no_center(name))?;
        let accounts = base.clone().or(accounts).unwrap_or_else(|| (*usual_accounts).to_owned());
        Ok((accounts, base.or(api).unwrap_or_else(|| (*usual_api).to_owned())))
    }
}

fn no_credentials() -> ProviderError {
    ProviderError::new(ErrorKind::Auth, "no credentials are configured").with_hint(NOTHING_HINT)
}

fn incomplete(lacking: &str) -> ProviderError {
    let message = format!("the OAuth settings are incomplete: {lacking} is missing");
    let hint = "set client_id, client_secret and refresh_token together, or only access_token";
    ProviderError::new(ErrorKind::Auth, message).with_hint(hint)
}

fn no_center(name: &str) -> ProviderError {
    let names: Vec<&str> = CENTERS.iter().map(|row| row.0).collect();
    let message = format!("`data_center` is `{name}`, which is no data centre of Zoho");
    ProviderError::new(ErrorKind::Permanent, message)
        .with_hint(format!("they are: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).into()));
        serde_json::from_value(serde_json::Value::Object(pairs.collect())).unwrap()
    }

    #[test]
    fn each_data_centre_has_hosts_of_its_own() {
        for (name, accounts, api) in CENTERS {
            let hosts = config(&[("data_center", name)]).hosts().unwrap();
            assert_eq!(hosts, ((*accounts).to_owned(), (*api).to_owned()));
        }
        let (accounts, api) = config(&[]).hosts().unwrap();
        assert_eq!((accounts.as_str(), api.as_str()), (CENTERS[0].1, CENTERS[0].2));
        assert!(config(&[("data_center", "mars")]).hosts().is_err());
    }

    #[test]
    fn a_base_url_goes_before_everything_else() {
        let base = "http://127.0.0.1:4704";
        let set = config(&[("base_url", base), ("data_center", "eu")]);
        assert_eq!(set.hosts().unwrap(), (base.to_owned(), base.to_owned()));
        let own = config(&[("api_domain", "https://sandbox.zohoapis.eu"), ("data_center", "eu")]);
        let (accounts, api) = own.hosts().unwrap();
        assert_eq!(accounts, "https://accounts.zoho.eu");
        assert_eq!(api, "https://sandbox.zohoapis.eu");
    }
}
