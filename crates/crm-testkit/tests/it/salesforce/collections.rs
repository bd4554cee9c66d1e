//! sObject Collections.

use serde_json::{Value, json};

use super::Desk;

fn contact(fields: &Value) -> Value {
    let mut record = json!({ "attributes": { "type": "Contact" } });
    let map = record.as_object_mut().unwrap();
    map.extend(fields.as_object().unwrap().clone());
    record
}

#[test]
fn answers_come_in_the_order_of_the_request() {
    let desk = Desk::new();
    let reply = desk.post(
        "/composite/sobjects",
        &json!({ "allOrNone": false, "records": [
            contact(&json!({ "LastName": "One" })),
            contact(&json!({ "FirstName": "Nobody" })),
            { "attributes": { "type": "Account" }, "Name": "Mill" },
            { "LastName": "Typeless" },
        ]}),
    );
    assert_eq!(reply.status, 200);
    let done = reply.json();
    assert_eq!(done[0]["success"], true);
    assert_eq!(
        done[1],
        json!({ "success": false, "errors": [{
            "statusCode": "REQUIRED_FIELD_MISSING",
            "message": "Required fields are missing: [LastName]",
            "fields": ["LastName"],
        }]})
    );
    assert!(done[2]["id"].as_str().unwrap().starts_with("001"));
    assert_eq!(done[3]["success"], false);
}

#[test]
fn all_or_none_takes_everything_back() {
    let desk = Desk::new();
    let kept = desk.contact(&json!({ "LastName": "Before" }));
    let stamp = desk.column("SELECT SystemModstamp FROM Contact", "SystemModstamp");
    desk.tick(30);
    let reply = desk.patch(
        "/composite/sobjects",
        &json!({ "allOrNone": true, "records": [
            contact(&json!({ "id": kept, "LastName": "After" })),
            contact(&json!({ "LastName": "NoId" })),
        ]}),
    );
    let done = reply.json();
    assert_eq!(done[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(done[1]["errors"][0]["statusCode"], "MISSING_ARGUMENT");
    assert_eq!(done[1]["errors"][0]["message"], "Id not specified in an update call");
    assert_eq!(desk.column("SELECT LastName FROM Contact", "LastName"), ["Before"]);
    assert_eq!(desk.column("SELECT SystemModstamp FROM Contact", "SystemModstamp"), stamp);
    let delete = format!("/composite/sobjects?ids={kept},003dM00003kRs59&allOrNone=true");
    assert_eq!(desk.delete(&delete).json()[0]["success"], false);
    let created = desk.post(
        "/composite/sobjects",
        &json!({ "allOrNone": true, "records": [
            contact(&json!({ "LastName": "New" })),
            contact(&json!({})),
        ]}),
    );
    assert_eq!(created.json()[0]["success"], false);
    assert_eq!(desk.query("SELECT COUNT() FROM Contact").json()["totalSize"], 1);
}

#[test]
fn upsert_says_what_it_created() {
    let desk = Desk::new();
    let path = "/composite/sobjects/Contact/Crm_Sync_Uid__c";
    let records = json!({ "allOrNone": false, "records": [
        contact(&json!({ "Crm_Sync_Uid__c": "a", "LastName": "A" })),
        contact(&json!({ "Crm_Sync_Uid__c": "b" })),
    ]});
    let first = desk.patch(path, &records).json();
    assert_eq!(first[0]["created"], true);
    assert_eq!((&first[1]["created"], first[1].get("id")), (&json!(false), None));
    let again = desk.patch(path, &records).json();
    assert_eq!((&again[0]["created"], &again[0]["id"]), (&json!(false), &first[0]["id"]));
    let twins = desk.patch(
        path,
        &json!({ "records": [
            contact(&json!({ "Crm_Sync_Uid__c": "c", "LastName": "C" })),
            contact(&json!({ "Crm_Sync_Uid__c": "C", "LastName": "D" })),
            contact(&json!({ "Crm_Sync_Uid__c": "e", "LastName": "E" })),
        ]}),
    );
    let twins = twins.json();
    for place in [0, 1] {
        assert_eq!(twins[place]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
    }
    assert_eq!(twins[2]["created"], true);
    let by_id = desk.patch(
        "/composite/sobjects/Contact/Id",
        &json!({ "records": [contact(&json!({ "Id": null, "LastName": "New" }))] }),
    );
    assert_eq!(by_id.json()[0]["created"], true);
}

#[test]
fn an_ambiguous_key_fails_its_element_only() {
    let desk = Desk::new();
    for name in ["One", "Two"] {
        desk.contact(&json!({ "LastName": name, "Email": "same@people.example" }));
    }
    let done = desk
        .patch(
            "/composite/sobjects/Contact/Email",
            &json!({ "records": [
                contact(&json!({ "Email": "same@people.example", "Title": "x" })),
                contact(&json!({ "Email": "new@people.example", "LastName": "New" })),
            ]}),
        )
        .json();
    assert_eq!(done[0]["errors"][0]["statusCode"], "DUPLICATE_EXTERNAL_ID");
    assert_eq!(done[1]["success"], true);
}

#[test]
fn two_hundred_and_no_more() {
    let desk = Desk::new();
    let records = |count| vec![contact(&json!({ "LastName": "x" })); count];
    let post = |count| desk.post("/composite/sobjects", &json!({ "records": records(count) }));
    let many = post(201);
    assert_eq!((many.status, many.code().as_str()), (400, "EXCEEDED_ID_LIMIT"));
    let none = post(0);
    assert_eq!((none.status, none.code().as_str()), (400, "REQUIRED_FIELD_MISSING"));
    assert_eq!(none.message(), "At least 1 record is required");
    assert_eq!(post(200).json().as_array().unwrap().len(), 200);
    assert_eq!(desk.post("/composite/sobjects", &json!({})).code(), "JSON_PARSER_ERROR");
}

#[test]
fn reading_keeps_places_and_leaves_null_for_what_is_gone() {
    let desk = Desk::new();
    let one = desk.contact(&json!({ "LastName": "One" }));
    let gone = desk.contact(&json!({ "LastName": "Gone" }));
    desk.delete(&format!("/sobjects/Contact/{gone}"));
    let ids = json!([gone, one, "rubbish", "003dM00003kRs59"]);
    let body = json!({ "ids": ids, "fields": ["LastName"] });
    let read = desk.post("/composite/sobjects/Contact", &body).json();
    assert_eq!(read.as_array().unwrap().len(), 4);
    assert_eq!((&read[0], &read[2], &read[3]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&read[1]["LastName"], &read[1]["Id"]), (&json!("One"), &json!(one)));
    let get = format!("/composite/sobjects/Contact?ids={one},rubbish&fields=Id,Email");
    let read = desk.get(&get).json();
    assert_eq!((&read[0]["Email"], &read[1]), (&Value::Null, &Value::Null));
    let unknown = desk.get(&format!("/composite/sobjects/Contact?ids={one}&fields=Foo"));
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "INVALID_FIELD"));
    let many = json!({ "ids": vec![one; 2_001], "fields": ["Id"] });
    assert_eq!(desk.post("/composite/sobjects/Contact", &many).code(), "EXCEEDED_ID_LIMIT");
}

#[test]
fn a_read_sees_a_change_at_once() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "One" }));
    let body = json!({ "ids": [id], "fields": ["LastName"] });
    let name = || desk.post("/composite/sobjects/Contact", &body).json()[0]["LastName"].clone();
    assert_eq!(name(), "One");
    desk.patch(&format!("/sobjects/Contact/{id}"), &json!({ "LastName": "Two" }));
    assert_eq!(name(), "Two");
}

#[test]
fn deletes_say_what_went_wrong() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "One" }));
    let path = format!("/composite/sobjects?ids={id},{id},rubbish,003dM00003kRs59&sObjectName=x");
    let done = desk.delete(&path).json();
    let code = |place: usize| done[place]["errors"][0]["statusCode"].clone();
    assert_eq!(done[0]["success"], true);
    assert_eq!(code(1), "ENTITY_IS_DELETED");
    assert_eq!(code(2), "MALFORMED_ID");
    assert_eq!(code(3), "INVALID_CROSS_REFERENCE_KEY");
}
