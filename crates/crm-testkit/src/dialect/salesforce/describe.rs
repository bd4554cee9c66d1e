//! The org's object types: compact tables of names, types, lengths and flags, and the describe
//! answers made from them.

mod account;
pub(super) mod answer;
mod contact;
mod currency;
mod event;
mod kind;
mod lead;
mod opportunity;
mod picklist;
mod stage;
mod task;
mod user;

pub(super) use self::kind::{Children, Field, Kind, OnDelete, Origin, Type};
use crate::world::World;

/// The object types: name, plural, id prefix, flags (see [`Kind`]).
const KINDS: &[(&str, &str, &str, &str, &str)] = &[
    ("Account", "Accounts", "001", "wumsr", account::ACCOUNT),
    ("Contact", "Contacts", "003", "wumsr", contact::CONTACT),
    ("Event", "Events", "00U", "wusr", event::EVENT),
    ("FieldPermissions", "Field Permissions", "01k", "w", user::FIELD_PERMISSIONS),
    ("Lead", "Leads", "00Q", "wumsr", lead::LEAD),
    ("Opportunity", "Opportunities", "006", "wusr", opportunity::OPPORTUNITY),
    ("OpportunityContactRole", "Roles", "00K", "wr", opportunity::OPPORTUNITY_CONTACT_ROLE),
    ("OpportunityStage", "Opportunity Stages", "01J", "a", stage::OPPORTUNITY_STAGE),
    ("Organization", "Organizations", "00D", "", user::ORGANIZATION),
    ("PermissionSet", "Permission Sets", "0PS", "", user::PERMISSION_SET),
    (ASSIGNMENT, "Permission Set Assignments", "0Pa", "", user::PERMISSION_SET_ASSIGNMENT),
    ("Task", "Tasks", "00T", "wusr", task::TASK),
    ("User", "Users", "005", "sra", user::USER),
];

/// Parent, child, the child's field, the relationship's name, what a delete does.
const CHILDREN: &[(&str, &str, &str, Option<&str>, OnDelete)] = &[
    ("Account", "Account", "ParentId", Some("ChildAccounts"), OnDelete::Keep),
    ("Account", "Contact", "AccountId", Some("Contacts"), OnDelete::Cascade),
    ("Account", "Opportunity", "AccountId", Some("Opportunities"), OnDelete::Cascade),
    ("Account", "Task", "WhatId", Some("Tasks"), OnDelete::Cascade),
    ("Account", "Event", "WhatId", Some("Events"), OnDelete::Cascade),
    ("Contact", "Contact", "ReportsToId", None, OnDelete::Keep),
    (CONTACT, ROLE, "ContactId", Some("OpportunityContactRoles"), OnDelete::Cascade),
    ("Contact", "Opportunity", "ContactId", Some("Opportunities"), OnDelete::Keep),
    ("Contact", "Task", "WhoId", Some("Tasks"), OnDelete::Cascade),
    ("Contact", "Event", "WhoId", Some("Events"), OnDelete::Cascade),
    ("Lead", "Task", "WhoId", Some("Tasks"), OnDelete::Cascade),
    ("Lead", "Event", "WhoId", Some("Events"), OnDelete::Cascade),
    ("Opportunity", ROLE, "OpportunityId", Some("OpportunityContactRoles"), OnDelete::Cascade),
    ("Opportunity", "Task", "WhatId", Some("Tasks"), OnDelete::Cascade),
    ("Opportunity", "Event", "WhatId", Some("Events"), OnDelete::Cascade),
];

const ASSIGNMENT: &str = "PermissionSetAssignment";
const CONTACT: &str = "Contact";
const ROLE: &str = "OpportunityContactRole";

/// Where custom fields of Task and Event are defined: a type of its own, without records.
pub(super) const ACTIVITY: &str = "Activity";
/// The types that share what is defined there.
const ACTIVITIES: &[&str] = &["Event", "Task"];

/// The field that carries our uid in a sandbox: an external id, unique.
pub(super) const UID: &str = "Crm_Sync_Uid__c string 36 cuniqxsfg";
/// The same on Task and Event, where no custom field can be unique.
pub(super) const ACTIVITY_UID: &str = "Crm_Sync_Uid__c string 36 cunsfg";
/// The field that carries the company's name as a text.
pub(super) const COMPANY: &str = "Company_Text__c string 255 cunsfg";

/// The org's object types.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) kinds: Vec<Kind>,
    /// When the describe answers last changed, in milliseconds since 1970.
    pub(super) changed_ms: i64,
}

impl Catalog {
    /// Lays out the types and their columns and look-ups; only an org with several currencies
    /// has types and fields for them.
    pub(super) fn new(world: &mut World, currencies: &[String]) -> Self {
        let mut kinds = Vec::with_capacity(KINDS.len() + 1);
        let several = currency::KIND.iter().filter(|_| !currencies.is_empty());
        for (name, plural, prefix, flags, table) in KINDS.iter().chain(several) {
            let columns = world.table_mut(name);
            let mut kind = Kind::new((name, plural, prefix, flags), table, columns);
            for (_, child, field, relationship, delete) in
                CHILDREN.iter().filter(|row| row.0 == *name)
            {
                kind.children.push(Children {
                    kind: child,
                    field,
                    name: *relationship,
                    delete: *delete,
                });
            }
            for field in kind.fields.iter().filter(|field| field.has('i') && field.name != "Id") {
                columns.add_index(&field.name, &[&field.name], None);
            }
            kinds.push(kind);
        }
        let changed_ms = world.now_ms() - world.now_ms().rem_euclid(1_000);
        let mut catalog = Self { kinds, changed_ms };
        if !currencies.is_empty() {
            for kind in currency::KINDS {
                catalog.add(world, kind, currency::FIELD);
                catalog.offer(kind, currency::NAME, currencies, currencies.first());
            }
        }
        catalog
    }

    /// Sets the values of a picklist, and the one that a new record gets.
    pub(super) fn offer(
        &mut self,
        kind: &str,
        field: &str,
        values: &[String],
        default: Option<&String>,
    ) {
        let kind = self.kinds.iter_mut().find(|known| known.name == kind);
        if let Some(field) = kind.and_then(|kind| kind.fields.iter_mut().find(|f| f.name == field))
        {
            field.values = values.to_vec();
            field.default = default.cloned();
        }
    }

    /// Returns whether a field of that name exists where custom fields of a type are defined.
    pub(super) fn defines(&self, place: &str, field: &str) -> bool {
        let mut kinds = Self::defined(place).iter().copied().filter_map(|name| self.kind(name));
        kinds.any(|kind| kind.field(field).is_some())
            || self.kind(place).is_some_and(|kind| kind.field(field).is_some())
    }

    /// Returns the types that have what is defined at a place that is no type itself.
    fn defined(place: &str) -> &'static [&'static str] {
        if place == ACTIVITY { ACTIVITIES } else { &[] }
    }

    /// Returns whether custom fields of a type are defined elsewhere.
    pub(super) fn is_defined_elsewhere(kind: &str) -> bool {
        ACTIVITIES.contains(&kind)
    }

    /// Adds a field in the compact form; false if the type is unknown or the line is not one.
    pub(super) fn add(&mut self, world: &mut World, kind: &str, line: &str) -> bool {
        let several = Self::defined(kind);
        if !several.is_empty() {
            return several.iter().all(|kind| self.add(world, kind, line));
        }
        let now_ms = world.now_ms();
        let Some(kind) = self.kinds.iter_mut().find(|known| known.name == kind) else {
            return false;
        };
        let table = world.table_mut(kind.name);
        let Some(field) = Field::read(kind.name, line, table) else {
            return false;
        };
        if field.has('i') {
            table.add_index(&field.name, &[&field.name], None);
        }
        kind.add(field);
        self.changed_ms = now_ms - now_ms.rem_euclid(1_000);
        true
    }

    /// Returns a type and its place by name, in any case of letters.
    pub(super) fn find(&self, name: &str) -> Option<(usize, &Kind)> {
        let named = |kind: &Kind| kind.name.eq_ignore_ascii_case(name);
        let place = self.kinds.iter().position(named)?;
        Some((place, self.kinds.get(place)?))
    }

    /// Returns a type by name, in any case of letters.
    pub(super) fn kind(&self, name: &str) -> Option<&Kind> {
        self.find(name).map(|found| found.1)
    }

    /// Returns the type that an id belongs to.
    pub(super) fn of_id(&self, id: &str) -> Option<&Kind> {
        let prefix = id.get(..3)?;
        self.kinds.iter().find(|kind| kind.prefix == prefix)
    }
}
