//! What an erasure is about: entities, their records, and what refers to them.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Access, Deletion, EntityId, Field, ObjectKind, ProviderId, Ref, RunId, Value};
use crm_store::{Claim, ClaimState, Entity, Link, LinkState, OpenRecord, RecordFate, Seq, Trait};

use crate::EngineError;
use crate::drive::Session;
use crate::erase::{Erase, EraseReport, ErasedRecord, Records};

/// How many entities are read at once.
const SCAN: usize = 500;

/// Everything that an erasure is about.
#[derive(Default)]
pub(super) struct Subject {
    kind: Option<ObjectKind>,
    /// The entities, and those that turned out to be the same.
    pub(super) entities: Vec<Entity>,
    /// Other entities that refer to them.
    pub(super) referring: BTreeMap<ObjectKind, BTreeSet<EntityId>>,
    pub(super) records: Vec<ErasedRecord>,
    pub(super) open: Vec<OpenRecord>,
}

impl Subject {
    /// Decides what becomes of each record.
    pub(super) fn plan(&mut self, session: &Session<'_>, records: Records) {
        for link in self.entities.iter().flat_map(|entity| &entity.links) {
            let announced = |claim: &&Claim| claim.state != ClaimState::Refused;
            if let (None, Some(claim)) = (&link.remote, link.claim.as_ref().filter(announced)) {
                self.open.push(OpenRecord::Announced(link.provider.clone(), claim.uid.clone()));
            }
            let Some(record) = link.remote.clone().filter(|_| is_there(link)) else { continue };
            let provider = link.provider.clone();
            let fate = match records {
                Records::Keep => RecordFate::Kept,
                Records::Delete => session.way_of_deletion(&provider, self.kind),
            };
            if matches!(fate, RecordFate::Deleted | RecordFate::Archived) {
                self.open.push(OpenRecord::Known(provider.clone(), record.clone()));
            }
            self.records.push(ErasedRecord { provider, record, fate });
        }
        if records == Records::Keep {
            self.open.clear();
        }
    }

    pub(super) fn report(&self, what: &Erase, run: RunId) -> EraseReport {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let announced = self.open.iter().filter(|open| matches!(open, OpenRecord::Announced(..)));
        EraseReport {
            run_id: run,
            kind: what.kind,
            mode: what.mode,
            entities: count(self.entities.len()),
            records: self.records.clone(),
            announced: count(announced.count()),
            referring: self.referring.iter().map(|(kind, ids)| (*kind, count(ids.len()))).collect(),
            erasure: None,
            stuck: BTreeMap::new(),
        }
    }

    /// Returns by what the records are recognised should they show up again.
    pub(super) fn traits(&self) -> Vec<Trait> {
        let mut traits = Vec::new();
        for entity in &self.entities {
            for link in &entity.links {
                let record = link.remote.clone();
                traits.extend(record.map(|record| Trait::Record(link.provider.clone(), record)));
            }
            let golden = entity.golden.value(Field::EMAIL);
            let links = entity.links.iter();
            let seen = links.flat_map(|link| {
                let slot = link.slots.slot(Field::EMAIL);
                let observed = link.observed.as_ref();
                let shadow = slot.and_then(|slot| slot.shadow.value());
                shadow.into_iter().chain(observed.and_then(|o| o.fields.get(Field::EMAIL)))
            });
            traits.extend(golden.into_iter().chain(seen).filter_map(address).map(Trait::Email));
        }
        traits.sort_unstable();
        traits.dedup();
        traits
    }
}

fn address(value: &Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text.key().to_owned()) } else { None }
}

/// Returns whether a link leads to a record that may be there.
fn is_there(link: &Link) -> bool {
    match link.state {
        LinkState::Live | LinkState::Doomed { .. } | LinkState::Claimed => true,
        LinkState::Gone { .. } | LinkState::Merged { .. } => false,
    }
}

/// Returns whether an entity refers to any of others.
fn refers(entity: &Entity, others: &BTreeSet<EntityId>) -> bool {
    let golden = entity.golden.iter().filter_map(|(_, slot)| slot.value.as_ref());
    let slots = entity.links.iter().flat_map(|link| link.slots.iter());
    let shadows = slots.filter_map(|(_, slot)| slot.shadow.value());
    golden.chain(shadows).flat_map(Value::members).any(|member| match member.as_reference() {
        Some(Ref::Entity(id)) => others.contains(id),
        Some(Ref::Remote(..)) | None => false,
    })
}

impl Session<'_> {
    /// Reads the entities, those that turned out to be the same, and those that refer to them.
    pub(super) async fn subject(&self, what: &Erase) -> Result<Subject, EngineError> {
        let mut ids: BTreeSet<EntityId> = what.entities.iter().copied().collect();
        // Who turned out to be one of them may be found before that one.
        loop {
            let before = ids.len();
            let same =
                |entity: &Entity| entity.state.same_as().is_some_and(|into| ids.contains(&into));
            let found = self.all(what.kind, same).await?;
            ids.extend(found);
            if ids.len() == before {
                break;
            }
        }
        let all: Vec<EntityId> = ids.iter().copied().collect();
        let entities: Vec<Entity> =
            self.engine.store.entities(&all).await?.into_iter().flatten().collect();
        let mut subject = Subject { kind: Some(what.kind), entities, ..Subject::default() };
        for kind in ObjectKind::ALL {
            let found = self.all(kind, |entity| refers(entity, &ids)).await?;
            let found: BTreeSet<EntityId> =
                found.into_iter().filter(|id| !ids.contains(id)).collect();
            if !found.is_empty() {
                subject.referring.insert(kind, found);
            }
        }
        Ok(subject)
    }

    async fn all(
        &self,
        kind: ObjectKind,
        wanted: impl Fn(&Entity) -> bool + Send + Sync,
    ) -> Result<Vec<EntityId>, EngineError> {
        let mut found = Vec::new();
        let mut after = Seq::default();
        loop {
            let page = self.engine.store.scan(kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else { return Ok(found) };
            after = last;
            found.extend(page.iter().filter(|entity| wanted(entity)).map(|entity| entity.id));
        }
    }

    /// Returns what a delete comes to at a connection.
    pub(super) fn way_of_deletion(
        &self,
        provider: &ProviderId,
        kind: Option<ObjectKind>,
    ) -> RecordFate {
        let capabilities = self.engine.providers.get(provider).map(|known| known.capabilities());
        let object = capabilities.as_ref().zip(kind).and_then(|(can, kind)| can.object(kind));
        match object.map(|object| (object.access, object.deletion)) {
            Some((Access::Full, Deletion::Archive)) => RecordFate::Archived,
            Some((Access::Full, Deletion::Permanent)) => RecordFate::Deleted,
            Some((_, _)) | None => RecordFate::Undeletable,
        }
    }
}

/// Returns the values of an entity by which somebody could be known.
pub(super) fn texts(entity: &Entity) -> Vec<String> {
    let golden = entity.golden.iter().filter_map(|(_, slot)| slot.value.as_ref());
    let slots = entity.links.iter().flat_map(|link| link.slots.iter());
    let shadows = slots.filter_map(|(_, slot)| slot.shadow.value());
    let texts = golden.chain(shadows).filter_map(Value::as_str).map(str::to_owned);
    // Shorter ones are in many words.
    let mut texts: Vec<String> = texts.filter(|text| text.chars().count() > 3).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
