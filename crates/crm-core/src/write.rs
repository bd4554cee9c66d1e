//! Writes and what became of each of them.

use jiff::Timestamp;

use crate::{Field, Fields, ObjectKind, Patch, RemoteId, Result, Uid, Version, WriteKey};

/// One intended write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Names the write; the same after a crash.
    pub key: WriteKey,
    /// What is written.
    pub kind: ObjectKind,
    /// What is done.
    pub action: Action,
}

impl Write {
    /// Returns the text by which the write names its record: our unique value, or the id.
    pub fn target(&self) -> &str {
        match &self.action {
            Action::Create { uid, .. } => uid.as_str(),
            Action::Update { id, .. } | Action::Delete { id } => id.as_str(),
        }
    }
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes a record that carries `uid` in our unique field; an upsert on that field where the
    /// vendor has one, so that a repetition cannot make a second record.
    Create {
        /// Our unique value.
        uid: Uid,
        /// The values.
        fields: Fields,
    },
    /// Changes only the fields of the patch.
    Update {
        /// The record.
        id: RemoteId,
        /// The changes.
        patch: Patch,
        /// The version that was read, where the vendor can compare it.
        expected: Option<Version>,
    },
    /// Deletes, as the vendor does it (usually into a recycle bin).
    Delete {
        /// The record.
        id: RemoteId,
    },
}

/// A write that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The record.
    pub id: RemoteId,
    /// Its version now, where the answer tells.
    pub version: Option<Version>,
    /// When it was modified, where the answer tells.
    pub modified_at: Option<Timestamp>,
    /// What the provider stored, as far as the answer tells.
    pub stored: Option<Fields>,
    /// The fields that were certainly not stored although the record was, each with what the
    /// vendor said: a tie that it did not accept, for instance.
    pub refused: Vec<(Field, String)>,
}

impl Written {
    /// Makes the result of a write of which nothing but the record's id is known.
    pub fn new(id: RemoteId) -> Self {
        Self { id, version: None, modified_at: None, stored: None, refused: Vec::new() }
    }
}

/// One result for each write, in order.
#[derive(Debug)]
#[must_use]
pub struct BatchOutcome(Vec<Result<Written>>);

impl BatchOutcome {
    /// Collects the results.
    ///
    /// # Panics
    /// If there is not exactly one result for each write: that is a bug of a room, and guessing
    /// which result belongs to which write would corrupt records.
    pub fn new(writes: &[Write], results: Vec<Result<Written>>) -> Self {
        assert_eq!(writes.len(), results.len(), "one result for each write");
        Self(results)
    }

    /// Pairs each write with its result.
    pub fn pair(self, writes: &[Write]) -> impl Iterator<Item = (&Write, Result<Written>)> {
        writes.iter().zip(self.0)
    }

    /// Shows the results.
    pub fn results(&self) -> &[Result<Written>] {
        &self.0
    }

    /// Returns the results.
    pub fn into_results(self) -> Vec<Result<Written>> {
        self.0
    }
}
