//! The types of record: names, numbers, default properties.

use super::fail::Fail;

/// One type of record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// As paths spell it.
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) type_id: &'static str,
    /// In error messages.
    pub(super) title: &'static str,
    /// The property with the time of creation.
    pub(super) created: &'static str,
    /// The property with the time of the last change.
    pub(super) modified: &'static str,
    /// What an answer shows when no properties are asked for.
    pub(super) defaults: &'static [&'static str],
    /// What scopes call it; activities ride on the scopes of contacts.
    pub(super) scope: &'static str,
    /// A create needs one of these.
    pub(super) needs: &'static [&'static str],
}

impl Kind {
    /// Returns whether two records can become one.
    pub(super) fn merges(&self) -> bool {
        matches!(self.plural, "contacts" | "companies" | "deals")
    }

    /// Returns whether it is a task, note, meeting, call or e-mail.
    pub(super) fn is_activity(&self) -> bool {
        !self.merges()
    }
}

const ACTIVITY: &[&str] = &["hs_createdate", "hs_lastmodifieddate", "hs_object_id"];

const fn activity(
    plural: &'static str,
    singular: &'static str,
    type_id: &'static str,
    title: &'static str,
) -> Kind {
    Kind {
        plural,
        singular,
        type_id,
        title,
        created: "hs_createdate",
        modified: "hs_lastmodifieddate",
        defaults: ACTIVITY,
        scope: "contacts",
        needs: &["hs_timestamp"],
    }
}

/// All types that the fake holds.
pub(super) static KINDS: [Kind; 8] = [
    Kind {
        plural: "contacts",
        singular: "contact",
        type_id: "0-1",
        title: "Contact",
        created: "createdate",
        modified: "lastmodifieddate",
        defaults: &[
            "createdate",
            "email",
            "firstname",
            "hs_object_id",
            "lastmodifieddate",
            "lastname",
        ],
        scope: "contacts",
        needs: &["email", "firstname", "lastname"],
    },
    Kind {
        plural: "companies",
        singular: "company",
        type_id: "0-2",
        title: "Company",
        created: "createdate",
        modified: "hs_lastmodifieddate",
        defaults: &["createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"],
        scope: "companies",
        needs: &["name", "domain"],
    },
    Kind {
        plural: "deals",
        singular: "deal",
        type_id: "0-3",
        title: "Deal",
        created: "createdate",
        modified: "hs_lastmodifieddate",
        defaults: &[
            "amount",
            "closedate",
            "createdate",
            "dealname",
            "dealstage",
            "hs_lastmodifieddate",
            "hs_object_id",
            "pipeline",
        ],
        scope: "deals",
        needs: &[],
    },
    activity("tasks", "task", "0-27", "Task"),
    activity("notes", "note", "0-46", "Note"),
    activity("meetings", "meeting", "0-47", "Meeting"),
    activity("calls", "call", "0-48", "Call"),
    activity("emails", "email", "0-49", "Email"),
];

impl Kind {
    /// Returns the type of a name: plural, singular or number.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| {
            kind.plural.eq_ignore_ascii_case(name)
                || kind.singular.eq_ignore_ascii_case(name)
                || kind.type_id == name
        })
    }

    /// Returns the type of a name in a path, or the vendor's refusal.
    pub(super) fn in_path(name: &str) -> Result<&'static Self, Fail> {
        Self::named(name)
            .ok_or_else(|| Fail::new(400, format!("Unable to infer object type from: {name}")))
    }

    /// Returns the address of a record in the vendor's pages.
    pub(super) fn url(&self, portal: u64, key: u64) -> String {
        let host = "https://app.hubspot.example";
        match self.plural {
            "contacts" | "companies" | "deals" => {
                format!("{host}/contacts/{portal}/record/{}/{key}", self.type_id)
            }
            "tasks" => format!("{host}/tasks/{portal}/view/all/task/{key}"),
            _ => format!("{host}/contacts/{portal}/objects/{}/views/all/list", self.type_id),
        }
    }
}
