//! The connection.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use crm_core::{
    Account, BatchOutcome, Capabilities, ChangePage, Cursor, Feed, Field, Finding, Lookup,
    MatchKey, Normalizer, ObjectCapability, ObjectKind, Operation, Provider, ProviderError,
    ProviderId, Quota, Remote, RemoteId, Result, Usage, Wire, Write,
};
use crm_http::{Client, Failure, Lanes, Pacer, Reply, Request, Setup, Window};
use http::HeaderMap;

use crate::config::{Config, REGISTRATION};
use crate::error::Reading;
use crate::generated::capabilities;
use crate::stages::{self, StageMap};
use crate::survey::Survey;
use crate::table::{CURRENCY, Table, column};
use crate::wire::Offered;
use crate::{API_VERSION, error};

const DAILY: &str = "daily";
/// The lane of what the org does not count: the list of versions.
const FREE_LANE: &str = "free";
/// What names us in the org's logs and in its change events.
pub(crate) const CALLER: (&str, &str) = ("sforce-call-options", "client=crm-sync");

/// One Salesforce org.
#[derive(Debug)]
pub struct Salesforce {
    id: ProviderId,
    pub(crate) client: Client,
    normalizer: Normalizer,
    /// Which of ours each stage of deals stands for, as configured.
    pub(crate) stages: StageMap,
    known: RwLock<Known>,
}

/// What is known of the org; a probe knows more.
#[derive(Clone, Debug)]
struct Known {
    capabilities: Arc<Capabilities>,
    /// The version that was agreed on.
    version: Option<Arc<str>>,
    survey: Option<Survey>,
}

impl Salesforce {
    /// Opens a connection, without a request.
    pub fn open(setup: Setup) -> Result<Self> {
        let mut config: Config = setup.config(&REGISTRATION)?;
        let stages = std::mem::take(&mut config.stages);
        stages::check(&stages).map_err(|error| error.with_provider(&setup.id))?;
        let access = config.access().map_err(|error| error.with_provider(&setup.id))?;
        let mut capabilities = setup.adjust(capabilities::capabilities());
        for object in &mut capabilities.objects {
            object.suspended = rare(object);
        }
        let client = Client::builder(&setup.id, &access.base_url, Arc::clone(&setup.clock))
            .authorizer(access.authorizer)
            .windows(capabilities.quotas.iter().cloned().map(|quota| window(&setup, quota)))
            .observer(observe)
            .retry(setup.retry())
            .seed(setup.seed)
            .request_id_headers(&["x-sfdc-request-id", "x-request-id"])
            .build()?;
        let capabilities = Arc::new(capabilities);
        let known = RwLock::new(Known { capabilities, version: None, survey: None });
        Ok(Self { id: setup.id, client, normalizer: setup.normalizer, stages, known })
    }

    /// Returns how the object types of a kind are read and written, if there is such a kind.
    pub(crate) fn tables(&self, kind: ObjectKind) -> Result<Vec<Table>> {
        let known = self.known();
        let capability = known.capabilities.object(kind);
        let capability = capability.ok_or_else(|| ProviderError::unsupported(kind.plural()))?;
        let has_uid = known.survey.is_none_or(|survey| !survey.without_uid.contains(&kind));
        Ok(Table::of(capability, &known.capabilities.metadata, self.normalizer, has_uid))
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

    /// Returns the version that is spoken: the highest one offered that we know.
    pub(crate) async fn version(&self) -> Result<Arc<str>> {
        if let Some(version) = self.known().version {
            return Ok(version);
        }
        let request = Request::get(Operation::Probe, "/services/data").lane(FREE_LANE);
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let read = |reply: &Reply| Ok(agreed(&reply.json::<Vec<Offered>>()?));
        let version = self.client.fetch(request, &classify, read).await?;
        let version: Arc<str> = version.ok_or_else(error::no_version)?.into();
        self.known.write().unwrap_or_else(PoisonError::into_inner).version =
            Some(Arc::clone(&version));
        Ok(version)
    }

    /// Returns a path below the version.
    pub(crate) async fn path(&self, rest: &str) -> Result<String> {
        let version = self.version().await?;
        Ok(format!("/services/data/v{version}{rest}"))
    }

    /// Returns what the last survey showed.
    pub(crate) fn surveyed(&self) -> Option<Survey> {
        self.known().survey
    }

    /// Remembers what a survey showed.
    pub(crate) fn learn(&self, capabilities: Capabilities, survey: Survey) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.capabilities = Arc::new(capabilities);
        known.survey = Some(survey);
    }

    /// Returns whether a read failed because a column is gone; what is known of the org is then
    /// up to date again, and the read is worth another attempt.
    async fn outdated<T: Sync>(&self, answer: &Result<T>) -> Result<bool> {
        let Err(error) = answer else {
            return Ok(false);
        };
        if error.code() != Some(error::INVALID_FIELD) {
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

fn window(setup: &Setup, quota: Quota) -> Window {
    setup.window(quota).lanes(Lanes::Except(&[FREE_LANE]))
}

/// Returns the highest version offered that we know.
fn agreed(offered: &[Offered]) -> Option<String> {
    let number = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    let ours = number(API_VERSION);
    let known = offered.iter().map(|offered| (number(&offered.version), &offered.version));
    let known = known.filter(|(number, _)| number.is_some() && *number <= ours);
    known.max_by_key(|(number, _)| *number).map(|(_, text)| text.clone())
}

/// Corrects the day's quota by the header of an answer: `api-usage=22/15000`, more behind it.
fn observe(_lane: &str, headers: &HeaderMap, pacer: &Pacer) {
    let info = headers.get("sforce-limit-info").and_then(|value| value.to_str().ok());
    if let Some((used, limit)) = info.and_then(usage) {
        pacer.observe(DAILY, limit, limit.saturating_sub(used), None);
    }
}

fn usage(info: &str) -> Option<(u64, u64)> {
    let mut parts = info.split([';', ',']).map(str::trim);
    let (used, limit) = parts.find_map(|part| part.strip_prefix("api-usage="))?.split_once('/')?;
    Some((used.trim().parse().ok()?, limit.trim().parse().ok()?))
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
        let answer = self.lookups(kind, ids).await;
        if self.outdated(&answer).await? {
            return self.lookups(kind, ids).await;
        }
        answer
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
        let answer = self.page(kind, feed, after).await;
        if self.outdated(&answer).await? {
            return self.page(kind, feed, after).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(versions: &[&str]) -> Vec<Offered> {
        versions.iter().map(|text| Offered { version: (*text).to_owned() }).collect()
    }

    #[test]
    fn the_highest_version_that_we_know_is_agreed_on() {
        let cases: [(&[&str], Option<&str>); 4] = [
            (&["31.0", "66.0", "67.0", "68.0"], Some("67.0")),
            (&["66.0", "9.0", "65.0"], Some("66.0")),
            (&["68.0", "odd"], None),
            (&[], None),
        ];
        for (versions, expected) in cases {
            assert_eq!(agreed(&offered(versions)).as_deref(), expected, "{versions:?}");
        }
    }

    #[test]
    fn the_usage_is_read_whatever_stands_behind_it() {
        assert_eq!(usage("api-usage=22/15000"), Some((22, 15_000)));
        let more = "api-usage=25/5000; per-app-api-usage=17/250(appName=sync)";
        assert_eq!(usage(more), Some((25, 5_000)));
        assert_eq!(usage("per-app-api-usage=17/250"), None);
        assert_eq!(usage("api-usage=many"), None);
    }
}
