//! The account: who it is, which properties it has, and making the one that it lacks.

use std::sync::Arc;

use crm_core::{
    Account, Capabilities, ErrorKind, Field, FieldFacts, FieldRule, Finding, Mapping, Metadata,
    ObjectCapability, ObjectKind, Operation, Provider as _, ProviderError, Repair, Result, Wire,
    stages,
};
use crm_http::{Failure, Reply, Request};
use jiff::Timestamp;

use crate::error::{Reading, SCOPES_HINT};
use crate::provider::observe_day;
use crate::table::Table;
use crate::wire::{Details, GroupRow, Named, NewProperty, Property};
use crate::{API_VERSION, HubSpot};

const UID_LABEL: &str = "CRM sync id";
const UID_DOC: &str = "Names the record in the synchronisation of CRMs. Do not change it.";

impl HubSpot {
    /// Asks who the account is, who can own records, which stages deals have, and which
    /// properties each kind has that is kept in step.
    pub(crate) async fn account(&self) -> Result<Account> {
        let (details, now) = self.details().await?;
        let mut findings = Vec::new();
        let mut objects = Capabilities::clone(&self.capabilities()).objects;
        let mut facts = Vec::new();
        for object in objects.iter_mut().filter(|object| self.takes_part(object.kind)) {
            let mut lacking: Vec<Field> = object.aside(self.kinds());
            let mut bare = Vec::new();
            for table in object.mappings() {
                let properties = match self.properties(table).await {
                    Ok(properties) => properties,
                    Err(error) if *error.kind() == ErrorKind::Forbidden => {
                        findings.push(forbidden(object.kind, &error));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                lacking.extend(missing(table, &properties));
                facts.extend(facts_of(object, table, &properties));
                findings.extend(examine(object, table, &properties, &mut bare));
            }
            findings.extend(lacks_uid(object, &bare));
            lacking.sort();
            lacking.dedup();
            object.suspended = lacking.into();
        }
        let owners = objects
            .iter()
            .any(|object| self.takes_part(object.kind) && object.rule(Field::OWNER).is_some());
        if owners {
            self.with_owners().await?;
        }
        if self.takes_part(ObjectKind::Deal) {
            let metadata = self.with_pipelines().await?;
            let pipelines = metadata.pipelines.as_deref().unwrap_or_default();
            findings.extend(stages::strangers(self.id(), pipelines));
        }
        findings.sort_by_key(|finding| !finding.blocking);
        let mut metadata = Metadata::clone(&self.metadata());
        metadata.currencies = details.currencies();
        metadata.fields = facts.into_iter().rev().collect();
        let known = Capabilities::clone(&self.capabilities());
        let metadata = Arc::new(metadata);
        self.learn(Capabilities { objects, metadata, ..known }, details.utc_offset());
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

    async fn properties(&self, table: &Mapping) -> Result<Vec<Property>> {
        let remote = table.remote;
        let path = format!("/crm/properties/{API_VERSION}/{remote}");
        let request = Request::get(Operation::Metadata, path)
            .endpoint(format!("GET /crm/properties/{remote}"));
        let page: Named<Property> = self.list_of(request).await?;
        Ok(page.results)
    }

    /// Makes our own property in each type of record of the kind that lacks it.
    pub(crate) async fn mend(&self, finding: &Finding) -> Result<()> {
        if finding.repair != Some(Repair::UidField) {
            return Err(ProviderError::unsupported("making this property"));
        }
        let tables = self.tables(finding.kind)?;
        for table in &tables {
            let Some(name) = table.mapping().uid else {
                return Err(ProviderError::unsupported("making this property"));
            };
            // One type alone is not asked first: it is known to lack the property.
            if tables.len() > 1 {
                let properties = self.properties(table.mapping()).await?;
                if property(&properties, name).is_some() {
                    continue;
                }
            }
            self.make(table, name).await?;
        }
        Ok(())
    }

    async fn make(&self, table: &Table, name: &'static str) -> Result<()> {
        let remote = table.name();
        let group = self.group(remote).await?;
        let path = format!("/crm/properties/{API_VERSION}/{remote}");
        let request = Request::post(Operation::Metadata, path)
            .endpoint(format!("POST /crm/properties/{remote}"))
            .json(&NewProperty {
                group_name: &group,
                name,
                label: UID_LABEL,
                description: UID_DOC,
                ty: "string",
                field_type: "text",
                has_unique_value: table.capability.unique_key,
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
        if refused && property(&self.properties(table.mapping()).await?, name).is_some() {
            return Ok(());
        }
        Err(error)
    }

    /// Returns the group in which a new property is shown. HubSpot documents its own groups for
    /// three types; of the others the account's first one is taken.
    async fn group(&self, remote: &str) -> Result<String> {
        let own = match remote {
            "contacts" => "contactinformation",
            "companies" => "companyinformation",
            "deals" => "dealinformation",
            _ => {
                let path = format!("/crm/properties/{API_VERSION}/{remote}/groups");
                let request = Request::get(Operation::Metadata, path)
                    .endpoint(format!("GET /crm/properties/{remote}/groups"));
                let groups: Named<GroupRow> = self.list_of(request).await?;
                let first = groups.results.into_iter().find(|group| !group.archived);
                return first.map(|group| group.name).ok_or_else(|| {
                    let message = format!("{remote} has no group of properties");
                    ProviderError::new(ErrorKind::Permanent, message)
                        .with_hint("make a group of properties in HubSpot: Settings, Properties")
                });
            }
        };
        Ok(own.to_owned())
    }
}

fn property<'p>(properties: &'p [Property], name: &str) -> Option<&'p Property> {
    properties.iter().find(|property| property.name == name && !property.archived)
}

/// Returns the rules whose values are properties, whoever translates them.
fn held(table: &Mapping) -> impl Iterator<Item = &FieldRule> {
    let is_property = |rule: &&FieldRule| !matches!(rule.wire, Wire::Related | Wire::Variant);
    table.rules.iter().filter(is_property)
}

fn missing(table: &Mapping, properties: &[Property]) -> Vec<Field> {
    let lacking = held(table).filter(|rule| property(properties, rule.remote).is_none());
    lacking.map(|rule| rule.field).collect()
}

fn facts_of(
    object: &ObjectCapability,
    table: &Mapping,
    properties: &[Property],
) -> Vec<((ObjectKind, Field), FieldFacts)> {
    let facts = held(table).filter_map(|rule| {
        let found = property(properties, rule.remote)?;
        let listed = found.ty == "enumeration" && !found.external_options;
        let options = found.options.iter().filter(|option| !option.hidden);
        let options = options.map(|option| option.value.as_str().into()).collect();
        let facts = FieldFacts {
            label: found.label.as_deref().map(Into::into),
            required: false,
            read_only: found.modification_metadata.read_only_value,
            length_max: None,
            options: listed.then_some(options),
        };
        Some(((object.kind, rule.field), facts))
    });
    facts.collect()
}

/// Looks at the properties of one type of record; notes types that lack our own in `bare`.
fn examine(
    object: &ObjectCapability,
    table: &Mapping,
    properties: &[Property],
    bare: &mut Vec<&'static str>,
) -> Vec<Finding> {
    let kind = object.kind;
    let mut findings = Vec::new();
    if let Some(name) = table.uid {
        match property(properties, name) {
            Some(found) if found.has_unique_value || !object.unique_key => {}
            Some(_) => findings.push(Finding {
                kind,
                message: format!("the property `{name}` does not keep its values unique"),
                hint: format!("delete `{name}` in HubSpot, then run `crm check --fix`"),
                repair: None,
                blocking: true,
            }),
            None => bare.push(table.remote),
        }
    }
    for rule in held(table) {
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

fn lacks_uid(object: &ObjectCapability, bare: &[&str]) -> Option<Finding> {
    let name = object.mapping.uid.filter(|_| !bare.is_empty())?;
    let types =
        if object.variants.is_empty() { String::new() } else { format!(" in {}", bare.join(", ")) };
    Some(Finding {
        kind: object.kind,
        message: format!("the property `{name}` for our own id is missing{types}"),
        hint: "run `crm check --fix`, which creates it".to_owned(),
        repair: Some(Repair::UidField),
        blocking: true,
    })
}

fn forbidden(kind: ObjectKind, error: &ProviderError) -> Finding {
    Finding {
        kind,
        message: format!("the properties of {} cannot be read: {}", kind.plural(), error.message()),
        hint: error.hint().unwrap_or(SCOPES_HINT).to_owned(),
        repair: None,
        blocking: true,
    }
}
