//! Making the fields that the org lacks.

use crm_core::{ErrorKind, Finding, Operation, ProviderError, Repair, Result};
use crm_http::{Failure, Request};

use crate::Zoho;
use crate::error::Reading;
use crate::wire::{NewField, NewFields, Unique};

/// A uid is a UUID in its usual spelling, perhaps with a number behind it.
const UID_LENGTH: u16 = 50;
const TEXT_LENGTH: u16 = 255;

impl Zoho {
    /// Makes the field that a finding says is missing, in every module of the kind.
    pub(crate) async fn mend(&self, finding: &Finding) -> Result<()> {
        for table in &self.tables(finding.kind)? {
            let (name, length, unique) = match &finding.repair {
                Some(Repair::UidField) => {
                    let name = table.mapping.uid.ok_or_else(no_repair)?;
                    (name, UID_LENGTH, table.capability.unique_key)
                }
                Some(Repair::Field(name)) => {
                    let rule = table.mapping.rule_of_remote(name).filter(|rule| rule.custom);
                    let rule = rule.ok_or_else(no_repair)?;
                    (rule.remote, rule.length_max.unwrap_or(TEXT_LENGTH), false)
                }
                None => return Err(no_repair()),
            };
            self.make(table.module(), name, length, unique).await?;
        }
        // What was known of the org no longer holds.
        self.survey().await.map(drop)
    }

    /// The vendor makes the name of a field from its label.
    async fn make(
        &self,
        module: &'static str,
        name: &str,
        length: u16,
        unique: bool,
    ) -> Result<()> {
        let label = name.replace('_', " ");
        let unique = unique.then_some(Unique { casesensitive: false });
        let field = NewField { field_label: label.clone(), data_type: "text", length, unique };
        let request = Request::post(Operation::Metadata, self.path("settings/fields"))
            .query("module", module)
            .json(&NewFields { fields: [field] });
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        match self.client.send(request, &classify).await {
            Ok(_) => Ok(()),
            // It is there but hidden, or the answer to an earlier attempt was lost.
            Err(error) if error.code() == Some("DUPLICATE_DATA") => Ok(()),
            Err(error) if *error.kind() == ErrorKind::Forbidden => Err(error.with_hint(format!(
                "ask an administrator: Setup, Modules and Fields, {module}, a new single line \
                 called {label} of {length} characters; for an id of ours, tick \"Do not allow \
                 duplicate values\""
            ))),
            Err(error) => Err(error),
        }
    }
}

fn no_repair() -> ProviderError {
    ProviderError::unsupported("making this field")
}
