//! What people do inside the org: the sandbox's levers.

use serde_json::{Map, Value, json};

use super::desk::Desk;
use super::module::{Module, SE_MODULE};
use super::problem::Problem;
use super::render::Lookups;
use super::{Zoho, route, time};
use crate::fake::{Bin, Fields, Refusal, Touch};
use crate::people::Person;
use crate::world::{Record, Source, State, Table, World};

impl Zoho {
    fn known(&self, kind: &str) -> Result<&Module, Refusal> {
        let unknown = || Refusal::missing(format!("there is no module {kind}"));
        self.catalog.module(kind).ok_or_else(unknown)
    }

    /// Lets a person write.
    pub(super) fn by_person<R>(
        &self,
        world: &mut World,
        kind: &str,
        act: impl FnOnce(&mut Desk<'_>, &Module) -> Result<R, Problem>,
    ) -> Result<R, Refusal> {
        let module = self.known(kind)?;
        let mut desk = Desk {
            catalog: &self.catalog,
            users: &self.users,
            world,
            source: Source::User,
            module_name: module.name,
        };
        act(&mut desk, module).map_err(|problem| refusal(&problem))
    }

    pub(super) fn control_records(
        &self,
        world: &World,
        kind: &str,
        bin: Bin,
    ) -> Result<Vec<Value>, Refusal> {
        let module = self.known(kind)?;
        let all = world.table(module.name).into_iter().flat_map(Table::all);
        let wanted = all.filter(|record| match bin {
            Bin::Live => record.state() == State::Live,
            Bin::Archived => record.state() != State::Live,
        });
        Ok(wanted.map(|record| self.control_row(world, module, record)).collect())
    }

    pub(super) fn control_record(
        &self,
        world: &World,
        kind: &str,
        id: &str,
    ) -> Result<Value, Refusal> {
        let module = self.known(kind)?;
        let key = id.parse().ok();
        let record = world.table(module.name).and_then(|table| table.get(key?));
        let unknown = || Refusal::missing(format!("there is no {} {id}", module.name));
        Ok(self.control_row(world, module, record.ok_or_else(unknown)?))
    }

    fn control_row(&self, world: &World, module: &Module, record: &Record) -> Value {
        let view = self.view(world);
        let mut fields: Map<String, Value> = module
            .fields
            .iter()
            .map(|field| {
                let value = view.value(module, record, field, Lookups::Bare);
                (field.name.clone(), route::bare(value))
            })
            .filter(|(_, value)| !value.is_null())
            .collect();
        if let Some(name) = module.kin.and_then(|column| record.get(column)) {
            fields.insert(SE_MODULE.to_owned(), Value::from(name));
        }
        json!({
            "id": record.key().to_string(),
            "modified": time::local(record.modified_ms(), self.options.offset_minutes),
            "archived": record.state() != State::Live,
            "fields": fields,
        })
    }

    pub(super) fn control_touch(&self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        let name = self.known(&touch.kind)?.name;
        let keys: Vec<u64> = if let Some(ids) = &touch.ids {
            ids.iter().filter_map(|id| id.parse().ok()).collect()
        } else {
            let live = world.table(name).into_iter().flat_map(|table| table.live_after(0));
            live.map(Record::key).collect()
        };
        let mut count = 0;
        for key in keys {
            self.by_person(world, name, |desk, module| {
                desk.update(module, key, &touch.fields, (0, None))
            })?;
            if let Some(at_ms) = touch.at_ms {
                world.table_mut(name).touch(key, at_ms - at_ms.rem_euclid(1_000));
            }
            count += 1;
        }
        Ok(count)
    }

    pub(super) fn control_person(&self, person: &Person) -> Fields {
        // The org refuses a contact without a last name; its users then put the first name there.
        let (first, last) = if person.last_name.trim().is_empty() {
            ("", person.first_name.as_str())
        } else {
            (person.first_name.as_str(), person.last_name.as_str())
        };
        let last = if last.trim().is_empty() { person.email.as_str() } else { last };
        let values = [
            ("First_Name", first),
            ("Last_Name", last),
            ("Email", &person.email),
            ("Phone", &person.phone),
            ("Title", &person.job_title),
            ("Mailing_Street", &person.street),
            ("Mailing_City", &person.city),
            ("Mailing_State", &person.region),
            ("Mailing_Zip", &person.postal_code),
            ("Mailing_Country", &person.country),
            (super::module::COMPANY, &person.company),
        ];
        let module = self.catalog.module("Contacts");
        let has = |name: &str| module.is_some_and(|module| module.field(name).is_some());
        let held = values.iter().filter(|(name, value)| has(name) && !value.is_empty());
        held.map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
    }
}

pub(super) fn refusal(problem: &Problem) -> Refusal {
    let message = format!("{}: {} {}", problem.code, problem.message, problem.details);
    match problem.code {
        "DUPLICATE_DATA" => Refusal::conflict(message),
        "INVALID_DATA" if problem.details.get("api_name") == Some(&json!("id")) => {
            Refusal::missing(message)
        }
        _ => Refusal::invalid(message),
    }
}
