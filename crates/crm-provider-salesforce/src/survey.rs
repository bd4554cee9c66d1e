//! The survey of an org: descriptions of its object types, its users, stages and currencies. One
//! request for all of it, and one more where the org has several currencies or very many users.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    Capabilities, ErrorKind, Finding, Metadata, ObjectKind, Operation, Owner, Provider as _,
    ProviderError, Result, normal,
};
use crm_http::{Effect, Failure, Reply, Request};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::Salesforce;
use crate::error::Reading;
use crate::findings::{self, Descriptions};
use crate::soql::{Filter, Literal, Select};
use crate::stages;
use crate::table::{CURRENCY, ROLE};
use crate::wire::{
    Bundle, Bundled, BundledReply, BundledRequest, CurrencyRow, Describe, Listed, StageRow, UserRow,
};

const USERS: &str = "users";
const STAGES: &str = "stages";
/// The most rows of one list.
const LIST_MAX: u16 = 2_000;
/// An org of more users than that is not read to its end: their records keep their owners.
const USER_PAGES_MAX: usize = 25;

/// What a survey showed.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) at: Timestamp,
    pub(crate) findings: Vec<Finding>,
    /// The kinds without our unique field.
    pub(crate) without_uid: Vec<ObjectKind>,
}

impl Salesforce {
    /// Surveys the org and remembers what it showed.
    pub(crate) async fn survey(&self) -> Result<Survey> {
        let at = self.client.clock().now();
        let mut capabilities = Capabilities::clone(&self.capabilities());
        let mut replies = self.bundle(&capabilities).await?;
        let (stages, users) = (replies.remove(STAGES), replies.remove(USERS));
        let mut known = Descriptions::new();
        for (name, reply) in replies {
            if let Some(describe) = told::<Describe>(reply)? {
                known.insert(name, describe);
            }
        }
        let (mut found, mut without_uid) = (Vec::new(), Vec::new());
        let mut metadata = Metadata::default();
        for object in &mut capabilities.objects {
            object.suspended = findings::suspended(object, &known);
            found.extend(findings::examine(object, &known));
            metadata.fields.extend(findings::facts(object, &known));
            if !findings::has_uid(object, &known) {
                without_uid.push(object.kind);
            }
        }
        let stages = stages.map(told::<Listed<StageRow>>).transpose()?.flatten();
        if let Some(stages) = stages {
            let pipelines = stages::pipelines(&self.stages, stages.records);
            found.extend(stages::findings(self.id(), &pipelines));
            metadata.pipelines = Some(pipelines);
        } else {
            found.push(no_stages());
        }
        let users = users.map(told::<Listed<UserRow>>).transpose()?.flatten();
        if let Some(users) = users {
            metadata.owners = Some(self.owners(users.records).await?);
        }
        let has = |describe: &Describe| findings::field(describe, CURRENCY).is_some();
        if known.values().any(has) {
            metadata.currencies = Some(self.currencies().await?);
        }
        capabilities.metadata = Arc::new(metadata);
        found.sort_by_key(|finding| !finding.blocking);
        let survey = Survey { at, findings: found, without_uid };
        self.learn(capabilities, survey.clone());
        Ok(survey)
    }

    async fn bundle(
        &self,
        capabilities: &Capabilities,
    ) -> Result<BTreeMap<&'static str, BundledReply>> {
        let root = self.path("").await?;
        let mut types: Vec<&'static str> = capabilities
            .objects
            .iter()
            .flat_map(crm_core::ObjectCapability::mappings)
            .map(|mapping| mapping.remote)
            .chain([ROLE])
            .collect();
        types.sort_unstable();
        types.dedup();
        let get = |reference_id, url| BundledRequest { method: "GET", url, reference_id };
        let mut requests: Vec<BundledRequest> = types
            .iter()
            .map(|name| get(*name, format!("{root}/sobjects/{name}/describe")))
            .collect();
        let query = |select: &Select<'_>| {
            let text = select.to_string();
            format!("{root}/query?q={}", utf8_percent_encode(&text, NON_ALPHANUMERIC))
        };
        requests.push(get(USERS, query(&users_after(None))));
        requests.push(get(STAGES, query(&all_stages())));
        let names: Vec<&'static str> =
            requests.iter().map(|request| request.reference_id).collect();
        let body = Bundle { all_or_none: false, composite_request: requests };
        let request = Request::post(Operation::Metadata, format!("{root}/composite"))
            .endpoint("POST /composite")
            .effect(Effect::Read)
            .json(&body);
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let bundled: Bundled =
            self.client.fetch(request, &classify, |reply: &Reply| reply.json()).await?;
        let replies = bundled.composite_response.into_iter().filter_map(|reply| {
            let name = names.iter().find(|name| **name == reply.reference_id)?;
            Some((*name, reply))
        });
        Ok(replies.collect())
    }

    async fn owners(&self, first: Vec<UserRow>) -> Result<Vec<Owner>> {
        let mut rows = first;
        let mut page = rows.len();
        for _ in 1..USER_PAGES_MAX {
            let Some(last) = rows.last().filter(|_| page >= usize::from(LIST_MAX)) else { break };
            let more: Vec<UserRow> = self.list(users_after(Some(last.id.clone()))).await?;
            page = more.len();
            rows.extend(more);
        }
        let mut owners: Vec<Owner> = rows
            .into_iter()
            .filter_map(|row| {
                let email = normal::email(row.email.as_deref()?).into_owned();
                let active = row.is_active;
                Some(Owner { id: row.id.as_str().into(), email: email.as_str().into(), active })
            })
            .collect();
        // An address that several users have means the one who can be given something.
        owners.sort_by(|one, other| (!one.active, &one.id).cmp(&(!other.active, &other.id)));
        Ok(owners)
    }

    async fn currencies(&self) -> Result<Vec<Arc<str>>> {
        let select = Select {
            fields: &["IsoCode"],
            from: "CurrencyType",
            filter: Some(Filter::Is("IsActive", Literal::True)),
            order_by: &["IsoCode"],
            limit: Some(LIST_MAX),
        };
        let rows: Vec<CurrencyRow> = self.list(select).await?;
        Ok(rows.into_iter().map(|row| row.iso_code.as_str().into()).collect())
    }

    async fn list<T: DeserializeOwned + Send>(&self, select: Select<'_>) -> Result<Vec<T>> {
        let request = Request::get(Operation::Metadata, self.path("/query").await?)
            .endpoint(format!("GET /query {}", select.from))
            .query("q", select);
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let read = |reply: &Reply| Ok(reply.json::<Listed<T>>()?.records);
        self.client.fetch(request, &classify, read).await
    }
}

fn users_after(id: Option<String>) -> Select<'static> {
    let people = Filter::Is("UserType", Literal::text("Standard"));
    Select {
        fields: &["Id", "Email", "IsActive"],
        from: "User",
        filter: Some(match id {
            Some(id) => Filter::All(vec![people, Filter::After("Id", Literal::text(id))]),
            None => people,
        }),
        order_by: &["Id"],
        limit: Some(LIST_MAX),
    }
}

fn all_stages() -> Select<'static> {
    Select {
        fields: &["ApiName", "MasterLabel", "IsActive", "IsClosed", "IsWon", "SortOrder"],
        from: "OpportunityStage",
        filter: None,
        order_by: &["SortOrder"],
        limit: Some(LIST_MAX),
    }
}

/// Returns what one of several requests was answered; `None` if the user may not see it.
fn told<T: DeserializeOwned>(reply: BundledReply) -> Result<Option<T>> {
    match reply.http_status_code {
        200 => serde_json::from_value(reply.body).map(Some).map_err(|error| {
            let kind = ErrorKind::Malformed { applied: crm_core::Applied::No };
            let message = format!("the description of {} cannot be read", reply.reference_id);
            ProviderError::new(kind, message).with_source(error)
        }),
        400..=499 => Ok(None),
        status => {
            let kind = ErrorKind::Transient { applied: crm_core::Applied::No };
            let message = format!("Salesforce failed to describe {}", reply.reference_id);
            Err(ProviderError::new(kind, message).with_status(status))
        }
    }
}

fn no_stages() -> Finding {
    Finding {
        kind: ObjectKind::Deal,
        message: "the user may not see the stages of deals".to_owned(),
        hint: "give the user Read on Opportunity and View Setup (Setup, Permission Sets)"
            .to_owned(),
        repair: None,
        blocking: true,
    }
}
