//! Search: conditions, one sort, pages, the cap of 10,000, and an index that lags.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::fail::{Fail, json_response};
use super::filter::{Bounds, Filter, Scale, order};
use super::kind::Kind;
use super::object::limit;
use super::render::{self, Wanted};
use super::view::View;
use super::{Answer, HubSpot, Sorting, body, strings, text};
use crate::fake::Call;
use crate::world::{Record, Table, World};

/// The largest page of a search.
const PAGE_MAX: usize = 200;
/// How many results of one search can be reached.
const RESULTS_MAX: usize = 10_000;
/// The longest body of a search, in characters.
const BODY_MAX: usize = 3_000;
/// The properties that free text looks at.
const TEXT_PROPERTIES: [&str; 8] =
    ["firstname", "lastname", "email", "phone", "company", "name", "domain", "dealname"];

/// A search as it was asked.
#[derive(Debug)]
struct Query {
    groups: Vec<Vec<Filter>>,
    words: Option<String>,
    sort: Option<Sort>,
    limit: usize,
    after: usize,
}

#[derive(Debug)]
struct Sort {
    property: String,
    scale: Scale,
    direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

impl HubSpot {
    /// Answers a search.
    pub(super) fn search(&mut self, world: &mut World, call: &Call<'_>, kind: &Kind) -> Answer {
        let length = String::from_utf8_lossy(call.body()).chars().count();
        if length > BODY_MAX {
            let message = format!("The request body may have {BODY_MAX} characters, not {length}");
            return Err(Fail::invalid(message));
        }
        let body = body(call)?;
        let query = self.query(kind, &body)?;
        let wanted = self.wanted(kind, &strings(body.get("properties")), &[]);
        let now_ms = world.now_ms();
        let table = world.table_mut(kind.plural);
        table.catch_up(now_ms);
        let mut found = Self::found(table, kind, &query, now_ms);
        let total = found.len();
        let end = query.after.saturating_add(query.limit).min(total);
        self.sort(table, kind, query.sort.as_ref(), &mut found, end);
        let page = found.get(query.after..end).unwrap_or_default().to_vec();
        let rows: Vec<Bytes> =
            page.iter().filter_map(|key| self.row(table, kind, *key, &wanted, now_ms)).collect();
        let tail = if end < total {
            format!(",\"paging\":{}", json!({ "next": { "after": end.to_string() } }))
        } else {
            String::new()
        };
        let before = format!("\"total\":{total},");
        Ok(json_response(200, render::results(&before, &rows, &tail)))
    }

    fn query(&self, kind: &Kind, body: &Map<String, Value>) -> Result<Query, Fail> {
        let groups = self.filters(kind, body.get("filterGroups"))?;
        let asked = body.get("limit").and_then(text);
        let limit = limit(asked.as_deref(), PAGE_MAX)?;
        let after = match body.get("after").and_then(text).filter(|after| !after.is_empty()) {
            None => 0,
            Some(after) => after.parse::<usize>().map_err(|_not_a_number| {
                let what = "Cannot deserialize value of type `int` from String";
                Fail::invalid(format!("Invalid input JSON: {what} {after:?}"))
            })?,
        };
        if after.saturating_add(limit) > RESULTS_MAX {
            // The status is known, the body is chosen here.
            return Err(Fail::new(400, "There was a problem with the request."));
        }
        let sorts = body.get("sorts").and_then(Value::as_array);
        let sort = match sorts.map(Vec::as_slice) {
            None | Some([]) => None,
            Some([one]) => Some(self.sort_rule(kind, one)?),
            Some(_) => return Err(Fail::invalid("A search may have one sort")),
        };
        let words = body.get("query").and_then(text).filter(|words| !words.is_empty());
        Ok(Query { groups, words, sort, limit, after })
    }

    fn sort_rule(&self, kind: &Kind, rule: &Value) -> Result<Sort, Fail> {
        let (name, direction) = match rule {
            Value::String(name) => match name.strip_prefix('-') {
                Some(name) => (name.to_owned(), Direction::Descending),
                None => (name.clone(), Direction::Ascending),
            },
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                let name = rule.get("propertyName").and_then(text).unwrap_or_default();
                let down = rule.get("direction").and_then(Value::as_str) == Some("DESCENDING");
                (name, if down { Direction::Descending } else { Direction::Ascending })
            }
        };
        match self.scale(kind, &name) {
            Some(scale) => Ok(Sort { property: name, scale, direction }),
            None => Err(Fail::invalid("There was a problem with the request.")),
        }
    }

    /// Returns the numbers of all records that fit.
    fn found(table: &Table, kind: &Kind, query: &Query, now_ms: i64) -> Vec<u64> {
        let everything = [Vec::new()];
        let groups = if query.groups.is_empty() { &everything[..] } else { &query.groups };
        let mut found = Vec::new();
        for group in groups {
            fitting(table, kind, group, &mut found);
        }
        if groups.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
        if let Some(words) = &query.words {
            found.retain(|key| {
                table.get(*key).is_some_and(|record| says(table, kind, &View::of(record), words))
            });
        }
        correct_for_lag(table, kind, query, now_ms, &mut found);
        found
    }

    /// Sorts the results as far as they are shown.
    fn sort(
        &self,
        table: &Table,
        kind: &Kind,
        sort: Option<&Sort>,
        found: &mut [u64],
        shown: usize,
    ) {
        let by_key = sort.is_none_or(|sort| sort.property == "hs_object_id");
        if by_key {
            let down = sort.is_some_and(|sort| sort.direction == Direction::Descending);
            let ordered = |left: &u64, right: &u64| {
                if down { right.cmp(left) } else { left.cmp(right) }
            };
            // Only the pages up to this one need an order.
            if shown > 0 && shown < found.len() {
                found.select_nth_unstable_by(shown - 1, ordered);
            }
            if let Some(page) = found.get_mut(..shown) {
                page.sort_unstable_by(ordered);
            }
            return;
        }
        let Some(sort) = sort else { return };
        if sort.property == kind.modified {
            let sloppy = self.options.sorting == Sorting::Sloppy;
            found.sort_by_cached_key(|key| {
                let at_ms = table.get(*key).map_or(0, Record::modified_ms);
                // Up to an hour off, the same way each time.
                let spread = if sloppy { key.wrapping_mul(0x9E37_79B9) % 3_600_000 } else { 0 };
                (at_ms.saturating_add(i64::try_from(spread).unwrap_or(0)), *key)
            });
        } else {
            let value = |key: &u64| {
                let record = table.get(*key)?;
                let value = View::of(record).value(kind, table.columns(), &sort.property)?;
                Some(value.into_owned())
            };
            found.sort_by(|left, right| match (value(left), value(right)) {
                (Some(left), Some(right)) => {
                    order(sort.scale, &left, &right).unwrap_or_else(|| left.cmp(&right))
                }
                (left, right) => left.cmp(&right),
            });
        }
        if sort.direction == Direction::Descending {
            found.reverse();
        }
    }

    /// Returns one result, as the index knows it.
    fn row(
        &self,
        table: &mut Table,
        kind: &Kind,
        key: u64,
        wanted: &Wanted,
        now_ms: i64,
    ) -> Option<Bytes> {
        if let Some((record, known)) = table.lag_of(key, now_ms) {
            let (row, modified_ms) = known?;
            let view = View::known(record, row, modified_ms);
            return Some(self.render_known(table.columns(), kind, &view, wanted));
        }
        self.render(table, kind, key, wanted)
    }
}

/// Adds the live records that fit one group of conditions, by the narrowest way to them.
fn fitting(table: &Table, kind: &Kind, group: &[Filter], found: &mut Vec<u64>) {
    let mut bounds = Bounds { modified: i64::MIN..=i64::MAX, key: 0..=u64::MAX };
    let rest: Vec<&Filter> =
        group.iter().filter(|filter| !filter.narrow(kind, &mut bounds)).collect();
    let fits = |record: &Record| {
        let view = View::of(record);
        rest.iter().all(|filter| filter.fits(kind, table.columns(), &view))
    };
    let indexed = rest.iter().find_map(|filter| {
        let (property, values) = filter.exact()?;
        table.has_index(property).then_some((property, values))
    });
    if let Some((property, values)) = indexed {
        let mut held: Vec<u64> = values
            .iter()
            .flat_map(|value| table.find(property, value))
            .filter(|record| {
                table.live(record.key()).is_some()
                    && bounds.key.contains(&record.key())
                    && bounds.modified.contains(&record.modified_ms())
                    && fits(record)
            })
            .map(Record::key)
            .collect();
        held.sort_unstable();
        held.dedup();
        found.extend(held);
        return;
    }
    let within = table.modified(bounds.modified.clone());
    let keys = within.map(|entry| entry.1).filter(|key| bounds.key.contains(key));
    if rest.is_empty() {
        found.extend(keys);
    } else {
        found.extend(keys.filter(|key| table.get(*key).is_some_and(&fits)));
    }
}

/// Replaces what is true of lagging records by what the index knows of them.
fn correct_for_lag(table: &Table, kind: &Kind, query: &Query, now_ms: i64, found: &mut Vec<u64>) {
    let lagging: Vec<_> = table.lagging(now_ms).collect();
    if lagging.is_empty() {
        return;
    }
    let behind: std::collections::BTreeSet<u64> =
        lagging.iter().map(|(record, _)| record.key()).collect();
    found.retain(|key| !behind.contains(key));
    for (record, known) in lagging {
        let Some((row, modified_ms)) = known else {
            continue;
        };
        let view = View::known(record, row, modified_ms);
        let group_fits = |group: &Vec<Filter>| {
            group.iter().all(|filter| filter.fits(kind, table.columns(), &view))
        };
        let fits = query.groups.is_empty() || query.groups.iter().any(group_fits);
        let says = query.words.as_ref().is_none_or(|words| says(table, kind, &view, words));
        if fits && says {
            found.push(record.key());
        }
    }
}

/// Returns whether a record holds each of some words.
fn says(table: &Table, kind: &Kind, view: &View<'_>, words: &str) -> bool {
    let held: String = TEXT_PROPERTIES
        .iter()
        .filter_map(|name| view.value(kind, table.columns(), name))
        .fold(String::new(), |all, value| all + " " + &value.to_lowercase());
    words.to_lowercase().split_whitespace().all(|word| held.contains(word))
}
