//! Associations, owners and stages where HubSpot is particular, and what they cost.

use std::collections::BTreeSet;

use crm_core::{
    Action, Change, Disposition, ErrorKind, Feed, Field, ObjectKind, Patch, Ref, RemoteId,
    SharedProvider, Value,
};
use crm_provider_hubspot::REGISTRATION;
use crm_testkit::contract::provider::{Credentials, Deed, Harness};
use crm_testkit::dialect::hubspot::HubSpotOptions;
use crm_testkit::fake::{Fake as _, Fields};
use crm_testkit::fault::{Aim, Fault};
use http::Method;
use serde_json::json;

use crate::room::{activity, deal, harness, of, open, setup, with};

const TIES: &str = "/crm/associations/";

fn reference(kind: ObjectKind, id: &RemoteId) -> Value {
    Value::Ref(Ref::Remote(kind, id.clone()))
}

fn only(harness: &Harness, kinds: &[ObjectKind]) -> SharedProvider {
    let settings = json!({ "access_token": "sandbox-hubspot-token" });
    let mut setup = setup(&harness.way(Credentials::Right), &settings);
    setup.kinds = Some(kinds.to_vec());
    (REGISTRATION.open)(setup).unwrap()
}

#[tokio::test]
async fn contacts_alone_cost_what_contacts_cost() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = only(&harness, &[ObjectKind::Contact]);
    provider.probe().await.unwrap();
    assert_eq!(harness.requests(""), 3, "the account, its properties, its owners");
    let read = harness.read(&provider, &id).await;
    assert!(!read.read.contains(&Field::COMPANY_REF));
    harness.drain(&provider, Feed::Changes, None).await;
    assert_eq!(harness.requests(TIES), 0);
    assert_eq!(harness.requests(""), 5);
}

#[tokio::test]
async fn what_each_read_costs() {
    let cost = |room| async move {
        let (harness, _) = of(room, HubSpotOptions::default());
        let ids = harness.seed_many(100);
        for target in harness.room.targets {
            let to = harness.seed_target(target, 0);
            for id in &ids {
                harness.tie(id, target, &to, Deed::Make);
            }
        }
        let provider = harness.provider();
        let lookups = provider.get(harness.room.kind, &ids).await.unwrap();
        assert_eq!(lookups.len(), 100);
        let by_id = harness.requests("");
        harness.first_page(&provider).await;
        (by_id, harness.requests("") - by_id)
    };
    assert_eq!(cost(crate::room::contact()).await, (2, 2));
    assert_eq!(cost(crate::room::company()).await, (2, 2));
    assert_eq!(cost(deal()).await, (3, 2));
    assert_eq!(cost(activity("task")).await, (4, 1));
}

#[tokio::test]
async fn without_the_right_to_the_other_end_the_reference_takes_no_part() {
    let scopes = ["crm.objects.contacts.read", "crm.objects.contacts.write"];
    let scopes = Some(scopes.map(str::to_owned).to_vec());
    let (harness, _) = with(HubSpotOptions { scopes, ..Default::default() });
    let id = harness.seed(0);
    let provider = harness.provider();
    for _ in 0..3 {
        let read = harness.read(&provider, &id).await;
        assert!(!read.read.contains(&Field::COMPANY_REF), "unknown, not blank");
        assert!(read.read.contains(&Field::EMAIL));
    }
    assert_eq!(harness.requests(TIES), 1, "it is not asked for again and again");
    let drained = harness.drain(&harness.provider(), Feed::Changes, None).await;
    let [Change::Observed(listed)] = drained.changes.as_slice() else { panic!("{drained:?}") };
    assert!(!listed.read.contains(&Field::COMPANY_REF));
    // Kinds whose properties we may not see are blocked, and only those.
    let account = provider.probe().await.unwrap();
    let blocked: BTreeSet<_> =
        account.findings.iter().filter(|f| f.blocking).map(|f| f.kind).collect();
    assert_eq!(blocked, [ObjectKind::Company, ObjectKind::Deal].into());
}

#[tokio::test]
async fn long_lists_of_ties_are_read_to_their_end() {
    let options = HubSpotOptions { association_page: 2, ..Default::default() };
    let (harness, _) = of(deal(), options);
    let target = &harness.room.targets[0];
    let id = harness.seed(0);
    let people: Vec<RemoteId> = (0..5).map(|n| harness.seed_target(target, n)).collect();
    for person in &people {
        harness.tie(&id, target, person, Deed::Make);
    }
    let provider = harness.provider();
    let members = |remote: &crm_core::Remote| {
        remote.fields.get(Field::CONTACTS).map_or(0, |value| value.members().len())
    };
    assert_eq!(members(&harness.read(&provider, &id).await), 5);
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    let [Change::Observed(listed)] = drained.changes.as_slice() else { panic!("{drained:?}") };
    assert_eq!(members(listed), 5, "the list shows only the beginning");
}

#[tokio::test]
async fn a_create_whose_ties_are_lost_is_unknown_and_found_without_them() {
    let (harness, _) = of(deal(), HubSpotOptions::default());
    let target = &harness.room.targets[1];
    let to = harness.seed_target(target, 0);
    let provider = harness.provider();
    let mut fields = harness.record(0);
    fields.insert(Field::COMPANY_REF, reference(ObjectKind::Company, &to));
    let uid = crm_core::Uid::parse("6c0d1f5e-8a57-5f0e-9b1c-2f4f3a7d9e10").unwrap();
    let create = harness.write(0, Action::Create { uid: uid.clone(), fields });
    for _ in 0..10 {
        harness.fake.script(Aim::path("companies/batch/create"), Fault::Status(503));
    }
    let error = harness.apply_one(&provider, create.clone()).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Verify, "{error}");
    let keys = [crm_core::MatchKey::Uid(uid)];
    let found = provider.find(ObjectKind::Deal, &keys).await.unwrap();
    assert!(found[0].read.contains(&Field::COMPANY_REF));
    assert_eq!(found[0].fields.get(Field::COMPANY_REF), None, "so it is written again");
    harness.fake.set_faults(crm_testkit::fault::Profile::Calm.rates(), 1);
    let again = harness.apply_one(&provider, create).await.unwrap();
    assert_eq!(again.id, found[0].id);
    let held = harness.read(&provider, &again.id).await;
    assert_eq!(held.fields.get(Field::COMPANY_REF), Some(&reference(ObjectKind::Company, &to)));
}

/// HubSpot knows no unique id of ours for activities: a create that counted as failed would be sent
/// again, and make a second one.
#[tokio::test]
async fn a_create_whose_tie_is_not_accepted_is_done_without_it() {
    let (harness, _) = of(activity("task"), HubSpotOptions::default());
    let provider = harness.provider();
    let mut fields = harness.record(0);
    let nobody = RemoteId::new("99999999");
    fields.insert(Field::DEAL, reference(ObjectKind::Deal, &nobody));
    let uid = crm_core::Uid::parse("6c0d1f5e-8a57-5f0e-9b1c-2f4f3a7d9e11").unwrap();
    let create = harness.write(0, Action::Create { uid: uid.clone(), fields });
    let written = harness.apply_one(&provider, create).await.unwrap();
    let refused: Vec<Field> = written.refused.iter().map(|(field, _)| *field).collect();
    assert_eq!(refused, [Field::DEAL]);
    assert!(written.refused[0].1.contains("with 99999999 is not accepted"), "{written:?}");
    let held = harness.read(&provider, &written.id).await;
    assert_eq!(held.fields.get(Field::DEAL), None);
    assert!(held.fields.get(Field::SUBJECT).is_some());
}

#[tokio::test]
async fn the_first_of_several_deals_is_the_activitys_and_setting_it_leaves_one() {
    let (harness, _) = of(activity("call"), HubSpotOptions::default());
    let target = &harness.room.targets[2];
    let id = harness.seed(0);
    let deals: Vec<RemoteId> = (0..3).map(|n| harness.seed_target(target, n)).collect();
    for deal in deals.iter().rev().take(2) {
        harness.tie(&id, target, deal, Deed::Make);
    }
    let provider = harness.provider();
    let held = harness.read(&provider, &id).await;
    assert_eq!(held.fields.get(Field::DEAL), Some(&reference(ObjectKind::Deal, &deals[1])));
    let mut patch = Patch::new();
    patch.set(Field::DEAL, Some(reference(ObjectKind::Deal, &deals[2])));
    harness.apply_one(&provider, harness.change(0, &id, patch)).await.unwrap();
    let held = harness.read(&provider, &id).await;
    assert_eq!(held.fields.get(Field::DEAL), Some(&reference(ObjectKind::Deal, &deals[2])));
}

#[tokio::test]
async fn users_and_stages_are_kept_for_an_hour() {
    let (harness, fake) = of(deal(), HubSpotOptions::default());
    let provider = harness.provider();
    let seeded = [("hubspot_owner_id", "70001"), ("dealstage", "closedwon")];
    let id = harness.seed_with(&harness.record(0), &seeded);
    for _ in 0..3 {
        harness.read(&provider, &id).await;
    }
    assert_eq!(harness.requests("/crm/owners"), 1);
    assert_eq!(harness.requests("/crm/pipelines"), 1);
    // A stage that nobody knows yet: the field is not read, and never blank.
    let stage = json!({ "id": "88", "label": "Parked", "probability": "0.1" });
    let stage: Fields = stage.as_object().unwrap().clone();
    fake.lever(&Method::POST, &["pipelines", "default", "stages"], &stage).unwrap();
    let later = harness.seed_with(&harness.record(1), &[("dealstage", "88")]);
    assert!(!harness.read(&provider, &later).await.read.contains(&Field::STAGE));
    let account = provider.probe().await.unwrap();
    assert!(account.findings.is_empty(), "what is known holds for an hour: {account:?}");
    harness.pass(std::time::Duration::from_mins(61));
    let account = provider.probe().await.unwrap();
    let [finding] = account.findings.as_slice() else { panic!("{account:?}") };
    assert!(finding.blocking && finding.kind == ObjectKind::Deal);
    assert!(finding.message.contains("`Parked`") && finding.message.contains("`Sales Pipeline`"));
    assert!(finding.hint.contains("[connections.hubspot.stages]"), "{finding:?}");
    assert!(!harness.read(&provider, &later).await.read.contains(&Field::STAGE));
}

#[tokio::test]
async fn a_configured_stage_is_ours_by_id_or_name() {
    let (harness, fake) = of(deal(), HubSpotOptions::default());
    for (id, label) in [("88", "Parked"), ("89", "Asked")] {
        let stage = json!({ "id": id, "label": label, "probability": "0.1" });
        let stage: Fields = stage.as_object().unwrap().clone();
        fake.lever(&Method::POST, &["pipelines", "default", "stages"], &stage).unwrap();
    }
    let way = harness.way(Credentials::Right);
    let stages = json!({ "88": "new", "Asked": "proposal", "closedlost": "new" });
    let settings = json!({ "access_token": "sandbox-hubspot-token", "stages": stages });
    let provider = open(&way, &settings).unwrap();
    assert!(provider.probe().await.unwrap().findings.is_empty());
    for (n, (id, ours)) in
        [("88", "new"), ("89", "proposal"), ("closedlost", "new")].into_iter().enumerate()
    {
        let id = harness.seed_with(&harness.record(n), &[("dealstage", id)]);
        let stage = Value::Choice(ours.into());
        assert_eq!(harness.read(&provider, &id).await.fields.get(Field::STAGE), Some(&stage));
    }
    let stages = json!({ "88": "won" });
    let settings = json!({ "access_token": "sandbox-hubspot-token", "stages": stages });
    let error = open(&way, &settings).unwrap_err();
    assert!(error.hint().unwrap().contains("closed_won"), "{error:?}");
}

#[tokio::test]
async fn an_owner_who_left_is_shown_and_cannot_be_set() {
    let (harness, fake) = of(deal(), HubSpotOptions::default());
    let id = harness.seed_with(&harness.record(0), &[("hubspot_owner_id", "70001")]);
    fake.lever(&Method::DELETE, &["owners", "70001"], &Fields::new()).unwrap();
    let provider = harness.provider();
    let held = harness.read(&provider, &id).await;
    let email = held.fields.get(Field::OWNER).unwrap().display();
    assert_eq!(email, "ines.faria@sales.example");
    harness.read(&provider, &id).await;
    assert_eq!(harness.requests("/crm/owners"), 2, "those who left are asked for once");
    let write = harness.update(0, &id, Field::OWNER, &email);
    let error = harness.apply_one(&provider, write).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Validation { field: Some(Field::OWNER) });
}
