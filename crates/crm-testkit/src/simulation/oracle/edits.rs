//! I4: no change that a user made is lost. I6: the ledger believes nothing that no user said.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::{EntityId, Field, Value};
use crm_store::{EntityState, History};
use jiff::Timestamp;

use super::facts::{Facts, shows};
use super::{DECIDED, Fate, Verdict, WINDOW, ties};
use crate::clock::{earlier, later};
use crate::memory::profile::Answer;
use crate::memory::{Account, Hand, Inner, Stroke};

/// An account and its number.
type At<'a> = (usize, &'a Account);

pub(super) fn check(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for stroke in &inner.journal.strokes {
        if stroke.hand != Hand::User {
            continue;
        }
        verdict.edits += 1;
        let fate = match stroke.member {
            Some(_) => ties::fate(facts, inner, stroke),
            None => fate(facts, inner, stroke),
        };
        match fate {
            Fate::Kept => {}
            Fate::AtRisk => {
                verdict.at_risk += 1;
                verdict.risks.push(story(inner, stroke));
            }
            Fate::Lost => {
                let story = story(inner, stroke);
                verdict.fault(format_args!("I4: {story}, and nobody knows of it"));
            }
        }
    }
    phantoms(facts, inner, verdict);
}

fn story(inner: &Inner, stroke: &Stroke) -> String {
    let account = inner.accounts.get(stroke.account);
    let id = account.map(|account| account.remote_id(stroke.record).to_string());
    let Stroke { at, field, value, seen, .. } = stroke;
    let over = stroke.next.and_then(|next| inner.journal.stroke(next));
    let over = over.map(|over| (over.at, over.hand, over.value.clone()));
    let id = id.unwrap_or_default();
    format!("at {at} a user made {field} of {id} {value:?} (first seen {seen:?}, then {over:?})")
}

fn fate(facts: &Facts<'_>, inner: &Inner, stroke: &Stroke) -> Fate {
    let Some(next) = stroke.next.and_then(|next| inner.journal.stroke(next)) else {
        // It stands, and whether the others have it is what I1 asks; or its record is no more,
        // and took it along.
        return Fate::Kept;
    };
    let Some(account) = inner.accounts.get(stroke.account) else { return Fate::Lost };
    let Some(entity) = facts.owner(stroke.account, stroke.record) else { return Fate::Kept };
    let matches =
        |value: Option<&Value>| shows(account, stroke.field, value, stroke.value.as_deref());
    if stroke.value.as_deref() == Some(&*facts.head(entity.id).to_string()) {
        // Who refers to a duplicate of itself refers to nobody.
        return Fate::Kept;
    }
    let mut owners = facts.all_owners(stroke.account, stroke.record);
    let remembered = owners.any(|owner| facts.remembers(owner, stroke.field, matches));
    if remembered || is_mute(facts, inner, entity, stroke) || died_with_it(facts, inner, stroke) {
        return Fate::Kept;
    }
    match next.hand {
        // What it referred to is no more.
        Hand::Crm => Fate::Kept,
        Hand::User => {
            if overwritten_in_time(facts, inner, entity, stroke, next) {
                Fate::Kept
            } else {
                Fate::Lost
            }
        }
        Hand::Engine { sent, .. } => {
            let unseen = stroke.seen.is_none_or(|seen| seen > sent);
            if unseen && stroke.at >= earlier(sent, WINDOW) { Fate::AtRisk } else { Fate::Lost }
        }
    }
}

/// Returns whether a reference was dropped to whom was deleted or merged away before anybody saw
/// it: nobody can tell that from a CRM that drops what leads nowhere.
fn died_with_it(facts: &Facts<'_>, inner: &Inner, stroke: &Stroke) -> bool {
    let before = stroke.previous.and_then(|previous| inner.journal.stroke(previous));
    let Some(whom) = before.and_then(|before| before.value.as_deref()) else { return false };
    let is_whom = |owner: &EntityId| facts.head(*owner).to_string() == whom;
    stroke.value.is_none()
        && inner.journal.turns.iter().any(|(account, record, at)| {
            let in_time = stroke.seen.is_none_or(|seen| *at <= seen);
            let owner = facts.owners.get(&(*account, *record));
            *account == stroke.account && in_time && owner.is_some_and(is_whom)
        })
}

/// A blank has nothing to say where nobody knew that there was anything else: at first contact,
/// over a value that was never decided on, and after a record came back.
fn is_mute(facts: &Facts<'_>, inner: &Inner, entity: &crm_store::Entity, stroke: &Stroke) -> bool {
    let Some(account) = inner.accounts.get(stroke.account) else { return false };
    let before = stroke.previous.and_then(|previous| inner.journal.stroke(previous));
    let unknown = before.is_none_or(|before| {
        let is_it =
            |value: Option<&Value>| shows(account, stroke.field, value, before.value.as_deref());
        before.seen.is_none_or(|seen| stroke.at <= later(seen, WINDOW))
            || is_forgotten(facts, before)
            || !facts.remembers(entity, stroke.field, is_it)
    });
    let returned = inner.journal.turns.iter().any(|(account, record, at)| {
        (*account, *record) == (stroke.account, stroke.record)
            && stroke.seen.is_none_or(|seen| *at <= seen)
            && stroke.at <= later(*at, DECIDED)
    });
    stroke.value.is_none() && (unknown || returned)
}

/// Returns whether a value was shown to a process that ended before it can have decided on it:
/// what was read and not committed, nobody remembers.
pub(super) fn is_forgotten(facts: &Facts<'_>, stroke: &Stroke) -> bool {
    let Some(seen) = stroke.seen else { return true };
    facts.breaks.iter().any(|at| seen <= *at && *at <= later(seen, COMMITTED))
}

/// Returns whether a user painted over a change before the engine can have decided on it.
fn overwritten_in_time(
    facts: &Facts<'_>,
    inner: &Inner,
    entity: &crm_store::Entity,
    stroke: &Stroke,
    next: &Stroke,
) -> bool {
    let Some(seen) = stroke.seen else { return true };
    // An entity in doubt is not decided on; what was written somewhere was decided.
    let doubtful = !inner.journal.strokes.iter().any(|other| {
        other.hand != Hand::User
            && other.at < next.at
            && facts.owners.get(&(other.account, other.record)) == Some(&entity.id)
    });
    let apart = doubtful || !matches!(entity.state, EntityState::Live);
    let conflicts = || facts.family(entity.id).filter_map(|id| facts.conflicts.get(&id)).flatten();
    let flips = conflicts().any(|it| it.field == stroke.field && it.rule == "oscillation");
    let undecided = facts.scenario.rule(stroke.field).may_wait() || flips;
    let apart = apart || has_twin(inner, stroke);
    let broken = facts.breaks.iter().any(|at| seen <= *at && *at <= later(next.at, DECIDED));
    apart || undecided || broken || next.at <= later(seen, DECIDED)
}

/// Returns whether a record shares its address with another one of the account: who is who is in
/// doubt until somebody says so.
fn has_twin(inner: &Inner, stroke: &Stroke) -> bool {
    let strokes = || inner.journal.strokes.iter().filter(|it| it.field == Field::EMAIL);
    let of = |it: &Stroke| it.value.as_deref().map(str::to_lowercase);
    strokes().filter(|own| (own.account, own.record) == (stroke.account, stroke.record)).any(
        |own| {
            let address = of(own);
            address.is_some()
                && strokes().any(|other| {
                    let other_record = other.account == own.account && other.record != own.record;
                    other_record && of(other) == address
                })
        },
    )
}

/// So long after an answer, it is committed unless the process died.
const COMMITTED: Duration = Duration::from_mins(1);

/// Returns whether a value is what a CRM made of the engine's own write, in a way that its table
/// does not tell, and the engine was not told either. Nobody can tell that from a user's change.
pub(super) fn rewritten(
    facts: &Facts<'_>,
    inner: &Inner,
    index: usize,
    (field, value): &(Field, Option<Value>),
) -> bool {
    let Some(account) = inner.accounts.get(index) else { return false };
    let rewrites = account.profile.rewrites.iter().any(|(rewritten, _)| rewritten == field);
    rewrites
        && inner.journal.strokes.iter().any(|stroke| {
            // Where the same stood before, the engine's write left no stroke of its own.
            let (sent, told) = match stroke.hand {
                Hand::Engine { sent, told } => (sent, told),
                Hand::User => (stroke.at, account.profile.answer != Answer::Bare),
                Hand::Crm => return false,
            };
            let same = stroke.account == index
                && stroke.field == *field
                && stroke.value.as_deref().and_then(|t| account.value(*field, t)) == *value;
            let until = later(stroke.at, COMMITTED);
            same && (!told || facts.breaks.iter().any(|at| sent <= *at && *at <= until))
        })
}

/// Returns whether a value was taken over that is our own write, landed late, in a record that a
/// user changed since: nobody can tell, and a conflict says so.
fn suspected(facts: &Facts<'_>, inner: &Inner, (index, account): At<'_>, row: &History) -> bool {
    let mut conflicts = facts.conflicts.get(&row.entity).into_iter().flatten();
    let told = conflicts.any(|conflict| {
        let same = (conflict.field, conflict.at) == (row.field, row.at);
        same && conflict.chosen == row.after
    });
    let mut strokes = inner.journal.strokes.iter();
    told && strokes.any(|stroke| {
        let Hand::Engine { sent, told } = stroke.hand else { return false };
        let until = later(stroke.at, COMMITTED);
        let late = !told || facts.breaks.iter().any(|at| sent <= *at && *at <= until);
        let value = stroke.value.as_deref().and_then(|text| account.value(stroke.field, text));
        let ours = late && (stroke.account, stroke.field) == (index, row.field);
        ours && value == row.after
            && inner.journal.strokes.iter().any(|next| {
                let since = stroke.at <= next.at && next.at <= row.at;
                let same = (next.account, next.record) == (stroke.account, stroke.record);
                since && same && next.hand == Hand::User
            })
    })
}

/// I6: every value that the ledger took over from a side was entered there by a user, and as
/// often.
fn phantoms(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for (index, account) in inner.accounts.iter().enumerate() {
        let turned = inner.journal.turns.iter().filter(|(turned, _, _)| *turned == index).count();
        let mut entered: BTreeMap<(Field, Option<Value>), usize> = BTreeMap::new();
        for stroke in &inner.journal.strokes {
            let by_engine = matches!(stroke.hand, Hand::Engine { .. });
            if stroke.account == index && !by_engine && stroke.member.is_none() {
                let value = stroke.value.as_deref().and_then(|t| account.value(stroke.field, t));
                *entered.entry((stroke.field, value)).or_default() += 1;
                // Who was made to refer to a duplicate of itself refers to nobody.
                let owner = facts.owners.get(&(index, stroke.record));
                let itself = owner.map(|owner| facts.head(*owner).to_string());
                if itself.is_some() && itself.as_deref() == stroke.value.as_deref() {
                    *entered.entry((stroke.field, None)).or_default() += 1;
                }
            }
        }
        // A record that comes back is met anew, with all that it shows, whoever wrote it.
        for (turned, record, at) in &inner.journal.turns {
            let strokes = inner.journal.strokes.iter().filter(|stroke| {
                (stroke.account, stroke.record) == (*turned, *record)
                    && *turned == index
                    && stroke.at <= *at
                    && stroke.hand != Hand::User
            });
            for stroke in strokes {
                let value = stroke.value.as_deref().and_then(|t| account.value(stroke.field, t));
                *entered.entry((stroke.field, value)).or_default() += 1;
            }
        }
        let mut taken: BTreeMap<(Field, Option<Value>), (usize, Timestamp)> = BTreeMap::new();
        for row in facts.history.values().flatten() {
            // A record that came along with a merge is met anew by the entity that is left.
            let inherited = facts.is_inherited(row.entity, row.field, row.after.as_ref());
            let source = row.source.as_ref() == Some(&account.id);
            let known = inherited || source && suspected(facts, inner, (index, account), row);
            if known || facts.is_set(row.field) || row.before == row.after {
                continue;
            }
            if source {
                let entry = taken.entry((row.field, row.after.clone())).or_insert((0, row.at));
                entry.0 += 1;
                entry.1 = row.at;
            }
        }
        for (key, (times, at)) in taken {
            let times_entered = entered.get(&key).copied().unwrap_or(0);
            let allowed = if times_entered == 0 { 0 } else { times_entered + turned };
            if times > allowed && !rewritten(facts, inner, index, &key) {
                let ((field, value), name) = (key, &account.id);
                let value = value.map(|value| value.display());
                verdict.fault(format_args!(
                    "I6: the ledger took {field} = {value:?} over from {name} {times} times \
                     (last at {at}), and users entered it {times_entered} times"
                ));
            }
        }
    }
}
