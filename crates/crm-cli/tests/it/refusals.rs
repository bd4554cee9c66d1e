//! Each thing that can be wrong gives one clear error and a hint.

use assert_cmd::Command;

fn told(args: &[&str], vars: &[(&str, &str)]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("crm").unwrap();
    command.env_clear().current_dir(folder.path()).args(args);
    for (name, value) in vars {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn nothing_configured() {
    let (code, text) = told(&["check"], &[]);
    assert_eq!(code, 1);
    assert!(text.starts_with("error: no connection is configured"), "{text}");
    assert!(text.contains("\nhint: ") && text.contains("crm demo"), "{text}");
}

#[test]
fn an_empty_variable() {
    let (code, text) = told(&["check"], &[("HUBSPOT_API_KEY", "")]);
    assert_eq!(code, 1);
    assert!(text.contains("error: HUBSPOT_API_KEY is set to nothing"), "{text}");
}

#[test]
fn an_unreachable_host() {
    let vars = [("HUBSPOT_API_KEY", "t"), ("HUBSPOT_BASE_URL", "http://127.0.0.1:9")];
    let file = tempfile::tempdir().unwrap();
    let config = file.path().join("crm.toml");
    std::fs::write(&config, "retry_attempts = 0\n").unwrap();
    let (code, text) = told(&["check", "--config", config.to_str().unwrap()], &vars);
    assert_eq!(code, 1);
    assert!(text.contains("error: hubspot:"), "{text}");
}

#[test]
fn plain_http_to_another_machine() {
    let vars = [("HUBSPOT_API_KEY", "t"), ("HUBSPOT_BASE_URL", "http://crm.example")];
    let (code, text) = told(&["check"], &vars);
    assert_eq!(code, 1);
    assert!(text.contains("plain http") && text.contains("hint:"), "{text}");
}

#[test]
fn an_unknown_key_and_an_unknown_word() {
    let file = tempfile::tempdir().unwrap();
    let config = file.path().join("crm.toml");
    std::fs::write(&config, "primry = \"hubspot\"\n").unwrap();
    let vars = [("HUBSPOT_API_KEY", "t")];
    let (code, text) = told(&["status", "--config", config.to_str().unwrap()], &vars);
    assert_eq!(code, 1);
    assert!(text.contains("crm.toml:1: unknown key `primry`"), "{text}");
    assert!(text.contains("did you mean `primary`?"), "{text}");
    let (code, _) = told(&["snyc"], &[]);
    assert_eq!(code, 2, "wrong usage");
}

#[test]
fn a_bad_line_of_a_csv_file() {
    let file = tempfile::tempdir().unwrap();
    let people = file.path().join("people.csv");
    std::fs::write(&people, "FirstName,LastName,Email\nAna,\"Roy,ana@mail.example\n").unwrap();
    let load = format!("hubspot={}", people.display());
    let (code, text) = told(&["sandbox", "--port-base", "0", "--load", &load], &[]);
    assert_eq!(code, 1);
    assert!(text.contains("people.csv:2:") && text.contains("hint:"), "{text}");
}
