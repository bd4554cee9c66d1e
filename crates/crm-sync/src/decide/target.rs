//! What is to be written: rule R11, and creates.
//!
//! Nothing here is remembered as a job: whoever is behind the golden version of a field is a
//! target, today or after a restart.

use crm_core::{Access, Action, Field, Fields, Uid, Value, Write, WriteKey};
use crm_store::{
    Claim, ClaimState, Entity, EntityState, Golden, Intent, Link, LinkState, Parked, Shadow,
};
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
    let (id, version) = (work.entity.id, work.entity.version);
    let golden = std::mem::take(&mut work.entity.golden);
    let mut changed = false;
    if let Some(link) = work.entity.link_mut(&side.provider) {
        let behind = behind(link, &golden, rules, index, side, &mut changed);
        let parked = link.parked.as_ref().is_some_and(|parked| parked.version >= version);
        if !behind.is_empty() && side.capability.access == Access::Full && !parked {
            if let (Seen::Fresh(remote), Some(record)) = (seen, link.remote.clone()) {
                let key = WriteKey::derive(id, &side.provider, version);
                let patch = behind.iter().map(|(field, value, _)| (*field, value.clone()));
                let expected = remote.version.clone();
                let action = Action::Update { id: record, patch: patch.collect(), expected };
                work.writes.push((index, Write { key, kind: rules.kind, action }));
                // Kept beside an earlier announcement of the same values: that one may still land
                // when this one was settled long ago.
                link.intents.push(Intent {
                    key,
                    fields: behind,
                    at: now,
                    watched: false,
                    run: None,
                });
                trim(link);
                link.parked = None;
                changed = true;
            } else {
                work.reread.push(index);
            }
        }
    }
    work.entity.golden = golden;
    if let Some(slot) = work.links_changed.get_mut(index) {
        *slot |= changed;
    }
}

/// Returns the fields in which a record is behind the golden one. Where it shows the golden value
/// already, it is acknowledged without a write.
fn behind(
    link: &mut Link,
    golden: &Golden,
    rules: &Rules,
    index: usize,
    side: &Side,
    changed: &mut bool,
) -> Vec<(Field, Option<Value>, u64)> {
    let mut behind = Vec::new();
    for plan in &rules.fields {
        let Some(rule) = plan.rules.get(index).copied().flatten() else { continue };
        let Some(slot) = link.slots.slot(plan.field) else { continue };
        let wanted = golden.version(plan.field);
        let frozen = golden.frozen(plan.field).is_some();
        if slot.ack >= wanted || slot.shadow == Shadow::None || frozen {
            continue;
        }
        let value = golden.value(plan.field);
        let projected = value.and_then(|value| rule.project(value));
        let refused = slot.refused.as_ref().is_some_and(|refused| refused.version >= wanted);
        if slot.shadow.is(projected.as_deref()) {
            link.slots.slot_mut(plan.field).ack = wanted;
            *changed = true;
        } else if side.writes
            && rule.writable
            && !refused
            && (projected.is_some() || !rule.required)
        {
            behind.push((plan.field, value.cloned(), wanted));
        }
    }
    behind
}

/// Returns whether a record that is there is behind the golden one in any field.
pub(super) fn is_behind(entity: &mut Entity, rules: &Rules, index: usize) -> bool {
    let golden = std::mem::take(&mut entity.golden);
    let side = rules.sides.get(index);
    let link = side.and_then(|side| Some((side, entity.link_mut(&side.provider)?)));
    let behind = link.is_some_and(|(side, link)| {
        link.is_live() && !behind(link, &golden, rules, index, side, &mut false).is_empty()
    });
    entity.golden = golden;
    behind
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
            repeat(work, rules, index, side, claim, now);
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
    let state = ClaimState::Open;
    announce(work, rules, index, side, Claim { uid, fields, state, at: now, run: None });
}

/// Claims the record that is to be made. What was announced earlier may still land, and stays.
fn announce(work: &mut Decision, rules: &Rules, index: usize, side: &Side, claim: Claim) {
    let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
    let fields: Fields =
        claim.fields.iter().map(|(field, value, _)| (*field, value.clone())).collect();
    let action = Action::Create { uid: claim.uid.clone(), fields };
    work.writes.push((index, Write { key, kind: rules.kind, action }));
    let known = work.entity.link(&side.provider);
    let (slots, intents) =
        known.map(|link| (link.slots.clone(), link.intents.clone())).unwrap_or_default();
    let claim = Some(claim);
    work.entity.set_link(Link { slots, intents, claim, ..claimed(&side.provider) });
    if let Some(changed) = work.links_changed.get_mut(index) {
        *changed = true;
    }
}

/// Sends a create again. What was sent before may land after this one was settled, so it is
/// remembered.
fn repeat(
    work: &mut Decision,
    rules: &Rules,
    index: usize,
    side: &Side,
    mut claim: Claim,
    now: Timestamp,
) {
    claim.state = ClaimState::Open;
    let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
    let earlier = claim.as_intent(key, now);
    claim.at = now;
    claim.run = None;
    announce(work, rules, index, side, claim);
    if let Some(link) = work.entity.link_mut(&side.provider) {
        link.intents.push(earlier);
        trim(link);
    }
}

fn park_missing(work: &mut Decision, index: usize, side: &Side, field: Field, now: Timestamp) {
    let provider = &side.provider;
    let parked = Parked {
        class: "missing_required".to_owned(),
        message: format!("{provider} requires {field}, and no side has a value for it"),
        remedy: format!("fill in {field}, or set required_default.{field} in the configuration"),
        version: work.entity.version,
        at: now,
        details: None,
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
