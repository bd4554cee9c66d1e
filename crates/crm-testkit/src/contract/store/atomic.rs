//! A commit happens as a whole, on what it was decided on, or not at all.

use crm_core::Cursor;
use crm_store::{
    Commit, ConflictQuery, Counts, Entity, EntityState, KeyHash, Mutation, Seq, Stage, Store,
    StoreError,
};
use futures_util::future::join_all;

use super::harness::{
    KIND, StoreHarness, at, entity, find, get, hubspot, id, ids, link, linked, loose, mark, owner,
    put, record, refused, salesforce, store_all, store_row, wrong,
};
use super::log::{conflict, history, run_row};

/// Every sort of mutation, so that none can be applied before the refusal is noticed.
fn everything(known: &Entity) -> Vec<Mutation> {
    let id = known.id;
    let held = EntityState::held("ambiguous_email");
    vec![
        Mutation::Entity(Box::new(entity(99))),
        Mutation::Link(entity(99).id, Box::new(link(salesforce(), "new"))),
        Mutation::Entity(Box::new(Entity { state: held, ..known.clone() })),
        Mutation::Link(id, Box::new(link(salesforce(), "s1"))),
        Mutation::Unlink(id, hubspot()),
        Mutation::Mark(id, mark(at(1))),
        Mutation::Keys { entity: id, kind: KIND, remove: Vec::new(), add: vec![KeyHash(7)] },
        Mutation::Alias { provider: hubspot(), kind: KIND, old: record("0"), new: record("h1") },
        Mutation::Conflict(Box::new(conflict(id, 1))),
        Mutation::History(Box::new(history(id, 2))),
        cursor("page 2"),
        Mutation::Stage(KIND, Stage::Live),
        Mutation::Run(Box::new(run_row(1, 0))),
        Mutation::MarkAll { kind: KIND, mark: mark(at(1)).unwrap() },
    ]
}

fn cursor(text: &str) -> Mutation {
    let cursor = Cursor(text.to_owned());
    Mutation::Cursor { provider: hubspot(), kind: KIND, feed: "changes", cursor }
}

async fn cursor_of(store: &dyn Store) -> Option<Cursor> {
    store.cursor(&hubspot(), KIND, "changes").await.unwrap()
}

/// A refused commit leaves no trace, whichever of its entities was changed meanwhile.
pub async fn a_raced_commit_changes_nothing(harness: &StoreHarness) {
    let store = harness.open();
    let known = linked(&*store, 1, vec![link(hubspot(), "h1")]).await;
    let other = linked(&*store, 2, Vec::new()).await;
    let expected =
        vec![(entity(99).id, 0), (known.id, known.row_version), (other.id, other.row_version + 1)];
    let commit = Commit { expected, fences: Vec::new(), mutations: everything(&known) };
    refused(&*store, commit).await;
    let rows = store.scan(KIND, Seq::default(), 9).await.unwrap();
    assert_eq!(rows, [known.clone(), other.clone()]);
    assert_eq!(owner(&*store, &hubspot(), "0").await, None);
    assert_eq!(owner(&*store, &hubspot(), "h1").await, Some(known.id));
    assert_eq!(owner(&*store, &salesforce(), "s1").await, None);
    let candidates = store.candidates(KIND, &[KeyHash(7)]).await.unwrap();
    assert_eq!(candidates, [Vec::new()]);
    assert_eq!(store.conflicts(ConflictQuery::default()).await.unwrap(), []);
    assert_eq!(store.history(known.id).await.unwrap(), []);
    assert_eq!(store.runs(9).await.unwrap(), []);
    assert_eq!(cursor_of(&*store).await, None);
    assert_eq!(store.stage(KIND).await.unwrap(), Stage::New);
    assert_eq!(store.next_due(KIND).await.unwrap(), None);
    // The same commit on what is there does all of it.
    let expected = vec![(entity(99).id, 0), (known.id, known.row_version)];
    put(&*store, Commit { expected, fences: Vec::new(), mutations: everything(&known) }).await;
    assert_eq!(owner(&*store, &salesforce(), "s1").await, Some(known.id));
    assert_eq!(owner(&*store, &salesforce(), "new").await, Some(entity(99).id));
    assert_eq!(store.stage(KIND).await.unwrap(), Stage::Live);
    assert_eq!(store.runs(9).await.unwrap().len(), 1);
}

/// Row version 0 says that the entity is not there yet; of two founders one is refused.
pub async fn a_new_entity_must_not_exist(harness: &StoreHarness) {
    let store = harness.open();
    put(&*store, store_row(&entity(1))).await;
    let stored = get(&*store, id(1)).await;
    assert_eq!((stored.row_version, stored.seq), (1, Some(Seq(1))));
    let second = Entity { version: 9, ..entity(1) };
    refused(&*store, store_row(&second)).await;
    assert_eq!(get(&*store, id(1)).await, stored);
    // Also where the commit does not store it itself.
    let absent = Commit { expected: vec![(id(1), 0)], ..Commit::default() };
    refused(&*store, absent).await;
    let absent = Commit { expected: vec![(id(2), 0)], ..Commit::default() };
    put(&*store, absent).await;
    assert_eq!(find(&*store, id(2)).await, None);
    refused(&*store, Commit { expected: vec![(id(2), 1)], ..Commit::default() }).await;
}

/// Whoever decided on an older row is refused; whoever read the newest one is not.
pub async fn an_old_row_version_is_refused(harness: &StoreHarness) {
    let store = harness.open();
    let read = linked(&*store, 1, Vec::new()).await;
    put(&*store, store_row(&Entity { version: 2, ..read.clone() })).await;
    refused(&*store, store_row(&Entity { version: 3, ..read.clone() })).await;
    let mutations = vec![Mutation::Link(read.id, Box::new(link(hubspot(), "h1")))];
    let expected = vec![(read.id, read.row_version)];
    refused(&*store, Commit { expected, fences: Vec::new(), mutations }).await;
    let mutations = vec![Mutation::Mark(read.id, mark(at(0)))];
    let expected = vec![(read.id, read.row_version)];
    refused(&*store, Commit { expected, fences: Vec::new(), mutations }).await;
    let newest = get(&*store, read.id).await;
    assert_eq!((newest.version, newest.row_version), (2, read.row_version + 1));
    assert_eq!((newest.links.len(), newest.mark), (0, None));
    put(&*store, store_row(&Entity { version: 3, ..newest })).await;
    assert_eq!(get(&*store, read.id).await.version, 3);
}

/// Two decisions on the same row version do not pass together: each alone, the second fails.
pub async fn one_row_version_carries_one_decision(harness: &StoreHarness) {
    let store = harness.open();
    let read = linked(&*store, 1, Vec::new()).await;
    let mut both = store_row(&Entity { version: 2, ..read.clone() });
    let second = store_row(&Entity { version: 3, ..read.clone() });
    both.expected.extend(second.expected);
    both.mutations.extend(second.mutations);
    refused(&*store, both).await;
    assert_eq!(get(&*store, read.id).await, read);
}

/// Of rivals that commit at the same time on the same row version one passes, whoever it is; on
/// rows of their own all pass.
pub async fn of_rivals_one_passes(harness: &StoreHarness) {
    const RIVALS: u32 = 8;
    let store = harness.open();
    let read = linked(&*store, 1, Vec::new()).await;
    let rival = |number: u32| Entity { version: 10 + u64::from(number), ..read.clone() };
    let commits = (0..RIVALS).map(|number| store.commit(store_row(&rival(number))));
    let results = join_all(commits).await;
    let passed: Vec<u64> =
        (10..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(n, _)| n).collect();
    let raced = results.iter().filter(|result| matches!(result, Err(StoreError::Raced)));
    assert_eq!((passed.len(), raced.count()), (1, 7), "{results:?}");
    let after = get(&*store, read.id).await;
    assert_eq!((vec![after.version], after.row_version), (passed, read.row_version + 1));
    let commits = (2..2 + RIVALS).map(|number| store.commit(store_row(&entity(number))));
    assert!(join_all(commits).await.iter().all(Result::is_ok));
    assert_eq!(store.counts(KIND).await.unwrap().live, u64::from(RIVALS) + 1);
}

/// A commit of hundreds of entities is one commit: its last mutation can still undo its first.
pub async fn a_large_commit_is_one_commit(harness: &StoreHarness) {
    const MANY: u32 = 400;
    let store = harness.open();
    let mut commit = Commit::default();
    for number in 1..=MANY {
        let links =
            vec![link(hubspot(), &format!("h{number}")), link(salesforce(), &format!("s{number}"))];
        let one = store_all(&Entity { links, ..entity(number) });
        commit.expected.extend(one.expected);
        commit.mutations.extend(one.mutations);
    }
    let mut late = commit.clone();
    // The first record, claimed a second time by the last entity.
    late.mutations.push(Mutation::Link(id(MANY), Box::new(link(hubspot(), "h1"))));
    refused(&*store, late).await;
    assert_eq!(store.counts(KIND).await.unwrap(), Counts::default());
    put(&*store, commit).await;
    let asked: Vec<_> = (1..=MANY).rev().map(id).collect();
    let read = store.entities(&asked).await.unwrap();
    let found: Vec<_> = read.iter().flatten().map(|entity| entity.id).collect();
    assert_eq!(found, asked);
    assert!(read.iter().flatten().all(|entity| entity.links.len() == 2));
    assert_eq!(owner(&*store, &salesforce(), "s400").await, Some(id(MANY)));
}

/// Each commit that changes an entity counts once, whether it expected a version or not; one
/// that only speaks of it does not count.
pub async fn every_change_is_counted(harness: &StoreHarness) {
    let store = harness.open();
    let read = linked(&*store, 1, vec![link(hubspot(), "h1")]).await;
    let (id, mut version) = (read.id, read.row_version);
    let changes = [
        vec![Mutation::Mark(id, mark(at(5)))],
        vec![Mutation::Mark(id, None)],
        vec![Mutation::Link(id, Box::new(link(salesforce(), "s1")))],
        vec![Mutation::Unlink(id, salesforce()), Mutation::Mark(id, mark(at(5)))],
        vec![Mutation::MarkAll { kind: KIND, mark: mark(at(1)).unwrap() }],
    ];
    for change in changes {
        put(&*store, loose(change)).await;
        version += 1;
        assert_eq!(get(&*store, id).await.row_version, version);
    }
    let quiet = vec![
        Mutation::Keys { entity: id, kind: KIND, remove: Vec::new(), add: vec![KeyHash(1)] },
        Mutation::Conflict(Box::new(conflict(id, 1))),
        Mutation::History(Box::new(history(id, 2))),
    ];
    put(&*store, loose(quiet)).await;
    assert_eq!(get(&*store, id).await.row_version, version);
    // An expected entity counts even where nothing of it changes.
    put(&*store, Commit { expected: vec![(id, version)], ..Commit::default() }).await;
    let read = get(&*store, id).await;
    assert_eq!(read.row_version, version + 1);
    let mut whole = store_all(&read);
    whole.mutations.push(Mutation::Mark(id, mark(at(2))));
    put(&*store, whole).await;
    assert_eq!(get(&*store, id).await.row_version, version + 2);
}

/// A commit that speaks of an entity that is not there is a slip, and changes nothing.
pub async fn what_does_not_exist_cannot_be_changed(harness: &StoreHarness) {
    let store = harness.open();
    let nobody = id(9);
    let slips = [
        Mutation::Link(nobody, Box::new(link(hubspot(), "h1"))),
        Mutation::Unlink(nobody, hubspot()),
        Mutation::Mark(nobody, mark(at(0))),
        Mutation::Keys { entity: nobody, kind: KIND, remove: Vec::new(), add: vec![KeyHash(1)] },
        Mutation::Conflict(Box::new(conflict(nobody, 1))),
        Mutation::History(Box::new(history(nobody, 1))),
    ];
    for slip in slips {
        let mut commit = store_row(&entity(1));
        commit.mutations.push(cursor("page 2"));
        commit.mutations.push(slip);
        wrong(&*store, commit).await;
    }
    assert_eq!(store.scan(KIND, Seq::default(), 9).await.unwrap(), []);
    assert_eq!(cursor_of(&*store).await, None);
    // Later in the same commit it is there.
    let mut commit = store_row(&entity(9));
    commit.mutations.push(Mutation::Mark(nobody, mark(at(0))));
    put(&*store, commit).await;
    assert_eq!(get(&*store, nobody).await.mark, mark(at(0)));
}

/// An entity's row is stored only by who says on which row version the decision was made.
pub async fn a_row_needs_a_row_version(harness: &StoreHarness) {
    let store = harness.open();
    wrong(&*store, loose(vec![Mutation::Entity(Box::new(entity(1)))])).await;
    assert_eq!(find(&*store, id(1)).await, None);
    let read = linked(&*store, 1, Vec::new()).await;
    let blind = Entity { version: 7, ..read.clone() };
    wrong(&*store, loose(vec![Mutation::Entity(Box::new(blind))])).await;
    assert_eq!(get(&*store, read.id).await, read);
}

/// A page of a feed and the place behind it are stored together or not at all.
pub async fn cursor_and_entity_move_together(harness: &StoreHarness) {
    let store = harness.open();
    for (number, page) in [(1, "page 2"), (2, "page 3")] {
        let mut commit = store_row(&entity(number));
        commit.mutations.push(cursor(page));
        put(&*store, commit).await;
    }
    assert_eq!(cursor_of(&*store).await, Some(Cursor("page 3".to_owned())));
    let mut late = store_row(&entity(2));
    late.mutations.push(cursor("page 9"));
    refused(&*store, late).await;
    assert_eq!(cursor_of(&*store).await, Some(Cursor("page 3".to_owned())));
    assert_eq!(ids(&store.scan(KIND, Seq::default(), 9).await.unwrap()), [id(1), id(2)]);
    // Another feed, kind or provider has a place of its own.
    assert_eq!(store.cursor(&hubspot(), KIND, "deletions").await.unwrap(), None);
    assert_eq!(store.cursor(&salesforce(), KIND, "changes").await.unwrap(), None);
    let company = crm_core::ObjectKind::Company;
    assert_eq!(store.cursor(&hubspot(), company, "changes").await.unwrap(), None);
}
