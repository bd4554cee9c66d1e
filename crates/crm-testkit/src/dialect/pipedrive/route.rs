//! Which request is which, and what it costs.

use http::Method;
use serde_json::{Value, json};

use super::desk::{Author, merge_records};
use super::fail::{Fail, json_response, one};
use super::kind::Kind;
use super::list::{Shelf, page};
use super::{Answer, BURST, DAILY, Pipedrive, SEARCH, body, office, old_list};
use crate::fake::{Call, Lane};
use crate::world::World;

const DOMAIN: &str = "oakfield";

/// Returns the version and the rest of a path.
fn split<'a>(segments: &'a [&'a str]) -> Option<(u8, &'a [&'a str])> {
    match segments {
        ["api", "v2", rest @ ..] => Some((2, rest)),
        ["api", "v1", rest @ ..] | ["v1", rest @ ..] => Some((1, rest)),
        _ => None,
    }
}

/// Returns how a request is counted.
pub(super) fn lane(call: &Call<'_>) -> Lane {
    let segments = call.segments();
    let method = call.method();
    let free = |path: &str| Lane { endpoint: format!("{method} {path}"), windows: &[], cost: 0 };
    let Some((version, rest)) = split(&segments) else {
        return free(if segments.first() == Some(&"oauth") { call.path() } else { "(unknown)" });
    };
    let read = method == Method::GET;
    let (path, cost) = match rest {
        [kind, "search"] => {
            let endpoint = format!("{method} /v{version}/{kind}/search");
            return Lane { endpoint, windows: &[BURST, SEARCH, DAILY], cost: 20 };
        }
        ["deals", "archived"] => ("deals/archived".to_owned(), 20),
        [kind, _, "merge"] => (format!("{kind}/{{id}}/merge"), 40),
        ["users", "me"] => ("users/me".to_owned(), 2),
        [kind @ ("users" | "currencies" | "activityTypes")] => ((*kind).to_owned(), 20),
        [kind @ ("pipelines" | "stages")] => ((*kind).to_owned(), 5),
        [kind] => ((*kind).to_owned(), if read { 10 } else { 5 }),
        [kind, _] if read => (format!("{kind}/{{id}}"), 1),
        [kind, _] if method == Method::DELETE => (format!("{kind}/{{id}}"), 3),
        [kind, ..] => (format!("{kind}/{{id}}"), 5),
        [] => (String::new(), 1),
    };
    // One look at the deleted deals is told from one at the others.
    let bin = call.query("status") == Some("deleted");
    let path = if bin { format!("{path}?deleted") } else { path };
    let endpoint = format!("{method} /v{version}/{path}");
    Lane { endpoint, windows: &[BURST, DAILY], cost }
}

impl Pipedrive {
    pub(super) fn dispatch(&mut self, world: &mut World, call: &Call<'_>) -> Answer {
        let segments = call.segments();
        if let ["oauth", what] = segments.as_slice() {
            return self.tokens.answer(world.now_ms(), call, what);
        }
        let Some((version, rest)) = split(&segments) else {
            return Err(Fail::new(404, "Unknown method ."));
        };
        if !self.tokens.allows(world.now_ms(), call) {
            return Err(Fail::unauthorized());
        }
        match version {
            2 => self.second(world, call, rest),
            _ => self.first(world, call, rest),
        }
    }

    fn second(&mut self, world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
        let method = call.method().as_str();
        match (method, rest) {
            ("GET", ["pipelines"]) => Ok(page(&self.office.pipeline_rows(), None)),
            ("GET", ["stages"]) => {
                Ok(page(&self.office.stage_rows(call.query("pipeline_id")), None))
            }
            ("GET", ["deals", "archived"]) => {
                let kind = named("deals")?;
                self.list(world, call, kind, Shelf::Archived)
            }
            (_, [fields]) if office::kind_of_fields(fields).is_some() => {
                self.fields(call, office::kind_of_fields(fields).ok_or_else(Fail::no_record)?)
            }
            ("GET", [kind]) => self.list(world, call, named(kind)?, Shelf::Open),
            ("GET", [kind, "search"]) => self.search(world, call, named(kind)?),
            ("POST", [kind]) => {
                let kind = named(kind)?;
                let key = self.create_record(world, kind, &body(call)?, Author::Program)?;
                self.shown(world, kind, key)
            }
            ("GET", [kind, id]) => {
                let kind = named(kind)?;
                let key = number(id)?;
                self.shown(world, kind, key)
            }
            ("PATCH", [kind, id]) => {
                let kind = named(kind)?;
                let key = live(world, kind, id)?;
                self.change_record(world, kind, key, &body(call)?, Author::Program)?;
                self.shown(world, kind, key)
            }
            ("DELETE", [kind, id]) => {
                let kind = named(kind)?;
                let key = live(world, kind, id)?;
                let stamp = world.stamp(Author::Program.source());
                world.table_mut(kind.plural).archive(key, &stamp);
                Ok(one(&json!({ "id": key })))
            }
            _ => Err(Fail::new(404, "Unknown method .")),
        }
    }

    fn first(&mut self, world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
        match (call.method().as_str(), rest) {
            ("GET", ["users", "me"]) => Ok(one(&self.office.me_json(DOMAIN))),
            ("GET", ["users"]) => {
                Ok(old_list(&self.office.users_json(), &json!({ "company_id": 1 })))
            }
            ("GET", ["currencies"]) => Ok(one(&json!(office::currency_rows()))),
            ("GET", ["activityTypes"]) => Ok(one(&json!(office::type_rows()))),
            ("PUT", [kind, id, "merge"]) => {
                let kind = named(kind)?;
                let loser = live(world, kind, id)?;
                let winner = body(call)?.get("merge_with_id").and_then(Value::as_u64);
                let winner = winner.map(|key| key.to_string()).unwrap_or_default();
                let winner = live(world, kind, &winner)?;
                merge_records(world, kind, winner, loser, Author::Program)?;
                let data = json!({ "id": winner, "merge_what_id": loser });
                Ok(json_response(200, &json!({ "success": true, "data": data })))
            }
            _ => Err(Fail::new(404, "Unknown method .")),
        }
    }

    fn fields(&mut self, call: &Call<'_>, kind: &'static Kind) -> Answer {
        if call.method() == Method::GET {
            return Ok(page(&self.office.field_rows(kind), None));
        }
        let body = body(call)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, ty) = (text("field_name"), text("field_type"));
        if call.method() != Method::POST || !kind.has_custom_fields {
            return Err(Fail::new(405, "Method not allowed"));
        }
        if name.is_empty() || ty.is_empty() {
            return Err(Fail::invalid("field_name, field_type: Required"));
        }
        let rows = body.get("options").and_then(Value::as_array).into_iter().flatten();
        let labels = rows.filter_map(|row| row.get("label")?.as_str().map(str::to_owned));
        let code = self.office.add_custom(kind, name, ty, &labels.collect::<Vec<_>>());
        let made = self.office.custom(kind, &code).map(office::field_json);
        Ok(one(&made.unwrap_or_default()))
    }
}

fn named(kind: &str) -> Result<&'static Kind, Fail> {
    Kind::named(kind).ok_or_else(|| Fail::new(404, "Unknown method ."))
}

fn number(id: &str) -> Result<u64, Fail> {
    id.parse().ok().ok_or_else(|| Fail::invalid("id: Expected number"))
}

fn live(world: &World, kind: &Kind, id: &str) -> Result<u64, Fail> {
    let key = number(id)?;
    let table = world.table(kind.plural);
    table.and_then(|table| table.live(key)).map(|_| key).ok_or_else(Fail::no_record)
}
