//! What a page of a feed says, before it is a commit.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Cursor, EntityId, Remote, RemoteId, mutant};
use crm_store::{Commit, Entity, Journal, KeyHash, Link, Mark, Mutation, Resolved};

use crate::Rules;
use crate::decide::identity;
use crate::topology::Side;

/// What a page says, before it is a commit.
#[derive(Default)]
pub(super) struct Notes {
    /// Entities to be looked at.
    pub(super) marks: BTreeSet<EntityId>,
    /// Links to be stored.
    pub(super) links: Vec<(EntityId, Link)>,
    /// Ids that are no more, and what they became.
    pub(super) aliases: Vec<(RemoteId, RemoteId)>,
    /// Entities that were loaded or founded, as they shall be.
    pub(super) entities: BTreeMap<EntityId, Entity>,
    /// Which of them have a key.
    pub(super) by_key: BTreeMap<KeyHash, BTreeSet<EntityId>>,
    /// Those that were founded, in order.
    pub(super) founded: Vec<EntityId>,
    /// Those that changed, with their row version.
    pub(super) changed: BTreeMap<EntityId, u64>,
    /// Which entity a new record founds, if it founds one.
    pub(super) names: BTreeMap<RemoteId, EntityId>,
    /// Those whose own row changed.
    pub(super) rows: BTreeSet<EntityId>,
    pub(super) later: BTreeMap<EntityId, Mark>,
    /// Records that turned out to be ours.
    pub(super) journal: Vec<Journal>,
    /// Whether match keys are kept already; the first sync adds them at its end.
    pub(super) keyless: bool,
}

impl Notes {
    /// Keeps an entity at hand, to be found by its keys.
    pub(super) fn keep(&mut self, entity: Entity) {
        for hash in crate::decide::key_hashes(&entity) {
            self.by_key.entry(hash).or_default().insert(entity.id);
        }
        self.entities.insert(entity.id, entity);
    }

    /// Returns the entities at hand that may share a key with a record.
    pub(super) fn candidates(
        &self,
        kind: crm_core::ObjectKind,
        fields: &crm_core::Fields,
    ) -> Vec<&Entity> {
        let keys = identity::keys_of(kind, fields);
        let ids: BTreeSet<EntityId> = keys
            .iter()
            .filter_map(|key| self.by_key.get(&KeyHash::of(key)))
            .flatten()
            .copied()
            .collect();
        ids.iter().filter_map(|id| self.entities.get(id)).collect()
    }

    /// Returns whether a new record is one that we made, and that no open create stands for.
    pub(super) fn is_stray(&self, side: &Side, remote: &Remote) -> bool {
        let ours = remote.uid.as_ref().and_then(crm_core::Uid::entity);
        let entity = ours.and_then(|id| self.entities.get(&id));
        let link = |entity: &Entity| entity.link(&side.provider).cloned();
        entity.is_some_and(|entity| link(entity).is_none_or(|link| link.claim.is_none()))
    }

    /// Returns the entity at hand that a record is tied to.
    pub(super) fn tied(&self, side: &Side, record: &RemoteId) -> Option<&Entity> {
        let here = |entity: &&Entity| {
            let link = entity.link(&side.provider);
            link.is_some_and(|link| link.remote.as_ref() == Some(record))
        };
        self.entities.values().find(here)
    }

    /// Marks an entity of which a hint says that its record changed. A row that was listed before
    /// is out of date by that.
    pub(super) fn hint(&mut self, found: &Resolved) {
        self.marks.insert(found.entity);
        let mut link = found.link.clone();
        if let Some(observed) = &mut link.observed
            && !observed.is_outdated()
            && !mutant!(HintUnheeded)
        {
            observed.outdate();
            self.links.push((found.entity, link));
        }
    }

    pub(super) fn attached(&mut self, id: EntityId, version: u64, provider: &crm_core::ProviderId) {
        self.changed.entry(id).or_insert(version);
        self.marks.insert(id);
        let link = self.entities.get(&id).and_then(|entity| entity.link(provider)).cloned();
        if !self.founded.contains(&id) {
            self.links.extend(link.map(|link| (id, link)));
        }
    }

    pub(super) fn into_commit(
        mut self,
        rules: &Rules,
        side: &Side,
        cursor: Option<(&'static str, Cursor)>,
        now: jiff::Timestamp,
    ) -> Commit {
        let mut mutations = Vec::new();
        for id in &self.founded {
            let Some(mut entity) = self.entities.remove(id) else {
                continue;
            };
            let keys = if self.keyless { Vec::new() } else { crate::decide::key_hashes(&entity) };
            let links = std::mem::take(&mut entity.links);
            if let Some(mark) = self.later.get(id) {
                entity.mark = Some(*mark);
            }
            self.marks.remove(id);
            mutations.push(Mutation::Entity(Box::new(entity)));
            mutations.extend(links.into_iter().map(|link| Mutation::Link(*id, Box::new(link))));
            if !keys.is_empty() {
                let (kind, remove) = (rules.kind, Vec::new());
                mutations.push(Mutation::Keys { entity: *id, kind, remove, add: keys });
            }
        }
        for id in &self.rows {
            if let Some(entity) = self.entities.get(id) {
                let mut entity = entity.clone();
                entity.links.clear();
                mutations.push(Mutation::Entity(Box::new(entity)));
            }
        }
        for (id, link) in self.links {
            mutations.push(Mutation::Link(id, Box::new(link)));
        }
        for (old, new) in self.aliases {
            let (provider, kind) = (side.provider.clone(), rules.kind);
            mutations.push(Mutation::Alias { provider, kind, old, new });
        }
        let mark = Mark { due: now, attempts: 0 };
        let journal = self.journal.into_iter();
        mutations.extend(journal.map(|row| Mutation::Journal(Box::new(row))));
        mutations.extend(self.marks.into_iter().map(|id| Mutation::Mark(id, Some(mark))));
        mutations.extend(cursor.map(|(feed, cursor)| {
            let (provider, kind) = (side.provider.clone(), rules.kind);
            Mutation::Cursor { provider, kind, feed, cursor }
        }));
        let expected = self.changed.into_iter().collect();
        Commit { expected, fences: Vec::new(), mutations }
    }
}

/// Returns the last change of a commit alone: that of the cursor.
#[cfg(crm_mutants)]
pub(super) fn cursor_of(commit: &Commit) -> Commit {
    let mutations = commit.mutations.last().cloned().into_iter().collect();
    Commit { mutations, ..Commit::default() }
}
