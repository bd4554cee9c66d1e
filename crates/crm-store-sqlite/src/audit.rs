//! Reading and walking the audit log.

use crm_core::RunId;
use crm_store::audit::{self, Digest, Nonce};
use crm_store::{Actor, Audit, AuditCheck, AuditKind, Conflict, Seq, StoreResult};
use rusqlite::{Params, Row, params};
use uuid::Uuid;

use crate::SqliteLedger;
use crate::error::{row as unreadable, sql};
use crate::journal::{journal, select_journal};
use crate::row::{count, instant, limit_or_all, parse};

/// How many entries are walked at once.
const PAGE: usize = 10_000;

/// Returns the number that stands for who did something.
pub(crate) const fn actor_number(actor: Actor) -> i64 {
    match actor {
        Actor::Engine => 0,
        Actor::Person => 1,
    }
}

impl SqliteLedger {
    /// Reads the audit log; see [`Store::audit`](crm_store::Store::audit).
    pub fn audit(&mut self, after: u64, limit: usize) -> StoreResult<Vec<Audit>> {
        let Self { connection, places, .. } = self;
        let mut statement = connection
            .prepare_cached(
                "SELECT seq, at_us, run_number.run, actor, what, eid, connection, detail, digest,
                     hash
                 FROM audit LEFT JOIN run_number ON run_number.number = audit.run
                 WHERE tenant = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )
            .map_err(sql)?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let params = params![places.tenant(), after, limit_or_all(limit)];
        let mut rows = statement.query(params).map_err(sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let number: Option<i64> = row.get(6).map_err(sql)?;
            let provider = number.map(|number| places.name(connection, number)).transpose()?;
            found.push(Audit { provider, ..entry(row)? });
        }
        Ok(found)
    }

    /// Walks the log; see [`Store::verify_audit`](crm_store::Store::verify_audit).
    pub fn verify_audit(&mut self) -> StoreResult<AuditCheck> {
        let mut check = AuditCheck::default();
        let mut before = Digest::default();
        let mut after = 0;
        loop {
            let page = self.audit(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for entry in &page {
                check.entries += 1;
                if entry.seq != check.entries || entry.hash != entry.expected(before) {
                    check.fault(check.entries.min(entry.seq));
                }
                before = entry.hash;
            }
        }
        self.verify_end(&mut check, before)?;
        self.verify_journal(&mut check)?;
        let tenant = self.places.tenant();
        let whole = |row: &Row<'_>| {
            row.get_ref(0)
                .map_err(sql)?
                .as_bytes()
                .map(<[u8]>::to_vec)
                .map_err(|error| unreadable("row", error))
        };
        self.verify_rows(
            &mut check,
            "SELECT history.body, nonce, audit, audit.digest
             FROM history JOIN entity USING (eid)
             LEFT JOIN audit ON audit.tenant = ?1 AND audit.seq = history.audit
             WHERE entity.tenant = ?1 AND history.audit IS NOT NULL",
            [tenant],
            whole,
        )?;
        self.verify_rows(
            &mut check,
            "SELECT run.body, nonce, audit, audit.digest FROM run
             LEFT JOIN audit ON audit.tenant = ?1 AND audit.seq = run.audit
             WHERE run.tenant = ?1 AND run.audit IS NOT NULL",
            [tenant],
            whole,
        )?;
        self.verify_rows(
            &mut check,
            "SELECT conflict.body, nonce, audit, audit.digest FROM conflict
             LEFT JOIN audit ON audit.tenant = ?1 AND audit.seq = conflict.audit
             WHERE conflict.tenant = ?1 AND conflict.audit IS NOT NULL",
            [tenant],
            |row| {
                let conflict: Option<Conflict> = parse(row, 0, "conflict")?;
                conflict.map_or(Ok(Vec::new()), |conflict| audit::conflict_body(&conflict))
            },
        )?;
        Ok(check)
    }

    /// Compares the end of the chain with what was noted of it: entries that were cut off leave
    /// a chain that is whole.
    fn verify_end(&self, check: &mut AuditCheck, last: Digest) -> StoreResult<()> {
        let text = "SELECT seq, hash FROM audit_head WHERE tenant = ?1";
        let mut statement = self.connection.prepare_cached(text).map_err(sql)?;
        let mut rows = statement.query([self.places.tenant()]).map_err(sql)?;
        if let Some(row) = rows.next().map_err(sql)? {
            let hash = Digest(row.get(1).map_err(sql)?);
            if count(row, 0)? != check.entries || hash != last {
                check.fault(check.entries + 1);
            }
        }
        Ok(())
    }

    fn verify_journal(&mut self, check: &mut AuditCheck) -> StoreResult<()> {
        let Self { connection, places, .. } = self;
        let text = select_journal!(
            ", nonce, journal.audit, audit.digest",
            "LEFT JOIN audit ON audit.tenant = ?1 AND audit.seq = journal.audit
             WHERE entity.tenant = ?1 AND journal.audit IS NOT NULL"
        );
        let mut statement = connection.prepare_cached(text).map_err(sql)?;
        let mut rows = statement.query([places.tenant()]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let provider = places.name(connection, row.get(0).map_err(sql)?)?;
            let body = audit::journal_body(&journal(row, provider)?)?;
            compare(check, row, 10, &body)?;
        }
        Ok(())
    }

    fn verify_rows(
        &self,
        check: &mut AuditCheck,
        text: &str,
        params: impl Params,
        body: impl Fn(&Row<'_>) -> StoreResult<Vec<u8>>,
    ) -> StoreResult<()> {
        let mut statement = self.connection.prepare_cached(text).map_err(sql)?;
        let mut rows = statement.query(params).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            compare(check, row, 1, &body(row)?)?;
        }
        Ok(())
    }
}

/// Compares a row with its digest: nonce, entry and digest stand from `first` on.
fn compare(check: &mut AuditCheck, row: &Row<'_>, first: usize, body: &[u8]) -> StoreResult<()> {
    let nonce: Option<Nonce> = row.get(first).map_err(sql)?;
    let seq = count(row, first + 1)?;
    let digest: Option<[u8; 32]> = row.get(first + 2).map_err(sql)?;
    check.bodies += 1;
    let found = nonce.map(|nonce| audit::digest(nonce, body).0);
    if found.is_none() || found != digest {
        check.fault(seq);
    }
    Ok(())
}

fn entry(row: &Row<'_>) -> StoreResult<Audit> {
    let what: u8 = row.get(4).map_err(sql)?;
    let known = AuditKind::ALL.into_iter().find(|kind| kind.number() == what);
    let run: Option<[u8; 16]> = row.get(2).map_err(sql)?;
    let digest: Option<[u8; 32]> = row.get(8).map_err(sql)?;
    Ok(Audit {
        seq: count(row, 0)?,
        at: instant(row.get(1).map_err(sql)?)?,
        run: run.map(|bytes| RunId::from_uuid(Uuid::from_bytes(bytes))),
        actor: match row.get::<_, i64>(3).map_err(sql)? {
            0 => Actor::Engine,
            1 => Actor::Person,
            number => return Err(unreadable("entry", format!("nobody has number {number}"))),
        },
        what: known.ok_or_else(|| unreadable("entry", format!("no deed has number {what}")))?,
        entity: row.get::<_, Option<i64>>(5).map_err(sql)?.map(Seq),
        provider: None,
        detail: row.get(7).map_err(sql)?,
        digest: digest.map(Digest),
        hash: Digest(row.get(9).map_err(sql)?),
    })
}
