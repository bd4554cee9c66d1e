//! One record of a fake CRM, with its history and what search knows of it.

use bytes::Bytes;

use super::row::{Column, Row};
use super::table::Shape;

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A program, through the API.
    Integration,
    /// A person, in the CRM's own pages.
    User,
}

/// When and by whom a change is made.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The change's time at the vendor's resolution, in milliseconds since 1970.
    pub at_ms: i64,
    /// When search sees the change, in milliseconds since 1970.
    pub visible_ms: i64,
    /// Who makes it.
    pub source: Source,
}

/// Whether a record is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    Live,
    /// It is in the recycle bin.
    Archived {
        /// Since when, in milliseconds since 1970.
        at_ms: i64,
    },
    /// It was absorbed by another.
    Merged {
        /// The number of the record that lives on.
        into: u64,
        /// Since when, in milliseconds since 1970.
        at_ms: i64,
    },
}

/// A value that a column held before a change.
#[derive(Clone, Debug)]
pub struct Past {
    /// The column that changed.
    pub column: Column,
    /// What it held before.
    pub before: Option<Box<str>>,
    /// When it changed, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who changed it.
    pub source: Source,
}

/// What search still shows of a record while its index lags.
#[derive(Debug)]
pub(super) struct Indexed {
    /// The values and change stamp known to search; none for a record it has never seen.
    pub(super) known: Option<(Row, i64)>,
    /// When the index catches up.
    pub(super) until_ms: i64,
}

/// One record.
#[derive(Debug)]
pub struct Record {
    pub(super) key: u64,
    pub(super) row: Row,
    pub(super) state: State,
    pub(super) created_ms: i64,
    pub(super) modified_ms: i64,
    pub(super) created_by: Source,
    pub(super) modified_by: Source,
    pub(super) history: Vec<Past>,
    pub(super) indexed: Option<Box<Indexed>>,
    pub(super) rendered: Vec<(Shape, Bytes)>,
}

impl Record {
    /// Returns the record's number.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Returns its values.
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// Returns the value of a column.
    pub fn get(&self, column: Column) -> Option<&str> {
        self.row.get(column)
    }

    /// Returns whether it is there.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns when it was created, in milliseconds since 1970.
    pub fn created_ms(&self) -> i64 {
        self.created_ms
    }

    /// Returns when it last changed, in milliseconds since 1970.
    pub fn modified_ms(&self) -> i64 {
        self.modified_ms
    }

    /// Returns who created it.
    pub fn created_by(&self) -> Source {
        self.created_by
    }

    /// Returns who changed it last.
    pub fn modified_by(&self) -> Source {
        self.modified_by
    }

    /// Returns the changes since its creation, oldest first.
    pub fn history(&self) -> &[Past] {
        &self.history
    }
}
