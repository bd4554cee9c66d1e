//! Who may call: bearer tokens, their scopes, and the OAuth endpoints that hand them out.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::fail::{Fail, empty_response, json_response};
use super::kind::Kind;
use super::route::{OAuth, Route};
use super::{Answer, HubSpot, HubSpotOptions, time};
use crate::fake::Call;
use crate::world::World;

/// How long an access token works, in seconds.
const LIFE_S: i64 = 1_800;
const APP: u64 = 4_242;
const USER: u64 = 1_001;

/// The tokens that work.
#[derive(Debug)]
pub(super) struct Tokens {
    fixed: BTreeSet<String>,
    /// When each access token that was handed out expires, in milliseconds since 1970.
    issued: BTreeMap<String, i64>,
    refresh: BTreeSet<String>,
    codes: BTreeSet<String>,
    count: u64,
}

impl Tokens {
    /// Returns the tokens that a fake starts with.
    pub(super) fn new(options: &HubSpotOptions) -> Self {
        Self {
            fixed: options.tokens.iter().cloned().collect(),
            issued: BTreeMap::new(),
            refresh: options.refresh_tokens.iter().cloned().collect(),
            codes: options.codes.iter().cloned().collect(),
            count: 0,
        }
    }

    /// Returns whether a token is one of a private app, which never expires.
    pub(super) fn is_fixed(&self, token: &str) -> bool {
        self.fixed.contains(token)
    }

    /// Makes all access tokens expire.
    pub(super) fn kill(&mut self) {
        for expires_ms in self.issued.values_mut() {
            *expires_ms = 0;
        }
    }

    fn issue(&mut self, now_ms: i64) -> String {
        self.count += 1;
        let token = format!("sandbox-hubspot-access-{:06}", self.count);
        self.issued.insert(token.clone(), now_ms + LIFE_S * 1_000);
        token
    }
}

/// Returns the refusal of a token that worked once.
pub(super) fn expired(expires_ms: i64, now_ms: i64) -> Fail {
    let seconds = now_ms.saturating_sub(expires_ms) / 1_000;
    let message =
        format!("The OAuth token used to make this call expired {seconds} second(s) ago.");
    Fail::of(401, "EXPIRED_AUTHENTICATION", message)
        .with("context", json!({ "expire time": [time::iso(expires_ms)] }))
}

impl HubSpot {
    /// Refuses a call whose token is missing, unknown, expired or too weak.
    pub(super) fn authorise(
        &self,
        world: &World,
        call: &Call<'_>,
        route: &Route<'_>,
    ) -> Result<(), Fail> {
        let now_ms = world.now_ms();
        let token = call.bearer().unwrap_or_default();
        match self.tokens.issued.get(token) {
            Some(expires_ms) if *expires_ms <= now_ms => return Err(expired(*expires_ms, now_ms)),
            Some(_) => {}
            None if self.tokens.is_fixed(token) => {}
            None => {
                let message = "Authentication credentials not found. This API supports OAuth 2.0 \
                     authentication and you can find more details at \
                     https://developers.hubspot.com/docs/methods/auth/oauth-overview";
                return Err(Fail::of(401, "INVALID_AUTHENTICATION", message));
            }
        }
        let Some(granted) = &self.options.scopes else {
            return Ok(());
        };
        let lacks = |any: &Vec<String>| !any.iter().any(|scope| granted.contains(scope));
        let Some(needed) = scopes(call, route).into_iter().find(lacks) else {
            return Ok(());
        };
        let message = "One or more of the following scopes are required.";
        Err(Fail::of(403, "MISSING_SCOPES", message).with(
            "context",
            json!({
                "requiredGranularScopes": needed,
                "links": ["https://developers.hubspot.com/scopes"],
            }),
        ))
    }

    /// Answers the OAuth endpoints.
    pub(super) fn oauth(&mut self, world: &World, call: &Call<'_>, what: &OAuth<'_>) -> Answer {
        let now_ms = world.now_ms();
        let post = call.method() == Method::POST;
        match what {
            OAuth::Token if post => self.grant(now_ms, &call.form(), Grant::Dated),
            OAuth::OldToken if post => {
                // The old endpoint also takes its fields from the query.
                let mut fields = call.form();
                fields.extend(call.query_pairs().iter().cloned());
                self.grant(now_ms, &fields, Grant::Old)
            }
            OAuth::Introspect if post => Ok(self.introspect(now_ms, &call.form())),
            OAuth::Revoke if post => {
                let form = call.form();
                let token = field(&form, "token").unwrap_or_default();
                self.tokens.issued.remove(token);
                self.tokens.refresh.remove(token);
                Ok(empty_response(StatusCode::OK))
            }
            OAuth::OldAccess(token) if call.method() == Method::GET => {
                self.old_access(now_ms, token)
            }
            OAuth::OldRefresh(token) if call.method() == Method::GET => {
                if !self.tokens.refresh.contains(*token) {
                    return Err(Fail::new(404, "refresh token not found"));
                }
                let mut body = self.describe(token, "refresh", "token_type");
                put(&mut body, "client_id", json!(self.options.client_id));
                Ok(json_response(200, body.to_string()))
            }
            OAuth::OldRefresh(token) if call.method() == Method::DELETE => {
                self.tokens.refresh.remove(*token);
                Ok(empty_response(StatusCode::NO_CONTENT))
            }
            OAuth::Token
            | OAuth::OldToken
            | OAuth::Introspect
            | OAuth::Revoke
            | OAuth::OldAccess(_)
            | OAuth::OldRefresh(_) => Err(Fail::new(405, "Method Not Allowed")),
        }
    }

    fn grant(&mut self, now_ms: i64, form: &[(String, String)], style: Grant) -> Answer {
        let known = field(form, "client_id") == Some(&self.options.client_id)
            && field(form, "client_secret") == Some(&self.options.client_secret);
        if !known {
            let status = "BAD_CLIENT_ID";
            return Err(refused(
                "invalid_client",
                status,
                "missing or unknown client id or secret",
            ));
        }
        let mut refresh = None;
        match field(form, "grant_type").unwrap_or_default() {
            "refresh_token" => {
                let token = field(form, "refresh_token").unwrap_or_default();
                if !self.tokens.refresh.contains(token) {
                    let message = "refresh token is invalid, expired or revoked";
                    return Err(refused("invalid_grant", "BAD_REFRESH_TOKEN", message));
                }
                refresh = Some(token.to_owned());
            }
            "authorization_code" => {
                if !self.tokens.codes.remove(field(form, "code").unwrap_or_default()) {
                    let message = "missing or unknown auth code";
                    return Err(refused("invalid_grant", "BAD_AUTH_CODE", message));
                }
                let token = format!("sandbox-hubspot-refresh-{:06}", self.tokens.refresh.len());
                self.tokens.refresh.insert(token.clone());
                refresh = Some(token);
            }
            "client_credentials" => {}
            other => {
                let message = format!("grant type {other:?} is not supported");
                return Err(refused("unsupported_grant_type", "BAD_GRANT_TYPE", &message));
            }
        }
        let access = self.tokens.issue(now_ms);
        let mut body = json!({
            "token_type": "bearer",
            "access_token": access,
            "expires_in": LIFE_S,
        });
        if let Some(refresh) = refresh {
            put(&mut body, "refresh_token", json!(refresh));
        }
        if style == Grant::Dated {
            put(&mut body, "token_use", json!("access_token"));
            put(&mut body, "hub_id", json!(self.options.portal_id));
            put(&mut body, "user_id", json!(USER));
            put(&mut body, "scopes", json!(self.granted()));
        }
        Ok(json_response(200, body.to_string()))
    }

    fn introspect(&self, now_ms: i64, form: &[(String, String)]) -> Response<Bytes> {
        let token = field(form, "token").unwrap_or_default();
        let expires_ms = self.tokens.issued.get(token).copied().filter(|at| *at > now_ms);
        let body = match expires_ms {
            Some(expires_ms) => {
                let mut body = self.describe(token, "access_token", "token_use");
                put(&mut body, "expires_in", json!((expires_ms - now_ms) / 1_000));
                put(&mut body, "active", json!(true));
                put(&mut body, "client_id", json!(self.options.client_id));
                put(&mut body, "token_type", json!("bearer"));
                body
            }
            None if self.tokens.refresh.contains(token) => {
                let mut body = self.describe(token, "refresh_token", "token_use");
                put(&mut body, "active", json!(true));
                put(&mut body, "client_id", json!(self.options.client_id));
                body
            }
            None => json!({ "active": false }),
        };
        json_response(200, body.to_string())
    }

    fn old_access(&self, now_ms: i64, token: &str) -> Answer {
        let expires_ms = self.tokens.issued.get(token).copied().filter(|at| *at > now_ms);
        let expires_ms = expires_ms.ok_or_else(|| Fail::new(404, "access token not found"))?;
        let mut body = self.describe(token, "access", "token_type");
        put(&mut body, "expires_in", json!((expires_ms - now_ms) / 1_000));
        Ok(json_response(200, body.to_string()))
    }

    fn describe(&self, token: &str, use_of: &str, key: &str) -> Value {
        json!({
            "token": token,
            "user": "ines.faria@sales.example",
            "hub_domain": "sales.example",
            "scopes": self.granted(),
            "hub_id": self.options.portal_id,
            "app_id": APP,
            "user_id": USER,
            key: use_of,
        })
    }

    fn granted(&self) -> Vec<String> {
        self.options.scopes.clone().unwrap_or_else(|| {
            let areas = ["contacts", "companies", "deals"];
            let mut all = vec!["oauth".to_owned(), "crm.objects.owners.read".to_owned()];
            for part in ["objects", "schemas"] {
                for area in areas {
                    all.push(format!("crm.{part}.{area}.read"));
                    all.push(format!("crm.{part}.{area}.write"));
                }
            }
            all
        })
    }
}

/// Which token endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    Dated,
    Old,
}

/// Returns the scopes that a call needs: of each list any one.
fn scopes(call: &Call<'_>, route: &Route<'_>) -> Vec<Vec<String>> {
    let ends = match route {
        Route::Associations([from, to, ..]) | Route::Objects([from, _, "associations", to, ..]) => {
            [Kind::named(from), Kind::named(to)]
        }
        Route::Associations(_)
        | Route::Objects(_)
        | Route::Properties(_)
        | Route::Owners(_)
        | Route::Pipelines(_)
        | Route::Account
        | Route::OAuth(_) => [None, None],
    };
    let reads = call.method() == Method::GET || call.path().ends_with("/batch/read");
    let verb = if reads { "read" } else { "write" };
    let ends: Vec<Vec<String>> = ends
        .into_iter()
        .flatten()
        .map(|kind| vec![format!("crm.objects.{}.{verb}", kind.scope)])
        .collect();
    if !ends.is_empty() {
        // An association concerns both of its ends.
        return ends;
    }
    let any = scopes_of_one(call, route);
    if any.is_empty() { Vec::new() } else { vec![any] }
}

fn scopes_of_one(call: &Call<'_>, route: &Route<'_>) -> Vec<String> {
    let reads = call.method() == Method::GET;
    match route {
        Route::Objects([kind, rest @ ..]) => {
            let Some(kind) = Kind::named(kind) else {
                return Vec::new();
            };
            let reads = reads || matches!(rest, ["search"] | ["batch", "read"]);
            vec![format!("crm.objects.{}.{}", kind.scope, if reads { "read" } else { "write" })]
        }
        Route::Properties([kind, rest @ ..]) => {
            let Some(kind) = Kind::named(kind) else {
                return Vec::new();
            };
            if reads || matches!(rest, ["batch", "read"]) {
                let area = kind.scope;
                vec![format!("crm.schemas.{area}.read"), format!("crm.objects.{area}.read")]
            } else {
                vec![format!("crm.schemas.{}.write", kind.scope)]
            }
        }
        Route::Owners(_) => vec!["crm.objects.owners.read".to_owned()],
        Route::Objects([])
        | Route::Associations(_)
        | Route::Properties([])
        | Route::Pipelines(_)
        | Route::Account
        | Route::OAuth(_) => Vec::new(),
    }
}

fn put(body: &mut Value, key: &str, value: Value) {
    if let Some(map) = body.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
}

fn refused(error: &str, status: &str, message: &str) -> Fail {
    let mut fail = Fail::new(400, message)
        .with("error", json!(error))
        .with("error_description", json!(message));
    fail.body.insert("status".to_owned(), json!(status));
    fail
}
