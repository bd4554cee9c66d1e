//! What is particular to Pipedrive.

use crm_core::{Change, ErrorKind, Feed, Field, Patch, Value};
use crm_testkit::dialect::pipedrive::{PipedriveOptions, Setup};
use crm_testkit::fake::Fake as _;
use serde_json::json;

use crate::room;

fn fields(pairs: &[(&str, serde_json::Value)]) -> crm_testkit::fake::Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn shown(remote: &crm_core::Remote, field: Field) -> Option<String> {
    remote.fields.get(field).map(Value::display)
}

/// A given name of two words comes back as it was written, until a user renames the person.
#[tokio::test]
async fn names_keep_their_division_until_a_user_changes_the_whole() {
    let harness = room::harness();
    let provider = harness.provider();
    let written = harness.apply_one(&provider, harness.create(3)).await.unwrap();
    let read = harness.read(&provider, &written.id).await;
    assert_eq!(shown(&read, Field::FIRST_NAME).as_deref(), Some("Ada 3"));
    assert_eq!(shown(&read, Field::LAST_NAME).as_deref(), Some("Novak 3"));
    let renamed = fields(&[("first_name", json!("Eva")), ("last_name", json!("Lind"))]);
    harness.fake.patch("persons", written.id.as_str(), &renamed).unwrap();
    let read = harness.read(&provider, &written.id).await;
    assert_eq!(shown(&read, Field::FIRST_NAME).as_deref(), Some("Eva"));
    assert_eq!(shown(&read, Field::LAST_NAME).as_deref(), Some("Lind"));
}

/// Another address of a person stays when ours changes.
#[tokio::test]
async fn lines_of_others_stay() {
    let harness = room::harness();
    let provider = harness.provider();
    let id = harness.seed(0);
    harness
        .fake
        .patch("persons", id.as_str(), &fields(&[("phones.mobile", json!("123"))]))
        .unwrap();
    let write = harness.update(0, &id, Field::PHONE, "+44 20 7946 0999");
    harness.apply_one(&provider, write).await.unwrap();
    let read = harness.read(&provider, &id).await;
    assert_eq!(shown(&read, Field::MOBILE_PHONE).as_deref(), Some("123"));
    assert!(shown(&read, Field::PHONE).unwrap().ends_with("0999"), "{read:?}");
}

/// An archived deal comes in the feed too.
#[tokio::test]
async fn archived_deals_are_listed() {
    let harness = room::deals();
    let provider = harness.provider();
    let id = harness.seed(0);
    let archived = fields(&[("is_archived", json!(true))]);
    harness.fake.patch("deals", id.as_str(), &archived).unwrap();
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    assert_eq!(drained.ids(), [id]);
}

/// A company without our fields is told so, and they are made.
#[tokio::test]
async fn the_fields_of_ours_are_made() {
    let options = PipedriveOptions { setup: Setup::Bare, ..PipedriveOptions::default() };
    let (harness, _fake) = room::of(room::contact(), options);
    let provider = harness.provider();
    let account = provider.probe().await.unwrap();
    assert!(account.findings.iter().any(|finding| finding.blocking));
    for finding in account.findings.iter().filter(|finding| finding.repair.is_some()) {
        provider.repair(finding).await.unwrap();
    }
    let account = provider.probe().await.unwrap();
    let left: Vec<_> = account.findings.iter().filter(|f| f.repair.is_some()).collect();
    assert!(left.is_empty(), "{left:?}");
    let written = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let read = harness.read(&provider, &written.id).await;
    assert_eq!(shown(&read, Field::CITY).as_deref(), Some("Brno"));
}

/// The day's budget counts what requests cost, and its end is told from a burst.
#[tokio::test]
async fn a_used_up_day_is_no_burst() {
    let options = PipedriveOptions { daily: 25, ..PipedriveOptions::default() };
    let (harness, fake) = room::of(room::contact(), options);
    let id = harness.seed(0);
    let provider = harness.provider();
    // The fields, and one list: twenty tokens and the list of users, which is too dear.
    let error = provider.get(crm_core::ObjectKind::Contact, &[id]).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExhausted { .. }), "{error}");
    assert!(fake.window("daily").unwrap().peak() <= 25);
}

/// The list of ids names what is gone, also where a merge took it away.
#[tokio::test]
async fn a_merge_is_seen_as_a_deletion_of_the_other() {
    let harness = room::harness();
    let provider = harness.provider();
    let seeded = harness.seed_many(2);
    let cursor = harness.drain(&provider, Feed::Deletions, None).await.cursor;
    let [winner, loser] = seeded.as_slice() else { panic!("two") };
    harness.fake.merge("persons", winner.as_str(), loser.as_str()).unwrap();
    let drained = harness.drain(&provider, Feed::Deletions, cursor).await;
    assert_eq!(drained.changes, [Change::Missing { id: loser.clone() }]);
}

/// A deal that is won is in no stage, and can be opened again.
#[tokio::test]
async fn a_won_deal_is_opened_again() {
    let harness = room::deals();
    let provider = harness.provider();
    let id = harness.seed(0);
    for (n, (ours, stored)) in [("closed_won", "won"), ("proposal", "4")].into_iter().enumerate() {
        let mut patch = Patch::new();
        patch.set(Field::STAGE, Some(Value::Choice(ours.into())));
        harness.apply_one(&provider, harness.change(n, &id, patch)).await.unwrap();
        assert_eq!(harness.stored_as(&id, "stage").as_deref(), Some(stored));
    }
}
