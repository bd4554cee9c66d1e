//! `/query` and `/queryAll`, and the pages of their results.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use http::StatusCode;

use super::answer::Answer;
use super::ask::Ask;
use super::describe::{Field, Kind};
use super::problem::Problem;
use super::render::{self, Pen};
use super::room::Room;
use super::schema::Found;
use super::{DAY_MS, Salesforce, ids};
use crate::soql::bind::{Output, Plan, Select, bind};
use crate::soql::run::{Group, Outcome, run};
use crate::soql::schema::Reach;
use crate::soql::{self};
use crate::world::World;

/// How long a cursor lives.
const CURSOR_MS: i64 = 2 * DAY_MS;
/// The smallest page that a client may ask for.
const PAGE_MIN: usize = 200;
/// The largest one.
const PAGE_MAX: usize = 2_000;
/// How many values a page holds at most: wide rows make smaller pages.
const PAGE_VALUES_MAX: usize = 100_000;
/// The largest page of a query with child queries, whose rows count too.
const PAGE_WITH_CHILDREN_MAX: usize = 500;

/// A query's result that is read page by page.
#[derive(Clone, Debug)]
struct Cursor {
    plan: Arc<Plan>,
    reach: Reach,
    keys: Arc<[u64]>,
    page: usize,
    expires_ms: i64,
}

/// All results that are still being read.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    open: BTreeMap<String, Cursor>,
    last: u64,
}

impl Cursors {
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}

/// A result and how to render it.
struct Page<'a> {
    plan: &'a Plan,
    reach: Reach,
    keys: &'a [u64],
    total: usize,
    /// The address of the next page, if there is one.
    next: Option<String>,
}

impl Salesforce {
    pub(super) fn query(&mut self, room: &mut Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let text = ask.query("q").or_else(|| ask.query("explain")).unwrap_or_default();
        let all = ask.path.first().is_some_and(|name| name == "queryAll");
        let reach = if all { Reach::Everything } else { Reach::Live };
        let query = soql::parse(text)?;
        let view = self.view(room.world);
        let plan = bind(&view, text, &query)?;
        let keys: Vec<u64> = match run(&view, &plan, reach) {
            Outcome::Count(total) => {
                let body = format!(r#"{{"totalSize":{total},"done":true,"records":[]}}"#);
                return Ok(Answer::raw(StatusCode::OK, body.into_bytes()));
            }
            Outcome::Groups(groups) => {
                return Ok(Answer::raw(StatusCode::OK, aggregate(&groups)));
            }
            Outcome::Rows(rows) => rows.iter().map(|found| found.record.key()).collect(),
        };
        let page = self.page_size(ask, &plan);
        let plan = Arc::new(plan);
        let mut next = None;
        if keys.len() > page {
            self.cursors.last += 1;
            let id = ids::long("0r8", self.cursors.last);
            let expires_ms = room.world.now_ms() + CURSOR_MS;
            next = Some(format!("{}/query/{id}-{page}", ask.base()));
            let keys = keys.as_slice().into();
            let cursor = Cursor { plan: Arc::clone(&plan), reach, keys, page, expires_ms };
            self.cursors.open.insert(id, cursor);
        }
        let shown = keys.get(..page.min(keys.len())).unwrap_or_default();
        let page = Page { plan: &plan, reach, keys: shown, total: keys.len(), next };
        Ok(Answer::raw(StatusCode::OK, self.page(room.world, ask, &page)))
    }

    /// Answers with the rest of a result: `0r8…-2000`, where the number is the next row.
    pub(super) fn next_page(
        &mut self,
        room: &mut Room<'_>,
        ask: &Ask,
        locator: &str,
    ) -> Result<Answer, Problem> {
        let now_ms = room.world.now_ms();
        self.cursors.open.retain(|_, cursor| cursor.expires_ms > now_ms);
        let invalid = || Problem::new("INVALID_QUERY_LOCATOR", "invalid query locator");
        let (id, offset) = locator.rsplit_once('-').ok_or_else(invalid)?;
        let offset: usize = offset.parse().map_err(|_not_a_number| invalid())?;
        let cursor = self.cursors.open.get(id).cloned().ok_or_else(invalid)?;
        let size = match ask.option("sforce-query-options", "batchSize") {
            Some(_) => self.page_size(ask, &cursor.plan),
            None => cursor.page,
        };
        let rest = cursor.keys.get(offset..).ok_or_else(invalid)?;
        let end = offset + size.min(rest.len());
        let next = (end < cursor.keys.len()).then(|| format!("{}/query/{id}-{end}", ask.base()));
        let page = Page {
            plan: &cursor.plan,
            reach: cursor.reach,
            keys: rest.get(..size.min(rest.len())).unwrap_or_default(),
            total: cursor.keys.len(),
            next,
        };
        Ok(Answer::raw(StatusCode::OK, self.page(room.world, ask, &page)))
    }

    fn page_size(&self, ask: &Ask, plan: &Plan) -> usize {
        let asked = ask.option("sforce-query-options", "batchSize");
        let asked = asked.and_then(|size| size.parse().ok()).unwrap_or(PAGE_MAX);
        let Select::Rows(outputs) = &plan.select else {
            return PAGE_MAX;
        };
        let children = outputs.iter().any(|output| matches!(output, Output::Child { .. }));
        let wide = PAGE_VALUES_MAX.checked_div(outputs.len()).unwrap_or(PAGE_MAX);
        asked
            .clamp(PAGE_MIN, PAGE_MAX)
            .min(if children { PAGE_WITH_CHILDREN_MAX } else { PAGE_MAX })
            .min(wide.max(PAGE_MIN))
            .min(self.options.page_max.max(1))
    }

    fn page(&self, world: &mut World, ask: &Ask, page: &Page<'_>) -> Vec<u8> {
        let mut body = Vec::with_capacity(256 + page.keys.len() * 256);
        let done = page.next.is_none();
        let mut head = format!(r#"{{"totalSize":{},"done":{done}"#, page.total);
        if let Some(next) = &page.next {
            let _infallible = write!(head, r#","nextRecordsUrl":"{next}""#);
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(br#","records":["#);
        if let (Select::Rows(outputs), Some(kind)) =
            (&page.plan.select, self.catalog.kinds.get(page.plan.entity.index))
        {
            match flat_fields(kind, outputs) {
                Some(fields) => {
                    let keys = page.keys.iter().map(|key| Some(*key));
                    self.flat_rows(world, &ask.base(), kind, &fields, keys, &mut body);
                }
                None => self.deep_rows(world, ask, page, kind, outputs, &mut body),
            }
        }
        body.extend_from_slice(b"]}");
        body
    }

    /// Writes records that need no others, from the last time where they have not changed.
    pub(super) fn flat_rows(
        &self,
        world: &mut World,
        base: &str,
        kind: &Kind,
        fields: &[&Field],
        keys: impl Iterator<Item = Option<u64>>,
        body: &mut Vec<u8>,
    ) {
        let table = world.table_mut(kind.name);
        let mut shape = base.to_owned();
        for field in fields {
            shape.push(',');
            shape.push_str(&field.name);
        }
        let shape = table.shape(&shape);
        for (index, key) in keys.enumerate() {
            if index > 0 {
                body.push(b',');
            }
            let row = key.and_then(|key| {
                table.render(key, shape, |record, _columns| {
                    let mut row = Vec::with_capacity(fields.len() * 24);
                    render::flat(&self.users, base, Found { kind, record }, fields, &mut row);
                    row
                })
            });
            body.extend_from_slice(row.as_deref().unwrap_or(b"null"));
        }
    }

    fn deep_rows(
        &self,
        world: &World,
        ask: &Ask,
        page: &Page<'_>,
        kind: &Kind,
        outputs: &[Output],
        body: &mut Vec<u8>,
    ) {
        let base = ask.base();
        let pen = Pen { view: self.view(world), base: &base, reach: page.reach };
        let Some(table) = world.table(kind.name) else {
            return;
        };
        let records = page.keys.iter().filter_map(|key| table.get(*key));
        for (index, record) in records.enumerate() {
            if index > 0 {
                body.push(b',');
            }
            pen.selected(Found { kind, record }, outputs, body);
        }
    }
}

/// Returns the fields of a select list that reads nothing but the row itself.
fn flat_fields<'a>(kind: &'a Kind, outputs: &[Output]) -> Option<Vec<&'a Field>> {
    let fields = outputs.iter().map(|output| match output {
        Output::Field(column) => kind.fields.get(usize::from(column.index)),
        Output::Parent { .. } | Output::Child { .. } => None,
    });
    fields.collect()
}

fn aggregate(groups: &[Group<'_>]) -> Vec<u8> {
    let mut body =
        format!(r#"{{"totalSize":{},"done":true,"records":["#, groups.len()).into_bytes();
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"attributes":{"type":"AggregateResult"}"#);
        for (name, value) in group {
            body.extend_from_slice(format!(r#","{name}":"#).as_bytes());
            render::cell(*value, &mut body);
        }
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body
}
