//! Tokens: those of users, and those of OAuth, whose refresh tokens serve once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::fail::{Fail, json_response};
use super::{Answer, PipedriveOptions};
use crate::fake::Call;

const LIFE_MS: i64 = 3_599_000;

#[derive(Debug)]
pub(super) struct Tokens {
    fixed: Vec<String>,
    client: String,
    refresh: String,
    /// The access tokens handed out, with their ends.
    granted: Vec<(String, i64)>,
    count: u64,
}

impl Tokens {
    pub(super) fn new(options: &PipedriveOptions) -> Self {
        let client = format!("{}:{}", options.client_id, options.client_secret);
        Self {
            fixed: options.tokens.clone(),
            client: STANDARD.encode(client),
            refresh: options.refresh_token.clone(),
            granted: Vec::new(),
            count: 0,
        }
    }

    pub(super) fn kill(&mut self) {
        self.granted.clear();
    }

    /// Returns whether a call carries a token that works.
    pub(super) fn allows(&self, now: i64, call: &Call<'_>) -> bool {
        let fixed = call.header("x-api-token").or_else(|| call.query("api_token"));
        if let Some(token) = fixed {
            return self.fixed.iter().any(|known| known == token);
        }
        let Some(token) = call.bearer() else { return false };
        self.granted.iter().any(|(known, end)| known == token && now < *end)
    }

    pub(super) fn answer(&mut self, now: i64, call: &Call<'_>, what: &str) -> Answer {
        let client = call.header("authorization").and_then(|text| text.strip_prefix("Basic "));
        if client != Some(self.client.as_str()) {
            return Err(Fail::invalid("Invalid client: client is invalid"));
        }
        let form = call.form();
        let field =
            |name: &str| form.iter().find(|pair| pair.0 == name).map_or("", |pair| pair.1.as_str());
        match (what, field("grant_type")) {
            ("revoke", _) => {
                self.granted.retain(|(known, _)| known != field("token"));
                Ok(json_response(200, &json!({ "success": true })))
            }
            ("token", "refresh_token") if field("refresh_token") == self.refresh => {
                self.count += 1;
                let access = format!("sandbox-pipedrive-access-{}", self.count);
                self.refresh = format!("sandbox-pipedrive-refresh-{}", self.count);
                self.granted.push((access.clone(), now + LIFE_MS));
                // Behind another host the client is told to stay where it is.
                let host = call.header("host").unwrap_or("oakfield.pipedrive.example");
                let body = json!({
                    "access_token": access, "token_type": "Bearer", "expires_in": 3_599,
                    "refresh_token": self.refresh, "scope": "base,deals:full,contacts:full",
                    "api_domain": format!("http://{host}"),
                });
                Ok(json_response(200, &body))
            }
            ("token", "refresh_token") => {
                Err(Fail::invalid("Invalid grant: refresh_token is invalid"))
            }
            ("token", "") => Err(Fail::invalid("Missing parameter: grant_type")),
            ("token", _) => Err(Fail::invalid("Unsupported grant type: grant_type is invalid")),
            _ => Err(Fail::new(404, "Unknown method .")),
        }
    }
}
