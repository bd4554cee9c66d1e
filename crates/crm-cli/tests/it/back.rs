//! What was done can be looked at, explained and taken back.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::accounts::{Account, HubSpot, Salesforce};
use crate::desk::{Desk, writes};

const FIELDS: [&str; 6] = ["firstname", "lastname", "email", "phone", "company", "jobtitle"];

/// What an account shows: by record, the values of its fields.
type Picture = BTreeMap<String, Vec<String>>;

fn picture(desk: &Desk, account: Account) -> Picture {
    let contacts = desk.contacts(account).into_iter();
    let shown = contacts.map(|contact| {
        let values = FIELDS.iter().map(|field| contact.get(field).to_owned()).collect();
        (contact.id, values)
    });
    shown.collect()
}

fn both(desk: &Desk) -> [Picture; 2] {
    [picture(desk, HubSpot), picture(desk, Salesforce)]
}

fn last_run(desk: &Desk) -> String {
    let runs = desk.crm(&["runs", "--json"]).code(0).json();
    runs[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn end_to_end_a_first_sync_is_taken_back() {
    let desk = Desk::with(&["--people", "40", "--seed", "3"]);
    let before = both(&desk);
    let first = desk.crm(&["sync", "--yes", "--json"]).code(3).json();
    let run = last_run(&desk);
    let after = both(&desk);
    let plan = desk.crm(&["undo", &run[..8], "--plan", "--json"]).code(0).json();
    assert_eq!(both(&desk), after, "a plan writes nothing");
    let undone = desk.crm(&["undo", &run, "--json"]).code(0).json();
    assert_eq!((&plan["restored"], &plan["archived"]), (&undone["restored"], &undone["archived"]));
    let archived = undone["archived"].as_object().unwrap().values();
    let archived: u64 = archived.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(Value::from(archived), first["kinds"]["contact"]["created"]);
    assert_eq!(both(&desk), before);
    desk.crm(&["sync"]).failed("no approved plan", "crm sync --yes");
    desk.crm(&["sync", "--yes"]).code(3);
    assert_eq!(writes(&desk.crm(&["sync", "--json"]).code(3).json()), 0);
    let check = desk.crm(&["audit", "verify", "--json"]).code(0).json();
    assert!(check["broken"].is_null() && check["entries"].as_u64() > Some(40), "{check}");
}

#[test]
fn end_to_end_a_later_run_is_taken_back_and_edits_since_are_listed() {
    let desk = Desk::with(&["--people", "40", "--seed", "5"]);
    desk.crm(&["sync", "--yes"]).code(3);
    let people = desk.shared();
    let (one, two) = (people[0].as_str(), people[1].as_str());
    desk.edit(HubSpot, one, "jobtitle", "Harbour Pilot");
    desk.edit(Salesforce, two, "jobtitle", "Lock Keeper");
    let before = both(&desk);
    assert_eq!(writes(&desk.crm(&["sync", "--json"]).code(3).json()), 2);
    let run = last_run(&desk);
    desk.edit(HubSpot, two, "jobtitle", "Lighthouse Keeper");
    let undone = desk.crm(&["undo", &run, "--json"]).code(3).json();
    assert_eq!(undone["restored"]["salesforce"]["job_title"], 1, "{undone:#}");
    assert_eq!(undone["left"].as_array().unwrap().len(), 1, "{undone:#}");
    assert_eq!(undone["left"][0]["why"], "edited_since");
    assert_eq!(desk.contact(HubSpot, two).unwrap().get("jobtitle"), "Lighthouse Keeper");
    let [_, there] = both(&desk);
    assert_eq!(there, before[1], "Salesforce is as it was before the run");
    // The run is not done again; the later edit reaches the other side.
    assert_eq!(writes(&desk.crm(&["sync", "--json"]).code(3).json()), 1);
    assert_eq!(desk.contact(Salesforce, two).unwrap().get("jobtitle"), "Lighthouse Keeper");
    assert_eq!(desk.contact(HubSpot, one).unwrap().get("jobtitle"), "Harbour Pilot");

    let told = desk.crm(&["explain", "contact", one, "job_title", "--json"]).code(0).json();
    assert_eq!(told["fields"]["job_title"]["golden"]["rule"], "undo", "{told:#}");
    assert_eq!(told["fields"].as_object().unwrap().len(), 1);
    let text = desk.crm(&["explain", "contact", one]).code(0).out;
    assert!(text.contains("rule undo") && text.contains("Harbour Pilot"), "{text}");
    let id = desk.contact(HubSpot, one).unwrap().id;
    let same = desk.crm(&["explain", "contact", &format!("hubspot:{id}"), "--json"]).code(0);
    assert_eq!(same.json()["entity"], told["entity"]);
    desk.crm(&["explain", "contact", "nobody@mail.example"]).failed("nobody is known", "PROVIDER");
    desk.crm(&["explain", "contact", one, "shoe_size"]).failed("no field `shoe_size`", "job_title");
    desk.crm(&["undo", "ffffffff"]).failed("no run is called", "crm runs");
}

#[test]
fn end_to_end_problems_are_listed_tried_again_and_dismissed() {
    let desk = Desk::with(&["--people", "40", "--seed", "5"]);
    desk.crm(&["sync", "--yes"]).code(3);
    let listed = desk.crm(&["problems", "list", "--json"]).code(0).json();
    let missing = listed["classes"]["missing_required"].as_u64().unwrap();
    assert!(missing > 0, "Salesforce takes nobody without a last name: {listed:#}");
    let problems = listed["problems"].as_array().unwrap();
    let one = problems.iter().find(|problem| problem["class"] == "missing_required").unwrap();
    let id = one["id"].as_str().unwrap();
    let shown = desk.crm(&["problems", "show", &id[..10]]).code(0).out;
    assert!(shown.contains("missing_required") && shown.contains("what to do"), "{shown}");
    desk.crm(&["problems", "dismiss", id]).code(0);
    let listed = desk.crm(&["problems", "list", "--class", "missing_required", "--json"]).code(0);
    let listed = listed.json();
    assert_eq!(listed["classes"]["missing_required"].as_u64().unwrap_or(0), missing - 1);
    assert_eq!(listed["dismissed"], 1);
    let status = desk.crm(&["status", "--json"]).code(0).json();
    assert_eq!(status["kinds"]["contact"]["dismissed"], 1, "{:#}", status["kinds"]);
    let retried = desk.crm(&["problems", "retry", "--class", "missing_required", "--json"]);
    assert_eq!(retried.code(0).json()["changed"], missing - 1);
    desk.crm(&["sync"]).code(3);
    let again = desk.crm(&["problems", "list", "--json"]).code(0).json();
    assert_eq!(again["classes"]["missing_required"].as_u64(), Some(missing - 1), "{again:#}");
    desk.crm(&["problems", "retry"]).misused("which problems", "--class");
    desk.crm(&["problems", "list", "--class", "odd"]).misused("not a class", "validation");
    let log = desk.crm(&["audit", "export"]).code(0).out;
    assert!(log.lines().any(|line| line.contains("problem_dismissed")), "{log}");
    assert!(!log.contains('@'), "the log holds no values");
    desk.crm(&["audit", "verify"]).code(0);
    let newest = desk.crm(&["audit", "--limit", "3", "--json"]).code(0).json();
    assert_eq!(newest.as_array().unwrap().len(), 3);
}
