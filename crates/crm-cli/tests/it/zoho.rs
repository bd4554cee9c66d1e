//! HubSpot and Zoho: all kinds go both ways with their ties, users edit on both sides, and a
//! further sync writes nothing; so it is in bad weather, too.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::desk::Desk;

const CONFIG: &str = "\
primary = \"hubspot\"
secondary = [\"zoho\"]
[data_flow.companies]
[data_flow.contacts]
[data_flow.contacts.required_default]
last_name = \"(none)\"
[data_flow.deals]
[data_flow.activities]
deletes = \"propagate\"
";
/// How many runs may pass until one ends well and writes nothing.
const RUNS: usize = 10;
/// The fields of people that both have: HubSpot's name and Zoho's.
const PERSON: [(&str, &str); 5] = [
    ("firstname", "First_Name"),
    ("jobtitle", "Title"),
    ("city", "Mailing_City"),
    ("zip", "Mailing_Zip"),
    ("company", "Company_Text"),
];

fn desk(people: &str, more: &[&str]) -> Desk {
    let kinds = "company,contact,deal,activity";
    let usual = ["--people", people, "--providers", "hubspot,zoho", "--kinds", kinds];
    let desk = Desk::with(&[&usual[..], more].concat());
    desk.write("crm.toml", CONFIG);
    desk
}

/// Returns the live records of a kind: fields by the value of one of them, folded.
fn book(desk: &Desk, place: &str, key: &str) -> BTreeMap<String, (String, Value)> {
    let rows = desk.ask("GET", place, &Value::Null);
    let rows = rows.as_array().unwrap().iter();
    let entry = |row: &Value| {
        let name = row["fields"][key].as_str()?.to_lowercase();
        Some((name, (row["id"].as_str()?.to_owned(), row["fields"].clone())))
    };
    rows.filter_map(entry).collect()
}

fn written(report: &Value) -> u64 {
    let kinds = report["kinds"].as_object().unwrap().values();
    kinds.map(|kind| kind["created"].as_u64().unwrap() + kind["updated"].as_u64().unwrap()).sum()
}

/// Syncs until a run ends well with nothing to write.
#[track_caller]
fn converge(desk: &Desk) {
    let mut told = Vec::new();
    for _ in 0..RUNS {
        let done = desk.crm(&["sync", "--yes", "--json"]);
        let report = serde_json::from_str::<Value>(&done.out).ok();
        if done.code == Some(0) && report.as_ref().map(written) == Some(0) {
            return;
        }
        told.push(done);
    }
    panic!("no silence after {RUNS} runs: {told:#?}");
}

/// Compares people, companies and deals on both sides, and what deals belong to.
#[track_caller]
fn agree(desk: &Desk) -> usize {
    let here = book(desk, "/hubspot/records/contacts", "email");
    let there = book(desk, "/zoho/records/Contacts", "Email");
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for (email, (_, fields)) in &here {
        let other = &there[email].1;
        for (ours, theirs) in PERSON {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            assert_eq!(text(&fields[ours]), text(&other[theirs]), "{email}: {ours}");
        }
    }
    let companies = book(desk, "/hubspot/records/companies", "name");
    let accounts = book(desk, "/zoho/records/Accounts", "Account_Name");
    assert_eq!(companies.keys().collect::<Vec<_>>(), accounts.keys().collect::<Vec<_>>());
    let deals = book(desk, "/hubspot/records/deals", "dealname");
    let potentials = book(desk, "/zoho/records/Deals", "Deal_Name");
    assert_eq!(deals.keys().collect::<Vec<_>>(), potentials.keys().collect::<Vec<_>>());
    for (title, (_, fields)) in &deals {
        let close = fields["closedate"].as_str().unwrap().get(..10);
        assert_eq!(close, potentials[title].1["Closing_Date"].as_str(), "{title}");
    }
    for (module, table, subject, title) in [
        ("Tasks", "tasks", "hs_task_subject", "Subject"),
        ("Calls", "calls", "hs_call_title", "Subject"),
        ("Events", "meetings", "hs_meeting_title", "Event_Title"),
    ] {
        let here = book(desk, &format!("/hubspot/records/{table}"), subject);
        let there = book(desk, &format!("/zoho/records/{module}"), title);
        assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>(), "{table}");
    }
    here.len()
}

#[track_caller]
fn edit(desk: &Desk, place: &str, id: &str, fields: &Value) {
    desk.ask("PATCH", &format!("{place}/{id}"), fields);
}

#[test]
fn end_to_end_zoho_and_hubspot_agree_and_then_are_silent() {
    let desk = desk("60", &["--seed", "3"]);
    let first = desk.crm(&["sync", "--yes", "--json"]);
    assert!(matches!(first.code, Some(0 | 3)), "{first:#?}");
    let report = first.json();
    let made = desk.counters("zoho");
    let calls = &report["calls"]["zoho"];
    assert_eq!(calls["made"], made["requests"], "{calls:#}");
    assert_eq!(made["quotas"]["daily"]["exceeded"], 0);
    converge(&desk);
    assert!(agree(&desk) > 50);

    // Users work on both sides.
    let here = book(&desk, "/hubspot/records/contacts", "email");
    let there = book(&desk, "/zoho/records/Contacts", "Email");
    let emails: Vec<&String> = here.keys().collect();
    let (hubspot, zoho) = ("/hubspot/records/contacts", "/zoho/records/Contacts");
    edit(&desk, hubspot, &here[emails[0]].0, &json!({ "jobtitle": "Keeper" }));
    edit(&desk, zoho, &there[emails[1]].0, &json!({ "Mailing_City": "Leeds" }));
    edit(&desk, hubspot, &here[emails[2]].0, &json!({ "city": "York" }));
    edit(&desk, zoho, &there[emails[2]].0, &json!({ "Title": "Baker" }));
    desk.ask("DELETE", &format!("{zoho}/{}", there[emails[3]].0), &Value::Null);
    let accounts = book(&desk, "/zoho/records/Accounts", "Account_Name");
    let (account, _) = accounts.values().next().unwrap().clone();
    let deal = json!({ "Deal_Name": "New roof", "Stage": "Proposal/Price Quote", "Amount": 75.5,
        "Closing_Date": "2027-01-31", "Account_Name": account,
        "Contact_Name": there[emails[1]].0 });
    let id = desk.ask("POST", "/zoho/records/Deals", &deal)["id"].as_str().unwrap().to_owned();
    let call = json!({ "Subject": "About the roof", "Call_Type": "Inbound", "What_Id": id,
        "Call_Start_Time": "2026-12-01T09:00:00Z", "Call_Duration_in_seconds": 90,
        "Who_Id": there[emails[1]].0 });
    desk.ask("POST", "/zoho/records/Calls", &call);
    converge(&desk);

    let people = book(&desk, hubspot, "email");
    assert_eq!(people[emails[1]].1["city"], "Leeds");
    assert_eq!(people[emails[2]].1["jobtitle"], "Baker");
    let others = book(&desk, zoho, "Email");
    assert_eq!(others[emails[0]].1["Title"], "Keeper");
    assert_eq!(others[emails[2]].1["Mailing_City"], "York");
    assert!(!others.contains_key(emails[3]), "not made again");
    let deals = book(&desk, "/hubspot/records/deals", "dealname");
    let (deal, fields) = &deals["new roof"];
    assert_eq!(
        (&fields["amount"], &fields["dealstage"]),
        (&json!("75.5"), &json!("presentationscheduled"))
    );
    let ties =
        desk.ask("GET", &format!("/hubspot/associations/deals/{deal}/contacts"), &Value::Null);
    assert_eq!(ties[0]["id"], people[emails[1]].0.as_str(), "{ties:#}");
    let calls = book(&desk, "/hubspot/records/calls", "hs_call_title");
    let (_, call) = &calls["about the roof"];
    assert_eq!(call["hs_call_duration"], "90000");
    assert_eq!(call["hs_call_direction"], "INBOUND");
    assert_eq!(desk.counters("zoho")["quotas"]["daily"]["exceeded"], 0);
}

#[test]
fn end_to_end_zoho_converges_in_rough_weather() {
    let desk = desk("40", &["--seed", "5", "--faults", "rough"]);
    converge(&desk);
    let here = book(&desk, "/hubspot/records/contacts", "email");
    let there = book(&desk, "/zoho/records/Contacts", "Email");
    let emails: Vec<&String> = here.keys().collect();
    for (number, email) in emails.iter().take(6).enumerate() {
        let city = format!("City {number}");
        edit(&desk, "/hubspot/records/contacts", &here[*email].0, &json!({ "city": city }));
        let title = format!("Title {number}");
        edit(&desk, "/zoho/records/Contacts", &there[*email].0, &json!({ "Title": title }));
    }
    converge(&desk);
    agree(&desk);
}
