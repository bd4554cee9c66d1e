//! `/updated`, `/deleted`, counts, and changes that commit late.

use crm_testkit::dialect::salesforce::Late;
use crm_testkit::fake::{Bin, Fake as _, Touch};
use serde_json::json;

use super::{Desk, encoded};

fn window(desk: &Desk, what: &str, start: &str, end: &str) -> super::Reply {
    desk.get(&format!("/sobjects/Contact/{what}/?start={}&end={}", encoded(start), encoded(end)))
}

#[test]
fn updated_and_deleted_within_a_window() {
    let desk = Desk::new();
    let one = desk.contact(&json!({ "LastName": "One" }));
    let two = desk.contact(&json!({ "LastName": "Two" }));
    desk.tick(600);
    desk.delete(&format!("/sobjects/Contact/{two}"));
    let (start, end) = ("2026-11-24T07:50:00+00:00", "2026-11-24T08:30:00Z");
    let updated = window(&desk, "updated", start, end).json();
    assert_eq!(updated["ids"], json!([one]));
    assert_eq!(updated["latestDateCovered"], "2026-11-24T08:10:00.000+0000");
    let deleted = window(&desk, "deleted", start, end).json();
    assert_eq!(
        deleted["deletedRecords"],
        json!([{ "id": two, "deletedDate": "2026-11-24T08:10:00.000+0000" }])
    );
    assert_eq!(deleted["earliestDateAvailable"], "2026-11-09T08:10:00.000+0000");
}

#[test]
fn windows_have_bounds() {
    let desk = Desk::new();
    let cases = [
        ("updated", "2026-10-20T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("deleted", "2026-11-08T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("updated", "2026-11-24T07:00:00Z", "2026-11-24T07:01:00Z"),
        ("updated", "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
        ("updated", "yesterday", "2026-11-26T00:00:00Z"),
    ];
    for (what, start, end) in cases {
        let reply = window(&desk, what, start, end);
        let seen = (reply.status, reply.code());
        assert_eq!(seen, (400, "INVALID_REPLICATION_DATE".to_owned()), "{start}");
    }
}

#[test]
fn deletes_cascade_to_children() {
    let desk = Desk::new();
    let account = desk.post("/sobjects/Account", &json!({ "Name": "Mill" })).id();
    let contact = desk.contact(&json!({ "LastName": "x", "AccountId": account }));
    desk.post("/sobjects/Task", &json!({ "Subject": "Call", "WhoId": contact }));
    desk.delete(&format!("/sobjects/Account/{account}"));
    for kind in ["Account", "Contact", "Task"] {
        let reply = desk.query(&format!("SELECT COUNT() FROM {kind}"));
        assert_eq!(reply.json()["totalSize"], 0, "{kind}");
    }
}

#[test]
fn a_late_commit_carries_an_old_stamp() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "One" }));
    desk.tick(10);
    let now_ms = desk.clock.now_ms();
    let fields = json!({ "LastName": "Late" }).as_object().unwrap().clone();
    let change = Late {
        kind: "Contact".to_owned(),
        id,
        fields,
        stamp_ms: now_ms,
        visible_ms: now_ms + 5_000,
    };
    desk.fake.with(|org, _| org.change_late(change));
    assert_eq!(desk.column("SELECT LastName FROM Contact", "LastName"), ["One"]);
    desk.tick(6);
    let row = desk.query("SELECT LastName, SystemModstamp FROM Contact").json();
    assert_eq!(row["records"][0]["LastName"], "Late");
    assert_eq!(row["records"][0]["SystemModstamp"], "2026-11-24T08:00:10.000+0000");
}

#[test]
fn limits_and_counts() {
    let desk = Desk::new();
    desk.contact(&json!({ "LastName": "x" }));
    let limits = desk.get("/limits/").json();
    assert_eq!(limits["DailyApiRequests"], json!({ "Max": 100_000, "Remaining": 99_998 }));
    assert!(limits["DailyBulkV2QueryJobs"]["Max"].is_u64());
    let counts = desk.get("/limits/recordCount?sObjects=Contact,Account").json();
    assert_eq!(
        counts["sObjects"],
        json!([{ "count": 0, "name": "Account" }, { "count": 1, "name": "Contact" }])
    );
}

#[test]
fn users_of_the_org_work_beside_the_api() {
    let desk = Desk::new();
    let fields = json!({ "LastName": "Vale", "Email": "vale@people.example" });
    let id = desk.fake.create("Contact", fields.as_object().unwrap()).unwrap();
    let row = desk.fake.record("Contact", &id).unwrap();
    assert_eq!(row["fields"]["Email"], "vale@people.example");
    let by = |name: &str| desk.column(&format!("SELECT {name} FROM Contact"), name);
    assert_ne!(row["fields"]["CreatedById"], json!(null));
    let integration = desk.column("SELECT Id FROM User WHERE Alias = 'sync'", "Id");
    assert_ne!(by("LastModifiedById"), integration);
    desk.patch(&format!("/sobjects/Contact/{id}"), &json!({ "Title": "x" }));
    assert_eq!(by("LastModifiedById"), integration);
    let touched = desk.fake.touch(&Touch {
        kind: "Contact".to_owned(),
        at_ms: Some(1_700_000_000_500),
        ..Touch::default()
    });
    assert_eq!(touched, Ok(1));
    assert_eq!(by("SystemModstamp"), ["2023-11-14T22:13:20.000+0000"]);
    let none = desk.fake.create("Contact", json!({}).as_object().unwrap()).unwrap_err();
    assert_eq!(none.status, 400);
    desk.fake.delete("Contact", &id).unwrap();
    assert_eq!(desk.fake.records("Contact", Bin::Live).unwrap().len(), 0);
    assert_eq!(desk.fake.records("Contact", Bin::Archived).unwrap().len(), 1);
    assert_eq!(desk.fake.counters().requests("Contact"), 1, "levers are not counted");
}
