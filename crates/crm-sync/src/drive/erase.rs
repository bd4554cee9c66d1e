//! Erasing a person's data, and leaving alone what was erased.
//!
//! One commit removes every value from the store, remembers hashes, and announces which records
//! are still to be deleted; from then on nobody works on the entity, since there is none. Then the
//! records are deleted, each noted as it is done, and at last the store's file is rewritten, in
//! which removed rows can still be read. Whatever was not done is found in the announcement by the
//! next run.

mod recognise;
mod subject;

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Action, ErrorKind, Lookup, MatchKey, ObjectKind, ProviderId, RemoteId, RunId, Write, WriteKey,
};
use crm_store::{
    Actor, AuditKind, AuditNote, Commit, Erasure, ErasureStage, Mark, Mutation, OpenRecord,
    RecordFate, Stage, StoreError, Trait,
};
use uuid::Uuid;

use self::subject::{Subject, texts};
use super::Session;
use crate::erase::{Erase, EraseMode, EraseReport};
use crate::{Engine, EngineError, Progress};

/// How many runs are looked through for what they say.
const RUNS: usize = 100_000;
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
        report.stuck = session.reach_and_end().await?;
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
    Session::open(engine, run, progress).reach_and_end().await
}

impl Session<'_> {
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
            scrubbed: false,
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

    /// Makes sure that the connections reach the accounts that the store is about, and deletes the
    /// records of all erasures.
    async fn reach_and_end(&mut self) -> Result<BTreeMap<ProviderId, String>, EngineError> {
        let Err(error) = self.prepare().await else { return self.end_erasures().await };
        let all = self.engine.store.erasures().await?;
        let open = all.iter().flat_map(|erasure| &erasure.open);
        let stuck: BTreeMap<ProviderId, String> =
            open.map(|open| (open.provider().clone(), error.to_string())).collect();
        if stuck.is_empty() {
            // Nobody has to be reached.
            return self.end_erasures().await;
        }
        // What needs no connection is done all the same.
        self.engine.store.scrub().await?;
        Ok(stuck)
    }

    /// Ends what it can of erasures that were begun, which no sync fails for.
    pub(super) async fn go_on_erasing(&mut self) -> Result<(), EngineError> {
        match self.end_erasures().await {
            Ok(stuck) => {
                for (provider, error) in stuck {
                    tracing::warn!(%provider, %error, "records of an erasure are still there");
                }
                Ok(())
            }
            Err(EngineError::Store(error @ StoreError::Backend { .. })) => {
                tracing::warn!(%error, "an erasure is not at its end");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes the records of all erasures that were announced, and makes the store forget them;
    /// returns why records are still there, by connection.
    async fn end_erasures(&mut self) -> Result<BTreeMap<ProviderId, String>, EngineError> {
        let all = self.engine.store.erasures().await?;
        let open = all.into_iter().filter(|erasure| erasure.stage != ErasureStage::Done);
        let open: Vec<Erasure> = open.collect();
        let mut stuck = BTreeMap::new();
        if open.is_empty() {
            return Ok(stuck);
        }
        let mut unclean = Vec::new();
        for mut erasure in open {
            if erasure.stage == ErasureStage::Records {
                self.delete_records(&mut erasure, &mut stuck).await?;
                if erasure.open.is_empty() {
                    erasure.stage = ErasureStage::File;
                    self.keep(&erasure, Vec::new()).await?;
                }
            }
            if erasure.stage == ErasureStage::File || !erasure.scrubbed {
                unclean.push(erasure);
            }
        }
        if unclean.is_empty() {
            return Ok(stuck);
        }
        self.engine.store.scrub().await?;
        for mut erasure in unclean {
            erasure.scrubbed = true;
            if erasure.stage != ErasureStage::File {
                self.keep(&erasure, Vec::new()).await?;
                continue;
            }
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
        if self.is_paused(provider) {
            return Ok(Some("it takes no calls at present".to_owned()));
        }
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
}
