//! References at the border: what a provider's record names are that provider's records, what the
//! engine decides about are entities.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    EntityId, Field, Lookup, ObjectKind, ProviderId, Ref, Remote, RemoteId, Value, mutant,
};
use crm_store::{Entity, Shadow};

use super::Session;
use crate::decide::mirror::Companies;
use crate::decide::{Lost, Names, Seen, Ties};
use crate::{EngineError, Rules};

/// How many entities are followed that became others: a circle must end.
const MERGES_MAX: usize = 16;

/// What each side shows of one entity, in the engine's terms.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// By index of the side.
    pub seen: Vec<Seen>,
    /// What entities are called that turned out to be others.
    pub names: Names,
    /// The records that entities have which this one refers to.
    pub ties: Ties,
    /// References to records that nobody knows.
    pub unknown: Vec<(usize, Ref)>,
    /// References that a side lost since their records are no more there.
    pub lost: Vec<Lost>,
    /// The companies that contacts name in a text, where that matters.
    pub companies: Companies,
}

/// Which entity a record belongs to, by side.
type OwnerOf = BTreeMap<(usize, ObjectKind, RemoteId), EntityId>;

/// Entities by id.
type Known = BTreeMap<EntityId, Entity>;

/// To which entities the records belong that others name.
struct Owners {
    of: OwnerOf,
    /// By what they were called before they became others.
    entities: Known,
}

/// What became of the references of a record.
#[derive(Default)]
struct Translated {
    /// References to records that nobody knows.
    unknown: Vec<Ref>,
    /// The records by which entities are named.
    shown: Vec<(EntityId, RemoteId)>,
}

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
        // After the first sync was taken back, rows name entities.
        let read = views.iter().flat_map(|view| &view.seen).filter_map(Seen::remote);
        let read = read.flat_map(|remote| {
            let values = rules.references().filter_map(|(field, _)| remote.fields.get(field));
            values.flat_map(entities_in).collect::<Vec<_>>()
        });
        let called = entities.iter().flat_map(|it| named_by(rules, it)).chain(read);
        let heads = self.became(called.collect::<Vec<_>>().into_iter()).await?;
        let names = Names::new(heads.iter().map(|(id, entity)| (*id, entity.id)));
        let mut raw: Vec<Vec<(usize, EntityId, RemoteId)>> = Vec::with_capacity(views.len());
        for (view, entity) in views.iter_mut().zip(entities) {
            let mut shown = Vec::new();
            for (index, seen) in view.seen.iter_mut().enumerate() {
                let (Some(remote), Some(side)) = (seen.remote_mut(), rules.sides.get(index)) else {
                    continue;
                };
                let mut translated = translate(rules, (index, Some(entity.id)), remote, &owners.of);
                self.forget_erased(side, &mut translated.unknown).await?;
                view.unknown.extend(translated.unknown.into_iter().map(|to| (index, to)));
                shown.extend(translated.shown.into_iter().map(|(id, it)| (index, id, it)));
            }
            view.names = names.clone();
            raw.push(shown);
        }
        let all = heads.into_values().chain(owners.entities.into_values());
        let known: Known = all.map(|entity| (entity.id, entity)).collect();
        let renamed: Vec<Entity>;
        let entities = if names.is_empty() {
            entities
        } else {
            renamed = entities.iter().cloned().map(|it| under(&names, it)).collect();
            &renamed
        };
        self.miss_the_dead(rules, (entities, &known), &mut views).await?;
        let ties = self.ties(rules, &known);
        let companies = self.companies(rules, entities, &views).await?;
        for (view, shown) in views.iter_mut().zip(raw) {
            view.ties = ties.clone();
            view.companies = Companies::clone(&companies);
            for (side, entity, record) in shown {
                view.ties.show(side, entity, record);
            }
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
        own.retain_mut(|remote| {
            let key = (side, rules.kind, remote.id.clone());
            let entity = owners.of.get(&key).copied();
            translate(rules, (side, entity), remote, &owners.of).unknown.is_empty()
        });
        Ok(own.into_iter().map(|remote| (remote.id.clone(), remote)).collect())
    }

    /// Turns records into the engine's terms; what they name and nobody knows counts as not read.
    pub(super) async fn translated(
        &self,
        rules: &Rules,
        side: usize,
        remotes: &mut [Remote],
    ) -> Result<(), EngineError> {
        if rules.references().next().is_none() {
            return Ok(());
        }
        let owners = self.owners(rules, remotes.iter().map(|remote| (side, remote))).await?;
        for remote in remotes {
            let entity = owners.of.get(&(side, rules.kind, remote.id.clone())).copied();
            translate(rules, (side, entity), remote, &owners.of);
        }
        Ok(())
    }

    /// Finds out to which entities the records belong that others name.
    async fn owners<'r>(
        &self,
        rules: &Rules,
        shown: impl Iterator<Item = (usize, &'r Remote)>,
    ) -> Result<Owners, EngineError> {
        let mut asked: BTreeMap<(usize, ObjectKind), BTreeSet<RemoteId>> = BTreeMap::new();
        let own_kind = rules.references().any(|(_, kind)| kind == rules.kind);
        for (side, remote) in shown {
            if own_kind {
                asked.entry((side, rules.kind)).or_default().insert(remote.id.clone());
            }
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
        let entities = self.became(found.iter().map(|(_, entity)| *entity)).await?;
        let at_last = |entity| entities.get(&entity).map_or(entity, |known| known.id);
        let of = found.into_iter().map(|(key, entity)| (key, at_last(entity))).collect();
        Ok(Owners { of, entities })
    }

    /// Reads the entity that another one became, or itself.
    pub(super) async fn at_last(&self, id: EntityId) -> Result<Option<Entity>, EngineError> {
        Ok(self.became(std::iter::once(id)).await?.into_values().next())
    }

    /// Reads entities, and what those became that turned out to be others.
    async fn became(&self, ids: impl Iterator<Item = EntityId>) -> Result<Known, EngineError> {
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
        (entities, known): (&[Entity], &Known),
        views: &mut [View],
    ) -> Result<(), EngineError> {
        mutant!(DeadMemberRemoved, return Ok(()));
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
            let dead = match self.dead(index, rules, &gone, known).await {
                Ok(dead) => dead,
                Err(EngineError::Provider(error)) => {
                    // What a side lost and why cannot be told now: it is not heard.
                    self.pause(&side.provider, error)?;
                    for slot in views.iter_mut().filter_map(|view| view.seen.get_mut(index)) {
                        *slot = Seen::Closed;
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            for (at, field, _, member) in gone {
                if let (Some(view), Some(into)) = (views.get_mut(at), dead.get(&member)) {
                    view.lost.push(Lost { side: index, field, member, into: into.clone() });
                }
            }
        }
        Ok(())
    }

    /// Returns which of the members have no record at a side any more, and whose record that was
    /// merged into.
    async fn dead(
        &mut self,
        index: usize,
        rules: &Rules,
        members: &[(usize, Field, ObjectKind, Value)],
        known: &Known,
    ) -> Result<BTreeMap<Value, Option<Value>>, EngineError> {
        let mut dead = BTreeMap::new();
        let Some(side) = rules.sides.get(index) else { return Ok(dead) };
        let mut asked: BTreeMap<ObjectKind, BTreeMap<RemoteId, &Value>> = BTreeMap::new();
        for (.., kind, member) in members {
            let entity = entity_of(member).and_then(|id| known.get(&id));
            let link = entity.and_then(|entity| entity.link(&side.provider));
            match link.filter(|link| link.is_live()).and_then(|link| link.remote.clone()) {
                Some(record) => {
                    asked.entry(*kind).or_default().insert(record, member);
                }
                None => {
                    dead.insert(member.clone(), None);
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
                    Lookup::MergedInto(record) => {
                        let owner = self.holder(&side.provider, kind, record).await?;
                        dead.insert(member.clone(), owner);
                    }
                    Lookup::Archived | Lookup::Gone => {
                        dead.insert(member.clone(), None);
                    }
                }
            }
        }
        Ok(dead)
    }

    /// Returns whose a record is, if anybody knows.
    async fn holder(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        record: RemoteId,
    ) -> Result<Option<Value>, EngineError> {
        let owner = self.engine.store.links(provider, kind, &[record]).await?;
        let Some(owner) = owner.into_iter().flatten().next() else { return Ok(None) };
        let owner = self.at_last(owner.entity).await?;
        Ok(owner.map(|entity| Value::Ref(Ref::Entity(entity.id))))
    }

    /// Finds the records of entities.
    pub(super) async fn records(
        &self,
        rules: &Rules,
        named: BTreeSet<EntityId>,
    ) -> Result<Ties, EngineError> {
        Ok(self.ties(rules, &self.became(named.into_iter()).await?))
    }

    /// Finds the records of all entities that are referred to.
    fn ties(&self, rules: &Rules, known: &Known) -> Ties {
        let mut records = BTreeMap::new();
        for (id, entity) in known {
            for (index, side) in rules.sides.iter().enumerate() {
                let link = entity.link(&side.provider);
                let record = match link {
                    Some(_) if self.is_dying(&side.provider, *id) => None,
                    Some(link) if link.is_live() => link.remote.clone(),
                    // What this plan makes can be referred to.
                    Some(_) | None if self.will_make(entity, &side.provider) => {
                        Some(RemoteId::new(id.to_string()))
                    }
                    Some(_) | None => None,
                };
                records.extend(record.map(|record| ((index, *id), record)));
            }
        }
        Ties::new(records)
    }
}

/// Returns the entities that a value names.
pub(super) fn entities_in(value: &Value) -> impl Iterator<Item = EntityId> {
    value.members().iter().filter_map(entity_of)
}

fn under(names: &Names, mut entity: Entity) -> Entity {
    names.rename_in(&mut entity);
    entity
}

fn entity_of(member: &Value) -> Option<EntityId> {
    match member.as_reference()? {
        Ref::Entity(id) => Some(*id),
        Ref::Remote(..) => None,
    }
}

/// Returns the entities that one refers to, in what is agreed, known or announced.
fn named_by(rules: &Rules, entity: &Entity) -> BTreeSet<EntityId> {
    let mut named = BTreeSet::new();
    for (field, _) in rules.references() {
        let links = entity.links.iter();
        let shadows = links.clone().filter_map(|l| l.slots.slot(field)?.shadow.value());
        let intents = links.clone().flat_map(|link| &link.intents).flat_map(|it| &it.fields);
        let intents = intents.filter(|(known, ..)| *known == field);
        let claims = links.filter_map(|link| link.claim.as_ref()).flat_map(|it| &it.fields);
        let claims = claims.filter(|(known, ..)| *known == field);
        let values = entity.golden.value(field).into_iter().chain(shadows);
        let values = values.chain(intents.filter_map(|(_, value, _)| value.as_ref()));
        for value in values.chain(claims.map(|(_, value, _)| value)) {
            named.extend(value.members().iter().filter_map(entity_of));
        }
    }
    named
}

/// Replaces a provider's records by entities. A set without those that nobody knows is still a
/// set, unless it is written as a whole; that, and a single reference that leads nowhere, counts
/// as not read. Who refers to a duplicate of itself refers to nobody.
fn translate(
    rules: &Rules,
    (side, itself): (usize, Option<EntityId>),
    remote: &mut Remote,
    owners: &OwnerOf,
) -> Translated {
    let mut translated = Translated::default();
    for (field, _) in rules.references() {
        let Some(value) = remote.fields.get(field).cloned() else { continue };
        let mut members = Vec::with_capacity(value.members().len());
        let (before, mut is_itself) = (translated.unknown.len(), false);
        for member in value.members() {
            match member.as_reference() {
                // After the first sync was taken back, a row is what was known.
                Some(Ref::Entity(_)) => members.push(member.clone()),
                Some(Ref::Remote(kind, id)) => match owners.get(&(side, *kind, id.clone())) {
                    Some(entity) if Some(*entity) == itself => is_itself = true,
                    Some(entity) => {
                        members.push(Value::Ref(Ref::Entity(*entity)));
                        translated.shown.push((*entity, id.clone()));
                    }
                    None => translated.unknown.push(Ref::Remote(*kind, id.clone())),
                },
                None => {}
            }
        }
        members.sort();
        members.dedup();
        let is_set = matches!(value, Value::List(_));
        let whole = rules.rule(side, field).is_some_and(|rule| rule.room().is_some());
        let leaves_out = translated.unknown.len() > before && whole;
        let alone = members.is_empty() && !mutant!(UnknownReferenceClears);
        if (is_set && leaves_out) || (!is_set && alone && !is_itself) {
            let read = remote.read.iter().copied().filter(|known| *known != field);
            remote.read = read.collect();
        }
        let shown = if is_set {
            (!members.is_empty()).then_some(Value::List(members))
        } else {
            members.into_iter().next()
        };
        remote.fields.set(field, shown);
    }
    translated
}
