//! Writes: creates, updates and deletes in collections whose answers have one element per record,
//! in the order of the request.
//!
//! No write is sent again after an answer that was lost. Where a create is an upsert on our unique
//! field the vendor would make no second record of it; but a user may have edited the record
//! meanwhile, and the repetition would undo that.

mod draft;

use std::collections::{BTreeMap, BTreeSet};

use crm_core::mapping::Row;
use crm_core::{
    Action, BatchOutcome, ErrorKind, Field, FieldType, ObjectKind, Operation, Provider as _,
    ProviderError, Result, Write, Written, schema,
};
use crm_http::chunk::Refusal;
use crm_http::writes::{self, Verb, untold};
use crm_http::{Failure, Reply, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::draft::{Draft, Drafts};
use crate::Salesforce;
use crate::error::{self, DUPLICATES_DETECTED, Reading};
use crate::feed::position::ID;
use crate::provider::CALLER;
use crate::read::is_id;
use crate::table::Table;
use crate::translate::{Present, STAGE, WHAT};
use crate::wire::{Collection, Input, Outcome};

/// How many collections are under way at once. Few: parallel writes lock each other's rows.
const CONCURRENCY: usize = 2;

impl Salesforce {
    /// Applies writes.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<BatchOutcome> {
        let kinds: BTreeSet<ObjectKind> = writes.iter().map(|write| write.kind).collect();
        if !writes.is_empty() {
            self.version().await?;
        }
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
        let present = self.present(tables, &writes).await?;
        let drafts = Drafts::of(tables, &writes, &present);
        // A collection that is refused for the form of one record is not applied at all.
        let mut results = self.collection(tables, verb, &writes, drafts).await?;
        for (write, result) in writes.iter().zip(&mut results) {
            let Some(table) = tables.first() else { continue };
            if let Some(found) = self.named(table, write, result).await {
                *result = found;
            }
        }
        self.blame(tables, &writes, &mut results).await;
        for table in tables {
            self.settle_people(table, &writes, &mut results).await;
        }
        Ok(results)
    }

    /// Reads what the records show now, where what is written depends on it.
    async fn present(
        &self,
        tables: &[Table],
        writes: &[&Write],
    ) -> Result<BTreeMap<String, Present>> {
        let mut present = BTreeMap::new();
        for table in tables {
            let mut columns = vec![ID];
            columns.extend(match table.kind() {
                ObjectKind::Deal => Some(STAGE),
                ObjectKind::Activity => Some(WHAT),
                ObjectKind::Company | ObjectKind::Contact => continue,
            });
            columns.extend(table.telling());
            let wanted = writes.iter().filter(|write| draft::depends(write));
            let ids = wanted.map(|write| write.target());
            let ids: Vec<&str> = ids.filter(|id| is_id(id) && table.has(id)).collect();
            if ids.is_empty() {
                continue;
            }
            let read = |row: &Row<'_>| {
                let own = |name: &str| row.text(name).map(str::to_owned);
                let variant = table.variant(row);
                Ok(Present { stage: own(STAGE), what: own(WHAT), variant })
            };
            let rows = self.rows(table, Operation::Apply, &ids, &columns, read).await?;
            let known = ids.iter().zip(rows).filter_map(|(id, row)| Some(((*id).to_owned(), row?)));
            present.extend(known);
        }
        Ok(present)
    }

    async fn collection<'w>(
        &self,
        tables: &[Table],
        verb: Verb,
        writes: &[&'w Write],
        drafts: Drafts<'w>,
    ) -> Result<Vec<Result<Written>>, Refusal> {
        let unique = tables.first().is_some_and(|table| table.capability.unique_key);
        let uid = match verb {
            Verb::Create => {
                let uid = tables.first().and_then(|table| table.uid);
                Some(uid.ok_or_else(|| Refusal::Whole(error::no_uid_field()))?)
            }
            Verb::Update | Verb::Delete => None,
        };
        let Drafts { sent, mut settled } = drafts;
        if !sent.is_empty() {
            let root = self.path("/composite/sobjects").await?;
            let places: Vec<usize> = sent.iter().map(|draft| draft.place).collect();
            let request = request(verb, uid.filter(|_| unique), &root, sent);
            let request = request.header(CALLER.0, CALLER.1);
            let reading = tables.first().map(Table::reading).unwrap_or_default();
            let classify = |failure: &Failure<'_>| reading.classify(failure);
            let read = |reply: &Reply| {
                let outcomes: Vec<Outcome> = reply.json()?;
                if outcomes.len() != places.len() {
                    return Err(reply.malformed("the answer has not one element for each record"));
                }
                let places = places.iter().zip(&outcomes);
                let of = |place: &usize| writes.get(*place).copied();
                let results = places.filter_map(|(place, outcome)| {
                    Some((*place, settle(tables, of(place)?, outcome)))
                });
                Ok(results.collect::<Vec<_>>())
            };
            let told = self.client.fetch(request, &classify, read).await.map_err(Refusal::of)?;
            settled.extend(told);
        }
        let result = |place: usize| settled.remove(&place).unwrap_or_else(|| Err(untold()));
        Ok((0..writes.len()).map(result).collect())
    }

    /// A collection does not tell which records a duplicate rule found; a single upsert does.
    /// It is the same upsert, so it is no harm if the rule lets it pass this time.
    async fn named(
        &self,
        table: &Table,
        write: &Write,
        result: &Result<Written>,
    ) -> Option<Result<Written>> {
        let Err(error) = result else { return None };
        let (Action::Create { uid, .. }, Some(key)) = (&write.action, table.uid) else {
            return None;
        };
        let unnamed = error.code() == Some(DUPLICATES_DETECTED)
            && *error.kind() == ErrorKind::Permanent
            && table.capability.unique_key;
        if !unnamed {
            return None;
        }
        let object = table.object;
        let value = utf8_percent_encode(uid.as_str(), NON_ALPHANUMERIC);
        let path = match self.path(&format!("/sobjects/{object}/{key}/{value}")).await {
            Ok(path) => path,
            Err(error) => return Some(Err(error)),
        };
        let tables = std::slice::from_ref(table);
        let mut draft = match draft::of(tables, write, &BTreeMap::new()) {
            Ok(draft) => draft?,
            Err(error) => return Some(Err(error)),
        };
        draft.members.remove(key);
        let request = Request::patch(Operation::Apply, path)
            .endpoint(format!("PATCH /sobjects/{object}/{key}/{{uid}}"))
            .header(CALLER.0, CALLER.1)
            .json(&draft.members);
        let classify = |failure: &Failure<'_>| table.reading().classify(failure);
        let read = |reply: &Reply| settle(tables, write, &reply.json::<Outcome>()?);
        Some(self.client.fetch(request, &classify, read).await)
    }

    /// Says of writes that met a record which is not there whether it was their own: a reference
    /// to a record that was deleted is refused in the same words.
    async fn blame(&self, tables: &[Table], writes: &[&Write], results: &mut [Result<Written>]) {
        let lost = |result: &Result<Written>| {
            result.as_ref().is_err_and(|error| *error.kind() == ErrorKind::NotFound)
        };
        for (write, result) in writes.iter().zip(results) {
            let fields = references(write);
            if fields.is_empty() || !lost(result) {
                continue;
            }
            let ours = match &write.action {
                Action::Create { .. } => false,
                Action::Update { id, .. } => !self.is_live(tables, id.as_str()).await,
                Action::Delete { .. } => true,
            };
            let (false, Err(error)) = (ours, &*result) else { continue };
            let field = if let [only] = fields.as_slice() { Some(*only) } else { None };
            let message = format!("a record that it refers to is gone: {}", error.message());
            let mut refused = ProviderError::new(ErrorKind::Validation { field }, message)
                .with_operation(Operation::Apply);
            if let Some(code) = error.code() {
                refused = refused.with_code(code);
            }
            *result = Err(refused);
        }
    }

    /// Returns whether a record is certainly there.
    async fn is_live(&self, tables: &[Table], id: &str) -> bool {
        let Some(table) = tables.iter().find(|table| table.has(id) && is_id(id)) else {
            return false;
        };
        let rows = self.rows(table, Operation::Apply, &[id], &[ID], |_| Ok(())).await;
        rows.is_ok_and(|rows| matches!(rows.as_slice(), [Some(())]))
    }
}

/// Returns the fields of a write that refer to records, but for the people of a deal, who are
/// written by themselves.
fn references(write: &Write) -> Vec<Field> {
    let refers = |field: &Field| {
        let ty = schema::spec(write.kind, *field).map(|spec| spec.ty);
        let apart = write.kind == ObjectKind::Deal && *field == Field::CONTACTS;
        ty.and_then(FieldType::refers_to).is_some() && !apart
    };
    let fields: Vec<Field> = match &write.action {
        Action::Create { fields, .. } => fields.iter().map(|(field, _)| field).collect(),
        Action::Update { patch, .. } => {
            let set = patch.iter().filter(|(_, value)| value.is_some());
            set.map(|(field, _)| field).collect()
        }
        Action::Delete { .. } => Vec::new(),
    };
    fields.into_iter().filter(refers).collect()
}

fn request(verb: Verb, uid: Option<&str>, root: &str, sent: Vec<Draft<'_>>) -> Request {
    let object = sent.first().map_or("", |draft| draft.object);
    if verb == Verb::Delete {
        let ids: Vec<&str> = sent.iter().filter_map(|draft| draft.id).collect();
        return Request::delete(Operation::Apply, root)
            .endpoint("DELETE /composite/sobjects")
            .query("ids", ids.join(","))
            .query("allOrNone", false);
    }
    let records: Vec<Input<'_>> = sent.into_iter().map(Draft::input).collect();
    let body = Collection { all_or_none: false, records };
    match (verb, uid) {
        (Verb::Create, Some(uid)) => {
            Request::patch(Operation::Apply, format!("{root}/{object}/{uid}"))
                .endpoint(format!("PATCH /composite/sobjects/{object}/{uid}"))
                .json(&body)
        }
        (Verb::Create, None) => {
            Request::post(Operation::Apply, root).endpoint("POST /composite/sobjects").json(&body)
        }
        (Verb::Update | Verb::Delete, _) => {
            Request::patch(Operation::Apply, root).endpoint("PATCH /composite/sobjects").json(&body)
        }
    }
}

fn settle(tables: &[Table], write: &Write, outcome: &Outcome) -> Result<Written> {
    if !outcome.success {
        let reading = tables.first().map(Table::reading).unwrap_or_default();
        let home = tables.iter().find(|table| match &write.action {
            Action::Create { fields, .. } => draft::has_form(table, fields),
            Action::Update { id, .. } | Action::Delete { id } => table.has(id.as_str()),
        });
        let mappings = home.map_or(reading.mappings, Table::mappings);
        return Err(Reading { mappings, written: Some(write) }.record(&outcome.errors));
    }
    let id = match (&outcome.id, &write.action) {
        (Some(id), _) => id.as_str().into(),
        (None, Action::Update { id, .. } | Action::Delete { id }) => id.clone(),
        (None, Action::Create { .. }) => return Err(untold()),
    };
    // The answer tells neither the stamp nor what is stored.
    Ok(Written::new(id))
}
