//! What is asked of a store.

use std::time::Duration;

use crm_core::{EntityId, ObjectKind, ProviderId, RunId};
use jiff::Timestamp;

use crate::ConflictState;

/// Asks for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The kind.
    pub kind: ObjectKind,
    /// The present.
    pub now: Timestamp,
    /// How long the lease lasts.
    pub lease: Duration,
    /// The most entities.
    pub limit: usize,
}

/// Asks for conflicts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictQuery {
    /// Only those in this state.
    pub state: Option<ConflictState>,
    /// Only those of this entity.
    pub entity: Option<EntityId>,
    /// The most conflicts; 0 for all.
    pub limit: usize,
}

/// Asks for rows of the write journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalQuery {
    /// Only those of this entity.
    pub entity: Option<EntityId>,
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Only those behind this place.
    pub after: u64,
    /// The most rows; 0 for all.
    pub limit: usize,
}

/// Asks for entities with problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemQuery {
    /// The kind.
    pub kind: ObjectKind,
    /// The most entities; 0 for all.
    pub limit: usize,
}

/// What is stored of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entities that live.
    pub live: u64,
    /// Entities that are held because their match is in doubt.
    pub held: u64,
    /// Entities whose last record was deleted.
    pub tombstones: u64,
    /// Entities with a mark.
    pub marked: u64,
    /// Links that are parked, or have a refused field.
    pub parked: u64,
    /// Conflicts that a person must decide.
    pub open_conflicts: u64,
    /// Links by provider, sorted.
    pub links: Vec<LinkCount>,
}

/// The links of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkCount {
    /// The provider.
    pub provider: ProviderId,
    /// Live links.
    pub live: u64,
    /// Links whose record is gone.
    pub gone: u64,
    /// Creates and updates that were announced and are not settled.
    pub open: u64,
}
