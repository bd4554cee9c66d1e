//! Fills an account with an invented business, as its users would have entered it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Salesflare, control};
use crate::fake::{Dialect, Fields, Refusal};
use crate::scene::{Company, Deal, Progress, Scene, Sort, Stage};
use crate::world::World;

/// Ids by what a person knows a record by.
type Ids = BTreeMap<String, String>;

impl Salesflare {
    /// Enters a whole scene. An opportunity needs an account, so deals without a company stay
    /// with the others; and of activities only tasks have a list here.
    pub(super) fn enter(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        let mut companies = Ids::new();
        for company in &scene.companies {
            let id = self.create(world, "accounts", &company_fields(company))?;
            companies.insert(company.domain.clone(), id);
        }
        let mut people = Ids::new();
        for (person, employer) in &scene.people {
            let mut fields = control::person(person);
            refer(&mut fields, "account", employer.as_ref(), &companies);
            let id = self.create(world, "contacts", &fields)?;
            people.insert(person.email.clone(), id);
        }
        for deal in &scene.deals {
            let mut fields = deal_fields(deal);
            refer(&mut fields, "account", deal.company.as_ref(), &companies);
            refer(&mut fields, "main_contact", deal.people.first(), &people);
            if fields.contains_key("account") {
                self.create(world, "opportunities", &fields)?;
            }
        }
        for task in scene.activities.iter().filter(|activity| activity.sort == Sort::Task) {
            let done = task.progress == Progress::Done;
            let mut fields = held([
                ("description", json!(task.subject)),
                ("reminder_date", json!(task.at)),
                ("completed", json!(done.to_string())),
            ]);
            refer(&mut fields, "account", task.company.as_ref(), &companies);
            self.create(world, "tasks", &fields)?;
        }
        Ok(())
    }
}

fn held<const N: usize>(pairs: [(&str, Value); N]) -> Fields {
    let held = pairs.into_iter().filter(|(_, value)| value.as_str() != Some(""));
    held.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn refer(fields: &mut Fields, field: &str, to: Option<&String>, ids: &Ids) {
    if let Some(id) = to.and_then(|name| ids.get(name)) {
        fields.insert(field.to_owned(), json!(id));
    }
}

fn company_fields(company: &Company) -> Fields {
    held([
        ("name", json!(company.name)),
        ("domain", json!(company.domain)),
        ("website", json!(format!("https://{}", company.domain))),
        ("phone_number", json!(company.phone)),
        ("address.city", json!(company.city)),
        ("address.country", json!(company.country)),
        ("size", json!(company.employees.to_string())),
    ])
}

fn deal_fields(deal: &Deal) -> Fields {
    let stage = match deal.stage {
        Stage::New if deal.variant.is_multiple_of(2) => "481",
        Stage::New => "482",
        Stage::Qualified => "483",
        Stage::Proposal => "484",
        Stage::Won => "485",
        Stage::Lost => "486",
    };
    held([
        ("name", json!(deal.title)),
        ("value", json!(deal.amount)),
        ("stage", json!(stage)),
        ("currency", json!("1")),
        ("close_date", json!(deal.close)),
    ])
}
