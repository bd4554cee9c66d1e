//! Between rows and the model.

use std::sync::Arc;

use crm_core::{EntityId, ObjectKind, ProviderId, RemoteId, Version};
use crm_store::{
    ConflictState, Entity, EntityState, Link, LinkState, Mark, Seq, StoreError, StoreResult,
};
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{row as unreadable, sql};

/// A query of what [`entity`] reads, in its order.
macro_rules! select_entity {
    ($rest:literal) => {
        concat!(
            "SELECT entity.eid, entity.kind, entity.version, entity.row_ver, entity.mark_due, \
             entity.mark_attempts, entity.uid, entity.detail, golden.body \
             FROM entity LEFT JOIN golden ON golden.eid = entity.eid ",
            $rest
        )
    };
}
pub(crate) use select_entity;

/// A query of what [`link`] reads, in its order.
macro_rules! select_link {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT link.key, link.state, link.modified_us, link.ext_id, link.rec_version, \
             link.detail, link.slots, link.observed, link.claim, link.intents, link.parked",
            $more,
            " FROM link ",
            $rest
        )
    };
}
pub(crate) use select_link;

/// Returns the number that stands for a kind.
pub(crate) const fn kind_number(kind: ObjectKind) -> i64 {
    match kind {
        ObjectKind::Company => 0,
        ObjectKind::Contact => 1,
        ObjectKind::Deal => 2,
        ObjectKind::Activity => 3,
    }
}

pub(crate) fn kind_of(number: i64) -> StoreResult<ObjectKind> {
    let known = ObjectKind::ALL.into_iter().find(|kind| kind_number(*kind) == number);
    known.ok_or_else(|| unreadable("entity", format!("no kind has number {number}")))
}

/// Returns the number that stands for an entity's state.
pub(crate) const fn entity_state(state: &EntityState) -> i64 {
    match state {
        EntityState::Live => 0,
        EntityState::Held { .. } => 1,
        EntityState::Tombstone { .. } => 2,
        EntityState::Merged { .. } => 3,
    }
}

/// Returns the number that stands for a link's state.
pub(crate) const fn link_state(state: &LinkState) -> i64 {
    match state {
        LinkState::Live => 0,
        LinkState::Claimed => 1,
        LinkState::Gone { .. } => 2,
        LinkState::Merged { .. } => 3,
        LinkState::Doomed { .. } => 4,
    }
}

/// Returns the number that stands for a conflict's state.
pub(crate) const fn conflict_state(state: ConflictState) -> i64 {
    match state {
        ConflictState::Open => 0,
        ConflictState::Auto => 1,
        ConflictState::Resolved => 2,
        ConflictState::Stale => 3,
    }
}

/// Returns what a number alone does not say of an entity's state.
pub(crate) fn entity_detail(state: &EntityState) -> StoreResult<Option<String>> {
    match state {
        EntityState::Live => Ok(None),
        EntityState::Held { .. } | EntityState::Tombstone { .. } | EntityState::Merged { .. } => {
            json(state).map(Some)
        }
    }
}

/// Returns what a number alone does not say of a link's state.
pub(crate) fn link_detail(state: &LinkState) -> StoreResult<Option<String>> {
    match state {
        LinkState::Live | LinkState::Claimed => Ok(None),
        LinkState::Gone { .. } | LinkState::Merged { .. } | LinkState::Doomed { .. } => {
            json(state).map(Some)
        }
    }
}

/// Returns a limit as SQL has it; -1 is none.
pub(crate) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(-1)
}

/// Returns a limit where 0 stands for none.
pub(crate) fn limit_or_all(count: usize) -> i64 {
    if count == 0 { -1 } else { limit(count) }
}

/// Returns a count of SQL.
pub(crate) fn count(row: &Row<'_>, index: usize) -> StoreResult<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned).map_err(sql)
}

/// Returns the stored form of a value.
pub(crate) fn json<T: Serialize>(value: &T) -> StoreResult<String> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::backend("a value cannot be stored", error))
}

/// Reads a stored value.
pub(crate) fn parse<T: DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
    what: &'static str,
) -> StoreResult<Option<T>> {
    match row.get_ref(index).map_err(sql)? {
        ValueRef::Null => Ok(None),
        value @ (ValueRef::Text(_)
        | ValueRef::Blob(_)
        | ValueRef::Integer(_)
        | ValueRef::Real(_)) => {
            let text = value.as_str().map_err(|error| unreadable(what, error))?;
            serde_json::from_str(text).map(Some).map_err(|error| unreadable(what, error))
        }
    }
}

pub(crate) fn instant(microseconds: i64) -> StoreResult<Timestamp> {
    Timestamp::from_microsecond(microseconds).map_err(|error| unreadable("instant", error))
}

pub(crate) fn entity_id(row: &Row<'_>, index: usize) -> StoreResult<EntityId> {
    let bytes: [u8; 16] = row.get(index).map_err(sql)?;
    Ok(EntityId::from_uuid(Uuid::from_bytes(bytes)))
}

fn name(row: &Row<'_>, index: usize) -> StoreResult<Option<Arc<str>>> {
    let value = row.get_ref(index).map_err(sql)?;
    let text = value.as_str_or_null().map_err(|error| unreadable("name", error))?;
    Ok(text.map(Arc::from))
}

/// Reads an entity without its links from a row of [`select_entity`].
pub(crate) fn entity(row: &Row<'_>) -> StoreResult<Entity> {
    let due: Option<i64> = row.get(4).map_err(sql)?;
    let attempts: Option<u32> = row.get(5).map_err(sql)?;
    let mark = due
        .map(|due| {
            Ok::<_, StoreError>(Mark { due: instant(due)?, attempts: attempts.unwrap_or(0) })
        })
        .transpose()?;
    Ok(Entity {
        id: entity_id(row, 6)?,
        seq: Some(Seq(row.get(0).map_err(sql)?)),
        kind: kind_of(row.get(1).map_err(sql)?)?,
        state: parse(row, 7, "entity")?.unwrap_or(EntityState::Live),
        version: count(row, 2)?,
        golden: parse(row, 8, "golden record")?.unwrap_or_default(),
        links: Vec::new(),
        mark,
        row_version: count(row, 3)?,
    })
}

/// Reads a link from a row of [`select_link`].
pub(crate) fn link(row: &Row<'_>, provider: ProviderId) -> StoreResult<Link> {
    let state = match row.get::<_, i64>(1).map_err(sql)? {
        0 => LinkState::Live,
        1 => LinkState::Claimed,
        number => parse(row, 5, "link")?
            .ok_or_else(|| unreadable("link", format!("state {number} without detail")))?,
    };
    Ok(Link {
        provider,
        remote: name(row, 3)?.map(RemoteId::new),
        state,
        version: name(row, 4)?.map(Version),
        modified_at: row.get::<_, Option<i64>>(2).map_err(sql)?.map(instant).transpose()?,
        slots: parse(row, 6, "link")?.unwrap_or_default(),
        observed: parse(row, 7, "observation")?,
        claim: parse(row, 8, "claim")?,
        intents: parse(row, 9, "intent")?.unwrap_or_default(),
        parked: parse(row, 10, "reason")?,
    })
}
