//! Whether every write that stands is in the write journal, and can be explained and undone.

use crm_core::{EntityId, ProviderId, Value};
use crm_store::{FieldChange, Journal, JournalAction};

use super::facts::Facts;
use super::translation::entities_of;
use super::{Verdict, edits};
use crate::memory::{Hand, Inner, Stroke};

/// Checks every record that the engine made, and every value of its that nobody painted over.
pub(super) fn check(facts: &Facts<'_>, inner: &Inner, rows: &[Journal], verdict: &mut Verdict) {
    let of = |account: usize, record: u64| -> Option<Vec<&Journal>> {
        // What nobody is tied to any more cannot be looked for.
        facts.owner(account, record)?;
        let account = inner.accounts.get(account)?;
        let id = account.remote_id(record);
        let here = rows.iter().filter(|row| row.provider == account.id && row.remote == id);
        Some(here.collect())
    };
    for (account, record, _) in &inner.journal.creates {
        let Some(rows) = of(*account, *record) else { continue };
        if merged_unseen(inner, (*account, *record)) {
            continue;
        }
        if !rows.iter().any(|row| row.action == JournalAction::Create) {
            verdict.fault(format_args!("journal: nothing says who made {account}:{record}"));
        }
    }
    for stroke in &inner.journal.strokes {
        let ours = matches!(stroke.hand, Hand::Engine { .. });
        let stands = ours && stroke.next.is_none() && stroke.seen.is_some();
        let Some(rows) = of(stroke.account, stroke.record).filter(|_| stands) else { continue };
        let Some(account) = inner.accounts.get(stroke.account) else { continue };
        let value = stroke.value.as_deref().and_then(|text| account.value(stroke.field, text));
        // A side without attribution that stores what we send in a form of its own may hide one
        // field of a write that is recognised by its others.
        let untold = matches!(stroke.hand, Hand::Engine { told: false, .. });
        let hidden = untold && !rows.is_empty();
        let said = hidden
            || rows.iter().any(|row| match row.change(stroke.field) {
                Some(change) => leaves(facts, stroke, change, value.as_ref()),
                None => row.action == JournalAction::Create,
            });
        let stored = (stroke.field, value);
        let excused = is_edit(facts, stroke, &account.id)
            || was_there(facts, inner, stroke)
            || edits::rewritten(facts, inner, stroke.account, &stored);
        if !said && !excused {
            verdict.fault(format_args!("journal: nothing says who wrote {stroke:?}"));
        }
    }
}

/// Returns whether users merged another record into one of ours before anybody had seen it: whose
/// it was first, nobody knows.
fn merged_unseen(inner: &Inner, place: (usize, u64)) -> bool {
    let mut turns = inner.journal.turns.iter();
    turns.any(|(account, record, at)| {
        let own = |stroke: &&Stroke| (stroke.account, stroke.record) == (*account, *record);
        let mut strokes = inner.journal.strokes.iter().filter(own);
        (*account, *record) == place && strokes.all(|it| it.seen.is_none_or(|seen| *at <= seen))
    })
}

/// Returns whether a record referred already to whom a stroke brought or took, under another name:
/// of two that became one before the answer was found to be lost, one for the other, one more or
/// less is no change.
fn was_there(facts: &Facts<'_>, inner: &Inner, stroke: &Stroke) -> bool {
    let Some(member) = stroke.member else {
        let named = |stroke: &Stroke| {
            let id = stroke.value.as_deref()?.parse().ok().map(EntityId::from_uuid)?;
            Some(facts.head(id))
        };
        let previous = stroke.previous.and_then(|previous| inner.journal.stroke(previous));
        return named(stroke).is_some_and(|it| previous.and_then(named) == Some(it));
    };
    let head = |member: u64| facts.owners.get(&(stroke.account, member)).map(|id| facts.head(*id));
    let Some(who) = head(member) else { return false };
    inner.journal.strokes.iter().any(|other| {
        let same = |it: &Stroke| (it.account, it.record, it.field);
        let twin = other.member.filter(|other| *other != member).and_then(head);
        same(other) == same(stroke) && other.at < stroke.at && twin == Some(who)
    })
}

/// Returns whether a change leaves a record with what a stroke put there.
fn leaves(facts: &Facts<'_>, stroke: &Stroke, change: &FieldChange, value: Option<&Value>) -> bool {
    let after = change.after.as_ref();
    let heads = || entities_of(after).into_iter().map(|id| facts.head(id));
    if let Some(member) = stroke.member {
        // Whoever nobody is tied to any more cannot be looked for.
        let Some(who) = facts.owners.get(&(stroke.account, member)) else { return true };
        let (head, came) = (facts.head(*who), stroke.value.is_some());
        // Two that are one now were two then.
        return heads().any(|id| id == head) == came || entities_of(after).contains(who) == came;
    }
    match stroke.value.as_deref() {
        // The journal of the CRM was put into the words of the ledger.
        Some(text) if after.is_some_and(|after| after.as_reference().is_some()) => {
            heads().any(|id| id.to_string() == text)
        }
        Some(_) | None => after == value,
    }
}

/// What a side stored in a form of its own, when the answer was lost, is taken for an edit there:
/// then the history or a conflict says so.
fn is_edit(facts: &Facts<'_>, stroke: &Stroke, name: &ProviderId) -> bool {
    let Some(entity) = facts.owner(stroke.account, stroke.record) else { return true };
    let history = facts.history.get(&entity.id).into_iter().flatten();
    let mut history = history.filter(|row| row.field == stroke.field);
    let conflicts = facts.conflicts.get(&entity.id).into_iter().flatten();
    let conflicts = conflicts.filter(|conflict| conflict.field == stroke.field);
    let mut contenders = conflicts.flat_map(|conflict| &conflict.contenders);
    history.any(|row| row.source.as_ref() == Some(name))
        || contenders.any(|contender| contender.provider.as_ref() == Some(name))
}
