//! The account: which org it is, and whether what is known of it is still good.

use crm_core::{Account, Operation, Result};
use crm_http::{Failure, Reply, Request};
use jiff::{SignedDuration, Timestamp};

use crate::Salesforce;
use crate::error::Reading;
use crate::soql::Select;
use crate::survey::Survey;
use crate::wire::Page;

/// How long a survey is good for.
const SURVEY_LIFE: SignedDuration = SignedDuration::from_hours(1);

impl Salesforce {
    /// Asks who the org is and, at most once an hour, what it is set up with.
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
}
