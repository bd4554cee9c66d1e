//! The HubSpot fake against the vendor's facts, called directly.

mod associations;
mod batch;
mod merges;
mod objects;
mod schema;
mod search;
mod token;
mod weather;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crm_testkit::dialect::hubspot::{HubSpotFake, HubSpotOptions};
use crm_testkit::fake::{Fake, Fields, Outcome};
use crm_testkit::world::FakeClock;
use http::{HeaderMap, Request, Response};
use serde_json::{Value, json};

/// A fake with a clock that stands still, and a client that knows its token.
pub(super) struct Desk {
    pub(super) fake: Arc<HubSpotFake>,
    pub(super) clock: FakeClock,
}

/// An answer, read.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Desk {
    pub(super) fn new(options: HubSpotOptions) -> Self {
        let clock = FakeClock::manual("2026-11-24T08:00:00.120Z".parse().unwrap());
        let fake = Arc::new(HubSpotFake::new(options, clock.clone(), 7));
        Self { fake, clock }
    }

    pub(super) fn outcome(&self, method: &str, target: &str, body: &Value) -> Outcome {
        self.fake.respond(&request(method, target, body, "sandbox-hubspot-token"))
    }

    pub(super) fn send(&self, method: &str, target: &str, body: &Value) -> Reply {
        answered(self.outcome(method, target, body))
    }

    pub(super) fn get(&self, target: &str) -> Reply {
        self.send("GET", target, &Value::Null)
    }

    pub(super) fn post(&self, target: &str, body: &Value) -> Reply {
        self.send("POST", target, body)
    }

    pub(super) fn patch(&self, target: &str, properties: &Value) -> Reply {
        self.send("PATCH", target, &json!({ "properties": properties }))
    }

    /// Creates a contact through the API and returns its id.
    pub(super) fn contact(&self, properties: &Value) -> String {
        let reply = self.post(CONTACTS, &json!({ "properties": properties }));
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body["id"].as_str().unwrap().to_owned()
    }

    /// Creates contacts as a user would, quickly, and returns their ids.
    pub(super) fn many(&self, count: usize) -> Vec<String> {
        let create = |number: usize| {
            let mut fields = Fields::new();
            fields.insert("email".to_owned(), json!(format!("p{number}@mail.example")));
            fields.insert("firstname".to_owned(), json!(format!("P{number}")));
            self.fake.create("contacts", &fields).unwrap()
        };
        (0..count).map(create).collect()
    }

    pub(super) fn wait(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new(HubSpotOptions::default())
    }
}

pub(super) const CONTACTS: &str = "/crm/objects/2026-09/contacts";

pub(super) fn request(method: &str, target: &str, body: &Value, token: &str) -> Request<Bytes> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    Request::builder()
        .method(method)
        .uri(target)
        .header("host", "hubspot.example")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Bytes::from(text))
        .unwrap()
}

/// Reads an answer that came at once.
pub(super) fn answered(outcome: Outcome) -> Reply {
    match outcome {
        Outcome::Reply(response) => read(&response),
        Outcome::Cut | Outcome::Delay(..) => panic!("came to {outcome:?}"),
    }
}

fn read(response: &Response<Bytes>) -> Reply {
    let body = response.body();
    Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() },
    }
}

/// Returns the ids of an answer's results.
pub(super) fn ids(reply: &Reply) -> Vec<String> {
    let rows = reply.body["results"].as_array().unwrap_or_else(|| panic!("{reply:?}"));
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}
