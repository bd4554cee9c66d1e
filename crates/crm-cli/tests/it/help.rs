//! What `--help` says to somebody who has never seen the project.

use std::collections::BTreeSet;

use tempfile::TempDir;

use crate::desk::{Done, command, run};

fn crm(words: &[&str]) -> Done {
    run(command(TempDir::new().unwrap().path()).args(words))
}

#[test]
fn help_names_every_command_and_where_to_begin() {
    let help = crm(&["--help"]).code(0);
    for word in ["demo", "sandbox", "check", "plan", "sync", "status", "--config", "--env-file"] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    assert!(help.out.contains("HUBSPOT_API_KEY"), "where to begin");
    assert!(help.out.contains("Exit codes: 0 ok"), "{}", help.out);
    assert_eq!(help.err, "", "help is data");
}

#[test]
fn help_of_every_command_says_what_each_option_is_for() {
    let commands = [
        ("demo", &["--people", "--seed", "--json"][..]),
        (
            "sandbox",
            &[
                "--providers",
                "--people",
                "--seed",
                "--load",
                "--port-base",
                "--latency",
                "--faults",
                "--bare",
            ],
        ),
        ("check", &["--fix", "--json"]),
        ("plan", &["--json"]),
        ("sync", &["--yes", "--json"]),
        ("status", &["--json"]),
    ];
    for (command, options) in commands {
        let help = crm(&[command, "--help"]).code(0);
        for option in options {
            let lines: Vec<&str> = help.out.lines().collect();
            let at = lines.iter().position(|line| line.contains(option));
            let at = at.unwrap_or_else(|| panic!("{command} {option}: {}", help.out));
            let words = lines[at].split_whitespace().count();
            assert!(words > 3, "{command} {option} is explained: {}", lines[at]);
            assert!(lines[at].chars().count() <= 100, "{}", lines[at]);
        }
    }
}

#[test]
fn wrong_usage_ends_with_two_and_says_what_is_near() {
    let misspelt = crm(&["snyc"]).code(2);
    assert!(misspelt.err.contains("'sync'"), "{}", misspelt.err);
    assert_eq!(misspelt.out, "");
    crm(&[]).code(2);
    crm(&["sync", "--yse"]).code(2);
    crm(&["sandbox", "--people", "many"]).code(2);
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = crm(&["--version"]).code(0);
    assert_eq!(version.out.trim(), format!("crm {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_has_its_own_text() {
    let texts: BTreeSet<String> = ["demo", "sandbox", "check", "plan", "sync", "status"]
        .iter()
        .map(|name| crm(&[name, "--help"]).out.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(texts.len(), 6, "{texts:?}");
}
