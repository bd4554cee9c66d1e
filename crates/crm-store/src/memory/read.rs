//! What is read.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;

use crm_core::{EntityId, ObjectKind, ProviderId, RemoteId};
use jiff::Timestamp;

use super::Tables;
use crate::{
    Conflict, ConflictQuery, ConflictState, Counts, Entity, EntityState, Journal, JournalQuery,
    KeyHash, LeaseRequest, Leased, Link, LinkCount, LinkState, ProblemQuery, Resolved, Run, Seq,
    StoreError, StoreResult,
};

/// The most old ids that are followed one after the other: a circle must end.
pub(super) const ALIASES_MAX: usize = 16;

/// Returns a limit where 0 stands for none.
const fn or_all(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

fn has_refusal(link: &Link) -> bool {
    link.slots.iter().any(|(_, slot)| slot.refused.is_some())
}

fn is_troubled(link: &Link) -> bool {
    link.parked.is_some() || has_refusal(link)
}

impl Tables {
    /// Finds the link of a record: the live one, else what an old id leads to, else the newest
    /// link that remembers the id.
    pub(super) fn resolve(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        id: &RemoteId,
    ) -> Option<Resolved> {
        let resolved = |entity: &Entity| {
            Some(Resolved { entity: entity.id, link: entity.link(provider)?.clone() })
        };
        let mut key = (provider.clone(), kind, id.clone());
        let mut past = None;
        for _ in 0..ALIASES_MAX {
            if let Some(entity) = self.owner(&key) {
                return resolved(entity);
            }
            // The end of the chain of old ids speaks before its beginning.
            past = self.linked(&key).next_back().or(past);
            let Some(next) = self.aliases.get(&key) else {
                break;
            };
            key.2 = next.clone();
        }
        resolved(past?)
    }

    pub(super) fn tied(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        id: &RemoteId,
    ) -> Option<Entity> {
        let owner = self.owner(&(provider.clone(), kind, id.clone()))?;
        let links = owner.link(provider).cloned().into_iter().collect();
        Some(Entity { links, ..owner.clone() })
    }

    pub(super) fn candidates(&self, kind: ObjectKind, key: KeyHash) -> Vec<EntityId> {
        self.keys
            .range((kind, key, Seq(i64::MIN))..=(kind, key, Seq(i64::MAX)))
            .filter_map(|(_, _, seq)| self.entities.get(seq))
            .map(|entity| entity.id)
            .collect()
    }

    pub(super) fn scan(&self, kind: ObjectKind, after: Seq, limit: usize) -> Vec<Entity> {
        self.entities
            .range((Bound::Excluded(after), Bound::Unbounded))
            .map(|(_, entity)| entity)
            .filter(|entity| entity.kind == kind)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn lease(&mut self, request: &LeaseRequest) -> StoreResult<Vec<Leased>> {
        let LeaseRequest { kind, now, lease, limit } = *request;
        let until =
            now.checked_add(lease).map_err(|e| StoreError::backend("a lease is too long", e))?;
        let due: Vec<Seq> = self
            .marks
            .range((kind, Timestamp::MIN, Seq(i64::MIN))..=(kind, now, Seq(i64::MAX)))
            .map(|(_, _, seq)| *seq)
            .filter(|seq| !self.leases.is_leased(*seq, now))
            .take(limit)
            .collect();
        let mut leased = Vec::with_capacity(due.len());
        for seq in due {
            if let Some(entity) = self.entities.get(&seq).cloned() {
                leased.push(Leased { entity, fence: self.leases.take(seq, until) });
            }
        }
        Ok(leased)
    }

    pub(super) fn next_due(&self, kind: ObjectKind) -> Option<Timestamp> {
        let first = (kind, Timestamp::MIN, Seq(i64::MIN));
        let marks = self.marks.range(first..).take_while(|(of, _, _)| *of == kind);
        let mut next: Option<Timestamp> = None;
        for (_, due, seq) in marks {
            if next.is_some_and(|next| next <= *due) {
                break;
            }
            // What is leased is not handed out before its lease is over.
            let free = self.leases.until(*seq).map_or(*due, |until| until.max(*due));
            next = Some(next.map_or(free, |next| next.min(free)));
        }
        next
    }

    pub(super) fn conflicts(&self, query: &ConflictQuery) -> Vec<Conflict> {
        let mut found: Vec<&Conflict> = self
            .conflicts
            .values()
            .filter(|conflict| query.state.is_none_or(|state| conflict.state == state))
            .filter(|conflict| query.entity.is_none_or(|entity| conflict.entity == entity))
            .collect();
        found.sort_by_key(|conflict| Reverse((conflict.at, conflict.id)));
        found.into_iter().take(or_all(query.limit)).cloned().collect()
    }

    pub(super) fn absorbed(&self, into: Option<EntityId>) -> Vec<Entity> {
        let is_part = |entity: &&Entity| {
            entity.state.same_as().is_some_and(|whole| into.is_none_or(|into| whole == into))
        };
        self.entities.values().filter(is_part).cloned().collect()
    }

    pub(super) fn journal(&self, query: &JournalQuery) -> Vec<Journal> {
        let wanted =
            |row: &&Journal| row.seq > query.after && query.run.is_none_or(|run| row.run == run);
        let limit = or_all(query.limit);
        match query.entity {
            Some(entity) => {
                let rows = self.written.get(&entity).into_iter().flatten();
                let rows = rows.filter_map(|index| self.journal.get(*index));
                rows.filter(wanted).take(limit).cloned().collect()
            }
            None => self.journal.iter().filter(wanted).take(limit).cloned().collect(),
        }
    }

    pub(super) fn problems(&self, query: ProblemQuery) -> Vec<Entity> {
        self.entities
            .values()
            .filter(|entity| entity.kind == query.kind)
            .filter(|entity| {
                matches!(entity.state, EntityState::Held { .. })
                    || entity.links.iter().any(is_troubled)
            })
            .take(or_all(query.limit))
            .cloned()
            .collect()
    }

    pub(super) fn runs(&self, limit: usize) -> Vec<Run> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by_key(|run| Reverse((run.started, run.id)));
        runs.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn counts(&self, kind: ObjectKind) -> Counts {
        let mut counts = Counts::default();
        let mut links: BTreeMap<&ProviderId, LinkCount> = BTreeMap::new();
        for entity in self.entities.values().filter(|entity| entity.kind == kind) {
            match entity.state {
                EntityState::Live => counts.live += 1,
                EntityState::Held { .. } => counts.held += 1,
                EntityState::Tombstone { .. } => counts.tombstones += 1,
                EntityState::Merged { .. } => {}
            }
            counts.marked += u64::from(entity.mark.is_some());
            for link in &entity.links {
                counts.parked += u64::from(is_troubled(link));
                links
                    .entry(&link.provider)
                    .or_insert_with(|| LinkCount {
                        provider: link.provider.clone(),
                        live: 0,
                        gone: 0,
                        open: 0,
                    })
                    .add(link);
            }
        }
        let open =
            |conflict: &&Conflict| conflict.kind == kind && conflict.state == ConflictState::Open;
        counts.open_conflicts = self.conflicts.values().filter(open).map(|_| 1).sum();
        counts.links = links.into_values().collect();
        counts
    }
}

impl LinkCount {
    fn add(&mut self, link: &Link) {
        self.live += u64::from(link.is_live());
        self.gone += match link.state {
            LinkState::Live | LinkState::Claimed | LinkState::Doomed { .. } => 0,
            LinkState::Gone { .. } | LinkState::Merged { .. } => 1,
        };
        self.open += link.announced();
    }
}
