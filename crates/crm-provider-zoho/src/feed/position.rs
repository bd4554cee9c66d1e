//! Where a feed stands, as pure values: what the next page asks for, and what the cursor says
//! after it. Nothing here sends a request.
//!
//! The `changes` feed first walks all records by id, which no edit can reorder, and then polls by
//! stamp from the moment before the walk.

use std::time::Duration;

use crm_core::round::Scope;
use crm_core::{Feed, Watermark};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Stamps are whole seconds.
pub(crate) const GRANULARITY: SignedDuration = SignedDuration::from_secs(1);

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Next {
    /// Behind the row of that stamp and id.
    Behind(Timestamp, String),
    /// Where the token says.
    Token(String),
}

/// A window of a poll that has further pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    scope: Scope,
    /// Since when rows have changed; a token works only together with that.
    pub(crate) from: Timestamp,
    /// The provider's time when the window was opened; it ends there. What is newer belongs to
    /// the next poll.
    pub(crate) now: Timestamp,
    pub(crate) next: Next,
}

/// Where the `changes` feed stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(crate) enum Changes {
    /// Walking all records by id.
    Walk {
        /// The provider's time before the first row was read; polling begins there.
        began: Timestamp,
        next: Next,
    },
    /// Polling by stamp.
    Poll {
        /// How far everything was seen.
        mark: Watermark,
        /// The window that is open, if one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
    },
}

/// What a page of changes asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// All records, from there on.
    All(Option<Next>),
    /// Those that changed since then.
    Since(Timestamp),
    /// Further ones of them.
    Rest(Window),
}

/// What a page brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The provider's time when it answered.
    pub(crate) now: Timestamp,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<Next>,
}

impl Changes {
    /// Gives up a window that was opened for less than is asked for now: its rows are within the
    /// larger one.
    #[must_use]
    pub(crate) fn widened(self, feed: Feed) -> Self {
        match (self, feed) {
            (
                Self::Poll { mark, window: Some(Window { scope: Scope::Fresh, .. }) },
                Feed::Changes | Feed::Deletions,
            ) => Self::Poll { mark, window: None },
            (position, Feed::Changes | Feed::Fresh | Feed::Deletions) => position,
        }
    }

    /// Begins anew what a token no longer leads on to; what was read is read again, and compared.
    pub(crate) fn restarted(self) -> Option<Self> {
        match self {
            Self::Walk { .. } => None,
            Self::Poll { mark, .. } => Some(Self::Poll { mark, window: None }),
        }
    }

    /// Returns what the next page asks for.
    pub(crate) fn ask(position: Option<&Self>, feed: Feed, overlap: Duration) -> Ask {
        match position {
            None => Ask::All(None),
            Some(Self::Walk { next, .. }) => Ask::All(Some(next.clone())),
            Some(Self::Poll { window: Some(window), .. }) => Ask::Rest(window.clone()),
            Some(Self::Poll { mark, window: None }) => Ask::Since(begin(mark, feed, overlap)),
        }
    }

    /// Returns where the feed stands after a page.
    pub(crate) fn advance(
        position: Option<Self>,
        feed: Feed,
        seen: Seen,
        (overlap, lag): (Duration, Duration),
    ) -> Self {
        let (mark, window) = match position {
            None => return Self::walked(seen.now, seen),
            Some(Self::Walk { began, .. }) => return Self::walked(began, seen),
            Some(Self::Poll { mark, window }) => (mark, window),
        };
        let (scope, from, now) = match window {
            Some(window) => (window.scope, window.from, window.now),
            None => (Scope::of(feed), begin(&mark, feed, overlap), seen.now),
        };
        match seen.next {
            Some(next) => Self::Poll { mark, window: Some(Window { scope, from, now, next }) },
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

    fn walked(began: Timestamp, seen: Seen) -> Self {
        match seen.next {
            Some(next) => Self::Walk { began, next },
            None => Self::Poll { mark: Watermark::begin(began), window: None },
        }
    }
}

/// Returns from when a poll reads.
fn begin(mark: &Watermark, feed: Feed, overlap: Duration) -> Timestamp {
    let from = mark.from(feed, overlap);
    match feed {
        Feed::Changes | Feed::Deletions => from,
        // What was written later in the second of the last poll has its stamp.
        Feed::Fresh => earlier(from, GRANULARITY),
    }
}

/// Where the `deletions` feed stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deletions {
    /// How far everything was seen.
    mark: Watermark,
    /// The pages that are left, if any are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rest: Option<Rest>,
}

/// Further pages of the list of what was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rest {
    pub(crate) from: Timestamp,
    pub(crate) page: u32,
    now: Timestamp,
}

impl Deletions {
    /// Begins somewhat before the client's present: what was deleted earlier was never linked.
    pub(crate) fn begin(now: Timestamp) -> Self {
        Self { mark: Watermark::begin(now), rest: None }
    }

    /// Returns since when deletions are asked for, and which page of them.
    pub(crate) fn ask(&self, overlap: Duration) -> (Timestamp, u32) {
        match self.rest {
            Some(rest) => (rest.from, rest.page),
            None => (self.mark.from(Feed::Deletions, overlap), 1),
        }
    }

    /// Returns where the feed stands after a page. New deletions come first in the list, so that
    /// further ones only move rows to later pages.
    pub(crate) fn advance(
        mut self,
        now: Timestamp,
        more: bool,
        (overlap, lag): (Duration, Duration),
    ) -> Self {
        let (from, page) = self.ask(overlap);
        let now = self.rest.map_or(now, |rest| rest.now);
        if more {
            self.rest = Some(Rest { from, page: page + 1, now });
        } else {
            self.rest = None;
            self.mark = self.mark.advance(Feed::Deletions, now, lag);
        }
        self
    }

    /// Returns whether there is more to read now.
    pub(crate) const fn more(&self) -> bool {
        self.rest.is_some()
    }
}

/// Returns an instant before another.
pub(crate) fn earlier(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLAP: Duration = Duration::from_mins(1);
    const LAG: Duration = Duration::from_secs(10);
    const TIMES: (Duration, Duration) = (OVERLAP, LAG);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn seen(now: i64, token: Option<&str>) -> Seen {
        Seen { now: at(now), next: token.map(|token| Next::Token(token.to_owned())) }
    }

    #[test]
    fn polling_begins_where_the_walk_began() {
        let walk = Changes::advance(None, Feed::Changes, seen(0, Some("a")), TIMES);
        assert!(walk.more());
        let ask = Changes::ask(Some(&walk), Feed::Changes, OVERLAP);
        assert_eq!(ask, Ask::All(Some(Next::Token("a".to_owned()))));
        let poll = Changes::advance(Some(walk), Feed::Changes, seen(500, None), TIMES);
        assert!(!poll.more());
        assert_eq!(Changes::ask(Some(&poll), Feed::Changes, OVERLAP), Ask::Since(at(-60)));
        assert_eq!(Changes::ask(Some(&poll), Feed::Fresh, OVERLAP), Ask::Since(at(-1)));
    }

    #[test]
    fn a_window_keeps_its_beginning_and_its_end() {
        let poll = Changes::advance(None, Feed::Changes, seen(0, None), TIMES);
        let open = Changes::advance(Some(poll), Feed::Changes, seen(100, Some("b")), TIMES);
        let Ask::Rest(window) = Changes::ask(Some(&open), Feed::Changes, OVERLAP) else {
            panic!("a window is open");
        };
        assert_eq!((window.from, window.now), (at(-60), at(100)));
        let done = Changes::advance(Some(open), Feed::Changes, seen(130, None), TIMES);
        // The watermark stays behind by what a change may show late.
        let next = Changes::ask(Some(&done), Feed::Changes, OVERLAP);
        assert_eq!(next, Ask::Since(at(100 - 10 - 60)));
    }

    #[test]
    fn a_window_for_less_is_given_up_and_a_dead_token_too() {
        let poll = Changes::advance(None, Feed::Changes, seen(0, None), TIMES);
        let fresh = Changes::advance(Some(poll), Feed::Fresh, seen(100, Some("c")), TIMES);
        assert!(fresh.clone().widened(Feed::Fresh).more());
        assert!(!fresh.clone().widened(Feed::Changes).more());
        assert!(!fresh.restarted().unwrap().more());
        let walk = Changes::advance(None, Feed::Changes, seen(0, Some("d")), TIMES);
        assert_eq!(walk.restarted(), None);
    }

    #[test]
    fn pages_of_deletions_share_their_beginning() {
        let begun = Deletions::begin(at(0));
        assert_eq!(begun.ask(OVERLAP), (at(-60), 1));
        let open = begun.advance(at(200), true, TIMES);
        assert!(open.more());
        assert_eq!(open.ask(OVERLAP), (at(-60), 2));
        let done = open.advance(at(230), false, TIMES);
        assert_eq!(done.ask(OVERLAP), (at(200 - 10 - 60), 1));
    }
}
