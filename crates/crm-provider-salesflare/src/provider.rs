//! The connection.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Cursor, Feed, Finding, Lookup, MatchKey,
    Metadata, Normalizer, ObjectKind, Provider, ProviderError, ProviderId, Remote, RemoteId,
    Result, Usage, Write,
};
use crm_http::{Client, Setup};

use crate::config::{Config, REGISTRATION};
use crate::directory::ReadAt;
use crate::error::Reading;
use crate::generated::capabilities;
use crate::table::Table;

/// One Salesflare account.
#[derive(Debug)]
pub struct Salesflare {
    id: ProviderId,
    pub(crate) client: Client,
    normalizer: Normalizer,
    /// The kinds that are kept in step; all, if not said.
    kinds: Option<Vec<ObjectKind>>,
    /// Which of our stages each of theirs stands for, by id or name.
    stages: BTreeMap<String, String>,
    known: RwLock<Known>,
}

/// What is known of the account; a probe knows more.
#[derive(Clone, Debug)]
struct Known {
    capabilities: Arc<Capabilities>,
    read_at: ReadAt,
    /// The numbers of currencies.
    currencies: Arc<BTreeMap<String, i64>>,
}

impl Salesflare {
    /// Opens a connection, without a request.
    pub fn open(setup: Setup) -> Result<Self> {
        let config: Config = setup.config(&REGISTRATION)?;
        let base_url = config.base_url()?;
        let stages = config.stages().map_err(|error| error.with_provider(&setup.id))?;
        let capabilities = setup.adjust(capabilities::capabilities());
        let capabilities = capabilities.set_aside(setup.kinds.as_deref());
        let client = Client::builder(&setup.id, &base_url, Arc::clone(&setup.clock))
            .authorizer(config.authorizer().map_err(|error| error.with_provider(&setup.id))?)
            .windows(capabilities.quotas.iter().cloned().map(|quota| setup.window(quota)))
            .retry(setup.retry())
            .seed(setup.seed)
            .build()?;
        let known = Known {
            capabilities: Arc::new(capabilities),
            read_at: ReadAt::default(),
            currencies: Arc::default(),
        };
        Ok(Self {
            id: setup.id,
            client,
            normalizer: setup.normalizer,
            kinds: setup.kinds,
            stages,
            known: RwLock::new(known),
        })
    }

    /// Returns how a kind is read and written, if there is such a kind. What cannot be read
    /// without the users and the stages of the account is asked for first.
    pub(crate) async fn table(&self, kind: ObjectKind) -> Result<Table> {
        let capability = self.known().capabilities.object(kind).cloned();
        let capability = capability.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        let mapping = { capability.mappings() }.next();
        let mapping = mapping.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        let metadata = match kind {
            ObjectKind::Activity => self.with_owners().await?,
            ObjectKind::Deal => self.with_pipelines().await?,
            ObjectKind::Company | ObjectKind::Contact => self.metadata(),
        };
        let reading = Reading { mapping: Some(mapping) };
        Ok(Table::new(capability, mapping, metadata, self.normalizer, reading))
    }

    /// Returns whether a kind is kept in step.
    pub(crate) fn takes_part(&self, kind: ObjectKind) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Returns the kinds that are kept in step, if they are known.
    pub(crate) fn kinds(&self) -> Option<&[ObjectKind]> {
        self.kinds.as_deref()
    }

    /// Returns which of our stages each of theirs stands for, as configured.
    pub(crate) fn stages(&self) -> &BTreeMap<String, String> {
        &self.stages
    }

    /// Remembers what a probe found; what the directory holds is kept.
    pub(crate) fn learn(&self, capabilities: Capabilities) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.capabilities = Arc::new(capabilities);
    }

    /// Changes what is known of the account's directory, and returns it.
    pub(crate) fn learn_metadata(
        &self,
        change: impl FnOnce(&mut Metadata, &mut ReadAt),
    ) -> Arc<Metadata> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut capabilities = Capabilities::clone(&known.capabilities);
        let mut metadata = Metadata::clone(&capabilities.metadata);
        change(&mut metadata, &mut known.read_at);
        capabilities.metadata = Arc::new(metadata);
        known.capabilities = Arc::new(capabilities);
        Arc::clone(&known.capabilities.metadata)
    }

    /// Remembers the numbers of currencies.
    pub(crate) fn learn_currencies(&self, currencies: Arc<BTreeMap<String, i64>>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.currencies = currencies;
    }

    /// Returns the numbers of currencies.
    pub(crate) fn currencies(&self) -> Arc<BTreeMap<String, i64>> {
        self.known().currencies
    }

    /// Returns what is known of the account's directory.
    pub(crate) fn metadata(&self) -> Arc<Metadata> {
        Arc::clone(&self.known().capabilities.metadata)
    }

    /// Returns when the parts of the directory were read.
    pub(crate) fn read_at(&self) -> ReadAt {
        self.known().read_at
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Provider for Salesflare {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.known().capabilities
    }

    async fn probe(&self) -> Result<Account> {
        self.account().await
    }

    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        self.lookups(kind, ids).await
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.matches(kind, keys).await
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        self.page(kind, feed, after).await
    }

    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome> {
        self.write(writes).await
    }

    async fn repair(&self, finding: &Finding) -> Result<()> {
        self.mend(finding).await
    }

    fn usage(&self) -> Usage {
        self.client.usage()
    }
}
