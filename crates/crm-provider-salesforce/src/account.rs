//! The org: which version it speaks, which fields it has, and making those that it lacks.

use std::sync::Arc;

use crm_core::{
    Account, Capabilities, ErrorKind, Field, Finding, ObjectCapability, Operation, Provider as _,
    ProviderError, Repair, Result,
};
use crm_http::{Failure, Reply, Request};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::API_VERSION;
use crate::Salesforce;
use crate::error::Reading;
use crate::table::Table;
use crate::wire::{Describe, DescribedField, Query, Release};

impl Salesforce {
    /// Asks which version the org speaks and which fields each kind has.
    pub(crate) async fn account(&self) -> Result<Account> {
        let (version, now) = self.negotiate().await?;
        let mut capabilities = Capabilities::clone(&self.capabilities());
        self.learn(capabilities.clone(), version.clone());
        let mut findings = Vec::new();
        for object in &mut capabilities.objects {
            let fields = self.describe(object).await?;
            object.suspended = missing(object, &fields);
            findings.extend(examine(object, &fields));
        }
        findings.sort_by_key(|finding| !finding.blocking);
        self.learn(capabilities, version.clone());
        Ok(Account {
            name: format!("Salesforce org at {}", self.host),
            api_version: format!("v{version}"),
            now,
            findings,
        })
    }

    /// Takes the newest version that we and the org both know.
    async fn negotiate(&self) -> Result<(String, Timestamp)> {
        let request = Request::get(Operation::Probe, "/services/data");
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let read = |reply: &Reply| {
            let now = reply.date();
            let now = now.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            Ok((reply.json::<Vec<Release>>()?, now))
        };
        let (offered, now) = self.client.fetch(request, &classify, read).await?;
        let ours = number(API_VERSION);
        let known = offered.into_iter().filter(|release| number(&release.version) <= ours);
        let newest = known.max_by_key(|release| number(&release.version));
        let newest = newest.ok_or_else(|| {
            ProviderError::new(ErrorKind::Permanent, "the org speaks no version that we know")
                .with_hint("check SALESFORCE_INSTANCE_URL")
        })?;
        Ok((newest.version, now))
    }

    async fn describe(&self, object: &ObjectCapability) -> Result<Vec<DescribedField>> {
        let path = format!("/sobjects/{}/describe", object.mapping.remote);
        let request = self.get_request(Operation::Metadata, &path);
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let read = |reply: &Reply| Ok(reply.json::<Describe>()?.fields);
        self.client.fetch(request, &classify, read).await
    }

    /// Makes a field, and lets the profiles of administrators see it.
    pub(crate) async fn mend(&self, finding: &Finding) -> Result<()> {
        let table = self.table(finding.kind)?;
        let (name, metadata) = match (&finding.repair, table.mapping().uid) {
            (Some(Repair::UidField), Some(name)) => (
                name,
                json!({ "label": "CRM sync id", "type": "Text", "length": 36, "externalId": true,
                        "unique": true, "caseSensitive": false,
                        "description": "Names the record in the synchronisation of CRMs." }),
            ),
            (Some(Repair::Field(name)), _) => {
                let rule = table.mapping().rule_of_remote(name).filter(|rule| rule.custom);
                let length = rule.and_then(|rule| rule.length_max);
                let length =
                    length.ok_or_else(|| ProviderError::unsupported("making this field"))?;
                (*name, json!({ "label": "Company", "type": "Text", "length": length }))
            }
            (Some(Repair::UidField) | None, _) => {
                return Err(ProviderError::unsupported("making this field"));
            }
        };
        self.create_field(&table, name, &metadata).await.map_err(|error| by_hand(error, name))?;
        self.permit(&table, name).await
    }

    async fn create_field(&self, table: &Table, name: &str, metadata: &Value) -> Result<()> {
        let path = "/tooling/sobjects/CustomField";
        let full_name = format!("{}.{name}", table.mapping().remote);
        let request = Request::post(Operation::Metadata, self.path(path))
            .endpoint(format!("POST {path}"))
            .json(&json!({ "FullName": full_name, "Metadata": metadata }));
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        match self.client.send(request, &classify).await {
            Ok(_) => Ok(()),
            // Somebody was faster, or the answer to an earlier attempt was lost.
            Err(error) if error.code() == Some("DUPLICATE_DEVELOPER_NAME") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A field made over the API is hidden from everybody until a permission set shows it.
    async fn permit(&self, table: &Table, name: &str) -> Result<()> {
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let sets = "SELECT Id FROM PermissionSet WHERE IsOwnedByProfile = true LIMIT 50";
        let request = self
            .get_request(Operation::Metadata, "/query")
            .endpoint("GET /query PermissionSet")
            .query("q", sets);
        let read = |reply: &Reply| {
            let answer: Query<'_> = reply.json()?;
            let ids = answer.records.iter().filter_map(|row| row.text("Id").map(str::to_owned));
            Ok(ids.collect::<Vec<_>>())
        };
        let sets = self.client.fetch(request, &classify, read).await?;
        let remote = table.mapping().remote;
        for parent in sets {
            let body = json!({ "ParentId": parent, "SobjectType": remote,
                               "Field": format!("{remote}.{name}"),
                               "PermissionsRead": true, "PermissionsEdit": true });
            let path = "/sobjects/FieldPermissions";
            let request = Request::post(Operation::Metadata, self.path(path))
                .endpoint(format!("POST {path}"))
                .json(&body);
            if let Err(error) = self.client.send(request, &classify).await {
                // Some profiles cannot be given a field; what counts is whether ours sees it,
                // which the next probe tells.
                tracing::debug!(%error, "a profile was not given the field");
            }
        }
        Ok(())
    }
}

fn by_hand(error: ProviderError, name: &str) -> ProviderError {
    let kind = match name {
        "Crm_Sync_Uid__c" => "Text, length 36, External ID, Unique",
        _ => "Text, length 255",
    };
    error.with_hint(format!(
        "create it by hand: Setup, Object Manager, Contact, Fields & Relationships, New: {kind}, \
         field name {}; then make it visible for the app's user",
        name.trim_end_matches("__c")
    ))
}

fn number(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default()
}

fn field<'f>(fields: &'f [DescribedField], name: &str) -> Option<&'f DescribedField> {
    fields.iter().find(|field| field.name == name)
}

fn missing(object: &ObjectCapability, fields: &[DescribedField]) -> Arc<[Field]> {
    let lacking = object.mapping.rules.iter().filter(|rule| field(fields, rule.remote).is_none());
    lacking.map(|rule| rule.field).collect()
}

fn examine(object: &ObjectCapability, fields: &[DescribedField]) -> Vec<Finding> {
    let kind = object.kind;
    let mut findings = Vec::new();
    if let Some(name) = object.mapping.uid {
        match field(fields, name) {
            Some(found) if found.external_id && found.unique => {}
            Some(_) => findings.push(Finding {
                kind,
                message: format!("the field `{name}` is not a unique external id"),
                hint: format!("delete `{name}` in Salesforce, then run `crm check --fix`"),
                repair: None,
                blocking: true,
            }),
            None => findings.push(Finding {
                kind,
                message: format!("the field `{name}` for our unique id is missing or hidden"),
                hint: "run `crm check --fix`, which creates it".to_owned(),
                repair: Some(Repair::UidField),
                blocking: true,
            }),
        }
    }
    for rule in object.mapping.rules {
        let (name, of) = (rule.remote, rule.field);
        let (message, hint, repair) = match field(fields, name) {
            Some(found) if !found.updateable => (
                format!("the field `{name}` can only be read; `{of}` cannot be written"),
                format!("let the app's user edit `{name}`, or leave `{of}` out of the fields"),
                None,
            ),
            Some(_) => continue,
            None if rule.custom => (
                format!("the field `{name}` is missing; `{of}` takes no part"),
                "run `crm check --fix`, which creates it".to_owned(),
                Some(Repair::Field(name)),
            ),
            None => (
                format!("the field `{name}` is missing or hidden; `{of}` takes no part"),
                format!("let the app's user see `{name}`"),
                None,
            ),
        };
        findings.push(Finding { kind, message, hint, repair, blocking: false });
    }
    findings
}
