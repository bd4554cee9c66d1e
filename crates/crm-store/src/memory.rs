//! The ledger in memory: the reference that every other store is compared with, and what the
//! simulation runs on.
//!
//! Everything sits behind one lock that is never held across an await. A commit is checked as a
//! whole ([`check`]) before the first change is made ([`apply`]), so a refused one leaves no
//! trace.

mod apply;
mod audit;
mod check;
mod erase;
mod lease;
mod pending;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use crm_core::{Cursor, EntityId, ObjectKind, ProviderId, Ref, RemoteId, RunId};
use jiff::Timestamp;

pub use lease::Leases;

use crate::{
    Audit, AuditCheck, Commit, Conflict, ConflictId, ConflictQuery, Counts, Entity, Erasure,
    History, Journal, JournalQuery, KeyHash, LeaseRequest, Leased, ProblemQuery, Resolved, Run,
    Seq, Stage, Store, StoreResult, Trait, WrittenPlan,
};

/// A provider's record of one kind.
type RemoteKey = (ProviderId, ObjectKind, RemoteId);

/// A ledger that is gone when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// Makes an empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all leases, as the death of the process that holds them does. What was committed
    /// stays.
    pub fn restart(&self) {
        self.tables().leases.forget();
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows and indexes.
#[derive(Debug, Default)]
struct Tables {
    last: Seq,
    entities: BTreeMap<Seq, Entity>,
    ids: BTreeMap<EntityId, Seq>,
    /// Which entities have a link with that record id, live or not.
    remotes: BTreeMap<RemoteKey, BTreeSet<Seq>>,
    keys: BTreeSet<(ObjectKind, KeyHash, Seq)>,
    marks: BTreeSet<(ObjectKind, Timestamp, Seq)>,
    aliases: BTreeMap<RemoteKey, RemoteId>,
    /// Which entities wait for what at which provider.
    pending: BTreeSet<(ProviderId, Ref, Seq)>,
    cursors: BTreeMap<(ProviderId, ObjectKind, String), Cursor>,
    accounts: BTreeMap<ProviderId, String>,
    stages: BTreeMap<ObjectKind, Stage>,
    plans: BTreeMap<String, WrittenPlan>,
    conflicts: BTreeMap<ConflictId, Conflict>,
    history: BTreeMap<EntityId, Vec<History>>,
    journal: Vec<Journal>,
    written: BTreeMap<EntityId, Vec<usize>>,
    runs: BTreeMap<RunId, Run>,
    leases: Leases,
    log: audit::Log,
    erased: erase::Erased,
}

impl Tables {
    fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(self.ids.get(&id)?)
    }

    /// Returns the entities with a link to that record, live or not, in order of insertion.
    fn linked<'a>(&'a self, key: &RemoteKey) -> impl DoubleEndedIterator<Item = &'a Entity> {
        let seqs = self.remotes.get(key).into_iter().flatten();
        seqs.filter_map(|seq| self.entities.get(seq))
    }

    /// Returns the entity whose link to that record is live.
    fn owner(&self, key: &RemoteKey) -> Option<&Entity> {
        self.linked(key).find(|entity| entity.link(&key.0).is_some_and(crate::Link::is_live))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn entities(&self, ids: &[EntityId]) -> StoreResult<Vec<Option<Entity>>> {
        let tables = self.tables();
        Ok(ids.iter().map(|id| tables.entity(*id).cloned()).collect())
    }

    async fn links(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Resolved>>> {
        let tables = self.tables();
        Ok(ids.iter().map(|id| tables.resolve(provider, kind, id)).collect())
    }

    async fn tied(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Entity>>> {
        let tables = self.tables();
        Ok(ids.iter().map(|id| tables.tied(provider, kind, id)).collect())
    }

    async fn candidates(
        &self,
        kind: ObjectKind,
        keys: &[KeyHash],
    ) -> StoreResult<Vec<Vec<EntityId>>> {
        let tables = self.tables();
        Ok(keys.iter().map(|key| tables.candidates(kind, *key)).collect())
    }

    async fn scan(&self, kind: ObjectKind, after: Seq, limit: usize) -> StoreResult<Vec<Entity>> {
        Ok(self.tables().scan(kind, after, limit))
    }

    async fn lease(&self, request: LeaseRequest) -> StoreResult<Vec<Leased>> {
        self.tables().lease(&request)
    }

    async fn next_due(&self, kind: ObjectKind) -> StoreResult<Option<Timestamp>> {
        Ok(self.tables().next_due(kind))
    }

    async fn cursor(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        feed: &str,
    ) -> StoreResult<Option<Cursor>> {
        let key = (provider.clone(), kind, feed.to_owned());
        Ok(self.tables().cursors.get(&key).cloned())
    }

    async fn account(&self, provider: &ProviderId) -> StoreResult<Option<String>> {
        Ok(self.tables().accounts.get(provider).cloned())
    }

    async fn written_plan(&self, hash: &str) -> StoreResult<Option<WrittenPlan>> {
        Ok(self.tables().plans.get(hash).cloned())
    }

    async fn stage(&self, kind: ObjectKind) -> StoreResult<Stage> {
        Ok(self.tables().stages.get(&kind).cloned().unwrap_or_default())
    }

    async fn conflicts(&self, query: ConflictQuery) -> StoreResult<Vec<Conflict>> {
        Ok(self.tables().conflicts(&query))
    }

    async fn problems(&self, query: ProblemQuery) -> StoreResult<Vec<Entity>> {
        Ok(self.tables().problems(query))
    }

    async fn runs(&self, limit: usize) -> StoreResult<Vec<Run>> {
        Ok(self.tables().runs(limit))
    }

    async fn history(&self, entity: EntityId) -> StoreResult<Vec<History>> {
        Ok(self.tables().history.get(&entity).cloned().unwrap_or_default())
    }

    async fn absorbed(&self, into: Option<EntityId>) -> StoreResult<Vec<Entity>> {
        Ok(self.tables().absorbed(into))
    }

    async fn journal(&self, query: JournalQuery) -> StoreResult<Vec<Journal>> {
        Ok(self.tables().journal(&query))
    }

    async fn audit(&self, after: u64, limit: usize) -> StoreResult<Vec<Audit>> {
        Ok(self.tables().audit(after, limit))
    }

    async fn verify_audit(&self) -> StoreResult<AuditCheck> {
        self.tables().verify_audit()
    }

    async fn erased(&self, kind: ObjectKind, traits: &[Trait]) -> StoreResult<Vec<bool>> {
        Ok(self.tables().is_erased(kind, traits))
    }

    async fn erasures(&self) -> StoreResult<Vec<Erasure>> {
        Ok(self.tables().erasures())
    }

    async fn scrub(&self) -> StoreResult<()> {
        Ok(())
    }

    async fn counts(&self, kind: ObjectKind) -> StoreResult<Counts> {
        Ok(self.tables().counts(kind))
    }

    async fn commit(&self, commit: Commit) -> StoreResult<()> {
        let mut tables = self.tables();
        tables.check(&commit)?;
        tables.apply(commit);
        Ok(())
    }
}
