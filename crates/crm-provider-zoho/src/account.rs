//! The account: which org it is, and whether what is known of it is still good.

use crm_core::{Account, Operation, Result};
use crm_http::{Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};

use crate::error::Reading;
use crate::survey::Survey;
use crate::wire::Orgs;
use crate::{API_VERSION, Zoho};

/// How long a survey is good for.
const SURVEY_LIFE: SignedDuration = SignedDuration::from_hours(1);

impl Zoho {
    /// Asks who the org is and, at most once an hour, what it is set up with.
    pub(crate) async fn account(&self) -> Result<Account> {
        let (id, name, now) = self.organization().await?;
        let survey = match self.surveyed() {
            Some(survey) if self.is_good(&survey) => survey,
            Some(_) | None => self.survey().await?,
        };
        let api_version = API_VERSION.to_owned();
        Ok(Account { id, name, api_version, now, findings: survey.findings })
    }

    /// What was missing may have been mended since.
    fn is_good(&self, survey: &Survey) -> bool {
        let age = self.client.clock().now().duration_since(survey.at);
        survey.findings.is_empty() && age < SURVEY_LIFE
    }

    async fn organization(&self) -> Result<(String, String, Timestamp)> {
        let request = Request::get(Operation::Probe, self.path("org"));
        let read = |reply: &Reply| {
            let now = reply.date();
            let now = now.ok_or_else(|| reply.malformed("the answer has no `Date` header"))?;
            let orgs: Orgs = reply.json()?;
            let org = orgs.org.into_iter().next();
            let org = org.ok_or_else(|| reply.malformed("the answer names no organisation"))?;
            let id = org.zgid.unwrap_or(org.id);
            Ok((id.clone(), format!("{} (Zoho org {id})", org.company_name), now))
        };
        let classify = |failure: &Failure<'_>| Reading::default().classify(failure);
        self.client.fetch(request, &classify, read).await
    }
}
