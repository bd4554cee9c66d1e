//! Writes: upserts on our unique property (creates where there is none), updates and archives, in
//! batches whose answers are taken apart item by item; then the associations of what was written.
//!
//! Successes and failures come in two lists whose places say nothing, so an item is recognised by
//! the trace id that we sent, by its id, or by our own property. What no answer speaks of has an
//! unknown fate.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Action, Applied, BatchOutcome, ErrorKind, Field, Fields, ObjectKind, Operation, Provider as _,
    ProviderError, Result, Value, Write, Written, normal,
};
use crm_http::chunk::{self, Refusal};
use crm_http::writes::{self, Verb, untold};
use crm_http::{Failure, Reply, Request};

use crate::HubSpot;
use crate::error::UNKNOWN_PROPERTY;
use crate::table::{Relation, Table};
use crate::ties::{Change, Deed};
use crate::translate::{Plan, Wish};
use crate::wire::{Batch, BatchWrite, Input, Object, Problem};

/// How many batches are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;

impl HubSpot {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        let tables = kinds.into_iter().map(|kind| Ok((kind, self.tables(kind)?)));
        let tables = &tables.collect::<Result<BTreeMap<_, _>>>()?;
        let max = |kind| {
            let table = tables.get(&kind).and_then(|forms| forms.first());
            table.map_or(1, |table| usize::from(table.capability.write_max.get()))
        };
        let send = |kind, verb, batch| {
            self.send_forms(tables.get(&kind).map_or(&[][..], Vec::as_slice), verb, batch)
        };
        Ok(writes::apply(self.id(), writes, max, CONCURRENCY, send).await)
    }

    /// Sends a batch: of a kind with several forms, one for each form. Such a batch is halved by
    /// form, since the other forms of it may be applied already.
    async fn send_forms(
        &self,
        tables: &[Table],
        verb: Verb,
        batch: Vec<&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        if let [table] = tables {
            return self.send(table, verb, batch).await;
        }
        let form = |write: &&Write| form_of(tables, write);
        let done = chunk::write(
            &batch,
            form,
            |_| usize::MAX,
            1,
            |form, writes| {
                let table = form.and_then(|form| tables.get(form));
                self.send_form(table, verb, writes.into_iter().copied().collect())
            },
        );
        Ok(done.await)
    }

    async fn send_form(
        &self,
        table: Option<&Table>,
        verb: Verb,
        batch: Vec<&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        match table {
            Some(table) => self.send(table, verb, batch).await,
            None => Ok(batch.into_iter().map(|write| Err(formless(write))).collect()),
        }
    }

    async fn send(
        &self,
        table: &Table,
        verb: Verb,
        batch: Vec<&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let plans = self.plans(table, &batch).await?;
        let slots = batch.into_iter().zip(plans).map(|(write, plan)| Slot::new(write, plan));
        let mut slots: Vec<Slot<'_>> = slots.collect();
        for slot in slots.iter_mut().filter(|slot| verb == Verb::Update && slot.is_silent()) {
            slot.result = Some(Ok(unwritten(slot.write)));
        }
        // Each time round settles at least one write.
        while slots.iter().any(|slot| slot.result.is_none()) {
            match self.send_open(table, verb, &open(&slots)).await {
                Ok(results) => fill(&mut slots, results),
                Err(error) if blame(table, &mut slots, &error) => {}
                // A batch that is refused for one of its items is not applied at all.
                Err(error) => return Err(Refusal::of(error)),
            }
        }
        self.relate(table, verb, &mut slots).await;
        Ok(slots.into_iter().map(Slot::into_result).collect())
    }

    async fn send_open(
        &self,
        table: &Table,
        verb: Verb,
        open: &[(&Write, &Plan)],
    ) -> Result<Vec<Result<Written>>> {
        let inputs = open.iter().enumerate();
        let inputs = inputs.map(|(place, (write, plan))| input(table, place, write, plan));
        let body = BatchWrite { inputs: inputs.collect() };
        let name = endpoint(table, verb);
        let request = Request::post(Operation::Apply, format!("{}/batch/{name}", table.path()))
            .endpoint(table.endpoint("POST", &format!("/batch/{name}")))
            .json(&body);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let writes: Vec<&Write> = open.iter().map(|(write, _)| *write).collect();
        let read = |reply: &Reply| {
            if verb == Verb::Delete && reply.body().is_empty() {
                return Ok(writes.iter().map(|write| Ok(archived(write))).collect());
            }
            Ok(settle(table, &writes, &reply.json::<Batch<'_>>()?))
        };
        self.client.fetch(request, &classify, read).await
    }

    /// Makes and takes away the associations of what was written. A record whose associations
    /// could not all be changed has not failed as a whole, but its write is not done either: the
    /// result names the field, or says that the fate of the write is unknown.
    async fn relate(&self, table: &Table, verb: Verb, slots: &mut [Slot<'_>]) {
        let changes = match self.changes_of(table, verb, slots).await {
            Ok(changes) => changes,
            Err(error) => {
                for slot in slots.iter_mut().filter(|slot| slot.has_wishes()) {
                    slot.fail(half_done(&error));
                }
                return;
            }
        };
        let results = self.change_ties(table, &changes).await;
        for (change, result) in changes.iter().zip(results) {
            if let (Err(error), Some(slot)) = (result, slots.get_mut(change.place)) {
                match (verb, not_accepted(change, &error)) {
                    // Sent again without the field, a create could make a second record.
                    (Verb::Create, Some(message)) => slot.refuse(change.field, message),
                    (_, Some(message)) => {
                        let kind = ErrorKind::Validation { field: Some(change.field) };
                        let error = ProviderError::new(kind, message);
                        slot.fail(error.with_operation(Operation::Apply));
                    }
                    (_, None) => slot.fail(half_done(&error)),
                }
            }
        }
    }

    async fn changes_of(
        &self,
        table: &Table,
        verb: Verb,
        slots: &[Slot<'_>],
    ) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for relation in &table.relations {
            let wanted = slots.iter().enumerate().filter_map(|(place, slot)| {
                let id = table.bare(slot.written()?.id.as_str())?;
                Some((place, id, slot.wish(relation.field)?))
            });
            let wanted: Vec<(usize, &str, &Wish)> = wanted.collect();
            // What is there already is asked for where it has to go: of a new record there is
            // nothing, and a new primary company takes the place of the old one by itself.
            let asks = |wish: &Wish| {
                verb == Verb::Update
                    && match wish {
                        Wish::Point(_, to) => to.is_none() || !relation.replaces(),
                        Wish::Members { .. } => false,
                    }
            };
            let asked = wanted.iter().filter(|(_, _, wish)| asks(wish));
            let asked: Vec<&str> = asked.map(|(_, id, _)| *id).collect();
            let present = if asked.is_empty() {
                BTreeMap::new()
            } else {
                self.ties(table, Operation::Apply, relation.to, &asked).await?
            };
            for (place, id, wish) in wanted {
                let held = present.get(id).map(|tied| relation.members(tied)).unwrap_or_default();
                let change =
                    |deed, to: &String| Change::new(place, relation, deed, id, to.as_str());
                let (come, go) = moves(relation, wish, &held);
                changes.extend(go.iter().map(|to| change(relation.removal(), to)));
                changes.extend(come.iter().map(|to| change(Deed::Make, to)));
            }
        }
        Ok(changes)
    }
}

/// Returns which records come and which go, given those that the reference holds.
fn moves(relation: &Relation, wish: &Wish, held: &[String]) -> (Vec<String>, Vec<String>) {
    match wish {
        Wish::Point(_, to) => {
            let stays = |id: &String| to.as_ref() == Some(id);
            let come = to.iter().filter(|to| !held.contains(*to) || relation.replaces());
            (come.cloned().collect(), held.iter().filter(|id| !stays(id)).cloned().collect())
        }
        Wish::Members { come, go, .. } => (come.clone(), go.clone()),
    }
}

/// One write of a batch on its way.
#[derive(Debug)]
struct Slot<'a> {
    write: &'a Write,
    plan: Option<Plan>,
    result: Option<Result<Written>>,
}

impl<'a> Slot<'a> {
    fn new(write: &'a Write, plan: Result<Plan>) -> Self {
        match plan {
            Ok(plan) => Self { write, plan: Some(plan), result: None },
            Err(error) => Self { write, plan: None, result: Some(Err(error)) },
        }
    }

    /// Returns whether the record itself is not written at all.
    fn is_silent(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.members.is_empty())
    }

    fn has_wishes(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| !plan.wishes.is_empty())
    }

    fn wish(&self, field: Field) -> Option<&Wish> {
        self.plan.as_ref()?.wishes.iter().find(|wish| match wish {
            Wish::Point(known, _) | Wish::Members { field: known, .. } => *known == field,
        })
    }

    fn written(&self) -> Option<&Written> {
        self.result.as_ref()?.as_ref().ok()
    }

    /// Replaces a success by what went wrong after it; the first such thing counts.
    fn fail(&mut self, error: ProviderError) {
        if matches!(self.result, Some(Ok(_))) {
            self.result = Some(Err(error));
        }
    }

    /// Notes that a record was written without a field; the first reason counts.
    fn refuse(&mut self, field: Field, message: String) {
        if let Some(Ok(written)) = &mut self.result
            && written.refused.iter().all(|(known, _)| *known != field)
        {
            written.refused.push((field, message));
        }
    }

    /// Returns the result, with what the room translated among what is stored.
    fn into_result(self) -> Result<Written> {
        let mut written = self.result.unwrap_or_else(|| Err(untold()))?;
        let Some(plan) = self.plan else { return Ok(written) };
        let stored = written.stored.get_or_insert_with(Fields::new);
        for (field, value) in plan.shown {
            stored.insert(field, value);
        }
        Ok(written)
    }
}

/// Returns which form of a kind a write is about.
fn form_of(tables: &[Table], write: &Write) -> Option<usize> {
    match &write.action {
        Action::Create { fields, .. } => {
            let form = fields.get(Field::TYPE).and_then(Value::as_str)?;
            tables.iter().position(|table| table.mapping().variant == Some(form))
        }
        Action::Update { id, .. } | Action::Delete { id } => {
            tables.iter().position(|table| table.bare(id.as_str()).is_some())
        }
    }
}

fn formless(write: &Write) -> ProviderError {
    match &write.action {
        Action::Create { .. } => {
            let kind = ErrorKind::Validation { field: Some(Field::TYPE) };
            ProviderError::new(kind, "HubSpot has no such type of activity")
        }
        Action::Update { .. } | Action::Delete { .. } => {
            ProviderError::new(ErrorKind::NotFound, "the id names no type of record")
        }
    }
}

/// Returns what is to be said of an association that HubSpot does not accept: the record is there
/// without it.
fn not_accepted(change: &Change, error: &ProviderError) -> Option<String> {
    let at_fault = matches!(
        error.kind(),
        ErrorKind::Validation { .. } | ErrorKind::NotFound | ErrorKind::Conflict { .. }
    );
    let Change { field, to, .. } = change;
    let said = error.message();
    at_fault.then(|| format!("the association `{field}` with {to} is not accepted: {said}"))
}

/// The record was written, and whether its associations were is not known or not so: both are
/// found out by a read.
fn half_done(error: &ProviderError) -> ProviderError {
    let kind = ErrorKind::Transient { applied: Applied::Unknown };
    let message = format!("the record was written, its associations were not: {}", error.message());
    ProviderError::new(kind, message).with_operation(Operation::Apply)
}

/// Returns which batch endpoint a verb goes to.
fn endpoint(table: &Table, verb: Verb) -> &'static str {
    match verb {
        Verb::Create if table.capability.unique_key => "upsert",
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Delete => "archive",
    }
}

fn input<'a>(table: &'a Table, place: usize, write: &'a Write, plan: &Plan) -> Input<'a> {
    let upsert = table.capability.unique_key;
    let (id, id_property) = match &write.action {
        Action::Delete { id } => return Input::id(table.bare(id.as_str()).unwrap_or_default()),
        Action::Update { id, .. } => (table.bare(id.as_str()), None),
        Action::Create { uid, .. } if upsert => (Some(uid.as_str()), table.mapping().uid),
        Action::Create { .. } => (None, None),
    };
    Input {
        id: id.map(Cow::Borrowed),
        id_property,
        properties: Some(plan.members.clone()),
        object_write_trace_id: Some(place.to_string()),
        associations: id.is_none().then_some([]),
    }
}

fn open<'s>(slots: &'s [Slot<'_>]) -> Vec<(&'s Write, &'s Plan)> {
    let open = slots.iter().filter(|slot| slot.result.is_none());
    open.filter_map(|slot| Some((slot.write, slot.plan.as_ref()?))).collect()
}

fn fill(slots: &mut [Slot<'_>], results: Vec<Result<Written>>) {
    let open = slots.iter_mut().filter(|slot| slot.result.is_none());
    for (slot, result) in open.zip(results) {
        slot.result = Some(result);
    }
}

/// A property that the account lacks fails every write that has it, and only those: they are
/// settled at once instead of being found one by one. Returns whether there was any.
fn blame(table: &Table, slots: &mut [Slot<'_>], error: &ProviderError) -> bool {
    let ErrorKind::Validation { field: Some(field) } = error.kind() else {
        return false;
    };
    if error.code() != Some(UNKNOWN_PROPERTY) || table.mapping().rule(*field).is_none() {
        return false;
    }
    let guilty = slots.iter_mut().filter(|slot| slot.result.is_none() && has(slot.write, *field));
    let mut any = false;
    for slot in guilty {
        slot.result = Some(Err(error.copy()));
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
        for place in places_of(table, writes, problem) {
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
            Action::Update { id, .. } | Action::Delete { id } => {
                table.bare(id.as_str()) == Some(&object.id)
            }
        })
    })
}

fn places_of(table: &Table, writes: &[&Write], problem: &Problem<'_>) -> Vec<usize> {
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
    let is_named = |write: &Write| match &write.action {
        Action::Create { uid, .. } => named.contains(&uid.as_str()),
        Action::Update { id, .. } | Action::Delete { id } => {
            table.bare(id.as_str()).is_some_and(|id| named.contains(&id))
        }
    };
    let places = writes.iter().enumerate().filter(|(_, write)| is_named(write));
    places.map(|(place, _)| place).collect()
}

fn written(table: &Table, object: &Object<'_>) -> Written {
    let version = table.version(object);
    Written {
        id: table.id(&object.id),
        modified_at: version.as_ref().and_then(|version| normal::instant(&version.0)),
        version,
        stored: Some(table.echoed(object)),
        refused: Vec::new(),
    }
}

fn archived(write: &Write) -> Written {
    Written::new(write.target().into())
}

/// Returns what is known of a record that was not written itself, only its associations.
fn unwritten(write: &Write) -> Written {
    Written { stored: Some(Fields::new()), ..archived(write) }
}
