//! The ledger's thread under many callers.

use std::sync::Arc;

use crm_core::{EntityId, ObjectKind, ProviderId, TenantId};
use crm_store::{Commit, Entity, Link, Mutation, Seq, Store, StoreError};
use crm_store_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;
use tokio::task::JoinSet;

const KIND: ObjectKind = ObjectKind::Contact;

fn id(number: usize) -> EntityId {
    EntityId::requested(&TenantId::default(), KIND, &number.to_string())
}

fn founded(number: usize) -> Commit {
    let link = Link::new(ProviderId::from("hubspot"), number.to_string().into());
    let mutations = vec![
        Mutation::Entity(Box::new(Entity::new(id(number), KIND))),
        Mutation::Link(id(number), Box::new(link)),
    ];
    Commit { expected: vec![(id(number), 0)], fences: Vec::new(), mutations }
}

async fn counted_up(store: &SqliteStore) -> usize {
    // Everybody reads, decides and commits; whoever was late does it again.
    for attempt in 0..1_000 {
        let entity = store.entities(&[id(0)]).await.unwrap().pop().unwrap().unwrap();
        let next = Entity { version: entity.version + 1, ..entity.clone() };
        let mutations = vec![Mutation::Entity(Box::new(next))];
        let expected = vec![(entity.id, entity.row_version)];
        match store.commit(Commit { expected, fences: Vec::new(), mutations }).await {
            Ok(()) => return attempt,
            Err(StoreError::Raced) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("never the first in 1000 attempts");
}

#[tokio::test]
async fn a_hundred_commits_at_once_are_all_there() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::new(folder.path().join("ledger.db"));
    let store = Arc::new(SqliteStore::open(&config).unwrap());
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.commit(founded(number)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let rows = store.scan(KIND, Seq::default(), 1_000).await.unwrap();
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row.links.len() == 1 && row.row_version == 1));
}

#[tokio::test]
async fn no_increment_is_lost_among_racing_callers() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::new(folder.path().join("ledger.db"));
    let store = Arc::new(SqliteStore::open(&config).unwrap());
    store.commit(founded(0)).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { counted_up(&store).await });
    }
    let mut raced = 0;
    while let Some(attempts) = tasks.join_next().await {
        raced += attempts.unwrap();
    }
    let entity = store.entities(&[id(0)]).await.unwrap().pop().unwrap().unwrap();
    assert_eq!((entity.version, entity.row_version), (20, 21));
    assert!(raced > 0, "nobody was late: the test proves nothing");
}

#[tokio::test]
async fn what_was_sent_is_done_though_nobody_waits() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::new(folder.path().join("ledger.db"));
    let store = SqliteStore::open(&config).unwrap();
    {
        let commit = store.commit(founded(1));
        let mut commit = std::pin::pin!(commit);
        // One poll sends it; then the caller dies.
        let waker = std::task::Waker::noop();
        let polled = commit.as_mut().poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending() || matches!(polled, std::task::Poll::Ready(Ok(()))));
    }
    // Dropping waits for it and frees the file.
    drop(store);
    let again = SqliteStore::open(&config).unwrap();
    assert_eq!(again.scan(KIND, Seq::default(), 9).await.unwrap().len(), 1);
}
