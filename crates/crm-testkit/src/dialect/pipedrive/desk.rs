//! What is done to records, by programs and by users.

use serde_json::{Map, Value, json};

use super::body::{Asked, Deed};
use super::fail::{Fail, one};
use super::kind::{Kind, Shape};
use super::{Answer, Pipedrive};
use crate::world::{Bump, Changes, Record, Source, State, World};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Program,
    User,
}

impl Author {
    pub(super) const fn source(self) -> Source {
        match self {
            Self::Program => Source::Integration,
            Self::User => Source::User,
        }
    }
}

impl Pipedrive {
    pub(super) fn create_record(
        &self,
        world: &mut World,
        kind: &'static Kind,
        body: &Map<String, Value>,
        author: Author,
    ) -> Result<u64, Fail> {
        let mut asked = self.check(world, kind, body, Deed::Create)?;
        let now = iso(world.now_ms());
        self.derive(kind, &mut asked, &Asked::new(), Deed::Create, &now);
        let (key, stamp) = (world.next_key(), world.stamp(author.source()));
        let table = world.table_mut(kind.plural);
        let changes = columns(&asked, |name| table.column(name));
        table.insert(key, &changes, &stamp);
        Ok(key)
    }

    pub(super) fn change_record(
        &self,
        world: &mut World,
        kind: &'static Kind,
        key: u64,
        body: &Map<String, Value>,
        author: Author,
    ) -> Result<(), Fail> {
        let mut asked = self.check(world, kind, body, Deed::Update)?;
        let table = world.table(kind.plural);
        let held = table.and_then(|table| Some(row(world, kind, table.get(key)?)));
        let held = held.unwrap_or_default();
        if held.get("is_archived") == Some(&json!(true)) && !asked.contains_key("is_archived") {
            return Err(Fail::new(403, "Archived deals cannot be changed"));
        }
        let now = iso(world.now_ms());
        self.derive(kind, &mut asked, &held, Deed::Update, &now);
        write(world, kind, key, &asked, author);
        Ok(())
    }

    /// Draws a record as version 2 shows it: what has no value is null.
    pub(super) fn render(&self, world: &World, kind: &Kind, record: &Record) -> Value {
        let mut held = row(world, kind, record);
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(record.key()));
        for member in kind.members {
            let blank = match member.shape {
                Shape::Lines | Shape::Numbers | Shape::Participants => json!([]),
                Shape::Bool => json!(false),
                Shape::Text
                | Shape::Long
                | Shape::Integer
                | Shape::Number
                | Shape::Date
                | Shape::Clock
                | Shape::Stamp
                | Shape::User
                | Shape::Ref(_)
                | Shape::Address
                | Shape::Status
                | Shape::Stage
                | Shape::Pipeline
                | Shape::Currency
                | Shape::ActivityType => Value::Null,
            };
            let value = held.remove(member.name).unwrap_or(blank);
            shown.insert(member.name.to_owned(), value);
        }
        shown.insert("visible_to".to_owned(), json!(3));
        shown.insert("add_time".to_owned(), json!(iso(record.created_ms())));
        shown.insert("update_time".to_owned(), json!(iso(record.modified_ms())));
        shown.insert("is_deleted".to_owned(), json!(record.state() != State::Live));
        if kind.plural == "deals" && record.state() != State::Live {
            shown.insert("status".to_owned(), json!("deleted"));
        }
        if kind.has_custom_fields {
            let mut customs = Map::new();
            for custom in self.office.customs(kind) {
                let value = held.remove(&custom.code).unwrap_or_default();
                customs.insert(custom.code.clone(), value);
            }
            let none = customs.is_empty();
            let customs = if none { Value::Null } else { Value::Object(customs) };
            shown.insert("custom_fields".to_owned(), customs);
        }
        Value::Object(shown)
    }

    /// Answers with one record; one that was deleted says so, *chosen here*.
    pub(super) fn shown(&self, world: &World, kind: &'static Kind, key: u64) -> Answer {
        let record = world.table(kind.plural).and_then(|table| table.get(key));
        let record = record.filter(|record| !matches!(record.state(), State::Merged { .. }));
        let record = record.ok_or_else(Fail::no_record)?;
        Ok(one(&self.render(world, kind, record)))
    }
}

pub(super) fn write(world: &mut World, kind: &Kind, key: u64, asked: &Asked, author: Author) {
    let stamp = world.stamp(author.source());
    let table = world.table_mut(kind.plural);
    let changes = columns(asked, |name| table.column(name));
    table.write(key, &changes, &stamp, Bump::IfChanged);
}

/// Merges two live records: the winner keeps its values, and its gaps are filled.
pub(super) fn merge_records(
    world: &mut World,
    kind: &'static Kind,
    winner: u64,
    loser: u64,
    author: Author,
) -> Result<(), Fail> {
    if !kind.merges() {
        return Err(Fail::new(404, "Unknown method ."));
    }
    if winner == loser {
        return Err(Fail::invalid("Cannot merge a record with itself"));
    }
    let stamp = world.stamp(author.source());
    let table = world.table_mut(kind.plural);
    let (Some(first), Some(second)) = (table.live(winner), table.live(loser)) else {
        return Err(Fail::no_record());
    };
    let mut values = Changes::new();
    for (column, value) in second.row().iter().chain(first.row().iter()) {
        values.insert(column, Some(value.to_owned()));
    }
    table.absorb(loser, winner, &stamp);
    table.write(winner, &values, &stamp, Bump::Always);
    inherit(world, kind, winner, loser, author);
    Ok(())
}

/// What pointed at the loser points at the winner.
fn inherit(world: &mut World, kind: &Kind, winner: u64, loser: u64, author: Author) {
    for other in &super::kind::KINDS {
        let pointing = other
            .members
            .iter()
            .filter(|member| matches!(member.shape, Shape::Ref(to) if to == kind.plural));
        let names: Vec<&str> = pointing.map(|member| member.name).collect();
        let table = world.table(other.plural).into_iter();
        let rows = table.flat_map(|table| table.live_after(0));
        let rows: Vec<(u64, Asked)> =
            rows.map(|record| (record.key(), row(world, other, record))).collect();
        for (key, row) in rows {
            let mut asked = Asked::new();
            for name in &names {
                if row.get(*name).and_then(Value::as_u64) == Some(loser) {
                    asked.insert((*name).to_owned(), json!(winner));
                }
            }
            if let (true, Some(Value::Array(people))) =
                (kind.plural == "persons", row.get("participants"))
            {
                let id = |row: &Value| row.get("person_id").and_then(Value::as_u64);
                if people.iter().any(|row| id(row) == Some(loser)) {
                    let mut ids: Vec<u64> = people.iter().filter_map(id).collect();
                    for id in ids.iter_mut().filter(|id| **id == loser) {
                        *id = winner;
                    }
                    ids.dedup();
                    let row = |(place, id): (usize, u64)| json!({ "person_id": id, "primary": place == 0 });
                    let people: Vec<Value> = ids.into_iter().enumerate().map(row).collect();
                    asked.insert("participants".to_owned(), json!(people));
                }
            }
            if !asked.is_empty() {
                write(world, other, key, &asked, author);
            }
        }
    }
}

/// Returns the values of a record by column; what was never set is not there.
pub(super) fn row(world: &World, kind: &Kind, record: &Record) -> Asked {
    let Some(table) = world.table(kind.plural) else { return Asked::new() };
    let value = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let cells = record.row().iter();
    cells.map(|(column, text)| (table.columns().name(column).to_owned(), value(text))).collect()
}

fn columns(asked: &Asked, mut column: impl FnMut(&str) -> crate::world::Column) -> Changes {
    let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
    asked.iter().map(|(name, value)| (column(name), text(value))).collect()
}

/// Returns a time as version 2 writes it.
pub(super) fn iso(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms - at_ms.rem_euclid(1_000));
    format!("{:.0}", at.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}
