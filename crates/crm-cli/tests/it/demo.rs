//! The README's first command.

use assert_cmd::Command;

#[test]
fn end_to_end_the_demo_agrees_and_falls_silent() {
    let done = Command::cargo_bin("crm")
        .unwrap()
        .args(["demo", "--people", "120", "--seed", "7", "--json"])
        .assert()
        .success();
    let report: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(report["differences"].as_array().unwrap().len(), 0);
    let rounds = report["rounds"].as_array().unwrap();
    let writes = |round: &serde_json::Value| {
        let contacts = &round["kinds"]["contact"];
        contacts["created"].as_u64().unwrap() + contacts["updated"].as_u64().unwrap()
    };
    assert_eq!(rounds.len(), 3);
    assert!(writes(&rounds[0]) > 30, "the first round has work to do");
    assert_eq!(writes(&rounds[1]), 6, "eight edits, two of which clash");
    assert_eq!(writes(&rounds[2]), 0, "the third round is silent");
    assert_eq!(rounds[1]["conflicts"].as_array().unwrap().len(), 2);
}
