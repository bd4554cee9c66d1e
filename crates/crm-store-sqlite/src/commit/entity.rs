//! The rows of entities, their versions and their marks.

use crm_core::{EntityId, ObjectKind};
use crm_store::{Entity, Golden, Mark, Seq, StoreError, StoreResult};
use rusqlite::{Params, params};

use super::{RowVersion, Work, statement};
use crate::error::sql;
use crate::ledger::Place;
use crate::row::{entity_detail, entity_state, kind_number};

impl Work<'_> {
    pub(super) fn write_entity(&mut self, entity: &Entity) -> StoreResult<()> {
        let touched = self.rows.entry(entity.id).or_default();
        let Some(expected) = touched.expected else {
            return Err(StoreError::unexpected(entity.id));
        };
        let counted = touched.version == RowVersion::Counted;
        if expected == 0 && !counted {
            return self.insert_entity(entity);
        }
        if touched.place.is_none()
            && let Some(Seq(eid)) = entity.seq
        {
            // It was read: no need to look. The update compares the uid.
            touched.place = Some(Place { eid, kind: entity.kind });
        }
        let Place { eid, .. } = self.look_up(entity.id)?.ok_or(StoreError::Raced)?;
        let version = if counted { None } else { Some(expected.cast_signed()) };
        let updated = self.execute(
            "UPDATE entity SET state = ?3, version = ?4, mark_due = ?5, mark_attempts = ?6,
                 detail = ?7, row_ver = row_ver + (?8 IS NOT NULL)
             WHERE eid = ?1 AND uid = ?2 AND (?8 IS NULL OR row_ver = ?8)",
            params![
                eid,
                entity.id.uuid().as_bytes(),
                entity_state(&entity.state),
                entity.version.cast_signed(),
                entity.mark.map(|mark| mark.due.as_microsecond()),
                entity.mark.map(|mark| mark.attempts),
                entity_detail(&entity.state)?,
                version,
            ],
        )?;
        if updated == 0 {
            return Err(StoreError::Raced);
        }
        self.outcome.marked.push(eid);
        self.rows.entry(entity.id).or_default().version = RowVersion::Counted;
        self.write_golden(eid, &entity.golden)
    }

    fn insert_entity(&mut self, entity: &Entity) -> StoreResult<()> {
        let number = self.number_after_erased()?;
        // If it is there, the unique index on the uid says so.
        self.execute(
            "INSERT INTO entity (tenant, kind, state, version, row_ver, mark_due, mark_attempts,
                 uid, detail, eid)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9)",
            params![
                self.places.tenant(),
                kind_number(entity.kind),
                entity_state(&entity.state),
                entity.version.cast_signed(),
                entity.mark.map(|mark| mark.due.as_microsecond()),
                entity.mark.map(|mark| mark.attempts),
                entity.id.uuid().as_bytes(),
                entity_detail(&entity.state)?,
                number,
            ],
        )?;
        let touched = self.rows.entry(entity.id).or_default();
        let eid = self.sql.last_insert_rowid();
        touched.place = Some(Place { eid, kind: entity.kind });
        touched.version = RowVersion::Counted;
        if is_blank(&entity.golden) { Ok(()) } else { self.write_golden(eid, &entity.golden) }
    }

    fn write_golden(&mut self, eid: i64, golden: &Golden) -> StoreResult<()> {
        if is_blank(golden) {
            return self.execute("DELETE FROM golden WHERE eid = ?1", [eid]).map(drop);
        }
        self.texts.begin();
        let body = self.texts.write(golden)?;
        // A row that stays the same is not written.
        let text = "INSERT INTO golden (eid, body) VALUES (?1, ?2)
             ON CONFLICT (eid) DO UPDATE SET body = ?2 WHERE body <> ?2";
        let upsert = statement(self.sql, &mut self.statements, text)?;
        upsert.execute(params![eid, self.texts.at(body)]).map(drop).map_err(sql)
    }

    pub(super) fn write_mark(&mut self, id: EntityId, mark: Option<Mark>) -> StoreResult<()> {
        let Place { eid, .. } = self.find(id)?;
        let touched = self.rows.entry(id).or_default();
        let expected = match touched.version {
            RowVersion::Untouched | RowVersion::Pending => touched.expected,
            RowVersion::Counted => None,
        };
        let counts = i64::from(touched.version != RowVersion::Counted);
        touched.version = RowVersion::Counted;
        let updated = match mark {
            Some(mark) => self.execute(
                "UPDATE entity SET
                     mark_due = iif(?3 = 0, min(coalesce(mark_due, ?2), ?2), ?2),
                     mark_attempts = iif(?3 = 0, coalesce(mark_attempts, 0), ?3),
                     row_ver = row_ver + ?4
                 WHERE eid = ?1 AND (?5 IS NULL OR row_ver = ?5)",
                params![
                    eid,
                    mark.due.as_microsecond(),
                    mark.attempts,
                    counts,
                    expected.map(u64::cast_signed)
                ],
            )?,
            None => self.execute(
                "UPDATE entity SET mark_due = NULL, mark_attempts = NULL, row_ver = row_ver + ?2
                 WHERE eid = ?1 AND (?3 IS NULL OR row_ver = ?3)",
                params![eid, counts, expected.map(u64::cast_signed)],
            )?,
        };
        if updated == 0 {
            return Err(StoreError::Raced);
        }
        self.outcome.marked.push(eid);
        Ok(())
    }

    /// Marks entities with a claim or intent that is not settled.
    pub(super) fn mark_open(&mut self, kind: ObjectKind, mark: Mark) -> StoreResult<()> {
        let params = self.mark_params(kind, mark);
        self.mark_where(
            "UPDATE entity SET
                 mark_due = iif(?4 = 0, min(coalesce(mark_due, ?3), ?3), ?3),
                 mark_attempts = iif(?4 = 0, coalesce(mark_attempts, 0), ?4),
                 row_ver = row_ver + 1
             WHERE tenant = ?1 AND kind = ?2
               AND eid IN (SELECT key / 64 FROM link WHERE open > 0)
             RETURNING eid",
            params,
        )
    }

    /// Marks all live entities.
    pub(super) fn mark_live(&mut self, kind: ObjectKind, mark: Mark) -> StoreResult<()> {
        let params = self.mark_params(kind, mark);
        self.mark_where(
            "UPDATE entity SET
                 mark_due = iif(?4 = 0, min(coalesce(mark_due, ?3), ?3), ?3),
                 mark_attempts = iif(?4 = 0, coalesce(mark_attempts, 0), ?4),
                 row_ver = row_ver + 1
             WHERE tenant = ?1 AND kind = ?2 AND state = 0
             RETURNING eid",
            params,
        )
    }

    fn mark_params(&self, kind: ObjectKind, mark: Mark) -> (i64, i64, i64, i64) {
        let due = mark.due.as_microsecond();
        (self.places.tenant(), kind_number(kind), due, i64::from(mark.attempts))
    }

    fn mark_where(&mut self, statement: &str, params: impl Params) -> StoreResult<()> {
        // What the commit expects is compared before these updates count.
        self.settle_versions()?;
        let mut update = self.sql.prepare_cached(statement).map_err(sql)?;
        let mut rows = update.query(params).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            self.outcome.marked.push(row.get(0).map_err(sql)?);
        }
        Ok(())
    }

    /// Compares and counts the versions of rows that no update of their own has compared.
    pub(super) fn settle_versions(&mut self) -> StoreResult<()> {
        let open: Vec<EntityId> = self
            .rows
            .iter()
            .filter(|(_, touched)| match touched.version {
                RowVersion::Untouched => touched.expected.is_some(),
                RowVersion::Pending => true,
                RowVersion::Counted => false,
            })
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            self.settle_version(id)?;
        }
        Ok(())
    }

    fn settle_version(&mut self, id: EntityId) -> StoreResult<()> {
        let place = self.look_up(id)?;
        let touched = self.rows.entry(id).or_default();
        let expected = touched.expected;
        let Some(Place { eid, .. }) = place else {
            // Not there: right if it was not to be.
            return if expected == Some(0) { Ok(()) } else { Err(StoreError::Raced) };
        };
        touched.version = RowVersion::Counted;
        let updated = self.execute(
            "UPDATE entity SET row_ver = row_ver + 1
             WHERE eid = ?1 AND (?2 IS NULL OR row_ver = ?2)",
            params![eid, expected.map(u64::cast_signed)],
        )?;
        if updated == 0 { Err(StoreError::Raced) } else { Ok(()) }
    }
}

/// Returns whether nothing is known, not even that a field is frozen.
fn is_blank(golden: &Golden) -> bool {
    *golden == Golden::default()
}
