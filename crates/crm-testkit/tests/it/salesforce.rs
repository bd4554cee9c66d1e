//! The Salesforce fake against the vendor's facts, called directly and over a socket.

mod activities;
mod bulk;
mod changes;
mod collections;
mod composite;
mod deals;
mod fields;
mod query;
mod rows;
mod socket;
mod soql;
mod token;
mod weather;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crm_testkit::dialect::salesforce::{SalesforceFake, SalesforceOptions};
use crm_testkit::fake::{Fake, Outcome};
use crm_testkit::world::FakeClock;
use http::{HeaderMap, Request, Response};
use serde_json::{Value, json};

const TOKEN: &str = "token-from-the-start";
const BASE: &str = "/services/data/v67.0";

/// A fake with a clock that stands still, and a client that knows its token.
struct Desk {
    fake: Arc<SalesforceFake>,
    clock: FakeClock,
}

/// An answer, read.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Returns the code of the only refusal.
    fn code(&self) -> String {
        let body = self.json();
        assert_eq!(body.as_array().map(Vec::len), Some(1), "{self:?}");
        body[0]["errorCode"].as_str().unwrap().to_owned()
    }

    fn message(&self) -> String {
        self.json()[0]["message"].as_str().unwrap().to_owned()
    }

    fn id(&self) -> String {
        self.json()["id"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Desk {
    fn new() -> Self {
        Self::with(SalesforceOptions::default())
    }

    fn with(options: SalesforceOptions) -> Self {
        let options = SalesforceOptions { access_token: Some(TOKEN.to_owned()), ..options };
        let clock = FakeClock::manual("2026-11-24T08:00:00.120Z".parse().unwrap());
        let fake = Arc::new(SalesforceFake::new(options, clock.clone(), 7));
        Self { fake, clock }
    }

    /// Sends a request as it is; the path may leave out the version.
    fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let target = if path.starts_with("/services") || path.starts_with("/id") {
            path.to_owned()
        } else {
            format!("{BASE}{path}")
        };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "org.example")
            .header("authorization", format!("Bearer {TOKEN}"));
        for (name, value) in headers {
            request.headers_mut().unwrap().remove(*name);
            request = request.header(*name, *value);
        }
        let body = Bytes::from(body.to_owned());
        answered(self.fake.respond(&request.body(body).unwrap()))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(method, path, &[("content-type", "application/json")], &body)
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, body)
    }

    fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send("PATCH", path, body)
    }

    fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &Value::Null)
    }

    fn query(&self, soql: &str) -> Reply {
        self.get(&format!("/query?q={}", encoded(soql)))
    }

    fn query_all(&self, soql: &str) -> Reply {
        self.get(&format!("/queryAll?q={}", encoded(soql)))
    }

    /// Creates a contact and returns its id.
    fn contact(&self, fields: &Value) -> String {
        let reply = self.post("/sobjects/Contact", fields);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.id()
    }

    /// Returns one column of a query's records.
    fn column(&self, soql: &str, name: &str) -> Vec<Value> {
        let reply = self.query(soql);
        assert_eq!(reply.status, 200, "{soql}: {reply:?}");
        let body = reply.json();
        body["records"].as_array().unwrap().iter().map(|row| row[name].clone()).collect()
    }

    fn tick(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn answered(outcome: Outcome) -> Reply {
    let response: Response<Bytes> = match outcome {
        Outcome::Reply(response) | Outcome::Delay(_, response) => response,
        Outcome::Cut => panic!("the connection was cut"),
    };
    let (parts, body) = response.into_parts();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Twenty-five people with e-mails `p00@…` to `p24@…`.
fn crowd(desk: &Desk) -> Vec<String> {
    let person = |n: usize| {
        json!({
            "attributes": { "type": "Contact" },
            "FirstName": format!("First{n:02}"),
            "LastName": format!("Last{n:02}"),
            "Email": format!("p{n:02}@people.example"),
        })
    };
    let records: Vec<Value> = (0..25).map(person).collect();
    let reply = desk.post("/composite/sobjects", &json!({ "records": records }));
    let done = reply.json();
    done.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}
