//! The accounts server: tokens, which are refused with status 200.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Zoho;
use super::answer::Answer;
use crate::fake::Call;
use crate::world::World;

/// How long an access token lives.
const LIFE_MS: i64 = 3_600_000;
/// So many access tokens a refresh token gives in so long; then it is blocked for the rest of it.
const BURST: usize = 10;
const BURST_MS: i64 = 600_000;
/// So many access tokens of one refresh token live at once; one more ends the oldest.
const ALIVE_MAX: usize = 30;
/// How long a code may be exchanged.
const CODE_MS: i64 = 60_000;
const SCOPE: &str = "ZohoCRM.modules.ALL ZohoCRM.settings.ALL ZohoCRM.users.READ ZohoCRM.org.READ \
                     ZohoCRM.coql.READ";

/// Everything that was handed out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Access tokens, and until when they live.
    access: BTreeMap<String, i64>,
    /// Refresh tokens, with their access tokens and when these were given, oldest first.
    refresh: BTreeMap<String, VecDeque<(String, i64)>>,
    codes: BTreeMap<String, i64>,
}

impl Tokens {
    pub(super) fn admit(&mut self, token: &str, now_ms: i64) {
        self.access.insert(token.to_owned(), now_ms + LIFE_MS);
    }

    pub(super) fn admit_refresh(&mut self, token: &str) {
        self.refresh.insert(token.to_owned(), VecDeque::new());
    }

    /// Returns until when an access token lives, if it does.
    pub(super) fn until(&self, token: &str, now_ms: i64) -> Option<i64> {
        self.access.get(token).copied().filter(|until| now_ms < *until)
    }

    pub(super) fn expire(&mut self) {
        self.access.clear();
    }

    /// Gives an access token for a refresh token; none while it is blocked.
    fn give(&mut self, refresh: &str, world: &mut World) -> Option<String> {
        let now_ms = world.now_ms();
        let given = self.refresh.entry(refresh.to_owned()).or_default();
        if given.iter().filter(|(_, at)| now_ms - at < BURST_MS).count() >= BURST {
            return None;
        }
        let token = secret(world);
        given.push_back((token.clone(), now_ms));
        while given.len() > ALIVE_MAX {
            if let Some((oldest, _)) = given.pop_front() {
                self.access.remove(&oldest);
            }
        }
        self.admit(&token, now_ms);
        Some(token)
    }
}

fn secret(world: &mut World) -> String {
    format!("1000.{:016x}.{:016x}", world.rng.bits(), world.rng.bits())
}

/// Returns the fields of a request: from its query, its form, or its parts.
fn fields(call: &Call<'_>) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = call.query_pairs().iter().cloned().collect();
    let kind = call.header("content-type").unwrap_or_default();
    match kind.split_once("boundary=") {
        Some((_, boundary)) => fields.extend(parts(call.body(), boundary.trim_matches('"'))),
        None => fields.extend(call.form()),
    }
    fields
}

fn parts(body: &Bytes, boundary: &str) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let separator = format!("--{boundary}");
    let part = |part: &str| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let (_, name) = head.split_once("name=\"")?;
        let (name, _) = name.split_once('"')?;
        Some((name.to_owned(), value.trim_end_matches("\r\n").to_owned()))
    };
    text.split(&separator).filter_map(part).collect()
}

fn refused(error: &str) -> Answer {
    Answer::ok(json!({ "error": error }))
}

fn blocked() -> Answer {
    let body = json!({
        "error_description": "You have made too many requests continuously. Please try again \
                              after some time.",
        "error": "Access Denied",
        "status": "failure",
    });
    Answer::json(StatusCode::BAD_REQUEST, body)
}

impl Zoho {
    /// Answers `/oauth/v2/…`.
    pub(super) fn accounts(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        path: &[&str],
    ) -> Response<Bytes> {
        let fields = fields(call);
        let answer = match path {
            ["token"] if call.method() == Method::POST => self.grant(world, call, &fields),
            ["token", "revoke"] if call.method() == Method::POST => self.revoke(&fields),
            ["auth"] => self.ask_user(world, &fields),
            _ => refused("invalid_request"),
        };
        answer.into_response()
    }

    fn grant(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        fields: &BTreeMap<String, String>,
    ) -> Answer {
        let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        if get("client_id") != self.options.client_id {
            return refused("invalid_client");
        }
        if get("client_secret") != self.options.client_secret {
            return refused("invalid_client_secret");
        }
        let (refresh, is_new) = match get("grant_type") {
            "refresh_token" if self.tokens.refresh.contains_key(get("refresh_token")) => {
                (get("refresh_token").to_owned(), false)
            }
            "authorization_code" => {
                let until = self.tokens.codes.remove(get("code"));
                if until.is_none_or(|until| until < world.now_ms()) {
                    return refused("invalid_code");
                }
                (secret(world), true)
            }
            "refresh_token" => return refused("invalid_code"),
            _ => return refused("unsupported_grant_type"),
        };
        let Some(access) = self.tokens.give(&refresh, world) else { return blocked() };
        let host = call.header("host").unwrap_or("localhost");
        let mut body = json!({
            "access_token": access,
            "scope": SCOPE,
            "api_domain": format!("http://{host}"),
            "token_type": "Bearer",
            "expires_in": LIFE_MS / 1_000,
        });
        if let (true, Some(members)) = (is_new, body.as_object_mut()) {
            members.insert("refresh_token".to_owned(), Value::from(refresh));
        }
        Answer::ok(body)
    }

    fn revoke(&mut self, fields: &BTreeMap<String, String>) -> Answer {
        let token = fields.get("token").map(String::as_str).unwrap_or_default();
        let Some(given) = self.tokens.refresh.remove(token) else {
            return refused("invalid_token");
        };
        for (access, _) in given {
            self.tokens.access.remove(&access);
        }
        Answer::ok(json!({ "status": "success" }))
    }

    /// The user agrees at once.
    fn ask_user(&mut self, world: &mut World, fields: &BTreeMap<String, String>) -> Answer {
        let get = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        if get("client_id") != self.options.client_id {
            return refused("invalid_client");
        }
        let redirect = get("redirect_uri");
        if redirect.is_empty() {
            return refused("invalid_redirect_uri");
        }
        let code = secret(world);
        self.tokens.codes.insert(code.clone(), world.now_ms() + CODE_MS);
        let mark = if redirect.contains('?') { '&' } else { '?' };
        let target = format!("{redirect}{mark}code={code}&location=us");
        Answer { status: StatusCode::FOUND, headers: Vec::new(), body: None }
            .with("location", target)
    }
}
