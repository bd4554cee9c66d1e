//! The ledger: what the engine knows, and the one way to change it.
//!
//! Reads plus *one* write that takes a value: a [`Commit`] is applied as a whole or not at all.
//! An [`Entity`] with its links is the unit of consistency. Everything that must survive a
//! death of the process (a link, an intent before an update, a claim before a create, a cursor)
//! is a [`Mutation`] like any other.
//!
//! [`MemoryStore`] is the reference; every other store passes the same contract suite.

pub mod audit;
mod commit;
mod erasure;
mod error;
mod memory;
mod model;
mod query;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crm_core::{Cursor, EntityId, ObjectKind, ProviderId, RemoteId};
use jiff::Timestamp;

pub use audit::{Actor, Audit, AuditCheck, AuditKind, AuditNote};
pub use commit::{Commit, Mutation};
pub use erasure::{Erasure, ErasureKey, ErasureStage, OpenRecord, RecordFate, Trait};
pub use error::{StoreError, StoreResult};
pub use memory::{Leases, MemoryStore};
pub use model::{
    Claim, ClaimState, Conflict, ConflictId, ConflictState, Contender, Decided, Details, Entity,
    EntityState, FieldChange, Flips, Golden, GoldenSlot, History, Intent, Journal, JournalAction,
    KeyHash, Leased, Link, LinkSlot, LinkState, Look, Mark, Observation, Parked, Provenance,
    Refusal, Resolved, Run, RunStatus, Seq, Shadow, Slots, Stage, Turn, WrittenPlan,
};
pub use query::{ConflictQuery, Counts, JournalQuery, LeaseRequest, LinkCount, ProblemQuery};

/// A store, shared.
pub type SharedStore = Arc<dyn Store>;

/// The ledger of one tenant.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Reads entities with their links, in order.
    async fn entities(&self, ids: &[EntityId]) -> StoreResult<Vec<Option<Entity>>>;

    /// Finds the entity and link of a provider's records, in order; old ids of merged records
    /// lead to what they became.
    async fn links(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Resolved>>>;

    /// Finds the entities of a provider's records, in order, each with no link but that to the
    /// record: what is needed to compare one record with what is known of it. Only live links
    /// count, and no old ids.
    async fn tied(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Entity>>>;

    /// Finds entities that may carry match keys, in order. Hashes can collide: the caller
    /// compares the values.
    async fn candidates(
        &self,
        kind: ObjectKind,
        keys: &[KeyHash],
    ) -> StoreResult<Vec<Vec<EntityId>>>;

    /// Reads up to `limit` entities of a kind behind `after`, in the order of insertion.
    async fn scan(&self, kind: ObjectKind, after: Seq, limit: usize) -> StoreResult<Vec<Entity>>;

    /// Leases marked entities that are due, oldest first. A leased entity is not leased again
    /// before its lease is over or a commit clears or renews its mark.
    async fn lease(&self, request: LeaseRequest) -> StoreResult<Vec<Leased>>;

    /// Returns from when on [`Store::lease`] finds something of a kind: when the next mark is
    /// due and its entity is not leased; `None` if nothing is marked.
    async fn next_due(&self, kind: ObjectKind) -> StoreResult<Option<Timestamp>>;

    /// Reads where a feed goes on.
    async fn cursor(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        feed: &str,
    ) -> StoreResult<Option<Cursor>>;

    /// Reads which account a connection reached when that was noted; a ledger is true of no
    /// other.
    async fn account(&self, provider: &ProviderId) -> StoreResult<Option<String>>;

    /// Reads how far the first sync of a kind is.
    async fn stage(&self, kind: ObjectKind) -> StoreResult<Stage>;

    /// Reads what is known of a plan that was written to a file, by the file's fingerprint.
    async fn written_plan(&self, hash: &str) -> StoreResult<Option<WrittenPlan>>;

    /// Reads conflicts, newest first.
    async fn conflicts(&self, query: ConflictQuery) -> StoreResult<Vec<Conflict>>;

    /// Reads entities that have something parked, refused or held, in order of insertion.
    async fn problems(&self, query: ProblemQuery) -> StoreResult<Vec<Entity>>;

    /// Reads the newest runs.
    async fn runs(&self, limit: usize) -> StoreResult<Vec<Run>>;

    /// Reads the history of one entity, oldest first.
    async fn history(&self, entity: EntityId) -> StoreResult<Vec<History>>;

    /// Reads the entities that turned out to be that one, or any other, and the duplicates of it,
    /// in order of insertion. Their history and journal stay under their own ids.
    async fn absorbed(&self, into: Option<EntityId>) -> StoreResult<Vec<Entity>>;

    /// Reads the write journal in its order.
    async fn journal(&self, query: JournalQuery) -> StoreResult<Vec<Journal>>;

    /// Reads the audit log behind a place, in order; a limit of 0 is none.
    async fn audit(&self, after: u64, limit: usize) -> StoreResult<Vec<Audit>>;

    /// Walks the audit log and compares it with itself and with the rows that it speaks of.
    async fn verify_audit(&self) -> StoreResult<AuditCheck>;

    /// Says of each trait whether something that has it was erased.
    async fn erased(&self, kind: ObjectKind, traits: &[Trait]) -> StoreResult<Vec<bool>>;

    /// Reads erasures, newest first.
    async fn erasures(&self) -> StoreResult<Vec<Erasure>>;

    /// Overwrites what was removed wherever the store keeps its rows, so that nothing of it can
    /// be read from there.
    ///
    /// # Errors
    /// [`StoreError::Backend`] with a hint if somebody else reads the store just now.
    async fn scrub(&self) -> StoreResult<()>;

    /// Counts what is stored.
    async fn counts(&self, kind: ObjectKind) -> StoreResult<Counts>;

    /// Applies a commit as a whole.
    ///
    /// # Errors
    /// [`StoreError::Raced`] if an expected row version or fence is no longer the current one;
    /// nothing was changed then.
    async fn commit(&self, commit: Commit) -> StoreResult<()>;
}
