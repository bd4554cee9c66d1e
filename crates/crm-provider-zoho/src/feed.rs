//! What changed: all records once, then what has a newer stamp; and what was deleted.
//!
//! Where a query tells all of a record, each page is a statement of its own that begins behind
//! the last row; of activities it does not, and their list is read, page by token. Where a feed
//! stands is [`position`]'s matter.

pub(crate) mod position;

use std::time::Duration;

use crm_core::mapping::Row;
use crm_core::round::{self, Round};
use crm_core::{Change, ChangePage, Cursor, Feed, ObjectKind, Operation, Remote, Result};
use crm_http::Request;
use jiff::{SignedDuration, Timestamp};

use crate::Zoho;
use crate::coql::{Filter, Literal, Select, moment};
use crate::error::unreadable;
use crate::read::Rows;
use crate::table::{ID, Listing, STAMP, Table};
use crate::wire::Deleted;
use position::{Ask, Changes, Deletions, GRANULARITY, Next, Seen, earlier};

/// The header that asks for what is newer.
const SINCE: &str = "if-modified-since";
/// How far back the first look at deletions goes: more than two clocks differ.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(24);
/// The most deletions of one page.
const DELETED_MAX: u16 = 200;

impl Zoho {
    /// Reads one page of a feed.
    pub(crate) async fn feed(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        match feed {
            Feed::Changes | Feed::Fresh => {
                // A cursor of somebody else is refused before anything is asked for.
                Round::<Changes>::read(after, self.tables(kind)?.len(), feed)?;
                self.ready(kind).await?;
                self.changed(&self.tables(kind)?, feed, after).await
            }
            Feed::Deletions => self.deleted(&self.tables(kind)?, after).await,
        }
    }

    async fn changed(
        &self,
        tables: &[Table],
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let mut round = Round::read(after, tables.len(), feed)?;
        let feed = round.feed(feed);
        let table = tables.get(round.at()).ok_or_else(round::unreadable)?;
        let mut position = round.position().map(|position: Changes| position.widened(feed));
        let times = times(table);
        let ask = Changes::ask(position.as_ref(), feed, times.0);
        let page = match self.changed_rows(table, ask).await {
            Err(error) if is_dead_token(&error) => {
                position = position.and_then(Changes::restarted);
                let ask = Changes::ask(position.as_ref(), feed, times.0);
                self.changed_rows(table, ask).await?
            }
            answer => answer?,
        };
        let seen = Seen { now: page.date, next: next(table, &page)? };
        let position = Changes::advance(position, feed, seen, times);
        let more = position.more();
        let more = round.advance(position, more);
        let changes = page.items.into_iter().map(Change::Observed).collect();
        Ok(ChangePage { changes, next: round.cursor()?, more })
    }

    async fn changed_rows(&self, table: &Table, ask: Ask) -> Result<Rows<Remote>> {
        let read = |row: &Row<'_>| table.remote(row);
        match table.listing() {
            Listing::Query => {
                let (filter, order_by) = conditions(ask)?;
                let mut columns = vec![ID];
                columns.extend(&table.columns);
                let limit = table.capability.page_max.get();
                let from = table.module();
                let select = Select { columns: &columns, from, filter, order_by, limit };
                self.query(table.reading(), Operation::Changes, &select, read).await
            }
            Listing::List => {
                let narrow = |request: Request| narrowed(request, &ask);
                self.listed(table, Operation::Changes, &table.columns, narrow, read).await
            }
        }
    }

    async fn deleted(&self, tables: &[Table], after: Option<&Cursor>) -> Result<ChangePage> {
        let mut round = Round::read(after, tables.len(), Feed::Deletions)?;
        let table = tables.get(round.at()).ok_or_else(round::unreadable)?;
        let times = times(table);
        let now = self.client.clock().now();
        let position: Option<Deletions> = round.position();
        let position = position.unwrap_or_else(|| Deletions::begin(earlier(now, FIRST_LOOK)));
        let (from, page) = position.ask(times.0);
        let path = self.path(&format!("{}/deleted", table.module()));
        let request = Request::get(Operation::Changes, path.as_str())
            .endpoint(format!("GET {path}"))
            .query("type", "all")
            .query("page", page)
            .query("per_page", DELETED_MAX)
            .header(SINCE, &after_header(from));
        let (date, list): (_, Deleted) = self.dated(table.reading(), request).await?;
        let position = position.advance(date, list.info.more_records, times);
        let more = position.more();
        let more = round.advance(position, more);
        let missing = |id: String| Change::Missing { id: table.our_id(&id) };
        let changes = list.data.into_iter().map(|row| missing(row.id)).collect();
        Ok(ChangePage { changes, next: round.cursor()?, more })
    }
}

fn times(table: &Table) -> (Duration, Duration) {
    (table.capability.overlap, table.capability.visibility_lag)
}

/// The header asks for what is newer than an instant; we mean that instant too.
fn after_header(from: Timestamp) -> String {
    moment(earlier(from, GRANULARITY))
}

/// Returns the conditions and the order of a query.
fn conditions(ask: Ask) -> Result<(Filter, &'static [&'static str])> {
    const WALK: &[&str] = &[ID];
    const POLL: &[&str] = &[STAMP, ID];
    Ok(match ask {
        // There must be a condition, and every record has an id.
        Ask::All(None) => (Filter::After(ID, Literal::text("0")), WALK),
        Ask::All(Some(Next::Behind(_, id))) => (Filter::After(ID, Literal::text(id)), WALK),
        Ask::Since(from) => (Filter::From(STAMP, Literal::Moment(from)), POLL),
        Ask::Rest(window) => {
            let Next::Behind(stamp, id) = &window.next else { return Err(round::unreadable()) };
            let end = Filter::UpTo(STAMP, Literal::Moment(window.now));
            (end.and(Filter::beyond(STAMP, ID, (*stamp, id))), POLL)
        }
        Ask::All(Some(Next::Token(_))) => return Err(round::unreadable()),
    })
}

/// Returns the request for a page of a list. By id: an edit while it is read does not move rows.
fn narrowed(request: Request, ask: &Ask) -> Request {
    let request = request.query("sort_by", ID).query("sort_order", "asc");
    let (from, next) = match ask {
        Ask::All(next) => (None, next.as_ref()),
        Ask::Since(from) => (Some(*from), None),
        Ask::Rest(window) => (Some(window.from), Some(&window.next)),
    };
    let request = match from {
        Some(from) => request.header(SINCE, &after_header(from)),
        None => request,
    };
    match next {
        Some(Next::Token(token)) => request.query("page_token", token),
        Some(Next::Behind(..)) | None => request,
    }
}

/// Returns where the page after this one begins.
fn next(table: &Table, page: &Rows<Remote>) -> Result<Option<Next>> {
    if !page.more {
        return Ok(None);
    }
    match table.listing() {
        Listing::List => {
            let token = page.token.clone();
            let token = token.ok_or_else(|| unreadable("a page names no next one"))?;
            Ok(Some(Next::Token(token)))
        }
        Listing::Query => {
            let Some(last) = page.items.last() else { return Ok(None) };
            let stamp = last.modified_at;
            let stamp = stamp.ok_or_else(|| unreadable("a row has no `Modified_Time`"))?;
            let id = table.own_id(last.id.as_str()).unwrap_or_default();
            Ok(Some(Next::Behind(stamp, id.to_owned())))
        }
    }
}

/// Returns whether a page was refused for its token: one works for a day, and for the very query
/// that it was given with.
fn is_dead_token(error: &crm_core::ProviderError) -> bool {
    error.code().is_some_and(|code| code == "INVALID_DATA" || code.contains("TOKEN_EXPIRED"))
        && error.status() == Some(400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_means_its_instant_too() {
        let from: Timestamp = "2026-05-14T08:36:18Z".parse().unwrap();
        assert_eq!(after_header(from), "2026-05-14T08:36:17+00:00");
    }
}
