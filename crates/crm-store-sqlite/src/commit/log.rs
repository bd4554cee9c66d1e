//! Rows that are not read to decide: conflicts, history, runs, stages.

use crm_core::ObjectKind;
use crm_store::audit::Nonce;
use crm_store::{Conflict, ConflictState, Mutation, Stage, StoreResult, WrittenPlan};
use rusqlite::{OptionalExtension, params};

use super::Work;
use crate::error::sql;
use crate::ledger::Place;
use crate::row::{conflict_state, json, kind_number};

/// Which entry a row has and the salt of its digest; rows of old releases have neither.
type StampOf = (Option<i64>, Option<Nonce>);

impl Work<'_> {
    pub(super) fn write_conflict(&mut self, mutation: &Mutation) -> StoreResult<()> {
        let Mutation::Conflict(conflict) = mutation else { return Ok(()) };
        let Place { eid, .. } = self.find(conflict.entity)?;
        let (audit, nonce) = match self.open_before(conflict)? {
            Some(stamp) => stamp,
            None => self.note(mutation).map(|(seq, nonce)| (Some(seq), Some(nonce)))?,
        };
        self.execute(
            "INSERT OR REPLACE INTO conflict (id, tenant, kind, eid, state, at_us, body, audit,
                 nonce)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                conflict.id.0.as_bytes(),
                self.places.tenant(),
                kind_number(conflict.kind),
                eid,
                conflict_state(conflict.state),
                conflict.at.as_microsecond(),
                json(&**conflict)?,
                audit,
                nonce,
            ],
        )
        .map(drop)
    }

    /// Returns what ties a conflict to its entry, if it is open as it was before: that is no
    /// news.
    fn open_before(&mut self, conflict: &Conflict) -> StoreResult<Option<StampOf>> {
        if conflict.state != ConflictState::Open {
            return Ok(None);
        }
        self.statement("SELECT audit, nonce FROM conflict WHERE id = ?1 AND state = ?2")?
            .query_row(params![conflict.id.0.as_bytes(), conflict_state(conflict.state)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(sql)
    }

    pub(super) fn write_history(&mut self, mutation: &Mutation) -> StoreResult<()> {
        let Mutation::History(row) = mutation else { return Ok(()) };
        let Place { eid, .. } = self.find(row.entity)?;
        let (audit, nonce) = self.note(mutation)?;
        self.execute(
            "INSERT INTO history (eid, body, audit, nonce) VALUES (?1, ?2, ?3, ?4)",
            params![eid, json(&**row)?, audit, nonce],
        )
        .map(drop)
    }

    pub(super) fn write_run(&mut self, mutation: &Mutation) -> StoreResult<()> {
        let Mutation::Run(run) = mutation else { return Ok(()) };
        let (audit, nonce) = self.note(mutation)?;
        self.execute(
            "INSERT OR REPLACE INTO run (id, tenant, started_us, body, audit, nonce)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                run.id.uuid().as_bytes(),
                self.places.tenant(),
                run.started.as_microsecond(),
                json(&**run)?,
                audit,
                nonce,
            ],
        )
        .map(drop)
    }

    pub(super) fn write_stage(&mut self, kind: ObjectKind, stage: &Stage) -> StoreResult<()> {
        self.execute(
            "INSERT OR REPLACE INTO stage (tenant, kind, value) VALUES (?1, ?2, ?3)",
            params![self.places.tenant(), kind_number(kind), json(stage)?],
        )
        .map(drop)
    }

    pub(super) fn write_plan(&mut self, plan: &WrittenPlan) -> StoreResult<()> {
        self.execute(
            "INSERT OR REPLACE INTO written_plan (tenant, hash, body) VALUES (?1, ?2, ?3)",
            params![self.places.tenant(), plan.hash, json(plan)?],
        )
        .map(drop)
    }
}
