//! What changed: all records once, then what has a newer stamp; and what was deleted or merged.
//!
//! Every page is a statement of its own that begins behind the last row, so a feed goes on from
//! its cursor whenever that is. Where a feed stands is [`position`]'s matter.

pub(crate) mod position;

use std::collections::BTreeSet;
use std::time::Duration;

use crm_core::mapping::Row;
use crm_core::round::{self, Round};
use crm_core::{Change, ChangePage, Cursor, Feed, ObjectKind, Operation, RemoteId, Result, normal};
use crm_http::{Failure, Reply, Request};
use jiff::Timestamp;

use crate::Salesforce;
use crate::error::Reading;
use crate::read::{Bin, Rows, is_id};
use crate::roles;
use crate::soql::{Filter, Literal, Place, Select};
use crate::table::{self, DELETED, MASTER, ROLE, Table};
use crate::wire::Deleted;
use position::{Ask, Changes, Deletions, DeletionsAsk, ID, STAMP, Seen};

/// The code for a log of deletions that has more lines than one answer may hold.
const TOO_MANY: &str = "EXCEEDED_ID_LIMIT";

/// Where one part of a change feed comes from.
enum Source<'t> {
    /// Records of an object type.
    Rows(&'t Table),
    /// The people of deals: a tie that comes or goes changes the deal, whose own stamp stays.
    Roles,
}

impl Source<'_> {
    fn of(tables: &[Table]) -> Vec<Source<'_>> {
        let mut sources: Vec<Source<'_>> = tables.iter().map(Source::Rows).collect();
        sources.extend(tables.iter().any(Table::has_roles).then_some(Source::Roles));
        sources
    }
}

impl Salesforce {
    /// Reads one page of a feed.
    pub(crate) async fn page(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        match feed {
            Feed::Changes | Feed::Fresh => {
                // A cursor of somebody else is refused before anything is asked for.
                let sources = Source::of(&self.tables(kind)?).len();
                Round::<Changes>::read(after, sources, feed)?;
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
        let sources = Source::of(tables);
        let mut round = Round::read(after, sources.len(), feed)?;
        let feed = round.feed(feed);
        let own = match feed {
            Feed::Fresh => self.own_user().await?,
            Feed::Changes | Feed::Deletions => None,
        };
        let position = round.position().map(|position: Changes| position.widened(feed));
        let first = round.parts.first().cloned().flatten();
        let capability = tables.first().map(|table| &table.capability);
        let (overlap, lag) = capability
            .map_or((Duration::ZERO, Duration::ZERO), |can| (can.overlap, can.visibility_lag));
        let (changes, seen, position) = match sources.get(round.at()) {
            Some(Source::Rows(table)) => {
                let ask = Changes::ask(position.as_ref(), feed, overlap, own.as_deref());
                let (changes, seen) = self.changed_rows(table, ask).await?;
                (changes, seen, position)
            }
            Some(Source::Roles) => {
                let position = position.or_else(|| Some(first?.begun()));
                let ask = Changes::ask(position.as_ref(), feed, overlap, own.as_deref());
                let (changes, seen) = self.changed_roles(ask).await?;
                (changes, seen, position)
            }
            None => return Err(round::unreadable()),
        };
        let position = Changes::advance(position, feed, &seen, lag);
        let more = position.more();
        let more = round.advance(position, more);
        Ok(ChangePage { changes, next: round.cursor()?, more })
    }

    async fn changed_rows(&self, table: &Table, ask: Ask) -> Result<(Vec<Change>, Seen)> {
        let mut columns = table.columns.clone();
        columns.extend(table.has_roles().then_some(roles::COLUMN));
        let select = table.select(&columns, table.own(ask.filter), ask.order_by);
        let read = |row: &Row<'_>| Ok((table.remote(row)?, table::place_of(row)?));
        let how = (table.reading(), Operation::Changes, Bin::Live);
        let people = |reply: &Reply| {
            if table.has_roles() { roles::on_page(reply) } else { Ok(roles::Known::new()) }
        };
        let (page, people) = self.query_whole(how, &select, read, people).await?;
        let seen = seen(&page);
        let remotes = page.items.into_iter().map(|(remote, _)| remote).collect();
        let remotes = self.with_people(table, Operation::Changes, remotes, people).await?;
        Ok((remotes.into_iter().map(Change::Observed).collect(), seen))
    }

    /// Reads which deals have got or lost people. Rows that were removed are read too.
    async fn changed_roles(&self, ask: Ask) -> Result<(Vec<Change>, Seen)> {
        let select = Select {
            fields: &[ID, STAMP, roles::DEAL],
            from: ROLE,
            filter: ask.filter,
            order_by: ask.order_by,
            limit: Some(roles::PAGE_MAX),
        };
        let read =
            |row: &Row<'_>| Ok((row.text(roles::DEAL).map(RemoteId::from), table::place_of(row)?));
        let reading = Reading::default();
        let page = self.query(reading, Operation::Changes, Bin::Included, &select, read).await?;
        let seen = seen(&page);
        let deals: BTreeSet<RemoteId> = page.items.into_iter().filter_map(|(id, _)| id).collect();
        let touched = |id| Change::Touched { id, version: None };
        Ok((deals.into_iter().map(touched).collect(), seen))
    }

    /// Returns the user on whose behalf we write. The answer with a token names it, so nothing
    /// is asked for; with a bare token it is not known.
    async fn own_user(&self) -> Result<Option<String>> {
        let identity = self.client.identity().await?;
        Ok(identity.as_deref().and_then(user_of).map(str::to_owned))
    }

    async fn deleted(&self, tables: &[Table], after: Option<&Cursor>) -> Result<ChangePage> {
        let mut round = Round::read(after, tables.len(), Feed::Deletions)?;
        let position: Option<Deletions> = round.position();
        let table = tables.get(round.at()).ok_or_else(round::unreadable)?;
        let overlap = table.capability.overlap;
        let (changes, position) = match Deletions::ask(position.as_ref(), overlap) {
            DeletionsAsk::Bin(filter) => self.bin(table, position, filter).await?,
            DeletionsAsk::Log { start, end } => {
                let Some(position) = position else {
                    return Err(round::unreadable());
                };
                self.log(table, position, start, end).await?
            }
        };
        let more = position.more();
        let more = round.advance(position, more);
        Ok(ChangePage { changes, next: round.cursor()?, more })
    }

    /// Reads a page of the recycle bin.
    async fn bin(
        &self,
        table: &Table,
        position: Option<Deletions>,
        filter: Option<Filter>,
    ) -> Result<(Vec<Change>, Deletions)> {
        let deleted = Filter::Is(DELETED, Literal::True);
        let filter = match filter {
            Some(filter) => Filter::All(vec![deleted, filter]),
            None => deleted,
        };
        let columns: &[&'static str] =
            if table.merges() { &[ID, STAMP, MASTER] } else { &[ID, STAMP] };
        let select = table.select(columns, Some(filter), &[STAMP, ID]);
        let read = |row: &Row<'_>| {
            let place = table::place_of(row)?;
            let change = match row.text(MASTER) {
                Some(winner) => {
                    Change::Merged { winner: winner.into(), losers: vec![place.id.as_str().into()] }
                }
                None => Change::Missing { id: place.id.as_str().into() },
            };
            Ok((change, place))
        };
        let reading = table.reading();
        let page = self.query(reading, Operation::Changes, Bin::Included, &select, read).await?;
        let seen = seen(&page);
        let position = Deletions::after_bin(position, &seen, table.capability.visibility_lag);
        Ok((page.items.into_iter().map(|(change, _)| change).collect(), position))
    }

    /// Reads the log of deletions, which still knows what has left the recycle bin.
    async fn log(
        &self,
        table: &Table,
        position: Deletions,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<(Vec<Change>, Deletions)> {
        if position.log_has_gap() {
            tracing::warn!(
                object = table.object,
                "the log of deletions does not reach back to the last sync; deletions before \
                 {start} show only when the records are read"
            );
        }
        let path = format!("/sobjects/{}/deleted", table.object);
        let request = Request::get(Operation::Changes, self.path(&path).await?)
            .endpoint(format!("GET {path}"))
            .query("start", format!("{start:.0}"))
            .query("end", format!("{end:.0}"));
        let classify = |failure: &Failure<'_>| table.reading().classify(failure);
        let answer = self.client.fetch(request, &classify, |reply: &Reply| reply.json::<Deleted>());
        let log = match answer.await {
            Ok(log) => log,
            Err(error) if error.code() == Some(TOO_MANY) => {
                return Ok((Vec::new(), position.halve_log(table.capability.overlap)));
            }
            Err(error) => return Err(error),
        };
        let covered = log.latest_date_covered.as_deref().and_then(normal::instant);
        let earliest = log.earliest_date_available.as_deref().and_then(normal::instant);
        if earliest.is_some_and(|earliest| earliest > start) {
            tracing::warn!(object = table.object, "the log of deletions was shortened");
        }
        let missing = log.records.into_iter();
        let changes = missing.map(|record| Change::Missing { id: record.id.into() }).collect();
        Ok((changes, position.after_log(covered)))
    }
}

/// Returns the user at the end of an address that names org and user.
fn user_of(identity: &str) -> Option<&str> {
    let (_, user) = identity.rsplit_once('/')?;
    is_id(user).then_some(user)
}

fn seen<T>(page: &Rows<(T, Place)>) -> Seen {
    let last = page.items.last().map(|(_, place)| place.clone());
    Seen { now: page.date, last, more: page.more }
}
