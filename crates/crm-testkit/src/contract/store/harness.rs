//! What a store hands to the suite, and the few words in which the cases are written.

use std::fmt;
use std::time::Duration;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId, RunId, TenantId, Value};
use crm_store::{
    Commit, Entity, Golden, GoldenSlot, LeaseRequest, Leased, Link, LinkSlot, Mark, Mutation,
    Provenance, Shadow, SharedStore, Slots, Store, StoreError,
};
use jiff::Timestamp;
use uuid::Uuid;

/// How long leases last in the cases.
pub(super) const LEASE: Duration = Duration::from_secs(30);

type Open = Box<dyn Fn() -> SharedStore + Send + Sync>;

/// Opens one ledger.
pub struct StoreHarness {
    open: Open,
}

impl StoreHarness {
    /// Takes what opens the ledger: empty at first, and later as a new process finds it. It is
    /// called again only after the store that it returned before was dropped.
    pub fn new(open: impl Fn() -> SharedStore + Send + Sync + 'static) -> Self {
        Self { open: Box::new(open) }
    }

    /// Opens the ledger.
    pub fn open(&self) -> SharedStore {
        (self.open)()
    }
}

impl fmt::Debug for StoreHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreHarness").finish_non_exhaustive()
    }
}

/// Contacts, which most cases are about.
pub(super) const KIND: ObjectKind = ObjectKind::Contact;

pub(super) fn hubspot() -> ProviderId {
    ProviderId::from("hubspot")
}

pub(super) fn salesforce() -> ProviderId {
    ProviderId::from("salesforce")
}

/// Returns the instant that many seconds after the cases begin.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(super) fn run(number: u128) -> RunId {
    RunId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn record(text: &str) -> RemoteId {
    RemoteId::from(text)
}

pub(super) fn id(number: u32) -> EntityId {
    let founder = RemoteId::new(number.to_string());
    EntityId::founded(&TenantId::default(), &hubspot(), KIND, &founder)
}

#[expect(clippy::unnecessary_wraps, reason = "the cases set, clear and compare optional marks")]
pub(super) const fn mark(due: Timestamp) -> Option<Mark> {
    Some(Mark { due, attempts: 0 })
}

/// Returns an entity with a golden e-mail address and no links.
pub(super) fn entity(number: u32) -> Entity {
    let mut entity = Entity::new(id(number), KIND);
    let provenance =
        Provenance { version: 1, source: Some(hubspot()), at: Some(at(0)), run: run(1) };
    let value = Some(Value::text(format!("p{number}@mail.example")));
    entity.version = 1;
    entity.golden = Golden::from_slots(vec![(Field::EMAIL, GoldenSlot { value, provenance })]);
    entity
}

/// Returns a live link that holds one field.
pub(super) fn link(provider: ProviderId, remote: &str) -> Link {
    let slot = LinkSlot { shadow: Shadow::Held(Value::text(remote)), ack: 1, refused: None };
    let slots = Slots::from_slots(vec![(Field::EMAIL, slot)]);
    Link { slots, ..Link::new(provider, record(remote)) }
}

/// Returns a commit of an entity's row on the row version that it was read with.
pub(super) fn store_row(entity: &Entity) -> Commit {
    let mutations = vec![Mutation::Entity(Box::new(entity.clone()))];
    Commit { expected: vec![(entity.id, entity.row_version)], fences: Vec::new(), mutations }
}

/// Returns a commit of an entity's row and its links.
pub(super) fn store_all(entity: &Entity) -> Commit {
    let mut commit = store_row(entity);
    let links = entity.links.iter();
    commit.mutations.extend(links.map(|link| Mutation::Link(entity.id, Box::new(link.clone()))));
    commit
}

/// Returns a commit of mutations that expects nothing.
pub(super) fn loose(mutations: Vec<Mutation>) -> Commit {
    Commit { mutations, ..Commit::default() }
}

pub(super) async fn put(store: &dyn Store, commit: Commit) {
    store.commit(commit).await.unwrap();
}

/// Asserts that a commit is refused because somebody was faster.
pub(super) async fn refused(store: &dyn Store, commit: Commit) {
    let result = store.commit(commit).await;
    assert!(matches!(result, Err(StoreError::Raced)), "not refused: {result:?}");
}

/// Asserts that a commit is refused as a slip of the program.
pub(super) async fn wrong(store: &dyn Store, commit: Commit) {
    let result = store.commit(commit).await;
    assert!(matches!(result, Err(StoreError::Backend { .. })), "not refused: {result:?}");
}

/// Reads an entity that must be there.
pub(super) async fn get(store: &dyn Store, id: EntityId) -> Entity {
    find(store, id).await.unwrap()
}

pub(super) async fn find(store: &dyn Store, id: EntityId) -> Option<Entity> {
    store.entities(&[id]).await.unwrap().pop().unwrap()
}

/// Stores a new entity with a mark and returns it as it is read.
pub(super) async fn marked(store: &dyn Store, number: u32, due: Timestamp) -> Entity {
    let entity = Entity { mark: mark(due), ..entity(number) };
    put(store, store_row(&entity)).await;
    get(store, entity.id).await
}

/// Stores a new entity with links and returns it as it is read.
pub(super) async fn linked(store: &dyn Store, number: u32, links: Vec<Link>) -> Entity {
    let entity = Entity { links, ..entity(number) };
    put(store, store_all(&entity)).await;
    get(store, entity.id).await
}

pub(super) async fn lease(store: &dyn Store, now: Timestamp, limit: usize) -> Vec<Leased> {
    store.lease(LeaseRequest { kind: KIND, now, lease: LEASE, limit }).await.unwrap()
}

pub(super) fn ids(entities: &[Entity]) -> Vec<EntityId> {
    entities.iter().map(|entity| entity.id).collect()
}

pub(super) fn leased_ids(leased: &[Leased]) -> Vec<EntityId> {
    leased.iter().map(|leased| leased.entity.id).collect()
}

/// Returns which entity a record leads to.
pub(super) async fn owner(
    store: &dyn Store,
    provider: &ProviderId,
    remote: &str,
) -> Option<EntityId> {
    let found = store.links(provider, KIND, &[record(remote)]).await.unwrap().pop().unwrap();
    found.map(|found| found.entity)
}
