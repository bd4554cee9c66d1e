//! The Salesflare fake against the vendor's facts, called directly.

use std::sync::Arc;

use bytes::Bytes;
use crm_testkit::dialect::salesflare::{SalesflareFake, SalesflareOptions};
use crm_testkit::fake::{Fake as _, Outcome};
use crm_testkit::world::FakeClock;
use http::Request;
use serde_json::{Value, json};

const KEY: &str = "sandbox-salesflare-key";

struct Desk {
    fake: Arc<SalesflareFake>,
    clock: FakeClock,
}

impl Default for Desk {
    fn default() -> Self {
        let options = SalesflareOptions { per_second: 1_000, ..SalesflareOptions::default() };
        let clock = FakeClock::manual("2026-11-24T08:00:00.120Z".parse().unwrap());
        Self { fake: Arc::new(SalesflareFake::new(options, clock.clone(), 7)), clock }
    }
}

impl Desk {
    fn send_as(&self, key: &str, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("authorization", format!("Bearer {key}"))
            .body(if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) })
            .unwrap();
        let Outcome::Reply(reply) = self.fake.respond(&request) else { panic!("no answer") };
        (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap())
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        self.send_as(KEY, method, target, body)
    }

    fn get(&self, target: &str) -> Value {
        let (status, body) = self.send("GET", target, &Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    /// Returns the status of a refusal and its message, or the member that it names.
    fn refused(&self, method: &str, target: &str, body: &Value) -> (u16, String) {
        let (status, body) = self.send(method, target, body);
        assert_ne!(status, 200, "{target}: {body}");
        assert_eq!(body["statusCode"], status);
        assert!(body["error"].is_string() && body["message"].is_string(), "{body}");
        let path = &body["validation"]["errors"][0]["path"];
        (status, path.as_str().unwrap_or_else(|| body["message"].as_str().unwrap()).to_owned())
    }

    fn make(&self, kind: &str, body: &Value) -> u64 {
        let (status, body) = self.send("POST", &format!("/{kind}"), body);
        assert_eq!(status, 200, "{body}");
        body["id"].as_u64().unwrap()
    }

    fn ids(&self, target: &str) -> Vec<u64> {
        let rows = self.get(target);
        rows.as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
    }
}

#[test]
fn a_key_is_asked_for() {
    let desk = Desk::default();
    let (status, body) = desk.send_as("another", "GET", "/me", &Value::Null);
    assert_eq!((status, &body["error"]), (401, &json!("Unauthorized")));
    let me = desk.get("/me");
    assert_eq!(me["team"]["currency"]["iso"], "USD");
    assert!(me["team"]["time_zone"].is_string() && me["email"].is_string());
}

#[test]
fn lists_are_bare_arrays_with_pages_of_their_own_sizes() {
    let desk = Desk::default();
    let accounts: Vec<u64> =
        (0..12).map(|n| desk.make("accounts", &json!({ "name": format!("A{n}") }))).collect();
    for n in 0..25 {
        desk.make("contacts", &json!({ "email": format!("P{n}@Mail.example ") }));
    }
    assert_eq!(desk.ids("/accounts").len(), 10);
    assert_eq!(desk.ids("/contacts").len(), 20);
    assert_eq!(desk.ids("/accounts?limit=100&order_by=id"), accounts);
    assert_eq!(desk.ids("/accounts?limit=5&offset=10&order_by=id"), accounts[10..]);
    assert_eq!(desk.get("/accounts?limit=5&offset=99&order_by=id"), json!([]));
    let mut back = accounts.clone();
    back.reverse();
    assert_eq!(desk.ids("/accounts?limit=100&order_by=id%20desc"), back);
    assert_ne!(desk.ids("/accounts?limit=100"), accounts, "no order is promised");
    assert_eq!(desk.ids(&format!("/accounts?id={}&id={}", accounts[1], accounts[4])).len(), 2);
    assert_eq!(desk.refused("GET", "/accounts?limit=0", &Value::Null), (400, "limit".into()));
    assert_eq!(desk.refused("GET", "/accounts?page=2", &Value::Null), (400, "page".into()));
    let sorted = desk.refused("GET", "/accounts?order_by=picture", &Value::Null);
    assert_eq!(sorted, (400, "order_by".into()));
    // Only opportunities take one id alone.
    let twice = desk.refused("GET", "/opportunities?id=1&id=2", &Value::Null);
    assert_eq!(twice, (400, "id".into()));
}

#[test]
fn writes_show_no_record_and_arrays_are_taken_whole() {
    let desk = Desk::default();
    let one = json!([{ "email": " Ana@Mail.example" }]);
    let (_, made) = desk.send("POST", "/contacts", &one);
    assert!(made["id"].is_u64(), "one comes back as an object: {made}");
    let row = desk.get(&format!("/contacts/{}", made["id"]));
    assert_eq!(
        (&row["email"], &row["domain"]),
        (&json!("ana@mail.example"), &json!("mail.example"))
    );
    let two = json!([{ "name": "Ana Roy" }, { "lastname": "Tan" }]);
    let (_, made) = desk.send("POST", "/contacts", &two);
    assert_eq!(made.as_array().unwrap().len(), 2);
    let row = desk.get(&format!("/contacts/{}", made[0]["id"]));
    assert_eq!((&row["firstname"], &row["lastname"]), (&json!("Ana"), &json!("Roy")));
    let bad = json!([{ "name": "Mei" }, { "phone_number": "1" }]);
    let (status, body) = desk.send("POST", "/contacts", &bad);
    assert_eq!((status, &body["validation"]["errors"][0]["path"]), (400, &json!("1")));
    assert_eq!(desk.ids("/contacts").len(), 3, "none of a bad array is made");
    let put = format!("/contacts/{}", row["id"]);
    assert_eq!(
        desk.send("PUT", &put, &json!({ "role": "Buyer" })),
        (200, json!({ "success": true }))
    );
    assert_eq!(desk.get(&put)["positions"][0]["role"], "Buyer");
    assert_eq!(
        desk.refused("PUT", &put, &json!({ "domain": "x.example" })),
        (400, "domain".into())
    );
    assert_eq!(desk.send("DELETE", &put, &Value::Null), (200, json!({ "success": true })));
    assert_eq!(desk.refused("GET", &put, &Value::Null), (404, "Not Found".into()));
}

#[test]
fn what_is_required_is_named() {
    let desk = Desk::default();
    let lacks = |kind: &str| desk.refused("POST", &format!("/{kind}"), &json!({}));
    assert_eq!(lacks("tasks"), (400, "description".into()));
    assert_eq!(lacks("opportunities"), (400, "account".into()));
    assert_eq!(lacks("contacts"), (400, String::new()));
    assert_eq!(lacks("meetings"), (400, "date".into()));
    assert_eq!(lacks("messages"), (400, "account".into()));
    assert_eq!(lacks("tags"), (400, "name".into()));
}

#[test]
fn only_contacts_know_when_they_changed() {
    let desk = Desk::default();
    let old = desk.make("contacts", &json!({ "name": "Old" }));
    desk.clock.advance(std::time::Duration::from_mins(1));
    let new = desk.make("contacts", &json!({ "name": "New" }));
    let after = "modification_after=2026-11-24T08:00:30.000Z";
    assert_eq!(desk.ids(&format!("/contacts?{after}")), [new]);
    for kind in ["accounts", "opportunities", "tasks"] {
        let refused = desk.refused("GET", &format!("/{kind}?{after}"), &Value::Null);
        assert_eq!(refused, (400, "modification_after".into()));
    }
    desk.send("PUT", &format!("/contacts/{old}"), &json!({ "archived": true }));
    assert_eq!(desk.ids("/contacts"), [new]);
    assert_eq!(desk.ids("/contacts?includeArchived=true&order_by=id"), [old, new]);
}

#[test]
fn tasks_are_those_of_the_asker_unless_somebody_is_named() {
    let desk = Desk::default();
    let mine = desk.make("tasks", &json!({ "description": "Mine" }));
    let theirs = desk.make("tasks", &json!({ "description": "Theirs", "assignees": 32 }));
    assert_eq!(desk.ids("/tasks"), [mine]);
    assert_eq!(desk.ids("/tasks?assignees=31&assignees=32&order_by=id"), [mine, theirs]);
    let (status, _) = desk.send("GET", &format!("/tasks/{mine}"), &Value::Null);
    assert_eq!(status, 404, "no task is read alone");
}

#[test]
fn an_opportunity_alone_shows_more_and_its_currency_stays() {
    let desk = Desk::default();
    let account = desk.make("accounts", &json!({ "name": "Oak" }));
    let person = desk.make("contacts", &json!({ "name": "Ana Roy" }));
    let body = json!({ "account": { "id": account }, "name": "Doors", "value": "12.5",
        "currency": 2, "close_date": "2026-12-24T00:00:00.000Z", "main_contact": person });
    let id = desk.make("opportunities", &body);
    let row = desk.get("/opportunities")[0].clone();
    assert!(row.get("main_contact").is_none());
    assert_eq!((&row["value"], &row["close_date"]), (&json!(12.5), &json!("2026-12-24")));
    let alone = desk.get(&format!("/opportunities/{id}"));
    assert_eq!(alone["main_contact"]["id"], person);
    assert_eq!(alone["currency"]["iso"], "EUR");
    let target = format!("/opportunities/{id}");
    assert_eq!(desk.refused("PUT", &target, &json!({ "currency": 1 })), (400, "currency".into()));
    assert_eq!(desk.refused("PUT", &target, &json!({ "value": -1 })), (400, "value".into()));
    desk.send("PUT", &target, &json!({ "stage": 485 }));
    assert_eq!(desk.get(&target)["stage"]["fixed_stage"], 1);
}

#[test]
fn an_account_is_made_twice_unless_told_otherwise() {
    let desk = Desk::default();
    let body = json!({ "name": "Oak", "domain": "oak.example" });
    let first = desk.make("accounts", &body);
    assert_ne!(desk.make("accounts", &body), first);
    let again = json!({ "domain": "OAK.example", "size": 3 });
    assert_eq!(desk.make("accounts?update_if_exists=true", &again), first);
    assert_eq!(desk.get(&format!("/accounts/{first}"))["size"], 3);
}

#[test]
fn rules_nest() {
    let desk = Desk::default();
    for (name, size) in [("Oak", 3), ("Elm", 30), ("Ash", 300)] {
        desk.make("accounts", &json!({ "name": name, "size": size }));
    }
    let q = json!({ "condition": "AND", "rules": [
        { "id": "size", "operator": "greater", "value": 5 },
        { "condition": "OR", "rules": [
            { "id": "account.name", "operator": "equal", "value": ["elm"] },
            { "id": "name", "operator": "begins_with", "value": ["O"] },
        ] },
    ] });
    let q: String = url::form_urlencoded::byte_serialize(q.to_string().as_bytes()).collect();
    let rows = desk.get(&format!("/accounts?q={q}"));
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["name"]), (1, &json!("Elm")));
    let fields = desk.get("/filterfields/account");
    assert!(fields.as_array().unwrap().iter().all(|row| row["id"] != "modification_date"));
    assert_eq!(desk.refused("GET", "/filterfields/person", &Value::Null).0, 400);
}

#[test]
fn fields_of_the_accounts_own_are_made_and_filled() {
    let desk = Desk::default();
    let types = desk.get("/customfields/types");
    let text = types.as_array().unwrap().iter().find(|ty| ty["name"] == "text").unwrap();
    let body = json!({ "type": text["id"], "name": "Favourite Colour" });
    let (status, _) = desk.send("POST", "/customfields/contacts", &body);
    assert_eq!(status, 200);
    let person = json!({ "name": "Ana", "custom": { "favourite_colour": "green" } });
    let id = desk.make("contacts", &person);
    assert_eq!(
        desk.get(&format!("/contacts/{id}"))["custom"],
        json!({ "favourite_colour": "green" })
    );
    let unknown = json!({ "name": "Ana", "custom": { "size": 3 } });
    assert_eq!(desk.refused("POST", "/contacts", &unknown), (400, "custom.size".into()));
}

#[test]
fn what_is_broken_at_the_vendors_is_broken_here() {
    let desk = Desk::default();
    let id = desk.make("tags", &json!({ "name": "Vendor" }));
    assert_eq!(desk.refused("GET", &format!("/tags/{id}"), &Value::Null).0, 500);
    assert_eq!(desk.refused("GET", "/persons", &Value::Null).0, 500);
    assert_eq!(desk.get("/persons?search=nobody"), json!([]));
}

#[test]
fn calls_are_read_as_meetings_and_notes_through_their_account() {
    let desk = Desk::default();
    let account = desk.make("accounts", &json!({ "name": "Oak" }));
    let person = desk.make("contacts", &json!({ "name": "Ana", "account": account }));
    let call =
        json!({ "date": "2026-11-24T08:00:00Z", "participants": [person], "minutes": "Agreed" });
    let id = desk.make("calls", &call);
    let row = desk.get(&format!("/meetings/{id}"));
    assert_eq!((&row["type"], &row["notes"]), (&json!("meeting-phone"), &json!("Agreed")));
    desk.make("messages", &json!({ "account": account, "body": "Met Ana" }));
    assert_eq!(desk.get(&format!("/accounts/{account}/messages"))[0]["body"], "Met Ana");
}

#[test]
fn too_many_requests_are_refused_without_a_word_of_when() {
    let options = SalesflareOptions { per_second: 2, ..SalesflareOptions::default() };
    let clock = FakeClock::manual("2026-11-24T08:00:00Z".parse().unwrap());
    let desk = Desk { fake: Arc::new(SalesflareFake::new(options, clock.clone(), 7)), clock };
    for _ in 0..2 {
        desk.get("/me");
    }
    assert_eq!(desk.refused("GET", "/me", &Value::Null), (429, "Too Many Requests".into()));
    desk.clock.advance(std::time::Duration::from_secs(1));
    desk.get("/me");
    assert_eq!(desk.fake.window("burst").unwrap().exceeded(), 1);
}
