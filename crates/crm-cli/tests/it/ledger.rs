//! The store: lost, and taken to other accounts.

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::{Desk, writes};

#[test]
fn end_to_end_a_ledger_that_was_lost_is_built_anew() {
    let folder = tempfile::TempDir::new().unwrap();
    let head = "FirstName,LastName,Email,Phone\n";
    // Only the ids can tell that the copy of Ida, who has no address, is Ida.
    let left = "Ada,Winter,ada@one.example,\nBea,Sommer,bea@one.example,020 7946 0011\n";
    let right = "Bea,Sommer,bea@one.example,\nIda,Herbst,,\nUwe,Lenz,uwe@two.example,\n";
    std::fs::write(folder.path().join("left.csv"), format!("{head}{left}")).unwrap();
    std::fs::write(folder.path().join("right.csv"), format!("{head}{right}")).unwrap();
    let options = ["--load", "hubspot=left.csv", "--load", "salesforce=right.csv"];
    let desk = Desk::at(folder, &options);
    assert_eq!(desk.sync()["kinds"]["contact"]["created"], 3);
    std::fs::remove_file(desk.file("crm.db")).unwrap();
    assert_eq!(writes(&desk.sync()), 0);
    assert_eq!(desk.contacts(HubSpot).len(), 4);
    assert_eq!(desk.contacts(Salesforce).len(), 4);
}

#[test]
fn end_to_end_a_store_is_true_of_its_own_accounts_only() {
    let desk = Desk::with(&["--people", "20", "--seed", "1"]);
    desk.crm(&["sync", "--yes"]).code(3);
    let other = Desk::with(&["--people", "20", "--seed", "9"]);
    let before = other.requests("hubspot") + other.requests("salesforce");
    let mut command = other.command(&["sync"]);
    let done = crate::desk::run(command.env("CRM_DATABASE", desk.file("crm.db")));
    done.failed(
        "hubspot: the store is about account ",
        "name another store (store.sqlite or CRM_DATABASE), or use credentials of ",
    );
    // Who is there was asked, and nothing else: at most four requests of each.
    assert!(other.requests("hubspot") + other.requests("salesforce") <= before + 8);
    desk.crm(&["sync"]).code(3);
}

#[test]
fn end_to_end_a_sync_counts_the_links_of_its_plan() {
    let desk = Desk::with(&["--people", "60"]);
    let plan = desk.crm(&["plan", "--json"]).code(0).json();
    let plan = &plan["kinds"]["contact"];
    let links = plan["link_exact"].as_u64().unwrap() + plan["link_probable"].as_u64().unwrap();
    assert!(links > 0, "{plan:#}");
    let report = desk.crm(&["sync", "--yes", "--json"]).code(3).json();
    assert_eq!(report["kinds"]["contact"]["linked"], links);
}
