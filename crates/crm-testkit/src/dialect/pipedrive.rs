//! Pipedrive: version 2 of the API for records, fields, pipelines and stages, version 1 for users,
//! currencies, types of activity and merges, and OAuth.
//!
//! Where the vendor documents nothing, one behaviour is chosen and marked *chosen here*.

mod body;
mod control;
mod desk;
mod fail;
mod kind;
mod list;
mod office;
mod route;
mod scene;
mod token;

use bytes::Bytes;
use http::{HeaderValue, Method, Response};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::fail::{Fail, json_response};
use self::kind::KINDS;
use self::office::Office;
use self::token::Tokens;
use crate::fake::{Bin, Call, Dialect, Fields, Lane, Refusal, Simulated, Touch, Weather};
use crate::people::Person;
use crate::quota::{Quotas, Span, Window};
use crate::scene::Scene;
use crate::world::World;

/// A fake Pipedrive.
pub type PipedriveFake = Simulated<Pipedrive>;

const BURST: &str = "burst";
const SEARCH: &str = "search";
const DAILY: &str = "daily";
const DAY_MS: i64 = 86_400_000;

/// Whether the company has been prepared for a synchronising client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// The client's fields exist.
    Prepared,
    /// Nothing but what the vendor defines.
    Bare,
}

/// What a fake Pipedrive is started with.
#[derive(Clone, Debug)]
pub struct PipedriveOptions {
    /// API tokens that always work.
    pub tokens: Vec<String>,
    /// The OAuth app.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// A refresh token that works.
    pub refresh_token: String,
    /// The company's number.
    pub company_id: u64,
    /// The number after which those of records go on.
    pub last_key: u64,
    /// Whether the client's fields exist.
    pub setup: Setup,
    /// Requests allowed in two seconds.
    pub burst: u64,
    /// Searches allowed in two seconds.
    pub search: u64,
    /// Tokens allowed in a day.
    pub daily: u64,
    /// The longest that search is behind, in milliseconds.
    pub lag_max_ms: u64,
}

impl Default for PipedriveOptions {
    fn default() -> Self {
        Self {
            tokens: vec!["sandbox-pipedrive-token".to_owned()],
            client_id: "sandbox-pipedrive-app".to_owned(),
            client_secret: "sandbox-pipedrive-secret".to_owned(),
            refresh_token: "sandbox-pipedrive-refresh".to_owned(),
            company_id: 8_100_001,
            last_key: 100,
            setup: Setup::Prepared,
            burst: 100,
            search: 10,
            daily: 1_500_000,
            lag_max_ms: 0,
        }
    }
}

/// The vendor's side of a fake Pipedrive: everything that is not a record.
#[derive(Debug)]
pub struct Pipedrive {
    tokens: Tokens,
    office: Office,
}

/// What answering a request comes to.
type Answer = Result<Response<Bytes>, Fail>;

impl Dialect for Pipedrive {
    type Options = PipedriveOptions;

    fn name() -> &'static str {
        "pipedrive"
    }

    fn open(options: &PipedriveOptions, world: &mut World) -> Self {
        world.lag_max_ms = options.lag_max_ms;
        world.granularity_ms = 1_000;
        world.start_keys_at(options.last_key);
        for kind in &KINDS {
            world.table_mut(kind.plural);
        }
        Self {
            tokens: Tokens::new(options),
            office: Office::new(options.company_id, options.setup),
        }
    }

    fn windows(options: &PipedriveOptions) -> Vec<Window> {
        vec![
            Window::new(BURST, options.burst, Span::Rolling(2_000)).per_request(),
            Window::new(SEARCH, options.search, Span::Rolling(2_000)).per_request(),
            Window::new(DAILY, options.daily, Span::Fixed(DAY_MS)),
        ]
    }

    fn lane(&self, call: &Call<'_>) -> Lane {
        route::lane(call)
    }

    fn answer(&mut self, world: &mut World, quotas: &Quotas, call: &Call<'_>) -> Response<Bytes> {
        let mut response = self.dispatch(world, call).unwrap_or_else(|fail| fail.response());
        if route::lane(call).windows.is_empty() {
            return response;
        }
        let now = world.now_ms();
        let headers = response.headers_mut();
        if let Some(window) = quotas.get(BURST) {
            let wait = (window.room_at_ms(now) - now).max(0).unsigned_abs().div_ceil(1_000);
            headers.insert("x-ratelimit-limit", HeaderValue::from(window.limit()));
            headers.insert("x-ratelimit-remaining", HeaderValue::from(window.left(now)));
            headers.insert("x-ratelimit-reset", HeaderValue::from(wait));
        }
        if let Some(window) = quotas.get(DAILY) {
            headers.insert("x-daily-ratelimit-token-limit", HeaderValue::from(window.limit()));
            let left = HeaderValue::from(window.left(now));
            headers.insert("x-daily-ratelimit-token-remaining", left);
        }
        response
    }

    fn weather(&self, weather: &Weather, now: Timestamp) -> Response<Bytes> {
        match weather {
            Weather::RateLimited => Fail::gateway(429, "request over limit").response(),
            Weather::Full(window) if window.name() == DAILY => {
                let fail = Fail::gateway(429, "daily request budget exceeded");
                let mut response = fail.response();
                let now = now.as_millisecond();
                let wait = (window.room_at_ms(now) - now).unsigned_abs().div_ceil(1_000);
                let headers = response.headers_mut();
                headers.insert("retry-after", HeaderValue::from(wait));
                headers.insert("x-daily-ratelimit-token-remaining", HeaderValue::from(0));
                response
            }
            Weather::Full(window) => {
                let mut response = Fail::gateway(429, "request over limit").response();
                let headers = response.headers_mut();
                headers.insert("x-ratelimit-limit", HeaderValue::from(window.limit()));
                headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
                headers.insert("x-ratelimit-reset", HeaderValue::from(2));
                response
            }
            Weather::Status(403) => Fail::gateway(403, "Scope and URL mismatch").response(),
            Weather::Status(status) => Fail::new(*status, "Internal error").response(),
            Weather::TokenExpired => Fail::unauthorized().response(),
        }
    }

    fn kill_tokens(&mut self) {
        self.tokens.kill();
    }

    fn kinds(&self) -> Vec<String> {
        KINDS.iter().map(|kind| kind.plural.to_owned()).collect()
    }

    fn records(&self, world: &World, kind: &str, bin: Bin) -> Result<Vec<Value>, Refusal> {
        self.shown_records(world, kind, bin)
    }

    fn record(&self, world: &World, kind: &str, id: &str) -> Result<Value, Refusal> {
        self.shown_record(world, kind, id)
    }

    fn create(
        &mut self,
        world: &mut World,
        kind: &str,
        fields: &Fields,
    ) -> Result<String, Refusal> {
        self.user_create(world, kind, fields)
    }

    fn patch(
        &mut self,
        world: &mut World,
        kind: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        self.user_patch(world, kind, id, fields)
    }

    fn delete(&mut self, world: &mut World, kind: &str, id: &str) -> Result<(), Refusal> {
        control::delete(world, kind, id)
    }

    fn merge(
        &mut self,
        world: &mut World,
        kind: &str,
        winner: &str,
        loser: &str,
    ) -> Result<String, Refusal> {
        Self::user_merge(world, kind, winner, loser)
    }

    fn touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        self.user_touch(world, touch)
    }

    fn lever(
        &mut self,
        _world: &mut World,
        method: &Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        self.pull(method, path, body)
    }

    fn person(&self, person: &Person) -> Fields {
        control::person(person)
    }

    fn person_kind(&self) -> &'static str {
        "persons"
    }

    fn furnish(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        self.enter(world, scene)
    }
}

/// Returns the body as a JSON object.
fn body(call: &Call<'_>) -> Result<Map<String, Value>, Fail> {
    match call.json() {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) | Err(_) => Err(Fail::invalid("Request body must be a JSON object")),
    }
}

/// Returns the answer of version 1 with a list.
fn old_list(rows: &Value, additional: &Value) -> Response<Bytes> {
    json_response(200, &json!({ "success": true, "data": rows, "additional_data": additional }))
}
