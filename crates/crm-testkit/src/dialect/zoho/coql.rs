//! The query language: one module, conditions, order, a limit and an offset.

mod parse;

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use self::parse::{Condition, Query, Test};
use super::Zoho;
use super::answer::Answer;
use super::module::{Field, Module, Type};
use super::problem::Problem;
use super::render::Lookups;
use super::time;
use crate::fake::Call;
use crate::world::{Record, World};

/// The most rows of one answer, and as many as come if no limit is named.
const LIMIT_MAX: usize = 2_000;
const LIMIT_USUAL: usize = 200;
/// The most rows that an offset reaches.
const OFFSET_MAX: usize = 100_000;
const COLUMNS_MAX: usize = 50;
const CRITERIA_MAX: usize = 25;

/// Returns what a query costs: more rows cost more credits.
pub(super) fn cost(call: &Call<'_>) -> u64 {
    let limit = text(call).ok().and_then(|text| parse::query(&text).ok());
    match limit.and_then(|query| query.limit).unwrap_or(LIMIT_USUAL) {
        0..=200 => 1,
        201..=1_000 => 2,
        _ => 3,
    }
}

fn text(call: &Call<'_>) -> Result<String, Problem> {
    let body = call.json().ok();
    let query = body.as_ref().and_then(|body| body.get("select_query")?.as_str());
    query.map(str::to_owned).ok_or_else(|| {
        let details = json!({ "api_name": "select_query", "json_path": "$.select_query" });
        Problem::new("MANDATORY_NOT_FOUND", details, "required field not found")
    })
}

/// What a record is compared by.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Key {
    Number(f64),
    Text(String),
}

impl Zoho {
    /// Answers `POST /coql`.
    pub(super) fn coql(&self, world: &World, call: &Call<'_>) -> Result<Answer, Problem> {
        let query = parse::query(&text(call)?)?;
        let limit = query.limit.unwrap_or(LIMIT_USUAL);
        if limit == 0 || limit > LIMIT_MAX {
            return Err(exceeded(LIMIT_MAX, "limit"));
        }
        if query.offset.saturating_add(limit) > OFFSET_MAX {
            return Err(exceeded(OFFSET_MAX, "offset"));
        }
        if query.columns.len() > COLUMNS_MAX {
            return Err(exceeded(COLUMNS_MAX, "select"));
        }
        let module = self.catalog.module(&query.from);
        let module = module.ok_or_else(|| {
            let details = json!({ "module": query.from });
            Problem::new("INVALID_QUERY", details, "module given seems to be invalid")
        })?;
        for name in query.columns.iter().chain(query.order.iter().map(|(name, _)| name)) {
            column(module, name)?;
        }
        if count(&query.filter) > CRITERIA_MAX {
            return Err(exceeded(CRITERIA_MAX, "where"));
        }
        check(module, &query.filter)?;
        let table = world.table(module.name);
        let live = table.into_iter().flat_map(|table| table.live_after(0));
        let mut rows: Vec<&Record> =
            live.filter(|record| holds(module, record, &query.filter)).collect();
        if !query.order.is_empty() {
            rows.sort_by(|one, other| compare(module, &query, one, other));
        }
        let rest = rows.get(query.offset..).unwrap_or_default();
        let shown = rest.get(..limit).unwrap_or(rest);
        if shown.is_empty() {
            return Ok(Answer::nothing());
        }
        let data: Vec<Value> =
            shown.iter().map(|record| self.row(world, module, record, &query)).collect();
        let info = json!({ "count": data.len(), "more_records": rest.len() > shown.len() });
        Ok(Answer::ok(json!({ "data": data, "info": info })))
    }

    fn row(&self, world: &World, module: &Module, record: &Record, query: &Query) -> Value {
        let view = self.view(world);
        let mut row = Map::new();
        for name in &query.columns {
            let field = module.field(name);
            let value = field.map(|field| view.value(module, record, field, Lookups::Bare));
            if let Some(value) = value {
                row.insert(name.clone(), value);
            }
        }
        row.insert("id".to_owned(), Value::from(record.key().to_string()));
        Value::Object(row)
    }
}

fn exceeded(limit: usize, clause: &str) -> Problem {
    let details = json!({ "limit": limit, "clause": clause });
    Problem::new("LIMIT_EXCEEDED", details, "limit exceeded")
}

fn column<'m>(module: &'m Module, name: &str) -> Result<Option<&'m Field>, Problem> {
    if name == "id" {
        return Ok(None);
    }
    module.field(name).map(Some).ok_or_else(|| {
        let details = json!({ "column_name": name });
        Problem::new("INVALID_QUERY", details, "column given seems to be invalid")
    })
}

fn count(condition: &Condition) -> usize {
    match condition {
        Condition::Always => 0,
        Condition::Both(one, other) | Condition::Either(one, other) => count(one) + count(other),
        Condition::Test(..) => 1,
    }
}

/// Refuses columns that do not exist, or that no condition may have.
fn check(module: &Module, condition: &Condition) -> Result<(), Problem> {
    match condition {
        Condition::Always => Ok(()),
        Condition::Both(one, other) | Condition::Either(one, other) => {
            check(module, one)?;
            check(module, other)
        }
        Condition::Test(name, test) => {
            let field = column(module, name)?;
            let refuse = |message: &str| {
                let details = json!({ "column_name": name });
                Err(Problem::new("INVALID_QUERY", details, message))
            };
            let Some(field) = field else { return Ok(()) };
            if field.ty == Type::Textarea {
                return refuse("data type not supported");
            }
            let readable = |value: &String| {
                let number = matches!(field.ty, Type::Integer | Type::Currency);
                let fits = field.ty != Type::Datetime || time::read(value).is_some();
                fits && (!number || value.parse::<f64>().is_ok())
            };
            if test.values().all(readable) {
                Ok(())
            } else {
                refuse("value given seems to be invalid for the column")
            }
        }
    }
}

/// Returns what a record holds in a column, as a key of its type.
fn key(module: &Module, record: &Record, name: &str) -> Option<Key> {
    let moment = |ms: i64| Some(Key::Text(format!("{ms:020}")));
    match name {
        "id" => return Some(Key::Text(format!("{:020}", record.key()))),
        "Created_Time" => return moment(record.created_ms()),
        "Modified_Time" => return moment(record.modified_ms()),
        _ => {}
    }
    let field = module.field(name)?;
    key_of(Some(field), record.get(field.column)?)
}

fn key_of(field: Option<&Field>, text: &str) -> Option<Key> {
    let Some(field) = field else {
        return Some(Key::Text(format!("{text:0>20}")));
    };
    match field.ty {
        Type::Datetime => Some(Key::Text(format!("{:020}", time::read(text)?))),
        Type::Integer | Type::Currency => Some(Key::Number(text.parse().ok()?)),
        Type::Text
        | Type::Textarea
        | Type::Email
        | Type::Phone
        | Type::Website
        | Type::Picklist
        | Type::Bigint
        | Type::Boolean
        | Type::Date
        | Type::Lookup
        | Type::Owner => Some(Key::Text(text.to_lowercase())),
    }
}

fn holds(module: &Module, record: &Record, condition: &Condition) -> bool {
    match condition {
        Condition::Always => true,
        Condition::Both(one, other) => holds(module, record, one) && holds(module, record, other),
        Condition::Either(one, other) => holds(module, record, one) || holds(module, record, other),
        Condition::Test(name, test) => {
            let held = key(module, record, name);
            let field = module.field(name);
            let order = |value: &str| {
                let wanted = key_of(field, value)?;
                held.as_ref()?.partial_cmp(&wanted)
            };
            match test {
                Test::Null => held.is_none(),
                Test::NotNull => held.is_some(),
                Test::In(values) => {
                    values.iter().any(|value| order(value) == Some(Ordering::Equal))
                }
                Test::Is(value) => order(value) == Some(Ordering::Equal),
                Test::IsNot(value) => order(value) != Some(Ordering::Equal),
                Test::More(value) => order(value) == Some(Ordering::Greater),
                Test::Less(value) => order(value) == Some(Ordering::Less),
                Test::AtLeast(value) => order(value).is_some_and(Ordering::is_ge),
                Test::AtMost(value) => order(value).is_some_and(Ordering::is_le),
                Test::Like(pattern) => {
                    let part = pattern.trim_matches('%').to_lowercase();
                    matches!(&held, Some(Key::Text(whole)) if whole.contains(&part))
                }
            }
        }
    }
}

fn compare(module: &Module, query: &Query, one: &Record, other: &Record) -> Ordering {
    for (name, descending) in &query.order {
        let (left, right) = (key(module, one, name), key(module, other, name));
        let order = left.partial_cmp(&right).unwrap_or(Ordering::Equal);
        let order = if *descending { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    one.key().cmp(&other.key())
}
