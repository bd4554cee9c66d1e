//! Records that exist already where one was about to be made.
//!
//! Before a create, people are looked up by address and companies by domain, since somebody may
//! have typed them in a moment ago; and when a provider says "exists already", that record is tied to the entity if
//! it is the same person, and the create is parked if it is not.

use crm_core::{Action, KeyKind, Lookup, MatchKey, Remote, RemoteId};
use crm_store::{
    Commit, Entity, EntityState, KeyHash, Link, Mark, Mutation, Parked, Resolved, Trait,
};

use super::Session;
use super::intake::observed_link;
use super::work::Job;
use crate::decide::identity::{self, Match};
use crate::decide::journal;
use crate::topology::Side;
use crate::{EngineError, Rules};

/// Where a record that exists already belongs.
enum Owner {
    /// It can be tied to the entity at hand, taken from nobody.
    Free,
    /// It is held in doubt by an entity of its own, which gives it up.
    Held(Box<Entity>),
    /// It belongs to somebody else.
    Taken,
}

impl Session<'_> {
    /// Looks for people and companies that are about to be made, and ties those that are there.
    pub(super) async fn adopt_twins(
        &mut self,
        rules: &Rules,
        jobs: &mut [Job],
    ) -> Result<(), EngineError> {
        for (index, side) in rules.sides.iter().enumerate() {
            let wanted: Vec<(usize, MatchKey)> = jobs
                .iter()
                .enumerate()
                .filter_map(|(at, job)| Some((at, key_of_create(rules, job, index)?)))
                .filter(|(_, key)| side.capability.find_by.contains(&key.kind()))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let keys: Vec<MatchKey> = wanted.iter().map(|(_, key)| key.clone()).collect();
            let found = match self.provider(&side.provider)?.find(rules.kind, &keys).await {
                Ok(found) => found,
                Err(error) => {
                    self.pause(&side.provider, error)?;
                    let jobs = jobs.iter_mut().filter(|job| makes(job, index));
                    jobs.for_each(|job| hold_back(job, index, side));
                    continue;
                }
            };
            self.tally.read(&side.provider, keys.len(), side.capability.read_max.get());
            for (at, key) in wanted {
                let Some(job) = jobs.get_mut(at) else { continue };
                let same = |r: &&Remote| identity::keys_of(rules.kind, &r.fields).contains(&key);
                let mut same: Vec<&Remote> = found.iter().filter(same).collect();
                if !identity::is_unique(&key) {
                    same = self.untied(rules, side, job, same).await?;
                }
                match same.as_slice() {
                    [] => {}
                    [remote] => self.adopt_before(rules, index, job, remote).await?,
                    _ => self.withhold(index, side, job),
                }
            }
        }
        Ok(())
    }

    /// Leaves out the records of others: who shares no more than a domain with them is their
    /// namesake.
    async fn untied<'r>(
        &self,
        rules: &Rules,
        side: &Side,
        job: &Job,
        remotes: Vec<&'r Remote>,
    ) -> Result<Vec<&'r Remote>, EngineError> {
        let mut untied = Vec::with_capacity(remotes.len());
        for remote in remotes {
            match self.owner(rules, side, &job.entity, &remote.id).await? {
                Owner::Free | Owner::Held(_) => untied.push(remote),
                Owner::Taken => {}
            }
        }
        Ok(untied)
    }

    async fn adopt_before(
        &mut self,
        rules: &Rules,
        index: usize,
        job: &mut Job,
        remote: &Remote,
    ) -> Result<(), EngineError> {
        let Some(side) = rules.sides.get(index) else {
            return Ok(());
        };
        match self.owner(rules, side, &job.entity, &remote.id).await? {
            Owner::Taken => {
                self.withhold(index, side, job);
                return Ok(());
            }
            Owner::Held(_) if self.planning || self.carrying.is_some() => {
                // Who it is must be settled by a sync first.
                job.decision = None;
                return Ok(());
            }
            Owner::Held(other) => self.give_up(&other, job.entity.id).await?,
            Owner::Free => {}
        }
        let ours = journal::found(&job.entity, side, remote, (self.run, self.now()));
        job.entity.set_link(observed_link(side, remote, self.now()));
        self.tally.kind(rules.kind).linked += u64::from(ours.is_none());
        self.decide(rules, std::slice::from_mut(job)).await?;
        if let Some(decision) = &mut job.decision {
            decision.journal.extend(ours);
        }
        if let Some(decision) = &mut job.decision
            && let Some(changed) = decision.links_changed.get_mut(index)
        {
            *changed = true;
        }
        Ok(())
    }

    /// Takes back a create that would make a second record with an address that is somebody's. One
    /// that was announced before the entity had another address is announced anew.
    fn withhold(&self, index: usize, side: &Side, job: &mut Job) {
        let now = self.now();
        let Some(decision) = &mut job.decision else { return };
        decision.writes.retain(|(side, _)| *side != index);
        let outdated = is_outdated(&decision.entity, side);
        if outdated {
            decision.later = Some(decision.later.map_or(now, |known| known.min(now)));
        } else {
            decision.skipped.push((index, "duplicate".to_owned()));
        }
        let version = decision.entity.version;
        if let Some(link) = decision.entity.link_mut(&side.provider) {
            link.claim = None;
            link.parked = (!outdated).then(|| duplicate(side, version, now));
        }
        if let Some(changed) = decision.links_changed.get_mut(index) {
            *changed = true;
        }
    }

    /// Ties the record that stands in the way of a create, if it is the same person. Returns the
    /// mark under which the entity is looked at again.
    pub(super) async fn adopt(
        &mut self,
        rules: &Rules,
        index: usize,
        job: &mut Job,
        existing: Option<RemoteId>,
    ) -> Result<Option<Mark>, EngineError> {
        let now = self.now();
        let Some(side) = rules.sides.get(index) else {
            return Ok(None);
        };
        let remote = match self.standing_in_the_way(rules, side, job, existing).await {
            Ok(remote) => remote,
            Err(EngineError::Provider(error)) => {
                self.pause(&side.provider, error)?;
                let due = self.due_after_pause(&side.provider);
                return Ok(Some(Mark { due, attempts: job.attempts.max(1) }));
            }
            Err(error) => return Err(error),
        };
        let keys = identity::keys(&job.entity);
        let same = remote.filter(|remote| {
            crate::decide::share_key(&keys, &identity::keys_of(rules.kind, &remote.fields))
        });
        if let Some(remote) = same {
            let owner = self.owner(rules, side, &job.entity, &remote.id).await?;
            if !matches!(owner, Owner::Taken) {
                if let Owner::Held(other) = owner {
                    self.give_up(&other, job.entity.id).await?;
                }
                let ours = journal::found(&job.entity, side, &remote, (self.run, now));
                self.tally.kind(rules.kind).linked += u64::from(ours.is_none());
                self.tally.learned(ours.as_slice());
                job.journal.extend(ours);
                job.entity.set_link(observed_link(side, &remote, now));
                return Ok(Some(Mark { due: now, attempts: job.attempts + 1 }));
            }
        }
        let version = job.entity.version;
        let outdated = is_outdated(&job.entity, side);
        if let Some(link) = job.entity.link_mut(&side.provider) {
            link.claim = None;
            link.parked = (!outdated).then(|| duplicate(side, version, now));
        }
        Ok(outdated.then(|| Mark { due: now, attempts: job.attempts + 1 }))
    }

    async fn standing_in_the_way(
        &mut self,
        rules: &Rules,
        side: &Side,
        job: &Job,
        existing: Option<RemoteId>,
    ) -> Result<Option<Remote>, EngineError> {
        let provider = self.provider(&side.provider)?;
        let most = side.capability.read_max.get();
        if let Some(id) = existing {
            self.tally.read(&side.provider, 1, most);
            let ids = [id];
            let lookup = provider.get(rules.kind, &ids).await?.into_iter().next();
            return Ok(match lookup {
                Some(Lookup::Found(remote)) => Some(remote),
                Some(Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone) | None => None,
            });
        }
        let keys: Vec<MatchKey> = identity::keys(&job.entity)
            .into_iter()
            .filter(|key| matches!(key, MatchKey::Email(_)))
            .collect();
        if keys.is_empty() || !side.capability.find_by.contains(&KeyKind::Email) {
            return Ok(None);
        }
        self.tally.read(&side.provider, 1, most);
        let mut found = provider.find(rules.kind, &keys).await?.into_iter();
        match (found.next(), found.next()) {
            (Some(remote), None) => Ok(Some(remote)),
            (Some(_) | None, _) => Ok(None),
        }
    }

    async fn owner(
        &self,
        rules: &Rules,
        side: &Side,
        entity: &Entity,
        id: &RemoteId,
    ) -> Result<Owner, EngineError> {
        let it = Trait::Record(side.provider.clone(), id.clone());
        if self.engine.store.erased(rules.kind, &[it]).await?.contains(&true) {
            // It is left alone, whoever it was.
            return Ok(Owner::Taken);
        }
        let ids = std::slice::from_ref(id);
        let found = self.engine.store.links(&side.provider, rules.kind, ids).await?;
        let Some(Resolved { entity: owner, .. }) = found.into_iter().flatten().next() else {
            return Ok(Owner::Free);
        };
        if owner == entity.id {
            return Ok(Owner::Free);
        }
        let other = self.engine.store.entities(&[owner]).await?.into_iter().flatten().next();
        Ok(match other {
            // The record of a duplicate goes only to the entity of which it is one.
            Some(other) if matches!(other.state, EntityState::Held { of: None, .. }) => {
                Owner::Held(Box::new(other))
            }
            Some(_) | None => Owner::Taken,
        })
    }

    /// Lets an entity in doubt become part of another one.
    async fn give_up(&self, held: &Entity, into: crm_core::EntityId) -> Result<(), EngineError> {
        self.engine.store.commit(dissolve(held, into)).await?;
        Ok(())
    }

    /// Looks again at a record whose match was in doubt.
    pub(super) async fn reconsider(
        &mut self,
        rules: &Rules,
        entity: Entity,
        fence: u64,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let first = entity.links.first();
        let side = first.and_then(|link| rules.sides.get(rules.side(&link.provider)?));
        let record = first.and_then(|link| link.remote.clone());
        let (Some(known), Some(side), Some(id)) = (first, side, record) else {
            return self.drop_mark(&entity, fence).await;
        };
        // The row may have been listed long ago.
        let Some(found) = self.get_one(rules, side, &id).await? else {
            let due = self.due_after_pause(&side.provider);
            return self.postpone(&entity, fence, due).await;
        };
        let link = match found {
            Lookup::Found(remote) => {
                Link { slots: known.slots.clone(), ..observed_link(side, &remote, now) }
            }
            Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone => {
                Link { observed: None, ..known.clone() }
            }
        };
        let Some(observed) = link.observed.clone() else {
            // The record is gone: there is nobody left to be in doubt about.
            return self.free(rules, &entity, link, fence).await;
        };
        let hashes: Vec<KeyHash> =
            identity::keys_of(rules.kind, &observed.fields).iter().map(KeyHash::of).collect();
        let found = self.engine.store.candidates(rules.kind, &hashes).await?;
        let mut ids: Vec<_> = found.into_iter().flatten().filter(|id| *id != entity.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let others: Vec<Entity> =
            self.engine.store.entities(&ids).await?.into_iter().flatten().collect();
        let candidates: Vec<&Entity> = others.iter().collect();
        let mut commit = Commit { fences: vec![(entity.id, fence)], ..Commit::default() };
        let mark = Mark { due: now, attempts: 0 };
        match identity::matching(rules.kind, &observed.fields, &link.provider, &candidates) {
            Match::One(index) => {
                let Some(other) = others.get(index) else {
                    return Ok(());
                };
                commit = dissolve(&entity, other.id);
                commit.fences.push((entity.id, fence));
                commit.expected.push((other.id, other.row_version));
                commit.mutations.push(Mutation::Link(other.id, Box::new(link)));
                let mut kept = other.clone();
                kept.links.clear();
                kept.state = EntityState::Live;
                kept.mark = Some(mark);
                commit.mutations.push(Mutation::Entity(Box::new(kept)));
                self.tally.kind(rules.kind).linked += 1;
            }
            Match::Nobody => return self.free(rules, &entity, link, fence).await,
            Match::Pending(_) => {
                let due = super::after(now, std::time::Duration::from_secs(30));
                commit.mutations.push(Mutation::Link(entity.id, Box::new(link)));
                commit.mutations.push(Mutation::Mark(entity.id, Some(Mark { due, attempts: 1 })));
            }
            Match::Doubt(reason) => {
                commit.expected.push((entity.id, entity.row_version));
                let mut held = entity.clone();
                held.links.clear();
                held.state = EntityState::held(reason);
                held.mark = None;
                commit.mutations.push(Mutation::Link(entity.id, Box::new(link)));
                commit.mutations.push(Mutation::Entity(Box::new(held)));
            }
        }
        self.engine.store.commit(commit).await?;
        Ok(())
    }

    /// Makes an entity of which nobody is in doubt any more an ordinary one.
    async fn free(
        &self,
        rules: &Rules,
        entity: &Entity,
        link: Link,
        fence: u64,
    ) -> Result<(), EngineError> {
        let mut freed = entity.clone();
        freed.set_link(link.clone());
        let add = crate::decide::key_hashes(&freed);
        freed.links.clear();
        freed.state = EntityState::Live;
        freed.mark = Some(Mark { due: self.now(), attempts: 0 });
        let keys = Mutation::Keys { entity: entity.id, kind: rules.kind, remove: Vec::new(), add };
        self.engine
            .store
            .commit(Commit {
                expected: vec![(entity.id, entity.row_version)],
                fences: vec![(entity.id, fence)],
                mutations: vec![
                    Mutation::Link(entity.id, Box::new(link)),
                    Mutation::Entity(Box::new(freed)),
                    keys,
                ],
            })
            .await?;
        Ok(())
    }

    async fn drop_mark(&self, entity: &Entity, fence: u64) -> Result<(), EngineError> {
        let fences = vec![(entity.id, fence)];
        let mutations = vec![Mutation::Mark(entity.id, None)];
        self.engine.store.commit(Commit { fences, mutations, ..Commit::default() }).await?;
        Ok(())
    }
}

fn duplicate(side: &Side, version: u64, at: jiff::Timestamp) -> Parked {
    Parked {
        class: "duplicate".to_owned(),
        message: format!("{} has another record with a value that must be unique", side.provider),
        remedy: "merge the two records there, or correct the value".to_owned(),
        version,
        at,
        details: None,
    }
}

/// Returns whether a job is about to make a record at a side.
fn makes(job: &Job, index: usize) -> bool {
    let writes = job.decision.iter().flat_map(|decision| &decision.writes);
    let mut here = writes.filter(|(side, _)| *side == index);
    here.any(|(_, write)| matches!(write.action, Action::Create { .. }))
}

/// Lets a create wait until its side takes calls again.
fn hold_back(job: &mut Job, index: usize, side: &Side) {
    let Some(decision) = &mut job.decision else { return };
    decision.writes.retain(|(side, _)| *side != index);
    match job.entity.link(&side.provider) {
        Some(link) => decision.entity.set_link(link.clone()),
        None => decision.entity.links.retain(|link| link.provider != side.provider),
    }
    if let Some(changed) = decision.links_changed.get_mut(index) {
        *changed = false;
    }
    decision.closed.push(index);
}

/// Ends an entity in doubt: its record is tied elsewhere from now on.
fn dissolve(held: &Entity, into: crm_core::EntityId) -> Commit {
    let mut mutations: Vec<Mutation> =
        held.links.iter().map(|link| Mutation::Unlink(held.id, link.provider.clone())).collect();
    mutations.push(Mutation::Keys {
        entity: held.id,
        kind: held.kind,
        remove: crate::decide::key_hashes(held),
        add: Vec::new(),
    });
    let mut gone = held.clone();
    gone.links.clear();
    gone.mark = None;
    gone.state = EntityState::Merged { into };
    mutations.push(Mutation::Entity(Box::new(gone)));
    Commit { expected: vec![(held.id, held.row_version)], fences: Vec::new(), mutations }
}

/// Returns whether a create was announced under an address or domain that the entity has no more.
fn is_outdated(entity: &Entity, side: &Side) -> bool {
    let Some(claim) = entity.link(&side.provider).and_then(|link| link.claim.as_ref()) else {
        return false;
    };
    let fields = claim.fields.iter().map(|(field, value, _)| (*field, value.clone()));
    let sent = identity::keys_of(entity.kind, &fields.collect());
    let sent: Vec<MatchKey> = sent.into_iter().filter(names_one).collect();
    !sent.is_empty() && !crate::decide::share_key(&sent, &identity::keys(entity))
}

/// Returns whether a CRM keeps a second record with such a key out, or should.
fn names_one(key: &MatchKey) -> bool {
    matches!(key.kind(), KeyKind::Email | KeyKind::Domain)
}

/// Returns the key by which a record that is about to be made would be found.
fn key_of_create(rules: &Rules, job: &Job, side: usize) -> Option<MatchKey> {
    let decision = job.decision.as_ref()?;
    let (_, write) = decision.writes.iter().find(|(known, _)| *known == side)?;
    let Action::Create { fields, .. } = &write.action else {
        return None;
    };
    identity::keys_of(rules.kind, fields).into_iter().find(names_one)
}
