//! The slow sweep: everything is read again now and then, so that what feeds and hints lost is
//! found.
//!
//! It is the list of the first sync once more, and what it shows is taken in like the rows of a
//! feed: what is as known is dropped, anything else is a mark. It comes last in a run, gives way
//! to the day's budget, and goes on from where the run before it ended. A record that no page
//! showed is marked too, if one process saw the whole list: the work loop then asks for it.

use std::collections::BTreeSet;
use std::time::Duration;

use crm_core::{Change, Cursor, ErrorKind, Feed, RemoteId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Session;
use super::census::Census;
use crate::event::{Event, Phase};
use crate::topology::Side;
use crate::{EngineError, Rules};

/// The name under which the position is kept.
const NAME: &str = "sweep";

/// Where the sweep of a connection and kind stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// When the last one began that came to its end, or when waiting for the first one began.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    swept: Option<Timestamp>,
    /// When the one began that is under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    begun: Option<Timestamp>,
    /// Where that one goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    after: Option<Cursor>,
}

impl Position {
    fn cursor(&self) -> Result<Cursor, EngineError> {
        Ok(Cursor(serde_json::to_string(self)?))
    }

    fn is_due(&self, every: Duration, now: Timestamp) -> bool {
        let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
        let over = |swept: Timestamp| now.duration_since(swept) >= every;
        self.begun.is_some() || self.swept.is_some_and(over)
    }
}

impl Session<'_> {
    /// Sweeps the connections of a kind whose sweep is due; returns whether any was.
    pub(super) async fn sweep(&mut self, rules: &Rules) -> Result<bool, EngineError> {
        let Some(every) = self.engine.options.sweep_every else { return Ok(false) };
        let mut swept = false;
        for side in &rules.sides {
            let store = &self.engine.store;
            let known = store.cursor(&side.provider, rules.kind, NAME).await?;
            let position: Option<Position> =
                known.map(|known| serde_json::from_str(&known.0)).transpose()?;
            let Some(position) = position else {
                // The first sync read everything.
                let position = Position { swept: Some(self.started), ..Position::default() };
                self.take_in(rules, side, &[], Some((NAME, position.cursor()?))).await?;
                continue;
            };
            if position.is_due(every, self.now()) {
                if !swept {
                    self.phase(rules.kind, Phase::Sweep);
                }
                swept = true;
                self.sweep_side(rules, side, position).await?;
            }
        }
        Ok(swept)
    }

    async fn sweep_side(
        &mut self,
        rules: &Rules,
        side: &Side,
        mut position: Position,
    ) -> Result<(), EngineError> {
        let mut census = position.after.is_none().then(Census::default);
        let begun = *position.begun.get_or_insert(self.now());
        while self.resume(&side.provider).await {
            let provider = self.provider(&side.provider)?;
            let after = position.after.as_ref();
            let page = match provider.changes(rules.kind, Feed::Changes, after).await {
                Ok(page) => page,
                // Background work has had its share of the day; what is left is for changes.
                Err(error) if matches!(error.kind(), ErrorKind::QuotaExhausted { .. }) => {
                    tracing::info!(provider = %side.provider, %error, "the sweep waits");
                    return Ok(());
                }
                Err(error) => {
                    self.pause(&side.provider, error)?;
                    continue;
                }
            };
            self.tally.swept(&side.provider, 1);
            let rows = page.changes.len();
            if let Some(census) = &mut census {
                self.register(rules, side, &page.changes, census).await?;
            }
            position = if page.more {
                Position { after: Some(page.next), ..position }
            } else {
                Position { swept: Some(begun), begun: None, after: None }
            };
            self.take_in_swept(rules, side, &page.changes, &position).await?;
            let (provider, kind) = (side.provider.clone(), rules.kind);
            self.progress.event(&Event::Page { provider, kind, rows });
            if !page.more {
                return self.look_for_unseen(rules, side, census).await;
            }
        }
        // The connection failed: another run goes on from here.
        Ok(())
    }

    /// Marks what no page showed.
    async fn look_for_unseen(
        &mut self,
        rules: &Rules,
        side: &Side,
        census: Option<Census>,
    ) -> Result<(), EngineError> {
        if let Some(census) = census {
            let unseen = self.unseen(rules, side, &census).await?;
            let count = unseen.len();
            self.mark(unseen.into_iter().map(|entity| entity.id).collect()).await?;
            tracing::debug!(provider = %side.provider, count, "records that the list did not show");
        }
        Ok(())
    }

    /// Takes a page in. What is as it was known is no work of this run, and is not counted.
    async fn take_in_swept(
        &mut self,
        rules: &Rules,
        side: &Side,
        changes: &[Change],
        position: &Position,
    ) -> Result<(), EngineError> {
        let unchanged = self.tally.kind(rules.kind).unchanged;
        self.take_in(rules, side, changes, Some((NAME, position.cursor()?))).await?;
        self.tally.kind(rules.kind).unchanged = unchanged;
        Ok(())
    }

    async fn register(
        &self,
        rules: &Rules,
        side: &Side,
        changes: &[Change],
        census: &mut Census,
    ) -> Result<(), EngineError> {
        let ids: BTreeSet<RemoteId> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Observed(remote) => Some(remote.id.clone()),
                Change::Touched { id, .. } => Some(id.clone()),
                Change::Missing { .. } | Change::Merged { .. } => None,
            })
            .collect();
        let ids: Vec<RemoteId> = ids.into_iter().collect();
        let tied = self.engine.store.tied(&side.provider, rules.kind, &ids).await?;
        for seq in tied.into_iter().flatten().filter_map(|entity| entity.seq) {
            census.add(seq);
        }
        Ok(())
    }
}
