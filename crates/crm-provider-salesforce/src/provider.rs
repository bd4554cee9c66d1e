//! The connection.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Cursor, Feed, Finding, Lookup, MatchKey,
    Normalizer, ObjectKind, Operation, Provider, ProviderError, ProviderId, Remote, RemoteId,
    Result, Usage, Write,
};
use crm_http::{Client, Pacer, Request, Setup, Window};
use http::HeaderMap;

use crate::API_VERSION;
use crate::auth;
use crate::config::{Config, REGISTRATION};
use crate::generated::capabilities;
use crate::table::Table;

const DAILY: &str = "daily";

/// One Salesforce org.
#[derive(Debug)]
pub struct Salesforce {
    id: ProviderId,
    pub(crate) client: Client,
    pub(crate) host: String,
    normalizer: Normalizer,
    known: RwLock<Known>,
}

/// What is known of the org; a probe knows more.
#[derive(Clone, Debug)]
struct Known {
    capabilities: Arc<Capabilities>,
    version: String,
}

impl Salesforce {
    /// Opens a connection, without a request.
    pub fn open(setup: Setup) -> Result<Self> {
        let config: Config = setup.config(&REGISTRATION)?;
        let host = config.host()?;
        let mut capabilities = capabilities::capabilities();
        capabilities.quotas = setup.quotas(&capabilities.quotas);
        for object in &mut capabilities.objects {
            for max in [&mut object.read_max, &mut object.write_max] {
                *max = setup.batch_max.map_or(*max, |wish| wish.min(*max));
            }
        }
        let named = |error: ProviderError| error.with_provider(&setup.id);
        let client = Client::builder(&setup.id, &host, Arc::clone(&setup.clock))
            .authorizer(auth::authorizer(config).map_err(named)?)
            .windows(capabilities.quotas.iter().cloned().map(Window::new))
            .observer(observe)
            .retry(setup.retry())
            .seed(setup.seed)
            .request_id_headers(&["x-sfdc-request-id"])
            .build()?;
        let known = Known { capabilities: Arc::new(capabilities), version: API_VERSION.to_owned() };
        let known = RwLock::new(known);
        Ok(Self { id: setup.id, client, host, normalizer: setup.normalizer, known })
    }

    /// Returns how a kind is read and written, if there is such a kind.
    pub(crate) fn table(&self, kind: ObjectKind) -> Result<Table> {
        let known = self.known();
        let capability = known.capabilities.object(kind).cloned();
        let capability = capability.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        Ok(Table::new(capability, self.normalizer))
    }

    /// Returns a request below the root of the spoken version.
    pub(crate) fn get_request(&self, operation: Operation, path: &str) -> Request {
        Request::get(operation, self.path(path)).endpoint(format!("GET {path}"))
    }

    /// Returns a path below the root of the spoken version.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/services/data/v{}{path}", self.known().version)
    }

    /// Remembers what a probe found.
    pub(crate) fn learn(&self, capabilities: Capabilities, version: String) {
        let known = Known { capabilities: Arc::new(capabilities), version };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Corrects the day's quota: `Sforce-Limit-Info: api-usage=18/15000`.
fn observe(_lane: &str, headers: &HeaderMap, pacer: &Pacer) {
    let text = headers.get("sforce-limit-info").and_then(|value| value.to_str().ok());
    let usage = text.and_then(|text| {
        let (_, rest) = text.split_once("api-usage=")?;
        let (used, rest) = rest.split_once('/')?;
        let limit: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((used.parse::<u64>().ok()?, limit.parse::<u64>().ok()?))
    });
    if let Some((used, limit)) = usage {
        pacer.observe(DAILY, limit, limit.saturating_sub(used), None);
    }
}

#[async_trait]
impl Provider for Salesforce {
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
        self.lookups(&self.table(kind)?, ids).await
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.matches(&self.table(kind)?, keys).await
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let table = self.table(kind)?;
        match feed {
            Feed::Changes | Feed::Fresh => self.changed(&table, feed, after).await,
            Feed::Deletions => self.deleted(&table, after).await,
        }
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
