//! What is to be written: rule R11, and creates.
//!
//! Nothing here is remembered as a job: whoever is behind the golden version of a field is a
//! target, today or after a restart.

use crm_core::{
    Access, Action, EntityId, Field, Fields, ObjectKind, Patch, Ref, Uid, Value, Write, WriteKey,
    mutant,
};
use crm_store::{
    Claim, ClaimState, Entity, EntityState, Golden, Intent, Link, LinkState, Parked, Refusal,
    Shadow,
};
use jiff::Timestamp;

use super::merge::was_read;
use super::preflight::{self, Objection, Preflight};
use super::{Decision, Seen, Ties, refs};
use crate::Rules;
use crate::topology::Side;

/// Plans the writes and announces them in the links.
pub(super) fn apply(
    work: &mut Decision,
    seen: &[Seen],
    rules: &Rules,
    ties: &Ties,
    now: Timestamp,
) {
    if work.entity.state != EntityState::Live {
        return;
    }
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        if work.reread.contains(&index) {
            continue;
        }
        let state = work.entity.link(&side.provider).map(|link| link.state.clone());
        if *seen == Seen::Closed {
            if state.is_some() || side.writes {
                work.closed.push(index);
            }
            continue;
        }
        let at = Place { rules, index, side, ties, now };
        match state {
            Some(LinkState::Live) => update(work, at, seen),
            None | Some(LinkState::Claimed) => create(work, at, seen),
            Some(LinkState::Gone { .. }) if mutant!(DeletedMadeAgain) => create(work, at, seen),
            Some(LinkState::Gone { .. } | LinkState::Merged { .. } | LinkState::Doomed { .. }) => {}
        }
    }
}

/// How often a tie is tried that was refused, as long as records are missing to which it leads.
pub(crate) const TIE_ATTEMPTS_MAX: u32 = 3;

/// The side that is looked at.
#[derive(Clone, Copy)]
struct Place<'a> {
    rules: &'a Rules,
    index: usize,
    side: &'a Side,
    ties: &'a Ties,
    now: Timestamp,
}

fn update(work: &mut Decision, at: Place<'_>, seen: &Seen) {
    let Place { rules, index, side, now, .. } = at;
    let (id, version) = (work.entity.id, work.entity.version);
    let golden = std::mem::take(&mut work.entity.golden);
    let mut changed = false;
    if let Some(link) = work.entity.link_mut(&side.provider) {
        let Behind { mut fields, missing, acknowledged, blocked } = behind(link, &golden, at);
        // What a side refers to that nobody knows yet is not painted over: it may be an edit.
        let known = |field| match seen {
            Seen::Fresh(remote) => was_read(remote, field),
            Seen::Unread
            | Seen::Listed(_)
            | Seen::Gone
            | Seen::MergedInto { .. }
            | Seen::Absent
            | Seen::Closed => true,
        };
        fields.retain(|(field, ..)| refers_to(rules, *field).is_none() || known(*field));
        changed |= acknowledged;
        let blocked = blocked.into_iter().map(|reason| (index, reason.to_owned()));
        work.skipped.extend(blocked);
        work.pending.extend(missing.into_iter().map(|entity| (index, Ref::Entity(entity))));
        let parked = link.parked.as_ref().is_some_and(|parked| parked.version >= version);
        if !fields.is_empty() && side.capability.access == Access::Full && !parked {
            if let (Seen::Fresh(remote), Some(record)) = (seen, link.remote.clone()) {
                let key = WriteKey::derive(id, &side.provider, version);
                let patch = patch(&fields, link, rules, index, at.ties);
                mutant!(
                    AckBeforeWrite,
                    fields.iter().for_each(|f| link.slots.slot_mut(f.0).ack = f.2)
                );
                let expected = remote.version.clone();
                let action = Action::Update { id: record, patch, expected };
                work.writes.push((index, Write { key, kind: rules.kind, action }));
                // Kept beside an earlier announcement of the same values: that one may still land
                // when this one was settled long ago.
                link.intents.push(Intent { key, fields, at: now, watched: false, run: None });
                trim(link);
                mutant!(NoIntent, link.intents.clear());
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

/// Returns the changes as the side takes them: references name its own records, and a set says
/// what it was.
pub(super) fn patch(
    fields: &[(Field, Option<Value>, u64)],
    link: &Link,
    rules: &Rules,
    index: usize,
    ties: &Ties,
) -> Patch {
    let mut patch = Patch::new();
    for (field, value, _) in fields {
        let Some(kind) = refers_to(rules, *field) else {
            patch.set(*field, value.clone());
            continue;
        };
        let translate = |value: &Value| {
            mutant!(ReferencesUntranslated, return Some(value.clone()));
            ties.translate(index, kind, value)
        };
        patch.set(*field, value.as_ref().and_then(translate));
        let base = link.slots.slot(*field).and_then(|slot| slot.shadow.value());
        let base = base.and_then(|base| {
            if matches!(base, Value::List(_)) {
                ties.translate_base(index, kind, base, value.as_ref())
            } else {
                translate(base)
            }
        });
        if let Some(base) = base {
            patch.set_base(*field, base);
        }
    }
    patch
}

fn refers_to(rules: &Rules, field: Field) -> Option<ObjectKind> {
    rules.references().find(|(known, _)| *known == field).map(|(_, kind)| kind)
}

/// In what a record is behind the golden one.
#[derive(Default)]
struct Behind {
    /// The fields, with the values that it shall have and the versions that it then holds.
    fields: Vec<(Field, Option<Value>, u64)>,
    /// Entities that it shall refer to and that have no record at the side.
    missing: Vec<EntityId>,
    /// Whether it was found to hold a golden value already, or cannot hold one.
    acknowledged: bool,
    /// Why values are not sent that the account would refuse.
    blocked: Vec<&'static str>,
}

/// Finds out in which fields a record is behind the golden one. Where it shows the golden value
/// already, it is acknowledged without a write.
fn behind(link: &mut Link, golden: &Golden, at: Place<'_>) -> Behind {
    let Place { rules, index, side, ties, .. } = at;
    let mut behind = Behind::default();
    for plan in &rules.fields {
        let Some(rule) = plan.rules.get(index).copied().flatten() else { continue };
        let Some(slot) = link.slots.slot(plan.field) else { continue };
        let version = golden.version(plan.field);
        let frozen = golden.frozen(plan.field).is_some() && !mutant!(FrozenWritten);
        if slot.ack >= version || slot.shadow == Shadow::None || frozen {
            continue;
        }
        let value = golden.value(plan.field);
        let (value, holds, whole) = if plan.ty.refers_to().is_some() {
            let wanted = refs::wanted(value, rule, &slot.shadow, index, ties);
            let whole = wanted.missing.is_empty();
            behind.missing.extend(wanted.missing);
            // Alone, what is waited for would clear what is there. From a set only those go that
            // are no members any more.
            let waits = wanted.value.is_none() && !whole && !plan.ty.is_set();
            let waits = waits && !mutant!(WaitingClears);
            let holds = waits || wanted.value == wanted.held;
            (wanted.value, holds, whole)
        } else {
            let projected = value.and_then(|value| rule.project(value));
            // Nothing may be cleared that must be there.
            let stays = projected.is_none() && rule.required && !mutant!(RequiredCleared);
            let form = mutant!(RawComparison => value, projected.as_deref());
            (value.cloned(), stays || slot.shadow.is(form), true)
        };
        let ack = if whole || mutant!(WaitingAcknowledged) { version } else { slot.ack };
        let refusal = slot.refused.as_ref().filter(|refused| refused.version >= version);
        // What the account would have refused is looked at again: it may be mended by now. A tie
        // may have been refused since a record was just deleted that is known to be missing by
        // now.
        let ours = refusal.is_some_and(preflight::is_ours);
        let outdated =
            |refused: &Refusal| ours || (!whole && refused.attempts() < TIE_ATTEMPTS_MAX);
        let refused = refusal.is_some_and(|refused| !outdated(refused));
        let refused = refused && !mutant!(RefusedForEver);
        // A tie that waited is still made; nothing else of an entry in a journal changes.
        let holds = holds || (rules.appends() && plan.ty.refers_to().is_none());
        if holds {
            let slot = link.slots.slot_mut(plan.field);
            if whole {
                slot.ack = ack;
                behind.acknowledged = true;
            } else if slot.refused.take().is_some() {
                // Nothing of what was refused is to be written any more.
                behind.acknowledged = true;
            }
        } else if plan.writes(side) && rule.writable && !refused {
            let check = Preflight { kind: rules.kind, metadata: &side.metadata, golden };
            match value.as_ref().and_then(|value| check.objection(rule, value)) {
                None => behind.fields.push((plan.field, value, ack)),
                Some(objection) => {
                    behind.blocked.push(objection.reason);
                    if !ours {
                        link.slots.slot_mut(plan.field).refused = Some(objection.refusal(version));
                        behind.acknowledged = true;
                    }
                }
            }
        }
    }
    behind
}

/// Returns whether a record that is there is behind the golden one in any field.
pub(super) fn is_behind(entity: &mut Entity, rules: &Rules, ties: &Ties, index: usize) -> bool {
    let golden = std::mem::take(&mut entity.golden);
    let side = rules.sides.get(index);
    let link = side.and_then(|side| Some((side, entity.link_mut(&side.provider)?)));
    let behind = link.is_some_and(|(side, link)| {
        let at = Place { rules, index, side, ties, now: Timestamp::MIN };
        link.is_live() && !behind(link, &golden, at).fields.is_empty()
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

fn create(work: &mut Decision, at: Place<'_>, seen: &Seen) {
    let Place { index, side, now, .. } = at;
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
            repeat(work, at, claim);
        } else {
            work.reread.push(index);
        }
        return;
    }
    let parked = known.and_then(|link| link.parked.as_ref());
    if parked.is_some_and(|parked| parked.version >= entity.version) {
        return;
    }
    let New { fields, lacking, missing, blocked } = new_record(entity, known, at);
    work.skipped.extend(blocked.iter().map(|(_, why)| (index, why.reason.to_owned())));
    let (empty, waits) = (fields.is_empty(), !missing.is_empty());
    if empty && !waits {
        work.skipped.push((index, "nothing_to_write".to_owned()));
        return;
    }
    work.pending.extend(missing.into_iter().map(|entity| (index, Ref::Entity(entity))));
    if let Some(field) = lacking {
        work.skipped.push((index, "missing_required".to_owned()));
        park_missing(work, index, side, field, now);
        return;
    }
    if empty {
        // All that there is to say of it is to whom it belongs.
        work.skipped.push((index, "waits_for_another".to_owned()));
        return;
    }
    let uid = Uid::of(work.entity.id);
    let state = ClaimState::Open;
    announce(work, at, Claim { uid, fields, state, at: now, run: None });
    let golden = blocked
        .into_iter()
        .map(|(field, why)| (field, why.refusal(work.entity.golden.version(field))));
    let refusals: Vec<_> = golden.collect();
    if let Some(link) = work.entity.link_mut(&side.provider) {
        for (field, refusal) in refusals {
            link.slots.slot_mut(field).refused = Some(refusal);
        }
    }
}

/// What a new record gets.
#[derive(Default)]
struct New {
    fields: Vec<(Field, Value, u64)>,
    /// A field that the side requires and nobody has a value for.
    lacking: Option<Field>,
    /// Entities that it shall refer to and that have no record at the side.
    missing: Vec<EntityId>,
    /// Values that the account would refuse.
    blocked: Vec<(Field, Objection)>,
}

fn new_record(entity: &Entity, known: Option<&Link>, at: Place<'_>) -> New {
    let Place { rules, index, side, ties, .. } = at;
    let mut new = New::default();
    for plan in &rules.fields {
        let Some(rule) = plan.rules.get(index).copied().flatten() else { continue };
        let version = entity.golden.version(plan.field);
        let refused = known
            .and_then(|link| link.slots.slot(plan.field)?.refused.as_ref())
            .is_some_and(|refused| refused.version >= version && !preflight::is_ours(refused));
        let closed = entity.golden.frozen(plan.field).is_some() || !plan.writes(side);
        let closed = closed || refused || !rule.writable;
        let value = entity.golden.value(plan.field).filter(|_| !closed);
        if plan.ty.refers_to().is_some() {
            let wanted = refs::wanted(value, rule, &Shadow::Blank, index, ties);
            let ack = if wanted.missing.is_empty() { version } else { 0 };
            new.missing.extend(wanted.missing);
            new.fields.extend(wanted.value.map(|value| (plan.field, value, ack)));
            continue;
        }
        let check =
            Preflight { kind: rules.kind, metadata: &side.metadata, golden: &entity.golden };
        let required = rule.required || (check.requires(plan.field) && rule.writable);
        let filler = || rules.required_default.get(&plan.field).filter(|_| required);
        let objection = value.and_then(|value| check.objection(rule, value));
        let value = value.filter(|_| objection.is_none()).map(|value| (value, version));
        new.blocked.extend(objection.map(|objection| (plan.field, objection)));
        match value.or_else(|| filler().map(|value| (value, 0))) {
            Some((value, version)) => new.fields.push((plan.field, value.clone(), version)),
            None if required => new.lacking = Some(plan.field),
            None => {}
        }
    }
    // What a record is makes none.
    if new.fields.iter().all(|(field, ..)| *field == Field::TYPE) {
        new.fields.clear();
    }
    new
}

/// Claims the record that is to be made. What was announced earlier may still land, and stays.
fn announce(work: &mut Decision, at: Place<'_>, claim: Claim) {
    let Place { rules, index, side, ties, .. } = at;
    let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
    let sent = |(field, value, _): &(Field, Value, u64)| match refers_to(rules, *field) {
        Some(kind) => Some((*field, ties.translate(index, kind, value)?)),
        None => Some((*field, value.clone())),
    };
    let fields: Fields = claim.fields.iter().filter_map(sent).collect();
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
fn repeat(work: &mut Decision, at: Place<'_>, mut claim: Claim) {
    let Place { side, now, .. } = at;
    claim.state = ClaimState::Open;
    let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
    let earlier = claim.as_intent(key, now);
    claim.at = now;
    claim.run = None;
    announce(work, at, claim);
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
