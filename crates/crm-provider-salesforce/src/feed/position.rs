//! Where a feed stands, as pure values: what the next page asks for, and what the cursor says
//! after it. Nothing here sends a request.
//!
//! The `changes` feed first walks all records by id, which no edit can reorder, and then polls by
//! stamp from the moment before the walk. The `deletions` feed polls the recycle bin; once a day it
//! also asks for the log of deletions, which alone knows of records that were purged.

use std::time::Duration;

use crm_core::round::Scope;
use crm_core::{Feed, Watermark};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::soql::{Filter, Literal, Place};

/// The stamp by which changes are noticed. Not `LastModifiedDate`: an import may set that, and
/// changes by the system leave it alone.
pub(crate) const STAMP: &str = "SystemModstamp";
/// Who made the last change.
const AUTHOR: &str = "LastModifiedById";
/// The id.
pub(crate) const ID: &str = "Id";

/// How often the log of deletions is read. The recycle bin keeps records for fifteen days unless
/// somebody empties it, so a day is soon enough, and a poll stays one request.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// Stamps are whole seconds.
const GRANULARITY: SignedDuration = SignedDuration::from_secs(1);
/// How far back the log of deletions reaches, less a margin for the two clocks.
const LOG_REACH: SignedDuration = SignedDuration::from_hours(15 * 24 - 1);
/// A shorter window than this is refused or empty: Salesforce ignores its seconds.
const LOG_WINDOW_MIN: SignedDuration = SignedDuration::from_mins(2);

/// The last row of a page, where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rest {
    /// The time of the provider when the window was opened; the window ends there. It is a
    /// whole second, as stamps are: the last second of the window is in it to its end.
    now: Timestamp,
    stamp: Timestamp,
    id: String,
}

impl Rest {
    /// Returns the condition of the next page. The upper bound keeps a busy account from moving
    /// rows ahead of the reader for ever; what is newer belongs to the next poll.
    fn filter(&self) -> Filter {
        let place = Place { stamp: self.stamp, id: self.id.clone() };
        Filter::All(vec![
            Filter::UpTo(STAMP, Literal::Moment(self.now)),
            Filter::beyond(STAMP, ID, &place),
        ])
    }
}

/// Where the `changes` feed stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(crate) enum Changes {
    /// Walking all records by id.
    Walk {
        /// The provider's time before the first row was read; polling begins there.
        began: Timestamp,
        /// The last id.
        after: String,
    },
    /// Polling by stamp.
    Poll {
        /// How far everything was seen.
        mark: Watermark,
        /// The window that is open, if one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<(Scope, Rest)>,
    },
}

/// What a page of changes asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Which rows.
    pub(crate) filter: Option<Filter>,
    /// In which order.
    pub(crate) order_by: &'static [&'static str],
}

/// What a page brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The provider's time when it answered.
    pub(crate) now: Timestamp,
    /// Stamp and id of the last row, if there was a row.
    pub(crate) last: Option<Place>,
    /// Whether the query had more rows.
    pub(crate) more: bool,
}

impl Changes {
    /// Gives up a window that was opened for less than is asked for now: its rows are within the
    /// larger one.
    #[must_use]
    pub(crate) fn widened(self, feed: Feed) -> Self {
        match (self, feed) {
            (
                Self::Poll { mark, window: Some((Scope::Fresh, _)) },
                Feed::Changes | Feed::Deletions,
            ) => Self::Poll { mark, window: None },
            (position, Feed::Changes | Feed::Fresh | Feed::Deletions) => position,
        }
    }

    /// Returns where the polling of another source begins that needs no walk: where that of this
    /// one does.
    pub(crate) fn begun(&self) -> Self {
        let mark = match self {
            Self::Walk { began, .. } => Watermark::begin(*began),
            Self::Poll { mark, .. } => *mark,
        };
        Self::Poll { mark, window: None }
    }

    /// Returns what the next page asks for; `own` is the user on whose behalf we write, where
    /// that is known.
    ///
    /// A fresh look leaves out what that user changed last: else the last look of a run would
    /// read again all that the run itself has written. An edit that somebody made just before
    /// such a write of ours is left out with it, and so is one by a person who shares our user.
    /// Neither is lost: a fresh look does not move `settled`, so the next full poll, which
    /// leaves nothing out, begins before them and compares values.
    pub(crate) fn ask(
        position: Option<&Self>,
        feed: Feed,
        overlap: Duration,
        own: Option<&str>,
    ) -> Ask {
        let filter = match position {
            None => None,
            Some(Self::Walk { after, .. }) => Some(Filter::After(ID, Literal::text(after))),
            Some(Self::Poll { mark, window }) => {
                let (scope, filter) = match window {
                    Some((scope, rest)) => (*scope, rest.filter()),
                    None => (Scope::of(feed), begin(mark, feed, overlap)),
                };
                Some(match (scope, own) {
                    (Scope::Fresh, Some(own)) => {
                        Filter::All(vec![filter, Filter::IsNot(AUTHOR, Literal::text(own))])
                    }
                    (Scope::Fresh, None) | (Scope::Overlap, _) => filter,
                })
            }
        };
        let order_by: &[&str] = match position {
            None | Some(Self::Walk { .. }) => &[ID],
            Some(Self::Poll { .. }) => &[STAMP, ID],
        };
        Ask { filter, order_by }
    }

    /// Returns where the feed stands after a page.
    pub(crate) fn advance(position: Option<Self>, feed: Feed, seen: &Seen, lag: Duration) -> Self {
        let (mark, window) = match position {
            None => return Self::walked(seen.now, seen),
            Some(Self::Walk { began, .. }) => return Self::walked(began, seen),
            Some(Self::Poll { mark, window }) => (mark, window),
        };
        let (scope, now) = match &window {
            Some((scope, rest)) => (*scope, rest.now),
            None => (Scope::of(feed), seen.now),
        };
        match seen.last.as_ref().filter(|_| seen.more) {
            Some(last) => Self::Poll {
                mark,
                window: Some((scope, Rest { now, stamp: last.stamp, id: last.id.clone() })),
            },
            None => Self::Poll { mark: mark.advance(scope.feed(), now, lag), window: None },
        }
    }

    /// Returns whether there is more to read now.
    pub(crate) fn more(&self) -> bool {
        match self {
            Self::Walk { .. } => true,
            Self::Poll { window, .. } => window.is_some(),
        }
    }

    fn walked(began: Timestamp, seen: &Seen) -> Self {
        match seen.last.as_ref().filter(|_| seen.more) {
            Some(last) => Self::Walk { began, after: last.id.clone() },
            None => Self::Poll { mark: Watermark::begin(began), window: None },
        }
    }
}

/// Returns the condition of the first page of a poll.
fn begin(mark: &Watermark, feed: Feed, overlap: Duration) -> Filter {
    let from = match feed {
        Feed::Changes | Feed::Deletions => mark.from(feed, overlap),
        // What was committed later in the second of the last poll has its stamp.
        Feed::Fresh => earlier(mark.from(feed, overlap), GRANULARITY),
    };
    Filter::From(STAMP, Literal::Moment(from))
}

/// Where the `deletions` feed stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deletions {
    /// How far everything was seen.
    mark: Watermark,
    /// Up to when the log of deletions was read.
    swept: Timestamp,
    /// What is unfinished.
    #[serde(default, skip_serializing_if = "Todo::is_none")]
    rest: Todo,
}

/// What is left of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Todo {
    #[default]
    None,
    /// Further pages of the recycle bin.
    Bin(Rest),
    /// The log of deletions up to that instant.
    Log(Timestamp),
}

impl Todo {
    const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// What the next page of the deletions is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeletionsAsk {
    /// A page of the recycle bin: rows that are deleted, and more besides.
    Bin(Option<Filter>),
    /// The log of deletions.
    Log {
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
    },
}

impl Deletions {
    /// Returns what the next page is.
    pub(crate) fn ask(position: Option<&Self>, overlap: Duration) -> DeletionsAsk {
        let Some(position) = position else {
            return DeletionsAsk::Bin(None);
        };
        match &position.rest {
            Todo::None => {
                let from = position.mark.from(Feed::Deletions, overlap);
                DeletionsAsk::Bin(Some(Filter::From(STAMP, Literal::Moment(from))))
            }
            Todo::Bin(rest) => DeletionsAsk::Bin(Some(rest.filter())),
            Todo::Log(end) => {
                DeletionsAsk::Log { start: position.log_start(*end, overlap), end: *end }
            }
        }
    }

    /// Returns whether the log no longer reaches back to where it was read last: deletions in
    /// between are noticed only when the records are read by id.
    pub(crate) fn log_has_gap(&self) -> bool {
        match self.rest {
            Todo::Log(end) => earlier(end, LOG_REACH) > self.swept,
            Todo::None | Todo::Bin(_) => false,
        }
    }

    /// Returns where the feed stands after a page of the recycle bin.
    pub(crate) fn after_bin(position: Option<Self>, seen: &Seen, lag: Duration) -> Self {
        let mut position = position.unwrap_or(Self {
            mark: Watermark::begin(seen.now),
            swept: seen.now,
            rest: Todo::None,
        });
        let now = match &position.rest {
            Todo::Bin(rest) => rest.now,
            Todo::None | Todo::Log(_) => seen.now,
        };
        position.rest = if let Some(last) = seen.last.as_ref().filter(|_| seen.more) {
            Todo::Bin(Rest { now, stamp: last.stamp, id: last.id.clone() })
        } else {
            position.mark = position.mark.advance(Feed::Deletions, now, lag);
            let age = now.duration_since(position.swept);
            if age >= SWEEP_EVERY { Todo::Log(now) } else { Todo::None }
        };
        position
    }

    /// Returns where the feed stands after the log was read up to `covered`.
    pub(crate) fn after_log(mut self, covered: Option<Timestamp>) -> Self {
        if let Todo::Log(end) = self.rest {
            let reached = covered.map_or(end, |covered| covered.min(end));
            self.swept = self.swept.max(reached);
        }
        self.rest = Todo::None;
        self
    }

    /// Returns where the feed stands after the log had more entries than one answer may hold:
    /// the same log up to the middle, or past it where it cannot be halved.
    pub(crate) fn halve_log(mut self, overlap: Duration) -> Self {
        let Todo::Log(end) = self.rest else {
            return self;
        };
        let start = self.log_start(end, overlap);
        let half = end.duration_since(start) / 2;
        if half < LOG_WINDOW_MIN {
            return self.after_log(None);
        }
        self.rest = Todo::Log(start.checked_add(half).unwrap_or(end));
        self
    }

    /// Returns whether there is more to read now.
    pub(crate) fn more(&self) -> bool {
        !self.rest.is_none()
    }

    fn log_start(&self, end: Timestamp, overlap: Duration) -> Timestamp {
        let overlap = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::ZERO);
        earlier(self.swept, overlap).max(earlier(end, LOG_REACH))
    }
}

fn earlier(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
