//! Which handler answers which path.

use bytes::Bytes;
use http::{HeaderName, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, VERSION_MAX, VERSION_MIN, version};
use super::describe::{Catalog, answer as describe_answer};
use super::desk::Journal;
use super::problem::Problem;
use super::room::Room;
use super::{DAILY, Salesforce, limits, text};
use crate::fake::{Call, Lane};
use crate::quota::Quotas;
use crate::world::World;

impl Salesforce {
    /// Answers a request from the wire.
    pub(super) fn serve(
        &mut self,
        world: &mut World,
        quotas: &Quotas,
        call: &Call<'_>,
    ) -> Response<Bytes> {
        let segments = call.segments();
        let path = match segments.as_slice() {
            ["services", "data"] => return versions(call.method()).into_response(),
            ["services", "data", path @ ..] => path,
            other => return self.oauth(world, call, other),
        };
        let token = call.bearer().unwrap_or_default();
        let answer = if self.sessions.touch(token, world.now_ms()) {
            let journal = Journal::default();
            let mut room = Room { world: &mut *world, quotas, call, journal };
            self.versioned(&mut room, path).unwrap_or_else(Answer::from)
        } else {
            Problem::session().into()
        };
        limited(answer, quotas, world.now_ms())
    }

    fn versioned(&mut self, room: &mut Room<'_>, path: &[&str]) -> Result<Answer, Problem> {
        let (first, path) = path.split_first().ok_or_else(Problem::not_found)?;
        let version = version(first)?;
        let ask = Ask::from_call(room.call, path, version);
        self.dispatch(room, &ask)
    }

    /// Answers a request below a version.
    pub(super) fn dispatch(&mut self, room: &mut Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
        let get = ask.method == Method::GET || ask.method == Method::HEAD;
        match path.as_slice() {
            [] if get => Ok(self.discovery(ask)),
            ["limits"] if get => Ok(limits::limits(room)),
            ["limits", "recordCount"] if get => Ok(self.record_count(room, ask)),
            ["sobjects", rest @ ..] => self.sobjects(room, ask, rest),
            ["query" | "queryAll"] if get => self.query(room, ask),
            ["query" | "queryAll", locator] if get => self.next_page(room, ask, locator),
            ["search"] if get => self.search(room, ask),
            ["composite", rest @ ..] => self.composite(room, ask, rest),
            ["tooling", rest @ ..] => self.tooling(room, ask, rest),
            ["jobs", rest @ ..] => self.jobs(room, ask, rest),
            [] | ["limits" | "query" | "queryAll" | "search"] => Err(Problem::method(&ask.method)),
            _ => Err(Problem::not_found()),
        }
    }

    fn sobjects(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        path: &[&str],
    ) -> Result<Answer, Problem> {
        let base = ask.base();
        match (path, &ask.method) {
            ([], &Method::GET) => {
                Ok(self.described(ask, || describe_answer::global(&self.catalog, &base)))
            }
            ([kind, "describe"], &Method::GET) => {
                let kind = self.catalog.kind(kind).ok_or_else(Problem::not_found)?;
                Ok(self.described(ask, || describe_answer::full(kind, &base)))
            }
            ([kind], &Method::GET) => {
                let kind = self.catalog.kind(kind).ok_or_else(Problem::not_found)?;
                let facts = describe_answer::row(kind, &base);
                Ok(Answer::ok(&json!({ "objectDescribe": facts, "recentItems": [] })))
            }
            ([kind], &Method::POST) => self.create_row(room, ask, kind),
            ([kind, what @ ("updated" | "deleted")], &Method::GET) => {
                self.changes(room, ask, kind, what)
            }
            ([kind, id], _) => self.row(room, ask, kind, id),
            ([kind, key, value @ ..], _) if !value.is_empty() => {
                self.keyed_row(room, ask, (kind, key, &value.join("/")))
            }
            _ => Err(Problem::method(&ask.method)),
        }
    }

    /// Returns a describe answer, or 304 if it has not changed since the client's.
    fn described(&self, ask: &Ask, draw: impl FnOnce() -> Value) -> Answer {
        let changed_s = self.catalog.changed_ms / 1_000;
        let stamp = jiff::Timestamp::from_second(changed_s).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        let modified = printer.timestamp_to_rfc9110_string(&stamp).unwrap_or_default();
        let since = ask.header("if-modified-since").and_then(|since| {
            jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(since).ok()
        });
        let answer = if since.is_some_and(|since| since >= stamp) {
            Answer::empty(StatusCode::NOT_MODIFIED)
        } else {
            Answer::ok(&draw())
        };
        let etag = format!("\"{:08x}\"", changed_s & 0xffff_ffff);
        answer.with(http::header::LAST_MODIFIED, modified).with(http::header::ETAG, etag)
    }

    fn discovery(&self, ask: &Ask) -> Answer {
        let base = ask.base();
        let names =
            ["tooling", "limits", "sobjects", "query", "queryAll", "search", "composite", "jobs"];
        let mut paths: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), Value::from(format!("{base}/{name}"))))
            .collect();
        paths.insert("identity".to_owned(), Value::from(self.identity_url(&ask.host)));
        Answer::ok(&Value::Object(paths))
    }
}

/// Says how much of the day's requests is used, on everything that has a body.
fn limited(answer: Answer, quotas: &Quotas, now_ms: i64) -> Response<Bytes> {
    if answer.status == StatusCode::NO_CONTENT {
        return answer.into_response();
    }
    let usage = quotas.get(DAILY).map_or_else(String::new, |window| {
        format!("api-usage={}/{}", window.used(now_ms), window.limit())
    });
    answer.with(HeaderName::from_static("sforce-limit-info"), usage).into_response()
}

/// Answers the list of versions, which needs no token and uses no quota.
fn versions(method: &Method) -> Answer {
    if method != Method::GET {
        return Problem::method(method).into();
    }
    let versions = (VERSION_MIN..=VERSION_MAX).map(|version| {
        json!({
            "label": season(version),
            "url": format!("/services/data/v{version}.0"),
            "version": format!("{version}.0"),
        })
    });
    Answer::ok(&versions.collect())
}

/// Returns the release that brought a version: three a year, v31 was Summer '14.
fn season(version: u32) -> String {
    let since = version.saturating_sub(VERSION_MIN);
    let (name, first) = match since % 3 {
        0 => ("Summer", 14),
        1 => ("Winter", 15),
        _ => ("Spring", 15),
    };
    format!("{name} '{}", first + since / 3)
}

/// Returns how a request is counted: by method and pattern, with ids and keys left out.
pub(super) fn lane(catalog: &Catalog, call: &Call<'_>) -> Lane {
    let segments = call.segments();
    let (free, pattern) = match segments.as_slice() {
        ["services", "data"] => (true, "/services/data".to_owned()),
        ["services", "data", _version, path @ ..] => {
            (false, format!("/services/data{}", pattern(catalog, path)))
        }
        ["id", ..] => (true, "/id".to_owned()),
        other => (true, format!("/{}", other.join("/"))),
    };
    let windows: &[&str] = if free { &[] } else { &[DAILY] };
    Lane { endpoint: format!("{} {pattern}", call.method()), windows, cost: 1 }
}

fn pattern(catalog: &Catalog, path: &[&str]) -> String {
    let mut pattern = String::new();
    for (index, part) in path.iter().enumerate() {
        let known = match index {
            0 | 1 => true,
            _ => catalog.kind(part).is_some() || part.chars().all(|c| c.is_ascii_lowercase()),
        };
        let named = known && !part.starts_with("0r8");
        pattern.push('/');
        pattern.push_str(if named { part } else { "*" });
    }
    pattern
}

/// Reads a date of a query parameter.
pub(super) fn date_parameter(ask: &Ask, name: &str) -> Result<jiff::Timestamp, Problem> {
    let given = ask.query(name).unwrap_or_default();
    text::read_moment(given).ok_or_else(|| {
        let message = format!("'{given}' is not a valid value for the parameter {name}");
        Problem::new("INVALID_REPLICATION_DATE", message)
    })
}
