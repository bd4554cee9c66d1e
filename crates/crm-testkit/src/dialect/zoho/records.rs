//! Lists of records, page by page, and single records.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::module::Module;
use super::problem::Problem;
use super::{Zoho, time};
use crate::fake::Call;
use crate::world::{Record, World};

/// The most fields of one read.
const FIELDS_MAX: usize = 50;
/// The most ids of one read.
const IDS_MAX: usize = 100;
/// The most records of one page.
pub(super) const PAGE_MAX: usize = 200;
/// So many records may be had by page number; what is beyond is had by token.
const DISCRETE_MAX: usize = 2_000;
/// How long a token of a page works.
const TOKEN_MS: i64 = 86_400_000;

/// The pages that were promised.
#[derive(Debug, Default)]
pub(super) struct Pages {
    tokens: BTreeMap<String, Place>,
}

/// Where a page begins.
#[derive(Clone, Debug)]
struct Place {
    /// What the token is bound to.
    query: String,
    /// The sort value and key of the last record of the page before.
    after: (i64, u64),
    page: usize,
    until_ms: i64,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Id,
    Created,
    Modified,
}

impl Sort {
    fn of(self, record: &Record) -> (i64, u64) {
        let first = match self {
            Self::Id => 0,
            Self::Created => record.created_ms(),
            Self::Modified => record.modified_ms(),
        };
        (first, record.key())
    }
}

/// A list that is asked for.
#[derive(Debug)]
struct Asked<'c> {
    fields: Vec<&'c str>,
    ids: Vec<u64>,
    has_ids: bool,
    since: Option<i64>,
    sort: Sort,
    descending: bool,
    per_page: usize,
    page: usize,
    token: Option<&'c str>,
}

impl<'c> Asked<'c> {
    fn of(call: &'c Call<'_>, fields_needed: bool) -> Result<Self, Problem> {
        let fields = call.query_list("fields");
        if fields.is_empty() && fields_needed {
            return Err(Problem::param_missing("fields"));
        }
        if fields.len() > FIELDS_MAX {
            let details = json!({ "limit": FIELDS_MAX, "param_name": "fields" });
            return Err(Problem::new("LIMIT_EXCEEDED", details, "too many fields"));
        }
        let ids = call.query_list("ids");
        if ids.len() > IDS_MAX {
            return Err(Problem::too_many(IDS_MAX));
        }
        let token = call.query("page_token").filter(|token| !token.is_empty());
        if token.is_some() && call.query("page").is_some() {
            let details = json!({ "param_name": "page_token" });
            let message = "page and page_token cannot be used together";
            return Err(Problem::new("AMBIGUITY_DURING_PROCESSING", details, message));
        }
        let sort = match call.query("sort_by").unwrap_or("id") {
            "id" => Sort::Id,
            "Created_Time" => Sort::Created,
            "Modified_Time" => Sort::Modified,
            _ => return Err(Problem::param("sort_by")),
        };
        Ok(Self {
            fields,
            has_ids: !ids.is_empty(),
            ids: ids.iter().filter_map(|id| id.parse().ok()).collect(),
            since: since(call)?,
            sort,
            descending: match call.query("sort_order").unwrap_or("desc") {
                "desc" => true,
                "asc" => false,
                _ => return Err(Problem::param("sort_order")),
            },
            per_page: number(call, "per_page", PAGE_MAX, PAGE_MAX)?,
            page: number(call, "page", 1, usize::MAX)?,
            token,
        })
    }

    /// Returns what a token is bound to.
    fn query(&self, module: &Module) -> String {
        format!(
            "{} {:?} {:?} {:?} {} {}",
            module.name,
            self.fields,
            self.since,
            self.sort,
            self.descending,
            self.ids.len()
        )
    }
}

/// Returns a number of the query.
pub(super) fn number(
    call: &Call<'_>,
    name: &'static str,
    usual: usize,
    max: usize,
) -> Result<usize, Problem> {
    let Some(text) = call.query(name) else { return Ok(usual) };
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| Problem::param(name))
}

/// Returns since when something must have changed.
pub(super) fn since(call: &Call<'_>) -> Result<Option<i64>, Problem> {
    let Some(text) = call.header("if-modified-since") else { return Ok(None) };
    time::read(text).map(Some).ok_or_else(|| Problem::param("If-Modified-Since"))
}

impl Zoho {
    /// Answers a list.
    pub(super) fn list(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        module: &Module,
    ) -> Result<Answer, Problem> {
        let asked = Asked::of(call, self.fields_needed)?;
        let query = asked.query(module);
        let place = match asked.token {
            Some(token) => Some(self.pages.open(token, &query, world.now_ms())?),
            None => None,
        };
        let page = place.as_ref().map_or(asked.page, |place| place.page);
        if place.is_none() && page.saturating_mul(asked.per_page) > DISCRETE_MAX {
            let message = "You can only get the first 2000 records without using page_token param";
            let details = json!({ "limit": DISCRETE_MAX });
            return Err(Problem::new("DISCRETE_PAGINATION_LIMIT_EXCEEDED", details, message));
        }
        let table = world.table(module.name);
        let fits = |record: &&Record| {
            asked.since.is_none_or(|since| record.modified_ms() > since)
                && (!asked.has_ids || asked.ids.contains(&record.key()))
        };
        let all = table.into_iter().flat_map(|table| table.live_after(0)).filter(fits);
        let mut rows: Vec<((i64, u64), &Record)> =
            all.map(|record| (asked.sort.of(record), record)).collect();
        if rows.is_empty() {
            let waited = asked.since.is_some();
            return Ok(if waited { Answer::unchanged() } else { Answer::nothing() });
        }
        rows.sort_unstable_by_key(|row| row.0);
        if asked.descending {
            rows.reverse();
        }
        let start = match &place {
            Some(place) => rows.partition_point(|(at, _)| {
                if asked.descending { *at >= place.after } else { *at <= place.after }
            }),
            None => (page - 1) * asked.per_page,
        };
        let rest = rows.get(start..).unwrap_or_default();
        let shown = rest.get(..asked.per_page).unwrap_or(rest);
        let Some((last, _)) = shown.last() else { return Ok(Answer::nothing()) };
        let more = rest.len() > shown.len();
        let view = self.view(world);
        let data: Vec<Value> =
            shown.iter().map(|(_, record)| view.record(module, record, &asked.fields)).collect();
        let (last, count) = (*last, shown.len());
        let next = more.then(|| self.pages.promise(&query, last, page + 1, world));
        let until = next
            .as_ref()
            .map(|_| time::local(world.now_ms() + TOKEN_MS, self.options.offset_minutes));
        let sort_by = call.query("sort_by").unwrap_or("id");
        let info = json!({
            "per_page": asked.per_page,
            "count": count,
            "page": page,
            "sort_by": sort_by,
            "sort_order": if asked.descending { "desc" } else { "asc" },
            "more_records": more,
            "next_page_token": next,
            "previous_page_token": null,
            "page_token_expiry": until,
        });
        Ok(Answer::ok(json!({ "data": data, "info": info })))
    }

    /// Answers a read of one record.
    pub(super) fn one(
        &self,
        world: &World,
        call: &Call<'_>,
        module: &Module,
        id: &str,
    ) -> Result<Answer, Problem> {
        let Ok(key) = id.parse::<u64>() else {
            return Err(Problem::id_in_path(1));
        };
        let record = world.table(module.name).and_then(|table| table.live(key));
        let Some(record) = record else { return Ok(Answer::nothing()) };
        if since(call)?.is_some_and(|since| record.modified_ms() <= since) {
            return Ok(Answer::unchanged());
        }
        let fields = call.query_list("fields");
        let row = self.view(world).record(module, record, &fields);
        Ok(Answer::ok(json!({ "data": [row] })))
    }

    /// Counts records.
    pub(super) fn count(world: &World, module: &Module) -> Answer {
        let count = world.table(module.name).map_or(0, crate::world::Table::live_count);
        Answer::json(StatusCode::OK, json!({ "count": count }))
    }
}

impl Pages {
    fn promise(
        &mut self,
        query: &str,
        after: (i64, u64),
        page: usize,
        world: &mut World,
    ) -> String {
        let now_ms = world.now_ms();
        self.tokens.retain(|_, place| place.until_ms > now_ms);
        let token = format!("{:016x}{:016x}", world.rng.bits(), world.rng.bits());
        let until_ms = now_ms + TOKEN_MS;
        let place = Place { query: query.to_owned(), after, page, until_ms };
        self.tokens.insert(token.clone(), place);
        token
    }

    /// A token works for the query that it was given with, for a day.
    fn open(&self, token: &str, query: &str, now_ms: i64) -> Result<Place, Problem> {
        let place = self.tokens.get(token);
        let fits = |place: &&Place| place.query == query && now_ms < place.until_ms;
        place.filter(fits).cloned().ok_or_else(|| Problem::param("page_token"))
    }
}
