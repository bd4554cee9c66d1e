//! Writes: upserts on our unique field, updates and deletes by id, in collections whose answers
//! have one element per record, in the order of the request.
//!
//! No write is sent again after an answer that was lost, though the vendor would make no second
//! record of it: a user may have edited the record meanwhile, and the repetition would undo that.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Action, BatchOutcome, ErrorKind, ObjectKind, Operation, Provider as _, ProviderError, Result,
    Write, Written, mapping,
};
use crm_http::chunk::Refusal;
use crm_http::writes::{self, Verb, untold};
use crm_http::{Failure, Reply, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::Salesforce;
use crate::error::{self, DUPLICATES_DETECTED};
use crate::provider::CALLER;
use crate::read::is_id;
use crate::table::Table;
use crate::wire::{Attributes, Collection, Input, Outcome};

/// How many collections are under way at once. Few: parallel writes lock each other's rows.
const CONCURRENCY: usize = 2;

impl Salesforce {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        let tables = kinds.into_iter().map(|kind| Ok((kind, self.table(kind)?)));
        let tables = &tables.collect::<Result<BTreeMap<_, _>>>()?;
        if !writes.is_empty() {
            self.version().await?;
        }
        let max = |kind| {
            let table = tables.get(&kind);
            table.map_or(1, |table| usize::from(table.capability.write_max.get()))
        };
        let send = |kind, verb, batch| self.send(tables.get(&kind), verb, batch);
        Ok(writes::apply(self.id(), writes, max, CONCURRENCY, send).await)
    }

    async fn send(
        &self,
        table: Option<&Table>,
        verb: Verb,
        writes: Vec<&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let table = table.ok_or_else(|| ProviderError::unsupported("the kind"))?;
        // A collection that is refused for the form of one record is not applied at all.
        let mut results = self.collection(table, verb, &writes).await.map_err(Refusal::of)?;
        for (write, result) in writes.iter().zip(&mut results) {
            if let Some(found) = self.named(table, write, result).await {
                *result = found;
            }
        }
        Ok(results)
    }

    async fn collection(
        &self,
        table: &Table,
        verb: Verb,
        writes: &[&Write],
    ) -> Result<Vec<Result<Written>>> {
        let uid = match verb {
            Verb::Create => Some(table.uid.ok_or_else(error::no_uid_field)?),
            Verb::Update | Verb::Delete => None,
        };
        // What has not the form of an id would fail the records beside it.
        let (sent, unsent): (Vec<_>, Vec<_>) =
            writes.iter().copied().partition(|write| is_addressable(write));
        if sent.is_empty() {
            return Ok(unsent.iter().map(|_| Err(error::no_record())).collect());
        }
        let root = self.path("/composite/sobjects").await?;
        let request = request(table, verb, uid, &root, &sent).header(CALLER.0, CALLER.1);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let outcomes: Vec<Outcome> = reply.json()?;
            if outcomes.len() != sent.len() {
                return Err(reply.malformed("the answer has not one element for each record"));
            }
            Ok(outcomes.iter().zip(&sent).map(|(one, write)| settle(table, write, one)).collect())
        };
        let settled: Vec<Result<Written>> = self.client.fetch(request, &classify, read).await?;
        let mut settled = settled.into_iter();
        let result = |write: &&Write| {
            if !is_addressable(write) {
                return Err(error::no_record());
            }
            settled.next().unwrap_or_else(|| Err(untold()))
        };
        Ok(writes.iter().map(result).collect())
    }

    /// A collection does not tell which records a duplicate rule found; a single upsert does.
    /// It is the same upsert, so it is no harm if the rule lets it pass this time.
    async fn named(
        &self,
        table: &Table,
        write: &Write,
        result: &Result<Written>,
    ) -> Option<Result<Written>> {
        let Err(error) = result else { return None };
        let (Action::Create { uid, fields }, Some(key)) = (&write.action, table.uid) else {
            return None;
        };
        if error.code() != Some(DUPLICATES_DETECTED) || *error.kind() != ErrorKind::Permanent {
            return None;
        }
        let object = table.object();
        let value = utf8_percent_encode(uid.as_str(), NON_ALPHANUMERIC);
        let path = match self.path(&format!("/sobjects/{object}/{key}/{value}")).await {
            Ok(path) => path,
            Err(error) => return Some(Err(error)),
        };
        let request = Request::patch(Operation::Apply, path)
            .endpoint(format!("PATCH /sobjects/{object}/{key}/{{uid}}"))
            .header(CALLER.0, CALLER.1)
            .json(&mapping::encode_fields(table.mapping(), fields));
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| settle(table, write, &reply.json::<Outcome>()?);
        Some(self.client.fetch(request, &classify, read).await)
    }
}

fn request(
    table: &Table,
    verb: Verb,
    uid: Option<&'static str>,
    root: &str,
    writes: &[&Write],
) -> Request {
    let object = table.object();
    let body = || Collection {
        all_or_none: false,
        records: writes.iter().map(|write| input(table, uid, write)).collect(),
    };
    match (verb, uid) {
        (Verb::Create, Some(uid)) => {
            Request::patch(Operation::Apply, format!("{root}/{object}/{uid}"))
                .endpoint(format!("PATCH /composite/sobjects/{object}/{uid}"))
                .json(&body())
        }
        (Verb::Delete, _) => {
            let ids: Vec<&str> = writes.iter().map(|write| write.target()).collect();
            Request::delete(Operation::Apply, root)
                .endpoint("DELETE /composite/sobjects")
                .query("ids", ids.join(","))
                .query("allOrNone", false)
        }
        (Verb::Create | Verb::Update, _) => Request::patch(Operation::Apply, root)
            .endpoint("PATCH /composite/sobjects")
            .json(&body()),
    }
}

fn input<'a>(table: &Table, uid: Option<&'static str>, write: &'a Write) -> Input<'a> {
    let (id, members) = match &write.action {
        Action::Create { uid: ours, fields } => {
            let mut members = mapping::encode_fields(table.mapping(), fields);
            if let Some(name) = uid {
                members.insert(name.to_owned(), Value::String(ours.as_str().to_owned()));
            }
            (None, members)
        }
        Action::Update { id, patch, .. } => {
            (Some(Cow::Borrowed(id.as_str())), mapping::encode(table.mapping(), patch))
        }
        Action::Delete { id } => (Some(Cow::Borrowed(id.as_str())), Map::new()),
    };
    Input { attributes: Attributes { ty: table.object() }, id, members }
}

fn is_addressable(write: &Write) -> bool {
    match &write.action {
        Action::Create { .. } => true,
        Action::Update { id, .. } | Action::Delete { id } => is_id(id.as_str()),
    }
}

fn settle(table: &Table, write: &Write, outcome: &Outcome) -> Result<Written> {
    if !outcome.success {
        return Err(table.reading.record(&outcome.errors));
    }
    let id = match (&outcome.id, &write.action) {
        (Some(id), _) => id.as_str().into(),
        (None, Action::Update { id, .. } | Action::Delete { id }) => id.clone(),
        (None, Action::Create { .. }) => return Err(untold()),
    };
    // The answer tells neither the stamp nor what is stored.
    Ok(Written::new(id))
}
