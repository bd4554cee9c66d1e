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
use crate::directory::{Codes, ReadAt};
use crate::generated::capabilities;
use crate::table::Table;

/// The lane of searches: they have a quota of their own beside the others.
pub(crate) const SEARCH_LANE: &str = "search";
const BURST: &str = "burst";
const DAILY: &str = "daily";

/// One Pipedrive company.
#[derive(Debug)]
pub struct Pipedrive {
    id: ProviderId,
    pub(crate) client: Client,
    normalizer: Normalizer,
    /// The kinds that are kept in step; all, if not said.
    kinds: Option<Vec<ObjectKind>>,
    /// Which of our stages each of theirs stands for, by id or name.
    stages: BTreeMap<String, String>,
    known: RwLock<Known>,
}

/// What is known of the company; a probe knows more.
#[derive(Debug)]
struct Known {
    capabilities: Arc<Capabilities>,
    read_at: ReadAt,
    codes: BTreeMap<ObjectKind, (Timestamp, Arc<Codes>)>,
}

impl Pipedrive {
    /// Opens a connection, without a request.
    pub fn open(setup: Setup) -> Result<Self> {
        let config: Config = setup.config(&REGISTRATION)?;
        let base_url = config.base_url()?;
        let stages = config.stages().map_err(|error| error.with_provider(&setup.id))?;
        let capabilities = setup.adjust(capabilities::capabilities());
        let capabilities = capabilities.set_aside(setup.kinds.as_deref());
        let client = Client::builder(&setup.id, &base_url, Arc::clone(&setup.clock))
            .authorizer(config.authorizer().map_err(|error| error.with_provider(&setup.id))?)
            .windows(capabilities.quotas.iter().cloned().map(|quota| window(&setup, quota)))
            .observer(observe)
            .retry(setup.retry())
            .seed(setup.seed)
            .request_id_headers(&["x-correlation-id"])
            .build()?;
        let known = Known {
            capabilities: Arc::new(capabilities),
            read_at: ReadAt::default(),
            codes: BTreeMap::new(),
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

    /// Returns how a kind is read and written, if there is such a kind.
    pub(crate) async fn table(&self, kind: ObjectKind) -> Result<Table> {
        let capabilities = self.capabilities();
        let capability = capabilities.object(kind);
        let capability = capability.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        let codes = self.codes(kind).await?;
        Ok(Table::new(capability.clone(), self.normalizer, codes))
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

    /// Changes what is known of the company's directory, and returns it.
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

    /// Remembers the codes of the company's own fields of a kind.
    pub(crate) fn learn_codes(&self, kind: ObjectKind, at: Timestamp, codes: Codes) -> Arc<Codes> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let codes = Arc::new(codes);
        known.codes.insert(kind, (at, Arc::clone(&codes)));
        codes
    }

    /// Forgets those codes: the fields have changed.
    pub(crate) fn forget_codes(&self, kind: ObjectKind) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.codes.remove(&kind);
    }

    /// Returns those codes, if they were read lately.
    pub(crate) fn known_codes(
        &self,
        kind: ObjectKind,
        now: Timestamp,
        kept: SignedDuration,
    ) -> Option<Arc<Codes>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (at, codes) = known.codes.get(&kind)?;
        (now.duration_since(*at) < kept).then(|| Arc::clone(codes))
    }

    /// Returns what is known of the company's directory.
    pub(crate) fn metadata(&self) -> Arc<Metadata> {
        Arc::clone(&self.capabilities().metadata)
    }

    /// Returns when the parts of the directory were read.
    pub(crate) fn read_at(&self) -> ReadAt {
        self.known.read().unwrap_or_else(PoisonError::into_inner).read_at
    }
}

/// Bursts count requests, the day counts what they cost.
fn window(setup: &Setup, quota: Quota) -> Window {
    match quota.name {
        BURST => setup.window(quota).per_request(),
        SEARCH_LANE => setup.window(quota).per_request().lanes(Lanes::Only(&[SEARCH_LANE])),
        _ => setup.window(quota),
    }
}

/// Corrects the quotas by the headers of an answer.
fn observe(lane: &str, headers: &HeaderMap, pacer: &Pacer) {
    let windows = [
        (BURST, "x-ratelimit-limit", "x-ratelimit-remaining"),
        (DAILY, "x-daily-ratelimit-token-limit", "x-daily-ratelimit-token-remaining"),
    ];
    for (window, limit, left) in windows {
        // Which of the two windows a search's header speaks of is not documented.
        let told = window == DAILY || lane != SEARCH_LANE;
        if let (true, Some(limit), Some(left)) =
            (told, number(headers, limit), number(headers, left))
        {
            pacer.observe(window, limit, left, None);
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[async_trait]
impl Provider for Pipedrive {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known.capabilities)
    }

    async fn probe(&self) -> Result<Account> {
        self.account().await
    }

    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.lookups(&self.table(kind).await?, ids).await
    }

    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.matches(&self.table(kind).await?, keys).await
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
