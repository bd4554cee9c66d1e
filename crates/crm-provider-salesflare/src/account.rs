//! The account: who it is, which fields of its own it has, and making those that it lacks.

use std::sync::Arc;

use crm_core::{
    Account, Capabilities, ErrorKind, Field, FieldFacts, FieldRule, Finding, Mapping, Metadata,
    ObjectCapability, ObjectKind, Operation, Provider as _, ProviderError, Repair, Result, stages,
};
use crm_http::{Failure, Reply, Request};
use jiff::Timestamp;
use serde_json::json;

use crate::error::{RIGHTS_HINT, Reading};
use crate::wire::{CustomRow, Me, Team, TypeRow};
use crate::{API_VERSION, Salesflare};

/// The type of a field that holds text.
const TEXT: &str = "text";

impl Salesflare {
    /// Asks who the account is, who can own records, which stages deals have, and which fields of
    /// its own each kind has that is kept in step.
    pub(crate) async fn account(&self) -> Result<Account> {
        let (team, now) = self.team().await?;
        let mut findings = Vec::new();
        let mut objects = Capabilities::clone(&self.capabilities()).objects;
        let mut facts = Vec::new();
        for object in objects.iter_mut().filter(|object| self.takes_part(object.kind)) {
            let mut lacking: Vec<Field> = object.aside(self.kinds());
            if own(object.mapping).next().is_some() || uid(object.mapping).is_some() {
                match self.customs(object.mapping).await {
                    Ok(customs) => {
                        lacking.extend(missing(object.mapping, &customs));
                        facts.extend(facts_of(object, &customs));
                        findings.extend(examine(object, &customs));
                    }
                    Err(error) if *error.kind() == ErrorKind::Forbidden => {
                        findings.push(forbidden(object.kind, &error));
                    }
                    Err(error) => return Err(error),
                }
            }
            lacking.sort();
            lacking.dedup();
            object.suspended = lacking.into();
        }
        self.with_owners().await?;
        if self.takes_part(ObjectKind::Deal) {
            self.with_currencies().await?;
            let metadata = self.with_pipelines().await?;
            let pipelines = metadata.pipelines.as_deref().unwrap_or_default();
            findings.extend(stages::strangers(self.id(), pipelines));
        }
        findings.sort_by_key(|finding| !finding.blocking);
        let mut metadata = Metadata::clone(&self.metadata());
        metadata.fields = facts.into_iter().collect();
        let known = Capabilities::clone(&self.capabilities());
        self.learn(Capabilities { objects, metadata: Arc::new(metadata), ..known });
        let id = team.id.to_string();
        let name = team.name.unwrap_or_else(|| format!("Salesflare account {id}"));
        Ok(Account { id, name, api_version: API_VERSION.to_owned(), now, findings })
    }

    async fn team(&self) -> Result<(Team, Timestamp)> {
        let request = Request::get(Operation::Probe, "/me");
        let read = |reply: &Reply| {
            let now = reply.date();
            let now = now.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let me: Me = reply.json()?;
            Ok((me.team, now))
        };
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        self.client.fetch(request, &classify, read).await
    }

    async fn customs(&self, mapping: &Mapping) -> Result<Vec<CustomRow>> {
        let path = format!("/customfields/{}", mapping.remote);
        self.list_of(Request::get(Operation::Metadata, path)).await
    }

    /// Makes a field of the account's own.
    pub(crate) async fn mend(&self, finding: &Finding) -> Result<()> {
        let capabilities = self.capabilities();
        let object = capabilities.object(finding.kind);
        let mapping = object.map(|object| object.mapping);
        let mapping = mapping.ok_or_else(|| ProviderError::unsupported(finding.kind.plural()))?;
        let wanted = match finding.repair {
            Some(Repair::UidField) => uid(mapping),
            Some(Repair::Field(remote)) => remote.strip_prefix("custom."),
            None => None,
        };
        let name = wanted.ok_or_else(|| ProviderError::unsupported("making this field"))?;
        let request = Request::get(Operation::Metadata, "/customfields/types");
        let types: Vec<TypeRow> = self.list_of(request).await?;
        let text = types.into_iter().find(|ty| ty.name == TEXT).ok_or_else(|| {
            ProviderError::new(ErrorKind::Permanent, "the account has no fields that hold text")
                .with_hint(format!(
                    "make the field `{name}` in Salesflare: Settings, Custom fields"
                ))
        })?;
        let path = format!("/customfields/{}", mapping.remote);
        let request = Request::post(Operation::Metadata, path).json(&json!({
            "type": text.id,
            "name": name,
            "required": false,
            "enabled": true,
        }));
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        let sent = self.client.send(request, &classify).await;
        // Somebody may have been faster; and by which name values are written is the vendor's
        // own choice, so we look.
        if self.customs(mapping).await?.iter().any(|custom| is_there(custom, name)) {
            return Ok(());
        }
        sent?;
        let message = format!("Salesflare made the field `{name}` under another name");
        let hint = format!("make a text field whose API name is `{name}`: Settings, Custom fields");
        Err(ProviderError::new(ErrorKind::Permanent, message).with_hint(hint))
    }
}

/// Returns the rules whose values are fields of the account's own, with their names there.
fn own(mapping: &'static Mapping) -> impl Iterator<Item = (&'static FieldRule, &'static str)> {
    let own = |rule: &'static FieldRule| Some((rule, rule.remote.strip_prefix("custom.")?));
    mapping.rules.iter().filter_map(own)
}

/// Returns the name of the field for our unique value, if it is one of the account's own.
fn uid(mapping: &Mapping) -> Option<&'static str> {
    mapping.uid?.strip_prefix("custom.")
}

fn is_there(custom: &CustomRow, name: &str) -> bool {
    custom.api_field == name && custom.enabled && !custom.archived
}

fn missing(mapping: &'static Mapping, customs: &[CustomRow]) -> Vec<Field> {
    let lacks = |name: &str| !customs.iter().any(|custom| is_there(custom, name));
    own(mapping).filter(|(_, name)| lacks(name)).map(|(rule, _)| rule.field).collect()
}

fn facts_of(
    object: &ObjectCapability,
    customs: &[CustomRow],
) -> Vec<((ObjectKind, Field), FieldFacts)> {
    let facts = own(object.mapping).filter_map(|(rule, name)| {
        let custom = customs.iter().find(|custom| is_there(custom, name))?;
        let label = Some(custom.name.as_str().into());
        let facts = FieldFacts { label, required: custom.required, ..FieldFacts::default() };
        Some(((object.kind, rule.field), facts))
    });
    facts.collect()
}

/// Looks at the account's own fields of a kind.
fn examine(object: &ObjectCapability, customs: &[CustomRow]) -> Vec<Finding> {
    let kind = object.kind;
    let lacks = |name: &str| !customs.iter().any(|custom| is_there(custom, name));
    let mut findings = Vec::new();
    if let Some(name) = uid(object.mapping).filter(|name| lacks(name)) {
        findings.push(Finding {
            kind,
            message: format!("the field `{name}` for our own id is missing"),
            hint: "run `crm check --fix`, which creates it".to_owned(),
            repair: Some(Repair::UidField),
            blocking: true,
        });
    }
    for (rule, name) in own(object.mapping).filter(|(_, name)| lacks(name)) {
        findings.push(Finding {
            kind,
            message: format!("the field `{name}` is missing; `{}` takes no part", rule.field),
            hint: "run `crm check --fix`, which creates it".to_owned(),
            repair: Some(Repair::Field(rule.remote)),
            blocking: false,
        });
    }
    let ours: Vec<&str> = own(object.mapping).map(|(_, name)| name).collect();
    let demanded = customs.iter().filter(|custom| custom.required && custom.enabled);
    for custom in demanded.filter(|custom| !ours.contains(&custom.api_field.as_str())) {
        let name = &custom.name;
        findings.push(Finding {
            kind,
            message: format!("Salesflare may refuse new {} without `{name}`", kind.plural()),
            hint: format!("make `{name}` optional in Salesflare: Settings, Custom fields"),
            repair: None,
            blocking: false,
        });
    }
    findings
}

fn forbidden(kind: ObjectKind, error: &ProviderError) -> Finding {
    Finding {
        kind,
        message: format!("the fields of {} cannot be read: {}", kind.plural(), error.message()),
        hint: error.hint().unwrap_or(RIGHTS_HINT).to_owned(),
        repair: None,
        blocking: true,
    }
}
