//! The stored forms of one row, written into a buffer that is kept for the whole commit: a text
//! of its own for each column would be allocated, grown and freed again for every row.

use std::ops::Range;

use crm_store::{StoreError, StoreResult};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Serialize;

/// The buffer.
#[derive(Debug, Default)]
pub(super) struct Texts(Vec<u8>);

/// Where a text is in the buffer; `None` is NULL.
pub(super) type Place = Option<Range<usize>>;

impl Texts {
    /// Begins a row: what was written before is gone.
    pub(super) fn begin(&mut self) {
        self.0.clear();
    }

    /// Writes a value behind what is there.
    pub(super) fn write<T: Serialize>(&mut self, value: &T) -> StoreResult<Place> {
        let start = self.0.len();
        serde_json::to_writer(&mut self.0, value)
            .map_err(|error| StoreError::backend("a value cannot be stored", error))?;
        Ok(Some(start..self.0.len()))
    }

    /// Writes a value that may be absent.
    pub(super) fn write_opt<T: Serialize>(&mut self, value: Option<&T>) -> StoreResult<Place> {
        value.map_or(Ok(None), |value| self.write(value))
    }

    /// Returns what a statement is given.
    pub(super) fn at(&self, place: Place) -> Option<Stored<'_>> {
        place.and_then(|range| self.0.get(range)).map(Stored)
    }
}

/// A stored form. It is UTF-8 because JSON is.
pub(super) struct Stored<'a>(&'a [u8]);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}
