//! A feed that a room reads from several sources: where each of them stands, and whose turn it is.
//!
//! A kind with one source keeps the plain position of that source as its cursor.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Cursor, ErrorKind, Feed, ProviderError, Result};

/// A window of a poll that has further pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// From the settled watermark.
    Overlap,
    /// Only what is newer than the last poll.
    Fresh,
}

impl Scope {
    /// Returns what a poll of a feed reads.
    pub const fn of(feed: Feed) -> Self {
        match feed {
            Feed::Changes | Feed::Deletions => Self::Overlap,
            Feed::Fresh => Self::Fresh,
        }
    }

    /// Returns the feed that reads so much.
    pub const fn feed(self) -> Feed {
        match self {
            Self::Overlap => Feed::Changes,
            Self::Fresh => Feed::Fresh,
        }
    }
}

/// Where a feed of several sources stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round<T> {
    /// One position per source; none for a source that was never read.
    pub parts: Vec<Option<T>>,
    /// Whose turn it is.
    #[serde(default)]
    at: usize,
    /// What the round that is under way reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
}

impl<T: Clone + Serialize + DeserializeOwned> Round<T> {
    /// Reads a cursor; `None` begins at the beginning. A round that was begun for less than is
    /// asked for now begins anew; one that was begun for more goes on so.
    pub fn read(cursor: Option<&Cursor>, sources: usize, feed: Feed) -> Result<Self> {
        let scope = Scope::of(feed);
        let fresh = || Self { parts: vec![None; sources], at: 0, scope: None };
        let mut round = if sources == 1 {
            Self { parts: vec![read(cursor)?], at: 0, scope: None }
        } else {
            read(cursor)?.unwrap_or_else(fresh)
        };
        round.parts.resize(sources, None);
        let narrower = (round.scope, scope) == (Some(Scope::Fresh), Scope::Overlap);
        if narrower || round.at >= sources {
            round.at = 0;
        }
        let under_way = round.scope.filter(|_| round.at > 0);
        round.scope = Some(under_way.unwrap_or(scope));
        Ok(round)
    }

    /// Returns whose turn it is.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Returns which feed the round reads.
    pub fn feed(&self, asked: Feed) -> Feed {
        match asked {
            Feed::Changes | Feed::Fresh => self.scope.map_or(asked, Scope::feed),
            Feed::Deletions => asked,
        }
    }

    /// Returns where the source stands whose turn it is.
    pub fn position(&self) -> Option<T> {
        self.parts.get(self.at).cloned().flatten()
    }

    /// Notes where that source stands now, and goes on to the next one at its end; returns
    /// whether there is more to read.
    pub fn advance(&mut self, position: T, more: bool) -> bool {
        if let Some(slot) = self.parts.get_mut(self.at) {
            *slot = Some(position);
        }
        if more {
            return true;
        }
        self.at += 1;
        if self.at < self.parts.len() {
            return true;
        }
        self.at = 0;
        self.scope = None;
        false
    }

    /// Writes the cursor.
    pub fn cursor(&self) -> Result<Cursor> {
        match self.parts.as_slice() {
            [Some(only)] => write(only),
            _ => write(self),
        }
    }
}

/// Returns the error of a cursor that cannot be what it says.
pub fn unreadable() -> ProviderError {
    ProviderError::new(ErrorKind::Permanent, "the saved place in the feed cannot be read")
        .with_hint("the store was written by another release; start from a new store file")
}

/// Reads a position from a cursor.
pub fn read<T: DeserializeOwned>(cursor: Option<&Cursor>) -> Result<Option<T>> {
    let Some(Cursor(text)) = cursor else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| unreadable().with_source(error))
}

/// Writes a position as a cursor.
pub fn write<T: Serialize>(position: &T) -> Result<Cursor> {
    serde_json::to_string(position).map(Cursor).map_err(|error| {
        ProviderError::new(ErrorKind::Permanent, "the place in the feed cannot be written")
            .with_source(error)
    })
}

#[cfg(test)]
mod tests;
