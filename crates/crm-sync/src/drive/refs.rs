//! References at the border: what a provider's record names are that provider's records, what the
//! engine decides about are entities.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{EntityId, Field, Lookup, ObjectKind, Ref, Remote, RemoteId, Value};
use crm_store::{Entity, Shadow};

use super::Session;
use crate::decide::{Lost, Seen, Ties};
use crate::{EngineError, Rules};

/// How many entities are followed that became others: a circle must end.
const MERGES_MAX: usize = 16;

/// What each side shows of one entity, in the engine's terms.
#[derive(Debug, Default)]
pub(super) struct View {
    /// By index of the side.
    pub seen: Vec<Seen>,
    /// The records that entities have which this one refers to.
    pub ties: Ties,
    /// References to records that nobody knows.
    pub unknown: Vec<(usize, Ref)>,
    /// References that a side lost since their records are no more there.
    pub lost: Vec<Lost>,
}

/// Which entity a record belongs to, by side.
type Owners = BTreeMap<(usize, ObjectKind, RemoteId), EntityId>;

impl Session<'_> {
    /// Turns what the sides show into the engine's terms.
    pub(super) async fn view(
        &mut self,
        rules: &Rules,
        entities: &[Entity],
        rows: Vec<Vec<Seen>>,
    ) -> Result<Vec<View>, EngineError> {
        let mut views: Vec<View> =
            rows.into_iter().map(|seen| View { seen, ..View::default() }).collect();
        if rules.references().next().is_none() {
            return Ok(views);
        }
        let shown = views.iter().flat_map(|view| view.seen.iter().enumerate());
        let owners = self.owners(rules, shown.filter_map(|(i, s)| Some((i, s.remote()?)))).await?;
        for view in &mut views {
            for (side, seen) in view.seen.iter_mut().enumerate() {
                if let Some(remote) = seen.remote_mut() {
                    let unknown = translate(rules, side, remote, &owners);
                    view.unknown.extend(unknown.into_iter().map(|to| (side, to)));
                }
            }
        }
        self.miss_the_dead(rules, entities, &mut views).await?;
        let ties = self.ties(rules, entities, &views).await?;
        for view in &mut views {
            view.ties = ties.clone();
        }
        Ok(views)
    }

    /// Returns records in the engine's terms, to be compared; without those that name a record
    /// which nobody knows.
    pub(super) async fn in_our_terms(
        &self,
        rules: &Rules,
        side: usize,
        remotes: impl Iterator<Item = &Remote>,
    ) -> Result<BTreeMap<RemoteId, Remote>, EngineError> {
        if rules.references().next().is_none() {
            return Ok(BTreeMap::new());
        }
        let mut own: Vec<Remote> = remotes.cloned().collect();
        let owners = self.owners(rules, own.iter().map(|remote| (side, remote))).await?;
        own.retain_mut(|remote| translate(rules, side, remote, &owners).is_empty());
        Ok(own.into_iter().map(|remote| (remote.id.clone(), remote)).collect())
    }

    /// Finds out to which entities the records belong that others name.
    async fn owners<'r>(
        &self,
        rules: &Rules,
        shown: impl Iterator<Item = (usize, &'r Remote)>,
    ) -> Result<Owners, EngineError> {
        let mut asked: BTreeMap<(usize, ObjectKind), BTreeSet<RemoteId>> = BTreeMap::new();
        for (side, remote) in shown {
            for (field, _) in rules.references() {
                for member in remote.fields.get(field).map_or(&[][..], Value::members) {
                    if let Some(Ref::Remote(kind, id)) = member.as_reference() {
                        asked.entry((side, *kind)).or_default().insert(id.clone());
                    }
                }
            }
        }
        let mut found = Vec::new();
        for ((index, kind), ids) in asked {
            let Some(side) = rules.sides.get(index) else { continue };
            let ids: Vec<RemoteId> = ids.into_iter().collect();
            let links = self.engine.store.links(&side.provider, kind, &ids).await?;
            for (id, resolved) in ids.into_iter().zip(links) {
                found.extend(resolved.map(|resolved| ((index, kind, id), resolved.entity)));
            }
        }
        let became = self.became(found.iter().map(|(_, entity)| *entity)).await?;
        let at_last = |entity| became.get(&entity).map_or(entity, |known| known.id);
        Ok(found.into_iter().map(|(key, entity)| (key, at_last(entity))).collect())
    }

    /// Reads the entity that another one became, or itself.
    pub(super) async fn at_last(&self, id: EntityId) -> Result<Option<Entity>, EngineError> {
        Ok(self.became(std::iter::once(id)).await?.into_values().next())
    }

    /// Reads entities, and what those became that turned out to be others.
    async fn became(
        &self,
        ids: impl Iterator<Item = EntityId>,
    ) -> Result<BTreeMap<EntityId, Entity>, EngineError> {
        let ids: BTreeSet<EntityId> = ids.collect();
        let mut open: Vec<(EntityId, EntityId)> = ids.into_iter().map(|id| (id, id)).collect();
        let mut known = BTreeMap::new();
        for _ in 0..MERGES_MAX {
            if open.is_empty() {
                break;
            }
            let asked: Vec<EntityId> = open.iter().map(|(_, id)| *id).collect();
            let read = self.engine.store.entities(&asked).await?;
            let mut next = Vec::new();
            for ((first, _), entity) in open.into_iter().zip(read) {
                let Some(entity) = entity else { continue };
                match entity.state.same_as() {
                    Some(into) => next.push((first, into)),
                    None => {
                        known.insert(first, entity);
                    }
                }
            }
            open = next;
        }
        Ok(known)
    }

    /// A record that is deleted disappears from those that referred to it. That is no edit of
    /// theirs: what is missing is asked for.
    async fn miss_the_dead(
        &mut self,
        rules: &Rules,
        entities: &[Entity],
        views: &mut [View],
    ) -> Result<(), EngineError> {
        for (index, side) in rules.sides.iter().enumerate() {
            let mut gone: Vec<(usize, Field, ObjectKind, Value)> = Vec::new();
            for (at, (entity, view)) in entities.iter().zip(views.iter()).enumerate() {
                let remote = view.seen.get(index).and_then(Seen::remote);
                let link = entity.link(&side.provider);
                let Some((remote, link)) = remote.zip(link) else { continue };
                for (field, kind) in rules.references() {
                    let Some(Shadow::Held(held)) = link.slots.slot(field).map(|s| &s.shadow) else {
                        continue;
                    };
                    if remote.read.binary_search(&field).is_err() {
                        continue;
                    }
                    let shown = remote.fields.get(field).map_or(&[][..], Value::members);
                    let missing = held.members().iter().filter(|member| !shown.contains(member));
                    gone.extend(missing.map(|member| (at, field, kind, member.clone())));
                }
            }
            if gone.is_empty() {
                continue;
            }
            let dead = self.dead(index, rules, &gone).await?;
            for (at, field, _, member) in gone {
                if let Some(view) = views.get_mut(at).filter(|_| dead.contains(&member)) {
                    view.lost.push(Lost { side: index, field, member });
                }
            }
        }
        Ok(())
    }

    /// Returns which of the members have no record at a side any more.
    async fn dead(
        &mut self,
        index: usize,
        rules: &Rules,
        members: &[(usize, Field, ObjectKind, Value)],
    ) -> Result<BTreeSet<Value>, EngineError> {
        let mut dead = BTreeSet::new();
        let Some(side) = rules.sides.get(index) else { return Ok(dead) };
        let entity_of = |member: &Value| match member.as_reference() {
            Some(Ref::Entity(id)) => Some(*id),
            Some(Ref::Remote(..)) | None => None,
        };
        let ids = members.iter().filter_map(|(.., member)| entity_of(member));
        let entities = self.became(ids).await?;
        let mut asked: BTreeMap<ObjectKind, BTreeMap<RemoteId, &Value>> = BTreeMap::new();
        for (.., kind, member) in members {
            let entity = entity_of(member).and_then(|id| entities.get(&id));
            let link = entity.and_then(|entity| entity.link(&side.provider));
            match link.filter(|link| link.is_live()).and_then(|link| link.remote.clone()) {
                Some(record) => {
                    asked.entry(*kind).or_default().insert(record, member);
                }
                None => {
                    dead.insert(member.clone());
                }
            }
        }
        for (kind, records) in asked {
            let ids: Vec<RemoteId> = records.keys().cloned().collect();
            self.tally.read(&side.provider, ids.len(), side.capability.read_max.get());
            let lookups = self.provider(&side.provider)?.get(kind, &ids).await?;
            for (member, lookup) in records.into_values().zip(lookups) {
                match lookup {
                    Lookup::Found(_) => {}
                    Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone => {
                        dead.insert(member.clone());
                    }
                }
            }
        }
        Ok(dead)
    }

    /// Finds the records of all entities that are referred to.
    async fn ties(
        &self,
        rules: &Rules,
        entities: &[Entity],
        views: &[View],
    ) -> Result<Ties, EngineError> {
        let mut named = BTreeSet::new();
        for (entity, view) in entities.iter().zip(views) {
            for (field, _) in rules.references() {
                let seen = view.seen.iter().filter_map(|seen| seen.remote()?.fields.get(field));
                let claims = entity.links.iter().filter_map(|link| link.claim.as_ref());
                let claimed = claims.flat_map(|claim| &claim.fields);
                let claimed = claimed.filter(|(known, ..)| *known == field).map(|(_, v, _)| v);
                let links = entity.links.iter();
                let shadows = links.filter_map(|l| l.slots.slot(field)?.shadow.value());
                let values = entity.golden.value(field).into_iter().chain(seen);
                for value in values.chain(claimed).chain(shadows) {
                    named.extend(entities_in(value));
                }
            }
        }
        self.records(rules, named).await
    }

    /// Finds the records of entities.
    pub(super) async fn records(
        &self,
        rules: &Rules,
        named: BTreeSet<EntityId>,
    ) -> Result<Ties, EngineError> {
        let mut records = BTreeMap::new();
        for (id, entity) in self.became(named.into_iter()).await? {
            for (index, side) in rules.sides.iter().enumerate() {
                let link = entity.link(&side.provider);
                let record = match link {
                    Some(_) if self.is_dying(&side.provider, id) => None,
                    Some(link) if link.is_live() => link.remote.clone(),
                    // What this plan makes can be referred to.
                    Some(_) | None if self.will_make(&entity, &side.provider) => {
                        Some(RemoteId::new(id.to_string()))
                    }
                    Some(_) | None => None,
                };
                records.extend(record.map(|record| ((index, id), record)));
            }
        }
        Ok(Ties::new(records))
    }
}

/// Returns the entities that a value names.
pub(super) fn entities_in(value: &Value) -> impl Iterator<Item = EntityId> {
    value.members().iter().filter_map(|member| match member.as_reference() {
        Some(Ref::Entity(id)) => Some(*id),
        Some(Ref::Remote(..)) | None => None,
    })
}

/// Replaces a provider's records by entities; returns those that nobody knows. A set without
/// them is still a set; a single reference that leads nowhere counts as not read.
fn translate(rules: &Rules, side: usize, remote: &mut Remote, owners: &Owners) -> Vec<Ref> {
    let mut unknown = Vec::new();
    for (field, _) in rules.references() {
        let Some(value) = remote.fields.get(field).cloned() else { continue };
        let mut members = Vec::with_capacity(value.members().len());
        for member in value.members() {
            match member.as_reference() {
                Some(Ref::Remote(kind, id)) => match owners.get(&(side, *kind, id.clone())) {
                    Some(entity) => members.push(Value::Ref(Ref::Entity(*entity))),
                    None => unknown.push(Ref::Remote(*kind, id.clone())),
                },
                // After the first sync was taken back, a row is what was known.
                Some(Ref::Entity(_)) => members.push(member.clone()),
                None => {}
            }
        }
        members.sort();
        members.dedup();
        if matches!(value, Value::List(_)) {
            let members = (!members.is_empty()).then_some(Value::List(members));
            remote.fields.set(field, members);
        } else {
            if members.is_empty() {
                let read = remote.read.iter().copied().filter(|known| *known != field);
                remote.read = read.collect();
            }
            remote.fields.set(field, members.into_iter().next());
        }
    }
    unknown
}
