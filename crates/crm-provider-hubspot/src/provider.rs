//! The connection.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Cursor, Feed, Finding, Lookup, MatchKey,
    Normalizer, ObjectKind, Provider, ProviderError, ProviderId, Quota, Remote, RemoteId, Result,
    Usage, Write,
};
use crm_http::{Client, Lanes, Pacer, Setup, Window};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, REGISTRATION};
use crate::error::Reading;
use crate::generated::capabilities;
use crate::table::Table;

/// The lane of searches: they have a quota of their own and no headers.
pub(crate) const SEARCH_LANE: &str = "search";
const BURST: &str = "burst";
const DAILY: &str = "daily";
/// The window that the headers speak of, if it is ours.
const BURST_WINDOW_MS: u64 = 10_000;

/// One HubSpot account.
#[derive(Debug)]
pub struct HubSpot {
    id: ProviderId,
    pub(crate) client: Client,
    normalizer: Normalizer,
    known: RwLock<Known>,
}

/// What is known of the account; a probe knows more.
#[derive(Clone, Debug)]
struct Known {
    capabilities: Arc<Capabilities>,
    utc_offset: Option<SignedDuration>,
}

impl HubSpot {
    /// Opens a connection, without a request.
    pub fn open(setup: Setup) -> Result<Self> {
        let config: Config = setup.config(&REGISTRATION)?;
        let base_url = config.base_url()?;
        let capabilities = setup.adjust(capabilities::capabilities());
        let client = Client::builder(&setup.id, &base_url, Arc::clone(&setup.clock))
            .authorizer(
                config.authorizer(&base_url).map_err(|error| error.with_provider(&setup.id))?,
            )
            .windows(capabilities.quotas.iter().cloned().map(|quota| window(&setup, quota)))
            .observer(observe)
            .retry(setup.retry())
            .seed(setup.seed)
            .request_id_headers(&["x-hubspot-correlation-id", "x-request-id"])
            .build()?;
        let known = Known { capabilities: Arc::new(capabilities), utc_offset: None };
        Ok(Self { id: setup.id, client, normalizer: setup.normalizer, known: RwLock::new(known) })
    }

    /// Returns how a kind is read and written, if there is such a kind.
    pub(crate) fn table(&self, kind: ObjectKind) -> Result<Table> {
        let known = self.known();
        let capability = known.capabilities.object(kind).cloned();
        let capability = capability.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        let reading = Reading { mapping: None, utc_offset: known.utc_offset };
        Ok(Table::new(capability, self.normalizer, reading))
    }

    /// Remembers what a probe found.
    pub(crate) fn learn(&self, capabilities: Capabilities, utc_offset: Option<SignedDuration>) {
        let known = Known { capabilities: Arc::new(capabilities), utc_offset };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A search uses no burst request; both use the day's.
fn window(setup: &Setup, quota: Quota) -> Window {
    let lanes = match quota.name {
        BURST => Lanes::Except(&[SEARCH_LANE]),
        SEARCH_LANE => Lanes::Only(&[SEARCH_LANE]),
        _ => Lanes::All,
    };
    setup.window(quota).lanes(lanes)
}

/// Corrects the quotas by the headers of an answer.
fn observe(_lane: &str, headers: &HeaderMap, pacer: &Pacer) {
    let interval = number(headers, "x-hubspot-ratelimit-interval-milliseconds");
    if interval.is_none_or(|interval| interval == BURST_WINDOW_MS)
        && let Some(limit) = number(headers, "x-hubspot-ratelimit-max")
        && let Some(left) = number(headers, "x-hubspot-ratelimit-remaining")
    {
        pacer.observe(BURST, limit, left, None);
    }
    observe_day(headers, pacer, None);
}

/// Corrects the day's quota, also by when the day ends, where that is known. OAuth apps have no
/// such quota and are told nothing.
pub(crate) fn observe_day(headers: &HeaderMap, pacer: &Pacer, midnight: Option<Timestamp>) {
    if let Some(limit) = number(headers, "x-hubspot-ratelimit-daily")
        && let Some(left) = number(headers, "x-hubspot-ratelimit-daily-remaining")
    {
        pacer.observe(DAILY, limit, left, midnight);
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[async_trait]
impl Provider for HubSpot {
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
        self.page(&self.table(kind)?, feed, after).await
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
