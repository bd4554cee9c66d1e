//! Everything that commonly goes wrong: one clear `error:` line, a `hint:` that can be followed,
//! and a store that stays usable.

use std::net::TcpListener;

use tempfile::TempDir;

use crate::accounts::Salesforce;
use crate::desk::{Desk, Done, command, run, writes};

/// Runs `crm` without a sandbox in a folder with one file.
fn alone(config: &str, words: &[&str]) -> Done {
    let folder = TempDir::new().unwrap();
    if !config.is_empty() {
        std::fs::write(folder.path().join("crm.toml"), config).unwrap();
    }
    run(command(folder.path()).args(words))
}

const BOTH: &str = "\
[connections.hubspot]
access_token = \"word\"
[connections.salesforce]
client_id = \"word\"
client_secret = \"word\"
";

#[test]
fn nothing_configured_says_where_to_begin() {
    for command in ["check", "plan", "sync"] {
        alone("", &[command]).failed("no connection is configured", "HUBSPOT_API_KEY");
    }
    alone("", &["status"]).failed("there is no store at crm.db", "crm plan");
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("crm.db"), "").unwrap();
    let status = run(command(folder.path()).arg("status"));
    status.failed("there is no store at crm.db", "crm plan");
}

#[test]
fn a_missing_variable_is_named_with_its_place() {
    let config = "[connections.hubspot]\naccess_token = \"${HUBSPOT_TOKEN_OF_NOBODY}\"\n";
    let done = alone(config, &["plan"]);
    done.failed("crm.toml:2: `access_token` refers to HUBSPOT_TOKEN_OF_NOBODY", "export HUBSPOT");
    let empty = TempDir::new().unwrap();
    let mut plan = command(empty.path());
    run(plan.env("HUBSPOT_API_KEY", "").arg("plan"))
        .failed("HUBSPOT_API_KEY is set to nothing", "");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let done = alone(&format!("conflict_resolutoin = \"manual\"\n{BOTH}"), &["plan"]);
    done.failed("crm.toml:1: unknown key `conflict_resolutoin`", "`conflict_resolution`");
    let done = alone(&format!("{BOTH}acces_token = \"word\"\n"), &["plan"]);
    done.failed("crm.toml:6: unknown key `acces_token` in [connections.sales", "`access_token`");
}

#[test]
fn all_problems_of_a_configuration_are_told_at_once() {
    let config = format!("primary = \"nobody\"\nbatch_size = 0\n{BOTH}[data_flow.people]\n");
    let done = alone(&config, &["check"]).code(1);
    let errors: Vec<&str> = done.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 3, "{}", done.err);
    let incomplete = "[connections.hubspot]\n[connections.salesforce]\nclient_id = \"word\"\n";
    let done = alone(incomplete, &["check"]).code(1);
    let errors: Vec<&str> = done.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "one for each connection: {}", done.err);
    assert_eq!(done.err.matches("hint: ").count(), 2, "{}", done.err);
}

#[test]
fn files_that_are_not_there_are_named() {
    alone(BOTH, &["--config", "other.toml", "plan"]).failed("other.toml", "--config");
    alone(BOTH, &["--env-file", "other.env", "plan"]).failed("other.env", "sandbox.env");
    alone("primary = ", &["plan"]).failed("crm.toml:1: not TOML", "docs/configuration.md");
    alone(BOTH, &["status"]).failed("there is no store at", "crm plan");
    alone("", &["sandbox", "--load", "hubspot=none.csv"]).failed("none.csv", "CSV");
    alone("", &["sandbox", "--load", "none.csv"]).misused("PROVIDER=FILE.csv", "hubspot=");
    alone("", &["sandbox", "--providers", "nimble"]).misused("nimble", "hubspot, salesforce");
    alone("", &["sandbox", "--faults", "rainy"]).misused("rainy", "rough");
}

#[test]
fn one_connection_is_too_few() {
    let config = "[connections.hubspot]\naccess_token = \"word\"\n";
    alone(config, &["sync", "--yes"]).failed("at least two connections", "second connection");
}

#[test]
fn whoever_sets_variables_is_told_of_variables() {
    let crm = |file: &str, variables: &[(&str, &str)]| {
        let folder = TempDir::new().unwrap();
        if !file.is_empty() {
            std::fs::write(folder.path().join("crm.toml"), file).unwrap();
        }
        let done = run(command(folder.path()).args(["plan"]).envs(variables.iter().copied()));
        assert!(!folder.path().join("crm.db").exists(), "no store is made: {done:#?}");
        done
    };
    let hubspot = ("HUBSPOT_API_KEY", "word");
    let id = ("SALESFORCE_CLIENT_ID", "word");
    let secret = ("SALESFORCE_CLIENT_SECRET", "word");
    let bad = ("HUBSPOT_BASE_URL", "nowhere");
    let told = "hubspot: HUBSPOT_BASE_URL is not a URL";
    crm("", &[hubspot, id, secret, bad]).failed(told, "set HUBSPOT_BASE_URL to");
    crm(BOTH, &[bad]).failed(told, "set HUBSPOT_BASE_URL to");
    crm("", &[hubspot, id]).failed("SALESFORCE_CLIENT_SECRET is missing", "SALESFORCE_CLIENT_ID");
    let incomplete = BOTH.replace("client_secret = \"word\"\n", "");
    crm(&incomplete, &[]).failed(": client_secret is missing", "set client_id with");
    let wanted = "SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, or ZOHO_CLIENT_ID and";
    crm("", &[hubspot]).failed("only the variables of hubspot are set", wanted);
    crm("", &[id, secret]).failed("only the variables of salesforce", "set HUBSPOT_API_KEY, or");
    let all = "(HUBSPOT_API_KEY; PIPEDRIVE_API_TOKEN; SALESFLARE_API_KEY; SALES";
    crm("", &[]).failed("no connection is", all);
}

#[test]
fn a_bad_line_of_a_csv_file_is_named_with_its_reason() {
    let folder = TempDir::new().unwrap();
    let text = "FirstName,LastName,Email\nAda,Byron,ada@byron.example\nGrace,Hopper\n";
    std::fs::write(folder.path().join("people.csv"), text).unwrap();
    let words = ["sandbox", "--port-base", "0", "--load", "hubspot=people.csv"];
    let done = run(command(folder.path()).args(words));
    done.failed("people.csv:3: 2 columns where the first line has 3", "FirstName");
    assert!(!folder.path().join("sandbox.env").exists(), "nothing was started");
}

#[test]
fn a_taken_port_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    alone("", &["sandbox", "--port-base", &port]).failed(&port, "--port-base");
}

#[test]
fn end_to_end_a_wrong_token_is_told_and_leaves_the_store_usable() {
    let desk = Desk::with(&["--people", "20"]);
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    desk.sync();
    let env = std::fs::read_to_string(desk.file("sandbox.env")).unwrap();
    desk.write("wrong.env", &env.replace("sandbox-hubspot-token", "another-word"));
    for words in [["check", "--json"], ["plan", "--json"], ["sync", "--yes"]] {
        let done = run(command(desk.folder.path()).args(["--env-file", "wrong.env"]).args(words));
        done.failed("hubspot", "HUBSPOT_API_KEY");
        assert!(!done.err.contains("another-word") && !done.out.contains("another-word"));
    }
    let status = run(command(desk.folder.path()).args(["status", "--json"])).code(0).json();
    assert_eq!(status["runs"][0]["status"], "failed", "a store is read without credentials");
    assert_eq!(writes(&desk.sync()), 0);
}

#[test]
fn end_to_end_a_host_that_nobody_answers_at_is_told_and_leaves_the_store_usable() {
    let desk = Desk::with(&["--people", "20"]);
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    desk.sync();
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let nowhere = format!("http://127.0.0.1:{port}");
    desk.write("away.env", &format!("SALESFORCE_BASE_URL={nowhere}\n"));
    let words = ["--env-file", "away.env", "sync", "--yes"];
    desk.crm(&words).failed("salesforce", "");
    let status = desk.crm(&["status", "--json"]).code(0).json();
    let reason = status["runs"][0]["error"].as_str().unwrap();
    assert!(reason.contains("salesforce"), "{status:#}");
    desk.write("far.env", "SALESFORCE_BASE_URL=http://crm.far.example\n");
    desk.crm(&["--env-file", "far.env", "sync", "--yes"]).failed("http", "https");
    assert_eq!(writes(&desk.sync()), 0);
}

#[test]
fn end_to_end_a_missing_uid_field_is_refused_until_it_is_mended() {
    let desk = Desk::with(&["--people", "20", "--bare"]);
    desk.crm(&["sync", "--yes"]).failed("crm_sync_uid", "crm check --fix");
    desk.crm(&["plan"]).failed("crm_sync_uid", "crm check --fix");
    let check = desk.crm(&["check", "--json"]).code(1);
    let found = check.json();
    assert!(found[0]["findings"].as_array().unwrap().iter().any(|f| f["blocking"] == true));
    assert!(check.err.contains("hint: "), "{}", check.err);
    let mended = desk.crm(&["check", "--fix", "--json"]).code(0).json();
    for connection in mended.as_array().unwrap() {
        assert!(!connection["fixed"].as_array().unwrap().is_empty(), "{mended:#}");
        assert!(connection["findings"].as_array().unwrap().is_empty(), "{mended:#}");
    }
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    desk.sync();
    desk.agree();
    assert!(!desk.contacts(Salesforce).is_empty());
}

#[test]
fn end_to_end_a_read_only_database_is_told_and_stays_whole() {
    let desk = Desk::with(&["--people", "20"]);
    desk.write("crm.toml", "[data_flow.contacts.required_default]\nlast_name = \"(none)\"\n");
    desk.sync();
    let file = desk.file("crm.db");
    let writable = std::fs::metadata(&file).unwrap().permissions();
    let mut locked = writable.clone();
    locked.set_readonly(true);
    std::fs::set_permissions(&file, locked).unwrap();
    desk.crm(&["sync", "--yes"]).failed("crm.db", "permission");
    desk.crm(&["plan"]).failed("crm.db", "permission");
    std::fs::set_permissions(&file, writable).unwrap();
    assert_eq!(writes(&desk.sync()), 0);
    desk.write("text.db", "this is a letter and no database, and it is long enough to be read\n");
    desk.write("crm.toml", "[store]\nsqlite = \"text.db\"\n");
    desk.crm(&["sync", "--yes"]).failed("not a database", "another file");
    desk.write("crm.toml", "[store]\nsqlite = \"nowhere/crm.db\"\n");
    desk.crm(&["sync", "--yes"]).failed("nowhere", "directory");
}

#[test]
fn end_to_end_two_syncs_at_once_are_one_too_many() {
    let desk = Desk::with(&["--people", "100", "--latency", "150"]);
    let mut first =
        desk.command(&["sync", "--yes"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    while desk.requests("hubspot") < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    desk.crm(&["sync", "--yes"]).failed("another crm process", "wait");
    let status = desk.crm(&["status", "--json"]).code(0).json();
    assert_eq!(status["runs"][0]["status"], "running", "status works while a sync runs");
    let code = first.wait().unwrap().code();
    assert_eq!(code, Some(3), "five people have no last name");
}

#[cfg(target_os = "linux")]
#[test]
fn end_to_end_data_that_cannot_be_written_is_no_success() {
    let desk = Desk::with(&["--people", "20"]);
    let plan = desk.crm(&["plan"]).code(0);
    let next = "Approve with: crm --env-file sandbox.env sync\n";
    assert!(plan.err.ends_with(next), "the line can be pasted: {}", plan.err);
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    for words in [&["status"][..], &["status", "--json"], &["--help"], &["check", "--json"]] {
        run_into(desk.command(words).stdout(full())).failed("cannot be written", "space");
    }
    // A reader that went away has seen what it wanted.
    for words in [&["status", "--json"][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = run_into(desk.command(words).stdout(writer)).code(0);
        assert_eq!(done.err, "");
    }
}

/// Runs a command whose stdout is its own affair.
#[cfg(target_os = "linux")]
fn run_into(command: &mut std::process::Command) -> Done {
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code(),
        out: String::new(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
