//! Records one at a time, and lists.

use crm_testkit::fake::Fake as _;
use serde_json::{Value, json};

use super::{CONTACTS, Desk, ids};

#[test]
fn a_create_echoes_what_was_written_and_what_follows() {
    let desk = Desk::default();
    let reply = desk.post(
        CONTACTS,
        &json!({ "properties": { "email": "Ana.Roy@Mail.example", "firstname": "Ana", "zip": 1 } }),
    );
    assert_eq!(reply.status, 201);
    let shown = &reply.body["properties"];
    assert_eq!(shown["email"], "ana.roy@mail.example");
    assert_eq!(shown["zip"], "1");
    assert_eq!(shown["lifecyclestage"], "lead");
    assert_eq!(shown["hs_email_domain"], "mail.example");
    assert_eq!(shown["hs_full_name_or_email"], "Ana");
    assert_eq!(shown["hs_object_source"], "INTEGRATION");
    assert_eq!(shown["hs_lifecyclestage_lead_date"], "1795507200120");
    assert_eq!(shown["createdate"], "2026-11-24T08:00:00.120Z");
    assert_eq!(shown["lastmodifieddate"], reply.body["updatedAt"]);
    assert!(shown.get("lastname").is_none(), "nothing that nobody wrote: {shown}");
    assert_eq!(reply.body["archived"], false);
    assert!(reply.headers.contains_key("x-hubspot-correlation-id"));
    assert_eq!(reply.headers["date"], "Tue, 24 Nov 2026 08:00:00 GMT");
}

#[test]
fn all_names_of_a_type_and_all_versions_mean_the_same() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example" }));
    for base in ["/crm/objects/2026-09", "/crm/objects/2026-03", "/crm/v3/objects"] {
        for kind in ["contacts", "contact", "0-1", "CONTACTS"] {
            for slash in ["", "/"] {
                let reply = desk.get(&format!("{base}/{kind}/{id}{slash}"));
                assert_eq!((reply.status, reply.body["id"].as_str()), (200, Some(id.as_str())));
            }
        }
    }
    let reply = desk.get("/crm/objects/2026-09/butterflies");
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body["message"], "Unable to infer object type from: butterflies");
    assert!(reply.body.get("category").is_none());
}

#[test]
fn answers_show_what_is_asked_for() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example", "firstname": "A" }));
    let names = |target: &str| -> Vec<String> {
        let reply = desk.get(target);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let defaults =
        ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"];
    assert_eq!(names(&format!("{CONTACTS}/{id}")), defaults);
    let asked = ["company", "createdate", "hs_object_id", "lastmodifieddate", "phone"];
    assert_eq!(names(&format!("{CONTACTS}/{id}?properties=phone,company,no_such_thing")), asked);
    assert_eq!(names(&format!("{CONTACTS}/{id}?properties=phone&properties=company")), asked);
    let reply = desk.get(&format!("{CONTACTS}/{id}?properties=phone"));
    assert_eq!(reply.body["properties"]["phone"], Value::Null, "defined but unset");
}

#[test]
fn values_are_checked() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example" }));
    let cases = [
        ("no_such_thing", json!("x"), "PROPERTY_DOESNT_EXIST"),
        ("hs_object_id", json!("1"), "READ_ONLY_VALUE"),
        ("lastmodifieddate", json!("2026-01-01"), "READ_ONLY_VALUE"),
        ("email", json!("nobody"), "INVALID_EMAIL"),
        ("email", json!("a b@mail.example"), "INVALID_EMAIL"),
        ("email", json!("a@localhost"), "INVALID_EMAIL"),
        ("lifecyclestage", json!("hero"), "INVALID_OPTION"),
        ("associatedcompanyid", json!("many"), "INVALID_LONG"),
        ("hubspot_owner_id", json!("99"), "INVALID_OPTION"),
    ];
    for (name, value, code) in cases {
        let reply = desk.patch(&format!("{CONTACTS}/{id}"), &json!({ name: value }));
        assert_eq!(reply.status, 400, "{name}");
        assert_eq!(reply.body["category"], "VALIDATION_ERROR");
        assert_eq!(reply.body["errors"][0]["code"], code, "{name}");
        assert_eq!(reply.body["errors"][0]["context"]["propertyName"], json!([name]));
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.starts_with("Property values were not valid: [{"), "{message}");
    }
}

#[test]
fn an_empty_text_clears_and_null_is_ignored() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example", "phone": "1", "city": "Leeds" }));
    let target = format!("{CONTACTS}/{id}");
    let reply = desk.patch(&target, &json!({ "phone": "", "city": null }));
    assert_eq!((reply.status, reply.body["properties"]["phone"].as_str()), (200, Some("")));
    let reply = desk.get(&format!("{target}?properties=phone,city"));
    assert_eq!(reply.body["properties"]["phone"], Value::Null);
    assert_eq!(reply.body["properties"]["city"], "Leeds");
}

#[test]
fn a_write_that_changes_nothing_leaves_the_stamp() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example", "phone": "1" }));
    let target = format!("{CONTACTS}/{id}");
    desk.wait(5_000);
    let same = desk.patch(&target, &json!({ "phone": "1", "email": "A@mail.example" }));
    assert_eq!(same.body["updatedAt"], "2026-11-24T08:00:00.120Z");
    let other = desk.patch(&target, &json!({ "phone": "2" }));
    assert_eq!(other.body["updatedAt"], "2026-11-24T08:00:05.120Z");
    assert_eq!(desk.get(&target).body["updatedAt"], "2026-11-24T08:00:05.120Z", "not a kept copy");
}

#[test]
fn one_contact_per_address() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example" }));
    let twin = json!({ "properties": { "email": "A@MAIL.example" } });
    let reply = desk.post(CONTACTS, &twin);
    assert_eq!((reply.status, reply.body["category"].as_str()), (409, Some("CONFLICT")));
    assert_eq!(reply.body["message"], format!("Contact already exists. Existing ID: {id}"));
    let other = desk.contact(&json!({ "email": "b@mail.example" }));
    let reply = desk.patch(&format!("{CONTACTS}/{other}"), &json!({ "email": "a@mail.example" }));
    assert_eq!(reply.status, 409);
    // The address of an archived contact is free.
    assert_eq!(desk.send("DELETE", &format!("{CONTACTS}/{id}"), &Value::Null).status, 204);
    assert_eq!(desk.post(CONTACTS, &twin).status, 201);
}

#[test]
fn a_unique_property_identifies_and_stays_taken() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example", "crm_sync_uid": "U-1" }));
    let reply = desk.get(&format!("{CONTACTS}/U-1?idProperty=crm_sync_uid"));
    assert_eq!(reply.body["id"], *id);
    let reply = desk.get(&format!("{CONTACTS}/a@mail.example?idProperty=email"));
    assert_eq!(reply.body["id"], *id);
    assert_eq!(desk.get(&format!("{CONTACTS}/x?idProperty=city")).status, 400);
    desk.send("DELETE", &format!("{CONTACTS}/{id}"), &Value::Null);
    let again = json!({ "properties": { "email": "b@mail.example", "crm_sync_uid": "U-1" } });
    let reply = desk.post(CONTACTS, &again);
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body["errors"][0]["code"], "CONFLICTING_UNIQUE_VALUE");
}

#[test]
fn creates_need_something_to_go_by() {
    let desk = Desk::default();
    let cases = [
        ("contacts", json!({ "phone": "1" }), json!({ "lastname": "X" })),
        ("companies", json!({ "city": "Leeds" }), json!({ "domain": "x.example" })),
        ("notes", json!({ "hs_note_body": "hi" }), json!({ "hs_timestamp": "2026-11-24" })),
        ("tasks", json!({}), json!({ "hs_timestamp": 1_795_507_200_000_i64 })),
    ];
    for (kind, bad, good) in cases {
        let target = format!("/crm/v3/objects/{kind}");
        let reply = desk.post(&target, &json!({ "properties": bad }));
        assert_eq!((reply.status, &reply.body["category"]), (400, &json!("VALIDATION_ERROR")));
        assert_eq!(desk.post(&target, &json!({ "properties": good })).status, 201, "{kind}");
    }
}

#[test]
fn other_types_add_what_the_vendor_adds() {
    let desk = Desk::default();
    let create = |kind: &str, properties: &Value| -> Value {
        let target = format!("/crm/objects/2026-09/{kind}");
        let reply = desk.post(&target, &json!({ "properties": properties }));
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body["properties"].clone()
    };
    let company = create("companies", &json!({ "domain": "x.example" }));
    assert_eq!(
        (&company["website"], &company["lifecyclestage"]),
        (&json!("x.example"), &json!("lead"))
    );
    create("companies", &json!({ "domain": "x.example" }));
    let deal = create(
        "deals",
        &json!({
            "dealname": "D",
            "amount": "5000.00",
            "dealstage": "closedwon",
            "closedate": "2026-12-31",
        }),
    );
    assert_eq!(deal["amount"], "5000.00");
    assert_eq!(deal["amount_in_home_currency"], "5000.00");
    assert_eq!(deal["hs_is_closed_won"], "true");
    assert_eq!(deal["closedate"], "2026-12-31T00:00:00Z");
    let note = create(
        "notes",
        &json!({
            "hs_timestamp": "2026-11-24T09:00:00.5Z",
            "hs_note_body": "<p>Hi <b>you</b></p>",
        }),
    );
    assert_eq!(note["hs_body_preview"], "Hi you");
    assert_eq!(note["hs_timestamp"], "2026-11-24T09:00:00.500Z");
}

#[test]
fn unknown_records_are_missed_in_the_verb_s_own_way() {
    let desk = Desk::default();
    let reply = desk.get(&format!("{CONTACTS}/999"));
    assert_eq!((reply.status, &reply.body["message"]), (404, &json!("resource not found")));
    assert!(reply.body.get("category").is_none());
    for id in ["999", "undefined"] {
        let reply = desk.patch(&format!("{CONTACTS}/{id}"), &json!({ "city": "X" }));
        assert_eq!((reply.status, &reply.body["category"]), (404, &json!("OBJECT_NOT_FOUND")));
        assert_eq!(reply.body["context"]["id"], json!([id]));
        let gone = desk.send("DELETE", &format!("{CONTACTS}/{id}"), &Value::Null);
        assert_eq!((gone.status, gone.body), (204, Value::Null));
    }
}

#[test]
fn lists_page_by_id_without_a_cap() {
    let desk = Desk::default();
    let all = desk.many(250);
    let first = desk.get(CONTACTS);
    assert_eq!(ids(&first).len(), 10);
    let mut seen = Vec::new();
    let mut target = format!("{CONTACTS}?limit=100&properties=email&properties=phone");
    loop {
        let page = desk.get(&target);
        assert_eq!(page.status, 200);
        seen.extend(ids(&page));
        let Some(link) = page.body["paging"]["next"]["link"].as_str() else {
            break;
        };
        assert!(link.starts_with("http://hubspot.example/crm/objects/2026-09/contacts?limit=100"));
        target = link.trim_start_matches("http://hubspot.example").to_owned();
    }
    assert_eq!(seen, all);
    for bad in
        ["limit=101", "limit=0", "limit=x", "after=abc", "limit=51&propertiesWithHistory=email"]
    {
        assert_eq!(desk.get(&format!("{CONTACTS}?{bad}")).status, 400, "{bad}");
    }
}

#[test]
fn archived_records_are_listed_apart() {
    let desk = Desk::default();
    let all = desk.many(5);
    desk.wait(1_000);
    for id in &all[..2] {
        desk.send("DELETE", &format!("{CONTACTS}/{id}"), &Value::Null);
    }
    assert_eq!(ids(&desk.get(CONTACTS)), &all[2..]);
    let bin = desk.get(&format!("{CONTACTS}?archived=true"));
    assert_eq!(ids(&bin), &all[..2]);
    assert_eq!(bin.body["results"][0]["archived"], true);
    assert_eq!(bin.body["results"][0]["archivedAt"], "2026-11-24T08:00:01.120Z");
    assert_eq!(desk.get(&format!("{CONTACTS}/{}", all[0])).status, 404);
    assert_eq!(desk.get(&format!("{CONTACTS}/{}?archived=true", all[0])).status, 200);
    assert_eq!(desk.get(&format!("{CONTACTS}/{}?archived=true", all[4])).status, 404);
    let counters = desk.fake.counters();
    assert_eq!(counters.requests("GET /crm/objects/contacts?archived"), 1);
}

#[test]
fn history_names_every_writer() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example", "phone": "1" }));
    desk.wait(1_000);
    let change = json!({ "phone": "2" });
    desk.fake.patch("contacts", &id, change.as_object().unwrap()).unwrap();
    let reply = desk.get(&format!("{CONTACTS}/{id}?propertiesWithHistory=phone"));
    let history = &reply.body["propertiesWithHistory"]["phone"];
    assert_eq!(history[0]["value"], "2");
    assert_eq!(history[0]["sourceType"], "CRM_UI");
    assert_eq!(history[0]["timestamp"], "2026-11-24T08:00:01.120Z");
    assert_eq!(
        (&history[1]["value"], &history[1]["sourceType"]),
        (&json!("1"), &json!("INTEGRATION"))
    );
    assert_eq!(history.as_array().unwrap().len(), 2);
}

#[test]
fn bodies_must_be_json() {
    let desk = Desk::default();
    let bad = |kind: &str, text: &'static str| {
        let mut request = super::request("POST", CONTACTS, &Value::Null, "sandbox-hubspot-token");
        *request.body_mut() = bytes::Bytes::from_static(text.as_bytes());
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        super::answered(desk.fake.respond(&request))
    };
    let reply = bad("application/json", "{");
    assert_eq!(reply.status, 400);
    assert!(reply.body["message"].as_str().unwrap().starts_with("Invalid input JSON on line 1"));
    assert_eq!(bad("text/plain", "x=1").status, 415);
}
