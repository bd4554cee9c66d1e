//! Where records are written: validation, derived fields, side effects, and a journal that takes
//! everything back when all must succeed or none.

mod derive;
mod duplicates;
mod journal;
mod read;
mod relate;
pub(super) mod stage;

use serde_json::{Map, Value};

use super::describe::{Catalog, Children, Field, Kind, OnDelete, Type};
use super::ids;
use super::problem::Problem;
use super::schema::{Found, Users, View};
use crate::world::{Bump, Changes, Source, State, World};

pub use self::duplicates::DuplicateRule;
pub(super) use self::duplicates::Saving;
pub(super) use self::journal::{Journal, Mark};

/// What a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Update,
}

/// Whether an upsert may create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upsert {
    CreateOrUpdate,
    UpdateOnly,
}

/// What an upsert did.
#[derive(Clone, Debug)]
pub(super) struct Upserted {
    pub(super) id: String,
    pub(super) mode: Mode,
}

/// The writing side of the org, for the time of one request.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) world: &'a mut World,
    pub(super) users: &'a Users,
    pub(super) rule: DuplicateRule,
    pub(super) saving: Saving,
    pub(super) source: Source,
    pub(super) journal: &'a mut Journal,
}

impl<'a> Desk<'a> {
    pub(super) fn view(&self) -> View<'_> {
        View { catalog: self.catalog, world: self.world, users: self.users }
    }

    /// Returns the type of that name, if records of it can be written.
    pub(super) fn kind(&self, name: &str) -> Result<&'a Kind, Problem> {
        let kind = self.catalog.kind(name).ok_or_else(Problem::not_found)?;
        if kind.has('w') || self.administers(kind) {
            return Ok(kind);
        }
        let message = format!("entity type {name} does not support changes through this org");
        Err(Problem::new("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message).fields::<String>([]))
    }

    /// Returns whether this is a person in Setup, who may change what no program may.
    fn administers(&self, kind: &Kind) -> bool {
        kind.has('a') && self.source == Source::User
    }

    /// Returns the live record of an id.
    pub(super) fn live(&self, kind: &'a Kind, id: &str) -> Result<u64, Problem> {
        let Some(long) = ids::lengthened(id) else {
            let message = format!("malformed id {id}");
            return Err(Problem::new("MALFORMED_ID", message).fields(["Id"]));
        };
        let found = self.view().record(kind, &long).ok_or_else(Problem::bad_reference)?;
        match found.record.state() {
            State::Live => Ok(found.record.key()),
            State::Archived { .. } | State::Merged { .. } => Err(Problem::deleted()),
        }
    }

    /// Creates a record and returns its id.
    pub(super) fn create(
        &mut self,
        kind: &'a Kind,
        values: &Map<String, Value>,
    ) -> Result<String, Problem> {
        let mut changes = self.read(kind, values, Mode::Create)?;
        self.defaults(kind, &mut changes);
        let stage = |name: &str| self.stage(name);
        derive::derive(kind, None, &mut changes, self.world.now(), &stage)?;
        self.relate(kind, None, &mut changes)?;
        required(kind, &changes)?;
        self.check(kind, None, &changes)?;
        let key = self.world.next_key();
        let id = ids::long(kind.prefix, key);
        if let Some(field) = kind.field("Id") {
            changes.insert(field.column, Some(id.clone()));
        }
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(kind.name).insert(key, &changes, &stamp);
        self.journal.created(kind.name, key);
        self.after_create(kind, &id, &changes)?;
        self.only_primary(kind, key, &changes);
        Ok(id)
    }

    /// Changes a live record.
    pub(super) fn update(
        &mut self,
        kind: &'a Kind,
        id: &str,
        values: &Map<String, Value>,
    ) -> Result<String, Problem> {
        let key = self.live(kind, id)?;
        let mut changes = self.read(kind, values, Mode::Update)?;
        let emptied = kind.fields.iter().filter(|field| is_required(field));
        let emptied = emptied.filter(|field| changes.get(&field.column) == Some(&None));
        missing(emptied.map(|field| field.name.as_str()).collect())?;
        let record = self.world.table(kind.name).and_then(|table| table.get(key));
        let stage = |name: &str| self.stage(name);
        derive::derive(kind, record, &mut changes, self.world.now(), &stage)?;
        self.relate(kind, Some(key), &mut changes)?;
        self.check(kind, Some(key), &changes)?;
        self.write(kind.name, key, &changes);
        self.only_primary(kind, key, &changes);
        Ok(ids::long(kind.prefix, key))
    }

    /// Creates or changes the record whose field `key` holds `value`.
    pub(super) fn upsert(
        &mut self,
        kind: &'a Kind,
        key: &'a Field,
        value: &str,
        values: &Map<String, Value>,
        upsert: Upsert,
    ) -> Result<Upserted, Problem> {
        let ids: Vec<String> = self.holders(kind, key, value);
        match ids.as_slice() {
            [id] => {
                let id = self.update(kind, id, values)?;
                Ok(Upserted { id, mode: Mode::Update })
            }
            [] if upsert == Upsert::UpdateOnly || key.kind == Type::Id => {
                Err(Problem::no_such_key(value))
            }
            [] => {
                let mut values = values.clone();
                values.insert(key.name.clone(), Value::from(value));
                let id = self.create(kind, &values)?;
                Ok(Upserted { id, mode: Mode::Create })
            }
            several => {
                let message = format!(
                    "{}: more than one record found for external id field: [{}]",
                    key.name,
                    several.join(", ")
                );
                let mut problem = Problem::new("DUPLICATE_EXTERNAL_ID", message);
                problem.choices = several.to_vec();
                problem.status = http::StatusCode::MULTIPLE_CHOICES;
                Err(problem)
            }
        }
    }

    /// Returns the ids of the live records whose key field holds a value.
    pub(super) fn holders(&self, kind: &'a Kind, key: &'a Field, value: &str) -> Vec<String> {
        let view = self.view();
        if key.kind == Type::Id {
            let found = ids::lengthened(value).and_then(|id| view.record(kind, &id));
            return found.filter(|found| !found.is_deleted()).map(Found::id).into_iter().collect();
        }
        view.lookup(kind, key, value.trim()).map(Found::id).collect()
    }

    /// Deletes a live record and what hangs on it.
    pub(super) fn delete(&mut self, kind: &'a Kind, id: &str) -> Result<String, Problem> {
        let key = self.live(kind, id)?;
        self.archive(kind, key);
        Ok(ids::long(kind.prefix, key))
    }

    fn archive(&mut self, kind: &'a Kind, key: u64) {
        let id = ids::long(kind.prefix, key);
        let catalog = self.catalog;
        let all = kind.children.iter().filter(|children| children.delete == OnDelete::Cascade);
        for children in all {
            let Some(child) = catalog.kind(children.kind) else {
                continue;
            };
            for key in self.pointing(child, children, &id) {
                self.archive(child, key);
            }
        }
        let stamp = self.world.stamp(self.source);
        let table = self.world.table_mut(kind.name);
        if let Some(record) = table.live(key) {
            self.journal.archived(kind.name, record);
            table.archive(key, &stamp);
        }
    }

    /// Returns the live records of a type that point to an id.
    fn pointing(&self, child: &Kind, children: &Children, id: &str) -> Vec<u64> {
        let Some(field) = child.field(children.field) else {
            return Vec::new();
        };
        let records = self.world.table(child.name).into_iter().flat_map(|t| t.live_after(0));
        let pointing = records.filter(|record| record.get(field.column) == Some(id));
        pointing.map(crate::world::Record::key).collect()
    }

    /// Brings a record back from the recycle bin.
    pub(super) fn undelete(&mut self, kind: &'a Kind, id: &str) -> Result<(), Problem> {
        let key = ids::lengthened(id).and_then(|id| ids::key(&id));
        let key = key.ok_or_else(Problem::bad_reference)?;
        let stamp = self.world.stamp(self.source);
        if kind.has('u') && self.world.table_mut(kind.name).restore(key, &stamp) {
            return Ok(());
        }
        let message = "Entity is not in the recycle bin";
        Err(Problem::new("UNDELETE_FAILED", message).fields::<String>([]))
    }

    /// Merges one record into another of the same type.
    pub(super) fn merge(
        &mut self,
        kind: &'a Kind,
        winner: &str,
        loser: &str,
    ) -> Result<String, Problem> {
        let (winner, loser) = (self.live(kind, winner)?, self.live(kind, loser)?);
        if !kind.has('m') || winner == loser {
            let message = format!("{} records cannot be merged like that", kind.name);
            return Err(Problem::new("INVALID_OPERATION", message));
        }
        let winner_id = ids::long(kind.prefix, winner);
        let loser_id = ids::long(kind.prefix, loser);
        let catalog = self.catalog;
        for children in &kind.children {
            let Some(child) = catalog.kind(children.kind) else {
                continue;
            };
            let Some(field) = child.field(children.field) else {
                continue;
            };
            for key in self.pointing(child, children, &loser_id) {
                let moved = Changes::from([(field.column, Some(winner_id.clone()))]);
                self.write(child.name, key, &moved);
            }
        }
        if let Some(field) = kind.field("MasterRecordId") {
            let master = Changes::from([(field.column, Some(winner_id.clone()))]);
            self.write(kind.name, loser, &master);
        }
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(kind.name).absorb(loser, winner, &stamp);
        self.write(kind.name, winner, &Changes::new());
        Ok(winner_id)
    }

    /// Writes checked values; a change stamp moves even when no value does, as at the vendor's.
    pub(super) fn write(&mut self, kind: &'static str, key: u64, changes: &Changes) {
        let stamp = self.world.stamp(self.source);
        let table = self.world.table_mut(kind);
        if let Some(record) = table.get(key) {
            self.journal.written(kind, record, changes);
            table.write(key, changes, &stamp, Bump::Always);
        }
    }

    /// Takes everything back that was written since the mark.
    pub(super) fn roll_back(&mut self, mark: Mark) {
        self.journal.roll_back(mark, self.world);
    }

    fn defaults(&self, kind: &Kind, changes: &mut Changes) {
        for field in &kind.fields {
            let default = match &field.default {
                Some(default) => default.clone(),
                None if field.name == "OwnerId" => self.users.id(self.source).to_owned(),
                None => continue,
            };
            changes.entry(field.column).or_insert(None).get_or_insert(default);
        }
    }

    /// A deal that names a contact gets that contact as its primary role.
    fn after_create(&mut self, kind: &Kind, id: &str, made: &Changes) -> Result<(), Problem> {
        let contact = kind.field("ContactId").and_then(|field| made.get(&field.column)).cloned();
        if let (true, Some(Some(contact)), Some(role)) =
            (kind.name == "Opportunity", contact, self.catalog.kind("OpportunityContactRole"))
        {
            let values = serde_json::json!({
                "OpportunityId": id, "ContactId": contact, "IsPrimary": true,
            });
            let empty = Map::new();
            self.create(role, values.as_object().unwrap_or(&empty))?;
        }
        Ok(())
    }
}

fn is_required(field: &Field) -> bool {
    let given_by_caller = field.has('c') && !field.has('n') && !field.has('d');
    given_by_caller && field.kind != Type::Flag
}

fn required(kind: &Kind, changes: &Changes) -> Result<(), Problem> {
    let empty = |field: &&Field| changes.get(&field.column).is_none_or(Option::is_none);
    let fields = kind.fields.iter().filter(|field| is_required(field)).filter(empty);
    missing(fields.map(|field| field.name.as_str()).collect())
}

fn missing(names: Vec<&str>) -> Result<(), Problem> {
    if names.is_empty() {
        return Ok(());
    }
    let message = format!("Required fields are missing: [{}]", names.join(", "));
    Err(Problem::new("REQUIRED_FIELD_MISSING", message).fields(names))
}
