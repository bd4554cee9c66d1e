//! References. I1: every side shows the copies of what the ledger names, as far as it has them.
//! I4 and I6 for members of sets. I8: nothing refers to nothing, and nobody asks for that.

use std::time::Duration;

use crm_core::{EntityId, Field, FieldRule, Value};
use crm_store::Entity;

use super::facts::{Facts, is_apart};
use super::translation::entities_of;
use super::{Fate, Verdict, edits};
use crate::clock::{earlier, later};
use crate::memory::profile::room;
use crate::memory::{Account, Hand, Inner, Row, State, Stroke};

/// So long after a record is no more, the engine has noticed, unless something broke.
const NOTICED: Duration = Duration::from_mins(30);

pub(super) fn check(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for (index, account) in inner.accounts.iter().enumerate() {
        for row in account.rows.values().filter(|row| row.state == State::Live) {
            whole(inner, index, row, verdict);
        }
    }
    for stray in &inner.journal.strays {
        let broken = |at| facts.breaks.iter().any(|b| at <= *b && *b <= later(at, NOTICED));
        let late = |since| later(since, NOTICED) < stray.sent && !broken(since);
        if stray.since.is_none_or(late) {
            let name = inner.accounts.get(stray.account).map(|account| account.id.to_string());
            verdict.fault(format_args!(
                "I8: at {} {} was told to refer to {} in {}, which is no record (any more, since \
                 {:?})",
                stray.sent,
                name.unwrap_or_default(),
                stray.whom,
                stray.field,
                stray.since,
            ));
        }
    }
    phantoms(facts, inner, verdict);
}

/// The realm itself keeps references whole.
fn whole(inner: &Inner, index: usize, row: &Row, verdict: &mut Verdict) {
    let Some(account) = inner.accounts.get(index) else { return };
    for (field, member) in row.cells.keys() {
        let shown = inner.cell(row, (*field, *member)).is_some();
        let target = member.and_then(|member| account.rows.get(&member));
        if shown && member.is_some() && target.is_none_or(|row| row.state != State::Live) {
            let id = account.remote_id(row.number);
            verdict.fault(format_args!("I8: {field} of {id} refers to a record that is no more"));
        }
    }
}

/// Returns whether an account can refer to an entity.
pub(super) fn is_linkable(facts: &Facts<'_>, account: &Account, id: EntityId) -> bool {
    let Some(entity) = facts.entities.get(&id) else { return false };
    let link = entity.link(&account.id).filter(|link| link.is_live());
    let row = link.and_then(|link| account.row(entity.kind, link.remote.as_ref()?));
    row.is_some_and(|row| row.state == State::Live)
}

/// Returns whether a set at an account holds what it can of the golden one.
pub(super) fn agrees(
    facts: &Facts<'_>,
    inner: &Inner,
    (index, row): (usize, &Row),
    entity: &Entity,
    rule: &FieldRule,
) -> bool {
    let Some(account) = inner.accounts.get(index) else { return false };
    let golden = facts.members(entity.id, rule.field);
    let mut wanted = golden.clone();
    wanted.retain(|member| is_linkable(facts, account, *member));
    let numbers = inner.members(row, rule.field);
    let owners: Option<Vec<EntityId>> =
        numbers.iter().map(|number| facts.owners.get(&(index, *number)).copied()).collect();
    let owners = owners.map(|owners| owners.into_iter().map(|id| facts.head(id)).collect());
    let Some(mut shown): Option<Vec<EntityId>> = owners else { return false };
    for list in [&mut wanted, &mut shown] {
        list.sort();
        list.dedup();
    }
    // The record of a duplicate stands for the entity of which it is one.
    let room = room(rule).unwrap_or(usize::MAX);
    let missing = wanted.iter().filter(|member| !shown.contains(member)).count();
    let full = missing == 0 || shown.len() == room;
    full && shown.len() <= room && shown.iter().all(|member| golden.contains(member))
}

/// Says what became of a user's change of one member of a set.
pub(super) fn fate(facts: &Facts<'_>, inner: &Inner, stroke: &Stroke) -> Fate {
    let Some(next) = stroke.next.and_then(|next| inner.journal.stroke(next)) else {
        // It stands: I1 asks for it.
        return Fate::Kept;
    };
    let (Some(entity), Some(member)) = (facts.owner(stroke.account, stroke.record), stroke.member)
    else {
        return Fate::Kept;
    };
    let known = facts.owner(stroke.account, member).filter(|member| !is_apart(member));
    // Who nobody knows, or is in doubt, is nobody's member.
    let Some(member) = known else { return Fate::Kept };
    if is_apart(entity) || remembers(facts, entity, stroke, member.id) {
        return Fate::Kept;
    }
    let before = stroke.previous.and_then(|previous| inner.journal.stroke(previous));
    if stroke.value.is_none() && before.is_none_or(|before| edits::is_forgotten(facts, before)) {
        // Who was never seen in a set, as far as anybody remembers, did not leave it.
        return Fate::Kept;
    }
    match next.hand {
        Hand::Crm => Fate::Kept,
        Hand::User => {
            let unseen = stroke.seen.is_none_or(|seen| next.at <= later(seen, super::DECIDED));
            let broken = |at| facts.breaks.iter().any(|b| at <= *b && *b <= next.at);
            let undecided = facts.scenario.rule(stroke.field).may_wait();
            let excused = unseen || undecided || stroke.seen.is_some_and(broken);
            if excused { Fate::Kept } else { Fate::Lost }
        }
        Hand::Engine { sent, .. } => {
            let unseen = stroke.seen.is_none_or(|seen| seen > sent);
            let close = stroke.at >= earlier(sent, super::WINDOW);
            if unseen && close { Fate::AtRisk } else { Fate::Lost }
        }
    }
}

/// Returns whether the ledger ever knew of a member that came, or of one that went.
fn remembers(facts: &Facts<'_>, entity: &Entity, stroke: &Stroke, member: EntityId) -> bool {
    let came = stroke.value.is_some();
    let member = facts.head(member);
    let has = |value: Option<&Value>| entities_of(value).contains(&member);
    let mut all = facts.family(entity.id).filter_map(|id| facts.entities.get(&id));
    let now = all.any(|entity| has(entity.golden.value(stroke.field)) == came);
    let history = facts.family(entity.id).filter_map(|id| facts.history.get(&id)).flatten();
    let mut rows = history.filter(|row| row.field == stroke.field);
    let once = rows.any(|row| {
        let (before, after) = (has(row.before.as_ref()), has(row.after.as_ref()));
        if came { before || after } else { before && !after }
    });
    let logged = facts.logged(entity.id, stroke.field, |value| has(value) == came);
    now || once || logged || left_then(facts, entity, stroke)
}

/// Returns whether a member left a set, in the words of that time: it may since have become one
/// with another member, that stayed.
fn left_then(facts: &Facts<'_>, entity: &Entity, stroke: &Stroke) -> bool {
    let who = stroke.member.and_then(|member| facts.owners.get(&(stroke.account, member)));
    let Some(who) = who.filter(|_| stroke.value.is_none()) else { return false };
    let has = |value: Option<&Value>| entities_of(value).contains(who);
    let rows = facts.family(entity.id).filter_map(|id| facts.told.get(&id)).flatten();
    let mut rows = rows.filter(|row| row.field == stroke.field);
    rows.any(|row| has(row.before.as_ref()) && !has(row.after.as_ref()))
}

/// I6: who is in a set, or no longer, was put in or taken out by somebody.
fn phantoms(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for row in facts.history.values().flatten().filter(|row| facts.is_set(row.field)) {
        let (before, after) = (entities_of(row.before.as_ref()), entities_of(row.after.as_ref()));
        for member in after.iter().filter(|member| !before.contains(member)) {
            if !happened(facts, inner, (row.entity, row.field, *member), true) {
                let (field, entity) = (row.field, row.entity);
                verdict.fault(format_args!(
                    "I6: at {} {member} came into {field} of {entity}, and nobody put it there",
                    row.at
                ));
            }
        }
        for member in before.iter().filter(|member| !after.contains(member)) {
            if !happened(facts, inner, (row.entity, row.field, *member), false) {
                let (field, entity) = (row.field, row.entity);
                verdict.fault(format_args!(
                    "I6: at {} {member} left {field} of {entity}, and nobody took it out",
                    row.at
                ));
            }
        }
    }
}

fn happened(
    facts: &Facts<'_>,
    inner: &Inner,
    (entity, field, member): (EntityId, Field, EntityId),
    came: bool,
) -> bool {
    inner.journal.strokes.iter().any(|stroke| {
        let by_engine = matches!(stroke.hand, Hand::Engine { .. });
        let who = stroke.member.and_then(|who| facts.owners.get(&(stroke.account, who)));
        let whose = facts.owners.get(&(stroke.account, stroke.record));
        let taken = !by_engine || (!came && is_hidden(inner, stroke));
        stroke.field == field
            && taken
            && stroke.value.is_some() == came
            && who.map_or_else(|| is_nobodys(inner, stroke), |who| facts.head(*who) == member)
            && whose.is_some_and(|whose| facts.head(*whose) == facts.head(entity))
    })
}

/// Returns whether a write of ours that landed late took somebody out of a set in which a user
/// changed more before anybody saw it: the user seems to have done both.
fn is_hidden(inner: &Inner, stroke: &Stroke) -> bool {
    let untold = matches!(stroke.hand, Hand::Engine { told: false, .. });
    untold
        && inner.journal.strokes.iter().any(|next| {
            let same = (next.account, next.record, next.field)
                == (stroke.account, stroke.record, stroke.field);
            let unseen = stroke.seen.is_none_or(|seen| next.at <= seen);
            same && unseen && next.at > stroke.at && next.hand == Hand::User
        })
}

/// Returns whether a stroke is about a record that is no more and that nobody is tied to: its
/// entity got another record there since, so it may have been anybody.
fn is_nobodys(inner: &Inner, stroke: &Stroke) -> bool {
    let account = inner.accounts.get(stroke.account);
    let row = account.zip(stroke.member).and_then(|(account, who)| account.rows.get(&who));
    row.is_some_and(|row| row.state != State::Live)
}
