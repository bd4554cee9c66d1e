//! Property definitions: what they are and how they are written.

use serde_json::{Value, json};

use super::time::iso;

/// One choice of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) display_order: i64,
    pub(super) hidden: bool,
}

/// Who may set a property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Clients.
    Open,
    /// Only the CRM.
    ReadOnly,
    /// Nobody: it is computed.
    Calculated,
}

/// Where an enumeration's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Its own options, or any text.
    Own,
    /// Pipelines, stages or owners.
    External,
}

/// Who defined a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The vendor.
    Vendor,
    /// The account.
    Account,
}

/// One property of a type of record.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) kind: String,
    pub(super) field: String,
    pub(super) group: String,
    pub(super) description: String,
    pub(super) choices: Vec<Choice>,
    pub(super) access: Access,
    pub(super) values: Values,
    pub(super) origin: Origin,
    pub(super) unique: Uniqueness,
    pub(super) display_order: i64,
    pub(super) form_field: bool,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) archived_ms: Option<i64>,
}

/// Whether two records may hold the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uniqueness {
    /// They may.
    Shared,
    /// They may not; the property identifies a record.
    Unique,
}

impl Property {
    /// Returns whether several choices may be held at once.
    pub(super) fn holds_many(&self) -> bool {
        self.kind == "enumeration" && self.field == "checkbox"
    }

    /// Returns the definition as the vendor writes it.
    pub(super) fn to_json(&self) -> Value {
        let choices: Vec<Value> = self
            .choices
            .iter()
            .map(|choice| {
                json!({
                    "label": choice.label,
                    "value": choice.value,
                    "displayOrder": choice.display_order,
                    "hidden": choice.hidden,
                })
            })
            .collect();
        let mut row = json!({
            "name": self.name,
            "label": self.label,
            "type": self.kind,
            "fieldType": self.field,
            "description": self.description,
            "groupName": self.group,
            "options": choices,
            "displayOrder": self.display_order,
            "calculated": self.access == Access::Calculated,
            "externalOptions": self.values == Values::External,
            "archived": self.archived_ms.is_some(),
            "hasUniqueValue": self.unique == Uniqueness::Unique,
            "hidden": false,
            "modificationMetadata": {
                "archivable": self.origin == Origin::Account,
                "readOnlyDefinition": self.origin == Origin::Vendor,
                "readOnlyValue": self.access != Access::Open,
            },
            "formField": self.form_field,
            "dataSensitivity": "non_sensitive",
            "createdAt": iso(self.created_ms),
            "updatedAt": iso(self.updated_ms),
        });
        if let Some(map) = row.as_object_mut() {
            match self.origin {
                Origin::Vendor => {
                    map.insert("hubspotDefined".to_owned(), json!(true));
                }
                Origin::Account => {
                    map.insert("createdUserId".to_owned(), json!("1001"));
                    map.insert("updatedUserId".to_owned(), json!("1001"));
                }
            }
            if let Some(at_ms) = self.archived_ms {
                map.insert("archivedAt".to_owned(), json!(iso(at_ms)));
            }
        }
        row
    }
}

/// A group that properties are shown in.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) display_order: i64,
}

impl Group {
    /// Returns the group as the vendor writes it.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "label": self.label,
            "displayOrder": self.display_order,
            "archived": false,
        })
    }
}
