//! Files and variables, good and bad.

use super::*;

fn load(text: &str, vars: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let env: Vec<(String, String)> =
        vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let folder =
        std::env::temp_dir().join(format!("crm-config-{}-{:x}", std::process::id(), fnv(text)));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("crm.toml");
    std::fs::write(&path, text).unwrap();
    let settings = Settings::load(Some(&path), &env);
    std::fs::remove_dir_all(&folder).unwrap();
    settings
}

fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

const TWO: &str = r#"
[connections.hubspot]
access_token = "${TEST_TOKEN}"
[connections.salesforce]
clientId = "id"
clientSecret = "hush-hush"
"#;

#[test]
fn a_whole_file_is_read_in_either_spelling() {
    let text = format!(
        r#"
primary = "salesforce"
syncStrategy = "real-time"
syncInterval = 60000
retryAttempts = 5
batchSize = 50
enableWebhooks = true
conflictResolution = "newest_wins"
default_region = "DE"
first_sync = "auto"
[store]
sqlite = "data/crm.db"
[dataFlow.contacts]
direction = "to_primary"
fields = ["firstName", "last_name", "email"]
allow_clear = ["phone"]
required_default = {{ last_name = "Unknown" }}
[dataFlow.contacts.policy]
phone = "manual"
{TWO}"#
    );
    let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
    assert_eq!(settings.primary.as_str(), "salesforce");
    assert_eq!(settings.secondary, ["hubspot".into()]);
    assert_eq!((settings.sync_interval_ms, settings.batch_size), (60_000, Some(50)));
    assert!(settings.database.ends_with("data/crm.db"));
    let flow = &settings.flows[0];
    assert_eq!(flow.direction, Direction::ToPrimary);
    assert_eq!(flow.policy, Policy::LatestWins);
    assert_eq!(flow.field_policy.get(&Field::PHONE), Some(&Policy::Manual));
    assert_eq!(flow.fields.as_ref().unwrap().len(), 3);
    assert_eq!(settings.notes.len(), 2, "what needs `crm serve` is said");
    assert!(!format!("{settings:?}").contains("hush-hush"), "no secret in Debug");
}

#[test]
fn every_problem_is_told_at_once_with_the_nearest_word() {
    let text = format!("primry = \"hubspot\"\nconflict_resolution = \"primary_win\"\n{TWO}");
    let error = load(&text, &[]).unwrap_err();
    let told: Vec<String> =
        error.problems.iter().map(|p| format!("{} | {}", p.message, p.hint)).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told.iter().any(|line| line.contains("primry") && line.contains("`primary`")));
    assert!(told.iter().any(|line| line.contains("TEST_TOKEN, which is not set")));
    assert!(
        told.iter().any(|line| line.contains("primary_win") && line.contains("`primary_wins`"))
    );
    assert!(error.problems[0].place.as_ref().unwrap().ends_with("crm.toml:1"), "{error:?}");
}

#[test]
fn an_address_in_the_environment_points_a_file_at_a_sandbox() {
    let vars = [("TEST_TOKEN", "t"), ("HUBSPOT_BASE_URL", "http://127.0.0.1:4701")];
    let settings = load(TWO, &vars).unwrap();
    let hubspot = &settings.connections[&ProviderId::new("hubspot")];
    assert_eq!(hubspot.settings["base_url"], "http://127.0.0.1:4701");
}

#[test]
fn files_of_variables_are_read_as_a_shell_would() {
    let path = std::env::temp_dir().join(format!("crm-env-{}", std::process::id()));
    std::fs::write(&path, "# sandbox\nexport A='it'\\''s'\nB=\"two words\"\nC=plain\n").unwrap();
    let pairs = read_env_file(&path).unwrap();
    std::fs::write(&path, "nonsense\n").unwrap();
    let error = read_env_file(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let values: Vec<&str> = pairs.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["it's", "two words", "plain"]);
    assert!(error.problems[0].place.as_ref().unwrap().ends_with(":1"));
}
