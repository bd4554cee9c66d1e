//! Records with a new id that others were merged into.
//!
//! Some CRMs give the record that is left of a merge an id of its own. It is nobody new: the
//! entity that it is most like has it from now on, and the others are looked at again, to become
//! part of that one.

use std::collections::BTreeSet;

use crm_core::{EntityId, Remote, RemoteId};
use crm_store::{Entity, Link, LinkState, Slots};

use super::Session;
use super::intake::observation;
use super::notes::Notes;
use crate::decide::{identity, share_key};
use crate::topology::Side;
use crate::{EngineError, Rules};

impl Session<'_> {
    /// Gives records to the entities whose records were merged into them; returns those that are
    /// new indeed.
    pub(super) async fn survivors<'r>(
        &self,
        rules: &Rules,
        side: &Side,
        newcomers: Vec<&'r Remote>,
        notes: &mut Notes,
    ) -> Result<Vec<&'r Remote>, EngineError> {
        let aliases: BTreeSet<&RemoteId> = newcomers.iter().flat_map(|r| &r.aliases).collect();
        if aliases.is_empty() {
            return Ok(newcomers);
        }
        let ids: Vec<RemoteId> = aliases.into_iter().cloned().collect();
        let links = self.engine.store.links(&side.provider, rules.kind, &ids).await?;
        // An old id that leads on already says nothing of this record.
        let live = |id: &RemoteId, link: &Link| link.is_live() && link.remote.as_ref() == Some(id);
        let owners = ids.into_iter().zip(links).filter_map(|(id, found)| {
            let found = found?;
            live(&id, &found.link).then_some((id, found.entity))
        });
        let owners: Vec<(RemoteId, EntityId)> = owners.collect();
        let mut rest = Vec::with_capacity(newcomers.len());
        for remote in newcomers {
            let owner = |alias| owners.iter().find(|(id, _)| id == alias).map(|(_, id)| *id);
            let ids: Vec<EntityId> = remote.aliases.iter().filter_map(owner).collect();
            let entities = self.engine.store.entities(&ids).await?;
            let entities: Vec<Entity> = entities.into_iter().flatten().collect();
            match heir(rules, remote, &entities) {
                None => rest.push(remote),
                Some(heir) => {
                    inherit(side, remote, heir, self.now(), notes);
                    notes.marks.extend(entities.iter().map(|entity| entity.id));
                }
            }
        }
        Ok(rest)
    }
}

/// Returns the entity that a record is most like: one that is known by the same, else the first.
fn heir<'e>(rules: &Rules, remote: &Remote, entities: &'e [Entity]) -> Option<&'e Entity> {
    let keys = identity::keys_of(rules.kind, &remote.fields);
    let alike = |entity: &&Entity| share_key(&keys, &identity::keys(entity));
    entities.iter().find(alike).or_else(|| entities.first())
}

/// Lets an entity's link lead to the record. What is there now may be of any of those that were
/// merged: it is met for the first time.
fn inherit(side: &Side, remote: &Remote, heir: &Entity, now: jiff::Timestamp, notes: &mut Notes) {
    let Some(known) = heir.link(&side.provider) else { return };
    let link = Link {
        remote: Some(remote.id.clone()),
        state: LinkState::Live,
        version: remote.version.clone(),
        modified_at: remote.modified_at,
        slots: Slots::default(),
        observed: Some(observation(remote, now)),
        intents: Vec::new(),
        parked: None,
        ..known.clone()
    };
    notes.aliases.extend(known.remote.clone().map(|old| (old, remote.id.clone())));
    notes.changed.insert(heir.id, heir.row_version);
    notes.links.push((heir.id, link));
}
