//! Files and variables, good and bad.
#![cfg(all(feature = "hubspot", feature = "salesforce"))]

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
    assert_eq!(settings.time, None);
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

/// The original guide's configuration, with the connections of this release.
const GUIDE: &str = r#"{
  "primary": "hubspot", "secondary": ["salesforce"],
  "syncStrategy": "real-time", "conflictResolution": "primary_wins", "syncInterval": 300000,
  "retryAttempts": 3, "batchSize": 100, "enableWebhooks": true,
  "connections": {
    "hubspot": {"apiKey": "word", "rateLimits": {"requestsPerSecond": 10}},
    "salesforce": {"clientId": "word", "clientSecret": "word", "environment": "production"}
  },
  "dataFlow": {
    "contacts": {"enabled": true, "direction": "bidirectional",
      "fields": ["firstName", "lastName", "email", "phone", "company"]},
    "activities": {"enabled": true, "direction": "to_primary", "fields": ["type", "subject"]}
  },
  "notifications": {"syncComplete": true, "conflicts": true}
}"#;

#[test]
fn the_guides_own_form_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.json");
    std::fs::write(&path, GUIDE).unwrap();
    let settings = Settings::load(Some(&path), &[]).unwrap();
    assert_eq!(settings.strategy, Strategy::RealTime);
    assert_eq!((settings.retry_attempts, settings.sync_interval_ms), (Some(3), 300_000));
    assert_eq!(settings.flows.len(), 2);
    let activities = settings.flows.iter().find(|flow| flow.kind == ObjectKind::Activity).unwrap();
    assert_eq!((activities.enabled, activities.direction), (true, Direction::ToPrimary));
    assert!(settings.notes.iter().any(|note| note.contains("notifications")));
    let hubspot = &settings.connections[&ProviderId::new("hubspot")];
    assert_eq!(hubspot.settings["access_token"], "word");
    assert_eq!(hubspot.quotas["requests_per_second"], 10);
    std::fs::write(&path, GUIDE.replace("\"batchSize\": 100,", "\"batchSize\" 100,")).unwrap();
    let error = Settings::load(Some(&path), &[]).unwrap_err();
    assert!(error.problems[0].place.as_ref().unwrap().ends_with("crm.json:4"), "{error}");
}

#[test]
fn a_problem_is_placed_in_its_own_table() {
    let text = format!(
        "{TWO}[data_flow.deals]\nfields = [\"title\"]\n[data_flow.contacts]\n\
         fields = [\"fristName\"]\npolicy = {{ phone = \"newest\" }}\n[connections.x]\n"
    );
    let error = load(&text, &[("TEST_TOKEN", "t")]).unwrap_err();
    let told: Vec<String> = error
        .problems
        .iter()
        .map(|p| format!("{} {} {}", p.place.clone().unwrap_or_default(), p.message, p.hint))
        .collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    let about = |word: &str| told.iter().find(|line| line.contains(word)).unwrap();
    assert!(about("fristName").contains("crm.toml:10 "), "{told:#?}");
    assert!(about("fristName").contains("`first_name`"), "{told:#?}");
    assert!(about("newest").contains("crm.toml:11 "), "{told:#?}");
    assert!(about("provider of this build").contains("crm.toml:12 "), "{told:#?}");
}

/// Returns the line and the message of every problem.
fn told(text: &str) -> Vec<String> {
    let error = load(text, &[("TEST_TOKEN", "t")]).unwrap_err();
    let line = |place: &Option<String>| {
        let place = place.as_deref().unwrap_or_default();
        place.rsplit(':').next().unwrap_or_default().to_owned()
    };
    error.problems.iter().map(|p| format!("{}: {}", line(&p.place), p.message)).collect()
}

#[test]
fn a_kind_is_told_about_once_by_either_name() {
    let both = "[data_flow.contacts]\nfields = [\"email\"]\n[data_flow.contact]\nenabled = false\n";
    let twice = "[data_flow.contact] and [data_flow.contacts] are about the same kind";
    assert_eq!(told(&format!("{both}{TWO}")), [format!("3: {twice}")]);
    let keys = "batch_size = 3\nretry_attempts = 3\nbatchSize = 4\n";
    assert_eq!(told(&format!("{keys}{TWO}")), ["3: `batch_size` is there twice"]);
    let sections = format!("[store]\nsqlite = \"a.db\"\n{TWO}client_id = \"id\"\n");
    let twice = "9: `client_id` is there twice in [connections.salesforce]";
    assert_eq!(told(&sections.replace("\n\n", "\n# two\n")), [twice]);
}

#[test]
fn problems_of_a_singular_kind_have_their_own_lines_in_order() {
    let text = format!(
        "{TWO}[data_flow.deals]\nfields = [\"title\"]\n[data_flow.contact]\n\
         fields = [\"fristName\"]\ndirection = \"sideways\"\n[data_flow.contact.policy]\n\
         email = \"newest\"\n[store]\nsqlit = \"a.db\"\n"
    );
    assert_eq!(
        told(&text),
        [
            "10: `fields` names `fristName`, which is no field of a contact",
            "11: `direction` cannot be `sideways`",
            "13: `email` cannot be `newest`",
            "15: unknown key `sqlit` in [store]",
        ]
    );
}

#[test]
fn a_number_that_is_too_large_or_too_small_is_shown() {
    let text = "retry_attempts = 99\nbatch_size = 0\nsync_interval_ms = \"soon\"\n";
    assert_eq!(
        told(&format!("{text}{TWO}")),
        [
            "1: `retry_attempts` must be a whole number from 0 to 20, and is 99",
            "2: `batch_size` must be a whole number from 1 to 2000, and is 0",
            "3: `sync_interval_ms` must be a whole number from 1000 to 86400000, and is text",
        ]
    );
    let secret = TWO.replace("\"hush-hush\"", "1234567");
    let told = told(&secret);
    assert_eq!(told, ["6: `client_secret` must be text, and is a whole number"]);
}

#[test]
fn rules_that_always_hold_are_no_policies_but_are_understood() {
    for name in ["merge_fields", "prefer-non-blank", "never_blank"] {
        let text = format!("conflict_resolution = \"{name}\"\n{TWO}");
        let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
        assert_eq!(settings.flows[0].policy, Policy::PrimaryWins);
        assert!(settings.notes[0].contains("always") || settings.notes[0].contains("never beats"));
    }
}

#[test]
fn policies_are_known_by_the_names_that_users_know() {
    let text = format!(
        "[data_flow.contacts]\nfield_direction = {{ city = \"to_primary\" }}\n\
         [data_flow.contacts.policy]\nphone = \"two-way\"\nlast_name = \"always primary\"\n\
         company = \"Prefer primary unless blank\"\nstreet = \"don't sync\"\n\
         email = \"owner:salesforce\"\njob_title = \"merged:longest\"\n\
         website = \"most_complete\"\nstate = \"strict_latest\"\n{TWO}"
    );
    let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
    let flow = &settings.flows[0];
    let policy = |field| flow.field_policy[&field].clone();
    assert_eq!(policy(Field::PHONE), Policy::LatestWins);
    assert_eq!(policy(Field::LAST_NAME), Policy::PrimaryWins);
    assert_eq!(policy(Field::EMAIL), Policy::Owner(ProviderId::new("salesforce")));
    assert_eq!(policy(Field::JOB_TITLE).to_string(), "merged:longest");
    assert_eq!(policy(Field::STATE), Policy::StrictLatest);
    let direction = |field| flow.field_direction.get(&field).copied();
    assert_eq!(direction(Field::LAST_NAME), Some(Direction::FromPrimary));
    assert_eq!(direction(Field::STREET), Some(Direction::Nowhere));
    assert_eq!(direction(Field::CITY), Some(Direction::ToPrimary));
    assert_eq!(direction(Field::COMPANY), None);
}

#[test]
fn policies_that_cannot_be_are_refused() {
    let contacts = "[data_flow.contacts.policy]\n";
    for (line, message) in [
        ("phone = \"merged:sum\"", "`phone` cannot be `merged:sum`"),
        ("phone = \"owner:hubspt\"", "names `hubspt`, which is no connection"),
        ("phone = \"merged:min\"", "`phone` cannot be `merged:min`"),
    ] {
        let told = told(&format!("{contacts}{line}\n{TWO}"));
        assert!(told.len() == 1 && told[0].starts_with("2: "), "{told:?}");
        assert!(told[0].contains(message), "{told:?}");
    }
    let activities = format!("[data_flow.activities.policy]\ntype = \"merged\"\n{TWO}");
    let message = "2: `type` cannot be `merged`: such values cannot be joined so";
    assert_eq!(told(&activities), [message]);
    let both = "policy = { phone = \"always primary\" }\nfield_direction = { phone = \"none\" }\n";
    let told_of = |text: &str| told(&format!("[data_flow.contacts]\n{text}{TWO}"));
    assert_eq!(told_of(both), ["3: `policy` of `phone` and its `field_direction` contradict"]);
    let kind = "direction = \"to_primary\"\npolicy = \"always primary\"\n";
    assert_eq!(told_of(kind), ["3: `policy` = \"always primary\" and `direction` contradict"]);
    let all = told(&format!("conflict_resolution = \"don't sync\"\n{TWO}"));
    assert_eq!(all, ["1: `conflict_resolution` = \"don't sync\" is about single fields"]);
}

#[test]
fn a_word_about_everything_holds_for_every_kind() {
    let text = format!("conflict_resolution = \"always primary\"\n{TWO}");
    let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
    assert_eq!(settings.flows[0].direction, Direction::FromPrimary);
    let text = format!("[data_flow.contacts]\ndirection = \"none\"\n{TWO}");
    let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
    assert!(!settings.flows[0].enabled);
}

#[test]
fn values_of_another_type_are_refused() {
    let cases = [
        ("batch_size = 0", "from 1 to 2000"),
        ("retry_attempts = \"3\"", "whole number"),
        ("enable_webhooks = 1", "true or false"),
        ("default_region = \"Britain\"", "Britain"),
        ("sync_strategy = \"sometimes\"", "`sync_strategy` cannot be `sometimes`"),
        ("secondary = [\"hubspot\"]", "names the primary"),
        ("primary = \"${TEST_TOKEN\"", "without `}`"),
        ("data_flow = 3", "must be a table"),
        ("data_flow.contacts.direction = \"sideways\"", "sideways"),
    ];
    for (line, told) in cases {
        let error = load(&format!("{line}\n{TWO}"), &[("TEST_TOKEN", "t")]).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{line}: {error}");
        assert!(error.to_string().contains(told), "{line}: {error}");
        assert!(error.problems[0].place.as_ref().unwrap().ends_with(":1"), "{error:?}");
        assert!(!error.problems[0].hint.is_empty());
    }
}

#[test]
fn variables_alone_make_settings() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let hubspot = pair("HUBSPOT_API_KEY", "t");
    let salesforce = [pair("SALESFORCE_CLIENT_ID", "t"), pair("SALESFORCE_CLIENT_SECRET", "t")];
    let mut all = vec![hubspot.clone()];
    all.extend(salesforce);
    let settings = Settings::from_variables(&all).unwrap();
    assert_eq!((settings.primary.as_str(), settings.secondary.len()), ("hubspot", 1));
    all.push(pair("CRM_PRIMARY", "salesforce"));
    assert_eq!(Settings::from_variables(&all).unwrap().primary.as_str(), "salesforce");
    let error = Settings::from_variables(&[hubspot, pair("CRM_PRIMARY", "zoho")]).unwrap_err();
    assert!(error.to_string().contains("CRM_PRIMARY names `zoho`"), "{error}");
    let host = pair("HUBSPOT_BASE_URL", "http://127.0.0.1:4701");
    let error = Settings::from_variables(&[host]).unwrap_err();
    assert!(error.to_string().contains("no connection"), "a host alone is none: {error}");
}

#[test]
fn faster_time_is_shared_by_its_origin() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut vars = vec![pair("HUBSPOT_API_KEY", "t"), pair("CRM_TIME_SCALE", "50")];
    vars.push(pair("CRM_TIME_ORIGIN", "2026-11-24T08:00:00Z"));
    let time = Settings::from_variables(&vars).unwrap().time.unwrap();
    assert_eq!((time.factor, time.origin.unwrap().as_second()), (50, 1_795_507_200));
    vars[1].1 = "0".to_owned();
    let error = Settings::from_variables(&vars).unwrap_err();
    assert!(error.to_string().contains("CRM_TIME_SCALE is `0`"), "{error}");
}

#[test]
fn a_table_of_a_connection_reaches_the_room_as_it_is_spelled() {
    let stages =
        "[connections.hubspot.stages]\n\"1183923\" = \"proposal\"\n\"Long Wait\" = \"new\"\n";
    let settings = load(&format!("{TWO}{stages}"), &[("TEST_TOKEN", "t")]).unwrap();
    let hubspot = &settings.connections[&"hubspot".into()].settings;
    let expected = serde_json::json!({ "1183923": "proposal", "Long Wait": "new" });
    assert_eq!(hubspot.get("stages"), Some(&expected));
    let wrong = stages.replace("\"new\"", "7");
    assert!(load(&format!("{TWO}{wrong}"), &[("TEST_TOKEN", "t")]).is_err());
}

/// The text of a contact's company becomes a record only where that is asked for, and only with
/// companies.
#[test]
fn a_company_becomes_a_record_where_that_is_configured() {
    let wanted = |text: &str| {
        let settings = load(&format!("{text}\n{TWO}"), &[("TEST_TOKEN", "t")]).unwrap();
        let contacts = settings.flows.iter().find(|flow| flow.kind == ObjectKind::Contact);
        (contacts.unwrap().company_to_record, settings.notes)
    };
    let both = "[data_flow.companies]\n[data_flow.contacts]\ncompanyToRecord = true";
    assert_eq!(wanted(both), (true, Vec::new()));
    assert!(!wanted("[data_flow.contacts]").0);
    let (_, notes) = wanted("[data_flow.contacts]\ncompany_to_record = true");
    assert!(notes.iter().any(|note| note.contains("[data_flow.companies]")), "{notes:?}");
    let wrong = told("[data_flow.deals]\ncompany_to_record = true\n");
    assert!(wrong.iter().any(|line| line.contains("is about contacts")), "{wrong:?}");
}

/// How much of a day's quota is left to others is a share of it.
#[test]
fn a_share_of_the_quota_is_left_to_others() {
    let reserve = |line: &str| {
        let text =
            TWO.replace("[connections.salesforce]", &format!("{line}\n[connections.salesforce]"));
        let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
        settings.connections[&ProviderId::from("hubspot")].quota_reserve
    };
    assert_eq!((reserve(""), reserve("quota_reserve = 25")), (None, Some(25)));
    let wrong = told("[connections.hubspot]\naccess_token = \"a\"\nquota_reserve = 95\n");
    assert!(wrong.iter().any(|line| line.contains("quota_reserve")), "{wrong:?}");
}

#[test]
fn how_much_a_run_may_do_is_read_and_checked() {
    let text = format!(
        "[guard]\nmax_deletes = 0\nmaxCreates = 500\n\
         [data_flow.deals]\ndeletes = \"archive\"\n[data_flow.contacts]\n{TWO}"
    );
    let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
    let Guard { deletes, creates, updates_per_field } = settings.guard;
    assert_eq!((deletes, creates, updates_per_field), (Some(0), Some(500), None));
    let kinds: Vec<_> = settings.flows.iter().map(|flow| (flow.kind, flow.deletes)).collect();
    assert!(kinds.contains(&(ObjectKind::Deal, Deletes::Archive)), "{kinds:?}");
    assert!(kinds.contains(&(ObjectKind::Contact, Deletes::Unlink)), "{kinds:?}");
    let wrong = told("[guard]\nmax_delete = 5\n[data_flow.contacts]\ndeletes = \"erase\"\n");
    assert!(wrong.iter().any(|line| line.contains("`max_delete`")), "{wrong:?}");
    assert!(wrong.iter().any(|line| line.contains("`deletes` cannot be `erase`")), "{wrong:?}");
}

fn from(vars: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let vars: Vec<(String, String)> =
        vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::from_variables(&vars)
}

#[test]
fn variables_with_a_number_make_further_connections_of_a_provider() {
    let settings = from(&[
        ("HUBSPOT_API_KEY", "one"),
        ("HUBSPOT_BASE_URL", "http://127.0.0.1:1"),
        ("HUBSPOT_2_API_KEY", "two"),
        ("HUBSPOT_2_BASE_URL", "http://127.0.0.1:2"),
        ("SALESFORCE_CLIENT_ID", "id"),
        ("SALESFORCE_3_CLIENT_ID", "third"),
        ("HUBSPOT_4_BASE_URL", "http://127.0.0.1:4"),
    ])
    .unwrap();
    let names: Vec<&str> = settings.connections.keys().map(ProviderId::as_str).collect();
    assert_eq!(names, ["hubspot", "hubspot-2", "salesforce", "salesforce-3"]);
    assert_eq!(settings.primary.as_str(), "hubspot");
    let second = &settings.connections[&ProviderId::new("hubspot-2")];
    assert_eq!(second.provider, "hubspot");
    assert_eq!(second.settings["access_token"], "two");
    assert_eq!(second.settings["base_url"], "http://127.0.0.1:2");
}

#[test]
fn several_connections_of_one_provider_go_where_their_own_variables_say() {
    let text = format!("{TWO}[connections.hubspot-2]\nprovider = \"hubspot\"\napi_key = \"b\"\n");
    let vars = [
        ("TEST_TOKEN", "a"),
        ("HUBSPOT_BASE_URL", "http://127.0.0.1:1"),
        ("HUBSPOT_2_BASE_URL", "http://127.0.0.1:2"),
    ];
    let base = |settings: &Settings, name: &str| {
        settings.connections[&ProviderId::new(name)].settings["base_url"].clone()
    };
    let settings = load(&text, &vars).unwrap();
    assert_eq!(base(&settings, "hubspot"), "http://127.0.0.1:1");
    assert_eq!(base(&settings, "hubspot-2"), "http://127.0.0.1:2");
    let settings = load(&text, &vars[..2]).unwrap();
    assert_eq!(base(&settings, "hubspot-2"), "http://127.0.0.1:1", "never past a sandbox");
}

#[test]
fn a_variable_names_the_kinds_where_no_file_does() {
    let all = ("CRM_KINDS", "company, contact,deals,activity");
    let kinds =
        |settings: Settings| settings.flows.iter().map(|flow| flow.kind).collect::<Vec<_>>();
    let one = ("HUBSPOT_API_KEY", "one");
    assert_eq!(kinds(from(&[one]).unwrap()), [ObjectKind::Contact]);
    assert_eq!(kinds(from(&[one, all]).unwrap()), ObjectKind::ALL);
    let token = ("TEST_TOKEN", "a");
    assert_eq!(kinds(load(TWO, &[token, all]).unwrap()), ObjectKind::ALL);
    let own = format!("{TWO}[data_flow.deals]\n");
    assert_eq!(kinds(load(&own, &[token, all]).unwrap()), [ObjectKind::Deal]);
    let error = from(&[one, ("CRM_KINDS", "company,people")]).unwrap_err();
    assert!(error.to_string().contains("CRM_KINDS names `people`"), "{error}");
    load(TWO, &[token, ("CRM_KINDS", "people")]).unwrap_err();
}

#[test]
fn sweeps_and_erasures_are_configured() {
    let usual = load(TWO, &[("TEST_TOKEN", "t")]).unwrap();
    assert_eq!((usual.sweep_days, usual.erase_records), (7, Records::Delete));
    let text = format!("sweepDays = 0\n[erase]\nrecords = \"keep\"\n{TWO}");
    let settings = load(&text, &[("TEST_TOKEN", "t")]).unwrap();
    assert_eq!((settings.sweep_days, settings.erase_records), (0, Records::Keep));
    let wrong = told("sweep_days = 1000\n[erase]\nrecords = \"burn\"\n");
    assert!(wrong.iter().any(|line| line.contains("`sweep_days` must be")), "{wrong:?}");
    assert!(wrong.iter().any(|line| line.contains("`records` cannot be `burn`")), "{wrong:?}");
}
