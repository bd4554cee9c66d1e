//! Activities: two object types, no unique key, and columns that hold one of several fields.

use crm_core::{
    Action, Disposition, ErrorKind, Feed, Field, Fields, MatchKey, ObjectKind, Patch, Ref,
    RemoteId, Uid, Value, Write,
};
use crm_testkit::contract::provider::Harness;
use crm_testkit::fault::{Aim, Fault};
use serde_json::json;

use crate::room::{meeting_harness, task_harness};

const KIND: ObjectKind = ObjectKind::Activity;

fn uid(n: usize) -> Uid {
    Uid::parse(&format!("0b9bd9ff-1c8e-5c0f-9f0e-5e2a3f1c7d{n:02}")).unwrap()
}

fn create(harness: &Harness, n: usize, variant: &str) -> Write {
    let mut fields = Fields::new();
    fields.insert(Field::TYPE, Value::Choice(variant.into()));
    fields.insert(Field::SUBJECT, Value::text(format!("Talk {n}")));
    fields.insert(Field::DUE_DATE, Value::Instant("2026-12-01T09:00:00Z".parse().unwrap()));
    harness.write(n, Action::Create { uid: uid(n), fields })
}

#[tokio::test]
async fn a_create_in_doubt_is_not_repeated_and_found_by_its_uid() {
    let harness = task_harness();
    let provider = harness.provider();
    provider.probe().await.unwrap();
    for (n, variant) in ["task", "meeting"].into_iter().enumerate() {
        let keys = [MatchKey::Uid(uid(n)), MatchKey::Uid(uid(77))];
        assert_eq!(provider.find(KIND, &keys).await.unwrap(), []);
        harness.fake.script(Aim::path("/composite/sobjects"), Fault::CutAfter);
        let before = harness.requests("/composite/sobjects");
        let lost = harness.apply_one(&provider, create(&harness, n, variant)).await.unwrap_err();
        assert_eq!(lost.disposition(), Disposition::Verify);
        assert_eq!(harness.requests("/composite/sobjects") - before, 1);
        let found = provider.find(KIND, &keys).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].uid, Some(uid(n)));
        assert_eq!(found[0].fields.get(Field::TYPE), Some(&Value::Choice(variant.into())));
    }
}

#[tokio::test]
async fn what_records_something_done_is_done() {
    let harness = task_harness();
    let provider = harness.provider();
    let variants = ["task", "call", "email"];
    let writes: Vec<Write> =
        variants.iter().enumerate().map(|(n, v)| create(&harness, n, v)).collect();
    let results = harness.apply(&provider, &writes).await;
    let stored: Vec<Option<String>> = results
        .into_iter()
        .map(|result| harness.stored(&result.unwrap().id, Field::PROGRESS))
        .collect();
    let expected = ["Not Started", "Completed", "Completed"].map(|text| Some(text.to_owned()));
    assert_eq!(stored, expected);
    let mut note = create(&harness, 5, "note");
    let refused = harness.apply_one(&provider, note.clone()).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Validation { field: Some(Field::TYPE) });
    if let Action::Create { fields, .. } = &mut note.action {
        fields.set(Field::TYPE, None);
    }
    let refused = harness.apply_one(&provider, note).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Validation { field: Some(Field::TYPE) });
}

#[tokio::test]
async fn a_meeting_without_an_end_is_a_point_in_time() {
    let harness = meeting_harness();
    let provider = harness.provider();
    let id = harness.apply_one(&provider, create(&harness, 0, "meeting")).await.unwrap().id;
    let remote = harness.read(&provider, &id).await;
    assert_eq!(remote.fields.get(Field::ENDS_AT), remote.fields.get(Field::DUE_DATE));
    let mut nowhen = create(&harness, 1, "meeting");
    if let Action::Create { fields, .. } = &mut nowhen.action {
        fields.set(Field::DUE_DATE, None);
    }
    let refused = harness.apply_one(&provider, nowhen).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Validation { .. }), "{refused}");
}

#[tokio::test]
async fn the_company_of_a_deals_task_is_the_deals() {
    let harness = task_harness();
    let make = |kind: &str, members: serde_json::Value| {
        harness.fake.create(kind, members.as_object().unwrap()).unwrap()
    };
    let company = make("Account", json!({ "Name": "Valley" }));
    let other = make("Account", json!({ "Name": "Vale" }));
    let deal = make(
        "Opportunity",
        json!({ "Name": "Gears", "StageName": "Prospecting", "CloseDate": "2027-03-01",
            "AccountId": company }),
    );
    let id = harness.seed_with(&harness.record(0), &[("WhatId", &deal)]);
    let provider = harness.provider();
    let remote = harness.read(&provider, &id).await;
    assert!(!remote.read.contains(&Field::COMPANY_REF), "it takes no part");
    let tie = |id: &str| Value::Ref(Ref::Remote(ObjectKind::Company, id.into()));
    let to = |value| {
        let mut patch = Patch::new();
        patch.set(Field::COMPANY_REF, value);
        harness.change(0, &id, patch)
    };
    for value in [Some(tie(&other)), None] {
        harness.apply_one(&provider, to(value)).await.unwrap();
        assert_eq!(harness.stored_as(&id, "WhatId"), Some(deal.clone()));
        assert_eq!(harness.stored_as(&id, "AccountId"), Some(company.clone()), "the vendor's own");
    }
    let nothing = json!({ "WhatId": null });
    harness.fake.patch("Task", id.as_str(), nothing.as_object().unwrap()).unwrap();
    harness.apply_one(&provider, to(Some(tie(&other)))).await.unwrap();
    assert_eq!(harness.stored_as(&id, "WhatId"), Some(other));
}

#[tokio::test]
async fn a_lead_is_nobody_that_we_keep() {
    let harness = task_harness();
    let lead = json!({ "LastName": "Ada", "Company": "Valley" });
    let lead = harness.fake.create("Lead", lead.as_object().unwrap()).unwrap();
    let id = harness.seed_with(&harness.record(0), &[("WhoId", &lead)]);
    let provider = harness.provider();
    let remote = harness.read(&provider, &id).await;
    assert!(!remote.read.contains(&Field::CONTACTS), "neither a person nor nobody");
}

#[tokio::test]
async fn deletions_of_both_types_come_in_one_feed() {
    let harness = task_harness();
    let provider = harness.provider();
    let writes = [create(&harness, 0, "task"), create(&harness, 1, "meeting")];
    let results = harness.apply(&provider, &writes).await;
    let ids: Vec<RemoteId> = results.into_iter().map(|result| result.unwrap().id).collect();
    let deletes: Vec<Write> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| harness.write(n, Action::Delete { id: id.clone() }))
        .collect();
    assert!(harness.apply(&provider, &deletes).await.iter().all(Result::is_ok));
    assert_eq!(harness.requests("DELETE /services/data/composite/sobjects"), 1);
    let drained = harness.drain(&provider, Feed::Deletions, None).await;
    let mut ids = ids;
    ids.sort();
    assert_eq!(drained.ids(), ids);
}
