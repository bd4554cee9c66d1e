//! What is not declared is refused, and nothing of it reaches the room.

use std::sync::Arc;

use crm_core::{
    Access, BatchOutcome, Deletion, ErrorKind, Feed, Field, Finding, MatchKey, ObjectKind,
    Operation, ProviderError, RemoteId, Repair, Write, Written,
};
use crm_layers::guard;

use crate::room::{MockRoom, create, delete, ids, room, room_with, update, write};

fn is_refusal(error: &ProviderError, operation: Operation) {
    assert_eq!(*error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(error.operation(), Some(operation));
    assert_eq!(error.provider().unwrap().as_str(), "acme");
}

fn written(id: &str) -> Written {
    Written::new(RemoteId::new(id))
}

#[tokio::test]
async fn kinds_that_are_not_there_are_refused() {
    // The mock expects no call: any would panic.
    let guarded = guard(Arc::new(room()));
    let deal = ObjectKind::Deal;
    let error = guarded.get(deal, &ids(1)).await.unwrap_err();
    is_refusal(&error, Operation::Get);
    assert_eq!(error.to_string(), "acme: the kind deal is not supported");
    let error = guarded.find(deal, &[]).await.unwrap_err();
    is_refusal(&error, Operation::Find);
    let error = guarded.changes(deal, Feed::Changes, None).await.unwrap_err();
    is_refusal(&error, Operation::Changes);
    let mut odd = delete();
    odd.kind = deal;
    let outcome = guarded.apply(&[odd]).await.unwrap();
    is_refusal(outcome.results()[0].as_ref().unwrap_err(), Operation::Apply);
}

#[tokio::test]
async fn keys_that_are_not_declared_are_refused() {
    let mut room = room();
    room.expect_find().times(1).returning(|_, keys| {
        assert_eq!(keys.len(), 1);
        Ok(Vec::new())
    });
    let guarded = guard(Arc::new(room));
    let email = MatchKey::Email("ada@people.example".into());
    let phone = MatchKey::Phone { number: "+442071234567".into(), surname: "lovelace".into() };
    let contact = ObjectKind::Contact;
    guarded.find(contact, std::slice::from_ref(&email)).await.unwrap();
    let error = guarded.find(contact, &[email, phone]).await.unwrap_err();
    is_refusal(&error, Operation::Find);
    assert!(error.to_string().contains("by phone"), "{error}");
    assert!(!error.to_string().contains("+44"), "{error}");
}

#[tokio::test]
async fn actions_follow_access_and_deletion() {
    let rows = [
        (Access::Read, Deletion::Archive, [false, false, false]),
        (Access::Create, Deletion::Archive, [true, false, false]),
        (Access::Full, Deletion::Archive, [true, true, true]),
        (Access::Full, Deletion::Permanent, [true, true, true]),
        (Access::Full, Deletion::Unsupported, [true, true, false]),
    ];
    for (access, deletion, expected) in rows {
        let mut room = room_with(access, deletion);
        room.expect_apply().returning(|writes: &[Write]| {
            Ok(BatchOutcome::new(writes, writes.iter().map(|_| Ok(written("1"))).collect()))
        });
        let guarded = guard(Arc::new(room));
        let writes = [create(Field::PHONE), update(Field::PHONE), delete()];
        let outcome = guarded.apply(&writes).await.unwrap();
        let allowed: Vec<_> = outcome.results().iter().map(Result::is_ok).collect();
        assert_eq!(allowed, expected, "{access:?} {deletion:?}");
    }
}

#[tokio::test]
async fn fields_that_are_not_writable_are_refused_and_the_others_sent_in_order() {
    let mut room = room();
    room.expect_apply().times(1).returning(|writes: &[Write]| {
        assert_eq!(*writes, [create(Field::PHONE), delete()]);
        Ok(BatchOutcome::new(writes, vec![Ok(written("first")), Ok(written("second"))]))
    });
    let guarded = guard(Arc::new(room));
    let writes = [
        // Read only, suspended, not in the table.
        create(Field::WEBSITE),
        create(Field::PHONE),
        update(Field::CITY),
        update(Field::EMAIL),
        delete(),
    ];
    let results = guarded.apply(&writes).await.unwrap().into_results();
    for refused in [0, 2, 3] {
        is_refusal(results[refused].as_ref().unwrap_err(), Operation::Apply);
    }
    assert_eq!(results[1].as_ref().unwrap().id, RemoteId::new("first"));
    assert_eq!(results[4].as_ref().unwrap().id, RemoteId::new("second"));
}

#[tokio::test]
async fn when_all_writes_are_refused_nothing_is_called() {
    let guarded = guard(Arc::new(room()));
    let outcome = guarded.apply(&[update(Field::WEBSITE)]).await.unwrap();
    assert!(outcome.results()[0].is_err());
}

#[tokio::test]
async fn only_what_the_table_has_is_repaired() {
    let mut room: MockRoom = room();
    room.expect_repair().times(2).returning(|_| Ok(()));
    let guarded = guard(Arc::new(room));
    let finding = |kind, repair| Finding {
        kind,
        message: String::new(),
        hint: String::new(),
        repair,
        blocking: false,
    };
    let contact = ObjectKind::Contact;
    guarded.repair(&finding(contact, Some(Repair::UidField))).await.unwrap();
    guarded.repair(&finding(contact, Some(Repair::Field("town")))).await.unwrap();
    for refused in [
        finding(contact, None),
        finding(contact, Some(Repair::Field("tel"))),
        finding(contact, Some(Repair::Field("shoe_size"))),
        finding(ObjectKind::Deal, Some(Repair::UidField)),
    ] {
        let error = guarded.repair(&refused).await.unwrap_err();
        is_refusal(&error, Operation::Metadata);
    }
}

#[tokio::test]
async fn the_rest_passes() {
    let mut room = room();
    room.expect_get().times(1).returning(|_, _| Ok(Vec::new()));
    room.expect_usage().times(1).returning(Default::default);
    let guarded = guard(Arc::new(room));
    guarded.get(ObjectKind::Contact, &ids(2)).await.unwrap();
    assert_eq!(guarded.usage().requests(), 0);
    assert_eq!(guarded.id().as_str(), "acme");
    let write = write(delete().action);
    assert_eq!(write.kind, ObjectKind::Contact);
}
