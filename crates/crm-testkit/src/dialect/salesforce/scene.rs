//! Fills an org with an invented business, as its users would have entered it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Salesforce;
use crate::fake::{Dialect, Fields, Refusal};
use crate::scene::{Activity, Company, Deal, Progress, Scene, Sort, Stage};
use crate::world::World;

/// Ids by what a person knows a record by.
type Ids = BTreeMap<String, String>;

impl Salesforce {
    /// Enters a whole scene.
    pub(super) fn enter(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        let mut companies = Ids::new();
        for company in &scene.companies {
            let id = self.create(world, "Account", &company_fields(company))?;
            companies.insert(company.domain.clone(), id);
        }
        let mut people = Ids::new();
        for (person, employer) in &scene.people {
            let mut fields = self.control_person(person);
            refer(&mut fields, "AccountId", employer.as_ref(), &companies);
            let id = self.create(world, "Contact", &fields)?;
            people.insert(person.email.clone(), id);
        }
        let mut deals = Ids::new();
        for deal in &scene.deals {
            let mut fields = deal_fields(deal);
            refer(&mut fields, "AccountId", deal.company.as_ref(), &companies);
            let id = self.create(world, "Opportunity", &fields)?;
            for person in deal.people.iter().filter_map(|email| people.get(email)) {
                let role = [("OpportunityId", json!(id)), ("ContactId", json!(person))];
                self.create(world, "OpportunityContactRole", &held(role))?;
            }
            deals.insert(deal.title.clone(), id);
        }
        for activity in &scene.activities {
            let (kind, mut fields) = activity_fields(activity);
            refer(&mut fields, "WhoId", activity.people.first(), &people);
            refer(&mut fields, "WhatId", activity.company.as_ref(), &companies);
            refer(&mut fields, "WhatId", activity.deal.as_ref(), &deals);
            self.create(world, kind, &fields)?;
        }
        Ok(())
    }
}

fn held<const N: usize>(pairs: [(&str, Value); N]) -> Fields {
    let held = pairs.into_iter().filter(|(_, value)| value.as_str() != Some(""));
    held.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn refer(fields: &mut Map<String, Value>, field: &str, to: Option<&String>, ids: &Ids) {
    if let Some(id) = to.and_then(|name| ids.get(name)) {
        fields.insert(field.to_owned(), json!(id));
    }
}

fn company_fields(company: &Company) -> Fields {
    held([
        ("Name", json!(company.name)),
        ("Website", json!(format!("https://{}", company.domain))),
        ("Phone", json!(company.phone)),
        ("BillingCity", json!(company.city)),
        ("BillingCountry", json!(company.country)),
        ("NumberOfEmployees", json!(company.employees)),
    ])
}

fn deal_fields(deal: &Deal) -> Fields {
    const QUALIFIED: [&str; 5] = [
        "Qualification",
        "Needs Analysis",
        "Value Proposition",
        "Id. Decision Makers",
        "Perception Analysis",
    ];
    const OFFERED: [&str; 2] = ["Proposal/Price Quote", "Negotiation/Review"];
    let stage = match deal.stage {
        Stage::New => "Prospecting",
        Stage::Qualified => QUALIFIED.get(deal.variant % 5).copied().unwrap_or("Qualification"),
        Stage::Proposal => OFFERED.get(deal.variant % 2).copied().unwrap_or("Negotiation/Review"),
        Stage::Won => "Closed Won",
        Stage::Lost => "Closed Lost",
    };
    let amount: Value = serde_json::from_str(&deal.amount).unwrap_or(Value::Null);
    held([
        ("Name", json!(deal.title)),
        ("Amount", amount),
        ("StageName", json!(stage)),
        ("CloseDate", json!(deal.close)),
    ])
}

fn activity_fields(activity: &Activity) -> (&'static str, Fields) {
    let (subject, body) = (json!(activity.subject), json!(activity.body));
    let day = json!(activity.at.get(..10).unwrap_or_default());
    let task = |subtype: &str, status: &str| {
        held([
            ("Subject", subject.clone()),
            ("Description", body.clone()),
            ("ActivityDate", day.clone()),
            ("Status", json!(status)),
            ("Priority", json!("Normal")),
            ("TaskSubtype", json!(subtype)),
        ])
    };
    match activity.sort {
        Sort::Task | Sort::Note => {
            let done = activity.progress == Progress::Done;
            ("Task", task("Task", if done { "Completed" } else { "Not Started" }))
        }
        Sort::Call => {
            let mut fields = task("Call", "Completed");
            fields.insert("CallDurationInSeconds".to_owned(), json!(activity.duration_s));
            fields.insert("CallType".to_owned(), json!("Outbound"));
            ("Task", fields)
        }
        Sort::Email => ("Task", task("Email", "Completed")),
        Sort::Meeting => {
            let fields = held([
                ("Subject", subject),
                ("Description", body),
                ("StartDateTime", json!(activity.at)),
                ("EndDateTime", json!(activity.ends)),
            ]);
            ("Event", fields)
        }
    }
}
