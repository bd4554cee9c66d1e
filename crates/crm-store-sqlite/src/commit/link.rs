//! The rows of links.

use crm_core::{EntityId, ProviderId};
use crm_store::{Link, StoreResult};
use rusqlite::params;

use super::Work;
use crate::ledger::Place;
use crate::place::BLOCK;
use crate::row::{json, json_opt, link_detail, link_state};

impl Work<'_> {
    pub(super) fn write_link(&mut self, id: EntityId, link: &Link) -> StoreResult<()> {
        let Place { eid, kind } = self.touch(id)?;
        let number = self.places.take(self.sql, &link.provider)?;
        let slots = if link.slots.is_empty() { None } else { Some(json(&link.slots)?) };
        let intents = if link.intents.is_empty() { None } else { Some(json(&link.intents)?) };
        // A second live link to one record is refused by the unique index.
        self.execute(
            "INSERT INTO link (key, place, state, open, trouble, modified_us, ext_id,
                 rec_version, detail, slots, observed, claim, intents, parked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (key) DO UPDATE SET place = ?2, state = ?3, open = ?4, trouble = ?5,
                 modified_us = ?6, ext_id = ?7, rec_version = ?8, detail = ?9, slots = ?10,
                 observed = ?11, claim = ?12, intents = ?13, parked = ?14",
            params![
                eid * BLOCK + number,
                self.places.place(number, kind),
                link_state(&link.state),
                open(link),
                i64::from(is_troubled(link)),
                link.modified_at.map(jiff::Timestamp::as_microsecond),
                link.remote.as_ref().map(crm_core::RemoteId::as_str),
                link.version.as_ref().map(|version| &*version.0),
                link_detail(&link.state)?,
                slots,
                json_opt(link.observed.as_ref())?,
                json_opt(link.claim.as_ref())?,
                intents,
                json_opt(link.parked.as_ref())?,
            ],
        )
        .map(drop)
    }

    pub(super) fn remove_link(&mut self, id: EntityId, provider: &ProviderId) -> StoreResult<()> {
        let Place { eid, .. } = self.touch(id)?;
        let Some(number) = self.places.number(provider) else {
            return Ok(());
        };
        self.execute("DELETE FROM link WHERE key = ?1", [eid * BLOCK + number]).map(drop)
    }
}

/// Counts what was announced and is not settled.
fn open(link: &Link) -> i64 {
    let intents = link.intents.iter().filter(|intent| !intent.watched);
    i64::from(link.claim.is_some()) + intents.map(|_| 1).sum::<i64>()
}

fn is_troubled(link: &Link) -> bool {
    link.parked.is_some() || link.slots.iter().any(|(_, slot)| slot.refused.is_some())
}
