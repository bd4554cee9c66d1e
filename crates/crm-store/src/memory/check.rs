//! Whether a commit can be applied. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{EntityId, ObjectKind, ProviderId, mutant};

use super::{RemoteKey, Tables};
use crate::{Commit, Entity, Link, Mutation, StoreError, StoreResult};

impl Tables {
    pub(super) fn check(&self, commit: &Commit) -> StoreResult<()> {
        let expected: BTreeSet<EntityId> = commit.expected.iter().map(|(id, _)| *id).collect();
        if expected.len() != commit.expected.len() {
            // Two decisions on one row version: the second did not know of the first.
            return Err(StoreError::Raced);
        }
        for (id, row_version) in &commit.expected {
            if self.entity(*id).map_or(0, |entity| entity.row_version) != *row_version
                && !mutant!(RaceIgnored)
            {
                return Err(StoreError::Raced);
            }
        }
        for (id, fence) in &commit.fences {
            let seq = self.ids.get(id).ok_or(StoreError::Raced)?;
            if !self.leases.is_current(*seq, *fence) && !mutant!(FenceIgnored) {
                return Err(StoreError::Raced);
            }
        }
        let mut ahead = Ahead {
            tables: self,
            expected,
            made: BTreeMap::new(),
            owners: BTreeMap::new(),
            remotes: BTreeMap::new(),
        };
        commit.mutations.iter().try_for_each(|mutation| ahead.admit(mutation))
    }
}

/// The ledger as it would be after some of the mutations, where it differs.
struct Ahead<'a> {
    tables: &'a Tables,
    expected: BTreeSet<EntityId>,
    /// New entities.
    made: BTreeMap<EntityId, ObjectKind>,
    /// Who would hold the live link to a record.
    owners: BTreeMap<RemoteKey, Option<EntityId>>,
    /// To which record an entity's link would lead, if it would be live.
    remotes: BTreeMap<(EntityId, ProviderId), Option<RemoteKey>>,
}

impl Ahead<'_> {
    fn admit(&mut self, mutation: &Mutation) -> StoreResult<()> {
        match mutation {
            Mutation::Entity(entity) => self.admit_entity(entity),
            Mutation::Link(id, link) => self.admit_link(*id, link),
            Mutation::Unlink(id, provider) => {
                self.kind(*id)?;
                self.release(*id, provider);
                Ok(())
            }
            Mutation::Erase(id) => {
                self.kind(*id)?;
                let links = self.tables.entity(*id).map(|entity| &entity.links);
                let names: Vec<ProviderId> =
                    links.into_iter().flatten().map(|link| link.provider.clone()).collect();
                for provider in names {
                    self.release(*id, &provider);
                }
                Ok(())
            }
            Mutation::Mark(id, _)
            | Mutation::Keys { entity: id, .. }
            | Mutation::PendingRef { from: id, .. } => self.kind(*id).map(|_kind| ()),
            Mutation::Conflict(conflict) => self.kind(conflict.entity).map(|_kind| ()),
            Mutation::History(row) => self.kind(row.entity).map(|_kind| ()),
            Mutation::Journal(row) => self.kind(row.entity).map(|_kind| ()),
            Mutation::Audit(note) => match note.entity {
                Some(entity) => self.kind(entity).map(|_kind| ()),
                None => Ok(()),
            },
            Mutation::Alias { .. }
            | Mutation::Block { .. }
            | Mutation::Erasure(_)
            | Mutation::Cursor { .. }
            | Mutation::Account { .. }
            | Mutation::WrittenPlan(_)
            | Mutation::Stage(..)
            | Mutation::Run(_)
            | Mutation::Recover { .. }
            | Mutation::MarkAll { .. } => Ok(()),
        }
    }

    fn admit_entity(&mut self, entity: &Entity) -> StoreResult<()> {
        if !self.expected.contains(&entity.id) {
            return Err(StoreError::unexpected(entity.id));
        }
        if self.tables.entity(entity.id).is_none() {
            self.made.entry(entity.id).or_insert(entity.kind);
        }
        Ok(())
    }

    fn admit_link(&mut self, id: EntityId, link: &Link) -> StoreResult<()> {
        let kind = self.kind(id)?;
        self.release(id, &link.provider);
        let Some(remote) = link.remote.as_ref().filter(|_| link.is_live()) else {
            return Ok(());
        };
        let key = (link.provider.clone(), kind, remote.clone());
        let owner = match self.owners.get(&key) {
            Some(owner) => *owner,
            None => self.tables.owner(&key).map(|entity| entity.id),
        };
        if owner.is_some_and(|owner| owner != id) {
            return Err(StoreError::Raced);
        }
        self.owners.insert(key.clone(), Some(id));
        self.remotes.insert((id, link.provider.clone()), Some(key));
        Ok(())
    }

    /// Takes an entity's live link to a provider away.
    fn release(&mut self, id: EntityId, provider: &ProviderId) {
        let place = (id, provider.clone());
        let before = match self.remotes.get(&place) {
            Some(key) => key.clone(),
            None => self.tables.entity(id).and_then(|entity| {
                let link = entity.link(provider).filter(|link| link.is_live())?;
                Some((provider.clone(), entity.kind, link.remote.clone()?))
            }),
        };
        if let Some(key) = before {
            self.owners.insert(key, None);
        }
        self.remotes.insert(place, None);
    }

    fn kind(&self, id: EntityId) -> StoreResult<ObjectKind> {
        let known = self.tables.entity(id).map(|entity| entity.kind);
        known.or_else(|| self.made.get(&id).copied()).ok_or_else(|| StoreError::unknown(id))
    }
}
