//! Companies, deals and activities go both ways with the people, and so do the ties between them.

use serde_json::{Value, json};

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::Desk;

const CONFIG: &str = "
[data_flow.activities]
[data_flow.deals]
[data_flow.contacts]
[data_flow.companies]
";

fn make(desk: &Desk, place: &str, record: &Value) -> String {
    desk.ask("POST", place, record)["id"].as_str().unwrap().to_owned()
}

fn tie(desk: &Desk, from: (&str, &str), to: (&str, &str), label: u64) {
    let end = |(kind, id)| json!({ "kind": kind, "id": id });
    let body = json!({ "from": end(from), "to": end(to), "type": label });
    desk.ask("POST", "/hubspot/associations", &body);
}

fn tied(desk: &Desk, from: &str, to: &str) -> Vec<String> {
    let rows = desk.ask("GET", &format!("/hubspot/associations/{from}/{to}"), &Value::Null);
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the id and the fields of the one record whose field has that value.
fn found(desk: &Desk, place: &str, field: &str, value: &str) -> (String, Value) {
    let rows = desk.ask("GET", place, &Value::Null);
    let rows = rows.as_array().unwrap();
    let mut fitting = rows.iter().filter(|row| row["fields"][field] == value);
    let row = fitting.next().unwrap_or_else(|| panic!("{value} in {rows:#?}"));
    assert_eq!(fitting.next(), None, "{value} is there twice");
    (row["id"].as_str().unwrap().to_owned(), row["fields"].clone())
}

fn written(report: &Value) -> u64 {
    let kinds = report["kinds"].as_object().unwrap().values();
    kinds.map(|kind| kind["created"].as_u64().unwrap() + kind["updated"].as_u64().unwrap()).sum()
}

/// A company with a deal and a task about a person, entered in HubSpot.
fn in_hubspot(desk: &Desk, person: &str) {
    let company = json!({ "name": "Oak Repairs", "domain": "oak-repairs.example" });
    let company = make(desk, "/hubspot/records/companies", &company);
    let deal = json!({ "dealname": "Screen", "amount": "80", "pipeline": "default",
        "dealstage": "appointmentscheduled", "closedate": "2026-12-31" });
    let deal = make(desk, "/hubspot/records/deals", &deal);
    let task = json!({ "hs_task_subject": "Call Oak back", "hs_task_status": "NOT_STARTED",
        "hs_timestamp": "2026-12-01T09:00:00Z" });
    let task = make(desk, "/hubspot/records/tasks", &task);
    tie(desk, ("deals", &deal), ("companies", &company), 5);
    tie(desk, ("deals", &deal), ("contacts", person), 3);
    tie(desk, ("tasks", &task), ("contacts", person), 204);
    tie(desk, ("tasks", &task), ("deals", &deal), 216);
}

/// The same, with a meeting, entered in Salesforce.
fn in_salesforce(desk: &Desk, person: &str) {
    let place = |object| format!("/salesforce/records/{object}");
    let account = json!({ "Name": "Birch Works", "Website": "https://birch.example" });
    let account = make(desk, &place("Account"), &account);
    let deal = json!({ "Name": "Battery", "StageName": "Prospecting", "Amount": 45,
        "CloseDate": "2026-12-30", "AccountId": account });
    let deal = make(desk, &place("Opportunity"), &deal);
    let role = json!({ "OpportunityId": deal, "ContactId": person });
    make(desk, &place("OpportunityContactRole"), &role);
    let visit = json!({ "Subject": "Visit Birch", "StartDateTime": "2026-12-02T10:00:00Z",
        "EndDateTime": "2026-12-02T11:00:00Z", "WhoId": person, "WhatId": deal });
    make(desk, &place("Event"), &visit);
}

#[test]
fn end_to_end_every_kind_goes_both_ways_with_its_ties() {
    let desk = Desk::with(&["--people", "20", "--seed", "2"]);
    desk.write("crm.toml", CONFIG);
    let first = desk.crm(&["sync", "--yes"]);
    assert!(matches!(first.code, Some(0 | 3)), "{first:#?}");
    assert!(!first.err.contains("note:"), "{first:#?}");
    let email = desk.shared().remove(0);
    let here = desk.contact(HubSpot, &email).unwrap().id;
    let there = desk.contact(Salesforce, &email).unwrap().id;
    in_hubspot(&desk, &here);
    in_salesforce(&desk, &there);
    let report = desk.crm(&["sync", "--json"]).json();
    for kind in ["company", "deal", "activity"] {
        assert_eq!(report["kinds"][kind]["created"], 2, "{kind}: {report:#}");
    }

    let (account, _) = found(&desk, "/salesforce/records/Account", "Name", "Oak Repairs");
    let (deal, fields) = found(&desk, "/salesforce/records/Opportunity", "Name", "Screen");
    assert_eq!(fields["AccountId"], account.as_str());
    assert_eq!(fields["Amount"], 80.0);
    let roles = "/salesforce/records/OpportunityContactRole";
    let (_, role) = found(&desk, roles, "OpportunityId", &deal);
    assert_eq!(role["ContactId"], there.as_str());
    let (_, task) = found(&desk, "/salesforce/records/Task", "Subject", "Call Oak back");
    assert_eq!((&task["WhoId"], &task["WhatId"]), (&there.into(), &deal.into()));
    assert_eq!(task["ActivityDate"], "2026-12-01");

    let (company, _) = found(&desk, "/hubspot/records/companies", "name", "Birch Works");
    let (deal, _) = found(&desk, "/hubspot/records/deals", "dealname", "Battery");
    assert_eq!(tied(&desk, &format!("deals/{deal}"), "companies"), [company]);
    assert_eq!(tied(&desk, &format!("deals/{deal}"), "contacts"), [here.as_str()]);
    let (visit, _) = found(&desk, "/hubspot/records/meetings", "hs_meeting_title", "Visit Birch");
    assert_eq!(tied(&desk, &format!("meetings/{visit}"), "deals"), [deal]);
    assert_eq!(tied(&desk, &format!("meetings/{visit}"), "contacts"), [here.as_str()]);

    // What a CRM fills in by itself, a priority for instance, comes back once.
    desk.crm(&["sync"]);
    assert_eq!(written(&desk.crm(&["sync", "--json"]).json()), 0);
    let told = desk.crm(&["audit", "verify", "--json"]).code(0).json();
    assert!(told["broken"].is_null(), "{told}");
}

#[test]
fn end_to_end_a_mass_delete_stops_before_anything_is_unlinked() {
    let desk = Desk::with(&["--people", "80", "--seed", "4"]);
    desk.crm(&["sync", "--yes"]).code(3);
    let there = desk.contacts(Salesforce).len();
    for email in desk.shared().into_iter().take(24) {
        desk.delete(HubSpot, &email);
    }
    let plan = desk.crm(&["plan"]).code(0);
    let stop = "A sync would stop: hubspot: 24 contacts were deleted there";
    assert!(plan.out.contains(stop), "{plan:?}");
    for _ in 0..2 {
        desk.crm(&["sync"]).failed("hubspot: 24 contacts were deleted there", "--max-deletes 24");
        assert_eq!(desk.contacts(Salesforce).len(), there);
    }
    let report = desk.crm(&["sync", "--max-deletes", "24", "--json"]).code(3).json();
    assert_eq!(report["kinds"]["contact"]["unlinked"], 24);
    assert_eq!(desk.contacts(Salesforce).len(), there);
}

#[test]
fn end_to_end_a_mass_delete_stops_before_anything_is_deleted_elsewhere() {
    let providers = "hubspot,salesforce,hubspot-2";
    // In any weather time runs faster: what is to be deleted is deleted a minute later.
    let desk = Desk::with(&["--people", "80", "--providers", providers, "--faults", "calm"]);
    desk.write(
        "crm.toml",
        "secondary = [\"salesforce\", \"hubspot-2\"]\n[data_flow.contacts]\n\
         deletes = \"propagate\"\n[data_flow.contacts.required_default]\n\
         last_name = \"(none)\"\n",
    );
    desk.sync();
    let everybody = desk.contacts(Salesforce).len();
    let second = || desk.ask("GET", "/hubspot-2/records/contacts", &Value::Null);
    assert_eq!((everybody, second().as_array().unwrap().len()), (80, 80));
    let doomed: Vec<String> = desk.shared().into_iter().take(24).collect();
    for email in &doomed {
        desk.delete(HubSpot, email);
    }
    for _ in 0..2 {
        desk.crm(&["sync"]).failed("hubspot: 24 contacts were deleted there", "--max-deletes 24");
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        assert_eq!(desk.contacts(Salesforce).len(), everybody);
        assert_eq!(second().as_array().unwrap().len(), everybody);
    }
    desk.crm(&["sync", "--max-deletes", "24"]).code(0);
    assert_eq!(desk.contacts(Salesforce).len(), everybody - 24);
    assert_eq!(second().as_array().unwrap().len(), everybody - 24);
    assert!(doomed.iter().all(|email| desk.contact(Salesforce, email).is_none()));
}
