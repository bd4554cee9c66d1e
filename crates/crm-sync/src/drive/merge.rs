//! Entities that turned out to be one: somebody merged their records in a CRM.
//!
//! The one whose record is no more goes into the one whose record is left. Records that it has in
//! other CRMs go with it where the other entity has none there. Where both have one, nobody can
//! merge them but a person: the record waits as a duplicate, is written nowhere, and what refers
//! to it refers to the entity that is left. The history of both stays under their own ids.

use crm_core::{EntityId, Lookup, ProviderId, RemoteId, mutant};
use crm_store::{
    Commit, Entity, EntityState, Link, LinkSlot, LinkState, Mark, Mutation, Slots, StoreError,
};

use super::Session;
use super::work::Job;
use crate::decide::Seen;
use crate::{EngineError, Rules};

/// Why an entity waits whose record was merged elsewhere.
pub(super) const DUPLICATE: &str = "merged_elsewhere";

/// What became of an entity whose record was merged into another one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absorbed {
    /// It is part of the other one now.
    Yes,
    /// Something under way must end first.
    Later,
    /// There is nobody who could take it in.
    No,
}

/// Makes a record of the one that is gone one of the other. What it is known to hold is no news,
/// and is behind; where the other one has nothing to say, it is met for the first time.
fn moved(link: &Link, winner: &Entity) -> Link {
    let kept = link.slots.iter().filter(|(field, _)| winner.golden.slot(*field).is_some());
    let slots = kept.map(|(field, slot)| {
        let ack = mutant!(MovedKeepsAck => slot.ack, 0);
        (field, LinkSlot { ack, ..slot.clone() })
    });
    let slots = Slots::from_slots(slots.collect());
    Link { slots, intents: Vec::new(), parked: None, ..link.clone() }
}

/// Returns the side on which a record was merged into that of another entity.
pub(super) fn merged_away(seen: &[Seen]) -> Option<(usize, RemoteId)> {
    seen.iter().enumerate().find_map(|(index, seen)| match seen {
        Seen::MergedInto { into, taken: true } => Some((index, into.clone())),
        Seen::MergedInto { taken: false, .. }
        | Seen::Unread
        | Seen::Fresh(_)
        | Seen::Listed(_)
        | Seen::Gone
        | Seen::Absent
        | Seen::Closed => None,
    })
}

impl Session<'_> {
    /// Makes an entity part of the one that has the record into which its own was merged.
    pub(super) async fn absorb(
        &mut self,
        rules: &Rules,
        job: &Job,
        side: usize,
        into: &RemoteId,
    ) -> Result<Absorbed, EngineError> {
        let Some(side) = rules.sides.get(side) else { return Ok(Absorbed::No) };
        let ids = std::slice::from_ref(into);
        let owner = self.engine.store.links(&side.provider, rules.kind, ids).await?;
        let Some(owner) = owner.into_iter().flatten().next() else { return Ok(Absorbed::No) };
        let Some(winner) = self.at_last(owner.entity).await? else { return Ok(Absorbed::No) };
        let loser = &job.entity;
        if let EntityState::Held { of: None, .. } = winner.state
            && winner.links.len() == 1
        {
            return self.inherit_held(rules, job, (&side.provider, into), winner).await;
        }
        if winner.id == loser.id || winner.state != EntityState::Live {
            return Ok(Absorbed::No);
        }
        let others = || loser.links.iter().filter(|link| link.provider != side.provider);
        let open =
            |link: &Link| link.is_open() || winner.link(&link.provider).is_some_and(Link::is_open);
        if others().any(open) {
            return Ok(Absorbed::Later);
        }
        let now = self.now();
        let mark = Mark { due: now, attempts: 0 };
        let mut commit = Commit {
            expected: vec![(loser.id, loser.row_version), (winner.id, winner.row_version)],
            fences: job.fence.map(|fence| (loser.id, fence)).into_iter().collect(),
            mutations: vec![Mutation::Keys {
                entity: loser.id,
                kind: rules.kind,
                remove: crate::decide::key_hashes(loser),
                add: Vec::new(),
            }],
        };
        if let Some(link) = loser.link(&side.provider) {
            let state = LinkState::Merged { into: into.clone() };
            let (observed, claim, intents) = (None, None, Vec::new());
            let link = Link { state, observed, claim, intents, ..link.clone() };
            commit.mutations.push(Mutation::Link(loser.id, Box::new(link)));
        }
        let mut stays = false;
        for link in others() {
            if !link.is_live() || mutant!(MovedBehind) {
                // Should the record come back, it is known whose it was.
            } else if winner.link(&link.provider).is_some_and(Link::is_live) {
                stays = true;
                // A record that was found for it just now is known to nobody else.
                commit.mutations.push(Mutation::Link(loser.id, Box::new(link.clone())));
            } else {
                let moved = moved(link, &winner);
                commit.mutations.push(Mutation::Unlink(loser.id, link.provider.clone()));
                commit.mutations.push(Mutation::Link(winner.id, Box::new(moved)));
            }
        }
        let mut rest = loser.clone();
        rest.links.clear();
        rest.mark = None;
        rest.state = if stays {
            EntityState::Held { reason: DUPLICATE.to_owned(), of: Some(winner.id) }
        } else {
            EntityState::Merged { into: winner.id }
        };
        commit.mutations.push(Mutation::Entity(Box::new(rest)));
        commit.mutations.push(Mutation::Mark(winner.id, Some(mark)));
        match self.engine.store.commit(commit).await {
            Ok(()) => Ok(Absorbed::Yes),
            // Somebody else changed one of the two: both are looked at again.
            Err(StoreError::Raced) => Ok(Absorbed::Later),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a record that waits, since nobody knew whose it is, to the entity whose own record was
    /// merged into it.
    async fn inherit_held(
        &self,
        rules: &Rules,
        job: &Job,
        (provider, into): (&ProviderId, &RemoteId),
        held: Entity,
    ) -> Result<Absorbed, EngineError> {
        let heir = &job.entity;
        let (Some(old), Some(found)) = (heir.link(provider), held.link(provider)) else {
            return Ok(Absorbed::No);
        };
        let alias = old.remote.clone().map(|old| {
            let (provider, kind, new) = (provider.clone(), rules.kind, into.clone());
            Mutation::Alias { provider, kind, old, new }
        });
        // What is there now may be of either: it is met for the first time.
        let link = Link { slots: Slots::default(), observed: None, ..found.clone() };
        let mut rest = held.clone();
        rest.links.clear();
        rest.mark = None;
        rest.state = EntityState::Merged { into: heir.id };
        let remove = crate::decide::key_hashes(&held);
        let mut mutations = vec![
            Mutation::Keys { entity: held.id, kind: rules.kind, remove, add: Vec::new() },
            Mutation::Unlink(held.id, provider.clone()),
            Mutation::Entity(Box::new(rest)),
            Mutation::Link(heir.id, Box::new(link)),
            Mutation::Mark(heir.id, Some(Mark { due: self.now(), attempts: 0 })),
        ];
        mutations.extend(alias);
        let commit = Commit {
            expected: vec![(heir.id, heir.row_version), (held.id, held.row_version)],
            fences: job.fence.map(|fence| (heir.id, fence)).into_iter().collect(),
            mutations,
        };
        match self.engine.store.commit(commit).await {
            Ok(()) => Ok(Absorbed::Yes),
            Err(StoreError::Raced) => Ok(Absorbed::Later),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks again at the records of a duplicate: those that were merged or deleted meanwhile
    /// wait no longer.
    pub(super) async fn settle_duplicate(
        &mut self,
        rules: &Rules,
        entity: &Entity,
        of: EntityId,
        fence: u64,
    ) -> Result<(), EngineError> {
        let mut commit = Commit {
            expected: vec![(entity.id, entity.row_version)],
            fences: vec![(entity.id, fence)],
            ..Commit::default()
        };
        let winner = self.at_last(of).await?.filter(|winner| winner.state == EntityState::Live);
        let mut left = 0;
        for link in &entity.links {
            let side = rules.side(&link.provider).and_then(|side| rules.sides.get(side));
            let (Some(side), Some(id)) = (side, &link.remote) else { continue };
            if matches!(link.state, LinkState::Merged { .. }) {
                continue;
            }
            let Some(found) = self.get_one(rules, side, id).await? else {
                let due = self.due_after_pause(&side.provider);
                return self.postpone(entity, fence, due).await;
            };
            let state = match found {
                Lookup::Found(_) => LinkState::Live,
                Lookup::MergedInto(into) => LinkState::Merged { into },
                Lookup::Archived | Lookup::Gone => LinkState::Gone { at: self.now() },
            };
            let known = Link { observed: None, state, ..link.clone() };
            match &winner {
                Some(winner) if known.is_live() && winner.link(&link.provider).is_none() => {
                    commit.expected.push((winner.id, winner.row_version));
                    let moved = Box::new(moved(&known, winner));
                    commit.mutations.push(Mutation::Unlink(entity.id, link.provider.clone()));
                    commit.mutations.push(Mutation::Link(winner.id, moved));
                    let mark = Mark { due: self.now(), attempts: 0 };
                    commit.mutations.push(Mutation::Mark(winner.id, Some(mark)));
                }
                Some(_) | None => {
                    left += u64::from(known.is_live());
                    commit.mutations.push(Mutation::Link(entity.id, Box::new(known)));
                }
            }
        }
        let mut row = entity.clone();
        row.links.clear();
        row.mark = None;
        row.state = if left == 0 {
            EntityState::Merged { into: of }
        } else {
            EntityState::Held { reason: DUPLICATE.to_owned(), of: Some(of) }
        };
        commit.mutations.push(Mutation::Entity(Box::new(row)));
        match self.engine.store.commit(commit).await {
            Ok(()) | Err(StoreError::Raced) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
