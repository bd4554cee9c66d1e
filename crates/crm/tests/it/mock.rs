//! A provider is an object-safe trait that a test can replace: `MockCrm` answers a create with an
//! id of its own, as the original guide's mocked service does.

use std::sync::Arc;

use crm::core::{
    Account, Action, BatchOutcome, Capabilities, ChangePage, Cursor, EntityId, Feed, Field, Fields,
    Finding, Lookup, MatchKey, ObjectKind, Provider, ProviderError, ProviderId, Remote, RemoteId,
    Result, SharedProvider, TenantId, Uid, Usage, Value, Write, WriteKey, Written,
};

mockall::mock! {
    #[derive(Debug)]
    Crm {
        fn probe(&self) -> Result<Account>;
        fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>>;
        fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>>;
        fn changes(&self, kind: ObjectKind, feed: Feed, after: Option<Cursor>) -> Result<ChangePage>;
        fn apply(&self, writes: &[Write]) -> Result<BatchOutcome>;
    }
}

/// The mock behind the trait. The macro cannot implement the trait itself: it has no way to name
/// the lifetime of a borrowed cursor in `changes`.
#[derive(Debug)]
struct Mocked {
    id: ProviderId,
    crm: MockCrm,
}

#[async_trait::async_trait]
impl Provider for Mocked {
    fn id(&self) -> &ProviderId {
        &self.id
    }
    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::new(Capabilities { objects: Vec::new(), quotas: Vec::new(), metadata: Arc::default() })
    }
    async fn probe(&self) -> Result<Account> {
        self.crm.probe()
    }
    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        self.crm.get(kind, ids)
    }
    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.crm.find(kind, keys)
    }
    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        self.crm.changes(kind, feed, after.cloned())
    }
    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        self.crm.apply(writes)
    }
    async fn repair(&self, _finding: &Finding) -> Result<()> {
        Err(ProviderError::unsupported("repairing"))
    }
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

fn mocked(name: &str, crm: MockCrm) -> SharedProvider {
    Arc::new(Mocked { id: ProviderId::new(name), crm })
}

fn create() -> Write {
    let provider = ProviderId::new("hubspot");
    let entity = EntityId::requested(&TenantId::default(), ObjectKind::Contact, "order-1");
    let mut fields = Fields::default();
    fields.insert(Field::EMAIL, Value::text("ada@byron.example"));
    Write {
        key: WriteKey::derive(entity, &provider, 1),
        kind: ObjectKind::Contact,
        action: Action::Create { uid: Uid::of(entity), fields },
    }
}

#[tokio::test]
async fn a_mocked_provider_creates_a_contact() {
    let mut mock = MockCrm::new();
    mock.expect_apply()
        .withf(|writes| matches!(writes, [Write { action: Action::Create { .. }, .. }]))
        .times(1)
        .returning(|writes| {
            let id = RemoteId::new("mock-contact-123");
            let written = Written::new(id);
            Ok(BatchOutcome::new(writes, vec![Ok(written)]))
        });
    let provider = mocked("hubspot", mock);
    assert_eq!(provider.id().as_str(), "hubspot");
    let outcome = provider.apply(&[create()]).await.unwrap();
    let [Ok(written)] = outcome.results() else { panic!("one good result: {outcome:?}") };
    assert_eq!(written.id.as_str(), "mock-contact-123");
}

#[tokio::test]
async fn providers_of_different_sorts_stand_in_one_list() {
    let settings = crm::Settings::from_variables(&[
        ("HUBSPOT_API_KEY".to_owned(), "word".to_owned()),
        ("SALESFORCE_CLIENT_ID".to_owned(), "word".to_owned()),
        ("SALESFORCE_CLIENT_SECRET".to_owned(), "word".to_owned()),
    ]);
    let settings = settings.unwrap();
    let mut providers = crm::connect(&settings, &crm::clock(&settings)).unwrap();
    providers.push(mocked("mock", MockCrm::new()));
    let names: Vec<&str> = providers.iter().map(|provider| provider.id().as_str()).collect();
    assert_eq!(names, ["hubspot", "salesforce", "mock"]);
}
