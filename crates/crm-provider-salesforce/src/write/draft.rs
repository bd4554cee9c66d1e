//! What is sent for each write of a batch, and which of them need not be sent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crm_core::{
    Action, ErrorKind, Field, Fields, Mapping, ObjectKind, Patch, ProviderError, Result, Value,
    Wire, Write, Written, mapping,
};
use serde_json::{Map, Value as Json};

use crate::error;
use crate::read::is_id;
use crate::table::Table;
use crate::translate::{Present, Translation};
use crate::wire::{Input, of_type};

/// What a task that records something already done is created with, unless it says otherwise: the
/// vendor's own default would make a task that waits for somebody.
const DONE: (&str, &str) = ("Status", "Completed");
const DONE_FORMS: &[&str] = &["call", "email"];
/// An event needs an end or a length; one without is a point in time.
const END: &str = "EndDateTime";
const LENGTH: &str = "DurationInMinutes";

/// One record of a collection.
#[derive(Debug)]
pub(super) struct Draft<'w> {
    /// The write's place in its batch.
    pub(super) place: usize,
    pub(super) object: &'static str,
    pub(super) id: Option<&'w str>,
    pub(super) members: Map<String, Json>,
}

impl<'w> Draft<'w> {
    pub(super) fn input(self) -> Input<'w> {
        let id = self.id.map(Cow::Borrowed);
        Input { attributes: of_type(self.object), id, members: self.members }
    }
}

/// A batch.
#[derive(Debug)]
pub(super) struct Drafts<'w> {
    /// What is sent, the records of one type behind each other: a collection that changes its type
    /// too often is refused.
    pub(super) sent: Vec<Draft<'w>>,
    /// What need not be sent, or cannot be, by place.
    pub(super) settled: BTreeMap<usize, Result<Written>>,
}

impl<'w> Drafts<'w> {
    pub(super) fn of(
        tables: &[Table],
        writes: &[&'w Write],
        present: &BTreeMap<String, Present>,
    ) -> Self {
        let mut drafts = Self { sent: Vec::new(), settled: BTreeMap::new() };
        for (place, write) in writes.iter().enumerate() {
            match of(tables, write, present) {
                Ok(Some(draft)) => drafts.sent.push(Draft { place, ..draft }),
                Ok(None) => {
                    let id = write.target().into();
                    drafts.settled.insert(place, Ok(Written::new(id)));
                }
                Err(error) => {
                    drafts.settled.insert(place, Err(error));
                }
            }
        }
        drafts.sent.sort_by_key(|draft| draft.object);
        drafts
    }
}

/// Returns what is sent for a write; nothing where nothing would change.
pub(super) fn of<'w>(
    tables: &[Table],
    write: &'w Write,
    present: &BTreeMap<String, Present>,
) -> Result<Option<Draft<'w>>> {
    match &write.action {
        Action::Create { .. } => new_record(tables, write).map(Some),
        Action::Update { id, patch, .. } => {
            let present = present.get(id.as_str()).cloned().unwrap_or_default();
            let (object, members) = change(home(tables, id.as_str())?, patch, present)?;
            // A patch that the record's own row has no part in is written beside it.
            if members.is_empty() && !patch.is_empty() {
                return Ok(None);
            }
            Ok(Some(Draft { place: 0, object, id: Some(id.as_str()), members }))
        }
        Action::Delete { id } => {
            let object = home(tables, id.as_str())?.object;
            Ok(Some(Draft { place: 0, object, id: Some(id.as_str()), members: Map::new() }))
        }
    }
}

/// Returns the type of an id. What has not the form of one would fail the records beside it.
fn home<'t>(tables: &'t [Table], id: &str) -> Result<&'t Table> {
    let table = tables.iter().find(|table| is_id(id) && table.has(id));
    table.ok_or_else(error::no_record)
}

fn variant_of(fields: &Fields) -> Option<&str> {
    fields.get(Field::TYPE).and_then(Value::as_str)
}

/// Returns the form that a type has for a new record.
fn form_of(table: &Table, fields: &Fields) -> Option<&'static Mapping> {
    let variant = variant_of(fields);
    let mut forms = table.mappings().iter().copied();
    forms.find(|form| form.variant.is_none() || form.variant == variant)
}

/// Returns whether a new record is one of this type.
pub(super) fn has_form(table: &Table, fields: &Fields) -> bool {
    form_of(table, fields).is_some()
}

fn new_record<'w>(tables: &[Table], write: &'w Write) -> Result<Draft<'w>> {
    let Action::Create { uid, fields } = &write.action else {
        return Err(error::no_record());
    };
    let fitting = tables.iter().find_map(|table| Some((table, form_of(table, fields)?)));
    let (table, form) = fitting.ok_or_else(|| no_form(variant_of(fields)))?;
    let mut members = mapping::encode_fields(form, fields);
    let mut translation = translation(table, Present::default(), None);
    for (field, value) in fields.iter() {
        if let Some(rule) = form.rule(field).filter(|rule| rule.wire.is_translated()) {
            translation.add(rule, Some(value))?;
        }
    }
    members.extend(translation.members);
    let text = |text: &str| Json::String(text.to_owned());
    members.extend(form.fixed.iter().map(|(name, value)| ((*name).to_owned(), text(value))));
    fill(form, &mut members);
    if let Some(name) = table.uid {
        members.insert(name.to_owned(), text(uid.as_str()));
    }
    Ok(Draft { place: 0, object: table.object, id: None, members })
}

fn fill(form: &Mapping, members: &mut Map<String, Json>) {
    if form.variant.is_some_and(|variant| DONE_FORMS.contains(&variant)) {
        members.entry(DONE.0).or_insert_with(|| Json::String(DONE.1.to_owned()));
    }
    if form.remote == "Event" && !members.contains_key(END) {
        members.insert(LENGTH.to_owned(), Json::from(0));
    }
}

/// A patch does not say of which form its record is; a column means the same in all of one type.
fn change(
    table: &Table,
    patch: &Patch,
    present: Present,
) -> Result<(&'static str, Map<String, Json>)> {
    let mut members = Map::new();
    same_form(patch, &present)?;
    let mut translation = translation(table, present, Some(patch));
    for form in table.mappings() {
        members.extend(mapping::encode(form, patch));
    }
    for (field, value) in patch.iter() {
        let rules = table.mappings().iter().filter_map(|form| form.rule(field));
        let rule = { rules }.find(|rule| rule.wire.is_translated() && rule.wire != Wire::Variant);
        if let Some(rule) = rule {
            translation.add(rule, value)?;
        }
    }
    members.extend(translation.members);
    Ok((table.object, members))
}

/// What a record is was decided when it was made.
fn same_form(patch: &Patch, present: &Present) -> Result<()> {
    let wanted = patch.iter().find(|(field, _)| *field == Field::TYPE);
    let (Some((field, wanted)), Some(own)) = (wanted, present.variant) else {
        return Ok(());
    };
    if wanted.and_then(Value::as_str) == Some(own) {
        return Ok(());
    }
    let kind = ErrorKind::Validation { field: Some(field) };
    let message = "an activity in Salesforce stays what it is: task, call, email or meeting";
    Err(ProviderError::new(kind, message).with_operation(crm_core::Operation::Apply))
}

fn translation<'t>(
    table: &'t Table,
    present: Present,
    patch: Option<&'t Patch>,
) -> Translation<'t> {
    Translation { metadata: &table.metadata, present, patch, members: Map::new() }
}

fn no_form(variant: Option<&str>) -> ProviderError {
    let kind = ErrorKind::Validation { field: Some(Field::TYPE) };
    let message = match variant {
        Some(name) => format!("Salesforce keeps no activity of the type `{name}`"),
        None => "an activity needs a type: task, call, email or meeting".to_owned(),
    };
    ProviderError::new(kind, message).with_operation(crm_core::Operation::Apply)
}

/// Returns whether what a write sends depends on what its record shows now: it moves a deal to a
/// stage, says of an activity what it is, or changes a column that holds one of several fields and
/// does not say which of them it holds afterwards.
pub(super) fn depends(write: &Write) -> bool {
    let Action::Update { patch, .. } = &write.action else {
        return false;
    };
    match write.kind {
        ObjectKind::Deal => patch.contains(Field::STAGE),
        ObjectKind::Activity => {
            let mut set = patch.iter().filter(|(_, value)| value.is_some());
            let sets_deal = set.any(|(field, _)| field == Field::DEAL);
            let either = patch.contains(Field::DEAL) || patch.contains(Field::COMPANY_REF);
            patch.contains(Field::TYPE) || (either && !sets_deal)
        }
        ObjectKind::Company | ObjectKind::Contact => false,
    }
}
