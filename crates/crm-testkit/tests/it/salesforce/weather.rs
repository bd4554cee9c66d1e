//! Quotas, locks, duplicate rules, and what the server says when it is unwell.

use crm_testkit::dialect::salesforce::{DuplicateRule, SalesforceOptions};
use crm_testkit::fake::{Fake as _, Outcome};
use crm_testkit::fault::{Aim, Fault, RetryAfter};
use http::Request;
use serde_json::{Value, json};

use super::{Desk, Reply, TOKEN};

#[test]
fn the_day_runs_out_of_requests() {
    let desk = Desk::with(SalesforceOptions { daily_limit: 3, ..SalesforceOptions::default() });
    for used in 1..=3 {
        let reply = desk.get("/limits");
        assert_eq!(reply.header("sforce-limit-info"), Some(format!("api-usage={used}/3").as_str()));
    }
    let full = desk.get("/limits");
    assert_eq!((full.status, full.code().as_str()), (403, "REQUEST_LIMIT_EXCEEDED"));
    assert_eq!(full.message(), "TotalRequests Limit exceeded.");
    assert_eq!(desk.get("/services/data").status, 200, "the list of versions is free");
    assert_eq!(desk.fake.window("daily").unwrap().exceeded(), 1);
}

#[test]
fn bad_weather_speaks_the_vendors_language() {
    let desk = Desk::new();
    let under = |fault| {
        desk.fake.script(Aim::default(), fault);
        desk.get("/limits")
    };
    let busy = under(Fault::RateLimited(RetryAfter::Silent));
    assert_eq!((busy.status, busy.code().as_str()), (403, "REQUEST_LIMIT_EXCEEDED"));
    assert!(busy.message().starts_with("ConcurrentRequests"));
    assert_eq!(busy.header("retry-after"), None);
    assert_eq!(under(Fault::Status(503)).code(), "SERVER_UNAVAILABLE");
    assert_eq!(under(Fault::Status(500)).code(), "UNKNOWN_EXCEPTION");
    assert_eq!(under(Fault::Status(502)).json(), Value::Null);
}

#[test]
fn a_cut_after_the_work_leaves_the_work_done() {
    let desk = Desk::new();
    desk.fake.script(Aim::path("/sobjects/Contact"), Fault::CutAfter);
    let request = Request::post("/services/data/v67.0/sobjects/Contact")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(json!({ "LastName": "x" }).to_string().into())
        .unwrap();
    assert!(matches!(desk.fake.respond(&request), Outcome::Cut));
    assert_eq!(desk.query("SELECT COUNT() FROM Contact").json()["totalSize"], 1);
}

#[test]
fn a_locked_row_fails_alone() {
    let desk = Desk::new();
    desk.fake.script(Aim::path("/composite/sobjects"), Fault::BatchItem(1));
    let record = json!({ "attributes": { "type": "Contact" }, "LastName": "x" });
    let body = json!({ "records": [record, record, record] });
    let done = desk.post("/composite/sobjects", &body).json();
    assert_eq!(done[1]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW");
    assert_eq!((&done[0]["success"], &done[2]["success"]), (&json!(true), &json!(true)));
    assert_eq!(desk.query("SELECT COUNT() FROM Contact").json()["totalSize"], 2);
}

fn duplicate(desk: &Desk, header: &str) -> Reply {
    let body = json!({ "LastName": "Two", "Email": "SAME@people.example" }).to_string();
    desk.raw("POST", "/sobjects/Contact", &[("sforce-duplicate-rule-header", header)], &body)
}

#[test]
fn duplicate_rules_alert_or_block() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "One", "Email": "same@people.example" }));
    desk.fake.with(|org, _| org.set_duplicate_rule(DuplicateRule::Alert));
    let alerted = duplicate(&desk, "allowSave=false");
    assert_eq!((alerted.status, alerted.code().as_str()), (400, "DUPLICATES_DETECTED"));
    let found = alerted.json()[0]["duplicateResut"].clone();
    assert_eq!(found["allowSave"], true);
    let record = &found["matchResults"][0]["matchRecords"][0]["record"];
    assert_eq!(record["Id"].as_str(), Some(id.as_str()));
    assert!(alerted.json()[0].get("fields").is_none());
    let records = json!([{
        "attributes": { "type": "Contact" }, "LastName": "x", "Email": "same@people.example",
    }]);
    let element = desk.post("/composite/sobjects", &json!({ "records": records })).json();
    assert_eq!(element[0]["errors"][0]["statusCode"], "DUPLICATES_DETECTED");
    desk.fake.with(|org, _| org.set_duplicate_rule(DuplicateRule::Block));
    assert_eq!(duplicate(&desk, "allowSave=true").code(), "DUPLICATES_DETECTED");
    desk.fake.with(|org, _| org.set_duplicate_rule(DuplicateRule::Alert));
    assert_eq!(duplicate(&desk, "allowSave=true").status, 201);
}

#[test]
fn counters_name_endpoints_without_ids() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "x" }));
    desk.get(&format!("/sobjects/Contact/{id}"));
    desk.get("/sobjects/Contact/Crm_Sync_Uid__c/u-1");
    let counters = desk.fake.counters();
    let names: Vec<&str> = counters.endpoints.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "GET /services/data/sobjects/Contact/*",
            "GET /services/data/sobjects/Contact/*/*",
            "POST /services/data/sobjects/Contact",
        ]
    );
}
