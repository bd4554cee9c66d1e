//! I1: everybody shows what the ledger holds to be true, or a row says why not. I2: nobody exists
//! twice, unless users made them so.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::{Field, Value};
use crm_store::{Entity, EntityState, Link, LinkState};

use super::facts::{Facts, is_apart, shown, shows};
use super::translation::entities_of;
use super::{Verdict, ties};
use crate::clock::earlier;
use crate::memory::{Account, Hand, Inner, Row, State};

pub(super) fn check(facts: &Facts<'_>, inner: &Inner, verdict: &mut Verdict) {
    for (index, account) in inner.accounts.iter().enumerate() {
        for row in account.kinds.iter().flat_map(|kind| account.live(*kind)) {
            if facts.owner(index, row.number).is_none() {
                let id = account.remote_id(row.number);
                verdict.fault(format_args!("I1: nobody knows the record {id}"));
            }
        }
        for field in [Field::EMAIL, Field::DOMAIN] {
            duplicates(facts, inner, index, field, verdict);
        }
    }
    for entity in facts.entities.values() {
        if is_apart(entity) {
            verdict.excused += u64::from(matches!(entity.state, EntityState::Held { .. }));
            continue;
        }
        verdict.entities += 1;
        for (index, account) in inner.accounts.iter().enumerate() {
            let form = entity.golden.value(Field::TYPE).and_then(Value::as_str);
            let mut tables = account.profile.tables(entity.kind);
            if tables.any(|table| table.variant.is_none() || table.variant == form) {
                link(facts, inner, entity, index, verdict);
            }
        }
    }
}

fn link(facts: &Facts<'_>, inner: &Inner, entity: &Entity, index: usize, verdict: &mut Verdict) {
    let Some(account) = inner.accounts.get(index) else { return };
    let (id, name) = (entity.id, &account.id);
    let Some(link) = entity.link(name) else {
        // What a record is makes none.
        let says =
            |(field, value): (Field, Option<&Value>)| field != Field::TYPE && value.is_some();
        if entity.golden.iter().any(|(field, slot)| says((field, slot.value.as_ref()))) {
            verdict.fault(format_args!("I1: entity {id} has no record at {name}"));
        }
        return;
    };
    match link.state {
        LinkState::Gone { .. } | LinkState::Merged { .. } => {
            let live = link.remote.as_ref().and_then(|remote| account.row(entity.kind, remote));
            if live.is_some_and(|row| row.state == State::Live) {
                verdict
                    .fault(format_args!("I1: entity {id} takes a live record at {name} for gone"));
            }
        }
        LinkState::Doomed { .. } => {
            verdict.fault(format_args!("I1: the delete of {id} at {name} is still open"));
        }
        LinkState::Claimed => {
            // Without the values that were refused, nothing may be left to make a record of.
            let refused = link.slots.iter().any(|(_, slot)| slot.refused.is_some());
            if link.parked.is_some() || (refused && !link.is_open()) {
                excuse(inner, entity, index, account, link, verdict);
            } else {
                verdict.fault(format_args!("I1: the create of {id} at {name} is still open"));
            }
        }
        LinkState::Live => values(facts, inner, (entity, link), index, verdict),
    }
}

fn values(
    facts: &Facts<'_>,
    inner: &Inner,
    (entity, link): (&Entity, &Link),
    index: usize,
    verdict: &mut Verdict,
) {
    let Some(account) = inner.accounts.get(index) else { return };
    let (id, name) = (entity.id, &account.id);
    let row = link.remote.as_ref().and_then(|remote| account.row(entity.kind, remote));
    let Some(row) = row.filter(|row| row.state == State::Live) else {
        verdict.fault(format_args!("I1: entity {id} is tied to a record at {name} that is gone"));
        return;
    };
    for rule in account.rules(row.table) {
        let field = rule.field;
        let golden = entity.golden.value(field);
        if rule.ty.is_set() {
            if ties::agrees(facts, inner, (index, row), entity, rule) {
                continue;
            }
        } else {
            let shown = shown(inner, index, row.number, field);
            // Who refers to a duplicate of itself refers to nobody.
            let shown = shown.filter(|text| **text != *entity.id.to_string());
            if shows(account, field, golden, shown.as_deref()) {
                continue;
            }
        }
        let refused = link.slots.slot(field).is_some_and(|slot| slot.refused.is_some());
        // A required field cannot be cleared there.
        let kept = rule.required && golden.is_none();
        // What has no record there cannot be referred to.
        let to = entities_of(golden);
        let apart = !rule.ty.is_set()
            && !to.is_empty()
            && !to.iter().any(|to| ties::is_linkable(facts, account, *to));
        if entity.golden.frozen(field).is_some() {
            verdict.excused += 1;
        } else if refused || link.parked.is_some() {
            excuse(inner, entity, index, account, link, verdict);
        } else if kept || apart {
            verdict.excused += 1;
        } else {
            let shown = inner.values(account, row);
            verdict.fault(format_args!(
                "I1: {field} of {} {id} is {:?}, but {} shows {:?}",
                entity.kind,
                golden.map(Value::display),
                account.remote_id(row.number),
                shown.get(field).map(Value::display),
            ));
        }
    }
}

/// A row that says why is worth nothing if the account never refused anything.
fn excuse(
    inner: &Inner,
    entity: &Entity,
    index: usize,
    account: &Account,
    link: &Link,
    verdict: &mut Verdict,
) {
    verdict.excused += 1;
    let (id, name) = (entity.id, &account.id);
    let class = link.parked.as_ref().map(|parked| parked.class.as_str());
    let missing = |field: Field| entity.golden.value(field).is_none();
    let known = if class == Some("missing_required") {
        let mut rules = account.profile.tables(entity.kind).flat_map(|table| table.rules);
        rules.any(|rule| rule.required && missing(rule.field))
    } else if class == Some("duplicate") && had_once(inner, entity, index, account) {
        true
    } else {
        let remote = link.remote.as_ref().map(|remote| remote.as_str().to_owned());
        [remote, Some(id.to_string())].into_iter().flatten().any(|whom| {
            let mut refusals = inner.journal.refusals.range((index, whom.clone())..);
            refusals
                .next()
                .is_some_and(|(account, refused)| *account == index && refused.starts_with(&whom))
        })
    };
    if !known {
        let parked = &link.parked;
        verdict.fault(format_args!("I1: {id} is put aside at {name} without a reason: {parked:?}"));
    }
}

/// So long before a create was sent, its twin may not yet have been visible to the look for one.
const BLIND: Duration = Duration::from_mins(1);

/// Returns whether users deleted a record of ours before anybody had seen it, and brought it back
/// when there was another one.
fn came_back(inner: &Inner, index: usize, record: u64, other: u64) -> bool {
    let made = inner.journal.creates.iter().find(|it| (it.0, it.1) == (index, other));
    let Some((.., made)) = made else { return false };
    let turns = inner.journal.turns.iter();
    let mut turns = turns.filter(|(account, turned, _)| (*account, *turned) == (index, record));
    let mut strokes = inner.journal.strokes.iter();
    turns.any(|(.., at)| at <= made)
        && turns.any(|(.., at)| at > made)
        && !strokes.any(|stroke| {
            let seen = stroke.seen.is_some_and(|seen| seen < *made);
            seen && (stroke.account, stroke.record) == (index, record)
        })
}

fn duplicates(facts: &Facts<'_>, inner: &Inner, index: usize, field: Field, verdict: &mut Verdict) {
    let Some(account) = inner.accounts.get(index) else { return };
    let mut uids: BTreeMap<&str, u64> = BTreeMap::new();
    let mut addresses: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in account.rows.values().filter(|row| row.state == State::Live) {
        if let Some(uid) = &row.uid
            && let Some(other) = uids.insert(uid.as_str(), row.number)
        {
            let (one, two) = (account.remote_id(other), account.remote_id(row.number));
            if came_back(inner, index, other, row.number)
                || came_back(inner, index, row.number, other)
            {
                verdict.excused += 1;
                continue;
            }
            verdict.fault(format_args!("I2: {one} and {two} have one uid"));
        }
        let text = inner.text(row, field);
        if let Some(Value::Text(text)) = text.and_then(|text| account.value(field, &text)) {
            addresses.entry(text.key().to_owned()).or_default().push(row);
        }
    }
    for rows in addresses.into_values().filter(|rows| rows.len() > 1) {
        for row in &rows {
            let made = inner
                .journal
                .creates
                .iter()
                .find(|(account, number, _)| *account == index && *number == row.number);
            // An address that came later was given to it by a user of some side.
            let Some((_, _, sent)) = made.filter(|(_, _, sent)| has_from(inner, row, field, *sent))
            else {
                continue;
            };
            let seen = earlier(*sent, BLIND);
            let twin = rows.iter().find(|twin| {
                // One that came back later lay in the recycle bin.
                let returned = inner.journal.turns.iter().any(|(account, number, at)| {
                    (*account, *number) == (index, twin.number) && *at >= seen
                });
                twin.number != row.number
                    && twin.created < seen
                    && had_address(inner, twin, field, seen)
                    && !returned
                    && !(field == Field::DOMAIN && is_namesake(facts, inner, (index, twin), *sent))
            });
            if let Some(twin) = twin {
                let (new, old) = (account.remote_id(row.number), account.remote_id(twin.number));
                verdict.fault(format_args!("I2: {new} was made although {old} was there"));
            }
        }
    }
}

/// Returns whether a company was kept in step with one elsewhere by then: another one with its
/// domain is no copy of it, but its namesake.
fn is_namesake(
    facts: &Facts<'_>,
    inner: &Inner,
    (index, row): (usize, &Row),
    at: jiff::Timestamp,
) -> bool {
    let owner = facts.owners.get(&(index, row.number));
    facts.owners.iter().any(|((account, number), other)| {
        let account = (*account != index && Some(other) == owner).then_some(*account);
        let row = account.and_then(|account| inner.accounts.get(account)?.rows.get(number));
        row.is_some_and(|row| row.created < at)
    })
}

/// Returns whether some record of an account ever had the address or domain of an entity.
fn had_once(inner: &Inner, entity: &Entity, index: usize, account: &Account) -> bool {
    let known = |field: Field| {
        let address = entity.golden.value(field);
        address.is_some()
            && inner.journal.strokes.iter().any(|stroke| {
                let text = stroke.value.as_deref().filter(|_| stroke.account == index);
                stroke.field == field
                    && text.and_then(|text| account.value(field, text)).as_ref() == address
            })
    };
    known(Field::EMAIL) || known(Field::DOMAIN)
}

/// Returns whether a record got the address that it shows now by a call that was sent then.
fn has_from(inner: &Inner, row: &Row, field: Field, call: jiff::Timestamp) -> bool {
    let stroke = row.cells.get(&(field, None)).and_then(|stroke| inner.journal.stroke(*stroke));
    stroke.is_some_and(|stroke| match stroke.hand {
        Hand::User | Hand::Crm => false,
        Hand::Engine { sent, .. } => sent == call,
    })
}

/// Returns whether the address that a record shows now was there at a moment, put by a user.
fn had_address(inner: &Inner, row: &Row, field: Field, at: jiff::Timestamp) -> bool {
    let stroke = row.cells.get(&(field, None)).and_then(|stroke| inner.journal.stroke(*stroke));
    stroke.is_some_and(|stroke| stroke.at < at && stroke.hand == Hand::User)
}
