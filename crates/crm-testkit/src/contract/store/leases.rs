//! Marks, and the leases under which marked entities are worked on.

use crm_core::{Field, ObjectKind, Uid, Value, WriteKey};
use crm_store::{
    Claim, ClaimState, Commit, Entity, EntityState, Intent, LeaseRequest, Link, LinkState, Mark,
    Mutation, Store,
};
use jiff::Timestamp;

use super::harness::{
    KIND, LEASE, StoreHarness, at, entity, get, hubspot, id, lease, leased_ids, link, linked,
    loose, mark, marked, put, record, refused, salesforce, store_row,
};

/// Returns a commit under a fence.
fn fenced(number: u32, fence: u64, mutations: Vec<Mutation>) -> Commit {
    Commit { expected: Vec::new(), fences: vec![(id(number), fence)], mutations }
}

async fn mark_of(store: &dyn Store, number: u32) -> Option<Mark> {
    get(store, id(number)).await.mark
}

/// What is due comes by time, then by insertion; what is not due, not marked or of another kind
/// does not, and no more than was asked for.
pub async fn work_comes_oldest_first(harness: &StoreHarness) {
    let store = harness.open();
    for (number, due) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 31)] {
        marked(&*store, number, at(due)).await;
    }
    linked(&*store, 6, Vec::new()).await;
    let company = Entity { kind: ObjectKind::Company, mark: mark(at(1)), ..entity(7) };
    put(&*store, store_row(&company)).await;
    let first = lease(&*store, at(30), 3).await;
    assert_eq!(leased_ids(&first), [id(2), id(4), id(3)]);
    assert_eq!(first.first().unwrap().entity, get(&*store, id(2)).await);
    let second = lease(&*store, at(30), 3).await;
    assert_eq!(leased_ids(&second), [id(1)]);
    assert_eq!(lease(&*store, at(9), 9).await, []);
    let request = LeaseRequest { kind: ObjectKind::Company, now: at(1), lease: LEASE, limit: 9 };
    assert_eq!(leased_ids(&store.lease(request).await.unwrap()), [id(7)]);
    assert_eq!(lease(&*store, at(99), 0).await, []);
}

/// A lease keeps others away until it is over, and then no longer; its fence has grown.
pub async fn a_leased_entity_is_not_leased_again(harness: &StoreHarness) {
    let store = harness.open();
    marked(&*store, 1, at(0)).await;
    let fence = |leased: Vec<crm_store::Leased>| leased.first().map(|leased| leased.fence);
    let first = fence(lease(&*store, at(0), 9).await).unwrap();
    assert_eq!(lease(&*store, at(0), 9).await, []);
    assert_eq!(lease(&*store, at(29), 9).await, []);
    let second = fence(lease(&*store, at(30), 9).await).unwrap();
    assert!(first < second);
    assert_eq!(lease(&*store, at(59), 9).await, []);
    assert_eq!(lease(&*store, at(60), 9).await.len(), 1);
}

/// Whoever slept through the end of the lease cannot commit once another works on the entity.
pub async fn an_old_fence_is_refused(harness: &StoreHarness) {
    let store = harness.open();
    marked(&*store, 1, at(0)).await;
    marked(&*store, 2, at(0)).await;
    let old = lease(&*store, at(0), 9).await.first().unwrap().fence;
    // Over, but not yet given to another.
    let link_of = |text: &str| vec![Mutation::Link(id(1), Box::new(link(hubspot(), text)))];
    put(&*store, fenced(1, old, link_of("h1"))).await;
    let new = lease(&*store, at(40), 9).await.first().unwrap().fence;
    let before = get(&*store, id(1)).await;
    refused(&*store, fenced(1, old, link_of("h2"))).await;
    refused(&*store, fenced(1, new + 9, link_of("h2"))).await;
    refused(&*store, fenced(3, new, link_of("h2"))).await;
    assert_eq!(get(&*store, id(1)).await, before);
    put(&*store, fenced(1, new, link_of("h3"))).await;
    // Never leased: no fence is right.
    marked(&*store, 4, at(99)).await;
    refused(&*store, fenced(4, 0, Vec::new())).await;
    refused(&*store, fenced(4, new, Vec::new())).await;
}

/// A worker's own commit ends the lease at once, and its next commits still pass.
pub async fn a_settled_lease_ends_and_its_fence_stays_good(harness: &StoreHarness) {
    let store = harness.open();
    marked(&*store, 1, at(0)).await;
    let first = lease(&*store, at(0), 9).await;
    let Entity { row_version, .. } = get(&*store, id(1)).await;
    let fence = first.first().unwrap().fence;
    // Announce: a link alone does not end it.
    let announce = vec![Mutation::Link(id(1), Box::new(link(hubspot(), "h1")))];
    let expected = vec![(id(1), row_version)];
    put(&*store, Commit { expected, ..fenced(1, fence, announce) }).await;
    assert_eq!(lease(&*store, at(1), 9).await, []);
    put(&*store, fenced(1, fence, vec![Mutation::Mark(id(1), None)])).await;
    assert_eq!(store.next_due(KIND).await.unwrap(), None);
    put(&*store, fenced(1, fence, vec![Mutation::Mark(id(1), mark(at(2)))])).await;
    let again = lease(&*store, at(2), 9).await;
    assert_eq!(leased_ids(&again), [id(1)]);
    refused(&*store, fenced(1, fence, Vec::new())).await;
    // The entity's row ends it too.
    let again = again.first().unwrap();
    let row = store_row(&again.entity);
    put(&*store, Commit { fences: vec![(id(1), again.fence)], ..row }).await;
    assert_eq!(leased_ids(&lease(&*store, at(3), 9).await), [id(1)]);
}

/// A change that is noticed while the entity is worked on voids that work: it would clear the
/// mark without having seen the change.
pub async fn a_hint_during_work_is_not_lost(harness: &StoreHarness) {
    let store = harness.open();
    marked(&*store, 1, at(0)).await;
    let worker = lease(&*store, at(0), 9).await.first().unwrap().clone();
    put(&*store, loose(vec![Mutation::Mark(id(1), mark(at(1)))])).await;
    let clear = vec![Mutation::Mark(id(1), None)];
    refused(&*store, fenced(1, worker.fence, clear.clone())).await;
    let expected = vec![(id(1), worker.entity.row_version)];
    refused(&*store, Commit { expected, fences: Vec::new(), mutations: clear.clone() }).await;
    let again = lease(&*store, at(1), 9).await;
    assert_eq!(leased_ids(&again), [id(1)]);
    let fence = again.first().unwrap().fence;
    put(&*store, fenced(1, fence, clear)).await;
    assert_eq!(mark_of(&*store, 1).await, None);
}

/// A hint never postpones work and never forgets failures; counting a failure does postpone.
pub async fn a_mark_keeps_an_earlier_time(harness: &StoreHarness) {
    let store = harness.open();
    linked(&*store, 1, Vec::new()).await;
    let set = async |due: Timestamp, attempts| {
        let mark = Some(Mark { due, attempts });
        put(&*store, loose(vec![Mutation::Mark(id(1), mark)])).await;
        mark_of(&*store, 1).await.unwrap()
    };
    assert_eq!(set(at(20), 0).await, Mark { due: at(20), attempts: 0 });
    assert_eq!(set(at(30), 0).await, Mark { due: at(20), attempts: 0 });
    assert_eq!(set(at(10), 0).await, Mark { due: at(10), attempts: 0 });
    assert_eq!(set(at(60), 2).await, Mark { due: at(60), attempts: 2 });
    assert_eq!(set(at(50), 0).await, Mark { due: at(50), attempts: 2 });
    assert_eq!(set(at(90), 3).await, Mark { due: at(90), attempts: 3 });
    let row = Entity { mark: mark(at(95)), ..get(&*store, id(1)).await };
    put(&*store, store_row(&row)).await;
    assert_eq!(mark_of(&*store, 1).await, mark(at(95)));
}

/// The next time is that of the first entity that would be handed out.
pub async fn next_due_knows_of_leases(harness: &StoreHarness) {
    let store = harness.open();
    let next = async || store.next_due(KIND).await.unwrap();
    assert_eq!(next().await, None);
    marked(&*store, 1, at(10)).await;
    marked(&*store, 2, at(50)).await;
    marked(&*store, 3, at(20)).await;
    assert_eq!(store.next_due(ObjectKind::Deal).await.unwrap(), None);
    assert_eq!(next().await, Some(at(10)));
    let first = lease(&*store, at(15), 1).await;
    assert_eq!(next().await, Some(at(20)));
    lease(&*store, at(25), 1).await;
    assert_eq!(next().await, Some(at(45)));
    let fence = first.first().unwrap().fence;
    put(&*store, fenced(1, fence, vec![Mutation::Mark(id(1), None)])).await;
    assert_eq!(next().await, Some(at(50)));
}

/// A new process marks what was announced and not settled: that, and nothing else.
pub async fn recover_marks_what_is_open(harness: &StoreHarness) {
    let store = harness.open();
    let claim = Some(Claim {
        uid: Uid::of(id(1)),
        fields: Vec::new(),
        state: ClaimState::Ambiguous,
        at: at(0),
        run: None,
    });
    let key = WriteKey::derive(id(2), &hubspot(), 1);
    let intent = Intent { key, fields: Vec::new(), at: at(0), watched: false, run: None };
    let claimed = Link {
        remote: None,
        state: LinkState::Claimed,
        claim: claim.clone(),
        ..Link::new(salesforce(), record("none"))
    };
    let announced = Link { intents: vec![intent], ..link(hubspot(), "h2") };
    linked(&*store, 1, vec![link(hubspot(), "h1"), claimed.clone()]).await;
    linked(&*store, 2, vec![announced.clone(), link(salesforce(), "s2")]).await;
    let quiet = linked(&*store, 3, vec![link(hubspot(), "h3")]).await;
    let deal = Entity { kind: ObjectKind::Deal, ..entity(4) };
    put(&*store, store_row(&deal)).await;
    put(&*store, loose(vec![Mutation::Link(deal.id, Box::new(claimed.clone()))])).await;
    // What is only watched for a late landing is settled.
    let watched = announced.intents.iter().map(|intent| Intent { watched: true, ..intent.clone() });
    linked(&*store, 5, vec![Link { intents: watched.collect(), ..link(hubspot(), "h5") }]).await;
    // Of a create that was refused nothing is on its way.
    let refused = claim.map(|claim| Claim { state: ClaimState::Refused, ..claim });
    linked(&*store, 6, vec![Link { claim: refused, ..claimed }]).await;
    let recover = || Mutation::Recover { kind: KIND, mark: mark(at(7)).unwrap() };
    put(&*store, loose(vec![recover()])).await;
    assert_eq!(leased_ids(&lease(&*store, at(7), 9).await), [id(1), id(2)]);
    assert_eq!(get(&*store, quiet.id).await, quiet);
    assert_eq!(store.next_due(ObjectKind::Deal).await.unwrap(), None);
    // Settled, it is open no more.
    let settled = Link { intents: Vec::new(), ..announced };
    let mutations = vec![
        Mutation::Link(id(2), Box::new(settled)),
        Mutation::Mark(id(2), None),
        Mutation::Mark(id(1), None),
        recover(),
    ];
    put(&*store, loose(mutations)).await;
    assert_eq!(leased_ids(&lease(&*store, at(8), 9).await), [id(1)]);
}

/// After a change of the rules everything that lives is looked at, once.
pub async fn mark_all_marks_what_lives(harness: &StoreHarness) {
    let store = harness.open();
    let states = [
        EntityState::Live,
        EntityState::held("ambiguous_email"),
        EntityState::Tombstone { at: at(0) },
        EntityState::Merged { into: id(1) },
        EntityState::Live,
    ];
    for (number, state) in (1..).zip(states) {
        put(&*store, store_row(&Entity { state, ..entity(number) })).await;
    }
    let deal = Entity { kind: ObjectKind::Deal, ..entity(6) };
    put(&*store, store_row(&deal)).await;
    let early = Some(Mark { due: at(2), attempts: 4 });
    put(&*store, loose(vec![Mutation::Mark(id(5), early)])).await;
    let held = get(&*store, id(2)).await;
    let all = Mutation::MarkAll { kind: KIND, mark: mark(at(5)).unwrap() };
    put(&*store, loose(vec![all])).await;
    assert_eq!(mark_of(&*store, 1).await, mark(at(5)));
    assert_eq!(mark_of(&*store, 5).await, early);
    assert_eq!(get(&*store, id(2)).await, held);
    assert_eq!(leased_ids(&lease(&*store, at(5), 9).await), [id(5), id(1)]);
    assert_eq!(store.next_due(ObjectKind::Deal).await.unwrap(), None);
}

/// Marking everything is noticed by whoever works on an entity just then: that work was decided
/// by the old rules, and must not clear the mark.
pub async fn marking_all_voids_the_work_in_hand(harness: &StoreHarness) {
    let store = harness.open();
    marked(&*store, 1, at(0)).await;
    let worker = lease(&*store, at(0), 9).await.first().unwrap().clone();
    let all = Mutation::MarkAll { kind: KIND, mark: mark(at(5)).unwrap() };
    put(&*store, loose(vec![all])).await;
    refused(&*store, fenced(1, worker.fence, vec![Mutation::Mark(id(1), None)])).await;
    assert_eq!(mark_of(&*store, 1).await, mark(at(0)));
    // It is free at once, and the new lease has a new fence.
    let again = lease(&*store, at(5), 9).await;
    assert_eq!(leased_ids(&again), [id(1)]);
    assert!(again.first().unwrap().fence > worker.fence);
}

/// What was announced before the process died is what the next one finds: every value with its
/// golden version, and who has to look at it.
pub async fn announcements_outlive_the_process(harness: &StoreHarness) {
    let store = harness.open();
    let claim = Claim {
        uid: Uid::of(id(1)),
        fields: vec![
            (Field::EMAIL, Value::text("p1@mail.example"), 1),
            (Field::CITY, Value::text("Oslo"), 4),
        ],
        state: ClaimState::Open,
        at: at(0),
        run: None,
    };
    let intent = |version| Intent {
        key: WriteKey::derive(id(2), &hubspot(), version),
        fields: vec![(Field::CITY, None, version), (Field::EMAIL, Some(Value::text("e")), 1)],
        at: at(1),
        watched: false,
        run: None,
    };
    let claimed = Link {
        remote: None,
        state: LinkState::Claimed,
        claim: Some(claim),
        ..Link::new(salesforce(), record("none"))
    };
    let announced = Link { intents: vec![intent(3), intent(4)], ..link(hubspot(), "h2") };
    let first = linked(&*store, 1, vec![link(hubspot(), "h1"), claimed]).await;
    let second = linked(&*store, 2, vec![announced]).await;
    let quiet = linked(&*store, 3, vec![link(hubspot(), "h3")]).await;
    drop(store);

    let store = harness.open();
    let read = store.entities(&[first.id, second.id, quiet.id]).await.unwrap();
    assert_eq!(read, [Some(first.clone()), Some(second), Some(quiet)]);
    let recover = Mutation::Recover { kind: KIND, mark: mark(at(7)).unwrap() };
    put(&*store, loose(vec![recover])).await;
    let found = lease(&*store, at(7), 9).await;
    assert_eq!(leased_ids(&found), [id(1), id(2)]);
    assert_eq!(found.first().unwrap().entity.links, first.links);
}
