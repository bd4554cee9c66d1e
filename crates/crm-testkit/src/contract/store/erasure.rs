//! What an erasure removes, what it leaves, and that it is recognised afterwards.

use std::collections::BTreeMap;

use crm_core::{Field, ObjectKind, Ref, Uid};
use crm_store::{
    Actor, AuditKind, AuditNote, Claim, ClaimState, Commit, ConflictQuery, Entity, Erasure,
    ErasureStage, JournalQuery, KeyHash, Link, LinkState, Mutation, OpenRecord, RecordFate, Store,
    Trait,
};

use super::harness::{
    KIND, StoreHarness, at, find, get, hubspot, id, link, linked, loose, mark, owner, put, record,
    refused, run, salesforce, wrong,
};
use super::journal::{changes, journal};
use super::log::{conflict, history};

/// Stores an entity about which there is a row in every table.
async fn everything(store: &dyn Store, number: u32) -> Entity {
    let names = [format!("h{number}"), format!("s{number}")];
    let one = linked(store, number, vec![link(hubspot(), &names[0])]).await;
    let claim = Claim {
        uid: Uid::of(one.id),
        fields: vec![(Field::EMAIL, crm_core::Value::text("claimed@mail.example"), 1)],
        state: ClaimState::Open,
        at: at(0),
        run: None,
    };
    let claimed = Link {
        remote: None,
        state: LinkState::Claimed,
        claim: Some(claim),
        ..link(salesforce(), &names[1])
    };
    let to = Ref::Remote(ObjectKind::Company, record("nobody"));
    put(
        store,
        loose(vec![
            Mutation::Link(one.id, Box::new(claimed)),
            Mutation::Mark(one.id, mark(at(0))),
            Mutation::Keys { entity: one.id, kind: KIND, remove: vec![], add: vec![KeyHash(7)] },
            Mutation::Alias {
                provider: hubspot(),
                kind: KIND,
                old: record(&format!("old{number}")),
                new: record(&names[0]),
            },
            Mutation::PendingRef { from: one.id, provider: hubspot(), to },
            Mutation::Conflict(Box::new(conflict(one.id, 5))),
            Mutation::History(Box::new(history(one.id, 2))),
            Mutation::Journal(Box::new(journal(number, 4, 1, changes()))),
        ]),
    )
    .await;
    get(store, one.id).await
}

fn erase(entity: &Entity) -> Commit {
    let note = AuditNote {
        at: at(9),
        run: Some(run(3)),
        actor: Actor::Person,
        what: AuditKind::Erased,
        entity: Some(entity.id),
        provider: None,
        detail: None,
    };
    Commit {
        expected: vec![(entity.id, entity.row_version)],
        mutations: vec![Mutation::Audit(Box::new(note)), Mutation::Erase(entity.id)],
        ..Commit::default()
    }
}

/// Of an erased entity every row is gone, of another one none; the audit log stays whole, and no
/// later entity takes the place.
pub async fn an_erased_entity_leaves_no_row(harness: &StoreHarness) {
    let store = harness.open();
    let kept = everything(&*store, 1).await;
    let gone = everything(&*store, 2).await;
    put(&*store, erase(&gone)).await;
    assert_eq!(find(&*store, gone.id).await, None);
    assert_eq!(get(&*store, kept.id).await, kept);
    assert_eq!(owner(&*store, &hubspot(), "h2").await, None);
    assert_eq!(owner(&*store, &hubspot(), "old2").await, None);
    assert_eq!(owner(&*store, &hubspot(), "old1").await, Some(kept.id));
    assert_eq!(store.candidates(KIND, &[KeyHash(7)]).await.unwrap(), [vec![kept.id]]);
    assert_eq!(store.history(gone.id).await.unwrap(), []);
    assert_eq!(store.history(kept.id).await.unwrap().len(), 1);
    let conflicts = store.conflicts(ConflictQuery::default()).await.unwrap();
    assert_eq!(conflicts.iter().map(|row| row.entity).collect::<Vec<_>>(), [kept.id]);
    let rows = store.journal(JournalQuery::default()).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.entity).collect::<Vec<_>>(), [kept.id]);
    let counts = store.counts(KIND).await.unwrap();
    assert_eq!((counts.live, counts.marked, counts.open_conflicts), (1, 1, 1));
    let check = store.verify_audit().await.unwrap();
    assert_eq!((check.bodies, check.broken), (3, None));
    let log = store.audit(0, 0).await.unwrap();
    let last = log.last().unwrap();
    assert_eq!((last.what, last.entity), (AuditKind::Erased, gone.seq));
    // What it waited for comes, and wakes nobody but the other one.
    let next = linked(&*store, 3, vec![link(hubspot(), "h2")]).await;
    assert!(next.seq > gone.seq, "{:?} again", gone.seq);
    let row = journal(3, 9, 2, changes());
    put(&*store, loose(vec![Mutation::Journal(Box::new(row))])).await;
    assert_eq!(store.verify_audit().await.unwrap().broken, None);
    store.scrub().await.unwrap();
    assert_eq!(get(&*store, kept.id).await, kept);
    assert_eq!(store.verify_audit().await.unwrap().broken, None);
}

/// Somebody else was faster: nothing is removed. What is not there cannot be erased, and work in
/// hand is void.
pub async fn an_erasure_is_a_decision_like_others(harness: &StoreHarness) {
    let store = harness.open();
    let one = everything(&*store, 1).await;
    let stale = Entity { row_version: one.row_version + 1, ..one.clone() };
    refused(&*store, erase(&stale)).await;
    assert_eq!(get(&*store, one.id).await, one);
    let entries = store.audit(0, 0).await.unwrap().len();
    wrong(&*store, loose(vec![Mutation::Erase(id(9))])).await;
    let leased = super::harness::lease(&*store, at(1), 9).await.remove(0);
    put(&*store, loose(vec![Mutation::Erase(one.id)])).await;
    assert_eq!(store.audit(0, 0).await.unwrap().len(), entries);
    let fences = vec![(one.id, leased.fence)];
    let late =
        Commit { fences, mutations: vec![Mutation::Mark(one.id, None)], ..Commit::default() };
    refused(&*store, late).await;
    assert_eq!(store.next_due(KIND).await.unwrap(), None);
}

/// Addresses and records are recognised, of their own kind, also by the next process.
pub async fn what_was_erased_is_recognised(harness: &StoreHarness) {
    let traits = vec![
        Trait::Email("gone@mail.example".to_owned()),
        Trait::Record(hubspot(), record("h2")),
        Trait::Record(salesforce(), record("h2")),
        Trait::Email("other@mail.example".to_owned()),
    ];
    {
        let store = harness.open();
        assert_eq!(store.erased(KIND, &traits).await.unwrap(), [false; 4]);
        let block = Mutation::Block {
            kind: KIND,
            traits: traits.iter().take(2).cloned().collect(),
            run: run(3),
            at: at(0),
        };
        put(&*store, loose(vec![block])).await;
        assert_eq!(store.erased(KIND, &traits).await.unwrap(), [true, true, false, false]);
    }
    let store = harness.open();
    store.scrub().await.unwrap();
    assert_eq!(store.erased(KIND, &traits).await.unwrap(), [true, true, false, false]);
    assert_eq!(store.erased(ObjectKind::Company, &traits).await.unwrap(), [false; 4]);
    assert_eq!(store.erased(KIND, &[]).await.unwrap(), Vec::<bool>::new());
}

/// Erasures come newest first with their hashes; storing one again replaces it.
pub async fn erasures_come_back(harness: &StoreHarness) {
    let erasure = |number, second| Erasure {
        run: run(number),
        kind: KIND,
        at: at(second),
        stage: ErasureStage::Records,
        scrubbed: false,
        ended: None,
        entities: 2,
        open: vec![
            OpenRecord::Known(hubspot(), record("h1")),
            OpenRecord::Announced(salesforce(), Uid::of(id(1))),
        ],
        fates: BTreeMap::new(),
        digests: Vec::new(),
    };
    let store = harness.open();
    assert_eq!(store.erasures().await.unwrap(), []);
    let first = Mutation::Erasure(Box::new(erasure(1, 0)));
    let second = Mutation::Erasure(Box::new(erasure(2, 9)));
    let traits = vec![Trait::Email("a@mail.example".into()), Trait::Email("b@mail.example".into())];
    let block = Mutation::Block { kind: KIND, traits, run: run(1), at: at(0) };
    put(&*store, loose(vec![first, second, block])).await;
    let mut done = erasure(1, 0);
    done.open.clear();
    done.stage = ErasureStage::Done;
    done.ended = Some(at(20));
    done.note(&hubspot(), RecordFate::Archived);
    done.note(&hubspot(), RecordFate::Archived);
    put(&*store, loose(vec![Mutation::Erasure(Box::new(done.clone()))])).await;
    drop(store);
    let mut found = harness.open().erasures().await.unwrap();
    let first = found.pop().unwrap();
    assert_eq!(found, [erasure(2, 9)]);
    assert_eq!(first.digests.len(), 2);
    assert!(first.digests.is_sorted());
    assert_eq!(Erasure { digests: Vec::new(), ..first }, done);
    let archived = BTreeMap::from([(RecordFate::Archived, 2)]);
    assert_eq!(done.fates, BTreeMap::from([(hubspot(), archived)]));
}

/// A record's entity comes with the link to it and no other; only live links lead anywhere.
pub async fn tied_entities_have_one_link(harness: &StoreHarness) {
    let store = harness.open();
    let one = linked(&*store, 1, vec![link(hubspot(), "h1"), link(salesforce(), "s1")]).await;
    let gone = Link { state: LinkState::Gone { at: at(0) }, ..link(hubspot(), "h2") };
    linked(&*store, 2, vec![gone]).await;
    let alias =
        Mutation::Alias { provider: hubspot(), kind: KIND, old: record("h0"), new: record("h1") };
    put(&*store, loose(vec![alias])).await;
    let ids = ["h2", "h1", "h0", "s1", "h1"].map(record);
    let found = store.tied(&hubspot(), KIND, &ids).await.unwrap();
    let only = Entity { links: vec![link(hubspot(), "h1")], ..one };
    assert_eq!(found, [None, Some(only.clone()), None, None, Some(only)]);
    let other = store.tied(&hubspot(), ObjectKind::Deal, &ids).await.unwrap();
    assert_eq!(other, [None, None, None, None, None]);
}
