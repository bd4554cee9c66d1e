//! The survey of an org: fields of its modules, users, pipelines and currencies. One request for
//! each module, one for users, two for pipelines; one more where there are several currencies.

use std::sync::Arc;

use crm_core::{
    Capabilities, ErrorKind, Finding, Metadata, ObjectKind, Operation, Owner, Pipeline,
    Provider as _, Result, normal, stages as ours,
};
use crm_http::{Failure, Reply, Request, chunk};
use http::StatusCode;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::Zoho;
use crate::error::Reading;
use crate::findings::{self, Descriptions};
use crate::read::CONCURRENCY;
use crate::stages;
use crate::translate::STAGE;
use crate::wire::{Choice, Currencies, FieldList, Layouts, Pipelines, UserRow, Users};

/// An org of more users than that is not read to its end: their records keep their owners.
const USER_PAGES_MAX: usize = 50;

/// What a survey showed.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    pub(crate) at: Timestamp,
    pub(crate) findings: Vec<Finding>,
    /// The kinds without our unique field.
    pub(crate) without_uid: Vec<ObjectKind>,
}

impl Zoho {
    /// Surveys the org and remembers what it showed.
    pub(crate) async fn survey(&self) -> Result<Survey> {
        let at = self.client.clock().now();
        let mut capabilities = Capabilities::clone(&self.capabilities());
        let wanted = capabilities.objects.iter().filter(|object| self.takes_part(object.kind));
        let modules: Vec<&'static str> =
            wanted.flat_map(|object| object.mappings().map(|mapping| mapping.remote)).collect();
        let described = chunk::read(&modules, 1, CONCURRENCY, |names| self.described(names));
        let known: Descriptions = modules
            .iter()
            .copied()
            .zip(described.await?)
            .filter_map(|(n, d)| Some((n, d?)))
            .collect();
        let (mut found, mut without_uid) = (Vec::new(), Vec::new());
        let mut metadata = Metadata::default();
        for object in &mut capabilities.objects {
            if !self.takes_part(object.kind) {
                continue;
            }
            object.suspended = findings::suspended(object, &known);
            found.extend(findings::examine(object, &known));
            metadata.fields.extend(findings::facts(object, &known));
            if !findings::has_uid(object, &known) {
                without_uid.push(object.kind);
            }
        }
        if let Some(fields) = known.get("Deals") {
            let picklist = fields.iter().find(|field| field.api_name == STAGE);
            let picklist = picklist.map(|field| field.pick_list_values.clone());
            let pipelines = self.pipelines(picklist.unwrap_or_default()).await?;
            found.extend(ours::findings(self.id(), &pipelines));
            metadata.pipelines = Some(pipelines);
        }
        metadata.owners = Some(self.owners().await?);
        if findings::has_currencies(&known) {
            metadata.currencies = Some(self.currencies().await?);
        }
        capabilities.metadata = Arc::new(metadata);
        found.sort_by_key(|finding| !finding.blocking);
        let survey = Survey { at, findings: found, without_uid };
        self.learn(capabilities, survey.clone());
        Ok(survey)
    }

    /// Reads the fields of modules; none of one that the user may not see.
    async fn described(
        &self,
        names: &[&'static str],
    ) -> Result<Vec<Option<Vec<crate::wire::FieldRow>>>> {
        let mut described = Vec::new();
        for name in names {
            let request = self.ask("settings/fields").query("module", *name);
            described.push(match self.told::<FieldList>(request).await {
                Ok(list) => Some(list.fields),
                Err(error) if is_hidden(&error) => None,
                Err(error) => return Err(error),
            });
        }
        Ok(described)
    }

    /// The picklist of stages knows all of them; pipelines know which belong together. An org
    /// without pipelines, or that does not show its layouts, has one.
    async fn pipelines(&self, picklist: Vec<Choice>) -> Result<Vec<Pipeline>> {
        let layouts = self.ask("settings/layouts").query("module", "Deals");
        let rows = match self.told::<Layouts>(layouts).await {
            Ok(list) => match list.layouts.into_iter().next() {
                Some(layout) => {
                    let request = self.ask("settings/pipeline").query("layout_id", layout.id);
                    match self.told::<Pipelines>(request).await {
                        Ok(found) => found.pipeline,
                        Err(error) if is_hidden(&error) => Vec::new(),
                        Err(error) => return Err(error),
                    }
                }
                None => Vec::new(),
            },
            Err(error) if is_hidden(&error) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(stages::pipelines(&self.stages, rows, picklist))
    }

    async fn owners(&self) -> Result<Vec<Owner>> {
        // The newest description of the interface has no list of all users; the answers do.
        let rows = match self.users("AllUsers").await {
            Err(error) if error.status() == Some(400) => self.users("ActiveUsers").await?,
            answer => answer?,
        };
        let owner = |row: UserRow| {
            let email = normal::email(row.email.as_deref()?).into_owned();
            let active = row.status == "active";
            Some(Owner { id: row.id.as_str().into(), email: email.as_str().into(), active })
        };
        let mut owners: Vec<Owner> = rows.into_iter().filter_map(owner).collect();
        // An address that several users have means the one who can be given something.
        owners.sort_by(|one, other| (!one.active, &one.id).cmp(&(!other.active, &other.id)));
        Ok(owners)
    }

    async fn users(&self, which: &str) -> Result<Vec<UserRow>> {
        let mut rows = Vec::new();
        for page in 1..=USER_PAGES_MAX {
            let request = self.ask("users").query("type", which).query("page", page);
            let found: Users = self.told(request.query("per_page", 200)).await?;
            rows.extend(found.users);
            if !found.info.more_records {
                break;
            }
        }
        Ok(rows)
    }

    async fn currencies(&self) -> Result<Vec<Arc<str>>> {
        let found: Currencies = self.told(self.ask("org/currencies")).await?;
        let active = found.currencies.into_iter().filter(|row| row.is_active != Some(false));
        Ok(active.map(|row| row.iso_code.as_str().into()).collect())
    }

    fn ask(&self, path: &str) -> Request {
        let path = self.path(path);
        Request::get(Operation::Metadata, path.as_str()).endpoint(format!("GET {path}"))
    }

    /// Reads an answer; one without content is empty.
    async fn told<T: DeserializeOwned + Default + Send>(&self, request: Request) -> Result<T> {
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let read = |reply: &Reply| {
            if reply.status() == StatusCode::NO_CONTENT { Ok(T::default()) } else { reply.json() }
        };
        self.client.fetch(request, &classify, read).await
    }
}

/// Returns whether something is not shown to this user, which is no reason to stop.
fn is_hidden(error: &crm_core::ProviderError) -> bool {
    let by_code = matches!(error.code(), Some("INVALID_MODULE" | "NO_PERMISSION"));
    by_code || *error.kind() == ErrorKind::NotFound
}
