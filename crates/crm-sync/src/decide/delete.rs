//! Deleted, restored and merged records.
//!
//! Deletes unlink: the other sides keep their records, and where a record was deleted it is not
//! made again. A record that comes back is a first contact, since nobody knows what happened to
//! it meanwhile.

use crm_core::WriteKey;
use crm_store::{EntityState, LinkState};
use jiff::Timestamp;

use super::{Decision, Seen};
use crate::Rules;

/// Brings the links' states up to what the sides show.
pub(super) fn apply(work: &mut Decision, seen: &[Seen], rules: &Rules, now: Timestamp) {
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
        let Some(link) = work.entity.link_mut(&side.provider) else {
            continue;
        };
        let mut changed = false;
        match (seen, &link.state) {
            (Seen::Gone, LinkState::Live) => {
                link.state = LinkState::Gone { at: now };
                link.intents.clear();
                link.claim = None;
                changed = true;
            }
            (Seen::MergedInto { into, taken: true }, _) => {
                link.state = LinkState::Merged { into: into.clone() };
                link.intents.clear();
                changed = true;
            }
            (Seen::MergedInto { into, taken: false }, _) => {
                if let Some(old) = link.remote.replace(into.clone()) {
                    work.aliases.push((index, old, into.clone()));
                }
                link.state = LinkState::Live;
                link.slots.forget();
                link.intents.clear();
                changed = true;
                work.reread.push(index);
            }
            (
                Seen::Fresh(_) | Seen::Listed(_),
                LinkState::Gone { .. } | LinkState::Merged { .. },
            ) => {
                link.state = LinkState::Live;
                link.slots.forget();
                changed = true;
            }
            (Seen::Fresh(remote) | Seen::Listed(remote), LinkState::Claimed) => {
                // The record that our own create made: its base is what we sent (R5).
                link.remote = Some(remote.id.clone());
                link.state = LinkState::Live;
                if let Some(claim) = link.claim.take() {
                    link.intents.push(claim.as_intent(key, now));
                    super::settle::base_of_found(link, &claim, rules, index);
                }
                changed = true;
            }
            (Seen::Fresh(_) | Seen::Listed(_), LinkState::Live)
            | (
                Seen::Gone,
                LinkState::Claimed | LinkState::Gone { .. } | LinkState::Merged { .. },
            )
            | (Seen::Unread | Seen::Absent, _) => {}
        }
        if let Some(remote) = seen.remote()
            && link.version != remote.version
        {
            link.version.clone_from(&remote.version);
            changed = true;
        }
        if let Some(remote) = seen.remote()
            && link.modified_at != remote.modified_at
        {
            link.modified_at = remote.modified_at;
            changed = true;
        }
        // A read is used once: a later decision must not take it for news.
        changed |= link.observed.take().is_some();
        if let Some(slot) = work.links_changed.get_mut(index) {
            *slot |= changed;
        }
    }
    tombstone(work, now);
}

fn tombstone(work: &mut Decision, now: Timestamp) {
    let lives = work.entity.links.iter().any(|link| match link.state {
        LinkState::Live | LinkState::Claimed => true,
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
