//! Writes: bound to versions, in calls of a hundred, with an answer for each record.

use std::time::Duration;

use crm_core::{Action, ErrorKind, Field, ObjectKind, Patch, RemoteId, Value, Version, Write};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::zoho::{Addresses, ZohoOptions};
use serde_json::json;

use crate::room::{at, failure, of, opened};

const NOW: &str = "2026-11-24T08:00:00Z";

fn bound(harness: &Harness, n: usize, id: &RemoteId, expected: Option<Version>) -> Write {
    let patch: Patch =
        [(Field::CITY, Some(Value::text(format!("City {n}"))))].into_iter().collect();
    harness.write(n, Action::Update { id: id.clone(), patch, expected })
}

async fn versions(
    harness: &Harness,
    provider: &crm_core::SharedProvider,
    ids: &[RemoteId],
) -> Vec<Option<Version>> {
    let mut versions = Vec::new();
    for id in ids {
        versions.push(harness.read(provider, id).await.version);
    }
    versions
}

/// Records that were read in several versions go in one call, after one more look; those that
/// somebody changed meanwhile are refused, and no other.
#[tokio::test]
async fn a_batch_of_several_versions_is_one_look_and_one_call() {
    let (harness, _) = at(NOW, ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(harness.seed(n));
        harness.pass(Duration::from_secs(2));
    }
    let known = versions(&harness, &provider, &ids).await;
    harness.pass(Duration::from_secs(2));
    harness.edit(&ids[4], Field::CITY, "Aarhus");
    let writes: Vec<Write> = ids
        .iter()
        .zip(&known)
        .enumerate()
        .map(|(n, (id, v))| bound(&harness, n, id, v.clone()))
        .collect();
    let before = (harness.requests("GET /crm/v8/Contacts"), harness.requests("PUT"));
    let results = harness.apply(&provider, &writes).await;
    assert_eq!(harness.requests("GET /crm/v8/Contacts") - before.0, 1);
    assert_eq!(harness.requests("PUT") - before.1, 1);
    for (n, (id, result)) in ids.iter().zip(results).enumerate() {
        let city = harness.stored(id, Field::CITY).unwrap();
        if n == 4 {
            assert_eq!(failure(result), ErrorKind::Stale);
            assert_eq!(city, "Aarhus");
        } else {
            let written = result.unwrap();
            assert_eq!(city, format!("City {n}"));
            assert_eq!(written.version, harness.read(&provider, id).await.version);
        }
    }
}

/// Records of one version need no look: the call itself is bound.
#[tokio::test]
async fn a_batch_of_one_version_is_one_call() {
    let (harness, _) = at(NOW, ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    let ids = harness.seed_many(12);
    let known = versions(&harness, &provider, &ids).await;
    harness.pass(Duration::from_secs(5));
    harness.edit(&ids[7], Field::CITY, "Aarhus");
    let writes: Vec<Write> = ids
        .iter()
        .zip(&known)
        .enumerate()
        .map(|(n, (id, v))| bound(&harness, n, id, v.clone()))
        .collect();
    let reads = harness.requests("GET /crm/v8/Contacts");
    let results = harness.apply(&provider, &writes).await;
    assert_eq!(harness.requests("GET /crm/v8/Contacts"), reads);
    for (n, result) in results.into_iter().enumerate() {
        assert_eq!(result.is_ok(), n != 7, "{n}");
    }
    assert_eq!(harness.stored(&ids[7], Field::CITY).as_deref(), Some("Aarhus"));
}

/// Where an administrator made addresses unique, the record that has one is named.
#[tokio::test]
async fn a_taken_address_names_its_record() {
    let options = ZohoOptions { addresses: Addresses::Unique, ..ZohoOptions::default() };
    let (harness, _) = of(ObjectKind::Contact, options);
    let provider = opened(&harness, &json!({}));
    let existing = harness.seed(0);
    let writes = [harness.create(1), harness.create(0), harness.create(2)];
    let mut results = harness.apply(&provider, &writes).await;
    results.pop().unwrap().unwrap();
    let second = failure(results.pop().unwrap());
    assert_eq!(second, ErrorKind::Conflict { existing: Some(existing) });
    results.pop().unwrap().unwrap();
    assert_eq!(harness.live(), 3);
}

/// A deal that moves stays in its pipeline, and a write of nothing but its stage is nothing where
/// the stage stands for it already.
#[tokio::test]
async fn a_stage_that_stands_is_not_written() {
    let (harness, _) = of(ObjectKind::Deal, ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    let id = harness.seed_with(&harness.record(0), &[("Stage", "Id. Decision Makers")]);
    let stage = |ours: &str| {
        let patch: Patch = [(Field::STAGE, Some(Value::Choice(ours.into())))].into_iter().collect();
        harness.change(0, &id, patch)
    };
    let puts = harness.requests("PUT");
    harness.apply_one(&provider, stage("qualified")).await.unwrap();
    assert_eq!(harness.requests("PUT"), puts);
    harness.apply_one(&provider, stage("closed_lost")).await.unwrap();
    assert_eq!(harness.stored_as(&id, "Stage").as_deref(), Some("Closed Lost"));
    assert_eq!(harness.stored_as(&id, "Pipeline").as_deref(), Some("Standard"));
}

/// A company is not tied to a task that belongs to a deal, and clearing it leaves the deal.
#[tokio::test]
async fn the_deal_of_a_task_goes_before_its_company() {
    let (harness, _) = of(ObjectKind::Activity, ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    let id = harness.seed(0);
    let [_, company, deal] = harness.room.targets else { panic!("three") };
    let (company_id, deal_id) = (harness.seed_target(company, 0), harness.seed_target(deal, 0));
    let refer = |field, kind, id: &RemoteId| {
        let value = Value::Ref(crm_core::Ref::Remote(kind, id.clone()));
        (field, Some(value))
    };
    let both: Patch = [
        refer(Field::COMPANY_REF, ObjectKind::Company, &company_id),
        refer(Field::DEAL, ObjectKind::Deal, &deal_id),
    ]
    .into_iter()
    .collect();
    harness.apply_one(&provider, harness.change(0, &id, both)).await.unwrap();
    assert_eq!(harness.stored_as(&id, "What_Id").as_deref(), Some(deal_id.as_str()));
    assert_eq!(harness.stored_as(&id, "$se_module").as_deref(), Some("Deals"));
    for value in [None, Some(company_id.clone())] {
        let value = value.map(|id| Value::Ref(crm_core::Ref::Remote(ObjectKind::Company, id)));
        let patch: Patch = [(Field::COMPANY_REF, value)].into_iter().collect();
        harness.apply_one(&provider, harness.change(1, &id, patch)).await.unwrap();
        assert_eq!(harness.stored_as(&id, "What_Id").as_deref(), Some(deal_id.as_str()));
    }
    let gone: Patch = [(Field::DEAL, None)].into_iter().collect();
    harness.apply_one(&provider, harness.change(2, &id, gone)).await.unwrap();
    assert_eq!(harness.stored_as(&id, "What_Id"), None);
}
