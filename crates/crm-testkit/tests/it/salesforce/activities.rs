//! Tasks and events: whom they concern, what they are about, and where their fields are defined.

use serde_json::{Value, json};

use super::Desk;

fn task(desk: &Desk, fields: &Value) -> super::Reply {
    desk.post("/sobjects/Task", fields)
}

fn shown(desk: &Desk, id: &str) -> Value {
    desk.get(&format!("/sobjects/Task/{id}")).json()
}

#[test]
fn a_task_has_defaults_and_what_it_is_never_changes() {
    let desk = Desk::new();
    let id = task(&desk, &json!({ "Subject": "Talk" })).id();
    let row = shown(&desk, &id);
    assert_eq!((&row["Status"], &row["Priority"]), (&json!("Not Started"), &json!("Normal")));
    assert_eq!((&row["TaskSubtype"], &row["IsClosed"]), (&json!("Task"), &json!(false)));
    let path = format!("/sobjects/Task/{id}");
    let call = desk.patch(&path, &json!({ "TaskSubtype": "Call" }));
    assert_eq!(call.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert_eq!(desk.patch(&path, &json!({ "Status": "Completed" })).status, 204);
    assert_eq!(shown(&desk, &id)["IsClosed"], true);
    let odd = task(&desk, &json!({ "Subject": "Talk", "TaskSubtype": "Fax" }));
    assert_eq!(odd.code(), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
}

#[test]
fn whom_and_what_are_checked_by_type_and_give_the_account() {
    let desk = Desk::new();
    let account = desk.post("/sobjects/Account", &json!({ "Name": "Valley" })).id();
    let person = desk.contact(&json!({ "LastName": "Ada", "AccountId": account }));
    let deal = json!({ "Name": "Gears", "StageName": "Prospecting", "CloseDate": "2027-03-01" });
    let deal = desk.post("/sobjects/Opportunity", &deal).id();
    let lead = desk.post("/sobjects/Lead", &json!({ "LastName": "Ben", "Company": "Vale" })).id();
    let of = |fields: &Value| shown(&desk, &task(&desk, fields).id())["AccountId"].clone();
    assert_eq!(of(&json!({ "WhatId": account })), json!(account));
    assert_eq!(of(&json!({ "WhoId": person })), json!(account));
    assert_eq!(of(&json!({ "WhatId": deal })), Value::Null);
    assert_eq!(of(&json!({ "WhatId": deal, "WhoId": person })), json!(account));
    let wrong = task(&desk, &json!({ "WhoId": account }));
    assert_eq!(
        (wrong.code().as_str(), wrong.json()[0]["fields"][0].clone()),
        ("MALFORMED_ID", json!("WhoId"))
    );
    assert_eq!(task(&desk, &json!({ "WhatId": person })).code(), "MALFORMED_ID");
    let both = task(&desk, &json!({ "WhoId": lead, "WhatId": deal }));
    assert_eq!(both.code(), "FIELD_INTEGRITY_EXCEPTION");
    let id = task(&desk, &json!({ "WhatId": account })).id();
    let path = format!("/sobjects/Task/{id}");
    assert_eq!(desk.patch(&path, &json!({ "WhatId": null })).status, 204);
    assert_eq!(shown(&desk, &id)["AccountId"], Value::Null);
}

#[test]
fn with_its_subject_matter_an_activity_goes() {
    let desk = Desk::new();
    let account = desk.post("/sobjects/Account", &json!({ "Name": "Valley" })).id();
    let id = task(&desk, &json!({ "WhatId": account })).id();
    let event = json!({
        "WhatId": account, "StartDateTime": "2026-12-01T09:00:00Z", "DurationInMinutes": 30,
    });
    let event = desk.post("/sobjects/Event", &event).id();
    assert_eq!(desk.delete(&format!("/sobjects/Account/{account}")).status, 204);
    for path in [format!("/sobjects/Task/{id}"), format!("/sobjects/Event/{event}")] {
        assert_eq!(desk.get(&path).code(), "ENTITY_IS_DELETED");
    }
}

#[test]
fn fields_of_activities_are_defined_once_for_both() {
    let desk = Desk::new();
    let field = |name: &str, unique: bool| {
        let metadata = json!({
            "label": "Number", "type": "Text", "length": 20, "unique": unique,
        });
        let body = json!({ "FullName": name, "Metadata": metadata });
        desk.post("/tooling/sobjects/CustomField", &body)
    };
    assert_eq!(field("Task.Number__c", false).code(), "FIELD_INTEGRITY_EXCEPTION");
    assert_eq!(field("Activity.Number__c", true).code(), "FIELD_INTEGRITY_EXCEPTION");
    assert_eq!(field("Activity.Number__c", false).status, 201);
    assert_eq!(field("Activity.Number__c", false).code(), "DUPLICATE_DEVELOPER_NAME");
    for kind in ["Task", "Event"] {
        assert_eq!(desk.query(&format!("SELECT Number__c FROM {kind}")).status, 200);
    }
    assert_eq!(desk.get("/sobjects/Activity/describe").status, 404);
}
