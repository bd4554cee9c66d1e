//! What a cursor holds.

use std::collections::BTreeMap;

use crm_core::{Change, ChangePage, Cursor, ErrorKind, ProviderError, Result, Watermark};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a cursor holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Position {
    /// The list is being read.
    List { watermark: Watermark, after: String },
    /// The list was read; what changed since the watermark comes from searches.
    Poll { watermark: Watermark, edge: Option<Edge>, window: Option<Window> },
    /// The recycle bin, of which everything before `settled` was told.
    Bin { settled: Option<Timestamp>, swept: Option<Timestamp>, sweep: Option<Sweep> },
    /// Several types, each at a position of its own, and the round that is under way.
    Forms { of: BTreeMap<String, Self>, round: Option<Round> },
}

/// A look at each of several types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Round {
    /// Whether the fresh feed began it.
    pub(super) fresh: bool,
    /// The types that are not at their end yet, in order.
    pub(super) left: Vec<String>,
}

/// A window of the search that is being read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// Whether the fresh feed began it.
    pub(super) fresh: bool,
    pub(super) from: Timestamp,
    /// The second in which its first page was answered; the window has all of it.
    pub(super) until: Option<Timestamp>,
    /// The last id that was read.
    pub(super) last: String,
    /// The last id that was read while that second may have lasted.
    pub(super) edge: String,
    /// Whether an answer has told that the second is over.
    pub(super) over: bool,
}

impl Window {
    pub(super) fn begin(fresh: bool, from: Timestamp) -> Self {
        let (last, edge) = ("0".to_owned(), "0".to_owned());
        Self { fresh, from, until: None, last, edge, over: false }
    }
}

/// Up to which id the second of the last poll may hold changes that were not read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edge {
    pub(super) second: Timestamp,
    pub(super) id: String,
}

/// A reading of a long recycle bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    pub(super) started: Timestamp,
    pub(super) after: String,
}

impl Position {
    pub(super) fn read(cursor: &Cursor) -> Result<Self> {
        serde_json::from_str(&cursor.0).map_err(|error| {
            ProviderError::new(ErrorKind::Permanent, "the stored cursor is not HubSpot's")
                .with_hint("read the kind anew from its beginning")
                .with_source(error)
        })
    }

    pub(super) const fn step(self, changes: Vec<Change>, more: bool) -> Step {
        Step { changes, position: self, more }
    }
}

/// A page of a feed, with its cursor still to be written.
pub(super) struct Step {
    pub(super) changes: Vec<Change>,
    pub(super) position: Position,
    pub(super) more: bool,
}

impl Step {
    pub(super) fn page(self) -> Result<ChangePage> {
        let text = serde_json::to_string(&self.position).map_err(|error| {
            ProviderError::new(ErrorKind::Permanent, "the cursor cannot be written")
                .with_source(error)
        })?;
        Ok(ChangePage { changes: self.changes, next: Cursor(text), more: self.more })
    }
}

/// The refusal of a cursor that is of another feed.
pub(super) fn foreign() -> ProviderError {
    ProviderError::new(ErrorKind::Permanent, "the stored cursor belongs to another feed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_storage_and_nothing_else_is_one() {
        let at: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let watermark = Watermark::begin(at);
        let window = Window {
            fresh: true,
            from: at,
            until: Some(at),
            last: "501".to_owned(),
            edge: "300".to_owned(),
            over: true,
        };
        let edge = Edge { second: at, id: "300".to_owned() };
        let sweep = Sweep { started: at, after: "a".to_owned() };
        let of = [("tasks".to_owned(), Position::List { watermark, after: "9".to_owned() })];
        let round = Some(Round { fresh: false, left: vec!["calls".to_owned()] });
        let positions = [
            Position::Forms { of: of.into(), round },
            Position::List { watermark, after: "NTAx".to_owned() },
            Position::Poll { watermark, edge: None, window: Some(window) },
            Position::Poll { watermark, edge: Some(edge), window: None },
            Position::Bin { settled: Some(at), swept: None, sweep: Some(sweep) },
        ];
        for position in positions {
            let page = position.clone().step(Vec::new(), true).page().unwrap();
            assert_eq!(Position::read(&page.next).unwrap(), position);
        }
        for text in ["", "{}", r#"{"phase":"poll"}"#, r#"{"phase":"query","after":"1"}"#] {
            assert!(Position::read(&Cursor(text.to_owned())).is_err(), "{text}");
        }
    }
}
