//! What the account is set up with, read when it is first needed and kept for an hour: who can own
//! a record, and which stage stands for which of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    ErrorKind, Metadata, Operation, Owner, Pipeline, ProviderError, Result, Stage, normal,
};
use crm_http::{Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Reading;
use crate::wire::{Named, OwnerRow, PipelineRow, StageRow};
use crate::{API_VERSION, HubSpot};

/// How long what was read is taken to hold.
const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// The most owners on a page, and more pages than an account has.
const OWNERS_MAX: u16 = 100;
const PAGES_MAX: usize = 1_000;

/// What HubSpot's own stages stand for, where no configuration says otherwise.
const STAGES: [(&str, &str); 7] = [
    ("appointmentscheduled", "new"),
    ("qualifiedtobuy", "qualified"),
    ("presentationscheduled", "proposal"),
    ("decisionmakerboughtin", "proposal"),
    ("contractsent", "proposal"),
    ("closedwon", "closed_won"),
    ("closedlost", "closed_lost"),
];

/// Which users are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Users {
    Active,
    Former,
}

/// When a part of the directory was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadAt {
    pub(crate) owners: Option<Timestamp>,
    /// The users who left.
    pub(crate) former: Option<Timestamp>,
    pub(crate) pipelines: Option<Timestamp>,
}

impl HubSpot {
    /// Returns what is known of the account, its users among it. Without the right to read them
    /// there are none.
    pub(crate) async fn with_owners(&self) -> Result<Arc<Metadata>> {
        let now = self.client.clock().now();
        if self.read_at().owners.is_some_and(|at| now.duration_since(at) < KEPT) {
            return Ok(self.metadata());
        }
        let owners = match self.owners(Users::Active).await {
            Ok(owners) => Some(owners),
            Err(error) if *error.kind() == ErrorKind::Forbidden => {
                tracing::warn!(%error, "owners cannot be read and take no part");
                None
            }
            Err(error) => return Err(error),
        };
        Ok(self.learn_metadata(|metadata, at| {
            (metadata.owners, at.owners, at.former) = (owners, Some(now), None);
        }))
    }

    /// Does the same, and adds the users who left: they are asked for where an id or an address
    /// is nobody's.
    pub(crate) async fn with_former_owners(&self) -> Result<Arc<Metadata>> {
        let metadata = self.with_owners().await?;
        if metadata.owners.is_none() || self.read_at().former.is_some() {
            return Ok(metadata);
        }
        let former = self.owners(Users::Former).await?;
        let now = self.client.clock().now();
        Ok(self.learn_metadata(|metadata, at| {
            metadata.owners.get_or_insert_default().extend(former);
            at.former = Some(now);
        }))
    }

    /// Returns what is known of the account, its pipelines among it.
    pub(crate) async fn with_pipelines(&self) -> Result<Arc<Metadata>> {
        let now = self.client.clock().now();
        if self.read_at().pipelines.is_some_and(|at| now.duration_since(at) < KEPT) {
            return Ok(self.metadata());
        }
        let path = format!("/crm/pipelines/{API_VERSION}/deals");
        let request = Request::get(Operation::Metadata, path).endpoint("GET /crm/pipelines/deals");
        let rows: Named<PipelineRow> = self.list_of(request).await?;
        let alive = rows.results.into_iter().filter(|row| !row.archived);
        let pipelines = alive.map(|row| pipeline(row, self.stages())).collect();
        Ok(self.learn_metadata(|metadata, at| {
            (metadata.pipelines, at.pipelines) = (Some(pipelines), Some(now));
        }))
    }

    async fn owners(&self, users: Users) -> Result<Vec<Owner>> {
        let (mut owners, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let path = format!("/crm/owners/{API_VERSION}");
            let request = Request::get(Operation::Metadata, path)
                .endpoint("GET /crm/owners")
                .query("limit", OWNERS_MAX)
                .query("archived", users == Users::Former);
            let request = match &after {
                Some(after) => request.query("after", after),
                None => request,
            };
            let page: Named<OwnerRow> = self.list_of(request).await?;
            after = page.after();
            // A queue has no address, and nothing here could name it.
            owners.extend(page.results.into_iter().filter_map(|row| {
                let email = normal::email(row.email.as_deref()?).as_ref().into();
                Some(Owner { id: row.id.into(), email, active: !row.archived })
            }));
            if after.is_none() {
                break;
            }
        }
        Ok(owners)
    }

    /// Reads a page of definitions.
    pub(crate) async fn list_of<T>(&self, request: Request) -> Result<Named<T>>
    where
        T: DeserializeOwned + Send,
    {
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        self.client.fetch(request, &classify, |reply: &Reply| reply.json()).await
    }

    /// Returns the id of the owner with an address, or the refusal of a value for the field.
    pub(crate) async fn owner_id(&self, email: &str) -> Result<Arc<str>> {
        let key = normal::email(email);
        let mut metadata = self.with_owners().await?;
        if metadata.owner_of(&key).is_none() {
            metadata = self.with_former_owners().await?;
        }
        let refuse = |message: String| {
            let kind = ErrorKind::Validation { field: Some(crm_core::Field::OWNER) };
            Err(ProviderError::new(kind, message).with_operation(Operation::Apply))
        };
        let mut known = metadata.owners.iter().flatten().filter(|owner| *owner.email == *key);
        match (known.clone().find(|owner| owner.active), known.next()) {
            (Some(owner), _) => Ok(Arc::clone(&owner.id)),
            (None, Some(_)) => refuse(format!("the owner {key} is no longer active in HubSpot")),
            (None, None) => refuse(format!("HubSpot has no owner with the address {key}")),
        }
    }
}

/// Returns a pipeline with what its stages stand for.
fn pipeline(row: PipelineRow, configured: &BTreeMap<String, String>) -> Pipeline {
    let alive = row.stages.into_iter().filter(|stage| !stage.archived);
    let stages = alive.map(|stage| Stage {
        ours: ours(&stage, configured).map(Into::into),
        id: stage.id.into(),
        label: stage.label.into(),
    });
    Pipeline { id: row.id.into(), label: row.label.into(), stages: stages.collect() }
}

/// Returns which of our stages one stands for: as configured by id or name, as HubSpot's own
/// stages do, or as a closed stage says of itself.
fn ours<'a>(stage: &StageRow, configured: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let by_wish = configured.get(&stage.id).or_else(|| configured.get(&stage.label));
    if let Some(ours) = by_wish {
        return Some(ours);
    }
    if let Some((_, ours)) = STAGES.iter().find(|(id, _)| *id == stage.id) {
        return Some(ours);
    }
    let says = |name: &str| match stage.metadata.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    if says("isClosed") != "true" {
        return None;
    }
    let probability = normal::decimal(&says("probability"))?;
    Some(if probability.is_zero() { "closed_lost" } else { "closed_won" })
}
