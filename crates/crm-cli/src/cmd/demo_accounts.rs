//! The two accounts of the demo, seen as their own users see them: through the fakes' records,
//! never through our store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm::core::{Region, normal};
use crm_testkit::fake::{Bin, Fake, Fields};
use serde_json::Value;

use crate::error::Failure;

/// The mapped fields: ours, HubSpot's, Salesforce's name.
pub(crate) const FIELDS: &[(&str, &str, &str)] = &[
    ("first_name", "firstname", "FirstName"),
    ("last_name", "lastname", "LastName"),
    ("email", "email", "Email"),
    ("phone", "phone", "Phone"),
    ("mobile_phone", "mobilephone", "MobilePhone"),
    ("company", "company", "Company_Text__c"),
    ("job_title", "jobtitle", "Title"),
    ("street", "address", "MailingStreet"),
    ("city", "city", "MailingCity"),
    ("state", "state", "MailingState"),
    ("postal_code", "zip", "MailingPostalCode"),
    ("country", "country", "MailingCountry"),
];

/// One account.
#[derive(Debug)]
pub(crate) struct AccountView {
    fake: Arc<dyn Fake>,
    kind: &'static str,
    column: fn(&(&'static str, &'static str, &'static str)) -> &'static str,
}

/// A record: id, and values by our names, blanks left out.
pub(crate) type Seen = (String, BTreeMap<&'static str, String>);

impl AccountView {
    pub(crate) fn hubspot(fake: Arc<dyn Fake>) -> Self {
        Self { fake, kind: "contacts", column: |row| row.1 }
    }

    pub(crate) fn salesforce(fake: Arc<dyn Fake>) -> Self {
        Self { fake, kind: "Contact", column: |row| row.2 }
    }

    /// Returns all live contacts.
    pub(crate) fn contacts(&self) -> Result<Vec<Seen>, Failure> {
        let records = self.fake.records(self.kind, Bin::Live).map_err(refused)?;
        Ok(records.iter().map(|record| self.read(record)).collect())
    }

    fn read(&self, record: &Value) -> Seen {
        let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let value = |row| {
            let text = record.get("fields")?.get((self.column)(row))?.as_str()?;
            let text = text.trim();
            (!text.is_empty()).then(|| (row.0, text.to_owned()))
        };
        (id, FIELDS.iter().filter_map(value).collect())
    }

    /// Changes one field as a user of the CRM would.
    pub(crate) fn edit(&self, id: &str, field: &str, text: &str) -> Result<(), Failure> {
        let row = FIELDS.iter().find(|row| row.0 == field);
        let name = row.map(self.column).unwrap_or_default().to_owned();
        let fields: Fields = [(name, Value::String(text.to_owned()))].into_iter().collect();
        self.fake.patch(self.kind, id, &fields).map_err(refused)
    }
}

fn refused(refusal: crm_testkit::fake::Refusal) -> Failure {
    Failure::new(format!("the fake refused: {refusal}"), "this is a bug; please report it")
}

/// Returns what differs between two accounts, one line each: people who are on one side only,
/// and fields with different values (in normal form). `excused` are people without a last name,
/// whom Salesforce does not take.
pub(crate) fn differences(left: &[Seen], right: &[Seen]) -> (Vec<String>, usize) {
    let by_email = |seen: &'_ [Seen]| -> BTreeMap<String, BTreeMap<&'static str, String>> {
        let key = |values: &BTreeMap<&'static str, String>| {
            let text = |name| values.get(name).cloned().unwrap_or_default();
            let email = normal::email(&text("email")).into_owned();
            if email.is_empty() { text("phone") } else { email }
        };
        seen.iter().map(|(_, values)| (key(values), values.clone())).collect()
    };
    let (left, right) = (by_email(left), by_email(right));
    let mut told = Vec::new();
    let mut excused = 0;
    for (email, values) in &left {
        match right.get(email) {
            Some(other) => told.extend(fields_apart(email, values, other)),
            None if !values.contains_key("last_name") => excused += 1,
            None => told.push(format!("{email} is missing on the second side")),
        }
    }
    let missing = right.keys().filter(|email| !left.contains_key(*email));
    told.extend(missing.map(|email| format!("{email} is missing on the first side")));
    (told, excused)
}

fn fields_apart(
    email: &str,
    left: &BTreeMap<&'static str, String>,
    right: &BTreeMap<&'static str, String>,
) -> Vec<String> {
    let form = |name: &str, text: Option<&String>| {
        let text = text.map(String::as_str).unwrap_or_default();
        match name {
            "email" => normal::email(text).into_owned(),
            "phone" | "mobile_phone" => normal::phone(text, Region::GB).into_owned(),
            _ => normal::text(text).into_owned(),
        }
    };
    FIELDS
        .iter()
        .filter(|(name, _, _)| form(name, left.get(name)) != form(name, right.get(name)))
        .map(|(name, _, _)| format!("{email}: {name} differs"))
        .collect()
}
