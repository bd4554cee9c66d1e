//! Writes: what goes together, what goes one after the other, and whose result is whose.

use std::sync::Mutex;

use crm_core::{
    Action, EntityId, ErrorKind, Fields, ObjectKind, Patch, ProviderError, ProviderId, RemoteId,
    Result, TenantId, Uid, Write, WriteKey, Written,
};
use crm_http::chunk::Refusal;
use crm_http::writes::{self, Verb};

const CONTACT: ObjectKind = ObjectKind::Contact;
const COMPANY: ObjectKind = ObjectKind::Company;

fn write(kind: ObjectKind, action: Action) -> Write {
    let entity = EntityId::founded(&TenantId::default(), &"elsewhere".into(), kind, &"1".into());
    Write { key: WriteKey::derive(entity, &"acme".into(), 1), kind, action }
}

fn create(kind: ObjectKind, n: usize) -> Write {
    let id = RemoteId::from(n.to_string());
    let entity = EntityId::founded(&TenantId::default(), &"elsewhere".into(), kind, &id);
    write(kind, Action::Create { uid: Uid::of(entity), fields: Fields::default() })
}

fn update(kind: ObjectKind, id: &str) -> Write {
    write(kind, Action::Update { id: id.into(), patch: Patch::default(), expected: None })
}

fn delete(kind: ObjectKind, id: &str) -> Write {
    write(kind, Action::Delete { id: id.into() })
}

fn written(write: &Write) -> Written {
    Written::new(write.target().into())
}

type Batches = Vec<(ObjectKind, Verb, Vec<String>)>;

/// Applies writes to a vendor that knows no record "gone"; tells what was sent.
async fn apply(writes: &[Write]) -> (Vec<Result<Written>>, Batches) {
    let log = Mutex::new(Vec::new());
    let send = async |kind, verb, batch: Vec<&Write>| -> Result<Vec<Result<Written>>, Refusal> {
        let targets = batch.iter().map(|write| write.target().to_owned()).collect();
        log.lock().unwrap().push((kind, verb, targets));
        if batch.iter().any(|write| write.target() == "gone") {
            return Err(Refusal::of(ProviderError::new(ErrorKind::NotFound, "no such record")));
        }
        Ok(batch.into_iter().map(|write| Ok(written(write))).collect())
    };
    let max = |kind| if kind == CONTACT { 2 } else { 100 };
    let outcome = writes::apply(&ProviderId::new("acme"), writes, max, 1, send).await;
    (outcome.into_results(), log.into_inner().unwrap())
}

#[tokio::test]
async fn batches_hold_one_kind_and_one_verb_and_no_more_than_the_kind_allows() {
    let writes = [
        update(CONTACT, "1"),
        create(CONTACT, 2),
        update(COMPANY, "3"),
        update(CONTACT, "4"),
        delete(CONTACT, "5"),
        update(CONTACT, "6"),
    ];
    let (results, mut sent) = apply(&writes).await;
    let ids: Vec<_> = results.into_iter().map(|result| result.unwrap().id).collect();
    let targets: Vec<_> = writes.iter().map(|write| RemoteId::from(write.target())).collect();
    assert_eq!(ids, targets, "each write has its own result");
    sent.sort();
    let mut shapes: Vec<_> =
        sent.iter().map(|(kind, verb, targets)| (*kind, *verb, targets.len())).collect();
    shapes.sort_unstable();
    let mut expected = [
        (CONTACT, Verb::Create, 1),
        (CONTACT, Verb::Update, 1),
        (CONTACT, Verb::Update, 2),
        (CONTACT, Verb::Delete, 1),
        (COMPANY, Verb::Update, 1),
    ];
    expected.sort_unstable();
    assert_eq!(shapes, expected);
}

#[tokio::test]
async fn writes_to_one_record_go_one_after_the_other_in_order() {
    let writes =
        [update(CONTACT, "1"), update(CONTACT, "2"), delete(CONTACT, "1"), update(CONTACT, "1")];
    let (results, sent) = apply(&writes).await;
    assert!(results.iter().all(Result::is_ok));
    let expected: Batches = vec![
        (CONTACT, Verb::Update, vec!["1".to_owned(), "2".to_owned()]),
        (CONTACT, Verb::Delete, vec!["1".to_owned()]),
        (CONTACT, Verb::Update, vec!["1".to_owned()]),
    ];
    assert_eq!(sent, expected);
    // One id of two kinds is two records.
    let (_, sent) = apply(&[update(CONTACT, "1"), update(COMPANY, "1")]).await;
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn the_fault_of_one_is_not_that_of_its_neighbour_and_names_the_connection() {
    let (results, _) = apply(&[update(CONTACT, "1"), update(CONTACT, "gone")]).await;
    assert!(results[0].is_ok());
    let error = results[1].as_ref().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotFound);
    assert_eq!(error.provider(), Some(&ProviderId::new("acme")));
}

#[tokio::test]
async fn nothing_to_write_sends_nothing() {
    let (results, sent) = apply(&[]).await;
    assert!(results.is_empty() && sent.is_empty());
}
