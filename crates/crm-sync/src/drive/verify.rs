//! The drift audit: reads what is there and compares it with what is known.
//!
//! Lists are read page by page, and each page is compared as it comes; only one bit for each
//! entity is kept, to find out afterwards whose record was not there. A row that a provider does
//! not vouch for, and an absence from a list, are confirmed by a read by id.

mod sample;

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Change, EntityId, Feed, Lookup, ObjectKind, Priority, Remote, RemoteId, RunId, Value,
};
use crm_store::{
    Commit, Entity, EntityState, Link, LinkState, Mark, Mutation, Resolved, RunStatus, Seq, Stage,
};
use jiff::Timestamp;

use super::census::Census;
use super::{PAUSED, Session, price};
use crate::decide::standing::{self, Age, Standing};
use crate::event::{Event, Phase};
use crate::topology::Side;
use crate::verify::{Difference, Extent, KindCheck, Matter, Repair, VerifyReport};
use crate::{Engine, EngineError, Progress, Rules, report};

/// How many entities are read at once.
const SCAN: usize = 500;
/// How many runs are looked through for the last sync.
const RUNS: usize = 100;

/// What is asked of an audit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verify {
    /// How much is read.
    pub extent: Extent,
    /// What is done about differences.
    pub repair: Repair,
}

/// Reads what is there and compares it with what is known.
pub(crate) async fn verify(
    engine: &Engine,
    run: RunId,
    what: Verify,
    progress: &dyn Progress,
) -> Result<VerifyReport, EngineError> {
    Priority::Background.scope(audited(engine, run, what, progress)).await
}

async fn audited(
    engine: &Engine,
    run: RunId,
    what: Verify,
    progress: &dyn Progress,
) -> Result<VerifyReport, EngineError> {
    let mut session = Session::open(engine, run, progress);
    session.whole = true;
    let flows = session.prepare().await?;
    let mut flows_live = Vec::new();
    for rules in &flows {
        if engine.store.stage(rules.kind).await? == Stage::Live {
            flows_live.push(rules);
        }
    }
    if flows_live.is_empty() {
        let kinds: Vec<&str> = flows.iter().map(|rules| rules.kind.plural()).collect();
        return Err(EngineError::NeverSynced { kinds: kinds.join(", ") });
    }
    let since = session.last_sync().await?;
    let mut audit =
        Audit { what, since, found: KindCheck::default(), marks: BTreeSet::new(), marked: 0 };
    let mut kinds = BTreeMap::new();
    for rules in flows_live {
        session.phase(rules.kind, Phase::Verify);
        for side in &rules.sides {
            audit.found.side(&side.provider);
        }
        match what.extent {
            Extent::Full => session.verify_lists(rules, &mut audit).await?,
            Extent::Sample(count) => session.verify_sample(rules, count, &mut audit).await?,
        }
        let mut found = std::mem::take(&mut audit.found);
        let sides = found.connections.values_mut();
        for field in sides.flat_map(|side| side.fields.values_mut()) {
            field.conclude(what.extent);
        }
        kinds.insert(rules.kind, found);
    }
    Ok(session.verified(what.extent, kinds, audit.marked))
}

/// An audit of one kind under way.
struct Audit {
    what: Verify,
    /// When the last sync began: what changed later is news.
    since: Timestamp,
    found: KindCheck,
    /// Entities to be marked.
    marks: BTreeSet<EntityId>,
    /// How many were marked.
    marked: u64,
}

impl Audit {
    /// Tells whether a record was changed after the last sync began. The clocks of the two sides
    /// may differ, and stamps are cut: in doubt it is news, and the next sync reads it.
    fn age(&self, side: &Side, remote: &Remote) -> Age {
        let Some(modified) = remote.modified_at else { return Age::Old };
        if super::after(modified, side.uncertainty) >= self.since { Age::New } else { Age::Old }
    }

    fn differs(&mut self, side: &Side, record: &RemoteId, of: Option<EntityId>, what: Matter) {
        self.marks.extend(of);
        self.found.sample(|| Difference {
            provider: side.provider.clone(),
            record: record.clone(),
            entity: of,
            field: None,
            what,
            shown: None,
            agreed: None,
        });
    }

    /// A record that is linked no more, or is known by an old id.
    fn past(&mut self, side: &Side, remote: &Remote, found: &Resolved) {
        let age = self.age(side, remote);
        let counts = self.found.side(&side.provider);
        if found.link.remote.as_ref() != Some(&remote.id) {
            counts.doubled += 1;
            self.differs(side, &remote.id, Some(found.entity), Matter::Doubled);
            return;
        }
        match found.link.state {
            LinkState::Doomed { .. } => counts.know("to_be_deleted"),
            LinkState::Live | LinkState::Claimed => counts.know("pending"),
            LinkState::Gone { .. } | LinkState::Merged { .. } if age == Age::New => {
                counts.know("news");
            }
            LinkState::Gone { .. } | LinkState::Merged { .. } => {
                counts.returned += 1;
                self.differs(side, &remote.id, Some(found.entity), Matter::Returned);
            }
        }
    }

    /// Compares a record with its entity, field by field.
    fn compare(&mut self, rules: &Rules, index: usize, entity: &Entity, remote: &Remote) {
        let Some(side) = rules.sides.get(index) else { return };
        let age = self.age(side, remote);
        let found = &mut self.found;
        found.side(&side.provider).compared += 1;
        let marks = &mut self.marks;
        standing::compare(entity, index, remote, rules, age, |field, standing| {
            found.side(&side.provider).fields.entry(field).or_default().note(standing);
            if let Standing::Astray(astray) = standing {
                marks.insert(entity.id);
                found.sample(|| Difference {
                    provider: side.provider.clone(),
                    record: remote.id.clone(),
                    entity: Some(entity.id),
                    field: Some(field),
                    what: astray.into(),
                    shown: remote.fields.get(field).map(Value::display),
                    agreed: entity.golden.value(field).map(Value::display),
                });
            }
        });
    }
}

impl Session<'_> {
    /// Returns when the last sync began that read the feeds to their end.
    async fn last_sync(&self) -> Result<Timestamp, EngineError> {
        let runs = self.engine.store.runs(RUNS).await?;
        let whole = |status| matches!(status, RunStatus::Success | RunStatus::Partial);
        let mut syncs = runs.iter().filter(|run| {
            let counted = |name| run.counters.contains_key(name);
            whole(run.status) && counted("processed") && !counted(PAUSED)
        });
        Ok(syncs.next().map_or(self.started, |run| run.started))
    }

    async fn verify_lists(&mut self, rules: &Rules, audit: &mut Audit) -> Result<(), EngineError> {
        for (index, side) in rules.sides.iter().enumerate() {
            let mut census = Census::default();
            let mut cursor = None;
            loop {
                let provider = self.provider(&side.provider)?;
                let page = provider.changes(rules.kind, Feed::Changes, cursor.as_ref()).await?;
                let rows = page.changes.len();
                let remotes = self.confirmed(rules, side, page.changes).await?;
                let drifted =
                    self.verify_page(rules, index, remotes, Some(&mut census), audit).await?;
                self.mend(rules, side, audit, drifted).await?;
                let (provider, kind) = (side.provider.clone(), rules.kind);
                self.progress.event(&Event::Page { provider, kind, rows });
                cursor = Some(page.next);
                if !page.more {
                    break;
                }
            }
            for entity in self.unseen(rules, side, &census).await? {
                self.verify_absent(rules, index, &entity, audit).await?;
            }
            self.mend(rules, side, audit, Vec::new()).await?;
        }
        Ok(())
    }

    /// Returns the records of a page: as listed, where the list is consistent, else as read now.
    async fn confirmed(
        &mut self,
        rules: &Rules,
        side: &Side,
        changes: Vec<Change>,
    ) -> Result<Vec<Remote>, EngineError> {
        let mut remotes = Vec::with_capacity(changes.len());
        let mut unread = Vec::new();
        for change in changes {
            match change {
                Change::Observed(remote) if side.capability.list_consistent => {
                    remotes.push(remote);
                }
                Change::Observed(Remote { id, .. }) | Change::Touched { id, .. } => {
                    unread.push(id);
                }
                Change::Missing { .. } | Change::Merged { .. } => {}
            }
        }
        unread.sort_unstable();
        unread.dedup();
        if !unread.is_empty() {
            for lookup in self.provider(&side.provider)?.get(rules.kind, &unread).await? {
                match lookup {
                    Lookup::Found(remote) => remotes.push(remote),
                    Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone => {}
                }
            }
        }
        Ok(remotes)
    }

    /// Compares records with what is known; returns those that belong to nobody and should.
    async fn verify_page(
        &mut self,
        rules: &Rules,
        index: usize,
        mut remotes: Vec<Remote>,
        mut census: Option<&mut Census>,
        audit: &mut Audit,
    ) -> Result<Vec<Remote>, EngineError> {
        let Some(side) = rules.sides.get(index) else { return Ok(Vec::new()) };
        self.translated(rules, index, &mut remotes).await?;
        let ids: Vec<RemoteId> = remotes.iter().map(|remote| remote.id.clone()).collect();
        let tied = self.engine.store.tied(&side.provider, rules.kind, &ids).await?;
        let mut strangers = Vec::new();
        for (remote, entity) in remotes.into_iter().zip(tied) {
            let Some(entity) = entity else {
                strangers.push(remote);
                continue;
            };
            let seq = entity.seq.unwrap_or_default();
            if census.as_mut().is_some_and(|census| !census.add(seq)) {
                // A row that came twice, since the list moved while it was read.
                continue;
            }
            audit.found.side(&side.provider).records += 1;
            match entity.state {
                EntityState::Live => audit.compare(rules, index, &entity, &remote),
                EntityState::Held { .. } => audit.found.side(&side.provider).know("held"),
                EntityState::Tombstone { .. } | EntityState::Merged { .. } => {
                    audit.found.side(&side.provider).know("merged");
                }
            }
        }
        self.verify_strangers(rules, side, strangers, audit).await
    }

    /// Finds out what is the matter with records that no live link leads to.
    async fn verify_strangers(
        &mut self,
        rules: &Rules,
        side: &Side,
        strangers: Vec<Remote>,
        audit: &mut Audit,
    ) -> Result<Vec<Remote>, EngineError> {
        if strangers.is_empty() {
            return Ok(Vec::new());
        }
        let erased = self.erased(rules.kind, side, strangers.iter()).await?;
        let ids: Vec<RemoteId> = strangers.iter().map(|remote| remote.id.clone()).collect();
        let links = self.engine.store.links(&side.provider, rules.kind, &ids).await?;
        let mut unlinked = Vec::new();
        for ((remote, link), erased) in strangers.into_iter().zip(links).zip(erased) {
            audit.found.side(&side.provider).records += 1;
            if erased {
                audit.found.side(&side.provider).know("erased");
            } else if let Some(found) = link {
                audit.past(side, &remote, &found);
            } else {
                unlinked.extend(self.verify_unlinked(side, remote, audit).await?);
            }
        }
        Ok(unlinked)
    }

    /// A record that nobody knows; returned if it is to be taken in.
    async fn verify_unlinked(
        &self,
        side: &Side,
        remote: Remote,
        audit: &mut Audit,
    ) -> Result<Option<Remote>, EngineError> {
        let ours = remote.uid.as_ref().and_then(crm_core::Uid::entity);
        let ours: Vec<EntityId> = ours.into_iter().collect();
        let ours = self.engine.store.entities(&ours).await?.into_iter().flatten().next();
        let age = audit.age(side, &remote);
        let counts = audit.found.side(&side.provider);
        let link = ours.as_ref().and_then(|entity| entity.link(&side.provider));
        if link.is_some_and(Link::is_live) {
            counts.doubled += 1;
            audit.differs(side, &remote.id, ours.map(|ours| ours.id), Matter::Doubled);
        } else if link.is_some_and(Link::is_open) {
            counts.know("pending");
        } else if age == Age::New {
            counts.know("news");
        } else {
            counts.unlinked += 1;
            audit.differs(side, &remote.id, None, Matter::Unlinked);
            return Ok(Some(remote));
        }
        Ok(None)
    }

    /// Returns the entities of whose live links no record was seen: without their other links.
    pub(super) async fn unseen(
        &self,
        rules: &Rules,
        side: &Side,
        census: &Census,
    ) -> Result<Vec<Entity>, EngineError> {
        let counts = self.engine.store.counts(rules.kind).await?;
        let linked = counts.links.iter().find(|count| count.provider == side.provider);
        let mut unseen = Vec::new();
        if linked.map_or(0, |count| count.live) <= census.len() {
            return Ok(unseen);
        }
        let mut after = Seq::default();
        loop {
            let page = self.engine.store.scan(rules.kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else {
                return Ok(unseen);
            };
            after = last;
            let live = |entity: &Entity| entity.link(&side.provider).is_some_and(Link::is_live);
            let absent = |entity: &Entity| {
                let seq = entity.seq.unwrap_or_default();
                live(entity) && !census.has(seq)
            };
            for mut entity in page.into_iter().filter(absent) {
                entity.links.retain(|link| link.provider == side.provider);
                unseen.push(entity);
            }
        }
    }

    /// An absence from a list proves nothing: the record is asked for.
    async fn verify_absent(
        &mut self,
        rules: &Rules,
        index: usize,
        entity: &Entity,
        audit: &mut Audit,
    ) -> Result<(), EngineError> {
        let Some(side) = rules.sides.get(index) else { return Ok(()) };
        let Some(id) = entity.link(&side.provider).and_then(|link| link.remote.clone()) else {
            return Ok(());
        };
        let provider = self.provider(&side.provider)?;
        let found = provider.get(rules.kind, std::slice::from_ref(&id)).await?;
        self.verify_lookup(rules, index, entity, (id, found.into_iter().next()), audit).await
    }

    /// Compares what a read by id gave.
    async fn verify_lookup(
        &mut self,
        rules: &Rules,
        index: usize,
        entity: &Entity,
        (id, lookup): (RemoteId, Option<Lookup>),
        audit: &mut Audit,
    ) -> Result<(), EngineError> {
        let Some(side) = rules.sides.get(index) else { return Ok(()) };
        let counts = audit.found.side(&side.provider);
        match lookup {
            Some(Lookup::Found(remote)) => {
                let mut remotes = [remote];
                self.translated(rules, index, &mut remotes).await?;
                counts.records += 1;
                let [remote] = remotes;
                match entity.state {
                    EntityState::Live => audit.compare(rules, index, entity, &remote),
                    EntityState::Held { .. } => counts.know("held"),
                    EntityState::Tombstone { .. } | EntityState::Merged { .. } => {
                        counts.know("merged");
                    }
                }
            }
            Some(Lookup::Archived | Lookup::Gone | Lookup::MergedInto(_)) | None => {
                if entity.mark.is_some() {
                    counts.know("pending");
                } else {
                    counts.missing += 1;
                    audit.differs(side, &id, Some(entity.id), Matter::Missing);
                }
            }
        }
        Ok(())
    }

    /// Marks what differs and takes in records that belong to nobody, if that is wanted.
    async fn mend(
        &mut self,
        rules: &Rules,
        side: &Side,
        audit: &mut Audit,
        unlinked: Vec<Remote>,
    ) -> Result<(), EngineError> {
        let marks = std::mem::take(&mut audit.marks);
        match audit.what.repair {
            Repair::No => return Ok(()),
            Repair::Mark => {}
        }
        let count = marks.len() + unlinked.len();
        audit.marked += u64::try_from(count).unwrap_or(u64::MAX);
        self.mark(marks).await?;
        if !unlinked.is_empty() {
            // As if a feed had hinted at them: they are read again.
            let hints = unlinked.into_iter();
            let hints = hints.map(|remote| Change::Touched { id: remote.id, version: None });
            self.take_in(rules, side, &hints.collect::<Vec<_>>(), None).await?;
        }
        Ok(())
    }

    /// Marks entities to be looked at.
    pub(super) async fn mark(&self, ids: BTreeSet<EntityId>) -> Result<(), EngineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mark = Mark { due: self.now(), attempts: 0 };
        let mutations = ids.into_iter().map(|id| Mutation::Mark(id, Some(mark))).collect();
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    fn verified(
        &self,
        extent: Extent,
        kinds: BTreeMap<ObjectKind, KindCheck>,
        marked: u64,
    ) -> VerifyReport {
        let mut calls = BTreeMap::new();
        for (id, provider) in &self.engine.providers {
            let before = self.usage.get(id).cloned().unwrap_or_default();
            let mut cost = report::used(&before, &provider.usage());
            price(provider, &mut cost);
            cost.seconds = self.now().duration_since(self.started).as_secs_f64();
            calls.insert(id.clone(), cost);
        }
        let state = String::new();
        let mut report = VerifyReport { run_id: self.run, extent, state, kinds, marked, calls };
        let state = if report.differences() == 0 { "agree" } else { "differ" };
        state.clone_into(&mut report.state);
        report
    }
}
