//! Lists with their cursors, and search.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::desk::row;
use super::fail::{Fail, json_response};
use super::kind::Kind;
use super::{Answer, Pipedrive};
use crate::fake::Call;
use crate::world::{Record, State, World};

const IDS_MAX: usize = 100;
const PAGE: usize = 100;
const PAGE_MAX: usize = 500;
/// How long a deleted record can still be seen.
const KEPT_MS: i64 = 30 * 86_400_000;

/// Which of the deals a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    Open,
    Archived,
}

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Id,
    Updated,
    Added,
}

impl By {
    fn of(self, record: &Record) -> (i64, u64) {
        match self {
            Self::Id => (0, record.key()),
            Self::Updated => (record.modified_ms(), record.key()),
            Self::Added => (record.created_ms(), record.key()),
        }
    }
}

impl Pipedrive {
    /// Answers a list.
    pub(super) fn list(
        &self,
        world: &World,
        call: &Call<'_>,
        kind: &'static Kind,
        part: Shelf,
    ) -> Answer {
        let limit = limit(call)?;
        let by = match call.query("sort_by") {
            None | Some("id") => By::Id,
            Some("update_time") => By::Updated,
            Some("add_time") => By::Added,
            Some(other) => return Err(Fail::invalid(format!("sort_by: Invalid value {other}"))),
        };
        let falls = match call.query("sort_direction") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(Fail::invalid("sort_direction: Invalid value")),
        };
        let (since, until) = (stamp(call, "updated_since")?, stamp(call, "updated_until")?);
        let ids = call.query_list("ids");
        if ids.len() > IDS_MAX {
            return Err(Fail::invalid("ids: at most 100"));
        }
        let now = world.now_ms();
        let fits = |record: &&Record| {
            Self::is_listed(world, call, kind, part, record, now)
                && (ids.is_empty() || ids.contains(&record.key().to_string().as_str()))
                && since.is_none_or(|since| record.modified_ms() >= since)
                && until.is_none_or(|until| record.modified_ms() < until)
        };
        let all = world.table(kind.plural).into_iter().flat_map(crate::world::Table::all);
        let mut rows: Vec<&Record> = all.filter(fits).collect();
        rows.sort_by_key(|record| by.of(record));
        if falls {
            rows.reverse();
        }
        if let Some(cursor) = call.query("cursor") {
            let after = read_cursor(cursor).ok_or_else(|| Fail::invalid("cursor: Invalid"))?;
            rows.retain(|record| if falls { by.of(record) < after } else { by.of(record) > after });
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| write_cursor(by.of(last)));
        let data: Vec<Value> =
            rows.into_iter().map(|record| self.render(world, kind, record)).collect();
        Ok(page(&data, next.as_deref()))
    }

    fn is_listed(
        world: &World,
        call: &Call<'_>,
        kind: &Kind,
        part: Shelf,
        record: &Record,
        now: i64,
    ) -> bool {
        let row = row(world, kind, record);
        let asked = call.query_list("status");
        let status = match record.state() {
            State::Merged { .. } => return false,
            State::Archived { at_ms } if at_ms + KEPT_MS < now => return false,
            State::Archived { .. } => "deleted",
            State::Live => row.get("status").and_then(Value::as_str).unwrap_or("open"),
        };
        if asked.is_empty() || kind.plural != "deals" {
            if status == "deleted" {
                return false;
            }
        } else if !asked.contains(&status) {
            return false;
        }
        let filters = ["owner_id", "org_id", "person_id", "deal_id", "pipeline_id", "stage_id"];
        let agrees = filters.into_iter().all(|name| {
            call.query(name).is_none_or(|id| {
                let held = row.get(name).and_then(Value::as_u64);
                held.is_some_and(|held| id.parse() == Ok(held))
            })
        });
        let done = call.query("done").is_none_or(|done| {
            row.get("done").and_then(Value::as_bool).unwrap_or_default() == (done == "true")
        });
        let archived = row.get("is_archived").and_then(Value::as_bool).unwrap_or_default();
        agrees && done && (kind.plural != "deals" || archived == (part == Shelf::Archived))
    }

    /// Answers a search: its index may lag.
    pub(super) fn search(&self, world: &World, call: &Call<'_>, kind: &'static Kind) -> Answer {
        let term = call.query("term").unwrap_or_default().to_lowercase();
        let exact = call.query("exact_match") == Some("true");
        if term.chars().count() < if exact { 1 } else { 2 } {
            return Err(Fail::invalid("term: String must contain at least 2 character(s)"));
        }
        let limit = limit(call)?;
        let fields = call.query_list("fields");
        let wanted = |name: &str| fields.is_empty() || fields.contains(&name);
        let now = world.now_ms();
        let table = world.table(kind.plural);
        let live = table.into_iter().flat_map(|table| table.live_after(0));
        let seen = live.filter(|record| table.and_then(|t| t.lag_of(record.key(), now)).is_none());
        let hit = |record: &&Record| {
            let row = row(world, kind, record);
            let mut texts = Vec::new();
            if wanted("name") || wanted("title") {
                texts.extend(["name", "title"].iter().filter_map(|n| row.get(*n)?.as_str()));
            }
            for (field, member) in [("email", "emails"), ("phone", "phones")] {
                if wanted(field) {
                    texts.extend(line_texts(row.get(member)));
                }
            }
            if wanted("custom_fields") {
                let customs = self.office.customs(kind).iter();
                texts.extend(customs.filter_map(|custom| row.get(&custom.code)?.as_str()));
            }
            texts.iter().any(|text| {
                let text = text.to_lowercase();
                if exact { text == term } else { text.contains(&term) }
            })
        };
        let mut rows: Vec<&Record> = seen.filter(hit).collect();
        if let Some(cursor) = call.query("cursor") {
            let after = read_cursor(cursor).ok_or_else(|| Fail::invalid("cursor: Invalid"))?;
            rows.retain(|record| By::Id.of(record) > after);
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| write_cursor(By::Id.of(last)));
        let items = rows.into_iter().map(|record| {
            let row = row(world, kind, record);
            let texts = |member: &str| json!(line_texts(row.get(member)));
            let name = if kind.plural == "deals" { "title" } else { "name" };
            let item = json!({
                "id": record.key(),
                "type": kind.title.to_lowercase(),
                name: row.get(name),
                "emails": texts("emails"),
                "phones": texts("phones"),
                "visible_to": row.get("visible_to"),
                "owner": { "id": row.get("owner_id") },
                "custom_fields": [],
                "notes": [],
            });
            json!({ "result_score": 0.5, "item": item })
        });
        let items: Vec<Value> = items.collect();
        Ok(json_response(
            200,
            &json!({
                "success": true,
                "data": { "items": items },
                "additional_data": { "next_cursor": next },
            }),
        ))
    }
}

fn line_texts(lines: Option<&Value>) -> Vec<&str> {
    let rows = lines.and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| row.get("value")?.as_str()).collect()
}

/// Answers a page of rows that are all there is, in pages all the same.
pub(super) fn page(rows: &[Value], next: Option<&str>) -> Response<Bytes> {
    json_response(
        200,
        &json!({ "success": true, "data": rows, "additional_data": { "next_cursor": next } }),
    )
}

fn limit(call: &Call<'_>) -> Result<usize, Fail> {
    let limit = call.query("limit").map_or(Some(PAGE), |text| text.parse().ok());
    limit
        .filter(|limit| (1..=PAGE_MAX).contains(limit))
        .ok_or_else(|| Fail::invalid("limit: Number must be between 1 and 500"))
}

fn stamp(call: &Call<'_>, name: &str) -> Result<Option<i64>, Fail> {
    let Some(text) = call.query(name) else { return Ok(None) };
    let whole = text.len() == 20 && text.ends_with('Z');
    let at = text.parse::<jiff::Timestamp>().ok().filter(|_| whole);
    let at = at.ok_or_else(|| Fail::invalid(format!("{name}: Invalid datetime")))?;
    Ok(Some(at.as_millisecond()))
}

fn write_cursor((value, id): (i64, u64)) -> String {
    STANDARD.encode(json!({ "fieldValue": value, "id": id }).to_string())
}

fn read_cursor(text: &str) -> Option<(i64, u64)> {
    let value: Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    Some((value.get("fieldValue")?.as_i64()?, value.get("id")?.as_u64()?))
}
