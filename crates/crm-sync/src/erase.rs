//! What an erasure is asked for, and what it tells.

use std::collections::BTreeMap;

use crm_core::{EntityId, ObjectKind, ProviderId, RemoteId, RunId};
use crm_store::{Erasure, RecordFate};
use serde::Serialize;

/// What becomes of the records in the CRMs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// They are deleted as the CRM can: for good, or into its recycle bin.
    #[default]
    Delete,
    /// They stay, and are left alone from now on.
    Keep,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EraseMode {
    /// It is told what would be done.
    Plan,
    /// It is done.
    Do,
}

/// What is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erase {
    /// The kind.
    pub kind: ObjectKind,
    /// The entities, as [`find`](crate::explain::find) finds them.
    pub entities: Vec<EntityId>,
    /// What becomes of their records.
    pub records: Records,
    /// Whether it is done.
    pub mode: EraseMode,
}

/// What an erasure does or did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EraseReport {
    /// The run.
    pub run_id: RunId,
    /// The kind.
    pub kind: ObjectKind,
    /// Whether it is done.
    pub mode: EraseMode,
    /// Entities: those that were named, and those that turned out to be the same.
    pub entities: u64,
    /// Their records, with what is planned.
    pub records: Vec<ErasedRecord>,
    /// Creates under way, whose records are looked for.
    pub announced: u64,
    /// Entities of other records that refer to them, by kind. They stay, without the reference.
    pub referring: BTreeMap<ObjectKind, u64>,
    /// What became of it, if it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
    /// Why records could not be deleted yet, by connection.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stuck: BTreeMap<ProviderId, String>,
}

/// A record of what is erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedRecord {
    /// The connection.
    pub provider: ProviderId,
    /// The record.
    pub record: RemoteId,
    /// What is planned for it.
    pub fate: RecordFate,
}
