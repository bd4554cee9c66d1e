//! Taking back what a run did to one entity: pure, as every decision.
//!
//! A value is restored where its record still shows what the run wrote, and a record that the
//! run made is archived where nobody touched it since. Golden values that the run changed return
//! to what they were under a new version that every record is taken to know: what a record shows
//! otherwise is a known difference until somebody changes it, and is not written again.

use std::collections::BTreeMap;

use crm_core::{Action, Field, Remote, RunId, Value, Write, WriteKey, mutant};
use crm_store::{
    Conflict, Entity, FieldChange, GoldenSlot, History, Intent, Journal, JournalAction, Link,
    LinkState, Observation, Provenance, Shadow,
};
use jiff::Timestamp;

use super::merge::was_read;
use super::{Seen, Ties, target};
use crate::topology::Side;
use crate::undo::{Left, Stays, Undone};
use crate::{Rules, report};

/// The rule of golden values that return.
const RULE: &str = "undo";

/// What is known of an entity.
pub(crate) struct Past<'a> {
    /// All writes to its records, oldest first.
    pub journal: &'a [Journal],
    /// All golden values that replaced others.
    pub history: &'a [History],
    /// All its conflicts.
    pub conflicts: &'a [Conflict],
    /// What each side shows, read just now.
    pub seen: &'a [Seen],
    /// The records that entities have which this one refers to.
    pub ties: &'a Ties,
}

/// Which run is taken back, by which, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// The run that is taken back.
    pub target: RunId,
    /// The run that does it.
    pub run: RunId,
    /// The present.
    pub now: Timestamp,
    /// Whether the first sync is taken back, with all that was agreed in it.
    pub first: bool,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Undo {
    /// The entity as it shall be, with the writes announced in its links.
    pub entity: Entity,
    /// The writes, with the index of the side.
    pub writes: Vec<(usize, Write)>,
    /// Golden values that return.
    pub history: Vec<History>,
    /// What the writes do, in the same order as far as each side goes.
    pub undone: Vec<Undone>,
    /// What stays.
    pub left: Vec<Left>,
    /// What was as before already.
    pub already: u64,
    /// Whether anything of the entity changes.
    pub changed: bool,
}

/// Decides what is to be done with one entity.
pub(crate) fn decide(entity: Entity, past: &Past<'_>, order: Order, rules: &Rules) -> Undo {
    let next = entity.version + 1;
    let label = report::label(&entity);
    let mut undo = Undo {
        entity,
        writes: Vec::new(),
        history: Vec::new(),
        undone: Vec::new(),
        left: Vec::new(),
        already: 0,
        changed: false,
    };
    let returned = if order.first { Vec::new() } else { undo.golden(past, order, next) };
    for (index, side) in rules.sides.iter().enumerate() {
        let rows: Vec<&Journal> = past
            .journal
            .iter()
            .filter(|row| row.provider == side.provider && row.run == order.target)
            .collect();
        let seen = past.seen.get(index).unwrap_or(&Seen::Unread);
        let one = One { index, side, rules, seen, past, order, next, label: &label };
        if let Some(last) = rows.iter().rev().find(|row| row.action != JournalAction::Update) {
            undo.record(&one, last);
        } else if !rows.is_empty() {
            undo.fields(&one, &rows);
        }
        undo.know(side, &returned, next);
    }
    if undo.changed {
        undo.entity.version = next;
    }
    undo
}

/// One side of the entity.
struct One<'a> {
    index: usize,
    side: &'a Side,
    rules: &'a Rules,
    seen: &'a Seen,
    past: &'a Past<'a>,
    order: Order,
    next: u64,
    label: &'a str,
}

impl Undo {
    /// Lets golden values return that still are what the run made them.
    fn golden(&mut self, past: &Past<'_>, order: Order, next: u64) -> Vec<Field> {
        let mut before: BTreeMap<Field, (Option<Value>, u64)> = BTreeMap::new();
        for row in past.history.iter().filter(|row| row.run == order.target) {
            before.entry(row.field).or_insert_with(|| (row.before.clone(), 0)).1 = row.version;
        }
        // The first value of a field has no history. Where the run carried it to a record that
        // had none, there was none.
        let updates = past.journal.iter().filter(|row| row.run == order.target);
        for change in updates.flat_map(|row| &row.changes) {
            let slot = self.entity.golden.slot(change.field);
            let theirs = slot.filter(|slot| slot.provenance.run == order.target);
            if let Some(slot) = theirs.filter(|_| change.before == Shadow::Blank) {
                before.entry(change.field).or_insert((None, slot.provenance.version));
            }
        }
        let mut returned = Vec::new();
        for (field, (value, version)) in before {
            let Some(slot) = self.entity.golden.slot(field).cloned() else { continue };
            if slot.provenance.version != version || self.entity.golden.frozen(field).is_some() {
                continue;
            }
            self.history.push(History {
                entity: self.entity.id,
                field,
                version: next,
                before: slot.value,
                after: value.clone(),
                source: None,
                rule: RULE.to_owned(),
                at: order.now,
                run: order.run,
            });
            let (source, at, run) = (None, Some(order.now), order.run);
            let provenance = Provenance { version: next, source, at, run };
            self.entity.golden.set(field, GoldenSlot { value, provenance });
            self.changed = true;
            returned.push(field);
        }
        returned
    }

    /// Takes a record to know the golden values that returned, where nothing is written to it.
    fn know(&mut self, side: &Side, returned: &[Field], next: u64) {
        let written: Vec<Field> = {
            let link = self.entity.link(&side.provider);
            let intents = link.into_iter().flat_map(|link| &link.intents);
            let ours = intents.flat_map(|intent| &intent.fields);
            ours.filter(|(_, _, version)| *version == next).map(|(field, _, _)| *field).collect()
        };
        let Some(link) = self.entity.link_mut(&side.provider) else { return };
        for field in returned.iter().filter(|field| !written.contains(field)) {
            if link.slots.slot(*field).is_some() {
                link.slots.slot_mut(*field).ack = next;
            }
        }
    }

    /// Archives a record that the run made.
    fn record(&mut self, one: &One<'_>, row: &Journal) {
        if row.action == JournalAction::Delete {
            self.leave(one, row, None, Stays::Deleted);
            return;
        }
        let link = self.entity.link(&one.side.provider);
        let link = link.filter(|link| link.remote.as_ref() == Some(&row.remote));
        let (Some(link), false) = (link, *one.seen == Seen::Gone) else {
            self.already += 1;
            self.end(one);
            return;
        };
        let Some(remote) = one.seen.remote().filter(|remote| remote.id == row.remote) else {
            self.leave(one, row, None, Stays::Gone);
            return;
        };
        if !untouched(one, link, row, remote) && !mutant!(TouchedArchived) {
            self.leave(one, row, None, Stays::EditedSince);
            return;
        }
        let action = Action::Delete { id: row.remote.clone() };
        self.announce(one, action, Vec::new());
        self.undone.push(self.told(one, row, None, None, None));
    }

    /// Notes that a record is archived.
    fn end(&mut self, one: &One<'_>) {
        if let Some(link) = self.entity.link_mut(&one.side.provider)
            && link.is_live()
        {
            link.state = LinkState::Gone { at: one.order.now };
            link.intents.clear();
            self.changed = true;
        }
    }

    /// Restores the fields of a record that was there before.
    fn fields(&mut self, one: &One<'_>, rows: &[&Journal]) {
        let Some(last) = rows.last() else { return };
        let linked = self.entity.link(&one.side.provider).and_then(|link| link.remote.as_ref());
        let remote = one.seen.remote().filter(|_| linked == Some(&last.remote));
        let Some(remote) = remote else {
            self.leave(one, last, None, Stays::Gone);
            return;
        };
        let mut changes: BTreeMap<Field, (&FieldChange, &FieldChange)> = BTreeMap::new();
        for change in rows.iter().flat_map(|row| &row.changes) {
            changes.entry(change.field).or_insert((change, change)).1 = change;
        }
        let mut patch = Vec::new();
        for (field, (first, newest)) in changes {
            let shown = remote.fields.get(field);
            let blank = first.before == Shadow::Blank;
            let required = one.rules.rule(one.index, field).is_none_or(|rule| rule.required);
            if first.before.is(shown) {
                self.already += 1;
                self.settle(one, field, shown.cloned());
            } else if (shown != newest.after.as_ref() && !mutant!(RevertOverEdits))
                || !was_read(remote, field)
            {
                self.leave(one, last, Some(field), Stays::EditedSince);
            } else if first.before == Shadow::None {
                self.leave(one, last, Some(field), Stays::NoImage);
            } else if blank && required {
                self.leave(one, last, Some(field), Stays::Required);
            } else {
                let to = first.before.value().cloned();
                let version = self.entity.golden.version(field);
                let from = shown.cloned();
                self.undone.push(self.told(one, last, Some(field), from, to.clone()));
                patch.push((field, to, version));
            }
        }
        if patch.is_empty() {
            return;
        }
        let Some(link) = self.entity.link(&one.side.provider) else { return };
        let fields = target::patch(&patch, link, one.rules, one.index, one.past.ties);
        let (id, expected) = (remote.id.clone(), remote.version.clone());
        self.announce(one, Action::Update { id, patch: fields, expected }, patch);
    }

    /// Notes what a record shows that was restored before.
    fn settle(&mut self, one: &One<'_>, field: Field, shown: Option<Value>) {
        let version = self.entity.golden.version(field);
        let Some(link) = self.entity.link_mut(&one.side.provider) else { return };
        let slot = link.slots.slot_mut(field);
        let shadow = Shadow::of(shown);
        if slot.shadow != shadow {
            slot.shadow = shadow;
            slot.ack = version;
            self.changed = true;
        }
    }

    fn announce(
        &mut self,
        one: &One<'_>,
        action: Action,
        fields: Vec<(Field, Option<Value>, u64)>,
    ) {
        let key = WriteKey::derive(self.entity.id, &one.side.provider, one.next);
        if let Some(link) = self.entity.link_mut(&one.side.provider) {
            let (at, run) = (one.order.now, Some(one.order.run));
            link.intents.push(Intent { key, fields, at, watched: false, run });
        }
        self.writes.push((one.index, Write { key, kind: self.entity.kind, action }));
        self.changed = true;
    }

    fn leave(&mut self, one: &One<'_>, row: &Journal, field: Option<Field>, why: Stays) {
        self.left.push(Left {
            entity: self.entity.id,
            label: one.label.to_owned(),
            provider: row.provider.clone(),
            remote: row.remote.clone(),
            field,
            why,
            message: None,
        });
    }

    fn told(
        &self,
        one: &One<'_>,
        row: &Journal,
        field: Option<Field>,
        from: Option<Value>,
        to: Option<Value>,
    ) -> Undone {
        let (provider, remote) = (row.provider.clone(), row.remote.clone());
        let label = one.label.to_owned();
        Undone { entity: self.entity.id, label, provider, remote, field, from, to }
    }
}

/// Returns whether nobody touched a record since the run made it: it shows what we know it to
/// show, nothing that was entered there was ever taken or logged, and no later run wrote to it.
fn untouched(one: &One<'_>, link: &Link, made: &Journal, remote: &Remote) -> bool {
    let provider = Some(&one.side.provider);
    let same = one.side.capability.rules().all(|rule| {
        let slot = link.slots.slot(rule.field);
        !was_read(remote, rule.field)
            || slot.is_none_or(|slot| slot.shadow.is(remote.fields.get(rule.field)))
    });
    let written = one.past.journal.iter().any(|row| {
        row.provider == one.side.provider && row.seq > made.seq && row.run != one.order.target
    });
    let taken = one.past.history.iter();
    let taken = taken.filter(|row| row.at >= made.at).any(|row| row.source.as_ref() == provider);
    let logged = one.past.conflicts.iter().filter(|conflict| conflict.at >= made.at);
    let mut sides = logged.flat_map(|conflict| &conflict.contenders);
    same && !written && !taken && !sides.any(|side| side.provider.as_ref() == provider)
}

/// Makes an entity what it was before its first sync: everything read, nothing agreed. Links
/// that the run made and that are gone are forgotten; returns their connections.
pub(crate) fn forget(
    entity: &mut Entity,
    seen: &[Seen],
    writes: &[(usize, Write)],
    now: Timestamp,
    rules: &Rules,
) -> Vec<crm_core::ProviderId> {
    let keep = |link: &Link| link.state == LinkState::Live && link.remote.is_some();
    let gone = entity.links.iter().filter(|link| !keep(link));
    let gone: Vec<_> = gone.map(|link| link.provider.clone()).collect();
    entity.links.retain(keep);
    entity.golden = crm_store::Golden::default();
    for link in &mut entity.links {
        let index = rules.side(&link.provider);
        let shown = index.and_then(|index| seen.get(index)?.remote());
        let patched = writes.iter().filter(|(side, _)| Some(*side) == index);
        link.observed = Some(match shown {
            Some(remote) => {
                let mut fields = remote.fields.clone();
                for (_, write) in patched {
                    if let Action::Update { patch, .. } = &write.action {
                        fields.apply(patch);
                    }
                }
                Observation { fields, read: std::sync::Arc::clone(&remote.read), at: now }
            }
            None => from_slots(link, now),
        });
        link.slots.forget();
        link.intents.clear();
        link.claim = None;
        link.parked = None;
    }
    gone
}

/// Returns what a link is known to show as if it had been read.
fn from_slots(link: &Link, at: Timestamp) -> Observation {
    let known = || link.slots.iter().filter(|(_, slot)| slot.shadow != Shadow::None);
    let value = |(field, slot): (Field, &crm_store::LinkSlot)| {
        slot.shadow.value().map(|value| (field, value.clone()))
    };
    Observation {
        fields: known().filter_map(value).collect(),
        read: known().map(|(field, _)| field).collect(),
        at,
    }
}
