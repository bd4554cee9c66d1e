//! Creates, updates, upserts and deletes.

use crm_testkit::dialect::zoho::{Addresses, ZohoOptions};
use crm_testkit::fake::{Bin, Fake as _};
use serde_json::{Value, json};

use super::{Org, org};

fn codes(answer: &Value) -> Vec<&str> {
    let rows = answer["data"].as_array().unwrap();
    rows.iter().map(|row| row["code"].as_str().unwrap()).collect()
}

#[test]
fn each_record_has_its_own_answer() {
    let org = org();
    let good = json!({ "Last_Name": "Vale", "Account_Name": null });
    let (status, answer) = org.post("Contacts", &json!({ "data": [good] }));
    assert_eq!(status, 201);
    let row = &answer["data"][0];
    assert_eq!((&row["code"], &row["message"]), (&json!("SUCCESS"), &json!("record added")));
    assert_eq!(row["details"]["Modified_Time"], "2026-11-24T10:00:00+02:00");
    assert!(row["details"]["Modified_By"].get("email").is_none());
    let bad = json!({ "First_Name": "Ada" });
    let (status, answer) = org.post("Contacts", &json!({ "data": [good, bad] }));
    assert_eq!((status, codes(&answer)), (207, vec!["SUCCESS", "MANDATORY_NOT_FOUND"]));
    assert_eq!(answer["data"][1]["details"]["json_path"], "$.data[1].Last_Name");
    let (status, answer) = org.post("Contacts", &json!({ "data": [bad] }));
    assert_eq!((status, codes(&answer)), (400, vec!["MANDATORY_NOT_FOUND"]));
    assert_eq!(org.post("Contacts", &json!({ "data": [] })).0, 400);
    let many: Vec<Value> = (0..101).map(|_| good.clone()).collect();
    assert_eq!(org.post("Contacts", &json!({ "data": many })).1["code"], "LIMIT_EXCEEDED");
}

#[test]
fn values_must_be_of_their_type() {
    let org = org();
    let refused = |module: &str, record: Value| {
        let (status, answer) = org.post(module, &json!({ "data": [record] }));
        assert_eq!(status, 400, "{answer}");
        let row = answer["data"][0].clone();
        (
            row["code"].as_str().unwrap().to_owned(),
            row["details"]["api_name"].as_str().unwrap().to_owned(),
        )
    };
    let invalid = |name: &str| ("INVALID_DATA".to_owned(), name.to_owned());
    let person =
        |name: &str, value: Value| refused("Contacts", json!({ "Last_Name": "Vale", name: value }));
    assert_eq!(person("Email", json!("no address")), invalid("Email"));
    assert_eq!(person("Title", json!("x".repeat(101))), invalid("Title"));
    assert_eq!(
        person("Account_Name", json!({ "id": "7100000000000399998" })),
        invalid("Account_Name")
    );
    assert_eq!(person("Account_Name", json!("Mill Ltd")), invalid("Account_Name"));
    assert_eq!(person("Owner", json!({ "id": "7100000000000235004" })), invalid("Owner"));
    let account = |name: &str, value: Value| {
        refused("Accounts", json!({ "Account_Name": "Mill", name: value }))
    };
    assert_eq!(account("Employees", json!("many")), invalid("Employees"));
    assert_eq!(account("Annual_Revenue", json!("12")), invalid("Annual_Revenue"));
    let call = |start: &str| json!({ "Call_Type": "Inbound", "Call_Start_Time": start });
    assert_eq!(refused("Calls", call("2026-12-01T09:00:00.000Z")), invalid("Call_Start_Time"));
    let (status, _) = org.post("Calls", &json!({ "data": [call("2026-12-01T09:00:00+02:00")] }));
    assert_eq!(status, 201);
}

#[test]
fn what_a_task_is_about_needs_its_module() {
    let org = org();
    let fields = json!({ "Account_Name": "Mill" });
    let id = org.fake.create("Accounts", fields.as_object().unwrap()).unwrap();
    let about = |module: Option<&str>| {
        let mut task = json!({ "Subject": "Visit", "What_Id": { "id": id } });
        if let Some(module) = module {
            task["$se_module"] = json!(module);
        }
        org.post("Tasks", &json!({ "data": [task] }))
    };
    assert_eq!(codes(&about(None).1), ["DEPENDENT_FIELD_MISSING"]);
    assert_eq!(codes(&about(Some("Deals")).1), ["INVALID_DATA"]);
    let (_, made) = about(Some("Accounts"));
    let task = made["data"][0]["details"]["id"].as_str().unwrap();
    let (_, read) = org.get(&format!("Tasks?fields=What_Id,$se_module,Status&ids={task}"));
    let row = &read["data"][0];
    assert_eq!((&row["What_Id"]["name"], &row["$se_module"]), (&json!("Mill"), &json!("Accounts")));
    assert_eq!(row["Status"], "Not Started");
    org.fake.delete("Accounts", &id).unwrap();
    let (_, read) = org.get(&format!("Tasks/{task}"));
    assert_eq!(read["data"][0]["What_Id"], Value::Null, "what is gone is pointed at by nobody");
}

#[test]
fn an_upsert_finds_by_the_fields_that_it_names() {
    let org = org();
    let record = |city: &str| {
        json!({ "Last_Name": "Vale", "Email": "a@mail.example", "Mailing_City": city,
            "Crm_Sync_Uid": "uid-1" })
    };
    let upsert = |record: Value, checks: &[&str]| {
        let mut body = json!({ "data": [record] });
        if !checks.is_empty() {
            body["duplicate_check_fields"] = json!(checks);
        }
        let (status, answer) = org.post("Contacts/upsert", &body);
        assert_eq!(status, 200, "{answer}");
        let row = &answer["data"][0];
        (row["action"].clone(), row["duplicate_field"].clone())
    };
    assert_eq!(upsert(record("Brno"), &[]), (json!("insert"), Value::Null));
    assert_eq!(upsert(record("York"), &[]), (json!("update"), json!("Email")));
    let by_uid = upsert(record("Bath"), &["Crm_Sync_Uid"]);
    assert_eq!(by_uid, (json!("update"), json!("Crm_Sync_Uid")));
    assert_eq!(org.fake.records("Contacts", Bin::Live).unwrap().len(), 1);
    let (status, _) = org.post("Tasks/upsert", &json!({ "data": [{ "Subject": "Visit" }] }));
    assert_eq!(status, 400);
}

#[test]
fn a_value_that_is_taken_names_its_record() {
    let org = Org::open(ZohoOptions { addresses: Addresses::Unique, ..ZohoOptions::default() });
    let record = json!({ "Last_Name": "Vale", "Email": "a@mail.example" });
    let id = org.fake.create("Contacts", record.as_object().unwrap()).unwrap();
    let (status, answer) = org.post("Contacts", &json!({ "data": [record] }));
    assert_eq!((status, codes(&answer)), (400, vec!["DUPLICATE_DATA"]));
    assert_eq!(answer["data"][0]["details"]["duplicate_record"]["id"], id.as_str());
}

#[test]
fn a_write_may_be_bound_to_a_version() {
    let org = org();
    let ids = [org.person("Vale"), org.person("Moss")];
    org.pass(10);
    let city = json!({ "Mailing_City": "York" });
    org.fake.patch("Contacts", &ids[0], city.as_object().unwrap()).unwrap();
    let record = |id: &str| json!({ "id": id, "Title": "Baker" });
    let since = [("if-unmodified-since", "2026-11-24T10:00:05+02:00")];
    let (status, answer) = org.put("Contacts", &since, &json!({ "data": [record(&ids[0])] }));
    assert_eq!((status, codes(&answer)), (412, vec!["RECORD_MODIFIED"]));
    let both = json!({ "data": [record(&ids[0]), record(&ids[1])] });
    let (status, answer) = org.put("Contacts", &since, &both);
    assert_eq!((status, codes(&answer)), (207, vec!["RECORD_MODIFIED", "SUCCESS"]));
    let (status, _) = org.put("Contacts", &[], &json!({ "data": [record(&ids[0])] }));
    assert_eq!(status, 200);
    let (status, answer) =
        org.put("Contacts", &[], &json!({ "data": [record("7100000000000399998")] }));
    assert_eq!((status, codes(&answer)), (400, vec!["INVALID_DATA"]));
}

#[test]
fn deletes_go_one_by_one_in_one_call() {
    let org = org();
    let id = org.person("Vale");
    let target = format!("/crm/v8/Contacts?ids={id},7100000000000399998&wf_trigger=false");
    let (status, answer) = org.ask("DELETE", &target, &[], &Value::Null);
    assert_eq!((status, codes(&answer)), (207, vec!["SUCCESS", "INVALID_DATA"]));
    assert_eq!(answer["data"][0]["message"], "record deleted");
    assert_eq!(org.fake.records("Contacts", Bin::Archived).unwrap().len(), 1);
}

#[test]
fn a_merge_moves_what_pointed_at_the_loser() {
    let org = org();
    let ids = [org.person("Vale"), org.person("Moss")];
    let task = json!({ "Subject": "Visit", "Who_Id": ids[1] });
    let task = org.fake.create("Tasks", task.as_object().unwrap()).unwrap();
    org.fake.merge("Contacts", &ids[0], &ids[1]).unwrap();
    let record = org.fake.record("Tasks", &task).unwrap();
    assert_eq!(record["fields"]["Who_Id"], ids[0].as_str());
    assert!(org.fake.merge("Contacts", &ids[0], &ids[1]).is_err());
    assert!(org.fake.merge("Tasks", &task, &task).is_err());
}
