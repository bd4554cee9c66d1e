//! What changed: contacts by when they changed, everything else by reading all of it and comparing
//! each record with its print of the last time; and which ids are no more.
//!
//! Lists are read in the order of ids, from an offset on. A record that goes moves all behind it
//! forward by one, so each page begins with the last row of the page before, the [`Seam`]: if that
//! row is not there, rows may have been skipped, and reading goes back by a page. The cursor knows
//! the last id, so nothing is told twice.
//!
//! A window of contacts reaches from the watermark less the overlap to the present. What changes
//! while its pages are read has a later stamp, and the next window shows it.

mod position;

use crm_core::{
    Change, ChangePage, Cursor, Feed, ObjectKind, Operation, RemoteId, Result, Watermark,
};
use crm_http::{Failure, Reply};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use self::position::{Position, Seam, Step, Sweep, Window, foreign};
use crate::Salesflare;
use crate::read::listing;
use crate::table::{Table, print};
use crate::wire::{Object, id_of};

/// How often the ids of an account with many records are read to their end.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// With so many at most, they are read by every poll.
const SWEEP_FREE: usize = 1_000;
/// Whether `modification_after` leaves out its own second is not said.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A page of a list.
struct Page {
    /// The provider's time, as the answer's header tells it.
    date: Timestamp,
    /// Rows that were not read before.
    rows: Vec<Object>,
    /// Where the next page begins, if there is one.
    next: Option<Seam>,
}

impl Salesflare {
    /// Reads one page of a feed.
    pub(crate) async fn page(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let position = after.map(Position::read).transpose()?;
        let table = self.table(kind).await?;
        let step = match (feed, kind, position) {
            (Feed::Deletions, _, None) => self.sweep(&table, Sweep::default(), true).await?,
            (Feed::Deletions, _, Some(Position::Ids(sweep))) => {
                self.sweep(&table, sweep, false).await?
            }
            (Feed::Changes | Feed::Fresh, ObjectKind::Contact, None) => {
                self.whole(&table, None, Seam::default()).await?
            }
            (Feed::Changes | Feed::Fresh, _, Some(Position::List { watermark, seam })) => {
                self.whole(&table, Some(watermark), seam).await?
            }
            (Feed::Changes | Feed::Fresh, _, Some(Position::Poll { watermark, window })) => {
                self.poll(&table, feed, watermark, window).await?
            }
            (Feed::Changes | Feed::Fresh, _, None) => self.scan(&table, Position::prints()).await?,
            (Feed::Changes | Feed::Fresh, _, Some(position @ Position::Prints { .. })) => {
                self.scan(&table, position).await?
            }
            (Feed::Deletions, _, Some(_)) | (_, _, Some(Position::Ids(_))) => {
                return Err(foreign());
            }
        };
        step.page()
    }

    /// Reads a page of all contacts. The time of the first answer becomes the watermark: whatever
    /// changes after its page was read is stamped later, less the overlap.
    async fn whole(&self, table: &Table, watermark: Option<Watermark>, seam: Seam) -> Result<Step> {
        let page = self.seamed(table, Vec::new(), seam).await?;
        let watermark = watermark.unwrap_or_else(|| Watermark::begin(page.date));
        let changes = observed(table, &page.rows)?;
        Ok(match page.next {
            Some(seam) => Position::List { watermark, seam }.step(changes, true),
            None => Position::Poll { watermark, window: None }.step(changes, false),
        })
    }

    /// Reads a page of the contacts that changed.
    async fn poll(
        &self,
        table: &Table,
        feed: Feed,
        watermark: Watermark,
        window: Option<Window>,
    ) -> Result<Step> {
        let fresh = feed == Feed::Fresh;
        // A window that the other feed left behind began elsewhere: this feed begins its own.
        let window = window.filter(|window| window.fresh == fresh);
        let mut window = window.unwrap_or_else(|| {
            Window::begin(fresh, watermark.from(feed, table.capability.overlap))
        });
        let from = window.from.checked_sub(SECOND).unwrap_or(window.from);
        let query = vec![
            ("modification_after", format!("{from:.3}")),
            ("includeArchived", "true".to_owned()),
        ];
        let page = self.seamed(table, query, window.seam).await?;
        let until = *window.until.get_or_insert(page.date);
        let news =
            page.rows.into_iter().filter(|row| stamp(row).is_none_or(|at| at >= window.from));
        let (gone, rows): (Vec<Object>, Vec<Object>) = news.partition(is_archived);
        let mut changes = observed(table, &rows)?;
        let missing = gone.iter().filter_map(id_of);
        changes.extend(missing.map(|id| Change::Missing { id: number(id) }));
        if let Some(seam) = page.next {
            window.seam = seam;
            return Ok(Position::Poll { watermark, window: Some(window) }.step(changes, true));
        }
        let watermark = watermark.advance(feed, until, table.capability.visibility_lag);
        Ok(Position::Poll { watermark, window: None }.step(changes, false))
    }

    /// Reads a page of all records and tells those that look otherwise than the last time, and
    /// those that are not there any more.
    async fn scan(&self, table: &Table, position: Position) -> Result<Step> {
        let Position::Prints { mut prints, seam } = position else { return Err(foreign()) };
        let before = seam.last;
        let page = self.seamed(table, Vec::new(), seam).await?;
        let mut changes = Vec::new();
        let mut seen = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let remote = table.remote(row)?;
            let id = id_of(row).unwrap_or_default();
            seen.push(id);
            let print = position::hash(&print(&remote));
            if prints.insert(id, print) == Some(print) {
                continue;
            }
            changes.push(if table.capability.list_consistent {
                Change::Observed(remote)
            } else {
                Change::Touched { id: remote.id, version: remote.version }
            });
        }
        let upto = page.next.as_ref().map_or(u64::MAX, |seam| seam.last);
        let within = |id: u64| id > before && id <= upto;
        let gone = prints.keys().copied().filter(|id| within(*id) && !seen.contains(id));
        let gone: Vec<u64> = gone.collect();
        for id in gone {
            prints.remove(&id);
            changes.push(Change::Missing { id: number(id) });
        }
        let more = page.next.is_some();
        let seam = page.next.unwrap_or_default();
        Ok(Position::Prints { prints, seam }.step(changes, more))
    }

    /// Reads a page of all ids and tells those that are not there any more. Of many records this
    /// is done once in a while.
    async fn sweep(&self, table: &Table, mut sweep: Sweep, first: bool) -> Result<Step> {
        let now = self.client.clock().now();
        let begins = sweep.seam == Seam::default();
        let due = sweep.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP_EVERY);
        if begins && !first && !due && sweep.ids.len() > SWEEP_FREE {
            return Ok(Position::Ids(sweep).step(Vec::new(), false));
        }
        let before = sweep.seam.last;
        let page = self.seamed(table, Vec::new(), sweep.seam).await?;
        let seen: Vec<u64> = page.rows.iter().filter_map(id_of).collect();
        let upto = page.next.as_ref().map_or(u64::MAX, |seam| seam.last);
        let gone = sweep.ids.iter().copied();
        let gone = gone.filter(|id| *id > before && *id <= upto && !seen.contains(id));
        let gone: Vec<u64> = gone.collect();
        for id in &gone {
            sweep.ids.remove(id);
        }
        sweep.ids.extend(seen);
        let changes = gone.into_iter().map(|id| Change::Missing { id: number(id) }).collect();
        let more = page.next.is_some();
        if !more {
            sweep.swept = Some(now);
        }
        sweep.seam = page.next.unwrap_or_default();
        Ok(Position::Ids(sweep).step(changes, more))
    }

    /// Reads a page that begins with the last row of the page before.
    async fn seamed(
        &self,
        table: &Table,
        query: Vec<(&'static str, String)>,
        seam: Seam,
    ) -> Result<Page> {
        let max = usize::from(table.capability.page_max.get());
        let request = listing(table, Operation::Changes, query, seam.offset);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let date = reply.date();
            let date = date.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let rows: Vec<Object> = reply.json()?;
            let ids: Vec<u64> = rows.iter().filter_map(id_of).collect();
            if ids.len() != rows.len() || !ids.is_sorted() {
                return Err(reply.malformed("the list did not keep the order of ids"));
            }
            Ok((date, rows))
        };
        let (date, rows) = self.client.fetch(request, &classify, read).await?;
        let first = rows.first().and_then(id_of);
        if seam.offset > 0 && first.is_none_or(|first| first > seam.last) {
            let next = Some(Seam { offset: seam.offset.saturating_sub(max), ..seam });
            return Ok(Page { date, rows: Vec::new(), next });
        }
        let full = rows.len() >= max;
        let last = rows.last().and_then(id_of).map_or(seam.last, |last| last.max(seam.last));
        // The last row is read again.
        let offset = seam.offset + rows.len().saturating_sub(1);
        let next = full.then_some(Seam { last, offset });
        let news = rows.into_iter().filter(|row| id_of(row).is_some_and(|id| id > seam.last));
        Ok(Page { date, rows: news.collect(), next })
    }
}

fn observed(table: &Table, rows: &[Object]) -> Result<Vec<Change>> {
    rows.iter().map(|row| Ok(Change::Observed(table.remote(row)?))).collect()
}

fn stamp(row: &Object) -> Option<Timestamp> {
    crm_core::normal::instant(row.get("modification_date")?.as_str()?)
}

fn is_archived(row: &Object) -> bool {
    row.get("archived") == Some(&Json::Bool(true))
}

fn number(id: u64) -> RemoteId {
    id.to_string().into()
}
