//! What the account is set up with, read when it is first needed and kept for hours: its users,
//! whose tasks must be asked for by name, its stages, and its currencies.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    ErrorKind, Metadata, Operation, Owner, Pipeline, ProviderError, Result, Stage, normal,
};
use crm_http::{Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use crate::Salesflare;
use crate::error::Reading;
use crate::wire::{CurrencyRow, PipelineRow, StageRow, UserRow};

/// How long what was read is taken to hold.
const KEPT: SignedDuration = SignedDuration::from_hours(4);
/// The most users on a page, and more pages than an account has.
const USERS_MAX: usize = 100;
const PAGES_MAX: usize = 1_000;
/// What the stages of a new account stand for, where no configuration says otherwise.
const STAGES: [(&str, &str); 5] = [
    ("lead", "new"),
    ("contacted", "new"),
    ("qualified", "qualified"),
    ("proposal made", "proposal"),
    ("proposal", "proposal"),
];

/// When a part of the directory was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadAt {
    pub(crate) owners: Option<Timestamp>,
    pub(crate) pipelines: Option<Timestamp>,
    pub(crate) currencies: Option<Timestamp>,
}

impl Salesflare {
    /// Returns what is known of the account, its users among it, those who left too.
    pub(crate) async fn with_owners(&self) -> Result<Arc<Metadata>> {
        let now = self.client.clock().now();
        if self.read_at().owners.is_some_and(|at| now.duration_since(at) < KEPT) {
            return Ok(self.metadata());
        }
        let mut owners = Vec::new();
        for page in 0..PAGES_MAX {
            let request = Request::get(Operation::Metadata, "/users")
                .query("limit", USERS_MAX)
                .query("offset", page * USERS_MAX);
            let rows: Vec<UserRow> = self.list_of(request).await?;
            let more = rows.len() >= USERS_MAX;
            owners.extend(rows.into_iter().map(|row| Owner {
                id: row.id.to_string().into(),
                email: normal::email(row.email.as_deref().unwrap_or_default()).as_ref().into(),
                active: !row.disabled,
            }));
            if !more {
                break;
            }
        }
        Ok(self.learn_metadata(|metadata, at| {
            (metadata.owners, at.owners) = (Some(owners), Some(now));
        }))
    }

    /// Returns what is known of the account, its pipelines among it.
    pub(crate) async fn with_pipelines(&self) -> Result<Arc<Metadata>> {
        let now = self.client.clock().now();
        if self.read_at().pipelines.is_some_and(|at| now.duration_since(at) < KEPT) {
            return Ok(self.metadata());
        }
        let request = Request::get(Operation::Metadata, "/pipelines");
        let rows: Vec<PipelineRow> = self.list_of(request).await?;
        let alive = rows.into_iter().filter(|row| !row.archived);
        let pipelines = alive.map(|row| pipeline(row, self.stages())).collect();
        Ok(self.learn_metadata(|metadata, at| {
            (metadata.pipelines, at.pipelines) = (Some(pipelines), Some(now));
        }))
    }

    /// Returns what is known of the account, its currencies among it: `EUR` and its number.
    pub(crate) async fn with_currencies(&self) -> Result<Arc<BTreeMap<String, i64>>> {
        let now = self.client.clock().now();
        if self.read_at().currencies.is_some_and(|at| now.duration_since(at) < KEPT) {
            return Ok(self.currencies());
        }
        let request = Request::get(Operation::Metadata, "/currencies");
        let rows: Vec<CurrencyRow> = self.list_of(request).await?;
        let numbers = rows.into_iter().map(|row| (row.iso, row.id)).collect();
        let numbers: Arc<BTreeMap<String, i64>> = Arc::new(numbers);
        self.learn_currencies(Arc::clone(&numbers));
        self.learn_metadata(|metadata, at| {
            let codes = numbers.keys().map(|code| code.as_str().into());
            (metadata.currencies, at.currencies) = (Some(codes.collect()), Some(now));
        });
        Ok(numbers)
    }

    /// Reads a list of definitions.
    pub(crate) async fn list_of<T>(&self, request: Request) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send,
    {
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        self.client.fetch(request, &classify, |reply: &Reply| reply.json()).await
    }

    /// Returns the id of the user with an address, or the refusal of a value for the field.
    pub(crate) async fn owner_id(&self, email: &str) -> Result<i64> {
        let key = normal::email(email);
        let metadata = self.with_owners().await?;
        let refuse = |message: String| {
            let kind = ErrorKind::Validation { field: Some(crm_core::Field::OWNER) };
            Err(ProviderError::new(kind, message).with_operation(Operation::Apply))
        };
        let mut known = metadata.owners.iter().flatten().filter(|owner| *owner.email == *key);
        match (known.clone().find(|owner| owner.active), known.next()) {
            (Some(owner), _) => match owner.id.parse() {
                Ok(id) => Ok(id),
                Err(_) => refuse(format!("the user {key} has no number in Salesflare")),
            },
            (None, Some(_)) => refuse(format!("the user {key} is disabled in Salesflare")),
            (None, None) => refuse(format!("Salesflare has no user with the address {key}")),
        }
    }
}

/// Returns a pipeline with what its stages stand for.
fn pipeline(row: PipelineRow, configured: &BTreeMap<String, String>) -> Pipeline {
    let mut stages = row.stages;
    stages.sort_by_key(|stage| stage.order.unwrap_or(i64::MAX));
    let stages = stages.into_iter().map(|stage| Stage {
        ours: ours(&stage, configured).map(Into::into),
        id: stage.id.to_string().into(),
        label: stage.name.into(),
    });
    Pipeline { id: row.id.to_string().into(), label: row.name.into(), stages: stages.collect() }
}

/// Returns which of our stages one stands for: as configured by id or name, as the fixed stages of
/// every pipeline do, or as a new account names its own.
fn ours<'a>(stage: &StageRow, configured: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let by_wish = configured.get(&stage.id.to_string()).or_else(|| configured.get(&stage.name));
    if let Some(ours) = by_wish {
        return Some(ours);
    }
    match stage.fixed_stage {
        Some(1) => return Some("closed_won"),
        Some(2) => return Some("closed_lost"),
        Some(_) | None => {}
    }
    let name = stage.name.trim().to_lowercase();
    STAGES.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}
