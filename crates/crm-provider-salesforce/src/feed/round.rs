//! A feed that is read from several sources: where each of them stands, and whose turn it is.
//!
//! A kind with one source keeps the plain position of that source as its cursor.

use crm_core::{Cursor, Feed, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::position::{self, Scope};

/// Where a feed of several sources stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Round<T> {
    /// One position per source; none for a source that was never read.
    pub(crate) parts: Vec<Option<T>>,
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
    pub(crate) fn read(cursor: Option<&Cursor>, sources: usize, feed: Feed) -> Result<Self> {
        let scope = position::scope_of(feed);
        let fresh = || Self { parts: vec![None; sources], at: 0, scope: None };
        let mut round = if sources == 1 {
            Self { parts: vec![position::read(cursor)?], at: 0, scope: None }
        } else {
            position::read(cursor)?.unwrap_or_else(fresh)
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
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Returns which feed the round reads.
    pub(crate) fn feed(&self, asked: Feed) -> Feed {
        match asked {
            Feed::Changes | Feed::Fresh => self.scope.map_or(asked, position::feed_of),
            Feed::Deletions => asked,
        }
    }

    /// Returns where the source stands whose turn it is.
    pub(crate) fn position(&self) -> Option<T> {
        self.parts.get(self.at).cloned().flatten()
    }

    /// Notes where that source stands now, and goes on to the next one at its end; returns
    /// whether there is more to read.
    pub(crate) fn advance(&mut self, position: T, more: bool) -> bool {
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
    pub(crate) fn cursor(&self) -> Result<Cursor> {
        match self.parts.as_slice() {
            [Some(only)] => position::write(only),
            _ => position::write(self),
        }
    }
}

#[cfg(test)]
mod tests;
