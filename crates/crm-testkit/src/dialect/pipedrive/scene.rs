//! Fills a company with an invented business, as its users would have entered it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Pipedrive, control};
use crate::fake::{Fields, Refusal};
use crate::scene::{Progress, Scene, Sort, Stage};
use crate::world::World;

/// Ids by what a person knows a record by.
type Ids = BTreeMap<String, String>;

impl Pipedrive {
    /// Enters a whole scene; notes have no place among the activities.
    pub(super) fn enter(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        let mut companies = Ids::new();
        for company in &scene.companies {
            let fields = held([
                ("name", json!(company.name)),
                ("Domain", json!(company.domain)),
                ("website", json!(format!("https://{}", company.domain))),
                ("Phone", json!(company.phone)),
                ("address.locality", json!(company.city)),
                ("address.country", json!(company.country)),
                ("employee_count", json!(company.employees)),
            ]);
            let id = self.user_create(world, "organizations", &fields)?;
            companies.insert(company.domain.clone(), id);
        }
        let mut people = Ids::new();
        for (person, employer) in &scene.people {
            let mut fields = control::person(person);
            tie(&mut fields, "org_id", employer.as_ref().and_then(|domain| companies.get(domain)));
            let id = self.user_create(world, "persons", &fields)?;
            people.insert(person.email.clone(), id);
        }
        let mut deals = Ids::new();
        for deal in &scene.deals {
            let stage = match (deal.stage, deal.variant % 2) {
                (Stage::New, _) => "1",
                (Stage::Qualified, _) => "2",
                (Stage::Proposal, 0) => "4",
                (Stage::Proposal, _) => "5",
                (Stage::Won, _) => "won",
                (Stage::Lost, _) => "lost",
            };
            let mut fields = held([
                ("title", json!(deal.title)),
                ("value", json!(deal.amount)),
                ("stage", json!(stage)),
                ("expected_close_date", json!(deal.close)),
            ]);
            let company = deal.company.as_ref().and_then(|domain| companies.get(domain));
            tie(&mut fields, "org_id", company);
            let person = deal.people.iter().find_map(|email| people.get(email));
            tie(&mut fields, "person_id", person);
            let id = self.user_create(world, "deals", &fields)?;
            deals.insert(deal.title.clone(), id);
        }
        self.enter_activities(world, scene, [&companies, &people, &deals])
    }

    fn enter_activities(
        &self,
        world: &mut World,
        scene: &Scene,
        [companies, people, deals]: [&Ids; 3],
    ) -> Result<(), Refusal> {
        for activity in scene.activities.iter().filter(|activity| activity.sort != Sort::Note) {
            let sort = match activity.sort {
                Sort::Task | Sort::Note => "task",
                Sort::Call => "call",
                Sort::Meeting => "meeting",
                Sort::Email => "email",
            };
            let mut fields = held([
                ("subject", json!(activity.subject)),
                ("note", json!(activity.body)),
                ("type", json!(sort)),
                ("due_date", json!(activity.at)),
                ("done", json!(activity.progress == Progress::Done)),
            ]);
            if activity.duration_s > 0 && activity.sort == Sort::Call {
                fields.insert("duration".to_owned(), json!(activity.duration_s.to_string()));
            }
            let ids = activity.people.iter().filter_map(|email| people.get(email));
            let ids = ids.filter_map(|id| id.parse::<u64>().ok());
            let row = |(place, id): (usize, u64)| json!({ "person_id": id, "primary": place == 0 });
            let rows: Vec<Value> = ids.enumerate().map(row).collect();
            fields.insert("participants".to_owned(), json!(rows));
            let company = activity.company.as_ref().and_then(|domain| companies.get(domain));
            tie(&mut fields, "org_id", company);
            tie(&mut fields, "deal_id", activity.deal.as_ref().and_then(|title| deals.get(title)));
            self.user_create(world, "activities", &fields)?;
        }
        Ok(())
    }
}

fn tie(fields: &mut Fields, name: &str, id: Option<&String>) {
    if let Some(id) = id {
        fields.insert(name.to_owned(), json!(id));
    }
}

fn held<const N: usize>(pairs: [(&str, Value); N]) -> Fields {
    let held = pairs.into_iter().filter(|(_, value)| value.as_str() != Some(""));
    held.map(|(name, value)| (name.to_owned(), value)).collect()
}
