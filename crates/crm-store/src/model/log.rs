//! Rows that are kept for people, and not read to decide.

use std::collections::BTreeMap;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RunId, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names a conflict: derived from entity, field and golden version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConflictId(pub Uuid);

impl ConflictId {
    /// Derives the id of the conflict about a field that was decided as, or is open at, a version.
    pub fn derive(entity: EntityId, field: Field, version: u64) -> Self {
        let path = format!("conflict\u{1f}{field}\u{1f}{version}");
        Self(Uuid::new_v5(&entity.uuid(), path.as_bytes()))
    }
}

/// Two providers, or a provider and the golden record, changed one field differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its id.
    pub id: ConflictId,
    /// The entity.
    pub entity: EntityId,
    /// What the entity is.
    pub kind: ObjectKind,
    /// The field.
    pub field: Field,
    /// The golden value before.
    pub base: Option<Value>,
    /// Everybody who had a say.
    pub contenders: Vec<Contender>,
    /// The value that won; none while a person must decide.
    pub chosen: Option<Value>,
    /// Where the winner came from.
    pub winner: Option<ProviderId>,
    /// The rule that decided, or by which nobody could: the policy's name, `never_blank`,
    /// `direction`, `suspected_echo`, or `oscillation` where a field went to and fro.
    pub rule: String,
    /// Whether it is settled.
    pub state: ConflictState,
    /// Who decided, if a person did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decided: Option<Decided>,
    /// When it was noticed.
    pub at: Timestamp,
    /// The run that noticed it.
    pub run: RunId,
}

impl Conflict {
    /// Returns the fingerprint of who contends with what (FNV-1a, 64 bits): a person decides about
    /// that, and about nothing that came later.
    pub fn revision(&self) -> u64 {
        let mut sides: Vec<_> =
            self.contenders.iter().map(|side| (&side.provider, &side.value)).collect();
        sides.sort();
        let text = serde_json::to_string(&(sides, &self.base)).unwrap_or_default();
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// One side of a conflict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// The provider; `None` is the golden record where its source is not a provider.
    pub provider: Option<ProviderId>,
    /// Its value; `None` is blank.
    pub value: Option<Value>,
    /// When it was changed there at the latest.
    pub at: Option<Timestamp>,
}

/// Whether a conflict is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictState {
    /// A person must decide; the field is frozen everywhere.
    Open,
    /// A policy decided.
    Auto,
    /// A person decided.
    Resolved,
    /// The sides agreed before anybody decided.
    Stale,
}

/// A golden value that replaced another one. The first value of a field has no row: the entity
/// and its run say it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The entity.
    pub entity: EntityId,
    /// The field.
    pub field: Field,
    /// The version that the new value took.
    pub version: u64,
    /// The value before.
    pub before: Option<Value>,
    /// The value now.
    pub after: Option<Value>,
    /// Where it came from.
    pub source: Option<ProviderId>,
    /// The rule that let it in: `fast_forward` or a policy's name.
    pub rule: String,
    /// When.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
}

/// One run of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub status: RunStatus,
    /// Why it failed, one line.
    #[serde(default)]
    pub error: Option<String>,
    /// What it did: name and count.
    pub counters: BTreeMap<String, u64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It has not.
    Running,
    /// Everything was done.
    Success,
    /// Something was left: parked records, open conflicts.
    Partial,
    /// It could not go on.
    Failed,
}
