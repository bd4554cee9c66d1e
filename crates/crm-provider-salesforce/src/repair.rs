//! Making the fields that the org lacks, and letting the user see them.

use crm_core::mapping::Row;
use crm_core::{ErrorKind, Finding, Mapping, Operation, ProviderError, Repair, Result};
use crm_http::{Failure, Reply, Request};

use crate::Salesforce;
use crate::error::Reading;
use crate::soql::{Filter, Literal, Select};
use crate::table::Table;
use crate::wire::{FieldMetadata, FieldPermission, NewField, Page, UserInfo};

/// A uid is a UUID in its usual spelling.
const UID_LENGTH: u16 = 36;
const UID_LABEL: &str = "CRM sync id";
const UID_DOC: &str = "Names the record in the synchronisation of CRMs. Do not change it.";
const TEXT_DOC: &str = "Kept in step by the synchronisation of CRMs.";
const COMPANY_LABEL: &str = "Company (text)";

impl Salesforce {
    /// Makes the field that a finding says is missing, and lets the user see and edit it.
    pub(crate) async fn mend(&self, finding: &Finding) -> Result<()> {
        let tables = self.tables(finding.kind)?;
        let mappings: Vec<&Mapping> = tables.iter().flat_map(Table::mappings).copied().collect();
        let (name, metadata) = match &finding.repair {
            Some(Repair::UidField) => {
                let unique = tables.first().is_some_and(|table| table.capability.unique_key);
                let name = mappings.iter().find_map(|mapping| mapping.uid);
                (name.ok_or_else(no_repair)?, uid_field(unique))
            }
            Some(Repair::Field(name)) => {
                let mut rules = mappings.iter().filter_map(|map| map.rule_of_remote(name));
                let rule = rules.find(|rule| rule.custom).ok_or_else(no_repair)?;
                (rule.remote, text_field(rule.length_max))
            }
            None => return Err(no_repair()),
        };
        let place = place(&tables);
        let clicks = |error| with_clicks(error, place, name, &metadata);
        self.make(place, name, &metadata).await.map_err(clicks)?;
        for table in &tables {
            self.show(table.object, name).await.map_err(clicks)?;
        }
        // What was known of the org no longer holds.
        self.survey().await.map(drop)
    }

    async fn make(&self, place: &str, name: &str, metadata: &FieldMetadata) -> Result<()> {
        let path = self.path("/tooling/sobjects/CustomField").await?;
        let request = Request::post(Operation::Metadata, path)
            .endpoint("POST /tooling/sobjects/CustomField")
            .json(&NewField { full_name: full_name(place, name), metadata });
        match self.client.send(request, &classify).await {
            Ok(_) => Ok(()),
            // It is there but hidden, or the answer to an earlier attempt was lost.
            Err(error) if is_there(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A new field is hidden from everybody until a permission set shows it. The user's profile
    /// has one of its own.
    async fn show(&self, object: &'static str, name: &str) -> Result<()> {
        let parent_id = self.permission_set().await?;
        let path = self.path("/sobjects/FieldPermissions").await?;
        let request = Request::post(Operation::Metadata, path)
            .endpoint("POST /sobjects/FieldPermissions")
            .json(&FieldPermission {
                parent_id: &parent_id,
                sobject_type: object,
                field: full_name(object, name),
                permissions_read: true,
                permissions_edit: true,
            });
        match self.client.send(request, &classify).await {
            Ok(_) => Ok(()),
            Err(error) if is_there(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn permission_set(&self) -> Result<String> {
        let request = Request::get(Operation::Metadata, "/services/oauth2/userinfo");
        let read = |reply: &Reply| reply.json::<UserInfo>();
        let user = self.client.fetch(request, &classify, read).await?;
        let select = Select {
            fields: &["PermissionSetId"],
            from: "PermissionSetAssignment",
            filter: Some(Filter::All(vec![
                Filter::Is("AssigneeId", Literal::text(user.user_id)),
                Filter::Is("PermissionSet.IsOwnedByProfile", Literal::True),
            ])),
            order_by: &[],
            limit: Some(1),
        };
        let request = Request::get(Operation::Metadata, self.path("/query").await?)
            .endpoint("GET /query PermissionSetAssignment")
            .query("q", select);
        let read = |reply: &Reply| {
            let page: Page<'_> = reply.json()?;
            let id = page.records.first().and_then(|row: &Row<'_>| row.text("PermissionSetId"));
            Ok(id.map(str::to_owned))
        };
        let found = self.client.fetch(request, &classify, read).await?;
        found.ok_or_else(|| {
            ProviderError::new(ErrorKind::Forbidden, "the user's profile cannot be changed")
        })
    }
}

fn classify(failure: &Failure<'_>) -> crm_http::Verdict {
    Reading::default().classify(failure)
}

/// Returns where fields of a kind are defined: those of tasks and events on the type behind both.
fn place(tables: &[Table]) -> &'static str {
    match tables {
        [only] => only.object,
        _ => "Activity",
    }
}

fn full_name(object: &str, name: &str) -> String {
    format!("{object}.{name}")
}

fn is_there(error: &ProviderError) -> bool {
    matches!(error.code(), Some("DUPLICATE_DEVELOPER_NAME" | "DUPLICATE_VALUE"))
}

/// Fields of activities cannot be unique.
const fn uid_field(unique: bool) -> FieldMetadata {
    FieldMetadata {
        label: UID_LABEL,
        description: UID_DOC,
        ty: "Text",
        length: UID_LENGTH,
        required: false,
        external_id: unique,
        unique,
        case_sensitive: if unique { Some(false) } else { None },
    }
}

fn text_field(length_max: Option<u16>) -> FieldMetadata {
    FieldMetadata {
        label: COMPANY_LABEL,
        description: TEXT_DOC,
        ty: "Text",
        length: length_max.unwrap_or(255),
        required: false,
        external_id: false,
        unique: false,
        case_sensitive: None,
    }
}

fn no_repair() -> ProviderError {
    ProviderError::unsupported("making this field")
}

/// Says how a person makes the field, where the user lacks the right.
fn with_clicks(
    error: ProviderError,
    place: &str,
    name: &str,
    metadata: &FieldMetadata,
) -> ProviderError {
    let lacks_right = matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound)
        || error.code().is_some_and(|code| code.starts_with("INSUFFICIENT_ACCESS"));
    if !lacks_right {
        return error;
    }
    let unique = if metadata.unique { ", tick Unique and External ID" } else { "" };
    let short = name.trim_end_matches("__c");
    error.with_hint(format!(
        "ask an administrator: Setup, Object Manager, {}, Fields & Relationships, New, Text, \
         label {}, length {}, name {short}{unique}; then make it visible and editable for the \
         profile of the user, and run `crm check`",
        place, metadata.label, metadata.length,
    ))
}
