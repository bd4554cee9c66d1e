//! A CRM in the process: no HTTP, no tokens, but everything by which CRMs make a sync engine go
//! wrong: values that are stored otherwise than sent, indexes that lag, calls that fail before or
//! after they were carried out, writes that are applied long after their caller gave up.
//!
//! A [`Realm`] holds several accounts and their users. Everything that happens, happens at a time
//! of one [`ManualClock`](crate::clock::ManualClock) and is drawn from one seed.

mod deed;
mod feed;
mod journal;
pub mod profile;
mod realm;
mod record;
mod ties;
mod unseen;
mod weather;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use crm_core::{
    Account as Found, BatchOutcome, Capabilities, ChangePage, Clock, Cursor, ErrorKind, Feed,
    Field, Finding, Lookup, MatchKey, ObjectKind, Operation, Provider, ProviderError, ProviderId,
    Remote, RemoteId, Result, Usage, Value, Write, Written, normal,
};

pub use self::deed::Deed;
pub use self::journal::{Hand, Journal, Stray, Stroke, Update};
pub use self::profile::{PROFILES, Profile};
pub(crate) use self::realm::Inner;
pub use self::realm::Realm;
pub(crate) use self::record::{Account, Row, State};
pub use self::weather::Weather;

use self::record::Refused;

/// The connection to one account of a realm.
#[derive(Debug)]
pub struct MemoryProvider {
    realm: Arc<Realm>,
    index: usize,
    id: ProviderId,
    capabilities: Arc<Capabilities>,
}

impl MemoryProvider {
    /// Opens the connection to an account; `None` if there is none of that number.
    pub fn open(realm: &Arc<Realm>, index: usize) -> Option<Self> {
        let inner = realm.now();
        let account = inner.accounts.get(index)?;
        Some(Self {
            realm: Arc::clone(realm),
            index,
            id: account.id.clone(),
            capabilities: Arc::clone(&account.capabilities),
        })
    }

    fn error(&self, operation: Operation, refused: Refused) -> ProviderError {
        let Refused(kind, message) = refused;
        ProviderError::new(kind, message).with_provider(&self.id).with_operation(operation)
    }

    /// Makes a call that reads: it takes its time, may be refused, and is carried out in its
    /// middle.
    async fn read<T: Send>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut Inner) -> Result<T, Refused> + Send,
    ) -> Result<T> {
        let clock = self.realm.clock();
        let fate = {
            let mut inner = self.realm.now();
            let Some(account) = inner.accounts.get_mut(self.index) else {
                return Err(self.error(operation, Refused(ErrorKind::Permanent, "no account")));
            };
            let budget = match operation {
                Operation::Probe | Operation::Metadata => &mut account.usage.other,
                Operation::Get | Operation::Find | Operation::Changes | Operation::Apply => {
                    &mut account.usage.reads
                }
            };
            *budget += 1;
            *account.usage.endpoints.entry(operation.name().to_owned()).or_default() += 1;
            account.weather.read(&mut account.rng)
        };
        let Some(acts) = fate.acts else {
            clock.sleep(fate.answers).await;
            let kind = fate.error.unwrap_or(ErrorKind::Permanent);
            return Err(self.error(operation, Refused(kind, "the call was refused")));
        };
        clock.sleep(acts).await;
        let result = act(&mut self.realm.now());
        clock.sleep(fate.answers.saturating_sub(acts)).await;
        result.map_err(|refused| self.error(operation, refused))
    }

    /// Makes one write call. `Err` if it was refused as a whole before anything was done.
    async fn send(&self, writes: &[Write]) -> Result<Vec<Result<Written>>> {
        let receipt = {
            let now = self.realm.time();
            self.realm.now().receive(self.index, writes, now)
        };
        self.realm.clock().sleep(receipt.answers).await;
        let mut inner = self.realm.now();
        let account = inner.accounts.get_mut(self.index);
        let answers = account.and_then(|account| account.answers.remove(&receipt.ticket));
        drop(inner);
        let error = |refused| self.error(Operation::Apply, refused);
        match (receipt.error, answers) {
            (Some(kind), _) if is_open(&kind) => {
                let lost = || Err(error(Refused(kind.clone(), "the connection was cut")));
                Ok(writes.iter().map(|_| lost()).collect())
            }
            (Some(kind), _) => Err(error(Refused(kind, "the call was refused"))),
            (None, Some(answers)) => {
                Ok(answers.into_iter().map(|answer| answer.map_err(error)).collect())
            }
            (None, None) => Err(error(Refused(ErrorKind::Permanent, "the call came to nothing"))),
        }
    }

    fn look(
        inner: &mut Inner,
        (index, kind): (usize, ObjectKind),
        id: &RemoteId,
        at: jiff::Timestamp,
    ) -> Lookup {
        let Some(account) = inner.accounts.get(index) else { return Lookup::Gone };
        let Some(row) = account.row(kind, id) else { return Lookup::Gone };
        let found = match row.state {
            State::Live => {
                let text = |stroke| inner.journal.stroke(stroke)?.value.clone();
                Lookup::Found(account.remote(row, text))
            }
            State::Archived(_) => Lookup::Archived,
            State::Merged(into, _) => Lookup::MergedInto(account.remote_id(into)),
        };
        let number = row.number;
        if matches!(found, Lookup::Found(_)) {
            inner.show(index, number, at);
        }
        found
    }

    fn search(
        inner: &mut Inner,
        (index, kind): (usize, ObjectKind),
        keys: &[MatchKey],
        at: jiff::Timestamp,
    ) -> Vec<Remote> {
        let Some(account) = inner.accounts.get(index) else { return Vec::new() };
        let text = |stroke| inner.journal.stroke(stroke)?.value.clone();
        let remotes: Vec<(u64, Remote)> = account
            .live(kind)
            .map(|row| (row.number, account.remote(row, text)))
            .filter(|(_, remote)| keys.iter().any(|key| carries(remote, key)))
            .collect();
        for (number, _) in &remotes {
            inner.show(index, *number, at);
        }
        remotes.into_iter().map(|(_, remote)| remote).collect()
    }
}

fn is_open(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Transient { applied: crm_core::Applied::Unknown })
}

fn carries(remote: &Remote, key: &MatchKey) -> bool {
    let text = |field| match remote.fields.get(field) {
        Some(Value::Text(text)) => Some(text),
        Some(_) | None => None,
    };
    match key {
        MatchKey::Uid(uid) => remote.uid.as_ref() == Some(uid),
        MatchKey::Email(email) => text(Field::EMAIL).is_some_and(|text| text.key() == &**email),
        MatchKey::Domain(domain) => {
            text(Field::DOMAIN).is_some_and(|text| normal::domain(text.raw()) == **domain)
        }
        MatchKey::Name { name, with } => {
            let title = text(Field::TITLE).is_some_and(|t| normal::surname(t.raw()) == **name);
            let amount = remote.fields.get(Field::VALUE).map(Value::display).unwrap_or_default();
            title && amount == **with
        }
        MatchKey::Phone { .. } => false,
    }
}

#[async_trait]
impl Provider for MemoryProvider {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::clone(&self.capabilities)
    }

    async fn probe(&self) -> Result<Found> {
        let now = self.realm.time();
        self.read(Operation::Probe, |_| {
            Ok(Found {
                id: self.id.to_string(),
                name: self.id.to_string(),
                api_version: "1".to_owned(),
                now,
                findings: Vec::new(),
            })
        })
        .await
    }

    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        let read_max = self.capabilities.objects.first().map_or(1, |object| object.read_max.get());
        let mut lookups = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(usize::from(read_max)) {
            let act = |inner: &mut Inner| {
                let at = self.realm.time();
                let place = (self.index, kind);
                Ok(chunk.iter().map(|id| Self::look(inner, place, id, at)).collect())
            };
            let found: Vec<Lookup> = self.read(Operation::Get, act).await?;
            lookups.extend(found);
        }
        Ok(lookups)
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        let read_max = self.capabilities.objects.first().map_or(1, |object| object.read_max.get());
        let mut remotes: Vec<Remote> = Vec::new();
        for chunk in keys.chunks(usize::from(read_max)) {
            let act = |inner: &mut Inner| {
                let at = self.realm.time();
                Ok(Self::search(inner, (self.index, kind), chunk, at))
            };
            for remote in self.read(Operation::Find, act).await? {
                if !remotes.iter().any(|known| known.id == remote.id) {
                    remotes.push(remote);
                }
            }
        }
        Ok(remotes)
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let act = |inner: &mut Inner| {
            let at = self.realm.time();
            inner.page((self.index, kind), feed, after, at)
        };
        self.read(Operation::Changes, act).await
    }

    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let write_max =
            self.capabilities.objects.first().map_or(1, |object| object.write_max.get());
        let mut results: Vec<Result<Written>> = Vec::with_capacity(writes.len());
        for chunk in writes.chunks(usize::from(write_max)) {
            match self.send(chunk).await {
                Ok(answers) => results.extend(answers),
                Err(error) if results.is_empty() => return Err(error),
                Err(error) => {
                    // The first calls were carried out: each write of this one has its own error.
                    let again = || {
                        let refused = Refused(error.kind().clone(), "the call was refused");
                        Err(self.error(Operation::Apply, refused))
                    };
                    results.extend(chunk.iter().map(|_| again()));
                }
            }
        }
        Ok(BatchOutcome::new(writes, results))
    }

    async fn repair(&self, _finding: &Finding) -> Result<()> {
        Err(ProviderError::unsupported("a repair of an account in memory"))
    }

    fn usage(&self) -> Usage {
        let inner = self.realm.now();
        inner.accounts.get(self.index).map(|account| account.usage.clone()).unwrap_or_default()
    }
}
