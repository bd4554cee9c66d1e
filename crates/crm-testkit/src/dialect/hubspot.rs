//! HubSpot: contacts and their neighbours, properties, search, batches, OAuth, as date versions
//! `2026-09` and `2026-03` and as the older `/crm/v3` and `/oauth/v1` paths.
//!
//! Where the vendor documents nothing, one behaviour is chosen and marked *chosen here*.

mod account;
mod association;
mod batch;
mod catalogue;
mod control;
mod fail;
mod filter;
mod kind;
mod lever;
mod link_rows;
mod links;
mod merge;
mod object;
mod property;
mod render;
mod route;
mod scene;
mod schema;
mod search;
mod time;
mod token;
mod upsert;
mod value;
mod view;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use self::account::Account;
use self::association::Ties;
use self::fail::{Fail, json_response};
use self::kind::{KINDS, Kind};
use self::property::{Group, Property, Uniqueness};
use self::route::Route;
use self::token::Tokens;
use crate::fake::{Bin, Call, Dialect, Fields, Lane, Refusal, Simulated, Touch, Weather};
use crate::people::Person;
use crate::quota::{Quotas, Span, Window};
use crate::scene::Scene;
use crate::world::{Rng, Source, World};

/// A fake HubSpot.
pub type HubSpotFake = Simulated<HubSpot>;

/// The property in which a synchronising client keeps its own id.
const SYNC_UID: &str = "crm_sync_uid";
const TEN_SECONDLY: &str = "ten_secondly";
const DAILY: &str = "daily";
const SEARCH: &str = "search";

/// Whether the account has been prepared for a synchronising client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// The unique property for the client's ids exists.
    Prepared,
    /// Nothing but what the vendor defines.
    Bare,
}

/// Which id a merged record gets; the vendor may do either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergedId {
    /// A new one.
    New,
    /// The primary record's.
    Primary,
}

/// What a batch read answers for an id that was merged away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergedInBatch {
    /// The record that lives on.
    Survivor,
    /// That it could not be found.
    Missing,
}

/// Whether search sorts by the modification time as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// It does.
    Exact,
    /// Rows are off by up to an hour, as clients have seen.
    Sloppy,
}

/// Whether an association moves the modification times of the records that it ties; the vendor
/// does not promise either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssociationStamps {
    /// It moves neither.
    Neither,
    /// It moves both.
    Both,
}

/// What a fake HubSpot is started with.
#[derive(Clone, Debug)]
pub struct HubSpotOptions {
    /// Access tokens that always work.
    pub tokens: Vec<String>,
    /// The OAuth app.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Refresh tokens that work.
    pub refresh_tokens: Vec<String>,
    /// Authorization codes that work once.
    pub codes: Vec<String>,
    /// What tokens may do; `None` for everything.
    pub scopes: Option<Vec<String>>,
    /// The account's number.
    pub portal_id: u64,
    /// The number after which those of records go on.
    pub last_key: u64,
    /// Whether the unique property for client ids exists.
    pub setup: Setup,
    /// Requests allowed in ten seconds.
    pub burst: u64,
    /// Requests allowed in a day.
    pub daily: u64,
    /// Searches allowed in a second.
    pub search: u64,
    /// The longest that search is behind, in milliseconds.
    pub lag_max_ms: u64,
    /// Which id a merged record gets.
    pub merged_id: MergedId,
    /// What a batch read answers for an id that was merged away.
    pub merged_in_batch: MergedInBatch,
    /// Whether search sorts by the modification time as asked.
    pub sorting: Sorting,
    /// Whether an association moves the modification times of the records that it ties.
    pub association_stamps: AssociationStamps,
    /// How many associations of one record an answer shows at once.
    pub association_page: usize,
}

impl Default for HubSpotOptions {
    fn default() -> Self {
        Self {
            tokens: vec!["sandbox-hubspot-token".to_owned()],
            client_id: "sandbox-hubspot-app".to_owned(),
            client_secret: "sandbox-hubspot-secret".to_owned(),
            refresh_tokens: vec!["sandbox-hubspot-refresh".to_owned()],
            codes: vec!["sandbox-hubspot-code".to_owned()],
            scopes: None,
            portal_id: 4_700_001,
            last_key: 100,
            setup: Setup::Prepared,
            burst: 190,
            daily: 625_000,
            search: 5,
            lag_max_ms: 0,
            merged_id: MergedId::New,
            merged_in_batch: MergedInBatch::Survivor,
            sorting: Sorting::Exact,
            association_stamps: AssociationStamps::Neither,
            association_page: 500,
        }
    }
}

/// The vendor's side of a fake HubSpot: everything that is not a record.
#[derive(Debug)]
pub struct HubSpot {
    options: HubSpotOptions,
    tokens: Tokens,
    account: Account,
    ties: Ties,
    properties: BTreeMap<&'static str, BTreeMap<String, Property>>,
    groups: BTreeMap<&'static str, BTreeMap<String, Group>>,
    /// The id of the request being answered, as errors and a header show it.
    correlation: String,
    /// Where those ids come from: apart from the world's, so that reading moves no record's id.
    names: Rng,
}

/// What answering a request comes to.
type Answer = Result<Response<Bytes>, Fail>;

impl HubSpot {
    fn property(&self, kind: &Kind, name: &str) -> Option<&Property> {
        let property = self.properties.get(kind.plural)?.get(name)?;
        property.archived_ms.is_none().then_some(property)
    }

    /// Returns the properties by which a record can be asked for, other than its id.
    fn unique(&self, kind: &Kind) -> Vec<String> {
        let all = self.properties.get(kind.plural).into_iter().flat_map(BTreeMap::values);
        let unique = all.filter(|property| property.unique == Uniqueness::Unique);
        let mut names: Vec<String> = unique.map(|property| property.name.clone()).collect();
        if kind.plural == "contacts" {
            names.push("email".to_owned());
        }
        names
    }

    fn dispatch(&mut self, world: &mut World, call: &Call<'_>) -> Answer {
        let segments = call.segments();
        let route = Route::of(&segments)
            .ok_or_else(|| Fail::new(404, format!("No resource at {}", call.path())))?;
        if let Route::OAuth(rest) = route {
            return self.oauth(world, call, &rest);
        }
        self.authorise(world, call, &route)?;
        expect_json(call)?;
        match route {
            Route::Objects(rest) => self.objects(world, call, rest),
            Route::Properties(rest) => self.schema(world, call, rest),
            Route::Associations(rest) => self.associations(world, call, rest),
            Route::Owners(rest) => self.account.owners(call, rest),
            Route::Pipelines(rest) => self.account.pipelines(call, rest),
            Route::Account => Ok(account::details(self.options.portal_id)),
            // Answered above.
            Route::OAuth(_) => Err(Fail::not_found()),
        }
    }

    fn rate_headers(&self, headers: &mut HeaderMap, quotas: &Quotas, now_ms: i64, call: &Call<'_>) {
        if let Some(window) = quotas.get(TEN_SECONDLY) {
            number(headers, "x-hubspot-ratelimit-max", window.limit());
            number(headers, "x-hubspot-ratelimit-remaining", window.left(now_ms));
            number(headers, "x-hubspot-ratelimit-interval-milliseconds", 10_000);
        }
        // Tokens of OAuth apps have no daily limit, and so no headers about one.
        let fixed = call.bearer().is_some_and(|token| self.tokens.is_fixed(token));
        if let (true, Some(window)) = (fixed, quotas.get(DAILY)) {
            number(headers, "x-hubspot-ratelimit-daily", window.limit());
            number(headers, "x-hubspot-ratelimit-daily-remaining", window.left(now_ms));
        }
    }
}

impl Dialect for HubSpot {
    type Options = HubSpotOptions;

    fn name() -> &'static str {
        "hubspot"
    }

    fn open(options: &HubSpotOptions, world: &mut World) -> Self {
        world.lag_max_ms = options.lag_max_ms;
        world.start_keys_at(options.last_key);
        let mut properties = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for kind in &KINDS {
            let mut own = catalogue::properties(kind);
            let table = world.table_mut(kind.plural);
            if options.setup == Setup::Prepared {
                own.extend(catalogue::sync_uid(kind).map(|uid| (SYNC_UID.to_owned(), uid)));
                table.add_index(SYNC_UID, &[SYNC_UID], None);
            }
            if kind.plural == "contacts" {
                table.add_index("email", &["email", "hs_additional_emails"], Some(';'));
            }
            properties.insert(kind.plural, own);
            groups.insert(kind.plural, catalogue::groups(kind));
        }
        let names = world.rng.fork("correlation");
        let tokens = Tokens::new(options);
        let correlation = String::new();
        Self {
            options: options.clone(),
            tokens,
            account: Account::default(),
            ties: Ties::default(),
            properties,
            groups,
            correlation,
            names,
        }
    }

    fn windows(options: &HubSpotOptions) -> Vec<Window> {
        vec![
            Window::new(TEN_SECONDLY, options.burst, Span::Rolling(10_000)),
            Window::new(DAILY, options.daily, Span::Fixed(86_400_000)),
            Window::new(SEARCH, options.search, Span::Rolling(1_000)),
        ]
    }

    fn lane(&self, call: &Call<'_>) -> Lane {
        route::lane(call)
    }

    fn answer(&mut self, world: &mut World, quotas: &Quotas, call: &Call<'_>) -> Response<Bytes> {
        let bits = (u128::from(self.names.bits()) << 64) | u128::from(self.names.bits());
        self.correlation = uuid::Uuid::from_u128(bits).to_string();
        let lane = route::lane(call);
        let answered = self.dispatch(world, call);
        let mut response = answered.unwrap_or_else(|fail| fail.response(&self.correlation));
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(&self.correlation) {
            headers.insert("x-hubspot-correlation-id", value);
        }
        if lane.windows.contains(&TEN_SECONDLY) {
            self.rate_headers(headers, quotas, world.now_ms(), call);
        }
        response
    }

    fn weather(&self, weather: &Weather, now: Timestamp) -> Response<Bytes> {
        let millis = u128::try_from(now.as_millisecond()).unwrap_or_default();
        let correlation = uuid::Uuid::from_u128(millis << 64).to_string();
        match weather {
            Weather::RateLimited => rate_limited(TEN_SECONDLY, &correlation),
            Weather::Full(window) => rate_limited(window.name(), &correlation),
            Weather::Status(status) => {
                let message = match status {
                    423 => "The record is locked by another operation.",
                    477 => "This account is being migrated.",
                    _ => "internal error",
                };
                Fail::new(*status, message).response(&correlation)
            }
            Weather::TokenExpired => {
                token::expired(now.as_millisecond(), now.as_millisecond()).response(&correlation)
            }
        }
    }

    fn kill_tokens(&mut self) {
        self.tokens.kill();
    }

    fn kinds(&self) -> Vec<String> {
        KINDS.iter().map(|kind| kind.plural.to_owned()).collect()
    }

    fn records(&self, world: &World, kind: &str, bin: Bin) -> Result<Vec<Value>, Refusal> {
        control::records(world, kind, bin)
    }

    fn record(&self, world: &World, kind: &str, id: &str) -> Result<Value, Refusal> {
        control::record(world, kind, id)
    }

    fn create(
        &mut self,
        world: &mut World,
        kind: &str,
        fields: &Fields,
    ) -> Result<String, Refusal> {
        let kind = control::kind(kind)?;
        let written = self.check(kind, fields).map_err(control::refusal)?;
        write::needs(kind, &written).map_err(control::refusal)?;
        let key = self.insert(world, kind, &written, Source::User).map_err(control::refusal)?;
        Ok(key.to_string())
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
        let kind = control::kind(kind)?;
        let merged = self.merge_records(world, kind, winner, loser, Source::User);
        merged.map(|key| key.to_string()).map_err(control::refusal)
    }

    fn touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        self.user_touch(world, touch)
    }

    fn lever(
        &mut self,
        world: &mut World,
        method: &Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        self.pull(world, method, path, body)
    }

    fn person(&self, person: &Person) -> Fields {
        control::person(person)
    }

    fn person_kind(&self) -> &'static str {
        "contacts"
    }

    fn furnish(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        self.enter(world, scene)
    }
}

fn number(headers: &mut HeaderMap, name: &'static str, value: u64) {
    headers.insert(name, HeaderValue::from(value));
}

fn rate_limited(window: &str, correlation: &str) -> Response<Bytes> {
    let (policy, limit) = match window {
        DAILY => ("DAILY", "daily"),
        SEARCH => ("SECONDLY", "secondly"),
        _ => ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"),
    };
    let body = json!({
        "status": "error",
        "message": format!("You have reached your {limit} limit."),
        "errorType": "RATE_LIMIT",
        "correlationId": correlation,
        "policyName": policy,
    });
    json_response(429, body.to_string())
}

fn expect_json(call: &Call<'_>) -> Result<(), Fail> {
    let kind = call.header("content-type").unwrap_or("application/json");
    if call.body().is_empty() || kind.to_ascii_lowercase().contains("json") {
        return Ok(());
    }
    // The body is chosen here; the vendor documents only the status.
    Err(Fail::new(415, format!("Unsupported Media Type: {kind}")))
}

/// Returns the body as a JSON object.
fn body(call: &Call<'_>) -> Result<serde_json::Map<String, Value>, Fail> {
    match call.json() {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Fail::new(400, "Invalid input JSON on line 1, column 1: expected an object")),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(Fail::new(400, format!("Invalid input JSON on line {line}, column {column}")))
        }
    }
}

/// Returns the strings of a JSON array; numbers count as their text.
fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(text).collect()
}

/// Returns a JSON string's or number's text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns the names of a request as a set, for the properties of an answer.
fn name_set<S: AsRef<str>>(names: &[S]) -> BTreeSet<String> {
    names.iter().map(|name| name.as_ref().to_owned()).collect()
}
