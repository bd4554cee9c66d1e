//! What the control interface can do to an account besides its records: ties, users, stages.

use http::Method;
use serde_json::{Value, json};

use super::account::{Owner, Stage};
use super::association;
use super::kind::Kind;
use super::{HubSpot, control, links, text};
use crate::fake::{Fields, Refusal};
use crate::world::{Record, Source, World};

impl HubSpot {
    /// Pulls a lever.
    pub(super) fn pull(
        &mut self,
        world: &mut World,
        method: &Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        match (method, path) {
            (&Method::POST, ["associations"]) => self.user_tie(world, body),
            (&Method::DELETE, ["associations"]) => self.user_cut(world, body),
            (&Method::GET, ["associations", kind, to]) => {
                let (kind, to) = (control::kind(kind)?, control::kind(to)?);
                let live = world.table(kind.plural).into_iter();
                let keys: Vec<u64> =
                    live.flat_map(|table| table.live_after(0)).map(Record::key).collect();
                let rows = keys.into_iter().map(|key| {
                    let id = key.to_string();
                    let tied = self.tied(world, (kind, &id), to);
                    let tied = tied
                        .iter()
                        .map(|(key, types)| json!({ "id": key.to_string(), "types": types }));
                    json!({ "id": id, "to": tied.collect::<Vec<_>>() })
                });
                Ok(Some(Value::Array(rows.collect())))
            }
            (&Method::GET, ["associations", kind, id, to]) => {
                let (kind, to) = (control::kind(kind)?, control::kind(to)?);
                let found = self.tied(world, (kind, id), to);
                let rows = found
                    .iter()
                    .map(|(key, types)| json!({ "id": key.to_string(), "types": types }));
                Ok(Some(Value::Array(rows.collect())))
            }
            (&Method::GET, ["owners"]) => Ok(Some(self.account.all_owners())),
            (&Method::POST, ["owners"]) => self.add_owner(body),
            (&Method::DELETE, ["owners", id]) => {
                let known = self.account.retire(id);
                done(known, || format!("hubspot has no owner {id:?}"))
            }
            (&Method::POST, ["pipelines"]) => {
                let (id, label) = (field(body, "id")?, field(body, "label")?);
                self.account.add_pipeline(id.clone(), label);
                Ok(Some(json!({ "id": id })))
            }
            (&Method::POST, ["pipelines", pipeline, "stages"]) => self.add_stage(pipeline, body),
            (&Method::DELETE, ["pipelines", pipeline, "stages", id]) => {
                let known = self.account.remove_stage(pipeline, id);
                done(known, || format!("hubspot has no stage {id:?}"))
            }
            _ => Err(Refusal::missing(format!("hubspot has no lever {}", path.join("/")))),
        }
    }

    /// Ties two records as a user would: `{"from": {"kind", "id"}, "to": {…}, "type"}`.
    fn user_tie(&mut self, world: &mut World, body: &Fields) -> Result<Option<Value>, Refusal> {
        let (from, to) = (end(body, "from")?, end(body, "to")?);
        let types: Vec<u32> = type_of(body).into_iter().collect();
        self.make(world, (from.0, &from.1), (to.0, &to.1), &types, Source::User)
            .map_err(control::refusal)?;
        Ok(None)
    }

    /// Cuts one type of tie, or all between two records.
    fn user_cut(&mut self, world: &mut World, body: &Fields) -> Result<Option<Value>, Refusal> {
        let (from, to) = (end(body, "from")?, end(body, "to")?);
        for (kind, id) in [&from, &to] {
            if links::live(world, kind, id).is_none() {
                return Err(Refusal::missing(format!("hubspot has no {} {id:?}", kind.singular)));
            }
        }
        let only = type_of(body).map(|id| {
            association::typed(from.0, to.0, id)
                .ok_or_else(|| Refusal::invalid(format!("{id} is no type between these kinds")))
        });
        let only = only.transpose()?;
        self.cut(world, (from.0, &from.1), (to.0, &to.1), only.as_ref(), Source::User);
        Ok(None)
    }

    fn add_owner(&mut self, body: &Fields) -> Result<Option<Value>, Refusal> {
        let (id, email) = (field(body, "id")?, field(body, "email")?);
        let name = |key: &str| body.get(key).and_then(text).unwrap_or_default();
        let user_id = id.parse::<u64>().unwrap_or_default() + 40_000;
        let (first_name, last_name) = (name("firstName"), name("lastName"));
        self.account.add_owner(Owner {
            id: id.clone(),
            user_id,
            email,
            first_name,
            last_name,
            archived: false,
        });
        Ok(Some(json!({ "id": id })))
    }

    fn add_stage(&mut self, pipeline: &str, body: &Fields) -> Result<Option<Value>, Refusal> {
        let (id, label) = (field(body, "id")?, field(body, "label")?);
        let probability =
            body.get("probability").and_then(text).unwrap_or_else(|| "0.5".to_owned());
        let closed = body.get("isClosed").and_then(text).is_some_and(|text| text == "true");
        let stage = Stage::new(&id, &label, &probability, closed);
        if self.account.add_stage(pipeline, stage) {
            Ok(Some(json!({ "id": id })))
        } else {
            Err(Refusal::missing(format!("hubspot has no pipeline {pipeline:?}")))
        }
    }
}

fn done(known: bool, what: impl FnOnce() -> String) -> Result<Option<Value>, Refusal> {
    if known { Ok(None) } else { Err(Refusal::missing(what())) }
}

fn type_of(body: &Fields) -> Option<u32> {
    body.get("type").and_then(text)?.parse().ok()
}

fn end(body: &Fields, name: &str) -> Result<(&'static Kind, String), Refusal> {
    let end = body.get(name).and_then(Value::as_object);
    let part = |key: &str| end.and_then(|end| end.get(key)).and_then(text);
    match (part("kind"), part("id")) {
        (Some(kind), Some(id)) => Ok((control::kind(&kind)?, id)),
        _ => Err(Refusal::invalid(format!("{name} must be a kind and an id"))),
    }
}

fn field(body: &Fields, name: &str) -> Result<String, Refusal> {
    let value = body.get(name).and_then(text).filter(|value| !value.is_empty());
    value.ok_or_else(|| Refusal::invalid(format!("{name} must be a text")))
}
