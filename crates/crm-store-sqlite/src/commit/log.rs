//! Rows that are not read to decide: conflicts, history, runs, stages.

use crm_core::ObjectKind;
use crm_store::{Conflict, History, Run, Stage, StoreResult};
use rusqlite::params;

use super::Work;
use crate::ledger::Place;
use crate::row::{conflict_state, json, kind_number};

impl Work<'_> {
    pub(super) fn write_conflict(&mut self, conflict: &Conflict) -> StoreResult<()> {
        let Place { eid, .. } = self.find(conflict.entity)?;
        self.execute(
            "INSERT OR REPLACE INTO conflict (id, tenant, kind, eid, state, at_us, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                conflict.id.0.as_bytes(),
                self.places.tenant(),
                kind_number(conflict.kind),
                eid,
                conflict_state(conflict.state),
                conflict.at.as_microsecond(),
                json(conflict)?,
            ],
        )
        .map(drop)
    }

    pub(super) fn write_history(&mut self, row: &History) -> StoreResult<()> {
        let Place { eid, .. } = self.find(row.entity)?;
        self.execute("INSERT INTO history (eid, body) VALUES (?1, ?2)", params![eid, json(row)?])
            .map(drop)
    }

    pub(super) fn write_run(&mut self, run: &Run) -> StoreResult<()> {
        self.execute(
            "INSERT OR REPLACE INTO run (id, tenant, started_us, body) VALUES (?1, ?2, ?3, ?4)",
            params![
                run.id.uuid().as_bytes(),
                self.places.tenant(),
                run.started.as_microsecond(),
                json(run)?,
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
}
