//! Reads the fields of a request: names, permissions, types, references, uniqueness.

use serde_json::{Map, Value};

use super::super::describe::{Field, Kind, Origin, Type};
use super::super::ids;
use super::super::problem::Problem;
use super::super::schema::Found;
use super::super::text;
use super::{Desk, Mode};
use crate::world::Changes;

impl<'a> Desk<'a> {
    /// Returns the values of a request as rows keep them.
    pub(super) fn read(
        &self,
        kind: &'a Kind,
        values: &Map<String, Value>,
        mode: Mode,
    ) -> Result<Changes, Problem> {
        let mut changes = Changes::new();
        let mut locked = Vec::new();
        let flag = match mode {
            Mode::Create => 'c',
            Mode::Update => 'u',
        };
        for (name, value) in values {
            if name == "attributes" {
                continue;
            }
            if name.eq_ignore_ascii_case("id") {
                if value.is_null() {
                    continue;
                }
                return Err(id_in_body(mode));
            }
            let Some(field) = kind.field(name) else {
                let (column, id) = self.by_key(kind, name, value)?;
                changes.insert(column, id);
                continue;
            };
            let in_setup = self.administers(kind) && field.origin == Origin::Row;
            if !field.has(flag) && !in_setup {
                locked.push(field.name.as_str());
                continue;
            }
            let mut kept = text::checked(field, value)?;
            if let Some(text) = kept.as_mut().filter(|_| field.kind == Type::Reference) {
                *text = self.reference(field, text)?;
            }
            changes.insert(field.column, kept);
        }
        if locked.is_empty() {
            return Ok(changes);
        }
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this \
             field and verify that it is read/write for your profile or permission set.",
            locked.join(", ")
        );
        Err(Problem::new("INVALID_FIELD_FOR_INSERT_UPDATE", message).fields(locked))
    }

    /// Checks an id in a reference field and returns its long form.
    fn reference(&self, field: &Field, id: &str) -> Result<String, Problem> {
        let wrong = || {
            let message = format!("{}: id value of incorrect type: {id}", field.label);
            Problem::new("MALFORMED_ID", message).fields([field.name.as_str()])
        };
        let long = ids::lengthened(id).ok_or_else(wrong)?;
        let Some(kind) = self.catalog.of_id(&long) else {
            // A type that this org does not hold, such as a campaign: nothing to check against.
            return Ok(long);
        };
        if !field.targets.iter().any(|target| target == kind.name) {
            return Err(wrong());
        }
        match self.view().record(kind, &long) {
            None => Err(Problem::bad_reference().fields([field.name.as_str()])),
            Some(found) if found.is_deleted() => Err(Problem::deleted()),
            Some(_) => Ok(long),
        }
    }

    /// Resolves `"Account": {"Key__c": "value"}` to the id of the account.
    fn by_key(
        &self,
        kind: &'a Kind,
        name: &str,
        value: &Value,
    ) -> Result<(crate::world::Column, Option<String>), Problem> {
        let unknown = || {
            let message = format!("No such column '{name}' on sobject of type {}", kind.name);
            Problem::new("INVALID_FIELD", message)
        };
        let (_, field) = kind.lookup(name).ok_or_else(unknown)?;
        let parts = match value {
            Value::Null => return Ok((field.column, None)),
            Value::Object(parts) => parts,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(unknown());
            }
        };
        let mut keys = parts.iter().filter(|part| part.0 != "attributes");
        let (Some((key, value)), None) = (keys.next(), keys.next()) else {
            return Err(unknown());
        };
        let value = value.as_str().ok_or_else(unknown)?;
        for target in field.targets.iter().filter_map(|target| self.catalog.kind(target)) {
            let Some(key) = target.field(key).filter(|key| key.has('i')) else {
                continue;
            };
            if let [id] = self.holders(target, key, value).as_slice() {
                return Ok((field.column, Some(id.clone())));
            }
        }
        let message = format!(
            "Foreign key external ID: {value} not found for field {key} in entity {}",
            field.targets.first().map_or("", String::as_str)
        );
        Err(Problem::new("INVALID_FIELD", message).fields::<String>([]))
    }

    /// Checks what concerns other records: unique fields and the duplicate rule.
    pub(super) fn check(
        &self,
        kind: &'a Kind,
        own: Option<u64>,
        changes: &Changes,
    ) -> Result<(), Problem> {
        for field in kind.fields.iter().filter(|field| field.has('q')) {
            let Some(Some(value)) = changes.get(&field.column) else {
                continue;
            };
            let other = self.view().lookup(kind, field, value).map(|found| found.record.key());
            if let Some(key) = { other }.find(|key| Some(*key) != own) {
                let id = ids::long(kind.prefix, key);
                let message = format!(
                    "duplicate value found: {} duplicates value on record with id: {}",
                    field.name,
                    id.get(..15).unwrap_or(&id)
                );
                return Err(Problem::new("DUPLICATE_VALUE", message).fields::<String>([]));
            }
        }
        self.rule(kind, own, changes)
    }

    fn rule(&self, kind: &'a Kind, own: Option<u64>, changes: &Changes) -> Result<(), Problem> {
        if !self.rule.blocks(self.saving) || !matches!(kind.name, "Contact" | "Lead") {
            return Ok(());
        }
        let Some(field) = kind.field("Email") else {
            return Ok(());
        };
        let Some(Some(email)) = changes.get(&field.column) else {
            return Ok(());
        };
        let found = self.view().lookup(kind, field, email);
        let ids: Vec<String> =
            found.filter(|found| Some(found.record.key()) != own).map(Found::id).collect();
        if ids.is_empty() { Ok(()) } else { Err(self.rule.problem(kind, &ids)) }
    }
}

fn id_in_body(mode: Mode) -> Problem {
    match mode {
        Mode::Create => {
            let message = "cannot specify Id in an insert call";
            Problem::new("INVALID_FIELD_FOR_INSERT_UPDATE", message).fields(["Id"])
        }
        Mode::Update => {
            let message = "The Id field should not be specified in the sobject data.";
            Problem::new("INVALID_FIELD", message)
        }
    }
}
