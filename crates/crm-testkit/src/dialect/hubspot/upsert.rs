//! Create or update by a unique property.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::batch::{Item, Rows, envelope, refuse_duplicates, refuse_whole, spoilt, traced};
use super::fail::Fail;
use super::kind::Kind;
use super::write::{Clash, Echo, Written, needs};
use super::{Answer, HubSpot};
use crate::fake::Call;
use crate::world::{State, World};

/// What an input comes to.
enum Plan {
    Create,
    Update(u64),
}

impl HubSpot {
    /// Answers a batch of upserts.
    pub(super) fn batch_upsert(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
        items: &[Item],
    ) -> Answer {
        refuse_duplicates(items)?;
        let traced = traced(items);
        let spoiled = call.spoiled(items.len());
        if !traced {
            refuse_whole(spoiled)?;
            self.refuse_upserts(world, kind, items)?;
        }
        let mut rows = Rows::default();
        for (place, item) in items.iter().enumerate() {
            let done = if spoiled == Some(place) {
                Err(spoilt())
            } else {
                self.upsert_item(world, kind, item)
            };
            match done {
                Ok((key, row)) => {
                    rows.done.insert(key, row);
                }
                Err(fail) => rows.errors.push(fail.into_row(item.context())),
            }
        }
        Ok(envelope(world.now_ms(), 200, rows))
    }

    fn upsert_item(
        &mut self,
        world: &mut World,
        kind: &'static Kind,
        item: &Item,
    ) -> Result<(u64, Bytes), Fail> {
        let fields = with_id(item)?;
        match self.plan(world, kind, item)? {
            Plan::Update(key) => {
                let (key, row) = self.update_item(world, kind, key, &fields)?;
                Ok((key, marked(&row, "false")))
            }
            Plan::Create => {
                let (key, written) = self.create_item(world, kind, &fields, None)?;
                let table = world.table_mut(kind.plural);
                let row = self.echo(table, kind, key, &written, Echo::Create);
                Ok((key, marked(&row.unwrap_or_default(), "true")))
            }
        }
    }

    fn plan(&self, world: &mut World, kind: &'static Kind, item: &Item) -> Result<Plan, Fail> {
        let property = item.id_property.as_deref();
        if matches!(property, None | Some("")) {
            return Err(Fail::invalid("idProperty is required for every input of an upsert"));
        }
        let key = self.key_of(world, kind, &item.id, property)?;
        let table = world.table_mut(kind.plural);
        let Some(record) = key.and_then(|key| table.survivor(key)) else {
            return if property == Some("hs_object_id") {
                Err(Fail::no_object(&item.id))
            } else {
                Ok(Plan::Create)
            };
        };
        match record.state() {
            State::Live => Ok(Plan::Update(record.key())),
            // An archived contact gives its address free, but no unique value.
            State::Archived { .. } | State::Merged { .. } if property == Some("email") => {
                Ok(Plan::Create)
            }
            State::Archived { .. } | State::Merged { .. } => {
                let (property, value) = (property.unwrap_or_default().to_owned(), item.id.clone());
                Err(Clash::Unique { property, value, owner: record.key() }.fail(kind))
            }
        }
    }

    /// Without trace ids one bad input refuses them all, before anything is written.
    fn refuse_upserts(
        &self,
        world: &mut World,
        kind: &'static Kind,
        items: &[Item],
    ) -> Result<(), Fail> {
        self.examine_all(kind, items)?;
        let mut created: Vec<Written> = Vec::new();
        for item in items {
            let written = self.check(kind, &with_id(item)?)?;
            match self.plan(world, kind, item)? {
                Plan::Create => {
                    needs(kind, &written)?;
                    created.push(written);
                }
                Plan::Update(key) => {
                    let table = world.table_mut(kind.plural);
                    if let Some(clash) = self.clash(table, kind, &written, Some(key)) {
                        return Err(clash.fail(kind));
                    }
                }
            }
        }
        self.refuse_clashes(world, kind, &created)
    }
}

/// Returns the values of an input, its id among them.
fn with_id(item: &Item) -> Result<Map<String, Value>, Fail> {
    let mut fields = item.fields.clone();
    match item.id_property.as_deref() {
        None | Some("" | "hs_object_id") => {}
        Some(property) => {
            if item.id.is_empty() {
                return Err(Fail::invalid(format!("{property} must not be empty")));
            }
            let id = Value::String(item.id.clone());
            fields.entry(property.to_owned()).or_insert(id);
        }
    }
    Ok(fields)
}

/// Returns a rendered record with a key that says whether it is new.
fn marked(row: &Bytes, new: &str) -> Bytes {
    let body = row.strip_suffix(b"}").unwrap_or(row);
    let mut out = Vec::with_capacity(body.len() + 16);
    out.extend_from_slice(body);
    out.extend_from_slice(b",\"new\":");
    out.extend_from_slice(new.as_bytes());
    out.push(b'}');
    Bytes::from(out)
}
