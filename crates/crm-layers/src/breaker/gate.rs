//! The state machine of one class: closed, open, half-open. Pure but for the `now` it is given.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{BreakerPolicy, Gate};

/// Into how many buckets the window is divided: it slides by a thirtieth.
const BUCKETS: u32 = 30;

/// What an outcome says of the provider; of several, the later one counts: a provider that
/// judges one record and drops another is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    Silent,
    Failing,
    Alive,
}

/// How a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// The breaker was closed.
    Usual,
    /// The call tries whether the provider is back; the instant names the attempt.
    Probe(Timestamp),
}

/// The state of one class.
#[derive(Debug)]
pub(super) enum State {
    Closed(VecDeque<Bucket>),
    Open {
        /// When the next attempt is due.
        until: Timestamp,
        /// When the attempt that is under way began.
        probe: Option<Timestamp>,
    },
}

/// The calls of a short span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    began: Timestamp,
    calls: u32,
    failed: u32,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed(VecDeque::new())
    }
}

impl State {
    pub(super) fn gate(&self, now: Timestamp) -> Gate {
        match self {
            Self::Closed(_) => Gate::Closed,
            Self::Open { until, probe: Some(_) } if *until > now => {
                Gate::HalfOpen { until: *until }
            }
            Self::Open { until, .. } => Gate::Open { until: *until },
        }
    }

    /// Lets a call through, or returns when the next one will be.
    pub(super) fn admit(
        &mut self,
        policy: &BreakerPolicy,
        now: Timestamp,
    ) -> Result<Pass, Timestamp> {
        match self {
            Self::Closed(_) => Ok(Pass::Usual),
            Self::Open { until, .. } if *until > now => Err(*until),
            Self::Open { until, probe } => {
                *until = later(now, policy.probe_every);
                *probe = Some(now);
                Ok(Pass::Probe(now))
            }
        }
    }

    /// Notes how a call ended.
    pub(super) fn note(&mut self, policy: &BreakerPolicy, now: Timestamp, pass: Pass, sign: Sign) {
        match (&mut *self, pass) {
            (Self::Closed(buckets), Pass::Usual) => {
                if sign != Sign::Silent && too_many(buckets, policy, now, sign) {
                    *self = open(policy, now);
                }
            }
            (Self::Open { until, probe }, Pass::Probe(began)) if *probe == Some(began) => {
                match sign {
                    Sign::Alive => *self = Self::default(),
                    Sign::Failing => *self = open(policy, now),
                    // The attempt told nothing; the next call makes another.
                    Sign::Silent => (*until, *probe) = (now, None),
                }
            }
            // Late news from before the breaker opened, or from an attempt that was given up.
            (Self::Closed(_), Pass::Probe(_)) | (Self::Open { .. }, _) => {}
        }
    }
}

fn open(policy: &BreakerPolicy, now: Timestamp) -> State {
    State::Open { until: later(now, policy.probe_every), probe: None }
}

/// Counts a call, and returns whether too many failed lately.
fn too_many(
    buckets: &mut VecDeque<Bucket>,
    policy: &BreakerPolicy,
    now: Timestamp,
    sign: Sign,
) -> bool {
    while let Some(bucket) = buckets.front()
        && later(bucket.began, policy.window) <= now
    {
        buckets.pop_front();
    }
    let failed = u32::from(sign == Sign::Failing);
    match buckets.back_mut() {
        Some(bucket) if later(bucket.began, policy.window / BUCKETS) > now => {
            bucket.calls += 1;
            bucket.failed += failed;
        }
        Some(_) | None => buckets.push_back(Bucket { began: now, calls: 1, failed }),
    }
    let sum = |part: fn(&Bucket) -> u32| buckets.iter().map(part).map(u64::from).sum::<u64>();
    let (calls, failed) = (sum(|bucket| bucket.calls), sum(|bucket| bucket.failed));
    calls >= u64::from(policy.calls_min)
        && failed * 100 >= calls * u64::from(policy.failed_percent_min)
}

fn later(instant: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| instant.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
