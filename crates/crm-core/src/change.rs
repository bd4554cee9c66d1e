//! What changed at a provider, and where reading goes on.

use crate::mutant;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Remote, RemoteId, Version};

/// Something that a provider says about one of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A row of a list that the vendor keeps consistent: counts as a read of this provider.
    Observed(Remote),
    /// A hint (a search index, a webhook): the record must be read before anything is believed.
    Touched {
        /// The record.
        id: RemoteId,
        /// The version that the hint speaks of.
        version: Option<Version>,
    },
    /// A delete feed says so; confirmed by a read before anything happens.
    Missing {
        /// The record.
        id: RemoteId,
    },
    /// Records were merged.
    Merged {
        /// The record that is left.
        winner: RemoteId,
        /// The records that are no more.
        losers: Vec<RemoteId>,
    },
}

/// Which feed of a kind is read. `Changes` and `Fresh` share one cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// Everything from the beginning, then everything that changed, with the overlap that an
    /// index lag demands.
    Changes,
    /// Only what is newer than the last poll; leaves the watermark where it is, so that the next
    /// `Changes` poll reads the overlap in full.
    Fresh,
    /// What was deleted or merged away.
    Deletions,
}

impl Feed {
    /// Returns the name under which the cursor is kept.
    pub const fn cursor_name(self) -> &'static str {
        match self {
            Self::Changes | Self::Fresh => "changes",
            Self::Deletions => "deletions",
        }
    }
}

/// Where a feed goes on. Opaque to everybody but the room that made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// One page of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// What changed, in the order of the provider.
    pub changes: Vec<Change>,
    /// Where the next page begins.
    pub next: Cursor,
    /// Whether there is more now.
    pub more: bool,
}

/// How far a poll feed is settled.
///
/// A row may become visible later than its stamp says (index lag, late commits), so what limits
/// the *saved* watermark is the lag, while the *query* always reaches to the present: a fresh
/// edit is seen by the first poll, read again by the next ones, and dropped there as unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Everything before this was seen.
    pub settled: Timestamp,
    /// The provider's time at the last poll.
    pub polled: Timestamp,
}

impl Watermark {
    /// Begins at the provider's present.
    pub const fn begin(now: Timestamp) -> Self {
        Self { settled: now, polled: now }
    }

    /// Returns from where a poll reads.
    pub fn from(&self, feed: Feed, overlap: Duration) -> Timestamp {
        match feed {
            Feed::Changes | Feed::Deletions => earlier(self.settled, overlap),
            Feed::Fresh => self.polled.max(self.settled),
        }
    }

    /// Returns the watermark after a poll that reached `now` (the provider's clock, as its
    /// first answer gave it).
    #[must_use]
    pub fn advance(self, feed: Feed, now: Timestamp, lag: Duration) -> Self {
        match feed {
            Feed::Changes | Feed::Deletions => Self {
                settled: self.settled.max(earlier(now, mutant!(LagIgnored => Duration::ZERO, lag))),
                polled: self.polled.max(now),
            },
            Feed::Fresh => Self { settled: self.settled, polled: self.polled.max(now) },
        }
    }
}

fn earlier(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}
