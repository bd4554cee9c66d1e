//! The connection.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use crm_core::stages::{self, StageMap};
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Cursor, Feed, Field, Finding, Lookup,
    MatchKey, Normalizer, ObjectCapability, ObjectKind, Provider, ProviderError, ProviderId,
    Remote, RemoteId, Result, Usage, Wire, Write,
};
use crm_http::{Client, Pacer, Setup};
use http::HeaderMap;

use crate::config::{Config, REGISTRATION};
use crate::error::INVALID_QUERY;
use crate::generated::capabilities;
use crate::survey::Survey;
use crate::table::{CURRENCY, Table, column};
use crate::{API_VERSION, error};

const DAILY: &str = "daily";

/// One Zoho CRM organisation.
#[derive(Debug)]
pub struct Zoho {
    id: ProviderId,
    pub(crate) client: Client,
    normalizer: Normalizer,
    /// The kinds that are kept in step; all, if not said.
    kinds: Option<Vec<ObjectKind>>,
    /// Which of ours each stage of deals stands for, as configured.
    pub(crate) stages: StageMap,
    known: RwLock<Known>,
}

/// What is known of the org; a probe knows more.
#[derive(Clone, Debug)]
struct Known {
    capabilities: Arc<Capabilities>,
    survey: Option<Survey>,
}

impl Zoho {
    /// Opens a connection, without a request.
    pub fn open(setup: Setup) -> Result<Self> {
        let mut config: Config = setup.config(&REGISTRATION)?;
        let map = std::mem::take(&mut config.stages);
        stages::check(&map).map_err(|error| error.with_provider(&setup.id))?;
        let in_flight_max = config.concurrency();
        let access = config.access().map_err(|error| error.with_provider(&setup.id))?;
        let mut capabilities = setup.adjust(capabilities::capabilities());
        for object in &mut capabilities.objects {
            object.suspended = rare(object);
        }
        let client = Client::builder(&setup.id, &access.base_url, Arc::clone(&setup.clock))
            .authorizer(access.authorizer)
            .windows(capabilities.quotas.iter().cloned().map(|quota| setup.window(quota)))
            .observer(observe)
            .retry(setup.retry())
            .seed(setup.seed)
            .in_flight_max(in_flight_max)
            .build()?;
        let known = RwLock::new(Known { capabilities: Arc::new(capabilities), survey: None });
        let Setup { id, normalizer, kinds, .. } = setup;
        Ok(Self { id, client, normalizer, kinds, stages: map, known })
    }

    /// Returns the modules of a kind and how they are read and written, if there is such a kind.
    pub(crate) fn tables(&self, kind: ObjectKind) -> Result<Vec<Table>> {
        let known = self.known();
        let capability = known.capabilities.object(kind);
        let capability = capability.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        let has_uid = known.survey.is_none_or(|survey| !survey.without_uid.contains(&kind));
        let metadata = &known.capabilities.metadata;
        let table = |mapping| Table::new(capability, mapping, metadata, self.normalizer, has_uid);
        Ok(capability.mappings().map(table).collect())
    }

    /// Returns whether a kind is kept in step.
    pub(crate) fn takes_part(&self, kind: ObjectKind) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Makes sure that the org's users and stages are known where a kind has some: a record whose
    /// owner or stage is not understood is half read.
    pub(crate) async fn ready(&self, kind: ObjectKind) -> Result<()> {
        let known = self.known();
        let object = known.capabilities.object(kind);
        let rules = object.into_iter().flat_map(|object| object.mapping.rules);
        let translated = { rules }.any(|rule| matches!(rule.wire, Wire::Owner | Wire::Stage));
        if translated && known.survey.is_none() {
            self.survey().await?;
        }
        Ok(())
    }

    /// Returns a path below the version.
    #[expect(clippy::unused_self, reason = "the shape of the sister rooms, where it depends")]
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/crm/{API_VERSION}/{rest}")
    }

    /// Returns what the last survey showed.
    pub(crate) fn surveyed(&self) -> Option<Survey> {
        self.known().survey
    }

    /// Remembers what a survey showed.
    pub(crate) fn learn(&self, capabilities: Capabilities, survey: Survey) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { capabilities: Arc::new(capabilities), survey: Some(survey) };
    }

    /// Returns whether a read failed because a column is gone; what is known of the org is then
    /// up to date again, and the read is worth another attempt.
    async fn outdated<T: Sync>(&self, answer: &Result<T>) -> Result<bool> {
        let Err(error) = answer else {
            return Ok(false);
        };
        if error.code() != Some(INVALID_QUERY) {
            return Ok(false);
        }
        self.survey().await?;
        Ok(true)
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the fields that few orgs have: they are not asked for until a survey shows them.
fn rare(object: &ObjectCapability) -> Arc<[Field]> {
    let rules = object.mappings().flat_map(|mapping| mapping.rules);
    rules.filter(|rule| column(rule) == Some(CURRENCY)).map(|rule| rule.field).collect()
}

/// Corrects the day's credits by the header of an answer. It tells what is left, and not of how
/// many; where more are left than we thought there are, there are more.
fn observe(_lane: &str, headers: &HeaderMap, pacer: &Pacer) {
    let left = headers.get(error::CREDITS_LEFT).and_then(|value| value.to_str().ok());
    let Some(left) = left.and_then(|left| left.trim().parse::<u64>().ok()) else { return };
    let windows = pacer.usage();
    let known = windows.iter().find(|window| window.name == DAILY);
    let limit = known.map_or(left, |window| window.limit.max(left));
    pacer.observe(DAILY, limit, left, None);
}

#[async_trait]
impl Provider for Zoho {
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
        let answer = self.matches(kind, keys).await;
        if self.outdated(&answer).await? {
            return self.matches(kind, keys).await;
        }
        answer
    }

    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let answer = self.feed(kind, feed, after).await;
        if self.outdated(&answer).await? {
            return self.feed(kind, feed, after).await;
        }
        answer
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
