//! `/updated` and `/deleted`: what happened to the records of a type between two times.

use serde_json::{Value, json};

use super::DAY_MS;
use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::problem::Problem;
use super::room::Room;
use super::route::date_parameter;
use super::text::moment_ms;
use crate::world::State;

/// How far back changes are kept, in days.
const UPDATED_DAYS: i64 = 30;
/// How far back deletions are kept, in days.
const DELETED_DAYS: i64 = 15;
/// The window must be longer than this.
const SPAN_MIN_MS: i64 = 60_000;

impl Salesforce {
    pub(super) fn changes(
        &self,
        room: &Room<'_>,
        ask: &Ask,
        kind: &str,
        what: &str,
    ) -> Result<Answer, Problem> {
        let kind = self.catalog.kind(kind).ok_or_else(Problem::not_found)?;
        if !kind.has('r') {
            let message = format!("object type {} is not replicable", kind.name);
            return Err(Problem::new("INVALID_TYPE_FOR_OPERATION", message));
        }
        let start_ms = date_parameter(ask, "start")?.as_millisecond();
        let end_ms = date_parameter(ask, "end")?.as_millisecond();
        let (now_ms, deleted) = (room.world.now_ms(), what == "deleted");
        let oldest_ms = now_ms - DAY_MS * if deleted { DELETED_DAYS } else { UPDATED_DAYS };
        let problem = if start_ms < oldest_ms {
            Some("startDate before org replication enabled date or too far in the past")
        } else if start_ms > now_ms {
            Some("startDate cannot be in the future")
        } else if end_ms - start_ms <= SPAN_MIN_MS {
            Some("endDate must be at least one minute greater than startDate")
        } else {
            None
        };
        if let Some(message) = problem {
            return Err(Problem::new("INVALID_REPLICATION_DATE", message));
        }
        let covered_ms = end_ms.min(now_ms);
        let covered_ms = covered_ms - covered_ms.rem_euclid(60_000);
        let window = start_ms..=end_ms;
        let records = self.view(room.world).records(kind);
        if deleted {
            let gone = records.filter_map(|found| match found.record.state() {
                State::Live => None,
                State::Archived { at_ms } | State::Merged { at_ms, .. } => window
                    .contains(&at_ms)
                    .then(|| json!({ "id": found.id(), "deletedDate": moment_ms(at_ms) })),
            });
            let purged = self.purged.iter().filter(|row| row.kind == kind.name);
            let purged = purged
                .filter(|row| window.contains(&row.at_ms))
                .map(|row| json!({ "id": row.id, "deletedDate": moment_ms(row.at_ms) }));
            return Ok(Answer::ok(&json!({
                "deletedRecords": gone.chain(purged).collect::<Vec<Value>>(),
                "earliestDateAvailable": moment_ms(oldest_ms - oldest_ms.rem_euclid(60_000)),
                "latestDateCovered": moment_ms(covered_ms),
            })));
        }
        let changed = records
            .filter(|found| !found.is_deleted() && window.contains(&found.record.modified_ms()));
        Ok(Answer::ok(&json!({
            "ids": changed.map(super::schema::Found::id).collect::<Vec<String>>(),
            "latestDateCovered": moment_ms(covered_ms),
        })))
    }
}
