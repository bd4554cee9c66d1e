//! References: golden values name entities, and a provider's record names that provider's records.
//!
//! Whether an entity has a record at a side is not known to the entity that refers to it, so a
//! decision is given the [`Ties`] that it needs. What has no tie yet is left out of a write and
//! waited for; the rest of the record goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{EntityId, Field, FieldRule, ObjectKind, Ref, RemoteId, Value};
use crm_store::Shadow;

use super::Decision;
use crate::Rules;

/// Which record an entity has at a side, as far as a decision needs it.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    records: Arc<BTreeMap<(usize, EntityId), RemoteId>>,
}

impl Ties {
    /// Makes ties from the records of entities by side.
    pub fn new(records: BTreeMap<(usize, EntityId), RemoteId>) -> Self {
        Self { records: Arc::new(records) }
    }

    /// Returns these ties and others together.
    pub(crate) fn with(&self, others: &Self) -> Self {
        let mut records = BTreeMap::clone(&self.records);
        records.extend(others.records.iter().map(|(key, record)| (*key, record.clone())));
        Self::new(records)
    }

    fn record(&self, side: usize, entity: EntityId) -> Option<&RemoteId> {
        self.records.get(&(side, entity))
    }

    fn has(&self, side: usize, member: &Value) -> bool {
        entity_of(member).is_some_and(|entity| self.record(side, entity).is_some())
    }

    /// Returns a value as a side names it; `None` if nothing of it has a record there.
    pub(super) fn translate(&self, side: usize, kind: ObjectKind, value: &Value) -> Option<Value> {
        let remote = |member: &Value| {
            let record = self.record(side, entity_of(member)?)?;
            Some(Value::Ref(Ref::Remote(kind, record.clone())))
        };
        let Value::List(members) = value else { return remote(value) };
        let mut members: Vec<Value> = members.iter().filter_map(remote).collect();
        members.sort();
        (!members.is_empty()).then_some(Value::List(members))
    }
}

/// A reference that a side lost since its record is no more there.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// The side.
    pub side: usize,
    /// The field.
    pub field: Field,
    /// The entity that it named.
    pub member: Value,
}

/// Takes what a side lost out of its shadow: that it is not shown any more is no edit.
pub(super) fn forget(work: &mut Decision, rules: &Rules, lost: &[Lost]) {
    for Lost { side: index, field, member } in lost {
        let side = rules.sides.get(*index);
        let Some(link) = side.and_then(|side| work.entity.link_mut(&side.provider)) else {
            continue;
        };
        let slot = link.slots.slot_mut(*field);
        let Shadow::Held(held) = &slot.shadow else { continue };
        let left: Vec<Value> = held.members().iter().filter(|m| *m != member).cloned().collect();
        let is_set = matches!(held, Value::List(_));
        slot.shadow = Shadow::of((is_set && !left.is_empty()).then_some(Value::List(left)));
        if let Some(changed) = work.links_changed.get_mut(*index) {
            *changed = true;
        }
    }
}

/// Lets sides be behind that lost what is true: as soon as the record is there again, it is
/// referred to again.
pub(super) fn miss(work: &mut Decision, rules: &Rules, lost: &[Lost]) {
    for Lost { side, field, member } in lost {
        let golden = work.entity.golden.value(*field).map_or(&[][..], Value::members);
        let is_true = golden.contains(member);
        let side = rules.sides.get(*side).filter(|_| is_true);
        if let Some(link) = side.and_then(|side| work.entity.link_mut(&side.provider)) {
            link.slots.slot_mut(*field).ack = 0;
        }
    }
}

/// Returns the entity that a value names.
pub(super) fn entity_of(value: &Value) -> Option<EntityId> {
    match value.as_reference()? {
        Ref::Entity(id) => Some(*id),
        Ref::Remote(..) => None,
    }
}

/// What a side is to hold of a golden value that refers to records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    /// What it can hold by now.
    pub value: Option<Value>,
    /// What it holds already of what can be compared.
    pub held: Option<Value>,
    /// The entities without a record there.
    pub missing: Vec<EntityId>,
}

/// Finds out what a side can hold of a golden value.
pub(super) fn wanted(
    golden: Option<&Value>,
    rule: &FieldRule,
    shadow: &Shadow,
    side: usize,
    ties: &Ties,
) -> Wanted {
    let held = shadow.value();
    let Some(golden) = golden else {
        return Wanted { value: None, held: held.cloned(), missing: Vec::new() };
    };
    let (linked, alone): (Vec<&Value>, Vec<&Value>) =
        golden.members().iter().partition(|member| ties.has(side, member));
    let missing = alone.into_iter().filter_map(entity_of).collect();
    if !rule.ty.is_set() {
        return Wanted { value: linked.first().copied().cloned(), held: held.cloned(), missing };
    }
    let held: Vec<&Value> = held.map_or(&[][..], Value::members).iter().collect();
    let held: Vec<&Value> = held.into_iter().filter(|member| ties.has(side, member)).collect();
    Wanted { value: set(fitting(linked, &held, rule.length_max)), held: set(held), missing }
}

/// Chooses the members of a set that a side keeps which has room for so many: those that it has,
/// then the others in order.
fn fitting<'v>(mut wanted: Vec<&'v Value>, held: &[&Value], most: Option<u16>) -> Vec<&'v Value> {
    let most = most.map_or(usize::MAX, usize::from);
    if wanted.len() > most {
        wanted.sort_by_key(|member| (!held.contains(member), *member));
        wanted.truncate(most);
    }
    wanted
}

fn set(members: Vec<&Value>) -> Option<Value> {
    let mut members: Vec<Value> = members.into_iter().cloned().collect();
    members.sort();
    (!members.is_empty()).then_some(Value::List(members))
}
