//! Removing what is known of an entity, and recognising it afterwards.

use std::collections::BTreeMap;

use crm_core::{EntityId, ObjectKind, Ref, RunId};
use jiff::Timestamp;

use super::{RemoteKey, Tables};
use crate::audit::Digest;
use crate::{Erasure, ErasureKey, Journal, Trait};

/// Nothing of this store outlives the process: there is nobody to keep the key from.
const KEY: ErasureKey = [0; 32];

/// What is left of what was erased.
#[derive(Debug, Default)]
pub(super) struct Erased {
    erasures: Vec<Erasure>,
    digests: BTreeMap<Digest, RunId>,
}

impl Tables {
    /// Returns the place of the next row of the journal.
    pub(super) fn next_journal(&self) -> u64 {
        self.journal.last().map_or(1, |row| row.seq + 1)
    }

    /// Removes an entity and every row about it.
    pub(super) fn erase(&mut self, id: EntityId) {
        let Some(seq) = self.ids.remove(&id) else { return };
        let Some(entity) = self.entities.remove(&seq) else { return };
        if let Some(mark) = entity.mark {
            self.marks.remove(&(entity.kind, mark.due, seq));
        }
        self.leases.withdraw(seq);
        self.keys.retain(|(_, _, of)| *of != seq);
        let mut records: Vec<RemoteKey> = Vec::new();
        for link in &entity.links {
            if let Some(remote) = &link.remote {
                records.push((link.provider.clone(), entity.kind, remote.clone()));
            }
        }
        for key in &records {
            if let Some(seqs) = self.remotes.get_mut(key) {
                seqs.remove(&seq);
            }
            self.remotes.retain(|_, seqs| !seqs.is_empty());
        }
        self.pending.retain(|(provider, to, from)| {
            let ours = match to {
                Ref::Entity(to) => *to == id,
                Ref::Remote(kind, remote) => {
                    records.contains(&(provider.clone(), *kind, remote.clone()))
                }
            };
            *from != seq && !ours
        });
        self.forget_names(records);
        self.history.remove(&id);
        self.log.history.retain(|(of, _), _| *of != id);
        for conflict in self.conflicts.values().filter(|conflict| conflict.entity == id) {
            self.log.conflicts.remove(&conflict.id);
        }
        self.conflicts.retain(|_, conflict| conflict.entity != id);
        self.erase_journal(id);
    }

    /// Removes the old ids that led to records, and theirs.
    fn forget_names(&mut self, mut open: Vec<RemoteKey>) {
        while let Some(key) = open.pop() {
            self.aliases.remove(&key);
            let leads = |of: &RemoteKey, to: &crm_core::RemoteId| {
                of.0 == key.0 && of.1 == key.1 && *to == key.2
            };
            let old = self.aliases.iter().filter(|(of, to)| leads(of, to)).map(|(of, _)| of);
            let old: Vec<RemoteKey> = old.cloned().collect();
            open.extend(old);
        }
    }

    fn erase_journal(&mut self, id: EntityId) {
        let gone = |row: &Journal| row.entity == id;
        for row in self.journal.iter().filter(|row| gone(row)) {
            self.log.journal.remove(&row.seq);
        }
        self.journal.retain(|row| !gone(row));
        self.written.clear();
        for (index, row) in self.journal.iter().enumerate() {
            self.written.entry(row.entity).or_default().push(index);
        }
    }

    pub(super) fn block(&mut self, kind: ObjectKind, traits: &[Trait], run: RunId) {
        for it in traits {
            self.erased.digests.entry(it.digest(kind, &KEY)).or_insert(run);
        }
    }

    pub(super) fn set_erasure(&mut self, mut erasure: Erasure) {
        let at = Timestamp::from_microsecond(erasure.at.as_microsecond());
        erasure.at = at.unwrap_or(erasure.at);
        erasure.digests = Vec::new();
        match self.erased.erasures.iter_mut().find(|known| known.run == erasure.run) {
            Some(known) => *known = erasure,
            None => self.erased.erasures.push(erasure),
        }
    }

    pub(super) fn is_erased(&self, kind: ObjectKind, traits: &[Trait]) -> Vec<bool> {
        let known = |it: &Trait| self.erased.digests.contains_key(&it.digest(kind, &KEY));
        traits.iter().map(known).collect()
    }

    pub(super) fn erasures(&self) -> Vec<Erasure> {
        let mut all = self.erased.erasures.clone();
        for erasure in &mut all {
            let of = self.erased.digests.iter().filter(|(_, run)| **run == erasure.run);
            erasure.digests = of.map(|(digest, _)| *digest).collect();
        }
        all.sort_by_key(|erasure| std::cmp::Reverse((erasure.at, erasure.run)));
        all
    }
}
