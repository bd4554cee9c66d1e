//! The ledger as a whole, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId, Value};
use crm_store::{
    Conflict, ConflictQuery, Entity, EntityState, History, Journal, Seq, SharedStore, StoreResult,
};
use jiff::Timestamp;

use super::super::scenario::Scenario;
use crate::memory::{Account, Inner, Realm};

/// What the checks look at.
pub(super) struct Facts<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) breaks: &'s [Timestamp],
    pub(super) entities: BTreeMap<EntityId, Entity>,
    pub(super) history: BTreeMap<EntityId, Vec<History>>,
    /// The history of sets in the words of its time, when some entities were two that are one now.
    pub(super) told: BTreeMap<EntityId, Vec<History>>,
    pub(super) conflicts: BTreeMap<EntityId, Vec<Conflict>>,
    /// Whose each record is: by account and number.
    pub(super) owners: BTreeMap<(usize, u64), EntityId>,
    /// Who wrote to each record: one that was deleted may come back when its entity has another.
    writers: BTreeMap<(usize, u64), BTreeSet<EntityId>>,
}

impl<'s> Facts<'s> {
    pub(super) async fn gather(
        store: &SharedStore,
        realm: &Arc<Realm>,
        scenario: &'s Scenario,
        breaks: &'s [Timestamp],
    ) -> StoreResult<Self> {
        let mut facts = Self {
            scenario,
            breaks,
            entities: BTreeMap::new(),
            history: BTreeMap::new(),
            told: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            owners: BTreeMap::new(),
            writers: BTreeMap::new(),
        };
        for kind in &scenario.kinds {
            let mut after = Seq::default();
            loop {
                let page = store.scan(*kind, after, 100).await?;
                let Some(last) = page.last().and_then(|entity| entity.seq) else { break };
                after = last;
                for entity in page {
                    facts.history.insert(entity.id, store.history(entity.id).await?);
                    facts.entities.insert(entity.id, entity);
                }
            }
        }
        for conflict in store.conflicts(ConflictQuery::default()).await? {
            facts.conflicts.entry(conflict.entity).or_default().push(conflict);
        }
        for (index, name, kind, ids) in records(realm) {
            let remotes: Vec<RemoteId> = ids.iter().map(|(_, id)| id.clone()).collect();
            let found = store.links(&name, kind, &remotes).await?;
            for ((number, _), resolved) in ids.into_iter().zip(found) {
                if let Some(resolved) = resolved {
                    facts.owners.insert((index, number), resolved.entity);
                }
            }
        }
        Ok(facts)
    }

    /// Learns from the write journal which entities each record belonged to.
    pub(super) fn know_writers(&mut self, inner: &Inner, rows: &[Journal]) {
        for (index, account) in inner.accounts.iter().enumerate() {
            for row in rows.iter().filter(|row| row.provider == account.id) {
                if let Some(number) = account.number(row.kind, &row.remote) {
                    self.writers.entry((index, number)).or_default().insert(row.entity);
                }
            }
        }
    }

    /// Returns the entities that a record belongs to, or belonged to.
    pub(super) fn all_owners(&self, account: usize, record: u64) -> impl Iterator<Item = &Entity> {
        let place = (account, record);
        let writers = self.writers.get(&place).into_iter().flatten();
        self.owners.get(&place).into_iter().chain(writers).filter_map(|id| self.entities.get(id))
    }

    /// Returns whether the values of a field are sets.
    pub(super) fn is_set(&self, field: Field) -> bool {
        let rule = self.scenario.profiles.iter().find_map(|profile| profile.rule(field));
        rule.is_some_and(|rule| rule.ty.is_set())
    }

    /// Returns the entity that a record belongs to.
    pub(super) fn owner(&self, account: usize, record: u64) -> Option<&Entity> {
        self.entities.get(self.owners.get(&(account, record))?)
    }

    /// Returns an entity with all that turned out to be it: the history of each stays its own.
    pub(super) fn family(&self, id: EntityId) -> impl Iterator<Item = EntityId> {
        let head = self.head(id);
        self.entities.keys().copied().filter(move |other| self.head(*other) == head)
    }

    /// Returns the entity that one turned out to be: who refers to it, refers to that.
    pub(super) fn head(&self, mut id: EntityId) -> EntityId {
        // Nobody becomes another one more often than there are entities.
        for _ in 0..self.entities.len() {
            match self.entities.get(&id).and_then(|entity| entity.state.same_as()) {
                Some(into) => id = into,
                None => break,
            }
        }
        id
    }

    /// Returns whether a value was true of another entity that turned out to be this one.
    pub(super) fn is_inherited(&self, id: EntityId, field: Field, value: Option<&Value>) -> bool {
        self.family(id).filter(|other| *other != id).any(|other| {
            let golden = self.entities.get(&other).and_then(|entity| entity.golden.slot(field));
            let history = self.history.get(&other).into_iter().flatten();
            golden.is_some_and(|slot| slot.value.as_ref() == value)
                || history
                    .filter(|row| row.field == field)
                    .any(|row| [row.before.as_ref(), row.after.as_ref()].contains(&value))
        })
    }

    /// Returns whether the ledger ever held a value of a field to be true, or logged it.
    pub(super) fn remembers(
        &self,
        entity: &Entity,
        field: Field,
        matches: impl Fn(Option<&Value>) -> bool,
    ) -> bool {
        let family = || self.family(entity.id);
        let members = family().filter_map(|id| self.entities.get(&id));
        let mut golden = members.filter_map(|entity| entity.golden.slot(field));
        if golden.any(|slot| matches(slot.value.as_ref())) {
            return true;
        }
        let history = family().filter_map(|id| self.history.get(&id)).flatten();
        let mut rows = history.filter(|row| row.field == field);
        if rows.any(|row| matches(row.before.as_ref()) || matches(row.after.as_ref())) {
            return true;
        }
        self.logged(entity.id, field, matches)
    }

    /// Returns whether a value was logged as one side of a conflict.
    pub(super) fn logged(
        &self,
        entity: EntityId,
        field: Field,
        matches: impl Fn(Option<&Value>) -> bool,
    ) -> bool {
        let conflicts = self.family(entity).filter_map(|id| self.conflicts.get(&id)).flatten();
        conflicts
            .filter(|conflict| conflict.field == field)
            .flat_map(|conflict| &conflict.contenders)
            .any(|contender| matches(contender.value.as_ref()))
    }
}

type Records = (usize, ProviderId, ObjectKind, Vec<(u64, RemoteId)>);

fn records(realm: &Arc<Realm>) -> Vec<Records> {
    let inner = realm.now();
    let accounts = inner.accounts.iter().enumerate();
    let kinds = accounts.flat_map(|(index, account)| {
        account.kinds.iter().map(move |kind| {
            let ids = account.all(*kind).map(|row| (row.number, account.remote_id(row.number)));
            (index, account.id.clone(), *kind, ids.collect())
        })
    });
    kinds.collect()
}

/// Returns whether an account, told to store a golden value, would show that text.
pub(super) fn shows(
    account: &Account,
    field: Field,
    golden: Option<&Value>,
    shown: Option<&str>,
) -> bool {
    let shown = shown.and_then(|text| account.value(field, text));
    let stored = golden.and_then(|value| account.profile.store(field, &value.display()));
    let stored = stored.and_then(|text| account.value(field, &text));
    if stored == shown {
        return true;
    }
    let rule = account.profile.rule(field);
    let projected = golden.zip(rule).and_then(|(value, rule)| rule.project(value));
    golden.is_some() && projected.as_deref() == shown.as_ref()
}

/// Returns what a record shows of a field.
pub(super) fn shown(inner: &Inner, account: usize, record: u64, field: Field) -> Option<Arc<str>> {
    let row = inner.accounts.get(account)?.rows.get(&record)?;
    inner.text(row, field)
}

/// Returns whether nothing of an entity is kept in step, and a row says so.
pub(super) fn is_apart(entity: &Entity) -> bool {
    match entity.state {
        EntityState::Live => false,
        EntityState::Held { .. } | EntityState::Tombstone { .. } | EntityState::Merged { .. } => {
            true
        }
    }
}
