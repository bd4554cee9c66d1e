//! Reads: by id, by key, and the pages that everything else is made of.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crm_core::mapping::Row;
use crm_core::{Lookup, MatchKey, ObjectKind, Operation, ProviderError, Remote, RemoteId, Result};
use crm_http::{Effect, Failure, Reply, Request, chunk};
use http::StatusCode;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::Zoho;
use crate::coql::{self, Filter, Literal, Select};
use crate::error::{Reading, UNCHANGED};
use crate::table::{self, ID, Listing, Table};
use crate::wire::{Bin, Page, Question};

/// How many calls are under way at once at most; the connection's own bound may be less.
pub(crate) const CONCURRENCY: usize = 4;
/// The most ids of one read; also the most rows of a page of a list.
const PAGE_MAX: usize = 200;
const BIN_MAX: usize = 100;
const EMAIL: &str = "Email";
const WEBSITE: &str = "Website";

/// A page, each row as its reader made it.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    /// The provider's time, as the answer's header tells it.
    pub(crate) date: Timestamp,
    pub(crate) items: Vec<T>,
    /// Whether there are more.
    pub(crate) more: bool,
    /// What the next page of a list is asked for with.
    pub(crate) token: Option<String>,
}

impl Zoho {
    /// Sends a request whose answer may be empty (no content) or none at all (not modified).
    pub(crate) async fn dated<T: DeserializeOwned + Default + Send>(
        &self,
        reading: Reading<'_>,
        request: Request,
    ) -> Result<(Timestamp, T)> {
        let unchanged_at = Mutex::new(None);
        let classify = |failure: &Failure<'_>| {
            *unchanged_at.lock().unwrap_or_else(PoisonError::into_inner) = failure.date();
            reading.classify(failure)
        };
        let read = |reply: &Reply| {
            let date = reply.date();
            let date = date.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let empty = reply.status() == StatusCode::NO_CONTENT;
            Ok((date, if empty { T::default() } else { reply.json()? }))
        };
        match self.client.fetch(request, &classify, read).await {
            Err(error) if error.code() == Some(UNCHANGED) => {
                let date = unchanged_at.into_inner().unwrap_or_else(PoisonError::into_inner);
                date.map(|date| (date, T::default())).ok_or(error)
            }
            answer => answer,
        }
    }

    async fn page<T>(
        &self,
        reading: Reading<'_>,
        request: Request,
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Rows<T>> {
        let (date, page): (_, Page) = self.dated(reading, request).await?;
        let items = page.rows().map(|row| read(&row)).collect::<Result<_>>()?;
        let (more, token) = (page.info.more_records, page.info.next_page_token);
        Ok(Rows { date, items, more, token })
    }

    /// Reads one page of a query. What is beyond it is asked for by another statement.
    pub(crate) async fn query<T>(
        &self,
        reading: Reading<'_>,
        operation: Operation,
        select: &Select<'_>,
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Rows<T>> {
        let path = self.path("coql");
        let request = Request::post(operation, path.as_str())
            .endpoint(format!("POST {path}"))
            .effect(Effect::Read)
            .cost(coql::cost(select.limit))
            .json(&Question { select_query: select.to_string() });
        self.page(reading, request, read).await
    }

    /// Reads one page of the list of a module; more is added to the request by the caller.
    pub(crate) async fn listed<T>(
        &self,
        table: &Table,
        operation: Operation,
        columns: &[&'static str],
        narrow: impl FnOnce(Request) -> Request,
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Rows<T>> {
        let path = self.path(table.module());
        let request = Request::get(operation, path.as_str())
            .endpoint(format!("GET {path}"))
            .query("fields", columns.join(","))
            .query("per_page", PAGE_MAX);
        self.page(table.reading(), narrow(request), read).await
    }

    /// Reads columns of records by the vendor's ids.
    pub(crate) async fn by_ids<T>(
        &self,
        table: &Table,
        operation: Operation,
        ids: &[&str],
        columns: &[&'static str],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let narrow = |request: Request| request.query("ids", ids.join(","));
        Ok(self.listed(table, operation, columns, narrow, read).await?.items)
    }

    /// Answers for each id: from a read by id, and for what that does not show from the recycle
    /// bin. What neither knows is gone: purged, or merged into another, which Zoho does not tell.
    pub(crate) async fn lookups(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        if !ids.is_empty() {
            self.ready(kind).await?;
        }
        let mut answers: BTreeMap<RemoteId, Lookup> = BTreeMap::new();
        let mut absent: Vec<(RemoteId, String)> = Vec::new();
        for table in &self.tables(kind)? {
            let own = distinct(ids.iter().filter_map(|id| table.own_id(id.as_str())));
            let max = usize::from(table.capability.read_max.get());
            let read = |ids| async move {
                let read = |row: &Row<'_>| table.remote(row);
                self.by_ids(table, Operation::Get, ids, &table.columns, read).await
            };
            for remote in chunk::read(&own, max, CONCURRENCY, read).await? {
                answers.insert(remote.id.clone(), Lookup::Found(remote));
            }
            let ours = own.iter().map(|id| (table.our_id(id), (*id).to_owned()));
            absent.extend(ours.filter(|(id, _)| !answers.contains_key(id)));
        }
        let asked: Vec<&str> = absent.iter().map(|(_, id)| id.as_str()).collect();
        let binned = chunk::read(&asked, BIN_MAX, CONCURRENCY, |ids| self.binned(ids)).await?;
        let in_bin = absent.into_iter().filter(|(_, id)| binned.contains(id));
        answers.extend(in_bin.map(|(id, _)| (id, Lookup::Archived)));
        let answer = |id: &RemoteId| answers.get(id).cloned().unwrap_or(Lookup::Gone);
        Ok(ids.iter().map(answer).collect())
    }

    /// Returns which of the ids lie in the recycle bin.
    async fn binned(&self, ids: &[&str]) -> Result<Vec<String>> {
        let path = self.path("settings/recycle_bin");
        let request = Request::get(Operation::Get, path.as_str())
            .endpoint(format!("GET {path}"))
            .query("ids", ids.join(","));
        let (_, bin): (_, Bin) = self.dated(Reading::default(), request).await?;
        Ok(bin.recycle_bin.into_iter().map(|row| row.id).collect())
    }

    /// Finds live records by our uid, by e-mail address or by web domain.
    pub(crate) async fn matches(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        if !keys.is_empty() {
            self.ready(kind).await?;
        }
        let mut found: BTreeMap<RemoteId, Remote> = BTreeMap::new();
        for table in &self.tables(kind)? {
            let lists = lists(table, keys)?;
            let each = |lists| self.each(table, lists);
            for remote in chunk::read(&lists, 1, CONCURRENCY, each).await? {
                found.insert(remote.id.clone(), remote);
            }
        }
        Ok(found.into_values().collect())
    }

    /// Reads all live records that have any of the values; where a query does not tell all of
    /// them, by id.
    async fn each(
        &self,
        table: &Table,
        lists: &[(&'static str, Vec<String>)],
    ) -> Result<Vec<Remote>> {
        let mut remotes: Vec<Remote> = Vec::new();
        let mut ids: Vec<String> = Vec::new();
        let mut columns = vec![ID];
        columns.extend(&table.columns);
        for (column, values) in lists {
            let values = values.iter().map(Literal::text).collect();
            let filter = Filter::OneOf(column, values);
            match table.listing() {
                Listing::Query => {
                    let read = |row: &Row<'_>| table.remote(row);
                    remotes.extend(self.all(table, &filter, &columns, read).await?);
                }
                Listing::List => {
                    let read = |row: &Row<'_>| Ok(table::id_of(row)?.to_owned());
                    ids.extend(self.all(table, &filter, &[ID], read).await?);
                }
            }
        }
        let ids = distinct(ids.iter().map(String::as_str));
        let max = usize::from(table.capability.read_max.get());
        let read = |ids| async move {
            let read = |row: &Row<'_>| table.remote(row);
            self.by_ids(table, Operation::Find, ids, &table.columns, read).await
        };
        remotes.extend(chunk::read(&ids, max, CONCURRENCY, read).await?);
        Ok(remotes)
    }

    /// Reads all rows that fulfil a condition, in the order of ids.
    async fn all<T>(
        &self,
        table: &Table,
        filter: &Filter,
        columns: &[&'static str],
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        const LIMIT: u16 = 200;
        let mut items: Vec<T> = Vec::new();
        let mut after: Option<Filter> = None;
        loop {
            let filter = filter.clone();
            let select = Select {
                columns,
                from: table.module(),
                filter: match after {
                    Some(after) => filter.and(after),
                    None => filter,
                },
                order_by: &[ID],
                limit: LIMIT,
            };
            let read = |row: &Row<'_>| Ok((table::id_of(row)?.to_owned(), read(row)?));
            let page = self.query(table.reading(), Operation::Find, &select, read).await?;
            after = page.items.last().map(|(id, _)| Filter::After(ID, Literal::text(id)));
            items.extend(page.items.into_iter().map(|(_, item)| item));
            if after.is_none() || !page.more {
                return Ok(items);
            }
        }
    }
}

/// Returns the values that records may have in a column to carry any of the keys, as long as a
/// query takes them.
fn lists(table: &Table, keys: &[MatchKey]) -> Result<Vec<(&'static str, Vec<String>)>> {
    let (mut uids, mut emails, mut sites) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key {
            MatchKey::Uid(uid) => uids.push(uid.as_str().to_owned()),
            MatchKey::Email(email) if table.kind() == ObjectKind::Contact => {
                emails.push(email.to_string());
            }
            MatchKey::Domain(domain) if table.kind() == ObjectKind::Company => {
                sites.extend(crm_core::normal::sites(domain));
            }
            MatchKey::Email(_)
            | MatchKey::Phone { .. }
            | MatchKey::Domain(_)
            | MatchKey::Name { .. } => {
                return Err(ProviderError::unsupported("looking records up by this key"));
            }
        }
    }
    let mut lists = Vec::new();
    for (values, column) in [(uids, table.uid), (emails, Some(EMAIL)), (sites, Some(WEBSITE))] {
        // Without our field no record carries a uid.
        let Some(column) = column else { continue };
        let values = distinct(values.iter().map(String::as_str));
        let each = values.chunks(coql::LIST_MAX);
        lists.extend(each.map(|list| (column, list.iter().map(|v| (*v).to_owned()).collect())));
    }
    Ok(lists)
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut values: Vec<&str> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}
