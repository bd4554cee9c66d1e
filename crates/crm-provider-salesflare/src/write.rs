//! Writes. Contacts and tasks are made in arrays, which are taken as a whole or not at all;
//! everything else is one request for each record. No answer shows a record, so what was written
//! is read again.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Action, BatchOutcome, ObjectKind, Operation, Provider as _, Remote, Result, Write, Written,
};
use crm_http::chunk::{self, Refusal};
use crm_http::writes::{self, Verb, untold};
use crm_http::{Failure, Reply, Request};
use serde_json::{Map, Value as Json};

use crate::Salesflare;
use crate::read::CONCURRENCY;
use crate::table::Table;
use crate::wire::nested_id;

/// Records that are read again at once, where each is written alone.
const GROUP: usize = 50;

/// The body of a write.
type Body = Map<String, Json>;

impl Salesflare {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        let mut tables = BTreeMap::new();
        for kind in kinds {
            tables.insert(kind, self.table(kind).await?);
        }
        let tables = &tables;
        let max = |kind| {
            let table: Option<&Table> = tables.get(&kind).filter(|table| table.makes_several());
            table.map_or(GROUP, |table| usize::from(table.capability.write_max.get()))
        };
        let send = |kind, verb, batch| self.send(tables.get(&kind), verb, batch);
        Ok(writes::apply(self.id(), writes, max, 1, send).await)
    }

    async fn send(
        &self,
        table: Option<&Table>,
        verb: Verb,
        batch: Vec<&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let Some(table) = table else {
            return Ok(batch.iter().map(|_| Err(untold())).collect());
        };
        let present = self.present(table, &batch).await?;
        let mut plans = Vec::with_capacity(batch.len());
        for write in batch {
            plans.push((write, self.plan(table, write, &present).await));
        }
        let mut results = if verb == Verb::Create && table.makes_several() {
            self.create(table, plans).await?
        } else {
            let done =
                chunk::write(&plans, |_| (), |()| 1, CONCURRENCY, |(), plan| self.one(table, plan));
            done.await
        };
        if verb != Verb::Delete {
            self.read_again(table, &mut results).await;
        }
        Ok(results)
    }

    /// Makes records by one request: an array, or an object if there is one alone.
    async fn create(
        &self,
        table: &Table,
        plans: Vec<(&Write, Result<Body>)>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let bodies: Vec<&Body> = plans.iter().filter_map(|(_, plan)| plan.as_ref().ok()).collect();
        let count = bodies.len();
        let made = if count == 0 { Vec::new() } else { self.post(table, &bodies).await? };
        if made.len() != count {
            return Ok(plans.into_iter().map(|(_, plan)| plan.and(Err(untold()))).collect());
        }
        let mut made = made.into_iter();
        let result = |(_, plan): (&Write, Result<Body>)| {
            plan?;
            let id = made.next().flatten().ok_or_else(untold)?;
            Ok(Written::new(id.into()))
        };
        Ok(plans.into_iter().map(result).collect())
    }

    async fn post(&self, table: &Table, bodies: &[&Body]) -> Result<Vec<Option<String>>, Refusal> {
        let request =
            Request::post(Operation::Apply, table.path()).endpoint(table.endpoint("POST", ""));
        let request = match bodies {
            [body] => request.json(body),
            several => request.json(several),
        };
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let answer: Json = reply.json()?;
            let rows = answer.as_array().map_or(std::slice::from_ref(&answer), Vec::as_slice);
            Ok(rows.iter().map(nested_id).collect())
        };
        self.client.fetch(request, &classify, read).await.map_err(Refusal::of)
    }

    async fn one(
        &self,
        table: &Table,
        plan: Vec<&(&Write, Result<Body>)>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let mut results = Vec::with_capacity(plan.len());
        for (write, plan) in plan {
            results.push(match plan {
                Ok(body) => self.send_one(table, write, body).await,
                Err(error) => Err(error.copy()),
            });
        }
        Ok(results)
    }

    async fn send_one(&self, table: &Table, write: &Write, body: &Body) -> Result<Written> {
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let request = match &write.action {
            Action::Create { .. } => {
                let made = self.post(table, &[body]).await.map_err(|refusal| match refusal {
                    Refusal::Whole(error) | Refusal::Bisect(error) => error,
                })?;
                let id = made.into_iter().next().flatten().ok_or_else(untold)?;
                return Ok(Written::new(id.into()));
            }
            // Nothing is left to be written.
            Action::Update { id, .. } if body.is_empty() => return Ok(Written::new(id.clone())),
            Action::Update { id, .. } | Action::Delete { id } if !Table::is_id(id.as_str()) => {
                let kind = crm_core::ErrorKind::NotFound;
                return Err(crm_core::ProviderError::new(kind, "the id is no number"));
            }
            Action::Update { id, .. } => Request::put(Operation::Apply, table.path_of(id.as_str()))
                .endpoint(table.endpoint("PUT", "/{id}"))
                .json(body),
            Action::Delete { id } => Request::delete(Operation::Apply, table.path_of(id.as_str()))
                .endpoint(table.endpoint("DELETE", "/{id}")),
        };
        let read = |reply: &Reply| reply.json::<Json>();
        self.client.fetch(request, &classify, read).await?;
        Ok(Written::new(write.target().into()))
    }

    /// Fills in what the vendor stored. A record that cannot be read is written all the same.
    async fn read_again(&self, table: &Table, results: &mut [Result<Written>]) {
        let ids = results.iter().filter_map(|result| Some(result.as_ref().ok()?.id.to_string()));
        let ids: Vec<String> = ids.collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let rows = match self.rows(table, Operation::Apply, &ids).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "what was written cannot be read again");
                return;
            }
        };
        let remotes: Vec<Remote> = rows.iter().filter_map(|row| table.remote(row).ok()).collect();
        for written in results.iter_mut().filter_map(|result| result.as_mut().ok()) {
            let Some(remote) = remotes.iter().find(|remote| remote.id == written.id) else {
                continue;
            };
            written.version.clone_from(&remote.version);
            written.modified_at = remote.modified_at;
            written.stored = Some(remote.fields.clone());
        }
    }
}
