//! The account: which org it is, and which fields the user sees in it.

use std::sync::Arc;

use crm_core::{
    Account, Capabilities, Field, FieldRule, Finding, ObjectCapability, ObjectKind, Operation,
    Provider as _, Repair, Result,
};
use crm_http::{Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};

use crate::Salesforce;
use crate::error::Reading;
use crate::provider::Survey;
use crate::soql::Select;
use crate::wire::{Describe, DescribedField, Page};

/// How long descriptions are good for.
const SURVEY_LIFE: SignedDuration = SignedDuration::from_hours(1);

impl Salesforce {
    /// Asks who the org is and, at most once an hour, which fields each kind has.
    pub(crate) async fn account(&self) -> Result<Account> {
        let (id, name, now) = self.organization().await?;
        let survey = match self.surveyed() {
            Some(survey) if self.is_good(&survey) => survey,
            Some(_) | None => self.survey().await?,
        };
        let api_version = self.version().await?.to_string();
        Ok(Account { id, name, api_version, now, findings: survey.findings })
    }

    /// What was missing may have been mended since.
    fn is_good(&self, survey: &Survey) -> bool {
        let age = self.client.clock().now().duration_since(survey.at);
        survey.findings.is_empty() && age < SURVEY_LIFE
    }

    async fn organization(&self) -> Result<(String, String, Timestamp)> {
        let select = Select {
            fields: &["Id", "Name"],
            from: "Organization",
            filter: None,
            order_by: &[],
            limit: Some(1),
        };
        let request = Request::get(Operation::Probe, self.path("/query").await?)
            .endpoint("GET /query Organization")
            .query("q", select);
        let read = |reply: &Reply| {
            let now = reply.date();
            let now = now.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let page: Page<'_> = reply.json()?;
            let org = page.records.first();
            let id = org.and_then(|org| org.text("Id"));
            let id = id.ok_or_else(|| reply.malformed("the answer names no organization"))?;
            let name = org.and_then(|org| org.text("Name")).unwrap_or("?");
            Ok((id.to_owned(), format!("{name} (Salesforce org {id})"), now))
        };
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        self.client.fetch(request, &classify, read).await
    }

    /// Reads the descriptions of all kinds and remembers what they show.
    pub(crate) async fn survey(&self) -> Result<Survey> {
        let at = self.client.clock().now();
        let mut capabilities = Capabilities::clone(&self.capabilities());
        let (mut findings, mut without_uid) = (Vec::new(), Vec::new());
        for object in &mut capabilities.objects {
            let describe = self.describe(object.mapping.remote).await?;
            object.suspended = missing(object, &describe);
            findings.extend(examine(object, &describe));
            let uid = object.mapping.uid;
            if uid.is_none_or(|name| field(&describe, name).is_none()) {
                without_uid.push(object.kind);
            }
        }
        findings.sort_by_key(|finding| !finding.blocking);
        let survey = Survey { at, findings, without_uid };
        self.learn(capabilities, survey.clone());
        Ok(survey)
    }

    async fn describe(&self, object: &str) -> Result<Describe> {
        let path = format!("/sobjects/{object}/describe");
        let request = Request::get(Operation::Metadata, self.path(&path).await?)
            .endpoint(format!("GET {path}"));
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        self.client.fetch(request, &classify, |reply: &Reply| reply.json::<Describe>()).await
    }
}

fn field<'d>(describe: &'d Describe, name: &str) -> Option<&'d DescribedField> {
    describe.fields.iter().find(|field| field.name == name)
}

fn missing(object: &ObjectCapability, describe: &Describe) -> Arc<[Field]> {
    let rules = object.mapping.rules.iter();
    rules.filter(|rule| field(describe, rule.remote).is_none()).map(|rule| rule.field).collect()
}

fn examine(object: &ObjectCapability, describe: &Describe) -> Vec<Finding> {
    let kind = object.kind;
    let mut findings = Vec::new();
    if !describe.createable || !describe.updateable {
        findings.push(Finding {
            kind,
            message: format!("the user may not create and edit {}", kind.plural()),
            hint: format!(
                "give the user Create and Edit on {} (Setup, Permission Sets)",
                object.mapping.remote
            ),
            repair: None,
            blocking: true,
        });
    }
    findings.extend(object.mapping.uid.and_then(|name| examine_uid(kind, name, describe)));
    let rules = object.mapping.rules.iter();
    findings.extend(rules.filter_map(|rule| examine_field(kind, rule, describe)));
    findings
}

fn examine_uid(kind: ObjectKind, name: &str, describe: &Describe) -> Option<Finding> {
    let (message, hint, repair) = match field(describe, name) {
        Some(found) if !found.external_id || !found.unique => (
            format!("the field `{name}` is not a unique external id"),
            format!("delete `{name}` in Setup, Object Manager, then run `crm check --fix`"),
            None,
        ),
        Some(found) if !found.updateable => (
            format!("the user may not edit the field `{name}`"),
            format!(
                "run `crm check --fix`, or let the user edit `{name}` (Setup, Permission Sets)"
            ),
            Some(Repair::UidField),
        ),
        Some(_) => return None,
        None => (
            format!("the field `{name}` for our unique id is missing or hidden"),
            "run `crm check --fix`, which creates it and makes it visible".to_owned(),
            Some(Repair::UidField),
        ),
    };
    Some(Finding { kind, message, hint, repair, blocking: true })
}

fn examine_field(kind: ObjectKind, rule: &FieldRule, describe: &Describe) -> Option<Finding> {
    let (name, ours) = (rule.remote, rule.field);
    let (message, hint, repair) = match field(describe, name) {
        Some(found) if !found.updateable => (
            format!("the field `{name}` can only be read; `{ours}` cannot be written"),
            format!("let the user edit `{name}` (Setup, Permission Sets)"),
            None,
        ),
        Some(_) => return None,
        None if rule.custom => (
            format!("the field `{name}` is missing or hidden; `{ours}` takes no part"),
            "run `crm check --fix`, which creates it and makes it visible".to_owned(),
            Some(Repair::Field(rule.remote)),
        ),
        None => (
            format!("the field `{name}` is hidden from the user; `{ours}` takes no part"),
            format!("let the user see `{name}` (Setup, Permission Sets, Object Settings)"),
            None,
        ),
    };
    Some(Finding { kind, message, hint, repair, blocking: false })
}
