//! `kill -9` in the middle: the next runs finish the work, and nobody is there twice.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::desk::{Desk, writes};

/// How many contacts; the acceptance of the first release was 5,000, by
/// `CRM_TEST_PEOPLE=5000 cargo test -p crm-cli kill_`.
const PEOPLE: &str = "400";
/// In which twentieths of an uninterrupted run's requests the process dies.
const TWENTIETHS: [u64; 10] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19];
/// How many runs may follow until one has nothing to do.
const RERUNS: usize = 3;

fn people() -> String {
    std::env::var("CRM_TEST_PEOPLE").unwrap_or_else(|_| PEOPLE.to_owned())
}

fn total(desk: &Desk) -> u64 {
    desk.requests("hubspot") + desk.requests("salesforce")
}

fn start_again(desk: &Desk) {
    desk.ask("POST", "/reset", &json!(null));
    for name in ["crm.db", "crm.db-wal", "crm.db-shm"] {
        let file = desk.file(name);
        if file.exists() {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn kill_at_any_point_leaves_no_double_and_no_gap() {
    let desk = Desk::with(&["--people", &people(), "--latency", "20"]);
    // The people without a last name stay parked: a run with nothing left to do ends with 3.
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    desk.sync();
    let whole = total(&desk);
    let everybody = desk.contacts(crate::accounts::HubSpot).len();
    assert!(whole >= 12, "{whole} requests are too few to die between");
    for twentieth in TWENTIETHS {
        start_again(&desk);
        let mut child = desk
            .command(&["sync", "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let last = whole * twentieth / 20;
        while total(&desk) < last && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // The store of a process that died can be read.
        desk.crm(&["status", "--json"]);
        let silent = (0..RERUNS).any(|_| {
            let run = desk.crm(&["sync", "--yes", "--json"]);
            run.code == Some(0) && writes(&run.json()) == 0
        });
        assert!(silent, "still at work after death at {twentieth}/20");
        assert_eq!(desk.agree(), everybody, "after death at {twentieth}/20");
    }
}
