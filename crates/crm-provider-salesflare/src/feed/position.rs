//! Where a feed goes on.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Change, ChangePage, Cursor, ErrorKind, ProviderError, Result, Watermark};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A position, as the cursor's text holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Position {
    /// All contacts are being read.
    List { watermark: Watermark, seam: Seam },
    /// Contacts that change are polled.
    Poll { watermark: Watermark, window: Option<Window> },
    /// All records are read again and again; ids up to the seam have new prints.
    Prints { prints: BTreeMap<u64, u64>, seam: Seam },
    /// The ids of the last sweep.
    Ids(Sweep),
}

/// Where one page ended and the next begins: with the same row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seam {
    pub(super) last: u64,
    pub(super) offset: usize,
}

/// A look at what changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// Whether the fresh feed began it.
    pub(super) fresh: bool,
    pub(super) from: Timestamp,
    /// The provider's time at the first page.
    pub(super) until: Option<Timestamp>,
    pub(super) seam: Seam,
}

impl Window {
    pub(super) fn begin(fresh: bool, from: Timestamp) -> Self {
        Self { fresh, from, until: None, seam: Seam::default() }
    }
}

/// What is known of ids; those up to the seam are new.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sweep {
    pub(super) ids: BTreeSet<u64>,
    pub(super) swept: Option<Timestamp>,
    pub(super) seam: Seam,
}

impl Position {
    pub(super) fn read(cursor: &Cursor) -> Result<Self> {
        serde_json::from_str(&cursor.0).map_err(|error| {
            ProviderError::new(ErrorKind::Permanent, "the stored cursor is not Salesflare's")
                .with_hint("read the kind anew from its beginning")
                .with_source(error)
        })
    }

    /// Returns the position before anything was read of a kind that is read whole.
    pub(super) const fn prints() -> Self {
        Self::Prints { prints: BTreeMap::new(), seam: Seam { last: 0, offset: 0 } }
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

/// Returns the print of a text (FNV-1a, 64 bits): it stands in stored cursors, so it may not
/// change from release to release as the standard library's does.
pub(super) fn hash(text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    text.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_storage_and_nothing_else_is_one() {
        let at: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let watermark = Watermark::begin(at);
        let seam = Seam { last: 501, offset: 99 };
        let window = Window { until: Some(at), seam, ..Window::begin(true, at) };
        let sweep = Sweep { ids: [7, 501].into(), swept: Some(at), seam };
        let positions = [
            Position::List { watermark, seam },
            Position::Poll { watermark, window: Some(window) },
            Position::Prints { prints: [(501, u64::MAX)].into(), seam },
            Position::Ids(sweep),
        ];
        for position in positions {
            let page = position.clone().step(Vec::new(), true).page().unwrap();
            assert_eq!(Position::read(&page.next).unwrap(), position);
        }
        for text in ["", "{}", r#"{"phase":"poll"}"#, r#"{"phase":"query","after":"1"}"#] {
            assert!(Position::read(&Cursor(text.to_owned())).is_err(), "{text}");
        }
    }

    #[test]
    fn a_print_stays_what_it_was() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
