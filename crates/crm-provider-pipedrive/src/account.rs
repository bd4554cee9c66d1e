//! The company: who it is, which fields it has, and making those that it lacks.

use std::sync::Arc;

use crm_core::{
    Account, Capabilities, Field, FieldFacts, Finding, Metadata, ObjectCapability, ObjectKind,
    Operation, Provider as _, ProviderError, Repair, Result, stages,
};
use crm_http::{Failure, Reply, Request};
use serde_json::json;

use crate::directory::{Codes, fields_path, plain};
use crate::error::classify;
use crate::table::NAME_LABEL;
use crate::wire::{CurrencyRow, Me, One};
use crate::{API_VERSION, Pipedrive};

impl Pipedrive {
    /// Asks who the company is, who can own records, which stages deals have, and which fields of
    /// its own each kind has that is kept in step.
    pub(crate) async fn account(&self) -> Result<Account> {
        let request =
            Request::get(Operation::Probe, "/api/v1/users/me").endpoint("GET /v1/users/me").cost(2);
        let read = |reply: &Reply| {
            let now = reply.date();
            let now = now.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            Ok((reply.json::<One<Me>>()?.data, now))
        };
        let (me, now) = self.client.fetch(request, &plain, read).await?;
        let mut findings = Vec::new();
        let mut facts = Vec::new();
        let mut objects = Capabilities::clone(&self.capabilities()).objects;
        for object in objects.iter_mut().filter(|object| self.takes_part(object.kind)) {
            let kind = object.kind;
            self.forget_codes(kind);
            let codes = self.codes(kind).await?;
            let mut lacking = object.aside(self.kinds());
            lacking.extend(missing(object, &codes));
            findings.extend(examine(object, &codes));
            facts.extend(facts_of(object, &codes));
            lacking.sort();
            lacking.dedup();
            object.suspended = lacking.into();
        }
        self.with_owners().await?;
        let currencies = self.currencies().await?;
        if self.takes_part(ObjectKind::Deal) {
            let metadata = self.with_pipelines().await?;
            let pipelines = metadata.pipelines.as_deref().unwrap_or_default();
            findings.extend(stages::strangers(self.id(), pipelines));
        }
        findings.sort_by_key(|finding| !finding.blocking);
        let mut metadata = Metadata::clone(&self.metadata());
        metadata.currencies = Some(currencies);
        metadata.fields = facts.into_iter().collect();
        let known = Capabilities::clone(&self.capabilities());
        self.learn(Capabilities { objects, metadata: Arc::new(metadata), ..known });
        let name = me.company_name.unwrap_or_else(|| format!("company {}", me.company_id));
        Ok(Account {
            id: me.company_id.to_string(),
            name: format!("Pipedrive {name}"),
            api_version: API_VERSION.to_owned(),
            now,
            findings,
        })
    }

    async fn currencies(&self) -> Result<Vec<Arc<str>>> {
        let request = Request::get(Operation::Metadata, "/api/v1/currencies")
            .endpoint("GET /v1/currencies")
            .cost(20);
        let read = |reply: &Reply| Ok(reply.json::<One<Vec<CurrencyRow>>>()?.data);
        let rows = self.client.fetch(request, &plain, read).await?;
        let active = rows.into_iter().filter(|row| row.active_flag);
        Ok(active.map(|row| row.code.into()).collect())
    }

    /// Makes our own field, or another that the mapping needs, unless it is there by now.
    pub(crate) async fn mend(&self, finding: &Finding) -> Result<()> {
        let capabilities = self.capabilities();
        let object = capabilities.object(finding.kind);
        let (Some(object), Some(path)) = (object, fields_path(finding.kind)) else {
            return Err(ProviderError::unsupported("making this field"));
        };
        let labels: Vec<&str> = match &finding.repair {
            Some(Repair::UidField) => needed(object),
            Some(Repair::Field(label)) => vec![label],
            None => return Err(ProviderError::unsupported("making this field")),
        };
        self.forget_codes(finding.kind);
        let codes = self.codes(finding.kind).await?;
        for label in labels.into_iter().filter(|label| !codes.contains_key(*label)) {
            let long = object.mapping.rule(Field::DESCRIPTION).map(|rule| rule.remote);
            let ty = if long == Some(label) { "text" } else { "varchar" };
            let request = Request::post(Operation::Metadata, format!("/api/v2/{path}"))
                .endpoint(format!("POST /v2/{path}"))
                .cost(5)
                .json(&json!({ "field_name": label, "field_type": ty }));
            let classify = |failure: &Failure<'_>| classify(&[object.mapping], failure);
            self.client.send(request, &classify).await?;
        }
        self.forget_codes(finding.kind);
        Ok(())
    }
}

/// Returns the labels without which a kind cannot be kept in step.
fn needed(object: &ObjectCapability) -> Vec<&'static str> {
    let name = (object.kind == ObjectKind::Contact).then_some(NAME_LABEL);
    object.mapping.uid.into_iter().chain(name).collect()
}

fn missing(object: &ObjectCapability, codes: &Codes) -> Vec<Field> {
    let custom = object.mapping.rules.iter().filter(|rule| rule.custom);
    custom.filter(|rule| !codes.contains_key(rule.remote)).map(|rule| rule.field).collect()
}

fn examine(object: &ObjectCapability, codes: &Codes) -> Vec<Finding> {
    let kind = object.kind;
    if fields_path(kind).is_none() {
        return Vec::new();
    }
    let absent = |label: &&str| !codes.contains_key(*label);
    let lacking: Vec<&str> = needed(object).into_iter().filter(absent).collect();
    let mut findings = Vec::new();
    if !lacking.is_empty() {
        findings.push(Finding {
            kind,
            message: format!("fields of ours are missing: {}", lacking.join(", ")),
            hint: "run `crm check --fix`, which creates them".to_owned(),
            repair: Some(Repair::UidField),
            blocking: true,
        });
    }
    for rule in object.mapping.rules.iter().filter(|rule| rule.custom) {
        let (label, field) = (rule.remote, rule.field);
        if !codes.contains_key(label) {
            findings.push(Finding {
                kind,
                message: format!("the field `{label}` is missing; `{field}` takes no part"),
                hint: "run `crm check --fix`, which creates it".to_owned(),
                repair: Some(Repair::Field(label)),
                blocking: false,
            });
        }
    }
    findings
}

fn facts_of(object: &ObjectCapability, codes: &Codes) -> Vec<((ObjectKind, Field), FieldFacts)> {
    let there = object.mapping.rules.iter().filter(|rule| codes.contains_key(rule.remote));
    let facts = there.map(|rule| {
        let label = Some(rule.remote.into());
        let length_max = rule.length_max.map(Into::into);
        let facts = FieldFacts { label, length_max, ..FieldFacts::default() };
        ((object.kind, rule.field), facts)
    });
    facts.collect()
}
