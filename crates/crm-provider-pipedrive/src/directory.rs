//! What the company is set up with, read when it is first needed and kept for six hours: the codes of
//! its own fields, who can own a record, and which stage stands for which of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    ErrorKind, Field, Metadata, ObjectKind, Operation, Owner, Pipeline, ProviderError, Result,
    Stage, normal,
};
use crm_http::{Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use crate::Pipedrive;
use crate::error::classify;
use crate::wire::{FieldRow, One, Page, PipelineRow, StageRow, UserRow};

/// How long what was read is taken to hold.
const KEPT: SignedDuration = SignedDuration::from_hours(6);
/// How soon the users are asked for again where one is unknown.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// More pages than there are definitions.
const PAGES_MAX: usize = 100;
const ROWS_MAX: u16 = 500;
/// A deal that is won or lost is in no stage for us.
pub(crate) const WON: &str = "won";
pub(crate) const LOST: &str = "lost";

/// What the stages of a new company stand for, where no configuration says otherwise.
const STAGES: [(&str, &str); 6] = [
    ("Lead In", "new"),
    ("Qualified", "new"),
    ("Contact Made", "qualified"),
    ("Demo Scheduled", "qualified"),
    ("Proposal Made", "proposal"),
    ("Negotiations Started", "proposal"),
];

/// The codes of the company's own fields, by label.
pub(crate) type Codes = BTreeMap<String, String>;

/// When a part of the directory was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadAt {
    pub(crate) owners: Option<Timestamp>,
    pub(crate) pipelines: Option<Timestamp>,
}

impl Pipedrive {
    /// Returns the codes of the company's own fields of a kind.
    pub(crate) async fn codes(&self, kind: ObjectKind) -> Result<Arc<Codes>> {
        let Some(path) = fields_path(kind) else { return Ok(Arc::default()) };
        let now = self.client.clock().now();
        if let Some(codes) = self.known_codes(kind, now, KEPT) {
            return Ok(codes);
        }
        let rows: Vec<FieldRow> = self.list_of(path, 10).await?;
        let own = rows.into_iter().filter(|row| row.is_custom_field);
        let codes = own.map(|row| (row.field_name, row.field_code)).collect();
        Ok(self.learn_codes(kind, now, codes))
    }

    /// Returns what is known of the company, its users among it.
    pub(crate) async fn with_owners(&self) -> Result<Arc<Metadata>> {
        let now = self.client.clock().now();
        if self.read_at().owners.is_some_and(|at| now.duration_since(at) < KEPT) {
            return Ok(self.metadata());
        }
        let request =
            Request::get(Operation::Metadata, "/api/v1/users").endpoint("GET /v1/users").cost(20);
        let read = |reply: &Reply| Ok(reply.json::<One<Vec<UserRow>>>()?.data);
        let rows = self.client.fetch(request, &plain, read).await?;
        let owners = rows.into_iter().filter_map(|row| {
            let email = normal::email(row.email.as_deref()?).as_ref().into();
            Some(Owner { id: row.id.to_string().into(), email, active: row.active_flag })
        });
        let owners = owners.collect();
        Ok(self.learn_metadata(|metadata, at| {
            (metadata.owners, at.owners) = (Some(owners), Some(now));
        }))
    }

    /// Does the same; where one of these users is unknown they are asked for anew, not too often.
    pub(crate) async fn with_owners_of(
        &self,
        ids: impl Iterator<Item = &str> + Send,
    ) -> Result<Arc<Metadata>> {
        let metadata = self.with_owners().await?;
        let unknown = ids.filter(|id| metadata.owner(id).is_none()).count() > 0;
        let now = self.client.clock().now();
        let old = |at: Timestamp| now.duration_since(at) >= ASKED_AGAIN;
        if unknown && self.read_at().owners.is_some_and(old) {
            self.learn_metadata(|_, at| at.owners = None);
            return self.with_owners().await;
        }
        Ok(metadata)
    }

    /// Returns what is known of the company, its pipelines among it.
    pub(crate) async fn with_pipelines(&self) -> Result<Arc<Metadata>> {
        let now = self.client.clock().now();
        if self.read_at().pipelines.is_some_and(|at| now.duration_since(at) < KEPT) {
            return Ok(self.metadata());
        }
        let rows: Vec<PipelineRow> = self.list_of("pipelines", 5).await?;
        let stages: Vec<StageRow> = self.list_of("stages", 5).await?;
        let alive = rows.into_iter().filter(|row| !row.is_deleted);
        let pipelines = alive.map(|row| pipeline(row, &stages, self.stages())).collect();
        Ok(self.learn_metadata(|metadata, at| {
            (metadata.pipelines, at.pipelines) = (Some(pipelines), Some(now));
        }))
    }

    /// Reads all definitions of a path.
    pub(crate) async fn list_of<T>(&self, path: &str, cost: u32) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send,
    {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = Request::get(Operation::Metadata, format!("/api/v2/{path}"))
                .endpoint(format!("GET /v2/{path}"))
                .cost(cost)
                .query("limit", ROWS_MAX);
            let request = match &cursor {
                Some(cursor) => request.query("cursor", cursor),
                None => request,
            };
            let read = |reply: &Reply| Ok(reply.json::<Page<T>>()?.split());
            let (rows, next): (Vec<T>, Option<String>) =
                self.client.fetch(request, &plain, read).await?;
            all.extend(rows);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Returns the id of the user with an address, or the refusal of a value for the field.
    pub(crate) async fn owner_id(&self, email: &str) -> Result<u64> {
        let key = normal::email(email);
        let metadata = self.with_owners().await?;
        let refuse = |message: String| {
            let kind = ErrorKind::Validation { field: Some(Field::OWNER) };
            Err(ProviderError::new(kind, message).with_operation(Operation::Apply))
        };
        let mut known = metadata.owners.iter().flatten().filter(|owner| *owner.email == *key);
        match (known.clone().find(|owner| owner.active), known.next()) {
            (Some(owner), _) => owner
                .id
                .parse()
                .or_else(|_error| refuse(format!("the user {key} has no id that can be written"))),
            (None, Some(_)) => refuse(format!("the user {key} is no longer active in Pipedrive")),
            (None, None) => refuse(format!("Pipedrive has no user with the address {key}")),
        }
    }
}

/// Returns where the fields of a kind are defined, if it can have fields of the company's own.
pub(crate) const fn fields_path(kind: ObjectKind) -> Option<&'static str> {
    match kind {
        ObjectKind::Company => Some("organizationFields"),
        ObjectKind::Contact => Some("personFields"),
        ObjectKind::Deal => Some("dealFields"),
        ObjectKind::Activity => None,
    }
}

/// Reads a failure that concerns no record.
pub(crate) fn plain(failure: &Failure<'_>) -> crm_http::Verdict {
    classify(&[], failure)
}

/// Returns a pipeline with what its stages stand for; the two ends are stages for us.
fn pipeline(
    row: PipelineRow,
    stages: &[StageRow],
    configured: &BTreeMap<String, String>,
) -> Pipeline {
    let own = stages.iter().filter(|stage| stage.pipeline_id == row.id && !stage.is_deleted);
    let own = own.map(|stage| {
        let id = stage.id.to_string();
        let by_wish = configured.get(&id).or_else(|| configured.get(&stage.name));
        let usual = STAGES.iter().find(|(name, _)| *name == stage.name).map(|(_, ours)| *ours);
        let ours = by_wish.map(String::as_str).or(usual).map(Into::into);
        Stage { id: id.into(), label: stage.name.as_str().into(), ours }
    });
    let ends = [(WON, "Won", "closed_won"), (LOST, "Lost", "closed_lost")];
    let ends = ends.map(|(id, label, ours)| Stage {
        id: id.into(),
        label: label.into(),
        ours: Some(ours.into()),
    });
    let stages = own.chain(ends).collect();
    Pipeline { id: row.id.to_string().into(), label: row.name.into(), stages }
}
