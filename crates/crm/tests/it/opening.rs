//! From settings to a system.

use crm::prelude::*;
use crm::{OpenError, connect};
use tempfile::TempDir;

fn settings(text: &str) -> Settings {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("crm.toml");
    std::fs::write(&path, text).unwrap();
    let settings = Settings::load(Some(&path), &[]).unwrap();
    // The store lies beside the file, in a folder that stays for this test.
    Settings { database: folder.keep().join("crm.db"), ..settings }
}

const TWO: &str = "\
[connections.hubspot]
access_token = \"word\"
rate_limits = { requests_per_second = 10, requestsPerMinute = 150 }
[connections.salesforce]
access_token = \"word\"
instance_url = \"https://org.my.crm.example\"
";

#[test]
fn a_system_is_opened_without_a_request() {
    let settings = settings(TWO);
    let system = crm::open(&settings).unwrap();
    let names: Vec<&str> = system.providers.iter().map(|p| p.id().as_str()).collect();
    assert_eq!(names, ["hubspot", "salesforce"], "by rank");
    assert!(system.providers.iter().all(|provider| provider.usage().requests() == 0));
    let quotas = system.providers[0].capabilities().quotas.clone();
    let paces: Vec<_> = quotas.iter().filter(|q| q.name.starts_with("requests_per")).collect();
    let limits: Vec<_> = paces.iter().map(|quota| (quota.limit, quota.window.as_secs())).collect();
    assert_eq!(limits, [(10, 1), (150, 60)], "both windows hold beside the vendor's own");
    let folder = settings.database.parent().unwrap();
    drop(system);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_connection_that_cannot_be_opened_is_told() {
    let settings = settings(
        "[connections.hubspot]\nclient_id = \"word\"\n[connections.salesforce]\n\
         access_token = \"hush\"\n[connections.other]\nprovider = \"hubspot\"\n\
         access_token = \"hush\"\nbase_url = \"http://crm.far.example\"\n",
    );
    let error = connect(&settings, &crm::clock(&settings)).unwrap_err();
    assert!(matches!(&error, OpenError::Connections(errors) if errors.len() == 3), "{error}");
    for (message, hint) in error.problems() {
        assert!(hint.is_some(), "{message} has a hint");
        assert!(!message.contains("hush"), "{message}");
    }
    std::fs::remove_dir_all(settings.database.parent().unwrap()).unwrap();
}

#[test]
fn one_connection_is_too_few_for_a_system() {
    let settings = settings("[connections.hubspot]\naccess_token = \"word\"\n");
    let error = crm::open(&settings).unwrap_err();
    assert!(error.to_string().contains("at least two"), "{error}");
    std::fs::remove_dir_all(settings.database.parent().unwrap()).unwrap();
}

#[test]
fn the_registry_has_what_the_features_ask_for() {
    let names: Vec<&str> = crm::registry().iter().map(|room| room.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for room in crm::registry() {
        assert!(room.variables.iter().all(|variable| room.keys.contains(&variable.key)));
        let start = format!("{}_", room.name.to_uppercase());
        assert!(room.variables.iter().all(|variable| variable.env.starts_with(&start)));
        assert!(room.keys.contains(&"base_url"), "{} can be pointed at a sandbox", room.name);
    }
}
