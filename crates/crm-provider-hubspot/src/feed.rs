//! What changed: the list once, then windows of the search; and the recycle bin.
//!
//! A window is fixed when it begins: from the watermark less the overlap, to the provider's own
//! time as the first answer's `Date` header gives it. Its pages are separate searches for ids
//! above the last one, in the order of ids. So neither the cap of 10,000 results per search, nor
//! a million records with one stamp, nor records that change while pages are read can make one
//! be missed: what changes meanwhile gets a stamp that the next window covers.
//!
//! The first search of a window has no upper bound, because its answer tells the bound. The
//! header names a whole second and leaves out what has passed of it, while stamps have
//! milliseconds. So the later pages reach to the end of that second, or they would not have what
//! the first page had; the watermark stays at its beginning, for more may be stamped within it.
//! That holds up to the last id that was read while the second may have lasted, the [`Edge`];
//! above it the second was read whole, and the fresh feed does not read it again.
//!
//! The types of activity have no feed in common: their feeds are read one after the other, each
//! from a position of its own, and together they are at their end when each of them is.

mod position;

use std::collections::BTreeMap;

use crm_core::{
    Change, ChangePage, Cursor, ErrorKind, Feed, Operation, RemoteId, Result, Watermark,
};
use crm_http::{Effect, Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};

use self::position::{Edge, Position, Round, Step, Sweep, Window, foreign};
use crate::HubSpot;
use crate::provider::SEARCH_LANE;
use crate::table::Table;
use crate::wire::{Filter, FilterGroup, Page, Search, Sort};

/// How often a recycle bin of more than one page is read to its end.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// From the second that a `Date` header names to the last stamp that lies within it.
const REST_OF_SECOND: SignedDuration = SignedDuration::from_millis(999);

/// A page as it was read.
struct Read<T> {
    /// The provider's time, as the answer's header tells it.
    date: Timestamp,
    rows: Vec<T>,
    after: Option<String>,
}

/// A row of the recycle bin.
struct Discarded {
    id: RemoteId,
    at: Option<Timestamp>,
}

/// A row of a search.
struct Hint {
    id: RemoteId,
    change: Change,
}

impl HubSpot {
    /// Reads one page of a feed.
    pub(crate) async fn page(
        &self,
        tables: &[Table],
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let position = after.map(Position::read).transpose()?;
        let step = match (tables, position) {
            ([table], position) => self.step(table, feed, position).await?,
            (tables, None) => self.forms(tables, feed, BTreeMap::new(), None).await?,
            (tables, Some(Position::Forms { of, round })) => {
                self.forms(tables, feed, of, round).await?
            }
            (_, Some(Position::List { .. } | Position::Poll { .. } | Position::Bin { .. })) => {
                return Err(foreign());
            }
        };
        step.page()
    }

    /// Reads one page of the type whose turn it is.
    async fn forms(
        &self,
        tables: &[Table],
        feed: Feed,
        mut of: BTreeMap<String, Position>,
        round: Option<Round>,
    ) -> Result<Step> {
        let fresh = feed == Feed::Fresh;
        // A round that the other feed left behind looked elsewhere: this feed begins its own.
        let round = round.filter(|round| round.fresh == fresh);
        let all = || tables.iter().map(|table| table.name().to_owned()).collect();
        let mut round = round.unwrap_or_else(|| Round { fresh, left: all() });
        round.left.retain(|name| tables.iter().any(|table| table.name() == *name));
        let turn =
            tables.iter().find(|table| round.left.first().is_some_and(|n| n == table.name()));
        let Some(table) = turn else {
            return Ok(Position::Forms { of, round: None }.step(Vec::new(), false));
        };
        let step = self.step(table, feed, of.remove(table.name())).await?;
        of.insert(table.name().to_owned(), step.position);
        if !step.more {
            round.left.retain(|name| name != table.name());
        }
        let more = !round.left.is_empty();
        let round = more.then_some(round);
        Ok(Position::Forms { of, round }.step(step.changes, more))
    }

    async fn step(&self, table: &Table, feed: Feed, position: Option<Position>) -> Result<Step> {
        match (feed, position) {
            (Feed::Changes | Feed::Fresh, None) => self.list(table, None).await,
            (Feed::Changes | Feed::Fresh, Some(Position::List { watermark, after })) => {
                self.list(table, Some((watermark, after))).await
            }
            (Feed::Changes | Feed::Fresh, Some(Position::Poll { watermark, edge, window })) => {
                self.poll(table, feed, watermark, edge, window).await
            }
            (Feed::Deletions, None) => self.bin(table, None, None, None).await,
            (Feed::Deletions, Some(Position::Bin { settled, swept, sweep })) => {
                self.bin(table, settled, swept, sweep).await
            }
            (_, Some(Position::Forms { .. }))
            | (Feed::Changes | Feed::Fresh, Some(Position::Bin { .. }))
            | (Feed::Deletions, Some(Position::List { .. } | Position::Poll { .. })) => {
                Err(foreign())
            }
        }
    }

    /// Reads a page of the list. The time of the first answer becomes the watermark: whatever
    /// changes after its page was read is stamped later, less the overlap.
    async fn list(&self, table: &Table, at: Option<(Watermark, String)>) -> Result<Step> {
        let (watermark, after) = at.unzip();
        let request = Request::get(Operation::Changes, table.path())
            .endpoint(table.endpoint("GET", ""))
            .query("limit", table.capability.page_max)
            .query("archived", false)
            .query("properties", table.properties.join(","));
        let request = match after {
            Some(after) => request.query("after", after),
            None => request,
        };
        // Without the right to read the other end, asking for associations is refused.
        let mut ends: Vec<&str> = table.relations.iter().map(|relation| relation.to).collect();
        ends.sort_unstable();
        ends.dedup();
        if ends.iter().any(|to| self.is_barred(table.name(), to)) {
            ends.clear();
        }
        let plain = request.clone();
        let request = match ends.as_slice() {
            [] => request,
            ends => request.query("associations", ends.join(",")),
        };
        let read = |reply: &Reply| {
            let page: Page<'_> = reply.json()?;
            rows(reply, &page, |row| {
                let mut found = table.found(row);
                // A row without associations does not have the member at all.
                if !ends.is_empty() {
                    found.listed.get_or_insert_default();
                }
                found
            })
        };
        let page = match self.fetch(table, request, read).await {
            Err(error) if *error.kind() == ErrorKind::Forbidden && !ends.is_empty() => {
                let read = |reply: &Reply| {
                    let page: Page<'_> = reply.json()?;
                    rows(reply, &page, |row| table.found(row))
                };
                self.fetch(table, plain, read).await?
            }
            other => other?,
        };
        let watermark = watermark.unwrap_or_else(|| Watermark::begin(page.date));
        let remotes = self.complete(table, Operation::Changes, page.rows).await?;
        let changes = remotes.into_iter().map(Change::Observed).collect();
        Ok(match page.after {
            Some(after) => Position::List { watermark, after }.step(changes, true),
            None => Position::Poll { watermark, edge: None, window: None }.step(changes, false),
        })
    }

    async fn poll(
        &self,
        table: &Table,
        feed: Feed,
        watermark: Watermark,
        edge: Option<Edge>,
        window: Option<Window>,
    ) -> Result<Step> {
        let fresh = feed == Feed::Fresh;
        // A window that the other feed left behind began elsewhere: this feed begins its own.
        let window = window.filter(|window| window.fresh == fresh);
        let mut window = window.unwrap_or_else(|| {
            Window::begin(fresh, watermark.from(feed, table.capability.overlap))
        });
        let page = self.hints(table, &window, edge.as_ref().filter(|_| fresh)).await?;
        let until = *window.until.get_or_insert(page.date);
        // A search began after the answer before it came.
        let was_over = window.over;
        if let Some(hint) = page.rows.last() {
            hint.id.as_str().clone_into(&mut window.last);
        }
        if !was_over {
            window.edge.clone_from(&window.last);
        }
        window.over |= page.date > until;
        let more = page.after.is_some() && !page.rows.is_empty();
        let changes = page.rows.into_iter().map(|hint| hint.change).collect();
        if more {
            return Ok(Position::Poll { watermark, edge, window: Some(window) }.step(changes, true));
        }
        let watermark = watermark.advance(feed, until, table.capability.visibility_lag);
        let edge = was_over.then_some(Edge { second: until, id: window.edge });
        Ok(Position::Poll { watermark, edge, window: None }.step(changes, false))
    }

    /// Reads one page of a window.
    async fn hints(
        &self,
        table: &Table,
        window: &Window,
        edge: Option<&Edge>,
    ) -> Result<Read<Hint>> {
        let request = Request::post(Operation::Changes, format!("{}/search", table.path()))
            .endpoint(table.endpoint("POST", "/search"))
            .effect(Effect::Read)
            .lane(SEARCH_LANE)
            .json(&search(table, window, edge));
        let read = |reply: &Reply| {
            let page: Page<'_> = reply.json()?;
            let page = rows(reply, &page, |row| Hint {
                id: row.id.as_ref().into(),
                change: Change::Touched { id: table.id(&row.id), version: table.version(row) },
            })?;
            if ascend(&window.last, &page.rows) {
                Ok(page)
            } else {
                Err(reply.malformed("the search did not keep the order of ids"))
            }
        };
        self.fetch(table, request, read).await
    }

    /// Reads a page of the recycle bin, which is in the order of ids and knows no "since". A bin
    /// of one page is read whole by every poll; a longer one at most hourly, over as many calls
    /// as it has pages.
    async fn bin(
        &self,
        table: &Table,
        settled: Option<Timestamp>,
        swept: Option<Timestamp>,
        sweep: Option<Sweep>,
    ) -> Result<Step> {
        let request = Request::get(Operation::Changes, table.path())
            .endpoint(table.endpoint("GET", "?archived"))
            .query("limit", table.capability.page_max)
            .query("archived", true)
            .query("properties", "hs_object_id");
        let request = match &sweep {
            Some(sweep) => request.query("after", &sweep.after),
            None => request,
        };
        let read = |reply: &Reply| {
            let page: Page<'_> = reply.json()?;
            rows(reply, &page, |row| Discarded {
                id: table.id(&row.id),
                at: row.archived_at.as_deref().and_then(crm_core::normal::instant),
            })
        };
        let page = self.fetch(table, request, read).await?;
        let since = settled.map(|settled| {
            Watermark::begin(settled).from(Feed::Deletions, table.capability.overlap)
        });
        let news = page.rows.into_iter().filter(|row| row.at.is_none() || row.at >= since);
        let changes = news.map(|row| Change::Missing { id: row.id }).collect();
        let started = sweep.as_ref().map_or(page.date, |sweep| sweep.started);
        let due = swept.is_none_or(|swept| page.date.duration_since(swept) >= SWEEP_EVERY);
        Ok(match page.after {
            None => {
                let lag = table.capability.visibility_lag;
                let begun = Watermark::begin(settled.unwrap_or(Timestamp::MIN));
                let settled = Some(begun.advance(Feed::Deletions, started, lag).settled);
                let swept = Some(started);
                Position::Bin { settled, swept, sweep: None }.step(changes, false)
            }
            Some(after) if due || sweep.is_some() => {
                let sweep = Some(Sweep { started, after });
                Position::Bin { settled, swept, sweep }.step(changes, true)
            }
            Some(_) => Position::Bin { settled, swept, sweep: None }.step(changes, false),
        })
    }

    async fn fetch<T: Send>(
        &self,
        table: &Table,
        request: Request,
        read: impl Fn(&Reply) -> Result<Read<T>> + Send + Sync,
    ) -> Result<Read<T>> {
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        self.client.fetch(request, &classify, read).await
    }
}

fn rows<T>(
    reply: &Reply,
    page: &Page<'_>,
    row: impl Fn(&crate::wire::Object<'_>) -> T,
) -> Result<Read<T>> {
    let date = reply.date().ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
    let rows = page.results.iter().map(row).collect();
    Ok(Read { date, rows, after: page.after().map(str::to_owned) })
}

fn search<'a>(table: &'a Table, window: &Window, edge: Option<&Edge>) -> Search<'a> {
    let modified = table.modified();
    let filter = |property_name, operator, value| Filter {
        property_name,
        operator,
        value: Some(value),
        values: None,
    };
    let at = |operator, instant: Timestamp| {
        filter(modified, operator, instant.as_millisecond().to_string())
    };
    let id = |operator, id: &str| filter("hs_object_id", operator, id.to_owned());
    let since = |from| {
        let until = window.until.map(|second| at("LTE", end(second)));
        let filters = [Some(at("GTE", from)), until, Some(id("GT", &window.last))];
        filters.into_iter().flatten().collect()
    };
    let groups: Vec<Vec<Filter<'_>>> = match edge {
        Some(Edge { second, id: edge }) if *second == window.from => vec![
            since(after(*second)),
            vec![
                at("GTE", *second),
                at("LTE", end(*second)),
                id("GT", &window.last),
                id("LTE", edge),
            ],
        ],
        Some(_) | None => vec![since(window.from)],
    };
    Search {
        filter_groups: groups.into_iter().map(|filters| FilterGroup { filters }).collect(),
        sorts: [Sort { property_name: "hs_object_id", direction: "ASCENDING" }],
        properties: [modified],
        limit: table.capability.hint_page_max.get(),
    }
}

/// Returns the last stamp that lies within a second.
fn end(second: Timestamp) -> Timestamp {
    second.checked_add(REST_OF_SECOND).unwrap_or(Timestamp::MAX)
}

/// Returns the beginning of the next second.
fn after(second: Timestamp) -> Timestamp {
    second.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX)
}

/// Returns whether ids rise from `last` on. If they did not, ids between would be missed.
fn ascend(last: &str, rows: &[Hint]) -> bool {
    let ids = rows.iter().map(|hint| hint.id.as_str());
    std::iter::once(last).chain(ids).is_sorted_by(|a, b| (a.len(), a) < (b.len(), b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(ids: &[&str]) -> Vec<Hint> {
        let hint = |id: &&str| {
            let id = RemoteId::from(*id);
            Hint { id: id.clone(), change: Change::Missing { id } }
        };
        ids.iter().map(hint).collect()
    }

    #[test]
    fn ids_rise_as_numbers() {
        assert!(ascend("0", &hints(&["9", "10", "100"])));
        assert!(ascend("10", &[]));
        assert!(!ascend("9", &hints(&["9"])));
        assert!(!ascend("0", &hints(&["100", "20"])));
    }
}
