//! References that wait for a record, and what ends their waiting.

use crm_core::{ObjectKind, Ref};
use crm_store::{Commit, Entity, EntityState, LeaseRequest, Mutation, Store};

use super::harness::{
    KIND, StoreHarness, at, entity, get, hubspot, link, linked, loose, put, record, salesforce,
    store_all,
};

async fn due(store: &dyn Store) -> bool {
    store.next_due(KIND).await.unwrap().is_some()
}

fn waits(from: &Entity, to: Ref) -> Commit {
    loose(vec![Mutation::PendingRef { from: from.id, provider: hubspot(), to }])
}

/// An entity that waits for a record is marked as soon as the record is linked, and only once;
/// its row version stays.
pub async fn a_waiting_reference_wakes_its_entity(harness: &StoreHarness) {
    let store = harness.open();
    let (one, two) = (linked(&*store, 1, vec![]).await, linked(&*store, 2, vec![]).await);
    let target = Entity { kind: ObjectKind::Company, ..entity(9) };
    put(&*store, store_all(&target)).await;
    put(&*store, waits(&one, Ref::Entity(target.id))).await;
    put(&*store, waits(&two, Ref::Remote(ObjectKind::Company, record("h9")))).await;
    assert!(!due(&*store).await);
    // Neither another provider's record nor another kind's is what is waited for.
    let elsewhere = Mutation::Link(target.id, Box::new(link(salesforce(), "h9")));
    put(&*store, loose(vec![elsewhere])).await;
    linked(&*store, 3, vec![link(hubspot(), "h9")]).await;
    assert!(!due(&*store).await);
    let before = get(&*store, one.id).await.row_version;
    let arrives = Mutation::Link(target.id, Box::new(link(hubspot(), "h9")));
    put(&*store, loose(vec![arrives.clone()])).await;
    let request =
        LeaseRequest { kind: KIND, now: at(0), lease: std::time::Duration::from_secs(9), limit: 9 };
    let leased = store.lease(request).await.unwrap();
    let ids: Vec<_> = leased.iter().map(|leased| leased.entity.id).collect();
    assert_eq!(ids, [one.id, two.id]);
    assert_eq!(get(&*store, one.id).await.row_version, before);
    for leased in leased {
        let done = Commit {
            fences: vec![(leased.entity.id, leased.fence)],
            mutations: vec![Mutation::Mark(leased.entity.id, None)],
            ..Commit::default()
        };
        put(&*store, done).await;
    }
    put(&*store, loose(vec![arrives])).await;
    assert!(!due(&*store).await, "it was woken twice");
}

/// Waiting for what is there marks at once, also after the entity's own mark was cleared by the
/// same commit.
pub async fn what_is_there_already_is_not_waited_for(harness: &StoreHarness) {
    let store = harness.open();
    let from = linked(&*store, 1, vec![]).await;
    let target = linked(&*store, 2, vec![link(hubspot(), "h2")]).await;
    for to in [Ref::Entity(target.id), Ref::Remote(KIND, record("h2"))] {
        let mut commit = waits(&from, to);
        commit.mutations.push(Mutation::Mark(from.id, None));
        put(&*store, commit).await;
        assert!(due(&*store).await);
        put(&*store, loose(vec![Mutation::Mark(from.id, None)])).await;
        assert!(!due(&*store).await);
    }
}

/// An entity that became another one, or is the duplicate of one, is waited for no longer.
pub async fn a_merge_ends_the_waiting(harness: &StoreHarness) {
    let store = harness.open();
    let from = linked(&*store, 1, vec![]).await;
    let into = linked(&*store, 9, vec![]).await;
    let merged = EntityState::Merged { into: into.id };
    let duplicate = EntityState::Held { reason: "merged".to_owned(), of: Some(into.id) };
    for (number, state) in [(2, merged), (3, duplicate)] {
        let target = linked(&*store, number, vec![]).await;
        put(&*store, waits(&from, Ref::Entity(target.id))).await;
        assert!(!due(&*store).await);
        let became = Entity { state, ..target.clone() };
        let expected = vec![(target.id, target.row_version)];
        let mutations = vec![Mutation::Entity(Box::new(became))];
        put(&*store, Commit { expected, fences: Vec::new(), mutations }).await;
        assert!(due(&*store).await);
        put(&*store, loose(vec![Mutation::Mark(from.id, None)])).await;
        // Later it is not waited for at all.
        put(&*store, waits(&from, Ref::Entity(target.id))).await;
        assert!(due(&*store).await);
        put(&*store, loose(vec![Mutation::Mark(from.id, None)])).await;
    }
}

/// What became another entity, or is its duplicate, is found by that one, in order of insertion.
pub async fn what_became_another_is_found_by_it(harness: &StoreHarness) {
    let store = harness.open();
    let into = linked(&*store, 9, vec![]).await;
    let other = linked(&*store, 8, vec![]).await;
    let duplicate = EntityState::Held { reason: "merged".to_owned(), of: Some(into.id) };
    let doubted = EntityState::held("ambiguous_email");
    let merged = |into: &Entity| EntityState::Merged { into: into.id };
    let states = [(5, duplicate), (4, merged(&into)), (3, merged(&other)), (2, doubted)];
    for (number, state) in states {
        let part = linked(&*store, number, vec![link(hubspot(), &format!("h{number}"))]).await;
        let expected = vec![(part.id, part.row_version)];
        let mutations = vec![Mutation::Entity(Box::new(Entity { state, ..part }))];
        put(&*store, Commit { expected, fences: Vec::new(), mutations }).await;
    }
    let ids = async |of: Option<&Entity>| {
        let found = store.absorbed(of.map(|entity| entity.id)).await.unwrap();
        assert!(found.iter().all(|part| part.links.len() == 1), "with their links");
        found.into_iter().map(|part| part.id).collect::<Vec<_>>()
    };
    let id = |number| entity(number).id;
    assert_eq!(ids(Some(&into)).await, [id(5), id(4)]);
    assert_eq!(ids(Some(&other)).await, [id(3)]);
    assert_eq!(ids(None).await, [id(5), id(4), id(3)]);
    assert_eq!(ids(Some(&entity(4))).await, []);
}
