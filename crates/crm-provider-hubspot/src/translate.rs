//! From a write to what HubSpot takes: owners, stages and forms in its own words, and what is left
//! to be done by associations. What cannot be said there is refused before anything is sent.

use std::collections::BTreeMap;

use crm_core::{
    Action, ErrorKind, Field, Fields, Metadata, Operation, Patch, ProviderError, Ref, Result,
    Value, Write,
};
use crm_http::{Effect, Failure, Reply, Request};
use serde_json::{Map, Value as Json};

use crate::HubSpot;
use crate::table::{Arity, Table};
use crate::wire::{Batch, BatchRead, Input};

/// A write as it is sent.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The members of the record's own write.
    pub(crate) members: Map<String, Json>,
    /// What is to become of references.
    pub(crate) wishes: Vec<Wish>,
    /// What the room translated, as the record will show it.
    pub(crate) shown: Fields,
}

/// What is to become of one reference.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// It points there, and nowhere else.
    Point(Field, Option<String>),
    /// Members come and go; others stay.
    Members { field: Field, come: Vec<String>, go: Vec<String> },
}

/// The stages in which records are at the moment: stage and pipeline.
type Present = BTreeMap<String, (Option<String>, Option<String>)>;

impl HubSpot {
    /// Translates writes; one plan or refusal for each, in order.
    pub(crate) async fn plans(
        &self,
        table: &Table,
        writes: &[&Write],
    ) -> Result<Vec<Result<Plan>>> {
        let present = self.present_stages(table, writes).await?;
        let staged = writes.iter().any(|write| asks_stage(write));
        let metadata = if staged && table.stage.is_some() {
            self.with_pipelines().await?
        } else {
            self.metadata()
        };
        let mut plans = Vec::with_capacity(writes.len());
        for write in writes {
            plans.push(self.plan(table, write, &metadata, &present).await);
        }
        Ok(plans)
    }

    async fn plan(
        &self,
        table: &Table,
        write: &Write,
        metadata: &Metadata,
        present: &Present,
    ) -> Result<Plan> {
        let (mut members, changes) = match &write.action {
            Action::Create { fields, uid } => {
                let mut members = table.encode_fields(fields);
                // Named as a property too, so that the echo shows it.
                if let Some(name) = table.mapping().uid {
                    members.insert(name.to_owned(), Json::String(uid.as_str().to_owned()));
                }
                (members, fields.iter().map(|(f, v)| (f, Some(v.clone()))).collect::<Patch>())
            }
            Action::Update { patch, .. } => (table.encode(patch), patch.clone()),
            Action::Delete { .. } => (Map::new(), Patch::new()),
        };
        let mut plan = Plan { members: Map::new(), wishes: Vec::new(), shown: Fields::new() };
        for (field, value) in changes.iter() {
            if field == Field::TYPE {
                check_form(table, value)?;
                plan.shown.set(field, value.cloned());
            }
            if let (Field::OWNER, Some(name)) = (field, table.owner) {
                let id = match value.and_then(Value::as_str) {
                    Some(email) => self.owner_id(email).await?.to_string(),
                    None => String::new(),
                };
                members.insert(name.to_owned(), Json::String(id));
                plan.shown.set(field, value.cloned());
            }
            if let (Field::STAGE, Some(name)) = (field, table.stage) {
                if let Some(id) = stage_id(metadata, write, &changes, value, present)? {
                    members.insert(name.to_owned(), Json::String(id));
                }
                plan.shown.set(field, value.cloned());
            }
        }
        plan.members = members;
        plan.wishes = wishes(table, &changes)?;
        Ok(plan)
    }

    /// Reads in which stages the records are whose stage is to change: several stages may stand
    /// for one of ours, and the right one depends on the pipeline.
    async fn present_stages(&self, table: &Table, writes: &[&Write]) -> Result<Present> {
        let Some(stage) = table.stage else { return Ok(Present::new()) };
        let asking = writes.iter().filter(|write| asks_stage(write));
        let moved = asking.filter_map(|write| match &write.action {
            Action::Update { id, .. } => table.bare(id.as_str()),
            Action::Create { .. } | Action::Delete { .. } => None,
        });
        let ids: Vec<&str> = moved.collect();
        if ids.is_empty() {
            return Ok(Present::new());
        }
        let body = BatchRead {
            inputs: ids.into_iter().map(Input::id).collect(),
            properties: &[stage, "pipeline"],
            properties_with_history: [],
            id_property: None,
        };
        let request = Request::post(Operation::Apply, format!("{}/batch/read", table.path()))
            .endpoint(table.endpoint("POST", "/batch/read"))
            .effect(Effect::Read)
            .query("archived", false)
            .json(&body);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let batch: Batch<'_> = reply.json()?;
            let row = |row: &crate::wire::Object<'_>| {
                let text = |name: &str| row.properties.text(name).map(str::to_owned);
                (row.id.clone().into_owned(), (text(stage), text("pipeline")))
            };
            Ok(batch.results.iter().map(row).collect())
        };
        self.client.fetch(request, &classify, read).await
    }
}

/// Returns whether a write asks for a stage.
fn asks_stage(write: &Write) -> bool {
    match &write.action {
        Action::Create { fields, .. } => fields.get(Field::STAGE).is_some(),
        Action::Update { patch, .. } => {
            patch.iter().any(|(field, value)| field == Field::STAGE && value.is_some())
        }
        Action::Delete { .. } => false,
    }
}

fn check_form(table: &Table, value: Option<&Value>) -> Result<()> {
    if value == table.form().as_ref() {
        return Ok(());
    }
    let message = format!("a record of {} stays one of them", table.name());
    Err(refusal(Field::TYPE, message))
}

/// Returns the stage to write; `None` if the record is in one already that stands for ours.
fn stage_id(
    metadata: &Metadata,
    write: &Write,
    changes: &Patch,
    value: Option<&Value>,
    present: &Present,
) -> Result<Option<String>> {
    let Some(ours) = value.and_then(Value::as_str) else {
        return Ok(Some(String::new()));
    };
    let bare = match &write.action {
        Action::Update { id, .. } => Some(id.as_str()),
        Action::Create { .. } | Action::Delete { .. } => None,
    };
    let (stage, pipeline) = bare.and_then(|id| present.get(id)).cloned().unwrap_or_default();
    let wanted = changes.iter().find(|(field, _)| *field == Field::PIPELINE);
    let wanted = wanted.and_then(|(_, value)| value).and_then(Value::as_str);
    let moves = wanted.is_some_and(|wanted| pipeline.as_deref() != Some(wanted));
    let pipeline = wanted.or(pipeline.as_deref());
    let held = stage.and_then(|id| metadata.stage(pipeline, &id));
    if !moves && held.is_some_and(|held| held.ours.as_deref() == Some(ours)) {
        return Ok(None);
    }
    if let Some(stage) = metadata.stage_for(pipeline, ours) {
        return Ok(Some(stage.id.to_string()));
    }
    let pipeline = pipeline.unwrap_or("the first one");
    Err(refusal(Field::STAGE, format!("no stage of the pipeline {pipeline} stands for `{ours}`")))
}

fn wishes(table: &Table, changes: &Patch) -> Result<Vec<Wish>> {
    let mut wishes = Vec::new();
    for relation in table.relations.iter().filter(|relation| changes.contains(relation.field)) {
        let field = relation.field;
        let id = |value: &Value| match value.as_reference() {
            Some(Ref::Remote(_, id)) => Ok(id.as_str().to_owned()),
            Some(Ref::Entity(_)) | None => {
                Err(refusal(field, format!("`{field}` does not name a record of HubSpot")))
            }
        };
        wishes.push(match relation.arity {
            Arity::One => {
                let value = changes.iter().find(|(known, _)| *known == field);
                let value = value.and_then(|(_, value)| value);
                Wish::Point(field, value.map(id).transpose()?)
            }
            Arity::Many => {
                let (come, go) = changes.members(field);
                Wish::Members {
                    field,
                    come: come.into_iter().map(id).collect::<Result<_>>()?,
                    go: go.into_iter().map(id).collect::<Result<_>>()?,
                }
            }
        });
    }
    Ok(wishes)
}

fn refusal(field: Field, message: String) -> ProviderError {
    let kind = ErrorKind::Validation { field: Some(field) };
    ProviderError::new(kind, message).with_operation(Operation::Apply)
}
