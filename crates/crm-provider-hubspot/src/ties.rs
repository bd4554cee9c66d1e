//! Associations, which neither a batch read nor a search shows: read by calls of their own, made
//! and taken away by others.

use std::collections::BTreeMap;

use crm_core::{Applied, ErrorKind, Field, Operation, ProviderError, Result};
use crm_http::chunk::{self, Refusal};
use crm_http::writes::untold;
use crm_http::{Effect, Failure, Reply, Request};
use serde_json::{Value, json};

use crate::table::{Relation, Table};
use crate::wire::{Problem, TieAnswer, TiePage};
use crate::{API_VERSION, HubSpot};

/// Ids in one read, pairs in one batch that makes associations, records in one that takes some
/// away.
const READ_MAX: usize = 1_000;
const MAKE_MAX: usize = 2_000;
const CUT_MAX: usize = 100;
/// How many batches are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;
/// More pages than one record's associations have.
const PAGES_MAX: usize = 1_000;

/// Whom a record is tied to: the other record, and the numbers of the association's types.
pub(crate) type Tied = Vec<(String, Vec<u32>)>;

/// An association that is to be made or taken away.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Which write of the batch wants it.
    pub(crate) place: usize,
    pub(crate) field: Field,
    pub(crate) deed: Deed,
    pub(crate) from: String,
    pub(crate) to: String,
    to_type: &'static str,
    type_id: u32,
}

/// What is to be done to an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// All between the two records is taken away.
    Cut,
    /// One type is taken away.
    Unlabel,
    /// It is made.
    Make,
}

impl Change {
    pub(crate) fn new(
        place: usize,
        relation: &Relation,
        deed: Deed,
        from: &str,
        to: impl Into<String>,
    ) -> Self {
        Self {
            place,
            field: relation.field,
            deed,
            from: from.to_owned(),
            to: to.into(),
            to_type: relation.to,
            type_id: relation.type_id,
        }
    }
}

impl Relation {
    /// Returns the ids at the other end that count for the reference.
    pub(crate) fn members(&self, tied: &Tied) -> Vec<String> {
        let counts = |types: &[u32]| !self.is_particular() || types.contains(&self.type_id);
        tied.iter().filter(|(_, types)| counts(types)).map(|(id, _)| id.clone()).collect()
    }

    /// Returns how the reference is taken away from one record.
    pub(crate) fn removal(&self) -> Deed {
        if self.is_particular() { Deed::Unlabel } else { Deed::Cut }
    }
}

impl HubSpot {
    /// Reads whom records are tied to among those of one type. A record that is tied to none is
    /// there with none.
    pub(crate) async fn ties(
        &self,
        table: &Table,
        operation: Operation,
        to: &'static str,
        ids: &[&str],
    ) -> Result<BTreeMap<String, Tied>> {
        let mut found: BTreeMap<String, Tied> =
            ids.iter().map(|id| ((*id).to_owned(), Vec::new())).collect();
        let mut open: Vec<(String, Option<String>)> =
            found.keys().map(|id| (id.clone(), None)).collect();
        for _ in 0..PAGES_MAX {
            if open.is_empty() {
                return Ok(found);
            }
            let read = |inputs| self.read_ties(table, operation, to, inputs);
            let rows = chunk::read(&open, READ_MAX, CONCURRENCY, read).await?;
            open = Vec::new();
            for (id, tied, after) in rows {
                if let Some(after) = after {
                    open.push((id.clone(), Some(after)));
                }
                if let Some(known) = found.get_mut(&id) {
                    known.extend(tied);
                }
            }
        }
        let kind = ErrorKind::Malformed { applied: Applied::No };
        Err(ProviderError::new(kind, "the associations of a record do not end"))
    }

    async fn read_ties(
        &self,
        table: &Table,
        operation: Operation,
        to: &'static str,
        inputs: &[(String, Option<String>)],
    ) -> Result<Vec<TiePage>> {
        let input = |(id, after): &(String, Option<String>)| match after {
            None => json!({ "id": id }),
            Some(after) => json!({ "id": id, "after": after }),
        };
        let inputs: Vec<Value> = inputs.iter().map(input).collect();
        let request = request(table, operation, to, "read", &inputs).effect(Effect::Read);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let answer: TieAnswer<'_> = reply.json()?;
            // A record that could not be looked up would be taken for one that is tied to none.
            if let Some(problem) = answer.errors.iter().find(|problem| !problem.is_absence()) {
                let kind = ErrorKind::Transient { applied: Applied::No };
                let code = problem.code().unwrap_or("ITEM_FAILED");
                let message = "the associations of a record could not be read";
                return Err(ProviderError::new(kind, message).with_code(code));
            }
            Ok(answer.rows().collect())
        };
        self.client.fetch(request, &classify, read).await
    }

    /// Makes and takes away associations; one result for each, in order. What is taken away goes
    /// first: a record has one parent.
    pub(crate) async fn change_ties(&self, table: &Table, changes: &[Change]) -> Vec<Result<()>> {
        let mut results: Vec<Result<()>> = changes.iter().map(|_| Err(untold())).collect();
        for deed in [Deed::Cut, Deed::Unlabel, Deed::Make] {
            let places: Vec<usize> = (0..changes.len())
                .filter(|n| changes.get(*n).is_some_and(|c| c.deed == deed))
                .collect();
            let items: Vec<&Change> = places.iter().filter_map(|n| changes.get(*n)).collect();
            let max = if deed == Deed::Make { MAKE_MAX } else { CUT_MAX };
            let done = chunk::write(
                &items,
                |change| change.to_type,
                |_| max,
                CONCURRENCY,
                |to, batch| self.send_ties(table, deed, to, batch.into_iter().copied().collect()),
            );
            let done = done.await;
            for (place, result) in places.into_iter().zip(done) {
                if let Some(slot) = results.get_mut(place) {
                    *slot = result;
                }
            }
        }
        results
    }

    async fn send_ties(
        &self,
        table: &Table,
        deed: Deed,
        to: &'static str,
        batch: Vec<&Change>,
    ) -> Result<Vec<Result<()>>, Refusal> {
        let action = match deed {
            Deed::Cut => "archive",
            Deed::Unlabel => "labels/archive",
            Deed::Make => "create",
        };
        let inputs: Vec<Value> = batch.iter().map(|change| input(change)).collect();
        // Twice makes no difference: an association is there or it is not.
        let request =
            request(table, Operation::Apply, to, action, &inputs).effect(Effect::IdempotentWrite);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            if reply.body().is_empty() {
                return Ok(batch.iter().map(|_| Ok(())).collect());
            }
            Ok(settle(table, deed, &batch, &reply.json::<TieAnswer<'_>>()?))
        };
        self.client.fetch(request, &classify, read).await.map_err(Refusal::of)
    }
}

fn request(
    table: &Table,
    operation: Operation,
    to: &str,
    action: &str,
    inputs: &[Value],
) -> Request {
    let from = table.name();
    let path = format!("/crm/associations/{API_VERSION}/{from}/{to}/batch/{action}");
    Request::post(operation, path)
        .endpoint(format!("POST /crm/associations/batch/{action} ({from} to {to})"))
        .json(&json!({ "inputs": inputs }))
}

fn input(change: &Change) -> Value {
    let (from, to) = (json!({ "id": change.from }), json!({ "id": change.to }));
    let types = json!([{
        "associationCategory": "HUBSPOT_DEFINED",
        "associationTypeId": change.type_id,
    }]);
    match change.deed {
        Deed::Cut => json!({ "from": from, "to": [to] }),
        Deed::Unlabel | Deed::Make => json!({ "from": from, "to": to, "types": types }),
    }
}

/// Gives each association its own result: what was made is in the answer, and what was to be
/// taken away is gone unless the answer names it.
fn settle(table: &Table, deed: Deed, batch: &[&Change], answer: &TieAnswer<'_>) -> Vec<Result<()>> {
    let made: Vec<(String, String)> = answer.made().collect();
    let result = |change: &&Change| {
        let is_made = made.iter().any(|(from, to)| *from == change.from && *to == change.to);
        let problem = answer.errors.iter().find(|problem| speaks_of(problem, change));
        let problem = problem.or(answer.errors.first().filter(|_| batch.len() == 1));
        match (deed, problem) {
            (Deed::Make, _) if is_made => Ok(()),
            (Deed::Cut | Deed::Unlabel, None) => Ok(()),
            (Deed::Cut | Deed::Unlabel, Some(problem)) if problem.is_absence() => Ok(()),
            (_, Some(problem)) => Err(table.reading.refused(problem, 0)),
            (Deed::Make, None) => Err(untold()),
        }
    };
    batch.iter().map(result).collect()
}

fn speaks_of(problem: &Problem<'_>, change: &Change) -> bool {
    let ids = |name: &'static str| problem.context_texts(name);
    let names = |name: &'static str, id: &str| {
        let mut told = ids(name).peekable();
        told.peek().is_none() || told.any(|told| told == id)
    };
    let pair = names("fromObjectId", &change.from) && names("toObjectId", &change.to);
    let either =
        ids("id").next().is_none() || ids("id").any(|id| id == change.from || id == change.to);
    let any = ["fromObjectId", "toObjectId", "id"];
    pair && either && any.into_iter().any(|name| ids(name).next().is_some())
}
