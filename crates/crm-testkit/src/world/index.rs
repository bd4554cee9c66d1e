//! Look-up by value: folded to lower case, over one or several columns, unique or not.

use std::collections::BTreeSet;

use super::row::{Column, Row};

/// An index over columns whose values name records.
#[derive(Debug)]
pub(super) struct Index {
    columns: Vec<Column>,
    /// Splits a value that is a list.
    separator: Option<char>,
    entries: BTreeSet<(String, u64)>,
}

impl Index {
    pub(super) fn new(columns: Vec<Column>, separator: Option<char>) -> Self {
        Self { columns, separator, entries: BTreeSet::new() }
    }

    pub(super) fn covers(&self, column: Column) -> bool {
        self.columns.contains(&column)
    }

    pub(super) fn add(&mut self, key: u64, row: &Row) {
        for value in self.values(row) {
            self.entries.insert((value, key));
        }
    }

    pub(super) fn remove(&mut self, key: u64, row: &Row) {
        for value in self.values(row) {
            self.entries.remove(&(value, key));
        }
    }

    pub(super) fn find(&self, value: &str) -> impl Iterator<Item = u64> + use<'_> {
        let folded = value.to_lowercase();
        let range = (folded.clone(), 0)..=(folded, u64::MAX);
        self.entries.range(range).map(|entry| entry.1)
    }

    fn values(&self, row: &Row) -> Vec<String> {
        let held = self.columns.iter().filter_map(|column| row.get(*column));
        match self.separator {
            None => held.map(str::to_lowercase).collect(),
            Some(separator) => held
                .flat_map(|list| list.split(separator))
                .filter(|part| !part.is_empty())
                .map(str::to_lowercase)
                .collect(),
        }
    }
}
