//! Applying a commit: one transaction, written without reading where that is possible.
//!
//! Expected row versions are conditions of the very updates that the commit makes; an update
//! that finds no row rolls everything back. What lives outside the file (leases, numbers of
//! entities) changes only after the file has accepted the commit.

mod audit;
mod entity;
mod erase;
mod journal;
mod link;
mod log;
mod pending;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{EntityId, ObjectKind, RunId};
use crm_store::audit::Chain;
use crm_store::{Commit, KeyHash, Leases, Mutation, Seq, StoreError, StoreResult};
use rusqlite::{CachedStatement, Connection, Params, TransactionBehavior, params};

use crate::SqliteLedger;
use crate::error::sql;
use crate::ledger::{Known, Place};
use crate::place::Places;
use crate::read::place;
use crate::row::kind_number;
use pending::Waiting;
use text::Texts;

impl SqliteLedger {
    /// Applies a commit; see [`Store::commit`](crm_store::Store::commit).
    ///
    /// # Errors
    /// [`StoreError::Raced`] if an expected row version or fence is no longer the current one;
    /// nothing was changed then.
    pub fn commit(&mut self, commit: Commit) -> StoreResult<()> {
        let Self { connection, places, known, leases, .. } = self;
        let connections = places.len();
        let written = write(connection, places, known, leases, commit);
        match written {
            Ok(outcome) => {
                outcome.settle(known, leases);
                Ok(())
            }
            Err(error) => {
                if places.len() != connections {
                    // The numbers that it gave were rolled back with it.
                    places.reload(connection)?;
                }
                Err(error)
            }
        }
    }
}

fn write(
    connection: &mut Connection,
    places: &mut Places,
    known: &Known,
    leases: &Leases,
    commit: Commit,
) -> StoreResult<Outcome> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let mut work = Work {
        sql: &transaction,
        statements: Vec::new(),
        texts: Texts::default(),
        places,
        known,
        rows: BTreeMap::new(),
        keys: BTreeMap::new(),
        waiting: Waiting::default(),
        run: None,
        chain: None,
        outcome: Outcome::default(),
    };
    work.expect(&commit)?;
    work.check_fences(&commit, leases)?;
    for mutation in commit.mutations {
        work.apply(mutation)?;
    }
    work.settle_versions()?;
    work.wake()?;
    work.write_keys()?;
    work.write_chain()?;
    let outcome = work.finish();
    transaction.commit().map_err(sql)?;
    Ok(outcome)
}

/// What changes outside the file once the commit is in it.
#[derive(Debug, Default)]
struct Outcome {
    /// Entities whose mark was touched.
    marked: Vec<i64>,
    /// Entities whose fence the commit carries.
    fenced: BTreeSet<i64>,
    found: Vec<(EntityId, Place)>,
    /// Entities that are no more.
    erased: Vec<(EntityId, i64)>,
}

impl Outcome {
    fn settle(self, known: &mut Known, leases: &mut Leases) {
        for eid in self.marked {
            if self.fenced.contains(&eid) {
                leases.settle(Seq(eid));
            } else {
                leases.withdraw(Seq(eid));
            }
        }
        for (id, place) in self.found {
            known.insert(id, place);
        }
        for (id, eid) in self.erased {
            known.remove(id);
            leases.withdraw(Seq(eid));
        }
    }
}

/// An entity that the commit speaks of.
#[derive(Debug, Default)]
struct Touched {
    /// Where it is, once that was looked up.
    place: Option<Place>,
    /// The row version that must be there.
    expected: Option<u64>,
    version: RowVersion,
}

/// What became of an entity's row version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RowVersion {
    /// Nothing was changed yet.
    #[default]
    Untouched,
    /// A child row was changed; the row itself is still to be checked and counted.
    Pending,
    /// It was checked, if need be, and counted.
    Counted,
}

struct Work<'a> {
    sql: &'a Connection,
    /// What this commit has executed so far: a handful, and each of them hundreds of times.
    statements: Vec<(&'static str, CachedStatement<'a>)>,
    texts: Texts,
    places: &'a mut Places,
    known: &'a Known,
    rows: BTreeMap<EntityId, Touched>,
    /// Match keys by their place in the table, and whether they are to be there: written at the
    /// end, so that neighbours in the table are written together.
    keys: BTreeMap<(i64, KeyHash, i64), Presence>,
    waiting: Waiting,
    /// The run that was last named, and its number.
    run: Option<(RunId, i64)>,
    /// The end of the audit log, once this commit appended to it.
    chain: Option<Chain>,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Present,
    Absent,
}

/// Returns a statement that was prepared before, or prepares it. Texts are compared by place:
/// another copy of one is merely prepared twice.
fn statement<'s, 'a>(
    connection: &'a Connection,
    known: &'s mut Vec<(&'static str, CachedStatement<'a>)>,
    text: &'static str,
) -> StoreResult<&'s mut CachedStatement<'a>> {
    let index = known.iter().position(|(other, _)| std::ptr::eq(*other, text));
    let index = if let Some(index) = index {
        index
    } else {
        known.push((text, connection.prepare_cached(text).map_err(sql)?));
        known.len() - 1
    };
    #[expect(clippy::indexing_slicing, reason = "found or just pushed")]
    Ok(&mut known[index].1)
}

impl<'a> Work<'a> {
    fn expect(&mut self, commit: &Commit) -> StoreResult<()> {
        for (id, row_version) in &commit.expected {
            let touched = self.rows.entry(*id).or_default();
            if touched.expected.replace(*row_version).is_some() {
                // Two decisions on one row version: the second did not know of the first.
                return Err(StoreError::Raced);
            }
        }
        Ok(())
    }

    fn check_fences(&mut self, commit: &Commit, leases: &Leases) -> StoreResult<()> {
        for (id, fence) in &commit.fences {
            let Place { eid, .. } = self.look_up(*id)?.ok_or(StoreError::Raced)?;
            if !leases.is_current(Seq(eid), *fence) {
                return Err(StoreError::Raced);
            }
            self.outcome.fenced.insert(eid);
        }
        Ok(())
    }

    fn apply(&mut self, mutation: Mutation) -> StoreResult<()> {
        match mutation {
            Mutation::Entity(entity) => {
                if entity.state.same_as().is_some() {
                    self.waiting.merged.push(entity.id);
                }
                self.write_entity(&entity)
            }
            Mutation::Link(id, link) => self.write_link(id, &link),
            Mutation::PendingRef { from, provider, to } => {
                self.waiting.begun.push((from, provider, to));
                Ok(())
            }
            Mutation::Unlink(id, provider) => self.remove_link(id, &provider),
            Mutation::Mark(id, mark) => self.write_mark(id, mark),
            Mutation::Keys { entity, kind, remove, add } => {
                self.note_keys(entity, kind, &remove, &add)
            }
            Mutation::Alias { provider, kind, old, new } => {
                let number = self.places.take(self.sql, &provider)?;
                let place = self.places.place(number, kind);
                self.execute(
                    "INSERT OR REPLACE INTO alias (place, old_id, new_id) VALUES (?1, ?2, ?3)",
                    params![place, old.as_str(), new.as_str()],
                )
                .map(drop)
            }
            Mutation::Cursor { provider, kind, feed, cursor } => {
                let number = self.places.take(self.sql, &provider)?;
                let place = self.places.place(number, kind);
                self.execute(
                    "INSERT OR REPLACE INTO cursor (place, feed, value) VALUES (?1, ?2, ?3)",
                    params![place, feed, cursor.0],
                )
                .map(drop)
            }
            Mutation::Conflict(_) => self.write_conflict(&mutation),
            Mutation::History(_) => self.write_history(&mutation),
            Mutation::Journal(_) => self.write_journal(&mutation),
            Mutation::Audit(note) => self.write_audit(&note),
            Mutation::Erase(id) => self.erase(id),
            Mutation::Block { kind, traits, run, at } => self.block(kind, &traits, run, at),
            Mutation::Erasure(erasure) => self.write_erasure(&erasure),
            Mutation::Account { provider, account } => {
                let number = self.places.take(self.sql, &provider)?;
                let tenant = self.places.tenant();
                self.execute(
                    "UPDATE connection SET account = ?3 WHERE tenant = ?1 AND id = ?2",
                    params![tenant, number, account],
                )
                .map(drop)
            }
            Mutation::Stage(kind, stage) => self.write_stage(kind, &stage),
            Mutation::WrittenPlan(plan) => self.write_plan(&plan),
            Mutation::Run(_) => self.write_run(&mutation),
            Mutation::Recover { kind, mark } => self.mark_open(kind, mark),
            Mutation::MarkAll { kind, mark } => self.mark_live(kind, mark),
        }
    }

    fn execute(&mut self, statement: &'static str, params: impl Params) -> StoreResult<usize> {
        self.statement(statement)?.execute(params).map_err(sql)
    }

    fn statement(&mut self, text: &'static str) -> StoreResult<&mut CachedStatement<'a>> {
        statement(self.sql, &mut self.statements, text)
    }

    /// Returns where an entity is, if it is stored, reading at most once.
    fn look_up(&mut self, id: EntityId) -> StoreResult<Option<Place>> {
        let touched = self.rows.entry(id).or_default();
        if touched.place.is_none() {
            touched.place = match self.known.get(id) {
                Some(place) => Some(place),
                None => place(self.sql, id)?,
            };
        }
        Ok(touched.place)
    }

    /// Returns where an entity is that a mutation speaks of.
    fn find(&mut self, id: EntityId) -> StoreResult<Place> {
        self.look_up(id)?.ok_or_else(|| StoreError::unknown(id))
    }

    /// Returns where an entity is whose child row changes.
    fn touch(&mut self, id: EntityId) -> StoreResult<Place> {
        let place = self.find(id)?;
        let touched = self.rows.entry(id).or_default();
        if touched.version == RowVersion::Untouched {
            touched.version = RowVersion::Pending;
        }
        Ok(place)
    }

    fn note_keys(
        &mut self,
        id: EntityId,
        kind: ObjectKind,
        remove: &[KeyHash],
        add: &[KeyHash],
    ) -> StoreResult<()> {
        let Place { eid, .. } = self.find(id)?;
        let kind = kind_number(kind);
        self.keys.extend(remove.iter().map(|key| ((kind, *key, eid), Presence::Absent)));
        self.keys.extend(add.iter().map(|key| ((kind, *key, eid), Presence::Present)));
        Ok(())
    }

    fn write_keys(&mut self) -> StoreResult<()> {
        let tenant = self.places.tenant();
        for ((kind, hash, eid), presence) in std::mem::take(&mut self.keys) {
            let statement = match presence {
                Presence::Present => {
                    "INSERT OR IGNORE INTO match_key (tenant, kind, hash, eid)
                     VALUES (?1, ?2, ?3, ?4)"
                }
                Presence::Absent => {
                    "DELETE FROM match_key
                     WHERE tenant = ?1 AND kind = ?2 AND hash = ?3 AND eid = ?4"
                }
            };
            self.execute(statement, params![tenant, kind, hash.0, eid])?;
        }
        Ok(())
    }

    fn finish(self) -> Outcome {
        let mut outcome = self.outcome;
        let places = self.rows.into_iter().filter_map(|(id, touched)| Some((id, touched.place?)));
        outcome.found.extend(places);
        outcome
    }
}
