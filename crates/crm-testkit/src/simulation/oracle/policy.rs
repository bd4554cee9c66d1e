//! I7: who overwrites what he has not seen leaves a conflict behind, and the policy decides it.

use std::collections::BTreeSet;
use std::time::Duration;

use crm_core::{EntityId, ProviderId, Value};
use crm_store::{Conflict, ConflictState, Contender, History};
use jiff::Timestamp;

use super::super::scenario::Rule;
use super::facts::{Facts, shows};
use super::{Verdict, edits};
use crate::clock::later;
use crate::memory::{Account, Hand, Inner, Stroke};

pub(super) fn check(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for conflict in facts.conflicts.values().flatten() {
        verdict.conflicts += 1;
        order(facts, conflict, verdict);
    }
    for row in facts.history.values().flatten() {
        // Where a reference came to mean another entity, nothing was overwritten.
        if row.before != row.after && !is_causal(facts, inner, row) {
            let (field, before, after) =
                (row.field, text(row.before.as_ref()), text(row.after.as_ref()));
            let (source, at) = (&row.source, row.at);
            verdict.fault(format_args!(
                "I7: at {at} {field} of entity {} went from {before:?} to {after:?} by {source:?}, \
                 who had not seen it, and no conflict says so",
                row.entity
            ));
        }
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.map(Value::display)
}

/// Returns whether a user who entered the new value had the old one before him, or the old one
/// was logged as a loser. Who enters the same as somebody else speaks for both; and where another
/// contender had the old value before him, it is the base of their conflict (R9).
fn is_causal(facts: &Facts<'_>, inner: &Inner, row: &History) -> bool {
    let is_old = |value: Option<&Value>| value == row.before.as_ref();
    let logged = facts.logged(row.entity, row.field, is_old);
    let mut conflicts = facts.conflicts.get(&row.entity).into_iter().flatten();
    let base = conflicts.any(|c| c.field == row.field && c.at == row.at && is_old(c.base.as_ref()));
    if row.source.is_none() || logged || base || facts.is_set(row.field) {
        return true;
    }
    let mut entered = false;
    let head = facts.head(row.entity);
    let is_of = |owner: &EntityId| facts.head(*owner) == head;
    // A merge of records enters their values anew, so each record has a stroke of its own.
    let mut looked_at = BTreeSet::new();
    for stroke in inner.journal.strokes.iter().rev() {
        let Some(account) = inner.accounts.get(stroke.account) else { continue };
        let place = (stroke.account, stroke.record);
        let matches = stroke.field == row.field
            && stroke.hand == Hand::User
            && stroke.at <= row.at
            && facts.owners.get(&place).is_some_and(is_of)
            && stroke.value.as_deref().and_then(|t| account.value(row.field, t)) == row.after;
        if !matches || !looked_at.insert(place) {
            continue;
        }
        entered = true;
        if had_before(facts, (inner, account), row, stroke) {
            return true;
        }
    }
    let stored = (row.field, row.after.clone());
    let named = inner.accounts.iter().position(|account| row.source.as_ref() == Some(&account.id));
    // That nobody entered it is what I6 complains about.
    !entered || named.is_some_and(|index| edits::rewritten(facts, inner, index, &stored))
}

/// Returns whether a user painted over the old value, or over nothing but what was put over it.
fn had_before(
    facts: &Facts<'_>,
    (inner, account): (&Inner, &Account),
    row: &History,
    stroke: &Stroke,
) -> bool {
    // Who refers to a duplicate of itself refers to nobody; what became one later was two then.
    let itself = facts.head(row.entity).to_string();
    let before = row.before.as_ref();
    let other = before.filter(|before| before.display() != itself);
    let seen = |value: Option<&str>| {
        let filtered = value.filter(|value| *value != itself);
        shows(account, row.field, before, value) || shows(account, row.field, other, filtered)
    };
    let mut under: Option<&Stroke> = stroke.previous.and_then(|s| inner.journal.stroke(s));
    loop {
        let Some(stroke) = under else { return seen(None) };
        if seen(stroke.value.as_deref()) {
            return true;
        }
        // A late landing of our own write that no read has shown is nothing anybody knows of.
        let unseen = stroke.seen.is_none_or(|seen| seen > row.at);
        if matches!(stroke.hand, Hand::Engine { .. }) && !unseen {
            return false;
        }
        under = stroke.previous.and_then(|previous| inner.journal.stroke(previous));
    }
}

/// The largest difference of two stamps that says nothing.
const UNSURE: Duration = Duration::from_secs(5);

fn order(facts: &Facts<'_>, conflict: &Conflict, verdict: &mut Verdict) {
    let rule = facts.scenario.rule(conflict.field);
    let decided = conflict.state == ConflictState::Auto;
    let id = conflict.entity;
    if rule == Rule::Manual && decided && is_policy(&conflict.rule) {
        verdict.fault(format_args!("I7: a person was to decide about {id}: {conflict:?}"));
        return;
    }
    // Sets are joined: nobody wins.
    if !decided || !is_policy(&conflict.rule) || facts.is_set(conflict.field) {
        return;
    }
    let Some(winner) = conflict.contenders.iter().find(|contender| {
        contender.value == conflict.chosen && contender.provider == conflict.winner
    }) else {
        verdict.fault(format_args!("I7: the winner is no contender: {conflict:?}"));
        return;
    };
    let rank = |contender: &Contender| rank(facts, contender.provider.as_ref());
    let right = match rule {
        Rule::Primary => conflict.contenders.iter().all(|other| rank(winner) <= rank(other)),
        Rule::Secondary => conflict.contenders.iter().all(|other| rank(winner) >= rank(other)),
        Rule::Complete => {
            let class = |side: &Contender| usize::BITS - length(side).leading_zeros();
            conflict.contenders.iter().all(|other| class(winner) >= class(other))
        }
        // Of choices and references none is more than another: the highest rank wins.
        Rule::Longest if is_named(winner) => {
            conflict.contenders.iter().all(|other| rank(winner) <= rank(other))
        }
        Rule::Longest => conflict.contenders.iter().all(|o| extent(winner) >= extent(o)),
        Rule::Owner => {
            let owns = |side: &Contender| rank(side) == 1;
            owns(winner) || !conflict.contenders.iter().any(owns)
        }
        Rule::Latest | Rule::Strict => {
            let latest = conflict.contenders.iter().filter_map(|contender| contender.at).max();
            let late_enough =
                |at: Timestamp| latest.is_none_or(|latest| later(at, UNSURE) >= latest);
            let late = |side: &Contender| side.at.is_none_or(late_enough);
            // Who entered the same speaks for both.
            let same = |side: &&Contender| side.value == winner.value;
            late(winner)
                || rule == Rule::Strict && conflict.contenders.iter().filter(same).any(late)
        }
        Rule::Manual => true,
    };
    if !right {
        verdict.fault(format_args!("I7: {rule:?} decided wrongly: {conflict:?}"));
    }
}

pub(super) fn is_policy(rule: &str) -> bool {
    ["strict_latest", "most_complete", "manual"].contains(&rule)
        || rule.ends_with("_wins")
        || rule.starts_with("owner:")
        || rule.starts_with("merged")
}

/// Returns how long a contender's text is; what is no text is there or is not.
fn length(side: &Contender) -> usize {
    side.value.as_ref().map_or(0, |value| match value {
        Value::Text(text) => text.raw().chars().count(),
        Value::List(members) => members.len(),
        Value::Integer(_)
        | Value::Decimal(_)
        | Value::Bool(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::Choice(_)
        | Value::Ref(_) => 1,
    })
}

/// Returns whether a contender's value is one of several names.
fn is_named(side: &Contender) -> bool {
    side.value.as_ref().is_some_and(|value| matches!(value, Value::Choice(_) | Value::Ref(_)))
}

/// Returns by what a contender is compared where values are joined: the longest text, the
/// largest number, the latest time.
fn extent(side: &Contender) -> (usize, Option<&Value>) {
    let text = side.value.as_ref().is_some_and(|value| matches!(value, Value::Text(_)));
    (length(side), side.value.as_ref().filter(|_| !text))
}

pub(super) fn rank(facts: &Facts<'_>, provider: Option<&ProviderId>) -> usize {
    let Some(provider) = provider else { return 0 };
    let mut profiles = facts.scenario.profiles.iter();
    profiles.position(|profile| profile.name == provider.as_str()).unwrap_or(usize::MAX)
}
