//! What an engine may get wrong and everybody agree in the end: the checks that some mutants
//! showed to be missing.

use std::time::Duration;

use crm_core::{Field, Value};
use crm_store::{Conflict, ConflictState, Contender, Entity, EntityState, Link, LinkState};

use super::super::scenario::Mood;
use super::facts::{Facts, is_apart, shown, shows};
use super::{DECIDED, Verdict, WINDOW, edits};
use crate::clock::later;
use crate::memory::profile::Blame;
use crate::memory::{Account, Hand, Inner, Row, State};

pub(super) fn check(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for entity in facts.entities.values().filter(|entity| !is_apart(entity)) {
        life(entity, verdict);
        open(inner, entity, verdict);
        for (index, account) in inner.accounts.iter().enumerate() {
            if let Some(link) = entity.link(&account.id).filter(|link| link.is_live()) {
                refusals(account, entity, link, verdict);
            }
            merges(facts, account, (index, entity), verdict);
        }
    }
    for conflict in facts.conflicts.values().flatten() {
        close(facts, conflict, verdict);
        aware(facts, inner, conflict, verdict);
    }
    updates(facts, inner, verdict);
}

/// I1: an entity all of whose records are gone is gone.
fn life(entity: &Entity, verdict: &mut Verdict) {
    let lives = entity.links.iter().any(|link| match link.state {
        LinkState::Live | LinkState::Claimed | LinkState::Doomed { .. } => true,
        LinkState::Gone { .. } | LinkState::Merged { .. } => false,
    });
    if !lives && !entity.links.is_empty() {
        verdict.fault(format_args!("I1: entity {} lives, and has no record", entity.id));
    }
}

/// I2: whose records were merged in one CRM is one.
fn merges(
    facts: &Facts<'_>,
    account: &Account,
    (index, winner): (usize, &Entity),
    verdict: &mut Verdict,
) {
    let Some(kept) = winner.link(&account.id).and_then(|link| link.remote.as_ref()) else { return };
    let Some(kept) = account.row(winner.kind, kept).filter(|row| row.state == State::Live) else {
        return;
    };
    let into = |row: &&Row| matches!(row.state, State::Merged(into, _) if into == kept.number);
    for lost in account.rows.values().filter(into) {
        let Some(loser) = facts.owner(index, lost.number) else { continue };
        // Whose record moved on since was part of somebody else for a while.
        if loser.state == EntityState::Live && facts.head(loser.id) != facts.head(winner.id) {
            let id = account.remote_id(lost.number);
            verdict.fault(format_args!(
                "I2: {id} was merged into {}, but {} is another one than {}",
                account.remote_id(kept.number),
                loser.id,
                winner.id,
            ));
        }
    }
}

/// I7: nobody is asked about what everybody agrees on.
fn open(inner: &Inner, entity: &Entity, verdict: &mut Verdict) {
    for (field, slot) in entity.golden.iter() {
        // What a CRM stores in a form of its own is another value to whoever does not know that.
        let mut rewrites = inner.accounts.iter().flat_map(|account| account.profile.rewrites);
        if entity.golden.frozen(field).is_none() || rewrites.any(|(known, _)| *known == field) {
            continue;
        }
        let mut shown = inner.accounts.iter().enumerate().filter_map(|(index, account)| {
            let link = entity.link(&account.id).filter(|link| link.is_live())?;
            let row = account.row(entity.kind, link.remote.as_ref()?)?;
            account.profile.rule(field)?;
            let text = shown(inner, index, row.number, field);
            Some(shows(account, field, slot.value.as_ref(), text.as_deref()))
        });
        if shown.next() == Some(true) && shown.all(|agrees| agrees) {
            let id = entity.id;
            verdict.fault(format_args!("I7: a conflict about {field} of {id} has no contenders"));
        }
    }
}

/// I1: a refusal that names a field keeps nothing else back. S3: what a CRM requires is never
/// cleared there.
fn refusals(account: &Account, entity: &Entity, link: &Link, verdict: &mut Verdict) {
    let (id, name) = (entity.id, &account.id);
    let named = !matches!(account.profile.picky, Some((_, Blame::Unnamed)));
    if named && link.parked.as_ref().is_some_and(|parked| parked.class == "validation") {
        verdict.fault(format_args!("I1: one refused field keeps all of {id} back from {name}"));
    }
    for rule in account.profile.tables(entity.kind).flat_map(|table| table.rules) {
        let golden = entity.golden.slot(rule.field);
        let cleared = golden.filter(|slot| slot.value.is_none() && rule.required);
        let refused = link.slots.slot(rule.field).and_then(|slot| slot.refused.as_ref());
        let told = cleared
            .zip(refused)
            .is_some_and(|(slot, refused)| refused.version >= slot.provenance.version);
        if told {
            let field = rule.field;
            verdict.fault(format_args!("S3: {name} was told to clear {field} of {id}"));
        }
    }
}

/// No two clocks are trusted to be nearer than this.
const SKEW: Duration = Duration::from_secs(2);

/// I7: among changes that clocks cannot tell apart the rank decides.
fn close(facts: &Facts<'_>, conflict: &Conflict, verdict: &mut Verdict) {
    let latest = conflict.contenders.iter().filter_map(|contender| contender.at).max();
    let Some(latest) = latest.filter(|_| conflict.rule == "latest_wins") else { return };
    let won = |contender: &&Contender| {
        contender.value == conflict.chosen && contender.provider == conflict.winner
    };
    let Some(winner) = conflict.contenders.iter().find(won) else { return };
    let rank = |contender: &Contender| super::policy::rank(facts, contender.provider.as_ref());
    let before = |other: &&Contender| {
        rank(other) < rank(winner) && other.at.is_some_and(|at| later(at, SKEW) >= latest)
    };
    if let Some(other) = conflict.contenders.iter().find(before) {
        verdict.fault(format_args!("I7: {other:?} goes before the winner of {conflict:?}"));
    }
}

/// I7: who had the golden value before him and changed it did not act beside it.
fn aware(facts: &Facts<'_>, inner: &Inner, conflict: &Conflict, verdict: &mut Verdict) {
    let (field, entity) = (conflict.field, conflict.entity);
    let stays = conflict.contenders.iter().any(|contender| contender.value == conflict.base);
    let decided = match conflict.state {
        ConflictState::Auto | ConflictState::Open => true,
        ConflictState::Resolved | ConflictState::Stale => false,
    };
    let alone = facts.family(entity).count() == 1;
    if !stays || !decided || !alone || conflict.base.is_none() || facts.is_set(field) {
        return;
    }
    if !super::policy::is_policy(&conflict.rule) {
        return;
    }
    for contender in conflict.contenders.iter().filter(|c| c.value != conflict.base) {
        let provider = contender.provider.as_ref();
        let index = inner.accounts.iter().position(|account| Some(&account.id) == provider);
        let Some(index) = index else { continue };
        if had_seen(facts, inner, conflict, (index, contender.value.as_ref())) {
            let value = contender.value.as_ref().map(Value::display);
            verdict.fault(format_args!(
                "I7: at {} {value:?} of {provider:?} had to contend for {field} of {entity} with \
                 the value that it replaced",
                conflict.at,
            ));
        }
    }
}

/// Returns whether a user of an account replaced the base of a conflict, which the engine knew to
/// be there, and nothing happened that could have made it doubt that.
fn had_seen(
    facts: &Facts<'_>,
    inner: &Inner,
    conflict: &Conflict,
    (index, value): (usize, Option<&Value>),
) -> bool {
    let Some(account) = inner.accounts.get(index) else { return false };
    let field: Field = conflict.field;
    let stroke = inner.journal.strokes.iter().rev().find(|stroke| {
        stroke.account == index
            && stroke.field == field
            && stroke.hand == Hand::User
            && stroke.at <= conflict.at
            && facts.owners.get(&(index, stroke.record)) == Some(&conflict.entity)
    });
    let Some(stroke) = stroke else { return false };
    let before = stroke.previous.and_then(|previous| inner.journal.stroke(previous));
    let Some((before, seen)) = before.and_then(|before| Some((before, before.seen?))) else {
        return false;
    };
    let text = stroke.value.as_deref();
    let same = text.and_then(|text| account.value(field, text)).as_ref() == value;
    let based = shows(account, field, conflict.base.as_ref(), before.value.as_deref());
    let long = later(seen, DECIDED) <= stroke.at;
    let turned =
        inner.journal.turns.iter().any(|(a, record, _)| (*a, *record) == (index, stroke.record));
    let broken = facts.breaks.iter().any(|at| seen <= *at && *at <= conflict.at);
    let history = facts.history.get(&conflict.entity).into_iter().flatten();
    let mut changes = history.filter(|row| row.field == field);
    let moved = changes.any(|row| seen <= row.at && row.at < conflict.at);
    // What the CRM silently made of our own value is not known to be the base.
    let stored = before.value.as_deref().and_then(|text| account.value(field, text));
    let hidden = edits::rewritten(facts, inner, index, &(field, stored));
    same && based && long && !turned && !broken && !moved && !hidden
}

/// S1: a record is overwritten only on the word of a read just before. I5: in calm weather no
/// write is for nothing.
fn updates(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for update in &inner.journal.updates {
        let Some(account) = inner.accounts.get(update.account) else { continue };
        let (id, sent) = (account.remote_id(update.record), update.sent);
        if update.shown.is_none_or(|shown| later(shown, WINDOW) < sent) {
            let shown = update.shown;
            verdict.fault(format_args!(
                "S1: at {sent} {id} was overwritten, and was last read {shown:?}"
            ));
        }
        if update.idle && facts.scenario.mood == Mood::Calm {
            verdict.fault(format_args!("I5: at {sent} {id} was told what it held"));
        }
    }
}
