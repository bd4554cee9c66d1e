//! What became of a write: one result, one change of a link.

use std::time::Duration;

use crm_core::{
    Action, Applied, Concurrency, Disposition, ErrorKind, Field, Fields, ObjectKind, PauseCause,
    ProviderError, RemoteId, Value, Write, Written, mutant,
};
use crm_store::{
    Claim, ClaimState, Details, Entity, Link, LinkSlot, LinkState, Parked, Refusal, Shadow,
};
use jiff::Timestamp;

use super::{Ties, circumstance, target};
use crate::Rules;
use crate::topology::Side;

/// What is to be done after a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing: it was applied.
    Applied,
    /// Look again, as soon as this much time has passed.
    Again(Duration),
    /// Look again, after a wait that grows with each attempt.
    Backoff,
    /// That record seems to be the one that was to be made.
    Adopt(Option<RemoteId>),
    /// Nothing, until a person or a newer value comes.
    Parked,
    /// The connection does no more work for now.
    Paused(PauseCause),
}

/// Notes the result of a write in the link that announced it.
pub fn settle(
    entity: &mut Entity,
    rules: &Rules,
    ties: &Ties,
    side: usize,
    write: &Write,
    result: Result<Written, ProviderError>,
    now: Timestamp,
) -> Settled {
    let version = entity.version;
    let index = side;
    let golden = &entity.golden;
    let claimed =
        rules.sides.get(side).and_then(|side| entity.link(&side.provider)?.claim.as_ref());
    let form = |field| {
        let claimed = || claimed?.fields.iter().find(|(f, ..)| *f == field).map(|(_, v, _)| v);
        golden.value(field).or_else(claimed)
    };
    let rules = rules.of(form);
    let Some(side) = rules.sides.get(side) else {
        return Settled::Applied;
    };
    let Some(link) = entity.link_mut(&side.provider) else {
        return Settled::Applied;
    };
    match result {
        Ok(written) => {
            let partly = partly_stored(link, rules, (index, ties), write, &written);
            applied(link, rules, index, write, written, version, now);
            for (field, shadow) in partly {
                link.slots.slot_mut(field).shadow = shadow;
            }
            if target::is_behind(entity, rules, ties, index) {
                // A create is repeated as it was first announced, and the golden record may have
                // moved on since.
                Settled::Again(Duration::ZERO)
            } else {
                Settled::Applied
            }
        }
        Err(error) => refused(link, side, write, &error, version, now),
    }
}

fn applied(
    link: &mut Link,
    rules: &Rules,
    index: usize,
    write: &Write,
    written: Written,
    version: u64,
    now: Timestamp,
) {
    let Some(side) = rules.sides.get(index) else { return };
    let Written { id, version: stamp, modified_at, stored, refused } = written;
    let stored = stored.map(|stored| without_references(rules, stored));
    match &write.action {
        Action::Create { .. } => {
            if let Some(claim) = link.claim.take() {
                base_of_claim(link, &claim, rules, index, stored.as_ref());
            }
            link.remote = Some(id);
            link.state = LinkState::Live;
            for (field, message) in refused {
                let slot = link.slots.slot_mut(field);
                let refused = Some(again(slot.refused.take(), version, message));
                *slot = LinkSlot { shadow: Shadow::Blank, ack: 0, refused };
            }
        }
        Action::Update { .. } => {
            let place = link.intents.iter().rposition(|intent| intent.key == write.key);
            let intent = place.map(|place| link.intents.remove(place));
            for (field, value, version) in intent.into_iter().flat_map(|intent| intent.fields) {
                if let Some((_, message)) = refused.iter().find(|(known, _)| *known == field)
                    && !mutant!(RefusalOverlooked)
                {
                    let slot = link.slots.slot_mut(field);
                    slot.refused = Some(again(slot.refused.take(), version, message.clone()));
                    continue;
                }
                let stored = stored_value(rules, index, field, value, stored.as_ref());
                let slot = link.slots.slot_mut(field);
                mutant!(ShadowNotUpdated => (), slot.shadow = Shadow::of(stored));
                slot.ack = version;
                slot.refused = None;
            }
        }
        Action::Delete { .. } => {
            link.state = LinkState::Gone { at: now };
            link.intents.clear();
        }
    }
    link.version = stamp.filter(|_| is_known(write, side, link));
    if modified_at.is_some() {
        link.modified_at = modified_at;
    }
    link.observed = None;
    link.parked = None;
}

/// Returns the refusal of a field in a write that was applied without it, counted on.
fn again(before: Option<Refusal>, version: u64, message: String) -> Refusal {
    let attempts = before.map_or(0, |before| before.attempts()).saturating_add(1);
    let details = Details { attempts, ..Details::default() };
    Refusal { version, message, details: Some(Box::new(details)) }
}

/// Leaves out what names the provider's own records: what was sent says it in our terms.
fn without_references(rules: &Rules, stored: Fields) -> Fields {
    let refers = |field: Field| rules.references().any(|(known, _)| known == field);
    stored.into_iter().filter(|(field, _)| !refers(*field)).collect()
}

/// Returns what sets hold of which the answer says that not all was stored: what did come came
/// from us.
fn partly_stored(
    link: &Link,
    rules: &Rules,
    (index, ties): (usize, &Ties),
    write: &Write,
    written: &Written,
) -> Vec<(Field, Shadow)> {
    let Some(stored) = &written.stored else { return Vec::new() };
    let intent = link.intents.iter().rfind(|intent| intent.key == write.key);
    let partly = |(field, kind): (Field, ObjectKind)| {
        let Value::List(there) = stored.get(field)? else { return None };
        let refused = written.refused.iter().any(|(known, _)| *known == field);
        let (_, sent, _) = intent?.fields.iter().find(|(known, ..)| *known == field && refused)?;
        let held = link.slots.slot(field).and_then(|slot| slot.shadow.value());
        let known = [held, sent.as_ref()].into_iter().flatten().flat_map(Value::members);
        let named = |member: &&Value| ties.translate(index, kind, member);
        let came = known.filter(|it| named(it).is_some_and(|record| there.contains(&record)));
        let mut came: Vec<Value> = came.cloned().collect();
        came.sort();
        came.dedup();
        Some((field, Shadow::of((!came.is_empty()).then_some(Value::List(came)))))
    };
    rules.references().filter_map(partly).collect()
}

/// Returns whether the version that a write made is one that we know all of. An update lands on
/// whatever is there, and what a user entered since our read has the version that our write made:
/// such a record must be read again before an equal version may say that nothing changed.
fn is_known(write: &Write, side: &Side, link: &Link) -> bool {
    match write.action {
        Action::Create { .. } => link.intents.is_empty(),
        Action::Update { .. } | Action::Delete { .. } => match side.capability.concurrency {
            Concurrency::LastWriteWins => false,
            Concurrency::IfUnmodified => true,
        },
    }
}

/// What the provider holds after it stored a value: what it says, else what our model says.
fn stored_value(
    rules: &Rules,
    side: usize,
    field: Field,
    sent: Option<Value>,
    stored: Option<&Fields>,
) -> Option<Value> {
    if let Some(value) = stored.and_then(|fields| fields.get(field)) {
        return Some(value.clone());
    }
    let rule = rules.rule(side, field)?;
    sent.and_then(|value| rule.project(&value).map(std::borrow::Cow::into_owned))
}

/// Gives a record that we created its base: what was *sent*, not what is found later (R5). What
/// was not sent is blank.
pub(super) fn base_of_claim(
    link: &mut Link,
    claim: &Claim,
    rules: &Rules,
    side: usize,
    stored: Option<&Fields>,
) {
    for plan in &rules.fields {
        if plan.rules.get(side).copied().flatten().is_some() {
            link.slots.slot_mut(plan.field).shadow = Shadow::Blank;
        }
    }
    for (field, value, version) in &claim.fields {
        let stored = stored_value(rules, side, *field, Some(value.clone()), stored);
        let slot = link.slots.slot_mut(*field);
        slot.shadow = Shadow::of(stored);
        slot.ack = *version;
        slot.refused = None;
    }
}

/// Gives a record that we created, and found again after its fate was unknown, its base. Its ties
/// to other records are made by calls of their own, of which any may have failed: their base is
/// nothing, so that what is there counts as added and what is not there is written again.
pub(super) fn base_of_found(link: &mut Link, claim: &Claim, rules: &Rules, side: usize) {
    base_of_claim(link, claim, rules, side, None);
    for (field, _) in rules.references() {
        if rules.rule(side, field).is_some() {
            let slot = link.slots.slot_mut(field);
            slot.shadow = Shadow::Blank;
            slot.ack = 0;
        }
    }
}

fn refused(
    link: &mut Link,
    side: &Side,
    write: &Write,
    error: &ProviderError,
    version: u64,
    now: Timestamp,
) -> Settled {
    let disposition = error.disposition();
    let open = disposition == Disposition::Verify;
    match &write.action {
        Action::Create { .. } => {
            if let Some(claim) = &mut link.claim {
                claim.state = if open && !mutant!(OpenClaimRefused) {
                    // It may have been under way until now.
                    claim.at = now;
                    ClaimState::Ambiguous
                } else {
                    ClaimState::Refused
                };
            }
        }
        Action::Update { .. } if !open || mutant!(OpenIntentDropped) => {
            // Older ones of the same key may still land, and are kept to be recognised.
            if let Some(index) = link.intents.iter().rposition(|i| i.key == write.key) {
                link.intents.remove(index);
            }
        }
        Action::Update { .. } | Action::Delete { .. } => {}
    }
    match disposition {
        Disposition::Retry { after: Some(wait) } => Settled::Again(wait),
        Disposition::Retry { after: None } => Settled::Backoff,
        Disposition::Verify => verify(side),
        Disposition::Rebase => rebase(write),
        Disposition::Adopt => adopt(link, write, error, version, now),
        Disposition::Park => park(link, write, error, version, now),
        Disposition::Pause(cause) => Settled::Paused(cause),
    }
}

fn verify(side: &Side) -> Settled {
    let wait = side.capability.unknown_wait;
    if wait.is_zero() { Settled::Backoff } else { Settled::Again(wait) }
}

/// A record that is gone is looked at at once; a create cannot be stale.
fn rebase(write: &Write) -> Settled {
    match write.action {
        Action::Create { .. } => Settled::Backoff,
        Action::Update { .. } | Action::Delete { .. } => Settled::Again(Duration::ZERO),
    }
}

fn adopt(
    link: &mut Link,
    write: &Write,
    error: &ProviderError,
    version: u64,
    now: Timestamp,
) -> Settled {
    let ErrorKind::Conflict { existing } = error.kind() else {
        return Settled::Backoff;
    };
    match &write.action {
        Action::Create { .. } => Settled::Adopt(existing.clone()),
        Action::Update { patch, .. } => {
            // Another record holds the address: the rest of the patch goes on without it.
            if patch.contains(Field::EMAIL) && patch.len() > 1 {
                refuse_field(link, Field::EMAIL, write, error, version);
                Settled::Again(Duration::ZERO)
            } else {
                park_record(link, "duplicate_value", write, error, (version, now));
                Settled::Parked
            }
        }
        Action::Delete { .. } => Settled::Applied,
    }
}

fn park(
    link: &mut Link,
    write: &Write,
    error: &ProviderError,
    version: u64,
    now: Timestamp,
) -> Settled {
    let named = if let ErrorKind::Validation { field } = error.kind() { *field } else { None };
    let written = match &write.action {
        Action::Create { fields, .. } => named.filter(|field| fields.get(*field).is_some()),
        Action::Update { patch, .. } => named.filter(|field| patch.contains(*field)),
        Action::Delete { .. } => None,
    };
    if let Some(field) = written.filter(|_| !mutant!(RefusalParksRecord)) {
        refuse_field(link, field, write, error, version);
        return Settled::Again(Duration::ZERO);
    }
    park_record(link, error.kind().name(), write, error, (version, now));
    Settled::Parked
}

fn refuse_field(link: &mut Link, field: Field, write: &Write, error: &ProviderError, version: u64) {
    let slot = link.slots.slot_mut(field);
    let before = slot.refused.take().and_then(|refused| refused.details);
    let details = circumstance::details(write, error, before.as_deref());
    let message = circumstance::redacted(write, error);
    slot.refused = Some(Refusal { version, message, details: Some(Box::new(details)) });
}

/// Parks a link: nothing is written to it until the golden record has a newer version.
fn park_record(
    link: &mut Link,
    class: &str,
    write: &Write,
    error: &ProviderError,
    (version, at): (u64, Timestamp),
) {
    let before = link.parked.take().and_then(|parked| parked.details);
    link.parked = Some(Parked {
        class: class.to_owned(),
        message: circumstance::redacted(write, error),
        remedy: error
            .hint()
            .unwrap_or("correct the record; a changed value is tried again")
            .to_owned(),
        version,
        at,
        details: Some(Box::new(circumstance::details(write, error, before.as_deref()))),
    });
}

/// Returns whether an error leaves it open whether a write was applied.
pub fn is_open(error: &ProviderError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Transient { applied: Applied::Unknown }
            | ErrorKind::Malformed { applied: Applied::Unknown }
    )
}
