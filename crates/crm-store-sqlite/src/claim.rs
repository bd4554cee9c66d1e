//! Handing out work: marked entities that are due, one worker at a time.

use crm_core::ObjectKind;
use crm_store::{LeaseRequest, Leased, Seq, StoreError, StoreResult};
use jiff::Timestamp;
use rusqlite::params;

use crate::SqliteLedger;
use crate::error::sql;
use crate::read::entity;
use crate::row::{instant, kind_number, select_entity};

impl SqliteLedger {
    /// Leases entities; see [`Store::lease`](crm_store::Store::lease).
    pub fn lease(&mut self, request: &LeaseRequest) -> StoreResult<Vec<Leased>> {
        let LeaseRequest { kind, now, lease, limit } = *request;
        let until = now
            .checked_add(lease)
            .map_err(|error| StoreError::backend("a lease is too long", error))?;
        let Self { connection, places, known, leases, .. } = self;
        // The index has the order, so rows are read only until there are enough.
        let mut statement = connection
            .prepare_cached(select_entity!(
                "WHERE tenant = ?1 AND kind = ?2 AND mark_due <= ?3 ORDER BY mark_due, entity.eid"
            ))
            .map_err(sql)?;
        let params = params![places.tenant(), kind_number(kind), now.as_microsecond()];
        let mut rows = statement.query(params).map_err(sql)?;
        let mut leased = Vec::new();
        while leased.len() < limit
            && let Some(row) = rows.next().map_err(sql)?
        {
            let seq = Seq(row.get(0).map_err(sql)?);
            if leases.is_leased(seq, now) {
                continue;
            }
            let entity = entity(connection, places, known, row)?;
            leased.push(Leased { entity, fence: leases.take(seq, until) });
        }
        Ok(leased)
    }

    /// Returns when there is work; see [`Store::next_due`](crm_store::Store::next_due).
    pub fn next_due(&mut self, kind: ObjectKind) -> StoreResult<Option<Timestamp>> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT eid, mark_due FROM entity
                 WHERE tenant = ?1 AND kind = ?2 AND mark_due IS NOT NULL
                 ORDER BY mark_due, eid",
            )
            .map_err(sql)?;
        let params = params![self.places.tenant(), kind_number(kind)];
        let mut rows = statement.query(params).map_err(sql)?;
        let mut next: Option<Timestamp> = None;
        while let Some(row) = rows.next().map_err(sql)? {
            let due = instant(row.get(1).map_err(sql)?)?;
            if next.is_some_and(|next| next <= due) {
                break;
            }
            // What is leased is not handed out before its lease is over.
            let until = self.leases.until(Seq(row.get(0).map_err(sql)?));
            let free = until.map_or(due, |until| until.max(due));
            next = Some(next.map_or(free, |next| next.min(free)));
        }
        Ok(next)
    }
}
