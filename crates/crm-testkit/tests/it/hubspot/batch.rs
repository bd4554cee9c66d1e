//! Batches: envelopes, whole refusals, and truth per record.

use crm_testkit::dialect::hubspot::{HubSpotOptions, MergedInBatch};
use crm_testkit::fake::Fake as _;
use serde_json::{Value, json};

use super::{CONTACTS, Desk, Reply, ids};

fn batch(desk: &Desk, action: &str, body: &Value) -> Reply {
    desk.post(&format!("{CONTACTS}/batch/{action}"), body)
}

fn create(email: &str, trace: Option<&str>) -> Value {
    let mut input = json!({ "properties": { "email": email } });
    if let Some(trace) = trace {
        input["objectWriteTraceId"] = json!(trace);
    }
    input
}

#[test]
fn a_clean_batch_has_no_errors_key() {
    let desk = Desk::default();
    let inputs = [create("a@mail.example", None), create("b@mail.example", None)];
    let reply = batch(&desk, "create", &json!({ "inputs": inputs }));
    assert_eq!(reply.status, 201);
    assert_eq!(reply.body["status"], "COMPLETE");
    assert!(reply.body["startedAt"].is_string() && reply.body["completedAt"].is_string());
    assert!(reply.body.get("errors").is_none() && reply.body.get("numErrors").is_none());
    assert_eq!(ids(&reply).len(), 2);
}

#[test]
fn without_trace_ids_one_twin_refuses_the_whole_batch() {
    let desk = Desk::default();
    desk.contact(&json!({ "email": "a@mail.example" }));
    for twins in [["new@mail.example", "a@mail.example"], ["c@mail.example", "C@mail.example"]] {
        let inputs = twins.map(|email| create(email, None));
        let reply = batch(&desk, "create", &json!({ "inputs": inputs }));
        assert_eq!(reply.status, 409);
        assert_eq!(reply.body["message"], "Contact already exists", "without saying which");
        assert_eq!(reply.body["category"], "CONFLICT");
    }
    assert_eq!(ids(&desk.get(CONTACTS)).len(), 1, "nothing was created");
}

#[test]
fn with_trace_ids_each_input_has_its_own_fate() {
    let desk = Desk::default();
    let id = desk.contact(&json!({ "email": "a@mail.example" }));
    let inputs = [
        create("a@mail.example", Some("t0")),
        create("b@mail.example", Some("t1")),
        create("nobody", Some("t2")),
        create("B@mail.example", Some("t3")),
    ];
    let reply = batch(&desk, "create", &json!({ "inputs": inputs }));
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(3)));
    assert_eq!(reply.body["results"][0]["properties"]["email"], "b@mail.example");
    let errors = reply.body["errors"].as_array().unwrap();
    assert_eq!(errors[0]["category"], "CONFLICT");
    assert_eq!(errors[0]["message"], format!("Contact already exists. Existing ID: {id}"));
    let context = json!({ "objectWriteTraceId": ["t0"], "existingId": [id] });
    assert_eq!(errors[0]["context"], context);
    assert_eq!(errors[1]["category"], "VALIDATION_ERROR");
    assert_eq!(errors[1]["context"]["objectWriteTraceId"], json!(["t2"]));
    assert_eq!(errors[2]["context"]["objectWriteTraceId"], json!(["t3"]));
    // The same trace id twice is as good as none.
    let inputs = [create("x@mail.example", Some("t")), create("a@mail.example", Some("t"))];
    assert_eq!(batch(&desk, "create", &json!({ "inputs": inputs })).status, 409);
}

#[test]
fn bad_values_of_all_inputs_come_in_one_refusal() {
    let desk = Desk::default();
    let input = json!({ "properties": { "first000name": "x", "last000name": "y" } });
    let reply = batch(&desk, "create", &json!({ "inputs": [input, input] }));
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body["errors"].as_array().unwrap().len(), 4);
    assert_eq!(reply.body["category"], "VALIDATION_ERROR");
}

#[test]
fn reads_answer_by_id_or_unique_property() {
    let desk = Desk::default();
    let all = desk.many(3);
    let (first, last) = (&all[0], &all[2]);
    let inputs =
        json!([{ "id": last }, { "id": first }, { "id": last }, { "id": "999" }, { "id": "x" }]);
    let reply = batch(&desk, "read", &json!({ "inputs": inputs, "properties": ["phone"] }));
    assert_eq!(reply.status, 207);
    assert_eq!(ids(&reply), [first.clone(), last.clone()], "in no order of the asker's");
    assert_eq!(reply.body["results"][0]["properties"]["phone"], Value::Null);
    assert_eq!(reply.body["errors"][0]["category"], "OBJECT_NOT_FOUND");
    assert_eq!(reply.body["errors"][0]["context"]["ids"], json!(["999", "x"]));
    let body = json!({ "inputs": [{ "id": "P1@mail.example" }], "idProperty": "email" });
    let reply = batch(&desk, "read", &body);
    assert_eq!((reply.status, ids(&reply)), (200, vec![all[1].clone()]));
}

#[test]
fn reads_of_archived_and_merged_ids() {
    let desk = Desk::default();
    let all = desk.many(4);
    desk.fake.delete("contacts", &all[0]).unwrap();
    let merged = desk.fake.merge("contacts", &all[1], &all[2]).unwrap();
    let inputs: Vec<Value> = all.iter().map(|id| json!({ "id": id })).collect();
    let body = json!({ "inputs": inputs, "properties": ["hs_merged_object_ids"] });
    let reply = batch(&desk, "read", &body);
    assert_eq!(ids(&reply), [all[3].clone(), merged]);
    assert_eq!(reply.body["errors"][0]["context"]["ids"], json!([all[0]]));
    let reply = desk.post(&format!("{CONTACTS}/batch/read?archived=true"), &body);
    assert_eq!(ids(&reply), [all[0].clone()]);
    assert_eq!(reply.body["results"][0]["archived"], true);

    let merged_in_batch = MergedInBatch::Missing;
    let desk = Desk::new(HubSpotOptions { merged_in_batch, ..HubSpotOptions::default() });
    let all = desk.many(2);
    desk.fake.merge("contacts", &all[0], &all[1]).unwrap();
    let reply = batch(&desk, "read", &json!({ "inputs": [{ "id": all[1] }] }));
    assert_eq!((reply.status, ids(&reply)), (207, Vec::new()));
}

#[test]
fn updates_refuse_a_record_named_twice_and_report_missing_ones() {
    let desk = Desk::default();
    let all = desk.many(2);
    let input = |id: &str, city: &str| json!({ "id": id, "properties": { "city": city } });
    let twice = json!({ "inputs": [input(&all[0], "X"), input(&all[0], "Y")] });
    let reply = batch(&desk, "update", &twice);
    assert_eq!((reply.status, &reply.body["context"]["ids"]), (400, &json!([all[0]])));
    let message = format!("Duplicate IDs found in batch input: [{}]. IDs must be unique", all[0]);
    assert_eq!(reply.body["message"], message);
    let some = json!({ "inputs": [input("unknown888", "X"), input(&all[1], "Y")] });
    let reply = batch(&desk, "update", &some);
    assert_eq!((reply.status, ids(&reply)), (207, vec![all[1].clone()]));
    assert_eq!(reply.body["errors"][0]["context"]["ids"], json!(["unknown888"]));
    let reply = desk.get(&format!("{CONTACTS}/{}?properties=city", all[1]));
    assert_eq!(reply.body["properties"]["city"], "Y");
    // Taking another's address: all refused, or one with trace ids.
    let mut taken = json!({ "id": all[0], "properties": { "email": "p1@mail.example" } });
    assert_eq!(batch(&desk, "update", &json!({ "inputs": [taken] })).status, 409);
    taken["objectWriteTraceId"] = json!("t");
    let reply = batch(&desk, "update", &json!({ "inputs": [taken] }));
    assert_eq!(reply.body["errors"][0]["context"]["existingId"], json!([all[1]]));
}

#[test]
fn upserts_create_once_and_then_update() {
    let desk = Desk::default();
    let input = |uid: &str, email: &str, city: &str| {
        json!({
            "id": uid,
            "idProperty": "crm_sync_uid",
            "properties": { "email": email, "city": city },
            "objectWriteTraceId": uid,
        })
    };
    let two = [input("u1", "a@mail.example", "Leeds"), input("u2", "b@mail.example", "York")];
    let first = json!({ "inputs": two });
    let reply = batch(&desk, "upsert", &first);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["results"][0]["new"], true);
    let created = ids(&reply);
    let reply =
        batch(&desk, "upsert", &json!({ "inputs": [input("u1", "a@mail.example", "Hull")] }));
    assert_eq!(
        (reply.body["results"][0]["new"].as_bool(), ids(&reply)),
        (Some(false), vec![created[0].clone()])
    );
    assert_eq!(
        desk.get(&format!("{CONTACTS}/{}?properties=crm_sync_uid,city", created[0])).body["properties"]
            ["city"],
        "Hull"
    );
    // Meeting another record's address: per item with trace ids, else for the whole batch.
    let other = desk.contact(&json!({ "email": "c@mail.example" }));
    let mut clash = input("u3", "c@mail.example", "X");
    let reply =
        batch(&desk, "upsert", &json!({ "inputs": [clash, input("u4", "d@mail.example", "Y")] }));
    assert_eq!(
        (reply.status, &reply.body["errors"][0]["context"]["existingId"]),
        (207, &json!([other]))
    );
    assert_eq!(ids(&reply).len(), 1);
    clash.as_object_mut().unwrap().remove("objectWriteTraceId");
    let reply =
        batch(&desk, "upsert", &json!({ "inputs": [clash, input("u5", "e@mail.example", "Y")] }));
    assert_eq!(reply.status, 409);
    assert_eq!(desk.get(&format!("{CONTACTS}/u5?idProperty=crm_sync_uid")).status, 404);
}

#[test]
fn a_hundred_inputs_and_no_more() {
    let desk = Desk::default();
    let inputs: Vec<Value> = (0..101).map(|number| json!({ "id": number.to_string() })).collect();
    for action in ["create", "read", "update", "upsert", "archive"] {
        let reply = batch(&desk, action, &json!({ "inputs": inputs }));
        assert_eq!((reply.status, &reply.body["category"]), (400, &json!("VALIDATION_ERROR")));
        assert!(reply.body["message"].as_str().unwrap().contains("100"));
    }
    let all = desk.many(3);
    let inputs = json!([{ "id": all[0] }, { "id": "999" }, { "id": all[2] }]);
    let reply = batch(&desk, "archive", &json!({ "inputs": inputs }));
    assert_eq!((reply.status, reply.body), (204, Value::Null));
    assert_eq!(ids(&desk.get(CONTACTS)), [all[1].clone()]);
}
