//! Where records are written: created, changed, upserted, deleted, merged.

use serde_json::{Map, Value, json};

use super::check::Mode;
use super::module::{Catalog, Field, Module, Use};
use super::problem::{Problem, place, with};
use super::users::Users;
use crate::world::{Bump, Changes, Record, Source, State, World};

/// The writing side of the org, for the time of one request.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) users: &'a Users,
    pub(super) world: &'a mut World,
    pub(super) source: Source,
    /// The module that is written to.
    pub(super) module_name: &'static str,
}

/// Which version a write is bound to, in milliseconds since 1970.
pub(super) type Bound = Option<i64>;

/// What an upsert did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upserted<'f> {
    pub(super) key: u64,
    /// The field by which a record was found.
    pub(super) found_by: Option<&'f str>,
}

impl Desk<'_> {
    fn live(&self, key: u64) -> Option<&Record> {
        self.world.table(self.module_name)?.live(key)
    }

    /// Creates a record.
    pub(super) fn create(
        &mut self,
        module: &Module,
        values: &Map<String, Value>,
        index: usize,
    ) -> Result<u64, Problem> {
        let changes = self.read(module, values, (index, Mode::Create), None)?;
        self.unique(module, &changes, None, index)?;
        let key = self.world.next_key();
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(module.name).insert(key, &changes, &stamp);
        Ok(key)
    }

    /// Changes a live record.
    pub(super) fn update(
        &mut self,
        module: &Module,
        key: u64,
        values: &Map<String, Value>,
        (index, bound): (usize, Bound),
    ) -> Result<u64, Problem> {
        let record = self.live(key).ok_or_else(|| Problem::id_in_body(index))?;
        if bound.is_some_and(|bound| record.modified_ms() > bound) {
            return Err(Problem::modified());
        }
        let changes = self.read(module, values, (index, Mode::Update), Some(record))?;
        self.unique(module, &changes, Some(key), index)?;
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(module.name).write(key, &changes, &stamp, Bump::Always);
        Ok(key)
    }

    /// Changes the record that has the same value in one of the fields, or creates one.
    pub(super) fn upsert<'f>(
        &mut self,
        module: &Module,
        values: &Map<String, Value>,
        checks: &[&'f Field],
        (index, bound): (usize, Bound),
    ) -> Result<Upserted<'f>, Problem> {
        for field in checks {
            let Some(value) = values.get(&field.name).and_then(Value::as_str) else { continue };
            let found: Vec<u64> = self.holders(field, value);
            match found.as_slice() {
                [] => {}
                [key] => {
                    let key = self.update(module, *key, values, (index, bound))?;
                    return Ok(Upserted { key, found_by: Some(&field.name) });
                }
                [first, ..] => return Err(self.duplicate(module, field, *first, index)),
            }
        }
        let key = self.create(module, values, index)?;
        Ok(Upserted { key, found_by: None })
    }

    /// Returns the live records that hold a value.
    fn holders(&self, field: &Field, value: &str) -> Vec<u64> {
        let Some(table) = self.world.table(self.module_name) else { return Vec::new() };
        if table.has_index(&field.name) {
            let found = table.find(&field.name, value);
            return found.filter(|r| r.state() == State::Live).map(Record::key).collect();
        }
        let same = |record: &&Record| {
            record.get(field.column).is_some_and(|held| held.eq_ignore_ascii_case(value))
        };
        table.live_after(0).filter(same).map(Record::key).collect()
    }

    fn unique(
        &self,
        module: &Module,
        changes: &Changes,
        own: Option<u64>,
        index: usize,
    ) -> Result<(), Problem> {
        for field in module.fields.iter().filter(|field| field.usage == Use::Unique) {
            let Some(Some(value)) = changes.get(&field.column) else { continue };
            let others = self.holders(field, value);
            if let Some(other) = others.into_iter().find(|key| Some(*key) != own) {
                return Err(self.duplicate(module, field, other, index));
            }
        }
        Ok(())
    }

    fn duplicate(&self, module: &Module, field: &Field, key: u64, index: usize) -> Problem {
        let owner = module.field("Owner").map(|field| field.column);
        let owner = self.live(key).and_then(|record| record.get(owner?)).map(str::to_owned);
        let found = json!({
            "id": key.to_string(),
            "module": { "api_name": module.name, "id": module.id.to_string() },
            "Owner": { "id": owner },
        });
        let details = with(place(index, &field.name), "duplicate_record", found);
        Problem::new("DUPLICATE_DATA", details, "duplicate data")
    }

    /// Moves a record to the recycle bin; false if it is not live.
    pub(super) fn delete(&mut self, key: u64) -> bool {
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(self.module_name).archive(key, &stamp)
    }

    /// Merges one record into another: what pointed at the loser points at the winner.
    pub(super) fn merge(&mut self, winner: u64, loser: u64) -> bool {
        if winner == loser || self.live(winner).is_none() || self.live(loser).is_none() {
            return false;
        }
        let (from, to) = (loser.to_string(), winner.to_string());
        for module in &self.catalog.modules {
            let lookups = module.fields.iter().filter(|field| {
                let target = field.target.as_deref();
                target == Some("*") || target == Some(self.module_name)
            });
            for field in lookups {
                let Some(table) = self.world.table(module.name) else { continue };
                let rows = table.live_after(0);
                let rows = rows.filter(|record| record.get(field.column) == Some(&from));
                let keys: Vec<u64> = rows.map(Record::key).collect();
                for key in keys {
                    let moved = Changes::from([(field.column, Some(to.clone()))]);
                    let stamp = self.world.stamp(self.source);
                    self.world.table_mut(module.name).write(key, &moved, &stamp, Bump::Always);
                }
            }
        }
        let stamp = self.world.stamp(self.source);
        let table = self.world.table_mut(self.module_name);
        table.absorb(loser, winner, &stamp);
        table.write(winner, &Changes::new(), &stamp, Bump::Always);
        true
    }
}
