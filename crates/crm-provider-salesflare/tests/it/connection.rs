//! What an account lacks, what its stages mean, and what the settings say.

use crm_core::{ErrorKind, Field, ObjectKind, Repair};
use crm_testkit::contract::provider::Credentials;
use crm_testkit::dialect::salesflare::{OwnFields, SalesflareOptions};
use crm_testkit::fake::Fake as _;
use http::Method;
use serde_json::json;

use crate::room;

fn bare() -> SalesflareOptions {
    SalesflareOptions { fields: OwnFields::Bare, ..SalesflareOptions::default() }
}

/// A new account lacks our fields: it says so, makes them on request, and is then complete.
#[tokio::test]
async fn what_is_missing_is_told_and_made() {
    let (harness, _) = room::with(bare());
    let provider = harness.provider();
    let account = provider.probe().await.unwrap();
    let blocking = account.findings.iter().filter(|finding| finding.blocking);
    let kinds: Vec<ObjectKind> = blocking.map(|finding| finding.kind).collect();
    assert_eq!(kinds, [ObjectKind::Company, ObjectKind::Contact, ObjectKind::Deal]);
    let deals = provider.capabilities().object(ObjectKind::Deal).unwrap().clone();
    assert_eq!(deals.rule(Field::DESCRIPTION), None, "it takes no part");
    for finding in account.findings.iter().filter(|finding| finding.repair.is_some()) {
        provider.repair(finding).await.unwrap();
        // Twice is no error.
        provider.repair(finding).await.unwrap();
    }
    assert_eq!(provider.probe().await.unwrap().findings, []);
    let deals = provider.capabilities().object(ObjectKind::Deal).unwrap().clone();
    assert!(deals.rule(Field::DESCRIPTION).is_some());
}

/// Without the field for our id no record is at fault.
#[tokio::test]
async fn a_create_without_our_field_is_refused_for_the_account() {
    let (harness, _) = room::with(bare());
    let provider = harness.provider();
    let error = harness.apply_one(&provider, harness.create(0)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Permanent);
    assert!(error.hint().unwrap().contains("--fix"));
}

/// Nothing else is made.
#[tokio::test]
async fn other_fields_are_not_made() {
    let harness = room::harness();
    let provider = harness.provider();
    let finding = crm_core::Finding {
        kind: ObjectKind::Contact,
        message: String::new(),
        hint: String::new(),
        repair: Some(Repair::Field("email")),
        blocking: false,
    };
    let refused = provider.repair(&finding).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Unsupported);
    assert_eq!(harness.requests(""), 0);
}

/// A stage of an unknown name blocks deals until it is given a meaning, by id or by name.
#[tokio::test]
async fn a_stage_needs_a_meaning() {
    let (harness, fake) = room::of(room::deal(), SalesflareOptions::default());
    let body = [("name".to_owned(), json!("On hold"))].into_iter().collect();
    let made = fake.lever(&Method::POST, &["stages"], &body).unwrap().unwrap();
    let id = made["id"].as_str().unwrap();
    let blocked = harness.provider().probe().await.unwrap();
    let finding = blocked.findings.iter().find(|finding| finding.blocking).unwrap();
    assert!(finding.message.contains("On hold") && finding.hint.contains(id), "{finding:?}");
    for name in [id, "On hold"] {
        let settings = json!({ "api_key": "sandbox-salesflare-key", "stages": { name: "new" } });
        let provider = room::open(&harness.way(Credentials::Right), &settings).unwrap();
        let account = provider.probe().await.unwrap();
        assert!(account.findings.iter().all(|finding| !finding.blocking), "{account:?}");
    }
    let settings = json!({ "api_key": "k", "stages": { "On hold": "asleep" } });
    let error = room::open(&harness.way(Credentials::Right), &settings).unwrap_err();
    assert!(error.message().contains("asleep"), "{error}");
}

/// Settings that cannot work are refused when the connection is opened.
#[tokio::test]
async fn settings_are_checked() {
    let harness = room::harness();
    let way = harness.way(Credentials::Right);
    let error = room::open(&way, &json!({})).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.hint().unwrap().contains("SALESFLARE_API_KEY"));
    let error = room::open(&way, &json!({ "api_kee": "k" })).unwrap_err();
    assert!(error.message().contains("api_kee"), "{error}");
    assert_eq!(harness.requests(""), 0);
}
