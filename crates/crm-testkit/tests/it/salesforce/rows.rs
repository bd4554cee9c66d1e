//! Single records, external ids, describe.

use serde_json::{Value, json};

use super::{BASE, Desk};

#[test]
fn a_contact_lives_and_dies() {
    let desk = Desk::new();
    let made = desk.post("/sobjects/Contact", &json!({ "FirstName": "Ada", "LastName": "Byron" }));
    assert_eq!(made.status, 201);
    assert_eq!(made.json(), json!({ "id": made.id(), "success": true, "errors": [] }));
    assert_eq!(
        made.header("location"),
        Some(format!("{BASE}/sobjects/Contact/{}", made.id()).as_str())
    );
    assert_eq!(made.header("sforce-limit-info"), Some("api-usage=1/100000"));
    let path = format!("/sobjects/Contact/{}", made.id());
    let full = desk.get(&path).json();
    assert_eq!(full["attributes"]["type"], "Contact");
    assert_eq!(full["Name"], "Ada Byron");
    assert_eq!(full["IsDeleted"], false);
    assert_eq!(full["Email"], Value::Null);
    assert_eq!(full["MailingAddress"], Value::Null);
    assert_eq!(full["CreatedDate"], "2026-11-24T08:00:00.000+0000");
    assert_eq!(full.as_object().unwrap().len(), 1 + 61, "59 fields and our two");

    desk.tick(5);
    let changed = desk.patch(&path, &json!({ "MailingCity": "London", "FirstName": null }));
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    assert_eq!(changed.header("sforce-limit-info"), None);
    let some = desk.get(&format!("{path}?fields=Name,MailingAddress,SystemModstamp"));
    let some = some.json();
    assert_eq!(some["Name"], "Byron");
    assert_eq!(some["MailingAddress"]["city"], "London");
    assert_eq!(some["SystemModstamp"], "2026-11-24T08:00:05.000+0000");

    assert_eq!(desk.delete(&path).status, 204);
    let again = desk.delete(&path);
    assert_eq!((again.status, again.code().as_str()), (404, "ENTITY_IS_DELETED"));
    assert_eq!(desk.get(&path).code(), "ENTITY_IS_DELETED");
}

#[test]
fn short_ids_work_and_strange_ones_do_not() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "Byron" }));
    assert_eq!(desk.get(&format!("/sobjects/Contact/{}", &id[..15])).status, 200);
    let unknown = desk.get("/sobjects/Contact/003dM00003kRs59");
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "NOT_FOUND"));
    let malformed = desk.get("/sobjects/Contact/rid");
    assert_eq!(malformed.status, 404);
    assert!(malformed.message().ends_with("not accessible: rid"), "{malformed:?}");
    assert_eq!(desk.get("/sobjects/Foo").code(), "NOT_FOUND");
    let put = desk.send("PUT", "/sobjects/Contact", &json!({}));
    assert_eq!((put.status, put.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
}

#[test]
fn upsert_by_key_tells_created_from_updated() {
    let desk = Desk::new();
    let path = "/sobjects/Contact/Crm_Sync_Uid__c/u-1";
    let made = desk.patch(path, &json!({ "LastName": "Byron" }));
    assert_eq!((made.status, &made.json()["created"]), (201, &json!(true)));
    let again = desk.patch(path, &json!({ "LastName": "Lovelace" }));
    assert_eq!((again.status, &again.json()["created"]), (200, &json!(false)));
    assert_eq!(again.id(), made.id());
    let old = desk.patch(&format!("/services/data/v45.0{path}"), &json!({ "Title": "x" }));
    assert_eq!(old.status, 204);
    let read = desk.get(path).json();
    assert_eq!(read["LastName"], "Lovelace");
    assert_eq!(read["Crm_Sync_Uid__c"], "u-1");
    let missing = desk.get("/sobjects/Contact/Crm_Sync_Uid__c/u-2");
    assert_eq!((missing.status, missing.code().as_str()), (404, "NOT_FOUND"));
    let only = desk.patch("/sobjects/Contact/Crm_Sync_Uid__c/u-2?updateOnly=true", &json!({}));
    assert_eq!(only.status, 404);
    let by_id = format!("/sobjects/Contact/Id/{}?updateOnly=true", made.id());
    assert_eq!(desk.patch(&by_id, &json!({ "Title": "Countess" })).status, 200);
    let repeated = desk.patch(path, &json!({ "Crm_Sync_Uid__c": "u-1", "LastName": "x" }));
    assert_eq!(repeated.code(), "INVALID_FIELD");
    let no_key = desk.patch("/sobjects/Contact/Title/x", &json!({ "LastName": "x" }));
    assert!(no_key.message().ends_with("not accessible: Title"));
}

#[test]
fn keys_with_slashes_and_spaces() {
    let desk = Desk::new();
    let made = desk.patch("/sobjects/Contact/Crm_Sync_Uid__c/a/b%20c", &json!({ "LastName": "x" }));
    assert_eq!(made.status, 201);
    let found = desk.column("SELECT Crm_Sync_Uid__c FROM Contact", "Crm_Sync_Uid__c");
    assert_eq!(found, ["a/b c"]);
}

#[test]
fn an_ambiguous_key_is_300_and_writes_nothing() {
    let desk = Desk::new();
    let one = desk.contact(&json!({ "LastName": "One", "Email": "same@people.example" }));
    let two = desk.contact(&json!({ "LastName": "Two", "Email": "Same@people.example" }));
    let reply = desk.patch("/sobjects/Contact/Email/same@people.example", &json!({ "Title": "x" }));
    assert_eq!(reply.status, 300);
    let url = |id: &str| format!("{BASE}/sobjects/Contact/{id}");
    assert_eq!(reply.json(), json!([url(&one), url(&two)]));
    assert_eq!(desk.column("SELECT Title FROM Contact", "Title"), [Value::Null, Value::Null]);
}

#[test]
fn describe_has_the_flags_that_clients_read() {
    let desk = Desk::new();
    let global = desk.get("/sobjects/").json();
    assert_eq!(global["maxBatchSize"], 200);
    let names: Vec<&str> = global["sobjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    for name in ["Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole", "Task"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let contact = desk.get("/sobjects/Contact/describe");
    let modified = contact.header("last-modified").unwrap().to_owned();
    let contact = contact.json();
    let field = |name: &str| {
        let fields = contact["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap().clone()
    };
    let uid = field("Crm_Sync_Uid__c");
    assert_eq!(
        (&uid["externalId"], &uid["idLookup"], &uid["unique"], &uid["length"]),
        (&json!(true), &json!(true), &json!(true), &json!(36))
    );
    let email = field("Email");
    assert_eq!((&email["idLookup"], &email["unique"]), (&json!(true), &json!(false)));
    let last = field("LastName");
    assert_eq!((&last["nillable"], &last["length"]), (&json!(false), &json!(80)));
    assert_eq!(field("AccountId")["referenceTo"], json!(["Account"]));
    assert_eq!(field("LeadSource")["picklistValues"][0]["value"], "Web");
    let everyone_has_all = contact["fields"].as_array().unwrap().iter().all(|field| {
        let keys = ["createable", "updateable", "nillable", "defaultedOnCreate", "custom"];
        keys.iter().all(|key| field[*key].is_boolean()) && field["picklistValues"].is_array()
    });
    assert!(everyone_has_all);
    let cached =
        desk.raw("GET", "/sobjects/Contact/describe", &[("if-modified-since", &modified)], "");
    assert_eq!((cached.status, cached.text.as_str()), (304, ""));
    assert_eq!(desk.get("/sobjects/Foo/describe").code(), "NOT_FOUND");
}

#[test]
fn discovery_and_versions() {
    let desk = Desk::new();
    let versions = desk.raw("GET", "/services/data", &[("authorization", "none")], "");
    assert_eq!(versions.header("sforce-limit-info"), None);
    let list = versions.json();
    let list = list.as_array().unwrap();
    assert_eq!(list[0]["label"], "Summer '14");
    assert_eq!(list[36]["version"], "67.0");
    assert_eq!(list[36]["label"], "Summer '26");
    assert_eq!(list.last().unwrap()["label"], "Winter '27");
    let paths = desk.get("/services/data/v67.0/").json();
    assert_eq!(paths["query"], "/services/data/v67.0/query");
    assert!(paths["identity"].as_str().unwrap().starts_with("http://org.example/id/00D"));
    assert_eq!(desk.get("/services/data/v31.0/limits/").status, 200);
    assert_eq!(desk.get("/services/data/v30.0/limits").status, 410);
    assert_eq!(desk.get("/services/data/v69.0/limits").status, 404);
}
