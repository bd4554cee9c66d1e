//! The write journal: what a record looked like before a write of ours changed it.
//!
//! A row is written with the commit that knows of a write that it was applied, however it is
//! known: by its answer, or because a later look recognised it. A create has no values: the
//! entity, its claim and its run say them, and the first sync of 100,000 people stays small.

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId, RunId, Value, WriteKey};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Shadow;

/// A write that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// Its place in the order of the journal, given by the store; 0 before it is stored.
    pub seq: u64,
    /// Names the write. A second row of one write, entity, provider and run is ignored.
    pub key: WriteKey,
    /// The entity.
    pub entity: EntityId,
    /// What the entity is.
    pub kind: ObjectKind,
    /// The connection that was written.
    pub provider: ProviderId,
    /// The record that was written.
    pub remote: RemoteId,
    /// What was done.
    pub action: JournalAction,
    /// The run that sent it.
    pub run: RunId,
    /// When it was known to be applied; kept to the microsecond.
    pub at: Timestamp,
    /// The fields of an update, in order.
    pub changes: Vec<FieldChange>,
}

impl Journal {
    /// Returns the change of a field.
    pub fn change(&self, field: Field) -> Option<&FieldChange> {
        self.changes.iter().find(|change| change.field == field)
    }
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalAction {
    /// It made a record.
    Create,
    /// It changed a record.
    Update,
    /// It deleted a record.
    Delete,
}

impl JournalAction {
    /// Returns the name for tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One field of an update.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The field.
    pub field: Field,
    /// What the record showed when it was written.
    pub before: Shadow,
    /// What it showed afterwards; `None` is blank.
    pub after: Option<Value>,
    /// The golden version that was written.
    pub version: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    f: Field,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    b: Option<Value>,
    /// There was no base.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    n: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<Value>,
    v: u64,
}

impl Serialize for FieldChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored {
            f: self.field,
            b: self.before.value().cloned(),
            n: self.before == Shadow::None,
            a: self.after.clone(),
            v: self.version,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FieldChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { f, b, n, a, v } = Stored::deserialize(deserializer)?;
        let before = if n { Shadow::None } else { Shadow::of(b) };
        Ok(Self { field: f, before, after: a, version: v })
    }
}
