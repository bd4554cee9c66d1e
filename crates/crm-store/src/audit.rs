//! The audit log: what was done, in one chain that cannot be changed unnoticed.
//!
//! An entry's hash covers the entry before it, so nothing can be taken out, put in or rewritten
//! without breaking the chain. An entry holds no value of a record, only a digest of the row that
//! does, salted with a nonce that is stored in that row: with the row erased nobody can find out
//! what the digest was of, and the chain stays whole. Nonces come from a key that is replaced by
//! its own hash each time, so that a ledger cannot make the nonce of an erased row again.
//!
//! Stores append the entries of a commit themselves, in the order of its mutations, so nobody can
//! forget to.

use std::fmt;

use crm_core::{EntityId, ProviderId, RunId};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::{Conflict, ConflictState, History, Journal, JournalAction, Mutation, Run, RunStatus};
use crate::{Seq, StoreError, StoreResult};

/// A SHA-256 hash.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a digest is salted with; it lives and dies with the row that the digest is of.
pub type Nonce = [u8; 16];

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The engine, by its rules.
    Engine,
    /// A person, by a command.
    Person,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
    /// A record was made.
    RecordCreated,
    /// A record was changed.
    RecordUpdated,
    /// A record was deleted.
    RecordDeleted,
    /// A golden value replaced another one.
    GoldenChanged,
    /// A conflict waits for a person.
    ConflictOpened,
    /// A policy decided a conflict.
    ConflictDecided,
    /// A person decided a conflict.
    ConflictResolved,
    /// The sides of a conflict agreed.
    ConflictEnded,
    /// A run began.
    RunStarted,
    /// A run ended.
    RunEnded,
    /// The plan of a first sync was approved.
    PlanApproved,
    /// A run was taken back.
    RunUndone,
    /// A problem is not to be shown any more.
    ProblemDismissed,
    /// A problem is tried again.
    ProblemRetried,
    /// A person's data was erased.
    Erased,
}

impl AuditKind {
    /// All kinds; the place of each is its number in stores and hashes, for ever.
    pub const ALL: [Self; 15] = [
        Self::RecordCreated,
        Self::RecordUpdated,
        Self::RecordDeleted,
        Self::GoldenChanged,
        Self::ConflictOpened,
        Self::ConflictDecided,
        Self::ConflictResolved,
        Self::ConflictEnded,
        Self::RunStarted,
        Self::RunEnded,
        Self::PlanApproved,
        Self::RunUndone,
        Self::ProblemDismissed,
        Self::ProblemRetried,
        Self::Erased,
    ];

    /// Returns the number that stands for it.
    pub fn number(self) -> u8 {
        let place = Self::ALL.iter().position(|kind| *kind == self);
        place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
    }

    /// Returns the name for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RecordCreated => "record created",
            Self::RecordUpdated => "record updated",
            Self::RecordDeleted => "record deleted",
            Self::GoldenChanged => "golden value changed",
            Self::ConflictOpened => "conflict opened",
            Self::ConflictDecided => "conflict decided",
            Self::ConflictResolved => "conflict resolved",
            Self::ConflictEnded => "conflict ended",
            Self::RunStarted => "run started",
            Self::RunEnded => "run ended",
            Self::PlanApproved => "plan approved",
            Self::RunUndone => "run undone",
            Self::ProblemDismissed => "problem dismissed",
            Self::ProblemRetried => "problem retried",
            Self::Erased => "data erased",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Its place, from 1 on without a gap.
    pub seq: u64,
    /// When; kept to the microsecond.
    pub at: Timestamp,
    /// The run, if it was one.
    pub run: Option<RunId>,
    /// Who.
    pub actor: Actor,
    /// What.
    pub what: AuditKind,
    /// The place of the entity in the order of insertion. Its id says too much of an erased one.
    pub entity: Option<Seq>,
    /// The connection.
    pub provider: Option<ProviderId>,
    /// More, without personal data.
    pub detail: Option<String>,
    /// The digest of the row that has the values, if there is one.
    pub digest: Option<Digest>,
    /// The hash of this entry and the one before.
    pub hash: Digest,
}

/// An entry that no row of the ledger speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditNote {
    /// When.
    pub at: Timestamp,
    /// The run, if it was one.
    pub run: Option<RunId>,
    /// Who.
    pub actor: Actor,
    /// What.
    pub what: AuditKind,
    /// The entity.
    pub entity: Option<EntityId>,
    /// The connection.
    pub provider: Option<ProviderId>,
    /// More, without personal data.
    pub detail: Option<String>,
}

/// What a walk through the log found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditCheck {
    /// Entries walked.
    pub entries: u64,
    /// Rows whose digest was compared.
    pub bodies: u64,
    /// The first entry that is not what it was, if any.
    pub broken: Option<u64>,
}

impl AuditCheck {
    /// Notes an entry that is not what it was.
    pub fn fault(&mut self, seq: u64) {
        self.broken = Some(self.broken.map_or(seq, |known| known.min(seq)));
    }
}

/// The end of the chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The number of entries.
    pub seq: u64,
    /// The hash of the last entry.
    pub hash: Digest,
    /// What the next nonce is made of.
    pub key: [u8; 32],
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("seq", &self.seq)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl Chain {
    /// Begins a chain with the secret of a ledger.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self { seq: 0, hash: Digest([0; 32]), key: secret }
    }

    /// Appends an entry; returns it with the nonce of its row.
    pub fn append(&mut self, draft: Draft, entity: Option<Seq>) -> (Audit, Nonce) {
        let nonce = self.nonce();
        let at = Timestamp::from_microsecond(draft.note.at.as_microsecond());
        let mut entry = Audit {
            seq: self.seq + 1,
            at: at.unwrap_or(draft.note.at),
            run: draft.note.run,
            actor: draft.note.actor,
            what: draft.note.what,
            entity,
            provider: draft.note.provider,
            detail: draft.note.detail,
            digest: draft.body.map(|body| digest(nonce, &body)),
            hash: Digest::default(),
        };
        entry.hash = entry.expected(self.hash);
        self.seq = entry.seq;
        self.hash = entry.hash;
        (entry, nonce)
    }

    fn nonce(&mut self) -> Nonce {
        let made: [u8; 32] =
            Sha256::new().chain_update([2]).chain_update(self.key).finalize().into();
        self.key = Sha256::new().chain_update([1]).chain_update(self.key).finalize().into();
        let mut nonce = [0; 16];
        nonce.iter_mut().zip(made).for_each(|(to, from)| *to = from);
        nonce
    }
}

impl Audit {
    /// Returns the hash that the entry must have behind another one.
    pub fn expected(&self, before: Digest) -> Digest {
        let mut hash = Sha256::new();
        hash.update(before.0);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.as_microsecond().to_be_bytes());
        let actor = match self.actor {
            Actor::Engine => 0,
            Actor::Person => 1,
        };
        hash.update([actor, self.what.number()]);
        part(&mut hash, self.run.map(|run| run.uuid().into_bytes()));
        part(&mut hash, self.entity.map(|Seq(place)| place.to_be_bytes()));
        part(&mut hash, self.provider.as_ref().map(|provider| provider.as_str().as_bytes()));
        part(&mut hash, self.detail.as_ref().map(String::as_bytes));
        part(&mut hash, self.digest.map(|digest| digest.0));
        Digest(hash.finalize().into())
    }
}

/// Feeds a part with its length, so that no two entries feed the same.
fn part(hash: &mut Sha256, part: Option<impl AsRef<[u8]>>) {
    match part {
        Some(part) => {
            let bytes = part.as_ref();
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            hash.update((length.saturating_add(1)).to_be_bytes());
            hash.update(bytes);
        }
        None => hash.update(0_u64.to_be_bytes()),
    }
}

/// Returns the digest of a row.
pub fn digest(nonce: Nonce, body: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update(nonce).chain_update(body).finalize().into())
}

/// An entry before it has its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What it says.
    pub note: AuditNote,
    /// The row that its digest is of.
    pub body: Option<Vec<u8>>,
}

/// Returns the entry that a mutation makes, if it makes one.
pub fn draft(mutation: &Mutation) -> StoreResult<Option<Draft>> {
    let (note, body) = match mutation {
        Mutation::Journal(row) => (of_journal(row), Some(journal_body(row)?)),
        Mutation::History(row) => (of_history(row), Some(text(row)?)),
        Mutation::Conflict(row) => (of_conflict(row), Some(conflict_body(row)?)),
        Mutation::Run(row) => (of_run(row), Some(text(row)?)),
        Mutation::Audit(note) => ((**note).clone(), None),
        Mutation::Entity(_)
        | Mutation::Link(..)
        | Mutation::Unlink(..)
        | Mutation::Mark(..)
        | Mutation::Keys { .. }
        | Mutation::Alias { .. }
        | Mutation::PendingRef { .. }
        | Mutation::Erase(_)
        | Mutation::Block { .. }
        | Mutation::Erasure(_)
        | Mutation::Cursor { .. }
        | Mutation::Account { .. }
        | Mutation::WrittenPlan(_)
        | Mutation::Stage(..)
        | Mutation::Recover { .. }
        | Mutation::MarkAll { .. } => return Ok(None),
    };
    Ok(Some(Draft { note, body }))
}

/// Returns what the digest of a write is of.
pub fn journal_body(row: &Journal) -> StoreResult<Vec<u8>> {
    text(&(row.key, row.action, &row.remote, &row.changes))
}

/// Returns what the digest of a conflict is of. An open one is found again whenever its record is
/// looked at, each time a little different: only what it is about counts.
pub fn conflict_body(row: &Conflict) -> StoreResult<Vec<u8>> {
    match row.state {
        ConflictState::Open => text(&(row.id, row.field, &row.rule)),
        ConflictState::Auto | ConflictState::Resolved | ConflictState::Stale => text(row),
    }
}

/// Returns the stored form of a row.
pub fn text<T: Serialize>(row: &T) -> StoreResult<Vec<u8>> {
    serde_json::to_vec(row).map_err(|error| StoreError::backend("a row cannot be stored", error))
}

fn of_journal(row: &Journal) -> AuditNote {
    AuditNote {
        at: row.at,
        run: Some(row.run),
        actor: Actor::Engine,
        what: match row.action {
            JournalAction::Create => AuditKind::RecordCreated,
            JournalAction::Update => AuditKind::RecordUpdated,
            JournalAction::Delete => AuditKind::RecordDeleted,
        },
        entity: Some(row.entity),
        provider: Some(row.provider.clone()),
        detail: None,
    }
}

fn of_history(row: &History) -> AuditNote {
    AuditNote {
        at: row.at,
        run: Some(row.run),
        actor: if row.source.is_none() { Actor::Person } else { Actor::Engine },
        what: AuditKind::GoldenChanged,
        entity: Some(row.entity),
        provider: row.source.clone(),
        detail: Some(row.field.to_string()),
    }
}

fn of_conflict(row: &Conflict) -> AuditNote {
    let (actor, what) = match row.state {
        ConflictState::Open => (Actor::Engine, AuditKind::ConflictOpened),
        ConflictState::Auto => (Actor::Engine, AuditKind::ConflictDecided),
        ConflictState::Resolved => (Actor::Person, AuditKind::ConflictResolved),
        ConflictState::Stale => (Actor::Engine, AuditKind::ConflictEnded),
    };
    AuditNote {
        at: row.at,
        run: Some(row.run),
        actor,
        what,
        entity: Some(row.entity),
        provider: row.winner.clone(),
        detail: Some(row.field.to_string()),
    }
}

fn of_run(row: &Run) -> AuditNote {
    let (what, detail) = match row.status {
        RunStatus::Running => (AuditKind::RunStarted, None),
        RunStatus::Success => (AuditKind::RunEnded, Some("success")),
        RunStatus::Partial => (AuditKind::RunEnded, Some("partial")),
        RunStatus::Failed => (AuditKind::RunEnded, Some("failed")),
    };
    AuditNote {
        at: row.ended.unwrap_or(row.started),
        run: Some(row.id),
        actor: Actor::Engine,
        what,
        entity: None,
        provider: None,
        detail: detail.map(str::to_owned),
    }
}
