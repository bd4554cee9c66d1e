//! A mocked room, its capabilities, and a clock in the hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crm_core::mapping::Clear;
use crm_core::{
    Access, Account, Action, BatchOutcome, Capabilities, ChangePage, Clock, Concurrency, Cursor,
    Deletion, Detection, EntityId, Feed, Field, FieldRule, FieldType, Fields, Finding, Form,
    KeyKind, Lookup, Mapping, MatchKey, Normalizer, ObjectCapability, ObjectKind, Patch, Provider,
    ProviderId, Remote, RemoteId, Result, Uid, Usage, Wire, Write, WriteKey,
};
use jiff::Timestamp;

mockall::mock! {
    #[derive(Debug)]
    pub(crate) Room {
        pub(crate) fn id(&self) -> &ProviderId;
        pub(crate) fn capabilities(&self) -> Arc<Capabilities>;
        pub(crate) fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>>;
        pub(crate) fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>>;
        pub(crate) fn apply(&self, writes: &[Write]) -> Result<BatchOutcome>;
        pub(crate) fn repair(&self, finding: &Finding) -> Result<()>;
        pub(crate) fn usage(&self) -> Usage;
    }
}

/// Not mocked as such: the macro cannot name the lifetimes of `changes`.
#[async_trait::async_trait]
impl Provider for MockRoom {
    fn id(&self) -> &ProviderId {
        Self::id(self)
    }
    fn capabilities(&self) -> Arc<Capabilities> {
        Self::capabilities(self)
    }
    async fn probe(&self) -> Result<Account> {
        panic!("nobody asks")
    }
    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        Self::get(self, kind, ids)
    }
    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        Self::find(self, kind, keys)
    }
    async fn changes(&self, _: ObjectKind, _: Feed, _: Option<&Cursor>) -> Result<ChangePage> {
        panic!("nobody asks")
    }
    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        Self::apply(self, writes)
    }
    async fn repair(&self, finding: &Finding) -> Result<()> {
        Self::repair(self, finding)
    }
    fn usage(&self) -> Usage {
        Self::usage(self)
    }
}

const fn rule(field: Field, remote: &'static str, writable: bool, custom: bool) -> FieldRule {
    FieldRule {
        field,
        remote,
        ty: FieldType::Text,
        wire: Wire::Text,
        form: Form::FAITHFUL,
        writable,
        required: false,
        custom,
        length_max: None,
    }
}

static MAPPING: Mapping = Mapping {
    kind: ObjectKind::Contact,
    remote: "people",
    uid: Some("our_uid"),
    clear: Clear::Null,
    variant: None,
    fixed: &[],
    rules: &[
        rule(Field::WEBSITE, "site", false, false),
        rule(Field::PHONE, "tel", true, false),
        rule(Field::CITY, "town", true, true),
    ],
};

/// Contacts whose phone is writable, whose website is not, and whose city is suspended.
pub(crate) fn capabilities(access: Access, deletion: Deletion) -> Arc<Capabilities> {
    let some = 10.try_into().unwrap();
    let contact = ObjectCapability {
        kind: ObjectKind::Contact,
        access,
        deletion,
        detection: Detection::FullScan,
        concurrency: Concurrency::LastWriteWins,
        find_by: &[KeyKind::Uid, KeyKind::Email],
        unique_key: true,
        read_max: some,
        write_max: some,
        page_max: some,
        hint_page_max: some,
        list_consistent: true,
        visibility_lag: Duration::ZERO,
        overlap: Duration::ZERO,
        unknown_wait: Duration::ZERO,
        mapping: &MAPPING,
        variants: &[],
        suspended: Arc::from([Field::CITY]),
    };
    Arc::new(Capabilities { objects: vec![contact], quotas: Vec::new(), metadata: Arc::default() })
}

/// A room of full access that expects no call yet.
pub(crate) fn room() -> MockRoom {
    room_with(Access::Full, Deletion::Archive)
}

pub(crate) fn room_with(access: Access, deletion: Deletion) -> MockRoom {
    let mut room = MockRoom::new();
    room.expect_id().return_const(ProviderId::new("acme"));
    room.expect_capabilities().return_const(capabilities(access, deletion));
    room
}

pub(crate) fn ids(count: usize) -> Vec<RemoteId> {
    (0..count).map(|id| RemoteId::new(id.to_string())).collect()
}

pub(crate) fn write(action: Action) -> Write {
    let tenant = crm_core::TenantId::default();
    let entity = EntityId::requested(&tenant, ObjectKind::Contact, "one");
    Write {
        key: WriteKey::derive(entity, &ProviderId::new("acme"), 1),
        kind: ObjectKind::Contact,
        action,
    }
}

pub(crate) fn create(field: Field) -> Write {
    let entity = EntityId::requested(&crm_core::TenantId::default(), ObjectKind::Contact, "one");
    let mut fields = Fields::new();
    fields.set(field, Normalizer::default().text(FieldType::Text, "x"));
    write(Action::Create { uid: Uid::of(entity), fields })
}

pub(crate) fn update(field: Field) -> Write {
    let mut patch = Patch::new();
    patch.set(field, None);
    write(Action::Update { id: RemoteId::new("7"), patch, expected: None })
}

pub(crate) fn delete() -> Write {
    write(Action::Delete { id: RemoteId::new("7") })
}

/// Time that moves by itself only while somebody sleeps.
#[derive(Debug, Default)]
pub(crate) struct HandClock(Mutex<i64>);

impl HandClock {
    pub(crate) fn forward(&self, duration: Duration) {
        *self.0.lock().unwrap() += i64::try_from(duration.as_millis()).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(*self.0.lock().unwrap()).unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move { self.forward(duration) })
    }
}
