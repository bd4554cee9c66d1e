//! References in one language. The ledger's name entities, those of the CRMs name records: before
//! the checks, the journal is put into the words of the ledger, and entities that became others
//! are called by what they are now.

use std::collections::BTreeMap;

use crm_core::{EntityId, Field, Ref, Value};

use super::facts::Facts;
use crate::memory::Inner;

/// What each entity is called.
type Names = BTreeMap<EntityId, EntityId>;

impl Facts<'_> {
    /// Puts the journal and the ledger into the same words.
    pub(super) fn translate(&mut self, inner: &mut Inner) {
        let names: Names = self.entities.keys().map(|id| (*id, self.head(*id))).collect();
        if names.iter().any(|(id, name)| id != name) {
            for (entity, rows) in &self.history {
                let sets = rows.iter().filter(|row| self.is_set(row.field)).cloned();
                self.told.insert(*entity, sets.collect());
            }
            self.rename(&names);
        }
        let Inner { accounts, journal, .. } = inner;
        for stroke in &mut journal.strokes {
            let Some(account) = accounts.get(stroke.account) else { continue };
            let to = account.profile.rule(stroke.field).and_then(|rule| rule.ty.refers_to());
            let (Some(kind), Some(text)) = (to, stroke.value.as_deref()) else { continue };
            let number = account.number(kind, &text.into());
            let owner = number.and_then(|number| self.owners.get(&(stroke.account, number)));
            if let Some(owner) = owner {
                stroke.value = Some(self.head(*owner).to_string().into());
            }
        }
    }

    fn rename(&mut self, names: &Names) {
        for entity in self.entities.values_mut() {
            let slots: Vec<_> = entity.golden.iter().map(|(f, slot)| (f, slot.clone())).collect();
            for (field, mut slot) in slots {
                if refers(slot.value.as_ref()) {
                    renamed(&mut slot.value, names);
                    entity.golden.set(field, slot);
                }
            }
        }
        for row in self.history.values_mut().flatten() {
            renamed(&mut row.before, names);
            renamed(&mut row.after, names);
        }
        for conflict in self.conflicts.values_mut().flatten() {
            renamed(&mut conflict.base, names);
            renamed(&mut conflict.chosen, names);
            for contender in &mut conflict.contenders {
                renamed(&mut contender.value, names);
            }
        }
    }

    /// Returns the entities that a set of an entity names.
    pub(super) fn members(&self, entity: EntityId, field: Field) -> Vec<EntityId> {
        let golden = self.entities.get(&entity).and_then(|entity| entity.golden.value(field));
        entities_of(golden)
    }
}

/// Returns the entities that a value names.
pub(super) fn entities_of(value: Option<&Value>) -> Vec<EntityId> {
    let members = value.map_or(&[][..], Value::members).iter();
    let entity = |member: &Value| match member.as_reference() {
        Some(Ref::Entity(id)) => Some(*id),
        Some(Ref::Remote(..)) | None => None,
    };
    members.filter_map(entity).collect()
}

fn refers(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.members().iter().any(|m| m.as_reference().is_some()))
}

fn renamed(value: &mut Option<Value>, names: &Names) {
    match value {
        Some(Value::Ref(Ref::Entity(id))) => *id = names.get(id).copied().unwrap_or(*id),
        Some(Value::List(members)) => {
            for member in members.iter_mut() {
                if let Value::Ref(Ref::Entity(id)) = member {
                    *id = names.get(id).copied().unwrap_or(*id);
                }
            }
            members.sort();
            members.dedup();
        }
        Some(_) | None => {}
    }
}
