//! Where requests go, how they are counted, and what they cost.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use super::answer::Answer;
use super::module::{Catalog, Module};
use super::problem::Problem;
use super::write::Deed;
use super::{DAILY, Zoho, coql, time};
use crate::fake::{Call, Lane, Weather};
use crate::quota::Quotas;
use crate::world::World;

/// Inserts, updates and upserts cost one credit for so many records.
const RECORDS_PER_CREDIT: usize = 10;
/// The header that tells what is left, once half is used.
const LEFT: &str = "x-api-credits-remaining";

/// Returns how a request is counted.
pub(super) fn lane(catalog: &Catalog, call: &Call<'_>) -> Lane {
    let segments = call.segments();
    let path = match segments.as_slice() {
        ["crm", version, rest @ ..] => {
            let rest: Vec<&str> = rest.iter().map(|part| shown(catalog, part)).collect();
            format!("/crm/{version}/{}", rest.join("/"))
        }
        other => format!("/{}", other.join("/")),
    };
    let windows: &[&str] = if segments.first() == Some(&"crm") { &[DAILY] } else { &[] };
    Lane { endpoint: format!("{} {path}", call.method()), windows, cost: cost(call, &segments) }
}

/// Returns a part of a path with ids left out.
fn shown<'p>(catalog: &Catalog, part: &'p str) -> &'p str {
    let is_id = part.bytes().all(|byte| byte.is_ascii_digit()) && catalog.module(part).is_none();
    if is_id { "{id}" } else { part }
}

fn cost(call: &Call<'_>, segments: &[&str]) -> u64 {
    match (call.method(), segments) {
        (&Method::POST, ["crm", _, "coql"]) => coql::cost(call),
        (&Method::POST | &Method::PUT, ["crm", _, _] | ["crm", _, _, "upsert"]) => {
            let body = call.json().ok();
            let count = body.as_ref().and_then(|body| body.get("data")?.as_array().map(Vec::len));
            let tens = count.unwrap_or(1).div_ceil(RECORDS_PER_CREDIT).max(1);
            u64::try_from(tens).unwrap_or(1)
        }
        _ => 1,
    }
}

/// Returns what the vendor says in bad weather.
pub(super) fn weather(weather: &Weather) -> Response<Bytes> {
    let answer: Answer = match weather {
        Weather::RateLimited => Problem::slow_down().into(),
        Weather::Full(_) => Answer::from(Problem::slow_down()).with(LEFT, "0"),
        Weather::TokenExpired => Problem::token().into(),
        Weather::Status(401) => Problem::scope().into(),
        Weather::Status(403) => Problem::permission().into(),
        Weather::Status(500) => Problem::internal().into(),
        // Other statuses come from the edge, which does not speak JSON.
        Weather::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            Answer { status, headers: Vec::new(), body: None }
        }
    };
    answer.into_response()
}

impl Zoho {
    /// Answers a request.
    pub(super) fn serve(
        &mut self,
        world: &mut World,
        quotas: &Quotas,
        call: &Call<'_>,
    ) -> Response<Bytes> {
        let segments = call.segments();
        let (version, rest) = match segments.as_slice() {
            ["oauth", "v2", rest @ ..] => return self.accounts(world, call, rest),
            ["crm", version, rest @ ..] if spoken(version) => (*version, rest),
            _ => return Answer::from(Problem::url()).into_response(),
        };
        let now_ms = world.now_ms();
        let token = call.header("authorization").and_then(|held| held.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Zoho-oauthtoken"));
        let Some((_, token)) = token else {
            return Answer::from(Problem::no_token()).into_response();
        };
        let Some(until_ms) = self.tokens.until(token.trim(), now_ms) else {
            return Answer::from(Problem::token()).into_response();
        };
        self.fields_needed = !matches!(version, "v2" | "v2.1");
        let mut answer = self.route(world, call, rest).unwrap_or_else(Answer::from);
        let death = time::local(until_ms, self.options.offset_minutes);
        answer = answer.with("x-accesstoken-reset", death);
        if let Some(window) = quotas.get(DAILY)
            && window.used(now_ms) * 2 >= window.limit()
        {
            answer = answer.with(LEFT, window.left(now_ms).to_string());
        }
        answer.into_response()
    }

    fn route(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        path: &[&str],
    ) -> Result<Answer, Problem> {
        let get = call.method() == Method::GET;
        match path {
            ["coql"] if call.method() == Method::POST => self.coql(world, call),
            ["users"] => self.list_users(world, call),
            ["org"] if get => Ok(self.org()),
            ["org", "currencies"] if get => Ok(self.list_currencies()),
            ["settings", "modules"] if get => self.modules(None),
            ["settings", "modules", name] if get => self.modules(Some(name)),
            ["settings", "fields"] => self.fields(world, call),
            ["settings", "layouts"] if get => self.layouts(call),
            ["settings", "pipeline"] if get => self.pipelines(call),
            ["settings", "recycle_bin"] if get => self.recycle_bin(world, call),
            [] | ["coql" | "org" | "settings", ..] => Err(Problem::url()),
            [name, rest @ ..] => {
                let module = self.catalog.module(name).cloned();
                let module = module.ok_or_else(|| Problem::module(0))?;
                self.records(world, call, &module, rest)
            }
        }
    }

    fn records(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        module: &Module,
        path: &[&str],
    ) -> Result<Answer, Problem> {
        match (call.method(), path) {
            (&Method::GET, []) => self.list(world, call, module),
            (&Method::POST, []) => self.write(world, call, module, (Deed::Insert, None)),
            (&Method::PUT, []) => self.write(world, call, module, (Deed::Update, None)),
            (&Method::DELETE, []) => self.remove(world, call, module, None),
            (&Method::POST, ["upsert"]) => self.write(world, call, module, (Deed::Upsert, None)),
            (&Method::GET, ["deleted"]) => self.deleted(world, call, module),
            (&Method::GET, ["search"]) => self.search(world, call, module),
            (&Method::GET, ["actions", "count"]) => Ok(Self::count(world, module)),
            (&Method::GET, [id]) => self.one(world, call, module, id),
            (&Method::PUT, [id]) => self.write(world, call, module, (Deed::Update, Some(id))),
            (&Method::DELETE, [id]) => self.remove(world, call, module, Some(id)),
            (_, [] | [_]) => Err(Problem::method()),
            _ => Err(Problem::url()),
        }
    }
}

/// Returns whether a version of the interface is spoken.
fn spoken(version: &str) -> bool {
    matches!(version, "v2" | "v2.1" | "v3" | "v4" | "v5" | "v6" | "v7" | "v8")
}

/// Returns a value as the control interface shows it: of a lookup the id alone.
pub(super) fn bare(value: Value) -> Value {
    match value.get("id") {
        Some(id) => id.clone(),
        None => value,
    }
}
