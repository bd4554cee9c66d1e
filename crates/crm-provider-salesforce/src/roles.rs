//! The people of deals: rows of `OpportunityContactRole`, read and written beside the deals.
//!
//! A row ties one contact to one deal. It is added and removed after the deal's own write; what
//! fails then is told as a matter of the field, or as unknown, never as a write that was not made.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::mapping::Row;
use crm_core::{
    Action, Applied, ErrorKind, Field, ObjectKind, Operation, ProviderError, Ref, Remote, RemoteId,
    Result, Value, Write, Written,
};
use crm_http::{Failure, Reply, Request, chunk};
use serde_json::{Map, Value as Json};

use crate::Salesforce;
use crate::error::Reading;
use crate::provider::CALLER;
use crate::read::CONCURRENCY;
use crate::soql::{self, Filter, Literal, Select};
use crate::table::{self, ROLE, Table};
use crate::translate;
use crate::wire::{Collection, DealRow, Input, Listed, Outcome, of_type};

/// The deal of a row.
pub(crate) const DEAL: &str = "OpportunityId";
/// The person of a row.
const PERSON: &str = "ContactId";
/// The most rows of one page.
pub(crate) const PAGE_MAX: u16 = 2_000;
/// The most rows of one write.
const WRITE_MAX: usize = 200;

/// The people as a column of deals: rows inside the row.
pub(crate) const COLUMN: &str = "(SELECT ContactId FROM OpportunityContactRoles)";

/// The rows of one deal: row and person.
type Roles = Vec<(String, RemoteId)>;

/// People of deals that are known already, by deal.
pub(crate) type Known = BTreeMap<String, Vec<RemoteId>>;

/// What is to become of the people of one deal.
struct Wish {
    /// The write's place in its batch.
    place: usize,
    deal: RemoteId,
    come: Vec<RemoteId>,
    go: BTreeSet<RemoteId>,
}

/// Returns the people that a page of deals shows. A deal whose people do not all stand on the
/// page is left out.
pub(crate) fn on_page(reply: &Reply) -> Result<Known> {
    let page: Listed<DealRow> = reply.json()?;
    let whole = page.records.into_iter().filter(|row| row.people.as_ref().is_none_or(|p| p.done));
    let people = |row: DealRow| {
        let rows = row.people.map(|page| page.records).unwrap_or_default();
        let people = rows.into_iter().map(|row| row.contact_id.into()).collect();
        (row.id, people)
    };
    Ok(whole.map(people).collect())
}

impl Salesforce {
    /// Adds the people of deals to what was read of them; those that are not known yet are asked
    /// for.
    pub(crate) async fn with_people(
        &self,
        table: &Table,
        operation: Operation,
        mut remotes: Vec<Remote>,
        mut known: Known,
    ) -> Result<Vec<Remote>> {
        if !table.has_roles() || remotes.is_empty() {
            return Ok(remotes);
        }
        let ids = remotes.iter().map(|remote| remote.id.as_str());
        let ids: Vec<&str> = ids.filter(|id| !known.contains_key(*id)).collect();
        for (deal, rows) in self.roles(operation, &ids).await? {
            known.insert(deal, rows.into_iter().map(|(_, person)| person).collect());
        }
        for remote in &mut remotes {
            let people = known.get(remote.id.as_str()).map_or(&[][..], Vec::as_slice);
            let tie = |id: &RemoteId| Value::Ref(Ref::Remote(ObjectKind::Contact, id.clone()));
            let mut people: Vec<Value> = people.iter().map(tie).collect();
            people.sort();
            people.dedup();
            let people = (!people.is_empty()).then_some(Value::List(people));
            remote.fields.set(Field::CONTACTS, people);
            if let Err(index) = remote.read.binary_search(&Field::CONTACTS) {
                let mut read = remote.read.to_vec();
                read.insert(index, Field::CONTACTS);
                remote.read = read.into();
            }
        }
        Ok(remotes)
    }

    /// Reads the rows of deals.
    async fn roles(&self, operation: Operation, deals: &[&str]) -> Result<BTreeMap<String, Roles>> {
        let values = deals.iter().copied().map(Literal::text).collect();
        let lists = soql::lists(values);
        let rows = chunk::read(&lists, 1, CONCURRENCY, |lists| self.role_rows(operation, lists));
        let mut roles: BTreeMap<String, Roles> = BTreeMap::new();
        for (deal, row, person) in rows.await? {
            roles.entry(deal).or_default().push((row, person));
        }
        Ok(roles)
    }

    async fn role_rows(
        &self,
        operation: Operation,
        lists: &[Vec<Literal>],
    ) -> Result<Vec<(String, String, RemoteId)>> {
        let mut rows = Vec::new();
        for list in lists {
            let select = Select {
                fields: &["Id", DEAL, PERSON],
                from: ROLE,
                filter: Some(Filter::OneOf(DEAL, list.clone())),
                order_by: &[],
                limit: Some(PAGE_MAX),
            };
            let read = |row: &Row<'_>| {
                let text = |name| row.text(name).ok_or_else(|| table::unreadable(NO_TIE));
                Ok((text(DEAL)?.to_owned(), text("Id")?.to_owned(), text(PERSON)?.into()))
            };
            rows.extend(self.all((Reading::default(), operation), &select, read).await?);
        }
        Ok(rows)
    }

    /// Brings the people of deals to what writes say, where these were applied.
    pub(crate) async fn settle_people(
        &self,
        table: &Table,
        writes: &[&Write],
        results: &mut [Result<Written>],
    ) {
        if !table.has_roles() {
            return;
        }
        let mut wishes = Vec::new();
        for (place, (write, result)) in writes.iter().zip(results.iter_mut()).enumerate() {
            let Ok(written) = result else { continue };
            match wish(place, &written.id, write) {
                Ok(wish) => wishes.extend(wish),
                Err(error) => *result = Err(error),
            }
        }
        if wishes.is_empty() {
            return;
        }
        let mut refused = Vec::new();
        if let Err(error) = self.grant(&wishes, &mut refused).await {
            refused = wishes.iter().map(|wish| (wish.place, half_done(&error))).collect();
        }
        for (place, error) in refused {
            if let Some(slot) = results.get_mut(place).filter(|slot| slot.is_ok()) {
                *slot = Err(error);
            }
        }
    }

    async fn grant(
        &self,
        wishes: &[Wish],
        refused: &mut Vec<(usize, ProviderError)>,
    ) -> Result<()> {
        let deals: Vec<&str> = wishes.iter().map(|wish| wish.deal.as_str()).collect();
        let present = self.roles(Operation::Apply, &deals).await?;
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        for wish in wishes {
            let rows = present.get(wish.deal.as_str()).map_or(&[][..], Vec::as_slice);
            let is_there = |person: &&RemoteId| rows.iter().any(|(_, known)| known == *person);
            let come = wish.come.iter().filter(|person| !is_there(person));
            add.extend(come.map(|person| (wish.place, input(&wish.deal, person))));
            let go = rows.iter().filter(|(_, person)| wish.go.contains(person));
            remove.extend(go.map(|(row, _)| (wish.place, row.as_str())));
        }
        let mut note = |place, outcome: &Outcome| refused.extend(failed(outcome, place));
        let root = self.path("/composite/sobjects").await?;
        let mut add = add.into_iter().peekable();
        while add.peek().is_some() {
            let (places, records): (Vec<usize>, Vec<Input<'_>>) =
                add.by_ref().take(WRITE_MAX).unzip();
            let request = Request::post(Operation::Apply, root.as_str())
                .endpoint("POST /composite/sobjects")
                .json(&Collection { all_or_none: false, records });
            let outcomes = self.outcomes(request, places.len()).await?;
            places.iter().zip(&outcomes).for_each(|(place, outcome)| note(*place, outcome));
        }
        for rows in remove.chunks(WRITE_MAX) {
            let ids: Vec<&str> = rows.iter().map(|(_, row)| *row).collect();
            let request = Request::delete(Operation::Apply, root.as_str())
                .endpoint("DELETE /composite/sobjects")
                .query("ids", ids.join(","))
                .query("allOrNone", false);
            let outcomes = self.outcomes(request, rows.len()).await?;
            let gone = |outcome: &&Outcome| !outcome.is_gone();
            let rows = rows.iter().zip(&outcomes).filter(|(_, outcome)| gone(outcome));
            rows.for_each(|((place, _), outcome)| note(*place, outcome));
        }
        Ok(())
    }

    async fn outcomes(&self, request: Request, count: usize) -> Result<Vec<Outcome>> {
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let read = |reply: &Reply| {
            let outcomes: Vec<Outcome> = reply.json()?;
            if outcomes.len() == count {
                return Ok(outcomes);
            }
            Err(reply.malformed("the answer has not one element for each record"))
        };
        self.client.fetch(request.header(CALLER.0, CALLER.1), &classify, read).await
    }
}

const NO_TIE: &str = "a row of a deal's people names no deal or no person";

/// Returns what a write wants of a deal's people, if it says anything of them.
fn wish(place: usize, deal: &RemoteId, write: &Write) -> Result<Option<Wish>> {
    let (come, go) = match &write.action {
        Action::Create { fields, .. } => {
            let people = fields.get(Field::CONTACTS).map_or(&[][..], Value::members);
            (people.iter().collect(), Vec::new())
        }
        Action::Update { patch, .. } => patch.members(Field::CONTACTS),
        Action::Delete { .. } => return Ok(None),
    };
    if come.is_empty() && go.is_empty() {
        return Ok(None);
    }
    let id = |value: &&Value| translate::remote(Field::CONTACTS, value).cloned();
    let come = come.iter().map(id).collect::<Result<_>>()?;
    let go = go.iter().map(id).collect::<Result<_>>()?;
    Ok(Some(Wish { place, deal: deal.clone(), come, go }))
}

fn input(deal: &RemoteId, person: &RemoteId) -> Input<'static> {
    let text = |id: &RemoteId| Json::String(id.to_string());
    let members: Map<String, Json> =
        [(DEAL.to_owned(), text(deal)), (PERSON.to_owned(), text(person))].into_iter().collect();
    Input { attributes: of_type(ROLE), id: None, members }
}

/// Returns why a row was not written. The deal was, so nothing may say that it was not.
fn failed(outcome: &Outcome, place: usize) -> Option<(usize, ProviderError)> {
    if outcome.success {
        return None;
    }
    let error = Reading::default().record(&outcome.errors);
    if matches!(error.kind(), ErrorKind::Transient { .. } | ErrorKind::Malformed { .. }) {
        return Some((place, half_done(&error)));
    }
    let message = format!("the people of the deal are not accepted: {}", error.message());
    let kind = ErrorKind::Validation { field: Some(Field::CONTACTS) };
    let mut refused = ProviderError::new(kind, message).with_operation(Operation::Apply);
    if let Some(code) = error.code() {
        refused = refused.with_code(code);
    }
    Some((place, refused))
}

/// Returns the error of a deal that was written, and its people perhaps.
fn half_done(error: &ProviderError) -> ProviderError {
    let message =
        format!("the deal was written; of its people it is not known: {}", error.message());
    let kind = ErrorKind::Transient { applied: Applied::Unknown };
    ProviderError::new(kind, message).with_operation(Operation::Apply)
}
