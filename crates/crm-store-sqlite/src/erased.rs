//! Recognising what was erased, and making the file forget it.

use crm_core::ObjectKind;
use crm_store::audit::Digest;
use crm_store::{Erasure, ErasureKey, StoreError, StoreResult, Trait};
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteLedger;
use crate::error::sql;
use crate::row::{instant, parse};

impl SqliteLedger {
    /// Recognises what was erased; see [`Store::erased`](crm_store::Store::erased).
    pub fn erased(&mut self, kind: ObjectKind, traits: &[Trait]) -> StoreResult<Vec<bool>> {
        let tenant = self.places.tenant();
        let any = "SELECT 1 FROM erased WHERE tenant = ?1 LIMIT 1";
        let mut any = self.connection.prepare_cached(any).map_err(sql)?;
        if !any.exists([tenant]).map_err(sql)? {
            // The usual case: no hash is made.
            return Ok(traits.iter().map(|_| false).collect());
        }
        let key = self.erasure_key()?;
        let text = "SELECT 1 FROM erased WHERE tenant = ?1 AND digest = ?2";
        let mut known = self.connection.prepare_cached(text).map_err(sql)?;
        let digests = traits.iter().map(|it| it.digest(kind, &key));
        digests.map(|digest| known.exists(params![tenant, digest.0]).map_err(sql)).collect()
    }

    fn erasure_key(&self) -> StoreResult<ErasureKey> {
        let text = "SELECT key FROM erasure_head WHERE tenant = ?1";
        let mut statement = self.connection.prepare_cached(text).map_err(sql)?;
        let key = statement.query_row([self.places.tenant()], |row| row.get(0));
        Ok(key.optional().map_err(sql)?.unwrap_or_default())
    }

    /// Reads erasures; see [`Store::erasures`](crm_store::Store::erasures).
    pub fn erasures(&mut self) -> StoreResult<Vec<Erasure>> {
        let text = "SELECT body, run, at_us FROM erasure WHERE tenant = ?1
             ORDER BY at_us DESC, run DESC";
        let mut statement = self.connection.prepare_cached(text).map_err(sql)?;
        let mut rows = statement.query([self.places.tenant()]).map_err(sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let Some(mut erasure) = parse::<Erasure>(row, 0, "erasure")? else { continue };
            erasure.at = instant(row.get(2).map_err(sql)?)?;
            let run: [u8; 16] = row.get(1).map_err(sql)?;
            erasure.digests = self.digests(run)?;
            found.push(erasure);
        }
        Ok(found)
    }

    fn digests(&self, run: [u8; 16]) -> StoreResult<Vec<Digest>> {
        let text = "SELECT digest FROM erased WHERE tenant = ?1 AND run = ?2 ORDER BY digest";
        let mut statement = self.connection.prepare_cached(text).map_err(sql)?;
        let rows = statement.query_map(params![self.places.tenant(), run], |row| row.get(0));
        rows.map_err(sql)?.map(|digest| digest.map(Digest).map_err(sql)).collect()
    }

    /// Rewrites the file from what is in it, and empties the journal beside it; see
    /// [`Store::scrub`](crm_store::Store::scrub).
    ///
    /// Overwriting what is deleted would not do: rows that were changed or moved to other pages
    /// long before leave copies in the unused parts of pages.
    pub fn scrub(&mut self) -> StoreResult<()> {
        // The copy may be as large as the file.
        self.connection
            .execute_batch("PRAGMA secure_delete = ON; PRAGMA temp_store = FILE;")
            .map_err(sql)?;
        let done = self.connection.execute_batch("VACUUM").map_err(sql);
        let emptied = done.and_then(|()| checkpoint(&self.connection));
        self.connection
            .execute_batch("PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;")
            .map_err(sql)?;
        emptied
    }
}

/// Moves the journal into the file and leaves none.
fn checkpoint(connection: &Connection) -> StoreResult<()> {
    let busy: i64 = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(sql)?;
    if busy == 0 {
        return Ok(());
    }
    Err(StoreError::Backend {
        message: "what was erased is still in the journal of the store, which somebody reads"
            .into(),
        hint: Some("end other crm commands, then run `crm erase --resume`".into()),
        source: None,
    })
}
