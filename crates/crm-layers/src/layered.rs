//! The forwarding, written once: a policy around each operation of a provider.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use crm_core::{
    Account, Applied, BatchOutcome, Capabilities, ChangePage, Cursor, ErrorKind, Feed, Finding,
    Lookup, MatchKey, ObjectKind, Operation, Provider, ProviderId, Remote, RemoteId, Result,
    SharedProvider, Usage, Write,
};

use crate::outcome::Outcome;

/// An operation that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The connection.
    pub provider: &'a ProviderId,
    /// What is done.
    pub operation: Operation,
    /// To what, if to records of one kind.
    pub kind: Option<ObjectKind>,
    /// How many records are asked for or written; 0 where that is not known before.
    pub items: usize,
}

impl Call<'_> {
    /// Returns whether the operation reads or writes.
    pub const fn class(&self) -> Class {
        match self.operation {
            Operation::Probe | Operation::Get | Operation::Find | Operation::Changes => Class::Read,
            Operation::Apply | Operation::Metadata => Class::Write,
        }
    }
}

/// What an operation does; the two fail apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It reads.
    Read,
    /// It writes.
    Write,
}

impl Class {
    /// Returns whether an operation that did not end may have been applied.
    pub const fn applied(self) -> Applied {
        match self {
            Self::Read => Applied::No,
            Self::Write => Applied::Unknown,
        }
    }
}

/// Something that is done around every operation.
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// Runs an operation, or answers in its place.
    fn run<'a, T: Outcome + 'a>(
        &'a self,
        call: Call<'a>,
        inner: impl Future<Output = Result<T>> + Send + 'a,
    ) -> impl Future<Output = Result<T>> + Send + 'a;
}

/// A provider with a policy around it.
#[derive(Debug)]
pub struct Layered<P> {
    inner: SharedProvider,
    policy: P,
}

/// Puts a policy around a provider.
pub fn layer<P: Policy>(inner: SharedProvider, policy: P) -> SharedProvider {
    Arc::new(Layered { inner, policy })
}

impl<P: Policy> Layered<P> {
    fn call(&self, operation: Operation, kind: Option<ObjectKind>, items: usize) -> Call<'_> {
        Call { provider: self.inner.id(), operation, kind, items }
    }
}

#[async_trait]
impl<P: Policy> Provider for Layered<P> {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<Account> {
        let call = self.call(Operation::Probe, None, 0);
        self.policy.run(call, self.inner.probe()).await
    }

    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        let inner = self.inner.get(kind, ids);
        // No items make no request: there is nothing to govern.
        if ids.is_empty() {
            return inner.await;
        }
        let call = self.call(Operation::Get, Some(kind), ids.len());
        self.policy.run(call, inner).await
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        let inner = self.inner.find(kind, keys);
        if keys.is_empty() {
            return inner.await;
        }
        let call = self.call(Operation::Find, Some(kind), keys.len());
        self.policy.run(call, inner).await
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let call = self.call(Operation::Changes, Some(kind), 0);
        let inner = self.inner.changes(kind, feed, after);
        self.policy.run(call, inner).await
    }

    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let inner = self.inner.apply(writes);
        let Some(first) = writes.first() else {
            return inner.await;
        };
        let kind = Some(first.kind).filter(|kind| writes.iter().all(|write| write.kind == *kind));
        let call = self.call(Operation::Apply, kind, writes.len());
        match self.policy.run(call, inner).await {
            // An error says that nothing was sent. A policy that gave up half-way cannot say so:
            // then each write has its own, unknown, fate.
            Err(error) if may_be_applied(error.kind()) => {
                let each = writes.iter().map(|_| Err(error.copy()));
                Ok(BatchOutcome::new(writes, each.collect()))
            }
            outcome => outcome,
        }
    }

    async fn repair(&self, finding: &Finding) -> Result<()> {
        let call = self.call(Operation::Metadata, Some(finding.kind), 1);
        self.policy.run(call, self.inner.repair(finding)).await
    }

    fn usage(&self) -> Usage {
        self.inner.usage()
    }
}

fn may_be_applied(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Transient { applied: Applied::Unknown }
            | ErrorKind::Malformed { applied: Applied::Unknown }
    )
}
