//! What the audit log says, and that it holds.

use crm_store::{
    Actor, Audit, AuditKind, AuditNote, Conflict, ConflictState, Mutation, Run, RunStatus, Store,
};

use super::harness::{StoreHarness, at, entity, id, linked, loose, put, refused, run, store_row};
use super::journal::{changes, journal};
use super::log::{conflict, history, run_row};

fn note(what: AuditKind) -> Mutation {
    Mutation::Audit(Box::new(AuditNote {
        at: at(9),
        run: None,
        actor: Actor::Person,
        what,
        entity: Some(id(1)),
        provider: None,
        detail: Some("phone".to_owned()),
    }))
}

fn everything() -> Vec<Mutation> {
    let ended = Run { status: RunStatus::Partial, ended: Some(at(3)), ..run_row(1, 0) };
    let resolved = Conflict { state: ConflictState::Resolved, ..conflict(id(1), 5) };
    vec![
        Mutation::Run(Box::new(run_row(1, 0))),
        Mutation::Journal(Box::new(journal(1, 4, 1, changes()))),
        Mutation::Journal(Box::new(journal(1, 4, 1, changes()))),
        Mutation::History(Box::new(history(id(1), 2))),
        Mutation::Conflict(Box::new(conflict(id(1), 5))),
        Mutation::Conflict(Box::new(conflict(id(1), 5))),
        Mutation::Conflict(Box::new(resolved)),
        note(AuditKind::ProblemDismissed),
        Mutation::Run(Box::new(ended)),
    ]
}

const SAID: [AuditKind; 7] = [
    AuditKind::RunStarted,
    AuditKind::RecordUpdated,
    AuditKind::GoldenChanged,
    AuditKind::ConflictOpened,
    AuditKind::ConflictResolved,
    AuditKind::ProblemDismissed,
    AuditKind::RunEnded,
];

async fn read(store: &dyn Store) -> Vec<Audit> {
    store.audit(0, 0).await.unwrap()
}

/// Every deed has one entry, in the order of the commit, and each is chained to the one before.
pub async fn every_deed_is_chained(harness: &StoreHarness) {
    let store = harness.open();
    linked(&*store, 1, Vec::new()).await;
    put(&*store, loose(everything())).await;
    let log = read(&*store).await;
    assert_eq!(log.iter().map(|entry| entry.what).collect::<Vec<_>>(), SAID);
    let numbers: Vec<u64> = log.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1..=7).collect::<Vec<u64>>());
    let mut before = crm_store::audit::Digest::default();
    for entry in &log {
        assert_eq!(entry.hash, entry.expected(before));
        before = entry.hash;
    }
    let written = log.iter().find(|entry| entry.what == AuditKind::RecordUpdated).unwrap();
    assert_eq!((written.run, written.actor), (Some(run(1)), Actor::Engine));
    assert!(written.digest.is_some() && written.entity.is_some() && written.provider.is_some());
    let dismissed = log.iter().find(|entry| entry.what == AuditKind::ProblemDismissed).unwrap();
    assert_eq!((dismissed.actor, dismissed.digest), (Actor::Person, None));
    assert_eq!(dismissed.detail.as_deref(), Some("phone"));
    let page = store.audit(2, 3).await.unwrap();
    assert_eq!(page.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 4, 5]);
    let check = store.verify_audit().await.unwrap();
    // The write, the history, the conflict, the run: each as it is now.
    assert_eq!((check.entries, check.bodies, check.broken), (7, 4, None));
}

/// A refused commit leaves no entry, and the chain goes on in the next process.
pub async fn the_chain_goes_on(harness: &StoreHarness) {
    {
        let store = harness.open();
        linked(&*store, 1, Vec::new()).await;
        let mut stale = store_row(&crm_store::Entity { row_version: 7, ..entity(1) });
        stale.mutations.extend(everything());
        refused(&*store, stale).await;
        assert_eq!(read(&*store).await, []);
        put(&*store, loose(everything())).await;
    }
    let store = harness.open();
    put(&*store, loose(vec![note(AuditKind::ProblemRetried)])).await;
    let log = read(&*store).await;
    assert_eq!(log.len(), 8);
    let check = store.verify_audit().await.unwrap();
    assert_eq!((check.entries, check.broken), (8, None));
}
