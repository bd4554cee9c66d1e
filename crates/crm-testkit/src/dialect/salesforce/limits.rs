//! What is left of the org's allowances, and the words for having none left.

use bytes::Bytes;
use http::{HeaderName, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Body};
use super::ask::Ask;
use super::problem::Problem;
use super::room::Room;
use super::{DAILY, Salesforce};
use crate::fake::Weather;

/// Allowances that the fake does not use up, by name.
const UNUSED: &[(&str, u64)] = &[
    ("DailyAsyncApexExecutions", 250_000),
    ("DailyBulkApiBatches", 15_000),
    ("DailyBulkV2QueryFileStorageMB", 976_562),
    ("DailyBulkV2QueryJobs", 10_000),
    ("DailyDeliveredPlatformEvents", 10_000),
    ("DailyStreamingApiEvents", 10_000),
    ("DataStorageMB", 1_024),
    ("FileStorageMB", 1_024),
    ("HourlyPublishedPlatformEvents", 50_000),
    ("SingleEmail", 5_000),
];

impl Salesforce {
    pub(super) fn record_count(&self, room: &Room<'_>, ask: &Ask) -> Answer {
        let asked = ask.query("sObjects").unwrap_or_default();
        let named = |kind: &&super::describe::Kind| {
            let mut names = asked.split(',').map(str::trim);
            asked.is_empty() || names.any(|name| name.eq_ignore_ascii_case(kind.name))
        };
        let counts = self.catalog.kinds.iter().filter(named).map(|kind| {
            let table = room.world.table(kind.name);
            let count = table.map_or(0, crate::world::Table::live_count);
            json!({ "count": count, "name": kind.name })
        });
        Answer::ok(&json!({ "sObjects": counts.collect::<Vec<Value>>() }))
    }
}

/// Answers `GET /limits`.
pub(super) fn limits(room: &Room<'_>) -> Answer {
    let mut limits: Map<String, Value> = UNUSED
        .iter()
        .map(|(name, max)| ((*name).to_owned(), json!({ "Max": max, "Remaining": max })))
        .collect();
    if let Some(window) = room.quotas.get(DAILY) {
        let left = window.left(room.world.now_ms());
        let daily = json!({ "Max": window.limit(), "Remaining": left });
        limits.insert("DailyApiRequests".to_owned(), daily);
    }
    Answer::ok(&Value::Object(limits))
}

/// Returns what the vendor says in bad weather.
pub(super) fn weather(weather: &Weather) -> Response<Bytes> {
    let forbidden = |message: &str| {
        Problem::new("REQUEST_LIMIT_EXCEEDED", message).status(StatusCode::FORBIDDEN)
    };
    let answer: Answer = match weather {
        Weather::RateLimited => {
            forbidden("ConcurrentRequests (Concurrent API Requests) Limit exceeded.").into()
        }
        Weather::Full(window) => {
            let usage = format!("api-usage={}/{}", window.limit(), window.limit());
            Answer::from(forbidden("TotalRequests Limit exceeded."))
                .with(HeaderName::from_static("sforce-limit-info"), usage)
        }
        Weather::TokenExpired => Problem::session().into(),
        Weather::Status(503) => {
            Problem::new("SERVER_UNAVAILABLE", "The server is busy. Try again in a moment.")
                .status(StatusCode::SERVICE_UNAVAILABLE)
                .into()
        }
        Weather::Status(500) => {
            let message = "An unexpected error occurred. Please include this ErrorId if you \
                           contact support: 1234567890-12345 (-1234567890)";
            Problem::new("UNKNOWN_EXCEPTION", message)
                .status(StatusCode::INTERNAL_SERVER_ERROR)
                .into()
        }
        // Other statuses come from the edge, which does not speak JSON.
        Weather::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            let mut answer = Answer::empty(status);
            answer.body = Body::Text(status.canonical_reason().unwrap_or_default().to_owned());
            answer
        }
    };
    answer.into_response()
}
