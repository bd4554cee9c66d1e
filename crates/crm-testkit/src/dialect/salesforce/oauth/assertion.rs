//! The JWT bearer grant.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use super::super::SalesforceOptions;
use super::Denied;

/// How far ahead an assertion may expire, in seconds.
const LIFE_MAX_S: i64 = 300;
/// How far the clocks may differ, in seconds.
const SKEW_MAX_S: i64 = 30;

/// The hosts that an assertion may be meant for, besides this one.
const LOGIN_HOSTS: [&str; 2] = ["https://login.salesforce.com", "https://test.salesforce.com"];

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: i64,
}

/// Checks an assertion: signature, audience, issuer, user, expiry.
pub(super) fn check(
    options: &SalesforceOptions,
    assertion: &str,
    host: &str,
    now_s: i64,
) -> Result<(), Denied> {
    let pem = options.jwt_public_key_pem.as_deref().unwrap_or_default();
    let key = DecodingKey::from_rsa_pem(pem.as_bytes())
        .map_err(|_no_key| Denied("invalid_grant", "user hasn't approved this consumer"))?;
    let mut validation = Validation::new(Algorithm::RS256);
    // The org's clock decides, and it may not show the real time.
    validation.validate_exp = false;
    let trailing = format!("{host}/");
    validation.set_audience(&[host, &trailing, LOGIN_HOSTS[0], LOGIN_HOSTS[1]]);
    let claims = decode::<Claims>(assertion, &key, &validation).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        let wrong_audience = matches!(error.kind(), ErrorKind::InvalidAudience);
        if wrong_audience {
            Denied("invalid_grant", "audience is invalid")
        } else {
            Denied("invalid_grant", "invalid assertion")
        }
    })?;
    let claims = claims.claims;
    if claims.iss != options.client_id {
        return Err(Denied("invalid_client_id", "client identifier invalid"));
    }
    if claims.sub != options.username {
        return Err(Denied("invalid_grant", "user hasn't approved this consumer"));
    }
    if claims.exp < now_s - SKEW_MAX_S {
        return Err(Denied("invalid_grant", "assertion has expired"));
    }
    if claims.exp > now_s + LIFE_MAX_S + SKEW_MAX_S {
        return Err(Denied("invalid_grant", "assertion expires too far in the future"));
    }
    Ok(())
}
