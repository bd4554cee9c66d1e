//! Writes: upserts on our unique property, updates and archives, in batches whose answers are
//! taken apart item by item.
//!
//! Successes and failures come in two lists whose places say nothing, so an item is recognised by
//! the trace id that we sent, by its id, or by our unique property. What no answer speaks of has
//! an unknown fate.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Action, BatchOutcome, ErrorKind, Field, ObjectKind, Operation, Provider as _, ProviderError,
    Result, Write, Written, mapping, normal,
};
use crm_http::chunk::Refusal;
use crm_http::writes::{self, Verb, untold};
use crm_http::{Failure, Reply, Request};
use serde_json::Value;

use crate::HubSpot;
use crate::error::UNKNOWN_PROPERTY;
use crate::table::Table;
use crate::wire::{Batch, BatchWrite, Input, Object, Problem};

/// How many batches are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;

impl HubSpot {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        let tables = kinds.into_iter().map(|kind| Ok((kind, self.table(kind)?)));
        let tables = &tables.collect::<Result<BTreeMap<_, _>>>()?;
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
        batch: Vec<&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let table = table.ok_or_else(|| ProviderError::unsupported("the kind"))?;
        let mut slots: Slots<'_> = batch.into_iter().map(|write| (write, None)).collect();
        // Each time round settles at least one write.
        while slots.iter().any(|(_, result)| result.is_none()) {
            let open: Vec<&Write> = open(&slots).collect();
            match self.send_open(table, verb, &open).await {
                Ok(results) => fill(&mut slots, results),
                Err(error) if blame(table, &mut slots, &error) => {}
                // A batch that is refused for one of its items is not applied at all.
                Err(error) => return Err(Refusal::of(error)),
            }
        }
        let result =
            |slot: (&Write, Option<Result<Written>>)| slot.1.unwrap_or_else(|| Err(untold()));
        Ok(slots.into_iter().map(result).collect())
    }

    async fn send_open(
        &self,
        table: &Table,
        verb: Verb,
        writes: &[&Write],
    ) -> Result<Vec<Result<Written>>> {
        let inputs = writes.iter().enumerate().map(|(place, write)| input(table, place, write));
        let body = BatchWrite { inputs: inputs.collect() };
        let name = endpoint(verb);
        let request = Request::post(Operation::Apply, format!("{}/batch/{name}", table.path()))
            .endpoint(table.endpoint("POST", &format!("/batch/{name}")))
            .json(&body);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            if verb == Verb::Delete && reply.body().is_empty() {
                return Ok(writes.iter().map(|write| Ok(archived(write))).collect());
            }
            Ok(settle(table, writes, &reply.json::<Batch<'_>>()?))
        };
        self.client.fetch(request, &classify, read).await
    }
}

/// Returns which batch endpoint a verb goes to.
const fn endpoint(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "upsert",
        Verb::Update => "update",
        Verb::Delete => "archive",
    }
}

fn input<'a>(table: &'a Table, place: usize, write: &'a Write) -> Input<'a> {
    let mapping = table.mapping();
    let (id_property, properties) = match &write.action {
        Action::Create { uid, fields } => {
            let mut members = mapping::encode_fields(mapping, fields);
            // Named as a property too, so that the echo shows it.
            if let Some(name) = mapping.uid {
                members.insert(name.to_owned(), Value::String(uid.as_str().to_owned()));
            }
            (mapping.uid, members)
        }
        Action::Update { patch, .. } => (None, mapping::encode(mapping, patch)),
        Action::Delete { id } => return Input::id(id.as_str()),
    };
    Input {
        id: Cow::Borrowed(write.target()),
        id_property,
        properties: Some(properties),
        object_write_trace_id: Some(place.to_string()),
    }
}

type Slots<'a> = Vec<(&'a Write, Option<Result<Written>>)>;

fn open<'s>(slots: &'s Slots<'_>) -> impl Iterator<Item = &'s Write> {
    slots.iter().filter(|(_, result)| result.is_none()).map(|(write, _)| *write)
}

fn fill(slots: &mut Slots<'_>, results: Vec<Result<Written>>) {
    let open = slots.iter_mut().filter(|(_, result)| result.is_none());
    for ((_, slot), result) in open.zip(results) {
        *slot = Some(result);
    }
}

/// A property that the account lacks fails every write that has it, and only those: they are
/// settled at once instead of being found one by one. Returns whether there was any.
fn blame(table: &Table, slots: &mut Slots<'_>, error: &ProviderError) -> bool {
    let ErrorKind::Validation { field: Some(field) } = error.kind() else {
        return false;
    };
    if error.code() != Some(UNKNOWN_PROPERTY) || table.mapping().rule(*field).is_none() {
        return false;
    }
    let guilty = slots.iter_mut().filter(|(write, result)| result.is_none() && has(write, *field));
    let mut any = false;
    for (_, slot) in guilty {
        *slot = Some(Err(error.copy()));
        any = true;
    }
    any
}

fn has(write: &Write, field: Field) -> bool {
    match &write.action {
        Action::Create { fields, .. } => fields.get(field).is_some(),
        Action::Update { patch, .. } => patch.contains(field),
        Action::Delete { .. } => false,
    }
}

/// Gives each write its own result.
fn settle(table: &Table, writes: &[&Write], batch: &Batch<'_>) -> Vec<Result<Written>> {
    let mut results: Vec<Option<Result<Written>>> = writes.iter().map(|_| None).collect();
    for object in &batch.results {
        let place = place_of(table, writes, object);
        if let Some(slot) = place.and_then(|place| results.get_mut(place)) {
            *slot = Some(Ok(written(table, object)));
        }
    }
    for problem in &batch.errors {
        for place in places_of(writes, problem) {
            if let Some(slot @ None) = results.get_mut(place) {
                let error = table.reading.refused(problem, 0);
                *slot = Some(Err(error.with_operation(Operation::Apply)));
            }
        }
    }
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(untold()))).collect()
}

fn place_of(table: &Table, writes: &[&Write], object: &Object<'_>) -> Option<usize> {
    let traced = object.trace_id.as_deref().and_then(|id| id.parse().ok());
    let uid = table.mapping().uid.and_then(|name| object.properties.text(name));
    traced.or_else(|| {
        writes.iter().position(|write| match &write.action {
            Action::Create { uid: ours, .. } => uid == Some(ours.as_str()),
            Action::Update { id, .. } | Action::Delete { id } => id.as_str() == object.id,
        })
    })
}

fn places_of(writes: &[&Write], problem: &Problem<'_>) -> Vec<usize> {
    let traced: Vec<usize> =
        problem.context_texts("objectWriteTraceId").filter_map(|id| id.parse().ok()).collect();
    if !traced.is_empty() {
        return traced;
    }
    let named = problem.context_texts("ids").chain(problem.context_texts("id"));
    let named: Vec<&str> = named.collect();
    if named.is_empty() && writes.len() == 1 {
        return vec![0];
    }
    let places = writes.iter().enumerate().filter(|(_, write)| named.contains(&write.target()));
    places.map(|(place, _)| place).collect()
}

fn written(table: &Table, object: &Object<'_>) -> Written {
    let version = table.version(object);
    Written {
        id: object.id.as_ref().into(),
        modified_at: version.as_ref().and_then(|version| normal::instant(&version.0)),
        version,
        stored: Some(table.echoed(object)),
        refused: Vec::new(),
    }
}

fn archived(write: &Write) -> Written {
    Written::new(write.target().into())
}
