//! The three grants, as the form that a token request carries.

use std::time::Duration;

use crm_core::{ErrorKind, ProviderError, Result};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::clock::later;

/// How long an assertion is valid; vendors refuse more than five minutes.
const ASSERTION_LIFE: Duration = Duration::from_mins(3);

/// What a token is asked for with.
#[derive(Debug)]
pub enum Grant {
    /// A refresh token (RFC 6749, section 6).
    RefreshToken {
        /// The app.
        client_id: String,
        /// Its secret; public apps have none.
        client_secret: Option<SecretString>,
        /// The token.
        refresh_token: SecretString,
    },
    /// The app itself (RFC 6749, section 4.4).
    ClientCredentials {
        /// The app.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
    },
    /// An assertion that is signed with the app's private key (RFC 7523), RS256.
    JwtBearer {
        /// The app.
        issuer: String,
        /// The user on whose behalf it acts.
        subject: String,
        /// The server that the assertion is made for.
        audience: String,
        /// The RSA key in PEM form.
        key_pem: SecretString,
    },
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

impl Grant {
    /// Returns the pairs of the form; `rotated` is the refresh token that replaced the
    /// configured one.
    pub(super) fn form(
        &self,
        rotated: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, SecretString)>> {
        match self {
            Self::RefreshToken { client_id, client_secret, refresh_token } => {
                let refresh_token = rotated.unwrap_or(refresh_token);
                let mut pairs = vec![
                    ("grant_type", "refresh_token".into()),
                    ("client_id", client_id.as_str().into()),
                    ("refresh_token", refresh_token.clone()),
                ];
                if let Some(secret) = client_secret {
                    pairs.push(("client_secret", secret.clone()));
                }
                Ok(pairs)
            }
            Self::ClientCredentials { client_id, client_secret } => Ok(vec![
                ("grant_type", "client_credentials".into()),
                ("client_id", client_id.as_str().into()),
                ("client_secret", client_secret.clone()),
            ]),
            Self::JwtBearer { issuer, subject, audience, key_pem } => {
                let claims = Claims {
                    iss: issuer,
                    sub: subject,
                    aud: audience,
                    exp: later(now, ASSERTION_LIFE).as_second(),
                };
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                Ok(vec![
                    ("grant_type", grant.into()),
                    ("assertion", sign(&claims, key_pem)?.into()),
                ])
            }
        }
    }

    /// Returns whether a refresh token is another one than we use.
    pub(super) fn is_replaced(&self, rotated: Option<&SecretString>, token: &SecretString) -> bool {
        match self {
            Self::RefreshToken { refresh_token, .. } => {
                let in_use = rotated.unwrap_or(refresh_token);
                in_use.expose_secret() != token.expose_secret()
            }
            // The next token is asked for as this one was.
            Self::ClientCredentials { .. } | Self::JwtBearer { .. } => false,
        }
    }
}

fn sign(claims: &Claims<'_>, key_pem: &SecretString) -> Result<String> {
    // A key that came through an environment variable often has its line breaks spelled out.
    let pem = key_pem.expose_secret().replace("\\n", "\n");
    EncodingKey::from_rsa_pem(pem.as_bytes())
        .and_then(|key| encode(&Header::new(Algorithm::RS256), claims, &key))
        .map_err(|error| {
            ProviderError::new(
                ErrorKind::Auth,
                "the private key cannot sign: it is not an RSA key in PEM form",
            )
            .with_hint("give the whole file, with its BEGIN and END lines")
            .with_source(error)
        })
}
