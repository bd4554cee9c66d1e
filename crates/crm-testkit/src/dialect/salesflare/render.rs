//! How records are shown.

use serde_json::{Map, Value, json};

use super::body::PHONES;
use super::kind::Kind;
use super::office::{Office, shown_currency, shown_person, shown_stage};
use super::time;
use crate::world::{Record, World};

/// What a row is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) world: &'a World,
    pub(super) office: &'a Office,
}

/// Whether a record is shown alone, with all that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    Row,
    Alone,
}

impl<'a> View<'a> {
    /// Returns the value of a column.
    pub(super) fn text<'r>(&self, kind: &Kind, record: &'r Record, name: &str) -> Option<&'r str> {
        record.get(self.world.table(kind.name)?.columns().get(name)?)
    }

    /// Returns a live record.
    pub(super) fn live(&self, kind: &str, id: &str) -> Option<&'a Record> {
        self.world.table(kind)?.live(id.parse().ok()?)
    }

    /// Shows a record.
    pub(super) fn row(&self, kind: &Kind, record: &Record, depth: Depth) -> Value {
        match kind.name {
            "accounts" => self.account(kind, record),
            "contacts" => self.contact(kind, record),
            "opportunities" => self.opportunity(kind, record, depth),
            _ => self.task(kind, record),
        }
    }

    fn account(&self, kind: &Kind, record: &Record) -> Value {
        let text = |name: &str| json!(self.text(kind, record, name));
        let email = self.text(kind, record, "email");
        let emails: Vec<Value> =
            email.iter().map(|email| json!({ "id": sub(record, 8), "email": email })).collect();
        let parent = self.text(kind, record, "parent_account").and_then(|id| self.named(id));
        json!({
            "id": record.key(),
            "name": text("name"),
            "domain": text("domain"),
            "website": text("website"),
            "picture": text("picture"),
            "description": text("description"),
            "size": self.number(kind, record, "size"),
            "hotness": 0,
            "owner": self.user(kind, record, "owner"),
            "part_of": true,
            "can_edit": true,
            "addresses": self.addresses(kind, record),
            "email_addresses": emails,
            "phone_numbers": self.phones(kind, record),
            "social_profiles": [],
            "tags": self.tags(kind, record),
            "custom": self.custom(kind, record),
            "parent_account": parent,
            "last_email_date": null,
            "last_interaction": null,
            "last_interaction_date": null,
            "creation_date": time::iso(record.created_ms()),
            "modification_date": time::iso(record.modified_ms()),
        })
    }

    fn contact(&self, kind: &Kind, record: &Record) -> Value {
        let text = |name: &str| json!(self.text(kind, record, name));
        let flag = |name: &str| json!(self.text(kind, record, name) == Some("true"));
        let account = self.text(kind, record, "account").and_then(|id| self.named(id));
        let (organisation, role) = (text("position.organisation"), text("position.role"));
        let position = json!({ "id": sub(record, 9), "organisation": organisation, "role": role });
        let has_position = !organisation.is_null() || !role.is_null();
        let positions: Vec<Value> = has_position.then_some(position).into_iter().collect();
        json!({
            "id": record.key(),
            "prefix": text("prefix"),
            "firstname": text("firstname"),
            "middle": text("middle"),
            "lastname": text("lastname"),
            "suffix": text("suffix"),
            "name": self.full_name(kind, record),
            "email": text("email"),
            "domain": domain(self.text(kind, record, "email")),
            "picture": text("picture"),
            "creation_date": time::iso(record.created_ms()),
            "modification_date": time::iso(record.modified_ms()),
            "archived": flag("archived"),
            "not_viewed": false,
            "account": account,
            "owner": self.user(kind, record, "owner"),
            "connection_strength": 0,
            "last_email_date": null,
            "last_meeting_date": null,
            "social_profiles": [],
            "phone_number": text("phone_number"),
            "mobile_phone_number": text("mobile_phone_number"),
            "home_phone_number": text("home_phone_number"),
            "fax_number": text("fax_number"),
            "phone_numbers": self.phones(kind, record),
            "positions": positions,
            "organisation": organisation,
            "role": role,
            "addresses": self.addresses(kind, record),
            "tags": self.tags(kind, record),
            "custom": self.custom(kind, record),
            "birth_date": text("birth_date"),
            "bounced": flag("bounced"),
            "bounced_date": text("bounced_date"),
            "opt-out": flag("opt-out"),
            "opt-out_date": text("opt-out_date"),
            "opt-out_campaign": text("opt-out_campaign"),
            "files": [],
            "can_edit": true,
        })
    }

    fn opportunity(&self, kind: &Kind, record: &Record, depth: Depth) -> Value {
        let text = |name: &str| json!(self.text(kind, record, name));
        let number = |name: &str| self.number(kind, record, name);
        let stage = self.text(kind, record, "stage").and_then(|id| self.office.stage(id));
        let order = |id: u64| 1 + self.office.stages.iter().take_while(|s| s.id != id).count();
        let pipeline =
            stage.and_then(|s| self.office.pipelines.iter().find(|p| p.id == s.pipeline));
        let currency = self.text(kind, record, "currency").unwrap_or("1");
        let account = self.text(kind, record, "account").and_then(|id| self.named(id));
        let probability = number("probability");
        let mut row = json!({
            "id": record.key(),
            "owner": self.user(kind, record, "owner"),
            "account": account,
            "stage": stage.map(|stage| shown_stage(stage, order(stage.id))),
            "lost_reason": null,
            "assignee": self.user(kind, record, "assignee"),
            "name": text("name"),
            "value": number("value"),
            "calculated_value": number("value"),
            "frequency": text("frequency"),
            "units": number("units"),
            "contract_start_date": text("contract_start_date"),
            "contract_end_date": text("contract_end_date"),
            "recurring_price_per_unit": number("recurring_price_per_unit"),
            "currency": Office::currency(currency).map(shown_currency),
            "close_date": text("close_date"),
            "done": self.text(kind, record, "done") == Some("true"),
            "creator": self.number(kind, record, "creator"),
            "last_modified_by": self.office.me().map(|user| user.id),
            "modification_date": time::iso(record.modified_ms()),
            "creation_date": time::iso(record.created_ms()),
            "pipeline": pipeline.map(|p| json!({ "id": p.id, "name": p.name })),
            "last_interaction": null,
            "last_stage_change_date": time::iso(record.created_ms()),
            "tags": self.tags(kind, record),
            "custom": self.custom(kind, record),
            "can_edit": true,
            "probability": if probability.is_null() {
                json!(stage.map(|stage| stage.probability))
            } else {
                probability
            },
            "start_date": text("start_date"),
        });
        if let (Depth::Alone, Some(members)) = (depth, row.as_object_mut()) {
            members.insert("lead_source".to_owned(), Value::Null);
            members.insert("main_contact".to_owned(), self.main_contact(kind, record));
            members.insert("files".to_owned(), json!([]));
            members.insert("stage_updates".to_owned(), json!([]));
        }
        row
    }

    fn main_contact(&self, kind: &Kind, record: &Record) -> Value {
        let contacts = Kind::named("contacts");
        let id = self.text(kind, record, "main_contact");
        let found = id.and_then(|id| self.live("contacts", id));
        contacts.zip(found).map_or(Value::Null, |(kind, person)| {
            json!({
                "id": person.key(),
                "name": self.full_name(kind, person),
                "email": self.text(kind, person, "email"),
                "picture": null,
                "entity": "contact",
            })
        })
    }

    fn task(&self, kind: &Kind, record: &Record) -> Value {
        let text = |name: &str| json!(self.text(kind, record, name));
        let account = self.text(kind, record, "account").and_then(|id| self.named(id));
        let assignees = self.text(kind, record, "assignees").unwrap_or_default().split(',');
        let assignees: Vec<Value> =
            assignees.filter_map(|id| self.office.user(id)).map(shown_person).collect();
        let completed = self.text(kind, record, "completed") == Some("true");
        let changed = time::iso(record.modified_ms());
        json!({
            "id": record.key(),
            "type": "custom",
            "account": account,
            "creator": self.office.me().map(|user| user.id),
            "description": text("description"),
            "reminder_date": text("reminder_date"),
            "email": null,
            "company": null,
            "meeting": null,
            "completed": completed,
            "completion_date": completed.then_some(&changed),
            "completor": null,
            "archived": false,
            "archive_date": null,
            "archivor": null,
            "last_modified_by": null,
            "creation_date": time::iso(record.created_ms()),
            "modification_date": changed,
            "assignees": assignees,
            "can_edit": true,
        })
    }

    /// Returns a person's name, put together.
    pub(super) fn full_name(&self, kind: &Kind, record: &Record) -> Value {
        let parts = ["prefix", "firstname", "middle", "lastname", "suffix"];
        let parts: Vec<&str> =
            parts.iter().filter_map(|name| self.text(kind, record, name)).collect();
        if parts.is_empty() { Value::Null } else { json!(parts.join(" ")) }
    }

    fn named(&self, id: &str) -> Option<Value> {
        let kind = Kind::named("accounts")?;
        let record = self.live("accounts", id)?;
        let text = |name: &str| json!(self.text(kind, record, name));
        Some(json!({
            "id": record.key(),
            "picture": text("picture"),
            "name": text("name"),
            "domain": text("domain"),
        }))
    }

    fn user(&self, kind: &Kind, record: &Record, name: &str) -> Value {
        let user = self.text(kind, record, name).and_then(|id| self.office.user(id));
        user.map_or(Value::Null, shown_person)
    }

    fn number(&self, kind: &Kind, record: &Record, name: &str) -> Value {
        let text = self.text(kind, record, name);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
    }

    fn addresses(&self, kind: &Kind, record: &Record) -> Value {
        let text = |name: &str| json!(self.text(kind, record, name));
        let names = ["street", "city", "zip", "state_region", "country"];
        let held = names.iter().any(|name| !text(&format!("address.{name}")).is_null());
        let mut row = Map::new();
        row.insert("id".to_owned(), json!(sub(record, 1)));
        for name in names {
            row.insert(name.to_owned(), text(&format!("address.{name}")));
        }
        row.insert("region".to_owned(), text("address.state_region"));
        if held { json!([row]) } else { json!([]) }
    }

    fn phones(&self, kind: &Kind, record: &Record) -> Value {
        let row = |(place, (ty, column)): (usize, &(&str, &str))| {
            let number = self.text(kind, record, column)?;
            let place = u64::try_from(place).unwrap_or_default();
            Some(json!({ "id": sub(record, 2 + place), "number": number, "type": ty }))
        };
        PHONES.iter().enumerate().filter_map(row).collect()
    }

    fn tags(&self, kind: &Kind, record: &Record) -> Value {
        let names = self.text(kind, record, "tags").unwrap_or_default().split(',');
        let tag = |name: &str| self.office.tags.iter().find(|(_, known)| known == name);
        let tags = names.filter_map(tag);
        tags.map(|(id, name)| json!({ "id": id, "name": name })).collect()
    }

    fn custom(&self, kind: &Kind, record: &Record) -> Value {
        let mut members = Map::new();
        for field in self.office.customs.iter().filter(|field| field.class == kind.name) {
            let column = format!("custom.{}", field.api_field);
            if let Some(text) = self.text(kind, record, &column) {
                members.insert(field.api_field.clone(), field.shown(text));
            }
        }
        if members.is_empty() { Value::Null } else { Value::Object(members) }
    }
}

/// Returns the number of a row that belongs to a record.
fn sub(record: &Record, place: u64) -> u64 {
    record.key().saturating_mul(10).saturating_add(place)
}

fn domain(email: Option<&str>) -> Option<&str> {
    email?.split_once('@').map(|(_, domain)| domain)
}
