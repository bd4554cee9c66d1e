//! Reading feeds. Intake only writes down: a hint becomes a mark, a listed row a link with its
//! observation and a mark, in one commit with the cursor. Nothing is decided about values here.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Change, Cursor, EntityId, Feed, Lookup, Remote, RemoteId, mutant};
use crm_store::{
    Commit, Entity, EntityState, KeyHash, Link, LinkState, Mark, Observation, Resolved, Stage,
    StoreError,
};

use super::Session;
use super::notes::Notes;
#[cfg(crm_mutants)]
use super::notes::cursor_of;
use crate::decide::identity::{self, Match};
use crate::decide::journal;
use crate::event::{Event, Phase};
use crate::topology::Side;
use crate::{EngineError, Rules};

/// How often a page is taken in again because somebody else changed an entity meanwhile.
const RACES_MAX: usize = 8;

/// How long a record waits that looks like one whose create is under way.
const PENDING_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

impl Session<'_> {
    /// Reads one feed of all connections to its end.
    pub(super) async fn poll(&mut self, rules: &Rules, feed: Feed) -> Result<(), EngineError> {
        self.phase(rules.kind, Phase::Poll);
        for side in &rules.sides {
            self.feed(rules, side, feed).await?;
        }
        Ok(())
    }

    pub(super) async fn feed(
        &mut self,
        rules: &Rules,
        side: &Side,
        feed: Feed,
    ) -> Result<(), EngineError> {
        let name = feed.cursor_name();
        let mut cursor = self.engine.store.cursor(&side.provider, rules.kind, name).await?;
        while self.resume(&side.provider).await {
            match self.page(rules, side, feed, cursor.as_ref()).await {
                Ok((next, true)) => cursor = Some(next),
                Ok((_, false)) => return Ok(()),
                // The page is read again, now or in another run.
                Err(EngineError::Provider(error)) => self.pause(&side.provider, error)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads one page; returns where the next one begins, and whether there is one.
    async fn page(
        &mut self,
        rules: &Rules,
        side: &Side,
        feed: Feed,
        cursor: Option<&Cursor>,
    ) -> Result<(Cursor, bool), EngineError> {
        let provider = self.provider(&side.provider)?;
        let page = provider.changes(rules.kind, feed, cursor).await?;
        self.tally.listed(&side.provider, 1);
        let rows = page.changes.len();
        self.tally.kind(rules.kind).processed += u64::try_from(rows).unwrap_or(u64::MAX);
        let (next, more) = (page.next.clone(), page.more);
        let stored = Some((feed.cursor_name(), page.next));
        self.take_in(rules, side, &page.changes, stored).await?;
        let provider = side.provider.clone();
        self.progress.event(&Event::Page { provider, kind: rules.kind, rows });
        Ok((next, more))
    }

    /// Takes in rows of a feed, and where it goes on under a name.
    pub(super) async fn take_in(
        &mut self,
        rules: &Rules,
        side: &Side,
        changes: &[Change],
        cursor: Option<(&'static str, Cursor)>,
    ) -> Result<(), EngineError> {
        for _ in 0..RACES_MAX {
            let commit = self.note(rules, side, changes, cursor.clone()).await?;
            mutant!(CursorBeforeRows, self.engine.store.commit(cursor_of(&commit)).await?);
            match self.engine.store.commit(commit).await {
                Err(StoreError::Raced) => {}
                done => return Ok(done?),
            }
        }
        Err(StoreError::Raced.into())
    }

    /// Turns a page into a commit.
    async fn note(
        &mut self,
        rules: &Rules,
        side: &Side,
        changes: &[Change],
        cursor: Option<(&'static str, Cursor)>,
    ) -> Result<Commit, EngineError> {
        let now = self.now();
        let known = self.known(rules, side, changes).await?;
        let rows = changes.iter().filter_map(|change| match change {
            Change::Observed(remote) => known.contains_key(&remote.id).then_some(remote),
            Change::Touched { .. } | Change::Missing { .. } | Change::Merged { .. } => None,
        });
        let index = rules.side(&side.provider).unwrap_or_default();
        let ours = self.in_our_terms(rules, index, rows).await?;
        let refers = rules.references().next().is_some();
        let mut notes = Notes::default();
        let mut newcomers: Vec<&Remote> = Vec::new();
        let mut unread: Vec<RemoteId> = Vec::new();
        for change in changes {
            match change {
                Change::Touched { id, version } => match known.get(id) {
                    None => unread.push(id.clone()),
                    Some(found) => {
                        let exact = side.capability.detection.version_is_exact();
                        let exact = exact || mutant!(CoarseVersion);
                        let same = version.is_some() && found.link.version == *version;
                        if !(exact && same && found.link.is_live()) {
                            notes.hint(found);
                        }
                    }
                },
                Change::Missing { .. } if mutant!(DeletionsUnread) => {}
                Change::Missing { id } => {
                    if let Some(found) = known.get(id).filter(|found| found.link.is_live()) {
                        notes.hint(found);
                    }
                }
                Change::Merged { winner, losers } => {
                    let ids = losers.iter().chain([winner]);
                    for found in ids.filter_map(|id| known.get(id)) {
                        notes.hint(found);
                    }
                }
                Change::Observed(remote) => {
                    for alias in &remote.aliases {
                        let moved =
                            known.get(alias).filter(|f| f.link.remote.as_ref() == Some(alias));
                        notes.marks.extend(moved.map(|found| found.entity));
                    }
                    match known.get(&remote.id).cloned() {
                        None => newcomers.push(remote),
                        Some(found) => {
                            let ours = if refers { ours.get(&remote.id) } else { Some(remote) };
                            let same = ours
                                .is_some_and(|ours| same_values(rules, side, &found.link, ours));
                            let unchanged = observe(&mut notes, found, remote, same, now);
                            self.tally.kind(rules.kind).unchanged += u64::from(unchanged);
                        }
                    }
                }
            }
        }
        unread.sort_unstable();
        unread.dedup();
        self.leave_out_erased_ids(rules, side, &mut unread).await?;
        let read = self.read_unknown(rules, side, &unread).await?;
        newcomers.extend(&read);
        self.leave_out_erased(rules, side, &mut newcomers).await?;
        let newcomers = self.survivors(rules, side, newcomers, &mut notes).await?;
        let snapshot = self.engine.store.stage(rules.kind).await? == Stage::Snapshot;
        self.found(rules, side, &newcomers, snapshot, &mut notes).await?;
        Ok(notes.into_commit(rules, side, cursor, now))
    }

    async fn known(
        &self,
        rules: &Rules,
        side: &Side,
        changes: &[Change],
    ) -> Result<BTreeMap<RemoteId, Resolved>, EngineError> {
        let mut ids = BTreeSet::new();
        for change in changes {
            match change {
                Change::Observed(remote) => {
                    ids.insert(remote.id.clone());
                    ids.extend(remote.aliases.iter().cloned());
                }
                Change::Touched { id, .. } | Change::Missing { id } => {
                    ids.insert(id.clone());
                }
                Change::Merged { winner, losers } => {
                    ids.insert(winner.clone());
                    ids.extend(losers.iter().cloned());
                }
            }
        }
        let ids: Vec<RemoteId> = ids.into_iter().collect();
        let found = self.engine.store.links(&side.provider, rules.kind, &ids).await?;
        Ok(ids.into_iter().zip(found).filter_map(|(id, found)| Some((id, found?))).collect())
    }

    /// Reads records that a hint named and nobody knows.
    async fn read_unknown(
        &mut self,
        rules: &Rules,
        side: &Side,
        ids: &[RemoteId],
    ) -> Result<Vec<Remote>, EngineError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let lookups = self.provider(&side.provider)?.get(rules.kind, ids).await?;
        self.tally.read(&side.provider, ids.len(), side.capability.read_max.get());
        let found = lookups.into_iter().filter_map(|lookup| match lookup {
            Lookup::Found(remote) => Some(remote),
            Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone => None,
        });
        Ok(found.collect())
    }

    /// Finds out whose the new records are.
    async fn found(
        &mut self,
        rules: &Rules,
        side: &Side,
        newcomers: &[&Remote],
        snapshot: bool,
        notes: &mut Notes,
    ) -> Result<(), EngineError> {
        if newcomers.is_empty() {
            return Ok(());
        }
        let uids = newcomers.iter().filter_map(|remote| remote.uid.as_ref()?.entity());
        self.load(uids.collect(), notes).await?;
        if !snapshot {
            self.load_by_key(rules, newcomers, notes).await?;
        }
        self.name(rules, side, newcomers, notes).await?;
        let now = self.now();
        for remote in newcomers {
            let ours = !snapshot && is_stray(notes, side, remote);
            place(notes, rules, side, remote, snapshot, now, &mut self.tally);
            let tied = |entity: &&Entity| {
                let link = entity.link(&side.provider);
                link.is_some_and(|link| link.remote.as_ref() == Some(&remote.id))
            };
            if let Some(entity) = notes.entities.values().find(tied).filter(|_| ours) {
                let row = journal::stray(entity, side, remote.id.clone(), (self.run, now));
                notes.journal.push(row);
            }
        }
        Ok(())
    }

    /// Chooses the ids of the entities that new records may found. A record that founded one
    /// before, and lost it to another, founds a new one. Where only a copy is known yet, since the
    /// ledger is built anew and the copy carries the id, the record comes home.
    async fn name(
        &self,
        rules: &Rules,
        side: &Side,
        newcomers: &[&Remote],
        notes: &mut Notes,
    ) -> Result<(), EngineError> {
        let founded =
            |id: &RemoteId| EntityId::founded(&rules.tenant, &side.provider, rules.kind, id);
        let mut open: Vec<(&RemoteId, EntityId)> =
            newcomers.iter().map(|remote| (&remote.id, founded(&remote.id))).collect();
        while !open.is_empty() {
            let ids: Vec<EntityId> = open.iter().map(|(_, id)| *id).collect();
            let taken = self.engine.store.entities(&ids).await?;
            let mut again = Vec::new();
            for ((remote, id), taken) in open.into_iter().zip(taken) {
                match taken {
                    Some(entity) if !is_home(&entity, side) => again.push((remote, id.again())),
                    Some(entity) => {
                        notes.names.insert(remote.clone(), id);
                        if !notes.entities.contains_key(&id) {
                            notes.keep(entity);
                        }
                    }
                    None => {
                        notes.names.insert(remote.clone(), id);
                    }
                }
            }
            open = again;
        }
        Ok(())
    }

    async fn load_by_key(
        &self,
        rules: &Rules,
        newcomers: &[&Remote],
        notes: &mut Notes,
    ) -> Result<(), EngineError> {
        let mut hashes: Vec<KeyHash> = newcomers
            .iter()
            .flat_map(|remote| identity::keys_of(rules.kind, &remote.fields))
            .map(|key| KeyHash::of(&key))
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        let found = self.engine.store.candidates(rules.kind, &hashes).await?;
        let mut ids: Vec<EntityId> = found.into_iter().flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        self.load(ids, notes).await
    }

    async fn load(&self, ids: Vec<EntityId>, notes: &mut Notes) -> Result<(), EngineError> {
        let missing: Vec<EntityId> =
            ids.into_iter().filter(|id| !notes.entities.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for entity in self.engine.store.entities(&missing).await?.into_iter().flatten() {
            notes.keep(entity);
        }
        Ok(())
    }
}

/// Notes a row of a record that is linked; returns whether nothing changed. `same` says whether
/// its values are those that are known.
fn observe(
    notes: &mut Notes,
    found: Resolved,
    remote: &Remote,
    same: bool,
    now: jiff::Timestamp,
) -> bool {
    let mut link = found.link;
    if link.remote.as_ref() != Some(&remote.id) {
        // Another record of the same one: what it shows is not what this link is about.
        notes.marks.insert(found.entity);
        return false;
    }
    if link.is_live() && link.observed.is_none() && same {
        return true;
    }
    link.observed = Some(observation(remote, now));
    link.version.clone_from(&remote.version);
    link.modified_at = remote.modified_at;
    notes.marks.insert(found.entity);
    notes.links.push((found.entity, link));
    false
}

fn same_values(rules: &Rules, side: &Side, link: &Link, remote: &Remote) -> bool {
    rules.fields.iter().all(|plan| {
        let field = plan.field;
        side.capability.rule(field).is_none()
            || remote.read.binary_search(&field).is_err()
            || link.slots.slot(field).is_some_and(|slot| slot.shadow.is(remote.fields.get(field)))
    })
}

pub(super) fn observation(remote: &Remote, now: jiff::Timestamp) -> Observation {
    Observation {
        fields: remote.fields.clone(),
        read: std::sync::Arc::clone(&remote.read),
        at: now,
    }
}

pub(super) fn observed_link(side: &Side, remote: &Remote, now: jiff::Timestamp) -> Link {
    let mut link = Link::new(side.provider.clone(), remote.id.clone());
    link.version.clone_from(&remote.version);
    link.modified_at = remote.modified_at;
    link.observed = Some(observation(remote, now));
    link
}

/// Finds the place of one new record.
fn place(
    notes: &mut Notes,
    rules: &Rules,
    side: &Side,
    remote: &Remote,
    snapshot: bool,
    now: jiff::Timestamp,
    tally: &mut super::tally::Tally,
) {
    notes.keyless = snapshot;
    let link = observed_link(side, remote, now);
    let ours = remote.uid.as_ref().and_then(crm_core::Uid::entity);
    match ours.and_then(|id| tie(notes, id, side, &link)) {
        Some(true) => return,
        Some(false) => {
            found_entity(notes, rules, side, remote, link, Some("duplicate_uid"), now);
            return;
        }
        None => {}
    }
    let home = notes.names.get(&remote.id).copied();
    if home.and_then(|id| tie(notes, id, side, &link)) == Some(true) {
        return;
    }
    if snapshot {
        found_entity(notes, rules, side, remote, link, None, now);
        return;
    }
    let candidates = notes.candidates(rules.kind, &remote.fields);
    match identity::matching(rules.kind, &remote.fields, &side.provider, &candidates) {
        Match::Nobody => {
            found_entity(notes, rules, side, remote, link, None, now);
        }
        Match::Doubt(reason) => {
            found_entity(notes, rules, side, remote, link, Some(reason), now);
        }
        Match::Pending(_) => {
            mutant!(DiscoveryDropped, return);
            let id =
                found_entity(notes, rules, side, remote, link, Some("waiting_for_create"), now);
            let due = super::after(now, PENDING_WAIT);
            notes.later.insert(id, Mark { due, attempts: 0 });
        }
        Match::One(index) => {
            let Some(id) = candidates.get(index).map(|entity| entity.id) else {
                return;
            };
            if let Some(entity) = notes.entities.get_mut(&id) {
                entity.set_link(link);
                let version = entity.row_version;
                let wakes = matches!(entity.state, EntityState::Held { .. });
                if wakes {
                    entity.state = EntityState::Live;
                    notes.rows.insert(id);
                }
                notes.attached(id, version, &side.provider);
                tally.kind(rules.kind).linked += 1;
            }
        }
    }
}

/// Returns whether a new record is one that we made, and that no open create stands for.
fn is_stray(notes: &Notes, side: &Side, remote: &Remote) -> bool {
    let ours = remote.uid.as_ref().and_then(crm_core::Uid::entity);
    let entity = ours.and_then(|id| notes.entities.get(&id));
    let open =
        |entity: &Entity| entity.link(&side.provider).is_some_and(|link| link.claim.is_some());
    entity.is_some_and(|entity| !open(entity))
}

/// Returns whether an entity waits for the record of a side that once founded it.
fn is_home(entity: &Entity, side: &Side) -> bool {
    entity.state == EntityState::Live && entity.link(&side.provider).is_none()
}

/// Ties a record to an entity at hand. `None` if that one is not at hand; false if another record
/// is tied there.
fn tie(notes: &mut Notes, id: EntityId, side: &Side, link: &Link) -> Option<bool> {
    let entity = notes.entities.get_mut(&id)?;
    if !attach(entity, side, link) {
        return Some(false);
    }
    let version = entity.row_version;
    notes.attached(id, version, &side.provider);
    Some(true)
}

/// Puts a record's link into its entity; false if another record is tied there.
fn attach(entity: &mut Entity, side: &Side, link: &Link) -> bool {
    let claim = match entity.link(&side.provider) {
        None => None,
        Some(known) => match known.state {
            LinkState::Claimed => known.claim.clone().map(|claim| (claim, known.slots.clone())),
            LinkState::Gone { .. } => None,
            LinkState::Live | LinkState::Merged { .. } | LinkState::Doomed { .. } => return false,
        },
    };
    let mut link = link.clone();
    if let Some((claim, slots)) = claim {
        link.state = LinkState::Claimed;
        link.claim = Some(claim);
        link.slots = slots;
    }
    entity.set_link(link);
    true
}

fn found_entity(
    notes: &mut Notes,
    rules: &Rules,
    side: &Side,
    remote: &Remote,
    link: Link,
    doubt: Option<&str>,
    now: jiff::Timestamp,
) -> EntityId {
    let own = || {
        let known = notes.names.get(&remote.id).copied();
        known.unwrap_or_else(|| {
            EntityId::founded(&rules.tenant, &side.provider, rules.kind, &remote.id)
        })
    };
    let ours = remote.uid.as_ref().and_then(crm_core::Uid::entity).filter(|_| doubt.is_none());
    let id = ours.unwrap_or_else(own);
    let mut entity = Entity::new(id, rules.kind);
    if let Some(reason) = doubt {
        entity.state = EntityState::held(reason);
    } else {
        entity.mark = Some(Mark { due: now, attempts: 0 });
    }
    entity.set_link(link);
    notes.changed.insert(id, 0);
    notes.founded.push(id);
    notes.keep(entity);
    id
}
