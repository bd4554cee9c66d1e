//! Reading the write journal.

use crm_core::{ProviderId, RemoteId, RunId, WriteKey};
use crm_store::{Journal, JournalAction, JournalQuery, StoreResult};
use rusqlite::{Row, params};
use uuid::Uuid;

use crate::SqliteLedger;
use crate::error::{row as unreadable, sql};
use crate::row::{count, entity_id, instant, kind_of, limit_or_all, parse};

/// Returns the number that stands for an action.
pub(crate) const fn action_number(action: JournalAction) -> i64 {
    match action {
        JournalAction::Create => 0,
        JournalAction::Update => 1,
        JournalAction::Delete => 2,
    }
}

/// What [`journal`] reads, in its order.
macro_rules! select_journal {
    ($rest:literal) => {
        select_journal!("", $rest)
    };
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT journal.key, journal.seq, action, journal.at_us, write_key, ext_id, body, run_number.run, \
             entity.uid, entity.kind",
            $more,
            " FROM journal JOIN run_number ON run_number.number = journal.run \
             JOIN entity ON entity.eid = journal.key / 64 ",
            $rest
        )
    };
}
pub(crate) use select_journal;

impl SqliteLedger {
    /// Reads the journal; see [`Store::journal`](crm_store::Store::journal).
    pub fn journal(&mut self, query: &JournalQuery) -> StoreResult<Vec<Journal>> {
        // Each question has an index of its own; `+` keeps the others out of the choice.
        let text = match (query.entity, query.run) {
            (Some(_), _) => select_journal!(
                "WHERE journal.key BETWEEN (SELECT eid FROM entity WHERE uid = ?2) * 64
                     AND (SELECT eid FROM entity WHERE uid = ?2) * 64 + 63
                   AND tenant = ?1 AND +journal.seq > ?4 AND (?3 IS NULL OR run_number.run = ?3)
                 ORDER BY journal.seq LIMIT ?5"
            ),
            (None, Some(_)) => select_journal!(
                "WHERE journal.run = (SELECT number FROM run_number WHERE run = ?3)
                   AND tenant = ?1 AND journal.seq > ?4 AND ?2 IS NULL
                 ORDER BY journal.seq LIMIT ?5"
            ),
            (None, None) => select_journal!(
                "WHERE tenant = ?1 AND journal.seq > ?4 AND ?2 IS NULL AND ?3 IS NULL
                 ORDER BY journal.seq LIMIT ?5"
            ),
        };
        let Self { connection, places, .. } = self;
        let mut statement = connection.prepare_cached(text).map_err(sql)?;
        let params = params![
            places.tenant(),
            query.entity.map(|id| id.uuid().into_bytes()),
            query.run.map(|id| id.uuid().into_bytes()),
            i64::try_from(query.after).unwrap_or(i64::MAX),
            limit_or_all(query.limit),
        ];
        let mut rows = statement.query(params).map_err(sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let provider = places.name(connection, row.get(0).map_err(sql)?)?;
            found.push(journal(row, provider)?);
        }
        Ok(found)
    }
}

/// Reads a row of [`select_journal`].
pub(crate) fn journal(row: &Row<'_>, provider: ProviderId) -> StoreResult<Journal> {
    let action = match row.get::<_, i64>(2).map_err(sql)? {
        0 => JournalAction::Create,
        1 => JournalAction::Update,
        2 => JournalAction::Delete,
        number => return Err(unreadable("write", format!("no action has number {number}"))),
    };
    Ok(Journal {
        seq: count(row, 1)?,
        key: WriteKey::from_uuid(Uuid::from_bytes(row.get(4).map_err(sql)?)),
        entity: entity_id(row, 8)?,
        kind: kind_of(row.get(9).map_err(sql)?)?,
        provider,
        remote: RemoteId::new(row.get::<_, String>(5).map_err(sql)?),
        action,
        run: RunId::from_uuid(Uuid::from_bytes(row.get(7).map_err(sql)?)),
        at: instant(row.get(3).map_err(sql)?)?,
        changes: parse(row, 6, "write")?.unwrap_or_default(),
    })
}
