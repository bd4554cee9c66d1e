//! Reads by id and by key. A list takes a hundred ids; what it does not show is asked for alone,
//! since only a 404 says that a record is gone.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    ErrorKind, Lookup, MatchKey, ObjectKind, Operation, ProviderError, Remote, RemoteId, Result,
};
use crm_http::{Failure, Reply, Request, chunk};
use serde_json::{Value as Json, json};

use crate::Salesflare;
use crate::table::Table;
use crate::wire::{Object, id_of};

/// How many requests are under way at once; the pacer decides how fast they go.
pub(crate) const CONCURRENCY: usize = 2;
/// More pages of tasks than an account has.
const PAGES_MAX: usize = 10_000;

impl Salesflare {
    /// Answers for each id.
    pub(crate) async fn lookups(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let table = self.table(kind).await?;
        // What is no number was never given out, so nothing can have it.
        let distinct: BTreeSet<&str> =
            ids.iter().map(RemoteId::as_str).filter(|id| Table::is_id(id)).collect();
        let distinct: Vec<&str> = distinct.into_iter().collect();
        let mut answers = BTreeMap::new();
        let rows = self.rows(&table, Operation::Get, &distinct).await?;
        for row in &rows {
            let remote = table.remote(row)?;
            let archived = row.get("archived") == Some(&Json::Bool(true));
            let lookup = if archived { Lookup::Archived } else { Lookup::Found(remote.clone()) };
            answers.insert(remote.id, lookup);
        }
        if kind == ObjectKind::Contact || kind == ObjectKind::Company {
            let absent = distinct.into_iter().filter(|id| !answers.contains_key(&(*id).into()));
            let absent: Vec<&str> = absent.collect();
            let alone = |ids| self.each_alone(&table, Operation::Get, ids);
            for row in chunk::read(&absent, 1, CONCURRENCY, alone).await? {
                let remote = table.remote(&row)?;
                answers.insert(remote.id.clone(), Lookup::Found(remote));
            }
        }
        let answer = |id| answers.get(id).cloned().unwrap_or(Lookup::Gone);
        Ok(ids.iter().map(answer).collect())
    }

    /// Reads the rows of ids, as far as there are such records.
    pub(crate) async fn rows(
        &self,
        table: &Table,
        operation: Operation,
        ids: &[&str],
    ) -> Result<Vec<Object>> {
        if !table.reads_several() {
            let alone = |ids| self.each_alone(table, operation, ids);
            return chunk::read(ids, 1, CONCURRENCY, alone).await;
        }
        let max = usize::from(table.capability.read_max.get());
        let read = |ids: &[&str]| {
            let mut query: Vec<(&'static str, String)> =
                ids.iter().map(|id| ("id", (*id).to_owned())).collect();
            if table.kind() == ObjectKind::Contact {
                query.push(("includeArchived", "true".to_owned()));
            }
            self.list(table, operation, query, 0)
        };
        chunk::read(ids, max, CONCURRENCY, read).await
    }

    async fn each_alone(
        &self,
        table: &Table,
        operation: Operation,
        ids: &[&str],
    ) -> Result<Vec<Object>> {
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            let request =
                Request::get(operation, table.path_of(id)).endpoint(table.endpoint("GET", "/{id}"));
            let classify = |failure: &Failure<'_>| table.reading.classify(failure);
            match self.client.fetch(request, &classify, |reply: &Reply| reply.json()).await {
                Ok(row) => rows.push(row),
                Err(error) if *error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }

    /// Reads a page of a list.
    pub(crate) async fn list(
        &self,
        table: &Table,
        operation: Operation,
        query: Vec<(&'static str, String)>,
        offset: usize,
    ) -> Result<Vec<Object>> {
        let request = listing(table, operation, query, offset);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        self.client.fetch(request, &classify, |reply: &Reply| reply.json()).await
    }

    /// Finds live records by our unique value, by address or by domain.
    pub(crate) async fn matches(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let table = self.table(kind).await?;
        if kind == ObjectKind::Activity {
            return self.all_tasks(&table, keys).await;
        }
        let keys: Vec<&MatchKey> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let read = |keys| self.each_key(&table, keys);
        let found = chunk::read(&keys, 1, CONCURRENCY, read).await?;
        let rows: BTreeMap<u64, Object> =
            found.into_iter().filter_map(|row| Some((id_of(&row)?, row))).collect();
        let mut rows: Vec<Object> = rows.into_values().collect();
        if !table.reads_several() {
            // The list does not show all of a record.
            let ids: Vec<String> = rows.iter().filter_map(id_of).map(|id| id.to_string()).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            rows = self.rows(&table, Operation::Find, &ids).await?;
        }
        rows.iter().map(|row| table.remote(row)).collect()
    }

    async fn each_key(&self, table: &Table, keys: &[&MatchKey]) -> Result<Vec<Object>> {
        let mut rows = Vec::new();
        for key in keys {
            let (name, value) = match key {
                MatchKey::Uid(uid) => {
                    let member = table.mapping.uid.and_then(|uid| uid.split_once('.'));
                    let member = member.map_or("", |(_, name)| name);
                    ("custom", json!({ member: uid.as_str() }).to_string())
                }
                MatchKey::Email(email) => ("email", email.to_string()),
                MatchKey::Domain(domain) => ("domain", domain.to_string()),
                MatchKey::Phone { .. } | MatchKey::Name { .. } => {
                    return Err(ProviderError::unsupported("a look-up by phone or name"));
                }
            };
            let found = self.list(table, Operation::Find, vec![(name, value)], 0).await?;
            // A filter may find more than what is equal.
            rows.extend(found.into_iter().filter(|row| has(table, row, key)));
        }
        Ok(rows)
    }

    /// Reads all tasks, which have no filter for what stands in them. It is only done where the
    /// fate of a create is open.
    async fn all_tasks(&self, table: &Table, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        let mut found = BTreeMap::new();
        let max = usize::from(table.capability.page_max.get());
        for page in 0..PAGES_MAX {
            let rows = self.list(table, Operation::Find, Vec::new(), page * max).await?;
            for row in rows.iter().filter(|row| keys.iter().any(|key| has(table, row, key))) {
                let remote = table.remote(row)?;
                found.insert(remote.id.clone(), remote);
            }
            if rows.len() < max {
                break;
            }
        }
        Ok(found.into_values().collect())
    }
}

/// Returns the request for a page of a list, in the order of ids.
pub(crate) fn listing(
    table: &Table,
    operation: Operation,
    query: Vec<(&'static str, String)>,
    offset: usize,
) -> Request {
    let mut request = Request::get(operation, table.path()).endpoint(table.endpoint("GET", ""));
    for (name, value) in query {
        request = request.query(name, value);
    }
    for id in table.assignees() {
        request = request.query("assignees", id);
    }
    let limit = table.capability.page_max;
    request.query("limit", limit).query("offset", offset).query("order_by", "id")
}

fn has(table: &Table, row: &Object, key: &MatchKey) -> bool {
    let text = |name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default();
    match key {
        MatchKey::Uid(uid) => table.uid(row).as_ref() == Some(uid),
        MatchKey::Email(email) => *crm_core::normal::email(text("email")) == **email,
        MatchKey::Domain(domain) => crm_core::normal::domain(text("domain")) == **domain,
        MatchKey::Phone { .. } | MatchKey::Name { .. } => false,
    }
}
