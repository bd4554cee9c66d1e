//! Erasing a person's data, and leaving alone what was erased.
//!
//! One commit removes every value from the store, remembers hashes, and announces which records
//! are still to be deleted; from then on nobody works on the entity, since there is none. Then the
//! records are deleted, each noted as it is done, and at last the store's file is rewritten, in
//! which removed rows can still be read. Whatever was not done is found in the announcement by the
//! next run.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Access, Action, Deletion, EntityId, ErrorKind, Field, Lookup, MatchKey, ObjectKind, ProviderId,
    Ref, Remote, RemoteId, RunId, Value, Write, WriteKey,
};
use crm_store::{
    Actor, AuditKind, AuditNote, Claim, ClaimState, Commit, Entity, Erasure, ErasureStage, Link,
    Mark, Mutation, OpenRecord, RecordFate, Seq, Stage, Trait,
};
use uuid::Uuid;

use super::Session;
use crate::decide::identity;
use crate::erase::{Erase, EraseMode, EraseReport, ErasedRecord, Records};
use crate::topology::Side;
use crate::{Engine, EngineError, Progress, Rules};

/// How many entities are read at once.
const SCAN: usize = 500;
/// How many runs are looked through for what they say.
const RUNS: usize = 100_000;
/// Why a record is left alone that was erased.
const ERASED: &str = "erased";

/// Erases entities, or tells what that would do.
pub(crate) async fn erase(
    engine: &Engine,
    what: Erase,
    run: RunId,
    progress: &dyn Progress,
) -> Result<EraseReport, EngineError> {
    let mut session = Session::open(engine, run, progress);
    let mut subject = session.subject(&what).await?;
    subject.plan(&session, what.records);
    let mut report = subject.report(&what, run);
    if what.mode == EraseMode::Do && !subject.entities.is_empty() {
        session.begin_erasure(&what, &subject).await?;
        report.stuck = session.end_erasures().await?;
        let known = engine.store.erasures().await?;
        report.erasure = known.into_iter().find(|erasure| erasure.run == run);
    }
    Ok(report)
}

/// Ends erasures that were begun.
pub(crate) async fn resume(
    engine: &Engine,
    run: RunId,
    progress: &dyn Progress,
) -> Result<BTreeMap<ProviderId, String>, EngineError> {
    Session::open(engine, run, progress).end_erasures().await
}

/// Everything that an erasure is about.
#[derive(Default)]
struct Subject {
    kind: Option<ObjectKind>,
    /// The entities, and those that turned out to be the same.
    entities: Vec<Entity>,
    /// Other entities that refer to them.
    referring: BTreeMap<ObjectKind, BTreeSet<EntityId>>,
    records: Vec<ErasedRecord>,
    open: Vec<OpenRecord>,
}

impl Subject {
    /// Decides what becomes of each record.
    fn plan(&mut self, session: &Session<'_>, records: Records) {
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

    fn report(&self, what: &Erase, run: RunId) -> EraseReport {
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
    fn traits(&self) -> Vec<Trait> {
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
    match value {
        Value::Text(text) => Some(text.key().to_owned()),
        _ => None,
    }
}

/// Returns whether a link leads to a record that may be there.
fn is_there(link: &Link) -> bool {
    use crm_store::LinkState;
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
    async fn subject(&self, what: &Erase) -> Result<Subject, EngineError> {
        let mut ids: BTreeSet<EntityId> = what.entities.iter().copied().collect();
        // Who turned out to be one of them may be found before that one.
        loop {
            let before = ids.len();
            let same =
                |entity: &Entity| entity.state.same_as().is_some_and(|into| ids.contains(&into));
            let found = self.all(what.kind, same).await?;
            ids.extend(found.iter().map(|entity| entity.id));
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
                found.iter().map(|entity| entity.id).filter(|id| !ids.contains(id)).collect();
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
    ) -> Result<Vec<Entity>, EngineError> {
        let mut found = Vec::new();
        let mut after = Seq::default();
        loop {
            let page = self.engine.store.scan(kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else { return Ok(found) };
            after = last;
            found.extend(page.into_iter().filter(|entity| wanted(entity)));
        }
    }

    /// Returns what a delete comes to at a connection.
    fn way_of_deletion(&self, provider: &ProviderId, kind: Option<ObjectKind>) -> RecordFate {
        let capabilities = self.engine.providers.get(provider).map(|known| known.capabilities());
        let object = capabilities.as_ref().zip(kind).and_then(|(can, kind)| can.object(kind));
        match object.map(|object| (object.access, object.deletion)) {
            Some((Access::Full, Deletion::Archive)) => RecordFate::Archived,
            Some((Access::Full, Deletion::Permanent)) => RecordFate::Deleted,
            Some((_, _)) | None => RecordFate::Undeletable,
        }
    }

    /// Removes every value, remembers hashes, and announces what is still to be done.
    async fn begin_erasure(&self, what: &Erase, subject: &Subject) -> Result<(), EngineError> {
        let now = self.now();
        let mut commit = Commit::default();
        for entity in &subject.entities {
            commit.expected.push((entity.id, entity.row_version));
            commit.mutations.push(Mutation::Audit(Box::new(AuditNote {
                at: now,
                run: Some(self.run),
                actor: Actor::Person,
                what: AuditKind::Erased,
                entity: Some(entity.id),
                provider: None,
                detail: Some(what.kind.name().to_owned()),
            })));
        }
        let gone = subject.entities.iter().map(|entity| Mutation::Erase(entity.id));
        commit.mutations.extend(gone);
        let (kind, run, at) = (what.kind, self.run, now);
        commit.mutations.push(Mutation::Block { kind, traits: subject.traits(), run, at });
        commit.mutations.push(Mutation::Erasure(Box::new(self.announcement(what, subject))));
        let mark = Mark { due: now, attempts: 0 };
        let referring = subject.referring.values().flatten();
        commit.mutations.extend(referring.map(|id| Mutation::Mark(*id, Some(mark))));
        commit.mutations.extend(self.without_samples().await?);
        commit.mutations.extend(self.without_quotes(subject).await?);
        self.engine.store.commit(commit).await?;
        Ok(())
    }

    fn announcement(&self, what: &Erase, subject: &Subject) -> Erasure {
        let mut erasure = Erasure {
            run: self.run,
            kind: what.kind,
            at: self.now(),
            stage: ErasureStage::Records,
            ended: None,
            entities: u64::try_from(subject.entities.len()).unwrap_or(u64::MAX),
            open: subject.open.clone(),
            fates: BTreeMap::new(),
            digests: Vec::new(),
        };
        for record in &subject.records {
            match record.fate {
                RecordFate::Kept | RecordFate::Undeletable | RecordFate::Gone => {
                    erasure.note(&record.provider, record.fate);
                }
                // Noted once it is done.
                RecordFate::Deleted | RecordFate::Archived => {}
            }
        }
        erasure
    }

    /// Plans show samples with names: they are made again.
    async fn without_samples(&self) -> Result<Vec<Mutation>, EngineError> {
        let mut mutations = Vec::new();
        for kind in ObjectKind::ALL {
            if let Stage::Planned { plan } = self.engine.store.stage(kind).await?
                && !plan.is_null()
            {
                let planned = Stage::Planned { plan: serde_json::Value::Null };
                mutations.push(Mutation::Stage(kind, planned));
            }
        }
        Ok(mutations)
    }

    /// What ended a run may quote a value that a CRM did not like.
    async fn without_quotes(&self, subject: &Subject) -> Result<Vec<Mutation>, EngineError> {
        let values: Vec<String> = subject.entities.iter().flat_map(texts).collect();
        let runs = self.engine.store.runs(RUNS).await?;
        let quotes = |error: &String| values.iter().any(|value| error.contains(value.as_str()));
        let mut mutations = Vec::new();
        for mut run in runs.into_iter().filter(|run| run.error.as_ref().is_some_and(quotes)) {
            run.error = Some("a message about a record that was erased".to_owned());
            mutations.push(Mutation::Run(Box::new(run)));
        }
        Ok(mutations)
    }

    /// Deletes the records of all erasures that were announced, and makes the store forget them;
    /// returns why records are still there, by connection.
    pub(super) async fn end_erasures(
        &mut self,
    ) -> Result<BTreeMap<ProviderId, String>, EngineError> {
        let all = self.engine.store.erasures().await?;
        let open = all.into_iter().filter(|erasure| erasure.stage != ErasureStage::Done);
        let open: Vec<Erasure> = open.collect();
        let mut stuck = BTreeMap::new();
        if open.is_empty() {
            return Ok(stuck);
        }
        let mut done = Vec::new();
        for mut erasure in open {
            if erasure.stage == ErasureStage::Records {
                self.delete_records(&mut erasure, &mut stuck).await?;
                if erasure.open.is_empty() {
                    erasure.stage = ErasureStage::File;
                    self.keep(&erasure, Vec::new()).await?;
                }
            }
            if erasure.stage == ErasureStage::File {
                done.push(erasure);
            }
        }
        self.engine.store.scrub().await?;
        for mut erasure in done {
            erasure.stage = ErasureStage::Done;
            erasure.ended = Some(self.now());
            let note = self.note_of_erasure(&erasure, None, Some("nothing is left".to_owned()));
            self.keep(&erasure, vec![note]).await?;
        }
        Ok(stuck)
    }

    async fn keep(
        &self,
        erasure: &Erasure,
        mut mutations: Vec<Mutation>,
    ) -> Result<(), EngineError> {
        mutations.push(Mutation::Erasure(Box::new(erasure.clone())));
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    fn note_of_erasure(
        &self,
        erasure: &Erasure,
        provider: Option<ProviderId>,
        detail: Option<String>,
    ) -> Mutation {
        let deleted = provider.is_some();
        Mutation::Audit(Box::new(AuditNote {
            at: self.now(),
            run: Some(erasure.run),
            actor: Actor::Engine,
            what: if deleted { AuditKind::RecordDeleted } else { AuditKind::Erased },
            entity: None,
            provider,
            detail,
        }))
    }

    async fn delete_records(
        &mut self,
        erasure: &mut Erasure,
        stuck: &mut BTreeMap<ProviderId, String>,
    ) -> Result<(), EngineError> {
        let names: BTreeSet<ProviderId> =
            erasure.open.iter().map(|open| open.provider().clone()).collect();
        for provider in names {
            let result = self.delete_at(erasure, &provider).await?;
            if let Some(message) = result {
                stuck.insert(provider, message);
            }
        }
        Ok(())
    }

    /// Deletes the records of one connection; returns why one of them is still there.
    async fn delete_at(
        &mut self,
        erasure: &mut Erasure,
        provider: &ProviderId,
    ) -> Result<Option<String>, EngineError> {
        let Some(connection) = self.engine.providers.get(provider) else {
            return Ok(Some(format!("no connection is named `{provider}`")));
        };
        if let Err(error) = self.find_announced(erasure, provider).await {
            return Ok(Some(error.to_string()));
        }
        let ours = |open: &OpenRecord| match open {
            OpenRecord::Known(of, id) if of == provider => Some(id.clone()),
            OpenRecord::Known(..) | OpenRecord::Announced(..) => None,
        };
        let ids: Vec<RemoteId> = erasure.open.iter().filter_map(ours).collect();
        let mut why = (erasure.open.iter().any(|open| open.provider() == provider)
            && ids.is_empty())
        .then(|| "a create may still be carried out there".to_owned());
        let key = |id: &RemoteId| {
            let path = format!("erase\u{1f}{provider}\u{1f}{id}");
            WriteKey::from_uuid(Uuid::new_v5(&erasure.run.uuid(), path.as_bytes()))
        };
        let kind = erasure.kind;
        let write = |id: &RemoteId| {
            let action = Action::Delete { id: id.clone() };
            Write { key: key(id), kind, action }
        };
        let writes: Vec<Write> = ids.iter().map(write).collect();
        let results = match connection.apply(&writes).await {
            Ok(outcome) => outcome.into_results(),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let usual = self.way_of_deletion(provider, Some(kind));
        for (id, result) in ids.into_iter().zip(results) {
            let fate = match result {
                Ok(_) => Some(usual),
                Err(error) if *error.kind() == ErrorKind::NotFound => Some(RecordFate::Gone),
                Err(error) => {
                    // It may have been carried out all the same.
                    let found = connection.get(kind, std::slice::from_ref(&id)).await;
                    let found = found.ok().and_then(|found| found.into_iter().next());
                    match found {
                        Some(Lookup::Archived | Lookup::Gone) => Some(usual),
                        Some(Lookup::Found(_) | Lookup::MergedInto(_)) | None => {
                            why = Some(error.to_string());
                            None
                        }
                    }
                }
            };
            let Some(fate) = fate else { continue };
            erasure.open.retain(|open| *open != OpenRecord::Known(provider.clone(), id.clone()));
            erasure.note(provider, fate);
            let note = self.note_of_erasure(erasure, Some(provider.clone()), None);
            self.keep(erasure, vec![note]).await?;
        }
        Ok(why)
    }

    /// Looks for the records of creates that were under way.
    async fn find_announced(
        &mut self,
        erasure: &mut Erasure,
        provider: &ProviderId,
    ) -> Result<(), EngineError> {
        let mine = |open: &OpenRecord| match open {
            OpenRecord::Announced(of, uid) if of == provider => Some(uid.clone()),
            OpenRecord::Known(..) | OpenRecord::Announced(..) => None,
        };
        let uids: Vec<crm_core::Uid> = erasure.open.iter().filter_map(mine).collect();
        if uids.is_empty() {
            return Ok(());
        }
        let connection = self.provider(provider)?;
        let keys: Vec<MatchKey> = uids.iter().cloned().map(MatchKey::Uid).collect();
        let found = connection.find(erasure.kind, &keys).await?;
        let capabilities = connection.capabilities();
        let wait = capabilities.object(erasure.kind).map(|object| object.unknown_wait);
        let over = super::after(erasure.at, wait.unwrap_or_default()) <= self.now();
        let mut traits = Vec::new();
        for uid in uids {
            let announced = OpenRecord::Announced(provider.clone(), uid.clone());
            let record = found.iter().find(|record| record.uid.as_ref() == Some(&uid));
            if let Some(record) = record {
                erasure.open.retain(|open| *open != announced);
                erasure.open.push(OpenRecord::Known(provider.clone(), record.id.clone()));
                traits.push(Trait::Record(provider.clone(), record.id.clone()));
            } else if over {
                erasure.open.retain(|open| *open != announced);
                erasure.note(provider, RecordFate::Gone);
            }
        }
        let (kind, run, at) = (erasure.kind, erasure.run, self.now());
        self.keep(erasure, vec![Mutation::Block { kind, traits, run, at }]).await
    }

    /// Says of each record whether it was erased.
    pub(super) async fn erased(
        &self,
        kind: ObjectKind,
        side: &Side,
        remotes: impl Iterator<Item = &Remote>,
    ) -> Result<Vec<bool>, EngineError> {
        let mut traits = Vec::new();
        let mut owners = Vec::new();
        let mut count = 0;
        for remote in remotes {
            let mut note = |it| {
                traits.push(it);
                owners.push(count);
            };
            note(Trait::Record(side.provider.clone(), remote.id.clone()));
            for key in identity::keys_of(kind, &remote.fields) {
                if let MatchKey::Email(address) = key {
                    note(Trait::Email(address.to_string()));
                }
            }
            count += 1;
        }
        let mut erased = vec![false; count];
        for (owner, known) in owners.into_iter().zip(self.engine.store.erased(kind, &traits).await?)
        {
            if let Some(slot) = erased.get_mut(owner) {
                *slot |= known;
            }
        }
        Ok(erased)
    }

    /// Leaves out new records that were erased, and counts them.
    pub(super) async fn leave_out_erased(
        &mut self,
        rules: &Rules,
        side: &Side,
        newcomers: &mut Vec<&Remote>,
    ) -> Result<(), EngineError> {
        if newcomers.is_empty() {
            return Ok(());
        }
        let erased = self.erased(rules.kind, side, newcomers.iter().copied()).await?;
        self.leave_out(rules, newcomers, erased);
        Ok(())
    }

    /// Leaves out ids of records that were erased: they are not even read.
    pub(super) async fn leave_out_erased_ids(
        &mut self,
        rules: &Rules,
        side: &Side,
        ids: &mut Vec<RemoteId>,
    ) -> Result<(), EngineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let trait_of = |id: &RemoteId| Trait::Record(side.provider.clone(), id.clone());
        let traits: Vec<Trait> = ids.iter().map(trait_of).collect();
        let erased = self.engine.store.erased(rules.kind, &traits).await?;
        self.leave_out(rules, ids, erased);
        Ok(())
    }

    fn leave_out<T>(&mut self, rules: &Rules, items: &mut Vec<T>, erased: Vec<bool>) {
        let count = erased.iter().filter(|erased| **erased).count();
        if count == 0 {
            return;
        }
        let mut erased = erased.into_iter();
        items.retain(|_| !erased.next().unwrap_or_default());
        let skip = &mut self.tally.kind(rules.kind).done.skip;
        *skip.entry(ERASED.to_owned()).or_default() += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Leaves out references to records that were erased: nobody waits for them.
    pub(super) async fn forget_erased(
        &self,
        side: &Side,
        unknown: &mut Vec<Ref>,
    ) -> Result<(), EngineError> {
        let mut kept = Vec::with_capacity(unknown.len());
        for to in std::mem::take(unknown) {
            let erased = match &to {
                Ref::Remote(kind, id) => {
                    let it = Trait::Record(side.provider.clone(), id.clone());
                    self.engine.store.erased(*kind, &[it]).await?.into_iter().any(|it| it)
                }
                Ref::Entity(_) => false,
            };
            if !erased {
                kept.push(to);
            }
        }
        *unknown = kept;
        Ok(())
    }
}

/// Returns the values of an entity by which somebody could be known.
fn texts(entity: &Entity) -> Vec<String> {
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
