//! Whether the CRMs are as the store says, and that what feeds lost is mended.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::{Desk, run, writes};

/// A time that no poll looks back to.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

fn desk() -> Desk {
    let desk = Desk::with(&["--people", "120", "--seed", "4"]);
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    desk.sync();
    desk
}

/// Changes a contact of `HubSpot` with a stamp of long ago.
fn slip(desk: &Desk, field: &str, text: &str) -> String {
    let email = desk.shared().remove(3);
    let id = desk.contact(HubSpot, &email).unwrap().id;
    let body = json!({
        "kind": "contacts", "ids": [id], "at": LONG_AGO, "fields": { field: text }
    });
    desk.ask("POST", "/hubspot/touch", &body);
    email
}

fn total(report: &Value, what: &str) -> u64 {
    let sides = report["kinds"]["contact"]["connections"].as_object().unwrap().values();
    sides.map(|side| side[what].as_u64().unwrap()).sum()
}

#[test]
fn end_to_end_verify_finds_and_mends_what_a_poll_lost() {
    let desk = desk();
    let report = desk.crm(&["verify", "--json"]).code(0).json();
    assert_eq!(report["state"], "agree");
    let people = u64::try_from(desk.contacts(HubSpot).len()).unwrap();
    assert_eq!(total(&report, "records"), 2 * people);
    assert_eq!(total(&report, "compared"), 2 * people);
    let email = slip(&desk, "jobtitle", "Lost and found");
    assert_eq!(writes(&desk.sync()), 0, "the feeds do not know");
    let done = desk.crm(&["verify"]).code(3);
    assert!(done.out.contains("Lost and found") && done.out.contains("was changed unseen"));
    assert!(done.out.contains("crm verify --repair"), "{done:#?}");
    // Nothing was written, and a sample of all finds it too.
    assert_eq!(writes(&desk.sync()), 0);
    let report = desk.crm(&["verify", "--sample", "1000", "--json"]).code(3).json();
    let field = &report["kinds"]["contact"]["connections"]["hubspot"]["fields"]["job_title"];
    assert_eq!(field["differing"], 1);
    let interval = field["interval"].as_array().unwrap();
    assert!(interval[0].as_f64() < field["agreement"].as_f64(), "{field}");
    let report = desk.crm(&["verify", "--repair", "--json"]).code(0).json();
    assert_eq!(report["state"], "agree");
    let copy = desk.contact(Salesforce, &email).unwrap();
    assert_eq!(copy.get("jobtitle"), "Lost and found");
    desk.crm(&["verify"]).code(0);
}

#[test]
fn end_to_end_a_sweep_mends_what_a_poll_lost_unless_it_is_off() {
    let desk = desk();
    let email = slip(&desk, "jobtitle", "Swept up");
    let hours = SignedDuration::from_hours(8);
    let origin = Timestamp::now().checked_sub(hours).unwrap().to_string();
    // A clock that is sixteen days ahead.
    let weeks_later = || {
        let mut command = desk.command(&["sync", "--json"]);
        run(command.env("CRM_TIME_SCALE", "50").env("CRM_TIME_ORIGIN", &origin))
    };
    let usual = std::fs::read_to_string(desk.file("crm.toml")).unwrap();
    desk.write("crm.toml", &format!("sweep_days = 0\n{usual}"));
    let report = weeks_later().code(0).json();
    assert_eq!((writes(&report), &report["calls"]["hubspot"]["swept"]), (0, &Value::Null));
    desk.write("crm.toml", &format!("sweep_days = 14\n{usual}"));
    let report = weeks_later().code(0).json();
    assert_eq!(writes(&report), 1);
    assert!(report["calls"]["hubspot"]["swept"].as_u64() > Some(0), "{report}");
    assert_eq!(desk.contact(Salesforce, &email).unwrap().get("jobtitle"), "Swept up");
    let report = weeks_later().code(0).json();
    assert_eq!((writes(&report), &report["calls"]["hubspot"]["swept"]), (0, &Value::Null));
}
