//! Refuses what a connection does not declare, before any request.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crm_core::{
    Access, Account, Action, BatchOutcome, Capabilities, ChangePage, Cursor, Deletion, Feed, Field,
    Finding, Lookup, MatchKey, ObjectCapability, ObjectKind, Operation, Provider, ProviderError,
    ProviderId, Remote, RemoteId, Repair, Result, SharedProvider, Usage, Write,
};

/// Puts the guard around a provider.
pub fn guard(inner: SharedProvider) -> SharedProvider {
    Arc::new(Guard(inner))
}

#[derive(Debug)]
struct Guard(SharedProvider);

impl Guard {
    fn refuse(&self, operation: Operation, what: impl fmt::Display) -> ProviderError {
        ProviderError::unsupported(what).with_operation(operation).with_provider(self.0.id())
    }

    /// Checks that the kind is there at all.
    fn check_kind(&self, operation: Operation, kind: ObjectKind) -> Result<()> {
        match self.0.capabilities().object(kind) {
            Some(_) => Ok(()),
            None => Err(self.refuse(operation, format_args!("the kind {kind}"))),
        }
    }

    fn check_write(&self, capabilities: &Capabilities, write: &Write) -> Result<()> {
        let kind = write.kind;
        let refuse = |what: String| Err(self.refuse(Operation::Apply, what));
        let Some(object) = capabilities.object(kind) else {
            return refuse(format!("the kind {kind}"));
        };
        match (&write.action, object.access) {
            (_, Access::Read) => refuse(format!("writing a {kind}")),
            (Action::Update { .. } | Action::Delete { .. }, Access::Create) => {
                refuse(format!("changing a {kind}"))
            }
            (Action::Create { fields, .. }, Access::Create | Access::Full) => {
                self.check_fields(object, fields.iter().map(|(field, _)| field))
            }
            (Action::Update { patch, .. }, Access::Full) => {
                self.check_fields(object, patch.iter().map(|(field, _)| field))
            }
            (Action::Delete { .. }, Access::Full) => match object.deletion {
                Deletion::Unsupported => refuse(format!("deleting a {kind}")),
                Deletion::Archive | Deletion::Permanent => Ok(()),
            },
        }
    }

    fn check_fields(
        &self,
        object: &ObjectCapability,
        mut fields: impl Iterator<Item = Field>,
    ) -> Result<()> {
        let writable = |field: Field| object.rule(field).is_some_and(|rule| rule.writable);
        match fields.find(|field| !writable(*field)) {
            None => Ok(()),
            Some(field) => {
                let what = format!("writing the field {field} of a {}", object.kind);
                Err(self.refuse(Operation::Apply, what))
            }
        }
    }

    fn check_repair(&self, finding: &Finding) -> Result<()> {
        let kind = finding.kind;
        let capabilities = self.0.capabilities();
        let mapping = capabilities.object(kind).map(|object| object.mapping);
        let known = mapping.is_some_and(|mapping| match finding.repair {
            Some(Repair::UidField) => mapping.uid.is_some(),
            Some(Repair::Field(remote)) => {
                mapping.rule_of_remote(remote).is_some_and(|rule| rule.custom)
            }
            None => false,
        });
        if known {
            return Ok(());
        }
        let what = format_args!("making what is missing of the kind {kind}");
        Err(self.refuse(Operation::Metadata, what))
    }
}

#[async_trait]
impl Provider for Guard {
    fn id(&self) -> &ProviderId {
        self.0.id()
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.0.capabilities()
    }

    async fn probe(&self) -> Result<Account> {
        self.0.probe().await
    }

    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        self.check_kind(Operation::Get, kind)?;
        self.0.get(kind, ids).await
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.check_kind(Operation::Find, kind)?;
        let capabilities = self.0.capabilities();
        let find_by = capabilities.object(kind).map_or(&[][..], |object| object.find_by);
        if let Some(key) = keys.iter().find(|key| !find_by.contains(&key.kind())) {
            let what = format!("finding a {kind} by {:?}", key.kind()).to_lowercase();
            return Err(self.refuse(Operation::Find, what));
        }
        self.0.find(kind, keys).await
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        self.check_kind(Operation::Changes, kind)?;
        self.0.changes(kind, feed, after).await
    }

    /// Refuses single writes; the others are sent.
    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let capabilities = self.0.capabilities();
        let checks: Vec<_> =
            writes.iter().map(|write| self.check_write(&capabilities, write)).collect();
        if checks.iter().all(Result::is_ok) {
            return self.0.apply(writes).await;
        }
        let allowed: Vec<Write> = writes
            .iter()
            .zip(&checks)
            .filter(|(_, check)| check.is_ok())
            .map(|(write, _)| write.clone())
            .collect();
        let sent = if allowed.is_empty() {
            Vec::new()
        } else {
            self.0.apply(&allowed).await?.into_results()
        };
        let mut sent = sent.into_iter();
        let lost = || Err(self.refuse(Operation::Apply, "a write without a result"));
        let results = checks.into_iter().map(|check| match check {
            Ok(()) => sent.next().unwrap_or_else(lost),
            Err(refusal) => Err(refusal),
        });
        Ok(BatchOutcome::new(writes, results.collect()))
    }

    async fn repair(&self, finding: &Finding) -> Result<()> {
        self.check_repair(finding)?;
        self.0.repair(finding).await
    }

    fn usage(&self) -> Usage {
        self.0.usage()
    }
}
