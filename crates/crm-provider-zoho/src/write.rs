//! Writes: creates, updates and deletes of up to a hundred records, each with its own answer, in
//! the order of the request.
//!
//! No write is sent again after an answer that was lost: a user may have edited the record
//! meanwhile, and the repetition would undo that. Updates are bound to the version that was
//! read. The vendor takes one instant for a whole call, so records of several versions are looked
//! at once more, and the call is bound to the newest of them: what changes after that look has a
//! newer stamp.

mod draft;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crm_core::mapping::Row;
use crm_core::{
    Action, BatchOutcome, ErrorKind, Mapping, ObjectKind, Operation, Provider as _, ProviderError,
    Result, Write, Written, normal,
};
use crm_http::chunk::{self, Refusal};
use crm_http::writes::{self, Verb, untold};
use crm_http::{Failure, Reply, Request};
use jiff::Timestamp;

use self::draft::{Draft, Drafts, Shown};
use crate::Zoho;
use crate::coql::moment;
use crate::error::Reading;
use crate::table::{self, KIN, PIPELINE, STAMP, Table, WHAT};
use crate::translate::{Present, STAGE};
use crate::wire::{Body, Outcome, Outcomes};

/// How many calls are under way at once. Few: those of more than ten records are counted apart.
const CONCURRENCY: usize = 2;
/// So many records cost one credit.
const RECORDS_PER_CREDIT: usize = 10;
/// The header that binds a call to a version.
const UNMODIFIED: &str = "if-unmodified-since";

impl Zoho {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        for kind in &kinds {
            self.ready(*kind).await?;
        }
        let tables = kinds.into_iter().map(|kind| Ok((kind, self.tables(kind)?)));
        let tables = &tables.collect::<Result<BTreeMap<_, _>>>()?;
        let of = |kind| tables.get(&kind).map_or(&[][..], Vec::as_slice);
        let max = |kind| {
            let table = of(kind).first();
            table.map_or(1, |table| usize::from(table.capability.write_max.get()))
        };
        let send = |kind, verb, batch| self.send(of(kind), verb, batch);
        Ok(writes::apply(self.id(), writes, max, CONCURRENCY, send).await)
    }

    async fn send(
        &self,
        tables: &[Table],
        verb: Verb,
        writes: Vec<&Write>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let shown = self.shown(tables, &writes).await?;
        let Drafts { sent, mut settled } = Drafts::of(tables, &writes, &shown);
        // Together in one call: records of a module, and those that a version binds.
        let group = |draft: &Draft<'_>| (draft.module, draft.bound.is_some());
        let most = writes.len();
        let results = chunk::write(
            &sent,
            group,
            |_| most,
            CONCURRENCY,
            |group, batch| {
                let table = tables.iter().find(|table| table.module() == group.0);
                let request = table.map(|table| self.request(table, verb, &batch));
                let drafts = batch.iter().map(|draft| (draft.write, draft.mapping)).collect();
                self.post(table, request, drafts)
            },
        );
        let results = results.await;
        settled.extend(sent.iter().map(|draft| draft.place).zip(results));
        let result = |place: usize| settled.remove(&place).unwrap_or_else(|| Err(untold()));
        Ok((0..writes.len()).map(result).collect())
    }

    /// Reads what the records show now, where what is written depends on it, or where writes that
    /// go together were decided on different versions.
    async fn shown(&self, tables: &[Table], writes: &[&Write]) -> Result<BTreeMap<String, Shown>> {
        let mut shown = BTreeMap::new();
        for table in tables {
            let own = writes.iter().filter(|write| table.own_id(write.target()).is_some());
            let own: Vec<&&Write> = own.collect();
            let versions: BTreeSet<Timestamp> =
                own.iter().filter_map(|write| draft::bound(write)).collect();
            let wanted = |write: &&&&Write| versions.len() > 1 || draft::depends(write);
            let ids = own.iter().filter(wanted).filter_map(|w| table.own_id(w.target()));
            let ids: Vec<&str> = ids.collect();
            if ids.is_empty() {
                continue;
            }
            let mut columns = vec![STAMP];
            columns.extend(match table.kind() {
                ObjectKind::Deal => &[STAGE, PIPELINE][..],
                ObjectKind::Activity => &[WHAT, KIN],
                ObjectKind::Company | ObjectKind::Contact => &[],
            });
            let read = |row: &Row<'_>| {
                let text = |name: &str| row.text(name).map(str::to_owned);
                let kin = text(KIN).filter(|_| row.text(WHAT).is_some());
                let present = Present { stage: text(STAGE), pipeline: text(PIPELINE), kin };
                let id = table.our_id(table::id_of(row)?).to_string();
                Ok((id, Shown { present, modified_at: table::stamp_of(row) }))
            };
            shown.extend(self.by_ids(table, Operation::Apply, &ids, &columns, read).await?);
        }
        Ok(shown)
    }

    fn request(&self, table: &Table, verb: Verb, batch: &[&Draft<'_>]) -> Request {
        let path = self.path(table.module());
        let cost = u32::try_from(batch.len().div_ceil(RECORDS_PER_CREDIT)).unwrap_or(1);
        let body = |checks| {
            let data = batch.iter().map(|draft| &draft.members).collect();
            Body { data, trigger: [], duplicate_check_fields: checks }
        };
        match (verb, table.uid.filter(|_| table.capability.unique_key)) {
            (Verb::Create, Some(uid)) => {
                let path = format!("{path}/upsert");
                Request::post(Operation::Apply, path.as_str())
                    .endpoint(format!("POST {path}"))
                    .cost(cost)
                    .json(&body(&[uid]))
            }
            (Verb::Create, None) => Request::post(Operation::Apply, path.as_str())
                .endpoint(format!("POST {path}"))
                .cost(cost)
                .json(&body(&[])),
            (Verb::Update, _) => {
                let request = Request::put(Operation::Apply, path.as_str())
                    .endpoint(format!("PUT {path}"))
                    .cost(cost)
                    .json(&body(&[]));
                match batch.iter().filter_map(|draft| draft.bound).max() {
                    Some(newest) => request.header(UNMODIFIED, &moment(newest)),
                    None => request,
                }
            }
            (Verb::Delete, _) => {
                let ids = batch.iter().filter_map(|draft| draft.members.get(table::ID)?.as_str());
                Request::delete(Operation::Apply, path.as_str())
                    .endpoint(format!("DELETE {path}"))
                    .query("ids", ids.collect::<Vec<_>>().join(","))
                    .query("wf_trigger", false)
            }
        }
    }

    /// Sends a call. What became of each record stands in the answer, whatever its status.
    async fn post(
        &self,
        table: Option<&Table>,
        request: Option<Request>,
        drafts: Vec<(&Write, &'static Mapping)>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let (Some(table), Some(request)) = (table, request) else {
            return Err(Refusal::Whole(untold()));
        };
        let told = Mutex::new(None);
        let settle_all = |outcomes: &Outcomes| {
            if outcomes.data.len() != drafts.len() {
                return None;
            }
            let pairs = drafts.iter().zip(&outcomes.data);
            let results =
                pairs.map(|((write, mapping), outcome)| settle(table, mapping, write, outcome));
            Some(results.collect::<Vec<_>>())
        };
        let classify = |failure: &Failure<'_>| {
            let results = failure.json::<Outcomes>().and_then(|outcomes| settle_all(&outcomes));
            *told.lock().unwrap_or_else(PoisonError::into_inner) = results;
            table.reading().classify(failure)
        };
        let read = |reply: &Reply| {
            let outcomes: Outcomes = reply.json()?;
            let results = settle_all(&outcomes);
            results.ok_or_else(|| reply.malformed("the answer has not one element for each record"))
        };
        match self.client.fetch(request, &classify, read).await {
            Ok(results) => Ok(results),
            Err(error) => {
                match told.into_inner().unwrap_or_else(PoisonError::into_inner) {
                    // The answer was a refusal with one element for each record.
                    Some(results) if !is_lost(&error) => Ok(results),
                    Some(_) | None if *error.kind() == ErrorKind::Stale => {
                        Err(Refusal::Bisect(error))
                    }
                    Some(_) | None => Err(Refusal::of(error)),
                }
            }
        }
    }
}

/// Returns whether an earlier attempt may have been applied, which the last answer does not know.
fn is_lost(error: &ProviderError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Transient { applied: crm_core::Applied::Unknown }
            | ErrorKind::Malformed { applied: crm_core::Applied::Unknown }
    )
}

fn settle(
    table: &Table,
    mapping: &'static Mapping,
    write: &Write,
    outcome: &Outcome,
) -> Result<Written> {
    if !outcome.is_done() {
        let reading = Reading { mapping: Some(mapping), written: Some(write) };
        return Err(reading.record(&outcome.problem));
    }
    let id = match (outcome.problem.detail(table::ID), &write.action) {
        (Some(id), _) => table.our_id(id),
        (None, Action::Update { id, .. } | Action::Delete { id }) => id.clone(),
        (None, Action::Create { .. }) => return Err(untold()),
    };
    let modified_at = outcome.problem.detail(STAMP).and_then(normal::instant);
    Ok(Written { version: modified_at.map(table::version), modified_at, ..Written::new(id) })
}

/// What is sent is only what a draft holds.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_an_error_inside_is_none_of_success() {
        let body = serde_json::json!({ "data": [
            { "status": "success", "code": "SUCCESS", "details": { "id": "71" } },
            { "status": "error", "code": "DUPLICATE_DATA", "details": { "id": "72" } },
        ] });
        let outcomes: Outcomes = serde_json::from_value(body).unwrap();
        let done: Vec<bool> = outcomes.data.iter().map(Outcome::is_done).collect();
        assert_eq!(done, [true, false]);
        assert_eq!(outcomes.data[1].problem.duplicate(), Some("72"));
    }
}
