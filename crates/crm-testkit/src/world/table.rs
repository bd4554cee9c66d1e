//! The records of one kind, with the orders and look-ups that answers need.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use bytes::Bytes;

use super::index::Index;
use super::record::{Indexed, Past, Record, Source, Stamp, State};
use super::row::{Changes, Column, Columns, Row};

/// How many renderings of one record are kept; a client asks for one or two property sets.
const RENDERED_MAX: usize = 4;

/// The number of a set of requested properties, for keeping rendered records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape(usize);

/// Whether a write that changes no value moves the change stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// Only if a value changes.
    IfChanged,
    /// Always.
    Always,
}

/// How many records programs wrote, users aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Made.
    pub created: u64,
    /// Changed, each time that one was.
    pub changed: u64,
    /// Deleted.
    pub deleted: u64,
}

/// The records of one kind.
#[derive(Debug, Default)]
pub struct Table {
    columns: Columns,
    records: BTreeMap<u64, Record>,
    archived: BTreeSet<u64>,
    by_modified: BTreeSet<(i64, u64)>,
    lagging: BTreeSet<u64>,
    indexes: BTreeMap<String, Index>,
    shapes: Vec<String>,
    deeds: Deeds,
}

impl Table {
    /// Returns the column names.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Returns the column of a name, making it at first use.
    pub fn column(&mut self, name: &str) -> Column {
        self.columns.intern(name)
    }

    /// Returns how many records programs wrote.
    pub const fn deeds(&self) -> Deeds {
        self.deeds
    }

    /// Corrects how many records programs wrote, where some of it was taken back.
    pub const fn recount(&mut self, deeds: Deeds) {
        self.deeds = deeds;
    }

    /// Returns a record in whatever state.
    pub fn get(&self, key: u64) -> Option<&Record> {
        self.records.get(&key)
    }

    /// Returns a record that is live.
    pub fn live(&self, key: u64) -> Option<&Record> {
        self.get(key).filter(|record| record.state == State::Live)
    }

    /// Returns the record that lives on for a number: itself, or the one that absorbed it.
    pub fn survivor(&self, mut key: u64) -> Option<&Record> {
        // A merge points at a record that was live then, so chains end; the bound is for safety.
        for _ in 0..self.records.len().max(1) {
            let record = self.get(key)?;
            match record.state {
                State::Merged { into, .. } => key = into,
                State::Live | State::Archived { .. } => return Some(record),
            }
        }
        None
    }

    /// Returns how many records are live.
    pub fn live_count(&self) -> usize {
        self.by_modified.len()
    }

    /// Returns the live records with a number above `key`, in the order of numbers.
    pub fn live_after(&self, key: u64) -> impl Iterator<Item = &Record> {
        let after = self.records.range(key.saturating_add(1)..).map(|entry| entry.1);
        after.filter(|record| record.state == State::Live)
    }

    /// Returns the archived records with a number above `key`, in the order of numbers.
    pub fn archived_after(&self, key: u64) -> impl Iterator<Item = &Record> {
        let after = self.archived.range(key.saturating_add(1)..);
        after.filter_map(|key| self.records.get(key))
    }

    /// Returns all records, whatever their state, in the order of numbers.
    pub fn all(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// Returns change stamp and number of the live records changed within a time, in that order.
    pub fn modified(&self, within_ms: RangeInclusive<i64>) -> impl Iterator<Item = (i64, u64)> {
        let bounds = (*within_ms.start(), 0)..=(*within_ms.end(), u64::MAX);
        // A range that ends before it starts would panic; it holds nothing.
        let some = within_ms.start() <= within_ms.end();
        some.then(|| self.by_modified.range(bounds)).into_iter().flatten().copied()
    }

    /// Adds a look-up over columns, splitting values that are lists; existing rows are entered.
    pub fn add_index(&mut self, name: &str, columns: &[&str], separator: Option<char>) {
        let columns = columns.iter().map(|column| self.columns.intern(column)).collect();
        let mut index = Index::new(columns, separator);
        for record in self.records.values() {
            if !matches!(record.state, State::Merged { .. }) {
                index.add(record.key, &record.row);
            }
        }
        self.indexes.insert(name.to_owned(), index);
    }

    /// Returns whether a look-up of that name exists.
    pub fn has_index(&self, name: &str) -> bool {
        self.indexes.contains_key(name)
    }

    /// Returns the records, live or archived, that hold a value in a look-up.
    pub fn find(&self, index: &str, value: &str) -> impl Iterator<Item = &Record> + use<'_> {
        let found = self.indexes.get(index).map(|index| index.find(value));
        found.into_iter().flatten().filter_map(|key| self.records.get(&key))
    }

    /// Adds a record.
    pub fn insert(&mut self, key: u64, values: &Changes, stamp: &Stamp) {
        let row = Row::default().with(values);
        self.deeds.created += u64::from(stamp.source == Source::Integration);
        for index in self.indexes.values_mut() {
            index.add(key, &row);
        }
        self.by_modified.insert((stamp.at_ms, key));
        let mut record = Record {
            key,
            row,
            state: State::Live,
            created_ms: stamp.at_ms,
            modified_ms: stamp.at_ms,
            created_by: stamp.source,
            modified_by: stamp.source,
            history: Vec::new(),
            indexed: None,
            rendered: Vec::new(),
        };
        if stamp.visible_ms > stamp.at_ms {
            record.indexed = Some(Box::new(Indexed { known: None, until_ms: stamp.visible_ms }));
            self.lagging.insert(key);
        }
        self.records.insert(key, record);
    }

    /// Changes values of a record; returns whether a value or the stamp changed.
    pub fn write(&mut self, key: u64, changes: &Changes, stamp: &Stamp, bump: Bump) -> bool {
        let Some(record) = self.records.get_mut(&key) else {
            return false;
        };
        let row = record.row.with(changes);
        let differs = row != record.row;
        if !differs && bump == Bump::IfChanged {
            return false;
        }
        self.deeds.changed += u64::from(stamp.source == Source::Integration);
        for index in self.indexes.values_mut() {
            if changes.keys().any(|column| index.covers(*column)) {
                index.remove(key, &record.row);
                index.add(key, &row);
            }
        }
        for column in changes.keys() {
            let before = record.row.get(*column);
            if before != row.get(*column) {
                let before = before.map(Into::into);
                let at_ms = stamp.at_ms;
                record.history.push(Past { column: *column, before, at_ms, source: stamp.source });
            }
        }
        let before = std::mem::replace(&mut record.row, row);
        let known = Some((before, record.modified_ms));
        if record.state == State::Live {
            self.by_modified.remove(&(record.modified_ms, key));
            self.by_modified.insert((stamp.at_ms, key));
        }
        record.modified_ms = stamp.at_ms;
        record.modified_by = stamp.source;
        record.rendered.clear();
        if stamp.visible_ms > stamp.at_ms {
            // What search knew before an unseen change is what it knows still.
            let until_ms = stamp.visible_ms;
            let indexed =
                record.indexed.get_or_insert_with(|| Box::new(Indexed { known, until_ms }));
            indexed.until_ms = until_ms;
            self.lagging.insert(key);
        }
        true
    }

    /// Moves a live record to the recycle bin; returns whether it was live.
    pub fn archive(&mut self, key: u64, stamp: &Stamp) -> bool {
        self.leave(key, stamp, State::Archived { at_ms: stamp.at_ms })
    }

    /// Marks a live record as absorbed by another; returns whether it was live.
    pub fn absorb(&mut self, key: u64, into: u64, stamp: &Stamp) -> bool {
        self.leave(key, stamp, State::Merged { into, at_ms: stamp.at_ms })
    }

    /// Takes a record out of the recycle bin; returns whether it was there.
    pub fn restore(&mut self, key: u64, stamp: &Stamp) -> bool {
        let Some(record) = self.records.get_mut(&key) else {
            return false;
        };
        if !matches!(record.state, State::Archived { .. }) {
            return false;
        }
        record.state = State::Live;
        record.modified_ms = stamp.at_ms;
        record.rendered.clear();
        self.archived.remove(&key);
        self.by_modified.insert((stamp.at_ms, key));
        true
    }

    /// Removes a record without a trace; returns whether it was there.
    pub fn purge(&mut self, key: u64) -> bool {
        let Some(record) = self.records.remove(&key) else {
            return false;
        };
        for index in self.indexes.values_mut() {
            index.remove(key, &record.row);
        }
        self.by_modified.remove(&(record.modified_ms, key));
        self.archived.remove(&key);
        self.lagging.remove(&key);
        true
    }

    /// Sets the change stamp of a live record, as a bulk update inside the CRM would.
    pub fn touch(&mut self, key: u64, at_ms: i64) -> bool {
        let Some(record) = self.records.get_mut(&key) else {
            return false;
        };
        if record.state != State::Live {
            return false;
        }
        self.by_modified.remove(&(record.modified_ms, key));
        self.by_modified.insert((at_ms, key));
        record.modified_ms = at_ms;
        record.modified_by = Source::User;
        record.rendered.clear();
        true
    }

    /// Sets when a record was created, for one that carries on from another.
    pub fn set_created(&mut self, key: u64, at_ms: i64) {
        if let Some(record) = self.records.get_mut(&key) {
            record.created_ms = at_ms;
            record.rendered.clear();
        }
    }

    /// Returns the records that search does not see as they are now, with what it shows instead:
    /// values and change stamp, or nothing.
    pub fn lagging(&self, now_ms: i64) -> impl Iterator<Item = (&Record, Option<(&Row, i64)>)> {
        let records = self.lagging.iter().filter_map(|key| self.records.get(key));
        records.filter_map(move |record| {
            let indexed = record.indexed.as_deref().filter(|indexed| indexed.until_ms > now_ms)?;
            Some((record, indexed.known.as_ref().map(|(row, at_ms)| (row, *at_ms))))
        })
    }

    /// Returns one such record, if search does not see it as it is now.
    pub fn lag_of(&self, key: u64, now_ms: i64) -> Option<(&Record, Option<(&Row, i64)>)> {
        let record = self.records.get(&key)?;
        let indexed = record.indexed.as_deref().filter(|indexed| indexed.until_ms > now_ms)?;
        Some((record, indexed.known.as_ref().map(|(row, at_ms)| (row, *at_ms))))
    }

    /// Lets the search index catch up with everything that is due.
    pub fn catch_up(&mut self, now_ms: i64) {
        let records = &mut self.records;
        self.lagging.retain(|key| {
            let Some(record) = records.get_mut(key) else {
                return false;
            };
            let waits = record.indexed.as_ref().is_some_and(|indexed| indexed.until_ms > now_ms);
            if !waits {
                record.indexed = None;
            }
            waits
        });
    }

    /// Returns the number of a property set, written as the dialect likes.
    pub fn shape(&mut self, properties: &str) -> Shape {
        let known = self.shapes.iter().position(|shape| shape == properties);
        Shape(known.unwrap_or_else(|| {
            self.shapes.push(properties.to_owned());
            self.shapes.len() - 1
        }))
    }

    /// Returns a record rendered for a property set, from the last time unless it changed since.
    pub fn render(
        &mut self,
        key: u64,
        shape: Shape,
        draw: impl FnOnce(&Record, &Columns) -> Vec<u8>,
    ) -> Option<Bytes> {
        Some(kept(self.records.get_mut(&key)?, shape, &self.columns, draw))
    }

    /// Returns up to `count` live records with a number above `key`, rendered likewise, in the
    /// order of numbers.
    pub fn render_live(
        &mut self,
        key: u64,
        count: usize,
        shape: Shape,
        draw: impl Fn(&Record, &Columns) -> Vec<u8>,
    ) -> Vec<(u64, Bytes)> {
        let after = self.records.range_mut(key.saturating_add(1)..).map(|entry| entry.1);
        let live = after.filter(|record| record.state == State::Live).take(count);
        live.map(|record| (record.key, kept(record, shape, &self.columns, &draw))).collect()
    }

    fn leave(&mut self, key: u64, stamp: &Stamp, state: State) -> bool {
        let Some(record) = self.records.get_mut(&key) else {
            return false;
        };
        if record.state != State::Live {
            return false;
        }
        self.by_modified.remove(&(record.modified_ms, key));
        self.lagging.remove(&key);
        match state {
            State::Archived { .. } => {
                self.deeds.deleted += u64::from(stamp.source == Source::Integration);
                self.archived.insert(key);
            }
            State::Merged { .. } => {
                for index in self.indexes.values_mut() {
                    index.remove(key, &record.row);
                }
            }
            State::Live => {}
        }
        record.state = state;
        record.modified_ms = stamp.at_ms;
        record.modified_by = stamp.source;
        record.indexed = None;
        record.rendered.clear();
        true
    }
}

/// Returns a record's rendering, drawing it if none is kept.
fn kept(
    record: &mut Record,
    shape: Shape,
    columns: &Columns,
    draw: impl FnOnce(&Record, &Columns) -> Vec<u8>,
) -> Bytes {
    if let Some((_, bytes)) = record.rendered.iter().find(|kept| kept.0 == shape) {
        return bytes.clone();
    }
    let bytes = Bytes::from(draw(record, columns));
    if record.rendered.len() >= RENDERED_MAX {
        record.rendered.remove(0);
    }
    record.rendered.push((shape, bytes.clone()));
    bytes
}
