//! Two records that somebody merges are one everywhere: one identity, the ties of both, the
//! history of both.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::Desk;

const CONFIG: &str = "\
secondary = [\"salesforce\", \"hubspot-2\"]
[data_flow.companies]
[data_flow.contacts]
[data_flow.contacts.required_default]
last_name = \"(none)\"
[data_flow.deals]
[data_flow.activities]
";

fn written(report: &Value) -> u64 {
    let kinds = report["kinds"].as_object().unwrap().values();
    kinds.map(|kind| kind["created"].as_u64().unwrap() + kind["updated"].as_u64().unwrap()).sum()
}

/// Syncs until nothing is to be written, and returns the last exit code.
#[track_caller]
fn settle(desk: &Desk) -> Option<i32> {
    for _ in 0..4 {
        let done = desk.crm(&["sync", "--yes", "--json"]);
        assert!(matches!(done.code, Some(0 | 3)), "{done:#?}");
        if written(&done.json()) == 0 {
            return done.code;
        }
    }
    panic!("not silent: {:#}", desk.sync());
}

/// Returns the one record of an account whose field has that value.
#[track_caller]
fn id(desk: &Desk, place: &str, field: &str, value: &str) -> String {
    let rows = desk.ask("GET", place, &Value::Null);
    let mut rows = rows.as_array().unwrap().iter().filter(|row| row["fields"][field] == value);
    let found = rows.next().unwrap_or_else(|| panic!("no {value} at {place}"));
    assert_eq!(rows.next(), None, "{value} is there twice");
    found["id"].as_str().unwrap().to_owned()
}

/// Returns the titles of the deals and the subjects of the tasks of a person in HubSpot.
fn of_person(desk: &Desk, account: &str, person: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (kind, field) in [("deals", "dealname"), ("tasks", "hs_task_subject")] {
        let ties =
            desk.ask("GET", &format!("/{account}/associations/{kind}/contacts"), &Value::Null);
        for row in ties.as_array().unwrap() {
            let to = row["to"].as_array().unwrap();
            if to.iter().any(|tie| tie["id"] == person) {
                let place = format!("/{account}/records/{kind}/{}", row["id"].as_str().unwrap());
                let record = desk.ask("GET", &place, &Value::Null);
                named.insert(record["fields"][field].as_str().unwrap().to_owned());
            }
        }
    }
    named
}

fn of_person_in_salesforce(desk: &Desk, person: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let rows = |kind| desk.ask("GET", &format!("/salesforce/records/{kind}"), &Value::Null);
    for role in rows("OpportunityContactRole").as_array().unwrap() {
        if role["fields"]["ContactId"] == person {
            let deal = role["fields"]["OpportunityId"].as_str().unwrap();
            let deal =
                desk.ask("GET", &format!("/salesforce/records/Opportunity/{deal}"), &Value::Null);
            named.insert(deal["fields"]["Name"].as_str().unwrap().to_owned());
        }
    }
    for task in rows("Task").as_array().unwrap() {
        if task["fields"]["WhoId"] == person {
            named.insert(task["fields"]["Subject"].as_str().unwrap().to_owned());
        }
    }
    named
}

/// Gives a person in HubSpot a deal and a task.
fn busy(desk: &Desk, person: &str, name: &str) {
    let make = |kind: &str, fields: Value| {
        let made = desk.ask("POST", &format!("/hubspot/records/{kind}"), &fields);
        made["id"].as_str().unwrap().to_owned()
    };
    let deal = json!({ "dealname": format!("Deal of {name}"), "pipeline": "default",
        "dealstage": "qualifiedtobuy", "amount": "80", "closedate": "2026-12-31" });
    let task = json!({ "hs_task_subject": format!("Task of {name}"),
        "hs_task_status": "NOT_STARTED", "hs_timestamp": "2026-12-01T09:00:00Z" });
    for (kind, id, label) in
        [("deals", make("deals", deal), 3), ("tasks", make("tasks", task), 204)]
    {
        let body = json!({ "from": { "kind": kind, "id": id },
            "to": { "kind": "contacts", "id": person }, "type": label });
        desk.ask("POST", "/hubspot/associations", &body);
    }
}

fn merge(desk: &Desk, place: &str, winner: &str, loser: &str) -> String {
    let body = json!({ "winner": winner, "loser": loser });
    let merged = desk.ask("POST", &format!("{place}/merge"), &body);
    merged["id"].as_str().unwrap().to_owned()
}

#[test]
fn end_to_end_merged_contacts_are_one_everywhere_with_both_histories() {
    let providers = "hubspot,salesforce,hubspot-2";
    let kinds = "company,contact,deal,activity";
    let desk =
        Desk::with(&["--people", "24", "--providers", providers, "--kinds", kinds, "--seed", "3"]);
    desk.write("crm.toml", CONFIG);
    assert_eq!(settle(&desk), Some(0));
    let shared = desk.shared();
    let (kept, lost) = (shared[0].as_str(), shared[1].as_str());
    let person = |email| desk.contact(HubSpot, email).unwrap().id;
    let (winner, loser) = (person(kept), person(lost));
    busy(&desk, &winner, "the winner");
    busy(&desk, &loser, "the loser");
    desk.edit(HubSpot, kept, "jobtitle", "Buyer");
    desk.edit(Salesforce, lost, "city", "Skipton");
    settle(&desk);
    let both =
        ["Deal of the winner", "Task of the winner", "Deal of the loser", "Task of the loser"];
    let both: BTreeSet<String> = both.map(str::to_owned).into();
    let before = of_person_in_salesforce(&desk, &desk.contact(Salesforce, lost).unwrap().id);
    assert!(before.contains("Deal of the loser"), "{before:?}");

    let merged = merge(&desk, "/hubspot/records/contacts", &winner, &loser);
    settle(&desk);
    // Where both had a record, a person must merge them there as well.
    let problems = desk.crm(&["problems", "list"]).code(0).out;
    assert!(problems.contains("duplicate: 1"), "{problems}");
    let held = of_person(&desk, "hubspot", &merged);
    assert!(held.is_superset(&both), "{held:?}");
    // Elsewhere the record of the duplicate stands for the one who is left.
    let there = desk.contact(Salesforce, kept).unwrap().id;
    let second = id(&desk, "/hubspot-2/records/contacts", "email", kept);
    let there_too = desk.contact(Salesforce, lost).unwrap().id;
    let second_too = id(&desk, "/hubspot-2/records/contacts", "email", lost);
    let mut held = of_person_in_salesforce(&desk, &there);
    held.extend(of_person_in_salesforce(&desk, &there_too));
    assert!(held.is_superset(&both), "{held:?}");
    let mut held = of_person(&desk, "hubspot-2", &second);
    held.extend(of_person(&desk, "hubspot-2", &second_too));
    assert!(held.is_superset(&both), "{held:?}");

    // Whoever is asked for, the one or the other, it is one, and knows what both were.
    let told = |who: &str| desk.crm(&["explain", "contact", who, "--json"]).code(0).json();
    let one = told(kept);
    assert_eq!(one["entity"], told(lost)["entity"]);
    assert_eq!(one["entity"], told(&format!("hubspot:{loser}"))["entity"]);
    let deal = id(&desk, "/hubspot/records/deals", "dealname", "Deal of the loser");
    let deal = desk.crm(&["explain", "deal", &format!("hubspot:{deal}"), "--json"]).code(0).json();
    let people = &deal["fields"]["contacts"]["golden"]["value"];
    assert!(people.to_string().contains(one["entity"].as_str().unwrap()), "{people}");
    let change = |told: &Value, field: &str, after: &str| {
        let history = told["fields"][field]["history"].as_array().unwrap();
        history.iter().any(|row| row["after"].to_string().contains(after))
    };
    assert!(change(&one, "job_title", "Buyer"), "{one:#}");
    let part = &one["absorbed"].as_array().unwrap()[0];
    assert!(change(part, "city", "Skipton"), "{part:#}");
    let text = desk.crm(&["explain", "contact", kept, "city"]).code(0).out;
    assert!(text.contains("was merged into it") && text.contains("Skipton"), "{text}");

    // Merged in the other accounts, too, the duplicates end.
    let duplicate = desk.contact(Salesforce, lost).unwrap().id;
    merge(&desk, "/salesforce/records/Contact", &there, &duplicate);
    let place = "/hubspot-2/records/contacts";
    let duplicate = id(&desk, place, "email", lost);
    merge(&desk, place, &second, &duplicate);
    assert_eq!(settle(&desk), Some(0));
    assert!(desk.contact(Salesforce, lost).is_none());
    assert!(desk.contact(Salesforce, kept).is_some());
    assert!(of_person_in_salesforce(&desk, &there).is_superset(&both));
    let second = id(&desk, place, "email", kept);
    assert!(of_person(&desk, "hubspot-2", &second).is_superset(&both));
    let status = desk.crm(&["status", "--json"]).code(0).json();
    assert_eq!(status["kinds"]["contact"]["held"], 0, "{status:#}");
    assert_eq!(told(lost)["absorbed"].as_array().unwrap().len(), 1);
}
