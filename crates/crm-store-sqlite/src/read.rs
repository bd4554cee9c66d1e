//! What is read.

use std::collections::BTreeMap;

use crm_core::{Cursor, EntityId, ObjectKind, ProviderId, RemoteId};
use crm_store::{
    Conflict, ConflictQuery, Counts, Entity, History, KeyHash, Link, LinkCount, ProblemQuery,
    Resolved, Run, Seq, Stage, StoreResult, WrittenPlan,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::SqliteLedger;
use crate::error::sql;
use crate::ledger::{Known, Place};
use crate::place::{BLOCK, Places};
use crate::row::{
    self, conflict_state, count, entity_id, kind_number, kind_of, limit, limit_or_all, parse,
    select_entity, select_link,
};

/// The most old ids that are followed one after the other: a circle must end.
const ALIASES_MAX: usize = 16;

impl SqliteLedger {
    /// Reads entities with their links; see [`Store::entities`](crm_store::Store::entities).
    pub fn entities(&mut self, ids: &[EntityId]) -> StoreResult<Vec<Option<Entity>>> {
        ids.iter()
            .map(|id| {
                let uid = id.uuid().into_bytes();
                let found = self.select(select_entity!("WHERE uid = ?1"), [uid])?;
                Ok(found.into_iter().next())
            })
            .collect()
    }

    /// Finds records; see [`Store::links`](crm_store::Store::links).
    pub fn links(
        &mut self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Resolved>>> {
        let Some(place) = self.place(provider, kind)? else {
            return Ok(ids.iter().map(|_| None).collect());
        };
        ids.iter().map(|id| self.resolve(place, kind, id)).collect()
    }

    /// Finds entities by records; see [`Store::tied`](crm_store::Store::tied).
    pub fn tied(
        &mut self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Entity>>> {
        let Some(place) = self.place(provider, kind)? else {
            return Ok(ids.iter().map(|_| None).collect());
        };
        let mut link = self
            .connection
            .prepare_cached(select_link!("", "WHERE place = ?1 AND ext_id = ?2 AND state = 0"))
            .map_err(sql)?;
        let mut entity =
            self.connection.prepare_cached(select_entity!("WHERE entity.eid = ?1")).map_err(sql)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let mut rows = link.query(params![place, id.as_str()]).map_err(sql)?;
            let Some(row) = rows.next().map_err(sql)? else {
                found.push(None);
                continue;
            };
            let key: i64 = row.get(0).map_err(sql)?;
            let link = row::link(row, provider.clone())?;
            let mut rows = entity.query([key / BLOCK]).map_err(sql)?;
            let of = rows.next().map_err(sql)?.map(row::entity).transpose()?;
            found.push(of.map(|of| Entity { links: vec![link], ..of }));
        }
        Ok(found)
    }

    /// Finds entities by match keys; see [`Store::candidates`](crm_store::Store::candidates).
    pub fn candidates(
        &mut self,
        kind: ObjectKind,
        keys: &[KeyHash],
    ) -> StoreResult<Vec<Vec<EntityId>>> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT entity.uid FROM match_key JOIN entity USING (eid)
                 WHERE match_key.tenant = ?1 AND match_key.kind = ?2 AND hash = ?3
                 ORDER BY match_key.eid",
            )
            .map_err(sql)?;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let params = params![self.places.tenant(), kind_number(kind), key.0];
            let mut rows = statement.query(params).map_err(sql)?;
            let mut ids = Vec::new();
            while let Some(row) = rows.next().map_err(sql)? {
                ids.push(entity_id(row, 0)?);
            }
            found.push(ids);
        }
        Ok(found)
    }

    /// Reads entities in order; see [`Store::scan`](crm_store::Store::scan).
    pub fn scan(&mut self, kind: ObjectKind, after: Seq, most: usize) -> StoreResult<Vec<Entity>> {
        let tenant = self.places.tenant();
        self.select(
            select_entity!(
                "WHERE entity.eid > ?1 AND tenant = ?2 AND kind = ?3 ORDER BY entity.eid LIMIT ?4"
            ),
            params![after.0, tenant, kind_number(kind), limit(most)],
        )
    }

    /// Reads a cursor; see [`Store::cursor`](crm_store::Store::cursor).
    pub fn cursor(
        &mut self,
        provider: &ProviderId,
        kind: ObjectKind,
        feed: &str,
    ) -> StoreResult<Option<Cursor>> {
        let Some(place) = self.place(provider, kind)? else {
            return Ok(None);
        };
        self.connection
            .prepare_cached("SELECT value FROM cursor WHERE place = ?1 AND feed = ?2")
            .and_then(|mut select| {
                select.query_row(params![place, feed], |row| row.get(0).map(Cursor)).optional()
            })
            .map_err(sql)
    }

    /// Reads an account; see [`Store::account`](crm_store::Store::account).
    pub fn account(&mut self, provider: &ProviderId) -> StoreResult<Option<String>> {
        let found: Option<Option<String>> = self
            .connection
            .prepare_cached("SELECT account FROM connection WHERE tenant = ?1 AND name = ?2")
            .and_then(|mut select| {
                let params = params![self.places.tenant(), provider.as_str()];
                select.query_row(params, |row| row.get(0)).optional()
            })
            .map_err(sql)?;
        Ok(found.flatten())
    }

    /// Reads a stage; see [`Store::stage`](crm_store::Store::stage).
    pub fn stage(&mut self, kind: ObjectKind) -> StoreResult<Stage> {
        let found = self.bodies(
            "SELECT value FROM stage WHERE tenant = ?1 AND kind = ?2",
            params![self.places.tenant(), kind_number(kind)],
            "stage",
        )?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// Reads a written plan; see [`Store::written_plan`](crm_store::Store::written_plan).
    pub fn written_plan(&mut self, hash: &str) -> StoreResult<Option<WrittenPlan>> {
        let found = self.bodies(
            "SELECT body FROM written_plan WHERE tenant = ?1 AND hash = ?2",
            params![self.places.tenant(), hash],
            "written plan",
        )?;
        Ok(found.into_iter().next())
    }

    /// Reads conflicts; see [`Store::conflicts`](crm_store::Store::conflicts).
    pub fn conflicts(&mut self, query: &ConflictQuery) -> StoreResult<Vec<Conflict>> {
        let state = query.state.map(conflict_state);
        let uid = query.entity.map(|id| id.uuid().into_bytes());
        self.bodies(
            "SELECT body FROM conflict
             WHERE tenant = ?1 AND (?2 IS NULL OR state = ?2)
               AND (?3 IS NULL OR eid = (SELECT eid FROM entity WHERE uid = ?3))
             ORDER BY at_us DESC, id DESC LIMIT ?4",
            params![self.places.tenant(), state, uid, limit_or_all(query.limit)],
            "conflict",
        )
    }

    /// Reads entities with problems; see [`Store::problems`](crm_store::Store::problems).
    pub fn problems(&mut self, query: ProblemQuery) -> StoreResult<Vec<Entity>> {
        let tenant = self.places.tenant();
        self.select(
            select_entity!(
                "WHERE tenant = ?1 AND kind = ?2 AND entity.eid IN (
                     SELECT key / 64 FROM link WHERE trouble > 0
                     UNION ALL
                     SELECT eid FROM entity WHERE tenant = ?1 AND kind = ?2 AND state = 1
                 ) ORDER BY entity.eid LIMIT ?3"
            ),
            params![tenant, kind_number(query.kind), limit_or_all(query.limit)],
        )
    }

    /// Reads runs; see [`Store::runs`](crm_store::Store::runs).
    pub fn runs(&mut self, most: usize) -> StoreResult<Vec<Run>> {
        self.bodies(
            "SELECT body FROM run WHERE tenant = ?1 ORDER BY started_us DESC, id DESC LIMIT ?2",
            params![self.places.tenant(), limit(most)],
            "run",
        )
    }

    /// Reads history; see [`Store::history`](crm_store::Store::history).
    pub fn history(&mut self, entity: EntityId) -> StoreResult<Vec<History>> {
        self.bodies(
            "SELECT body FROM history
             WHERE eid = (SELECT eid FROM entity WHERE uid = ?1) ORDER BY id",
            [entity.uuid().into_bytes()],
            "history",
        )
    }

    /// Reads entities that became others; see [`Store::absorbed`](crm_store::Store::absorbed).
    pub fn absorbed(&mut self, into: Option<EntityId>) -> StoreResult<Vec<Entity>> {
        let tenant = self.places.tenant();
        self.select(
            select_entity!(
                "WHERE tenant = ?1 AND entity.state IN (1, 3)
                   AND coalesce(entity.detail ->> '$.merged.into', entity.detail ->> '$.held.of')
                       IS NOT NULL
                   AND (?2 IS NULL OR ?2 =
                       coalesce(entity.detail ->> '$.merged.into', entity.detail ->> '$.held.of'))
                 ORDER BY entity.eid"
            ),
            params![tenant, into.map(|id| id.to_string())],
        )
    }

    /// Counts; see [`Store::counts`](crm_store::Store::counts).
    pub fn counts(&mut self, kind: ObjectKind) -> StoreResult<Counts> {
        let Self { connection, places, .. } = self;
        let mut counts = connection
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1),
                        count(*) FILTER (WHERE state = 2), count(mark_due),
                        (SELECT count(*) FROM conflict
                         WHERE tenant = ?1 AND state = 0 AND kind = ?2)
                 FROM entity WHERE tenant = ?1 AND kind = ?2",
            )
            .map_err(sql)?
            .query_row(params![places.tenant(), kind_number(kind)], |row| Ok(read_counts(row)))
            .map_err(sql)??;
        let mut statement = connection
            .prepare_cached(
                "SELECT key % 64, count(*) FILTER (WHERE state = 0 AND ext_id IS NOT NULL),
                        count(*) FILTER (WHERE state IN (2, 3)), sum(open), sum(trouble)
                 FROM link WHERE place / 256 = ?1 AND place % 4 = ?2 GROUP BY key % 64",
            )
            .map_err(sql)?;
        let mut rows = statement.query(params![places.tenant(), kind_number(kind)]).map_err(sql)?;
        let mut links = BTreeMap::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let provider = places.name(connection, row.get(0).map_err(sql)?)?;
            let of = LinkCount {
                provider: provider.clone(),
                live: count(row, 1)?,
                gone: count(row, 2)?,
                open: count(row, 3)?,
            };
            counts.parked += count(row, 4)?;
            links.insert(provider, of);
        }
        counts.links = links.into_values().collect();
        Ok(counts)
    }

    /// Returns where the record ids of a provider's kind are, if anything was ever stored there.
    fn place(&mut self, provider: &ProviderId, kind: ObjectKind) -> StoreResult<Option<i64>> {
        if self.places.number(provider).is_none()
            && self.connection.is_readonly("main").map_err(sql)?
        {
            self.places.reload(&self.connection)?;
        }
        Ok(self.places.find(provider, kind))
    }

    fn select(&mut self, query: &str, params: impl Params) -> StoreResult<Vec<Entity>> {
        let Self { connection, places, known, .. } = self;
        let mut statement = connection.prepare_cached(query).map_err(sql)?;
        let mut rows = statement.query(params).map_err(sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            found.push(entity(connection, places, known, row)?);
        }
        Ok(found)
    }

    fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
        params: impl Params,
        what: &'static str,
    ) -> StoreResult<Vec<T>> {
        let mut statement = self.connection.prepare_cached(query).map_err(sql)?;
        let mut rows = statement.query(params).map_err(sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            found.extend(parse(row, 0, what)?);
        }
        Ok(found)
    }

    /// Finds the link of a record: the live one, else what an old id leads to, else the newest
    /// link that remembers the id.
    fn resolve(
        &mut self,
        place: i64,
        kind: ObjectKind,
        id: &RemoteId,
    ) -> StoreResult<Option<Resolved>> {
        const LIVE: &str = select_link!(
            ", entity.uid",
            "JOIN entity ON entity.eid = link.key / 64
             WHERE link.place = ?1 AND link.ext_id = ?2 AND link.state = 0"
        );
        const PAST: &str = select_link!(
            ", entity.uid",
            "JOIN entity ON entity.eid = link.key / 64
             WHERE link.place = ?1 AND link.ext_id = ?2 AND link.state > 0
             ORDER BY link.key DESC LIMIT 1"
        );
        let mut past = None;
        let mut id = id.clone();
        for _ in 0..ALIASES_MAX {
            let live = self.resolved(LIVE, place, kind, &id)?;
            if live.is_some() {
                return Ok(live);
            }
            // The end of the chain of old ids speaks before its beginning.
            past = self.resolved(PAST, place, kind, &id)?.or(past);
            let next = self
                .connection
                .prepare_cached("SELECT new_id FROM alias WHERE place = ?1 AND old_id = ?2")
                .and_then(|mut select| {
                    let params = params![place, id.as_str()];
                    select.query_row(params, |row| row.get::<_, String>(0)).optional()
                })
                .map_err(sql)?;
            let Some(next) = next else { break };
            id = RemoteId::new(next);
        }
        Ok(past)
    }

    fn resolved(
        &mut self,
        query: &str,
        place: i64,
        kind: ObjectKind,
        id: &RemoteId,
    ) -> StoreResult<Option<Resolved>> {
        let Self { connection, places, known, .. } = self;
        let mut statement = connection.prepare_cached(query).map_err(sql)?;
        let mut rows = statement.query(params![place, id.as_str()]).map_err(sql)?;
        let Some(row) = rows.next().map_err(sql)? else {
            return Ok(None);
        };
        let key: i64 = row.get(0).map_err(sql)?;
        let entity = entity_id(row, 11)?;
        known.insert(entity, Place { eid: key / BLOCK, kind });
        let link = row::link(row, places.name(connection, key)?)?;
        Ok(Some(Resolved { entity, link }))
    }
}

fn read_counts(row: &Row<'_>) -> StoreResult<Counts> {
    Ok(Counts {
        live: count(row, 0)?,
        held: count(row, 1)?,
        tombstones: count(row, 2)?,
        marked: count(row, 3)?,
        open_conflicts: count(row, 4)?,
        ..Counts::default()
    })
}

/// Reads an entity with its links.
pub(crate) fn entity(
    connection: &Connection,
    places: &mut Places,
    known: &mut Known,
    row: &Row<'_>,
) -> StoreResult<Entity> {
    let mut entity = row::entity(row)?;
    if let Some(Seq(eid)) = entity.seq {
        known.insert(entity.id, Place { eid, kind: entity.kind });
        entity.links = links(connection, places, eid)?;
    }
    Ok(entity)
}

fn links(connection: &Connection, places: &mut Places, eid: i64) -> StoreResult<Vec<Link>> {
    let mut statement =
        connection.prepare_cached(select_link!("", "WHERE key BETWEEN ?1 AND ?2")).map_err(sql)?;
    let first = eid * BLOCK;
    let mut rows = statement.query(params![first, first + BLOCK - 1]).map_err(sql)?;
    let mut links = Vec::new();
    while let Some(row) = rows.next().map_err(sql)? {
        let key = row.get(0).map_err(sql)?;
        links.push(row::link(row, places.name(connection, key)?)?);
    }
    links.sort_by(|a, b| a.provider.cmp(&b.provider));
    Ok(links)
}

/// Returns where an entity is, if it is stored.
pub(crate) fn place(connection: &Connection, id: EntityId) -> StoreResult<Option<Place>> {
    let found = connection
        .prepare_cached("SELECT eid, kind FROM entity WHERE uid = ?1")
        .and_then(|mut select| {
            let params = [id.uuid().into_bytes()];
            select
                .query_row(params, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
                .optional()
        })
        .map_err(sql)?;
    found.map(|(eid, kind)| Ok(Place { eid, kind: kind_of(kind)? })).transpose()
}
