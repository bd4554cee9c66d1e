//! The feeds: the list by id, then what was updated since, page by page; and deletions, which only
//! deals name. Of the others the ids that were there at the last look are compared with the list.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Change, ChangePage, Cursor, ErrorKind, Feed, ObjectKind, Operation, ProviderError, Result,
    Watermark,
};
use crm_http::{Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Pipedrive;
use crate::error::classify;
use crate::read::LIST_COST;
use crate::table::Table;
use crate::wire::{Object, Page};

const ARCHIVED: &str = "/archived";
const ARCHIVED_COST: u32 = 20;
/// How often the ids of more than one page are compared.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// What a cursor holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case", deny_unknown_fields)]
enum Position {
    /// The lists, each where it is: those of deals that are archived are apart.
    Lists { of: BTreeMap<String, At>, round: Option<Round> },
    /// The deleted deals.
    Bin { watermark: Watermark, cursor: Option<String>, until: Option<Timestamp> },
    /// The ids that are there, as steps from each to the next.
    Ids { known: Vec<u64>, swept: Option<Timestamp>, long: bool, sweep: Option<Sweep> },
}

/// Where the reading of one list is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    watermark: Watermark,
    /// Whether the whole list was read, and updates are read now.
    polls: bool,
    /// From when on, and up to when, updates are being read, by which feed.
    window: Option<(Timestamp, Timestamp, bool)>,
    cursor: Option<String>,
}

/// A look at each of several lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    /// Whether the fresh feed began it.
    fresh: bool,
    left: Vec<String>,
}

/// A comparison of ids that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sweep {
    started: Timestamp,
    cursor: String,
    /// The last id that was read.
    last: u64,
    /// The ids that were read, as steps.
    seen: Vec<u64>,
}

/// A page as it was read.
struct Read {
    /// The provider's time, as the answer's header tells it.
    date: Timestamp,
    rows: Vec<Object>,
    next: Option<String>,
}

impl Pipedrive {
    /// Reads one page of a feed.
    pub(crate) async fn page(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage> {
        let position = after.map(read).transpose()?;
        let table = self.table(kind).await?;
        match (feed, position) {
            (Feed::Changes | Feed::Fresh, None) => {
                self.lists(&table, feed, BTreeMap::new(), None).await
            }
            (Feed::Changes | Feed::Fresh, Some(Position::Lists { of, round })) => {
                self.lists(&table, feed, of, round).await
            }
            (Feed::Deletions, None) if kind == ObjectKind::Deal => {
                let watermark = Watermark::begin(Timestamp::UNIX_EPOCH);
                self.bin(&table, watermark, None, None).await
            }
            (Feed::Deletions, Some(Position::Bin { watermark, cursor, until })) => {
                self.bin(&table, watermark, cursor, until).await
            }
            (Feed::Deletions, None) => self.ids(&table, Vec::new(), None, false, None).await,
            (Feed::Deletions, Some(Position::Ids { known, swept, long, sweep })) => {
                self.ids(&table, known, swept, long, sweep).await
            }
            (Feed::Changes | Feed::Fresh, Some(Position::Bin { .. } | Position::Ids { .. }))
            | (Feed::Deletions, Some(Position::Lists { .. })) => Err(foreign()),
        }
    }

    /// Reads one page of the list whose turn it is.
    async fn lists(
        &self,
        table: &Table,
        feed: Feed,
        mut of: BTreeMap<String, At>,
        round: Option<Round>,
    ) -> Result<ChangePage> {
        let fresh = feed == Feed::Fresh;
        let names: &[&str] = if table.kind() == ObjectKind::Deal { &["", ARCHIVED] } else { &[""] };
        // A round that the other feed left behind looked elsewhere: this feed begins its own.
        let round = round.filter(|round| round.fresh == fresh);
        let all = || names.iter().map(|name| (*name).to_owned()).collect();
        let mut round = round.unwrap_or_else(|| Round { fresh, left: all() });
        let Some(name) = round.left.first().cloned() else {
            return page(Vec::new(), &Position::Lists { of, round: None }, false);
        };
        let (at, changes, more) = self.list(table, &name, feed, of.remove(&name)).await?;
        of.insert(name, at);
        if !more {
            round.left.remove(0);
        }
        let more = !round.left.is_empty();
        page(changes, &Position::Lists { of, round: more.then_some(round) }, more)
    }

    async fn list(
        &self,
        table: &Table,
        name: &str,
        feed: Feed,
        at: Option<At>,
    ) -> Result<(At, Vec<Change>, bool)> {
        let fresh = feed == Feed::Fresh;
        let polls = at.as_ref().is_some_and(|at| at.polls);
        // A window that the other feed left behind began elsewhere.
        let window = at.as_ref().and_then(|at| at.window).filter(|window| window.2 == fresh);
        let cursor = at.as_ref().and_then(|at| at.cursor.clone());
        let cursor = cursor.filter(|_| !polls || window.is_some());
        let from = window.map(|window| window.0).or_else(|| {
            let at = at.as_ref().filter(|at| at.polls)?;
            Some(at.watermark.from(feed, table.capability.overlap))
        });
        let cost = if name == ARCHIVED { ARCHIVED_COST } else { LIST_COST };
        let request = Request::get(Operation::Changes, format!("{}{name}", table.path()))
            .endpoint(table.endpoint("GET", name))
            .cost(cost)
            .query("limit", table.capability.page_max)
            .query("sort_by", if polls { "update_time" } else { "id" })
            .query("sort_direction", "asc");
        let request = match from {
            Some(from) => request.query("updated_since", second(from)),
            None => request,
        };
        let read = self.fetch(table, after(request, cursor.as_deref())).await?;
        let watermark = at.map_or_else(|| Watermark::begin(read.date), |at| at.watermark);
        let found = read.rows.iter().filter_map(|row| table.found(row));
        let changes = self.complete(found.filter(|found| !found.deleted)).await?;
        let changes = changes.into_iter().map(Change::Observed).collect();
        let until = window.map_or(read.date, |window| window.1);
        if read.next.is_some() {
            let window = from.map(|from| (from, until, fresh));
            return Ok((At { watermark, polls, window, cursor: read.next }, changes, true));
        }
        let watermark = if polls {
            watermark.advance(feed, until, table.capability.visibility_lag)
        } else {
            watermark
        };
        Ok((At { watermark, polls: true, window: None, cursor: None }, changes, false))
    }

    /// Reads a page of the deleted deals.
    async fn bin(
        &self,
        table: &Table,
        watermark: Watermark,
        cursor: Option<String>,
        until: Option<Timestamp>,
    ) -> Result<ChangePage> {
        let from = watermark.from(Feed::Deletions, table.capability.overlap);
        let request = Request::get(Operation::Changes, table.path())
            .endpoint(table.endpoint("GET", "?deleted"))
            .cost(LIST_COST)
            .query("status", "deleted")
            .query("limit", table.capability.page_max)
            .query("sort_by", "update_time")
            .query("sort_direction", "asc")
            .query("updated_since", second(from.max(Timestamp::UNIX_EPOCH)));
        let read = self.fetch(table, after(request, cursor.as_deref())).await?;
        let until = until.unwrap_or(read.date);
        let ids = read.rows.iter().filter_map(id).map(|id| id.to_string().into());
        let changes = ids.map(|id| Change::Missing { id }).collect();
        if read.next.is_some() {
            let next = Position::Bin { watermark, cursor: read.next, until: Some(until) };
            return page(changes, &next, true);
        }
        let lag = table.capability.visibility_lag;
        let watermark = watermark.advance(Feed::Deletions, until, lag);
        page(changes, &Position::Bin { watermark, cursor: None, until: None }, false)
    }

    /// Compares a page of ids. What fits on one page is read at every look, more at most hourly.
    async fn ids(
        &self,
        table: &Table,
        known: Vec<u64>,
        swept: Option<Timestamp>,
        long: bool,
        sweep: Option<Sweep>,
    ) -> Result<ChangePage> {
        let now = self.client.clock().now();
        let due = swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP_EVERY);
        if long && !due && sweep.is_none() {
            return page(Vec::new(), &Position::Ids { known, swept, long, sweep }, false);
        }
        let request = Request::get(Operation::Changes, table.path())
            .endpoint(table.endpoint("GET", ""))
            .cost(LIST_COST)
            .query("limit", table.capability.page_max)
            .query("sort_by", "id")
            .query("sort_direction", "asc");
        let cursor = sweep.as_ref().map(|sweep| sweep.cursor.as_str());
        let read = self.fetch(table, after(request, cursor)).await?;
        let last = sweep.as_ref().map_or(0, |sweep| sweep.last);
        let there: BTreeSet<u64> = read.rows.iter().filter_map(id).collect();
        let more = read.next.is_some();
        let edge = if more { there.last().copied().unwrap_or(last) } else { u64::MAX };
        let before = ids_of(&known);
        let gone = before.iter().filter(|id| **id > last && **id <= edge && !there.contains(id));
        let changes = gone.map(|id| Change::Missing { id: id.to_string().into() }).collect();
        let started = sweep.as_ref().map_or(read.date, |sweep| sweep.started);
        let mut seen = sweep.map(|sweep| ids_of(&sweep.seen)).unwrap_or_default();
        seen.extend(there);
        if let Some(cursor) = read.next {
            let sweep = Some(Sweep { started, cursor, last: edge, seen: steps(&seen) });
            return page(changes, &Position::Ids { known, swept, long: true, sweep }, true);
        }
        let (known, swept, long) = (steps(&seen), Some(started), last > 0);
        page(changes, &Position::Ids { known, swept, long, sweep: None }, false)
    }

    async fn fetch(&self, table: &Table, request: Request) -> Result<Read> {
        let classify = |failure: &Failure<'_>| classify(&table.mappings, failure);
        let read = |reply: &Reply| {
            let date = reply.date();
            let date = date.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let (rows, next) = reply.json::<Page<Object>>()?.split();
            Ok(Read { date, rows, next })
        };
        self.client.fetch(request, &classify, read).await
    }
}

fn after(request: Request, cursor: Option<&str>) -> Request {
    match cursor {
        Some(cursor) => request.query("cursor", cursor),
        None => request,
    }
}

/// Fractions of a second are refused.
fn second(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    format!("{whole:.0}")
}

fn id(row: &Object) -> Option<u64> {
    row.get("id")?.as_u64()
}

/// Returns rising numbers as steps from each to the next, which take less room.
fn steps(ids: &BTreeSet<u64>) -> Vec<u64> {
    let mut last = 0;
    let step = |id: &u64| id.saturating_sub(std::mem::replace(&mut last, *id));
    ids.iter().map(step).collect()
}

fn ids_of(steps: &[u64]) -> BTreeSet<u64> {
    let mut last = 0_u64;
    let next = |step: &u64| {
        last = last.saturating_add(*step);
        last
    };
    steps.iter().map(next).collect()
}

fn read(cursor: &Cursor) -> Result<Position> {
    serde_json::from_str(&cursor.0).map_err(|error| {
        ProviderError::new(ErrorKind::Permanent, "the stored cursor is not Pipedrive's")
            .with_hint("read the kind anew from its beginning")
            .with_source(error)
    })
}

fn page(changes: Vec<Change>, next: &Position, more: bool) -> Result<ChangePage> {
    let text = serde_json::to_string(next).map_err(|error| {
        ProviderError::new(ErrorKind::Permanent, "the cursor cannot be written").with_source(error)
    })?;
    Ok(ChangePage { changes, next: Cursor(text), more })
}

fn foreign() -> ProviderError {
    ProviderError::new(ErrorKind::Permanent, "the stored cursor belongs to another feed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_their_steps() {
        let ids: BTreeSet<u64> = [3, 7, 8, 1_000_000_000_007].into();
        assert_eq!(steps(&ids), [3, 4, 1, 999_999_999_999]);
        assert_eq!(ids_of(&steps(&ids)), ids);
        assert_eq!(ids_of(&[]), BTreeSet::new());
    }

    #[test]
    fn seconds_have_no_fraction() {
        assert_eq!(second("2026-11-24T08:00:00.987Z".parse().unwrap()), "2026-11-24T08:00:00Z");
    }
}
