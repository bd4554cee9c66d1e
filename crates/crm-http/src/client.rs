//! The one loop: authorise, wait for the windows, send, classify, back off.

pub(crate) mod build;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_core::{Applied, Clock, ErrorKind, Priority, ProviderError, ProviderId, Result, Usage};
use http::HeaderMap;
use reqwest::Url;
use tokio::sync::Semaphore;

use crate::auth::{Authorizer, Credential};
use crate::clock::{later, until};
use crate::failure::{Classify, Failure, Verdict};
use crate::pacer::Pacer;
use crate::reply::Reply;
use crate::request::{Effect, Request};
use crate::retry::{Budget, Jitter, RETRY_AFTER_MAX, RetryPolicy, retry_after};
use crate::transport::Transport;
use build::{ClientBuilder, Observer};

/// A connection to one provider over HTTP; clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    id: ProviderId,
    base: Url,
    transport: Transport,
    authorizer: Authorizer,
    pacer: Pacer,
    observer: Observer,
    policy: RetryPolicy,
    jitter: Jitter,
    budget: Budget,
    request_id_headers: &'static [&'static str],
    /// How many more requests may be under way at once.
    in_flight: Option<Semaphore>,
}

/// Reads a reply that came with a good status; an error may be repeated like any other.
type Accept<'a> = &'a (dyn Fn(&Reply) -> Result<()> + Sync);

/// Why an attempt came to nothing.
struct Miss {
    verdict: Verdict,
    /// What the provider asks for in its headers.
    asked: Option<Duration>,
    /// What the request was authorised by, if it was sent.
    credential: Option<Credential>,
}

/// What follows a miss.
enum Next {
    /// Another attempt after a wait.
    After(Duration),
    /// Nothing: the error is returned.
    Return,
}

impl Client {
    /// Begins a client of that connection, with its base URL and its time.
    pub fn builder(id: &ProviderId, base_url: &str, clock: Arc<dyn Clock>) -> ClientBuilder {
        ClientBuilder::new(id, base_url, clock)
    }

    /// Sends a request until it succeeds, fails for good, or has been repeated often enough.
    pub async fn send(&self, request: Request, classify: Classify<'_>) -> Result<Reply> {
        self.run(&request, classify, &|_reply| Ok(())).await
    }

    /// Sends a request and reads its reply inside the loop, so that a garbled reply, or a
    /// success that is none, is treated like any other failure.
    pub async fn fetch<T: Send>(
        &self,
        request: Request,
        classify: Classify<'_>,
        read: impl Fn(&Reply) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        let slot = Mutex::new(None);
        let accept = |reply: &Reply| {
            let value = read(reply)?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            Ok(())
        };
        let reply = self.run(&request, classify, &accept).await?;
        let value = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        value.ok_or_else(|| reply.malformed("the answer was not read"))
    }

    /// Returns what was sent so far, and how far the quotas are used.
    pub fn usage(&self) -> Usage {
        Usage { quotas: self.0.pacer.usage(), ..self.0.transport.counters.usage() }
    }

    /// Returns the quota windows.
    pub fn pacer(&self) -> &Pacer {
        &self.0.pacer
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.transport.clock
    }

    /// Returns on whose behalf requests are made, as the vendor spells it, if the answer with
    /// the token in force told; fetches a token if there is none yet.
    pub async fn identity(&self) -> Result<Option<Arc<str>>> {
        let inner = &*self.0;
        let credential = inner.authorizer.credential(&inner.transport).await;
        Ok(credential.map_err(|error| error.with_provider(&inner.id))?.identity)
    }

    async fn run(
        &self,
        request: &Request,
        classify: Classify<'_>,
        accept: Accept<'_>,
    ) -> Result<Reply> {
        let inner = &*self.0;
        inner.budget.earn();
        let mut doubt = Applied::No;
        let mut renewals_left = 1;
        for attempt in 0..=inner.policy.retries_max {
            let mut outcome = inner.attempt(request, classify, accept).await;
            if let Err(miss) = &mut outcome
                && renewals_left > 0
                && inner.renew(miss).await
            {
                renewals_left -= 1;
                outcome = inner.attempt(request, classify, accept).await;
            }
            let miss = match outcome {
                Ok(reply) => return Ok(reply),
                Err(miss) => miss,
            };
            doubt = doubt.max(miss.applied(request.effect));
            let last = attempt == inner.policy.retries_max;
            match inner.next(&miss, request, attempt, last) {
                Next::After(wait) => {
                    tracing::debug!(
                        provider = %inner.id,
                        endpoint = %request.endpoint_name(),
                        attempt,
                        kind = miss.verdict.error.kind().name(),
                        wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                        "request failed, it will be repeated"
                    );
                    if !wait.is_zero() {
                        inner.transport.clock.sleep(wait).await;
                    }
                }
                Next::Return => return Err(inner.report(miss, request, doubt)),
            }
        }
        // Not reached: the last attempt returns. Bounded loops need an end for the compiler.
        let message = "the request was not sent";
        Err(ProviderError::new(ErrorKind::Permanent, message).with_provider(&inner.id))
    }
}

impl Inner {
    /// Sends a request once.
    async fn attempt(
        &self,
        request: &Request,
        classify: Classify<'_>,
        accept: Accept<'_>,
    ) -> Result<Reply, Miss> {
        // Before a slot is taken: fetching a token may take a while.
        let credential = self.authorizer.credential(&self.transport).await?;
        let base = credential.instance.as_ref().unwrap_or(&self.base);
        let mut wire = request.to_wire(base)?;
        credential.apply(&mut wire);
        let slot = self.pacer.admit(request.lane, request.cost, Priority::current()).await?;
        // Never closed, so a place is always given in the end.
        let place = match &self.in_flight {
            Some(places) => places.acquire().await.ok(),
            None => None,
        };
        self.transport.counters.count(request);
        let answer = self.transport.exchange(wire).await;
        drop(place);
        drop(slot);
        let answer = answer.map_err(|trouble| trouble.into_error(base, request.effect))?;
        (self.observer)(request.lane, &answer.headers, &self.pacer);
        let reply = Reply {
            status: answer.status,
            request_id: self.request_id(&answer.headers),
            headers: answer.headers,
            body: answer.body,
            operation: request.operation,
            effect: request.effect,
        };
        let now = self.transport.clock.now();
        let verdict = if reply.status.is_success() {
            match accept(&reply) {
                Ok(()) => return Ok(reply),
                Err(error) => error.into(),
            }
        } else {
            let failure = Failure { reply: &reply, now };
            classify(&failure)
        };
        Err(Miss {
            verdict: with_facts(verdict, &reply),
            asked: retry_after(&reply.headers, now),
            credential: Some(credential),
        })
    }

    /// Renews what the provider refused, if it did and that is possible; returns whether
    /// another attempt is worth it.
    async fn renew(&self, miss: &mut Miss) -> bool {
        let (ErrorKind::Auth, Some(refused)) = (miss.verdict.error.kind(), &miss.credential) else {
            return false;
        };
        match self.authorizer.renew(refused, &self.transport).await {
            Some(Ok(_renewed)) => true,
            Some(Err(error)) => {
                *miss = error.into();
                false
            }
            None => false,
        }
    }

    /// Decides what follows a miss.
    fn next(&self, miss: &Miss, request: &Request, attempt: u32, last: bool) -> Next {
        let now = self.transport.clock.now();
        let backoff = self.jitter.below(self.policy.bound(attempt));
        let applied = match miss.verdict.error.kind() {
            ErrorKind::RateLimited { retry_after } => {
                let wait = retry_after.or(miss.asked).or(miss.verdict.wait_min);
                let wait = wait.unwrap_or(backoff).min(RETRY_AFTER_MAX);
                // Everybody on this lane is meant; they and we wait at the pacer.
                self.pacer.pause(request.lane, later(now, wait));
                let again = !last && wait <= self.policy.wait_max;
                return if again { Next::After(Duration::ZERO) } else { Next::Return };
            }
            ErrorKind::QuotaExhausted { until: Some(at) } => {
                if miss.credential.is_some() && !until(now, *at).is_zero() {
                    self.pacer.pause(request.lane, *at);
                }
                return Next::Return;
            }
            ErrorKind::Transient { applied } | ErrorKind::Malformed { applied } => *applied,
            ErrorKind::QuotaExhausted { until: None }
            | ErrorKind::Auth
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict { .. }
            | ErrorKind::Stale
            | ErrorKind::Validation { .. }
            | ErrorKind::Unsupported
            | ErrorKind::Suspended { .. }
            | ErrorKind::Permanent
            | _ => return Next::Return,
        };
        let harmless = match (applied, request.effect) {
            (Applied::No, _) | (Applied::Unknown, Effect::Read | Effect::IdempotentWrite) => true,
            (Applied::Unknown, Effect::Write) => false,
        };
        let wait = [miss.asked, miss.verdict.wait_min].into_iter().flatten().max();
        let wait = wait.map_or(backoff, |wait| wait.max(backoff));
        if harmless && !last && wait <= self.policy.wait_max && self.budget.pay() {
            Next::After(wait)
        } else {
            Next::Return
        }
    }

    /// Completes the error that is returned.
    fn report(&self, miss: Miss, request: &Request, doubt: Applied) -> ProviderError {
        let mut error = miss.verdict.error;
        if doubt == Applied::Unknown && denies(error.kind()) {
            let kind = ErrorKind::Transient { applied: doubt };
            let message = format!("{}; an earlier attempt may have been applied", error.message());
            error = ProviderError::new(kind, message).with_source(error);
        }
        if let (ErrorKind::Auth, None, Some(hint)) =
            (error.kind(), error.hint(), self.authorizer.hint())
        {
            error = error.with_hint(hint);
        }
        let operation = error.operation().unwrap_or(request.operation);
        error.with_operation(operation).with_provider(&self.id)
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        let mut names = self.request_id_headers.iter();
        names.find_map(|name| headers.get(*name)?.to_str().ok().map(str::to_owned))
    }
}

/// Whether an error says "nothing was done", which is wrong after an attempt of unknown fate.
fn denies(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::RateLimited { .. }
            | ErrorKind::QuotaExhausted { .. }
            | ErrorKind::Auth
            | ErrorKind::Forbidden
            | ErrorKind::Transient { applied: Applied::No }
            | ErrorKind::Malformed { applied: Applied::No }
    )
}

fn with_facts(mut verdict: Verdict, reply: &Reply) -> Verdict {
    if verdict.error.status().is_none() {
        verdict.error = verdict.error.with_status(reply.status.as_u16());
    }
    if let (None, Some(id)) = (verdict.error.request_id(), &reply.request_id) {
        verdict.error = verdict.error.with_request_id(id.as_str());
    }
    verdict
}

impl Miss {
    /// Returns whether this attempt may have been applied.
    fn applied(&self, effect: Effect) -> Applied {
        match (self.verdict.error.kind(), effect) {
            (
                ErrorKind::Transient { applied } | ErrorKind::Malformed { applied },
                Effect::IdempotentWrite | Effect::Write,
            ) => *applied,
            _ => Applied::No,
        }
    }
}

impl From<ProviderError> for Miss {
    /// The miss of a request that was not answered.
    fn from(error: ProviderError) -> Self {
        Self { verdict: error.into(), asked: None, credential: None }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.0.id)
            .field("base", &self.0.base.as_str())
            .field("authorizer", &self.0.authorizer)
            .field("pacer", &self.0.pacer)
            .finish_non_exhaustive()
    }
}
