//! What is to be written: rule R11, and creates.
//!
//! Nothing here is remembered as a job: whoever is behind the golden version of a field is a
//! target, today or after a restart.

use crm_core::{Access, Action, Fields, Patch, Uid, Write, WriteKey};
use crm_store::{Claim, ClaimState, EntityState, Intent, Link, LinkState, Parked, Slots};
use jiff::Timestamp;

use super::{Decision, Seen};
use crate::Rules;
use crate::topology::Side;

/// Plans the writes and announces them in the links.
pub(super) fn apply(work: &mut Decision, seen: &[Seen], rules: &Rules, now: Timestamp) {
    if work.entity.state != EntityState::Live {
        return;
    }
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        if work.reread.contains(&index) {
            continue;
        }
        let state = work.entity.link(&side.provider).map(|link| link.state.clone());
        match state {
            Some(LinkState::Live) => update(work, rules, index, side, seen, now),
            None | Some(LinkState::Claimed) => create(work, rules, index, side, seen, now),
            Some(LinkState::Gone { .. } | LinkState::Merged { .. }) => {}
        }
    }
}

fn update(
    work: &mut Decision,
    rules: &Rules,
    index: usize,
    side: &Side,
    seen: &Seen,
    now: Timestamp,
) {
    let entity = &mut work.entity;
    let (id, version) = (entity.id, entity.version);
    let mut patch = Patch::new();
    let mut announced = Vec::new();
    let mut changed = false;
    let golden = std::mem::take(&mut entity.golden);
    if let Some(link) = entity.link_mut(&side.provider) {
        for plan in &rules.fields {
            let Some(rule) = plan.rules.get(index).copied().flatten() else {
                continue;
            };
            let wanted = golden.version(plan.field);
            let Some(slot) = link.slots.slot(plan.field) else {
                continue;
            };
            if slot.ack >= wanted
                || slot.shadow == crm_store::Shadow::None
                || golden.frozen(plan.field).is_some()
            {
                continue;
            }
            let value = golden.value(plan.field);
            let projected = value.and_then(|value| rule.project(value));
            if slot.shadow.is(projected.as_deref()) {
                link.slots.slot_mut(plan.field).ack = wanted;
                changed = true;
            } else if side.writes
                && rule.writable
                && slot.refused.as_ref().is_none_or(|refused| refused.version < wanted)
                && !(projected.is_none() && rule.required)
            {
                patch.set(plan.field, value.cloned());
                announced.push((plan.field, value.cloned(), wanted));
            }
        }
        let parked = link.parked.as_ref().is_some_and(|parked| parked.version >= version);
        if !patch.is_empty() && side.capability.access == Access::Full && !parked {
            match (seen, link.remote.clone()) {
                (Seen::Fresh(remote), Some(record)) => {
                    let key = WriteKey::derive(id, &side.provider, version);
                    // The same announcement again is the same write.
                    link.intents.retain(|intent| intent.fields != announced);
                    link.intents.push(Intent { key, fields: announced, at: now, watched: false });
                    trim(link);
                    link.parked = None;
                    changed = true;
                    let action =
                        Action::Update { id: record, patch, expected: remote.version.clone() };
                    work.writes.push((index, Write { key, kind: rules.kind, action }));
                }
                _ => work.reread.push(index),
            }
        }
    }
    work.entity.golden = golden;
    if let Some(slot) = work.links_changed.get_mut(index) {
        *slot |= changed;
    }
}

/// Intents whose fate stays open are few; more of them than this means that something else is
/// wrong, and the oldest can tell least.
const INTENTS_MAX: usize = 8;

fn trim(link: &mut Link) {
    let surplus = link.intents.len().saturating_sub(INTENTS_MAX);
    link.intents.drain(..surplus);
}

fn create(
    work: &mut Decision,
    rules: &Rules,
    index: usize,
    side: &Side,
    seen: &Seen,
    now: Timestamp,
) {
    if !side.writes {
        return;
    }
    let entity = &work.entity;
    let known = entity.link(&side.provider);
    if let Some(claim) = known.and_then(|link| link.claim.clone())
        && claim.state != ClaimState::Refused
    {
        // Its fate is open: only after a look by its uid may it be sent again, unchanged.
        if *seen == Seen::Absent {
            repeat(work, rules, index, side, claim);
        } else {
            work.reread.push(index);
        }
        return;
    }
    let parked = known.and_then(|link| link.parked.as_ref());
    if parked.is_some_and(|parked| parked.version >= entity.version) {
        return;
    }
    let mut fields = Vec::new();
    let mut missing = None;
    for plan in &rules.fields {
        let Some(rule) = plan.rules.get(index).copied().flatten() else {
            continue;
        };
        let version = entity.golden.version(plan.field);
        let refused = known
            .and_then(|link| link.slots.slot(plan.field)?.refused.as_ref())
            .is_some_and(|refused| refused.version >= version);
        let open = entity.golden.frozen(plan.field).is_some() || refused || !rule.writable;
        let value = entity.golden.value(plan.field).filter(|_| !open).cloned();
        let filler = || rules.required_default.get(&plan.field).filter(|_| rule.required).cloned();
        match value.map(|value| (value, version)).or_else(|| filler().map(|value| (value, 0))) {
            Some((value, version)) => fields.push((plan.field, value, version)),
            None if rule.required => missing = Some(plan.field),
            None => {}
        }
    }
    if fields.is_empty() {
        work.skipped.push((index, "nothing_to_write".to_owned()));
        return;
    }
    if let Some(field) = missing {
        work.skipped.push((index, "missing_required".to_owned()));
        park_missing(work, index, side, field, now);
        return;
    }
    let uid = Uid::of(entity.id);
    let slots = known.map_or_else(Slots::default, |link| link.slots.clone());
    let claim = Claim { uid, fields, state: ClaimState::Open, first_at: now };
    announce(work, rules, index, side, claim, slots);
}

fn announce(
    work: &mut Decision,
    rules: &Rules,
    index: usize,
    side: &Side,
    claim: Claim,
    slots: Slots,
) {
    let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
    let fields: Fields =
        claim.fields.iter().map(|(field, value, _)| (*field, value.clone())).collect();
    let action = Action::Create { uid: claim.uid.clone(), fields };
    work.writes.push((index, Write { key, kind: rules.kind, action }));
    work.entity.set_link(Link { slots, claim: Some(claim), ..claimed(&side.provider) });
    if let Some(changed) = work.links_changed.get_mut(index) {
        *changed = true;
    }
}

fn repeat(work: &mut Decision, rules: &Rules, index: usize, side: &Side, mut claim: Claim) {
    claim.state = ClaimState::Open;
    let slots =
        work.entity.link(&side.provider).map_or_else(Slots::default, |link| link.slots.clone());
    announce(work, rules, index, side, claim, slots);
}

fn park_missing(
    work: &mut Decision,
    index: usize,
    side: &Side,
    field: crm_core::Field,
    now: Timestamp,
) {
    let provider = &side.provider;
    let parked = Parked {
        class: "missing_required".to_owned(),
        message: format!("{provider} requires {field}, and no side has a value for it"),
        remedy: format!("fill in {field}, or set required_default.{field} in the configuration"),
        version: work.entity.version,
        at: now,
    };
    let mut link = work.entity.link(provider).cloned().unwrap_or_else(|| claimed(provider));
    link.parked = Some(parked);
    work.entity.set_link(link);
    if let Some(changed) = work.links_changed.get_mut(index) {
        *changed = true;
    }
}

/// A link to a record that does not exist yet.
fn claimed(provider: &crm_core::ProviderId) -> Link {
    Link {
        remote: None,
        state: LinkState::Claimed,
        ..Link::new(provider.clone(), crm_core::RemoteId::new(""))
    }
}
