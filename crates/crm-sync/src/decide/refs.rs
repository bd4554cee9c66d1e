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
    /// Which records a side names where it refers to an entity: they are its own, or those of
    /// duplicates that were merged into it elsewhere.
    shown: BTreeMap<(usize, EntityId), Vec<RemoteId>>,
}

impl Ties {
    /// Makes ties from the records of entities by side.
    pub fn new(records: BTreeMap<(usize, EntityId), RemoteId>) -> Self {
        Self { records: Arc::new(records), shown: BTreeMap::new() }
    }

    /// Returns these ties and others together.
    pub(crate) fn with(&self, others: &Self) -> Self {
        let mut records = BTreeMap::clone(&self.records);
        records.extend(others.records.iter().map(|(key, record)| (*key, record.clone())));
        Self { records: Arc::new(records), shown: self.shown.clone() }
    }

    /// Notes that a side names that record where it refers to an entity.
    pub fn show(&mut self, side: usize, entity: EntityId, record: RemoteId) {
        let shown = self.shown.entry((side, entity)).or_default();
        if !shown.contains(&record) {
            shown.push(record);
        }
    }

    /// Returns the record by which a side refers to an entity: as it does already, else by its
    /// own.
    fn record(&self, side: usize, entity: EntityId) -> Option<&RemoteId> {
        let own = self.records.get(&(side, entity));
        let shown = self.shown.get(&(side, entity)).map_or(&[][..], Vec::as_slice);
        own.filter(|own| shown.is_empty() || shown.contains(own)).or(shown.first())
    }

    /// Returns whether an entity has a record of its own at a side.
    fn has(&self, side: usize, member: &Value) -> bool {
        entity_of(member).is_some_and(|entity| self.records.contains_key(&(side, entity)))
    }

    /// Returns whether a side refers to an entity, be it by a record of a duplicate.
    fn shows(&self, side: usize, member: &Value) -> bool {
        entity_of(member).is_some_and(|entity| self.shown.contains_key(&(side, entity)))
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

    /// Returns what a set was as a side names it: of those that go, all records.
    pub(super) fn translate_base(
        &self,
        side: usize,
        kind: ObjectKind,
        base: &Value,
        wanted: Option<&Value>,
    ) -> Option<Value> {
        let stays = wanted.map_or(&[][..], Value::members);
        let reference = |record: &RemoteId| Value::Ref(Ref::Remote(kind, record.clone()));
        let mut members = Vec::new();
        for member in base.members() {
            let Some(entity) = entity_of(member) else { continue };
            if stays.contains(member) {
                members.extend(self.record(side, entity).map(reference));
            } else {
                let shown = self.shown.get(&(side, entity)).into_iter().flatten();
                members.extend(shown.chain(self.records.get(&(side, entity))).map(reference));
            }
        }
        members.sort();
        members.dedup();
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
    /// The entity into whose record that one was merged there, if anybody knows it.
    pub into: Option<Value>,
}

/// Takes what a side lost out of its shadow, or puts there what it was merged into: that it is not
/// shown any more is no edit.
pub(super) fn forget(work: &mut Decision, rules: &Rules, lost: &[Lost]) {
    for Lost { side: index, field, member, into } in lost {
        let side = rules.sides.get(*index);
        let Some(link) = side.and_then(|side| work.entity.link_mut(&side.provider)) else {
            continue;
        };
        let slot = link.slots.slot_mut(*field);
        let Shadow::Held(held) = &slot.shadow else { continue };
        let others = held.members().iter().filter(|it| *it != member);
        let mut left: Vec<Value> = others.chain(into).cloned().collect();
        left.sort();
        left.dedup();
        let is_set = matches!(held, Value::List(_));
        let left = if is_set { Some(Value::List(left)) } else { left.pop() };
        slot.shadow = Shadow::of(left.filter(|left| !left.members().is_empty()));
        if let Some(changed) = work.links_changed.get_mut(*index) {
            *changed = true;
        }
    }
}

/// Lets sides be behind that lost what is true: as soon as the record is there again, it is
/// referred to again.
pub(super) fn miss(work: &mut Decision, rules: &Rules, lost: &[Lost]) {
    for Lost { side, field, member, .. } in lost.iter().filter(|lost| lost.into.is_none()) {
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
    // The record of a duplicate, where a side has that, stands for the entity.
    let stands = |member: &Value| {
        held.is_some_and(|held| held.members().contains(member)) && ties.shows(side, member)
    };
    let (linked, alone): (Vec<&Value>, Vec<&Value>) =
        golden.members().iter().partition(|member| ties.has(side, member) || stands(member));
    let missing = alone.into_iter().filter_map(entity_of).collect();
    if !rule.ty.is_set() {
        return Wanted { value: linked.first().copied().cloned(), held: held.cloned(), missing };
    }
    let held: Vec<&Value> = held.map_or(&[][..], Value::members).iter().collect();
    let there = |member: &&Value| ties.has(side, member) || stands(member);
    let held: Vec<&Value> = held.into_iter().filter(there).collect();
    Wanted { value: set(fitting(linked, &held, rule.room())), held: set(held), missing }
}

/// Chooses the members of a set that a side keeps which has room for so many: those that it has,
/// then the others in order.
fn fitting<'v>(mut wanted: Vec<&'v Value>, held: &[&Value], most: Option<usize>) -> Vec<&'v Value> {
    let most = most.unwrap_or(usize::MAX);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crm_core::{FieldType, Form, Wire};
    use crm_store::Shadow;

    use super::*;

    /// As Salesforce has it: one person of a task.
    fn one_of_a_set() -> FieldRule {
        FieldRule {
            field: Field::CONTACTS,
            remote: "WhoId",
            ty: FieldType::References(ObjectKind::Contact),
            wire: Wire::Related,
            form: Form { members_max: Some(1), ..Form::FAITHFUL },
            writable: true,
            required: false,
            custom: false,
            length_max: None,
        }
    }

    #[test]
    fn of_a_set_only_so_many_members_are_written_as_there_is_room_for() {
        let entity = |byte| EntityId::from_uuid(uuid::Uuid::from_bytes([byte; 16]));
        let member = |byte| Value::Ref(Ref::Entity(entity(byte)));
        let records = [1, 2, 3].map(|byte| ((0, entity(byte)), RemoteId::new(byte.to_string())));
        let ties = Ties::new(BTreeMap::from(records));
        let golden = Value::List(vec![member(1), member(2)]);
        let lone = |byte| Some(Value::List(vec![member(byte)]));
        let wanted = |held: Shadow| wanted(Some(&golden), &one_of_a_set(), &held, 0, &ties).value;
        assert_eq!(wanted(Shadow::Blank), lone(1));
        // Who is there stays, while the set still has them.
        assert_eq!(wanted(Shadow::of(lone(2))), lone(2));
        assert_eq!(wanted(Shadow::of(lone(3))), lone(1));
    }
}
