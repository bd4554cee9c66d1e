//! Whoever changes the file behind our back is found out, and whoever erases values is not.

use std::path::Path;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RunId, TenantId, Value, WriteKey};
use crm_store::{Commit, Entity, FieldChange, History, Journal, JournalAction, Mutation, Shadow};
use crm_store_sqlite::{SqliteConfig, SqliteLedger};
use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

fn fill(path: &Path) {
    let mut ledger = SqliteLedger::open(&SqliteConfig::new(path)).unwrap();
    let id = EntityId::requested(&TenantId::default(), ObjectKind::Contact, "one");
    let run = RunId::from_uuid(Uuid::from_u128(1));
    let provider = ProviderId::from("hubspot");
    let (before, after) = (Shadow::Blank, Some(Value::text("Oslo")));
    let change = FieldChange { field: Field::CITY, before, after, version: 2 };
    let row = |version| Journal {
        seq: 0,
        key: WriteKey::derive(id, &provider, version),
        entity: id,
        kind: ObjectKind::Contact,
        provider: provider.clone(),
        remote: "101".into(),
        action: JournalAction::Update,
        run,
        at: Timestamp::UNIX_EPOCH,
        changes: vec![change.clone()],
    };
    let history = History {
        entity: id,
        field: Field::CITY,
        version: 2,
        before: None,
        after: Some(Value::text("Oslo")),
        source: None,
        rule: "manual".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        run,
    };
    let mutations = vec![
        Mutation::Entity(Box::new(Entity::new(id, ObjectKind::Contact))),
        Mutation::Journal(Box::new(row(1))),
        Mutation::Journal(Box::new(row(2))),
        Mutation::History(Box::new(history)),
    ];
    let expected = vec![(id, 0)];
    ledger.commit(Commit { expected, mutations, ..Commit::default() }).unwrap();
}

fn broken_by(change: &str) -> Option<u64> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    fill(&path);
    Connection::open(&path).unwrap().execute_batch(change).unwrap();
    let mut ledger = SqliteLedger::open_read_only(&SqliteConfig::new(&path)).unwrap();
    ledger.verify_audit().unwrap().broken
}

#[test]
fn a_log_that_nobody_touched_is_whole() {
    assert_eq!(broken_by("SELECT 1"), None);
}

#[test]
fn a_changed_entry_or_row_is_found() {
    assert_eq!(broken_by("UPDATE audit SET at_us = 7 WHERE seq = 2"), Some(2));
    assert_eq!(broken_by("UPDATE audit SET hash = zeroblob(32) WHERE seq = 1"), Some(1));
    assert_eq!(broken_by("DELETE FROM audit WHERE seq = 2"), Some(2));
    assert_eq!(broken_by("DELETE FROM audit WHERE seq = 3"), Some(3));
    assert_eq!(broken_by("UPDATE journal SET ext_id = '102' WHERE seq = 2"), Some(2));
    assert_eq!(broken_by("UPDATE history SET body = replace(body, 'Oslo', 'Rome')"), Some(3));
    assert_eq!(broken_by("UPDATE history SET nonce = zeroblob(16)"), Some(3));
}

#[test]
fn erased_rows_leave_the_chain_whole_and_cannot_be_guessed() {
    assert_eq!(broken_by("DELETE FROM history; DELETE FROM journal"), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    fill(&path);
    let file = Connection::open(&path).unwrap();
    let secret = |text: &str| file.query_row(text, [], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let (key, nonce) =
        (secret("SELECT key FROM audit_head"), secret("SELECT nonce FROM journal WHERE seq = 1"));
    // The key of today is not what the nonce of yesterday was made of.
    let mut chain = crm_store::audit::Chain::new(key.try_into().unwrap());
    let note = crm_store::AuditNote {
        at: Timestamp::UNIX_EPOCH,
        run: None,
        actor: crm_store::Actor::Engine,
        what: crm_store::AuditKind::Erased,
        entity: None,
        provider: None,
        detail: None,
    };
    for _ in 0..100 {
        let draft = crm_store::audit::Draft { note: note.clone(), body: None };
        assert_ne!(chain.append(draft, None).1.to_vec(), nonce);
    }
    // Two ledgers have two secrets.
    let other = folder.path().join("other.db");
    fill(&other);
    let file = Connection::open(&other).unwrap();
    let text = "SELECT nonce FROM journal WHERE seq = 1";
    assert_ne!(file.query_row(text, [], |row| row.get::<_, Vec<u8>>(0)).unwrap(), nonce);
}
