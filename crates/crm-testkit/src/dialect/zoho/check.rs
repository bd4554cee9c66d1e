//! What is written to a record, read and checked value by value.

use serde_json::{Map, Value, json};

use super::desk::Desk;
use super::module::{Field, Module, PIPELINE, SE_MODULE, STAGES, Type, Use};
use super::problem::{Problem, place, with};
use super::time;
use super::users::State;
use crate::world::{Changes, Column, Record, Source};

/// What a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Update,
}

impl Desk<'_> {
    /// Returns what a write asks for. Names that the module does not have, and what only the
    /// vendor writes, are passed over, as the vendor does.
    pub(super) fn read(
        &self,
        module: &Module,
        values: &Map<String, Value>,
        (index, mode): (usize, Mode),
        own: Option<&Record>,
    ) -> Result<Changes, Problem> {
        let mut changes = Changes::new();
        for field in &module.fields {
            let Some(value) = values.get(&field.name) else { continue };
            if field.usage == Use::ReadOnly && !self.may_set(field) {
                continue;
            }
            let text = self.value(field, value, values, (index, own))?;
            if text.is_none() && field.usage == Use::Mandatory {
                return Err(Problem::mandatory(index, &field.name));
            }
            if let (Some(_), Some(column)) = (&text, module.kin)
                && field.target.as_deref() == Some("*")
            {
                changes.insert(column, self.se_module(field, value, values, own));
            }
            changes.insert(field.column, text);
        }
        derive(module, &mut changes, mode);
        if mode == Mode::Create {
            self.defaults(module, &mut changes);
            let blank = |field: &&Field| changes.get(&field.column).is_none_or(Option::is_none);
            let mut needed = module.fields.iter().filter(|field| field.usage == Use::Mandatory);
            if let Some(field) = needed.find(blank) {
                return Err(Problem::mandatory(index, &field.name));
            }
        }
        fits(module, &changes, own, index)?;
        Ok(changes)
    }

    /// A person's pages set what programs only read: the length of a call.
    fn may_set(&self, field: &Field) -> bool {
        self.source == Source::User && field.name == "Call_Duration_in_seconds"
    }

    fn value(
        &self,
        field: &Field,
        value: &Value,
        values: &Map<String, Value>,
        (index, own): (usize, Option<&Record>),
    ) -> Result<Option<String>, Problem> {
        let wrong = |expected: &str| {
            let place = place(index, &field.name);
            let details = with(place, "expected_data_type", json!(expected));
            Problem::new("INVALID_DATA", details, "invalid data")
        };
        let text = match value {
            Value::Null => return Ok(None),
            Value::Array(list) if list.is_empty() => return Ok(None),
            Value::String(text) if text.trim().is_empty() || text == "-None-" => return Ok(None),
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            Value::Array(_) => return Err(wrong("text")),
            Value::Object(_) => String::new(),
        };
        let by_person = self.source == Source::User;
        let is_text = value.is_string();
        match field.ty {
            Type::Lookup | Type::Owner => {
                let id = self.id(value).ok_or_else(|| wrong("jsonobject"))?;
                self.reference(field, id, value, values, (index, own)).map(Some)
            }
            Type::Integer | Type::Bigint => {
                let number = text.parse::<i64>().ok().filter(|_| !is_text || by_person);
                number.map(|number| Some(number.to_string())).ok_or_else(|| wrong("integer"))
            }
            Type::Currency => {
                let number = text.parse::<f64>().ok().filter(|_| !is_text || by_person);
                number.map(|_| Some(text)).ok_or_else(|| wrong("double"))
            }
            Type::Boolean => match text.as_str() {
                "true" | "false" if !is_text || by_person => Ok(Some(text)),
                _ => Err(wrong("boolean")),
            },
            Type::Date => {
                let day = text.get(..10).filter(|_| by_person || text.len() == 10);
                let day = day.filter(|day| day.parse::<jiff::civil::Date>().is_ok());
                day.map(|day| Some(day.to_owned())).ok_or_else(|| wrong("date"))
            }
            Type::Datetime => {
                let exact = by_person || !text.contains('.');
                let kept = time::kept(&text).filter(|_| exact);
                kept.map(Some).ok_or_else(|| wrong("datetime"))
            }
            Type::Email if !text.contains('@') || text.contains(' ') => Err(wrong("email")),
            Type::Text
            | Type::Textarea
            | Type::Email
            | Type::Phone
            | Type::Website
            | Type::Picklist => {
                if !is_text {
                    return Err(wrong("text"));
                }
                if text.chars().count() > usize::try_from(field.length).unwrap_or(usize::MAX) {
                    let place = place(index, &field.name);
                    let details = with(place, "maximum_length", json!(field.length));
                    return Err(Problem::new("INVALID_DATA", details, "invalid data"));
                }
                let chosen = field.options.iter().find(|(_, label)| *label == text);
                Ok(Some(chosen.map_or(text, |(actual, _)| actual.clone())))
            }
        }
    }

    fn reference(
        &self,
        field: &Field,
        id: &str,
        value: &Value,
        values: &Map<String, Value>,
        (index, own): (usize, Option<&Record>),
    ) -> Result<String, Problem> {
        if field.ty == Type::Owner {
            let user = self.users.get(id).filter(|user| user.state == State::Active);
            return user.map(|user| user.id.clone()).ok_or_else(|| wrong_id(index, field));
        }
        let target = match field.target.as_deref() {
            Some("*") => self.se_module(field, value, values, own),
            other => other.map(str::to_owned),
        };
        let target = target.ok_or_else(|| no_module(index, field))?;
        self.refer(&target, id, index, field)
    }

    /// Returns the id in a lookup: an object with one, or from a person the id alone.
    fn id<'v>(&self, value: &'v Value) -> Option<&'v str> {
        match value {
            Value::Object(parts) => parts.get("id").and_then(Value::as_str),
            Value::String(id) if self.source == Source::User => Some(id),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        }
    }

    /// Returns the module that a lookup into any of them points into: the body says it, or the
    /// record as it is; a person sees it.
    fn se_module(
        &self,
        field: &Field,
        value: &Value,
        values: &Map<String, Value>,
        own: Option<&Record>,
    ) -> Option<String> {
        let named = values.get(SE_MODULE).and_then(Value::as_str);
        let inside = value.get("module").and_then(|module| module.get("api_name"));
        let said = named.or_else(|| inside.and_then(Value::as_str)).map(str::to_owned);
        said.or_else(|| {
            let id = self.id(value)?;
            let same = own?.get(field.column) == Some(id);
            let column = self.world.table(self.module_name)?.columns().get(SE_MODULE)?;
            own?.get(column).filter(|_| same).map(str::to_owned)
        })
        .or_else(|| self.home_of(self.id(value)?).filter(|_| self.source == Source::User))
    }

    fn refer(
        &self,
        target: &str,
        id: &str,
        index: usize,
        field: &Field,
    ) -> Result<String, Problem> {
        let module = self.catalog.module(target).ok_or_else(|| no_module(index, field))?;
        let key: Option<u64> = id.parse().ok();
        let table = self.world.table(module.name);
        let there = key.and_then(|key| table?.live(key)).is_some();
        if there { Ok(id.to_owned()) } else { Err(wrong_id(index, field)) }
    }

    fn home_of(&self, id: &str) -> Option<String> {
        let key: u64 = id.parse().ok()?;
        let has =
            |name: &str| self.world.table(name).is_some_and(|table| table.live(key).is_some());
        let mut modules = self.catalog.modules.iter();
        modules.find(|module| has(module.name)).map(|module| module.name.to_owned())
    }

    fn defaults(&self, module: &Module, changes: &mut Changes) {
        let mut give = |name: &str, value: &str| {
            if let Some(field) = module.field(name) {
                let slot = changes.entry(field.column).or_insert(None);
                slot.get_or_insert_with(|| value.to_owned());
            }
        };
        give("Owner", self.users.of(self.source));
        match module.name {
            "Tasks" => {
                give("Status", "Not Started");
                give("Priority", "Normal");
            }
            "Deals" => give("Pipeline", PIPELINE),
            "Calls" => give("Call_Status", "Completed"),
            _ => {}
        }
    }
}

/// Checks what depends on several fields.
fn fits(
    module: &Module,
    changes: &Changes,
    own: Option<&Record>,
    index: usize,
) -> Result<(), Problem> {
    let held = |name: &str| -> Option<String> {
        let column = module.field(name)?.column;
        match changes.get(&column) {
            Some(value) => value.clone(),
            None => own?.get(column).map(str::to_owned),
        }
    };
    if module.name == "Events" && held("End_DateTime") < held("Start_DateTime") {
        let details = place(index, "End_DateTime");
        return Err(Problem::new("INVALID_DATA", details, "invalid data"));
    }
    let pipeline = module.field("Pipeline").and_then(|field| changes.get(&field.column));
    if let Some(Some(name)) = pipeline
        && name != PIPELINE
    {
        let details = place(index, "Pipeline");
        let message = "Pipeline doesn't contain the Stage";
        return Err(Problem::new("MAPPING_MISMATCH", details, message));
    }
    Ok(())
}

/// Adds what follows from other values.
fn derive(module: &Module, changes: &mut Changes, mode: Mode) {
    let column = |name: &str| module.field(name).map(|field| field.column);
    let given = |changes: &Changes, column: Option<Column>| changes.get(&column?).cloned();
    if let (Some(length), Some(seconds)) =
        (column("Call_Duration"), column("Call_Duration_in_seconds"))
    {
        if let Some(text) = given(changes, Some(length)) {
            let parsed = text.as_deref().and_then(minutes).map(|count| count.to_string());
            changes.insert(seconds, parsed);
        } else if let Some(count) = given(changes, Some(seconds)) {
            let count = count.and_then(|count| count.parse::<u64>().ok());
            changes.insert(length, count.map(|s| format!("{:02}:{:02}", s / 60, s % 60)));
        }
    }
    if let (Some(Some(stage)), Some(probability)) =
        (given(changes, column("Stage")), column("Probability"))
    {
        let of = STAGES.iter().find(|row| row.0 == stage).map(|row| row.2.to_string());
        if mode == Mode::Create || of.is_some() {
            changes.entry(probability).or_insert(of);
        }
    }
}

/// Returns the seconds of `mm:ss`.
fn minutes(text: &str) -> Option<u64> {
    let (minutes, seconds) = text.split_once(':')?;
    Some(minutes.trim().parse::<u64>().ok()? * 60 + seconds.trim().parse::<u64>().ok()?)
}

fn wrong_id(index: usize, field: &Field) -> Problem {
    let details = place(index, &field.name);
    Problem::new("INVALID_DATA", details, "the id given seems to be invalid")
}

fn no_module(index: usize, field: &Field) -> Problem {
    let details = with(place(index, SE_MODULE), "dependee", place(index, &field.name));
    Problem::new("DEPENDENT_FIELD_MISSING", details, "dependent field missing")
}
