//! Reading records by id: the only source of values for what is about to be written.

use crm_core::{Lookup, MatchKey, Remote, RemoteId, mutant};
use crm_store::{Entity, LinkState, Observation};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::Session;
use super::refs::View;
use crate::decide::Seen;
use crate::{EngineError, Rules};

/// How long a row of a consistent list may stand in for a read by id.
const LISTED_MAX: SignedDuration = SignedDuration::from_secs(30);

impl Session<'_> {
    /// Returns what each side shows of each entity. `again` names sides (by entity) whose listed
    /// rows do not do.
    pub(super) async fn look(
        &mut self,
        rules: &Rules,
        entities: &[Entity],
        again: &[Vec<usize>],
    ) -> Result<Vec<View>, EngineError> {
        let now = self.now();
        let mut seen: Vec<Vec<Seen>> = Vec::with_capacity(entities.len());
        let mut linked: Vec<Vec<(usize, RemoteId)>> = vec![Vec::new(); rules.sides.len()];
        let mut claimed: Vec<Vec<usize>> = vec![Vec::new(); rules.sides.len()];
        let mut merged: Vec<(usize, usize, RemoteId)> = Vec::new();
        let closed: Vec<bool> =
            rules.sides.iter().map(|side| self.is_paused(&side.provider)).collect();
        for (at, entity) in entities.iter().enumerate() {
            let mut row: Vec<Seen> =
                closed.iter().map(|c| if *c { Seen::Closed } else { Seen::Unread }).collect();
            for (index, side) in rules.sides.iter().enumerate() {
                if closed.get(index) == Some(&true) {
                    continue;
                }
                let Some(link) = entity.link(&side.provider) else {
                    continue;
                };
                let again = again.get(at).is_some_and(|sides| sides.contains(&index));
                let listed = link.observed.as_ref().filter(|row| !again && !row.is_outdated());
                if let (Some(observed), Some(id)) = (listed, &link.remote) {
                    let remote = remote_of(rules, link, id, observed);
                    if let Some(slot) = row.get_mut(index) {
                        *slot = listed_or_fresh(remote, observed, now);
                    }
                } else if let LinkState::Merged { into } = &link.state {
                    merged.push((at, index, into.clone()));
                } else if let (
                    LinkState::Live | LinkState::Gone { .. } | LinkState::Doomed { .. },
                    Some(id),
                ) = (&link.state, &link.remote)
                {
                    // A link that is gone is looked at too: a restored record keeps its id.
                    push(&mut linked, index, (at, id.clone()));
                } else if link
                    .claim
                    .as_ref()
                    .is_some_and(|c| c.state != crm_store::ClaimState::Refused)
                {
                    push(&mut claimed, index, at);
                }
            }
            seen.push(row);
        }
        for (at, index, into) in merged {
            let found = Lookup::MergedInto(into);
            let what = self.seen_of(rules, index, entities.get(at), found).await?;
            if let Some(slot) = seen.get_mut(at).and_then(|row| row.get_mut(index)) {
                *slot = what;
            }
        }
        self.by_id(rules, entities, linked, &mut seen).await?;
        self.by_uid(rules, entities, claimed, &mut seen).await?;
        self.view(rules, entities, seen).await
    }

    async fn by_id(
        &mut self,
        rules: &Rules,
        entities: &[Entity],
        wanted: Vec<Vec<(usize, RemoteId)>>,
        seen: &mut [Vec<Seen>],
    ) -> Result<(), EngineError> {
        let this = &*self;
        let reads = rules.sides.iter().zip(&wanted).map(|(side, wanted)| async move {
            let ids: Vec<RemoteId> = wanted.iter().map(|(_, id)| id.clone()).collect();
            if ids.is_empty() {
                return Ok(Ok(Vec::new()));
            }
            let provider = this.provider(&side.provider)?;
            Ok::<_, EngineError>(provider.get(rules.kind, &ids).await)
        });
        let found = try_join_all(reads).await?;
        for (index, (found, wanted)) in found.into_iter().zip(wanted).enumerate() {
            let Some(side) = rules.sides.get(index) else { continue };
            let lookups = match found {
                Ok(lookups) => lookups,
                Err(error) => {
                    self.pause(&side.provider, error)?;
                    close(seen, index);
                    continue;
                }
            };
            self.tally.read(&side.provider, lookups.len(), side.capability.read_max.get());
            for (lookup, (at, _)) in lookups.into_iter().zip(wanted) {
                let what = self.seen_of(rules, index, entities.get(at), lookup).await?;
                if let Some(slot) = seen.get_mut(at).and_then(|row| row.get_mut(index)) {
                    *slot = what;
                }
            }
        }
        Ok(())
    }

    async fn seen_of(
        &self,
        rules: &Rules,
        index: usize,
        entity: Option<&Entity>,
        lookup: Lookup,
    ) -> Result<Seen, EngineError> {
        let into = match lookup {
            Lookup::Found(remote) => return Ok(Seen::Fresh(remote)),
            Lookup::Archived | Lookup::Gone => return Ok(Seen::Gone),
            Lookup::MergedInto(_) if mutant!(MergeSeenAsDelete) => return Ok(Seen::Gone),
            Lookup::MergedInto(into) => into,
        };
        let Some(side) = rules.sides.get(index) else {
            return Ok(Seen::Unread);
        };
        let ids = std::slice::from_ref(&into);
        let found = self.engine.store.links(&side.provider, rules.kind, ids).await?;
        let owner = found.into_iter().flatten().next().map(|resolved| resolved.entity);
        let taken = owner.is_some() && owner != entity.map(|entity| entity.id);
        Ok(Seen::MergedInto { into, taken })
    }

    /// Looks for the records of creates whose fate is open.
    async fn by_uid(
        &mut self,
        rules: &Rules,
        entities: &[Entity],
        wanted: Vec<Vec<usize>>,
        seen: &mut [Vec<Seen>],
    ) -> Result<(), EngineError> {
        for (index, (side, wanted)) in rules.sides.iter().zip(wanted).enumerate() {
            if wanted.is_empty() {
                continue;
            }
            let uid = |at: &usize| {
                let claim = entities.get(*at)?.link(&side.provider)?.claim.as_ref()?;
                Some(MatchKey::Uid(claim.uid.clone()))
            };
            let keys: Vec<MatchKey> = wanted.iter().filter_map(uid).collect();
            let found = match self.provider(&side.provider)?.find(rules.kind, &keys).await {
                Ok(found) => found,
                Err(error) => {
                    self.pause(&side.provider, error)?;
                    close(seen, index);
                    continue;
                }
            };
            self.tally.read(&side.provider, keys.len(), side.capability.read_max.get());
            for at in wanted {
                let claim = entities.get(at).and_then(|e| e.link(&side.provider)?.claim.as_ref());
                let record = found.iter().find(|r| r.uid.as_ref() == claim.map(|c| &c.uid));
                let what = match (record, claim) {
                    (Some(_), _) if mutant!(CreateResentBlindly) => Seen::Absent,
                    (Some(record), _) => {
                        self.found_by_uid(rules, index, entities.get(at), record).await?
                    }
                    (None, Some(claim)) if self.may_still_land(side, claim.at) => Seen::Unread,
                    (None, _) => Seen::Absent,
                };
                if let Some(slot) = seen.get_mut(at).and_then(|row| row.get_mut(index)) {
                    *slot = what;
                }
            }
        }
        Ok(())
    }

    /// Returns what a record with the uid of a create is: what was made, or, where that belongs to
    /// another entity, a record that was merged into that one or of which nobody saw the uid.
    async fn found_by_uid(
        &self,
        rules: &Rules,
        index: usize,
        entity: Option<&Entity>,
        record: &Remote,
    ) -> Result<Seen, EngineError> {
        let into = Lookup::MergedInto(record.id.clone());
        let merged = self.seen_of(rules, index, entity, into).await?;
        let is_taken = matches!(merged, Seen::MergedInto { taken: true, .. });
        Ok(if is_taken { merged } else { Seen::Fresh(record.clone()) })
    }

    fn may_still_land(&self, side: &crate::Side, since: Timestamp) -> bool {
        mutant!(WaitIgnored, return false);
        super::after(since, side.capability.unknown_wait) > self.now()
    }
}

/// Notes that a side takes no calls.
fn close(seen: &mut [Vec<Seen>], index: usize) {
    for slot in seen.iter_mut().filter_map(|row| row.get_mut(index)) {
        *slot = Seen::Closed;
    }
}

fn push<T>(lists: &mut [Vec<T>], index: usize, item: T) {
    if let Some(list) = lists.get_mut(index) {
        list.push(item);
    }
}

fn listed_or_fresh(remote: Remote, observed: &Observation, now: Timestamp) -> Seen {
    if now.duration_since(observed.at) <= LISTED_MAX || mutant!(StaleRows) {
        Seen::Fresh(remote)
    } else {
        Seen::Listed(remote)
    }
}

/// Returns a stored read as the record that it was.
pub(super) fn remote_of(
    rules: &Rules,
    link: &crm_store::Link,
    id: &RemoteId,
    observed: &Observation,
) -> Remote {
    Remote {
        kind: rules.kind,
        id: id.clone(),
        version: link.version.clone(),
        modified_at: link.modified_at,
        author: None,
        uid: None,
        aliases: Vec::new(),
        read: std::sync::Arc::clone(&observed.read),
        fields: observed.fields.clone(),
    }
}
