//! Writes: upserts on our unique field, updates and deletes by id, in collections whose answers
//! have one element per record, in the order of the request.
//!
//! No write is sent again after an answer that was lost, though the vendor would make no second
//! record of it: a user may have edited the record meanwhile, and the repetition would undo that.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Action, Applied, BatchOutcome, ErrorKind, ObjectKind, Operation, ProviderError, Result, Write,
    Written, mapping,
};
use crm_http::chunk::{self, Refusal};
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

/// What a collection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verb {
    Upsert,
    Update,
    Delete,
}

impl Verb {
    const fn of(write: &Write) -> Self {
        match write.action {
            Action::Create { .. } => Self::Upsert,
            Action::Update { .. } => Self::Update,
            Action::Delete { .. } => Self::Delete,
        }
    }
}

impl Salesforce {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        let tables = kinds.into_iter().map(|kind| Ok((kind, self.table(kind)?)));
        let tables = &tables.collect::<Result<BTreeMap<_, _>>>()?;
        if !writes.is_empty() {
            self.version().await?;
        }
        let mut results: Vec<_> = writes.iter().map(|_| Err(unknown())).collect();
        for round in rounds(writes) {
            let items: Vec<&Write> = round.iter().filter_map(|place| writes.get(*place)).collect();
            let max = |(kind, _): (ObjectKind, Verb)| {
                let table = tables.get(&kind);
                table.map_or(1, |table| usize::from(table.capability.write_max.get()))
            };
            let group = |write: &&Write| (write.kind, Verb::of(write));
            let done = chunk::write(&items, group, max, CONCURRENCY, |(kind, verb), batch| {
                self.send(tables.get(&kind), verb, batch)
            });
            for (place, result) in round.iter().zip(done.await) {
                if let Some(slot) = results.get_mut(*place) {
                    *slot = result;
                }
            }
        }
        Ok(BatchOutcome::new(writes, results))
    }

    async fn send(
        &self,
        table: Option<&Table>,
        verb: Verb,
        batch: Vec<&&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let table = table.ok_or_else(|| ProviderError::unsupported("the kind"))?;
        let writes: Vec<&Write> = batch.into_iter().copied().collect();
        let mut results = self.collection(table, verb, &writes).await.map_err(refusal)?;
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
            Verb::Upsert => Some(table.uid.ok_or_else(error::no_uid_field)?),
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
            settled.next().unwrap_or_else(|| Err(unknown()))
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
        let members = mapping::encode_fields(table.mapping(), fields);
        let request = Request::patch(Operation::Apply, path)
            .endpoint(format!("PATCH /sobjects/{object}/{key}/{{uid}}"))
            .header(CALLER.0, CALLER.1)
            .json(&without_suspended(table, members));
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
        (Verb::Upsert, Some(uid)) => {
            Request::patch(Operation::Apply, format!("{root}/{object}/{uid}"))
                .endpoint(format!("PATCH /composite/sobjects/{object}/{uid}"))
                .json(&body())
        }
        (Verb::Delete, _) => {
            let ids: Vec<&str> = writes.iter().map(|write| target(write)).collect();
            Request::delete(Operation::Apply, root)
                .endpoint("DELETE /composite/sobjects")
                .query("ids", ids.join(","))
                .query("allOrNone", false)
        }
        (Verb::Upsert | Verb::Update, _) => Request::patch(Operation::Apply, root)
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
    let members = without_suspended(table, members);
    Input { attributes: Attributes { ty: table.object() }, id, members }
}

fn without_suspended(table: &Table, mut members: Map<String, Value>) -> Map<String, Value> {
    for field in table.capability.suspended.iter() {
        if let Some(rule) = table.mapping().rule(*field) {
            members.remove(rule.remote);
        }
    }
    members
}

/// Spreads writes over rounds so that no round has two for one record: Salesforce refuses both
/// of them, and their order matters.
fn rounds(writes: &[Write]) -> Vec<Vec<usize>> {
    let mut next: BTreeMap<(ObjectKind, &str), usize> = BTreeMap::new();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (place, write) in writes.iter().enumerate() {
        let round = next.entry((write.kind, target(write))).or_default();
        match rounds.get_mut(*round) {
            Some(places) => places.push(place),
            None => rounds.push(vec![place]),
        }
        *round += 1;
    }
    rounds
}

/// Returns the text by which a write names its record.
fn target(write: &Write) -> &str {
    match &write.action {
        Action::Create { uid, .. } => uid.as_str(),
        Action::Update { id, .. } | Action::Delete { id } => id.as_str(),
    }
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
        (None, Action::Create { .. }) => return Err(unknown()),
    };
    // The answer tells neither the stamp nor what is stored.
    Ok(Written { id, version: None, modified_at: None, stored: None })
}

/// A collection that is refused for the form of one of its records is not applied at all.
fn refusal(error: ProviderError) -> Refusal {
    let by_record = matches!(
        error.kind(),
        ErrorKind::Validation { .. } | ErrorKind::Conflict { .. } | ErrorKind::NotFound
    );
    if by_record { Refusal::Bisect(error) } else { Refusal::Whole(error) }
}

fn unknown() -> ProviderError {
    let kind = ErrorKind::Malformed { applied: Applied::Unknown };
    ProviderError::new(kind, "the answer does not say what became of the write")
        .with_operation(Operation::Apply)
}
