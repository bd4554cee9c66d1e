//! What a room hands to the suite, and the few words in which the cases are written.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crm_core::mapping::encode_fields;
use crm_core::{
    Action, Change, ChangePage, Clock, Cursor, EntityId, ErrorKind, Feed, Field, Fields, Lookup,
    Mapping, ObjectCapability, ObjectKind, Patch, ProviderError, Remote, RemoteId, SharedProvider,
    TenantId, Uid, Value, Write, WriteKey, Written,
};
use jiff::Timestamp;
use serde_json::json;

use super::room::{Deed, FormOf, Room, Target, Tied};
use super::sample::{self, Speech};

use crate::fake::Fake;
use crate::serve::Server;
use crate::world::FakeClock;

/// More pages than any case needs.
const PAGES_MAX: usize = 1_000;

/// The clock of a fake, for the client: both live in the same, faster time.
#[derive(Clone, Debug)]
pub struct FakeTime(pub FakeClock);

impl Clock for FakeTime {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    #[expect(clippy::disallowed_methods, reason = "scaled time waits in real time")]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration / self.0.scale()))
    }
}

/// Which credentials a connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Those that the fake accepts.
    Right,
    /// Others.
    Wrong,
}

/// How to open a connection to the fake.
#[derive(Clone, Debug)]
pub struct Connect {
    /// Where the fake listens.
    pub url: String,
    /// Which credentials to use.
    pub credentials: Credentials,
    /// The clock to live by.
    pub clock: Arc<dyn Clock>,
}

type Open = Box<dyn Fn(Connect) -> SharedProvider + Send + Sync>;

/// A fake behind a socket and the way to connect to it.
pub struct Harness {
    /// What is particular to the room.
    pub room: Room,
    /// The fake's levers.
    pub fake: Arc<dyn Fake>,
    open: Open,
    url: String,
    capability: OnceLock<ObjectCapability>,
    /// What the records of the suite refer to where a create without a reference is refused.
    needed: OnceLock<Vec<(Field, Value)>>,
    _server: Server,
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness")
            .field("room", &self.room)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Harness {
    /// Serves the fake. `open` makes a connection, wrapped in the guard layer, without a request.
    ///
    /// # Panics
    /// If no loopback port is free.
    pub fn new(
        room: Room,
        fake: Arc<dyn Fake>,
        open: impl Fn(Connect) -> SharedProvider + Send + Sync + 'static,
    ) -> Self {
        let server = Server::of(Arc::clone(&fake)).unwrap();
        let url = server.url(0).unwrap();
        let (open, capability, needed) = (Box::new(open), OnceLock::new(), OnceLock::new());
        Self { room, fake, open, url, capability, needed, _server: server }
    }

    /// Opens a connection with the right credentials.
    pub fn provider(&self) -> SharedProvider {
        self.connect(Credentials::Right)
    }

    /// Opens a connection.
    pub fn connect(&self, credentials: Credentials) -> SharedProvider {
        (self.open)(self.way(credentials))
    }

    /// Returns how to connect, for a room that opens a connection with settings of its own.
    pub fn way(&self, credentials: Credentials) -> Connect {
        let clock = Arc::new(FakeTime(self.fake.clock()));
        Connect { url: self.url.clone(), credentials, clock }
    }

    /// Returns what the room declares for the kind under test.
    pub fn capability(&self) -> &ObjectCapability {
        // Opening a connection reads the system's certificates: once is enough.
        self.capability.get_or_init(|| {
            let capabilities = self.provider().capabilities();
            capabilities.object(self.room.kind).unwrap().clone()
        })
    }

    /// Returns how many requests the fake has seen whose endpoint contains a text.
    pub fn requests(&self, part: &str) -> u64 {
        self.fake.counters().requests(part)
    }

    /// Returns how many requests the fake has seen, those for tokens aside: a token may live
    /// shorter than a case.
    pub fn asked(&self) -> u64 {
        self.requests("") - self.requests("oauth")
    }

    /// Lets the time go by, for the fake and its clients.
    pub fn pass(&self, time: Duration) {
        self.fake.clock().advance(time);
    }

    /// Returns the table of the form under test.
    pub fn mapping(&self) -> &'static Mapping {
        self.capability().mapping_of(self.room.variant).unwrap()
    }

    /// Returns the fields that the cases speak of.
    pub(super) fn speech(&self) -> Speech {
        sample::speech(self.mapping())
    }

    /// Returns the n-th invented record, with the references that it cannot be without.
    pub fn record(&self, n: usize) -> Fields {
        let mut fields = sample::record(self.mapping(), n);
        for (field, value) in self.needed() {
            fields.insert(*field, value.clone());
        }
        fields
    }

    /// Returns whether a record cannot be without a field.
    pub(super) fn needs(&self, field: Field) -> bool {
        self.mapping().rule(field).is_some_and(|rule| rule.required)
    }

    fn needed(&self) -> &[(Field, Value)] {
        self.needed.get_or_init(|| {
            let targets = self.room.targets.iter().filter(|target| self.needs(target.field));
            let needed = targets.map(|target| {
                let spec = crm_core::schema::spec(self.room.kind, target.field).unwrap();
                let kind = spec.ty.refers_to().unwrap();
                let id = self.seed_target(target, 900);
                (target.field, Value::Ref(crm_core::Ref::Remote(kind, id)))
            });
            needed.collect()
        })
    }

    /// Returns what tells the n-th invented record from the others.
    pub fn name(&self, n: usize) -> Option<String> {
        self.record(n).get(self.speech().name).map(Value::display)
    }

    /// Creates the n-th invented record as a user of the CRM would.
    pub fn seed(&self, n: usize) -> RemoteId {
        self.seed_fields(&self.record(n))
    }

    /// Creates a record with these values as a user of the CRM would.
    pub fn seed_fields(&self, fields: &Fields) -> RemoteId {
        self.seed_with(fields, &[])
    }

    /// Creates a record with these values, and with members by the vendor's names, as a user of
    /// the CRM would.
    pub fn seed_with(&self, fields: &Fields, members: &[(&str, &str)]) -> RemoteId {
        let id = self.raise(self.room.table, self.mapping(), fields, members);
        format!("{}{id}", self.room.id_prefix).into()
    }

    /// Creates the first `count` invented records.
    pub fn seed_many(&self, count: usize) -> Vec<RemoteId> {
        (0..count).map(|n| self.seed(n)).collect()
    }

    /// Creates the n-th invented record of another form as a user of the CRM would.
    pub fn seed_form(&self, form: &FormOf, n: usize) -> RemoteId {
        let mapping = self.capability().mapping_of(Some(form.variant)).unwrap();
        let id = self.raise(form.table, mapping, &sample::record(mapping, n), &[]);
        format!("{}{id}", form.id_prefix).into()
    }

    /// Creates the n-th invented record of the kind that a reference points at.
    pub fn seed_target(&self, target: &Target, n: usize) -> RemoteId {
        let spec = crm_core::schema::spec(self.room.kind, target.field).unwrap();
        let kind = spec.ty.refers_to().unwrap();
        let capabilities = self.provider().capabilities();
        let mapping = capabilities.object(kind).unwrap().mapping;
        // Far from the records of the case itself, which may be of the same kind.
        let fields = sample::record(mapping, 9_000 + n);
        self.raise(target.table, mapping, &fields, &[]).into()
    }

    fn raise(
        &self,
        table: &str,
        mapping: &Mapping,
        fields: &Fields,
        members: &[(&str, &str)],
    ) -> String {
        let mut all = encode_fields(mapping, fields);
        let others = self.room.seeded_targets.iter().find(|(known, _)| *known == table);
        let others = others.map_or(&[][..], |(_, members)| members);
        let own: &[(&str, &str)] = if table == self.room.table { self.room.seeded } else { others };
        for (name, value) in mapping.fixed.iter().chain(own).chain(members) {
            all.insert((*name).to_owned(), json!(value));
        }
        self.fake.create(table, &all).unwrap()
    }

    /// Makes or cuts a tie as a user of the CRM would.
    pub fn tie(&self, id: &RemoteId, target: &Target, to: &RemoteId, deed: Deed) {
        (self.room.tie)(&Tied {
            fake: self.fake.as_ref(),
            table: self.room.table,
            id: self.bare(id),
            field: target.field,
            target_table: target.table,
            target: to.as_str(),
            deed,
        });
    }

    /// Returns the fake's own id of a record of the form under test.
    pub fn bare<'i>(&self, id: &'i RemoteId) -> &'i str {
        id.as_str().strip_prefix(self.room.id_prefix).unwrap_or(id.as_str())
    }

    /// Changes one text of a record as a user of the CRM would.
    pub fn edit(&self, id: &RemoteId, field: Field, text: &str) {
        let members = encode_fields(self.mapping(), &self.texts(&[(field, text)]));
        self.fake.patch(self.room.table, self.bare(id), &members).unwrap();
    }

    /// Deletes a record as a user of the CRM would.
    pub fn delete(&self, id: &RemoteId) {
        self.fake.delete(self.room.table, self.bare(id)).unwrap();
    }

    /// Returns what the fake holds in a field of a record; blank is `None`.
    pub fn stored(&self, id: &RemoteId, field: Field) -> Option<String> {
        self.stored_as(id, self.mapping().rule(field).unwrap().remote)
    }

    /// Returns what the fake holds in a member of the vendor's name; blank is `None`.
    pub fn stored_as(&self, id: &RemoteId, remote: &str) -> Option<String> {
        let record = self.fake.record(self.room.table, self.bare(id)).unwrap();
        let value = record.get("fields").and_then(|fields| fields.get(remote))?;
        let text = value.as_str().map(self.room.plain);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Returns texts of the kind under test, in normal form.
    pub fn texts(&self, pairs: &[(Field, &str)]) -> Fields {
        sample::texts(self.room.kind, pairs)
    }

    /// Reads one record that must be there.
    pub async fn read(&self, provider: &SharedProvider, id: &RemoteId) -> Remote {
        let lookups = provider.get(self.room.kind, std::slice::from_ref(id)).await.unwrap();
        found(lookups.first().unwrap()).clone()
    }

    /// Returns how many live records the fake holds.
    pub fn live(&self) -> usize {
        self.fake.records(self.room.table, crate::fake::Bin::Live).unwrap().len()
    }

    /// Returns the page of a feed.
    pub async fn page(
        &self,
        provider: &SharedProvider,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> ChangePage {
        provider.changes(self.room.kind, feed, after).await.unwrap()
    }

    /// Returns the first page from the beginning that shows a record: other forms of the kind,
    /// which have none, may come before.
    pub async fn first_page(&self, provider: &SharedProvider) -> ChangePage {
        let mut page = self.page(provider, Feed::Changes, None).await;
        for _ in 0..self.room.streams {
            if page.changes.is_empty() && page.more {
                let next = page.next.clone();
                page = self.page(provider, Feed::Changes, Some(&next)).await;
            }
        }
        page
    }

    /// Reads a feed to its present end.
    pub async fn drain(
        &self,
        provider: &SharedProvider,
        feed: Feed,
        after: Option<Cursor>,
    ) -> Drained {
        let mut drained = Drained { changes: Vec::new(), cursor: after, pages: 0 };
        while drained.pages < PAGES_MAX {
            let page = self.page(provider, feed, drained.cursor.as_ref()).await;
            drained.changes.extend(page.changes);
            drained.cursor = Some(page.next);
            drained.pages += 1;
            if !page.more {
                return drained;
            }
        }
        panic!("the feed does not end");
    }

    /// Returns a write of the kind under test; `n` names it.
    pub fn write(&self, n: usize, action: Action) -> Write {
        let key = WriteKey::from_uuid(uuid::Uuid::from_u128(n as u128 + 1));
        Write { key, kind: self.room.kind, action }
    }

    /// Returns the write that creates the n-th invented record.
    pub fn create(&self, n: usize) -> Write {
        self.write(n, Action::Create { uid: uid(n), fields: self.record(n) })
    }

    /// Returns the write that sets one text.
    pub fn update(&self, n: usize, id: &RemoteId, field: Field, text: &str) -> Write {
        let patch = self.texts(&[(field, text)]).into_iter().map(|(f, value)| (f, Some(value)));
        self.change(n, id, patch.collect())
    }

    /// Returns the write that applies a patch.
    pub fn change(&self, n: usize, id: &RemoteId, patch: Patch) -> Write {
        self.write(n, Action::Update { id: id.clone(), patch, expected: None })
    }

    /// Applies writes and returns the results in order.
    pub async fn apply(
        &self,
        provider: &SharedProvider,
        writes: &[Write],
    ) -> Vec<crm_core::Result<Written>> {
        provider.apply(writes).await.unwrap().into_results()
    }

    /// Applies one write and returns its result.
    pub async fn apply_one(
        &self,
        provider: &SharedProvider,
        write: Write,
    ) -> crm_core::Result<Written> {
        self.apply(provider, &[write]).await.remove(0)
    }
}

/// A feed that was read to its end.
#[derive(Debug)]
pub struct Drained {
    /// Everything that it said.
    pub changes: Vec<Change>,
    /// Where it goes on.
    pub cursor: Option<Cursor>,
    /// How many pages it took.
    pub pages: usize,
}

impl Drained {
    /// Returns the ids of records that changed, sorted, each once.
    pub fn ids(&self) -> Vec<RemoteId> {
        let mut ids: Vec<_> = self.changes.iter().map(id_of).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// Returns the record that a change speaks of.
pub(super) fn id_of(change: &Change) -> RemoteId {
    match change {
        Change::Observed(remote) => remote.id.clone(),
        Change::Touched { id, .. } | Change::Missing { id } => id.clone(),
        Change::Merged { winner, .. } => winner.clone(),
    }
}

/// Returns the uid under which the n-th invented record is created.
pub(super) fn uid(n: usize) -> Uid {
    let id = RemoteId::from(n.to_string());
    let founder = "elsewhere".into();
    Uid::of(EntityId::founded(&TenantId::default(), &founder, ObjectKind::Contact, &id))
}

/// Returns the record of a look-up that found one.
pub(super) fn found(lookup: &Lookup) -> &Remote {
    match lookup {
        Lookup::Found(remote) => remote,
        Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone => {
            panic!("a record was expected, not {lookup:?}")
        }
    }
}

/// Returns what a record holds in a field, as a person reads it.
pub(super) fn value(remote: &Remote, field: Field) -> Option<String> {
    remote.fields.get(field).map(Value::display)
}

/// Returns the kind of an error that must be there.
pub(super) fn failure<T: fmt::Debug>(result: Result<T, ProviderError>) -> ErrorKind {
    result.unwrap_err().kind().clone()
}
