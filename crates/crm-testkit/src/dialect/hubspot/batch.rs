//! Up to a hundred records at once, and what comes back when some of them fail.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::fail::{Fail, Problem, empty_response, json_response};
use super::kind::Kind;
use super::object::live_survivor;
use super::time::iso;
use super::write::{Echo, Written, needs};
use super::{Answer, HubSpot, MergedInBatch, body, render, strings, text};
use crate::fake::Call;
use crate::world::{Source, State, World};

/// The most inputs of a batch.
const INPUTS_MAX: usize = 100;

/// One input of a batch.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) id_property: Option<String>,
    pub(super) fields: Map<String, Value>,
    pub(super) trace: Option<String>,
    /// What a create is to be tied to.
    pub(super) ties: Option<Value>,
}

/// The rows that a batch answers with.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// By record number: the vendor keeps no order, so nobody should rely on the inputs'.
    pub(super) done: BTreeMap<u64, Bytes>,
    pub(super) errors: Vec<Value>,
}

impl HubSpot {
    /// Answers a batch.
    pub(super) fn batch(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
        action: &str,
    ) -> Answer {
        let body = body(call)?;
        let items = items(&body)?;
        match action {
            "create" => self.batch_create(world, call, kind, &items),
            "read" => self.batch_read(world, call, kind, &body, &items),
            "update" => self.batch_update(world, call, kind, &items),
            "upsert" => self.batch_upsert(world, call, kind, &items),
            "archive" => {
                let stamp = world.stamp(Source::Integration);
                let table = world.table_mut(kind.plural);
                for item in &items {
                    let key = item.id.parse().ok().and_then(|key| live_survivor(table, key));
                    if let Some(key) = key {
                        table.archive(key, &stamp);
                    }
                }
                Ok(empty_response(StatusCode::NO_CONTENT))
            }
            _ => Err(Fail::not_found()),
        }
    }

    fn batch_create(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
        items: &[Item],
    ) -> Answer {
        let traced = traced(items);
        let spoiled = call.spoiled(items.len());
        if !traced {
            refuse_whole(spoiled)?;
            let all = self.examine_all(kind, items)?;
            for written in &all {
                needs(kind, written)?;
            }
            self.refuse_clashes(world, kind, &all)?;
        }
        let mut rows = Rows::default();
        for (place, item) in items.iter().enumerate() {
            let done = if spoiled == Some(place) {
                Err(spoilt())
            } else {
                self.create_item(world, kind, &item.fields, item.ties.as_ref())
            };
            match done {
                Ok((key, written)) => {
                    let table = world.table_mut(kind.plural);
                    let row = self.echo(table, kind, key, &written, Echo::Create);
                    rows.done.insert(key, row.unwrap_or_default());
                }
                Err(fail) => rows.errors.push(fail.into_row(item.context())),
            }
        }
        Ok(envelope(world.now_ms(), 201, rows))
    }

    /// Creates one record of a batch.
    pub(super) fn create_item(
        &mut self,
        world: &mut World,
        kind: &'static Kind,
        fields: &Map<String, Value>,
        ties: Option<&Value>,
    ) -> Result<(u64, Written), Fail> {
        let written = self.check(kind, fields)?;
        needs(kind, &written)?;
        let wishes = Self::wishes(kind, ties)?;
        for wish in &wishes {
            if super::links::live(world, wish.to_kind, &wish.to).is_none() {
                return Err(super::links::bad_id(&wish.to));
            }
        }
        if let Some(clash) = self.clash(world.table_mut(kind.plural), kind, &written, None) {
            let existing = json!({ "existingId": [clash.owner().to_string()] });
            return Err(clash.fail(kind).with("context", existing));
        }
        let key = self.insert(world, kind, &written, Source::Integration)?;
        for wish in wishes {
            let from = (kind, &*key.to_string());
            self.make(world, from, (wish.to_kind, &wish.to), &wish.types, Source::Integration)?;
        }
        Ok((key, written))
    }

    fn batch_read(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
        body: &Map<String, Value>,
        items: &[Item],
    ) -> Answer {
        let asked = strings(body.get("properties"));
        let wanted = self.wanted(kind, &asked, &strings(body.get("propertiesWithHistory")));
        let property = body.get("idProperty").and_then(text);
        let archived = call.query("archived") == Some("true");
        let spoiled = call.spoiled(items.len());
        let mut rows = Rows::default();
        let mut missing = Vec::new();
        for (place, item) in items.iter().enumerate() {
            if spoiled == Some(place) {
                rows.errors.push(spoilt().into_row(item.context()));
                continue;
            }
            let key = self.key_of(world, kind, &item.id, property.as_deref())?;
            let redirect = self.options.merged_in_batch == MergedInBatch::Survivor;
            let table = world.table_mut(kind.plural);
            let record = match key {
                Some(key) if redirect => table.survivor(key),
                Some(key) => table.get(key),
                None => None,
            };
            let fits = record.filter(|record| match record.state() {
                State::Live => !archived,
                State::Archived { .. } => archived,
                State::Merged { .. } => false,
            });
            match fits.map(crate::world::Record::key) {
                Some(key) => {
                    let row = self.render(table, kind, key, &wanted).unwrap_or_default();
                    rows.done.insert(key, row);
                }
                None => missing.push(item.id.clone()),
            }
        }
        if !missing.is_empty() {
            rows.errors.push(not_gotten(kind).into_row(context("ids", &missing)));
        }
        Ok(envelope(world.now_ms(), 200, rows))
    }

    fn batch_update(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
        items: &[Item],
    ) -> Answer {
        refuse_duplicates(items)?;
        let traced = traced(items);
        if !traced {
            self.examine_all(kind, items)?;
        }
        let spoiled = call.spoiled(items.len());
        let mut keys = Vec::new();
        for item in items {
            let key = self.key_of(world, kind, &item.id, item.id_property.as_deref())?;
            let table = world.table_mut(kind.plural);
            keys.push(key.and_then(|key| live_survivor(table, key)));
        }
        if !traced {
            for (item, key) in items.iter().zip(&keys) {
                let written = self.check(kind, &item.fields)?;
                let table = world.table_mut(kind.plural);
                if let Some(clash) = self.clash(table, kind, &written, *key) {
                    return Err(clash.fail(kind));
                }
            }
        }
        let mut rows = Rows::default();
        let mut missing = Vec::new();
        for (place, (item, key)) in items.iter().zip(keys).enumerate() {
            let done = match key {
                _ if spoiled == Some(place) => Err(spoilt()),
                None if traced => Err(not_gotten(kind)),
                None => {
                    missing.push(item.id.clone());
                    continue;
                }
                Some(key) => self.update_item(world, kind, key, &item.fields),
            };
            match done {
                Ok((key, row)) => {
                    rows.done.insert(key, row);
                }
                Err(fail) => {
                    let mut context = item.context();
                    context.insert("ids".to_owned(), json!([item.id]));
                    rows.errors.push(fail.into_row(context));
                }
            }
        }
        if !missing.is_empty() {
            rows.errors.push(not_gotten(kind).into_row(context("ids", &missing)));
        }
        Ok(envelope(world.now_ms(), 200, rows))
    }

    /// Updates one record of a batch.
    pub(super) fn update_item(
        &mut self,
        world: &mut World,
        kind: &'static Kind,
        key: u64,
        fields: &Map<String, Value>,
    ) -> Result<(u64, Bytes), Fail> {
        let written = self.check(kind, fields)?;
        if let Some(clash) = self.clash(world.table_mut(kind.plural), kind, &written, Some(key)) {
            let existing = json!({ "existingId": [clash.owner().to_string()] });
            return Err(clash.fail(kind).with("context", existing));
        }
        self.update(world, kind, key, &written, Source::Integration)?;
        let table = world.table_mut(kind.plural);
        let row = self.echo(table, kind, key, &written, Echo::Update);
        Ok((key, row.unwrap_or_default()))
    }

    /// Returns the values of all inputs, or the refusal of all for what is wrong with any.
    pub(super) fn examine_all(
        &self,
        kind: &'static Kind,
        items: &[Item],
    ) -> Result<Vec<Written>, Fail> {
        let mut all = Vec::new();
        let mut problems: Vec<Problem> = Vec::new();
        for item in items {
            match self.examine(kind, &item.fields) {
                Ok(written) => all.push(written),
                Err(wrong) => problems.extend(wrong),
            }
        }
        if problems.is_empty() { Ok(all) } else { Err(Fail::values(&problems)) }
    }

    /// Refuses creates of which one meets an existing record or another of the same batch.
    pub(super) fn refuse_clashes(
        &self,
        world: &mut World,
        kind: &'static Kind,
        all: &[Written],
    ) -> Result<(), Fail> {
        let mut emails = BTreeSet::new();
        for written in all {
            let clash = self.clash(world.table_mut(kind.plural), kind, written, None);
            if let Some(super::write::Clash::Unique { .. }) = &clash {
                return clash.map_or(Ok(()), |clash| Err(clash.fail(kind)));
            }
            let email = written.get("email").filter(|email| !email.is_empty());
            if clash.is_some() || email.is_some_and(|email| !emails.insert(email)) {
                // Without trace ids the vendor does not say which one it was.
                let message = format!("{} already exists", kind.title);
                return Err(Fail::of(409, "CONFLICT", message));
            }
        }
        Ok(())
    }
}

impl Item {
    /// Returns what tells the client which input an error is about.
    pub(super) fn context(&self) -> Map<String, Value> {
        let mut context = Map::new();
        if let Some(trace) = &self.trace {
            context.insert("objectWriteTraceId".to_owned(), json!([trace]));
        }
        if !self.id.is_empty() {
            context.insert("ids".to_owned(), json!([self.id]));
        }
        context
    }
}

/// Returns whether every input carries a trace id of its own.
pub(super) fn traced(items: &[Item]) -> bool {
    let traces: BTreeSet<&String> = items.iter().filter_map(|item| item.trace.as_ref()).collect();
    traces.len() == items.len()
}

/// Refuses the whole batch if one input is to fail and nothing could say which.
pub(super) fn refuse_whole(spoiled: Option<usize>) -> Result<(), Fail> {
    if spoiled.is_some() { Err(Fail::new(500, "internal error")) } else { Ok(()) }
}

/// Refuses inputs that name one record twice.
pub(super) fn refuse_duplicates(items: &[Item]) -> Result<(), Fail> {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> =
        items.iter().map(|item| item.id.as_str()).filter(|id| !seen.insert(*id)).collect();
    if twice.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = twice.into_iter().collect();
    let message =
        format!("Duplicate IDs found in batch input: [{}]. IDs must be unique", ids.join(", "));
    Err(Fail::invalid(message).with("context", json!({ "ids": ids })))
}

/// Returns the failure of one input that the fault plan picked.
pub(super) fn spoilt() -> Fail {
    Fail::of(500, "INTERNAL_ERROR", "Something went wrong with this record. Please try again.")
}

/// Returns a batch's answer.
pub(super) fn envelope(now_ms: i64, status: u16, rows: Rows) -> Response<Bytes> {
    let now = iso(now_ms);
    let before =
        format!("\"completedAt\":\"{now}\",\"status\":\"COMPLETE\",\"startedAt\":\"{now}\",");
    let done: Vec<Bytes> = rows.done.into_values().collect();
    if rows.errors.is_empty() {
        return json_response(status, render::results(&before, &done, ""));
    }
    let count = rows.errors.len();
    let after = format!(",\"errors\":{},\"numErrors\":{count}", Value::Array(rows.errors));
    json_response(207, render::results(&before, &done, &after))
}

fn not_gotten(kind: &'static Kind) -> Fail {
    let message = format!(
        "Could not get some {} objects, they may be deleted or not exist. Check that ids are \
         valid.",
        kind.singular.to_uppercase()
    );
    Fail::of(404, "OBJECT_NOT_FOUND", message)
}

fn context(name: &str, values: &[String]) -> Map<String, Value> {
    [(name.to_owned(), json!(values))].into_iter().collect()
}

fn items(body: &Map<String, Value>) -> Result<Vec<Item>, Fail> {
    let Some(inputs) = body.get("inputs").and_then(Value::as_array) else {
        return Err(Fail::invalid("Invalid input JSON: inputs is required"));
    };
    if inputs.len() > INPUTS_MAX {
        let count = inputs.len();
        let message = format!("The maximum number of inputs is {INPUTS_MAX}, but {count} came");
        return Err(Fail::invalid(message));
    }
    let field = |input: &Value, name: &str| input.get(name).and_then(text);
    let items = inputs.iter().map(|input| Item {
        id: field(input, "id").unwrap_or_default(),
        id_property: field(input, "idProperty"),
        fields: input.get("properties").and_then(Value::as_object).cloned().unwrap_or_default(),
        trace: field(input, "objectWriteTraceId"),
        ties: input.get("associations").cloned(),
    });
    Ok(items.collect())
}
