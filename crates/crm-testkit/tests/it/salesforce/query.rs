//! `/query`, `/queryAll` and their pages.

use crm_testkit::dialect::salesforce::SalesforceOptions;
use crm_testkit::fake::Fake as _;
use serde_json::{Value, json};

use super::{BASE, Desk, crowd, encoded};

fn paged() -> Desk {
    Desk::with(SalesforceOptions { page_max: 10, ..SalesforceOptions::default() })
}

#[test]
fn pages_lead_to_the_end_and_lose_nothing() {
    let desk = paged();
    let ids = crowd(&desk);
    let mut page = desk.query("SELECT Id, Email FROM Contact ORDER BY Id").json();
    let mut seen = Vec::new();
    let mut urls = Vec::new();
    loop {
        assert_eq!(page["totalSize"], 25);
        let rows = page["records"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["Id"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        assert_eq!(page["done"], false);
        urls.push(next.to_owned());
        page = desk.get(next).json();
    }
    assert_eq!(page["done"], true);
    assert_eq!(seen, ids);
    assert_eq!(urls.len(), 2);
    assert!(urls[0].starts_with(&format!("{BASE}/query/0r8")) && urls[0].ends_with("-10"));
    assert!(urls[1].ends_with("-20"));
    desk.fake.with(|org, _| org.drop_cursors());
    let gone = desk.get(&urls[1]);
    assert_eq!((gone.status, gone.code().as_str()), (400, "INVALID_QUERY_LOCATOR"));
}

#[test]
fn cursors_live_two_days() {
    let desk = paged();
    crowd(&desk);
    let page = desk.query("SELECT Id FROM Contact").json();
    let next = page["nextRecordsUrl"].as_str().unwrap();
    desk.tick(3_600);
    assert_eq!(desk.get(next).status, 200);
    // The session lapses too; only the cursor's own age is asked about here.
    desk.clock.advance(std::time::Duration::from_hours(48));
    assert_eq!(desk.get(next).status, 401);
}

#[test]
fn the_batch_size_is_the_clients_within_bounds() {
    let desk = Desk::new();
    let record = json!({ "attributes": { "type": "Contact" }, "LastName": "x" });
    for _ in 0..2 {
        let records = vec![record.clone(); 200];
        assert_eq!(desk.post("/composite/sobjects", &json!({ "records": records })).status, 200);
    }
    let page = |size: &str| {
        let options = format!("batchSize={size}");
        let path = format!("/query/?q={}", encoded("SELECT Id FROM Contact"));
        let reply = desk.raw("GET", &path, &[("sforce-query-options", &options)], "");
        reply.json()["records"].as_array().unwrap().len()
    };
    assert_eq!((page("250"), page("1"), page("9999")), (250, 200, 400));
    let all = encoded("SELECT FIELDS(STANDARD) FROM Contact");
    assert_eq!(desk.get(&format!("/query?q={all}")).json()["done"], true);
}

#[test]
fn rows_keep_order_nulls_and_parents() {
    let desk = Desk::new();
    let account = desk.post("/sobjects/Account", &json!({ "Name": "Mill" })).id();
    desk.contact(&json!({ "LastName": "Byron", "AccountId": account }));
    desk.contact(&json!({ "LastName": "Alone" }));
    let reply = desk.query(
        "select lastname, Account.Name, Account.Owner.Username, Email from contact \
         where Account.Name = 'mill' or Account.Name = null order by LastName desc",
    );
    let text = &reply.text;
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
    assert!(at(r#""attributes""#) < at(r#""LastName""#));
    assert!(at(r#""LastName""#) < at(r#""Account""#) && at(r#""Account""#) < at(r#""Email""#));
    let rows = reply.json();
    let rows = rows["records"].as_array().unwrap();
    assert_eq!(rows[0]["Account"]["Name"], "Mill");
    assert_eq!(rows[0]["Account"]["Owner"]["Username"], "sync@org.example");
    assert!(rows[0].get("Id").is_none());
    assert_eq!((&rows[1]["Account"], &rows[1]["Email"]), (&Value::Null, &Value::Null));
}

#[test]
fn child_queries_and_aggregates() {
    let desk = Desk::new();
    let account = desk.post("/sobjects/Account", &json!({ "Name": "Mill" })).id();
    desk.post("/sobjects/Account", &json!({ "Name": "Empty" }));
    for (name, source) in [("A", "Web"), ("B", "Web"), ("C", "Other")] {
        let fields = json!({ "LastName": name, "AccountId": account, "LeadSource": source });
        desk.contact(&fields);
    }
    let rows = desk
        .query(
            "SELECT Name, (SELECT LastName FROM Contacts WHERE LeadSource = 'Web' \
             ORDER BY LastName DESC LIMIT 1) FROM Account ORDER BY Name DESC",
        )
        .json();
    assert_eq!(rows["records"][0]["Contacts"]["totalSize"], 1);
    assert_eq!(rows["records"][0]["Contacts"]["records"][0]["LastName"], "B");
    assert_eq!(rows["records"][1]["Contacts"], Value::Null);
    let groups = desk
        .query("SELECT LeadSource, COUNT(Id), MAX(LastName) last FROM Contact GROUP BY LeadSource")
        .json();
    assert_eq!(
        groups["records"],
        json!([
            { "attributes": { "type": "AggregateResult" }, "LeadSource": "Other", "expr0": 1,
              "last": "C" },
            { "attributes": { "type": "AggregateResult" }, "LeadSource": "Web", "expr0": 2,
              "last": "B" },
        ])
    );
    let semi = "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact)";
    assert_eq!(desk.column(semi, "Name"), ["Mill"]);
    let anti = "SELECT Name FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact)";
    assert_eq!(desk.column(anti, "Name"), ["Empty"]);
}

#[test]
fn deleted_merged_and_archived_rows_are_seen_by_query_all_only() {
    let desk = Desk::new();
    let keep = desk.contact(&json!({ "LastName": "Keep" }));
    let lost = desk.contact(&json!({ "LastName": "Lost" }));
    let gone = desk.contact(&json!({ "LastName": "Gone" }));
    let task = desk.post("/sobjects/Task", &json!({ "Subject": "Call", "WhoId": lost })).id();
    desk.fake.merge("Contact", &keep, &lost).unwrap();
    desk.delete(&format!("/sobjects/Contact/{gone}"));
    assert_eq!(desk.column("SELECT Id FROM Contact", "Id"), [json!(keep)]);
    let all = desk
        .query_all("SELECT Id, IsDeleted, MasterRecordId FROM Contact WHERE IsDeleted = TRUE")
        .json();
    assert_eq!(all["totalSize"], 2);
    assert_eq!(all["records"][0]["Id"].as_str(), Some(lost.as_str()));
    assert_eq!(all["records"][0]["MasterRecordId"].as_str(), Some(keep.as_str()));
    assert_eq!(all["records"][1]["MasterRecordId"], Value::Null);
    let moved = desk.column(&format!("SELECT WhoId FROM Task WHERE Id = '{task}'"), "WhoId");
    assert_eq!(moved, [json!(keep)], "children follow the winner");
    desk.fake.with(|org, world| org.undelete(world, "Contact", &gone)).unwrap();
    assert_eq!(desk.column("SELECT Id FROM Contact", "Id").len(), 2);
    desk.fake.with(|org, world| org.empty_bin(world, "Contact")).unwrap();
    assert_eq!(desk.query_all("SELECT Id FROM Contact").json()["totalSize"], 2);
}

#[test]
fn the_incremental_recipe_sees_every_change_once() {
    let desk = Desk::new();
    let ids = crowd(&desk);
    desk.tick(10);
    desk.patch(&format!("/sobjects/Contact/{}", ids[3]), &json!({ "Title": "x" }));
    let mut seen = Vec::new();
    let (mut stamp, mut last) = ("2026-11-24T07:00:00Z".to_owned(), "000000000000000".to_owned());
    loop {
        let page = desk
            .query_all(&format!(
                "SELECT Id, SystemModstamp FROM Contact WHERE (SystemModstamp = {stamp} AND \
                 Id > '{last}') OR SystemModstamp > {stamp} ORDER BY SystemModstamp, Id LIMIT 7"
            ))
            .json();
        let rows = page["records"].as_array().unwrap().clone();
        let Some(end) = rows.last() else { break };
        stamp = end["SystemModstamp"].as_str().unwrap().to_owned();
        last = end["Id"].as_str().unwrap().to_owned();
        seen.extend(rows.iter().map(|row| row["Id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.last(), Some(&ids[3]));
}

#[test]
fn search_finds_words() {
    let desk = Desk::new();
    crowd(&desk);
    let sosl = "FIND {p07*} IN EMAIL FIELDS RETURNING Contact(Id, LastName), Lead(Id)";
    let found = desk.get(&format!("/search?q={}", encoded(sosl))).json();
    assert_eq!(found["searchRecords"].as_array().unwrap().len(), 1);
    assert_eq!(found["searchRecords"][0]["LastName"], "Last07");
    assert_eq!(desk.get("/search?q=LOOK").code(), "MALFORMED_SEARCH");
}
