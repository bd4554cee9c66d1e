//! Lists: bare arrays, filtered, in the order that was asked for, from an offset on.

use std::cmp::Ordering;

use serde_json::Value;

use super::fail::Fail;
use super::kind::Kind;
use super::query;
use super::render::{Depth, View};
use super::time;
use crate::fake::Call;
use crate::world::Record;

/// Parameters that every list has.
const COMMON: [&str; 14] = [
    "id",
    "search",
    "limit",
    "offset",
    "order_by",
    "custom",
    "q",
    "export",
    "tag",
    "tag.name",
    "creation_after",
    "creation_before",
    "address.city",
    "address.country",
];
/// Parameters that hold a number.
const NUMBERS: [&str; 17] = [
    "id",
    "limit",
    "offset",
    "tag",
    "account",
    "stage",
    "owner",
    "assignee",
    "assignees",
    "min_size",
    "max_size",
    "min_value",
    "max_value",
    "hotness",
    "pipeline",
    "team_member",
    "type",
];
/// Parameters of opportunities that may be said once.
const SINGLE: [&str; 9] =
    ["id", "stage", "pipeline", "owner", "account", "assignee", "stage.name", "tag.name", "name"];

/// How rows are ordered.
struct Order {
    field: String,
    descending: bool,
}

impl View<'_> {
    /// Answers a list.
    pub(super) fn list(&self, kind: &Kind, call: &Call<'_>) -> Result<Value, Fail> {
        check(kind, call)?;
        let limit = count(call, "limit", kind.page)?;
        if limit == 0 {
            return Err(Fail::query("limit", "must be larger than or equal to 1"));
        }
        let offset = count(call, "offset", 0)?;
        let orders = orders(call)?;
        let rules = call.query("q").map(query::parse).transpose()?;
        let custom = call.query("custom").map(custom).transpose()?;
        let records = self.world.table(kind.name).into_iter().flat_map(|t| t.live_after(0));
        let mut found: Vec<&Record> = records
            .filter(|record| self.fits(kind, record, call))
            .filter(|record| {
                let held = |(name, value): (&String, &Value)| {
                    let text = self.cell(kind, record, &format!("custom.{name}"));
                    text == super::body::number(value).or_else(|| Some(value.as_str()?.to_owned()))
                };
                custom.as_ref().is_none_or(|wanted| wanted.iter().all(held))
            })
            .filter(|record| {
                let held = |name: &str| self.cell(kind, record, name);
                rules.as_ref().is_none_or(|rules| rules.hold(&held))
            })
            .collect();
        if orders.is_empty() {
            // No order is promised, and none that a client could rely on is kept.
            found.sort_by_key(|record| record.key().wrapping_mul(0x9E37_79B9_7F4A_7C15));
        } else {
            found.sort_by(|a, b| self.compare(kind, &orders, a, b));
        }
        let page = found.into_iter().skip(offset).take(limit);
        Ok(page.map(|record| self.row(kind, record, Depth::Row)).collect())
    }

    /// Returns a value by the name that filters and orders use.
    pub(super) fn cell(&self, kind: &Kind, record: &Record, name: &str) -> Option<String> {
        match name {
            "id" => Some(record.key().to_string()),
            "creation_date" => Some(time::iso(record.created_ms())),
            "modification_date" => Some(time::iso(record.modified_ms())),
            "name" if kind.name == "contacts" => {
                self.full_name(kind, record).as_str().map(str::to_owned)
            }
            "stage.name" => {
                let stage = self.office.stage(self.text(kind, record, "stage")?)?;
                Some(stage.name.clone())
            }
            "pipeline" => {
                let stage = self.office.stage(self.text(kind, record, "stage")?)?;
                Some(stage.pipeline.to_string())
            }
            "domain" if kind.name == "contacts" => {
                let email = self.text(kind, record, "email")?;
                email.split_once('@').map(|(_, domain)| domain.to_owned())
            }
            "done" | "closed" | "archived" | "completed" => {
                Some(self.text(kind, record, name).unwrap_or("false").to_owned())
            }
            other => self.text(kind, record, other).map(str::to_owned),
        }
    }

    fn fits(&self, kind: &Kind, record: &Record, call: &Call<'_>) -> bool {
        let held = |name: &str| self.cell(kind, record, name);
        let archived = held("archived").is_some_and(|text| text == "true");
        if archived && call.query("includeArchived") != Some("true") {
            return false;
        }
        if kind.name == "tasks" && !self.is_of(kind, record, call) {
            return false;
        }
        let mut names: Vec<&str> =
            call.query_pairs().iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().all(|name| {
            let mut wanted = call.query_pairs().iter().filter(|(known, _)| known == name);
            wanted.any(|(_, value)| self.fits_one(kind, record, name, value))
        })
    }

    fn fits_one(&self, kind: &Kind, record: &Record, name: &str, value: &str) -> bool {
        let held = |name: &str| self.cell(kind, record, name);
        let same = |name: &str| held(name).is_some_and(|text| text.eq_ignore_ascii_case(value));
        let number = |name: &str| held(name).and_then(|text| text.parse::<f64>().ok());
        let bound = value.parse::<f64>().ok();
        let at = time::parse(value);
        match name {
            "modification_after" => at.is_some_and(|at| record.modified_ms() > at),
            "modification_before" => at.is_some_and(|at| record.modified_ms() < at),
            "creation_after" => at.is_some_and(|at| record.created_ms() > at),
            "creation_before" => at.is_some_and(|at| record.created_ms() < at),
            "close_after" => held("close_date").is_some_and(|day| day.as_str() > value),
            "close_before" => held("close_date").is_some_and(|day| day.as_str() < value),
            "min_size" => number("size") >= bound,
            "max_size" => number("size").is_some() && number("size") <= bound,
            "min_value" => number("value") >= bound,
            "max_value" => number("value").is_some() && number("value") <= bound,
            "search" => {
                let found = ["name", "email", "domain", "description"].map(held);
                let value = value.to_lowercase();
                { found.iter().flatten() }.any(|text| text.to_lowercase().contains(&value))
            }
            "tag.name" => held("tags").is_some_and(|tags| tags.split(',').any(|tag| tag == value)),
            "tag" => {
                let tag = self.office.tags.iter().find(|(id, _)| id.to_string() == value);
                let tags = held("tags").unwrap_or_default();
                tag.is_some_and(|(_, name)| tags.split(',').any(|tag| tag == name))
            }
            "id"
            | "name"
            | "email"
            | "phone_number"
            | "domain"
            | "account"
            | "position.role"
            | "address.city"
            | "address.country"
            | "address.state_region"
            | "stage"
            | "stage.name"
            | "owner"
            | "assignee"
            | "pipeline"
            | "done"
            | "closed" => same(name),
            _ => true,
        }
    }

    /// Returns whether a task is given to one of those who were named, or to the key's owner.
    fn is_of(&self, kind: &Kind, record: &Record, call: &Call<'_>) -> bool {
        let named = call.query_list("assignees");
        let me = self.office.me().map(|user| user.id.to_string()).unwrap_or_default();
        let wanted = if named.is_empty() { vec![me.as_str()] } else { named };
        let held = self.text(kind, record, "assignees").unwrap_or_default();
        held.split(',').any(|id| wanted.contains(&id))
    }

    fn compare(&self, kind: &Kind, orders: &[Order], a: &Record, b: &Record) -> Ordering {
        for order in orders {
            let (x, y) = (self.cell(kind, a, &order.field), self.cell(kind, b, &order.field));
            let number = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
            let found = match (number(&x), number(&y)) {
                (Some(x), Some(y)) => x.total_cmp(&y),
                _ => x.cmp(&y),
            };
            let found = if order.descending { found.reverse() } else { found };
            if found != Ordering::Equal {
                return found;
            }
        }
        a.key().cmp(&b.key())
    }
}

/// Names and values of the query, before anything is looked at.
fn check(kind: &Kind, call: &Call<'_>) -> Result<(), Fail> {
    for (name, value) in call.query_pairs() {
        let name = name.as_str();
        let known = COMMON.contains(&name)
            || kind.filters.contains(&name)
            || name == "address.state_region";
        if !known {
            return Err(Fail::query(name, "is not allowed"));
        }
        if NUMBERS.contains(&name) && value.parse::<f64>().is_err() {
            return Err(Fail::query(name, "must be a number"));
        }
        if name == "hotness" && !["1", "2", "3"].contains(&value.as_str()) {
            return Err(Fail::query(name, "must be one of [1, 2, 3]"));
        }
        let is_date = name.ends_with("_after") || name.ends_with("_before");
        if is_date && time::parse(value).is_none() {
            return Err(Fail::query(name, "must be a valid date"));
        }
        if name == "includeArchived" && !["true", "false"].contains(&value.as_str()) {
            return Err(Fail::query(name, "must be a boolean"));
        }
        let times = call.query_pairs().iter().filter(|(known, _)| known == name).count();
        if kind.name == "opportunities" && SINGLE.contains(&name) && times > 1 {
            return Err(Fail::query(name, "must be a single value"));
        }
    }
    Ok(())
}

/// Returns a whole number of the query.
pub(super) fn count(call: &Call<'_>, name: &str, usual: usize) -> Result<usize, Fail> {
    let text = call.query(name);
    text.map_or(Ok(usual), |text| {
        text.parse().map_err(|_not| Fail::query(name, "must be larger than or equal to 0"))
    })
}

fn orders(call: &Call<'_>) -> Result<Vec<Order>, Fail> {
    let all = call.query_pairs().iter().filter(|(name, _)| name == "order_by");
    all.map(|(_, text)| {
        let (field, direction) = text.split_once(' ').unwrap_or((text, "asc"));
        let descending = match direction.trim().to_ascii_lowercase().as_str() {
            "asc" => false,
            "desc" => true,
            _ => return Err(Fail::query("order_by", "is not valid")),
        };
        if query::SORTABLE.contains(&field) {
            Ok(Order { field: field.to_owned(), descending })
        } else {
            Err(Fail::query("order_by", "is not valid"))
        }
    })
    .collect()
}

fn custom(text: &str) -> Result<serde_json::Map<String, Value>, Fail> {
    serde_json::from_str(text).map_err(|_not| Fail::query("custom", "must be an object"))
}
