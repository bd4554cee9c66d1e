//! Associations over HTTP: batches, and one pair at a time.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::association::{self, Directed, End, Role};
use super::fail::{Fail, empty_response, json_response};
use super::kind::Kind;
use super::link_rows::{
    archived, batch_body, both_ways, end, inputs, made_row, number, pair, type_ids,
};
use super::{Answer, AssociationStamps, HubSpot, text};
use crate::fake::Call;
use crate::world::{Source, World};

/// The most inputs of each sort of batch.
const CREATE_MAX: usize = 2_000;
const READ_MAX: usize = 1_000;
const ARCHIVE_MAX: usize = 100;

/// A tie that is asked for: its ends and its types; none for the plain one.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) to_kind: &'static Kind,
    pub(super) to: String,
    pub(super) types: Vec<u32>,
}

impl HubSpot {
    /// Answers calls to `/crm/associations`.
    pub(super) fn associations(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        rest: &[&str],
    ) -> Answer {
        let [from, to, rest @ ..] = rest else {
            return Err(Fail::not_found());
        };
        let (from, to) = (Kind::in_path(from)?, Kind::in_path(to)?);
        match (call.method(), rest) {
            (&Method::POST, ["batch", "read"]) => self.ties_read(world, call, from, to),
            (&Method::POST, ["batch", "create"]) => self.ties_create(world, call, from, to),
            (&Method::POST, ["batch", "associate", "default"]) => {
                self.ties_default(world, call, from, to)
            }
            (&Method::POST, ["batch", "archive"]) => self.ties_archive(world, call, from, to),
            (&Method::POST, ["batch", "labels", "archive"]) => {
                self.labels_archive(world, call, from, to)
            }
            (&Method::GET, ["labels"]) => {
                let all = association::types(from, to);
                let rows: Vec<Value> =
                    all.iter().map(|known| association::type_row(from, to, known.id)).collect();
                Ok(json_response(200, json!({ "results": rows }).to_string()))
            }
            _ => Err(Fail::new(405, "Method Not Allowed")),
        }
    }

    /// Answers calls below `/crm/objects/{from}/{id}/associations`.
    pub(super) fn association(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        from: &'static Kind,
        id: &str,
        rest: &[&str],
    ) -> Answer {
        match (call.method(), rest) {
            (&Method::GET, [to]) => self.ties_of_one(world, call, (from, id), Kind::in_path(to)?),
            (&Method::PUT, ["default", to, to_id]) => {
                let to = Kind::in_path(to)?;
                let plain = plain(from, to)?;
                self.make(world, (from, id), (to, to_id), &[plain.id], Source::Integration)?;
                let rows = both_ways((from, id), (to, to_id), &plain);
                Ok(json_response(200, batch_body(world, rows, Vec::new())))
            }
            (&Method::PUT, [to, to_id]) => {
                let to = Kind::in_path(to)?;
                let asked = call.json().unwrap_or_default();
                let types = type_ids(Some(&asked));
                self.make(world, (from, id), (to, to_id), &types, Source::Integration)?;
                let row = made_row(call, (from, id), (to, to_id));
                Ok(json_response(201, row.to_string()))
            }
            (&Method::DELETE, [to, to_id]) => {
                let to = Kind::in_path(to)?;
                self.cut(world, (from, id), (to, to_id), None, Source::Integration);
                Ok(empty_response(StatusCode::NO_CONTENT))
            }
            _ => Err(Fail::new(405, "Method Not Allowed")),
        }
    }

    fn ties_read(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        from: &'static Kind,
        to: &'static Kind,
    ) -> Answer {
        let (mut rows, mut errors) = (Vec::new(), Vec::new());
        for input in inputs(call, READ_MAX)? {
            let id = input.get("id").and_then(text).unwrap_or_default();
            let after = input.get("after").and_then(text);
            let found = self.tied(world, (from, &id), to);
            if found.is_empty() {
                errors.push(nothing_tied(from, to, &id));
                continue;
            }
            let (page, paging) = self.page(call, from, to, &found, after.as_deref())?;
            let mut row = json!({ "from": { "id": id }, "to": page });
            if let (Some(paging), Some(map)) = (paging, row.as_object_mut()) {
                map.insert("paging".to_owned(), paging);
            }
            rows.push(row);
        }
        let status = if errors.is_empty() { 200 } else { 207 };
        Ok(json_response(status, batch_body(world, rows, errors)))
    }

    fn ties_create(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        from: &'static Kind,
        to: &'static Kind,
    ) -> Answer {
        let inputs = inputs(call, CREATE_MAX)?;
        let spoiled = call.spoiled(inputs.len());
        let (mut rows, mut errors) = (Vec::new(), Vec::new());
        // A type of another pair of kinds is a mistake of the whole request.
        for id in inputs.iter().flat_map(|input| type_ids(input.get("types"))) {
            fitting(from, to, id)?;
        }
        for (place, input) in inputs.iter().enumerate() {
            let (id, to_id) = (end(input, "from"), end(input, "to"));
            let types = type_ids(input.get("types"));
            let done = if spoiled == Some(place) {
                Err(super::batch::spoilt())
            } else {
                self.make(world, (from, &id), (to, &to_id), &types, Source::Integration)
            };
            match done {
                Ok(()) => rows.push(made_row(call, (from, &id), (to, &to_id))),
                Err(fail) => errors.push(fail.into_row(pair(&id, &to_id))),
            }
        }
        let status = if errors.is_empty() { 201 } else { 207 };
        Ok(json_response(status, batch_body(world, rows, errors)))
    }

    fn ties_default(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        from: &'static Kind,
        to: &'static Kind,
    ) -> Answer {
        let plain = plain(from, to)?;
        let (mut rows, mut errors) = (Vec::new(), Vec::new());
        for input in inputs(call, CREATE_MAX)? {
            let (id, to_id) = (end(&input, "from"), end(&input, "to"));
            match self.make(world, (from, &id), (to, &to_id), &[plain.id], Source::Integration) {
                Ok(()) => rows.extend(both_ways((from, &id), (to, &to_id), &plain)),
                Err(fail) => errors.push(fail.into_row(pair(&id, &to_id))),
            }
        }
        let status = if errors.is_empty() { 200 } else { 207 };
        Ok(json_response(status, batch_body(world, rows, errors)))
    }

    fn ties_archive(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        from: &'static Kind,
        to: &'static Kind,
    ) -> Answer {
        for input in inputs(call, ARCHIVE_MAX)? {
            let id = end(&input, "from");
            let to_ids = input.get("to").and_then(Value::as_array).cloned().unwrap_or_default();
            for to_id in to_ids.iter().filter_map(|to| to.get("id").and_then(text)) {
                self.cut(world, (from, &id), (to, &to_id), None, Source::Integration);
            }
        }
        Ok(archived(world, call))
    }

    fn labels_archive(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        from: &'static Kind,
        to: &'static Kind,
    ) -> Answer {
        for input in inputs(call, ARCHIVE_MAX)? {
            let (id, to_id) = (end(&input, "from"), end(&input, "to"));
            for known in type_ids(input.get("types")) {
                let known = fitting(from, to, known)?;
                self.cut(world, (from, &id), (to, &to_id), Some(&known), Source::Integration);
            }
        }
        Ok(archived(world, call))
    }

    fn ties_of_one(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        from: (&'static Kind, &str),
        to: &'static Kind,
    ) -> Answer {
        let found = self.tied(world, from, to);
        let (page, paging) = self.page(call, from.0, to, &found, call.query("after"))?;
        let mut body = json!({ "results": page });
        if let (Some(paging), Some(map)) = (paging, body.as_object_mut()) {
            map.insert("paging".to_owned(), paging);
        }
        Ok(json_response(200, body.to_string()))
    }

    fn page(
        &self,
        call: &Call<'_>,
        from: &Kind,
        to: &Kind,
        found: &[(u64, Vec<u32>)],
        after: Option<&str>,
    ) -> Result<(Vec<Value>, Option<Value>), Fail> {
        let after = match after.filter(|after| !after.is_empty()) {
            None => 0,
            Some(after) => after
                .parse::<u64>()
                .map_err(|_not_a_number| Fail::invalid(format!("Invalid after: {after}")))?,
        };
        let asked = call.query("limit").and_then(|limit| limit.parse::<usize>().ok());
        let most = self.options.association_page.max(1);
        let most = asked.unwrap_or(most).clamp(1, most);
        let mut rest = found.iter().filter(|(key, _)| *key > after);
        let page: Vec<&(u64, Vec<u32>)> = rest.by_ref().take(most).collect();
        let more = rest.next().is_some();
        let last = page.last().map(|(key, _)| key.to_string()).filter(|_| more);
        let rows = page.into_iter().map(|(key, types)| {
            let types: Vec<Value> =
                types.iter().map(|id| association::type_row(from, to, *id)).collect();
            json!({ "toObjectId": number(call, &key.to_string()), "associationTypes": types })
        });
        let paging = last.map(|after| json!({ "next": { "after": after } }));
        Ok((rows.collect(), paging))
    }

    /// Returns whom a live record is tied to: live records, each with the types.
    pub(super) fn tied(
        &self,
        world: &mut World,
        from: (&'static Kind, &str),
        to: &'static Kind,
    ) -> Vec<(u64, Vec<u32>)> {
        let Some(key) = live(world, from.0, from.1) else {
            return Vec::new();
        };
        let table = world.table_mut(to.plural);
        let ties = self.ties.of((from.0.plural, key), to.plural);
        let there = ties.filter(|(key, _)| table.live(*key).is_some());
        there.map(|(key, types)| (key, types.iter().copied().collect())).collect()
    }

    /// Ties two records by the given types, or by the plain one.
    pub(super) fn make(
        &mut self,
        world: &mut World,
        (from, id): (&'static Kind, &str),
        (to, to_id): (&'static Kind, &str),
        types: &[u32],
        source: Source,
    ) -> Result<(), Fail> {
        let plain = plain(from, to)?;
        let mut wanted = Vec::new();
        for id in types {
            wanted.push(fitting(from, to, *id)?);
        }
        if wanted.is_empty() {
            wanted.push(plain.clone());
        }
        let here = live(world, from, id).ok_or_else(|| bad_id(id))?;
        let there = live(world, to, to_id).ok_or_else(|| bad_id(to_id))?;
        if from == to && here == there {
            let title = from.title;
            return Err(Fail::invalid(format!(
                "{title} {here} cannot be associated to itself ({here})"
            )));
        }
        let ends = ((from.plural, here), (to.plural, there));
        for known in &wanted {
            if self.ties.tie(ends.0, ends.1, known, &plain) {
                self.mark(world, ends, source);
            }
        }
        Ok(())
    }

    /// Cuts one type of tie between two records, or all.
    pub(super) fn cut(
        &mut self,
        world: &mut World,
        (from, id): (&'static Kind, &str),
        (to, to_id): (&'static Kind, &str),
        only: Option<&Directed>,
        source: Source,
    ) {
        let (Some(here), Some(there)) = (live(world, from, id), live(world, to, to_id)) else {
            return;
        };
        let ends: (End, End) = ((from.plural, here), (to.plural, there));
        let cut = match only {
            Some(known) => self.ties.untie(ends.0, ends.1, known),
            None => self.ties.cut(ends.0, ends.1),
        };
        if cut {
            self.mark(world, ends, source);
        }
    }

    /// Moves the stamps of both ends, if the account's associations do that.
    fn mark(&mut self, world: &mut World, ends: (End, End), source: Source) {
        if self.options.association_stamps == AssociationStamps::Both {
            let at_ms = world.stamp(source).at_ms;
            for (kind, key) in [ends.0, ends.1] {
                world.table_mut(kind).touch(key, at_ms);
            }
        }
    }

    /// Returns the member `associations` of a row in a list: whom the record is tied to, by the
    /// names of the query.
    pub(super) fn shown_ties(
        &self,
        world: &mut World,
        kind: &'static Kind,
        key: u64,
        asked: &[&'static Kind],
    ) -> Option<String> {
        let mut shown = Map::new();
        for to in asked.iter().copied() {
            let found = self.tied(world, (kind, &key.to_string()), to);
            let most = self.options.association_page.max(1);
            let rows: Vec<Value> = found
                .iter()
                .take(most)
                .flat_map(|(key, types)| {
                    let known = types.iter().filter_map(|id| association::typed(kind, to, *id));
                    known.map(|known| json!({ "id": key.to_string(), "type": known.legacy }))
                })
                .collect();
            if rows.is_empty() {
                continue;
            }
            let mut row = json!({ "results": rows });
            let last = found.get(most - 1).map(|(key, _)| key.to_string());
            if let (true, Some(last), Some(map)) = (found.len() > most, last, row.as_object_mut()) {
                map.insert("paging".to_owned(), json!({ "next": { "after": last } }));
            }
            shown.insert(to.plural.to_owned(), row);
        }
        (!shown.is_empty()).then(|| Value::Object(shown).to_string())
    }

    /// Returns the ties that a create asks for, checked as far as types go.
    pub(super) fn wishes(kind: &'static Kind, asked: Option<&Value>) -> Result<Vec<Wish>, Fail> {
        let rows = asked.and_then(Value::as_array).into_iter().flatten();
        rows.map(|row| {
            let to = row.get("to").and_then(|to| to.get("id")).and_then(text).unwrap_or_default();
            let types = type_ids(row.get("types"));
            let known = types.first().and_then(|id| association::kinds_of(*id));
            let to_kind = known.filter(|(from, _)| *from == kind.plural);
            let to_kind = to_kind.and_then(|(_, to)| Kind::named(to));
            let to_kind = to_kind.ok_or_else(|| Fail::invalid("invalid association type"))?;
            Ok(Wish { to_kind, to, types })
        })
        .collect()
    }
}

/// Returns the live record of a number, never the survivor of an old one.
pub(super) fn live(world: &mut World, kind: &Kind, id: &str) -> Option<u64> {
    let key = id.parse().ok()?;
    world.table_mut(kind.plural).live(key).map(|_| key)
}

/// Returns the type that a tie has without a label.
fn plain(from: &Kind, to: &Kind) -> Result<Directed, Fail> {
    let plain = association::types(from, to).into_iter().find(|known| known.role == Role::Plain);
    plain.ok_or_else(|| {
        let (from, to) = (from.type_id, to.type_id);
        Fail::invalid(format!("No association types are defined between {from} and {to}"))
    })
}

/// Returns the type of a number, or the refusal of one that is between other kinds.
fn fitting(from: &Kind, to: &Kind, id: u32) -> Result<Directed, Fail> {
    association::typed(from, to, id).ok_or_else(|| {
        let expected = association::kinds_of(id).and_then(|(from, _)| Kind::named(from));
        let expected = expected.map_or("none", |kind| kind.type_id);
        Fail::invalid(format!(
            "invalid from object type {} for associations to be created. expected: {expected}",
            from.type_id
        ))
    })
}

pub(super) fn bad_id(id: &str) -> Fail {
    Fail::invalid(format!("{id} is not a valid ID"))
        .with("subCategory", json!("crm.associations.INVALID_IDENTIFIER"))
        .with("context", json!({ "id": [id] }))
}

fn nothing_tied(from: &Kind, to: &Kind, id: &str) -> Value {
    let message = format!("No {} is associated with {} {id}.", to.singular, from.singular);
    let context = json!({
        "fromObjectId": [id],
        "fromObjectType": [from.type_id],
        "toObjectType": [to.type_id],
    });
    let fail = Fail::of(404, "OBJECT_NOT_FOUND", message)
        .with("subCategory", json!("crm.associations.NO_ASSOCIATIONS_FOUND"))
        .with("context", context);
    fail.into_row(Map::new())
}
