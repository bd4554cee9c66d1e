//! `crm demo`: the first thing that anybody runs.

use tempfile::TempDir;

use crate::desk::{command, run, writes};

#[test]
fn end_to_end_demo_ends_in_agreement() {
    let folder = TempDir::new().unwrap();
    let demo =
        run(command(folder.path()).args(["demo", "--people", "300", "--seed", "7", "--json"]));
    let report = demo.code(0).json();
    let rounds = report["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 3);
    let contact = &rounds[0]["kinds"]["contact"];
    // 15 % of 300 on each side alone; five of HubSpot's have no last name.
    assert_eq!(contact["create"]["hubspot"], 45);
    assert_eq!(contact["create"]["salesforce"], 40);
    assert_eq!(report["plan"]["kinds"]["contact"]["link_exact"], 210);
    assert_eq!(report["parked"], 5);
    assert_eq!(report["differences"].as_array().unwrap().len(), 0);
    assert!(writes(&rounds[1]) > 0, "the edits were carried over");
    assert_eq!(writes(&rounds[2]), 0);
    let rules = rounds[1]["conflicts"].as_array().unwrap();
    assert!(rules.iter().all(|c| c["rule"] == "primary_wins" && c["losers"].is_array()));
    assert_eq!(rules.len(), 2, "two edits met on one field: {rules:#?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo leaves nothing behind: {left:?}");
}

#[test]
fn end_to_end_demo_tells_its_story_in_tables() {
    let folder = TempDir::new().unwrap();
    let demo = run(command(folder.path()).args(["demo", "--people", "60"])).code(0);
    for words in ["records to write", "Round 3", "records created", "lower bound", "differences"] {
        assert!(demo.out.contains(words), "{words}: {}", demo.out);
    }
    assert!(demo.err.contains("contacts: "), "progress is told on stderr: {}", demo.err);
}

#[test]
fn demo_does_not_look_at_real_accounts() {
    let folder = TempDir::new().unwrap();
    let mut demo = command(folder.path());
    demo.env("SALESFORCE_REFRESH_TOKEN", "real").env("HUBSPOT_CLIENT_ID", "real");
    demo.env("CRM_PRIMARY", "nobody").env("CRM_CONFIG", "nowhere.toml");
    run(demo.args(["demo", "--people", "20", "--json"])).code(0);
}
