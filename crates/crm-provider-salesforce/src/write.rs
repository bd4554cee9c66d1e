//! Writes: collections of up to 200, each record settled alone. Salesforce answers in the order
//! of the request, so a result belongs to the record in the same place.

use std::collections::BTreeMap;

use crm_core::{
    Action, BatchOutcome, ErrorKind, ObjectKind, Operation, ProviderError, Result, Write, Written,
    mapping,
};
use crm_http::chunk::{self, Refusal};
use crm_http::{Failure, Reply, Request};
use serde_json::{Map, Value, json};

use crate::Salesforce;
use crate::feed::ID;
use crate::table::Table;
use crate::wire::{Problem, Save, Saved};

/// How many collections are under way at once: more of them only wait for each other's locks.
const CONCURRENCY: usize = 4;

/// Which call a write goes to.
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
        let mut tables: BTreeMap<ObjectKind, Table> = BTreeMap::new();
        for write in writes {
            if !tables.contains_key(&write.kind) {
                tables.insert(write.kind, self.table(write.kind)?);
            }
        }
        let tables = &tables;
        let max = |(_, kind, _): (usize, ObjectKind, Verb)| {
            tables.get(&kind).map_or(1, |table| usize::from(table.capability.write_max.get()))
        };
        let mut results: Vec<Option<Result<Written>>> = writes.iter().map(|_| None).collect();
        let rounds = rounds(writes);
        let last = rounds.iter().copied().max().unwrap_or_default();
        for round in 0..=last {
            let places: Vec<usize> =
                (0..writes.len()).filter(|place| rounds.get(*place) == Some(&round)).collect();
            let items: Vec<&Write> = places.iter().filter_map(|place| writes.get(*place)).collect();
            let group = |write: &&Write| (round, write.kind, Verb::of(write));
            let done = chunk::write(&items, group, max, CONCURRENCY, |(_, kind, verb), batch| {
                self.send(tables.get(&kind), verb, batch)
            });
            for (place, result) in places.into_iter().zip(done.await) {
                if let Some(slot) = results.get_mut(place) {
                    *slot = Some(result);
                }
            }
        }
        let results = results.into_iter().map(|result| result.unwrap_or_else(|| Err(untold())));
        Ok(BatchOutcome::new(writes, results.collect()))
    }

    async fn send(
        &self,
        table: Option<&Table>,
        verb: Verb,
        batch: Vec<&&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let table = table.ok_or_else(|| ProviderError::unsupported("the kind"))?;
        let request = self.request(table, verb, &batch);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let saved: Vec<Saved<'_>> = reply.json()?;
            if saved.len() != batch.len() {
                return Err(reply.malformed("the answer has not one result for each record"));
            }
            let pairs = batch.iter().zip(&saved);
            Ok(pairs.map(|(write, saved)| settle(table, write, saved)).collect())
        };
        self.client.fetch(request, &classify, read).await.map_err(|error| {
            // One bad record can spoil the whole call (a column that is not there): halves tell.
            match error.kind() {
                ErrorKind::Validation { .. } if batch.len() > 1 => Refusal::Bisect(error),
                _ => Refusal::Whole(error),
            }
        })
    }

    fn request(&self, table: &Table, verb: Verb, batch: &[&&Write]) -> Request {
        let remote = table.mapping().remote;
        let request = match verb {
            Verb::Upsert => {
                let uid = table.mapping().uid.unwrap_or(ID);
                let path = format!("/composite/sobjects/{remote}/{uid}");
                Request::patch(Operation::Apply, self.path(&path)).endpoint(format!("PATCH {path}"))
            }
            Verb::Update => {
                let path = "/composite/sobjects";
                Request::patch(Operation::Apply, self.path(path)).endpoint(format!("PATCH {path}"))
            }
            Verb::Delete => {
                let path = "/composite/sobjects";
                let ids: Vec<&str> = batch.iter().map(|write| target(write)).collect();
                return Request::delete(Operation::Apply, self.path(path))
                    .endpoint(format!("DELETE {path}"))
                    .query("ids", ids.join(","))
                    .query("allOrNone", false)
                    .header("sforce-call-options", CALL_OPTIONS);
            }
        };
        let records = batch.iter().map(|write| record(table, write)).collect();
        request
            .header("sforce-call-options", CALL_OPTIONS)
            .json(&Save { all_or_none: false, records })
    }
}

/// Marks our writes in the org's change events.
const CALL_OPTIONS: &str = "client=crm-sync";

/// Returns for each write in which round it goes: a collection must not name a record twice, and
/// the order of the two matters.
fn rounds(writes: &[Write]) -> Vec<usize> {
    let mut next: BTreeMap<(ObjectKind, &str), usize> = BTreeMap::new();
    let round = |write| {
        let slot = next.entry(target_of(write)).or_default();
        *slot += 1;
        *slot - 1
    };
    writes.iter().map(round).collect()
}

fn target_of(write: &Write) -> (ObjectKind, &str) {
    (write.kind, target(write))
}

/// Returns the text by which a write names its record.
fn target(write: &Write) -> &str {
    match &write.action {
        Action::Create { uid, .. } => uid.as_str(),
        Action::Update { id, .. } | Action::Delete { id } => id.as_str(),
    }
}

fn record(table: &Table, write: &Write) -> Map<String, Value> {
    let mapping = table.mapping();
    let (key, mut members) = match &write.action {
        Action::Create { fields, .. } => {
            (mapping.uid.unwrap_or(ID), mapping::encode_fields(mapping, fields))
        }
        Action::Update { patch, .. } => (ID, mapping::encode(mapping, patch)),
        Action::Delete { .. } => (ID, Map::new()),
    };
    for field in table.capability.suspended.iter() {
        if let Some(rule) = mapping.rule(*field) {
            members.remove(rule.remote);
        }
    }
    // serde_json sorts members, and a lower-case name sorts last: that is accepted, since the
    // vendor asks for `attributes` first only where a key could mean several types.
    members.insert("attributes".to_owned(), json!({ "type": mapping.remote }));
    members.insert(key.to_owned(), Value::String(target(write).to_owned()));
    members
}

fn settle(table: &Table, write: &Write, saved: &Saved<'_>) -> Result<Written> {
    if !saved.success {
        let none = Problem::default();
        return Err(table.reading.refused(saved.errors.first().unwrap_or(&none)));
    }
    let id = match (&saved.id, &write.action) {
        (Some(id), _) => id.as_ref().into(),
        (None, Action::Update { id, .. } | Action::Delete { id }) => id.clone(),
        (None, Action::Create { .. }) => return Err(untold()),
    };
    Ok(Written { id, version: None, modified_at: None, stored: None })
}

/// The error of a write that no answer speaks of.
fn untold() -> ProviderError {
    let kind = ErrorKind::Malformed { applied: crm_core::Applied::Unknown };
    ProviderError::new(kind, "the answer does not tell what became of a record")
}
