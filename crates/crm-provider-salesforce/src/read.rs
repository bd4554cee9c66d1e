//! Reads: by id, by key, and the pages of queries that everything else is made of.

use std::collections::BTreeMap;

use crm_core::mapping::Row;
use crm_core::{
    Lookup, MatchKey, ObjectKind, Operation, ProviderError, Remote, RemoteId, Result, normal,
};
use crm_http::{Effect, Failure, Reply, Request, chunk};
use jiff::Timestamp;

use crate::Salesforce;
use crate::error::Reading;
use crate::feed::position::ID;
use crate::roles::Known;
use crate::soql::{self, Filter, Literal, Select};
use crate::table::{self, DELETED, MASTER, Table};
use crate::wire::{Page, Retrieve};

/// How many calls are under way at once; the pacer decides how fast they go.
pub(crate) const CONCURRENCY: usize = 4;
const EMAIL: &str = "Email";
const WEBSITE: &str = "Website";

/// Which records a query sees.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bin {
    /// Live records.
    Live,
    /// Also those in the recycle bin.
    Included,
}

impl Bin {
    const fn path(self) -> &'static str {
        match self {
            Self::Live => "/query",
            Self::Included => "/queryAll",
        }
    }
}

/// A page of a query, each row as its reader made it.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    /// The provider's time, as the answer's header tells it.
    pub(crate) date: Timestamp,
    pub(crate) items: Vec<T>,
    /// Whether the condition has more rows.
    pub(crate) more: bool,
}

impl Salesforce {
    /// Reads one page of a query. What is beyond it is asked for by another statement, never by
    /// the vendor's cursor, which dies.
    pub(crate) async fn query<T: Send>(
        &self,
        reading: Reading<'_>,
        operation: Operation,
        bin: Bin,
        select: &Select<'_>,
        read: impl Fn(&Row<'_>) -> Result<T> + Send + Sync,
    ) -> Result<Rows<T>> {
        let whole = |_: &Reply| Ok(());
        let page = self.query_whole((reading, operation, bin), select, read, whole);
        Ok(page.await?.0)
    }

    /// Does the same, and reads something more from the answer as a whole.
    pub(crate) async fn query_whole<T: Send, W: Send>(
        &self,
        (reading, operation, bin): (Reading<'_>, Operation, Bin),
        select: &Select<'_>,
        read: impl Fn(&Row<'_>) -> Result<T> + Send + Sync,
        whole: impl Fn(&Reply) -> Result<W> + Send + Sync,
    ) -> Result<(Rows<T>, W)> {
        let request = Request::get(operation, self.path(bin.path()).await?)
            .endpoint(format!("GET {} {}", bin.path(), select.from))
            .query("q", select);
        let classify = |failure: &Failure<'_>| reading.classify(failure);
        let limit = select.limit.map_or(usize::MAX, usize::from);
        let read = |reply: &Reply| {
            let date = reply.date();
            let date = date.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let page: Page<'_> = reply.json()?;
            let more = !page.done || page.records.len() >= limit;
            let items = page.records.iter().map(&read).collect::<Result<_>>()?;
            Ok((Rows { date, items, more }, whole(reply)?))
        };
        self.client.fetch(request, &classify, read).await
    }

    /// Reads all rows that fulfil a condition, in the order of ids.
    pub(crate) async fn all<T: Send>(
        &self,
        (reading, operation): (Reading<'_>, Operation),
        select: &Select<'_>,
        read: impl Fn(&Row<'_>) -> Result<T> + Send + Sync,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut next = Select { order_by: &[ID], ..select.clone() };
        loop {
            let read = |row: &Row<'_>| Ok((table::id_of(row)?.to_owned(), read(row)?));
            let page = self.query(reading, operation, Bin::Live, &next, read).await?;
            let last = page.items.last().map(|(id, _)| id.clone());
            items.extend(page.items.into_iter().map(|(_, item)| item));
            let (Some(last), true) = (last, page.more) else { return Ok(items) };
            let after = Filter::After(ID, Literal::text(last));
            next.filter = Some(match &select.filter {
                Some(filter) => Filter::All(vec![filter.clone(), after]),
                None => after,
            });
        }
    }

    /// Answers for each id: from a read by id, and for what that does not show from a query that
    /// sees the recycle bin too. An id that neither knows is gone.
    pub(crate) async fn lookups(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        let asked = distinct(ids.iter().map(RemoteId::as_str).filter(|id| is_id(id)));
        let mut answers: BTreeMap<&str, Lookup> = BTreeMap::new();
        if !asked.is_empty() {
            self.version().await?;
            self.ready(kind).await?;
        }
        for table in &self.tables(kind)? {
            let asked: Vec<&str> = asked.iter().copied().filter(|id| table.has(id)).collect();
            self.look_up(table, &asked, &mut answers).await?;
        }
        let answer = |id: &RemoteId| answers.get(id.as_str()).cloned().unwrap_or(Lookup::Gone);
        Ok(ids.iter().map(answer).collect())
    }

    /// Adds the answers for ids of one type.
    async fn look_up<'a>(
        &self,
        table: &Table,
        asked: &[&'a str],
        answers: &mut BTreeMap<&'a str, Lookup>,
    ) -> Result<()> {
        let max = usize::from(table.capability.read_max.get());
        let found = chunk::read(asked, max, CONCURRENCY, |ids| self.retrieve(table, ids)).await?;
        let live = asked.iter().zip(found);
        let live = live.filter_map(|(id, remote)| Some((*id, remote?)));
        let (ids, remotes): (Vec<&str>, Vec<Remote>) = live.unzip();
        let none = Known::new();
        let remotes = self.with_people(table, Operation::Get, remotes, none).await?;
        answers.extend(ids.into_iter().zip(remotes.into_iter().map(Lookup::Found)));
        let absent: Vec<&str> =
            asked.iter().copied().filter(|id| !answers.contains_key(id)).collect();
        let discarded =
            chunk::read(&absent, soql::LIST_MAX, CONCURRENCY, |ids| self.discarded(table, ids));
        let discarded = discarded.await?;
        for id in absent {
            let found = discarded.iter().find(|(known, _)| same_id(known, id));
            answers.extend(found.map(|(_, lookup)| (id, lookup.clone())));
        }
        Ok(())
    }

    /// Reads records by id; the answer has one element per id, in order.
    async fn retrieve(&self, table: &Table, ids: &[&str]) -> Result<Vec<Option<Remote>>> {
        let read = |row: &Row<'_>| table.remote(row);
        self.rows(table, Operation::Get, ids, &table.columns, read).await
    }

    /// Reads columns of records by id; the answer has one element per id, in order.
    pub(crate) async fn rows<T: Send>(
        &self,
        table: &Table,
        operation: Operation,
        ids: &[&str],
        fields: &[&'static str],
        read: impl Fn(&Row<'_>) -> Result<T> + Send + Sync,
    ) -> Result<Vec<Option<T>>> {
        let path = format!("/composite/sobjects/{}", table.object);
        let request = Request::post(operation, self.path(&path).await?)
            .endpoint(format!("POST {path}"))
            .effect(Effect::Read)
            .json(&Retrieve { ids, fields });
        let classify = |failure: &Failure<'_>| table.reading().classify(failure);
        let read = |reply: &Reply| {
            let rows: Vec<Option<Row<'_>>> = reply.json()?;
            if rows.len() != ids.len() {
                return Err(reply.malformed("the answer has not one element for each id"));
            }
            rows.iter().map(|row| row.as_ref().map(&read).transpose()).collect()
        };
        self.client.fetch(request, &classify, read).await
    }

    /// Looks for ids in the recycle bin and among the merged.
    async fn discarded(&self, table: &Table, ids: &[&str]) -> Result<Vec<(RemoteId, Lookup)>> {
        let mut columns = table.columns.clone();
        columns.push(DELETED);
        columns.extend(table.merges().then_some(MASTER));
        let ids = ids.iter().copied().map(Literal::text).collect();
        let select = table.select(&columns, Some(Filter::OneOf(ID, ids)), &[]);
        let read = |row: &Row<'_>| {
            let deleted = row.get(DELETED) == Some(&crm_core::mapping::Scalar::Bool(true));
            let lookup = match (deleted, row.text(MASTER)) {
                // Somebody restored it between the two reads, or it is archived: old tasks and
                // events are.
                (false, _) => Lookup::Found(table.remote(row)?),
                (true, Some(winner)) => Lookup::MergedInto(winner.into()),
                (true, None) => Lookup::Archived,
            };
            Ok((RemoteId::from(table::id_of(row)?), lookup))
        };
        let reading = table.reading();
        Ok(self.query(reading, Operation::Get, Bin::Included, &select, read).await?.items)
    }

    /// Finds live records by our uid, by e-mail address or by web domain.
    pub(crate) async fn matches(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        if !keys.is_empty() {
            self.version().await?;
            self.ready(kind).await?;
        }
        let mut found = Vec::new();
        for table in &self.tables(kind)? {
            let filters = filters(table, keys)?;
            let each = |filters| self.each(table, filters);
            found.extend(chunk::read(&filters, 1, CONCURRENCY, each).await?);
        }
        let found = found.into_iter().map(|remote| (remote.id.clone(), remote));
        Ok(found.collect::<BTreeMap<_, _>>().into_values().collect())
    }

    /// Reads all live records that fulfil any of the conditions, in the order of ids.
    async fn each(&self, table: &Table, filters: &[Filter]) -> Result<Vec<Remote>> {
        let mut remotes: Vec<Remote> = Vec::new();
        for filter in filters {
            let select = table.select(&table.columns, Some(filter.clone()), &[]);
            let how = (table.reading(), Operation::Find);
            remotes.extend(self.all(how, &select, |row| table.remote(row)).await?);
        }
        self.with_people(table, Operation::Find, remotes, Known::new()).await
    }
}

/// Returns the conditions under which records carry any of the keys.
fn filters(table: &Table, keys: &[MatchKey]) -> Result<Vec<Filter>> {
    let (mut uids, mut emails, mut sites) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key {
            MatchKey::Uid(uid) => uids.push(uid.as_str().to_owned()),
            MatchKey::Email(email) if table.kind() == ObjectKind::Contact => {
                emails.extend(is_storable(email).then(|| email.to_string()));
            }
            MatchKey::Domain(domain) if table.kind() == ObjectKind::Company => {
                sites.extend(normal::sites(domain));
            }
            MatchKey::Email(_)
            | MatchKey::Phone { .. }
            | MatchKey::Domain(_)
            | MatchKey::Name { .. } => {
                return Err(ProviderError::unsupported("looking records up by this key"));
            }
        }
    }
    let mut filters = Vec::new();
    for (values, column) in [(uids, table.uid), (emails, Some(EMAIL)), (sites, Some(WEBSITE))] {
        let values = distinct(values.iter().map(String::as_str));
        let values = values.into_iter().map(Literal::text).collect();
        // Without our field no record carries a uid.
        let Some(column) = column else { continue };
        let lists = soql::lists(values).into_iter();
        filters.extend(lists.map(|list| Filter::OneOf(column, list)));
    }
    Ok(filters)
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut values: Vec<&str> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Returns whether text has the form of an id; anything else is certainly no record's, and would
/// fail the whole query.
pub(crate) fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns whether two ids name one record: the long form only adds a check.
fn same_id(long: &RemoteId, id: &str) -> bool {
    long.as_str().get(..15) == id.get(..15)
}

/// The field holds 80 characters; a longer address is no record's.
fn is_storable(email: &str) -> bool {
    email.chars().count() <= 80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_asked_for() {
        assert!(is_id("003dM0000012345QAC") && is_id("003dM0000012345"));
        for text in ["", "003", "003dM0000012345QA'", "003dM0000012345 AC", "003dM000001234é"] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn the_short_form_of_an_id_names_the_same_record() {
        let long = RemoteId::from("003dM0000012345QAC");
        assert!(same_id(&long, "003dM0000012345") && same_id(&long, "003dM0000012345QAC"));
        assert!(!same_id(&long, "003dM0000012346"));
    }
}
