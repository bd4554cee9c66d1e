//! Records one at a time, and the list.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;

use super::fail::{Fail, empty_response, json_response};
use super::kind::Kind;
use super::write::{Echo, needs};
use super::{Answer, HubSpot, body, render};
use crate::fake::Call;
use crate::world::{Record, Source, State, Table, World};

/// The largest page of a list, and with earlier values.
const PAGE_MAX: usize = 100;
const HISTORY_PAGE_MAX: usize = 50;
const PAGE_DEFAULT: usize = 10;

impl HubSpot {
    /// Answers calls about records.
    pub(super) fn objects(&mut self, world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
        let [kind, rest @ ..] = rest else {
            return Err(Fail::not_found());
        };
        let kind = Kind::in_path(kind)?;
        match (call.method(), rest) {
            (&Method::GET, []) => self.list(world, call, kind),
            (&Method::POST, []) => self.create_one(world, call, kind),
            (&Method::POST, ["search"]) => self.search(world, call, kind),
            (&Method::POST, ["merge"]) => self.merge_call(world, call, kind),
            (&Method::POST, ["gdpr-delete"]) => self.forget(world, call, kind),
            (&Method::POST, ["batch", action]) => self.batch(world, call, kind, action),
            (&Method::GET, [id]) => self.read_one(world, call, kind, id),
            (&Method::PATCH, [id]) => self.update_one(world, call, kind, id),
            (&Method::DELETE, [id]) => {
                let stamp = world.stamp(Source::Integration);
                let table = world.table_mut(kind.plural);
                if let Some(key) = id.parse().ok().and_then(|key| live_survivor(table, key)) {
                    table.archive(key, &stamp);
                }
                // A record that is not there is as deleted as it can be.
                Ok(empty_response(StatusCode::NO_CONTENT))
            }
            (_, [id, "associations", rest @ ..]) => self.association(world, call, kind, id, rest),
            _ => Err(Fail::new(405, "Method Not Allowed")),
        }
    }

    fn list(&mut self, world: &mut World, call: &Call<'_>, kind: &'static Kind) -> Answer {
        let history = call.query_list("propertiesWithHistory");
        let most = if history.is_empty() { PAGE_MAX } else { HISTORY_PAGE_MAX };
        let limit = limit(call.query("limit"), most)?;
        let from = match call.query("after") {
            None | Some("") => 0,
            Some(after) => after.parse::<u64>().map_err(|_not_a_number| {
                let what = "Cannot deserialize value of type `long` from String";
                Fail::invalid(format!("Invalid after: {what} {after:?}"))
            })?,
        };
        let archived = call.query("archived") == Some("true");
        let wanted = self.wanted(kind, &call.query_list("properties"), &history);
        let table = world.table_mut(kind.plural);
        let before = from.saturating_sub(1);
        let mut page: Vec<(u64, Bytes)> = if archived {
            let keys = table.archived_after(before).take(limit + 1).map(Record::key);
            let keys: Vec<u64> = keys.collect();
            let row = |key| Some((key, self.render(table, kind, key, &wanted)?));
            keys.into_iter().filter_map(row).collect()
        } else {
            self.render_live(table, kind, before, limit + 1, &wanted)
        };
        let more = page.len() > limit;
        page.truncate(limit);
        let asked = self.kinds_of(call)?;
        if !asked.is_empty() {
            for (key, row) in &mut page {
                let ties = self.shown_ties(world, kind, *key, &asked);
                *row = render::with_ties(row, ties.as_deref());
            }
        }
        let last = page.last().map(|row| row.0);
        let rows: Vec<Bytes> = page.into_iter().map(|row| row.1).collect();
        let tail = match last {
            Some(last) if more => {
                let after = (last + 1).to_string();
                let paging = json!({ "next": { "after": after, "link": link(call, &after) } });
                format!(",\"paging\":{paging}")
            }
            _ => String::new(),
        };
        Ok(json_response(200, render::results("", &rows, &tail)))
    }

    fn create_one(&mut self, world: &mut World, call: &Call<'_>, kind: &'static Kind) -> Answer {
        let body = body(call)?;
        let empty = serde_json::Map::new();
        let fields = body.get("properties").and_then(|value| value.as_object()).unwrap_or(&empty);
        let written = self.check(kind, fields)?;
        needs(kind, &written)?;
        let wishes = Self::wishes(kind, body.get("associations"))?;
        let key = self.insert(world, kind, &written, Source::Integration)?;
        for wish in wishes {
            let (from, to) = ((kind, key.to_string()), (wish.to_kind, wish.to));
            let (from, to) = ((from.0, from.1.as_str()), (to.0, to.1.as_str()));
            self.make(world, from, to, &wish.types, Source::Integration)?;
        }
        let table = world.table_mut(kind.plural);
        let row = self.echo(table, kind, key, &written, Echo::Create);
        Ok(json_response(201, row.unwrap_or_default()))
    }

    fn read_one(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
        id: &str,
    ) -> Answer {
        let asked = call.query_list("properties");
        let wanted = self.wanted(kind, &asked, &call.query_list("propertiesWithHistory"));
        let archived = call.query("archived") == Some("true");
        let key = self.key_of(world, kind, id, call.query("idProperty"))?;
        let table = world.table_mut(kind.plural);
        let record = key.and_then(|key| table.survivor(key));
        let fits = |record: &&Record| match record.state() {
            State::Live => !archived,
            State::Archived { .. } => archived,
            State::Merged { .. } => false,
        };
        let Some(key) = record.filter(fits).map(Record::key) else {
            // A number that is nobody's, and a text that cannot be one, are answered differently.
            let numeric = id.bytes().all(|byte| byte.is_ascii_digit());
            return Err(if numeric { Fail::not_found() } else { Fail::no_object(id) });
        };
        let row = self.render(table, kind, key, &wanted).unwrap_or_default();
        let ties = self.shown_ties(world, kind, key, &self.kinds_of(call)?);
        Ok(json_response(200, render::with_ties(&row, ties.as_deref())))
    }

    fn update_one(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
        id: &str,
    ) -> Answer {
        let body = body(call)?;
        let key = self.key_of(world, kind, id, call.query("idProperty"))?;
        let table = world.table_mut(kind.plural);
        let key = key.and_then(|key| live_survivor(table, key));
        let key = key.ok_or_else(|| Fail::no_object(id))?;
        let empty = serde_json::Map::new();
        let fields = body.get("properties").and_then(|value| value.as_object()).unwrap_or(&empty);
        let written = self.check(kind, fields)?;
        self.update(world, kind, key, &written, Source::Integration)?;
        let table = world.table_mut(kind.plural);
        let row = self.echo(table, kind, key, &written, Echo::Update);
        Ok(json_response(200, row.unwrap_or_default()))
    }

    /// Returns the kinds whose associations a read asks for and may see. Chosen here: without the
    /// right to the other end they are left out without a word.
    fn kinds_of(&self, call: &Call<'_>) -> Result<Vec<&'static Kind>, Fail> {
        let asked = call.query_list("associations").into_iter().map(Kind::in_path);
        let asked: Vec<&'static Kind> = asked.collect::<Result<_, _>>()?;
        let may = |kind: &&'static Kind| {
            let scope = format!("crm.objects.{}.read", kind.scope);
            self.options.scopes.as_ref().is_none_or(|granted| granted.contains(&scope))
        };
        Ok(asked.into_iter().filter(may).collect())
    }

    /// Returns the record that an id means, by number or by a unique property.
    pub(super) fn key_of(
        &self,
        world: &mut World,
        kind: &'static Kind,
        id: &str,
        property: Option<&str>,
    ) -> Result<Option<u64>, Fail> {
        match property {
            None | Some("" | "hs_object_id") => Ok(id.parse().ok()),
            Some(name) if self.unique(kind).iter().any(|unique| unique == name) => {
                let table = world.table_mut(kind.plural);
                // Of several holders of an address the live one is meant.
                let mut holders: Vec<&Record> = table.find(name, id).collect();
                holders.sort_by_key(|record| record.state() != State::Live);
                Ok(holders.first().map(|record| record.key()))
            }
            Some(name) => {
                let message = format!("{name} is not a unique property of {}", kind.plural);
                Err(Fail::invalid(message))
            }
        }
    }
}

/// Returns the live record that a number means now, following merges.
pub(super) fn live_survivor(table: &Table, key: u64) -> Option<u64> {
    let survivor = table.survivor(key)?;
    (survivor.state() == State::Live).then(|| survivor.key())
}

/// Returns a page's size, or the refusal of one that is too large.
pub(super) fn limit(asked: Option<&str>, most: usize) -> Result<usize, Fail> {
    let Some(text) = asked.filter(|text| !text.is_empty()) else {
        return Ok(PAGE_DEFAULT);
    };
    match text.parse::<usize>() {
        Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
        Ok(_) | Err(_) => {
            let message = format!("limit must be between 1 and {most}, but was {text}");
            Err(Fail::invalid(message))
        }
    }
}

/// Returns the address of the next page: this one's, with another `after`.
fn link(call: &Call<'_>, after: &str) -> String {
    let host = call.header("host").unwrap_or("api.hubspot.example");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query_pairs().iter().filter(|pair| pair.0 != "after") {
        query.append_pair(name, value);
    }
    query.append_pair("after", after);
    format!("http://{host}{}?{}", call.path(), query.finish())
}
