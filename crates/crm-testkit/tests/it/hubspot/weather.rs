//! Quotas and faults: what strikes, when, and what it leaves behind.

use crm_testkit::fake::{Fake as _, Outcome};
use crm_testkit::fault::{Aim, Fault, Profile, RetryAfter};
use serde_json::{Value, json};

use super::{CONTACTS, Desk, ids};

fn create(email: &str) -> Value {
    json!({ "properties": { "email": email } })
}

#[test]
fn bursts_are_refused_and_counted() {
    let desk = Desk::default();
    for left in (0..190).rev() {
        let reply = desk.get(CONTACTS);
        assert_eq!(reply.headers["x-hubspot-ratelimit-remaining"], left.to_string());
        assert_eq!(reply.headers["x-hubspot-ratelimit-max"], "190");
        assert_eq!(reply.headers["x-hubspot-ratelimit-interval-milliseconds"], "10000");
    }
    let refused = desk.post(CONTACTS, &create("a@mail.example"));
    assert_eq!(
        (refused.status, &refused.body["policyName"]),
        (429, &json!("TEN_SECONDLY_ROLLING"))
    );
    assert_eq!(refused.body["errorType"], "RATE_LIMIT");
    let window = desk.fake.window("ten_secondly").unwrap();
    assert_eq!((window.peak(), window.exceeded()), (190, 1));
    desk.wait(10_000);
    assert_eq!(ids(&desk.get(CONTACTS)).len(), 0, "what was refused was not done");
    let counters = desk.fake.counters().to_json();
    assert_eq!(counters["endpoints"]["POST /crm/objects/contacts"]["statuses"]["429"], 1);
    assert_eq!(counters["quotas"]["daily"]["used"], 191);
}

#[test]
fn the_quota_profile_leaves_a_tenth() {
    let desk = Desk::default();
    desk.fake.set_faults(Profile::Quota.rates(), 1);
    let refused = (0..25).filter(|_| desk.get(CONTACTS).status == 429).count();
    assert_eq!(refused, 6, "19 of 190 are left");
    desk.fake.set_faults(Profile::Calm.rates(), 1);
    assert_eq!(desk.get(CONTACTS).status, 200);
}

#[test]
fn cut_after_applying_applies_once_in_one_call() {
    let desk = Desk::default();
    desk.fake.script(Aim { method: Some(http::Method::POST), ..Aim::default() }, Fault::CutAfter);
    assert_eq!(desk.get(CONTACTS).status, 200, "the aim is at writes");
    let outcome = desk.outcome("POST", CONTACTS, &create("a@mail.example"));
    assert!(matches!(outcome, Outcome::Cut));
    assert_eq!(ids(&desk.get(CONTACTS)).len(), 1);
    assert_eq!(
        desk.post(CONTACTS, &create("a@mail.example")).status,
        409,
        "as a blind repeat learns"
    );
    let counters = desk.fake.counters();
    let endpoint = &counters.endpoints["POST /crm/objects/contacts"];
    assert_eq!((endpoint.requests, endpoint.cuts), (2, 1));
}

#[test]
fn scripted_faults_strike_once_each() {
    let desk = Desk::default();
    let post = |email: &str| desk.post(CONTACTS, &create(email));
    let exists =
        |email: &str| desk.get(&format!("{CONTACTS}/{email}?idProperty=email")).status == 200;
    let script = |fault| desk.fake.script(Aim::path("/contacts"), fault);

    script(Fault::CutBefore);
    assert!(matches!(desk.outcome("POST", CONTACTS, &create("a@mail.example")), Outcome::Cut));
    assert!(!exists("a@mail.example"));

    script(Fault::RateLimited(RetryAfter::Seconds(3)));
    let reply = post("b@mail.example");
    assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (429, "3"));
    script(Fault::RateLimited(RetryAfter::Date(3)));
    assert_eq!(post("b@mail.example").headers["retry-after"], "Tue, 24 Nov 2026 08:00:03 GMT");
    script(Fault::RateLimited(RetryAfter::Silent));
    assert!(!post("b@mail.example").headers.contains_key("retry-after"));

    for status in [503, 423, 477] {
        script(Fault::Status(status));
        assert_eq!(post("c@mail.example").status, status);
        assert!(!exists("c@mail.example"));
    }
    script(Fault::StatusAfter(502));
    assert_eq!(post("d@mail.example").status, 502);
    assert!(exists("d@mail.example"));

    script(Fault::Garbled);
    let Outcome::Reply(reply) = desk.outcome("POST", CONTACTS, &create("e@mail.example")) else {
        panic!("an answer was expected")
    };
    assert_eq!(reply.status(), 201);
    assert!(serde_json::from_slice::<Value>(reply.body()).is_err());
    assert!(exists("e@mail.example"));

    script(Fault::Html(502));
    let Outcome::Reply(reply) = desk.outcome("GET", CONTACTS, &Value::Null) else {
        panic!("an answer was expected")
    };
    assert!(reply.body().starts_with(b"<!DOCTYPE html>"));

    script(Fault::TokenExpired);
    let reply = desk.get(CONTACTS);
    assert_eq!((reply.status, &reply.body["category"]), (401, &json!("EXPIRED_AUTHENTICATION")));
    assert_eq!(desk.get(CONTACTS).status, 200);

    script(Fault::Slow(std::time::Duration::from_millis(5)));
    assert!(matches!(desk.outcome("GET", CONTACTS, &Value::Null), Outcome::Delay(..)));
    desk.fake.script(Aim { skip: 2, ..Aim::path("/contacts") }, Fault::Status(500));
    let statuses: Vec<u16> = (0..4).map(|_| desk.get(CONTACTS).status).collect();
    assert_eq!(statuses, [200, 200, 500, 200]);
}

#[test]
fn one_item_of_a_batch_fails() {
    let desk = Desk::default();
    let inputs: Vec<Value> = (0..3)
        .map(|n| {
            let mut input = create(&format!("p{n}@mail.example"));
            input["objectWriteTraceId"] = json!(format!("t{n}"));
            input
        })
        .collect();
    desk.fake.script(Aim::path("/batch/create"), Fault::BatchItem(1));
    let reply = desk.post(&format!("{CONTACTS}/batch/create"), &json!({ "inputs": inputs }));
    assert_eq!((reply.status, ids(&reply).len()), (207, 2));
    assert_eq!(reply.body["errors"][0]["context"]["objectWriteTraceId"], json!(["t1"]));
    // Without trace ids nothing could say which: all are refused.
    let plain: Vec<Value> = (5..7).map(|n| create(&format!("p{n}@mail.example"))).collect();
    desk.fake.script(Aim::path("/batch/create"), Fault::BatchItem(0));
    let reply = desk.post(&format!("{CONTACTS}/batch/create"), &json!({ "inputs": plain }));
    assert_eq!(reply.status, 500);
    assert_eq!(ids(&desk.get(CONTACTS)).len(), 2);
}

#[test]
fn profiles_strike_at_their_rates_and_replay_by_seed() {
    let run = |profile: Profile, seed: u64| -> Vec<String> {
        let desk = Desk::default();
        desk.fake.set_faults(profile.rates(), seed);
        (0..4_000)
            .map(|_| {
                desk.wait(100);
                match desk.outcome("GET", CONTACTS, &Value::Null) {
                    Outcome::Reply(response) => response.status().to_string(),
                    Outcome::Cut => "cut".to_owned(),
                    Outcome::Delay(..) => "delay".to_owned(),
                }
            })
            .collect()
    };
    let rough = run(Profile::Rough, 3);
    assert_eq!(rough, run(Profile::Rough, 3));
    assert_ne!(rough, run(Profile::Rough, 4));
    let count = |text: &str| rough.iter().filter(|row| row.starts_with(text)).count();
    assert!((50..110).contains(&count("429")), "2 % of 4,000, not {}", count("429"));
    assert!((50..110).contains(&count("50")), "2 % of 4,000, not {}", count("50"));
    assert!((20..60).contains(&count("cut")), "1 % of 4,000, not {}", count("cut"));
    assert!(run(Profile::Calm, 3).iter().all(|row| row.starts_with("200")));
}

#[test]
fn peeking_uses_nothing_up() {
    let desk = Desk::default();
    desk.fake.set_faults(Profile::Hostile.rates(), 9);
    let request = super::request("GET", CONTACTS, &Value::Null, "sandbox-hubspot-token");
    let mut cuts = 0;
    for _ in 0..2_000 {
        desk.wait(1_000);
        let expected = desk.fake.will_cut(&request);
        assert_eq!(desk.fake.will_cut(&request), expected);
        let cut = matches!(desk.fake.respond(&request), Outcome::Cut);
        assert_eq!(cut, expected);
        cuts += usize::from(cut);
    }
    assert!(cuts > 10, "{cuts}");
}

#[test]
fn a_reset_forgets_everything() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example" }));
    desk.fake.script(Aim::default(), Fault::Status(500));
    desk.fake.reset();
    assert_eq!(desk.get(&format!("{CONTACTS}/{id}")).status, 404);
    assert_eq!(desk.fake.counters().requests(""), 1);
    assert_eq!(desk.contact(&json!({ "email": "a@mail.example" })), id, "and ids begin again");
}
