//! What needs a person's decision: listed, shown and decided without a network.

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::{Desk, Done, command, run};
use serde_json::Value;
use tempfile::TempDir;

const EMMA: &str = "emma@forge.example";

/// A desk at which both CRMs changed Emma's company, and a person is to decide.
fn quarrel() -> Desk {
    let folder = TempDir::new().unwrap();
    let people = "FirstName,LastName,Email,Company\nEmma,Stone,emma@forge.example,Forge\n";
    std::fs::write(folder.path().join("people.csv"), people).unwrap();
    let options = ["--load", "hubspot=people.csv", "--load", "salesforce=people.csv"];
    let desk = Desk::at(folder, &options);
    desk.write(
        "crm.toml",
        "first_sync = \"auto\"\n[data_flow.contacts.policy]\ncompany = \"manual\"\n",
    );
    desk.crm(&["sync"]).code(0);
    desk.edit(HubSpot, EMMA, "company", "Forge Ltd");
    desk.edit(Salesforce, EMMA, "company", "Forge plc");
    desk.crm(&["sync"]).code(3);
    desk
}

/// Runs `crm` at the desk without any variable of a CRM: only the store is there.
fn offline(desk: &Desk, words: &[&str]) -> Done {
    run(command(desk.folder.path()).env("CRM_DATABASE", desk.file("crm.db")).args(words))
}

/// Returns the short id and the state of the first conflict, as the table has them.
fn handle(desk: &Desk) -> String {
    let list = offline(desk, &["conflicts", "list"]).code(0).out;
    let word = |line: &str| {
        line.split_whitespace()
            .find(|word| word.contains('@') && !word.contains('.'))
            .map(str::to_owned)
    };
    list.lines().find_map(word).unwrap_or_else(|| panic!("{list}"))
}

fn company(desk: &Desk) -> [String; 2] {
    [HubSpot, Salesforce]
        .map(|account| desk.contact(account, EMMA).unwrap().get("company").to_owned())
}

#[test]
fn end_to_end_a_conflict_is_decided_offline_and_written_by_the_next_sync() {
    let desk = quarrel();
    let requests = || desk.requests("hubspot") + desk.requests("salesforce");
    let before = requests();
    let list = offline(&desk, &["conflicts", "list"]).code(0).out;
    for word in ["Emma Stone", "company", "hubspot: Forge Ltd", "salesforce: Forge plc", "manual"] {
        assert!(list.contains(word), "{word}: {list}");
    }
    let handle = handle(&desk);
    let show = offline(&desk, &["conflicts", "show", &handle]).code(0);
    for word in ["company of Emma Stone", "open since", "before", "Forge Ltd", "Forge plc"] {
        assert!(show.out.contains(word), "{word}: {}", show.out);
    }
    assert!(show.err.contains(&format!("crm conflicts resolve {handle} --take")), "{}", show.err);
    let json = offline(&desk, &["conflicts", "list", "--json"]).code(0).json();
    let conflict = &json[0];
    assert!(handle.starts_with(&conflict["id"].as_str().unwrap()[..8]), "{conflict:#}");
    assert_eq!((&conflict["base"], &conflict["state"]), (&"Forge".into(), &"open".into()));
    assert_eq!(conflict["contenders"].as_array().unwrap().len(), 2);
    assert!(conflict["contenders"][0]["at"].is_string(), "{conflict:#}");

    let words = ["conflicts", "resolve", &handle, "--take", "salesforce", "--by", "ida"];
    let done = offline(&desk, &words).code(0);
    assert!(done.out.contains("is Forge plc from now on"), "{done:#?}");
    assert_eq!(requests(), before, "no request is sent");
    assert_eq!(company(&desk), ["Forge Ltd", "Forge plc"]);
    desk.crm(&["sync"]).code(0);
    assert_eq!(company(&desk), ["Forge plc", "Forge plc"]);

    let none = offline(&desk, &["conflicts", "list"]).code(0).out;
    assert!(none.contains("No conflict waits"), "{none}");
    let id = handle.split('@').next().unwrap();
    let told = offline(&desk, &["conflicts", "show", id, "--json"]).code(0).json();
    assert_eq!((&told["state"], &told["decided"]["by"]), (&"resolved".into(), &"ida".into()));
    let all = offline(&desk, &["conflicts", "list", "--all"]).code(0).out;
    assert!(all.contains("decided by ida"), "{all}");
}

#[test]
fn end_to_end_a_value_is_given() {
    let desk = quarrel();
    let handle = handle(&desk);
    let id = handle.split('@').next().unwrap();
    offline(&desk, &["conflicts", "resolve", id, "--value", "company=Forge & Co"]).code(0);
    desk.crm(&["sync"]).code(0);
    assert_eq!(company(&desk), ["Forge & Co", "Forge & Co"]);
}

#[test]
fn end_to_end_decisions_that_cannot_be_are_refused() {
    let desk = quarrel();
    let handle = handle(&desk);
    let id = handle.split('@').next().unwrap();
    let resolve = |words: &[&str]| offline(&desk, &[&["conflicts", "resolve"], words].concat());
    resolve(&[id]).misused("--take", "crm conflicts");
    resolve(&[id, "--take", "hubspot", "--value", "company=x"])
        .misused("cannot be used", "crm conflicts");
    resolve(&[id, "--value", "company"]).misused("is not FIELD=VALUE", "--value company=VALUE");
    resolve(&[id, "--value", "city=Bath"]).failed("is about company", "a value of company alone");
    resolve(&[id, "--take", "pipedrive"])
        .failed("known of pipedrive", "take hubspot or salesforce");
    resolve(&["ffffff", "--take", "hubspot"]).failed("no conflict", "crm conflicts list --all");
    offline(&desk, &["conflicts", "show", "zz"]).failed("no conflict", "crm conflicts list --all");

    // A contender changes after it was shown.
    desk.edit(Salesforce, EMMA, "company", "Forge SE");
    desk.crm(&["sync"]).code(3);
    resolve(&[&handle, "--take", "salesforce"]).failed("has changed since", "crm conflicts show");
    let listed: Value = offline(&desk, &["conflicts", "list", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "nothing was decided: {listed:#}");
    resolve(&[id, "--take", "salesforce"]).code(0);
    resolve(&[id, "--take", "hubspot"]).failed("settled already", "crm conflicts show");
    desk.crm(&["sync"]).code(0);
    assert_eq!(company(&desk), ["Forge SE", "Forge SE"]);
}

#[test]
fn without_a_store_there_is_nothing_to_decide() {
    let folder = TempDir::new().unwrap();
    for words in [&["conflicts", "list"][..], &["conflicts", "resolve", "a", "--take", "b"]] {
        run(command(folder.path()).args(words)).failed("there is no store", "crm plan");
    }
}
