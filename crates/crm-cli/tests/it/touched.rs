//! Many contacts with one change time: read to the end within what they must cost, edits that
//! come meanwhile included.

use std::fmt::Write;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::accounts::HubSpot;
use crate::desk::{Desk, writes};

/// How many contacts; the acceptance of the first release was 20,000, by
/// `CRM_TEST_TOUCHED=20000 cargo test -p crm-cli touched`.
const TOUCHED: u64 = 2_000;
/// How many of every hundred are edited again while the sync pages.
const AGAIN: u64 = 1;
const SEARCH_PAGE: u64 = 200;
const READ_BATCH: u64 = 100;
const WRITE_BATCH: u64 = 200;
/// What a sync in which nothing changed asks of both accounts, and as much again.
const ASIDE: u64 = 24;

#[test]
fn end_to_end_touched_contacts_with_one_stamp_cost_what_they_must() {
    let touched = std::env::var("CRM_TEST_TOUCHED").ok().and_then(|text| text.parse().ok());
    let touched: u64 = touched.unwrap_or(TOUCHED);
    let folder = tempfile::TempDir::new().unwrap();
    let mut csv = String::from("FirstName,LastName,Email,Phone\n");
    for number in 0..touched {
        writeln!(csv, "Ada,Example {number},ada{number}@many.example,").unwrap();
    }
    std::fs::write(folder.path().join("people.csv"), csv).unwrap();
    let desk = Desk::at(folder, &["--load", "hubspot=people.csv"]);
    assert_eq!(desk.sync()["kinds"]["contact"]["created"], touched);

    let ids: Vec<Value> = desk.contacts(HubSpot).into_iter().map(|c| Value::String(c.id)).collect();
    desk.touch(&json!("all"), "phone", "+44 20 7946 0958");
    let before = (desk.requests("hubspot"), desk.requests("salesforce"));
    let child = desk
        .command(&["sync", "--yes", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while desk.counters("hubspot")["endpoints"]["POST /crm/objects/contacts/search"]["requests"]
        .as_u64()
        .unwrap_or_default()
        < 3
    {
        sleep(Duration::from_millis(2));
    }
    let again: Vec<Value> = ids.iter().step_by(100).cloned().collect();
    assert_eq!(u64::try_from(again.len()).unwrap(), touched * AGAIN / 100);
    desk.touch(&Value::Array(again), "phone", "+44 20 7946 0999");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let made = desk.requests("hubspot") - before.0 + desk.requests("salesforce") - before.1;

    assert_eq!(desk.agree(), usize::try_from(touched).unwrap());
    let bound = touched.div_ceil(SEARCH_PAGE) + touched.div_ceil(READ_BATCH);
    let bound = bound + touched.div_ceil(WRITE_BATCH);
    // A tenth for what every sync asks besides (versions, tokens, probes, the feeds that are
    // empty); in a small run like CI's that alone is more than a tenth.
    let most = bound + (bound / 10).max(ASIDE);
    println!("{made} requests, the bound is {bound}, at most {most}");
    let counters = || format!("{:#} {:#}", desk.counters("hubspot"), desk.counters("salesforce"));
    assert!(made <= most, "{made} requests, the bound is {bound}: {}", counters());
    let report = desk.sync();
    assert_eq!(writes(&report), 0, "{report:#}");
}
