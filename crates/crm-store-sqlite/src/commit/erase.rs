//! Removing all rows of an entity, and remembering hashes of it.

use crm_core::{EntityId, ObjectKind, RunId};
use crm_store::{Erasure, ErasureKey, StoreResult, Trait};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{RowVersion, Work};
use crate::error::sql;
use crate::ledger::Place;
use crate::place::BLOCK;
use crate::row::{json, kind_number};

/// What is deleted of an entity by its number.
const ROWS: [&str; 7] = [
    "DELETE FROM golden WHERE eid = ?1",
    "DELETE FROM link WHERE key BETWEEN ?1 * 64 AND ?1 * 64 + 63",
    "DELETE FROM history WHERE eid = ?1",
    "DELETE FROM journal WHERE key BETWEEN ?1 * 64 AND ?1 * 64 + 63",
    "DELETE FROM conflict WHERE eid = ?1",
    "DELETE FROM pending_ref WHERE eid = ?1",
    "DELETE FROM entity WHERE eid = ?1",
];

impl Work<'_> {
    /// Removes an entity and every row about it.
    pub(super) fn erase(&mut self, id: EntityId) -> StoreResult<()> {
        // What the commit expects is compared while there is something to compare it with.
        self.settle_versions()?;
        let Place { eid, kind } = self.find(id)?;
        self.erase_names(id, eid, kind)?;
        let tenant = self.places.tenant();
        self.execute(
            "DELETE FROM match_key WHERE tenant = ?1 AND kind = ?2 AND eid = ?3",
            params![tenant, kind_number(kind), eid],
        )?;
        self.keys.retain(|(_, _, of), _| *of != eid);
        for text in ROWS {
            self.execute(text, [eid])?;
        }
        self.execute(
            "INSERT INTO erasure_head (tenant, key, floor) VALUES (?1, zeroblob(32), ?2)
             ON CONFLICT (tenant) DO UPDATE SET floor = max(floor, ?2)",
            params![tenant, eid],
        )?;
        if let Some(touched) = self.rows.get_mut(&id) {
            touched.place = None;
            touched.version = RowVersion::Counted;
        }
        self.outcome.erased.push((id, eid));
        Ok(())
    }

    /// Removes what leads to the entity's records, and what waits for them.
    fn erase_names(&mut self, id: EntityId, eid: i64, kind: ObjectKind) -> StoreResult<()> {
        let mut records: Vec<(i64, String)> = Vec::new();
        {
            let text = "SELECT key % 64, ext_id FROM link
                 WHERE key BETWEEN ?1 * 64 AND ?1 * 64 + 63 AND ext_id IS NOT NULL";
            let statement = self.statement(text)?;
            let mut rows = statement.query([eid]).map_err(sql)?;
            while let Some(row) = rows.next().map_err(sql)? {
                records.push((row.get(0).map_err(sql)?, row.get(1).map_err(sql)?));
            }
        }
        let tenant = self.places.tenant();
        let waits = "DELETE FROM pending_ref WHERE tenant = ?1 AND target = ?2
             AND (?3 IS NULL OR connection = ?3)";
        self.execute(waits, params![tenant, id.uuid().as_bytes(), None::<i64>])?;
        while let Some((number, record)) = records.pop() {
            let place = self.places.place(number % BLOCK, kind);
            let mut target = vec![u8::try_from(kind_number(kind)).unwrap_or(u8::MAX)];
            target.extend(record.as_bytes());
            self.execute(waits, params![tenant, target, Some(number)])?;
            let mut old: Vec<String> = Vec::new();
            {
                let text = "SELECT old_id FROM alias WHERE place = ?1 AND new_id = ?2";
                let statement = self.statement(text)?;
                let mut rows = statement.query(params![place, record]).map_err(sql)?;
                while let Some(row) = rows.next().map_err(sql)? {
                    old.push(row.get(0).map_err(sql)?);
                }
            }
            let text = "DELETE FROM alias WHERE place = ?1 AND (old_id = ?2 OR new_id = ?2)";
            self.execute(text, params![place, record])?;
            records.extend(old.into_iter().map(|old| (number, old)));
        }
        Ok(())
    }

    /// Remembers hashes.
    pub(super) fn block(
        &mut self,
        kind: ObjectKind,
        traits: &[Trait],
        run: RunId,
        at: Timestamp,
    ) -> StoreResult<()> {
        let tenant = self.places.tenant();
        let key: Option<ErasureKey> = self
            .statement("SELECT key FROM erasure_head WHERE tenant = ?1")?
            .query_row([tenant], |row| row.get(0))
            .optional()
            .map_err(sql)?;
        let key = key.unwrap_or_default();
        for it in traits {
            self.execute(
                "INSERT OR IGNORE INTO erased (tenant, digest, run, at_us)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    tenant,
                    it.digest(kind, &key).0,
                    run.uuid().as_bytes(),
                    at.as_microsecond()
                ],
            )?;
        }
        Ok(())
    }

    pub(super) fn write_erasure(&mut self, erasure: &Erasure) -> StoreResult<()> {
        self.execute(
            "INSERT OR REPLACE INTO erasure (run, tenant, at_us, body) VALUES (?1, ?2, ?3, ?4)",
            params![
                erasure.run.uuid().as_bytes(),
                self.places.tenant(),
                erasure.at.as_microsecond(),
                json(erasure)?,
            ],
        )
        .map(drop)
    }

    /// Returns the number of a new entity, where the next one was that of an erased one.
    pub(super) fn number_after_erased(&mut self) -> StoreResult<Option<i64>> {
        self.statement(
            "SELECT max(floor) + 1 FROM erasure_head WHERE floor > 0
             HAVING max(floor) >= (SELECT coalesce(max(eid), 0) FROM entity)",
        )?
        .query_row([], |row| row.get(0))
        .optional()
        .map_err(sql)
    }
}
