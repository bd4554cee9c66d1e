//! Connections that take no calls for now. The others go on without them; what concerns them waits
//! under its mark, and no attempt is counted.

use std::time::Duration;

use crm_core::{Disposition, Lookup, PauseCause, ProviderError, ProviderId, RemoteId};
use jiff::{SignedDuration, Timestamp};

use super::{Session, after};
use crate::event::Event;
use crate::report::Paused;
use crate::topology::Side;
use crate::{EngineError, Rules};

/// How long a connection is left alone that failed and did not say until when.
const REST: Duration = Duration::from_secs(10);
/// How often in a row a connection may fail before the run goes on without it.
const FAILURES_MAX: u32 = 3;
/// What lies further back than this is no failure in a row.
const MEMORY: SignedDuration = SignedDuration::from_mins(5);

/// A connection that failed.
#[derive(Debug)]
pub(crate) struct Pause {
    /// It takes no calls until then; `None`: as long as the run lasts.
    until: Option<Timestamp>,
    at: Timestamp,
    failures: u32,
    error: ProviderError,
}

impl Session<'_> {
    /// Notes that a connection failed.
    ///
    /// # Errors
    /// If the run cannot go on without it: too few would be left, nobody asked for half a plan,
    /// or the failure would be the same at any time.
    pub(super) fn pause(
        &mut self,
        provider: &ProviderId,
        error: ProviderError,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let until = match error.disposition() {
            Disposition::Pause(PauseCause::Until(until)) => until,
            Disposition::Pause(PauseCause::Connection) => None,
            Disposition::Retry { after: wait } => Some(after(now, wait.unwrap_or(REST))),
            Disposition::Verify => Some(after(now, REST)),
            Disposition::Rebase | Disposition::Adopt | Disposition::Park => {
                return Err(error.into());
            }
        };
        let recent = |pause: &&Pause| now.duration_since(pause.at) <= MEMORY;
        let before = self.pauses.get(provider).filter(recent).map_or(0, |pause| pause.failures);
        let failures = before.saturating_add(1);
        let limit = after(now, self.engine.options.wait_max);
        let until = until.filter(|until| *until <= limit && failures < FAILURES_MAX);
        if self.whole || (until.is_none() && !self.can_lose(provider)) {
            return Err(error.into());
        }
        tracing::warn!(%provider, %error, ?until, "connection paused");
        let message = error.to_string();
        self.progress.event(&Event::Paused { provider: provider.clone(), until, message });
        self.pauses.insert(provider.clone(), Pause { until, at: now, failures, error });
        Ok(())
    }

    /// Returns whether there are others to keep in step without a connection.
    pub(super) fn can_lose(&self, provider: &ProviderId) -> bool {
        let lost = |name: &ProviderId| self.pauses.get(name).is_some_and(|p| p.until.is_none());
        self.engine.topology.ranked().filter(|name| *name != provider && !lost(name)).count() > 1
    }

    /// Returns whether a connection takes no calls at present.
    pub(super) fn is_paused(&self, provider: &ProviderId) -> bool {
        let paused = |pause: &Pause| pause.until.is_none_or(|until| until > self.now());
        self.pauses.get(provider).is_some_and(paused)
    }

    /// Waits until a connection takes calls again; false if that is not in this run.
    pub(super) async fn resume(&self, provider: &ProviderId) -> bool {
        match self.pauses.get(provider).map(|pause| pause.until) {
            None => true,
            Some(None) => false,
            Some(Some(until)) => {
                if until > self.now() {
                    self.wait(until).await;
                }
                true
            }
        }
    }

    /// Refuses to go on where the run lost a connection.
    pub(super) fn insist_on(&mut self, provider: &ProviderId) -> Result<(), EngineError> {
        if self.pauses.get(provider).is_some_and(|pause| pause.until.is_none())
            && let Some(pause) = self.pauses.remove(provider)
        {
            return Err(pause.error.into());
        }
        Ok(())
    }

    /// Returns when what waits for a connection is looked at again: when it takes calls again, or
    /// in another run.
    pub(super) fn due_after_pause(&mut self, provider: &ProviderId) -> Timestamp {
        let until = self.pauses.get(provider).and_then(|pause| pause.until);
        until.unwrap_or_else(|| self.put_off())
    }

    /// Returns an instant beyond what this run waits for; the same one as long as it is that, so
    /// that it is recognised.
    pub(super) fn put_off(&mut self) -> Timestamp {
        let limit = after(self.now(), self.engine.options.wait_max);
        let next = after(limit, Duration::from_secs(1));
        *self.next_run.insert(self.next_run.filter(|known| *known > limit).unwrap_or(next))
    }

    /// Reads one record; `None` if its connection takes no calls.
    pub(super) async fn get_one(
        &mut self,
        rules: &Rules,
        side: &Side,
        id: &RemoteId,
    ) -> Result<Option<Lookup>, EngineError> {
        if self.is_paused(&side.provider) {
            return Ok(None);
        }
        self.tally.read(&side.provider, 1, side.capability.read_max.get());
        let provider = self.provider(&side.provider)?;
        match provider.get(rules.kind, std::slice::from_ref(id)).await {
            Ok(found) => Ok(Some(found.into_iter().next().unwrap_or(Lookup::Gone))),
            Err(error) => {
                self.pause(&side.provider, error)?;
                Ok(None)
            }
        }
    }

    /// Returns what the report says of connections without which the run went on.
    pub(super) fn paused(&self) -> std::collections::BTreeMap<ProviderId, Paused> {
        let lost = self.pauses.iter().filter(|(_, pause)| pause.until.is_none());
        lost.map(|(name, pause)| (name.clone(), Paused::of(&pause.error))).collect()
    }
}
