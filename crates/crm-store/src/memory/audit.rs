//! The audit log of the memory store.

use std::collections::BTreeMap;

use super::Tables;
use crate::audit::{self, Audit, AuditCheck, Chain, Digest, Nonce};
use crate::{ConflictId, ConflictState, Mutation, StoreResult};

/// Which entry a row has, and the salt of its digest.
type Stamp = (u64, Nonce);

/// Entries, and what ties rows to them.
#[derive(Debug)]
pub(super) struct Log {
    chain: Chain,
    entries: Vec<Audit>,
    pub(super) journal: BTreeMap<u64, Stamp>,
    pub(super) history: BTreeMap<(crm_core::EntityId, usize), Stamp>,
    pub(super) conflicts: BTreeMap<ConflictId, Stamp>,
    runs: BTreeMap<crm_core::RunId, Stamp>,
}

impl Default for Log {
    fn default() -> Self {
        // Nothing of it outlives the process: there is nobody to keep the secret from.
        Self {
            chain: Chain::new([0; 32]),
            entries: Vec::new(),
            journal: BTreeMap::new(),
            history: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            runs: BTreeMap::new(),
        }
    }
}

impl Tables {
    /// Appends what a mutation says, before it is applied. What cannot be written as text was
    /// refused before.
    pub(super) fn note(&mut self, mutation: &Mutation) {
        if self.is_repeated(mutation) {
            return;
        }
        let Ok(Some(draft)) = audit::draft(mutation) else { return };
        let entity = draft.note.entity.and_then(|id| self.ids.get(&id).copied());
        let (entry, nonce) = self.log.chain.append(draft, entity);
        let stamp = (entry.seq, nonce);
        match mutation {
            Mutation::Journal(_) => {
                let seq = self.next_journal();
                self.log.journal.insert(seq, stamp);
            }
            Mutation::History(row) => {
                let place = self.history.get(&row.entity).map_or(0, Vec::len);
                self.log.history.insert((row.entity, place), stamp);
            }
            Mutation::Conflict(row) => {
                self.log.conflicts.insert(row.id, stamp);
            }
            Mutation::Run(row) => {
                self.log.runs.insert(row.id, stamp);
            }
            Mutation::Audit(_)
            | Mutation::Entity(_)
            | Mutation::Link(..)
            | Mutation::Unlink(..)
            | Mutation::Mark(..)
            | Mutation::Keys { .. }
            | Mutation::Alias { .. }
            | Mutation::PendingRef { .. }
            | Mutation::Erase(_)
            | Mutation::Block { .. }
            | Mutation::Erasure(_)
            | Mutation::Cursor { .. }
            | Mutation::Account { .. }
            | Mutation::WrittenPlan(_)
            | Mutation::Stage(..)
            | Mutation::Recover { .. }
            | Mutation::MarkAll { .. } => {}
        }
        self.log.entries.push(entry);
    }

    /// Returns whether a mutation tells nothing new: a write that is noted, a conflict that is
    /// open as before.
    fn is_repeated(&self, mutation: &Mutation) -> bool {
        match mutation {
            Mutation::Journal(row) => self.is_written(row),
            Mutation::Conflict(row) => {
                let known = self.conflicts.get(&row.id).map(|known| known.state);
                row.state == ConflictState::Open && known == Some(ConflictState::Open)
            }
            Mutation::History(_)
            | Mutation::Run(_)
            | Mutation::Audit(_)
            | Mutation::Entity(_)
            | Mutation::Link(..)
            | Mutation::Unlink(..)
            | Mutation::Mark(..)
            | Mutation::Keys { .. }
            | Mutation::Alias { .. }
            | Mutation::PendingRef { .. }
            | Mutation::Erase(_)
            | Mutation::Block { .. }
            | Mutation::Erasure(_)
            | Mutation::Cursor { .. }
            | Mutation::Account { .. }
            | Mutation::WrittenPlan(_)
            | Mutation::Stage(..)
            | Mutation::Recover { .. }
            | Mutation::MarkAll { .. } => false,
        }
    }

    pub(super) fn audit(&self, after: u64, limit: usize) -> Vec<Audit> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let rows = self.log.entries.iter().filter(|entry| entry.seq > after);
        rows.take(limit).cloned().collect()
    }

    pub(super) fn verify_audit(&self) -> StoreResult<AuditCheck> {
        let mut check = AuditCheck::default();
        let mut before = Digest::default();
        let mut digests: BTreeMap<u64, Option<Digest>> = BTreeMap::new();
        for entry in &self.log.entries {
            check.entries += 1;
            if entry.seq != check.entries || entry.hash != entry.expected(before) {
                check.fault(check.entries);
            }
            before = entry.hash;
            digests.insert(entry.seq, entry.digest);
        }
        let mut compare = |stamp: Option<&Stamp>, body: Vec<u8>| {
            let Some((seq, nonce)) = stamp else { return };
            check.bodies += 1;
            if digests.get(seq) != Some(&Some(audit::digest(*nonce, &body))) {
                check.fault(*seq);
            }
        };
        for row in &self.journal {
            compare(self.log.journal.get(&row.seq), audit::journal_body(row)?);
        }
        for (entity, rows) in &self.history {
            for (place, row) in rows.iter().enumerate() {
                compare(self.log.history.get(&(*entity, place)), audit::text(row)?);
            }
        }
        for row in self.conflicts.values() {
            compare(self.log.conflicts.get(&row.id), audit::conflict_body(row)?);
        }
        for row in self.runs.values() {
            compare(self.log.runs.get(&row.id), audit::text(row)?);
        }
        Ok(check)
    }
}
