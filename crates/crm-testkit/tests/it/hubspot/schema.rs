//! Property definitions, owners, pipelines, the account.

use crm_testkit::dialect::hubspot::{HubSpotOptions, Setup};
use serde_json::{Value, json};

use super::{CONTACTS, Desk, Reply};

const PROPERTIES: &str = "/crm/properties/2026-09/contacts";

fn define(desk: &Desk, name: &str, more: &Value) -> Reply {
    let mut body = json!({
        "groupName": "contactinformation",
        "name": name,
        "label": "A label",
        "type": "string",
        "fieldType": "text",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    desk.post(PROPERTIES, &body)
}

#[test]
fn definitions_say_who_may_write() {
    let desk = Desk::default();
    let all = desk.get("/crm/v3/properties/contacts").body["results"].clone();
    let row = |name: &str| {
        let rows = all.as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap_or(&Value::Null).clone()
    };
    assert_eq!(row("email")["hubspotDefined"], true);
    assert_eq!(row("email")["modificationMetadata"]["readOnlyValue"], false);
    assert_eq!(row("lastmodifieddate")["modificationMetadata"]["readOnlyValue"], true);
    assert_eq!(row("hs_email_domain")["calculated"], true);
    assert_eq!(row("crm_sync_uid")["hasUniqueValue"], true);
    assert_eq!(row("lifecyclestage")["options"].as_array().unwrap().len(), 8);
    let deals = desk.get("/crm/properties/2026-03/deals/dealstage").body;
    assert_eq!((&deals["options"], &deals["externalOptions"]), (&json!([]), &json!(true)));
    assert_eq!(desk.get(&format!("{PROPERTIES}/no_such_thing")).status, 404);
}

#[test]
fn a_bare_account_gets_the_unique_property_by_hand() {
    let desk = Desk::new(HubSpotOptions { setup: Setup::Bare, ..HubSpotOptions::default() });
    let id = desk.contact(&json!({ "email": "a@mail.example" }));
    assert_eq!(desk.get(&format!("{PROPERTIES}/crm_sync_uid")).status, 404);
    let write = json!({ "crm_sync_uid": "u1" });
    assert_eq!(desk.patch(&format!("{CONTACTS}/{id}"), &write).status, 400);
    let reply = define(&desk, "crm_sync_uid", &json!({ "hasUniqueValue": true }));
    assert_eq!((reply.status, &reply.body["hasUniqueValue"]), (201, &json!(true)));
    let again = define(&desk, "crm_sync_uid", &json!({}));
    assert_eq!((again.status, &again.body["category"]), (409, &json!("OBJECT_ALREADY_EXISTS")));
    assert_eq!(desk.patch(&format!("{CONTACTS}/{id}"), &write).status, 200);
    let found = desk.get(&format!("{CONTACTS}/u1?idProperty=crm_sync_uid"));
    assert_eq!(found.body["id"], *id);
}

#[test]
fn definitions_are_checked_and_change() {
    let desk = Desk::default();
    let bad = [
        define(&desk, "Upper", &json!({})),
        define(&desk, "x", &json!({ "type": "colour" })),
        define(&desk, "x", &json!({ "groupName": "nowhere" })),
        define(&desk, "x", &json!({ "type": "enumeration", "fieldType": "select" })),
        define(&desk, "x", &json!({ "label": "" })),
    ];
    for reply in bad {
        assert_eq!((reply.status, &reply.body["category"]), (400, &json!("VALIDATION_ERROR")));
    }
    let choices =
        json!([{ "label": "Art", "value": "art" }, { "label": "Music", "value": "music" }]);
    let more = json!({ "type": "enumeration", "fieldType": "checkbox", "options": choices });
    assert_eq!(define(&desk, "interests", &more).status, 201);
    let id = desk.contact(&json!({ "email": "a@mail.example", "interests": "art" }));
    let reply = desk.patch(&format!("{CONTACTS}/{id}"), &json!({ "interests": ";music" }));
    assert_eq!(reply.body["properties"]["interests"], "art;music", "a semicolon appends");
    let reply = desk.patch(&format!("{CONTACTS}/{id}"), &json!({ "interests": "art;sport" }));
    assert_eq!(reply.body["errors"][0]["code"], "INVALID_OPTION");
    let target = format!("{PROPERTIES}/interests");
    let reply = desk.send("PATCH", &target, &json!({ "label": "Interests" }));
    assert_eq!((reply.status, &reply.body["label"]), (200, &json!("Interests")));
    assert_eq!(
        desk.send("PATCH", &format!("{PROPERTIES}/email"), &json!({ "label": "x" })).status,
        400
    );
    assert_eq!(desk.send("DELETE", &target, &Value::Null).status, 204);
    let reply = desk.patch(&format!("{CONTACTS}/{id}"), &json!({ "interests": "art" }));
    assert_eq!(reply.body["errors"][0]["code"], "PROPERTY_DOESNT_EXIST");
    let kept = desk.get(&format!("{CONTACTS}/{id}?properties=interests"));
    assert!(kept.body["properties"].get("interests").is_none());
}

#[test]
fn ten_unique_properties_at_most() {
    let desk = Desk::default();
    let unique = json!({ "hasUniqueValue": true });
    for number in 1..10 {
        assert_eq!(define(&desk, &format!("u{number}"), &unique).status, 201);
    }
    assert_eq!(define(&desk, "u10", &unique).status, 400, "with the prepared one that is eleven");
}

#[test]
fn batches_and_groups() {
    let desk = Desk::default();
    let group = json!({ "name": "ours", "label": "Ours", "displayOrder": 9 });
    assert_eq!(desk.post(&format!("{PROPERTIES}/groups"), &group).status, 201);
    assert_eq!(desk.get(&format!("{PROPERTIES}/groups/ours")).body["label"], "Ours");
    let input = |name: &str| {
        let (ty, field) = ("number", "number");
        let group = "ours";
        json!({ "name": name, "label": name, "type": ty, "fieldType": field, "groupName": group })
    };
    let body = json!({ "inputs": [input("age"), input("email")] });
    let reply = desk.post(&format!("{PROPERTIES}/batch/create"), &body);
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(1)));
    assert!(reply.body["results"][0].get("createdAt").is_none());
    let body = json!({ "archived": false, "inputs": [{ "name": "age" }] });
    let reply = desk.post(&format!("{PROPERTIES}/batch/read"), &body);
    assert_eq!((reply.status, &reply.body["results"][0]["groupName"]), (200, &json!("ours")));
    assert_eq!(desk.post(&format!("{PROPERTIES}/batch/archive"), &body).status, 204);
    assert_eq!(desk.get(&format!("{PROPERTIES}/age")).status, 404);
    assert_eq!(desk.send("DELETE", &format!("{PROPERTIES}/groups/ours"), &Value::Null).status, 204);
}

#[test]
fn owners_pipelines_and_account() {
    let desk = Desk::default();
    let owners = desk.get("/crm/v3/owners/?limit=2");
    assert_eq!(owners.body["results"].as_array().unwrap().len(), 2);
    assert_eq!(owners.body["paging"]["next"]["after"], "2");
    assert_eq!(
        desk.get("/crm/owners/2026-09?limit=2&after=2").body["results"].as_array().unwrap().len(),
        1
    );
    let by_mail = desk.get("/crm/owners/2026-09?email=oskar.lind@sales.example");
    assert_eq!(by_mail.body["results"][0]["id"], "70002");
    let by_user = desk.get("/crm/owners/2026-03/1002?idProperty=userId");
    assert_eq!(by_user.body["id"], "70002");
    assert_eq!(desk.get("/crm/owners/2026-03/1002").status, 404);
    let deals = desk.get("/crm/pipelines/2026-09/deals").body["results"][0].clone();
    assert_eq!(
        (&deals["id"], &deals["stages"][0]["metadata"]["probability"]),
        (&json!("default"), &json!("0.2"))
    );
    let life = desk.get("/crm/v3/pipelines/contacts/contacts-lifecycle-pipeline");
    assert_eq!(life.body["stages"][1]["id"], "lead");
    let account = desk.get("/account-info/2026-09/details");
    assert_eq!((account.status, &account.body["portalId"]), (200, &json!(4_700_001)));
}
