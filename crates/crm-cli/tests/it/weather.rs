//! Bad weather: the accounts converge all the same, without a double and within their quotas.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::{Desk, writes};

/// How many runs may pass until one ends well and writes nothing.
const RUNS: usize = 5;
const PEOPLE: &str = "600";

/// Syncs until a run ends well with nothing to write; returns how many it took.
#[track_caller]
fn converge(desk: &Desk) -> usize {
    let mut told = Vec::new();
    for run in 1..=RUNS {
        let done = desk.crm(&["sync", "--yes", "--json"]);
        if done.code == Some(0) && writes(&done.json()) == 0 {
            return run;
        }
        let written = serde_json::from_str::<Value>(&done.out).map(|report| writes(&report));
        told.push(format!("{:?}, {written:?} written: {}", done.code, done.err));
    }
    panic!("did not converge: {told:#?}");
}

#[track_caller]
fn quotas_were_kept(desk: &Desk) {
    for provider in ["hubspot", "salesforce"] {
        let counters = desk.counters(provider);
        for (name, quota) in counters["quotas"].as_object().unwrap() {
            assert_eq!(quota["exceeded"], 0, "{provider} {name}: {counters:#}");
        }
    }
}

/// How long search may be behind in the worst weather: two minutes of fifty times as fast time.
const LAG: Duration = Duration::from_millis(2_600);

fn survives(profile: &str) {
    let desk = Desk::with(&["--people", PEOPLE, "--faults", profile]);
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    converge(&desk);
    desk.agree();
    // And again with edits on both sides, some of them the same.
    let shared = desk.shared();
    for (number, email) in shared.iter().take(40).enumerate() {
        desk.edit(crate::accounts::HubSpot, email, "jobtitle", &format!("Buyer {number}"));
        if number % 2 == 0 {
            desk.edit(crate::accounts::Salesforce, email, "city", &format!("City {number}"));
        }
        if number % 5 == 0 {
            desk.edit(crate::accounts::Salesforce, email, "jobtitle", "Seller");
        }
    }
    converge(&desk);
    // What search did not show yet is found by a later run, however far the first one looked.
    sleep(LAG);
    converge(&desk);
    desk.agree();
    quotas_were_kept(&desk);
}

#[test]
fn faults_rough_weather_is_survived() {
    survives("rough");
}

#[test]
fn faults_lagging_search_is_survived() {
    survives("lag");
}

#[test]
fn faults_small_quotas_are_kept() {
    survives("quota");
}

#[test]
fn faults_hostile_weather_leaves_nobody_twice() {
    survives("hostile");
}

#[test]
fn faults_writes_whose_answers_are_lost_are_counted() {
    let desk = Desk::with(&["--people", "40", "--faults", "calm"]);
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    desk.crm(&["plan"]).code(0);
    // One create and one update in each.
    for (provider, method, path) in [
        ("hubspot", "POST", "contacts/batch/upsert"),
        ("hubspot", "POST", "contacts/batch/update"),
        ("salesforce", "PATCH", "composite/sobjects/Contact"),
        ("salesforce", "PATCH", "composite/sobjects"),
    ] {
        let lost = json!({ "fault": "cut_after", "method": method, "path": path });
        desk.ask("PUT", "/faults", &json!({ "provider": provider, "script": lost }));
    }
    let report = desk.sync();
    let kind = &report["kinds"]["contact"];
    for (provider, object) in [("hubspot", "contacts"), ("salesforce", "Contact")] {
        let records = desk.counters(provider)["records"][object].clone();
        let said = |what: &str| kind[what][provider].as_u64().unwrap_or_default();
        assert_eq!(said("create"), records["created"], "{provider}: {report:#}");
        assert_eq!(said("update_records"), records["changed"], "{provider}: {report:#}");
    }
    assert_eq!(kind["linked"], 28, "what we made ourselves was not linked");
}
