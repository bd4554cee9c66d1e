//! Writes: one request each, after one read of all records of which something has to be known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crm_core::{
    Action, BatchOutcome, ErrorKind, ObjectKind, Operation, Provider as _, ProviderError, Result,
    Write, Written,
};
use crm_http::chunk::Refusal;
use crm_http::writes::{self, Verb};
use crm_http::{Failure, Reply, Request};

use crate::Pipedrive;
use crate::error::classify;
use crate::table::Table;
use crate::translate::needs_row;
use crate::wire::{Object, One, number};

/// How many writes are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;
/// What writes cost, in tokens of the day.
const WRITE_COST: u32 = 5;
const DELETE_COST: u32 = 3;

/// What records hold, by kind and id.
type Rows = Mutex<BTreeMap<(ObjectKind, String), Object>>;

impl Pipedrive {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        let mut tables = BTreeMap::new();
        for kind in kinds {
            tables.insert(kind, self.table(kind).await?);
        }
        let rows = Rows::default();
        for table in tables.values() {
            self.prefetch(table, writes, &rows).await?;
        }
        let (tables, rows) = (&tables, &rows);
        let send = |kind, verb, batch: Vec<&Write>| {
            let write = batch.into_iter().next().cloned();
            self.send(tables.get(&kind), verb, write, rows)
        };
        Ok(writes::apply(self.id(), writes, |_| 1, CONCURRENCY, send).await)
    }

    /// Reads the records of which a write has to know what they hold.
    async fn prefetch(&self, table: &Table, writes: &[Write], rows: &Rows) -> Result<()> {
        let asks = writes.iter().filter(|write| write.kind == table.kind());
        let ids: BTreeSet<&str> = asks
            .filter_map(|write| match &write.action {
                Action::Update { id, patch, .. } => {
                    let needs = patch.iter().any(|(field, _)| needs_row(table, field));
                    (needs && id.as_str().parse::<u64>().is_ok()).then_some(id.as_str())
                }
                Action::Create { .. } | Action::Delete { .. } => None,
            })
            .collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        for row in self.rows(table, Operation::Apply, &ids).await? {
            remember(table, rows, row);
        }
        Ok(())
    }

    async fn send(
        &self,
        table: Option<&Table>,
        verb: Verb,
        write: Option<Write>,
        rows: &Rows,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let (Some(table), Some(write)) = (table, write) else {
            return Err(ProviderError::unsupported("this kind").into());
        };
        Ok(vec![self.send_one(table, verb, &write, rows).await])
    }

    async fn send_one(
        &self,
        table: &Table,
        verb: Verb,
        write: &Write,
        rows: &Rows,
    ) -> Result<Written> {
        let path = format!("{}/{}", table.path(), write.target());
        let classify = |failure: &Failure<'_>| classify(&table.mappings, failure);
        if verb == Verb::Delete {
            let request = Request::delete(Operation::Apply, known(write, path)?)
                .endpoint(table.endpoint("DELETE", "/{id}"))
                .cost(DELETE_COST);
            self.client.send(request, &classify).await?;
            return Ok(Written::new(write.target().into()));
        }
        let held = match &write.action {
            Action::Update { id, patch, .. } => {
                let row = recall(table, rows, id.as_str());
                if row.is_none() && patch.iter().any(|(field, _)| needs_row(table, field)) {
                    return Err(absent());
                }
                row.unwrap_or_default()
            }
            Action::Create { .. } | Action::Delete { .. } => Object::new(),
        };
        let body = self.body(table, write, &held).await?;
        if verb == Verb::Update && body.is_empty() {
            return Ok(Written::new(write.target().into()));
        }
        let request = if verb == Verb::Create {
            Request::post(Operation::Apply, table.path()).endpoint(table.endpoint("POST", ""))
        } else {
            Request::patch(Operation::Apply, known(write, path)?)
                .endpoint(table.endpoint("PATCH", "/{id}"))
        };
        let read = |reply: &Reply| {
            let row = reply.json::<One<Object>>()?.data;
            let found = table.found(&row);
            let found = found.ok_or_else(|| reply.malformed("the answer names no record"))?;
            Ok((row, found))
        };
        let request = request.cost(WRITE_COST).json(&body);
        let (row, found) = self.client.fetch(request, &classify, read).await?;
        remember(table, rows, row);
        let id = found.remote.id.clone();
        // Owners and stages were read before, so that this asks for nothing in general.
        let remote = self.complete(std::iter::once(found)).await;
        let remote = remote.ok().and_then(|remotes| remotes.into_iter().next());
        let Some(remote) = remote else {
            return Ok(Written::new(id));
        };
        Ok(Written {
            id: remote.id,
            version: remote.version,
            modified_at: remote.modified_at,
            stored: Some(remote.fields),
            refused: Vec::new(),
        })
    }
}

/// An id that is no number was never given out by this room.
fn known(write: &Write, path: String) -> Result<String> {
    if write.target().parse::<u64>().is_ok() { Ok(path) } else { Err(absent()) }
}

fn absent() -> ProviderError {
    ProviderError::new(ErrorKind::NotFound, "there is no such record")
        .with_operation(Operation::Apply)
}

fn remember(table: &Table, rows: &Rows, row: Object) {
    if let Some(id) = row.get("id").and_then(number) {
        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.insert((table.kind(), id), row);
    }
}

fn recall(table: &Table, rows: &Rows, id: &str) -> Option<Object> {
    let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
    rows.get(&(table.kind(), id.to_owned())).cloned()
}
