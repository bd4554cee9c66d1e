//! The rows of references that wait for records.

use crm_core::{EntityId, ObjectKind, ProviderId, Ref, RemoteId};
use crm_store::StoreResult;
use rusqlite::params;

use super::Work;
use crate::ledger::Place;
use crate::row::kind_number;

/// What a commit says about references that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// They wait from now on.
    pub(super) begun: Vec<(EntityId, ProviderId, Ref)>,
    /// Links that live: provider, entity, kind and record.
    pub(super) arrived: Vec<(ProviderId, EntityId, ObjectKind, RemoteId)>,
    /// Entities that became others.
    pub(super) merged: Vec<EntityId>,
}

impl Work<'_> {
    /// Stores what waits from now on, and marks the entities whose waiting is over.
    pub(super) fn wake(&mut self) -> StoreResult<()> {
        let Waiting { begun, arrived, merged } = std::mem::take(&mut self.waiting);
        if !(arrived.is_empty() && merged.is_empty()) && self.nothing_waits()? {
            return self.begin_waiting(begun);
        }
        for (provider, entity, kind, remote) in arrived {
            let number = self.places.take(self.sql, &provider)?;
            self.end_waiting(&target(&Ref::Entity(entity)), Some(number))?;
            self.end_waiting(&target(&Ref::Remote(kind, remote)), Some(number))?;
        }
        for entity in merged {
            self.end_waiting(&target(&Ref::Entity(entity)), None)?;
        }
        self.begin_waiting(begun)
    }

    /// The usual case, and much cheaper to find out once.
    fn nothing_waits(&mut self) -> StoreResult<bool> {
        let tenant = self.places.tenant();
        let statement = self.statement("SELECT 1 FROM pending_ref WHERE tenant = ?1 LIMIT 1")?;
        statement.exists([tenant]).map(|some| !some).map_err(crate::error::sql)
    }

    fn begin_waiting(&mut self, begun: Vec<(EntityId, ProviderId, Ref)>) -> StoreResult<()> {
        for (from, provider, to) in begun {
            let Place { eid, .. } = self.find(from)?;
            let number = self.places.take(self.sql, &provider)?;
            if self.is_there(number, &to)? {
                self.mark_at_once(eid)?;
                continue;
            }
            let tenant = self.places.tenant();
            self.execute(
                "INSERT OR IGNORE INTO pending_ref (tenant, target, connection, eid)
                 VALUES (?1, ?2, ?3, ?4)",
                params![tenant, target(&to), number, eid],
            )?;
        }
        Ok(())
    }

    fn end_waiting(&mut self, target: &[u8], number: Option<i64>) -> StoreResult<()> {
        let tenant = self.places.tenant();
        let marked = self.execute(
            "UPDATE entity SET mark_due = 0, mark_attempts = coalesce(mark_attempts, 0)
             WHERE eid IN (SELECT eid FROM pending_ref WHERE tenant = ?1 AND target = ?2
                           AND (?3 IS NULL OR connection = ?3))",
            params![tenant, target, number],
        )?;
        if marked > 0 {
            self.execute(
                "DELETE FROM pending_ref WHERE tenant = ?1 AND target = ?2
                 AND (?3 IS NULL OR connection = ?3)",
                params![tenant, target, number],
            )?;
        }
        Ok(())
    }

    fn mark_at_once(&mut self, eid: i64) -> StoreResult<()> {
        let text = "UPDATE entity SET mark_due = 0, mark_attempts = coalesce(mark_attempts, 0)
             WHERE eid = ?1";
        self.execute(text, [eid]).map(drop)
    }

    /// Returns whether a reference leads somewhere: to a live link, or to another entity.
    fn is_there(&mut self, number: i64, to: &Ref) -> StoreResult<bool> {
        match to {
            Ref::Entity(id) => {
                let Some(Place { eid, .. }) = self.look_up(*id)? else { return Ok(false) };
                let statement = self.statement(
                    "SELECT 1 FROM entity WHERE eid = ?1 AND (state = 3
                         OR state = 1 AND json_extract(detail, '$.held.of') IS NOT NULL)
                     UNION ALL SELECT 1 FROM link WHERE key = ?1 * 64 + ?2 AND state = 0
                     AND ext_id IS NOT NULL",
                )?;
                statement.exists([eid, number]).map_err(crate::error::sql)
            }
            Ref::Remote(kind, id) => {
                let place = self.places.place(number, *kind);
                let statement = self.statement(
                    "SELECT 1 FROM link WHERE place = ?1 AND ext_id = ?2 AND state = 0",
                )?;
                statement.exists(params![place, id.as_str()]).map_err(crate::error::sql)
            }
        }
    }
}

/// Returns what a reference points at as the table has it.
fn target(to: &Ref) -> Vec<u8> {
    match to {
        Ref::Entity(id) => id.uuid().as_bytes().to_vec(),
        Ref::Remote(kind, id) => {
            let mut bytes = vec![u8::try_from(kind_number(*kind)).unwrap_or(u8::MAX)];
            bytes.extend(id.as_str().as_bytes());
            bytes
        }
    }
}
