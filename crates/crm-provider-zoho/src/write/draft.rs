//! What is sent for each write of a batch, and which of them need not be sent.

use std::collections::BTreeMap;

use crm_core::{
    Action, ErrorKind, Field, Fields, Mapping, ObjectKind, Patch, ProviderError, Result, Value,
    Wire, Write, Written, mapping, normal,
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::coql::moment;
use crate::error;
use crate::table::{ID, LENGTH, SECONDS, Table, moment_of};
use crate::translate::{self, Present, Translation};

/// A meeting needs an end; one without is a point in time.
const START: &str = "Start_DateTime";
const END: &str = "End_DateTime";

/// What a record shows before it is changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) present: Present,
    /// When it was changed last.
    pub(super) modified_at: Option<Timestamp>,
}

/// One record of a call.
#[derive(Debug)]
pub(super) struct Draft<'w> {
    /// The write's place in its batch.
    pub(super) place: usize,
    pub(super) write: &'w Write,
    pub(super) module: &'static str,
    /// Which mapping the module has; none of its siblings'.
    pub(super) mapping: &'static Mapping,
    /// Whether the write is bound to a version.
    pub(super) bound: Option<Timestamp>,
    pub(super) members: Map<String, Json>,
}

/// A batch.
#[derive(Debug, Default)]
pub(super) struct Drafts<'w> {
    pub(super) sent: Vec<Draft<'w>>,
    /// What need not be sent, or cannot be, by place.
    pub(super) settled: BTreeMap<usize, Result<Written>>,
}

impl<'w> Drafts<'w> {
    pub(super) fn of(
        tables: &[Table],
        writes: &[&'w Write],
        shown: &BTreeMap<String, Shown>,
    ) -> Self {
        let mut drafts = Self::default();
        for (place, write) in writes.iter().enumerate() {
            match of(tables, write, shown) {
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
        drafts
    }
}

/// Returns what is sent for a write; nothing where nothing would change.
fn of<'w>(
    tables: &[Table],
    write: &'w Write,
    shown: &BTreeMap<String, Shown>,
) -> Result<Option<Draft<'w>>> {
    let draft = |table: &Table, bound, members| Draft {
        place: 0,
        write,
        module: table.module(),
        mapping: table.mapping,
        bound,
        members,
    };
    match &write.action {
        Action::Create { uid, fields } => {
            let table = tables.iter().find(|table| has_form(table, fields));
            let table = table.ok_or_else(|| no_form(fields))?;
            let mut members = new_record(table, fields)?;
            let name = table.uid.ok_or_else(error::no_uid_field)?;
            members.insert(name.to_owned(), json!(uid.as_str()));
            Ok(Some(draft(table, None, members)))
        }
        Action::Update { id, patch, expected } => {
            let (table, own) = home(tables, id.as_str())?;
            same_form(table, patch)?;
            let shown = shown.get(id.as_str()).cloned().unwrap_or_default();
            let bound = expected.as_ref().and_then(moment_of);
            // What was read just now is newer than what the engine decided on.
            if let (Some(bound), Some(now)) = (bound, shown.modified_at)
                && now > bound
            {
                return Err(error::stale());
            }
            let mut members = change(table, patch, shown.present)?;
            if members.is_empty() && !patch.is_empty() {
                return Ok(None);
            }
            members.insert(ID.to_owned(), json!(own));
            Ok(Some(draft(table, bound, members)))
        }
        Action::Delete { id } => {
            let (table, own) = home(tables, id.as_str())?;
            let members = Map::from_iter([(ID.to_owned(), json!(own))]);
            Ok(Some(draft(table, None, members)))
        }
    }
}

/// Returns the module of an id, and the vendor's own one.
fn home<'t, 'i>(tables: &'t [Table], id: &'i str) -> Result<(&'t Table, &'i str)> {
    let found = tables.iter().find_map(|table| Some((table, table.own_id(id)?)));
    found.ok_or_else(error::no_record)
}

fn variant_of(fields: &Fields) -> Option<&str> {
    fields.get(Field::TYPE).and_then(Value::as_str)
}

fn has_form(table: &Table, fields: &Fields) -> bool {
    table.mapping.variant.is_none() || table.mapping.variant == variant_of(fields)
}

fn new_record(table: &Table, fields: &Fields) -> Result<Map<String, Json>> {
    let mut members = mapping::encode_fields(table.mapping, fields);
    let mut translation = translation(table, Present::default(), None);
    for (field, value) in fields.iter() {
        if let Some(rule) = table.mapping.rule(field).filter(|rule| rule.wire.is_translated()) {
            translation.add(rule, Some(value))?;
        }
    }
    members.extend(translation.members);
    for (field, value) in fields.iter() {
        spell(table.mapping, field, Some(value), &mut members)?;
    }
    if table.module() == "Events" && !members.contains_key(END) {
        let start = members.get(START).cloned();
        members.extend(start.map(|start| (END.to_owned(), start)));
    }
    Ok(members)
}

fn change(table: &Table, patch: &Patch, present: Present) -> Result<Map<String, Json>> {
    let mut members = mapping::encode(table.mapping, patch);
    let mut translation = translation(table, present, Some(patch));
    for (field, value) in patch.iter() {
        let rule = table.mapping.rule(field).filter(|rule| rule.wire.is_translated());
        if let Some(rule) = rule.filter(|rule| rule.wire != Wire::Variant) {
            translation.add(rule, value)?;
        }
    }
    members.extend(translation.members);
    for (field, value) in patch.iter() {
        spell(table.mapping, field, value, &mut members)?;
    }
    Ok(members)
}

/// Brings a member to the vendor's spelling: times have an offset and no fractions, a reference is
/// an object, and the length of a call has another name.
fn spell(
    mapping: &Mapping,
    field: Field,
    value: Option<&Value>,
    members: &mut Map<String, Json>,
) -> Result<()> {
    let Some(rule) = mapping.rule(field) else { return Ok(()) };
    match (rule.wire, value) {
        (Wire::Instant, Some(Value::Instant(at))) => {
            members.insert(rule.remote.to_owned(), json!(moment(*at)));
        }
        (Wire::Id, Some(value)) => {
            let id = translate::remote(field, value)?;
            members.insert(rule.remote.to_owned(), translate::lookup(Some(id)));
        }
        (Wire::Number, _) if rule.remote == SECONDS => {
            let seconds = members.remove(SECONDS).and_then(|seconds| seconds.as_u64());
            let length = seconds.map(|s| format!("{:02}:{:02}", s / 60, s % 60));
            members.insert(LENGTH.to_owned(), length.map_or(Json::Null, Json::from));
        }
        (
            Wire::Text
            | Wire::Number
            | Wire::NumberText
            | Wire::Bool
            | Wire::BoolText
            | Wire::Date
            | Wire::Instant
            | Wire::Choice(_)
            | Wire::Day
            | Wire::Id
            | Wire::Related
            | Wire::Variant
            | Wire::Owner
            | Wire::Stage,
            _,
        ) => {}
    }
    Ok(())
}

/// What a record is was decided when it was made.
fn same_form(table: &Table, patch: &Patch) -> Result<()> {
    let wanted = patch.iter().find(|(field, _)| *field == Field::TYPE);
    let (Some((field, wanted)), Some(own)) = (wanted, table.mapping.variant) else {
        return Ok(());
    };
    if wanted.and_then(Value::as_str) == Some(own) {
        return Ok(());
    }
    let kind = ErrorKind::Validation { field: Some(field) };
    let message = "an activity in Zoho stays what it is: task, call or meeting";
    Err(ProviderError::new(kind, message).with_operation(crm_core::Operation::Apply))
}

fn translation<'t>(
    table: &'t Table,
    present: Present,
    patch: Option<&'t Patch>,
) -> Translation<'t> {
    Translation { metadata: &table.metadata, present, patch, members: Map::new() }
}

fn no_form(fields: &Fields) -> ProviderError {
    let kind = ErrorKind::Validation { field: Some(Field::TYPE) };
    let message = match variant_of(fields) {
        Some(name) => format!("Zoho keeps no activity of the type `{name}`"),
        None => "an activity needs a type: task, call or meeting".to_owned(),
    };
    ProviderError::new(kind, message).with_operation(crm_core::Operation::Apply)
}

/// Returns whether what a write sends depends on what its record shows now: it moves a deal to a
/// stage, or changes a column that holds one of several fields and does not say which of them it
/// holds afterwards.
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
            either && !sets_deal
        }
        ObjectKind::Company | ObjectKind::Contact => false,
    }
}

/// Returns the version that a write is bound to.
pub(super) fn bound(write: &Write) -> Option<Timestamp> {
    match &write.action {
        Action::Update { expected, .. } => expected.as_ref().and_then(|v| normal::instant(&v.0)),
        Action::Create { .. } | Action::Delete { .. } => None,
    }
}
