//! Records as answers show them.

use serde_json::{Map, Value, json};

use super::module::{Catalog, Field, Module, SE_MODULE, Type};
use super::time;
use super::users::Users;
use crate::world::{Record, Source, State, World};

/// What an answer is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) users: &'a Users,
    pub(super) world: &'a World,
    /// The org's distance from UTC.
    pub(super) offset_minutes: i64,
}

/// How lookups are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookups {
    /// With the name of the record.
    Named,
    /// The id alone, as a query shows them.
    Bare,
}

impl View<'_> {
    /// Returns the value of a field.
    pub(super) fn value(
        self,
        module: &Module,
        record: &Record,
        field: &Field,
        lookups: Lookups,
    ) -> Value {
        let moment = |ms| Value::from(time::local(ms, self.offset_minutes));
        let by = |source: Source| self.user(self.users.of(source), lookups);
        match field.name.as_str() {
            "Created_Time" => return moment(record.created_ms()),
            "Modified_Time" => return moment(record.modified_ms()),
            "Created_By" => return by(record.created_by()),
            "Modified_By" => return by(record.modified_by()),
            "Tag" => return json!([]),
            "Full_Name" => return full_name(module, record).into(),
            _ => {}
        }
        let Some(text) = record.get(field.column) else {
            return if field.ty == Type::Boolean { Value::Bool(false) } else { Value::Null };
        };
        match field.ty {
            Type::Integer | Type::Currency => serde_json::from_str(text).unwrap_or(Value::Null),
            Type::Boolean => Value::Bool(text == "true"),
            Type::Datetime => text.parse().map_or(Value::Null, |at: jiff::Timestamp| {
                Value::from(time::local(at.as_millisecond(), self.offset_minutes))
            }),
            Type::Owner => self.user(text, lookups),
            Type::Lookup => self.lookup(module, record, field, text, lookups),
            Type::Text
            | Type::Textarea
            | Type::Email
            | Type::Phone
            | Type::Website
            | Type::Picklist
            | Type::Bigint
            | Type::Date => Value::from(text),
        }
    }

    fn user(self, id: &str, lookups: Lookups) -> Value {
        let user = self.users.get(id);
        match (user, lookups) {
            (Some(user), Lookups::Named) => {
                json!({ "name": user.name, "id": user.id, "email": user.email })
            }
            (Some(_) | None, _) => json!({ "id": id }),
        }
    }

    fn lookup(
        self,
        module: &Module,
        record: &Record,
        field: &Field,
        id: &str,
        lookups: Lookups,
    ) -> Value {
        let target = match field.target.as_deref() {
            Some("*") => module.kin.and_then(|column| record.get(column)),
            other => other,
        };
        let found = target.and_then(|name| {
            let module = self.catalog.module(name)?;
            Some((module, self.world.table(module.name)?.get(id.parse().ok()?)?))
        });
        match found {
            // What points at a record that is gone points nowhere.
            Some((_, target)) if target.state() != State::Live => Value::Null,
            Some(_) | None if lookups == Lookups::Bare => json!({ "id": id }),
            Some((module, target)) => json!({ "name": Self::name(module, target), "id": id }),
            None => json!({ "name": null, "id": id }),
        }
    }

    /// Returns what a record is called.
    pub(super) fn name(module: &Module, record: &Record) -> Option<String> {
        if module.title == "Full_Name" {
            return Some(full_name(module, record));
        }
        record.get(module.field(module.title)?.column).map(str::to_owned)
    }

    /// Returns a record with the fields that are asked for; all of them if none are.
    pub(super) fn record(self, module: &Module, record: &Record, asked: &[&str]) -> Value {
        let mut row = Map::new();
        let wanted = |name: &str| asked.is_empty() || asked.contains(&name);
        for field in module.fields.iter().filter(|field| wanted(&field.name)) {
            row.insert(field.name.clone(), self.value(module, record, field, Lookups::Named));
        }
        for (name, value) in system(module, record) {
            if wanted(name) {
                row.insert(name.to_owned(), value);
            }
        }
        row.insert("id".to_owned(), Value::from(record.key().to_string()));
        Value::Object(row)
    }
}

/// Returns what the vendor knows of every record.
fn system(module: &Module, record: &Record) -> Vec<(&'static str, Value)> {
    let mut rows = vec![
        ("$currency_symbol", json!("$")),
        ("$editable", json!(true)),
        ("$approved", json!(true)),
        ("$approval_state", json!("approved")),
        ("$state", json!("save")),
        ("$in_merge", json!(false)),
        ("$locked_for_me", json!(false)),
        ("Locked__s", json!(false)),
    ];
    if let Some(column) = module.kin {
        rows.push((SE_MODULE, record.get(column).map_or(Value::Null, Value::from)));
    }
    rows
}

fn full_name(module: &Module, record: &Record) -> String {
    let part = |name| record.get(module.field(name)?.column);
    let parts = [part("First_Name"), part("Last_Name")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
