//! What a probe finds in an org, and how the fields that are missing are made.

use std::time::Duration;

use crm_core::{ErrorKind, Field, Finding, ObjectKind, Repair, SharedProvider};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::salesforce::{OrgFields, SalesforceOptions};
use crm_testkit::fake::Bin;
use crm_testkit::fault::{Aim, Fault};
use serde_json::json;

use crate::room::{harness, surveys, with};

fn bare() -> Harness {
    with(SalesforceOptions { fields: OrgFields::Bare, ..Default::default() }).0
}

fn suspended(provider: &SharedProvider) -> Vec<Field> {
    let capabilities = provider.capabilities();
    capabilities.object(ObjectKind::Contact).unwrap().suspended.to_vec()
}

fn brief(findings: &[Finding]) -> Vec<(Option<Repair>, bool)> {
    findings.iter().map(|finding| (finding.repair.clone(), finding.blocking)).collect()
}

#[tokio::test]
async fn missing_fields_are_found_made_and_found_no_more() {
    let harness = bare();
    let provider = harness.provider();
    let all = provider.probe().await.unwrap().findings;
    let of = |kind| all.iter().filter(|f| f.kind == kind).cloned().collect::<Vec<_>>();
    let findings = of(ObjectKind::Contact);
    let company = Some(Repair::Field("Company_Text__c"));
    assert_eq!(brief(&findings), [(Some(Repair::UidField), true), (company, false)]);
    for kind in [ObjectKind::Company, ObjectKind::Deal, ObjectKind::Activity] {
        assert_eq!(brief(&of(kind)), [(Some(Repair::UidField), true)], "{kind}");
    }
    assert_eq!(suspended(&provider), [Field::COMPANY]);
    for finding in &all {
        provider.repair(finding).await.unwrap();
    }
    assert_eq!(suspended(&provider), []);
    assert_eq!(provider.probe().await.unwrap().findings, []);
    let shown = harness.fake.records("FieldPermissions", Bin::Live).unwrap();
    let fields: Vec<_> = shown.iter().map(|row| row["fields"]["Field"].as_str().unwrap()).collect();
    let uid = |name: &str| format!("{name}.Crm_Sync_Uid__c");
    let mut expected: Vec<String> =
        ["Account", "Contact", "Opportunity", "Task", "Event"].map(uid).to_vec();
    expected.push("Contact.Company_Text__c".to_owned());
    assert_eq!(fields, expected);
    // It is as long as a uid and no longer.
    let uid = |length: usize| {
        let members = json!({ "LastName": "Vale", "Crm_Sync_Uid__c": "u".repeat(length) });
        harness.fake.create("Contact", members.as_object().unwrap())
    };
    assert!(uid(36).is_ok());
    assert!(uid(37).unwrap_err().message.contains("data value too large"));
    // Again is no harm: an answer may have been lost.
    provider.repair(&findings[0]).await.unwrap();
    let written = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let again = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    assert_eq!(written.id, again.id, "the field is a unique external id");
}

#[tokio::test]
async fn without_the_right_to_make_fields_the_clicks_are_listed() {
    let harness = bare();
    let provider = harness.provider();
    let mut findings = provider.probe().await.unwrap().findings;
    findings.retain(|finding| finding.kind == ObjectKind::Contact);
    harness.fake.script(Aim::path("/tooling/"), Fault::Status(403));
    let error = provider.repair(&findings[0]).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Forbidden);
    let hint = error.hint().unwrap();
    for part in ["Object Manager", "Contact", "Crm_Sync_Uid", "External ID", "Unique", "length 36"]
    {
        assert!(hint.contains(part), "{hint}");
    }
    let none = Finding { repair: None, ..findings[0].clone() };
    let other = Finding { repair: Some(Repair::Field("Title")), ..findings[0].clone() };
    for finding in [none, other] {
        let error = provider.repair(&finding).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Unsupported);
    }
}

#[tokio::test]
async fn descriptions_are_read_once_an_hour() {
    let harness = harness();
    let provider = harness.provider();
    for _ in 0..3 {
        assert_eq!(provider.probe().await.unwrap().findings, []);
    }
    assert_eq!(surveys(&harness), 1);
    harness.pass(Duration::from_hours(1));
    provider.probe().await.unwrap();
    assert_eq!(surveys(&harness), 2);
    // Who the org is, and the one request of the survey.
    assert_eq!(provider.usage().requests() - harness.requests("token") - 1, 4 + 2);
    assert_eq!(harness.requests("GET /services/data") - harness.requests("GET /services/data/"), 1);
}
