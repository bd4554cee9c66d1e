//! Writing one record: checks, collisions, what follows from what, and the echo.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::HubSpot;
use super::fail::{Fail, Problem};
use super::kind::Kind;
use super::property::Property;
use super::time::iso;
use super::view::View;
use super::{value, view};
use crate::world::{Bump, Changes, Source, State, Table, World};

/// Checked values by property name; an empty one clears.
pub(super) type Written = BTreeMap<String, String>;

/// Which write is echoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// A create.
    Create,
    /// An update.
    Update,
}

/// A value that belongs to another record.
#[derive(Debug)]
pub(super) enum Clash {
    /// A contact's address.
    Email { owner: u64 },
    /// A unique property's value.
    Unique { property: String, value: String, owner: u64 },
}

impl Clash {
    /// Returns the record that holds the value.
    pub(super) fn owner(&self) -> u64 {
        match self {
            Self::Email { owner } | Self::Unique { owner, .. } => *owner,
        }
    }

    /// Returns the vendor's refusal.
    pub(super) fn fail(&self, kind: &Kind) -> Fail {
        match self {
            Self::Email { owner } => {
                let message = format!("{} already exists. Existing ID: {owner}", kind.title);
                Fail::of(409, "CONFLICT", message)
            }
            Self::Unique { property, value, owner } => Fail::values(&[Problem {
                name: property.as_str().into(),
                code: "CONFLICTING_UNIQUE_VALUE",
                message: format!(
                    "Cannot set {property} to {value}. Object {owner} already has that value."
                )
                .into(),
            }]),
        }
    }
}

impl HubSpot {
    /// Returns the values to write, or everything that is wrong with them.
    pub(super) fn examine(
        &self,
        kind: &Kind,
        fields: &Map<String, Value>,
    ) -> Result<Written, Vec<Problem>> {
        let mut written = Written::new();
        let mut problems = Vec::new();
        for (name, value) in fields {
            let Some(property) = self.property(kind, name) else {
                problems.push(Problem {
                    name: name.as_str().into(),
                    code: "PROPERTY_DOESNT_EXIST",
                    message: format!("Property \"{name}\" does not exist").into(),
                });
                continue;
            };
            match value::check(&self.account, property, value) {
                Ok(Some(text)) => {
                    written.insert(name.clone(), text);
                }
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(written) } else { Err(problems) }
    }

    /// As [`examine`](Self::examine), with the vendor's refusal.
    pub(super) fn check(&self, kind: &Kind, fields: &Map<String, Value>) -> Result<Written, Fail> {
        self.examine(kind, fields).map_err(|problems| Fail::values(&problems))
    }

    /// Returns the first value that belongs to another record.
    pub(super) fn clash(
        &self,
        table: &Table,
        kind: &Kind,
        written: &Written,
        own: Option<u64>,
    ) -> Option<Clash> {
        if let Some(email) = written.get("email").filter(|email| !email.is_empty()) {
            // Chosen here: an archived contact gives its address free.
            let mut holders = table.find("email", email);
            let other =
                holders.find(|holder| Some(holder.key()) != own && holder.state() == State::Live);
            if let Some(other) = other {
                return Some(Clash::Email { owner: other.key() });
            }
        }
        for property in self.unique(kind).into_iter().filter(|name| name != "email") {
            let Some(value) = written.get(&property).filter(|value| !value.is_empty()) else {
                continue;
            };
            // Chosen here: an archived record keeps the value of a unique property.
            let mut holders = table.find(&property, value);
            if let Some(other) = holders.find(|holder| Some(holder.key()) != own) {
                let (value, owner) = (value.clone(), other.key());
                return Some(Clash::Unique { property, value, owner });
            }
        }
        None
    }

    /// Adds a record and returns its number.
    pub(super) fn insert(
        &mut self,
        world: &mut World,
        kind: &Kind,
        written: &Written,
        source: Source,
    ) -> Result<u64, Fail> {
        if let Some(clash) = self.clash(world.table_mut(kind.plural), kind, written, None) {
            return Err(clash.fail(kind));
        }
        Ok(self.add(world, kind, written, source))
    }

    /// Changes a record.
    pub(super) fn update(
        &mut self,
        world: &mut World,
        kind: &Kind,
        key: u64,
        written: &Written,
        source: Source,
    ) -> Result<(), Fail> {
        let stamp = world.stamp(source);
        let table = world.table_mut(kind.plural);
        if let Some(clash) = self.clash(table, kind, written, Some(key)) {
            return Err(clash.fail(kind));
        }
        let mut changes = Changes::new();
        for (name, text) in written {
            let column = table.column(name);
            let many = self.property(kind, name).is_some_and(Property::holds_many);
            let text = if many {
                let held = table.get(key).and_then(|record| record.get(column));
                value::append(held, text)
            } else {
                text.clone()
            };
            changes.insert(column, Some(text));
        }
        complete_task(table, kind, written, &mut changes, stamp.at_ms);
        self.complete_deal(table, kind, written, &mut changes);
        // Writing what is there already leaves the record as it is, its change stamp included.
        table.write(key, &changes, &stamp, Bump::IfChanged);
        Ok(())
    }

    /// Adds a record whose values are known to be fine, and returns its number.
    fn add(&self, world: &mut World, kind: &Kind, written: &Written, source: Source) -> u64 {
        let stamp = world.stamp(source);
        let key = world.next_key();
        let table = world.table_mut(kind.plural);
        let mut changes = Changes::new();
        for (name, text) in written {
            let column = table.column(name);
            changes.insert(column, Some(value::append(None, text)));
        }
        if matches!(kind.plural, "contacts" | "companies") {
            let stage = table.column("lifecyclestage");
            changes.entry(stage).or_insert_with(|| Some("lead".to_owned()));
        }
        if kind.plural == "companies" {
            let domain = written.get("domain").filter(|domain| !domain.is_empty());
            let website = table.column("website");
            if let Some(domain) = domain {
                changes.entry(website).or_insert_with(|| Some(domain.clone()));
            }
        }
        complete_task(table, kind, written, &mut changes, stamp.at_ms);
        self.complete_deal(table, kind, written, &mut changes);
        table.insert(key, &changes, &stamp);
        key
    }

    /// A stage brings its probability with it, and its pipeline to a deal that has none.
    fn complete_deal(
        &self,
        table: &mut Table,
        kind: &Kind,
        written: &Written,
        changes: &mut Changes,
    ) {
        let stage = written.get("dealstage").filter(|_| kind.plural == "deals");
        let Some((pipeline, stage)) = stage.and_then(|id| self.account.stage(id)) else {
            return;
        };
        for (name, value) in stage.shown() {
            changes.insert(table.column(name), Some(value.to_owned()));
        }
        if !written.contains_key("pipeline") {
            changes.insert(table.column("pipeline"), Some(pipeline.to_owned()));
        }
    }

    /// Returns the answer to a write: what was written, and what the vendor adds.
    pub(super) fn echo(
        &self,
        table: &Table,
        kind: &Kind,
        key: u64,
        written: &Written,
        what: Echo,
    ) -> Option<Bytes> {
        let record = table.get(key)?;
        let view = View::of(record);
        let mut shown: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
        for name in derived(kind, what) {
            if let Some(value) = view.value(kind, table.columns(), name) {
                shown.insert(name, value);
            }
        }
        for name in written.keys() {
            let value = view.value(kind, table.columns(), name);
            shown.insert(name, value.unwrap_or(Cow::Borrowed("")));
        }
        Some(self.render_echo(kind, record, &shown))
    }
}

/// Refuses a create that lacks what its type needs.
pub(super) fn needs(kind: &Kind, written: &Written) -> Result<(), Fail> {
    let has = |name: &&str| written.get(*name).is_some_and(|value| !value.is_empty());
    if kind.needs.is_empty() || kind.needs.iter().any(has) {
        return Ok(());
    }
    let message = format!(
        "Error creating {}. Some required properties were not set.",
        kind.singular.to_uppercase()
    );
    let row = json!({
        "message": format!("At least one of {} must be set.", kind.needs.join(", ")),
        "code": "MISSING_REQUIRED_PROPERTY",
        "context": { "properties": kind.needs },
    });
    Err(Fail::invalid(message).with("errors", json!([row])))
}

fn complete_task(
    table: &mut Table,
    kind: &Kind,
    written: &Written,
    changes: &mut Changes,
    at_ms: i64,
) {
    if kind.plural != "tasks" {
        return;
    }
    if let Some(status) = written.get("hs_task_status") {
        let done = status == "COMPLETED";
        changes.insert(table.column("hs_task_completion_date"), done.then(|| iso(at_ms)));
    }
}

fn derived(kind: &Kind, what: Echo) -> Vec<&'static str> {
    let mut names = vec![
        kind.created,
        kind.modified,
        "hs_object_id",
        "hs_object_source",
        "hs_object_source_id",
        "hs_object_source_label",
    ];
    let more: &[&str] = match (kind.plural, what) {
        ("contacts", Echo::Create) => &[
            "hs_all_contact_vids",
            "hs_email_domain",
            "hs_full_name_or_email",
            "hs_is_contact",
            "hs_is_unworked",
            "hs_lifecyclestage_lead_date",
            "hs_pipeline",
            "lifecyclestage",
            "num_notes",
        ],
        ("contacts", Echo::Update) => &["hs_is_unworked", "hs_pipeline", "lifecyclestage"],
        ("companies", _) => &["lifecyclestage", "website"],
        ("deals", _) => &[
            "amount_in_home_currency",
            "hs_deal_stage_probability",
            "hs_is_closed",
            "hs_is_closed_lost",
            "hs_is_closed_won",
        ],
        _ => &[view::BODY_PREVIEW],
    };
    names.extend(more);
    names
}
