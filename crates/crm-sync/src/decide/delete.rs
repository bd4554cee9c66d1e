//! Deleted, restored and merged records.
//!
//! By default deletes unlink: the other sides keep their records, and where a record was deleted
//! it is not made again. Where the configuration says so, the others are deleted too: they are
//! *doomed*, which is announced like any write, and only after a hold, since some CRMs report a
//! merge as a delete and people take deletes back. Whoever edits a doomed record saves it. A
//! record that comes back is a first contact, since nobody knows what happened to it meanwhile.

use crm_core::{Access, Action, Deletion, Remote, Write, WriteKey, mutant};
use crm_store::{EntityState, Link, LinkState};
use jiff::{SignedDuration, Timestamp};

use super::{Decision, Seen, settle};
use crate::Rules;
use crate::topology::{Deletes, Side};

/// How long a doomed record may still be saved.
const HOLD: SignedDuration = SignedDuration::from_secs(60);

/// Brings the links' states up to what the sides show.
pub(super) fn apply(work: &mut Decision, seen: &[Seen], rules: &Rules, now: Timestamp) {
    for (index, seen) in seen.iter().enumerate() {
        side(work, seen, rules, index, now);
    }
    doom(work, seen, rules, now);
    tombstone(work, now);
}

/// Brings the state of one link up to what its side shows.
fn side(work: &mut Decision, seen: &Seen, rules: &Rules, index: usize, now: Timestamp) {
    let Some(side) = rules.sides.get(index).filter(|_| *seen != Seen::Closed) else { return };
    let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
    let Some(link) = work.entity.link_mut(&side.provider) else { return };
    let mut changed = true;
    match (seen, &link.state) {
        (Seen::Gone, LinkState::Live) => {
            end(link, now);
            work.died.push(index);
        }
        (Seen::Gone, LinkState::Doomed { .. }) => end(link, now),
        (Seen::MergedInto { into, taken: true }, _) => {
            link.state = LinkState::Merged { into: into.clone() };
            link.intents.clear();
            link.claim = None;
        }
        (Seen::MergedInto { into, taken: false }, _) => {
            if let Some(old) = link.remote.replace(into.clone()) {
                work.aliases.push((index, old, into.clone()));
            }
            link.state = LinkState::Live;
            mutant!(MergeKeepsBase => (), link.slots.forget());
            link.intents.clear();
            work.reread.push(index);
        }
        (Seen::Fresh(_) | Seen::Listed(_), LinkState::Gone { .. } | LinkState::Merged { .. }) => {
            link.state = LinkState::Live;
            mutant!(RestoredKeepsBase => (), link.slots.forget());
        }
        (Seen::Fresh(remote) | Seen::Listed(remote), LinkState::Doomed { .. })
            if is_edited(link, remote, rules, index) =>
        {
            link.state = LinkState::Live;
        }
        (Seen::Fresh(remote) | Seen::Listed(remote), LinkState::Claimed) => {
            // The record that our own create made: its base is what we sent (R5).
            link.remote = Some(remote.id.clone());
            link.state = LinkState::Live;
            if let Some(claim) = link.claim.take() {
                link.intents.push(claim.as_intent(key, now));
                settle::base_of_found(link, &claim, rules, index);
                mutant!(
                    BaseFromRecord,
                    settle::base_of_claim(link, &claim, rules, index, Some(&remote.fields))
                );
            }
        }
        (Seen::Fresh(_) | Seen::Listed(_), LinkState::Live | LinkState::Doomed { .. })
        | (Seen::Gone, LinkState::Claimed | LinkState::Gone { .. } | LinkState::Merged { .. })
        | (Seen::Unread | Seen::Absent | Seen::Closed, _) => changed = false,
    }
    changed |= note_version(link, seen);
    // A read is used once: a later decision must not take it for news.
    changed |= mutant!(ReadTwice => false, link.observed.take().is_some());
    if let Some(slot) = work.links_changed.get_mut(index) {
        *slot |= changed;
    }
}

fn end(link: &mut Link, now: Timestamp) {
    link.state = LinkState::Gone { at: now };
    // Whether a write whose answer was lost came before the end shows if the record comes back.
    link.intents.retain(|intent| !intent.watched);
    link.intents.iter_mut().for_each(|intent| intent.watched = true);
    link.claim = None;
}

fn note_version(link: &mut Link, seen: &Seen) -> bool {
    let Some(remote) = seen.remote() else { return false };
    let changed = link.version != remote.version || link.modified_at != remote.modified_at;
    link.version.clone_from(&remote.version);
    link.modified_at = remote.modified_at;
    changed
}

/// Returns whether a record shows anything that it is not known to hold.
fn is_edited(link: &Link, remote: &Remote, rules: &Rules, index: usize) -> bool {
    rules.fields.iter().any(|plan| {
        plan.rules.get(index).copied().flatten().is_some()
            && remote.read.binary_search(&plan.field).is_ok()
            && !link
                .slots
                .slot(plan.field)
                .is_some_and(|slot| slot.shadow.is(remote.fields.get(plan.field)))
    })
}

/// Dooms the other records where one died, or saves them where it came back.
fn doom(work: &mut Decision, seen: &[Seen], rules: &Rules, now: Timestamp) {
    let counts = |side: &Side| rules.direction.reads(side.role);
    let dead = work.died.iter().filter_map(|index| rules.sides.get(*index)).any(counts);
    let cause = work.entity.links.iter().any(|link| {
        let side = rules.side(&link.provider).and_then(|side| rules.sides.get(side));
        matches!(link.state, LinkState::Gone { .. }) && side.is_some_and(counts)
    });
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        let spreads = match rules.deletes {
            Deletes::Unlink => false,
            Deletes::Archive => side.capability.deletion == Deletion::Archive,
            Deletes::Propagate => side.capability.deletion != Deletion::Unsupported,
        };
        let spreads = spreads && side.writes && side.capability.access == Access::Full;
        let Some(link) = work.entity.link_mut(&side.provider) else { continue };
        let state = match (&link.state, seen) {
            (LinkState::Live, Seen::Fresh(remote) | Seen::Listed(remote))
                if dead
                    && spreads
                    && (!is_edited(link, remote, rules, index) || mutant!(EditedRecordDoomed)) =>
            {
                LinkState::Doomed { since: now }
            }
            (LinkState::Doomed { .. }, _) if !cause => LinkState::Live,
            (_, _) => continue,
        };
        link.state = state;
        if let Some(changed) = work.links_changed.get_mut(index) {
            *changed = true;
        }
    }
}

/// Plans the deletes of doomed records whose hold is over.
pub(super) fn plan(work: &mut Decision, seen: &[Seen], rules: &Rules, now: Timestamp) {
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        let version = work.entity.version;
        let Some(link) = work.entity.link(&side.provider) else { continue };
        let LinkState::Doomed { since } = link.state else { continue };
        let hold = mutant!(HoldIgnored => SignedDuration::ZERO, HOLD);
        let due = since.checked_add(hold).unwrap_or(Timestamp::MAX);
        let parked = link.parked.as_ref().is_some_and(|parked| parked.version >= version);
        match (seen, &link.remote) {
            _ if parked => {}
            _ if due > now => work.later = Some(work.later.map_or(due, |known| known.min(due))),
            (Seen::Fresh(_), Some(id)) => {
                let key = WriteKey::derive(work.entity.id, &side.provider, version);
                let action = Action::Delete { id: id.clone() };
                work.writes.push((index, Write { key, kind: rules.kind, action }));
            }
            (Seen::Closed, _) => {}
            (_, _) => work.reread.push(index),
        }
    }
}

/// Returns the deletes that a decision leads to until some time, if nothing happens.
pub(crate) fn ripe(work: &Decision, rules: &Rules, until: Timestamp) -> Vec<(usize, Write)> {
    let version = work.entity.version;
    let mut writes = Vec::new();
    for (index, side) in rules.sides.iter().enumerate() {
        let Some(link) = work.entity.link(&side.provider) else { continue };
        let LinkState::Doomed { since } = link.state else { continue };
        let due = since.checked_add(HOLD).unwrap_or(Timestamp::MAX);
        let parked = link.parked.as_ref().is_some_and(|parked| parked.version >= version);
        let planned = work.writes.iter().any(|(side, _)| *side == index);
        if let Some(id) = link.remote.clone().filter(|_| due <= until && !parked && !planned) {
            let key = WriteKey::derive(work.entity.id, &side.provider, version);
            writes.push((index, Write { key, kind: rules.kind, action: Action::Delete { id } }));
        }
    }
    writes
}

fn tombstone(work: &mut Decision, now: Timestamp) {
    mutant!(TombstoneIgnored, return);
    if work.entity.links.is_empty() {
        // It was founded without a record, and is to have its first ones.
        return;
    }
    let lives = work.entity.links.iter().any(|link| match link.state {
        LinkState::Live | LinkState::Claimed | LinkState::Doomed { .. } => true,
        LinkState::Gone { .. } | LinkState::Merged { .. } => false,
    });
    let state = match (&work.entity.state, lives) {
        (EntityState::Live, false) => EntityState::Tombstone { at: now },
        (EntityState::Tombstone { .. }, true) => EntityState::Live,
        (EntityState::Live, true)
        | (EntityState::Tombstone { .. }, false)
        | (EntityState::Held { .. } | EntityState::Merged { .. }, _) => return,
    };
    work.entity.state = state;
    work.entity_changed = true;
}
