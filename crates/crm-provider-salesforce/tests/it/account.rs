//! The org: version, missing fields, hidden fields, and making them.

use crm_core::{Feed, Field, ObjectKind, Repair};
use crm_testkit::dialect::salesforce::{OrgFields, SalesforceOptions};
use crm_testkit::fake::Fake as _;
use crm_testkit::fault::{Aim, Fault};

use crate::room::{harness, with};

const KIND: ObjectKind = ObjectKind::Contact;

fn bare() -> SalesforceOptions {
    SalesforceOptions { fields: OrgFields::Bare, ..SalesforceOptions::default() }
}

#[tokio::test]
async fn a_probe_agrees_on_a_version_and_is_cheap_the_second_time() {
    let harness = harness();
    let provider = harness.provider();
    let account = provider.probe().await.unwrap();
    assert_eq!(account.api_version, "67.0");
    assert_eq!(account.findings, []);
    let before = harness.requests("");
    provider.probe().await.unwrap();
    assert_eq!(harness.requests("") - before, 1);
}

#[tokio::test]
async fn what_is_missing_is_found_and_made() {
    let (harness, _fake) = with(bare());
    let provider = harness.provider();
    let account = provider.probe().await.unwrap();
    let repairs: Vec<_> =
        account.findings.iter().map(|finding| (finding.blocking, finding.repair.clone())).collect();
    let company = Repair::Field("Company_Text__c");
    assert_eq!(repairs, [(true, Some(Repair::UidField)), (false, Some(company))]);
    assert!(account.findings.iter().all(|finding| finding.hint.contains("crm check --fix")));
    let capabilities = provider.capabilities();
    assert_eq!(*capabilities.object(KIND).unwrap().suspended, [Field::COMPANY]);
    for finding in &account.findings {
        provider.repair(finding).await.unwrap();
        // Somebody else may have been faster.
        provider.repair(finding).await.unwrap();
    }
    assert_eq!(provider.probe().await.unwrap().findings, []);
    let capabilities = provider.capabilities();
    assert!(capabilities.object(KIND).unwrap().suspended.is_empty());
    let written = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let again = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    assert_eq!(written.id, again.id, "the field is unique");
}

#[tokio::test]
async fn reads_work_without_our_fields_and_without_a_probe() {
    let (harness, _fake) = with(bare());
    let id = harness.seed(0);
    let provider = harness.provider();
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    assert_eq!(drained.ids(), [id.clone()]);
    let lookups = provider.get(KIND, &[id]).await.unwrap();
    let crm_core::Lookup::Found(remote) = &lookups[0] else { panic!("{lookups:?}") };
    assert!(!remote.read.contains(&Field::COMPANY), "unknown, not blank");
    assert!(remote.read.contains(&Field::EMAIL));
    let keys = [crm_core::MatchKey::Email("ada.0@mail.example".into())];
    assert_eq!(provider.find(KIND, &keys).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_create_without_our_field_is_refused_with_the_remedy() {
    let (harness, _fake) = with(bare());
    let provider = harness.provider();
    let error = harness.apply_one(&provider, harness.create(0)).await.unwrap_err();
    assert!(error.hint().unwrap().contains("crm check --fix"), "{error:?}");
    assert_eq!(harness.live(), 0);
}

#[tokio::test]
async fn without_the_right_the_clicks_are_named() {
    let (harness, _fake) = with(bare());
    let provider = harness.provider();
    let account = provider.probe().await.unwrap();
    harness.fake.script(Aim::path("/tooling/"), Fault::Status(403));
    let error = provider.repair(&account.findings[0]).await.unwrap_err();
    let hint = error.hint().unwrap();
    for part in ["Object Manager", "Contact", "Crm_Sync_Uid", "External ID", "Unique"] {
        assert!(hint.contains(part), "{hint}");
    }
}

#[tokio::test]
async fn a_field_that_vanishes_while_we_run_is_left_out_from_then_on() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    provider.probe().await.unwrap();
    harness.fake.reset();
    drop(id);
    let other = harness.seed(1);
    assert!(harness.drain(&provider, Feed::Changes, None).await.ids().contains(&other));
}
