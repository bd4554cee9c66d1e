//! Fills an account with an invented business, as its users would have entered it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::association::{self, Role};
use super::{HubSpot, control};
use crate::fake::{Dialect, Fields, Refusal};
use crate::scene::{Activity, Company, Deal, Progress, Scene, Sort, Stage};
use crate::world::{Source, World};

/// Ids by what a person knows a record by.
type Ids = BTreeMap<String, String>;

impl HubSpot {
    /// Enters a whole scene.
    pub(super) fn enter(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        let mut companies = Ids::new();
        for company in &scene.companies {
            let id = self.create(world, "companies", &company_fields(company))?;
            companies.insert(company.domain.clone(), id);
        }
        let mut people = Ids::new();
        for (person, employer) in &scene.people {
            let id = self.create(world, "contacts", &control::person(person))?;
            if let Some(company) = employer.as_ref().and_then(|domain| companies.get(domain)) {
                self.join(world, ("contacts", &id), ("companies", company), Role::Primary)?;
            }
            people.insert(person.email.clone(), id);
        }
        let mut deals = Ids::new();
        for deal in &scene.deals {
            let id = self.create(world, "deals", &deal_fields(deal))?;
            if let Some(company) = deal.company.as_ref().and_then(|domain| companies.get(domain)) {
                self.join(world, ("deals", &id), ("companies", company), Role::Primary)?;
            }
            for person in deal.people.iter().filter_map(|email| people.get(email)) {
                self.join(world, ("deals", &id), ("contacts", person), Role::Plain)?;
            }
            deals.insert(deal.title.clone(), id);
        }
        for activity in &scene.activities {
            let (kind, fields) = activity_fields(activity);
            let id = self.create(world, kind, &fields)?;
            let company = activity.company.as_ref().and_then(|domain| companies.get(domain));
            let deal = activity.deal.as_ref().and_then(|title| deals.get(title));
            let ties =
                activity.people.iter().filter_map(|email| Some(("contacts", people.get(email)?)));
            let ties = ties.chain(company.map(|id| ("companies", id)));
            for (to, other) in ties.chain(deal.map(|id| ("deals", id))) {
                self.join(world, (kind, &id), (to, other), Role::Plain)?;
            }
        }
        Ok(())
    }

    fn join(
        &mut self,
        world: &mut World,
        from: (&str, &str),
        to: (&str, &str),
        role: Role,
    ) -> Result<(), Refusal> {
        let (one, other) = (control::kind(from.0)?, control::kind(to.0)?);
        let types = association::types(one, other);
        let types: Vec<u32> =
            types.iter().filter(|known| known.role == role).map(|known| known.id).collect();
        self.make(world, (one, from.1), (other, to.1), &types, Source::User)
            .map_err(control::refusal)
    }
}

fn held<const N: usize>(pairs: [(&str, Value); N]) -> Fields {
    let held = pairs.into_iter().filter(|(_, value)| value.as_str() != Some(""));
    held.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn company_fields(company: &Company) -> Fields {
    held([
        ("name", json!(company.name)),
        ("domain", json!(company.domain)),
        ("website", json!(format!("https://{}", company.domain))),
        ("phone", json!(company.phone)),
        ("city", json!(company.city)),
        ("country", json!(company.country)),
        ("numberofemployees", json!(company.employees.to_string())),
    ])
}

fn deal_fields(deal: &Deal) -> Fields {
    const OFFERED: [&str; 3] = ["presentationscheduled", "decisionmakerboughtin", "contractsent"];
    let stage = match deal.stage {
        Stage::New => "appointmentscheduled",
        Stage::Qualified => "qualifiedtobuy",
        Stage::Proposal => OFFERED.get(deal.variant % 3).copied().unwrap_or("contractsent"),
        Stage::Won => "closedwon",
        Stage::Lost => "closedlost",
    };
    held([
        ("dealname", json!(deal.title)),
        ("amount", json!(deal.amount)),
        ("pipeline", json!("default")),
        ("dealstage", json!(stage)),
        ("closedate", json!(deal.close)),
    ])
}

fn activity_fields(activity: &Activity) -> (&'static str, Fields) {
    let (subject, body, at) = (json!(activity.subject), json!(activity.body), json!(activity.at));
    let done = activity.progress == Progress::Done;
    match activity.sort {
        Sort::Task => {
            let status = if done { "COMPLETED" } else { "NOT_STARTED" };
            let fields = held([
                ("hs_task_subject", subject),
                ("hs_task_body", body),
                ("hs_timestamp", at),
                ("hs_task_status", json!(status)),
                ("hs_task_priority", json!("MEDIUM")),
            ]);
            ("tasks", fields)
        }
        Sort::Call => {
            let fields = held([
                ("hs_call_title", subject),
                ("hs_call_body", body),
                ("hs_timestamp", at),
                // Milliseconds there.
                ("hs_call_duration", json!((u64::from(activity.duration_s) * 1_000).to_string())),
                ("hs_call_direction", json!("OUTBOUND")),
            ]);
            ("calls", fields)
        }
        Sort::Meeting => {
            let fields = held([
                ("hs_meeting_title", subject),
                ("hs_meeting_body", body),
                ("hs_timestamp", at.clone()),
                ("hs_meeting_start_time", at),
                ("hs_meeting_end_time", json!(activity.ends)),
            ]);
            ("meetings", fields)
        }
        Sort::Email => {
            let fields = held([
                ("hs_email_subject", subject),
                ("hs_email_text", body),
                ("hs_timestamp", at),
                ("hs_email_direction", json!("EMAIL")),
                ("hs_email_status", json!("SENT")),
            ]);
            ("emails", fields)
        }
        Sort::Note => ("notes", held([("hs_note_body", body), ("hs_timestamp", at)])),
    }
}
