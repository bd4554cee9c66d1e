//! Writes: duplicate rules, locked rows, two writes for one record, and doubt.

use std::sync::Arc;

use crm_core::{
    Action, Applied, Disposition, ErrorKind, Field, Fields, ObjectKind, Patch, SharedProvider,
    Value, Write,
};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::salesforce::{DuplicateRule, SalesforceFake, SalesforceOptions};
use crm_testkit::fake::{Bin, Fake as _};
use crm_testkit::fault::{Aim, Fault};

use crate::room::{failure, harness, with};

const KIND: ObjectKind = ObjectKind::Contact;
const COLLECTION: &str = "PATCH /services/data/composite/sobjects";

fn with_rule(rule: DuplicateRule) -> (Harness, Arc<SalesforceFake>) {
    with(SalesforceOptions { duplicate_rule: rule, ..SalesforceOptions::default() })
}

/// Changes the values of a create.
fn with_value(mut write: Write, field: Field, value: Option<&str>) -> Write {
    let Action::Create { fields, .. } = &mut write.action else { panic!("a create") };
    fields.set(field, value.map(Value::text));
    write
}

#[tokio::test]
async fn one_record_that_a_duplicate_rule_finds_is_named() {
    for rule in [DuplicateRule::Alert, DuplicateRule::Block] {
        let (harness, _fake) = with_rule(rule);
        let existing = harness.seed(1);
        let provider = harness.provider();
        let writes = [harness.create(0), harness.create(1), harness.create(2)];
        let mut results = harness.apply(&provider, &writes).await.into_iter();
        assert!(results.next().unwrap().is_ok());
        let conflict = ErrorKind::Conflict { existing: Some(existing) };
        assert_eq!(failure(results.next().unwrap()), conflict);
        assert!(results.next().unwrap().is_ok());
        assert_eq!(harness.live(), 3, "nobody said that duplicates may be saved");
    }
}

#[tokio::test]
async fn several_records_that_a_duplicate_rule_finds_are_for_a_person() {
    let (harness, _fake) = with_rule(DuplicateRule::Alert);
    harness.seed(1);
    harness.seed(1);
    let provider = harness.provider();
    let error = harness.apply_one(&provider, harness.create(1)).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Park);
    assert_eq!(error.code(), Some("DUPLICATES_DETECTED"));
    assert!(error.hint().is_some());
    assert_eq!(harness.live(), 2);
}

#[tokio::test]
async fn a_locked_row_is_sent_again_by_whoever_asked() {
    let harness = harness();
    let provider = harness.provider();
    harness.fake.script(Aim::path("/composite/sobjects/Contact/"), Fault::BatchItem(1));
    let writes = [harness.create(0), harness.create(1), harness.create(2)];
    let mut results = harness.apply(&provider, &writes).await.into_iter();
    assert!(results.next().unwrap().is_ok());
    let locked = results.next().unwrap();
    assert_eq!(failure(locked), ErrorKind::Transient { applied: Applied::No });
    assert!(results.next().unwrap().is_ok());
    assert!(harness.apply_one(&provider, harness.create(1)).await.is_ok());
    assert_eq!(harness.live(), 3);
}

#[tokio::test]
async fn two_writes_for_one_record_go_one_after_the_other() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    let writes = [
        harness.update(0, &id, Field::CITY, "Lund"),
        harness.create(5),
        harness.update(1, &id, Field::CITY, "Aarhus"),
        harness.create(5),
    ];
    let results = harness.apply(&provider, &writes).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(results[1].as_ref().unwrap().id, results[3].as_ref().unwrap().id);
    assert_eq!(harness.stored(&id, Field::CITY).as_deref(), Some("Aarhus"));
    assert_eq!(harness.live(), 2);
}

#[tokio::test]
async fn each_kind_of_write_has_its_own_collection_and_keeps_its_place() {
    let harness = harness();
    let ids = harness.seed_many(4);
    let provider = harness.provider();
    let delete = |n: usize| harness.write(n, Action::Delete { id: ids[n].clone() });
    let writes = [
        delete(0),
        harness.create(10),
        harness.update(1, &ids[1], Field::CITY, "Lund"),
        harness.update(2, &"003000000000zzzAAA".into(), Field::CITY, "Lund"),
        harness.write(3, Action::Delete { id: "no id".into() }),
        harness.create(11),
        delete(3),
    ];
    let results = harness.apply(&provider, &writes).await;
    let kinds: Vec<Option<ErrorKind>> =
        results.iter().map(|result| result.as_ref().err().map(|e| e.kind().clone())).collect();
    let gone = Some(ErrorKind::NotFound);
    assert_eq!(kinds, [None, None, None, gone.clone(), gone, None, None]);
    assert_eq!(results[0].as_ref().unwrap().id, ids[0]);
    assert_eq!(results[6].as_ref().unwrap().id, ids[3]);
    assert_eq!(harness.live(), 4);
    assert_eq!(harness.fake.records("Contact", Bin::Archived).unwrap().len(), 2);
    assert_eq!(harness.requests(COLLECTION), 2);
    assert_eq!(harness.requests("DELETE /services/data/composite/sobjects"), 1);
}

#[tokio::test]
async fn writes_to_a_deleted_record_find_it_gone() {
    let harness = harness();
    let id = harness.seed(0);
    harness.fake.delete("Contact", id.as_str()).unwrap();
    let provider = harness.provider();
    let update = harness.update(0, &id, Field::CITY, "Lund");
    assert_eq!(failure(harness.apply_one(&provider, update).await), ErrorKind::NotFound);
    let delete = harness.write(1, Action::Delete { id });
    assert_eq!(failure(harness.apply_one(&provider, delete).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn bad_values_name_their_fields() {
    let harness = harness();
    let provider = harness.provider();
    let long = "x".repeat(129);
    let writes = [
        with_value(harness.create(0), Field::LAST_NAME, None),
        with_value(harness.create(1), Field::JOB_TITLE, Some(&long)),
        with_value(harness.create(2), Field::EMAIL, Some("not an address")),
        harness.create(3),
    ];
    let results = harness.apply(&provider, &writes).await;
    let wrong = |field| Some(ErrorKind::Validation { field: Some(field) });
    let kinds: Vec<Option<ErrorKind>> =
        results.iter().map(|result| result.as_ref().err().map(|e| e.kind().clone())).collect();
    assert_eq!(
        kinds,
        [wrong(Field::LAST_NAME), wrong(Field::JOB_TITLE), wrong(Field::EMAIL), None]
    );
}

async fn doubt(harness: &Harness, provider: &SharedProvider, fault: Fault, write: Write) {
    let path = "/composite/sobjects";
    let before = harness.requests(path);
    harness.fake.script(Aim::path(path), fault);
    let error = harness.apply_one(provider, write).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Verify, "{fault:?}: {error}");
    assert_eq!(harness.requests(path) - before, 1, "{fault:?}");
}

#[tokio::test]
async fn a_write_in_doubt_is_never_sent_again_by_itself() {
    let harness = harness();
    let provider = harness.provider();
    let faults = [
        Fault::CutAfter,
        Fault::CutBefore,
        Fault::StatusAfter(503),
        Fault::Garbled,
        Fault::Html(502),
    ];
    for (n, fault) in faults.into_iter().enumerate() {
        doubt(&harness, &provider, fault, harness.create(n)).await;
        let id = harness.seed(100 + n);
        let write = harness.update(n, &id, Field::CITY, "Lund");
        doubt(&harness, &provider, fault, write).await;
        let write = harness.write(n, Action::Delete { id });
        doubt(&harness, &provider, fault, write).await;
    }
    // A quota, a full house or a dead token is certainly not a write: those are repeated.
    harness.fake.script(Aim::path("/composite/sobjects"), Fault::TokenExpired);
    let silent = Fault::RateLimited(crm_testkit::fault::RetryAfter::Silent);
    harness.fake.script(Aim::path("/composite/sobjects"), silent);
    assert!(harness.apply_one(&provider, harness.create(50)).await.is_ok());
}

#[tokio::test]
async fn a_late_repetition_does_not_undo_a_users_edit() {
    let harness = harness();
    let provider = harness.provider();
    harness.fake.script(Aim::path("/composite/sobjects"), Fault::CutAfter);
    harness.apply_one(&provider, harness.create(0)).await.unwrap_err();
    let records = harness.fake.records("Contact", Bin::Live).unwrap();
    let id = records[0]["id"].as_str().unwrap().into();
    harness.edit(&id, Field::CITY, "Aarhus");
    let Action::Create { uid, .. } = harness.create(0).action else { panic!("a create") };
    let found = provider.find(KIND, &[crm_core::MatchKey::Uid(uid)]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].fields.get(Field::CITY).unwrap().display(), "Aarhus");
}

#[tokio::test]
async fn the_days_quota_holds_back_without_an_end() {
    let options = SalesforceOptions { daily_limit: 3, ..SalesforceOptions::default() };
    let (harness, _fake) = with(options);
    let provider = harness.provider();
    for n in 0..3 {
        harness.apply_one(&provider, harness.create(n)).await.unwrap();
    }
    let refused = harness.apply_one(&provider, harness.create(3)).await;
    assert!(matches!(failure(refused), ErrorKind::QuotaExhausted { .. }));
    assert_eq!(harness.live(), 3);
    assert_eq!(harness.fake.window("daily").unwrap().exceeded(), 0);
    let daily = provider.usage().quotas.into_iter().find(|quota| quota.name == "daily").unwrap();
    assert_eq!((daily.used, daily.limit), (3, 3), "the header corrected our window");
}

#[tokio::test]
async fn an_empty_patch_and_blank_values_do_no_harm() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    let action = Action::Update { id: id.clone(), patch: Patch::new(), expected: None };
    assert!(harness.apply_one(&provider, harness.write(0, action)).await.is_ok());
    let mut fields = Fields::new();
    fields.insert(Field::LAST_NAME, Value::text("Novak"));
    let Action::Create { uid, .. } = harness.create(9).action else { panic!("a create") };
    let write = harness.write(9, Action::Create { uid, fields });
    let written = harness.apply_one(&provider, write).await.unwrap();
    assert_eq!(harness.stored(&written.id, Field::EMAIL), None);
}
