//! How often, how long and how much is repeated: policy, backoff, `Retry-After`, budget.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;

use crate::clock::until;
use crate::reply::{date, http_date};

/// The longest wait that a provider may ask for.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// How a client repeats requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is repeated at most.
    pub retries_max: u32,
    /// The upper bound of the first wait; it doubles with each repetition.
    pub base: Duration,
    /// The upper bound of every wait that we choose ourselves.
    pub cap: Duration,
    /// How long one attempt may take, body included.
    pub attempt_max: Duration,
    /// The longest wait inside a call, for a window or at a provider's word; a longer one is
    /// handed to the caller, who has other work to do.
    pub wait_max: Duration,
    /// How many repetitions there may be for a hundred requests; keeps us from hammering a
    /// provider that is down. Being asked to slow down does not count.
    pub budget_percent: u8,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries_max: 5,
            base: Duration::from_millis(500),
            cap: Duration::from_mins(5),
            attempt_max: Duration::from_mins(2),
            wait_max: Duration::from_secs(90),
            budget_percent: 20,
        }
    }
}

impl RetryPolicy {
    /// Returns the upper bound of the wait before repetition `retry` (the first is 0).
    pub fn bound(&self, retry: u32) -> Duration {
        let factor = 1_u32.checked_shl(retry).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

/// Reads `Retry-After` in either form: seconds, or a date that is compared with the provider's
/// own `Date` (ours, where there is none). At most an hour.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than a u64 holds mean "very long", which the cap cuts anyway.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        until(date(headers).unwrap_or(now), http_date(text)?)
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// A seeded source of waits between zero and a bound ("full jitter").
#[derive(Debug)]
pub(crate) struct Jitter(Mutex<u64>);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Returns a wait of at most `bound`.
    pub(crate) fn below(&self, bound: Duration) -> Duration {
        let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        let drawn = u128::from(self.draw()) * (u128::from(micros) + 1);
        Duration::from_micros(u64::try_from(drawn >> 64).unwrap_or(micros))
    }

    /// The next number of the `SplitMix64` sequence.
    fn draw(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// How many repetitions are left, in hundredths. Each request earns a share; a small stock is
/// there from the start, so that the first hiccup of a quiet client is not fatal.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU64,
    earned: u64,
}

const ONE_RETRY: u64 = 100;
const STOCK_FIRST: u64 = 20 * ONE_RETRY;
const STOCK_MAX: u64 = 100 * ONE_RETRY;

impl Budget {
    pub(crate) fn new(policy: &RetryPolicy) -> Self {
        Self { left: AtomicU64::new(STOCK_FIRST), earned: u64::from(policy.budget_percent) }
    }

    /// Earns the share of one request.
    pub(crate) fn earn(&self) {
        self.change(|left| Some((left + self.earned).min(STOCK_MAX)));
    }

    /// Pays for one repetition; `false` if there is nothing left.
    pub(crate) fn pay(&self) -> bool {
        self.change(|left| left.checked_sub(ONE_RETRY))
    }

    fn change(&self, to: impl FnMut(u64) -> Option<u64>) -> bool {
        let ordering = Ordering::Relaxed;
        self.left.fetch_update(ordering, ordering, to).is_ok()
    }
}

#[cfg(test)]
mod tests;
