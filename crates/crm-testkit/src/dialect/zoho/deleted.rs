//! What was deleted: the list of a module, and the recycle bin of the org.

use serde_json::{Value, json};

use super::answer::Answer;
use super::module::Module;
use super::problem::{Problem, with};
use super::records::{PAGE_MAX, number, since};
use super::render::View;
use super::{Zoho, time};
use crate::fake::Call;
use crate::world::{Record, State, Table, World};

/// How long a record lies in the recycle bin.
const BIN_MS: i64 = 60 * 86_400_000;
/// The most ids of one look into the bin.
const IDS_MAX: usize = 100;

/// Where a record is that is not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// In the recycle bin.
    Bin,
    /// Nowhere: purged, or merged into another.
    Gone,
}

/// Returns what became of a record that is not live, and when.
fn fate(record: &Record, now_ms: i64) -> Option<(Fate, i64)> {
    match record.state() {
        State::Live => None,
        State::Archived { at_ms } if now_ms - at_ms < BIN_MS => Some((Fate::Bin, at_ms)),
        State::Archived { at_ms } | State::Merged { at_ms, .. } => Some((Fate::Gone, at_ms)),
    }
}

impl Zoho {
    /// Answers `/{module}/deleted`: the newest first.
    pub(super) fn deleted(
        &self,
        world: &World,
        call: &Call<'_>,
        module: &Module,
    ) -> Result<Answer, Problem> {
        let wanted = match call.query("type").unwrap_or("all") {
            "all" => None,
            "recycle" => Some(Fate::Bin),
            "permanent" => Some(Fate::Gone),
            _ => return Err(Problem::param("type")),
        };
        let since = since(call)?;
        let per_page = number(call, "per_page", PAGE_MAX, PAGE_MAX)?;
        let page = number(call, "page", 1, usize::MAX)?;
        let now_ms = world.now_ms();
        let mut rows: Vec<(i64, Fate, &Record)> = world
            .table(module.name)
            .into_iter()
            .flat_map(Table::all)
            .filter_map(|record| {
                let (fate, at_ms) = fate(record, now_ms)?;
                let fits = wanted.is_none_or(|wanted| wanted == fate)
                    && since.is_none_or(|since| at_ms > since);
                fits.then_some((at_ms, fate, record))
            })
            .collect();
        rows.sort_by_key(|(at_ms, _, record)| std::cmp::Reverse((*at_ms, record.key())));
        let rest = rows.get((page - 1).saturating_mul(per_page)..).unwrap_or_default();
        let shown = rest.get(..per_page).unwrap_or(rest);
        if shown.is_empty() {
            let quiet = since.is_some() && rows.is_empty();
            return Ok(if quiet { Answer::unchanged() } else { Answer::nothing() });
        }
        let data: Vec<Value> = shown
            .iter()
            .map(|(at_ms, fate, record)| {
                let name = if *fate == Fate::Bin { "recycle" } else { "permanent" };
                with(self.grave(module, record, *at_ms), "type", json!(name))
            })
            .collect();
        let info = json!({
            "per_page": per_page, "count": data.len(), "page": page,
            "more_records": rest.len() > shown.len(),
        });
        Ok(Answer::ok(json!({ "data": data, "info": info })))
    }

    fn grave(&self, module: &Module, record: &Record, at_ms: i64) -> Value {
        let name = View::name(module, record);
        let by = |source| {
            let id = self.users.of(source);
            json!({ "name": self.users.get(id).map(|user| &user.name), "id": id })
        };
        json!({
            "deleted_by": by(record.modified_by()),
            "id": record.key().to_string(),
            "display_name": name,
            "created_by": by(record.created_by()),
            "deleted_time": time::local(at_ms, self.options.offset_minutes),
        })
    }

    /// Answers `/settings/recycle_bin`: the records of all modules, or those that are named.
    pub(super) fn recycle_bin(&self, world: &World, call: &Call<'_>) -> Result<Answer, Problem> {
        let ids = call.query_list("ids");
        if ids.len() > IDS_MAX {
            return Err(Problem::too_many(IDS_MAX));
        }
        let per_page = number(call, "per_page", PAGE_MAX, PAGE_MAX)?;
        let page = number(call, "page", 1, usize::MAX)?;
        let now_ms = world.now_ms();
        let mut rows = Vec::new();
        for module in &self.catalog.modules {
            let Some(table) = world.table(module.name) else { continue };
            let binned: Vec<&Record> = if ids.is_empty() {
                table.archived_after(0).collect()
            } else {
                let keys = ids.iter().filter_map(|id| id.parse().ok());
                keys.filter_map(|key| table.get(key)).collect()
            };
            for record in binned {
                let Some((Fate::Bin, at_ms)) = fate(record, now_ms) else { continue };
                let grave = self.grave(module, record, at_ms);
                let member = |name| grave.get(name).cloned().unwrap_or_default();
                rows.push(json!({
                    "id": member("id"),
                    "display_name": member("display_name"),
                    "deleted_time": member("deleted_time"),
                    "deleted_by": member("deleted_by"),
                    "owner": member("deleted_by"),
                    "module": { "api_name": module.name, "id": module.id.to_string() },
                }));
            }
        }
        let start = (page - 1).saturating_mul(per_page);
        let rest = rows.get(start..).unwrap_or_default();
        let shown = rest.get(..per_page).unwrap_or(rest);
        if shown.is_empty() {
            return Ok(Answer::nothing());
        }
        let info = json!({
            "per_page": per_page, "count": shown.len(), "page": page,
            "more_records": rest.len() > shown.len(),
        });
        Ok(Answer::ok(json!({ "recycle_bin": shown, "info": info })))
    }
}
