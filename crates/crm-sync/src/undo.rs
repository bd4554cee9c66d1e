//! What taking a run back means, and what became of it.

use std::collections::BTreeMap;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId, RunId, Value};
use serde::Serialize;

/// Whether a run is taken back, or only what that would do is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoMode {
    /// Reads, and writes nothing.
    Plan,
    /// Takes the run back.
    Do,
}

/// Why something that a run wrote stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stays {
    /// Somebody changed it since.
    EditedSince,
    /// The record was deleted or merged since, or belongs to somebody else by now.
    Gone,
    /// The field must not be blank there, and it was before.
    Required,
    /// Nobody knows what was there before.
    NoImage,
    /// The run deleted the record: only its CRM can restore it.
    Deleted,
    /// The connection refused to take it back.
    Refused,
}

/// Something that stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Left {
    /// The entity.
    pub entity: EntityId,
    /// Who it is, as a person would say it.
    pub label: String,
    /// The connection.
    pub provider: ProviderId,
    /// The record.
    pub remote: RemoteId,
    /// The field; none for the whole record.
    pub field: Option<Field>,
    /// Why.
    pub why: Stays,
    /// What was said, where a connection refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One thing that is taken back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Undone {
    /// The entity.
    pub entity: EntityId,
    /// Who it is, as a person would say it.
    pub label: String,
    /// The connection.
    pub provider: ProviderId,
    /// The record.
    pub remote: RemoteId,
    /// The field; none where the whole record is archived.
    pub field: Option<Field>,
    /// What the run wrote.
    pub from: Option<Value>,
    /// What was there before.
    pub to: Option<Value>,
}

/// How many examples are shown.
const SAMPLES_MAX: usize = 20;
/// The most lines of what stays; the counts have all.
const LEFT_MAX: usize = 10_000;

/// What became of taking a run back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UndoReport {
    /// The run that takes back.
    pub run_id: RunId,
    /// The run that is taken back.
    pub undone: RunId,
    /// Whether it was done.
    pub mode: UndoMode,
    /// Fields restored, by connection and field.
    pub restored: BTreeMap<ProviderId, BTreeMap<Field, u64>>,
    /// Records archived, by connection.
    pub archived: BTreeMap<ProviderId, u64>,
    /// Fields and records that were as before already.
    pub already: u64,
    /// Golden values that returned to what they were.
    pub golden: u64,
    /// What stays as it is, counted by reason.
    pub stays: BTreeMap<Stays, u64>,
    /// What stays as it is.
    pub left: Vec<Left>,
    /// Writes whose fate is open, or that were put off: undo the run again.
    pub open: u64,
    /// Kinds whose first sync needs a new approval.
    pub approve_again: Vec<ObjectKind>,
    /// Examples of what is taken back.
    pub samples: Vec<Undone>,
}

impl UndoReport {
    pub(crate) fn new(run_id: RunId, undone: RunId, mode: UndoMode) -> Self {
        Self {
            run_id,
            undone,
            mode,
            restored: BTreeMap::new(),
            archived: BTreeMap::new(),
            already: 0,
            golden: 0,
            stays: BTreeMap::new(),
            left: Vec::new(),
            open: 0,
            approve_again: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Returns how many fields were restored.
    pub fn fields(&self) -> u64 {
        self.restored.values().flat_map(BTreeMap::values).sum()
    }

    /// Returns how many records were archived.
    pub fn records(&self) -> u64 {
        self.archived.values().sum()
    }

    pub(crate) fn leave(&mut self, left: Left) {
        *self.stays.entry(left.why).or_default() += 1;
        if self.left.len() < LEFT_MAX {
            self.left.push(left);
        }
    }

    pub(crate) fn count(&mut self, done: Undone) {
        match done.field {
            Some(field) => {
                let of = self.restored.entry(done.provider.clone()).or_default();
                *of.entry(field).or_default() += 1;
            }
            None => *self.archived.entry(done.provider.clone()).or_default() += 1,
        }
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(done);
        }
    }

    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([
            ("restored".to_owned(), self.fields()),
            ("archived".to_owned(), self.records()),
            ("stays".to_owned(), self.stays.values().sum()),
            ("open".to_owned(), self.open),
        ])
    }
}
