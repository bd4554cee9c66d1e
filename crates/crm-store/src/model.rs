//! The rows.

mod details;
mod entries;
mod golden;
mod journal;
mod log;
mod observed;
mod slots;
mod written;

use std::sync::Arc;

use crm_core::{
    EntityId, Field, Fields, MatchKey, ObjectKind, ProviderId, RemoteId, RunId, Uid, Value,
    Version, WriteKey,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use details::Details;
pub use golden::{Flips, Golden, GoldenSlot, Look, Provenance, Turn};
pub use journal::{FieldChange, Journal, JournalAction};
pub use log::{Conflict, ConflictId, ConflictState, Contender, Decided, History, Run, RunStatus};
pub use slots::{LinkSlot, Refusal, Shadow, Slots};
pub use written::WrittenPlan;

/// The place of an entity in the order of insertion, given by the store. Every child row is
/// keyed by it: random keys were two thirds of the cost of a layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub i64);

/// What the records of all providers are copies of.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its id, derived from the record that founded it.
    pub id: EntityId,
    /// Its place in the order of insertion; `None` before it is stored.
    pub seq: Option<Seq>,
    /// What it is.
    pub kind: ObjectKind,
    /// Whether it lives.
    pub state: EntityState,
    /// The newest golden version; each accepted change takes the next one.
    pub version: u64,
    /// The golden values.
    pub golden: Golden,
    /// At most one link for each provider, sorted by provider.
    pub links: Vec<Link>,
    /// The note that it may differ somewhere.
    pub mark: Option<Mark>,
    /// Counts the commits that changed it; see [`Commit::expected`](crate::Commit::expected).
    pub row_version: u64,
}

impl Entity {
    /// Makes an entity that nobody has decided on yet.
    pub fn new(id: EntityId, kind: ObjectKind) -> Self {
        Self {
            id,
            seq: None,
            kind,
            state: EntityState::Live,
            version: 0,
            golden: Golden::default(),
            links: Vec::new(),
            mark: None,
            row_version: 0,
        }
    }

    /// Returns the link to a provider.
    pub fn link(&self, provider: &ProviderId) -> Option<&Link> {
        self.links.iter().find(|link| link.provider == *provider)
    }

    /// Returns the link to a provider.
    pub fn link_mut(&mut self, provider: &ProviderId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.provider == *provider)
    }

    /// Adds or replaces a link.
    pub fn set_link(&mut self, link: Link) {
        match self.links.binary_search_by(|known| known.provider.cmp(&link.provider)) {
            Ok(index) => {
                if let Some(slot) = self.links.get_mut(index) {
                    *slot = link;
                }
            }
            Err(index) => self.links.insert(index, link),
        }
    }
}

/// Whether an entity lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityState {
    /// It is kept in step.
    Live,
    /// Its record could not be matched without doubt: it is written nowhere until a person or a
    /// change of the record ends the doubt.
    Held {
        /// Why: `ambiguous_email`, `duplicate_email`, …
        reason: String,
        /// The entity whose duplicate it is, where a merge in some CRM said so: its records wait
        /// to be merged in the others too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<EntityId>,
    },
    /// Its last record was deleted.
    Tombstone {
        /// When that was noticed.
        at: Timestamp,
    },
    /// It turned out to be another entity.
    Merged {
        /// Which one.
        into: EntityId,
    },
}

impl EntityState {
    /// Makes the state of an entity whose match is in doubt.
    pub fn held(reason: &str) -> Self {
        Self::Held { reason: reason.to_owned(), of: None }
    }

    /// Returns the entity that this one is, if it turned out to be another.
    pub const fn same_as(&self) -> Option<EntityId> {
        match self {
            Self::Merged { into } => Some(*into),
            Self::Held { of, .. } => *of,
            Self::Live | Self::Tombstone { .. } => None,
        }
    }
}

/// The note that an entity may differ somewhere. It carries no payload: what is to be done is
/// found by looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Not before.
    pub due: Timestamp,
    /// How often work on it failed since it last succeeded.
    pub attempts: u32,
}

impl Mark {
    /// Returns the mark that this one becomes where `before` is already there: what is due
    /// earlier stays so, and failures stay counted, unless this mark counts one itself.
    pub fn after(self, before: Option<Self>) -> Self {
        match before {
            Some(before) if self.attempts == 0 => {
                Self { due: self.due.min(before.due), attempts: before.attempts }
            }
            Some(_) | None => self,
        }
    }
}

/// The tie between an entity and one provider's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The provider.
    pub provider: ProviderId,
    /// The record; `None` while only a claim exists.
    pub remote: Option<RemoteId>,
    /// How the tie stands.
    pub state: LinkState,
    /// The provider's version of the record when it was last read or written.
    pub version: Option<Version>,
    /// When the record was modified, as last read.
    pub modified_at: Option<Timestamp>,
    /// What the provider is known to hold, per field.
    pub slots: Slots,
    /// A read that no decision has used yet.
    pub observed: Option<Observation>,
    /// A create that was announced.
    pub claim: Option<Claim>,
    /// Updates that were announced and whose fate is open, oldest first.
    pub intents: Vec<Intent>,
    /// Why nothing is written to this record, if so.
    pub parked: Option<Parked>,
}

impl Link {
    /// Makes a link to a record.
    pub fn new(provider: ProviderId, remote: RemoteId) -> Self {
        Self {
            provider,
            remote: Some(remote),
            state: LinkState::Live,
            version: None,
            modified_at: None,
            slots: Slots::default(),
            observed: None,
            claim: None,
            intents: Vec::new(),
            parked: None,
        }
    }

    /// Returns whether the record is there, as far as we know.
    pub fn is_live(&self) -> bool {
        self.state == LinkState::Live && self.remote.is_some()
    }

    /// Returns whether a create or an update was announced and is not settled: after a death of
    /// the process, such an entity must be looked at.
    pub fn is_open(&self) -> bool {
        self.announced() > 0
    }

    /// Counts the creates, updates and deletes that were announced and are not settled (a refused one is).
    pub fn announced(&self) -> u64 {
        let claim = self.claim.as_ref().is_some_and(|claim| claim.state != ClaimState::Refused);
        let doomed = matches!(self.state, LinkState::Doomed { .. });
        let intents = self.intents.iter().filter(|intent| !intent.watched);
        u64::from(claim) + u64::from(doomed) + intents.map(|_| 1).sum::<u64>()
    }
}

/// How a link stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// The record is there.
    Live,
    /// A create was announced; there is no record yet, as far as we know.
    Claimed,
    /// The record was deleted there. Blocks creating it again.
    Gone {
        /// When that was noticed.
        at: Timestamp,
    },
    /// The record was merged into another one that is linked elsewhere. Blocks creating it again.
    Merged {
        /// Into which one.
        into: RemoteId,
    },
    /// The record is to be deleted, since it was deleted elsewhere: announced, and sent as soon as
    /// the hold is over, unless the record changes or the other one comes back.
    Doomed {
        /// Since when.
        since: Timestamp,
    },
}

/// A read of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The values.
    pub fields: Fields,
    /// The fields that were read, sorted.
    pub read: Arc<[Field]>,
    /// When it was read, by our clock.
    pub at: Timestamp,
}

impl Observation {
    /// Notes that the record was changed since: the values still tell who it is, and nothing
    /// more.
    pub fn outdate(&mut self) {
        self.at = Timestamp::UNIX_EPOCH;
    }

    /// Returns whether the record is known to have changed since.
    pub fn is_outdated(&self) -> bool {
        self.at == Timestamp::UNIX_EPOCH
    }
}

/// A create that was announced before it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// What our unique field will hold.
    pub uid: Uid,
    /// The values, each with the golden version it has.
    pub fields: Vec<(Field, Value, u64)>,
    /// What is known of its fate.
    pub state: ClaimState,
    /// When it was announced, the last time that it was.
    pub at: Timestamp,
    /// The run that announced it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<RunId>,
}

impl Claim {
    /// Returns the announcement under which a late landing of this create is recognised, after
    /// its fate was settled by other means: an upsert that was given up for lost still overwrites.
    pub fn as_intent(&self, key: WriteKey, at: Timestamp) -> Intent {
        let values = self.fields.iter();
        let fields = values.map(|(field, value, ver)| (*field, Some(value.clone()), *ver));
        Intent { key, fields: fields.collect(), at, watched: true, run: self.run }
    }
}

/// What is known of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// It was announced; if the process lives, it is being sent.
    Open,
    /// It was sent, and may or may not have been applied.
    Ambiguous,
    /// It was certainly not applied.
    Refused,
}

/// An update that was announced before it was sent. The version is kept per field: one for the
/// whole patch makes engines diverge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Names the write.
    pub key: WriteKey,
    /// The values (`None` clears), each with the golden version it has.
    pub fields: Vec<(Field, Option<Value>, u64)>,
    /// When it was announced.
    pub at: Timestamp,
    /// Whether the record was read since: the intent is kept only to recognise a late landing.
    #[serde(default)]
    pub watched: bool,
    /// The run that announced it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<RunId>,
}

/// Why nothing is written to a record until something changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The class, for grouping: `missing_required`, `validation`, `duplicate_rule`, …
    pub class: String,
    /// What happened, one line.
    pub message: String,
    /// What a person can do about it.
    pub remedy: String,
    /// The golden version that was refused; a newer one is tried again.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// The circumstances, where they are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub details: Option<Box<Details>>,
}

/// An entity and its link, as found by a provider's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The entity.
    pub entity: EntityId,
    /// Its link to that provider.
    pub link: Link,
}

/// A leased entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The entity.
    pub entity: Entity,
    /// Grows with every lease; a commit with an older one is refused.
    pub fence: u64,
}

/// The hash of a match key of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyHash(pub i64);

impl KeyHash {
    /// Hashes a key (FNV-1a, 64 bits): stable for ever, since it is stored.
    pub fn of(key: &MatchKey) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut feed = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
            hash = (hash ^ 0x1f).wrapping_mul(0x0000_0100_0000_01b3);
        };
        match key {
            MatchKey::Uid(uid) => {
                feed(b"u");
                feed(uid.as_str().as_bytes());
            }
            MatchKey::Email(email) => {
                feed(b"e");
                feed(email.as_bytes());
            }
            MatchKey::Phone { number, surname } => {
                feed(b"p");
                feed(number.as_bytes());
                feed(surname.as_bytes());
            }
            MatchKey::Domain(domain) => {
                feed(b"d");
                feed(domain.as_bytes());
            }
            MatchKey::Name { name, with } => {
                feed(b"n");
                feed(name.as_bytes());
                feed(with.as_bytes());
            }
        }
        Self(hash.cast_signed())
    }
}

/// How far the first sync of a kind is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was read yet.
    #[default]
    New,
    /// The lists of all providers are being read.
    Snapshot,
    /// Everything is read; the records of one person are being found.
    Matching,
    /// A plan exists; nothing was written yet.
    Planned {
        /// The plan, as `crm plan --json` prints it.
        plan: serde_json::Value,
    },
    /// The plan was approved and is being, or has been, carried out.
    Live,
}
