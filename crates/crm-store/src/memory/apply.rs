//! Applies a commit that was checked. Nothing here can fail.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{EntityId, ObjectKind, ProviderId, Ref};
use jiff::Timestamp;

use super::Tables;
use crate::{Commit, Entity, EntityState, Journal, KeyHash, Link, Mark, Mutation, Seq};

/// What a commit has done so far.
#[derive(Debug, Default)]
struct Touched {
    /// Entities whose fence the commit carries.
    fenced: BTreeSet<Seq>,
    /// Entities that the commit changed.
    seqs: BTreeSet<Seq>,
    /// References that wait from now on.
    pending: Vec<(EntityId, ProviderId, Ref)>,
    /// What may be waited for and is there now.
    arrived: Vec<(ProviderId, Ref)>,
    /// Entities that became others.
    merged: Vec<EntityId>,
}

impl Tables {
    pub(super) fn apply(&mut self, commit: Commit) {
        let mut touched = Touched {
            fenced: commit.fences.iter().filter_map(|(id, _)| self.ids.get(id).copied()).collect(),
            ..Touched::default()
        };
        for mutation in commit.mutations {
            self.note(&mutation);
            self.apply_one(mutation, &mut touched);
        }
        for (id, _) in commit.expected {
            touched.seqs.extend(self.ids.get(&id));
        }
        self.wake(touched.pending, touched.arrived, &touched.merged);
        for seq in touched.seqs {
            if let Some(entity) = self.entities.get_mut(&seq) {
                entity.row_version += 1;
            }
        }
    }

    fn apply_one(&mut self, mutation: Mutation, touched: &mut Touched) {
        match mutation {
            Mutation::Entity(entity) => self.apply_entity(*entity, touched),
            Mutation::Link(id, link) => self.apply_link(id, &link.provider, Some(&link), touched),
            Mutation::Unlink(id, provider) => self.apply_link(id, &provider, None, touched),
            Mutation::Mark(id, mark) => {
                if let Some(seq) = self.ids.get(&id).copied() {
                    let mark = mark.map(|mark| mark.after(self.mark(seq)));
                    touched.seqs.insert(seq);
                    self.set_mark(seq, mark, &touched.fenced);
                }
            }
            Mutation::Keys { entity, kind, remove, add } => {
                self.apply_keys(entity, kind, &remove, &add);
            }
            Mutation::Alias { provider, kind, old, new } => {
                self.aliases.insert((provider, kind, old), new);
            }
            Mutation::PendingRef { from, provider, to } => {
                touched.pending.push((from, provider, to));
            }
            Mutation::Conflict(conflict) => {
                self.conflicts.insert(conflict.id, *conflict);
            }
            Mutation::History(row) => self.history.entry(row.entity).or_default().push(*row),
            Mutation::Journal(row) => self.apply_journal(*row),
            Mutation::Audit(_) => {}
            Mutation::Erase(id) => {
                if let Some(seq) = self.ids.get(&id) {
                    touched.seqs.remove(seq);
                }
                self.erase(id);
            }
            Mutation::Block { kind, traits, run, at: _ } => self.block(kind, &traits, run),
            Mutation::Erasure(erasure) => self.set_erasure(*erasure),
            Mutation::Cursor { provider, kind, feed, cursor } => {
                self.cursors.insert((provider, kind, feed.to_owned()), cursor);
            }
            Mutation::Account { provider, account } => {
                self.accounts.insert(provider, account);
            }
            Mutation::Stage(kind, stage) => {
                self.stages.insert(kind, stage);
            }
            Mutation::WrittenPlan(plan) => {
                self.plans.insert(plan.hash.clone(), *plan);
            }
            Mutation::Run(run) => {
                self.runs.insert(run.id, *run);
            }
            Mutation::Recover { kind, mark } => {
                let open = |entity: &Entity| entity.links.iter().any(Link::is_open);
                self.mark_where(kind, mark, open, touched);
            }
            Mutation::MarkAll { kind, mark } => {
                let live = |entity: &Entity| entity.state == EntityState::Live;
                self.mark_where(kind, mark, live, touched);
            }
        }
    }

    fn apply_entity(&mut self, mut entity: Entity, touched: &mut Touched) {
        let mark = entity.mark.take();
        if entity.state.same_as().is_some() {
            touched.merged.push(entity.id);
        }
        let seq = if let Some(seq) = self.ids.get(&entity.id).copied() {
            if let Some(row) = self.entities.get_mut(&seq) {
                row.state = entity.state;
                row.version = entity.version;
                row.golden = entity.golden;
            }
            seq
        } else {
            self.last = Seq(self.last.0 + 1);
            self.ids.insert(entity.id, self.last);
            let row = Entity { seq: Some(self.last), links: Vec::new(), row_version: 0, ..entity };
            self.entities.insert(self.last, row);
            self.last
        };
        touched.seqs.insert(seq);
        self.set_mark(seq, mark, &touched.fenced);
    }

    fn apply_link(
        &mut self,
        id: EntityId,
        provider: &ProviderId,
        link: Option<&Link>,
        touched: &mut Touched,
    ) {
        let Some(seq) = self.ids.get(&id).copied() else {
            return;
        };
        let Some(entity) = self.entities.get_mut(&seq) else {
            return;
        };
        touched.seqs.insert(seq);
        let kind = entity.kind;
        if let Some(remote) = entity.link(provider).and_then(|link| link.remote.clone()) {
            let key = (provider.clone(), kind, remote);
            if let Some(seqs) = self.remotes.get_mut(&key) {
                seqs.remove(&seq);
            }
        }
        let Some(link) = link else {
            entity.links.retain(|link| link.provider != *provider);
            return;
        };
        entity.set_link(link.clone());
        if link.is_live() {
            touched.arrived.push((provider.clone(), Ref::Entity(id)));
            let remote = link.remote.clone().map(|remote| Ref::Remote(kind, remote));
            touched.arrived.extend(remote.map(|remote| (provider.clone(), remote)));
        }
        if let Some(remote) = link.remote.clone() {
            self.remotes.entry((provider.clone(), kind, remote)).or_default().insert(seq);
        }
    }

    fn apply_keys(&mut self, id: EntityId, kind: ObjectKind, remove: &[KeyHash], add: &[KeyHash]) {
        let Some(seq) = self.ids.get(&id).copied() else {
            return;
        };
        for key in remove {
            self.keys.remove(&(kind, *key, seq));
        }
        self.keys.extend(add.iter().map(|key| (kind, *key, seq)));
    }

    /// Returns whether a write of a run is noted.
    pub(super) fn is_written(&self, row: &Journal) -> bool {
        let rows = self.written.get(&row.entity).into_iter().flatten();
        rows.filter_map(|index| self.journal.get(*index)).any(|known| {
            known.key == row.key && known.provider == row.provider && known.run == row.run
        })
    }

    fn apply_journal(&mut self, mut row: Journal) {
        if self.is_written(&row) {
            return;
        }
        self.written.entry(row.entity).or_default().push(self.journal.len());
        row.seq = self.next_journal();
        // Instants of the journal are kept to the microsecond, here as in every store.
        row.at = Timestamp::from_microsecond(row.at.as_microsecond()).unwrap_or(row.at);
        self.journal.push(row);
    }

    fn mark(&self, seq: Seq) -> Option<Mark> {
        self.entities.get(&seq)?.mark
    }

    fn set_mark(&mut self, seq: Seq, mark: Option<Mark>, fenced: &BTreeSet<Seq>) {
        let Some(entity) = self.entities.get_mut(&seq) else {
            return;
        };
        if let Some(before) = entity.mark {
            self.marks.remove(&(entity.kind, before.due, seq));
        }
        entity.mark = mark;
        if let Some(mark) = mark {
            self.marks.insert((entity.kind, mark.due, seq));
        }
        if fenced.contains(&seq) {
            self.leases.settle(seq);
        } else {
            self.leases.withdraw(seq);
        }
    }

    fn mark_where(
        &mut self,
        kind: ObjectKind,
        mark: Mark,
        wanted: impl Fn(&Entity) -> bool,
        touched: &Touched,
    ) {
        let found: BTreeMap<Seq, Mark> = self
            .entities
            .iter()
            .filter(|(_, entity)| entity.kind == kind && wanted(entity))
            .map(|(seq, entity)| (*seq, mark.after(entity.mark)))
            .collect();
        for (seq, mark) in found {
            self.set_mark(seq, Some(mark), &touched.fenced);
            if let Some(entity) = self.entities.get_mut(&seq) {
                entity.row_version += 1;
            }
        }
    }
}
