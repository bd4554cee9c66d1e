//! The accounts as their users see them, and what it means that they agree.

use std::collections::{BTreeMap, BTreeSet};

use crm::core::{FieldType, Normalizer};
use serde_json::{Value, json};

use crate::desk::Desk;

/// The fields that both have: HubSpot's name, Salesforce's, and how values compare.
const FIELDS: [(&str, &str, FieldType); 12] = [
    ("firstname", "FirstName", FieldType::Text),
    ("lastname", "LastName", FieldType::Text),
    ("email", "Email", FieldType::Email),
    ("phone", "Phone", FieldType::Phone),
    ("mobilephone", "MobilePhone", FieldType::Phone),
    ("company", "Company_Text__c", FieldType::Text),
    ("jobtitle", "Title", FieldType::Text),
    ("address", "MailingStreet", FieldType::Text),
    ("city", "MailingCity", FieldType::Text),
    ("state", "MailingState", FieldType::Text),
    ("zip", "MailingPostalCode", FieldType::Text),
    ("country", "MailingCountry", FieldType::Text),
];

/// One of the two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    HubSpot,
    Salesforce,
}

pub(crate) use Account::{HubSpot, Salesforce};

impl Account {
    pub(crate) fn name(self) -> &'static str {
        match self {
            HubSpot => "hubspot",
            Salesforce => "salesforce",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            HubSpot => "contacts",
            Salesforce => "Contact",
        }
    }

    /// Returns this account's name of a field that has that name in HubSpot.
    fn field(self, hubspot: &'static str) -> &'static str {
        let row = FIELDS.iter().find(|row| row.0 == hubspot).unwrap();
        match self {
            HubSpot => row.0,
            Salesforce => row.1,
        }
    }

    fn uid(self) -> &'static str {
        match self {
            HubSpot => "crm_sync_uid",
            Salesforce => "Crm_Sync_Uid__c",
        }
    }
}

/// A contact as the control interface shows it.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    account: Account,
    pub(crate) id: String,
    fields: Value,
}

impl Contact {
    /// Returns the text of a field by its name in HubSpot; empty if it is blank.
    pub(crate) fn get(&self, hubspot: &'static str) -> &str {
        self.fields[self.account.field(hubspot)].as_str().unwrap_or_default()
    }

    fn uid(&self) -> Option<&str> {
        self.fields[self.account.uid()].as_str().filter(|uid| !uid.is_empty())
    }
}

impl Desk {
    /// Returns the live contacts of an account.
    pub(crate) fn contacts(&self, account: Account) -> Vec<Contact> {
        let path = format!("/{}/records/{}", account.name(), account.kind());
        let records = self.ask("GET", &path, &Value::Null);
        let contact = |record: &Value| Contact {
            account,
            id: record["id"].as_str().unwrap().to_owned(),
            fields: record["fields"].clone(),
        };
        records.as_array().unwrap().iter().map(contact).collect()
    }

    /// Returns the contact with that address.
    pub(crate) fn contact(&self, account: Account, email: &str) -> Option<Contact> {
        self.contacts(account).into_iter().find(|contact| contact.get("email") == email)
    }

    /// Changes one field of the contact with that address, as a user of the account would.
    #[track_caller]
    pub(crate) fn edit(&self, account: Account, email: &str, field: &'static str, text: &str) {
        let id = self.contact(account, email).unwrap().id;
        let path = format!("/{}/records/{}/{id}", account.name(), account.kind());
        self.ask("PATCH", &path, &json!({ account.field(field): text }));
    }

    /// Deletes the contact with that address, as a user of the account would.
    #[track_caller]
    pub(crate) fn delete(&self, account: Account, email: &str) {
        let id = self.contact(account, email).unwrap().id;
        let path = format!("/{}/records/{}/{id}", account.name(), account.kind());
        self.ask("DELETE", &path, &Value::Null);
    }

    /// Gives contacts of HubSpot one change time, the present, and one new value.
    pub(crate) fn touch(&self, ids: &Value, field: &'static str, text: &str) {
        let now = self.ask("GET", "", &Value::Null)["now"].clone();
        let kind = HubSpot.kind();
        let body = json!({ "kind": kind, "ids": ids, "at": now, "fields": { field: text } });
        self.ask("POST", "/hubspot/touch", &body);
    }

    /// Returns the addresses of people who are in both accounts.
    pub(crate) fn shared(&self) -> Vec<String> {
        let address = |contact: Contact| contact.get("email").to_owned();
        let there: BTreeSet<String> = self.contacts(Salesforce).into_iter().map(address).collect();
        let here = self.contacts(HubSpot).into_iter().map(address);
        here.filter(|email| there.contains(email)).collect()
    }

    /// Checks that everybody is once on each side with the same values, people without a last
    /// name aside, whom Salesforce does not take; returns how many people there are.
    #[track_caller]
    pub(crate) fn agree(&self) -> usize {
        let (here, there) = (self.contacts(HubSpot), self.contacts(Salesforce));
        let (left, right) = (unique(&here), unique(&there));
        let mut apart = Vec::new();
        for (email, contact) in &left {
            if contact.get("lastname").is_empty() {
                continue;
            }
            let Some(other) = right.get(email) else {
                apart.push(format!("{email} is missing in Salesforce"));
                continue;
            };
            for (field, _, ty) in FIELDS {
                let form = |text: &str| Normalizer::default().text(ty, text);
                if form(contact.get(field)) != form(other.get(field)) {
                    let values = (contact.get(field), other.get(field));
                    apart.push(format!("{email}: {field} differs: {values:?}"));
                }
            }
        }
        for email in right.keys().filter(|email| !left.contains_key(*email)) {
            apart.push(format!("{email} is missing in HubSpot"));
        }
        assert!(apart.is_empty(), "{} apart: {:#?}", apart.len(), &apart[..apart.len().min(5)]);
        left.len()
    }
}

/// Checks that every address and every uid is there once, and returns contacts by address.
#[track_caller]
fn unique(contacts: &[Contact]) -> BTreeMap<String, &Contact> {
    let mut by_email = BTreeMap::new();
    let mut uids = BTreeSet::new();
    for contact in contacts {
        let email = contact.get("email").to_lowercase();
        assert!(!email.is_empty(), "{contact:?}");
        let before = by_email.insert(email, contact);
        assert!(before.is_none(), "twice: {before:?} and {contact:?}");
        if let Some(uid) = contact.uid() {
            assert!(uids.insert(uid), "uid {uid} is there twice: {contact:?}");
        }
    }
    by_email
}
