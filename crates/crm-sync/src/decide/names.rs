//! Entities that turned out to be others, called by what they are now.
//!
//! Whoever refers to an entity that was merged into another one refers to that one. Nobody changed
//! anything: golden values, shadows and announcements are only renamed, so that a record which
//! shows the old one and a record which shows the new one show the same. One thing is a change:
//! who would refer to itself refers to nobody. A record that refers to a duplicate of itself is
//! left so.

use std::collections::BTreeMap;

use crm_core::{EntityId, Field, Ref, RunId, Value};
use crm_store::{Entity, GoldenSlot, History, Provenance, Shadow};
use jiff::Timestamp;

use super::Decision;
use crate::Rules;

/// The rule by which a reference is dropped that would lead to its own entity.
const RULE: &str = "itself";

/// What entities are called that turned out to be others.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<EntityId, EntityId>);

impl Names {
    /// Makes names from what each entity is called; one that keeps its name is left out.
    pub fn new(names: impl IntoIterator<Item = (EntityId, EntityId)>) -> Self {
        Self(names.into_iter().filter(|(from, to)| from != to).collect())
    }

    /// Returns whether everybody is called as before.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Renames what a value refers to; returns whether anything was renamed.
    fn rename(&self, value: &mut Value) -> bool {
        match value {
            Value::Ref(Ref::Entity(id)) => {
                let name = self.0.get(id).copied();
                *id = name.unwrap_or(*id);
                name.is_some()
            }
            Value::List(members) => {
                let mut renamed = false;
                for member in members.iter_mut() {
                    renamed |= self.rename(member);
                }
                if renamed {
                    members.sort();
                    members.dedup();
                }
                renamed
            }
            Value::Text(_)
            | Value::Integer(_)
            | Value::Decimal(_)
            | Value::Bool(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::Choice(_)
            | Value::Ref(Ref::Remote(..)) => false,
        }
    }

    /// Renames what an entity refers to; says whether its golden record changed, and which of its
    /// links did.
    pub fn rename_in(&self, entity: &mut Entity) -> (bool, Vec<bool>) {
        let mut golden = false;
        let slots: Vec<(Field, GoldenSlot)> =
            entity.golden.iter().map(|(field, slot)| (field, slot.clone())).collect();
        for (field, mut slot) in slots {
            if slot.value.as_mut().is_some_and(|value| self.rename(value)) {
                entity.golden.set(field, slot);
                golden = true;
            }
        }
        let mut links = Vec::with_capacity(entity.links.len());
        for link in &mut entity.links {
            let mut changed = false;
            for (_, slot) in link.slots.iter_mut() {
                if let Shadow::Held(value) = &mut slot.shadow {
                    changed |= self.rename(value);
                }
            }
            let announced = link.intents.iter_mut().flat_map(|intent| &mut intent.fields);
            for (_, value, _) in announced {
                changed |= value.as_mut().is_some_and(|value| self.rename(value));
            }
            for (_, value, _) in link.claim.iter_mut().flat_map(|claim| &mut claim.fields) {
                changed |= self.rename(value);
            }
            links.push(changed);
        }
        (golden, links)
    }
}

/// Returns whether a value refers to an entity itself.
fn is_itself(entity: EntityId, value: Option<&Value>) -> bool {
    matches!(value.and_then(Value::as_reference), Some(Ref::Entity(id)) if *id == entity)
}

/// Renames what an entity refers to, and drops what would lead to itself.
pub(super) fn apply(work: &mut Decision, rules: &Rules, names: &Names, now: Timestamp, run: RunId) {
    if names.is_empty() {
        return;
    }
    let (golden, links) = names.rename_in(&mut work.entity);
    work.entity_changed |= golden;
    for (link, changed) in work.entity.links.iter().zip(links) {
        let side = rules.side(&link.provider).and_then(|side| work.links_changed.get_mut(side));
        if let Some(slot) = side {
            *slot |= changed;
        }
    }
    let id = work.entity.id;
    for (_, slot) in work.entity.links.iter_mut().flat_map(|link| link.slots.iter_mut()) {
        if is_itself(id, slot.shadow.value()) {
            slot.shadow = Shadow::Blank;
        }
    }
    if golden {
        drop_itself(work, now, run);
    }
}

fn drop_itself(work: &mut Decision, now: Timestamp, run: RunId) {
    let id = work.entity.id;
    let own = |(field, slot): (Field, &GoldenSlot)| {
        is_itself(id, slot.value.as_ref()).then_some((field, slot.value.clone()))
    };
    let own: Vec<(Field, Option<Value>)> = work.entity.golden.iter().filter_map(own).collect();
    for (field, before) in own {
        if work.entity.golden.frozen(field).is_some() {
            continue;
        }
        let version = work.entity.version + 1;
        let provenance = Provenance { version, source: None, at: Some(now), run };
        work.entity.golden.set(field, GoldenSlot { value: None, provenance });
        work.entity.version = version;
        work.history.push(History {
            entity: id,
            field,
            version,
            before,
            after: None,
            source: None,
            rule: RULE.to_owned(),
            at: now,
            run,
        });
    }
}
