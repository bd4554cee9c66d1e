//! Appending to the audit log.

use crm_core::EntityId;
use crm_store::audit::{self, Chain, Digest, Draft, Nonce};
use crm_store::{AuditNote, Mutation, Seq, StoreError, StoreResult};
use rusqlite::{OptionalExtension, Row, params};

use super::Work;
use crate::audit::actor_number;
use crate::error::sql;

/// Which entry a row has, and the salt of its digest: the last two columns of the row.
pub(super) type Stamp = (i64, Nonce);

impl Work<'_> {
    /// Appends what a mutation says and returns what its row is to hold.
    pub(super) fn note(&mut self, mutation: &Mutation) -> StoreResult<Stamp> {
        let draft = audit::draft(mutation)?;
        let draft = draft.ok_or_else(|| StoreError::backend("nothing to note", "a slip"))?;
        self.append(draft)
    }

    /// Appends an entry of its own.
    pub(super) fn write_audit(&mut self, note: &AuditNote) -> StoreResult<()> {
        self.append(Draft { note: note.clone(), body: None }).map(drop)
    }

    fn append(&mut self, draft: Draft) -> StoreResult<Stamp> {
        let eid = draft.note.entity.map(|id: EntityId| self.find(id)).transpose()?;
        let entity = eid.map(|place| Seq(place.eid));
        let mut chain = self.chain()?;
        let (entry, nonce) = chain.append(draft, entity);
        self.chain = Some(chain);
        let run = entry.run.map(|run| self.run_number(run)).transpose()?;
        let provider = entry.provider.as_ref();
        let connection = provider.map(|name| self.places.take(self.sql, name)).transpose()?;
        let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
        self.execute(
            "INSERT INTO audit (tenant, seq, at_us, run, actor, what, eid, connection, detail,
                 digest, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                self.places.tenant(),
                seq,
                entry.at.as_microsecond(),
                run,
                actor_number(entry.actor),
                entry.what.number(),
                entity.map(|Seq(eid)| eid),
                connection,
                entry.detail,
                entry.digest.map(|digest| digest.0),
                entry.hash.0,
            ],
        )?;
        Ok((seq, nonce))
    }

    fn chain(&mut self) -> StoreResult<Chain> {
        if let Some(chain) = self.chain {
            return Ok(chain);
        }
        let tenant = self.places.tenant();
        let found = self
            .statement("SELECT seq, hash, key FROM audit_head WHERE tenant = ?1")?
            .query_row([tenant], head)
            .optional()
            .map_err(sql)?;
        Ok(found.unwrap_or(Chain::new([0; 32])))
    }

    /// Stores the end of the chain, if this commit moved it.
    pub(super) fn write_chain(&mut self) -> StoreResult<()> {
        let Some(chain) = self.chain else { return Ok(()) };
        let (tenant, seq) = (self.places.tenant(), i64::try_from(chain.seq).unwrap_or(i64::MAX));
        self.execute(
            "INSERT OR REPLACE INTO audit_head (tenant, seq, hash, key) VALUES (?1, ?2, ?3, ?4)",
            params![tenant, seq, chain.hash.0, chain.key],
        )
        .map(drop)
    }
}

fn head(row: &Row<'_>) -> rusqlite::Result<Chain> {
    let seq: i64 = row.get(0)?;
    Ok(Chain { seq: seq.cast_unsigned(), hash: Digest(row.get(1)?), key: row.get(2)? })
}
