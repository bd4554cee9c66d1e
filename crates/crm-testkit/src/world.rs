//! What a CRM holds: records by kind, its clock, its random source, the lag of its search index.
//!
//! A world knows nothing of a vendor's wire format. Dialects read and change it; the fake keeps it
//! behind one mutex, so nothing here is shared or asynchronous.

mod clock;
mod index;
mod record;
mod rng;
mod row;
mod table;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::clock::FakeClock;
pub use self::record::{Past, Record, Source, Stamp, State};
pub use self::rng::Rng;
pub use self::row::{Changes, Column, Columns, Row};
pub use self::table::{Bump, Deeds, Shape, Table};

/// The state of one fake CRM.
#[derive(Debug)]
pub struct World {
    /// The CRM's own clock.
    pub clock: FakeClock,
    /// The source of everything random, seeded.
    pub rng: Rng,
    /// The longest time a change may stay invisible to search; each change draws its own.
    pub lag_max_ms: u64,
    /// The vendor's resolution of change stamps: 1 or 1,000 milliseconds.
    pub granularity_ms: i64,
    tables: BTreeMap<String, Table>,
    last_key: u64,
}

impl World {
    /// Returns an empty world.
    pub fn new(clock: FakeClock, seed: u64) -> Self {
        Self {
            clock,
            rng: Rng::new(seed),
            lag_max_ms: 0,
            granularity_ms: 1,
            tables: BTreeMap::new(),
            last_key: 0,
        }
    }

    /// Returns the time on the CRM's clock in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Returns the time on the CRM's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the stamp of a change made now: its time at the vendor's resolution, and when
    /// search will see it.
    pub fn stamp(&mut self, source: Source) -> Stamp {
        let now = self.now_ms();
        let lag = match self.lag_max_ms {
            0 => 0,
            max => i64::try_from(self.rng.below(max + 1)).unwrap_or(i64::MAX),
        };
        let at_ms = now - now.rem_euclid(self.granularity_ms.max(1));
        Stamp { at_ms, visible_ms: now.saturating_add(lag), source }
    }

    /// Returns the next record number; numbers rise in steps that vary, as real ones do.
    pub fn next_key(&mut self) -> u64 {
        self.last_key += 1 + self.rng.below(3);
        self.last_key
    }

    /// Sets the number after which [`next_key`](Self::next_key) goes on.
    pub fn start_keys_at(&mut self, key: u64) {
        self.last_key = key;
    }

    /// Returns the table of a kind, making an empty one at first use.
    pub fn table_mut(&mut self, kind: &str) -> &mut Table {
        // Two look-ups instead of an allocation per call.
        if !self.tables.contains_key(kind) {
            self.tables.insert(kind.to_owned(), Table::default());
        }
        self.tables.entry(kind.to_owned()).or_default()
    }

    /// Returns the table of a kind.
    pub fn table(&self, kind: &str) -> Option<&Table> {
        self.tables.get(kind)
    }

    /// Returns the kinds that have a table, in order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }
}
