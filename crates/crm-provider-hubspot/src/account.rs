//! The account: who it is, which properties it has, and making the one that it lacks.

use std::sync::Arc;

use crm_core::{
    Account, Capabilities, ErrorKind, Field, Finding, ObjectCapability, Operation, Provider as _,
    ProviderError, Repair, Result,
};
use crm_http::{Failure, Reply, Request};
use jiff::Timestamp;

use crate::API_VERSION;
use crate::HubSpot;
use crate::error::Reading;
use crate::provider::observe_day;
use crate::wire::{Details, NewProperty, Properties, Property};

const UID_LABEL: &str = "CRM sync id";
const UID_DOC: &str = "Names the record in the synchronisation of CRMs. Do not change it.";

impl HubSpot {
    /// Asks who the account is and which properties each kind has.
    pub(crate) async fn account(&self) -> Result<Account> {
        let (details, now) = self.details().await?;
        let mut capabilities = Capabilities::clone(&self.capabilities());
        let mut findings = Vec::new();
        for object in &mut capabilities.objects {
            let properties = self.properties(object).await?;
            object.suspended = missing(object, &properties);
            findings.extend(examine(object, &properties));
        }
        findings.sort_by_key(|finding| !finding.blocking);
        self.learn(capabilities, details.utc_offset());
        Ok(Account {
            id: details.portal_id.to_string(),
            name: format!("HubSpot account {}", details.portal_id),
            api_version: API_VERSION.to_owned(),
            now,
            findings,
        })
    }

    async fn details(&self) -> Result<(Details, Timestamp)> {
        let path = format!("/account-info/{API_VERSION}/details");
        let request = Request::get(Operation::Probe, path).endpoint("GET /account-info/details");
        let read = |reply: &Reply| {
            let now = reply.date();
            let now = now.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let details: Details = reply.json()?;
            let reading = Reading { mapping: None, utc_offset: details.utc_offset() };
            observe_day(reply.headers(), self.client.pacer(), reading.midnight_after(now));
            Ok((details, now))
        };
        self.client
            .fetch(request, &|failure: &Failure<'_>| Reading::default().classify(failure), read)
            .await
    }

    async fn properties(&self, object: &ObjectCapability) -> Result<Vec<Property>> {
        let remote = object.mapping.remote;
        let path = format!("/crm/properties/{API_VERSION}/{remote}");
        let request = Request::get(Operation::Metadata, path)
            .endpoint(format!("GET /crm/properties/{remote}"));
        let read = |reply: &Reply| Ok(reply.json::<Properties>()?.results);
        self.client
            .fetch(request, &|failure: &Failure<'_>| Reading::default().classify(failure), read)
            .await
    }

    /// Makes our unique property.
    pub(crate) async fn mend(&self, finding: &Finding) -> Result<()> {
        let table = self.table(finding.kind)?;
        let name = match (&finding.repair, table.mapping().uid) {
            (Some(Repair::UidField), Some(name)) => name,
            (Some(Repair::UidField | Repair::Field(_)) | None, _) => {
                return Err(ProviderError::unsupported("making this property"));
            }
        };
        let remote = table.mapping().remote;
        let path = format!("/crm/properties/{API_VERSION}/{remote}");
        let request = Request::post(Operation::Metadata, path)
            .endpoint(format!("POST /crm/properties/{remote}"))
            .json(&NewProperty {
                group_name: group(remote),
                name,
                label: UID_LABEL,
                description: UID_DOC,
                ty: "string",
                field_type: "text",
                has_unique_value: true,
                form_field: false,
            });
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let Err(error) = self.client.send(request, &classify).await else {
            return Ok(());
        };
        // Somebody may have been faster, or the answer to an earlier attempt was lost. With which
        // status the vendor says that the name is taken is not documented, so we look.
        let refused = matches!(
            error.kind(),
            ErrorKind::Conflict { .. } | ErrorKind::Validation { .. } | ErrorKind::Permanent
        );
        if refused && property(&self.properties(&table.capability).await?, name).is_some() {
            return Ok(());
        }
        Err(error)
    }
}

/// The group that HubSpot itself gives to each type.
fn group(remote: &str) -> &'static str {
    match remote {
        "companies" => "companyinformation",
        "deals" => "dealinformation",
        _ => "contactinformation",
    }
}

fn property<'p>(properties: &'p [Property], name: &str) -> Option<&'p Property> {
    properties.iter().find(|property| property.name == name && !property.archived)
}

fn missing(object: &ObjectCapability, properties: &[Property]) -> Arc<[Field]> {
    let rules = object.mapping.rules.iter();
    let lacking = rules.filter(|rule| property(properties, rule.remote).is_none());
    lacking.map(|rule| rule.field).collect()
}

fn examine(object: &ObjectCapability, properties: &[Property]) -> Vec<Finding> {
    let kind = object.kind;
    let mut findings = Vec::new();
    if let Some(name) = object.mapping.uid {
        match property(properties, name) {
            Some(found) if found.has_unique_value => {}
            Some(_) => findings.push(Finding {
                kind,
                message: format!("the property `{name}` does not keep its values unique"),
                hint: format!("delete `{name}` in HubSpot, then run `crm check --fix`"),
                repair: None,
                blocking: true,
            }),
            None => findings.push(Finding {
                kind,
                message: format!("the property `{name}` for our unique id is missing"),
                hint: "run `crm check --fix`, which creates it".to_owned(),
                repair: Some(Repair::UidField),
                blocking: true,
            }),
        }
    }
    for rule in object.mapping.rules {
        let (name, field) = (rule.remote, rule.field);
        let (message, hint) = match property(properties, name) {
            Some(found) if found.modification_metadata.read_only_value => (
                format!("the property `{name}` can only be read; `{field}` cannot be written"),
                format!("leave `{field}` out of the fields, or make `{name}` editable"),
            ),
            Some(_) => continue,
            None => (
                format!("the property `{name}` is missing; `{field}` takes no part"),
                format!("restore the property `{name}` in HubSpot"),
            ),
        };
        findings.push(Finding { kind, message, hint, repair: None, blocking: false });
    }
    findings
}
