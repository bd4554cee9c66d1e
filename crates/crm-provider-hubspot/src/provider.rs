//! The connection.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Cursor, Feed, Finding, Lookup, MatchKey,
    Metadata, Normalizer, ObjectKind, Provider, ProviderError, ProviderId, Quota, Remote, RemoteId,
    Result, Usage, Write,
};
use crm_http::{Client, Lanes, Pacer, Setup, Window};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, REGISTRATION};
use crate::directory::ReadAt;
use crate::error::Reading;
use crate::generated::capabilities;
use crate::table::Table;

/// The lane of searches: they have a quota of their own and no headers.
pub(crate) const SEARCH_LANE: &str = "search";
const BURST: &str = "burst";
const DAILY: &str = "daily";
/// The window that the headers speak of, if it is ours.
const BURST_WINDOW_MS: u64 = 10_000;
/// How long associations that may not be read are not asked for.
const BARRED: SignedDuration = SignedDuration::from_hours(1);

/// One HubSpot account.
#[derive(Debug)]
pub struct HubSpot {
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
    utc_offset: Option<SignedDuration>,
    read_at: ReadAt,
    /// Between which types we may read associations.
    rights: BTreeMap<(&'static str, &'static str), Right>,
}

/// Whether associations may be read.
#[derive(Clone, Copy, Debug)]
enum Right {
    /// They were.
    Granted,
    /// They were refused then.
    Barred(Timestamp),
}

impl HubSpot {
    /// Opens a connection, without a request.
    pub fn open(setup: Setup) -> Result<Self> {
        let config: Config = setup.config(&REGISTRATION)?;
        let base_url = config.base_url()?;
        let stages = config.stages().map_err(|error| error.with_provider(&setup.id))?;
        let capabilities = setup.adjust(capabilities::capabilities());
        let capabilities = capabilities.set_aside(setup.kinds.as_deref());
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
        let known = Known {
            capabilities: Arc::new(capabilities),
            utc_offset: None,
            read_at: ReadAt::default(),
            rights: BTreeMap::new(),
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

    /// Returns how each form of a kind is read and written, if there is such a kind.
    pub(crate) fn tables(&self, kind: ObjectKind) -> Result<Vec<Table>> {
        let known = self.known();
        let capability = known.capabilities.object(kind);
        let capability = capability.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        let reading = Reading { mapping: None, utc_offset: known.utc_offset };
        let table = |mapping| Table::new(capability.clone(), mapping, self.normalizer, reading);
        Ok(capability.mappings().map(table).collect())
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
    pub(crate) fn learn(&self, capabilities: Capabilities, utc_offset: Option<SignedDuration>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.capabilities = Arc::new(capabilities);
        known.utc_offset = utc_offset;
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

    /// Returns what is known of the account's directory.
    pub(crate) fn metadata(&self) -> Arc<Metadata> {
        Arc::clone(&self.known().capabilities.metadata)
    }

    /// Returns when the parts of the directory were read.
    pub(crate) fn read_at(&self) -> ReadAt {
        self.known.read().unwrap_or_else(PoisonError::into_inner).read_at
    }

    /// Notes that associations may be read.
    pub(crate) fn grant(&self, from: &'static str, to: &'static str) {
        self.note_right(from, to, Right::Granted);
    }

    /// Notes that associations may not be read.
    pub(crate) fn bar(&self, from: &'static str, to: &'static str) {
        self.note_right(from, to, Right::Barred(self.client.clock().now()));
    }

    /// Returns whether associations were read before: only then does a list that shows none mean
    /// that there are none, for it might leave out what may not be seen.
    pub(crate) fn is_granted(&self, from: &'static str, to: &'static str) -> bool {
        matches!(self.right(from, to), Some(Right::Granted))
    }

    /// Returns whether it is known that associations may not be read.
    pub(crate) fn is_barred(&self, from: &'static str, to: &'static str) -> bool {
        let now = self.client.clock().now();
        match self.right(from, to) {
            Some(Right::Barred(at)) => now.duration_since(at) < BARRED,
            Some(Right::Granted) | None => false,
        }
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn right(&self, from: &'static str, to: &'static str) -> Option<Right> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.rights.get(&(from, to)).copied()
    }

    fn note_right(&self, from: &'static str, to: &'static str, right: Right) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.rights.insert((from, to), right);
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
        self.lookups(&self.tables(kind)?, ids).await
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        self.matches(&self.tables(kind)?, keys).await
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        self.page(&self.tables(kind)?, feed, after).await
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
