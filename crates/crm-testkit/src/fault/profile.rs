//! The named profiles and their rates (`docs/sandbox.md` lists them for users).

use super::{Fault, RetryAfter};
use crate::world::Rng;

/// A named mixture of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// None.
    Calm,
    /// Refusals, server errors, lost answers, short-lived tokens, failing batch items.
    Rough,
    /// Search up to a minute behind.
    Lag,
    /// A tenth of the real quotas.
    Quota,
    /// All of it at double rate, and broken bodies.
    Hostile,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 5] = [Self::Calm, Self::Rough, Self::Lag, Self::Quota, Self::Hostile];

    /// Returns the profile's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Rough => "rough",
            Self::Lag => "lag",
            Self::Quota => "quota",
            Self::Hostile => "hostile",
        }
    }

    /// Returns the profile of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Returns the profile's rates.
    pub const fn rates(self) -> Rates {
        match self {
            Self::Calm => Rates::CALM,
            Self::Rough => Rates::ROUGH,
            Self::Lag => Rates { lag_max_ms: 60_000, ..Rates::CALM },
            Self::Quota => Rates { quota_divisor: 10, ..Rates::CALM },
            Self::Hostile => Rates::HOSTILE,
        }
    }
}

/// How often each fault strikes, in 10,000 requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// 429; every second one says when to come back.
    pub rate_limited: u32,
    /// A 5xx before anything is done.
    pub status_before: u32,
    /// A 5xx after the request was carried out.
    pub status_after: u32,
    /// A closed connection before anything is done.
    pub cut_before: u32,
    /// A closed connection after the request was carried out.
    pub cut_after: u32,
    /// A body that breaks off.
    pub garbled: u32,
    /// A web page instead of an answer.
    pub html: u32,
    /// A batch one of whose items fails.
    pub batch_item: u32,
    /// Tokens die at every so many requests; 0 for never.
    pub token_dies_every: u32,
    /// The longest that search is behind.
    pub lag_max_ms: u64,
    /// What quotas are divided by.
    pub quota_divisor: u64,
}

impl Rates {
    const CALM: Self = Self {
        rate_limited: 0,
        status_before: 0,
        status_after: 0,
        cut_before: 0,
        cut_after: 0,
        garbled: 0,
        html: 0,
        batch_item: 0,
        token_dies_every: 0,
        lag_max_ms: 0,
        quota_divisor: 1,
    };
    const ROUGH: Self = Self {
        rate_limited: 200,
        status_before: 100,
        status_after: 100,
        cut_before: 50,
        cut_after: 50,
        batch_item: 500,
        token_dies_every: 500,
        ..Self::CALM
    };
    const HOSTILE: Self = Self {
        rate_limited: 400,
        status_before: 200,
        status_after: 200,
        cut_before: 100,
        cut_after: 100,
        garbled: 100,
        html: 100,
        batch_item: 1_000,
        token_dies_every: 250,
        lag_max_ms: 120_000,
        quota_divisor: 20,
    };

    pub(super) fn fault(&self, rng: &mut Rng) -> Option<Fault> {
        let status = *rng.pick(&[500, 502, 503, 504]).unwrap_or(&503);
        let after = match rng.below(4) {
            0 => RetryAfter::Seconds(2),
            1 => RetryAfter::Date(2),
            _ => RetryAfter::Silent,
        };
        let choices = [
            (self.rate_limited, Fault::RateLimited(after)),
            (self.status_before, Fault::Status(status)),
            (self.status_after, Fault::StatusAfter(status)),
            (self.cut_before, Fault::CutBefore),
            (self.cut_after, Fault::CutAfter),
            (self.garbled, Fault::Garbled),
            (self.html, Fault::Html(status)),
        ];
        let mut point = rng.below(10_000);
        for (rate, fault) in choices {
            match point.checked_sub(u64::from(rate)) {
                None => return Some(fault),
                Some(rest) => point = rest,
            }
        }
        None
    }
}
