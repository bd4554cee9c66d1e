//! What changed: all records once, then what has a newer stamp; and what was deleted or merged.
//!
//! Every page is a statement of its own that begins behind the last row, so a feed goes on from
//! its cursor whenever that is. Where a feed stands is [`position`]'s matter.

pub(crate) mod position;

use crm_core::mapping::Row;
use crm_core::{Change, ChangePage, Cursor, Feed, Operation, Remote, Result, normal};
use crm_http::{Failure, Reply, Request};
use jiff::Timestamp;

use crate::Salesforce;
use crate::read::{Bin, Rows, is_id};
use crate::soql::{Filter, Literal, Place};
use crate::table::{self, DELETED, MASTER, Table};
use crate::wire::Deleted;
use position::{Changes, Deletions, DeletionsAsk, ID, STAMP, Seen};

/// The code for a log of deletions that has more lines than one answer may hold.
const TOO_MANY: &str = "EXCEEDED_ID_LIMIT";

impl Salesforce {
    /// Reads one page of a feed.
    pub(crate) async fn page(
        &self,
        table: &Table,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        match feed {
            Feed::Changes | Feed::Fresh => self.changed(table, feed, after).await,
            Feed::Deletions => self.deleted(table, Deletions::read(after)?).await,
        }
    }

    async fn changed(
        &self,
        table: &Table,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let position = Changes::read(after, feed)?;
        let own = match feed {
            Feed::Fresh => self.own_user().await?,
            Feed::Changes | Feed::Deletions => None,
        };
        let overlap = table.capability.overlap;
        let ask = Changes::ask(position.as_ref(), feed, overlap, own.as_deref());
        let select = table.select(&table.columns, ask.filter, ask.order_by);
        let read = |row: &Row<'_>| Ok((table.remote(row)?, table::place_of(row)?));
        let page = self.query(table, Operation::Changes, Bin::Live, &select, read).await?;
        let seen = seen(&page);
        let lag = table.capability.visibility_lag;
        let position = Changes::advance(position, feed, &seen, lag);
        let observed = |(remote, _): (Remote, Place)| Change::Observed(remote);
        Ok(ChangePage {
            changes: page.items.into_iter().map(observed).collect(),
            next: position.cursor()?,
            more: position.more(),
        })
    }

    /// Returns the user on whose behalf we write. The answer with a token names it, so nothing
    /// is asked for; with a bare token it is not known.
    async fn own_user(&self) -> Result<Option<String>> {
        let identity = self.client.identity().await?;
        Ok(identity.as_deref().and_then(user_of).map(str::to_owned))
    }

    async fn deleted(&self, table: &Table, position: Option<Deletions>) -> Result<ChangePage> {
        let overlap = table.capability.overlap;
        let (changes, position) = match Deletions::ask(position.as_ref(), overlap) {
            DeletionsAsk::Bin(filter) => self.bin(table, position, filter).await?,
            DeletionsAsk::Log { start, end } => {
                let Some(position) = position else {
                    return Err(position::unreadable());
                };
                self.log(table, position, start, end).await?
            }
        };
        Ok(ChangePage { changes, next: position.cursor()?, more: position.more() })
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
        let columns = [ID, STAMP, MASTER];
        let select = table.select(&columns, Some(filter), &[STAMP, ID]);
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
        let page = self.query(table, Operation::Changes, Bin::Included, &select, read).await?;
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
                object = table.object(),
                "the log of deletions does not reach back to the last sync; deletions before \
                 {start} show only when the records are read"
            );
        }
        let path = format!("/sobjects/{}/deleted", table.object());
        let request = Request::get(Operation::Changes, self.path(&path).await?)
            .endpoint(format!("GET {path}"))
            .query("start", format!("{start:.0}"))
            .query("end", format!("{end:.0}"));
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
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
            tracing::warn!(object = table.object(), "the log of deletions was shortened");
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
