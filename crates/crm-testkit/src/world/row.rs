//! The values of one record, packed: a column number and an end offset each, over one text.
//!
//! A map from names to strings would cost 3.4 kB a person at 22 properties; this costs a tenth.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of a column within its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column(u16);

/// What a write asks for, by column: a text, or `None` to clear.
pub type Changes = BTreeMap<Column, Option<String>>;

/// The column names of one table; a name gets its number at first use and keeps it.
#[derive(Debug, Default)]
pub struct Columns {
    names: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, Column>,
}

impl Columns {
    /// Returns the number of a name, giving it one if it has none.
    pub fn intern(&mut self, name: &str) -> Column {
        if let Some(column) = self.numbers.get(name) {
            return *column;
        }
        // 65,535 columns are more than any vendor allows; the last number absorbs the rest.
        let column = Column(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, column);
        column
    }

    /// Returns the number of a name that is known.
    pub fn get(&self, name: &str) -> Option<Column> {
        self.numbers.get(name).copied()
    }

    /// Returns the name of a column.
    pub fn name(&self, column: Column) -> &str {
        self.names.get(usize::from(column.0)).map_or("", |name| name)
    }

    /// Returns all columns in the order of their names.
    pub fn by_name(&self) -> impl Iterator<Item = (&str, Column)> {
        self.numbers.iter().map(|(name, column)| (&**name, *column))
    }
}

/// The packed values of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Sorted by column; the second part is where the value ends in `text`.
    cells: Box<[(Column, u32)]>,
    text: Box<str>,
}

impl Row {
    /// Returns the value of a column; an empty value is no value.
    pub fn get(&self, column: Column) -> Option<&str> {
        let at = self.cells.binary_search_by_key(&column, |cell| cell.0).ok()?;
        let start = at.checked_sub(1).and_then(|before| self.cells.get(before));
        let start = start.map_or(0, |cell| cell.1);
        let end = self.cells.get(at)?.1;
        self.text.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// Returns the columns that hold a value, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Column, &str)> {
        let mut start = 0;
        self.cells.iter().map(move |(column, end)| {
            let from = usize::try_from(start).unwrap_or(usize::MAX);
            start = *end;
            let to = usize::try_from(*end).unwrap_or(usize::MAX);
            (*column, self.text.get(from..to).unwrap_or_default())
        })
    }

    /// Returns the row with the changes made.
    pub fn with(&self, changes: &Changes) -> Self {
        let mut merged: BTreeMap<Column, &str> = self.iter().collect();
        for (column, value) in changes {
            match value.as_deref() {
                None | Some("") => merged.remove(column),
                Some(text) => merged.insert(*column, text),
            };
        }
        let mut text = String::with_capacity(merged.values().map(|value| value.len()).sum());
        let mut cells = Vec::with_capacity(merged.len());
        for (column, value) in merged {
            text.push_str(value);
            cells.push((column, u32::try_from(text.len()).unwrap_or(u32::MAX)));
        }
        Self { cells: cells.into(), text: text.into() }
    }
}
