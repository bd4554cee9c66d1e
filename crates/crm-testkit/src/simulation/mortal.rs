//! A store and providers as a mortal process uses them: every step is counted, traced, and may be
//! the last one.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Clock as _, Cursor, EntityId, Feed, Finding,
    Lookup, MatchKey, ObjectKind, Provider, ProviderId, Remote, RemoteId, Result, SharedProvider,
    Usage, Write,
};
use crm_store::{
    Audit, AuditCheck, Commit, Conflict, ConflictQuery, Counts, Entity, Erasure, History, Journal,
    JournalQuery, KeyHash, LeaseRequest, Leased, ProblemQuery, Resolved, Run, Seq, SharedStore,
    Stage, Store, StoreResult, Trait, WrittenPlan,
};
use jiff::Timestamp;

use super::life::Life;
use super::trace::Trace;
use crate::clock::ManualClock;

/// What store and providers of one process share.
#[derive(Debug)]
pub struct Process {
    /// Its life.
    pub life: Life,
    /// What it did.
    pub trace: Trace,
    /// Its clock.
    pub clock: Arc<ManualClock>,
}

impl Process {
    /// Takes a step, which may be the last one.
    async fn step(&self, what: &str) {
        if self.life.is_dead() {
            return pending().await;
        }
        if self.life.step() {
            self.note(format_args!("death {what}"));
            pending::<()>().await;
        }
    }

    /// Waits for ever if the process is dead already.
    async fn alive(&self) {
        if self.life.is_dead() {
            pending::<()>().await;
        }
    }

    fn note(&self, text: std::fmt::Arguments<'_>) {
        self.trace.line(self.clock.now(), text);
    }
}

/// A store of a mortal process.
#[derive(Debug)]
pub struct MortalStore {
    inner: SharedStore,
    process: Arc<Process>,
}

impl MortalStore {
    /// Wraps a store.
    pub fn new(inner: SharedStore, process: Arc<Process>) -> Self {
        Self { inner, process }
    }
}

#[async_trait]
impl Store for MortalStore {
    async fn entities(&self, ids: &[EntityId]) -> StoreResult<Vec<Option<Entity>>> {
        self.process.alive().await;
        self.inner.entities(ids).await
    }

    async fn links(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Resolved>>> {
        self.process.alive().await;
        self.inner.links(provider, kind, ids).await
    }

    async fn tied(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        ids: &[RemoteId],
    ) -> StoreResult<Vec<Option<Entity>>> {
        self.process.alive().await;
        self.inner.tied(provider, kind, ids).await
    }

    async fn candidates(
        &self,
        kind: ObjectKind,
        keys: &[KeyHash],
    ) -> StoreResult<Vec<Vec<EntityId>>> {
        self.process.alive().await;
        self.inner.candidates(kind, keys).await
    }

    async fn scan(&self, kind: ObjectKind, after: Seq, limit: usize) -> StoreResult<Vec<Entity>> {
        self.process.alive().await;
        self.inner.scan(kind, after, limit).await
    }

    async fn lease(&self, request: LeaseRequest) -> StoreResult<Vec<Leased>> {
        self.process.alive().await;
        self.inner.lease(request).await
    }

    async fn next_due(&self, kind: ObjectKind) -> StoreResult<Option<Timestamp>> {
        self.process.alive().await;
        self.inner.next_due(kind).await
    }

    async fn cursor(
        &self,
        provider: &ProviderId,
        kind: ObjectKind,
        feed: &str,
    ) -> StoreResult<Option<Cursor>> {
        self.process.alive().await;
        self.inner.cursor(provider, kind, feed).await
    }

    async fn account(&self, provider: &ProviderId) -> StoreResult<Option<String>> {
        self.process.alive().await;
        self.inner.account(provider).await
    }

    async fn written_plan(&self, hash: &str) -> StoreResult<Option<WrittenPlan>> {
        self.process.alive().await;
        self.inner.written_plan(hash).await
    }

    async fn stage(&self, kind: ObjectKind) -> StoreResult<Stage> {
        self.process.alive().await;
        self.inner.stage(kind).await
    }

    async fn conflicts(&self, query: ConflictQuery) -> StoreResult<Vec<Conflict>> {
        self.process.alive().await;
        self.inner.conflicts(query).await
    }

    async fn problems(&self, query: ProblemQuery) -> StoreResult<Vec<Entity>> {
        self.process.alive().await;
        self.inner.problems(query).await
    }

    async fn runs(&self, limit: usize) -> StoreResult<Vec<Run>> {
        self.process.alive().await;
        self.inner.runs(limit).await
    }

    async fn history(&self, entity: EntityId) -> StoreResult<Vec<History>> {
        self.process.alive().await;
        self.inner.history(entity).await
    }

    async fn absorbed(&self, into: Option<EntityId>) -> StoreResult<Vec<Entity>> {
        self.process.alive().await;
        self.inner.absorbed(into).await
    }

    async fn journal(&self, query: JournalQuery) -> StoreResult<Vec<Journal>> {
        self.process.alive().await;
        self.inner.journal(query).await
    }

    async fn audit(&self, after: u64, limit: usize) -> StoreResult<Vec<Audit>> {
        self.process.alive().await;
        self.inner.audit(after, limit).await
    }

    async fn verify_audit(&self) -> StoreResult<AuditCheck> {
        self.process.alive().await;
        self.inner.verify_audit().await
    }

    async fn erased(&self, kind: ObjectKind, traits: &[Trait]) -> StoreResult<Vec<bool>> {
        self.process.alive().await;
        self.inner.erased(kind, traits).await
    }

    async fn erasures(&self) -> StoreResult<Vec<Erasure>> {
        self.process.alive().await;
        self.inner.erasures().await
    }

    async fn scrub(&self) -> StoreResult<()> {
        self.process.step("before a scrub").await;
        self.inner.scrub().await
    }

    async fn counts(&self, kind: ObjectKind) -> StoreResult<Counts> {
        self.process.alive().await;
        self.inner.counts(kind).await
    }

    async fn commit(&self, commit: Commit) -> StoreResult<()> {
        let process = &*self.process;
        process.step("before a commit").await;
        process.trace.detail(format_args!("{commit:?}"));
        let changes = commit.mutations.len();
        for mutation in &commit.mutations {
            process.trace.remark(format_args!("{mutation:?}"));
        }
        let result = self.inner.commit(commit).await;
        let how = if result.is_ok() { "done" } else { "refused" };
        process.note(format_args!("commit of {changes} {how}"));
        if result.is_ok() {
            process.life.committed();
        }
        process.step("after a commit").await;
        result
    }
}

/// A provider of a mortal process.
#[derive(Debug)]
pub struct MortalProvider {
    inner: SharedProvider,
    process: Arc<Process>,
}

impl MortalProvider {
    /// Wraps a provider.
    pub fn new(inner: SharedProvider, process: Arc<Process>) -> Self {
        Self { inner, process }
    }

    async fn read<T>(&self, what: String, call: impl Future<Output = Result<T>> + Send) -> Result<T>
    where
        T: std::fmt::Debug + Send,
    {
        self.process.alive().await;
        self.process.life.called();
        let result = call.await;
        self.process.alive().await;
        let id = self.inner.id();
        match &result {
            Ok(answer) => {
                self.process.note(format_args!("{id} {what}"));
                self.process.trace.remark(format_args!("{answer:?}"));
            }
            Err(error) => self.process.note(format_args!("{id} {what}: {error}")),
        }
        result
    }
}

#[async_trait]
impl Provider for MortalProvider {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<Account> {
        self.read("probe".to_owned(), self.inner.probe()).await
    }

    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        self.read(named("get", kind, ids), self.inner.get(kind, ids)).await
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.read(named("find", kind, keys), self.inner.find(kind, keys)).await
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        self.read(named("changes", kind, feed), self.inner.changes(kind, feed, after)).await
    }

    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let (id, process) = (self.inner.id(), &*self.process);
        process.life.begin();
        process.step("before a write").await;
        process.life.called();
        for write in writes {
            process.note(format_args!("{id} sends {:?}", write.action));
        }
        let mut call = pin!(self.inner.apply(writes));
        let mut first = Some(poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await);
        process.step("while a write is under way").await;
        let result = match first.take() {
            Some(Poll::Ready(result)) => result,
            Some(Poll::Pending) | None => call.await,
        };
        process.step("after a write").await;
        process.life.end();
        match &result {
            Ok(outcome) => process.note(format_args!("{id} answers {outcome:?}")),
            Err(error) => process.note(format_args!("{id} refuses: {error}")),
        }
        result
    }

    async fn repair(&self, finding: &Finding) -> Result<()> {
        self.inner.repair(finding).await
    }

    fn usage(&self) -> Usage {
        self.inner.usage()
    }
}

/// Names a call about records; people go without saying.
fn named(call: &str, kind: ObjectKind, what: impl std::fmt::Debug) -> String {
    match kind {
        ObjectKind::Contact => format!("{call} {what:?}"),
        ObjectKind::Company | ObjectKind::Deal | ObjectKind::Activity => {
            format!("{call} {kind} {what:?}")
        }
    }
}
