//! One atomic change of the ledger, as a value.

use crm_core::{Cursor, EntityId, ObjectKind, ProviderId, Ref, RemoteId, RunId};

use crate::{
    AuditNote, Conflict, Entity, Erasure, History, Journal, KeyHash, Link, Mark, Run, Stage, Trait,
    WrittenPlan,
};

/// All or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// Entities with the row version that the decision was made on; 0 for one that must not
    /// exist yet. An entity named twice is refused: the second decision did not know of the
    /// first. The version of every entity that is named here or changed by a mutation grows by
    /// one.
    pub expected: Vec<(EntityId, u64)>,
    /// Fences of the leases under which the work was done.
    pub fences: Vec<(EntityId, u64)>,
    /// The changes, applied in order.
    pub mutations: Vec<Mutation>,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutation {
    /// Stores an entity's own row (state, version, golden values, mark): links are mutations of
    /// their own, so that an update writes only the rows that changed. A new entity gets the
    /// next place in the order of insertion. The entity must be expected. Ends its lease as
    /// [`Mutation::Mark`] does.
    Entity(Box<Entity>),
    /// Stores one link of an entity, found by entity and provider.
    Link(EntityId, Box<Link>),
    /// Removes one link of an entity.
    Unlink(EntityId, ProviderId),
    /// Sets or clears the mark alone, and ends the entity's lease. Setting keeps an earlier due
    /// time that is already there, unless attempts are counted. A commit that carries the
    /// entity's fence may be followed by others that carry it; where it does not, somebody else
    /// noticed a change, and the fence of who works on the entity is void from now on.
    Mark(EntityId, Option<Mark>),
    /// Adds and removes match keys of an entity.
    Keys {
        /// The entity.
        entity: EntityId,
        /// Its kind.
        kind: ObjectKind,
        /// Keys that it no longer has.
        remove: Vec<KeyHash>,
        /// Keys that it has now.
        add: Vec<KeyHash>,
    },
    /// Remembers that an old id leads to another record.
    Alias {
        /// The provider.
        provider: ProviderId,
        /// The kind.
        kind: ObjectKind,
        /// The id that is no more.
        old: RemoteId,
        /// The id it became.
        new: RemoteId,
    },
    /// Remembers that a reference waits for a record: one of the provider's that nobody knows
    /// yet, or that of an entity which the provider does not have yet. As soon as such a record
    /// has a live link, or the entity became another one, `from` is marked, and the row is gone;
    /// if that is so already, at once. The mark changes no row version: who works on `from`
    /// stores its own waiting in the same commit, or waits for nothing.
    PendingRef {
        /// The entity that refers.
        from: EntityId,
        /// The provider.
        provider: ProviderId,
        /// What is waited for.
        to: Ref,
    },
    /// Stores a conflict, found by its id.
    Conflict(Box<Conflict>),
    /// Adds a row of history.
    History(Box<History>),
    /// Adds a row to the write journal, unless the same write of the same run is there already.
    Journal(Box<Journal>),
    /// Adds an entry to the audit log that no other mutation speaks of. Journal, history,
    /// conflicts and runs have theirs by themselves.
    Audit(Box<AuditNote>),
    /// Removes an entity and every row that is about it or holds values of it: its links with all
    /// that is in them, golden values, history, journal, conflicts, match keys, what it waits for
    /// and what waits for it, old ids of its records. Audit entries stay: they hold no values.
    /// What of the commit speaks of the entity comes before.
    Erase(EntityId),
    /// Remembers by keyed hashes what was erased by a run, so that it can be recognised.
    Block {
        /// The kind.
        kind: ObjectKind,
        /// By what it is recognised.
        traits: Vec<Trait>,
        /// The run.
        run: RunId,
        /// When.
        at: jiff::Timestamp,
    },
    /// Stores an erasure, found by its run.
    Erasure(Box<Erasure>),
    /// Stores where a feed goes on.
    Cursor {
        /// The provider.
        provider: ProviderId,
        /// The kind.
        kind: ObjectKind,
        /// The feed's cursor name.
        feed: &'static str,
        /// Where it goes on.
        cursor: Cursor,
    },
    /// Notes which account a connection reaches.
    Account {
        /// The connection.
        provider: ProviderId,
        /// The account's id.
        account: String,
    },
    /// Sets how far the first sync of a kind is.
    Stage(ObjectKind, Stage),
    /// Stores what is known of a plan that was written to a file, found by its hash.
    WrittenPlan(Box<WrittenPlan>),
    /// Stores a run, found by its id.
    Run(Box<Run>),
    /// Marks every entity of a kind that has an open claim or intent: what a new process does
    /// first.
    Recover {
        /// The kind.
        kind: ObjectKind,
        /// The mark.
        mark: Mark,
    },
    /// Marks every live entity of a kind.
    MarkAll {
        /// The kind.
        kind: ObjectKind,
        /// The mark.
        mark: Mark,
    },
}
