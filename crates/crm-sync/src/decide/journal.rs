//! What is written into the journal: the state of a record before a write of ours, as soon as it
//! is known that the write was applied.

use crm_core::{Action, Author, Field, Remote, RemoteId, RunId, Value, Write, WriteKey, mutant};
use crm_store::{Entity, FieldChange, Intent, Journal, JournalAction, Link, LinkState, Shadow};
use jiff::Timestamp;

use super::merge::{announced, was_read};
use super::{Decision, Seen};
use crate::Rules;
use crate::topology::Side;

/// Returns what a record is known to show of the fields that a write changes: asked before the
/// write is settled.
pub(crate) fn before(entity: &Entity, side: &Side, write: &Write) -> Vec<(Field, Shadow)> {
    match &write.action {
        Action::Update { patch, .. } => {
            let link = entity.link(&side.provider);
            let shadow = |field| shadow_of(link, field);
            patch.iter().map(|(field, _)| (field, shadow(field))).collect()
        }
        Action::Create { .. } | Action::Delete { .. } => Vec::new(),
    }
}

/// Returns the row of a write that was answered, once the answer is settled.
pub(crate) fn applied(
    entity: &Entity,
    side: &Side,
    write: &Write,
    record: RemoteId,
    before: Vec<(Field, Shadow)>,
    when: (RunId, Timestamp),
) -> Journal {
    let link = entity.link(&side.provider);
    let change = |(field, before): (Field, Shadow)| {
        let slot = link.and_then(|link| link.slots.slot(field));
        FieldChange {
            field,
            before,
            after: slot.and_then(|slot| slot.shadow.value().cloned()),
            version: slot.map_or(0, |slot| slot.ack),
        }
    };
    let action = match &write.action {
        Action::Create { .. } => JournalAction::Create,
        Action::Update { .. } => JournalAction::Update,
        Action::Delete { .. } => JournalAction::Delete,
    };
    let changes = before.into_iter().map(change).collect();
    row(entity, side, write.key, record, action, when, changes)
}

/// Notes writes whose answer was lost and that the sides show all the same. Asked before the
/// merge, which lets the shadows follow.
pub(super) fn recognise(
    work: &mut Decision,
    seen: &[Seen],
    rules: &Rules,
    now: Timestamp,
    run: RunId,
) {
    mutant!(LostWriteUnsigned, return);
    let mut found = Vec::new();
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        let (Some(remote), Some(link)) = (seen.remote(), work.entity.link(&side.provider)) else {
            continue;
        };
        if let (LinkState::Claimed, Some(claim)) = (&link.state, &link.claim) {
            let key = WriteKey::derive(work.entity.id, &side.provider, work.entity.version);
            let when = (claim.run.unwrap_or(run), now);
            let (record, action) = (remote.id.clone(), JournalAction::Create);
            found.push(row(&work.entity, side, key, record, action, when, Vec::new()));
        }
        let mut landed: Vec<(&Intent, Vec<FieldChange>)> = Vec::new();
        for rule in rules.fields.iter().filter_map(|plan| plan.rules.get(index).copied()?) {
            let (field, shown) = (rule.field, remote.fields.get(rule.field));
            let shadow = shadow_of(Some(link), field);
            if !was_read(remote, field) || shadow.is(shown) {
                continue;
            }
            // Also where the record was changed by somebody since, who may have changed another
            // field: what we announced is there.
            let ours = || {
                // A side that stores what we send in a form of its own says that it was us.
                let newest = link.intents.last().filter(|_| remote.author == Some(Author::Ours))?;
                let of = newest.fields.iter().find(|(known, _, _)| *known == field);
                of.map(|(_, _, version)| (newest, *version))
            };
            let found = announced(link, field, shown, rule)
                .or_else(|| joined(link, field, &shadow, shown))
                .or_else(ours);
            let Some((intent, version)) = found else {
                continue;
            };
            let after = shown.cloned();
            let change = FieldChange { field, before: shadow, after, version };
            match landed.iter_mut().find(|(known, _)| std::ptr::eq(*known, intent)) {
                Some((_, changes)) => changes.push(change),
                None => landed.push((intent, vec![change])),
            }
        }
        for (intent, mut changes) in landed {
            changes.sort_by_key(|change| change.field);
            let when = (intent.run.unwrap_or(run), now);
            let (record, action) = (remote.id.clone(), JournalAction::Update);
            found.push(row(&work.entity, side, intent.key, record, action, when, changes));
        }
    }
    work.journal = found;
}

/// Returns the newest announced change of a set of which everything is there, beside what others
/// did to the set since.
fn joined<'l>(
    link: &'l Link,
    field: Field,
    before: &Shadow,
    shown: Option<&Value>,
) -> Option<(&'l Intent, u64)> {
    let members = |value: Option<&Value>| value.map_or(Vec::new(), |it| it.members().to_vec());
    let is_set = |value: Option<&Value>| matches!(value, Some(Value::List(_)));
    let (held, present) = (members(before.value()), members(shown));
    link.intents.iter().rev().find_map(|intent| {
        let (_, sent, version) = intent.fields.iter().find(|(known, _, _)| *known == field)?;
        if ![sent.as_ref(), before.value(), shown].into_iter().any(is_set) {
            return None;
        }
        let sent = members(sent.as_ref());
        let mut come = sent.iter().filter(|member| !held.contains(member)).peekable();
        let mut gone = held.iter().filter(|member| !sent.contains(member)).peekable();
        let changes = come.peek().is_some() || gone.peek().is_some();
        let landed = come.all(|it| present.contains(it)) && gone.all(|it| !present.contains(it));
        (changes && landed).then_some((intent, *version))
    })
}

/// Returns the row of a record that stands in the way of a create, if it carries our own uid: an
/// earlier create of ours that landed late.
pub(crate) fn found(
    entity: &Entity,
    side: &Side,
    remote: &Remote,
    (run, now): (RunId, Timestamp),
) -> Option<Journal> {
    if remote.uid.as_ref().and_then(crm_core::Uid::entity) != Some(entity.id) {
        return None;
    }
    let link = entity.link(&side.provider);
    let first = link.and_then(|link| link.intents.iter().find_map(|intent| intent.run));
    let key = WriteKey::derive(entity.id, &side.provider, entity.version);
    let (record, action) = (remote.id.clone(), JournalAction::Create);
    Some(row(entity, side, key, record, action, (first.unwrap_or(run), now), Vec::new()))
}

/// Returns the row of a record that carries our own uid and that nobody announced any more: a
/// create of ours that landed when the entity had another record there, or none.
pub(crate) fn stray(
    entity: &Entity,
    side: &Side,
    record: RemoteId,
    (run, now): (RunId, Timestamp),
) -> Journal {
    let link = entity.link(&side.provider);
    let first = link.and_then(|link| link.intents.iter().find_map(|intent| intent.run));
    let key = WriteKey::derive(entity.id, &side.provider, entity.version);
    let when = (first.unwrap_or(run), now);
    row(entity, side, key, record, JournalAction::Create, when, Vec::new())
}

/// Writes the run into the announcements that a decision made.
pub(super) fn sign(work: &mut Decision, run: RunId) {
    for link in &mut work.entity.links {
        let intents = link.intents.iter_mut().map(|intent| &mut intent.run);
        let claim = link.claim.iter_mut().map(|claim| &mut claim.run);
        for unsigned in intents.chain(claim) {
            unsigned.get_or_insert(run);
        }
    }
}

fn shadow_of(link: Option<&Link>, field: Field) -> Shadow {
    let slot = link.and_then(|link| link.slots.slot(field));
    slot.map(|slot| slot.shadow.clone()).unwrap_or_default()
}

fn row(
    entity: &Entity,
    side: &Side,
    key: WriteKey,
    remote: RemoteId,
    action: JournalAction,
    (run, at): (RunId, Timestamp),
    changes: Vec<FieldChange>,
) -> Journal {
    // What is recognised twice is noted once; what lands in two parts, or again, is noted twice.
    let key = key.landed(&remote, changes.iter().map(|change| change.field));
    Journal {
        seq: 0,
        key,
        entity: entity.id,
        kind: entity.kind,
        provider: side.provider.clone(),
        remote,
        action,
        run,
        at,
        changes,
    }
}
