//! Merging two records, and forgetting one for good.

use http::StatusCode;
use serde_json::{Map, Value};

use super::fail::{Fail, empty_response, json_response};
use super::kind::Kind;
use super::object::live_survivor;
use super::{Answer, HubSpot, MergedId, body, text};
use crate::fake::Call;
use crate::world::{Bump, Changes, Source, World};

impl HubSpot {
    /// Answers a merge.
    pub(super) fn merge_call(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
    ) -> Answer {
        let body = body(call)?;
        let id = |name: &str| body.get(name).and_then(text).unwrap_or_default();
        let (primary, other) = (id("primaryObjectId"), id("objectIdToMerge"));
        let key = self.merge_records(world, kind, &primary, &other, Source::Integration)?;
        let wanted = self.wanted::<&str>(kind, &[], &[]);
        let row = self.render(world.table_mut(kind.plural), kind, key, &wanted);
        Ok(json_response(200, row.unwrap_or_default()))
    }

    /// Merges two records and returns the number of the one that lives on.
    pub(super) fn merge_records(
        &mut self,
        world: &mut World,
        kind: &'static Kind,
        primary: &str,
        other: &str,
        source: Source,
    ) -> Result<u64, Fail> {
        if !kind.merges() {
            let message = format!("{} cannot be merged", kind.plural);
            return Err(Fail::invalid(message));
        }
        let stamp = world.stamp(source);
        let table = world.table_mut(kind.plural);
        let live = |id: &str| id.parse().ok().and_then(|key| live_survivor(table, key));
        let primary_key = live(primary).ok_or_else(|| Fail::no_object(primary))?;
        let other_key = live(other).ok_or_else(|| Fail::no_object(other))?;
        if primary_key == other_key {
            return Err(Fail::invalid("A record cannot be merged into itself"));
        }
        let (mut values, created_ms) = {
            let (Some(first), Some(second)) = (table.get(primary_key), table.get(other_key)) else {
                return Err(Fail::no_object(primary));
            };
            // The primary record's values win; its gaps are filled from the other.
            let mut values: Changes = Changes::new();
            for (column, value) in second.row().iter().chain(first.row().iter()) {
                values.insert(column, Some(value.to_owned()));
            }
            (values, first.created_ms().min(second.created_ms()))
        };
        let mut merged = Vec::new();
        let mut emails = Vec::new();
        let list = table.column("hs_merged_object_ids");
        let more_emails = table.column("hs_additional_emails");
        let email = table.column("email");
        for key in [primary_key, other_key] {
            let Some(record) = table.get(key) else {
                continue;
            };
            let split = |text: Option<&str>| -> Vec<String> {
                let parts = text.into_iter().flat_map(|list| list.split(';'));
                parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            merged.extend(split(record.get(list)));
            emails.extend(split(record.get(email)));
            emails.extend(split(record.get(more_emails)));
            if key == other_key || self.options.merged_id == MergedId::New {
                merged.push(key.to_string());
            }
        }
        values.insert(list, Some(merged.join(";")));
        if kind.plural == "contacts" {
            let first = values.get(&email).cloned().flatten();
            emails.retain(|address| Some(address) != first.as_ref());
            values.insert(more_emails, Some(emails.join(";")));
        }
        let survivor = match self.options.merged_id {
            MergedId::Primary => primary_key,
            MergedId::New => world.next_key(),
        };
        let table = world.table_mut(kind.plural);
        table.absorb(other_key, survivor, &stamp);
        match self.options.merged_id {
            MergedId::Primary => {
                table.write(survivor, &values, &stamp, Bump::Always);
            }
            MergedId::New => {
                table.absorb(primary_key, survivor, &stamp);
                table.insert(survivor, &values, &stamp);
                table.set_created(survivor, created_ms);
            }
        }
        for absorbed in [primary_key, other_key] {
            if absorbed != survivor {
                self.ties.inherit((kind.plural, absorbed), (kind.plural, survivor));
            }
        }
        Ok(survivor)
    }

    /// Answers a demand to forget a person.
    pub(super) fn forget(
        &mut self,
        world: &mut World,
        call: &Call<'_>,
        kind: &'static Kind,
    ) -> Answer {
        if kind.plural != "contacts" {
            return Err(Fail::not_found());
        }
        let body: Map<String, Value> = body(call)?;
        let id = body.get("objectId").and_then(text).unwrap_or_default();
        let property = body.get("idProperty").and_then(text);
        if let Some(key) = self.key_of(world, kind, &id, property.as_deref())? {
            world.table_mut(kind.plural).purge(key);
        }
        Ok(empty_response(StatusCode::NO_CONTENT))
    }
}
