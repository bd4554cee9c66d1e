//! The rows of the write journal.

use crm_core::RunId;
use crm_store::{Mutation, StoreResult};
use rusqlite::{OptionalExtension, params};

use super::{Work, statement};
use crate::error::sql;
use crate::journal::action_number;
use crate::ledger::Place;
use crate::place::BLOCK;

impl Work<'_> {
    pub(super) fn write_journal(&mut self, mutation: &Mutation) -> StoreResult<()> {
        let Mutation::Journal(row) = mutation else { return Ok(()) };
        let Place { eid, .. } = self.find(row.entity)?;
        let number = self.places.take(self.sql, &row.provider)?;
        let key = eid * BLOCK + number;
        let run = self.run_number(row.run)?;
        let write = row.key.uuid().into_bytes();
        // By the link, which has few writes; a run has as many as there are records.
        let known = self
            .statement("SELECT 1 FROM journal WHERE key = ?1 AND write_key = ?2 AND +run = ?3")?
            .exists(params![key, write, run])
            .map_err(sql)?;
        if known {
            return Ok(());
        }
        let (audit, nonce) = self.note(mutation)?;
        self.texts.begin();
        let changes = (!row.changes.is_empty()).then_some(&row.changes);
        let body = self.texts.write_opt(changes)?;
        let text = "INSERT INTO journal (key, run, action, at_us, write_key, ext_id, body,
                 audit, nonce)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        statement(self.sql, &mut self.statements, text)?
            .execute(params![
                key,
                run,
                action_number(row.action),
                row.at.as_microsecond(),
                write,
                row.remote.as_str(),
                self.texts.at(body),
                audit,
                nonce,
            ])
            .map(drop)
            .map_err(sql)
    }

    /// Returns the number of a run, giving it the next one if need be.
    pub(super) fn run_number(&mut self, run: RunId) -> StoreResult<i64> {
        if let Some((known, number)) = self.run
            && known == run
        {
            return Ok(number);
        }
        let bytes = run.uuid().into_bytes();
        let found = self
            .statement("SELECT number FROM run_number WHERE run = ?1")?
            .query_row([bytes], |row| row.get::<_, i64>(0))
            .optional()
            .map_err(sql)?;
        let number = if let Some(number) = found {
            number
        } else {
            self.execute("INSERT INTO run_number (run) VALUES (?1)", [bytes])?;
            self.sql.last_insert_rowid()
        };
        self.run = Some((run, number));
        Ok(number)
    }
}
