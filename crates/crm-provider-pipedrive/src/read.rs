//! Reads by id and by key, and what rows lack: owners and stages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_core::{
    ErrorKind, Field, Lookup, MatchKey, ObjectKind, Operation, ProviderError, Remote, RemoteId,
    Result, Value,
};
use crm_http::{Failure, Reply, Request, chunk};

use crate::Pipedrive;
use crate::error::classify;
use crate::provider::SEARCH_LANE;
use crate::table::{Found, Table};
use crate::wire::{Hits, Object, One, Page};

/// How many requests are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;
/// More pages than there are activities.
const PAGES_MAX: usize = 10_000;
/// What reads cost, in tokens of the day.
pub(crate) const LIST_COST: u32 = 10;
const ONE_COST: u32 = 1;
const SEARCH_COST: u32 = 20;

impl Pipedrive {
    /// Answers for each id. One that the list leaves out is asked for alone.
    pub(crate) async fn lookups(&self, table: &Table, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        let distinct: BTreeSet<&str> = ids.iter().map(RemoteId::as_str).collect();
        let is_number = |id: &str| id.parse::<u64>().is_ok();
        let distinct: Vec<&str> = distinct.into_iter().filter(|id| is_number(id)).collect();
        let rows = self.rows(table, Operation::Get, &distinct).await?;
        let mut answers: BTreeMap<String, Lookup> = BTreeMap::new();
        for remote in self.complete(rows.iter().filter_map(|row| table.found(row))).await? {
            answers.insert(remote.id.as_str().to_owned(), Lookup::Found(remote));
        }
        let absent: Vec<&str> =
            distinct.into_iter().filter(|id| !answers.contains_key(*id)).collect();
        let alone = chunk::read(&absent, 1, CONCURRENCY, |ids| self.each_alone(table, ids));
        answers.extend(alone.await?);
        let answer = |id: &RemoteId| answers.get(id.as_str()).cloned().unwrap_or(Lookup::Gone);
        Ok(ids.iter().map(answer).collect())
    }

    async fn each_alone(&self, table: &Table, ids: &[&str]) -> Result<Vec<(String, Lookup)>> {
        let mut lookups = Vec::with_capacity(ids.len());
        for id in ids {
            lookups.push(((*id).to_owned(), self.alone(table, id).await?));
        }
        Ok(lookups)
    }

    async fn alone(&self, table: &Table, id: &str) -> Result<Lookup> {
        let request = Request::get(Operation::Get, format!("{}/{id}", table.path()))
            .endpoint(table.endpoint("GET", "/{id}"))
            .cost(ONE_COST);
        let classify = |failure: &Failure<'_>| classify(&table.mappings, failure);
        let read = |reply: &Reply| Ok(reply.json::<One<Object>>()?.data);
        let row = match self.client.fetch(request, &classify, read).await {
            Ok(row) => row,
            Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(Lookup::Gone),
            Err(error) => return Err(error),
        };
        let Some(found) = table.found(&row) else { return Ok(Lookup::Gone) };
        if found.deleted {
            return Ok(Lookup::Archived);
        }
        let remote = self.complete(std::iter::once(found)).await?;
        Ok(remote.into_iter().next().map_or(Lookup::Gone, Lookup::Found))
    }

    /// Reads rows by id; one that is not there is left out.
    pub(crate) async fn rows(
        &self,
        table: &Table,
        operation: Operation,
        ids: &[&str],
    ) -> Result<Vec<Object>> {
        let max = usize::from(table.capability.read_max.get());
        chunk::read(ids, max, CONCURRENCY, |ids| self.some_rows(table, operation, ids)).await
    }

    async fn some_rows(
        &self,
        table: &Table,
        operation: Operation,
        ids: &[&str],
    ) -> Result<Vec<Object>> {
        let request = Request::get(operation, table.path())
            .endpoint(table.endpoint("GET", ""))
            .cost(LIST_COST)
            .query("ids", ids.join(","))
            .query("limit", ids.len());
        let classify = |failure: &Failure<'_>| classify(&table.mappings, failure);
        let read = |reply: &Reply| Ok(reply.json::<Page<Object>>()?.split().0);
        self.client.fetch(request, &classify, read).await
    }

    /// Finds live records by our uid or by e-mail address.
    pub(crate) async fn matches(&self, table: &Table, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        let (mut uids, mut emails) = (BTreeSet::new(), BTreeSet::new());
        for key in keys {
            match key {
                MatchKey::Uid(uid) => uids.insert(uid.as_str()),
                MatchKey::Email(email) => emails.insert(&**email),
                MatchKey::Phone { .. } | MatchKey::Domain(_) | MatchKey::Name { .. } => {
                    return Err(ProviderError::unsupported("a look-up by phone or domain"));
                }
            };
        }
        let rows = if table.kind() == ObjectKind::Activity {
            self.all_rows(table).await?
        } else {
            let terms: Vec<(&str, &str)> = uids
                .iter()
                .map(|uid| ("custom_fields", *uid))
                .chain(emails.iter().map(|email| ("email", *email)))
                .collect();
            let hits = chunk::read(&terms, 1, CONCURRENCY, |terms| self.hits(table, terms)).await?;
            let ids: BTreeSet<&str> = hits.iter().map(String::as_str).collect();
            let ids: Vec<&str> = ids.into_iter().collect();
            self.rows(table, Operation::Find, &ids).await?
        };
        // A search may find the text elsewhere.
        let fits = |found: &Found| {
            let email = found.decoded.fields.get(Field::EMAIL).and_then(Value::as_str);
            found.remote.uid.as_ref().is_some_and(|uid| uids.contains(uid.as_str()))
                || email.is_some_and(|email| emails.contains(&*crm_core::normal::email(email)))
        };
        self.complete(rows.iter().filter_map(|row| table.found(row)).filter(fits)).await
    }

    async fn hits(&self, table: &Table, terms: &[(&str, &str)]) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for (fields, term) in terms {
            let request = Request::get(Operation::Find, format!("{}/search", table.path()))
                .endpoint(table.endpoint("GET", "/search"))
                .lane(SEARCH_LANE)
                .cost(SEARCH_COST)
                .query("term", term)
                .query("fields", fields)
                .query("exact_match", true);
            let classify = |failure: &Failure<'_>| classify(&table.mappings, failure);
            let read = |reply: &Reply| Ok(reply.json::<One<Hits>>()?.data.ids());
            ids.extend(self.client.fetch(request, &classify, read).await?);
        }
        Ok(ids)
    }

    /// Reads all activities, the newest first: no search sees their texts.
    async fn all_rows(&self, table: &Table) -> Result<Vec<Object>> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let request = Request::get(Operation::Find, table.path())
                .endpoint(table.endpoint("GET", ""))
                .cost(LIST_COST)
                .query("limit", table.capability.page_max)
                .query("sort_by", "add_time")
                .query("sort_direction", "desc");
            let request = match &cursor {
                Some(cursor) => request.query("cursor", cursor),
                None => request,
            };
            let classify = |failure: &Failure<'_>| classify(&table.mappings, failure);
            let read = |reply: &Reply| Ok(reply.json::<Page<Object>>()?.split());
            let (rows, next) = self.client.fetch(request, &classify, read).await?;
            all.extend(rows.into_iter().filter(|row| row.get("public_description").is_some()));
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Completes rows by owners and stages.
    pub(crate) async fn complete(
        &self,
        rows: impl Iterator<Item = Found> + Send,
    ) -> Result<Vec<Remote>> {
        let rows: Vec<Found> = rows.collect();
        let has_owner = rows.iter().any(|row| row.owner.is_some());
        let owners = if has_owner {
            Some(self.with_owners_of(rows.iter().filter_map(|row| row.owner.as_deref())).await?)
        } else {
            None
        };
        let staged = rows.iter().any(|row| row.stage.is_some());
        let pipelines = if staged { Some(self.with_pipelines().await?) } else { None };
        let done = rows.into_iter().map(|row| {
            let Found { remote, mut decoded, owner, stage, .. } = row;
            match owner.map(|id| owners.as_ref()?.owner(&id).cloned()) {
                // A user whom we may not see is unknown, not nobody.
                Some(None) => {}
                Some(Some(user)) => {
                    decoded.note(Field::OWNER, Some(Value::text(Arc::clone(&user.email))));
                }
                None => decoded.note(Field::OWNER, None),
            }
            if let (Some((id, pipeline)), Some(known)) = (stage, &pipelines)
                && let Some(stage) = known.stage(pipeline.as_deref(), &id)
                && let Some(ours) = &stage.ours
            {
                decoded.note(Field::STAGE, Some(Value::Choice(Arc::clone(ours))));
            }
            Remote { read: decoded.read, fields: decoded.fields, ..remote }
        });
        Ok(done.collect())
    }
}
