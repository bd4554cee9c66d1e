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
    for word in [
        "demo",
        "sandbox",
        "check",
        "plan",
        "apply",
        "sync",
        "status",
        "conflicts",
        "--config",
        "--env-file",
    ] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    assert!(help.out.contains("HUBSPOT_API_KEY"), "where to begin");
    let codes = help.out.split("Exit codes: ").nth(1).unwrap();
    let codes = codes.split_whitespace().collect::<Vec<_>>().join(" ");
    let document = include_str!("../../../../docs/configuration.md");
    for (code, meaning) in [
        (0, "done"),
        (1, "failed"),
        (2, "wrong usage"),
        (3, "done, and something is left: open conflicts, parked records, work that waits"),
    ] {
        assert!(codes.contains(&format!("{code} {meaning}")), "{code}: {codes}");
        assert!(document.contains(&format!("| {code} | {meaning}")), "{code}: the same there");
    }
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
        ("plan", &["--out", "--json"]),
        ("apply", &["--yes", "--max-deletes", "--json"]),
        ("sync", &["--yes", "--json"]),
        ("status", &["--json"]),
        ("conflicts", &["list", "show", "resolve"]),
        ("explain", &["--json"]),
        ("undo", &["--plan", "--json"]),
        ("audit", &["--limit", "--json"]),
        ("problems", &["--class", "--json"]),
        ("runs", &["--limit", "--json"]),
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
    crm(&["synk"]).misused("'synk'", "did you mean `sync`?");
    crm(&["sync", "--yess"]).misused("'--yess'", "did you mean `--yes`?");
    crm(&["--cofnig", "a.toml", "sync"]).misused("'--cofnig'", "did you mean `--config`?");
    crm(&["status", "foo"]).misused("'foo'", "see `crm status --help`");
    crm(&["--config"]).misused("a value is required for '--config <FILE>'", "see `crm --help`");
    crm(&["sandbox", "--load", "hubspto=a.csv"]).misused("`hubspto`", "hubspot, salesforce");
    let bare = crm(&[]).code(2);
    assert!(bare.err.contains("Usage: crm"), "the whole help: {}", bare.err);
}

#[test]
fn numbers_that_cannot_be_are_refused_before_anything_starts() {
    let sandbox = |option: &str, value: &str, told: &str| {
        crm(&["sandbox", option, value]).misused(told, "see `crm sandbox --help`");
    };
    for value in ["abc", "-1", "99999999999", "1000001", "99999999999999999999999"] {
        sandbox("--people", value, "a whole number from 0 to 1000000");
    }
    sandbox("--port-base", "80000", "a whole number from 0 to 65529");
    sandbox("--port-base", "65530", "a whole number from 0 to 65529");
    sandbox("--seed", "-1", "a whole number");
    sandbox("--latency", "1.5", "a whole number");
    let demo = |value: &str, told: &str| {
        crm(&["demo", "--people", value]).misused(told, "see `crm demo --help`");
    };
    demo("0", "a demo needs at least 1 person");
    demo("-1", "a whole number from 1 to 1000000");
    demo("1000001", "a whole number from 1 to 1000000");
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = crm(&["--version"]).code(0);
    assert_eq!(version.out.trim(), format!("crm {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_has_its_own_text() {
    let texts: BTreeSet<String> =
        ["demo", "sandbox", "check", "plan", "apply", "sync", "status", "conflicts"]
            .iter()
            .map(|name| crm(&[name, "--help"]).out.lines().next().unwrap().to_owned())
            .collect();
    assert_eq!(texts.len(), 8, "{texts:?}");
}
