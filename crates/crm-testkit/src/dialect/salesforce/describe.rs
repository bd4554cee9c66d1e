//! The org's object types: compact tables of names, types, lengths and flags, and the describe
//! answers made from them.

mod account;
pub(super) mod answer;
mod contact;
mod event;
mod kind;
mod lead;
mod opportunity;
mod picklist;
mod task;
mod user;

pub(super) use self::kind::{Children, Field, Kind, OnDelete, Origin, Type};
use crate::world::World;

/// The object types: name, plural, id prefix, flags.
const KINDS: &[(&str, &str, &str, &str, &str)] = &[
    ("Account", "Accounts", "001", "wumsr", account::ACCOUNT),
    ("Contact", "Contacts", "003", "wumsr", contact::CONTACT),
    ("Event", "Events", "00U", "wusr", event::EVENT),
    ("FieldPermissions", "Field Permissions", "01k", "w", user::FIELD_PERMISSIONS),
    ("Lead", "Leads", "00Q", "wumsr", lead::LEAD),
    ("Opportunity", "Opportunities", "006", "wusr", opportunity::OPPORTUNITY),
    ("OpportunityContactRole", "Roles", "00K", "wr", opportunity::OPPORTUNITY_CONTACT_ROLE),
    ("Organization", "Organizations", "00D", "", user::ORGANIZATION),
    ("PermissionSet", "Permission Sets", "0PS", "", user::PERMISSION_SET),
    (ASSIGNMENT, "Permission Set Assignments", "0Pa", "", user::PERMISSION_SET_ASSIGNMENT),
    ("Task", "Tasks", "00T", "wusr", task::TASK),
    ("User", "Users", "005", "sr", user::USER),
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

/// The field that carries our uid in a sandbox: an external id, unique.
pub(super) const UID: &str = "Crm_Sync_Uid__c string 36 cuniqxsfg";
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
    /// Lays out the types and their columns and look-ups.
    pub(super) fn new(world: &mut World) -> Self {
        let mut kinds = Vec::with_capacity(KINDS.len());
        for (name, plural, prefix, flags, table) in KINDS {
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
        Self { kinds, changed_ms }
    }

    /// Adds a field in the compact form; false if the type is unknown or the line is not one.
    pub(super) fn add(&mut self, world: &mut World, kind: &str, line: &str) -> bool {
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
