//! References that wait for records.

use crm_core::{EntityId, ProviderId, Ref, mutant};
use jiff::Timestamp;

use super::Tables;
use crate::{Link, Mark, Seq};

/// At once.
const NOW: Mark = Mark { due: Timestamp::UNIX_EPOCH, attempts: 0 };

impl Tables {
    /// Stores what waits from now on, and marks the entities whose waiting is over.
    pub(super) fn wake(
        &mut self,
        pending: Vec<(EntityId, ProviderId, Ref)>,
        arrived: Vec<(ProviderId, Ref)>,
        merged: &[EntityId],
    ) {
        for (provider, to) in arrived {
            mutant!(NobodyWoken, continue);
            let first = (provider.clone(), to.clone(), Seq(i64::MIN));
            let last = (provider, to, Seq(i64::MAX));
            let rows: Vec<_> = self.pending.range(first..=last).cloned().collect();
            self.end(rows);
        }
        if !merged.is_empty() {
            let to_merged = |to: &Ref| match to {
                Ref::Entity(id) => merged.contains(id),
                Ref::Remote(..) => false,
            };
            let rows = self.pending.iter().filter(|(_, to, _)| to_merged(to));
            let rows: Vec<_> = rows.cloned().collect();
            self.end(rows);
        }
        for (from, provider, to) in pending {
            let Some(seq) = self.ids.get(&from).copied() else { continue };
            if self.is_there(&provider, &to) {
                self.mark_at_once(seq);
            } else {
                self.pending.insert((provider, to, seq));
            }
        }
    }

    fn end(&mut self, rows: Vec<(ProviderId, Ref, Seq)>) {
        for row in rows {
            self.pending.remove(&row);
            self.mark_at_once(row.2);
        }
    }

    /// Returns whether a reference leads somewhere.
    fn is_there(&self, provider: &ProviderId, to: &Ref) -> bool {
        match to {
            Ref::Entity(id) => self.entity(*id).is_some_and(|entity| {
                entity.state.same_as().is_some() || entity.link(provider).is_some_and(Link::is_live)
            }),
            Ref::Remote(kind, id) => self.owner(&(provider.clone(), *kind, id.clone())).is_some(),
        }
    }

    fn mark_at_once(&mut self, seq: Seq) {
        let Some(entity) = self.entities.get_mut(&seq) else { return };
        if let Some(before) = entity.mark {
            self.marks.remove(&(entity.kind, before.due, seq));
        }
        let mark = NOW.after(entity.mark);
        entity.mark = Some(mark);
        self.marks.insert((entity.kind, mark.due, seq));
    }
}
