//! Fills an org with an invented business, as its users would have entered it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Zoho;
use crate::fake::{Dialect, Fields, Refusal};
use crate::scene::{Activity, Company, Deal, Progress, Scene, Sort, Stage};
use crate::world::World;

/// Ids by what a person knows a record by.
type Ids = BTreeMap<String, String>;

impl Zoho {
    /// Enters a whole scene.
    pub(super) fn enter(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        let mut companies = Ids::new();
        for company in &scene.companies {
            let id = self.create(world, "Accounts", &company_fields(company))?;
            companies.insert(company.domain.clone(), id);
        }
        let mut people = Ids::new();
        for (person, employer) in &scene.people {
            let mut fields = self.control_person(person);
            refer(&mut fields, "Account_Name", employer.as_ref(), &companies);
            let id = self.create(world, "Contacts", &fields)?;
            people.insert(person.email.clone(), id);
        }
        let mut deals = Ids::new();
        for deal in &scene.deals {
            let mut fields = deal_fields(deal);
            refer(&mut fields, "Account_Name", deal.company.as_ref(), &companies);
            refer(&mut fields, "Contact_Name", deal.people.first(), &people);
            let id = self.create(world, "Deals", &fields)?;
            deals.insert(deal.title.clone(), id);
        }
        for activity in &scene.activities {
            let (kind, mut fields) = activity_fields(activity);
            if kind == "Notes" {
                refer(&mut fields, "Parent_Id", activity.people.first(), &people);
                if !fields.contains_key("Parent_Id") {
                    continue;
                }
            }
            refer(&mut fields, "Who_Id", activity.people.first(), &people);
            refer(&mut fields, "What_Id", activity.company.as_ref(), &companies);
            refer(&mut fields, "What_Id", activity.deal.as_ref(), &deals);
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
        ("Account_Name", json!(company.name)),
        ("Website", json!(format!("https://{}", company.domain))),
        ("Phone", json!(company.phone)),
        ("Billing_City", json!(company.city)),
        ("Billing_Country", json!(company.country)),
        ("Employees", json!(company.employees)),
    ])
}

fn deal_fields(deal: &Deal) -> Fields {
    const QUALIFIED: [&str; 3] = ["Needs Analysis", "Value Proposition", "Id. Decision Makers"];
    const OFFERED: [&str; 2] = ["Proposal/Price Quote", "Negotiation/Review"];
    const LOST: [&str; 2] = ["Closed Lost", "Closed Lost to Competition"];
    let nth = |of: &[&'static str]| of.get(deal.variant % of.len()).copied().unwrap_or_default();
    let stage = match deal.stage {
        Stage::New => "Qualification",
        Stage::Qualified => nth(&QUALIFIED),
        Stage::Proposal => nth(&OFFERED),
        Stage::Won => "Closed Won",
        Stage::Lost => nth(&LOST),
    };
    let amount: Value = serde_json::from_str(&deal.amount).unwrap_or(Value::Null);
    held([
        ("Deal_Name", json!(deal.title)),
        ("Amount", amount),
        ("Stage", json!(stage)),
        ("Closing_Date", json!(deal.close)),
    ])
}

fn activity_fields(activity: &Activity) -> (&'static str, Fields) {
    let (subject, body) = (json!(activity.subject), json!(activity.body));
    match activity.sort {
        Sort::Task | Sort::Email => {
            let done = activity.progress == Progress::Done || activity.sort == Sort::Email;
            let fields = held([
                ("Subject", subject),
                ("Description", body),
                ("Due_Date", json!(activity.at.get(..10).unwrap_or_default())),
                ("Status", json!(if done { "Completed" } else { "Not Started" })),
                ("Priority", json!("Normal")),
            ]);
            ("Tasks", fields)
        }
        Sort::Call => {
            let fields = held([
                ("Subject", subject),
                ("Description", body),
                ("Call_Start_Time", json!(activity.at)),
                ("Call_Duration_in_seconds", json!(activity.duration_s)),
                ("Call_Type", json!("Outbound")),
            ]);
            ("Calls", fields)
        }
        Sort::Meeting => {
            let fields = held([
                ("Event_Title", subject),
                ("Description", body),
                ("Start_DateTime", json!(activity.at)),
                ("End_DateTime", json!(activity.ends)),
            ]);
            ("Events", fields)
        }
        Sort::Note => {
            let fields = held([("Note_Title", subject), ("Note_Content", body)]);
            ("Notes", fields)
        }
    }
}
