//! The rows of links.

use crm_core::{EntityId, ProviderId};
use crm_store::{Link, StoreResult};
use rusqlite::params;

use super::{Work, statement};
use crate::error::sql;
use crate::ledger::Place;
use crate::place::BLOCK;
use crate::row::{link_detail, link_state};

/// Leaves what finds a record as it is, so that the large indexes are spared.
const UPDATE: &str = "UPDATE link SET open = ?4, trouble = ?5, modified_us = ?6, rec_version = ?8,
         detail = ?9, slots = ?10, observed = ?11, claim = ?12, intents = ?13, parked = ?14
     WHERE key = ?1 AND place = ?2 AND state = ?3 AND ext_id IS ?7";

const UPSERT: &str = "INSERT INTO link (key, place, state, open, trouble, modified_us, ext_id,
         rec_version, detail, slots, observed, claim, intents, parked)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
     ON CONFLICT (key) DO UPDATE SET place = ?2, state = ?3, open = ?4, trouble = ?5,
         modified_us = ?6, ext_id = ?7, rec_version = ?8, detail = ?9, slots = ?10,
         observed = ?11, claim = ?12, intents = ?13, parked = ?14";

impl Work<'_> {
    pub(super) fn write_link(&mut self, id: EntityId, link: &Link) -> StoreResult<()> {
        let Place { eid, kind } = self.touch(id)?;
        if let (true, Some(remote)) = (link.is_live(), &link.remote) {
            self.waiting.arrived.push((link.provider.clone(), id, kind, remote.clone()));
        }
        let number = self.places.take(self.sql, &link.provider)?;
        let place = self.places.place(number, kind);
        let may_exist = self.rows.get(&id).is_none_or(|touched| touched.expected != Some(0));
        self.texts.begin();
        let slots = (!link.slots.is_empty()).then_some(&link.slots);
        let intents = (!link.intents.is_empty()).then_some(&link.intents);
        let slots = self.texts.write_opt(slots)?;
        let observed = self.texts.write_opt(link.observed.as_ref())?;
        let claim = self.texts.write_opt(link.claim.as_ref())?;
        let intents = self.texts.write_opt(intents)?;
        let parked = self.texts.write_opt(link.parked.as_ref())?;
        let detail = link_detail(&link.state)?;
        let texts = &self.texts;
        let params = params![
            eid * BLOCK + number,
            place,
            link_state(&link.state),
            i64::try_from(link.announced()).unwrap_or(i64::MAX),
            i64::from(is_troubled(link)),
            link.modified_at.map(jiff::Timestamp::as_microsecond),
            link.remote.as_ref().map(crm_core::RemoteId::as_str),
            link.version.as_ref().map(|version| &*version.0),
            detail,
            texts.at(slots),
            texts.at(observed),
            texts.at(claim),
            texts.at(intents),
            texts.at(parked),
        ];
        let known = &mut self.statements;
        // Most links stay tied to their record.
        if may_exist && statement(self.sql, known, UPDATE)?.execute(params).map_err(sql)? > 0 {
            return Ok(());
        }
        // A second live link to one record is refused by the unique index.
        statement(self.sql, known, UPSERT)?.execute(params).map(drop).map_err(sql)
    }

    pub(super) fn remove_link(&mut self, id: EntityId, provider: &ProviderId) -> StoreResult<()> {
        let Place { eid, .. } = self.touch(id)?;
        let Some(number) = self.places.number(provider) else {
            return Ok(());
        };
        self.execute("DELETE FROM link WHERE key = ?1", [eid * BLOCK + number]).map(drop)
    }
}

fn is_troubled(link: &Link) -> bool {
    link.parked.is_some() || link.slots.iter().any(|(_, slot)| slot.refused.is_some())
}
