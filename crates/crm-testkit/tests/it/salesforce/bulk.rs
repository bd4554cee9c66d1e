//! Bulk API 2.0.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, Reply, crowd};

fn ingest(desk: &Desk, body: &Value, csv: &str) -> (String, Value) {
    let opened = desk.post("/jobs/ingest", body);
    assert_eq!((opened.status, &opened.json()["state"]), (200, &json!("Open")), "{opened:?}");
    let url = opened.json()["contentUrl"].as_str().unwrap().to_owned();
    let path = format!("/{url}");
    assert_eq!(desk.raw("PUT", &path, &[("content-type", "text/csv")], csv).status, 201);
    assert_eq!(desk.raw("PUT", &path, &[], csv).status, 400, "a job takes data once");
    let job = format!("/jobs/ingest/{}", opened.id());
    let closed = desk.patch(&job, &json!({ "state": "UploadComplete" })).json();
    assert!(closed.get("contentUrl").is_none());
    assert_eq!(closed["state"], "UploadComplete");
    desk.clock.advance(Duration::from_millis(500));
    assert_eq!(desk.get(&job).json()["state"], "InProgress");
    desk.clock.advance(Duration::from_secs(1));
    let state = desk.get(&job).json();
    (job, state)
}

fn lines(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.header("content-type"), Some("text/csv;charset=UTF-8"));
    reply.text.lines().map(str::to_owned).collect()
}

#[test]
fn rows_go_in_and_results_come_out() {
    let desk = Desk::new();
    let old = desk.contact(&json!({ "LastName": "Old", "Title": "x", "Crm_Sync_Uid__c": "u-1" }));
    let body = json!({
        "object": "Contact", "operation": "upsert", "externalIdFieldName": "Crm_Sync_Uid__c",
        "contentType": "CSV", "lineEnding": "LF",
    });
    let csv = "Crm_Sync_Uid__c,LastName,FirstName,Title,Birthdate\n\
               u-1,,\"Ada, \"\"A\"\"\",#N/A,\n\
               u-2,New,,,1815-12-10\n\
               u-3,Bad,,,soon\n";
    let (job, state) = ingest(&desk, &body, csv);
    assert_eq!(state["state"], "JobComplete");
    assert_eq!(state["jobType"], "V2Ingest");
    assert_eq!(
        (&state["numberRecordsProcessed"], &state["numberRecordsFailed"]),
        (&json!(3), &json!(1))
    );
    let good = lines(&desk.get(&format!("{job}/successfulResults")));
    let head = "\"sf__Id\",\"sf__Created\",Crm_Sync_Uid__c,LastName,FirstName,Title,Birthdate";
    assert_eq!(good[0], head);
    let updated = format!("\"{old}\",\"false\",\"u-1\"");
    assert!(good.iter().any(|line| line.starts_with(&updated)), "{good:?}");
    let bad = lines(&desk.get(&format!("{job}/failedResults/")));
    assert!(bad[1].starts_with("\"\",\"INVALID_FIELD:Failed to deserialize"), "{bad:?}");
    assert_eq!(lines(&desk.get(&format!("{job}/unprocessedrecords"))).len(), 1);
    let row = desk.get(&format!("/sobjects/Contact/{old}")).json();
    assert_eq!((&row["FirstName"], &row["Title"]), (&json!("Ada, \"A\""), &Value::Null));
    assert_eq!(row["LastName"], "Old", "an empty cell leaves the value");
    assert_eq!(desk.delete(&job).status, 204);
    assert_eq!(desk.get(&job).status, 404);
}

#[test]
fn an_unknown_column_fails_the_whole_job() {
    let desk = Desk::new();
    let body = json!({ "object": "Contact", "operation": "insert" });
    let (_, state) = ingest(&desk, &body, "LastName,Foo\nx,y\n");
    assert_eq!(state["state"], "Failed");
    assert_eq!(state["errorMessage"], "InvalidBatch : Field name not found : Foo");
    assert_eq!(state["numberRecordsProcessed"], 0);
}

#[test]
fn deletes_and_updates_by_id() {
    let desk = Desk::new();
    let ids = crowd(&desk);
    let update = json!({ "object": "Contact", "operation": "update" });
    let (_, state) = ingest(&desk, &update, &format!("Id,Title\n{},Boss\n", ids[0]));
    assert_eq!(state["numberRecordsFailed"], 0);
    assert_eq!(desk.column("SELECT Id FROM Contact WHERE Title = 'Boss'", "Id"), [json!(ids[0])]);
    let delete = json!({ "object": "Contact", "operation": "delete" });
    let (_, state) = ingest(&desk, &delete, &format!("Id\n{}\n{}\n", ids[0], ids[1]));
    assert_eq!(state["numberRecordsProcessed"], 2);
    assert_eq!(desk.query("SELECT COUNT() FROM Contact").json()["totalSize"], 23);
}

#[test]
fn a_query_job_gives_pages_of_csv() {
    let desk = Desk::new();
    let ids = crowd(&desk);
    let soql = "SELECT Id, Account.Name, Email, IsDeleted FROM Contact ORDER BY Id";
    let opened = desk.post("/jobs/query", &json!({ "operation": "query", "query": soql }));
    assert_eq!(opened.json()["state"], "UploadComplete");
    let job = format!("/jobs/query/{}", opened.id());
    assert_eq!(desk.get(&format!("{job}/results")).status, 400);
    desk.clock.advance(Duration::from_secs(2));
    assert_eq!(desk.get(&job).json()["state"], "JobComplete");
    let (mut seen, mut locator) = (Vec::new(), String::new());
    while locator != "null" {
        let at = if locator.is_empty() { String::new() } else { format!("&locator={locator}") };
        let page = desk.get(&format!("{job}/results?maxRecords=10{at}"));
        locator = page.header("sforce-locator").unwrap().to_owned();
        let rows = lines(&page);
        assert_eq!(rows[0], "\"Id\",\"Account.Name\",\"Email\",\"IsDeleted\"");
        let count = page.header("sforce-numberofrecords").unwrap();
        assert_eq!(count, (rows.len() - 1).to_string());
        seen.extend(rows[1..].iter().map(|row| row[1..19].to_owned()));
    }
    assert_eq!(seen, ids);
    for soql in ["SELECT MailingAddress FROM Contact", "SELECT COUNT() FROM Contact"] {
        let refused = desk.post("/jobs/query", &json!({ "operation": "query", "query": soql }));
        assert_eq!(refused.status, 400, "{soql}");
    }
}

#[test]
fn jobs_can_be_aborted_and_listed() {
    let desk = Desk::new();
    let body = json!({ "object": "Contact", "operation": "insert" });
    let id = desk.post("/jobs/ingest", &body).id();
    let job = format!("/jobs/ingest/{id}");
    assert_eq!(desk.patch(&job, &json!({ "state": "Aborted" })).json()["state"], "Aborted");
    assert_eq!(desk.patch(&job, &json!({ "state": "UploadComplete" })).status, 400);
    let list = desk.get("/jobs/ingest").json();
    assert_eq!(list["records"][0]["id"].as_str(), Some(id.as_str()));
    let strange = json!({ "object": "Foo", "operation": "insert" });
    assert_eq!(desk.post("/jobs/ingest", &strange).status, 400);
}
