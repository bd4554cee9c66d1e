//! Reads: pages of the feeds, records by id, records by key.

use std::collections::BTreeMap;

use crm_core::mapping::{Row, Scalar};
use crm_core::{
    Change, ChangePage, Cursor, ErrorKind, Feed, Lookup, MatchKey, Operation, ProviderError,
    Remote, RemoteId, Result, normal,
};
use crm_http::{Effect, Failure, Reply, Request, chunk};
use jiff::Timestamp;

use crate::Salesforce;
use crate::feed::{Changes, Deletions, DeletionsAsk, ID, STAMP, Seen};
use crate::soql::{Filter, Literal, Select, lists};
use crate::table::{Table, place};
use crate::wire::{Deleted, Query, Retrieve};

/// How many calls are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;
const IS_DELETED: &str = "IsDeleted";
const MASTER: &str = "MasterRecordId";

/// Which rows a query sees.
#[derive(Clone, Copy, Debug)]
enum Scope {
    Live,
    All,
}

/// Rows of a query, read.
struct Rows<T> {
    rows: Vec<T>,
    seen: Seen,
}

impl Salesforce {
    /// Reads one page of what changed.
    pub(crate) async fn changed(
        &self,
        table: &Table,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let position = Changes::read(after, feed)?;
        let ask = Changes::ask(position.as_ref(), feed, table.capability.overlap);
        let select = Select {
            fields: &table.columns,
            from: table.mapping().remote,
            filter: ask.filter,
            order_by: ask.order_by,
            limit: Some(table.capability.page_max.get()),
        };
        let page = self
            .query(table, Operation::Changes, Scope::Live, &select, |row| table.remote(row))
            .await?;
        let lag = table.capability.visibility_lag;
        let position = Changes::advance(position, feed, &page.seen, lag);
        let changes = page.rows.into_iter().map(Change::Observed).collect();
        Ok(ChangePage { changes, next: position.cursor()?, more: position.more() })
    }

    /// Reads one page of what was deleted or merged away.
    pub(crate) async fn deleted(
        &self,
        table: &Table,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let position = Deletions::read(after)?;
        let overlap = table.capability.overlap;
        let (changes, position) = match Deletions::ask(position.as_ref(), overlap) {
            DeletionsAsk::Bin(filter) => {
                let page = self.bin(table, filter).await?;
                let lag = table.capability.visibility_lag;
                (page.rows, Deletions::after_bin(position, &page.seen, lag))
            }
            DeletionsAsk::Log { start, end } => {
                let Some(position) = position else { return Err(lost_cursor()) };
                if position.log_has_gap() {
                    tracing::warn!("the log of deletions no longer reaches back to the last read");
                }
                match self.log(table, start, end).await? {
                    Some((changes, covered)) => (changes, position.after_log(covered)),
                    None => (Vec::new(), position.halve_log(overlap)),
                }
            }
        };
        Ok(ChangePage { changes, next: position.cursor()?, more: position.more() })
    }

    async fn bin(&self, table: &Table, filter: Option<Filter>) -> Result<Rows<Change>> {
        let deleted = Filter::Is(IS_DELETED, Literal::True);
        let select = Select {
            fields: &[ID, STAMP, MASTER],
            from: table.mapping().remote,
            filter: Some(match filter {
                Some(filter) => Filter::All(vec![deleted, filter]),
                None => deleted,
            }),
            order_by: &[STAMP, ID],
            limit: Some(table.capability.page_max.get()),
        };
        let read = |row: &Row<'_>| {
            let id = RemoteId::from(row.text(ID)?);
            Some(match row.text(MASTER) {
                Some(winner) => Change::Merged { winner: winner.into(), losers: vec![id] },
                None => Change::Missing { id },
            })
        };
        self.query(table, Operation::Changes, Scope::All, &select, read).await
    }

    /// Reads the log of deletions; `None` if it is too long for one answer.
    async fn log(
        &self,
        table: &Table,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Option<(Vec<Change>, Option<Timestamp>)>> {
        let path = format!("/sobjects/{}/deleted", table.mapping().remote);
        let request = self
            .get_request(Operation::Changes, &path)
            .query("start", format!("{start:.0}"))
            .query("end", format!("{end:.0}"));
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let log: Deleted = reply.json()?;
            let missing =
                log.deleted_records.into_iter().map(|r| Change::Missing { id: r.id.into() });
            let covered = log.latest_date_covered.as_deref().and_then(normal::instant);
            Ok((missing.collect(), covered))
        };
        match self.client.fetch(request, &classify, read).await {
            Ok(log) => Ok(Some(log)),
            Err(error) if error.code() == Some("EXCEEDED_ID_LIMIT") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Answers for each id. What no live record answers for is looked up among the deleted ones,
    /// which tell a merge from a delete; what is not there either is gone.
    pub(crate) async fn lookups(&self, table: &Table, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        let mut distinct: Vec<&str> = ids.iter().map(RemoteId::as_str).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let max = usize::from(table.capability.read_max.get());
        let live =
            chunk::read(&distinct, max, CONCURRENCY, |ids| self.retrieve(table, ids)).await?;
        let mut answers: BTreeMap<RemoteId, Lookup> =
            live.into_iter().map(|remote| (remote.id.clone(), Lookup::Found(remote))).collect();
        let absent = distinct.iter().filter(|id| !answers.contains_key(&RemoteId::from(**id)));
        let absent: Vec<Literal> = absent.map(|id| Literal::text(*id)).collect();
        for list in lists(absent) {
            answers.extend(self.discarded(table, list).await?);
        }
        Ok(ids.iter().map(|id| answers.get(id).cloned().unwrap_or(Lookup::Gone)).collect())
    }

    async fn retrieve(&self, table: &Table, ids: &[&str]) -> Result<Vec<Remote>> {
        let path = format!("/composite/sobjects/{}", table.mapping().remote);
        let request = Request::post(Operation::Get, self.path(&path))
            .endpoint(format!("POST {path} (read)"))
            .effect(Effect::Read)
            .json(&Retrieve { ids, fields: &table.columns });
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let rows: Vec<Option<Row<'_>>> = reply.json()?;
            Ok(rows.iter().flatten().filter_map(|row| table.remote(row)).collect())
        };
        self.client.fetch(request, &classify, read).await
    }

    async fn discarded(&self, table: &Table, ids: Vec<Literal>) -> Result<Vec<(RemoteId, Lookup)>> {
        let select = Select {
            fields: &[ID, IS_DELETED, MASTER],
            from: table.mapping().remote,
            filter: Some(Filter::OneOf(ID, ids)),
            order_by: &[],
            limit: None,
        };
        let read = |row: &Row<'_>| {
            let id = RemoteId::from(row.text(ID)?);
            let deleted = row.get(IS_DELETED) == Some(&Scalar::Bool(true));
            Some(match row.text(MASTER) {
                Some(master) => (id, Lookup::MergedInto(master.into())),
                None if deleted => (id, Lookup::Archived),
                // It came back between the two reads: the next look finds it.
                None => (id, Lookup::Archived),
            })
        };
        Ok(self.query(table, Operation::Get, Scope::All, &select, read).await?.rows)
    }

    /// Finds live records by our uid or by e-mail address.
    pub(crate) async fn matches(&self, table: &Table, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        let (mut uids, mut emails) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                MatchKey::Uid(uid) => uids.push(Literal::text(uid.as_str())),
                MatchKey::Email(email) => emails.push(Literal::text(&**email)),
                MatchKey::Phone { .. } | MatchKey::Domain(_) => {
                    return Err(ProviderError::unsupported("a look-up by phone or domain"));
                }
            }
        }
        let uid = table.mapping().uid.unwrap_or(ID);
        let mut found = BTreeMap::new();
        for (values, column) in [(uids, uid), (emails, "Email")] {
            for list in lists(values) {
                let select = Select {
                    fields: &table.columns,
                    from: table.mapping().remote,
                    filter: Some(Filter::OneOf(column, list)),
                    order_by: &[],
                    limit: None,
                };
                let read = |row: &Row<'_>| table.remote(row);
                let page = self.query(table, Operation::Find, Scope::Live, &select, read).await?;
                found.extend(page.rows.into_iter().map(|remote| (remote.id.clone(), remote)));
            }
        }
        Ok(found.into_values().collect())
    }

    async fn query<T: Send + Sync>(
        &self,
        table: &Table,
        operation: Operation,
        scope: Scope,
        select: &Select<'_>,
        read: impl Fn(&Row<'_>) -> Option<T> + Sync,
    ) -> Result<Rows<T>> {
        let path = match scope {
            Scope::Live => "/query",
            Scope::All => "/queryAll",
        };
        let request = self
            .get_request(operation, path)
            .endpoint(format!("GET {path} {}", select.from))
            .query("q", select);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let limit = select.limit.map(usize::from);
        let read = |reply: &Reply| {
            let answer: Query<'_> = reply.json()?;
            let now = reply.date();
            let now = now.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            // Wide rows make smaller pages; the next one begins behind the last row all the same.
            let more = !answer.done || Some(answer.records.len()) == limit;
            let last = answer.records.last().and_then(place);
            let rows = answer.records.iter().filter_map(&read).collect();
            Ok(Rows { rows, seen: Seen { now, last, more } })
        };
        self.client.fetch(request, &classify, read).await
    }
}

fn lost_cursor() -> ProviderError {
    ProviderError::new(ErrorKind::Permanent, "the saved place in the feed is not complete")
}
