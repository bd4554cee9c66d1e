//! What goes wrong on the way to a CRM and back, by rates.

use std::time::Duration;

use crm_core::{Applied, ErrorKind};

use crate::world::Rng;

/// How often what goes wrong, in 10,000. A new weather is calm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Any call is refused: too many requests, or the server failed before it did anything.
    pub refused: u32,
    /// A write is applied, but its answer is lost.
    pub lost: u32,
    /// A write times out, and is applied some seconds later.
    pub late: u32,
    /// A write call in which single items fail.
    pub partial: u32,
    /// A call takes seconds.
    pub slow: u32,
    /// A hint is left out where a later poll shows it.
    pub hint_lost: u32,
    /// A hint comes twice.
    pub hint_twice: u32,
    /// A page of hints comes in another order.
    pub hint_shuffled: u32,
    /// How far the index may lag, in seconds, where the CRM has one that lags.
    pub lag_max: u64,
}

/// After so long nobody waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A write that timed out is applied at most so much later.
const LATE_MAX_MS: u64 = 20_000;

/// What becomes of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    /// When the CRM acts on it, counted from now; `None` if it never does.
    pub(super) acts: Option<Duration>,
    /// When the caller learns about it, counted from now.
    pub(super) answers: Duration,
    /// What the caller is told instead of the answer.
    pub(super) error: Option<ErrorKind>,
}

impl Weather {
    /// Draws the fate of a call that only reads.
    pub(super) fn read(&self, rng: &mut Rng) -> Fate {
        let takes = self.takes(rng);
        let error = rng.happens(self.refused).then(|| refusal(rng));
        Fate { acts: error.is_none().then_some(takes / 2), answers: takes, error }
    }

    /// Draws the fate of a call that writes.
    pub(super) fn write(&self, rng: &mut Rng) -> Fate {
        let unknown = Some(ErrorKind::Transient { applied: Applied::Unknown });
        if rng.happens(self.lost) {
            let takes = self.takes(rng);
            return Fate { acts: Some(takes / 2), answers: takes, error: unknown };
        }
        if rng.happens(self.late) {
            let late = Duration::from_millis(rng.below(LATE_MAX_MS));
            return Fate { acts: Some(TIMEOUT + late), answers: TIMEOUT, error: unknown };
        }
        self.read(rng)
    }

    /// Draws what becomes of one item of a call in which single items fail.
    pub(super) fn item(rng: &mut Rng) -> Item {
        match rng.below(6) {
            0 => Item::Refused,
            1 => Item::Unsure,
            _ => Item::Served,
        }
    }

    fn takes(&self, rng: &mut Rng) -> Duration {
        if rng.happens(self.slow) {
            Duration::from_millis(2_000 + rng.below(7_000))
        } else {
            Duration::from_millis(20 + rng.below(280))
        }
    }
}

/// What becomes of one item of a write call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// It is applied and answered.
    Served,
    /// It is not applied.
    Refused,
    /// It is applied, and the answer does not say so.
    Unsure,
}

fn refusal(rng: &mut Rng) -> ErrorKind {
    match rng.below(3) {
        0 => ErrorKind::RateLimited { retry_after: None },
        1 => {
            let wait = Duration::from_millis(500 + rng.below(5_000));
            ErrorKind::RateLimited { retry_after: Some(wait) }
        }
        _ => ErrorKind::Transient { applied: Applied::No },
    }
}
