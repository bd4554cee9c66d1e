//! A person is erased: nothing of them is left, and they do not come back.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::{Desk, Done, writes};

const MAIL: &str = "canary.bird@trace.example";
/// What must be nowhere: in HubSpot's spelling, in Salesforce's, and as we write numbers.
const TRACES: [&str; 6] =
    ["Canarybird", "Canaria", "canary.bird", "7946 0911", "2079460911", "Canary Cage Co"];

/// Starts a sandbox with the canary and others, syncs, and lets the canary make history.
fn desk(options: &[&str]) -> Desk {
    let folder = tempfile::TempDir::new().unwrap();
    let head = "FirstName,LastName,Email,Phone,Company\n";
    let other = "Ida,Herbst,ida@one.example,,\nUwe,Lenz,uwe@two.example,020 7946 0012,\n";
    let canary = format!("Canaria,Canarybird,{MAIL},020 7946 0911,Canary Cage Co\n");
    std::fs::write(folder.path().join("left.csv"), format!("{head}{canary}{other}")).unwrap();
    std::fs::write(folder.path().join("right.csv"), head).unwrap();
    let load = ["--load", "hubspot=left.csv", "--load", "salesforce=right.csv"];
    let desk = Desk::at(folder, &[&load[..], options].concat());
    desk.sync();
    for (account, title) in [(HubSpot, "Canarybird tamer"), (Salesforce, "Canarybird keeper")] {
        desk.edit(account, MAIL, "jobtitle", title);
    }
    desk.edit(HubSpot, MAIL, "lastname", "Canarybird-Smith");
    desk.sync();
    desk
}

/// Returns the traces that are in the files of the store.
fn traces(desk: &Desk) -> Vec<&'static str> {
    let mut bytes = Vec::new();
    for name in ["crm.db", "crm.db-wal", "crm.db-shm", "crm.db.lock"] {
        bytes.extend(std::fs::read(desk.file(name)).unwrap_or_default());
    }
    traces_in(&bytes)
}

fn traces_in(bytes: &[u8]) -> Vec<&'static str> {
    let has = |trace: &&str| bytes.windows(trace.len()).any(|part| part == trace.as_bytes());
    TRACES.into_iter().filter(has).collect()
}

/// Runs a command that tells all it can on stderr; nothing of the canary may be there.
#[track_caller]
fn quiet(desk: &Desk, words: &[&str]) -> Done {
    let done = desk.crm(&[&["-vv"], words].concat());
    assert_eq!(traces_in(done.err.as_bytes()), [""; 0], "{done:#?}");
    done
}

fn none() -> Vec<&'static str> {
    Vec::new()
}

#[test]
fn end_to_end_an_erased_person_is_nowhere_and_stays_away() {
    let desk = desk(&[]);
    assert!(traces(&desk).len() >= 5, "{:?}", traces(&desk));
    let plan = desk.crm(&["erase", "contact", MAIL, "--json"]).code(0).json();
    assert_eq!(
        (plan["mode"].as_str(), plan["records"].as_array().unwrap().len()),
        (Some("plan"), 2)
    );
    assert!(desk.contact(HubSpot, MAIL).is_some() && !traces(&desk).is_empty());
    let told = quiet(&desk, &["erase", "contact", MAIL]).code(0);
    assert!(told.out.contains("Nothing was done: --yes does it"), "{told:#?}");

    let done = quiet(&desk, &["erase", "contact", MAIL, "--yes", "--json"]).code(0);
    assert_eq!(traces_in(done.out.as_bytes()), none());
    let erasure = &done.json()["erasure"];
    assert_eq!(erasure["stage"], "done");
    assert_eq!(erasure["fates"]["hubspot"], json!({ "archived": 1 }));
    assert_eq!(traces(&desk), none());
    assert!(desk.contact(HubSpot, MAIL).is_none() && desk.contact(Salesforce, MAIL).is_none());
    let list = desk.crm(&["erase", "--list", "--json"]).code(0).json();
    assert_eq!(
        (list[0]["digests"].as_array().unwrap().len(), &list[0]["stage"]),
        (3, &json!("done"))
    );
    let check = desk.crm(&["audit", "verify", "--json"]).code(0).json();
    assert!(check["broken"].is_null(), "{check}");
    let log = desk.crm(&["audit", "export"]).code(0);
    assert!(log.out.contains("\"erased\"") && traces_in(log.out.as_bytes()).is_empty());

    // The person comes back by hand: left alone, counted, and still nowhere.
    let fields = json!({ "firstname": "Canaria", "lastname": "Canarybird", "email": MAIL });
    desk.ask("POST", "/hubspot/records/contacts", &fields);
    let report = quiet(&desk, &["sync", "--json"]).code(0).json();
    assert_eq!((writes(&report), &report["kinds"]["contact"]["skip"]["erased"]), (0, &json!(1)));
    assert!(desk.contact(Salesforce, MAIL).is_none());
    assert_eq!(traces(&desk), none());
    let checked = desk.crm(&["verify", "--json"]).code(0).json();
    let side = &checked["kinds"]["contact"]["connections"]["hubspot"];
    assert_eq!(side["known"]["erased"], 1);
    desk.crm(&["erase", "contact", MAIL, "--yes"]).failed("nobody is known", "hubspot:101");
}

#[test]
fn end_to_end_records_can_be_kept_by_option_and_by_configuration() {
    let desk = desk(&[]);
    desk.write("crm.toml", "[erase]\nrecords = \"keep\"\n");
    let plan = desk.crm(&["erase", "contact", MAIL, "--json"]).code(0).json();
    assert_eq!(plan["records"][0]["fate"], "kept");
    std::fs::remove_file(desk.file("crm.toml")).unwrap();
    quiet(&desk, &["erase", "contact", MAIL, "--yes", "--keep-records"]).code(0);
    assert_eq!(traces(&desk), none());
    desk.edit(HubSpot, MAIL, "jobtitle", "Canarybird again");
    let report = quiet(&desk, &["sync", "--json"]).code(0).json();
    assert_eq!(writes(&report), 0);
    assert_eq!(desk.contact(Salesforce, MAIL).unwrap().get("jobtitle"), "Canarybird tamer");
    assert_eq!(traces(&desk), none());
}

fn total(desk: &Desk) -> u64 {
    desk.requests("hubspot") + desk.requests("salesforce")
}

/// `kill -9` at several moments of an erasure: what was begun is ended by the next command.
#[test]
fn kill_in_the_middle_of_an_erasure_is_mended_by_the_next_run() {
    for (after, next) in
        [(0, ["sync", "--yes"]), (1, ["erase", "--resume"]), (2, ["sync", "--yes"])]
    {
        let desk = desk(&["--latency", "150"]);
        let before = total(&desk);
        let mut child = desk
            .command(&["erase", "contact", MAIL, "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while total(&desk) <= before + after && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let list = desk.crm(&["erase", "--list", "--json"]).code(0).json();
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{after}: {list}");
        quiet(&desk, &next).code(0);
        let list: Value = desk.crm(&["erase", "--list", "--json"]).code(0).json();
        assert_eq!(list[0]["stage"], "done", "{after}: {list}");
        assert!(desk.contact(HubSpot, MAIL).is_none(), "{after}");
        assert!(desk.contact(Salesforce, MAIL).is_none(), "{after}");
        assert_eq!(traces(&desk), none(), "{after}");
        assert!(desk.crm(&["audit", "verify"]).code == Some(0));
    }
}
